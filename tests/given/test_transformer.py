"""Transformers from matrices, and from compiled networks; what is not one is refused, with where and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import exactformer as ef
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import (
    HeadWeights,
    LayerWeights,
    largest_outputs,
    nearest_outputs,
)
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.exact_parts import BitPositions, Form, LargestOutputs
from exactformer.constructions.transformer.given import Given, GivenError

EYE = [[1, 0], [0, 1]]


def built(**changed: Any) -> Transformer:
    fields: dict[str, Any] = {"vocabulary": ["a", "b"], "embedding": EYE, "unembedding": EYE, "layers": [head()]}
    return Transformer.build(**(fields | changed))


def head(**changed: Any) -> LayerWeights:
    fields: dict[str, Any] = {"query": EYE, "key": EYE, "value": EYE, "out": EYE}
    return LayerWeights([HeadWeights(**(fields | changed))])


def test_floats_are_the_numbers_they_are() -> None:
    for kind in (np.float16, np.float32, np.float64):
        matrix = np.array([[0.1, 0], [3, -0.0]], kind)
        net = built(embedding=matrix)
        assert net.vocabulary[0].embedding == ((0, Fraction(*kind(0.1).as_integer_ratio())),)
        assert net.vocabulary[1].embedding == ((0, Fraction(3)),)
    mixed = built(unembedding=[[Fraction(5, 8), 0.5], [np.float32(0.25), np.int8(-3)]], unembedding_bias=[0, 1])
    assert mixed.vocabulary[0].unembedding == Form(((0, Fraction(5, 8)), (1, Fraction(1, 2))))
    assert mixed.vocabulary[1].unembedding == Form(((0, Fraction(1, 4)), (1, Fraction(-3))), Fraction(1))


def test_the_short_floats_of_other_packages() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    net = built(embedding=np.array(EYE, dtype=ml_dtypes.bfloat16) / 3)
    assert net.vocabulary[0].embedding == ((0, Fraction(171, 512)),)


def test_biases_everywhere() -> None:
    biases = {"query_bias": [1, 0], "key_bias": [2, 0], "value_bias": [3, 0], "out_bias": [4, 0]}
    weights = head(**biases)
    layer = LayerWeights(weights.heads, [[1, 1]], [[1], [0]], [5], [0, 6])
    (made,) = built(layers=[layer], unembedding_bias=[0, 7]).layers
    (one,) = made.heads
    assert [one.query[0].bias, one.key[0].bias, one.value[0].bias, one.out[0][1].bias] == [1, 2, 3, 4]
    assert made.neurons[0].bias == 5
    assert made.out == ((0, Form(((0, Fraction(1)),))), (1, Form((), Fraction(6))))


def test_a_layer_without_mlp_may_add_a_bias() -> None:
    (made,) = built(layers=[LayerWeights(out_bias=[0, 2])]).layers
    assert made.out == ((1, Form((), Fraction(2))),)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "NaN": ({"embedding": [[1, float("nan")], [0, 1]]}, "embedding, row 0, column 1 is nan; weights have to be finite"),
    "infinity": (
        {"layers": [head(query_bias=np.array([0, np.inf], np.float32))]},
        "layer 1, head 0, query, bias, column 1 is inf; weights have to be finite",
    ),
    "a third": (
        {"unembedding": [[Fraction(1, 3), 0], [0, 1]]},
        "unembedding, row 0, column 0 is 1/3, whose denominator is not a power of two; round it first",
    ),
    "a number of too many bits": (
        {"embedding": [[1, 0], [2**9000, 1]]},
        "embedding, row 1, column 0 has 9001 bits; weights have at most 8192",
    ),
    "a text": ({"embedding": [["1", 0], [0, 1]]}, "embedding, row 0, column 0 is '1', which is not an integer"),
    "a truth value": ({"embedding": [[True, 0], [0, 1]]}, "embedding, row 0, column 0 is True, which is not a number"),
    "a complex number": ({"embedding": np.eye(2) * 1j}, "embedding, row 0, column 0 is 1j, which is not an integer"),
    "too few rows": ({"unembedding": [[1, 0]]}, "unembedding has shape (1, 2); it has to be (2, 2)"),
    "a query that is too wide": (
        {"layers": [head(query=[[1, 0, 0]])]},
        "layer 1, head 0, query, row 0 has shape (3,); the matrix has to be (any number of rows, 2)",
    ),
    "fewer keys than queries": (
        {"layers": [head(key=[[1, 0]])]},
        "layer 1, head 0, key has shape (1, 2); it has to be (2, 2)",
    ),
    "out the wrong way round": (
        {"layers": [head(value=[[1, 0]], out=[[1, 0]])]},
        "layer 1, head 0, out has shape (1, 2); it has to be (2, 1)",
    ),
    "a bias that is too long": (
        {"layers": [head(value_bias=[1, 2, 3])]},
        "layer 1, head 0, value, bias has shape (3,); it has to be (2,)",
    ),
    "a jagged matrix": ({"embedding": [[1, 0], [1]]}, "embedding, row 1 has shape (1,); the matrix has to be (2, 2)"),
    "a vector for a matrix": ({"unembedding": [1, 2]}, "unembedding, row 0 has shape (); the matrix has to be (2, 2)"),
    "neurons without out": (
        {"layers": [LayerWeights(neurons=[[1, 1]])]},
        "layer 1, out has shape (); it has to be (2, 1)",
    ),
    "out without neurons": (
        {"layers": [LayerWeights(out=[[1], [1]])]},
        "layer 1 has an MLP without neurons; give neurons, of shape (d_ff, 2)",
    ),
    "one token": (
        {"vocabulary": ["a"], "embedding": [[1, 0]], "unembedding": [[1, 0]]},
        "the vocabulary has 1 token(s); it needs at least two",
    ),
    "a token twice": ({"vocabulary": ["a", "a"]}, "the token 'a' is in the vocabulary twice; names have to be unique"),
    "a token without a name": ({"vocabulary": ["a", 3]}, "the token 3 is not a text; tokens are named by texts"),
    "positions that are too wide": (
        {"positions": [[0, 1, 2]]},
        "positions, row 0 has shape (3,); the matrix has to be (any number of rows, 2)",
    ),
    "no position": ({"positions": []}, "the table of positions is empty; give the vector of at least one"),
    "bits beyond the width": (
        {"positions": BitPositions(1, 2)},
        "2 bits of the position from coordinate 1 do not fit the width 2; give 1 to 64",
    ),
    "names of some coordinates": ({"coordinates": ["x"]}, "1 names for 2 coordinates"),
    "a scale of 0": ({"layers": [head(scale=0)]}, "layer 1, head 0: the scale of scores is 0; it has to be above 0"),
    "a scale that is NaN": (
        {"layers": [head(scale=float("nan"))]},
        "layer 1, head 0, scale is nan; weights have to be",
    ),
    "a scale of too many bits": (
        {"layers": [head(scale=Fraction(1, 3**6000))]},
        "layer 1, head 0, scale has 9510 bits",
    ),
    "an unseen token that is none": ({"unseen": ["c"]}, "the unseen token 'c' is not in the vocabulary"),
    "an unseen token twice": ({"unseen": ["b", "b"]}, "the unseen token 'b' comes after 'b'; each is named once"),
    "nothing to say": ({"unembedding": None}, "unembedding has shape (); it has to be (2, 2)"),
    "a bias of no unembedding": (
        {"unembedding": None, "unembedding_bias": [1, 1], "outputs": nearest_outputs([1, 0], [0, 1], width=2)},
        "unembedding has shape (); it has to be (2, 2)",
    ),
    "outputs of another width": (
        {"outputs": nearest_outputs([0, 0, 1], [0, 1], width=3)},
        "the outputs' form 0: index 2 comes after -1, of 2; indices have to ascend",
    ),
    "more names than outputs": (
        {"outputs": LargestOutputs(("x", "y"), (Form(()),))},
        "2 names for 1 outputs; each output needs one",
    ),
    "no width": ({"embedding": [[], []], "unembedding": [[], []], "layers": []}, "the width is 0"),
}


@pytest.mark.parametrize("title", BAD)
def test_what_is_no_transformer(title: str) -> None:
    changed, sentence = BAD[title]
    with pytest.raises(TransformerError, match=f"^{re.escape(sentence)}"):
        built(**changed)


def test_scales_are_any_rationals_above_0() -> None:
    scales = [Fraction(1, 3), 2, 0.1, np.float32(0.1)]
    nets = [built(layers=[head(scale=scale)]) for scale in scales]
    found = [net.layers[0].heads[0].scale for net in nets]
    assert found == [Fraction(1, 3), 2, Fraction(0.1), Fraction(float(np.float32(0.1)))]
    assert built().layers[0].heads[0].scale == 1


def test_what_a_network_says() -> None:
    assert built().output_names == ("a", "b")
    largest = largest_outputs(["x", "y", "z"], np.eye(3, 2, dtype=np.float32), [0, 0, 7], width=2)
    net = built(unembedding=None, outputs=largest)
    assert net.output_names == ("x", "y", "z")
    assert [token.unembedding for token in net.vocabulary] == [Form(()), Form(())]
    assert ("the output 'z', form 0, bias", Fraction(7)) in list(net.numbers())
    nearest = built(outputs=nearest_outputs([0, 3], [2, Fraction(-1, 3)], width=2))
    assert nearest.output_names == ("-1/3", "2")
    assert ("the outputs' form 0, index 1", Fraction(3)) in list(nearest.numbers())
    assert nearest.vocabulary == built().vocabulary


def test_unseen_tokens_have_the_order_of_the_vocabulary() -> None:
    assert built(unseen=["b", "a"]).unseen == ("a", "b")


WRONG_OUTPUTS: dict[str, tuple[Callable[[], object], str]] = {
    "a name that is not a text": (
        lambda: largest_outputs(["x", 1], np.eye(2), width=2),  # type: ignore[list-item]
        "the output 1 is not a text; outputs are named by texts",
    ),
    "a row too few": (
        lambda: largest_outputs(["x", "y"], [[1, 0]], width=2),
        "outputs has shape (1, 2); it has to be (2, 2)",
    ),
    "a row that is too short": (
        lambda: nearest_outputs([1], [0, 1], width=2),
        "the outputs' row has shape (1,); it has to be (2,)",
    ),
    "a number that is none": (
        lambda: nearest_outputs([1], ["0", 1], width=1),  # type: ignore[list-item]
        "an output's number is '0', which is not an integer, float or Fraction",
    ),
}


@pytest.mark.parametrize("title", WRONG_OUTPUTS)
def test_what_are_no_outputs(title: str) -> None:
    make, sentence = WRONG_OUTPUTS[title]
    with pytest.raises(TransformerError, match=f"^{re.escape(sentence)}"):
        make()


def test_compiled_networks_token_by_token() -> None:
    network, _ = ef.turing(ef.load_machine("increment"), context=256)
    net = Transformer.of(network)
    assert len(net.vocabulary) == network.vocabulary.size
    assert "SIGMA symbol=0" in net.index
    assert net.positions == BitPositions(0, network.position_bits)
    assert net.coordinates[:2] == ("pos[0]", "pos[1]")
    assert [len(layer.neurons) for layer in net.layers] == [layer.mlp.size for layer in network.layers]


def test_a_vocabulary_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactformer.constructions.transformer.exact.MOST_TOKENS", 4)
    network, _ = ef.ngram(letters="abc", n=1, context=16)
    with pytest.raises(TransformerError, match=r"^the network has 5 tokens; at most 4 are written out$"):
        Transformer.of(network)


def test_html_escapes_what_users_name() -> None:
    assert "<b>" not in built(coordinates=["<b>", "y"])._repr_html_()
    assert "<td>2</td>" in built()._repr_html_()
    named = built(outputs=nearest_outputs([1, 0], [0, 1], width=2), unseen=["b"])._repr_html_()
    assert "<td>the nearest of 2 numbers</td>" in named
    assert "<td>&#x27;b&#x27;</td>" in named


# ---------------------------------------------------------------------------- what is given

WRONG = {
    "nothing": ([], "there is no sequence; give at least one"),
    "one text": ("a b", "give a list of sequences"),
    "a text for a sequence": (["a b"], "sequence 0 is 'a b'; give a list of tokens"),
    "an empty sequence": ([[]], "sequence 0 has no token"),
    "a number for a token": ([["a", 1]], "sequence 0: the token 1 is not a text"),
    "a position after the end": ([(["a"], {1: "a"})], "sequence 0: position 1 is not one of 0 to 0"),
    "a position before the beginning": ([(["a"], {-1: "a"})], "sequence 0: position -1 is not one of 0 to 0"),
    "a number for what is expected": ([(["a"], {0: 1})], "sequence 0, position 0: the token 1 is not a text"),
    "an unknown word": ([(["a"], "all")], "sequence 0: what is expected is 'all'; give {position: token}"),
    "nothing asked": ([(["a"], {})], "nothing is asked; say for at least one position"),
}


@pytest.mark.parametrize("title", WRONG)
def test_sequences_that_say_nothing(title: str) -> None:
    sequences, sentence = WRONG[title]
    with pytest.raises(GivenError, match=f"^{re.escape(sentence)}"):
        Given(sequences)


def test_a_pair_of_tokens_is_a_sequence() -> None:
    assert Given([("a", "b")]).sequences[0].tokens == ("a", "b")
