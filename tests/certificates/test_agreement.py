"""`audit` and `certify --all-inputs` cannot contradict each other: both decide the softmax part by the same functions.

Over a grid the whole hardmax network is taken as proved, as that part takes a solver and seconds; two commands are
compared as they are.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from exactformer.certificates.certify_all import UniversalRequest, softmax_part
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.meanings import meanings_of
from exactformer.verify.annotation.proof import HardmaxProof, HeadProof
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.audit import audit
from exactformer.verify.counting import Subject
from exactformer.verify.rounded.search import standing_of
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import Grounds
from tests.command_line.invoking import invoke

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
    ("increment", Paradigm.COT, 2**16),
    ("increment", Paradigm.SCOT, 16),
    ("rewrite", Paradigm.SCOT, 200),
)


@cache
def taken_as_proved(machine: str, paradigm: Paradigm, position_bits: int) -> tuple[HardmaxProof, Network]:
    """The heads of a network with what is annotated of them, as a proof has them that no solver made."""
    loaded = load_machine(machine)
    network = construct(paradigm, loaded, position_bits)
    annotation = annotate(paradigm, Shape.of(loaded, position_bits), network.registers)
    heads = (
        HeadProof(number, index, head, meanings_of(head, number, annotation))
        for number, layer in enumerate(network.layers, start=1)
        for index, head in enumerate(layer.heads)
    )
    return HardmaxProof(annotation, tuple(heads), 1, {}), network


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]}, {place[1].value}, {place[2]}")
def test_a_row_is_what_certify_decides(place: tuple[str, Paradigm, int]) -> None:
    machine, paradigm, context = place
    network = taken_as_proved(machine, paradigm, position_bits_for(context, paradigm))
    models = [parse_arithmetic(arithmetic) for arithmetic in ARITHMETICS]
    rows = audit(Subject.of_machine(load_machine(machine)), paradigm, models, [context])
    verdicts = set()
    for model, row in zip(models, rows, strict=True):
        request = UniversalRequest(load_machine(machine), model, context, paradigm)
        most, decided = softmax_part(request, *network)
        assert (row.most, row.verdict, row.beta, row.writes) == (
            most,
            decided.verdict,
            decided.beta,
            decided.most_writes_proved,
        ), model.text
        assert set(row.decided.cases) == set(decided.cases), model.text
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
    """What an audit leaves open another command may refute, by a run; what it calls proved none does."""
    about = ("--context", "16", "--arithmetic", arithmetic, "--json")
    (row,) = json.loads(invoke("audit", machine, *about).out)["rows"]
    made = invoke("certify", machine, "--all-inputs", *about, "--no-store", "--out", tmp_path)
    document = json.loads(made.out)
    writes = document["certificate"]["statement"]["scope"]["writes_per_cell"]
    assert (row["verdict"], document["verdict"], made.code) == (audited.value, certified.value, code)
    assert (row["most_writes"], row["most_writes_grounds"]) == (writes["bound"], writes["evidence"])
    if audited is Verdict.PROVED:
        assert writes["evidence"] == Grounds.PROVED.value
        found = invoke("counterexample", "--machine", machine, *about)
        assert (found.code, json.loads(found.out)["verdict"]) == (0, Verdict.PROVED.value)
