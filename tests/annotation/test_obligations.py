"""The obligations of the annotation: proved for real networks, not for broken ones; what they assume holds on runs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from constructions.machines.library import load_machine
from constructions.machines.machine import TuringMachine
from constructions.machines.run import trace
from constructions.transformer.network import Layer, Mlp, Network
from constructions.transformer.vocabulary import Vocabulary
from constructions.turing.construct import construct
from constructions.turing.encoding import Shape
from constructions.turing.fitting import least_position_bits
from constructions.turing.paradigm import Paradigm
from tests.annotation.differential import differences
from verify.annotation.content import Back, Ghosts, MinusLow
from verify.annotation.ghosts import TokenClass, ghosts_of
from verify.annotation.heads import head_obligations
from verify.annotation.layout import followers, states
from verify.annotation.mlps import mlp_obligation
from verify.lemmas import annotation
from verify.lemmas.outcome import Budget, Disproved, Established, Finding, conclude
from verify.solver import Model, ModelIncomplete, value_of
from verify.sweep import draw_case

FAMILIES = (
    annotation.embeddings,
    annotation.lookups,
    annotation.heads,
    annotation.mlps,
    annotation.next_tokens,
)


def holds(machine: TuringMachine, network: Network, families: tuple[Any, ...] = FAMILIES) -> bool:
    """Whether all obligations are proved."""
    findings: Iterator[Finding] = (finding for family in families for finding in family(machine, network, Budget(120)))
    return isinstance(conclude(findings), Established)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "r"), [("increment", 2), ("increment", 4), ("binary-addition", 4), ("palindrome", 6)])
def test_all_obligations_are_proved(name: str, r: int) -> None:
    machine = load_machine(name)
    assert holds(machine, construct(Paradigm.COT, machine, r))


def model_of(prefix: str, ghosts: Ghosts, r: int) -> Model:
    """The values of all unknowns that speak of one token, from its ghosts."""
    numbers = dict(ghosts)
    numbers |= {str(Back(d)).replace(" ", ""): max(ghosts["i"] - d, 0) for d in range(r + 4)}
    if "o" in ghosts:
        numbers |= {str(MinusLow(b)).replace(" ", ""): ghosts["i"] - ghosts["o"] % 2**b for b in range(1, r + 1)}
    model: Model = {f"{prefix}{name}[{b}]": bool(n >> b & 1) for name, n in numbers.items() for b in range(24)}
    model |= {f"{prefix}{name}={value}": n == value for name, n in ghosts.items() for value in range(r + 1)}
    model |= {f"{prefix}tau<={m}": ghosts["tau"] <= m for m in range(3 * r) if "tau" in ghosts}
    for name in [name for name in ghosts if name[0] == "m"]:
        model |= {f"{prefix}{name}:not-left": ghosts[name] >= 1, f"{prefix}{name}:right": ghosts[name] == 2}
    return model


@pytest.mark.slow
@pytest.mark.parametrize("index", range(6))
def test_what_is_assumed_of_two_tokens_holds_on_runs(index: int) -> None:
    """And so the assumptions do not contradict each other: every branch that a run takes satisfies them."""
    run = draw_case(seed=11, index=index).run
    machine, r = run.machine, least_position_bits(Paradigm.COT, [run])
    tokens = list(ghosts_of(run, r))
    rng = random.Random(index)
    network = construct(Paradigm.COT, machine, r)
    asked = rng.sample(range(len(tokens)), min(len(tokens), 12))
    last = [layer for layer in range(1, len(network.layers) + 1) if layer <= 2 or layer >= len(network.layers) - 6]
    checked = branches = 0
    for layer in last:
        for obligation in head_obligations(machine, network, layer):
            for i in (one for one in asked if tokens[one][0] is obligation.kind):
                model = model_of("query:", tokens[i][1], r)
                for kind, ghosts in (tokens[j] for j in rng.sample(range(i + 1), i + 1)):
                    model |= model_of(f"{kind.name}:", ghosts, r)
                if "written, bit" in obligation.branch or obligation.branch == "written":
                    k = obligation.head.name.rpartition("_")[2]
                    if not model[f"query:written_{k}=1"]:
                        continue
                elif obligation.branch == "unwritten" and model[f"query:written_{obligation.head.name[-1]}=1"]:
                    continue
                if "bit" in obligation.branch:
                    bit, wanted = obligation.branch.split(" ")[2], obligation.branch[-1] == "1"
                    if model[f"query:w_{obligation.head.name[-1]}[{bit}]"] != wanted:
                        continue
                branches += 1
                for assumption in obligation.assumptions:
                    try:
                        assert value_of(assumption, model), (obligation.head.name, obligation.kind, i)
                        checked += 1
                    except ModelIncomplete:
                        continue  # it speaks of a class that has no token in front of this one
    assert branches > 5
    assert checked > 50


@pytest.mark.parametrize("index", range(6))
def test_what_is_assumed_of_one_token_holds_on_runs(index: int) -> None:
    run = draw_case(seed=12, index=index).run
    machine, r = run.machine, least_position_bits(Paradigm.COT, [run])
    network = construct(Paradigm.COT, machine, r)
    tokens = list(ghosts_of(run, r))
    checked = 0
    for number in range(1, len(network.layers) + 1, 3):
        neurons = network.layers[number - 1].mlp.neurons()
        for kind in TokenClass:
            obligation = mlp_obligation(machine, network, neurons, kind, number)
            for _, ghosts in (token for token in tokens[:60] if token[0] is kind):
                model = model_of("", ghosts, r)
                for assumption in obligation.assumptions:
                    try:
                        assert value_of(assumption, model), (number, kind, ghosts)
                        checked += 1
                    except ModelIncomplete:
                        continue  # it speaks of what is fetched from another token
    assert checked > 50


@pytest.mark.parametrize("index", range(20))
def test_tokens_follow_each_other_as_the_layout_says(index: int) -> None:
    run = draw_case(seed=13, index=index).run
    r = least_position_bits(Paradigm.COT, [run])
    by_name = {(state.kind, state.index): state for state in states(r)}
    tokens = [by_name[kind, ghosts.get("tau", ghosts.get("beta", 0))] for kind, ghosts in ghosts_of(run, r)]
    for one, following in pairwise(tokens):
        assert following in followers(one, r)


MACHINE = load_machine("increment")
R = 4
NETWORK = construct(Paradigm.COT, MACHINE, R)
RUNS = [trace(MACHINE, word) for word in ("0", "1", "01", "11", "10")]


def without_neuron(rng: random.Random) -> Network:
    number = rng.randrange(len(NETWORK.layers))
    layer = NETWORK.layers[number]
    units = list(layer.mlp.neurons())
    del units[rng.randrange(len(units))]
    return with_layer(number, Layer(layer.heads, Mlp.of(units)))


def with_changed_weight(rng: random.Random) -> Network:
    number = rng.randrange(len(NETWORK.layers))
    layer = NETWORK.layers[number]
    units = list(layer.mlp.neurons())
    place = rng.randrange(len(units))
    unit = units[place]
    entry = rng.randrange(len(unit.inputs))
    coordinate, weight = unit.inputs[entry]
    inputs = (*unit.inputs[:entry], (coordinate, -weight), *unit.inputs[entry + 1 :])
    units[place] = rng.choice(
        [replace(unit, inputs=inputs), replace(unit, bias=unit.bias + 1), replace(unit, bias=unit.bias - 1)]
    )
    return with_layer(number, Layer(layer.heads, Mlp.of(units)))


def with_changed_head(rng: random.Random) -> Network:
    number = rng.choice([n for n, layer in enumerate(NETWORK.layers) if layer.heads])
    layer = NETWORK.layers[number]
    place = rng.randrange(len(layer.heads))
    head = layer.heads[place]
    side = rng.choice(["query", "key", "value"])
    listed = list(getattr(head, side))
    listed[rng.randrange(len(listed))] = rng.randrange(NETWORK.width)
    change: dict[str, Any] = {side: tuple(listed)}
    heads = (*layer.heads[:place], replace(head, **change), *layer.heads[place + 1 :])
    return with_layer(number, Layer(heads, layer.mlp))


def with_a_layer_repeated(rng: random.Random) -> Network:
    number = rng.randrange(1, len(NETWORK.layers))
    return with_layer(number, NETWORK.layers[number - 1])


def with_changed_vocabulary(rng: random.Random) -> Network:
    families = list(NETWORK.vocabulary.families)
    place = rng.randrange(len(families))
    family = families[place]
    coordinate = rng.randrange(R, NETWORK.width)
    side = rng.choice(["embedding", "unembedding"])
    vector = tuple(entry for entry in getattr(family, side) if entry[0] != coordinate)
    change: dict[str, Any] = {side: (*vector, (coordinate, rng.choice([-1, 1])))}
    families[place] = replace(family, **change)
    return replace(NETWORK, vocabulary=Vocabulary(tuple(families)))


def with_layer(number: int, layer: Layer) -> Network:
    return replace(NETWORK, layers=(*NETWORK.layers[:number], layer, *NETWORK.layers[number + 1 :]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "change",
    [without_neuron, with_changed_weight, with_changed_head, with_a_layer_repeated, with_changed_vocabulary],
    ids=lambda change: change.__name__,
)
def test_a_changed_network_is_not_proved(change: Callable[[random.Random], Network], seed: int) -> None:
    """Unless it does the same: then no run may tell it from the original."""
    changed = change(random.Random(seed))
    if holds(MACHINE, changed):
        for run in RUNS:
            r = least_position_bits(Paradigm.COT, [run])
            assert r > R or list(differences(run, R, changed)) == []


def test_the_shape_is_that_of_the_network() -> None:
    assert Shape.of(MACHINE, R).position_bits == NETWORK.position_bits


def test_an_unproved_obligation_is_not_established() -> None:
    findings = annotation.heads(MACHINE, NETWORK, Budget(0))
    assert not isinstance(conclude(findings), Established | Disproved)
