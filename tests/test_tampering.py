"""Whatever is changed in a certificate or its weights, `check` says so, also when hashes are made to match again."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.certify import Bundle, Request, certify
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import BadInput, Rejected
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.behaviours import Inputs
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.generated import wrongly_generated
from tests.once import Once, compute_once

Place = tuple[str | int, ...]


def bundle(title: str) -> tuple[str, Bundle]:
    """The certificates that are tampered with, by title."""
    cot, scot = Paradigm.COT, Paradigm.SCOT
    name, words, arithmetic, paradigm, beta = {
        "certified": ("increment", ("0", "11"), "fused:bf16", cot, None),
        "certified, summarized": ("unary-doubling", ("1",), "rounded:fp16", scot, None),
        "refuted for every beta": ("rewrite", ("11",), "rounded:bf16/fp16", cot, None),
        "refuted at one beta": ("increment", ("0",), "fused:fp16", cot, 2),
        "inconclusive": ("increment", ("0",), "exact", cot, None),
    }[title]
    return name, certify(
        Request(load_machine(name), Inputs(words, paradigm=paradigm), parse_arithmetic(arithmetic), beta)
    )


TITLES = (
    "certified",
    "certified, summarized",
    "refuted for every beta",
    "refuted at one beta",
    "inconclusive",
)


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where every number, word and truth value of a document stands; an empty list or object counts as one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*place, index))
    else:
        yield place


def at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def changed(document: Any, place: Place, value: Any) -> Any:
    """The document with another value at the place; it shares with the original what does not lead there."""
    step, *rest = place
    document = copy.copy(document)
    document[step] = changed(document[step], tuple(rest), value) if rest else value
    return document


def kind_of(place: Place) -> Place:
    """What places have in common that differ only in numbers of list entries, or in which register or value it is."""
    named = ("embedding", "unembedding", "reads", "writes", "values")
    return tuple(step for before, step in pairwise(("", *place)) if isinstance(step, str) and before not in named)


def of_every_kind(places: Iterable[Place], each: int, rng: random.Random) -> list[Place]:
    """A sample: so many places of each kind, or all that there are."""
    kinds: dict[Place, list[Place]] = {}
    for place in places:
        kinds.setdefault(kind_of(place), []).append(place)
    return [place for alike in kinds.values() for place in rng.sample(alike, min(len(alike), each))]


def other_values(value: Any) -> list[Any]:
    """What a forger might write instead."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, -value or 2]
    if isinstance(value, str):
        numerator, slash, denominator = value.partition("/")
        if value.lstrip("-").isdigit():
            return [str(int(value) + 1), str(2 * int(value) or 2)]
        if slash and numerator.lstrip("-").isdigit() and denominator.isdigit():
            return [f"{int(numerator) + 1}/{denominator}", f"{numerator}/{int(denominator) + 2}"]
        return [value + "0", value[:-1]]
    return {"null": [0, "1", []]}.get(json.dumps(value), [None, [1]])


weights_bytes_of = Once(canonical_bytes)
"""Most changes are of the certificate alone."""


@Once
def write_weights(folder: Path, data: bytes) -> None:
    """Where they do not lie already."""
    (folder / "weights.json").write_bytes(data)


