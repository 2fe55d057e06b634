"""What commands do with files that are there, and folders that cannot be written to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.text import write_machine
from tests.certificates.test_names import LONG_TEXTS
from tests.command_line.invoking import files_in, invoke

pytestmark = pytest.mark.usefixtures("walked_once")

CERTIFY = ("certify", "increment", "--input", "1")
PROVE = ("certify", "increment", "--all-inputs", "--context", "5")
APPROXIMATE = ("approximate", "--function", "polynomial", "--n", "2", "--epsilon", "1", "--p", "1")
AUDIT = ("audit", "increment", "--context", "16", "--arithmetic", "fused:bf16")
COMPARE = ("compare", "--context", "4", "--dim", "1")
WRITING: dict[str, tuple[str, ...]] = {
    "given inputs": (*CERTIFY, "--out", "{folder}"),
    "all inputs": (*PROVE, "--out", "{folder}"),
    "a function": (*APPROXIMATE, "--out", "{folder}"),
    "an audit": (*AUDIT, "--plot", "{folder}/audit.svg"),
    "a comparison": (*COMPARE, "--plot", "{folder}/comparison.svg"),
}
WORK = (
    "exactformer.certificates.command_line.certify.Request.certified",
    "exactformer.certificates.command_line.certify.UniversalRequest.certified",
    "exactformer.certificates.command_line.approximate.certify",
    "exactformer.certificates.command_line.audit.Audit.of",
    "exactformer.certificates.command_line.compare.compare",
    "exactformer.certificates.command_line.sweep.sweep",
    "exactformer.certificates.command_line.sweep_all.sweep_all",
)
"""What each command does before it writes: the proof."""


def in_folder(title: str, folder: Path) -> list[str]:
    return [part.format(folder=folder) for part in WRITING[title]]


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is refused before the proof."""

    def begun(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    for name in WORK:
        monkeypatch.setattr(name, begun)


# ---------------------------------------------------------------------------- files that are there


@pytest.mark.parametrize("title", WRITING)
def test_a_file_that_is_the_same_stays_and_one_that_differs_is_kept_unless_forced(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The changed one is the last that is written: a certificate that says something else, a drawing."""
    for drawing in ("audit_plot.draw_audit", "comparison_plot.draw_comparison"):
        monkeypatch.setattr(f"exactformer.certificates.command_line.{drawing}", lambda *_: b"<svg/>")
    first = invoke(*in_folder(title, tmp_path))
    whole = contents(tmp_path)
    again = invoke(*in_folder(title, tmp_path))
    assert (first.code, again.code, again.err) == (0, 0, "")
    assert contents(tmp_path) == whole
    name = next((name for name in whole if "certificate" in name), min(whole))
    changed = whole[name].replace(b'"verdict":"', b'"verdict":"not ').replace(b"<svg", b"<svg ")
    (tmp_path / name).write_bytes(changed)
    outcome = invoke(*in_folder(title, tmp_path))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {tmp_path / name} exists and is kept: its ")
    assert outcome.err.count("\n") == 1
    assert contents(tmp_path) == whole | {name: changed}
    assert invoke(*in_folder(title, tmp_path), "--force").code == 0
    forced = contents(tmp_path)
    assert forced.keys() == whole.keys()
    assert forced[name] != changed


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("title", ["given inputs", "all inputs", "a function"])
def test_a_foreign_file_is_noticed_before_the_work(title: str, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as allowed:
        allowed.setattr("exactformer.certificates.files.Subject.certificate", "the name")
        (tmp_path / "the name").write_text("my notes")
        outcome = invoke(*in_folder(title, tmp_path))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        f"Error: {tmp_path / 'the name'} exists and is kept: it is not a certificate; "
        "give --force to replace it, or another --out\n"
    )
    assert contents(tmp_path) == {"the name": b"my notes"}


REQUESTS = (
    CERTIFY,
    (*CERTIFY, "--arithmetic", "rounded:bf16/bf16"),
    (*CERTIFY, "--beta", "1"),
    (*CERTIFY, "--paradigm", "scot"),
    (*CERTIFY, "--input", "11"),
    PROVE,
    (*PROVE, "--beta", "1"),
)


def test_certificates_of_different_requests_lie_side_by_side(tmp_path: Path) -> None:
    """A refutation next to a proof, another arithmetic, context or paradigm: each has a file of its own, and its
    weights."""
    for request in REQUESTS:
        before = contents(tmp_path)
        outcome = invoke(*request, "--out", tmp_path)
        assert outcome.err == ""
        after = contents(tmp_path)
        assert before.items() <= after.items()
        assert len([name for name in after if "certificate" in name]) == 1 + len(
            [name for name in before if "certificate" in name]
        )
    for name, content in contents(tmp_path).items():
        if "certificate" in name:
            assert json.loads(content)["network"]["weights"]["file"] in after


@pytest.mark.parametrize("name", ["..", "CON", "машина", "a/b", "é" * 400, "x" * 5000])
def test_any_name_of_a_machine_gives_a_certificate_that_can_be_checked(name: str, tmp_path: Path) -> None:
    machine, out = tmp_path / "machine.yaml", tmp_path / "out"
    machine.write_text(write_machine(replace(LIBRARY["increment"].machine, name=name)), encoding="utf-8")
    made = invoke("certify", machine, "--input", "1", "--out", out, "--json")
    assert (made.code, made.err) == (0, "")
    certificate = json.loads(made.out)["files"]["certificate"]
    assert Path(certificate).parent == out
    assert files_in(tmp_path) == sorted(["machine.yaml", "out", *(f"out/{name}" for name in files_in(out))])
    assert invoke("check", certificate, "--machine", machine).code == 0


@pytest.mark.parametrize("text", LONG_TEXTS)
def test_a_busy_beaver_text_of_any_length_gives_a_certificate(text: str, tmp_path: Path) -> None:
    made = invoke("certify", text, "--input", "", "--out", tmp_path)
    assert (made.code, made.err) == (0, "")
    assert len(files_in(tmp_path)) == 2


# ---------------------------------------------------------------------------- folders


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("place", ["file/below", "/proc/below", "x" * 300])
@pytest.mark.parametrize("title", WRITING)
def test_a_folder_that_cannot_be_written_to_is_noticed_before_the_work(title: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = invoke(*in_folder(title, tmp_path / place))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: cannot write to ")
    assert outcome.err.count("\n") == 1
    assert files_in(tmp_path) == ["file"]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("options", [(), ("--all-inputs",)])
def test_a_sweep_that_cannot_be_written_is_noticed_before_the_work(options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = invoke("sweep", *options, "--machines", "1", "--out", tmp_path / "file" / "sweep.jsonl")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: cannot write to ")
    assert files_in(tmp_path) == ["file"]
