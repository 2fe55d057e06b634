"""``exactformer run`` and ``exactformer machines``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.text import write_machine
from tests.command_line.invoking import invoke
from tests.machine_table import CASES, Case


def test_a_run_is_shown_step_by_step() -> None:
    outcome = invoke("run", "rewrite", "11", "--context", "16")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "rewrite on '11': 3 steps, output '11', 11 tokens",
        "context of 16 tokens, positions of r = 4 bits; network of 18 layers, d = 123",
        "Every token after the prompt is the unique best next token of the hardmax transformer (checked in one pass).",
        "",
        "INP SIGMA(1) SIGMA(1) EINP",
        "step    1  RUN(sweep 1 1 R S)",
        "step    2  RUN(sweep 1 _ R S)",
        "step    3  RUN(done _ _ S S)",
        "OUTP SIGMA(1) SIGMA(1) EOUTP",
        "",
        "what the tokens mean",
        "INP .. EINP    the input; SIGMA(a) is its symbol a",
        "RUN(..)        one step: the state entered, the symbol written on each of the 2 tapes, the move L, S or R on "
        "it",
        "OUTP .. EOUTP  the output; SIGMA(a) is its symbol a",
    ]


@pytest.mark.parametrize("case", CASES[::6], ids=str)
@pytest.mark.parametrize("how", [(), ("--decode",)], ids=["checked", "decoded"])
def test_json_has_the_whole_run(case: Case, how: tuple[str, ...]) -> None:
    outcome = invoke("run", case.name, case.word, "--json", *how)
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    run = trace(case.machine, case.word)
    assert (shown["machine"], shown["input"], shown["output"]) == (case.name, case.word, case.output)
    (segment,) = shown["segments"]
    tokens, prompt = segment["tokens"], segment["prompt"]
    assert (shown["paradigm"], shown["cells"]) == ("cot", run.cells)
    assert shown["steps"] == run.steps == sum(token[0] == "RUN" for token in tokens)
    assert tokens[prompt - 1] == ["EINP"]
    assert len(tokens) <= int(shown["context"]) <= 2 ** shown["position_bits"]
    output = [token for token in tokens[prompt:] if token[0] == "SIGMA"]
    assert output == [["SIGMA", symbol] for symbol in case.output]


def test_a_run_that_is_decoded_says_so() -> None:
    assert "decoded greedily, token by token" in invoke("run", "increment", "1", "--decode").out


def test_the_library_is_listed_with_one_line_each() -> None:
    outcome = invoke("machines")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(LIBRARY)
    assert all(entry.description in outcome.out for entry in LIBRARY.values())


def test_the_library_as_json() -> None:
    listed = json.loads(invoke("machines", "--json").out)
    assert {entry["name"]: (entry["description"], tuple(entry["examples"])) for entry in listed} == {
        entry.name: (entry.description, entry.examples) for entry in LIBRARY.values()
    }


@pytest.mark.parametrize("name", LIBRARY)
def test_a_machine_is_printed_as_it_is_written(name: str) -> None:
    outcome = invoke("machines", name)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == LIBRARY[name].path.read_text(encoding="utf-8")


BUSY = "1RB1LB_1LA1RZ"


def test_a_machine_of_a_file_is_printed_as_certificates_hold_it(tmp_path: Path) -> None:
    """A file with a machine, or with a busy beaver text; what is printed reads back to the same machine."""
    mine, beaver, again = tmp_path / "mine.yaml", tmp_path / "beaver.txt", tmp_path / "again.yaml"
    mine.write_text("# mine\n" + LIBRARY["increment"].path.read_text(encoding="utf-8"), encoding="utf-8")
    beaver.write_text(BUSY + "\n", encoding="utf-8")
    for file, machine in ((mine, load_machine("increment")), (beaver, load_machine(BUSY))):
        outcome = invoke("machines", file)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == write_machine(machine)
        again.write_text(outcome.out, encoding="utf-8")
        assert load_machine(str(again)) == machine
    assert invoke("machines", beaver).out == invoke("machines", BUSY).out


def test_what_is_no_machine_is_refused_by_machines(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: [", encoding="utf-8")
    for machine, says in (
        (str(file), "mine.yaml:1"),
        ("1RB1LB_1LA1RQ", "1RB1LB_1LA1RQ:1:"),
        ("no", "busy beaver text"),
    ):
        outcome = invoke("machines", machine)
        assert (outcome.code, outcome.out) == (2, "")
        (line,) = outcome.err.splitlines()
        assert says in line


def test_a_folded_machine_says_how_its_tape_is_folded() -> None:
    assert "The tape is folded at square 0" in invoke("run", BUSY, "").out
    assert "folded" not in invoke("run", "increment", "1").out
