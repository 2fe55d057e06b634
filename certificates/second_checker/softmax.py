"""What a head with a separation and ties computes in a number format, and whether the network fits (ARITHMETIC).

Of the models: `exact`, `rounded:W/A`, `rounded:W/ACC/A` and `fused:W/ACC/A`, with `@S` and `+linearL`; other steps are
not judged. All bounds are rationals. A *span* is [low, high]. A *group* is so many positions, whose weights and values
lie in spans. The queries of section 6 have two: the selected positions (x = 0, weight exp(0) = 1) and the others
(x >= beta D). u is 2^-p of ACC, 0 for fixed point; q is the smallest positive number of ACC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from . import NotJudged, demand, limit
from .documents import Network

Span = tuple[Fraction, Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Format:
    """Floating: p, emin, emax, the largest number. Fixed: `places` F, `whole` I; then p is 0."""

    name: str
    p: int
    emin: int
    emax: int
    largest: Fraction
    places: int = 0

    @property
    def fixed(self) -> bool:
        return self.p == 0

    @property
    def smallest(self) -> Fraction:
        return power(-self.places) if self.fixed else power(self.emin - self.p + 1)

    @property
    def u(self) -> Fraction:
        return ZERO if self.fixed else power(-self.p)

    @property
    def counts_to(self) -> Fraction:
        """C: 0, 1, .., C are all numbers of the format."""
        return Fraction(int(self.largest)) if self.fixed else min(Fraction(2**self.p), Fraction(int(self.largest)))

    def normal(self, number: Fraction) -> bool:
        return not self.fixed and number >= power(self.emin)

    def spacing(self, number: Fraction) -> Fraction:
        """Numbers of the format near this one, of its binade, are multiples of it."""
        if self.fixed or number < power(self.emin):
            return self.smallest
        return power(exponent(number) - self.p + 1)

    def round(self, number: Fraction) -> Fraction:
        """To nearest, ties to even; beyond the largest number nothing is shown."""
        step = self.spacing(abs(number))
        result = round(number / step) * step
        if abs(result) > self.largest:
            raise NotShown
        return result

    def has(self, number: Fraction) -> bool:
        return abs(number) <= self.largest and (number / self.spacing(abs(number))).denominator == 1


class NotShown(Exception):
    """A demand is not met: nothing is shown of this query."""


def power(exponent: int) -> Fraction:
    return Fraction(2**exponent) if exponent >= 0 else Fraction(1, 2**-exponent)


def exponent(number: Fraction) -> int:
    """e with 2^e <= number < 2^(e+1)."""
    guess = number.numerator.bit_length() - number.denominator.bit_length()
    return guess if power(guess) <= number else guess - 1


NAMED = {"fp32": (24, -126, 127), "bf16": (8, -126, 127), "fp16": (11, -14, 15), "e5m2": (3, -14, 15)}


def floating(name: str, p: int, emin: int, emax: int) -> Format:
    return Format(name, p, emin, emax, (2 - power(1 - p)) * power(emax))


def read_format(text: str) -> Format:
    """A format by its canonical text."""
    if text in NAMED:
        return floating(text, *NAMED[text])
    if text == "e4m3fn":
        return Format(text, 4, -6, 8, Fraction(448))
    number = r"(-?(?:0|[1-9][0-9]{0,5}))"
    if match := re.fullmatch(rf"float\({number},{number},{number}\)", text, re.ASCII):
        p, emin, emax = map(int, match.groups())
        demand((p, emin, emax) not in NAMED.values() and "-0" not in text, f"arithmetic: {text} has another name")
        demand(p >= 2 and emin <= 0 <= emax and max(p, -emin, emax) <= 4096, f"arithmetic: {text}: out of range")
        return floating(text, p, emin, emax)
    if match := re.fullmatch(r"fixed([1-9][0-9]{0,5})(?:\.([1-9][0-9]{0,5}))?", text, re.ASCII):
        places, whole = int(match[1]), int(match[2] or 8)
        demand(match[2] != "8" and max(places, whole) <= 4096, f"arithmetic: {text}: out of range, or not canonical")
        return Format(text, 0, 0, 0, power(whole) - power(-places), places)
    demand(False, f"arithmetic: no format {text[:40]!r}")
    raise NotShown


@dataclass(frozen=True)
class Arithmetic:
    """`model` is exact, rounded or fused; W, ACC and A as far as it has them, S, and L."""

    model: str
    w: Format
    acc: Format | None
    a: Format
    s: Format
    linear: Format


def read_arithmetic(text: str) -> Arithmetic:
    limit(len(text), 2**8, "characters of the arithmetic")
    base, *steps = text.split("+")
    base, at, scores = base.partition("@")
    linear = "fp32"
    for step in steps:
        if not step.startswith("linear"):
            raise NotJudged(f"the arithmetic step +{step} is not supported by this checker")
        linear = step.removeprefix("linear")
    demand(len(steps) <= 1 and (not steps or linear != "fp32"), f"arithmetic: {text!r} is not canonical")
    demand(not at or scores != "fp32", f"arithmetic: {text!r} is not canonical")
    model, colon, rest = base.partition(":")
    names = rest.split("/") if colon else []
    good = (model, len(names)) in (("exact", 0), ("rounded", 2), ("rounded", 3), ("fused", 3))
    demand(good and not (model == "exact" and (steps or colon)), f"arithmetic: {text[:80]!r} is no arithmetic")
    formats = [read_format(name) for name in names] or [read_format("fp32")] * 2
    acc = formats[1] if len(formats) == 3 else None
    if acc is not None:
        w = formats[0]
        inside = w.smallest >= acc.smallest and (acc.fixed or w.fixed or w.p <= acc.p)
        if w.fixed and not acc.fixed:  # multiples of 2^-F up to 1 have F bits, or are 1
            inside = inside and w.places <= acc.p
        if acc.fixed:  # the finest number of W in [0, 1] is a multiple of 2^-F, and so are all
            inside = w.smallest >= acc.smallest
        demand(inside, f"arithmetic: a number of {w.name} in [0, 1] is not one of {acc.name}")
    return Arithmetic(model, formats[0], acc, formats[-1], read_format(scores or "fp32"), read_format(linear))


# Section 3.


def admitted(arithmetic: Arithmetic, beta: int, largest_score: int) -> bool:
    s = arithmetic.s
    e = beta.bit_length() - 1
    return (
        (s.fixed or largest_score <= 2**s.p)
        and beta * largest_score <= s.largest
        and (arithmetic.model == "exact" or power(-(-e // 2)) <= arithmetic.a.largest)
    )


# Section 5.1: exp(-x) for integers x >= 1, from above.

BITS = 160
FAR = 8192
"""exp(-8192) < 2^-11818, less than half of the smallest number of any format; a larger x may count as this one."""


def _up(number: Fraction) -> Fraction:
    """A number of BITS bits that is not smaller."""
    step = power(exponent(number) - BITS)
    return -(-number // step) * step


@cache
def exp_minus(x: int) -> Fraction:
    """An upper bound of exp(-x): 1/e is at most its series up to an even term; powers are rounded up."""
    x = min(x, FAR)
    term, base = ONE, ZERO
    for n in range(1, 62):
        base += term
        term = -term / n
    base, result = _up(base), ONE
    for bit in bin(x)[2:]:
        result = _up(result * result)
        if bit == "1":
            result = _up(result * base)
    return result


# Section 5.2: sums in ACC.


@dataclass(frozen=True)
class Group:
    """From `least` to `most` positions. `top`: x = 0 at all of them, so they have one weight (the group is alike)."""

    least: int
    most: int
    weight: Span
    value: Span
    top: bool

    @property
    def largest_term(self) -> Fraction:
        return self.weight[1] * max(abs(self.value[0]), abs(self.value[1]))


@dataclass(frozen=True)
class Sum:
    """A sum in ACC: off by at most error * (sum of magnitudes); or it counts top positions and swallows all else.

    `error` is None if nothing is known but that the sum is in [-bound, bound].
    """

    error: Fraction | None
    swallowed: bool
    bound: Fraction


def grain_of(weight: Span, w: Format) -> Fraction:
    """A power of two of which a weight is a multiple: a known one, or a number of W that is not below the low end."""
    low, high = weight
    if low == high and low:
        return Fraction(low.numerator & -low.numerator, low.denominator)
    return w.spacing(low)


def sum_in(acc: Format, w: Format, groups: list[Group], positions: int) -> Sum:
    """Values are -1, 0 or 1, so terms are numbers of ACC, and Q is 0."""
    adding = [group for group in groups if group.largest_term]
    number = min(sum(group.most for group in adding), positions)
    total, left = ZERO, number
    for group in sorted(adding, key=lambda group: -group.largest_term):
        total += min(group.most, left) * group.largest_term
        left -= min(group.most, left)
    largest = max((group.largest_term for group in adding), default=ZERO)
    error = max(number - 1, 0) * acc.u  # (K - 1) u: Jeannerod and Rump 2013

    # Exact: multiples of g whose magnitudes sum to at most 2^p g; or few equal numbers of W.
    grain = min((grain_of(group.weight, w) for group in adding), default=ONE)
    exact = total <= acc.largest and (
        acc.fixed
        or (grain >= acc.smallest and total <= 2**acc.p * grain)
        or (len(adding) == 1 and adding[0].top and not w.fixed and adding[0].most <= 2 ** max(acc.p - w.p, 0))
    )
    # Swallowed: ones are counted, and what is added besides stays below half of u.
    ones = [group for group in groups if group.top]
    others = [group for group in adding if not group.top]
    x = max((group.largest_term for group in others), default=ZERO)
    tiny = 2 * positions * (x + acc.smallest) * (1 + positions * acc.u)
    swallowed = (
        all(group.weight == (ONE, ONE) == group.value for group in ones)
        and sum(group.least for group in ones) >= 1
        and sum(group.most for group in ones) <= acc.counts_to
        and tiny < acc.u / 2
    )
    # Overflow.
    bounds = [total * (1 + error)]
    if number <= acc.counts_to and largest <= 1:
        bounds.append(Fraction(number))
    if not acc.fixed and number <= 2**acc.p and largest <= 2:
        bounds.append(Fraction(2 * number))
    if min(bounds) > acc.largest:
        raise NotShown
    if exact:
        return Sum(ZERO, False, min(bounds))
    if swallowed:
        return Sum(ZERO, True, min(bounds))
    if error < 1:
        return Sum(error, False, min(bounds))
    every = 2 * positions * (largest + acc.smallest) * (1 + positions * acc.u)
    return Sum(None, False, min(*bounds, every))


def ends(groups: list[Group], counts: list[Span], found: Sum, of_values: bool) -> Span:
    """The ends of a sum over groups of number * weight * value, with its error."""
    low = high = magnitude = ZERO
    for group, (least, most) in zip(groups, counts, strict=True):
        if found.swallowed and not group.top:
            continue
        values = group.value if of_values else (ONE, ONE)
        products = [n * w * v for n in (least, most) for w in group.weight for v in values]
        low, high = low + min(products), high + max(products)
        magnitude += max(map(abs, products))
    error = (found.error or ZERO) * magnitude
    return low - error, high + error


def both(spans: list[Span]) -> Span:
    return max(low for low, _ in spans), min(high for _, high in spans)


def quotient(x: Span, y: Span) -> list[Span]:
    if y[0] <= 0:
        return []
    quotients = [a / b for a in x for b in y]
    return [(min(quotients), max(quotients))]


def mean(groups: list[Group]) -> Span:
    """The least and the largest mean, over weights in [least * low, most * high]; top groups weigh at least 1.

    It is largest where values above it weigh as much as they can, and those below as little (argument 7).
    """
    result = []
    for side in (1, -1):
        values = [max(side * v for v in group.value) for group in groups]
        spans = [(group.least * group.weight[0], group.most * group.weight[1]) for group in groups]
        found = []
        for threshold in values:
            weights = [high if v >= threshold else low for v, (low, high) in zip(values, spans, strict=True)]
            if sum(weights):
                found.append(sum((w * v for w, v in zip(weights, values, strict=True)), ZERO) / sum(weights))
        result.append(side * max(found))
    return result[1], result[0]


# Section 6, with 5.3, 5.4 and 5.5: the two groups of a head's query.


class Query:
    """`a` to `b` selected positions of the value v, up to n - a others with x >= gap (None: there are none)."""

    def __init__(self, arithmetic: Arithmetic, a: int, b: int, v: int, others: int, gap: int | None, n: int) -> None:
        self.arithmetic, self.n = arithmetic, n
        value, ternary = (Fraction(v), Fraction(v)), (-ONE, ONE)
        e = ZERO if gap is None or not others else exp_minus(gap)
        self.exact = [Group(a, b, (ONE, ONE), value, True), Group(0, others, (ZERO, e), ternary, False)]
        self.first = [(ONE, ONE), (ZERO, Fraction(others, a))]
        """f: positions of a group for each one of the first group."""
        self.all = [(Fraction(group.least), Fraction(group.most)) for group in self.exact]

    def with_weights(self, spans: list[Span]) -> list[Group]:
        return [
            Group(group.least, group.most, span, group.value, group.top)
            for group, span in zip(self.exact, spans, strict=True)
        ]

    def is_exactly(self, wanted: int) -> bool:
        """Whether the head surely outputs this."""
        model = self.arithmetic.model
        try:
            if model == "exact":
                return mean(self.exact) == (Fraction(wanted), Fraction(wanted))
            low, high = self.fused() if model == "fused" else self.rounded()
            return self.arithmetic.a.round(low) == wanted == self.arithmetic.a.round(high)
        except NotShown:
            return False

    def fused(self) -> Span:
        """5.3: num/den, where both are sums in ACC of the same weights, rounded to W."""
        acc, w = self.arithmetic.acc or self.arithmetic.a, self.arithmetic.w
        groups = self.with_weights([(w.round(low), w.round(high)) for low, high in (g.weight for g in self.exact)])
        weights = [Group(g.least, g.most, g.weight, (ONE, ONE), g.top) for g in groups]
        num, den = sum_in(acc, w, groups, self.n), sum_in(acc, w, weights, self.n)
        if all(not group.largest_term for group in groups):
            return ZERO, ZERO
        if num.error is None or den.error is None:
            # den is at least t = 1, the weight of the first group.
            top = num.bound if num.error is None else max(map(abs, ends(groups, self.all, num, True)))
            low_den = ONE if den.error is None else max(ONE, ends(groups, self.all, den, False)[0])
            return -top / low_den, top / low_den
        in_all = ends(groups, self.all, den, False)
        found = quotient(ends(groups, self.all, num, True), (max(in_all[0], ONE), in_all[1]))
        found += quotient(ends(groups, self.first, num, True), ends(groups, self.first, den, False))
        if not num.swallowed and not den.swallowed:
            low, high = mean(groups)
            size = max(abs(low), abs(high))
            magnitude = mean([Group(g.least, g.most, g.weight, sizes(g.value), g.top) for g in groups])[1]
            if den.error < 1:
                d = (num.error * magnitude + den.error * size) / (1 - den.error)
                found.append((low - d, high + d))
        return both(found)

    def rounded(self) -> Span:
        """5.4: weights are quotients, rounded (once, or to ACC and then to W); then weights * values are added."""
        acc, w, n = self.arithmetic.acc, self.arithmetic.w, self.n
        spans = [group.weight for group in self.exact]
        if acc is not None:
            spans = [(acc.round(low), acc.round(high)) for low, high in spans]
        groups = self.with_weights(spans)
        ones = [Group(g.least, g.most, g.weight, (ONE, ONE), g.top) for g in groups]
        den = Sum(ZERO, False, ZERO) if acc is None else sum_in(acc, acc, ones, n)
        known = den.error is not None
        in_all = ends(groups, self.all, den, False) if known else (ONE, den.bound)
        in_all = (max(in_all[0], ONE), in_all[1])
        per_first = quotient((ONE, ONE), ends(groups, self.first, den, False)) if known else []
        weights, shares, errors = [], [], []
        for k, group in enumerate(groups):
            low, high = group.weight
            # One weight, r / den; the position's own r counts at the same end where den is exact.
            one = (low / in_all[1], high / in_all[0])
            if acc is None and not group.top:
                one = (ZERO, high / (high + in_all[0]))
            share = [(group.least * one[0], group.most * one[1])]
            for span in per_first:
                share.append((self.first[k][0] * low * span[0], self.first[k][1] * high * span[1]))
            if acc is None:
                mine = [count * weight for count, weight in zip(self.first[k], group.weight, strict=True)]
                rest = [self.first[1 - k][end] * groups[1 - k].weight[end] for end in (0, 1)]
                share.append((mine[0] / (mine[0] + rest[1]) if mine[0] else ZERO, mine[1] / (mine[1] + rest[0] or 1)))
            if known and not den.error and not den.swallowed:
                share.append((ZERO, ONE))
            whole = both(share)
            error = ZERO
            for step in (acc, w):
                if step is not None:
                    error, one = self.rounding(step, group, whole[1] + error, one, error)
            weights.append(one)
            shares.append(whole)
            errors.append(error)
        low = high = magnitude = ZERO
        for group, one, whole, error in zip(groups, weights, shares, errors, strict=True):
            of_group = both([(group.least * one[0], group.most * one[1]), (whole[0] - error, whole[1] + error)])
            products = [weight * v for weight in of_group for v in group.value]
            low, high = low + min(products), high + max(products)
            magnitude += max(map(abs, products))
        if acc is None:
            least, most = mean(groups)
            d = sum((e * max(map(abs, g.value)) for e, g in zip(errors, groups, strict=True)), ZERO)
            return both([(low, high), (least - d, most + d)])
        total_sum = sum_in(acc, w, self.with_weights(weights), n)
        if total_sum.error is None:
            return -total_sum.bound, total_sum.bound
        if total_sum.swallowed:
            return ends(self.with_weights(weights), self.all, total_sum, True)
        return low - total_sum.error * magnitude, high + total_sum.error * magnitude

    @staticmethod
    def rounding(to: Format, group: Group, share: Fraction, one: Span, so_far: Fraction) -> tuple[Fraction, Span]:
        """The error of a group's weights after one more rounding, and one weight after it (argument 10)."""
        u = ZERO if to.fixed else 1 / Fraction(2**to.p + 1)
        q = to.smallest / 2
        after = (to.round(one[0]), to.round(one[1]))
        if to.normal(one[0]):
            error = u * share
        elif group.top:
            error = max(u * share, group.most * q)
        else:
            error = u * share + group.most * q
        return so_far + min(error, group.most * max(one[1], after[1])), after


