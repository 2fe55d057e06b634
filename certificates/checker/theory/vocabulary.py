"""Tokens of a theory in the vocabulary of a network: embeddings and logits by cases (THEORIES 6.1 and 6.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import TypeAlias

from exactformer.certificates.checker.cases import Cases, combined, scaled, summed
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, disjunction
from exactformer.certificates.checker.document import Rejected, quote
from exactformer.certificates.checker.theory.ghosts import Variables, View, constant, same_number
from exactformer.certificates.checker.theory.language import Bit, Ghost, Named
from exactformer.certificates.checker.theory.reading import Token
from exactformer.certificates.checker.weights import Family, Field, Network, Sparse

Vector = list[tuple[int, int]]
"""(coordinate, weight), all others 0."""


def vectors(matrix: Sparse) -> list[Vector]:
    """The rows."""
    return [
        list(zip(matrix.index[a:b].tolist(), matrix.weight[a:b].tolist(), strict=True))
        for a, b in zip(matrix.start[:-1].tolist(), matrix.start[1:].tolist(), strict=True)
    ]


@dataclass(frozen=True)
class ChosenField:
    """A field with the bits of its value's number, if a ghost says which it is; and where each value is the one."""

    field: Field
    bits: tuple[Formula, ...]
    where: tuple[Formula, ...]


@dataclass(frozen=True)
class Chosen:
    """A token as a function of ghosts."""

    family: Family
    fields: tuple[ChosenField, ...]


def chosen(token: Token, view: View, network: Network) -> Chosen:
    """The token in the network's vocabulary; `Rejected` if it is not there."""
    family = next((one for one in network.vocabulary if one.name == token.family), None)
    if family is None:
        raise Rejected(view.at, f"the network has no family of tokens {quote(token.family)}")
    given = dict(token.fields)
    names = [one.name for one in family.fields]
    if sorted(given) != sorted(names):
        raise Rejected(view.at, f"names the fields {quote(sorted(given))} of {family.name}, which has {quote(names)}")
    fields = []
    for one in family.fields:
        number, bits, where = given[one.name], list[Formula](), list[Formula]()
        match number:
            case Ghost():
                kind = view.kind(number)
                if view.variables.theory.sets.get(kind) != one.values:
                    raise Rejected(view.at, f"{number.name}: the elements of {kind} are not the values of {one.name}")
                bits = view.variables.bits(number.name, number.of_j)
                where = [same_number(bits, constant(value, len(bits))) for value in range(len(one.values))]
            case Bit() if len(one.values) == 2:
                bits = [view.formula(number)]
                where = [~bits[0], bits[0]]
            case Named(name) if name in one.values:
                where = [TRUE if value == name else FALSE for value in one.values]
            case _:
                raise Rejected(view.at, f"field {one.name} has no such value")
        fields.append(ChosenField(one, tuple(bits), tuple(where)))
    return Chosen(family, tuple(fields))


def embedding(token: Chosen, variables: Variables, pos: str, network: Network) -> list[Cases]:
    """Every coordinate of a token's embedding, its position included (SPEC 4.1)."""
    found: list[Cases] = [{0: TRUE} for _ in range(network.width)]
    for coordinate, weight in vectors(token.family.embedding)[0]:
        found[coordinate] = {weight: TRUE}
    for one in token.fields:
        entries: dict[int, list[int]] = {}
        for value, vector in enumerate(vectors(one.field.embedding)):
            for coordinate, weight in vector:
                entries.setdefault(coordinate, [0] * len(one.where))[value] = weight
        for coordinate, weights in entries.items():
            found[coordinate] = summed(found[coordinate], _by_value(weights, one))
    for place, bit in enumerate(variables.bits(pos, False)):
        found[place] = summed(found[place], {1: bit, -1: ~bit})
    return found


def _by_value(weights: Sequence[int], one: ChosenField) -> Cases:
    """The weight of the value that is the one.

    A number that is none of the values stands for nothing, so there the weight may be any: if one bit of the number
    tells the weights of all values apart, that bit alone says which.
    """
    for place, bit in enumerate(one.bits):
        by_bit = [{weight for value, weight in enumerate(weights) if value >> place & 1 == side} for side in (0, 1)]
        if [len(side) for side in by_bit] == [1, 1]:
            (low,), (high,) = by_bit
            return {low: TRUE} if low == high else {low: ~bit, high: bit}
    cases = {
        weight: disjunction(here for w, here in zip(weights, one.where, strict=True) if w == weight)
        for weight in {*weights}
    }
    rest = ~disjunction(cases.values())
    cases[0] = cases.get(0, FALSE) | rest
    return {weight: formula for weight, formula in cases.items() if formula is not FALSE}


