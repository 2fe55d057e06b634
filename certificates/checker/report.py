"""What the checker prints about a valid certificate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and the checker has to be ready for interrupts at once
    from exactformer.certificates.checker.check import Valid

KIND = {
    "certified": "positive",
    "proved": "positive",
    "tokens proved": "positive",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
}
SAYS = {
    "positive": "that the claim holds",
    "refuted": "that the claim is refuted",
    "inconclusive": "neither that the claim holds nor that it is refuted",
}


def report(valid: Valid, expected: str = "positive") -> str:
    """Verdict and claim; what is proved, not claimed, replayed and assumed.

    ``expected``: "positive", "refuted" or "inconclusive"; if the certificate says something else, a line says so.
    """
    kind = KIND[valid.verdict]
    lines = [f"valid: {valid.verdict}", valid.claim]
    if kind != expected:
        lines.insert(
            1, f"This certificate is valid, but it says {SAYS[kind]}; it was expected to say {SAYS[expected]}."
        )
    for title, facts in parts(valid).items():
        lines += [title, *(f"  - {fact}" for fact in facts)] if facts else []
    return plain("\n".join(lines))


def parts(valid: Valid) -> dict[str, tuple[str, ...]]:
    """Its statements, grouped by what they rest on."""
    return {
        "proved": valid.proved,
        "not claimed": valid.not_claimed,
        "checked on these runs": valid.replayed,
        "assumed": valid.assumed,
    }


def plain(text: str) -> str:
    """The text in printable ASCII, so that names in a certificate cannot disturb a terminal."""
    return re.sub(r"[^\n -~]", lambda match: ascii(match[0])[1:-1], text)
