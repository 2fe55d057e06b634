"""What a transformer should do on given sequences: which token it has to rank first, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

NEXT_TOKENS = "next tokens"
Asked: TypeAlias = tuple[tuple[int, str], ...]
"""(position, expected token) pairs, positions ascending."""


class GivenError(ValueError):
    """Sequences, or what is expected on them, are missing or malformed: which, and what is wrong, in one sentence."""


@dataclass(frozen=True)
class GivenSequence:
    """Tokens by their names; asked: None if every position is asked about and hardmax says what is expected."""

    tokens: tuple[str, ...]
    asked: Asked | None = None


@dataclass(frozen=True, init=False)
class Given:
    """Sequences, each a list of tokens, or a pair of it with what is expected: ``{position: token}`` or "next tokens".

    With "next tokens" each token has to be ranked first at the position before it.  If nothing is expected on a
    sequence, every position is asked about, and expected is the token that hardmax ranks first.  Raises GivenError.

    >>> Given([("a b a".split(), {2: "b"}), ["a", "b"]]).sequences[0]
    GivenSequence(tokens=('a', 'b', 'a'), asked=((2, 'b'),))
    >>> Given([(["a", "b"], "next tokens")]).sequences[0].asked
    ((0, 'b'),)
    """

    sequences: tuple[GivenSequence, ...]

    def __init__(self, sequences: Iterable[object]) -> None:
        if isinstance(sequences, (str, Mapping)):
            raise GivenError("give a list of sequences, each a list of tokens")
        read = tuple(_sequence(number, one) for number, one in enumerate(sequences))
        if not read:
            raise GivenError("there is no sequence; give at least one")
        if all(one.asked == () for one in read):
            raise GivenError("nothing is asked; say for at least one position which token is expected there")
        object.__setattr__(self, "sequences", read)


def _sequence(number: int, given: object) -> GivenSequence:
    if isinstance(given, GivenSequence):
        return given
    tokens: object = given
    expected: object = None
    pair = isinstance(given, (tuple, list)) and len(given) == 2 and not isinstance(given[0], str)
    if pair:
        tokens, expected = given  # type: ignore[misc]
    if isinstance(tokens, str) or not isinstance(tokens, Sequence):
        raise GivenError(f"sequence {number} is {tokens!r}; give a list of tokens, such as 'a b c'.split()")
    names = tuple(tokens)
    for name in names:
        if not isinstance(name, str):
            raise GivenError(f"sequence {number}: the token {name!r} is not a text")
    if not names:
        raise GivenError(f"sequence {number} has no token; give at least one")
    if expected is None:
        return GivenSequence(names, None)
    if expected == NEXT_TOKENS:
        return GivenSequence(names, tuple(enumerate(names[1:])))
    if not isinstance(expected, Mapping):
        raise GivenError(
            f"sequence {number}: what is expected is {expected!r}; give {{position: token}} or {NEXT_TOKENS!r}"
        )
    for position, token in expected.items():
        whole = isinstance(position, int) and not isinstance(position, bool)
        if not whole or not 0 <= position < len(names):
            raise GivenError(f"sequence {number}: position {position!r} is not one of 0 to {len(names) - 1}")
        if not isinstance(token, str):
            raise GivenError(f"sequence {number}, position {position}: the token {token!r} is not a text")
    return GivenSequence(names, tuple(sorted(expected.items())))
