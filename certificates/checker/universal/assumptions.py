"""The facts of facts.py as formulas about token i, whose ghosts ``here`` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exactformer.certificates.checker.diagrams import (
    FALSE,
    TRUE,
    Formula,
    choice,
    conjunction,
    disjunction,
    equal,
    implies,
)
from exactformer.certificates.checker.machine import Machine
from exactformer.certificates.checker.universal.contents import Flag, Number, Sizes, number
from exactformer.certificates.checker.universal.facts import (
    Capped,
    Cleared,
    Decided,
    Fact,
    Halted,
    Here,
    IsMove,
    Lowered,
    Moved,
    NotFirst,
)
from exactformer.certificates.checker.universal.formulas import View, bits, same_bits
from exactformer.certificates.checker.universal.tokens import addresses, known_flag, same_number

MOVE_CODES = {"L": 0, "S": 1, "R": 3}
"""enc_move as bits, least bit first: (-1, -1), (+1, -1), (+1, +1)."""


def assumptions(found: Iterable[Fact], machine: Machine, sizes: Sizes, here: View) -> list[Formula]:
    """The facts about token i as formulas."""
    return [formula for fact in found for formula in _formulas(fact, machine, sizes, here)]


def _formulas(fact: Fact, machine: Machine, sizes: Sizes, here: View) -> list[Formula]:
    match fact:
        case Lowered(earlier, later, by):
            return _lowered(bits(earlier, here), bits(later, here), by)
        case Cleared(earlier, later, o, first, end):
            taken = [bit if first <= place < end else FALSE for place, bit in enumerate(bits(o, here))]
            less, negative = subtract(bits(earlier, here), taken)
            return [same_bits(less, bits(later, here)), ~negative]
        case Moved(x, c, m):
            return _moved(bits(x, here), bits(c, here), m, here)
        case IsMove(m):
            low, high = bits(m, here)
            return [implies(high, low)]
        case Decided(cls):
            return _decided(cls, machine, sizes, here)
        case Halted():
            halting = here.is_number(number("q", 0, sizes), machine.states.index(machine.halting))
            return [equal(here.flag(Flag("halted")), halting)]
        case Capped(exact):
            cap = number("cap", 0, sizes)
            return [~here.is_number(cap, 3), *([equal(here.is_number(cap, 1), is_4e(sizes, here))] if exact else [])]
        case NotFirst():
            return [disjunction(bits(number("i", 0, sizes), here))]
        case Here(flag, x, y):
            places = range(sizes.r)
            return [
                equal(here.flag(flag), same_bits([here.bit(x, b) for b in places], [here.bit(y, b) for b in places]))
            ]


def is_4e(sizes: Sizes, here: View) -> Formula:
    """That i = 4e, as numbers of r + 2 bits."""
    i, e = (bits(number(kind, 0, sizes), here) for kind in "ie")
    return same_bits([*i, FALSE, FALSE], [FALSE, FALSE, *e])


def _constant(value: int, width: int) -> list[Formula]:
    return [TRUE if value >> place & 1 else FALSE for place in range(width)]


def _lowered(earlier: list[Formula], later: list[Formula], by: int) -> list[Formula]:
    if by >> len(earlier):
        return [~bit for bit in later]
    less, negative = subtract(earlier, _constant(by, len(earlier)))
    return [same_bits([~negative & bit for bit in less], later)]


def _moved(x: list[Formula], c: list[Formula], m: Number, here: View) -> list[Formula]:
    """For a move to the right x - 1 = c without a borrow: c + 1 < 2^r."""
    one = _constant(1, len(x))
    below_x, x_is_0 = subtract(x, one)
    below_c, c_is_0 = subtract(c, one)
    left = same_bits(x, [~c_is_0 & bit for bit in below_c])
    right = same_bits(below_x, c) & ~x_is_0
    ways = {"L": left, "S": same_bits(x, c), "R": right}
    return [implies(here.is_number(m, MOVE_CODES[move]), way) for move, way in ways.items()]


def _decided(cls: str, machine: Machine, sizes: Sizes, here: View) -> list[Formula]:
    tapes = range(1, sizes.tapes + 1)
    known = known_flag(Flag("has_entry"), cls, sizes)
    has_entry = here.flag(Flag("has_entry")) if known is None else TRUE if known else FALSE
    q = same_number(number("q", 0, sizes), cls, sizes)
    situations, formulas = list[Formula](), list[Formula]()
    for (row_state, read), (after, written, moves) in machine.rows.items():
        situation = conjunction(
            (
                here.is_number(q, machine.states.index(row_state)),
                *(_reads(tape, machine.alphabet.index(read[tape - 1]), cls, sizes, here) for tape in tapes),
            )
        )
        result = [here.is_number(number("q'", 0, sizes), machine.states.index(after))]
        for tape in tapes:
            symbol = machine.alphabet.index(written[tape - 1])
            result.append(here.is_number(number("a'", tape, sizes), symbol))
            result.append(here.is_number(number("m'", tape, sizes), MOVE_CODES[moves[tape - 1]]))
        situations.append(situation)
        formulas.append(implies(situation, conjunction((has_entry, *result))))
    formulas.append(implies(has_entry, disjunction(situations)))
    if cls == "RUN":
        capped = ~here.is_number(number("cap", 0, sizes), 0) if sizes.summarized else FALSE
        formulas.append(disjunction((here.flag(Flag("halted")), capped, has_entry)))
        formulas += _formulas(Halted(), machine, sizes, here)
    return formulas


def _reads(tape: int, symbol: int, cls: str, sizes: Sizes, here: View) -> Formula:
    """That the cell x_k holds this symbol: g_k where it was written, else the blank; the blank without an x_k."""
    written = here.flag(Flag(f"written_{tape}")) if addresses(cls, tape, sizes) else FALSE
    holds = here.is_number(number("g", tape, sizes), symbol)
    blank = TRUE if symbol == 0 else FALSE
    return choice(written, holds, blank)


def subtract(left: Sequence[Formula], right: Sequence[Formula]) -> tuple[list[Formula], Formula]:
    """Bits of left - right modulo 2^len, and whether it is negative."""
    borrow, bits = FALSE, list[Formula]()
    for one, other in zip(left, right, strict=True):
        bits.append(equal(equal(one, other), borrow))  # an odd number of the three hold
        borrow = choice(equal(one, other), borrow, other)
    return bits, borrow
