"""Composed arithmetics are simulated, with random choices where a step leaves one: results are in the bounds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from exactformer.certificates.checker.arithmetic import condition, parse_model
from exactformer.certificates.checker.enclosure import Gap, NoEnclosure, exp_below
from exactformer.certificates.checker.steps.conditions import equal_weights_are_exact, rounded_at_once, terms_of
from exactformer.certificates.checker.steps.enclosure import output
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.steps.sums import magnitude, near_0, underflows

from exactformer.certificates.checker.formats import Format, Overflow, Scaled
from exactformer.certificates.checker.refutation import enclosed
from exactformer.certificates.checker.runs import Seen

W, ACC, FINE = "float(3,-6,3)", "float(5,-6,6)", "float(7,-8,9)"
TEXTS = [
    f"rounded:{W}/{ACC}/{W}",
    f"rounded:{W}/{FINE}/{W}+faithful",
    f"rounded:fixed4/{FINE}/{W}+exp2+truncate",
    f"fused:{W}/{ACC}/{W}+divide",
    f"fused:{W}/{FINE}/{W}+wide+reciprocal+truncate",
    f"fused:{W}/{FINE}/{W}+online2",
    f"fused:{W}/{ACC}/{W}+exp1+online3+divide",
    f"fused:{W}/{FINE}/{W}+exp3-one+online1+wide+faithful+reciprocal",
    f"fused:{W}/{FINE}/{W}+exp5+wide+faithful+divide",
]


@dataclass
class Kernel:
    """A softmax head that computes with a model; exp is a function, other choices are free."""

    model: Model
    rng: random.Random
    known: dict[int, Fraction] = field(default_factory=dict)

    def near(self, fmt: Format, x: Fraction) -> Fraction:
        """An operation in the accumulator."""
        return fmt.of(x, self.rng.choice(["down", "up"])) if self.model.steps.faithful else fmt.of(x)

    def exponential(self, x: int) -> Fraction:
        """exp(-x): exact, or a value of the accumulator that is wrong by as much as it may be."""
        steps, acc = self.model.steps, self.model.accumulator
        exact = Fraction(exp_below(x)[0], 2 ** exp_below(x)[1]) if x else Fraction(1)
        if steps.exp_error == 0 or (x == 0 and steps.exp_of_0_is_1):
            return exact
        if x not in self.known:
            error = steps.exp_error * max(acc.unit, 2 * acc.roundoff * exact)
            wrong = exact + Fraction(self.rng.choice([-99, -99, 99, 99, self.rng.randint(-99, 99)]), 100) * error
            low, high = exact - error, exact + error
            value = acc.of(max(Fraction(0), wrong))
            value = value if low <= value <= high else acc.of(exact)
            if exact < acc.unit / 2 or (exact < acc.least_normal and self.rng.random() < 0.5):
                value = Fraction(0)
            self.known[x] = value
        return self.known[x]

    def tree(self, terms: list[Fraction]) -> Fraction:
        """A sum, in any order."""
        terms = list(terms) or [Fraction(0)]
        while len(terms) > 1:
            left, right = (terms.pop(self.rng.randrange(len(terms))) for _ in range(2))
            terms.append(self.near(self.model.accumulator, left + right))
        return terms[0]

    def before_the_cast(self, scores: list[int], values: list[int]) -> Fraction:
        """The output before it is rounded to the activation format; scores are beta times scores."""
        model, acc = self.model, self.model.accumulator
        steps, best = model.steps, max(scores)
        if model.kind == "rounded":
            e = [acc.of(self.exponential(best - s)) for s in scores]
            total = self.tree(e)
            a = [model.weight.of(self.near(acc, x / total), model.cut) for x in e]
            return self.tree([x * v for x, v in zip(a, values, strict=True)])
        num, den, size = [Fraction(0)], [Fraction(0)], steps.block or len(scores)
        seen: int | None = None
        for start in range(0, len(scores), size):
            here = range(start, min(start + size, len(scores)))
            new = max([scores[j] for j in here] + ([] if seen is None else [seen]))
            if seen is not None and new > seen:
                factor = acc.of(self.exponential(new - seen))
                num, den = ([self.near(acc, x * factor) for x in sums] for sums in (num, den))
            seen = new
            for j in here:
                x = self.exponential(new - scores[j])
                p = model.weight.of(x, model.cut)
                for sums, term in ((num, p * values[j]), (den, acc.of(x) if steps.wide else p)):
                    place = self.rng.randrange(size)
                    if place < len(sums):
                        sums[place] = self.near(acc, sums[place] + term)
                    else:
                        sums.append(term)
        top, bottom = self.tree(num), self.tree(den)
        if steps.reciprocal:
            return self.near(acc, top * self.near(acc, 1 / bottom))
        return self.near(acc, top / bottom) if steps.divide else top / bottom


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_computed_is_in_the_bounds_of_the_condition(text: str) -> None:
    model, rng, seen = parse_model("x", text), random.Random(text), 0
    for _ in range(500):
        N, beta_D = rng.randint(1, 9), rng.choice([1, 2, 3, 4, 6, 9])
        m = rng.randint(1, min(N, 4))
        here = condition(model, N, beta_D, [m], 0)
        positions = [0] * m + [rng.choice([1, 1, 2]) * beta_D + rng.randint(0, 1) for _ in range(rng.randint(0, N - m))]
        rng.shuffle(positions)
        for value in (0, 1, -1):
            one, zero = here.one, condition(model, N, beta_D, [], 0).zero
            if (zero if value == 0 else one) is None:
                continue
            values = [rng.choice([-1, -1, 0, 1]) if gap else value for gap in positions]
            out = Kernel(model, rng).before_the_cast([-gap for gap in positions], values)
            if value:
                assert one is not None
                assert one[0] <= value * out <= one[1], (N, m, beta_D, positions, values)
            else:
                assert zero is not None
                assert abs(out) <= zero, (N, m, beta_D, positions, values)
            seen += 1
    assert seen > 300


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_computed_is_in_the_enclosure(text: str) -> None:
    model, rng, seen = parse_model("x", text), random.Random(text), 0
    for _ in range(300):
        gaps: list[Gap] = [(0, (rng.randint(0, 2), rng.randint(0, 1), rng.randint(0, 2)))]
        if sum(gaps[0][1]) == 0:
            continue
        others = sorted(rng.sample([1, 2, 3, 5, 8], rng.randint(0, 2)))
        gaps += [(g, (rng.randint(0, 2), rng.randint(0, 1), rng.randint(1, 2))) for g in others]
        try:
            low, high = output(model, tuple(gaps), 0)
        except (NoEnclosure, Overflow):
            continue
        both = [(-g, v - 1) for g, count in gaps for v in range(3) for _ in range(count[v])]
        rng.shuffle(both)
        out = Kernel(model, rng).before_the_cast([s for s, _ in both], [v for _, v in both])
        assert low <= model.activation.of(out, model.cut) <= high, both
        seen += 1
    assert seen > 100


def test_an_exponential_that_is_wrong_by_ulps() -> None:
    """U = 2, q = 2^-10, eps = 2^-4: 2 q for small numbers, 1/8 of large ones; nothing below q/2, perhaps below 2^-6."""
    acc = parse_model("x", f"fused:{W}/{ACC}/{W}+exp2").accumulator

    def ends(x: Scaled) -> tuple[Fraction, Fraction]:
        (low, a), (high, b) = near_0(acc, 2, x, -1), near_0(acc, 2, x, 1)
        return Fraction(low, 2**a), Fraction(high, 2**b)

    assert ends((1, 1)) == (Fraction(7, 16), Fraction(9, 16))
    assert ends((1, 6)) == (Fraction(7, 512), Fraction(9, 512))
    assert ends((1, 7)) == (Fraction(0), Fraction(5, 512))
    assert ends((1, 11)) == (Fraction(0), Fraction(5, 2048))
    assert ends((1, 12)) == (Fraction(0), Fraction(0))
    assert near_0(acc, 0, (1, 12), 1) == (1, 12)


def test_enclosures_by_hand() -> None:
    """Two ones and a -1 at gap 6: exp(-6) = 0.00248 -> 0 in fixed4; faithful: 1/2 is a value, 1/2 + 1/2 = 1."""
    gaps = ((0, (0, 0, 2)), (6, (1, 0, 0)))
    one = (Fraction(1), Fraction(1))
    assert output(parse_model("x", f"fused:fixed4/{FINE}/{W}+divide"), gaps, 0) == one
    assert output(parse_model("x", f"fused:fixed4/{FINE}/{W}+exp1-one+truncate"), gaps, 0) == one
    three = ((0, (0, 0, 3)),)  # 1/3 in fixed4 is 5/16, and 15/16 a tie that is rounded to 1 with 3 bits, or cut to 7/8
    assert output(parse_model("x", f"rounded:fixed4/{FINE}/{W}"), three, 0) == one
    assert output(parse_model("x", f"rounded:fixed4/{FINE}/{W}+truncate"), three, 0) == (Fraction(7, 8), Fraction(7, 8))
    wrong = parse_model("x", f"fused:{FINE}/{FINE}/{FINE}+exp32")
    third = wrong.activation.of(Fraction(1, 3))  # exp(0) from 1/2 to 3/2, over as much: den is not at least 1
    assert output(wrong, ((0, (0, 0, 1)),), 0) == (third, Fraction(3))


def test_others_in_blocks_may_weigh_anything_up_to_a_bound() -> None:
    """exp(-1) -> 47/128; three positions: k = 2 + 2, u = 1/128, E = 1/31; two: k = 1 + 1, E = 1/63; q = 2^-14."""
    model, q = parse_model("x", f"fused:{FINE}/{FINE}/{FINE}+online2"), Fraction(1, 2**14)
    high = 1 + Fraction(47, 128) + Fraction(222, 128) / 31 + 3 * q * Fraction(32, 31)
    assert output(model, ((0, (0, 0, 1)), (1, (1, 0, 1))), 0)[1] == model.activation.of(high)
    alone = 1 + Fraction(1, 63) + 2 * q * Fraction(64, 63)
    assert output(model, ((0, (0, 0, 1)), (1, (0, 1, 0))), 0)[1] == model.activation.of(alone)
    assert underflows(model, 3, Fraction(1, 2)) == 9 * q / 2


def test_quotients_and_weights_that_are_faithful() -> None:
    tiny = "float(3,-4,3)"
    plain, faithful = (parse_model("x", f"rounded:{tiny}/{tiny}/{tiny}{steps}") for steps in ("", "+faithful"))
    third = Fraction(1, 3)
    assert (magnitude(plain, third, "down"), magnitude(plain, third, "up")) == (Fraction(5, 16), Fraction(5, 16))
    assert (magnitude(faithful, third, "down"), magnitude(faithful, third, "up")) == (Fraction(5, 16), Fraction(3, 8))
    assert equal_weights_are_exact(plain, 1)
    assert not equal_weights_are_exact(plain, 2)
    assert not equal_weights_are_exact(faithful, 1)


def test_ties_at_once() -> None:
    """u = 1/32, u_W = 1/8; four weights of 3 bits fit 5 bits; five err by E(4) = 1/8; 1/m is normal up to 16."""
    model = parse_model("x", "rounded:float(3,-4,3)/float(5,-4,3)/float(3,-4,3)")
    terms = terms_of(model, 8, (0, 0))
    low, high = Fraction(31 * 7, 256), Fraction(33 * 9, 256)
    assert rounded_at_once(terms, 4) == ((low, high), 4)
    assert rounded_at_once(terms, 5) == ((low - high / 8, high + high / 8), 5)


def test_a_refutation_is_about_the_composed_model() -> None:
    model = parse_model("x", f"rounded:fixed4/{FINE}/{W}+truncate")
    assert enclosed("x", model, Seen(3, 1, ((0, (0, 0, 3)),)), 0) == (Fraction(7, 8), Fraction(7, 8))
