"""From a program to weights: nothing is lost, added or moved."""

from __future__ import annotations

import numpy as np
import pytest

from exactformer.constructions.transformer.gadgets import Copy, Neuron, Zero, neurons
from exactformer.constructions.transformer.network import Mlp, Network, SparseRows, compile_layers
from exactformer.constructions.transformer.program import HeadKind, Program, ProgramBuilder
from exactformer.constructions.transformer.registers import Layout
from exactformer.constructions.transformer.vocabulary import Vocabulary
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.paradigm import ContextError, position_bits_for
from tests.machine_table import CASES

NEURONS = (
    Neuron(((0, 1), (3, -1)), -2, ((1, 1),)),
    Neuron((), 5, ((0, -1), (2, 1))),
    Neuron(((2, 1),), 0, ()),
)


def rows_of(rows: SparseRows) -> list[list[tuple[int, int]]]:
    entries = list(zip(rows.coordinate.tolist(), rows.weight.tolist(), strict=True))
    return [entries[a:b] for a, b in zip(rows.start[:-1], rows.start[1:], strict=True)]


def neurons_of(mlp: Mlp) -> list[Neuron]:
    """What an MLP does, read back from its weights."""
    return [
        Neuron(tuple(inputs), bias, tuple(outputs))
        for inputs, bias, outputs in zip(rows_of(mlp.inputs), mlp.bias.tolist(), rows_of(mlp.outputs), strict=True)
    ]


def test_neurons_survive_in_order() -> None:
    mlp = Mlp.of(NEURONS)
    assert neurons_of(mlp) == list(mlp.neurons()) == list(NEURONS)
    assert mlp.size == 3
    assert neurons_of(Mlp.of(())) == list(Mlp.of(()).neurons()) == []


def test_mlps_are_joined_in_order() -> None:
    first, second = Mlp.of(NEURONS), Mlp.of(NEURONS[::-1])
    joined = Mlp.joined(first, second)
    assert neurons_of(joined) == [*NEURONS, *NEURONS[::-1]]
    assert joined.inputs.start.tolist() == [0, 2, 2, 3, 4, 4, 6]
    assert joined.inputs.rows() == [tuple(row) for row in rows_of(joined.inputs)]
    assert neurons_of(Mlp.joined(first, Mlp.of(()))) == neurons_of(Mlp.joined(Mlp.of(()), first)) == list(NEURONS)


def test_a_program_is_compiled_layer_by_layer() -> None:
    layout = Layout()
    pos, a, b = layout.add("pos", 2), layout.add("a", 2), layout.add("b", 2)
    builder = ProgramBuilder()
    builder.lookup(3, "find", a, pos, b, b)
    builder.attend(1, "other", (a, 2 * b.bit(0)), (b, 2 * a.bit(1)), a, b)
    builder.mlp(1, Copy(a, b), Zero(a))
    program = Program(layout.registers, 3, tuple(builder.heads), tuple(builder.gadgets))
    one, two, three = compile_layers(program)
    assert [(h.name, h.kind, h.query, h.key, h.value, h.out) for h in one.heads] == [
        ("other", HeadKind.CONTENT, (2, 3, 4, 4), (4, 5, 3, 3), (2, 3), (4, 5))
    ]
    assert [(h.name, h.kind, h.query, h.key) for h in three.heads] == [("find", HeadKind.LOOKUP, (2, 3), (0, 1))]
    assert neurons_of(one.mlp) == [*neurons(Copy(a, b)), *neurons(Zero(a))]
    assert (two.heads, neurons_of(two.mlp), neurons_of(three.mlp)) == ((), [], [])
    assert program.width == 6
    assert program.register("b") == b


def test_coordinates_have_names() -> None:
    layout = Layout()
    layout.add("pos", 2), layout.add("flag", 1)
    network = Network(layout.registers, 2, (), Vocabulary(()))
    assert [network.coordinate_name(c) for c in range(3)] == ["pos[0]", "pos[1]", "flag"]
    with pytest.raises(IndexError, match="has 3 coordinates, asked for 3"):
        network.coordinate_name(3)


@pytest.mark.parametrize("name", dict.fromkeys(case.name for case in CASES))
def test_every_weight_of_a_construction_is_small_and_in_place(name: str) -> None:
    network = construct_cot(next(case for case in CASES if case.name == name).machine, 4)
    for layer in network.layers:
        for head in layer.heads:
            assert len(head.query) == len(head.key)
            assert len(head.value) == len(head.out) == len(set(head.out))
            assert max((*head.query, *head.key, *head.value, *head.out)) < network.width
        for rows in (layer.mlp.inputs, layer.mlp.outputs):
            assert rows.start[-1] == len(rows.coordinate) == len(rows.weight)
            assert set(np.unique(rows.weight)) <= {-1, 1}
            assert rows.coordinate.max(initial=0) < network.width
            # a scatter matrix would add what stands twice, and a certificate lists each coordinate once
            assert all(len(dict(row)) == len(row) for row in rows_of(rows))
        assert not set(range(network.position_bits)) & {c for h in layer.heads for c in h.out}
        assert not set(range(network.position_bits)) & set(layer.mlp.outputs.coordinate.tolist())


@pytest.mark.parametrize("position_bits", [0, 1, 3, 5])
def test_r_must_be_even_and_at_least_two(position_bits: int) -> None:
    with pytest.raises(ContextError, match=f"r must be even and at least 2 for cot, not {position_bits}"):
        construct_cot(CASES[0].machine, position_bits)


def test_position_bits_are_the_fewest_even_ones_that_hold_the_context() -> None:
    for context in range(1, 1100):
        assert position_bits_for(context) == min(r for r in range(2, 20, 2) if context <= 2**r)
    assert position_bits_for(2**64) == 64
    with pytest.raises(ContextError, match="up to 2\\^64 tokens"):
        position_bits_for(2**64 + 1)
    with pytest.raises(ContextError, match="a context of 0 tokens holds nothing"):
        position_bits_for(0)
