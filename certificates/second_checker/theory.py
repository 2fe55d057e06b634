"""A theory: its classes, ghosts and facts as diagrams, and what is possible of one or two tokens (THEORIES 1 to 4).

A *term* is what a number of the text means: bits, with its kind. A *place* (`Sight`) knows which terms the ghosts of
the token i, and perhaps of a token j, are. A *fact* is a formula that is true of every token (of every two tokens).

Something is *possible* unless facts exclude it. Facts are taken one by one: values are found for which the formulas
hold; a fact that these values break is joined to them; and so on, until there are no values, or all facts hold. Fewer
facts make more possible, so what is found impossible is impossible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from . import Rejected, demand, limit, text
from .diagrams import FALSE, TRUE, Assignment, Bits, Cases, Diagrams, constant, sign
from .text import Content, Formula, Ghost, Number, Scope

NUMBER_LEVELS = 2**20
BIT_LEVELS = 2**14
TRIED = 24


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


class Sight:
    """Reads formulas, numbers and contents about a token i, and a token j if `of_j` is given."""

    def __init__(self, theory: Theory, of_i: Terms, of_j: Terms | None, place: str) -> None:
        self.theory, self.of_i, self.of_j, self.place = theory, of_i, of_j, place
        self.d = theory.d

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
        if isinstance(left, text.Element) and isinstance(right, text.Element):
            equal = TRUE if left.name == right.name else FALSE
        elif kind and kind.what == "flag":
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
                rows = self.theory.table(table, self.place)
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


@dataclass(frozen=True)
class Output:
    """The token that comes next where the formula holds."""

    formula: int
    token: str


@dataclass(frozen=True)
class Token:
    """A token of a given sequence."""

    name: str
    values: Assignment


class Theory:
    """The text, read with its parameters; everything is turned into diagrams line by line."""

    def __init__(self, source: str, parameters: dict[str, Any], position_bits: int, d: Diagrams) -> None:
        limit(len(source), 2**18, "characters of a theory")
        self.d, self.r, self.parameters = d, position_bits, parameters
        self.name = ""
        self.about: list[str] = []
        self.scope: Scope = {"r": position_bits}
        self.kinds: dict[str, Kind] = {}
        self.small_levels = 0
        self.number_levels = 0
        self.tokens: dict[str, str] = {}
        self.first: set[str] = set()
        self.terms: dict[str, Terms] = {}
        self.follow: dict[str, set[str]] = {}
        self.facts: dict[str, list[int]] = {}
        self.pairs: dict[tuple[str, str], list[int]] = {}
        self.counts: dict[str, int] = {}
        self.counted: dict[str, dict[tuple[str, str], int]] = {}
        self.outputs: dict[str, list[Output]] = {}
        self.mentioned: set[str] = set()
        self.defined: dict[str, dict[str, list[tuple[int, Bits]] | None]] = {}
        self.needs: dict[str, dict[str, set[str]]] = {}
        self.position = self.variables(Kind("position"))
        self.named: dict[str, list[tuple[int, int]]] = {}
        """Of each class, for each name it was ever given: the level of one of its bits, and its definition."""
        self.assumed: dict[tuple[str, str | None], list[int]] = {}
        self.decided: dict[tuple[str, str | None, frozenset[int]], bool] = {}
        self.given: list[list[Token]] = []
        self.used_parameters: set[str] = set()
        about: list[tuple[str, int]] = []
        unroller = text.Unroller(d.deadline)
        count = 0
        for number, line in enumerate(source.split("\n"), 1):
            line = line.removesuffix("\r").strip()
            if line.startswith("about ") and self.name:
                about.append((line[6:].strip(), number))
            elif line and not line.startswith("#"):
                for unrolled in unroller.lines(line, self.scope, f"theory, line {number}"):
                    count += 1
                    limit(count, 2**15, "unrolled lines of a theory")
                    self.read(unrolled.strip(), f"theory, line {number}")
        # These sentences may name parameters that later lines declare.
        self.about = [unroller.expanded(line, self.scope, f"theory, line {number}") for line, number in about]
        self.finish()

    # Variables.

    def variables(self, kind: Kind) -> Bits:
        """Fresh variables of the token i: flags and codes before all numbers, bits of numbers from the highest down."""
        width = kind.width(self.r)
        if kind.what == "position":
            index, self.number_levels = self.number_levels, self.number_levels + 2
            limit(index, BIT_LEVELS - 4, "variables")
            return tuple(self.d.variable(NUMBER_LEVELS + (width - 1 - b) * BIT_LEVELS + index) for b in range(width))
        index, self.small_levels = self.small_levels, self.small_levels + 2 * width
        limit(self.small_levels, NUMBER_LEVELS - 4, "variables")
        return tuple(self.d.variable(index + 2 * (width - 1 - b)) for b in range(width))

    def kind_of(self, word: str, place: str) -> Kind:
        if word in ("position", "flag"):
            return Kind(word)
        if match := re.fullmatch(r"0\.\.([0-9]{1,4})", word, re.ASCII):
            return Kind("small", int(match[1]))
        elements = self.scope.get(word)
        demand(isinstance(elements, list) and all(isinstance(e, str) for e in elements), f"{place}: kind {word!r}")
        return Kind("element", 0, word, tuple(elements or ()))

    def table(self, name: str, place: str) -> list[tuple[str, ...]]:
        rows = self.scope.get(name)
        if not isinstance(rows, list) or not all(isinstance(row, tuple) for row in rows):
            raise Rejected(f"{place}: {name} is no table")
        return rows

    # Lines.

    def read(self, line: str, place: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if not self.name:
            demand(
                word == "theory" and re.fullmatch(r"[A-Za-z_][\w-]*", rest, re.ASCII) is not None, f"{place}: no name"
            )
            self.name = rest
            return
        if word in ("parameter", "set"):
            (self.read_parameter if word == "parameter" else self.read_set)(rest, place)
            return
        if word == "count":
            match = re.fullmatch(r"(\w+) ([0-9]{1,20})", rest, re.ASCII)
            demand(match is not None and match[1] not in self.counts, f"{place}: count")
            if match:
                self.counts[match[1]], self.counted[match[1]] = int(match[2]), {}
            return
        head, colon, body = (rest + " ").partition(": ")
        demand(bool(colon), f"{place}: no colon in {line[:80]!r}")
        heads, body = head.split(), body.strip()
        match word:
            case "class":
                demand(len(heads) in (1, 2) and heads[1:] in ([], ["first"]), f"{place}: class {head}")
                name = heads[0]
                demand(text.is_name(name) and name not in self.tokens and name not in self.scope, f"{place}: {name}")
                limit(len(self.tokens) + 1, 2**8, "classes")
                self.tokens[name], self.terms[name] = body, {"pos": Term(self.position, Kind("position"))}
                self.first |= {name} if heads[1:] else set()
                self.follow[name], self.facts[name], self.outputs[name] = set(), [], []
                self.defined[name], self.needs[name], self.named[name] = {}, {}, []
            case "ghost":
                self.read_ghost(self.classes(heads, place), body, place)
            case "follow":
                demand(len(heads) == 1, f"{place}: follow")
                self.follow[self.classes(heads, place)[0]] |= set(self.classes(body.split(), place))
            case "define":
                for name in self.classes(heads, place):
                    self.read_define(name, body, place)
            case "fact":
                for name in self.classes(heads, place):
                    self.facts[name].append(self.formula(body, name, None, place))
            case "pair" | "before" | "counted":
                self.read_pair(word, heads, body, place)
            case "output":
                demand(bool(heads), f"{place}: output")
                condition = head.strip().removeprefix(heads[0]).strip()
                demand(not condition or condition.startswith("if "), f"{place}: output {head}")
                name = self.classes(heads[:1], place)[0]
                formula = self.formula(condition[3:] or "true", name, None, place)
                self.outputs[name].append(Output(formula, body))
            case _:
                raise Rejected(f"{place}: {word!r} begins no line")

    def classes(self, names: list[str], place: str) -> list[str]:
        demand(bool(names) and len(set(names)) == len(names), f"{place}: no classes, or one twice")
        for name in names:
            demand(name in self.tokens, f"{place}: {name} is no class")
        return names

    def formula(self, source: str, i: str, j: str | None, place: str) -> int:
        of_j = None if j is None else self.terms_of_j(self.terms[j])
        return Sight(self, self.terms[i], of_j, place).formula(text.read_formula(source, place))

    def terms_of_j(self, terms: Terms) -> Terms:
        return {name: Term(tuple(map(self.d.of_j, term.bits)), term.kind) for name, term in terms.items()}

    def new_name(self, name: str, place: str) -> None:
        taken = name in text.WORDS or name in self.scope or name in self.tokens or name in self.kinds
        demand(text.is_name(name) and not taken, f"{place}: the name {name!r} is taken, or none")

    def read_parameter(self, rest: str, place: str) -> None:
        match = re.fullmatch(r"(\w+): (set|rows|number|([0-9]{1,20})\.\.([0-9]{1,20}))", rest, re.ASCII)
        if not match:
            raise Rejected(f"{place}: parameter {rest[:80]}")
        name, value = match[1], self.parameters.get(match[1])
        self.new_name(name, place)
        demand(name in self.parameters, f"parameters: {name} is missing")
        self.used_parameters.add(name)
        where = f"parameter {name}"
        if match[2] == "set":
            self.scope[name] = self.elements(value, where)
        elif match[2] == "rows":
            demand(isinstance(value, list) and all(isinstance(row, list) for row in value), f"{where}: no table")
            rows = [tuple(row) for row in value or ()]
            demand(
                all(type(entry) is str and text.is_element(entry) for row in rows for entry in row), f"{where}: names"
            )
            demand(len({len(row) for row in rows}) <= 1, f"{where}: rows of two lengths")
            self.scope[name] = rows
        else:
            low, high = int(match[3] or 0), int(match[4] or 2**64)
            if type(value) is not int or not low <= value <= high:
                raise Rejected(f"{where}: not a number from {low} to {high}")
            self.scope[name] = value

    def elements(self, value: Any, place: str) -> list[str]:
        demand(isinstance(value, list) and len(value) > 0, f"{place}: no elements")
        result = []
        for element in value:
            if not isinstance(element, str) or not text.is_element(element):
                raise Rejected(f"{place}: {str(element)[:80]!r} is no element")
            limit(len(element), 2**8, f"{place}: characters of an element")
            result.append(element)
        limit(len(result), 2**12, f"{place}: elements")
        demand(len(set(result)) == len(result), f"{place}: an element is there twice")
        return result

    def read_set(self, rest: str, place: str) -> None:
        name, equals, elements = rest.partition(" = ")
        demand(bool(equals), f"{place}: set")
        self.new_name(name, place)
        self.scope[name] = self.elements(elements.split(), place)

    def read_ghost(self, classes: list[str], body: str, place: str) -> None:
        words = body.split()
        demand(len(words) == 2, f"{place}: ghost {body}")
        name, kind = words[0], self.kind_of(words[1], place)
        if name not in self.kinds:
            self.new_name(name, place)
            self.kinds[name] = kind
            self.terms[""] = {**self.terms.get("", {}), name: Term(self.variables(kind), kind)}
        demand(self.kinds[name] == kind, f"{place}: {name} has two kinds")
        for owner in classes:
            demand(name not in self.terms[owner], f"{place}: {owner} has {name} already")
            self.terms[owner][name] = self.terms[""][name]

    def read_define(self, owner: str, body: str, place: str) -> None:
        left, equals, right = body.partition(" = ")
        demand(bool(equals), f"{place}: define {body}")
        names = left.split()
        sight = Sight(self, self.terms[owner], None, place)
        if match := re.fullmatch(r"(\w+) of (.+)", right):
            rows = self.table(match[1], place)
            sources = tuple(Ghost(name) for name in match[2].split())
            begins = [sight.row_begins(row, sources) for row in rows]
            demand(all(len(row) == len(sources) + len(names) for row in rows), f"{place}: the rows have another length")
            starts = {row[: len(sources)] for row in rows}
            demand(len(starts) == len(rows), f"{place}: two rows begin alike")
            for column, name in enumerate(names, len(sources)):
                term = sight.ghost(Ghost(name))
                kind = term.kind or Kind("position")
                demand(kind.what == "element" and name not in self.defined[owner], f"{place}: {name} is defined twice")
                value: Bits = ()
                for row, begin in zip(rows, begins, strict=True):
                    value = self.d.pick(begin, sight.element(text.Element(row[column]), kind), value)
                self.facts[owner].append(self.d.equal(term.bits, value))
                self.defined[owner][name] = None
                self.needs[owner][name] = {source.name for source in sources}
            return
        demand(len(names) == 1, f"{place}: define {left}")
        number, _, condition = right.partition(" if ")
        term = sight.ghost(Ghost(left))
        kind = term.kind or Kind("position")
        tree = text.read_number(number, place)
        if kind.what == "position":
            bits = sight.number(tree)[: self.r]
        else:
            demand(kind.what == "element", f"{place}: {left} is neither a position nor an element")
            bits = sight.element(tree, kind)
        where = self.formula(condition or "true", owner, None, place)
        chain = self.defined[owner].setdefault(left, [])
        if chain is None or left == "pos":
            raise Rejected(f"{place}: {left} is defined already")
        chain.append((where, bits))
        marks = set(text.Reader(number, place).marks) | set(text.Reader(condition, place).marks)
        self.needs[owner].setdefault(left, set()).update(marks & set(self.terms[owner]))

    def read_pair(self, word: str, heads: list[str], body: str, place: str) -> None:
        demand(len(heads) == (2 if word == "pair" else 3), f"{place}: {word}")
        i, j = heads[-2:]
        self.classes([i], place)
        self.classes([j], place)
        fact = self.formula(body, i, j, place)
        if word == "counted":
            demand(heads[0] in self.counts and (i, j) not in self.counted[heads[0]], f"{place}: counted {heads[0]}")
            self.counted[heads[0]][i, j] = fact
            return
        if word == "before":
            distance = int(heads[0]) if re.fullmatch(r"[0-9]{1,6}", heads[0], re.ASCII) else 0
            demand(1 <= distance <= self.r + 64, f"{place}: before {heads[0]}")
            fact = self.d.either(fact, self.d.negate(self.behind(distance)))
        self.pairs.setdefault((i, j), []).append(fact)

    def behind(self, distance: int) -> int:
        """pos = j.pos + distance."""
        of_j = tuple(map(self.d.of_j, self.position))
        return self.d.equal(self.position, self.d.add(of_j, self.d.number(distance)))

    def finish(self) -> None:
        """What can be said once all lines are read."""
        extra = sorted(set(self.parameters) - self.used_parameters)
        demand(not extra, f"parameters: the theory has no parameter {' '.join(extra)[:80]}")
        demand(bool(self.first), "the theory has no first class")
        self.terms.pop("", None)
        followers = set().union(*self.follow.values()) if self.follow else set()
        demand(not followers & self.first, "a first class follows a class")
        reached, before = set(self.first), set[str]()
        while reached != before:
            before = reached
            reached = reached | {name for one in reached for name in self.follow[one]}
        demand(reached == set(self.tokens), "some class is not reached from a first class")
        self.before: dict[str, list[set[str]]] = {name: [{name}] for name in self.tokens}
        """The classes from which so many followers lead to this class."""
        self.earlier: dict[str, list[str]] = {}
        for name in self.tokens:
            ancestors = {name}
            while more := {one for one, then in self.follow.items() if then & ancestors} - ancestors:
                ancestors |= more
            self.earlier[name] = [one for one in self.tokens if one in ancestors]
            for ghost, chain in self.defined[name].items():
                if chain is not None:
                    value: Bits = ()
                    for where, bits in reversed(chain):
                        value = self.d.pick(where, bits, value)
                    self.facts[name].append(self.d.equal(self.terms[name][ghost].bits, value))
            self.no_circles(name)

    def no_circles(self, owner: str) -> None:
        """A ghost that is defined depends on no ghost that depends on it."""
        needs = {ghost: set(others) for ghost, others in self.needs[owner].items()}
        while needs:
            ready = {ghost for ghost, others in needs.items() if not others & set(needs)}
            demand(bool(ready), f"class {owner}: definitions in a circle: {' '.join(sorted(needs))[:80]}")
            needs = {ghost: others for ghost, others in needs.items() if ghost not in ready}

    def classes_before(self, name: str, distance: int) -> set[str]:
        """The classes from which `distance` followers lead to this one."""
        steps = self.before[name]
        while len(steps) <= distance:
            steps.append({one for one, then in self.follow.items() if then & steps[-1]})
        return steps[distance]

    # What may be assumed (section 4), and what is possible.

    def assumptions(self, i: str, j: str | None) -> list[int]:
        """Facts about a token of class i, or about it and a token of class j at or before it."""
        found = self.assumed.get((i, j))
        if found is not None:
            return found
        d = self.d
        if j is None:
            zero = d.equal(self.position, ())
            found = [zero if i in self.first else d.negate(zero)]
            for term in self.terms[i].values():
                kind = term.kind or Kind("position")
                if kind.what in ("element", "small"):
                    most = kind.most if kind.what == "small" else len(kind.elements) - 1
                    found.append(d.at_most(term.bits, d.number(most)))
            found += self.facts[i]
        else:
            of_j = tuple(map(d.of_j, self.position))
            found = [*self.assumptions(i, None), *(d.of_j(fact) for fact in self.assumptions(j, None))]
            same = d.equal(self.position, of_j)
            found.append(d.at_most(of_j, self.position))
            if i == j:
                for term in self.terms[i].values():
                    equal = d.equal(term.bits, tuple(map(d.of_j, term.bits)))
                    found.append(d.either(d.negate(same), equal))
            else:
                found.append(d.negate(same))
            found += self.pairs.get((i, j), [])
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
            demand(isinstance(entries, list) and 1 <= len(entries) <= 2**self.r, f"{place}: 1 to 2^r tokens")
            total += len(entries)
            limit(total, 2**9, "tokens of given sequences")
            tokens = [self.read_token(entry, at, f"{place}, token {at}") for at, entry in enumerate(entries)]
            demand(tokens[0].name in self.first, f"{place}: token 0 is not of a first class")
            for at, (one, then) in enumerate(pairwise(tokens)):
                demand(then.name in self.follow[one.name], f"{place}, token {at + 1}: {then.name} after {one.name}")
                shown.add((one.name, then.name))
            for at, token in enumerate(tokens):
                counts = dict.fromkeys(self.counts, 0)
                for before, other in enumerate(tokens[: at + 1]):
                    for fact in self.assumptions(token.name, other.name):
                        if not self.d.holds(fact, token.values, other.values):
                            raise Rejected(f"{place}, tokens {at} and {before}: a fact is not true of them")
                    for count, formulas in self.counted.items():
                        formula = formulas.get((token.name, other.name), FALSE)
                        counts[count] += self.d.holds(formula, token.values, other.values)
                for count, number in counts.items():
                    demand(number <= self.counts[count], f"{place}, token {at}: {count} is {number}")
            sequences.append(tokens)
        self.given = sequences
        return [
            f"no sequence is given with a token of class {then} right after class {one}: if there is none, nothing is "
            "claimed of it"
            for one, others in self.follow.items()
            for then in sorted(others)
            if (one, then) not in shown
        ]

    def read_token(self, entry: Any, at: int, place: str) -> Token:
        demand(isinstance(entry, dict) and set(entry) == {"class", "ghosts"}, f"{place}: class and ghosts")
        name, ghosts = entry["class"], entry["ghosts"]
        demand(isinstance(name, str) and name in self.tokens, f"{place}: no such class")
        demand(isinstance(ghosts, dict) and set(ghosts) == set(self.terms[name]) - {"pos"}, f"{place}: its ghosts")
        token = Token(name, {})
        for ghost, value in [("pos", at), *ghosts.items()]:
            term = self.terms[name][ghost]
            kind = term.kind or Kind("position")
            number: int | None = None
            if kind.what == "flag" and isinstance(value, bool):
                number = int(value)
            elif kind.what == "element" and value in kind.elements:
                number = kind.elements.index(value)
            elif (
                term.is_number
                and type(value) is int
                and 0 <= value <= (kind.most if kind.what == "small" else 2**self.r - 1)
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
