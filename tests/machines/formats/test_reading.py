"""Every format is recognised, and its machine does what the tool does with the text, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import pytest

from exactformer.constructions.machines.busy_beaver import read_busy_beaver
from exactformer.constructions.machines.folding import fold
from exactformer.constructions.machines.formats import beaver_tables, morphett
from exactformer.constructions.machines.formats.reading import Text
from exactformer.constructions.machines.formats.registry import load_text
from exactformer.constructions.machines.formats.tape_machine import Start, as_tape_machine, tape_configurations
from exactformer.constructions.machines.library import LIBRARY, load
from exactformer.constructions.machines.run import MissingTransition, configurations
from exactformer.constructions.machines.two_way import two_way_configurations
from tests.machines.busy_beavers import BEAVERS, Beaver
from tests.machines.formats import interpreters
from tests.machines.formats.example_files import BY_NAME, EXAMPLES, FILES, Example, foreign, held, loaded, run, words

INTERPRETED: dict[str, Callable[[str, str, int], Iterator[interpreters.Seen]]] = {
    "increment.yaml": interpreters.turingmachine_io,
    "brackets.yaml": interpreters.turingmachine_io,
    "exported.yaml": interpreters.turingmachine_io,
    "palindrome.txt": interpreters.morphett,
    "unary.tm": partial(interpreters.morphett, first="start"),
    "anbn.jff": interpreters.jflap,
    "first-is-last.jff": interpreters.jflap,
    "zeros-ones.json": interpreters.dtm,
}
STEPS = 60


def test_every_file_is_an_example() -> None:
    assert {path.name for path in FILES.iterdir() if path.is_file()} == set(BY_NAME)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_file_is_recognised_and_its_machine_does_what_it_should(example: Example) -> None:
    assert loaded(example).format == example.format
    machine = foreign(example)
    for word, outcome, left in example.runs:
        last = run(machine, word)
        assert (machine.outcome(last.state), held(machine, last)) == (outcome, left), word


@pytest.mark.parametrize("name", INTERPRETED)
def test_machines_do_what_the_tools_do_with_their_texts(name: str) -> None:
    machine, text = foreign(BY_NAME[name]), (FILES / name).read_text(encoding="utf-8")
    tried = 0
    for word in words(machine):
        theirs = INTERPRETED[name](text, "".join(word), STEPS)
        for ours, (state, head, tape) in zip(
            islice(tape_configurations(machine, word), STEPS + 1), theirs, strict=True
        ):
            assert (ours.state, ours.heads, ours.tapes) == (state, (head,), (tape,)), word
        tried += 1
    assert tried >= 30


@pytest.mark.parametrize("name", sorted(LIBRARY)[:8])
def test_one_way_tapes_are_simulated_as_our_machines_are(name: str) -> None:
    entry = LIBRARY[name]
    machine = as_tape_machine(entry.machine)
    for word in entry.examples[:3]:
        for ours, theirs in zip(tape_configurations(machine, word), configurations(entry.machine, word), strict=True):
            tapes = [dict(enumerate(tape)) for tape in theirs.tapes]
            kept = tuple({cell: symbol for cell, symbol in tape.items() if symbol != machine.blank} for tape in tapes)
            assert (ours.state, ours.heads, ours.tapes) == (theirs.state, theirs.heads, kept)


@pytest.mark.parametrize("beaver", BEAVERS, ids=str)
def test_a_standard_text_is_the_same_machine_as_a_table(beaver: Beaver) -> None:
    text = beaver.text
    standard = read_busy_beaver(text)
    machine = beaver_tables.read(Text(text, "beaver.txt"))
    for ours, theirs in zip(tape_configurations(machine, ""), two_way_configurations(standard, {}), strict=True):
        assert (ours.step, ours.heads, ours.tapes) == (theirs.step, (theirs.head,), (theirs.squares,))
    assert beaver_tables.standard_text(machine) == text
    again = load_text(beaver_tables.write(machine), "beaver.csv")
    assert again.machine == fold(standard)


BB2 = "1RB1LB_1LA1RZ"
SAME = {
    "with comments": "# two states\n1RB1LB_1LA1RZ  ; six steps\n",
    "a comment after a hash": "1RB1LB_1LA1RZ# six steps",
    "a table with spaces": "  0 1\nA 1RB 1LB\nB 1LA 1RH\n",
    "a table without a head": "A: 1RB 1LB // first\nB: 1LA 1RZ\n",
    "a table without names": "1RB 1LB\n1LA 1RZ\n",
    "states as columns": "x,A,B\n0,1RB,1LA\n1,1LB,1RZ\n",
    "semicolons": ";0;1\nA;1RB;1LB\nB;1LA;1RH",
    "tabs and quotes": '\t0\t1\nA\t"1RB"\t"1LB"\nB\t"1LA"\t"1RZ"',
    "Markdown": "|   | 0 | 1 |\n|:--|--:|---|\n| A | 1RB | 1LB |\n| B | 1LA | 1RZ |\n",
    "triples of letters": "[[(1, 'R', 'B'), (1, 'L', 'B')], [(1, 'L', 'A'), (1, 'R', 'Z')]]",
    "triples of bare names": "tm = [[(1, R, B), (1, L, B)], [(1, L, A), (1, R, H)]]",
    "triples of numbers": "[[(1, 1, 1), (1, 0, 1)], [(1, 0, 0), (1, 1, -1)]]",
    "moves of -1 and 1": "[[(1, 1, 1), (1, -1, 1)], [(1, -1, 0), (1, 1, -1)]]",
    "a mapping of pairs": "{('A', 0): (1, 'R', 'B'), ('A', 1): (1, 'L', 'B'), "
    "('B', 0): (1, 'L', 'A'), ('B', 1): (1, 'R', 'HALT')}",
    "a mapping of states": "t: dict = {'A': {0: (1, 'R', 'B'), 1: (1, 'L', 'B')}, 'B': [(1, 'L', 'A'), (1, 'R', 'Z')]}",
}


@pytest.mark.parametrize("title", SAME)
def test_all_ways_to_write_a_busy_beaver_are_one_machine(title: str) -> None:
    assert load_text(SAME[title], "any.txt").machine == load(BB2).machine


def test_a_standard_text_keeps_its_name() -> None:
    """Also with another letter for halting, and with 26 states, of which Z is one."""
    most = "_".join(["1RZ1LA", *["0LB---"] * 25])
    for text in ("1RB1LB_1LA1RH", "1RB1LB_1LA---", most):
        assert (
            load(text).machine
            == load_text(f"{text}  # with a comment", "a.txt").machine
            == fold(read_busy_beaver(text))
        )
    assert load_text(",0,1\nA,1RB,1LB\nB,1LA,1RH\n", f"{most}.csv").machine == load(BB2).machine


def test_missing_entries_stop_there() -> None:
    for text in ("A,1RB,\nB,1LA,---\n", "1RB---_1LA---", "[[(1, 1, 1), None], [(1, 0, 0), (-1, 0, -1)]]"):
        assert load_text(text, "any.csv").machine == load("1RB---_1LA---").machine


def test_a_start_configuration_is_the_first_state_and_the_input() -> None:
    found = load("1RB1LC_1RC1RB_1RD0LE_1LA1LD_1RZ0LA 1100C1100")
    assert found.tape_machine.initial == "C"
    assert found.tape_machine.start == Start(tuple("1100"), tuple("1100"))
    assert found.machine == load(FILES / "start.txt").machine
    assert found.normal is not None
    assert found.normal.squares(found.normal.input or "") == {-4: "1", -3: "1", 0: "1", 1: "1"}


def test_wildcards_of_morphett_stand_for_the_symbols_of_the_program() -> None:
    machine = morphett.read(Text("0 * * r 0\n0 a b * halt\n* c * l halt-reject\n", "wild.txt"))
    moves = {(state, *read): (action.state, *action.written) for (state, read), action in machine.transitions.items()}
    assert moves == {
        ("0", "_"): ("0", "_"),
        ("0", "a"): ("halt", "b"),
        ("0", "b"): ("0", "b"),
        ("0", "c"): ("0", "c"),
    }


def test_a_run_that_is_stuck_in_ours_is_one_that_stops_in_the_tape_machine() -> None:
    machine = LIBRARY["increment"].machine
    with pytest.raises(MissingTransition):
        list(configurations(machine, ""))
    assert run(as_tape_machine(machine), "").step == 0
