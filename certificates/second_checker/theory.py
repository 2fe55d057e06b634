"""A theory: its classes, ghosts, facts and outputs, read line by line and turned into diagrams (THEORIES 1 and 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import Rejected, demand, limit, text
from .diagrams import Bits, Diagrams
from .documents import as_natural
from .meaning import Kind, Sight, Term, Terms, table_of, terms_of_j
from .text import Ghost, Scope

NUMBER_LEVELS = 2**20
BIT_LEVELS = 2**14


@dataclass(frozen=True)
class Output:
    """The token that comes next where the formula holds."""

    formula: int
    token: str


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
        self.defined: dict[str, dict[str, list[tuple[int, Bits]] | None]] = {}
        self.needs: dict[str, dict[str, set[str]]] = {}
        self.position = self.variables(Kind("position"))
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
                self.defined[name], self.needs[name] = {}, {}
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
        of_j = None if j is None else terms_of_j(self.d, self.terms[j])
        return Sight(self.d, self.scope, self.terms[i], of_j, place).formula(text.read_formula(source, place))

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
            if isinstance(value, str):
                value = as_natural(value, where)
                demand(value > 2**53, f"{where}: a number in a string, where it is not beyond 2^53")
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
        sight = Sight(self.d, self.scope, self.terms[owner], None, place)
        if match := re.fullmatch(r"(\w+) of (.+)", right):
            rows = table_of(self.scope, match[1], place)
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
