"""A transformer's forms with integer coefficients: what replaying and enclosing both start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_parts import AttentionHead, Form, LinearMap, TransformerLayer
from exactformer.verify.given.integers import Entries, lowest_bit

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Forms of ``columns`` inputs and, behind them, a 1, which biases are weights of: row r makes 2^exponent times the
    sum of coefficient * input[column].  A column may stand in a row more than once: each entry is a term of its own.
    """

    entries: tuple[Entries, ...]
    columns: int
    exponent: int

    @cached_property
    def magnitudes(self) -> tuple[Entries, ...]:
        """The entries with the magnitudes of their coefficients."""
        return tuple(tuple((column, abs(weight)) for column, weight in row) for row in self.entries)

    @cached_property
    def places(self) -> tuple[tuple[Ints, Ints], ...]:
        """Of each row the columns of its entries, [entries], and of their coefficients the exponents of the largest
        powers of two that divide them, [entries, 1]."""
        return tuple(
            (
                np.array([column for column, _ in row], dtype=np.int64),
                np.array([[lowest_bit(weight) + self.exponent] for _, weight in row], dtype=np.int64).reshape(-1, 1),
            )
            for row in self.entries
        )

    @classmethod
    def of(cls, forms: Sequence[Form], columns: int) -> Rows:
        return cls.of_terms([_terms(form, columns) for form in forms], columns)

    @classmethod
    def of_terms(cls, rows: Sequence[Sequence[tuple[int, Fraction]]], columns: int) -> Rows:
        """From (column, number) pairs, numbers not 0."""
        exponent = min((1 - one.denominator.bit_length() for row in rows for _, one in row), default=0)
        whole = tuple(
            tuple((c, one.numerator << (1 - one.denominator.bit_length() - exponent)) for c, one in row) for row in rows
        )
        return cls(whole, columns, exponent)


def _terms(form: Form, columns: int) -> list[tuple[int, Fraction]]:
    return [*form.vector, *([(columns, form.bias)] if form.bias else [])]


@dataclass(frozen=True)
class HeadRows:
    """A head's forms of x."""

    name: str
    query: Rows
    key: Rows
    value: Rows

    @classmethod
    def of(cls, head: AttentionHead, width: int) -> HeadRows:
        return cls(head.name, Rows.of(head.query, width), Rows.of(head.key, width), Rows.of(head.value, width))


@dataclass(frozen=True)
class LayerRows:
    """A layer.

    ``attention``: for each coordinate of x, the form that it is after attention, of x followed by what the heads
    receive, head by head; ``mlp``: likewise of x followed by the neurons.
    """

    heads: tuple[HeadRows, ...]
    attention: Rows
    neurons: Rows
    mlp: Rows

    @classmethod
    def of(cls, layer: TransformerLayer, width: int) -> LayerRows:
        starts = list(accumulate((len(head.value) for head in layer.heads), initial=width))
        return cls(
            tuple(HeadRows.of(head, width) for head in layer.heads),
            _after([(start, head.out) for start, head in zip(starts, layer.heads, strict=False)], width, starts[-1]),
            Rows.of(layer.neurons, width),
            _after([(width, layer.out)], width, width + len(layer.neurons)),
        )


@dataclass(frozen=True)
class TransformerRows:
    """A transformer, layer by layer, and the forms of the logits."""

    net: Transformer
    layers: tuple[LayerRows, ...]
    logits: Rows

    @classmethod
    def of(cls, net: Transformer) -> TransformerRows:
        return cls(
            net,
            tuple(LayerRows.of(layer, net.width) for layer in net.layers),
            Rows.of([token.unembedding for token in net.vocabulary], net.width),
        )


def _after(maps: Sequence[tuple[int, LinearMap]], width: int, columns: int) -> Rows:
    """What each coordinate is after maps are added to it: a map's inputs stand from its start on."""
    rows = [[(coordinate, Fraction(1))] for coordinate in range(width)]
    for start, linear in maps:
        for coordinate, form in linear:
            rows[coordinate] += [(start + index, weight) for index, weight in form.vector]
            rows[coordinate] += [(columns, form.bias)] if form.bias else []
    return Rows.of_terms(rows, columns)
