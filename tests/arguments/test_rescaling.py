"""SPEC 19.2: sums that are rescaled whenever the maximum rises (verify/ARGUMENTS.md, 7 and 8).

Additions, products with what is not negative, and all ways to round are monotone.  So the least and the largest sum
that a kernel may come to are found by taking the lower, or the upper, of the results wherever it has a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations, product
from typing import TypeAlias

import pytest
from exactformer.certificates.checker.arithmetic import exp_above, parse_model
from exactformer.certificates.checker.enclosure import exp_below
from exactformer.certificates.checker.steps.conditions import Addends, Terms, fused, fused_zero, terms_of
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.steps.sums import (
    Fails,
    error_of_all,
    largest_sum,
    near_0,
    underflows,
    unit_roundoff,
)
from exactformer.verify.arithmetic.composed_fused import fused_bounds

from exactformer.certificates.checker.formats import Format, Interval, Overflow, Rounding, parse_format
from exactformer.verify.arithmetic.models import Fused, parse_arithmetic

Query: TypeAlias = tuple[tuple[int, int], ...]
"""For each position: how far its score is below the largest of all, and its value."""


@dataclass(frozen=True)
class Kernel:
    """What a model computes at beta = 1, as intervals of all that it may come to.

    ``threads``: a block's terms go to two partial sums in turn; else they are added to each other first.
    """

    model: Model
    threads: bool

    def op(self, x: Interval) -> Interval:
        """An addition or a product, in the accumulator."""
        acc, faithful = self.model.accumulator, self.model.steps.faithful
        low, high = x
        if not faithful:
            rounded = acc.of(low)
            return rounded, rounded if high == low else acc.of(high)
        return acc.of(low, "down" if low >= 0 else "up"), acc.of(high, "up" if high >= 0 else "down")

    def weight(self, gap: int, row: bool) -> Interval:
        """What is added to num, or to den."""
        if row and self.model.steps.wide:
            return exponential(self.model, gap, self.model.accumulator, "nearest")
        return exponential(self.model, gap, self.model.weight, self.model.cut)

    def factor(self, gap: int) -> Interval:
        """What partial sums are multiplied with when the maximum rises."""
        return exponential(self.model, gap, self.model.accumulator, "nearest")

    def total(self, query: Query, row: bool) -> Interval:
        """num, or den."""
        block, top = self.model.steps.block, None
        partial, largest = [ZERO, ZERO], max(-gap for gap, _ in query)
        for start in range(0, len(query), block or len(query)):
            here = query[start : start + (block or len(query))]
            seen = max(-gap for gap, _ in here) if block else largest
            if top is not None and seen > top:
                partial = [self.op(times(each, self.factor(seen - top))) for each in partial]
            top = seen if top is None else max(top, seen)
            terms = [signed(self.weight(top + gap, row), 1 if row else value) for gap, value in here]
            if not self.threads:
                terms = [self.sum(terms)]
            for place, term in enumerate(terms):
                partial[place % 2] = self.op(plus(partial[place % 2], term))
        return self.sum(partial)

    def sum(self, terms: Sequence[Interval]) -> Interval:
        """One after the other."""
        total = terms[0]
        for term in terms[1:]:
            total = self.op(plus(total, term))
        return total


@cache
def exponential(model: Model, gap: int, to: Format, how: Rounding) -> Interval:
    """exp(-gap) as it is computed, rounded to a format."""
    acc, U, exact = model.accumulator, model.steps.exp_error, gap == 0 and model.steps.exp_of_0_is_1
    if U == 0 or exact:
        numerator, shift = exp_above(gap) if gap else (1, 0)
        low = high = Fraction(numerator, 1 << shift)
    elif gap == 0:
        low, high = acc.of(1 - 2 * U * acc.roundoff, "up"), acc.of(1 + 2 * U * acc.roundoff, "down")
    else:
        low = acc.round_scaled(near_0(acc, U, exp_below(gap), -1), 1, "up")
        high = acc.round_scaled(near_0(acc, U, exp_above(gap), 1), 1, "down")
    return to.of(low, how), to.of(high, how)


ZERO = (Fraction(0), Fraction(0))


@cache
def rows(kernel: Kernel, query: Query) -> Interval:
    """den."""
    return kernel.total(query, row=True)


def plus(x: Interval, y: Interval) -> Interval:
    return x[0] + y[0], x[1] + y[1]


def times(x: Interval, factor: Interval) -> Interval:
    return min(x[0] * f for f in factor), max(x[1] * f for f in factor)


def signed(x: Interval, value: int) -> Interval:
    return (value * x[0], value * x[1]) if value >= 0 else (value * x[1], value * x[0])


def rises(query: Query, block: int) -> int:
    """How often a block raises the maximum."""
    tops = [max(-gap for gap, _ in query[at : at + block]) for at in range(0, len(query), block)]
    return sum(top > max(tops[:place]) for place, top in enumerate(tops) if place)


def queries(gaps: Sequence[int], length: int, value: int) -> Iterator[Query]:
    """All orders of positions at these gaps, some of them maximisers; the others' values agree, differ or alternate."""
    for chosen in product(gaps, repeat=length):
        for pattern in ((1, 1), (-1, -1), (1, -1)):
            if 0 in chosen:
                yield tuple((gap, value if gap == 0 else pattern[i % 2]) for i, gap in enumerate(chosen))


