"""What `exactformer approximate` writes, and when it writes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from exactformer.certificates import approximation_limits
from exactformer.verify.contextual import theorem
from exactformer.verify.contextual.lemma6 import Fails
from tests.certificates.approximations import functions_file
from tests.command_line.invoking import files_in, invoke

SORT = ("approximate", "--function", "sort", "--n", "2", "--dim", "1", "--epsilon", "1/4")
POLYNOMIAL = ("approximate", "--function", "polynomial", "--n", "2", "--epsilon", "1", "--p", "1")


def test_certificate_and_network_are_written(tmp_path: Path) -> None:
    outcome = invoke(*SORT, "--out", tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    path = tmp_path / "sort.approximation.n2.d1.epsilon1over4.p2.delta1over4.positional.certificate.json"
    certificate = json.loads(path.read_bytes())
    network = tmp_path / certificate["network"]["file"]
    assert files_in(tmp_path) == sorted([path.name, network.name])
    assert hashlib.sha256(network.read_bytes()).hexdigest() == certificate["network"]["sha256"]
    assert outcome.out.endswith(f"certificate  {path}\nnetwork      {network}\n{certificate['statement']['claim']}\n")


def test_without_a_folder_they_are_written_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(*POLYNOMIAL).code == 0
    assert "polynomial.approximation.n2.d1.epsilon1.p1.delta1over5.certificate.json" in files_in(tmp_path)
    assert len(files_in(tmp_path)) == 2


def test_json_has_the_certificate_and_where_it_is(tmp_path: Path) -> None:
    outcome = invoke(*POLYNOMIAL, "--out", tmp_path, "--json")
    printed = json.loads(outcome.out)
    written = Path(printed["files"]["certificate"]).read_bytes()
    assert printed["verdict"] == "proved"
    assert printed["certificate"] == json.loads(written)
    assert printed["sha256"] == hashlib.sha256(written).hexdigest()
    assert printed["claim"] == printed["certificate"]["statement"]["claim"]
    assert Path(printed["files"]["network"]).exists()
    assert {one["lemma"] for one in printed["evidence"]} == {"Lemma 5", "Lemma 6", "Lemma 7"}
    assert "standard_form" not in printed


def test_json_with_the_standard_form(tmp_path: Path) -> None:
    """The certificate is about the network with hardmax all the same."""
    printed = json.loads(invoke(*SORT, "--out", tmp_path, "--json", "--standard-form").out)
    assert printed["standard_form"][0].startswith("standard form: lambda = ")
    assert "the modified transformer" in printed["claim"]


def test_what_is_left_open_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theorem, "MOST_STEPS", 3)
    outcome = invoke(*SORT, "--out", tmp_path)
    assert outcome.code == 3
    assert "no certificate is written: not all lemmas are proved" in outcome.out
    printed = json.loads(invoke(*SORT, "--out", tmp_path, "--json").out)
    assert (printed["verdict"], printed["certificate"]) == ("inconclusive", None)
    assert files_in(tmp_path) == []


def test_a_refuted_lemma_leaves_the_bounds_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lemmas are enough for the bounds, and perhaps more than is needed."""
    monkeypatch.setattr(theorem, "check_lemma5", lambda grid: Fails(grid, 1, "two cells, one column"))
    outcome = invoke(*SORT, "--out", tmp_path)
    assert outcome.code == 3
    assert outcome.out.startswith("INCONCLUSIVE")
    assert "Lemma 5 refuted: two cells, one column" in outcome.out
    assert files_in(tmp_path) == []


def test_what_is_too_large_is_proved_but_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asked for a file: exit code 0; with --out: 4."""
    monkeypatch.setattr(approximation_limits, "MOST_LAYERS", 51)
    monkeypatch.chdir(tmp_path)
    why = "the network has 52 layers; certificates are checked up to 51"
    unasked, asked = invoke(*SORT), invoke(*SORT, "--out", tmp_path)
    assert (unasked.code, unasked.err) == (0, "")
    assert unasked.out.endswith(f"no certificate is written: {why}\n")
    assert (asked.code, asked.err) == (4, f"Error: nothing is written to {tmp_path}: {why}\n")
    assert asked.out == unasked.out
    assert files_in(tmp_path) == []


BAD = {
    "delta is not 1/integer": ((*SORT, "--delta", "2/5"), "delta = 2/5 is not 1/integer"),
    "n is too large for delta": ((*SORT, "--delta", "1/3"), "n = 2 is too large for delta = 1/3"),
    "epsilon is 0": ((*SORT[:-1], "0"), "epsilon = 0: give a positive number"),
    "epsilon is negative": ((*SORT[:-1], "-1"), "epsilon = -1: give a positive number"),
    "epsilon has an exponent": (
        (*SORT[:-1], "1e-99999999"),
        "'--epsilon': '1e-99999999': give a number like 1/4, 0.25 or 1/2^4",
    ),
    "epsilon is too long": ((*SORT[:-1], "0." + "1" * 59), "give a number like 1/4, 0.25 or 1/2^4"),
    "p is too large": ((*SORT, "--p", "65"), "--p 65: give at most 64"),
    "the modulus is violated": (("{mine}:spread",), "does not have the modulus spread_modulus"),
    "the modulus raises": (("{mine}:broken",), "broken_modulus raises ZeroDivisionError: division by zero"),
    "the function ends the process": (("{mine}:leaving",), "leaving raises SystemExit: 0"),
    "the modulus is a float": (("{mine}:floating",), "the modulus floating_modulus must give exact numbers"),
    "the modulus is a word": (("{mine}:worded",), "the modulus worded_modulus must give exact numbers"),
    "the modulus is negative": (("{mine}:falling",), "the modulus falling_modulus is negative at 1/8: -1/56"),
    "the modulus is violated between sampled points": (("{mine}:spike",), "does not have the modulus spike_modulus"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_specifications_write_nothing(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    path = functions_file(tmp_path)
    path.write_text(
        path.read_text() + "\ndef spread(columns):\n    return columns\n\nspread_modulus = lambda h: h / 2\n"
        "\ndef leaving(columns):\n    raise SystemExit(0)\n\nleaving_modulus = lambda h: h\n"
    )
    arguments, text = BAD[title]
    if arguments[0].startswith("{mine}"):
        arguments = (*POLYNOMIAL[:2], arguments[0].format(mine=path), *POLYNOMIAL[3:])
    outcome = invoke(*arguments, "--out", out)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")
    assert text in outcome.err
    assert outcome.err.count("\n") == 1
    assert files_in(tmp_path) == ["mine.py"]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = invoke(*SORT, "--out", tmp_path / "file" / "below")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: cannot write to ")
    assert files_in(tmp_path) == ["file"]
