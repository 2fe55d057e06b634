"""Evaluation: puzzles are solved by greedy generation, with a KV cache, in the same way for both modes.

A sequence that ends in a summary is followed by one that begins with it: the model reads the summary that it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import torch

from experiments.sudoku.decoder import HIDDEN, Cache, Decoder
from experiments.sudoku.plan import Arm
from experiments.sudoku.puzzles import Puzzle
from experiments.sudoku.tokens import (
    END_INPUT,
    END_OUTPUT,
    END_SUMMARY,
    INPUT,
    OUTPUT,
    PAD,
    SUMMARY,
    Vocabulary,
    givens_tokens,
    output_grid,
    samples,
)
from experiments.sudoku.training import precision_of

PATIENCE = 2
"""A puzzle is given up after this many times the tokens of its true samples."""
FORGET_EVERY = 32
"""After this many steps, sequences that have ended are taken out of a batch."""


@dataclass(frozen=True)
class Solved:
    """Whether the output was the solution; what was generated, and the longest sequence with its prompt, in tokens."""

    chain_length: int
    correct: bool
    generated: int
    sequences: int
    longest: int


class Part(Enum):
    """The kinds of parts in what a model writes."""

    LINE = "line"
    SUMMARY = "summary"
    OUTPUT = "output"


@dataclass(frozen=True)
class Written:
    """Whether a model that is given all true tokens before a part writes the part right; ``position`` is its place in
    the trace."""

    part: Part
    chain_length: int
    position: int
    correct: bool


@torch.inference_mode()
def generate(
    model: Decoder, prompts: Sequence[Sequence[int]], ends: frozenset[int], limits: Sequence[int], padding: int
) -> list[list[int]]:
    """The most likely tokens after each prompt, up to a token in ``ends``, of which there are at most ``limits``.

    Prompts are padded on the left, so that all sequences get their next token in one column.
    """
    device = next(model.parameters()).device
    longest = max(map(len, prompts))
    ids = torch.tensor([[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    padded = torch.tensor([longest - len(prompt) for prompt in prompts], device=device)
    columns = torch.arange(longest, device=device)
    hidden = torch.full((longest, longest), HIDDEN, device=device).triu(1)
    behind = torch.where(columns < padded[:, None], HIDDEN, 0.0)  # which columns of a sequence are padding
    cache = Cache()
    logits = model.continued(
        ids, (columns - padded[:, None]).clamp(min=0), hidden.minimum(behind[:, None, None]), cache
    )
    found: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # of `prompts`, in the order in which they are in the batch
    column = longest
    while True:
        chosen = logits[:, -1].argmax(dim=-1)
        for row, token in zip(rows, chosen.tolist(), strict=True):
            if not _ended(found[row], ends, limits[row]):
                found[row].append(token)
        going_on = [place for place, row in enumerate(rows) if not _ended(found[row], ends, limits[row])]
        if not going_on:
            return found
        if len(going_on) < len(rows) and (column - longest) % FORGET_EVERY == 0:
            keep = torch.tensor(going_on, device=device)
            cache.keep(keep)
            chosen, padded, behind = chosen[keep], padded[keep], behind[keep]
            rows = [rows[place] for place in going_on]
        behind = torch.nn.functional.pad(behind, (0, 1))
        logits = model.continued(chosen[:, None], (column - padded)[:, None], behind[:, None, None], cache)
        column += 1


def _ended(found: Sequence[int], ends: frozenset[int], limit: int) -> bool:
    return len(found) >= limit or (bool(found) and found[-1] in ends)


def solve_all(
    model: Decoder,
    vocabulary: Vocabulary,
    arm: Arm,
    puzzles: Sequence[Puzzle],
    summary_every: int,
    batch: int,
    report: Callable[[float], None],
) -> list[Solved]:
    """How each puzzle ends; ``report`` is told which share is done.

    Puzzles of similar length are solved together.
    """
    device = str(next(model.parameters()).device.type)
    order = sorted(range(len(puzzles)), key=lambda each: (puzzles[each].chain_length, each))
    found: dict[int, Solved] = {}
    with precision_of(arm, device):
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            together = [puzzles[each] for each in some]
            found |= zip(some, _solve(model, vocabulary, arm, together, summary_every), strict=True)
            report(len(found) / len(puzzles))
    return [found[each] for each in range(len(puzzles))]


def _solve(
    model: Decoder, vocabulary: Vocabulary, arm: Arm, puzzles: Sequence[Puzzle], summary_every: int
) -> list[Solved]:
    """Sequence after sequence, until each puzzle has an output or is given up."""
    summary_start, summary_end = vocabulary.id(SUMMARY), vocabulary.id(END_SUMMARY)
    ends = frozenset((summary_end, vocabulary.id(END_OUTPUT)))
    limits = [PATIENCE * generated_length(vocabulary, puzzle, arm, summary_every) for puzzle in puzzles]
    prompts = [vocabulary.ids((INPUT, *givens_tokens(vocabulary, puzzle.givens), END_INPUT)) for puzzle in puzzles]
    generated, sequences, longest = ([0] * len(puzzles) for _ in range(3))
    last: list[list[int]] = [[] for _ in puzzles]
    active = list(range(len(puzzles)))
    while active:
        left = [limits[each] - generated[each] for each in active]
        answers = generate(model, [prompts[each] for each in active], ends, left, vocabulary.id(PAD))
        going_on = []
        for each, answer in zip(active, answers, strict=True):
            generated[each] += len(answer)
            sequences[each] += 1
            longest[each] = max(longest[each], len(prompts[each]) + len(answer))
            last[each] = answer
            if answer[-1] == summary_end and summary_start in answer and generated[each] < limits[each]:
                prompts[each] = answer[answer.index(summary_start) :]
                going_on.append(each)
        active = going_on
    grids = [output_grid(vocabulary, vocabulary.words(answer)) for answer in last]
    return [
        Solved(puzzle.chain_length, grid == puzzle.solution, *counts)
        for puzzle, grid, *counts in zip(puzzles, grids, generated, sequences, longest, strict=True)
    ]


def generated_length(vocabulary: Vocabulary, puzzle: Puzzle, arm: Arm, summary_every: int) -> int:
    """How many tokens the model has to produce if it does everything as in training."""
    true = samples(vocabulary, puzzle.givens, arm.mode, summary_every)
    return sum(len(sample.tokens) - sample.prompt for sample in true)


@torch.inference_mode()
def parts_given_the_rest(
    model: Decoder, vocabulary: Vocabulary, arm: Arm, puzzles: Sequence[Puzzle], summary_every: int
) -> list[Written]:
    """For each part of the true samples, whether all its tokens are the most likely ones after those before them.

    In both modes a model is asked for the same lines; with summaries it sees the last summary and the trace since.
    """
    device = next(model.parameters()).device
    found = []
    with precision_of(arm, device.type):
        for puzzle in puzzles:
            position = 0
            for sample in samples(vocabulary, puzzle.givens, arm.mode, summary_every):
                ids = vocabulary.ids(sample.tokens)
                likely = model(torch.tensor([ids], device=device))[0].argmax(dim=-1).tolist()
                right = [ids[place] == likely[place - 1] for place in range(sample.prompt, len(ids))]
                tokens = sample.tokens[sample.prompt :]
                end = next(place for place, token in enumerate(tokens) if token in (SUMMARY, OUTPUT))
                starts = [place for place in range(end) if vocabulary.cell_number(tokens[place]) is not None]
                for start, stop in pairwise((*starts, end)):
                    found.append(Written(Part.LINE, puzzle.chain_length, position + start, all(right[start:stop])))
                position += end
                last = Part.SUMMARY if tokens[end] == SUMMARY else Part.OUTPUT
                found.append(Written(last, puzzle.chain_length, position, all(right[end:])))
    return found
