"""``exactformer export``: files, what is printed, exit codes; and that model.py runs on its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exactformer.certificates.command_line.outcome import ExitCode
from exactformer.certificates.document import sha256
from exactformer.certificates.export.templates.model import Decoder
from tests.command_line.invoking import files_in, invoke
from tests.export.running import Work, certified, named_sequences, on_disk

WORK = Work("increment", "1011")


@pytest.fixture
def certificate() -> Iterator[Path]:
    with on_disk(certified(WORK, "fused:fp16")) as path:
        yield path


@pytest.mark.parametrize(
    ("target", "files"),
    [
        ("torch", ["config.json", "model.py", "model.safetensors"]),
        ("onnx", ["increment.cot.29.fp16.beta32.head64.HASH.onnx"]),
        ("safetensors", ["increment.cot.29.fp16.beta32.head64.HASH.safetensors"]),
    ],
)
def test_files_and_report(target: str, files: list[str], certificate: Path, tmp_path: Path) -> None:
    outcome = invoke("export", certificate, "--to", target, "--out", tmp_path / "new")
    assert (outcome.code, outcome.err) == (0, "")
    written = files_in(tmp_path / "new")
    assert [re.sub(r"\.[0-9a-f]{12}\.", ".HASH.", name) for name in written] == files
    printed = " ".join(outcome.out.split())
    assert f"certificate sha256 {sha256(certificate.read_bytes())}" in printed
    for name in written:
        assert f"written {tmp_path / 'new' / name}" in printed


def test_the_exported_folder_runs_without_exactformer(certificate: Path, tmp_path: Path) -> None:
    assert invoke("export", certificate, "--to", "torch", "--out", tmp_path).code == 0
    text = (tmp_path / "model.py").read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "argparse", "json", "pathlib", "typing", "torch", "safetensors"}
    assert len(text.splitlines()) < 260
    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "model.py", "1011", "--attention", "eager"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"OMP_NUM_THREADS": "1"},
    )
    assert done.stderr == ""
    assert tuple(done.stdout.split("\n")[:-2]) == named_sequences(WORK)[0]


def test_a_folder_is_loaded_with_its_dtype_and_config(certificate: Path, tmp_path: Path) -> None:
    assert invoke("export", certificate, "--to", "torch", "--out", tmp_path).code == 0
    decoder = Decoder.load(tmp_path)
    assert str(decoder.lm_head.weight.dtype) == "torch.float16"
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["certificate_sha256"] == sha256(certificate.read_bytes())
    assert config["beta"] == "32"
    assert config["tokens"] == [decoder.vocabulary.name(row) for row in range(config["shape"]["vocabulary"])]
    with pytest.raises(ValueError, match="there is no token SIGMA\\(x\\)"):
        decoder.run("1x")


def test_in_another_format_no_way_to_run_goes_with_the_arithmetic(certificate: Path, tmp_path: Path) -> None:
    for options, said in (((), "sdpa"), (("--dtype", "fp32"), "the certificate is about fp16, not fp32")):
        outcome = invoke("export", certificate, "--to", "torch", "--out", tmp_path, "--force", *options)
        assert outcome.code == 0, outcome.err
        assert said in json.loads((tmp_path / "config.json").read_text())["runtimes"]


REFUSED = {
    "another beta": (("--beta", "16"), "the certificate is about beta 32; give --unproved"),
    "no power of two": (("--beta", "3", "--unproved"), "'3': give a power of two from 1 to"),
    "a larger context": (("--context", "30"), "about contexts of 29 tokens, not 30"),
    "a width that is not a power of 4": (("--head-width", "32"), "must be a power of 4"),
    "a beta that the format does not hold": (("--beta", str(1 << 60), "--unproved"), "fp16 does not hold the entry"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_bad_input_is_one_sentence_and_nothing_is_written(title: str, certificate: Path, tmp_path: Path) -> None:
    options, message = REFUSED[title]
    outcome = invoke("export", certificate, "--to", "safetensors", "--out", tmp_path / "new", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert message in outcome.err
    assert files_in(tmp_path) == []


def test_what_is_refuted_needs_a_flag_and_a_beta(tmp_path: Path) -> None:
    with on_disk(certified(Work("rewrite", "1" * 60), "rounded:bf16/bf16")) as path:
        arguments = ("export", path, "--to", "safetensors", "--out", tmp_path / "new")
        outcome = invoke(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert "certificate.json is refuted; give --unproved" in outcome.err
        assert "give one with --beta" in invoke(*arguments, "--unproved").err
        assert files_in(tmp_path) == []
        outcome = invoke(*arguments, "--unproved", "--beta", "128")
        assert outcome.code == 0
        assert "claimed      Nothing: the verdict of the certificate is refuted." in outcome.out


@pytest.mark.parametrize(
    ("arithmetic", "about"), [("exact", "real numbers"), ("fused:e4m3fn", "e4m3fn"), ("rounded:fixed12", "fixed12")]
)
def test_activations_that_no_runtime_has(arithmetic: str, about: str, tmp_path: Path) -> None:
    with on_disk(certified(Work("increment", "1"), arithmetic)) as path:
        arguments = ("export", path, "--to", "safetensors", "--out", tmp_path, "--unproved")
        outcome = invoke(*arguments)
        assert outcome.code == 2
        assert f"are {about}, which no runtime here has; choose bf16, fp16 or fp32 with --dtype" in outcome.err
        assert invoke(*arguments, "--dtype", "fp32", "--beta", "128").code == 0


def test_all_files_or_none(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the last of three files is written."""
    synced = os.fsync
    left = iter(range(2))

    def full(handle: int) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    outcome = invoke("export", certificate, "--to", "torch", "--out", tmp_path)
    assert (outcome.code, outcome.out) == (ExitCode.FAILED, "")
    assert f"cannot write to {tmp_path}: No space left on device; give another --out" in outcome.err
    assert files_in(tmp_path) == []


def test_an_export_that_is_there_and_differs_is_kept(certificate: Path, tmp_path: Path) -> None:
    arguments = ("export", certificate, "--to", "torch", "--out", tmp_path)
    first = invoke(*arguments)
    assert invoke(*arguments) == first
    config = (tmp_path / "config.json").read_bytes()
    other = invoke(*arguments, "--dtype", "fp32")
    assert (other.code, other.out) == (2, "")
    assert "model.safetensors exists and is kept: its content differs" in other.err
    assert (tmp_path / "config.json").read_bytes() == config
    assert invoke(*arguments, "--dtype", "fp32", "--force").code == 0
    assert (tmp_path / "config.json").read_bytes() != config


def test_an_out_that_is_a_file(certificate: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = invoke("export", certificate, "--to", "torch", "--out", tmp_path / "file" / "new")
    assert outcome.code == 2
    assert "cannot write to" in outcome.err
