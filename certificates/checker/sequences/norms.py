"""NETWORKS sections 1.2 and 3: intervals of what a norm makes of x."""

from __future__ import annotations

import math
from collections.abc import Sequence

from exactformer.certificates.checker.sequences.arithmetic import activated
from exactformer.certificates.checker.sequences.network import Norm
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Ends, Sum, Unbounded, Value


def normed(arithmetic: Arithmetic, norm: Norm | None, vector: Sequence[Value]) -> list[Value]:
    """The norm of x, with a 1 after it; without a norm x stays."""
    if norm is None:
        return list(vector)
    model, linear, x = arithmetic.model, arithmetic.model.steps.linear, vector[:-1]
    y = _centred(arithmetic, x) if norm.center else list(x)
    inverse = _inverse_root(arithmetic, norm, y)
    made = list[Value]()
    for value in y:
        corners = [a * b for a in value[:2] for b in inverse]
        divided = arithmetic.rounded(linear, (min(corners) >> arithmetic.grid, -(-max(corners) >> arithmetic.grid)))
        if model.steps.stored:  # it may be rounded once more
            again = arithmetic.rounded(model.activation, divided[:2])
            divided = arithmetic.number(linear, (min(divided.low, again.low), max(divided.high, again.high)))
        made.append(divided)
    made.append(arithmetic.one)
    found = [Value(0, 0, 0, 0)] * len(x)
    for coordinate, row in norm.rows:
        found[coordinate] = activated(arithmetic, row, made)
    return [*found, arithmetic.one]


def _centred(arithmetic: Arithmetic, x: Sequence[Value]) -> list[Value]:
    """y = rnd_L(x - mu); mu may be off from m / d by 2 u |m / d| + q."""
    linear, d = arithmetic.model.steps.linear, len(x)
    low, high = arithmetic.sum(linear, arithmetic.numbers(x))
    low, high = low // d, -(-high // d)
    if arithmetic.kind != EXACT:
        off = -(-2 * max(-low, high, 0) >> (linear.p or 0)) + arithmetic.scaled(linear.unit)
        low, high = low - off, high + off
    return [arithmetic.rounded(linear, (value.low - high, value.high - low)) for value in x]


def _inverse_root(arithmetic: Arithmetic, norm: Norm, y: Sequence[Value]) -> Ends:
    """r, on the grid: 1 / sqrt(s / d + epsilon), off by 8 u of it, which with few bits is more than all of it. Sums of
    squares are at least 0, rounded ones too."""
    linear, d, grid = arithmetic.model.steps.linear, len(y), arithmetic.grid
    low, high = arithmetic.sum(linear, _squares(arithmetic, y))
    # d times what is rooted, on the grid:
    low = max(low, 0) + (d * norm.epsilon.numerator << grid) // norm.epsilon.denominator
    high = max(high, 0) - (-(d * norm.epsilon.numerator) << grid) // norm.epsilon.denominator
    least = 1 if arithmetic.kind == EXACT else d * arithmetic.scaled(linear.least_normal)
    if low < least:
        raise Unbounded("a norm may divide by nearly 0")
    if arithmetic.kind != EXACT and 2 * high > d * arithmetic.scaled(linear.largest):
        raise Unbounded(f"the number under the root of a norm may overflow {linear.name}")
    # 2^grid / sqrt(v / (d 2^grid)) = sqrt(d 2^(3 grid) / v)
    ends = math.isqrt((d << 3 * grid) // high), math.isqrt((d << 3 * grid) // low) + 1
    if arithmetic.kind == EXACT:
        return ends
    off = -(-8 * ends[1] >> (linear.p or 0))
    return ends[0] - off, ends[1] + off


def _squares(arithmetic: Arithmetic, y: Sequence[Value]) -> Sum:
    """The terms y_c y_c, each of one number."""
    low = sum(max(value.low, -value.high, 0) ** 2 for value in y)
    sizes = [value.size for value in y if value.size]
    size, grain = sum(one * one for one in sizes), min((2 * value.grain for value in y if value.size), default=0)
    return Sum(low, size, size, len(sizes), grain, 2 * arithmetic.grid)
