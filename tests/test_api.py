"""The public interface: complete, documented, typed; it returns values, raises typed errors and prints nothing."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from types import FunctionType

import pytest

import exactformer as ef
from exactformer.certificates.command_line.main import cli
from exactformer.certificates.weights import parameters
from exactformer.constructions.theory import TrueToken
from exactformer.results import AnyCertificate
from tests.command_line.invoking import files_in, invoke
from tests.given.test_documents import COUNTER, FEW

pytestmark = pytest.mark.usefixtures("walked_once")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("\n## From Python\n") : README.index("\n## Your own construction\n")]
NAMES = dir(ef)
MACHINE = ef.load_machine("increment")
NETWORK, THEORY = ef.ngram("ab", 1, context=16)
EVERY = ef.EveryRun(16)
GIVEN = ef.Given([(FEW, {128: "a"})])


@pytest.fixture(autouse=True)
def _silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """No call below prints, or writes a file that it was not asked for."""
    monkeypatch.chdir(tmp_path)
    yield
    assert capfd.readouterr() == ("", "")
    assert [name for name in files_in(tmp_path) if not name.startswith("out")] == []


# ---------------------------------------------------------------------------- names


def test_the_reference_has_all_of_it_and_nothing_else() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "documentation" / "reference").glob("*.md")]
    named = [name for page in pages for name in re.findall(r"^::: exactformer\.(\w+)$", page, re.MULTILINE)]
    assert len(named) == len(set(named))
    assert set(named) - {"trial"} == set(NAMES)


def test_the_readme_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """Its example, in a context that is proved sooner."""
    lines = [line.removeprefix("    ") for line in SECTION.splitlines() if line.startswith("    ")]
    example = "\n".join(lines)
    assert "2**16" in example
    exec(example.replace("2**16", "2**5"), {})
    said = capfd.readouterr().out
    assert said.startswith("proved For every token sequence of the theory turing-cot")
    assert "\nPROVED\n" in said
    assert "\nvalid: proved\n" in said


def test_what_is_no_name_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'exactformer' has no attribute 'certificate'"):
        _ = ef.certificate


def members(name: str) -> Iterator[tuple[str, object]]:
    """A public name, and of a class of ours all that is public in it."""
    found = getattr(ef, name)
    yield name, found
    if inspect.isclass(found):
        for attribute, value in vars(found).items():
            if not attribute.startswith("_"):
                yield f"{name}.{attribute}", inspect.unwrap(getattr(value, "__func__", value))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name: str) -> None:
    for where, found in members(name):
        if where == name or isinstance(found, FunctionType):
            said = inspect.getdoc(found) or ""
            assert said, where
            assert not said.startswith(f"{name}("), where  # what dataclasses say where nobody else does


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_typed(name: str) -> None:
    for where, found in members(name):
        function = found.fget if isinstance(found, property) else found
        if isinstance(function, FunctionType):
            hints = typing.get_type_hints(function)
            wanted = {each for each in inspect.signature(function).parameters if each not in ("self", "cls")}
            assert wanted | {"return"} <= hints.keys(), where
            assert not any("Any" in re.findall(r"\w+", str(hint)) for hint in hints.values()), where


@pytest.mark.parametrize(
    "name", ["audit", "certify", "load_machine", "ngram", "turing", "Given", "Inputs", "EveryRun", "Transformer"]
)
def test_examples_in_docstrings_run(name: str) -> None:
    tests = [test for test in doctest.DocTestFinder().find(getattr(ef, name), name) if test.examples]
    assert tests
    for test in tests:
        test.globs.update({name: getattr(ef, name), **vars(inspect.getmodule(getattr(ef, name)))})
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


# ---------------------------------------------------------------------------- what the commands do, it does


@dataclass(frozen=True)
class Same:
    """A call, and the command that has to write the same files and print the same report."""

    title: str
    call: Callable[[], AnyCertificate]
    command: str
    check: Callable[[Path], ef.Valid]

    def __str__(self) -> str:
        return self.title


def machine_of(path: Path) -> ef.Valid:
    return ef.check(path, machine=MACHINE)


SAME = (
    Same(
        "inputs",
        lambda: ef.certify(MACHINE, ef.Inputs(["1", "11"], context=100), "fused:bf16", beta=256),
        "increment --input 1 --input 11 --context 100 --beta 256",
        machine_of,
    ),
    Same(
        "refuted on inputs",
        lambda: ef.certify(MACHINE, ef.Inputs(["1"], paradigm="scot"), "fused:bf16", beta=1),
        "increment --input 1 --paradigm scot --beta 1",
        machine_of,
    ),
    Same(
        "every run",
        lambda: ef.certify(MACHINE, EVERY, "fused:bf16"),
        "increment --all-inputs --context 16",
        machine_of,
    ),
    Same(
        "a condition, tokens",
        lambda: ef.certify(MACHINE, ef.EveryRun(16, writes=2), "rounded:fixed8/fixed8", tokens=True),
        "increment --all-inputs --context 16 --assume-writes-per-cell 2 --arithmetic rounded:fixed8/fixed8 "
        "--claim tokens",
        machine_of,
    ),
    Same(
        "refuted by an input",
        lambda: ef.certify(MACHINE, ef.EveryRun(64), "fused:bf16", beta=8),
        "increment --all-inputs --context 64 --beta 8",
        machine_of,
    ),
    Same(
        "sequences",
        lambda: ef.certify(COUNTER, GIVEN, "fused:bf16", name="counter"),
        "{folder}/out0/counter.json --sequences {folder}/out.yaml",
        lambda path: ef.check(path),
    ),
)


@pytest.mark.parametrize("same", SAME, ids=str)
def test_the_command_writes_and_prints_the_same(same: Same, tmp_path: Path) -> None:
    (tmp_path / "out0").mkdir()
    ef.save_transformer(COUNTER, tmp_path / "out0" / "counter.json")
    (tmp_path / "out.yaml").write_text(f"- tokens: [{', '.join(FEW)}]\n  asked: {{128: a}}\n")
    certificate = same.call()
    path = certificate.write(tmp_path / "out")
    done = invoke("certify", *same.command.format(folder=tmp_path).split(), "--out", tmp_path / "out2")
    text = ef.report(certificate)
    assert done.out.startswith(text)
    assert done.out.removeprefix(text).startswith("\ncertificate  ")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "out2")
    assert ef.report(certificate).startswith(certificate.verdict.value.upper())
    assert same.check(path).verdict == certificate.verdict.value


def test_what_is_checked_is_said_as_the_command_says_it(tmp_path: Path) -> None:
    path = ef.certify(MACHINE, EVERY, "fused:bf16").write(tmp_path / "out")
    valid = ef.check(path, machine="increment")
    assert ef.report(valid) == invoke("check", path, "--machine", "increment").out
    assert valid.proved
    assert valid.assumed
    assert valid == ef.check(path, machine=MACHINE)


def test_an_audit_has_the_rows_that_the_command_prints() -> None:
    found = ef.audit(MACHINE, ["rounded:e5m2/e5m2", "fused:bf16"], [16, 2**40], paradigm="scot")
    command = ["audit", "increment", "--arithmetic", "rounded:e5m2/e5m2", "--arithmetic", "fused:bf16"]
    command += ["--context", "16,2^40", "--paradigm", "scot"]
    assert json.loads(invoke(*command, "--json").out) == found.document()
    assert ef.report(found) == invoke(*command).out
    assert [row.context for row in found.rows] == [16, 2**40, 16, 2**40]
    assert ef.audit((1, 6, 5), ["fused:bf16"], [16]).subject.name == "K = 1, |Q| = 6, |Gamma| = 5"


def test_every_option_of_certify_has_its_place_in_the_interface() -> None:
    """Beside those that say where to write and how to print."""
    options = {param.name for param in cli.commands["certify"].params}
    fields = {
        "machine": (ef.certify, "subject"),
        "inputs": (ef.Inputs, "words"),
        "all_inputs": (ef.certify, "behaviour"),
        "sequences": (ef.load_given, "path"),
        "paradigm": (ef.EveryRun, "paradigm"),
        "context": (ef.EveryRun, "context"),
        "arithmetic": (ef.certify, "arithmetic"),
        "beta": (ef.certify, "beta"),
        "space": (ef.EveryRun, "space"),
        "assumed_writes": (ef.EveryRun, "writes"),
        "claim": (ef.certify, "tokens"),
        "budget": (ef.certify, "budget_seconds"),
        "max_steps": (ef.Inputs, "max_steps"),
        "out": (ef.Certificate.write, "folder"),
        "force": (ef.Certificate.write, "force"),
        "as_json": (ef.report, "of"),
    }
    assert options == set(fields)
    for function, parameter in fields.values():
        assert callable(function)
        assert parameter in inspect.signature(function).parameters


# ---------------------------------------------------------------------------- results


def test_a_refutation_is_a_value() -> None:
    refuted = ef.certify(MACHINE, ef.EveryRun(64), "fused:bf16", beta=8)
    assert refuted.counterexample is not None
    assert refuted.counterexample.verdict is ef.Verdict.REFUTED
    assert refuted.claim == refuted.counterexample.claim
    assert (refuted.counterexample.refutation or "").startswith("In layer ")
    assert refuted.not_shown is None
    certified = ef.certify(MACHINE, ef.Inputs(["1"]), "fused:bf16")
    assert certified.refutation is None


def test_what_is_known_of_runs_is_a_value() -> None:
    short = ef.certify(MACHINE, ef.EveryRun(6), "fused:bf16")
    assert short.example is None
    assert (short.no_run_halts or "").startswith("No run that fits halts: increment takes at least 3 steps")
    long = ef.certify(MACHINE, EVERY, "fused:bf16")
    assert (long.example, long.no_run_halts, long.counterexample) == ("0", None, None)


def test_lines_are_as_wide_as_asked() -> None:
    certificate = ef.certify(MACHINE, ef.Inputs(["1"]), "fused:bf16")
    lines = ef.report(certificate, width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) > len(ef.report(certificate).splitlines())


def test_a_space_gives_the_context() -> None:
    assert ef.EveryRun(space=7, paradigm="scot").context == 49


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    certificate = ef.certify(MACHINE, ef.Inputs(["1"]), "fused:bf16")
    path = certificate.write(tmp_path / "out")
    path.write_text("mine")
    with pytest.raises(ef.FileRefused, match="exists and is kept"):
        certificate.write(tmp_path / "out")
    assert path.read_text() == "mine"
    assert certificate.write(tmp_path / "out", force=True) == path
    assert path.read_text() != "mine"


# ---------------------------------------------------------------------------- notebooks

BREAKING = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """All tags are closed but those that hold nothing; nothing is loaded, and nothing has a colour of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {"style", "id", "href", "src"} & given.keys()
        assert not [name for name in given if name.startswith("on")]
        assert {given.get("fill"), given.get("stroke")} <= {None, "none", "currentColor"}
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(shown: object) -> str:
    """What a notebook shows; nothing in it is a script, a style or a colour."""
    html = shown._repr_html_()  # type: ignore[attr-defined]
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert not parser.seen & {"script", "style", "link", "a", "iframe", "img", "object", "use", "image"}
    return parser.text


