"""The separation of a head that looks a position up: 2, proved for all pairs of positions at once.

Query register q and key register `pos` hold the signed binary encodings of positions i, j < 2^width
(bit 1 -> +1, bit 0 -> -1). The score is a sum of products of a query bit and a key bit. Proved
here: i = j gives score = width, i != j gives score <= width - 2. Also witnessed: some i != j attain width -
2, so 2 is the best D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from exactformer.verify.solver import (
    BooleanVariable,
    LinearSum,
    Proved,
    Refuted,
    Unknown,
    all_of,
    at_most,
    boolean,
    equal,
    equivalent,
    implies,
    negation,
    prove,
    select,
    total,
)


class PairingError(ValueError):
    """A pairing of query and key bits is malformed."""


class SeparationNotProved(RuntimeError):
    """The solver did not settle a claim that is true for every width."""


@dataclass(frozen=True)
class LookupSeparation:
    """Matching positions score `width`, all others at most width - 2; `attained` is a pair that scores
    width - 2.

    The variables are the Booleans query_b and key_b, bit b of the two positions, 0 <= b < width.
    """

    width: int
    pairs: tuple[tuple[int, int], ...]
    matching: Proved
    others: Proved
    attained: Refuted
    separation: ClassVar[int] = 2


def query_bit(b: int) -> BooleanVariable:
    """Bit b of the position in the query register, true for +1."""
    return boolean(f"query_{b}")


def key_bit(b: int) -> BooleanVariable:
    """Bit b of the position in the key register, true for +1."""
    return boolean(f"key_{b}")


def lookup_score(pairs: Sequence[tuple[int, int]]) -> LinearSum:
    """The integer score: for each pair (a, b), query bit a times key bit b (+1 when they agree, else -1)."""
    return total(select(equivalent(query_bit(a), key_bit(b)), 1, -1) for a, b in pairs)


def prove_pairing_separation(
    width: int, pairs: Sequence[tuple[int, int]], budget_seconds: float = 60.0
) -> LookupSeparation | Refuted | Unknown:
    """The separation of a head that multiplies query bit a by key bit b for each (a, b) in pairs.

    Refuted, with the bits of two positions, when the claim at the head of this file is wrong for this pairing
    (permuted, truncated or repeated); Unknown when the solver does not settle it in the budget per query.
    Raises PairingError when width < 1 or a bit lies outside 0..width-1.

    >>> type(prove_pairing_separation(2, [(0, 1), (1, 0)])).__name__
    'Refuted'
    """
    if width < 1:
        raise PairingError(f"a register has at least one bit, got width {width}")
    for a, b in pairs:
        if not (0 <= a < width and 0 <= b < width):
            raise PairingError(f"the pair (query bit {a}, key bit {b}) lies outside bits 0..{width - 1}")
    score = lookup_score(pairs)
    same = all_of(equivalent(query_bit(b), key_bit(b)) for b in range(width))
    matching = prove(implies(same, equal(score, width)), budget_seconds=budget_seconds)
    if not isinstance(matching, Proved):
        return matching
    others = prove(implies(negation(same), at_most(score, width - 2)), budget_seconds=budget_seconds)
    if not isinstance(others, Proved):
        return others
    never = implies(negation(same), at_most(score, width - 3))
    attained = prove(never, budget_seconds=budget_seconds)
    if isinstance(attained, Proved):
        return Unknown(f"no two positions score {width - 2}, so the separation is larger than 2")
    if isinstance(attained, Unknown):
        return attained
    return LookupSeparation(width, tuple(pairs), matching, others, attained)


def prove_lookup_separation(width: int, budget_seconds: float = 60.0) -> LookupSeparation:
    """The separation of the head that multiplies query bit b by key bit b, 0 <= b < width.

    Raises PairingError when width < 1, SeparationNotProved when the solver runs out of its budget.

    >>> prove_lookup_separation(16).separation
    2
    """
    verdict = prove_pairing_separation(width, [(b, b) for b in range(width)], budget_seconds)
    if not isinstance(verdict, LookupSeparation):
        raise SeparationNotProved(f"width {width}: {verdict}")
    return verdict
