"""What each arithmetic asks of a construction, context by context: beta, parameters and bits (spec 4.5, 1.3).

A row says what the rounding inequalities (SPEC 16) give, *taken as given* that look-ups separate by 2 and all other
heads by 1, and for every number of maximisers up to the context N.  That the hardmax network of a machine is right, and
separates so, is for `verify.annotation.proof` to prove; nothing here runs that proof.

What is decided depends on beta * separation alone (tau >= exp(-beta D)), and on N: so one threshold for beta * D serves
look-ups and content heads, and a context of 2^64 tokens costs no more than one of 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import TypeGuard

from constructions.transformer.program import HeadKind
from constructions.turing.paradigm import LARGEST_CONTEXT, Paradigm, position_bits_for
from verify.arithmetic.exponential import LARGEST_EXPONENT
from verify.arithmetic.formats import (
    FixedFormat,
    FloatFormat,
    Format,
    ieee_format,
    power_of_two,
    round_ratio,
    rounding_cell,
)
from verify.arithmetic.models import (
    ArithmeticModel,
    BetaSplit,
    Exact,
    Rounded,
    effective_separation,
    largest_beta_exponent,
    split_for,
)
from verify.arithmetic.ties import MOST_ONE_BY_ONE, TieFacts, decide_ties
from verify.counting import HeadPlace, NetworkSize, Subject, network_size


class HeadClass(Enum):
    """Heads with one separation and one bound on ties: the construction has these three."""

    LOOKUP = "look-up (D = 2, ties 1)"
    CONTENT = "content head (D = 1, ties 1)"
    SEARCH = "content head (D = 1, ties 1..N)"

    @property
    def separation(self) -> int:
        """How far below the maximisers all others score, as the construction's proof establishes."""
        return 2 if self is HeadClass.LOOKUP else 1

    def most_ties(self, context: int) -> int:
        """How many maximisers may share a value other than 0."""
        return context if self is HeadClass.SEARCH else 1


SEARCHES = ("written", "exists_high")
"""Heads at which all writers of a cell tie, with the value 1 (spec 4.3)."""


def class_of(head: HeadPlace) -> HeadClass:
    """The class of a head of the construction.

    >>> class_of(HeadPlace(7, "exists_high_2", HeadKind.CONTENT)).separation
    1
    """
    if head.kind is HeadKind.LOOKUP:
        return HeadClass.LOOKUP
    return HeadClass.SEARCH if head.name.rpartition("_")[0] in SEARCHES else HeadClass.CONTENT


@dataclass(frozen=True)
class Need:
    """What one class of heads asks for.

    separation: that of the scores as the model rounds them.
    threshold: the least integer x such that the inequalities hold wherever beta * separation >= x; None if they hold
        nowhere.  The real number from which on they hold is in (x - 1, x], or in [0, 1] for x = 1.
    least_beta: the smallest power of two >= 1 that is admitted and at which they hold; None if there is none.
    """

    heads: HeadClass
    separation: int
    threshold: int | None
    least_beta: int | None

    @property
    def real_beta(self) -> tuple[Fraction, Fraction] | None:
        """An enclosure of the real beta from which on the inequalities hold, were scores exact there."""
        if self.threshold is None:
            return None
        return Fraction(self.threshold - 1, self.separation), Fraction(self.threshold, self.separation)


class Verdict(Enum):
    """``FAILS``: a number of maximisers is got wrong even if nothing leaks; ``OPEN``: one is not shown to be right."""

    PROVED = "proved"
    FAILS = "fails"
    OPEN = "open"


@dataclass(frozen=True)
class Bits:
    """What a binary floating-point format must have to hold some values: significand bits (the leading one included)
    and exponents."""

    significand: int
    lowest: int
    highest: int

    @property
    def exponent(self) -> int:
        """Bits of an exponent field with a code for each exponent from ``lowest`` to ``highest``, and one for zero.

        >>> Bits(1, 0, 0).exponent, Bits(1, -6, 8).exponent
        (1, 4)
        """
        return (self.highest - self.lowest + 1).bit_length()


@dataclass(frozen=True)
class Largest:
    """The largest magnitude in one kind of matrix, beta included."""

    matrix: str
    magnitude: int


