"""A run of the machine that a certificate is about, and which tokens each head selects on it, with hardmax.

The simulator and the hardmax evaluator compute it when a page is made, for people to look at; of a long run they
compute only the beginning.  Attention is causal: later tokens make no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exactformer.certificates.reports.page.machine import machine_of, of_library
from exactformer.certificates.reports.page.source import Kind, ReportError, Source
from exactformer.certificates.reports.tokens import lines_of
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import Run, StepLimit, configurations, trace
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.hardmax.attention import score_gaps
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork

MOST_STEPS = 1 << 11
"""The most steps of a run whose certificate does not say how long it is."""
MOST_STEPS_LISTED = 1 << 17
"""The most steps of a run that a certificate lists."""
MOST_TRIED_STEPS, SHORT = 500, 140
"""The most steps of a run that is tried, and the most tokens of one that counts as short."""
MOST_EVALUATED = 1 << 12
"""The most tokens of a sequence that the network is run on."""
MOST_WORDS = 40
"""How many words are tried if none is given."""


@dataclass(frozen=True)
class Replay:
    """A token sequence of a run, or its beginning.

    ``segment``: which segment of the run it is, counted from 0; ``halted``: whether the run was followed to its end.
    """

    machine: TuringMachine
    paradigm: Paradigm
    word: str
    steps: int
    halted: bool
    output: str
    segment: int
    segments: int
    sequence: TokenSequence

    @cached_property
    def lines(self) -> list[tuple[int, list[Token]]]:
        """The position of the first token of each line, and its tokens."""
        found, position = [], 0
        for _, group in lines_of(self.sequence):
            found.append((position, group))
            position += len(group)
        rest = list(self.sequence.tokens[position:])
        return [*found, *([(position, rest)] if rest else [])]


@dataclass(frozen=True)
class Selected:
    """The positions that a head selects at a token, if what it brings is not 0."""

    layer: int
    head: str
    positions: tuple[int, ...]


def replay_of(source: Source, word: str | None) -> Replay | None:
    """The run on ``word``, or on a word chosen here; None if the certificate is not about a machine.

    Chosen is the word of a refutation; else the shortest of the given inputs that a certificate is about; else one of
    the library's examples, or of the shortest words.  Raises ReportError for a word that the certificate excludes.
    """
    machine = machine_of(source)
    if machine is None or source.paradigm is None:
        return None
    paradigm, bits = Paradigm(source.paradigm), source.compiled.position_bits
    segment = 0
    if source.kind is Kind.RUNS:
        inputs = [str(each) for each in source.statement["scope"]["inputs"]]
        refutation = source.document["refutation"]
        if word is not None and word not in inputs:
            raise ReportError(f"the certificate is not about the input {word[:80]!r}: give one that it lists")
        if refutation is not None:
            witness = refutation["witnesses"][-1]
            failing = str(source.document["runs"][int(witness["run"])]["input"])
            if word is None or word == failing:
                word, segment = failing, int(witness["segment"])
        if word is None:
            word = min(inputs, key=len)
        return _replay(machine, paradigm, bits, word, segment, MOST_STEPS_LISTED)
    if word is None:
        word = chosen(machine, paradigm, bits, min(SHORT, int(source.statement["context"])))
    return None if word is None else _replay(machine, paradigm, bits, word, segment, MOST_STEPS)


def chosen(machine: TuringMachine, paradigm: Paradigm, bits: int, most: int) -> str | None:
    """Among words whose run has few tokens: the word of the shortest run that writes positions; else that of the
    longest run; else a word whose run takes at least a step; None if there is none."""
    tried, going = list[tuple[bool, int, str]](), None
    for word in LIBRARY[machine.name].examples if of_library(machine) else _short_words(machine):
        try:
            run = trace(machine, word, MOST_TRIED_STEPS)
        except MachineError:
            if going is None and _first_steps(machine, word, 1).steps:
                going = word
            continue
        tokens = sequences_of(paradigm, run, bits)[0].tokens
        if len(tokens) <= most:
            says = any(token.family == "POS" for token in tokens)
            tried.append((not says, len(tokens) if says else -len(tokens), word))
    return min(tried)[2] if tried else going


def _short_words(machine: TuringMachine) -> Iterator[str]:
    words = [""]
    for _ in range(MOST_WORDS):
        if not words:
            return
        word = words.pop(0)
        yield word
        words += [word + symbol for symbol in machine.input_alphabet[:3]]


def _replay(machine: TuringMachine, paradigm: Paradigm, bits: int, word: str, segment: int, most_steps: int) -> Replay:
    halted = True
    try:
        run = trace(machine, word, most_steps)
    except StepLimit:
        run, halted = _first_steps(machine, word, MOST_STEPS), False
    except MachineError:
        run, halted = _first_steps(machine, word, MOST_STEPS), False
    if not run.steps:
        raise ReportError(f"{machine.name} takes no step on {word[:80]!r}: give another --input")
    sequences = sequences_of(paradigm, run, bits)
    if segment >= len(sequences):
        raise ReportError(f"the run on {word[:80]!r} has {len(sequences)} segments: there is no segment {segment}")
    sequence = sequences[segment]
    if not halted and segment == len(sequences) - 1:
        sequence = TokenSequence(sequence.tokens[:-2], sequence.prompt, sequence.read - 2)  # without OUTP EOUTP
    return Replay(machine, paradigm, word, run.steps, halted, run.output, segment, len(sequences), sequence)


def _first_steps(machine: TuringMachine, word: str, most: int) -> Run:
    """The first steps of a run that goes on, or that gets stuck; with no output."""
    actions, heads, cells = [], [], len(word) or 1
    before = None
    try:
        for now in configurations(machine, word, most):
            if before is not None:
                read = tuple(tape[head] for tape, head in zip(before.tapes, before.heads, strict=True))
                actions.append(machine.transitions[before.state, read])
                heads.append(now.heads)
                cells = max(cells, *(head + 1 for head in now.heads))
            before = now
    except MachineError as error:
        if before is None:
            raise ReportError(f"there is no such run: {error}") from error
    return Run(machine, word, tuple(actions), tuple(heads), "", cells)


def selections(source: Source, sequence: TokenSequence, tokens: list[int]) -> dict[int, list[Selected]]:
    """For each of these tokens, by layer, what the heads select that bring something.

    Raises what the hardmax evaluator raises if the network is not one of ours.
    """
    last = max(tokens) + 1
    part = TokenSequence(sequence.tokens[:last], min(sequence.prompt, last), last)
    found: dict[int, list[Selected]] = {token: [] for token in tokens}
    batch = embed(PreparedNetwork(source.compiled), [part])
    for stage in stages(PreparedNetwork(source.compiled), batch):
        if stage.sublayer is not Sublayer.ATTENTION:
            continue
        for head, attention in stage.attentions:
            brings = np.flatnonzero(attention.value_sum.any(axis=0))
            for token in map(int, brings):
                if token in found:
                    gaps, _ = score_gaps(head, stage.before, batch.start, token)
                    found[token].append(Selected(stage.layer, head.name, tuple(map(int, np.flatnonzero(gaps == 0)))))
    return found
