"""What heads mean: on runs, against the scores themselves; as data, whole and without contradictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.transformer.network import CompiledHead, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.annotation.annotation import Annotation, annotate
from exactformer.verify.annotation.content import (
    AtMost,
    Back,
    Code,
    Content,
    Equals,
    Ghost,
    Ghosts,
    If,
    One,
    Vector,
    Zero,
    number_at,
    value_at,
)
from exactformer.verify.annotation.content import holds as condition_holds
from exactformer.verify.annotation.ghosts import Described, TokenClass, sequence_ghosts
from exactformer.verify.annotation.heads import separation_of
from exactformer.verify.annotation.meanings import (
    AtCap,
    AtPosition,
    EveryToken,
    HeadCell,
    HeadNotCovered,
    Meaning,
    TheToken,
    Writers,
    meanings_of,
    under,
    whole_register,
)
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.sweep import draw_case


@dataclass(frozen=True, eq=False)
class Setting:
    """A network and its annotation."""

    network: Network
    annotation: Annotation

    @classmethod
    def of(cls, run: Run, paradigm: Paradigm, r: int) -> Setting:
        network = construct(paradigm, run.machine, r)
        return cls(network, annotate(paradigm, Shape.of(run.machine, r), network.registers))

    def meanings(self) -> Iterator[tuple[int, CompiledHead, tuple[Meaning, ...]]]:
        for number, layer in enumerate(self.network.layers, start=1):
            for head in layer.heads:
                yield number, head, meanings_of(head, number, self.annotation)


@cache
def setting(name: str, paradigm: Paradigm, r: int = 4) -> Setting:
    return Setting.of(trace(load_machine(name), load_machine(name).input_alphabet[0]), paradigm, r)


SETTINGS = [(name, paradigm) for name in ("increment", "copy") for paradigm in Paradigm]


# ---------------------------------------------------------------------------- on runs


@dataclass(frozen=True)
class Look:
    """A token that looks at those up to itself, all of them described."""

    tokens: list[Described]
    position: int
    r: int

    @property
    def ghosts(self) -> Ghosts:
        return self.tokens[self.position][1]

    def selected(self, meaning: Meaning) -> set[int]:
        """The positions that a meaning says are selected, from what its words mean."""
        here, seen = self.ghosts, range(self.position + 1)
        match meaning.selected:
            case EveryToken():
                return set(seen)
            case TheToken(kinds):
                return {j for j in seen if self.tokens[j][0] in kinds}
            case AtPosition(number):
                return {number_at(number, here)}
            case AtCap():
                return {4 * here["e"]}
            case HeadCell(tape):
                return {j for j in seen if self.tokens[j][0] is TokenClass.OLDCELL and self.tokens[j][1][f"h_{tape}"]}
            case Writers(tape, first):
                return {
                    j
                    for j in seen
                    if self.written(j, tape) == here[f"x_{tape}"]
                    and (first is None or j >> first == here[f"w_{tape}"] >> first)
                }

    def written(self, j: int, tape: int) -> int | None:
        """The cell that a token writes on a tape."""
        kind, ghosts = self.tokens[j]
        if kind is TokenClass.RUN:
            return ghosts[f"c_{tape}"]
        return j - 1 if kind is TokenClass.OLDCELL or (kind is TokenClass.INPUT and tape == 1) else None

    def member(self, said: str) -> int:
        """The position of the token that is said to be always selected."""
        here = self.ghosts
        numbers = {str(Back(d)): max(here["i"] - d, 0) for d in range(here["i"] + 40)}
        numbers |= {"4e": 4 * here.get("e", 0)}
        numbers |= {name: value for name, value in here.items() if name.startswith("w_") and "[" not in name}
        numbers |= {f"{name} + 1": value + 1 for name, value in here.items() if name.startswith("x_")}
        if said in numbers:
            return numbers[said]
        (found,) = (j for j in range(self.position + 1) if self.tokens[j][0].name in said.split(" or "))
        return found


Alter = Callable[[CompiledHead, Meaning], Meaning]


def wrong_meanings(
    run: Run, paradigm: Paradigm, alter: Alter = lambda _, meaning: meaning, most_tokens: int = 150
) -> Iterator[str]:
    """Where a head does not do what it is said to do, in the first sequences of a run."""
    r = least_position_bits(paradigm, [run])
    here = Setting.of(run, paradigm, r)
    prepared = PreparedNetwork(here.network)
    described = sequence_ghosts(paradigm, run, r)
    for sequence, tokens in list(zip(sequences_of(paradigm, run, r), described, strict=True))[:3]:
        before: dict[int, NDArray[np.int64]] = {}
        for stage in stages(prepared, embed(prepared, [sequence])):
            if stage.sublayer is Sublayer.ATTENTION:
                before[stage.layer] = stage.before.astype(np.int64)
        for number, head, meanings in here.meanings():
            x = before[number]
            scores = x[list(head.query)].T @ x[list(head.key)]
            held = x[list(head.value)]

            def fetch(
                register: str, position: int, layer: int, before: dict[int, NDArray[np.int64]] = before
            ) -> Vector:
                (span,) = (span for span in here.network.registers if span.name == register)
                return tuple(before[layer][list(span.coordinates), position].tolist())

            for i in range(0, len(tokens), 1 + len(tokens) // most_tokens):
                look, where = Look(tokens, i, r), f"layer {number}, {head.name}, token {i}, {tokens[i][0].name}"
                of_class = [alter(head, one) for one in meanings if one.kind is tokens[i][0]]
                apply = [one for one in of_class if all(condition_holds(c, tokens[i][1]) for c in one.when)]
                if len(apply) != 1:
                    yield f"{where}: {len(apply)} meanings"
                    continue
                (meaning,) = apply
                seen = scores[i, : i + 1]
                maximisers = set(np.flatnonzero(seen == seen.max()).tolist())
                others = seen[seen < seen.max()]
                value = value_at(meaning.value, len(head.value), tokens[i][1], fetch)
                if maximisers != look.selected(meaning):
                    yield f"{where}: {meaning.selected} is {look.selected(meaning)}, not {maximisers}"
                elif seen.max() != meaning.score or (
                    len(others) and others.max() > meaning.score - separation_of(head)
                ):
                    yield f"{where}: the best score is {seen.max()}, not {meaning.score}, or the next too near"
                elif look.member(meaning.member(paradigm)) not in maximisers:
                    yield f"{where}: {meaning.member(paradigm)} is not selected"
                elif any(tuple(held[:, j].tolist()) != value for j in maximisers):
                    yield f"{where}: the values are not {meaning.value}"
                elif len(maximisers) > 1 and any(value) and not meaning.many:
                    yield f"{where}: {len(maximisers)} have a value that is not 0"


@pytest.mark.slow
@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("paradigm", list(Paradigm), ids=lambda paradigm: paradigm.value)
def test_what_is_said_of_heads_is_what_they_do(paradigm: Paradigm, index: int) -> None:
    assert list(wrong_meanings(draw_case(seed=21, index=index).run, paradigm)) == []


WRONG: dict[str, tuple[Paradigm, str]] = {
    "the first token for every token": (Paradigm.COT, "seen_outp"),
    "another score": (Paradigm.COT, "read_1"),
    "all writers for the last": (Paradigm.COT, "exists_high_1"),
    "another value": (Paradigm.COT, "written_1"),
    "one case for two": (Paradigm.SCOT, "seen_einp"),
}


def changed(title: str, meaning: Meaning) -> Meaning:
    match title, meaning:
        case "the first token for every token", Meaning(selected=EveryToken()):
            return replace(meaning, selected=TheToken((TokenClass.INP,)))
        case "another score", _:
            return replace(meaning, score=meaning.score + 1)
        case "all writers for the last", Meaning(selected=Writers(tape)):
            return replace(meaning, selected=Writers(tape))
        case "another value", Meaning(value=One()):
            return replace(meaning, value=Zero())
        case "one case for two", _:
            return replace(meaning, when=())
    return meaning


@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_word_on_a_head_is_noticed(title: str) -> None:
    paradigm, name = WRONG[title]
    run = trace(load_machine("increment"), "1011")

    def alter(head: CompiledHead, meaning: Meaning) -> Meaning:
        return changed(title, meaning) if head.name == name else meaning

    assert list(wrong_meanings(run, paradigm)) == []
    found = list(wrong_meanings(run, paradigm, alter))
    assert found
    assert all(f", {name}," in one for one in found)


# ---------------------------------------------------------------------------- as data


@pytest.mark.parametrize(("name", "paradigm"), SETTINGS)
def test_the_cases_of_a_class_exclude_each_other_and_leave_none_out(name: str, paradigm: Paradigm) -> None:
    here = setting(name, paradigm)
    for _, head, meanings in here.meanings():
        for kind in here.annotation.contents:
            cases = [set(one.when) for one in meanings if one.kind is kind]
            named = sorted({condition.ghost for case in cases for condition in case})
            values = [range(3) if ghost == "cap" else range(2) for ghost in named]
            for chosen in product(*values):
                truth = {Equals(ghost, value) for ghost, value in zip(named, chosen, strict=True)}
                fitting = sum(case <= truth for case in cases)
                # A bit of w_k is asked for where there is one only.
                assert fitting == 1, (head.name, kind, truth)


@pytest.mark.parametrize(("name", "paradigm"), SETTINGS)
def test_many_are_those_that_share_a_value_and_may_be_several(name: str, paradigm: Paradigm) -> None:
    for _, head, meanings in setting(name, paradigm).meanings():
        for meaning in meanings:
            several = isinstance(meaning.selected, EveryToken | Writers)
            assert meaning.many == (several and str(meaning.value) != "0")
        searching = head.name.startswith(("written_", "exists_high_"))
        assert any(meaning.many for meaning in meanings) == searching


def test_what_is_selected_is_said_in_the_words_of_the_spec() -> None:
    found = (meanings for name, paradigm in SETTINGS for *_, meanings in setting(name, paradigm).meanings())
    said = {str(one.selected) for meanings in found for one in meanings}
    assert {"every token", "token INP", "token OUTP", "writes x_1", "writes x_2", "position w_1"} <= said
    assert {"position max(i - 1, 0)", "writes x_1 at w_1[2..]", "token INP or OLDSUMM", "cell of head 2"} <= said
    assert "position 4e" in said


def test_a_head_that_is_not_known_is_not_covered() -> None:
    here = setting("increment", Paradigm.COT)
    number, head, _ = next(one for one in here.meanings() if one[1].kind is not HeadKind.LOOKUP)
    with pytest.raises(HeadNotCovered, match="it is not known what it selects"):
        meanings_of(replace(head, name="another"), number, here.annotation)


def test_a_look_up_of_no_position_is_not_covered() -> None:
    here = setting("increment", Paradigm.COT)
    number, head, _ = next(one for one in here.meanings() if one[1].kind is HeadKind.LOOKUP)
    spans = {span.name: span for span in here.annotation.registers}
    with pytest.raises(HeadNotCovered, match=r"a look-up of .*, which is no position"):
        meanings_of(replace(head, query=tuple(spans["hpos_1"].coordinates)), number, here.annotation)
    with pytest.raises(HeadNotCovered, match="are not one register"):
        meanings_of(replace(head, query=head.query[:-1]), number, here.annotation)
    with pytest.raises(HeadNotCovered, match="are not one register"):
        meanings_of(replace(head, out=()), number, here.annotation)


def held_at(annotation: Annotation, kind: TokenClass, stage: int, register: str, content: Content) -> Annotation:
    """The annotation, but for one content."""
    stages = list(annotation.contents[kind])
    stages[stage] = {**stages[stage], register: content}
    return replace(annotation, contents={**annotation.contents, kind: tuple(stages)})


def test_a_register_that_changes_by_something_else_is_not_covered() -> None:
    """What is received has to be all that is held afterwards, or the next bit of a block."""
    here = setting("increment", Paradigm.COT)
    number, head, _ = next(one for one in here.meanings() if one[1].name == "written_1")
    register = whole_register(here.annotation, head.out)
    flag = held_at(here.annotation, TokenClass.RUN, 2 * number - 2, register, One())
    with pytest.raises(HeadNotCovered, match=f"{register} goes from 1 to"):
        meanings_of(head, number, flag)
    found = ((number, head, one) for number, head, meanings in here.meanings() for one in meanings)
    number, head, one = next(each for each in found if str(each[2].value).endswith(" if beta = 1 else 0)"))
    register = whole_register(here.annotation, head.out)
    content = here.annotation.behind_attention(one.kind, number)[register]
    assert isinstance(content, If)
    two_bits = replace(content, condition=AtMost("beta", 2))
    with pytest.raises(HeadNotCovered, match=f"{register} goes from .* if beta <= 0 .* if beta <= 2"):
        meanings_of(head, number, held_at(here.annotation, one.kind, 2 * number - 1, register, two_bits))


W1, NOT_W1, BIT = Equals("written_1", 1), Equals("written_1", 0), Equals("w_1[2]", 1)
SYMBOL, BLANK = Code(Ghost("g_1")), Code(Ghost("blank"))
READ = If(W1, SYMBOL, BLANK)
DECIDED: dict[str, tuple[Content, tuple[Equals, ...], Content]] = {
    "what holds": (READ, (W1,), SYMBOL),
    "what does not": (READ, (NOT_W1,), BLANK),
    "what is left open": (READ, (BIT,), READ),
    "nothing": (READ, (), READ),
    "inside": (If(AtMost("tau", 2), READ, If(BIT, One())), (W1, BIT), If(AtMost("tau", 2), SYMBOL, One())),
    "the negation": (If(NOT_W1, BLANK, SYMBOL), (W1,), SYMBOL),
    "a third value": (If(Equals("cap", 1), One()), (Equals("cap", 2),), Zero()),
    "no condition": (SYMBOL, (W1,), SYMBOL),
}


@pytest.mark.parametrize("title", DECIDED)
def test_contents_under_conditions(title: str) -> None:
    content, when, decided = DECIDED[title]
    assert under(content, when) == decided
