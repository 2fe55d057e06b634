"""The facts of facts.py as formulas about token i.

Words:
    borrow  of a subtraction, at each place; atoms of these names stand for them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from certificates.checker.machine import Machine
from certificates.checker.universal.contents import Flag, Number, Sizes, number
from certificates.checker.universal.facts import (
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
from certificates.checker.universal.formulas import (
    FALSE,
    TRUE,
    Formula,
    View,
    atom,
    bits,
    choice,
    conjunction,
    disjunction,
    equal,
    implies,
    negation,
    same_bits,
)
from certificates.checker.universal.tokens import addresses, known_flag, same_number

MOVE_CODES = {"L": 0, "S": 1, "R": 3}
"""enc_move as bits, least bit first: (-1, -1), (+1, -1), (+1, +1)."""
HERE = View()


def assumptions(found: Iterable[Fact], machine: Machine, sizes: Sizes) -> list[Formula]:
    """The facts about token i as formulas."""
    formulas = list[Formula]()
    for place, fact in enumerate(found):
        formulas += _formulas(fact, f"borrow {place}", machine, sizes)
    return formulas


def is_number(what: Number, value: int) -> Formula:
    """That a number of token i is ``value``."""
    return HERE.is_number(what, value)


def _formulas(fact: Fact, name: str, machine: Machine, sizes: Sizes) -> list[Formula]:
    match fact:
        case Lowered(earlier, later, by):
            return _lowered(bits(earlier, HERE), bits(later, HERE), by, name)
        case Cleared(earlier, later, o, first, end):
            taken = [bit if first <= place < end else FALSE for place, bit in enumerate(bits(o, HERE))]
            less, negative, definitions = subtract(bits(earlier, HERE), taken, name)
            return [*definitions, same_bits(less, bits(later, HERE)), negation(negative)]
        case Moved(x, c, m):
            return _moved(bits(x, HERE), bits(c, HERE), m, name)
        case IsMove(m):
            low, high = bits(m, HERE)
            return [implies(high, low)]
        case Decided(cls):
            return _decided(cls, machine, sizes)
        case Halted():
            halting = is_number(number("q", 0, sizes), machine.states.index(machine.halting))
            return [equal(HERE.flag(Flag("halted")), halting)]
        case Capped(exact):
            cap = number("cap", 0, sizes)
            return [negation(is_number(cap, 3)), *([equal(is_number(cap, 1), is_4e(sizes))] if exact else [])]
        case NotFirst():
            return [disjunction(bits(number("i", 0, sizes), HERE))]
        case Here(flag, x, y):
            places = range(sizes.r)
            return [
                equal(HERE.flag(flag), same_bits([HERE.bit(x, b) for b in places], [HERE.bit(y, b) for b in places]))
            ]


def is_4e(sizes: Sizes) -> Formula:
    """That i = 4e, as numbers of r + 2 bits."""
    i, e = (bits(number(kind, 0, sizes), HERE) for kind in "ie")
    return same_bits([*i, FALSE, FALSE], [FALSE, FALSE, *e])


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
    known = known_flag(Flag("has_entry"), cls, sizes)
    has_entry = HERE.flag(Flag("has_entry")) if known is None else TRUE if known else FALSE
    q = same_number(number("q", 0, sizes), cls, sizes)
    situations, formulas = list[Formula](), list[Formula]()
    for (row_state, read), (after, written, moves) in machine.rows.items():
        situation = conjunction(
            (
                is_number(q, machine.states.index(row_state)),
                *(_reads(tape, machine.alphabet.index(read[tape - 1]), cls, sizes) for tape in tapes),
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
        capped = negation(is_number(number("cap", 0, sizes), 0)) if sizes.summarized else FALSE
        formulas.append(disjunction((HERE.flag(Flag("halted")), capped, has_entry)))
        formulas.append(_formulas(Halted(), "", machine, sizes)[0])
    return formulas


def _reads(tape: int, symbol: int, cls: str, sizes: Sizes) -> Formula:
    """That the cell x_k holds this symbol: g_k where it was written, else the blank; the blank without an x_k."""
    written = HERE.flag(Flag(f"written_{tape}")) if addresses(cls, tape, sizes) else FALSE
    holds = is_number(number("g", tape, sizes), symbol)
    blank = TRUE if symbol == 0 else FALSE
    return disjunction((conjunction((written, holds)), conjunction((negation(written), blank))))


def subtract(
    left: Sequence[Formula], right: Sequence[Formula], name: str
) -> tuple[list[Formula], Formula, list[Formula]]:
    """Bits of left - right modulo 2^len, whether it is negative, and what defines the borrows, named ``name``."""
    borrow, bits, definitions = FALSE, list[Formula](), list[Formula]()
    for place, (one, other) in enumerate(zip(left, right, strict=True)):
        bits.append(equal(equal(one, other), borrow))  # an odd number of the three hold
        following = choice(equal(one, other), borrow, other)
        borrow = following
        if following not in (TRUE, FALSE) and not following.startswith("|"):
            borrow = atom(f"{name}[{place}]")
            definitions.append(equal(borrow, following))
    return bits, borrow, definitions
