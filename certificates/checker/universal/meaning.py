"""What a head is said to do: the field ``meaning`` of SPEC section 12, read strictly.

Words:
    entry     one case of a meaning: for some classes and conditions, what is selected, and what is received
    when      the conditions of an entry
    selected  which visible tokens; ``tape`` and ``low`` say ``writes x_tape at w_tape[low..]``
    there     tokens of which classes have such a token before them, or are one
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from exactformer.certificates.checker.document import (
    Json,
    Rejected,
    TooLarge,
    integer,
    items,
    members,
    quote,
    require_same,
    text,
)
from exactformer.certificates.checker.universal.annotation import Setting, require_fetched
from exactformer.certificates.checker.universal.classes import ALL, GHOSTS, LATE, NEW, PROMPT_ENDS, classes
from exactformer.certificates.checker.universal.contents import (
    SUMMARY,
    Bit,
    Condition,
    Content,
    Flag,
    Is,
    Number,
    Sizes,
    number,
)
from exactformer.certificates.checker.universal.grammar import read_condition, read_content, read_number
from exactformer.certificates.checker.universal.tokens import Known, known_flag, require_condition, require_sense
from exactformer.certificates.checker.weights import Head

MOST_CASES, MOST_CONDITIONS = 2**8, 8
"""Entries, and different conditions in those for one class."""
FURTHEST = 2**10
"""D of max(i - D, 0), where a position is selected: of all states between, one after the other is looked at."""


@dataclass(frozen=True)
class Selected:
    """``kind`` is ``every``, ``token`` (named ``token``), ``position`` (``number``), ``writes`` or ``head``."""

    kind: str
    token: str = ""
    number: Number | None = None
    tape: int = 0
    low: int | None = None


@dataclass(frozen=True)
class Entry:
    """One case; ``at`` is where it stands in the certificate."""

    at: str
    classes: tuple[str, ...]
    when: Known
    selected: Selected
    score: int
    value: Content
    nothing: bool

    def possible_classes(self, sizes: Sizes) -> Iterator[str]:
        """The classes, without those that rule the conditions out (SPEC 14.3, 18.4)."""
        for cls in self.classes:
            if not any(isinstance(c, Flag) and known_flag(c, cls, sizes) is (not truth) for c, truth in self.when):
                yield cls


@dataclass(frozen=True)
class Token:
    """A ``token ..``: the classes it is of; ``there``; what `when` must say for late classes (SPEC 12, 18.2)."""

    classes: frozenset[str]
    there: frozenset[str]
    needs: Known = ()


_FIRST, _OUTP = frozenset(("INP", "OLDSUMM")), Token(frozenset(("OUTP",)), GHOSTS["o"])
PLAIN = {"INP": Token(_FIRST, ALL), "OUTP": _OUTP}
SUMMARIZED = {
    "INP or OLDSUMM": Token(_FIRST, ALL),
    "OUTP": _OUTP,
    "EINP": Token(frozenset(("EINP",)), LATE | {"EINP"}, ((SUMMARY, False),)),
    "ESUMM": Token(frozenset(("ESUMM",)), LATE | {"ESUMM"}, ((SUMMARY, True),)),
    "EINP or ESUMM": Token(PROMPT_ENDS, LATE),
    "OLDSTATE": Token(frozenset(("OLDSTATE",)), frozenset(("ESUMM",))),
    "NEWSUMM": Token(frozenset(("NEWSUMM",)), NEW),
}


def tokens(sizes: Sizes) -> dict[str, Token]:
    """What may stand behind ``token``; the first is the token at position 0."""
    return SUMMARIZED if sizes.summarized else PLAIN


_SELECTED = re.compile(
    r"(?P<every>every token)|token (?P<token>.+)|position (?P<position>.+)|"
    r"writes x_(?P<tape>[1-9][0-9]{0,5})(?: at w_(?P<again>[1-9][0-9]{0,5})\[(?P<low>0|[1-9][0-9]{0,5})\.\.\])?|"
    r"cell of head (?P<head>[1-9][0-9]{0,5})",
    re.ASCII,
)


def read_meaning(at: str, value: Json, head: Head, layer: int, setting: Setting) -> list[Entry]:
    """The entries of a head's meaning, which cover every case of every class once (SPEC section 12)."""
    listed = items(at, value)
    if len(listed) > MOST_CASES:
        raise TooLarge(f"{at} has {len(listed)} entries; this checker goes through {MOST_CASES} of a head")
    entries = [_entry(f"{at}[{place}]", item, head, layer, setting) for place, item in enumerate(listed)]
    for cls in classes(setting.sizes):
        _require_one_each(at, cls, [entry.when for entry in entries if cls in entry.classes])
    return entries


