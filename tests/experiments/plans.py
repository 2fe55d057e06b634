"""Tiny plans and made-up results that several tests use."""

from __future__ import annotations

from dataclasses import replace

from exactformer.constructions.machines.sudoku.search import Boxes
from experiments.sudoku.plan import Arm, Plan, Precision, PuzzlePlan, PuzzleSet, Training
from experiments.sudoku.tokens import Mode

ARM = Arm("CoT 1 layer", Mode.COT, 1, 16, 2, Precision.BF16, 100)
PLAN = Plan(
    name="tiny",
    boxes=Boxes(2, 2),
    puzzles=PuzzlePlan(1, PuzzleSet((8.0, 16.0), 4), PuzzleSet((8.0, 16.0), 2)),
    summary_every=6,
    training=Training(1500, 150, 0.01, 0.01, 0.1, 0.1, 1.0, 3),
    device="cpu",
    threads=1,
    batch=3,
    seeds=(1,),
    arms=(ARM, replace(ARM, name="SCoT 1 layer", mode=Mode.SCOT)),
)
YAML = """\
name: tiny
boxes: {rows: 2, columns: 2}
puzzles: {seed: 1, training: {lengths: [8, 16], each: 4}, evaluation: {lengths: [8, 16], each: 2}}
summary_every: 6
training:
  tokens: 1500
  tokens_a_step: 150
  learning_rate: 0.01
  weight_decay: 0.01
  warm_up: 0.1
  final_share: 0.1
  gradient_norm: 1.0
  checkpoint_every: 3
device: cpu
threads: 1
batch: 3
seeds: [1]
arms:
  - {name: CoT 1 layer, mode: CoT, layers: 1, width: 16, heads: 2, precision: bf16, longest_chain: 100}
  - {name: SCoT 1 layer, mode: SCoT, layers: 1, width: 16, heads: 2, precision: bf16, longest_chain: 100}
"""
"""The same plan as PLAN."""
