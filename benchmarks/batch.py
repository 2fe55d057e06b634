"""Two hundred machines, in files of five formats, through a cluster of four workers, one of which is killed.

    python -m benchmarks.batch [--machines 200] [--workers 4] [--seed 0] [--context 16]    # needs the extra [cluster]

Draws machines as a sweep does, writes them as files, and certifies each for every run, in two arithmetics: by `batch`
with processes of this machine, and by `batch --scheduler` on a LocalCluster of as many worker processes.  Once half of
the cluster's rows are there, one worker is ended by SIGKILL.  Compares rows and files, prints what came of it, and
writes benchmarks/batch.json.  The exit code is 1 if anything differs.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import parser_of
from exactformer.certificates.files import what_differs
from exactformer.constructions.machines.formats import OURS
from exactformer.constructions.machines.formats.registry import BEAVER, Loaded, written
from exactformer.constructions.machines.text import write_machine
from exactformer.verify.sweep import draw_case

RESULTS = Path(__file__).with_name("batch.json")
FORMATS = {OURS: "yaml", "jflap": "jff", "turingmachine.io": "yaml", "morphett": "txt", BEAVER: "csv"}
ARITHMETICS = "fused:bf16,rounded:bf16/bf16"
CHANGES = ("seconds", "check_seconds", "peak_mebibytes", "certificate_sha256")
"""Of a row, what differs from run to run: a certificate's provenance has the date and seconds."""


def write_machines(folder: Path, count: int, seed: int) -> dict[str, int]:
    """Files, by turns in each format; how many there are of each.  Of other tools there are machines of one tape."""
    made: Counter[str] = Counter()
    index = 0
    for number in range(count):
        kind = list(FORMATS)[number % len(FORMATS)]
        while (machine := draw_case(seed, index).run.machine).tapes > 1 and kind != OURS:
            index += 1
        index += 1
        loaded = Loaded(OURS, machine)
        text = write_machine(machine) if kind == OURS else written(loaded, kind).text
        (folder / f"{number:03}-{kind}.{FORMATS[kind]}").write_text(text, encoding="utf-8")
        made[kind] += 1
    return dict(made)


def run(out: Path, options: Sequence[str], meanwhile: Callable[[subprocess.Popen[bytes]], object]) -> dict[str, Any]:
    """The table, the seconds that it took, and the largest part of memory that the command had itself."""
    command = [sys.executable, "-m", "exactformer", "batch", *options, "--json", "--out", str(out)]
    with tempfile.TemporaryFile() as printed:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed)
        meanwhile(process)
        _, _, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        printed.seek(0)
        return {**json.load(printed), "wall_seconds": round(seconds, 1), "peak": used.ru_maxrss // 1024}


def finished_in(out: Path) -> int:
    """How many rows are there."""
    results = out / "batch.jsonl"
    return results.read_bytes().count(b"\n") - 1 if results.exists() else 0


def rows_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: cell for key, cell in row.items() if key not in CHANGES} for row in table["rows"]]


def differing(here: Path, there: Path) -> list[str]:
    """Files that are not the same: weights byte for byte, certificates but for their provenance."""
    names = {path.name for folder in (here, there) for path in folder.iterdir()} - {"batch.jsonl"}

    def same(name: str) -> bool:
        if not ((here / name).exists() and (there / name).exists()):
            return False
        ours, theirs = (here / name).read_bytes(), (there / name).read_bytes()
        return ours == theirs or ("certificate" in name and what_differs(ours, theirs) is None)

    return [name for name in sorted(names) if not same(name)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--machines", metavar="M", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--workers", metavar="W", type=int, default=4, help="processes (default: 4)")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="which machines are drawn (default: 0)")
    parser.add_argument("--context", metavar="N", default="16", help="in tokens (default: 16)")
    given = parser.parse_args(arguments)
    from distributed import LocalCluster

    made: Any = LocalCluster
    with tempfile.TemporaryDirectory() as name:
        machines, here, there = (Path(name) / folder for folder in ("machines", "here", "there"))
        machines.mkdir()
        formats = write_machines(machines, given.machines, given.seed)
        options = [f"{machines}/*", "--contexts", given.context, "--arithmetics", ARITHMETICS]
        with made(
            n_workers=given.workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL + 1
        ) as cluster:
            victim, killed = next(iter(cluster.workers.values())).pid, list[int]()

            def kill(process: subprocess.Popen[bytes]) -> None:
                while process.poll() is None and finished_in(there) < given.machines:
                    time.sleep(0.05)
                killed.append(finished_in(there))
                os.kill(victim, signal.SIGKILL)

            remote = run(there, [*options, "--scheduler", cluster.scheduler_address], kill)
        local = run(here, [*options, "--workers", str(given.workers)], lambda _: None)
        report = {
            "machines": given.machines,
            "by_format": formats,
            "rows": len(local["rows"]),
            "arithmetics": ARITHMETICS,
            "context": given.context,
            "seed": given.seed,
            "workers": given.workers,
            "cores": os.cpu_count(),
            "worker_killed_after_rows": killed[0],
            "verdicts": local["verdicts"],
            "errors": local["errors"],
            "rows_equal": rows_of(local) == rows_of(remote),
            "files": len(list(here.iterdir())) - 1,
            "files_that_differ": differing(here, there),
            "seconds": {"cluster": remote["wall_seconds"], "local": local["wall_seconds"]},
            "seconds_of_rows": {
                where: round(sum(row["seconds"] or 0 for row in table["rows"]), 1)
                for where, table in (("cluster", remote), ("local", local))
            },
            "peak_mib_of_a_row": max(row["peak_mebibytes"] or 0 for row in (*local["rows"], *remote["rows"])),
            "peak_mib_of_the_command": {"cluster": remote["peak"], "local": local["peak"]},
        }
    print(json.dumps(report, indent=1))
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["rows_equal"] and not report["files_that_differ"] else 1


if __name__ == "__main__":
    sys.exit(main())