def _require_one_each(at: str, cls: str, whens: list[Known]) -> None:
    conditions = list(dict.fromkeys(condition for when in whens for condition, _ in when))
    if len(conditions) > MOST_CONDITIONS:
        raise TooLarge(
            f"{at} has {len(conditions)} conditions for class {cls}; this checker combines {MOST_CONDITIONS}"
        )
    caps = [condition for condition in conditions if isinstance(condition, Is)]
    others = [condition for condition in conditions if condition not in caps]
    for cap, *truths in product(range(3) if caps else (0,), *((False, True) for _ in others)):
        case = dict(zip(others, truths, strict=True)) | {condition: condition.value == cap for condition in caps}
        fitting = sum(all(case[condition] == truth for condition, truth in when) for when in whens)
        if fitting != 1:
            raise Rejected(at, f"has {fitting} entries, not one, for a case of class {cls}")


def _entry(at: str, value: Json, head: Head, layer: int, setting: Setting) -> Entry:
    parts = members(at, value, "classes", "when", "selected", "score", "member", "value")
    sizes = setting.sizes
    named = tuple(text(f"{at}.classes", cls) for cls in items(f"{at}.classes", parts["classes"]))
    if not named or len(set(named)) != len(named) or not set(named) <= set(classes(sizes)):
        raise Rejected(f"{at}.classes", f"{quote(list(named))} is empty, or not a list of different classes")
    when = _when(f"{at}.when", parts["when"], named, sizes)
    under = frozenset(condition.name for condition, truth in when if isinstance(condition, Flag) and truth)
    said = text(f"{at}.value", parts["value"])
    selected = _selected(f"{at}.selected", parts["selected"], said, sizes)
    _require_there(at, selected, named, when, sizes)
    require_same(f"{at}.member", parts["member"], _member(selected, parts["selected"], sizes))
    content = read_content(f"{at}.value", said, sizes)
    for cls in named:
        require_sense(f"{at}.value", content, cls, len(head.out), sizes, under)
    require_fetched(f"{at}.value", content, len(head.out), layer, setting)
    score = integer(f"{at}.score", parts["score"], -(2**31), 2**31)
    return Entry(at, named, when, selected, score, content, said == "0")


def _require_there(at: str, selected: Selected, named: Sequence[str], when: Known, sizes: Sizes) -> None:
    """For these classes under these conditions, what is selected is there."""
    tape = selected.number.index if selected.number and selected.number.kind == "w" else selected.tape
    if selected.kind in ("writes", "position") and tape and (Flag(f"written_{tape}"), True) not in when:
        raise Rejected(f"{at}.selected", f"needs written_{tape} = 1 in `when`")
    there, needs = ALL, Known()
    if selected.kind == "token":
        there, needs = tokens(sizes)[selected.token].there, tokens(sizes)[selected.token].needs
    elif selected.kind == "head":
        there = frozenset(("ESUMM",))
    elif selected.number is not None and selected.number.kind == "4e":
        there, needs = LATE, ((Is(number("cap", 0, sizes), 2), True),)
    if not set(named) <= there or (not LATE.isdisjoint(named) and not set(needs) <= set(when)):
        raise Rejected(f"{at}.member", "is not there for all of these classes and conditions")


