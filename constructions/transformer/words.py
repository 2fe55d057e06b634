"""What a transformer should do on every word of a language: which output it has to give at which positions.

Words:
    state  what an automaton or a transducer knows about the tokens so far; a text
    move   a step from a state, with a token, to the next state
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

Word: TypeAlias = tuple[str, ...]
"""Tokens by their names."""
HARDMAX = "hardmax"
LONGEST = 1 << 10
"""The most tokens of a word."""


class WordsError(ValueError):
    """A language or a specification that does not fit a transformer: what is wrong, in one sentence."""


Output: TypeAlias = str | bool | int | Fraction
"""An output, named by its text."""


@dataclass(frozen=True)
class Automaton:
    """A language: the words after whose last token this is in an accepting state (`certificates/WORDS.md`, 1.2).

    moves: for every state, from a token to the next state; ``{}`` for a state without moves.  A word that has a token
    without a move is not accepted.  Raises WordsError.

    >>> an_odd_number_of_a = Automaton("even", ["odd"], {"even": {"a": "odd", "b": "even"}, "odd": {"a": "even"}})
    """

    start: str
    accepting: Sequence[str]
    moves: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        _require_states("the start state", [self.start], self.moves)
        _require_states("an accepting state", self.accepting, self.moves)
        for state, moves in self.moves.items():
            for token, following in moves.items():
                _require_states(f"the next state after {state!r} with {token!r}", [following], self.moves)

    @property
    def document(self) -> dict[str, object]:
        """The form that a certificate contains."""
        moves = {state: dict(moves) for state, moves in self.moves.items()}
        return {"start": self.start, "accepting": sorted(set(self.accepting)), "moves": moves}


@dataclass(frozen=True)
class Transducer:
    """What is expected, token by token: a move has the output at the token's position (`certificates/WORDS.md`, 1.2).

    moves: for every state, from a token to a pair of the next state and the output; or to the next state alone, where
    nothing is asked.  Outputs are texts, integers, booleans or Fractions.  Every token of every word needs a move.
    Raises WordsError.

    >>> parity = Transducer("0", {"0": {"a": ("1", 1), "b": "0"}, "1": {"a": ("0", 0), "b": "1"}})
    >>> parity.outputs(("a", "b", "a"))
    ['1', None, '0']
    """

    start: str
    moves: Mapping[str, Mapping[str, str | tuple[str, Output]]]

    def __post_init__(self) -> None:
        _require_states("the start state", [self.start], self.moves)
        for state, moves in self.moves.items():
            for token, move in moves.items():
                if not isinstance(move, str) and not (isinstance(move, Sequence) and len(move) == 2):
                    raise WordsError(
                        f"the move from state {state!r} with {token!r} is {move!r:.100}; give the next state, or a "
                        "pair of it and an output"
                    )
                following, output = (move, "") if isinstance(move, str) else move
                _require_states(f"the next state after {state!r} with {token!r}", [following], self.moves)
                if not isinstance(output, Output):
                    raise WordsError(
                        f"the output of the move from state {state!r} with {token!r} is {output!r:.100}; outputs are "
                        "texts, integers, booleans or Fractions, and a move without an output is the next state alone"
                    )

    def outputs(self, word: Word) -> list[str | None]:
        """The output at every position; None where nothing is asked.  Raises WordsError if there is no move."""
        state, found = self.start, list[str | None]()
        for place, token in enumerate(word):
            move = self.moves[state].get(token)
            if move is None:
                raise WordsError(
                    f"on {' '.join(word)!r} the transducer has no move from state {state!r} with {token!r}, at "
                    f"position {place}"
                )
            state, output = (move, None) if isinstance(move, str) else (move[0], str(move[1]))
            found.append(output)
        return found

    @property
    def unreached(self) -> list[str]:
        """States that no sequence of tokens leads to."""
        reached, left = {self.start}, [self.start]
        while left:
            for move in self.moves[left.pop()].values():
                following = move if isinstance(move, str) else move[0]
                if following not in reached:
                    reached.add(following)
                    left.append(following)
        return [state for state in self.moves if state not in reached]

    @property
    def document(self) -> dict[str, object]:
        """The form that a certificate contains."""
        moves = {
            state: {token: move if isinstance(move, str) else [move[0], str(move[1])] for token, move in moves.items()}
            for state, moves in self.moves.items()
        }
        return {"start": self.start, "moves": moves}


def _require_states(what: str, states: Sequence[str], known: Mapping[str, object]) -> None:
    for state in states:
        if state not in known:
            raise WordsError(f"{what} is {state!r}, which has no entry in moves; one without moves has {{}} there")


@dataclass(frozen=True)
class Words:
    """Every word of a language of at most ``length`` tokens, and the outputs that are expected on each.

    language: a regular expression over the transformer's tokens, such as ``BOS [a b c]{1,5}`` (`certificates/WORDS.md`,
    1), or an `Automaton`.  expected: from a word, a tuple of names of tokens, to its outputs: a list with one for every
    position that is asked about, or for every position of the word.  Outputs are texts, integers, booleans, None or
    Fractions, and named by their text.  first: the first position that is asked about; None asks about the last
    position of each word only, and then ``expected`` may give one output instead of a list.  Instead of a function,
    ``expected`` may be a `Transducer`, which becomes part of the certificate; or `HARDMAX`: what the transformer with
    hardmax gives.  Raises WordsError.

    >>> Words("[a b]*", 3, lambda word: list(reversed(word))).outputs(("a", "b"))
    ('b', 'a')
    >>> Words("[a b]*", 3, len, first=None).outputs(("a", "b"))
    ('2',)
    """

    language: str | Automaton
    length: int
    expected: Callable[[Word], object] | Transducer | str
    first: int | None = 0

    def __post_init__(self) -> None:
        if not isinstance(self.language, str | Automaton):
            raise WordsError(f"the language is {self.language!r:.100}; give a regular expression, or an Automaton")
        if isinstance(self.expected, str) and self.expected != HARDMAX:
            raise WordsError(
                f"what is expected is {self.expected!r}; give a function of words, a Transducer, or {HARDMAX!r}"
            )
        if not 1 <= self.length <= LONGEST:
            raise WordsError(f"the length is {self.length}; give 1 to {LONGEST} tokens")
        if self.first is not None and not 0 <= self.first < self.length:
            raise WordsError(
                f"nothing is asked from position {self.first} on, because words have at most {self.length} tokens"
            )

    def asked(self, length: int) -> range:
        """The positions that are asked about in words of this many tokens."""
        return range(length)[-1:] if self.first is None else range(length)[self.first :]

    def outputs(self, word: Word) -> tuple[str | None, ...]:
        """The outputs that a function or a transducer expects at the positions asked about; None where a transducer
        says nothing.  Raises WordsError."""
        if isinstance(self.expected, str):
            raise WordsError("what the transformer gives with hardmax is expected, and no function says that")
        asked = self.asked(len(word))
        if isinstance(self.expected, Transducer):
            every = self.expected.outputs(word)
            return tuple(every[position] for position in asked)
        try:
            found = self.expected(word)
        except Exception as error:  # whatever a user's own code raises
            what = f"{type(error).__name__}: {error}"
            raise WordsError(f"the specification fails on {' '.join(word)!r}: {what}") from error
        if isinstance(found, (str, bool, int, Fraction)) or found is None:
            found = [found] if self.first is None else found
        if isinstance(found, str) or not isinstance(found, Sequence) or len(found) not in (len(word), len(asked)):
            raise WordsError(
                f"on {' '.join(word)!r} the specification gives {found!r:.100}; it has to be a list of "
                f"{len(asked)} output(s), one for each position asked about, or of {len(word)}"
            )
        listed = [found[position] for position in asked] if len(found) == len(word) else found
        return tuple(_name(output, word) for output in listed)


def _name(output: object, word: Word) -> str:
    if output is None or isinstance(output, (str, bool, int, Fraction)):
        return str(output)
    raise WordsError(
        f"on {' '.join(word)!r} the specification gives the output {output!r:.100}; outputs are texts, integers, "
        "booleans, None or Fractions, which are exact"
    )
