"""What a theory says of tokens i and j, as decision diagrams (THEORIES 3 and 4).

Words:
    side      which token a ghost belongs to: i or j
    variable  a bit of a ghost of one side. Flags come first, then small numbers, elements of sets, positions; those of
              one kind are interleaved, from the highest bit down: so comparing and adding have small diagrams. Elements
              that are never compared are not: what a table says of symbols on many tapes would remember all their bits
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from exactformer.certificates.checker.cases import Cases, either, sign
from exactformer.certificates.checker.diagrams import (
    FALSE,
    TRUE,
    Diagrams,
    Formula,
    choice,
    conjunction,
    depends_on,
    equal,
    implies,
)
from exactformer.certificates.checker.document import Rejected, quote
from exactformer.certificates.checker.theory import language
from exactformer.certificates.checker.theory.language import Content, Ghost, Number
from exactformer.certificates.checker.theory.reading import (
    FLAG,
    POS,
    POSITION,
    Choice,
    Entry,
    Theory,
    TokenClass,
    largest_of,
    parts_of,
)

Bits = Sequence[Formula]
"""Of a number, the lowest first."""
FURTHEST = 2**9
"""Followers are followed one by one: so far, and no further, is known which class a token before has."""


@dataclass(frozen=True)
class Meaning:
    """Of a name, at tokens i of one class: ``bits`` in ghosts of the theory (None if ``distance`` says it);
    ``definition``: that its own variables are these bits; ``needed``: the ghosts of i on which they depend, and which
    some class defines; ``distance``: D, if it is the position D before i, and D is not large.
    """

    bits: Bits | None
    definition: Formula
    needed: tuple[str, ...]
    distance: int | None


def width_of(theory: Theory, kind: str) -> int:
    """How many bits a ghost of a kind has."""
    if kind == POSITION:
        return theory.r
    if (largest := largest_of(kind)) is not None:
        return largest.bit_length()
    return 1 if kind == FLAG else (len(theory.sets[kind]) - 1).bit_length()


def levels_of(theory: Theory) -> dict[tuple[str, int], int]:
    """The level of every variable of i, by ghost and bit."""
    levels = dict[tuple[str, int], int]()
    small = sorted(kind for kind in set(theory.kinds.values()) if largest_of(kind) is not None)
    for kind in (FLAG, *small, *theory.sets, POSITION):
        for group in theory.compared if kind in theory.sets else (tuple(theory.kinds),):
            names = [name for name in group if theory.kinds[name] == kind]
            for place in reversed(range(width_of(theory, kind))):
                for name in names:
                    levels[name, place] = 2 * len(levels)
    return levels


class Variables:
    """The variables of a theory's ghosts; ``levels``: of those of i, if they are not as `levels_of` says."""

    def __init__(self, theory: Theory, diagrams: Diagrams, levels: Mapping[tuple[str, int], int] | None = None) -> None:
        self.theory, self.diagrams = theory, diagrams
        self.formulas: dict[language.Formula, Formula] = {}
        """What was read once: a ghost is the same variables in every class that has it."""
        self._moved: dict[Formula, Formula] = {}
        self._defined: dict[tuple[str | Choice | Entry, ...], Formula] = {}
        self.meanings: dict[str, dict[str, Meaning]] = {name: {} for name in theory.classes}
        """By class: of the names that it has now."""
        self._meant: dict[tuple[str, tuple[Formula, ...]], tuple[Formula, tuple[str, ...]]] = {}
        """By name and bits: that the name's variables are these bits; which ghosts that are defined they depend on."""
        self._before: dict[tuple[str, int], Formula] = {}
        self._shifted: dict[tuple[int, tuple[Formula, ...]], Bits] = {}
        self.levels = dict(levels_of(theory) if levels is None else levels)
        """Of the variables of i: those of j are below each."""
        defined = {name for one in theory.classes.values() for name in one.defined} | set(theory.names)
        self.defined_at = {
            level + of_j: (name, bool(of_j))
            for (name, _), level in self.levels.items()
            for of_j in (0, 1)
            if name in defined
        }
        """Which ghost, of i or j, a variable is a bit of, if some class defines the ghost."""

    def width(self, kind: str) -> int:
        """How many bits a ghost of a kind has."""
        return width_of(self.theory, kind)

    def bits(self, name: str, of_j: bool) -> list[Formula]:
        """The variables of a ghost: even levels for i, the odd one after it for j."""
        width = self.width(self.theory.kinds[name])
        return [self.diagrams.variable(self.levels[name, place] + of_j) for place in range(width)]

    def defined(self, cls: TokenClass, name: str) -> Formula:
        """That a ghost of a token i is what its class defines it to be: by the first choice that holds, else 0; that a
        name is what it means now.
        """
        if name in self.meanings[cls.name]:
            return self.meanings[cls.name][name].definition
        key = name, *cls.defined[name]
        if key not in self._defined:
            self._defined[key] = self._definition(cls, name)
        else:
            view = View(self, cls.defined[name][0].at, cls.name)
            for ghost in (ghost for part in parts_of(cls.defined[name]) for ghost in language.ghosts_in(part)):
                view.kind(ghost)
        return self._defined[key]

    def _definition(self, cls: TokenClass, name: str) -> Formula:
        width, choices = self.width(cls.ghosts[name]), list[tuple[Formula, list[Formula]]]()
        for one in cls.defined[name]:
            if isinstance(one, Entry):
                return View(self, one.at, cls.name).formula(one.formula)
            choices.append(self._choice(cls, name, one, width))
        return same_number(self.bits(name, False), _first(choices, [FALSE] * width)[1])

    def meaning(self, at: str, cls: str, name: str, said: Number | language.Formula) -> Meaning:
        """Of a name that is going to mean this; names in it mean what they do now."""
        distance = self.distance(cls, said) if isinstance(said, Number) else None
        if distance is not None:
            return Meaning(None, self._is_before(name, distance), (), distance)
        now = {
            ghost.name: self.meant(self.meanings[cls][ghost.name])
            for ghost in language.ghosts_in(said)
            if ghost.name in self.meanings[cls]
        }
        bits = tuple(View(self, at, cls, None, now).meaning(said))
        # The same for many classes.
        if (name, bits) not in self._meant:
            self._meant[name, bits] = same_number(self.bits(name, False), bits), self._defined_in(bits)
        return Meaning(bits, *self._meant[name, bits], None)

    def meant(self, meaning: Meaning) -> Bits:
        """The bits of a name."""
        return meaning.bits or self.shifted(self.bits(POS, False), -(meaning.distance or 0))

    def _is_before(self, name: str, distance: int) -> Formula:
        """That a name is max(pos - distance, 0), without the bits of that: each depends on all bits of pos."""
        if (name, distance) not in self._before:
            mine, pos, by = self.bits(name, False), self.bits(POS, False), constant(distance, distance.bit_length())
            there, at_0 = same_number(plus(mine, by), pos), same_number(mine, constant(0, 0))
            self._before[name, distance] = choice(at_most(by, pos), there, at_0)
        return self._before[name, distance]

    def distance(self, cls: str, number: Number) -> int | None:
        """D, if this is the position D before a token of the class, by names or not, and D is not large."""
        match number:
            case Ghost(name, False) if name in self.meanings[cls]:
                return self.meanings[cls][name].distance
            case language.Shifted(Ghost(name, False), by) if by < 0:
                before = 0 if name == POS else self.distance(cls, Ghost(name))
                return before - by if before is not None and before - by <= FURTHEST else None
        return None

    def _defined_in(self, bits: Bits) -> tuple[str, ...]:
        known = dict[Formula, int]()
        levels = reduce(or_, (depends_on(bit, known) for bit in bits), 0)
        found = (self.defined_at[at] for at in range(levels.bit_length()) if levels >> at & 1 and at in self.defined_at)
        return tuple(dict.fromkeys(name for name, _ in found))

    def shifted(self, bits: Bits, by: int) -> Bits:
        """max(number + by, 0)."""
        key = by, tuple(bits)
        if key not in self._shifted:
            self._shifted[key] = plus(bits, constant(by, by.bit_length())) if by >= 0 else minus(bits, -by)
        return self._shifted[key]

    def levels_as_bits(self, name: str) -> int:
        """The variables of a ghost of i, as the sum of 2^level."""
        return sum(1 << self.levels[name, place] for place in range(self.width(self.theory.kinds[name])))

    def _choice(self, cls: TokenClass, name: str, one: Choice, width: int) -> tuple[Formula, list[Formula]]:
        view = View(self, one.at, cls.name)
        bits = view.number(one.number, cls.ghosts[name])
        return view.formula(one.when), [*bits[:width], *[FALSE] * (width - len(bits))]

    def unknown(self, name: str, place: int) -> Cases:
        """A coordinate that is -1, 0 or 1, no ghost says which; below all ghosts."""
        bits = []
        for sign_of in "-+":
            level = self.levels.setdefault((f"{name} {sign_of}", place), 2 * len(self.levels))
            bits.append(self.diagrams.variable(level))
        minus, plus = bits
        return {-1: minus & ~plus, 0: ~minus & ~plus, 1: plus}

    def made(self) -> Iterator[Formula]:
        """All formulas that are kept; what can be made again is forgotten."""
        for known in (self._moved, self._meant, self._before, self._shifted):
            known.clear()
        yield from self.formulas.values()
        yield from self._defined.values()
        for of_class in self.meanings.values():
            for meaning in of_class.values():
                yield from (*(meaning.bits or ()), meaning.definition)

    def moved(self, formula: Formula) -> Formula:
        """What a formula about i says about j: every variable is replaced by the next one, so the order is kept."""
        if formula.table is None:
            return formula
        if formula not in self._moved:
            variable = self.diagrams.variable(formula.level + 1)
            self._moved[formula] = choice(variable, self.moved(formula.high), self.moved(formula.low))
        return self._moved[formula]

    def moved_cases(self, cases: Cases) -> Cases:
        """What an integer of i is for j."""
        return {value: self.moved(formula) for value, formula in cases.items()}


