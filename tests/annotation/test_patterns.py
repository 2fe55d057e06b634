"""Patterns: which obligations are one, that what is proved of it holds for each, and that no two others are one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest

import exactformer.verify.annotation.mlps
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.content import (
    AtMost,
    Back,
    Bit,
    BitOfBeta,
    Code,
    Condition,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MinusLow,
    MoveCode,
    One,
    SameBit,
    Zero,
)
from exactformer.verify.annotation.heads import HeadPattern, Picks, head_patterns
from exactformer.verify.annotation.meanings import meanings_of
from exactformer.verify.annotation.mlps import MlpPattern, PlacedMlp
from exactformer.verify.annotation.patterns import Claim, Pattern, Renaming, canonical, digest
from exactformer.verify.annotation.rows import Rows
from exactformer.verify.solver import And, BooleanVariable, Formula, Proved, prove

# ---------------------------------------------------------------------------- which contents become alike


def code(name: str) -> Code:
    return Code(Ghost(name))


def when(ghost: str, value: int = 1, then: Content = One(), otherwise: Content = Zero()) -> Content:  # noqa: B008
    return If(Equals(ghost, value), then, otherwise)


def up_to(bound: int, then: Content = One()) -> Content:  # noqa: B008
    return If(AtMost("tau", bound), then)


def same_bit(distance: int) -> Content:
    return If(SameBit(Back(distance), 3, Ghost("e"), 1), One())


Contents = list[Content]

ALIKE: dict[str, tuple[Contents, Contents]] = {
    "another tape": ([code("x_1"), when("written_1")], [code("x_3"), when("written_3")]),
    "tapes exchanged": ([code("x_1"), code("x_2"), code("c_1")], [code("x_2"), code("x_1"), code("c_2")]),
    "another tape's bit": ([when("w_1[3]")], [when("w_2[3]")]),
    "another tape's move": ([MoveCode("m_1"), MoveCode("m'_1")], [MoveCode("m_2"), MoveCode("m'_2")]),
    "further back": ([Code(Back(1)), Code(Back(3))], [Code(Back(5)), Code(Back(7))]),
    "bits further back": ([Bit(Back(0), 2), HighBits(Back(2), 1)], [Bit(Back(4), 2), HighBits(Back(6), 1)]),
    "another bound": ([up_to(3)], [up_to(8)]),
    "other bounds in the same order": ([up_to(3), up_to(5), up_to(3)], [up_to(1), up_to(9), up_to(1)]),
    "fetched from elsewhere": ([Fetched("bit_1", 3, 2)], [Fetched("pos", 1, 7)]),
    "two fetched": ([Fetched("a", 1, 2), Fetched("b", 1, 2)], [Fetched("c", 2, 2), Fetched("c", 1, 2)]),
}
DIFFERENT: dict[str, tuple[Contents, Contents]] = {
    "one tape and two": ([code("x_1"), code("c_1")], [code("x_1"), code("c_2")]),
    "another ghost": ([code("x_1")], [code("c_1")]),
    "the next symbol": ([code("a_1")], [code("a'_1")]),
    "other distances": ([Code(Back(1)), Code(Back(3))], [Code(Back(1)), Code(Back(2))]),
    "distances exchanged": ([Code(Back(1)), Code(Back(3))], [Code(Back(3)), Code(Back(1))]),
    "further back, beside i - (o mod 2^b)": (
        [Code(Back(0)), Code(MinusLow(1))],
        [Code(Back(1)), Code(MinusLow(1))],
    ),
    "further back, beside i compared with another number": ([same_bit(0)], [same_bit(1)]),
    "more of o": ([Code(MinusLow(1))], [Code(MinusLow(2))]),
    "less u": ([Code(MinusLow(1))], [Code(MinusLow(1, "u"))]),
    "bounds exchanged": ([up_to(3), up_to(5)], [up_to(5), up_to(3)]),
    "bounds that are one": ([up_to(3), up_to(5)], [up_to(3), up_to(3)]),
    "a bound of another ghost": ([If(AtMost("tau", 3), One())], [If(AtMost("beta", 3), One())]),
    "at most and equal": ([If(AtMost("tau", 0), One())], [If(Equals("tau", 0), One())]),
    "tau equal to another number": ([when("tau", 3)], [when("tau", 4)]),
    "another truth value": ([when("written_1", 1)], [when("written_1", 0)]),
    "another bit": ([Bit(Back(0), 2)], [Bit(Back(0), 3)]),
    "bits from another one on": ([HighBits(Back(0), 2)], [HighBits(Back(0), 3)]),
    "the next bit of beta": ([BitOfBeta(Ghost("y_1"), 0)], [BitOfBeta(Ghost("y_1"), 1)]),
    "the same fetched, and another": ([Fetched("a", 1, 2)] * 2, [Fetched("a", 1, 2), Fetched("a", 1, 3)]),
    "other bits compared": ([same_bit(0)], [If(SameBit(Back(0), 2, Ghost("e"), 1), One())]),
    "nothing and a flag": ([Zero()], [One()]),
}


def made_canonical(contents: Contents) -> Contents:
    return list(map(canonical(contents), contents))


@pytest.mark.parametrize("title", ALIKE)
def test_what_becomes_one(title: str) -> None:
    one, other = ALIKE[title]
    assert one != other
    assert made_canonical(one) == made_canonical(other)


@pytest.mark.parametrize("title", DIFFERENT)
def test_what_stays_two(title: str) -> None:
    one, other = DIFFERENT[title]
    assert made_canonical(one) != made_canonical(other)


@pytest.mark.parametrize("title", [*ALIKE, *DIFFERENT])
def test_what_is_canonical_stays_as_it_is(title: str) -> None:
    for contents in (ALIKE | DIFFERENT)[title]:
        once = made_canonical(contents)
        assert made_canonical(once) == once


# ---------------------------------------------------------------------------- the obligations of networks


@dataclass(frozen=True)
class Case:
    name: str
    r: int
    paradigm: Paradigm = Paradigm.COT

    def __str__(self) -> str:
        return f"{self.name} {self.r} {self.paradigm.value}"


CASES = (
    Case("binary-addition", 6),
    Case("three-equal-blocks", 4),
    Case("binary-counter", 4, Paradigm.SCOT),
    Case("copy", 4, Paradigm.SCOT),
)


def mlp_patterns(case: Case) -> Iterator[MlpPattern]:
    machine = load_machine(case.name)
    network = construct(case.paradigm, machine, case.r)
    annotation = annotate(case.paradigm, Shape.of(machine, case.r), network.registers)
    for number, layer in enumerate(network.layers, start=1):
        placed = PlacedMlp(layer.mlp, network.registers)
        for kind in annotation.contents:
            found = (one for _, one in placed.obligations(annotation, kind, number))
            yield from (one for one in found if isinstance(one, MlpPattern))


@cache
def canonical_patterns(case: Case) -> tuple[MlpPattern, ...]:
    return tuple(mlp_patterns(case))


def obligations(case: Case) -> list[MlpPattern]:
    """The same, in the names of the annotation."""
    as_it_is = Renaming(lambda n: n, lambda g: g, lambda c: c, lambda f: f)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exactformer.verify.annotation.mlps, "canonical", lambda _: as_it_is)
        return list(mlp_patterns(case))


def instance_of(left: Any, right: Any, names: dict[str, str]) -> bool:
    """Whether two formulas are one but for the names of variables, which ``names`` maps from left to right."""
    if type(left) is not type(right):
        return False
    if isinstance(left, BooleanVariable):
        return bool(names.setdefault(left.name, right.name) == right.name)
    if isinstance(left, tuple):
        return len(left) == len(right) and all(instance_of(a, b, names) for a, b in zip(left, right, strict=True))
    if hasattr(left, "__dataclass_fields__"):
        return all(instance_of(getattr(left, f.name), getattr(right, f.name), names) for f in fields(left))
    return repr(left) == repr(right)


def shown(formula: Any) -> str:
    """A formula as text."""
    if isinstance(formula, BooleanVariable):
        return formula.name
    if isinstance(formula, tuple):
        return f"({' '.join(map(shown, formula))})"
    if hasattr(formula, "__dataclass_fields__"):
        return f"{type(formula).__name__}{shown(tuple(getattr(formula, f.name) for f in fields(formula)))}"
    return repr(formula)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_proved_of_a_pattern_holds_for_its_instances(case: Case) -> None:
    """Formula and assumptions of an obligation are those of its pattern, under other names: one name for each."""
    compared, renamed = 0, 0
    for instance, pattern in zip(obligations(case), canonical_patterns(case), strict=True):
        theirs, ours = pattern.claim(), instance.claim()
        names: dict[str, str] = {}
        assert instance_of(theirs.formula, ours.formula, names), instance.text
        for assumption in flat(theirs.assumptions):
            compared += 1
            for candidate in flat(ours.assumptions):
                tried = dict(names)
                if instance_of(assumption, candidate, tried):
                    names = tried
                    break
            else:
                pytest.fail(f"{instance.text} does not assume {shown(assumption)}")
        assert len(set(names.values())) == len(names)
        renamed += names != {name: name for name in names}
    assert compared > 1000
    assert renamed > 50


def flat(formulas: tuple[Formula, ...]) -> Iterator[Formula]:
    """Conjunctions taken apart."""
    for formula in formulas:
        if isinstance(formula, And):
            yield from flat(formula.operands)
        else:
            yield formula


def test_instances_of_a_pattern_are_many() -> None:
    """Both tapes of binary-addition, and all steps of its loops: what makes a proof short."""
    names = [digest(pattern) for pattern in canonical_patterns(CASES[0])]
    assert 5 * len(set(names)) < len(names)


# ---------------------------------------------------------------------------- patterns that differ


def all_patterns() -> Iterator[Pattern]:
    for case in CASES:
        yield from canonical_patterns(case)
    for case in CASES[1:]:
        machine = load_machine(case.name)
        network = construct(case.paradigm, machine, case.r)
        annotation = annotate(case.paradigm, Shape.of(machine, case.r), network.registers)
        for number in range(1, len(network.layers) + 1, 3):
            for head in network.layers[number - 1].heads:
                for meaning in meanings_of(head, number, annotation):
                    yield from (pattern for _, pattern in head_patterns(head, meaning, number, annotation))


def as_text(claim: Claim) -> str:
    return shown((claim.formula, *claim.assumptions))


@pytest.mark.slow
def test_patterns_of_one_name_are_one_claim() -> None:
    """And the other way round they need not: a name depends on more than the claim does."""
    claims: dict[str, set[str]] = defaultdict(set)
    for pattern in all_patterns():
        claims[digest(pattern)].add(as_text(pattern.claim()))
    assert len(claims) > 200
    assert all(len(found) == 1 for found in claims.values())


def an_mlp_pattern() -> MlpPattern:
    """One with several neurons and registers, proved."""
    return max(canonical_patterns(CASES[0]), key=lambda one: (len(one.read), len(one.rows.bias)))


def other_values(value: Any, whole: bool = True) -> Iterator[Any]:
    """What might stand there instead; ``whole``: it may be shorter, too."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif value is None:
        yield from (0, Ghost("n9"), True)
    elif isinstance(value, np.ndarray):
        for place in range(len(value)):
            changed = value.copy()
            changed[place] += 1
            yield changed
        yield np.append(value, 0)
    elif isinstance(value, tuple) and value:
        yield from [value[1:]] * whole
        for place, one in enumerate(value):
            yield from ((*value[:place], other, *value[place + 1 :]) for other in other_values(one, whole=False))
    elif isinstance(value, tuple):
        yield ("something",)
    elif isinstance(value, (Zero, One)):
        yield Zero() if isinstance(value, One) else One()
    elif isinstance(value, str):
        yield value + "0"
    else:
        for field in fields(value):
            for other in other_values(getattr(value, field.name)):
                yield replace(value, **{field.name: other})


