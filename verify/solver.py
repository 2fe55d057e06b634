"""The one facade to the solver: claims in, `Proved`, `Refuted` or `Unknown` out.

A *term* is an integer expression, a *formula* a Boolean one; both are plain data built by the small
constructors below, so no other module imports z3. A model that refutes a claim is a mapping from variable
names to values, and is believed only after `value_of` has evaluated the claim under it, without the solver.

A `Proved` can be made by `prove` alone. It trusts z3's answer "unsat" and this file's translation.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class IntegerVariable:
    """An integer unknown."""

    name: str


@dataclass(frozen=True, eq=False)
class Constant:
    """A known integer."""

    value: int


@dataclass(frozen=True, eq=False)
class LinearSum:
    """sum_i coefficient_i * term_i."""

    summands: tuple[tuple[int, Term], ...]


@dataclass(frozen=True, eq=False)
class Select:
    """`then` where the condition holds, `otherwise` where not."""

    condition: Formula
    then: Term
    otherwise: Term


@dataclass(frozen=True, eq=False)
class BooleanVariable:
    """A Boolean unknown."""

    name: str


@dataclass(frozen=True, eq=False)
class Not:
    """The negation of a formula."""

    operand: Formula


@dataclass(frozen=True, eq=False)
class And:
    """All of the formulas hold; true when there are none."""

    operands: tuple[Formula, ...]


@dataclass(frozen=True, eq=False)
class Or:
    """One of the formulas holds; false when there are none."""

    operands: tuple[Formula, ...]


@dataclass(frozen=True, eq=False)
class AtMost:
    """left <= right."""

    left: Term
    right: Term


@dataclass(frozen=True, eq=False)
class Equal:
    """left = right."""

    left: Term
    right: Term


@dataclass(frozen=True, eq=False)
class Equivalent:
    """Both formulas hold, or neither does."""

    left: Formula
    right: Formula


Term = IntegerVariable | Constant | LinearSum | Select
Formula = BooleanVariable | Not | And | Or | AtMost | Equal | Equivalent
Model = dict[str, int | bool]


class ModelIncomplete(KeyError):  # noqa: N818 - the error is the lack
    """A model gives no value to a variable of the formula."""


def boolean(name: str) -> BooleanVariable:
    """A Boolean unknown of that name; the same name means the same unknown."""
    return BooleanVariable(name)


def integer(name: str) -> IntegerVariable:
    """An integer unknown of that name; the same name means the same unknown."""
    return IntegerVariable(name)


def constant(value: int) -> Constant:
    """A known integer."""
    return Constant(value)


def select(condition: Formula, then: Term | int, otherwise: Term | int) -> Select:
    """`then` where the condition holds, `otherwise` where not."""
    return Select(condition, _term(then), _term(otherwise))


def total(terms: Iterable[Term | int]) -> LinearSum:
    """The sum of the terms, 0 when there are none."""
    return LinearSum(tuple((1, _term(term)) for term in terms))


def weighted_total(summands: Iterable[tuple[int, Term]]) -> LinearSum:
    """sum_i coefficient_i * term_i, 0 when there are none."""
    return LinearSum(tuple(summands))


def negation(formula: Formula) -> Not:
    """The formula does not hold."""
    return Not(formula)


def all_of(formulas: Iterable[Formula]) -> And:
    """All of the formulas hold; true when there are none."""
    return And(tuple(formulas))


def any_of(formulas: Iterable[Formula]) -> Or:
    """One of the formulas holds; false when there are none."""
    return Or(tuple(formulas))


def implies(premise: Formula, conclusion: Formula) -> Or:
    """The conclusion holds where the premise does."""
    return Or((Not(premise), conclusion))


def equivalent(left: Formula, right: Formula) -> Equivalent:
    """Both formulas hold, or neither does."""
    return Equivalent(left, right)


def at_most(left: Term | int, right: Term | int) -> AtMost:
    """left <= right."""
    return AtMost(_term(left), _term(right))


def equal(left: Term | int, right: Term | int) -> Equal:
    """left = right."""
    return Equal(_term(left), _term(right))


def _term(value: Term | int) -> Term:
    return Constant(value) if isinstance(value, int) else value


@dataclass(frozen=True)
class Statistics:
    """How a claim was settled: the solver and its version, wall time, sha256 of the query as SMT-LIB text."""

    solver: str
    seconds: float
    query_sha256: str


class ForgedProof(TypeError):  # noqa: N818 - named after the deed
    """Something other than `prove` tried to construct a `Proved`."""


_TOKEN = object()


@dataclass(frozen=True)
class Proved:
    """The claim holds for every value of its variables that satisfies the assumptions. Only `prove` makes
    one."""

    claim: Formula = field(repr=False)
    assumptions: tuple[Formula, ...] = field(repr=False)
    statistics: Statistics
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise ForgedProof("a Proved is made by verify.solver.prove alone")


@dataclass(frozen=True)
class Refuted:
    """Under these values of the variables the assumptions hold and the claim does not; confirmed by
    evaluation."""

    model: Model
    statistics: Statistics


@dataclass(frozen=True)
class Unknown:
    """Neither: the reason is the solver's, or says what went wrong."""

    reason: str


Verdict = Proved | Refuted | Unknown


