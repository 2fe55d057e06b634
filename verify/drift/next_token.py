"""What drifts behind the last layer leave of the margin by which the right token is best (SPEC 20.5).

Let the right token t beat every other by at least g (proved, nominally).  Against a token of another family it loses at
most the sum over coordinates of drift times the difference of the two unembeddings.  A token of its own family differs
from it in some fields; changing any one of them alone also makes a token, so each of them accounts for at least g.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations

from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary
from exactformer.verify.annotation.ghosts import TokenClass
from exactformer.verify.annotation.proof import HardmaxProof
from exactformer.verify.drift.rounding import NONE

Drifts = Mapping[int, Fraction]

NOTHING_FOLLOWS = (
    TokenClass.INP,
    TokenClass.INPUT,
    TokenClass.EOUTP,
    TokenClass.OLDSUMM,
    TokenClass.OLDCELL,
    TokenClass.OLDSTATE,
)
"""Classes behind which the network has to generate nothing: parts of the prompt, and the last token."""


def margin_left(proof: HardmaxProof, network: Network, drifts: Mapping[TokenClass, Drifts]) -> Fraction:
    """By how much the right token is best, at least, over all classes; it may be negative."""
    asked = [of_class for kind, of_class in drifts.items() if kind not in NOTHING_FOLLOWS]
    return proof.margin - max(lost_margin(network.vocabulary, of_class) for of_class in asked)


def lost_margin(vocabulary: Vocabulary, drifts: Drifts) -> Fraction:
    """The most that drifts take away of a margin over every other token."""
    fields = [field for family in vocabulary.families for field in family.fields]
    between_values = (_lost_between_values(field, drifts) for field in fields)
    between_families = (_lost_between_families(*pair, drifts) for pair in combinations(vocabulary.families, 2))
    return max(*between_values, *between_families, NONE, NONE)


def _lost_between_values(field: Field, drifts: Drifts) -> Fraction:
    return max((_lost(dict(a), dict(b), drifts) for a, b in combinations(field.unembedding, 2)), default=NONE)


def _lost(one: Mapping[int, int], other: Mapping[int, int], drifts: Drifts) -> Fraction:
    return sum((abs(one.get(c, 0) - other.get(c, 0)) * drift for c, drift in drifts.items()), NONE)


def _lost_between_families(one: Family, other: Family, drifts: Drifts) -> Fraction:
    lost = NONE
    for coordinate, drift in drifts.items():
        (low, high), (other_low, other_high) = (_range(family, coordinate) for family in (one, other))
        lost += drift * max(high - other_low, other_high - low)
    return lost


def _range(family: Family, coordinate: int) -> tuple[int, int]:
    """The least and the largest entry at a coordinate, over the unembeddings of a family's tokens."""
    low = high = _entry(family.unembedding, coordinate)
    for field in family.fields:
        entries = [_entry(vector, coordinate) for vector in field.unembedding]
        low, high = low + min(entries), high + max(entries)
    return low, high


def _entry(vector: Vector, coordinate: int) -> int:
    return dict(vector).get(coordinate, 0)
