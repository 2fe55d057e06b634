"""Transducers and automata: in YAML files, from Python, on the command line; beside functions that say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random

import pytest

import exactformer as ef
from exactformer.certificates.words.files import load_expected, load_language, numbers_expected
from tests.command_line.invoking import files_in, invoke
from tests.imported.test_tracr import stored
from tests.words.test_outputs import NAMES, evaluated, language_of

Word = tuple[str, ...]

PARITY = """
# Of the a so far.
start: even
moves:
  even: {a: [odd, 1], b: even}
  odd:
    a: [even, 0]
    b: odd
"""
ODD = """
start: even
accepting: [odd]
moves:
  even: {a: odd, b: even}
  odd: {a: even, b: odd}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a network that says whether there is an a so far, in full attention that it is anywhere."""
    head = ef.HeadWeights([[0, 0, 1]], [[64, 0, 0]], [[1, -1, 0]], [[0], [0], [1]])
    for name, causal in (("so_far", True), ("anywhere", False)):
        outputs = ef.largest_outputs(["yes", "no"], [[0, 0, 1], [0, 0, -1]], [-1, 1], width=3)
        layers, embedding = [ef.LayerWeights([head])], [[1, 0, 1], [0, 1, 1]]
        net = ef.Transformer.build("ab", embedding, None, layers, outputs=outputs, causal=causal)
        ef.save_transformer(net, tmp_path / f"{name}.json")
    (tmp_path / "so_far.yaml").write_text(SO_FAR)
    (tmp_path / "odd.yaml").write_text(ODD)
    (tmp_path / "so_far.py").write_text(
        "def expected(word):\n    return ['yes' if 'a' in word[: n + 1] else 'no' for n in range(len(word))]\n"
        "def first(word):\n    return ['yes'] * len(word)\n"
    )
    return tmp_path


SO_FAR = """
start: none
moves:
  none: {a: [some, yes], b: [none, no]}
  some: {a: [some, yes], b: [some, yes]}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.yaml"
    path.write_bytes(text.encode("utf-8"))
    return path


# ------------------------------------------------------------------------------------------------------------ files


def test_files(tmp_path: Path) -> None:
    parity = ef.load_transducer(written(tmp_path, PARITY))
    assert parity == ef.Transducer(
        "even", {"even": {"a": ("odd", "1"), "b": "even"}, "odd": {"a": ("even", "0"), "b": "odd"}}
    )
    assert parity.outputs(("a", "b", "a")) == ["1", None, "0"]
    odd = ef.load_automaton(written(tmp_path, ODD))
    assert odd == ef.Automaton("even", ["odd"], {"even": {"a": "odd", "b": "even"}, "odd": {"a": "even", "b": "odd"}})


def test_nothing_is_read_as_a_number_or_a_truth_value(tmp_path: Path) -> None:
    text = 'start: 0\nmoves:\n  0: {yes: [no, 1.0], null: [~, "on"], "": 0x1}\n  no: {}\n  ~: {}\n  0x1: {}\n'
    found = ef.load_transducer(written(tmp_path, text))
    assert found.moves["0"] == {"yes": ("no", "1.0"), "null": ("~", "on"), "": "0x1"}
    json_text = json.dumps({"start": "x", "moves": {"x": {"a": ["x", "\xe4"]}}})
    assert ef.load_transducer(written(tmp_path, json_text)).moves == {"x": {"a": ("x", "\xe4")}}