def ladders(length: int, value: int) -> Iterator[Query]:
    """Every position scores another number: in ascending order each block but the first raises the maximum."""
    for order in permutations(range(length)):
        if sum(a > b for a, b in pairwise(order)) >= length - 2:
            yield tuple((gap, value if gap == 0 else 1) for gap in order)


MODELS = (
    "fused:float(2,-2,1)/float(8,-12,8)/bf16+online1",
    "fused:float(3,-4,3)/float(6,-9,6)/bf16+online1+wide",
    "fused:float(3,-4,3)/float(8,-9,6)/bf16+exp3+online2",
    "fused:float(4,-3,1)/float(9,-4,2)/bf16+exp20-one+online2+wide+faithful+truncate",
)
"""The last one's accumulator has few numbers near 0: factors and products of rescaled sums underflow."""
SHARP = {
    "r b": ("fused:float(2,-2,1)/float(8,-12,8)/bf16+online1", (0, 3, 4), 4),
    "E": ("fused:float(6,-9,4)/float(6,-9,4)/bf16+exp5+online4+faithful", (0, 1), 5),
    "Q": ("fused:float(7,0,3)/float(7,0,3)/bf16+exp1+online1+faithful", (0, 4), 3),
}
"""Where this part of the bound counts: with gaps and a number of positions."""


@cache
def bounds(model: Model, N: int, D: int, m: int) -> tuple[Interval, Fraction]:
    """``one`` and ``zero`` of SPEC 19.2, for m maximisers."""
    return fused(terms_of(model, N, exp_above(D)), m, m)


def outside(text: str, bound: str, D: int, found: Iterator[Query]) -> Iterator[tuple[int, Query]]:
    """What a model may compute at beta = 1 beyond what is shown of another model at separation D; with its rises."""
    model, shown = parse_model("at", text), parse_model("at", bound)
    for query in found:
        m, value = sum(gap == 0 for gap, _ in query), max((v for gap, v in query if gap == 0), default=0)
        one, zero = bounds(shown, len(query), D, m)
        for threads in (False, True)[: model.steps.block]:
            kernel, row = Kernel(model, threads), tuple((gap, 1) for gap, _ in query)
            (low, high), (least, most) = kernel.total(query, row=False), rows(kernel, row)
            ends = low / (most if low >= 0 else least), high / (least if high >= 0 else most)
            inside = one[0] <= ends[0] <= ends[1] <= one[1] if value else -zero <= ends[0] <= ends[1] <= zero
            if not inside:
                yield rises(query, model.steps.block or len(query)), query


@pytest.mark.parametrize(("D", "value"), [(1, 1), (2, 1), (2, 0)])
@pytest.mark.parametrize("text", MODELS)
def test_however_often_the_maximum_rises_sums_stay_within_what_is_shown(text: str, D: int, value: int) -> None:
    assert next(outside(text, text, D, queries((0, D, D + 1, D + 2), 4, value)), None) is None


@pytest.mark.parametrize("part", SHARP)
def test_each_part_of_the_bound_is_needed(part: str) -> None:
    """Without r b, without the error of more than one operation, without what underflows, num passes it."""
    text, gaps, length = SHARP[part]
    model = parse_model("at", text)
    of = terms_of(model, length, exp_above(gaps[1]))
    x, E, Q = of.num.other, of.E, underflows(model, length, of.E)
    assert E is not None
    if part == "r b":
        x = model.weight.round_scaled(exp_above(gaps[1]))
    if part == "E":
        E = unit_roundoff(model)
    less = (length - 1) * x * (1 + E) + (Q if part != "Q" else 0)
    most = max(Kernel(model, threads=False).total(query, row=False)[1] for query in queries(gaps, length, 0))
    assert less < most <= fused_zero(of, None) * of.den.least


@pytest.mark.parametrize("text", MODELS)
def test_a_maximum_that_rises_with_every_block(text: str) -> None:
    found = list(ladders(6, 1))
    assert max(rises(query, 1) for query in found) == 5
    assert next(outside(text, text, 1, iter(found)), None) is None
    assert next(outside(text, text, 1, ladders(6, 0)), None) is None


def test_without_the_factor_the_bound_is_passed() -> None:
    """No weight is below 1/8: a position 3 below the maximum adds 0; but one that was the maximum, exp(-3) by then."""
    text = MODELS[0]
    wrong = list(outside(text, text.replace("+online1", "+divide"), 3, queries((0, 3, 4, 5), 3, 0)))
    assert {often for often, _ in wrong} == {1, 2}


def test_a_maximum_that_is_less_than_the_separation_above_passes_it() -> None:
    """So the last rise has to be one by D or more, as the separation of the head says of every other position."""
    text = MODELS[1]
    assert next(outside(text, text, 2, queries((0, 1, 2, 3), 4, 0)), None) is not None


