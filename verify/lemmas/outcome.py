"""What was found, and what follows: findings in, the outcome of a lemma out.

Only the solver facade makes a `Proved`, only `Budget.exhaust` a `Checked`, only `conclude` an `Established`.  Whatever
is left open (no time, an answer "unknown", no case at all) ends as `Open`, never as a success.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import InitVar, dataclass
from typing import TypeVar

from exactformer.verify.solver import Formula, Proved, Refuted, Unknown, prove

Case = TypeVar("Case")

CASES_BETWEEN_LOOKS = 16
"""After this many cases an enumeration looks at the clock."""

_TOKEN = object()


class ForgedOutcome(TypeError):
    """Something other than this module tried to construct a `Checked` or an `Established`."""


@dataclass(frozen=True)
class Checked:
    """Each of `cases` > 0 cases, all that there are of `what`, was looked at and agrees.  Only `exhaust` makes one."""

    what: str
    cases: int
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise ForgedOutcome("a Checked is made by exactformer.verify.lemmas.outcome.Budget.exhaust alone")


@dataclass(frozen=True)
class Violated:
    """A case that disagrees, in words; plain evaluation, not only the solver, says so."""

    counterexample: str


Finding = Proved | Checked | Violated | Refuted | Unknown


@dataclass(frozen=True)
class Established:
    """The lemma holds.  queries, cases: how much was decided by the solver and by enumeration.

    ``evidence`` has one line per query (its sha256) or enumeration (what and how many).
    """

    queries: int
    cases: int
    evidence: tuple[str, ...]
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise ForgedOutcome("an Established is made by exactformer.verify.lemmas.outcome.conclude alone")


@dataclass(frozen=True)
class Disproved:
    """The lemma does not hold, and why."""

    counterexample: str


@dataclass(frozen=True)
class Open:
    """Neither is known, and why."""

    reason: str


Outcome = Established | Disproved | Open


def conclude(findings: Iterable[Finding]) -> Outcome:
    """`Established` when there are findings and each is a success; `Disproved` as soon as one is a counterexample.

    >>> conclude([])
    Open(reason='nothing was decided')
    >>> conclude([Unknown("too slow"), Violated("x = 3")])
    Disproved(counterexample='x = 3')
    """
    queries, cases, evidence = 0, 0, list[str]()
    left_open: str | None = None
    for finding in findings:
        match finding:
            case Proved():
                queries += 1
                evidence.append(f"{finding.statistics.solver} unsat {finding.statistics.query_sha256}")
            case Checked(what, number):
                cases += number
                evidence.append(f"{what}: {number} cases")
            case Violated(counterexample):
                return Disproved(counterexample)
            case Refuted(model):
                return Disproved(", ".join(f"{name} = {int(value)}" for name, value in sorted(model.items())))
            case Unknown(reason):
                left_open = left_open or reason
    if left_open is not None:
        return Open(left_open)
    if not evidence:
        return Open("nothing was decided")
    return Established(queries, cases, tuple(evidence), _TOKEN)


class Budget:
    """The seconds that one lemma at one width may take in all; after that, findings are `Unknown`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        return self._end - time.perf_counter()

    def prove(self, claim: Formula, assumptions: Sequence[Formula] = ()) -> Proved | Refuted | Unknown:
        """`verify.solver.prove` within the time that is left."""
        if self.left <= 0:
            return self._spent()
        return prove(claim, assumptions, budget_seconds=self.left)

    def exhaust(
        self, what: str, cases: Iterable[Case], disagreement: Callable[[Case], str | None]
    ) -> Checked | Violated | Unknown:
        """Look at every case: `disagreement` says in words what is wrong with one, None if it agrees.

        >>> Budget(10).exhaust("digits", range(10), lambda n: None if n < 9 else f"{n} is not below 9")
        Violated(counterexample='9 is not below 9')
        >>> Budget(10).exhaust("digits", [], lambda n: None)
        Unknown(reason='digits: there is no case')
        """
        number = 0
        for case in cases:
            if number % CASES_BETWEEN_LOOKS == 0 and self.left <= 0:
                return self._spent()
            wrong = disagreement(case)
            if wrong is not None:
                return Violated(wrong)
            number += 1
        return Checked(what, number, _TOKEN) if number else Unknown(f"{what}: there is no case")

    def _spent(self) -> Unknown:
        return Unknown(f"the budget of {self.seconds:g} s is spent")
