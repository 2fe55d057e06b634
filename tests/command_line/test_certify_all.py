"""``exactformer certify --all-inputs``, ``check`` of what it writes, and ``sweep --all-inputs``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Undecided
from exactformer.certificates.document import canonical_bytes, sha256
from tests.command_line.invoking import Outcome, files_in, invoke, run_installed

pytestmark = pytest.mark.usefixtures("walked_once")

ALL = ("--all-inputs",)
PROVED = ("increment", *ALL, "--context", "16")
KINDS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "proved": (0, "proved", PROVED),
    "proved, beta given": (0, "proved", (*PROVED, "--beta", "256")),
    "proved, all bf16": (0, "proved", (*PROVED, "--arithmetic", "rounded:bf16/bf16")),
    "proved, 2^4": (0, "proved", ("increment", *ALL, "--context", "2^4")),
    "proved, summarized": (0, "proved", (*PROVED, "--paradigm", "scot")),
    "assumed": (0, "proved", ("rewrite", *ALL, "--context", "16", "--assume-writes-per-cell", "9")),
    "refuted at every beta": (
        1,
        "refuted",
        ("rewrite", *ALL, "--context", "256", "--arithmetic", "rounded:bf16/bf16"),
    ),
    "refuted at the beta given": (1, "refuted", (*PROVED, "--beta", "1")),
    "inconclusive": (3, "inconclusive", (*PROVED, "--arithmetic", "exact")),
    "tokens": (
        0,
        "tokens proved",
        ("rewrite", *ALL, "--context", "16", "--arithmetic", "rounded:fixed8/fixed8", "--claim", "tokens"),
    ),
}


@dataclass(frozen=True)
class Written:
    """What ``certify`` printed, and the certificate that it wrote, in a folder of its own."""

    outcome: Outcome
    certificate: Path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """A certificate of each kind, made once."""

    @cache
    def of_kind(kind: str) -> Written:
        folder = tmp_path_factory.mktemp("certificates")
        outcome = invoke("certify", *KINDS[kind][2], "--out", folder)
        (certificate,) = folder.glob("*.certificate.json")
        return Written(outcome, certificate)

    return of_kind


@pytest.mark.parametrize("kind", KINDS)
def test_exit_code_report_and_files(kind: str, written: Callable[[str], Written]) -> None:
    code, verdict, arguments = KINDS[kind]
    outcome, certificate = written(kind).outcome, written(kind).certificate
    assert (outcome.code, outcome.err) == (code, "")
    assert outcome.out.startswith(verdict.upper() + "\n")
    document = json.loads(certificate.read_bytes())
    assert document["verdict"] == verdict
    assert files_in(certificate.parent) == sorted([certificate.name, document["network"]["weights"]["file"]])
    printed = " ".join(outcome.out.split())
    assert document["statement"]["claim"] in printed
    if verdict == "refuted":
        assert document["refutation"]["reason"] in printed
        assert f"Not in every chain of thought of {arguments[0]} with at most" in printed
    else:
        assert "its unique best one: every other logit is at least" in printed
    assert ("ASSUMED" in printed) == (kind == "assumed")
    assert ("No cell is written more than 9 times: nothing is claimed about runs that write one more" in printed) == (
        kind == "assumed"
    )


@pytest.mark.parametrize(
    ("arithmetic", "offered"), [("rounded:e5m2/e5m2", True), ("exact", False), ("rounded:bf16/fp16+once", False)]
)
def test_a_claim_about_tokens_is_offered_only_where_it_can_be_made(
    arithmetic: str, offered: bool, tmp_path: Path
) -> None:
    said = invoke("certify", *PROVED, "--arithmetic", arithmetic, "--beta", "1", "--out", tmp_path)
    assert said.code in (1, 3)
    assert ("--claim tokens tries to prove" in said.out) == offered


def test_why_tokens_are_not_proved_either(tmp_path: Path) -> None:
    said = invoke("certify", *PROVED, "--claim", "tokens", "--arithmetic", "rounded:e4m3fn/bf16", "--out", tmp_path)
    assert (said.code, said.err) == (3, "")
    assert "Tokens are not proved either: " in said.out
    assert "tokens" in next(tmp_path.glob("*.certificate.json")).name


@pytest.mark.parametrize("kind", ["proved", "refuted at the beta given", "inconclusive"])
def test_json_holds_the_certificate_that_is_written(kind: str, tmp_path: Path) -> None:
    code, verdict, arguments = KINDS[kind]
    outcome = invoke("certify", *arguments, "--out", tmp_path, "--json")
    assert (outcome.code, outcome.err) == (code, "")
    printed = json.loads(outcome.out)
    written = Path(printed["files"]["certificate"]).read_bytes()
    assert canonical_bytes(printed["certificate"]) == written
    assert (printed["sha256"], printed["verdict"]) == (sha256(written), verdict)
    assert printed["claim"] == printed["certificate"]["statement"]["claim"]
    weights = Path(printed["files"]["weights"]).read_bytes()
    assert sha256(weights) == printed["certificate"]["network"]["weights"]["sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "proved, summarized"])
def test_check_accepts_what_was_written(kind: str, written: Callable[[str], Written]) -> None:
    _, verdict, arguments = KINDS[kind]
    certificate = written(kind).certificate
    outcome = invoke("check", certificate, "--machine", arguments[0])
    assert (outcome.code, outcome.err) == ({"refuted": 1, "inconclusive": 3}.get(verdict, 0), "")
    assert outcome.out.startswith(f"valid: {verdict}\n")
    assert json.loads(certificate.read_bytes())["statement"]["claim"] in outcome.out
    # The machine is part of the claim.
    assert invoke("check", certificate, "--machine", "copy").code == 1
    if verdict != "refuted":
        wrong = invoke("check", certificate, "--theory", "ngram", "--machine", "increment")
        assert wrong.code == 1
        assert "is not the given theory" in wrong.err


def test_what_is_not_decided_in_time_is_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def undecided(*_: object, **__: object) -> None:
        raise Undecided("no answer in time")

    monkeypatch.setattr("exactformer.certificates.theory_certificate._prove_once", undecided)
    outcome = invoke("certify", *PROVED, "--out", tmp_path)
    assert outcome.code == 3
    assert "no answer in time" in outcome.err
    assert files_in(tmp_path) == []


def test_the_installed_command(tmp_path: Path) -> None:
    outcome = run_installed("certify", *PROVED, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("PROVED\n")
    (certificate,) = tmp_path.glob("*.certificate.json")
    outcome = run_installed("check", str(certificate), "--machine", "increment", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")


# ---------------------------------------------------------------------------- many machines


def sweep(out: Path, machines: int, *options: str) -> tuple[int, Any]:
    outcome = invoke(
        "sweep",
        *ALL,
        "--machines",
        str(machines),
        "--context",
        "16",
        "--workers",
        "1",
        "--out",
        out,
        "--json",
        *options,
    )
    assert outcome.err == ""
    return outcome.code, json.loads(outcome.out)


@pytest.mark.slow
def test_a_sweep_is_written_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    assert sweep(out, 2)[0] == 0
    before = out.read_text().splitlines()
    header = json.loads(before[0])
    assert (header["format"], header["context"]) == ("exactformer sweep for all inputs", "16")
    assert [json.loads(line)["index"] for line in before[1:]] == [0, 1]
    # As if it had been interrupted while it wrote the last line.
    out.write_text("\n".join(before[:2]) + "\n" + before[2][:20])
    code, summary = sweep(out, 3)
    lines = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    assert code == 0
    assert [line["index"] for line in lines] == list(range(3))
    assert json.dumps(lines[0]) == json.dumps(json.loads(before[1]))
    assert (summary["machines"], summary["verdicts"], summary["not_proved"]) == (3, {"proved": 3}, [])
    assert set(summary["milliseconds"]) == {"median", "most"}
    assert {line["verdict"] for line in lines} == {"proved"}


def test_a_sweep_of_another_context_is_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    assert sweep(out, 1)[0] == 0
    before = out.read_bytes()
    outcome = invoke("sweep", *ALL, "--machines", "1", "--context", "64", "--workers", "1", "--out", out)
    assert outcome.code == 2
    assert out.read_bytes() == before


def test_a_sweep_in_which_a_machine_is_not_proved_says_so(tmp_path: Path) -> None:
    code, summary = sweep(tmp_path / "sweep.jsonl", 1, "--arithmetic", "exact")
    assert code == 3
    assert summary["verdicts"] == {"inconclusive": 1}
    assert "the inequalities hold at no beta, even if no tokens tie" in summary["not_proved"][0]["reason"]
    outcome = invoke("sweep", *ALL, "--machines", "1", "--context", "16", "--workers", "1", "--arithmetic", "exact",
                     "--out", tmp_path / "sweep.jsonl")  # fmt: skip
    assert outcome.code == 3
    assert outcome.out.startswith("INCONCLUSIVE: 1 machine: 1 inconclusive\n")
