"""``verify``: verdicts, exit codes, what is written and said; models of Tracr's; bad input in one sentence."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

import exactformer as ef
from exactformer.certificates.words.files import load_model, numbers_expected
from exactformer.constructions.turing.paradigm import Paradigm
from tests.command_line.invoking import files_in, invoke
from tests.export.running import Work
from tests.imported.test_decoder import folder_of
from tests.imported.test_tracr import stored

SPEC = """
from fractions import Fraction

def expected(word):
    return [len(word) - 1] * (len(word) - 1)

def backwards(word):
    return list(reversed(word[1:]))

def halves(word):
    return [Fraction(1, 2)] * (len(word) - 1)

def short(word):
    return [1]

def fails(word):
    return 1 / 0

number = 3
"""
LENGTH = "length.json"
OF_LENGTH = ("--words", "BOS [1 2 3]*", "--from", "1", "--arithmetic", "fp32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.py").write_text(SPEC)
    ef.save_transformer(stored("length")[1], tmp_path / LENGTH)
    return tmp_path


def verify(folder: Path, model: str, *more: str, spec: str = "spec.py") -> tuple[int, str, str]:
    given = spec if spec == "hardmax" else folder / spec
    done = invoke("verify", folder / model, "--spec", given, "--out", folder / "out", *more)
    return done.code, done.out, done.err


def check(folder: Path, *more: str) -> tuple[int, str]:
    (certificate,) = (folder / "out").glob("*.certificate.json")
    done = invoke("check", certificate, *more)
    return done.code, done.out + done.err


def test_proved_and_checked(folder: Path) -> None:
    code, out, err = verify(folder, LENGTH, *OF_LENGTH, "--length", "6")
    assert (code, err) == (0, "")
    assert out.startswith(
        "PROVED\nOn each of the 363 words of at most 6 tokens of the language BOS [1 2 3]*, the softmax"
    )
    assert "gives at each of the 1641 positions asked about strictly the output that is listed" in out
    assert "right     every word of up to 6 tokens" in out
    assert [name.split(".")[0] for name in files_in(folder / "out")] == ["length", "length"]
    code, said = check(folder)
    assert code == 0
    assert said.startswith("valid: proved\n")
    assert "whoever has a specification makes its listing, and compares" in said
    code, said = check(folder, "--spec", str(folder / "spec.py"))
    assert code == 0
    assert "compared\n  - the listing of " in said
    code, said = check(folder, "--spec", str(folder / "spec.py:backwards"))
    assert code == 1
    assert "not what the specification expects: the certificate is about another specification" in said
    assert check(folder, "--spec", "hardmax")[0] == 1


def test_the_shortest_wrong_word(folder: Path) -> None:
    """Tracr's length over three letters answers 9 for 10 (issue 7 of google-deepmind/tracr)."""
    of_length = ("--words", "BOS [1 2]*", *OF_LENGTH[2:])
    code, out, _ = verify(folder, LENGTH, *of_length, "--length", "13", "--explain")
    assert code == 1
    assert "On 'BOS 1 1 1 1 1 1 1 1 1 1', at position 1, the output is not '10': '9' is at least as good" in out
    assert "right     every word of up to 10 tokens" in out
    assert "a word of 11 tokens; no shorter word is wrong" in out
    why = out[out.index("\nwhy\n") :]
    assert "relu(100 length_1_selector_width_attn_output - 8.54545 one)" in why
    hardmax = next(line for line in why.splitlines() if line.startswith("hardmax"))
    assert hardmax.split() == ["hardmax", "0.454546", "0.545454"]
    assert check(folder)[0] == 1
    assert check(folder, "--expect", "refuted")[0] == 0
    assert check(folder, "--expect", "refuted", "--spec", str(folder / "spec.py"))[0] == 0
    code, said = check(folder, "--expect", "refuted", "--spec", str(folder / "spec.py:backwards"))
    assert code == 1
    assert "spec.py:backwards expects '1', not '10'" in said


def test_weights_are_rounded_to_the_format_that_is_named(folder: Path) -> None:
    code, out, _ = verify(folder, LENGTH, *OF_LENGTH[:-1], "bf16", "--length", "4")
    assert code == 0
    assert out.startswith("weights: rounded to bf16, which changes ")
    assert "in the arithmetic rounded:bf16/fp32/bf16@bf16+stored+once+exp2-one at beta = 1" in out
    code, out, err = verify(folder, LENGTH, *OF_LENGTH[:-1], "fused:bf16", "--round", "e4m3fn", "--length", "3")
    assert (code, err) in ((0, ""), (1, ""), (3, ""))
    assert out.startswith("weights: rounded to e4m3fn")


