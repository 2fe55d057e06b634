"""What the prover writes is valid to the checker, which shares nothing with it but NETWORKS.md."""

from __future__ import annotations

import contextlib
import runpy
from bisect import bisect_left
from pathlib import Path
from random import Random

import pytest

import exactformer as ef
from exactformer.certificates.checker.sequences import check as checker
from exactformer.verify.given import assessment
from exactformer.verify.given.arithmetic import Unsupported
from exactformer.verify.verdict import Verdict
from tests.given.networks import random_transformer
from tests.given.test_documents import COUNTER, FEW
from tests.given.test_enclosure import ARITHMETICS

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_weights.py"


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_certificates_of_random_networks_are_valid(arithmetic: str, tmp_path: Path) -> None:
    verdicts = set()
    for seed in range(8):
        rng = Random(f"{arithmetic} {seed}")
        net = random_transformer(rng, layers=1 + seed % 2, length=None if seed % 3 == 0 else 5)
        tokens = [rng.choice("abcd") for _ in range(5)]
        given = ef.Given([(tokens, {4: rng.choice("abcd"), 2: "a"})])
        certificate = ef.certify(net, given, arithmetic, beta=rng.choice([1, 4]))
        ef.check(certificate.write(tmp_path), network=net)
        verdicts.add(certificate.verdict)
    assert Verdict.REFUTED in verdicts


LIMITS = (
    ("MOST_PRODUCTS", "MOST_PRODUCTS"),
    ("MOST_ACTIVATIONS", "MOST_ACTIVATIONS"),
    ("MOST_PAIRS", "MOST_EXPONENTIALS"),
)


@pytest.mark.parametrize(("here", "there"), LIMITS)
def test_what_is_too_large_to_be_checked_is_not_certified(
    here: str, there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both count the same: at the smallest limit at which one accepts a network, so does the other."""
    net = random_transformer(Random(5), layers=2)
    given = ef.Given([(list("abcdab"), {4: "a", 5: "b"}), (list("abc"), {2: "a"})])

    path = ef.certify(net, given, "fused:bf16").write(tmp_path)

    def certified(most: int) -> bool:
        monkeypatch.setattr(assessment, here, most)
        with contextlib.suppress(Unsupported):
            return ef.certify(net, given, "fused:bf16").verdict is not None
        return False

    def checked(most: int) -> bool:
        monkeypatch.setattr(checker, there, most)
        with contextlib.suppress(ef.TooLarge):
            return ef.check(path, network=net).verdict != ""
        return False

    least = bisect_left(range(5000), True, key=certified)
    assert 0 < least == bisect_left(range(5000), True, key=checked) < 5000


def test_a_certificate_is_about_the_network_that_is_given(tmp_path: Path) -> None:
    path = ef.certify(COUNTER, ef.Given([(FEW, {128: "a"})]), "fused:bf16").write(tmp_path)
    ef.check(path, network=COUNTER)
    ef.check(path, network=ef.save_transformer(COUNTER, tmp_path / "counter.json"))
    with pytest.raises(ef.Rejected):
        ef.check(path, network=random_transformer(Random(0)))


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLE))
    said = capsys.readouterr().out
    assert said.count("certified") == 4
    assert said.count("refuted") == 1
