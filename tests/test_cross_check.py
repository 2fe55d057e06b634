"""Emitter and checker share no code: on random machines they have to come to the same numbers."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from benchmarks.arithmetics import CONTEXTS, GRID, softmax_part
from exactformer.certificates import theory_certificate
from exactformer.certificates.certify import Request, certify
from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.refutation import enclosed
from exactformer.certificates.checker.runs import Gap, Seen
from exactformer.certificates.checker.softmax import cases
from exactformer.certificates.checker.softmax.model import largest_admitted, parse_model
from exactformer.certificates.checker.softmax.model import separation_of_scores as their_separation
from exactformer.certificates.checker.theory import check as theory_check
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import COT
from exactformer.verify.arithmetic import ties as prover_ties
from exactformer.verify.arithmetic.kernels import KERNELS
from exactformer.verify.arithmetic.models import (
    ModelError,
    effective_separation,
    largest_beta_exponent,
    parse_arithmetic,
)
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.softmax import HeadFacts, Holds, decide, smallest_beta
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.sweep import draw_case
from tests.arithmetic.test_heads import BETAS, histogram, random_model, random_plain, random_positions
from tests.effort import counting_roundings

pytestmark = pytest.mark.usefixtures("walked_once")

ARITHMETICS = (
    "fused:bf16",
    "fused:e4m3fn/fp16/bf16",
    "fused:fp16/fp32/e5m2",
    "rounded:bf16",
    "rounded:fp16",
    "rounded:fp32/bf16",
    "rounded:e5m2",
    "rounded:fixed12/fp16",
    "rounded:float(5,-20,20)/bf16",
    "exact",
    "rounded:bf16/bf16+head256",
    "fused:bf16@e5m2+once",
    *(kernel.arithmetic for kernel in KERNELS.values()),
    "fused:bf16+head256+exp20-one+online3+faithful+divide+truncate",
    "fused:e4m3fn/fp16/bf16+online64+wide",
    "rounded:fixed12/fp32/fp16+exp5+truncate",
)


GIVEN = (None, None, 1, 4, 1 << 6)
"""Beta; None: the smallest power of two that certifies."""


def drawn_beta(paradigm: Paradigm, arithmetic: str) -> int | None:
    """One after the other, so that every beta is given in each paradigm."""
    return GIVEN[(ARITHMETICS.index(arithmetic) + (paradigm is Paradigm.SCOT)) % len(GIVEN)]


@pytest.mark.slow
@pytest.mark.parametrize("paradigm", list(Paradigm), ids=lambda paradigm: paradigm.value)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_checker_agrees_on_a_random_machine(paradigm: Paradigm, arithmetic: str, tmp_path: Path) -> None:
    run = draw_case(seed=1, index=random.Random(f"{paradigm.value}/{arithmetic}").randrange(10_000)).run
    beta = drawn_beta(paradigm, arithmetic)
    made = certify(Request(run.machine, Inputs([run.word], paradigm=paradigm), parse_arithmetic(arithmetic), beta))
    (tmp_path / made.weights_name).write_bytes(made.weights)
    (tmp_path / "certificate.json").write_bytes(made.bytes)
    (tmp_path / "machine.yaml").write_text(write_machine(run.machine), encoding="utf-8")
    valid = check_certificate(tmp_path / "certificate.json", tmp_path / "machine.yaml")
    assert valid.verdict == made.certificate.verdict
    assert valid.claim == made.certificate.statement.claim


def test_every_beta_is_given_in_both_paradigms() -> None:
    for paradigm in Paradigm:
        assert {drawn_beta(paradigm, arithmetic) for arithmetic in ARITHMETICS} == set(GIVEN)


@pytest.mark.parametrize("part", range(4))
def test_what_the_prover_shows_the_checker_shows(part: int) -> None:
    """Runs, all inputs, single queries: ARITHMETIC, implemented twice. Hardly ever one of them shows more."""
    rng, enclosures, held, more = random.Random(f"cross {part}"), 0, 0, 0
    for number in range(200):
        model = (random_model if number % 3 else random_plain)(rng)
        theirs = parse_model("arithmetic", model.text)
        context, separation = rng.choice((1, 2, 3, 7, 24, 60, 300, 1 << 13, 1 << 20, 1 << 40)), rng.choice((1, 2, 5))
        e = BETAS[rng.randrange(len(BETAS))].bit_length() - 1 + rng.choice((0, 0, 4))
        ties = tuple(sorted({rng.randint(1, min(context, 70)) for _ in range(rng.randrange(4))}))
        facts, each = HeadFacts(separation, ties, context), tuple((m, m) for m in ties)

        def theirs_hold(at: int, ranges: tuple[tuple[int, int], ...]) -> bool:
            return cases.holds(theirs, context, separation, ranges, at)  # noqa: B023

        mine, checked = isinstance(decide(model, facts, 1 << e), Holds), theirs_hold(e, each)
        assert checked or not mine, (model.text, facts, e)
        least = smallest_beta(model, facts, 16)
        assert least is None or theirs_hold(least.bit_length() - 1, each), (model.text, facts)
        most = min(context, rng.choice((1, 5, 100, 1 << 14)))
        up_to = decide_ties(model, TieFacts(separation, most, context), 1 << e).up_to
        assert not up_to or theirs_hold(e, ((1, up_to),)), (model.text, context, separation, up_to, e)
        held, more = held + mine, more + (checked and not mine)
        visible = rng.randint(1, 12)
        gaps = histogram(random_positions(rng, separation, rng.randint(1, visible), visible, rng.choice((-1, 0, 1))))
        asked: tuple[Gap, ...] = tuple(
            (gap, (minus, n - plus - minus, plus)) for gap, (n, plus, minus) in sorted(gaps.items())
        )
        try:
            low, high = evaluate_query(model, 1 << e, gaps)
        except NotShown:
            continue
        below, above = enclosed("output", theirs, Seen(1, 0, asked), e)
        assert low <= below <= above <= high, (model.text, asked, e)
        enclosures += 1
    assert enclosures > 100
    assert held > 30
    assert more < 5


def test_a_query_that_the_checker_does_not_bound_is_rejected() -> None:
    overflowing = parse_model("arithmetic", "fused:fixed4.1/fixed4.1/bf16")
    with pytest.raises(Rejected, match=r"cannot be bounded at beta = 2\^3: a sum of 2 terms may overflow fixed4\.1"):
        enclosed("output", overflowing, Seen(2, 1, ((0, (0, 0, 2)),)), 3)


def test_the_checker_admits_the_same_beta_and_keeps_the_same_scores_apart() -> None:
    rng = random.Random(7)
    for _ in range(300):
        scores = rng.choice(("", "@bf16", "@e4m3fn", "@e5m2", "@fixed3.6", "@float(3,0,8)"))
        steps = "".join(
            rng.choice(("", *one)) for one in (["+linearbf16"], ["+head64", "+head256"], ["+once"], ["+wide"])
        )
        model = parse_arithmetic(f"fused:{rng.choice(('bf16', 'e4m3fn'))}{scores}{steps}")
        theirs, largest = parse_model("arithmetic", model.text), rng.randint(1, 64)
        try:
            admitted = largest_beta_exponent(model, largest)
        except ModelError:
            assert largest_admitted(theirs, largest) is None, (model.text, largest)
            continue
        assert largest_admitted(theirs, largest) == admitted, (model.text, largest)
        separation = rng.randint(1, 2 * largest + 3)
        assert effective_separation(model, separation, largest) == their_separation(theirs, largest, separation)


FEW = 1_500
"""Numbers that are rounded in some hundredths of a second."""


@pytest.mark.parametrize("arithmetic", GRID)
def test_a_check_rounds_no_more_numbers_than_the_certificate_did(
    arithmetic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The softmax part, for ties up to the context; `softmax_part` sees that what is said to hold is shown to."""
    monkeypatch.setattr(cases, "MOST_QUERIES", 2**9)
    monkeypatch.setattr(prover_ties, "MOST_QUERIES", 2**9)
    for r in CONTEXTS:
        part = softmax_part(arithmetic, r)
        assert part.check_rounded <= max(part.certify_rounded, FEW), part
        assert part.certify_rounded < 1 << 16, part


