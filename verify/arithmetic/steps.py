"""Steps: named things that a kernel does beyond the plain models (ARITHMETIC 2).

A text such as ``+head64+exp20-one+online512+wide`` follows the formats of a model.  Each step is given at most once, in
the order of `CATALOGUE`, which says what each means and which kernels do it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from exactformer.verify.arithmetic.formats import FP32, Format, FormatError, parse_format

LARGEST_HEAD_EXPONENT = 8
"""Heads are padded to 4^h coordinates, h at most this."""
LARGEST_BLOCK = 1 << 20


class StepError(ValueError):
    """A text does not name steps, or a step does not take these numbers."""


class Quotient(Enum):
    """How a fused kernel divides: exactly, rounded once to the result's format; in the accumulator format; or by
    multiplying with the rounded reciprocal."""

    EXACT = ""
    DIVIDE = "divide"
    RECIPROCAL = "reciprocal"


@dataclass(frozen=True)
class Exponential:
    """exp within ``ulps`` ulp in the accumulator format; ``one``: it is 1 at 0."""

    ulps: int
    one: bool


@dataclass(frozen=True)
class Steps:
    """The steps of a model; without any, a plain one.

    linear: L, the format that weights, MLP sums, residual sums and logits are held in (ARITHMETIC 8).
    head: 4^h, the width that heads are padded to; scores are divided by its root; 1 if they are not.
    block: how many positions come at once if the maximum is a running one; None if it is known from the start.
    """

    linear: Format = FP32
    stored: bool = False
    head: int = 1
    once: bool = False
    exponential: Exponential | None = None
    block: int | None = None
    wide: bool = False
    faithful: bool = False
    quotient: Quotient = Quotient.EXACT
    truncate: bool = False

    @property
    def head_exponent(self) -> int:
        """h: the root of the head's width is 2^h."""
        return (self.head.bit_length() - 1) // 2

    @property
    def behind_scores(self) -> bool:
        """Whether there is a step after the scores."""
        return self != Steps(self.linear, self.stored, self.head, self.once)

    @property
    def text(self) -> str:
        """The canonical text, which `parse_steps` reads back.

        >>> Steps(head=64, exponential=Exponential(2, True), quotient=Quotient.DIVIDE).text
        '+head64+exp2-one+divide'
        """
        names = []
        if self.linear != FP32:
            names.append(f"linear{self.linear.name}")
        if self.stored:
            names.append("stored")
        if self.head > 1:
            names.append(f"head{self.head}")
        if self.once:
            names.append("once")
        if self.exponential is not None:
            names.append(f"exp{self.exponential.ulps}{'-one' if self.exponential.one else ''}")
        if self.block is not None:
            names.append(f"online{self.block}")
        names += [name for name, given in (("wide", self.wide), ("faithful", self.faithful)) if given]
        if self.quotient is not Quotient.EXACT:
            names.append(self.quotient.value)
        if self.truncate:
            names.append("truncate")
        return "".join(f"+{name}" for name in names)


NO_STEPS = Steps()


class Bases(Enum):
    """Which models take a step."""

    NOT_EXACT = "all but exact"
    THREE_FORMATS = "fused:W/ACC/A and rounded:W/ACC/A"
    FUSED = "fused:W/ACC/A"


@dataclass(frozen=True)
class StepKind:
    """One line of the catalogue: how a step is written, which models take it, what it computes, which kernels do it."""

    written: str
    pattern: str
    bases: Bases
    computes: str
    kernels: str


