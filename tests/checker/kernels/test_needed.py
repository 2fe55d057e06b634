"""Each part of the bound of errors of kernels is needed: without it a test of this folder sees something else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest

from exactformer.certificates.checker.kernels import bound
from tests.checker.kernels import test_bound as inputs
from tests.checker.kernels import test_causes as causes
from tests.checker.kernels import test_rules as text
from tests.checker.softmax.mutants import mutated

Notices = Callable[[], object]
"""A test, which fails for what is wrong."""


class Part(NamedTuple):
    """A part of the checker's text, what takes its place, and the test that notices."""

    old: str
    new: str
    notices: Notices


def not_finite(title: str) -> Notices:
    return partial(causes.test_what_is_no_finite_number_is_not_shown_to_be_one, title)


def lost(title: str) -> Notices:
    return partial(causes.test_all_weight_may_be_lost, title)


def needed(cause: str) -> Notices:
    return partial(causes.test_each_cause_is_needed, cause)


def not_shown(title: str) -> Notices:
    return partial(inputs.test_what_is_not_shown, title)


def shown(title: str) -> Notices:
    return partial(inputs.test_what_is_shown, title)


def seed(kind: str, number: int) -> Notices:
    """Something that is computed is off by more."""
    return partial(inputs.closest, kind, number)


def rules(kind: str, number: int) -> Notices:
    """The text says otherwise."""
    return partial(text.agree_about, kind, number)


def quoted(title: str) -> Notices:
    return partial(text.test_recipes_that_are_quoted, title)


def ends(number: str) -> Notices:
    return partial(inputs.test_ends_of_exponentials, number)


