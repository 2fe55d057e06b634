"""What a model reads and writes: a puzzle, the trace of its search, and the solution, as tokens.

    chain of thought    <input> cell digit .. </input>  trace  <output> cell digit .. </output>
    with summaries      <input> cell digit .. </input>  trace  <summary> .. </summary>
                        <summary> .. </summary>  trace  <summary> .. </summary>           as often as needed
                        <summary> .. </summary>  trace  <output> cell digit .. </output>

Words: the *trace* is the lines of the search, each a cell and its candidates, or `<none>`.  The *path* is the latest
line of each decision that is open.  A *summary* is the givens and the path.  A *sample* is one of the rows above; the
model is given its prompt, up to `</input>` or the first `</summary>`, and has to produce the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from exactformer.constructions.machines.sudoku.search import EMPTY, Boxes, Grid, Line, Search

PAD, INPUT, END_INPUT, SUMMARY, END_SUMMARY, OUTPUT, END_OUTPUT, NONE = SPECIAL = (
    "<pad>",
    "<input>",
    "</input>",
    "<summary>",
    "</summary>",
    "<output>",
    "</output>",
    "<none>",
)


class Mode(Enum):
    """Chain of thought, or chain of thought with summaries."""

    COT = "CoT"
    SCOT = "SCoT"


class TraceError(ValueError):
    """Tokens that are not a trace: the message says where and why."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens for one shape of Sudoku: cells row by row, digits, special ones; an id is a place in this list.

    >>> vocabulary = Vocabulary(Boxes(3, 3))
    >>> vocabulary.size, vocabulary.tokens[80:83], vocabulary.ids(("<pad>", "r1c2"))
    (98, ('r9c9', '1', '2'), [90, 1])
    """

    boxes: Boxes

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        side = self.boxes.side
        cells = (f"r{row + 1}c{column + 1}" for row in range(side) for column in range(side))
        return (*cells, *self.boxes.digits, *SPECIAL)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    @property
    def size(self) -> int:
        return len(self.tokens)

    def ids(self, tokens: Iterable[str]) -> list[int]:
        return [self._ids[token] for token in tokens]

    def id(self, token: str) -> int:
        return self._ids[token]

    def words(self, ids: Iterable[int]) -> list[str]:
        return [self.tokens[number] for number in ids]

    def cell(self, number: int) -> str:
        """The token of a cell."""
        return self.tokens[number]

    def cell_number(self, token: str) -> int | None:
        """The cell that a token stands for; None if it is another token."""
        number = self._ids.get(token, self.boxes.cells)
        return number if number < self.boxes.cells else None


@dataclass(frozen=True)
class Sample:
    """``tokens``, of which the first ``prompt`` are given to the model."""

    tokens: tuple[str, ...]
    prompt: int


def line_length(line: Line) -> int:
    """Tokens of a line: the cell, and its candidates or `<none>`."""
    return 1 + max(1, len(line.candidates))


def trace_length(lines: Iterable[Line]) -> int:
    """Tokens of a trace."""
    return sum(map(line_length, lines))


def extend_path(path: list[Line], line: Line) -> None:
    """The path after another line of the trace.

    After a line without candidates the branch has failed: the next line is that of an open decision, with the rest of
    its candidates, and all later decisions are undone.  Undoing is implicit in the trace, so it is made explicit here.

    Errors: TraceError if a decision is repeated without need, or is not open.
    """
    if path and not path[-1].candidates:
        while path and path[-1].cell != line.cell:
            path.pop()
        if not path:
            raise TraceError(f"after a failure the trace goes on with cell {line.cell}, where no decision is open")
        path.pop()
    elif any(each.cell == line.cell for each in path):
        raise TraceError(f"cell {line.cell} has an open decision, and nothing failed")
    path.append(line)


def givens_tokens(vocabulary: Vocabulary, puzzle: str) -> Iterator[str]:
    """Cell and digit of each cell that is not empty."""
    for cell, symbol in enumerate(puzzle):
        if symbol != EMPTY:
            yield vocabulary.cell(cell)
            yield symbol


def line_tokens(vocabulary: Vocabulary, line: Line) -> tuple[str, ...]:
    return (vocabulary.cell(line.cell), *(line.candidates or (NONE,)))


def samples(vocabulary: Vocabulary, puzzle: str, mode: Mode, summary_every: int) -> Iterator[Sample]:
    """The samples of a puzzle: one in chain of thought, else one for each prompt.

    A summary is due at the end of the first line with which the trace since the last summary has ``summary_every``
    tokens or more.  If that line has no candidates, it ends the path: without it the search would come to it again.

    Errors: ValueError if the puzzle has no solution.
    """
    givens = tuple(givens_tokens(vocabulary, puzzle))
    prompt = (INPUT, *givens, END_INPUT)
    tokens = list(prompt)
    search, path, since_summary = Search(vocabulary.boxes, puzzle), list[Line](), 0
    for line in search:
        extend_path(path, line)
        tokens += line_tokens(vocabulary, line)
        since_summary += line_length(line)
        if mode is Mode.SCOT and since_summary >= summary_every:
            lines = (token for open_line in path for token in line_tokens(vocabulary, open_line))
            summary = (SUMMARY, *givens, *lines, END_SUMMARY)
            yield Sample((*tokens, *summary), len(prompt))
            prompt, since_summary = summary, 0
            tokens = list(prompt)
    if search.solution is None:
        raise ValueError(f"the puzzle {puzzle} has no solution")
    yield Sample((*tokens, OUTPUT, *givens_tokens(vocabulary, search.solution), END_OUTPUT), len(prompt))


def output_grid(vocabulary: Vocabulary, tokens: Sequence[str]) -> str | None:
    """The grid that ``tokens`` end with, as the solution is written; None if they do not.

    >>> output_grid(Vocabulary(Boxes(1, 2)), "<output> r1c1 1 r1c2 2 r2c1 2 r2c2 1 </output>".split())
    '1221'
    """
    cells = vocabulary.boxes.cells
    tail = tuple(tokens[-2 * cells - 2 :])
    digits = "".join(tail[2:-1:2])
    if len(digits) != cells or not set(digits) <= set(vocabulary.boxes.digits):
        return None
    return digits if tail == (OUTPUT, *givens_tokens(vocabulary, digits), END_OUTPUT) else None


def replay(vocabulary: Vocabulary, samples: Sequence[Sample]) -> str:
    """The grid that the lines of all samples lead to, without any search: givens, and the first candidates of the path.

    Where a sample has a summary as its prompt, the path is taken from it, so the summaries are replayed, too.

    Errors: TraceError if something is not a sample, a line does not fit those before it, or the next prompt is not the
    summary.
    """
    grid = Grid(vocabulary.boxes)
    givens: dict[int, str] | None = None
    path: list[Line] = []
    summary: tuple[str, ...] | None = None
    for sample in samples:
        prompt, rest = sample.tokens[: sample.prompt], sample.tokens[sample.prompt :]
        lines = list(_lines(vocabulary, prompt[1:-1]))
        if givens is None:
            givens = {line.cell: line.candidates for line in lines}
        elif prompt != summary:
            raise TraceError("the prompt is not the summary before it")
        else:
            path = lines[len(givens) :]
        end = next((place for place, token in enumerate(rest) if token in (SUMMARY, OUTPUT)), len(rest))
        for line in _lines(vocabulary, rest[:end]):
            extend_path(path, line)
        summary = rest[end:]
    for cell, digits in [*(givens or {}).items(), *((line.cell, line.candidates) for line in path)]:
        if not digits or digits[0] not in grid.candidates(cell):
            raise TraceError(f"the trace ends with {digits or NONE} at cell {cell}, which does not fit")
        grid.write(cell, digits[0])
    return "".join(grid.symbols)


def _lines(vocabulary: Vocabulary, tokens: Sequence[str]) -> Iterator[Line]:
    """The lines in a part of a sample; givens are read as lines with one candidate.  Raises TraceError."""
    place = 0
    while place < len(tokens):
        cell = vocabulary.cell_number(tokens[place])
        end = place + 1
        while end < len(tokens) and vocabulary.cell_number(tokens[end]) is None:
            end += 1
        candidates = tuple(tokens[place + 1 : end])
        if (
            cell is None
            or not candidates
            or not (candidates == (NONE,) or set(candidates) <= set(vocabulary.boxes.digits))
        ):
            raise TraceError(f"no line of a trace: {' '.join(tokens[place:end])}")
        yield Line(cell, "" if candidates == (NONE,) else "".join(candidates))
        place = end
