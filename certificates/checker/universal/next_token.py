"""SPEC 13.6: behind the last layer, the token that follows is the unique best one, by the annotated margin.

What is read off is a sum: a fixed vector, and for every field of the next token a vector that depends on the choice
of this field only. A family's score is then a sum over fields, too, and the least margin over another family is a
sum of least margins, one per field.

Words:
    coming  what may follow a token in one case: a family, and the ghosts that the choices of its fields show
    shown   for every field and choice, the vector of the registers that depend on it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge, require_same
from exactformer.certificates.checker.universal.annotation import Annotation, Held, Setting
from exactformer.certificates.checker.universal.classes import State, states
from exactformer.certificates.checker.universal.contents import Content, Flag, Is, number
from exactformer.certificates.checker.universal.embedding import (
    FIXED,
    Field,
    Ghost,
    Values,
    bit_fields,
    expected,
    run_fields,
    state_field,
    symbol_field,
    symbols,
)
from exactformer.certificates.checker.universal.tokens import Known, settle
from exactformer.certificates.checker.weights import Family, Ints, Sparse

MOST_TAPES = 6
"""Of summaries: each cell may be written or not, and hold a head or not, on every tape."""
Shown: TypeAlias = dict[str, dict[str, Ints]]


@dataclass(frozen=True)
class Coming:
    """A case: the family that follows if some conditions hold and some ghosts have these values."""

    family: str
    fields: list[Field]
    known: Known = ()
    also: tuple[tuple[Ghost, int], ...] = ()

    @property
    def values(self) -> Values:
        """What ghosts have the same value whatever follows."""
        return {**FIXED, **dict(self.also)}


def following(state: State, setting: Setting) -> list[Coming]:
    """SPEC 14.1, 14.6, 18.4: what may follow a token that the model has to continue; nothing for the others."""
    sizes, halted, written = setting.sizes, Flag("halted"), Flag("written_1")
    match state.cls:
        case "EINP" | "EPOS" | "ESUMM":
            return [Coming("RUN", run_fields(setting, "'"))]
        case "RUN":
            caps = [Is(number("cap", 0, sizes), value) for value in range(3)] if sizes.summarized else []
            going_on: Known = ((halted, False), *((cap, True) for cap in caps[:1]), (Flag("has_entry"), True))
            more = Coming("RUN", run_fields(setting, "'"), going_on)
            more = more if state.step < sizes.r else Coming("POS", [], going_on)
            full = [Coming("SUMM", [], ((halted, False), (cap, True))) for cap in caps[1:]]
            return [more, *full, Coming("OUTP", [], ((halted, True),))]
        case "POS":
            return [Coming("BIT", bit_fields("x", 0, setting))]
        case "BIT" if state.step + 1 < sizes.r:
            return [Coming("BIT", bit_fields("y", state.step + 1, setting))]
        case "BIT":
            return [Coming("EPOS", [])]
        case "OUTP" | "OUTPUT":
            g = number("g", 1, sizes)
            return [
                Coming("EOUTP", [], ((written, False),)),
                Coming("EOUTP", [], ((written, True),), ((g, 0),)),
                Coming("SIGMA", symbol_field("g", 1, setting), ((written, True), (Is(g, 0), False))),
            ]
        case "NEWSUMM" | "NEWCELL":
            return list(_cells(setting))
        case "NEWSTATE":
            return [Coming("ESUMM", [])]
    return []


def _cells(setting: Setting) -> Iterator[Coming]:
    """The next cell of a summary, if it was written or a head is there, on some tape; else the state (SPEC 18.4)."""
    sizes, blank = setting.sizes, setting.machine.alphabet[0]
    if sizes.tapes > MOST_TAPES:
        raise TooLarge(
            f"the machine has {sizes.tapes} tapes; summaries of up to {MOST_TAPES} are gone through, case by case"
        )
    tapes = range(1, sizes.tapes + 1)
    flags = [Flag(f"{name}_{tape}") for tape in tapes for name in ("written", "here")]
    for truths in product((False, True), repeat=len(flags)):
        known, fields = tuple(zip(flags, truths, strict=True)), list[Field]()
        for tape, written, here in zip(tapes, truths[::2], truths[1::2], strict=True):
            g = number("g", tape, sizes)
            read: dict[str, Values] = {name: {g: place} for name, place in symbols(setting).items()}
            fields.append(Field(f"symbol_{tape}", read if written else {blank: {}}))
            fields.append(Field(f"head_{tape}", {str(int(here)): {}}))
        yield Coming("CELL", fields, known) if any(truths) else Coming("STATE", state_field("q", setting), known)


def check_next_tokens(setting: Setting, annotation: Annotation, deadline: Deadline) -> None:
    """Section 13.6; `annotation.margin` is the least margin of all."""
    margins = list[int]()
    for cls, stages in annotation.stages.items():
        for state in states(cls, setting.sizes.r):
            for coming in following(state, setting):
                deadline.left("annotation.margin")
                margins.append(_Reading(setting, stages[-1], state, coming).margin())
    require_same("annotation.margin", annotation.margin, min(margins))


class _Reading:
    """What is read off in one case."""

    def __init__(self, setting: Setting, held: Held, state: State, coming: Coming) -> None:
        self.setting, self.state, self.coming = setting, state, coming
        self.fixed = np.zeros(setting.network.width, np.int64)
        self.shown: Shown = {
            field.name: {name: np.zeros_like(self.fixed) for name in field.choices} for field in coming.fields
        }
        for register in setting.read_off:
            self._place(register, settle(held[register], state, coming.known, setting.sizes), setting.spans[register])

    def _place(self, register: str, content: Content, span: range) -> None:
        """A register is fixed or depends on the choice of one field."""
        width, where = len(span), slice(span.start, span.stop)
        fixed = expected(content, width, self.coming.values)
        if fixed is not None:
            self.fixed[where] = fixed
            return
        for field in self.coming.fields:
            shown = [expected(content, width, {**self.coming.values, **values}) for values in field.choices.values()]
            vectors = [vector for vector in shown if vector is not None]
            if len(vectors) == len(shown):
                for name, vector in zip(field.choices, vectors, strict=True):
                    self.shown[field.name][name][where] = vector
                return
        at = f"annotation.contents.{self.state.cls}.layers[{len(self.setting.network.layers) - 1}].mlp.{register}"
        raise Rejected(at, f"is read off, but depends on more than one field of the next token, {self.coming.family}")

    def _sources(self, matrix: Sparse) -> list[str]:
        """The fields of the next token whose choices change what a matrix gives."""
        return [name for name, vectors in self.shown.items() if any(matrix.times(v).any() for v in vectors.values())]

    def _parts(self, family: Family) -> tuple[int, dict[str, dict[str, int]]]:
        """The largest score of another family: fixed, and by field and choice of the next token."""
        fixed = int(family.unembedding.times(self.fixed)[0])
        parts = {
            field: {name: int(family.unembedding.times(vector)[0]) for name, vector in vectors.items()}
            for field, vectors in self.shown.items()
        }
        for field in family.fields:
            sources = self._sources(field.unembedding)
            if len(sources) > 1:
                at = f"weights.vocabulary.{family.name}.{field.name}"
                raise Rejected(at, f"reads more than one field of {self.coming.family}, which follows {self.state}")
            if not sources:
                fixed += int(field.unembedding.times(self.fixed).max())
            for source in sources:
                for name, vector in self.shown[source].items():
                    parts[source][name] += int(field.unembedding.times(self.fixed + vector).max())
        return fixed, parts

    def margin(self) -> int:
        """The least margin of the token that follows over any other."""
        families = {family.name: family for family in self.setting.network.vocabulary}
        own = families[self.coming.family]
        margins, parts = list[int](), dict[str, dict[str, int]]()
        for field, known in zip(own.fields, self.coming.fields, strict=True):
            if set(self._sources(field.unembedding)) - {field.name} or field.name != known.name:
                raise Rejected(f"weights.vocabulary.{own.name}.{field.name}", "reads what another field depends on")
            parts[field.name] = {}
            for name, vector in self.shown[field.name].items():
                scores = field.unembedding.times(self.fixed + vector).tolist()
                mine = scores.pop(field.values.index(name))
                margins += [mine - max(scores)] if scores else []
                parts[field.name][name] = mine + int(own.unembedding.times(vector)[0])
        for name, family in families.items():
            if name != own.name:
                fixed, others = self._parts(family)
                less = [
                    min(part - others[field][choice] for choice, part in choices.items())
                    for field, choices in parts.items()
                ]
                margins.append(int(own.unembedding.times(self.fixed)[0]) - fixed + sum(less))
        if min(margins) < 1:
            reason = f"{own.name} has margin {min(margins)} where it follows {self.state.cls} (step {self.state.step})"
            raise Rejected("annotation.margin", reason)
        return min(margins)
