"""SPEC.md and the document types name the same fields."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import exactformer.certificates
from exactformer.certificates.document import (
    Certificate,
    HeadRecord,
    MachineRecord,
    NetworkRecord,
    QueryRecord,
    RefutationRecord,
    RunRecord,
    Scope,
    SegmentRecord,
    Split,
    Statement,
    WeightsFile,
    WitnessRecord,
)
from exactformer.constructions.turing.paradigm import Paradigm
from tests.certificates.certified import SAMPLES, Sample, bundle

TEXT = (Path(exactformer.certificates.__file__).parent / "SPEC.md").read_text(encoding="utf-8")


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
    """Every ``{"a", "b"}`` of a text, as the set of its field names, also those inside others.

    Values after colons are left out, and so are tables whose keys are not fixed names.

    >>> [sorted(one) for one in listed('`{"a", "b": [{"c": "x", "d"}], "e": {N: 1}}`')]
    [['a', 'b', 'e'], ['c', 'd']]
    """
    sets = []
    for span in re.findall(r"`(\{.*?\})`", text, re.DOTALL):
        open_brackets: list[set[str] | None] = []
        before = ""
        for token in re.findall(r'"\w*"|[{}\[\],:]', span):
            if token in "{[":
                open_brackets.append(set() if token == "{" else None)
            elif token in "}]":
                if found := open_brackets.pop():
                    sets.append(frozenset(found))
            elif token not in ",:" and before in ("{", ",") and (names := open_brackets[-1]) is not None:
                names.add(token.strip('"'))
            before = token
    return sorted(sets, key=sorted)


def names(record: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in fields(record))


TABLES = {"2 The certificate": Certificate, "3 `statement`": Statement}
INLINE = (
    ("3 `statement`", MachineRecord),
    ("3 `statement`", Scope),
    ("3 `statement`", Split),
    ("4 `network`", NetworkRecord),
    ("4 `network`", WeightsFile),
    ("5 `runs`", RunRecord),
    ("5 `runs`", SegmentRecord),
    ("6 `heads`", HeadRecord),
    ("6 `heads`", QueryRecord),
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
            (document["heads"], HeadRecord),
        ):
            assert {frozenset(entry) for entry in entries} == {names(record)}
        if document["refutation"]:
            assert {frozenset(entry) for entry in document["refutation"]["witnesses"]} == {names(WitnessRecord)}


def sentence(template: str, values: dict[str, object]) -> str:
    """A sentence of section 9 with its places in braces filled in."""
    for place, value in values.items():
        template = template.replace(place, str(value))
    assert "{" not in template, f"nothing to fill in: {template}"
    return template


def quoted(pattern: str, title: str = "9 Sentences") -> str:
    """The text in backticks after a piece of a section."""
    found = re.search(pattern + r"`(.*?)`", section(title), re.MULTILINE | re.DOTALL)
    assert found is not None, pattern
    return found.group(1)


def kind_of(certificate: Certificate) -> str:
    """The item of section 9 that a certificate's claim is."""
    if certificate.verdict != "refuted":
        return certificate.verdict
    return "refuted, beta null" if certificate.statement.beta is None else "refuted, beta given"


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_claims_are_the_sentences_of_the_spec(sample: Sample) -> None:
    certificate = bundle(sample).certificate
    statement, refutation = certificate.statement, certificate.refutation
    count = len(sample.inputs)
    values: dict[str, object] = {
        "{SUBJECT}": quoted("`SUBJECT` = "),
        "{n} input(s)": "1 input" if count == 1 else f"{count} inputs",
        "{machine name}": sample.machine,
        "{context}": statement.context,
        "{arithmetic}": statement.arithmetic,
        "{THOUGHT}": "summarized chain of thought" if sample.paradigm is Paradigm.SCOT else "chain of thought",
        "{tokens}": sum(segment.tokens for run in certificate.runs for segment in run.segments),
        "{beta}": statement.beta,
        "{high}": refutation.betas[1] if refutation else None,
    }
    assert statement.claim == sentence(quoted(rf"^\* {kind_of(certificate)}: "), values)


def test_the_samples_have_every_kind_of_claim() -> None:
    kinds = {kind_of(bundle(sample).certificate) for sample in SAMPLES}
    assert kinds == set(re.findall(r"^\* ([a-z, ]+): `", section("9 Sentences"), re.MULTILINE))


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.verdict == "refuted"], ids=str)
def test_reasons_are_the_sentence_of_the_spec(sample: Sample) -> None:
    certificate = bundle(sample).certificate
    assert certificate.refutation is not None
    last = certificate.refutation.witnesses[-1]
    template = quoted("from its last witness: ")
    if last.maximisers == 1:
        template = template.replace("{m} maximisers share", "1 maximiser has")
    if last.output[0] != last.output[1]:
        template = template.replace("computes {low}", "computes a value from {low} to {high}")
    if sample.paradigm is Paradigm.SCOT:
        template = template.replace("of run", f"of segment {last.segment} of run")
    (name,) = [head.name for head in certificate.heads if (head.layer, head.head) == (last.layer, last.head)]
    values = {
        "{layer}": last.layer,
        "{name}": name,
        "{token}": last.token,
        "{run}": last.run,
        "{m}": last.maximisers,
        "{hardmax}": last.hardmax,
        "{low}": last.output[0],
        "{high}": last.output[1],
    }
    assert certificate.refutation.reason == sentence(template, values)
