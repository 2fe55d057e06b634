"""How soon a machine can halt, whether a claim is about any input at all (MACHINES 2), and an input that it is about.

Either it is proved that there is no input, or that is not known.  An example is searched among short words; finding
none proves nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, product

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import MissingTransition, OutputError, Run, StepLimit, trace
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_length


@dataclass(frozen=True)
class NoInput:
    """A claim is about no input, because every run that halts has at least ``least_steps`` steps; None: no run
    halts."""

    least_steps: int | None


def least_steps(machine: TuringMachine) -> int | None:
    """The least number of rows that lead from the initial state to the halting one, whatever they read and write; None
    if there are no such rows.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> least_steps(load_machine("increment"))
    3
    """
    following: dict[str, set[str]] = defaultdict(set)
    for (state, _), action in machine.transitions.items():
        following[state].add(action.state)
    steps, to_do = {machine.initial: 0}, deque([machine.initial])
    while to_do:
        state = to_do.popleft()
        for after in following[state] - steps.keys():
            steps[after] = steps[state] + 1
            to_do.append(after)
    return steps.get(machine.halting)


def no_input(machine: TuringMachine, paradigm: Paradigm, context: int) -> NoInput | None:
    """Why a claim about every input that fits is about no input, if the states alone show that."""
    least = least_steps(machine)
    if least is None:
        return NoInput(None)
    bits = position_bits_for(context, paradigm)
    if paradigm is Paradigm.COT and cot_length(0, least, 0, bits) > context:
        return NoInput(least)
    return None


EXAMPLE_STEPS = 20_000
"""After this many machine steps and symbols of words the search for an example is given up."""
LONGEST_EXAMPLE = 2_000
"""The most steps of one run."""


def example(machine: TuringMachine, is_meant: Callable[[Run], bool]) -> Run | None:
    """The first run, on the shortest words first, that halts and is one of those meant; None if none is found.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> run = example(load_machine("increment"), lambda run: run.cells > 3)
    >>> None if run is None else (run.word, run.steps)
    ('000', 7)
    """
    left = EXAMPLE_STEPS
    for length in count():
        for word in map("".join, product(machine.input_alphabet, repeat=length)):
            left -= 1 + length
            if left <= 0:
                return None
            longest = min(left, LONGEST_EXAMPLE)
            try:
                run = trace(machine, word, longest)
            except MissingTransition as stuck:
                left -= stuck.step
                continue
            except (StepLimit, OutputError):
                left -= longest  # the number of steps is not always known: count as many as there might have been
                continue
            left -= run.steps
            if is_meant(run):
                return run
    return None
