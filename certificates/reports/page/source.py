"""What a page is made from: a certificate and the network that it names, read from their files.

Anybody may have written them.  Reading them does not check them; it only finds what a page shows, or says why it
cannot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from exactformer.certificates.document import sha256
from exactformer.certificates.theory_certificate import theory_name
from exactformer.certificates.weights import network_of
from exactformer.constructions.transformer.network import Network
from exactformer.verify.verdict import Verdict

Json = Any
LARGEST = 1 << 26
"""The most bytes of a file that is read, as in the checker."""
VERSION = 2
"""The version of all kinds of certificates."""
OF_MACHINES = {"turing-cot": "cot", "turing-scot": "scot"}
"""The theories of machines' runs, and their paradigms."""


class ReportError(ValueError):
    """Why there is no page, in one sentence."""


class Kind(Enum):
    """What a certificate is about; the value is the format of its document."""

    RUNS = "exactformer certificate"
    THEORY = "exactformer theory certificate"
    SEQUENCES = "exactformer certificate about sequences"
    WORDS = "exactformer certificate about words"
    KERNEL = "exactformer certificate about a kernel"
    APPROXIMATION = "exactformer approximation certificate"


@dataclass(frozen=True)
class File:
    """A file that was read: its name, and the SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A certificate's document, and that of the network which it names, if it names one."""

    kind: Kind
    document: dict[str, Json]
    file: File
    network: dict[str, Json] | None = None
    network_file: File | None = None
    network_bytes: bytes = b""

    @property
    def statement(self) -> dict[str, Json]:
        found: dict[str, Json] = self.document["statement"]
        return found

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.document["verdict"])

    @property
    def theory(self) -> str | None:
        """The name of the theory, if the certificate is about one."""
        return theory_name(self.statement["theory"]["text"]) if self.kind is Kind.THEORY else None

    @property
    def paradigm(self) -> str | None:
        """ "cot" or "scot", if it is about a machine's runs."""
        if self.kind is Kind.RUNS:
            return str(self.statement["paradigm"])
        return OF_MACHINES.get(self.theory or "")

    @cached_property
    def compiled(self) -> Network:
        """The network of a weights document.  Raises what `network_of` raises."""
        return network_of(self.network or {})

    @property
    def name(self) -> str:
        """The name of its subject.  The name of a theory's machine comes from its provenance, which nobody checks."""
        match self.kind:
            case Kind.RUNS:
                return str(self.statement["machine"]["name"])
            case Kind.THEORY:
                return str(self.document["provenance"].get("about", self.theory))
            case Kind.APPROXIMATION:
                return str(self.statement["function"]["name"])
            case Kind.SEQUENCES:
                return "given sequences"
            case Kind.WORDS:
                language = self.statement["words"]
                return f"words of {language}" if isinstance(language, str) else "words of an automaton"
            case Kind.KERNEL:
                return str(self.document["provenance"].get("recipe", "an attention kernel"))


@contextmanager
def lacking(name: str) -> Iterator[None]:
    """Turn what is missing or malformed in a document into one sentence.  Raises ReportError."""
    try:
        yield
    except ReportError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ReportError(f"{name} lacks what a page shows ({what}); `exactformer check` says what is wrong") from error


def source_of(certificate: bytes, weights: bytes = b"") -> Source:
    """What a page is made from, for a certificate that is not written to files."""
    document = json.loads(certificate)
    network = json.loads(weights) if weights else None
    named = File("the network", sha256(weights)) if weights else None
    file = File("the certificate", sha256(certificate))
    return Source(Kind(document["format"]), document, file, network, named, weights)


def read_source(path: Path, network: Path | None = None) -> Source:
    """A certificate, and its network: the file given, or the one that it names, beside it.  Raises ReportError."""
    data = _bytes(path)
    document = _object(path, data)
    try:
        kind = Kind(document.get("format"))
    except ValueError:
        raise ReportError(f"{path} is not a certificate: its format is {str(document.get('format'))[:80]!r}") from None
    if document.get("version") != VERSION:
        raise ReportError(
            f"{path} has version {str(document.get('version'))[:20]}; pages can be made from version {VERSION} only"
        )
    source = Source(kind, document, File(path.name, sha256(data)))
    with lacking(path.name):
        if source.statement["claim"] == "" or not isinstance(source.statement["claim"], str):
            raise ReportError(f"{path} makes no claim")
        _ = source.verdict, source.name
        if kind is Kind.KERNEL:
            return source
        named = document["network"] if kind is Kind.APPROXIMATION else document["network"]["weights"]
        name, expected = str(named["file"]), str(named["sha256"])
    if Path(name).name != name or "\0" in name:
        raise ReportError(
            f"{path} names the network {name[:80]!r}: give the plain name of a file in the certificate's folder"
        )
    beside = path.parent / name if network is None else network
    found = _bytes(beside)
    if sha256(found) != expected:
        raise ReportError(f"{beside} is not the file that {path.name} names: its SHA-256 differs")
    return Source(kind, document, source.file, _object(beside, found), File(beside.name, expected), found)


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ReportError(f"cannot read {path}: there is no such file")
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > LARGEST:
        raise ReportError(f"{path} has more than {LARGEST} bytes: a page cannot be made from it")
    return data


def _object(path: Path, data: bytes) -> dict[str, Json]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not a JSON document") from error
    if not isinstance(found, dict):
        raise ReportError(f"{path} is not a JSON object, so it is not a certificate")
    return found
