"""The one facade to the solver: claims in, `Proved`, `Refuted` or `Unknown` out.

A *term* is an integer expression, a *formula* a Boolean one; both are plain data built by the small
constructors below, so no other module imports z3. A model that refutes a claim is a mapping from variable
names to values, and is believed only after `value_of` has evaluated the claim under it, without the solver.

Only `prove` can make a `Proved`. It trusts z3's answer "unsat" and this file's translation to SMT-LIB text.
The solver sees nothing but that text: the negated claim and the assumptions. So any other solver could be asked
the same.
"""

from __future__ import annotations

import _thread
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
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
    """`then` if the condition holds, else `otherwise`."""

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


class ModelIncomplete(KeyError):
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
    """`then` if the condition holds, else `otherwise`."""
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
    """The conclusion holds if the premise does."""
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


class VariableError(ValueError):
    """A variable's name is malformed, or names unknowns of both kinds."""


class ForgedProof(TypeError):
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
            raise ForgedProof("a Proved is made by exactformer.verify.solver.prove alone")


@dataclass(frozen=True)
class Refuted:
    """Under these values of the variables the assumptions hold and the claim does not; confirmed by
    evaluation."""

    model: Model
    statistics: Statistics


@dataclass(frozen=True)
class Unknown:
    """Neither proved nor refuted: the reason is the solver's, or says what went wrong."""

    reason: str


Verdict = Proved | Refuted | Unknown


def prove(claim: Formula, assumptions: Sequence[Formula] = (), budget_seconds: float = 60.0) -> Verdict:
    """Look for values that satisfy the assumptions and not the claim; `Proved` when there are surely none.

    budget_seconds bounds the solver's time. A timeout, an exception of the solver or a model that evaluation
    does not confirm is `Unknown`, with the reason. Raises VariableError for malformed names of variables.

    >>> x = integer("x")
    >>> type(prove(at_most(1, x), [at_most(2, x)])).__name__
    'Proved'
    >>> prove(at_most(x, 1), [equal(x, 2)]).model
    {'x': 2}
    """
    import z3

    query = _Query(claim, tuple(assumptions))
    started = time.perf_counter()
    milliseconds = max(1, int(budget_seconds * 1000))
    try:
        answer = _interruptible(lambda: _ask(query, milliseconds), lambda: z3.main_ctx().interrupt())
    except z3.Z3Exception as error:
        return Unknown(f"the solver raised {type(error).__name__}: {error}")
    statistics = Statistics(solver_version(), time.perf_counter() - started, query.sha256)
    if answer.said == "unsat":
        return Proved(claim, tuple(assumptions), statistics, _TOKEN)
    if answer.said == "unknown":
        return Unknown(f"the solver gave up: {answer.reason}")
    if answer.said != "sat":
        return Unknown(f"the solver answered {answer.said}")
    found = answer.model
    if not all(value_of(assumption, found) for assumption in assumptions) or value_of(claim, found):
        return Unknown(f"the solver's model {found} does not refute the claim when evaluated")
    return Refuted(found, statistics)


TACTICS = ("simplify", "propagate-values", "solve-eqs", "lia2card", "smt")
"""What z3 does with a query, in this order; its own choice takes three times as long.  Sums of numbers that are 0 or 1
become counts of formulas (lia2card), without which some of these queries are not decided at all."""

BLINK = 1 / 20
"""After this many seconds the thread that waits for a solver looks for interrupts."""


@dataclass(frozen=True)
class _Answer:
    """What z3 said to a query, with its reason for ``unknown`` or the model for ``sat``; nothing here is z3's own."""

    said: str
    reason: str = ""
    model: Model = field(default_factory=dict)


def _ask(query: _Query, milliseconds: int) -> _Answer:
    """All work with z3 is done here."""
    import z3

    solver = z3.Then(*TACTICS).solver()
    solver.set("timeout", milliseconds)
    solver.set("ctrl_c", False)  # else z3 takes an interrupt for itself, and answers unknown
    solver.from_string(query.text)
    said = str(solver.check())
    if said == "sat":
        return _Answer(said, model=_read_model(solver.model(), query.sorts))
    return _Answer(said, solver.reason_unknown() if said == "unknown" else "")


