"""The transformer that solves Sudokus: what its proof costs, and whole runs of it on ten known puzzles.

    python -m benchmarks.sudoku --only proofs    # certify and check, whole commands: rows, seconds, memory, sizes
    python -m benchmarks.sudoku --only runs      # every token of ten runs, by the integer evaluator: an hour

A run counts if at every token of every segment, but those of prompts, the unique best next token of the hardmax
transformer is the one that the machine's run has, and if what it writes is the solution.  Prints a row each and keeps
them in benchmarks/sudoku.json; `runs` goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import parser_of
from benchmarks.universal import cost_of
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.sudoku.search import EMPTY, Boxes, Search
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import each_segment
from exactformer.verify.hardmax.batch import in_batches
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork

RESULTS = Path(__file__).with_name("sudoku.json")
MACHINE, BOXES = LIBRARY["sudoku-9x9"], Boxes(3, 3)
POSITION_BITS = 10
MOST_STEPS = 10**8
SPACES = {"sudoku-4x4": 44, "sudoku-9x9": 176}
"""Cells within which all runs on puzzles stay."""
PUZZLES = {
    "Project Euler 96, grid 10": ".2.81.74.7....31...9...28.5..9.4..874..2.8..316..3.2..3.27...6...56....8.76.51.9.",
    "Project Euler 96, grid 1": "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
    "Wikipedia": "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
    "Project Euler 96, grid 2": "2...8.3...6..7..84.3.5..2.9...1.54.8.........4.27.6...3.1..7.4.72..4..6...4.1...3",
    "Project Euler 96, grid 7": ".43.8.25.6.............1.949....4.7....6.8....1.2....382.5.............5.34.9.71.",
    "a puzzle with 27 givens": "..9748...7.........2.1.9.....7...24..64.1.59..98...3.....8.3.2.........6...2759..",
    "AI Escargot": "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "Project Euler 96, grid 6": "1..92....524.1...........7..5...81.2.........4.27...9..6...........3.945....71..6",
    "Norvig, hard 1": "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
    "Inkala 2010": "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
}


@dataclass(frozen=True)
class Replayed:
    """A whole run, token for token: ``margin`` is the least by which a right token wins."""

    puzzle: str
    givens: int
    lines: int
    steps: int
    cells: int
    segments: int
    tokens: int
    seconds: float
    margin: int


@dataclass(frozen=True)
class Proved:
    """``certify`` and ``check`` of one machine, for all inputs within its space."""

    machine: str
    states: int
    rows: int
    space: int
    certify: str
    certify_seconds: float
    certify_mib: int
    certificate_kib: int
    weights_kib: int
    check: str
    check_seconds: float
    check_mib: int


def replay(name: str, word: str, network: PreparedNetwork) -> Replayed:
    """Raises what `observe` raises at the first token that is another one."""
    search = Search(BOXES, word)
    lines = sum(1 for _ in search)
    run = trace(MACHINE.machine, word, MOST_STEPS)
    if run.output != search.solution:
        raise ValueError(f"{name}: the machine writes {run.output}, the solution is {search.solution}")
    started, segments, tokens, margins = time.perf_counter(), 0, 0, list[int]()
    for group in in_batches(each_segment(run.machine, run, POSITION_BITS)):
        margins += observe(network, group).margins
        segments, tokens = segments + len(group), tokens + sum(map(len, group))
    seconds = round(time.perf_counter() - started, 1)
    givens = BOXES.cells - word.count(EMPTY)
    return Replayed(name, givens, lines, run.steps, run.cells, segments, tokens, seconds, min(margins))


def prove(name: str, folder: Path) -> Proved:
    entry, out = LIBRARY[name], folder / name
    about = ("--all-inputs", "--paradigm", "scot", "--space", str(SPACES[name]), "--out", out, "--json")
    certified = cost_of("certify", name, *about)
    (certificate,) = out.glob("*.certificate.json")
    checked = cost_of("check", certificate, "--machine", name)
    return Proved(
        machine=name,
        states=len(entry.machine.states),
        rows=len(entry.machine.transitions),
        space=SPACES[name],
        certify=json.loads(certified.printed)["verdict"],
        certify_seconds=certified.seconds,
        certify_mib=certified.peak_mib,
        certificate_kib=certificate.stat().st_size // 1024,
        weights_kib=sum(path.stat().st_size for path in out.glob("*.weights.json")) // 1024,
        check=checked.printed.splitlines()[0] if checked.printed else "not judged",
        check_seconds=checked.seconds,
        check_mib=checked.peak_mib,
    )


def keep(part: str, rows: list[dict[str, Any]]) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {part: rows}, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--only", choices=("proofs", "runs"), help="one part of it")
    only = parser.parse_args(arguments).only
    right = True
    if only != "runs":
        with tempfile.TemporaryDirectory() as folder:
            proofs = [prove(name, Path(folder)) for name in SPACES]
        print(*map(asdict, proofs), sep="\n")
        keep("proofs", [asdict(one) for one in proofs])
        right = all(one.certify == "proved" and one.check == "valid: proved" for one in proofs)
    if only != "proofs":
        replay_all()
    return 0 if right else 1


def replay_all() -> None:
    """Those that were not replayed before."""
    network = PreparedNetwork(construct(Paradigm.SCOT, MACHINE.machine, POSITION_BITS))
    done: list[dict[str, Any]] = json.loads(RESULTS.read_text()).get("runs", []) if RESULTS.exists() else []
    for name, word in PUZZLES.items():
        if name in {one["puzzle"] for one in done}:
            print(f"{name}: done before", flush=True)
            continue
        done.append(asdict(replay(name, word, network)))
        keep("runs", done)
        print(done[-1], flush=True)


if __name__ == "__main__":
    sys.exit(main())
