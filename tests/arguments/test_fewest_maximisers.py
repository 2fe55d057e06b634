"""SPEC 7.3, 16, 19.2: why the fewest maximisers are the worst (verify/ARGUMENTS.md, 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest
from exactformer.certificates.checker.arithmetic import condition, exp_above, parse_model
from exactformer.certificates.checker.steps.conditions import (
    Terms,
    bounds_on_ties,
    fused,
    rounded,
    rounded_at_once,
    terms_of,
)
from exactformer.certificates.checker.steps.sums import Fails
from exactformer.verify.arithmetic.composed import NotShown
from exactformer.verify.arithmetic.composed_fused import fused_bounds

from exactformer.certificates.checker.formats import Interval, Overflow
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.models import Fused, parse_arithmetic

FORMATS = (
    "float(3,-4,6)/float(3,-4,6)/bf16",
    "float(4,-6,4)/float(6,-9,6)/bf16",
    "float(3,-4,3)/float(8,-12,8)/bf16",
)
STEPS = ("+wide", "+exp1", "+exp1-one+wide", "+online2", "+faithful", "+divide", "+exp1+online3+wide+reciprocal")
MODELS = tuple(f"fused:{formats}{steps}" for formats, steps in product(FORMATS, STEPS))
CASES = tuple(product((1, 3, 10), (1, 3, 8)))
"""N, and x of tau >= exp(-x)."""
Shown = tuple[Interval, Fraction]


def every_case(models: tuple[str, ...]) -> Iterator[tuple[str, Terms]]:
    """What is added at a query, where that is shown not to overflow."""
    for text, (N, x) in product(models, CASES):
        try:
            yield text, terms_of(parse_model("at", text), N, exp_above(x))
        except (Fails, Overflow):
            continue


def shown(of: Terms, fewest: int, most: int) -> Shown | None:
    """y and z for m from ``fewest`` to ``most``."""
    try:
        return fused(of, fewest, most)
    except (Fails, Overflow):
        return None


def inside(one: Interval, other: Interval) -> bool:
    """Whether an interval is in another."""
    return other[0] <= one[0] <= one[1] <= other[1]


def counts(of: Terms, most: int) -> tuple[bool, bool]:
    """Whether num and den are the number of maximisers."""
    return of.is_exact(of.num, most), of.is_exact(of.den, most)


def test_what_is_shown_of_the_fewest_is_so_of_all_up_to_the_bound() -> None:
    """Of every m from m0 to M*, with the error and the exact sums for M*, and with those for M* = m.

    Where sums count m but not M*, nothing is shown: M* > C = 2^p, and (M* - 1) u is not below 1.
    """
    seen = Counter[str]()
    for text, of in every_case(MODELS):
        for most in range(1, of.N + 1):
            every = [shown(of, m, most) for m in range(1, most + 1)]
            alone = [shown(of, m, m) for m in range(1, most + 1)]
            for m0, worst in enumerate(every, start=1):
                if worst is None:
                    seen["not shown"] += 1
                    seen["as M* is not counted"] += counts(of, m0) != counts(of, most)
                    continue
                for m in range(m0, most + 1):
                    assert counts(of, m) == counts(of, most)
                    for here in (every[m - 1], alone[m - 1]):
                        assert here is not None, (text, of.N, m0, m, most)
                        assert inside(here[0], worst[0]), (text, of.N, m0, m, most)
                        seen["smaller" if here[0] != worst[0] else "equal"] += 1
    assert seen["as M* is not counted"] > 20
    assert min(seen[what] for what in ("not shown", "smaller", "equal")) > 100, seen


def test_each_end_of_each_sum_moves_outward_as_others_become_more() -> None:
    """hn, ln, hd, ld, one by one; by no more than nothing where a sum is exact."""
    moved = 0
    for _, of in every_case(MODELS):
        for addends, others in ((of.num, 1), (of.den, 0)):
            try:
                ends = [of.per_maximiser(addends, m, of.N, others) for m in range(1, of.N + 1)]
            except Fails:
                continue
            assert [low for low, _ in ends] == sorted(low for low, _ in ends)
            assert [high for _, high in ends] == sorted((high for _, high in ends), reverse=True)
            moved += len(set(ends)) > 1
    assert moved > 50


def test_the_most_maximisers_would_not_do() -> None:
    """What is shown of the most of them is not so of fewer: others weigh more there."""
    model = parse_model("at", MODELS[0])
    of = terms_of(model, 3, exp_above(3))
    fewest, most = shown(of, 1, 3), shown(of, 3, 3)
    assert fewest is not None
    assert most is not None
    assert not inside(fewest[0], most[0])


def test_the_prover_bounds_the_same() -> None:
    for text, (N, x) in product(MODELS, CASES):
        theirs, (numerator, shift) = parse_arithmetic(text), exp_above(x)
        assert isinstance(theirs, Fused)
        for fewest, most in {(1, N), (N // 2 + 1, N), (1, 1)}:
            try:
                found = fused(terms_of(parse_model("at", text), N, exp_above(x)), fewest, most)
            except (Fails, Overflow):
                with pytest.raises((NotShown, FormatOverflow)):
                    fused_bounds(theirs, Fraction(numerator, 1 << shift), N, fewest, most)
                continue
            bounds = fused_bounds(theirs, Fraction(numerator, 1 << shift), N, fewest, most)
            assert bounds.one is not None
            assert ((bounds.one.low, bounds.one.high), bounds.zero) == found


PLAIN = ("fused:float(3,-4,3)/float(6,-9,6)/bf16", "fused:fixed3/fixed4/bf16", "exact")


@pytest.mark.parametrize("text", PLAIN)
def test_in_models_without_steps_too(text: str) -> None:
    """7.3, where the smallest tie stands for all."""
    model, smaller = parse_model("at", text), 0
    for N, x in product((1, 3, 10, 25), (1, 2, 3, 8)):
        for m0 in range(1, N + 1):
            worst = condition(model, N, x, range(m0, N + 1), 0)
            for m in range(m0, N + 1) if worst.one is not None else ():
                here = condition(model, N, x, (m,), 0)
                assert worst.one is not None
                assert here.one is not None
                assert inside(here.one, worst.one)
                assert here.zero == worst.zero
                smaller += here.one != worst.one
    assert smaller > 50


ROUNDED = tuple(
    f"rounded:{formats}{steps}"
    for formats, steps in product(
        ("float(3,-4,3)/float(8,-9,4)/bf16", "float(2,-3,1)/float(7,-6,5)/float(2,-1,1)"),
        ("", "+exp1", "+faithful", "+truncate", "+exp1-one+faithful+truncate"),
    )
)


def test_one_interval_holds_those_of_all_numbers_at_once() -> None:
    """*rounded* with three formats: m times a weight, as long as quotients and weights are normal."""
    seen = 0
    for text, of in every_case(ROUNDED):
        for most in bounds_on_ties(of.model, of.N):
            try:
                found, last = rounded_at_once(of, most)
            except (Fails, Overflow):
                continue
            for m in range(1, last + 1):
                assert inside(rounded(of, m), found), (text, of.N, most, m)
                seen += 1
    assert seen > 100