@pytest.mark.parametrize("field", [field.name for field in fields(MlpPattern)])
def test_every_part_of_an_mlp_pattern_is_in_its_name(field: str) -> None:
    pattern = an_mlp_pattern()
    assert isinstance(prove(pattern.claim().formula, pattern.claim().assumptions, 60), Proved)
    others = list(other_values(getattr(pattern, field)))
    names = {digest(cast(Pattern, replace(pattern, **{field: other}))) for other in others}
    assert digest(pattern) not in names
    assert len(names) == len(others) > 0


@pytest.mark.parametrize("field", [field.name for field in fields(HeadPattern)])
def test_every_part_of_a_head_pattern_is_in_its_name(field: str) -> None:
    machine = load_machine("copy")
    network = construct(Paradigm.COT, machine, 4)
    annotation = annotate(Paradigm.COT, Shape.of(machine, 4), network.registers)
    found = [
        pattern
        for number, layer in enumerate(network.layers, start=1)
        for head in layer.heads
        if head.name == "exists_high_1"
        for meaning in meanings_of(head, number, annotation)
        for _, pattern in head_patterns(head, meaning, number, annotation)
    ]
    pattern = max(found, key=lambda one: (one.writer is not None, one.last is not None, len(one.products)))
    others = list(other_values(getattr(pattern, field)))
    names = {digest(replace(pattern, **{field: other})) for other in others}
    assert digest(pattern) not in names
    assert len(names) == len(others) > 0


