"""The machine text format, the simulator and the token sequence."""

from __future__ import annotations

import pytest

from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.machine import (
    MachineError,
    Step,
    canonical_text,
    parse_machine,
    run_machine,
    segments,
    used_cells,
    vocabulary,
)
from exactformer.constructions.machines.library import machine_named
from exactformer.constructions.machines.text import write_machine
from tests.machine_table import CASES, Case

TEXT = """\
# Flips bits until the blank.

name: flip
tapes: 1
states: [go, "end"]
halting: end
alphabet: ["_", "0", "1"]
input: ["0", "1"]
transitions:
  - "go 0 -> go 1 R"
  # a comment
  - "go 1 -> go 0 R"
  - "go _ -> end _ L"
"""

CANONICAL = """\
name: "flip"
tapes: 1
states: ["go", "end"]
halting: "end"
alphabet: ["_", "0", "1"]
input: ["0", "1"]
transitions:
  - "go _ -> end _ L"
  - "go 0 -> go 1 R"
  - "go 1 -> go 0 R"
"""

REJECTED = [
    ("missing key", "halting: end\n", ""),
    ("duplicate key", "tapes: 1\n", "tapes: 1\ntapes: 1\n"),
    ("unknown key", "tapes: 1\n", "tapes: 1\nspeed: 1\n"),
    ("trailing comment", "tapes: 1\n", "tapes: 1 # one\n"),
    ("indented key", "tapes: 1\n", " tapes: 1\n"),
    ("no tapes", "tapes: 1\n", "tapes: 0\n"),
    ("tapes in words", "tapes: 1\n", "tapes: one\n"),
    ("tapes as a list", "tapes: 1\n", "tapes: [1]\n"),
    ("states not a list", 'states: [go, "end"]', "states: go"),
    ("list over two lines", "[go,", "[go,\n"),
    ("single quotes", '"end"', "'end'"),
    ("escape", '"end"', '"\\x65nd"'),
    ("anchor", "name: flip", "name: &flip"),
    ("duplicate state", '[go, "end"]', '[go, "end", go]'),
    ("halting state unknown", "halting: end", "halting: stop"),
    ("halting state initial", "halting: end", "halting: go"),
    ("empty name", "name: flip", 'name: ""'),
    ("arrow as a name", "name: flip", 'name: "->"'),
    ("name with a space", "name: flip", 'name: "a b"'),
    ("control character", "name: flip", 'name: "a\x1bb"'),
    ("line separator in a comment", "# a comment", "# a\u2028comment"),
    ("blank as input", 'input: ["0", "1"]', 'input: ["0", "_"]'),
    ("unknown input", 'input: ["0", "1"]', 'input: ["0", "2"]'),
    ("trailing comma", 'input: ["0", "1"]', 'input: ["0", "1",]'),
    ("row without quotes", '"go 1 -> go 0 R"', "go 1 -> go 0 R"),
    ("short row", '"go 1 -> go 0 R"', '"go 1 -> go 0"'),
    ("row without arrow", '"go 1 -> go 0 R"', '"go 1 = go 0 R"'),
    ("unknown symbol", '"go 1 -> go 0 R"', '"go 1 -> go 2 R"'),
    ("unknown state", '"go 1 -> go 0 R"', '"go 1 -> do 0 R"'),
    ("unknown move", '"go 1 -> go 0 R"', '"go 1 -> go 0 U"'),
    ("two rows for one situation", '"go 1 -> go 0 R"', '"go 0 -> go 0 R"'),
    ("row before its key", "name: flip", '- "go 1 -> go 0 R"\nname: flip'),
    ("no rows and no brackets", TEXT[TEXT.index("  - ") :], ""),
    ("rows after []", "transitions:\n", "transitions: []\n"),
    ("document mark", "name: flip", "---\nname: flip"),
]


def test_reads_and_writes_the_canonical_text() -> None:
    machine = parse_machine(TEXT)
    assert canonical_text(machine) == CANONICAL
    assert parse_machine(CANONICAL) == machine == parse_machine(TEXT.replace("\n", "\r\n"))
    assert (machine.name, machine.tapes, machine.states) == ("flip", 1, ("go", "end"))
    assert machine.rows["go", ("_",)] == ("end", ("_",), ("L",))


def test_quoted_names_may_hold_what_means_something_in_yaml() -> None:
    machine = parse_machine(TEXT.replace("name: flip", 'name: "[a,b]:#"'))
    assert machine.name == "[a,b]:#"
    listed = parse_machine(TEXT.replace('["_", "0", "1"]', '["_","0" , "1", ",", "]", "#", +]'))
    assert listed.alphabet == ("_", "0", "1", ",", "]", "#", "+")


def test_no_rows() -> None:
    text = TEXT[: TEXT.index("transitions:")] + "transitions: []\n"
    assert canonical_text(parse_machine(text)).endswith("\ntransitions: []\n")


