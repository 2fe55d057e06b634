"""Recipes of attention kernels (KERNELS 1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeVar

from exactformer.certificates.checker.document import Json, Rejected, integer, members, quote, rational, text
from exactformer.certificates.checker.formats import Format, parse_format
from exactformer.certificates.checker.kernels.numbers import (
    MINUS_INFINITY,
    ONE,
    Base,
    Number,
    Special,
    log2_e,
    rounded,
)

LARGEST_BLOCK = 2**20
"""The most keys of a block or of a part; and the most parts."""
LARGEST_OFFSET = 64
FORMATS = ("score", "computing", "weight", "value", "output")
FIELDS = (
    "formats",
    "scale",
    "mask",
    "block",
    "splits",
    "maximum",
    "exponential",
    "overflow",
    "sum",
    "quotient",
    "empty",
    "merge",
)


@dataclass(frozen=True)
class Recipe:
    """What is computed for one query and one column of values (KERNELS 1).

    Formats by their roles S, F, W, V, A. ``scale`` is c; ``block`` is B; ``split_count`` and ``split_length`` are K and
    L, at most one of them; ``start``, ``threshold`` and ``guard`` are about the running maximum; ``ulps`` is U, and
    ``one`` whether the exponential of 0 is surely 1; ``offset`` is k, for weights times 2^k.
    """

    score: Format
    computing: Format
    weight: Format
    value: Format
    output: Format
    scale: Fraction
    mask_how: Literal["add", "select"] | None
    mask_constant: Number | None
    block: int | None
    split_count: int | None
    split_length: int | None
    start: Number
    threshold: Fraction
    guard: Literal["local", "stored"] | None
    base: Base
    argument: Literal["difference", "fused"]
    ulps: int
    one: bool
    offset: int
    overflow: Literal["inf", "nan", "saturate"]
    sum: Literal["cast", "before cast"]
    quotient: Literal["divide", "reciprocal", "weights"]
    empty: Literal["zero"] | None
    merge: Literal["sums", "means"] | None

    @property
    def p(self) -> int:
        """The bits of F, which is floating."""
        if self.computing.p is None:
            raise ValueError(f"{self.computing.name} is not floating")
        return self.computing.p

    @cached_property
    def rounded_scale(self) -> Number:
        """rnd_F(c), the factor of scores; a normal number."""
        return rounded(self.computing, self.scale)

    @cached_property
    def log2_e(self) -> Number:
        """rnd_F(log2 e), the factor of differences, with base 2."""
        return log2_e(self.computing, ONE)

    @cached_property
    def folded_scale(self) -> Number:
        """g of fused arguments: rnd_F(c), or rnd_F(c log2 e) with base 2; a normal number."""
        return self.rounded_scale if self.base == "e" else log2_e(self.computing, self.scale)

    @property
    def split(self) -> bool:
        return self.split_count is not None or self.split_length is not None

    def part(self, keys: int) -> int:
        """How many keys a part has, the last one perhaps fewer."""
        if self.split_count is not None:
            return -(-keys // self.split_count)
        return keys if self.split_length is None else self.split_length


def read_recipe(field: str, value: Json) -> Recipe:
    """The recipe of this canonical JSON; `Rejected` if it is not one."""
    parts = members(field, value, *FIELDS)
    formats = _formats(f"{field}.formats", parts["formats"])
    computing = formats["computing"]
    how, constant = _mask(f"{field}.mask", parts["mask"], computing)
    count, length = _splits(f"{field}.splits", parts["splits"])
    block = parts["block"]
    maximum = members(f"{field}.maximum", parts["maximum"], "start", "threshold", "guard")
    threshold = rational(f"{field}.maximum.threshold", maximum["threshold"])
    if threshold < 0:
        raise Rejected(f"{field}.maximum.threshold", f"is {threshold}, below 0")
    named = f"{field}.exponential"
    exponential = members(named, parts["exponential"], "base", "argument", "ulps", "one", "offset")
    merge: Literal["sums", "means"] | None = one_of(f"{field}.merge", parts["merge"], "sums", "means", None)
    if (merge is None) != (count is None and length is None):
        raise Rejected(f"{field}.merge", f"is {quote(merge)} where splits are {quote(parts['splits'])}")
    recipe = Recipe(
        **formats,
        scale=rational(f"{field}.scale", parts["scale"]),
        mask_how=how,
        mask_constant=constant,
        block=None if block is None else integer(f"{field}.block", block, 1, LARGEST_BLOCK),
        split_count=count,
        split_length=length,
        start=_number(f"{field}.maximum.start", maximum["start"], computing),
        threshold=threshold,
        guard=one_of(f"{field}.maximum.guard", maximum["guard"], "local", "stored", None),
        base=one_of(f"{named}.base", exponential["base"], "e", "2"),
        argument=one_of(f"{named}.argument", exponential["argument"], "difference", "fused"),
        ulps=integer(f"{named}.ulps", exponential["ulps"], 1, 2 ** max((computing.p or 0) - 3, 0)),
        one=truth(f"{named}.one", exponential["one"]),
        offset=integer(f"{named}.offset", exponential["offset"], -LARGEST_OFFSET, LARGEST_OFFSET),
        overflow=one_of(f"{field}.overflow", parts["overflow"], "inf", "nan", "saturate"),
        sum=one_of(f"{field}.sum", parts["sum"], "cast", "before cast"),
        quotient=one_of(f"{field}.quotient", parts["quotient"], "divide", "reciprocal", "weights"),
        empty=one_of(f"{field}.empty", parts["empty"], "zero", None),
        merge=merge,
    )
    if recipe.quotient == "weights" and (recipe.block is not None or recipe.split or recipe.sum == "cast"):
        raise Rejected(f"{field}.quotient", "divides weights, which does not go with blocks, splits, or a sum of casts")
    if recipe.scale <= 0:
        raise Rejected(f"{field}.scale", f"is {recipe.scale}, not above 0")
    for factor in (recipe.rounded_scale, recipe.folded_scale):
        if isinstance(factor, Special) or factor < computing.least_normal:
            raise Rejected(f"{field}.scale", f"is, times 1 or log2 e, not a normal number of {computing.name}")
    return recipe


def _formats(field: str, value: Json) -> dict[str, Format]:
    """Formats by their roles."""
    names = members(field, value, *FORMATS)
    formats = {role: parse_format(f"{field}.{role}", text(f"{field}.{role}", names[role])) for role in FORMATS}
    for role in ("computing", "weight"):
        if formats[role].p is None:
            raise Rejected(f"{field}.{role}", f"is {formats[role].name}, which is not floating")
    score, computing = formats["score"], formats["computing"]
    if not computing.includes(score):
        raise Rejected(f"{field}.score", f"is {score.name}, whose numbers are not all numbers of {computing.name}")
    return formats


def _mask(field: str, value: Json, computing: Format) -> tuple[Literal["add", "select"] | None, Number | None]:
    """How keys are masked, and the constant."""
    if value is None:
        return None, None
    parts = members(field, value, "how", "constant")
    constant = _number(f"{field}.constant", parts["constant"], computing)
    return one_of(f"{field}.how", parts["how"], "add", "select"), constant


def _splits(field: str, value: Json) -> tuple[int | None, int | None]:
    """How many parts, or how long they are."""
    if value is None:
        return None, None
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"count", "length"}:
        raise Rejected(field, f'is {quote(value)} where null, {{"count": K}} or {{"length": L}} must be')
    ((name, number),) = value.items()
    found = integer(f"{field}.{name}", number, 1, LARGEST_BLOCK)
    return (found, None) if name == "count" else (None, found)


def _number(field: str, value: Json, form: Format) -> Number:
    """A number of a format, or minus infinity."""
    if value == MINUS_INFINITY.value:
        return MINUS_INFINITY
    number = rational(field, value)
    if not form.has(number):
        raise Rejected(field, f"is {quote(value)}, which is not a number of {form.name}")
    return number


Word = TypeVar("Word", bound="str | None")


def one_of(field: str, value: Json, *words: Word) -> Word:
    """``value`` as one of these words, or null where that is one of them."""
    for word in words:
        if type(value) is type(word) and value == word:
            return word
    raise Rejected(field, f"is {quote(value)}, not one of {', '.join(map(quote, words))}")


def truth(field: str, value: Json) -> bool:
    """``value`` as true or false."""
    if not isinstance(value, bool):
        raise Rejected(field, f"is {quote(value)} where true or false must be")
    return value
