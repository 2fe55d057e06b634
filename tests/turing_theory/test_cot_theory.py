"""The chain of thought as a theory: true on runs, line by line; proved for a network, and not for a changed one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

from exactformer import trial
from exactformer.api import prove
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.theory import Theory, TrueToken, Value
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.theory import cot_theory
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.trial import output_of, try_on
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax

RUNS = [("increment", "1011", 8), ("increment", "0", 6), ("copy", "0110", 8), ("binary-addition", "1+11", 8)]


def true_run(name: str, word: str, r: int) -> tuple[Theory, list[TrueToken]]:
    machine = load_machine(name)
    return cot_theory(machine, r), list(cot_sequence(machine, word, r))


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_all_that_it_says_is_true_of_runs(name: str, word: str, r: int) -> None:
    theory, tokens = true_run(name, word, r)
    assert len(tokens) < 2**r
    assert {token.cls for token in tokens} >= {"run", "block", "bit", "epos"} or r == 6
    assert list(try_on(theory, r, tokens)) == []


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_the_token_that_has_to_come_next_is_that_of_the_run(name: str, word: str, r: int) -> None:
    theory, found = true_run(name, word, r)
    machine = load_machine(name)
    sequence = cot_tokens(machine, trace(machine, word), r)
    vocabulary, outputs = construct_cot(machine, r).vocabulary, output_of(theory, r, found)
    for named, token in zip(outputs[:-1], sequence.tokens[1:], strict=True):
        if named is not None:
            family, values = named
            fields = [field.name for field in vocabulary.family(token).fields]
            assert (family, tuple(values[name] for name in fields)) == (token.family, vocabulary.values_of(token))
    assert [named is not None for named in outputs] == [
        sequence.prompt - 1 <= at < len(found) - 1 for at in range(len(found))
    ]


BREAKS = [("rewrite", "1"), ("rewrite", "1111"), ("copy", "")]


def test_every_line_can_be_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one other ghost of one token, or another token in its place: a line that no change breaks says nothing."""
    left = set(lines_that_say_something(cot_theory(load_machine("rewrite"), 4).text))
    for name, word in BREAKS:
        machine = load_machine(name)
        theory, tokens = cot_theory(machine, 4), list(islice(cot_sequence(machine, word, 4), 2**4))
        read = read_theory(theory.text, theory.parameters, 4)
        monkeypatch.setattr(trial, "read_theory", lambda *_, read=read: read)
        for changed in one_change(tokens):
            left -= {wrong.line for wrong in try_on(theory, 4, changed)}
    assert sorted(left) == []


def lines_that_say_something(text: str) -> Iterator[str]:
    """As `try_on` names them."""
    for at, line in enumerate(text.split("\n"), start=1):
        word, _, rest = line[line.startswith("for ") and line.index(": ") + 2 :].partition(" ")
        if word == "follow":
            yield f"follow {rest.split(':')[0]}"
        elif word in ("fact", "pair", "before", "define"):
            yield f"theory, line {at}"


def one_change(tokens: Sequence[TrueToken]) -> Iterator[list[TrueToken]]:
    """The sequence with one token changed: to the last of another class, or in one ghost."""
    last = {token.cls: token for token in tokens}
    for place, token in enumerate(tokens):
        others = [other for cls, other in last.items() if cls != token.cls]
        for name, value in token.ghosts.items():
            others += [
                replace(token, ghosts={**token.ghosts, name: other}) for other in other_values(tokens, name, value)
            ]
        yield from ([*tokens[:place], other, *tokens[place + 1 :]] for other in others)


def other_values(tokens: Sequence[TrueToken], name: str, value: Value) -> Iterable[Value]:
    """The other flag, the numbers beside, other elements that occur, or what is none."""
    match value:
        case bool():
            return {not value}
        case int():
            return {one for one in (value - 1, value + 1) if one >= 0}
    return {"none of them", *(token.ghosts[name] for token in tokens if name in token.ghosts)} - {value}


@cache
def built(r: int) -> tuple[Network, Theory]:
    machine = load_machine("increment")
    return construct_cot(machine, r), cot_theory(machine, r)


def test_a_machine_is_proved_by_the_kernel_that_knows_no_machine() -> None:
    """With the separations, ties and margin that the prover for Turing machines finds."""
    network, theory = built(4)
    walked = prove(network, theory)
    known = prove_hardmax(load_machine("increment"), network, Evidence())
    assert isinstance(known, HardmaxProof)
    heads = [head for layer in walked.heads for head in layer]
    assert [(head.separation, head.many) for head in known.heads] == [
        (head.separation, head.many or ours.many) for head, ours in zip(heads, known.heads, strict=True)
    ]
    assert walked.margin == known.margin == 1


CHANGES = {
    "a bias of the transition": (15, "bias"),
    "a weight that is read": (15, "input"),
    "a weight that is written": (10, "output"),
}


@pytest.mark.parametrize("title", CHANGES)
def test_a_changed_network_is_not(title: str) -> None:
    number, part = CHANGES[title]
    network, theory = built(4)
    layers = list(network.layers)
    first, *others = layers[number - 1].mlp.neurons()
    (coordinate, weight), *rest = first.inputs
    (target, added), *more = first.outputs
    changed = {
        "bias": Neuron(first.inputs, first.bias + 1, first.outputs),
        "input": Neuron(((coordinate, -weight), *rest), first.bias, first.outputs),
        "output": Neuron(first.inputs, first.bias, ((target, -added), *more)),
    }[part]
    layers[number - 1] = Layer(layers[number - 1].heads, Mlp.of([changed, *others]))
    with pytest.raises(Rejected):
        prove(replace(network, layers=tuple(layers)), theory)
