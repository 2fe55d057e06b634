"""What is kept of an unfinished search: the lengths at which every word is shown to be right.

It is a file beside the future certificate. A hash binds it to what was asked and to this version of the program;
another binds the listing of each length to what a function expects. No checker reads the file. It is removed once there
is a certificate.
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
"""The most bytes of such a file; 1024 lengths need fewer."""


@dataclass(frozen=True)
class Finished:
    """A length, and the SHA-256 of its part of the listing."""

    found: OfLength
    sha256: str


@dataclass(frozen=True)
class Kept:
    """What a file has: which `far` was used, and the lengths, ascending."""

    far: int
    finished: tuple[Finished, ...]

    @property
    def longest(self) -> int:
        """The content for these lengths."""
        return self.finished[-1].found.length if self.finished else 0


class NotFitting(ValueError):
    """Why the file is not used, in one sentence."""


@dataclass(frozen=True)
class Unfinished:
    """Such a file in a folder. ``request``: all that is asked except the length, as an object."""

    folder: Path
    name: str
    request: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return self.folder / names.of_content(self.name, canonical_bytes(self.request), "unfinished")

    def read(self) -> Kept | None:
        """What the file has; None if there is no file.  Raises NotFitting."""
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
            raise NotFitting(f"{self.path} is not used: it cannot be read: {error}") from error
        if not fits:
            raise NotFitting(f"{self.path} is not used: it is from another version of exactformer, or was changed")
        return kept

    def keep(self, far: int, finished: Sequence[Finished]) -> None:
        """Replace what was kept before.  Raises FileRefused."""
        try:
            with writing(Left.FINISHED_PARTS):
                write_file(self.path, canonical_bytes(self._document(Kept(far, tuple(finished)))))
        except OSError as error:
            raise FileRefused(f"cannot write to {self.folder}: {error.strerror}; give another --out") from error

    def goes_on(self) -> None:
        """From now on, an interrupt leaves what is kept."""
        with writing(Left.FINISHED_PARTS):
            pass

    def remove(self, left: Left = Left.EVERYTHING) -> None:
        """Remove the file, if there is one; ``left`` is what an interrupt leaves behind from then on."""
        with writing(left):
            self.path.unlink(missing_ok=True)

    @contextmanager
    def goes_on_later(self, *bad_input: type[Exception]) -> Iterator[None]:
        """After bad input, nothing is left; if time ran out, the message says that finished lengths are kept."""
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
