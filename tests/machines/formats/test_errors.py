"""What is wrong with a text is said with its line and column, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from exactformer.constructions.machines.formats import reading
from exactformer.constructions.machines.formats.registry import load_text
from exactformer.constructions.machines.text import MachineTextError
from tests.machines.formats.example_files import EXAMPLES, FILES, Example


@dataclass(frozen=True)
class Wrong:
    """A change of a file: the first ``old`` in it becomes ``new``."""

    title: str
    file: str
    old: str
    new: str
    line: int
    column: int
    said: str

    def __str__(self) -> str:
        return self.title


IO, MO, JF, J2, DT, MN, PY, CS, ST = (
    "increment.yaml",
    "palindrome.txt",
    "first-is-last.jff",
    "twice.jff",
    "zeros-ones.json",
    "ones.json",
    "parity.py",
    "thirty.csv",
    "start.txt",
)
READ_B = "<read>b</read>"
WRONG = (
    # turingmachine.io
    Wrong("not YAML", IO, "blank: ' '", "blank: ' ", 9, 7, "not YAML"),
    Wrong("no blank", IO, "blank: ' '\n", "", 1, 1, "missing key 'blank'"),
    Wrong("no start state", IO, "start state: right\n", "", 1, 1, "missing key 'start state'"),
    Wrong("an unknown key", IO, "blank:", "blnk:", 3, 1, "unknown key 'blnk' (did you mean 'blank'?)"),
    Wrong("a key twice", IO, "blank: ' '", "input: ''", 3, 1, "the key 'input' was already given on line 2"),
    Wrong("a long blank", IO, "blank: ' '", "blank: '  '", 3, 8, "the blank is '  ': symbols are single characters"),
    Wrong("an empty blank", IO, "blank: ' '", "blank: ~", 3, 8, "the blank is missing, or the empty value of YAML"),
    Wrong("no such start state", IO, "start state: right", "start state: rigth", 4, 14, "(did you mean 'right'?)"),
    Wrong("no table", IO, "table:", "table: none\nsynonyms:", 5, 8, "table must be a mapping"),
    Wrong("a state twice", IO, "  done:", "  carry:", 14, 3, "the state 'carry' was already given on line 11"),
    Wrong("a symbol twice", IO, "[1,0]: R", "[1,1]: R", 8, 8, "a second transition for state 'right' on '1'"),
    Wrong("an empty list", IO, "[1,0]: R", "[]: R", 8, 5, "the list of symbols is empty"),
    Wrong("a long symbol", IO, "[1,0]: R", "[10]: R", 8, 6, "a symbol is '10': symbols are single characters"),
    Wrong("an unknown instruction", IO, "[1,0]: R", "[1,0]: r", 8, 12, "'r' is neither a move nor a synonym"),
    Wrong("an instruction that is missing", IO, "[1,0]: R", "[1,0]:", 8, 11, "an instruction is missing"),
    Wrong("no move", IO, "{write: 0, L}", "{write: 0}", 12, 14, "the instruction does not move"),
    Wrong("two moves", IO, "{write: 0, L}", "{write: 0, L, R}", 12, 28, "a second move, 'R'"),
    Wrong("an unknown part", IO, "{write: 0, L}", "{wrote: 0, L}", 12, 15, "unknown key 'wrote' of an instruction"),
    Wrong("an unknown state", IO, "{L: carry}", "{L: cary}", 9, 16, "the state 'cary' (did you mean 'carry'?)"),
    Wrong("a state that is a list", IO, "  done:", "  done: [1]", 14, 9, "a state must map symbols to instructions"),
    Wrong(
        "an unknown state, exported", "exported.yaml", "b: {write: a, R}", "b: {write: a, R: x}", 9, 24, "the state 'x'"
    ),
    Wrong("folded source code", "exported.yaml", "source code: |", "source code: >", 2, 14, "must be a block of text"),
    Wrong("an unknown synonym", "brackets.yaml", "'.': reject", "'.': rejcet", 16, 10, "(did you mean 'reject'?)"),
    # Morphett
    Wrong("four fields", MO, "1o _ * l 2o", "1o _ * 2o", 10, 1, "has 4 fields: a rule has five"),
    Wrong("seven fields", MO, "1o _ * l 2o", "1o _ * l 2o ! !", 10, 1, "has 7 fields: a rule has five"),
    Wrong("a long symbol read", MO, "1o _ * l 2o", "1o __ * l 2o", 10, 4, "the symbol '__' has 2 characters"),
    Wrong("a long symbol written", MO, "1o _ * l 2o", "1o _ ** l 2o", 10, 6, "the symbol '**' has 2 characters"),
    Wrong("a direction", MO, "1o _ * l 2o", "1o _ *  > 2o", 10, 9, "the direction is '>': use l, r, or * to stay"),
    Wrong(
        "nondeterminism", MO, "1o _ * l 2o", "1o _ * l 2o\n1o _ * r 2o", 11, 1, "after the one on line 10: nondeterm"
    ),
    Wrong("an initial state", MO, "; Input:", "; initial state: q\n; ", 2, 18, "the state 'q' is in no rule"),
    # JFLAP
    Wrong("not XML", JF, "</structure>", "", 23, 1, "not XML: no element found"),
    Wrong(
        "a document type",
        JF,
        "<structure>",
        "<!DOCTYPE s [<!ENTITY a 'b'>]><structure>",
        3,
        13,
        "there is a document type here",
    ),
    Wrong("another root", JF, "<structure>", "<automaton>", 22, 3, "not XML: mismatched tag"),
    Wrong("no type", JF, "<type>turing</type>", "", 3, 1, "this is not a file of JFLAP"),
    Wrong("another type", JF, "turing<", "pda<", 4, 3, "the type is 'pda': only Turing machines are read"),
    Wrong("no initial state", JF, "<initial/>", "", 3, 1, "0 states are initial"),
    Wrong("two initial states", JF, "<y>40</y></state>", "<y>40</y><initial/></state>", 7, 3, "2 states are initial"),
    Wrong("an id twice", JF, 'id="1"', 'id="0"', 7, 3, "a second state has the id '0'"),
    Wrong("no id", JF, 'id="1"', 'name="1"', 7, 3, "a state has no id"),
    Wrong("a state that is not there", JF, "<to>1</to>", "<to>9</to>", 14, 29, "there is no state with the id '9'"),
    Wrong("no end", JF, "<to>1</to>", "", 14, 3, "the transition has no <to>"),
    Wrong("a long label", JF, READ_B, "<read>bb</read>", 15, 39, "the label 'bb' is not a symbol"),
    Wrong("a variable", JF, READ_B, "<read>a,b}w</read>", 15, 39, "'a,b}w' is a variable"),
    Wrong("epsilon", JF, READ_B, "<read>\N{GREEK SMALL LETTER LAMDA}</read>", 15, 39, "epsilon, is not read on tapes"),
    Wrong("no label", JF, READ_B, "", 15, 3, "no <read> for tape 1: epsilon is not read on tapes"),
    Wrong("a move", JF, "<move>R</move>", "<move>RR</move>", 14, 69, "the move is 'RR': use L, R, or S"),
    Wrong("writing not", JF, "<write>A</write>", "<write>!A</write>", 20, 54, "'!A' cannot be written"),
    Wrong(
        "nondeterminism by a label", JF, READ_B, "<read>!b</read>", 15, 3, "a second transition for state 'q0' on 'a'"
    ),
    Wrong("deep", JF, "<x>60</x>", "<x>" * 30, 6, 71, "elements are nested more than 20 deep"),
    Wrong(
        "save the machine without them",
        "anbn.jff",
        "<Machine0/>",
        '<Machine0><block id="9"/></Machine0>',
        111,
        3,
        "building blocks",
    ),
    Wrong("too many tapes", J2, "<tapes>2", "<tapes>99", 4, 3, "the number of tapes is '99': use 1 to 16"),
    Wrong("another tape", J2, '<read tape="2"/>', '<read tape="3"/>', 14, 7, "there is no tape '3': the machine has 2"),
    Wrong("a tape twice", J2, '<read tape="2"/>', '<read tape="1"/>', 14, 7, "a second <read> for tape 1"),
    Wrong(
        "a tape that is left out",
        J2,
        '<read tape="2"/>',
        "",
        11,
        5,
        "no <read> for tape 2: epsilon is not read on tapes",
    ),
    # automata-lib
    Wrong("not JSON", DT, '"q4"],', '"q4"]', 3, 3, "not JSON: expecting ',' delimiter"),
    Wrong("a key", DT, '"states"', '"stats"', 2, 3, "unknown key 'stats' (did you mean 'states'?)"),
    Wrong("a missing key", DT, '"blank_symbol": ".",', "", 1, 1, "'blank_symbol' is missing"),
    Wrong("a state", DT, '["q1", "x"', '["q9", "x"', 6, 18, "unknown state 'q9'"),
    Wrong("a symbol", DT, '["q1", "x"', '["q1", "z"', 6, 24, "unknown symbol 'z'"),
    Wrong("a symbol read", DT, '"0": ["q1", "x"', '"5": ["q1", "x"', 6, 12, "unknown symbol '5'"),
    Wrong("a direction of the library", DT, '"x", "R"', '"x", "S"', 6, 29, "the move is 'S': use L, R, or N to stay"),
    Wrong("a final state with transitions", DT, '["q4"]\n', '["q3"]\n', 9, 5, "the final state 'q3' has transitions"),
    Wrong("a final state", DT, '["q4"]\n', '["q5"]\n', 13, 20, "unknown state 'q5'"),
    Wrong(
        "a short entry", DT, '["q1", "x", "R"]', '["q1", "x"]', 6, 17, "an entry must be a state, a symbol and a move"
    ),
    Wrong("a state twice, JSON", DT, '"q3", "q4"', '"q3", "q3"', 2, 38, "'q3' is in states twice"),
    Wrong("a number that is none", DT, '["0", "1"]', '["0", 1.5]', 3, 26, "must be a string or a whole number"),
    Wrong("the blank as input", DT, '["0", "1"]', '["0", "."]', 3, 26, "the blank '.' cannot be an input symbol"),
    Wrong("the empty symbol", DT, '["0", "1", "x", "y", "."]', '["0", "1", "", "x", "y", "."]', 4, 30, "epsilon"),
    Wrong(
        "two choices",
        DT,
        '["q1", "x", "R"]',
        '[["q1", "x", "R"], ["q0", "x", "R"]]',
        6,
        17,
        "there are 2 choices: nondet",
    ),
    Wrong("an entry twice", DT, '"y": ["q3", "y", "R"]}', '"0": ["q3", "y", "R"]}', 6, 35, "after the one on line 6"),
    Wrong(
        "a mapping that is none",
        DT,
        '"transitions": {',
        '"transitions": [], "name": {',
        5,
        18,
        "transitions must be a mapping",
    ),
    Wrong("tapes of an MNTM", MN, '"n_tapes": 2', '"n_tapes": 0', 3, 14, "n_tapes must be a whole number from 1 to 16"),
    Wrong("a symbol for a tape", MN, '"1#":', '"1":', 9, 7, "1 symbols are read: write one for each of the 2 tapes"),
    Wrong("a move for a tape", MN, '["1", "R"], ["1", "R"]', '["1", "R"]', 9, 21, "1 symbols are written"),
    Wrong(
        "half a pair", MN, '["1", "R"], ["1", "R"]', '["1", "R"], ["1"]', 9, 34, "write a pair of a symbol and a move"
    ),
    Wrong("no choice", MN, '[["q0", [["1", "R"], ["1", "R"]]]]', "[]", 9, 13, "there are 0 choices"),
    Wrong("not Python", PY, "states={", "states={]", 5, 13, "not Python: "),
    Wrong("no literal", PY, '("odd", "a", "R")', "entry", 9, 23, "an entry must be a list, a tuple or a set"),
    Wrong("an argument", PY, "states=", "state=", 5, 11, "unknown argument 'state'"),
    Wrong("an argument without a name", PY, "states={", "{", 5, 5, "the arguments must be named"),
    # tables of busy beavers
    Wrong("an entry", CS, "1Rs3", "1Ks3", 3, 4, "the entry '1Ks3' is not a symbol, move and state"),
    Wrong("a state of an entry", CS, "1Rs3", "1Rs33", 3, 4, "the entry '1Rs33' is not a symbol, move and state"),
    Wrong("too few entries", CS, "s2,1Rs3,0Ls2", "s2,1Rs3", 3, 1, "'s2' has 1 entries, but the header has 2"),
    Wrong("a state twice in a table", CS, "s2,1Rs3", "s1,1Rs3", 3, 1, "the name 's1' is there twice"),
    Wrong("a symbol twice in a table", CS, ",0,1\n", ",1,1\n", 1, 4, "the name '1' is there twice"),
    Wrong(
        "a start configuration",
        ST,
        "start: 1100C1100",
        "start: 1100X1100",
        2,
        8,
        "'1100X1100' is not a start configuration",
    ),
    Wrong("two start configurations", ST, "start: 1100C1100", "1C1\n1C1", 3, 1, "a second start configuration"),
    Wrong(
        "an entry of the standard text", ST, "1RB1LC_1RC1RB", "1RB1LC_1RC2RB", 1, 11, "'2RB', state B on 1, writes '2'"
    ),
)


def changed(case: Wrong) -> str:
    text = (FILES / case.file).read_text(encoding="utf-8")
    assert case.old in text
    return text.replace(case.old, case.new, 1)


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_is_wrong_is_said_with_its_place(case: Wrong) -> None:
    with pytest.raises(MachineTextError) as refused:
        load_text(changed(case), case.file)
    error = refused.value
    assert (error.line, error.column) == (case.line, case.column), str(error)
    assert case.said in error.reason
    assert str(error).startswith(f"{case.file}:{case.line}:{case.column}: ")
    assert str(error).count(". ") == 0
    assert "\n" not in str(error)


TEXTS = {
    "no format": (
        "hello\n",
        "x.txt",
        "no format is recognised; these are read: our own format, the YAML of turingmachine.io",
    ),
    "an empty file": ("", "x.csv", "the text is empty: write a table"),
    "only a head": (",0,1\n", "x.csv", "the table has no rows"),
    "an entry in two ways": (",0,0L\nA,0LLA,0RA\nLA,0RA,0RA\n", "x.csv", "the entry '0LLA' can be read in two ways"),
    "27 states without names": ("1RA 1LB\n" * 27, "x.txt", "more than 26 states need names"),
    "no call": ("x = 1\n# DTM(\n", "x.py", "there is no call of DTM, NTM, MNTM"),
    "no list": ("x = 1\n", "x.py", "there is no list of triples here"),
    "an empty list of triples": ("[[()]][0:0]\nx = []\n", "x.py", "the list is empty"),
    "a pair": ("[[(1, 'R')]]", "x.py", "an entry must be a triple"),
    "a state of a triple": ("[[(0, 'R', 'X')]]", "x.py", "unknown state 'X'"),
    "a symbol of a triple": ("[[(5, 'R', 'A')]]", "x.py", "unknown symbol '5': use '0'"),
    "a move of a triple": ("[[(0, 'U', 'A')]]", "x.py", "the move is 'U': use L or R, 0 or 1, or -1 or 1"),
    "three parts of a key": ("{(1, 2, 3): (1, 1, 1)}", "x.py", "a key must be a state and a symbol"),
    "two stars": ("{**{'A': [(1, 1, 1)]}}", "x.py", "'**' is not read"),
    "a comment alone": ("; nothing\n", "x.csv", "the text is empty"),
    "nested JSON": ('{"states": ' + "[" * 5000, "x.json", "lists are nested too deeply"),
}


@pytest.mark.parametrize("title", TEXTS)
def test_texts_that_are_none_are_refused(title: str) -> None:
    text, source, said = TEXTS[title]
    with pytest.raises(MachineTextError) as refused:
        load_text(text, source)
    assert said in refused.value.reason


def test_a_text_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_TEXT", 100)
    with pytest.raises(MachineTextError, match=r"the text has 345 characters: at most 100 are read"):
        load_text((FILES / IO).read_text(encoding="utf-8"), IO)


def test_wildcards_that_stand_for_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_TRANSITIONS", 20)
    with pytest.raises(MachineTextError, match="the machine has more than 20 transitions"):
        load_text((FILES / MO).read_text(encoding="utf-8"), MO)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_whatever_is_done_to_a_text_it_is_a_machine_or_its_fault_is_placed(example: Example) -> None:
    rng, text = Random(example.name), example.path.read_text(encoding="utf-8")
    refused = 0
    for _ in range(60):
        changed = text
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(changed))
            what = rng.choice(["", *"{}[]()<>:,;|-*'\"\n \t#&01AZ~!\u2028\x00", changed[: rng.randint(1, 30)]])
            changed = changed[:at] + what + changed[at + rng.randint(0, 4) :]
        error = fault_of(changed, example.name)
        if error is not None:
            refused += 1
            assert 1 <= error.line <= changed.count("\n") + 2
            assert error.column >= 1
    assert refused > 10


def fault_of(text: str, source: str) -> MachineTextError | None:
    """What is wrong with a text, if anything is."""
    try:
        load_text(text, source)
    except MachineTextError as error:
        return error
    return None
