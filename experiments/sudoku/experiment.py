"""An experiment in its folder: puzzles, trained models, what they solved, and the report; whatever is there is kept."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from experiments.sudoku.evaluation import Part, Solved, Written, parts_given_the_rest, solve_all
from experiments.sudoku.files import FolderError, write_text, written_whole
from experiments.sudoku.plan import Arm, Plan, PuzzleSet
from experiments.sudoku.puzzles import Puzzle, graded, puzzles, read_puzzles, spread
from experiments.sudoku.rates import RunResult
from experiments.sudoku.report import write_report
from experiments.sudoku.tokens import Mode, Vocabulary
from experiments.sudoku.training import Progress, Samples, new_model, train

MOST_TRIED = 100
"""For each wanted puzzle this many are made, before an error says that there are too few."""


class Report(Protocol):
    """Is told the present step, the share of it that is done, and details that change all the time."""

    def __call__(self, title: str, share: float, details: str = "") -> None: ...


@dataclass(frozen=True)
class PuzzleSplit:
    """No puzzle is in both."""

    training: tuple[Puzzle, ...]
    evaluation: tuple[Puzzle, ...]


@dataclass(frozen=True)
class Folder:
    """Where the results of one plan are."""

    path: Path

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def puzzles(self) -> Path:
        return self.path / "puzzles.json"

    def run(self, arm: Arm, seed: int) -> Path:
        return self.path / "runs" / f"{arm.name.replace(' ', '-')}-seed-{seed}"

    def model(self, arm: Arm, seed: int) -> Path:
        """The weights, once the training is finished."""
        return self.run(arm, seed) / "model.pt"

    def checkpoint(self, arm: Arm, seed: int) -> Path:
        return self.run(arm, seed) / "checkpoint.pt"

    def result(self, arm: Arm, seed: int) -> Path:
        return self.run(arm, seed) / "result.json"


def open_folder(path: Path, plan: Plan) -> Folder:
    """The folder for this plan, new or with what is there of it already.

    Errors: FolderError if it has results of another plan.
    """
    folder = Folder(path)
    text = json.dumps(asdict(plan), indent=1, default=_enum_value) + "\n"
    if not folder.plan.exists():
        write_text(folder.plan, text)
    elif folder.plan.read_text(encoding="utf-8") != text:
        raise FolderError(f"{path} has results of another plan, or of an earlier state of this one: give another --out")
    return folder


def _enum_value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"no JSON for {value!r}")


def split_puzzles(plan: Plan) -> PuzzleSplit:
    """The puzzles of the plan, those for evaluation first; training takes none of them, and other seeds.

    Errors: PuzzleError.
    """
    wanted = plan.puzzles

    def source(part: str, puzzle_set: PuzzleSet) -> Iterator[Puzzle]:
        rng = random.Random(f"{wanted.seed} {part}")
        if wanted.file is None:
            most = MOST_TRIED * puzzle_set.each * len(puzzle_set.lengths)
            return (puzzle for _, puzzle in zip(range(most), puzzles(plan.boxes, rng), strict=False))
        givens = read_puzzles(Path(wanted.file), plan.boxes)
        return (graded(plan.boxes, each) for each in rng.sample(givens, len(givens)))

    def taken(part: str, puzzle_set: PuzzleSet, excluded: frozenset[str]) -> tuple[Puzzle, ...]:
        return tuple(spread(source(part, puzzle_set), puzzle_set.lengths, puzzle_set.each, excluded))

    evaluation = taken("evaluation", wanted.evaluation, frozenset())
    return PuzzleSplit(taken("training", wanted.training, frozenset(each.givens for each in evaluation)), evaluation)


def puzzles_of(plan: Plan, folder: Folder) -> PuzzleSplit:
    """The puzzles in the folder, which are made when they are not there yet."""
    if not folder.puzzles.exists():
        split = split_puzzles(plan)
        write_text(folder.puzzles, json.dumps(asdict(split)) + "\n")
    document = json.loads(folder.puzzles.read_text(encoding="utf-8"))
    return PuzzleSplit(*(tuple(Puzzle(**each) for each in document[part]) for part in ("training", "evaluation")))


def train_all(plan: Plan, folder: Folder, report: Report) -> None:
    """Train each run that has no model yet, seed by seed.  Errors: PuzzleError."""
    _prepare(plan)
    report("making puzzles", 0)
    split = puzzles_of(plan, folder)
    vocabulary = Vocabulary(plan.boxes)
    prepared: dict[tuple[Mode, int], Samples] = {}
    for arm, seed in runs_of(plan):
        if folder.model(arm, seed).exists():
            continue
        title = f"{arm.name}, seed {seed}"
        key = arm.mode, arm.longest_chain
        if key not in prepared:
            report(f"{title}: writing samples", 0)
            prepared[key] = Samples.of(vocabulary, split.training, arm, plan.summary_every)

        def step(progress: Progress, title: str = title) -> None:
            report(f"{title}: training", progress.share, f", step {progress.step}, loss {progress.loss:.3f}")

        model = train(plan, arm, seed, prepared[key], folder.checkpoint(arm, seed), step)
        written_whole(folder.model(arm, seed), partial(torch.save, model.state_dict()))
        folder.checkpoint(arm, seed).unlink()


def evaluate_all(plan: Plan, folder: Folder, report: Report) -> None:
    """Evaluate each run that has a model but no result yet."""
    _prepare(plan)
    split = puzzles_of(plan, folder)
    vocabulary = Vocabulary(plan.boxes)
    for arm, seed in runs_of(plan):
        if folder.result(arm, seed).exists() or not folder.model(arm, seed).exists():
            continue
        model = new_model(arm, vocabulary, seed).to(plan.device)
        model.load_state_dict(torch.load(folder.model(arm, seed), map_location=plan.device, weights_only=True))
        part = partial(report, f"{arm.name}, seed {seed}: evaluation")
        solved = solve_all(model, vocabulary, arm, split.evaluation, plan.summary_every, plan.batch, part)
        parameters = sum(each.numel() for each in model.parameters())
        written = parts_given_the_rest(model, vocabulary, arm, split.evaluation, plan.summary_every)
        document = {
            "parameters": parameters,
            "solved": [asdict(each) for each in solved],
            "written": [asdict(each) for each in written],
        }
        write_text(folder.result(arm, seed), json.dumps(document, default=_enum_value) + "\n")


def report_all(plan: Plan, folder: Folder) -> Path:
    """Write the report of all results that there are.  Errors: FolderError if there is none."""
    results = [result for arm, seed in runs_of(plan) if (result := load_result(folder, arm, seed))]
    if not results:
        raise FolderError(f"{folder.path} has no results yet: run without --only first")
    evaluation = puzzles_of(plan, folder).evaluation
    return write_report(plan, sorted(results, key=lambda each: plan.arms.index(each.arm)), evaluation, folder.path)


def load_result(folder: Folder, arm: Arm, seed: int) -> RunResult | None:
    if not folder.result(arm, seed).exists():
        return None
    document = json.loads(folder.result(arm, seed).read_text(encoding="utf-8"))
    solved = tuple(Solved(**each) for each in document["solved"])
    written = tuple(Written(**{**each, "part": Part(each["part"])}) for each in document["written"])
    return RunResult(arm, seed, document["parameters"], solved, written)


def runs_of(plan: Plan) -> Iterator[tuple[Arm, int]]:
    """All arms with the first seed, then with the next: what is done first can be compared."""
    for seed in plan.seeds:
        for arm in plan.arms:
            yield arm, seed


def _prepare(plan: Plan) -> None:
    """Results are the same every time on one kind of CPU; on a GPU PyTorch warns of what may differ."""
    torch.set_num_threads(plan.threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=plan.device != "cpu")
