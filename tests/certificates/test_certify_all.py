"""Certificates for all inputs: verdicts, what they say, and that the checker comes to the same numbers."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.certify import Bundle, Request, certify
from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.checker.document import Undecided
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.certificates.files import difference, what_differs
from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.contexts import least_context_for_space
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.tokens import cot_length
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.sweep import draw_case
from exactformer.verify.writes import write_bound, writes_per_cell
from tests.certificates.universal import ALL_INPUTS, UniversalSample, bundle_for_all, checked

pytestmark = pytest.mark.usefixtures("walked_once")

REFUTED = [sample for sample in ALL_INPUTS if sample.verdict == "refuted"]
DECIDED = [sample for sample in ALL_INPUTS if sample.verdict != "refuted"]
SCOT = Paradigm.SCOT


def plain(sample: UniversalSample) -> Any:
    return json.loads(bundle_for_all(sample).written.bytes)


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_the_verdict_is_the_one_that_is_due(sample: UniversalSample) -> None:
    bundle = bundle_for_all(sample)
    assert bundle.verdict.value == plain(sample)["verdict"] == sample.verdict
    assert bundle.request.most.grounds.value == sample.evidence


@pytest.mark.parametrize("title", ["proved, bound proved", "refuted at one beta"])
def test_certifying_twice_gives_the_same_document_up_to_provenance(title: str) -> None:
    sample = next(one for one in ALL_INPUTS if one.title == title)
    first, second = bundle_for_all(sample), sample.make()
    assert (first.written.weights, first.written.weights_name) == (second.written.weights, second.written.weights_name)
    assert what_differs(first.written.bytes, second.written.bytes) is None
    assert first.written.subject == second.written.subject


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_what_it_is_about_is_known_before(sample: UniversalSample) -> None:
    made = bundle_for_all(sample)
    assert made.request.subject == made.made.subject
    assert difference(made.made.subject.fields, json.loads(made.made.bytes), whole=False) is None
    assert made.made.subject.name.startswith(f"{sample.machine}.all-inputs.")


@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_documents_are_canonical_and_hold_no_float(sample: UniversalSample) -> None:
    def refuse(text: str) -> float:
        raise AssertionError(f"a float: {text}")

    written = bundle_for_all(sample).written
    for data in (written.bytes, written.weights):
        document = json.loads(data, parse_float=refuse, parse_constant=refuse)
        assert canonical_bytes(document) == data
        assert data.isascii()


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_the_statement_says_what_was_asked(sample: UniversalSample) -> None:
    statement, machine = plain(sample)["statement"], load_machine(sample.machine)
    assert statement["context"] == str(sample.context)
    assert statement["arithmetic"] == parse_arithmetic(sample.arithmetic).text
    assert statement["theory"]["sha256"] == sha256(statement["theory"]["text"].encode())
    given = statement["parameters"]
    assert (given["K"], given["STATES"], len(given["ROWS"])) == (
        machine.tapes,
        list(machine.states),
        len(machine.transitions),
    )
    positions = 1 << json.loads(bundle_for_all(sample).made.weights)["position_bits"]
    wanted = {"context": positions, "proved": write_bound(machine).largest, "assumed": sample.assumed_writes}
    assert given["WRITES"] == wanted[sample.evidence]
    assert statement["claim"] in bundle_for_all(sample).made.claim
    if sample.beta is not None:
        assert statement["beta"] == str(sample.beta)


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_heads_stand_in_the_order_of_the_weights_with_their_ties(sample: UniversalSample) -> None:
    document, weights = plain(sample), json.loads(bundle_for_all(sample).made.weights)
    listed = [(head["layer"], head["head"], head["name"]) for head in document["heads"]]
    assert listed == [
        (number, index, head["name"])
        for number, layer in enumerate(weights["layers"], start=1)
        for index, head in enumerate(layer["heads"])
    ]
    most = bundle_for_all(sample).request.most.bound
    for head in document["heads"]:
        writers = head["name"].startswith(("written_", "exists_high_"))
        assert head["ties"] in (("1", str(most)) if writers else ("1",))
    assert any(head["ties"] == str(most) for head in document["heads"])


@pytest.mark.parametrize("sample", DECIDED, ids=str)
def test_the_verdict_agrees_with_the_heads(sample: UniversalSample) -> None:
    document, made = plain(sample), bundle_for_all(sample).made
    beta, holds = int(document["statement"]["beta"]), [head["holds"] for head in document["heads"]]
    assert all(holds) == (sample.verdict == "proved")
    for (_, _, case), shown in zip(made.heads, holds, strict=True):
        assert shown == case.holds == (case.up_to == case.facts.most)
        if shown:
            assert case.least_beta is not None
            assert case.least_beta <= beta
    if sample.verdict == "proved" and sample.beta is None:
        assert beta == max(case.least_beta or 0 for _, _, case in made.heads)


# ---------------------------------------------------------------------------- the checker


@pytest.mark.slow
@pytest.mark.parametrize("sample", ALL_INPUTS, ids=str)
def test_the_checker_comes_to_the_same_numbers(sample: UniversalSample, tmp_path: Path) -> None:
    bundle = bundle_for_all(sample)
    valid = checked(bundle, tmp_path)
    assert (valid.verdict, valid.claim) == (sample.verdict, plain(sample)["statement"]["claim"])
    if sample.verdict != "refuted":
        most = bundle.request.most.bound
        is_assumed = any(f"written more than {most} times" in fact for fact in valid.assumed)
        assert is_assumed == (sample.evidence == "assumed" or sample.paradigm is SCOT)
        assert any("writes a cell more than" in fact for fact in valid.proved) == (sample.evidence == "proved")
        assert any("are the tables of the machine" in fact for fact in valid.proved)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_checker_agrees_on_random_machines(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    drawn = (draw_case(seed=31, index=10 * seed + number).run.machine for number in range(10))
    machine = next(one for one in drawn if len(one.transitions) < 120)
    arithmetic = rng.choice(("fused:bf16", "rounded:bf16/bf16", "rounded:fp16/e5m2", "fused:e4m3fn/fp16/bf16", "exact"))
    request = UniversalRequest(
        machine,
        EveryRun(rng.randrange(7, 17), writes=rng.choice((None, 2))),
        parse_arithmetic(arithmetic),
        beta=rng.choice((None, None, 1, 64)),
    )
    bundle = certify_all(request)
    assert checked(bundle, tmp_path).verdict == bundle.verdict.value


# ---------------------------------------------------------------------------- summarized chains of thought


def test_segments_are_proved_and_checked(tmp_path: Path) -> None:
    """No run within 20 cells is longer than 119 tokens, and what is proved of runs does not bound segments."""
    context = least_context_for_space(7).tokens
    model = parse_arithmetic("fused:bf16")
    bundle = certify_all(UniversalRequest(load_machine("increment"), EveryRun(context, paradigm=SCOT, space=7), model))
    assert bundle.verdict.value == "proved"
    assert bundle.request.most.grounds.value == "context"
    assert ".space7" in bundle.made.subject.name
    valid = checked(bundle, tmp_path)
    assert (valid.verdict, valid.claim) == ("proved", bundle.made.claim)
    assert f"no run of increment within 7 cells has a segment of more than {context} tokens" in valid.proved


def test_a_space_whose_segments_do_not_fit_is_refused() -> None:
    context = least_context_for_space(7).tokens - 1
    with pytest.raises(ContextError, match="do not fit"):
        EveryRun(context, paradigm=SCOT, space=7)


# ---------------------------------------------------------------------------- counterexamples


@pytest.mark.parametrize("sample", REFUTED, ids=str)
def test_a_counterexample_is_a_certificate_on_one_input(sample: UniversalSample) -> None:
    """About an input that fits; a certificate made about it alone says the same."""
    bundle = bundle_for_all(sample)
    assert isinstance(bundle.written, Bundle)
    certificate = bundle.written.certificate
    (entry,) = certificate.runs
    machine = load_machine(sample.machine)
    run = trace(machine, entry.input)
    assert (entry.output, entry.steps) == (run.output, run.steps)
    r = certificate.statement.position_bits
    assert cot_length(len(run.word), run.steps, len(run.output), r) == entry.segments[0].tokens <= sample.context
    request = Request(machine, Inputs([entry.input], context=sample.context), parse_arithmetic(sample.arithmetic))
    alone = certify(replace(request, beta=sample.beta))
    assert what_differs(alone.bytes, bundle.written.bytes) is None


def test_rewrite_fails_at_61_writes_of_one_cell() -> None:
    """The input is one write of each of its cells; this machine rewrites one cell of tape 2 once for each symbol."""
    sample = next(one for one in REFUTED if one.machine == "rewrite")
    written = bundle_for_all(sample).counterexample
    assert written is not None
    run = trace(load_machine("rewrite"), written.certificate.runs[0].input)
    assert max(writes_per_cell(run).values()) == 61
    refutation = written.certificate.refutation
    assert refutation is not None
    assert "61 maximisers share the value 1" in refutation.reason


def test_what_is_proved_up_to_a_number_of_writes_can_be_assumed() -> None:
    """`most_writes_proved` of what is refuted, or left open, is what a restricted claim is proved for."""
    for title in ("refuted at every beta", "inconclusive, assumed"):
        sample = next(one for one in ALL_INPUTS if one.title == title)
        most = bundle_for_all(sample).made.universal.most_writes_proved
        assert most == 60
        restricted = replace(sample, assumed_writes=most).make()
        assert (restricted.verdict.value, restricted.request.most.grounds.value) == ("proved", "assumed")


@pytest.mark.parametrize(("assumed", "verdict"), [(61, "inconclusive"), (100, "refuted")])
def test_a_counterexample_satisfies_what_is_assumed(assumed: int, verdict: str) -> None:
    """The first input with 61 writes of a cell ends before a query meets all of them; another one is found."""
    request = UniversalRequest(
        load_machine("binary-addition"), EveryRun(1024, writes=assumed), parse_arithmetic("rounded:bf16/bf16")
    )
    assert certify_all(request).verdict.value == verdict


# ---------------------------------------------------------------------------- errors


def test_what_is_not_decided_is_no_certificate() -> None:
    with pytest.raises(Undecided):
        certify_all(replace(ALL_INPUTS[1].request, machine=load_machine("reverse"), budget_seconds=0))


@pytest.mark.parametrize("writes", [0, 16, 17])
def test_an_assumption_that_says_nothing_is_refused(writes: int) -> None:
    with pytest.raises(BehaviourError, match=f"a bound of {writes} writes per cell excludes nothing in 16 tokens"):
        EveryRun(16, writes=writes)


def test_a_context_without_end_is_refused() -> None:
    with pytest.raises(ContextError):
        EveryRun(2**65)


def test_a_machine_that_takes_no_step_is_refused() -> None:
    machine = load_machine("increment")
    without = {key: action for key, action in machine.transitions.items() if key[0] != machine.initial}
    with pytest.raises(MachineError, match="no run takes a step"):
        certify_all(replace(ALL_INPUTS[1].request, machine=replace(machine, transitions=without)))
