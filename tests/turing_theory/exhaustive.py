"""All one-tape machines with few states and the symbols _ and 1: are they proved, and does what is proved hold?

    python -m tests.turing_theory.exhaustive --working 1
    python -m tests.turing_theory.exhaustive --working 2 --sample 300 --paradigm scot

For every machine all inputs 1^n are gone through that 2^r tokens hold, whether or not it halts: the first 2^r tokens of
its chain of thought, or of its first segments. All activations are as proved, and so is every next token.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from random import Random

import click

from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import cot_theory, scot_theory
from exactformer.verify.hardmax.forward import NotTernaryError
from tests.turing_theory.differential import compare, true_sequences

BLANK, ONE, HALT = "_", "1", "halt"
THEORY = {Paradigm.COT: cot_theory, Paradigm.SCOT: scot_theory}


def how_many(working: int) -> int:
    """Machines with this many states besides the halting one."""
    each = len(choices(working))
    return int(each ** (2 * working))


def choices(working: int) -> list[Action | None]:
    """What a machine may do in one situation: nothing, or write, move and go to a state."""
    actions = product(states(working), (BLANK, ONE), Move)
    return [None, *(Action(state, (symbol,), (move,)) for state, symbol, move in actions)]


def states(working: int) -> tuple[str, ...]:
    return (*(f"q{n}" for n in range(working)), HALT)


def machine(working: int, index: int) -> TuringMachine:
    """The machine of that number: its digits say what it does in each situation.

    >>> sum(1 for index in range(how_many(1)) if len(machine(1, index).transitions) == 2)
    144
    """
    transitions: dict[tuple[str, tuple[str, ...]], Action] = {}
    listed, left = choices(working), index
    for situation in product(states(working)[:-1], [(BLANK,), (ONE,)]):
        left, digit = divmod(left, len(listed))
        if (action := listed[digit]) is not None:
            transitions[situation] = action
    name = f"{working}-working-states-{index}"
    return TuringMachine(name, 1, states(working), HALT, (BLANK, ONE), (ONE,), transitions)


def starts(one: TuringMachine) -> bool:
    """Whether it has a row for its initial state; otherwise no run takes a step, and nothing is claimed."""
    return any(state == one.initial for state, _ in one.transitions)


@dataclass
class Found:
    """What was gone through, and what is amiss."""

    machines: int = 0
    halting: int = 0
    sequences: int = 0
    tokens: int = 0
    coordinates: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.machines += other.machines
        self.halting += other.halting
        self.sequences += other.sequences
        self.tokens += other.tokens
        self.coordinates += other.coordinates
        self.wrong += other.wrong


def examine(
    one: TuringMachine, position_bits: int, paradigm: Paradigm = Paradigm.COT, inputs: int | None = None
) -> Found:
    """Prove a machine's network, and follow it on the sequences of all inputs, or so many, halting or not."""
    r = position_bits
    network, theory = construct(paradigm, one, r), THEORY[paradigm](one, r)
    sequences = [
        tokens for length in range(inputs or 1 << r) for tokens in true_sequences(paradigm, one, ONE * length, r)
    ]
    ended = sum(any(token.cls == "eoutp" for token in tokens) for tokens in sequences)
    found = Found(machines=1, halting=ended, sequences=len(sequences))
    try:
        comparison = compare(network, theory, sequences)
    except (Rejected, TooLarge, Undecided) as error:
        found.wrong.append(f"{one.name}, {paradigm.value}, r = {r}: not proved: {error}")
    except NotTernaryError as error:
        found.wrong.append(f"{one.name}, {paradigm.value}, r = {r}: {error}")
    else:
        found.tokens, found.coordinates = comparison.tokens, comparison.coordinates
        found.wrong += [f"{one.name}, {paradigm.value}, r = {r}: {one_of}" for one_of in comparison.differences[:3]]
        if not found.coordinates:
            found.wrong.append(f"{one.name}, {paradigm.value}, r = {r}: nothing was compared")
    return found


def examine_all(working: int, indices: Iterable[int], position_bits: int, paradigm: Paradigm = Paradigm.COT) -> Found:
    found = Found()
    for index in indices:
        found.add(examine(machine(working, index), position_bits, paradigm))
    return found


@click.command()
@click.option("--working", default=1, help="How many states besides the halting one.")
@click.option("--sample", default=0, help="So many machines, drawn with the seed; 0: all.")
@click.option("--paradigm", type=click.Choice([one.value for one in Paradigm]), default="cot")
@click.option("--seed", default=2026)
@click.option("--workers", default=2)
def main(working: int, sample: int, paradigm: str, seed: int, workers: int) -> None:
    """All machines of a size with a row for their initial state, or some of them, at r = 4 and r = 6."""
    every = [index for index in range(how_many(working)) if starts(machine(working, index))]
    indices = sorted(Random(seed).sample(every, sample)) if sample else every
    wrong: list[str] = []
    for position_bits in (4, 6):
        found = Found()
        with ProcessPoolExecutor(workers) as pool:
            parts = [indices[first::workers] for first in range(workers)]
            asked = [(working, part, position_bits, Paradigm(paradigm)) for part in parts]
            for part in pool.map(examine_all, *zip(*asked, strict=True)):
                found.add(part)
        click.echo(
            f"r = {position_bits}: {found.machines} of {len(every)} machines, {found.sequences} sequences of which "
            f"{found.halting} end with an output, {found.tokens} tokens, {found.coordinates} coordinates; "
            f"{len(found.wrong)} wrong"
        )
        wrong += found.wrong
    for message in wrong[:20]:
        click.echo(message)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
