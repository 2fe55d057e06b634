"""Sums that are rescaled whenever the maximum rises (verify/ARGUMENTS.md, 5), and partial sums (6).

Additions, products with what is not negative, and all ways to round are monotone. So the least and the largest sum
that a kernel may come to are found by taking the lower, or the upper, of the results wherever it has a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations, product

import pytest

from exactformer.certificates.checker.formats import Format, Overflow, parse_format
from exactformer.certificates.checker.softmax import exponentials, sums
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded
from exactformer.certificates.checker.softmax.queries import Group, Query
from tests.checker.softmax.bounds import bounds, case, exactly
from tests.checker.softmax.kernel import Interval, Position, computed, point, positions

MODELS = (
    "fused:float(2,-2,1)/float(8,-12,8)/bf16+online1",
    "fused:float(3,-4,3)/float(6,-9,6)/bf16+online1+wide",
    "fused:float(3,-4,3)/float(8,-9,6)/bf16+exp3+online2",
    "fused:float(4,-3,1)/float(9,-4,2)/bf16+exp20-one+online2+wide+faithful+truncate",
)
"""The last one's accumulator has few numbers near 0: factors and products of rescaled sums underflow."""


def queries(gaps: Sequence[int], length: int, value: int) -> Iterator[list[Position]]:
    """All orders of positions at these gaps, some of them maximisers; the others' values agree or alternate."""
    for chosen in product(gaps, repeat=length):
        for pattern in ((1, 1), (1, -1)):
            if 0 in chosen:
                values = [value if gap == 0 else pattern[place % 2] for place, gap in enumerate(chosen)]
                yield [Position(Fraction(gap), Fraction(v)) for gap, v in zip(chosen, values, strict=True)]


def ladders(length: int, value: int) -> Iterator[list[Position]]:
    """Every position scores another number: in ascending order each block but the first raises the maximum."""
    for order in permutations(range(length)):
        if sum(a > b for a, b in pairwise(order)) >= length - 2:
            yield [Position(Fraction(gap), Fraction(value if gap == 0 else 1)) for gap in order]


@cache
def shown(text: str, D: int, N: int, m: int, value: int) -> Interval | None:
    """Of a case."""
    return bounds(text, case(N, D, value, m), N)


def outside(text: str, D: int, seen: Sequence[Position]) -> bool:
    """Whether something may be computed beyond what is said of the case, or of the very query."""
    tops = [one.v for one in seen if one.x == 0]
    said = [shown(text, D, len(seen), len(tops), int(tops[0])), bounds(text, exactly(seen))]
    low, high = computed(parse_model("", text), seen)
    return not all(ends is None or ends[0] <= low <= high <= ends[1] for ends in said)


@pytest.mark.parametrize(("D", "value"), [(1, 1), (2, 0)])
@pytest.mark.parametrize("text", MODELS)
def test_however_often_the_maximum_rises_sums_stay_within_what_is_shown(text: str, D: int, value: int) -> None:
    assert shown(text, D, 4, 1, value) is not None
    gaps = (0, D, D + 1) if "exp" in text else (0, D, D + 1, D + 2)
    assert not any(outside(text, D, seen) for seen in queries(gaps, 4, value))


@pytest.mark.parametrize("text", MODELS)
def test_a_maximum_that_rises_with_every_block(text: str) -> None:
    assert not any(outside(text, 1, seen) for value in (0, 1) for seen in ladders(5, value))


def test_a_maximum_that_is_less_than_the_separation_above_passes_it() -> None:
    """So the last rise has to be one by D or more, as the separation of the head says of every other position."""
    assert any(outside(MODELS[1], 2, seen) for seen in queries((0, 1, 2, 3), 4, 0))


