"""What was found about all words of a language, by length, and the first word that is not shown to be right."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import Transducer, Word, Words
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Verdict


@dataclass(frozen=True)
class OfLength:
    """About all words of one length that something is asked about: how many words; how many positions; the least
    margin, if all are shown to be right; how many different states tokens have after the last layer."""

    length: int
    words: int
    positions: int
    margin: Fraction | None
    states: int


@dataclass(frozen=True)
class Wrong:
    """A word, a position, the output that is expected there, and one that is surely as good, or better."""

    word: Word
    position: int
    expected: str
    output: str


@dataclass(frozen=True)
class Unshown:
    """A word, and a position at which it is not shown that the output is the expected one, nor that it is not;
    ``alone``: by itself it is shown."""

    word: Word
    position: int
    expected: str
    alone: bool


@dataclass(frozen=True)
class WordsFound:
    """What was found.

    lengths: those that were looked at, in order: all, or up to the first with a wrong word. wrong: the first wrong word
    (no shorter one is wrong, unless something is not shown); sha256: of the listing, if it is whole.
    """

    net: Transformer
    words: Words
    model: ArithmeticModel
    beta: int
    far: int
    numbers: tuple[int, ...]
    lengths: tuple[OfLength, ...]
    wrong: Wrong | None
    unshown: Unshown | None
    sha256: str
    reason: str | None = None
    """Why it is not shown that softmax gives what hardmax gives."""
    taken: tuple[int, ...] = ()
    """Lengths that an earlier run had finished."""
    ignored: str | None = None
    """Why what an earlier run had kept is not used, in one sentence."""

    @property
    def verdict(self) -> Verdict:
        if self.wrong is not None:
            return Verdict.REFUTED
        return Verdict.PROVED if self.unshown is None and self.reason is None else Verdict.INCONCLUSIVE

    @property
    def asked(self) -> int:
        """How many words something is asked about; with a transducer, of the lengths that were looked at."""
        if isinstance(self.words.expected, Transducer):
            return sum(one.words for one in self.lengths)
        return sum(number for length, number in enumerate(self.numbers) if self.words.asked(length))

    @property
    def positions(self) -> int:
        """How many positions are asked about; with a transducer, of the lengths that were looked at."""
        if isinstance(self.words.expected, Transducer):
            return sum(one.positions for one in self.lengths)
        return sum(number * len(self.words.asked(length)) for length, number in enumerate(self.numbers))

    @property
    def right_up_to(self) -> int | None:
        """The largest length up to which every word is shown to be right."""
        found = None
        for one in self.lengths:
            if one.margin is None:
                break
            found = one.length
        return found
