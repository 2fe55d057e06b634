"""Counts without a network, against the network."""

from __future__ import annotations

import pytest

from exactformer.certificates.weights import parameters
from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.counting import Subject, network_size

PLACES = [(name, 6) for name in HANDWRITTEN] + [("increment", 4), ("binary-multiplication", 16), ("reverse", 24)]


@pytest.mark.parametrize("paradigm", Paradigm)
@pytest.mark.parametrize(("name", "position_bits"), PLACES)
def test_the_counts_are_those_of_the_network(name: str, position_bits: int, paradigm: Paradigm) -> None:
    machine = load_machine(name)
    network = construct(paradigm, machine, position_bits)
    size = network_size(paradigm, Subject.of_machine(machine), position_bits)
    assert size.dimensions == dimensions_of(network)
    assert size.tokens == network.vocabulary.size
    counted = [(m.matrix, m.nonzero, set(m.values)) for m in parameters(network, None)]
    assert [(m.matrix, m.nonzero, set(m.values)) for m in size.matrices] == counted
    assert size.nonzero == sum(nonzero for _, nonzero, _ in counted)
    placed = [(n, head.name) for n, layer in enumerate(network.layers, start=1) for head in layer.heads]
    assert sorted((head.layer, head.name) for head in size.heads) == sorted(placed)


def test_the_least_position_bits_have_one_head_more() -> None:
    assert network_size(Paradigm.COT, Subject.of_sizes(1, 2, 2), 2).dimensions.heads == 4
    assert network_size(Paradigm.COT, Subject.of_sizes(1, 2, 2), 4).dimensions.heads == 3


def test_sizes_count_a_total_transition_function() -> None:
    """increment has 6 states and 5 symbols, and entries for fewer than 30 situations."""
    machine = load_machine("increment")
    sizes = Subject.of_sizes(1, len(machine.states), len(machine.alphabet))
    of_sizes, of_machine = (network_size(Paradigm.COT, one, 8) for one in (sizes, Subject.of_machine(machine)))
    missing = sizes.entries - len(machine.transitions)
    difference = {
        one.matrix: one.nonzero - other.nonzero
        for one, other in zip(of_sizes.matrices, of_machine.matrices, strict=True)
    }
    assert missing > 0
    assert (difference["mlp_bias"], difference["mlp_in"], difference["mlp_out"]) == (missing, 6 * missing, 8 * missing)
    assert of_sizes.dimensions == of_machine.dimensions


def test_dense_parameters_are_those_of_full_matrices() -> None:
    size = network_size(Paradigm.COT, Subject.of_machine(load_machine("increment")), 8)
    d, d_ff, layers, heads, tokens = 148, 146, 28, 3, size.tokens
    attention = heads * (2 * d * 31 + 2 * d * 8)
    assert size.dense == layers * (attention + d * d_ff + d_ff + d_ff * d) + 2 * tokens * d
