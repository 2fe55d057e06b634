"""What every report says about a machine that was given in another tool's format."""

from __future__ import annotations

import textwrap

from exactformer.certificates.reports.layout import Facts
from exactformer.constructions.machines.formats import TITLES
from exactformer.constructions.machines.formats.normal_form import NormalForm, NormalFormError, cell_table, sentences
from exactformer.constructions.machines.formats.registry import Loaded
from exactformer.constructions.machines.formats.tape_machine import Outcome
from exactformer.constructions.machines.run import Run
from exactformer.constructions.machines.text import write_machine

WIDTH = 110
"""Columns of comments."""


def made_from(loaded: Loaded) -> list[str]:
    """Sentences on how the compiled machine was made from the given one; none for a machine in our format."""
    if loaded.original is None:
        return []
    said = [f"Read as {TITLES[loaded.format]}: {loaded.original.name!r}."]
    try:
        if loaded.normal is not None:
            return [*said, *sentences(loaded.normal)]
    except NormalFormError as error:
        return [*said, f"It cannot be compiled.  {error}"]
    return [*said, f"{loaded.machine.name} is its folding; the folding takes the same steps, one for one."]


def facts(loaded: Loaded) -> list[Facts]:
    """These sentences as a part of a report; none for a busy beaver in the standard text, whose name says it all."""
    rows = [("normal form" if not number else "", said) for number, said in enumerate(made_from(loaded))]
    return [Facts(tuple(rows))] if loaded.normal is not None else []


def commented(loaded: Loaded) -> str:
    """The text of the compiled machine; comments at its beginning say how it was made."""
    comments = [line for said in made_from(loaded) for line in textwrap.wrap(said, WIDTH, break_on_hyphens=False)]
    if loaded.normal is not None:
        comments += cell_table(loaded.normal)
    return "".join(f"# {line}\n" for line in comments) + write_machine(loaded.machine)


def ending(normal: NormalForm, run: Run) -> list[str]:
    """How the original ends on this input, and what it leaves on its first tape."""
    original = normal.original
    state = normal.state(run.actions[-2].state if run.steps > 1 else run.machine.initial)
    why = "" if state in original.halting else ", where there is no transition"
    verdict = "stops" if original.outcome(state) is Outcome.HALTS else original.outcome(state).value
    squares = normal.squares(run.output)
    if not squares:
        held = "every square is blank"
    else:
        first, last = min(squares), max(squares)
        symbols = [squares.get(square, original.blank) for square in range(first, last + 1)]
        joint = "" if all(len(symbol) == 1 for symbol in original.symbols) else " "
        held = f"squares {first}..{last} hold {joint.join(symbols)!r}, all others are blank"
    tape = "tape" if original.tapes == 1 else "first tape"
    return [f"{original.name!r} {verdict} after {run.steps - 1} steps in state {state!r}{why}; on its {tape}, {held}"]
