"""Machines of many tapes and states. The rows of five tapes list what all heads may read: products of five sets."""

from __future__ import annotations

from pathlib import Path

import pytest

import exactformer as ef
from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.assembler.language import Block, Do, Halt, Program, Require, Tape, on
from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.verify.verdict import Verdict

OTHERS = ("second", "third", "fourth", "fifth")


def straight_on(steps: int, others: tuple[str, ...]) -> TuringMachine:
    """It halts after so many steps; each goes right on all tapes but the first, on whatever it reads there."""
    tapes = (Tape("first", ("a",)), *(Tape(name, ("a", "b")) for name in others))
    moves = dict.fromkeys(others, Move.RIGHT)
    written = [dict.fromkeys(others, "ab"[step % 2]) for step in range(steps)]
    block: Block = (Require(on("first", "a")), *(Do(writes, moves) for writes in written), Halt())
    return assemble(Program("straight-on", tapes, "_", ("a",), {"start": block}))


@pytest.mark.parametrize(("steps", "others", "rows"), [(4, OTHERS, 325), (66, (), 67)], ids=["five tapes", "67 states"])
def test_they_are_proved_and_checked(steps: int, others: tuple[str, ...], rows: int, tmp_path: Path) -> None:
    machine = straight_on(steps, others)
    assert len(machine.transitions) == rows
    certificate = ef.certify(machine, ef.EveryRun(context=16), "fused:bf16")
    assert certificate.verdict is Verdict.PROVED
    assert ef.check(certificate.write(tmp_path), machine=machine).verdict == "proved"
    shown = f"{len(machine.states)} names (SHA-256 " if len(machine.states) > 64 else f"[{' '.join(machine.states)}]"
    assert f"STATES = {shown}" in certificate.claim
