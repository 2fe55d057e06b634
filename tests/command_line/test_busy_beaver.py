"""Busy beaver texts on the command line: shown, run, certified from their space alone, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line.invoking import invoke

pytestmark = pytest.mark.usefixtures("walked_once")

BB2 = "1RB1LB_1LA1RZ"


def test_the_folded_machine_is_printed_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = invoke("machines", BB2)
    assert printed.code == 0
    (tmp_path / "folded.yaml").write_text(printed.out, encoding="utf-8")
    ran = invoke("run", BB2, "")
    assert invoke("run", "folded.yaml", "").out == ran.out
    assert "unfolded: squares -2..1 hold 1111, all others are blank" in ran.out


def test_certified_from_its_space_alone_and_checked(tmp_path: Path) -> None:
    made = invoke(
        "certify", BB2, "--all-inputs", "--paradigm", "scot", "--space", "3", "--json",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert made.code == 0
    said = json.loads(made.out)
    assert said["machine"] == "folded-1RB1LB_1LA1RZ"
    checked = invoke("check", said["files"]["certificate"], "--machine", BB2)
    assert checked.code == 0
    assert "folded onto a one-way tape" in checked.out
    assert "no run of folded-1RB1LB_1LA1RZ within 3 cells has a segment of more than" in checked.out
    other = invoke("check", said["files"]["certificate"], "--machine", "1RB1LB_1LA0RZ")
    assert other.code == 1


def test_space_is_refused_where_it_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = invoke("certify", BB2, "--all-inputs", "--space", "3")
    assert plain.code == 2
    assert "--paradigm scot" in plain.err
    tight = invoke("certify", BB2, "--all-inputs", "--paradigm", "scot", "--space", "9", "--context", "20")
    assert tight.code == 2
    assert "do not fit 20" in tight.err
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_text_names_the_place() -> None:
    refused = invoke("machines", "1RB1LB_1LA1RQ")
    assert refused.code == 2
    assert refused.err.startswith("Error: 1RB1LB_1LA1RQ:1:")
