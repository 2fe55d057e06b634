"""A machine's chain of thought as a theory: `cot.theory` with the machine's tables as parameters (spec 2)."""

from __future__ import annotations

from pathlib import Path

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.theory import Parameter, Theory
from exactformer.constructions.turing.cot_annotation import annotate_cot, holds_cot, names_cot

TEXT = Path(__file__).with_name("cot.theory").read_text(encoding="utf-8")


def cot_theory(machine: TuringMachine, position_bits: int) -> Theory:
    """What `construct_cot` of this machine does at every token of every run, halting or not, and why.

    The checker gets through one tape and few rows so far.
    """
    rows = tuple(
        (state, *read, action.state, *action.written, *(move.value for move in action.moves))
        for (state, read), action in machine.transitions.items()
    )
    parameters: dict[str, Parameter] = {
        "K": machine.tapes,
        "STATES": machine.states,
        "GAMMA": machine.alphabet,
        "INPUTS": machine.input_alphabet,
        "ROWS": rows,
        "INITIAL": (machine.initial,),
        "HALTING": (machine.halting,),
        "BLANK": (machine.alphabet[0],),
    }
    return Theory(
        TEXT,
        parameters,
        annotate_cot(machine.tapes, position_bits),
        holds_cot(machine.tapes, position_bits),
        names_cot(position_bits),
    )
