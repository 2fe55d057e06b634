"""Maxima, ties and separations of every kind of head, on real runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.fitting import smallest_context
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.observe import HeadObservation, observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.hardmax.naive import naive_scores
from tests.machine_table import CASES, Case


@dataclass(frozen=True)
class Row:
    """One row of the table.

    ``maxima``: what a query's largest score can be, each as (a, b, c) for a r + b j + c with j the step of the binary
    search; ``several``: whether maximisers that share a value other than 0 can be several; the least separation.
    """

    names: str
    kind: HeadKind
    maxima: tuple[tuple[int, int, int], ...]
    several: bool
    separation: int


LOOKUPS = r"bitA_\d+|bitB_\d+|hposprev_\d+|nextbit_\d+|rth_run|write_epos|statex"
TABLE = (
    Row(LOOKUPS, HeadKind.LOOKUP, ((1, 0, 0),), False, 2),
    Row("seen_outp", HeadKind.CONTENT, ((0, 0, 0), (0, 0, 1)), False, 1),
    Row("outpos", HeadKind.CONTENT, ((0, 0, 0), (0, 0, 1), (0, 0, 2)), False, 1),
    Row(r"written_\d+", HeadKind.CONTENT, ((1, 0, 0), (1, 0, -1)), True, 1),
    Row(r"exists_high_\d+", HeadKind.CONTENT, ((1, 1, 1), (1, 1, 0)), True, 1),
    Row(r"read_\d+", HeadKind.CONTENT, ((1, 0, 0), (0, 0, 1)), False, 1),
)


def row_of(head: CompiledHead) -> Row:
    (row,) = [row for row in TABLE if re.fullmatch(row.names, head.name)]
    return row


def position_bits(case: Case) -> int:
    return position_bits_for(smallest_context(Paradigm.COT, [trace(case.machine, case.word)]))


def contradicts(observed: HeadObservation) -> str:
    """The part of the table that an observation contradicts; empty when there is none."""
    row = row_of(observed.head)
    if observed.head.kind is not row.kind:
        return "kind"
    if observed.separation is not None and observed.separation < row.separation:
        return "separation"
    if row.kind is HeadKind.LOOKUP and (observed.most_maximisers != 1 or observed.separation != 2):
        return "look-up"
    if not row.several and set(observed.ties) - {1}:
        return "ties"
    return ""


@pytest.mark.parametrize("more", [0, 2], ids=["smallest r", "r + 2"])
@pytest.mark.parametrize("name", dict.fromkeys(case.name for case in CASES))
def test_separations_and_ties_are_those_of_the_table(name: str, more: int) -> None:
    for case in (case for case in CASES if case.name == name):
        r = position_bits(case) + more
        prepared = PreparedNetwork(construct_cot(case.machine, r))
        observations = observe(prepared, [cot_tokens(case.machine, trace(case.machine, case.word), r)])
        for observed in observations.heads:
            assert contradicts(observed) == "", (case, observed.head.name, observed.layer)


def test_contradictions_of_the_table_are_noticed() -> None:
    case = CASES[1]
    prepared = PreparedNetwork(construct_cot(case.machine, 6))
    run = cot_tokens(case.machine, trace(case.machine, case.word), 6)
    heads = {observed.head.name: observed for observed in observe(prepared, [run]).heads}
    first = heads["read_1"].witness
    assert first is not None
    assert contradicts(replace(heads["read_1"], separation=0)) == "separation"
    assert contradicts(replace(heads["read_1"], ties={2: first})) == "ties"
    assert contradicts(replace(heads["statex"], separation=3)) == "look-up"
    assert contradicts(replace(heads["statex"], most_maximisers=2)) == "look-up"
    wrong_kind = replace(heads["statex"].head, kind=HeadKind.CONTENT)
    assert contradicts(replace(heads["statex"], head=wrong_kind)) == "kind"
    assert contradicts(replace(heads["written_1"], ties={2: first})) == ""


@pytest.mark.parametrize("title", ["1+1", "copy 011", "rewrite 111111", "binary-counter 00"])
def test_maxima_are_those_of_the_table(title: str) -> None:
    name, _, word = title.rpartition(" ")
    name = name or "binary-addition"
    machine = next(case.machine for case in CASES if case.name == name)
    run = trace(machine, word)
    r = position_bits_for(smallest_context(Paradigm.COT, [run]))
    prepared = PreparedNetwork(construct_cot(machine, r))
    met: dict[str, set[int]] = {}
    steps = 0
    for stage in stages(prepared, embed(prepared, [cot_tokens(machine, run, r)])):
        if stage.sublayer is Sublayer.MLP:
            continue
        in_layer = [head for head, _ in stage.attentions]
        step = steps
        steps += any(head.name == "exists_high_1" for head in in_layer)
        for head in in_layer:
            maxima = {max(naive_scores(head, stage.before, query)) for query in range(stage.before.shape[1])}
            allowed = {a * r + b * step + c for a, b, c in row_of(head).maxima}
            assert maxima <= allowed, (head.name, stage.layer)
            met.setdefault(row_of(head).names, set()).update(maxima)
    assert steps == r
    assert len(met) == len(TABLE)
    assert met[r"written_\d+"] == {r - 1, r}
    assert met["seen_outp"] == {0, 1}
    assert met["outpos"] >= {0, 1}
    assert met[r"read_\d+"] == {1, r}


def test_the_ties_of_written_count_the_writers_of_a_cell() -> None:
    machine = next(case.machine for case in CASES if case.name == "rewrite")
    sequence = cot_tokens(machine, trace(machine, "1" * 9), 8)
    prepared = PreparedNetwork(construct_cot(machine, 8))
    heads = {observed.head.name: observed for observed in observe(prepared, [sequence]).heads}
    # ten run tokens write cell 0 of tape 2; on tape 1 each cell has its input symbol and one run token at most
    assert sorted(heads["written_2"].ties) == list(range(1, 11))
    assert heads["written_2"].ties[10].token == np.flatnonzero([t.family == "RUN" for t in sequence.tokens])[-1]
    assert sorted(heads["written_1"].ties) == [1, 2]
