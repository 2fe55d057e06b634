"""``exactformer sweep --all-inputs``: proves many random machines, each for every input that fits."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import NoReturn

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import ExitCode, refusing
from exactformer.certificates.command_line.pools import Where, pool_of
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.files import FileRefused
from exactformer.certificates.finished import Line, finished
from exactformer.certificates.reports.layout import counted
from exactformer.certificates.reports.verdicts import headline
from exactformer.certificates.sweep_all import UniversalResult, UniversalSweep, sweep_all
from exactformer.constructions.turing.paradigm import ContextError
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.verdict import Verdict


def execute(
    machines: int,
    seed: int,
    where: Where,
    context: int,
    arithmetic: str,
    out: Path,
    as_json: bool,
) -> NoReturn:
    """Prove the machines 0 .. machines-1 of this seed that are not in ``out`` yet."""
    with refusing(ModelError):
        model = parse_arithmetic(arithmetic)
    header: Line = {
        "format": "exactformer sweep for all inputs",
        "version": 2,
        "seed": seed,
        "context": str(context),
        "arithmetic": model.text,
    }
    wanted = UniversalSweep(seed, context, model)
    started = time.perf_counter()
    with (
        refusing(FileRefused, ContextError),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
        pool_of(where) as pool,
        finished(out, header, [field.name for field in fields(UniversalResult)], "index", int, "sweep") as kept,
        LateProgress(enabled=not as_json) as progress,
    ):
        missing = [index for index in range(machines) if index not in kept.lines]
        for number, result in enumerate(sweep_all(wanted, missing, pool), start=1):
            kept.add(asdict(result))
            progress("sweep", number, len(missing))
        kept.sort()
    lines = [line for index, line in kept.lines.items() if index in range(machines)]
    summary = summarize(lines) | {"seconds": round(time.perf_counter() - started, 1)}
    if as_json:
        click.echo(json.dumps(summary | {"file": str(out)}, indent=2))
    else:
        print_summary(summary, out)
    raise click.exceptions.Exit(EXIT_CODE[Verdict(summary["verdict"])])


def summarize(lines: list[Line]) -> Line:
    """The verdicts, and how long the machines took."""
    times = sorted(line["milliseconds"] for line in lines)
    return {
        "verdict": Verdict.together(Verdict(line["verdict"]) for line in lines).value,
        "machines": len(lines),
        "verdicts": dict(Counter(line["verdict"] for line in lines)),
        "milliseconds": {"median": times[len(times) // 2], "most": times[-1]},
        "not_proved": [line for line in lines if line["verdict"] != Verdict.PROVED.value][:5],
    }


def print_summary(summary: Line, out: Path) -> None:
    """Verdicts, times, and the first machines that are not proved."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(summary["verdicts"].items()))
    said = [f"{headline(Verdict(summary['verdict']))}: {counted(summary['machines'], 'machine')}: {verdicts}"]
    said.append("  a machine: median {median} ms, most {most} ms".format_map(summary["milliseconds"]))
    said += [f"  machine {one['index']}: {one['verdict']}: {one['reason']}" for one in summary["not_proved"]]
    show([*said, f"results {out}"])
