"""Both theories of a machine: proved for its network, and not for a changed one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import cot_theory, scot_theory

pytestmark = pytest.mark.usefixtures("walked_once")

THEORY = {Paradigm.COT: cot_theory, Paradigm.SCOT: scot_theory}


@cache
def built(paradigm: Paradigm, name: str = "increment") -> tuple[Network, Theory]:
    machine = load_machine(name)
    return construct(paradigm, machine, 4), THEORY[paradigm](machine, 4)


@pytest.mark.parametrize(
    ("name", "paradigm"),
    [
        ("increment", Paradigm.COT),
        ("increment", Paradigm.SCOT),
        ("rewrite", Paradigm.COT),
        ("copy", Paradigm.SCOT),
        ("three-equal-blocks", Paradigm.COT),
    ],
)
def test_machines_are_proved_by_the_kernel_that_knows_no_machine(name: str, paradigm: Paradigm) -> None:
    """One tape, two and three: with the separations, ties and margin that the construction has."""
    network, theory = built(paradigm, name)
    walked = prove(network, theory)
    heads = [(head, found) for layer, of in zip(network.layers, walked.heads, strict=True)
             for head, found in zip(layer.heads, of, strict=True)]  # fmt: skip
    assert {found.separation for head, found in heads if head.kind is HeadKind.LOOKUP} == {2}
    assert {found.separation for head, found in heads if head.kind is not HeadKind.LOOKUP} == {1}
    tapes = range(1, load_machine(name).tapes + 1)
    many = {head.name for head, found in heads if found.ties != 1}
    assert many == {f"{what}_{k}" for what in ("written", "exists_high") for k in tapes}
    assert {found.ties for head, found in heads if head.name in many} == {16, 1}
    # Of those that agree with w in all bits and have the last bit, there is one.
    assert [found.ties for head, found in heads if head.name == "exists_high_1"] == [16, 16, 16, 1]
    assert walked.margin == 1


@pytest.mark.parametrize(
    ("paradigm", "number", "register", "part"),
    [
        (Paradigm.COT, 15, "newstate", "bias"),
        (Paradigm.COT, 15, "newsym_1", "input"),
        (Paradigm.COT, 10, "last_1", "output"),
        (Paradigm.SCOT, 1, "final_summ", "input"),
        (Paradigm.SCOT, 3, "length_cap", "bias"),
        (Paradigm.SCOT, 12, "next_cell", "output"),
        (Paradigm.SCOT, 13, "finalstateout", "output"),
        (Paradigm.SCOT, 15, "nextcellhead_1", "input"),
    ],
)
def test_a_changed_network_is_not(paradigm: Paradigm, number: int, register: str, part: str) -> None:
    network, theory = built(paradigm)
    layers, neurons = list(network.layers), list(network.layers[number - 1].mlp.neurons())
    written = next(span for span in network.registers if span.name == register).coordinates
    place = next(at for at, one in enumerate(neurons) if any(target in written for target, _ in one.outputs))
    one = neurons[place]
    (coordinate, weight), *rest = one.inputs
    (target, added), *more = one.outputs
    neurons[place] = {
        "bias": Neuron(one.inputs, one.bias + 1, one.outputs),
        "input": Neuron(((coordinate, -weight), *rest), one.bias, one.outputs),
        "output": Neuron(one.inputs, one.bias, ((target, -added), *more)),
    }[part]
    layers[number - 1] = Layer(layers[number - 1].heads, Mlp.of(neurons))
    with pytest.raises(Rejected):
        prove(replace(network, layers=tuple(layers)), theory)