def weighted_sum(vector: Vector, coordinates: Sequence[Cases]) -> Cases:
    """The sum of the coordinates, weighted."""
    total: Cases = {0: TRUE}
    for coordinate, weight in vector:
        total = summed(total, scaled(coordinates[coordinate], weight))
    return total


@dataclass(frozen=True)
class Part:
    """Of a field: the logit of every value, and the largest of all others."""

    logits: list[Cases]
    others: list[Cases | None]


Parts: TypeAlias = dict[tuple[str, str, tuple[int, ...]], Part]
"""By family, field, and the coordinates that the field reads, by ``id``: often the same for many classes."""


class Logits:
    """The parts of all tokens' logits, for the activations of one class after the last layer; ``known``: those of
    other classes."""

    def __init__(self, network: Network, coordinates: Sequence[Cases], known: Parts) -> None:
        self.network, self.coordinates, self.known = network, coordinates, known
        self.fixed = {one.name: weighted_sum(vectors(one.unembedding)[0], coordinates) for one in network.vocabulary}

    def part(self, family: Family, field: Field) -> Part:
        """Of a field of a family."""
        listed = vectors(field.unembedding)
        read = sorted({coordinate for vector in listed for coordinate, _ in vector})
        names = tuple(id(self.coordinates[coordinate]) for coordinate in read)
        key = family.name, field.name, names
        if key not in self.known:
            logits = [weighted_sum(vector, self.coordinates) for vector in listed]
            self.known[key] = Part(logits, _best_others(logits))
        return self.known[key]

    def margin(self, token: Chosen, possible: Callable[..., bool]) -> int | None:
        """How far all other logits are below the token's, at least; None if there are none.

        ``possible``: whether formulas can hold at once, where the token has to come next. Tokens of its family differ
        in a field; if the right value is above every other one in each field, the least of these differences bounds
        theirs.
        """
        name, margins = token.family.name, list[int]()
        own = self.fixed[name]
        for one in token.fields:
            part, right, above = self.part(token.family, one.field), dict[int, Formula](), dict[int, Formula]()
            for here, mine, others in zip(one.where, part.logits, part.others, strict=True):
                for logit, formula in mine.items():
                    chosen = formula & here
                    right[logit] = right.get(logit, FALSE) | chosen
                    for other, there in (others or {}).items():
                        above[logit - other] = above.get(logit - other, FALSE) | (chosen & there)
            # Asked of all values at once: there may be thousands.
            if above:
                margins.append(_least({difference: [(formula,)] for difference, formula in above.items()}, possible))
            own = summed(own, {logit: formula for logit, formula in right.items() if formula is not FALSE})
        for family in self.network.vocabulary:
            if family.name != name:
                margins.append(_least_difference(own, self.best(family), possible))
        return min(margins, default=None)

    def best(self, family: Family) -> Cases:
        """The largest logit of a family's tokens."""
        total = self.fixed[family.name]
        for one in family.fields:
            part = self.part(family, one)
            first, others = part.logits[0], part.others[0]
            total = summed(total, first if others is None else _larger(first, others))
        return total


def _best_others(logits: Sequence[Cases]) -> list[Cases | None]:
    """For every value the largest logit of all others."""
    before, behind = list(accumulate(logits, _larger)), list(accumulate(reversed(logits), _larger))[::-1]
    found: list[Cases | None] = []
    for value in range(len(logits)):
        both = [*before[max(value - 1, 0) : value], *behind[value + 1 : value + 2]]
        found.append(reduce(_larger, both) if both else None)
    return found


def _larger(left: Cases, right: Cases) -> Cases:
    return combined(left, right, max)


def _least_difference(mine: Cases, theirs: Cases, possible: Callable[..., bool]) -> int:
    """The least value of mine - theirs that is possible."""
    differences: dict[int, list[tuple[Formula, ...]]] = {}
    for one, first in mine.items():
        for other, second in theirs.items():
            differences.setdefault(one - other, []).append((first, second))
    return _least(differences, possible)


def _least(differences: Mapping[int, Sequence[tuple[Formula, ...]]], possible: Callable[..., bool]) -> int:
    """The first, by size, of which some formulas can hold at once."""
    for difference in sorted(differences):
        if any(possible(*some) for some in differences[difference]):
            return difference
    return max(differences)