def sizes(span: Span) -> Span:
    return (ZERO if span[0] <= 0 <= span[1] else min(map(abs, span))), max(map(abs, span))


def head_holds(arithmetic: Arithmetic, beta: int, separation: int | None, ties: int, n: int) -> bool:
    """Section 6: whether a head with this separation, and 1 to `ties` selected positions, gives the hardmax value."""
    gap = None if separation is None else beta * separation
    others = 0 if separation is None else n - 1
    if not Query(arithmetic, 1, n, 0, others, gap, n).is_exactly(0):
        return False
    queries = 0
    todo = [(1, ties)]
    while todo:
        a, b = todo.pop()
        queries += 1
        if queries > 2**13:
            return False
        if Query(arithmetic, a, b, 1, 0 if gap is None else n - a, gap, n).is_exactly(1):
            continue
        if a == b:
            return False
        middle = (a + b) // 2
        todo += [(middle + 1, b), (a, middle)]
    return True


# Section 8.


def misfits(network: Network, linear: Format, beta: int) -> Iterator[str]:
    """Each way in which the network does not fit the linear format."""
    c = linear.counts_to
    e = beta.bit_length() - 1
    numbers = {abs(weight) for weight in network.weights}
    if not all(linear.has(Fraction(number)) for number in numbers):
        yield "a weight is no number of it"
    if not all(linear.has(power(half)) for half in (-(-e // 2), e // 2)):
        yield "a part of beta is no number of it"
    for family in network.families.values():
        sums = [0] * network.width
        for coordinate, weight in family.embedding:
            sums[coordinate] += abs(weight)
        for field in family.fields:
            most: dict[int, int] = {}
            for vector in field.embedding:
                for coordinate, weight in vector:
                    most[coordinate] = max(most.get(coordinate, 0), abs(weight))
            for coordinate, weight in most.items():
                sums[coordinate] += weight
        if any(total + (coordinate < network.position_bits) > c for coordinate, total in enumerate(sums)):
            yield f"an embedding of {family.name}"
        logit = sum(abs(weight) for _, weight in family.unembedding)
        logit += sum(
            max(sum(abs(weight) for _, weight in vector) for vector in field.unembedding) for field in family.fields
        )
        if logit > c:
            yield f"a logit of {family.name}"
    for number, layer in enumerate(network.layers, 1):
        outs = [1] * network.width
        for head in layer.heads:
            for coordinate in head.out:
                outs[coordinate] += 1
        added = [1] * network.width
        for neuron in layer.neurons:
            reads = sum(abs(weight) for _, weight in neuron.reads)
            if abs(neuron.bias) + reads > c:
                yield f"a neuron of layer {number}"
            reach = max(0, neuron.bias + reads)
            for coordinate, weight in neuron.writes:
                added[coordinate] += reach * abs(weight)
        if max(outs) > c or max(added) > c:
            yield f"a residual sum of layer {number}"
