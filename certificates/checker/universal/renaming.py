"""Obligations that differ in the names of ghosts only are one obligation: tapes, max(i - D, 0), what is fetched.

An obligation holds for all values of its ghosts. So tapes may be exchanged, where all that it speaks of is; and so may
numbers max(i - D, 0), and fetched contents, of which nothing is known but the facts that come with the obligation.

Words:
    names  the new ones, by the order in which an obligation first speaks of what they stand for
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from certificates.checker.universal.classes import ON_TAPES
from certificates.checker.universal.contents import (
    Bit,
    Choice,
    Code,
    Condition,
    Content,
    Fetched,
    Flag,
    Is,
    Number,
    SameBits,
)
from certificates.checker.universal.facts import Cleared, Decided, Fact, Here, IsMove, Lowered, Moved


@dataclass(frozen=True)
class Names:
    """Tapes, distances D, and what is fetched, each with its new name."""

    tapes: dict[int, int] = field(default_factory=dict)
    distances: dict[int, int] = field(default_factory=dict)
    fetched: dict[Fetched, Fetched] = field(default_factory=dict)

    def tape(self, tape: int) -> int:
        """Tapes are counted from 1; 0 stands for none."""
        return self.tapes.setdefault(tape, len(self.tapes) + 1) if tape else 0

    def number(self, what: Number) -> Number:
        """A number."""
        if what.kind == "back":
            return replace(what, index=self.distances.setdefault(what.index, len(self.distances) + 1))
        on_tape = what.kind in ON_TAPES
        return replace(what, index=self.tape(what.index)) if on_tape else what

    def flag(self, flag: Flag) -> Flag:
        """A flag."""
        name, _, tape = flag.name.rpartition("_")
        return Flag(f"{name}_{self.tape(int(tape))}") if name in ON_TAPES else flag

    def condition(self, condition: Condition) -> Condition:
        """A condition that is not on a step."""
        match condition:
            case Flag():
                return self.flag(condition)
            case Bit(what) | Is(what):
                return replace(condition, number=self.number(what))
            case SameBits(one, other):
                return SameBits(*(replace(bit, number=self.number(bit.number)) for bit in (one, other)))
        return condition

    def content(self, content: Content) -> Content:
        """A settled content."""
        match content:
            case Choice(condition, then, other):
                return Choice(self.condition(condition), self.content(then), self.content(other))
            case Code(what) | Bit(what):
                return replace(content, number=self.number(what))
            case Fetched():
                return self.fetched.setdefault(content, Fetched(f"{len(self.fetched)}", 0, 0))
        return content

    def contents(self, contents: Iterable[Content]) -> tuple[Content, ...]:
        """Settled contents, in order."""
        return tuple(map(self.content, contents))

    def facts(self, facts: Iterable[Fact]) -> tuple[Fact, ...]:
        """Facts about the numbers of an obligation."""
        return tuple(map(self._fact, facts))

    def _fact(self, fact: Fact) -> Fact:
        match fact:
            case Lowered(earlier, later, by):
                return Lowered(self.number(earlier), self.number(later), by)
            case Cleared(earlier, later, o, first, end):
                return Cleared(self.number(earlier), self.number(later), o, first, end)
            case Moved(x, c, m):
                return Moved(*map(self.number, (x, c, m)))
            case IsMove(m):
                return IsMove(self.number(m))
            case Here(flag, x, y):
                return Here(self.flag(flag), self.number(x), self.number(y))
        return fact  # without numbers of a tape


def names_for(facts: Iterable[Fact], tapes: int) -> Names:
    """No names yet; but where the machine's rows are among the facts, every tape keeps its own."""
    decided = any(isinstance(fact, Decided) for fact in facts)
    return Names({tape: tape for tape in range(1, tapes + 1)} if decided else {})
