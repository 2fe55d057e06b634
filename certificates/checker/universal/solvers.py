"""Asking a solver: z3 or cvc5, by the same plain SMT-LIB text, never twice for one text.

Words:
    undecided  the solver said neither sat nor unsat in the time that was left: nothing is known
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

import cvc5
import z3

from certificates.checker.deadline import Deadline
from certificates.checker.document import Rejected, Undecided
from certificates.checker.universal.formulas import TRUE, Formula, negation, query


@cache
def _context() -> z3.Context:
    """One context of the checker's own: a new one for each query took longer than most queries.

    A solver parses its text by itself: no query sees what another one declares, defines or asserts.
    """
    return z3.Context()


def ask_z3(text: str, milliseconds: int) -> str:
    """``sat``, ``unsat`` or anything else."""
    solver = z3.SolverFor("QF_LIA" if "(set-logic QF_LIA)" in text else "QF_UF", ctx=_context())
    solver.set("timeout", milliseconds)
    solver.from_string(text)
    return str(solver.check())


def ask_cvc5(text: str, milliseconds: int) -> str:
    """``sat``, ``unsat`` or anything else."""
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(milliseconds))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text + "(check-sat)\n", "query")
    symbols, said = parser.getSymbolManager(), ""
    while not (command := parser.nextCommand()).isNull():
        said += str(command.invoke(solver, symbols))
    return said.strip()


SOLVERS: dict[str, Callable[[str, int], str]] = {"z3": ask_z3, "cvc5": ask_cvc5}
VERSIONS: dict[str, str] = {"z3": z3.get_version_string(), "cvc5": cvc5.__version__}


@dataclass
class Judge:
    """What decides obligations; ``proved`` has the SHA-256 of every text that was unsatisfiable."""

    solver: str
    deadline: Deadline
    proved: set[bytes] = field(default_factory=set)

    @property
    def believed(self) -> str:
        """The solver with its version: whose ``unsat`` one has to believe."""
        return f"{self.solver} {VERSIONS[self.solver]}"

    def require(self, at: str, assumed: Iterable[Formula], claim: Formula, reason: str) -> None:
        """``claim`` follows from what is assumed; else the certificate is rejected for ``reason``."""
        left = self.deadline.left(at)
        if claim == TRUE:
            return
        text = query((*assumed, negation(claim)))
        name = hashlib.sha256(text.encode("ascii")).digest()
        if name in self.proved:
            return
        try:
            answer = SOLVERS[self.solver](text, left)
        except Exception as error:  # whatever it is, nothing was proved
            raise Undecided(f"{at}: {self.solver} broke off with {type(error).__name__}: {error}") from error
        if answer == "sat":
            raise Rejected(at, reason)
        if answer != "unsat":
            raise Undecided(f"{at}: {self.solver} has not decided in the {left // 1000} s that were left ({answer})")
        self.proved.add(name)
