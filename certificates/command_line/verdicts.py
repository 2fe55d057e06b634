"""What commands do with a verdict: the exit code it ends with, and its colour in reports."""

from __future__ import annotations

from collections.abc import Mapping

from exactformer.certificates.command_line.console import Line, heading
from exactformer.certificates.command_line.outcome import ExitCode
from exactformer.verify.verdict import Verdict

EXIT_CODE: Mapping[Verdict, ExitCode] = {
    Verdict.PROVED: ExitCode.CERTIFIED,
    Verdict.TOKENS_PROVED: ExitCode.CERTIFIED,
    Verdict.CERTIFIED: ExitCode.CERTIFIED,
    Verdict.REFUTED: ExitCode.REFUTED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.UNSUPPORTED: ExitCode.UNSUPPORTED,
}

COLOUR: Mapping[Verdict, str] = {
    Verdict.PROVED: "green",
    Verdict.TOKENS_PROVED: "green",
    Verdict.CERTIFIED: "green",
    Verdict.REFUTED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.UNSUPPORTED: "yellow",
}


def headline(verdict: Verdict) -> str:
    """The verdict as the first line of a report begins.

    >>> headline(Verdict.TOKENS_PROVED)
    'TOKENS PROVED'
    """
    return verdict.value.upper()


def verdict_line(verdict: Verdict) -> Line:
    """The first line of a report."""
    return heading(headline(verdict), fg=COLOUR[verdict])
