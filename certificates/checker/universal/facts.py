"""What may be assumed of ghosts (SPEC 14), as formulas.

Words:
    play   the numbers and flags that an obligation speaks of; only facts about these are assumed
    fact   one of the rules of SPEC 14 for certain numbers; two tokens with the same facts share queries
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from certificates.checker.machine import Machine
from certificates.checker.universal.contents import Content, Flag, Number, Sizes, flags, number, numbers
from certificates.checker.universal.formulas import (
    FALSE,
    TRUE,
    Formula,
    View,
    conjunction,
    disjunction,
    equal,
    implies,
    negation,
    subtract,
)
from certificates.checker.universal.tokens import State, known_flag, same_number

MOVE_CODES = {"L": 0, "S": 1, "R": 3}
"""enc_move as bits, least bit first: (-1, -1), (+1, -1), (+1, +1)."""


@dataclass(frozen=True)
class Lowered:
    """``later`` is max(earlier - by, 0) (SPEC 14.5)."""

    earlier: Number
    later: Number
    by: int


@dataclass(frozen=True)
class Cleared:
    """``later`` is ``earlier`` less the bits from ``first`` to ``end`` - 1 of ``o``, and not negative (SPEC 14.5)."""

    earlier: Number
    later: Number
    o: Number
    first: int
    end: int


@dataclass(frozen=True)
class Moved:
    """x_k, c_k and m_k of a RUN token (SPEC 14.4)."""

    x: Number
    c: Number
    m: Number


@dataclass(frozen=True)
class IsMove:
    """m_k is the code of a move."""

    m: Number


@dataclass(frozen=True)
class Decided:
    """has_entry, q', a'_k, m'_k are what the machine says; for RUN also: it has an entry unless halted (SPEC 14.6)."""

    cls: str


@dataclass(frozen=True)
class Halted:
    """``halted`` says whether q is the halting state."""


Fact: TypeAlias = Lowered | Cleared | Moved | IsMove | Decided | Halted


def facts(state: State, contents: Iterable[Content], sizes: Sizes) -> tuple[Fact, ...]:
    """The facts about one token that an obligation on these settled contents may need."""
    contents = tuple(contents)
    return _facts(
        state.cls,
        frozenset(what for content in contents for what in numbers(content)),
        frozenset(flag for content in contents for flag in flags(content)),
        sizes,
    )


@lru_cache(maxsize=2**14)
def _facts(cls: str, play: frozenset[Number], named: frozenset[Flag], sizes: Sizes) -> tuple[Fact, ...]:
    found: list[Fact] = []
    i = number("i", 0, sizes)
    lowered = sorted((what for what in play if what.kind == "back"), key=lambda what: what.index)
    lowered = [i, *lowered] if i in play else lowered
    found += [Lowered(one, two, two.index - one.index) for one, two in pairwise(lowered)]
    cleared = sorted((what for what in play if what.kind == "i - o"), key=lambda what: what.index)
    cleared = [i, *cleared] if i in play else cleared
    o = number("o", 0, sizes)
    found += [Cleared(one, two, o, one.index, two.index) for one, two in pairwise(cleared)]
    for tape in range(1, sizes.tapes + 1):
        x, c, m = (number(kind, tape, sizes) for kind in "xcm")
        if cls == "RUN" and x in play and (c in play or m in play):
            found.append(Moved(x, c, m))
        if m in play or Moved(x, c, m) in found:
            found.append(IsMove(m))
    if Flag("has_entry") in named or any(what.kind.endswith("'") for what in play):
        found.append(Decided(cls))
    if cls == "RUN" and Flag("halted") in named:
        found.append(Halted())
    return tuple(found)


def assumptions(found: Iterable[Fact], machine: Machine, sizes: Sizes) -> list[Formula]:
    """The facts about token i as formulas."""
    formulas = list[Formula]()
    for place, fact in enumerate(found):
        formulas += _formulas(fact, f"borrow {place}", machine, sizes)
    return formulas


HERE = View()


def bits(what: Number, view: View = HERE) -> list[Formula]:
    """All bits of a number."""
    return [view.bit(what, place) for place in range(what.bits)]


