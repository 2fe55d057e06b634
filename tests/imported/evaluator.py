"""A transformer of exact weights in float64, softmax included: near enough to tell whether a network was read right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_norms import Norm
from exactformer.constructions.transformer.exact_numbers import Vector
from exactformer.constructions.transformer.exact_parts import AttentionHead, Form, Forms, LinearMap, NearestOutputs

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
        read = normed(layer.norms.heads, x)
        for head in layer.heads:
            query, key = (_rotated(net, head, made(forms, read)) for forms in (head.query, head.key))
            scores = float(head.scale) * query @ key.T
            scores = np.where(seen, scores, -np.inf)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            _add(head.out, weights @ made(head.value, read) / weights.sum(axis=1, keepdims=True), after)
        after = normed(layer.norms.behind_heads, after)
        read, x = normed(layer.norms.mlp, after), after.copy()
        neurons, activation = made(layer.neurons, read), ACTIVATION[layer.activation]
        _add(layer.out, activation(made(layer.gates, read)) * neurons if layer.gates else activation(neurons), x)
        x = normed(layer.norms.behind_mlp, x)
    return x


ACTIVATION: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "gelu_tanh": lambda z: z / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
}
"""NETWORKS 1.3."""


def normed(norm: Norm | None, x: Floats) -> Floats:
    """[tokens, d]: x through a norm, if there is one (NETWORKS 1.2)."""
    if norm is None:
        return x
    width = x.shape[1]
    y = x - x.mean(axis=1, keepdims=True) if norm.center else x
    root = np.sqrt((y**2).mean(axis=1, keepdims=True) + float(norm.epsilon))
    found: Floats = y / root * _dense(norm.weight, width) + _dense(norm.bias, width)
    return found


def _rotated(net: Transformer, head: AttentionHead, entries: Floats) -> Floats:
    """[tokens, d_k]: queries or keys, rotated by the tables (NETWORKS 1)."""
    found = entries.copy()
    for first, second, plane in head.rotary:
        cosine, sine = np.array([net.rotary[place][plane] for place in range(len(entries))], np.float64).T
        found[:, first] = entries[:, first] * cosine - entries[:, second] * sine
        found[:, second] = entries[:, second] * cosine + entries[:, first] * sine
    return found


def logits(net: Transformer, x: Floats) -> Floats:
    """[tokens, outputs]; of numbers what the form makes, [tokens, 1]."""
    x = normed(net.norm, x)
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
