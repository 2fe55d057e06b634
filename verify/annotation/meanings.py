"""What each head means: which tokens it selects, with what score, and what they share (SPEC 12; spec 2.4, 2.5).

A meaning is data; that the head's coordinate lists do what it says is proved in :mod:`verify.annotation.heads`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructions.transformer.network import CompiledHead
from constructions.transformer.program import HeadKind
from constructions.turing.registers import Phases
from verify.annotation.annotation import Annotation
from verify.annotation.content import AtMost, Back, Code, Condition, Content, Equals, Ghost, If, Number, Zero
from verify.annotation.cot import BEHIND_OUTP, addresses
from verify.annotation.ghosts import TokenClass


class HeadNotCovered(ValueError):
    """A head of which the annotation does not say what it means."""


@dataclass(frozen=True)
class EveryToken:
    """All tokens that are visible."""

    def __str__(self) -> str:
        return "every token"


@dataclass(frozen=True)
class TheToken:
    """The one token of a class."""

    kind: TokenClass

    def __str__(self) -> str:
        return f"token {self.kind.value}"


@dataclass(frozen=True)
class AtPosition:
    """The token at a position."""

    number: Number

    def __str__(self) -> str:
        return f"position {self.number}"


@dataclass(frozen=True)
class Writers:
    """The tokens that write the cell addressed; with ``first``, at positions with the bits from there up of w_k."""

    tape: int
    first: int | None = None

    def __str__(self) -> str:
        return f"writes x_{self.tape}" + ("" if self.first is None else f" at w_{self.tape}[{self.first}..]")


Selected = EveryToken | TheToken | AtPosition | Writers


@dataclass(frozen=True)
class Meaning:
    """For tokens of a class where all of ``when`` holds: what they select, and what they receive for it."""

    kind: TokenClass
    when: tuple[Equals, ...]
    selected: Selected
    score: int
    value: Content

    @property
    def member(self) -> str:
        """A token that is always selected."""
        match self.selected:
            case TheToken(TokenClass.OUTP):
                return "OUTP"
            case AtPosition(number):
                return str(number)
            case Writers(tape):
                return f"w_{tape}"
        return "INP"

    @property
    def many(self) -> bool:
        """Whether more than one token may be selected whose value is not 0."""
        return self.value != Zero() and not isinstance(self.selected, TheToken | AtPosition)


def meanings_of(head: CompiledHead, layer: int, annotation: Annotation) -> tuple[Meaning, ...]:
    """What a head of a layer means for each class of tokens.

    Raises HeadNotCovered for a head of which that is not known.
    """
    return tuple(
        Meaning(kind, when, selected, score, _received(head, layer, annotation, kind, when))
        for kind in TokenClass
        for when, selected, score in _selections(head, layer, annotation, kind)
    )


def _selections(
    head: CompiledHead, layer: int, annotation: Annotation, kind: TokenClass
) -> Iterator[tuple[tuple[Equals, ...], Selected, int]]:
    r = annotation.shape.position_bits
    if head.kind is HeadKind.LOOKUP:
        asked = annotation.before_attention(kind, layer)[whole_register(annotation, head.query)]
        if not (isinstance(asked, Code) and isinstance(asked.number, Back)):
            raise HeadNotCovered(f"layer {layer}, head {head.name}: a look-up of {asked}, which is no position")
        yield (), AtPosition(asked.number), r
        return
    inp, outp = TheToken(TokenClass.INP), TheToken(TokenClass.OUTP)
    name, _, tape = head.name.rpartition("_")
    match head.name, name:
        case (("seen_outp" | "outpos"), _):
            if head.name == "outpos" and kind is TokenClass.OUTP:
                yield (), inp, 2
            elif kind in BEHIND_OUTP:
                yield (), outp, 1
            else:
                yield (), EveryToken(), 0
        case _, ("written" | "exists_high" | "read"):
            k, step = int(tape), layer - Phases.of(r).L2 - 1
            top = {"written": r, "exists_high": r + step + 1, "read": r}[name]
            unwritten = {"written": r - 1, "exists_high": r + step, "read": 1}[name]
            if not addresses(kind, k):
                yield (), inp, unwritten
                return
            yield (Equals(f"written_{k}", 0),), inp, unwritten
            written = Equals(f"written_{k}", 1)
            if name == "written":
                yield (written,), Writers(k), top
            elif name == "read":
                yield (written,), AtPosition(Ghost(f"w_{k}")), top
            else:
                b = r - 1 - step
                bit = f"w_{k}[{b}]"
                yield (written, Equals(bit, 1)), Writers(k, b), top
                yield (written, Equals(bit, 0)), inp, unwritten
        case _:
            raise HeadNotCovered(f"layer {layer}, head {head.name}: it is not known what it selects")


def whole_register(annotation: Annotation, coordinates: tuple[int, ...]) -> str:
    """The register that a coordinate list is.

    Raises HeadNotCovered if it is none.
    """
    for span in annotation.registers:
        if span.coordinates == coordinates:
            return span.name
    raise HeadNotCovered(f"coordinates {coordinates[:8]} are not one register")


def _received(
    head: CompiledHead, layer: int, annotation: Annotation, kind: TokenClass, when: tuple[Equals, ...]
) -> Content:
    """What tokens receive where ``when`` holds: what they hold afterwards, less what they held."""
    register = whole_register(annotation, head.out)
    before, after = (
        under(held[register], when)
        for held in (annotation.before_attention(kind, layer), annotation.behind_attention(kind, layer))
    )
    if before == after:
        return Zero()
    match before, after:
        case Zero(), _:
            return after
        case If(AtMost("beta", first), told), If(AtMost("beta", last), then) if first + 1 == last and told == then:
            return If(Equals("beta", last), then)
    raise HeadNotCovered(f"layer {layer}, head {head.name}, {kind.value}: {register} goes from {before} to {after}")


def under(content: Content, when: tuple[Condition, ...]) -> Content:
    """A content with the conditions decided that ``when`` decides."""
    if not isinstance(content, If):
        return content
    then, otherwise = under(content.then, when), under(content.otherwise, when)
    if content.condition in when:
        return then
    if isinstance(content.condition, Equals):
        name, value = content.condition.ghost, content.condition.value
        if any(isinstance(one, Equals) and one.ghost == name and one.value != value for one in when):
            return otherwise
    return If(content.condition, then, otherwise)