BAD_FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "nothing": (ef.load_automaton, "", "table.yaml: missing key 'start'; give start, accepting, moves"),
    "a comment": (ef.load_transducer, "# nothing\n", "table.yaml: missing key 'start'; give start, moves"),
    "a list": (ef.load_transducer, "- a\n", "table.yaml:1:1: write 'name: value' here, for each; {} for none"),
    "no YAML": (ef.load_transducer, "start: [\n", "table.yaml:2:1: not YAML: expected the node content, but found"),
    "a character": (
        ef.load_transducer,
        "start: \x07\n",
        "table.yaml:1:8: not YAML: the character '\\x07' is not allowed",
    ),
    "no UTF-8": (ef.load_transducer, "start: \udcff", "is not a text in UTF-8"),
    "no moves": (ef.load_transducer, "start: x\n", "missing key 'moves'"),
    "no accepting states": (ef.load_automaton, PARITY, "missing key 'accepting'; give start, accepting, moves"),
    "accepting states of a transducer": (ef.load_transducer, ODD, "unknown key 'accepting'; give start, moves"),
    "a key twice": (
        ef.load_transducer,
        "start: x\nstart: y\n",
        ":2:1: 'start' was already given on line 1; remove one of them",
    ),
    "a state twice": (
        ef.load_transducer,
        "start: x\nmoves:\n  x: {}\n  x: {}\n",
        ":4:3: 'x' was already given on line 3; remove one of them",
    ),
    "two moves for a state and a token": (
        ef.load_transducer,
        "start: x\nmoves:\n  x:\n    a: x\n    a: [x, 1]\n",
        ":5:5: 'a' was already given on line 4; remove one of them",
    ),
    "a start that is none": (
        ef.load_transducer,
        "start: y\nmoves: {x: {}}\n",
        "the start state is 'y', which has no entry",
    ),
    "an accepting state that is none": (
        ef.load_automaton,
        "start: x\naccepting: [y]\nmoves: {x: {}}\n",
        "an accepting state is 'y', which has no entry in moves; one without moves has {} there",
    ),
    "a next state that is none": (
        ef.load_transducer,
        PARITY.replace("[odd, 1]", "[ood, 1]"),
        "the next state after 'even' with 'a' is 'ood', which has no entry in moves",
    ),
    "a move with an output of an automaton": (
        ef.load_automaton,
        ODD.replace("{a: odd,", "{a: [odd, 1],"),
        ":5:13: write one name here",
    ),
    "a move of three": (
        ef.load_transducer,
        PARITY.replace("odd, 1]", "odd, 1, 2]"),
        "a move is the next state, or a list",
    ),
    "a move that is a mapping": (
        ef.load_transducer,
        PARITY.replace("[odd, 1]", "{odd: 1}"),
        ":5:13: write a list here",
    ),
    "an output that is a list": (ef.load_transducer, PARITY.replace("odd, 1]", "odd, [1]]"), "write one name here"),
    "a state without anything": (
        ef.load_transducer,
        PARITY + "  end:\n",
        "write 'name: value' here, for each; {} for none",
    ),
    "a move to nothing": (ef.load_transducer, PARITY + "  end: {a: }\n", 'a name is missing here; write one, or ""'),
    "moves as text": (ef.load_transducer, "start: x\nmoves: x\n", ":2:8: write 'name: value' here"),
    "accepting as text": (
        ef.load_automaton,
        ODD.replace("[odd]", "odd"),
        ":3:12: write a list here, as in [first, second]",
    ),
}


@pytest.mark.parametrize("title", BAD_FILES)
def test_what_is_no_table(title: str, tmp_path: Path) -> None:
    load, text, reason = BAD_FILES[title]
    path = tmp_path / "table.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ef.WordsError, match=re.escape(reason)) as error:
        load(path)
    assert len(str(error.value).splitlines()) == 1
    assert str(path) in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for load in (ef.load_automaton, ef.load_transducer):
        with pytest.raises(ef.WordsError, match=r"none.yaml' cannot be read: No such file"):
            load(tmp_path / "none.yaml")
    path = written(tmp_path, "#" * (1 << 24) + "\n")
    with pytest.raises(ef.WordsError, match="is longer than 16777216 bytes"):
        ef.load_transducer(path)


# ----------------------------------------------------------------------------------------------------- from Python


def test_outputs_are_named_by_their_text() -> None:
    table = ef.Transducer("x", {"x": {"a": ("x", 1), "b": ("x", True), "c": ("x", Fraction(1, 2))}})
    assert table.outputs(tuple("abc")) == ["1", "True", "1/2"]
    assert table.document == {"start": "x", "moves": {"x": {"a": ["x", "1"], "b": ["x", "True"], "c": ["x", "1/2"]}}}


BAD_TABLES: dict[str, tuple[Callable[[], object], str]] = {
    "a move of three": (
        lambda: ef.Transducer("x", {"x": {"a": ("x", 1, 2)}}),  # type: ignore[dict-item]
        "the move from state 'x' with 'a' is ('x', 1, 2); give the next state, or a pair of it and an output",
    ),
    "a move that is a number": (
        lambda: ef.Transducer("x", {"x": {"a": 1}}),  # type: ignore[dict-item]
        "the move from state 'x' with 'a' is 1; give the next state",
    ),
    "an output that is a float": (
        lambda: ef.Transducer("x", {"x": {"a": ("x", 0.5)}}),  # type: ignore[dict-item]
        "the output of the move from state 'x' with 'a' is 0.5; outputs are texts",
    ),
    "an output that is None": (
        lambda: ef.Transducer("x", {"x": {"a": ("x", None)}}),  # type: ignore[dict-item]
        "a move without an output is the next state alone",
    ),
    "a language that is a number": (
        lambda: ef.Words(3, 2, "hardmax"),  # type: ignore[arg-type]
        "the language is 3; give a regular expression, or an Automaton",
    ),
    "a start that is none": (lambda: ef.Automaton("y", [], {"x": {}}), "the start state is 'y', which has no entry"),
    "an accepting state that is none": (lambda: ef.Automaton("x", ["y"], {"x": {}}), "an accepting state is 'y'"),
    "a next state that is none": (
        lambda: ef.Automaton("x", [], {"x": {"a": "y"}}),
        "the next state after 'x' with 'a' is 'y', which has no entry in moves",
    ),
}


