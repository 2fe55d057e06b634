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
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import verify.annotation
from verify.solver import solver_version

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
    here = Path(verify.annotation.__file__).parent.parent
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
    """The digests of the patterns proved: in memory, and in a file where one is given.

    ``trouble`` is told, as a StoreError, that the file cannot be read, or cannot be written; if it returns, work goes
    on without the file: nothing is read from it, or nothing more is written to it.
    """

    def __init__(self, path: Path | None = None, trouble: Callable[[StoreError], None] = report) -> None:
        self._known: set[str] = set()
        self.layers: dict[Hashable, Any] = {}
        """What `verify.annotation.proof` keeps of layers, shared by machines, all of whose patterns have evidence."""
        self._database: sqlite3.Connection | None = None
        self._trouble = trouble
        self.path = path
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=WAIT_SECONDS)
            self._known = self._read(self._database)
        except (OSError, sqlite3.Error) as error:
            self._give_up(f"cannot be used as a store of evidence: {error}", error)

    def _read(self, database: sqlite3.Connection) -> set[str]:
        """What is proved by this prover.  Raises sqlite3.Error."""
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            with database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS proved (digest TEXT, prover TEXT, PRIMARY KEY (digest, prover))"
                )
        elif "proved" not in tables:
            raise sqlite3.DatabaseError("it is a database of something else")
        return {digest for (digest,) in database.execute("SELECT digest FROM proved WHERE prover = ?", (prover(),))}

    def _give_up(self, why: str, cause: Exception) -> None:
        """Leave the file alone from now on, and say so."""
        self.close()
        error = StoreError(f"{str(self.path)!r} {why}; give another with --store, or --no-store")
        error.__cause__ = cause
        self._trouble(error)

    def __contains__(self, digest: str) -> bool:
        return digest in self._known

    def add(self, digests: Iterable[str]) -> None:
        """Write down that these patterns are proved, all or none of them."""
        new = [digest for digest in digests if digest not in self._known]
        self._known.update(new)
        if self._database is None or not new:
            return
        try:
            with self._database:
                self._database.executemany(
                    "INSERT OR IGNORE INTO proved VALUES (?, ?)", [(digest, prover()) for digest in new]
                )
        except sqlite3.Error as error:
            self._give_up(f"cannot be written: {error}", error)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def __enter__(self) -> Evidence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
