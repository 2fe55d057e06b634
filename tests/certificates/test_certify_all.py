"""Certificates for all inputs: verdicts, what they say, and that the checker comes to the same numbers."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.certify import Request, certify
from exactformer.certificates.certify_all import (
    AssumptionError,
    HardmaxNotProved,
    UniversalBundle,
    UniversalRequest,
    certify_all,
)
from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.certificates.files import difference, what_differs
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.text import read_machine, write_machine
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.tokens import cot_length
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.ghosts import classes
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.sweep import draw_case
from exactformer.verify.writes import write_bound, writes_per_cell
from tests.certificates.universal import ALL_INPUTS, EVIDENCE, UniversalSample, bundle_for_all

REFUTED = [sample for sample in ALL_INPUTS if sample.verdict == "refuted"]
DECIDED = [sample for sample in ALL_INPUTS if sample.verdict != "refuted"]


def plain(sample: UniversalSample) -> Any:
    return json.loads(bundle_for_all(sample).bytes)


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_the_verdict_is_the_one_that_is_due(sample: UniversalSample) -> None:
    certificate = bundle_for_all(sample).certificate
    assert certificate.verdict == sample.verdict
    assert certificate.statement.scope.writes_per_cell.evidence == sample.evidence


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_certifying_twice_gives_the_same_document_up_to_provenance(sample: UniversalSample) -> None:
    """Once with nothing known, once with what other samples have proved."""
    anew = sample.title in ("proved, bound proved", "refuted at one beta")
    first, second = bundle_for_all(sample), sample.make(Evidence() if anew else EVIDENCE)
    assert (first.weights, first.weights_name) == (second.weights, second.weights_name)
    without = [canonical_bytes(replace(each.certificate, provenance={})) for each in (first, second)]
    assert without[0] == without[1]
    assert what_differs(first.bytes, second.bytes) is None
    assert first.subject == second.subject
    assert difference(first.subject.fields, json.loads(first.bytes), whole=False) is None


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_documents_are_canonical_and_hold_no_float(sample: UniversalSample) -> None:
    def refuse(text: str) -> float:
        raise AssertionError(f"a float: {text}")

    for data in (bundle_for_all(sample).bytes, bundle_for_all(sample).weights):
        document = json.loads(data, parse_float=refuse, parse_constant=refuse)
        assert canonical_bytes(document) == data
        assert data.isascii()


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_the_statement_says_what_was_asked(sample: UniversalSample) -> None:
    statement = plain(sample)["statement"]
    machine = read_machine(statement["machine"]["text"])
    assert machine.name == statement["machine"]["name"] == sample.machine
    assert statement["machine"]["sha256"] == sha256(statement["machine"]["text"].encode())
    assert statement["context"] == str(sample.context)
    assert sample.context <= 2 ** statement["position_bits"]
    assert statement["arithmetic"] == parse_arithmetic(sample.arithmetic).text
    assert statement["scope"]["kind"] == "all inputs"
    bound = statement["scope"]["writes_per_cell"]
    wanted = {
        "context": sample.context,
        "proved": write_bound(machine).largest,
        "assumed": sample.assumed_writes,
    }
    assert bound == {"bound": str(wanted[sample.evidence]), "evidence": sample.evidence}
    assert ("(assumed;" in statement["claim"]) == (sample.evidence == "assumed")
    if sample.beta is not None:
        assert statement["beta"] == str(sample.beta)


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_what_is_decided_has_an_annotation_and_no_runs(sample: UniversalSample) -> None:
    document, weights = plain(sample), json.loads(bundle_for_all(sample).weights)
    assert (document["runs"], document["refutation"]) == ([], None)
    contents = document["annotation"]["contents"]
    assert set(contents) == {kind.name for kind in classes(Paradigm.COT)}
    assert document["annotation"]["margin"] >= 1
    widths = dict(weights["registers"])
    for entry in contents.values():
        assert len(entry["layers"]) == len(weights["layers"])
        for layer in entry["layers"]:
            assert set(layer["attention"]) | set(layer["mlp"]) <= set(widths) - {"pos"}
        assert entry["embedding"]["pos"] == "enc(i)"
        assert "0" not in entry["embedding"].values()


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_heads_stand_in_the_order_of_the_weights_with_the_case_that_is_theirs(sample: UniversalSample) -> None:
    document, weights = plain(sample), json.loads(bundle_for_all(sample).weights)
    listed = [(head["layer"], head["head"], head["name"], head["kind"]) for head in document["heads"]]
    assert listed == [
        (number, index, head["name"], head["kind"])
        for number, layer in enumerate(weights["layers"], start=1)
        for index, head in enumerate(layer["heads"])
    ]
    bound, cases = document["statement"]["scope"]["writes_per_cell"]["bound"], document["softmax"]["cases"]
    for head in document["heads"]:
        many = any(one["value"] != "0" and one["selected"].startswith("writes") for one in head["meaning"])
        assert head["ties"] == [["1", bound if many else "1"]]
        assert head["evidence"] == "proved"
        case = cases[head["softmax"]]
        assert (head["separation"], head["ties"]) == (case["separation"], case["ties"])
    order = [head["softmax"] for head in document["heads"]]
    assert sorted(set(order), key=order.index) == list(range(len(cases)))


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_the_verdict_agrees_with_the_cases(sample: UniversalSample) -> None:
    document = plain(sample)
    softmax, beta = document["softmax"], int(document["statement"]["beta"])
    holds = [case["holds"] for case in softmax["cases"]]
    assert all(holds) == (sample.verdict == "proved")
    for case in softmax["cases"]:
        assert case["holds"] == (case["up_to"] == case["ties"][0][1])
        if case["holds"]:
            assert int(case["least_beta"]) <= beta
            assert Fraction(softmax["zero_cell"][0]) <= Fraction(case["zero"]) <= Fraction(softmax["zero_cell"][1])
            low, high = map(Fraction, case["one"])
            assert Fraction(softmax["one_cell"][0]) <= low <= high <= Fraction(softmax["one_cell"][1])
    if sample.verdict == "proved" and sample.beta is None:
        assert beta == max(int(case["least_beta"]) for case in softmax["cases"])


# ---------------------------------------------------------------------------- the checker


def checked(bundle: UniversalBundle, machine: TuringMachine, folder: Path) -> Valid:
    (folder / bundle.weights_name).write_bytes(bundle.weights)
    (folder / "certificate.json").write_bytes(bundle.bytes)
    (folder / "machine.yaml").write_text(write_machine(machine), encoding="utf-8")
    return check_certificate(folder / "certificate.json", folder / "machine.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_the_checker_comes_to_the_same_numbers(sample: UniversalSample, tmp_path: Path) -> None:
    bundle = bundle_for_all(sample)
    valid = checked(bundle, load_machine(sample.machine), tmp_path)
    assert (valid.verdict, valid.claim) == (sample.verdict, bundle.certificate.statement.claim)
    assert any("no cell is written more than" in fact for fact in valid.assumed) == (sample.evidence == "assumed")
    assert any("writes no cell more than" in fact for fact in valid.proved) == (sample.evidence == "proved")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_checker_agrees_on_random_machines(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    drawn = (draw_case(seed=31, index=10 * seed + number).run.machine for number in range(10))
    machine = next(one for one in drawn if len(one.transitions) < 120)  # the checker takes minutes for large ones
    arithmetic = rng.choice(("fused:bf16", "rounded:bf16/bf16", "rounded:fp16/e5m2", "fused:e4m3fn/fp16/bf16", "exact"))
    request = UniversalRequest(
        machine,
        parse_arithmetic(arithmetic),
        context=rng.randrange(3, 65),
        beta=rng.choice((None, None, 1, 64)),
        assumed_writes=rng.choice((None, 2)),
    )
    bundle = certify_all(request, EVIDENCE)
    valid = checked(bundle, machine, tmp_path)
    assert (valid.verdict, valid.claim) == (bundle.certificate.verdict, bundle.certificate.statement.claim)


# ---------------------------------------------------------------------------- counterexamples


@pytest.mark.parametrize("sample", REFUTED, ids=str)
def test_a_counterexample_is_a_certificate_on_one_input(sample: UniversalSample) -> None:
    """Of an input that fits; made again by itself, it says the same."""
    certificate = bundle_for_all(sample).certificate
    (entry,) = certificate.runs
    machine = load_machine(sample.machine)
    run = trace(machine, entry.input)
    assert (entry.output, entry.steps) == (run.output, run.steps)
    r = certificate.statement.position_bits
    assert cot_length(len(run.word), run.steps, len(run.output), r) == entry.segments[0].tokens <= sample.context
    request = Request(machine, (entry.input,), parse_arithmetic(sample.arithmetic), context=sample.context)
    alone = certify(replace(request, beta=sample.beta)).certificate
    for part in ("network", "runs", "heads", "softmax", "verdict", "refutation"):
        assert getattr(certificate, part) == getattr(alone, part)
    assert certificate.annotation is None
    assert (
        f'on "{entry.input}", ' in certificate.statement.claim or "on the empty word, " in certificate.statement.claim
    )
    assert certificate.statement.claim.startswith(f"Not for every input on which {sample.machine} halts")


def test_rewrite_fails_at_61_writes_of_one_cell() -> None:
    """The input is one write of each of its cells; this machine rewrites one cell of tape 2 once for each symbol."""
    sample = next(one for one in REFUTED if one.machine == "rewrite")
    (entry,) = bundle_for_all(sample).certificate.runs
    run = trace(load_machine("rewrite"), entry.input)
    assert max(writes_per_cell(run).values()) == 61
    refutation = bundle_for_all(sample).certificate.refutation
    assert refutation is not None
    assert "61 maximisers share the value 1" in refutation.reason


def test_what_is_proved_up_to_a_number_of_writes_can_be_assumed() -> None:
    """`most_writes_proved` of what is refuted, or left open, is what a restricted claim is proved for."""
    for title in ("refuted at every beta", "inconclusive, assumed"):
        sample = next(one for one in ALL_INPUTS if one.title == title)
        most = bundle_for_all(sample).universal.most_writes_proved
        assert most == 60
        restricted = replace(sample, assumed_writes=most).make()
        assert restricted.certificate.verdict == "proved"
        assert restricted.certificate.statement.scope.writes_per_cell.evidence == "assumed"


# ---------------------------------------------------------------------------- evidence and errors


def proved_now(bundle: UniversalBundle) -> int:
    return sum(tally.proved for tally in bundle.proof.tallies.values())


def test_what_is_stored_is_not_proved_again(tmp_path: Path) -> None:
    samples = {one.title: one for one in ALL_INPUTS}
    first, again = samples["proved, bound proved"], samples["proved, beta given"]
    with Evidence(tmp_path / "store") as evidence:
        made = first.make(evidence)
        assert proved_now(made) > 50
    with Evidence(tmp_path / "store") as evidence:
        known = again.make(evidence)
        assert proved_now(known) == 0
        # Another shape: some patterns are the same.
        other = samples["proved"].make(evidence)
        assert 0 < proved_now(other) < sum(tally.patterns for tally in other.proof.tallies.values())
    assert asdict(made.certificate)["annotation"] == asdict(known.certificate)["annotation"]


def test_an_obligation_that_is_not_decided_is_no_certificate() -> None:
    sample = ALL_INPUTS[1]
    with pytest.raises(HardmaxNotProved) as left_open:
        certify_all(replace(sample.request, budget_seconds=0), Evidence())
    assert not left_open.value.gap.known


@pytest.mark.parametrize("writes", [0, 16, 17])
def test_an_assumption_that_says_nothing_is_refused(writes: int) -> None:
    with pytest.raises(AssumptionError, match=f"{writes} writes per cell say nothing about 16 tokens"):
        certify_all(replace(ALL_INPUTS[0].request, assumed_writes=writes), EVIDENCE)


def test_a_context_without_end_is_refused() -> None:
    with pytest.raises(ContextError):
        certify_all(replace(ALL_INPUTS[0].request, context=2**65), EVIDENCE)
