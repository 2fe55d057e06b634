"""Every gadget does what `lemmas.py` says of it, on all inputs listed there."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.gadgets import Condition, Neuron, neurons, when
from exactformer.constructions.transformer.program import ProgramBuilder
from exactformer.constructions.transformer.registers import Layout
from exactformer.constructions.turing.cot import subtract
from exactformer.constructions.turing.encoding import MOVE_BITS, Shape
from exactformer.constructions.turing.machine_tables import transition_mlp
from exactformer.constructions.turing.registers import CotRegisters
from tests.constructions.lemmas import MOVES, Lemma, code, codes, difference, gain, lemmas, mutants

WIDTHS = (2, 3, 4, 5, 6)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_gadget_adds_what_its_lemma_says(width: int) -> None:
    for lemma in lemmas(width):
        gained = gain(neurons(lemma.gadget), lemma.inputs)
        wrong = np.flatnonzero((gained != lemma.expected).any(axis=0))
        assert not len(wrong), (
            f"{lemma}: on {lemma.inputs[:, wrong[0]].tolist()} it adds {gained[:, wrong[0]].tolist()}, "
            f"not {lemma.expected[:, wrong[0]].tolist()}"
        )


def accepted(lemma: Lemma, units: Iterable[Neuron]) -> bool:
    return bool((gain(units, lemma.inputs) == lemma.expected).all())


@pytest.mark.parametrize("width", [2, 3])
def test_every_changed_neuron_is_noticed(width: int) -> None:
    changed = 0
    for lemma in lemmas(width):
        for title, units in mutants(list(neurons(lemma.gadget))):
            if not any(unit.outputs for unit in units):
                continue
            changed += 1
            assert not accepted(lemma, units), f"{lemma}: {title} makes no difference"
    assert changed > 1000


@pytest.mark.parametrize("width", WIDTHS)
def test_subtract_takes_the_subtrahend_away_layer_by_layer(width: int) -> None:
    layout = Layout()
    minuend, subtrahend, only = layout.add("minuend", width), layout.add("subtrahend", width), layout.add("only", 1)
    builder = ProgramBuilder()
    subtract(builder, 3, minuend, subtrahend, only)
    assert [placed.layer for placed in builder.gadgets] == list(range(3, 3 + width))
    pairs = [(a, b) for a in range(2**width) for b in range(a + 1)]
    x = np.array([[*code(a, width), *code(b, width), flag] for a, b in pairs for flag in (0, 1)]).T
    expected = np.array(
        [[*code(a - b if flag else a, width), *code(b, width), flag] for a, b in pairs for flag in (0, 1)]
    ).T
    for placed in builder.gadgets:
        x = x + gain(neurons(placed.gadget), x)
        assert abs(x).max() == 1
    assert (x == expected).all()


@pytest.mark.parametrize("name", ["increment", "rewrite", "binary-addition", "three-equal-blocks"])
def test_transition_neurons_add_the_entry_that_matches_and_nothing_else(name: str) -> None:
    machine = load_machine(name)
    K, shape = machine.tapes, Shape.of(machine, 2)
    layout = Layout()
    x = CotRegisters.lay_out(shape, layout)
    cases = list(product(codes(shape.state_bits), *[codes(shape.symbol_bits)[:-1]] * K))
    inputs = np.zeros((layout.width, len(cases)), np.int64)
    expected = np.zeros_like(inputs)
    entries = {
        (
            code(machine.states.index(state), shape.state_bits),
            *(code(machine.alphabet.index(symbol), shape.symbol_bits) for symbol in read),
        ): action
        for (state, read), action in machine.transitions.items()
    }
    for column, (state, *read) in enumerate(cases):
        inputs[list(x.state.coordinates), column] = state
        for k in range(K):
            inputs[list(x.read[k].coordinates), column] = read[k]
        action = entries.get((state, *read))
        if action is None:
            continue
        expected[list(x.newstate.coordinates), column] = code(machine.states.index(action.state), shape.state_bits)
        for k in range(K):
            symbol = code(machine.alphabet.index(action.written[k]), shape.symbol_bits)
            expected[list(x.newsym[k].coordinates), column] = symbol
            expected[list(x.newmove[k].coordinates), column] = MOVES[action.moves[k]]
    units = transition_mlp(machine, x).neurons()
    assert len(units) == len(machine.transitions)
    assert (gain(units, inputs) == expected).all()
    assert not (gain(units[1:], inputs) == expected).all()


def test_moves_are_encoded_as_the_spec_says() -> None:
    assert MOVE_BITS == MOVES


def test_conditions_read_as_they_are_meant() -> None:
    layout = Layout()
    register, flag = layout.add("hpos_1", 4), layout.add("is_run", 1)
    conditions = when(register.bit(2), unless=(flag,))
    assert conditions == (Condition(register.bit(2)), Condition(flag, False))
    assert list(map(str, conditions)) == ["hpos_1[2]", "not is_run"]


def test_difference_and_codes_are_what_the_lemmas_are_built_from() -> None:
    assert codes(2) == [(-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0)]
    assert difference((1, 0), (-1, 1)) == (2, -1)
