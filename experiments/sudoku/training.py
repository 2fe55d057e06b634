"""Training of one run: the same batches, and with them the same weights, whether or not it was interrupted."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from experiments.sudoku.decoder import Decoder, Shape
from experiments.sudoku.files import written_whole
from experiments.sudoku.plan import Arm, Plan, Precision, Training
from experiments.sudoku.puzzles import Puzzle
from experiments.sudoku.tokens import PAD, Vocabulary, samples

UNSCORED = -100
"""In place of a target, where the token belongs to the prompt or is padding."""
WINDOW = 1024
"""This many samples in random order are sorted by length and cut into batches, so that there is little padding."""


@dataclass(frozen=True)
class Samples:
    """All samples of an arm, end to end: sample i is ``ids[starts[i]:starts[i + 1]]``, with ``prompts[i]`` to begin."""

    ids: np.ndarray
    starts: np.ndarray
    prompts: np.ndarray

    @classmethod
    def of(cls, vocabulary: Vocabulary, puzzles: Sequence[Puzzle], arm: Arm, summary_every: int) -> Samples:
        """The samples of the puzzles with chains that are not too long for the arm."""
        ids, starts, prompts = bytearray(), [0], []
        for puzzle in puzzles:
            if puzzle.chain_length <= arm.longest_chain:
                for sample in samples(vocabulary, puzzle.givens, arm.mode, summary_every):
                    ids += bytes(vocabulary.ids(sample.tokens))
                    starts.append(len(ids))
                    prompts.append(sample.prompt)
        return cls(np.frombuffer(bytes(ids), np.uint8), np.array(starts), np.array(prompts))

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    def __getitem__(self, number: int) -> Tensor:
        return torch.tensor(self.ids[self.starts[number] : self.starts[number + 1]], dtype=torch.long)


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of shape (samples, tokens), and how many tokens are not padding."""

    ids: Tensor
    targets: Tensor
    tokens: int


def batches_of_epoch(samples: Samples, tokens_a_step: int, seed: int, epoch: int) -> list[list[int]]:
    """The samples of each batch of one epoch, which depend on nothing but the arguments."""
    rng = random.Random(f"{seed} {epoch}")
    lengths = samples.lengths
    order = rng.sample(range(len(lengths)), len(lengths))
    found: list[list[int]] = []
    for start in range(0, len(order), WINDOW):
        batches: list[list[int]] = [[]]
        for number in sorted(order[start : start + WINDOW], key=lambda each: (lengths[each], each)):
            if batches[-1] and (len(batches[-1]) + 1) * lengths[number] > tokens_a_step:
                batches.append([])
            batches[-1].append(number)
        rng.shuffle(batches)
        found += batches
    return found


def batch_of(samples: Samples, numbers: Sequence[int], padding: int) -> Batch:
    rows = [samples[number] for number in numbers]
    ids = torch.full((len(rows), max(map(len, rows)) - 1), padding)
    targets = torch.full_like(ids, UNSCORED)
    for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
        ids[place, : len(row) - 1] = row[:-1]
        scored = int(samples.prompts[number]) - 1
        targets[place, scored : len(row) - 1] = row[scored + 1 :]
    return Batch(ids, targets, sum(map(len, rows)))


def learning_rate(training: Training, share: float) -> float:
    """The rate after this share of the tokens.

    >>> training = Training(1000, 10, 0.1, 0.01, 0.02, 0.02, 1.0, 100)
    >>> [round(learning_rate(training, share), 4) for share in (0, 0.01, 0.02, 0.51, 1)]
    [0.0, 0.05, 0.1, 0.051, 0.002]
    """
    if share < training.warm_up:
        return training.learning_rate * share / training.warm_up
    done = min(1.0, (share - training.warm_up) / (1 - training.warm_up))
    return training.learning_rate * (
        training.final_share + (1 - training.final_share) * (1 + math.cos(math.pi * done)) / 2
    )


def precision_of(arm: Arm, device: str) -> AbstractContextManager[object]:
    """The precision in which the model computes, in training and in evaluation."""
    return torch.autocast(device, torch.bfloat16, enabled=arm.precision is Precision.BF16)


def new_model(arm: Arm, vocabulary: Vocabulary, seed: int) -> Decoder:
    torch.manual_seed(seed)
    return Decoder(Shape(arm.layers, arm.width, arm.heads), vocabulary.size)


@dataclass(frozen=True)
class Progress:
    """After a step: the share of the tokens that are done, and the loss of this step."""

    step: int
    share: float
    loss: float


def train(
    plan: Plan,
    arm: Arm,
    seed: int,
    samples: Samples,
    checkpoint: Path,
    report: Callable[[Progress], None],
) -> Decoder:
    """The trained model; goes on from ``checkpoint`` if there is one, and writes it from time to time and at the end.

    A training that is interrupted loses what was done since; the weights that it ends with are the same.
    """
    vocabulary = Vocabulary(plan.boxes)
    model = new_model(arm, vocabulary, seed).to(plan.device)
    training = plan.training
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=training.weight_decay, fused=True)
    step = tokens = epoch = place = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=plan.device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step, tokens, epoch, place = saved["position"]

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "position": (step, tokens, epoch, place),
        }
        written_whole(checkpoint, lambda path: torch.save(state, path))

    budget = training.tokens * arm.more_training
    batches = batches_of_epoch(samples, training.tokens_a_step, seed, epoch)
    padding = vocabulary.id(PAD)
    while tokens < budget:
        if place == len(batches):
            epoch, place = epoch + 1, 0
            batches = batches_of_epoch(samples, training.tokens_a_step, seed, epoch)
        batch = batch_of(samples, batches[place], padding)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(training, tokens / budget)
        loss = loss_of(model, batch, arm, plan.device)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_norm)
        optimizer.step()
        step, tokens, place = step + 1, tokens + batch.tokens, place + 1
        report(Progress(step, min(1.0, tokens / budget), loss.item()))
        if step % training.checkpoint_every == 0:
            save()
    save()
    return model


def loss_of(model: Decoder, batch: Batch, arm: Arm, device: str) -> Tensor:
    """The mean of the cross entropy over everything after the prompts."""
    with precision_of(arm, device):
        logits: Tensor = model(batch.ids.to(device))
    return cross_entropy(logits.float().flatten(0, 1), batch.targets.to(device).flatten(), ignore_index=UNSCORED)
