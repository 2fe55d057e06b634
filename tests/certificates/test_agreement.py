"""`audit` and `certify --all-inputs` cannot contradict each other: both decide the softmax part by the same functions,
and what one takes as given about heads the other proves.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from exactformer.certificates.certify_all import UniversalRequest
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import decide, prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.audit import audit
from exactformer.verify.counting import Subject
from exactformer.verify.rounded.search import standing_of
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import Grounds
from tests.command_line.invoking import invoke

pytestmark = pytest.mark.usefixtures("walked_once")

ARITHMETICS = (
    "exact",
    "fused:bf16",
    "fused:e4m3fn/e4m3fn/e4m3fn",
    "fused:bf16@e4m3fn+once",
    "fused:bf16+head256+exp20-one+online512+wide+reciprocal",
    "rounded:fp32/bf16",
    "rounded:bf16/bf16",
    "rounded:fp16/fp16",
    "rounded:e5m2/e5m2",
    "rounded:fixed12/e4m3fn",
    "rounded:bf16/fp32",
)
PLACES = (
    *((machine, Paradigm.COT, context) for machine in ("increment", "rewrite") for context in (9, 200)),
    ("increment", Paradigm.SCOT, 16),
)


@cache
def proved(machine: str, paradigm: Paradigm, context: int) -> tuple[Network, Walked]:
    """The network, and what the kernel finds of its heads."""
    request = UniversalRequest(load_machine(machine), EveryRun(context, paradigm=paradigm), parse_arithmetic("exact"))
    return request.built[0], prove(*request.built)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]}, {place[1].value}, {place[2]}")
def test_a_row_is_what_certify_decides(place: tuple[str, Paradigm, int]) -> None:
    machine, paradigm, context = place
    network, walked = proved(machine, paradigm, context)
    models = [parse_arithmetic(arithmetic) for arithmetic in ARITHMETICS]
    rows = audit(Subject.of_machine(load_machine(machine)), paradigm, models, [context])
    verdicts = set()
    for model, row in zip(models, rows, strict=True):
        request = UniversalRequest(load_machine(machine), EveryRun(context, paradigm=paradigm), model)
        decided = decide(network, walked.heads, model, context, None)
        assert (row.most, row.verdict, row.beta, row.writes) == (
            request.most,
            decided.verdict,
            decided.beta,
            decided.most_writes_proved,
        ), model.text
        # The kernel knows of some heads that one token alone is selected, where an audit counts writes.
        assert set(row.decided.cases) >= set(decided.cases), model.text
        if paradigm is Paradigm.COT:
            standing = standing_of(load_machine(machine), model, context)
            assert (standing.proved, standing.writes) == (decided.proved, decided.most_writes_proved)
        verdicts.add(row.verdict)
    assert verdicts == {Verdict.PROVED, Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("machine", "arithmetic", "audited", "certified", "code"),
    [
        ("increment", "rounded:fp16/fp16", Verdict.PROVED, Verdict.PROVED, 0),
        ("palindrome", "rounded:bf16/fp32", Verdict.INCONCLUSIVE, Verdict.REFUTED, 1),
    ],
)
def test_the_commands_agree(
    machine: str, arithmetic: str, audited: Verdict, certified: Verdict, code: int, tmp_path: Path
) -> None:
    """What an audit leaves open another command may refute by a run; what it calls proved no command refutes."""
    about = ("--context", "16", "--arithmetic", arithmetic, "--json")
    (row,) = json.loads(invoke("audit", machine, *about).out)["rows"]
    made = invoke("certify", machine, "--all-inputs", *about, "--out", tmp_path)
    document = json.loads(made.out)
    assert (row["verdict"], document["verdict"], made.code) == (audited.value, certified.value, code)
    if audited is Verdict.PROVED:
        assert row["most_writes_grounds"] == Grounds.PROVED.value
        assert row["most_writes"] == str(document["certificate"]["statement"]["parameters"]["WRITES"])
        found = invoke("counterexample", "--machine", machine, *about)
        assert (found.code, json.loads(found.out)["verdict"]) == (0, Verdict.PROVED.value)
