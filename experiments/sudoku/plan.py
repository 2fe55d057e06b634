"""A plan: the puzzles, the training and the models of one experiment, read from a YAML file.

Words: an *arm* is one kind of model with its training; a *run* is one arm with one seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from exactformer.constructions.machines.sudoku.search import Boxes
from experiments.sudoku.tokens import Mode


class PlanError(ValueError):
    """A plan that cannot be used: the message says where and what to write."""


class Precision(Enum):
    """Of activations, in training and in evaluation alike; weights and the optimizer are fp32 in both."""

    BF16 = "bf16"
    FP32 = "fp32"


@dataclass(frozen=True)
class PuzzleSet:
    """How many puzzles nearest to each of these chain lengths."""

    lengths: tuple[float, ...]
    each: int

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 1 or self.each < 1:
            raise PlanError("puzzles need chain lengths of 1 token or more, and 1 puzzle or more for each")


@dataclass(frozen=True)
class PuzzlePlan:
    """Puzzles are made from ``seed``, or taken from ``file`` in an order that depends on it, if there is one."""

    seed: int
    training: PuzzleSet
    evaluation: PuzzleSet
    file: str | None = None


@dataclass(frozen=True)
class Training:
    """AdamW; the rate rises during the share ``warm_up`` and falls as a cosine to ``final_share`` of itself."""

    tokens: int
    tokens_a_step: int
    learning_rate: float
    weight_decay: float
    warm_up: float
    final_share: float
    gradient_norm: float
    checkpoint_every: int
    """Steps."""


@dataclass(frozen=True)
class Arm:
    """One kind of model; ``longest_chain`` is that of the puzzles it is trained on, ``more_training`` a factor."""

    name: str
    mode: Mode
    layers: int
    width: int
    heads: int
    precision: Precision
    longest_chain: int
    more_training: float = 1.0


@dataclass(frozen=True)
class Plan:
    """``summary_every`` is in tokens of the trace; ``threads`` is for PyTorch on a CPU."""

    name: str
    boxes: Boxes
    puzzles: PuzzlePlan
    summary_every: int
    training: Training
    device: str
    threads: int
    batch: int
    """Puzzles that are solved at once in evaluation."""
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]

    def __post_init__(self) -> None:
        if not self.seeds:
            raise PlanError("a plan needs a seed")
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise PlanError("two arms have the same name")