@dataclass(frozen=True)
class View:
    """What formulas speak of: a token i of one class and, where there is one, a token j of another."""

    variables: Variables
    at: str
    of_i: str
    of_j: str | None = None
    instead: Mapping[str, Bits] = field(default_factory=dict)
    """Bits of names of i, instead of their variables."""

    def formula(self, formula: language.Formula) -> Formula:
        """Where it holds."""
        known = self.variables.formulas
        if self.instead:
            return self._formula(formula)
        if formula not in known:
            known[formula] = self._formula(formula)
        else:
            for ghost in language.ghosts_in(formula):
                self.kind(ghost)
        return known[formula]

    def _formula(self, formula: language.Formula) -> Formula:
        match formula:
            case language.Truth(value):
                return TRUE if value else FALSE
            case language.Flag(ghost):
                if self.kind(ghost) != FLAG:
                    raise Rejected(self.at, f"{ghost.name} is not a flag")
                return self._bits(ghost)[0]
            case language.Bit(number, place):
                bits = self.number(number, POSITION)
                return bits[place] if place < len(bits) else FALSE
            case language.Compared():
                return self.compared(formula)
            case language.Not(inside):
                return ~self._formula(inside)
            case language.Joined("and", left, right):
                return self._formula(left) & self._formula(right)
            case language.Joined("or", left, right):
                return self._formula(left) | self._formula(right)
            case language.Joined(_, left, right):
                return implies(self._formula(left), self._formula(right))
            case language.Listed():
                return self._listed(formula)

    def _listed(self, listed: language.Listed) -> Formula:
        """Rows as numbers, the bits of which are the variables, from the first level on: those that agree so far stand
        side by side."""
        rows = self.variables.theory.tables.get(listed.table)
        if rows is None:
            raise Rejected(self.at, f"there is no table {quote(listed.table)}")
        variables = list[tuple[Formula, int, list[int]]]()
        for ghost, column in listed.entries:
            elements = self.variables.theory.sets.get(self.kind(ghost))
            if elements is None or (rows and column >= len(rows[0])):
                raise Rejected(self.at, f"{quote(ghost.name)} is not an element that {quote(listed.table)} could have")
            number = {element: place for place, element in enumerate(elements)}
            if unknown := [row[column] for row in rows if row[column] not in number]:
                raise Rejected(self.at, f"{quote(unknown[0])} is not an element of {self.kind(ghost)}")
            codes = [number[row[column]] for row in rows]
            variables += [(bit, place, codes) for place, bit in enumerate(self.variables.bits(ghost.name, ghost.of_j))]
        variables.sort(key=lambda one: one[0].level, reverse=True)
        found = [0] * len(rows)
        for low, (_, place, codes) in enumerate(variables):
            found = [number | (code >> place & 1) << low for number, code in zip(found, codes, strict=True)]
        numbers, bits = sorted(set(found)), [bit for bit, _, _ in variables]

        def agreeing(begin: int, end: int, left: int) -> Formula:
            if begin == end:
                return FALSE
            if left == 0:
                return TRUE
            prefix = numbers[begin] >> left << left
            middle = bisect_left(numbers, prefix | 1 << left - 1, begin, end)
            return choice(bits[left - 1], agreeing(middle, end, left - 1), agreeing(begin, middle, left - 1))

        return agreeing(0, len(numbers), len(bits))

    def kind(self, ghost: Ghost) -> str:
        """The kind of a ghost; `Rejected` if the token's class does not have it."""
        cls = self.of_j if ghost.of_j else self.of_i
        if cls is None:
            raise Rejected(self.at, f"j.{ghost.name}: there is no token j here")
        theory = self.variables.theory
        found = POSITION if ghost.name == POS else theory.classes[cls].ghosts.get(ghost.name)
        if ghost.name in self.variables.meanings[cls] or (ghost.name in self.instead and not ghost.of_j):
            found = theory.names[ghost.name]
        if found is None:
            raise Rejected(self.at, f"class {cls} has no ghost {quote(ghost.name)}")
        return found

    def _bits(self, ghost: Ghost) -> Bits:
        given = None if ghost.of_j else self.instead.get(ghost.name)
        return self.variables.bits(ghost.name, ghost.of_j) if given is None else given

    def compared(self, compared: language.Compared) -> Formula:
        """Positions in any way; flags, and elements of one set, by = and !=."""
        kinds = {self.kind_of(number) for number in (compared.left, compared.right)} - {None}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None or (kind != POSITION and compared.comparison not in ("=", "!=")):
            raise Rejected(self.at, f"compares {quote(compared.comparison)} what cannot be compared so")
        left, right = (self.number(number, kind) for number in (compared.left, compared.right))
        match compared.comparison:
            case "=":
                return same_number(left, right)
            case "!=":
                return ~same_number(left, right)
            case "<=":
                return at_most(left, right)
            case "<":
                return ~at_most(right, left)
            case ">=":
                return at_most(right, left)
            case _:
                return ~at_most(left, right)

    def kind_of(self, number: Number) -> str | None:
        """A set, or `POSITION` for all numbers; None for an element, which may be of several sets."""
        match number:
            case Ghost():
                kind = self.kind(number)
                return kind if largest_of(kind) is None else POSITION
            case language.Named():
                return None
            case _:
                return POSITION

    def number(self, number: Number, kind: str) -> Bits:
        """The bits of a number of this kind."""
        match number:
            case Ghost():
                if self.kind_of(number) != kind:
                    raise Rejected(self.at, f"{number.name} is not of kind {kind}")
                return self._bits(number)
            case language.Named(name):
                elements = self.variables.theory.sets.get(kind, ())
                if name not in elements:
                    raise Rejected(self.at, f"{quote(name)} is not an element of {kind}")
                return constant(elements.index(name), self.variables.width(kind))
            case language.Constant(value) if kind == POSITION:
                return constant(value, value.bit_length())
            case language.Shifted(inside, by) if kind == POSITION:
                return self.variables.shifted(self.number(inside, kind), by)
            case language.Sum(left, right) if kind == POSITION:
                return plus(self.number(left, kind), self.number(right, kind))
            case language.Dropped(inside, low) if kind == POSITION:
                return self.number(inside, kind)[low:]
            case language.High(inside, low) if kind == POSITION:
                bits = self.number(inside, kind)
                return [*[FALSE] * min(low, len(bits)), *bits[low:]]
        raise Rejected(self.at, f"a number stands where an element of {kind} must be")

    def content(self, content: Content, width: int) -> list[Cases]:
        """What a content says of every coordinate."""
        match content:
            case language.Unknown():
                return [self.variables.unknown(self.at, place) for place in range(width)]
            case language.Same(value):
                return [{value: TRUE}] * width
            case language.Code(number, low):
                bits = self.any_number(number)
                if len(bits) > width:
                    raise Rejected(self.at, f"a code of {len(bits)} bits does not fit {width} coordinates")
                bits = [*bits, *[FALSE] * (width - len(bits))]
                return [sign(bit) if place >= low else {0: TRUE} for place, bit in enumerate(bits)]
            case language.OneHot(number):
                bits = self.any_number(number)
                places = [same_number(bits, constant(place, place.bit_length())) for place in range(width)]
                return [either(here, {1: TRUE}, {0: TRUE}) for here in places]
            case language.Either(condition, then, other):
                where = self.formula(condition)
                pairs = zip(self.content(then, width), self.content(other, width), strict=True)
                return [either(where, left, right) for left, right in pairs]

    def meaning(self, meaning: Number | language.Formula) -> Bits:
        """The bits of a position, modulo 2^r, or the one of a flag."""
        if isinstance(meaning, Number):
            bits, width = self.number(meaning, POSITION), self.variables.width(POSITION)
            return [*bits[:width], *[FALSE] * (width - len(bits))]
        return [self.formula(meaning)]

    def any_number(self, number: Number) -> Bits:
        kind = self.kind_of(number)
        if kind is None:
            raise Rejected(self.at, "an element by its name has no code, as it may be of several sets")
        return self.number(number, kind)


