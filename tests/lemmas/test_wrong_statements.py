"""Lemmas of the other families, stated wrongly: each is refuted, and says where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sympy import Integer, Max

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.gadgets import Map, Zero
from exactformer.constructions.turing.dimensions import COT, SCOT
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.formats import BF16, E4M3FN, FP16, FP32
from exactformer.verify.lemmas import programs, summaries
from exactformer.verify.lemmas.bits import digits, is_digit
from exactformer.verify.lemmas.dimensions import at_most_stated, equals
from exactformer.verify.lemmas.outcome import Budget, Disproved, Outcome, conclude
from exactformer.verify.lemmas.positions import distinct_numbers, wrong_code
from exactformer.verify.lemmas.rounding import (
    LARGEST_TIE,
    LEAK_EXPONENTS,
    SMALLEST_FAILING,
    wrong_leak,
    wrong_spare,
    wrong_tie,
)
from exactformer.verify.lemmas.summaries import LengthCap, length_cap, wrong_cap
from exactformer.verify.lemmas.transitions import claim_about_transitions, total_machine

DIMENSIONS: dict[str, tuple[Callable[[int, Budget], Outcome], int, str]] = {
    "3K heads at r = 2": (equals(Paradigm.COT, "heads", lambda _: COT.heads), 2, "heads is 4, not 3"),
    "a layer too many": (equals(Paradigm.COT, "layers", lambda _: COT.layers + Integer(1)), 4, "layers is 18, not 19"),
    "the stated d_ff of scot, attained at r = 6": (
        equals(Paradigm.SCOT, "hidden_width", lambda _: SCOT.hidden_width),
        6,
        "r = 6: hidden_width is 228, not 229",
    ),
    "a term of d_ff that is never the largest": (
        equals(Paradigm.COT, "hidden_width", lambda _: Max(*COT.hidden_width.args, Integer(3), COT.heads)),
        4,
        "is never the largest",
    ),
    "a bound that is too small": (
        at_most_stated(Paradigm.SCOT, "hidden_width", SCOT.hidden_width - Integer(1)),
        4,
        "more than",
    ),
}


@pytest.mark.parametrize("title", DIMENSIONS)
def test_wrong_dimensions(title: str) -> None:
    decide, position_bits, said = DIMENSIONS[title]
    outcome = decide(position_bits, Budget(600))
    assert isinstance(outcome, Disproved)
    assert said in outcome.counterexample


def test_wrong_ties() -> None:
    assert wrong_tie(BF16, BF16, 61, 61) is None
    assert wrong_tie(BF16, BF16, 62, 61) == "W = bf16, A = bf16: 61 maximisers give 255/256"
    assert wrong_tie(FP32, BF16, 5, 5) == "W = fp32, A = bf16: 5 maximisers give 1"
    assert wrong_tie(BF16, FP16, None, 3) is not None
    assert {row[2] for row in SMALLEST_FAILING if row[0] == row[1]} == {61, 11, 41, 19, 29}
    assert LARGEST_TIE == 4999


def test_without_a_spare_bit_ties_are_not_covered() -> None:
    assert wrong_spare(FP16, BF16) is None
    assert wrong_spare(BF16, E4M3FN) is None
    for pair in ((BF16, BF16), (BF16, FP16)):
        assert "does not round to 1" in str(wrong_spare(*pair))


@pytest.mark.parametrize("row", LEAK_EXPONENTS, ids=lambda row: row[0].name)
def test_wrong_leaks(row: tuple[object, int, int]) -> None:
    number_format, c, hundredths = next(one for one in LEAK_EXPONENTS if one == row)
    assert wrong_leak(number_format, c, hundredths) is None
    assert "what rounds to 0 reaches up to" in str(wrong_leak(number_format, c - 1, hundredths))
    assert "ln 2 does not lie between" in str(wrong_leak(number_format, c, hundredths + 1))


def test_digits_that_need_not_be_bits_do_not_tell_numbers_apart() -> None:
    left, right = digits("i", 4), digits("j", 4)
    rules = list(map(is_digit, (*left, *right)))
    assert isinstance(conclude(distinct_numbers(left, right, rules[1:], Budget(600))), Disproved)


def test_codes_that_are_not_the_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "exactformer.verify.lemmas.positions.signed_binary", lambda i, width: (1,) * width if i == 2 else (-1,) * width
    )
    assert wrong_code(2, 0) is None
    assert wrong_code(2, 1) == "enc_2(1) is (-1, -1), not (1, -1)"


def loose_cap(parts: LengthCap) -> LengthCap:
    """A cap that does not look at the highest bit of the prompt's end."""
    cap = parts.cap
    inputs = (*cap.inputs[:-1], cap.inputs[-1].bits(0, 1))
    rows = tuple((values[:-1], added) for values, added in cap.rows)
    return replace(parts, cap=replace(cap, inputs=inputs, rows=rows))


