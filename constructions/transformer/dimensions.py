"""The dimensions of a network, counted; `constructions.turing.dimensions` has the formulas that the paper states."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.transformer.network import Network


@dataclass(frozen=True)
class Dimensions:
    """Layers; most heads in a layer; longest query list; longest value list; most neurons in a layer; d."""

    layers: int
    heads: int
    query_width: int
    value_width: int
    hidden_width: int
    width: int


def dimensions_of(network: Network) -> Dimensions:
    """What a compiled network has."""
    heads = [head for layer in network.layers for head in layer.heads]
    return Dimensions(
        layers=len(network.layers),
        heads=max((len(layer.heads) for layer in network.layers), default=0),
        query_width=max((len(head.query) for head in heads), default=0),
        value_width=max((len(head.value) for head in heads), default=0),
        hidden_width=max((layer.mlp.size for layer in network.layers), default=0),
        width=network.width,
    )
