"""How large machines and contexts may be: what is certified, and so is checked, in minutes.

Only the first always runs. The others take minutes of one core:
`EXACTFORMER_LIMITS=1 bash tests/run_all.sh tests/turing_theory/test_limits.py`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import exactformer as ef
from benchmarks.rows import machine_of
from exactformer.verify.verdict import Verdict

LIMITS = "EXACTFORMER_LIMITS"
ONLY_WHEN_ASKED = pytest.mark.skipif(LIMITS not in os.environ, reason=f"it takes minutes; set {LIMITS}=1 to run it")


@dataclass(frozen=True)
class Limit:
    """A machine of the library, or one at random with so many rows; and what of its runs is claimed."""

    title: str
    machine: str | int
    behaviour: dict[str, Any]

    def __str__(self) -> str:
        return self.title


ALWAYS = Limit("contexts of 2^32 tokens", "increment", {"context": 2**32})
"""There facts about small numbers are large diagrams, which they are not in smaller contexts."""
REACHED = (
    Limit("contexts of 2^64 tokens", "increment", {"context": 2**64}),
    Limit("three tapes", "binary-multiplication", {"context": 2**32}),
    Limit("five tapes, 3,395 rows", "sudoku-4x4", {"context": 232, "paradigm": "scot"}),
    Limit("10,000 rows", 10_000, {"context": 2**16}),
    Limit("summaries in contexts of 2^32 tokens", "increment", {"context": 2**32, "paradigm": "scot"}),
)


@pytest.mark.parametrize("limit", [ALWAYS, *(pytest.param(one, marks=ONLY_WHEN_ASKED) for one in REACHED)], ids=str)
def test_what_is_within_reach(limit: Limit, tmp_path: Path) -> None:
    """Proving runs the checker's kernel: what is certified can be checked."""
    machine: Any = limit.machine
    if isinstance(machine, int):
        (tmp_path / "rows.yaml").write_text(machine_of(1, machine), encoding="utf-8")
        machine = tmp_path / "rows.yaml"
    subject = ef.load_machine(str(machine))
    certificate = ef.certify(subject, ef.EveryRun(**limit.behaviour), "rounded:fp32/bf16")
    assert certificate.verdict is Verdict.PROVED
    assert certificate.write(tmp_path / "out").stat().st_size < 3 << 20
