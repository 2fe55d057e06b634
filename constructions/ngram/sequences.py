"""Sequences of n-gram look-up with their true ghosts, found by plain search: `ngram.theory` is tried on them."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.constructions.theory import TrueToken, Value


def last_occurrence(symbols: Sequence[str], n: int) -> int | None:
    """The position after the last earlier occurrence of the last n symbols; None if there is none.

    Positions as in token sequences: symbols[0] is at position 1.

    >>> last_occurrence("abcab", 1), last_occurrence("abcab", 2), last_occurrence("abc", 1), last_occurrence("aa", 1)
    (3, 3, None, 2)
    """
    length = len(symbols)
    for end in range(length - 1, n - 1, -1):
        if symbols[end - n : end] == symbols[length - n :]:
            return end + 1
    return None


def ngram_sequence(symbols: Sequence[str], n: int, letters: Sequence[str]) -> list[TrueToken]:
    """START and these symbols, with their ghosts."""
    ends = range(1, len(symbols) + 1)
    return [TrueToken("start", {}), *(TrueToken("sym", _ghosts(symbols[:end], n, letters)) for end in ends)]


def _ghosts(symbols: Sequence[str], n: int, letters: Sequence[str]) -> dict[str, Value]:
    """The ghosts of the last of these symbols; a missing letter is the first one, a missing position is 0."""
    behind = last_occurrence(symbols, n)
    before = {f"p_{k}": symbols[len(symbols) - 1 - k] if k < len(symbols) else letters[0] for k in range(n + 1)}
    found: dict[str, Value] = {"found": behind is not None, "w": behind or 0}
    return {**before, **found, "g": letters[0] if behind is None else symbols[behind - 1]}
