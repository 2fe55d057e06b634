"""Finds a few short sequences of a machine in which every class follows each one that it may, as far as runs show that.

What a run does is not known before it is tried, so short words are tried first, then longer and longer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, islice, pairwise, product

from exactformer.constructions.machines.library import entry_of
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.theory import TrueToken

SHORT_WORDS = 32
"""How many words are tried first; then the same words are tried with one symbol repeated."""
LONGEST, MOST = 2**9, 2**13
"""The most tokens of one sequence, and of all that are tried."""


def witnesses(
    text: str, machine: TuringMachine, position_bits: int, sequences: Callable[[str], Iterable[Iterable[TrueToken]]]
) -> list[Sequence[TrueToken]]:
    """Sequences of up to 2^r tokens that cover the ``follow`` lines of a theory, as far as the tried ones do.

    ``sequences``: those of a run, by its input. The examples of a machine of the library are tried last. At most
    `LONGEST` tokens of a sequence are looked at, and `MOST` of all words, and of all examples.
    """
    left, found = _followers(text), list[Sequence[TrueToken]]()
    longest, entry = min(LONGEST, 2**position_bits), entry_of(machine)
    for tried_words in (
        words(machine.input_alphabet, (position_bits // 2, position_bits + 1)),
        entry.examples if entry else (),
    ):
        tried = 0
        for sequence in chain.from_iterable(map(sequences, tried_words)):
            tokens = list(islice(sequence, longest))
            tried += len(tokens)
            pairs = _pairs(tokens)
            if new := left.intersection(pairs):
                found.append(tokens[: max(map(pairs.index, new)) + 2])
                left -= new
            if not left or tried >= MOST:
                break
    return _needed(found)


def words(letters: Sequence[str], repetitions: Sequence[int]) -> Iterator[str]:
    """Short words by length; then the same words with one of their symbols repeated this many times."""
    short = list(islice(("".join(word) for n in count() for word in product(letters, repeat=n)), SHORT_WORDS))
    yield from short
    for times, word in product(repetitions, short):
        yield from dict.fromkeys(word[:at] + times * word[at] + word[at + 1 :] for at in range(len(word)))


def _followers(text: str) -> set[tuple[str, str]]:
    lines = (line.removeprefix("follow ").split(": ") for line in text.split("\n") if line.startswith("follow "))
    return {(one, follower) for one, followers in lines for follower in followers.split()}


def _pairs(tokens: Sequence[TrueToken]) -> list[tuple[str, str]]:
    """The classes of two tokens, the second right after the first."""
    return [(one.cls, follower.cls) for one, follower in pairwise(tokens)]


def _needed(found: list[Sequence[TrueToken]]) -> list[Sequence[TrueToken]]:
    """The sequences without those whose pairs all occur in others."""
    for one in tuple(found):
        others = {pair for other in found if other is not one for pair in _pairs(other)}
        if others >= set(_pairs(one)):
            found.remove(one)
    return found
