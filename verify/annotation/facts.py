"""What is assumed of the ghosts of one token, as formulas (SPEC 14, points 4 to 6).

That these bits are the arithmetic, say the lemmas ``arithmetic.*``:

    max(i - d - 2**k, 0)   from max(i - d, 0), by subtracting 2**k with saturation
    i - (o mod 2**(b+1))   from i - (o mod 2**b), by subtracting 2**b where bit b of o is 1
    x_k of a run token     from c_k and m_k: one more, one less (at least 0), or the same
    has_entry, q', a', m'  from q and the symbols at x_1..x_K, by the machine's transition function
    tau <= a               implies tau <= b, for a < b
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from constructions.machines.machine import TuringMachine
from constructions.turing.encoding import Shape
from verify.annotation.content import AtMost, Back, Condition, Content, Equals, Ghost, Ghosts, MinusLow, Number
from verify.annotation.ghosts import did
from verify.annotation.symbolic import Symbols, choose, conditions_in, ghosts_in, numbers_in
from verify.lemmas.bits import decremented, incremented
from verify.solver import Formula, all_of, any_of, equivalent, implies, negation


@dataclass(frozen=True)
class Delta:
    """A machine's transition function in indices: what is read (q, then the symbols), and what that makes of it."""

    entries: tuple[tuple[tuple[int, ...], tuple[tuple[str, int], ...]], ...]

    @classmethod
    def of(cls, machine: TuringMachine) -> Delta:
        return cls(
            tuple(
                (
                    (machine.state_index(state), *map(machine.symbol_index, symbols)),
                    tuple(did(machine, action, "'").items()),
                )
                for (state, symbols), action in machine.transitions.items()
            )
        )


def facts(contents: Iterable[Content], symbols: Symbols, shape: Shape, delta: Delta | None) -> list[Formula]:
    """Whatever relates the ghosts that these contents name; what a step does only with the transition function."""
    listed = list(contents)
    numbers = {number for content in listed for number in numbers_in(content)}
    ghosts = {ghost for content in listed for ghost in ghosts_in(content)}
    conditions = {condition for content in listed for condition in conditions_in(content)}
    return [
        *_thresholds(conditions, symbols),
        *_blank_conditions(conditions, symbols, shape.symbol_bits),
        *_derived(numbers, symbols, shape.position_bits),
        *_moves(numbers, ghosts, symbols, shape.position_bits),
        *(_steps(numbers, ghosts, symbols, shape, delta) if delta is not None else ()),
    ]


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
            case MinusLow(low):
                minuend: Number = MinusLow(low - 1) if low > 1 else Back(0)
                if minuend in numbers:
                    before, subtract = symbols.bits(minuend, r), symbols.bit(Ghost("o"), low - 1)
                    # i >= o, so what is left is at least the bits of o still to come: nothing saturates.
                    after = decremented(before, low - 1)
                    yield _same(bits, [choose(subtract, a, b) for a, b in zip(after, before, strict=True)])


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


def _steps(numbers: Set[Number], ghosts: Set[str], symbols: Symbols, shape: Shape, delta: Delta) -> Iterator[Formula]:
    """What delta says for q and the symbols in the cells addressed: the blank, code 0, where none was ever written."""
    state = symbols.bits(Ghost("q"), shape.state_bits)
    read = [
        [all_of([symbols.condition(Equals(f"written_{k}", 1)), bit]) for bit in symbols.bits(Ghost(f"g_{k}"), width)]
        for k, width in enumerate([shape.symbol_bits] * shape.tapes, start=1)
    ]
    entries: list[tuple[Formula, Ghosts]] = []
    for reads, says in delta.entries:
        agree = [_codes(bits, code) for bits, code in zip((state, *read), reads, strict=True)]
        entries.append((all_of(agree), dict(says)))
    if "has_entry" in ghosts:
        yield equivalent(symbols.condition(Equals("has_entry", 1)), any_of(holds for holds, _ in entries))
    for number in sorted(numbers, key=str):
        if isinstance(number, Ghost) and "'" in number.name:
            width = shape.state_bits if number.name[0] == "q" else shape.symbol_bits
            for b, bit in enumerate(symbols.bits(number, width)):
                yield equivalent(bit, any_of(holds for holds, says in entries if says[number.name] >> b & 1))
    for ghost in sorted(ghosts):
        if ghost[0] == "m" and "'" in ghost:
            for bit, least in zip(symbols.move(ghost), (1, 2), strict=True):
                yield equivalent(bit, any_of(holds for holds, says in entries if says[ghost] >= least))


def _codes(bits: Sequence[Formula], number: int) -> Formula:
    """That these are the bits of a number."""
    return all_of(bit if number >> b & 1 else negation(bit) for b, bit in enumerate(bits))
