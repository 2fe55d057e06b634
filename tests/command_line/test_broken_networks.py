"""A network that does not do what its construction claims: exit code 1, one line that says where, nothing written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from tests.command_line.invoking import files_in, invoke
from tests.hardmax.naive import with_head, with_neurons


def not_ternary(network: Network) -> Network:
    at = {register.name: register.offset for register in network.registers}
    return with_neurons(network, 5, Neuron((), 1, ((at["const"], 1),)))


def another_token(network: Network) -> Network:
    at = {register.name: register.offset for register in network.registers}
    return with_neurons(network, len(network.layers), Neuron(((at["halted"], 1),), 0, ((at["write_epos"], 1),)))


def no_look_up(network: Network) -> Network:
    (head, *_) = (head for head in network.layers[1].heads if head.kind is HeadKind.LOOKUP)
    place = network.layers[1].heads.index(head)
    wpos = next(register for register in network.registers if register.name == "wpos_1")
    return with_head(network, 2, replace(head, query=wpos.coordinates), place)


BROKEN = {
    "not ternary": (not_ternary, "sequence 0, token 0, layer 5, after the MLP: const becomes 2, which is not in"),
    "another token": (another_token, "expected OUTP, but the network's best token is OUTP, which ties with another"),
    "a look-up of nothing": (no_look_up, "layer 2, head bitA_1: the query does not name one visible position"),
}
COMMANDS = {
    "certify": ("exactformer.certificates.certify.construct", ("certify", "increment", "--input", "1")),
    "run": ("exactformer.certificates.command_line.run.construct", ("run", "increment", "1")),
}


@pytest.mark.parametrize("title", BROKEN)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_network_is_refused(command: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, says = BROKEN[title]

    def constructed(paradigm: Paradigm, machine: TuringMachine, position_bits: int) -> Network:
        return broken(construct(paradigm, machine, position_bits))

    where, arguments = COMMANDS[command]
    monkeypatch.setattr(where, constructed)
    monkeypatch.chdir(tmp_path)
    outcome = invoke(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("Error: sequence 0, token ")
    assert outcome.err.count("\n") == 1
    assert says in outcome.err
    assert files_in(tmp_path) == []


def test_decoding_another_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def constructed(paradigm: Paradigm, machine: TuringMachine, position_bits: int) -> Network:
        network = construct(paradigm, machine, position_bits)
        at = {register.name: register.offset for register in network.registers}
        units = [
            Neuron(((at["halted"], 1),), 0, ((at[name], sign),)) for name, sign in (("halted", -1), ("write_epos", 1))
        ]
        return with_neurons(network, len(network.layers), *units)

    monkeypatch.setattr("exactformer.certificates.command_line.run.construct", constructed)
    outcome = invoke("run", "increment", "1", "--decode")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: token 7: expected OUTP, but the network generates EPOS\n"
