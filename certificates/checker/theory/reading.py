"""A theory: a family of token sequences as data (THEORIES 1 and 2).

Words:
    class     a kind of token; every token of a sequence is of one
    ghost     a value that belongs to a token, known to the theory and not to the network
    fact      what is true of one token, or of a token i and any token j at or before it
    follower  a class that may stand after a class
    output    the token that has to come next, as a function of ghosts
    count     of how many tokens at or before i something is true, at most
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from exactformer.certificates.checker.document import Rejected, TooLarge, quote
from exactformer.certificates.checker.theory.language import (
    RESERVED,
    Bit,
    Compared,
    Constant,
    FieldValue,
    Formula,
    Ghost,
    Joined,
    Listed,
    Named,
    Not,
    Number,
    Truth,
    atoms_in,
    ghosts_in,
    read_field,
    read_formula,
    read_listed,
    read_number,
)
from exactformer.certificates.checker.theory.template import Value, lines_of, require_short

POSITION, FLAG = "position", "flag"
"""Kinds of ghosts besides sets and small numbers, ``0..N``: a number below 2^r; 0 or 1."""
POS = "pos"
"""The ghost that every token has: its position."""
MOST_CLASSES, MOST_ELEMENTS = 2**9, 2**16
MOST_PARAMETERS = 2**8
LONGEST_TEXT = 2**18
_ELEMENT = re.compile(r"[^\s'{}\[\]]+")
"""So that an element, filled into a line, stays one word."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*", re.ASCII)


@dataclass(frozen=True)
class Token:
    """A token of the vocabulary: a family, and for each of its fields a number, in ghosts, or a bit of one."""

    family: str
    fields: tuple[tuple[str, FieldValue], ...]


@dataclass(frozen=True)
class Output:
    """``token`` has to come next where ``when`` holds."""

    when: Formula
    token: Token


@dataclass(frozen=True)
class Choice:
    """``number`` is the ghost's value where ``when`` holds, and no choice before does."""

    at: str
    number: Number
    when: Formula


@dataclass(frozen=True)
class Entry:
    """That a ghost is what a table says: a formula, of it and of those that it depends on."""

    at: str
    formula: Formula


@dataclass
class TokenClass:
    """One class: ``ghosts`` are names with kinds, without `POS`; ``defined`` are those that are functions of others."""

    name: str
    token: Token
    first: bool
    ghosts: dict[str, str] = field(default_factory=dict)
    facts: list[tuple[str, Formula]] = field(default_factory=list)
    defined: dict[str, list[Choice] | list[Entry]] = field(default_factory=dict)
    followers: set[str] = field(default_factory=set)
    outputs: list[Output] = field(default_factory=list)


