"""The small parts against enumeration: diagrams, integers, numbers, texts, rounding, and what softmax heads compute."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise, permutations, product

import pytest

from exactformer.certificates.second_checker import Deadline, NotJudged, Rejected, softmax, text
from exactformer.certificates.second_checker.diagrams import FALSE, Cases, Diagrams, weighed

LEVELS = (0, 1, 2, 3, 4, 6)


@pytest.fixture
def d() -> Diagrams:
    return Diagrams(Deadline(60))


def assignments() -> Iterator[tuple[dict[int, int], dict[int, int]]]:
    """Of i and of j: odd levels are those of j."""
    for bits in product((0, 1), repeat=len(LEVELS)):
        values = dict(zip(LEVELS, bits, strict=True))
        yield (
            {level: bit for level, bit in values.items() if not level & 1},
            {level - 1: bit for level, bit in values.items() if level & 1},
        )


Truth = Callable[[dict[int, int], dict[int, int]], bool]


def random_formula(rng: random.Random, d: Diagrams, depth: int) -> tuple[int, Truth]:
    """A diagram, and the same by truth tables."""
    if not depth:
        level = rng.choice(LEVELS)
        return d.variable(level), lambda i, j: bool(j[level - 1] if level & 1 else i[level])
    (f, a), (g, b), (h, c) = (random_formula(rng, d, depth - 1) for _ in range(3))
    made: list[tuple[int, Truth]] = [
        (d.both(f, g), lambda i, j: a(i, j) and b(i, j)),
        (d.either(f, g), lambda i, j: a(i, j) or b(i, j)),
        (d.negate(f), lambda i, j: not a(i, j)),
        (d.same(f, g), lambda i, j: a(i, j) == b(i, j)),
        (d.choose(f, g, h), lambda i, j: b(i, j) if a(i, j) else c(i, j)),
    ]
    return rng.choice(made)


@pytest.mark.parametrize("seed", range(20))
def test_formulas_have_the_truth_of_their_tables(d: Diagrams, seed: int) -> None:
    rng = random.Random(seed)
    tables: dict[tuple[bool, ...], int] = {}
    for _ in range(20):
        f, truth = random_formula(rng, d, 4)
        table = tuple(truth(i, j) for i, j in assignments())
        assert tuple(d.holds(f, i, j) for i, j in assignments()) == table
        assert tables.setdefault(table, f) == f, "equivalent formulas are one"
        if f != FALSE:
            i, j = {level: rng.randrange(2) for level in LEVELS}, dict[int, int]()
            d.repair(f, i, j)
            assert d.holds(f, i, j)


def test_a_formula_about_i_said_of_j(d: Diagrams) -> None:
    f = d.both(d.variable(0), d.negate(d.variable(6)))
    assert d.of_j(f) == d.both(d.variable(1), d.negate(d.variable(7)))
    assert d.support(d.of_j(f)) == {1, 7}


def cases(rng: random.Random, d: Diagrams) -> Cases:
    """An integer with up to three values."""
    f, g = (random_formula(rng, d, 2)[0] for _ in range(2))
    a, b, c = rng.sample(range(-3, 4), 3)
    parts = {a: d.both(f, g), b: d.both(f, d.negate(g)), c: d.negate(f)}
    return {value: where for value, where in parts.items() if where}


def value(d: Diagrams, x: Cases, i: dict[int, int], j: dict[int, int]) -> int:
    (found,) = (a for a, f in x.items() if d.holds(f, i, j))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_sums_and_products(d: Diagrams, seed: int) -> None:
    rng = random.Random(seed)
    xs = [cases(rng, d) for _ in range(4)]
    weights = [rng.choice((-2, -1, 1, 3)) for _ in xs]
    start, floor = rng.randrange(-4, 5), rng.randrange(-4, 5)
    total, cut = (weighed(d, start, list(zip(weights, xs, strict=True)), at) for at in (None, floor))
    for i, j in assignments():
        numbers = [value(d, x, i, j) for x in xs]
        expected = start + sum(w * x for w, x in zip(weights, numbers, strict=True))
        assert value(d, total, i, j) == expected
        assert value(d, cut, i, j) == max(expected, floor)
        assert value(d, d.times(xs[0], xs[1]), i, j) == numbers[0] * numbers[1]
        assert d.holds(d.differ(xs[0], xs[1]), i, j) == (numbers[0] != numbers[1])
        assert value(d, d.either_cases(xs[2].get(0, FALSE), xs[0], xs[1]), i, j) == numbers[numbers[2] != 0]


def test_numbers(d: Diagrams) -> None:
    x, y = (tuple(d.variable(level) for level in levels) for levels in ((4, 2, 0), (5, 3, 1)))
    for a, b in product(range(8), repeat=2):
        i, j = ({4: n & 1, 2: n >> 1 & 1, 0: n >> 2} for n in (a, b))
        assert sum(d.holds(bit, i, j) << place for place, bit in enumerate(d.add(x, y))) == a + b
        assert sum(d.holds(bit, i, j) << place for place, bit in enumerate(d.minus(x, b))) == max(a - b, 0)
        assert d.holds(d.equal(x, y), i, j) == (a == b)
        assert d.holds(d.at_most(x, y), i, j) == (a <= b)
        assert d.holds(d.at_most(x, d.number(b)), i, j) == (a <= b)
        assert d.holds(d.at_most(d.number(5), x), i, j) == (a >= 5)


def test_too_many_nodes_are_not_judged(d: Diagrams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactformer.certificates.second_checker.diagrams.NODES", 10)
    with pytest.raises(NotJudged):
        d.equal(tuple(d.variable(n) for n in range(5)), tuple(d.variable(n) for n in range(5, 10)))


# Texts.


UNROLLED = {
    "fact c: x": ["fact c: x"],
    "for k in 1..3: fact c: x_{k} = {k+1}": ["fact c: x_1 = 2", "fact c: x_2 = 3", "fact c: x_3 = 4"],
    "for k in 1..n, l in k..n: {l}": ["1", "2", "2"],
    "for k in 2..1: x": [],
    "for a in SET: {a}": ["u", "v"],
    "for row in ROWS: {row.1} {row.n} {row.n-1}": ["p q p", "s t s"],
    "f all[k in 1..2: x_{k} = any[a in SET: '{a}' = y]]": [
        "f ((x_1 = (('u' = y) or ('v' = y))) and (x_2 = (('u' = y) or ('v' = y))))"
    ],
    "all[k in 2..1: x] any[k in 2..1: x] each[k in 2..1: x].": ["true false ."],
    "each[k in 1..2: a_{k}=b each[l in 1..k: {l}]]": ["a_1=b 1 a_2=b 1 2"],
}


@pytest.mark.parametrize("line", UNROLLED)
def test_loops(line: str) -> None:
    scope: text.Scope = {"n": 2, "SET": ["u", "v"], "ROWS": [("p", "q"), ("s", "t")]}
    assert list(text.Unroller(Deadline(60)).lines(line, scope, "here")) == UNROLLED[line]


@pytest.mark.parametrize(
    "line", ["{m}", "{k", "for k: x", "for k in 1..m: x", "all[k in 1..2: x", "{n-3}", "for k in 1..2 x", "{SET}"]
)
def test_loops_that_are_none(line: str) -> None:
    with pytest.raises(Rejected):
        list(text.Unroller(Deadline(60)).lines(line, {"n": 2, "SET": ["u"]}, "here"))


def test_endless_loops_are_not_judged() -> None:
    with pytest.raises(NotJudged):
        list(text.Unroller(Deadline(60)).lines("for k in 1..999, l in 1..999: x", {}, "here"))


def test_how_words_bind() -> None:
    a, b, c = (text.Flag(text.Ghost(name)) for name in "abc")
    assert text.read_formula("a => b => c", "") == text.read_formula("a => (b => c)", "")
    assert text.read_formula("not a and b or c", "") == text.Joined(False, (text.Joined(True, (text.Not(a), b)), c))
    assert text.read_formula("a or b => c", "") == text.Joined(False, (text.Not(text.Joined(False, (a, b))), c))
    one = text.Cut("minus", text.Ghost("n"), 1)
    assert text.read_number("n - 1 + j.m - 2", "") == text.Cut("minus", text.Plus(one, text.Ghost("m", True)), 2)


@pytest.mark.parametrize(
    "source", ["", "a b", "a and", "(a", "a)", "1", "a = ", "1 < 2 < 3", "bit(a)", "a & b", "T of", "of a"]
)
def test_formulas_that_are_none(source: str) -> None:
    with pytest.raises(Rejected):
        text.read_formula(source, "here")


def test_deep_formulas_are_not_judged() -> None:
    for source in ("(" * 999 + "a" + ")" * 999, "not " * 999 + "a", "a => " * 999 + "a", f"a = {2**128 + 1}"):
        with pytest.raises(NotJudged):
            text.read_formula(source, "here")


# Formats.


def numbers_of(f: softmax.Format) -> list[Fraction]:
    """All numbers of a small floating format that are not negative."""
    subnormal = [k * softmax.power(f.emin - f.p + 1) for k in range(2 ** (f.p - 1))]
    normal = [k * softmax.power(e - f.p + 1) for e in range(f.emin, f.emax + 1) for k in range(2 ** (f.p - 1), 2**f.p)]
    return [number for number in subnormal + normal if number <= f.largest]


@pytest.mark.parametrize("name", ["float(3,-2,2)", "float(2,0,3)", "e4m3fn"])
def test_rounding_is_to_the_nearest_number_and_to_the_even_one_of_two(name: str) -> None:
    f = softmax.read_format(name)
    numbers = numbers_of(f)
    assert all(f.has(number) and f.round(number) == number for number in numbers)
    for low, high in pairwise(numbers):
        middle = (low + high) / 2
        assert not f.has(middle)
        assert f.round((3 * low + high) / 4) == low
        assert f.round((low + 3 * high) / 4) == high
        even = f.round(middle)
        assert even in (low, high)
        assert (even / (high - low)).numerator % 2 == 0 or (
            (even / (high - low)).denominator == 1 and even / (high - low) % 2 == 0
        )
        assert f.round(-middle) == -even
    with pytest.raises(softmax.NotShown):
        f.round(f.largest * 2)


def test_fixed_point() -> None:
    f = softmax.read_format("fixed2.1")
    assert (f.smallest, f.largest) == (Fraction(1, 4), Fraction(7, 4))
    assert [f.round(Fraction(n, 8)) for n in range(8)] == [Fraction(n, 4) for n in (0, 0, 1, 2, 2, 2, 3, 4)]


@pytest.mark.parametrize(
    "name", ["fp33", "float(24,-126,127)", "float(1,0,0)", "float(3,1,1)", "fixed0", "fixed3.8", "float(9999,0,0)"]
)
def test_formats_that_are_none(name: str) -> None:
    with pytest.raises(Rejected):
        softmax.read_format(name)


@pytest.mark.parametrize("x", [1, 2, 3, 5, 64, 128, 1000])
def test_the_exponential_is_bounded_from_above_and_closely(x: int) -> None:
    # exp(-1) from below: the series up to an odd term; its powers are exact.
    term, below = Fraction(1), Fraction(0)
    for n in range(1, 51):
        below += term
        term = -term / n
    assert below**x <= softmax.exp_minus(x) <= below**x * (1 + Fraction(1, 2**100))


# What heads compute, on small cases: every order of additions is within what is shown.


def sums(f: softmax.Format, terms: tuple[Fraction, ...]) -> set[Fraction]:
    """What one sum can be, over all ways to put brackets."""
    found: set[Fraction] = set()
    for order in set(permutations(terms)):
        partial = [{term} for term in order]

        def of(low: int, high: int, partial: list[set[Fraction]] = partial) -> set[Fraction]:
            if high - low == 1:
                return partial[low]
            return {
                f.round(a + b) for middle in range(low + 1, high) for a in of(low, middle) for b in of(middle, high)
            }

        found |= of(0, len(order))
    return found


FUSED = (
    "fused:float(3,-9,9)/float(4,-9,9)/float(3,-9,9)",
    "fused:float(2,-9,9)/float(5,-9,9)/float(2,-9,9)",
    "fused:float(3,-4,4)/fixed12.4/float(3,-9,9)",
)
ROUNDED = (
    "rounded:float(3,-9,9)/float(4,-9,9)/float(3,-9,9)",
    "rounded:float(3,-9,9)/float(6,-9,9)/float(2,-9,9)",
    "rounded:float(3,-9,9)/float(3,-9,9)",
)


def outputs(arithmetic: softmax.Arithmetic, weights: tuple[Fraction, ...], values: tuple[int, ...]) -> set[Fraction]:
    """What a head can output, in any order of additions; weights are exponentials, a value of a weight is exact."""
    w, a = arithmetic.w, arithmetic.a
    acc = arithmetic.acc
    if acc is None:
        total = sum(weights, Fraction(0))
        return {a.round(sum((w.round(e / total) * v for e, v in zip(weights, values, strict=True)), Fraction(0)))}
    if arithmetic.model == "fused":
        ps = tuple(w.round(e) for e in weights)
        nums = sums(acc, tuple(p * v for p, v in zip(ps, values, strict=True)))
        return {a.round(num / den) for num in nums for den in sums(acc, ps)}
    es = tuple(acc.round(e) for e in weights)
    found = set()
    for den in sums(acc, es):
        ws = tuple(w.round(acc.round(e / den)) for e in es)
        found |= {a.round(s) for s in sums(acc, tuple(x * v for x, v in zip(ws, values, strict=True)))}
    return found


@pytest.mark.parametrize("name", FUSED + ROUNDED)
def test_where_a_head_is_shown_to_hold_it_does_in_every_order(name: str) -> None:
    arithmetic = softmax.read_arithmetic(name)
    shown = refuted = 0
    for n, beta in ((2, 1), (2, 4), (3, 1), (3, 2), (3, 8), (4, 3)):
        e = softmax.exp_minus(beta)
        for selected in range(1, n + 1):
            query = softmax.Query(arithmetic, selected, selected, 1, n - selected, beta, n)
            span = query.fused() if arithmetic.model == "fused" else query.rounded()
            for others in product((-1, 0, 1), repeat=n - selected):
                values = (1,) * selected + others
                for weight in (e, Fraction(0)):
                    found = outputs(arithmetic, (Fraction(1),) * selected + (weight,) * (n - selected), values)
                    assert all(arithmetic.a.round(span[0]) <= o <= arithmetic.a.round(span[1]) for o in found)
                    if query.is_exactly(1):
                        shown += 1
                        assert found == {1}
                    elif found != {1}:
                        refuted += 1
    assert shown
    assert refuted


def test_ties_that_are_shown_and_ties_that_are_not() -> None:
    fused, bf16 = (softmax.read_arithmetic(name) for name in ("fused:bf16/fp32/bf16", "rounded:bf16/bf16"))
    assert softmax.head_holds(fused, 128, 1, 64, 64)
    assert not softmax.head_holds(fused, 1, 1, 64, 64)
    # 61 rounded weights of 1/61 are the first that do not sum to a number that rounds to 1 (README of verify).
    assert softmax.head_holds(bf16, 128, None, 2, 64)
    assert [ties for ties in range(1, 400) if not softmax.Query(bf16, ties, ties, 1, 0, None, 400).is_exactly(1)]
    exact = softmax.read_arithmetic("exact")
    assert softmax.head_holds(exact, 1, None, 64, 64)
    assert not softmax.head_holds(exact, 128, 2, 1, 64)


@pytest.mark.parametrize("text_", ["fused:bf16/fp32/bf16+faithful", "exact+linearfp16x"])
def test_arithmetics_with_steps_are_not_judged_or_none(text_: str) -> None:
    with pytest.raises((NotJudged, Rejected)):
        softmax.read_arithmetic(text_)
