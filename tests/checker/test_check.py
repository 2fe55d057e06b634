"""Certificates that are valid, and the same certificates after one lie."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker import check, runs
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge
from exactformer.certificates.checker.machine import canonical_text, parse_machine
from tests.checker.conftest import Made, Make
from tests.once import compute_once

VALID = [
    ("copy", "01", "fused:bf16", (), "certified"),
    ("binary-addition", "1+1 0+0", "rounded:fp16/bf16", ("--context", "200"), "certified"),
    ("binary-addition", "1+1", "fused:fixed16", (), "certified"),
    ("rewrite", 64 * "1", "rounded:bf16", ("--beta", "128"), "refuted"),
    ("copy", "01", "fused:bf16", ("--beta", "4"), "refuted"),
    ("copy", "01", "rounded:bf16/fp16", (), "refuted"),
    ("copy", "01", "fused:e4m3fn/float(4,-9,16)/e4m3fn", (), "certified"),
    ("copy", "01", "exact", (), "inconclusive"),
    ("binary-addition", "1+1", "fused:bf16", ("--paradigm", "scot"), "certified"),
    ("increment", "11 0", "rounded:bf16/fp16", ("--paradigm", "scot"), "refuted"),
]


@pytest.mark.parametrize(("machine", "inputs", "arithmetic", "options", "verdict"), VALID)
def test_valid(make: Make, machine: str, inputs: str, arithmetic: str, options: tuple[str, ...], verdict: str) -> None:
    made = make(machine, inputs, arithmetic, *options)
    valid = check_certificate(made.certificate, made.machine)
    assert (valid.verdict, valid.claim) == (verdict, made.document["statement"]["claim"])
    assert valid.proved
    assert valid.replayed
    assert valid.assumed


@pytest.fixture
def certified(make: Make, tmp_path: Path) -> Made:
    return make("copy", "0", "fused:fp16").copy(tmp_path / "certified")


@pytest.fixture
def refuted(make: Make, tmp_path: Path) -> Made:
    return make("copy", "01", "rounded:bf16/fp16").copy(tmp_path / "refuted")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path


def changed(value: Any) -> Any:
    """Something of the same type, so that only the rule about this very field can notice."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return str(2 * int(value) or 1) if value.isdigit() else value + "x"
        case None:
            return 1
        case _:
            return [[1, 1]]


