"""All one-tape machines with few states and the symbols _ and 1: are they proved, and does what is proved hold?

    python -m tests.annotation.exhaustive --working 1
    python -m tests.annotation.exhaustive --working 2 --sample 300

For every machine all inputs 1^n are gone through whose chain of thought fits 2^r tokens: each token is predicted, all
activations are ternary, and each of them is as annotated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from random import Random

import click

from exactformer.constructions.machines.machine import Action, MachineError, Move, TuringMachine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_length, cot_tokens
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import Gap, prove_hardmax
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import TokenMismatch
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.sweep import least_margin
from tests.annotation.differential import compare

BLANK, ONE, HALT = "_", "1", "halt"


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


def covered(one: TuringMachine, position_bits: int) -> Iterator[Run]:
    """The runs on all inputs 1^n that halt with a word and whose chain of thought fits."""
    most = 1 << position_bits
    for length in range(most):
        try:
            run = trace(one, ONE * length, max_steps=most)
        except MachineError:
            continue
        if cot_length(length, run.steps, len(run.output), position_bits) <= most:
            yield run


@dataclass
class Found:
    """What was gone through, and what is amiss."""

    machines: int = 0
    with_inputs: int = 0
    inputs: int = 0
    tokens: int = 0
    coordinates: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.machines += other.machines
        self.with_inputs += other.with_inputs
        self.inputs += other.inputs
        self.tokens += other.tokens
        self.coordinates += other.coordinates
        self.wrong += other.wrong


def examine(one: TuringMachine, position_bits: int, evidence: Evidence) -> Found:
    """Prove a machine's network, and follow it on all inputs."""
    network = construct(Paradigm.COT, one, position_bits)
    found = Found(machines=1)
    match prove_hardmax(one, network, evidence):
        case Gap(_, reason):
            found.wrong.append(f"{one.name}, r = {position_bits}: not proved: {reason}")
    runs = list(covered(one, position_bits))
    if not runs:
        return found
    found.with_inputs, found.inputs = 1, len(runs)
    try:
        least_margin(PreparedNetwork(network), [cot_tokens(one, run, position_bits) for run in runs])
        comparison = compare(runs, position_bits, network)
    except (NotTernaryError, TokenMismatch) as error:
        found.wrong.append(f"{one.name}, r = {position_bits}: {error}")
        return found
    found.tokens, found.coordinates = comparison.tokens, comparison.coordinates
    found.wrong += [f"{one.name}, r = {position_bits}: {difference}" for difference in comparison.differences[:3]]
    return found


def examine_all(working: int, indices: Iterable[int], position_bits: int) -> Found:
    evidence, found = Evidence(), Found()
    for index in indices:
        found.add(examine(machine(working, index), position_bits, evidence))
    return found


@click.command()
@click.option("--working", default=1, help="How many states besides the halting one.")
@click.option("--sample", default=0, help="So many machines, drawn with the seed; 0: all.")
@click.option("--seed", default=2026)
@click.option("--workers", default=2)
def main(working: int, sample: int, seed: int, workers: int) -> None:
    """All machines of a size, or some of them, at r = 4 and r = 6."""
    every = range(how_many(working))
    indices = sorted(Random(seed).sample(every, sample)) if sample else list(every)
    wrong: list[str] = []
    for position_bits in (4, 6):
        found = Found()
        with ProcessPoolExecutor(workers) as pool:
            parts = [indices[first::workers] for first in range(workers)]
            for part in pool.map(examine_all, [working] * workers, parts, [position_bits] * workers):
                found.add(part)
        click.echo(
            f"r = {position_bits}: {found.machines} of {len(every)} machines, {found.with_inputs} with "
            f"{found.inputs} covered inputs, {found.tokens} tokens, {found.coordinates} coordinates; "
            f"{len(found.wrong)} wrong"
        )
        wrong += found.wrong
    for message in wrong[:20]:
        click.echo(message)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
