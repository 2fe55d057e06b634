"""Bad input ends with one line on stderr and an exit code: no traceback, no output, no file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line.invoking import files_in, invoke, run_installed

HOLE = """\
name: hole
tapes: 1
states: [a, b]
halting: b
alphabet: ["_", "1"]
input: ["1"]
transitions:
  - "a 1 -> b _ R"
"""
FOREVER = HOLE.replace("name: hole", "name: forever").replace("-> b _ R", "-> a 1 S")
UNKNOWN_SYMBOL = HOLE.replace("-> b _ R", "-> b x R")
STUCK = HOLE.replace("name: hole", "name: stuck").replace("[a, b]", "[start, a, b]")


@dataclass(frozen=True)
class Bad:
    """A command line, {folder} standing for a folder with the machines above, and what its one line must say."""

    title: str
    arguments: str
    says: tuple[str, ...]
    code: int = 2

    def __str__(self) -> str:
        return self.title


BAD = (
    Bad("unknown machine, close to one", "certify incremen --input 1", ("'incremen'", "did you mean increment")),
    Bad("unknown machine, close to none", "certify qqqq --input 1", ("'qqqq'", "the library has", "rewrite")),
    Bad("unknown machine to run", "run incremen 1", ("'incremen'", "did you mean increment")),
    Bad("unknown machine to print", "machines incremen", ("'incremen'", "did you mean increment")),
    Bad("machine file is not YAML", "certify {folder}/not.yaml --input 1", ("not.yaml:2:1:", "not YAML")),
    Bad("machine file is empty", "certify {folder}/empty.yaml --input 1", ("empty.yaml:1:1", "the text is empty")),
    Bad("machine file is not text", "certify {folder}/bytes.yaml --input 1", ("bytes.yaml", "not UTF-8")),
    Bad("machine file is a folder", "certify {folder} --input 1", ("neither a machine of the library nor a file",)),
    Bad(
        "symbol not in the alphabet of the file",
        "certify {folder}/symbol.yaml --input 1",
        ("symbol.yaml:8:", "unknown symbol 'x'", "use _ 1"),
    ),
    Bad("malformed machine to run", "run {folder}/symbol.yaml 1", ("symbol.yaml:8:", "unknown symbol 'x'")),
    Bad("symbol of the word not in the alphabet", "certify increment --input 1 --input 121", ("'121'", "'2'", "0 1")),
    Bad("symbol of the word not in the alphabet, run", "run increment 12", ("'12'", "'2'", "0 1")),
    Bad("context too small", "certify increment --input 1 --context 10", ("11 tokens", "--context 11 or more")),
    Bad("context too small, run", "run increment 1 --context 10", ("11 tokens", "--context 11 or more")),
    Bad("neither inputs nor all", "certify increment", ("--input", "--all-inputs")),
    Bad("inputs and all", "certify increment --all-inputs --context 16 --input 1", ("leave out --input",)),
    Bad("all inputs of no context", "certify increment --all-inputs", ("--context N",)),
    Bad(
        "all inputs of a machine without a first step",
        "certify {folder}/stuck.yaml --all-inputs --context 16",
        ("stuck has no row for its initial state 'start'", "give that state a row"),
    ),
    Bad(
        "space without summaries",
        "certify increment --all-inputs --context 16 --space 3",
        ("--space needs --paradigm scot",),
    ),
    Bad(
        "a space whose segments do not fit",
        "certify increment --all-inputs --paradigm scot --context 16 --space 9",
        ("a run in 9 cells has segments of up to",),
    ),
    Bad(
        "an assumption about given inputs",
        "certify increment --input 1 --assume-writes-per-cell 3",
        ("--assume-writes-per-cell needs --all-inputs",),
    ),
    Bad(
        "an assumption that says nothing",
        "certify increment --all-inputs --context 16 --assume-writes-per-cell 16",
        ("from 1 to 15",),
    ),
    Bad("a context that is not a number", "certify increment --all-inputs --context 2^x", ("like 1000 or 2^20",)),
    Bad(
        "a context of nothing",
        "certify increment --all-inputs --context 0",
        ("'0': give a number of tokens from 1 to 2^64",),
    ),
    Bad(
        "2^65 tokens for all inputs",
        "certify increment --all-inputs --context 2^65",
        ("from 1 to 2^64",),
    ),
    Bad(
        "too many tokens for all inputs",
        "certify increment --all-inputs --context 18446744073709551617",
        ("from 1 to 2^64",),
    ),
    Bad(
        "beta too large for all inputs",
        f"certify increment --all-inputs --context 16 --beta {2**80} --arithmetic fused:fp16",
        ("is too large",),
    ),
    Bad("no halt", "certify {folder}/forever.yaml --input 1 --max-steps 50", ("not halted after 50 steps",)),
    Bad("no halt, run", "run {folder}/forever.yaml 1 --max-steps 50", ("not halted after 50 steps",)),
    Bad("too few steps", "certify increment --input 1011 --max-steps 3", ("not halted after 3 steps",)),
    Bad("blank inside the output", "certify {folder}/hole.yaml --input 11", ("cell 0", "blank inside the output")),
    Bad("missing transition", "certify binary-addition --input 1+", ("After 3 steps", "'seek'", "no transition")),
    Bad("unknown format", "certify increment --input 1 --arithmetic fused:fp64", ("'fused:fp64'", "'fp64'", "bf16")),
    Bad("unknown model", "certify increment --input 1 --arithmetic bf16", ("'bf16'", "exact, rounded:W/A")),
    Bad("beta not a power of two", "certify increment --input 1 --beta 96", ("'96'", "a power of two")),
    Bad("beta zero", "certify increment --input 1 --beta 0", ("'0'", "a power of two")),
    Bad("beta negative", "certify increment --input 1 --beta -2", ("'-2'", "a power of two")),
    Bad("beta not a number", "certify increment --input 1 --beta big", ("'big'", "give auto")),
    Bad("beta too large", f"certify increment --input 1 --beta {2**126}", ("beta = 2^126 is too large",)),
    Bad("duplicate input", "certify increment --input 1 --input 0 --input 1", ("'1' is given twice",)),
    Bad("unwritable folder", "certify increment --input 1 --out {folder}/hole.yaml/sub", ("cannot write to", "--out")),
    Bad(
        "scores not exact in their format",
        "certify increment --input 1 --arithmetic fused:bf16@fixed1.3",
        ("scores up to 15 are not exact in fixed1.3",),
        code=4,
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    machines = tmp_path / "machines"
    machines.mkdir()
    (machines / "hole.yaml").write_text(HOLE)
    (machines / "forever.yaml").write_text(FOREVER)
    (machines / "stuck.yaml").write_text(STUCK)
    (machines / "symbol.yaml").write_text(UNKNOWN_SYMBOL)
    (machines / "not.yaml").write_text("name: [\n")
    (machines / "empty.yaml").write_text("")
    (machines / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    return machines


def call(bad: Bad, folder: Path) -> list[str]:
    arguments = [part.format(folder=folder) for part in bad.arguments.split()]
    if arguments[0] == "certify" and "--out" not in arguments:
        arguments += ["--out", str(folder / "out")]
    return arguments


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused_in_one_line(bad: Bad, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    before = files_in(folder)
    outcome = invoke(*call(bad, folder))
    assert outcome.code == bad.code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.endswith("\n")
    assert outcome.err.count("\n") == 1
    for words in bad.says:
        assert words in outcome.err
    assert files_in(folder) == before


@pytest.mark.parametrize("title", ["unknown machine, close to one", "scores not exact in their format"])
def test_the_installed_command_refuses_alike(title: str, folder: Path) -> None:
    bad = next(bad for bad in BAD if bad.title == title)
    here = invoke(*call(bad, folder))
    installed = run_installed(*call(bad, folder), cwd=folder)
    assert installed == here
    assert "Traceback" not in installed.err


USAGE: dict[str, tuple[str, str]] = {
    "context zero": ("certify increment --input 1 --context 0", "'--context': '0': give a number of tokens"),
    "no steps": (
        "certify increment --input 1 --max-steps 0",
        "'--max-steps': '0': give a number of steps from 1 to 2^64",
    ),
    "context not a number": ("certify increment --input 1 --context N", "'--context': 'N': give a number of tokens"),
    "unknown option": ("certify increment --input 1 --alpha 2", "No such option"),
    "unknown command": ("certfy increment", "No such command 'certfy'"),
    "no machine": ("run", "Missing argument 'MACHINE'"),
    "check against no machine": (
        "check some.certificate.json --machine nonsense",
        "'nonsense' is neither a machine of the library nor a file",
    ),
    "a context that no run fits": (
        "certify increment --all-inputs --context 4",
        "no token sequence has fewer than 5 tokens",
    ),
    "tokens of given inputs": ("certify increment --input 1 --claim tokens", "--claim tokens needs --all-inputs"),
    "audit of formats and arithmetics": (
        "audit increment --arithmetic fused:bf16 --models fused",
        "--arithmetic replaces --formats and --models",
    ),
    "the folder to write to is a file": (
        "certify increment --input 1 --out {folder}/hole.yaml",
        "hole.yaml' is a file",
    ),
}


@pytest.mark.parametrize("title", USAGE)
def test_wrong_usage_is_one_sentence_and_exit_code_2(title: str, folder: Path) -> None:
    arguments, says = USAGE[title]
    before = files_in(folder)
    outcome = invoke(*arguments.format(folder=folder).split())
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("Error: ")
    assert says in line
    assert files_in(folder) == before


TOO_LONG = {
    "certify {long} --input 1": "is neither a machine of the library nor a file",
    "run {long} 1": "is neither a machine of the library nor a file",
    "machines {long}": "is neither a machine of the library nor a file",
    "audit {long}": "is neither a machine of the library nor a file",
    "counterexample --context 16 --machine {long}": "is neither a machine of the library nor a file",
    "check some.certificate.json --machine {long}": "is neither a machine of the library nor a file",
    "certify increment --input 1 --out {long}": "File name too long; give another --out",
    "export {long} --to torch": "File name too long",
    "audit increment --context 16 --plot {long}.svg": "File name too long; give another --plot",
    "compare --context 4 --plot {long}.svg": "File name too long; give another --plot",
    "sweep --machines 1 --out {long}": "File name too long; give another --out",
    "approximate --function {long}.py:f --n 2 --epsilon 1": "there is no file",
    "approximate --function sort --n 2 --epsilon 1 --out {long}": "File name too long; give another --out",
}


@pytest.mark.parametrize("arguments", TOO_LONG)
def test_what_is_too_long_for_the_name_of_a_file_is_refused(arguments: str) -> None:
    outcome = invoke(*arguments.format(long="x" * 300).split())
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert TOO_LONG[arguments] in line


def test_a_certificate_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Also where the command looks up the theory before it asks the checker; nobody writes to the pipe."""
    pipe = tmp_path / "certificate.json"
    os.mkfifo(pipe)
    outcome = run_installed("check", str(pipe), "--machine", "copy")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"certificate '{pipe}' is not a file\n"
