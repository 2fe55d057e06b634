"""KERNELS section 6: whether everything that a recipe computes is finite, and how far its output is from exact softmax.

Words:
    reference  m of a block: its exponentials are relative to that
    rise       how far the last reference may be above the largest t of a key that is not masked: h
    path       a key's exponentials, whose product is its weight: one at its block, one at each change of the reference
    top        a lower bound on the final weight, without the offset, of the key whose exact weight is the largest, 1
    mean       steps of the proof compare means of values; their weights go from the exact ones to the computed ones

Everything is in units of the natural exponential. Numbers are rational; roundings go to the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from exactformer.certificates.checker.formats import Format, Overflow
from exactformer.certificates.checker.kernels.recipe import Recipe
from exactformer.certificates.checker.softmax.numbers import exponential

LN_2 = Fraction(6931471805, 10**10), Fraction(6931471806, 10**10)
GRID = 1 << 10
"""Bits of exponentials after the point."""
FURTHEST = 512
"""Exact weights below exp(-FURTHEST) count as lost."""
CAUSES = ("product", "argument", "exponential", "underflow", "mask", "cast", "sums", "merge", "quotient", "output")


class Unshown(Exception):
    """It is not shown that the output is a finite number; or an error has no bound."""


@dataclass(frozen=True)
class Inputs:
    """At most this many keys, with scores and values in these ranges; ``masked``: none, some but not all, or any.
    ``drift``: how far each score may be from the exact one."""

    keys: int
    scores: tuple[Fraction, Fraction]
    values: tuple[Fraction, Fraction]
    masked: str
    drift: Fraction = Fraction(0)


def errors(recipe: Recipe, inputs: Inputs) -> dict[str, Fraction]:
    """Errors by cause; the output is off by at most their sum. `Unshown` if it may be no finite number."""
    return _Bound(recipe, inputs).errors()


def grown(error: Fraction, number: int) -> Fraction:
    """A bound on (1 + error)^number - 1: n e / (1 - n e)."""
    if error * number >= Fraction(1, 2):
        raise Unshown(f"{number} roundings together have no bound")
    return error * number / (1 - error * number)


def exponential_of(x: Fraction) -> tuple[Fraction, Fraction]:
    """Rational ends of exp(x)."""
    size = abs(x.numerator) << GRID
    low, high = exponential(-(-size // x.denominator), GRID)[0], exponential(size // x.denominator, GRID)[1]
    least, most = Fraction(low, 1 << GRID), Fraction(high, 1 << GRID)
    if x <= 0:
        return least, most
    if not least:
        raise Unshown("an exponential may be beyond all formats")
    return 1 / most, 1 / least


@dataclass(frozen=True)
class _Bound:
    recipe: Recipe
    inputs: Inputs

    # The possible references

    @cached_property
    def exact(self) -> tuple[Fraction, Fraction]:
        """c s."""
        low, high = self.inputs.scores
        return low * self.recipe.scale, high * self.recipe.scale

    @cached_property
    def scaled(self) -> Fraction:
        """How far t is from c s."""
        recipe, size = self.recipe, max(map(abs, self.exact))
        if recipe.argument == "fused" or recipe.scale == 1:
            return Fraction(0)
        numerator, denominator = recipe.scale.numerator, recipe.scale.denominator
        if numerator & (numerator - 1) == 0 and denominator & (denominator - 1) == 0:
            return self.q  # a power of two: only what is below the normal numbers is rounded
        return size * grown(self.u, 2) + self.q

    @cached_property
    def t(self) -> tuple[Fraction, Fraction]:
        """For keys that are not masked, in units of c s."""
        return self.exact[0] - self.scaled, self.exact[1] + self.scaled

    @cached_property
    def factor(self) -> Fraction:
        """From t as it is computed to the units of c s."""
        return self.recipe.scale if self.recipe.argument == "fused" else Fraction(1)

    @cached_property
    def may_be_masked(self) -> bool:
        """All of a first block, or of a part, though not all keys."""
        recipe, n = self.recipe, self.inputs.keys
        parts = self.parts > 1
        return n > 1 and (parts or (recipe.block is not None and recipe.block < n))

    @cached_property
    def masks(self) -> list[Fraction | None]:
        """The possible t of a masked key: the ends of a range; None for -inf."""
        recipe = self.recipe
        if self.inputs.masked == "none" or recipe.mask_how is None:
            return []
        constant = recipe.mask_constant
        if not isinstance(constant, Fraction):
            return [None]
        if recipe.mask_how == "select":
            return [constant]
        found: list[Fraction | None] = []
        for end in self.t:
            try:
                found.append(recipe.computing.of(end / self.factor + constant))
            except Overflow:
                if constant > 0:
                    raise Unshown("a masked score may be infinite") from None
                found += [None, -recipe.computing.largest]
        return found

    @cached_property
    def numbers(self) -> list[Fraction]:
        """The possible t of a masked key, except -inf, in units of c s: ends of a range."""
        return [end * self.factor for end in self.masks if end is not None]

    @cached_property
    def all_masked(self) -> bool:
        """Whether all of a block, a part or a row may be masked."""
        return self.may_be_masked or self.inputs.masked == "any"

    @cached_property
    def references(self) -> list[Fraction]:
        """All that m may be, apart from t of keys that are not masked, in units of c s: ends of ranges."""
        found = list(self.numbers)
        if isinstance(self.recipe.start, Fraction):
            found.append(self.recipe.start * self.factor)
        nothing = not isinstance(self.recipe.start, Fraction) and None in self.masks
        if nothing and self.all_masked:
            if self.recipe.guard is None:
                raise Unshown("all keys of a block may be masked: -inf minus -inf is NaN, and there is no guard")
            if self.recipe.guard == "stored":
                found.append(Fraction(0))
        return found

    @cached_property
    def rise(self) -> Fraction:
        """h"""
        return max([Fraction(0), *(one - self.t[0] for one in self.references)])

    # Roundings

    @property
    def u(self) -> Fraction:
        return self.recipe.computing.roundoff

    @property
    def q(self) -> Fraction:
        return self.recipe.computing.unit

    @cached_property
    def parts(self) -> int:
        """At most."""
        recipe, n = self.recipe, self.inputs.keys
        if recipe.split_count is not None:
            return recipe.split_count
        return 1 if recipe.split_length is None else -(-n // recipe.split_length)

    @cached_property
    def factors(self) -> int:
        """The most on a path: one for each block of a part, and one for merging. With a threshold the reference cannot
        change that often."""
        recipe, n = self.recipe, self.inputs.keys
        longest = -(-n // self.parts) if recipe.split_count is not None else min(recipe.split_length or n, n)
        blocks = 1 if recipe.block is None else -(-longest // recipe.block)
        least = recipe.threshold * self.unit[0] / 2  # the size of a change, if roundings do not matter
        if not self.references and 0 < self.slack < least:
            blocks = min(blocks, 2 + int((self.t[1] - self.t[0]) / least))
        return blocks + recipe.split

    @cached_property
    def unit(self) -> tuple[Fraction, Fraction]:
        """What 1 in the exponent is."""
        return LN_2 if self.recipe.base == "2" else (Fraction(1), Fraction(1))

    @cached_property
    def slack(self) -> Fraction:
        """How far d may be from the distance that it is of, where that is about the threshold."""
        threshold = self.recipe.threshold * self.unit[1]
        if not threshold:  # then the reference is the largest so far, exactly
            return Fraction(0)
        if self.recipe.argument == "difference":
            return threshold * grown(self.u, 8) + 4 * self.q
        return (max(map(abs, self.exact)) + self.rise + 2 * threshold) * grown(self.u, 8) + 4 * self.q

    @cached_property
    def threshold(self) -> Fraction:
        """How far t may be above the reference: further, and it would have changed."""
        return self.recipe.threshold * self.unit[1] + self.slack

    def of_reference(self, size: Fraction) -> Fraction:
        """By how much more an argument is off for a reference of this size: its product is rounded."""
        return self.q + (size * grown(self.u, 3) if self.recipe.argument == "fused" else 0)

    def argument(self, far: Fraction) -> Fraction:
        """How far the sum of all arguments of a path is from c s - m, in the end; c s is so far below the largest.

        Their magnitudes add up to that distance, the rise, and twice the threshold at most: only the first may be above
        0.
        """
        far += self.rise + 2 * self.threshold + 2 * self.scaled
        roundings = 2 if self.recipe.argument == "fused" else 1 if self.recipe.base == "e" else 3
        largest = max(map(abs, self.exact)) + self.rise + self.threshold
        return far * grown(self.u, roundings) + self.factors * self.of_reference(largest) + self.scaled

    @cached_property
    def furthest(self) -> Fraction:
        """How far below the largest exact score those are whose weights are not lost."""
        return min(self.exact[1] - self.exact[0], Fraction(FURTHEST))

    @cached_property
    def of_argument(self) -> Fraction:
        """Relative: exp(r) - 1 <= r + r^2."""
        if grown(self.u, 3) > Fraction(1, 4):
            raise Unshown(f"{self.recipe.computing.name} has too few bits")
        r = self.argument(self.furthest)
        if r > Fraction(1, 4):
            raise Unshown("the arguments of exponentials have no close bound")
        return r + r * r

    @cached_property
    def of_argument_on_average(self) -> Fraction:
        """Twice this, times half of R, is what means may be off by: weights exp(-d) are ln N from the largest at most,
        on average, as d + ln Z, where Z >= 1 is their sum, is on average their entropy; and values are R apart."""
        logarithm = (self.inputs.keys - 1).bit_length() * LN_2[1]
        return self.argument(min(self.furthest, 2 * logarithm)) * (1 + self.argument(self.furthest))

    @cached_property
    def excess(self) -> Fraction:
        """How far an argument may be above 0, or the threshold, while all keys are masked: what the product with a
        reference of their size errs by."""
        if not (self.all_masked and self.numbers and self.recipe.argument == "fused"):
            return Fraction(0)
        return self.of_reference(max(map(abs, self.references)))

    @cached_property
    def distance(self) -> Fraction:
        """What magnitudes of the arguments of any path add up to at most."""
        ends = (*self.references, *self.t)
        return max(ends) - min(ends) + 2 * self.threshold + 4 * self.excess

    def of_masked(self, distance: Fraction) -> Fraction:
        """How far the sum of all arguments of the path of a masked key is off; their magnitudes add up to this."""
        each = max(self.excess, self.of_reference(max(map(abs, self.exact)) + self.rise + self.threshold))
        return distance * grown(self.u, 3) + self.factors * each

    @cached_property
    def of_exponential(self) -> Fraction:
        """The relative error of a path's exponentials, if all are normal numbers."""
        return grown(self.recipe.ulps * 2 * self.u, self.factors)

    @cached_property
    def relative(self) -> Fraction:
        """The relative error of weights, before they are cast."""
        return (1 + self.of_argument) * (1 + self.of_exponential) - 1

    # Sizes

    @cached_property
    def offset(self) -> Fraction:
        return Fraction(2) ** self.recipe.offset

    @cached_property
    def largest(self) -> Fraction:
        """P: the largest p, with the offset."""
        return exponential_of(max(self.threshold, self.excess))[1] * (1 + self.relative) * self.offset

    @cached_property
    def rescaled(self) -> Fraction:
        """The largest weight at any time: if all keys are masked, factors may be above 1."""
        return self.largest * exponential_of(self.factors * self.excess)[1] * (1 + self.relative)

    @cached_property
    def top(self) -> Fraction:
        """``top`` of the key with the largest exact weight: its exponentials are normal numbers, and so is its weight
        in W, if it is cast before it is divided."""
        recipe = self.recipe
        found = exponential_of(-self.rise)[0] * (1 - self.relative)
        each = exponential_of(-self.rise - self.threshold)[0] * (1 - self.relative)
        if each * min(self.offset, Fraction(1)) < recipe.computing.least_normal:
            raise Unshown("the reference may be so far above all scores that exponentials become 0")
        if recipe.quotient != "weights" and found * self.offset < recipe.weight.least_normal:
            raise Unshown("the reference may be so far above all scores that weights underflow when they are cast")
        return found

    @cached_property
    def row(self) -> Fraction | None:
        """As ``top``, for a row that is masked as a whole, or a part like that of which a mean is taken; else None."""
        recipe = self.recipe
        if self.inputs.masked != "any" and not (self.may_be_masked and self.parts > 1 and recipe.merge == "means"):
            return None
        if None in self.masks and recipe.empty is None:
            raise Unshown(
                "all keys of a row, or of a part, may be masked: the sum of weights is 0 then, and 0 / 0 is NaN"
            )
        if not self.numbers:
            return None
        far = max(self.references) - min(self.numbers) + 2 * self.threshold + 4 * self.excess
        least = exponential_of(-far - self.of_masked(far))[0] * (1 - self.relative)
        if least * min(self.offset, Fraction(1)) < max(recipe.computing.least_normal, recipe.weight.least_normal):
            raise Unshown("all keys of a row, or of a part, may be masked: their weights may be 0 then, or nearly 0")
        return least

    @cached_property
    def saturated(self) -> Fraction:
        """How much of a weight is cut off at W's largest number, relatively."""
        recipe, most = self.recipe, self.recipe.weight.largest
        if self.largest > most and recipe.overflow != "saturate":
            raise Unshown(f"a weight may be {size_of(self.largest)}, beyond the largest number of {recipe.weight.name}")
        return max(Fraction(0), 1 - most / self.largest)

    def require_finite(self) -> None:
        """Sums and quotients, too."""
        recipe = self.recipe
        for end in self.t:
            self.require(recipe.computing, abs(end) / self.factor, "a score")
        if recipe.argument == "fused":
            for end in (*self.t, *self.references):
                self.require(recipe.computing, 2 * abs(end), "the product of a maximum")
        # An argument may be -inf where the exponential of what it is in the place of is below the normal numbers.
        if recipe.computing.largest < 2 - 2 * (recipe.computing.lowest + recipe.p - 1):
            self.require(recipe.computing, 2 * self.distance, "a difference")
        self.require(recipe.computing, self.largest * max(Fraction(1), 1 / self.offset), "an exponential")
        many = 4 * self.inputs.keys * self.rescaled
        self.require(recipe.computing, many * max(self.size, Fraction(1)), "a sum")
        if recipe.quotient == "reciprocal":
            least = self.top if self.row is None else min(self.top, self.row)
            self.require(recipe.computing, 4 / (least * self.offset), "a reciprocal")
            if 1 / many < recipe.computing.least_normal:
                raise Unshown("the reciprocal of a sum may be below the normal numbers")

    def require(self, form: Format, size: Fraction, what: str) -> None:
        if size > form.largest:
            raise Unshown(f"{what} may be beyond the largest number of {form.name}")

    @cached_property
    def size(self) -> Fraction:
        """M"""
        return max(map(abs, self.inputs.values))

    # Errors

    def errors(self) -> dict[str, Fraction]:
        recipe, n, size = self.recipe, self.inputs.keys, self.size
        self.require_finite()
        distance = self.inputs.values[1] - self.inputs.values[0]
        shared = {"argument": self.of_argument, "exponential": self.of_exponential}
        own = {"cast": Fraction(0), "underflow": Fraction(0)}  # of o alone
        if recipe.sum == "cast":
            shared["cast"] = self.cast
        else:
            own = {"cast": self.cast, "underflow": self.cast_to_0(self.top)}
        every = Fraction(1)
        for one in shared.values():
            every *= 1 + one
        if every >= 2:
            raise Unshown("weights have no close bound")
        found = dict.fromkeys(CAUSES, Fraction(0))
        # Means with weights that are off by a relative e: the mean distance of values from a mean is at most half of R.
        for cause, one in (shared | {"argument": self.of_argument_on_average}).items():
            found[cause] += one * distance / (2 * (2 - every)) * every
        if (product := self.of_product) >= 1:
            raise Unshown("exact scores may be too far from these")
        found["product"] = product * distance / (2 * (1 - product))
        # Weights that are lost, or should not be there, each by itself.
        flushed = recipe.computing.least_normal * max(Fraction(1), 1 / self.offset) * 2 * self.rescaled / self.offset
        lost = n * (flushed + exponential_of(-Fraction(FURTHEST) / 2)[1] * 2) / self.top
        if recipe.sum == "cast":
            lost += self.cast_to_0(self.top)
        for cause, one in (("underflow", lost), ("mask", self.leak)):
            found[cause] += min(distance, one * distance / (1 - one)) if one < 1 else distance
        # Of o alone.
        for cause, one in own.items():
            found[cause] += one * size
        found |= self.computed(size * (1 + own["cast"] + own["underflow"]), self.top)
        if self.row is not None:  # nothing is wanted of it but that it is finite
            self.computed(size * (1 + own["cast"] + self.cast_to_0(self.row)), self.row)
        return found

    @cached_property
    def cast(self) -> Fraction:
        """The relative error of a cast to W, among its normal numbers."""
        recipe = self.recipe
        if recipe.weight.includes(recipe.computing):
            return Fraction(0)
        return recipe.weight.roundoff + (self.saturated if recipe.quotient != "weights" else 0)

    def cast_to_0(self, least: Fraction) -> Fraction:
        """What casts to W change below its normal numbers, as a part of the sum of weights, one of which is ``least``.

        Rounding to nearest changes each by at most half the smallest number, and at most by itself, as 0 is a number,
        too: all that so little is changed of is at least as much again.
        """
        recipe, n = self.recipe, self.inputs.keys
        if recipe.weight.includes(recipe.computing):
            return Fraction(0)
        if recipe.quotient == "weights":  # of quotients, which add up to 1
            return min(Fraction(1), n * recipe.weight.unit / 2)
        tiny = n * recipe.weight.unit / 2 / self.offset * (1 + 2 * self.relative)
        return tiny / (least + tiny)

    def computed(self, most: Fraction, least: Fraction) -> dict[str, Fraction]:
        """By how much the output is off from o / l, which is at most ``most``; one weight is at least ``least``."""
        recipe, n = self.recipe, self.inputs.keys
        # Each term: additions of the others, of o a product; products that rescale, with means also those with means.
        means = recipe.merge == "means"
        of_o, merged = grown(self.u, n), grown(self.u, self.factors - 1 + means)
        of_l = grown(self.u, n - 1) if recipe.computing.has(recipe.weight.largest) else of_o
        both = (1 + of_o) * (1 + merged) - 1
        if both >= Fraction(1, 2):
            raise Unshown("sums have no close bound")
        unit = min(least * self.offset, Fraction(1))  # weights add up to this at least; to 1, where they are quotients
        small = (n + 2 * self.factors + 2) * self.q * (1 + most) / unit / (1 - both)
        found = {
            "sums": (of_o + of_l) * most / (1 - both) + small,
            "merge": merged * (2 + of_o + of_l) * most / (1 - both),
        }
        most = most * (1 + both) / (1 - both) + small
        # Quotients.
        of_quotient = grown(self.u, 2 if recipe.quotient == "reciprocal" else 1)
        times = 2 if means else 1
        many = n if recipe.quotient == "weights" else 1
        found["quotient"] = times * (of_quotient * most * (1 + of_quotient) + many * self.q * (1 + most))
        most += found["quotient"]
        self.require(recipe.computing, most, "a quotient")
        self.require(recipe.output, most, "the output")
        if not recipe.output.includes(recipe.computing):
            found["output"] = recipe.output.roundoff * most + recipe.output.unit / 2
        return found

    @property
    def of_product(self) -> Fraction:
        """Relative, of exact weights: exp(d) - 1 <= d + d^2, where that is below 1; scores drift by d in exponents."""
        d = self.inputs.drift * self.recipe.scale
        return d + d * d

    @cached_property
    def leak(self) -> Fraction:
        """The weight of all masked keys, relative to that of the top one."""
        if not self.numbers:
            return Fraction(0)
        gap = max(self.numbers) - self.t[0] + self.of_masked(self.distance)
        return self.inputs.keys * exponential_of(gap)[1] * (1 + self.relative) / (1 - self.relative)


def size_of(number: Fraction) -> str:
    """Its size, for people: as a power of two.

    >>> size_of(Fraction(300)), size_of(Fraction(1, 3))
    ('about 2^8', 'about 2^-2')
    """
    log = number.numerator.bit_length() - number.denominator.bit_length()
    return f"about 2^{log if Fraction(2) ** log <= number else log - 1}"