@pytest.mark.parametrize(("old", "new"), [pytest.param(*case[1:], id=case[0]) for case in REJECTED])
def test_rejects(old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(MachineError):
        parse_machine(TEXT.replace(old, new))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_library_machines_read_write_and_run_alike(case: Case) -> None:
    named = machine_named(case.name)
    machine = parse_machine(named.path.read_text(encoding="utf-8"))
    assert canonical_text(machine) == write_machine(named.machine)
    steps, output = run_machine(machine, case.word, 100_000)
    assert output == case.output
    assert [step.state == machine.halting for step in steps] == [False] * (len(steps) - 1) + [True]


def test_run_and_tokens() -> None:
    machine = parse_machine(TEXT)
    steps, output = run_machine(machine, "01", 3)
    assert output == "10"
    assert [(step.state, *step.written, *step.moved, *step.cells) for step in steps] == [
        ("go", "1", "R", 1),
        ("go", "0", "R", 2),
        ("end", "_", "L", 1),
    ]
    block = [("POS", ()), ("BIT", ("-1",)), ("BIT", ("+1",)), ("EPOS", ())]  # cell 2, least significant bit first
    (segment,) = segments(machine, "01", steps, output, 2, "cot")
    assert (segment.prompt, segment.read, used_cells("01", steps)) == (4, 15, 3)
    assert segment.tokens == [
        ("INP", ()),
        ("SIGMA", ("0",)),
        ("SIGMA", ("1",)),
        ("EINP", ()),
        ("RUN", ("go", "1", "R")),
        ("RUN", ("go", "0", "R")),
        *block,
        ("RUN", ("end", "_", "L")),
        ("OUTP", ()),
        ("SIGMA", ("1",)),
        ("SIGMA", ("0",)),
        ("EOUTP", ()),
    ]


def test_summaries() -> None:
    """A segment is closed once the last run token stands at four times the index where its prompt ends."""
    machine = parse_machine(TEXT)
    steps, output = run_machine(machine, 9 * "1", 20)
    first, *others = segments(machine, 9 * "1", steps, output, 4, "scot")
    assert (first.prompt, len(first.tokens)) == (11, len(segments(machine, 9 * "1", steps, output, 4, "cot")[0].tokens))
    assert not others
    steps, output = run_machine(machine, "", 20)
    assert [part.prompt for part in segments(machine, "", steps, output, 4, "scot")] == [2]
    wide = parse_machine(TEXT.replace('"go _ -> end _ L"', '"go _ -> new _ L"').replace('"end"]', "new, end]"))
    wide = parse_machine(canonical_text(wide) + '  - "new 0 -> new 1 L"\n  - "new 1 -> end 1 R"\n')
    steps, output = run_machine(wide, "1", 20)  # 1 -> 0 -> 1, back in cell 0, halts in cell 1
    assert [step.cells[0] for step in steps] == [1, 0, 0, 1]
    first, second = segments(wide, "1", steps, output, 4, "cot") + segments(wide, "1", steps, output, 4, "scot")
    assert first == second  # index 6 < 4 * 2
    word = "11"
    steps, output = run_machine(machine, word, 20)
    assert len(segments(machine, word, steps, output, 4, "scot")) == 1


def test_a_summary_shows_every_used_cell_and_every_head() -> None:
    machine = parse_machine(TEXT.replace("go _ -> end _ L", "go _ -> go 0 R"))
    steps = [Step("go", ("0",), ("R",), (cell,)) for cell in range(1, 8)]
    first, second = segments(machine, "", steps, "", 4, "scot")
    cells = [("CELL", ("0", "0"))] * 3 + [("CELL", ("_", "1"))]  # the head is in cell 3, where nothing was written
    summary = [("SUMM", ()), *cells, ("STATE", ("go",)), ("ESUMM", ())]
    assert first.tokens == [("INP", ()), ("EINP", ()), *[("RUN", ("go", "0", "R"))] * 3, *summary]
    assert (first.prompt, first.read, second.prompt) == (2, len(first.tokens) - 1, len(summary))
    assert second.tokens[: second.prompt] == summary
    assert [token[0] for token in second.tokens[second.prompt :]] == ["RUN"] * 4 + ["POS"] + ["BIT"] * 4 + ["EPOS"]


def test_no_block_when_the_machine_has_just_halted() -> None:
    machine = parse_machine(TEXT)
    steps, output = run_machine(machine, "0", 2)
    families = [token[0] for token in segments(machine, "0", steps, output, 2, "cot")[0].tokens]
    assert families == ["INP", "SIGMA", "EINP", "RUN", "RUN", "OUTP", "SIGMA", "EOUTP"]


@pytest.mark.parametrize(
    ("text", "word", "message"),
    [
        pytest.param(TEXT, "2", "not in the input alphabet", id="foreign symbol"),
        pytest.param(TEXT.replace('  - "go 1 -> go 0 R"\n', ""), "1", "no row", id="no row"),
        pytest.param(TEXT.replace("go 0 -> go 1 R", "go 0 -> go _ R"), "01", "not a word", id="output with a blank"),
    ],
)
def test_runs_that_are_not_covered(text: str, word: str, message: str) -> None:
    with pytest.raises(MachineError, match=message):
        run_machine(parse_machine(text), word, 4)


def test_runs_that_are_too_long_are_not_judged() -> None:
    with pytest.raises(TooLarge, match="after 4 steps"):
        run_machine(parse_machine(TEXT), "0000", 4)


def test_left_in_cell_0_stays_and_trailing_blanks_go() -> None:
    machine = parse_machine(
        TEXT.replace("go 0 -> go 1 R", "go 0 -> go 1 L").replace("go 1 -> go 0 R", "go 1 -> end 1 S")
    )
    steps, output = run_machine(machine, "0", 9)
    assert ([step.cells for step in steps], output) == ([(0,), (0,)], "1")


def test_vocabulary() -> None:
    families = vocabulary(parse_machine(TEXT), "cot")
    assert list(families["RUN"].items()) == [
        ("state", ("go", "end")),
        ("written_1", ("_", "0", "1")),
        ("moved_1", ("L", "S", "R")),
    ]
    assert (families["SIGMA"], families["BIT"]) == ({"symbol": ("0", "1")}, {"bit_1": ("-1", "+1")})
    assert len(families) == 9
    more = vocabulary(parse_machine(TEXT), "scot")
    assert {name: more[name] for name in more.keys() - families.keys()} == {
        "SUMM": {},
        "ESUMM": {},
        "CELL": {"symbol_1": ("_", "0", "1"), "head_1": ("0", "1")},
        "STATE": {"state": ("go", "end")},
    }
