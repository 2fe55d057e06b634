"""Tokens, their embeddings and unembeddings, family by family.

A vocabulary is a list of *families*; a family is a fixed part and a few *fields*, and holds one token for every
choice of field values: the run tokens are the family RUN with the fields state, written and moved.  Embedding
and unembedding are sums over the fields, so neither tens of thousands of run tokens nor their logits are ever
written out: the maximum over a family is the sum of the maxima over its fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

Vector = tuple[tuple[int, int], ...]
"""A sparse integer vector of the residual stream: (coordinate, value), each coordinate once."""


@dataclass(frozen=True)
class Token:
    """One token: the family's name and the index of the chosen value in each field."""

    family: str
    values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Field:
    """One field of a family: ``embedding[v]`` and ``unembedding[v]`` belong to the value named ``values[v]``."""

    name: str
    values: tuple[str, ...]
    embedding: tuple[Vector, ...]
    unembedding: tuple[Vector, ...]


@dataclass(frozen=True)
class Family:
    """All tokens that share a fixed part and differ in their fields."""

    name: str
    embedding: Vector
    unembedding: Vector = ()
    fields: tuple[Field, ...] = ()

    @property
    def size(self) -> int:
        """Number of tokens."""
        return prod(len(field.values) for field in self.fields)


@dataclass(frozen=True)
class Vocabulary:
    """The families of tokens, in a fixed order."""

    families: tuple[Family, ...]

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each family by name."""
        return {family.name: number for number, family in enumerate(self.families)}

    @property
    def size(self) -> int:
        """Number of tokens."""
        return sum(family.size for family in self.families)

    def family(self, token: Token) -> Family:
        return self.families[self.index[token.family]]

    def values_of(self, token: Token) -> tuple[str, ...]:
        """The names of a token's field values."""
        fields = self.family(token).fields
        return tuple(field.values[value] for field, value in zip(fields, token.values, strict=True))

    def describe(self, token: Token) -> str:
        """A token, written for people.

        >>> bit = Field("bit_1", ("-1", "+1"), ((), ()), ((), ()))
        >>> Vocabulary((Family("BIT", (), (), (bit,)),)).describe(Token("BIT", (1,)))
        'BIT(+1)'
        """
        values = self.values_of(token)
        return f"{token.family}({' '.join(values)})" if values else token.family
