"""What is assumed of the ghosts of one token, as formulas (SPEC 14, points 4 to 6).

That these bits are the arithmetic, say the lemmas ``arithmetic.*``:

    max(i - d - 2**k, 0)   from max(i - d, 0), by subtracting 2**k with saturation
    i - (o mod 2**(b+1))   from i - (o mod 2**b), by subtracting 2**b where bit b of o is 1
    x_k of a run token     from c_k and m_k: one more, one less (at least 0), or the same
    tau <= a               implies tau <= b, for a < b
    cap                    compares i with 4e
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise

from exactformer.verify.annotation.content import (
    AtMost,
    Back,
    Condition,
    Content,
    Equals,
    Ghost,
    MinusLow,
    Number,
    SameBit,
)
from exactformer.verify.annotation.symbolic import Symbols, choose, conditions_in, ghosts_in, numbers_in
from exactformer.verify.lemmas.bits import decremented, incremented
from exactformer.verify.solver import Formula, all_of, equivalent, implies, negation


def facts(contents: Iterable[Content], symbols: Symbols, position_bits: int, symbol_bits: int) -> list[Formula]:
    """Whatever relates the ghosts that these contents name."""
    listed = list(contents)
    numbers = {number for content in listed for number in numbers_in(content)}
    ghosts = {ghost for content in listed for ghost in ghosts_in(content)}
    conditions = {condition for content in listed for condition in conditions_in(content)}
    return [
        *_thresholds(conditions, symbols),
        *_blank_conditions(conditions, symbols, symbol_bits),
        *_derived(numbers, symbols, position_bits),
        *_moves(numbers, ghosts, symbols, position_bits),
        *_cap(conditions, symbols, position_bits),
    ]


def compares_symbols(contents: Iterable[Content]) -> bool:
    """Whether a condition asks for the blank, so that the width of a symbol matters."""
    return any(
        isinstance(condition, Equals) and condition.ghost[0] == "g"
        for content in contents
        for condition in conditions_in(content)
    )


def compares_bits(contents: Iterable[Content]) -> bool:
    """Whether a condition compares bits of two numbers."""
    return any(isinstance(condition, SameBit) for content in contents for condition in conditions_in(content))


def _same(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    return all_of(map(equivalent, left, right))


def _thresholds(conditions: Set[Condition], symbols: Symbols) -> Iterator[Formula]:
    bounds = sorted((one for one in conditions if isinstance(one, AtMost)), key=lambda one: (one.ghost, one.bound))
    for lower, upper in pairwise(bounds):
        if lower.ghost == upper.ghost:
            yield implies(symbols.condition(lower), symbols.condition(upper))


def _blank_conditions(conditions: Set[Condition], symbols: Symbols, symbol_bits: int) -> Iterator[Formula]:
    for condition in sorted(conditions, key=str):
        if isinstance(condition, Equals) and condition.ghost[0] == "g" and condition.value == 0:
            bits = symbols.bits(Ghost(condition.ghost), symbol_bits)
            yield equivalent(symbols.condition(condition), all_of(map(negation, bits)))


def _derived(numbers: Set[Number], symbols: Symbols, r: int) -> Iterator[Formula]:
    """Numbers from which less is subtracted, where they are among the numbers."""
    for number in sorted(numbers, key=str):
        bits = symbols.bits(number, r)
        match number:
            case Back(distance):
                for k in range(2):
                    if (less := Back(distance - (1 << k))) in numbers:
                        yield _same(bits, decremented(symbols.bits(less, r), k))
            case MinusLow(low, ghost):
                minuend: Number = MinusLow(low - 1, ghost) if low > 1 else Back(0)
                if minuend in numbers:
                    subtrahend: Number = Back(0) if ghost == "i" else Ghost(ghost)
                    before, subtract = symbols.bits(minuend, r), symbols.bit(subtrahend, low - 1)
                    # i >= o, so what is left is at least the bits of o still to come: nothing saturates.
                    after = decremented(before, low - 1)
                    yield _same(bits, [choose(subtract, a, b) for a, b in zip(after, before, strict=True)])


def _cap(conditions: Set[Condition], symbols: Symbols, r: int) -> Iterator[Formula]:
    """cap = 1 says that i = 4e: bit s + 2 of i is bit s of e, the low bits of i and the high ones of e are 0."""
    at_cap, below = Equals("cap", 1), Equals("cap", 0)
    if {at_cap, below} <= conditions:
        yield negation(all_of([symbols.condition(at_cap), symbols.condition(below)]))
    if at_cap in conditions and any(isinstance(one, SameBit) for one in conditions):
        position, end = symbols.bits(Back(0), r), symbols.bits(Ghost("e"), r)
        low, high = map(negation, position[:2]), map(negation, end[r - 2 :])
        yield equivalent(symbols.condition(at_cap), all_of([_same(position[2:], end[: r - 2]), *low, *high]))


def _moves(numbers: Set[Number], ghosts: Set[str], symbols: Symbols, r: int) -> Iterator[Formula]:
    """x_k = c_k + 1, max(c_k - 1, 0) or c_k, for m_k = R, L, S; a head never moves beyond cell 2**r - 1."""
    for ghost in sorted(ghosts):
        if ghost[0] == "m":
            not_left, right = symbols.move(ghost)
            yield implies(right, not_left)
    for number in sorted(numbers, key=str):
        match number:
            case Ghost(name) if name[0] == "x" and Ghost(f"c{name[1:]}") in numbers:
                cell = symbols.bits(Ghost(f"c{name[1:]}"), r)
                not_left, right = symbols.move(f"m{name[1:]}")
                yield negation(all_of([right, *cell]))
                up, down = incremented(cell), decremented(cell, 0)
                moved = [choose(right, a, choose(not_left, b, c)) for a, b, c in zip(up, cell, down, strict=True)]
                yield _same(symbols.bits(number, r), moved)
