"""Runs every word of a language through a transformer, until one is wrong: what the checker's kernel shows about each.

Only the kernel of `certificates.checker.words` computes what a transformer makes of words.  A certificate is checked by
the same kernel, from what was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import enclosed
from exactformer.certificates.checker.softmax.numbers import Unbounded
from exactformer.certificates.checker.words.levels import Ints
from exactformer.certificates.checker.words.outputs import is_not_below, names_of
from exactformer.certificates.checker.words.outputs import said as output_of
from exactformer.certificates.checker.words.sets import Sets
from exactformer.certificates.checker.words.states import UNKNOWN
from exactformer.certificates.checker.words.tables import NOTHING
from exactformer.certificates.checker.words.walk import Said
from exactformer.certificates.checker.words.walk import Words as Walk
from exactformer.certificates.words.found import OfLength, Unshown, WordsFound, Wrong
from exactformer.certificates.words.setting import Setting, every_word, line_of, listing, numbers_in
from exactformer.certificates.words.unfinished import Finished, Kept, NotFitting, Unfinished
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import HARDMAX, Word, Words, WordsError
from exactformer.verify.arithmetic.models import ArithmeticModel

FAR = (10, 40, 200, 1000)
"""How far below the best a score counts as far; the next number is tried if something is not shown. e^-40 is 2^-58."""
WORTH_KEEPING = 1 << 16
"""With fewer tokens, words are looked at again."""
OF_NOTHING = hashlib.sha256()
"""The hash of an empty listing."""
Progress = Callable[[str, int, int], None]
"""A function that is called with what is done, how far it is, and of how much."""


def search(
    net: Transformer,
    words: Words,
    model: ArithmeticModel,
    beta: int = 1,
    budget_seconds: int = 10**6,
    progress: Progress = lambda *_: None,
    unfinished: Unfinished | None = None,
) -> WordsFound:
    """Look at words until one is wrong, or all have been looked at.

    ``unfinished``: the file that keeps finished lengths, and from which they are taken.  A causal network does not use
    it, unless hardmax is expected: longer words begin with shorter ones and need their states, so nothing is saved.

    Errors: WordsError, ModelError, FileRefused; TooLarge and Undecided if something is not judged, or not in time.
    """
    deadline = Deadline(budget_seconds)
    setting = Setting.of(net, words, model, beta)
    as_hardmax = words.expected == HARDMAX
    numbers = tuple(numbers_in(setting, words, limited=not as_hardmax))
    if net.causal and not as_hardmax:
        unfinished = None
    run = _Run(net, words, model, beta, setting, numbers, deadline, progress, unfinished)
    try:
        (kept, listed), ignored = run.taken(), None
    except NotFitting as error:
        (kept, listed), ignored = (Kept(FAR[0], ()), hashlib.sha256()), str(error)
    found = run.as_hardmax(kept) if as_hardmax else run.of_words(kept, listed)
    return replace(found, ignored=ignored)


@dataclass(frozen=True)
class _Run:
    """What is asked, as a checker reads it; and the function that is told how far the search is."""

    net: Transformer
    words: Words
    model: ArithmeticModel
    beta: int
    setting: Setting
    numbers: tuple[int, ...]
    deadline: Deadline
    progress: Progress
    unfinished: Unfinished | None

    def taken(self) -> tuple[Kept, hashlib._Hash]:
        """What was kept, if it agrees with what is expected, and the hash of its part of the listing.  Raises
        NotFitting, WordsError."""
        kept, listed = None if self.unfinished is None else self.unfinished.read(), hashlib.sha256()
        if self.unfinished is None or kept is None:
            return Kept(FAR[0], ()), listed
        kept = Kept(kept.far, tuple(one for one in kept.finished if one.found.length <= self.words.length))
        if callable(self.words.expected):
            parts = {one.found.length: hashlib.sha256() for one in kept.finished}
            for word in every_word(self.words, self.net.index, max(parts, default=0)):
                line = line_of(word, self.words.outputs(word))
                parts[len(word)].update(line)
                listed.update(line)
            for one in kept.finished:
                if parts[one.found.length].hexdigest() != one.sha256:
                    raise NotFitting(
                        f"{self.unfinished.path} is not used: the specification says something else about words of "
                        f"{one.found.length} tokens"
                    )
        self.unfinished.goes_on()
        return kept, listed

    def as_hardmax(self, kept: Kept) -> WordsFound:
        """Whether softmax gives what hardmax gives on all words: for every position, all states at once."""
        reason: str | None = None
        for far in FAR[FAR.index(kept.far) :]:
            kept = kept if far == kept.far else Kept(far, ())
            finished = list(kept.finished)
            sets = Sets(self.setting.network, self.setting.automaton, self.setting.arithmetic, far, self.deadline)
            try:
                for one in sets.lengths(self.words.length, self.words.first, kept.longest):
                    count = self.numbers[one.length]
                    positions = count * len(self.words.asked(one.length))
                    finished.append(
                        Finished(OfLength(one.length, count, positions, one.margin, one.states), OF_NOTHING.hexdigest())
                    )
                    if self.unfinished is not None:
                        self.unfinished.keep(far, finished)
                    self.progress(f"words of {one.length} tokens", one.length, self.words.length)
            except TooLarge as error:  # if fewer scores are far, there are even more cases
                reason = f"{_beyond(finished)}: {error}"
                break
            except Rejected as error:
                reason = f"{_beyond(finished)}: it {error.reason}"
            else:
                reason = None
                break
        lengths = tuple(one.found for one in finished)
        return self._found(kept, lengths, None, None, "", reason)

    def of_words(self, kept: Kept, listed: hashlib._Hash) -> WordsFound:
        """Look at words until one is wrong, or not shown to be right however far is chosen."""
        found = self._words(kept, listed)
        for far in FAR[FAR.index(kept.far) + 1 :]:
            if found.unshown is None or not found.unshown.alone:
                break
            found = self._words(Kept(far, ()), hashlib.sha256())
        return found

    def _words(self, kept: Kept, listed: hashlib._Hash) -> WordsFound:
        setting, words, finished = self.setting, self.words, list(kept.finished)
        walk = Walk(setting.network, setting.automaton, setting.arithmetic, kept.far, self.deadline)
        lengths = [one.found for one in finished]
        wrong: Wrong | None = None
        unshown: Unshown | None = None
        done, fresh = sum(one.words for one in lengths), 0
        for said in walk.lengths(words.length, kept.longest):
            length = said.tokens.shape[1]
            asked = words.asked(length)
            expected, lines = self._expected(said, asked)
            is_asked = expected != NOTHING
            if not is_asked.any():
                continue
            listed.update(lines)
            outputs, states = said.outputs[:, asked.start :], said.states[:, asked.start :][is_asked]
            differs = is_asked & (outputs != expected)
            margin = None if differs.any() else walk.margin(states)
            number = int(is_asked.any(axis=1).sum())
            lengths.append(OfLength(length, number, len(states), margin, len(np.unique(states))))
            if margin is None:
                wrong, unshown = self._first_wrong(said, expected, differs, asked)
                break
            finished.append(Finished(lengths[-1], hashlib.sha256(lines).hexdigest()))
            fresh += said.tokens.size
            if self.unfinished is not None and fresh >= WORTH_KEEPING:
                self.unfinished.keep(kept.far, finished)
                fresh = 0
            done += number
            self.progress(f"words of {length} tokens", done, sum(self.numbers))
        if not lengths:
            raise WordsError(
                f"the transducer has no output on any word of up to {words.length} tokens where it is asked"
            )
        unshown = unshown if wrong is None else None
        whole = listing(words, self.net.index) if unshown is not None and callable(words.expected) else ""
        return self._found(kept, tuple(lengths), wrong, unshown, whole or listed.hexdigest(), None)

    def _found(
        self,
        kept: Kept,
        lengths: tuple[OfLength, ...],
        wrong: Wrong | None,
        unshown: Unshown | None,
        sha256: str,
        reason: str | None,
    ) -> WordsFound:
        return WordsFound(
            self.net,
            self.words,
            self.model,
            self.beta,
            kept.far,
            self.numbers,
            lengths,
            wrong,
            unshown,
            sha256,
            reason,
            tuple(one.found.length for one in kept.finished),
        )

    def _expected(self, said: Said, asked: range) -> tuple[Ints, bytes]:
        """[words, positions asked about]: the places of the expected outputs, or `NOTHING`; and their part of the
        listing, if there is one."""
        if self.setting.transducer is not None:
            return self.setting.said_by(self.setting.transducer, said.tokens, asked), b""
        if not asked:
            return np.zeros((len(said.tokens), 0), np.int64), b""
        names, vocabulary = names_of(self.setting.network.outputs), list(self.setting.network.vocabulary)
        places = {name: place for place, name in enumerate(names)}
        rows, lines = list[list[int]](), list[bytes]()
        for tokens in said.tokens.tolist():
            word = tuple(vocabulary[token] for token in tokens)
            outputs = self.words.outputs(word)
            for output in outputs:
                if output not in places:
                    known = ", ".join(names[:8]) + (", .." if len(names) > 8 else "")
                    raise WordsError(
                        f"on {' '.join(word)!r} the specification gives {output!r}, which is not an output of the "
                        f"transformer; its outputs are {known}"
                    )
            rows.append([places[output] for output in outputs if output is not None])
            lines.append(line_of(word, outputs))
        return np.array(rows, np.int64).reshape(len(rows), -1), b"".join(lines)

    def _first_wrong(
        self, said: Said, expected: Ints, differs: NDArray[np.bool_], asked: range
    ) -> tuple[Wrong | None, Unshown | None]:
        """The first word of this length that is surely wrong; the first that is shown neither wrong nor right.

        A word is wrong if the kernel shows that it gives another output.  If the kernel shows nothing about a word, it
        is tried by itself: without merged states, more may be shown.
        """
        names, vocabulary = names_of(self.setting.network.outputs), list(self.setting.network.vocabulary)
        outputs = said.outputs[:, asked.start :]
        unshown: Unshown | None = None
        for row in np.flatnonzero(differs.any(axis=1)).tolist():
            word = tuple(vocabulary[token] for token in said.tokens[row].tolist())
            for column in np.flatnonzero(differs[row]).tolist():
                position, mine = asked.start + column, int(expected[row, column])
                output = int(outputs[row, column])
                others = [output] if output != UNKNOWN else [other for other in range(len(names)) if other != mine]
                better, alone = by_itself(self.setting, word, position, mine, others, self.deadline)
                if better is not None:
                    return Wrong(word, position, names[mine], names[better]), unshown
                unshown = unshown or Unshown(word, position, names[mine], alone == mine)
            if unshown is not None and row > MOST_TRIED:
                break
        return None, unshown


def _beyond(finished: Sequence[Finished]) -> str:
    return f"of more than {finished[-1].found.length} tokens" if finished else "of any length"


MOST_TRIED = 1 << 12
"""Only this many of the words of one length, the first ones, are tried by themselves."""


def by_itself(
    setting: Setting, word: Word, position: int, expected: int, others: Sequence[int], deadline: Deadline
) -> tuple[int | None, int]:
    """The first of these outputs that is surely at least as good as the expected one on this word; and the one that is
    surely the output, or `UNKNOWN`."""
    try:
        *_, vectors = enclosed(setting.network, word, setting.arithmetic, deadline)
        vector = tuple(normed(setting.arithmetic, setting.network.norm, vectors[position]))
    except Unbounded:
        return None, UNKNOWN
    outputs = setting.network.outputs
    better = (one for one in others if is_not_below(setting.arithmetic, outputs, vector, one, expected))
    return next(better, None), output_of(setting.arithmetic, outputs, vector)[0]