def _first(choices: Sequence[tuple[Formula, list[Formula]]], nothing: list[Formula]) -> tuple[Formula, list[Formula]]:
    """Where any of the choices holds, and the bits of the first that does: by halves, so that diagrams stay small."""
    if not choices:
        return FALSE, nothing
    if len(choices) == 1:
        ((when, bits),) = choices
        return when, [choice(when, bit, other) for bit, other in zip(bits, nothing, strict=True)]
    half = len(choices) // 2
    (one, mine), (other, theirs) = _first(choices[:half], nothing), _first(choices[half:], nothing)
    return one | other, [choice(one, bit, rest) for bit, rest in zip(mine, theirs, strict=True)]


def constant(value: int, width: int) -> list[Formula]:
    """The bits of a number."""
    return [TRUE if value >> place & 1 else FALSE for place in range(width)]


def _padded(left: Bits, right: Bits) -> list[tuple[Formula, Formula]]:
    width = max(len(left), len(right))
    return [
        (left[place] if place < len(left) else FALSE, right[place] if place < len(right) else FALSE)
        for place in range(width)
    ]


def same_number(left: Bits, right: Bits) -> Formula:
    """left = right."""
    return conjunction(equal(one, other) for one, other in _padded(left, right))


def at_most(left: Bits, right: Bits) -> Formula:
    """left <= right: decided by the highest bit that differs."""
    found = TRUE
    for one, other in _padded(left, right):
        found = choice(equal(one, other), found, other)
    return found


def plus(left: Bits, right: Bits) -> list[Formula]:
    """left + right, exactly: with as many bits as that takes."""
    found, carry = list[Formula](), FALSE
    for one, other in _padded(left, right):
        total = choice(one, ~other, other)
        found.append(choice(total, ~carry, carry))
        carry = choice(total, carry, one)  # where one and other are equal, both are the carry
    return [*found, carry]


def minus(bits: Bits, by: int) -> list[Formula]:
    """max(number - by, 0)."""
    found, borrow = list[Formula](), FALSE
    for one, other in _padded(bits, constant(by, by.bit_length())):
        differ = choice(one, ~other, other)
        found.append(choice(differ, ~borrow, borrow))
        borrow = choice(differ, other, borrow)
    return [bit & ~borrow for bit in found]


def is_element(bits: Bits, size: int) -> Formula:
    """That the number is below ``size``."""
    return at_most(bits, constant(size - 1, len(bits)))