def _interruptible(work: Callable[[], _Answer], stop: Callable[[], None]) -> _Answer:
    """The work's answer, or its exception.  An interrupt at any time stops the work, and is raised.

    Python raises KeyboardInterrupt in the main thread alone, between two of its own instructions; in a destructor it
    ignores it.  So a solver works in another thread, with its objects and their destructors, while this one waits.
    """
    done: Future[_Answer] = Future()

    def answer() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    try:
        _thread.start_new_thread(answer, ())  # a threading.Thread has a destructor in Python, too
        while not done.done():  # the system may give a signal to any thread, and that does not wake one that waits
            wait([done], BLINK)
        return done.result()
    finally:
        if not done.cancel():
            while not done.done():
                stop()  # more than once: a solver that has not begun forgets it
                wait([done], BLINK)


def solver_version() -> str:
    """The solver and its version."""
    import z3

    return f"z3 {z3.get_version_string()}"


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


def _read_model(z3_model: Any, sorts: Mapping[str, str]) -> Model:
    """The values of the variables; 0 and False for those the solver leaves open."""
    import z3

    values: Model = {}
    for name, sort in sorts.items():  # the model has the query's many definitions, too
        if sort == "Bool":
            values[name] = z3.is_true(z3_model[z3.Bool(name)])
        else:
            value = z3_model[z3.Int(name)]
            values[name] = 0 if value is None else value.as_long()
    return values


class _Query:
    """A claim and its assumptions as SMT-LIB text, each shared part defined once, numbered in order of first
    use."""

    def __init__(self, claim: Formula, assumptions: Sequence[Formula]) -> None:
        self.sorts: dict[str, str] = {}
        self._definitions: list[str] = []
        self._known: dict[int, str] = {}
        asserted = [self._text(assumption) for assumption in assumptions]
        asserted.append(f"(not {self._text(claim)})")
        declarations = [f"(declare-const {_quoted(name)} {sort})" for name, sort in self.sorts.items()]
        assertions = [f"(assert {text})" for text in asserted]
        self.text = "\n".join([*declarations, *self._definitions, *assertions, ""])

    @property
    def sha256(self) -> str:
        """The hash that names the query."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def _text(self, node: Term | Formula) -> str:
        """The node's SMT-LIB text: itself when atomic, else the name it is defined under."""
        if id(node) not in self._known:
            self._known[id(node)] = self._define(node)
        return self._known[id(node)]

    def _define(self, node: Term | Formula) -> str:
        match node:
            case IntegerVariable(name):
                return self._variable(name, "Int")
            case BooleanVariable(name):
                return self._variable(name, "Bool")
            case Constant(value):
                return _numeral(value)
            case LinearSum(summands):
                parts = [f"(* {_numeral(factor)} {self._text(term)})" for factor, term in summands]
                return self._named("Int", _application("+", parts, "0"))
            case Select(condition, then, otherwise):
                parts = [self._text(condition), self._text(then), self._text(otherwise)]
                return self._named("Int", _application("ite", parts))
            case Not(operand):
                return f"(not {self._text(operand)})"
            case And(operands):
                return self._named("Bool", _application("and", map(self._text, operands), "true"))
            case Or(operands):
                return self._named("Bool", _application("or", map(self._text, operands), "false"))
            case AtMost(left, right):
                return self._named("Bool", _application("<=", (self._text(left), self._text(right))))
            case Equal(left, right) | Equivalent(left, right):
                return self._named("Bool", _application("=", (self._text(left), self._text(right))))

    def _named(self, sort: str, text: str) -> str:
        name = f"|part {len(self._definitions)}|"
        self._definitions.append(f"(define-fun {name} () {sort} {text})")
        return name

    def _variable(self, name: str, sort: str) -> str:
        if self.sorts.setdefault(name, sort) != sort:
            raise VariableError(f"{name!r} names a Boolean and an integer")
        return _quoted(name)


def _application(function: str, arguments: Iterable[str], unit: str = "") -> str:
    """(function arguments...), with the unit written first if there is one, so that no list is empty."""
    return f"({' '.join([function, *([unit] if unit else []), *arguments])})"


def _numeral(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"


def _quoted(name: str) -> str:
    if not name.isascii() or not name.isprintable() or set(name) & set("|\\ ") or not name:
        raise VariableError(f"{name!r} is not a variable name: printable ASCII without blanks, bars and backslashes")
    return f"|{name}|"
