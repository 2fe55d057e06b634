"""The arithmetic models of softmax attention: what exactly a certificate is about.

In every model the scores of a head are integers times beta, beta >= 1 a power of two, and are exact:

* beta = beta_query * beta_key, two powers of two whose exponents are half of beta's, rounded up and down;
  they scale W_Q and W_K. The scaled query and key activations are 0 or +-beta_query and 0 or +-beta_key;
  both must be values of the activation format.
* Let `largest_score` bound the sum of the absolute values of the terms of an integer score (so it bounds
  every partial sum, in any order). The scores live in the format `scores`; with p its precision,
  largest_score <= 2^p and beta * largest_score <= max_finite make each of them, and each partial sum, a
  value of it.

Weights, MLP sums, residual sums and logits are held in the linear format L, fp32 or that of ``+linearL`` (ARITHMETIC
8).  `certificates.linear_format` decides whether L holds a network, so that nothing is rounded there.

After the formats a model may name *steps* (`steps`, ARITHMETIC 2): with ``+headH``, beta sqrt(H) is split instead of
beta, and the conditions are about it; with ``+once``, scores need not be values of their format
(`effective_separation`).

`assumptions` says what a model takes for granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from exactformer.verify.arithmetic.formats import (
    FP32,
    FixedFormat,
    FloatFormat,
    Format,
    FormatError,
    FormatOverflow,
    counted,
    is_representable,
    parse_format,
    round_to,
)
from exactformer.verify.arithmetic.kernels import WHOLE, NamedKernel, named_kernel
from exactformer.verify.arithmetic.steps import NO_STEPS, Bases, StepError, Steps, parse_steps

EXACT_IN_HEADS = (
    "Every weighted sum of values is exact except where the model names a rounding or an accumulator.",
    "The exponential, the difference of two scores and the final quotient are each the exact real number,"
    " rounded once where the model says so, to nearest with ties to even.",
)
AS_STEPS_SAY = (
    "Exponentials, sums, products and quotients err as the model's steps allow (ARITHMETIC 2), and are otherwise exact"
    " or rounded once, to nearest with ties to even; the difference of two scores is exact.",
)


class ModelError(ValueError):
    """A text, or a combination of formats, is not that of an arithmetic model, or a number does not suit the model."""


@dataclass(frozen=True)
class Exact:
    """Real softmax: o = sum_j a_j v_j with a = softmax(beta s), nothing rounded after the scores."""

    scores: Format = FP32

    @property
    def steps(self) -> Steps:
        """None: real softmax has no steps."""
        return NO_STEPS

    @property
    def linear(self) -> Format | None:
        """None: everything is computed with real numbers."""
        return None

    @property
    def lowest_exponent(self) -> int:
        """As in `Rounded`; there is no format but that of scores."""
        return 0

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        return "exact" + _scores_suffix(self.scores)


@dataclass(frozen=True)
class Rounded:
    """Normalise, then round: o = rnd_activations(sum_j rnd_weights(a_j) v_j), a = softmax(beta s), the sum
    exact.

    With an accumulator, exponentials e_j, their sum, the quotients a_j = e_j / sum and the sum over j are rounded to
    it, sums by additions in any order.  Raises ModelError where the accumulator does not hold the weights.
    """

    weights: Format
    activations: Format
    scores: Format = FP32
    accumulator: Format | None = None
    steps: Steps = NO_STEPS

    def __post_init__(self) -> None:
        if self.accumulator is not None:
            _check_accumulator(self.weights, self.accumulator)

    @property
    def linear(self) -> Format:
        """L: the format of weights, MLP sums, residual sums and logits (ARITHMETIC 8)."""
        return self.steps.linear

    @cached_property
    def lowest_exponent(self) -> int:
        """Weights, sums and activations are multiples of 2 to this power."""
        formats = (self.weights, self.activations, self.accumulator)
        return min(each.quantum_exponent for each in formats if each is not None)

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        formats = [f for f in (self.weights, self.accumulator, self.activations) if f is not None]
        named = "/".join(f.name for f in formats)
        return f"rounded:{named}{_scores_suffix(self.scores)}{self.steps.text}"


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
    steps: Steps = NO_STEPS

    def __post_init__(self) -> None:
        _check_accumulator(self.weights, self.accumulator)

    @property
    def linear(self) -> Format:
        """L, as in `Rounded`."""
        return self.steps.linear

    @cached_property
    def lowest_exponent(self) -> int:
        """As in `Rounded`."""
        return min(each.quantum_exponent for each in (self.weights, self.accumulator, self.activations))

    @property
    def text(self) -> str:
        """The canonical text, which `parse_arithmetic` reads back."""
        formats = f"{self.weights.name}/{self.accumulator.name}/{self.activations.name}"
        return f"fused:{formats}{_scores_suffix(self.scores)}{self.steps.text}"


ArithmeticModel = Exact | Rounded | Fused


def is_plain(model: ArithmeticModel) -> bool:
    """Whether no step changes what a head does after its scores, and weights are not quotients in an accumulator."""
    in_accumulator = isinstance(model, Rounded) and model.accumulator is not None
    return not (in_accumulator or model.steps.behind_scores)


def assumptions(model: ArithmeticModel) -> tuple[str, ...]:
    """What a claim in this arithmetic takes for granted about the computation, if activations are ternary."""
    held = "computed with real numbers" if model.linear is None else f"held in {model.linear.name}"
    around = f"Weights, MLP sums, residual sums and logits are {held}."
    return (around, *(EXACT_IN_HEADS if is_plain(model) else AS_STEPS_SAY))


def exact_around_heads(model: ArithmeticModel) -> tuple[str, ...]:
    """What a certificate shows about the computation outside attention, if activations are ternary (ARITHMETIC 8)."""
    if model.linear is None:
        return ()
    return (
        f"In {model.linear.name}, weights, and all partial sums of MLPs, residual sums and logits, are exact, in any "
        f"order of addition: they are integers of magnitude at most {counted(model.linear)}.",
    )


@dataclass(frozen=True)
class BetaSplit:
    """beta sqrt(H) = query * key, powers of two: query scales W_Q and key scales W_K; H = 1 without ``+headH``."""

    query: int
    key: int

    @property
    def beta(self) -> int:
        """query * key, which is beta if scores are not divided by sqrt(H)."""
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


def split_for(model: ArithmeticModel, beta: int) -> BetaSplit:
    """How W_Q and W_K share beta, a power of two, and the divisor of scores.

    >>> split_for(parse_arithmetic("fused:bf16+head64"), 16)
    BetaSplit(query=16, key=8)
    """
    return split_beta(beta.bit_length() - 1 + model.steps.head_exponent)


def scores_are_exact(model: ArithmeticModel, largest_score: int, exponent: int) -> bool:
    """Whether the conditions at the head of this file hold at beta = 2^exponent; with ``+once``, whether scores are in
    range.

    largest_score >= 1 bounds the sum of the absolute values of the terms of any integer score.
    """
    split = split_beta(exponent + model.steps.head_exponent)
    largest = Fraction(largest_score)
    if model.steps.once:
        # Scores are beta sqrt(H) times integers, and rounding commutes with powers of two: integers are normal.
        try:
            largest = round_to(model.scores, largest)
        except FormatOverflow:
            return False
    in_range = split.beta * largest <= model.scores.max_finite
    # The key's factor is at most the query's, and both are powers of two >= 1: one test covers both.
    scaled = isinstance(model, Exact) or is_representable(model.activations, Fraction(split.query))
    return (model.steps.once or _holds_integers(model.scores, largest_score)) and in_range and scaled


def gaps_are_kept(model: ArithmeticModel, largest_score: int) -> bool:
    """Whether rounding changes no score, so that gaps between scores are those of the integers."""
    return _holds_integers(model.scores, largest_score)


def _holds_integers(scores: Format, largest_score: int) -> bool:
    return isinstance(scores, FixedFormat) or largest_score <= 1 << scores.precision


@lru_cache(maxsize=1 << 10)
def effective_separation(model: ArithmeticModel, separation: int, largest_score: int) -> int:
    """D': how far apart scores of magnitude at most ``largest_score`` are, once they are rounded, if they are
    ``separation`` apart or more before; 0 if rounding may make them equal.

    Rounding is monotone, so scores that differ by more stay at least as far apart as some pair a, a - D does.  A
    floating format that holds the integer 1 exactly rounds integers to integers.

    >>> model = parse_arithmetic("fused:bf16@e4m3fn+once")
    >>> [effective_separation(model, 2, largest) for largest in (16, 18, 24)]
    [2, 1, 0]
    """
    if gaps_are_kept(model, largest_score) or not model.steps.once or 2 * largest_score < separation:
        return separation
    rounded = {a: round_to(model.scores, Fraction(a)) for a in range(-largest_score, largest_score + 1)}
    return int(min(rounded[a] - rounded[a - separation] for a in range(separation - largest_score, largest_score + 1)))


def largest_beta_exponent(model: ArithmeticModel, largest_score: int) -> int:
    """The largest e such that with beta = 2^e all scores and scaled activations are exact (with ``+once``: in range).

    largest_score >= 1 bounds the sum of the absolute values of the terms of any integer score; it is the length of the
    longest query list.  Raises ModelError when there is no such e: the scores do not fit their format even at
    beta = 1, or the heads do not fit H.

    >>> largest_beta_exponent(parse_arithmetic("fused:bf16"), 64)
    121
    >>> largest_beta_exponent(parse_arithmetic("rounded:fp16"), 64)
    30
    """
    if largest_score < 1:
        raise ModelError(f"largest_score must be at least 1, got {largest_score}")
    head = model.steps.head
    if 1 < head < largest_score:
        raise ModelError(
            f"arithmetic {model.text!r}: heads are padded to {head} coordinates, but a query has {largest_score}; "
            f"name a larger +headH"
        )
    if not scores_are_exact(model, largest_score, 0):
        times = "" if head == 1 else f", times sqrt({head}),"
        wanted = "in the range of" if model.steps.once else "exact in"
        raise ModelError(f"scores up to {largest_score}{times} are not {wanted} {model.scores.name}; name wider scores")
    # All conditions are upper limits on beta, so the exponents that meet them are an interval from 0 on.
    low, high = 0, model.scores.max_finite.numerator.bit_length()
    while low < high:
        middle = (low + high + 1) // 2
        if scores_are_exact(model, largest_score, middle):
            low = middle
        else:
            high = middle - 1
    return low


def largest_held_exponent(model: ArithmeticModel, largest_exponent: int) -> int:
    """The largest e up to this one such that the linear format holds the scale of W_Q at beta = 2^e (ARITHMETIC 8).

    >>> largest_held_exponent(parse_arithmetic("rounded:bf16/bf16+linearfp16"), 120)
    30
    """
    linear = model.linear
    if linear is None:
        return largest_exponent
    scales = ((e, Fraction(split_for(model, 1 << e).query)) for e in range(largest_exponent, -1, -1))
    return next((e for e, scale in scales if is_representable(linear, scale)), 0)


KERNEL = "kernel:"


def parse_arithmetic(text: str, *, of_networks: bool = False) -> ArithmeticModel:
    """The model that a text names; `parse_arithmetic(model.text) == model` for every model.

    `exact`; `rounded:W/A`, `rounded:W` for W/W, `rounded:W/ACC/A`; `fused:W/ACC/A`, `fused:W` for W/fp32/W; each may
    end in `@S` for scores in a format S other than fp32, and in steps (`steps.CATALOGUE`).  `kernel:NAME` is one of
    `kernels.KERNELS`.  ``of_networks``: for networks whose activations are not ternary; only these take ``+stored``, or
    a format alone (`kernels.WHOLE`).  Raises ModelError, quoting the text.

    >>> parse_arithmetic("fused:bf16").text
    'fused:bf16/fp32/bf16'
    """
    if text.startswith(KERNEL):
        kernel = named_kernel(text.removeprefix(KERNEL))
        if not isinstance(kernel, NamedKernel):
            raise ModelError(f"unknown kernel {text!r}; known are {', '.join(KERNEL + name for name in kernel)}")
        return parse_arithmetic(kernel.arithmetic)
    if of_networks and text in WHOLE:
        return parse_arithmetic(WHOLE[text], of_networks=True)
    base, *names = text.split("+")
    body, at, scores_text = base.partition("@")
    kind, _, formats_text = body.partition(":")
    try:
        scores = parse_format(scores_text) if at else FP32
        formats = [parse_format(name) for name in formats_text.split("/")] if formats_text else []
        steps = _steps_for(f"{kind}:{len(formats)}", formats, names)
    except (FormatError, StepError) as error:
        raise ModelError(f"arithmetic {text!r}: {error}") from error
    if steps.stored and not of_networks:
        raise ModelError(f"arithmetic {text!r}: +stored is for words of a language only; leave it out")
    match kind, formats:
        case "exact", [] if ":" not in body:
            return Exact(scores)
        case "rounded", [both]:
            return Rounded(both, both, scores, steps=steps)
        case "rounded", [weights, activations]:
            return Rounded(weights, activations, scores, steps=steps)
        case "rounded", [weights, accumulator, activations]:
            return Rounded(weights, activations, scores, accumulator, steps)
        case "fused", [both]:
            return Fused(both, FP32, both, scores, steps)
        case "fused", [weights, accumulator, activations]:
            return Fused(weights, accumulator, activations, scores, steps)
    raise ModelError(
        f"unknown arithmetic {text!r}; known are exact, rounded:W/A, rounded:W, rounded:W/ACC/A, fused:W/ACC/A and"
        " fused:W, where W, ACC and A are number formats, with @S for the format of the scores and +steps after it,"
        " and kernel:NAME"
    )


def _steps_for(base: str, formats: list[Format], names: list[str]) -> Steps:
    """The steps with these names, if models of this kind, with this many formats, take them; raises StepError."""
    steps, given = parse_steps(names)
    taken = {
        "rounded:1": {Bases.NOT_EXACT},
        "rounded:2": {Bases.NOT_EXACT},
        "rounded:3": {Bases.NOT_EXACT, Bases.THREE_FORMATS},
        "fused:1": set(Bases),
        "fused:3": set(Bases),
        "exact:0": set[Bases](),
    }.get(base)
    for kind, name in given:
        if taken is not None and kind.bases not in taken:
            raise StepError(f"'+{name}' goes with {kind.bases.value} only")
    accumulator = FP32 if len(formats) == 1 else formats[1] if len(formats) == 3 else None
    if accumulator is None or not (steps.behind_scores or base == "rounded:3"):
        return steps
    if not isinstance(accumulator, FloatFormat):
        raise StepError(f"the accumulator {accumulator.name} is not floating; name a floating one")
    most = 1 << (accumulator.precision - 2)
    if steps.exponential is not None and steps.exponential.ulps > most:
        raise StepError(f"'+exp{steps.exponential.ulps}': exp errs by 1 to {most} ulp in {accumulator.name}")
    return steps


def _scores_suffix(scores: Format) -> str:
    return "" if scores == FP32 else f"@{scores.name}"


def _check_accumulator(weights: Format, accumulator: Format) -> None:
    if not _unit_interval_contained(weights, accumulator):
        raise ModelError(
            f"accumulator {accumulator.name} does not hold every value of {weights.name} in [0, 1]; name a wider"
            " accumulator"
        )


def _unit_interval_contained(inner: Format, outer: Format) -> bool:
    """Whether every value of `inner` in [0, 1] is one of `outer`."""
    # Such a value is n 2^k with k >= inner's quantum exponent and n of `significant` bits (or a power of
    # two).
    significant = inner.fractional_bits if isinstance(inner, FixedFormat) else inner.precision
    precise = isinstance(outer, FixedFormat) or outer.precision >= significant
    return precise and outer.quantum_exponent <= inner.quantum_exponent
