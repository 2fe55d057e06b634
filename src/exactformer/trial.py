"""Tries a theory on sequences: is everything that its text says true of tokens with their true ghosts?

Whoever believes a certificate about a theory believes the theory; this is a way to come to trust it. Sequences come
from a generator that knows the ghosts: for a Turing machine the simulator, for a look-up a plain search. Formulas are
evaluated here on plain numbers, in another way than the checker decides them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from exactformer.certificates.checker.theory import language, reading
from exactformer.certificates.checker.theory.language import Bit, FieldValue, Formula, Ghost, Number
from exactformer.certificates.checker.theory.reading import POS, Choice, Entry, TokenClass, read_theory
from exactformer.constructions.theory import Parameter, Theory, TrueToken, Value


@dataclass(frozen=True)
class Wrong:
    """A line of the theory that is not true of the tokens at i and j (None: of the token at i alone)."""

    line: str
    i: int
    j: int | None = None


@dataclass(frozen=True)
class _Pair:
    """The ghosts of tokens i and j, as formulas see them."""

    of_i: Mapping[str, Value]
    of_j: Mapping[str, Value]
    tables: Mapping[str, Sequence[Sequence[str]]]

    def value(self, number: Number) -> Value:
        match number:
            case Ghost(name, of_j):
                return (self.of_j if of_j else self.of_i)[name]
            case language.Constant(value):
                return value
            case language.Named(name):
                return name
            case language.Shifted(inside, by):
                return max(int(self.value(inside)) + by, 0)
            case language.Sum(left, right):
                return int(self.value(left)) + int(self.value(right))
            case language.Dropped(inside, low):
                return int(self.value(inside)) >> low
            case language.High(inside, low):
                return int(self.value(inside)) >> low << low

    def field(self, field: FieldValue) -> Value:
        """A bit as a flag."""
        return self.holds(field) if isinstance(field, Bit) else self.value(field)

    def holds(self, formula: Formula) -> bool:
        match formula:
            case language.Truth(value):
                return value
            case language.Flag(ghost):
                return bool(self.value(ghost))
            case language.Bit(number, place):
                return bool(int(self.value(number)) >> place & 1)
            case language.Compared(comparison, left, right):
                return _compare(comparison, self.value(left), self.value(right))
            case language.Not(inside):
                return not self.holds(inside)
            case language.Joined("and", left, right):
                return self.holds(left) and self.holds(right)
            case language.Joined("or", left, right):
                return self.holds(left) or self.holds(right)
            case language.Joined(_, left, right):
                return self.holds(right) or not self.holds(left)
            case language.Listed(table, entries):
                return any(all(row[column] == self.value(one) for one, column in entries) for row in self.tables[table])


def _compare(comparison: str, left: Value, right: Value) -> bool:
    if comparison in ("=", "!="):
        return (left == right) == (comparison == "=")
    one, other = int(left), int(right)
    return {"<=": one <= other, "<": one < other, ">=": one >= other, ">": one > other}[comparison]


def as_read(theory: Theory, r: int) -> reading.Theory:
    """The theory; the last few that were read are kept, because one is mostly tried on many sequences."""
    return _read(theory.text, tuple(theory.parameters.items()), r)


@lru_cache(4)
def _read(text: str, parameters: tuple[tuple[str, Parameter], ...], r: int) -> reading.Theory:
    return read_theory(text, dict(parameters), r)


def try_on(theory: Theory, r: int, sequence: Sequence[TrueToken]) -> Iterator[Wrong]:
    """Every line of the theory that is not true of a token, or of two tokens, of the sequence.

    Raises Rejected for a text that is not a theory, KeyError for a token without one of its ghosts.
    """
    read = as_read(theory, r)
    tokens = [(read.classes[token.cls], {**token.ghosts, POS: place}) for place, token in enumerate(sequence)]
    for i, (cls, mine) in enumerate(tokens):
        yield from _of_one(read, cls, mine, i, tokens[i - 1][0] if i else None)
        for j, (other, theirs) in enumerate(tokens[: i + 1]):
            both, name = _Pair(mine, theirs, read.tables), (cls.name, other.name)
            yield from (Wrong(at, i, j) for at, formula in read.pairs.get(name, ()) if not both.holds(formula))
            for distance, at, formula in read.before.get(name, ()):
                if i - j == distance and not both.holds(formula):
                    yield Wrong(at, i, j)


def _of_one(
    theory: reading.Theory, cls: TokenClass, mine: Mapping[str, Value], i: int, before: TokenClass | None
) -> Iterator[Wrong]:
    if (before is None) != cls.first:
        yield Wrong(f"class {cls.name}", i)
    if before is not None and cls.name not in before.followers:
        yield Wrong(f"follow {before.name}", i, i - 1)
    for name, kind in cls.ghosts.items():
        allowed: Sequence[Value] | range = theory.sets.get(kind, range(2 if kind == reading.FLAG else 2**theory.r))
        if mine[name] not in allowed:
            yield Wrong(f"ghost {name}", i)
    alone = _Pair(mine, {}, theory.tables)
    for name, choices in cls.defined.items():
        if isinstance(choices[0], Entry):
            if not alone.holds(choices[0].formula):
                yield Wrong(choices[0].at, i)
            continue
        kind = cls.ghosts[name]
        chosen = [one for one in choices if isinstance(one, Choice)]
        choice = next((one for one in chosen if alone.holds(one.when)), None)
        nothing: Value = 0 if kind == reading.POSITION else theory.sets[kind][0]
        wanted = nothing if choice is None else alone.value(choice.number)
        if kind == reading.POSITION:
            wanted = int(wanted) % 2**theory.r
        if mine[name] != wanted:
            yield Wrong((choice or choices[-1]).at, i)
    yield from (Wrong(at, i) for at, formula in cls.facts if not alone.holds(formula))


def output_of(theory: Theory, r: int, sequence: Sequence[TrueToken]) -> list[tuple[str, dict[str, Value]] | None]:
    """For every token: family and fields of the token that has to come next, if the theory names one."""
    read, found = as_read(theory, r), list[tuple[str, dict[str, Value]] | None]()
    for place, token in enumerate(sequence):
        alone = _Pair({**token.ghosts, POS: place}, {}, read.tables)
        named = [output.token for output in read.classes[token.cls].outputs if alone.holds(output.when)]
        if len(named) > 1:
            raise ValueError(f"the theory names {len(named)} tokens after position {place}; at most one can come next")
        found.append((named[0].family, {name: alone.field(n) for name, n in named[0].fields}) if named else None)
    return found
