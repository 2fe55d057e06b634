"""``exactformer sweep``: verifies every token of thousands of random machines, in both paradigms.

Results go to a file of JSON lines, appended as they come in, so that an interrupted sweep goes on where it stopped; a
finished file is sorted, and depends on the seed and the number of machines alone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import InputRefused
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.document import write_file
from exactformer.certificates.reports.layout import counted
from exactformer.certificates.reports.verdicts import headline
from exactformer.certificates.supervisor import Left, writing
from exactformer.verify.sweep import sweep
from exactformer.verify.verdict import Basis, Verdict

Line = dict[str, Any]


def execute(machines: int, seed: int, workers: int | None, out: Path, as_json: bool) -> None:
    """Verify the cases 0 .. machines-1 of this seed that are not in ``out`` yet."""
    header = {"format": "exactformer sweep", "version": 1, "seed": seed}
    lines = read_lines(out, header, ("index", "results"))
    have = {line["index"] for line in lines}
    missing = [index for index in range(machines) if index not in have]
    started = time.perf_counter()
    with appending(out, header, lines) as append, LateProgress(enabled=not as_json) as progress:
        for number, result in enumerate(sweep(seed, missing, workers or os.cpu_count() or 1), start=1):
            line = {"index": result[0].index, "results": [asdict(one) for one in result]}
            lines.append(line)
            append(line)
            progress("sweep", number, len(missing))
    lines.sort(key=lambda line: int(line["index"]))
    seconds = time.perf_counter() - started
    rewrite(out, header, lines)
    lines = [line for line in lines if line["index"] < machines]
    summary = summarize(lines) | {"verified_now": len(lines) - len(have & set(range(machines))), "seconds": seconds}
    if as_json:
        click.echo(json.dumps(summary | {"file": str(out)}, indent=2))
    else:
        print_summary(summary, out)
    raise click.exceptions.Exit(EXIT_CODE[Verdict(summary["verdict"])])


def read_lines(path: Path, header: Line, keys: Collection[str]) -> list[Line]:
    """The cases of a sweep file, each with these keys; a last line that was cut off does not count.

    A file that is not a sweep, or is another sweep, is refused, so that it is not overwritten.
    """
    if not os.path.lexists(path):
        return []
    if not path.is_file():
        raise InputRefused(f"{path} is not a regular file; give another --out")
    try:
        with path.open("rb") as stream:
            first = stream.readline(len(encoded(header)))
            if first not in (b"", encoded(header)):
                raise InputRefused(
                    f"{path} is not a file of this sweep: its first line is not {json.dumps(header)}; give another "
                    "--out"
                )
            found = [json.loads(text) for text in stream.read().split(b"\n")[:-1]]
    except (OSError, ValueError) as error:
        raise InputRefused(f"{path} cannot be continued: {error}; give another --out") from error
    for number, line in enumerate(found, start=2):
        if not (isinstance(line, dict) and line.keys() == set(keys) and type(line["index"]) is int):
            raise InputRefused(
                f"{path} cannot be continued: line {number} is not a result of a sweep; give another --out"
            )
    return found


@contextmanager
def appending(path: Path, header: Line, lines: list[Line]) -> Iterator[Callable[[Line], None]]:
    """Rewrite the whole lines of the file, then append line by line; each line is written whole or not at all."""
    with writing(Left.FINISHED_PARTS):
        rewrite(path, header, lines)
    with refused_if_unwritable(path):
        stream = path.open("ab", buffering=0)

    def append(line: Line) -> None:
        whole, data = stream.seek(0, os.SEEK_END), encoded(line)
        with refused_if_unwritable(path), writing(Left.FINISHED_PARTS):
            try:
                while data:
                    data = data[stream.write(data) :]
            except OSError:
                stream.truncate(whole)
                raise

    with stream:
        yield append


def rewrite(path: Path, header: Line, lines: list[Line]) -> None:
    """Write the whole file."""
    with refused_if_unwritable(path):
        write_file(path, b"".join(map(encoded, [header, *lines])))


@contextmanager
def refused_if_unwritable(path: Path) -> Iterator[None]:
    """Turn errors of the file system into the end of the command."""
    try:
        yield
    except OSError as error:
        raise InputRefused(f"cannot write to {path}: {error.strerror}; give another --out") from error


def encoded(line: Line) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"


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
