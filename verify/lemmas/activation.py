"""What neurons add to the residual stream: as plain integers, and as solver terms for unknown activations.

For unknown activations the formulas are derived from the weights, whatever these are.  An activation is written
c + sum_i w_i [l_i] with literals l_i (`Symbol`), so a pre-activation is z = M - sum_i d_i [not l_i] with all d_i > 0
(each literal or its negation; M is the largest z).  Hence relu(z) is 0 where M <= 0, and M [all l_i] where every
d_i >= M.  As relu(z) = z + relu(-z), the same holds from the least z upwards.  Otherwise relu(z) is left to the
solver as the conditional expression it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.verify.solver import (
    BooleanVariable,
    Constant,
    Formula,
    Model,
    Term,
    all_of,
    any_of,
    at_most,
    boolean,
    equal,
    negation,
    select,
    total,
    value_of,
    weighted_total,
)

Contents = Mapping[int, int]
"""Activations by coordinate."""


class Domain(Enum):
    """The values a coordinate may have; `value` lists them."""

    SIGNED = (-1, 1)
    FLAG = (0, 1)
    TERNARY = (-1, 0, 1)
    ZERO = (0,)
    ONE = (1,)


def added_by(neurons: Iterable[Neuron], x: Contents) -> dict[int, int]:
    """What neurons add at x, by definition; each coordinate that they write is a key.

    >>> added_by([Neuron(((0, 2),), -1, ((1, -1),))], {0: 1})
    {1: -1}
    """
    added: dict[int, int] = {}
    for neuron in neurons:
        activation = max(0, neuron.bias + sum(weight * x[c] for c, weight in neuron.inputs))
        for c, weight in neuron.outputs:
            added[c] = added.get(c, 0) + weight * activation
    return added


class Activation(Protocol):
    """An activation as constant + sum of weight * [literal]."""

    @property
    def constant(self) -> int: ...

    @property
    def parts(self) -> Sequence[tuple[int, Formula]]: ...


@dataclass(frozen=True)
class Symbol:
    """An unknown activation: constant + sum of weight * [literal], where `restriction` holds."""

    name: str
    domain: Domain
    constant: int
    parts: tuple[tuple[int, BooleanVariable], ...]
    restriction: Formula | None = None

    @classmethod
    def of(cls, name: str, domain: Domain) -> Symbol:
        match domain:
            case Domain.SIGNED:
                return cls(name, domain, -1, ((2, boolean(name)),))
            case Domain.FLAG:
                return cls(name, domain, 0, ((1, boolean(name)),))
            case Domain.TERNARY:
                plus, minus = boolean(f"{name}=+1"), boolean(f"{name}=-1")
                return cls(name, domain, 0, ((1, plus), (-1, minus)), any_of([negation(plus), negation(minus)]))
            case Domain.ZERO | Domain.ONE:
                return cls(name, domain, domain.value[0], ())

    @property
    def term(self) -> Term:
        return _sum(self.constant, self.parts)

    @property
    def is_one(self) -> Formula:
        """That it is +1."""
        if self.domain in (Domain.ZERO, Domain.ONE):
            return all_of(()) if self.constant == 1 else any_of(())
        return self.parts[0][1]

    def literal(self, value: int) -> Formula:
        """That it has one of the values of its domain."""
        if value == 1:
            return self.is_one
        if value == -1 and self.domain is Domain.TERNARY:
            return self.parts[1][1]
        if value not in self.domain.value or self.domain is Domain.TERNARY:
            return equal(self.term, value)
        return negation(self.is_one)

    def value(self, model: Model) -> int:
        # A variable that the query does not mention is free; False is as good as any value.
        free = {literal.name: False for _, literal in self.parts}
        return value_of(self.term, {**free, **model})


def _sum(constant: int, parts: Iterable[tuple[int, Formula]]) -> Term:
    return weighted_total([(constant, Constant(1)), *((weight, select(literal, 1, 0)) for weight, literal in parts)])


def relu_term(neuron: Neuron, x: Mapping[int, Activation]) -> Term | None:
    """relu of the pre-activation as a term; None where it is 0 for all x.

    >>> x = {0: Symbol.of("a", Domain.SIGNED), 1: Symbol.of("f", Domain.FLAG)}
    >>> relu_term(Neuron(((0, 1), (1, -1)), -1, ()), x) is None
    True
    >>> fires = relu_term(Neuron(((0, 1), (1, -1)), 0, ()), x)
    >>> [value_of(fires, {"a": a, "f": f}) for a in (0, 1) for f in (0, 1)]
    [0, 0, 1, 0]
    """
    constant, parts = neuron.bias, list[tuple[int, Formula]]()
    for c, weight in neuron.inputs:
        constant += weight * x[c].constant
        parts += [(weight * factor, literal) for factor, literal in x[c].parts if weight * factor]
    largest = constant + sum(weight for weight, _ in parts if weight > 0)
    least = constant + sum(weight for weight, _ in parts if weight < 0)
    if largest <= 0:
        return None
    smallest_step = min((abs(weight) for weight, _ in parts), default=largest)
    if smallest_step >= largest:
        return _indicator(largest, parts, at_largest=True)
    activation = _sum(constant, parts)
    if least >= 0:
        return activation
    if smallest_step >= -least:
        return total([activation, _indicator(-least, parts, at_largest=False)])
    return select(at_most(1, activation), activation, 0)


def _indicator(value: int, parts: list[tuple[int, Formula]], at_largest: bool) -> Term:
    """`value` where the sum of the parts is largest, or least, and 0 elsewhere."""
    ends = (literal if (weight > 0) is at_largest else negation(literal) for weight, literal in parts)
    return select(all_of(ends), value, 0)


def added_terms(neurons: Iterable[Neuron], x: Mapping[int, Activation]) -> dict[int, Term]:
    """What neurons add at unknown x; each coordinate that they write is a key."""
    summands: dict[int, list[tuple[int, Term]]] = {}
    known: dict[tuple[tuple[tuple[int, int], ...], int], Term | None] = {}
    for neuron in neurons:
        # Neurons come in identical pairs: their term is built once, so that the solver sees one.
        key = neuron.inputs, neuron.bias
        if key not in known:
            known[key] = relu_term(neuron, x)
        unit = known[key]
        for c, weight in neuron.outputs:
            written = summands.setdefault(c, [])
            if unit is not None:
                written.append((weight, unit))
    return {c: weighted_total(written) for c, written in summands.items()}
