"""Propositional formulas as SMT-LIB text, small integers given by cases, and the text of a query.

Words:
    formula   SMT-LIB text of sort Bool; its atoms are quoted symbols such as |i:x_1[3]|
    cases     an integer that is known up to formulas: each value it may have, with the formula that says when
    view      how the ghosts of a token are named: those of the token i by themselves, those of a token j that are
              numbers of i by these, all others as unknown numbers of j
    query     what a solver is asked: are these formulas, all together, satisfiable? It must answer unsat
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add, mul
from typing import TypeAlias

from certificates.checker.universal.contents import (
    SUMMARY,
    Bit,
    Choice,
    Code,
    Condition,
    Constant,
    Content,
    Fetched,
    Flag,
    Is,
    Number,
    SameBits,
)

Formula: TypeAlias = str
Cases: TypeAlias = dict[int, Formula]

TRUE, FALSE = "true", "false"


def negation(formula: Formula) -> Formula:
    """Not, without double negations."""
    if formula in (TRUE, FALSE):
        return FALSE if formula == TRUE else TRUE
    return formula[5:-1] if formula.startswith("(not ") else f"(not {formula})"


def conjunction(formulas: Iterable[Formula]) -> Formula:
    """And, without ``true``; each formula once."""
    members = dict.fromkeys(formula for formula in formulas if formula != TRUE)
    if FALSE in members:
        return FALSE
    return f"(and {' '.join(members)})" if len(members) > 1 else next(iter(members), TRUE)


def disjunction(formulas: Iterable[Formula]) -> Formula:
    """Or, without ``false``; each formula once."""
    members = dict.fromkeys(formula for formula in formulas if formula != FALSE)
    if TRUE in members:
        return TRUE
    return f"(or {' '.join(members)})" if len(members) > 1 else next(iter(members), FALSE)


def choice(condition: Formula, then: Formula, other: Formula) -> Formula:
    """If, then, else."""
    if then == other:
        return then
    if condition in (TRUE, FALSE):
        return then if condition == TRUE else other
    return f"(ite {condition} {then} {other})"


def equal(left: Formula, right: Formula) -> Formula:
    """If and only if."""
    if left == right:
        return TRUE
    for one, other in ((left, right), (right, left)):
        if one in (TRUE, FALSE):
            return other if one == TRUE else negation(other)
    return FALSE if left == negation(right) else f"(= {left} {right})"


def implies(left: Formula, right: Formula) -> Formula:
    """If, then."""
    return disjunction((negation(left), right))


def atom(name: str) -> Formula:
    """A propositional variable."""
    return f"|{name}|"


@dataclass(frozen=True)
class View:
    """Names for a token's ghosts: ``same`` are those that are numbers of i; with ``back`` it is max(i - back, 0)."""

    side: str = "i"
    same: tuple[tuple[Number, Number], ...] = ()
    back: int = 0

    def bit(self, what: Number, place: int) -> Formula:
        """Bit ``place`` of a number (SPEC 14.5, 18.4)."""
        renamed = dict(self.same).get(what)
        if renamed is not None:
            return View().bit(renamed, place)
        if self.back and what.kind in ("i", "back"):
            return View().bit(Number("back", self.back + what.index, what.bits), place)
        if what.kind == "i - i":
            return FALSE if place < what.index else self.bit(Number("i", 0, what.bits), place)
        if what.kind == "4e":
            return FALSE if place < 2 else self.bit(Number("e", 0, what.bits), place - 2)
        return FALSE if place >= what.bits else atom(f"{self.side}:{what.kind}_{what.index}[{place}]")

    def flag(self, flag: Flag) -> Formula:
        """A flag; ``summary`` is the same for all tokens of a segment."""
        return atom(f"{'i' if flag == SUMMARY else self.side}:{flag.name}")

    def fetched(self, what: Fetched, place: int) -> Cases:
        """A coordinate of what an earlier token held: unknown, but ternary."""
        side, back = ("i", self.back + what.back) if self.back else (self.side, what.back)
        minus, plus = (atom(f"{side}:{what.register}@{back}@{what.layer}[{place}]{sign}") for sign in "-+")
        return {-1: conjunction((minus, negation(plus))), 0: negation(disjunction((minus, plus))), 1: plus}

    def condition(self, condition: Condition) -> Formula:
        """A condition that is not on a step."""
        match condition:
            case Flag():
                return self.flag(condition)
            case Bit(what, place):
                return self.bit(what, place)
            case Is(what, value):
                return self.is_number(what, value)
            case SameBits(one, other):
                return equal(self.bit(one.number, one.place), self.bit(other.number, other.place))
        raise TypeError(f"{condition} is not settled")

    def is_number(self, what: Number, value: int) -> Formula:
        """That a number is ``value``."""
        bits = [self.bit(what, place) for place in range(max(what.bits, value.bit_length()))]
        return conjunction(bit if value >> place & 1 else negation(bit) for place, bit in enumerate(bits))

    def truth(self, condition: Condition, truth: bool) -> Formula:
        """That a condition has this truth."""
        return self.condition(condition) if truth else negation(self.condition(condition))


