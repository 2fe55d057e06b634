"""Where it is written down which patterns are proved, so that each is proved once: a matter of cost, not of trust.

An entry names a pattern by its digest, and what proved it: the version of this package, a hash of the modules that a
proof depends on, and the solver with its version.  Entries of other provers are never used.  Whoever can write to the
store can make `certify` believe in a proof; the checker does not read it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import exactformer.verify.annotation
from exactformer.verify.solver import solver_version

DECIDING = ("annotation", "lemmas/activation.py", "lemmas/bits.py", "solver.py")
"""What a proof depends on, inside ``verify``."""


WAIT_SECONDS = 5
"""How long to wait for another process that writes to the store."""


class StoreError(OSError):
    """The store cannot be read or written."""


def report(error: StoreError) -> None:
    """What becomes of trouble with a store if nobody says otherwise."""
    raise error


@cache
def prover() -> str:
    """What proves: package, modules, solver."""
    here = Path(exactformer.verify.annotation.__file__).parent.parent
    hashed = hashlib.sha256()
    for part in DECIDING:
        path = here / part
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            hashed.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"exactformer {version('exactformer')} {hashed.hexdigest()[:16]}, {solver_version()}"


def default_store() -> Path:
    """The store in the user's cache directory.  Raises StoreError where there is none."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise StoreError(f"there is no cache directory ({error}); give a store with --store, or --no-store") from error
    return Path(base) / "exactformer" / "evidence.sqlite"


class Evidence:
    """The digests of the patterns proved: in memory, and in a file where one is given, from `save` on.

    ``trouble`` is told, as a StoreError, that the file cannot be read, or cannot be written; if it returns, work goes
    on without the file.  ``guard`` is entered while the file is changed.  ``known`` are digests that are known.
    """

    def __init__(
        self,
        path: Path | None = None,
        trouble: Callable[[StoreError], None] = report,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
        known: Iterable[str] = (),
    ) -> None:
        self._known = set(known)
        self._new: list[str] = []
        self._trouble, self._guard = trouble, guard
        self.layers: dict[Hashable, Any] = {}
        """What `verify.annotation.proof` keeps of layers, shared by machines, all of whose patterns have evidence."""
        self.path = path
        if path is not None and os.path.exists(path):
            self._change(path, self._read, "used as a store of evidence")

    def __contains__(self, digest: str) -> bool:
        return digest in self._known

    @property
    def digests(self) -> frozenset[str]:
        """Of all patterns that are known to be proved."""
        return frozenset(self._known)

    def add(self, digests: Iterable[str]) -> None:
        """These patterns are proved."""
        new = [digest for digest in digests if digest not in self._known]
        self._known.update(new)
        self._new += new

    def save(self) -> None:
        """Write down what was added, all or nothing of it."""
        if self.path is not None and self._new:
            with self._guard():
                self._change(self.path, self._write, "written")

    def _read(self, database: sqlite3.Connection) -> None:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "proved" in tables:
            rows = database.execute("SELECT digest FROM proved WHERE prover = ?", (prover(),))
            self._known.update(digest for (digest,) in rows)
        elif tables:
            raise sqlite3.DatabaseError("it is a database of something else")

    def _write(self, database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE IF NOT EXISTS proved (digest TEXT, prover TEXT, PRIMARY KEY (digest, prover))")
        rows = [(digest, prover()) for digest in self._new]
        database.executemany("INSERT OR IGNORE INTO proved VALUES (?, ?)", rows)
        self._new.clear()

    def _change(self, path: Path, what: Callable[[sqlite3.Connection], None], said: str) -> None:
        """One transaction; if it fails, the file is left alone from now on."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=WAIT_SECONDS)) as database, database:
                what(database)
        except (OSError, sqlite3.Error) as error:
            self.path = None
            why = StoreError(f"{str(path)!r} cannot be {said}: {error}; give another with --store, or --no-store")
            why.__cause__ = error
            self._trouble(why)

    def __enter__(self) -> Evidence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save, unless this is an interrupt."""
        if kind is None or issubclass(kind, Exception):
            self.save()
