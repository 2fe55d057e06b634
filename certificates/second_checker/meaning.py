"""What formulas, numbers and contents mean: diagrams, for ghosts that are bits (THEORIES 3).

A *term* is a ghost as bits, with its kind. A *sight* knows which terms the ghosts of a token i are, and perhaps those
of a token j.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import Rejected, demand, limit, text
from .diagrams import FALSE, TRUE, Bits, Cases, Diagrams, constant, sign
from .text import Content, Formula, Ghost, Number, Scope


@dataclass(frozen=True)
class Kind:
    """A position, a small number up to `most`, a flag, or an element of a set."""

    what: str
    most: int = 0
    set_name: str = ""
    elements: tuple[str, ...] = ()

    def width(self, position_bits: int) -> int:
        return {"position": position_bits, "flag": 1, "small": self.most.bit_length()}.get(
            self.what, (len(self.elements) - 1).bit_length()
        )


@dataclass(frozen=True)
class Term:
    """Bits of a number, of an element's index in its set, or of a flag. No kind: a number that is computed."""

    bits: Bits
    kind: Kind | None = None

    @property
    def is_number(self) -> bool:
        return self.kind is None or self.kind.what in ("position", "small")


Terms = dict[str, Term]


def terms_of_j(d: Diagrams, terms: Terms) -> Terms:
    """The same ghosts, of the token j."""
    return {name: Term(tuple(map(d.of_j, term.bits)), term.kind) for name, term in terms.items()}


def table_of(scope: Scope, name: str, place: str) -> list[tuple[str, ...]]:
    rows = scope.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, tuple) for row in rows):
        raise Rejected(f"{place}: {name} is no table")
    return rows


class Sight:
    """Reads formulas, numbers and contents about a token i, and a token j if `of_j` is given."""

    def __init__(self, d: Diagrams, scope: Scope, of_i: Terms, of_j: Terms | None, place: str) -> None:
        self.d, self.scope, self.of_i, self.of_j, self.place = d, scope, of_i, of_j, place

    def ghost(self, ghost: Ghost) -> Term:
        terms = self.of_j if ghost.of_j else self.of_i
        if terms is None or ghost.name not in terms:
            raise Rejected(f"{self.place}: {'j.' if ghost.of_j else ''}{ghost.name} is no ghost of this token")
        return terms[ghost.name]

    def number(self, number: Number) -> Bits:
        """The bits of a number; an element is none."""
        match number:
            case text.Constant(value):
                return self.d.number(value)
            case text.Plus(left, right):
                bits = self.d.add(self.number(left), self.number(right))
                limit(len(bits), 512, f"{self.place}: bits of a number")
                return bits
            case text.Cut("minus", inside, by):
                return self.d.minus(self.number(inside), by)
            case text.Cut("drop", inside, by):
                return self.number(inside)[by:]
            case text.Cut(_, inside, by):
                return tuple(FALSE if b < by else bit for b, bit in enumerate(self.number(inside)))
            case Ghost():
                term = self.ghost(number)
                demand(term.is_number, f"{self.place}: {number.name} is no number")
                return term.bits
        raise Rejected(f"{self.place}: '{number.name}' is no number")

    def index(self, number: Number) -> Bits:
        """The bits of a number, or of the index of an element that a ghost is."""
        if isinstance(number, Ghost):
            term = self.ghost(number)
            demand(term.kind is None or term.kind.what != "flag", f"{self.place}: {number.name} is a flag")
            return term.bits
        return self.number(number)

    def element(self, number: Number, kind: Kind) -> Bits:
        """An element of this set."""
        if isinstance(number, text.Element):
            demand(number.name in kind.elements, f"{self.place}: '{number.name}' is not in the set {kind.set_name}")
            return self.d.number(kind.elements.index(number.name))
        term = self.ghost(number) if isinstance(number, Ghost) else None
        if term is None or term.kind is None or term.kind.set_name != kind.set_name or not kind.set_name:
            raise Rejected(f"{self.place}: two kinds are compared")
        return term.bits

    def compare(self, how: str, left: Number, right: Number) -> int:
        d = self.d
        kinds = [self.ghost(side).kind if isinstance(side, Ghost) else None for side in (left, right)]
        kind = kinds[0] or kinds[1]
        if kind and kind.what == "flag":
            demand(kinds[0] == kinds[1], f"{self.place}: a flag is compared with something else")
            equal = d.same(*(self.ghost(side).bits[0] for side in (left, right) if isinstance(side, Ghost)))
        elif kind and kind.what == "element":
            equal = d.equal(self.element(left, kind), self.element(right, kind))
        else:
            x, y = self.number(left), self.number(right)
            if how in ("=", "!="):
                equal = d.equal(x, y)
            else:
                wrong = d.at_most(y, x) if how == "<" else d.at_most(x, y)
                return {"<=": wrong, ">=": d.at_most(y, x)}.get(how, d.negate(wrong))
        demand(how in ("=", "!="), f"{self.place}: {how} of what are no numbers")
        return equal if how == "=" else d.negate(equal)

    def formula(self, formula: Formula) -> int:
        d = self.d
        match formula:
            case text.Truth(value):
                return TRUE if value else FALSE
            case text.Flag(ghost):
                term = self.ghost(ghost)
                demand(term.kind is not None and term.kind.what == "flag", f"{self.place}: {ghost.name} is no flag")
                return term.bits[0]
            case text.Bit(number, place):
                bits = self.number(number)
                return bits[place] if place < len(bits) else FALSE
            case text.Compare(how, left, right):
                return self.compare(how, left, right)
            case text.RowOf(table, ghosts):
                rows = table_of(self.scope, table, self.place)
                return d.some(self.row_begins(row, ghosts) for row in {row[: len(ghosts)] for row in rows})
            case text.Not(part):
                return d.negate(self.formula(part))
            case text.Joined(every, parts):
                return (d.every if every else d.some)([self.formula(part) for part in parts])

    def row_begins(self, row: tuple[str, ...], ghosts: tuple[Ghost, ...]) -> int:
        """The ghosts are the first entries of the row; no ghost is an entry that is not in its set."""
        demand(len(ghosts) <= len(row), f"{self.place}: a row has fewer entries")
        parts = []
        for ghost, entry in zip(ghosts, row, strict=False):
            term = self.ghost(ghost)
            if term.kind is None or term.kind.what != "element":
                raise Rejected(f"{self.place}: {ghost.name} is no element")
            if entry not in term.kind.elements:
                return FALSE
            parts.append(self.d.equal(term.bits, self.d.number(term.kind.elements.index(entry))))
        return self.d.every(parts)

    def content(self, content: Content, width: int) -> list[Cases]:
        """What `width` coordinates hold; `any` is read where cases are."""
        d = self.d
        match content:
            case text.Fixed(value):
                return [constant(value)] * width
            case text.Signs(number, low):
                bits = self.index(number)
                bits = bits[:width] + (FALSE,) * (width - len(bits))
                return [sign(d, bit) if c >= low else constant(0) for c, bit in enumerate(bits)]
            case text.OneHot(number):
                bits = self.index(number)
                ones = [d.equal(bits, d.number(c)) for c in range(width)]
                return [d.either_cases(one, constant(1), constant(0)) for one in ones]
            case text.Choice(formula, then, otherwise):
                where = self.formula(formula)
                both = zip(self.content(then, width), self.content(otherwise, width), strict=True)
                return [d.either_cases(where, x, y) for x, y in both]
            case text.Unknown():
                raise Rejected(f"{self.place}: any is not the whole value of a case")
