"""The facade: what proves, what refutes, what is unknown; that nobody else makes a Proved or imports z3."""

from __future__ import annotations

import dataclasses
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactformer.verify import solver
from exactformer.verify.solver import (
    ForgedProof,
    Formula,
    ModelIncomplete,
    Proved,
    Refuted,
    Term,
    Unknown,
    VariableError,
    all_of,
    any_of,
    at_most,
    boolean,
    constant,
    equal,
    equivalent,
    implies,
    integer,
    negation,
    prove,
    select,
    total,
    value_of,
    weighted_total,
)

ROOT = Path(__file__).parents[1]
x, y, b, c = integer("x"), integer("y"), boolean("b"), boolean("c")
relu = select(at_most(0, x), x, 0)

TRUE_CLAIMS: dict[str, tuple[Formula, list[Formula]]] = {
    "empty conjunction": (all_of([]), []),
    "excluded middle": (any_of([b, negation(b)]), []),
    "implication under its premise": (c, [b, implies(b, c)]),
    "relu is not negative": (at_most(0, relu), []),
    "relu is x where x >= 0": (equal(relu, x), [at_most(0, x)]),
    "weights": (equal(weighted_total([(2, x), (-1, y)]), total([x, x, weighted_total([(-1, y)])])), []),
    "sum of nothing": (equal(total([]), constant(0)), []),
    "contradictory assumptions": (any_of([]), [b, negation(b)]),
    "equivalence": (equal(select(b, 1, 0), select(c, 1, 0)), [equivalent(b, c)]),
}
FALSE_CLAIMS: dict[str, tuple[Formula, list[Formula]]] = {
    "empty disjunction": (any_of([]), []),
    "a variable": (b, []),
    "relu is x": (equal(relu, x), []),
    "one assumption short": (at_most(x, 3), [at_most(x, 4)]),
    "equivalence": (equivalent(b, c), [any_of([b, c])]),
}


@pytest.mark.parametrize("title", TRUE_CLAIMS)
def test_proves(title: str) -> None:
    claim, assumptions = TRUE_CLAIMS[title]
    verdict = prove(claim, assumptions)
    assert isinstance(verdict, Proved)
    assert verdict.claim is claim
    assert verdict.assumptions == tuple(assumptions)
    assert verdict.statistics.solver.startswith("z3 ")
    assert len(verdict.statistics.query_sha256) == 64


@pytest.mark.parametrize("title", FALSE_CLAIMS)
def test_refutes_with_a_model_that_evaluation_confirms(title: str) -> None:
    claim, assumptions = FALSE_CLAIMS[title]
    verdict = prove(claim, assumptions)
    assert isinstance(verdict, Refuted)
    assert not value_of(claim, verdict.model)
    assert all(value_of(assumption, verdict.model) for assumption in assumptions)


def pigeonhole(holes: int) -> Formula:
    """One pigeon too many: some two share a hole. Hard for solvers of this kind."""
    sits = [[boolean(f"sits_{p}_{h}") for h in range(holes)] for p in range(holes + 1)]
    everybody_sits = all_of(any_of(row) for row in sits)
    shared = any_of(all_of([sits[p][h], sits[q][h]]) for h in range(holes) for p in range(holes + 1) for q in range(p))
    return implies(everybody_sits, shared)


def test_a_timeout_is_unknown() -> None:
    verdict = prove(pigeonhole(13), budget_seconds=0.05)
    assert isinstance(verdict, Unknown)
    assert "gave up" in verdict.reason
    assert isinstance(prove(pigeonhole(3)), Proved)


INTERRUPTED = """
import sys
from tests.test_solver import at_most, integer, pigeonhole, prove
hard, easy = pigeonhole(11), at_most(integer("x"), 3)
prove(easy)
for line in sys.stdin:
    said = ""
    try:
        print("go", flush=True)
        while said != "Unknown":
            said = type(prove(hard if line == "hard\\n" else easy, budget_seconds=60)).__name__
    except KeyboardInterrupt:
        said = "interrupted"
    print(said, flush=True)
"""


def test_an_interrupt_is_raised_and_never_made_an_answer() -> None:
    """At random moments: before, in and after calls of z3, which would take it for itself."""
    rng = random.Random(12)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for trial in range(16):
            process.stdin.write("hard\n" if trial % 2 else "easy\n")
            process.stdin.flush()
            assert process.stdout.readline() == "go\n"
            time.sleep(rng.random() / rng.choice((4, 100)))
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
        process.stdin.close()
        assert process.stderr.read() == ""