@pytest.mark.parametrize("title", BAD_TABLES)
def test_bad_tables(title: str) -> None:
    make, reason = BAD_TABLES[title]
    with pytest.raises(ef.WordsError, match=re.escape(reason)):
        make()


NET = ef.Transformer.build("ab", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])
"""Says the token."""
COPY = ef.Transducer("x", {"x": {"a": ("x", "a"), "b": ("x", "b")}})
NOT_OF_THE_NETWORK: dict[str, tuple[ef.Words, str]] = {
    "a token of the transducer": (
        ef.Words("a", 1, ef.Transducer("x", {"x": {"c": "x"}})),
        'the transducer.moves["x"]["c"] is a move with "c", which is not in the vocabulary',
    ),
    "an output": (
        ef.Words("a", 1, ef.Transducer("x", {"x": {"a": ("x", "c")}})),
        'the transducer.moves["x"]["a"] has "c", which is not an output of the network',
    ),
    "a token of the automaton": (
        ef.Words(ef.Automaton("x", ["x"], {"x": {"c": "x"}}), 2, COPY),
        'the automaton.moves["x"]["c"] is a move with "c", which is not in the vocabulary',
    ),
    "a word without a run": (
        ef.Words("a b | a a", 2, ef.Transducer("x", {"x": {"a": ("x", "a")}})),
        'the transducer has no move for token 1 of the word ["a", "b"]',
    ),
    "a short word without a run": (
        ef.Words("b | a a", 2, ef.Transducer("x", {"x": {"a": ("x", "a")}}), 1),
        'the transducer has no move for token 0 of the word ["b"]',
    ),
    "no output anywhere": (
        ef.Words("[a b]*", 3, ef.Transducer("x", {"x": {"a": "x", "b": "x"}})),
        "the transducer has no output on any word of up to 3 tokens where it is asked",
    ),
    "an automaton of no words": (
        ef.Words(ef.Automaton("x", [], {"x": {"a": "x"}}), 3, COPY),
        "the language has no word of up to 3 tokens that something is asked about",
    ),
}


@pytest.mark.parametrize("title", NOT_OF_THE_NETWORK)
def test_what_does_not_fit_the_network(title: str) -> None:
    words, reason = NOT_OF_THE_NETWORK[title]
    with pytest.raises(ef.WordsError, match=re.escape(reason)):
        ef.certify(NET, words, "fp32")


@pytest.mark.parametrize("name", NAMES)
def test_a_transducer_says_what_a_function_says(name: str) -> None:
    """Its states are the words so far: the same margins; if one output is another, the same word is wrong."""
    _, net = stored(name)
    letters, every = language_of(net)
    language = every.removesuffix("*") + "{1,3}"
    words = [("BOS", *rest) for n in range(4) for rest in product(letters, repeat=n)]
    random = Random(name)
    wrong, *silent = random.sample(words[1:], 4)

    def expected(word: Word) -> str:
        return evaluated(net, word)[-1]

    def changed(word: Word) -> str:
        return next(one for one in net.output_names if one != expected(word)) if word == wrong else expected(word)

    def tree(says: Callable[[Word], str], silent: Sequence[Word] = ()) -> ef.Transducer:
        moves: dict[str, dict[str, str | tuple[str, str]]] = {" ".join(word): {} for word in ((), *words)}
        for word in words:
            state = " ".join(word)
            told = len(word) > 1 and word not in silent
            moves[" ".join(word[:-1])][word[-1]] = (state, says(word)) if told else state
        return ef.Transducer("", moves)

    def found(says: Callable[[Word], object] | ef.Transducer) -> ef.WordsCertificate:
        return ef.certify(net, ef.Words(language, 4, says, None), "fp32")

    for says in (expected, changed):
        one, other = found(says), found(tree(says))
        assert one.lengths == other.lengths
        assert (one.wrong, one.verdict) == (other.wrong, other.verdict)
    told = found(tree(expected, silent))
    assert sum(one.words for one in told.lengths) == len(words) - 1 - len(silent)
    assert told.verdict is ef.Verdict.PROVED