def _when(at: str, value: Json, named: Sequence[str], sizes: Sizes) -> Known:
    found: dict[Condition, bool] = {}
    for item in items(at, value):
        read = read_condition(text(at, item), sizes)
        if read is None or read[0] in found:
            raise Rejected(at, f"{quote(item)} is no condition, or there twice")
        found[read[0]] = read[1]
    for condition in found:
        match condition:
            case Flag(name) if name == "summary" or name.startswith(("written_", "here_")):
                pass
            case Is(what) if what.kind == "cap":
                pass
            case Bit(what) if found.get(Flag(f"written_{what.index}")):
                pass
            case _:
                raise Rejected(at, f"{quote(value)} has a condition that may not stand there")
        for cls in named:
            require_condition(
                at, condition, cls, sizes, frozenset(flag.name for flag in found if isinstance(flag, Flag))
            )
    return tuple(found.items())


def _selected(at: str, value: Json, received: str, sizes: Sizes) -> Selected:
    found = _SELECTED.fullmatch(text(at, value))
    if found is None:
        raise Rejected(at, f"{quote(value)} selects nothing that is known")
    if found["every"]:
        require_same(f"{at.rpartition('.')[0]}.value", received, "0")
        return Selected("every")
    if found["token"]:
        if found["token"] not in tokens(sizes):
            raise Rejected(at, f"{quote(value)} is none of {', '.join(tokens(sizes))}")
        return Selected("token", token=found["token"])
    if found["position"]:
        is_4e = sizes.summarized and found["position"] == "4e"
        where = number("4e", 0, sizes) if is_4e else read_number(found["position"], sizes)
        if where is not None and where.kind == "back" and where.index > FURTHEST:
            raise TooLarge(f"{at} is {where.index} tokens before; this checker goes back {FURTHEST}")
        if where is None or where.kind not in ("back", "w", "4e") or (where.kind == "w" and where.index > sizes.tapes):
            raise Rejected(at, f"{quote(value)} is none of the positions that are known")
        return Selected("position", number=where)
    tape = int(found["tape"] or found["head"])
    if tape > sizes.tapes or (found["again"] and int(found["again"]) != tape):
        raise Rejected(at, f"{quote(value)} is about no tape, or about two")
    return Selected("head" if found["head"] else "writes", tape=tape, low=int(found["low"]) if found["low"] else None)


def _member(selected: Selected, said: Json, sizes: Sizes) -> str:
    """What SPEC sections 12 and 18.2 give as the member that is always selected."""
    if selected.kind == "position":
        return text("selected", said).removeprefix("position ")
    by_tape = {"writes": f"w_{selected.tape}", "head": f"x_{selected.tape} + 1"}
    return by_tape.get(selected.kind) or selected.token or next(iter(tokens(sizes)))


def cell_written(cls: str, tape: int, sizes: Sizes) -> Number | None:
    """The cell of a tape that a token of this class writes (SPEC 14.3, 18.4)."""
    if cls == "RUN":
        return number("c", tape, sizes)
    return number("back", 1, sizes) if cls == "OLDCELL" or (cls == "INPUT" and tape == 1) else None


def may_select(selected: Selected, cls: str, sizes: Sizes) -> bool:
    """Whether tokens of this class may be selected."""
    match selected.kind:
        case "token":
            return cls in tokens(sizes)[selected.token].classes
        case "head":
            return cls == "OLDCELL"
        case "writes":
            return cell_written(cls, selected.tape, sizes) is not None
        case "position" if selected.number is not None and selected.number.kind == "w":
            return cell_written(cls, selected.number.index, sizes) is not None
        case "position" if selected.number is not None and selected.number.kind == "4e":
            return cls in LATE
    return True
