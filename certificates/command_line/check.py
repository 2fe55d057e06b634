"""``exactformer check``: gives a certificate, and what it has to be about, to the checker and prints its answer."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import click

from exactformer.certificates.checker.report import plain, report
from exactformer.certificates.command_line.asking import About, Answer, ask
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import MEANING, ExitCode, InputRefused
from exactformer.certificates.document import sha256
from exactformer.certificates.reports.layout import Part
from exactformer.certificates.reports.page.source import LARGEST, ReportError, read_source
from exactformer.verify.verdict import Basis

LONGEST_ERROR = 2000
"""Characters."""
FORMAT, VERSION = "exactformer check", 1
"""The version of what ``--json`` prints; `certificates/check.schema.json` says what each field means."""


def execute(certificate: Path, about: About, budget: int, expected: str, again: bool, as_json: bool) -> None:
    """Print what the checker says, or all of it as JSON, and end with its exit code."""
    try:
        answer = ask(certificate, about, budget, expected, spinning=not as_json, again=again)
    except InputRefused as refused:
        if not as_json:
            raise
        answer = Answer(ExitCode(refused.exit_code), None, refused.format_message())
    if as_json:
        click.echo(json.dumps(document(certificate, about, expected, answer), indent=2))
    else:
        show(lines(answer, expected))
        if answer.error is not None:
            click.echo(plain(answer.error[:LONGEST_ERROR]), err=True)
    raise click.exceptions.Exit(answer.code)


def lines(answer: Answer, expected: str) -> list[Part]:
    """The answer for people."""
    said: list[Part] = [*answer.folded]
    said += [] if answer.valid is None else report(answer.valid, expected).splitlines()
    said += ["compared", f"  - {answer.compared}"] if answer.compared is not None else []
    return [*said, *([answer.second] if answer.second is not None and answer.error is None else [])]


def document(certificate: Path, about: About, expected: str, answer: Answer) -> dict[str, object]:
    """The answer for programs."""
    valid = answer.valid
    rejected = valid is None and answer.code is ExitCode.REFUTED
    return {
        "format": FORMAT,
        "version": VERSION,
        "certificate": {"file": str(certificate), **_files(certificate, about)},
        "about": {
            "machine": about.machine,
            "function": about.function,
            "theory": about.theory,
            "network": None if about.network is None else str(about.network),
            "specification": about.spec,
            "folded": bool(answer.folded),
        },
        "valid": False if rejected else None if valid is None else True,
        "verdict": None if valid is None else valid.verdict,
        "claim": None if valid is None else valid.claim,
        "expected": expected,
        Basis.PROVED.value: [] if valid is None else list(valid.proved),
        Basis.OBSERVED.value: [] if valid is None else list(valid.replayed),
        Basis.ASSUMED.value: [] if valid is None else list(valid.assumed),
        "not_claimed": [] if valid is None else list(valid.not_claimed),
        "compared": answer.compared,
        "second": answer.second,
        "error": None if answer.error is None else plain(answer.error[:LONGEST_ERROR]),
        "exit_code": int(answer.code),
        "meaning": MEANING[answer.code],
    }


def _files(certificate: Path, about: About) -> dict[str, object]:
    """What the certificate is, and the hashes of it and of its network; null where they cannot be read."""
    found: dict[str, object] = {"format": None, "sha256": None, "network": None}
    try:
        source = read_source(certificate, about.network)
    except ReportError:
        with suppress(OSError, ValueError):
            if certificate.is_file() and certificate.stat().st_size <= LARGEST:
                found["sha256"] = sha256(certificate.read_bytes())
        return found
    network = source.network_file
    found |= {"format": source.kind.value, "sha256": source.file.sha256}
    if network is not None:
        found["network"] = {"file": network.name, "sha256": network.sha256}
    return found
