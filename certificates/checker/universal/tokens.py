"""Tokens of a chain of thought, as far as SPEC 11.1 and 14.1 tell them apart; contents at a given state.

Words:
    class     INP, INPUT, .. EOUTP
    state     a class, and tau of RUN or beta of BIT (else 0)
    before    the states that the token D before a token may have; INP stands for all before position 0
    known     conditions whose truth is given
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from certificates.checker.document import Rejected, quote
from certificates.checker.universal.contents import (
    ZERO,
    Bit,
    BitOfBlock,
    Choice,
    Code,
    Condition,
    Content,
    Flag,
    IsZero,
    Number,
    Sizes,
    Step,
    number,
    parts,
)

CLASSES = ("INP", "INPUT", "EINP", "RUN", "POS", "BIT", "EPOS", "OUTP", "OUTPUT", "EOUTP")
STEPS = {"RUN": "tau", "BIT": "beta"}
DECIDES = ("RUN", "EINP", "EPOS")
"""Classes with the ghosts q, has_entry, q', a'_k, m'_k."""
SEES_OUTP = ("OUTP", "OUTPUT", "EOUTP")


@dataclass(frozen=True)
class State:
    """The state of a token; ``step`` is tau or beta, else 0."""

    cls: str
    step: int


def states(cls: str, r: int) -> list[State]:
    """All states of a class."""
    return [State(cls, step) for step in {"RUN": range(1, r + 1), "BIT": range(r)}.get(cls, range(1))]


@cache
def successors(state: State, r: int) -> frozenset[State]:
    """SPEC 14.1."""
    first, output = State("RUN", 1), frozenset({State("OUTPUT", 0), State("EOUTP", 0)})
    match state.cls:
        case "INP" | "INPUT":
            return frozenset({State("INPUT", 0), State("EINP", 0)})
        case "EINP" | "EPOS":
            return frozenset({first})
        case "RUN":
            return frozenset({State("OUTP", 0), State("RUN", state.step + 1) if state.step < r else State("POS", 0)})
        case "POS":
            return frozenset({State("BIT", 0)})
        case "BIT":
            return frozenset({State("BIT", state.step + 1) if state.step + 1 < r else State("EPOS", 0)})
        case "OUTP" | "OUTPUT":
            return output
    return frozenset()


@cache
def before(state: State, back: int, r: int) -> frozenset[State]:
    """The states that the token ``back`` before one in ``state`` may have (SPEC 13.4)."""
    if back == 0:
        return frozenset({state})
    return frozenset(earlier for later in before(state, back - 1, r) for earlier in _predecessors(later, r))


@cache
def _predecessors(state: State, r: int) -> frozenset[State]:
    if state.cls == "INP":
        return frozenset({state})
    return frozenset(other for cls in CLASSES for other in states(cls, r) if state in successors(other, r))


@cache
def seen_by(cls: str, r: int) -> tuple[str, ...]:
    """The classes of the tokens that a token of this class sees, its own included."""
    reached, waiting = set[State](), states(cls, r)
    while waiting:
        for earlier in _predecessors(waiting.pop(), r) - reached:
            reached.add(earlier)
            waiting.append(earlier)
    return tuple(other for other in CLASSES if other == cls or other in {state.cls for state in reached})


def addresses(cls: str, tape: int) -> bool:
    """Whether tokens of this class have the ghost x_k."""
    return cls in ("EINP", "RUN", "POS", "EPOS") or (cls in ("OUTP", "OUTPUT") and tape == 1)


def has(cls: str, kind: str, index: int, tapes: int) -> bool:
    """Whether tokens of this class have a number (SPEC 11.1); w_k and g_k need written_k = 1 besides."""
    on_a_tape = 1 <= index <= tapes
    match kind:
        case "i" | "back" | "blank":
            return True
        case "w" | "g":
            return on_a_tape
        case "q" | "q'":
            return cls in DECIDES
        case "a'" | "m'":
            return cls in DECIDES and on_a_tape
        case "a" | "m" | "c":
            return cls == "RUN" and on_a_tape
        case "x":
            return on_a_tape and addresses(cls, index)
        case "y":
            return cls == "BIT" and on_a_tape
        case "s":
            return cls in ("INPUT", "OUTPUT")
    return cls in SEES_OUTP  # o, i - (o mod 2^B)


