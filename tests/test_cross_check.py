"""Emitter and checker share no code: on random machines they have to come to the same numbers."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from exactformer.certificates.checker.arithmetic import cells, condition, largest_admitted, least_beta, parse_model
from exactformer.certificates.checker.arithmetic import separation_of_scores as their_separation
from exactformer.certificates.checker.enclosure import NoEnclosure
from exactformer.certificates.checker.steps import enclosure as composed_enclosure
from exactformer.certificates.checker.ties import outcome
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.composed import NotShown

from benchmarks.arithmetics import CONTEXTS, GRID, softmax_part
from exactformer.certificates import theory_certificate
from exactformer.certificates.certify import Request, certify
from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.checker import ties as checker_ties
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.formats import Overflow, Scaled
from exactformer.certificates.checker.theory import check as theory_check
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import COT
from exactformer.verify.arithmetic import at_once
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.kernels import KERNELS
from exactformer.verify.arithmetic.models import (
    ModelError,
    effective_separation,
    largest_beta_exponent,
    parse_arithmetic,
)
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.arithmetic.softmax import HeadFacts, Holds, decide, smallest_beta
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.sweep import draw_case
from tests.arithmetic.test_composed import BETAS, histogram, random_model, random_positions
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


def number(scaled: Scaled | None) -> Fraction | None:
    return None if scaled is None else Fraction(scaled[0], 1 << scaled[1])


@pytest.mark.parametrize("part", range(4))
def test_the_checker_comes_to_the_same_numbers_for_composed_models(part: int) -> None:
    """Runs, all inputs, single queries: SPEC 19, implemented twice."""
    rng, enclosed, bounded = random.Random(f"cross {part}"), 0, 0
    for _ in range(200):
        model = random_model(rng)
        theirs = parse_model("arithmetic", model.text)
        context, separation = rng.choice((1, 2, 3, 7, 24, 60, 300, 1 << 13, 1 << 20, 1 << 40)), rng.choice((1, 2, 5))
        e = BETAS[rng.randrange(len(BETAS))].bit_length() - 1 + rng.choice((0, 0, 4))
        ties = tuple(sorted({rng.randint(1, min(context, 70)) for _ in range(rng.randrange(4))}))
        facts = HeadFacts(separation, ties, context)
        here, there = decide(model, facts, 1 << e), condition(theirs, context, separation, ties, e)
        assert isinstance(here, Holds) == there.holds, (model.text, facts, e)
        bounds = here.bounds
        if bounds is None:
            assert (there.one, there.zero) == (None, None), (model.text, facts, e)
        else:
            bounded += 1
            one = None if bounds.one_low is None else (bounds.one_low, bounds.one_high)
            assert (there.one, there.zero) == (one, bounds.zero_bound), (model.text, facts, e)
            assert number(there.tau) == bounds.tau
        least = least_beta(theirs, context, separation, ties, 16)
        assert smallest_beta(model, facts, 16) == (None if least is None else 1 << least), (model.text, facts)
        most = min(context, rng.choice((1, 5, 100, 1 << 14)))
        tied = decide_ties(model, TieFacts(separation, most, context), 1 << e)
        their_ties = outcome(theirs, context, separation, most, e)
        assert (tied.one, tied.zero, tied.up_to) == (their_ties.one, their_ties.zero, their_ties.up_to), (
            model.text,
            (context, separation, most, e),
        )
        one_cell, zero_cell = cells(theirs)
        mine = activation_cells(model)
        assert (one_cell, zero_cell) == ((mine.one.low, mine.one.high), (mine.zero.low, mine.zero.high))
        visible = rng.randint(1, 12)
        gaps = histogram(random_positions(rng, separation, rng.randint(1, visible), visible, rng.choice((-1, 0, 1))))
        asked = tuple((gap, (minus, n - plus - minus, plus)) for gap, (n, plus, minus) in sorted(gaps.items()))
        try:
            expected = evaluate_query(model, 1 << e, gaps)
            enclosed += 1
        except (FormatOverflow, NotShown):
            with pytest.raises((NoEnclosure, Overflow)):
                composed_enclosure.output(theirs, asked, e)
        else:
            assert composed_enclosure.output(theirs, asked, e) == expected, (model.text, asked, e)
    assert enclosed > 100
    assert bounded > 75


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
    """The softmax part, for ties up to the context; it comes to the same, field by field (`softmax_part` compares)."""
    monkeypatch.setattr(at_once, "MOST_ONE_BY_ONE", 1 << 7)
    monkeypatch.setattr(checker_ties, "MOST_ONE_BY_ONE", 1 << 7)
    for r in CONTEXTS:
        part = softmax_part(arithmetic, r)
        assert part.check_rounded <= max(part.certify_rounded, FEW), part
        assert part.certify_rounded < 1 << 14, part


@pytest.mark.parametrize("r", [40, 64])
def test_what_took_22_million_roundings_takes_few(r: int) -> None:
    part = softmax_part("rounded:fixed60/bf16", r)
    assert part.ties == ("all" if r == 40 else "up to 4503592805517538")
    assert max(part.certify_rounded, part.check_rounded) < (500 if r == 40 else 50_000)


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