@pytest.mark.parametrize("width", [4, 16])
def test_a_cap_that_wraps_around_is_refuted(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = loose_cap(length_cap(width))
    monkeypatch.setattr(summaries, "length_cap", lambda _: parts)
    outcome = next(one for one in summaries.LEMMAS if one.identifier == "scot.length-cap").decide(width, Budget(600))
    assert isinstance(outcome, Disproved)
    assert "length_cap gets" in outcome.counterexample
    assert wrong_cap(parts, 0, 2 ** (width - 1)) is not None


def test_a_cap_that_skips_a_bit_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = length_cap(8)
    monkeypatch.setattr(summaries, "length_cap", lambda _: replace(right, biteq=right.biteq[::-1]))
    outcome = next(one for one in summaries.LEMMAS if one.identifier == "scot.biteq").decide(8, Budget(600))
    assert isinstance(outcome, Disproved)
    assert "a biteq map at r = 8 reads" in outcome.counterexample


def test_transitions_of_another_machine_are_refuted() -> None:
    right, other = (claim_about_transitions(total_machine(3, 2, tapes)) for tapes in (1, 1))
    broken = right.with_neurons((*other.neurons[1:], other.neurons[2]))
    outcome = conclude(broken.decide(Budget(600)))
    assert isinstance(outcome, Disproved)
    assert "newstate should get" in outcome.counterexample
    assert "state = (" in outcome.counterexample


def test_partial_machines_add_nothing_where_they_have_no_entry() -> None:
    claim = claim_about_transitions(load_machine("increment"))
    gains = claim.points.gains
    assert (gains == 0).all(axis=1).any()
    assert claim.points.agree(claim.neurons).all()


def test_a_program_in_which_both_block_and_summary_begin_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = programs.program_of(Paradigm.SCOT, 4)
    kept = tuple(
        one for one in right.gadgets if not (isinstance(one.gadget, Zero) and one.gadget.target.name == "write_pos")
    )
    assert len(kept) == len(right.gadgets) - 1
    monkeypatch.setattr(programs, "program_of", lambda *_: replace(right, gadgets=kept))
    outcome = next(one for one in programs.LEMMAS if one.identifier == "program.scot.stops").decide(4, Budget(600))
    assert isinstance(outcome, Disproved)
    assert "rth_run = 1, length_cap = 1: the flags are" in outcome.counterexample


def test_a_flag_that_is_read_before_it_is_written_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = programs.program_of(Paradigm.COT, 4)
    early = tuple(
        replace(one, layer=1) if "write_pos" in str(one.gadget) and isinstance(one.gadget, Map) else one
        for one in right.gadgets
    )
    monkeypatch.setattr(programs, "program_of", lambda *_: replace(right, gadgets=early))
    outcome = next(one for one in programs.LEMMAS if one.identifier == "program.cot.stops").decide(4, Budget(600))
    assert isinstance(outcome, Disproved)
    assert "layer 1 reads rth_run, which layer" in outcome.counterexample
