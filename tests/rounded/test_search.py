"""The search, and the command: arithmetics in which all is proved, a wrong token, and none found."""

from __future__ import annotations

import json

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.assessment import BetaError
from exactformer.verify.rounded.order import Order
from exactformer.verify.rounded.search import candidates, search, standing_of
from exactformer.verify.verdict import Verdict
from tests.command_line.invoking import invoke

REWRITE = load_machine("rewrite")


def test_what_is_proved_is_not_run() -> None:
    found = search([REWRITE, load_machine("reverse")], parse_arithmetic("fused:bf16"), 256)
    assert found.verdict is Verdict.PROVED
    assert found.attempts == ()
    # No cell is written more than 4 times, and 28 would be fine.
    assert search([load_machine("increment")], parse_arithmetic("rounded:e5m2"), 256).verdict is Verdict.PROVED


def test_the_standing_is_that_of_the_audit_or_of_the_beta_given() -> None:
    model = parse_arithmetic("rounded:e5m2")
    chosen = standing_of(REWRITE, model, 512)
    assert (chosen.beta, chosen.writes, chosen.row.most.bound) == (16, 28, 512)
    assert standing_of(REWRITE, model, 512, 16).writes == 28
    assert standing_of(REWRITE, model, 512, 8).writes == 0
    with pytest.raises(BetaError, match="too large"):
        standing_of(REWRITE, model, 512, 1 << 40)


def test_candidates_write_more_and_more_and_fit() -> None:
    writes = [one.writes for one in candidates(REWRITE, 256)]
    assert writes == sorted(set(writes))
    assert writes[-1] > 40
    assert all(one.tokens <= 256 for one in candidates(REWRITE, 256))


def test_the_run_that_is_found_is_the_shortest_of_those_that_go_wrong() -> None:
    found = search([REWRITE], parse_arithmetic("rounded:e5m2"), 512, most_tokens=1200)
    assert found.verdict is Verdict.REFUTED
    wrong = found.found
    assert wrong is not None
    assert (len(wrong.candidate.run.word), wrong.candidate.tokens, wrong.order) == (39, 159, Order.LEFT_TO_RIGHT)
    assert wrong.candidate.tokens < found.attempts[0].candidate.tokens
    assert all(one.candidate.writes > 28 for one in found.attempts)


def test_only_one_order_of_sums_goes_wrong() -> None:
    """Sums of ones that are both stuck at 16 have the quotient 1; a denominator summed as a tree is 18."""
    model = parse_arithmetic("fused:e4m3fn/e4m3fn/e4m3fn")
    run = trace(REWRITE, "1" * 25)
    found = search([REWRITE], model, 512, beta=16, also=[run], only_given=True)
    first, second = found.attempts
    assert (first.order, first.differs) == (Order.LEFT_TO_RIGHT, False)
    assert second.order is Order.PAIRWISE_DENOMINATOR
    assert found.found is second


def test_runs_beyond_the_effort_are_counted_not_computed() -> None:
    found = search([REWRITE], parse_arithmetic("rounded:bf16"), 1024, most_tokens=300)
    assert found.left_out > 0
    assert sum(one.candidate.tokens for one in found.attempts) <= 300
    assert all(one.candidate.writes > 60 for one in found.attempts)  # with fewer no token is wrong
    assert found.found is None


def test_a_value_that_overflows_ends_the_run_and_is_no_wrong_token() -> None:
    model = parse_arithmetic("fused:fixed4/fixed4.3/fixed4")
    found = search([REWRITE], model, 256, beta=16, also=[trace(REWRITE, "1" * 12)], only_given=True)
    assert [one.comparison for one in found.attempts] == [None, None]
    assert "fixed4.3" in (found.attempts[0].failure or "")
    assert found.found is None


ENDS = {
    "wrong token": (
        "--arithmetic rounded:e5m2 --context 512 --machine rewrite --tokens 1000",
        1,
        "token    94: expected",
    ),
    "proved": (
        "--arithmetic fused:bf16 --context 512",
        0,
        "PROVED\nfused:bf16/fp32/bf16, contexts of 512 tokens: there is no wrong token",
    ),
    "proved for the machine": ("--arithmetic rounded:e5m2 --context 512 --machine increment", 0, "PROVED\n"),
    "activations only": ("--arithmetic rounded:bf16 --context 256 --machine rewrite", 3, "255/256 and should be 1"),
    "one word": (
        f"--arithmetic rounded:bf16 --context 256 --machine rewrite --input {'1' * 5}",
        3,
        "activations differ in 0 of the runs",
    ),
    "steps that are not computed": ("--arithmetic exact --context 256", 4, ""),
    "a word that does not fit": ("--arithmetic rounded:bf16 --context 8 --machine rewrite --input 1111111", 2, ""),
    "a context that holds no run": ("--arithmetic rounded:bf16 --context 4", 2, ""),
    "a word without a machine": ("--arithmetic rounded:bf16 --context 256 --input 1", 2, ""),
    "no power of two": ("--arithmetic rounded:bf16 --context 256 --beta 3", 2, ""),
    "too large a beta": ("--arithmetic rounded:fp16 --context 256 --beta 1099511627776", 2, ""),
    "no arithmetic": ("--arithmetic rounded:bf17 --context 256", 2, ""),
    "no machine": ("--arithmetic rounded:bf16 --context 256 --machine rewrit", 2, ""),
    "no input symbol": ("--arithmetic rounded:bf16 --context 256 --machine rewrite --input a", 2, ""),
}


@pytest.mark.parametrize("title", ENDS)
def test_how_the_command_ends(title: str) -> None:
    arguments, code, says = ENDS[title]
    outcome = invoke("counterexample", *arguments.split())
    assert outcome.code == code, outcome
    assert says in outcome.out
    if code in (2, 4):
        assert outcome.out == ""
        assert outcome.err.startswith("Error: ")
        assert len(outcome.err.splitlines()) == 1


def test_what_a_verdict_rests_on_is_said() -> None:
    few = ("--arithmetic", "rounded:bf16", "--context", "128", "--machine")
    proved, tried = (
        invoke("counterexample", *few, *machine).out for machine in (("increment",), ("rewrite", "--input", "1"))
    )
    assert proved.startswith("PROVED\n")
    assert "increment writes no cell more than 4 times" in proved.split("\nassumed\n")[0].split("\nproved\n")[1]
    assert "Look-up heads separate by 2" in proved.split("\nassumed\n")[1]
    assert tried.startswith("INCONCLUSIVE\n")
    assert "1 run, " in tried.split("\nchecked on these runs\n")[1]


def test_json_says_the_same() -> None:
    arguments = ["--arithmetic", "rounded:e5m2", "--context", "512", "--machine", "rewrite", "--json", "--input"]
    outcome = invoke("counterexample", *arguments, "1" * 39)
    assert outcome.code == 1
    document = json.loads(outcome.out)
    assert (document["verdict"], document["arithmetic"], document["context"]) == (
        "refuted",
        "rounded:e5m2/e5m2",
        "512",
    )
    wrong = document["counterexample"]
    assert (wrong["machine"], wrong["input"], wrong["beta"]) == ("rewrite", "1" * 39, "16")
    assert wrong["wrong"] == {
        "token": 94,
        "expected": "RUN(sweep 1 _ R S)",
        "generated": "RUN(sweep 1 1 R S)",
        "margin": "2",
    }
    assert wrong["first_difference"]["heads"] == [{"head": "written_2", "maximisers": 29, "visible": 94, "gap": 1}]
    assert document["tried"] == [wrong]
