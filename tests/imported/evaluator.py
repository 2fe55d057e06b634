"""A transformer of exact weights in float64, softmax included: near enough to tell whether a network was read right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import Vector
from exactformer.constructions.transformer.exact_parts import Form, Forms, LinearMap, NearestOutputs

Floats = NDArray[np.float64]


def final(net: Transformer, tokens: Sequence[str]) -> Floats:
    """[tokens, d]: x after the last layer."""
    count = len(tokens)
    x = np.array([_dense(net.vocabulary[net.index[token]].embedding, net.width) for token in tokens])
    if net.positions is not None:
        x += [_dense(net.positions.vector(place), net.width) for place in range(count)]
    seen = np.tri(count, dtype=np.bool_) if net.causal else np.ones((count, count), np.bool_)
    seen &= [token not in net.unseen for token in tokens]
    for layer in net.layers:
        after = x.copy()
        for head in layer.heads:
            scores = float(head.scale) * made(head.query, x) @ made(head.key, x).T
            scores = np.where(seen, scores, -np.inf)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            _add(head.out, weights @ made(head.value, x) / weights.sum(axis=1, keepdims=True), after)
        x = after.copy()
        _add(layer.out, np.maximum(made(layer.neurons, after), 0), x)
    return x


def logits(net: Transformer, x: Floats) -> Floats:
    """[tokens, outputs]; of numbers what the form makes, [tokens, 1]."""
    match net.outputs:
        case None:
            return made([token.unembedding for token in net.vocabulary], x)
        case NearestOutputs(form, _):
            return made([form], x)
        case largest:
            return made(largest.forms, x)


def made(forms: Forms | Sequence[Form], x: Floats) -> Floats:
    """[tokens, forms]"""
    width = x.shape[1]
    rows = np.array([_dense(form.vector, width) for form in forms]).reshape(-1, width)
    found: Floats = x @ rows.T + np.array([float(form.bias) for form in forms])
    return found


def _add(out: LinearMap, values: Floats, x: Floats) -> None:
    if out:
        x[:, [coordinate for coordinate, _ in out]] += made([form for _, form in out], values)


def _dense(vector: Vector, width: int) -> Floats:
    row = np.zeros(width)
    for index, number in vector:
        row[index] = float(number)
    return row
