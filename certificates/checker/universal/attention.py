"""SPEC 12, 13.2, 13.4: what stands in ``heads``, what attention leaves alone, and what it brings.

Words:
    part      the coordinates of one register that one head writes, and where they stand in its list ``out``
    received  the content of an entry: what every selected token has, and what the register holds behind attention
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from certificates.checker.document import Json, Rejected, integer, items, members, require_same
from certificates.checker.universal.annotation import Annotation, Setting
from certificates.checker.universal.contents import ZERO, Condition, Content, Fetched, Number, number
from certificates.checker.universal.facts import assumptions, facts
from certificates.checker.universal.formulas import Cases, View, conjunction, coordinates, same
from certificates.checker.universal.meaning import Entry, Selected, may_select, read_meaning
from certificates.checker.universal.scores import ScoreCheck
from certificates.checker.universal.solvers import Judge
from certificates.checker.universal.tokens import State, alike, before, same_number, seen_by, settle, states
from certificates.checker.weights import Head, in_registers

HERE = View()
When = tuple[tuple[Condition, bool], ...]
PARTS = (
    "layer", "head", "name", "kind", "query", "key", "value", "out", "separation", "evidence", "ties", "meaning",
    "softmax",
)  # fmt: skip


@dataclass(frozen=True)
class Claimed:
    """An entry of ``heads``: how far apart the scores are, how many tokens may be selected, and the meaning."""

    head: Head
    separation: int
    most: int
    entries: tuple[Entry, ...]


def read_heads(value: Json, setting: Setting, most_writes: int) -> list[list[Claimed]]:
    """Section 12, by layers: everything but what the meanings mean; ``softmax`` is the index of the first such case."""
    places = [
        (layer, place, head)
        for layer, found in enumerate(setting.network.layers)
        for place, head in enumerate(found.heads)
    ]
    integer("heads", len(items("heads", value)), len(places), len(places))
    claimed: list[list[Claimed]] = [[] for _ in setting.network.layers]
    cases: list[tuple[int, int]] = []
    for index, ((layer, place, head), item) in enumerate(zip(places, items("heads", value), strict=True)):
        at = f"heads[{index}]"
        parts = members(at, item, *PARTS)
        separation = integer(f"{at}.separation", parts["separation"], 1, 2**31)
        entries = read_meaning(f"{at}.meaning", parts["meaning"], head, layer + 1, setting)
        many = any(entry.selected.kind == "writes" and not entry.nothing for entry in entries)
        most = most_writes if many else 1
        if (separation, most) not in cases:
            cases.append((separation, most))
        expected: dict[str, Json] = {"layer": layer + 1, "head": place, "name": head.name, "kind": head.kind}
        for part in ("query", "key", "value", "out"):
            expected[part] = in_registers(setting.network, getattr(head, part))
        expected |= {"evidence": "proved", "ties": [["1", str(most)]], "softmax": cases.index((separation, most))}
        require_same(at, {key: parts[key] for key in expected}, expected)
        claimed[layer].append(Claimed(head, separation, most, tuple(entries)))
    return claimed


def cases_of(claimed: Iterable[Iterable[Claimed]]) -> list[tuple[int, int]]:
    """The different (separation, most ties), in order of first appearance."""
    return list(dict.fromkeys((head.separation, head.most) for layer in claimed for head in layer))


class AttentionCheck:
    """Checks the attention of layers and remembers what it has proved."""

    def __init__(self, setting: Setting, annotation: Annotation, judge: Judge) -> None:
        self.setting, self.annotation, self.judge = setting, annotation, judge
        self.scores = ScoreCheck(setting, annotation, judge)

    def check_layer(self, number: int, claimed: Sequence[Claimed]) -> None:
        """Sections 13.2 to 13.4 for one layer."""
        written: dict[int, str] = {}
        for place, entry in enumerate(claimed):
            for coordinate in entry.head.out:
                at = f"weights.layers[{number - 1}].heads[{place}].out"
                if coordinate in written or coordinate < self.setting.network.r:
                    raise Rejected(at, f"coordinate {coordinate} is of register pos, or written twice")
                written[coordinate] = at
        self._check_rest(number, {self.setting.places[coordinate] for coordinate in written})
        for entry in claimed:
            self.scores.check_head(entry.head, number, entry.separation, entry.entries)
            for case in entry.entries:
                for cls in filter(case.possible, case.classes):
                    self._check_value(number, entry.head, case, cls)
                    self._check_received(number, entry.head, case, cls)

    def _check_rest(self, number: int, written: set[tuple[str, int]]) -> None:
        """Section 13.2: what no head writes stays."""
        partly = {register for register, _ in written}
        for cls in self.annotation.stages:
            old, new = (self.annotation.held(cls, number, stage) for stage in ("before", "attention"))
            for register, width in self.setting.widths.items():
                if old[register] == new[register] and register not in partly:
                    continue
                at = f"annotation.contents.{cls}.layers[{number - 1}].attention.{register}"
                kept = [place for place in range(width) if (register, place) not in written]
                for group in alike(cls, (old[register], new[register]), self.setting.sizes.r):
                    pair = [settle(held[register], group[0], (), self.setting.sizes) for held in (old, new)]
                    one, other = (coordinates(content, width, HERE) for content in pair)
                    self._require_same(
                        at, [(one[place], other[place]) for place in kept], group[0], pair, (),
                        "changes, but no head writes it",
                    )  # fmt: skip

    def _check_received(self, number: int, head: Head, case: Entry, cls: str) -> None:
        """Section 13.2: before is 0 and after is the value, or the value is 0 and after is before."""
        sizes, widths = self.setting.sizes, self.setting.widths
        old, new = (self.annotation.held(cls, number, stage) for stage in ("before", "attention"))
        parts: dict[str, list[tuple[int, int]]] = {}
        for index, coordinate in enumerate(head.out):
            register, place = self.setting.places[coordinate]
            parts.setdefault(register, []).append((place, index))
        for register, indices in parts.items():
            for group in alike(cls, (case.value, old[register], new[register]), sizes.r):
                state = group[0]
                value, one, other = (
                    settle(content, state, case.when, sizes) for content in (case.value, old[register], new[register])
                )
                received = coordinates(value, len(head.out), HERE)
                earlier, later = (coordinates(content, widths[register], HERE) for content in (one, other))
                pairs = list[tuple[Cases, Cases]]()
                for place, index in indices:
                    if list(earlier[place]) != [0] and list(received[index]) != [0]:
                        raise Rejected(f"{case.at}.value", f"is added to what {register} holds at class {cls}")
                    pairs.append((received[index] if list(earlier[place]) == [0] else earlier[place], later[place]))
                at = f"annotation.contents.{cls}.layers[{number - 1}].attention.{register}"
                reason = f"is not what {case.at} brings"
                self._require_same(at, pairs, state, (value, one, other), case.when, reason)

    def _require_same(
        self,
        at: str,
        pairs: Iterable[tuple[Cases, Cases]],
        state: State,
        contents: Sequence[Content],
        when: When,
        reason: str,
    ) -> None:
        claim = conjunction(same(one, other) for one, other in pairs)
        sizes = self.setting.sizes
        assumed = assumptions(facts(state, contents, sizes), self.setting.machine, sizes)
        self.judge.require(at, [*assumed, *said(when)], claim, reason)

    def _check_value(self, layer: int, head: Head, case: Entry, cls: str) -> None:
        """Section 13.4."""
        selected, sizes = case.selected, self.setting.sizes
        if selected.number is not None and selected.number.kind == "back":
            back = selected.number.index
            whole = [register for register, span in self.setting.spans.items() if head.value == list(span)]
            if case.value in [Fetched(register, back, layer) for register in whole]:
                return
            for state in states(cls, sizes.r):
                for earlier in before(state, back, sizes.r):
                    self._require_value(layer, head, case, state, earlier, *moved(state, back, earlier, self.setting))
            return
        registers = {self.setting.places[coordinate][0] for coordinate in head.value}
        for other in filter(lambda c: may_select(selected, c, self.setting), seen_by(cls, sizes.r)):
            held = self.annotation.held(other, layer, "before")
            views = HERE, View("j", tuple(same_at_selected(selected, cls, other, self.setting)))
            for group in alike(cls, (case.value,), sizes.r):
                for others in alike(other, [held[register] for register in registers], sizes.r):
                    self._require_value(layer, head, case, group[0], others[0], *views)

    def _require_value(
        self, layer: int, head: Head, case: Entry, state: State, other: State, here: View, there: View
    ) -> None:
        """What j in state ``other`` holds is the value of the entry, for i in state ``state``."""
        sizes = self.setting.sizes
        held = self.annotation.held(other.cls, layer, "before")
        value = coordinates(settle(case.value, state, case.when, sizes), len(head.value), here)
        claims = []
        for index, coordinate in enumerate(head.value):
            register, place = self.setting.places[coordinate]
            content = settle(held[register], other, (), sizes)
            claims.append(same(coordinates(content, self.setting.widths[register], there)[place], value[index]))
        reason = f"is not what a token of class {other.cls} has, for class {state.cls}"
        self.judge.require(f"{case.at}.value", said(case.when), conjunction(claims), reason)


def said(when: When) -> list[str]:
    """The conditions of an entry as formulas."""
    return [HERE.truth(condition, truth) for condition, truth in when]


def moved(state: State, back: int, other: State, setting: Setting) -> tuple[View, View]:
    """How to name the ghosts of i and of the token ``back`` before it (SPEC 14.2)."""
    here, there = list[tuple[Number, Number]](), list[tuple[Number, Number]]()
    for mine, its, index in _equal_ghosts(state, back, other, setting.sizes.r, setting.sizes.tapes):
        own = same_number(number(mine, index, setting.sizes), state.cls, setting.sizes)
        theirs = same_number(number(its, index, setting.sizes), other.cls, setting.sizes)
        if theirs == ZERO:
            here.append((own, ZERO))
        else:
            there.append((theirs, own))
    return View("i", tuple(here)), View("j", tuple(there), back)


def _equal_ghosts(state: State, back: int, other: State, r: int, tapes: int) -> Iterator[tuple[str, str, int]]:
    """Ghosts of i and of the token ``back`` before it that are equal, with the tape: SPEC 14.2 word for word."""
    pairs = ""
    match state.cls, other.cls:
        case "RUN", "RUN" | "EINP" | "EPOS" if back == 1:
            pairs = "cx"
        case "POS", "RUN" if back == 1:
            pairs = "xx"
        case "BIT", "POS" if back == state.step + 1:
            pairs = "yx"
        case "EPOS", "BIT" if back <= r:
            pairs = "xy"
        case "EPOS", "RUN" if back == r + 2:
            pairs = "xx"
            yield "q", "q", 0
    if pairs:
        yield from ((pairs[0], pairs[1], tape) for tape in range(1, tapes + 1))


def same_at_selected(selected: Selected, cls: str, other: str, setting: Setting) -> Iterator[tuple[Number, Number]]:
    """Numbers of a selected token j with numbers of i that they equal (SPEC 14.3, 14.5)."""
    sizes = setting.sizes

    def mine(kind: str, index: int) -> Number:
        return same_number(number(kind, index, sizes), cls, sizes)

    if selected.token == "OUTP":
        yield number("i", 0, sizes), mine("o", 0)
    tape = selected.tape or (selected.number.index if selected.number is not None else 0)
    if selected.kind in ("writes", "position"):
        cell = ("c", tape) if other == "RUN" else ("back", 1)
        yield number(*cell, sizes), mine("x", tape)
    if selected.kind == "position":
        yield number("i", 0, sizes), number("w", tape, sizes)
        yield number("a" if other == "RUN" else "s", tape if other == "RUN" else 0, sizes), number("g", tape, sizes)
