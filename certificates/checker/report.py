"""What the checker says of a certificate that is valid, in lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # slow to import, and the checker has to be ready for an interrupt at once
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

    ``expected``: "positive", "refuted" or "inconclusive"; that the certificate says something else is said.
    """
    kind = KIND[valid.verdict]
    lines = [f"valid: {valid.verdict}", valid.claim]
    if kind != expected:
        lines.insert(
            1, f"This certificate is valid, but it says {SAYS[kind]}; expected was one that says {SAYS[expected]}."
        )
    for title, facts in parts(valid).items():
        lines += [title, *(f"  - {fact}" for fact in facts)] if facts else []
    return plain("\n".join(lines))


def parts(valid: Valid) -> dict[str, tuple[str, ...]]:
    """What is said of it, by what that rests on."""
    return {
        "proved": valid.proved,
        "not claimed": valid.not_claimed,
        "checked on these runs": valid.replayed,
        "assumed": valid.assumed,
    }


def plain(text: str) -> str:
    """In printable ASCII: no name in a certificate may break, or play tricks with, a terminal."""
    return re.sub(r"[^\n -~]", lambda match: ascii(match[0])[1:-1], text)
