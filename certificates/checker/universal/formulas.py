"""What ghosts say as formulas, and contents as integers that depend on ghosts.

Words:
    variable  a bit of a number, a flag, or what a fetched coordinate is, of the token i or of a token j
    view      how the ghosts of a token are named: those of the token i by themselves, those of a token j that are
              numbers of i by these, all others as unknown numbers of j
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from exactformer.certificates.checker.cases import Cases, either, sign
from exactformer.certificates.checker.diagrams import (
    FALSE,
    TRUE,
    Diagrams,
    Formula,
    conjunction,
    equal,
)
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.universal.contents import (
    SUMMARY,
    Bit,
    Choice,
    Code,
    Condition,
    Constant,
    Content,
    Fetched,
    Flag,
    Is,
    Number,
    SameBits,
)

SMALL_KINDS = frozenset(("q", "m", "cap", "a", "g", "s"))
"""Numbers of few bits; others are positions and cells."""
MOST_NAMES, MOST_PLACES = 2**20, 2**16
MOST_KEPT = 2**19
"""Nodes and steps of diagrams that are kept from one obligation to the next."""


@dataclass(frozen=True, eq=False)
class Variables:
    """Which level of the diagrams a bit has. Small numbers and flags come first. Then all other numbers, interleaved:
    their highest bits, then the ones below, ..; so comparing, adding and subtracting have small diagrams."""

    diagrams: Diagrams = field(default_factory=Diagrams)
    names: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[Content, int, View], list[Cases]] = field(default_factory=dict)

    def bit(self, name: str, place: int, small: bool) -> Formula:
        """The variable for bit ``place`` of what ``name`` names."""
        number = self.names.setdefault(name, len(self.names))
        if number >= MOST_NAMES or place >= MOST_PLACES:
            raise TooLarge(f"{number} ghosts, one of {place} bits, are more than this checker tells apart")
        if small:
            return self.diagrams.variable(number * MOST_PLACES + place)
        return self.diagrams.variable((MOST_NAMES + MOST_PLACES - place) * MOST_NAMES + number)

    def make_room(self) -> None:
        """Forgets all formulas if there are many; those made before are not to be combined with later ones."""
        if self.diagrams.size > MOST_KEPT:
            self.diagrams.clear()
            self.known.clear()


@dataclass(frozen=True)
class View:
    """Names for a token's ghosts: ``same`` are those that are numbers of i; with ``back`` it is max(i - back, 0)."""

    variables: Variables
    side: str = "i"
    same: tuple[tuple[Number, Number], ...] = ()
    back: int = 0

    @property
    def of_i(self) -> View:
        """The view of the token i."""
        return View(self.variables)

    def bit(self, what: Number, place: int) -> Formula:
        """Bit ``place`` of a number (SPEC 14.5, 18.4)."""
        renamed = dict(self.same).get(what)
        if renamed is not None:
            return self.of_i.bit(renamed, place)
        if self.back and what.kind in ("i", "back"):
            return self.of_i.bit(Number("back", self.back + what.index, what.bits), place)
        if what.kind == "i - i":
            return FALSE if place < what.index else self.bit(Number("i", 0, what.bits), place)
        if what.kind == "4e":
            return FALSE if place < 2 else self.bit(Number("e", 0, what.bits), place - 2)
        if place >= what.bits:
            return FALSE
        small = what.kind.rstrip("'") in SMALL_KINDS
        return self.variables.bit(f"{self.side}:{what.kind}_{what.index}", place, small)

    def flag(self, flag: Flag) -> Formula:
        """A flag; ``summary`` is the same for all tokens of a segment."""
        return self.variables.bit(f"{'i' if flag == SUMMARY else self.side}:{flag.name}", 0, small=True)

    def fetched(self, what: Fetched, place: int) -> Cases:
        """A coordinate of what an earlier token held: unknown, but ternary."""
        side, back = ("i", self.back + what.back) if self.back else (self.side, what.back)
        name = f"{side}:{what.register}@{back}@{what.layer}"
        minus, plus = (self.variables.bit(f"{name} {sign}", place, small=False) for sign in "-+")
        return {-1: minus & ~plus, 0: ~minus & ~plus, 1: plus}

    def condition(self, condition: Condition) -> Formula:
        """A condition that is not on a step."""
        match condition:
            case Flag():
                return self.flag(condition)
            case Bit(what, place):
                return self.bit(what, place)
            case Is(what, value):
                return self.is_number(what, value)
            case SameBits(one, other):
                return equal(self.bit(one.number, one.place), self.bit(other.number, other.place))
        raise TypeError(f"{condition} is not settled")

    def is_number(self, what: Number, value: int) -> Formula:
        """That a number is ``value``."""
        bits = [self.bit(what, place) for place in range(max(what.bits, value.bit_length()))]
        return conjunction(bit if value >> place & 1 else ~bit for place, bit in enumerate(bits))

    def truth(self, condition: Condition, truth: bool) -> Formula:
        """That a condition has this truth."""
        return self.condition(condition) if truth else ~self.condition(condition)


def coordinates(content: Content, width: int, view: View) -> list[Cases]:
    """What a settled content says of every coordinate; callers must not change it."""
    known, key = view.variables.known, (content, width, view)
    if key not in known:
        known[key] = _coordinates(content, width, view)
    return known[key]


def _coordinates(content: Content, width: int, view: View) -> list[Cases]:
    match content:
        case Constant(value):
            return [{value: TRUE}] * width
        case Code(what, low):
            return [{0: TRUE} if place < low else sign(view.bit(what, place)) for place in range(width)]
        case Bit(what, place):
            return [sign(view.bit(what, place))]
        case Fetched():
            return [view.fetched(content, place) for place in range(width)]
        case Choice(condition, then, other):
            formula = view.condition(condition)
            pairs = zip(coordinates(then, width, view), coordinates(other, width, view), strict=True)
            return [either(formula, left, right) for left, right in pairs]
    raise TypeError(f"{content} is not settled")


def bits(what: Number, view: View) -> list[Formula]:
    """All bits of a number."""
    return [view.bit(what, place) for place in range(what.bits)]


def same_bits(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """That two numbers are equal."""
    return conjunction(equal(one, other) for one, other in zip(left, right, strict=True))
