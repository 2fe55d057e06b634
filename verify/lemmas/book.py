"""The lemma book: all lemmas in order, and how a part of it is run.

A lemma that rests on others counts as proved only when these are, at the same width.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from exactformer.verify.lemmas import (
    bits,
    contextual,
    dimensions,
    gadget_lemmas,
    positions,
    programs,
    rounding,
    summaries,
    transitions,
)
from exactformer.verify.lemmas.claim import ClaimError
from exactformer.verify.lemmas.lemma import Lemma
from exactformer.verify.lemmas.outcome import Budget, Disproved, Established, Open, Outcome
from exactformer.verify.lemmas.summaries import CapNotFound
from exactformer.verify.verdict import Verdict

BOOK: tuple[Lemma, ...] = (
    *bits.LEMMAS,
    *gadget_lemmas.LEMMAS,
    *transitions.LEMMAS,
    *programs.LEMMAS,
    *positions.LEMMAS,
    *summaries.LEMMAS,
    *dimensions.LEMMAS,
    *rounding.LEMMAS,
    *contextual.LEMMAS,
)

DEFAULT_WIDTHS = (8, 16)
BUDGET_SECONDS = 60
"""The seconds for one lemma at one width."""


class NoSuchLemma(ValueError):
    """A name that is neither a lemma nor a family of lemmas."""

    def __init__(self, name: str, book: Sequence[Lemma]) -> None:
        families = dict.fromkeys(lemma.identifier.split(".")[0] for lemma in book)
        super().__init__(f"there is no lemma {name!r}: give the identifier of one, or a family ({', '.join(families)})")


@dataclass(frozen=True)
class Entry:
    """A decided lemma: at a width, or at none (None).  seconds: how long it took."""

    lemma: Lemma
    width: int | None
    outcome: Outcome
    seconds: float

    @property
    def verdict(self) -> Verdict:
        match self.outcome:
            case Established():
                return Verdict.PROVED
            case Disproved():
                return Verdict.REFUTED
            case Open():
                return Verdict.INCONCLUSIVE


def chosen(names: Iterable[str], book: Sequence[Lemma] = BOOK) -> tuple[Lemma, ...]:
    """The lemmas of these names or families ("gadget"), with all that they rest on, in the order of the book.

    All of the book when no name is given.  Raises NoSuchLemma.

    >>> [lemma.identifier for lemma in chosen(["gadget.move"])]
    ['arithmetic.decrement', 'arithmetic.increment', 'gadget.move']
    """
    names = list(names)
    wanted = set[str]()
    for name in names:
        found = {one.identifier for one in book if one.identifier == name or one.identifier.startswith(f"{name}.")}
        if not found:
            raise NoSuchLemma(name, book)
        wanted |= found
    while needed := {other for one in book if one.identifier in wanted for other in one.rests_on} - wanted:
        wanted |= needed
    return tuple(lemma for lemma in book if not names or lemma.identifier in wanted)


def run(lemmas: Sequence[Lemma], widths: Sequence[int], budget_seconds: int = BUDGET_SECONDS) -> Iterator[Entry]:
    """Decide each lemma at each width that it is stated for, in order."""
    established = set[tuple[str, int | None]]()
    for lemma, width in plan(lemmas, widths):
        started = time.perf_counter()
        outcome = _decide(lemma, width, budget_seconds)
        missing = [
            other for other in lemma.rests_on if (other, width) not in established and (other, None) not in established
        ]
        if isinstance(outcome, Established):
            if missing:
                outcome = Open(f"it rests on {', '.join(missing)}, not proved here")
            else:
                established.add((lemma.identifier, width))
        yield Entry(lemma, width, outcome, time.perf_counter() - started)


def plan(lemmas: Sequence[Lemma], widths: Sequence[int]) -> list[tuple[Lemma, int | None]]:
    """What `run` decides: lemmas without a width once, the others at every width they are stated for."""
    planned: list[tuple[Lemma, int | None]] = []
    for lemma in lemmas:
        if lemma.applies is None:
            planned.append((lemma, None))
        else:
            planned += ((lemma, width) for width in widths if lemma.applies(width))
    return planned


def _decide(lemma: Lemma, width: int | None, budget_seconds: int) -> Outcome:
    """The outcome; if something does not have the form that the lemma is about, it is left open, with the reason."""
    try:
        return lemma.decide(width or 0, Budget(budget_seconds))
    except (ClaimError, CapNotFound) as error:
        return Open(str(error))
