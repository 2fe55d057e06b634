"""What is done of each row, wherever that is: a certificate is made, or checked; values go in and come out."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exactformer.certificates.certify import Request
from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest
from exactformer.certificates.checker.__main__ import REFUTED, NotValid, judge
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.certificates.reports.every_run import what_is_missing
from exactformer.certificates.subjects import our_theory
from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.paradigm import ContextError
from exactformer.verify.arithmetic.models import ModelError
from exactformer.verify.assessment import BetaError
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import HeadMismatch, TokenMismatch
from exactformer.verify.jobs import Cause
from exactformer.verify.separation import SeparationNotProved
from exactformer.verify.verdict import Verdict

BAD_INPUT = (MachineError, ContextError, BehaviourError, BetaError)


class Kind(Enum):
    """Why a row has no verdict: nothing is known of its claim."""

    BAD_INPUT = "bad input"
    NOT_JUDGED = "not judged"
    TIME = Cause.TIME.value
    MEMORY = Cause.MEMORY.value
    CRASHED = Cause.CRASHED.value
    WORKER = Cause.WORKER.value
    FAILED = "program error"
    NOT_WRITTEN = "not written"


@dataclass(frozen=True)
class Unjudged:
    """No verdict, and why, in one sentence."""

    kind: Kind
    sentence: str


@dataclass(frozen=True)
class Certified:
    """A verdict; ``files``: what is written, by name, the certificate after what it refers to; none if there is no
    certificate that says so.  ``sentence``: what is missing, of a verdict that is not positive."""

    verdict: Verdict
    files: tuple[tuple[str, bytes], ...] = ()
    sentence: str | None = None

    @property
    def certificate(self) -> str | None:
        """Its file's name."""
        return self.files[-1][0] if self.files else None


@dataclass(frozen=True)
class Asked:
    """A certificate that is wanted."""

    request: Request | UniversalRequest

    @cached_property
    def machine(self) -> str:
        """Its text, as it is compiled."""
        return write_machine(self.request.machine)

    @cached_property
    def proof(self) -> str:
        """A hash of what is to be proved, whatever the arithmetic, and of the version of the program."""
        behaviour = {
            name: getattr(value, "value", list(value) if isinstance(value, tuple) else value)
            for name, value in vars(self.request.behaviour).items()
        }
        return sha256(canonical_bytes([version("exactformer"), self.machine, behaviour]))

    @cached_property
    def key(self) -> str:
        """A hash of all that is asked: of the machine itself, and not of a file's name."""
        tokens = isinstance(self.request, UniversalRequest) and self.request.tokens
        beta = None if self.request.beta is None else str(self.request.beta)
        return sha256(canonical_bytes([self.proof, self.request.model.text, beta, tokens]))


def certified(asked: Asked) -> Certified | Unjudged:
    """Make a certificate, as ``exactformer certify`` does."""
    try:
        bundle = asked.request.certified(lambda *_: None)
    except BAD_INPUT as error:
        return Unjudged(Kind.BAD_INPUT, str(error))
    except (ModelError, TooLarge) as error:
        return Unjudged(Kind.NOT_JUDGED, str(error))
    except Undecided as error:
        return Unjudged(Kind.TIME, str(error))
    except (SeparationNotProved, Rejected) as error:
        return Certified(Verdict.INCONCLUSIVE, sentence=str(error))
    except (NotTernaryError, HeadMismatch, TokenMismatch) as error:
        return Certified(Verdict.REFUTED, sentence=str(error))
    written = bundle.written if isinstance(bundle, UniversalBundle) else bundle
    files = ((written.weights_name, written.weights), (written.subject.certificate, written.bytes))
    sentence = None
    if not bundle.verdict.positive:
        sentence = bundle.claim
        if isinstance(bundle, UniversalBundle) and bundle.verdict is Verdict.INCONCLUSIVE:
            sentence = bundle.made.not_shown or what_is_missing(bundle)
    return Certified(bundle.verdict, files, sentence)


class Check(Enum):
    """What the checker said of a certificate."""

    VALID = "valid"
    NOT_VALID = "not valid"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Checked:
    """``sentence``: why, unless it is valid."""

    said: Check
    sentence: str | None = None


@dataclass(frozen=True)
class ToCheck:
    """A certificate and what it refers to, as `Certified` has them; the text of the machine that it has to be about."""

    key: str
    files: tuple[tuple[str, bytes], ...]
    machine: str
    budget_seconds: int


def checked(what: ToCheck) -> Checked:
    """Ask the checker, as ``exactformer check`` does."""
    with tempfile.TemporaryDirectory() as name:
        for file, content in what.files:
            (Path(name) / file).write_bytes(content)
        path = Path(name) / what.files[-1][0]
        found = judge(path, what.machine.encode(), None, our_theory(path), None, what.budget_seconds)
    if isinstance(found, NotValid):
        said = Check.NOT_VALID if found.code == REFUTED else Check.NOT_JUDGED
        return Checked(said, found.sentence.replace(f"{name}/", ""))
    return Checked(Check.VALID)


def statement_of(certificate: bytes) -> dict[str, Any]:
    """What a table shows of a certificate: claim, context, beta."""
    statement = json.loads(certificate)["statement"]
    return {field: statement[field] for field in ("claim", "context", "beta")}
