"""The obligations of the annotation: proved for real networks; what they assume holds on runs."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.content import Back, Ghosts, MinusLow, number_at
from exactformer.verify.annotation.content import holds as condition_holds
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.facts import facts
from exactformer.verify.annotation.ghosts import ghosts_of
from exactformer.verify.annotation.heads import Names, head_pattern
from exactformer.verify.annotation.layout import Sequences
from exactformer.verify.annotation.meanings import Meaning, meanings_of
from exactformer.verify.annotation.proof import Gap, HardmaxProof, layer_obligations, prove_hardmax
from exactformer.verify.annotation.symbolic import Symbols
from exactformer.verify.solver import Model, ModelIncomplete, Refuted, any_of, prove, value_of
from exactformer.verify.sweep import draw_case


def holds(machine: TuringMachine, network: Network) -> bool:
    """Whether all obligations are proved."""
    return isinstance(prove_hardmax(machine, network, Evidence()), HardmaxProof)


@pytest.mark.parametrize(
    ("name", "r"), [("increment", 2), ("increment", 4), ("binary-addition", 4), ("palindrome", 6), ("copy", 8)]
)
def test_all_obligations_are_proved(name: str, r: int) -> None:
    machine = load_machine(name)
    assert holds(machine, construct(Paradigm.COT, machine, r))


def bits_of(prefix: str, names: Names, ghosts: Ghosts) -> Model:
    """The values of all unknowns of a pattern that speak of one token, from its ghosts."""
    model: Model = {}
    for number, name in names.known.items():
        try:
            value = number_at(number, ghosts)
        except KeyError:
            continue  # a ghost that the token does not have, so that nothing may depend on it
        model |= {f"{prefix}{name.name}[{b}]": bool(value >> b & 1) for b in range(24)}
    return model


def applies(meaning: Meaning, ghosts: Ghosts) -> bool:
    return all(condition_holds(condition, ghosts) for condition in meaning.when)


@pytest.mark.parametrize("index", range(8))
def test_what_is_said_of_heads_holds_on_runs(index: int) -> None:
    """Assumptions and claims: so the assumptions do not contradict each other."""
    run = draw_case(seed=11, index=index).run
    machine, r = run.machine, least_position_bits(Paradigm.COT, [run])
    tokens, rng = list(ghosts_of(run, r)), random.Random(index)
    network = construct(Paradigm.COT, machine, r)
    annotation = annotate(Paradigm.COT, Shape.of(machine, r), network.registers)
    asked = rng.sample(range(len(tokens)), min(len(tokens), 10))
    checked = 0
    for layer in (n for n in range(1, len(network.layers) + 1) if n <= 3 or n >= len(network.layers) - 6):
        for head in network.layers[layer - 1].heads:
            for meaning in meanings_of(head, layer, annotation):
                for i in (i for i in asked if tokens[i][0] is meaning.kind and applies(meaning, tokens[i][1])):
                    for j in rng.sample(range(i + 1), min(i + 1, 12)):
                        asking, answering = Names("n"), Names("m")
                        arguments = head, meaning, tokens[j][0], layer, annotation, asking, answering
                        claim = head_pattern(*arguments).claim()
                        model = bits_of("i:", asking, tokens[i][1]) | bits_of("j:", answering, tokens[j][1])
                        for formula in (*claim.assumptions, claim.formula):
                            try:
                                assert value_of(formula, model), (layer, head.name, meaning.kind, i, j)
                                checked += 1
                            except ModelIncomplete:
                                continue  # what is fetched from a third token, or a ghost it does not have
    assert checked > 200


@pytest.mark.parametrize("index", range(8))
def test_what_is_assumed_of_one_token_holds_on_runs(index: int) -> None:
    run = draw_case(seed=12, index=index).run
    machine, r = run.machine, least_position_bits(Paradigm.COT, [run])
    shape, tokens = Shape.of(machine, r), list(ghosts_of(run, r))
    annotation = annotate(Paradigm.COT, shape, construct(Paradigm.COT, machine, r).registers)
    models, checked = [(kind, ghosts, model_of(ghosts, r)) for kind, ghosts in tokens[:60]], 0
    for moment in range(0, 2 * annotation.depth, 5):
        for kind in annotation.contents:
            contents = [*annotation.contents[kind][moment].values(), *annotation.contents[kind][moment + 1].values()]
            assumed = facts(contents, Symbols(), r, shape.symbol_bits)
            for _, ghosts, model in (token for token in models if token[0] is kind):
                for assumption in assumed:
                    try:
                        assert value_of(assumption, model), (moment, kind, ghosts)
                        checked += 1
                    except ModelIncomplete:
                        continue  # of q', a', m' where delta says nothing
    assert checked > 50


def model_of(ghosts: Ghosts, r: int) -> Model:
    """The values of all unknowns that speak of one token, under their own names."""
    numbers = dict(ghosts)
    numbers |= {str(Back(d)).replace(" ", ""): max(ghosts["i"] - d, 0) for d in range(r + 4)}
    if "o" in ghosts:
        numbers |= {str(MinusLow(b)).replace(" ", ""): ghosts["i"] - ghosts["o"] % 2**b for b in range(1, r + 1)}
    model: Model = {f"{name}[{b}]": bool(n >> b & 1) for name, n in numbers.items() for b in range(24)}
    model |= {f"{name}={value}": n == value for name, n in ghosts.items() for value in range(r + 1)}
    for ghost in ("tau", "beta"):
        model |= {f"{ghost}<={m}": ghosts[ghost] <= m for m in range(3 * r) if ghost in ghosts}
    for name in [name for name in ghosts if name[0] == "m"]:
        model |= {f"{name}:not-left": ghosts[name] >= 1, f"{name}:right": ghosts[name] == 2}
    return model


@pytest.mark.parametrize("index", range(20))
def test_tokens_follow_each_other_as_the_layout_says(index: int) -> None:
    run = draw_case(seed=13, index=index).run
    r = least_position_bits(Paradigm.COT, [run])
    by_name = {(state.kind, state.index): state for state in Sequences(Paradigm.COT, r).states}
    tokens = [by_name[kind, ghosts.get("tau", ghosts.get("beta", 0))] for kind, ghosts in ghosts_of(run, r)]
    for one, following in pairwise(tokens):
        assert following in Sequences(Paradigm.COT, r).followers(one)


MACHINE = load_machine("increment")
R = 4
NETWORK = construct(Paradigm.COT, MACHINE, R)


def test_the_shape_is_that_of_the_network() -> None:
    assert Shape.of(MACHINE, R).position_bits == NETWORK.position_bits


def test_what_the_solver_leaves_open_is_not_proved() -> None:
    gap = prove_hardmax(MACHINE, NETWORK, Evidence(), budget_seconds=0)
    assert isinstance(gap, Gap)
    assert not gap.known


def test_one_with_evidence_is_not_proved_again(tmp_path: Path) -> None:
    with Evidence(tmp_path / "store") as evidence:
        first = prove_hardmax(MACHINE, NETWORK, evidence)
    with Evidence(tmp_path / "store") as evidence:
        second = prove_hardmax(MACHINE, NETWORK, evidence)
    assert isinstance(first, HardmaxProof)
    assert isinstance(second, HardmaxProof)
    assert sum(tally.proved for tally in first.tallies.values()) > 100
    assert sum(tally.proved for tally in second.tallies.values()) == 0


@pytest.mark.parametrize(
    ("name", "paradigm"),
    [("increment", Paradigm.COT), ("binary-addition", Paradigm.COT), ("increment", Paradigm.SCOT)],
)
def test_what_every_obligation_assumes_is_possible(name: str, paradigm: Paradigm) -> None:
    """Else it would say nothing. Asking costs a fifth of a proof, so the checker asks, and the prover only here."""
    machine = load_machine(name)
    network = construct(paradigm, machine, 4)
    annotation = annotate(paradigm, Shape.of(machine, 4), network.registers)
    nothing, seen = any_of(()), set[str]()
    for number, layer in enumerate(network.layers, start=1):
        obligations, patterns = layer_obligations(annotation, number, layer)
        for instance in obligations.instances:
            if instance.digest in seen:
                continue
            seen.add(instance.digest)
            assumed = patterns[instance.digest].claim().assumptions
            if assumed:
                assert isinstance(prove(nothing, assumed), Refuted), instance.where
    assert len(seen) > 100
