"""Certificates about theories, from the API to the exit code; and the same certificates after one lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exactformer import api
from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided
from exactformer.certificates.checker.theory import check as theory_check
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.weights import weights_document
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.ngram.theory import ngram
from exactformer.constructions.theory import Theory
from tests.checker.conftest import Made, Make, canonical
from tests.checker.test_check import changed, leaves
from tests.checker.theory import small

pytestmark = pytest.mark.usefixtures("walked_once")

Lie = Callable[[Any], object]


def made_in(folder: Path, arithmetic: str, beta: int | None = None) -> Made:
    """A certificate about two letters, n = 1 and eight positions; in the place of a machine, the theory's file."""
    network, theory = ngram(small.LETTERS, small.N, context=2**small.R)
    certificate = api.certify(network, theory, arithmetic, context=2**small.R, beta=beta)
    text = folder / "ngram.theory"
    text.write_text(theory.text, encoding="utf-8")
    return Made(certificate.write(folder / "out"), text)


@pytest.fixture(scope="module")
def made_proved(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_in(tmp_path_factory.mktemp("proved"), "fused:bf16")


@pytest.fixture(scope="module")
def made_inconclusive(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """With a beta that is too small for all cases."""
    return made_in(tmp_path_factory.mktemp("inconclusive"), "fused:bf16", beta=4)


@pytest.fixture
def proved(made_proved: Made, tmp_path: Path) -> Made:
    return made_proved.copy(tmp_path / "proved")


@pytest.fixture
def inconclusive(made_inconclusive: Made, tmp_path: Path) -> Made:
    return made_inconclusive.copy(tmp_path / "inconclusive")


def run(made: Made, *more: str) -> int:
    return command.main([str(made.certificate), "--theory", str(made.machine), *more])


def the_theory() -> Theory:
    return ngram(small.LETTERS, small.N, context=2**small.R)[1]


VALID: list[tuple[str, str, str]] = [
    ("bf16", "fused:bf16", "proved"),
    ("a linear format", "fused:bf16+linearbf16", "proved"),
    ("weights rounded", "rounded:e5m2/e5m2", "proved"),
    ("real numbers", "exact", "inconclusive"),
]


@pytest.mark.parametrize(("arithmetic", "verdict"), [pytest.param(*one[1:], id=one[0]) for one in VALID])
def test_valid(arithmetic: str, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = made_in(tmp_path, arithmetic)
    valid = api.check(made.certificate, theory=the_theory())
    assert (valid.verdict, valid.claim) == (verdict, made.document["statement"]["claim"])
    assert vars(valid) == vars(check_theory(made.certificate, made.machine))
    assert valid.proved
    assert valid.assumed
    assert run(made) == (0 if verdict == "proved" else 3)
    said = capsys.readouterr().out
    assert said.startswith(f"valid: {verdict}\n")
    assert valid.claim in said


def test_what_is_claimed(proved: Made, inconclusive: Made) -> None:
    """The claim names the theory, its parameters, the context, the arithmetic and beta."""
    claim = proved.document["statement"]["claim"]
    for words in ("theory ngram", "LETTERS = [a b], n = 1", "at most 8 tokens", "fused:bf16", "beta = 128"):
        assert words in claim
    assert proved.document["statement"]["theory"]["sha256"] in claim
    assert claim.endswith("and at every token for which the theory names an output, that is the next token.")
    assert inconclusive.document["statement"]["claim"].endswith("at beta = 4, nothing is claimed.")


@pytest.mark.parametrize(("which", "most"), [("proved", 400), ("inconclusive", 60)])
def test_every_leaf_is_checked(which: str, most: int, request: pytest.FixtureRequest) -> None:
    """Each value of the document, changed, is rejected: except in provenance. The second one has the same heads.

    What a witness says of a symbol that was not found matters to no one; `test_witnesses.py` is about them. And ties
    may be more than there are: `test_less_may_be_told_of_heads_than_is_so`.
    """
    made, count = request.getfixturevalue(which), 0
    document = made.document
    parts = ("annotation", "heads", "witnesses") if which == "inconclusive" else ("witnesses",)
    for path in [path for path in leaves(document) if path[0] not in parts and path[-1] != "ties"]:
        holder = document
        for part in path[:-1]:
            holder = holder[part]
        before, holder[path[-1]] = holder[path[-1]], changed(holder[path[-1]])
        made.write(document)
        if path[0] == "provenance":
            check_theory(made.certificate, made.machine)
        else:
            with pytest.raises((Rejected, BadInput)):
                check_theory(made.certificate, made.machine)
        holder[path[-1]], count = before, count + 1
    assert most / 3 < count < most


def test_every_member_is_needed_and_no_other_allowed(proved: Made) -> None:
    made = proved
    document = made.document

    def objects(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            yield path, value
        for key, item in (
            value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
        ):
            yield from objects(item, f"{path}.{key}")

    count = 0
    for path, holder in list(objects(document)):
        if path == ".provenance" or path.endswith((".selects", ".parameters")):
            continue
        holder["more"] = "0"
        made.write(document)
        with pytest.raises(Rejected):
            check_theory(made.certificate, made.machine)
        del holder["more"]
        for name in sorted(holder):
            value = holder.pop(name)
            made.write(document)
            with pytest.raises((Rejected, BadInput)):
                check_theory(made.certificate, made.machine)
            holder[name] = value
            count += 1
    made.write(document)
    check_theory(made.certificate, made.machine)
    assert count > 100


def statement(**members: Any) -> Lie:
    return lambda document: document["statement"].update(members)


def parameters(**members: Any) -> Lie:
    return lambda document: document["statement"]["parameters"].update(members)


def look_up(**members: Any) -> Lie:
    """Of the first case of the head that looks up the symbol before."""
    return lambda document: document["annotation"][1][0][0].update(members)


def head(**members: Any) -> Lie:
    return lambda document: document["heads"][0].update(members)


def top(**members: Any) -> Lie:
    return lambda document: document.update(members)


LIES: list[tuple[str, str, str, Lie]] = [
    ("version 1", "proved", "version", top(version=1)),
    ("version 3", "proved", "version", top(version=3)),
    ("version 2, as a text", "proved", "version", top(version="2")),
    ("version true", "proved", "version", top(version=True)),
    ("an unknown member", "proved", "certificate", top(note="")),
    ("runs, as certificates about runs have", "proved", "certificate", top(runs=[])),
    ("a refutation", "proved", "certificate", top(refutation=None)),
    ("no margin", "proved", "certificate", lambda d: d.pop("margin")),
    ("an unknown member of the statement", "proved", "statement", statement(scope={})),
    (
        "an unknown member of the theory",
        "proved",
        "statement.theory",
        lambda d: d["statement"]["theory"].update(name="x"),
    ),
    ("an unknown member of the network", "proved", "network", lambda d: d["network"].update(parameters=[])),
    ("an unknown member of the weights", "proved", "network.weights", lambda d: d["network"]["weights"].update(n=1)),
    ("an unknown member of a case", "proved", "annotation[1][0][0]", look_up(note="")),
    ("another theory", "proved", "statement.theory.text", statement(theory={"text": "theory t", "sha256": ""})),
    ("a theory that is no text", "proved", "statement.theory.text", statement(theory={"text": 1, "sha256": ""})),
    (
        "a comment more",
        "proved",
        "statement.theory.text",
        lambda d: d["statement"]["theory"].update(text=small.text() + "#"),
    ),
    ("another hash", "proved", "statement.theory.sha256", lambda d: d["statement"]["theory"].update(sha256=64 * "0")),
    ("n = 2", "proved", "witnesses", parameters(n=2)),
    ("n = 0", "proved", "statement.parameters.n", parameters(n=0)),
    ("n = 9", "proved", "statement.parameters.n", parameters(n=9)),
    ("n below 0", "proved", "statement.parameters.n", parameters(n=-1)),
    ("a large n", "proved", "statement.parameters.n", parameters(n=2**16 + 1)),
    ("n as a text", "proved", "statement.parameters.n", parameters(n="1")),
    ("n is true", "proved", "statement.parameters.n", parameters(n=True)),
    ("n is nothing", "proved", "statement.parameters.n", parameters(n=None)),
    ("n as a list", "proved", "statement.parameters.n", parameters(n=["1"])),
    ("no n", "proved", "statement.parameters", lambda d: d["statement"]["parameters"].pop("n")),
    ("another parameter", "proved", "statement.parameters", parameters(m=1)),
    ("the number of bits as a parameter", "proved", "statement.parameters", parameters(r=3)),
    ("a letter more", "proved", "theory, class sym", parameters(LETTERS=["a", "b", "c"])),
    ("a letter less", "proved", "theory, class sym", parameters(LETTERS=["a"])),
    ("other letters", "proved", "theory, class sym", parameters(LETTERS=["a", "c"])),
    ("letters in another order", "proved", "theory, class sym", parameters(LETTERS=["b", "a"])),
    ("a letter twice", "proved", "theory, line", parameters(LETTERS=["a", "a"])),
    ("no letters", "proved", "theory, line", parameters(LETTERS=[])),
    ("letters that are numbers", "proved", "statement.parameters.LETTERS", parameters(LETTERS=[1, 2])),
    ("letters that bring syntax", "proved", "statement.parameters.LETTERS", parameters(LETTERS=["a", "x' or true"])),
    ("letters in a text", "proved", "statement.parameters.LETTERS", parameters(LETTERS="ab")),
    ("parameters in a list", "proved", "statement.parameters", statement(parameters=[])),
    ("a context beyond all positions", "proved", "statement.context", statement(context="9")),
    ("a context far beyond", "proved", "statement.context", statement(context=str(2**40))),
    ("a smaller context", "proved", "", statement(context="7")),
    ("no context", "proved", "statement.context", statement(context="0")),
    ("a context as a number", "proved", "statement.context", statement(context=8)),
    ("a context with a zero before", "proved", "statement.context", statement(context="08")),
    ("a context of very many digits", "proved", "statement.context", statement(context=2000 * "9")),
    ("beta no power of two", "proved", "statement.beta", statement(beta="129")),
    ("beta 0", "proved", "statement.beta", statement(beta="0")),
    ("beta below 0", "proved", "statement.beta", statement(beta="-128")),
    ("beta as a number", "proved", "statement.beta", statement(beta=128)),
    ("beta nothing", "proved", "statement.beta", statement(beta=None)),
    ("beta a fraction", "proved", "statement.beta", statement(beta="1/2")),
    ("another beta", "proved", "", statement(beta="256")),
    ("half of beta", "proved", "", statement(beta="64")),
    ("a beta that is not admitted", "proved", "weights, query", statement(beta=str(2**400))),
    ("another arithmetic", "proved", "", statement(arithmetic="fused:fp16")),
    ("no arithmetic", "proved", "statement.arithmetic", statement(arithmetic="fused")),
    ("another claim", "proved", "statement.claim", statement(claim="All is well.")),
    (
        "a claim about more tokens",
        "proved",
        "statement.claim",
        lambda d: statement(claim=d["statement"]["claim"].replace("8 tokens", "9 tokens"))(d),
    ),
    ("verdict inconclusive", "proved", "verdict", top(verdict="inconclusive")),
    ("verdict refuted", "proved", "verdict", top(verdict="refuted")),
    ("verdict certified", "proved", "verdict", top(verdict="certified")),
    ("verdict in capitals", "proved", "verdict", top(verdict="Proved")),
    ("proved, where not all cases hold", "inconclusive", "verdict", top(verdict="proved")),
    ("tokens proved, without drifts", "inconclusive", "certificate", top(verdict="tokens proved")),
    ("certified, where not all cases hold", "inconclusive", "verdict", top(verdict="certified")),
    ("refuted, where not all cases hold", "inconclusive", "verdict", top(verdict="refuted")),
    ("a verdict that is none", "inconclusive", "verdict", top(verdict="fine")),
    ("a verdict of no words", "inconclusive", "verdict", top(verdict="")),
    ("a verdict that is no text", "inconclusive", "verdict", top(verdict=None)),
    (
        "heads that do not hold, said to hold",
        "inconclusive",
        "heads[",
        lambda d: [one.update(holds=True) for one in d["heads"]],
    ),
    ("a head that holds, said not to", "proved", "verdict", head(holds=False)),
    ("a head of which it is not said", "proved", "heads[0].holds", head(holds=None)),
    ("a larger separation", "proved", "heads[0].separation", head(separation=3)),
    ("separation 0", "proved", "heads[0].separation", head(separation=0)),
    ("no separation", "proved", "heads[0].separation", head(separation=None)),
    ("a separation that is true", "proved", "heads[0].separation", head(separation=True)),
    ("more ties than tokens", "proved", "heads[0].ties", head(ties="9")),
    ("no ties", "proved", "heads[0].ties", head(ties="0")),
    ("fewer ties", "proved", "heads[1].ties", lambda d: d["heads"][1].update(ties="1")),
    ("ties as a number", "proved", "heads[0].ties", head(ties=1)),
    ("a head of another name", "proved", "heads[0].name", head(name="prev_2")),
    ("a head less", "proved", "heads", lambda d: d["heads"].pop()),
    ("a head more", "proved", "heads", lambda d: d["heads"].append(d["heads"][-1])),
    ("heads in another order", "proved", "heads[0]", lambda d: d["heads"].reverse()),
    ("a larger margin", "proved", "margin", top(margin=2)),
    ("no margin, though outputs are named", "proved", "margin", top(margin=None)),
    ("a margin that is true", "proved", "margin", top(margin=True)),
    ("margin 0", "proved", "margin", top(margin=0)),
    ("no annotation", "proved", "annotation", top(annotation=[])),
    ("an annotation that is an object", "proved", "annotation", top(annotation={})),
    ("a member far before", "proved", "annotation[1][0][0]", look_up(member="pos - 99999999999")),
    ("a member farther before", "proved", "annotation[1][0][0]", look_up(member=f"pos - {2**128}")),
    ("a member far behind", "proved", "annotation[1][0][0].member", look_up(member="pos + 99999999999")),
    ("a member that runs code", "proved", "annotation[1][0][0].member", look_up(member="__import__('os')")),
    (
        "weights in another folder",
        "proved",
        "network.weights.file",
        lambda d: d["network"]["weights"].update(file="../w"),
    ),
    (
        "weights of another hash",
        "proved",
        "network.weights.sha256",
        lambda d: d["network"]["weights"].update(sha256=64 * "0"),
    ),
    ("provenance that is no object", "proved", "provenance", top(provenance=[])),
]


@pytest.mark.parametrize(("which", "field", "lie"), [pytest.param(*one[1:], id=one[0]) for one in LIES])
def test_lies(which: str, field: str, lie: Lie, request: pytest.FixtureRequest) -> None:
    made = request.getfixturevalue(which)
    document = made.document
    lie(document)
    made.write(document)
    with pytest.raises(Rejected) as rejected:
        check_theory(made.certificate, made.machine)
    assert rejected.value.field.startswith(field)
    assert run(made) == 1
    for expected in ("refuted", "inconclusive"):
        assert run(made, "--expect", expected) == 1


TOO_LARGE: list[tuple[str, Lie]] = [
    ("provenance too long", top(provenance={"note": 2**16 * "x"})),
    ("a number beyond 2^128", look_up(member=f"pos - {2**128 + 1}")),
    ("a formula that is too long", look_up(when=" or ".join(["true"] * 20_000))),
    ("parentheses in each other", look_up(when=1000 * "(" + "true" + 1000 * ")")),
    ("negations in each other", look_up(when=1000 * "not " + "true")),
    ("drop in drop", look_up(member=9000 * "drop(" + "pos" + 9000 * ",0)")),
    ("sums of sums", look_up(member="pos" + 9000 * "+1")),
    ("more cases than are gone through", lambda d: d["annotation"][1].__setitem__(0, 5000 * d["annotation"][1][0])),
    ("a name of very many characters", parameters(LETTERS=["a", 1000 * "b"])),
    ("very many parameters", parameters(**{f"p{k}": k for k in range(300)})),
    ("lists in lists", look_up(classes=json.loads(20 * "[" + 20 * "]"))),
]


@pytest.mark.parametrize("lie", [pytest.param(one[1], id=one[0]) for one in TOO_LARGE])
def test_too_large_is_not_judged(lie: Lie, proved: Made) -> None:
    document = proved.document
    lie(document)
    proved.write(document)
    with pytest.raises(TooLarge):
        check_theory(proved.certificate, proved.machine)
    assert run(proved) == 4


def test_provenance_may_say_anything(proved: Made) -> None:
    document = proved.document
    for provenance in ({}, {"verdict": "refuted", "note": ["\x1b[2J"]}):
        proved.write(document | {"provenance": provenance})
        assert run(proved) == 0


NETWORKS: list[tuple[str, str, int, int]] = [
    ("more letters", "abc", 1, 8),
    ("other letters", "xy", 1, 8),
    ("more symbols before", "ab", 2, 8),
    ("more positions", "ab", 1, 16),
    ("fewer positions", "ab", 1, 4),
]


@pytest.mark.parametrize(("letters", "n", "context"), [pytest.param(*one[1:], id=one[0]) for one in NETWORKS])
def test_weights_of_another_network(letters: str, n: int, context: int, proved: Made) -> None:
    network, _ = ngram(letters, n, context=context)
    proved.write_weights(json.loads(canonical(json.loads(json.dumps(weights_document(network))))))
    with pytest.raises(Rejected):
        check_theory(proved.certificate, proved.machine)
    assert run(proved) == 1


def test_weights_that_are_not_the_named_ones(proved: Made) -> None:
    weights = proved.weights
    weights.write_bytes(weights.read_bytes() + b"\n")
    with pytest.raises(Rejected, match="sha256"):
        check_theory(proved.certificate, proved.machine)
    weights.unlink()
    assert run(proved) == 2


def test_a_theory_given_is_another(proved: Made, tmp_path: Path) -> None:
    for place, text in enumerate(
        (small.text() + "\n", small.text().replace("w <= pos", "w <= pos + 0"), "", "theory t")
    ):
        other = tmp_path / f"other{place}.theory"
        other.write_text(text, encoding="utf-8")
        assert command.main([str(proved.certificate), "--theory", str(other)]) == 1
        with pytest.raises(Rejected, match="is not the given theory"):
            api.check(proved.certificate, theory=Theory(text, small_parameters()))


def small_parameters() -> dict[str, Any]:
    return dict(small.PARAMETERS)


def test_a_theory_given_has_other_parameters(proved: Made) -> None:
    """Who gives a theory to the API gives its parameters too: a certificate about others is not about it."""
    text = small.text()
    assert api.check(proved.certificate, theory=Theory(text, small_parameters())).verdict == "proved"
    for other in ({"n": 2}, {"LETTERS": ("a", "b", "c")}, {"LETTERS": ("b", "a")}, {"m": 1}):
        with pytest.raises(Rejected, match="parameters"):
            api.check(proved.certificate, theory=Theory(text, small_parameters() | other))


def test_exit_codes(
    proved: Made, inconclusive: Made, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = {"positive": (0, 3), "refuted": (1, 3), "inconclusive": (1, 0)}
    for expected, of_each in codes.items():
        assert (run(proved, "--expect", expected), run(inconclusive, "--expect", expected)) == of_each
    none, binary, long = tmp_path / "none", tmp_path / "binary", tmp_path / "long"
    binary.write_bytes(b"\xff\xfe\x00")
    long.write_bytes(2**19 * b"#")
    capsys.readouterr()
    assert command.main([str(proved.certificate), "--theory", str(none)]) == 2
    assert command.main([str(none), "--theory", str(proved.machine)]) == 2
    assert command.main([str(proved.certificate), "--theory", str(tmp_path)]) == 2
    assert command.main([str(proved.certificate), "--theory", str(binary)]) == 2
    assert command.main([str(proved.machine), "--theory", str(proved.machine)]) == 2
    assert command.main([str(proved.weights), "--theory", str(proved.machine)]) == 2
    assert command.main([str(proved.certificate), "--theory", str(long)]) == 4
    assert "not judged: theory" in capsys.readouterr().err
    copy = make("copy", "01", "fused:bf16")
    assert command.main([str(copy.certificate), "--theory", str(proved.machine)]) == 2
    assert command.main([str(proved.certificate), "--machine", str(copy.machine)]) == 2
    assert command.main([str(proved.certificate), "--function", "sort"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert (
        said[0] == "the certificate is about a machine, given with --machine, not about a theory, given with --theory"
    )
    assert command.main([str(proved.certificate), "--theory", str(proved.machine), "--machine", str(copy.machine)]) == 1
    assert "is not that of the machine copy" in capsys.readouterr().err
    for options in ([], ["--theory", str(proved.machine), "--function", "sort"]):
        with pytest.raises(SystemExit) as stopped:
            command.main([str(proved.certificate), *options])
        assert stopped.value.code == 2


def test_an_unexpected_error_judges_nothing(
    proved: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(theory_check, "walk", broken)
    assert run(proved) == 5
    assert capsys.readouterr().err.startswith("not judged: the checker failed: ZeroDivisionError: on purpose")


def test_not_canonical(proved: Made) -> None:
    """Indented, with a number of many digits, with a member twice: a certificate that breaks rules of SPEC 1."""
    document = proved.document
    proved.certificate.write_text(json.dumps(document, indent=1))
    assert run(proved) == 1
    data = canonical(document)
    for broken in (
        data.replace(b'"margin":1', b'"margin":1.0'),
        data.replace(b'"margin":1', b'"margin":1' + 30 * b"0"),
        data.replace(b'"margin":1', b'"margin":1,"margin":1'),
        data.replace(b'"margin":1', b'"margin":NaN'),
        data[:-2],
    ):
        assert broken != data
        proved.certificate.write_bytes(broken)
        assert run(proved) == (2 if broken == data[:-2] else 1)


def test_names_play_no_tricks_with_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letters = ("\x1b[2J".replace("[", "("), "é")
    network, theory = ngram(letters, 1, context=4)
    certificate = api.certify(network, theory, "fused:bf16", context=4).write(tmp_path)
    text = tmp_path / "ngram.theory"
    text.write_text(theory.text, encoding="utf-8")
    assert command.main([str(certificate), "--theory", str(text)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.isascii()


def test_the_certificate_does_not_depend_on_where_it_lies(proved: Made, tmp_path: Path) -> None:
    shutil.move(proved.certificate.parent, tmp_path / "moved")
    check_theory(tmp_path / "moved" / proved.certificate.name, proved.machine)


def test_the_api_certifies_no_more_than_there_are_positions() -> None:
    network, theory = ngram(small.LETTERS, small.N, context=2**small.R)
    for context in (2**small.R + 1, 2**40):
        with pytest.raises(Rejected, match="context"):
            api.certify(network, theory, "fused:bf16", context=context)
    for context in (0, -1):
        with pytest.raises(api.BehaviourError, match="context"):
            api.certify(network, theory, "fused:bf16", context=context)
    assert api.certify(network, theory, "fused:bf16", context=5).verdict is api.Verdict.PROVED


def test_the_api_says_where_a_theory_is_wrong() -> None:
    network, theory = ngram(small.LETTERS, small.N, context=2**small.R)
    wrong = theory.text.replace("output sym if found: SYM symbol=g", "output sym if found: SYM symbol=p_0")
    with pytest.raises(Rejected, match="theory, output of sym: another token's logit"):
        api.certify(network, replace(theory, text=wrong), "fused:bf16", context=8)
    with pytest.raises(Rejected, match="annotation: is about 0 layers"):
        api.certify(network, replace(theory, annotation=()), "fused:bf16", context=8)
    with pytest.raises(Rejected, match="witnesses: gives no sequence of the theory"):
        api.certify(network, replace(theory, witnesses=()), "fused:bf16", context=8)


def test_names_are_a_part_of_the_certificate(tmp_path: Path) -> None:
    """A position and a flag, given and given anew; told otherwise, they are no words for what is held."""
    network, theory = ngram(small.LETTERS, small.N, context=2**small.R)
    every, layers = ("start", "sym"), len(network.layers)
    names: list[list[api.Name]] = [[] for _ in range(layers)]
    holds: list[list[api.Hold]] = [[] for _ in range(layers)]
    names[0] = [api.Name(every, "p", "pos"), api.Name(every, "late", formula="pos >= 4")]
    names[1] = [api.Name(every, "p", "p - 1"), api.Name(every, "late", formula="not late")]
    holds[1] = [api.Hold(every, "ptr", "(sign(p) if late or pos >= 4 else 0)")]
    certificate = api.certify(network, replace(theory, names=names, holds=holds), "fused:bf16", context=8)
    text = tmp_path / "ngram.theory"
    text.write_text(theory.text, encoding="utf-8")
    made = Made(certificate.write(tmp_path / "out"), text)
    check_theory(made.certificate, made.machine)
    document = made.document
    assert document["names"][1][0] == {"classes": ["start", "sym"], "name": "p", "number": "p - 1"}
    assert document["names"][1][1] == {"classes": ["start", "sym"], "name": "late", "formula": "not late"}
    for number, place, key, told in ((1, 0, "number", "p"), (0, 0, "number", "pos - 1"), (1, 1, "formula", "late")):
        lie = made.document
        lie["names"][number][place][key] = told
        made.write(lie)
        with pytest.raises(Rejected, match=r"holds\[1\]\[0\]: does not hold"):
            check_theory(made.certificate, made.machine)
        made.write(document)
    assert run(made) == 0


@pytest.mark.parametrize("given", [{}, {"number": "pos", "formula": "true"}], ids=["neither", "both"])
def test_a_name_is_a_number_or_a_formula(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="p must be either a number or a formula"):
        api.Name(("sym",), "p", **given)


def test_the_api_needs_one_subject(proved: Made) -> None:
    with pytest.raises(BadInput, match="give the machine, the theory"):
        api.check(proved.certificate)
    with pytest.raises(MachineError, match=r"ngram\.theory:5:1: "):
        api.check(proved.certificate, theory=the_theory(), machine=proved.machine)


def test_without_time_nothing_is_judged(proved: Made) -> None:
    with pytest.raises(Undecided):
        check_theory(proved.certificate, proved.machine, 0)


def test_less_may_be_told_of_heads_than_is_so(proved: Made) -> None:
    """Separations and ties are bounds: another checker may find better ones."""
    document = proved.document
    for one in document["heads"]:
        one |= {"separation": None if one["separation"] is None else 1, "ties": "8"}
    assert all(one["separation"] == 1 for one in document["heads"])
    proved.write(document)
    assert check_theory(proved.certificate, proved.machine).verdict == "proved"


def test_of_all_heads_it_is_checked_that_they_hold(proved: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one does not, nothing is proved, whatever the document says."""
    seen = list[Any]()
    for wrong in range(len(proved.document["heads"])):
        document = proved.document
        document["heads"][wrong]["holds"] = False
        proved.write(document)
        with pytest.raises(Rejected, match="not all heads hold"):
            check_theory(proved.certificate, proved.machine)
        document["heads"][wrong]["holds"] = True
        proved.write(document)
        seen.clear()

        def unsure(*case: Any, at: int = wrong) -> bool:
            seen.append(case)
            return len(seen) != at + 1

        monkeypatch.setattr(theory_check, "head_holds", unsure)
        with pytest.raises(Rejected) as rejected:
            check_theory(proved.certificate, proved.machine)
        assert rejected.value.field == f"heads[{wrong}].holds"
        monkeypatch.undo()
