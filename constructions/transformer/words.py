"""What a transformer should do on every word of a language: which output it has to give at which positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

Word: TypeAlias = tuple[str, ...]
"""Tokens by their names."""
HARDMAX = "hardmax"
LONGEST = 1 << 10
"""Tokens of a word."""


class WordsError(ValueError):
    """A language or a specification that does not fit a transformer: what is wrong, in one sentence."""


@dataclass(frozen=True)
class Words:
    """Every word of a language of at most ``length`` tokens, and the outputs that are expected on each.

    language: a regular expression over the transformer's tokens, such as ``BOS [a b c]{1,5}`` (`certificates/WORDS.md`,
    1).  expected: from a word, a tuple of names of tokens, to its outputs: a list with one for every position that is
    asked about, or for every position of the word.  Outputs are texts, integers, booleans, None or Fractions, and named
    by their text.  first: the first position that is asked about; None where it is only the last of a word, and then
    ``expected`` may give one output instead of a list.  Instead of a function, `HARDMAX`: what the transformer with
    hardmax gives.  Raises WordsError.

    >>> Words("[a b]*", 3, lambda word: list(reversed(word))).outputs(("a", "b"))
    ('b', 'a')
    >>> Words("[a b]*", 3, len, first=None).outputs(("a", "b"))
    ('2',)
    """

    language: str
    length: int
    expected: Callable[[Word], object] | str
    first: int | None = 0

    def __post_init__(self) -> None:
        if isinstance(self.expected, str) and self.expected != HARDMAX:
            raise WordsError(f"what is expected is {self.expected!r}; give a function of words, or {HARDMAX!r}")
        if not 1 <= self.length <= LONGEST:
            raise WordsError(f"the length is {self.length}; give 1 to {LONGEST} tokens")
        if self.first is not None and not 0 <= self.first < self.length:
            raise WordsError(f"nothing is asked from position {self.first} on, of words of {self.length} tokens")

    def asked(self, length: int) -> range:
        """The positions that are asked about, of words of so many tokens."""
        return range(length)[-1:] if self.first is None else range(length)[self.first :]

    def outputs(self, word: Word) -> tuple[str, ...]:
        """What is expected at the positions asked about, if a function says it.  Raises WordsError."""
        if isinstance(self.expected, str):
            raise WordsError("what the transformer gives with hardmax is expected, and no function says that")
        try:
            found, asked = self.expected(word), self.asked(len(word))
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
