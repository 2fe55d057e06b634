"""A machine's chain of thought, plain or summarized, as a theory: a text with the machine's tables as parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from exactformer.constructions.behaviour import whole
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.theory import Parameter, Theory, TrueToken
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.contexts import require_an_input
from exactformer.constructions.turing.cot_annotation import annotate_cot, holds_cot, names_cot
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.paradigm import Paradigm, paradigm_of, position_bits_for
from exactformer.constructions.turing.scot_annotation import annotate_scot, holds_scot, names_scot
from exactformer.constructions.turing.scot_sequences import LateSequences, scot_sequences
from exactformer.constructions.turing.witnesses import witnesses

COT, SCOT = (Path(__file__).with_name(f"{name}.theory").read_text(encoding="utf-8") for name in ("cot", "scot"))
SEGMENTS = 4
"""How many segments of a run are looked at for witnesses."""


def turing(
    machine: TuringMachine, *, context: int, paradigm: Paradigm | str = Paradigm.COT, writes: int | None = None
) -> tuple[Network, Theory]:
    """The network of a machine for sequences of up to ``context`` tokens, and the theory of its runs; ``paradigm``:
    "cot", or "scot" for summarized chains of thought, each segment of which is a sequence. ``writes``: only runs in
    which no cell is written more often.

    Raises ContextError for a context that nothing fits, and BehaviourError.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> network, theory = turing(load_machine("increment"), context=16)
    >>> network.position_bits, len(network.layers)
    (4, 18)
    """
    paradigm = paradigm_of(paradigm)
    if not isinstance(machine, TuringMachine):
        raise TypeError(f"the machine is {machine!r}; give a TuringMachine, such as load_machine('increment')")
    if writes is not None:
        whole("writes", writes)
    bits = position_bits_for(whole("context", context), paradigm)
    require_an_input(context, bits)
    theory = cot_theory if paradigm is Paradigm.COT else scot_theory
    return construct(paradigm, machine, bits), theory(machine, bits, writes)


def cot_theory(machine: TuringMachine, position_bits: int, writes: int | None = None) -> Theory:
    """What `construct_cot` of this machine does at every token of every run, halting or not, and why.

    Its witnesses are found by trying words (`witnesses`).
    """
    return Theory(
        COT,
        tables(machine) | {"WRITES": bound_of(writes, position_bits)},
        annotate_cot(machine.tapes, position_bits),
        holds_cot(machine.tapes, position_bits),
        names_cot(position_bits),
        witnesses(
            COT,
            machine,
            position_bits,
            lambda word: [within(writes, cot_sequence(machine, word, position_bits))],
        ),
    )


def scot_theory(machine: TuringMachine, position_bits: int, writes: int | None = None) -> Theory:
    """What the network of the summarized chain of thought does at every token of every segment of every run.

    Its witnesses are among the first segments of runs, and segments that end them.
    """
    late = LateSequences(machine, position_bits)
    return Theory(
        SCOT,
        tables(machine) | {"WRITES": bound_of(writes, position_bits)},
        annotate_scot(machine.tapes, position_bits),
        holds_scot(machine.tapes, position_bits),
        names_scot(position_bits),
        witnesses(
            SCOT,
            machine,
            position_bits,
            lambda word: (
                within(writes, one)
                for one in chain(
                    islice(scot_sequences(machine, word, position_bits), SEGMENTS),
                    late.of(word),
                )
            ),
        ),
    )


def bound_of(writes: int | None, position_bits: int) -> int:
    """How many tokens may write one cell; if nothing is known about that, 2^r."""
    most = 1 << position_bits
    return most if writes is None else min(writes, most)


def within(writes: int | None, sequence: Iterable[TrueToken]) -> Iterator[TrueToken]:
    """The sequence, up to the place where a cell is written more often."""
    written = Counter[tuple[str, object]]()
    for position, token in enumerate(sequence):
        cells = {name[2:]: cell for name, cell in token.ghosts.items() if token.cls == "run" and name.startswith("c_")}
        if token.cls == "input":
            cells = {"1": position - 1}
        elif token.cls == "oldcell":
            cells = {name[2:]: position - 1 for name in token.ghosts if name.startswith("h_")}
        written.update(cells.items())
        if writes is not None and any(written[cell] > writes for cell in cells.items()):
            return
        yield token


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
