"""A machine's tables as the parameters of a theory about its runs (THEORIES), and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import Machine
from exactformer.certificates.checker.statement import longest_segment, no_run_halts
from exactformer.certificates.checker.theory.template import Value
from exactformer.certificates.checker.writes import writes_per_cell


@dataclass(frozen=True)
class OfMachine:
    """What is proved of a machine; ``shown``: what a theory says ``about`` runs that follows from it."""

    proved: tuple[str, ...]
    shown: frozenset[str]


PARADIGMS = {"turing-cot": "cot", "turing-scot": "scot"}
"""By what the theories call themselves."""


def of_machine(
    theory: str, parameters: Mapping[str, Value], machine: Machine, context: int, r: int, deadline: Deadline
) -> OfMachine:
    """That the parameters are the machine's tables; and what follows from these for runs."""
    require_machine(parameters, machine)
    paradigm, shown = PARADIGMS.get(theory), set[str]()
    proved = [f"the parameters of the theory are the tables of the machine {machine.name}"]
    writes = parameters.get("WRITES")
    if isinstance(writes, int):
        bound = None
        if paradigm == "cot" and writes >= context:
            bound = f"{context} tokens write no cell more than {context} times: each writes at most one cell of a tape"
        elif writes < 2**r and (written := writes_per_cell(machine, deadline)) is not None and written <= writes:
            bound = f"no run of {machine.name} writes a cell more than {written} times, the input counted"
        if bound is not None:
            proved.append(bound)
            if paradigm == "cot":
                # In the theory's words, of the tokens that the claim is about; nothing is concluded of segments, whose
                # prompts count.
                times = f"{writes} times in a chain of thought"
                shown.add(f"no cell of a tape is written more than {times}, its input counted")
    if paradigm == "scot" and (cells := _cells(context, r)):
        proved.append(f"no run of {machine.name} within {cells} cells has a segment of more than {context} tokens")
    if paradigm is not None and (why := no_run_halts(machine, paradigm, context, r)):
        proved.append(why)
    return OfMachine(tuple(proved), frozenset(shown))


def _cells(context: int, r: int) -> int:
    """In how many cells all segments of runs fit the context, at most."""
    return next((cells for cells in range(context // 5, 0, -1) if longest_segment(cells, r) <= context), 0)


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
    writes = parameters.get("WRITES")
    if isinstance(writes, int):
        wanted["WRITES"] = writes  # no table of the machine
    given = {**parameters, "ROWS": tuple(sorted(rows, key=tuple)) if isinstance(rows, tuple) else ()}
    for name in sorted({*wanted, *given}):
        if given.get(name) != wanted.get(name):
            raise Rejected(f"statement.parameters.{name}", f"is not that of the machine {machine.name}")
