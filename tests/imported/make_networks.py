"""Writes networks/*.json: programs that Tracr compiled, as documents, and what Tracr's own apply makes of some words.

    python -m tests.imported.make_networks      # with the extra [tracr]

A file is ``{"network", "words", "outputs", "last"}``: the document of `from_tracr`; words, as Tracr takes them; for
each what apply says, position by position; and x after the last layer at its last position.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from exactformer.certificates.network_document import network_document
from exactformer.constructions.imported.tracr import from_tracr

FOLDER = Path(__file__).parent / "networks"
BOS = "BOS"
WORDS = 12


@dataclass(frozen=True)
class Program:
    """A program of Tracr's library, its letters, and how many of them a word has at most."""

    make: Callable[[Any, Any], Any]
    letters: tuple[Any, ...]
    longest: int
    numbers: tuple[Fraction, ...] | None = None


def fractions(largest: int) -> tuple[Fraction, ...]:
    """All of 0 to 1 whose denominator is at most this."""
    return tuple(sorted({Fraction(a, b) for b in range(1, largest + 1) for a in range(b + 1)}))


PROGRAMS = {
    "length": Program(lambda lib, _: lib.make_length(), (1, 2, 3), 12),
    "reverse": Program(lambda lib, rasp: lib.make_reverse(rasp.tokens), ("a", "b", "c"), 5),
    "sort": Program(
        lambda lib, rasp: lib.make_sort(rasp.tokens, rasp.tokens, max_seq_len=5, min_key=1), (1, 2, 3, 4), 5
    ),
    "hist": Program(lambda lib, _: lib.make_hist(), ("a", "b"), 6),
    "frac_prevs": Program(lambda lib, rasp: lib.make_frac_prevs(rasp.tokens == "x"), ("x", "y"), 8, fractions(8)),
    "dyck": Program(lambda lib, _: lib.make_shuffle_dyck(["()"]), ("(", ")"), 6),
}
"""Programs, by their names in Tracr's library."""


def compiled(program: Program) -> Any:
    """Tracr's model of it."""
    from tracr.compiler import compiling, lib
    from tracr.rasp import rasp

    made = program.make(lib, rasp)
    return compiling.compile_rasp_to_model(
        made, vocab=set(program.letters), max_seq_len=program.longest, compiler_bos=BOS
    )


def words(name: str, program: Program) -> list[list[Any]]:
    """Of all lengths; the longest with one letter only, too."""
    rng = Random(name)
    found = [[rng.choice(program.letters) for _ in range(1 + n % program.longest)] for n in range(WORDS - 1)]
    return [[BOS, *word] for word in [*found, [program.letters[0]] * program.longest]]


def recorded(name: str) -> dict[str, Any]:
    """What the file of a program has."""
    program = PROGRAMS[name]
    model = compiled(program)
    asked = words(name, program)
    said = [model.apply(word) for word in asked]
    return {
        "network": network_document(from_tracr(model, program.numbers)),
        "words": asked,
        "outputs": [one.decoded for one in said],
        "last": [one.transformer_output[0, -1].tolist() for one in said],
    }


if __name__ == "__main__":
    for name in PROGRAMS:
        text = json.dumps(recorded(name), sort_keys=True, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