def judge(folder: Path, name: str, certificate: Any, weights: Any, hashes_match: bool) -> str | None:
    """Why the checker refuses, None if it accepts."""
    weights_bytes = weights_bytes_of(weights)
    if hashes_match:
        text = certificate["statement"]["machine"]["text"]
        certificate = changed(certificate, ("network", "weights", "sha256"), sha256(weights_bytes))
        machine_sha256 = sha256(text.encode()) if isinstance(text, str) else ""
        certificate = changed(certificate, ("statement", "machine", "sha256"), machine_sha256)
    write_weights(folder, weights_bytes)
    (folder / "certificate.json").write_bytes(canonical_bytes(certificate))
    try:
        check_certificate(folder / "certificate.json", LIBRARY[name].path)
    except (Rejected, BadInput) as error:
        return str(error)
    return None


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are read, and replayed, only where they have changed."""
    compute_once(monkeypatch)


@pytest.fixture(scope="module", params=TITLES)
def original(request: pytest.FixtureRequest) -> tuple[str, Any, Any]:
    """Machine name, certificate and weights as plain JSON, the weights under a fixed file name."""
    name, made = bundle(request.param)
    certificate = json.loads(made.bytes)
    certificate["network"]["weights"]["file"] = "weights.json"
    return name, certificate, json.loads(made.weights)


def test_the_untouched_certificate_is_valid(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    name, certificate, weights = original
    assert judge(tmp_path, name, certificate, weights, hashes_match=False) is None


@pytest.mark.slow
def test_every_field_of_the_claim_and_its_evidence(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    """Hashes are made to match again, so changing one of them alone changes nothing: see the next test."""
    places = [place for place in leaves(original[1]) if place[0] != "provenance" and place[-1] != "sha256"]
    # Of an output a certificate may say less than is so: `tests/checker/test_check.py`, `LIES`.
    places = [place for place in places if "output" not in place]
    # Heads, matrices, layers and cases are many and alike: of every kind some places, and everything else.
    many = [place for place in places if place[0] == "heads"]
    few = [place for place in places if place not in set(many)]
    sample = of_every_kind(many, 3, random.Random(0))
    assert len({kind_of(place) for place in sample}) >= 13
    assert accepted_changes(original, few + sample, tmp_path, hashes_match=True) == []


def test_fields_changed_under_the_old_hashes(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    places = [place for place in leaves(original[1]) if place[0] != "provenance"]
    hashes = [place for place in places if place[-1] == "sha256"]
    sample = random.Random(2).sample(places, 40)
    assert accepted_changes(original, hashes + sample, tmp_path, hashes_match=False) == []


def accepted_changes(
    original: tuple[str, Any, Any], places: list[Place], folder: Path, hashes_match: bool
) -> list[tuple[Place, Any, Any]]:
    """The changes that the checker does not refuse, one value for each place."""
    name, certificate, weights = original
    rng = random.Random(0)
    accepted = []
    for place in places:
        old = at(certificate, place)
        value = rng.choice([value for value in other_values(old) if value != old])
        if judge(folder, name, changed(certificate, place, value), weights, hashes_match) is None:
            accepted.append((place, old, value))
    return accepted


@pytest.mark.slow
def test_every_kind_of_number_in_the_weights(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    """What is not refused generates the same tokens on these runs, as a plain evaluation has it."""
    name, certificate, weights = original
    rng, kept, machine = random.Random(1), 0, load_machine(original[0])
    paradigm, bits = Paradigm(certificate["statement"]["paradigm"]), weights["position_bits"]
    runs = [trace(machine, word) for word in certificate["statement"]["scope"]["inputs"]]
    sequences = [sequence for run in runs for sequence in sequences_of(paradigm, run, bits)]
    sample = of_every_kind(leaves(weights), 4, rng)
    assert len({kind_of(place) for place in sample}) == 26
    for place in sample:
        old = at(weights, place)
        value = rng.choice([value for value in other_values(old) if value != old])
        other = changed(weights, place, value)
        if judge(tmp_path, name, certificate, other, hashes_match=True) is None:
            kept += 1
            assert wrongly_generated(other, sequences) == [], (place, old, value)
    assert kept < len(sample) / 2


def test_changed_weights_under_the_old_hash(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    name, certificate, weights = original
    mutant = changed(weights, ("layers", 0, "mlp", "bias", 0), weights["layers"][0]["mlp"]["bias"][0] - 1)
    complaint = judge(tmp_path, name, certificate, mutant, hashes_match=False)
    assert complaint is not None
    assert "sha256" in complaint


def test_provenance_bears_on_nothing(original: tuple[str, Any, Any], tmp_path: Path) -> None:
    name, certificate, weights = original
    assert judge(tmp_path, name, changed(certificate, ("provenance", "seconds"), "0"), weights, True) is None


@pytest.mark.parametrize("word", ["added", "removed"])
def test_fields_that_do_not_belong_or_are_missing(original: tuple[str, Any, Any], tmp_path: Path, word: str) -> None:
    name, certificate, weights = original
    for place in (("statement",), ("runs", 0), ("heads", 0)):
        mutant = copy.deepcopy(certificate)
        part = at(mutant, place)
        if word == "added":
            part["remark"] = "trust me"
        else:
            part.pop(next(iter(part)))
        assert judge(tmp_path, name, mutant, weights, hashes_match=True) is not None


@pytest.mark.parametrize(
    ("title", "verdict"),
    [("refuted at one beta", "certified"), ("inconclusive", "certified"), ("certified", "refuted")],
)
def test_a_verdict_stronger_than_its_evidence(title: str, verdict: str, tmp_path: Path) -> None:
    name, made = bundle(title)
    certificate = json.loads(made.bytes)
    certificate["network"]["weights"]["file"] = "weights.json"
    certificate["verdict"] = verdict
    certificate["refutation"] = None
    assert judge(tmp_path, name, certificate, json.loads(made.weights), hashes_match=True) is not None
