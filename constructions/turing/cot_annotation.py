"""What the heads of the chain-of-thought construction select and receive, in the ghosts of `cot.theory`."""

from __future__ import annotations

from collections import defaultdict

from exactformer.constructions.theory import Case, HeadCases, Hold, Name
from exactformer.constructions.turing.registers import Phases

EVERY = ("inp", "input", "einp", "run", "block", "bit", "epos", "outp", "output", "eoutp")
ADDRESS = ("einp", "run", "block", "epos")
READING = ("outp", "output")


def but(*names: str) -> tuple[str, ...]:
    """All classes but these."""
    return tuple(name for name in EVERY if name not in names)


def annotate_cot(tapes: int, r: int) -> list[list[HeadCases]]:
    """The cases of every head, in the order in which `write_cot` adds them."""
    layers: dict[int, list[HeadCases]] = defaultdict(list)
    phases = Phases.of(r)
    ks = range(1, tapes + 1)
    everything = dict.fromkeys(EVERY, "true")
    late = ("outp", "output", "eoutp")
    layers[1].append([Case(but(*late), "true", everything, "0", "0"), Case(late, "true", {"outp": "true"}, "o", "1")])
    layers[2].append(
        [
            Case(but(*late), "true", everything, "0", "0"),
            Case(("outp",), "true", {"inp": "true"}, "0", "0"),
            Case(("output", "eoutp"), "true", {"outp": "true"}, "o", "sign(o)"),
        ]
    )
    for j in range(1, r // 2 + 1):
        for k in ks:
            for d in (2 * j - 1, 2 * j):
                bit = f"(1 if bit(x_{k}, {r - d}) else -1)"
                layers[j + 1].append(look_up(d, [(("epos",), bit), (but("epos", "inp"), "any"), (("inp",), "0")]))
    for j in range(1, r + 2):
        for k in ks:
            values = [
                (("run",), f"(sign(c_{k}) if tau <= {j} else 0)"),
                (("block",), f"sign(x_{k})" if j == r + 1 else "0"),
                (("inp", "input", "einp", "bit", "epos"), "0"),
                (late, "any"),
            ]
            layers[phases.L1 + j].append(look_up(1, values))
    for k in ks:
        layers[phases.L2 + 1].append(_writers(k, "", "1"))
    for step in range(r):
        b = r - 1 - step
        for k in ks:
            layers[phases.L2 + 1 + step].append(_writers(k, f" and drop(j.pos, {b}) = drop(w_{k}, {b})", "1", b))
    for p in range(1, r):
        for k in ks:
            spelled = f"((1 if bit(y_{k}, {p}) else -1) if beta = {p - 1} else 0)"
            layers[phases.L2 + p].append(look_up(p, [(("bit",), spelled), (but("bit"), "0")]))
    layers[phases.L2 + r - 1].append(
        look_up(r - 1, [(("run",), f"(1 if tau = {r} else 0)"), (but("run", "inp"), "any"), (("inp",), "0")])
    )
    layers[phases.L2 + r].append(look_up(r, [(("bit",), f"(1 if beta = {r - 1} else 0)"), (but("bit"), "0")]))
    for k in ks:
        layers[phases.L3].append(_read(k))
    layers[phases.L3].append(look_up(r + 2, [(("epos",), "sign(q)"), (but("epos", "inp"), "any"), (("inp",), "0")]))
    return [layers[number] for number in range(1, phases.L + 1)]


def holds_cot(tapes: int, r: int) -> list[list[Hold]]:
    """Where heads stand, by its own name instead of as a cell and a move."""
    phases = Phases.of(r)
    layers: list[list[Hold]] = [[] for _ in range(phases.L)]
    for register, distance in (("back1", 1), ("back2", 2), ("prev", 1)):
        layers[0].append(Hold(EVERY, register, f"sign(back_{distance})"))
    for j in range(1, r // 2):
        layers[j].append(Hold(EVERY, "back1", f"sign(back_{2 * j + 1})"))
        layers[j].append(Hold(EVERY, "back2", f"sign(back_{2 * j + 2})"))
    for p in range(r):
        layers[phases.L2 - 1 + p].append(Hold(EVERY, "ptr", f"sign(back_{p + 1})"))
    layers[phases.L2 - 1 + r].append(Hold(EVERY, "ptr", f"sign(back_{r + 2})"))
    for j in range(1, r + 2):
        for k in range(1, tapes + 1):
            where = f"(sign(x_{k}) if tau <= {j} else 0)" if j < r else f"sign(x_{k})"
            layers[phases.L1 + j - 1].append(Hold(("run",), f"hpos_{k}", where))
    for k in range(1, tapes + 1):
        layers[phases.L2 - 1].append(Hold(("run",), f"spos_{k}", f"sign(c_{k})"))
    layers[r + 1].append(Hold(("output",), "hpos_1", "sign(x_1)"))
    return layers


def names_cot(r: int) -> list[Name]:
    """Where look-ups look: back_d is d tokens before, or the first."""
    return [Name(EVERY, f"back_{d}", f"pos - {d}") for d in range(1, r + 3)]


def look_up(distance: int, values: list[tuple[tuple[str, ...], str]]) -> HeadCases:
    """The token so far before, or the first; and what it holds, by class."""
    there = dict.fromkeys(EVERY, f"j.pos = back_{distance}")
    return [Case(classes, "true", there, f"pos - {distance}", value) for classes, value in values]


def _writers(k: int, agrees: str, value: str, b: int | None = None) -> HeadCases:
    """All that wrote the cell that is addressed on tape k; INP, where there is none, or the one that is looked for has
    not bit b."""
    selects = {"run": f"j.c_{k} = x_{k}{agrees}"} | ({"input": f"j.pos - 1 = x_1{agrees}"} if k == 1 else {})
    who = (*ADDRESS, *READING) if k == 1 else ADDRESS
    found = f"written_{k}" if b is None else f"written_{k} and bit(w_{k}, {b})"
    return [
        Case(who, found, selects, f"w_{k}", value),
        Case(who, f"not ({found})", {"inp": "true"}, "0", "0"),
        Case(but(*who), "true", {"inp": "true"}, "0", "0"),
    ]


def _read(k: int) -> HeadCases:
    who = (*ADDRESS, *READING) if k == 1 else ADDRESS
    there = f"j.pos = w_{k}"
    return [
        Case(who, f"written_{k}", {"run": there} | ({"input": there} if k == 1 else {}), f"w_{k}", f"sign(g_{k})"),
        Case(who, f"not written_{k}", {"inp": "true"}, "0", "0"),
        Case(but(*who), "true", {"inp": "true"}, "0", "0"),
    ]
