"""What the prover writes is valid to the checker, which shares nothing with it but NETWORKS.md."""

from __future__ import annotations

import runpy
from pathlib import Path
from random import Random

import pytest

import exactformer as ef
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