def require_sense(
    field: str, content: Content, cls: str, width: int, sizes: Sizes, under: frozenset[str] = frozenset()
) -> None:
    """The content has this width and uses only ghosts that the class has, where they are defined (SPEC 11.2).

    ``under`` names the flags that are known to be 1.
    """
    if isinstance(content, Choice):
        condition = content.condition
        if isinstance(condition, Step) and STEPS.get(cls) != condition.ghost:
            raise Rejected(field, f"speaks of {condition.ghost}, which tokens of class {cls} do not have")
        if isinstance(condition, Flag):
            require_flag(field, condition, cls, sizes.tapes)
            require_sense(field, content.then, cls, width, sizes, under | {condition.name})
        else:
            if isinstance(condition, Bit | IsZero):
                _require_number(field, condition.number, cls, sizes, under)
            require_sense(field, content.then, cls, width, sizes, under)
        require_sense(field, content.other, cls, width, sizes, under)
        return
    if isinstance(content, Code | Bit | BitOfBlock):
        _require_number(field, content.number, cls, sizes, under)
    if isinstance(content, BitOfBlock) and cls != "BIT":
        raise Rejected(field, f"speaks of beta, which tokens of class {cls} do not have")
    if isinstance(content, Code) and content.number.bits > width:
        raise Rejected(field, f"needs {content.number.bits} coordinates, but there are {width}")
    if isinstance(content, Code) and content.number.kind.startswith("m") and width != 2:
        raise Rejected(field, f"enc_move has 2 coordinates, but there are {width}")
    if isinstance(content, Bit | BitOfBlock) and width != 1:
        raise Rejected(field, f"is one bit, but there are {width} coordinates")


def _require_number(field: str, what: Number, cls: str, sizes: Sizes, under: frozenset[str]) -> None:
    named = what.kind + (f"_{what.index}" if what.index else "")
    if not has(cls, what.kind, what.index, sizes.tapes):
        raise Rejected(field, f"speaks of {named}, which tokens of class {cls} do not have")
    needed = "has_entry" if what.kind.endswith("'") else f"written_{what.index}" if what.kind in "wg" else None
    if needed and needed not in under:
        raise Rejected(field, f"speaks of {named} where {needed} = 1 is not known")


def require_flag(field: str, flag: Flag, cls: str, tapes: int) -> None:
    """Tokens of this class have this ghost."""
    names = {f"written_{tape}" for tape in range(1, tapes + 1)}
    names |= {"has_entry"} if cls in DECIDES else set()
    names |= {"halted"} if cls == "RUN" else set()
    if flag.name not in names:
        raise Rejected(field, f"speaks of {quote(flag.name)}, which tokens of class {cls} do not have")


def same_number(what: Number, cls: str, sizes: Sizes) -> Number:
    """The number by the name under which it goes in this class (SPEC 13.1, 14.5)."""
    if (cls == "EINP" and what.kind in ("q", "x")) or (cls == "OUTP" and what.kind == "x"):
        return ZERO
    if cls == "OUTP" and what.kind == "o":
        return number("i", 0, sizes)
    if (cls == "OUTPUT" and what.kind == "x") or (what.kind == "i - o" and what.index > sizes.r):
        return number("i - o", sizes.r, sizes)
    return what


def known_flag(flag: Flag, cls: str) -> bool | None:
    """What the class alone says about a flag (SPEC 14.3, 14.6)."""
    if flag.name == "has_entry" and cls in ("EINP", "EPOS"):
        return True
    name, _, tape = flag.name.partition("_")
    return False if name == "written" and not addresses(cls, int(tape)) else None


@cache
def settle(content: Content, state: State, known: tuple[tuple[Condition, bool], ...], sizes: Sizes) -> Content:
    """The content at a state, without what the state and ``known`` decide."""
    if isinstance(content, Choice):
        condition = content.condition
        if isinstance(condition, Bit | IsZero):
            condition = replace(condition, number=same_number(condition.number, state.cls, sizes))
        truth = dict(known).get(condition)
        match condition:
            case Step():
                truth = condition.holds(state.step)
            case Flag() if truth is None:
                truth = known_flag(condition, state.cls)
            case Bit(what, place) if place >= what.bits:
                truth = False
            case IsZero(what) if what == ZERO:
                truth = True
        if truth is not None:
            return settle(content.then if truth else content.other, state, known, sizes)
        then = settle(content.then, state, (*known, (condition, True)), sizes)
        other = settle(content.other, state, (*known, (condition, False)), sizes)
        return then if then == other else Choice(condition, then, other)
    if isinstance(content, BitOfBlock):
        return Bit(same_number(content.number, state.cls, sizes), state.step + content.more)
    if isinstance(content, Code):
        return Code(same_number(content.number, state.cls, sizes), content.low)
    if isinstance(content, Bit):
        return Bit(same_number(content.number, state.cls, sizes), content.place)
    return content


@cache
def depends_on(content: Content) -> frozenset[Step | None]:
    """The conditions on the step in a content; None among them if ``[beta]`` makes every step differ."""
    found = frozenset(part for part in parts(content) if isinstance(part, Step))
    return found | {None} if any(isinstance(part, BitOfBlock) for part in parts(content)) else found


def alike(cls: str, contents: Iterable[Content], r: int) -> list[list[State]]:
    """The states of a class, those together at which none of the contents can differ."""
    conditions: frozenset[Step | None] = frozenset().union(*(depends_on(content) for content in contents))
    groups: dict[tuple[object, ...], list[State]] = {}
    for state in states(cls, r):
        truth = tuple(state.step if step is None else step.holds(state.step) for step in sorted(conditions, key=repr))
        groups.setdefault(truth, []).append(state)
    return list(groups.values())
