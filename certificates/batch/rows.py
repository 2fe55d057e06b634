"""What comes of each row: as a line that is kept under its key, and as a row of the table.

Keys are about machines as they are compiled: a file that was changed is another row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from exactformer.certificates.batch.work import Asked, Check, Kind, Unjudged
from exactformer.certificates.document import sha256
from exactformer.verify.jobs import Limits
from exactformer.verify.verdict import Verdict


@dataclass(frozen=True)
class Place:
    """A row that is wanted: what was typed, and what is asked, or why nothing can be."""

    machine: str
    arithmetic: str
    context: int | None
    asked: Asked | Unjudged


@dataclass(frozen=True)
class Kept:
    """A line of the file: a verdict or an error, never both; files' names; the limits under which it was tried."""

    key: str
    verdict: str | None = None
    error: str | None = None
    sentence: str | None = None
    claim: str | None = None
    context: str | None = None
    beta: str | None = None
    certificate: str | None = None
    sha256: str | None = None
    weights: str | None = None
    seconds: float | None = None
    peak_mebibytes: int | None = None
    budget_seconds: int | None = None
    memory_mebibytes: int | None = None
    check: str | None = None
    check_sentence: str | None = None
    check_seconds: float | None = None

    @property
    def line(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_for_good(self) -> bool:
        """Whether limits have nothing to do with it."""
        return self.verdict is not None or self.error in (Kind.BAD_INPUT.value, Kind.NOT_JUDGED.value)

    def under(self, limits: Limits) -> bool:
        """Whether it was tried under these."""
        return (self.budget_seconds, self.memory_mebibytes) == (limits.seconds, limits.mebibytes)


FIELDS = tuple(field.name for field in fields(Kept))


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    place: Place
    kept: Kept

    @property
    def verdict(self) -> Verdict | None:
        return None if self.kept.verdict is None else Verdict(self.kept.verdict)

    @property
    def context(self) -> str | None:
        """The certificate's; else what was asked for, if that is a number."""
        return self.kept.context or (None if self.place.context is None else str(self.place.context))

    @property
    def check(self) -> Check | None:
        return None if self.kept.check is None else Check(self.kept.check)

    @property
    def established(self) -> bool:
        """The claim holds, and the checker, if it was asked, found that valid."""
        return self.verdict is not None and self.verdict.positive and self.check in (None, Check.VALID)

    def record(self) -> Mapping[str, object]:
        """Flat, as CSV and JSON have it: a missing value is None; numbers that may exceed 2^53 are texts."""
        kept, asked = self.kept, self.place.asked
        machine = asked if isinstance(asked, Asked) else None
        return {
            "machine": self.place.machine,
            "name": None if machine is None else machine.request.machine.name,
            "machine_sha256": None if machine is None else sha256(machine.machine.encode()),
            "arithmetic": self.place.arithmetic,
            "context": self.context,
            "verdict": kept.verdict,
            "error": kept.error,
            "sentence": kept.sentence,
            "beta": kept.beta,
            "certificate": kept.certificate,
            "certificate_sha256": kept.sha256,
            "check": kept.check,
            "check_sentence": kept.check_sentence,
            "seconds": kept.seconds,
            "check_seconds": kept.check_seconds,
            "peak_mebibytes": kept.peak_mebibytes,
            "claim": kept.claim,
        }