def test_what_hardmax_gives(folder: Path) -> None:
    code, out, _ = verify(folder, LENGTH, *OF_LENGTH, "--length", "13", spec="hardmax")
    assert code == 0
    assert "On each word of at most 13 tokens of the language BOS [1 2 3]*," in out
    assert "as hardmax  every word of up to 13 tokens" in out
    code, said = check(folder)
    assert code == 0
    assert "that the outputs of the hardmax transformer are those that were meant" in said


def test_not_shown(folder: Path) -> None:
    """With hardmax both tokens have the largest logit: none is strictly first."""
    net = ef.Transformer.build("ab", [[1], [1]], [[1], [1]], [])
    ef.save_transformer(net, folder / "same.json")
    code, out, _ = verify(folder, "same.json", "--words", "a", "--length", "1", spec="hardmax")
    assert code == 3
    assert "Not shown to be right: words of any length: it is not shown: at position 0 outputs may differ" in out
    assert check(folder, "--expect", "inconclusive")[0] == 0


def test_what_is_not_shown_is_said_to_be_so_in_a_valid_certificate(folder: Path) -> None:
    """Both logits are 1/3, each from a head of its own: neither is shown to be the larger, nor that they are equal."""
    heads = [ef.HeadWeights([[0] * 3], [[0] * 3], [[1, 0, 0]], out) for out in ([[0], [1], [0]], [[0], [0], [1]])]
    unembedding = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    net = ef.Transformer.build("abc", [[1, 0, 0], [0] * 3, [0] * 3], unembedding, [ef.LayerWeights(heads)])
    ef.save_transformer(net, folder / "thirds.json")
    (folder / "a.py").write_text("def expected(word):\n    return ['a'] * len(word)\n")
    arguments = ("thirds.json", "--words", "a b b | a b b b", "--length", "4", "--from", "2", "--arithmetic")
    code, out, _ = verify(folder, *arguments, "exact", "--explain", spec="a.py")
    assert code == 3, out
    assert "it is shown neither that the output is 'a' nor that it is not." in out
    assert "known to within" in out
    assert check(folder, "--expect", "inconclusive")[0] == 0
    assert check(folder, "--expect", "inconclusive", "--spec", str(folder / "a.py"))[0] == 0


def test_a_model_and_its_specification_in_one_python_file(folder: Path) -> None:
    (folder / "copy.py").write_text(
        "import exactformer as ef\n"
        "model = ef.Transformer.build('ab', [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])\n"
        "def expected(word):\n    return word\n"
        "def wrong(word):\n    return ['a'] * len(word)\n"
    )
    arguments = ("copy.py", "--words", "[a b]+", "--length", "3", "--arithmetic", "fp32")
    assert verify(folder, *arguments, spec="copy.py")[0] == 0
    code, out, _ = verify(folder, *arguments, "--last", spec="copy.py:wrong")
    assert code == 1
    assert "On 'b', at position 0, the output is not 'a': 'b' is at least as good" in out