def is_number(what: Number, value: int) -> Formula:
    """That a number of token i is ``value``."""
    if value >> what.bits:
        return FALSE
    return conjunction(bit if value >> place & 1 else negation(bit) for place, bit in enumerate(bits(what)))


def same_bits(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """That two numbers are equal."""
    return conjunction(equal(one, other) for one, other in zip(left, right, strict=True))


def _formulas(fact: Fact, name: str, machine: Machine, sizes: Sizes) -> list[Formula]:
    match fact:
        case Lowered(earlier, later, by):
            return _lowered(bits(earlier), bits(later), by, name)
        case Cleared(earlier, later, o, first, end):
            taken = [bit if first <= place < end else FALSE for place, bit in enumerate(bits(o))]
            less, negative, definitions = subtract(bits(earlier), taken, name)
            return [*definitions, same_bits(less, bits(later)), negation(negative)]
        case Moved(x, c, m):
            return _moved(bits(x), bits(c), m, name)
        case IsMove(m):
            low, high = bits(m)
            return [implies(high, low)]
        case Decided(cls):
            return _decided(cls, machine, sizes)
        case Halted():
            halting = is_number(number("q", 0, sizes), machine.states.index(machine.halting))
            return [equal(HERE.flag(Flag("halted")), halting)]


def _constant(value: int, width: int) -> list[Formula]:
    return [TRUE if value >> place & 1 else FALSE for place in range(width)]


def _lowered(earlier: list[Formula], later: list[Formula], by: int, name: str) -> list[Formula]:
    if by >> len(earlier):
        return [negation(bit) for bit in later]
    less, negative, definitions = subtract(earlier, _constant(by, len(earlier)), name)
    clamped = [conjunction((negation(negative), bit)) for bit in less]
    return [*definitions, same_bits(clamped, later)]


def _moved(x: list[Formula], c: list[Formula], m: Number, name: str) -> list[Formula]:
    """For a move to the right x - 1 = c without a borrow: c + 1 < 2^r."""
    one = _constant(1, len(x))
    below_x, x_is_0, first = subtract(x, one, f"{name} x")
    below_c, c_is_0, second = subtract(c, one, f"{name} c")
    left = same_bits(x, [conjunction((negation(c_is_0), bit)) for bit in below_c])
    right = conjunction((same_bits(below_x, c), negation(x_is_0)))
    ways = {"L": left, "S": same_bits(x, c), "R": right}
    return [*first, *second, *(implies(is_number(m, MOVE_CODES[move]), way) for move, way in ways.items())]


def _decided(cls: str, machine: Machine, sizes: Sizes) -> list[Formula]:
    tapes = range(1, sizes.tapes + 1)
    known = known_flag(Flag("has_entry"), cls)
    has_entry = HERE.flag(Flag("has_entry")) if known is None else TRUE if known else FALSE
    q = same_number(number("q", 0, sizes), cls, sizes)
    situations, formulas = list[Formula](), list[Formula]()
    for (row_state, read), (after, written, moves) in machine.rows.items():
        situation = conjunction(
            (
                is_number(q, machine.states.index(row_state)),
                *(_reads(tape, machine.alphabet.index(read[tape - 1]), sizes) for tape in tapes),
            )
        )
        result = [is_number(number("q'", 0, sizes), machine.states.index(after))]
        for tape in tapes:
            symbol = machine.alphabet.index(written[tape - 1])
            result.append(is_number(number("a'", tape, sizes), symbol))
            result.append(is_number(number("m'", tape, sizes), MOVE_CODES[moves[tape - 1]]))
        situations.append(situation)
        formulas.append(implies(situation, conjunction((has_entry, *result))))
    formulas.append(implies(has_entry, disjunction(situations)))
    if cls == "RUN":
        formulas.append(disjunction((HERE.flag(Flag("halted")), has_entry)))
        formulas.append(_formulas(Halted(), "", machine, sizes)[0])
    return formulas


def _reads(tape: int, symbol: int, sizes: Sizes) -> Formula:
    """That the cell x_k holds this symbol: g_k where it was written, else the blank."""
    written = HERE.flag(Flag(f"written_{tape}"))
    holds = is_number(number("g", tape, sizes), symbol)
    blank = TRUE if symbol == 0 else FALSE
    return disjunction((conjunction((written, holds)), conjunction((negation(written), blank))))