def test_a_certificate_is_told_in_a_line() -> None:
    certificate = ef.certify(NETWORK, THEORY, "fused:bf16", context=16)
    assert repr(certificate) == f"<TheoryCertificate, proved: {certificate.claim}>"
    of_a_run = ef.certify(MACHINE, ef.Inputs(["1"]), "fused:bf16")
    assert repr(of_a_run) == f"<InputsCertificate, certified: {of_a_run.claim}>"


def test_a_network_shows_its_size_its_layers_and_its_registers() -> None:
    network, _ = ef.turing(MACHINE, context=16)
    shown = network._repr_html_()
    text_of(network)
    head = network.layers[1].heads[0].name
    assert head in shown
    assert f"<td>{network.registers[0].name}</td><td>0</td>" in shown
    assert f"<td>{sum(1 for _ in network.numbers()):,}</td><td>{max(map(abs, network.numbers()))}</td>" in shown


def test_the_weights_of_a_network_are_those_that_a_certificate_counts() -> None:
    network, _ = ef.turing(MACHINE, context=16)
    counted = parameters(network, None)
    assert sum(matrix.nonzero for matrix in counted) == sum(1 for _ in network.numbers())
    assert max(matrix.largest for matrix in counted) == max(map(abs, network.numbers()))


def test_a_theory_shows_its_annotation() -> None:
    shown = text_of(THEORY)
    case = THEORY.annotation[1][0][0]
    for part in (case.when, case.member, case.value, *case.classes, *case.selects, *case.selects.values()):
        assert part in shown
    assert THEORY.text in shown
    assert "a b" in shown
    _, runs = ef.turing(MACHINE, context=16)
    shown = text_of(runs)
    for hold in runs.holds[0]:
        assert hold.content in shown
        assert hold.register in shown
    names = [one for layer in runs.names for one in layer]
    assert names
    assert all(one.name in shown and str(one.number or one.formula) in shown for one in names)