def test_json(folder: Path) -> None:
    code, out, _ = verify(folder, LENGTH, *OF_LENGTH, "--length", "3", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["verdict"] == "proved"
    assert [length for length, _ in said["certificate"]["margins"]] == [2, 3]


BAD = {
    "no specification": ((LENGTH, *OF_LENGTH, "--length", "3"), "none.py", "there is no file"),
    "another file": ((LENGTH, *OF_LENGTH, "--length", "3"), "spec.txt", "is neither a Python nor a YAML file"),
    "a name that is not there": ((LENGTH, *OF_LENGTH, "--length", "3"), "spec.py:nothing", "has no 'nothing'"),
    "no function": ((LENGTH, *OF_LENGTH, "--length", "3"), "spec.py:number", "it has to be a function of a word"),
    "no output of the network": (
        (LENGTH, *OF_LENGTH, "--length", "3"),
        "spec.py:halves",
        "gives '1/2', which is not an output of the transformer; its outputs are 0, 1, 2, 3,",
    ),
    "too few outputs": ((LENGTH, *OF_LENGTH, "--length", "4"), "spec.py:short", "it has to be a list of"),
    "a token that is not there": (
        (LENGTH, "--words", "BOS [4]*", "--length", "3"),
        "spec.py",
        'has "4", which is not in the vocabulary',
    ),
    "no regular expression": ((LENGTH, "--words", "BOS (1", "--length", "3"), "spec.py", 'has no "\\)" where'),
    "words longer than there are positions": (
        (LENGTH, *OF_LENGTH, "--length", "14"),
        "spec.py",
        "words of 14 tokens are asked about, but the transformer has only 13 positions",
    ),
    "no word": ((LENGTH, "--words", "[]", "--length", "3"), "spec.py", "the language has no word"),
    "nothing asked": ((LENGTH, *OF_LENGTH, "--length", "1"), "spec.py", "nothing is asked from position 1 on"),
    "no such arithmetic": ((LENGTH, *OF_LENGTH[:-1], "fp31", "--length", "3"), "spec.py", "unknown arithmetic 'fp31'"),
    "no such format": ((LENGTH, *OF_LENGTH, "--round", "fp31", "--length", "3"), "spec.py", "fp31"),
    "no network": (("none.json", *OF_LENGTH, "--length", "3"), "spec.py", "none.json' cannot be read"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_input_in_one_sentence(title: str, folder: Path) -> None:
    arguments, spec, reason = BAD[title]
    code, out, err = verify(folder, *arguments, spec=spec)
    assert (code, out) == (2, "")
    assert re.search(reason, err), err
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1
    assert not (folder / "out").exists() or files_in(folder / "out") == []


def test_a_specification_that_fails_says_so(folder: Path) -> None:
    code, _, err = verify(folder, LENGTH, *OF_LENGTH, "--length", "3", spec="spec.py:fails")
    assert code == 2
    assert "the specification fails on 'BOS 1': ZeroDivisionError" in err


def test_too_many_words_are_not_judged(folder: Path) -> None:
    net = ef.Transformer.build("ab", [[1], [0]], [[1], [0]], [])
    ef.save_transformer(net, folder / "ab.json")
    code, _, err = verify(folder, "ab.json", "--words", "[a b]*", "--length", "40", spec="spec.py:backwards")
    assert code == 4
    assert "beginnings of words" in err


def test_before_a_long_run_it_is_said_what_it_takes(folder: Path) -> None:
    net = ef.Transformer.build("ab", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])
    ef.save_transformer(net, folder / "copy.json")
    (folder / "copy.py").write_text("def expected(word):\n    return [word[-1]]\n")
    arguments = ("copy.json", "--words", "a{9} [a b]{2} a*", "--last", "--length")
    assert verify(folder, *arguments, "30", spec="copy.py")[::2] == (0, "")
    many = ("copy.json", "--words", "a{1000} [a b]{12} a?", "--last", "--budget", "1", "--length", "1013")
    code, out, err = verify(folder, *many, spec="copy.py")
    assert err.startswith("8,192 words, 8,294,400 tokens: some 7 s, and more where tokens have many different states\n")
    assert (code, out) in ((0, out), (3, ""), (4, ""))


def test_margins_are_drawn(folder: Path) -> None:
    for place, name in enumerate(("margins.svg", "again.svg")):
        arguments = (*OF_LENGTH[:1], "BOS [1 2]*", *OF_LENGTH[2:], "--length", "12", "--plot", str(folder / name))
        assert verify(folder, LENGTH, *arguments)[0] == 1, place
    drawn = (folder / "margins.svg").read_text()
    assert "<svg" in drawn
    assert drawn == (folder / "again.svg").read_text()
    code, out, err = verify(folder, LENGTH, *OF_LENGTH, "--length", "3", "--plot", str(folder / "margins.pdf"))
    assert (code, out) == (2, "")
    assert "has to end in .svg or .png" in err


def test_numbers_that_are_expected() -> None:
    """Of a model that says numbers, those are read that some word should get."""
    words = ef.Words("BOS [a b]{1,2}", 3, lambda word: [Fraction(word.count("a"), len(word) - 1)], first=None)
    assert numbers_expected(words, ["b", "a", "BOS"]) == [0, Fraction(1, 2), 1]
    with pytest.raises(ef.WordsError, match="outputs are numbers, but the specification expects something else"):
        numbers_expected(ef.Words("a", 1, lambda _: ["x"]), ["a"])


def test_a_folder_that_was_exported_is_a_model(folder: Path) -> None:
    folder_of(folder, Work("copy", "", Paradigm.COT), "bf16")
    net = load_model(str(folder), ef.Words("a", 1, "hardmax"))
    assert net == ef.from_decoder(folder)
