"""The text format (text.py): round trips, and one good text with one thing wrong each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine
from exactformer.constructions.machines.text import MachineTextError, read_machine, row, write_machine

GOOD = """\
# A machine with names that YAML would take for something else.
name: no
tapes: 1

states: [on, "null", done]
halting: done
alphabet: [_, 0, "1", "#"]
input: [0, "1"]
transitions:
  # A comment among the rows.
  - "on 0 -> null 1 R"
  - "null # -> done _ S"
"""

CANONICAL = """\
name: "no"
tapes: 1
states: ["on", "null", "done"]
halting: "done"
alphabet: ["_", "0", "1", "#"]
input: ["0", "1"]
transitions:
  - "on 0 -> null 1 R"
  - "null # -> done _ S"
"""


def test_every_scalar_is_a_name() -> None:
    assert read_machine(GOOD) == TuringMachine(
        name="no",
        tapes=1,
        states=("on", "null", "done"),
        halting="done",
        alphabet=("_", "0", "1", "#"),
        input_alphabet=("0", "1"),
        transitions={
            ("on", ("0",)): Action("null", ("1",), (Move.RIGHT,)),
            ("null", ("#",)): Action("done", ("_",), (Move.STAY,)),
        },
    )


def test_canonical_text() -> None:
    assert write_machine(read_machine(GOOD)) == CANONICAL


def test_rows_are_in_order_of_states_then_symbols() -> None:
    machine = read_machine(GOOD)
    stop = Action("done", ("_",), (Move.LEFT,))
    situations = [(state, (symbol,)) for state in machine.states for symbol in machine.alphabet]
    expected = [f'  - "{row(situation, stop)}"' for situation in situations]
    Random(1).shuffle(situations)
    shuffled = replace(machine, transitions=dict.fromkeys(situations, stop))
    assert write_machine(shuffled).splitlines()[7:] == expected


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\n".join(sorted(CANONICAL.split("transitions")[0].splitlines()))
        + "\ntransitions"
        + CANONICAL.split("transitions")[1],
        CANONICAL.rstrip("\n"),
        CANONICAL.replace("  - ", "- "),
        CANONICAL.replace("[", "[ ").replace("]", " ]").replace(",", " , ") + "\n\n# end",
    ],
    ids=["CR LF", "keys in another order", "no line end at the end", "rows at the margin", "more spaces"],
)
def test_the_same_machine_written_differently(text: str) -> None:
    assert write_machine(read_machine(text)) == CANONICAL


@dataclass(frozen=True)
class Bad:
    """GOOD with ``old`` replaced by ``new``; the error is at line:column and its reason matches."""

    title: str
    old: str
    new: str
    position: str
    reason: str


BAD = (
    Bad("empty text", GOOD, "", "1:1", "the text is empty"),
    Bad("only a comment", GOOD, "# nothing", "1:1", "the text is empty"),
    Bad("a list", GOOD, '- "a"\n', "1:1", "this is not a machine"),
    Bad("not YAML, comma missing", '"null",', '"null"', "5:21", "not YAML: "),
    Bad("not YAML, no place for a colon", "halting: done", "halting: done: on", "6:14", "not YAML: "),
    Bad("list not closed", "done]", "done", "6:8", "not YAML: "),
    Bad("tab at the margin", "tapes", "\ttapes", "3:1", "not YAML: "),
    Bad("control character", "name: no", "name: n\x00", "2:8", r"character '\\x00' is not allowed"),
    Bad("two documents", "tapes", "---\ntapes", "3:1", "not YAML: "),
    Bad("lists nested too deeply", "[on,", "[" * 5000, "1:1", "nested too deeply"),
    Bad("unknown key", "halting", "halt", "6:1", "unknown key 'halt' .did you mean 'halting'"),
    Bad("unlike any key", "halting", "xyz", "6:1", "unknown key 'xyz': use name, tapes"),
    Bad("missing key", "halting: done\n", "", "2:1", "missing key 'halting'"),
    Bad("duplicate key", "tapes: 1", "tapes: 1\ntapes: 1", "4:1", "key 'tapes' was already given on line 3"),
    Bad("value missing", "name: no", "name:", "2:6", "a value is missing"),
    Bad("transitions missing", GOOD.split("transitions:")[1], "", "9:13", "a value is missing"),
    Bad("name is a list", "name: no", "name: [no]", "2:7", "write one name or number here"),
    Bad("key is a list", "name: no", "[name]: no", "2:1", "outside the format"),
    Bad("tapes is not a number", "tapes: 1", "tapes: one", "3:8", "tapes is 'one': write a whole number"),
    Bad("tapes is 0", "tapes: 1", "tapes: 0", "3:8", "tapes is '0'"),
    Bad("tapes with a sign", "tapes: 1", "tapes: +1", "3:8", r"tapes is '\+1'"),
    Bad("tapes is huge", "tapes: 1", "tapes: " + "9" * 5000, "3:8", "whole number from 1 to 999"),
    Bad("states is a name", '[on, "null", done]', "on", "5:9", "states must be a list on one line"),
    Bad(
        "states is a block list",
        '[on, "null", done]',
        '\n  - "on"',
        "6:3",
        "states must be a list on one line",
    ),
    Bad("state in a list in a list", '"null"', "[null]", "5:1", "outside the format"),
    Bad("list on two lines", "[on, ", "[on,\n  ", "5:1", "outside the format"),
    Bad("comma at the end of a list", "done]", "done,]", "5:1", "outside the format"),
    Bad("item that is nothing", "done]", "done, ,]", "5:28", "not YAML: "),
    Bad("flow mapping", GOOD, "{name: no}", "1:1", "outside the format"),
    Bad("mapping in a list", "[on,", "[on: off,", "5:1", "outside the format"),
    Bad("explicit key", "name: no", "? name\n: no", "2:1", "outside the format"),
    Bad("document mark", "name: no", "---\nname: no", "2:1", "outside the format"),
    Bad("document end", 'null # -> done _ S"\n', 'null # -> done _ S"\n...\n', "13:1", "outside the format"),
    Bad("directive", GOOD, f"%YAML 1.1\n---\n{GOOD}", "1:1", "outside the format"),
    Bad("comment after a value", "tapes: 1", "tapes: 1 # one", "3:1", "outside the format"),
    Bad("comment after a row", 'null 1 R"', 'null 1 R" # right', "11:1", "outside the format"),
    Bad("single quotes", '"null"', "'null'", "5:14", "without escapes"),
    Bad("escape", '"null"', '"\\x6eull"', "5:14", "without escapes"),
    Bad("tag", "tapes: 1", "tapes: !!int 1", "3:8", "without escapes, tags and anchors"),
    Bad("tag on a list", "states: [", "states: !!seq [", "5:1", "outside the format"),
    Bad("anchor", "name: no", "name: &a no", "2:7", "without escapes, tags and anchors"),
    Bad("alias", '[0, "1"]', "*a", "8:8", "not YAML: "),
    Bad("alias of a list", "states: [", "states: &a [*a, ", "5:1", "outside the format"),
    Bad("block scalar", "name: no", "name: |\n  no", "2:7", "outside the format"),
    Bad("name on two lines", "name: no", "name: no\n  yes", "2:7", "outside the format"),
    Bad("quoted name on two lines", "name: no", 'name: "no\n  yes"', "2:7", "outside the format"),
    Bad(
        "line separator in a comment",
        "# A comment",
        "# A\u2028comment",
        "10:1",
        "is not allowed: end lines with",
    ),
    Bad("byte order mark", "# A machine", "\ufeff# A machine", "1:1", "outside the format"),
    Bad("bad name", "name: no", 'name: "a b"', "2:1", "name 'a b' is not usable"),
    Bad("bad state", '"null"', '""', "5:1", "state '' is not usable"),
    Bad("state listed twice", '"null"', "on", "5:1", "state 'on' is listed twice"),
    Bad("halting state unknown", "halting: done", "halting: stop", "6:1", "halting state 'stop' is not among"),
    Bad(
        "halting state initial",
        "halting: done",
        "halting: on",
        "6:1",
        "halting state 'on' is also the initial",
    ),
    Bad("only the blank", '[_, 0, "1", "#"]', "[_]", "7:1", "the blank and at least one more"),
    Bad("input alphabet empty", '[0, "1"]', "[]", "8:1", "input alphabet is empty"),
    Bad("blank as input symbol", '[0, "1"]', "[_]", "8:1", "The blank '_' cannot be an input symbol"),
    Bad(
        "transitions on one line",
        GOOD.split("transitions:")[1],
        ' ["on 0 -> null 1 R"]',
        "9:14",
        "transitions must be rows",
    ),
    Bad("transitions is a name", GOOD.split("transitions:")[1], " none", "9:14", "transitions must be rows"),
    Bad("row without quotes", '"on 0 -> null 1 R"', "on 0 -> null 1 R", "11:5", "row .* in double quotes"),
    Bad("row is a list", '"on 0 -> null 1 R"', "[on]", "11:1", "outside the format"),
    Bad("field missing", "null 1 R", "null 1", "11:5", "needs 6 fields"),
    Bad("field too many", "null 1 R", "null 1 1 R", "11:5", "needs 6 fields"),
    Bad("no arrow", "on 0 ->", "on 0 =>", "11:5", "needs 6 fields"),
    Bad("tab in a row", "on 0 ->", "on\t0 ->", "11:5", "needs 6 fields"),
    Bad(
        "unknown state read",
        "on 0 ->",
        "don 0 ->",
        "11:6",
        "unknown state 'don' in a row .did you mean 'done'",
    ),
    Bad(
        "unknown state to go to",
        "null 1 R",
        "nul 1 R",
        "11:14",
        "unknown state 'nul' in a row .did you mean 'null'",
    ),
    Bad("unknown symbol read", "on 0 ->", "on 7 ->", "11:9", "unknown symbol '7' in a row: use _ 0 1 #"),
    Bad("unknown symbol written", "null 1 R", "null 7 R", "11:19", "unknown symbol '7'"),
    Bad("unknown move", "null 1 R", "null 1 r", "11:21", "unknown move 'r' in a row: use L S R"),
    Bad(
        "duplicate transition",
        "null # -> done",
        "on 0 -> done",
        "12:5",
        "second transition for 'on 0', after the one on line 11",
    ),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.title)
def test_one_thing_wrong_is_refused_at_its_position(bad: Bad) -> None:
    assert GOOD.count(bad.old) >= 1, "the table replaces something that is not there"
    with pytest.raises(MachineTextError, match=bad.reason) as caught:
        read_machine(GOOD.replace(bad.old, bad.new, 1), "bad.yaml")
    assert str(caught.value).startswith(f"bad.yaml:{bad.position}: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_the_number_of_fields_goes_with_the_tapes() -> None:
    text = GOOD.replace("tapes: 1", "tapes: 2")
    with pytest.raises(MachineTextError, match="with 2 tapes it needs 9 fields, a state, 2 read"):
        read_machine(text)


@pytest.mark.parametrize("name", LIBRARY)
def test_library_round_trip(name: str) -> None:
    machine = LIBRARY[name].machine
    canonical = write_machine(machine)
    assert read_machine(canonical) == machine
    assert write_machine(read_machine(canonical)) == canonical


NAMES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters='"\\'), min_size=1, max_size=4).filter(
    lambda name: name != "->" and name.isprintable()
)


@st.composite
def machines(draw: st.DrawFn) -> TuringMachine:
    """Any well-formed machine: odd names, partial functions, entries for the halting state."""
    K = draw(st.integers(1, 3))
    states = tuple(draw(st.lists(NAMES, min_size=2, max_size=4, unique=True)))
    inputs = tuple(draw(st.lists(NAMES.map(lambda name: name[0]), min_size=1, max_size=3, unique=True)))
    work = draw(st.lists(NAMES.filter(lambda name: name not in inputs), min_size=1, max_size=3, unique=True))
    alphabet = (work[0], *inputs, *work[1:])
    symbols, moves = st.tuples(*[st.sampled_from(alphabet)] * K), st.tuples(*[st.sampled_from(Move)] * K)
    state = st.sampled_from(states)
    actions = st.builds(Action, state, symbols, moves)
    transitions = draw(st.dictionaries(st.tuples(state, symbols), actions, max_size=6))
    halting = draw(st.sampled_from(states[1:]))
    return TuringMachine(draw(NAMES), K, states, halting, alphabet, inputs, transitions)


@given(machines())
@example(replace(read_machine(GOOD), name="#", states=("!", "&a", "*a", "done", "{")[0:4], transitions={}))
def test_round_trip(machine: TuringMachine) -> None:
    canonical = write_machine(machine)
    assert read_machine(canonical) == machine
    assert write_machine(read_machine(canonical)) == canonical


@given(st.integers(0, 2**32))
def test_equal_machines_have_equal_texts(seed: int) -> None:
    machine = random_machine(Random(seed), tapes=1)
    entries = list(machine.transitions.items())
    Random(seed).shuffle(entries)
    assert write_machine(replace(machine, transitions=dict(entries))) == write_machine(machine)


@given(st.text())
@example("&a [*a]")
@example("? ")
@example("!<tag:yaml.org,2002:int> 1")
@example("%YAML 9.9\n---\n")
@example("- - - -")
@example("\ud800")
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(MachineTextError):
        read_machine(text)


@given(
    st.integers(0, len(GOOD) - 1),
    st.sampled_from(" \t\n\r#:-[]{},\"'\\&*!|>%@`?x0_\x85\u2028\ufeff"),
    st.booleans(),
)
def test_a_changed_text_is_read_or_refused(place: int, character: str, insert: bool) -> None:
    changed = GOOD[:place] + character + GOOD[place + (not insert) :]
    try:
        machine = read_machine(changed)
    except MachineTextError:
        return
    assert read_machine(write_machine(machine)) == machine