PARTS = [
    Part(
        "(product := self.of_product) >= 1",
        "(product := self.of_product) >= 9",
        quoted("exact scores that are too far"),
    ),
    Part("product * distance / (2 * (1 - product))", "product * distance / 2", rules("drawn", 15)),
    Part("product * distance / (2 * (1 - product))", "product * distance / (1 - product)", quoted("product")),
    Part("self.inputs.drift * self.recipe.scale", "self.inputs.drift", quoted("exact scores that are too far")),
    Part("return d + d * d", "return d", rules("drawn", 15)),
    Part("size * grown(self.u, 2) + self.q", "size * grown(self.u, 2)", rules("drawn", 147)),
    Part("size * grown(self.u, 2) + self.q", "self.q", rules("drawn", 42)),
    Part('if recipe.argument == "fused" or recipe.scale == 1:', "if True:", rules("drawn", 6)),
    Part(
        "return low * self.recipe.scale, high * self.recipe.scale",
        "return low, high",
        not_finite("a scaled score beyond the largest number"),
    ),
    Part("return self.exact[0] - self.scaled, self.exact[1] + self.scaled", "return self.exact", rules("drawn", 47)),
    Part(
        'return self.recipe.scale if self.recipe.argument == "fused" else Fraction(1)',
        "return Fraction(1)",
        not_finite("the same in a row"),
    ),
    Part(
        "n > 1 and (parts or (recipe.block is not None and recipe.block < n))",
        "n > 1 and parts",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part(
        "n > 1 and (parts or (recipe.block is not None and recipe.block < n))",
        "n > 1 and recipe.block is not None and recipe.block < n",
        not_finite("a mean of a part that is masked"),
    ),
    Part("if constant > 0:", "if False:", not_shown("masked scores that may be infinite")),
    Part(
        "found += [None, -recipe.computing.largest]",
        "found.append(None)",
        not_finite("the same, where t may be anything, as a mask that is added overflows"),
    ),
    Part(
        "found += [None, -recipe.computing.largest]",
        "found.append(-recipe.computing.largest)",
        not_finite("t of a masked key that is -inf, as a mask that is added overflows"),
    ),
    Part(
        'return self.may_be_masked or self.inputs.masked == "any"',
        "return self.may_be_masked",
        not_finite("the same in a row"),
    ),
    Part(
        'return self.may_be_masked or self.inputs.masked == "any"',
        'return self.inputs.masked == "any"',
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part(
        "found = list(self.numbers)",
        "found = list[Fraction]()",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part(
        "found.append(self.recipe.start * self.factor)",
        "pass",
        not_finite("a reciprocal of the weights of a row that is masked"),
    ),
    Part("found.append(self.recipe.start * self.factor)", "found.append(self.recipe.start)", rules("drawn", 35)),
    Part(
        "nothing = not isinstance(self.recipe.start, Fraction) and None in self.masks",
        "nothing = False",
        not_finite("t of a masked key that is -inf, as a mask that is added overflows"),
    ),
    Part(
        "if self.recipe.guard is None:",
        "if False:",
        not_finite("t of a masked key that is -inf, as a mask that is added overflows"),
    ),
    Part(
        "found.append(Fraction(0))\n        return found\n\n    @cached_property\n    def rise",
        "pass\n        return found\n\n    @cached_property\n    def rise",
        not_shown("a guard that is stored, above all scores"),
    ),
    Part(
        "return max([Fraction(0), *(one - self.t[0] for one in self.references)])",
        "return Fraction(0)",
        lost("a start far above"),
    ),
    Part("*(one - self.t[0] for", "*(one - self.t[1] for", not_shown("a start above all scores")),
    Part(
        "longest = -(-n // self.parts) if recipe.split_count is not None else min(recipe.split_length or n, n)",
        "longest = n",
        rules("drawn", 3),
    ),
    Part("if not self.references and 0 < self.slack < least:", "if 0 < self.slack < least:", rules("drawn", 281)),
    Part(
        "if not self.references and 0 < self.slack < least:",
        "if not self.references and 0 < self.slack:",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part(
        "if not self.references and 0 < self.slack < least:", "if False:", quoted("a threshold that is seldom passed")
    ),
    Part("blocks = min(blocks, 2 + int((self.t[1] - self.t[0]) / least))", "blocks = 1", rules("drawn", 48)),
    Part("return blocks + recipe.split", "return blocks", needed("merge")),
    Part(
        "return blocks + recipe.split",
        "return 1",
        not_shown("roundings and rescaling that have a bound each, but not together"),
    ),
    Part(
        'return LN_2 if self.recipe.base == "2" else (Fraction(1), Fraction(1))',
        "return Fraction(1), Fraction(1)",
        not_finite("exponentials beyond the largest number, before an offset"),
    ),
    Part("return threshold * grown(self.u, 8) + 4 * self.q", "return Fraction(0)", rules("drawn", 7)),
    Part(
        "(max(map(abs, self.exact)) + self.rise + 2 * threshold) * grown(self.u, 8) + 4 * self.q",
        "threshold * grown(self.u, 8)",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part(
        "return self.recipe.threshold * self.unit[1] + self.slack",
        "return self.slack",
        not_finite("exponentials beyond the largest number, before an offset"),
    ),
    Part(
        "return self.recipe.threshold * self.unit[1] + self.slack",
        "return self.recipe.threshold + self.slack",
        not_finite("exponentials beyond the largest number, before an offset"),
    ),
    Part(
        'return self.q + (size * grown(self.u, 3) if self.recipe.argument == "fused" else 0)',
        "return self.q",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part("return self.q + (size * grown(self.u, 3)", "return (size * grown(self.u, 3)", quoted("mask")),
    Part("far += self.rise + 2", "far += 2", rules("drawn", 2)),
    Part(
        "return min(self.exact[1] - self.exact[0], Fraction(FURTHEST))",
        "return self.exact[1] - self.exact[0]",
        shown("differences, and not products, of large scores"),
    ),
    Part("return min(self.exact[1] - self.exact[0], Fraction(FURTHEST))", "return Fraction(0)", quoted("argument")),
    Part("2 * self.threshold + 2 * self.scaled\n", "2 * self.threshold\n", rules("drawn", 42)),
    Part(
        "2 * self.threshold + 2 * self.scaled\n",
        "2 * self.scaled\n",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part(
        '(shared | {"argument": self.of_argument_on_average})',
        "shared",
        quoted("weights far below all others, where numbers are as small"),
    ),
    Part(
        "self.argument(min(self.furthest, 2 * logarithm))",
        "self.argument(min(self.furthest, logarithm))",
        quoted("argument"),
    ),
    Part("self.argument(min(self.furthest, 2 * logarithm))", "self.argument(2 * logarithm)", quoted("argument")),
    Part("* (1 + self.argument(self.furthest))", "* 1", quoted("argument")),
    Part(
        "logarithm = (self.inputs.keys - 1).bit_length()",
        "logarithm = self.inputs.keys.bit_length()",
        quoted("weights far below all others, where numbers are as small"),
    ),
    Part("return self.q  # a power", "return Fraction(0)  # a power", rules("drawn", 6)),
    Part("if numerator & (numerator - 1) == 0 and", "if", rules("drawn", 47)),
    Part(
        "numerator & (numerator - 1) == 0 and denominator & (denominator - 1) == 0",
        "numerator & (numerator - 1) == 0",
        rules("drawn", 42),
    ),
    Part("if grown(self.u, 3) > Fraction(1, 4):", "if False:", not_shown("numbers of three bits")),
    Part(
        'roundings = 2 if self.recipe.argument == "fused" else 1 if self.recipe.base == "e" else 3',
        "roundings = 1",
        quoted("argument"),
    ),
    Part(
        "largest = max(map(abs, self.exact)) + self.rise + self.threshold\n        return",
        "largest = self.rise + self.threshold\n        return",
        not_shown("a product with the maximum that errs by more than exponents have"),
    ),
    Part("return far * grown(self.u, roundings) +", "return", quoted("argument")),
    Part(
        "+ self.factors * self.of_reference(largest) + self.scaled",
        "+ self.of_reference(largest) + self.scaled",
        quoted("argument"),
    ),
    Part(
        "+ self.factors * self.of_reference(largest) + self.scaled",
        "+ self.factors * self.of_reference(largest)",
        rules("drawn", 6),
    ),
    Part(
        "if r > Fraction(1, 4):",
        "if False:",
        not_shown("a product with the maximum that errs by more than exponents have"),
    ),
    Part(
        'if not (self.all_masked and self.numbers and self.recipe.argument == "fused"):',
        "if True:",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part(
        "return self.of_reference(max(map(abs, self.references)))",
        "return self.of_reference(max(map(abs, self.t)))",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part(
        "return max(ends) - min(ends) + 2 * self.threshold + 4 * self.excess",
        "return Fraction(0)",
        lost("an argument that is -inf, as F has no such number"),
    ),
    Part("return distance * grown(self.u, 3) + self.factors * each", "return Fraction(0)", quoted("mask")),
    Part("return grown(self.recipe.ulps * 2 * self.u, self.factors)", "return Fraction(0)", needed("exponential")),
    Part(
        "return grown(self.recipe.ulps * 2 * self.u, self.factors)",
        "return grown(self.recipe.ulps * self.u, self.factors)",
        needed("exponential"),
    ),
    Part(
        "return grown(self.recipe.ulps * 2 * self.u, self.factors)",
        "return grown(self.recipe.ulps * 2 * self.u, 1)",
        quoted("argument"),
    ),
    Part("return (1 + self.of_argument) * (1 + self.of_exponential) - 1", "return Fraction(0)", quoted("argument")),
    Part(
        "return Fraction(2) ** self.recipe.offset", "return Fraction(1)", not_finite("the same, by less, in a weight")
    ),
    Part(
        "return Fraction(2) ** self.recipe.offset",
        "return Fraction(2) ** -self.recipe.offset",
        not_finite("the same, by less, in a weight"),
    ),
    Part(
        "return exponential_of(max(self.threshold, self.excess))[1]",
        "return exponential_of(self.threshold)[1]",
        not_finite("the same, of the start"),
    ),
    Part(
        "return exponential_of(max(self.threshold, self.excess))[1]",
        "return exponential_of(self.excess)[1]",
        not_finite("exponentials beyond the largest number, before an offset"),
    ),
    Part(
        "return self.largest * exponential_of(self.factors * self.excess)[1] * (1 + self.relative)",
        "return self.largest",
        quoted("argument"),
    ),
    Part(
        "found = exponential_of(-self.rise)[0] * (1 - self.relative)",
        "found = 1 - self.relative",
        lost("weights below the normal numbers"),
    ),
    Part(
        "found = exponential_of(-self.rise)[0] * (1 - self.relative)",
        "found = exponential_of(self.rise)[0] * (1 - self.relative)",
        lost("weights below the normal numbers"),
    ),
    Part(
        "each = exponential_of(-self.rise - self.threshold)[0]",
        "each = exponential_of(Fraction(0))[0]",
        not_shown("a start above all scores"),
    ),
    Part(
        "if each * min(self.offset, Fraction(1)) < recipe.computing.least_normal:",
        "if each < recipe.computing.least_normal:",
        rules("narrow", 155),
    ),
    Part(
        "if each * min(self.offset, Fraction(1)) < recipe.computing.least_normal:",
        "if False:",
        not_shown("a start above all scores"),
    ),
    Part(
        'if recipe.quotient != "weights" and found * self.offset < recipe.weight.least_normal:',
        "if False:",
        lost("weights below the normal numbers"),
    ),
    Part('if recipe.quotient != "weights" and found', "if found", rules("narrow", 31)),
    Part(
        'if self.inputs.masked != "any" and not (self.may_be_masked and self.parts > 1 and recipe.merge == "means"):',
        'if self.inputs.masked != "any":',
        not_finite("a mean of a part that is masked"),
    ),
    Part(
        'if self.inputs.masked != "any" and not (self.may_be_masked and self.parts > 1 and recipe.merge == "means"):',
        "if True:",
        not_finite("a reciprocal of the weights of a row that is masked"),
    ),
    Part("if None in self.masks and recipe.empty is None:", "if False:", not_finite("a mean of a part that is masked")),
    Part(
        "far = max(self.references) - min(self.numbers) +",
        "far =",
        not_finite("a reciprocal of the weights of a row that is masked"),
    ),
    Part(
        "max(self.references) - min(self.numbers)",
        "max(self.references) - max(self.numbers)",
        not_finite("the same, where t may be anything, as a mask that is added overflows"),
    ),
    Part(
        "if least * min(self.offset, Fraction(1)) < max(recipe.computing.least_normal, recipe.weight.least_normal):",
        "if False:",
        not_shown("a row that is masked by a number far below the start"),
    ),
    Part(
        'if self.largest > most and recipe.overflow != "saturate":',
        "if False:",
        not_finite("the same, by less, in a weight"),
    ),
    Part("return max(Fraction(0), 1 - most / self.largest)", "return Fraction(0)", rules("narrow", 158)),
    Part(
        'self.require(recipe.computing, abs(end) / self.factor, "a score")',
        "pass",
        not_finite("a scaled score beyond the largest number"),
    ),
    Part(
        'self.require(recipe.computing, 2 * abs(end), "the product of a maximum")',
        "pass",
        not_finite("a product with a score beyond the largest number"),
    ),
    Part("for end in (*self.t, *self.references):\n", "for end in self.t:\n", rules("narrow", 66)),
    Part(
        'self.require(recipe.computing, 2 * self.distance, "a difference")',
        "pass",
        lost("an argument that is -inf, as F has no such number"),
    ),
    Part(
        'self.require(recipe.computing, self.largest * max(Fraction(1), 1 / self.offset), "an exponential")',
        'self.require(recipe.computing, self.largest, "an exponential")',
        not_finite("exponentials beyond the largest number, before an offset"),
    ),
    Part(
        "many = 4 * self.inputs.keys * self.rescaled",
        "many = self.rescaled",
        not_finite("a sum of values beyond the largest number"),
    ),
    Part(
        'self.require(recipe.computing, many * max(self.size, Fraction(1)), "a sum")',
        'self.require(recipe.computing, many, "a sum")',
        not_finite("a sum of values beyond the largest number"),
    ),
    Part(
        'self.require(recipe.computing, many * max(self.size, Fraction(1)), "a sum")',
        "pass",
        not_finite("a sum of values beyond the largest number"),
    ),
    Part(
        "least = self.top if self.row is None else min(self.top, self.row)",
        "least = self.top",
        not_finite("a reciprocal of the weights of a row that is masked"),
    ),
    Part(
        'self.require(recipe.computing, 4 / (least * self.offset), "a reciprocal")',
        "pass",
        not_finite("a reciprocal of the weights of a row that is masked"),
    ),
    Part(
        "if 1 / many < recipe.computing.least_normal:",
        "if False:",
        not_shown("a reciprocal of a sum below the normal numbers"),
    ),
    Part("return max(map(abs, self.inputs.values))", "return self.inputs.values[1]", rules("narrow", 32)),
    Part(
        "distance = self.inputs.values[1] - self.inputs.values[0]", "distance = self.inputs.values[1]", needed("merge")
    ),
    Part('shared["cast"] = self.cast', "pass", rules("drawn", 28)),
    Part(
        'own = {"cast": self.cast, "underflow": self.cast_to_0(self.top)}',
        'own["cast"] = self.cast',
        needed("underflow"),
    ),
    Part(
        'own = {"cast": self.cast, "underflow": self.cast_to_0(self.top)}',
        'own["underflow"] = self.cast_to_0(self.top)',
        not_finite("the same, by less, in a weight"),
    ),
    Part("if every >= 2:", "if False:", rules("narrow", 158)),
    Part(
        "found[cause] += one * distance / (2 * (2 - every)) * every",
        "found[cause] += one * distance / (2 * (2 - every)) * every / 2",
        needed("exponential"),
    ),
    Part("found[cause] += one * distance / (2 * (2 - every)) * every", "pass", needed("argument")),
    Part(
        "flushed = recipe.computing.least_normal * max(Fraction(1), 1 / self.offset) * 2",
        "flushed = recipe.computing.least_normal * 2",
        rules("drawn", 23),
    ),
    Part(
        "flushed = recipe.computing.least_normal * max(Fraction(1), 1 / self.offset) * 2 * self.rescaled / self.offset",
        "flushed = Fraction(0)",
        quoted("argument"),
    ),
    Part("* 2 * self.rescaled / self.offset", "* 2 * self.rescaled", rules("drawn", 7)),
    Part(
        "lost = n * (flushed + exponential_of(-Fraction(FURTHEST) / 2)[1] * 2) / self.top",
        "lost = n * flushed / self.top",
        quoted("weights far below all others, where numbers are as small"),
    ),
    Part("lost = n * (flushed +", "lost = (flushed +", quoted("argument")),
    Part("lost += self.cast_to_0(self.top)", "pass", rules("drawn", 28)),
    Part('("mask", self.leak)):', "):", needed("mask")),
    Part(
        "found[cause] += min(distance, one * distance / (1 - one)) if one < 1 else distance",
        "found[cause] += distance",
        shown("all in the ranges that these kernels are made for"),
    ),
    Part("found[cause] += one * size", "pass", needed("underflow")),
    Part('size * (1 + own["cast"] + own["underflow"]), self.top)', "size, self.top)", quoted("underflow")),
    Part(
        'self.computed(size * (1 + own["cast"] + self.cast_to_0(self.row)), self.row)',
        "pass",
        quoted("a row that is masked, whose output may be beyond the largest number"),
    ),
    Part("return recipe.weight.roundoff + (self.saturated", "return (self.saturated", needed("cast")),
    Part('(self.saturated if recipe.quotient != "weights" else 0)', "self.saturated", rules("drawn", 275)),
    Part("return min(Fraction(1), n * recipe.weight.unit / 2)", "return Fraction(0)", rules("drawn", 14)),
    Part(
        "tiny = n * recipe.weight.unit / 2 / self.offset",
        "tiny = recipe.weight.unit / 2 / self.offset",
        needed("underflow"),
    ),
    Part(
        "tiny = n * recipe.weight.unit / 2 / self.offset",
        "tiny = n * recipe.weight.unit / 2 * self.offset",
        shown("an offset that e4m3fn has room for"),
    ),
    Part(
        "of_o, merged = grown(self.u, n), grown(self.u, self.factors - 1 + means)",
        "of_o, merged = grown(self.u, 1), grown(self.u, self.factors - 1 + means)",
        not_shown("roundings and rescaling that have a bound each, but not together"),
    ),
    Part(
        "of_o, merged = grown(self.u, n), grown(self.u, self.factors - 1 + means)",
        "of_o, merged = grown(self.u, n), Fraction(0)",
        not_shown("roundings and rescaling that have a bound each, but not together"),
    ),
    Part("grown(self.u, self.factors - 1 + means)", "grown(self.u, self.factors - 1)", rules("drawn", 2)),
    Part(
        "grown(self.u, n - 1) if recipe.computing.has(recipe.weight.largest) else of_o",
        "grown(self.u, n - 1)",
        rules("drawn", 3),
    ),
    Part(
        "if both >= Fraction(1, 2):",
        "if False:",
        not_shown("roundings and rescaling that have a bound each, but not together"),
    ),
    Part(
        "unit = min(least * self.offset, Fraction(1))",
        "unit = Fraction(1)",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part(
        "small = (n + 2 * self.factors + 2) * self.q * (1 + most) / unit / (1 - both)",
        "small = Fraction(0)",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part('"sums": (of_o + of_l) * most', '"sums": of_o * most', quoted("argument")),
    Part('"merge": merged * (2 + of_o + of_l)', '"merge": merged * (1 + of_o + of_l)', quoted("argument")),
    Part("most = most * (1 + both) / (1 - both) + small", "pass", quoted("argument")),
    Part('grown(self.u, 2 if recipe.quotient == "reciprocal" else 1)', "grown(self.u, 1)", quoted("quotient")),
    Part("times = 2 if means else 1", "times = 1", rules("drawn", 2)),
    Part('many = n if recipe.quotient == "weights" else 1', "many = 1", rules("drawn", 7)),
    Part(
        "(of_quotient * most * (1 + of_quotient) + many * self.q * (1 + most))",
        "(of_quotient * most * (1 + of_quotient))",
        quoted("a threshold that d may miss by more than half"),
    ),
    Part('most += found["quotient"]', "pass", quoted("output")),
    Part(
        'self.require(recipe.computing, most, "a quotient")',
        "pass",
        not_finite("a quotient beyond the largest number, of sums that are not"),
    ),
    Part('self.require(recipe.output, most, "the output")', "pass", not_finite("an output beyond the largest number")),
    Part(
        'found["output"] = recipe.output.roundoff * most + recipe.output.unit / 2',
        'found["output"] = recipe.output.roundoff * most',
        rules("drawn", 3),
    ),
    Part(
        'found["output"] = recipe.output.roundoff * most + recipe.output.unit / 2',
        'found["output"] = recipe.output.unit / 2',
        needed("output"),
    ),
    Part("gap = max(self.numbers) - self.t[0] +", "gap = max(self.numbers) - self.t[1] +", rules("drawn", 23)),
    Part("return self.inputs.keys * exponential_of(gap)[1]", "return exponential_of(gap)[1]", quoted("mask")),
    Part("if error * number >= Fraction(1, 2):", "if False:", not_shown("as many keys as fp32 cannot count")),
    Part(
        "return error * number / (1 - error * number)",
        "return error * number",
        not_shown("roundings and rescaling that have a bound each, but not together"),
    ),
    Part(
        "if not least:\n",
        "if False:\n",
        not_finite("a product with a masked score, as a reference, that errs by more than exponents have"),
    ),
    Part("return 1 / most, 1 / least", "return 1 / least, 1 / most", ends("17")),
]


@pytest.mark.parametrize("number", range(len(PARTS)))
def test_each_part_of_the_bound_is_needed(number: int) -> None:
    part = PARTS[number]
    part.notices()
    with (
        mutated(bound, part.old, part.new),
        pytest.raises((AssertionError, pytest.fail.Exception, ArithmeticError, ValueError, bound.Unshown)),
    ):
        part.notices()
