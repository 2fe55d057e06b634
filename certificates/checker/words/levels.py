"""All words of a language up to a length, length by length, in the order of WORDS section 1.

Words:
    prefix  the first tokens of a word of the language that is not too long; or all of them
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.words.regular import NEVER, Automaton

MOST_WORDS, MOST_TOKENS = 2**22, 2**26

Ints = NDArray[np.int64]
Tokens = NDArray[np.uint16]


@dataclass(frozen=True)
class Level:
    """All prefixes of one length: ``tokens`` [prefixes, length] by their places in the vocabulary; which of the level
    before is the beginning of each; which are words."""

    tokens: Tokens
    parents: Ints
    words: NDArray[np.bool_]


def numbers_of_words(automaton: Automaton, length: int, limited: bool = True) -> list[int]:
    """How many words of each length there are, from 0 tokens on; ``limited``: `TooLarge` where they are too many.

    Counted are prefixes that can be completed, of which there are at least as many.
    """
    states = np.zeros(len(automaton.distance), dtype=object)
    states[0], found, tokens, total = 1, [0], 0, 0
    for number in range(1, length + 1):
        behind, present = np.zeros_like(states), np.flatnonzero(states)
        for state, open_ in zip(present.tolist(), _open(automaton, present, length - number), strict=True):
            for target in automaton.moves[state][open_].tolist():
                behind[target] += states[state]
        states = behind
        here = sum(states.tolist())
        total, tokens = total + here, tokens + here * number
        if limited and (total > MOST_WORDS or tokens > MOST_TOKENS):
            raise TooLarge(
                f"the language has more than {total} beginnings of words of up to {number} tokens; this checker goes "
                f"through {MOST_WORDS}, of {MOST_TOKENS} tokens in all"
            )
        found.append(sum(states[automaton.distance == 0].tolist()))
    return found


def levels(automaton: Automaton, length: int) -> Iterator[Level]:
    """The levels of 1 token, of 2, .. up to ``length``, as long as there are any."""
    tokens, states = np.zeros((1, 0), np.uint16), np.zeros(1, np.int64)
    for number in range(1, length + 1):
        present, back = np.unique(states, return_inverse=True)
        open_ = _open(automaton, present, length - number)
        each = open_.sum(axis=1)
        starts = np.concatenate(([0], np.cumsum(each)))
        _, listed = np.nonzero(open_)
        parents = np.repeat(np.arange(len(states)), each[back])
        first = np.repeat(np.cumsum(each[back]) - each[back], each[back])
        chosen = listed[starts[back[parents]] + np.arange(len(parents)) - first]
        tokens = np.concatenate((tokens[parents], chosen.astype(np.uint16)[:, None]), axis=1)
        states = automaton.moves[states[parents], chosen].astype(np.int64)
        if not len(states):
            return
        yield Level(tokens, parents, automaton.distance[states] == 0)


def _open(automaton: Automaton, states: Ints, left: int) -> NDArray[np.bool_]:
    """[states, tokens]: which moves lead from these states to a word within this many tokens more."""
    distance = np.append(automaton.distance, NEVER)  # the last one is that of -1, no state
    return np.asarray(distance[automaton.moves[states]] <= left)