def test_an_exception_of_the_solver_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    import z3

    def broken(*_: object) -> None:
        raise z3.Z3Exception("out of order")

    monkeypatch.setattr(z3.Solver, "check", broken)
    assert prove(all_of([])) == Unknown("the solver raised Z3Exception: out of order")


@pytest.mark.parametrize("name", ["", "a|b", "a b", "a\\b", "a\n", "é"])
def test_rejects_a_variable_name_that_is_no_symbol(name: str) -> None:
    with pytest.raises(VariableError, match="not a variable name"):
        prove(boolean(name))


def test_rejects_one_name_for_two_kinds() -> None:
    with pytest.raises(VariableError, match="'x'"):
        prove(implies(boolean("x"), equal(integer("x"), 1)))


def test_no_variable_name_meets_the_names_of_parts() -> None:
    part, p0 = boolean("part"), boolean("part_0")
    assert isinstance(prove(implies(all_of([part, p0]), p0)), Proved)


def test_a_wrong_model_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "_read_model", lambda *_: {"b": True})
    verdict = prove(b)
    assert isinstance(verdict, Unknown)
    assert "does not refute" in verdict.reason


def test_a_model_that_breaks_an_assumption_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "_read_model", lambda *_: {"x": 9})
    assert isinstance(prove(at_most(x, 3), [at_most(x, 4)]), Unknown)


def test_the_hash_names_the_query() -> None:
    def hash_of(claim: Formula, *assumptions: Formula) -> str:
        verdict = prove(claim, assumptions)
        assert isinstance(verdict, Proved)
        return verdict.statistics.query_sha256

    assert hash_of(at_most(x, 4), at_most(x, 3)) == hash_of(at_most(x, 4), at_most(x, 3))
    assert hash_of(at_most(x, 4), at_most(x, 3)) != hash_of(at_most(x, 5), at_most(x, 3))
    assert hash_of(at_most(x, 4), at_most(x, 3)) != hash_of(at_most(x, 4), at_most(x, 2))


def test_nobody_forges_a_proof() -> None:
    honest = prove(all_of([]))
    assert isinstance(honest, Proved)
    make: Any = Proved
    replace: Any = dataclasses.replace
    with pytest.raises(ForgedProof):
        make(any_of([]), (), honest.statistics, None)
    with pytest.raises(TypeError):
        make(any_of([]), (), honest.statistics)
    with pytest.raises((ForgedProof, ValueError)):
        replace(honest, claim=any_of([]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(honest, "claim", any_of([]))  # noqa: B010 - mypy rightly forbids the assignment


def test_importing_the_facade_does_not_import_z3() -> None:
    program = "import sys, exactformer.verify.solver, exactformer.verify.separation; sys.exit('z3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_evaluation_needs_every_variable() -> None:
    with pytest.raises(ModelIncomplete, match="y"):
        value_of(total([x, y]), {"x": 1})


def test_evaluation_and_proof_share_what_a_chain_of_conditions_shares() -> None:
    chain: Term = x
    for _ in range(60):
        chain = select(at_most(chain, 5), total([chain, 1]), chain)
    assert value_of(chain, {"x": 0}) == 6
    assert isinstance(prove(equal(chain, 6), [equal(x, 0)], budget_seconds=600), Proved)


terms: st.SearchStrategy[Term] = st.deferred(
    lambda: st.one_of(
        st.sampled_from([x, y]),
        st.builds(constant, st.integers(-3, 3)),
        st.builds(weighted_total, st.lists(st.tuples(st.integers(-3, 3), terms), max_size=3)),
        st.builds(select, formulas, terms, terms),
    )
)
formulas: st.SearchStrategy[Formula] = st.deferred(
    lambda: st.one_of(
        st.sampled_from([b, c]),
        st.builds(negation, formulas),
        st.builds(all_of, st.lists(formulas, max_size=3)),
        st.builds(any_of, st.lists(formulas, max_size=3)),
        st.builds(at_most, terms, terms),
        st.builds(equal, terms, terms),
        st.builds(equivalent, formulas, formulas),
    )
)


@settings(max_examples=100)
@given(terms, formulas, st.integers(-3, 3), st.integers(-3, 3), st.booleans(), st.booleans())
def test_the_solver_and_plain_evaluation_agree(
    term: Term, formula: Formula, x_value: int, y_value: int, b_value: bool, c_value: bool
) -> None:
    model = {"x": x_value, "y": y_value, "b": b_value, "c": c_value}
    fixed: list[Formula] = [
        equal(x, x_value),
        equal(y, y_value),
        b if b_value else negation(b),
        c if c_value else negation(c),
    ]
    holds = formula if value_of(formula, model) else negation(formula)
    assert isinstance(prove(all_of([equal(term, value_of(term, model)), holds]), fixed), Proved)
