"""What a constructed transformer needs for the same task, to compare with what was learned.

It simulates a Turing machine that does the same search, step by step; the traces of the learned models are shorter, and
each of their lines is thousands of its steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.sudoku.program import sudoku_program
from exactformer.constructions.machines.sudoku.search import Boxes
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.contexts import ContextLength, least_context_for_space, least_context_for_steps
from exactformer.constructions.turing.paradigm import Paradigm
from experiments.sudoku.puzzles import Puzzle
from experiments.sudoku.tokens import Mode

MAX_STEPS = 100_000_000


@dataclass(frozen=True)
class Constructed:
    """The network for one puzzle: the sizes of the machine's run, and the dimensions that the construction then has."""

    mode: Mode
    chain_length: int
    steps: int
    cells: int
    context: int
    layers: int
    width: int
    heads: int
    hidden_width: int


def construction_numbers(boxes: Boxes, puzzles: Sequence[Puzzle]) -> list[Constructed]:
    """For each puzzle and both modes: the smallest context of its run, and the dimensions at that context.

    Errors: ValueError if the machine does not solve a puzzle.
    """
    machine = assemble(sudoku_program(boxes))
    found = []
    for puzzle in puzzles:
        run = trace(machine, puzzle.givens, MAX_STEPS)
        if run.output != puzzle.solution:
            raise ValueError(f"{machine.name} gives {run.output} for {puzzle.givens}, and not {puzzle.solution}")
        contexts: dict[Mode, tuple[Paradigm, ContextLength]] = {
            Mode.COT: (Paradigm.COT, least_context_for_steps(len(run.word), run.steps, len(run.output))),
            Mode.SCOT: (Paradigm.SCOT, least_context_for_space(run.cells)),
        }
        for mode, (paradigm, context) in contexts.items():
            network = dimensions_of(construct(paradigm, machine, context.position_bits))
            found.append(
                Constructed(
                    mode,
                    puzzle.chain_length,
                    run.steps,
                    run.cells,
                    context.tokens,
                    network.layers,
                    network.width,
                    network.heads,
                    network.hidden_width,
                )
            )
    return found