def test_what_is_valid_shows_what_it_rests_on(tmp_path: Path) -> None:
    path = ef.certify(MACHINE, ef.Inputs(["1"]), "fused:bf16").write(tmp_path / "out")
    valid = ef.check(path, machine=MACHINE)
    html = valid._repr_html_()
    text_of(valid)
    assert "<b>valid: certified</b>" in html
    for title, sentences in (
        ("proved", valid.proved),
        ("checked on these runs", valid.replayed),
        ("assumed", valid.assumed),
    ):
        assert sentences
        assert f"<p><b>{title}</b></p><ul><li>" in html
        assert all(sentence in text_of(valid) for sentence in sentences)
    assert "not claimed" not in html


def test_certificates_and_transformers_show_themselves() -> None:
    certificate = ef.certify(NETWORK, THEORY, "fused:bf16", context=16)
    assert certificate.claim in text_of(certificate)
    assert "exists_high" in text_of(certificate)
    assert "causal" in text_of(COUNTER)


def test_a_certificate_about_a_kernel(tmp_path: Path) -> None:
    """What the command says; written, checked, refuted with the input and a script."""
    options = ("--keys", "8", "--scores", "-8..8", "--values", "0..1", "--out", tmp_path / "out-of-command")
    said = invoke("kernel", "flash-2-bf16", *options).out
    certificate = ef.certify(ef.load_recipe("flash-2-bf16"), ef.KernelInputs(8, (-8, 8), (0, 1)))
    assert certificate.verdict is ef.Verdict.PROVED
    assert said.startswith(ef.report(certificate))
    assert certificate.claim in text_of(certificate)
    path = certificate.write(tmp_path / "out")
    assert ef.check(path).claim == certificate.claim
    assert certificate.errors is not None
    assert certificate.errors["cast"] == Fraction(1, 256)
    assert (certificate.failing, certificate.script, certificate.not_shown) == (None, None, None)
    wrong = ef.certify(ef.load_recipe("buggy-no-guard"), ef.KernelInputs(8, (-8, 8), (-1, 1), "any"))
    assert wrong.verdict is ef.Verdict.REFUTED
    assert wrong.failing is not None
    assert wrong.failing[0].masked
    assert wrong.not_shown is not None
    with pytest.raises(ef.Rejected, match="is about a kernel, not about the network"):
        ef.check(path, network=COUNTER)


