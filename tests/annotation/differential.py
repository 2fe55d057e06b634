"""The annotation at the true ghosts of runs, against the activations of the exact evaluator; and every axiom on them.

    python -m tests.annotation.differential --machines 3000

Runs of one machine are compared together: a content is evaluated once, for all tokens of a class in all runs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from random import Random

import click
import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.random_machines import random_word
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens, sequences_of
from exactformer.verify.annotation.annotation import Annotation, Held, annotate
from exactformer.verify.annotation.content import (
    MOVE_CODES,
    AtMost,
    Back,
    Bit,
    BitOfBeta,
    Code,
    Condition,
    Content,
    Equals,
    Fetched,
    Ghost,
    Ghosts,
    HighBits,
    If,
    MoveCode,
    Number,
    One,
    Vector,
    Zero,
    holds,
    number_at,
)
from exactformer.verify.annotation.fetches import brought
from exactformer.verify.annotation.ghosts import TokenClass, sequence_ghosts
from exactformer.verify.hardmax.attention import Activations, Ints
from exactformer.verify.hardmax.batch import Batch, embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.sweep import draw_case
from tests.annotation.axioms import AXIOMS, Broken, Chain, check

MISSING = -1
"""Stands for a ghost that a token does not have."""
STEPS_ON_MORE_WORDS = 1_000
"""What does not halt that soon, on words that are drawn for a machine, is left out."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """All tokens of one class in a batch: in which columns they stand, where their sequences start, their ghosts."""

    kind: TokenClass
    columns: Ints
    starts: Ints
    ghosts: Mapping[str, Ints]

    @classmethod
    def of(cls, kind: TokenClass, found: Sequence[tuple[int, int, Ghosts]]) -> Tokens:
        """From columns, starts and ghosts."""
        names = {name for _, _, ghosts in found for name in ghosts}
        return cls(
            kind,
            np.array([column for column, _, _ in found]),
            np.array([start for _, start, _ in found]),
            {name: np.array([ghosts.get(name, MISSING) for _, _, ghosts in found]) for name in names},
        )

    def only(self, chosen: NDArray[np.bool_]) -> Tokens:
        """Those of them that are chosen."""
        ghosts = {name: values[chosen] for name, values in self.ghosts.items()}
        return Tokens(self.kind, self.columns[chosen], self.starts[chosen], ghosts)

    def ghost(self, name: str) -> Ints:
        """A ghost of all of them; KeyError if one of them does not have it."""
        values = self.ghosts[name]
        if (values == MISSING).any():
            raise KeyError(name)
        return values

    def number(self, number: Number) -> Ints:
        match number:
            case Back(distance):
                return np.maximum(self.ghost("i") - distance, 0)
            case Ghost(name):
                return self.ghost(name)
        return np.array([number_at(number, ghosts) for ghosts in self.one_by_one()])

    def meeting(self, condition: Condition) -> NDArray[np.bool_]:
        """Which of them a condition holds for."""
        met: NDArray[np.bool_]
        match condition:
            case Equals(name, value):
                met = self.ghost(name) == value
            case AtMost(name, bound):
                met = self.ghost(name) <= bound
            case _:
                met = np.array([holds(condition, ghosts) for ghosts in self.one_by_one()])
        return met

    def one_by_one(self) -> Iterator[Ghosts]:
        """The ghosts of each."""
        for values in zip(*(values.tolist() for values in self.ghosts.values()), strict=True):
            yield {name: value for name, value in zip(self.ghosts, values, strict=True) if value != MISSING}


def signed_bits(numbers: Ints, first: int | Ints, width: int) -> Activations:
    """[width, tokens]: bits ``first`` and up, as +1 and -1."""
    return (2 * (numbers >> first + np.arange(width)[:, None] & 1) - 1).astype(np.int8)


def values(content: Content, width: int, tokens: Tokens, before: Mapping[str, Activations]) -> Activations:
    """[width, tokens]: a content in a register of ``width`` bits; ``before`` has what is fetched, by its name."""
    count = len(tokens.columns)
    if not count:
        return np.zeros((width, 0), np.int8)
    match content:
        case Zero():
            return np.zeros((width, count), np.int8)
        case One():
            return np.ones((width, count), np.int8)
        case Code(number):
            found = tokens.number(number)
            if found.max() >= 1 << width:
                raise ValueError(f"{number} does not fit {width} bits")
            return signed_bits(found, 0, width)
        case HighBits(number, first):
            held = signed_bits(tokens.number(number), 0, width)
            held[:first] = 0
            return held
        case Bit(number, index):
            return signed_bits(tokens.number(number), index, 1)
        case BitOfBeta(number, offset):
            return signed_bits(tokens.number(number), tokens.ghost("beta") + offset, 1)
        case MoveCode(ghost):
            return np.array(MOVE_CODES, np.int8)[tokens.ghost(ghost)].T
        case Fetched(register, distance, layer):
            return before[f"{register} {layer}"][:, tokens.starts + tokens.number(Back(distance))]
        case If(condition, then, otherwise):
            met = tokens.meeting(condition)
            held = np.empty((width, count), np.int8)
            held[:, met] = values(then, width, tokens.only(met), before)
            held[:, ~met] = values(otherwise, width, tokens.only(~met), before)
            return held


def fetches(content: Content) -> bool:
    """Whether a content leaves something open: it says where a value is from, not what it is."""
    match content:
        case Fetched():
            return True
        case If(_, then, otherwise):
            return fetches(then) or fetches(otherwise)
    return False


@dataclass(frozen=True)
class Difference:
    """One register of one token, where annotation and network do not agree; moments are counted in sublayers."""

    run: int
    position: int
    kind: str
    moment: int
    register: str
    annotated: Vector
    actual: Vector


@dataclass(frozen=True)
class Comparison:
    """What was compared; ``open`` coordinates are annotated as fetched, and compared with what that token holds."""

    tokens: int
    coordinates: int
    open: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, eq=False)
class Change:
    """What becomes different at a moment, for tokens of a class; ``open``: in how many coordinates it is fetched."""

    contents: tuple[tuple[Span, Content], ...]
    open: int


@lru_cache(maxsize=4)
def timetable(annotation: Annotation) -> Mapping[TokenClass, tuple[Change, ...]]:
    """All changes, moment by moment."""

    def change(before: Held | None, held: Held) -> Change:
        new = ((span, held[span.name]) for span in annotation.registers)
        opened = sum(span.width for span in annotation.registers if fetches(held[span.name]))
        return Change(tuple(one for one in new if before is None or one[1] is not before[one[0].name]), opened)

    return {
        kind: tuple(change(before, held) for before, held in zip((None, *moments), moments, strict=False))
        for kind, moments in annotation.contents.items()
    }


def compare(
    runs: Sequence[Run],
    position_bits: int,
    network: Network | None = None,
    paradigm: Paradigm = Paradigm.COT,
    annotation: Annotation | None = None,
) -> Comparison:
    """All runs of one machine: every token that is read, every sublayer, every coordinate."""
    machine = runs[0].machine
    network = network or construct(paradigm, machine, position_bits)
    annotation = annotation or annotate(paradigm, Shape.of(machine, position_bits), network.registers)
    prepared = PreparedNetwork(network)
    batch = embed(prepared, [one for run in runs for one in sequences_of(paradigm, run, position_bits)])
    classes = tokens_by_class(runs, position_bits, batch, paradigm)
    table = timetable(annotation)
    before: dict[str, Activations] = {}
    annotated = np.zeros_like(batch.x)
    differences: list[Difference] = []
    open_coordinates = 0

    def compare_moment(moment: int, x: Activations) -> None:
        nonlocal open_coordinates
        for tokens in classes:
            change = table[tokens.kind][moment]
            for span, content in change.contents:
                rows = slice(span.offset, span.offset + span.width)
                annotated[rows, tokens.columns] = values(content, span.width, tokens, before)
            open_coordinates += change.open * len(tokens.columns)
        if (annotated != x).any():
            differences.extend(_located(annotated, x, moment, network, classes))

    compare_moment(0, batch.x)
    for moment, stage in enumerate(stages(prepared, batch), start=1):
        if stage.sublayer is Sublayer.ATTENTION:
            for span in network.registers:
                before[f"{span.name} {stage.layer}"] = stage.before[span.offset : span.offset + span.width]
        compare_moment(moment, stage.after)
    moments = 2 * len(network.layers) + 1
    return Comparison(batch.length, batch.x.size * moments, open_coordinates, tuple(differences))


def emptied(annotation: Annotation, register: str) -> Annotation:
    """With a register, on every tape if it is one of tapes, annotated as empty wherever it is not annotated so."""
    named = [span.name for span in annotation.registers if register in (span.name, span.name.rpartition("_")[0])]
    empty: Held = dict.fromkeys(named, Zero())
    contents = {kind: tuple({**held, **empty} for held in moments) for kind, moments in annotation.contents.items()}
    return replace(annotation, contents=contents)


def differences(
    run: Run, position_bits: int, network: Network | None = None, paradigm: Paradigm = Paradigm.COT
) -> tuple[Difference, ...]:
    """Every disagreement, register by register, over all tokens and all moments of a run."""
    return compare([run], position_bits, network, paradigm).differences


def tokens_by_class(
    runs: Sequence[Run], position_bits: int, batch: Batch, paradigm: Paradigm = Paradigm.COT
) -> list[Tokens]:
    """The tokens of all runs, with their ghosts."""
    found: dict[TokenClass, list[tuple[int, int, Ghosts]]] = {}
    sequences = [one for run in runs for one in sequence_ghosts(paradigm, run, position_bits)]
    for sequence, start in zip(sequences, batch.opens, strict=True):
        for column, (kind, ghosts) in enumerate(sequence, start=start):
            found.setdefault(kind, []).append((column, start, ghosts))
    return [Tokens.of(kind, listed) for kind, listed in found.items()]


def _located(
    annotated: Activations, x: Activations, moment: int, network: Network, classes: Sequence[Tokens]
) -> Iterator[Difference]:
    wrong = annotated != x
    spans = [(span, slice(span.offset, span.offset + span.width)) for span in network.registers]
    spans = [(span, rows) for span, rows in spans if wrong[rows].any()]
    for tokens in classes:
        for span, rows in spans:
            for token in np.flatnonzero(wrong[rows].any(axis=0)[tokens.columns]).tolist():
                run = int(np.searchsorted(np.unique(tokens.starts), tokens.starts[token]))
                position = int(tokens.columns[token] - tokens.starts[token])
                said, is_so = (tuple(array[rows, tokens.columns[token]].tolist()) for array in (annotated, x))
                yield Difference(run, position, tokens.kind.value, moment, span.name, said, is_so)


def wrong_fetches(run: Run, position_bits: int) -> Iterator[tuple[TokenClass, Fetched, Activations, Activations]]:
    """Classes in whose tokens what a look-up brings is not what exactformer.verify.annotation.fetches says of it."""
    shape, r = Shape.of(run.machine, position_bits), position_bits
    network = construct(Paradigm.COT, run.machine, r)
    prepared = PreparedNetwork(network)
    batch = embed(prepared, [cot_tokens(run.machine, run, r)])
    classes = tokens_by_class([run], r, batch)
    for stage in stages(prepared, batch):
        if stage.sublayer is not Sublayer.ATTENTION:
            continue
        for span, distance, tokens in product(network.registers, (1, 2, 3, r - 1, r, r + 2), classes):
            fetched = Fetched(span.name, distance, stage.layer)
            known = brought(fetched, shape, tokens.kind)
            if known != fetched:
                before = {f"{span.name} {stage.layer}": stage.before[list(span.coordinates)]}
                said, got = (values(one, span.width, tokens, before) for one in (known, fetched))
                if (said != got).any():
                    yield tokens.kind, fetched, said, got


@dataclass
class Totals:
    """What a campaign went through, and what it found amiss."""

    machines: int = 0
    runs: int = 0
    tokens: int = 0
    coordinates: int = 0
    open: int = 0
    axioms: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def add(self, other: Totals) -> None:
        self.machines += other.machines
        self.runs += other.runs
        self.tokens += other.tokens
        self.coordinates += other.coordinates
        self.open += other.open
        self.axioms += other.axioms
        self.differences += other.differences
        self.broken += other.broken


@dataclass(frozen=True)
class Case:
    """Runs of one random machine, and the r they are compared at."""

    runs: tuple[Run, ...]
    position_bits: int


def draw(seed: int, index: int, words: int) -> Case:
    """The machine and run of a sweep's case, and runs on more words; r as the sweep has it."""
    case = draw_case(seed, index)
    runs, rng = [case.run], Random(f"{seed}/{index}/words")
    for _ in range(words - 1):
        word = random_word(rng, case.run.machine)
        try:
            runs.append(trace(case.run.machine, word, STEPS_ON_MORE_WORDS))
        except MachineError:
            continue  # it does not halt, or not with a word
    return Case(tuple(runs), least_position_bits(Paradigm.COT, runs) + case.extra_bits)


