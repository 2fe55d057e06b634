"""``exactformer certify --as-theory``, and ``check --theory NAME`` of what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line.invoking import files_in, invoke

ASKED = ("certify", "increment", "--all-inputs", "--as-theory", "--context", "16")


@pytest.mark.parametrize(
    ("theory", "options", "code", "verdict"),
    [
        ("turing-cot", (), 0, "proved"),
        ("turing-scot", ("--paradigm", "scot"), 0, "proved"),
        ("turing-cot", ("--beta", "1"), 3, "inconclusive"),
        ("turing-cot", ("--claim", "tokens", "--arithmetic", "rounded:bf16/fp16"), 0, "tokens proved"),
        (
            "turing-scot",
            ("--paradigm", "scot", "--claim", "tokens", "--arithmetic", "rounded:bf16/fp16"),
            0,
            "tokens proved",
        ),
        ("turing-cot", ("--claim", "tokens"), 0, "proved"),
    ],
)
def test_certified_and_checked(theory: str, options: tuple[str, ...], code: int, verdict: str, tmp_path: Path) -> None:
    made = invoke(*ASKED, *options, "--out", tmp_path)
    assert (made.code, made.err) == (code, "")
    assert made.out.startswith(f"{verdict}: For every token sequence of the theory {theory} (SHA-256 ")
    (certificate,) = tmp_path.glob("*.certificate.json")
    assert f"exactformer check {certificate} --theory {theory} --machine increment" in made.out
    checked = invoke("check", certificate, "--theory", theory, "--machine", "increment")
    assert (checked.code, checked.err) == (code, "")
    assert "the parameters of the theory are the tables of the machine increment" in checked.out
    alone = invoke("check", certificate, "--theory", theory)
    assert alone.code == code
    assert "the tables of the machine" not in alone.out
    other = invoke("check", certificate, "--theory", theory, "--machine", "copy")
    assert (other.code, other.out) == (1, "")
    assert "is not that of the machine copy" in other.err
    wrong = invoke("check", certificate, "--theory", "ngram", "--machine", "increment")
    assert wrong.code == 1
    assert "is not the given theory" in wrong.err


def test_as_json(tmp_path: Path) -> None:
    made = invoke(*ASKED, "--out", tmp_path, "--json")
    said = json.loads(made.out)
    assert (made.code, said["verdict"]) == (0, "proved")
    assert {Path(said["certificate"]).name, Path(said["weights"]).name} == set(files_in(tmp_path))
    again = invoke(*ASKED, "--out", tmp_path)
    assert again.code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--space", "4", "--paradigm", "scot"), 2, "leave --space and --assume-writes-per-cell out"),
        (("--assume-writes-per-cell", "3"), 2, "leave --space"),
        (("--input", "1"), 2, "leave --input out"),
        (("--context", "3"), 2, "context"),
        (("--arithmetic", "fused:bf16+linearfp8-e5m2"), 4, "holds all integers only up to 8"),
    ],
)
def test_refused(arguments: tuple[str, ...], code: int, reason: str, tmp_path: Path) -> None:
    outcome = invoke(*ASKED, *arguments, "--out", tmp_path)
    assert (outcome.code, outcome.out) == (code, "")
    assert reason in outcome.err
    assert not files_in(tmp_path)


def test_why_tokens_are_not_proved(tmp_path: Path) -> None:
    asked = ("--claim", "tokens", "--arithmetic", "rounded:e4m3fn/bf16")
    made = invoke(*ASKED, *asked, "--out", tmp_path)
    assert made.code == 3
    assert made.out.startswith("inconclusive: ")
    assert "\nTokens are not proved either: the claim is not shown: layer 14, head 0 (read_1), class run: " in made.out
    assert "tokens" in next(tmp_path.glob("*.certificate.json")).name


def test_where_drifts_are_not_bounded(tmp_path: Path) -> None:
    made = invoke(*ASKED, "--claim", "tokens", "--arithmetic", "rounded:bf16/fp16+once", "--out", tmp_path)
    assert (made.code, made.out) == (4, "")
    assert "drifts of activations are bounded in rounded:W/A and fused:W/ACC/A without steps" in made.err
    assert not files_in(tmp_path)


def test_without_all_inputs(tmp_path: Path) -> None:
    outcome = invoke("certify", "increment", "--input", "1", "--as-theory", "--out", tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--as-theory goes with --all-inputs" in outcome.err
