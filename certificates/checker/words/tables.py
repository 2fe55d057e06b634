"""WORDS section 1.2: automata and transducers that stand in a document, move by move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, members, quote, text
from exactformer.certificates.checker.words.levels import Tokens
from exactformer.certificates.checker.words.regular import Automaton, automaton_from, automaton_of

MOST_STATES, MOST_PAIRS = 2**16, 2**22
"""States; pairs of a state and a token."""
NOTHING = -1
"""In the place of an output: nothing is asked."""


Places = NDArray[np.int32]


@dataclass(frozen=True)
class Transducer:
    """State 0 is the first. ``moves[state, token]`` is the next one, or -1; ``outputs[state, token]`` the place of the
    output, or `NOTHING`."""

    at: str
    moves: Places
    outputs: Places

    def expected(self, tokens: Tokens, asked: slice, names: Sequence[str]) -> Places:
        """Of words of one length, [words, length], the outputs at the positions asked about, else `NOTHING`;
        `Rejected` where a word has no run. ``names``: of the vocabulary."""
        found, states = np.full(tokens.shape, NOTHING, np.int32), np.zeros(len(tokens), np.int32)
        places = range(tokens.shape[1])
        for place in places:
            column = tokens[:, place]
            if place in places[asked]:
                found[:, place] = self.outputs[states, column]
            states = self.moves[states, column]
            if (states < 0).any():
                word = [names[token] for token in tokens[states < 0][0].tolist()]
                raise Rejected(self.at, f"has no move for token {place} of the word {quote(word)}")
        return found


def language_of(at: str, value: Json, places: Mapping[str, int]) -> Automaton:
    """The automaton of a language over these tokens: a regular expression, or an automaton itself."""
    if isinstance(value, str):
        return automaton_of(at, value, places)
    parts = members(at, value, "start", "accepting", "moves")
    states = _states(at, parts["start"], parts["moves"], places)
    rows = [
        {places[token]: _state(here, move, states) for here, token, move in _moves(at, state, moves, places)}
        for state, (_, moves) in states.items()
    ]
    accepting = [text(f"{at}.accepting", state) for state in items(f"{at}.accepting", parts["accepting"])]
    if accepting != sorted(set(accepting)):
        raise Rejected(f"{at}.accepting", "does not have each state once, in the order of their names")
    return automaton_from(rows, {_state(f"{at}.accepting", state, states) for state in accepting}, len(places))


def read_transducer(at: str, value: Json, places: Mapping[str, int], outputs: Mapping[str, int]) -> Transducer:
    """A transducer from these tokens to these outputs."""
    parts = members(at, value, "start", "moves")
    states = _states(at, parts["start"], parts["moves"], places)
    following = np.full((len(states), len(places)), -1, np.int32)
    said = np.full((len(states), len(places)), NOTHING, np.int32)
    for state, (number, moves) in states.items():
        for here, token, move in _moves(at, state, moves, places):
            target = move
            if isinstance(move, list):
                if len(move) != 2:
                    raise Rejected(here, f"is {quote(move)} where a state, or a state and an output, must be")
                target, output = move[0], text(here, move[1])
                if output not in outputs:
                    raise Rejected(here, f"has {quote(output)}, which is no output of the network")
                said[number, places[token]] = outputs[output]
            following[number, places[token]] = _state(here, target, states)
    return Transducer(at, following, said)


_States = dict[str, tuple[int, dict[str, Json]]]
"""Of every state its number, and its moves."""


def _states(at: str, start: Json, moves: Json, places: Mapping[str, int]) -> _States:
    """The first one has number 0."""
    first, every = text(f"{at}.start", start), _object(f"{at}.moves", moves)
    if first not in every:
        raise Rejected(f"{at}.start", f"is {quote(first)}, which has no entry in moves")
    if len(every) > MOST_STATES or len(every) * len(places) > MOST_PAIRS:
        raise TooLarge(
            f"{at} has {len(every)} states; this checker reads {MOST_STATES}, and {MOST_PAIRS} pairs of a state and a "
            "token"
        )
    names = [first, *(state for state in every if state != first)]
    return {state: (number, _object(f"{at}.moves[{quote(state)}]", every[state])) for number, state in enumerate(names)}


def _moves(at: str, state: str, moves: dict[str, Json], places: Mapping[str, int]) -> Iterator[tuple[str, str, Json]]:
    """Of every move where it stands, its token, and what is said of it."""
    for token, move in moves.items():
        here = f"{at}.moves[{quote(state)}][{quote(token)}]"
        if token not in places:
            raise Rejected(here, f"is a move with {quote(token)}, which is not in the vocabulary")
        yield here, token, move


def _state(at: str, name: Json, states: _States) -> int:
    found = states.get(text(at, name))
    if found is None:
        raise Rejected(at, f"has {quote(name)}, which has no entry in moves")
    return found[0]


def _object(at: str, value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Rejected(at, f"is {quote(value)} where an object must be")
    return value
