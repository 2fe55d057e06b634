"""Contents as formulas over the bits of unknown ghosts: what a coordinate is for *all* values of the ghosts.

A coordinate is a pair of formulas, when it is +1 and when it is -1.  Ghosts are unknown bits.  Of numbers that follow
from others it is assumed, bit by bit, that they do; that these bits are the arithmetic, say the lemmas
``arithmetic.*``:

    max(i - d - 2**k, 0)   from max(i - d, 0), by subtracting 2**k with saturation
    i - (o mod 2**(b+1))   from i - (o mod 2**b), by subtracting 2**b where bit b of o is 1
    x_k of a run token     from c_k and m_k: one more, one less (at least 0), or the same
    has_entry, q', a', m'  from q and the symbols at x_1..x_K, by the machine's transition function
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from constructions.machines.machine import TuringMachine
from constructions.turing.encoding import Shape
from verify.annotation.content import (
    AtMost,
    Back,
    Bit,
    Code,
    Condition,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MinusLow,
    MoveCode,
    Number,
    One,
    Zero,
)
from verify.annotation.ghosts import did
from verify.lemmas.bits import decremented, incremented, unknown_bits
from verify.solver import Formula, all_of, any_of, boolean, equivalent, implies, negation

TRUE: Formula = all_of(())
FALSE: Formula = any_of(())
FLAGS = ("is_run", "is_pos")
"""Registers that are fetched and hold flags."""


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


def of_bit(bit: Formula) -> Coordinate:
    """The code of a bit."""
    return Coordinate(bit, negation(bit), signed=True)


NOTHING = Coordinate(FALSE, FALSE)
FLAG_UP = Coordinate(TRUE, FALSE)


class Symbolic:
    """The formulas for one class at one moment.

    ``prefix`` stands before the names of all unknowns, so that two tokens can be spoken of at once.
    ``numbers`` are those that occur; what is known of how they are related is assumed.  ``assumptions`` collects that,
    and what else the ghosts are known to satisfy, as far as it has been asked for.
    """

    def __init__(self, shape: Shape, machine: TuringMachine, numbers: Iterable[Number], prefix: str = "") -> None:
        self.shape = shape
        self.machine = machine
        self.prefix = prefix
        self.numbers = frozenset(numbers)
        self.assumptions: list[Formula] = []
        self._bits: dict[Number, tuple[Formula, ...]] = {}
        self._delta: list[tuple[Formula, dict[str, int]]] = []
        self._fetched: dict[Fetched, tuple[Coordinate, ...]] = {}
        for number in sorted(self.numbers, key=str):
            self._relate(number)

    def _unknown(self, name: str) -> Formula:
        return boolean(self.prefix + name)

    def bits(self, number: Number) -> tuple[Formula, ...]:
        """The bits of a number, as many as its registers have."""
        if number not in self._bits:
            self._bits[number] = self._make(number)
        return self._bits[number]

    def _make(self, number: Number) -> tuple[Formula, ...]:
        match number:
            case Ghost("blank"):
                return (FALSE,) * self.shape.symbol_bits
            case Ghost(name) if name[0] == "x" and Ghost(f"c{name[1:]}") in self.numbers:
                return self._moved(name[1:])
            case Ghost(name) if "'" in name:
                return self._from_delta(name, self._width(name))
            case Ghost(name):
                return unknown_bits(self.prefix + name, self._width(name))
        return unknown_bits(self.prefix + _name(number), self.shape.position_bits)

    def _relate(self, number: Number) -> None:
        """Assume how a number follows from one that is subtracted less from, if that is among the numbers."""
        match number:
            case Back(distance):
                for k in range(2):
                    if (less := Back(distance - (1 << k))) in self.numbers:
                        self._assume_equal(self.bits(number), decremented(self.bits(less), k))
            case MinusLow(low):
                minuend: Number = MinusLow(low - 1) if low > 1 else Back(0)
                if minuend in self.numbers:
                    before, subtract = self.bits(minuend), self.bits(Ghost("o"))[low - 1]
                    # i >= o, so what is left is at least the bits of o still to come: nothing saturates.
                    after = decremented(before, low - 1)
                    defined = tuple(choose(subtract, a, b) for a, b in zip(after, before, strict=True))
                    self._assume_equal(self.bits(number), defined)

    def _assume_equal(self, left: Sequence[Formula], right: Sequence[Formula]) -> None:
        self.assumptions.append(all_of(map(equivalent, left, right)))

    def _entries(self) -> list[tuple[Formula, dict[str, int]]]:
        """For each entry of delta: that it applies, and what it says of q', a'_k and m'_k."""
        if not self._delta:
            state = self.bits(Ghost("q"))
            read = [
                [all_of([self._unknown(f"written_{k}=1"), bit]) for bit in self.bits(Ghost(f"g_{k}"))]
                for k in range(1, self.machine.tapes + 1)  # a cell that was never written holds the blank, code 0
            ]
            for (q, symbols), action in self.machine.transitions.items():
                agree = [_codes(state, self.machine.state_index(q))]
                for bits, symbol in zip(read, symbols, strict=True):
                    agree.append(_codes(bits, self.machine.symbol_index(symbol)))
                self._delta.append((all_of(agree), did(self.machine, action, "'")))
        return self._delta

    def _from_delta(self, ghost: str, width: int) -> tuple[Formula, ...]:
        """The bits of q' or a'_k."""
        return tuple(any_of(holds for holds, says in self._entries() if says[ghost] >> b & 1) for b in range(width))

    def _width(self, ghost: str) -> int:
        if ghost[0] == "q":
            return self.shape.state_bits
        return self.shape.symbol_bits if ghost[0] in "ags" else self.shape.position_bits

    def _moved(self, tape: str) -> tuple[Formula, ...]:
        """x_k = c_k + 1, max(c_k - 1, 0) or c_k, for m_k = R, L, S; a head never moves beyond cell 2**r - 1."""
        cell = self.bits(Ghost(f"c{tape}"))
        not_left, right = self._move(f"m{tape}")
        self.assumptions.append(negation(all_of([right, *cell])))
        up, down = incremented(cell), decremented(cell, 0)
        return tuple(choose(right, a, choose(not_left, b, c)) for a, b, c in zip(up, cell, down, strict=True))

    def _move(self, ghost: str) -> tuple[Formula, Formula]:
        """The two bits of enc_move: not left, right."""
        if "'" in ghost:
            return (
                any_of(holds for holds, says in self._entries() if says[ghost] >= 1),
                any_of(holds for holds, says in self._entries() if says[ghost] == 2),
            )
        not_left, right = self._unknown(f"{ghost}:not-left"), self._unknown(f"{ghost}:right")
        self.assumptions.append(implies(right, not_left))
        return not_left, right

    def condition(self, condition: Condition) -> Formula:
        match condition:
            case AtMost(ghost, bound):
                # tau <= m implies tau <= m + 1.
                holds = self._unknown(f"{ghost}<={bound}")
                self.assumptions.append(implies(holds, self._unknown(f"{ghost}<={bound + 1}")))
                return holds
            case Equals(ghost, value) if ghost.endswith("]"):
                name, _, index = ghost[:-1].rpartition("[")
                bit = self.bits(Ghost(name))[int(index)]
                return bit if value else negation(bit)
            case Equals("has_entry", 1):
                return any_of(holds for holds, _ in self._entries())
            case Equals(ghost, 0) if ghost[0] == "g":
                return all_of(negation(bit) for bit in self.bits(Ghost(ghost)))
            case Equals(ghost, 0):
                return negation(self._unknown(f"{ghost}=1"))
            case Equals(ghost, value):
                return self._unknown(f"{ghost}={value}")

    def coordinates(self, content: Content, width: int) -> tuple[Coordinate, ...]:
        """The coordinates of a content in a register of ``width`` bits."""
        match content:
            case Zero():
                return (NOTHING,) * width
            case One():
                return (FLAG_UP,) * width
            case Code(number):
                return tuple(map(of_bit, self.bits(number)))
            case HighBits(number, first):
                return (NOTHING,) * first + tuple(map(of_bit, self.bits(number)[first:]))
            case Bit(number, index):
                return (of_bit(self.bits(number)[index]),)
            case MoveCode(ghost):
                return tuple(map(of_bit, self._move(ghost)))
            case Fetched():
                if content not in self._fetched:
                    self._fetched[content] = tuple(self._anything(content, c) for c in range(width))
                return self._fetched[content]
            case If(condition, then, otherwise):
                holds = self.condition(condition)
                pairs = zip(self.coordinates(then, width), self.coordinates(otherwise, width), strict=True)
                return tuple(
                    Coordinate(choose(holds, a.plus, b.plus), choose(holds, a.minus, b.minus)) for a, b in pairs
                )

    def _anything(self, content: Fetched, coordinate: int) -> Coordinate:
        """Whatever another token holds: 0 or 1 of a flag, else any ternary value."""
        name = f"{content.register}[{coordinate}]@{content.distance}@{content.layer}"
        plus = self._unknown(f"{name}=+1")
        if content.register in FLAGS:
            return Coordinate(plus, FALSE)
        minus = self._unknown(f"{name}=-1")
        self.assumptions.append(any_of([negation(plus), negation(minus)]))
        return Coordinate(plus, minus)


def _codes(bits: Sequence[Formula], number: int) -> Formula:
    """That these are the bits of a number."""
    return all_of(bit if number >> b & 1 else negation(bit) for b, bit in enumerate(bits))


def _name(number: Number) -> str:
    """A number as the name of a variable."""
    return str(number).replace(" ", "")


def numbers_in(content: Content) -> set[Number]:
    """The numbers whose codes a content has."""
    match content:
        case Code(number) | HighBits(number) | Bit(number):
            return {number}
        case If(_, then, otherwise):
            return numbers_in(then) | numbers_in(otherwise)
    return set()
