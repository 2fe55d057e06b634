"""Every change of a single weight of a network: one more, one less, or none; of a head: another coordinate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WeightChange:
    """``kind``: which matrix it is of, and what is done."""

    kind: str
    title: str
    make: Callable[[Any], None]

    def of(self, document: Any) -> Any:
        changed = deepcopy(document)
        self.make(changed)
        return changed


def weight_changes(document: Any) -> Iterator[WeightChange]:
    """All of them."""
    width = sum(width for _, width in document["registers"])
    for place, family in enumerate(document["vocabulary"]):
        for side in ("embedding", "unembedding"):
            yield from _of_vector(side, f"{family['name']}", family[side], width, ("vocabulary", place, side))
            for number, one in enumerate(family["fields"]):
                for value, vector in enumerate(one[side]):
                    path = ("vocabulary", place, "fields", number, side, value)
                    yield from _of_vector(
                        f"field {side}", f"{family['name']}.{one['values'][value]}", vector, width, path
                    )
    for number, layer in enumerate(document["layers"]):
        for place, head in enumerate(layer["heads"]):
            yield from _of_head(head, width, ("layers", number, "heads", place))
        yield from _of_mlp(layer["mlp"], f"layer {number}", ("layers", number, "mlp"))


Path = tuple[str | int, ...]


def at(document: Any, path: Path) -> Any:
    for part in path:
        document = document[part]
    return document


def setting(path: Path, value: Any) -> Callable[[Any], None]:
    def make(document: Any) -> None:
        at(document, path[:-1])[path[-1]] = value

    return make


def _of_vector(kind: str, title: str, vector: Any, width: int, path: Path) -> Iterator[WeightChange]:
    """Every entry changed and removed; every entry that is not there added, as 1 and as -1."""
    known = {coordinate for coordinate, _ in vector}
    for place, (coordinate, weight) in enumerate(vector):
        rest = [*vector[:place], *vector[place + 1 :]]
        yield WeightChange(f"{kind} removed", f"{title}[{coordinate}] removed", setting(path, rest))
        for by in (1, -1):
            if weight + by:
                more = [*rest, [coordinate, weight + by]]
                yield WeightChange(f"{kind} {by:+d}", f"{title}[{coordinate}] {by:+d}", setting(path, more))
    for coordinate in sorted(set(range(width)) - known):
        for by in (1, -1):
            made = [*vector, [coordinate, by]]
            yield WeightChange(f"{kind} added", f"{title}[{coordinate}] {by:+d}, from 0", setting(path, made))


def _of_head(head: Any, width: int, path: Path) -> Iterator[WeightChange]:
    """Entries are 1: what can change is which there are. Pairs are removed and doubled, coordinates moved."""
    for left, right in (("query", "key"), ("value", "out")):
        for place in range(len(head[left])):
            for title, times in (("removed", 0), ("doubled", 2)):
                if len(head[left]) + times > 1:

                    def repeat(
                        document: Any, left: str = left, right: str = right, place: int = place, times: int = times
                    ) -> None:
                        for side in (left, right):
                            found = at(document, path)[side]
                            found[place : place + 1] = times * [found[place]]

                    name = f"{head['name']}.{left}[{place}] {title}"
                    yield WeightChange(f"{left} and {right} {title}", name, repeat)
            for side in (left, right):
                for by in (1, -1):
                    moved = head[side][place] + by
                    if 0 <= moved < width:
                        name = f"{head['name']}.{side}[{place}] at {moved}"
                        yield WeightChange(f"{side} moved", name, setting((*path, side, place), moved))


def _of_mlp(mlp: Any, title: str, path: Path) -> Iterator[WeightChange]:
    for side in ("in", "out"):
        for place, weight in enumerate(mlp[f"{side}_weight"]):
            name = f"{title} {side}_weight[{place}]"
            for by in (1, -1):
                if weight + by:
                    make = setting((*path, f"{side}_weight", place), weight + by)
                    yield WeightChange(f"mlp {side} {by:+d}", f"{name} {by:+d}", make)

            def remove(document: Any, side: str = side, place: int = place) -> None:
                found = at(document, path)
                del found[f"{side}_weight"][place], found[f"{side}_coordinate"][place]
                found[f"{side}_start"] = [start - (start > place) for start in found[f"{side}_start"]]

            yield WeightChange(f"mlp {side} removed", f"{name} removed", remove)
    for place, bias in enumerate(mlp["bias"]):
        for by in (1, -1):
            make = setting((*path, "bias", place), bias + by)
            yield WeightChange(f"mlp bias {by:+d}", f"{title} bias[{place}] {by:+d}", make)
