"""What drifts cost the next token, against every other token (DRIFT 5).

The difference between the right token's logit and another one is that of the hardmax transformer, up to ``lost``. A
token of the same family that differs in several fields loses by a margin for each of them, because logits are sums over
fields; so one field at a time is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.drift.forms import Drifts
from exactformer.certificates.checker.weights import Family, Ints, Sparse


class Vocabulary:
    """The unembedding; costs are remembered for each choice of drifts."""

    def __init__(self, families: Sequence[Family], width: int) -> None:
        self.width = width
        self.fields = {
            family.name: [self._dense(field.unembedding) for field in family.fields if len(field.values) > 1]
            for family in families
        }
        self.ranges = {family.name: self._range(family) for family in families}
        self.known: dict[tuple[str, tuple[Fraction, ...]], Fraction] = {}

    def _dense(self, matrix: Sparse) -> Ints:
        """The rows as vectors of the network's width."""
        return matrix.dense(self.width)

    def _range(self, family: Family) -> tuple[Ints, Ints]:
        """For every coordinate the least and the largest entry of a token of the family."""
        low = high = self._dense(family.unembedding)[0]
        for field in family.fields:
            rows = self._dense(field.unembedding)
            low, high = low + rows.min(axis=0), high + rows.max(axis=0)
        return low, high

    def lost(self, drifts: Drifts) -> Fraction:
        """How much less the right token's logit may be above any other one, per field or for another family."""
        return max((self.lost_by(family, drifts) for family in self.ranges), default=Fraction(0))

    def lost_by(self, family: str, drifts: Drifts) -> Fraction:
        """The same, if the right token is of this family."""
        key = family, tuple(drifts)
        if key not in self.known:
            self.known[key] = self._find(family, drifts)
        return self.known[key]

    def _find(self, family: str, drifts: Drifts) -> Fraction:
        kinds = sorted(set(drifts) - {Fraction(0)})
        if not kinds:
            return Fraction(0)
        columns = [np.array([drift == kind for drift in drifts], dtype=bool) for kind in kinds]
        rows = set[tuple[int, ...]]()
        for vectors in self.fields[family]:
            read = np.flatnonzero((vectors != vectors[0]).any(axis=0) & np.logical_or.reduce(columns))
            within = [column[read] for column in columns]
            few = vectors[:, read]
            for place in range(len(few) - 1):
                apart = np.abs(few[place + 1 :] - few[place])
                sums = np.stack([apart[:, column].sum(axis=1) for column in within], axis=1)
                rows.update(map(tuple, np.unique(sums, axis=0).tolist()))
        low, high = self.ranges[family]
        for other, (other_low, other_high) in self.ranges.items():
            if other != family:
                apart = np.maximum(np.abs(high - other_low), np.abs(other_high - low))
                rows.add(tuple(int(apart[column].sum()) for column in columns))
        costs = (sum((kind * count for kind, count in zip(kinds, row, strict=True)), Fraction(0)) for row in rows)
        return max(costs, default=Fraction(0))