CATALOGUE: tuple[StepKind, ...] = (
    StepKind(
        "+linearL",
        r"linear(.+)",
        Bases.NOT_EXACT,
        "weights, MLP sums, residual sums and logits are held in L instead of fp32; a network that L does not hold is "
        "refused",
        "models that are stored in bf16 or fp16",
    ),
    StepKind(
        "+stored",
        r"(stored)",
        Bases.NOT_EXACT,
        "the result of a matrix product outside attention is rounded to A before it is added, activated or compared; "
        "for words of a language only",
        "models that are stored in bf16 or fp16",
    ),
    StepKind(
        "+headH",
        r"head([1-9][0-9]{0,9})",
        Bases.NOT_EXACT,
        "scores are multiplied by 1/sqrt(H); heads are padded to H = 4^h coordinates, so that is a power of two",
        "every stock attention",
    ),
    StepKind(
        "+once",
        r"(once)",
        Bases.NOT_EXACT,
        "the score is rounded once to the format S of the scores, which need not hold it",
        "matrix products that store scores in bf16 or fp16",
    ),
    StepKind(
        "+expU, +expU-one",
        r"exp([1-9][0-9]{0,9})(?:-one)?",
        Bases.THREE_FORMATS,
        "exp is within U ulp in ACC; with -one it is exactly 1 at 0",
        "exp2 units of GPUs, vectorised exp",
    ),
    StepKind(
        "+onlineB",
        r"online([1-9][0-9]{0,9})",
        Bases.FUSED,
        "positions come in blocks of B, with a running maximum; when it rises, the sums so far are rescaled",
        "blockwise kernels",
    ),
    StepKind(
        "+wide",
        r"(wide)",
        Bases.FUSED,
        "the denominator adds exponentials before they are rounded to W",
        "kernels that sum a row before it is cast",
    ),
    StepKind(
        "+faithful",
        r"(faithful)",
        Bases.THREE_FORMATS,
        "additions, products and quotients in ACC give either neighbour of the exact result",
        "matrix units that truncate",
    ),
    StepKind(
        "+divide, +reciprocal",
        r"(divide|reciprocal)",
        Bases.FUSED,
        "the quotient is rounded to ACC before A; or is a product with 1/den, both rounded to ACC",
        "kernels that divide in the accumulator's format, then cast",
    ),
    StepKind(
        "+truncate",
        r"(truncate)",
        Bases.THREE_FORMATS,
        "numbers rounded to W or A are rounded toward zero",
        "casts that cut bits off",
    ),
)


def parse_steps(names: list[str]) -> tuple[Steps, list[tuple[StepKind, str]]]:
    """The steps with these names (without +), and, name by name, which kind each is.

    Raises StepError for steps that are unknown, given twice or in another order than the catalogue's, and for numbers
    out of range; the range of U depends on a format, so the model checks it.
    """
    given: list[tuple[int, str]] = []
    found: dict[int, re.Match[str]] = {}
    for name in names:
        matches = ((place, re.fullmatch(kind.pattern, name, re.ASCII)) for place, kind in enumerate(CATALOGUE))
        place, match = next(((place, match) for place, match in matches if match), (-1, None))
        if match is None:
            known = " ".join(kind.written for kind in CATALOGUE)
            raise StepError(
                f"unknown step '+{name}'; known are {known}, with a format L, and H, U and B decimal numbers from 1 on"
            )
        if place in found:
            raise StepError(f"'+{found[place].string}' and '+{name}' are both given; give one of {_written(place)}")
        if given and place < given[-1][0]:
            raise StepError(f"'+{name}' comes after '+{given[-1][1]}'; the order is {_order()}")
        given.append((place, name))
        found[place] = match
    linear, stored, head, once, exponential, online, wide, faithful, quotient, truncate = map(
        found.get, range(len(CATALOGUE))
    )
    steps = Steps(
        linear=FP32 if linear is None else _linear(linear[1]),
        stored=stored is not None,
        head=1 if head is None else _head(int(head[1])),
        once=once is not None,
        exponential=None if exponential is None else Exponential(int(exponential[1]), "-one" in exponential[0]),
        block=None if online is None else _block(int(online[1])),
        wide=wide is not None,
        faithful=faithful is not None,
        quotient=Quotient.EXACT if quotient is None else Quotient(quotient[0]),
        truncate=truncate is not None,
    )
    return steps, [(CATALOGUE[place], name) for place, name in given]


def _written(place: int) -> str:
    return CATALOGUE[place].written.replace(", ", " and ") if ", " in CATALOGUE[place].written else "them"


def _order() -> str:
    return " ".join(kind.written.replace(", ", " or ") for kind in CATALOGUE)


def _linear(name: str) -> Format:
    try:
        linear = parse_format(name)
    except FormatError as error:
        raise StepError(f"'+linear{name}': {error}") from error
    if linear == FP32:
        raise StepError(f"'+linear{name}': weights and sums are in fp32 anyway; leave out the step")
    return linear


def _head(width: int) -> int:
    if width not in {4**h for h in range(1, LARGEST_HEAD_EXPONENT + 1)}:
        raise StepError(f"'+head{width}': heads are padded to a power of 4 from 4 to {4**LARGEST_HEAD_EXPONENT}")
    return width


def _block(size: int) -> int:
    if size > LARGEST_BLOCK:
        raise StepError(f"'+online{size}': blocks have 1 to {LARGEST_BLOCK} positions")
    return size
