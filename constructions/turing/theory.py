"""A machine's chain of thought, plain or summarized, as a theory: a text with the machine's tables as parameters."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.theory import Parameter, Theory
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.cot_annotation import annotate_cot, holds_cot, names_cot
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.scot_annotation import annotate_scot, holds_scot, names_scot
from exactformer.constructions.turing.scot_sequences import scot_sequences
from exactformer.constructions.turing.witnesses import witnesses

COT, SCOT = (Path(__file__).with_name(f"{name}.theory").read_text(encoding="utf-8") for name in ("cot", "scot"))
SEGMENTS = 4
"""Of a run, so many are looked at for witnesses."""


def turing(machine: TuringMachine, *, context: int, paradigm: Paradigm | str = Paradigm.COT) -> tuple[Network, Theory]:
    """The network of a machine for sequences of up to ``context`` tokens, and the theory of its runs; ``paradigm``:
    "cot", or "scot" for summarized chains of thought, of which each segment is a sequence.

    Raises ContextError for a context in which nothing fits.
    """
    paradigm = Paradigm(paradigm)
    bits = position_bits_for(context, paradigm)
    theory = cot_theory if paradigm is Paradigm.COT else scot_theory
    return construct(paradigm, machine, bits), theory(machine, bits)


def cot_theory(machine: TuringMachine, position_bits: int) -> Theory:
    """What `construct_cot` of this machine does at every token of every run, halting or not, and why (spec 2).

    Its witnesses are found by trying words (`witnesses`).
    """
    return Theory(
        COT,
        tables(machine),
        annotate_cot(machine.tapes, position_bits),
        holds_cot(machine.tapes, position_bits),
        names_cot(position_bits),
        witnesses(
            COT, machine.input_alphabet, position_bits, lambda word: [cot_sequence(machine, word, position_bits)]
        ),
    )


def scot_theory(machine: TuringMachine, position_bits: int) -> Theory:
    """What the network of the summarized chain of thought does at every token of every segment of every run (spec 3).

    Its witnesses are among the first segments of runs.
    """
    return Theory(
        SCOT,
        tables(machine),
        annotate_scot(machine.tapes, position_bits),
        holds_scot(machine.tapes, position_bits),
        names_scot(position_bits),
        witnesses(
            SCOT,
            machine.input_alphabet,
            position_bits,
            lambda word: islice(scot_sequences(machine, word, position_bits), SEGMENTS),
        ),
    )


def tables(machine: TuringMachine) -> dict[str, Parameter]:
    """The parameters of both theories: the first state is the initial one, the first symbol the blank."""
    rows = tuple(
        (state, *read, action.state, *action.written, *(move.value for move in action.moves))
        for (state, read), action in machine.transitions.items()
    )
    return {
        "K": machine.tapes,
        "STATES": machine.states,
        "GAMMA": machine.alphabet,
        "INPUTS": machine.input_alphabet,
        "ROWS": rows,
        "INITIAL": (machine.initial,),
        "HALTING": (machine.halting,),
        "BLANK": (machine.blank,),
    }
