"""What a head is said to do: the field ``meaning`` of SPEC section 12, read strictly.

Words:
    entry     one case of a meaning: for some classes and conditions, what is selected, and what is received
    when      the conditions of an entry
    selected  which visible tokens; ``tape`` and ``low`` say ``writes x_tape at w_tape[low..]``
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from certificates.checker.document import Json, Rejected, integer, items, members, quote, require_same, text
from certificates.checker.universal.annotation import Setting, require_fetched
from certificates.checker.universal.contents import (
    Bit,
    Condition,
    Content,
    Flag,
    Number,
    number,
    read_condition,
    read_content,
    read_number,
)
from certificates.checker.universal.tokens import CLASSES, SEES_OUTP, known_flag, require_flag, require_sense
from certificates.checker.weights import Head

MOST_CONDITIONS = 8
"""Different conditions in the entries for one class."""


@dataclass(frozen=True)
class Selected:
    """``kind`` is ``every``, ``token`` (of class ``token``), ``position`` (``number``) or ``writes``."""

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
    when: tuple[tuple[Condition, bool], ...]
    selected: Selected
    score: int
    value: Content
    nothing: bool

    def possible(self, cls: str) -> bool:
        """Whether the class alone does not rule the conditions out (SPEC 14.3)."""
        return not any(isinstance(c, Flag) and known_flag(c, cls) is (not truth) for c, truth in self.when)


_SELECTED = re.compile(
    r"(?P<every>every token)|token (?P<token>INP|OUTP)|position (?P<position>.+)|"
    r"writes x_(?P<tape>[1-9][0-9]{0,5})(?: at w_(?P<again>[1-9][0-9]{0,5})\[(?P<low>0|[1-9][0-9]{0,5})\.\.\])?",
    re.ASCII,
)


def read_meaning(at: str, value: Json, head: Head, layer: int, setting: Setting) -> list[Entry]:
    """The entries of a head's meaning, which cover every case of every class once (SPEC section 12)."""
    entries = [_entry(f"{at}[{place}]", item, head, layer, setting) for place, item in enumerate(items(at, value))]
    for cls in CLASSES:
        _require_one_each(at, cls, [entry.when for entry in entries if cls in entry.classes])
    return entries


def _require_one_each(at: str, cls: str, whens: list[tuple[tuple[Condition, bool], ...]]) -> None:
    conditions = list(dict.fromkeys(condition for when in whens for condition, _ in when))
    if len(conditions) > MOST_CONDITIONS:
        raise Rejected(at, f"has more than {MOST_CONDITIONS} conditions for class {cls}")
    for truths in product((False, True), repeat=len(conditions)):
        case = dict(zip(conditions, truths, strict=True))
        fitting = sum(all(case[condition] == truth for condition, truth in when) for when in whens)
        if fitting != 1:
            raise Rejected(at, f"has {fitting} entries, not one, for a case of class {cls}")


def _entry(at: str, value: Json, head: Head, layer: int, setting: Setting) -> Entry:
    parts = members(at, value, "classes", "when", "selected", "score", "member", "value")
    classes = tuple(text(f"{at}.classes", cls) for cls in items(f"{at}.classes", parts["classes"]))
    if not classes or len(set(classes)) != len(classes) or not set(classes) <= set(CLASSES):
        raise Rejected(f"{at}.classes", f"{quote(list(classes))} is empty, or not a list of different classes")
    when = _when(f"{at}.when", parts["when"], classes, setting)
    under = frozenset(condition.name for condition, truth in when if isinstance(condition, Flag) and truth)
    said = text(f"{at}.value", parts["value"])
    selected = _selected(f"{at}.selected", parts["selected"], said, setting)
    tape = selected.tape or (selected.number.index if selected.number and selected.number.kind == "w" else 0)
    if tape and f"written_{tape}" not in under:
        raise Rejected(f"{at}.selected", f"needs written_{tape} = 1 in `when`")
    if selected.token == "OUTP" and not set(classes) <= set(SEES_OUTP):
        raise Rejected(f"{at}.member", "not all of these classes see OUTP")
    require_same(f"{at}.member", parts["member"], _member(selected, parts["selected"]))
    content = read_content(f"{at}.value", said, setting.sizes)
    for cls in classes:
        require_sense(f"{at}.value", content, cls, len(head.out), setting.sizes, under)
    require_fetched(f"{at}.value", content, len(head.out), layer, setting)
    score = integer(f"{at}.score", parts["score"], -(2**31), 2**31)
    return Entry(at, classes, when, selected, score, content, said == "0")


def _when(at: str, value: Json, classes: Sequence[str], setting: Setting) -> tuple[tuple[Condition, bool], ...]:
    found: dict[Condition, bool] = {}
    for item in items(at, value):
        read = read_condition(text(at, item), setting.sizes)
        if read is None or read[0] in found:
            raise Rejected(at, f"{quote(item)} is no condition, or there twice")
        found[read[0]] = read[1]
    for condition in found:
        match condition:
            case Flag(name) if name.startswith("written_"):
                for cls in classes:
                    require_flag(at, condition, cls, setting.sizes.tapes)
            case Bit(what, _) if found.get(Flag(f"written_{what.index}")):
                pass
            case _:
                raise Rejected(at, f"{quote(value)} has a condition that may not stand there")
    return tuple(found.items())


def _selected(at: str, value: Json, received: str, setting: Setting) -> Selected:
    found, tapes = _SELECTED.fullmatch(text(at, value)), setting.sizes.tapes
    if found is None:
        raise Rejected(at, f"{quote(value)} selects nothing that is known")
    if found["every"]:
        require_same(f"{at.rpartition('.')[0]}.value", received, "0")
        return Selected("every")
    if found["token"]:
        return Selected("token", token=found["token"])
    if found["position"]:
        where = read_number(found["position"], setting.sizes)
        if (
            where is None
            or where.kind not in ("back", "w")
            or (where.kind == "w" and where.index > setting.sizes.tapes)
        ):
            raise Rejected(at, f"{quote(value)} is not a position max(i - D, 0) or w_K")
        return Selected("position", number=where)
    tape = int(found["tape"])
    if tape > tapes or (found["again"] and int(found["again"]) != tape):
        raise Rejected(at, f"{quote(value)} is about no tape, or about two")
    return Selected("writes", tape=tape, low=int(found["low"]) if found["low"] else None)


def _member(selected: Selected, said: Json) -> str:
    """What SPEC section 12 gives as the member that is always selected."""
    if selected.kind == "position":
        return text("selected", said).removeprefix("position ")
    return f"w_{selected.tape}" if selected.kind == "writes" else selected.token or "INP"


def cell_written(cls: str, tape: int, setting: Setting) -> Number | None:
    """The cell of a tape that a token of this class writes (SPEC 14.3)."""
    if cls == "RUN":
        return number("c", tape, setting.sizes)
    return number("back", 1, setting.sizes) if cls == "INPUT" and tape == 1 else None


def may_select(selected: Selected, cls: str, setting: Setting) -> bool:
    """Whether tokens of this class may be selected."""
    if selected.kind == "token":
        return cls == selected.token
    if selected.kind == "writes":
        return cell_written(cls, selected.tape, setting) is not None
    if selected.number is not None and selected.number.kind == "w":
        return cell_written(cls, selected.number.index, setting) is not None
    return True
