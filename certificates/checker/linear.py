"""Weights, MLP sums, residual sums and logits in the linear format (ARITHMETIC section 8): nothing is rounded there.

Words:
    C      the linear format holds all integers of magnitude up to C
    reach  a neuron's largest output on ternary activations, at most
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.softmax.model import Model
from exactformer.certificates.checker.weights import Family, Field, Ints, Layer, Network, Sparse, distinct_weights


@dataclass(frozen=True)
class Linear:
    """What a report says about the linear part: ``proved`` (nothing, for real numbers), and ``assumed``."""

    proved: tuple[str, ...]
    assumed: str


def check_linear(network: Network, model: Model, beta_split: tuple[int, int]) -> Linear:
    """ARITHMETIC 8: weights are numbers of L, and all partial sums integers of magnitude up to C, in any order.

    ``beta_split``: the factors of the entries of query lists and of key lists.
    """
    if model.kind == "exact":
        return Linear((), "MLPs, residual sums and logits are computed with real numbers")
    linear = model.steps.linear
    scales = dict(zip(("query", "key"), beta_split, strict=True))
    for matrix, values in distinct_weights(network).items():
        _require_weights(matrix, values, scales.get(matrix, 1), linear)
    for family in network.vocabulary:
        _require_embedding(family, network, linear)
        _require_logits(family, linear)
    for number, layer in enumerate(network.layers):
        _require_layer(f"weights.layers[{number}]", layer, network, linear)
    proved = (
        f"weights, and every partial sum of MLPs, residual sums and logits, are exact in {linear.name}, in any order "
        f"of addition: where activations are -1, 0 or 1 they are integers of magnitude at most {linear.counted}"
    )
    return Linear((proved,), f"MLPs, residual sums and logits are computed in {linear.name}")


def _require(at: str, what: str, largest: int, linear: Format) -> None:
    if not linear.counts(largest):
        raise Rejected(
            at,
            f"{what} can be {largest}; in the linear format {linear.name} integers are exact up to {linear.counted} "
            "(ARITHMETIC 8)",
        )


def _require_weights(matrix: str, values: Iterable[int], scale: int, linear: Format) -> None:
    for value in sorted(values):
        if not linear.has(scale * value):
            scaled = f"{value} times {scale}" if scale > 1 else str(value)
            reason = f"{scaled} is not a number of the linear format {linear.name} (ARITHMETIC 8)"
            raise Rejected(f"weights, {matrix}", reason)


def _magnitudes(matrix: Sparse, width: int) -> Ints:
    """For every coordinate the largest magnitude of an entry of a row."""
    largest = np.zeros(width, np.int64)
    np.maximum.at(largest, matrix.index, np.abs(matrix.weight))
    return largest


def _require_embedding(family: Family, network: Network, linear: Format) -> None:
    parts: Iterable[Family | Field] = (family, *family.fields)
    entries = sum((_magnitudes(part.embedding, network.width) for part in parts), np.zeros(network.width, np.int64))
    entries[: network.r] += 1
    _require(f"weights.vocabulary.{family.name}.embedding", "an entry", int(entries.max()), linear)


def _require_logits(family: Family, linear: Format) -> None:
    parts: Iterable[Family | Field] = (family, *family.fields)
    logit = sum(part.unembedding.largest_row for part in parts)
    _require(f"weights.vocabulary.{family.name}.unembedding", "a logit", logit, linear)


def _require_layer(at: str, layer: Layer, network: Network, linear: Format) -> None:
    written = Counter(coordinate for head in layer.heads for coordinate in head.out)
    _require(f"{at}.heads", "an activation after attention", 1 + max(written.values(), default=0), linear)
    mlp = layer.mlp
    inputs = mlp.into.row_sums(np.abs(mlp.into.weight))
    sums = np.abs(mlp.bias) + inputs
    if len(sums):
        worst = int(np.argmax(sums))
        _require(f"{at}.mlp", f"what neuron {worst} sums", int(sums[worst]), linear)
    reach = np.maximum(mlp.bias + inputs, 0).astype(object)  # Python's integers: products may be beyond 64 bits
    ends = np.concatenate([[0], np.cumsum(reach[mlp.out_of.index] * np.abs(mlp.out_of.weight))])
    added = ends[mlp.out_of.start[1:]] - ends[mlp.out_of.start[:-1]]
    if len(reach) and network.width:
        _require(f"{at}.mlp", "an activation after the MLP", 1 + int(added.max()), linear)
