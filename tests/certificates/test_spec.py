"""SPEC.md and the document types name the same fields."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import certificates
from certificates.document import (
    CaseRecord,
    Certificate,
    HeadRecord,
    LayerStructure,
    MachineRecord,
    NetworkRecord,
    Parameters,
    QueryRecord,
    RefutationRecord,
    RunRecord,
    Scope,
    SegmentRecord,
    Softmax,
    Split,
    Statement,
    Structure,
    WeightsFile,
    WitnessRecord,
)
from constructions.transformer.dimensions import Dimensions
from constructions.turing.paradigm import Paradigm
from tests.certificates.certified import SAMPLES, bundle

TEXT = (Path(certificates.__file__).parent / "SPEC.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text from a heading to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}.*?\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, f"SPEC.md has no section {title}"
    return found.group(1)


def table(title: str) -> dict[str, str]:
    """The rows of a section's table: field -> what it says; a row may name several fields."""
    rows = re.findall(r"^\| (`.+?) \| (.*) \|$", section(title), re.MULTILINE)
    return {name: says for names, says in rows if names != "field" for name in re.findall(r"`(\w+)`", names)}


def listed(text: str) -> list[frozenset[str]]:
    """Every ``{"a", "b"}`` of a text, as the set of its field names; values behind colons are left out."""
    sets = []
    for span in re.findall(r"`\{(.*?)\}`", text, re.DOTALL):
        # {"kind": "runs", "inputs": [...]}: a name is what stands in quotes first or behind a comma
        sets.append(frozenset(re.findall(r'(?:^|,)\s*"(\w+)"', span)))
    return sets


def names(record: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in fields(record))


TABLES = {"2 The certificate": Certificate, "3 `statement`": Statement, "4 `network`": NetworkRecord}
INLINE = (
    ("3 `statement`", MachineRecord),
    ("3 `statement`", Scope),
    ("3 `statement`", Split),
    ("4 `network`", WeightsFile),
    ("4 `network`", Dimensions),
    ("4 `network`", Parameters),
    ("4 `network`", Structure),
    ("4 `network`", LayerStructure),
    ("5 `runs`", RunRecord),
    ("5 `runs`", SegmentRecord),
    ("6 `heads`", HeadRecord),
    ("6 `heads`", QueryRecord),
    ("7 `softmax`", Softmax),
    ("7 `softmax`", CaseRecord),
    ("8 `refutation`", RefutationRecord),
    ("8 `refutation`", WitnessRecord),
)


@pytest.mark.parametrize("title", TABLES)
def test_tables_list_the_fields_of_their_record(title: str) -> None:
    assert set(table(title)) == names(TABLES[title])


@pytest.mark.parametrize("title", sorted({title for title, _ in INLINE}))
def test_inline_lists_are_those_of_the_records_and_no_others(title: str) -> None:
    records = {names(record) for where, record in INLINE if where == title}
    assert set(listed(section(title))) == records


def test_the_weights_document_has_the_fields_of_its_table() -> None:
    weights = json.loads(bundle(SAMPLES[0]).weights)
    text = section("4.1 The weights document")
    assert set(table("4.1 The weights document")) == set(weights)
    family, layer = weights["vocabulary"][-1], weights["layers"][0]
    written = {frozenset(each) for each in (family, family["fields"][0], layer, layer["heads"][0], layer["mlp"])}
    assert set(listed(text)) == written


def test_the_written_certificate_has_the_fields_of_its_records() -> None:
    for sample in SAMPLES:
        document = json.loads(bundle(sample).bytes)
        assert set(document) == names(Certificate)
        assert set(document["statement"]) == names(Statement)
        for entries, record in (
            (document["runs"], RunRecord),
            (document["runs"][0]["segments"], SegmentRecord),
            ([document["network"]], NetworkRecord),
            ([document["network"]["structure"]], Structure),
            (document["network"]["structure"]["layers"], LayerStructure),
            (document["heads"], HeadRecord),
            (document["softmax"]["cases"], CaseRecord),
            (document["network"]["parameters"], Parameters),
        ):
            assert {frozenset(entry) for entry in entries} == {names(record)}
        if document["refutation"]:
            assert {frozenset(entry) for entry in document["refutation"]["witnesses"]} == {names(WitnessRecord)}


def test_parameters_stand_in_the_order_of_the_spec() -> None:
    order = re.search(r"in the order `([a-z_ ]+)`", section("4 `network`"))
    assert order is not None
    document = json.loads(bundle(SAMPLES[0]).bytes)
    assert [entry["matrix"] for entry in document["network"]["parameters"]] == order.group(1).split()


def template(line_start: str) -> str:
    """A sentence of section 9 as a regular expression, its places in braces filled with anything."""
    found = re.search(rf"^\* {line_start}: `(.*?)`$", section("9 Sentences"), re.MULTILINE)
    assert found is not None, line_start
    return filled(found.group(1))


def filled(text: str) -> str:
    return re.sub(r"\\\{[^}]*?\\\}", "(.+?)", re.escape(text))


KINDS = {
    "certified, fused": "certified",
    "summarized, certified": "certified",
    "refuted at one beta": "refuted, beta given",
    "summarized, refuted": "refuted, beta given",
    "refuted at every beta": "refuted, beta null",
    "inconclusive, exact": "inconclusive",
}


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.title in KINDS], ids=str)
def test_claims_are_the_sentences_of_the_spec(sample: Any) -> None:
    statement = bundle(sample).certificate.statement
    matched = re.fullmatch(template(KINDS[sample.title]), statement.claim)
    assert matched is not None
    count = len(sample.inputs)
    inputs = "1 input" if count == 1 else f"{count} inputs"
    about = f"On {inputs} of {sample.machine}, the softmax transformer of these weights, in the arithmetic "
    assert matched.group(1) == about + statement.arithmetic
    if statement.beta is not None:
        assert matched.group(2) == statement.beta
    if bundle(sample).certificate.verdict == "certified":
        tokens = sum(segment.tokens for run in bundle(sample).certificate.runs for segment in run.segments)
        summarized = "summarized " if sample.paradigm is Paradigm.SCOT else ""
        assert matched.groups()[2:] == (f"{summarized}chain of thought", str(tokens), statement.context)


def test_reasons_are_the_sentence_of_the_spec() -> None:
    found = re.search(r"from its last witness: `(.*?)`", section("9 Sentences"))
    assert found is not None
    for sample in SAMPLES:
        refutation = bundle(sample).certificate.refutation
        if refutation is None:
            continue
        last = refutation.witnesses[-1]
        who = "maximiser has" if last.maximisers == 1 else "maximisers share"
        sentence = filled(found.group(1)).replace("maximisers\\ share", who.replace(" ", "\\ "))
        if last.output[0] != last.output[1]:
            sentence = sentence.replace("computes\\ (.+?)", "computes\\ a value from (.+?)")
        if sample.paradigm is Paradigm.SCOT:
            sentence = sentence.replace("of\\ run", f"of\\ segment\\ {last.segment}\\ of\\ run")
        matched = re.fullmatch(sentence, refutation.reason)
        assert matched is not None, refutation.reason
        layer, _, token, run, maximisers, hardmax = matched.groups()[:6]
        numbers = (last.layer, last.token, last.run, last.maximisers, last.hardmax)
        assert tuple(map(int, (layer, token, run, maximisers, hardmax))) == numbers