def test_all_text_is_escaped() -> None:
    case = ef.Case((BREAKING,), BREAKING, {BREAKING: BREAKING}, BREAKING, BREAKING)
    theory = ef.Theory(
        BREAKING,
        {BREAKING: (BREAKING,)},
        [[[case]]],
        [[ef.Hold((BREAKING,), BREAKING, BREAKING)]],
        [[ef.Name((BREAKING,), BREAKING, number=BREAKING)]],
        [[TrueToken(BREAKING, {})]],
    )
    assert text_of(theory).count(BREAKING) == 15
    valid = ef.Valid(BREAKING, BREAKING, (BREAKING,), (BREAKING,), (BREAKING,), (BREAKING,))
    assert text_of(valid).count(BREAKING) == 6


# ---------------------------------------------------------------------------- bad input


@dataclass(frozen=True)
class Bad:
    """A call, the error it raises, and what that says."""

    title: str
    call: Callable[..., object]
    error: type[Exception]
    says: str

    def __str__(self) -> str:
        return self.title


def certify(*arguments: object, **options: object) -> Callable[[], object]:
    return lambda: ef.certify(*arguments, **options)  # type: ignore[call-overload]


def call(function: Callable[..., object], *arguments: object, **options: object) -> Callable[[], object]:
    return lambda: function(*arguments, **options)


