"""Where a command's files go: an existing file that says something else is never replaced unasked.

``provenance`` (who made a document, and when) is not part of what it says: an existing certificate that differs only
in that stays as it is, and counts as written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from exactformer.certificates.document import canonical_bytes, require_writable, write_files

Json = Any
LARGEST_READ = 1 << 28
"""The most bytes of a file that is read to see what it says."""


class FileRefused(ValueError):
    """Why a file is not written, in one sentence."""


@dataclass(frozen=True)
class Subject:
    """What is known of a certificate before the work: its name, and some of its fields."""

    name: str
    fields: Mapping[str, Json]

    @property
    def certificate(self) -> str:
        """The certificate's file name."""
        return f"{self.name}.certificate.json"


class Bundle(Protocol):
    """A certificate and what travels with it, as bytes ready to be written."""

    @property
    def subject(self) -> Subject: ...

    @property
    def weights(self) -> bytes: ...

    @property
    def bytes(self) -> bytes: ...

    @property
    def weights_name(self) -> str: ...


@dataclass(frozen=True)
class Written:
    """Where a bundle was written, and its certificate; ``kept``: the certificate was there before, unchanged."""

    certificate: Path
    weights: Path
    bytes: bytes
    kept: bool


@dataclass(frozen=True)
class Output:
    """The folder that a command writes into.

    ``force``: existing files are replaced; ``option``: the option with which a user can name another folder.
    """

    folder: Path
    force: bool = False
    option: str = "--out"

    def require(self, subject: Subject | None) -> None:
        """Before the work: make sure that files can be written, and, as far as is known, that no certificate about
        something else has this name.

        Raises FileRefused.
        """
        if subject is None:
            self.require_folder()
            return
        path = self.folder / subject.certificate
        if (found := self.require_place(subject.certificate)) is None:
            return
        held = document(found)
        if held is None:
            raise self._kept(path, "it is not a certificate")
        if (where := difference(subject.fields, held, whole=False)) is not None:
            raise self._kept(path, f"its {where} is not what was asked for")

    def require_place(self, name: str) -> bytes | None:
        """Before the work: make sure that this file can be written.  Returns the content of a file that is there and
        must not be replaced, or None.

        Raises FileRefused.
        """
        self.require_folder()
        return self._existing(self.folder / name)

    def require_folder(self) -> None:
        """Before the work: make sure that files can be written.  Raises FileRefused."""
        try:
            require_writable(self.folder)
        except OSError as error:
            raise self._cannot(error) from error

    def write(self, contents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Write files, all or none, each after those that it refers to; returns what is there then.

        An existing file that says the same stays as it is.  Raises FileRefused if one says something else, or if
        files cannot be written.
        """
        lying = dict(contents)
        missing: dict[Path, bytes] = {}
        for name, data in contents.items():
            path = self.folder / name
            found = self._existing(path)
            if found is None:
                missing[path] = data
            elif (where := what_differs(data, found)) is not None:
                raise self._kept(path, f"{where} differs from what would be written")
            else:
                lying[name] = found
        try:
            write_files(missing)
        except OSError as error:
            raise self._cannot(error) from error
        return lying

    def write_bundle(self, bundle: Bundle) -> Written:
        """Write the weights, then the certificate that names them.  Raises FileRefused."""
        name = bundle.subject.certificate
        lying = self.write({bundle.weights_name: bundle.weights, name: bundle.bytes})[name]
        return Written(self.folder / name, self.folder / bundle.weights_name, lying, lying != bundle.bytes)

    def _existing(self, path: Path) -> bytes | None:
        """The content of a file that must not be replaced; None if there is no such file."""
        try:
            os.lstat(path)
        except FileNotFoundError:
            return None
        except OSError as error:  # for example, a name that is too long for a file
            raise self._cannot(error) from error
        if not path.is_file():
            raise FileRefused(f"{path} is not a regular file; give another {self.option}")
        if self.force:
            return None
        try:
            with path.open("rb") as stream:
                return stream.read(LARGEST_READ)
        except OSError as error:
            raise self._kept(path, f"it cannot be read ({error.strerror})") from error

    def _cannot(self, error: OSError) -> FileRefused:
        return FileRefused(f"cannot write to {self.folder}: {error.strerror}; give another {self.option}")

    def _kept(self, path: Path, why: str) -> FileRefused:
        return FileRefused(f"{path} exists and is kept: {why}; give --force to replace it, or another {self.option}")


def what_differs(wanted: bytes, found: bytes) -> str | None:
    """What differs in a file, apart from the provenance of a document; None if nothing does.

    >>> first, second, third = ({"claim": claim, "provenance": {"created": when}} for claim, when in ("1a", "1b", "2a"))
    >>> [what_differs(canonical_bytes(first), canonical_bytes(other)) for other in (first, second, third, 4)]
    [None, None, 'its claim', 'its content']
    """
    if wanted == found:
        return None
    ours, theirs = document(wanted), document(found)
    if ours is None or theirs is None:
        return "its content"
    where = difference(said(ours), said(theirs), whole=True)
    return None if where is None else f"its {where}"


def said(document: Mapping[str, Json]) -> dict[str, Json]:
    """A document without its provenance."""
    return {key: isinstance(value, dict) if key == "provenance" else value for key, value in document.items()}


def document(data: bytes) -> dict[str, Json] | None:
    """The JSON object whose canonical form these bytes are, if they are one."""
    try:
        found = json.loads(data)
        return found if isinstance(found, dict) and canonical_bytes(found) == data else None
    except (ValueError, RecursionError):
        return None


def difference(wanted: Json, found: Json, *, whole: bool) -> str | None:
    """Where a document differs from what is wanted; unless ``whole``, further fields make no difference.

    >>> difference({"a": {"b": 1}}, {"a": {"b": 2}}, whole=True), difference({}, {"a": 2}, whole=False)
    ('a.b', None)
    """
    if not (isinstance(wanted, Mapping) and isinstance(found, dict)):
        return None if canonical_bytes(wanted) == canonical_bytes(found) else ""
    keys = {*wanted, *found} if whole else {*wanted}
    for key in sorted(keys, key=lambda key: (key != "verdict", key)):
        if key not in wanted or key not in found:
            return str(key)
        if (inside := difference(wanted[key], found[key], whole=whole)) is not None:
            return f"{key}.{inside}" if inside else key
    return None
