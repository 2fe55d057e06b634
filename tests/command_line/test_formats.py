"""Machines of other tools on the command line: converted, validated, run, certified and checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exactformer.constructions.machines.formats import TITLES
from exactformer.constructions.machines.library import load, load_machine
from exactformer.constructions.machines.text import read_machine, write_machine
from tests.command_line.invoking import files_in, invoke
from tests.machines.formats.example_files import BY_NAME, EXAMPLES, FILES, Example

pytestmark = pytest.mark.usefixtures("walked_once")

CERTIFIED = ("increment.yaml", "palindrome.txt", "twice.jff", "parity.py", "across.md")
"""One of each format."""


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_file_is_converted_to_what_is_compiled(example: Example, tmp_path: Path) -> None:
    converted = invoke("convert", example.path)
    assert (converted.code, converted.err) == (0, "")
    assert read_machine(converted.out) == load_machine(example.path)
    assert converted.out.splitlines()[0].startswith(f"# Read as {TITLES[example.format]}: ")
    (tmp_path / "converted.yaml").write_text(converted.out, encoding="utf-8")
    for word, _, _ in example.runs[:1]:
        normal = load(example.path).normal
        ran = invoke("run", example.path, word)
        again = invoke("run", tmp_path / "converted.yaml", normal.typed(word) if normal else word)
        assert (ran.code, again.code, ran.err) == (0, 0, "")
        tokens = [[line for line in outcome.out.splitlines() if line.startswith("step")] for outcome in (ran, again)]
        assert tokens[0] == tokens[1] != []


@pytest.mark.parametrize("name", CERTIFIED)
def test_a_file_is_certified_and_checked(name: str, tmp_path: Path) -> None:
    made = invoke("certify", FILES / name, "--all-inputs", "--context", "32", "--out", tmp_path)
    assert (made.code, made.err) == (0, "")
    normal = load(FILES / name).normal
    said = "folded at the square where the input begins"
    assert (said in made.out) == (normal is not None)
    (certificate,) = tmp_path.glob("*.certificate.json")
    checked = invoke("check", certificate, "--machine", FILES / name)
    assert (checked.code, checked.err) == (0, "")
    assert f"machine: {FILES / name}, folded onto a one-way tape" in checked.out
    assert (said in checked.out) == (normal is not None)
    (tmp_path / "normal.yaml").write_text(invoke("convert", FILES / name).out, encoding="utf-8")
    assert invoke("check", certificate, "--machine", tmp_path / "normal.yaml").code == 0
    other = next(each for each in CERTIFIED if each != name)
    assert invoke("check", certificate, "--machine", FILES / other).code == 1


def test_a_run_says_how_the_machine_ends() -> None:
    expected = {
        (
            "increment.yaml",
            "11",
        ): "'increment' stops after 6 steps in state 'done'; on its tape, squares -1..1 hold '100', "
        "all others are blank",
        ("anbn.jff", "aab"): "'anbn' rejects after 7 steps in state 'q1', where there is no transition; on its tape, "
        "squares 0..2 hold 'xxy', all others are blank",
        (
            "twice.jff",
            "a#a",
        ): "'twice' accepts after 6 steps in state 'equal'; on its first tape, squares 0..2 hold 'a#a'",
        (
            "zeros-ones.json",
            "",
        ): "'zeros-ones' rejects after 0 steps in state 'q0', where there is no transition; on its "
        "tape, every square is blank",
    }
    for (name, word), said in expected.items():
        assert said in invoke("run", FILES / name, word).out


def test_words_are_typed_in_symbols_of_the_machine(tmp_path: Path) -> None:
    """Quotes and brackets have other names in the normal form, and so has a blank inside a word."""
    file = FILES / "exported.yaml"
    ran = invoke("run", file, "a'[b")
    assert ran.out.startswith("folded-swap_a_and_b on 'acdb': 6 steps")
    assert 'squares 0..3 hold "b[\'a", all others are blank' in ran.out
    assert invoke("run", file, "acdb").out == ran.out
    assert "on '1d1'" in invoke("run", FILES / "increment.yaml", "1 1").out
    said = json.loads(invoke("certify", file, "--input", "[", "--json", "--out", tmp_path).out)
    assert [run["input"] for run in said["certificate"]["runs"]] == ["d"]


def test_certify_says_it_in_json_too(tmp_path: Path) -> None:
    file = FILES / "increment.yaml"
    said = json.loads(invoke("certify", file, "--input", "1", "--json", "--out", tmp_path).out)
    assert said["normal_form"][0] == "Read as the YAML of turingmachine.io: 'increment'."
    ours = json.loads(invoke("certify", "increment", "--input", "1", "--json", "--out", tmp_path).out)
    assert "normal_form" not in ours


# ---------------------------------------------------------------------------- convert


def test_convert_writes_a_file_and_replaces_none(tmp_path: Path) -> None:
    file, out = FILES / "increment.yaml", tmp_path / "new" / "increment.jff"
    made = invoke("convert", file, "--to", "jflap", "--out", out)
    assert (made.code, made.out, made.err) == (0, f"written: {out}\n", "")
    text = out.read_text(encoding="utf-8")
    assert text == invoke("convert", file, "--to", "jflap").out
    assert invoke("convert", file, "--to", "jflap", "--out", out).code == 0  # it says the same
    kept = invoke("convert", file, "--to", "morphett", "--out", out)
    assert kept.code == 2
    assert "exists and is kept" in kept.err
    assert out.read_text(encoding="utf-8") == text
    assert invoke("convert", file, "--to", "morphett", "--out", out, "--force").code == 0
    assert out.read_text(encoding="utf-8").startswith("; 'increment'")
    assert files_in(tmp_path) == ["new", "new/increment.jff"]


def test_convert_says_what_it_had_to_change() -> None:
    made = invoke("convert", "increment", "--to", "morphett")
    assert made.code == 0
    assert made.err == (
        "The first step marks cell 0 of each tape, because the tapes of this format have no end.\n"
        "Renamed symbols: '^0' = f, '^1' = g.\n"
    )
    refused = invoke("convert", "binary-addition", "--to", "morphett")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "Error: Morphett's simulator has one tape: binary-addition has 2.\n"


def test_our_machines_are_converted_to_their_canonical_text() -> None:
    assert invoke("convert", "increment").out == write_machine(load_machine("increment"))
    assert invoke("convert", "1RB1LB_1LA1RZ", "--to", "busy-beaver").out == ",0,1\nA,1RB,1LB\nB,1LA,1RZ\n"


@pytest.mark.parametrize("command", [("convert",), ("validate",), ("machines",), ("run", "1"), ("audit",)])
def test_what_is_wrong_is_said_with_its_place(command: tuple[str, ...], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jff"
    wrong.write_text((FILES / "anbn.jff").read_text(encoding="utf-8").replace("<move>R<", "<move>X<", 1))
    refused = invoke(command[0], wrong, *command[1:])
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == f"Error: {wrong}:38:4: the move is 'X': use L, R, or S to stay.\n"


def test_check_says_it_too(tmp_path: Path) -> None:
    invoke("certify", FILES / "anbn.jff", "--input", "ab", "--out", tmp_path)
    (certificate,) = tmp_path.glob("*.certificate.json")
    wrong = tmp_path / "wrong.jff"
    wrong.write_text((FILES / "anbn.jff").read_text(encoding="utf-8").replace("<move>R<", "<move>X<", 1))
    refused = invoke("check", certificate, "--machine", wrong)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"Error: {wrong}:38:4: ")


# ---------------------------------------------------------------------------- validate


def validated(machine: str | Path) -> dict[str, object]:
    outcome = invoke("validate", machine, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    said: dict[str, object] = json.loads(outcome.out)
    return said


def test_a_complete_machine() -> None:
    said = validated(FILES / "increment.yaml")
    assert (said["reached"], said["missing"], said["halting"]) == (["right", "carry", "done"], [], {"done": "halts"})
    printed = invoke("validate", FILES / "increment.yaml").out
    assert "increment, read as the YAML of turingmachine.io, is well formed: 1 tape, 3 states, 3 symbols" in printed
    assert "There is a transition for every situation that a run can reach." in printed
    assert "Transitions lead to done (halts); whether a run gets there is not decided here." in printed


def test_an_incomplete_machine() -> None:
    said = validated(FILES / "twice.jff")
    assert said["missing_in_all"] == 7
    assert {"state": "copy", "read": ["a", "a"]} in said["missing"]  # type: ignore[operator]
    printed = invoke("validate", FILES / "twice.jff").out
    assert "7 situations have no transition: copy on " in printed
    assert "one that does stops there and rejects." in printed
    assert "equal (accepts), short (accepts)" in printed
    assert "one that does is stuck." in invoke("validate", "increment").out


def test_a_machine_that_never_halts(tmp_path: Path) -> None:
    file = tmp_path / "never.txt"
    file.write_text("0 * * r 1\n1 * 1 l 0\nfar 1 1 r halt\n")
    printed = invoke("validate", file).out
    assert "No run reaches far halt; transitions lead to all other states." in printed
    assert "No run halts: no transition that a run can take leads to a halting state." in printed
    file.write_text("0 * * r 1\n1 _ 1 l 0\n")
    assert "No halting state is reached; a run stops only where there is no transition." in invoke("validate", file).out


def test_a_machine_that_is_too_large_to_fold_is_validated_and_converted_to_other_formats(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(invoke("convert", "binary-multiplication", "--to", "automata-lib").out)
    assert (
        "It cannot be compiled.  The folding of binary-multiplication has 2212056 rows" in invoke("validate", file).out
    )
    assert invoke("convert", file, "--to", "jflap").code == 0
    refused = invoke("convert", file)
    assert refused.code == 2
    assert refused.err.startswith(
        "Error: The folding of binary-multiplication has 2212056 rows, because it has 3 tape(s)"
    )


def test_every_example_is_validated() -> None:
    for example in BY_NAME.values():
        assert validated(example.path)["format"] == example.format
