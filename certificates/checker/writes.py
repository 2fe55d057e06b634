"""SPEC section 15: how often one cell can be written, by following one cell of one tape and forgetting all others.

Words:
    place  where the head is: below, at or above the watched cell
    view   a state, a place, and the symbol in the watched cell
"""

from __future__ import annotations

from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.machine import Machine, Row, Symbols

View: TypeAlias = tuple[str, str, str]
Graph: TypeAlias = dict[View, set[View]]


def writes_per_cell(machine: Machine, deadline: Deadline) -> int | None:
    """The machine's bound, or None if it has none."""
    places = [(tape, is_cell_0) for tape in range(machine.tapes) for is_cell_0 in (True, False)]
    bounds = [_bound(machine, tape, is_cell_0, deadline) for tape, is_cell_0 in places]
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _bound(machine: Machine, tape: int, is_cell_0: bool, deadline: Deadline) -> int | None:
    """The bound of a tape for the watched cell being cell 0, or not."""
    blank, place = machine.alphabet[0], "at" if is_cell_0 else "below"
    symbols = (blank, *machine.input) if tape == 0 else (blank,)
    initial = [(machine.states[0], place, symbol) for symbol in symbols]
    graph = _reachable(machine, tape, is_cell_0, initial)
    most = _most_writes(graph, deadline)
    if most is None:
        return None
    return max(most[view] + (view[2] != blank) for view in initial)


def _reachable(machine: Machine, tape: int, is_cell_0: bool, initial: list[View]) -> Graph:
    """What is reachable, with the edges."""
    rows: dict[str, list[tuple[Symbols, Row]]] = {}
    for (state, read), row in machine.rows.items():
        rows.setdefault(state, []).append((read, row))
    graph: Graph = {}
    waiting = list(initial)
    while waiting:
        view = waiting.pop()
        if view in graph:
            continue
        graph[view] = set()
        state, place, symbol = view
        if state == machine.halting:
            continue
        for read, (after, written, moves) in rows.get(state, ()):
            if place != "at" or read[tape] == symbol:
                kept = written[tape] if place == "at" else symbol
                graph[view] |= {(after, following, kept) for following in _places(place, moves[tape], is_cell_0)}
        waiting += graph[view]
    return graph


def _places(place: str, move: str, is_cell_0: bool) -> tuple[str, ...]:
    """The table of section 15."""
    if place == "at":
        return ({"L": "at" if is_cell_0 else "below", "S": "at", "R": "above"}[move],)
    towards = {"below": "R", "above": "L"}[place]
    return (place, "at") if move == towards else (place,)


def _most_writes(graph: Graph, deadline: Deadline) -> dict[View, int] | None:
    """For each view the largest number of edges that leave views at ``at`` on a path from it.

    None if there is none: if such an edge lies on a cycle. Else a path leaves each view at ``at`` at most once.
    """
    most, several = dict.fromkeys(graph, 0), sum(place == "at" for _, place, _ in graph)
    changed = True
    while changed:
        deadline.left("statement.scope.writes_per_cell.bound")
        changed = False
        for view, edges in graph.items():
            number = max(((view[1] == "at") + most[following] for following in edges), default=0)
            if number > several:
                return None
            changed = changed or number != most[view]
            most[view] = number
    return most
