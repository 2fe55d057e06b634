"""What each arithmetic needs from a construction, context by context: beta, parameters and bits.

A row says what rounding does (ARITHMETIC 6), *given* that look-ups separate by 2 and all other heads by 1.  Nothing
here proves that the hardmax network of a machine is right and separates so: certificates do.  Everything else is
decided as in `certify --all-inputs`, by `decide_heads`, with the same bound on how many tokens may tie, `most_writes`.
So no row contradicts a certificate.

The decision depends only on beta * separation, the bound and N.  So one threshold for beta * D serves look-ups and
content heads, and a context of 2^64 tokens costs no more than one of 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.contexts import require_an_input
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.verify.all_inputs import TieCase, Universal, decide_heads
from exactformer.verify.arithmetic.exponentials import grid_bits, steady
from exactformer.verify.arithmetic.formats import FixedFormat, Format, ieee_format
from exactformer.verify.arithmetic.models import ArithmeticModel, BetaSplit, Rounded, is_plain
from exactformer.verify.arithmetic.scaled_separation import least_threshold
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties, rounded_separation
from exactformer.verify.counting import HeadPlace, NetworkSize, Subject, network_size
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import MostWrites, most_writes


class HeadClass(Enum):
    """Heads with the same separation and the same bound on ties: the writes of a cell, if they are ``many``, else 1."""

    LOOKUP = "look-up (D = 2, ties 1)"
    CONTENT = "content head (D = 1, ties 1)"
    SEARCH = "content head (D = 1, ties 1..writes of a cell)"

    @property
    def separation(self) -> int:
        """How far below the maximisers all others score, as the construction's proof shows."""
        return 2 if self is HeadClass.LOOKUP else 1

    @property
    def many(self) -> bool:
        """Whether several maximisers may share a value other than 0."""
        return self is HeadClass.SEARCH


SEARCHES = ("written", "exists_high")
"""Heads at which all writers of a cell tie, with the value 1."""


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
    """What one class of heads needs.

    separation: that of the scores as the model rounds them.
    threshold: the least integer x such that the inequalities hold wherever beta * separation >= x; None if they hold
        nowhere.  The real number from which on they hold is in (x - 1, x], or in [0, 1] for x = 1.
    least_beta: the smallest admitted power of two >= 1 at which they hold; None if there is none.
    """

    heads: HeadClass
    separation: int
    threshold: int | None
    least_beta: int | None

    @property
    def real_beta(self) -> tuple[Fraction, Fraction] | None:
        """An enclosure of the real beta from which on the inequalities would hold if scores were exact there."""
        if self.threshold is None:
            return None
        return Fraction(self.threshold - 1, self.separation), Fraction(self.threshold, self.separation)


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

    decided: as `certify --all-inputs` decides it, given the separations; most: the bound on writes of a cell for which
        it is decided.
    """

    decided: Universal
    context: int
    most: MostWrites
    size: NetworkSize
    needs: tuple[Need, ...]
    attention_weights: Bits | None

    @property
    def model(self) -> ArithmeticModel:
        return self.decided.model

    @property
    def verdict(self) -> Verdict:
        """`PROVED` or `INCONCLUSIVE`, given the separations."""
        return self.decided.verdict

    @property
    def beta(self) -> int:
        """The largest least beta of the classes that have one; the largest admitted beta if none has."""
        return self.decided.beta

    @property
    def largest_beta(self) -> int:
        """The largest admitted beta."""
        return 1 << self.decided.largest_exponent

    @property
    def writes(self) -> int:
        """At beta, the inequalities hold for every number of maximisers from 1 up to this; 0 if not for one."""
        return self.decided.most_writes_proved

    @property
    def split(self) -> BetaSplit:
        """How beta is shared by W_Q and W_K."""
        return self.decided.split

    @property
    def failing(self) -> int | None:
        """The smallest number of maximisers at which the inequalities do not hold; None if all is proved."""
        return None if self.decided.proved else self.writes + 1

    @property
    def binding(self) -> HeadClass:
        """The class that needs the largest beta; if no beta is enough for some, the first of those."""
        unserved = [need.heads for need in self.needs if need.least_beta is None]
        if unserved:
            return unserved[0]
        most = max(need.least_beta or 0 for need in self.needs)
        # Of classes that need the same beta, the most demanding one: more ties, then a smaller separation.
        return [need.heads for need in self.needs if need.least_beta == most][-1]

    @property
    def real_beta(self) -> tuple[Fraction, Fraction] | None:
        """An enclosure of the real beta from which on all classes would hold if scores were exact; None if not all
        do."""
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

    Raises ContextError for contexts that the construction does not have or that hold no run, and ModelError if scores
    are not exact at any beta.
    """
    lengths = tuple(contexts)
    bits = {context: position_bits_for(context, paradigm) for context in lengths}
    for context, r in bits.items():
        require_an_input(context, r)
    sizes = {r: network_size(paradigm, subject, r) for r in sorted(set(bits.values()))}
    most = {context: most_writes(subject.machine, paradigm, context) for context in lengths}
    for model in models:
        for context in lengths:
            yield audit_row(model, context, sizes[bits[context]], most[context])


