"""Where no run that fits halts, that is said (MACHINES 2): in the report and in JSON; the checker says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exactformer.certificates.certify_all import UniversalRequest, certify_all, example_of
from exactformer.certificates.command_line.certify import about
from exactformer.certificates.files import Written
from exactformer.certificates.reports.every_run import report_for_all
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.certificates.universal import checked
from tests.test_halting import without_an_end


def request(machine: TuringMachine, context: int) -> UniversalRequest:
    return UniversalRequest(machine, EveryRun(context), parse_arithmetic("fused:bf16"))


ENDLESS = request(without_an_end("increment"), 16)
SHORT = request(load_machine("increment"), 6)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (ENDLESS, "no rows of {} lead from its initial state to its halting state"),
        (SHORT, "{} takes at least 3 steps to halt, and their chain of thought is longer than 6 tokens"),
    ],
    ids=["no end", "too short"],
)
def test_that_no_run_halts_is_said(asked: UniversalRequest, why: str, tmp_path: Path) -> None:
    """The claim is about runs that go on, and it is proved all the same."""
    made = certify_all(asked)
    said = f"No run that fits halts: {why.format(asked.machine.name)}."
    assert made.verdict.value == "proved"
    assert about(made) == {"machine": asked.machine.name, "no_run_halts": said, "example": None}
    shown = "".join(map(str, report_for_all(made, Written(Path("a"), Path("b"), made.made.bytes, kept=False))))
    assert said in shown
    valid = checked(made, tmp_path)
    assert any(fact.startswith(why.format(asked.machine.name)) for fact in valid.proved)


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
    behaviour = EveryRun(context, paradigm=paradigm, space=space, writes=assumed)
    run = example_of(replace(SHORT, behaviour=behaviour))
    assert (None if run is None else run.word) == found


def test_an_example_is_shown() -> None:
    made = certify_all(replace(SHORT, behaviour=EveryRun(16)))
    example = {"input": "0", "steps": 3, "cells": 2}
    assert about(made) == {"machine": "increment", "no_run_halts": None, "example": example}
    shown = "".join(map(str, report_for_all(made, Written(Path("a"), Path("b"), made.made.bytes, kept=False))))
    assert "the run on 0: 3 steps in 2 cells" in shown
    assert "No run that fits halts" not in shown
