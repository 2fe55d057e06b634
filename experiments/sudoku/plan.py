"""A plan: the puzzles, the training and the models of one experiment, read from a YAML file.

Words: an *arm* is one kind of model with its training; a *run* is one arm with one seed.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

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

    def __post_init__(self) -> None:
        if self.layers < 1 or self.heads < 1 or self.width % (2 * self.heads):
            raise PlanError(
                f"{self.name} has {self.layers} layers and {self.heads} heads in a width of {self.width}: "
                "give 1 or more, and a width that is a multiple of twice the heads, as rotary embeddings need"
            )


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


def load_plan(path: Path) -> Plan:
    """The plan in a YAML file, whose keys are the fields of `Plan` and of what is in it.

    Errors: PlanError; OSError.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from None
    plan: Plan = _read(Plan, document, str(path))
    return plan


def _read(wanted: Any, given: object, place: str) -> Any:
    """What is given as the type that is wanted: a data class, an enum, a tuple, or a plain value."""
    if is_dataclass(wanted):
        return _read_fields(cast(type, wanted), given, place)
    if get_origin(wanted) is tuple:
        if not isinstance(given, list):
            raise PlanError(f"{place}: give a list, not {given!r}")
        (item, _) = get_args(wanted)
        return tuple(_read(item, each, f"{place}, entry {number}") for number, each in enumerate(given, start=1))
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        try:
            return wanted(given)
        except ValueError:
            raise PlanError(f"{place}: {given!r} is not one of {', '.join(each.value for each in wanted)}") from None
    if wanted is float and type(given) is int:
        return float(given)
    types = get_args(wanted) or (wanted,)
    if type(given) not in types:
        raise PlanError(f"{place}: give {types[0].__name__}, not {given!r}")
    return given


def _read_fields(wanted: type, given: object, place: str) -> Any:
    if not isinstance(given, dict):
        raise PlanError(f"{place}: give {', '.join(field.name for field in fields(wanted))}, not {given!r}")
    types = get_type_hints(wanted)
    if unknown := sorted(map(str, set(given) - set(types))):
        raise PlanError(f"{place}: {unknown[0]!r} is unknown; there are {', '.join(types)}")
    if missing := [each.name for each in fields(wanted) if each.default is MISSING and each.name not in given]:
        raise PlanError(f"{place}: {missing[0]!r} is missing")
    return wanted(**{name: _read(types[name], value, f"{place}, {name}") for name, value in given.items()})