WRITTEN = (
    "rounded:fixed60/bf16",
    "rounded:fp16/bf16",
    "rounded:e5m2/bf16",
    "fused:e4m3fn/float(4,-9,3)/bf16",
    "rounded:fixed24/fp32/fp16+exp2-one",
    "fused:bf16/fp32/bf16+head256+exp20-one+online512+wide+reciprocal",
)


@cache
def proved() -> Walked:
    """What is proved of the hardmax transformer, where nothing is rounded: once for all arithmetics."""
    return prove(*UniversalRequest(load_machine("copy"), EveryRun(16), parse_arithmetic(WRITTEN[0])).built)


@pytest.mark.parametrize("arithmetic", WRITTEN)
def test_whole_certificates_are_checked_with_no_more_roundings_than_they_took(
    arithmetic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theory_certificate, "prove", lambda *_, **__: proved())
    monkeypatch.setattr(theory_check, "walk", lambda *_, **__: proved())
    with counting_roundings() as made:
        bundle = certify_all(UniversalRequest(load_machine("copy"), EveryRun(16), parse_arithmetic(arithmetic))).made
    (tmp_path / bundle.weights_name).write_bytes(bundle.weights)
    (tmp_path / "certificate.json").write_bytes(bundle.bytes)
    with counting_roundings() as checked:
        valid = theory_check.check_theory(tmp_path / "certificate.json", COT.encode())
    assert valid.verdict == bundle.verdict.value
    assert 0 < checked.check <= max(made.certify, FEW)
    assert (made.check, checked.certify) == (0, 0)
