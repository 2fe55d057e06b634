"""Whatever is changed in a certificate for all inputs or its weights, `check` says so, also with matching hashes.

What z3 has answered once is remembered: most queries are the same whatever is changed.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.certify import Request, certify
from exactformer.certificates.checker.document import TooLarge, Undecided
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.tokens import cot_length
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.certificates.universal import ALL_INPUTS, bundle_for_all
from tests.once import compute_once
from tests.test_tampering import Place, at, changed, judge, kind_of, leaves, of_every_kind, other_values

MACHINE = "increment"


@dataclass(frozen=True)
class Original:
    """Certificate and weights as plain JSON, the weights under a fixed file name."""

    certificate: Any
    weights: Any

    def refusal(self, folder: Path, certificate: Any, weights: Any, hashes_match: bool = True) -> str | None:
        """Why the checker does not call it valid, None if it does."""
        try:
            return judge(folder, MACHINE, certificate, weights, hashes_match)
        except (Undecided, TooLarge) as not_judged:
            return str(not_judged)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are read, and what is proved of them is, only where they have changed."""
    compute_once(monkeypatch)


@pytest.fixture(scope="module")
def original() -> Original:
    """increment in a context of 16 tokens; its bound of 4 writes per cell is proved."""
    bundle = bundle_for_all(next(one for one in ALL_INPUTS if one.title == "proved, bound proved"))
    certificate = json.loads(bundle.bytes)
    certificate["network"]["weights"]["file"] = "weights.json"
    return Original(certificate, json.loads(bundle.weights))


def test_the_untouched_certificate_is_valid(original: Original, tmp_path: Path) -> None:
    assert original.refusal(tmp_path, original.certificate, original.weights, hashes_match=False) is None


def accepted(original: Original, places: Iterable[Place], folder: Path) -> Iterator[tuple[Place, Any, Any]]:
    """The changes of the certificate that the checker does not refuse, one for each place."""
    rng = random.Random(0)
    listed = {at(original.certificate, place) for place in leaves(original.certificate) if is_content(place)}
    # Those with conditions may come to the same: written_1 = 1 is never true of a token that addresses no cell.
    contents = sorted(content for content in listed if " if " not in content)
    for place in places:
        old = at(original.certificate, place)
        # A content that stands elsewhere is a better lie than one that is no content.
        others = contents if is_content(place) else other_values(old)
        value = rng.choice([value for value in others if value != old])
        certificate = changed(original.certificate, place, value)
        if original.refusal(folder, certificate, original.weights) is None:
            yield place, old, value


def is_content(place: Place) -> bool:
    """Whether a content stands there: in the annotation, or as what a head's meaning brings."""
    return (place[:2] == ("annotation", "contents") and place[-1] not in ("attention", "mlp")) or (
        place[0] == "heads" and "meaning" in place and place[-1] == "value"
    )


@pytest.mark.slow
def test_every_field_of_the_claim_and_its_evidence(original: Original, tmp_path: Path) -> None:
    """Contents, heads and matrices are many and alike: some of each, of the latter of every kind, and all else."""
    places = [place for place in leaves(original.certificate) if place[0] != "provenance" and place[-1] != "sha256"]
    rng = random.Random(1)
    contents = [place for place in places if place[0] == "annotation"]
    many = [place for place in places if place[0] == "heads" or {"structure", "parameters"} & set(place)]
    few = [place for place in places if place not in {*contents, *many}]
    assert len(few) >= 60
    sample = of_every_kind(many, 3, rng)
    assert len({kind_of(place) for place in sample}) >= 30
    assert list(accepted(original, [*few, *sample, *rng.sample(contents, 30)], tmp_path)) == []


def test_fields_changed_under_the_old_hashes(original: Original, tmp_path: Path) -> None:
    hashes = [place for place in leaves(original.certificate) if place[-1] == "sha256"]
    for place in hashes:
        certificate = changed(original.certificate, place, "0" * 64)
        assert original.refusal(tmp_path, certificate, original.weights, hashes_match=False) is not None


