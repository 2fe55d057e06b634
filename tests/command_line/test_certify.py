"""``exactformer certify``: exit codes, what is printed and what is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from exactformer.certificates.document import canonical_bytes, sha256
from tests.command_line.invoking import files_in, invoke, run_installed

CERTIFIED = ("increment", "--input", "1", "--arithmetic", "fused:bf16")
KINDS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "certified, fused": (0, "certified", CERTIFIED),
    "certified, two inputs": (0, "certified", ("increment", "--input", "1", "--input", "0011")),
    "certified, rounded": (0, "certified", ("copy", "--input", "01", "--arithmetic", "rounded:fp32/bf16")),
    "certified, beta given": (0, "certified", (*CERTIFIED, "--beta", "256")),
    "certified, empty input": (0, "certified", ("palindrome", "--input", "")),
    "refuted at the beta given": (1, "refuted", (*CERTIFIED, "--beta", "1")),
    "refuted at every beta": (
        1,
        "refuted",
        ("rewrite", "--input", "1" * 60, "--arithmetic", "rounded:bf16/bf16"),
    ),
    "inconclusive": (3, "inconclusive", ("increment", "--input", "1", "--arithmetic", "exact")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_exit_code_report_and_files(kind: str, tmp_path: Path) -> None:
    code, verdict, arguments = KINDS[kind]
    outcome = invoke("certify", *arguments, "--out", tmp_path)
    assert (outcome.code, outcome.err) == (code, "")
    assert outcome.out.startswith(verdict.upper() + "\n")
    (certificate,) = tmp_path.glob("*.certificate.json")
    document = json.loads(certificate.read_bytes())
    assert document["verdict"] == verdict
    assert files_in(tmp_path) == sorted([certificate.name, document["network"]["weights"]["file"]])
    printed = " ".join(outcome.out.split())
    assert document["statement"]["claim"] in printed
    assert (document["refutation"] is not None) == (verdict == "refuted")
    if verdict == "refuted":
        assert document["refutation"]["reason"] in printed
    assert certificate.name in outcome.out


@pytest.mark.parametrize("kind", ["certified, fused", "refuted at the beta given", "inconclusive"])
def test_json_holds_the_certificate_that_is_written(kind: str, tmp_path: Path) -> None:
    code, verdict, arguments = KINDS[kind]
    outcome = invoke("certify", *arguments, "--out", tmp_path, "--json")
    assert (outcome.code, outcome.err) == (code, "")
    printed = json.loads(outcome.out)
    written = Path(printed["files"]["certificate"]).read_bytes()
    assert canonical_bytes(printed["certificate"]) == written
    assert printed["sha256"] == sha256(written)
    assert printed["verdict"] == verdict
    assert printed["claim"] == printed["certificate"]["statement"]["claim"]
    weights = Path(printed["files"]["weights"])
    assert weights.parent == tmp_path
    assert sha256(weights.read_bytes()) == printed["certificate"]["network"]["weights"]["sha256"]


def test_the_installed_command_writes_where_it_is_called(tmp_path: Path) -> None:
    outcome = run_installed("certify", *CERTIFIED, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("CERTIFIED\n")
    certificate, weights = sorted(files_in(tmp_path), key=len, reverse=True)
    assert re.fullmatch(r"increment\.1-input\.cot\.11\.fused-bf16\.[0-9a-f]{12}\.certificate\.json", certificate)
    assert re.fullmatch(r"increment\.[0-9a-f]{12}\.weights\.json", weights)


def test_the_installed_command_says_no_with_its_exit_code(tmp_path: Path) -> None:
    outcome = run_installed("certify", *CERTIFIED, "--beta", "1", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (1, "")


def test_a_machine_from_a_file_outside_the_library(tmp_path: Path) -> None:
    text = invoke("machines", "increment").out.replace("name: increment", "name: ../up/one+more")
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    outcome = invoke("certify", file, "--input", "1", "--out", tmp_path / "deep" / "er")
    assert outcome.code == 0
    (certificate,) = (tmp_path / "deep" / "er").glob("*.certificate.json")
    assert certificate.name.startswith("up_one_more.1-input.cot.11.fused-bf16.")
    assert json.loads(certificate.read_bytes())["statement"]["machine"]["name"] == "../up/one+more"


def test_another_certificate_leaves_the_weights_of_the_first(tmp_path: Path) -> None:
    invoke("certify", *CERTIFIED, "--out", tmp_path)
    (weights,) = tmp_path.glob("*.weights.json")
    before = weights.read_bytes()
    invoke("certify", "increment", "--input", "1", "--context", "65", "--out", tmp_path)
    assert len(files_in(tmp_path)) == 4
    assert weights.read_bytes() == before


def test_a_reader_that_goes_away_is_no_verdict(tmp_path: Path) -> None:
    """Exit codes from 0 to 4 say something about the certificate; here nobody has read it."""
    installed = str(Path(sys.executable).with_name("exactformer"))
    command = [installed, "certify", "increment", "--input", "1", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=120) == 141
