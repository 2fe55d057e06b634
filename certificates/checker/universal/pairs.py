"""What two tokens of one segment have in common: i, and j at or before it (SPEC 14.2, 14.3, 14.5, 18.4).

Words:
    told    what the classes of i and j, or the conditions on i, say about both: summary, cap
    common  numbers of j with numbers of i that they equal, whatever their distance
    here, there  how to name the ghosts of i and of j
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, choice, equal, implies
from exactformer.certificates.checker.machine import Machine
from exactformer.certificates.checker.universal.assumptions import assumptions
from exactformer.certificates.checker.universal.classes import (
    BY_SUMMARY,
    GHOSTS,
    LATE,
    NEW,
    ONCE,
    PROMPT_ENDS,
    State,
    has,
)
from exactformer.certificates.checker.universal.contents import SUMMARY, ZERO, Content, Flag, Is, Number, Sizes, number
from exactformer.certificates.checker.universal.facts import Fact, here
from exactformer.certificates.checker.universal.formulas import View, bits, same_bits
from exactformer.certificates.checker.universal.meaning import Selected, cell_written
from exactformer.certificates.checker.universal.tokens import Known, addresses, same_number

Equals: TypeAlias = tuple[tuple[Number, Number], ...]
"""Numbers of j, with numbers of i that are the same."""
Contents: TypeAlias = tuple[Content, ...]


def together(cls: str, when: Known, other: str) -> tuple[Known, Known] | None:
    """What is told of i of class ``cls`` and of j of class ``other``; None if they cannot be in one segment.

    If cap = 0 for i, then for every late j (SPEC 18.4).
    """
    summary = {BY_SUMMARY.get(cls), dict(when).get(SUMMARY), BY_SUMMARY.get(other)} - {None}
    if len(summary) > 1:
        return None
    told = tuple((SUMMARY, value) for value in summary if value is not None)
    below = ((c, truth) for c, truth in when if isinstance(c, Is) and c.number.kind == "cap" and c.value == 0 and truth)
    return told, (*told, *(below if other in LATE else ()))


@cache
def common(cls: str, other: str, sizes: Sizes) -> Equals:
    """Equal numbers of i of class ``cls`` and of any j of class ``other`` at or before it."""

    def mine(kind: str) -> Number:
        return same_number(number(kind, 0, sizes), cls, sizes)

    found = list[tuple[Number, Number]]()
    position, e = number("i", 0, sizes), number("e", 0, sizes)
    if sizes.summarized and cls in LATE and other in LATE:
        found.append((e, e))
    if sizes.summarized and cls in LATE and other in PROMPT_ENDS:
        found.append((position, e))
    if cls in GHOSTS["o"] and other == "OUTP":
        found.append((position, mine("o")))
    if cls in NEW and other == "NEWSUMM":
        found.append((position, mine("u")))
    if (cls in NEW and other in NEW) or (cls, other) == ("ESUMM", "OLDSTATE"):
        found.append((number("q", 0, sizes), number("q", 0, sizes)))
    if cls in NEW and other in NEW:
        heads = (number("y", tape, sizes) for tape in range(1, sizes.tapes + 1))
        found += [(y, y) for y in heads if all(has(one, "y", y.index, sizes) for one in (cls, other))]
    return tuple(found)


def moved(state: State, back: int, other: State, sizes: Sizes, of_i: View) -> tuple[View, View]:
    """How to name the ghosts of i and of the token ``back`` before it."""
    here, there = list[tuple[Number, Number]](), list[tuple[Number, Number]]()
    for mine, its, index in _equal_ghosts(state, back, other, sizes):
        own = same_number(number(mine, index, sizes), state.cls, sizes)
        theirs = same_number(number(its, index, sizes), other.cls, sizes)
        if theirs == ZERO:
            here.append((own, ZERO))
        else:
            there.append((theirs, own))
    there += [pair for pair in common(state.cls, other.cls, sizes) if pair[0].kind != "i"]
    return replace(of_i, same=tuple(here)), replace(of_i, side="j", same=tuple(there), back=back)


def _equal_ghosts(state: State, back: int, other: State, sizes: Sizes) -> Iterator[tuple[str, str, int]]:
    """Ghosts of i and of the token ``back`` before it that are equal, with the tape: SPEC 14.2, 18.4 word for word."""
    pairs = ""
    match state.cls, other.cls:
        case "RUN", "RUN" | "EINP" | "ESUMM" | "EPOS" if back == 1:
            pairs = "cx"
        case "POS", "RUN" if back == 1:
            pairs = "xx"
        case "BIT", "POS" if back == state.step + 1:
            pairs = "yx"
        case "EPOS", "BIT" if back <= sizes.r:
            pairs = "xy"
        case "EPOS", "RUN" if back == sizes.r + 2:
            pairs = "xx"
            yield "q", "q", 0
        case "NEWSUMM", "RUN" if back == 1:
            pairs = "yx"
            yield "q", "q", 0
    if pairs:
        yield from ((pairs[0], pairs[1], tape) for tape in range(1, sizes.tapes + 1))


def selected_views(selected: Selected, cls: str, other: str, sizes: Sizes, here: View) -> tuple[View, View]:
    """How to name the ghosts of i and of a selected j (SPEC 14.3, 14.5, 18.2, 18.4)."""
    if selected.kind == "token" and cls == other and cls in ONCE:
        return here, here
    equal_numbers = (*_same_at_selected(selected, cls, other, sizes), *common(cls, other, sizes))
    return here, replace(here, side="j", same=equal_numbers)


def _same_at_selected(selected: Selected, cls: str, other: str, sizes: Sizes) -> Iterator[tuple[Number, Number]]:
    """Numbers of a selected token j with numbers of i that they equal."""
    position, where = number("i", 0, sizes), selected.number
    if selected.kind == "head":
        yield number("back", 1, sizes), number("x", selected.tape, sizes)
    elif where is not None and where.kind == "4e":
        yield position, where
    elif selected.kind in ("writes", "position"):
        tape = where.index if where is not None else selected.tape
        cell = cell_written(other, tape, sizes)
        if cell is not None:
            yield cell, same_number(number("x", tape, sizes), cls, sizes)
        if where is not None:
            symbol = number("s", 0, sizes) if other == "INPUT" else number("a", tape, sizes)
            yield from ((position, where), (symbol, number("g", tape, sizes)))


def known_of_selected(selected: Selected, sizes: Sizes) -> Known:
    """Conditions whose truth is known at a selected j: the token at 4e has cap = 1 (SPEC 18.4)."""
    if selected.number is not None and selected.number.kind == "4e":
        return ((Is(number("cap", 0, sizes), 1), True),)
    return ()


@dataclass(frozen=True)
class Write:
    """On a tape: the cell x_k of i, and the cell that j writes, if it does."""

    tape: int
    cell: Number
    written: Number | None


@dataclass(frozen=True)
class Pair:
    """What the score of a pair of tokens depends on; ``shape`` is the number of the links.

    ``facts`` are about i; ``equals`` has the numbers in the key that are numbers of i.
    """

    shape: int
    query: Contents
    key: Contents
    selected: Selected
    may_select: bool
    when: Known
    facts: tuple[Fact, ...]
    writes: tuple[Write, ...]
    equals: Equals
    score: int
    separation: int

    def there(self, here: View) -> View:
        """How to name the ghosts of j."""
        return replace(here, side="j", same=self.equals)


def writes_of(cls: str, other: str, sizes: Sizes) -> list[Write]:
    """What section 14.3 speaks of, for i of class ``cls`` and j of class ``other``."""
    tapes = (tape for tape in range(1, sizes.tapes + 1) if addresses(cls, tape, sizes))
    cells = ((tape, same_number(number("x", tape, sizes), cls, sizes)) for tape in tapes)
    return [Write(tape, cell, cell_written(other, tape, sizes)) for tape, cell in cells]


def facts_of_when(when: Known, cls: str, sizes: Sizes) -> tuple[Fact, ...]:
    """What the conditions of an entry mean."""
    named = (condition.name for condition, _ in when if isinstance(condition, Flag))
    tapes = (name.removeprefix("here_") for name in named if name.startswith("here_"))
    return tuple(here(int(tape), cls, sizes) for tape in tapes)


def selection(pair: Pair, sizes: Sizes, here: View) -> Formula:
    """That j is selected by i."""
    selected, there = pair.selected, pair.there(here)
    if not pair.may_select:
        return FALSE
    position, where = bits(number("i", 0, sizes), there), selected.number
    if selected.kind == "head":
        return there.flag(Flag(f"h_{selected.tape}"))
    if where is not None and where.kind == "4e":
        return there.is_number(number("cap", 0, sizes), 1)
    if where is not None:
        return same_bits(position, bits(where, here))
    if selected.kind == "writes":
        write = next(write for write in pair.writes if write.tape == selected.tape)
        last = bits(number("w", selected.tape, sizes), here)
        low = len(last) if selected.low is None else selected.low
        return same_cell(write, here, there) & same_bits(position[low:], last[low:])
    return TRUE


def same_cell(write: Write, here: View, there: View) -> Formula:
    """That j writes the cell which i addresses."""
    if write.written is None:
        return FALSE
    cell = [here.bit(write.cell, place) for place in range(write.written.bits)]
    return same_bits(cell, bits(write.written, there))


def facts_of_pair(pair: Pair, machine: Machine, sizes: Sizes, here: View) -> list[Formula]:
    """SPEC 14.3 and 18.4 about i and j, and what `when` says."""
    there = pair.there(here)
    formulas = [here.truth(condition, truth) for condition, truth in pair.when]
    formulas += assumptions(pair.facts, machine, sizes, here)
    position = bits(number("i", 0, sizes), there)
    for write in pair.writes:
        written, last = here.flag(Flag(f"written_{write.tape}")), bits(number("w", write.tape, sizes), here)
        is_last = written & same_bits(position, last)
        formulas.append(implies(same_cell(write, here, there), written & at_most(position, last)))
        formulas.append(implies(is_last, same_cell(write, here, there)))
    return formulas


def at_most(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """That one number is at most another; bits from the least one on."""
    formula = TRUE
    for one, other in zip(left, right, strict=True):
        formula = choice(equal(one, other), formula, other)
    return formula
