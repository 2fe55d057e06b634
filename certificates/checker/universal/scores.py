"""SPEC 13.3: every selected token has the score of its entry, all others are ``separation`` below.

A score is a sum of products of coordinates. Each product has a largest value; how much the score stays below the
sum of these is its *loss*. Two signs lose 2 just when they differ.

Words:
    link   a coordinate of i's query and the one of j's key that it is multiplied with, and how often
    pair   all that a score depends on: links, what both tokens hold, what is selected, what is known of i and j
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.cases import Cases, lost, product, scaled
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, implies
from exactformer.certificates.checker.universal.annotation import Annotation, Setting
from exactformer.certificates.checker.universal.classes import seen_by
from exactformer.certificates.checker.universal.contents import SUMMARY, Flag, flags, numbers
from exactformer.certificates.checker.universal.formulas import coordinates
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.meaning import Entry, may_select
from exactformer.certificates.checker.universal.pairs import (
    Contents,
    Pair,
    common,
    facts_of_pair,
    facts_of_when,
    selection,
    together,
    writes_of,
)
from exactformer.certificates.checker.universal.tokens import Known, versions
from exactformer.certificates.checker.weights import Head

Link: TypeAlias = tuple[int, int, int, int, int]
"""Register and coordinate of the query, register and coordinate of the key, how often."""


class ScoreCheck:
    """Checks scores and remembers what it has proved."""

    def __init__(self, setting: Setting, annotation: Annotation, judge: Judge) -> None:
        self.setting, self.annotation, self.judge = setting, annotation, judge
        self.shapes: dict[tuple[Link, ...], int] = {}
        self.proved: set[Pair] = set()

    def check_head(self, head: Head, layer: int, separation: int, entries: Sequence[Entry]) -> None:
        """Section 13.3 for one head."""
        places = self.setting.places
        sides = [list(dict.fromkeys(places[c][0] for c in side)) for side in (head.query, head.key)]
        links = tuple(
            (sides[0].index(places[q][0]), places[q][1], sides[1].index(places[k][0]), places[k][1], times)
            for (q, k), times in Counter(zip(head.query, head.key, strict=True)).items()
        )
        shape = self.shapes.setdefault(links, len(self.shapes))
        widths = [[self.setting.widths[register] for register in side] for side in sides]
        held = _Held(self.setting, self.annotation, layer)
        for entry in entries:
            for cls in entry.possible_classes(self.setting.sizes):
                for other in seen_by(cls, self.setting.sizes):
                    for pair in self._pairs(entry, cls, other, shape, separation, held, sides):
                        if pair not in self.proved:
                            self._prove(f"{entry.at}.score", pair, links, widths, f"{other} seen by {cls}")
                            self.proved.add(pair)

    def _pairs(
        self, entry: Entry, cls: str, other: str, shape: int, separation: int, held: _Held, sides: list[list[str]]
    ) -> Iterator[Pair]:
        """All that differ, for i of class ``cls`` and j of class ``other``."""
        sizes, told = self.setting.sizes, together(cls, entry.when, other)
        if told is None:
            return
        mine, theirs = told
        when = tuple(pair for pair in entry.when if pair[0] != SUMMARY)
        known, writes, equals = facts_of_when(when, cls, sizes), writes_of(cls, other, sizes), common(cls, other, sizes)
        chosen = may_select(entry.selected, other, sizes)
        for query in held.contents(cls, sides[0], (*when, *mine)):
            tapes = _tapes_in_play(query, when)
            written = tuple(write for write in writes if write.tape in tapes)
            for key in held.contents(other, sides[1], theirs):
                same = tuple(pair for pair in equals if any(pair[0] in numbers(content) for content in key))
                yield Pair(
                    shape, query, key, entry.selected, chosen, when, known, written, same, entry.score, separation
                )

    def _prove(self, at: str, pair: Pair, links: Sequence[Link], widths: Sequence[Sequence[int]], which: str) -> None:
        here, sizes = self.judge.begin(at, self.setting.here), self.setting.sizes
        query = [coordinates(content, width, here) for content, width in zip(pair.query, widths[0], strict=True)]
        there = pair.there(here)
        key = [coordinates(content, width, there) for content, width in zip(pair.key, widths[1], strict=True)]
        products = [scaled(product(query[q][one], key[k][two]), times) for q, one, k, two, times in links]
        chosen, score = selection(pair, sizes, here), Score(tuple(products))
        assumed = facts_of_pair(pair, self.setting.machine, sizes, here)
        equals = implies(chosen, score.is_exactly(pair.score))
        below = chosen | score.is_at_most(pair.score - pair.separation)
        self.judge.require(at, assumed, [equals], f"is not the score of {which} if it is selected")
        reason = f"is not {pair.separation} above the score of {which} if it is not selected"
        self.judge.require(f"{at.rpartition('.meaning')[0]}.separation", assumed, [below], reason)


class _Held:
    """The different contents that registers have before a layer, settled once."""

    def __init__(self, setting: Setting, annotation: Annotation, layer: int) -> None:
        self.setting, self.annotation, self.layer = setting, annotation, layer
        self.found: dict[tuple[object, ...], list[Contents]] = {}

    def contents(self, cls: str, registers: list[str], known: Known) -> list[Contents]:
        """For tokens of a class about which something is known."""
        key = (cls, *registers, known)
        if key not in self.found:
            contents = [self.annotation.held(cls, self.layer, "before")[register] for register in registers]
            self.found[key] = versions(cls, contents, known, self.setting.sizes)
        return self.found[key]


@dataclass(frozen=True)
class Score:
    """A sum of products."""

    products: tuple[Cases, ...]

    @property
    def top(self) -> int:
        """No score is larger."""
        return sum(max(cases) for cases in self.products)

    def is_exactly(self, value: int) -> Formula:
        """The score is ``value``."""
        loss = self.top - value
        return lost(self.products, loss + 1).get(loss, FALSE) if loss >= 0 else FALSE

    def is_at_most(self, value: int) -> Formula:
        """The score is at most ``value``."""
        loss = self.top - value
        return lost(self.products, loss).get(loss, FALSE) if loss > 0 else TRUE


def _tapes_in_play(query: Contents, when: Known) -> set[int]:
    """The tapes of whose writes a query, or a condition on i, speaks: facts about other writes are of no use."""
    named = {part for content in query for part in flags(content)} | {condition for condition, _ in when}
    written = (part.name.partition("_") for part in named if isinstance(part, Flag))
    tapes = {int(tape) for name, _, tape in written if name == "written"}
    return tapes | {what.index for content in query for what in numbers(content) if what.kind in "wg"}
