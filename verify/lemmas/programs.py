"""Lemmas ``program.*``: not only gadgets of each kind, but each gadget that the constructions contain.

Gadgets that differ only in the places of their registers are decided once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import groupby, product
from typing import Any

from exactformer.constructions.transformer.gadgets import Gadget, Map, Or, Zero, neurons
from exactformer.constructions.transformer.program import PlacedGadget, Program
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.construct import skeleton
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.lemmas.activation import added_by
from exactformer.verify.lemmas.claim import Claim, ClaimError
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.lemmas.lemma import PAPER, Lemma, at_even_widths
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude

TAPES = 2
STATE_BITS, SYMBOL_BITS = 3, 2


def program_of(paradigm: Paradigm, position_bits: int) -> Program:
    """A construction for K = 2, d_Q = 3, d_G = 2."""
    return skeleton(paradigm, Shape(TAPES, position_bits, STATE_BITS, SYMBOL_BITS)).program


def program_gadgets(paradigm: Paradigm, position_bits: int) -> tuple[PlacedGadget, ...]:
    """All its gadgets."""
    return program_of(paradigm, position_bits).gadgets


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

    >>> from exactformer.constructions.transformer.gadgets import Copy
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


STOPS = ("halted", "is_state", "write_summ", "write_pos")
"""Flags that clear, in layer L3+2, what the transition wrote: each by its own Zero gadgets."""

GIVEN = ("is_run", "is_state", "halted", "rth_run", "length_cap")
"""The types of a token, from which its flags are computed."""


def _stops(paradigm: Paradigm) -> Callable[[int, Budget], Outcome]:
    return lambda width, budget: conclude(_stops_findings(paradigm, width, budget))


def _stops_findings(paradigm: Paradigm, width: int, budget: Budget) -> Iterator[Finding]:
    program = program_of(paradigm, width)
    writers = [placed for placed in program.gadgets if _targets(placed.gadget) & {"write_pos", "write_summ"}]
    ordered = sorted(writers, key=lambda placed: placed.layer)
    # The flags they read are complete by then: heads write before the MLP of their layer, gadgets after it.
    yield budget.exhaust("flags read", ordered, lambda placed: _read_too_early(program, placed))
    cleared = [one.name for one in program.registers if re.fullmatch(r"newstate|newsym_\d+|newmove_\d+", one.name)]
    yield budget.exhaust("registers of the transition", cleared, lambda name: _other_stops(program, name))
    yield budget.exhaust(
        "flags of a token", _flags_of_tokens(), lambda given: wrong_stops(program, ordered, paradigm, given)
    )


def _targets(gadget: Gadget) -> set[str]:
    match gadget:
        case Map(_, output):
            return {span.name for span in output}
        case Or(_, output):
            return {output.name}
        case _:
            return {gadget.target.name}


def _sources(gadget: Gadget) -> set[str]:
    """The registers a gadget reads, its conditions included."""
    conditions = set() if isinstance(gadget, Or) else {condition.flag.name for condition in gadget.when}
    match gadget:
        case Map(inputs) | Or(inputs):
            return conditions | {span.name for span in inputs}
        case Zero(target):
            return conditions | {target.name}
        case _:
            raise ClaimError(f"flags are written by maps and cleared by zero, not by {gadget}")


def _read_too_early(program: Program, placed: PlacedGadget) -> str | None:
    for name in sorted(_sources(placed.gadget)):
        late = [head.layer for head in program.heads if head.head.out.name == name and head.layer > placed.layer]
        others = (other for other in program.gadgets if other is not placed and name in _targets(other.gadget))
        late += [other.layer for other in others if other.layer >= placed.layer]
        if late:
            return f"layer {placed.layer} reads {name}, which layer {late[0]} still writes"
    return None


def _other_stops(program: Program, name: str) -> str | None:
    """One Zero for each of the flags, and nothing else, clears a register that the transition wrote."""
    zeros = [placed.gadget for placed in program.gadgets if _targets(placed.gadget) == {name}]
    conditions = sorted(str(condition) for gadget in zeros if isinstance(gadget, Zero) for condition in gadget.when)
    flags = sorted(set(STOPS) & {register.name for register in program.registers})
    return None if conditions == flags and len(zeros) == len(flags) else f"{name} is changed by {zeros}"


def _flags_of_tokens() -> Iterator[dict[str, int]]:
    """A token is of one type; only a run token is halted."""
    for values in product((0, 1), repeat=len(GIVEN)):
        given = dict(zip(GIVEN, values, strict=True))
        if given["is_run"] + given["is_state"] <= 1 and given["halted"] <= given["is_run"]:
            yield given


def wrong_stops(
    program: Program, ordered: Sequence[PlacedGadget], paradigm: Paradigm, given: dict[str, int]
) -> str | None:
    """Run the gadgets layer by layer on these flags; all other registers are 0."""
    flags = {register.name: register.offset for register in program.registers if register.width == 1}
    stream = dict.fromkeys(range(program.width), 0)
    stream |= {flags[name]: value for name, value in given.items() if name in flags}
    for _, layer in groupby(ordered, key=lambda placed: placed.layer):
        added = added_by((unit for placed in layer for unit in neurons(placed.gadget)), stream)
        stream |= {c: stream[c] + value for c, value in added.items()}
    capped = paradigm is Paradigm.SCOT and given["length_cap"] == 1
    goes_on = given["is_run"] == 1 and given["halted"] == 0
    wanted = {
        "halted": given["halted"],
        "write_summ": int(goes_on and capped),
        "write_pos": int(goes_on and given["rth_run"] == 1 and not capped),
        "is_state": given["is_state"],
    }
    got = {name: stream[flags[name]] for name in STOPS if name in flags}
    shown = ", ".join(f"{name} = {value}" for name, value in given.items())
    if any(got[name] != wanted[name] for name in got):
        return f"{shown}: the flags are {got}"
    if sum(got.values()) > 1:
        return f"{shown}: more than one of {got} clears what the transition wrote"
    return None


LEMMAS = (
    Lemma(
        "program.cot",
        f"each gadget of the chain-of-thought program with r position bits and K = {TAPES} does what its kind of "
        "gadget is to do, for all ternary inputs that meet its precondition",
        PAPER,
        "z3, neurons",
        _deciding(Paradigm.COT),
        at_even_widths(Paradigm.COT.least_bits),
        ("arithmetic.decrement", "arithmetic.increment"),
    ),
    Lemma(
        "program.scot",
        f"each gadget of the summarized program with r position bits and K = {TAPES} does what its kind of gadget is "
        "to do, for all ternary inputs that meet its precondition",
        f"{PAPER}: summarized",
        "z3, neurons",
        _deciding(Paradigm.SCOT),
        at_even_widths(Paradigm.SCOT.least_bits),
        ("arithmetic.decrement", "arithmetic.increment"),
    ),
    Lemma(
        "program.cot.stops",
        "at most one of halted, write_pos is 1 at any token, so newstate.. are cleared at most once; write_pos = r-th "
        "run token of its group and not halted",
        f"{PAPER}: layers L2+r-1 and L3+2",
        "exhaustive, neurons",
        _stops(Paradigm.COT),
        at_even_widths(Paradigm.COT.least_bits),
    ),
    Lemma(
        "program.scot.stops",
        "at most one of halted, is_state, write_summ, write_pos is 1 at any token, so newstate.. are cleared at most "
        "once: halting wins over both, the summary over the position block",
        f"{PAPER}: summarized, layers 4 and L2+r",
        "exhaustive, neurons",
        _stops(Paradigm.SCOT),
        at_even_widths(Paradigm.SCOT.least_bits),
    ),
)
