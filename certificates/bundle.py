"""What certificates that contain their subject have in common, before they are written."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, Generic, Protocol, TypeVar

from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.files import Subject
from exactformer.verify.verdict import Verdict


class Judged(Protocol):
    """What was found, with a verdict."""

    @property
    def verdict(self) -> Verdict: ...


Found = TypeVar("Found", bound=Judged, covariant=True)


@dataclass(frozen=True)
class Stated(Generic[Found]):
    """A certificate, as bytes ready to be written, and what was found."""

    document: Mapping[str, Any]
    subject: Subject
    found: Found

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.document)

    @property
    def verdict(self) -> Verdict:
        return self.found.verdict

    @property
    def claim(self) -> str:
        return str(self.document["statement"]["claim"])


@dataclass(frozen=True)
class OfNetwork(Stated[Found]):
    """A certificate together with the network that it is about."""

    weights: bytes
    weights_name: str


def provenance(seconds: float) -> dict[str, str]:
    """What made a certificate, when, and in how many seconds: nobody checks this."""
    return {
        "exactformer": version("exactformer"),
        "python": platform.python_version(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": f"{seconds:.3f}",
    }
