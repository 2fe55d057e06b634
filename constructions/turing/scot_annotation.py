"""What the heads of the summarized chain of thought select and receive, in the ghosts of `scot.theory`."""

from __future__ import annotations

from exactformer.constructions.theory import Case, HeadCases, Hold, Name
from exactformer.constructions.turing.cot_annotation import BEHIND_OUTP, Classes, cot_heads, cot_holds, cot_names
from exactformer.constructions.turing.registers import Phases

INSIDE = ("inp", "input", "oldsumm", "oldcell", "oldstate")
ENDS = ("einp", "esumm")
LATE = ("run", "block", "bit", "epos", *BEHIND_OUTP, "newsumm", "newcell", "newstate")
SHOWING = ("newsumm", "newcell")
SCOT = Classes(
    every=(*INSIDE, *ENDS, *LATE),
    first=("inp", "oldsumm"),
    addressing=(*ENDS, "run", "block", "epos", *SHOWING),
    cells=("oldcell",),
    apart=(*INSIDE, *ENDS, "bit", "epos"),
)


def annotate_scot(tapes: int, r: int) -> list[list[HeadCases]]:
    """The cases of every head: those of `write_cot`, then those of `write_scot`, in the order in which it adds them."""
    c, phases, ks = SCOT, Phases.of(r), range(1, tapes + 1)
    layers = cot_heads(c, tapes, r)
    for end, summary in (("einp", "not summary"), ("esumm", "summary")):
        there: dict[str, str] = {end: "true"}
        layers[1].append(
            [
                Case(LATE, summary, there, "e", "1"),
                c.all(LATE, f"not ({summary})"),
                Case((end,), "true", there, "e", "1"),
                c.all(c.but(end, *LATE)),
            ]
        )
    layers[2].append(
        [Case(LATE, "true", dict.fromkeys(ENDS, "true"), "e", "sign(e)"), c.start(ENDS), c.all(INSIDE)],
    )
    for k in ks:
        head = Case(("esumm",), "true", {"oldcell": f"j.h_{k} = '1'"}, f"x_{k} + 1", f"sign(x_{k})")
        layers[3].append([head, c.start(c.but("esumm"))])
    layers[3].append([Case(("esumm",), "true", {"oldstate": "true"}, "e - 1", "sign(q)"), c.start(c.but("esumm"))])
    layers[3].append(_from_newsumm(c, "sign(u)"))
    layers[4].append(
        [
            c.all(LATE, "cap = 0"),
            c.start(LATE, "cap = 1"),
            Case(LATE, "cap = 2", dict.fromkeys(LATE, "j.cap = 1"), "e + e + e + e", "1"),
            c.all(c.but(*LATE)),
        ]
    )
    layers[phases.L2].append(c.look_up("prev", (["newsumm"], "sign(q)")))
    layers[phases.L2 + 2].append(_from_newsumm(c, "sign(q)"))
    for k in ks:
        layers[phases.L2].append(c.look_up("prev", (["newsumm"], f"sign(y_{k})")))
        layers[phases.L2 + 2].append(
            [
                Case(SHOWING, f"shown_{k} = '1'", {"newsumm": "true"}, "u", "1"),
                c.start(SHOWING, f"shown_{k} = '0'"),
                c.start(c.but(*SHOWING)),
            ]
        )
    return [layers[number] for number in range(1, phases.L + 1)]


def holds_scot(tapes: int, r: int) -> list[list[Hold]]:
    """As in `cot_annotation`; also what is at position 4e, and which cell of a summary comes next."""
    layers = cot_holds(SCOT, tapes, r)
    layers[2].append(Hold(LATE, "length_cap", "(1 if cap = 1 else 0)"))
    layers[r + 2] += [Hold(SHOWING, f"hpos_{k}", f"sign(x_{k})") for k in range(1, tapes + 1)]
    return layers


def names_scot(r: int) -> list[list[Name]]:
    """Which names hold from after a layer on."""
    return cot_names(SCOT, r)


def _from_newsumm(c: Classes, value: str) -> HeadCases:
    """What the tokens of the next summary receive from its first."""
    behind = ("newcell", "newstate")
    return [
        Case(behind, "true", {"newsumm": "true"}, "u", value),
        c.start(("newsumm",)),
        c.all(c.but("newsumm", *behind)),
    ]
