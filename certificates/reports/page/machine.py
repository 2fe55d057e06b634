"""The machine that a certificate is about: its states and symbols, its rows, and a diagram if it is small."""

from __future__ import annotations

from collections import defaultdict
from math import cos, pi, sin

from exactformer.certificates.reports.page.section import (
    Section,
    drawing,
    facts,
    figure,
    label,
    left_out,
    note,
    scrolled,
    short,
)
from exactformer.certificates.reports.page.source import Kind, Source
from exactformer.constructions.html import Markup, element, folded, joined, table
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.machines.text import read_machine

MOST_ROWS = 80
MOST_STATES, MOST_ARROWS = 12, 30
"""The most states and arrows of a machine that is drawn."""
UNNAMED = "machine"
"""What a machine is called if nothing names it."""


def machine_of(source: Source) -> TuringMachine | None:
    """The machine that a certificate holds: as its text, or as the tables of a theory of machines' runs.

    Raises MachineError, and LookupError, TypeError and ValueError if they are not tables of a machine.
    """
    if source.kind is Kind.RUNS:
        return read_machine(str(source.statement["machine"]["text"]), "the machine's text")
    if source.paradigm is None:
        return None
    tables = source.statement["parameters"]
    tapes, (initial,), (halting,), (blank,) = int(tables["K"]), tables["INITIAL"], tables["HALTING"], tables["BLANK"]
    states, alphabet = list(map(str, tables["STATES"])), list(map(str, tables["GAMMA"]))
    transitions = {}
    for row in tables["ROWS"]:
        state, read = row[0], tuple(row[1 : 1 + tapes])
        written, moves = tuple(row[2 + tapes : 2 + 2 * tapes]), tuple(map(Move, row[2 + 2 * tapes : 2 + 3 * tapes]))
        transitions[state, read] = Action(row[1 + tapes], written, moves)
    return TuringMachine(
        "".join(source.name.split()) or UNNAMED,
        tapes,
        (initial, *(state for state in states if state != initial)),
        halting,
        (blank, *(symbol for symbol in alphabet if symbol != blank)),
        tuple(map(str, tables["INPUTS"])),
        transitions,
    )


def of_library(machine: TuringMachine) -> bool:
    """Whether the library has this very machine under its name."""
    entry = LIBRARY.get(machine.name)
    return entry is not None and entry.machine == machine


def machine_section(source: Source) -> Section | None:
    """None if the certificate is not about a machine."""
    machine = machine_of(source)
    if machine is None:
        return None
    known = "yes, with this very table" if of_library(machine) else "no machine of this name has this table"
    named = "by the certificate" if source.kind is Kind.RUNS else "by the certificate's provenance, which nobody checks"
    rows = [(state, " ".join(read), *_action(action)) for (state, read), action in machine.transitions.items()]
    many = f"{machine.tapes} tapes" if machine.tapes > 1 else "tape"
    listed = table(
        ["in state", f"reads on the {many}", "writes", "moves", "goes to"],
        rows[:MOST_ROWS],
        caption="The machine's table, row by row",
        headed=True,
    )
    return Section(
        "machine",
        "The machine",
        joined(
            (
                facts(
                    "the machine",
                    [
                        ("name", f"{short(source.name)}, given {named}"),
                        ("in the library", known),
                        ("tapes", f"{machine.tapes}"),
                        ("states", short(f"{len(machine.states):,}: {' '.join(machine.states)}")),
                        ("starts in, halts in", f"{short(machine.initial, 60)}, {short(machine.halting, 60)}"),
                        ("symbols", short(f"{len(machine.alphabet):,}: {' '.join(machine.alphabet)}")),
                        ("blank", short(machine.blank, 60)),
                        ("input symbols", short(" ".join(machine.input_alphabet) or "none")),
                    ],
                ),
                _diagram(machine),
                folded(f"Its table: {len(rows):,} rows", scrolled("the machine's table", listed))
                if len(rows) > 20
                else scrolled("the machine's table", listed),
                left_out(min(MOST_ROWS, len(rows)), len(rows), "rows"),
            )
        ),
    )


MOVES = {Move.LEFT: "left", Move.STAY: "stays", Move.RIGHT: "right"}


def _action(action: Action) -> tuple[str, str, str]:
    return " ".join(action.written), " ".join(MOVES[move] for move in action.moves), action.state


