"""How a report begins: the verdict, in its colour."""

from __future__ import annotations

from collections.abc import Mapping

from exactformer.certificates.reports.layout import Line, heading
from exactformer.verify.verdict import Verdict

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
