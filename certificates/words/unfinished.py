"""What is kept of a search while it is unfinished: the lengths of which every word is shown to be right.

A file beside the certificate that is to be. A hash binds it to what was asked, and to this version of the program; and
the listing of each length to what a function expects. No checker reads it. It is removed once there is a certificate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exactformer.certificates import names
from exactformer.certificates.checker.document import Undecided
from exactformer.certificates.document import canonical_bytes, rational, sha256, write_file
from exactformer.certificates.files import FileRefused
from exactformer.certificates.supervisor import AFTERWARDS, Left, writing
from exactformer.certificates.words.found import OfLength

FORMAT = "exactformer unfinished words"
LARGEST = 1 << 22
"""Bytes of such a file; 1024 lengths have fewer."""


@dataclass(frozen=True)
class Finished:
    """A length, and the SHA-256 of its part of the listing."""

    found: OfLength
    sha256: str


@dataclass(frozen=True)
class Kept:
    """What a file has: of which `far`, and the lengths, ascending."""

    far: int
    finished: tuple[Finished, ...]

    @property
    def longest(self) -> int:
        """Of these lengths."""
        return self.finished[-1].found.length if self.finished else 0


class NotFitting(ValueError):
    """Why what is kept is not used, in one sentence."""


@dataclass(frozen=True)
class Unfinished:
    """A file of a folder. ``request``: all that is asked but the length, as an object."""

    folder: Path
    name: str
    request: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return self.folder / names.of_content(self.name, canonical_bytes(self.request), "unfinished")

    def read(self) -> Kept | None:
        """None if there is no file.  Raises NotFitting."""
        try:
            if not self.path.is_file():
                return None
            with self.path.open("rb") as stream:
                data = stream.read(LARGEST + 1)
            document = json.loads(data)
            kept = Kept(
                int(document["far"]),
                tuple(
                    Finished(OfLength(length, words, positions, Fraction(margin), states), listing)
                    for length, words, positions, margin, states, listing in document["finished"]
                ),
            )
            fits = data == canonical_bytes(self._document(kept))
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise NotFitting(f"{self.path} is not used, as it cannot be read: {error}") from error
        if not fits:
            raise NotFitting(
                f"{self.path} is not used, as it is from another version of exactformer, or not as it was written"
            )
        return kept

    def keep(self, far: int, finished: Sequence[Finished]) -> None:
        """Instead of what was kept before.  Raises FileRefused."""
        try:
            with writing(Left.FINISHED_PARTS):
                write_file(self.path, canonical_bytes(self._document(Kept(far, tuple(finished)))))
        except OSError as error:
            raise FileRefused(f"cannot write to {self.folder}: {error.strerror}; give another --out") from error

    def goes_on(self) -> None:
        """From now on an interrupt leaves what is kept."""
        with writing(Left.FINISHED_PARTS):
            pass

    def remove(self, left: Left = Left.EVERYTHING) -> None:
        """There may be none; ``left`` is what an interrupt leaves behind from then on."""
        with writing(left):
            self.path.unlink(missing_ok=True)

    @contextmanager
    def goes_on_later(self, *bad_input: type[Exception]) -> Iterator[None]:
        """Bad input leaves nothing; where time was too short, that what is kept is there is said."""
        try:
            yield
        except bad_input:
            self.remove(Left.NOTHING)
            raise
        except Undecided as error:
            if not self.path.exists():
                raise
            raise Undecided(f"{error}; {AFTERWARDS[Left.FINISHED_PARTS]}") from error

    def _document(self, kept: Kept) -> dict[str, Any]:
        finished = [
            [
                one.found.length,
                one.found.words,
                one.found.positions,
                rational(one.found.margin or Fraction(0)),
                one.found.states,
                one.sha256,
            ]
            for one in kept.finished
        ]
        content = {"format": FORMAT, "exactformer": version("exactformer"), "far": kept.far, "finished": finished}
        return {**content, "sha256": sha256(canonical_bytes([content, self.request]))}
