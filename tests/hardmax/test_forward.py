"""The forward pass against a naive one, and activations that leave {-1, 0, 1}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exactformer.constructions.transformer.gadgets import Neuron, Zero, neurons
from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.hardmax import layer as layer_module
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.decode import decode
from exactformer.verify.hardmax.forward import NotTernaryError, Sublayer, final_activations, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.hardmax.naive import naive_forward, network_and_run, with_head, with_neurons

NETWORK, SHORT = network_and_run("increment", "1", 6)
LONG = network_and_run("increment", "11", 6)[1]
AT = {register.name: register.offset for register in NETWORK.registers}


@pytest.mark.parametrize("at_once", [0, 1 << 19], ids=["head by head", "heads together"])
@pytest.mark.parametrize(
    ("name", "words", "position_bits"),
    [
        ("increment", ("1", "0011"), 6),
        ("rewrite", ("111",), 4),
        ("copy", ("01", "", "0"), 6),
        ("binary-counter", ("000",), 8),
    ],
)
def test_every_sublayer_is_that_of_a_naive_evaluation(
    name: str, words: tuple[str, ...], position_bits: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_module, "SCORES_AT_ONCE", at_once)
    network = network_and_run(name, words[0], position_bits)[0]
    sequences = [network_and_run(name, word, position_bits)[1] for word in words]
    naive = [naive_forward(network, sequence.tokens) for sequence in sequences]
    expected = [np.concatenate(parts, axis=1) for parts in zip(*naive, strict=True)]
    prepared = PreparedNetwork(network)
    batch = embed(prepared, sequences)
    seen = list(stages(prepared, batch))
    assert [(stage.layer, stage.sublayer) for stage in seen] == [
        (number, sublayer) for number in range(1, len(network.layers) + 1) for sublayer in Sublayer
    ]
    for number, stage in enumerate(seen):
        assert (stage.before == expected[number]).all()
        assert (stage.after == expected[number + 1]).all()
    assert (final_activations(prepared, batch) == expected[-1]).all()


def test_a_network_that_loses_its_positions_is_still_evaluated_right() -> None:
    pos, prev, is_sigma = (register_named(name) for name in ("pos", "prev", "is_sigma"))
    lookup = CompiledHead(
        "the one before", HeadKind.LOOKUP, prev.coordinates, pos.coordinates, is_sigma.coordinates, (AT["write_pos"],)
    )
    short = replace(NETWORK, layers=(*NETWORK.layers[:2], Layer((lookup,), Mlp.of(()))))
    # Behind layer 2 bit 0 of `pos` is turned around, so that what stood at an even position is found at the next.
    turned = with_neurons(short, 2, *neurons(Zero(pos.bit(0))), *neurons(Zero(pos.bit(0))))
    outcomes = []
    for network in (short, turned):
        prepared = PreparedNetwork(network)
        found = final_activations(prepared, embed(prepared, [LONG]))
        assert (found == naive_forward(network, LONG.tokens)[-1]).all()
        outcomes.append(found[AT["write_pos"]].tolist())
    assert outcomes[0][:5] == [0, 0, 1, 1, 0]  # INP SIGMA SIGMA EINP RUN
    assert outcomes[1][:5] == [0, 1, 0, 0, 1]


def register_named(name: str) -> Span:
    return next(register for register in NETWORK.registers if register.name == name)


@dataclass(frozen=True)
class Broken:
    """A change to NETWORK, and where its activations first leave {-1, 0, 1} on SHORT and LONG side by side."""

    title: str
    change: Callable[[Network], Network]
    sequence: int
    token: int
    layer: int
    sublayer: Sublayer
    coordinate: str
    value: str

    def __str__(self) -> str:
        return self.title


def head(query: str, key: str, value: str, out: str) -> CompiledHead:
    return CompiledHead("broken", HeadKind.CONTENT, (AT[query],), (AT[key],), (AT[value],), (AT[out],))


BROKEN = (
    Broken(
        "a neuron that is always on",
        lambda n: with_neurons(n, 5, Neuron((), 1, ((AT["const"], 1),))),
        0, 0, 5, Sublayer.MLP, "const", "2",
    ),
    Broken(
        "a neuron that takes away too much",
        lambda n: with_neurons(n, 1, Neuron((), 3, ((AT["const"], -1),))),
        0, 0, 1, Sublayer.MLP, "const", "-2",
    ),
    Broken(
        "a bit of a register",
        lambda n: with_neurons(n, 7, Neuron(((AT["is_einp"], 1),), 0, ((AT["hpos_1"] + 2, -1),))),
        0, 2, 7, Sublayer.MLP, "hpos_1[2]", "-2",
    ),
    Broken(
        "a neuron that only the second sequence turns on",
        lambda n: with_neurons(n, 3, Neuron(((AT["is_sigma"], 1), (1, 1), (2, -1)), -2, ((AT["const"], 1),))),
        1, 2, 3, Sublayer.MLP, "const", "2",
    ),
    Broken(
        "the first of several, though not in the order of the coordinates",
        lambda n: with_neurons(
            n,
            2,
            Neuron(((AT["is_run"], 3),), 0, ((5, 1),)),
            Neuron(((AT["is_run"], 1),), 0, ((AT["const"], 1),)),
            Neuron(((AT["is_einp"], 1),), 0, ((AT["not_inp"], 1),)),
        ),
        0, 2, 2, Sublayer.MLP, "not_inp", "2",
    ),
    Broken(
        "two neurons of which none alone does harm",
        lambda n: with_neurons(n, 2, *[Neuron(((AT["is_einp"], 1),), 0, ((AT["is_bit"], 1),))] * 2),
        0, 2, 2, Sublayer.MLP, "is_bit", "2",
    ),
    Broken(
        "a head that writes where something stands",
        lambda n: with_head(n, 4, head("const", "const", "const", "const")),
        0, 0, 4, Sublayer.ATTENTION, "const", "2",
    ),
    Broken(
        "a head whose tied values average to a half",
        lambda n: with_head(n, 1, head("const", "const", "is_sigma", "read_blank")),
        0, 1, 1, Sublayer.ATTENTION, "read_blank", "1/2 more than it was",
    ),
    Broken(
        "a head that finds EINP, from its own token on",
        lambda n: with_head(n, 6, head("const", "is_einp", "is_einp", "not_inp")),
        0, 2, 6, Sublayer.ATTENTION, "not_inp", "2",
    ),
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_the_error_says_where(broken: Broken) -> None:
    prepared = PreparedNetwork(broken.change(NETWORK))
    with pytest.raises(NotTernaryError) as caught:
        final_activations(prepared, embed(prepared, [SHORT, LONG]))
    error = caught.value
    found = (error.sequence, error.token, error.layer, error.sublayer, error.coordinate, error.value)
    assert found == (broken.sequence, broken.token, broken.layer, broken.sublayer, broken.coordinate, broken.value)
    assert str(error) == (
        f"sequence {broken.sequence}, token {broken.token}, layer {broken.layer}, after the {broken.sublayer.value}: "
        f"{broken.coordinate} becomes {broken.value}, which is not in {{-1, 0, 1}}"
    )


@pytest.mark.parametrize("broken", [each for each in BROKEN if each.sequence == 0 and "/" not in each.value], ids=str)
def test_decoding_refuses_alike(broken: Broken) -> None:
    prepared = PreparedNetwork(broken.change(NETWORK))
    with pytest.raises(NotTernaryError) as caught:
        list(decode(prepared, SHORT.tokens[: SHORT.prompt]))
    error = caught.value
    found = (error.token, error.layer, error.sublayer, error.coordinate, error.value)
    assert found == (broken.token, broken.layer, broken.sublayer, broken.coordinate, broken.value)


def test_the_unchanged_network_is_ternary() -> None:
    prepared = PreparedNetwork(NETWORK)
    assert abs(final_activations(prepared, embed(prepared, [SHORT, LONG]))).max() == 1