def prove(claim: Formula, assumptions: Sequence[Formula] = (), budget_seconds: float = 60.0) -> Verdict:
    """Look for values that satisfy the assumptions and not the claim; `Proved` when there are surely none.

    budget_seconds bounds the solver's time. A timeout, an exception of the solver or a model that evaluation
    does not confirm is `Unknown`, with the reason.

    >>> x = integer("x")
    >>> type(prove(at_most(1, x), [at_most(2, x)])).__name__
    'Proved'
    >>> prove(at_most(x, 1), [equal(x, 2)]).model
    {'x': 2}
    """
    import z3

    assumptions = tuple(assumptions)
    started = time.perf_counter()
    try:
        translator = _Translator(z3)
        solver = z3.Solver()
        solver.set("timeout", max(1, int(budget_seconds * 1000)))
        solver.add(*(translator.formula(assumption) for assumption in assumptions))
        solver.add(z3.Not(translator.formula(claim)))
        query = hashlib.sha256(solver.to_smt2().encode()).hexdigest()
        answer = solver.check()
        if answer == z3.unknown:
            return Unknown(f"the solver gave up: {solver.reason_unknown()}")
        found = translator.model(solver.model()) if answer == z3.sat else None
    except z3.Z3Exception as error:
        return Unknown(f"the solver raised {type(error).__name__}: {error}")
    statistics = Statistics(f"z3 {z3.get_version_string()}", time.perf_counter() - started, query)
    if answer == z3.unsat:
        return Proved(claim, assumptions, statistics, _TOKEN)
    if answer != z3.sat or found is None:
        return Unknown(f"the solver answered {answer}")
    if not all(value_of(assumption, found) for assumption in assumptions) or value_of(claim, found):
        return Unknown(f"the solver's model {found} does not refute the claim when evaluated")
    return Refuted(found, statistics)


def value_of(expression: Term | Formula, model: Mapping[str, int | bool]) -> int:
    """The integer value of a term, or of a formula (0 or 1), under a model, by plain integer arithmetic.

    Raises ModelIncomplete when a variable has no value.

    >>> value_of(total([integer("x"), 3]), {"x": 4})
    7
    """
    # Shared parts are evaluated once, so that chains of Select do not cost exponential time.
    known: dict[int, int] = {}

    def evaluate(node: Term | Formula) -> int:
        if id(node) not in known:
            known[id(node)] = compute(node)
        return known[id(node)]

    def compute(node: Term | Formula) -> int:
        match node:
            case IntegerVariable(name) | BooleanVariable(name):
                if name not in model:
                    raise ModelIncomplete(name)
                return int(model[name])
            case Constant(value):
                return value
            case LinearSum(summands):
                return sum(coefficient * evaluate(term) for coefficient, term in summands)
            case Select(condition, then, otherwise):
                return evaluate(then) if evaluate(condition) else evaluate(otherwise)
            case Not(operand):
                return 1 - evaluate(operand)
            case And(operands):
                return min((evaluate(operand) for operand in operands), default=1)
            case Or(operands):
                return max((evaluate(operand) for operand in operands), default=0)
            case AtMost(left, right):
                return int(evaluate(left) <= evaluate(right))
            case Equal(left, right) | Equivalent(left, right):
                return int(evaluate(left) == evaluate(right))

    return evaluate(expression)


class _Translator:
    """Terms and formulas to z3 expressions, each shared part once; and z3's models back."""

    def __init__(self, z3: Any) -> None:
        self._z3 = z3
        self._known: dict[int, Any] = {}
        self._variables: dict[str, Any] = {}
        self._keep_alive: list[Term | Formula] = []

    def formula(self, node: Term | Formula) -> Any:
        if id(node) not in self._known:
            self._keep_alive.append(node)
            self._known[id(node)] = self._translate(node)
        return self._known[id(node)]

    def model(self, model: Any) -> Model:
        values = {
            name: model.eval(variable, model_completion=True) for name, variable in self._variables.items()
        }
        return {
            name: self._z3.is_true(value) if self._z3.is_bool(value) else value.as_long()
            for name, value in values.items()
        }

    def _translate(self, node: Term | Formula) -> Any:
        z3 = self._z3
        match node:
            case IntegerVariable(name):
                return self._variable(name, z3.Int(name))
            case BooleanVariable(name):
                return self._variable(name, z3.Bool(name))
            case Constant(value):
                return z3.IntVal(value)
            case LinearSum(summands):
                parts = [coefficient * self.formula(term) for coefficient, term in summands]
                return z3.Sum([z3.IntVal(0), *parts])
            case Select(condition, then, otherwise):
                return z3.If(self.formula(condition), self.formula(then), self.formula(otherwise))
            case Not(operand):
                return z3.Not(self.formula(operand))
            case And(operands):
                return z3.And([self.formula(operand) for operand in operands])
            case Or(operands):
                return z3.Or([self.formula(operand) for operand in operands])
            case AtMost(left, right):
                return self.formula(left) <= self.formula(right)
            case Equal(left, right) | Equivalent(left, right):
                return self.formula(left) == self.formula(right)

    def _variable(self, name: str, variable: Any) -> Any:
        known = self._variables.setdefault(name, variable)
        if known.sort() != variable.sort():
            raise self._z3.Z3Exception(f"{name!r} is used as a Boolean and as an integer")
        return known
