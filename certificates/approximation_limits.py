"""What a certificate of approximation can express, and what its checker judges (APPROXIMATION.md, 3 and 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import comb

from exactformer.constructions.contextual.functions import LIBRARY, FunctionError
from exactformer.constructions.contextual.grid import Sequence
from exactformer.constructions.contextual.value_mapping import Numbers
from exactformer.verify.contextual.approximation import Approximation
from exactformer.verify.contextual.theorem import Certified

MOST_LAYERS = 2**14
MOST_SEQUENCES = 2**16
MOST_ENTRIES = 2**22
MOST_BYTES = 2**26
MOST_DIGITS = 1300
LARGEST_P = 64
"""The checker's limits, which everything that is written keeps (APPROXIMATION.md, 5.2)."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
"""The name of a function from a file (3)."""


class NotWritten(ValueError):
    """Something is proved, but no certificate within the checker's limits can express it."""


def require_within_limits(certified: Certified) -> None:
    """Raises NotWritten, before anything is built: from the formulas for the layers and for the sequences."""
    found, counts = certified.approximation, certified.approximation.counts
    layers = counts.attention + counts.tokenwise + bool(certified.lift)
    sequences = sequences_gone_through(found)
    entries = sequences * found.grid.n * found.grid.d
    for number, most, text in (
        (layers, MOST_LAYERS, "the network has {} layers"),
        (sequences, MOST_SEQUENCES, "the check would cover {} sequences of cells"),
        (entries, MOST_ENTRIES, "the check would cover sequences of cells with {} entries"),
        (found.p, LARGEST_P, "p is {}"),
    ):
        if number > most:
            raise NotWritten(f"{text.format(number)}; certificates are checked up to {most}")
    name = found.target.name
    if not found.target.from_library and (name in LIBRARY or not NAME.fullmatch(name)):
        raise NotWritten(
            f"a certificate cannot contain the function name {name!r}: give a name of at most 64 ASCII letters, digits "
            "and _ that begins with a letter and is not one of the library's"
        )


def require_readable(document: bytes) -> bytes:
    """The document itself.  Raises NotWritten: a function from a file may have numbers of any length."""
    if len(document) > MOST_BYTES:
        raise NotWritten(f"a document would have {len(document)} bytes; certificates are checked up to {MOST_BYTES}")
    if re.search(rb"[0-9]{%d}" % (MOST_DIGITS + 1), document):
        raise NotWritten(f"there are numbers of more than {MOST_DIGITS} digits; the checker reads none that are longer")
    return document


def require_short_numbers(found: Approximation, outputs: Mapping[Numbers, Sequence]) -> None:
    """Check the numbers before they become text.  Raises NotWritten."""
    stated = [found.epsilon, found.cell_error, Fraction(found.sup), found.repeated, found.integral_bound]
    stated += [z for columns in outputs.values() for column in columns for z in column]
    if any(max(abs(z.numerator), z.denominator) >= 10**MOST_DIGITS for z in stated):
        raise NotWritten(f"there are numbers of more than {MOST_DIGITS} digits; the checker reads none that are longer")


def require_bounded(found: Approximation, outputs: dict[Numbers, Sequence]) -> None:
    """Check that |f| <= S at the centres; S rests on the modulus that is stated with f.  Raises FunctionError."""
    largest = max(abs(z) for columns in outputs.values() for column in columns for z in column)
    if largest > found.sup:
        raise FunctionError(
            f"{found.target.name} does not have the modulus {found.target.modulus_text}: at the centre of a cell an"
            f" entry has magnitude {largest}, more than {found.sup}: the value where all entries are 1/2, plus w(1/2)"
        )


def sequences_gone_through(found: Approximation) -> int:
    """D^n with positional encoding, else the number of ascending sequences of cells, with repetitions (5.2)."""
    cells, n = cells_of_a_column(found), found.grid.n
    return cells**n if found.positional else comb(cells + n - 1, n)


def cells_of_a_column(found: Approximation) -> int:
    """D = (1/delta)^d, whatever the extent of the grid is."""
    return int(found.grid.delta.denominator**found.grid.d)
