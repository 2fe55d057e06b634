"""APPROXIMATION section 4: the network document, read into layers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.approximation.reading import rationals
from exactformer.certificates.checker.approximation.statement import Statement
from exactformer.certificates.checker.document import (
    Json,
    Rejected,
    TooLarge,
    items,
    members,
    rational,
    rational_text,
    require_same,
)

LARGEST_DEPTH = 2**14


@dataclass(frozen=True)
class Head:
    """Column k gains output * mean of value . z_j over the j with the largest (query . z_k + bias)(key . z_j)."""

    query: tuple[Fraction, ...]
    bias: Fraction
    key: tuple[Fraction, ...]
    value: tuple[Fraction, ...]
    output: tuple[Fraction, ...]


@dataclass(frozen=True)
class Piece:
    """slope t + intercept on low <= t < high; an end that is ``None`` is infinite."""

    low: Fraction | None
    high: Fraction | None
    slope: Fraction
    intercept: Fraction

    @property
    def is_zero(self) -> bool:
        return not self.slope and not self.intercept


@dataclass(frozen=True)
class TokenWise:
    """Column k gains output * (the piece of t = weights . z_k + bias) at t."""

    weights: tuple[Fraction, ...]
    bias: Fraction
    pieces: tuple[Piece, ...]
    output: tuple[Fraction, ...]


Layer: TypeAlias = tuple[Head, ...] | TokenWise
"""A tuple of heads is an attention layer."""


def read_network(document: Json, statement: Statement) -> tuple[Layer, ...]:
    """The layers of a network with the statement's n, d and kind of positions."""
    parts = members("network document", document, "format", "version", "n", "d", "positional", "layers")
    expected: dict[str, Json] = {
        "format": "exactformer approximation network",
        "version": 1,
        "n": statement.n,
        "d": statement.d,
        "positional": statement.positional,
    }
    for name, value in expected.items():
        require_same(name, parts[name], value)
    layers = items("layers", parts["layers"])
    if len(layers) > LARGEST_DEPTH:
        raise TooLarge(f"the network has {len(layers)} layers; this checker goes through {LARGEST_DEPTH}")
    return tuple(_layer(f"layers[{place}]", layer, statement.d) for place, layer in enumerate(layers))


def _layer(field: str, value: Json, d: int) -> Layer:
    if isinstance(value, dict) and "heads" in value:
        heads = items(f"{field}.heads", members(field, value, "heads")["heads"])
        if not heads:
            raise Rejected(f"{field}.heads", "has no head")
        return tuple(_head(f"{field}.heads[{place}]", head, d) for place, head in enumerate(heads))
    parts = members(field, value, "weights", "bias", "breaks", "pieces", "output")
    weights = rationals(f"{field}.weights", parts["weights"], d)
    bias = rational(f"{field}.bias", parts["bias"])
    pieces = _pieces(field, parts["breaks"], parts["pieces"])
    return TokenWise(weights, bias, pieces, rationals(f"{field}.output", parts["output"], d))


def _head(field: str, value: Json, d: int) -> Head:
    parts = members(field, value, "query", "bias", "key", "value", "output")
    query, key, values, output = (
        rationals(f"{field}.{name}", parts[name], d) for name in ("query", "key", "value", "output")
    )
    return Head(query, rational(f"{field}.bias", parts["bias"]), key, values, output)


def _pieces(field: str, breaks_value: Json, pieces_value: Json) -> tuple[Piece, ...]:
    """At most three pieces, at least one of them constant, between breaks that ascend."""
    found = items(f"{field}.breaks", breaks_value)
    if len(found) > 2:
        raise Rejected(f"{field}.breaks", f"are {len(found)}, more than 2")
    breaks = rationals(f"{field}.breaks", breaks_value, len(found))
    if any(left >= right for left, right in itertools.pairwise(breaks)):
        raise Rejected(f"{field}.breaks", f"{[rational_text(at) for at in breaks]} do not ascend")
    pairs = items(f"{field}.pieces", pieces_value)
    if len(pairs) != len(breaks) + 1:
        raise Rejected(f"{field}.pieces", f"are {len(pairs)} for {len(breaks)} breaks")
    lines = [rationals(f"{field}.pieces[{place}]", pair, 2) for place, pair in enumerate(pairs)]
    if all(slope for slope, _ in lines):
        raise Rejected(f"{field}.pieces", "have none with slope 0")
    ends = zip((None, *breaks), (*breaks, None), lines, strict=True)
    return tuple(Piece(low, high, slope, intercept) for low, high, (slope, intercept) in ends)
