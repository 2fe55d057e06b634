"""The chain of thought as a theory: true on runs, line by line; proved for a network, and not for a changed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from exactformer.api import prove
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.theory import cot_theory
from exactformer.trial import TrueToken, Value, output_of, try_on
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax
from tests.checker.ghosts import Ghosts, ghosts_of, run_segments

RUNS = [("increment", "1011", 8), ("increment", "0", 6), ("copy", "0110", 8), ("binary-addition", "1+11", 8)]
CLASS = {"POS": "block"}
MOVES = {0: "L", 1: "S", 3: "R"}


@cache
def simulated(name: str) -> Machine:
    return parse_machine(write_machine(load_machine(name)))


def true_token(machine: Machine, inputs: Sequence[str], token: Ghosts, behind: Ghosts | None) -> TrueToken:
    """With the ghosts of `cot.theory`, from those of SPEC 11.1; what is not there is the first of its kind."""
    values, found = token.values, dict[str, Value]()
    if "s" in values:
        found |= {"s": machine.alphabet[values["s"]], "tape": machine.alphabet[values["s"]]}
    for name in ("tau", "beta", "o"):
        found |= {name: values[name]} if name in values else {}
    found |= {"halted": bool(values["halted"])} if "halted" in values else {}
    if token.cls in ("EINP", "RUN", "EPOS"):
        found |= {"q": machine.states[values["q"]], "next": machine.states[values.get("q'", 0)]}
    tapes = range(1, machine.tapes + 1)
    for k in tapes:
        for name in ("c", "x", "y"):
            found |= {f"{name}_{k}": values[f"{name}_{k}"]} if f"{name}_{k}" in values else {}
        if token.cls == "RUN":
            found |= {f"a_{k}": machine.alphabet[values[f"a_{k}"]], f"m_{k}": MOVES[values[f"m_{k}"]]}
        if f"x_{k}" in values:
            symbol = machine.alphabet[values.get(f"g_{k}", 0)]
            found |= {f"written_{k}": bool(values[f"written_{k}"]), f"w_{k}": values.get(f"w_{k}", 0), f"g_{k}": symbol}
        if token.cls in ("EINP", "RUN", "EPOS"):
            found |= {
                f"read_{k}": machine.alphabet[values.get(f"g_{k}", 0)],
                f"write_{k}": machine.alphabet[values.get(f"a'_{k}", 0)],
                f"move_{k}": MOVES[values.get(f"m'_{k}", 0)],
            }
        if token.cls == "BIT":
            found[f"here_{k}"] = "+1" if values[f"y_{k}"] >> values["beta"] & 1 else "-1"
        if token.cls in ("POS", "BIT"):
            spelled = values[f"x_{k}"] if token.cls == "POS" else values[f"y_{k}"] >> values["beta"] + 1
            last = behind is None or behind.cls == "EPOS"
            found[f"spelled_{k}"] = "+1" if spelled & 1 and not last else "-1"
    if token.cls in ("OUTP", "OUTPUT"):
        read = machine.alphabet[values.get("g_1", 0)]
        found["symbol"] = read if read in inputs else inputs[0]
    return TrueToken(CLASS.get(token.cls, token.cls.lower()), found)


def true_run(name: str, word: str, r: int) -> tuple[Theory, list[TrueToken], list[tuple[str, tuple[str, ...]]]]:
    """The theory, the tokens of a run with their true ghosts, and the tokens themselves."""
    machine, inputs = simulated(name), load_machine(name).input_alphabet
    (segment,) = run_segments(machine, word, r, "cot")
    ghosts = ghosts_of(machine, segment.tokens, summarized=False)
    found = [true_token(machine, inputs, one, after) for one, after in zip(ghosts, [*ghosts[1:], None], strict=True)]
    return cot_theory(load_machine(name), r), found, segment.tokens


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_all_that_it_says_is_true_of_runs(name: str, word: str, r: int) -> None:
    theory, tokens, _ = true_run(name, word, r)
    assert len(tokens) < 2**r
    assert {token.cls for token in tokens} >= {"run", "block", "bit", "epos"} or r == 6
    assert list(try_on(theory, r, tokens)) == []


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_the_token_that_has_to_come_next_is_that_of_the_run(name: str, word: str, r: int) -> None:
    theory, found, tokens = true_run(name, word, r)
    for named, (family, fields) in zip(output_of(theory, r, found)[:-1], tokens[1:], strict=True):
        if named is not None:
            assert (named[0], sorted(map(str, named[1].values()))) == (family, sorted(fields))
    assert sum(named is not None for named in output_of(theory, r, found)) >= len(tokens) - len(word) - 3


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
