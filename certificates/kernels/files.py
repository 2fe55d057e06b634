"""Recipes as texts, in YAML: those of `constructions/kernels/recipes`, by name, and files of users.

A text has the fields of KERNELS 1. It also says what it describes, what is believed about such kernels, and perhaps
which faults are reported and which recipe is the repaired one. Fields that may be null or are 0 may be left out:
`LEFT_OUT`. Numbers may be decimals; ``lowest`` is the most negative number of the format that is computed in. The
checker reads the result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import parse_format
from exactformer.certificates.checker.kernels.recipe import FIELDS, Recipe, read_recipe
from exactformer.certificates.document import rational
from exactformer.certificates.sequences.file import OnceLoader

FOLDER = Path(__file__).parent.parent.parent / "constructions" / "kernels" / "recipes"
LARGEST_TEXT = 1 << 20
"""The most bytes of a file."""
ABOUT = ("describes", "believed", "reported", "repaired")
LEFT_OUT: dict[str, Any] = {
    "mask": None,
    "block": None,
    "splits": None,
    "empty": None,
    "merge": None,
    "maximum": {"start": "-inf", "threshold": "0", "guard": None},
    "exponential": {"offset": 0},
}
"""The values of fields that are left out."""
NUMBERS = ("scale", "mask.constant", "maximum.start", "maximum.threshold")
TEXTS = ("exponential.base",)
"""Fields that are texts, even if YAML sees a number."""


PLAIN = re.compile(r"[+-]?[0-9]{1,400}(/[0-9]{1,400}|(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?)", re.ASCII)
"""A number as text: a quotient or a decimal."""


class RecipeError(Exception):
    """A text that is not a recipe, or a name that no recipe has."""


@dataclass(frozen=True)
class KernelText:
    """A recipe with a name: its fields as they are written, what it describes, and what is believed about such kernels.

    ``reported``: what is wrong with them, with the source; ``repaired``: the name of the recipe without that fault.
    """

    name: str
    describes: str
    believed: tuple[str, ...]
    reported: tuple[str, ...]
    repaired: str | None
    fields: Mapping[str, Any]

    @cached_property
    def canonical(self) -> dict[str, Any]:
        """The recipe as certificates have it (KERNELS 1)."""
        return canonical(self.fields)

    @cached_property
    def recipe(self) -> Recipe:
        return read_recipe("recipe", self.canonical)

    def changed(self, field: str, value: str) -> KernelText:
        """The recipe with another value, in YAML, of a field such as ``maximum.threshold``. Raises RecipeError."""
        *path, last = field.split(".")
        fields = _merged(LEFT_OUT, self.fields)
        place: Any = fields
        for part in path:
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, dict) or (not path and last not in FIELDS):
            raise RecipeError(f"the recipe {self.name} has no field {field!r}")
        place[last] = _parsed(f"the value of {field}", value.encode())
        return _checked(replace(self, name=f"{self.name} with {field} = {value}", repaired=None, fields=fields))


def names() -> list[str]:
    """The names of the recipes that come with exactformer."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(given: str) -> KernelText:
    """The recipe of this name, or of the file with this path. Raises RecipeError."""
    path = FOLDER / f"{given}.yaml"
    if given not in names():
        path = Path(given)
        if not path.is_file():
            close = get_close_matches(given, names(), n=3) or names()
            raise RecipeError(f"{given!r} is neither the name of a recipe nor a file; recipes are {', '.join(close)}")
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_TEXT + 1)
    except OSError as error:
        raise RecipeError(f"the recipe {given!r} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_TEXT:
        raise RecipeError(f"the recipe {given!r} is longer than {LARGEST_TEXT} bytes")
    return _read(path.stem, _parsed(f"the recipe {given!r}", data))


def _read(name: str, parsed: Any) -> KernelText:
    if not isinstance(parsed, dict):
        raise RecipeError(
            f"the recipe {name!r} has no fields; it needs {', '.join(('describes', 'believed', *FIELDS))}"
        )
    unknown = [str(key) for key in parsed if key not in (*ABOUT, *FIELDS)]
    if unknown:
        close = get_close_matches(unknown[0], (*ABOUT, *FIELDS), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise RecipeError(f"the recipe {name!r} has the unknown field {unknown[0]!r}{hint}")
    describes, repaired = parsed.get("describes"), parsed.get("repaired")
    if not isinstance(describes, str) or not describes:
        raise RecipeError(f"the recipe {name!r} does not say what it describes: give describes: a sentence")
    believed, reported = (_sentences(name, key, parsed) for key in ("believed", "reported"))
    if repaired is not None and not isinstance(repaired, str):
        raise RecipeError(f"the recipe {name!r} has repaired: {repaired!r}; give the name of a recipe")
    fields = {key: value for key, value in parsed.items() if key in FIELDS}
    return _checked(KernelText(name, describes, believed, reported, repaired, fields))


def _sentences(name: str, key: str, parsed: Mapping[str, Any]) -> tuple[str, ...]:
    listed = parsed.get(key, None if key == "believed" else [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise RecipeError(f"the recipe {name!r} does not say what is {key}: give {key}: a list of sentences")
    return tuple(listed)


def _checked(text: KernelText) -> KernelText:
    """The text itself.  Raises RecipeError if it is not a recipe."""
    try:
        _ = text.recipe
    except Rejected as error:
        raise RecipeError(f"{text.name!r} is not a recipe: {error}") from error
    return text


def canonical(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the checker reads them: missing ones are filled in, numbers are texts in lowest terms."""
    found = _merged(LEFT_OUT, fields)
    computing = found.get("formats", {}).get("computing") if isinstance(found.get("formats"), dict) else None
    for field in (*NUMBERS, *TEXTS):
        *path, last = field.split(".")
        place: Any = found
        for part in path:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict) and last in place:
            place[last] = str(place[last]) if field in TEXTS else _number(place[last], computing)
    return found


def _number(written: Any, computing: Any) -> Any:
    """A number as text; anything else as it is: the checker will refuse it."""
    if written == "lowest" and isinstance(computing, str):
        return rational(-parse_format("formats.computing", computing).largest)
    if isinstance(written, bool) or not PLAIN.fullmatch(str(written)):
        return written
    try:
        return rational(Fraction(str(written)))
    except ZeroDivisionError:
        return written


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of the second, and those of the first that the second leaves out; likewise inside objects."""
    found = {key: _merged(value, {}) if isinstance(value, Mapping) else value for key, value in first.items()}
    for key, value in second.items():
        default = first.get(key)
        if isinstance(value, Mapping):
            found[key] = _merged(default if isinstance(default, Mapping) else {}, value)
        else:
            found[key] = value
    return found


def _parsed(what: str, data: bytes) -> Any:
    try:
        return yaml.load(data, Loader=OnceLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"{what} is not YAML: {error}") from error
