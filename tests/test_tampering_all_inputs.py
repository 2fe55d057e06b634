"""Whatever is changed in a certificate for all inputs, `check` says so, also with matching hashes; and of its weights,
if it makes a difference.

What heads select is no part of the claim, but helps to prove it: lies about that are in
`tests.checker.theory.test_walk_rejects`.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided
from exactformer.certificates.checker.theory import check as theory_check
from exactformer.certificates.checker.theory import walk as walk_module
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.constructions.machines.library import load_machine, machine_named
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.constructions.turing.theory import COT
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.checker.theory.evaluator import Token
from tests.generated import wrongly_generated
from tests.once import compute_once
from tests.test_tampering import Place, at, changed, kind_of, leaves, of_every_kind, other_values

MACHINE, R = "increment", 4
HELP = ("annotation", "holds", "names", "witnesses")
WORDS = ("0", "1", "10")


@dataclass(frozen=True)
class Original:
    """Certificate and weights as plain JSON, the weights under a fixed file name."""

    certificate: Any
    weights: Any

    def refusal(self, folder: Path, certificate: Any, weights: Any, hashes_match: bool = True) -> str | None:
        """Why the checker does not call it valid, None if it does."""
        weights_bytes = canonical_bytes(weights)
        if hashes_match:
            text = certificate["statement"]["theory"]["text"]
            certificate = changed(certificate, ("network", "weights", "sha256"), sha256(weights_bytes))
            certificate = changed(certificate, ("statement", "theory", "sha256"), sha256(str(text).encode()))
        (folder / "weights.json").write_bytes(weights_bytes)
        (folder / "certificate.json").write_bytes(canonical_bytes(certificate))
        path = folder / "certificate.json"
        try:
            theory_check.check_theory(path, COT.encode(), machine_given=machine_named(MACHINE).path)
        except (Rejected, BadInput, Undecided, TooLarge) as refused:
            return str(refused)
        return None


def made(arithmetic: str) -> Original:
    bundle = certify_all(UniversalRequest(load_machine(MACHINE), EveryRun(2**R), parse_arithmetic(arithmetic))).made
    certificate = json.loads(bundle.bytes)
    certificate["network"]["weights"]["file"] = "weights.json"
    return Original(certificate, json.loads(bundle.weights))


@pytest.fixture(scope="module")
def original() -> Original:
    """increment in a context of 16 tokens."""
    return made("rounded:bf16/bf16")


@pytest.fixture(scope="module")
def walked_once(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """What is proved of the weights is proved once: they, and what helps, do not change."""
    known = dict[bool, Any]()

    def walk(*about: Any, drifting: bool) -> Any:
        if drifting not in known:
            known[drifting] = walk_module.walk(*about, drifting=drifting)
        return known[drifting]

    folder = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theory_check, "walk", walk)
        assert original.refusal(folder, original.certificate, original.weights, hashes_match=False) is None
    assert known
    return walk


@pytest.fixture
def quick(walked_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker without what is the same for all tests."""
    monkeypatch.setattr(theory_check, "walk", walked_once)
    compute_once(monkeypatch)


def accepted(original: Original, places: Iterable[Place], folder: Path) -> Iterator[tuple[Place, Any]]:
    """The changes of the certificate that the checker does not refuse."""
    for place in places:
        for value in other_values(old := at(original.certificate, place)):
            if value != old:
                certificate = changed(original.certificate, place, value)
                if original.refusal(folder, certificate, original.weights) is None:
                    yield place, value


@pytest.mark.usefixtures("quick")
def test_every_field_of_the_claim(original: Original, tmp_path: Path) -> None:
    places = [place for place in leaves(original.certificate) if place[0] not in (*HELP, "provenance")]
    places = [place for place in places if place[-1] != "sha256"]
    # Of separations and ties a certificate may say less than is so: `tests/checker/theory/test_certificate.py`.
    places = [place for place in places if place[-1] not in ("separation", "ties")]
    many = [place for place in places if place[0] == "heads" or "parameters" in place]
    sample = of_every_kind(many, 3, random.Random(1))
    found = list(accepted(original, [*(place for place in places if place not in many), *sample], tmp_path))
    assert found == []
    assert {place[0] for place in places} == original.certificate.keys() - {*HELP, "provenance"}


@pytest.mark.usefixtures("quick")
def test_fields_changed_under_the_old_hashes(original: Original, tmp_path: Path) -> None:
    hashes = [place for place in leaves(original.certificate) if place[-1] == "sha256"]
    assert len(hashes) == 2
    for place in hashes:
        certificate = changed(original.certificate, place, "0" * 64)
        assert original.refusal(tmp_path, certificate, original.weights, hashes_match=False) is not None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("place", [(), ("statement",), ("heads", 0), ("annotation", 0, 0, 0)])
def test_fields_that_do_not_belong_or_are_missing(original: Original, tmp_path: Path, place: Place) -> None:
    added, removed = (copy.deepcopy(original.certificate) for _ in range(2))
    at(added, place)["remark"] = "trust me"
    at(removed, place).pop(max(at(removed, place)))
    for certificate in (added, removed):
        assert original.refusal(tmp_path, certificate, original.weights, hashes_match=False) is not None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("place", [("heads",), ("annotation",), ("annotation", 3), ("names",)])
def test_parts_left_out_or_twice(original: Original, tmp_path: Path, place: Place) -> None:
    entries = at(original.certificate, place)
    for others in (entries[1:], [*entries, entries[-1]]):
        assert original.refusal(tmp_path, changed(original.certificate, place, others), original.weights)


@pytest.mark.slow
def test_every_kind_of_number_in_the_weights(original: Original, tmp_path: Path) -> None:
    """What is not refused generates the same tokens."""
    rng, kept = random.Random(2), 0
    sample = of_every_kind(leaves(original.weights), 1, rng)
    assert len({kind_of(place) for place in sample}) == len(sample) > 20
    for place in sample:
        old = at(original.weights, place)
        value = rng.choice([value for value in other_values(old) if value != old])
        weights = changed(original.weights, place, value)
        if original.refusal(tmp_path, original.certificate, weights) is None:
            kept += 1
            assert wrong_tokens(weights) == [], (place, old, value)
    assert kept < len(sample) / 4


def wrong_tokens(weights: Any) -> list[tuple[Token, Token]]:
    machine = load_machine(MACHINE)
    return wrongly_generated(weights, [cot_tokens(machine, trace(machine, word), R) for word in WORDS])


def test_other_tokens_are_noticed(original: Original) -> None:
    assert wrong_tokens(original.weights) == []
    number = next(n for n, one in enumerate(original.weights["vocabulary"]) if one["name"] == "OUTP")
    assert wrong_tokens(changed(original.weights, ("vocabulary", number, "unembedding"), []))


def test_a_verdict_stronger_than_its_evidence(tmp_path: Path) -> None:
    """Of softmax with real numbers nothing is proved."""
    weak = made("exact")
    certificate = weak.certificate
    assert certificate["verdict"] == "inconclusive"
    assert weak.refusal(tmp_path, certificate, weak.weights) is None
    assert weak.refusal(tmp_path, certificate | {"verdict": "proved"}, weak.weights) is not None
    holding = copy.deepcopy(certificate) | {"verdict": "proved"}
    for head in holding["heads"]:
        head["holds"] = True
    assert weak.refusal(tmp_path, holding, weak.weights) is not None