@dataclass(frozen=True)
class Row:
    """One arithmetic at one context.

    beta: the power of two chosen as `verify.all_inputs.assess_all` does: the largest least beta of the classes that
        have one; the largest admitted if none has.
    writes: at beta, the inequalities hold for every number of maximisers from 1 up to this; N if proved, 0 if they do
        not hold for one maximiser.
    """

    model: ArithmeticModel
    context: int
    size: NetworkSize
    needs: tuple[Need, ...]
    largest_beta: int
    beta: int
    writes: int
    verdict: Verdict
    attention_weights: Bits | None

    @property
    def split(self) -> BetaSplit:
        """How beta is shared by W_Q and W_K."""
        return split_for(self.model, self.beta)

    @property
    def failing(self) -> int | None:
        """The smallest number of maximisers at which the inequalities do not hold; None where proved."""
        return None if self.verdict is Verdict.PROVED else self.writes + 1

    @property
    def binding(self) -> HeadClass:
        """The class that asks for the largest beta; the first of those that none serves, if there are any."""
        unserved = [need.heads for need in self.needs if need.least_beta is None]
        if unserved:
            return unserved[0]
        most = max(need.least_beta or 0 for need in self.needs)
        # Of classes that need the same beta, the one that asks most: more ties, then a smaller separation.
        return [need.heads for need in self.needs if need.least_beta == most][-1]

    @property
    def real_beta(self) -> tuple[Fraction, Fraction] | None:
        """An enclosure of the real beta from which on all classes hold, were scores exact there; None if not all do."""
        enclosures = [need.real_beta for need in self.needs]
        known = [enclosure for enclosure in enclosures if enclosure is not None]
        return max(known, key=lambda enclosure: enclosure[1]) if len(known) == len(enclosures) else None

    @property
    def largest(self) -> tuple[Largest, ...]:
        """Per kind of matrix, in the order of SPEC 4."""
        return tuple(
            Largest(matrix.matrix, max(map(abs, _scaled(matrix.matrix, matrix.values, self.split)), default=0))
            for matrix in self.size.matrices
        )

    @property
    def largest_parameter(self) -> Largest:
        """The largest of all; the first in the order of SPEC 4."""
        return max(self.largest, key=lambda largest: largest.magnitude)

    @property
    def parameter_values(self) -> frozenset[int]:
        """All different non-zero parameters, beta included."""
        return frozenset(v for m in self.size.matrices for v in _scaled(m.matrix, m.values, self.split))

    @property
    def weights(self) -> Bits:
        """What the parameters need."""
        return _bits_of(self.parameter_values)

    @property
    def activations(self) -> Bits:
        """What activations need: ternary, and in queries and keys +-1 times their part of beta."""
        return Bits(1, 0, self.split.query.bit_length() - 1)

    @property
    def scores(self) -> Bits:
        """What every partial sum of a score needs: beta sqrt(H) times an integer up to the longest query list."""
        largest, scale = self.size.dimensions.query_width, self.split.beta
        return Bits(largest.bit_length(), scale.bit_length() - 1, (scale * largest).bit_length() - 1)


def audit(
    subject: Subject, paradigm: Paradigm, models: Iterable[ArithmeticModel], contexts: Iterable[int]
) -> Iterator[Row]:
    """The rows, arithmetic by arithmetic, each for all contexts.

    Raises ContextError for contexts that the construction does not have, and ModelError when scores are not exact at
    any beta.
    """
    lengths = tuple(contexts)
    bits = {context: position_bits_for(context, paradigm) for context in lengths}
    sizes = {r: network_size(paradigm, subject, r) for r in sorted(set(bits.values()))}
    for model in models:
        for context in lengths:
            yield audit_row(model, context, sizes[bits[context]])


def audit_row(model: ArithmeticModel, context: int, size: NetworkSize) -> Row:
    """One row, from the counts of the network for the context."""
    exponent = largest_beta_exponent(model, size.dimensions.query_width)
    apart = {heads: effective_separation(model, heads.separation, size.dimensions.query_width) for heads in HeadClass}
    needs = tuple(_need(model, heads, apart[heads], context, exponent) for heads in HeadClass)
    beta = max((need.least_beta for need in needs if need.least_beta is not None), default=1 << exponent)
    writes = _writes(model, apart, context, beta)
    verdict = Verdict.OPEN
    if writes == context:
        verdict = Verdict.PROVED
    elif _is_plain_rounded(model) and writes + 1 == least_misrounded(model):
        verdict = Verdict.FAILS
    return Row(model, context, size, needs, 1 << exponent, beta, writes, verdict, attention_weight_bits(model, context))