def test_without_the_factor_the_bound_is_passed() -> None:
    """No weight is below 1/8: a position 3 below the maximum adds 0; but one that was the maximum, exp(-3) by then."""
    without = bounds(MODELS[0].replace("+online1", ""), case(3, 3, 0, 1), 3)
    assert without == point(Fraction(0))
    assert shown(MODELS[0], 3, 3, 1, 0) != without
    assert computed(parse_model("", MODELS[0]), positions("3:1 0:0"))[1] > 0
    assert computed(parse_model("", MODELS[0]), positions("0:0 3:1"))[1] == 0


def formats() -> Iterator[Format]:
    """Accumulators of few bits; some have no subnormal numbers to speak of."""
    for p, emin in product((2, 3, 4, 6), (0, -2, -6)):
        yield parse_format("at", f"float({p},{emin},8)")


def arithmetic_of(acc: Format, steps: str, N: int = 64) -> Arithmetic:
    return Arithmetic.of(parse_model("at", f"fused:{acc.name}/{acc.name}/bf16{steps}"), 0, N)


def test_no_exponential_of_less_than_0_is_above_1() -> None:
    """So weights bound what is added before the maximum is met, and no rise makes a sum larger; at U <= 2^(p-2)."""
    for acc in formats():
        assert acc.p is not None
        for U in {1, 2 ** (acc.p - 2)}:
            arithmetic = arithmetic_of(acc, f"+exp{U}")
            assert exponentials.computed(arithmetic, arithmetic.unit)[1] < arithmetic.unit


# ------------------------------------------------------------------------------------- partial sums: B, L, swallowing


