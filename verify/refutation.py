"""A concrete query at which the softmax network, in one arithmetic, does not compute what hardmax does.

The score histogram of the query is that of the exact hardmax replay.  If all activations up to the head were those of
the hardmax network, this one would differ from it.  So somewhere they differ, whatever happened before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.arithmetic.exponentials import grid_bits, steady
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.hardmax.attention import Activations, score_gaps
from exactformer.verify.hardmax.batch import Batch, embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.observe import HeadObservation, Query
from exactformer.verify.hardmax.prepared import PreparedNetwork

Histogram = tuple[tuple[int, tuple[int, int, int]], ...]
"""(gap, (visible positions with it, how many with value +1, how many with value -1)), ascending."""


@dataclass(frozen=True)
class Witness:
    """For beta = 2**e, first <= e <= last: at this query and row of the value list the model's result lies in
    [low, high], which does not contain the hardmax value."""

    first: int
    last: int
    query: Query
    layer: int
    index: int
    head: CompiledHead
    row: int
    maximisers: int
    hardmax: int
    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Refutation:
    """Witnesses for every exponent asked about, in ascending order, without gap or overlap."""

    witnesses: tuple[Witness, ...]

    @property
    def first(self) -> int:
        return self.witnesses[0].first

    @property
    def last(self) -> int:
        return self.witnesses[-1].last


@dataclass(frozen=True)
class _Candidate:
    query: Query
    layer: int
    index: int
    head: CompiledHead
    row: int
    hardmax: int
    histogram: Histogram


def search_refutation(
    prepared: PreparedNetwork,
    sequences: Sequence[TokenSequence],
    model: ArithmeticModel,
    suspects: Sequence[tuple[HeadObservation, int | None]],
    exponents: Sequence[int],
) -> Refutation | None:
    """A witness for every exponent, or None if the search finds none for some of them.

    A suspect is a head and, if that is why it fails, the number of maximisers to look at.
    """
    longest = max(range(len(sequences)), key=lambda number: sequences[number].read)
    last_query = Query(longest, sequences[longest].read - 1)
    queries: dict[Query, list[HeadObservation]] = defaultdict(list)
    for observed, ties in suspects:
        here = [observed.ties[ties]] if ties is not None else []
        here += [observed.witness] if observed.witness else []
        for query in dict.fromkeys([*here, last_query]):
            queries[query].append(observed)
    candidates = list(_candidates(prepared, sequences, queries))
    witnesses: list[Witness] = []
    settled = steady(grid_bits(model)).bit_length()
    for exponent in exponents:
        if witnesses and exponent > settled <= witnesses[-1].last:
            witnesses[-1] = replace(witnesses[-1], last=exponent)
            continue
        found = next(_refuting(model, candidates, exponent), None)
        if found is None:
            return None
        if witnesses and replace(witnesses[-1], first=exponent, last=exponent) == found:
            found = replace(witnesses.pop(), last=exponent)
        witnesses.append(found)
    return Refutation(tuple(witnesses)) if witnesses else None


def _refuting(model: ArithmeticModel, candidates: list[_Candidate], exponent: int) -> Iterator[Witness]:
    for candidate in candidates:
        try:
            low, high = evaluate_query(model, 1 << exponent, dict(candidate.histogram))
        except NotShown:
            continue  # nothing is known about the result
        if not low <= candidate.hardmax <= high:
            yield Witness(
                exponent,
                exponent,
                candidate.query,
                candidate.layer,
                candidate.index,
                candidate.head,
                candidate.row,
                dict(candidate.histogram)[0][0],
                candidate.hardmax,
                low,
                high,
            )


def _candidates(
    prepared: PreparedNetwork,
    sequences: Sequence[TokenSequence],
    queries: dict[Query, list[HeadObservation]],
) -> Iterator[_Candidate]:
    """The different histograms at the queries, each sequence evaluated once; those named first come first."""
    found: dict[tuple[Query, int, int], list[_Candidate]] = {}
    for number in sorted({query.sequence for query in queries}):
        batch = embed(prepared, [sequences[number]])
        for stage in stages(prepared, batch):
            if stage.sublayer is not Sublayer.ATTENTION:
                continue
            for query, heads in queries.items():
                if query.sequence == number:
                    for observed in heads:
                        if observed.layer == stage.layer:
                            key = (query, observed.layer, observed.index)
                            targets = Counter(c for head, _ in stage.attentions for c in head.out)
                            found[key] = list(_rows(observed, query, stage.before, batch, targets))
    for query, heads in queries.items():
        for observed in heads:
            yield from found[query, observed.layer, observed.index]


def _rows(
    observed: HeadObservation, query: Query, before: Activations, batch: Batch, targets: Counter[int]
) -> Iterator[_Candidate]:
    """The rows of a value list with different histograms to which nothing else of the layer is added: two errors might
    cancel."""
    gaps, values = score_gaps(observed.head, before, batch.start, query.token)
    seen: set[Histogram] = set()
    levels = np.unique(gaps)
    for row, value in enumerate(values):
        if targets[observed.head.out[row]] > 1:
            continue
        histogram = tuple(
            (
                int(gap),
                (
                    int((gaps == gap).sum()),
                    int((value[gaps == gap] == 1).sum()),
                    int((value[gaps == gap] == -1).sum()),
                ),
            )
            for gap in levels
        )
        if histogram not in seen:
            seen.add(histogram)
            hardmax = int(value[int(np.argmin(gaps))])
            yield _Candidate(query, observed.layer, observed.index, observed.head, row, hardmax, histogram)