def _diagram(machine: TuringMachine) -> Markup:
    """States on a circle; each arrow says which symbols the machine reads when it goes that way."""
    reading: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (state, read), action in machine.transitions.items():
        if state != machine.halting:
            reading[state, action.state].append(" ".join(read))
    if len(machine.states) > MOST_STATES or len(reading) > MOST_ARROWS:
        return note(
            f"There is no diagram of its states: only machines of up to {MOST_STATES} states and {MOST_ARROWS} arrows "
            "are drawn."
        )
    count, radius, middle = len(machine.states), 60.0 + 12 * len(machine.states), 0.0
    across, down = 2 * radius + 220, 2 * radius + 130
    middle_x, middle_y = across / 2 + middle, down / 2
    at = {
        state: (
            middle_x + radius * sin(2 * pi * place / count),
            middle_y - radius * cos(2 * pi * place / count),
        )
        for place, state in enumerate(machine.states)
    }
    arrows = [_arrow(at[one], at[other], (middle_x, middle_y), words) for (one, other), words in reading.items()]
    states = list[Markup]()
    for state, (x, y) in at.items():
        kind = "state halting" if state == machine.halting else "state"
        name = state if len(state) <= 8 else f"{state[:7]}.."
        circle = element("circle", element("title", state), cx=f"{x:.1f}", cy=f"{y:.1f}", r="24", class_=kind)
        if state == machine.halting:
            states.append(circle)
            circle = element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="20", class_="ring")
        states += [circle, label(x, y + 4, name, text_anchor="middle", class_="small")]
        if state == machine.initial:
            states.append(label(x, y - 30, "start", text_anchor="middle", class_="small"))
    head = element(
        "defs",
        element(
            "marker",
            element("path", d="M0 0L8 4L0 8z", class_="tip"),
            id="tip",
            viewBox="0 0 8 8",
            refX="7",
            refY="4",
            markerWidth="8",
            markerHeight="8",
            orient="auto-start-reverse",
        ),
    )
    picture = drawing(
        "The machine's states",
        f"{count} states and {len(reading)} arrows between them. The table below says the same.",
        across,
        down,
        head,
        *arrows,
        *states,
    )
    return figure(
        picture, "States, and what the machine reads when it goes from one to another. The halting state has two rings."
    )


Point = tuple[float, float]


def _arrow(one: Point, other: Point, middle: Point, reading: list[str]) -> Markup:
    """A bent line from circle to circle, or a loop outside; beside it the beginning of what is read."""
    said = ", ".join(reading)
    text = said if len(said) <= 14 else f"{said[:12]}.."
    title = element("title", f"reading {said[:200]}")
    (x1, y1), (x2, y2) = one, other
    if one == other:
        dx, dy = x1 - middle[0], y1 - middle[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        ux, uy = dx / length, dy / length
        a = (x1 + 22 * ux - 12 * uy, y1 + 22 * uy + 12 * ux)
        b = (x1 + 22 * ux + 12 * uy, y1 + 22 * uy - 12 * ux)
        c, d = (
            (a[0] + 36 * ux - 10 * uy, a[1] + 36 * uy + 10 * ux),
            (b[0] + 36 * ux + 10 * uy, b[1] + 36 * uy - 10 * ux),
        )
        path = f"M{a[0]:.1f} {a[1]:.1f}C{c[0]:.1f} {c[1]:.1f} {d[0]:.1f} {d[1]:.1f} {b[0]:.1f} {b[1]:.1f}"
        where = (x1 + 62 * ux, y1 + 58 * uy + 4)
        anchor = "middle" if abs(ux) < 0.4 else "start" if ux > 0 else "end"
    else:
        dx, dy = x2 - x1, y2 - y1
        length = (dx * dx + dy * dy) ** 0.5
        ux, uy = dx / length, dy / length
        bend = 0.16 * length
        cx, cy = (x1 + x2) / 2 - bend * uy, (y1 + y2) / 2 + bend * ux
        a = _towards(one, (cx, cy), 25)
        b = _towards(other, (cx, cy), 27)
        path = f"M{a[0]:.1f} {a[1]:.1f}Q{cx:.1f} {cy:.1f} {b[0]:.1f} {b[1]:.1f}"
        where, anchor = ((x1 + x2) / 2 - 0.62 * bend * uy, (y1 + y2) / 2 + 0.62 * bend * ux + 4), "middle"
    drawn = element("path", title, d=path, class_="arrow", marker_end="url(#tip)")
    return joined((drawn, label(*where, text, text_anchor=anchor, class_="small halo")))


def _towards(one: Point, other: Point, by: float) -> Point:
    dx, dy = other[0] - one[0], other[1] - one[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    return one[0] + by * dx / length, one[1] + by * dy / length
