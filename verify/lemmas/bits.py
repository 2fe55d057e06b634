"""Numbers as bits: what adding and subtracting a power of two does to each bit, and that this is the arithmetic.

A number 0 <= x < 2**width is the sequence of its bits, least significant first; bit b is 1 when floor(x / 2**b) is odd.
Gadget lemmas say what happens bit by bit (decidable at any width at once); the lemmas ``arithmetic.*`` say that those
bits are those of x + 1 and max(x - 2**k, 0).  Their proof has two halves: each digit satisfies a linear identity
(over all Booleans), and the identities imply the sum (linear arithmetic over all integers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exactformer.verify.lemmas.lemma import PAPER, Lemma
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude
from exactformer.verify.solver import (
    Formula,
    Term,
    all_of,
    at_most,
    boolean,
    equal,
    equivalent,
    implies,
    integer,
    negation,
    select,
    total,
    value_of,
    weighted_total,
)

EXHAUSTIVE_WIDTH = 6
"""Up to this width the bit-level definitions are also evaluated on every number."""


def encode(number: int, width: int) -> tuple[int, ...]:
    """enc_width(number), by division: bit b is +1 when floor(number / 2**b) is odd, else -1.

    >>> encode(6, 4)
    (-1, 1, 1, -1)
    """
    return tuple(1 if number // 2**b % 2 == 1 else -1 for b in range(width))


def decode(code: Sequence[int]) -> int | None:
    """The number with this code, None when an entry is neither +1 nor -1.

    >>> decode((-1, 1, 1, -1)), decode((0, 1))
    (6, None)
    """
    if any(entry not in (-1, 1) for entry in code):
        return None
    return sum(1 << b for b, entry in enumerate(code) if entry == 1)


@dataclass(frozen=True)
class Ripple:
    """The bits before saturation, and for each bit the carry (or borrow) into it; the last one comes out at the top."""

    bits: tuple[Formula, ...]
    carries: tuple[Formula, ...]


TRUE: Formula = all_of(())


def borrow_ripple(bits: Sequence[Formula], exponent: int) -> Ripple:
    """x - 2**exponent modulo 2**width.  A borrow goes on through zeros and ends at the lowest 1 from `exponent` up."""
    out, borrows = list(bits[:exponent]), [TRUE]
    for bit in bits[exponent:]:
        out.append(negation(equivalent(bit, borrows[-1])))
        borrows.append(all_of([borrows[-1], negation(bit)]))
    return Ripple(tuple(out), tuple(borrows))


def carry_ripple(bits: Sequence[Formula]) -> Ripple:
    """x + 1 modulo 2**width.  The carry goes on through ones and ends at the lowest 0."""
    out, carries = list[Formula](), [TRUE]
    for bit in bits:
        out.append(negation(equivalent(bit, carries[-1])))
        carries.append(all_of([carries[-1], bit]))
    return Ripple(tuple(out), tuple(carries))


def decremented(bits: Sequence[Formula], exponent: int) -> tuple[Formula, ...]:
    """The bits of max(x - 2**exponent, 0): all 0 when the subtraction borrows from beyond the top."""
    ripple = borrow_ripple(bits, exponent)
    kept = negation(ripple.carries[-1])
    return tuple(all_of([kept, bit]) for bit in ripple.bits)


def incremented(bits: Sequence[Formula]) -> tuple[Formula, ...]:
    """The bits of x + 1, for x < 2**width - 1."""
    return carry_ripple(bits).bits


def unknown_bits(name: str, width: int) -> tuple[Formula, ...]:
    return tuple(boolean(f"{name}[{b}]") for b in range(width))


def digits(name: str, count: int) -> list[Term]:
    """Unknown integers; `is_digit` says that one is 0 or 1."""
    return [integer(f"{name}[{b}]") for b in range(count)]


def is_digit(term: Term) -> Formula:
    """0 <= term <= 1."""
    return all_of([at_most(0, term), at_most(term, 1)])


def numeral(digits: Sequence[Term]) -> Term:
    """sum of 2**b * digits[b]."""
    return weighted_total([(2**b, digit) for b, digit in enumerate(digits)])


def _value(formula: Formula) -> Term:
    return select(formula, 1, 0)


def _decide_decrement(width: int, budget: Budget) -> Outcome:
    return conclude(_decrement_findings(width, budget))


def _decrement_findings(width: int, budget: Budget) -> Iterator[Finding]:
    bits = unknown_bits("x", width)
    for k in range(width):
        ripple = borrow_ripple(bits, k)
        # Each digit: y - 2 (borrow out) = x - (borrow in).
        yield budget.prove(
            all_of(
                equal(
                    weighted_total([(1, _value(ripple.bits[b])), (-2, _value(ripple.carries[b - k + 1]))]),
                    weighted_total([(1, _value(bits[b])), (-1, _value(ripple.carries[b - k]))]),
                )
                for b in range(k, width)
            )
        )
        yield _borrows_sum_up(width, k, budget)
    if width <= EXHAUSTIVE_WIDTH:
        yield budget.exhaust(
            "numbers and exponents",
            ((x, k) for k in range(width) for x in range(2**width)),
            lambda case: _disagreement(width, *case),
        )


def _borrows_sum_up(width: int, k: int, budget: Budget) -> Finding:
    """The digit identities imply y = x - 2**k and x >= 2**k when nothing is borrowed at the top, else x < 2**k."""
    xs, ys = digits("x", width), digits("y", width)
    borrows = digits("borrow", width - k + 1)
    identities = [
        equal(
            weighted_total([(1, ys[b]), (-2, borrows[b - k + 1])]), weighted_total([(1, xs[b]), (-1, borrows[b - k])])
        )
        for b in range(k, width)
    ]
    low = [equal(ys[b], xs[b]) for b in range(k)]
    x, y, out = numeral(xs), numeral(ys), borrows[-1]
    kept = all_of([equal(y, weighted_total([(1, x), (-(2**k), _one())])), at_most(2**k, x)])
    return budget.prove(
        all_of([implies(equal(out, 0), kept), implies(equal(out, 1), at_most(x, 2**k - 1))]),
        [*map(is_digit, (*xs, *ys, *borrows)), equal(borrows[0], 1), *identities, *low],
    )


def _one() -> Term:
    return total([1])


def _disagreement(width: int, x: int, k: int) -> str | None:
    bits = unknown_bits("x", width)
    model = {f"x[{b}]": entry == 1 for b, entry in enumerate(encode(x, width))}
    got = tuple(2 * value_of(bit, model) - 1 for bit in decremented(bits, k))
    wanted = encode(max(x - 2**k, 0), width)
    return None if got == wanted else f"x = {x}, k = {k}: bits {got}, not {wanted}"


def _decide_increment(width: int, budget: Budget) -> Outcome:
    return conclude(_increment_findings(width, budget))


def _increment_findings(width: int, budget: Budget) -> Iterator[Finding]:
    bits = unknown_bits("x", width)
    ripple = carry_ripple(bits)
    # Each digit: y + 2 (carry out) = x + (carry in).  The carry out of the top means that all bits are 1.
    yield budget.prove(
        all_of(
            equal(
                weighted_total([(1, _value(ripple.bits[b])), (2, _value(ripple.carries[b + 1]))]),
                total([_value(bits[b]), _value(ripple.carries[b])]),
            )
            for b in range(width)
        )
    )
    yield budget.prove(equivalent(ripple.carries[-1], all_of(bits)))
    xs, ys = digits("x", width), digits("y", width)
    carries = digits("carry", width + 1)
    identities = [
        equal(weighted_total([(1, ys[b]), (2, carries[b + 1])]), total([xs[b], carries[b]])) for b in range(width)
    ]
    x, y, out = numeral(xs), numeral(ys), carries[-1]
    yield budget.prove(
        all_of(
            [
                implies(equal(out, 0), all_of([equal(y, total([x, 1])), at_most(x, 2**width - 2)])),
                implies(equal(out, 1), equal(x, 2**width - 1)),
            ]
        ),
        [*map(is_digit, (*xs, *ys, *carries)), equal(carries[0], 1), *identities],
    )
    if width <= EXHAUSTIVE_WIDTH:

        def disagreement(x: int) -> str | None:
            model = {f"x[{b}]": entry == 1 for b, entry in enumerate(encode(x, width))}
            got = tuple(2 * value_of(bit, model) - 1 for bit in incremented(bits))
            return None if got == encode(x + 1, width) else f"x = {x}: bits {got}, not {encode(x + 1, width)}"

        yield budget.exhaust("numbers", range(2**width - 1), disagreement)


def _decide_subtract(width: int, budget: Budget) -> Outcome:
    return conclude(_subtract_findings(width, budget))


def _subtract_findings(width: int, budget: Budget) -> Iterator[Finding]:
    """Bit by bit of the subtrahend: what is left is always at least the bits still to come, so nothing saturates."""
    minuend, rest, bit = integer("minuend"), integer("rest"), boolean("bit")
    for b in range(width):
        lowered = weighted_total([(1, minuend), (-(2**b), _one())])
        step = select(bit, select(at_most(0, lowered), lowered, 0), minuend)
        taken = select(bit, 2**b, 0)
        yield budget.prove(
            all_of([equal(step, weighted_total([(1, minuend), (-1, taken)])), at_most(rest, step)]),
            [at_most(0, rest), at_most(total([taken, rest]), minuend)],
        )
    steps = [integer(f"minuend{b}") for b in range(width + 1)]
    subtrahend = digits("subtrahend", width)
    yield budget.prove(
        equal(steps[-1], weighted_total([(1, steps[0]), (-1, numeral(subtrahend))])),
        [equal(steps[b + 1], weighted_total([(1, steps[b]), (-(2**b), subtrahend[b])])) for b in range(width)],
    )


LEMMAS = (
    Lemma(
        "arithmetic.decrement",
        "for all 0 <= x < 2^r and k < r: clearing the lowest 1 from bit k up, setting the bits from k to it, and "
        "clearing all where there is none, gives the bits of max(x - 2^k, 0)",
        f"{PAPER}: used by decrement",
        "z3, integers",
        _decide_decrement,
    ),
    Lemma(
        "arithmetic.increment",
        "for all 0 <= x < 2^r - 1: setting the lowest 0 and clearing the bits below it gives the bits of x + 1",
        f"{PAPER}: used by move",
        "z3, integers",
        _decide_increment,
    ),
    Lemma(
        "arithmetic.subtract",
        "for all 0 <= s <= m: x := max(x - 2^b, 0) for each bit b of s that is 1, from b = 0 up, takes m to m - s",
        f"{PAPER}: used by subtract",
        "z3, integers",
        _decide_subtract,
    ),
)
