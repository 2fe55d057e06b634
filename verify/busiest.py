"""Searches for a run, short enough for a context, that writes some cell at least this many times.

If no bound on the writes per cell is proved (`write_bound`), this looks for an input that shows how large their number
gets.  It is a search: it returns a run that anyone can replay, and if it finds none, that says nothing.

Longer and longer chains of thought are searched, each time four times as long, so that the run found is not much longer
than necessary.  Three kinds of words are tried: all words, the shortest first; *families* ``prefix block block .. block
suffix`` of short parts, with more and more blocks, of which the busiest go on; and random words.  Effort is counted in
machine steps and symbols of words, not in seconds, so the same search finds the same run everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice, product
from random import Random
from typing import Final

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import MissingTransition, OutputError, Run, StepLimit, trace
from exactformer.constructions.turing.tokens import cot_length
from exactformer.verify.writes import write_bound, writes_per_cell

MOST_STEPS: Final = 2_000_000
"""After this many machine steps and symbols of words a search is given up, unless the caller says otherwise."""

FIRST_LENGTH, GROWTH = 64, 4
"""Chains of thought of about 64 tokens are searched first, then of four times as many, and so on."""

FAMILIES, LONGEST_PART = 2000, 2
"""How many families are tried, the shortest parts first; prefix, block and suffix have at most two symbols."""

COMPARED_AT, BUSIEST, LEAST_BUSIEST = 4, 32, 4
"""All families are tried with 1, 2 and 4 blocks; the 32 busiest go on to 8, half of them to 16, .., at least four."""

RANDOM_WORDS = 8
"""How many random words of each length 8, 16, 32, ... are tried."""


def busiest_run(
    machine: TuringMachine, writes: int, context: int, position_bits: int, most_steps: int = MOST_STEPS
) -> Run | None:
    """A run whose chain of thought fits ``context`` tokens and in which some cell is written ``writes`` times or more.

    The input counts as one write of each of its cells.  Counts grow by one, so all smaller counts occur in the run,
    too. None if no such run is found within ``most_steps``, or if the proved bound excludes it.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> run = busiest_run(load_machine("rewrite"), 5, 256, 8)
    >>> run.word, max(writes_per_cell(run).values())
    ('1111', 5)
    """
    bound = write_bound(machine).largest
    if bound is not None and bound < writes:
        return None
    if writes > most_steps + 1:
        return None  # all writes of a cell but the input's are steps
    lengths, kinds = _lengths(context), (_try_short_words, _try_families, _try_random_words)
    search = _Search(machine, writes, position_bits)
    for number, length in enumerate(lengths):
        search.longest = length
        end = search.steps + (most_steps - search.steps) // (len(lengths) - number)
        for part, try_words in enumerate(kinds):
            search.stop_at = search.steps + (end - search.steps) // (len(kinds) - part)
            try_words(search)
        if search.best is not None:
            return trace(machine, search.best)
    return None


def steps_that_fit(input_length: int, context: int, position_bits: int) -> int:
    """The steps of the longest run on an input of this length whose chain of thought may fit, with an empty output.

    >>> steps_that_fit(7, 55, 8), cot_length(7, 24, 0, 8), cot_length(7, 25, 0, 8)
    (24, 55, 66)
    """
    room = context - input_length - 4
    if room < 1:
        return 0
    # r run tokens and their block of r + 2 tokens, again and again; after the last run token there is no block.
    blocks = (room - 1) // (2 * position_bits + 2)
    return blocks * position_bits + min(position_bits, room - blocks * (2 * position_bits + 2))


def _lengths(context: int) -> list[int]:
    lengths = [context]
    while lengths[0] > FIRST_LENGTH:
        lengths.insert(0, lengths[0] // GROWTH)
    return lengths


@dataclass(frozen=True)
class _Outcome:
    """How a run that leaves an output ends: the most writes of one cell, and the length of its chain of thought."""

    writes: int
    tokens: int


@dataclass
class _Search:
    """What is known so far.  `longest` and `stop_at` say what is looked for now, `look_at` looks at one word.

    ``longest``: the most tokens of a chain of thought of interest; ``stop_at``: after how many ``steps`` to go on to
    words of another kind; ``best``: the word with the shortest chain of thought that is busy enough; ``cut_off``: words
    whose run did not end, and after how many steps.
    """

    machine: TuringMachine
    writes: int
    position_bits: int
    longest: int = 0
    stop_at: int = 0
    steps: int = 0
    best: str | None = None
    outcomes: dict[str, _Outcome | None] = field(default_factory=dict)
    cut_off: dict[str, int] = field(default_factory=dict)

    def allows(self, input_length: int) -> bool:
        """Whether a word of this length may be of interest, and there are steps left."""
        return self._steps_for(input_length) > 0

    def look_at(self, word: str) -> _Outcome | None:
        """How the run on a word ends; None if it leaves no output, is too long, or there are no steps left for it.

        A look counts as one step, plus one for each symbol: so words that cost nothing else come to an end as well.
        """
        most = self._steps_for(len(word))
        if most == 0:
            return None
        self.steps += 1 + len(word)
        if word not in self.outcomes and self.cut_off.get(word, 0) < most:
            self._run(word, most)
        outcome = self.outcomes.get(word)
        if outcome is None or outcome.tokens > self.longest:
            return None
        if outcome.writes >= self.writes:
            self.best, self.longest = word, outcome.tokens - 1
        return outcome

    def _steps_for(self, input_length: int) -> int:
        fitting = steps_that_fit(input_length, self.longest, self.position_bits)
        return max(0, min(fitting, self.stop_at - self.steps - 1 - input_length))

    def _run(self, word: str, most: int) -> None:
        try:
            run = trace(self.machine, word, most)
        except StepLimit:
            self.steps += most
            self.cut_off[word] = most
        except MissingTransition as stuck:
            self.steps += stuck.step
            self.outcomes[word] = None
        except OutputError:
            # The number of steps is not known: count as many as there might have been.
            self.steps += most
            self.outcomes[word] = None
        else:
            self.steps += run.steps
            tokens = cot_length(len(word), run.steps, len(run.output), self.position_bits)
            self.outcomes[word] = _Outcome(max(writes_per_cell(run).values()), tokens)


def _try_short_words(search: _Search) -> None:
    for length in count():
        for word in _words(search.machine, length):
            if not search.allows(length):
                return
            search.look_at(word)


def _try_families(search: _Search) -> None:
    """Short words with more and more blocks in them; then, if that was too many, with fewer."""
    at_comparison: dict[str, tuple[_Outcome, _Family]] = {}
    for family in islice(_families(search.machine), FAMILIES):
        for blocks in (1, 2, COMPARED_AT):
            outcome = search.look_at(family.word(blocks))
        if outcome is not None:
            # Families that are written differently may have the same words.
            at_comparison[family.word(COMPARED_AT)] = (outcome, family)
    going_on = list(at_comparison.values())
    blocks, busiest = COMPARED_AT, BUSIEST
    while going_on:
        going_on.sort(key=lambda each: (-each[0].writes, each[0].tokens))
        going_on = going_on[:busiest]
        blocks, busiest = 2 * blocks, max(busiest // 2, LEAST_BUSIEST)
        families, going_on = [family for _, family in going_on], []
        for family in families:
            outcome = search.look_at(family.word(blocks))
            if outcome is not None and outcome.writes < search.writes:
                going_on.append((outcome, family))
            else:
                _try_fewer_blocks(search, family, blocks // 2, blocks)


def _try_fewer_blocks(search: _Search, family: _Family, few: int, many: int) -> None:
    """Halve the interval in which ``few`` blocks are not busy enough, and ``many`` are, or are too long."""
    while many - few > 1:
        middle = (few + many) // 2
        outcome = search.look_at(family.word(middle))
        if outcome is not None and outcome.writes < search.writes:
            few = middle
        else:
            many = middle


def _try_random_words(search: _Search) -> None:
    rng = Random(search.longest)
    length = 8
    while search.allows(length):
        for _ in range(RANDOM_WORDS):
            search.look_at("".join(rng.choices(search.machine.input_alphabet, k=length)))
        length *= 2


@dataclass(frozen=True)
class _Family:
    """The words ``prefix block .. block suffix``."""

    prefix: str
    block: str
    suffix: str

    def word(self, blocks: int) -> str:
        return self.prefix + self.block * blocks + self.suffix


def _families(machine: TuringMachine) -> Iterator[_Family]:
    """Families with parts of at most LONGEST_PART symbols, by the number of symbols in all parts."""
    for total in range(1, 3 * LONGEST_PART + 1):
        for block, prefix in product(range(1, LONGEST_PART + 1), range(LONGEST_PART + 1)):
            if 0 <= total - block - prefix <= LONGEST_PART:
                parts = (_words(machine, length) for length in (prefix, block, total - block - prefix))
                yield from (_Family(*texts) for texts in product(*parts))


def _words(machine: TuringMachine, length: int) -> Iterator[str]:
    """All words of this length over the input alphabet."""
    return map("".join, product(machine.input_alphabet, repeat=length))
