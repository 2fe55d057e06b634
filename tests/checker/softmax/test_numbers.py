"""Sums, exponentials, means and heads by themselves, near the worst that can happen; each bound is needed."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import mpmath
import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.formats import NAMED, parse_format
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, holds
from exactformer.certificates.checker.sequences.attention import Scores, query_of, score
from exactformer.certificates.checker.sequences.network import Head
from exactformer.certificates.checker.softmax.averages import averages
from exactformer.certificates.checker.softmax.means import mean_above
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Sum, Unbounded, Value, exponential
from exactformer.certificates.checker.softmax.quotients import quotients
from tests.checker.sequences import simulation
from tests.checker.sequences.simulation import Overflows, Rounding, Term, certainly, rounding, summed, value

TINY = "float(3,-2,6)"
LITTLE = arithmetic_of(f"fused:{TINY}/{TINY}/{TINY}@{TINY}+linear{TINY}", 0)
"""Everything in a format of 3 bits, with 1/16 the smallest number."""
LINEAR = LITTLE.model.steps.linear
HEAD = Head("", (), (), (), Fraction(1))


def numbers_of(form: Rounding, largest: Fraction) -> list[Fraction]:
    """All numbers of a small format, up to ``largest``."""
    step = Fraction(2) ** form.lowest
    found = [n * step for n in range(int(largest / step) + 1) if form(n * step) == n * step]
    return [-number for number in found[:0:-1]] + found


def on_grid(number: Fraction, model: Arithmetic = LITTLE) -> int:
    return int(number * 2**model.grid)


def point(number: Fraction, model: Arithmetic = LITTLE) -> Value:
    return model.number(model.model.activation, (on_grid(number, model),) * 2)


def bound(terms: list[Term]) -> Fraction:
    """How far the checker says that a sum of these can be off."""
    pairs = [term if isinstance(term, tuple) else (term, Fraction(1)) for term in terms]
    made = LITTLE.products((point(a), point(b)) for a, b in pairs)
    return Fraction(LITTLE.error(LINEAR, made), 2**LITTLE.grid)


def test_sums_are_off_by_no_more_than_is_said_and_hardly_by_less() -> None:
    """One product is off by more than half of the bound; underflow is off where gamma T alone would not do."""
    form, random = rounding(TINY), Random(1)
    numbers = [number for number in numbers_of(form, Fraction(3)) if number]
    worst, underflows = Fraction(0), 0
    for k in (1, 2, 2, 3, 4) * 800:
        terms: list[Term] = [(random.choice(numbers), random.choice(numbers)) for _ in range(k)]
        said, exact = bound(terms), sum(map(value, terms), Fraction(0))
        for _ in range(3):
            off = abs(summed(form, terms, random) - exact)
            assert off <= said
            T = sum(abs(value(term)) for term in terms)
            underflows += off > T * k / (8 - k)
            if k == 1 and T >= 2 and said:
                worst = max(worst, off / said)
    assert worst > Fraction(1, 2)
    assert underflows > 10


def test_sums_of_numbers_have_one_rounding_less() -> None:
    form = rounding(TINY)
    numbers, worst = numbers_of(form, Fraction(7)), Fraction(0)
    for a, b in product(numbers, numbers):
        terms = LITTLE.numbers([point(a), point(b)])
        said = Fraction(LITTLE.error(LINEAR, terms, products=False), 2**LITTLE.grid)
        off = abs(form(a + b) - a - b)
        assert off <= said
        worst = max(worst, off / said if said else Fraction(0))
    assert worst > Fraction(1, 2)


def test_exact_sums_are_seen() -> None:
    """Five times 1/2 is a multiple of 1/2 up to 8/2; 4 + 1/2 takes four bits."""
    half, terms = Fraction(1, 2), [Fraction(4), Fraction(1, 2)]
    assert bound([half] * 5) == 0
    assert bound([(half, Fraction(3))] * 2) == 0
    assert bound(list[Term](terms)) > 0
    assert rounding(TINY)(sum(terms, Fraction(0))) == 4


def test_no_sum_may_overflow() -> None:
    """The largest number is 112 = 7 * 16; 96 + 16 is it, 96 + 20 would be rounded beyond it only with more terms."""
    assert bound([Fraction(96), Fraction(16)]) == 0
    with pytest.raises(Unbounded):
        bound([Fraction(96), Fraction(20)])
    with pytest.raises(Unbounded):  # exact, were it not too large
        bound([Fraction(96), Fraction(32)])
    with pytest.raises(Overflows):
        rounding(TINY)(Fraction(128))
    with pytest.raises(Unbounded):  # k u > 1/2
        bound([Fraction(1), Fraction(5, 4), Fraction(5, 2), Fraction(5), Fraction(10)])


def test_fixed_point_sums() -> None:
    """Each product is off by half a unit of 1/4 at most, and a sum may not overflow 16 - 1/4."""
    model = arithmetic_of("rounded:bf16/fixed2.4+linearfixed2.4", 0)
    quarter = point(Fraction(1, 4), model)
    terms = model.products([(quarter, point(Fraction(5, 4), model))] * 3)
    assert Fraction(model.error(model.model.steps.linear, terms), 2**model.grid) == Fraction(3, 4)
    with pytest.raises(Unbounded):
        model.error(model.model.steps.linear, model.numbers([point(Fraction(8), model)] * 2))


def test_beta_times_a_score_may_not_overflow() -> None:
    one, seven = [point(Fraction(1))], [point(Fraction(7))]
    model = arithmetic_of(f"fused:{TINY}/{TINY}/{TINY}@{TINY}+linear{TINY}", 4)
    assert score(model, HEAD, one, seven) == (on_grid(Fraction(112)),) * 2
    with pytest.raises(Unbounded):
        score(arithmetic_of(f"fused:{TINY}/{TINY}/{TINY}@{TINY}+linear{TINY}", 5), HEAD, one, seven)


@pytest.mark.parametrize("grid", [256, 1088])
def test_exponentials(grid: int) -> None:
    random = Random(grid)
    assert exponential(0, grid) == (1 << grid, 1 << grid)
    with mpmath.workprec(2 * grid + 100):
        for _ in range(300):
            x = random.getrandbits(random.randrange(1, grid + 10))
            low, high = exponential(x, grid)
            true = mpmath.exp(-mpmath.ldexp(mpmath.mpf(x), -grid)) * mpmath.ldexp(mpmath.mpf(1), grid)
            assert low <= true <= high <= low + 2


def test_means() -> None:
    """Against all choices of ends."""
    random = Random(3)
    for _ in range(300):
        n = random.randint(1, 5)
        weights = [(low, low + random.randint(0, 4)) for low in (random.randint(0, 3) for _ in range(n))]
        tops = [random.randint(-9, 9) for _ in range(n)]
        means = [
            Fraction(sum(w * top for w, top in zip(choice, tops, strict=True)), sum(choice))
            for choice in product(*weights)
            if sum(choice)
        ]
        if means:
            largest = max(means)
            assert mean_above(weights, tops) == -(-largest.numerator // largest.denominator)


def around(number: Fraction, random: Random, model: Arithmetic) -> Ends:
    """Ends of a number: itself, or something below and above it."""
    low, high = (random.choice((0, 0, random.randint(0, 40))) for _ in range(2))
    return on_grid(number - Fraction(low, 32), model), on_grid(number + Fraction(high, 32), model)


@pytest.mark.parametrize("kind", ["fused", "rounded"])
def test_heads_before_the_last_rounding(kind: str) -> None:
    """Scores and values are anywhere between their ends; each sum is in some order. Roundings matter here."""
    random, worst = Random(kind), 0
    for text in (TINY, "float(4,-1,6)", "float(5,-6,9)", "fixed3.6"):
        names = f"{text}/{text}/{text}" if kind == "fused" else f"{text}/{text}"
        model, form = arithmetic_of(f"{kind}:{names}", 0), rounding(text)
        numbers = numbers_of(form, Fraction(4))
        for _ in range(300):
            n = random.randint(1, 4)
            scores = [Fraction(random.randint(-60, 60), random.choice((16, 64))) for _ in range(n)]
            values = [random.choice(numbers) for _ in range(n)]
            ends = [around(number, random, model) for number in scores]
            column = [model.number(model.model.activation, around(number, random, model)) for number in values]
            made = computed(kind, form, scores, values, random)
            query = query_of(model, [Scores(1, *each) for each in ends])
            low, high = (quotients if kind == "fused" else averages)(model, query, [column])[0]
            assert low <= on_grid(made, model) <= high
            shares = [simulation.exponential(number - max(scores)) for number in scores]
            bare = sum((w * v for w, v in zip(shares, values, strict=True)), Fraction(0)) / sum(shares)
            worst += abs(made - bare) > Fraction(1, 50)
    assert worst > 100


def computed(kind: str, form: Rounding, scores: list[Fraction], values: list[Fraction], random: Random) -> Fraction:
    """num / den, or the sum of rounded weights times values."""
    below = [max(scores) - score for score in scores]
    if kind == "fused" and form.p is not None:
        below = [form(x) for x in below]
    powers = [simulation.exponential(-x) for x in below]
    if kind == "rounded":
        weights = [certainly(form, power / sum(powers), set(powers) == {1}) for power in powers]
        return sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0))
    p = [certainly(form, power, power == 1) for power in powers]
    return summed(form, list(zip(p, values, strict=True)), random) / summed(form, list(p), random)


def test_numbers_of_one_format_in_another() -> None:
    """Against trying them all."""
    names = ("float(3,-2,2)", "float(3,-1,2)", "float(4,-2,2)", "float(3,-2,1)", "fixed2.2", "fixed4.1", "fixed3.2")
    for wide, narrow in product(names, names):
        form, small = rounding(wide), rounding(narrow)
        all_there = all(has(form, number) for number in numbers_of(small, small.largest))
        assert holds(parse_format("", wide), parse_format("", narrow)) == all_there, (wide, narrow)


def has(form: Rounding, number: Fraction) -> bool:
    try:
        return form(number) == number
    except Overflows:
        return False


@pytest.mark.parametrize(
    "text",
    [
        "fused:bf16/fp32/bf16+head256",
        "fused:bf16/fp32/bf16+online64",
        "rounded:bf16/bf16+once",
        "fused:bf16/fp32/bf16+once+faithful",
        "exact@bf16",
        "fused:bf16+online512",
        "rounded:bf16/fp32@bf16",
        "rounded:bf16/fp16@e5m2",
        "fused:fp16/fp16/bf16",
        "rounded:bf16/bf16+linearfp16",
        "rounded:bf16/float(9,-1200,9)",
    ],
)
def test_arithmetics_that_are_not_judged(text: str) -> None:
    with pytest.raises(TooLarge if text != "fused:bf16+online512" else Rejected):
        arithmetic_of(text, 0)


def test_the_grid_has_all_numbers_of_all_formats() -> None:
    model = arithmetic_of("rounded:fp32/float(8,-900,20)@float(8,-900,20)+linearfloat(9,-1000,127)", 0)
    assert model.grid >= 1008 + 64
    assert arithmetic_of("exact", 3).grid == arithmetic_of("rounded:bf16/bf16", 0).grid == 256
    assert NAMED["bf16"].lowest == -133


def test_terms_that_are_0_do_not_count() -> None:
    nothing = Sum(0, 0, 0, 0, 0, LITTLE.grid)
    assert LITTLE.products([(point(Fraction(0)), point(Fraction(3)))]) == nothing._replace(bits=2 * LITTLE.grid)
    assert LITTLE.error(LINEAR, nothing) == 0
