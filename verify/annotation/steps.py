"""The transition: its neurons write what delta says, for every state and all symbols read (spec 1.2; SPEC 13.5).

Each neuron has one weight +1 or -1 for every bit of the state and of the symbols, and a bias of 1 less their number: so
it adds its outputs for exactly one reading.  What is added for a reading is a table, and is compared with delta entry
by entry; readings that are not the codes of a state and of symbols do not occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.verify.annotation.content import (
    MOVE_CODES,
    Code,
    Content,
    Equals,
    Ghost,
    If,
    MoveCode,
    Vector,
    Zero,
    value_at,
)
from exactformer.verify.annotation.ghosts import did
from exactformer.verify.annotation.rows import Ints, Rows, Step


@dataclass(frozen=True)
class Delta:
    """A machine's transition function in indices: (q, the symbols read) -> q', a'_k, m'_k by name."""

    states: int
    symbols: int
    tapes: int
    entries: tuple[tuple[tuple[int, ...], tuple[tuple[str, int], ...]], ...]

    @classmethod
    def of(cls, machine: TuringMachine) -> Delta:
        return cls(
            len(machine.states),
            len(machine.alphabet),
            machine.tapes,
            tuple(
                (
                    (machine.state_index(state), *map(machine.symbol_index, symbols)),
                    tuple(did(machine, action, "'").items()),
                )
                for (state, symbols), action in machine.transitions.items()
            ),
        )


BLANK = Code(Ghost("blank"))


def says_step(content: Content) -> bool:
    """Whether a content is what delta says where it says something: the code of q', a'_k or m'_k."""
    match content:
        case If(Equals("has_entry", 1), Code(Ghost(name)) | MoveCode(name), Zero()):
            return "'" in name
    return False


def wrong_step(delta: Delta, step: Step) -> str | None:
    """How what the neurons add differs from what delta says; None if it does not."""
    if not delta.entries and not len(step.rows.bias):
        return None
    places = _places(step.read, delta.tapes)
    if places is None:
        return "the neurons do not read the state and the symbol of every tape"
    widths = [width for _, _, width in step.read]
    blank = [place for place, (_, content, _) in zip(places, step.read, strict=True) if content == BLANK]
    readings = _readings(step.rows, widths)
    if readings is None:
        return "a neuron does not fire for exactly one reading"
    order = sorted(range(len(places)), key=places.__getitem__)
    table: dict[tuple[int, ...], list[int]] = {}
    keys = list(map(tuple, readings[:, order].tolist()))
    rows = step.rows
    for neuron, offset, weight in zip(
        rows.out_neuron.tolist(), rows.out_offset.tolist(), rows.out_weight.tolist(), strict=True
    ):
        table.setdefault(keys[neuron], [0] * step.width)[offset] += weight
    nothing = (0,) * step.width
    codes = _codes(delta, step)
    said = {key: codes[dict(says)[_name(step.after)]] for key, says in delta.entries}
    for key in {*table, *said}:
        occurs = key[0] < delta.states and all(symbol < delta.symbols for symbol in key[1:])
        occurs = occurs and not any(key[place] for place in blank)
        added, wanted = tuple(table.get(key, nothing)), said.get(key, nothing)
        if occurs and added != wanted:
            return f"for state {key[0]} and symbols {key[1:]} the neurons add {added}, and delta says {wanted}"
    return None


def _readings(rows: Rows, widths: Sequence[int]) -> Ints | None:
    """[neuron, register]: the one number in each register for which a neuron fires; None if it is not just one."""
    bits, neurons = sum(widths), len(rows.bias)
    first = np.cumsum([0, *widths[:-1]])
    owner = np.repeat(np.arange(neurons), np.diff(rows.in_start))
    seen = np.zeros((neurons, bits), np.int64)
    np.add.at(seen, (owner, first[rows.place] + rows.offset), 1)
    if (seen != 1).any() or (abs(rows.weight) != 1).any() or (rows.bias != 1 - bits).any():
        return None
    readings = np.zeros((neurons, len(widths)), np.int64)
    np.add.at(readings, (owner, rows.place), (rows.weight == 1) * (1 << rows.offset))
    return readings


def _places(read: Sequence[tuple[str, Content, int]], tapes: int) -> list[int] | None:
    """For each register read where it stands in an entry of delta: 0 for the state, k for the symbol on tape k."""
    places: list[int] = []
    for name, content, _ in read:
        match content:
            case Code(Ghost("q")):
                places.append(0)
            case If(Equals(written, 1), Code(Ghost(symbol)), Code(Ghost("blank"))):
                tape = written.removeprefix("written_")
                if symbol != f"g_{tape}":
                    return None
                places.append(int(tape))
            case Code(Ghost("blank")):
                # A token that addresses no cell reads blanks; which of them is tape k's, the register says.
                places.append(int(name.rpartition("_")[2]))
            case _:
                return None
    return places if sorted(places) == list(range(tapes + 1)) else None


def _name(after: Content) -> str:
    """Which of q', a'_k and m'_k a register is to hold."""
    match after:
        case If(_, Code(Ghost(name)) | MoveCode(name), _):
            return name
    raise ValueError(f"{after} is not what delta says")


def _codes(delta: Delta, step: Step) -> list[Vector]:
    """The code that the register is to hold, for each number that delta may name."""
    name = _name(step.after)
    count = delta.states if name[0] == "q" else delta.symbols if name[0] == "a" else len(MOVE_CODES)
    ghosts = [{"has_entry": 1, name: number} for number in range(count)]
    return [value_at(step.after, step.width, one, _nothing_fetched) for one in ghosts]


def _nothing_fetched(register: str, position: int, layer: int) -> Vector:
    raise LookupError(f"{register} of token {position} before layer {layer}: no step depends on it")