def test_kinds_of_patterns_do_not_share_names() -> None:
    @dataclass(frozen=True)
    class Another:
        text: str

        def claim(self) -> Claim:
            raise NotImplementedError

    pattern = an_mlp_pattern()
    assert digest(Another(pattern.text)) != digest(pattern)
    assert digest(Another(pattern.text)) == digest(Another(pattern.text))


def test_picks_and_rows_are_told_apart_by_all_they_have() -> None:
    assert len({str(Picks(always=False)), str(Picks(always=True)), str(Picks(position=Ghost("n0"))),
                str(Picks(cell=Ghost("n0"))), str(Picks(cell=Ghost("n0"), first=1))}) == 5  # fmt: skip
    empty = np.zeros(0, np.int64)
    one = np.zeros(1, np.int64)
    # Where an array ends is a part of the text: the same numbers, cut elsewhere.
    assert Rows(one, empty, *[empty] * 6).text != Rows(empty, one, *[empty] * 6).text


def conditions() -> Iterator[tuple[Condition, Condition]]:
    yield Equals("w_2[3]", 1), Equals("w_1[3]", 1)
    yield Equals("has_entry", 1), Equals("has_entry", 1)
    yield SameBit(Ghost("y_2"), 0, Back(0), 1), SameBit(Ghost("y_1"), 0, Back(0), 1)


def test_conditions_are_renamed() -> None:
    for before, after in conditions():
        assert canonical([If(before, One())])(If(before, One())) == If(after, One())
