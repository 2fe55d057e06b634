"""APPROXIMATION sections 2, 3 and 6: the statement, every number in it that follows from others, and its sentence."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.approximation.functions import LIBRARY
from exactformer.certificates.checker.approximation.reading import flag
from exactformer.certificates.checker.document import (
    LARGEST_NUMBER,
    Json,
    Rejected,
    TooLarge,
    integer,
    members,
    quote,
    rational,
    rational_text,
    require_same,
    text,
)

LARGEST_POWER = 64
MOST_SEQUENCES, MOST_ENTRIES = 2**16, 2**22


@dataclass(frozen=True)
class Statement:
    """What is claimed. ``cells`` is 1 / delta; ``repeated`` the measure of the inputs where the network gives 0.

    ``claim`` is what the certificate says; it has to be `sentence`.
    """

    claim: Json
    name: str
    stated: bool
    n: int
    d: int
    cells: int
    sequences: int
    positional: bool
    epsilon: Fraction
    p: int
    cell_error: Fraction
    repeated: Fraction
    sup: Fraction
    table: Json

    def sentence(self, layers: int) -> str:
        """Section 6."""
        off = f" off a set of measure {rational_text(self.repeated)}" if self.repeated else ""
        symmetry = "" if self.positional else " and that it commutes with permutations of columns"
        stated = f", assumed the table of its values, its bound {rational_text(self.sup)} and its modulus{symmetry}"
        assumed = stated if self.stated else ""
        return (
            f"On [0, 1)^({self.d} x {self.n}), the modified transformer of {layers} layers is within "
            f"{rational_text(self.epsilon)} of {self.name} in L^{self.p}, and every entry is within "
            f"{rational_text(self.cell_error)} of {self.name}'s{off}{assumed}."
        )


FIELDS = ("claim", "function", "n", "d", "delta", "positional", "epsilon", "p", "cell_error", "repeated", "sup")


def check_statement(value: Json) -> Statement:
    """The statement, without its sentence: that needs the number of layers."""
    parts = members("statement", value, *FIELDS, "integral_bound")
    n = integer("statement.n", parts["n"], 2, LARGEST_NUMBER)
    d = integer("statement.d", parts["d"], 1, LARGEST_NUMBER)
    delta = rational("statement.delta", parts["delta"])
    if delta.numerator != 1 or delta.denominator < 2:
        raise Rejected("statement.delta", f"is {rational_text(delta)}, not 1/integer and at most 1/2")
    cells, positional = delta.denominator, flag("statement.positional", parts["positional"])
    sequences = number_of_sequences(n, d, cells, positional)
    epsilon, p = _positive("statement.epsilon", parts["epsilon"]), integer("statement.p", parts["p"], 1, LARGEST_NUMBER)
    if p > LARGEST_POWER:
        raise TooLarge(f"p is {p}, larger than the {LARGEST_POWER} this checker computes with")
    cell_error = rational("statement.cell_error", parts["cell_error"])
    sup = rational("statement.sup", parts["sup"])
    if cell_error < 0 or sup < 0:
        raise Rejected(f"statement.{'sup' if sup < 0 else 'cell_error'}", "is negative")
    name, stated, table = _check_function(parts["function"], positional, delta, cell_error, sup)
    repeated = Fraction(0) if positional else measure_of_repeated(cells**d, n)
    require_same("statement.repeated", parts["repeated"], rational_text(repeated))
    bound = n * d * ((1 - repeated) * cell_error**p + repeated * sup**p)
    require_same("statement.integral_bound", parts["integral_bound"], rational_text(bound))
    if bound > epsilon**p:
        raise Rejected("statement.epsilon", f"is too small: its power {p} is less than integral_bound")
    if cell_error > epsilon:
        raise Rejected("statement.epsilon", "is less than cell_error")
    return Statement(
        parts["claim"], name, stated, n, d, cells, sequences, positional, epsilon, p, cell_error, repeated, sup, table
    )


def number_of_sequences(n: int, d: int, cells: int, positional: bool) -> int:
    """All D^n, D = cells^d, with positions; else, up to permutations, those of n cells out of D with repetitions."""
    most = MOST_SEQUENCES.bit_length()  # there are at least two cells: 2^n sequences, or as many as n and D - 1 choose
    too_many = d >= most or cells**d > MOST_SEQUENCES or n > MOST_SEQUENCES
    too_many = too_many or (n if positional else min(n, cells**d - 1)) >= most
    count = 0 if too_many else cells ** (d * n) if positional else math.comb(cells**d + n - 1, n)
    if too_many or count > MOST_SEQUENCES or count * n * d > MOST_ENTRIES:
        raise TooLarge(
            f"there are more sequences of {n} columns of {cells}^{d} cells than this checker goes through: "
            f"{MOST_SEQUENCES}, with {MOST_ENTRIES} entries together"
        )
    return count


def measure_of_repeated(D: int, n: int) -> Fraction:
    """That n cells chosen out of D, each uniformly, are not all different.

    >>> measure_of_repeated(4, 2), measure_of_repeated(2, 3)
    (Fraction(1, 4), Fraction(1, 1))
    """
    different = Fraction(1)
    for j in range(min(n, D + 1)):  # the factor of j = D is 0
        different *= 1 - Fraction(j, D)
    return 1 - different


def _check_function(
    value: Json, positional: bool, delta: Fraction, cell_error: Fraction, sup: Fraction
) -> tuple[str, bool, Json]:
    """Section 3: the function's name, whether it is stated only, its table; its modulus, sup and symmetry are right."""
    parts = members("statement.function", value, "name", "kind", "modulus", "table")
    name, kind = text("statement.function.name", parts["name"]), text("statement.function.kind", parts["kind"])
    if kind == "stated":
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,63}", name, re.ASCII) or name in LIBRARY:
            raise Rejected("statement.function.name", f"{quote(name)} is not a name for a stated function")
        modulus = f"w(delta/2) = {rational_text(cell_error)}"
        require_same("statement.function.modulus", parts["modulus"], modulus)
        return name, True, parts["table"]
    if kind != "library" or name not in LIBRARY:
        field, wrong = ("name", name) if kind == "library" else ("kind", kind)
        raise Rejected(f"statement.function.{field}", f"{quote(wrong)} is not a function that this checker knows")
    function = LIBRARY[name]
    require_same("statement.function.table", parts["table"], None)
    require_same("statement.function.modulus", parts["modulus"], function.modulus)
    require_same("statement.cell_error", rational_text(cell_error), rational_text(function.lipschitz * delta / 2))
    require_same("statement.sup", rational_text(sup), "1")
    if not positional and not function.equivariant:
        raise Rejected("statement.positional", f"is false, but {name} does not commute with permutations of columns")
    return name, False, None


def _positive(field: str, value: Json) -> Fraction:
    found = rational(field, value)
    if found <= 0:
        raise Rejected(field, f"is {rational_text(found)}, not positive")
    return found
