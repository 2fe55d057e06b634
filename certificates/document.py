"""The certificate and weights documents as types (SPEC 2 to 8), their canonical form, and writing them safely."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from exactformer.certificates.supervisor import writing

TEMPORARY = ".exactformer."
"""The prefix of temporary files' names, which do not contain the file's name: that may be as long as names can be."""

Range = tuple[int, int]
Rational = str
"""``"3"``, ``"-7"`` or ``"5/8"``, in lowest terms (SPEC 1)."""


@dataclass(frozen=True)
class MachineRecord:
    name: str
    text: str
    sha256: str


@dataclass(frozen=True)
class Scope:
    kind: str
    inputs: list[str]


@dataclass(frozen=True)
class Split:
    query: str
    key: str


@dataclass(frozen=True)
class Statement:
    claim: str
    machine: MachineRecord
    paradigm: str
    scope: Scope
    context: str
    position_bits: int
    arithmetic: str
    beta: str | None
    beta_split: Split | None


@dataclass(frozen=True)
class WeightsFile:
    file: str
    sha256: str


@dataclass(frozen=True)
class NetworkRecord:
    weights: WeightsFile


@dataclass(frozen=True)
class SegmentRecord:
    tokens: int
    prompt: int
    read: int
    margin: int


@dataclass(frozen=True)
class RunRecord:
    input: str
    output: str
    steps: int
    cells: int
    segments: list[SegmentRecord]


@dataclass(frozen=True)
class QueryRecord:
    run: int
    segment: int
    token: int


@dataclass(frozen=True)
class HeadRecord:
    layer: int
    head: int
    name: str
    kind: str
    separation: int | None
    evidence: str
    witness: QueryRecord | None
    ties: list[Range]
    maximisers: int
    holds: bool | None


@dataclass(frozen=True)
class WitnessRecord:
    exponents: Range
    run: int
    segment: int
    token: int
    layer: int
    head: int
    row: int
    maximisers: int
    visible: int
    hardmax: int
    output: tuple[Rational, Rational]


@dataclass(frozen=True)
class RefutationRecord:
    betas: Range
    witnesses: list[WitnessRecord]
    reason: str


@dataclass(frozen=True)
class Certificate:
    """SPEC 2."""

    statement: Statement
    network: NetworkRecord
    runs: list[RunRecord]
    heads: list[HeadRecord]
    verdict: str
    refutation: RefutationRecord | None
    provenance: dict[str, Any]
    format: str = "exactformer certificate"
    version: int = 2


def rational(number: Fraction) -> Rational:
    """An exact number as text.

    >>> rational(Fraction(3)), rational(Fraction(-5, 8))
    ('3', '-5/8')
    """
    return str(number)


def ranges(numbers: list[int]) -> list[Range]:
    """Ascending numbers as ranges with gaps between them.

    >>> ranges([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    found: list[Range] = []
    for number in numbers:
        if found and found[-1][1] + 1 == number:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def canonical_bytes(document: Any) -> bytes:
    """The bytes of a document (SPEC 1), given as a dataclass or as plain JSON values."""
    plain = asdict(document) if is_dataclass(document) and not isinstance(document, type) else document
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Write the whole file or nothing."""
    write_files({path: data})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write whole files: each to a temporary file beside it; then all are renamed, in this order.

    A failure before the first renaming leaves everything as it was; after that, the first files are new.  So list a
    file after those that it refers to.
    """
    staged: list[tuple[Path, Path]] = []
    with writing():
        try:
            for path, data in contents.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
                staged.append((Path(name), path))
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.chmod(name, 0o666 & ~_umask())
            for temporary, path in staged:
                os.replace(temporary, path)
        except BaseException:
            for temporary, _ in staged:
                temporary.unlink(missing_ok=True)
            raise


def require_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, which need not exist yet; leave nothing there.

    Raises OSError.
    """
    for nearest in (folder, *folder.parents):
        try:
            os.lstat(nearest)
        except FileNotFoundError:
            continue
        with tempfile.TemporaryFile(dir=nearest):  # permission bits are not enough: a file system may be read-only
            return


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
