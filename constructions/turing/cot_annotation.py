"""What the heads of the chain-of-thought construction select and receive, in the ghosts of `cot.theory`.

`scot_annotation` uses the same, with more classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exactformer.constructions.theory import Case, HeadCases, Hold, Name
from exactformer.constructions.turing.registers import Phases

READING = ("outp", "output")
BEHIND_OUTP = ("outp", "output", "eoutp")
Layers = Mapping[int, list[HeadCases]]


@dataclass(frozen=True)
class Classes:
    """The classes of a theory, by what heads do at them.

    ``addressing``: they address a cell of every tape; ``cells``: the one at position i writes cell i - 1 of every tape;
    ``apart``: the token right before them has no head positions.
    """

    every: tuple[str, ...]
    first: tuple[str, ...]
    addressing: tuple[str, ...]
    cells: tuple[str, ...]
    apart: tuple[str, ...]

    def but(self, *names: str) -> tuple[str, ...]:
        """All classes but these."""
        return tuple(name for name in self.every if name not in names)

    def all(self, classes: tuple[str, ...], when: str = "true") -> Case:
        """They select every token, and all have the value 0."""
        return Case(classes, when, dict.fromkeys(self.every, "true"), "0", "0")

    def start(self, classes: tuple[str, ...], when: str = "true") -> Case:
        """They select the first token, which has the value 0."""
        return Case(classes, when, dict.fromkeys(self.first, "true"), "0", "0")

    def look_up(self, place: str, *values: tuple[Iterable[str], str]) -> HeadCases:
        """The token at the position of this name, and its value by class; classes without a value select the first
        token,
            which has 0."""
        there = dict.fromkeys(self.every, f"j.pos = {place}")
        left = self.but(*(name for classes, _ in values for name in classes))
        zero = tuple(name for name in left if name in self.first)
        rest = [(zero, "0"), (tuple(name for name in left if name not in zero), "any")]
        cases = [(tuple(classes), value) for classes, value in (*values, *rest)]
        return [Case(classes, "true", there, place, value) for classes, value in cases if classes]


COT = Classes(
    every=("inp", "input", "einp", "run", "block", "bit", "epos", *BEHIND_OUTP),
    first=("inp",),
    addressing=("einp", "run", "block", "epos"),
    cells=(),
    apart=("inp", "input", "einp", "bit", "epos"),
)


def annotate_cot(tapes: int, r: int) -> list[list[HeadCases]]:
    """The cases of every head, in the order in which `write_cot` adds them."""
    layers = cot_heads(COT, tapes, r)
    return [layers[number] for number in range(1, Phases.of(r).L + 1)]


def cot_heads(c: Classes, tapes: int, r: int) -> Layers:
    """The cases by layer, with the classes of a theory that has those of `cot.theory`."""
    layers: dict[int, list[HeadCases]] = defaultdict(list)
    phases = Phases.of(r)
    ks = range(1, tapes + 1)
    layers[1].append([c.all(c.but(*BEHIND_OUTP)), Case(BEHIND_OUTP, "true", {"outp": "true"}, "o", "1")])
    layers[2].append(
        [
            c.all(c.but(*BEHIND_OUTP)),
            c.start(("outp",)),
            Case(("output", "eoutp"), "true", {"outp": "true"}, "o", "sign(o)"),
        ]
    )
    for j in range(1, r // 2 + 1):
        for k in ks:
            for place, d in (("back1", 2 * j - 1), ("back2", 2 * j)):
                layers[j + 1].append(c.look_up(place, (["epos"], f"(1 if bit(x_{k}, {r - d}) else -1)")))
    for j in range(1, r + 2):
        for k in ks:
            run = f"(sign(c_{k}) if here else 0)" if j <= r else f"sign(c_{k})"
            block = f"sign(x_{k})" if j == r + 1 else "0"
            layers[phases.L1 + j].append(c.look_up("prev", (["run"], run), (["block"], block), (c.apart, "0")))
    for k in ks:
        layers[phases.L2 + 1].append(_writers(c, k, f"written_{k}", ""))
    for step in range(r):
        b = r - 1 - step
        for k in ks:
            found, agrees = f"written_{k} and bit(w_{k}, {b})", f" and drop(j.pos, {b}) = drop(w_{k}, {b})"
            layers[phases.L2 + 1 + step].append(_writers(c, k, found, agrees))
    for p in range(1, r):
        for k in ks:
            spelled = f"((1 if bit(y_{k}, {p}) else -1) if beta = {p - 1} else 0)"
            layers[phases.L2 + p].append(c.look_up("ptr", (["bit"], spelled), (c.but("bit"), "0")))
    layers[phases.L2 + r - 1].append(c.look_up("ptr", (["run"], f"(1 if tau = {r} else 0)")))
    behind_block = f"(1 if beta = {r - 1} else 0)"
    layers[phases.L2 + r].append(c.look_up("ptr", (["bit"], behind_block), (c.but("bit"), "0")))
    for k in ks:
        layers[phases.L3].append(_read(c, k))
    layers[phases.L3].append(c.look_up("ptr", (["epos"], "sign(q)")))
    return layers


def holds_cot(tapes: int, r: int) -> list[list[Hold]]:
    """What registers hold, if that has a name."""
    return cot_holds(COT, tapes, r)


def names_cot(r: int) -> list[list[Name]]:
    """Which names hold from after a layer on."""
    return cot_names(COT, r)


def cot_names(c: Classes, r: int) -> list[list[Name]]:
    """Where look-ups look; and whether a run token is so near its group's beginning that it knows where the heads are
    (``there``), or learns it next (``here``).
    """
    phases = Phases.of(r)
    layers: list[list[Name]] = [[] for _ in range(phases.L)]
    layers[0].append(Name(c.every, "prev", "pos - 1"))
    layers[0] += [Name(c.every, "back1", "pos - 1"), Name(c.every, "back2", "pos - 2")]
    for j in range(1, r // 2):
        layers[j] += [Name(c.every, "back1", "back1 - 2"), Name(c.every, "back2", "back2 - 2")]
    for b in range(r):
        layers[1 + b].append(Name(("output",), "rest", f"x_1 + high(o, {b})"))
    for j in range(r):
        layers[phases.L1 + j - 1].append(Name(("run",), "there", formula=f"tau <= {j}"))
        layers[phases.L1 + j - 1].append(Name(("run",), "here", formula=f"tau <= {j + 1}"))
    layers[phases.L2 - 1].append(Name(c.every, "ptr", "pos - 1"))
    for p in range(1, r + 1):
        layers[phases.L2 - 1 + p].append(Name(c.every, "ptr", "ptr - 1" if p < r else "ptr - 2"))
    return layers


def cot_holds(c: Classes, tapes: int, r: int) -> list[list[Hold]]:
    """Where look-ups look; and where heads are, by a name of its own instead of as a cell and a move."""
    phases = Phases.of(r)
    layers: list[list[Hold]] = [[] for _ in range(phases.L)]
    registers = {"rest": "hpos_1"}
    for number, names in enumerate(cot_names(c, r)):
        layers[number] += [
            Hold(one.classes, registers.get(one.name, one.name), f"sign({one.name})")
            for one in names
            if one.number is not None
        ]
    for j in range(r + 2):
        for k in range(1, tapes + 1):
            where = f"(sign(x_{k}) if there else 0)" if j < r else f"sign(x_{k})"
            layers[phases.L1 + j - 1].append(Hold(("run",), f"hpos_{k}", where))
    for k in range(1, tapes + 1):
        layers[phases.L2 - 1].append(Hold(("run",), f"spos_{k}", f"sign(c_{k})"))
    layers[r + 1].append(Hold(("output",), "hpos_1", "sign(x_1)"))
    row = "ROWS of q " + " ".join(f"read_{k}" for k in range(1, tapes + 1))
    stepping = c.but(*(name for name in c.every if name not in ("einp", "esumm", "run", "epos")))
    layers[phases.L3 - 1].append(Hold(("epos",), "state", "sign(q)"))
    step = {"newstate": "sign(next)"}
    for k in range(1, tapes + 1):
        layers[phases.L3 - 1].append(Hold(stepping, f"read_{k}", f"sign(read_{k})"))
        step |= {f"newsym_{k}": f"sign(write_{k})", f"newmove_{k}": _move(k)}
    # Where a run stops, or a block begins, no step is shown; elsewhere there is a row.
    stops = " or ".join(("halted", f"tau = {r}", *(("cap != 0",) if "esumm" in c.every else ())))
    always = tuple(name for name in stepping if name != "run")
    for register, content in step.items():
        layers[phases.L3].append(Hold(always, register, content))
        layers[phases.L3].append(Hold(("run",), register, f"({content} if {row} else 0)"))
        layers[phases.L3 + 1].append(Hold(("run",), register, f"(0 if {stops} else {content})"))
    return layers


def _move(k: int) -> str:
    """The code of a move: L = (-1, -1), S = (+1, -1), R = (+1, +1)."""
    return f"(sign(0) if move_{k} = 'L' else (sign(1) if move_{k} = 'S' else sign(3)))"


def _addressing(c: Classes, k: int) -> tuple[str, ...]:
    return (*c.addressing, *READING) if k == 1 else c.addressing


def _writers(c: Classes, k: int, found: str, agrees: str) -> HeadCases:
    """All tokens that wrote the cell addressed on tape k and agree; the first token, if there are none."""
    ahead = dict.fromkeys((*(("input",) if k == 1 else ()), *c.cells), f"j.pos - 1 = x_{k}{agrees}")
    who, selects = _addressing(c, k), {"run": f"j.c_{k} = x_{k}{agrees}", **ahead}
    return [Case(who, found, selects, f"w_{k}", "1"), c.start(who, f"not ({found})"), c.start(c.but(*who))]


def _read(c: Classes, k: int) -> HeadCases:
    """The last token that wrote the cell."""
    who, writing = _addressing(c, k), ("run", *(("input",) if k == 1 else ()), *c.cells)
    selects = dict.fromkeys(writing, f"j.pos = w_{k}")
    last = Case(who, f"written_{k}", selects, f"w_{k}", f"sign(g_{k})")
    return [last, c.start(who, f"not written_{k}"), c.start(c.but(*who))]
