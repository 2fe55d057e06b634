"""A machine's tables as the parameters of a theory about its runs (SPEC 11.1)."""

from __future__ import annotations

from collections.abc import Mapping

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import Machine
from exactformer.certificates.checker.theory.template import Value


def require_machine(parameters: Mapping[str, Value], machine: Machine) -> None:
    """The parameters are the machine's tables; rows may come in any order."""
    wanted: dict[str, Value] = {
        "K": machine.tapes,
        "STATES": machine.states,
        "GAMMA": machine.alphabet,
        "INPUTS": machine.input,
        "INITIAL": machine.states[:1],
        "HALTING": (machine.halting,),
        "BLANK": machine.alphabet[:1],
        "ROWS": tuple(
            sorted(
                (state, *read, after, *written, *moves)
                for (state, read), (after, written, moves) in machine.rows.items()
            )
        ),
    }
    rows = parameters.get("ROWS")
    given = {**parameters, "ROWS": tuple(sorted(rows, key=tuple)) if isinstance(rows, tuple) else ()}
    for name in sorted({*wanted, *given}):
        if given.get(name) != wanted.get(name):
            raise Rejected(f"statement.parameters.{name}", f"is not that of the machine {machine.name}")
