"""Greedy generation: with the cache as without, in a batch as alone, and from summary to summary."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra [train] is not installed")

from torch import Tensor, nn  # noqa: E402

from exactformer.constructions.machines.sudoku.search import Boxes, Search  # noqa: E402
from experiments.sudoku.decoder import HIDDEN, Decoder, Shape, attend  # noqa: E402
from experiments.sudoku.evaluation import PATIENCE, Part, generate, generated_length, parts_given_the_rest, solve_all  # noqa: E402
from experiments.sudoku.puzzles import graded, puzzles  # noqa: E402
from experiments.sudoku.tokens import END_OUTPUT, Mode, Sample, Vocabulary, line_length, samples  # noqa: E402
from tests.experiments.plans import ARM  # noqa: E402

NEVER = frozenset({-1})


def random_model(seed: int, layers: int = 3) -> Decoder:
    """With weights large enough that the tokens it writes depend on all it has seen."""
    torch.manual_seed(seed)
    model = Decoder(Shape(layers, 32, 2), 20)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.3)
    return model


def without_cache(model: Decoder, prompt: Sequence[int], tokens: int) -> list[int]:
    ids = list(prompt)
    for _ in range(tokens):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("seed", range(3))
def test_with_the_cache_and_in_a_batch_the_tokens_are_the_same(seed: int) -> None:
    """Prompts of different lengths, so that there is padding; sequences that end early leave the batch."""
    model, rng = random_model(seed), random.Random(seed)
    prompts = [[rng.randrange(1, 20) for _ in range(length)] for length in (3, 9, 1, 6)]
    limits = [70, 40, 20, 1]
    expected = [without_cache(model, prompt, limit) for prompt, limit in zip(prompts, limits, strict=True)]
    assert len({token for answer in expected for token in answer}) > 5
    assert generate(model, prompts, NEVER, limits, padding=0) == expected
    alone = [generate(model, [prompt], NEVER, [limit], 0)[0] for prompt, limit in zip(prompts, limits, strict=True)]
    assert alone == expected


def test_a_sequence_ends_with_the_first_end_token() -> None:
    model = random_model(1)
    (whole,) = generate(model, [[1, 2, 3]], NEVER, [40], 0)
    end = whole[10]
    (short,) = generate(model, [[1, 2, 3]], frozenset({end}), [40], 0)
    assert short == whole[: whole.index(end) + 1]


def test_padding_after_the_tokens_changes_no_logits_before_it() -> None:
    model = random_model(2)
    with torch.inference_mode():
        plain = model(torch.tensor([[1, 2, 3]]))
        padded = model(torch.tensor([[1, 2, 3, 0, 0]]))
    torch.testing.assert_close(plain, padded[:, :3])


@pytest.mark.parametrize("masked", [False, True])
def test_fused_and_written_out_attention_are_the_same(masked: bool) -> None:
    torch.manual_seed(1)
    queries, keys, values = torch.randn(3, 2, 4, 9, 8)
    mask = torch.where(torch.rand(2, 1, 9, 9) < 0.5, HIDDEN, 0.0) if masked else None
    torch.testing.assert_close(
        attend(queries, keys, values, mask, fused=True), attend(queries, keys, values, mask, fused=False)
    )


def test_order_matters_to_the_model() -> None:
    """Rotary embeddings: without them a decoder of one layer sees a bag of tokens."""
    model = random_model(3, layers=1)
    with torch.inference_mode():
        one, other = model(torch.tensor([[1, 2, 3], [2, 1, 3]]))
    assert not torch.allclose(one[-1], other[-1])


class Oracle(nn.Module):
    """Writes what the samples of a puzzle say, in place of a model; its prompts have to be theirs, too."""

    def __init__(self, vocabulary: Vocabulary, written: Sequence[Sample], wrong: bool) -> None:
        super().__init__()
        self.size = vocabulary.size
        self.parameter = nn.Parameter(torch.zeros(1))
        self.rows = {sample.tokens[: sample.prompt]: vocabulary.ids(sample.tokens) for sample in written}
        self.vocabulary = vocabulary
        self.wrong = wrong
        self.row: list[int] = []

    def continued(self, ids: Tensor, positions: Tensor, *_: object) -> Tensor:
        """For one sequence at a time. If it is to be wrong, the last digit of its solution is another one."""
        if ids.shape[1] > 1:
            self.row = self.rows[tuple(self.vocabulary.words(ids[0].tolist()))]
        place = int(positions[0, -1]) + 1
        assert self.row[place - 1] == int(ids[0, -1])
        logits: Tensor = torch.zeros(1, 1, self.size)
        logits[0, 0, self.row[place]] = 1
        if self.wrong and place == len(self.row) - 2 and self.vocabulary.tokens[self.row[-1]] == END_OUTPUT:
            self.row[place] = self.vocabulary.id("5" if self.vocabulary.tokens[self.row[place]] != "5" else "4")
            logits = torch.eye(self.size)[self.row[place]][None, None]
        return logits


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("mode", Mode)
def test_a_model_that_writes_the_samples_solves_the_puzzle(mode: Mode, wrong: bool) -> None:
    vocabulary, arm = Vocabulary(Boxes(1, 5)), replace(ARM, mode=mode)
    puzzle = graded(vocabulary.boxes, "..1.4.54.....3.51.......1")
    written = list(samples(vocabulary, puzzle.givens, mode, 8))
    oracle: Any = Oracle(vocabulary, written, wrong)
    (solved,) = solve_all(oracle, vocabulary, arm, [puzzle], 8, 1, lambda _: None)
    assert solved.correct is not wrong
    assert solved.sequences == len(written) == (1 if mode is Mode.COT else 11)
    assert solved.generated == generated_length(vocabulary, puzzle, arm, 8)
    assert solved.longest == max(len(sample.tokens) for sample in written)


class Repeats(nn.Module):
    """Repeats the samples of a puzzle, except for the tokens at one place of each."""

    def __init__(self, wrong: int) -> None:
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(1))
        self.wrong = wrong

    def forward(self, ids: Tensor) -> Tensor:
        logits = nn.functional.one_hot(ids[:, 1:], 100).float()
        logits[:, self.wrong - 1] = 0
        return nn.functional.pad(logits, (0, 0, 0, 1))


@pytest.mark.parametrize("mode", Mode)
def test_parts_are_right_if_all_their_tokens_are(mode: Mode) -> None:
    vocabulary, arm = Vocabulary(Boxes(1, 5)), replace(ARM, mode=mode)
    puzzle = graded(vocabulary.boxes, "..1.4.54.....3.51.......1")
    first, *_ = samples(vocabulary, puzzle.givens, mode, 40)
    model: Any = Repeats(first.prompt + 2)  # in later samples, a place in their prompts, which are longer
    written = parts_given_the_rest(model, vocabulary, arm, [puzzle], 40)
    lines = [each for each in written if each.part is Part.LINE]
    assert [line.position for line in lines] == positions_of_lines(vocabulary, puzzle.givens)
    assert {each.chain_length for each in written} == {87}
    (wrong,) = (each for each in written if not each.correct)
    assert wrong.part is Part.LINE
    assert wrong.position == max(line.position for line in lines if line.position <= 2)
    others = [(each.part, each.position) for each in written if each.part is not Part.LINE]
    summaries = [] if mode is Mode.COT else [(Part.SUMMARY, 40), (Part.SUMMARY, 81)]
    assert others == [*summaries, (Part.OUTPUT, 87)]


def test_an_output_is_wrong_if_one_of_its_tokens_is() -> None:
    vocabulary = Vocabulary(Boxes(1, 5))
    puzzle = graded(vocabulary.boxes, "..1.4.54.....3.51.......1")
    (sample,) = samples(vocabulary, puzzle.givens, Mode.COT, 40)
    model: Any = Repeats(len(sample.tokens) - 3)
    written = parts_given_the_rest(model, vocabulary, ARM, [puzzle], 40)
    assert [each.part for each in written if not each.correct] == [Part.OUTPUT]


def positions_of_lines(vocabulary: Vocabulary, givens: str) -> list[int]:
    lengths = [line_length(line) for line in Search(vocabulary.boxes, givens)]
    return [sum(lengths[:number]) for number in range(len(lengths))]


def test_a_puzzle_is_given_up_in_the_end_and_is_not_solved() -> None:
    vocabulary = Vocabulary(Boxes(2, 2))
    some = list(islice(puzzles(vocabulary.boxes, random.Random(1)), 5))
    torch.manual_seed(1)
    model = Decoder(Shape(1, 16, 2), vocabulary.size)
    shares: list[float] = []
    for puzzle, solved in zip(some, solve_all(model, vocabulary, ARM, some, 8, 2, shares.append), strict=True):
        assert not solved.correct
        assert solved.chain_length == puzzle.chain_length
        assert solved.generated <= PATIENCE * generated_length(vocabulary, puzzle, ARM, 8)
    assert shares == [0.4, 0.8, 1.0]
