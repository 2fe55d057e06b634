"""``exactformer batch``: certificates of many machines, in many arithmetics and contexts, to a table.

What is finished is kept in the file `RESULTS` beside the certificates, so that the same command goes on where it
stopped.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from exactformer.certificates.batch.rows import FIELDS, Place, Row
from exactformer.certificates.batch.run import Batch
from exactformer.certificates.batch.work import BAD_INPUT, Asked, Check, Kind, Unjudged
from exactformer.certificates.command_line.certify import Typed, request_for
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import MEANING, ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.pools import Where, pool_of
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.finished import finished
from exactformer.certificates.reports.batch import as_csv_text, document, in_short, page_of_batch, report_of_batch
from exactformer.certificates.reports.layout import Facts
from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver
from exactformer.constructions.machines.formats.registry import Loaded
from exactformer.constructions.machines.library import LIBRARY, load
from exactformer.constructions.machines.machine import MachineError
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.verdict import Verdict

RESULTS = "batch.jsonl"
HEADER = {"format": "exactformer batch", "version": 1}


@dataclass(frozen=True)
class Many:
    """What was typed of the rows: ``typed`` is what they have in common."""

    machines: tuple[str, ...]
    arithmetics: str
    contexts: tuple[int, ...] | None
    typed: Typed


@dataclass(frozen=True)
class Shown:
    """How the table is shown."""

    as_csv: bool
    as_json: bool
    page: Path | None


def execute(
    many: Many, where: Where, output: Output, memory: int | None, check: bool, again: bool, shown: Shown
) -> None:
    """Do what is not finished, and show the table.

    Exit code: that of the worst row, as `code_of` says; 2 if nothing was begun.
    """
    if shown.as_csv and shown.as_json:
        raise InputRefused("give --csv or --json, not both")
    places = list(places_of(many))
    quiet = shown.as_csv or shown.as_json
    page = None if shown.page is None else Output(shown.page.parent, output.force, "--html")
    with refusing(FileRefused):
        if page is not None and shown.page is not None:
            page.require_place(shown.page.name)
        output.require_folder()
        with (
            pool_of(where, limited=True) as pool,
            finished(output.folder / RESULTS, HEADER, FIELDS, "key", str, "batch") as kept,
            LateProgress(enabled=not quiet) as progress,
        ):
            batch = Batch(places, kept, output, many.typed.budget, memory, check, again)
            now = batch.work(pool, lambda done, total: progress("batch", done, total))
            rows = list(batch.rows())
        if page is not None and shown.page is not None:
            page.write({shown.page.name: page_of_batch(rows, output.folder, shown.page).encode()})
    code = code_of(rows)
    if shown.as_csv:
        click.echo(as_csv_text(rows), nl=False)
    elif shown.as_json:
        click.echo(json.dumps(document(rows) | {"exit_code": int(code), "meaning": MEANING[code]}, indent=1))
    else:
        files = [("certificates", str(output.folder)), ("results", str(output.folder / RESULTS))]
        files += [] if shown.page is None else [("page", str(shown.page))]
        show([*report_of_batch(rows), "", Facts((*in_short(rows), ("now", str(now)), *files))])
    raise click.exceptions.Exit(code)


def code_of(rows: Sequence[Row]) -> ExitCode:
    """Of the worst row: refuted or not valid; then without a verdict or a check; then inconclusive."""
    if any(row.verdict is Verdict.REFUTED or row.check is Check.NOT_VALID for row in rows):
        return ExitCode.REFUTED
    if any(row.verdict is None or row.check is Check.NOT_JUDGED for row in rows):
        return ExitCode.UNSUPPORTED
    return ExitCode.CERTIFIED if all(row.established for row in rows) else ExitCode.INCONCLUSIVE


def places_of(many: Many) -> Iterator[Place]:
    """A row for each machine, context and arithmetic, in this order, each once.

    Raises InputRefused for what no row can be made of; what is wrong with one machine or context is its rows' error.
    """
    arithmetics = dict.fromkeys(one.strip() for one in re.split(r",(?![^(]*\))", many.arithmetics))
    with refusing(ModelError):
        for arithmetic in arithmetics:
            parse_arithmetic(arithmetic)
    for machine in machines_of(many.machines):
        loaded = _loaded(machine)
        for context in many.contexts or (None,):
            for arithmetic in arithmetics:
                typed = replace(many.typed, machine=machine, context=context, arithmetic=arithmetic)
                yield Place(machine, arithmetic, context, asked_of(typed, loaded))


def machines_of(given: Sequence[str]) -> list[str]:
    """Each MACHINE as it was given; of a pattern, the files that it stands for.  Raises InputRefused."""
    found: dict[str, None] = {}
    for one in given:
        if one in LIBRARY or looks_like_busy_beaver(one) or os.path.lexists(one) or not glob.has_magic(one):
            found[one] = None
            continue
        files = sorted(path for path in glob.glob(one, recursive=True) if os.path.isfile(path))
        if not files:
            raise InputRefused(f"{one!r} stands for no file: give files, or a pattern like 'machines/*.yaml'")
        found |= dict.fromkeys(files)
    return list(found)


def _loaded(machine: str) -> Loaded | Unjudged:
    """Whatever is wrong with a file is an error of its rows alone."""
    try:
        loaded = load(machine)
        _ = loaded.machine
    except MachineError as error:
        return Unjudged(Kind.BAD_INPUT, str(error))
    except Exception as error:
        return Unjudged(Kind.FAILED, f"{type(error).__name__}: {error}")
    return loaded


def asked_of(typed: Typed, loaded: Loaded | Unjudged) -> Asked | Unjudged:
    """What a row asks, as ``exactformer certify`` would.  Raises InputRefused where options do not go together."""
    if isinstance(loaded, Unjudged):
        return loaded
    try:
        return Asked(request_for(typed, loaded))
    except BAD_INPUT as error:
        return Unjudged(Kind.BAD_INPUT, str(error))
