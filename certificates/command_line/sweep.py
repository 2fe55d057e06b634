"""``exactformer sweep``: verifies every token of thousands of random machines, in both paradigms.

Results go to a file of JSON lines, appended as they come in, so that an interrupted sweep goes on where it stopped; a
finished file is sorted, and depends on the seed and the number of machines alone.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import refusing
from exactformer.certificates.command_line.pools import Where, pool_of
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.files import FileRefused
from exactformer.certificates.finished import Line, finished
from exactformer.certificates.reports.layout import counted
from exactformer.certificates.reports.verdicts import headline
from exactformer.verify.sweep import sweep
from exactformer.verify.verdict import Basis, Verdict


def execute(machines: int, seed: int, where: Where, out: Path, as_json: bool) -> None:
    """Verify the cases 0 .. machines-1 of this seed that are not in ``out`` yet."""
    header = {"format": "exactformer sweep", "version": 1, "seed": seed}
    started = time.perf_counter()
    with (
        refusing(FileRefused),
        pool_of(where) as pool,
        finished(out, header, ("index", "results"), "index", int, "sweep") as kept,
        LateProgress(enabled=not as_json) as progress,
    ):
        have = set(kept.lines)
        missing = [index for index in range(machines) if index not in have]
        for number, result in enumerate(sweep(seed, missing, pool), start=1):
            kept.add({"index": result[0].index, "results": [asdict(one) for one in result]})
            progress("sweep", number, len(missing))
        kept.sort()
    seconds = time.perf_counter() - started
    lines = [line for index, line in kept.lines.items() if index in range(machines)]
    summary = summarize(lines) | {"verified_now": len(missing), "seconds": seconds}
    if as_json:
        click.echo(json.dumps(summary | {"file": str(out)}, indent=2))
    else:
        print_summary(summary, out)
    raise click.exceptions.Exit(EXIT_CODE[Verdict(summary["verdict"])])


def summarize(lines: list[Line]) -> Line:
    """Counts over all cases of a file, and the first failures."""
    results = [result for line in lines for result in line["results"]]
    failures = [result for result in results if result["failure"] is not None]
    return {
        "verdict": Verdict.together(_verdict(result) for result in results).value,
        "machines": len(lines),
        "tokens": {
            paradigm: sum(result["tokens"] for result in results if result["paradigm"] == paradigm)
            for paradigm in ("cot", "scot")
        },
        "segments": sum(result["segments"] for result in results if result["paradigm"] == "scot"),
        "failures": len(failures),
        "first_failures": failures[:5],
    }


def _verdict(result: Line) -> Verdict:
    """The verdict on the claim that the hardmax transformer generates every token of one run."""
    return Verdict.CERTIFIED if result["failure"] is None else Verdict.REFUTED


def print_summary(summary: Line, out: Path) -> None:
    """What was verified in all, what was verified now, and the first failures."""
    tokens = summary["tokens"]
    said = [
        f"{counted(summary['machines'], 'machine')}: {counted(tokens['cot'], 'token')} of chains of thought, "
        f"{counted(tokens['scot'], 'token')} of summarized ones in {counted(summary['segments'], 'segment')}"
    ]
    if summary["verified_now"]:
        rate = summary["verified_now"] / summary["seconds"]
        said.append(
            f"{summary['verified_now']} of them now, in {summary['seconds']:.1f} s: {rate:.1f} machines a second"
        )
    verdict = headline(Verdict(summary["verdict"]))
    if summary["failures"]:
        said.append(f"{verdict}: {summary['failures']} runs differ from the hardmax transformer's, the first:")
        said += [f"  machine {one['index']}, {one['paradigm']}: {one['failure']}" for one in summary["first_failures"]]
    else:
        said.append(
            f"{verdict}: every token is the unique best next token of the hardmax transformer "
            f"({Basis.OBSERVED.title}; nothing is said about softmax)"
        )
    show([*said, f"results {out}"])
