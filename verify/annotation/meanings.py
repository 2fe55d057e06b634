"""What each head means: which tokens it selects, with what score, and what they share (SPEC 12; spec 2.4, 2.5).

A meaning is data; that the head's coordinate lists do what it says is proved in :mod:`verify.annotation.heads`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import Phases
from exactformer.verify.annotation.annotation import Annotation
from exactformer.verify.annotation.content import (
    AtMost,
    Back,
    Code,
    Condition,
    Content,
    Equals,
    Ghost,
    If,
    Number,
    Zero,
)
from exactformer.verify.annotation.cot import BEHIND_OUTP, addresses
from exactformer.verify.annotation.ghosts import LATE, NEW_SUMMARY, TokenClass
from exactformer.verify.annotation.layout import FIRST

PROMPT_ENDS = (TokenClass.EINP, TokenClass.ESUMM)


class HeadNotCovered(ValueError):
    """A head of which the annotation does not say what it means."""


@dataclass(frozen=True)
class EveryToken:
    """All tokens that are visible."""

    def __str__(self) -> str:
        return "every token"


@dataclass(frozen=True)
class TheToken:
    """The one token of these classes."""

    kinds: tuple[TokenClass, ...]

    def __str__(self) -> str:
        return "token " + " or ".join(kind.name for kind in self.kinds)


@dataclass(frozen=True)
class HeadCell:
    """The cell of the old summary that head k is in."""

    tape: int

    def __str__(self) -> str:
        return f"cell of head {self.tape}"


@dataclass(frozen=True)
class AtCap:
    """The token at 4e, for tokens behind it."""

    def __str__(self) -> str:
        return "position 4e"


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


Selected = EveryToken | TheToken | HeadCell | AtCap | AtPosition | Writers


@dataclass(frozen=True)
class Meaning:
    """For tokens of a class where all of ``when`` holds: what they select, and what they receive for it."""

    kind: TokenClass
    when: tuple[Equals, ...]
    selected: Selected
    score: int
    value: Content

    def member(self, paradigm: Paradigm) -> str:
        """A token that is always selected."""
        match self.selected:
            case EveryToken():
                return str(first_token(paradigm)).removeprefix("token ")
            case TheToken():
                return str(self.selected).removeprefix("token ")
            case AtPosition(number):
                return str(number)
            case Writers(tape):
                return f"w_{tape}"
            case HeadCell(tape):
                return f"x_{tape} + 1"
            case AtCap():
                return "4e"

    @property
    def many(self) -> bool:
        """Whether more than one token may be selected whose value is not 0."""
        return self.value != Zero() and isinstance(self.selected, EveryToken | Writers)


def first_token(paradigm: Paradigm) -> TheToken:
    """The token at position 0."""
    return TheToken(FIRST[:1] if paradigm is Paradigm.COT else FIRST)


def meanings_of(head: CompiledHead, layer: int, annotation: Annotation) -> tuple[Meaning, ...]:
    """What a head of a layer means for each class of tokens.

    Raises HeadNotCovered for a head of which that is not known.
    """
    return tuple(
        Meaning(kind, when, selected, score, _received(head, layer, annotation, kind, when))
        for kind in annotation.contents
        for when, selected, score in _selections(head, layer, annotation, kind)
    )


def _selections(head: CompiledHead, layer: int, annotation: Annotation, kind: TokenClass) -> Selections:
    r = annotation.shape.position_bits
    if head.kind is HeadKind.LOOKUP:
        asked = annotation.before_attention(kind, layer)[whole_register(annotation, head.query)]
        if not (isinstance(asked, Code) and isinstance(asked.number, Back)):
            raise HeadNotCovered(f"layer {layer}, head {head.name}: a look-up of {asked}, which is no position")
        yield (), AtPosition(asked.number), r
        return
    first, everything = first_token(annotation.paradigm), ((), EveryToken(), 0)
    name, _, tape = head.name.rpartition("_")
    match head.name, name:
        case (("seen_outp" | "outpos"), _):
            if head.name == "outpos" and kind is TokenClass.OUTP:
                yield (), first, 2
            else:
                yield ((), TheToken((TokenClass.OUTP,)), 1) if kind in BEHIND_OUTP else everything
        case "seen_einp", _:
            yield from _seeing(kind, TokenClass.EINP, 0)
        case "seen_esumm", _:
            yield from _seeing(kind, TokenClass.ESUMM, 1)
        case "promptend", _:
            if kind in PROMPT_ENDS:
                yield (), first, 2
            else:
                yield ((), TheToken(PROMPT_ENDS), 1) if kind in LATE else everything
        case "state", _:
            yield ((), TheToken((TokenClass.OLDSTATE,)), 2) if kind is TokenClass.ESUMM else ((), first, 1)
        case _, "hpos":
            yield ((), HeadCell(int(tape)), 2) if kind is TokenClass.ESUMM else ((), first, 1)
        case (("summpos" | "finalstate spread"), _):
            if kind is TokenClass.NEWSUMM:
                yield (), first, 2
            else:
                yield ((), TheToken((TokenClass.NEWSUMM,)), 1) if kind in NEW_SUMMARY else everything
        case "length_cap", _:
            if kind not in LATE:
                yield everything
                return
            yield (Equals("cap", 0),), EveryToken(), 0
            yield (Equals("cap", 1),), first, 2
            yield (Equals("cap", 2),), AtCap(), 1
        case _, "next_head":
            here = f"here_{tape}"
            if kind not in (TokenClass.NEWSUMM, TokenClass.NEWCELL):
                yield (), first, r - 1
                return
            yield (Equals(here, 1),), TheToken((TokenClass.NEWSUMM,)), r
            yield (Equals(here, 0),), first, r - 1
        case _, ("written" | "exists_high" | "read"):
            yield from _searching(name, int(tape), kind, layer, first, r)
        case _:
            raise HeadNotCovered(f"layer {layer}, head {head.name}: it is not known what it selects")


Selections = Iterator[tuple[tuple[Equals, ...], Selected, int]]


def _seeing(kind: TokenClass, end: TokenClass, summary: int) -> Selections:
    """Heads that ask whether the prompt ends with this token."""
    if kind is end:
        yield (), TheToken((end,)), 1
    elif kind in LATE:
        yield (Equals("summary", summary),), TheToken((end,)), 1
        yield (Equals("summary", 1 - summary),), EveryToken(), 0
    else:
        yield (), EveryToken(), 0


def _searching(name: str, k: int, kind: TokenClass, layer: int, first: Selected, r: int) -> Selections:
    """Heads that look for the last write of the cell addressed."""
    step = layer - Phases.of(r).L2 - 1
    top = {"written": r, "exists_high": r + step + 1, "read": r}[name]
    unwritten = {"written": r - 1, "exists_high": r + step, "read": 1}[name]
    if not addresses(kind, k):
        yield (), first, unwritten
        return
    yield (Equals(f"written_{k}", 0),), first, unwritten
    written = Equals(f"written_{k}", 1)
    if name == "written":
        yield (written,), Writers(k), top
    elif name == "read":
        yield (written,), AtPosition(Ghost(f"w_{k}")), top
    else:
        b = r - 1 - step
        bit = f"w_{k}[{b}]"
        yield (written, Equals(bit, 1)), Writers(k, b), top
        yield (written, Equals(bit, 0)), first, unwritten


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
