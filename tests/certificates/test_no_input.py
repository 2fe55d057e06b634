"""Claims about no input say so (SPEC 17.1): in the certificate, in the report and in JSON; the checker agrees."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest, certify_all, example_of
from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.command_line.certify_all import about
from exactformer.certificates.command_line.report_all import ABOUT_NO_INPUT, report
from exactformer.certificates.files import Written
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.certificates.test_spec import quoted, sentence
from tests.certificates.universal import EVIDENCE
from tests.test_halting import without_an_end

TITLE = "17.1 Claims about no input"
ENDLESS = quoted(r"end with one more sentence: ", TITLE).strip()
TOO_SHORT = quoted(r"if T is infinite, else ", TITLE).strip()


def request(machine: TuringMachine, context: int, arithmetic: str, tokens: bool = False) -> UniversalRequest:
    return UniversalRequest(machine, parse_arithmetic(arithmetic), context, tokens=tokens)


@cache
def bundle_for(asked: UniversalRequest) -> UniversalBundle:
    return certify_all(asked, EVIDENCE)


PROVED = request(without_an_end("increment"), 16, "fused:bf16")
SHORT = request(load_machine("increment"), 6, "fused:bf16")


@pytest.mark.parametrize(
    ("verdict", "asked", "said"),
    [
        ("proved", PROVED, ENDLESS),
        ("inconclusive", request(without_an_end("increment"), 16, "rounded:bf16/fp16"), ENDLESS),
        ("tokens proved", request(without_an_end("increment"), 16, "rounded:bf16/fp16", tokens=True), ENDLESS),
        ("proved", SHORT, TOO_SHORT),
    ],
    ids=["proved", "inconclusive", "tokens proved", "too short"],
)
def test_claims_about_no_input_say_so(verdict: str, asked: UniversalRequest, said: str) -> None:
    made = bundle_for(asked)
    values = {"{machine name}": asked.machine.name, "{T}": 3, "{N}": asked.context}
    expected = sentence(said, values)
    assert made.certificate.verdict == verdict
    assert made.certificate.statement.claim.endswith(f". {expected}")
    assert about(made) == {"no_such_input": expected, "example": None}
    shown = [str(part) for part in report(made, Written(Path("a"), Path("b"), made.bytes, kept=False))]
    assert ABOUT_NO_INPUT in shown[1]
    assert not any("for example" in part for part in shown)


@pytest.mark.parametrize("asked", [PROVED, SHORT], ids=["no end", "too short"])
def test_the_checker_agrees(asked: UniversalRequest, tmp_path: Path) -> None:
    made = bundle_for(asked)
    (tmp_path / "certificate.json").write_bytes(made.bytes)
    (tmp_path / made.weights_name).write_bytes(made.weights)
    (tmp_path / "machine.yaml").write_text(write_machine(asked.machine), encoding="utf-8")
    checked = check_certificate(tmp_path / "certificate.json", tmp_path / "machine.yaml")
    assert isinstance(checked, Valid)
    assert (checked.verdict, checked.claim) == ("proved", made.certificate.statement.claim)


@pytest.mark.parametrize(
    ("context", "paradigm", "space", "assumed", "found"),
    [
        (16, Paradigm.COT, None, None, "0"),
        (7, Paradigm.COT, None, None, None),
        (40, Paradigm.SCOT, 1, None, None),
        (40, Paradigm.SCOT, 2, None, "0"),
        (16, Paradigm.COT, None, 2, None),
        (16, Paradigm.COT, None, 3, "0"),
    ],
)
def test_where_it_is_not_known_an_example_is_searched(
    context: int, paradigm: Paradigm, space: int | None, assumed: int | None, found: str | None
) -> None:
    """increment halts after 3 steps on the word 0, in 2 cells, one of which is written three times."""
    asked = request(load_machine("increment"), context, "fused:bf16")
    run = example_of(replace(asked, paradigm=paradigm, space=space, assumed_writes=assumed))
    assert (None if run is None else run.word) == found


def test_an_example_is_shown() -> None:
    made = bundle_for(replace(SHORT, context=16))
    assert about(made) == {"no_such_input": None, "example": {"input": "0", "steps": 3, "cells": 2}}
    assert "no such input" not in made.certificate.statement.claim
    shown = "".join(map(str, report(made, Written(Path("a"), Path("b"), made.bytes, kept=False))))
    assert "the claim is about 0: 3 steps in 2 cells" in shown
    assert ABOUT_NO_INPUT not in shown
