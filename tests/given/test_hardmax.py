"""Hardmax in exact rationals: compiled networks against the ternary evaluator, others against the definition."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from exactformer.certificates.checker.sequences.hardmax import Tally
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_parts import Form
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import stages
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.given.networks import random_transformer
from tests.given.walked import replayed
from tests.hardmax.naive import network_and_run


def name_of(network: Network, token: Token) -> str:
    fields = network.vocabulary.family(token).fields
    values = network.vocabulary.values_of(token)
    return " ".join([token.family, *(f"{field.name}={one}" for field, one in zip(fields, values, strict=True))])


@pytest.mark.parametrize(("machine", "word", "bits"), [("increment", "11", 6), ("reverse", "a", 6)])
def test_compiled_networks_do_what_they_did(machine: str, word: str, bits: int) -> None:
    network, sequence = network_and_run(machine, word, bits)
    compare(network, sequence)


def compare(network: Network, sequence: TokenSequence) -> None:
    net, prepared = Transformer.of(network), PreparedNetwork(network)
    tokens = [name_of(network, token) for token in sequence.tokens]
    found = replayed(net, tokens)
    batch = embed(prepared, [sequence])
    assert (batch.x == np.array(found.states[0]).T).all()
    for stage, exact in zip(stages(prepared, batch), found.states[1:], strict=True):
        assert (stage.after == np.array(exact).T).all()
    observed = observe(prepared, [sequence])
    assert found.heads == [Tally(_fraction(one.separation), one.most_maximisers) for one in observed.heads]
    margins = []
    for position in range(sequence.prompt - 1, len(tokens) - 1):
        logits = list(found.logits[position])
        own = logits.pop(net.index[tokens[position + 1]])
        margins.append(own - max(logits))
    assert min(margins) == observed.margins[0]


def _fraction(number: int | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def test_summarizing_networks_are_written_out_too() -> None:
    from exactformer.constructions.machines.library import load_machine

    net = Transformer.of(construct(Paradigm.SCOT, load_machine("increment"), 6))
    assert any(token.name.startswith("CELL") for token in net.vocabulary)


# ---------------------------------------------------------------------------- the definition, one number at a time

Column = list[Fraction]


def value(form: Form, x: Column) -> Fraction:
    return sum((weight * x[index] for index, weight in form.vector), form.bias)


def defined(net: Transformer, tokens: list[str]) -> tuple[list[list[Column]], list[list[tuple[int, Fraction | None]]]]:
    """x after every sublayer; of each layer and head the largest number of ties and the least gap."""
    x = []
    for place, token in enumerate(tokens):
        column = [Fraction(0)] * net.width
        parts = [net.vocabulary[net.index[token]].embedding]
        parts += [] if net.positions is None else [net.positions.vector(place)]
        for part in parts:
            for index, number in part:
                column[index] += number
        x.append(column)
    done, seen_of_heads = [], []
    for layer in net.layers:
        after = [list(column) for column in x]
        of_layer = []
        for head in layer.heads:
            most, gaps = 0, []
            for i, column in enumerate(x):
                seen = x[: i + 1] if net.causal else x
                asked = [value(form, column) for form in head.query]
                keys = [[value(form, one) for form in head.key] for one in seen]
                scores = [sum((q * k for q, k in zip(asked, key, strict=True)), Fraction()) for key in keys]
                best = [other for other, score in zip(seen, scores, strict=True) if score == max(scores)]
                gaps += [max(scores) - score for score in scores if score != max(scores)]
                most = max(most, len(best))
                means = [sum((value(form, one) for one in best), Fraction()) / len(best) for form in head.value]
                for coordinate, form in head.out:
                    after[i][coordinate] += value(form, means)
            of_layer.append((most, min(gaps, default=None)))
        done.append(after)
        x = [list(column) for column in after]
        for column in x:
            neurons = [max(Fraction(0), value(form, column)) for form in layer.neurons]
            for coordinate, form in layer.out:
                column[coordinate] += value(form, neurons)
        done.append(x)
        seen_of_heads.append(of_layer)
    return done, seen_of_heads


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_against_the_definition(seed: int) -> None:
    """Their numbers are so coarse that many scores tie and means have odd denominators."""
    rng = Random(seed)
    net = random_transformer(rng, layers=3, bits=seed % 3, length=None if seed % 4 == 0 else 8)
    tokens = [rng.choice("abcd") for _ in range(7)]
    found = replayed(net, tokens)
    done, heads = defined(net, tokens)
    assert found.states[1:] == done
    assert [(head.ties, head.separation) for head in found.heads] == [head for layer in heads for head in layer]
    assert found.logits == [[value(token.unembedding, column) for token in net.vocabulary] for column in done[-1]]


def test_means_of_ties_occur() -> None:
    """The test above relies on this."""
    rng = Random(0)
    net = random_transformer(rng, layers=3, bits=0, length=None)
    assert max(head.ties for head in replayed(net, ["a", "b", "a", "b", "c"]).heads) > 1
