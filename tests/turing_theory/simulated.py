"""True tokens of both theories from the checker's simulator, with ghosts from the tokens alone."""

from __future__ import annotations

from itertools import pairwise

from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.theory import TrueToken, Value
from tests.checker.ghosts import Ghosts, ghosts_of, run_segments

CLASS = {"POS": "block"}
MOVES = {0: "L", 1: "S", 3: "R"}
STEPPING = ("EINP", "ESUMM", "RUN", "EPOS")
NEW = ("NEWSUMM", "NEWCELL", "NEWSTATE")


def simulated(machine: TuringMachine, word: str, r: int, paradigm: str) -> list[list[TrueToken]]:
    """The segments of a run; its one sequence, if it is not summarized."""
    known, found = parse_machine(write_machine(machine)), list[list[TrueToken]]()
    for segment in run_segments(known, word, r, paradigm):
        ghosts = [*ghosts_of(known, segment.tokens[: segment.read], summarized=paradigm == "scot"), None]
        found.append([_true_token(known, one, behind) for one, behind in pairwise(ghosts) if one is not None])
    return found


def _true_token(machine: Machine, token: Ghosts, behind: Ghosts | None) -> TrueToken:
    """With the ghosts of the theories; what is not there is the first of its kind."""
    values, symbols, found = token.values, machine.alphabet, dict[str, Value]()
    if "s" in values:
        found |= {"s": symbols[values["s"]], "tape": symbols[values["s"]]}
    for name in ("tau", "beta", "o", "u", "e", "cap"):
        found |= {name: values[name]} if name in values else {}
    for name in ("halted", *(("summary",) if "e" in values else ())):
        found |= {name: bool(values[name])} if name in values else {}
    if token.cls in ("EINP", "ESUMM") and "summary" in values:
        found["e"] = values["i"]
    if token.cls == "NEWSUMM":
        found["u"] = values["i"]
    if "q" in values:
        found["q"] = machine.states[values["q"]]
    if token.cls in STEPPING:
        found["next"] = machine.states[values.get("q'", 0)]
    if token.cls in ("OUTP", "OUTPUT"):
        read = symbols[values.get("g_1", 0)]
        found["symbol"] = read if read in machine.input else machine.input[0]
    for k in range(1, machine.tapes + 1):
        for name in ("c", "x", "y"):
            found |= {f"{name}_{k}": values[f"{name}_{k}"]} if f"{name}_{k}" in values else {}
        if f"a_{k}" in values:
            found[f"a_{k}"] = symbols[values[f"a_{k}"]]
        if f"m_{k}" in values:
            found[f"m_{k}"] = MOVES[values[f"m_{k}"]]
        if f"h_{k}" in values:
            found[f"h_{k}"] = str(values[f"h_{k}"])
        if f"here_{k}" in values:
            found[f"shown_{k}"] = str(values[f"here_{k}"])
        if f"x_{k}" in values:
            symbol = symbols[values.get(f"g_{k}", 0)]
            found |= {f"written_{k}": bool(values[f"written_{k}"]), f"w_{k}": values.get(f"w_{k}", 0), f"g_{k}": symbol}
            found |= {f"read_{k}": symbol} if token.cls in (*STEPPING, *NEW) else {}
        if token.cls in STEPPING:
            found |= {f"write_{k}": symbols[values.get(f"a'_{k}", 0)], f"move_{k}": MOVES[values.get(f"m'_{k}", 0)]}
        if token.cls == "BIT":
            found[f"here_{k}"] = "+1" if values[f"y_{k}"] >> values["beta"] & 1 else "-1"
        if token.cls in ("POS", "BIT"):
            spelled = values[f"x_{k}"] if token.cls == "POS" else values[f"y_{k}"] >> values["beta"] + 1
            last = behind is None or behind.cls == "EPOS"
            found[f"spelled_{k}"] = "+1" if spelled & 1 and not last else "-1"
    return TrueToken(CLASS.get(token.cls, token.cls.lower()), found)
