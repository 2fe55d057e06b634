"""Traces of both modes, replayed without a search, give the solution; what is not a trace is refused."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.constructions.machines.sudoku.search import Boxes, Line, Search
from experiments.sudoku.puzzles import fresh, graded
from experiments.sudoku.tokens import (
    NONE,
    PAD,
    SUMMARY,
    Mode,
    Sample,
    TraceError,
    Vocabulary,
    extend_path,
    output_grid,
    replay,
    samples,
    trace_length,
)

SMALL = Boxes(2, 2)
HARD = "..1.4.54.....3.51.......1"
"""Of 5 x 5 cells, with rows as boxes; 87 tokens."""
SHAPES = st.sampled_from((SMALL, Boxes(1, 5), Boxes(2, 3)))


@st.composite
def puzzles(draw: st.DrawFn) -> tuple[Boxes, str]:
    boxes = draw(SHAPES)
    return boxes, fresh(boxes, random.Random(draw(st.integers(0, 10**9))))


@given(puzzles(), st.sampled_from(Mode), st.integers(1, 100))
def test_a_trace_that_is_replayed_gives_the_solution(puzzle: tuple[Boxes, str], mode: Mode, every: int) -> None:
    boxes, givens = puzzle
    vocabulary = Vocabulary(boxes)
    written = list(samples(vocabulary, givens, mode, every))
    assert replay(vocabulary, written) == graded(boxes, givens).solution
    assert output_grid(vocabulary, written[-1].tokens) == graded(boxes, givens).solution


@given(puzzles(), st.integers(1, 100))
def test_summaries_cut_the_trace_and_change_no_line_of_it(puzzle: tuple[Boxes, str], every: int) -> None:
    boxes, givens = puzzle
    vocabulary = Vocabulary(boxes)
    (whole,) = samples(vocabulary, givens, Mode.COT, every)
    parts = list(samples(vocabulary, givens, Mode.SCOT, every))
    traces = [part.tokens[part.prompt :] for part in parts]
    cut = [trace[: trace.index(SUMMARY)] for trace in traces[:-1]]
    assert sum(cut, ()) + traces[-1] == whole.tokens[whole.prompt :]
    assert all(every <= len(trace) <= every + boxes.side for trace in cut)


def test_a_vocabulary_of_nine_has_98_tokens() -> None:
    vocabulary = Vocabulary(Boxes(3, 3))
    assert vocabulary.size == len(set(vocabulary.tokens)) == 98
    assert vocabulary.words(vocabulary.ids(vocabulary.tokens)) == list(vocabulary.tokens)
    assert PAD in vocabulary.tokens


def test_the_samples_of_a_small_puzzle() -> None:
    """A summary after each line, since each has the 2 tokens after which it is due; givens come before the path."""
    first, second, last = samples(Vocabulary(SMALL), "1234341221434..1", Mode.SCOT, 2)
    givens = "r1c1 1 r1c2 2 r1c3 3 r1c4 4 r2c1 3 r2c2 4 r2c3 1 r2c4 2 r3c1 2 r3c2 1 r3c3 4 r3c4 3 r4c1 4 r4c4 1"
    assert " ".join(first.tokens) == f"<input> {givens} </input> r4c2 3 <summary> {givens} r4c2 3 </summary>"
    assert " ".join(second.tokens) == (
        f"<summary> {givens} r4c2 3 </summary> r4c3 2 <summary> {givens} r4c2 3 r4c3 2 </summary>"
    )
    assert " ".join(last.tokens[: last.prompt]) == f"<summary> {givens} r4c2 3 r4c3 2 </summary>"
    assert last.tokens[last.prompt] == "<output>"
    assert (first.prompt, second.prompt) == (30, 32)


def test_after_a_failure_a_decision_comes_again_with_the_rest() -> None:
    (sample,) = samples(Vocabulary(Boxes(1, 5)), HARD, Mode.COT, 1)
    assert NONE in sample.tokens
    search = Search(Boxes(1, 5), HARD)
    assert trace_length(search) == 87
    assert sample.tokens.index("<output>") - sample.prompt == 87


def test_a_summary_after_a_failure_ends_with_the_line_that_failed() -> None:
    vocabulary = Vocabulary(Boxes(1, 5))
    written = list(samples(vocabulary, HARD, Mode.SCOT, 1))
    failed = [sample for sample in written if sample.tokens[sample.prompt - 2] == NONE]
    assert failed
    assert all(NONE not in sample.tokens[sample.prompt : sample.prompt + 2] for sample in failed)


def test_an_unsolvable_puzzle_has_no_samples() -> None:
    with pytest.raises(ValueError, match="has no solution"):
        list(samples(Vocabulary(SMALL), "1234.......4....", Mode.COT, 1))


PATHS = {
    "a decision again, and nothing failed": (
        [Line(0, "12"), Line(1, "2"), Line(0, "2")],
        "cell 0 has an open decision",
    ),
    "after a failure a cell that is not open": ([Line(0, "12"), Line(1, ""), Line(2, "2")], "goes on with cell 2"),
    "after all have failed": ([Line(0, ""), Line(1, "2")], "goes on with cell 1"),
}


@pytest.mark.parametrize("title", PATHS)
def test_a_path_that_cannot_be_is_refused(title: str) -> None:
    lines, message = PATHS[title]
    path: list[Line] = []
    for line in lines[:-1]:
        extend_path(path, line)
    with pytest.raises(TraceError, match=message):
        extend_path(path, lines[-1])


def changed(sample: Sample, place: int, token: str) -> Sample:
    return replace(sample, tokens=(*sample.tokens[:place], token, *sample.tokens[place + 1 :]))


CHANGES = {
    "a digit that does not fit": (31, "2", "does not fit"),
    "a line without candidates": (31, "r1c1", "no line of a trace: r4c2"),
    "a digit and no cell": (30, "1", "no line of a trace"),
    "none beside a digit": (31, "<pad>", "no line of a trace: r4c2 <pad>"),
    "a branch that failed at the end": (31, NONE, "goes on with cell 14"),
}


@pytest.mark.parametrize("title", CHANGES)
def test_a_trace_that_was_changed_is_noticed(title: str) -> None:
    vocabulary = Vocabulary(SMALL)
    (sample,) = samples(vocabulary, "1234341221434..1", Mode.COT, 2)
    place, token, message = CHANGES[title]
    with pytest.raises(TraceError, match=message):
        replay(vocabulary, [changed(sample, place, token)])


def test_a_prompt_that_is_not_the_summary_before_it_is_noticed() -> None:
    vocabulary = Vocabulary(SMALL)
    first, second, *_ = samples(vocabulary, "1234341221434..1", Mode.SCOT, 2)
    with pytest.raises(TraceError, match="the prompt is not the summary before it"):
        replay(vocabulary, [first, changed(second, 2, "3")])


NO_OUTPUT = {
    "nothing": "",
    "no end": "<output> r1c1 1 r1c2 2 r2c1 2 r2c2 1",
    "cells in another order": "<output> r1c2 1 r1c1 2 r2c1 2 r2c2 1 </output>",
    "a cell as a digit": "<output> r1c1 r1c1 r1c2 2 r2c1 2 r2c2 1 </output>",
    "cells that are missing": "<output> r1c1 1 r1c2 2 </output>",
}


@pytest.mark.parametrize("title", NO_OUTPUT)
def test_what_is_no_output_gives_no_grid(title: str) -> None:
    assert output_grid(Vocabulary(Boxes(1, 2)), NO_OUTPUT[title].split()) is None
