"""WORDS section 1.2: automata and transducers that a document lists, move by move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, members, quote, text
from exactformer.certificates.checker.words.levels import Tokens
from exactformer.certificates.checker.words.regular import Automaton, automaton_from, automaton_of

MOST_STATES, MOST_PAIRS = 2**16, 2**22
"""The most states, and the most pairs of a state and a token."""
NOTHING = -1
"""Stands for an output where nothing is asked."""


Places = NDArray[np.int32]


@dataclass(frozen=True)
class Transducer:
    """State 0 is the first. ``moves[state, token]`` is the next one, or -1; ``outputs[state, token]`` the place of the
    output, or `NOTHING`."""

    at: str
    moves: Places
    outputs: Places

    def expected(self, tokens: Tokens, asked: slice, names: Sequence[str]) -> Places:
        """For words of one length, [words, length], the outputs at the positions asked about, else `NOTHING`;
        `Rejected` if a word has no run. ``names``: those of the vocabulary."""
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
    rows = [dict[int, int]() for _ in states]
    for number, token, target in _moves(at, states, places, lambda move: _state(move, states)):
        rows[number][token] = target
    accepting = [text(f"{at}.accepting", state) for state in items(f"{at}.accepting", parts["accepting"])]
    if accepting != sorted(set(accepting)):
        raise Rejected(f"{at}.accepting", "does not have each state once, in the order of their names")
    with _within(f"{at}.accepting"):
        return automaton_from(rows, {_state(state, states) for state in accepting}, len(places))


def read_transducer(at: str, value: Json, places: Mapping[str, int], outputs: Mapping[str, int]) -> Transducer:
    """A transducer from these tokens to these outputs."""
    parts = members(at, value, "start", "moves")
    states = _states(at, parts["start"], parts["moves"], places)

    def with_output(move: Json) -> tuple[int, int]:
        if not isinstance(move, list):
            return _state(move, states), NOTHING
        if len(move) != 2:
            raise Rejected("", f"is {quote(move)} where a state, or a state and an output, must be")
        output = text("", move[1])
        if output not in outputs:
            raise Rejected("", f"has {quote(output)}, which is not an output of the network")
        return _state(move[0], states), outputs[output]

    tables = np.full((2, len(states), len(places)), NOTHING, np.int32)
    for number, token, found in _moves(at, states, places, with_output):
        tables[:, number, token] = found
    return Transducer(at, *tables)


_States = dict[str, tuple[int, dict[str, Json]]]
"""For every state its number and its moves."""
Read = TypeVar("Read")


def _states(at: str, start: Json, moves: Json, places: Mapping[str, int]) -> _States:
    """The first one has number 0."""
    first = text(f"{at}.start", start)
    with _within(f"{at}.moves"):
        every = _object(moves)
    if first not in every:
        raise Rejected(f"{at}.start", f"is {quote(first)}, which has no entry in moves")
    if len(every) > MOST_STATES or len(every) * len(places) > MOST_PAIRS:
        raise TooLarge(
            f"{at} has {len(every)} states; this checker reads {MOST_STATES}, and {MOST_PAIRS} pairs of a state and a "
            "token"
        )
    found = _States()
    for number, state in enumerate([first, *(state for state in every if state != first)]):
        with _within(f"{at}.moves", state):
            found[state] = number, _object(every[state])
    return found


def _moves(
    at: str, states: _States, places: Mapping[str, int], read: Callable[[Json], Read]
) -> Iterator[tuple[int, int, Read]]:
    """For every move its state, its token, and its target."""
    for state, (number, moves) in states.items():
        for token, move in moves.items():
            with _within(f"{at}.moves", state, token):
                if token not in places:
                    raise Rejected("", f"is a move with {quote(token)}, which is not in the vocabulary")
                found = read(move)
            yield number, places[token], found


def _state(name: Json, states: _States) -> int:
    found = states.get(text("", name))
    if found is None:
        raise Rejected("", f"has {quote(name)}, which has no entry in moves")
    return found[0]


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Rejected("", f"is {quote(value)} where an object must be")
    return value


@contextmanager
def _within(at: str, *keys: str) -> Iterator[None]:
    """Rejections in this block name this field; it is named only then, because naming all takes most of the time."""
    try:
        yield
    except Rejected as error:
        raise Rejected(at + "".join(f"[{quote(key)}]" for key in keys), error.reason) from error
