"""SPEC 13.1 and 13.6: why it is enough to vary one field of a token at a time (verify/ARGUMENTS.md, 5 and 6)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from random import Random
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import parse_machine
from exactformer.certificates.checker.universal.annotation import Annotation, Setting, read_annotation
from exactformer.certificates.checker.universal.classes import FAMILY, states
from exactformer.certificates.checker.universal.embedding import (
    FIXED,
    Field,
    Values,
    cell_fields,
    check_embedding,
    expected,
    run_fields,
)
from exactformer.certificates.checker.universal.next_token import Coming, check_next_tokens, following
from exactformer.certificates.checker.universal.tokens import settle
from exactformer.certificates.checker.weights import Family, read_network
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.universal_document import annotation_record
from exactformer.certificates.weights import weights_document
from exactformer.constructions.machines.library import machine_named
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import annotate
from tests.checker.conftest import UNLIMITED

Choice: TypeAlias = dict[str, str]
"""A value for each field of a token."""
Matrix: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Documents:
    """A network and what is annotated of it, as they are written down."""

    name: str
    summarized: bool
    weights: Any
    annotation: Any

    def read(self) -> tuple[Setting, Annotation]:
        """As the checker reads them."""
        machine = parse_machine(machine_named(self.name).path.read_text())
        setting = Setting(machine, read_network(self.weights), self.summarized)
        return setting, read_annotation(self.annotation, setting)

    def changed(self, change: Callable[[Any, Any], object]) -> Documents:
        """After a change of weights and annotation."""
        weights, annotation = copy.deepcopy((self.weights, self.annotation))
        change(weights, annotation["contents"])
        return Documents(self.name, self.summarized, weights, annotation)


@cache
def documents(name: str, paradigm: Paradigm) -> Documents:
    """Of a machine of the library, at r = 4."""
    machine = machine_named(name).machine
    network = construct(paradigm, machine, 4)
    annotation = annotate(paradigm, Shape.of(machine, 4), network.registers)
    record = asdict(annotation_record(annotation, 1))
    weights = json.loads(canonical_bytes(weights_document(network)))
    return Documents(name, paradigm is Paradigm.SCOT, weights, record)


# ------------------------------------------------------------------------------------------------- embeddings


def test_what_depends_on_one_field_is_right_everywhere_if_it_is_one_field_at_a_time() -> None:
    """All vectors of one coordinate, for two fields of two values; one content per field, and all of both fields."""
    choices = [(0, 0), (0, 1), (1, 0), (1, 1)]
    some = [choice for choice in choices if choice != (1, 1)]
    one_field, only_some = 0, 0
    for base, *added in product((-1, 0, 1), repeat=5):
        held = {(a, b): base + added[a] + added[2 + b] for a, b in choices}
        for content in product((-1, 0, 1), repeat=4):
            says = dict(zip(choices, content, strict=True))
            here, everywhere = (all(held[one] == says[one] for one in which) for which in (some, choices))
            if any(all(says[one] == says[other] for one, other in alike) for alike in IN_ONE_FIELD):
                assert here == everywhere
                one_field += here
            else:
                only_some += here and not everywhere
    assert min(one_field, only_some) > 50


IN_ONE_FIELD = (
    [((0, 0), (0, 1)), ((1, 0), (1, 1))],
    [((0, 0), (1, 0)), ((0, 1), (1, 1))],
)
"""Where a content says the same if it depends on the first field only, or on the second."""


def choices_of(fields: list[Field], one_at_a_time: bool) -> Iterator[Choice]:
    """All choices, or those that differ from the first in one field."""
    first = [next(iter(field.choices)) for field in fields]
    for names in product(*(field.choices for field in fields)):
        if not one_at_a_time or sum(map(str.__ne__, names, first)) <= 1:
            yield {field.name: name for field, name in zip(fields, names, strict=True)}


def wrong_embeddings(setting: Setting, annotation: Annotation, cls: str, one_at_a_time: bool) -> list[Choice]:
    """The tokens of a class whose embedding is not what is annotated."""
    (family,) = (family for family in setting.network.vocabulary if family.name == FAMILY.get(cls, cls))
    fields = run_fields(setting, "") if cls == "RUN" else cell_fields(setting)
    found = []
    first = states(cls, setting.network.r)[0]
    says = {name: settle(content, first, (), setting.sizes) for name, content in annotation.stages[cls][0].items()}
    base = family.embedding.dense(setting.network.width)[0]
    rows = [field.embedding.dense(setting.network.width) for field in family.fields]
    for choice in choices_of(fields, one_at_a_time):
        values: Values = dict(FIXED)
        vector = base
        for field, shown, row in zip(fields, family.fields, rows, strict=True):
            values = {**values, **field.choices[choice[field.name]]}
            vector = vector + row[shown.values.index(choice[field.name])]
        held = {name: vector[list(setting.spans[name])].tolist() for name in says if name != "pos"}
        if any(expected(says[name], len(vector), values) != vector for name, vector in held.items()):
            found.append(choice)
    return found


FORGED = {
    "RUN": (Paradigm.COT, ("RUN",), "(enc(a_1) if halted = 1 else enc(blank))"),
    "CELL": (Paradigm.SCOT, ("OLDCELL", "NEWCELL"), "(enc(a_1) if h_1 = 1 else enc(blank))"),
}
"""A content of two fields, which is enc(blank) for every token that differs from the first in one of them."""


@pytest.mark.parametrize("family", FORGED)
def test_a_content_of_two_fields_would_pass_one_field_at_a_time(family: str) -> None:
    """All else is in order: the embedding is enc(blank), and what is annotated is so of all tokens that are tried."""
    paradigm, classes, content = FORGED[family]
    register = "hpos_1"

    def forge(weights: Any, contents: Any) -> None:
        ends = np.cumsum([0, *(width for _, width in weights["registers"])]).tolist()
        place = [name for name, _ in weights["registers"]].index(register)
        (forged,) = (one for one in weights["vocabulary"] if one["name"] == family)
        forged["embedding"] += [[coordinate, -1] for coordinate in range(ends[place], ends[place + 1])]
        for cls in classes:
            contents[cls]["embedding"][register] = content

    honest = documents("increment", paradigm)
    check_embedding(*honest.read(), UNLIMITED)
    setting, annotation = honest.changed(forge).read()
    for cls in classes:
        assert wrong_embeddings(setting, annotation, cls, one_at_a_time=True) == []
        assert len(wrong_embeddings(setting, annotation, cls, one_at_a_time=False)) > 1
    with pytest.raises(Rejected, match=f"{register}: depends on more than one field"):
        check_embedding(setting, annotation, UNLIMITED)


# ------------------------------------------------------------------------------------------------ next tokens


def margin_of(setting: Setting, annotation: Annotation) -> int:
    """13.6 as it is said: every token of the vocabulary against the one that follows, for all of its choices."""
    tokens, logits = list[tuple[str, tuple[str, ...]]](), list[Matrix]()
    for family in setting.network.vocabulary:
        for names in product(*(field.values for field in family.fields)):
            tokens.append((family.name, names))
            logits.append(vector_of(family, names, setting.network.width))
    unembedding, least = np.array(logits), list[int]()
    for cls, stages in annotation.stages.items():
        for state in states(cls, setting.network.r):
            for coming in following(state, setting):
                held = {
                    register: settle(stages[-1][register], state, coming.known, setting.sizes)
                    for register in setting.read_off
                }
                for choice in choices_of(coming.fields, one_at_a_time=False):
                    scores = unembedding @ read_off(setting, coming, choice, held)
                    right = tokens.index((coming.family, tuple(choice.values())))
                    least.append(int(scores[right] - np.delete(scores, right).max()))
    return min(least)


def vector_of(family: Family, names: tuple[str, ...], width: int) -> Matrix:
    """The unembedding of a token."""
    vector: Matrix = family.unembedding.dense(width)[0].astype(np.int64)
    for field, name in zip(family.fields, names, strict=True):
        vector = vector + field.unembedding.dense(width)[field.values.index(name)]
    return vector


def read_off(setting: Setting, coming: Coming, choice: Choice, held: Any) -> Matrix:
    """What registers hold where a token with this choice follows."""
    values: Values = coming.values
    for field in coming.fields:
        values = {**values, **field.choices[choice[field.name]]}
    x = np.zeros(setting.network.width, np.int64)
    for register, content in held.items():
        vector = expected(content, len(setting.spans[register]), values)
        if vector is None:
            raise Rejected(register, "depends on something else")
        x[list(setting.spans[register])] = vector
    return x


@pytest.mark.parametrize(("name", "paradigm"), [("rewrite", Paradigm.COT), ("increment", Paradigm.SCOT)])
def test_the_margin_is_that_over_all_tokens(name: str, paradigm: Paradigm) -> None:
    setting, annotation = documents(name, paradigm).read()
    check_embedding(setting, annotation, UNLIMITED)  # contents of one field each, with two tapes, too
    margin = margin_of(setting, annotation)
    check_next_tokens(setting, replace(annotation, margin=margin), UNLIMITED)
    with pytest.raises(Rejected):
        check_next_tokens(setting, replace(annotation, margin=margin + 1), UNLIMITED)


@pytest.mark.parametrize("paradigm", Paradigm)
def test_for_other_unembeddings_it_is_that_or_nothing_is_said(paradigm: Paradigm) -> None:
    """One entry is another: it is that over all tokens, or below 1, or a token reads what two fields depend on."""
    random, (setting, annotation), outcomes = Random(6), documents("increment", paradigm).read(), list[str]()
    for _ in range(4):
        forged = with_another_entry(setting, random)
        margin = margin_of(forged, annotation)
        outcomes.append(outcome(forged, replace(annotation, margin=max(margin, 1))))
        assert outcomes[-1] in (["accepted", "two fields"] if margin >= 1 else ["rejected", "two fields"])
        assert outcome(forged, replace(annotation, margin=max(margin, 1) + 1)) != "accepted"
    assert {"accepted", "rejected"} <= set(outcomes)


def with_another_entry(setting: Setting, random: Random) -> Setting:
    """One entry of an unembedding is another."""
    families = list(setting.network.vocabulary)
    place = random.choice([place for place, family in enumerate(families) if family.fields])
    family = families[place]
    which = random.randrange(len(family.fields))
    rows = family.fields[which].unembedding
    weight = rows.weight.copy()
    entry = random.randrange(len(weight))
    weight[entry] = random.choice([value for value in (-2, -1, 1, 2, 3) if value != weight[entry]])
    fields = list(family.fields)
    fields[which] = replace(fields[which], unembedding=replace(rows, weight=weight))
    families[place] = replace(family, fields=tuple(fields))
    return replace(setting, network=replace(setting.network, vocabulary=tuple(families)))


def outcome(setting: Setting, annotation: Annotation) -> str:
    """What the checker says of next tokens."""
    try:
        check_next_tokens(setting, annotation, UNLIMITED)
    except Rejected as error:
        two = "more than one field" in error.reason or "another field" in error.reason
        return "two fields" if two else "rejected"
    return "accepted"
