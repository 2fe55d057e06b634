"""Every part of the rules of ARITHMETIC 4 and 5 is needed: without it something is computed that is not said."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from types import ModuleType
from typing import NamedTuple

import pytest

from exactformer.certificates.checker.formats import Overflow
from exactformer.certificates.checker.softmax import averages, exponentials, means, numbers, queries, quotients, sums
from exactformer.certificates.checker.softmax.model import Model, parse_model
from tests.checker.softmax.bounds import Some, at, beyond, bounds, sums_of
from tests.checker.softmax.kernel import Interval, computed, computed_sum, positions
from tests.checker.softmax.mutants import mutated

F = Fraction


class Part(NamedTuple):
    """A part of the checker's text, and what takes its place; a query of which wrong things are then said.

    ``of``: of the output y before it is rounded to A, or of num, or of den.
    """

    module: ModuleType
    old: str
    new: str
    text: str
    groups: Sequence[Some]
    seen: str
    N: int | None = None
    of: str = "y"

    @property
    def model(self) -> Model:
        return parse_model("", self.text.replace("/A", "/float(9,-12,10)"))

    def said(self) -> Interval | None:
        if self.of == "y":
            return bounds(self.model, self.groups, self.N)
        found = sums_of(self.model, self.groups, self.N)
        return found and found[self.of == "den"]

    def made(self) -> Interval | None:
        """None where something overflows."""
        seen = positions(self.seen)
        try:
            return computed(self.model, seen) if self.of == "y" else computed_sum(self.model, seen, self.of == "den")
        except Overflow:
            return None


def right(said: Interval | None, made: Interval | None) -> bool:
    return said is None or (made is not None and said[0] <= made[0] <= made[1] <= said[1])


# fmt: off
PARTS = {
    "4: the grain of a number between ends": Part(
        numbers, "least.bit_length() - self.grid - form.p", "least.bit_length() - self.grid - form.p + 1",
        "fused:float(4,-6,6)/float(5,-6,6)/A+exp2-one+faithful", [at(0, 1, 1), at(1, -1, 1)], "0:1 1:-1",
    ),
    "4: the grain of one that may be 0": Part(
        numbers, "size, grain, least = max(abs(low), abs(high)), form.lowest, max(low, -high, 0)",
        "size, grain, least = max(abs(low), abs(high)), form.lowest + 1, max(low, -high, 0)",
        "fused:float(2,-3,3)/float(4,-3,2)/A+exp2-one+faithful", [at(0, 1, 1), Some(4, 6, 3, 4, -1, 1)],
        "3:1 3:-1 4:0 0:1 4:1 4:0 3:0",
    ),
    "4: f_k for few of the first group": Part(
        queries, "least, most = (group.least, first.most), (group.most, first.least)",
        "least, most = (group.least, first.most), (group.most, first.most)", "rounded:float(6,0,3)/A",
        [at(0, 1, 1, 2), beyond(2, 1)], "2:-1 0:1", N=2,
    ),
    "4: f_k for many of the first group": Part(
        queries, "least, most = (group.least, first.most), (group.most, first.least)",
        "least, most = (group.least, first.least), (group.most, first.least)", "rounded:float(2,-3,3)/float(5,-6,6)/A",
        [at(0, 0, 2, 6), Some(1, 1, 2, 2, -2, -2, numbers=True)], "0:0 0:0 0:0 0:0 0:0 0:0 2:-2",
    ),
    "4: sums for each position, where there are several": Part(
        queries, "all(group.least == group.most == 1 for", "all(group.least == group.most for",
        "rounded:fixed3.3/float(4,-9,8)/A", [at(0, F("-1/2"), 2)], "0:-1/2 0:-1/2",
    ),
    "5.1: an exponential that is too large by U ulp": Part(
        exponentials, "0 if 2 * high < unit else high + above", "high",
        "fused:float(3,-2,2)/float(4,-3,2)/A+exp3+online3", [at(0, 0, 1), at(4, -1, 1)], "0:0 4:-1",
    ),
    "5.1: one that is too small": Part(
        exponentials, "max(0, low - below)", "low", "fused:float(3,0,2)/float(6,0,3)/A+exp2+wide", [at(0, 1, 3)],
        "0:1 0:1 0:1",
    ),
    "5.1: by U q if that is more": Part(
        exponentials, "above = steps.exp_error * max(unit, -(-high >> p - 1))",
        "above = steps.exp_error * -(-high >> p - 1)", "fused:fixed3.3/float(6,0,3)/A+exp2+online3",
        [at(0, 1, 1), beyond(2, 2)], "2:-1 2:-1 0:1",
    ),
    "5.1: one below the normal numbers that is 0": Part(
        exponentials, "return 0 if low < normal else max(0, low - below)", "return max(0, low - below)",
        "fused:float(6,0,3)/float(6,0,3)/A+exp1+wide+divide", [at(0, 0, 1), at(3, 1, 1)], "3:1 0:0",
    ),
    "5.1: one near 0 that is not 1 with -one": Part(
        exponentials, "computed(arithmetic, near, exact=far == 0)[1]", "computed(arithmetic, near)[1]",
        "fused:float(5,-6,6)/float(5,-6,6)/A+exp4-one", [at(0, 0, 1), Some(1, 1, 0, F("1/100"), 1, 1)], "0:0 1/1000:1",
    ),
    "5.1: weights that are truncated": Part(
        exponentials, "p = [arithmetic.rounded(model.weight, ends, model.cut) for ends in e]",
        "p = [arithmetic.rounded(model.weight, ends) for ends in e]", "fused:float(2,-3,3)/float(6,0,3)/A+truncate",
        [at(0, 1, 1), at(F("1/16"), F("13/8"), 1)], "1/16:13/8 0:1",
    ),
    "5.1: den of exponentials that are not rounded to W": Part(
        exponentials, "r = [arithmetic.rounded(acc, ends) for ends in e] if steps.wide else p", "r = p",
        "fused:float(3,0,2)/float(6,0,3)/A+exp2+wide", [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.1: t of exponentials that are wrong": Part(
        exponentials, "return arithmetic.rounded(form, computed(arithmetic, 0), to).low", "return arithmetic.unit",
        "rounded:float(4,-6,6)/float(4,-9,8)/A+exp4+faithful", [at(0, 0, 1), beyond(4, 2)], "4:1 4:1 0:0",
    ),
    "5.1: t at its low end": Part(
        exponentials, "return arithmetic.rounded(form, computed(arithmetic, 0), to).low",
        "return arithmetic.rounded(form, computed(arithmetic, 0), to).high",
        "fused:float(3,0,2)/float(5,-6,6)/A+exp1+online1+wide+faithful+reciprocal", [at(0, 1, 1)], "0:1",
    ),
    "5.1: t that is truncated": Part(
        exponentials, "return arithmetic.rounded(form, computed(arithmetic, 0), to).low",
        'return arithmetic.rounded(form, computed(arithmetic, 0), "nearest").low',
        "fused:fixed2.2/float(4,-6,6)/A+exp1+truncate", [at(0, 0, 1), at(1, 1, 1)], "0:0 1:1",
    ),
    "5.1: F": Part(
        exponentials, "before, acc = -(-factor * top >> arithmetic.grid), accumulator", "before, acc = 0, accumulator",
        "fused:fixed1.1/float(6,0,3)/A+online1", [at(0, 0, 1), at(2, -1, 2)], "2:-1 0:0 2:-1",
    ),
    "5.1: F at the nearest other score": Part(
        exponentials, "computed(arithmetic, min(rises))", "computed(arithmetic, max(rises))",
        "fused:float(2,0,1)/float(3,0,2)/A+online3+wide+truncate", [at(0, 1, 1), at(2, -1, 5), at(3, -1, 1)],
        "2:-1 2:-1 2:-1 2:-1 0:1 3:-1 2:-1",
    ),
    "5.1: low ends 0 before the maximum is met": Part(
        exponentials, "(0, max(term.high, before))", "(term.low, max(term.high, before))",
        "fused:fixed2.2/float(6,-9,5)/A+online1", [at(0, 0, 1), at(1, 0, 1), at(2, 1, 1)], "2:1 1:0 0:0",
    ),
    "5.1: F times an exponential above 1": Part(
        exponentials, "top = max(term.high for term in terms)", "top = arithmetic.unit",
        "fused:float(4,-9,4)/float(4,-9,4)/A+exp3+online1", [at(0, 0, 1), at(1, 1, 1)], "1:1 0:0", of="num",
    ),
    "5.2: K, where all positions count": Part(
        sums, "min(sum(term.group.most for term in terms), query.N)",
        "min(sum(term.group.most for term in terms), query.N - 1)", "fused:float(3,-4,3)/float(3,-9,5)/A+online1",
        [at(0, F("-17/8"), 1)], "0:-17/8",
    ),
    "5.2: T, where all positions count": Part(
        sums, "left, found = query.N, 0", "left, found = query.N - 1, 0", "rounded:float(2,-1,1)/float(2,-3,3)/A",
        [at(0, F("9/8"), 1)], "0:9/8",
    ),
    "5.2: the number of all positions": Part(
        queries, "return min(sum(group.most for group in self.groups), self.N)",
        "return min(sum(group.most for group in self.groups), self.N) - 1",
        "fused:fixed2.2/float(2,-1,1)/A+online2+faithful", [at(0, 0, 2, 3), Some(0, 1, 2, 2, -1, 1)], "0:0 0:0 2:0 0:0",
    ),
    "5.2: K - 1 roundings of ternary values": Part(
        sums, "roundings = number - 1 if ternary else number", "roundings = max(number - 2, 0) if ternary else number",
        "fused:fixed4/float(4,-6,6)/A+wide", [at(0, 0, 1), at(3, -1, 1)], "3:-1 0:0",
    ),
    "5.2: K roundings of others": Part(
        sums, "roundings = number - 1 if ternary else number", "roundings = number - 1",
        "fused:float(3,-4,3)/float(3,-9,5)/A+online1", [at(0, F("-17/8"), 1)], "0:-17/8",
    ),
    "5.2: u of either neighbour": Part(
        sums, "part = roundings * (2 if steps.faithful else 1)", "part = roundings",
        "rounded:float(2,-1,1)/float(3,-9,5)/A+faithful", [at(0, F("17/8"), 1)], "0:17/8",
    ),
    "5.2: E of either neighbour": Part(
        sums, "if settled and ternary and not steps.faithful:", "if settled and ternary:",
        "fused:float(2,-3,3)/float(3,-2,2)/A+wide+faithful", [at(0, 1, 1), at(3, 1, 1)], "3:1 0:1",
    ),
    "5.2: Q": Part(
        sums, "return Error(part, whole, -(-kinds * number * unit * (whole + part) // whole))",
        "return Error(part, whole, 0)", "rounded:float(6,0,3)/float(6,0,3)/A+faithful", [at(0, F("-1/8"), 6)],
        "0:-1/8 " * 6,
    ),
    "5.2: products that underflow": Part(
        sums, "kinds = (not ternary) + (not settled)", "kinds = 0 + (not settled)", "fused:float(2,-3,3)/fixed4/A",
        [at(0, F("-5/8"), 3), at(2, F("7/4"), 3)], "2:7/4 0:-5/8 2:7/4 2:7/4 0:-5/8 0:-5/8",
    ),
    "5.2: rescaled sums that underflow": Part(
        sums, "kinds = (not ternary) + (not settled)", "kinds = (not ternary) + 0",
        "fused:float(5,0,5)/float(5,0,5)/A+exp1+online1+wide+faithful", [at(0, 0, 1), at(2, 1, 1)], "2:1 0:0", of="num",
    ),
    "5.2: sums that are not settled": Part(
        sums, "settled = all(one.at_top or not weight.size", "settled = all(one.at_top or True",
        "fused:float(2,0,1)/float(3,0,4)/A+exp1+online1+wide+faithful", [at(0, 0, 1), at(1, 1, 1)], "1:1 0:0", of="den",
    ),
    "5.2: exact sums up to 2^p g": Part(
        sums, "total <= 1 << scale + acc.p + grain", "total <= 1 << scale + acc.p + grain + 1",
        "fused:float(3,-4,3)/float(3,-6,8)/A+online2", [at(0, F("9/4"), 1)], "0:9/4",
    ),
    "5.2: exact sums of multiples of q": Part(
        sums, "if grain >= acc.lowest and (acc.p", "if (acc.p", "rounded:float(2,0,1)/float(2,0,1)/A+faithful+truncate",
        [at(0, F("-3/8"), 1), at(4, F("-7/8"), 1)], "0:-3/8 4:-7/8",
    ),
    "5.2: exact sums up to the largest number": Part(
        sums, "if total > arithmetic.scaled(acc.largest) << arithmetic.grid:", "if False:", "fused:fixed1.1/fixed2.2/A",
        [at(0, F("1/4"), 2, 4), Some(0, 4, 8, None, F("7/8"), F("7/8"), numbers=True)], "0:1/4 0:1/4 0:1/4 8:7/8 0:1/4",
        N=6,
    ),
    "5.2: 2^(p - p_W) equal weights": Part(
        sums, "terms[0].group.most <= 2 ** (acc.p - form.p)", "terms[0].group.most <= 2 ** (acc.p - form.p + 1)",
        "fused:float(2,-3,2)/float(3,-5,4)/A+exp1", [at(0, 1, 3)], "0:1 0:1 0:1", of="num",
    ),
    "5.2: equal weights of one group": Part(
        sums, "if len(terms) > 1 or not equal", "if not equal", "fused:float(2,-3,3)/float(3,-2,2)/A",
        [at(0, 0, 1, 2), Some(0, 1, 3, 3, -1, 1)], "0:0 3:-1", N=2,
    ),
    "5.2: equal weights of a group that is alike": Part(
        sums, "return terms[0].group.alike and terms", "return terms", "fused:float(2,-3,2)/float(5,-6,4)/A+faithful",
        [Some(7, 7, 0, 2, 1, 1, top=True)], "0:1 2:1 0:1 1:1 0:1 0:1 2:1",
    ),
    "5.2: equal weights with ternary values": Part(
        sums, " or not _ternary(arithmetic, [terms[0].value]):", ":", "rounded:float(2,-1,1)/float(2,-3,3)/A",
        [at(0, F("9/8"), 1)], "0:9/8",
    ),
    "5.2: only ones swallow": Part(
        sums, "if not ones or least < 1 or not acc.counts(most):", "if least < 1 or not acc.counts(most):",
        "rounded:fixed3.3/float(4,-3,2)/A+exp2", [at(0, F("7/4"), 1)], "0:7/4",
    ),
    "5.2: one of them is there": Part(
        sums, "if not ones or least < 1 or not acc.counts(most):", "if not ones or not acc.counts(most):",
        "fused:float(4,-9,2)/float(4,-9,2)/A", [at(0, 0, 1), at(0, 1, 0, 1), at(8, -1, 1)], "0:0 8:-1",
    ),
    "5.2: no more than are counted": Part(
        sums, "if not ones or least < 1 or not acc.counts(most):", "if not ones or least < 1:",
        "fused:float(3,-4,3)/float(3,-4,4)/A", [at(0, 1, 10)], "0:1 " * 10,
    ),
    "5.2: nothing is swallowed by either neighbour": Part(
        sums, "        or arithmetic.model.steps.faithful\n        or not tops", "        or not tops",
        "fused:float(2,0,1)/float(4,-9,8)/A+wide+faithful+divide", [at(0, 1, 1), at(6, -1, 1)], "6:-1 0:1",
    ),
    "5.2: others are tiny": Part(
        sums, "if others and 2 * _tiny(arithmetic, acc, query, others) <<",
        "if others and _tiny(arithmetic, acc, query, others) // 4 <<",
        "fused:fixed3.3/float(4,-6,6)/A+exp4-one+online1", [at(0, 1, 1), beyond(6, 6)],
        "6:-1 6:-1 6:-1 6:-1 7:-1 0:1 7:-1",
    ),
    "5.2: L for all positions": Part(
        sums, "found = 2 * number * (largest", "found = 2 * (largest",
        "fused:float(4,-6,6)/float(4,-9,8)/A+exp3-one+online1+wide", [at(0, 0, 2), at(6, -1, 4)],
        "6:-1 6:-1 0:0 6:-1 0:0 6:-1",
    ),
    "5.2: no overflow": Part(
        sums, "if not bounds or min(bounds) > arithmetic.scaled(acc.largest):", "if not bounds:",
        "fused:fixed2.2/float(4,-3,2)/A+wide", [at(0, -2, 2, 4), Some(0, 2, 6, None, 0, 0, numbers=True)], "0:-2 " * 4,
        N=4,
    ),
    "5.2: K bounds terms up to 1": Part(
        sums, "if acc.counts(number) and largest <= arithmetic.unit:", "if acc.counts(number):",
        "fused:fixed1.1/float(2,-3,3)/A+faithful",
        [Some(1, 1, 0, F("1/16"), F("17/8"), F("17/8"), numbers=True, top=True)], "0:17/8",
    ),
    "5.2: K up to C": Part(
        sums, "if acc.counts(number) and largest <= arithmetic.unit:", "if largest <= arithmetic.unit:",
        "fused:float(3,-4,3)/float(3,-4,3)/A", [at(0, 1, 14)], "0:1 " * 14,
    ),
    "5.2: 2 K bounds terms up to 2": Part(
        sums, "if acc.p is not None and number <= 2**acc.p and largest <= 2 * arithmetic.unit:",
        "if acc.p is not None and number <= 2**acc.p:", "fused:fixed1.1/float(2,-3,3)/A+faithful",
        [Some(1, 1, 0, F("1/16"), F("17/8"), F("17/8"), numbers=True, top=True)], "0:17/8",
    ),
    "5.2: 2 K up to 2^p terms": Part(
        sums, "if acc.p is not None and number <= 2**acc.p and largest <= 2 * arithmetic.unit:",
        "if acc.p is not None and largest <= 2 * arithmetic.unit:", "fused:float(3,-4,3)/float(3,-4,4)/A",
        [at(0, 2, 14)], "0:2 " * 14,
    ),
    "5.2: T with (K - 1) u": Part(
        sums, "bounds.append(total + (0 if acc.p is None else -(-total * (number - 1) >> acc.p)))",
        "bounds.append(total)", "fused:float(3,-4,3)/float(3,-4,3)/A", [at(0, 1, 14)], "0:1 " * 14,
    ),
    "5.2: T, not of either neighbour": Part(
        sums, "if ternary and not arithmetic.model.steps.faithful:\n        bounds", "if ternary:\n        bounds",
        "fused:float(3,-4,3)/float(3,-4,3)/A+faithful+truncate", [at(0, 1, 1), at(3, 1, 2)], "3:1 0:1 3:1",
    ),
    "5.2: T with E": Part(
        sums, "bounds.append(total + error.of(total))", "bounds.append(total)",
        "fused:fixed1.1/float(2,-3,3)/A+faithful",
        [Some(1, 1, 0, F("1/16"), F("17/8"), F("17/8"), numbers=True, top=True)], "0:17/8",
    ),
    "5.2: T before the maximum is met": Part(
        sums, "largest = max(weight.size for weight in weights) * max(value.size for value in column)", "pass",
        "fused:fixed1/float(4,-6,2)/A+online1", [at(0, 0, 1), at(1, 2, 4)], "1:2 1:2 1:2 1:2 0:0",
    ),
    "5.2: K before the maximum is met": Part(
        sums, "bound = _bound(arithmetic, acc, query.positions, query.positions * largest, largest, ternary)",
        "bound = _bound(arithmetic, acc, number, total, largest, ternary)",
        "fused:fixed1.1/float(2,0,1)/A+online1+wide+faithful+divide", [at(0, 1, 1), Some(6, 6, 3, 4, -1, 1)],
        "4:-1 3:-1 3:-1 3:-1 3:-1 0:1 3:-1", N=8,
    ),
    "5.3: quotients by what may be 0": Part(
        quotients, " and den.each[0] > 0:", ":",
        "fused:float(2,-1,1)/float(3,-6,8)/A+wide", [Some(1, 2, 0, 3, -1, 1, top=True)], "3:-1 0:0",
    ),
    "5.3: a group that is not top": Part(
        means, "t if group.top else 0", "t", "rounded:float(4,-9,8)/A",
        [at(0, -1, 1, 4), Some(0, 3, 2, None, 0, 0, numbers=True)], "0:-1", N=4,
    ),
    "5.3: the mean, of few positions": Part(
        means, "max(group.least * low, t if group.top else 0), group.most * high",
        "max(group.most * low, t if group.top else 0), group.most * high", "rounded:float(6,0,3)/A",
        [at(0, 1, 1, 2), beyond(2, 1)], "2:-1 0:1", N=2,
    ),
    "5.3: the mean, of one sum of weights": Part(
        quotients, "if not steps.wide and num.error", "if num.error", "fused:float(3,0,2)/float(6,0,3)/A+exp2+wide",
        [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.3: d of num": Part(
        quotients, "off = of_num_at_1 + -(", "off = -(", "fused:float(3,-4,3)/float(3,-9,5)/A+online1",
        [at(0, F("-17/8"), 1)], "0:-17/8",
    ),
    "5.3: d of den": Part(
        quotients, "off = of_num_at_1 + -(-max(-low, high) * of_den_at_1 >> arithmetic.grid)", "off = of_num_at_1",
        "fused:float(3,-2,2)/float(3,-9,5)/A+truncate", [at(0, 0, 1, 2), beyond(2, 4)], "2:1 2:1 2:1 3:1 0:0", N=5,
    ),
    "5.3: d of what underflows": Part(
        quotients, "of_num._replace(extra=-(-(of_num.extra << arithmetic.grid) // least))", "of_num._replace(extra=0)",
        "fused:float(2,-3,3)/fixed4/A", [at(0, F("-5/8"), 3), at(2, F("7/4"), 3)],
        "2:7/4 0:-5/8 2:7/4 2:7/4 0:-5/8 0:-5/8",
    ),
    "5.3: a quotient of either neighbour": Part(
        quotients, 'below: Rounding = "nearest" if not faithful else "down" if low >= 0 else "up"',
        'below: Rounding = "nearest"',
        "fused:float(2,-1,1)/float(6,0,3)/A+wide+faithful+divide+truncate", [at(0, 1, 1), at(2, 1, 5)],
        "2:1 0:1 2:1 2:1 2:1 2:1",
    ),
    "5.3: two roundings with a reciprocal": Part(
        quotients, "less, more = (1 - u) ** 2, (1 + u) ** 2", "less, more = 1 - u, 1 + u",
        "fused:float(2,0,0)/float(3,-6,5)/A+reciprocal", [at(0, 1, 3), at(0, 0, 2)], "0:1 0:1 0:1 0:0 0:0",
    ),
    "5.3: a product with a reciprocal that underflows": Part(
        quotients, "below.__floor__() - q, above.__ceil__() + q", "below.__floor__(), above.__ceil__()",
        "fused:fixed1/float(3,-1,5)/A+reciprocal", [at(0, F("1/8"), 1), at(0, 0, 1)], "0:1/8 0:0",
    ),
    "5.3: a reciprocal of either neighbour": Part(
        quotients, "Fraction(2 if arithmetic.model.steps.faithful else 1, 2 ** (acc.p or 0))",
        "Fraction(1, 2 ** (acc.p or 0))",
        "fused:float(2,0,0)/float(4,-6,5)/A+faithful+reciprocal", [at(0, 1, 5), at(0, 0, 2)],
        "0:1 0:1 0:1 0:1 0:1 0:0 0:0",
    ),
    "5.3: a reciprocal that is normal": Part(
        quotients, "if den[1] * arithmetic.scaled(acc.least_normal) > square:", "if False:",
        "fused:float(2,0,0)/float(4,0,5)/A+reciprocal", [at(0, 1, 6)], "0:1 " * 6,
    ),
    "5.3: a product with a reciprocal that overflows": Part(
        quotients, "found = rounded(arithmetic, (products[0] >> arithmetic.grid, -(-products[1] >> arithmetic.grid)))",
        "found = products[0] >> arithmetic.grid, -(-products[1] >> arithmetic.grid)",
        "fused:fixed1/float(3,-5,2)/A+exp1+wide+reciprocal", [at(0, 6, 1)], "0:6",
    ),
    "5.3: a reciprocal that overflows": Part(
        quotients, "least, most = rounded(arithmetic, (square // den[1], -(-square // den[0])))",
        "least, most = square // den[1], -(-square // den[0])",
        "fused:fixed3/float(4,-6,0)/A+exp4+reciprocal", [at(0, F("1/4"), 1)], "0:1/4",
    ),
    "5.4: the position's own exponential counts once": Part(
        averages, "least_in_all - low + high), up=True)", "least_in_all + high), up=True)", "rounded:fixed2.2/A",
        [at(0, 1, 1)], "0:1",
    ),
    "5.4: the mean, and roundings": Part(
        averages, "found.append(intersection((low - off, high + off), _weighted",
        "found.append(intersection((low, high), _weighted", "rounded:float(5,-6,6)/A",
        [Some(1, 2, 0, 4, 1, 1, top=True)], "0:1 4:1",
    ),
    "5.4: a weight of either neighbour": Part(
        averages, 'down: Rounding = "down" if to == "up" else to', 'down: Rounding = "nearest" if to == "up" else to',
        "rounded:float(2,0,1)/float(4,-3,2)/A+faithful", [at(0, -2, 1), at(1, F("-1/8"), 1)], "1:-1/8 0:-2",
    ),
    "5.4: u' of the share": Part(
        averages,
        "relative = 0 if form.p is None else -(-share // (2**form.p + 1)) if nearest else -(-2 * share >> form.p)",
        "relative = 0", "rounded:float(3,-9,5)/A", [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.4: q' of each": Part(
        averages, "absolute = group.most * arithmetic.scaled(form.unit) // (2 if nearest else 1)", "absolute = 0",
        "rounded:fixed2.2/A", [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.4: a weight that is truncated": Part(
        averages, 'nearest = to == "nearest"', "nearest = True", "rounded:fixed2.2/float(5,-6,6)/A+truncate",
        [at(0, -1, 6)], "0:-1 " * 6,
    ),
    "5.4: weights that are subnormal": Part(
        averages, "if form.p is not None and low >= arithmetic.scaled(form.least_normal):", "if form.p is not None:",
        "rounded:float(6,0,3)/A", [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.4: u' and q' where weights differ": Part(
        averages, "off = max(relative, absolute) if alike else relative + absolute", "off = max(relative, absolute)",
        "rounded:float(2,-3,1)/A", [Some(8, 8, 0, F("76/25"), 1, 1, top=True)],
        "0:1 76/25:1 76/25:1 76/25:1 76/25:1 76/25:1 97/50:1 97/50:1",
    ),
    "5.4: weights that become larger": Part(
        averages, "return min(off, group.most * max(high, after[1])), after",
        "return min(off, group.most * after[1]), after", "rounded:fixed4/A", [at(0, 0, 1), at(5, 1, 1)], "5:1 0:0",
    ),
    "5.4: both roundings": Part(
        averages, "found.append(_rounded(query, place, share, first + second,",
        "found.append(_rounded(query, place, share, second,", "rounded:fixed1.1/float(4,-3,2)/A+faithful",
        [at(0, 1, 1), at(1, 0, 1)], "0:1 1:0",
    ),
    "5.4: a share with its error": Part(
        averages, "(share[0] - off, share[1] + off)", "share", "rounded:fixed4/A", [at(0, 1, 3)], "0:1 0:1 0:1",
    ),
    "5.4: the sum of shares, and its error": Part(
        averages, "ends = intersection(ends, (low - off, high + off))", "ends = intersection(ends, (low, high))",
        "rounded:fixed3.3/float(3,-4,3)/A", [at(0, F("-13/8"), 3), at(8, F("-15/8"), 3), at(9, F("-15/8"), 1)],
        "0:-13/8 0:-13/8 8:-15/8 8:-15/8 0:-13/8 9:-15/8 8:-15/8",
    ),
}
# fmt: on


@pytest.mark.parametrize("title", PARTS)
def test_each_part_of_the_rules_is_needed(title: str) -> None:
    part = PARTS[title]
    made = part.made()
    assert right(part.said(), made)
    with mutated(part.module, part.old, part.new):
        assert not right(part.said(), made)
    assert right(part.said(), made)