@dataclass
class Theory:
    """``pairs``: (class of i, class of j) -> where it stands and what is true of all such i and j at or before it.

    ``before``: (class of i, class of j) -> distances D, and what is true where j is the token D before i.
    ``counts``: the bound of each count; ``counted``: count -> (class of i, class of j) -> where it stands and which j
    are counted.
    ``names``: kinds of the names that an annotation gives. They are no ghosts of any class, but written like ghosts.
    """

    name: str
    r: int
    about: list[str] = field(default_factory=list)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tables: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    classes: dict[str, TokenClass] = field(default_factory=dict)
    pairs: dict[tuple[str, str], list[tuple[str, Formula]]] = field(default_factory=dict)
    before: dict[tuple[str, str], list[tuple[int, str, Formula]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    counted: dict[str, dict[tuple[str, str], tuple[str, Formula]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of every ghost; one name has one kind."""
        ghosts = {name: kind for one in self.classes.values() for name, kind in one.ghosts.items()}
        return {POS: POSITION} | ghosts | self.names

    @cached_property
    def formulas(self) -> tuple[Formula, ...]:
        """All that its lines state, or choose by."""
        found = [one for listed in self.pairs.values() for _, one in listed]
        found += [one for listed in self.before.values() for _, _, one in listed]
        found += [one for counted in self.counted.values() for _, one in counted.values()]
        for cls in self.classes.values():
            found += [formula for _, formula in cls.facts]
            found += [output.when for output in cls.outputs]
            defining = (one for listed in cls.defined.values() for one in listed)
            found += [one.when if isinstance(one, Choice) else one.formula for one in defining]
        return tuple(found)

    @cached_property
    def spoken_of(self) -> frozenset[str]:
        """All names that its lines use as those of ghosts."""
        parts: list[Formula | Number] = [*self.formulas]
        for cls in self.classes.values():
            parts += [part for listed in cls.defined.values() for part in parts_of(listed)]
            tokens = [cls.token, *(output.token for output in cls.outputs)]
            parts += [value for token in tokens for _, value in token.fields]
        declared = (name for cls in self.classes.values() for name in cls.ghosts)
        return frozenset({POS, *declared, *(ghost.name for part in parts for ghost in ghosts_in(part))})

    @cached_property
    def compared(self) -> tuple[tuple[str, ...], ...]:
        """All ghosts and names, in groups: those of one group are compared, each with another one of it."""
        group: dict[str, tuple[str, ...]] = {name: (name,) for name in self.kinds}
        compared = (one for formula in self.formulas for one in atoms_in(formula) if isinstance(one, Compared))
        numbers = [(one.left, one.right) for one in compared]
        for cls in self.classes.values():
            for name, listed in cls.defined.items():
                numbers += [(Ghost(name), one.number) for one in listed if isinstance(one, Choice)]
        for left, right in numbers:
            groups = [group[ghost.name] for one in (left, right) for ghost in ghosts_in(one) if ghost.name in group]
            if any(one is not groups[0] for one in groups):
                joined = tuple(dict.fromkeys(name for one in groups for name in one))
                group |= dict.fromkeys(joined, joined)
        return tuple(dict.fromkeys(group.values()))

    @cached_property
    def first(self) -> frozenset[str]:
        """The classes that the token at position 0 may have."""
        return frozenset(one.name for one in self.classes.values() if one.first)

    @cached_property
    def at_or_before(self) -> dict[str, frozenset[str]]:
        """The classes that a token at or before one of a class may have."""
        found = {}
        for name in self.classes:
            seen, todo = {name}, [name]
            while todo:
                new = self.precede([todo.pop()]) - seen
                seen |= new
                todo += new
            found[name] = frozenset(seen)
        return found

    def precede(self, names: Iterable[str]) -> frozenset[str]:
        """The classes of which one of these is a follower."""
        wanted = set(names)
        return frozenset(one.name for one in self.classes.values() if one.followers & wanted)

    def possible_at(self, name: str, distance: int) -> frozenset[str]:
        """The classes that the token ``distance`` before one of a class may have."""
        found = frozenset({name})
        for _ in range(distance):
            found = self.precede(found)
        return found


def read_theory(text: str, parameters: Mapping[str, Value], r: int) -> Theory:
    """The theory that a text says, with these parameters, of sequences of up to 2^r tokens."""
    if len(text) > LONGEST_TEXT:
        raise TooLarge(f"the theory has {len(text)} characters; this checker reads {LONGEST_TEXT}")
    if len(parameters) > MOST_PARAMETERS:
        raise TooLarge(f"{len(parameters)} parameters; this checker reads {MOST_PARAMETERS}")
    for name, value in parameters.items():
        require_short(f"statement.parameters.{name}", value)
    if "r" in parameters:
        raise Rejected("statement.parameters", "r is the number of bits of positions, and given by the network")
    reader = _Reader(dict(parameters), r)
    for at, line in lines_of(text, {**parameters, "r": r}):
        reader.line(at, line)
    theory = reader.finished()
    if not re.search(rf"^\s*theory\s+{re.escape(theory.name)}\s*$", text, re.MULTILINE):
        raise Rejected("theory", "must have its name written out, on a line of its own")
    return theory


class _Reader:
    """Line by line; every word of `_WORDS` has a method."""

    def __init__(self, parameters: dict[str, Value], r: int) -> None:
        self.theory, self.parameters, self.declared = Theory("", r), parameters, set[str]()

    def line(self, at: str, line: str) -> None:
        word, _, rest = line.partition(" ")
        read = getattr(self, f"_{word}", None) if word in _WORDS else None
        if read is None:
            raise Rejected(at, f"begins with {quote(word)}, none of {', '.join(_WORDS)}")
        if not self.theory.name and word != "theory":
            raise Rejected(at, "comes before the line that names the theory")
        read(at, rest.strip())

    def finished(self) -> Theory:
        """What is left to require at the end."""
        theory = self.theory
        if not theory.name:
            raise Rejected("theory", "has no line that names it")
        if unknown := sorted(self.parameters.keys() - self.declared):
            raise Rejected("statement.parameters", f"{quote(unknown[0])} is not a parameter of the theory")
        if not theory.first:
            raise Rejected("theory", "must have a class that is first")
        for one in theory.classes.values():
            if wrong := sorted(theory.first & one.followers):
                raise Rejected("theory", f"class {wrong[0]} is first, and cannot follow class {one.name}")
            if not theory.first & theory.at_or_before[one.name]:
                raise Rejected("theory", f"no sequence of followers leads to class {one.name}")
            dependencies(one)
        return theory

    def _theory(self, at: str, rest: str) -> None:
        if self.theory.name:
            raise Rejected(at, "names the theory again")
        self.theory.name = require_name(at, rest.replace("-", "_"), "a theory") and rest

    def _about(self, _at: str, rest: str) -> None:
        self.theory.about.append(rest)

    def _parameter(self, at: str, rest: str) -> None:
        """NAME: set | rows | number | LOW..HIGH"""
        name, kind = _two(at, rest, ":")
        value = self.parameters.get(require_name(at, name, "a parameter"))
        if value is None:
            raise Rejected("statement.parameters", f"must have {quote(name)}, a parameter of the theory")
        if kind == "set":
            elements = tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()
            if elements != value or not all(_ELEMENT.fullmatch(element) for element in elements):
                raise Rejected(
                    f"statement.parameters.{name}", "is not a list of names without spaces, quotes, brackets"
                )
            self._elements(at, name, elements)
        elif kind == "rows":
            rows = [row for row in value if isinstance(row, tuple)] if isinstance(value, tuple) else []
            if not isinstance(value, tuple) or len(rows) < len(value) or len({len(row) for row in rows}) > 1:
                raise Rejected(f"statement.parameters.{name}", "is not a list of rows of one length")
            if not all(_ELEMENT.fullmatch(entry) for row in rows for entry in row):
                raise Rejected(f"statement.parameters.{name}", "has an entry with spaces, quotes or brackets")
            if name in self.theory.tables:
                raise Rejected(at, f"defines {quote(name)} again")
            self.theory.tables[name] = tuple(rows)
        elif kind == "number":
            if not isinstance(value, int):
                raise Rejected(f"statement.parameters.{name}", "is not a number")
        elif bounds := re.fullmatch(r"([0-9]{1,9})\.\.([0-9]{1,9})", kind, re.ASCII):
            if not isinstance(value, int) or not int(bounds[1]) <= value <= int(bounds[2]):
                raise Rejected(f"statement.parameters.{name}", f"is not a number from {bounds[1]} to {bounds[2]}")
        else:
            raise Rejected(at, f"{quote(kind)} is not a kind of parameter: set, rows, number, or LOW..HIGH")
        self.declared.add(name)

    def _set(self, at: str, rest: str) -> None:
        """NAME = ELEMENT ELEMENT .."""
        name, elements = _two(at, rest, "=")
        self._elements(at, require_name(at, name, "a set"), tuple(elements.split()))

    def _elements(self, at: str, name: str, elements: tuple[str, ...]) -> None:
        if name in self.theory.sets or name in (POSITION, FLAG):
            raise Rejected(at, f"defines {quote(name)} again")
        if not elements or len(set(elements)) < len(elements) or len(elements) > MOST_ELEMENTS:
            raise Rejected(at, f"a set has from 1 to {MOST_ELEMENTS} different elements")
        self.theory.sets[name] = elements

    def _class(self, at: str, rest: str) -> None:
        """NAME [first]: FAMILY FIELD=VALUE .."""
        head, token = _two(at, rest, ":")
        name, first = head.removesuffix(" first").strip(), head.endswith(" first")
        if not _NAME.fullmatch(name):
            raise Rejected(at, f"{quote(name)} cannot be the name of a class")
        if name in self.theory.classes:
            raise Rejected(at, f"defines class {quote(name)} again")
        if len(self.theory.classes) >= MOST_CLASSES:
            raise TooLarge(f"{at}: more than {MOST_CLASSES} classes")
        self.theory.classes[name] = TokenClass(name, _token(at, token), first)

    def _of(self, at: str, name: str) -> TokenClass:
        found = self.theory.classes.get(name)
        if found is None:
            raise Rejected(at, f"there is no class {quote(name)} before this line")
        return found

    def _ghost(self, at: str, rest: str) -> None:
        """CLASS ..: NAME KIND"""
        classes, named = _two(at, rest, ":")
        name, kind = _two(at, named, " ")
        if kind not in (POSITION, FLAG) and kind not in self.theory.sets and largest_of(kind) is None:
            raise Rejected(at, f"{quote(kind)} is not a kind: position, flag, 0..N, or the name of a set")
        require_name(at, name, "a ghost")
        for one in [self._of(at, word) for word in classes.split()]:
            known = next((c.ghosts[name] for c in self.theory.classes.values() if name in c.ghosts), kind)
            if name in one.ghosts or known != kind:
                raise Rejected(at, f"class {one.name} has {quote(name)} already, or another class has it as {known}")
            one.ghosts[name] = kind

    def _follow(self, at: str, rest: str) -> None:
        """CLASS: CLASS .."""
        name, followers = _two(at, rest, ":")
        self._of(at, name).followers |= {self._of(at, one).name for one in followers.split()}

    def _fact(self, at: str, rest: str) -> None:
        """CLASS ..: FORMULA"""
        classes, formula = _two(at, rest, ":")
        for one in classes.split():
            self._of(at, one).facts.append((at, read_formula(at, formula)))

    def _define(self, at: str, rest: str) -> None:
        """CLASS ..: GHOST = NUMBER [if FORMULA], or CLASS ..: GHOST .. = TABLE of GHOST .."""
        classes, definition = _two(at, rest, ":")
        name, choice = _two(at, definition, "=")
        if listed := read_listed(at, choice):
            for one in [self._of(at, word) for word in classes.split()]:
                self._look_up(at, one, name.split(), listed)
            return
        number, _, condition = choice.partition(" if ")
        when = read_formula(at, condition) if condition.strip() else Truth(True)
        for one in [self._of(at, word) for word in classes.split()]:
            self._require_ghost(at, one, name)
            choices = one.defined.setdefault(name, [])
            if any(isinstance(other, Entry) for other in choices):
                raise Rejected(at, f"{quote(name)} is defined by a table already")
            one.defined[name] = [*choices, Choice(at, read_number(at, number), when)]

    def _look_up(self, at: str, one: TokenClass, names: Sequence[str], keys: Listed) -> None:
        """Each name is the entry of its column, behind the keys', in the row that has the keys; or the first of its
        kind."""
        rows = self.theory.tables.get(keys.table)
        if rows is None or (rows and len(rows[0]) != len(keys.entries) + len(names)):
            raise Rejected(at, f"{quote(keys.table)} is not a table with {len(keys.entries) + len(names)} columns")
        if len({row[: len(keys.entries)] for row in rows}) < len(rows):
            raise Rejected(at, f"{quote(keys.table)} has two rows for the same ghosts")
        for place, name in enumerate(names):
            self._require_ghost(at, one, name)
            if any(ghost.name == name for ghost, _ in keys.entries):
                raise Rejected(at, f"{quote(name)} is defined by itself")
            if name in one.defined or one.ghosts[name] not in self.theory.sets:
                raise Rejected(at, f"{quote(name)} is defined already, or not an element of a set")
            ghost = Ghost(name)
            found = Listed(keys.table, (*keys.entries, (ghost, len(keys.entries) + place)))
            nothing = Compared("=", ghost, Named(self.theory.sets[one.ghosts[name]][0]))
            one.defined[name] = [Entry(at, Joined("or", found, Joined("and", Not(keys), nothing)))]

    def _require_ghost(self, at: str, one: TokenClass, name: str) -> None:
        if name not in one.ghosts:
            raise Rejected(at, f"class {one.name} has no ghost {quote(name)} before this line")
        if one.ghosts[name] != POSITION and one.ghosts[name] not in self.theory.sets:
            raise Rejected(at, f"{quote(name)} is neither a position nor of a set: state facts about it")

    def _pair(self, at: str, rest: str) -> None:
        """CLASS CLASS: FORMULA"""
        classes, formula = _two(at, rest, ":")
        i, j = (self._of(at, name).name for name in _two(at, classes, " "))
        self.theory.pairs.setdefault((i, j), []).append((at, read_formula(at, formula)))

    def _before(self, at: str, rest: str) -> None:
        """D CLASS CLASS: FORMULA"""
        head, formula = _two(at, rest, ":")
        distance, classes = _two(at, head, " ")
        i, j = (self._of(at, name).name for name in _two(at, classes, " "))
        if not distance.isdecimal() or not 1 <= int(distance[:9]) <= self.theory.r + 64 or len(distance) > 9:
            raise Rejected(at, f"{quote(distance)} is not a distance from 1 to r + 64")
        self.theory.before.setdefault((i, j), []).append((int(distance), at, read_formula(at, formula)))

    def _count(self, at: str, rest: str) -> None:
        """NAME N"""
        name, bound = _two(at, rest, " ")
        if require_name(at, name, "a count") in self.theory.counts:
            raise Rejected(at, f"defines {quote(name)} again")
        if not re.fullmatch("[1-9][0-9]{0,19}", bound, re.ASCII):
            raise Rejected(at, f"{quote(bound)} is not a number from 1 to 20 digits")
        self.theory.counts[name], self.theory.counted[name] = int(bound), {}

    def _counted(self, at: str, rest: str) -> None:
        """NAME CLASS CLASS: FORMULA"""
        head, formula = _two(at, rest, ":")
        name, classes = _two(at, head, " ")
        i, j = (self._of(at, one).name for one in _two(at, classes, " "))
        if name not in self.theory.counts:
            raise Rejected(at, f"there is no count {quote(name)} before this line")
        if (i, j) in self.theory.counted[name]:
            raise Rejected(at, f"says again which tokens {quote(name)} counts, of these classes")
        self.theory.counted[name][i, j] = at, read_formula(at, formula)

    def _output(self, at: str, rest: str) -> None:
        """CLASS [if FORMULA]: FAMILY FIELD=VALUE .."""
        head, token = _two(at, rest, ":")
        name, _, condition = head.partition(" if ")
        when = read_formula(at, condition) if condition.strip() else Truth(True)
        self._of(at, name.strip()).outputs.append(Output(when, _token(at, token)))


def require_name(at: str, text: str, what: str) -> str:
    """The text, if it can be a name."""
    if not _NAME.fullmatch(text) or text in RESERVED or text == POS:
        raise Rejected(at, f"{quote(text)} cannot be the name of {what}")
    return text


def parts_of(definition: Iterable[Choice | Entry]) -> list[Formula | Number]:
    """All that a definition says."""
    parts: list[Formula | Number] = []
    for one in definition:
        parts += [one.formula] if isinstance(one, Entry) else [one.number, one.when]
    return parts


def dependencies(one: TokenClass) -> dict[str, tuple[str, ...]]:
    """Every ghost that is defined -> the defined ghosts that it depends on, and itself, in an order in which they can
    be computed; `Rejected` if there is none."""
    found = dict[str, tuple[str, ...]]()

    def follow(name: str, on_the_way: tuple[str, ...]) -> tuple[str, ...]:
        if name in on_the_way:
            raise Rejected(one.defined[name][0].at, f"{quote(name)} is defined by itself")
        if name not in found:
            needed = dict.fromkeys(ghost.name for part in parts_of(one.defined[name]) for ghost in ghosts_in(part))
            if one.defined[name] and isinstance(one.defined[name][0], Entry):
                del needed[name]
            inside = [follow(other, (*on_the_way, name)) for other in needed if other in one.defined]
            found[name] = (*dict.fromkeys(other for names in inside for other in names), name)
        return found[name]

    for name in one.defined:
        follow(name, ())
    return found


_WORDS = (
    "theory",
    "about",
    "parameter",
    "set",
    "class",
    "ghost",
    "follow",
    "define",
    "fact",
    "pair",
    "before",
    "count",
    "counted",
    "output",
)


def largest_of(kind: str) -> int | None:
    """N of the kind ``0..N``: small numbers; None of other kinds."""
    found = re.fullmatch(r"0\.\.([0-9]{1,4})", kind, re.ASCII)
    return int(found[1]) if found else None


def _two(at: str, text: str, mark: str) -> tuple[str, str]:
    left, found, right = text.partition(mark)
    if not found or not left.strip() or not right.strip():
        raise Rejected(at, f"{quote(text)} has not the form .. {mark} ..".replace("  ", " "))
    return left.strip(), right.strip()


def _token(at: str, text: str) -> Token:
    """FAMILY FIELD=VALUE .., each VALUE a ghost, an element in quotes, or a bit of a number."""
    family, *fields = text.split()
    found = list[tuple[str, FieldValue]]()
    for item in fields:
        name, value = _two(at, item, "=")
        number = read_field(at, value)
        if not isinstance(number, Ghost | Named | Constant | Bit) or any(one.of_j for one in ghosts_in(number)):
            raise Rejected(at, f"{quote(value)} is neither a ghost nor an element of a set nor a bit of a number")
        found.append((name, number))
    if len({name for name, _ in found}) < len(found):
        raise Rejected(at, "names a field twice")
    return Token(family, tuple(found))
