"""What closed forms, error bounds and bisections say of small formats is what brute force finds."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest

from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.constructions.lookups.counting import COUNTING
from exactformer.constructions.lookups.layer_norm_hash import LAYER_NORM_HASH
from exactformer.constructions.lookups.one_hot import ONE_HOT
from exactformer.constructions.lookups.parabola import PARABOLA
from exactformer.constructions.lookups.parabola_recency import PARABOLA_RECENCY
from exactformer.constructions.lookups.scheme import Scheme
from exactformer.verify.arithmetic.formats import FloatFormat, ieee_format, round_to
from exactformer.verify.lookups.arithmetics import ARITHMETICS
from exactformer.verify.lookups.closed import most_code_bits
from exactformer.verify.lookups.decide import separation
from exactformer.verify.lookups.rightmost import first_collision
from exactformer.verify.lookups.scan import first_distance
from exactformer.verify.lookups.scores import ScoreArithmetic
from exactformer.verify.lookups.separation import AsComputed, Counterexample, Place, UpTo, by_brute_force, gap_of


def small(precision: int) -> FloatFormat:
    return ieee_format(precision, -60, 60)


def mixed(activations: int, sums: int, stored: int) -> ScoreArithmetic:
    return ScoreArithmetic(f"{activations}/{sums}/{stored}", small(activations), small(sums), small(stored), "")


SMALL = [mixed(p, p, p) for p in (3, 4, 5, 6)] + [mixed(4, 9, 9), mixed(5, 8, 5), mixed(6, 7, 7)]
WRITES = [mixed(p, p, p) for p in (3, 4, 5, 6, 7)] + [mixed(3, 9, 9), mixed(4, 8, 4)]

QUICK = [arithmetic for arithmetic in ARITHMETICS if arithmetic.name != "fp16, scores fp32"]
"""There the last write is looked at by brute force up to N = 47."""


@cache
def fails(scheme: Scheme, arithmetic: ScoreArithmetic, context: int) -> Counterexample | None:
    return by_brute_force(scheme, arithmetic, context)


def first_failure(scheme: Scheme, arithmetic: ScoreArithmetic) -> int:
    """By brute force: every query, every two places, context by context."""
    return next(context for context in range(2, 200) if fails(scheme, arithmetic, context) is not None)


@pytest.mark.parametrize("scheme", [PARABOLA, LAYER_NORM_HASH], ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("arithmetic", SMALL, ids=lambda arithmetic: arithmetic.name)
def test_scans_end_where_brute_force_fails(scheme: Scheme, arithmetic: ScoreArithmetic) -> None:
    found = separation(scheme, arithmetic)
    assert found.proved == first_failure(scheme, arithmetic) - 1
    assert isinstance(found.proved, int)
    assert isinstance(found.first, Counterexample)
    assert found.first.context == found.proved + 1
    gaps = [gap_of(pair) for context in (found.proved,) for pair in pairs(scheme, arithmetic, context)]
    assert 0 < found.gap <= min(gaps)
    if found.crowds:
        assert scheme is PARABOLA or found.gap == min(gaps)


@pytest.mark.parametrize("last", [1, 5, 12])
@pytest.mark.parametrize("threshold", [Fraction(9, 10), Fraction(99, 100), Fraction(9999, 10000), Fraction(1, 3)])
def test_distances_from_which_on_hashes_are_apart(last: int, threshold: Fraction) -> None:
    """phi(i) . phi(k) < t if and only if (ik + 1)^2 < t^2 (i^2 + 1)(k^2 + 1): for all pairs."""
    near = [
        abs(i - k)
        for i in range(last + 1)
        for k in range(last + 1)
        if i != k and (i * k + 1) ** 2 >= threshold**2 * (i * i + 1) * (k * k + 1)
    ]
    assert first_distance(last, threshold) == max(near, default=0) + 1


def pairs(scheme: Scheme, arithmetic: ScoreArithmetic, context: int) -> list[Counterexample]:
    """Every query with its right place and a wrong one; positions are addresses."""
    computed = AsComputed(scheme, arithmetic, context)
    return [
        computed.compared(query, Place(query, query), Place(k, k))
        for query in range(context)
        for k in range(query if scheme.causal else context)
        if k != query
    ]


@pytest.mark.parametrize("arithmetic", WRITES, ids=lambda arithmetic: arithmetic.name)
def test_last_writes_end_where_brute_force_fails(arithmetic: ScoreArithmetic) -> None:
    found = separation(PARABOLA_RECENCY, arithmetic)
    assert found.proved == first_failure(PARABOLA_RECENCY, arithmetic) - 1
    assert isinstance(found.sure, Counterexample)
    assert found.sure.is_sure


@pytest.mark.parametrize("precision", range(3, 8))
def test_counting_heads_end_at_the_first_collision(precision: int) -> None:
    number_format = small(precision)
    rounded = [round_to(number_format, Fraction(1, m)) for m in range(1, 1 << precision)]
    first = next(m for m in range(2, 1 << precision) if rounded[m - 1] == rounded[m - 2])
    assert first_collision(number_format) == first
    found = separation(COUNTING, mixed(precision, precision, precision))
    assert found.proved == first - 1
    assert found.gap == min(gap_of(pair) for pair in pairs(COUNTING, mixed(precision, 24, 24), first - 1))
    for pair in pairs(COUNTING, mixed(precision, 24, 24), first - 1):
        assert gap_of(pair) >= pair.distance * found.gap


def sums_of_codes(number_format: FloatFormat, ones: int, minus: int) -> tuple[Fraction, Fraction]:
    """The least and the largest sum of so many 1 and -1, by all ways to split them."""

    @cache
    def ends(a: int, b: int) -> tuple[Fraction, Fraction]:
        if a + b == 1:
            return Fraction(a - b), Fraction(a - b)
        parts = [(ends(c, d), ends(a - c, b - d)) for c in range(a + 1) for d in range(b + 1) if 0 < c + d < a + b]
        low = min(one[0] + other[0] for one, other in parts)
        high = max(one[1] + other[1] for one, other in parts)
        return round_to(number_format, low), round_to(number_format, high)

    return ends(ones, minus)


@pytest.mark.parametrize(("sums", "stored"), [(2, 2), (3, 3), (5, 2), (5, 3)])
def test_codes_end_where_all_orders_of_ones_do(sums: int, stored: int) -> None:
    arithmetic = mixed(2, sums, stored)

    def separates(r: int) -> bool:
        own = round_to(arithmetic.stored, sums_of_codes(small(sums), r, 0)[0])
        others = [round_to(arithmetic.stored, sums_of_codes(small(sums), r - h, h)[1]) for h in range(1, r + 1)]
        return own > max(others)

    first = next(r for r in range(1, 40) if not separates(r))
    assert most_code_bits(arithmetic) == first - 1


def test_codes_and_one_hot_positions_separate_by_brute_force() -> None:
    arithmetic = mixed(3, 3, 3)
    assert fails(ONE_HOT, arithmetic, 9) is None
    codes = next(scheme for scheme in SCHEMES if scheme.name.startswith("codes"))
    assert fails(codes, arithmetic, 16) is None
    assert separation(codes, arithmetic).proved == UpTo(9)


@pytest.mark.parametrize("scheme", SCHEMES[1:4], ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("arithmetic", QUICK, ids=lambda arithmetic: arithmetic.name)
def test_counterexamples_are_what_scores_are(scheme: Scheme, arithmetic: ScoreArithmetic) -> None:
    """Of real formats: computed again from keys and queries; the first may be avoided by an order, the sure one not."""
    found = separation(scheme, arithmetic)
    for one in (found.first, found.sure):
        assert isinstance(one, Counterexample)
        again = AsComputed(scheme, arithmetic, one.context)
        assert again.score(one.query, one.right) == one.right_score
        assert again.score(one.query, one.wrong) == one.wrong_score
        assert gap_of(one) <= 0
    assert found.sure is not None
    assert found.sure.is_sure
    assert isinstance(found.first, Counterexample)
    assert found.first.context == found.proved + 1 if isinstance(found.proved, int) else False


def test_the_largest_contexts_of_real_formats() -> None:
    """What the table says, of those that take no scan of thousands of contexts."""
    expected: dict[str, list[int | None]] = {
        "layer-norm hash": [None, 44, 7, 7, 7, 4],
        "parabola, last write": [131072, 182, 47, 12, 17, 6],
        "parabola": [94906266, 4097, 47, 46, 17, 17],
        "counting head 1/(i+1)": [6369051721119404, 11864338, 1464, 1464, 190, 190],
    }
    for scheme in SCHEMES:
        for arithmetic, proved in zip(ARITHMETICS, expected.get(scheme.name, []), strict=False):
            if proved is not None and (scheme is not PARABOLA_RECENCY or arithmetic in QUICK):
                assert separation(scheme, arithmetic).proved == proved, (scheme.name, arithmetic.name)


def test_what_is_not_audited_is_refused() -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="the look-up 'another' is not audited"):
        separation(replace(ONE_HOT, name="another"), mixed(4, 4, 4))
    with pytest.raises(ValueError, match="do not hold all activations"):
        separation(COUNTING, mixed(5, 5, 4))
    with pytest.raises(ValueError, match="too few exponents"):
        first_collision(ieee_format(8, -4, 4))
