"""Classes of tokens as tables: what follows what, which ghosts they have (SPEC 11.1, 14.1, 18.1, 18.4).

Words:
    class       INP, INPUT, .. EOUTP; for summarized chains of thought those of SPEC 18.1 as well
    state       a class, and tau of RUN or beta of BIT (else 0)
    late        behind the prompt of a summarized chain of thought
    before      the states that the token D before a token may have; the first token stands for all before position 0
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from exactformer.certificates.checker.universal.contents import Sizes

_FOLLOWING = {
    "INP": "INPUT EINP",
    "INPUT": "INPUT EINP",
    "EINP": "RUN",
    "RUN": "RUN POS OUTP",
    "POS": "BIT",
    "BIT": "BIT EPOS",
    "EPOS": "RUN",
    "OUTP": "OUTPUT EOUTP",
    "OUTPUT": "OUTPUT EOUTP",
    "EOUTP": "",
}
_FOLLOWING_SUMMARIZED = {
    **_FOLLOWING,
    "RUN": "RUN POS OUTP NEWSUMM",
    "OLDSUMM": "OLDCELL",
    "OLDCELL": "OLDCELL OLDSTATE",
    "OLDSTATE": "ESUMM",
    "ESUMM": "RUN",
    "NEWSUMM": "NEWCELL",
    "NEWCELL": "NEWCELL NEWSTATE",
    "NEWSTATE": "",
}
ALL = frozenset(_FOLLOWING_SUMMARIZED)
FAMILY = {"INPUT": "SIGMA", "OUTPUT": "SIGMA"}
FAMILY |= {age + name: name for name in ("SUMM", "CELL", "STATE") for age in ("OLD", "NEW")}
"""The family of a class, where the two differ in name."""

_LATE = "RUN POS BIT EPOS OUTP OUTPUT EOUTP NEWSUMM NEWCELL NEWSTATE"
_GHOSTS = {
    "q": "RUN EINP EPOS ESUMM OLDSTATE NEWSUMM NEWCELL NEWSTATE",
    "has_entry": "RUN EINP EPOS ESUMM OLDSTATE NEWSTATE",
    "halted": "RUN",
    "a": "RUN OLDCELL NEWCELL",
    "h": "OLDCELL NEWCELL",
    "m": "RUN",
    "c": "RUN",
    "x": "RUN EINP POS EPOS ESUMM NEWSUMM NEWCELL",
    "y": "BIT NEWSUMM NEWCELL",
    "here": "NEWSUMM NEWCELL",
    "s": "INPUT OUTPUT",
    "o": "OUTP OUTPUT EOUTP",
    "u": "NEWCELL NEWSTATE",
    "e": _LATE,
    "cap": _LATE,
}
GHOSTS = {kind: frozenset(of.split()) for kind, of in _GHOSTS.items()}
"""Which classes have a ghost; OUTP and OUTPUT have x_1 besides. All have i, blank, written_k and summary."""
LATE = GHOSTS["e"]
NEW = frozenset(("NEWSUMM", "NEWCELL", "NEWSTATE"))
PROMPT_ENDS = frozenset(("EINP", "ESUMM"))
ONCE = frozenset(("INP", "EINP", "OUTP", "OLDSUMM", "OLDSTATE", "ESUMM", "NEWSUMM", "NEWSTATE"))
"""At most one token of a segment is of such a class."""
BY_SUMMARY = dict.fromkeys(("INP", "INPUT", "EINP"), False)
BY_SUMMARY |= dict.fromkeys(("OLDSUMM", "OLDCELL", "OLDSTATE", "ESUMM"), True)
"""Classes that occur with one value of ``summary`` only."""
STEPS = {"RUN": "tau", "BIT": "beta"}
ON_TAPES = frozenset(("a", "a'", "m", "m'", "c", "x", "w", "g", "y", "written", "here", "h"))
SUMMARIZED_ONLY = frozenset(("e", "cap", "summary", "i - i"))
"""What plain chains of thought do not have, though their classes occur there."""


def classes(sizes: Sizes) -> tuple[str, ...]:
    """All classes."""
    return tuple(_FOLLOWING_SUMMARIZED if sizes.summarized else _FOLLOWING)


def has(cls: str, kind: str, index: int, sizes: Sizes) -> bool:
    """Whether tokens of a class have a ghost, or a number made of ghosts (SPEC 11.1, 18.1).

    w_k, g_k, q', a'_k, m'_k need written_k = 1 or has_entry = 1 besides.
    """
    if (kind in ON_TAPES and not 1 <= index <= sizes.tapes) or (kind in SUMMARIZED_ONLY and not sizes.summarized):
        return False
    if kind in ("i", "back", "blank", "i - i", "w", "g", "written", "summary"):
        return True
    if kind in ("q'", "a'", "m'"):
        return cls in GHOSTS["has_entry"]
    if kind == "x" and index == 1 and cls in ("OUTP", "OUTPUT"):
        return True
    return cls in GHOSTS[kind.removeprefix("i - ")]


@dataclass(frozen=True)
class State:
    """The state of a token; ``step`` is tau or beta, else 0."""

    cls: str
    step: int


def states(cls: str, r: int) -> list[State]:
    """All states of a class."""
    return [State(cls, step) for step in {"RUN": range(1, r + 1), "BIT": range(r)}.get(cls, range(1))]


@cache
def successors(state: State, sizes: Sizes) -> frozenset[State]:
    """SPEC 14.1, 18.4: what may follow, whatever the ghosts."""
    table = _FOLLOWING_SUMMARIZED if sizes.summarized else _FOLLOWING
    return frozenset(
        following
        for cls in table[state.cls].split()
        for following in states(cls, sizes.r)
        if _in_step(state, following, sizes.r)
    )


def _in_step(state: State, following: State, r: int) -> bool:
    """RUN follows RUN with tau one larger, else with tau = 1; POS follows the last of r. BIT likewise, from 0 on."""
    match state.cls, following.cls:
        case ("RUN", "RUN") | ("BIT", "BIT"):
            return following.step == state.step + 1
        case "RUN", "POS":
            return state.step == r
        case "BIT", "EPOS":
            return state.step == r - 1
    return following.step == {"RUN": 1}.get(following.cls, 0)


@lru_cache(maxsize=2**13)
def before(state: State, back: int, sizes: Sizes) -> frozenset[State]:
    """The states that the token ``back`` before one in ``state`` may have (SPEC 13.4)."""
    found = frozenset({state})
    for _ in range(back):
        found = frozenset(earlier for later in found for earlier in _predecessors(later, sizes))
    return found


@cache
def _predecessors(state: State, sizes: Sizes) -> frozenset[State]:
    if state.cls in ("INP", "OLDSUMM"):
        return frozenset({state})
    every = (other for cls in classes(sizes) for other in states(cls, sizes.r))
    return frozenset(other for other in every if state in successors(other, sizes))


@cache
def seen_by(cls: str, sizes: Sizes) -> tuple[str, ...]:
    """The classes of the tokens that a token of this class sees, its own included."""
    reached, waiting = set[State](), states(cls, sizes.r)
    while waiting:
        for earlier in _predecessors(waiting.pop(), sizes) - reached:
            reached.add(earlier)
            waiting.append(earlier)
    return tuple(other for other in classes(sizes) if other == cls or other in {state.cls for state in reached})