def test_the_prover_has_the_same_bounds() -> None:
    for text in MODELS:
        model, theirs = parse_model("at", text), parse_arithmetic(text)
        assert isinstance(theirs, Fused)
        for D, N, m in product((1, 2), (4, 6), (1, 3)):
            numerator, shift = exp_above(D)
            shown = fused_bounds(theirs, Fraction(numerator, 1 << shift), N, m, m)
            assert shown.one is not None
            assert ((shown.one.low, shown.one.high), shown.zero) == bounds(model, N, D, m)


def formats() -> Iterator[Format]:
    """Accumulators of few bits; some have no subnormal numbers to speak of."""
    for p, emin in product((2, 3, 4, 6), (0, -2, -6)):
        yield parse_format("at", f"float({p},{emin},8)")


def test_no_exponential_of_less_than_0_is_above_1() -> None:
    """So b and d bound what is added before the maximum is met, and no rise makes a sum larger; at U <= 2^(p-2)."""
    for acc in formats():
        assert acc.p is not None
        for U in range(1, 2 ** (acc.p - 2) + 1):
            numerator, shift = near_0(acc, U, exp_above(1), 1)
            assert numerator < 1 << shift
    beyond = parse_format("at", "float(3,0,8)")
    numerator, shift = near_0(beyond, 3, exp_above(1), 1)
    assert numerator > 1 << shift


# ------------------------------------------------------------------------------------- partial sums: T, L, swallowing


def largest(acc: Format, count: int, first: Sequence[Fraction], faithful: bool = False) -> list[Fraction]:
    """By number of terms: the largest partial sum, in any order; ``first`` has what n terms may be without addition."""
    found = [Fraction(0)]
    for n in range(1, count + 1):
        sums = [acc.of(found[k] + found[n - k], "up" if faithful else "nearest") for k in range(1, n // 2 + 1)]
        found.append(max([first[n], *sums]))
    return found


@pytest.mark.parametrize("steps", ["+divide", "+online2", "+faithful", "+online2+faithful"])
def test_no_order_of_additions_passes_the_bound_on_partial_sums(steps: str) -> None:
    """T. It is reached where partial sums are integers."""
    reached = 0
    for acc in formats():
        model = parse_model("at", f"fused:{acc.name}/{acc.name}/bf16{steps}")
        for x in (Fraction(1), acc.of(Fraction(5, 4)), 1 + 2 * acc.roundoff):
            try:
                sums = largest(acc, 24, [x * (n == 1) for n in range(25)], model.steps.faithful)
            except Overflow:
                continue
            for n in range(1, 25):
                try:
                    bound = largest_sum(model, n, x, error_of_all(model, n))
                except Fails:
                    continue
                assert sums[n] <= bound, (acc, x, n)
                reached += sums[n] == bound
    assert reached > 100


def test_no_order_of_additions_and_rises_passes_the_bound_on_what_is_tiny() -> None:
    """L. Before the last rise b for each term; it multiplies that by r, and the product may be rounded up.

    So N r b, without 2, q and u, would not do.
    """
    passed = 0
    for acc in formats():
        model = parse_model("at", f"fused:{acc.name}/{acc.name}/bf16+online1")
        for r, b in product((acc.unit, 3 * acc.unit, acc.of(Fraction(1, 8))), (Fraction(1), acc.of(Fraction(3, 2)))):
            try:
                before = largest(acc, 20, [b * (n == 1) for n in range(21)])
                behind = largest(acc, 20, [acc.of(r * each) for each in before])
            except Overflow:
                continue
            addends = Addends(Fraction(1), b, r * b)
            for n in range(1, 21):
                assert behind[n] <= Terms(model, n, addends, addends, None).others(addends), (acc, r, b, n)
                passed += behind[n] > n * r * b
    assert passed > 100


def sums(acc: Format, ones: int, tiny: int, x: Fraction) -> dict[tuple[int, int], set[Fraction]]:
    """All that so many ones and terms x or -x may add up to, in any order, by their numbers."""
    found: dict[tuple[int, int], set[Fraction]] = {(1, 0): {Fraction(1)}, (0, 1): {x, -x}}
    for i, j in product(range(ones + 1), range(tiny + 1)):
        for a, b in product(range(i + 1), range(j + 1)):
            if (a, b) in found and (i - a, j - b) in found:
                here = found.setdefault((i, j), set())
                here |= {acc.of(one + other) for one in found[a, b] for other in found[i - a, j - b]}
    return found


def test_a_sum_of_ones_swallows_what_stays_below_a_quarter_of_the_spacing() -> None:
    acc = parse_format("at", "float(6,-20,6)")
    model = parse_model("at", f"fused:{acc.name}/{acc.name}/bf16+divide")
    tried = 0
    for e in range(6, 20):
        x = Fraction(1, 2**e)
        addends = Addends(Fraction(1), Fraction(1), x)
        kept = all(of == {Fraction(i)} for (i, _), of in sums(acc, 4, 3, x).items() if i)
        if Terms(model, 7, addends, addends, None).is_exact(addends, 4):
            assert kept
            tried += 1
        assert kept or e <= 8
    assert tried > 5
    assert Fraction(63, 64) in sums(acc, 1, 1, acc.roundoff)[1, 1]
