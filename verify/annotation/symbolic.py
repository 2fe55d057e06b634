"""Contents as formulas over the bits of unknown ghosts: what a coordinate is for *all* values of the ghosts.

A coordinate is a pair of formulas, when it is +1 and when it is -1.  Bits of ghosts are unknown Booleans that are named
after the ghost, conditions are unknown Booleans that are named after themselves; what relates them is for
:mod:`verify.annotation.facts` to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.verify.annotation.content import (
    Bit,
    BitOfBeta,
    Code,
    Condition,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MoveCode,
    Number,
    One,
    SameBit,
    Zero,
)
from exactformer.verify.solver import Formula, Term, all_of, any_of, boolean, equivalent, negation, select, total

TRUE: Formula = all_of(())
FALSE: Formula = any_of(())


def choose(condition: Formula, then: Formula, otherwise: Formula) -> Formula:
    """``then`` where the condition holds, else ``otherwise``; simplified where they are constant."""
    if then is otherwise:
        return then
    if then is TRUE and otherwise is FALSE:
        return condition
    if then is FALSE and otherwise is TRUE:
        return negation(condition)
    if otherwise is FALSE:
        return all_of([condition, then])
    if then is FALSE:
        return all_of([negation(condition), otherwise])
    return any_of([all_of([condition, then]), all_of([negation(condition), otherwise])])


@dataclass(frozen=True, eq=False)
class Coordinate:
    """One ternary coordinate: +1 where ``plus`` holds, -1 where ``minus`` does; never both."""

    plus: Formula
    minus: Formula
    signed: bool = False
    """``minus`` is the negation of ``plus``."""

    @property
    def constant(self) -> int:
        if self.plus is TRUE:
            return 1
        return -1 if self.signed or self.minus is TRUE else 0

    @property
    def parts(self) -> tuple[tuple[int, Formula], ...]:
        if TRUE in (self.plus, self.minus):
            return ()
        if self.signed:
            return ((2, self.plus),)
        return tuple((sign, f) for sign, f in ((1, self.plus), (-1, self.minus)) if f is not FALSE)

    @property
    def value(self) -> Term:
        """The coordinate as an integer."""
        return total([self.constant, *(select(literal, weight, 0) for weight, literal in self.parts)])


def of_bit(bit: Formula) -> Coordinate:
    """The code of a bit."""
    return Coordinate(bit, negation(bit), signed=True)


NOTHING = Coordinate(FALSE, FALSE)
FLAG_UP = Coordinate(TRUE, FALSE)


class Symbols:
    """The unknowns of one token; ``prefix`` tells them from another token's."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.ternary: list[Formula] = []
        """That what is fetched is +1 or -1 or 0, but not two of them."""
        self._fetched: dict[tuple[Fetched, int], Coordinate] = {}

    def bit(self, number: Number, index: int) -> Formula:
        if number == Ghost("blank"):
            return FALSE
        return boolean(f"{self.prefix}{number}[{index}]".replace(" ", ""))

    def bits(self, number: Number, width: int) -> tuple[Formula, ...]:
        return tuple(self.bit(number, index) for index in range(width))

    def move(self, ghost: str) -> tuple[Formula, Formula]:
        """The two bits of enc_move: not left, right."""
        return boolean(f"{self.prefix}{ghost}:not-left"), boolean(f"{self.prefix}{ghost}:right")

    def condition(self, condition: Condition) -> Formula:
        """A condition; one on a bit is that bit, ``= 0`` is the negation of ``= 1``."""
        match condition:
            case Equals(ghost, value) if ghost.endswith("]"):
                bit = boolean(f"{self.prefix}{ghost}")
                return bit if value else negation(bit)
            case Equals(ghost, value) if ghost.startswith("here"):
                here = self.bit(Ghost(ghost), 0)
                return here if value else negation(here)
            case Equals(ghost, 0) if ghost[0] != "g" and ghost != "cap":
                return negation(self.condition(Equals(ghost, 1)))
            case SameBit(left, a, right, b):
                return equivalent(self.bit(left, a), self.bit(right, b))
        return boolean(f"{self.prefix}{condition}".replace(" ", ""))

    def coordinates(self, content: Content, width: int) -> tuple[Coordinate, ...]:
        """The coordinates of a content in a register of ``width`` bits."""
        match content:
            case Zero():
                return (NOTHING,) * width
            case One():
                return (FLAG_UP,) * width
            case Code(number):
                return tuple(map(of_bit, self.bits(number, width)))
            case HighBits(number, first):
                return (NOTHING,) * first + tuple(map(of_bit, self.bits(number, width)[first:]))
            case Bit(number, index):
                return (of_bit(self.bit(number, index)),)
            case BitOfBeta(number, offset):
                return (of_bit(boolean(f"{self.prefix}{number}[beta+{offset}]")),)
            case MoveCode(ghost):
                return tuple(map(of_bit, self.move(ghost)))
            case Fetched():
                return tuple(self._anything(content, c) for c in range(width))
            case If(condition, then, otherwise):
                holds = self.condition(condition)
                pairs = zip(self.coordinates(then, width), self.coordinates(otherwise, width), strict=True)
                return tuple(
                    Coordinate(choose(holds, a.plus, b.plus), choose(holds, a.minus, b.minus)) for a, b in pairs
                )

    def _anything(self, content: Fetched, coordinate: int) -> Coordinate:
        """Whatever another token holds: any ternary value."""
        if (content, coordinate) not in self._fetched:
            name = f"{self.prefix}{content.register}[{coordinate}]@{content.distance}@{content.layer}"
            plus, minus = boolean(f"{name}=+1"), boolean(f"{name}=-1")
            self.ternary.append(any_of([negation(plus), negation(minus)]))
            self._fetched[content, coordinate] = Coordinate(plus, minus)
        return self._fetched[content, coordinate]


def numbers_in(content: Content) -> set[Number]:
    """The numbers whose codes, or whose bits in a condition, a content has."""
    match content:
        case Code(number) | HighBits(number) | Bit(number):
            return {number}
        case If(condition, then, otherwise):
            compared = {condition.left, condition.right} if isinstance(condition, SameBit) else set()
            return compared | numbers_in(then) | numbers_in(otherwise)
    return set()


def ghosts_in(content: Content) -> set[str]:
    """The ghosts, other than numbers, that a content names: of moves and conditions."""
    match content:
        case MoveCode(ghost):
            return {ghost}
        case If(condition, then, otherwise):
            named = set() if isinstance(condition, SameBit) else {condition.ghost}
            return named | ghosts_in(then) | ghosts_in(otherwise)
    return set()


def conditions_in(content: Content) -> set[Condition]:
    """The conditions that a content names."""
    match content:
        case If(condition, then, otherwise):
            return {condition} | conditions_in(then) | conditions_in(otherwise)
    return set()
