"""Certificates as a whole: stable bytes, contexts as small as can be, fields that agree with each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.certificates.files import difference, what_differs
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.text import read_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.arithmetic.models import parse_arithmetic, split_beta
from tests.certificates.certified import SAMPLES, Sample, bundle


def plain(sample: Sample) -> Any:
    return json.loads(bundle(sample).bytes)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_verdict_is_the_one_that_is_due(sample: Sample) -> None:
    assert bundle(sample).certificate.verdict == sample.verdict


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_certifying_twice_gives_the_same_document_up_to_provenance(sample: Sample) -> None:
    first, second = bundle(sample), sample.make()
    assert first.weights == second.weights
    assert first.weights_name == second.weights_name
    without = [canonical_bytes(replace(each.certificate, provenance={})) for each in (first, second)]
    assert without[0] == without[1]
    assert what_differs(first.bytes, second.bytes) is None
    assert first.subject == second.subject
    assert difference(first.subject.fields, json.loads(first.bytes), whole=False) is None


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_documents_are_canonical_and_hold_no_float(sample: Sample) -> None:
    def refuse(text: str) -> float:
        raise AssertionError(f"a float: {text}")

    for data in (bundle(sample).bytes, bundle(sample).weights):
        document = json.loads(data, parse_float=refuse, parse_constant=refuse)
        assert canonical_bytes(document) == data
        assert data.isascii()
        assert data.endswith(b"}\n")
        assert largest_integer(document) <= 2**53


def largest_integer(value: object) -> int:
    match value:
        case bool() | str() | None:
            return 0
        case int():
            return abs(value)
        case list():
            return max(map(largest_integer, value), default=0)
        case dict():
            return max(map(largest_integer, value.values()), default=0)
    raise TypeError(f"{value!r} is not a value of JSON")


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_statement_says_what_was_asked(sample: Sample) -> None:
    statement = plain(sample)["statement"]
    machine = read_machine(statement["machine"]["text"])
    assert machine.name == statement["machine"]["name"] == sample.machine
    assert statement["machine"]["sha256"] == sha256(statement["machine"]["text"].encode())
    assert statement["paradigm"] == sample.paradigm.value
    assert statement["scope"] == {"kind": "runs", "inputs": list(sample.inputs)}
    assert statement["arithmetic"] == parse_arithmetic(sample.arithmetic).text
    if sample.context:
        assert statement["context"] == str(sample.context)
    if sample.beta:
        assert statement["beta"] == str(sample.beta)
    context = int(statement["context"])
    assert statement["position_bits"] == min(
        r for r in range(2 if sample.paradigm is Paradigm.COT else 4, 64, 2) if context <= 2**r
    )
    if statement["beta"] is None:
        assert statement["beta_split"] is None
    else:
        beta, split = int(statement["beta"]), statement["beta_split"]
        assert int(split["query"]) * int(split["key"]) == beta
        assert int(split["query"]) in (int(split["key"]), 2 * int(split["key"]))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_runs_are_those_of_the_machine(sample: Sample) -> None:
    document = plain(sample)
    machine = read_machine(document["statement"]["machine"]["text"])
    assert [entry["input"] for entry in document["runs"]] == list(sample.inputs)
    for entry in document["runs"]:
        run = trace(machine, entry["input"])
        assert (entry["output"], entry["steps"], entry["cells"]) == (run.output, run.steps, run.cells)
        sequences = sequences_of(sample.paradigm, run, document["statement"]["position_bits"])
        sizes = [(len(sequence.tokens), sequence.prompt, sequence.read) for sequence in sequences]
        assert [(each["tokens"], each["prompt"], each["read"]) for each in entry["segments"]] == sizes
        assert all(each["margin"] >= 1 for each in entry["segments"])
        assert max(each["tokens"] for each in entry["segments"]) <= int(document["statement"]["context"])
        assert entry["segments"][0]["prompt"] == len(run.word) + 2
    segments = [len(entry["segments"]) for entry in document["runs"]]
    assert (max(segments) > 1) == (sample.paradigm is Paradigm.SCOT)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_heads_stand_in_the_order_of_the_weights(sample: Sample) -> None:
    document, weights = plain(sample), json.loads(bundle(sample).weights)
    listed = [(head["layer"], head["head"], head["name"], head["kind"]) for head in document["heads"]]
    assert listed == [
        (number, index, head["name"], head["kind"])
        for number, layer in enumerate(weights["layers"], start=1)
        for index, head in enumerate(layer["heads"])
    ]
    for head in document["heads"]:
        assert head["evidence"] == ("proved" if head["kind"] == "lookup" else "observed")
        if head["kind"] == "lookup":
            assert (head["separation"], head["maximisers"], head["witness"]) == (2, 1, None)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_verdict_agrees_with_the_heads(sample: Sample) -> None:
    document, assessment = plain(sample), bundle(sample).assessment
    beta, holds = document["statement"]["beta"], [head["holds"] for head in document["heads"]]
    least = [case.least_beta for case in assessment.cases]
    assert (document["refutation"] is not None) == (sample.verdict == "refuted")
    if sample.verdict == "certified":
        assert all(holds)
        assert all(one is not None and one <= int(beta) for one in least)
        if sample.beta is None:
            assert max(one or 0 for one in least) == int(beta)
    elif beta is not None:
        assert False in holds
    else:
        assert set(holds) == {None}
        assert None in least


@pytest.mark.parametrize("exponent", range(12))
def test_beta_is_split_as_the_statement_says(exponent: int) -> None:
    split = split_beta(exponent)
    assert (split.query, split.key) == (2 ** ((exponent + 1) // 2), 2 ** (exponent // 2))