# ------------------------------------------------------------------------------------------------ on the command line


def verify(folder: Path, model: str, *more: str, spec: str = "so_far.yaml") -> tuple[int, str, str]:
    done = invoke(
        "verify",
        folder / f"{model}.json",
        "--spec",
        folder / spec,
        "--out",
        folder / "out",
        "--arithmetic",
        "fp32",
        *more,
    )
    return done.code, done.out, done.err


def check(folder: Path, *more: str | Path) -> tuple[int, str]:
    (certificate,) = (folder / "out").glob("*.certificate.json")
    done = invoke("check", certificate, *more)
    return done.code, done.out + done.err


ANY = ("--words", "[a b]*", "--length", "6")


def test_proved_checked_and_compared(folder: Path) -> None:
    code, out, err = verify(folder, "so_far", *ANY)
    assert (code, err) == (0, ""), out
    assert "On each word of at most 6 tokens of the language [a b]*, the softmax transformer" in out
    assert "gives at each position asked about strictly the output of the transducer (SHA-256 " in out
    assert "expected  the outputs of a transducer of 2 states\n" in out
    assert "words     126 of which something is asked, 642 positions" in out
    assert "The transducer in the certificate says what was meant." in out
    code, said = check(folder)
    assert code == 0
    assert 'that the transducer is what was meant: {"moves":{"none":{"a":["some","yes"],"b":["none","no"]}' in said
    code, said = check(folder, "--spec", folder / "so_far.yaml")
    assert code == 0
    assert "compared\n  - the transducer of " in said
    code, said = check(folder, "--spec", folder / "so_far.py")
    assert code == 0
    assert "so_far.py expects, on every word, what the transducer of the certificate gives" in said
    code, said = check(folder, "--spec", f"{folder / 'so_far.py'}:first")
    assert code == 1
    assert "on 'b', at position 0, " in said
    assert "expects 'yes', not 'no'" in said
    assert check(folder, "--spec", "hardmax")[0] == 1


def test_another_transducer_that_says_the_same(folder: Path) -> None:
    assert verify(folder, "so_far", *ANY)[0] == 0
    other = SO_FAR.replace("some", "yes") + "  never: {a: never}\n"
    (folder / "other.yaml").write_text(other)
    code, said = check(folder, "--spec", folder / "other.yaml")
    assert (code, "other.yaml expects, on every word, what the transducer" in said) == (0, True)
    (folder / "other.yaml").write_text(SO_FAR.replace("[some, yes], b: [some, yes]", "[some, yes], b: [some, no]"))
    code, said = check(folder, "--spec", folder / "other.yaml")
    assert code == 1
    assert "on 'a b', at position 1, " in said
    (folder / "other.yaml").write_text(SO_FAR.replace("b: [some, yes]", "b: some"))
    code, said = check(folder, "--spec", folder / "other.yaml")
    assert (code, "expects None, not 'yes'" in said) == (1, True)


def test_a_listing_is_compared_with_a_transducer(folder: Path) -> None:
    assert verify(folder, "so_far", *ANY, spec="so_far.py")[0] == 0
    code, said = check(folder, "--spec", folder / "so_far.yaml")
    assert (code, "so_far.yaml is the one that the claim is about" in said) == (0, True)
    (folder / "some.yaml").write_text(SO_FAR.replace("b: [some, yes]", "b: some"))
    code, said = check(folder, "--spec", folder / "some.yaml")
    assert code == 1
    assert "on 'a b' the transducer has no output at some position that is asked about" in said


def test_refuted(folder: Path) -> None:
    """In full attention an a that comes later counts."""
    code, out, _ = verify(folder, "anywhere", *ANY, "--explain")
    assert code == 1
    assert "On 'b a', at position 0, the output is not 'no': 'yes' is at least as good" in out
    assert 'does not give strictly the output "no" of the transducer (SHA-256 ' in out
    assert "right     every word of up to 1 token" in out
    assert check(folder, "--expect", "refuted")[0] == 0
    assert check(folder, "--expect", "refuted", "--spec", folder / "so_far.yaml")[0] == 0
    assert verify(folder, "anywhere", *ANY, "--last")[0] == 0


