"""What the neurons of a layer add to coordinates, by cases (THEORIES 6.4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.cases import Cases, same, scaled, summed
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import Formula, conjunction, depends_on
from exactformer.certificates.checker.neurons import activation
from exactformer.certificates.checker.weighed import Weighed
from exactformer.certificates.checker.weights import Mlp

FEW = 32
"""Terms of a sum that are added one by one."""
Frozen: TypeAlias = tuple[tuple[int, Formula], ...]


class Integers:
    """Integers by cases, equal ones as one object: so that what is computed from them is computed once."""

    def __init__(self) -> None:
        self.weighed = Weighed()
        self._kept: dict[Frozen, Cases] = {}
        self._of: dict[int, Cases] = {}
        self._agree: dict[tuple[tuple[int, ...], tuple[int, ...]], Formula] = {}
        self._active: dict[tuple[int, tuple[tuple[int, int], ...]], Cases] = {}
        self._depends: dict[Formula, int] = {}
        self._depend: dict[int, int] = {}
        self._sums: dict[tuple[int, tuple[tuple[int, int], ...]], Cases] = {}

    def one(self, cases: Cases) -> Cases:
        """The same integer, as that object which stands for all that equal it."""
        if self._of.get(id(cases)) is cases:
            return cases
        found = self._kept.setdefault(tuple(sorted(cases.items(), key=_value)), cases)
        self._of[id(found)] = found
        return found

    def of(self, name: int) -> Cases:
        """The integer with this ``id``."""
        return self._of[name]

    def depends_on(self, cases: Cases) -> int:
        """On which variables, as the sum of 2^level."""
        name = id(cases)
        if self._of.get(name) is not cases:
            return reduce(or_, (depends_on(formula, self._depends) for formula in cases.values()))
        if name not in self._depend:
            self._depend[name] = reduce(or_, (depends_on(formula, self._depends) for formula in cases.values()))
        return self._depend[name]

    def agree(self, left: Sequence[Cases], right: Sequence[Cases]) -> Formula:
        """That the first are the second, one by one."""
        key = tuple(map(id, left)), tuple(map(id, right))
        if key not in self._agree:
            self._agree[key] = conjunction(map(same, left, right))
        return self._agree[key]

    def activation(self, at: str, bias: int, inputs: Counter[int]) -> Cases:
        """relu(bias + the weighted sum of integers, by ``id``)."""
        key = bias, tuple(sorted(inputs.items()))
        if key not in self._active:
            listed = [(self.of(name), weight) for name, weight in inputs.items()]
            self._active[key] = self.one(activation(at, bias, listed, self.weighed))
        return self._active[key]

    def sum(self, first: Cases, terms: Counter[int]) -> Cases:
        """An integer plus the weighted sum of others, by ``id``."""
        key = id(first), tuple(sorted(terms.items()))
        if key not in self._sums:
            scaled_terms = [scaled(self.of(name), weight) for name, weight in terms.items() if weight]
            if len(scaled_terms) <= FEW:
                total = reduce(summed, scaled_terms, first)
            else:
                total = summed(
                    first,
                    self.weighed.sum((one, formula) for cases in scaled_terms for one, formula in cases.items() if one),
                )
            self._sums[key] = self.one(total)
        return self._sums[key]


def _value(case: tuple[int, Formula]) -> int:
    return case[0]


def behind(
    at: str,
    mlp: Mlp,
    coordinates: Sequence[Cases],
    integers: Integers,
    known: dict[tuple[int, ...], Cases],
    deadline: Deadline,
) -> list[Cases]:
    """The coordinates and what every neuron adds; those that no values could make active are left out.

    ``known``: what the neurons of this layer do with integers that other classes had; the last number is the neuron's.
    """
    high = np.array([max(cases) for cases in coordinates], np.int64)
    low = np.array([min(cases) for cases in coordinates], np.int64)
    into, weight = mlp.into, mlp.into.weight
    reach = mlp.bias + into.row_sums(np.maximum(weight * high[into.index], weight * low[into.index]))
    starts, indices, weights = into.start.tolist(), into.index.tolist(), weight.tolist()
    names = [id(cases) for cases in coordinates]
    active: dict[int, Cases] = {}
    for neuron in np.flatnonzero(reach > 0).tolist():
        begin, end = starts[neuron], starts[neuron + 1]
        inputs = *map(names.__getitem__, indices[begin:end]), neuron
        if inputs not in known:
            bias, terms = int(mlp.bias[neuron]), Counter[int]()
            for place in range(begin, end):
                cases = coordinates[indices[place]]
                if len(cases) == 1:
                    bias += weights[place] * next(iter(cases))
                else:
                    terms[id(cases)] += weights[place]
            known[inputs] = integers.activation(at, bias, terms)
            deadline.left(at)
        if known[inputs].keys() != {0}:
            active[neuron] = known[inputs]
    found, out_of = list(coordinates), mlp.out_of
    is_active = np.zeros(len(mlp.bias), np.bool_)
    is_active[list(active)] = True
    entries = np.flatnonzero(is_active[out_of.index])
    rows = np.searchsorted(out_of.start, entries, side="right") - 1
    added = defaultdict[int, Counter[int]](Counter)
    for coordinate, neuron, times in zip(
        rows.tolist(), out_of.index[entries].tolist(), out_of.weight[entries].tolist(), strict=True
    ):
        added[coordinate][id(active[neuron])] += times
    for coordinate, terms in added.items():
        found[coordinate] = integers.sum(found[coordinate], terms)
        deadline.left(at)
    return found
