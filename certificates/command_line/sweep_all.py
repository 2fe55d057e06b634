"""``exactformer sweep --all-inputs``: many random machines, each proved for every input that fits."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import NoReturn

import click

from certificates.command_line.console import show
from certificates.command_line.evidence_store import usable, warn
from certificates.command_line.outcome import ExitCode, refusing
from certificates.command_line.progress import LateProgress
from certificates.command_line.sweep import Line, appending, encoded, read_lines
from certificates.command_line.verdicts import EXIT_CODE, headline
from certificates.document import write_file
from constructions.turing.paradigm import ContextError
from verify.arithmetic.models import ModelError, parse_arithmetic
from verify.sweep_all import UniversalResult, UniversalSweep, sweep_all
from verify.verdict import Verdict

BUDGET_SECONDS = 60


def execute(
    machines: int,
    seed: int,
    workers: int | None,
    context: int,
    arithmetic: str,
    store: Path | None,
    out: Path,
    as_json: bool,
) -> NoReturn:
    """Prove the machines 0 .. machines-1 of this seed that ``out`` does not have yet."""
    with refusing(ModelError):
        model = parse_arithmetic(arithmetic)
    header: Line = {
        "format": "exactformer sweep for all inputs",
        "version": 1,
        "seed": seed,
        "context": str(context),
        "arithmetic": model.text,
    }
    lines = read_lines(out, header, [field.name for field in fields(UniversalResult)])
    have = {line["index"] for line in lines}
    missing = [index for index in range(machines) if index not in have]
    wanted = UniversalSweep(seed, context, model, BUDGET_SECONDS)
    started, interrupted = time.perf_counter(), False
    with (
        appending(out, header, lines) as append,
        LateProgress(enabled=not as_json) as progress,
        refusing(ContextError),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
    ):
        results = sweep_all(wanted, missing, usable(store), workers or os.cpu_count() or 1, warn)
        try:
            for number, result in enumerate(results, start=1):
                lines.append(asdict(result))
                append(asdict(result))
                progress("sweep", number, len(missing))
        except KeyboardInterrupt:
            interrupted = True
            results.close()
    lines.sort(key=lambda line: int(line["index"]))
    if not interrupted:
        write_file(out, b"".join(map(encoded, [header, *lines])))
    lines = [line for line in lines if line["index"] < machines]
    summary = summarize(lines) | {"seconds": round(time.perf_counter() - started, 1)}
    if as_json:
        click.echo(json.dumps(summary | {"interrupted": interrupted, "file": str(out)}, indent=2))
    else:
        print_summary(summary, out)
    if interrupted:
        click.echo(f"Interrupted at {len(lines)} of {machines}; the same command goes on from there.", err=True)
        raise click.exceptions.Exit(130)
    raise click.exceptions.Exit(EXIT_CODE[Verdict(summary["verdict"])])


def summarize(lines: list[Line]) -> Line:
    """Verdicts, and how long machines took whose shape was known, and the others."""
    known = sorted(line["milliseconds"] for line in lines if not line["new_shape"])
    new = sorted(line["milliseconds"] for line in lines if line["new_shape"])
    return {
        "verdict": Verdict.together(Verdict(line["verdict"]) for line in lines).value,
        "machines": len(lines),
        "verdicts": dict(Counter(line["verdict"] for line in lines)),
        "milliseconds": {
            name: {"machines": len(times), "median": times[len(times) // 2], "most": times[-1]}
            for name, times in (("the first of their shape", new), ("of a shape known by then", known))
            if times
        },
        "not_proved": [line for line in lines if line["verdict"] != Verdict.PROVED.value][:5],
    }


def print_summary(summary: Line, out: Path) -> None:
    """Verdicts, times, and the first machines that are not proved."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(summary["verdicts"].items()))
    said = [f"{headline(Verdict(summary['verdict']))}: {summary['machines']} machines: {verdicts}"]
    said += [
        f"  {times['machines']} {name}: median {times['median']} ms, most {times['most']} ms"
        for name, times in summary["milliseconds"].items()
    ]
    said += [f"  machine {one['index']}: {one['verdict']}: {one['reason']}" for one in summary["not_proved"]]
    show([*said, f"results {out}"])