def _need(model: ArithmeticModel, heads: HeadClass, separation: int, context: int, largest_exponent: int) -> Need:
    threshold = None if separation < 1 else least_scaled_separation(model, heads.most_ties(context), context)
    if threshold is None:
        return Need(heads, separation, None, None)
    quotient = -(-threshold // separation)
    exponent = (quotient - 1).bit_length()
    return Need(heads, separation, threshold, 1 << exponent if exponent <= largest_exponent else None)


def _is_plain_rounded(model: ArithmeticModel) -> TypeGuard[Rounded]:
    return isinstance(model, Rounded) and not model.composed


@lru_cache(maxsize=1 << 14)
def least_scaled_separation(model: ArithmeticModel, most: int, context: int) -> int | None:
    """The least integer x = beta * separation at which all numbers of maximisers from 1 to ``most`` hold; None if
    there is none.

    Bisection is right as in `smallest_beta_for_ties`: the bounds shrink as x grows; beyond 4096 they stay.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> least_scaled_separation(parse_arithmetic("fused:bf16"), 1, 2**20)
    93
    """
    # One maximiser is the cheapest to decide, and where all hold it does: mostly they hold from there on.
    low = 1 if most == 1 else least_scaled_separation(model, 1, context)
    high = LARGEST_EXPONENT
    cap = least_misrounded(model) if _is_plain_rounded(model) and most > 1 else None
    if low is None or (cap is not None and cap <= most):
        return None
    if most_ties(model, low, most, context) == most:
        return low
    if most_ties(model, high, most, context) < most:
        return None
    while low < high:
        middle = (low + high) // 2
        if most_ties(model, middle, most, context) == most:
            high = middle
        else:
            low = middle + 1
    return low


@lru_cache(maxsize=1 << 14)
def most_ties(model: ArithmeticModel, x: int, most: int, context: int) -> int:
    """`decide_ties` at x = beta * separation: up to how many maximisers hold.

    Of rounded models fewer than `least_misrounded` hold.  What holds in a longer context holds in a shorter one, as
    fewer positions leak less: where that many hold at the next 2^8, 2^16, 2^24, .., nothing is left to decide.
    """
    cap = least_misrounded(model) if _is_plain_rounded(model) and most > 1 else None
    if cap is None or cap > most:
        return decide_ties(model, TieFacts(x, most, context), 1).up_to
    longer = 1 << 8 * -(-(context - 1).bit_length() // 8)
    if context < longer and most_ties(model, x, cap, longer) == cap - 1:
        return cap - 1
    return decide_ties(model, TieFacts(x, cap - 1, context), 1).up_to


@lru_cache(maxsize=1 << 10)
def least_misrounded(model: Rounded) -> int | None:
    """The least number of maximisers with the value 1 that do not give 1 even if nothing else is visible.

    None if none was found up to the longest context; of those at which 1/m is subnormal only 2^20 are tried.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> [least_misrounded(parse_arithmetic(f"rounded:{formats}")) for formats in ("bf16", "fp16/bf16", "fp32/bf16")]
    [61, 65923, None]
    """
    cell, first = rounding_cell(model.activations, Fraction(1)), 1
    if isinstance(model.weights, FloatFormat):
        u = power_of_two(-model.weights.precision)
        if cell.contains(1 - u) and cell.contains(1 + u):
            first += 1 << -model.weights.emin  # |m rnd(1/m) - 1| <= u where 1/m is normal (lemma `rounding.spare-bit`)
    last = min(LARGEST_CONTEXT, first + MOST_ONE_BY_ONE)
    trials = range(first, last + 1)
    return next((m for m in trials if not cell.contains(m * round_ratio(model.weights, 1, m))), None)


def _writes(model: ArithmeticModel, apart: dict[HeadClass, int], context: int, beta: int) -> int:
    """For how many maximisers, from 1 on, every class of heads holds at beta."""
    holding = {
        heads: most_ties(model, beta * apart[heads], heads.most_ties(context), context) if apart[heads] else 0
        for heads in HeadClass
    }
    alone = (holding[HeadClass.LOOKUP], holding[HeadClass.CONTENT])
    return holding[HeadClass.SEARCH] if all(alone) else 0


LOWEST_EXPONENT = -512
"""No attention weight that is not to be rounded to 0 is smaller: contexts end at 2^64."""


def attention_weight_bits(model: ArithmeticModel, context: int) -> Bits | None:
    """What attention weights need for the inequalities to hold for all maximisers up to N, all else as in the model.

    fused: a maximiser has p = 1, and others round to 0 or are swallowed.  rounded: weights are 1/m and down to 1/N;
    the significand is the shortest that serves with exponents without a limit, at the largest beta.  None: none serves;
    or the model is composed, where that is not asked.
    """
    if not isinstance(model, Exact) and model.composed:
        return None
    if not isinstance(model, Rounded):
        return Bits(1, 0, 0)
    significand = _least_significand(model.activations, context)
    return None if significand is None else Bits(significand, -((context - 1).bit_length()), 0)


MOST_PROBED = 1 << 8
"""Up to so many maximisers are looked at for a significand that does not decide all at once."""


@lru_cache(maxsize=1 << 12)
def _least_significand(activations: Format, context: int) -> int | None:
    """Rounded attention weights of that many bits give activations of this format their values.

    Up to MOST_PROBED maximisers no fewer bits do; beyond, none of those that decide all numbers of them at once.
    """
    own = activations.fractional_bits + 1 if isinstance(activations, FixedFormat) else activations.precision
    at_once = own + 2  # u is a quarter of the spacing below 1, so that what leaks has room
    for precision in range(2, at_once + 1):
        model = Rounded(ieee_format(precision, LOWEST_EXPONENT, 0), activations)
        most = context if precision == at_once else min(context, MOST_PROBED)
        if decide_ties(model, TieFacts(LARGEST_EXPONENT, most, context), 1).up_to == context:
            return precision
    return None


def _scaled(matrix: str, values: Iterable[int], split: BetaSplit) -> set[int]:
    scale = {"query": split.query, "key": split.key}.get(matrix, 1)
    return {scale * value for value in values}


def _bits_of(values: Iterable[int]) -> Bits:
    """What non-zero integers need."""
    magnitudes = sorted({abs(value) for value in values})
    odd = max(magnitude // (magnitude & -magnitude) for magnitude in magnitudes)
    return Bits(odd.bit_length(), magnitudes[0].bit_length() - 1, magnitudes[-1].bit_length() - 1)
