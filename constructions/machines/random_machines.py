"""Seeded random machines and words, for tests that are not biased towards machines that somebody thought of.

Protocol: K tapes in {1, 3}; 2-10 states plus the halting one; Sigma of 1-5 letters, Gamma = Sigma + blank;
the transition function total on the non-halting states, where every transition halts with probability 1/20
and otherwise goes to a uniform non-halting state, with uniform writes and moves; words of length 1-12.
"""

from __future__ import annotations

from itertools import product
from random import Random

from exactformer.constructions.machines.machine import Action, Move, TuringMachine

HALTING_PROBABILITY = 0.05
BLANK, LETTERS = "_", "abcde"


def random_machine(
    rng: Random, tapes: int | None = None, states: int | None = None, letters: int | None = None
) -> TuringMachine:
    """A random machine; ``states`` counts the non-halting ones, ``letters`` (1-5) the input alphabet.

    Arguments that are left out are drawn as the protocol says.  The same state of ``rng`` gives the same machine.

    >>> machine = random_machine(Random(7), tapes=1, states=2, letters=1)
    >>> machine.states, machine.alphabet, len(machine.transitions)
    (('q0', 'q1', 'halt'), ('_', 'a'), 4)
    """
    K = tapes or rng.choice((1, 3))
    working = tuple(f"q{index}" for index in range(states or rng.randint(2, 10)))
    input_alphabet = tuple(LETTERS[: letters or rng.randint(1, len(LETTERS))])
    alphabet = (BLANK, *input_alphabet)
    # One uniform draw from the product is K independent uniform draws.
    symbols, moves = list(product(alphabet, repeat=K)), list(product(Move, repeat=K))
    choice, chance = rng.choice, rng.random
    transitions = {
        (state, read): Action(
            "halt" if chance() < HALTING_PROBABILITY else choice(working), choice(symbols), choice(moves)
        )
        for state in working
        for read in symbols
    }
    name = f"random-{rng.getrandbits(32):08x}"
    return TuringMachine(name, K, (*working, "halt"), "halt", alphabet, input_alphabet, transitions)


def random_word(rng: Random, machine: TuringMachine) -> str:
    """A uniform word of uniform length 1-12 over the machine's input alphabet."""
    return "".join(rng.choices(machine.input_alphabet, k=rng.randint(1, 12)))
