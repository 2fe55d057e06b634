"""What the annotation says is what the evaluator computes: every token, sublayer and coordinate of many runs."""

from __future__ import annotations

import pytest

from constructions.machines.run import Run, trace
from constructions.turing.construct import construct
from constructions.turing.fitting import least_position_bits
from constructions.turing.paradigm import Paradigm
from tests.annotation.differential import differences, wrong_fetches
from tests.machine_table import CASES, Case
from verify.annotation import cot
from verify.annotation.content import Zero
from verify.annotation.cot import Place
from verify.sweep import draw_case


def least(run: Run) -> int:
    return least_position_bits(Paradigm.COT, [run])


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if len(case.word) <= 6], ids=str)
def test_machines_of_the_library(case: Case) -> None:
    run = trace(case.machine, case.word)
    assert list(differences(run, least(run))) == []
    assert list(wrong_fetches(run, least(run))) == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_random_machines(block: int) -> None:
    for index in range(6 * block, 6 * block + 6):
        run = draw_case(seed=7, index=index).run
        assert list(differences(run, least(run))) == []
        assert list(wrong_fetches(run, least(run))) == []


@pytest.mark.parametrize("extra", [0, 2, 4])
def test_more_position_bits_than_needed(extra: int) -> None:
    run = draw_case(seed=7, index=3).run
    assert list(differences(run, least(run) + extra)) == []


@pytest.mark.parametrize("register", sorted({**cot.SINGLE, **cot.PER_TAPE}))
def test_a_register_annotated_as_empty_is_noticed(register: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trace(CASES[0].machine, CASES[0].word)

    def empty(_: Place, *__: int) -> Zero:
        return Zero()

    table = cot.SINGLE if register in cot.SINGLE else cot.PER_TAPE
    monkeypatch.setitem(table, register, empty)
    assert next(differences(run, least(run)), None) is not None


def test_layers_out_of_order_are_noticed() -> None:
    run = trace(CASES[0].machine, CASES[0].word)
    network = construct(Paradigm.COT, CASES[0].machine, least(run))
    layers = list(network.layers)
    layers[3] = layers[4]
    changed = type(network)(network.registers, network.position_bits, tuple(layers), network.vocabulary)
    assert next(differences(run, least(run), changed), None) is not None