def go_through(case: Case) -> Totals:
    """Compare everything, and check every axiom, on all runs of one machine."""
    compared = compare(case.runs, case.position_bits)
    totals = Totals(1, len(case.runs), compared.tokens, compared.coordinates, compared.open)
    totals.differences += compared.differences
    for run in case.runs:
        checked = check(Chain.of(run, case.position_bits))
        totals.axioms += checked.counts
        totals.broken += checked.broken
    return totals


def campaign(seed: int, indices: Iterable[int], words: int) -> Totals:
    """Go through the cases; those of one shape one after the other, as they share an annotation."""
    cases = [draw(seed, index, words) for index in indices]
    totals = Totals()
    for case in sorted(cases, key=lambda case: str(Shape.of(case.runs[0].machine, case.position_bits))):
        totals.add(go_through(case))
    return totals


@click.command()
@click.option("--machines", default=3000, help="How many random machines.")
@click.option("--words", default=3, help="On how many inputs each is run, those that are not covered left out.")
@click.option("--seed", default=2026)
@click.option("--workers", default=2)
def main(machines: int, words: int, seed: int, workers: int) -> None:
    """Annotation and axioms on runs of random machines."""
    totals = Totals()
    with ProcessPoolExecutor(workers) as pool:
        parts = [range(first, machines, workers) for first in range(workers)]
        for part in pool.map(campaign, [seed] * workers, parts, [words] * workers):
            totals.add(part)
    click.echo(f"{totals.machines} machines, {totals.runs} runs, {totals.tokens} tokens")
    click.echo(f"{totals.coordinates} coordinates compared, {totals.open} of them fetched from another token")
    click.echo(f"{len(totals.differences)} differences")
    for axiom in AXIOMS:
        click.echo(f"{totals.axioms[axiom.name]:>10}  {axiom.name}")
    click.echo(f"{sum(totals.axioms.values())} instances of {len(AXIOMS)} axioms, {len(totals.broken)} broken")
    for wrong in (*totals.differences[:10], *totals.broken[:10]):
        click.echo(str(wrong))
    sys.exit(bool(totals.differences or totals.broken))


if __name__ == "__main__":
    main()
