"""Results kept as they come in: a file of JSON lines, so that what was interrupted goes on where it stopped.

The first line says what the file is; each other one is a result, with a key.  A later line with the same key counts
instead of an earlier one; a last line that was cut off does not count.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from exactformer.certificates.document import write_file
from exactformer.certificates.files import FileRefused
from exactformer.certificates.supervisor import Left, writing

Line = dict[str, Any]
Key = int | str


@dataclass
class Finished:
    """A file with its first line, and its results by key, in the order of the file."""

    path: Path
    header: Mapping[str, Any]
    key: str
    lines: dict[Key, Line] = field(default_factory=dict)
    _stream: FileIO | None = None

    def add(self, line: Line) -> None:
        """Keep a result: all of it is in the file then, or nothing.  Raises FileRefused."""
        if self._stream is None:
            raise ValueError(f"{self.path} is not open")
        stream = self._stream
        whole, data = stream.seek(0, os.SEEK_END), encoded(line)
        with refused_if_unwritable(self.path), writing(Left.FINISHED_PARTS):
            try:
                while data:
                    data = data[stream.write(data) :]
            except OSError:
                stream.truncate(whole)
                raise
        self.lines[line[self.key]] = line

    def sort(self) -> None:
        """Rewrite the file with its results in the order of their keys.  Raises FileRefused."""
        self.lines = dict(sorted(self.lines.items()))
        self._rewrite()

    def _rewrite(self) -> None:
        with refused_if_unwritable(self.path):
            write_file(self.path, b"".join(map(encoded, [self.header, *self.lines.values()])))


@contextmanager
def finished(
    path: Path, header: Mapping[str, Any], fields: Collection[str], key: str, kind: type[Key], what: str
) -> Iterator[Finished]:
    """The results that a file has, each with these fields, and a key of this kind; further ones may be added.

    A file that is something else is refused, so that it is not written over, and so is one that another process adds
    to.  ``what``: of what these are results.  Raises FileRefused.
    """
    with _alone(path):
        kept = Finished(path, header, key, _read(path, header, fields, key, kind, what))
        with writing(Left.FINISHED_PARTS):
            kept._rewrite()
    with refused_if_unwritable(path):
        stream = path.open("ab", buffering=0)
    with stream, _locked(path, stream):
        kept._stream = stream
        yield kept


def _read(
    path: Path, header: Mapping[str, Any], fields: Collection[str], key: str, kind: type[Key], what: str
) -> dict[Key, Line]:
    if not os.path.lexists(path):
        return {}
    if not path.is_file():
        raise FileRefused(f"{path} is not a regular file; give another --out")
    try:
        with path.open("rb") as stream:
            first = stream.readline(len(encoded(header)))
            if first not in (b"", encoded(header)):
                raise FileRefused(
                    f"{path} is not a file of this {what}: its first line is not {json.dumps(header)}; give another "
                    "--out"
                )
            found = [json.loads(text) for text in stream.read().split(b"\n")[:-1]]
    except (OSError, ValueError) as error:
        if isinstance(error, FileRefused):
            raise
        raise FileRefused(f"{path} cannot be continued: {error}; give another --out") from error
    for number, line in enumerate(found, start=2):
        if not (isinstance(line, dict) and line.keys() == set(fields) and type(line[key]) is kind):
            raise FileRefused(
                f"{path} cannot be continued: line {number} is not a result of a {what}; give another --out"
            )
    return {line[key]: line for line in found}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody adds to the file that is there."""
    try:
        stream = path.open("rb") if path.is_file() else None
    except OSError:  # what it is, is said when it is read
        stream = None
    if stream is None:
        yield
        return
    with stream, _locked(path, stream):
        yield


@contextmanager
def _locked(path: Path, stream: Any) -> Iterator[None]:
    """Raises FileRefused where another process holds the file; some file systems do not know who does."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FileRefused(
            f"{path} is being added to by another command; wait for its end, or give another --out"
        ) from error
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_UN)


@contextmanager
def refused_if_unwritable(path: Path) -> Iterator[None]:
    """Turn errors of the file system into one sentence."""
    try:
        yield
    except OSError as error:
        raise FileRefused(f"cannot write to {path}: {error.strerror}; give another --out") from error


def encoded(line: Mapping[str, Any]) -> bytes:
    """A line of the file."""
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"
