"""What the kernel says at the true ghosts of runs is what the evaluator computes; and what is not so is noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.hardmax.forward import NotTernaryError
from tests.turing_theory.differential import Comparison, compare, true_sequences
from tests.turing_theory.exhaustive import THEORY

Case = tuple[str, Paradigm, int, tuple[str, ...]]
CASES: list[Case] = [
    ("increment", Paradigm.COT, 4, ("", "0", "11", "1011")),
    ("bit-sort", Paradigm.COT, 6, ("110",)),
    ("rewrite", Paradigm.COT, 4, ("", "111")),
    ("three-equal-blocks", Paradigm.COT, 4, ("", "abc", "aab")),
    ("bit-sort", Paradigm.SCOT, 4, ("", "0", "10")),
    ("copy", Paradigm.SCOT, 4, ("", "01")),
]


@cache
def built(name: str, paradigm: Paradigm, r: int) -> tuple[Network, Theory]:
    machine = load_machine(name)
    return construct(paradigm, machine, r), THEORY[paradigm](machine, r)


def sequences(case: Case) -> list[list[TrueToken]]:
    name, paradigm, r, words = case
    return [tokens for word in words for tokens in true_sequences(paradigm, load_machine(name), word, r)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}, {case[1].value}, r = {case[2]}")
def test_all_that_is_said_is_so(case: Case) -> None:
    network, theory = built(*case[:3])
    found = compare(network, theory, sequences(case))
    assert found.differences == []
    # Behind the embedding, all heads and all neurons of a layer; and once more in simpler words.
    assert found.coordinates == found.tokens * network.width * (1 + 3 * len(network.layers))
    assert found.selections == found.tokens * sum(len(layer.heads) for layer in network.layers)
    assert min(found.given, found.outputs) > found.tokens / 4


@pytest.mark.parametrize("paradigm", list(Paradigm), ids=lambda paradigm: paradigm.value)
def test_the_sequences_have_tokens_of_every_class(paradigm: Paradigm) -> None:
    seen = {token.cls for case in CASES if case[1] is paradigm for tokens in sequences(case) for token in tokens}
    theory = built("increment", paradigm, 4)[1]
    classes = {line.split()[1].rstrip(":") for line in theory.text.split("\n") if line.startswith("class ")}
    assert seen == classes


SMALL: Case = ("increment", Paradigm.COT, 4, ("1",))


def compared(network: Network | None = None, tokens: Sequence[Sequence[TrueToken]] = ()) -> Comparison:
    """The proof for one network, and the evaluation of another, or of others' ghosts."""
    original, theory = built(*SMALL[:3])
    return compare(original, theory, tokens or sequences(SMALL), network)


def without_a_neuron(number: int) -> Iterator[Comparison]:
    """The original compared with networks that lack a neuron of a layer, and are ternary all the same."""
    network = built(*SMALL[:3])[0]
    layer = network.layers[number - 1]
    for place in range(layer.mlp.size):
        units = layer.mlp.neurons()
        changed = Layer(layer.heads, Mlp.of([*units[:place], *units[place + 1 :]]))
        layers = (*network.layers[: number - 1], changed, *network.layers[number:])
        with suppress(NotTernaryError):
            yield compared(replace(network, layers=layers))


@pytest.mark.parametrize("number", [14, 15])
def test_a_coordinate_that_is_not_so_is_noticed_behind_that_sublayer(number: int) -> None:
    found = next(one.differences for one in without_a_neuron(number) if one.differences)
    assert found[0].startswith(f"stage {2 * number}, ")


@pytest.mark.parametrize(("part", "value"), [("selects", {"run": "true"}), ("member", "pos"), ("when", "false")])
def test_a_case_of_a_head_that_is_not_so_is_noticed(part: str, value: object) -> None:
    network, theory = built(*SMALL[:3])
    number, place = next(
        (number, place)
        for number, layer in enumerate(network.layers)
        for place, head in enumerate(layer.heads)
        if head.name == "written_1"
    )
    annotation = [[list(cases) for cases in layer] for layer in theory.annotation]
    annotation[number][place][0] = replace(annotation[number][place][0], **{part: value})  # type: ignore[arg-type]
    found = compare(network, theory, sequences(SMALL), told=replace(theory, annotation=annotation)).differences
    said = {"selects": " selects ", "member": " has the member ", "when": " has the cases "}[part]
    assert any(said in one for one in found)
    assert all(one.startswith(f"layer {number + 1}, written_1: ") for one in found)


def test_a_token_that_does_not_come_next_is_noticed() -> None:
    network = built(*SMALL[:3])[0]
    families = [replace(one, unembedding=()) if one.name == "OUTP" else one for one in network.vocabulary.families]
    changed = replace(network, vocabulary=replace(network.vocabulary, families=tuple(families)))
    assert "OUTP" in compared(changed).differences[-1]


def wrong_ghosts(tokens: list[TrueToken]) -> Iterator[tuple[str, list[TrueToken]]]:
    """One ghost of a run token is not what it is."""
    place = next(n for n, token in enumerate(tokens) if token.cls == "run")
    ghosts = tokens[place].ghosts
    for name, other in (("x_1", 3), ("written_1", not ghosts["written_1"]), ("tau", 4)):
        yield name, [*tokens[:place], replace(tokens[place], ghosts={**ghosts, name: other}), *tokens[place + 1 :]]


@pytest.mark.parametrize("name", ["x_1", "written_1", "tau"])
def test_a_ghost_that_is_not_true_is_noticed(name: str) -> None:
    (tokens,) = sequences(SMALL)
    changed = dict(wrong_ghosts(tokens))[name]
    assert changed != tokens
    assert compared(tokens=[changed]).differences


def test_a_meaning_of_a_name_that_is_not_that_of_the_kernel_is_noticed() -> None:
    """Names are evaluated here on plain numbers, by what the annotation says."""
    network, theory = built(*SMALL[:3])
    other = [[replace(one, number="pos - 2") if one.name == "prev" else one for one in layer] for layer in theory.names]
    found = compare(network, theory, sequences(SMALL), told=replace(theory, names=other))
    assert " prev" in found.differences[0]