def audit_row(
    model: ArithmeticModel, context: int, size: NetworkSize, most: MostWrites, beta: int | None = None
) -> Row:
    """One row, from the counts of the network for the context; at ``beta``, or at a chosen one."""
    classes = tuple(dict.fromkeys(map(class_of, size.heads)))
    decided = decide_heads(classes, size.dimensions.query_width, model, context, most.bound, beta)
    needs = {
        heads: _need(heads, decided.cases[case]) for heads, case in zip(classes, decided.case_of_head, strict=True)
    }
    return Row(
        decided,
        context,
        most,
        size,
        tuple(needs[heads] for heads in HeadClass if heads in needs),
        attention_weight_bits(model, most.bound, context),
    )


def _need(heads: HeadClass, case: TieCase) -> Need:
    return Need(
        heads,
        rounded_separation(case.model, case.facts.separation, case.facts.largest_score),
        least_threshold(case.model, case.facts),
        case.least_beta,
    )


LOWEST_EXPONENT = -128
"""Smaller attention weights may all be rounded to 0: contexts end at 2^64."""


def attention_weight_bits(model: ArithmeticModel, most: int, context: int) -> Bits | None:
    """What attention weights need for the inequalities to hold for all maximisers up to ``most``, with all else as in
    the model.

    fused: a maximiser has p = 1, and others round to 0 or are swallowed.  rounded: weights are 1/m, down to 1/most; the
    significand is the shortest one that is enough with unlimited exponents, at the largest beta.  None: none is enough;
    or the model is not plain, for which this is not computed.
    """
    if not is_plain(model):
        return None
    if not isinstance(model, Rounded):
        return Bits(1, 0, 0)
    significand = _least_significand(model.activations, most, context)
    return None if significand is None else Bits(significand, -((most - 1).bit_length()), 0)


MOST_PROBED = 1 << 8
"""How many maximisers are looked at, at most, for a significand that does not decide all at once."""


@lru_cache(maxsize=1 << 12)
def _least_significand(activations: Format, most: int, context: int) -> int | None:
    """How many bits rounded attention weights need so that activations of this format get their values.

    Up to MOST_PROBED maximisers fewer bits are not enough; beyond, it is the fewest that decide all numbers at once.
    """
    own = activations.fractional_bits + 1 if isinstance(activations, FixedFormat) else activations.precision
    at_once = own + 2  # u is a quarter of the spacing below 1, which leaves room for leaks
    for precision in range(2 if most <= MOST_PROBED else at_once, at_once + 1):
        model = Rounded(ieee_format(precision, LOWEST_EXPONENT, 0), activations)
        if decide_ties(model, TieFacts(steady(grid_bits(model)), most, context), 1).up_to == most:
            return precision
    return None


def _scaled(matrix: str, values: Iterable[int], split: BetaSplit) -> set[int]:
    scale = {"query": split.query, "key": split.key}.get(matrix, 1)
    return {scale * value for value in values}


def _bits_of(values: Iterable[int]) -> Bits:
    """The bits that non-zero integers need."""
    magnitudes = sorted({abs(value) for value in values})
    odd = max(magnitude // (magnitude & -magnitude) for magnitude in magnitudes)
    return Bits(odd.bit_length(), magnitudes[0].bit_length() - 1, magnitudes[-1].bit_length() - 1)