def masks(masked: str) -> ef.KernelInputs:
    return ef.KernelInputs(2, (-1, 1), (0, 1), masked)


RUN = ef.Inputs(["1"])
KERNEL = ef.load_recipe("flash-2-bf16")
UNMASKED = KERNEL.changed("mask", "null")
B = ef.BehaviourError
BAD = (
    Bad("a word for words", call(ef.Inputs, "101"), B, "the inputs are '101'; give a list of words"),
    Bad("a number for words", call(ef.Inputs, 3), B, "the inputs are 3; give a list of words"),
    Bad("no word", call(ef.Inputs, []), B, "there is no input; give at least one word"),
    Bad("a number for a word", call(ef.Inputs, ["1", 2]), B, "input 1 is 2, which is not a text"),
    Bad("a word twice", call(ef.Inputs, ["1", "1"]), B, "the input '1' is given twice"),
    Bad("no paradigm", call(ef.Inputs, ["1"], paradigm="cots"), B, "paradigm is 'cots'; give 'cot' or 'scot'"),
    Bad("no steps", call(ef.Inputs, ["1"], max_steps=0), B, "max_steps is 0; give a whole number, at least 1"),
    Bad("half a context", call(ef.Inputs, ["1"], context=1.5), B, "context is 1.5; give a whole number"),
    Bad("no context", call(ef.EveryRun), B, "give a context (or, with paradigm 'scot', a space)"),
    Bad("a space and cot", call(ef.EveryRun, 16, space=3), B, "space needs paradigm 'scot'"),
    Bad("a context of 0", call(ef.EveryRun, 0), B, "context is 0; give a whole number, at least 1"),
    Bad("a true context", call(ef.EveryRun, True), B, "context is True; give a whole number"),
    Bad("a context without end", call(ef.EveryRun, 2**65), ef.ContextError, "contexts go up to 2^64"),
    Bad("a context for no run", call(ef.EveryRun, 1), ef.ContextError, "give 5 or more"),
    Bad("a space too large", call(ef.EveryRun, 16, paradigm="scot", space=7), ef.ContextError, "do not fit 16"),
    Bad("a space of 0", call(ef.EveryRun, paradigm="scot", space=0), B, "space is 0; give a whole number"),
    Bad(
        "writes that say nothing",
        call(ef.EveryRun, 16, writes=16),
        B,
        "a bound of 16 writes per cell excludes nothing in 16",
    ),
    Bad("no machine", call(ef.load_machine, "incremental"), ef.MachineError, "did you mean increment?"),
    Bad("a word of other symbols", certify(MACHINE, ef.Inputs(["2"]), "fused:bf16"), ef.MachineError, "use only 0 1"),
    Bad(
        "a run without end",
        certify(MACHINE, ef.Inputs(["1"], max_steps=1), "fused:bf16"),
        ef.MachineError,
        "has not halted after 1 steps",
    ),
    Bad(
        "a run that does not fit",
        certify(MACHINE, ef.Inputs(["1"], context=4), "fused:bf16"),
        ef.ContextError,
        "does not fit",
    ),
    Bad("no arithmetic", certify(MACHINE, RUN, "floats"), ef.ModelError, "unknown arithmetic 'floats'"),
    Bad("a number for it", certify(MACHINE, RUN, 32), ef.ModelError, "the arithmetic is 32; give a text"),
    Bad("beta 3", certify(MACHINE, RUN, "fused:bf16", beta=3), ef.BetaError, "beta is 3; it has to be a power of two"),
    Bad("beta 0", certify(MACHINE, RUN, "fused:bf16", beta=0), B, "beta is 0; give a whole number, at least 1"),
    Bad("beta too large", certify(MACHINE, RUN, "fused:bf16", beta=2**200), ef.BetaError, "is too large"),
    Bad("beta 3 of sequences", certify(COUNTER, GIVEN, "exact", beta=3), ef.BetaError, "beta is 3; it has to be"),
    Bad("no time", certify(MACHINE, EVERY, "fused:bf16", budget_seconds=-1), B, "budget_seconds is -1; give"),
    Bad(
        "too little time",
        certify(ef.load_machine("copy"), ef.EveryRun(64), "fused:bf16", budget_seconds=0),
        ef.Undecided,
        "not done after 0 s",
    ),
    Bad("a name for a machine", certify("increment", RUN, "fused:bf16"), TypeError, "Inputs of a str is not judged"),
    Bad("words for a behaviour", certify(MACHINE, ["1"], "fused:bf16"), TypeError, "list of a TuringMachine is not"),
    Bad("a network on words", certify(NETWORK, RUN, "fused:bf16"), TypeError, "Inputs of a Network is not judged"),
    Bad("a theory of a transformer", certify(COUNTER, THEORY, "exact"), TypeError, "Theory of a Transformer"),
    Bad("a theory without context", certify(NETWORK, THEORY, "fused:bf16"), TypeError, "a theory needs context=N"),
    Bad("a context of sequences", certify(COUNTER, GIVEN, "exact", context=8), TypeError, "context does not go with"),
    Bad("tokens of runs", certify(MACHINE, RUN, "exact", tokens=True), TypeError, "tokens does not go with Inputs"),
    Bad("a name of runs", certify(MACHINE, EVERY, "exact", name="x"), TypeError, "name does not go with EveryRun"),
    Bad(
        "a theory of another context",
        certify(NETWORK, THEORY, "fused:bf16", context=17),
        ef.Rejected,
        "context: is 17, but the network has only 2^4 positions",
    ),
    Bad("a theory without text", certify(NETWORK, ef.Theory(""), "fused:bf16", context=16), ef.Rejected, "theory"),
    Bad("a name that is nothing", call(ef.Name, ("a",), "x"), B, "x must be either a number or a formula"),
    Bad("letters twice", call(ef.ngram, "aa", 1, context=16), B, "there is no 1-gram look-up of 2 letters"),
    Bad("numbers for letters", call(ef.ngram, [1, 2], 1, context=16), B, "the letters are [1, 2]; give a text"),
    Bad("n = 0", call(ef.ngram, "ab", 0, context=16), B, "n is 0; give a whole number, at least 1"),
    Bad("an n-gram without context", call(ef.ngram, "ab", 1, context=0), B, "context is 0; give a whole number"),
    Bad("a computer without context", call(ef.subleq, context=-1), B, "context is -1; give a whole number"),
    Bad("no paradigm of turing", call(ef.turing, MACHINE, context=16, paradigm="x"), B, "paradigm is 'x'; give"),
    Bad("no writes", call(ef.turing, MACHINE, context=16, writes=0), B, "writes is 0; give a whole number"),
    Bad("no machine of turing", call(ef.turing, "increment", context=16), TypeError, "give a TuringMachine"),
    Bad(
        "a language of others", certify(COUNTER, ef.Words("z*", 2, len), "fp32"), ef.WordsError, "not in the vocabulary"
    ),
    Bad("words of no token", call(ef.Words, "a*", 0, len), ef.WordsError, "give 1 to 1024 tokens"),
    Bad(
        "words of the wind",
        call(ef.Words, "a*", 2, "wind"),
        ef.WordsError,
        "give a function of words, a Transducer, or 'hardmax'",
    ),
    Bad("no decoder", call(ef.from_decoder, "none"), ef.TransformerError, "cannot be read"),
    Bad("no sequence", call(ef.Given, []), ef.GivenError, "there is no sequence; give at least one"),
    Bad("sequences of others", certify(COUNTER, ef.Given([["z"]]), "exact"), ef.GivenError, "is not in the vocabulary"),
    Bad("no file of sequences", call(ef.load_given, "none.yaml"), ef.GivenError, "cannot be read"),
    Bad("no network document", call(ef.load_transformer, "none.json"), ef.NetworkDocumentError, "cannot be read"),
    Bad(
        "no matrix", call(ef.Transformer.build, ["a", "b"], None, None, []), ef.TransformerError, "embedding has shape"
    ),
    Bad("one token", call(ef.Transformer.build, ["a"], [[1]], [[1]], []), ef.TransformerError, "at least two"),
    Bad("no certificate", call(ef.check, "none.json", machine=MACHINE), ef.BadInput, "cannot be read"),
    Bad("about nothing", call(ef.check, "none.json"), ef.BadInput, "cannot be read"),
    Bad("of no machine", call(ef.check, "none.json", machine="none"), ef.MachineError, "neither a machine of"),
    Bad(
        "of two things",
        call(ef.check, "none.json", machine=MACHINE, network=COUNTER),
        ef.BadInput,
        "a certificate is about one",
    ),
    Bad("no time to check", call(ef.check, "none.json", machine=MACHINE, budget_seconds=0), B, "budget_seconds is 0"),
    Bad("an audit of no size", call(ef.audit, (1, 6), ["fused:bf16"], [16]), B, "give tapes, states and tape symbols"),
    Bad("an audit of too much", call(ef.audit, (9, 2, 2), ["fused:bf16"], [16]), B, "from 1,2,2 to 8,4096,4096"),
    Bad("an audit of a name", call(ef.audit, "increment", ["fused:bf16"], [16]), B, "give tapes, states and"),
    Bad("an audit of a text", call(ef.audit, MACHINE, "fused:bf16", [16]), ef.ModelError, "give a list of texts"),
    Bad("an audit of no run", call(ef.audit, MACHINE, ["fused:bf16"], [1]), ef.ContextError, "give 5 or more"),
    Bad("an audit of 0 tokens", call(ef.audit, MACHINE, ["fused:bf16"], [0]), B, "context is 0; give"),
    Bad("no recipe", call(ef.load_recipe, "none"), ef.RecipeError, "is neither the name of a recipe nor a file"),
    Bad("scores that fp32 has not", certify(KERNEL, ef.KernelInputs(1, (0, 0.1), (0, 1))), ef.RecipeError, "in fp32"),
    Bad("masked keys without a mask", certify(UNMASKED, masks("some")), ef.RecipeError, "has no mask"),
    Bad("0 keys", call(ef.KernelInputs, 0, (0, 1), (0, 1)), B, "keys is 0"),
    Bad("too many keys", call(ef.KernelInputs, 2**40 + 1, (0, 1), (0, 1)), B, "at most 1,099,511,627,776"),
    Bad("no range of scores", call(ef.KernelInputs, 1, 3, (0, 1)), B, "scores are 3; give a pair"),
    Bad("an empty range", call(ef.KernelInputs, 1, (0, 1), (1, 0)), B, "values are from 1 to 0"),
    Bad("infinite scores", call(ef.KernelInputs, 1, (0, float("inf")), (0, 1)), B, "inf is not a finite number"),
    Bad("masks of another kind", call(masks, "all"), B, "masked is 'all'; it has to be one of none, some, any"),
    Bad("no tolerance", call(ef.KernelInputs, 1, (0, 1), (0, 1), "none", 0), B, "the tolerance is 0"),
    Bad(
        "an arithmetic of a kernel",
        certify(KERNEL, masks("none"), "fused:bf16"),
        TypeError,
        "a recipe of a kernel goes with KernelInputs and without an arithmetic",
    ),
    Bad(
        "no arithmetic of a machine",
        certify(MACHINE, RUN),
        TypeError,
        "for all else name one, such as",
    ),
    Bad(
        "a report of nothing",
        call(ef.report, MACHINE),
        TypeError,
        "is neither a certificate nor what check or audit returns",
    ),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_raises_a_typed_error_that_says_what_to_do(bad: Bad) -> None:
    with pytest.raises(bad.error, match=re.escape(bad.says)) as raised:
        bad.call()
    assert raised.type not in (ValueError, KeyError, AssertionError, IndexError, AttributeError)
    assert raised.type is TypeError or raised.type.__module__.startswith("exactformer.")


def test_every_error_that_is_public_is_raised_above_or_by_files() -> None:
    public = {name for name in NAMES if inspect.isclass(found := getattr(ef, name)) and issubclass(found, Exception)}
    assert public - {bad.error.__name__ for bad in BAD} == {"FileRefused", "TooLarge"}


def test_another_machine_is_another_claim(tmp_path: Path) -> None:
    path = ef.certify(MACHINE, EVERY, "fused:bf16").write(tmp_path / "out")
    with pytest.raises(ef.Rejected):
        ef.check(path, machine="copy")
    path.write_text("{}")
    with pytest.raises(ef.BadInput):
        ef.check(path, machine=MACHINE)
    with pytest.raises(ef.BadInput, match="give the machine, the theory, the network or the function"):
        ef.check(path)


def test_nothing_is_imported_before_a_name_is_used() -> None:
    probe = "import sys, exactformer; print('exactformer.api' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"
