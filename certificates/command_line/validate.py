"""``exactformer validate``: says whether a text is a machine, and what its transitions alone tell about its runs."""

from __future__ import annotations

import json

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.foreign import made_from
from exactformer.certificates.command_line.outcome import refusing
from exactformer.certificates.reports.layout import Facts, counted
from exactformer.constructions.machines.formats import OURS, TITLES
from exactformer.constructions.machines.formats.normal_form import shown
from exactformer.constructions.machines.formats.registry import Loaded
from exactformer.constructions.machines.formats.tape_machine import TapeMachine
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError, Situation

MOST = 20
"""How many situations without a transition a report lists."""


def execute(machine: str, as_json: bool) -> None:
    """Say what follows from the transitions alone, for every input."""
    with refusing(MachineError):
        loaded = load(machine)
    if as_json:
        click.echo(json.dumps(_plain(loaded), indent=2))
        return
    original = loaded.tape_machine
    sizes = (
        f"{counted(original.tapes, 'tape')}, {counted(len(original.states), 'state')}, "
        f"{counted(len(original.symbols), 'symbol')}, {counted(len(original.transitions), 'transition')}"
    )
    said = [f"{shown(original.name)}, read as {TITLES[loaded.format]}, is well formed: {sizes}."]
    rows = [("reached", _reached(original)), ("missing", _missing(loaded)), ("halting", _halting(loaded))]
    rows += [("input", f"Input symbols: {' '.join(map(shown, original.input_symbols))}.")]
    rows += [("normal form" if not number else "", sentence) for number, sentence in enumerate(made_from(loaded))]
    show([*said, Facts(tuple(rows))])


def stopping_states(machine: TapeMachine) -> list[str]:
    """The halting states that transitions lead to."""
    return [state for state in machine.reached.states if state in machine.halting]


def _reached(machine: TapeMachine) -> str:
    reached = set(machine.reached.states)
    others = [shown(state) for state in machine.states if state not in reached]
    if not others:
        return "Transitions lead from the initial state to every state."
    return f"No run reaches {' '.join(others)}; transitions lead to all other states."


def _missing(loaded: Loaded) -> str:
    machine = loaded.tape_machine
    number = machine.reached.missing_in_all
    if not number:
        return "There is a transition for every situation that a run can reach."
    then = "is stuck" if loaded.format == OURS else f"stops there and {machine.unfinished.value}"
    listed = "; ".join(map(_situation, machine.reached.missing[:MOST]))
    more = f"; and {number - MOST} more" if number > MOST else ""
    what = "One situation has no transition" if number == 1 else f"{number} situations have no transition"
    return f"{what}: {listed}{more}.  Whether a run gets there is not decided here; one that does {then}."


def _situation(situation: Situation) -> str:
    state, read = situation
    return f"{shown(state)} on {' '.join(map(shown, read))}"


def _halting(loaded: Loaded) -> str:
    machine = loaded.tape_machine
    live = stopping_states(machine)
    if live:
        names = ", ".join(f"{shown(state)} ({machine.outcome(state).value})" for state in live)
        return f"Transitions lead to {names}; whether a run gets there is not decided here."
    if machine.reached.stops and loaded.format != OURS:
        return "No halting state is reached; a run stops only where there is no transition."
    return "No run halts: no transition that a run can take leads to a halting state."


def _plain(loaded: Loaded) -> dict[str, object]:
    machine = loaded.tape_machine
    reached = machine.reached
    return {
        "machine": machine.name,
        "format": loaded.format,
        "tapes": machine.tapes,
        "states": list(machine.states),
        "symbols": list(machine.symbols),
        "reached": list(reached.states),
        "missing": [{"state": state, "read": list(read)} for state, read in reached.missing],
        "missing_in_all": reached.missing_in_all,
        "halting": {state: machine.outcome(state).value for state in stopping_states(machine)},
        "normal_form": made_from(loaded),
    }
