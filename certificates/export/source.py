"""What is exported: a certificate and its weights, read from their files (SPEC 2 to 4).

Reading does not check a certificate; that is what ``exactformer check`` is for.  What is read here must have the form
that an export needs, and the weights must be those that the certificate names by hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactformer.certificates.document import sha256
from exactformer.certificates.theory_certificate import theory_name
from exactformer.verify.verdict import Verdict

PARADIGMS = {"turing-cot": "cot", "turing-scot": "scot"}
"""The theories of machines' runs, and their paradigms."""


class ExportError(ValueError):
    """Why nothing can be exported as asked, in one sentence."""


@dataclass(frozen=True)
class Arithmetic:
    """What an export needs from an arithmetic's text (ARITHMETIC 2).

    ``formats``: those after the colon; ``scores``: the one after an ``@``; ``steps``: what follows each ``+``.

    >>> Arithmetic.of("fused:bf16/fp32/bf16@bf16+head64+wide")
    Arithmetic(text='fused:bf16/fp32/bf16@bf16+head64+wide', kind='fused', formats=('bf16', 'fp32', 'bf16'), \
scores='bf16', steps=('head64', 'wide'))
    >>> Arithmetic.of("rounded:fp32/float(4,-6,7)").activations
    'float(4,-6,7)'
    """

    text: str
    kind: str
    formats: tuple[str, ...]
    scores: str
    steps: tuple[str, ...]

    @property
    def activations(self) -> str | None:
        """The name of the activation format, None for ``exact``."""
        return self.formats[-1] if self.formats else None

    @property
    def head_width(self) -> int | None:
        """H in a step ``+headH``."""
        widths = [step.removeprefix("head") for step in self.steps if step.startswith("head")]
        return int(widths[0]) if widths else None

    @property
    def linear(self) -> str | None:
        """L in a step ``+linearL``, fp32 without one; None for ``exact`` (ARITHMETIC 8)."""
        named = [step.removeprefix("linear") for step in self.steps if step.startswith("linear")]
        return None if self.kind == "exact" else (named or ["fp32"])[0]

    @classmethod
    def of(cls, text: str) -> Arithmetic:
        model, *steps = text.split("+")
        named, _, scores = model.partition("@")
        kind, _, formats = named.partition(":")
        return cls(text, kind, tuple(filter(None, formats.split("/"))), scores or "fp32", tuple(steps))


@dataclass(frozen=True)
class Source:
    """A certificate's statement and verdict, and the weights document that it names.

    ``sha256``, ``weights_sha256``: of the files; ``name``: of the machine or the theory; ``subject_sha256``: of its
    text;  ``largest_score``: the longest query list, which bounds all scores.
    """

    sha256: str
    weights_sha256: str
    name: str
    subject_sha256: str
    claim: str
    verdict: Verdict
    paradigm: str
    context: int
    arithmetic: Arithmetic
    beta: int | None
    largest_score: int
    weights: dict[str, Any]

    @property
    def established(self) -> bool:
        """Whether the verdict says that the softmax transformer writes the tokens of the hardmax one."""
        return self.verdict.positive


def read_source(path: Path) -> Source:
    """A certificate and, from the same folder, its weights.  Raises ExportError, naming the file, if that fails."""
    data = _bytes(path)
    certificate = _object(path, data, ("exactformer certificate", 2), ("exactformer theory certificate", 2))
    try:
        named = certificate["network"]["weights"]
        file, expected = str(named["file"]), str(named["sha256"])
    except (KeyError, TypeError) as error:
        raise ExportError(f"{path} names no weights: give a certificate that `exactformer certify` wrote") from error
    if Path(file).name != file:
        raise ExportError(
            f"{path} names the weights {file!r}: that has to be the plain name of a file in the certificate's folder"
        )
    weights_path = path.parent / file
    weights_data = _bytes(weights_path)
    if sha256(weights_data) != expected:
        raise ExportError(f"{weights_path} is not the file that {path.name} names: its SHA-256 differs")
    weights = _object(weights_path, weights_data, ("exactformer weights", 1))
    try:
        statement = certificate["statement"]
        beta = statement["beta"]
        name, subject, paradigm = _subject(certificate, statement)
        return Source(
            sha256=sha256(data),
            weights_sha256=expected,
            name=name,
            subject_sha256=subject,
            claim=str(statement["claim"]),
            verdict=Verdict(certificate["verdict"]),
            paradigm=paradigm,
            context=int(statement["context"]),
            arithmetic=Arithmetic.of(statement["arithmetic"]),
            beta=None if beta is None else int(beta),
            largest_score=max(len(head["query"]) for layer in weights["layers"] for head in layer["heads"]),
            weights=weights,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(f"{path} lacks what an export needs ({error!r}); `exactformer check` says more") from error


def _subject(certificate: dict[str, Any], statement: dict[str, Any]) -> tuple[str, str, str]:
    """What it is about, by name and by hash: a machine, or a theory; and the paradigm."""
    if "machine" in statement:
        machine = statement["machine"]
        return str(machine["name"]), str(machine["sha256"]), str(statement["paradigm"])
    theory = statement["theory"]
    known = theory_name(theory["text"])
    name = certificate["provenance"].get("about", known)
    return str(name), str(theory["sha256"]), PARADIGMS.get(known, "theory")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}") from error


def _object(path: Path, data: bytes, *forms: tuple[str, int]) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ExportError(f"{path} is not a JSON document") from error
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) not in forms:
        wanted = " or ".join(f"{form!r}, version {version}" for form, version in forms)
        raise ExportError(f"{path} is not a document of format {wanted}")
    return document
