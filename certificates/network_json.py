"""Writes and reads numbers, vectors, forms and maps of a network document (NETWORKS 1), and says what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from exactformer.constructions.transformer.exact_numbers import Vector
from exactformer.constructions.transformer.exact_parts import Form, Forms, LinearMap

LARGEST_NUMBER = 1 << 53
"""Integers of larger magnitude are written as text."""
LONGEST_NUMBER = 4000
"""The most characters of a number that is read."""
RATIONAL = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:/([1-9][0-9]*))?", re.ASCII)

Json = Any
Read = TypeVar("Read")


class NetworkDocumentError(ValueError):
    """A document that does not describe a transformer: where, and what is wrong."""


def number_json(number: Fraction) -> int | str:
    """An integer up to 2^53 as it is, any other number as a text such as 5/8."""
    short = number.denominator == 1 and abs(number.numerator) <= LARGEST_NUMBER
    return number.numerator if short else str(number)


def vector_json(vector: Vector) -> Json:
    """[[index, number], ..]"""
    return [[index, number_json(number)] for index, number in vector]


def form_json(form: Form) -> Json:
    """[vector, bias]"""
    return [vector_json(form.vector), number_json(form.bias)]


def map_json(linear: LinearMap) -> Json:
    """[[coordinate, form], ..]"""
    return [[coordinate, form_json(form)] for coordinate, form in linear]


# ---------------------------------------------------------------------------- reading: each raises NetworkDocumentError


def read_object(value: Json, where: str, keys: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Json]:
    """An object with these fields, and no others but optional ones."""
    if not isinstance(value, dict) or not set(keys) <= value.keys() <= {*keys, *optional}:
        more = f" and, where needed, {', '.join(optional)}" if optional else ""
        names = f"the fields {', '.join(keys)}{more}" if keys else f"no fields but {', '.join(optional)}"
        raise NetworkDocumentError(f"{where} has to be an object with {names}")
    return value


def read_list(value: Json, where: str, length: int | None = None) -> list[Json]:
    """A list, of this length if one is given."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise NetworkDocumentError(f"{where} has to be a list" + ("" if length is None else f" of {length}"))
    return value


def read_each(value: Json, where: str, read: Callable[[Json, str], Read]) -> list[Read]:
    """The entries of a list."""
    return [read(one, f"{where}[{number}]") for number, one in enumerate(read_list(value, where))]


def read_given(fields: dict[str, Json], where: str, read: Callable[[Json, str], Read]) -> tuple[Read, ...]:
    """The entries of a list in a field, the last of ``where``, that is left out if there are none."""
    name = where.rpartition(".")[2]
    if name not in fields:
        return ()
    if fields[name] == []:
        raise NetworkDocumentError(f"{where} is empty; leave it out")
    return tuple(read_each(fields[name], where, read))


def read_text(value: Json, where: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise NetworkDocumentError(f"{where} has to be a text")
    return value


def read_truth(value: Json, where: str) -> bool:
    """true or false"""
    if not isinstance(value, bool):
        raise NetworkDocumentError(f"{where} has to be true or false")
    return value


def read_integer(value: Json, where: str) -> int:
    """An index or a size."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise NetworkDocumentError(f"{where} has to be an integer from 0 to 2^53")
    return value


def read_number(value: Json, where: str) -> Fraction:
    """As `number_json` writes it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER:
        return Fraction(value)
    found = RATIONAL.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST_NUMBER else None
    if found is None:
        raise NetworkDocumentError(f"{where} is {value!r:.60}; it has to be an integer, or a text such as '5/8'")
    return Fraction(int(found[1]), int(found[2] or 1))


def read_vector(value: Json, where: str) -> Vector:
    """As `vector_json` writes it."""
    pairs = ((one, read_list(one, where, 2)) for one in read_list(value, where))
    return tuple((read_integer(index, where), read_number(number, where)) for _, (index, number) in pairs)


def read_form(value: Json, where: str) -> Form:
    """As `form_json` writes it."""
    vector, bias = read_list(value, where, 2)
    return Form(read_vector(vector, where), read_number(bias, where))


def read_forms(value: Json, where: str) -> Forms:
    """A list of forms."""
    return tuple(read_each(value, where, read_form))


def read_map(value: Json, where: str) -> LinearMap:
    """As `map_json` writes it."""
    pairs = [read_list(one, where, 2) for one in read_list(value, where)]
    return tuple((read_integer(coordinate, where), read_form(form, where)) for coordinate, form in pairs)
