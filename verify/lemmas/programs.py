"""Lemmas ``program.*``: not only gadgets of each kind, but each gadget that the constructions contain (spec 2.4, 3.2).

Gadgets that differ in nothing but where their registers stand are decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from constructions.transformer.gadgets import Gadget
from constructions.transformer.program import PlacedGadget
from constructions.transformer.registers import Span
from constructions.turing.construct import skeleton
from constructions.turing.encoding import Shape
from constructions.turing.paradigm import Paradigm
from verify.lemmas.claim import Claim
from verify.lemmas.gadgets import claim_about
from verify.lemmas.lemma import Lemma, at_even_widths
from verify.lemmas.outcome import Budget, Outcome, conclude

TAPES = 2
STATE_BITS, SYMBOL_BITS = 3, 2


def program_gadgets(paradigm: Paradigm, position_bits: int) -> tuple[PlacedGadget, ...]:
    """All gadgets of a construction, for K = 2, d_Q = 3, d_G = 2."""
    return skeleton(paradigm, Shape(TAPES, position_bits, STATE_BITS, SYMBOL_BITS)).program.gadgets


def distinct_claims(paradigm: Paradigm, position_bits: int) -> Iterator[Claim]:
    """A claim for each gadget that is not another one with its registers moved."""
    seen = set[object]()
    for placed in program_gadgets(paradigm, position_bits):
        pattern = moved_together(placed.gadget)
        if pattern not in seen:
            seen.add(pattern)
            yield claim_about(placed.gadget, f"layer {placed.layer}, {type(placed.gadget).__name__}")


def moved_together(gadget: Gadget) -> object:
    """The gadget with its coordinates numbered in order of first mention and its registers without names.

    >>> from constructions.transformer.gadgets import Copy
    >>> a, b, c = Span("a", 3, 2), Span("b", 7, 2), Span("c", 9, 2)
    >>> moved_together(Copy(a, b)) == moved_together(Copy(b, c)) != moved_together(Copy(a, a))
    True
    """
    number: dict[int, int] = {}

    def moved(part: Any) -> Any:
        if isinstance(part, Span):
            return tuple(number.setdefault(c, len(number)) for c in part.coordinates)
        if isinstance(part, tuple):
            return tuple(map(moved, part))
        if is_dataclass(part):
            return (type(part).__name__, *(moved(getattr(part, field.name)) for field in fields(part)))
        return part

    return moved(gadget)


def _deciding(paradigm: Paradigm) -> Callable[[int, Budget], Outcome]:
    return lambda width, budget: conclude(
        finding for claim in distinct_claims(paradigm, width) for finding in claim.decide(budget)
    )


LEMMAS = (
    Lemma(
        "program.cot",
        f"each gadget of the chain-of-thought program with r position bits and K = {TAPES} does what its row of spec "
        "1.2 says, for all ternary inputs that meet its precondition",
        "spec 2.4",
        "z3, neurons",
        _deciding(Paradigm.COT),
        at_even_widths(Paradigm.COT.least_bits),
        ("arithmetic.decrement", "arithmetic.increment"),
    ),
    Lemma(
        "program.scot",
        f"each gadget of the summarized program with r position bits and K = {TAPES} does what its row of spec 1.2 "
        "says, for all ternary inputs that meet its precondition",
        "spec 3.2",
        "z3, neurons",
        _deciding(Paradigm.SCOT),
        at_even_widths(Paradigm.SCOT.least_bits),
        ("arithmetic.decrement", "arithmetic.increment"),
    ),
)
