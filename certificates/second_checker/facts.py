"""What is possible of one or two tokens, by the facts of a theory (THEORIES 4); sequences that are given (5.3).

Something is *possible* unless facts exclude it. Facts are taken one by one: values are found for which the formulas
hold; a fact that these values break is joined to them; and so on, until there are no values, or all facts hold. Fewer
facts make more possible, so what is found impossible is impossible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from . import Rejected, demand, limit
from .diagrams import FALSE, TRUE, Assignment, Bits
from .meaning import Kind
from .theory import Theory

TRIED = 24
"""So many broken facts are tried, and one of them is taken."""


@dataclass(frozen=True)
class Token:
    """A token of a given sequence."""

    name: str
    values: Assignment


class Facts:
    """What a theory, and names that are given to its tokens, say of tokens."""

    def __init__(self, theory: Theory) -> None:
        self.theory, self.d = theory, theory.d
        self.named: dict[str, list[tuple[int, int]]] = {name: [] for name in theory.tokens}
        """Of each class, for each name it was ever given: the level of one of its bits, and its definition."""
        self.assumed: dict[tuple[str, str | None], list[int]] = {}
        self.decided: dict[tuple[str, str | None, frozenset[int]], bool] = {}
        self.given: list[list[Token]] = []

    def assumptions(self, i: str, j: str | None) -> list[int]:
        """Facts about a token of class i, or about it and a token of class j at or before it."""
        found = self.assumed.get((i, j))
        if found is not None:
            return found
        d = self.d
        if j is None:
            zero = d.equal(self.theory.position, ())
            found = [zero if i in self.theory.first else d.negate(zero)]
            for term in self.theory.terms[i].values():
                kind = term.kind or Kind("position")
                if kind.what in ("element", "small"):
                    most = kind.most if kind.what == "small" else len(kind.elements) - 1
                    found.append(d.at_most(term.bits, d.number(most)))
            found += self.theory.facts[i]
        else:
            of_j = tuple(map(d.of_j, self.theory.position))
            found = [*self.assumptions(i, None), *(d.of_j(fact) for fact in self.assumptions(j, None))]
            same = d.equal(self.theory.position, of_j)
            found.append(d.at_most(of_j, self.theory.position))
            if i == j:
                for term in self.theory.terms[i].values():
                    equal = d.equal(term.bits, tuple(map(d.of_j, term.bits)))
                    found.append(d.either(d.negate(same), equal))
            else:
                found.append(d.negate(same))
            found += self.theory.pairs.get((i, j), [])
        found = [fact for fact in dict.fromkeys(found) if fact != TRUE]
        self.assumed[i, j] = found
        return found

    def possible(self, i: str, j: str | None, formulas: Iterable[int]) -> bool:
        """Whether all formulas can hold of a token of class i (and a token of class j at or before it).

        False is a proof. True means that facts do not exclude it.
        """
        asked = frozenset(formulas) - {TRUE}
        if FALSE in asked:
            return False
        key = (i, j, asked)
        if key not in self.decided:
            self.d.deadline.look()
            self.decided[key] = self.seen(i, j, asked) or self.not_excluded(i, j, asked)
        return self.decided[key]

    def seen(self, i: str, j: str | None, asked: frozenset[int]) -> bool:
        """Whether a given sequence, of which all facts are true, shows it."""
        for sequence in self.given:
            for n, token in enumerate(sequence):
                if token.name != i:
                    continue
                for other in sequence[: n + 1] if j is not None else (token,):
                    if j is not None and other.name != j:
                        continue
                    if all(self.d.holds(formula, token.values, other.values) for formula in asked):
                        return True
        return False

    def not_excluded(self, i: str, j: str | None, asked: frozenset[int]) -> bool:
        """Facts are joined to the formulas as far as values, repaired step by step, break them."""
        d = self.d
        joined = d.every(sorted(asked))
        levels = d.support(joined)
        joined = d.every([joined, *(fact for level, fact in self.named[i] if level in levels)])
        if j is not None:
            joined = d.every([joined, *(d.of_j(fact) for level, fact in self.named[j] if level + 1 in levels)])
        facts = self.assumptions(i, j)
        of_i, of_j = self.similar(i, j)
        while joined != FALSE:
            d.repair(joined, of_i, of_j)
            broken = [fact for fact in facts if not d.holds(fact, of_i, of_j)]
            if not broken:
                return True
            # The one that leaves the smallest diagram, of those that speak of the fewest other variables.
            levels = d.support(joined)
            broken.sort(key=lambda fact: len(d.support(fact) - levels))
            joined = min((d.both(joined, fact) for fact in broken[:TRIED]), key=d.size)
        return False

    def similar(self, i: str, j: str | None) -> tuple[Assignment, Assignment]:
        """Values to begin with: those of two tokens of a given sequence, of these classes if there are such."""
        found: tuple[Assignment, Assignment] = {}, {}
        for sequence in self.given:
            for n, token in enumerate(sequence):
                if token.name == i:
                    others = [other for other in sequence[: n + 1] if other.name == j]
                    found = token.values, others[0].values if others else found[1]
                    if others or j is None:
                        return dict(found[0]), dict(found[1])
        return dict(found[0]), dict(found[1])

    # Sequences that are given (5.3).

    def read_sequences(self, value: Any) -> list[str]:
        """Every given sequence is one of the theory; returns which follower is shown by none."""
        demand(isinstance(value, list) and len(value) > 0, "witnesses: there is none")
        shown: set[tuple[str, str]] = set()
        total = 0
        sequences = []
        for n, entries in enumerate(value):
            place = f"witness {n}"
            demand(isinstance(entries, list) and 1 <= len(entries) <= 2**self.theory.r, f"{place}: 1 to 2^r tokens")
            total += len(entries)
            limit(total, 2**9, "tokens of given sequences")
            tokens = [self.read_token(entry, at, f"{place}, token {at}") for at, entry in enumerate(entries)]
            demand(tokens[0].name in self.theory.first, f"{place}: token 0 is not of a first class")
            for one, then in pairwise(tokens):
                demand(then.name in self.theory.follow[one.name], f"{place}: {then.name} right after {one.name}")
                shown.add((one.name, then.name))
            for at, token in enumerate(tokens):
                counts = dict.fromkeys(self.theory.counts, 0)
                for before, other in enumerate(tokens[: at + 1]):
                    for fact in self.assumptions(token.name, other.name):
                        if not self.d.holds(fact, token.values, other.values):
                            raise Rejected(f"{place}, tokens {at} and {before}: a fact is not true of them")
                    for count, formulas in self.theory.counted.items():
                        formula = formulas.get((token.name, other.name), FALSE)
                        counts[count] += self.d.holds(formula, token.values, other.values)
                for count, number in counts.items():
                    demand(number <= self.theory.counts[count], f"{place}, token {at}: {count} is {number}")
            sequences.append(tokens)
        self.given = sequences
        return [
            f"no sequence is given with a token of class {then} right after class {one}: if there is none, nothing is "
            "claimed of it"
            for one, others in self.theory.follow.items()
            for then in sorted(others)
            if (one, then) not in shown
        ]

    def read_token(self, entry: Any, at: int, place: str) -> Token:
        demand(isinstance(entry, dict) and set(entry) == {"class", "ghosts"}, f"{place}: class and ghosts")
        name, ghosts = entry["class"], entry["ghosts"]
        demand(isinstance(name, str) and name in self.theory.tokens, f"{place}: no such class")
        wanted = set(self.theory.terms[name]) - {"pos"}
        demand(isinstance(ghosts, dict) and set(ghosts) == wanted, f"{place}: its ghosts")
        token = Token(name, {})
        for ghost, value in [("pos", at), *ghosts.items()]:
            term = self.theory.terms[name][ghost]
            kind = term.kind or Kind("position")
            number: int | None = None
            if kind.what == "flag" and isinstance(value, bool):
                number = int(value)
            elif kind.what == "element" and value in kind.elements:
                number = kind.elements.index(value)
            elif (
                term.is_number
                and type(value) is int
                and 0 <= value <= (kind.most if kind.what == "small" else 2**self.theory.r - 1)
            ):
                number = value
            if number is None:
                raise Rejected(f"{place}: {ghost} cannot be {str(value)[:40]}")
            self.assign(token, term.bits, number)
        return token

    def assign(self, token: Token, bits: Bits, number: int) -> None:
        """Gives variables their values; bits that are no variables (of constants) have theirs."""
        for place, bit in enumerate(bits):
            if bit > TRUE:
                token.values[self.d.level[bit]] = number >> place & 1
