"""SPEC 12, 13.2, 13.4: what stands in ``heads``, what attention leaves alone, and what it brings.

Words:
    part      the coordinates of one register that one head writes, and where they stand in its list ``out``
    received  the content of an entry: what every selected token has, and what the register holds behind attention
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exactformer.certificates.checker.cases import Cases, same
from exactformer.certificates.checker.diagrams import Formula
from exactformer.certificates.checker.document import Json, Rejected, integer, items, members, require_same
from exactformer.certificates.checker.universal.annotation import Annotation, Setting
from exactformer.certificates.checker.universal.assumptions import assumptions
from exactformer.certificates.checker.universal.classes import before, seen_by, states
from exactformer.certificates.checker.universal.contents import Content, Fetched
from exactformer.certificates.checker.universal.facts import facts
from exactformer.certificates.checker.universal.formulas import View, coordinates
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.meaning import Entry, may_select, read_meaning
from exactformer.certificates.checker.universal.pairs import known_of_selected, moved, selected_views, together
from exactformer.certificates.checker.universal.scores import ScoreCheck
from exactformer.certificates.checker.universal.tokens import Known, settle, versions
from exactformer.certificates.checker.weights import Head, in_registers

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
    cases: dict[tuple[int, int], int] = {}
    for index, ((layer, place, head), item) in enumerate(zip(places, items("heads", value), strict=True)):
        at = f"heads[{index}]"
        parts = members(at, item, *PARTS)
        separation = integer(f"{at}.separation", parts["separation"], 1, 2**31)
        entries = read_meaning(f"{at}.meaning", parts["meaning"], head, layer + 1, setting)
        many = any(entry.selected.kind == "writes" and not entry.nothing for entry in entries)
        most = most_writes if many else 1
        case = cases.setdefault((separation, most), len(cases))
        expected: dict[str, Json] = {"layer": layer + 1, "head": place, "name": head.name, "kind": head.kind}
        for part in ("query", "key", "value", "out"):
            expected[part] = in_registers(setting.network, getattr(head, part))
        expected |= {"evidence": "proved", "ties": [["1", str(most)]], "softmax": case}
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
                self.judge.deadline.left(case.at)
                for cls in case.possible_classes(self.setting.sizes):
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
                for pair in versions(cls, (old[register], new[register]), (), self.setting.sizes):
                    here = self.judge.begin(at, self.setting.here)
                    one, other = (coordinates(content, width, here) for content in pair)
                    self._require_same(
                        at, [(one[place], other[place]) for place in kept], cls, pair, (),
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
            for settled in versions(cls, (case.value, old[register], new[register]), case.when, sizes):
                (value, one, other), here = settled, self.judge.begin(case.at, self.setting.here)
                received = coordinates(value, len(head.out), here)
                earlier, later = (coordinates(content, widths[register], here) for content in (one, other))
                pairs = list[tuple[Cases, Cases]]()
                for place, index in indices:
                    if list(earlier[place]) != [0] and list(received[index]) != [0]:
                        raise Rejected(f"{case.at}.value", f"is added to what {register} holds at class {cls}")
                    pairs.append((received[index] if list(earlier[place]) == [0] else earlier[place], later[place]))
                at = f"annotation.contents.{cls}.layers[{number - 1}].attention.{register}"
                reason = f"is not what {case.at} brings"
                self._require_same(at, pairs, cls, settled, case.when, reason)

    def _require_same(
        self,
        at: str,
        pairs: Iterable[tuple[Cases, Cases]],
        cls: str,
        contents: Sequence[Content],
        when: Known,
        reason: str,
    ) -> None:
        sizes, here = self.setting.sizes, self.setting.here
        assumed = assumptions(facts(cls, contents, sizes), self.setting.machine, sizes, here)
        self.judge.require(at, [*assumed, *said(when, here)], (same(one, other) for one, other in pairs), reason)

    def _check_value(self, layer: int, head: Head, case: Entry, cls: str) -> None:
        """Section 13.4."""
        selected, sizes = case.selected, self.setting.sizes
        registers = list(dict.fromkeys(self.setting.places[coordinate][0] for coordinate in head.value))
        if selected.number is not None and selected.number.kind == "back":
            back = selected.number.index
            whole = [register for register, span in self.setting.spans.items() if head.value == list(span)]
            if case.value in [Fetched(register, back, layer) for register in whole]:
                return
            for state in states(cls, sizes.r):
                for earlier in before(state, back, sizes):
                    told = together(cls, case.when, earlier.cls)
                    if told is not None:
                        held = self.annotation.held(earlier.cls, layer, "before")
                        value = settle(case.value, state, (*case.when, *told[0]), sizes)
                        theirs = {register: settle(held[register], earlier, told[1], sizes) for register in registers}
                        classes = cls, earlier.cls
                        views = moved(state, back, earlier, sizes, self.setting.here)
                        self._require_value(head, case, classes, value, theirs, views)
            return
        for other in filter(lambda c: may_select(selected, c, sizes), seen_by(cls, sizes)):
            told = together(cls, case.when, other)
            if told is None:
                continue
            held = self.annotation.held(other, layer, "before")
            views = selected_views(selected, cls, other, sizes, self.setting.here)
            at_j = (*told[1], *known_of_selected(selected, sizes))
            for (value,) in versions(cls, (case.value,), (*case.when, *told[0]), sizes):
                for contents in versions(other, [held[register] for register in registers], at_j, sizes):
                    theirs = dict(zip(registers, contents, strict=True))
                    self._require_value(head, case, (cls, other), value, theirs, views)

    def _require_value(
        self,
        head: Head,
        case: Entry,
        classes: tuple[str, str],
        value: Content,
        theirs: Mapping[str, Content],
        views: tuple[View, View],
    ) -> None:
        """What j holds is the value of the entry, for i; both settled, seen from i and from j."""
        here, there = views
        self.judge.begin(case.at, here)
        received = coordinates(value, len(head.value), here)
        widths, places = self.setting.widths, [self.setting.places[coordinate] for coordinate in head.value]
        held = {register: coordinates(content, widths[register], there) for register, content in theirs.items()}
        claims = [same(held[register][place], cases) for (register, place), cases in zip(places, received, strict=True)]
        reason = f"is not what a token of class {classes[1]} has, for class {classes[0]}"
        self.judge.require(f"{case.at}.value", said(case.when, self.setting.here), claims, reason)


def said(when: Known, here: View) -> list[Formula]:
    """The conditions of an entry as formulas."""
    return [here.truth(condition, truth) for condition, truth in when]