def test_not_shown(folder: Path) -> None:
    """Of as many a as b the two logits are equal, each from thirds of a head of its own."""
    heads = [ef.HeadWeights([[0] * 3], [[0] * 3], [[1, 0, 0]], out) for out in ([[0], [1], [0]], [[0], [0], [1]])]
    unembedding = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    net = ef.Transformer.build("abc", [[1, 0, 0], [0] * 3, [0] * 3], unembedding, [ef.LayerWeights(heads)])
    ef.save_transformer(net, folder / "thirds.json")
    (folder / "a.yaml").write_text("start: x\nmoves:\n  x: {a: x, b: [x, a]}\n")
    code, out, _ = verify(
        folder, "thirds", "--words", "a b b", "--length", "3", "--last", "--arithmetic", "exact", spec="a.yaml"
    )
    assert code == 3, out
    assert "it is not shown, nor shown not to be so, that the softmax transformer" in out
    assert "gives strictly the outputs of the transducer (SHA-256 " in out
    assert check(folder, "--expect", "inconclusive")[0] == 0


def test_an_automaton_for_a_language(folder: Path) -> None:
    language = ("--words", f"@{folder / 'odd.yaml'}", "--length", "5")
    for spec, expected in (("so_far.yaml", 0), ("so_far.py", 0), ("so_far.py:first", 1)):
        code, out, err = verify(folder, "so_far", *language, "--force", spec=spec)
        assert (code, err) == (expected, ""), out
        assert "of the language of the automaton (SHA-256 " in out
        assert "language  of an automaton of 2 states, up to 5 tokens" in out
        verdict = "positive" if code == 0 else "refuted"
        assert check(folder, "--expect", verdict, "--spec", folder / spec)[0] == 0
        for path in (folder / "out").iterdir():
            path.unlink()
    done = invoke("verify", folder / "so_far.json", "--spec", "hardmax", *language, "--out", folder / "out")
    assert done.code == 0, done.out + done.err
    assert "On each word of at most 5 tokens of the language of the automaton (SHA-256 " in done.out
    assert check(folder, "--spec", "hardmax")[0] == 0


def test_states_that_are_never_reached_are_named(folder: Path) -> None:
    (folder / "more.yaml").write_text(SO_FAR + "  sum: {a: some}\n  smoe: {}\n")
    code, out, _ = verify(folder, "so_far", *ANY, spec="more.yaml")
    assert code == 0
    assert "expected  the outputs of a transducer of 4 states; never in 'sum', 'smoe'" in out


def test_what_is_typed() -> None:
    assert load_language("[a b]*") == "[a b]*"
    assert load_language("@ a") == "@ a"
    for load in (load_expected, load_language):
        with pytest.raises(ef.WordsError, match=r"none.yaml' cannot be read"):
            load("@none.yaml")


BAD: dict[str, tuple[tuple[str, ...], str, str]] = {
    "no file of a transducer": (ANY, "none.yaml", "none.yaml' cannot be read: No such file"),
    "no file of an automaton": (("--words", "@none.yaml", "--length", "3"), "so_far.py", "'none.yaml' cannot be read"),
    "neither": (
        ANY,
        "spec.txt",
        "is neither a Python nor a YAML file; give FILE.py or FILE.py:NAME for a function, FILE.yaml",
    ),
    "an automaton where a transducer must be": (
        ANY,
        "odd.yaml",
        "odd.yaml: unknown key 'accepting'; give start, moves",
    ),
    "an output that is none": (ANY, "maybe.yaml", 'has "maybe", which is not an output of the network'),
    "a move too few": (ANY, "few.yaml", 'the transducer has no move for token 0 of the word ["b"]'),
    "two moves": (ANY, "two.yaml", "two.yaml:6:5: 'a' was already given on line 5; remove one of them"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_input_in_one_sentence(title: str, folder: Path) -> None:
    (folder / "maybe.yaml").write_text(SO_FAR.replace("[some, yes]}", "[some, maybe]}"))
    (folder / "few.yaml").write_text("start: x\nmoves:\n  x: {a: [x, yes]}\n")
    (folder / "two.yaml").write_text("\nstart: x\nmoves:\n  x:\n    a: x\n    a: x\n")
    arguments, spec, reason = BAD[title]
    code, out, err = verify(folder, "so_far", *arguments, spec=spec)
    assert (code, out) == (2, "")
    assert reason in err
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1
    assert not (folder / "out").exists() or files_in(folder / "out") == []


def test_numbers_that_a_transducer_names() -> None:
    table = ef.Transducer("x", {"x": {"BOS": "x", "a": ("y", Fraction(1, 2))}, "y": {"a": ("y", 3)}})
    assert numbers_expected(ef.Words("BOS a*", 3, table), ["a", "BOS"]) == [Fraction(1, 2), 3]
    assert numbers_expected(ef.Words("BOS a", 3, table), ["a", "BOS"]) == [Fraction(1, 2)]
