"""Contents in the classes of tokens: whether they make sense there, and what they are at a given state.

Words:
    known    conditions whose truth is given
    settled  a content without what the state and the known conditions decide
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from exactformer.certificates.checker.document import Rejected, quote
from exactformer.certificates.checker.universal.classes import BY_SUMMARY, STEPS, State, has, states
from exactformer.certificates.checker.universal.contents import (
    SUMMARY,
    ZERO,
    Bit,
    BitOfBlock,
    Choice,
    Code,
    Condition,
    Content,
    Flag,
    Is,
    Number,
    SameBits,
    Sizes,
    Step,
    number,
    parts,
)

Known: TypeAlias = tuple[tuple[Condition, bool], ...]


def require_sense(
    field: str, content: Content, cls: str, width: int, sizes: Sizes, under: frozenset[str] = frozenset()
) -> None:
    """The content has this width and uses only ghosts that the class has, where they are defined (SPEC 11.2).

    ``under`` names the flags that are known to be 1.
    """
    if isinstance(content, Choice):
        require_condition(field, content.condition, cls, sizes, under)
        met = {content.condition.name} if isinstance(content.condition, Flag) else set[str]()
        require_sense(field, content.then, cls, width, sizes, under | met)
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


def require_condition(field: str, condition: Condition, cls: str, sizes: Sizes, under: frozenset[str]) -> None:
    """The condition is about ghosts that the class has, where they are defined."""
    match condition:
        case Step(ghost) if STEPS.get(cls) != ghost:
            raise Rejected(field, f"speaks of {ghost}, which tokens of class {cls} do not have")
        case Flag(name):
            kind, _, tape = (name, "", "") if name == "has_entry" else name.partition("_")
            if not has(cls, kind, int(tape or 0), sizes):
                raise Rejected(field, f"speaks of {quote(name)}, which tokens of class {cls} do not have")
        case Bit(what) | Is(what):
            _require_number(field, what, cls, sizes, under)
        case SameBits(one, other):
            if not sizes.summarized:
                raise Rejected(field, "compares bits, which is for summarized chains of thought only")
            _require_number(field, one.number, cls, sizes, under)
            _require_number(field, other.number, cls, sizes, under)


def _require_number(field: str, what: Number, cls: str, sizes: Sizes, under: frozenset[str]) -> None:
    named = what.kind + (f"_{what.index}" if what.index else "")
    if not has(cls, what.kind, what.index, sizes):
        raise Rejected(field, f"speaks of {named}, which tokens of class {cls} do not have")
    needed = "has_entry" if what.kind.endswith("'") else f"written_{what.index}" if what.kind in "wg" else None
    if needed and needed not in under:
        raise Rejected(field, f"speaks of {named} where {needed} = 1 is not known")


def same_number(what: Number, cls: str, sizes: Sizes) -> Number:
    """The number by the name under which it goes in this class (SPEC 13.1, 14.5, 18.4)."""
    match cls, what.kind:
        case ("EINP", "q" | "x") | ("OUTP" | "NEWSUMM", "x"):
            return ZERO
        case ("OUTP", "o") | ("NEWSUMM", "u") | ("EINP" | "ESUMM", "e"):  # NEWSUMM is at u, the prompt's end at e
            return number("i", 0, sizes)
        case "OUTP", "i - o":
            return _own("i - i", what.index, sizes)
        case ("OUTPUT", "x") | ("NEWCELL", "x"):
            return number("i - o" if cls == "OUTPUT" else "i - u", sizes.r, sizes)
        case _, "i - o" | "i - u" | "i - i":
            return _own(what.kind, what.index, sizes)
    return what


def _own(kind: str, below: int, sizes: Sizes) -> Number:
    """Bits from r on are all 0."""
    if kind == "i - i" and below >= sizes.r:
        return ZERO
    return number(kind, min(below, sizes.r), sizes)


def addresses(cls: str, tape: int, sizes: Sizes) -> bool:
    """Whether tokens of this class have the ghost x_k."""
    return has(cls, "x", tape, sizes)


def known_flag(flag: Flag, cls: str, sizes: Sizes) -> bool | None:
    """What the class alone says about a flag (SPEC 14.3, 14.6, 18.4)."""
    if flag == SUMMARY:
        return BY_SUMMARY.get(cls)
    if flag.name == "has_entry" and cls in ("EINP", "ESUMM", "EPOS"):
        return True
    name, _, tape = flag.name.partition("_")
    return False if name == "written" and not addresses(cls, int(tape), sizes) else None


@lru_cache(maxsize=2**16)
def settle(content: Content, state: State, known: Known, sizes: Sizes) -> Content:
    """The content at a state, without what the state and ``known`` decide."""
    if isinstance(content, Choice):
        condition = _named(content.condition, state.cls, sizes)
        truth = _decided(condition, state, known, sizes)
        if truth is not None:
            return settle(content.then if truth else content.other, state, known, sizes)
        then = settle(content.then, state, (*known, (condition, True)), sizes)
        other = settle(content.other, state, (*known, (condition, False)), sizes)
        return then if then == other else Choice(condition, then, other)
    if isinstance(content, BitOfBlock):
        return Bit(same_number(content.number, state.cls, sizes), state.step + content.more)
    if isinstance(content, Code | Bit):
        return replace(content, number=same_number(content.number, state.cls, sizes))
    return content


def _named(condition: Condition, cls: str, sizes: Sizes) -> Condition:
    """The condition with its numbers by the names under which they go in this class."""
    if isinstance(condition, Bit | Is):
        return replace(condition, number=same_number(condition.number, cls, sizes))
    if isinstance(condition, SameBits):
        one, other = (replace(b, number=same_number(b.number, cls, sizes)) for b in (condition.one, condition.other))
        return SameBits(one, other)
    return condition


def _decided(condition: Condition, state: State, known: Known, sizes: Sizes) -> bool | None:
    told = dict(known).get(condition)
    if told is not None:
        return told
    match condition:
        case Step():
            return condition.holds(state.step)
        case Flag():
            return known_flag(condition, state.cls, sizes)
        case Bit(what, place) if place >= what.bits:
            return False
        case Is(what, value) if value >> what.bits:
            return False
        case Is(what) if what == ZERO:
            return True
        case Is(what) if any(truth and isinstance(other, Is) and other.number == what for other, truth in known):
            return False
        case SameBits(one, other) if one == other:
            return True
    return None


@lru_cache(maxsize=2**14)
def depends_on(content: Content) -> frozenset[Step | None]:
    """The conditions on the step in a content; None among them if ``[beta]`` makes every step differ."""
    found = frozenset(part for part in parts(content) if isinstance(part, Step))
    return found | {None} if any(isinstance(part, BitOfBlock) for part in parts(content)) else found


def versions(cls: str, contents: Iterable[Content], known: Known, sizes: Sizes) -> list[tuple[Content, ...]]:
    """What contents are at the states of a class, all together settled, each version once.

    Whoever goes through these has seen every state, as long as nothing else depends on the state.
    """
    contents = tuple(contents)
    conditions: frozenset[Step | None] = frozenset().union(*(depends_on(content) for content in contents))
    ordered, first = sorted(conditions, key=repr), dict[tuple[object, ...], State]()
    for state in states(cls, sizes.r):  # where these are alike, the contents are
        truth = tuple(state.step if step is None else step.holds(state.step) for step in ordered)
        first.setdefault(truth, state)
    return list(dict.fromkeys(tuple(settle(c, state, known, sizes) for c in contents) for state in first.values()))
