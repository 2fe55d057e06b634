"""The arithmetic models of softmax attention: what exactly a certificate speaks about (spec section 4.2).

In every model the scores of a head are integers times beta, beta >= 1 a power of two, and are exact:

* beta = beta_query * beta_key, two powers of two whose exponents are half of beta's, rounded up and down;
  they scale W_Q and W_K. The scaled query and key activations are 0 or +-beta_query and 0 or +-beta_key;
  both must be values of the activation format.
* Let `largest_score` bound the sum of the absolute values of the terms of an integer score (so it bounds
  every partial sum, in any order). The scores live in the format `scores`; with p its precision,
  largest_score <= 2^p and beta * largest_score <= max_finite make each of them, and each partial sum, a
  value of it.

What is *not* modelled is written in `ASSUMPTIONS`, and holds for every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from verify.arithmetic.formats import (
    FP32,
    FixedFormat,
    Format,
    FormatError,
    is_representable,
    parse_format,
)

ASSUMPTIONS: tuple[str, ...] = (
    "Every MLP is computed exactly: its inputs are ternary and its weights, biases and sums are integers.",
    "Every weighted sum of values is exact except where the model names a rounding or an accumulator.",
    "The exponential, the difference of two scores and the final quotient are each the exact real number,"
    " rounded once where the model says so, to nearest with ties to even.",
    "The residual stream adds integers exactly.",
)


class ModelError(ValueError):
    """A text or a combination of formats names no arithmetic model, or a number does not suit the model."""


@dataclass(frozen=True)
class Exact:
    """Real softmax: o = sum_j a_j v_j with a = softmax(beta s), nothing rounded after the scores."""

    scores: Format = FP32

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        return "exact" + _scores_suffix(self.scores)


@dataclass(frozen=True)
class Rounded:
    """Normalise, then round: o = rnd_activations(sum_j rnd_weights(a_j) v_j), a = softmax(beta s), the sum
    exact."""

    weights: Format
    activations: Format
    scores: Format = FP32

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        return f"rounded:{self.weights.name}/{self.activations.name}{_scores_suffix(self.scores)}"


@dataclass(frozen=True)
class Fused:
    """As blockwise kernels do it: p_j = rnd_weights(exp(beta (s_j - s_max))), o = rnd_activations(num / den).

    num = sum_j p_j v_j and den = sum_j p_j are each accumulated by additions in the accumulator format, in
    any order and not necessarily the same one; the terms p_j v_j are values of the accumulator format.
    Raises ModelError when some attention weight in [0, 1] is not a value of the accumulator format: such a
    kernel would round the terms too, and no bound here covers that.
    """

    weights: Format
    accumulator: Format
    activations: Format
    scores: Format = FP32

    def __post_init__(self) -> None:
        if not _unit_interval_contained(self.weights, self.accumulator):
            raise ModelError(
                f"accumulator {self.accumulator.name} does not hold every value of {self.weights.name}"
                " in [0, 1]; name a wider accumulator"
            )

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        formats = f"{self.weights.name}/{self.accumulator.name}/{self.activations.name}"
        return f"fused:{formats}{_scores_suffix(self.scores)}"


ArithmeticModel = Exact | Rounded | Fused


@dataclass(frozen=True)
class BetaSplit:
    """beta = query * key, powers of two: query scales W_Q and key scales W_K."""

    query: int
    key: int

    @property
    def beta(self) -> int:
        """query * key."""
        return self.query * self.key


def split_beta(exponent: int) -> BetaSplit:
    """The split of beta = 2^exponent; the query's exponent is ceil(exponent / 2), the key's the floor.

    Raises ModelError for a negative exponent.

    >>> split_beta(5)
    BetaSplit(query=8, key=4)
    """
    if exponent < 0:
        raise ModelError(f"beta is a power of two >= 1, but the exponent is {exponent}")
    return BetaSplit(1 << (exponent - exponent // 2), 1 << (exponent // 2))


def scores_are_exact(model: ArithmeticModel, largest_score: int, exponent: int) -> bool:
    """Whether the demands at the head of this file hold at beta = 2^exponent.

    largest_score >= 1 bounds the sum of the absolute values of the terms of any integer score.
    """
    split = split_beta(exponent)
    fine_enough = isinstance(model.scores, FixedFormat) or largest_score <= 1 << model.scores.precision
    in_range = split.beta * largest_score <= model.scores.max_finite
    # The key's factor is at most the query's, and both are powers of two >= 1: one test covers both.
    scaled = isinstance(model, Exact) or is_representable(model.activations, Fraction(split.query))
    return fine_enough and in_range and scaled


def largest_beta_exponent(model: ArithmeticModel, largest_score: int) -> int:
    """The largest e such that with beta = 2^e all scores and scaled activations are exact.

    largest_score >= 1 bounds the sum of the absolute values of the terms of any integer score. Raises
    ModelError when there is no such e: the scores do not fit their format even at beta = 1.

    >>> largest_beta_exponent(parse_arithmetic("fused:bf16"), 64)
    121
    >>> largest_beta_exponent(parse_arithmetic("rounded:fp16"), 64)
    30
    """
    if largest_score < 1:
        raise ModelError(f"largest_score must be at least 1, got {largest_score}")
    if not scores_are_exact(model, largest_score, 0):
        raise ModelError(f"scores up to {largest_score} are not exact in {model.scores.name}; name wider scores")
    # All demands are upper limits on beta, so the exponents that meet them are an interval from 0 on.
    low, high = 0, model.scores.max_finite.numerator.bit_length()
    while low < high:
        middle = (low + high + 1) // 2
        if scores_are_exact(model, largest_score, middle):
            low = middle
        else:
            high = middle - 1
    return low


def parse_arithmetic(text: str) -> ArithmeticModel:
    """The model that a text names; `parse_arithmetic(model.text) == model` for every model.

    `exact`; `rounded:W/A`, `rounded:W` for W/W; `fused:W/ACC/A`, `fused:W` for W/fp32/W; each may end in
    `@S` for scores in a format S other than fp32. Raises ModelError, quoting the text.

    >>> parse_arithmetic("fused:bf16").text
    'fused:bf16/fp32/bf16'
    """
    body, at, scores_text = text.partition("@")
    kind, _, names = body.partition(":")
    try:
        scores = parse_format(scores_text) if at else FP32
        formats = [parse_format(name) for name in names.split("/")] if names else []
    except FormatError as error:
        raise ModelError(f"arithmetic {text!r}: {error}") from error
    match kind, formats:
        case "exact", [] if ":" not in body:
            return Exact(scores)
        case "rounded", [both]:
            return Rounded(both, both, scores)
        case "rounded", [weights, activations]:
            return Rounded(weights, activations, scores)
        case "fused", [both]:
            return Fused(both, FP32, both, scores)
        case "fused", [weights, accumulator, activations]:
            return Fused(weights, accumulator, activations, scores)
    raise ModelError(
        f"unknown arithmetic {text!r}; known are exact, rounded:W/A, rounded:W, fused:W/ACC/A and fused:W,"
        " where W, ACC and A are number formats, and @S after any of them for the format of the scores"
    )


def _scores_suffix(scores: Format) -> str:
    return "" if scores == FP32 else f"@{scores.name}"


def _unit_interval_contained(inner: Format, outer: Format) -> bool:
    """Whether every value of `inner` in [0, 1] is one of `outer`."""
    # Such a value is n 2^k with k >= inner's quantum exponent and n of `significant` bits (or a power of
    # two).
    significant = inner.fractional_bits if isinstance(inner, FixedFormat) else inner.precision
    precise = isinstance(outer, FixedFormat) or outer.precision >= significant
    return precise and outer.quantum_exponent <= inner.quantum_exponent
