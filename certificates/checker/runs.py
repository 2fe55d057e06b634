"""The replays and what they show about the heads (SPEC sections 5 and 6).

Words:
    tally  what the replays showed about one head
    place  run, segment, layer (from 1), head, token and row of the value list: a query that section 8 asks about
    seen   that query
    case   (separation, ties) of a head
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, require_same
from exactformer.certificates.checker.machine import Machine, MachineError, Segment, run_machine, segments, used_cells
from exactformer.certificates.checker.replay import Attended, Stream, gaps, is_lookup, least_margin, replay
from exactformer.certificates.checker.statement import Statement
from exactformer.certificates.checker.weights import Head, Network

Place: TypeAlias = tuple[int, int, int, int, int, int]
Case: TypeAlias = tuple[int | None, tuple[tuple[int, int], ...]]
Gap: TypeAlias = tuple[int, tuple[int, int, int]]
"""A gap: how far below the largest score; how many positions at this gap have the values -1, 0 and 1."""

LARGEST_TOKENS = 2**16
"""The most tokens of one segment."""
LARGEST_STEPS = 2**20
"""The most steps of one run."""


@dataclass
class Tally:
    """What the replays showed about one head (section 6); ``ties`` are those with a value that is not 0."""

    separation: int | None = None
    witness: dict[str, Json] | None = None
    ties: set[int] = field(default_factory=set)
    maximisers: int = 0


@dataclass(frozen=True)
class Seen:
    """One query of a refuting witness: how many maximisers, the value they share, all visible values by gap."""

    maximisers: int
    hardmax: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class Replayed:
    """What all replays showed; ``tokens`` are the lengths of the segments."""

    tallies: dict[tuple[int, int], Tally]
    tokens: list[int]
    seen: dict[Place, Seen]


def check_runs(
    value: Json, statement: Statement, machine: Machine, network: Network, places: list[Place], deadline: Deadline
) -> Replayed:
    """Section 5: simulate the machine, replay the network on every segment, and tally what its heads do."""
    found = items("runs", value)
    if len(found) != len(statement.inputs):
        raise Rejected("runs", f"has {len(found)} entries for {len(statement.inputs)} inputs")
    shape = [(i, j) for i, layer in enumerate(network.layers, start=1) for j in range(len(layer.heads))]
    replayed = Replayed({head: Tally() for head in shape}, [], {})
    asked: dict[tuple[int, ...], list[Place]] = {}
    for place in places:
        asked.setdefault(place[:4], []).append(place)
    for run, (word, entry) in enumerate(zip(statement.inputs, found, strict=True)):
        deadline.left(f"runs[{run}]")
        try:
            steps, result = run_machine(machine, word, LARGEST_STEPS)
        except MachineError as error:
            raise Rejected(f"runs[{run}]", str(error)) from error
        expected: dict[str, Json] = {"input": word, "output": result, "steps": len(steps)}
        expected["cells"] = used_cells(word, steps)
        expected["segments"] = [
            replay_segment(segment, (run, number), statement, network, asked, replayed, deadline)
            for number, segment in enumerate(segments(machine, word, steps, result, statement.r, statement.paradigm))
        ]
        require_same(f"runs[{run}]", entry, expected)
    return replayed


def replay_segment(
    segment: Segment,
    which: tuple[int, int],
    statement: Statement,
    network: Network,
    asked: dict[tuple[int, ...], list[Place]],
    replayed: Replayed,
    deadline: Deadline,
) -> dict[str, Json]:
    """The entry of a segment (SPEC section 5); what it shows about the heads goes to ``replayed``."""
    at = f"runs[{which[0]}].segments[{which[1]}]"
    if len(segment.tokens) > statement.context:
        raise Rejected(at, f"has {len(segment.tokens)} tokens, more than the context of {statement.context}")
    if len(segment.tokens) > LARGEST_TOKENS:
        raise TooLarge(f"{at} has {len(segment.tokens)} tokens; this checker replays up to {LARGEST_TOKENS}")

    def watch(layer: int, head_place: int, head: Head, stream: Stream, attended: Attended) -> None:
        tally(replayed.tallies[layer, head_place], which, head, stream, attended)
        for place in asked.get((*which, layer, head_place), ()):
            if place[4] < stream.shape[1]:
                replayed.seen[place] = seen(head, stream, attended, *place[4:])

    stream = replay(at, network, segment.tokens[: segment.read], watch, deadline)
    replayed.tokens.append(len(segment.tokens))
    return {
        "tokens": len(segment.tokens),
        "prompt": segment.prompt,
        "read": segment.read,
        "margin": least_margin(at, network, stream, segment.tokens, segment.prompt),
    }


def tally(so_far: Tally, which: tuple[int, int], head: Head, stream: Stream, attended: Attended) -> None:
    """Add what a head does in one segment to what it did before (section 6)."""
    shared = stream[head.value][:, attended.chosen]
    so_far.ties.update(np.unique(attended.maximisers[shared.any(axis=0)]).tolist())
    so_far.maximisers = max(so_far.maximisers, int(attended.maximisers.max()))
    if attended.separation is None:
        so_far.separation = 2
        return
    apart = attended.separation[attended.separation > 0]
    if apart.size and (so_far.separation is None or int(apart.min()) < so_far.separation):
        so_far.separation = int(apart.min())
        token = int(np.argmax(attended.separation == so_far.separation))
        so_far.witness = {"run": which[0], "segment": which[1], "token": token}


def seen(head: Head, stream: Stream, attended: Attended, token: int, row: int) -> Seen:
    """One query for section 8."""
    hardmax = int(stream[head.value[row], attended.chosen[token]])
    return Seen(int(attended.maximisers[token]), hardmax, tuple(gaps(head, stream, token, row)))


def check_heads(
    value: Json, network: Network, tallies: dict[tuple[int, int], Tally], holds: Callable[[Case], bool] | None
) -> bool:
    """Section 6: every head's entry; whether all heads are stated, and shown, to give the hardmax value.

    ``holds`` decides a case; None if no beta is given.
    """
    expected, all_hold, told = list[Json](), True, said_to_hold(value)
    for index, ((layer, place), found) in enumerate(tallies.items()):
        head = network.layers[layer - 1].heads[place]
        if head.kind == "lookup" and not is_lookup(head, network.r):
            raise Rejected(f"weights.layers[{layer - 1}].heads[{place}]", "is not a lookup by position")
        ranges = as_ranges(found.ties)
        entry: dict[str, Json] = {"layer": layer, "head": place, "name": head.name, "kind": head.kind}
        entry["separation"] = found.separation
        entry["evidence"] = "proved" if head.kind == "lookup" else "observed"
        entry["witness"] = found.witness
        entry["ties"] = [[low, high] for low, high in ranges]
        entry["maximisers"] = found.maximisers
        entry["holds"] = None if holds is None else index in told and holds((found.separation, tuple(ranges)))
        all_hold = all_hold and entry["holds"] is True
        expected.append(entry)
    require_same("heads", value, expected)
    return all_hold


def said_to_hold(heads: Json) -> frozenset[int]:
    """The places of heads for which this is stated; malformed lists are rejected elsewhere."""
    listed = heads if isinstance(heads, list) else []
    return frozenset(place for place, head in enumerate(listed) if isinstance(head, dict) and head.get("holds") is True)


def as_ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """Ascending ranges with gaps between them.

    >>> as_ranges({7, 1, 2, 3})
    [(1, 3), (7, 7)]
    """
    ends = [n for n in sorted(numbers) if n + 1 not in numbers]
    return list(zip([n for n in sorted(numbers) if n - 1 not in numbers], ends, strict=True))
