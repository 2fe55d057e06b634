"""Real certificates of the library's machines, made once per session, to be checked and to be tampered with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.certificates.command_line.main import cli
from exactformer.constructions.machines.library import machine_named
from exactformer.constructions.turing import theory

UNLIMITED = Deadline(10**6)
TURING_COT = Path(theory.__file__).with_name("cot.theory")
"""The text of the theory of chains of thought."""


@dataclass(frozen=True)
class Made:
    """A certificate and its weights in a folder, and the machine's file."""

    certificate: Path
    machine: Path

    @property
    def document(self) -> Any:
        return json.loads(self.certificate.read_bytes())

    @property
    def weights(self) -> Path:
        return self.certificate.parent / str(self.document["network"]["weights"]["file"])

    @property
    def weights_document(self) -> Any:
        return json.loads(self.weights.read_bytes())

    def copy(self, folder: Path) -> Made:
        shutil.copytree(self.certificate.parent, folder)
        return Made(folder / self.certificate.name, self.machine)

    def write(self, document: Any) -> None:
        self.certificate.write_bytes(canonical(document))

    def write_weights(self, document: Any) -> None:
        """Replace the weights, and adapt the certificate to them."""
        data, certificate = canonical(document), self.document
        self.weights.write_bytes(data)
        certificate["network"]["weights"]["sha256"] = hashlib.sha256(data).hexdigest()
        self.write(certificate)


def library(name: str) -> Machine:
    """A machine of the library, as the checker reads it."""
    return parse_machine(machine_named(name).path.read_text())


def canonical(document: Any) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


Make = Callable[..., Made]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """``make(machine, inputs, arithmetic, *options)``: what the command line writes."""
    known: dict[tuple[str, ...], Made] = {}

    def certify(machine: str, inputs: str, arithmetic: str, *options: str) -> Made:
        key = (machine, inputs, arithmetic, *options)
        if key not in known:
            folder = tmp_path_factory.mktemp("made")
            words = [part for word in inputs.split() for part in ("--input", word)]
            arguments = ["certify", machine, *words, "--arithmetic", arithmetic, "--out", str(folder), *options]
            result = CliRunner().invoke(cli, arguments)
            found = list(folder.glob("*certificate.json"))
            assert len(found) == 1, result.output
            known[key] = Made(found[0], machine_named(machine).path)
        return known[key]

    return certify
