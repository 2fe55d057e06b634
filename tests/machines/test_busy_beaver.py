"""The standard text format of busy beavers (busy_beaver.py), and loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver, read_busy_beaver
from exactformer.constructions.machines.folding import fold
from exactformer.constructions.machines.library import LIBRARY, UnknownMachineError, load_machine
from exactformer.constructions.machines.machine import Move
from exactformer.constructions.machines.text import MachineTextError, write_machine
from exactformer.constructions.machines.two_way import HALT, Entry, TwoWayMachine

L, R = Move.LEFT, Move.RIGHT


def test_a_text_means_what_it_says() -> None:
    assert read_busy_beaver("1RB2LB1RZ_2LA---1LB") == TwoWayMachine(
        "1RB2LB1RZ_2LA---1LB",
        (
            (Entry("1", R, "B"), Entry("2", L, "B"), Entry("1", R, HALT)),
            (Entry("2", L, "A"), None, Entry("1", L, "B")),
        ),
    )


@pytest.mark.parametrize("letter", ["H", "Z"])
def test_a_halting_letter_is_a_state_where_there_are_so_many(letter: str) -> None:
    first = f"1R{letter}1LA"
    few = read_busy_beaver(first)
    assert few.entry("A", "0").state == HALT
    many = read_busy_beaver("_".join([first] * 26))
    assert many.entry("A", "0").state == letter
    assert (len(many.states), len(many.symbols)) == (26, 2)


def test_as_many_symbols_as_there_are_digits() -> None:
    machine = read_busy_beaver("".join(f"{digit}RA" for digit in "1234567890"))
    assert machine.symbols == tuple("0123456789")
    assert [machine.entry("A", symbol).written for symbol in machine.symbols] == list("1234567890")


@dataclass(frozen=True)
class Bad:
    title: str
    text: str
    column: int
    reason: str


BAD = (
    Bad("empty", "", 1, "state A has no entries: write them, or remove a '_'."),
    Bad("space", "1RB 1LB_1LA1RZ", 4, "there is a space or line end: write the states in one line, with '_' between."),
    Bad("second line", "1RB1LB\n1LA1RZ", 7, "there is a space or line end"),
    Bad("two separators", "1RB1LB__1LA1RZ", 8, "state B has no entries"),
    Bad("separator at the end", "1RB1LB_1LA1RZ_", 15, "state C has no entries"),
    Bad("separator at the beginning", "_1RB1LB", 1, "state A has no entries"),
    Bad("entry too short", "1RB1LB_1LA1R", 8, "'1LA1R' of state B is not made of entries of three characters"),
    Bad("one symbol", "1RB_1LA", 1, "state A has 1 entries: give one for each of 2 to 10 symbols."),
    Bad("eleven symbols", "1RA" * 11, 1, "state A has 11 entries"),
    Bad("entry missing", "1RB1LB1LA_1LA1RZ", 11, "state B has 2 entries and state A has 3"),
    Bad("entry too many", "1RB1LB_1LA1RZ_1LA1RZ1RA", 15, "state C has 3 entries and state A has 2"),
    Bad("27 states", "_".join(["1RA1LA"] * 27), 183, "there are 27 states: a text can name 26, A to Z."),
    Bad("unknown symbol", "1RB1LB_1LA2RZ", 11, "'2RZ', state B on 1, writes '2': use one of the symbols 0 1, or ---"),
    Bad("letter for a symbol", "1RAXLA", 4, "'XLA', state A on 1, writes 'X'"),
    Bad("undefined in part", "1RA-LA", 4, "'-LA', state A on 1, writes '-'"),
    Bad("no move", "1RB1LB_1SA1RZ", 9, "'1SA', state B on 0, moves 'S': use L or R."),
    Bad("small letter for a move", "1rB1LB", 2, "'1rB', state A on 0, moves 'r'"),
    Bad(
        "unknown state",
        "1RB1LC_1LA1RZ",
        6,
        "'1LC', state A on 1, goes to 'C': use one of the states A B, or Z to halt.",
    ),
    Bad("small letter for a state", "1RB1Lb_1LA1RZ", 6, "'1Lb', state A on 1, goes to 'b'"),
    Bad("halting is not undefined", "1RB1L-_1LA1RZ", 6, "'1L-', state A on 1, goes to '-'"),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.title)
def test_a_malformed_text_is_refused_where_it_is_wrong(bad: Bad) -> None:
    with pytest.raises(MachineTextError) as caught:
        read_busy_beaver(bad.text, "beaver")
    assert str(caught.value).startswith(f"beaver:1:{bad.column}: {bad.reason}")
    assert str(caught.value).endswith(".")


def test_the_text_itself_is_the_source_unless_there_is_another() -> None:
    with pytest.raises(MachineTextError, match=r"^1RB1LB_1LA1RQ:1:13: '1RQ'"):
        read_busy_beaver("1RB1LB_1LA1RQ")


@pytest.mark.parametrize("text", ["1RB1LB_1LA1RZ", "---1LA", "------_1RA1LA", "1RB 1LB", "1RB1LB_1LA1R", "0RA1"])
def test_what_is_meant_as_a_busy_beaver(text: str) -> None:
    assert looks_like_busy_beaver(text)


@pytest.mark.parametrize("text", ["", "1RB1LB.txt", "./1RB1LB", "---", "---\nname: x", "mine", "1rb1lb", "name: 1RB"])
def test_what_is_not_meant_as_one(text: str) -> None:
    assert not looks_like_busy_beaver(text)


def test_no_machine_of_the_library_looks_like_one() -> None:
    assert not any(map(looks_like_busy_beaver, LIBRARY))
    assert not any(looks_like_busy_beaver(entry.path.read_text(encoding="utf-8")) for entry in LIBRARY.values())


def test_a_text_is_loaded_folded() -> None:
    assert load_machine("1RB1LB_1LA1RZ") == fold(read_busy_beaver("1RB1LB_1LA1RZ"))


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n\n"], ids=repr)
def test_a_file_with_a_text_is_loaded_folded(end: str, tmp_path: Path) -> None:
    path = tmp_path / "beaver.txt"
    path.write_bytes(b"1RB1LB_1LA1RZ" + end.encode())
    assert load_machine(str(path)) == load_machine("1RB1LB_1LA1RZ")


def test_the_canonical_text_of_a_folding_is_loaded_as_it_is(tmp_path: Path) -> None:
    folded = fold(read_busy_beaver("".join(f"{digit}RA" for digit in "1234567890")))
    path = tmp_path / "folded.yaml"
    path.write_text(write_machine(folded), encoding="utf-8")
    assert load_machine(str(path)) == folded


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "beaver.txt"
    path.write_text("1RB1LB_1LA1RQ\n")
    with pytest.raises(MachineTextError, match=r"beaver\.txt:1:13: '1RQ'"):
        load_machine(str(path))
    with pytest.raises(MachineTextError, match=r"^1RB1LB_1LA1RQ:1:13: '1RQ'"):
        load_machine("1RB1LB_1LA1RQ")


def test_a_text_comes_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1RB1LB_1LA1RZ").write_text(write_machine(load_machine("reverse")))
    assert load_machine("1RB1LB_1LA1RZ").name == "folded-1RB1LB_1LA1RZ"
    assert load_machine("./1RB1LB_1LA1RZ").name == "reverse"


def test_what_is_neither_text_nor_file_is_refused() -> None:
    with pytest.raises(UnknownMachineError, match="neither a machine of the library nor a file"):
        load_machine("RB1LB_1LA1RZ")
