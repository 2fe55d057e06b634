"""A training that was interrupted ends with the same bits as one that was not."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] is not installed")

from experiments.sudoku.plan import Precision  # noqa: E402
from experiments.sudoku.puzzles import puzzles  # noqa: E402
from experiments.sudoku.tokens import PAD, Vocabulary  # noqa: E402
from experiments.sudoku.training import (  # noqa: E402
    UNSCORED,
    Progress,
    Samples,
    batch_of,
    batches_of_epoch,
    new_model,
    train,
)
from tests.experiments.plans import ARM, PLAN  # noqa: E402

VOCABULARY = Vocabulary(PLAN.boxes)
PUZZLES = list(islice(puzzles(PLAN.boxes, random.Random(1)), 12))


def weights(plan_seed: int, checkpoint: Path, precision: Precision, stop_after: int | None = None) -> dict[str, object]:
    """The weights of a training; if asked, it is interrupted after some steps and then goes on."""
    arm = replace(ARM, precision=precision)
    samples = Samples.of(VOCABULARY, PUZZLES, arm, PLAN.summary_every)

    def interrupt(progress: Progress) -> None:
        if progress.step == stop_after:
            raise KeyboardInterrupt

    if stop_after is not None:
        with pytest.raises(KeyboardInterrupt):
            train(PLAN, arm, plan_seed, samples, checkpoint, interrupt)
        torch.manual_seed(99)
    model = train(PLAN, arm, plan_seed, samples, checkpoint, lambda _: None)
    return dict(model.state_dict())


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("stop_after", [2, 3, 7])
def test_a_training_that_was_interrupted_ends_the_same(precision: Precision, stop_after: int, tmp_path: Path) -> None:
    """Interrupted before the first checkpoint, at one, and in a later epoch than the one in which it began."""
    whole = weights(5, tmp_path / "whole.pt", precision)
    parts = weights(5, tmp_path / "parts.pt", precision, stop_after)
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_seed_makes_a_difference_and_nothing_else(tmp_path: Path) -> None:
    one, again, other = (weights(seed, tmp_path / f"{n}.pt", Precision.BF16) for n, seed in enumerate((1, 1, 2)))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])


def test_a_finished_training_does_nothing_more(tmp_path: Path) -> None:
    weights(1, tmp_path / "checkpoint.pt", Precision.FP32)
    samples = Samples.of(VOCABULARY, PUZZLES, ARM, PLAN.summary_every)
    steps: list[Progress] = []
    train(PLAN, ARM, 1, samples, tmp_path / "checkpoint.pt", steps.append)
    assert steps == []


def test_each_sample_is_in_one_batch_of_an_epoch() -> None:
    samples = Samples.of(VOCABULARY, PUZZLES, ARM, PLAN.summary_every)
    batches = batches_of_epoch(samples, 150, 1, 0)
    assert sorted(number for batch in batches for number in batch) == list(range(len(PUZZLES)))
    assert all(len(batch) == 1 or len(batch) * max(samples.lengths[batch]) <= 150 for batch in batches)
    assert batches != batches_of_epoch(samples, 150, 1, 1)
    assert batches != batches_of_epoch(samples, 150, 2, 0)


def test_what_is_scored_is_all_after_the_prompt() -> None:
    samples = Samples.of(VOCABULARY, PUZZLES, ARM, PLAN.summary_every)
    batch = batch_of(samples, [0, 1], VOCABULARY.id(PAD))
    for row, number in enumerate((0, 1)):
        whole, prompt = samples[number].tolist(), int(samples.prompts[number])
        scored = batch.targets[row][batch.targets[row] != UNSCORED].tolist()
        assert scored == whole[prompt:]
        assert batch.ids[row, : len(whole) - 1].tolist() == whole[:-1]
    assert batch.tokens == sum(len(samples[number]) for number in (0, 1))


def test_puzzles_with_longer_chains_are_left_out() -> None:
    longest = 10
    samples = Samples.of(VOCABULARY, PUZZLES, replace(ARM, longest_chain=longest), PLAN.summary_every)
    assert len(samples.prompts) == sum(puzzle.chain_length <= longest for puzzle in PUZZLES) > 0


def test_the_model_of_the_original_has_19_million_parameters() -> None:
    with torch.device("meta"):
        model = new_model(replace(ARM, layers=6, width=512, heads=8), Vocabulary(type(PLAN.boxes)(3, 3)), 1)
    assert round(sum(each.numel() for each in model.parameters()), -6) == 19_000_000
