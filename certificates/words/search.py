"""Every word of a language through a transformer, until one is wrong: what the kernel of the checker shows of each.

The kernel of `certificates.checker.words` is the only thing that computes what words make; a certificate is checked by
the same, from what was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, require_judged
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import enclosed
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded
from exactformer.certificates.checker.words.check import line
from exactformer.certificates.checker.words.levels import levels, numbers_of_words
from exactformer.certificates.checker.words.outputs import is_not_below, names_of
from exactformer.certificates.checker.words.outputs import said as output_of
from exactformer.certificates.checker.words.regular import Automaton, automaton_of
from exactformer.certificates.checker.words.sets import Sets
from exactformer.certificates.checker.words.states import UNKNOWN
from exactformer.certificates.checker.words.walk import Said
from exactformer.certificates.checker.words.walk import Words as Walk
from exactformer.certificates.network_document import network_bytes
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import HARDMAX, Word, Words, WordsError
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.stored import require_held
from exactformer.verify.verdict import Verdict

FAR = (10, 40, 200, 1000)
"""From where on scores are far: the next one where something is not shown. e^-40 is 2^-58."""
Progress = Callable[[str, int, int], None]
"""What is done, how far, of how much."""


@dataclass(frozen=True)
class OfLength:
    """Of all words of one length of which something is asked: how many; how many positions; the least margin, if all is
    shown; how many different states tokens have behind the last layer."""

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
    """Of what hardmax gives: why it is not shown."""

    @property
    def verdict(self) -> Verdict:
        if self.wrong is not None:
            return Verdict.REFUTED
        return Verdict.PROVED if self.unshown is None and self.reason is None else Verdict.INCONCLUSIVE

    @property
    def asked(self) -> int:
        """Words of which something is asked."""
        return sum(number for length, number in enumerate(self.numbers) if self.words.asked(length))

    @property
    def positions(self) -> int:
        """That are asked about."""
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


@dataclass(frozen=True)
class Setting:
    """A transformer as the checker reads it, a language over its tokens, and an arithmetic."""

    network: Network
    automaton: Automaton
    arithmetic: Arithmetic

    @classmethod
    def of(cls, net: Transformer, words: Words, model: ArithmeticModel, beta: int) -> Setting:
        """Raises WordsError for what is no language of the transformer, Unsupported (a ModelError) where the arithmetic
        does not hold its weights, TooLarge for what is not judged."""
        require_held(net, model)
        arithmetic = arithmetic_of(model.text, beta.bit_length() - 1, "the arithmetic")
        network = read_network(json.loads(network_bytes(net)), None)
        require_judged(arithmetic, network, "the arithmetic")
        if words.expected == HARDMAX and not network.rational:
            raise WordsError(
                "what hardmax gives is expected, and this transformer has no hardmax (it has norms, or smooth "
                "activations); give a specification"
            )
        return cls(network, automaton_in(words, net.index), arithmetic)


def listing(words: Words, net: Transformer) -> str:
    """The SHA-256 of what is expected on all words (WORDS 2).  Raises WordsError."""
    tokens, digest = [token.name for token in net.vocabulary], hashlib.sha256()
    for level in levels(automaton_in(words, net.index), words.length):
        if words.asked(level.tokens.shape[1]):
            for listed in level.tokens[level.words].tolist():
                word = tuple(tokens[token] for token in listed)
                digest.update(line(word, words.outputs(word)))
    return digest.hexdigest()


def automaton_in(words: Words, places: Mapping[str, int]) -> Automaton:
    """Of the language, over these tokens.  Raises WordsError."""
    try:
        return automaton_of("the language", words.language, places)
    except Rejected as error:
        raise WordsError(f"{error.field} {words.language!r} {error.reason}") from error


def numbers_in(setting: Setting, words: Words, *, limited: bool = True) -> list[int]:
    """How many words of each length there are.  Raises WordsError for none; ``limited``: TooLarge for too many."""
    if setting.network.positions is not None and words.length > setting.network.positions:
        raise WordsError(
            f"words of {words.length} tokens are asked about, and the transformer has {setting.network.positions} "
            "positions"
        )
    for name in setting.network.unseen:
        state = int(setting.automaton.moves[0, list(setting.network.vocabulary).index(name)])
        if state >= 0 and setting.automaton.distance[state] < words.length:
            raise WordsError(f"words begin with {name!r}, which no head sees: then the first token may see none")
    numbers = numbers_of_words(setting.automaton, words.length, limited)
    if not sum(numbers[(words.first or 0) + 1 :]):
        raise WordsError(f"the language has no word of up to {words.length} tokens of which something is asked")
    return numbers


def search(
    net: Transformer,
    words: Words,
    model: ArithmeticModel,
    beta: int = 1,
    budget_seconds: int = 10**6,
    progress: Progress = lambda *_: None,
) -> WordsFound:
    """Until a word is wrong, or all words have been looked at.

    Errors: WordsError, ModelError; TooLarge and Undecided for what is not judged, or not within the budget.
    """
    deadline = Deadline(budget_seconds)
    setting = Setting.of(net, words, model, beta)
    as_hardmax = words.expected == HARDMAX
    numbers = numbers_in(setting, words, limited=not as_hardmax)
    if as_hardmax:
        return _as_hardmax(net, words, model, beta, setting, numbers, deadline, progress)
    for far in FAR:
        found = _searched(net, words, model, beta, far, setting, numbers, deadline, progress)
        if found.unshown is None or not found.unshown.alone:
            break
    return found


def _as_hardmax(
    net: Transformer,
    words: Words,
    model: ArithmeticModel,
    beta: int,
    setting: Setting,
    numbers: Sequence[int],
    deadline: Deadline,
    progress: Progress,
) -> WordsFound:
    """Whether all words get what hardmax gives: for every position all states at once."""
    reason: str | None = None
    for far in FAR:
        sets, lengths = Sets(setting.network, setting.automaton, setting.arithmetic, far, deadline), list[OfLength]()
        try:
            for one in sets.lengths(words.length, words.first):
                count = numbers[one.length]
                positions = count * len(words.asked(one.length))
                lengths.append(OfLength(one.length, count, positions, one.margin, one.states))
                progress(f"words of {one.length} tokens", one.length, words.length)
        except TooLarge as error:  # where less is far, there are more cases still
            reason = f"{_beyond(lengths)}: {error}"
            break
        except Rejected as error:
            reason = f"{_beyond(lengths)}: it {error.reason}"
        else:
            reason = None
            break
    return WordsFound(net, words, model, beta, far, tuple(numbers), tuple(lengths), None, None, "", reason)


def _beyond(lengths: Sequence[OfLength]) -> str:
    return f"of more than {lengths[-1].length} tokens" if lengths else "of any length"


def _searched(
    net: Transformer,
    words: Words,
    model: ArithmeticModel,
    beta: int,
    far: int,
    setting: Setting,
    numbers: Sequence[int],
    deadline: Deadline,
    progress: Progress,
) -> WordsFound:
    walk = Walk(setting.network, setting.automaton, setting.arithmetic, far, deadline)
    digest, lengths = hashlib.sha256(), list[OfLength]()
    wrong: Wrong | None = None
    unshown: Unshown | None = None
    done, names = 0, names_of(setting.network.outputs)
    for said in walk.lengths(words.length):
        length = said.tokens.shape[1]
        asked = words.asked(length)
        if not asked:
            continue
        expected, lines = _expected(words, said, setting, names)
        digest.update(lines)
        outputs, states = said.outputs[:, asked.start :], said.states[:, asked.start :]
        shown = bool((outputs == expected).all())
        margin = walk.margin(states) if shown else None
        lengths.append(OfLength(length, len(outputs), outputs.size, margin, len(np.unique(states))))
        if not shown:
            wrong, open_ = _first_wrong(setting, said, expected, asked, names, deadline)
            unshown = open_
            break
        done += len(outputs)
        progress(f"words of {length} tokens", done, sum(numbers))
    sha256 = digest.hexdigest() if unshown is None else listing(words, net)
    return WordsFound(
        net, words, model, beta, far, tuple(numbers), tuple(lengths), wrong, unshown if wrong is None else None, sha256
    )


def _expected(
    words: Words, said: Said, setting: Setting, names: Sequence[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], bytes]:
    """[words, positions asked about]: the places of the outputs that are expected; and their part of the listing."""
    places, vocabulary = {name: place for place, name in enumerate(names)}, list(setting.network.vocabulary)
    rows, lines = list[list[int]](), list[bytes]()
    for tokens in said.tokens.tolist():
        word = tuple(vocabulary[token] for token in tokens)
        outputs = words.outputs(word)
        for output in outputs:
            if output not in places:
                known = ", ".join(names[:8]) + (", .." if len(names) > 8 else "")
                raise WordsError(
                    f"on {' '.join(word)!r} the specification gives {output!r}, which is no output of the transformer; "
                    f"its outputs are {known}"
                )
        rows.append([places[output] for output in outputs])
        lines.append(line(word, outputs))
    return np.array(rows, np.int64).reshape(len(rows), -1), b"".join(lines)


def _first_wrong(
    setting: Setting,
    said: Said,
    expected: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    asked: range,
    names: Sequence[str],
    deadline: Deadline,
) -> tuple[Wrong | None, Unshown | None]:
    """The first word of this length that is surely wrong; the first of which neither is shown.

    A word that the kernel shows to give another output is wrong; one that it shows nothing of is tried by itself: where
    nothing is merged, more may be shown.
    """
    outputs, vocabulary = said.outputs[:, asked.start :], list(setting.network.vocabulary)
    unshown: Unshown | None = None
    for row in np.flatnonzero((outputs != expected).any(axis=1)).tolist():
        word = tuple(vocabulary[token] for token in said.tokens[row].tolist())
        for column in np.flatnonzero(outputs[row] != expected[row]).tolist():
            position, mine = asked.start + column, int(expected[row, column])
            output = int(outputs[row, column])
            others = [output] if output != UNKNOWN else [other for other in range(len(names)) if other != mine]
            better, alone = by_itself(setting, word, position, mine, others, deadline)
            if better is not None:
                return Wrong(word, position, names[mine], names[better]), unshown
            unshown = unshown or Unshown(word, position, names[mine], alone == mine)
        if unshown is not None and row > MOST_TRIED:
            break
    return None, unshown


MOST_TRIED = 1 << 12
"""Words of one length that are tried by themselves lie before this one."""


def by_itself(
    setting: Setting, word: Word, position: int, expected: int, others: Sequence[int], deadline: Deadline
) -> tuple[int | None, int]:
    """The first of these outputs that on this word surely is at least as good as the expected one; and the one that
    surely is the output, or `UNKNOWN`."""
    try:
        *_, vectors = enclosed(setting.network, word, setting.arithmetic, deadline)
        vector = tuple(normed(setting.arithmetic, setting.network.norm, vectors[position]))
    except Unbounded:
        return None, UNKNOWN
    outputs = setting.network.outputs
    better = (one for one in others if is_not_below(setting.arithmetic, outputs, vector, one, expected))
    return next(better, None), output_of(setting.arithmetic, outputs, vector)[0]
