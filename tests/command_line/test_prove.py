"""``exactformer prove``: proved, inconclusive, bad input; never more than was shown."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from certificates.command_line import prove
from certificates.command_line.main import cli
from constructions.transformer.network import Layer, Mlp, Network
from constructions.turing.construct import construct


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["prove", *arguments])
    return result.exit_code, result.output


def test_proved() -> None:
    code, out = call("increment", "--context", "4")
    assert code == 0
    assert out.startswith("PROVED\nFor every input on which increment halts")
    assert "nothing is said here about softmax or rounding" in out


def test_as_json() -> None:
    code, out = call("increment", "--context", "4", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "proved")


def test_no_time_is_inconclusive() -> None:
    code, out = call("increment", "--context", "4", "--budget", "0")
    assert code == 3
    assert out.startswith("INCONCLUSIVE\nNothing is claimed.")


@pytest.mark.parametrize("number", [0, 3, 7])
def test_a_network_without_a_neuron_is_not_proved(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> Network:
        network = construct(*arguments)  # type: ignore[arg-type]
        layers = list(network.layers)
        layer = layers[number]
        layers[number] = Layer(layer.heads, Mlp.of(layer.mlp.neurons()[1:]))
        return Network(network.registers, network.position_bits, tuple(layers), network.vocabulary)

    monkeypatch.setattr(prove, "construct", broken)
    code, out = call("increment", "--context", "4")
    assert code == 3
    assert "not as annotated" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("nosuch", "--context", "4"), "neither a machine"), (("increment", "--context", str(2**65)), "up to 2**64")],
    ids=["unknown machine", "context too large"],
)
def test_bad_input(arguments: tuple[str, ...], says: str) -> None:
    code, out = call(*arguments)
    assert code == 2
    assert says in out
