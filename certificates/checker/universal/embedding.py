"""SPEC 13.1, 18.3: what tokens are embedded as; and what the fields of tokens show of ghosts.

Words:
    values    of ghosts: a number, a bit of one (0 or 1) or a flag (0 or 1), and what it is
    field     of a family of tokens; with the ghosts that each choice of it shows
    expected  the integers that a content stands for once all ghosts in it have values
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.universal.annotation import Annotation, Held, Setting
from exactformer.certificates.checker.universal.assumptions import MOVE_CODES
from exactformer.certificates.checker.universal.classes import FAMILY, State, states
from exactformer.certificates.checker.universal.contents import (
    ZERO,
    Bit,
    Choice,
    Code,
    Condition,
    Constant,
    Content,
    Flag,
    Is,
    Number,
    flags,
    number,
    numbers,
)
from exactformer.certificates.checker.universal.tokens import settle
from exactformer.certificates.checker.weights import Family

Ghost: TypeAlias = Number | Flag | Bit
Values: TypeAlias = Mapping[Ghost, int]


def expected(content: Content, width: int, values: Values) -> list[int] | None:
    """The coordinates of a settled content; None if they depend on a ghost without a value."""
    if isinstance(content, Constant):
        return [content.value] * width
    if isinstance(content, Choice):
        truth = _truth(content.condition, values)
        return None if truth is None else expected(content.then if truth else content.other, width, values)
    if isinstance(content, Bit):
        bit = _bit(content, values)
        return None if bit is None else [2 * bit - 1]
    if isinstance(content, Code):
        bits = [_bit(Bit(content.number, place), values) for place in range(content.low, width)]
        return None if None in bits else [0] * content.low + [2 * bit - 1 for bit in bits if bit is not None]
    return None


def _bit(bit: Bit, values: Values) -> int | None:
    if bit in values or bit.place >= bit.number.bits:
        return values.get(bit, 0)
    return values[bit.number] >> bit.place & 1 if bit.number in values else None


def _truth(condition: Condition, values: Values) -> bool | None:
    found: int | None = None
    match condition:
        case Flag():
            found = values.get(condition)
        case Bit():
            found = _bit(condition, values)
        case Is(what, value):
            found = None if what not in values else int(values[what] == value)
    return None if found is None else bool(found)


@dataclass(frozen=True)
class Field:
    """A field of a family: for each choice, the vector's row and the values of ghosts."""

    name: str
    choices: dict[str, Values]

    @property
    def ghosts(self) -> set[Ghost]:
        """What a choice sets."""
        return {ghost for values in self.choices.values() for ghost in values}


FIXED: Values = {ZERO: 0}


def run_fields(setting: Setting, prime: str) -> list[Field]:
    """The fields of RUN and the ghosts that they show: q, halted, a_k, m_k, or q', a'_k, m'_k (SPEC 14.6)."""
    sizes, halting = setting.sizes, setting.machine.halting
    tapes, (state,) = range(1, sizes.tapes + 1), state_field("q" + prime, setting)
    if not prime:
        shown = {name: {**values, Flag("halted"): int(name == halting)} for name, values in state.choices.items()}
        state = Field(state.name, dict(shown))
    fields = [state, *(_field(f"written_{k}", number("a" + prime, k, sizes), symbols(setting)) for k in tapes)]
    return fields + [_field(f"moved_{k}", number("m" + prime, k, sizes), MOVE_CODES) for k in tapes]


def state_field(kind: str, setting: Setting) -> list[Field]:
    """The field of STATE, and of RUN, for q or q'."""
    codes = {name: place for place, name in enumerate(setting.machine.states)}
    return [_field("state", number(kind, 0, setting.sizes), codes)]


def symbols(setting: Setting) -> dict[str, int]:
    """The alphabet, with its indices."""
    return {name: place for place, name in enumerate(setting.machine.alphabet)}


def cell_fields(setting: Setting) -> list[Field]:
    """The fields of CELL and the ghosts that they show: a_k and h_k, tape by tape (SPEC 18.3)."""
    fields = list[Field]()
    for tape in range(1, setting.sizes.tapes + 1):
        fields.append(_field(f"symbol_{tape}", number("a", tape, setting.sizes), symbols(setting)))
        fields.append(_field(f"head_{tape}", Flag(f"h_{tape}"), {"0": 0, "1": 1}))
    return fields