@lru_cache(maxsize=2**14)
def coordinates(content: Content, width: int, view: View) -> tuple[Cases, ...]:
    """What a settled content says of every coordinate; callers must not change the cases."""
    match content:
        case Constant(value):
            return ({value: TRUE},) * width
        case Code(what, low):
            bits = [view.bit(what, place) for place in range(width)]
            return tuple({0: TRUE} if place < low else _signed(bit) for place, bit in enumerate(bits))
        case Bit(what, place):
            return (_signed(view.bit(what, place)),)
        case Fetched():
            return tuple(view.fetched(content, place) for place in range(width))
        case Choice(condition, then, other):
            formula = view.condition(condition)
            pairs = zip(coordinates(then, width, view), coordinates(other, width, view), strict=True)
            return tuple(either(formula, left, right) for left, right in pairs)
    raise TypeError(f"{content} is not settled")


def _signed(bit: Formula) -> Cases:
    return {value: formula for value, formula in ((-1, negation(bit)), (1, bit)) if formula != FALSE}


def either(condition: Formula, then: Cases, other: Cases) -> Cases:
    """The first integer if the condition holds, else the second."""
    values = sorted({*then, *other})
    cases = {value: choice(condition, then.get(value, FALSE), other.get(value, FALSE)) for value in values}
    return {value: formula for value, formula in cases.items() if formula != FALSE}


def product(left: Cases, right: Cases) -> Cases:
    """The product of two integers; of two signs, it says whether they agree."""
    if len(left) == len(right) == 2 and 0 not in left and 0 not in right:
        agree = equal(left[1], right[1])
        return {value: formula for value, formula in ((-1, negation(agree)), (1, agree)) if formula != FALSE}
    return _combined(left, right, mul)


def summed(left: Cases, right: Cases) -> Cases:
    """The sum of two integers."""
    return _combined(left, right, add)


def _combined(left: Cases, right: Cases, operation: Callable[[int, int], int]) -> Cases:
    ways: dict[int, list[Formula]] = {}
    for one, first in left.items():
        for two, second in right.items():
            ways.setdefault(operation(one, two), []).append(conjunction((first, second)))
    cases = {value: disjunction(formulas) for value, formulas in ways.items()}
    cases = {value: formula for value, formula in cases.items() if formula != FALSE}
    return cases if len(cases) > 1 else dict.fromkeys(cases, TRUE)


def same(left: Cases, right: Cases) -> Formula:
    """That two integers are equal."""
    if left == right:
        return TRUE
    return disjunction(conjunction((left[value], right[value])) for value in left if value in right)


def term(cases: Cases, factor: int = 1) -> str:
    """SMT-LIB text of sort Int: ``factor`` times the integer."""
    *first, last = [(literal(factor * value), formula) for value, formula in cases.items()]
    text = last[0]
    for value, formula in first:
        text = f"(ite {formula} {value} {text})"
    return text


def literal(value: int) -> str:
    """An integer as SMT-LIB writes it."""
    return str(value) if value >= 0 else f"(- {-value})"


def total(terms: Sequence[str]) -> str:
    """Their sum."""
    return f"(+ {' '.join(terms)})" if len(terms) > 1 else next(iter(terms), "0")


def bits(what: Number, view: View) -> list[Formula]:
    """All bits of a number."""
    return [view.bit(what, place) for place in range(what.bits)]


def same_bits(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """That two numbers are equal."""
    return conjunction(equal(one, other) for one, other in zip(left, right, strict=True))


_ATOM = re.compile(r"\|[^|]*\|")


def query(formulas: Iterable[Formula]) -> str:
    """SMT-LIB text that asks whether all formulas can hold; atoms are named in the order of their appearance.

    Queries that differ in the names of ghosts only have one text, and are asked once.
    """
    names: dict[str, str] = {}
    body = "\n".join(f"(assert {formula})" for formula in formulas if formula != TRUE)
    body = _ATOM.sub(lambda found: names.setdefault(found[0], f"p{len(names)}"), body)
    logic = "QF_LIA" if re.search(r"[ (][0-9]+[ )]", body) else "QF_UF"
    declarations = [f"(declare-const {name} Bool)" for name in names.values()]
    return "\n".join([f"(set-logic {logic})", *declarations, body, ""])
