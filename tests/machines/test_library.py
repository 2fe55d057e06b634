"""The library (library.py, oracles.py, texts/): every machine against its oracle, on many words."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice, product
from pathlib import Path
from random import Random

import pytest

from exactformer.constructions.machines.library import (
    HANDWRITTEN,
    LIBRARY,
    UnknownMachineError,
    load_machine,
    machine_named,
)
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import configurations, trace
from exactformer.constructions.machines.text import MachineTextError, write_machine
from tests.machine_table import CASES

REQUIRED = {
    "balanced-brackets",
    "binary-addition",
    "binary-counter",
    "binary-multiplication",
    "bit-sort",
    "copy",
    "increment",
    "palindrome",
    "reverse",
    "rewrite",
    "unary-doubling",
}


def short_words(machine: TuringMachine, count: int) -> list[str]:
    """The first ``count`` words over the input alphabet, shortest first, of at most eight symbols."""
    words = ("".join(symbols) for length in range(9) for symbols in product(machine.input_alphabet, repeat=length))
    return list(islice(words, count))


def test_the_required_machines_are_there() -> None:
    assert set(LIBRARY) >= REQUIRED
    assert len(LIBRARY) >= 12


def test_every_text_is_in_the_library_and_every_machine_has_a_text() -> None:
    texts = {path.stem for path in machine_named("copy").path.parent.glob("*.yaml")}
    assert texts == set(LIBRARY)


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_the_shared_table_covers_the_machine(name: str) -> None:
    assert sum(case.name == name for case in CASES) >= 2


@pytest.mark.parametrize("name", LIBRARY)
def test_names_and_descriptions(name: str) -> None:
    entry = LIBRARY[name]
    assert entry.name == name == entry.machine.name
    assert entry.path.read_text().startswith("# ")
    assert "->" in entry.description
    assert len(entry.description) < 100


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_examples_and_drawn_words_give_what_the_oracle_says(name: str) -> None:
    entry, rng = LIBRARY[name], Random(0)
    words = {*entry.examples, *(entry.draw(rng, 6) for _ in range(100))}
    assert len(words) >= 7
    for word in words:
        assert entry.oracle(word) is not None, word
        assert trace(entry.machine, word).output == entry.oracle(word), word


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_all_short_words_give_what_the_oracle_says(name: str) -> None:
    entry = LIBRARY[name]
    valid = [word for word in short_words(entry.machine, 400) if entry.oracle(word) is not None]
    assert len(valid) >= 9
    for word in valid:
        assert trace(entry.machine, word).output == entry.oracle(word), word


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_every_transition_is_used_by_a_valid_word(name: str) -> None:
    entry, rng = LIBRARY[name], Random(0)
    unused = set(entry.machine.transitions)
    words = [*short_words(entry.machine, 40), *(entry.draw(rng, 8) for _ in range(300))]
    for word in [*words, "aaba", "aba", "abcb", "abca", "aabbca", "aabbcb"]:
        if set(word) <= set(entry.machine.input_alphabet) and entry.oracle(word) is not None:
            for each in configurations(entry.machine, word):
                reads = tuple(tape[head] for tape, head in zip(each.tapes, each.heads, strict=True))
                unused.discard((each.state, reads))
    assert not unused


@pytest.mark.parametrize(
    ("name", "word", "output"),
    [
        ("binary-addition", "110+101", "1011"),
        ("binary-addition", "00+000", "0"),
        ("binary-addition", "1+", None),
        ("binary-addition", "1+1+1", None),
        ("binary-multiplication", "101*11", "1111"),
        ("binary-multiplication", "0*11", "0"),
        ("binary-multiplication", "*1", None),
        ("increment", "0111", "1000"),
        ("increment", "111", "1000"),
        ("increment", "", None),
        ("binary-counter", "0101", "10000"),
        ("binary-counter", "", None),
        ("unary-doubling", "11", "1111"),
        ("palindrome", "0110", "1"),
        ("palindrome", "011", "0"),
        ("balanced-brackets", "(())()", "1"),
        ("balanced-brackets", "())(", "0"),
        ("balanced-brackets", "(1)", None),
        ("copy", "01", "01#01"),
        ("copy", "0#", None),
        ("reverse", "abb", "bba"),
        ("bit-sort", "1010", "0011"),
        ("rewrite", "111", "1111"),
        ("three-equal-blocks", "aabbcc", "1"),
        ("three-equal-blocks", "abcabc", "0"),
        ("three-equal-blocks", "abcc", "0"),
        ("three-equal-blocks", "a1", None),
        ("unary-to-binary", "111111", "110"),
        ("unary-to-binary", "", "0"),
    ],
)
def test_oracles(name: str, word: str, output: str | None) -> None:
    assert LIBRARY[name].oracle(word) == output


@pytest.mark.parametrize("name", ["binary-addition", "binary-multiplication"])
@pytest.mark.parametrize("missing", ["first number", "second number", "both numbers"])
def test_a_missing_number_is_an_error(name: str, missing: str) -> None:
    between = LIBRARY[name].machine.input_alphabet[2]
    word = {"first number": f"{between}1", "second number": f"1{between}", "both numbers": between}[missing]
    with pytest.raises(ValueError, match="has no transition for that"):
        trace(LIBRARY[name].machine, word)


def test_the_counter_runs_long_in_few_cells() -> None:
    run = trace(load_machine("binary-counter"), "0" * 10)
    assert run.steps > 4 * 2**10
    assert run.cells == 11


def test_the_library_is_not_parsed_on_import() -> None:
    program = "import sys, exactformer.constructions.machines.library; print('yaml' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_machine_is_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(write_machine(load_machine("copy")))
    assert load_machine(str(path)) == load_machine("copy")


def test_the_library_comes_before_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("copy").write_text(write_machine(load_machine("reverse")))
    assert load_machine("copy").name == "copy"
    assert load_machine("./copy").name == "reverse"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("binary-adition", "did you mean binary-addition", id="close name"),
        pytest.param("texts/incremnt.yaml", "did you mean increment", id="close name as a file"),
        pytest.param("xyz", "the library has balanced-brackets, binary-addition", id="unlike any name"),
        pytest.param(".", "neither a machine of the library nor a file", id="folder"),
        pytest.param("", "neither a machine of the library nor a file", id="empty name"),
    ],
)
def test_an_unknown_machine_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnknownMachineError, match=message):
        load_machine(name)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownMachineError, match="no machine called 'revers' in the library: did you mean reverse"):
        machine_named("revers")


def test_a_file_that_is_not_a_machine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"name: x\n")
    with pytest.raises(MachineTextError, match=r"bad\.yaml:1:1: missing key 'tapes'"):
        load_machine(str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(UnknownMachineError, match="not UTF-8"):
        load_machine(str(path))
