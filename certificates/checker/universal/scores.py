"""SPEC 13.3: every selected token has the score of its entry, all others are ``separation`` below.

A score is a sum of products of coordinates. Each product has a largest value; how much the score stays below the
sum of these is its *loss*. Two signs lose 2 just when they differ. So a score above ``score - separation`` mostly
means that nothing is lost at all, which is a conjunction.

Words:
    link   a coordinate of i's query and the one of j's key that it is multiplied with, and how often
    pair   all that a score depends on: links, what both tokens hold, what is selected, what is known of i and j
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from certificates.checker.universal.annotation import Annotation, Setting
from certificates.checker.universal.contents import Condition, Content, Flag, Number, flags, number, numbers
from certificates.checker.universal.facts import bits, same_bits
from certificates.checker.universal.formulas import (
    FALSE,
    TRUE,
    Cases,
    Formula,
    View,
    choice,
    conjunction,
    coordinates,
    disjunction,
    equal,
    implies,
    literal,
    negation,
    product,
    term,
    total,
)
from certificates.checker.universal.meaning import Entry, Selected, cell_written, may_select
from certificates.checker.universal.solvers import Judge
from certificates.checker.universal.tokens import addresses, alike, same_number, seen_by, settle
from certificates.checker.weights import Head

Link: TypeAlias = tuple[int, int, int, int, int]
"""Register and coordinate of the query, register and coordinate of the key, how often."""

OF_I, OF_J = View("i"), View("j")


@dataclass(frozen=True)
class Write:
    """On a tape: the cell x_k of i, and the cell that j writes, if it does."""

    tape: int
    cell: Number
    written: Number | None


@dataclass(frozen=True)
class Pair:
    """What the score of a pair of tokens depends on; ``shape`` is the number of the links."""

    shape: int
    query: tuple[Content, ...]
    key: tuple[Content, ...]
    selected: Selected
    may_select: bool
    when: tuple[tuple[Condition, bool], ...]
    writes: tuple[Write, ...]
    score: int
    separation: int


class ScoreCheck:
    """Checks scores and remembers what it has proved."""

    def __init__(self, setting: Setting, annotation: Annotation, judge: Judge) -> None:
        self.setting, self.annotation, self.judge = setting, annotation, judge
        self.shapes: dict[tuple[Link, ...], int] = {}
        self.proved: set[Pair] = set()

    def check_head(self, head: Head, layer: int, separation: int, entries: Sequence[Entry]) -> None:
        """Section 13.3 for one head."""
        places, sizes = self.setting.places, self.setting.sizes
        sides = [list(dict.fromkeys(places[c][0] for c in side)) for side in (head.query, head.key)]
        links = tuple(
            (sides[0].index(places[q][0]), places[q][1], sides[1].index(places[k][0]), places[k][1], times)
            for (q, k), times in Counter(zip(head.query, head.key, strict=True)).items()
        )
        shape = self.shapes.setdefault(links, len(self.shapes))
        widths = [[self.setting.widths[register] for register in side] for side in sides]
        keys = {cls: self._held(cls, layer, sides[1]) for cls in self.annotation.stages}
        for entry in entries:
            for cls in filter(entry.possible, entry.classes):
                queries = self._held(cls, layer, sides[0], entry.when)
                for other in seen_by(cls, sizes.r):
                    writes = self._writes(cls, other)
                    chosen = may_select(entry.selected, other, self.setting)
                    for query in queries:
                        for key in keys[other]:
                            told = tuple(write for write in writes if _in_play(write, query, entry))
                            pair = Pair(
                                shape, query, key, entry.selected, chosen, entry.when, told, entry.score, separation
                            )
                            if pair not in self.proved:
                                self._prove(f"{entry.at}.score", pair, links, widths, f"{other} seen by {cls}")
                                self.proved.add(pair)

    def _held(
        self, cls: str, layer: int, registers: list[str], when: tuple[tuple[Condition, bool], ...] = ()
    ) -> list[tuple[Content, ...]]:
        """The different contents that these registers have before a layer."""
        contents = [self.annotation.held(cls, layer, "before")[register] for register in registers]
        sizes = self.setting.sizes
        groups = alike(cls, contents, sizes.r)
        return list(
            dict.fromkeys(tuple(settle(content, group[0], when, sizes) for content in contents) for group in groups)
        )

    def _writes(self, cls: str, other: str) -> list[Write]:
        """What section 14.3 says about i of class ``cls`` and j of class ``other``."""
        sizes = self.setting.sizes
        return [
            Write(
                tape,
                same_number(number("x", tape, sizes), cls, sizes),
                cell_written(other, tape, self.setting),
            )
            for tape in range(1, sizes.tapes + 1)
            if addresses(cls, tape)
        ]

    def _prove(self, at: str, pair: Pair, links: Sequence[Link], widths: Sequence[Sequence[int]], which: str) -> None:
        query = [coordinates(content, width, OF_I) for content, width in zip(pair.query, widths[0], strict=True)]
        key = [coordinates(content, width, OF_J) for content, width in zip(pair.key, widths[1], strict=True)]
        fixed, products = 0, list[Cases]()
        for q, q_place, k, k_place, times in links:
            cases = product(query[q][q_place], key[k][k_place])
            if len(cases) == 1:
                fixed += times * next(iter(cases))
            else:
                products.append({times * value: formula for value, formula in cases.items()})
        score = Score(fixed, tuple(products))
        chosen = selection(pair, self.setting)
        assumed = facts_of_pair(pair, self.setting)
        equals = implies(chosen, score.is_exactly(pair.score))
        below = disjunction((chosen, score.is_at_most(pair.score - pair.separation)))
        self.judge.require(at, assumed, equals, f"is not the score of {which} if it is selected")
        reason = f"is not {pair.separation} above the score of {which} if it is not selected"
        self.judge.require(f"{at.rpartition('.meaning')[0]}.separation", assumed, below, reason)


@dataclass(frozen=True)
class Score:
    """A sum: ``fixed`` and the products that are not."""

    fixed: int
    products: tuple[Cases, ...]

    @property
    def top(self) -> int:
        """No score is larger."""
        return self.fixed + sum(max(cases) for cases in self.products)

    def _nothing_lost(self) -> Formula:
        return conjunction(cases[max(cases)] for cases in self.products)

    def _text(self) -> str:
        return total([literal(self.fixed), *(term(cases) for cases in self.products)])

    def is_exactly(self, value: int) -> Formula:
        """The score is ``value``."""
        if value == self.top:
            return self._nothing_lost()
        return f"(= {self._text()} {literal(value)})" if self.products else FALSE

    def is_at_most(self, value: int) -> Formula:
        """The score is at most ``value``."""
        if self.top <= value:
            return TRUE
        if not self.products:
            return FALSE
        least_loss = min(max(cases) - sorted(cases)[-2] for cases in self.products)
        if self.top - value <= least_loss:
            return negation(self._nothing_lost())
        return f"(<= {self._text()} {literal(value)})"


def _in_play(write: Write, query: Sequence[Content], entry: Entry) -> bool:
    """Whether a query, or a condition of the entry, speaks of the tape."""
    speaks = {what for content in query for what in numbers(content)}
    named = {flag for content in query for flag in flags(content)} | {condition for condition, _ in entry.when}
    last = any(what.kind in "wg" and what.index == write.tape for what in speaks)
    return write.cell in speaks or Flag(f"written_{write.tape}") in named or last


def selection(pair: Pair, setting: Setting) -> Formula:
    """That j is selected by i."""
    selected, sizes = pair.selected, setting.sizes
    if not pair.may_select:
        return FALSE
    position = bits(number("i", 0, sizes), OF_J)
    if selected.kind == "position" and selected.number is not None:
        return same_bits(position, bits(selected.number, OF_I))
    if selected.kind == "writes":
        write = next(write for write in pair.writes if write.tape == selected.tape)
        last = bits(number("w", selected.tape, sizes), OF_I)
        low = len(last) if selected.low is None else selected.low
        return conjunction((same_cell(write), same_bits(position[low:], last[low:])))
    return TRUE


def same_cell(write: Write) -> Formula:
    """That j writes the cell which i addresses."""
    if write.written is None:
        return FALSE
    cell = [OF_I.bit(write.cell, place) for place in range(write.written.bits)]
    return same_bits(cell, bits(write.written, OF_J))


def facts_of_pair(pair: Pair, setting: Setting) -> list[Formula]:
    """SPEC 14.3 about i and j, and what `when` says."""
    sizes = setting.sizes
    formulas = [
        OF_I.condition(condition) if truth else negation(OF_I.condition(condition)) for condition, truth in pair.when
    ]
    position = bits(number("i", 0, sizes), OF_J)
    for write in pair.writes:
        written, last = OF_I.flag(Flag(f"written_{write.tape}")), bits(number("w", write.tape, sizes), OF_I)
        is_last = conjunction((written, same_bits(position, last)))
        formulas.append(implies(same_cell(write), conjunction((written, at_most(position, last)))))
        formulas.append(implies(is_last, same_cell(write)))
    return formulas


def at_most(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """That one number is at most another; bits from the least one on."""
    formula = TRUE
    for one, other in zip(left, right, strict=True):
        formula = choice(equal(one, other), formula, other)
    return formula
