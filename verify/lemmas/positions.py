"""Lemmas ``position.*``: codes of positions, their inner products, and what separates a look-up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exactformer.constructions.transformer.encoding import signed_binary
from exactformer.verify.lemmas.activation import Domain, Symbol
from exactformer.verify.lemmas.bits import decode, digits, encode, is_digit, numeral
from exactformer.verify.lemmas.lemma import OWN, PAPER, Lemma
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude
from exactformer.verify.separation import LookupSeparation, prove_pairing_separation
from exactformer.verify.separation import key_bit as key
from exactformer.verify.separation import query_bit as query
from exactformer.verify.solver import (
    Formula,
    Term,
    all_of,
    at_most,
    equal,
    equivalent,
    implies,
    negation,
    select,
    total,
    value_of,
    weighted_total,
)

LARGEST_TABLE = 12
"""Up to this width every code is computed."""


def distinct_numbers(
    left: Sequence[Term], right: Sequence[Term], assumptions: Sequence[Formula], budget: Budget
) -> Iterator[Finding]:
    """Numbers are different if and only if their digits differ somewhere.

    By the highest place p at which they differ: 2^p outweighs all places below, as 2^0 + ... + 2^(p-1) < 2^p.
    """
    number, other = numeral(left), numeral(right)
    for p in range(len(left)):
        above = [equal(a, b) for a, b in zip(left[p + 1 :], right[p + 1 :], strict=True)]
        larger, smaller = (
            all_of([equal(left[p], 1), equal(right[p], 0)]),
            all_of([equal(left[p], 0), equal(right[p], 1)]),
        )
        yield budget.prove(
            all_of(
                [
                    implies(larger, at_most(total([other, 1]), number)),
                    implies(smaller, at_most(total([number, 1]), other)),
                ]
            ),
            [*assumptions, *above],
        )
    yield budget.prove(equal(number, other), [*assumptions, *map(equal, left, right)])


def _encoding(width: int, budget: Budget) -> Outcome:
    return conclude(_encoding_findings(width, budget))


def _encoding_findings(width: int, budget: Budget) -> Iterator[Finding]:
    left, right = digits("i", width), digits("j", width)
    yield from distinct_numbers(left, right, list(map(is_digit, (*left, *right))), budget)


def _table(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("widths and positions", _all_positions(), lambda case: wrong_code(*case))])


def _all_positions() -> Iterator[tuple[int, int]]:
    return ((width, i) for width in range(1, LARGEST_TABLE + 1) for i in range(2**width))


def wrong_code(width: int, position: int) -> str | None:
    """How the code that the construction gives a position differs from enc_width, None if it does not."""
    got = signed_binary(position, width)
    if got != encode(position, width):
        return f"enc_{width}({position}) is {got}, not {encode(position, width)}"
    return None if decode(got) == position else f"{got} decodes to {decode(got)}, not {position}"


def _inner_product(width: int, budget: Budget) -> Outcome:
    return conclude(_inner_product_findings(width, budget))


def _inner_product_findings(width: int, budget: Budget) -> Iterator[Finding]:
    differs = [negation(equivalent(query(b), key(b))) for b in range(width)]
    # Bit by bit the product is 1 - 2 [they differ] ...
    values = [select(key(b), 1, -1) for b in range(width)]
    products = [select(query(b), values[b], weighted_total([(-1, values[b])])) for b in range(width)]
    signs = [select(bit, -1, 1) for bit in differs]
    yield budget.prove(all_of(map(equal, products, signs)))
    # ... and r - 2h is the sum of that.
    distance = total(select(bit, 1, 0) for bit in differs)
    yield budget.prove(
        all_of(
            [
                equal(total(signs), weighted_total([(-2, distance), (1, total([width]))])),
                equivalent(equal(distance, 0), all_of(map(negation, differs))),
            ]
        )
    )
    # A block of zeros on either side, whatever ternary values face it.
    facing = [Symbol.of(f"facing[{b}]", Domain.TERNARY) for b in range(width)]
    zeros = [Symbol.of(f"zero[{b}]", Domain.ZERO) for b in range(width)]
    product = total(
        select(one.is_one, other.term, select(one.literal(-1), weighted_total([(-1, other.term)]), 0))
        for one, other in zip(facing, zeros, strict=True)
    )
    yield budget.prove(equal(product, 0), [one.restriction for one in facing if one.restriction is not None])


def _lookup(width: int, budget: Budget) -> Outcome:
    return conclude(_lookup_findings(width, budget))


def _lookup_findings(width: int, budget: Budget) -> Iterator[Finding]:
    verdict = prove_pairing_separation(width, [(b, b) for b in range(width)], max(budget.left, 0))
    if not isinstance(verdict, LookupSeparation):
        yield verdict
        return
    yield verdict.matching
    yield verdict.others
    # 2 is the largest separation: the model that refutes 3 is two positions.
    model = verdict.attained.model
    i, j = (tuple(2 * value_of(bit(b), model) - 1 for b in range(width)) for bit in (query, key))
    score = sum(a * b for a, b in zip(i, j, strict=True))
    yield budget.exhaust(
        "witness that the separation is not larger",
        [(decode(i), decode(j))],
        lambda pair: None if pair[0] != pair[1] and score == width - 2 else f"{pair} scores {score}",
    )


LEMMAS = (
    Lemma(
        "position.encoding",
        "for all 0 <= i, j < 2^r: enc_r(i) = enc_r(j) iff i = j",
        f"{PAPER}: codes of positions",
        "z3, integers",
        _encoding,
    ),
    Lemma(
        "position.table",
        f"the codes that the construction writes are enc_r(i), and decode to i, for all i < 2^r, r <= {LARGEST_TABLE}",
        f"{PAPER}: codes of positions",
        "exhaustive",
        _table,
        applies=None,
    ),
    Lemma(
        "position.inner-product",
        "for all +-1 codes x, y of r bits: <x, y> = r - 2h, h the number of bits that differ, so r iff x = y; "
        "<x, 0> = 0 for all ternary x",
        f"{OWN}: products of codes",
        "z3, integers",
        _inner_product,
    ),
    Lemma(
        "position.lookup",
        "for all 0 <= i, j < 2^r: <enc(i), enc(j)> is r if i = j and at most r - 2 if not, and some pair has r - 2: a "
        "look-up separates by exactly 2",
        f"{OWN}: look-up heads",
        "z3, integers",
        _lookup,
        rests_on=("position.encoding",),
    ),
)