@pytest.mark.slow
def test_every_kind_of_number_in_the_weights(original: Original, tmp_path: Path) -> None:
    """What is not refused makes no difference: so says the replay of every input that fits."""
    replayed = json.loads(certify(Request(load_machine(MACHINE), words_that_fit(), FP, context=16)).bytes)
    replayed["network"]["weights"]["file"] = "weights.json"
    assert original.refusal(tmp_path, replayed, original.weights) is None
    rng, kept, tried = random.Random(2), 0, 0
    places = list(leaves(original.weights))
    ends = [place for place in places if matrix_of(place) in ("embedding", "unembedding")]
    sample = of_every_kind(places, 3, rng)
    assert len({kind_of(place) for place in sample}) == 26
    for place in sample + rng.sample(ends, 20):
        old = at(original.weights, place)
        value = rng.choice([value for value in other_values(old) if value != old])
        weights = changed(original.weights, place, value)
        tried += matrix_of(place) is not None
        if original.refusal(tmp_path, counting(original.certificate, place, old, value), weights) is None:
            kept += 1
            refusal = original.refusal(tmp_path, counting(replayed, place, old, value), weights)
            assert refusal is None, (place, old, value)
    assert 0 < 10 * kept < tried


FP = parse_arithmetic("rounded:bf16/bf16")


def words_that_fit() -> tuple[str, ...]:
    """All inputs whose chain of thought fits 16 tokens: all of the input is read, so it has at most 7 symbols."""
    found, machine = [], load_machine(MACHINE)
    for length in range(8):
        for word in map("".join, product(machine.input_alphabet, repeat=length)):
            try:
                run = trace(machine, word)
            except MachineError:
                continue
            if cot_length(length, run.steps, len(run.output), 4) <= 16:
                found.append(word)
    return tuple(found)


def matrix_of(place: Place) -> str | None:
    """Of which matrix the number there is an entry, None if it is something else."""
    if place[0] == "vocabulary":
        return next((name for name in ("embedding", "unembedding") if name in place and place[-1] == 1), None)
    return {"bias": "mlp_bias", "in_weight": "mlp_in", "out_weight": "mlp_out"}.get(str(place[-2:][0]))


def counting(certificate: Any, place: Place, old: Any, value: Any) -> Any:
    """The certificate with the counts of the weights made to match, where another weight is a matter of one entry."""
    certificate = copy.deepcopy(certificate)
    matrix = matrix_of(place)
    if matrix is not None and 0 not in (old, value):
        (entry,) = (one for one in certificate["network"]["parameters"] if one["matrix"] == matrix)
        entry["values"][str(old)] -= 1
        entry["values"][str(value)] = entry["values"].get(str(value), 0) + 1
        entry["values"] = {key: count for key, count in entry["values"].items() if count}
    return certificate


@pytest.mark.parametrize("place", [("annotation",), ("annotation", "contents", "RUN"), ("heads", 0, "meaning", 0)])
def test_fields_that_do_not_belong_or_are_missing(original: Original, tmp_path: Path, place: Place) -> None:
    for change in ("added", "removed"):
        certificate = copy.deepcopy(original.certificate)
        part = at(certificate, place)
        if change == "added":
            part["remark"] = "trust me"
        else:
            part.pop(next(iter(part)))
        assert original.refusal(tmp_path, certificate, original.weights) is not None


def test_parts_left_out_or_twice(original: Original, tmp_path: Path) -> None:
    """Entries of lists: layers, heads, meanings, cases."""
    for place in (
        ("annotation", "contents", "RUN", "layers"),
        ("heads",),
        ("heads", 4, "meaning"),
        ("heads", 4, "meaning", 0, "classes"),
        ("softmax", "cases"),
    ):
        for change in (lambda listed: listed[1:], lambda listed: [*listed, listed[-1]]):
            entries = change(at(original.certificate, place))
            assert original.refusal(tmp_path, changed(original.certificate, place, entries), original.weights)


@pytest.mark.parametrize("title", ["inconclusive, exact", "inconclusive, too long"])
def test_a_verdict_stronger_than_its_evidence(title: str, tmp_path: Path) -> None:
    bundle = bundle_for_all(next(one for one in ALL_INPUTS if one.title == title))
    certificate = json.loads(bundle.bytes)
    certificate["network"]["weights"]["file"] = "weights.json"
    weak = Original(certificate, json.loads(bundle.weights))
    assert weak.refusal(tmp_path, certificate, weak.weights) is None
    assert weak.refusal(tmp_path, certificate | {"verdict": "proved"}, weak.weights) is not None
    holding = copy.deepcopy(certificate) | {"verdict": "proved"}
    for case in holding["softmax"]["cases"]:
        case["holds"], case["up_to"] = True, case["ties"][0][1]
    assert weak.refusal(tmp_path, holding, weak.weights) is not None
