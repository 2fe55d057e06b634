"""What the annotation says is what the evaluator computes: every token, sublayer and coordinate of many runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.annotation import cot
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.content import Bit, Content, Fetched, Vector, value_at
from exactformer.verify.annotation.fetches import brought
from exactformer.verify.annotation.ghosts import TokenClass, ghosts_of
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.sweep import draw_case
from tests.annotation import differential
from tests.annotation.differential import compare, draw, emptied, go_through, tokens_by_class, values, wrong_fetches
from tests.machine_table import CASES, Case


def least(run: Run) -> int:
    return least_position_bits(Paradigm.COT, [run])


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if len(case.word) <= 6], ids=str)
def test_machines_of_the_library(case: Case) -> None:
    run = trace(case.machine, case.word)
    assert compare([run], least(run)).differences == ()
    assert list(wrong_fetches(run, least(run))) == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_random_machines(block: int) -> None:
    for index in range(2 * block, 2 * block + 2):
        case = draw(seed=7, index=index, words=2)
        totals = go_through(case)
        assert totals.differences == []
        assert totals.broken == []
        assert list(wrong_fetches(case.runs[0], least(case.runs[0]))) == []


@pytest.mark.parametrize("extra", [0, 2, 4])
def test_more_position_bits_than_needed(extra: int) -> None:
    run = draw_case(seed=7, index=3).run
    assert compare([run], least(run) + extra).differences == ()


def test_runs_side_by_side_are_compared_each_in_its_place() -> None:
    """With a difference in the second of three runs, where it is said to be."""
    runs = [trace(load_machine("increment"), word) for word in ("1", "0", "11")]
    r = least_position_bits(Paradigm.COT, runs)
    assert compare(runs, r).differences == ()
    assert compare(runs, r).tokens == sum(len(cot_tokens(run.machine, run, r)) for run in runs)
    # The symbols of the input alphabet, told apart no longer.
    network = construct(Paradigm.COT, runs[0].machine, r)
    families = list(network.vocabulary.families)
    place = network.vocabulary.index["SIGMA"]
    field = families[place].fields[0]
    families[place] = replace(families[place], fields=(replace(field, embedding=(field.embedding[1],) * 2),))
    changed = replace(network, vocabulary=type(network.vocabulary)(tuple(families)))
    first = compare(runs, r, changed).differences[0]
    assert (first.run, first.position, first.moment, first.register) == (1, 1, 0, "sym_1")


def test_contents_of_many_tokens_are_those_of_each() -> None:
    """`values`, on columns, against `value_at`, token by token."""
    run = draw_case(seed=7, index=3).run
    r = least(run)
    network = construct(Paradigm.COT, run.machine, r)
    annotation = annotate(Paradigm.COT, Shape.of(run.machine, r), network.registers)
    batch = embed(PreparedNetwork(network), [cot_tokens(run.machine, run, r)])
    ghosts = [ghosts for _, ghosts in ghosts_of(run, r)]
    layer = annotation.depth // 2
    moment, x = next(
        (2 * stage.layer - 1, stage)
        for stage in stages(PreparedNetwork(network), batch)
        if stage.layer == layer and stage.sublayer is Sublayer.ATTENTION
    )
    before = {f"{span.name} {layer}": x.before[list(span.coordinates)] for span in network.registers}

    def fetch(register: str, position: int, layer: int) -> Vector:
        return tuple(before[f"{register} {layer}"][:, position].tolist())

    checked = 0
    for tokens in tokens_by_class([run], r, batch):
        for span in network.registers:
            content = annotation.contents[tokens.kind][moment][span.name]
            if isinstance(content, Fetched) and content.layer != layer:
                continue
            found = values(content, span.width, tokens, before).T.tolist()
            for column, vector in zip(tokens.columns.tolist(), found, strict=True):
                assert tuple(vector) == value_at(content, span.width, ghosts[column], fetch)
                checked += 1
    assert checked > 1000


def with_rules() -> set[str]:
    """The registers of the chain-of-thought network that have a rule, those of tapes without their number."""
    names = {span.name for span in construct(Paradigm.COT, CASES[0].machine, 4).registers}
    return names & {*cot.SINGLE} | {name.rpartition("_")[0] for name in names} & {*cot.NUMBERED}


@pytest.mark.parametrize("register", sorted(with_rules()))
def test_a_register_annotated_as_empty_is_noticed(register: str) -> None:
    run = trace(CASES[0].machine, CASES[0].word)
    network = construct(Paradigm.COT, run.machine, least(run))
    annotation = annotate(Paradigm.COT, Shape.of(run.machine, least(run)), network.registers)
    found = compare([run], least(run), network, annotation=emptied(annotation, register)).differences
    assert {one.register for one in found} & {register, f"{register}_1"}


def test_a_wrong_word_on_what_look_ups_bring_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trace(CASES[0].machine, CASES[0].word)

    def one_cell_off(fetched: Fetched, shape: Shape, kind: TokenClass) -> Content:
        known = brought(fetched, shape, kind)
        return Bit(known.number, max(known.index - 1, 0)) if isinstance(known, Bit) else known

    monkeypatch.setattr(differential, "brought", one_cell_off)
    assert {kind for kind, *_ in wrong_fetches(run, least(run))} == {TokenClass.EPOS}


def test_layers_out_of_order_are_noticed() -> None:
    run = trace(CASES[0].machine, CASES[0].word)
    network = construct(Paradigm.COT, CASES[0].machine, least(run))
    layers = list(network.layers)
    layers[3] = layers[4]
    assert compare([run], least(run), replace(network, layers=tuple(layers))).differences