def _field(name: str, ghost: Ghost, codes: Mapping[str, int]) -> Field:
    """A field that shows one ghost."""
    return Field(name, {choice: {ghost: code} for choice, code in codes.items()})


def bit_fields(kind: str, place: int, setting: Setting) -> list[Field]:
    """The fields of BIT, for bit ``place`` of x_k or y_k."""
    bits = {tape: Bit(number(kind, tape, setting.sizes), place) for tape in range(1, setting.sizes.tapes + 1)}
    return [_field(f"bit_{tape}", bit, {"-1": 0, "+1": 1}) for tape, bit in bits.items()]


def symbol_field(kind: str, tape: int, setting: Setting) -> list[Field]:
    """The field of SIGMA, for an input symbol s or g_1."""
    codes = {name: setting.machine.alphabet.index(name) for name in setting.machine.input}
    return [_field("symbol", number(kind, tape, setting.sizes), codes)]


def check_embedding(setting: Setting, annotation: Annotation, deadline: Deadline) -> None:
    """Section 13.1: every token's embedding is what is annotated, and pos is left to the position."""
    families = {family.name: family for family in setting.network.vocabulary}
    for cls, stages in annotation.stages.items():
        held = stages[0]
        if held["pos"] != Code(number("i", 0, setting.sizes), 0):
            raise Rejected(f"annotation.contents.{cls}.embedding.pos", "is not enc(i)")
        deadline.left(f"annotation.contents.{cls}.embedding")
        proved = set[tuple[object, ...]]()
        for state in states(cls, setting.sizes.r):
            family = FAMILY.get(cls, cls)
            fields = _fields(family, state, setting)
            settled = {name: settle(content, state, (), setting.sizes) for name, content in held.items()}
            shown = frozenset(ghost for field in fields for ghost in field.ghosts)
            if (shown, *settled.values()) not in proved:  # nothing else depends on the state
                _check_embedded(cls, families[family], settled, fields, setting)
                proved.add((shown, *settled.values()))


def _fields(family: str, state: State, setting: Setting) -> list[Field]:
    """The fields of a family and the ghosts that they show of a token in a state."""
    match family:
        case "RUN":
            return run_fields(setting, "")
        case "BIT":
            return bit_fields("y", state.step, setting)
        case "SIGMA":
            return symbol_field("s", 0, setting)
        case "CELL":
            return cell_fields(setting)
        case "STATE":
            return state_field("q", setting)
    return []


def _check_embedded(cls: str, family: Family, held: Held, fields: list[Field], setting: Setting) -> None:
    """It is enough to vary one field at a time, as contents that depend on one field are sums over fields, too."""
    contents = {name: content for name, content in held.items() if name != "pos"}
    at = f"annotation.contents.{cls}.embedding"
    for register, content in contents.items():
        ghosts = {*numbers(content), *flags(content)}
        if sum(any(getattr(ghost, "number", ghost) in ghosts for ghost in field.ghosts) for field in fields) > 1:
            raise Rejected(f"{at}.{register}", "depends on more than one field of the token")
    first = {field.name: next(iter(field.choices)) for field in fields}
    chosen = [first, *(first | {field.name: name} for field in fields for name in field.choices)]
    width = setting.network.width
    base, matrices = family.embedding.dense(width)[0], [field.embedding.dense(width) for field in family.fields]
    for choice in chosen:
        values, vector = dict(FIXED), base
        for field, own, rows in zip(fields, family.fields, matrices, strict=True):
            values |= field.choices[choice[field.name]]
            vector = vector + rows[own.values.index(choice[field.name])]
        if vector[: setting.network.r].any():
            raise Rejected("weights.vocabulary", f"the embedding of {family.name} is not 0 in pos")
        for register, content in contents.items():
            found = vector[list(setting.spans[register])].tolist()
            if expected(content, len(found), values) != found:
                raise Rejected(f"{at}.{register}", f"is not what tokens {family.name} {choice or ''} hold: {found}")