def largest(acc: Format, first: Sequence[Fraction], faithful: bool = False) -> list[Fraction]:
    """By number of terms: the largest partial sum, in any order; ``first`` has what n terms may be without addition."""
    found = [Fraction(0)]
    for n in range(1, len(first)):
        made = [acc.of(found[k] + found[n - k], "up" if faithful else "nearest") for k in range(1, n // 2 + 1)]
        found.append(max([first[n], *made]))
    return found


def partial_sums(arithmetic: Arithmetic, number: int, x: Fraction) -> Fraction | None:
    """B, for so many terms of at most x, which are numbers of the accumulator."""
    size = int(x * arithmetic.unit**2)
    try:
        found = sums._bound(arithmetic, sums.accumulator(arithmetic.model), number, number * size, size, ternary=True)
    except Unbounded:
        return None
    return Fraction(found, arithmetic.unit)


@pytest.mark.parametrize("steps", ["+divide", "+online2", "+faithful", "+online2+faithful"])
def test_no_order_of_additions_passes_the_bound_on_partial_sums(steps: str) -> None:
    """B. It is reached where partial sums are integers."""
    reached = 0
    for acc in formats():
        arithmetic = arithmetic_of(acc, steps)
        for x in (Fraction(1), acc.of(Fraction(5, 4)), 1 + 2 * acc.roundoff):
            try:
                made = largest(acc, [x * (n == 1) for n in range(25)], arithmetic.model.steps.faithful)
            except Overflow:
                continue
            for n in range(1, 25):
                bound = partial_sums(arithmetic, n, x)
                assert bound is None or made[n] <= bound, (acc, x, n)
                reached += made[n] == bound
    assert reached > 100


def test_bounds_on_partial_sums_by_hand() -> None:
    """Up to 7.5, u = 1/16: K ones; 5 K/4 (1 + (K - 1) u), where 2 K is not less; 5/2 + 5/2 and u of it."""
    narrow = arithmetic_of(parse_format("at", "float(4,-2,2)"), "")
    said = {x: [partial_sums(narrow, n, x) for n in range(1, 9)] for x in map(Fraction, ("1", "5/4", "5/2"))}
    assert said[Fraction(1)] == [1, 2, 3, 4, 5, 6, 7, None]
    assert said[Fraction(5, 4)] == [*map(Fraction, ("5/4", "85/32", "135/32", "95/16")), None, None, None, None]
    assert said[Fraction(5, 2)] == [Fraction(5, 2), Fraction(85, 16), *[None] * 6]


def tiny(arithmetic: Arithmetic, number: int, x: Fraction) -> Fraction:
    """L, for so many positions with terms of at most x."""
    group, one = Group(0, number, arithmetic.unit, None), arithmetic.one
    term = sums.Term(0, group, one._replace(low=0, high=(size := int(x * arithmetic.unit)), size=size), one)
    found = sums._tiny(arithmetic, sums.accumulator(arithmetic.model), Query([group], number), [term])
    return Fraction(found, arithmetic.unit)


def test_no_order_of_additions_and_rises_passes_the_bound_on_what_is_tiny() -> None:
    """L. Before the last rise b for each term; it multiplies that by r, and the product may be rounded up.

    So N r b, without 2, q and u, would not do.
    """
    passed = 0
    for acc in formats():
        arithmetic = arithmetic_of(acc, "+online1")
        for r, b in product((acc.unit, 3 * acc.unit, acc.of(Fraction(1, 8))), (Fraction(1), acc.of(Fraction(3, 2)))):
            before = largest(acc, [b * (n == 1) for n in range(21)])
            behind = largest(acc, [acc.of(r * each) for each in before])
            for n in range(1, 21):
                assert behind[n] <= tiny(arithmetic, n, r * b), (acc, r, b, n)
                passed += behind[n] > n * r * b
    assert passed > 100


def all_sums(acc: Format, ones: int, others: int, x: Fraction) -> dict[tuple[int, int], set[Fraction]]:
    """All that so many ones and terms x or -x may add up to, in any order, by their numbers."""
    found: dict[tuple[int, int], set[Fraction]] = {(1, 0): {Fraction(1)}, (0, 1): {x, -x}}
    for i, j in product(range(ones + 1), range(others + 1)):
        for a, b in product(range(i + 1), range(j + 1)):
            if (a, b) in found and (i - a, j - b) in found:
                here = found.setdefault((i, j), set())
                here |= {acc.of(one + other) for one in found[a, b] for other in found[i - a, j - b]}
    return found


def swallows(model: Model, ones: int, others: int, x: Fraction) -> bool:
    """Whether the checker says that the ones are the sum."""
    arithmetic = Arithmetic.of(model, 0, ones + others)
    unit, size = arithmetic.unit, int(x * arithmetic.unit)
    groups = [Group(ones, ones, 0, 0), Group(0, others, unit, None)]
    weights = [arithmetic.one, arithmetic.one._replace(low=0, high=size, size=size)]
    values = [arithmetic.one, arithmetic.one._replace(low=-unit)]
    query, acc = Query(groups, ones + others), sums.accumulator(model)
    terms = [sums.Term(*one) for one in zip((0, 1), groups, weights, values, strict=True)]
    found = sums._swallowed(arithmetic, acc, query, terms)
    return found is not None and found.total == (ones * unit, ones * unit)


def test_a_sum_of_ones_swallows_what_stays_below_a_quarter_of_the_spacing() -> None:
    acc = parse_format("at", "float(6,-20,6)")
    model = parse_model("at", f"fused:{acc.name}/{acc.name}/bf16+divide")
    tried = 0
    for e in range(6, 20):
        x = Fraction(1, 2**e)
        kept = all(of == {Fraction(i)} for (i, _), of in all_sums(acc, 4, 3, x).items() if i)
        if swallows(model, 4, 3, x):
            assert kept
            tried += 1
        assert kept or e <= 8
    assert tried > 5
    assert Fraction(63, 64) in all_sums(acc, 1, 1, acc.roundoff)[1, 1]
    assert not swallows(parse_model("at", f"fused:{acc.name}/{acc.name}/bf16+faithful"), 4, 3, Fraction(1, 2**19))
    assert not swallows(model, 65, 3, Fraction(1, 2**19))  # 65 has seven bits
