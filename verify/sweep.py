"""Draws thousands of random machines: is every token of their runs predicted?

Protocol: K in {1, 3} tapes; 2 to 10 states and the halting one; Sigma of 1 to 5 letters, Gamma = Sigma and the blank;
input length 1 to 12; an entry halts with probability 0.05, else goes to a uniform state; writes and moves uniform.  A
case that does not halt within MAX_STEPS or leaves a blank inside its output is drawn again.  Chain of thought: the
smallest even r that fits, plus a uniform one of 0, 2, 4, 6, 8.  Summarized: the smallest r that fits.

A case is verified exactly, on its run; this says nothing about other inputs of the machine.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.random_machines import random_machine, random_word
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.hardmax.batch import embed, in_batches
from exactformer.verify.hardmax.forward import NotTernaryError, final_activations
from exactformer.verify.hardmax.observe import TokenMismatch, least_margins
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.jobs import Pool, in_blocks, outcomes, result_of

MAX_STEPS = 10_000
EXTRA_BITS = (0, 2, 4, 6, 8)
TAPES = (1, 3)
CASES_AT_A_TIME = 10
"""How many cases a worker takes at a time: an interrupt may lose that many."""


@dataclass(frozen=True)
class SweepCase:
    """One machine and input of a sweep; ``redrawn`` counts the draws before it that the protocol skips."""

    index: int
    run: Run
    extra_bits: int
    redrawn: int


@dataclass(frozen=True)
class SweepResult:
    """What was verified about a case in one paradigm; ``failure`` is None if every token was predicted."""

    index: int
    paradigm: str
    tapes: int
    states: int
    symbols: int
    position_bits: int
    steps: int
    segments: int
    tokens: int
    margin: int | None
    failure: str | None


def draw_case(seed: int, index: int) -> SweepCase:
    """The index-th case of a sweep; it depends on the seed and the index alone."""
    rng = random.Random(f"{seed}/{index}")
    redrawn = 0
    while True:
        machine = random_machine(rng, tapes=rng.choice(TAPES))
        word = random_word(rng, machine)
        extra_bits = rng.choice(EXTRA_BITS)
        try:
            return SweepCase(index, trace(machine, word, MAX_STEPS), extra_bits, redrawn)
        except MachineError:
            redrawn += 1


def verify_case(case: SweepCase, paradigm: Paradigm) -> SweepResult:
    """Build the network of the case and verify every token that it has to produce."""
    machine = case.run.machine
    position_bits = least_position_bits(paradigm, [case.run])
    if paradigm is Paradigm.COT:
        position_bits += case.extra_bits
    sequences = sequences_of(paradigm, case.run, position_bits)
    margin, failure = None, None
    try:
        margin = least_margin(PreparedNetwork(construct(paradigm, machine, position_bits)), sequences)
    except (NotTernaryError, TokenMismatch) as error:
        failure = str(error)
    return SweepResult(
        index=case.index,
        paradigm=paradigm.value,
        tapes=machine.tapes,
        states=len(machine.states),
        symbols=len(machine.alphabet),
        position_bits=position_bits,
        steps=case.run.steps,
        segments=len(sequences),
        tokens=sum(map(len, sequences)),
        margin=margin,
        failure=failure,
    )


def sweep(seed: int, indices: Iterable[int], pool: Pool) -> Generator[tuple[SweepResult, ...], None, None]:
    """The results of each case, both paradigms, in the order in which they come in."""
    blocks = in_blocks(verify_index, ((seed, index) for index in indices), CASES_AT_A_TIME)
    for _, outcome in outcomes(pool, blocks):
        yield result_of(outcome)


def verify_index(job: tuple[int, int]) -> tuple[SweepResult, ...]:
    """The results of the case of this seed and index."""
    case = draw_case(*job)
    return tuple(verify_case(case, paradigm) for paradigm in Paradigm)


def least_margin(prepared: PreparedNetwork, sequences: Sequence[TokenSequence]) -> int:
    """The least margin over all tokens that have to be produced.

    Raises TokenMismatch or NotTernaryError if the network does not produce them.
    """
    margins: list[int] = []
    for group in in_batches(sequences):
        batch = embed(prepared, group)
        margins += least_margins(prepared, group, batch, final_activations(prepared, batch), len(margins))
    return min(margins)
