"""Runs both checkers on one certificate, each by its command, in this process; and changes certificates."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exactformer
from exactformer.certificates.second_checker.__main__ import run

CONSTRUCTIONS = Path(exactformer.__file__).parent / "constructions"
Document = dict[str, Any]


def canonical(document: Any) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


CODES = {"Rejected": 1, "BadInput": 2, "TooLarge": 4, "Undecided": 4}


def first_code(path: Path, theory: Any, machine: Path | None) -> tuple[int, str]:
    """The exit code of the first checker, and what it says."""
    try:
        valid = exactformer.check(path, theory=theory) if machine is None else exactformer.check(path, machine=machine)
    except Exception as error:
        if type(error).__name__ not in CODES:
            raise
        return CODES[type(error).__name__], str(error)
    return {"proved": 0, "inconclusive": 3}[str(valid.verdict)], ""


def second_code(words: list[str]) -> tuple[int, str]:
    """The exit code of the second checker, and what it says."""
    said, depth = io.StringIO(), sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            code = run(words)
    finally:
        sys.setrecursionlimit(depth)
    return code, said.getvalue()


@dataclass(frozen=True)
class Case:
    """A certificate with its weights, and the options that name its theory (and machine) for both checkers."""

    certificate: Document
    weights: Document
    folder: Path
    theory: Any
    """A theory of exactformer, with its parameters; or the machine's file instead."""
    machine: Path | None

    def changed(self, change: Callable[[Document, Document], object]) -> Case:
        certificate, weights = copy.deepcopy(self.certificate), copy.deepcopy(self.weights)
        change(certificate, weights)
        return Case(certificate, weights, self.folder, self.theory, self.machine)

    def write(self, *, hash_weights: bool = True) -> Path:
        path = self.folder / "changed.certificate.json"
        data = canonical(self.weights)
        (self.folder / self.certificate["network"]["weights"]["file"]).write_bytes(data)
        if hash_weights:
            self.certificate["network"]["weights"]["sha256"] = sha256(data)
        path.write_bytes(canonical(self.certificate))
        return path

    def codes(self, path: Path | None = None) -> tuple[tuple[int, str], tuple[int, str]]:
        """Of both checkers, for what is written, or for this certificate."""
        path = path or self.write()
        return first_code(path, self.theory, self.machine), second_code([str(path), *self.options])

    @property
    def options(self) -> list[str]:
        if self.machine is not None:
            return ["--machine", str(self.machine)]
        file = self.folder / "theory"
        file.write_text(self.theory.text)
        return ["--theory", str(file)]


def made(folder: Path, certificate: Any, theory: Any = None, machine: Path | None = None) -> Case:
    """A certificate that exactformer made, written to this folder."""
    path = Path(certificate.write(folder))
    document = json.loads(path.read_text())
    weights = json.loads((folder / document["network"]["weights"]["file"]).read_text())
    return Case(document, weights, folder, theory, machine)
