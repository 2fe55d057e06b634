"""MACHINES section 1: bounds how often one cell can be written, by following one cell of one tape and ignoring others.

Words:
    place  where the head is: below, at or above the watched cell
    view   a state, a place, and the symbol in the watched cell
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.machine import Machine, Row, Symbols

View: TypeAlias = tuple[str, str, str]
Graph: TypeAlias = dict[View, set[View]]


def writes_per_cell(machine: Machine, deadline: Deadline) -> int | None:
    """The machine's bound, or None if there is none."""
    places = [(tape, is_cell_0) for tape in range(machine.tapes) for is_cell_0 in (True, False)]
    bounds = [_bound(machine, tape, is_cell_0, deadline) for tape, is_cell_0 in places]
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _bound(machine: Machine, tape: int, is_cell_0: bool, deadline: Deadline) -> int | None:
    """The bound for one tape; the watched cell is cell 0, or is not."""
    blank, place = machine.alphabet[0], "at" if is_cell_0 else "below"
    symbols = (blank, *machine.input) if tape == 0 else (blank,)
    initial = [(machine.states[0], place, symbol) for symbol in symbols]
    graph = _reachable(machine, tape, is_cell_0, initial)
    most = _most_writes(graph, deadline)
    if most is None:
        return None
    return max(most[view] + (view[2] != blank) for view in initial)


def _reachable(machine: Machine, tape: int, is_cell_0: bool, initial: list[View]) -> Graph:
    """The reachable views, with the edges between them."""
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
    """The table of MACHINES 1."""
    if place == "at":
        return ({"L": "at" if is_cell_0 else "below", "S": "at", "R": "above"}[move],)
    towards = {"below": "R", "above": "L"}[place]
    return (place, "at") if move == towards else (place,)


def _most_writes(graph: Graph, deadline: Deadline) -> dict[View, int] | None:
    """For each view the largest number of edges that leave views at ``at`` on a path from it.

    None if there is none: if such an edge lies on a cycle, that is if both of its ends are in one component.
    """
    component = _components(graph, deadline)
    most = dict.fromkeys(component.values(), 0)
    for view in sorted(graph, key=lambda one: component[one]):
        own, is_at = component[view], view[1] == "at"
        for following in graph[view]:
            if is_at and component[following] == own:
                return None
            most[own] = max(most[own], is_at + most[component[following]])
    return {view: most[own] for view, own in component.items()}


def _components(graph: Graph, deadline: Deadline) -> dict[View, int]:
    """The strongly connected components, numbered so that no edge leads to a higher number (Tarjan 1972)."""
    found, lowest, component = dict[View, int](), dict[View, int](), dict[View, int]()
    path, left = list[tuple[View, Iterator[View]]](), list[View]()
    for first in graph:
        if first not in found:
            path.append((first, iter(graph[first])))
        while path:
            view, edges = path[-1]
            if view not in found:
                deadline.left("the bound on writes per cell")
                found[view] = lowest[view] = len(found)
                left.append(view)
            following = next((one for one in edges if one not in component), None)
            if following is None:
                path.pop()
                if lowest[view] == found[view]:
                    number = len(component)
                    while view not in component:
                        component[left.pop()] = number
                elif path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[view])
            elif following in found:
                lowest[view] = min(lowest[view], found[following])
            else:
                path.append((following, iter(graph[following])))
    return component
