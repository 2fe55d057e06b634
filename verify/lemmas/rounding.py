"""Lemmas ``rounding.*``: when rounding swallows leak and ties, in exact rationals.

Words: W and A are the formats of attention weights and activations, p their numbers of significand bits; rnd is
rounding to nearest, ties to even; m is the number of maximisers.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import factorial

from exactformer.verify.arithmetic.exponentials import exp_minus
from exactformer.verify.arithmetic.formats import (
    BF16,
    E4M3FN,
    E5M2,
    FP16,
    FP32,
    FixedFormat,
    FloatFormat,
    Format,
    power_of_two,
    round_to,
    rounding_cell,
)
from exactformer.verify.arithmetic.models import Rounded
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.lemmas.lemma import OWN, Lemma
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude

ONE, ZERO = Fraction(1), Fraction(0)
FORMATS = (FP32, BF16, FP16, E4M3FN, E5M2)
FIXED = tuple(map(FixedFormat, (8, 12, 16, 24, 32, 60)))
FLOATING_AND_FIXED: tuple[Format, ...] = (*FORMATS, *FIXED)
LARGEST_TIE = 4999

SMALLEST_FAILING: tuple[tuple[FloatFormat, FloatFormat, int | None], ...] = (
    (BF16, BF16, 61),
    (FP16, FP16, 11),
    (FP32, FP32, 41),
    (E4M3FN, E4M3FN, 19),
    (E5M2, E5M2, 29),
    (BF16, FP16, 3),
    (BF16, FP32, 3),
    (FP16, BF16, None),
    (FP32, BF16, None),
    (BF16, E4M3FN, None),
    (BF16, E5M2, None),
)
"""W, A and the smallest m <= LARGEST_TIE with rnd_A(m * rnd_W(1/m)) != 1."""

SUBNORMAL_FAILING: tuple[tuple[FloatFormat, FloatFormat, int | None], ...] = ((FP16, BF16, 65923), (E4M3FN, E5M2, 79))
"""The same for pairs with a spare bit, where 1/m is subnormal in W: there, outside `rounding.spare-bit`, it fails."""

LEAK_EXPONENTS = ((FP16, 25, 1732), (BF16, 134, 9288), (FP32, 150, 10397), (E5M2, 17, 1178), (E4M3FN, 10, 693))
"""Format, c such that half its smallest subnormal is 2^-c, and h with h/100 < c ln 2 < (h+1)/100."""


def nearest(number_format: FloatFormat, x: Fraction) -> Fraction:
    """rnd(x) for x > 0 without overflow, from the definition: the nearer of the neighbours, the even one of two.

    Written anew here, so that the table does not rest on the rounding that certificates use.
    """
    # x is at least 2^(the difference of the lengths - 1); from there up to the exponent with 2^e <= x < 2^(e+1).
    exponent = max(number_format.emin, x.numerator.bit_length() - x.denominator.bit_length() - 1)
    while power_of_two(exponent + 1) <= x:
        exponent += 1
    quantum = power_of_two(exponent - number_format.precision + 1)
    below = x // quantum
    left, right = x - below * quantum, (below + 1) * quantum - x
    return (below if left < right or (left == right and below % 2 == 0) else below + 1) * quantum


def _ties(_: int, budget: Budget) -> Outcome:
    cases = ((*row, m) for row in SMALLEST_FAILING for m in range(1, (row[2] or LARGEST_TIE) + 1))
    return conclude([budget.exhaust("pairs of formats and m", cases, lambda case: wrong_tie(*case))])


def _subnormal_ties(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("pairs of formats and m", _subnormal_cases(), lambda case: wrong_tie(*case))])


def _subnormal_cases() -> Iterator[tuple[FloatFormat, FloatFormat, int | None, int]]:
    """The m from which on rounding may err by more than half the spacing of A below 1: m q/2 > 2^-(p_A + 1) >=
    2^-p_W."""
    for weights, activations, failing in SUBNORMAL_FAILING:
        covered = power_of_two(-activations.precision - weights.quantum_exponent)
        for m in range(int(covered) + 1, (failing or LARGEST_TIE) + 1):
            yield weights, activations, failing, m


def wrong_tie(weights: FloatFormat, activations: FloatFormat, failing: int | None, m: int) -> str | None:
    """How m maximisers differ from the table, which says that `failing` is the first m that does not give 1."""
    rounded = nearest(activations, m * nearest(weights, Fraction(1, m)))
    pair = f"W = {weights.name}, A = {activations.name}"
    if (rounded == 1) == (m == failing):
        return f"{pair}: {m} maximisers give {rounded}"
    if m == (failing or LARGEST_TIE):
        # At this beta nothing leaks: exp(-2^12) rounds to 0 in all of these formats.
        decided = decide_ties(Rounded(weights, activations), TieFacts(1, m, m), 1 << 12).up_to
        if decided != (m if failing is None else m - 1):
            return f"{pair}: decided up to {decided} maximisers, by enumeration {failing} is the first that fails"
    return None


def _tie_error(_: int, budget: Budget) -> Outcome:
    return conclude(_tie_error_findings(budget))


def _tie_error_findings(budget: Budget) -> Iterator[Finding]:
    # The binades of x from 2^-j on, from 1 down to the smallest positive value; below that, x is rounded as from 0 on.
    binades = ((w, j) for w in FLOATING_AND_FIXED for j in range(-w.quantum_exponent + 1))
    yield budget.exhaust("formats and binades", binades, lambda case: wrong_error(*case))
    ties = ((w, m) for w in FORMATS for m in range(1, LARGEST_TIE + 1))

    def wrong(case: tuple[FloatFormat, int]) -> str | None:
        weights, m = case
        error = abs(m * nearest(weights, Fraction(1, m)) - 1)
        bound = max(power_of_two(-weights.precision), m * power_of_two(weights.quantum_exponent - 1))
        return None if error <= bound else f"{weights.name}, m = {m}: error {error}"

    yield budget.exhaust("formats and m", ties, wrong)


def wrong_error(weights: Format, j: int) -> str | None:
    """Whether rounding may err by more than max(u x, q/2) at some x with 2^-j <= x < 2^(1-j), or below for 2^-j = q."""
    least = power_of_two(-j)
    half_quantum = rounding_cell(weights, least).high - least
    u = ZERO if isinstance(weights, FixedFormat) else power_of_two(-weights.precision)
    half_smallest = power_of_two(weights.quantum_exponent - 1)
    if half_quantum > max(u * least, half_smallest):
        return f"{weights.name}, x from 2^-{j} on: error {half_quantum}"
    if -j == weights.quantum_exponent and rounding_cell(weights, ZERO).high != half_smallest:
        return f"{weights.name}: x up to {rounding_cell(weights, ZERO).high} is rounded to 0"
    return None


def _spare_bit(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("pairs of formats", _spare_pairs(), lambda pair: wrong_spare(*pair))])


def _spare_pairs() -> Iterator[tuple[FloatFormat, FloatFormat]]:
    return ((w, a) for w in FORMATS for a in FORMATS if w.precision > a.precision)


def wrong_spare(weights: FloatFormat, activations: FloatFormat) -> str | None:
    """Whether some number within 2^-p_W of 1 does not round to 1."""
    error, cell = power_of_two(-weights.precision), rounding_cell(activations, ONE)
    ends = [end for end in (1 - error, 1 + error) if not cell.contains(end) or nearest(activations, end) != 1]
    return f"W = {weights.name}, A = {activations.name}: {ends[0]} does not round to 1" if ends else None


LOG_TERMS = 80


def log2_enclosure() -> tuple[Fraction, Fraction]:
    """ln 2 = sum over k >= 1 of 1 / (k 2^k); the terms after the n-th sum to less than 1 / ((n + 1) 2^n).

    >>> low, high = log2_enclosure()
    >>> high - low < Fraction(1, 10**25), Fraction(693147, 10**6) < low < high < Fraction(693148, 10**6)
    (True, True)
    """
    low = sum((Fraction(1, k << k) for k in range(1, LOG_TERMS + 1)), ZERO)
    return low, low + Fraction(1, (LOG_TERMS + 1) << LOG_TERMS)


def _leak(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("formats", LEAK_EXPONENTS, lambda case: wrong_leak(*case))])


def wrong_leak(number_format: FloatFormat, c: int, hundredths: int) -> str | None:
    """Check, in this order: the cell of 0; the enclosure of c ln 2; exp at the integers around it."""
    name, half = number_format.name, power_of_two(-c)
    cell = rounding_cell(number_format, ZERO)
    # The half-way point belongs to 0, which is even; nothing above it does.
    if (cell.low, cell.high, cell.high_included) != (-half, half, True):
        return f"{name}: what rounds to 0 reaches up to {cell.high}, not 2^-{c}"
    if round_to(number_format, half) != 0 or round_to(number_format, half + power_of_two(-c - 64)) == 0:
        return f"{name}: 2^-{c} is not the largest number that rounds to 0"
    low, high = (c * end for end in log2_enclosure())
    if not Fraction(hundredths, 100) < low <= high < Fraction(hundredths + 1, 100):
        return f"{name}: {c} ln 2 does not lie between {hundredths}/100 and {hundredths + 1}/100"
    least = hundredths // 100 + 1
    # Independent of ln 2: exp(-least) is at most 2^-c, exp(-(least - 1)) is more.
    if not exp_minus(least).high <= half < exp_minus(least - 1).low:
        return f"{name}: exp(-{least}) <= 2^-{c} < exp(-{least - 1}) does not hold"
    return None


def _denominator(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("formats", FORMATS, wrong_denominator)])


def wrong_denominator(number_format: FloatFormat) -> str | None:
    """1/(1 + L) falls as L grows, so it is enough that the bound meets the end of the cell of 1, which is in it."""
    p, cell = number_format.precision, rounding_cell(number_format, ONE)
    largest = Fraction(1, (1 << p + 1) - 1)
    if 1 / (1 + largest) != cell.low or not cell.low_included:
        return f"{number_format.name}: 1/(1 + {largest}) is not the smallest number that rounds to 1"
    beyond = 1 / (1 + largest + power_of_two(-4 * p))
    if nearest(number_format, cell.low) != 1 or nearest(number_format, beyond) == 1:
        return f"{number_format.name}: rounding puts the end of the cell of 1 elsewhere than {cell.low}"
    return None


def _exponential(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("integers", range(1, 129), wrong_enclosure)])


def wrong_enclosure(x: int) -> str | None:
    """Compare exp_minus(x) with the series of exp(x) up to its term t_J = x^J / J!, J = 4x + 80.

    partial <= exp(x) <= partial + t_J, because each term after t_J is less than half the one before it.
    """
    terms = 4 * x + 80
    partial = sum((Fraction(x**j, factorial(j)) for j in range(terms + 1)), ZERO)
    low, high = exp_minus(x)
    above = partial + Fraction(x**terms, factorial(terms))
    if low * above <= 1 <= high * partial:
        return None
    return f"exp(-{x}) is not enclosed by {low} and {high}"


def _pair_text(weights: FloatFormat, activations: FloatFormat, failing: int | None) -> str:
    return f"{weights.name}/{activations.name} {'none' if failing is None else failing}"


def _decimal(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02}"


EXACT = "exhaustive, rationals"

LEMMAS = (
    Lemma(
        "rounding.ties",
        f"smallest m <= {LARGEST_TIE} with rnd_A(m rnd_W(1/m)) != 1, for W/A: "
        + ", ".join(_pair_text(*row) for row in SMALLEST_FAILING),
        f"{OWN}: ties",
        EXACT,
        _ties,
        applies=None,
    ),
    Lemma(
        "rounding.tie-error",
        "rounding to W errs by at most max(u x, q/2) at every 0 < x <= 1, q the smallest positive value; so "
        "|m rnd_W(1/m) - 1| <= max(u, m q/2) for every m. W with u = 2^-p_W: "
        + ", ".join(one.name for one in FORMATS)
        + "; with u = 0: "
        + ", ".join(one.name for one in FIXED),
        f"{OWN}: ties",
        f"{EXACT}, by binade",
        _tie_error,
        applies=None,
    ),
    Lemma(
        "rounding.spare-bit",
        "for p_W > p_A: whatever is within 2^-p_W of 1 rounds to 1 in A; so rnd_A(m rnd_W(1/m)) = 1 for all m with "
        "m q/2 <= 2^-p_W, which is 1/m normal in W: m up to 2^126 for fp32 and bf16, 2^14 for fp16 and e5m2, 2^6 for "
        "e4m3fn",
        f"{OWN}: ties",
        EXACT,
        _spare_bit,
        applies=None,
        rests_on=("rounding.tie-error",),
    ),
    Lemma(
        "rounding.spare-bit-ends",
        "if 1/m is subnormal in W, a spare bit is not enough: smallest m with rnd_A(m rnd_W(1/m)) != 1, for W/A: "
        + ", ".join(_pair_text(*row) for row in SUBNORMAL_FAILING),
        f"{OWN}: ties; FINDINGS 4",
        EXACT,
        _subnormal_ties,
        applies=None,
        rests_on=("rounding.tie-error",),
    ),
    Lemma(
        "rounding.exponential",
        "the enclosures of exp(-x) that certificates use hold, against partial sums, for integers 1 <= x <= 128",
        f"{OWN}: exponentials",
        EXACT,
        _exponential,
        applies=None,
    ),
    Lemma(
        "rounding.leak",
        "exp(-x) rounds to 0 iff x >= c ln 2, with c and exact bounds: "
        + ", ".join(f"{one.name} {_decimal(h)} < {c} ln 2 < {_decimal(h + 1)}" for one, c, h in LEAK_EXPONENTS),
        f"{OWN}: leak; FINDINGS 5",
        EXACT,
        _leak,
        applies=None,
        rests_on=("rounding.exponential",),
    ),
    Lemma(
        "rounding.denominator",
        "1/(1 + L) rounds to 1 iff L <= 1/(2^(p+1) - 1), for leaks L >= 0 and p bits",
        f"{OWN}: denominator",
        EXACT,
        _denominator,
        applies=None,
    ),
)