def test_every_field_is_checked(certified: Made, refuted: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """One leaf of each kind (list indices aside), changed, is rejected: except in provenance."""
    compute_once(monkeypatch)
    for made in (certified, refuted):
        document = made.document
        kinds = {kind(path): path for path in leaves(document)}
        for path in kinds.values():
            holder = document
            for part in path[:-1]:
                holder = holder[part]
            before, holder[path[-1]] = holder[path[-1]], changed(holder[path[-1]])
            made.write(document)
            if path[0] == "provenance":
                check_certificate(made.certificate, made.machine)
            else:
                with pytest.raises((Rejected, BadInput)):
                    check_certificate(made.certificate, made.machine)
            holder[path[-1]] = before
        assert len(kinds) > 40


def kind(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path without list indices and without the keys of tables, such as registers' names."""
    if path[0] == "provenance":
        return path[:1]
    tables = ("reads", "writes", "embedding", "unembedding", "values")
    parts = [part if isinstance(part, str) else "*" for part in path]
    return tuple("*" if before in tables else part for before, part in zip(["", *parts], parts, strict=False))


Tamper = Callable[[Any], None]


def witness(document: Any) -> Any:
    return document["refutation"]["witnesses"][-1]


def split_last_witness(document: Any) -> None:
    """Two witnesses, which overlap."""
    low, high = witness(document)["exponents"]
    document["refutation"]["witnesses"].append(json.loads(json.dumps(witness(document))))
    document["refutation"]["witnesses"][-1]["exponents"] = [high, high]
    document["refutation"]["witnesses"][-2]["exponents"] = [low, high]


LIES: list[tuple[str, str, str, Tamper]] = [
    ("another version", "certified", "version", lambda d: d.update(version=1)),
    ("version true", "certified", "version", lambda d: d.update(version=True)),
    ("unknown field", "certified", "certificate", lambda d: d.update(note="")),
    ("missing field", "certified", "certificate", lambda d: d.pop("heads")),
    ("verdict unknown", "certified", "verdict", lambda d: d.update(verdict="proved")),
    ("verdict inconclusive", "certified", "verdict", lambda d: d.update(verdict="inconclusive")),
    ("verdict refuted", "certified", "refutation", lambda d: d.update(verdict="refuted")),
    ("verdict certified", "refuted", "refutation", lambda d: d.update(verdict="certified")),
    ("no inputs", "certified", "statement.scope.inputs", lambda d: d["statement"]["scope"].update(inputs=[])),
    ("input twice", "certified", "statement.scope.inputs", lambda d: d["statement"]["scope"]["inputs"].append("0")),
    ("one more input", "certified", "runs", lambda d: d["statement"]["scope"]["inputs"].append("1")),
    ("another paradigm", "certified", "weights.vocabulary", lambda d: d["statement"].update(paradigm="scot")),
    ("no paradigm", "certified", "statement.paradigm", lambda d: d["statement"].update(paradigm="cots")),
    ("another scope", "certified", "statement.scope.kind", lambda d: d["statement"]["scope"].update(kind="all")),
    ("small context", "certified", "statement.position_bits", lambda d: d["statement"].update(context="9")),
    (
        "beta no power of two",
        "certified",
        "statement.beta",
        lambda d: d["statement"].update(beta=str(int(d["statement"]["beta"]) + 1)),
    ),
    ("beta a number", "certified", "statement.beta", lambda d: d["statement"].update(beta=32)),
    (
        "other split",
        "certified",
        "statement.beta_split.query",
        lambda d: d["statement"]["beta_split"].update(query="4"),
    ),
    ("weights elsewhere", "certified", "network.weights.file", lambda d: d["network"]["weights"].update(file="../w")),
    ("head missing", "certified", "heads", lambda d: d["heads"].pop()),
    ("larger separation", "certified", "heads[0].separation", lambda d: d["heads"][0].update(separation=2)),
    ("ties that touch", "certified", "heads[0].ties", lambda d: d["heads"][0].update(ties=[[1, 1], [2, 2]])),
    ("a head that holds, said not to", "certified", "verdict", lambda d: d["heads"][0].update(holds=False)),
    ("a head of which it is not said", "certified", "heads[0].holds", lambda d: d["heads"][0].update(holds=None)),
    ("gap between witnesses", "refuted", "refutation.witnesses", lambda d: d["refutation"]["witnesses"].pop()),
    ("no witness", "refuted", "refutation.witnesses", lambda d: d["refutation"].update(witnesses=[])),
    ("witnesses overlap", "refuted", "refutation.witnesses", split_last_witness),
    ("narrower range of betas", "refuted", "refutation.betas", lambda d: d["refutation"].update(betas=[0, 3])),
    ("no such token", "refuted", "refutation.witnesses", lambda d: witness(d).update(token=9999)),
    ("no such run", "refuted", "refutation.witnesses", lambda d: witness(d).update(run=1)),
    ("no such segment", "refuted", "refutation.witnesses", lambda d: witness(d).update(segment=1)),
    ("no such layer", "refuted", "refutation.witnesses", lambda d: witness(d).update(layer=99)),
    ("no such row", "refuted", "refutation.witnesses", lambda d: witness(d).update(row=99)),
    ("an output that is not shown", "refuted", "refutation.witnesses", lambda d: witness(d).update(output=["7", "7"])),
    ("any output", "refuted", "refutation.witnesses", lambda d: witness(d).update(output=["-9", "9"])),
    ("an output of one end", "refuted", "refutation.witnesses", lambda d: witness(d).update(output=["7"])),
    ("an output in decimals", "refuted", "refutation.witnesses", lambda d: witness(d).update(output=["0.5", "7"])),
]


@pytest.mark.parametrize(("which", "field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in LIES])
def test_lies(which: str, field: str, lie: Tamper, request: pytest.FixtureRequest) -> None:
    made = request.getfixturevalue(which)
    document = made.document
    lie(document)
    made.write(document)
    with pytest.raises(Rejected) as rejected:
        check_certificate(made.certificate, made.machine)
    assert rejected.value.field.startswith(field)


def mlp(weights: Any) -> Any:
    return weights["layers"][0]["mlp"]


BAD_WEIGHTS: list[tuple[str, str, Tamper]] = [
    ("another format", "weights", lambda w: w.update(format="weights")),
    ("version true", "weights", lambda w: w.update(version=True)),
    ("registers too wide", "weights.registers", lambda w: w["registers"].append(["more", 2**16])),
    ("register twice", "weights.registers", lambda w: w["registers"].append(w["registers"][1])),
    ("register of width 0", "weights.registers", lambda w: w["registers"].append(["more", 0])),
    ("pos not first", "weights.registers", lambda w: w["registers"].reverse()),
    ("family twice", "weights.vocabulary", lambda w: w["vocabulary"].append(w["vocabulary"][0])),
    ("family missing", "weights.vocabulary", lambda w: w["vocabulary"].pop()),
    ("zero in a vector", "weights.vocabulary[0].embedding", lambda w: w["vocabulary"][0].update(embedding=[[0, 0]])),
    (
        "coordinate twice",
        "weights.vocabulary[0].embedding",
        lambda w: w["vocabulary"][0].update(embedding=[[9, 1]] * 2),
    ),
    (
        "coordinate too large",
        "weights.vocabulary[0].embedding",
        lambda w: w["vocabulary"][0].update(embedding=[[9999, 1]]),
    ),
    ("embedding onto pos", "", lambda w: w["vocabulary"][0].update(embedding=[[0, 1]])),
    ("head of unknown kind", "weights.layers[0].heads[0].kind", lambda w: w["layers"][0]["heads"][0].update(kind="x")),
    ("lists of two lengths", "weights.layers[0].heads[0].query", lambda w: w["layers"][0]["heads"][0]["key"].append(0)),
    ("negative coordinate", "weights.layers[0].heads[0].key[0]", lambda w: w["layers"][0]["heads"][0].update(key=[-1])),
    ("weight 0", "weights.layers[0].mlp.in_weight[0]", lambda w: mlp(w)["in_weight"].__setitem__(0, 0)),
    ("weight too large", "weights.layers[0].mlp.in_weight[0]", lambda w: mlp(w)["in_weight"].__setitem__(0, 2**40)),
    ("start falls", "weights.layers[0].mlp.in_start", lambda w: mlp(w)["in_start"].__setitem__(1, 99)),
    ("start too short", "weights.layers[0].mlp.out_start", lambda w: mlp(w)["out_start"].pop()),
    ("bias missing", "weights.layers[0].mlp.in_start", lambda w: mlp(w)["bias"].pop()),
    ("bias changed", "", lambda w: mlp(w)["bias"].__setitem__(0, -7)),
    ("entry without a weight", "weights.layers[0].mlp.in_weight", lambda w: mlp(w)["in_coordinate"].append(0)),
]


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in BAD_WEIGHTS])
def test_bad_weights(certified: Made, field: str, lie: Tamper) -> None:
    weights = json.loads(certified.weights.read_bytes())
    lie(weights)
    certified.write_weights(weights)
    with pytest.raises(Rejected) as rejected:
        check_certificate(certified.certificate, certified.machine)
    assert rejected.value.field.startswith(field)


def swap(weights: Any, layer: int, key: str) -> None:
    """Exchange two different entries: the counts of the values stay."""
    entries = weights["layers"][layer]["mlp"][key]
    first, second = 0, max(place for place, entry in enumerate(entries) if entry != entries[0])
    entries[first], entries[second] = entries[second], entries[first]


@pytest.mark.parametrize("key", ["in_weight", "out_weight", "bias", "in_coordinate", "out_coordinate"])
def test_weights_that_compute_something_else(certified: Made, key: str) -> None:
    """Same counts and dimensions, other numbers: the replay notices."""
    weights = json.loads(certified.weights.read_bytes())
    swap(weights, 0, key)
    certified.write_weights(weights)
    with pytest.raises(Rejected) as rejected:
        check_certificate(certified.certificate, certified.machine)
    assert rejected.value.field.startswith(("runs[0]", "heads"))


def test_a_witness_must_exclude_the_hardmax_value(refuted: Made) -> None:
    document = refuted.document
    witness(document)["token"] = 0  # where there is one visible position, and so no error
    refuted.write(document)
    assert "contains the hardmax value" in last_rejection(refuted, "contains")


def test_errors_that_may_cancel_refute_nothing(refuted: Made) -> None:
    """A second head adds to the coordinate of the witness: then the claim does not follow."""
    document, weights = refuted.document, json.loads(refuted.weights.read_bytes())
    place = witness(document)
    heads = weights["layers"][place["layer"] - 1]["heads"]
    heads[place["head"]]["out"].append(heads[place["head"]]["out"][place["row"]])
    zero = next(i for i, (name, _) in enumerate(weights["registers"]) if name == "outsym")
    heads[place["head"]]["value"].append(sum(width for _, width in weights["registers"][:zero]))
    refuted.write_weights(weights)
    assert "the errors may cancel" in last_rejection(refuted, "cancel")


def last_rejection(made: Made, word: str) -> str:
    """Repair what the rules ask for, up to the reason with this word, which cannot be repaired."""
    for _ in range(40):
        with pytest.raises(Rejected) as rejected:
            check_certificate(made.certificate, made.machine)
        if word in rejected.value.reason:
            break
        repair(made, rejected.value)
    return rejected.value.reason


def repair(made: Made, error: Rejected) -> None:
    """Write the expected value where a value was found wrong."""
    document = holder = made.document
    *path, last = error.field.replace("[", ".").replace("]", "").split(".")
    for part in path:
        holder = holder[int(part) if isinstance(holder, list) else part]
    shown = re.search(r"it is shown to be from (\S+) to (\S+)", error.reason)
    right = list(shown.groups()) if shown else json.loads(error.reason.split("where it must be ")[1])
    holder[int(last) if isinstance(holder, list) else last] = right
    made.write(document)


def test_weights_document_is_the_named_one(certified: Made) -> None:
    certified.weights.write_bytes(certified.weights.read_bytes() + b"\n")
    with pytest.raises(Rejected, match="sha256"):
        check_certificate(certified.certificate, certified.machine)
    certified.weights.unlink()
    with pytest.raises(BadInput):
        check_certificate(certified.certificate, certified.machine)


def test_another_machine(certified: Made, tmp_path: Path) -> None:
    text = canonical_text(parse_machine(certified.machine.read_text()))
    other = tmp_path / "other.yaml"
    other.write_text("# the same one\n" + text)
    check_certificate(certified.certificate, other)
    last_row = text.splitlines()[-1]
    other.write_text(text.replace(last_row, last_row[:-2] + 'S"'))
    with pytest.raises(Rejected, match="not the given machine: different rows"):
        check_certificate(certified.certificate, other)


def test_limit_of_tokens(certified: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = certified.document["runs"][0]["segments"][0]["tokens"]
    monkeypatch.setattr(runs, "LARGEST_TOKENS", tokens)
    check_certificate(certified.certificate, certified.machine)
    monkeypatch.setattr(runs, "LARGEST_TOKENS", tokens - 1)
    with pytest.raises(TooLarge, match=f"replays up to {tokens - 1}"):
        check_certificate(certified.certificate, certified.machine)
    assert run(certified.certificate, "--machine", certified.machine) == 4


def run(*arguments: Path | str) -> int:
    return command.main([str(argument) for argument in arguments])


def test_exit_codes(make: Make, certified: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(certified.certificate, "--machine", certified.machine) == 0
    said = capsys.readouterr().out
    assert said.startswith("valid: certified\nOn 1 input of copy ")
    assert all(f"\n{word}\n" in said for word in ("proved", "checked on these runs", "assumed"))
    refuted = make("copy", "01", "fused:bf16", "--beta", "4")
    inconclusive = make("copy", "01", "exact")
    for made, codes in ((certified, (0, 1, 1)), (refuted, (1, 0, 1)), (inconclusive, (3, 3, 0))):
        assert run(made.certificate, "--machine", made.machine) == codes[0]
        for expected, code in zip(("positive", "refuted", "inconclusive"), codes, strict=True):
            capsys.readouterr()
            assert run(made.certificate, "--machine", made.machine, "--expect", expected) == code
            said = capsys.readouterr().out
            assert said.startswith("valid: ")
            assert ("valid, but it says" in said) == (code != 0)
    assert run(certified.certificate, "--machine", tmp_path / "none") == 2
    assert run(tmp_path / "none", "--machine", certified.machine) == 2
    assert run(certified.certificate, "--machine", certified.certificate) == 2
    assert run(certified.machine, "--machine", certified.machine) == 2
    assert run(certified.weights, "--machine", certified.machine) == 2
    document = certified.document
    document["statement"]["claim"] = "\x1b[2J" + document["statement"]["claim"]
    certified.write(document)
    capsys.readouterr()
    assert run(certified.certificate, "--machine", certified.machine) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("not valid: statement.claim: is ")
    assert "\x1b" not in complaint
    with pytest.raises(SystemExit) as stopped:
        run(certified.certificate)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("on purpose"), MemoryError(), RecursionError("too deep")], ids=repr
)
def test_an_unexpected_error_judges_nothing(
    certified: Made, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(check, "check_beta", broken)
    assert run(certified.certificate, "--machine", certified.machine) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("not judged: the checker failed: ")
    monkeypatch.setenv("EXACTFORMER_TRACEBACK", "1")
    assert run(certified.certificate, "--machine", certified.machine) == 5
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):")


NO_CERTIFICATES = {
    "an empty file": b"",
    "no JSON": b"name: increment\n",
    "no text": b"\xff\xfe\x00",
    "a number": b"3\n",
    "a list": b"[]\n",
    "a document of something else": b'{"format":"something else"}\n',
    "one with numbers that certificates do not have": b'{"format":"something else","x":1.5,"y":1e99}\n',
    "a document without a format": b'{"name":1}',
    "brackets without end": b"[" * 100_000,
}


@pytest.mark.parametrize("title", NO_CERTIFICATES)
def test_what_is_no_certificate_is_bad_input(title: str, certified: Made, capsys: pytest.CaptureFixture[str]) -> None:
    certified.certificate.write_bytes(NO_CERTIFICATES[title])
    assert run(certified.certificate, "--machine", certified.machine) == 2
    assert "is not a certificate: " in capsys.readouterr().err
    assert run(certified.certificate, "--function", "sort") == 2


def test_a_certificate_in_another_form_is_not_valid(certified: Made) -> None:
    """Indented, or with a fraction in it: it says that it is a certificate, and breaks rules of SPEC 1."""
    document = certified.document
    certified.certificate.write_text(json.dumps(document, indent=1))
    assert run(certified.certificate, "--machine", certified.machine) == 1
    document["version"] = 1.5
    certified.certificate.write_text(json.dumps(document))
    assert run(certified.certificate, "--machine", certified.machine) == 1


def test_the_certificate_does_not_depend_on_where_it_lies(certified: Made, tmp_path: Path) -> None:
    shutil.move(certified.certificate.parent, tmp_path / "moved")
    check_certificate(tmp_path / "moved" / certified.certificate.name, certified.machine)
