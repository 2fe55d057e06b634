"""The modified transformer: named steps, each a tuple of layers, run one after the other or alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exactformer.constructions.contextual.contextual_mapping import selective_shifts
from exactformer.constructions.contextual.global_shift import global_shift
from exactformer.constructions.contextual.grid import Grid, Sequence
from exactformer.constructions.contextual.layers import AttentionLayer, Layer, TokenwiseLayer
from exactformer.constructions.contextual.positional import PositionalEncoding, encoded_labels
from exactformer.constructions.contextual.quantisation import quantisation


@dataclass(frozen=True)
class Step:
    """A part of the construction: its name, and its layers in order."""

    name: str
    layers: tuple[Layer | PositionalEncoding, ...]

    def __call__(self, sequence: Sequence) -> Sequence:
        for layer in self.layers:
            sequence = layer(sequence)
        return sequence

    @property
    def attention_layers(self) -> int:
        return sum(isinstance(layer, AttentionLayer) for layer in self.layers)

    @property
    def tokenwise_layers(self) -> int:
        return sum(isinstance(layer, TokenwiseLayer) for layer in self.layers)


@dataclass(frozen=True)
class Network:
    """What the steps do, in their order."""

    steps: tuple[Step, ...]

    def __call__(self, sequence: Sequence) -> Sequence:
        """The columns after the last step.

        >>> from fractions import Fraction
        >>> mapping = mapping_network(Grid(2, 1, Fraction(1, 4)))
        >>> [[str(z) for z in column] for column in mapping(((Fraction(3, 10),), (Fraction(1, 10),)))]
        [['845/4'], ['209']]
        """
        for step in self.steps:
            sequence = step(sequence)
        return sequence

    def trace(self, sequence: Sequence) -> Iterator[tuple[str, Sequence]]:
        """After each step: its name and the columns."""
        for step in self.steps:
            sequence = step(sequence)
            yield step.name, sequence

    def step(self, name: str) -> Step:
        """The step of that name.  Raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"there is no step {name!r}; steps are {', '.join(step.name for step in self.steps)}")


def mapping_steps(grid: Grid, positional: bool = False) -> tuple[Step, ...]:
    """Quantisation and the contextual mapping, in three steps; with positional encoding one more before them.

    positional: the grid is a `positional_grid`, and shifts are made only at labels that encoded columns can have.
    """
    labels = encoded_labels(grid) if positional else None
    steps = (
        Step("quantisation", quantisation(grid)),
        Step("selective shifts", selective_shifts(grid, labels)),
        Step("global shift", (global_shift(grid),)),
    )
    return (Step("positional encoding", (PositionalEncoding(),)), *steps) if positional else steps


def mapping_network(grid: Grid) -> Network:
    """Quantisation and the contextual mapping: after it u^T of each column is its id."""
    return Network(mapping_steps(grid))
