"""What is observed of whole runs; a network with anything wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import CompiledHead, Mlp, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.vocabulary import Family, Vocabulary
from exactformer.verify.hardmax import batch as batch_module
from exactformer.verify.hardmax.attention import NO_GAP
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import HeadMismatch, Observations, Query, TokenMismatch, observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out
from tests.hardmax.naive import (
    naive_attention,
    naive_forward,
    network_and_run,
    with_head,
    with_layer,
    with_neurons,
)

NETWORK, FIRST = network_and_run("increment", "1", 6)
SEQUENCES = [FIRST, *(network_and_run("increment", word, 6)[1] for word in ("0011", "11"))]
AT = {register.name: register.offset for register in NETWORK.registers}
LAST = len(NETWORK.layers)


def seen_by(network: Network) -> Observations:
    return observe(PreparedNetwork(network), SEQUENCES)


def test_heads_are_observed_as_a_naive_evaluation_sees_them() -> None:
    observations = seen_by(NETWORK)
    naive = [naive_forward(NETWORK, sequence.tokens) for sequence in SEQUENCES]
    listed = iter(observations.heads)
    for number, layer in enumerate(NETWORK.layers, start=1):
        for index, head in enumerate(layer.heads):
            gaps: dict[Query, int] = {}
            ties: dict[int, Query] = {}
            most = 0
            for run, after in enumerate(naive):
                x = after[2 * (number - 1)].astype(np.int8)
                found = naive_attention(head, x, np.zeros(x.shape[1], np.int64))
                for token in range(x.shape[1]):
                    most = max(most, int(found.maximisers[token]))
                    if found.runner_up_gap[token] < NO_GAP:
                        gaps[Query(run, token)] = int(found.runner_up_gap[token])
                    if found.value_size[:, token].any():
                        ties.setdefault(int(found.maximisers[token]), Query(run, token))
            observed = next(listed)
            assert (observed.layer, observed.index, observed.head) == (number, index, head)
            assert observed.separation == min(gaps.values())
            assert observed.witness == min(query for query, gap in gaps.items() if gap == observed.separation)
            assert observed.ties == ties
            assert observed.most_maximisers == most
    assert next(listed, None) is None


def test_margins_are_the_least_of_each_run() -> None:
    expected = []
    for sequence in SEQUENCES:
        margin = read_out(NETWORK, naive_forward(NETWORK, sequence.tokens)[-1].astype(np.int8)).margin
        expected.append(int(margin[sequence.prompt - 1 : len(sequence) - 1].min()))
    assert seen_by(NETWORK).margins == tuple(expected)


@pytest.mark.parametrize("limit", [1, 40])
def test_batches_make_no_difference(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seen_by(NETWORK)
    monkeypatch.setattr(batch_module, "COLUMNS_AT_A_TIME", limit)
    assert seen_by(NETWORK) == whole


def test_progress_is_called_for_each_sublayer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "COLUMNS_AT_A_TIME", 1)
    calls: list[tuple[int, int]] = []
    observe(PreparedNetwork(NETWORK), SEQUENCES, lambda done, total: calls.append((done, total)))
    total = 2 * len(NETWORK.layers) * len(SEQUENCES)
    assert calls == [(done, total) for done in range(1, total + 1)]


def unembedding_changed(network: Network, family: str, change: Callable[[Family], Family]) -> Network:
    families = tuple(change(each) if each.name == family else each for each in network.vocabulary.families)
    return replace(network, vocabulary=Vocabulary(families))


def field_turned(family: Family) -> Family:
    """Its first field, with the unembeddings of two values exchanged."""
    first, *rest = family.fields
    turned = replace(first, unembedding=(first.unembedding[1], first.unembedding[0], *first.unembedding[2:]))
    return replace(family, fields=(turned, *rest))


def neuron_changed(network: Network, layer: int, place: int, change: Callable[[Neuron], Neuron]) -> Network:
    units = list(network.layers[layer - 1].mlp.neurons())
    units[place] = change(units[place])
    return with_layer(network, layer, None, Mlp.of(units))


def head_named(network: Network, layer: int, name: str) -> int:
    return next(place for place, head in enumerate(network.layers[layer - 1].heads) if head.name == name)


def exchanged(listed: tuple[int, ...], a: int, b: int) -> tuple[int, ...]:
    order = list(listed)
    order[a], order[b] = order[b], order[a]
    return tuple(order)


def coordinates(name: str) -> tuple[int, ...]:
    return next(register for register in NETWORK.registers if register.name == name).coordinates


def transition_layer() -> int:
    return LAST - 3  # L3 + 1


@dataclass(frozen=True)
class Wrong:
    """A change to NETWORK, the error that is due, and what its message must say."""

    title: str
    change: Callable[[Network], Network]
    error: type[Exception]
    says: str

    def __str__(self) -> str:
        return self.title


WRONG = (
    Wrong(
        "two states exchanged in the unembedding of run tokens",
        lambda n: unembedding_changed(n, "RUN", field_turned),
        TokenMismatch,
        "sequence 0, token 3: expected RUN(right ^1 R), but the network's best token is RUN(mark ^1 R), which wins by",
    ),
    Wrong(
        "the unembedding of OUTP left out",
        lambda n: unembedding_changed(n, "OUTP", lambda family: replace(family, unembedding=())),
        TokenMismatch,
        "expected OUTP, but the network's best token is",
    ),
    Wrong(
        "EPOS unembedded as POS is",
        lambda n: unembedding_changed(
            n, "EPOS", lambda family: replace(family, unembedding=n.vocabulary.families[4].unembedding)
        ),
        TokenMismatch,
        "sequence 1, token 12: expected POS, but the network's best token is POS, which ties with another token",
    ),
    Wrong(
        "a transition neuron with another output",
        lambda n: neuron_changed(
            n, transition_layer(), 2, lambda unit: replace(unit, outputs=tuple((c, -w) for c, w in unit.outputs))
        ),
        TokenMismatch,
        "sequence 0, token",
    ),
    Wrong(
        "a transition neuron that fires too easily",
        lambda n: neuron_changed(n, transition_layer(), 4, lambda unit: replace(unit, bias=unit.bias + 3)),
        NotTernaryError,
        f"layer {LAST - 3}, after the MLP",
    ),
    Wrong(
        "maximisers with values +1 and -1, whose mean is ternary",
        # `outsym[0]` becomes +1 at INP, -1 at position 1 and 0 elsewhere; the head then averages all that is visible
        lambda n: with_head(
            with_neurons(
                n,
                4,
                Neuron(((AT["is_inp"], 1),), 0, ((AT["outsym"], 1),)),
                Neuron(((0, 1), *((bit, -1) for bit in range(1, 6))), -5, ((AT["outsym"], -1),)),
            ),
            5,
            CompiledHead("mean", HeadKind.CONTENT, (AT["const"],), (AT["const"],), (AT["outsym"],), (AT["ptr"],)),
        ),
        HeadMismatch,
        "sequence 0, token 1, layer 5, head mean: its 2 maximisers have different values",
    ),
    Wrong(
        "a last write found by the wrong bit",
        lambda n: with_head(
            n,
            LAST - 4,
            replace(n.layers[LAST - 5].heads[0], query=(*[AT["last_1"]] * 6, AT["const"])),
            0,
        ),
        NotTernaryError,
        f"layer {LAST - 4}, after the attention",
    ),
    Wrong(
        "a gadget's neuron left out",
        lambda n: with_layer(n, 1, None, Mlp.of(n.layers[0].mlp.neurons()[1:])),
        TokenMismatch,
        "expected",
    ),
    Wrong(
        "a flag that is set at every token",
        lambda n: with_neurons(n, LAST, Neuron(((AT["write_pos"], -1),), 1, ((AT["write_pos"], 1),))),
        TokenMismatch,
        "but the network's best token is",
    ),
)  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_changed_network_is_refused(wrong: Wrong) -> None:
    with pytest.raises(wrong.error) as caught:
        seen_by(wrong.change(NETWORK))
    assert wrong.says in str(caught.value)


def test_a_token_that_the_network_does_not_predict_is_refused() -> None:
    tokens = list(FIRST.tokens)
    tokens[-2] = replace(tokens[-2], values=(1 - tokens[-2].values[0],))
    with pytest.raises(TokenMismatch, match=r"expected SIGMA\(1\), but the network's best token is SIGMA\(0\)"):
        observe(PreparedNetwork(NETWORK), [replace(FIRST, tokens=tuple(tokens))])


@pytest.mark.parametrize(
    ("title", "query", "token"),
    [
        ("exchanged bits name a later position", lambda: exchanged(coordinates("prev"), 0, 2), 2),
        ("the register is zero at INP", lambda: coordinates("wpos_1"), 0),
        ("a bit is a flag", lambda: (*coordinates("back1")[:5], AT["is_run"]), 0),
    ],
)
def test_a_look_up_that_names_no_visible_position_is_refused(
    title: str, query: Callable[[], tuple[int, ...]], token: int
) -> None:
    # Without a block no token of the first run has a bit to fetch: hardmax itself does not notice what is wrong.
    place = head_named(NETWORK, 3, "bitA_1")
    changed = with_head(NETWORK, 3, replace(NETWORK.layers[2].heads[place], query=query()), place)
    with pytest.raises(HeadMismatch) as caught:
        observe(PreparedNetwork(changed), [FIRST])
    says = "layer 3, head bitA_1: the query does not name one visible position"
    assert str(caught.value) == f"sequence 0, token {token}, {says}", title


@pytest.mark.parametrize("layer", [1, 6, 11, 15, LAST - 4])
def test_a_gadget_neuron_left_out_is_noticed(layer: int) -> None:
    """Not every neuron is needed on three short runs; but in each layer some neuron is, and each one that is needed is
    noticed."""
    units = NETWORK.layers[layer - 1].mlp.neurons()
    refused = 0
    for place in range(len(units)):
        changed = with_layer(NETWORK, layer, None, Mlp.of([*units[:place], *units[place + 1 :]]))
        try:
            seen_by(changed)
        except (TokenMismatch, HeadMismatch, NotTernaryError):
            refused += 1
    assert refused >= len(units) // 10
