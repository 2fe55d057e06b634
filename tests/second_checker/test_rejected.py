"""Certificates that must be rejected, each with a title: one thing is changed. Both checkers reject each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import exactformer as ef
from exactformer.certificates import second_checker
from tests.second_checker.both import Case, Document, canonical, first_code, made, second_code, sha256

Change = Callable[[Document, Document], object]


@pytest.fixture(scope="module")
def ngram(tmp_path_factory: pytest.TempPathFactory) -> Case:
    network, theory = ef.ngram(letters="ab", n=2, context=16)
    certificate = ef.certify(network, theory, "fused:bf16", context=16)
    return made(tmp_path_factory.mktemp("ngram"), certificate, theory=theory)


@pytest.fixture(scope="module")
def increment(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("increment")
    machine = folder / "machine.yaml"
    machine.write_text((Path(ef.__file__).parent / "constructions/machines/texts/increment.yaml").read_text())
    certificate = ef.certify(ef.load_machine("increment"), ef.EveryRun(16), "fused:bf16")
    return made(folder, certificate, machine=machine)


def statement(**fields: object) -> Change:
    return lambda certificate, _: certificate["statement"].update(fields)


def top(**fields: object) -> Change:
    return lambda certificate, _: certificate.update(fields)


def head(n: int, **fields: object) -> Change:
    return lambda certificate, _: certificate["heads"][n].update(fields)


def case(layer: int, n: int, **fields: object) -> Change:
    """Of the first head of the layer."""
    return lambda certificate, _: certificate["annotation"][layer - 1][0][n].update(fields)


def claimed(old: str, new: str, **fields: object) -> Change:
    """A statement with other fields, and the claim to match."""

    def change(certificate: Document, _: Document) -> None:
        part = certificate["statement"]
        part["claim"] = part["claim"].replace(old, new)
        part.update(fields)

    return change


def arithmetic(text: str) -> Change:
    return claimed("fused:bf16/fp32/bf16", text, arithmetic=text)


def parameter(name: str, value: object, said: str) -> Change:
    """Another value of a parameter, and the claim to match."""

    def change(certificate: Document, _: Document) -> None:
        part = certificate["statement"]
        part["parameters"][name] = value
        part["claim"] = re.sub(rf" {name} = (\[.*?\]|a table \(.*?\)|[0-9]+)", f" {name} = {said}", part["claim"])

    return change


def neuron(layer: int, key: str, n: int, value: int) -> Change:
    return lambda _, weights: weights["layers"][layer - 1]["mlp"][key].__setitem__(n, value)


def witness(change: Callable[[list[Document]], object]) -> Change:
    return lambda certificate, _: change(certificate["witnesses"][0])


def inconclusive(certificate: Document, _: Document) -> None:
    certificate["verdict"] = "inconclusive"


NGRAM: dict[str, Change] = {
    "another version": top(version=1),
    "a version that is true": top(version=True),
    "a field that is not listed": top(more=1),
    "a missing field": lambda certificate, _: certificate.pop("margin"),
    "provenance that is a list": top(provenance=[]),
    "another claim": statement(claim="For every token sequence, all is well."),
    "a context that is not in the claim": statement(context="15"),
    "a context above 2^r": claimed("at most 16", "at most 17", context="17"),
    "a context with a leading zero": claimed("at most 16", "at most 016", context="016"),
    "a beta that is no power of two": claimed("beta = 128", "beta = 96", beta="96"),
    "a beta that is too small": claimed("beta = 128", "beta = 1", beta="1"),
    "a beta that is not admitted": claimed("beta = 128", f"beta = {2**127}", beta=str(2**127)),
    "a beta that is a number": statement(beta=128),
    "another arithmetic": statement(arithmetic="fused:fp16"),
    "an arithmetic that is not canonical": arithmetic("fused:bf16/fp32/bf16@fp32"),
    "an arithmetic without such a format": arithmetic("fused:bf16/fp33/bf16"),
    "weights that are not in the accumulator": arithmetic("fused:fp32/bf16/bf16"),
    "another text of the theory": lambda c, _: c["statement"]["theory"].update(text="theory ngram\n"),
    "another hash of the theory": lambda c, _: c["statement"]["theory"].update(sha256="0" * 64),
    "a parameter that the theory has not": lambda c, _: c["statement"]["parameters"].update(m=1),
    "a parameter that is missing": lambda c, _: c["statement"]["parameters"].pop("n"),
    "a parameter out of range": lambda c, _: c["statement"]["parameters"].update(n=9),
    "a parameter that is true": lambda c, _: c["statement"]["parameters"].update(n=True),
    "a set with an element twice": lambda c, _: c["statement"]["parameters"].update(LETTERS=["a", "a"]),
    "letters in another order": claimed("[a b]", "[b a]", parameters={"LETTERS": ["b", "a"], "n": 2}),
    "a separation too large": head(2, separation=2),
    "a separation above 4": head(0, separation=5),
    "a separation of 0": head(2, separation=0),
    "a separation where there are others": head(2, separation=None),
    "too few ties": head(2, ties="15"),
    "no ties": head(2, ties="0"),
    "ties above the context": head(2, ties="17"),
    "ties as a number": head(2, ties=16),
    "the name of another head": head(2, name="read"),
    "another head": head(2, head=1),
    "holds that is a number": head(2, holds=1),
    "heads in another order": lambda c, _: c["heads"].reverse(),
    "a head less": lambda c, _: c["heads"].pop(),
    "a margin too large": top(margin=2),
    "a margin of 0": top(margin=0),
    "no margin": top(margin=None),
    "inconclusive, though all heads hold": inconclusive,
    "a verdict that there is not": top(verdict="certified"),
    "a case that selects too much": lambda c, _: c["annotation"][1][0][0]["selects"].update(sym="true"),
    "a case that selects too little": lambda c, _: c["annotation"][1][0][0]["selects"].pop("sym"),
    "a case that selects its member only": lambda c, _: c["annotation"][3][0][0]["selects"].update(sym="j.pos = w"),
    "another member": case(2, 0, member="pos - 2"),
    "a member after the token": case(2, 0, member="pos + 1"),
    "a member that may not be selected": case(4, 1, member="1"),
    "a member that is no number": case(2, 0, member="p_1"),
    "another value": case(2, 0, value="sign(p_0)"),
    "any, where many are selected": case(4, 0, value="any"),
    "any inside of another value": case(2, 0, value="(any if found else 0)"),
    "cases that overlap": case(4, 1, when="true"),
    "a case twice": lambda c, _: c["annotation"][3][0].append(c["annotation"][3][0][1]),
    "cases that leave something out": case(4, 1, when="not found and pos > 1"),
    "a case without classes": case(4, 1, classes=[]),
    "a case of one class twice": case(4, 1, classes=["sym", "sym"]),
    "a case of a class that there is not": case(4, 1, classes=["symbol"]),
    "a case that is not possible": lambda c, _: c["annotation"][1][0].append(
        c["annotation"][1][0][0] | {"when": "pos = 0"}
    ),
    "a formula that is not understood": case(4, 1, when="not found)"),
    "a ghost that there is not": case(4, 1, when="not founded"),
    "a ghost of j where there is no j": case(4, 1, when="not j.found"),
    "a comparison of two kinds": case(4, 1, when="p_0 = 1"),
    "two elements in quotes": case(2, 0, when="'a' = 'a'"),
    "a case less": lambda c, _: c["annotation"][3][0].pop(),
    "a layer of the annotation less": lambda c, _: c["annotation"].pop(),
    "names of too few layers": top(names=[[]]),
    "holds of too few layers": top(holds=[[]]),
    "no given sequence": top(witnesses=[]),
    "an empty sequence": top(witnesses=[[]]),
    "a sequence that begins with another class": witness(lambda tokens: tokens.pop(0)),
    "a first class after a class": witness(lambda tokens: tokens.append(tokens[0])),
    "a wrong flag of a token": witness(lambda tokens: tokens[1]["ghosts"].update(found=True)),
    "a flag that is a number": witness(lambda tokens: tokens[1]["ghosts"].update(found=0)),
    "an element that there is not": witness(lambda tokens: tokens[1]["ghosts"].update(p_0="c")),
    "a ghost that is missing": witness(lambda tokens: tokens[1]["ghosts"].pop("p_0")),
    "a ghost too many": witness(lambda tokens: tokens[1]["ghosts"].update(pos=1)),
    "a bias": neuron(4, "bias", 0, -7),
    "a weight of 0": neuron(4, "in_weight", 0, 0),
    "a weight that is too large": neuron(4, "in_weight", 0, 2**31 + 1),
    "a weight that does not fit": neuron(4, "in_weight", 0, 2**25),
    "a coordinate that there is not": neuron(4, "in_coordinate", 0, 10**6),
    "a list that is divided wrongly": neuron(4, "in_start", 0, 1),
    "a head that reads elsewhere": lambda _, w: w["layers"][1]["heads"][0]["value"].__setitem__(0, 0),
    "a family less": lambda _, w: w["vocabulary"].pop(),
    "a register twice": lambda _, w: w["registers"].append(w["registers"][0]),
    "an unembedding": lambda _, w: w["vocabulary"][-1].update(unembedding=[[0, 5]]),
    "other position bits": lambda _, w: w.update(position_bits=5),
}  # fmt: skip
INCREMENT: dict[str, Change] = {
    "a name that means something else": lambda c, _: c["names"][0][0].update(number="pos - 3"),
    "a name that is a ghost": lambda c, _: c["names"][0][0].update(name="x_1"),
    "a name twice": lambda c, _: c["names"][0].append(c["names"][0][0]),
    "a name of two kinds": lambda c, _: c["names"][1][0].pop("number") and c["names"][1][0].update(formula="true"),
    "a name that is not there yet": lambda c, _: c["names"][0][0].update(number="back1 - 1"),
    "a register that holds something else": lambda c, _: c["holds"][0][0].update(content="sign(pos)"),
    "a register that there is not": lambda c, _: c["holds"][0][0].update(register="prey"),
    "a register that depends on a former meaning": lambda c, _: c["holds"][1].pop(0),
    "another initial state": parameter("INITIAL", ["right"], "[right]"),
    "another halting state": parameter("HALTING", ["mark"], "[mark]"),
    "fewer writes": parameter("WRITES", 1, "1"),
    "a number beyond 2^53 that is no string": parameter("WRITES", 2**60, str(2**60)),
    "a number beyond 2^64": parameter("WRITES", str(2**64 + 1), str(2**64 + 1)),
    "a small number in a string": parameter("WRITES", "4", "4"),
    "a row less": parameter("ROWS", [], "a table (SHA-256 " + sha256(b"[]") + ")"),
    "ties below the bound of writes": lambda c, _: [h.update(ties="1") for h in c["heads"] if h["name"] == "written_1"],
}  # fmt: skip


@pytest.mark.parametrize("title", NGRAM)
def test_a_certificate_about_ngrams_with_one_change_is_rejected_by_both(ngram: Case, title: str) -> None:
    first, second = ngram.changed(NGRAM[title]).codes()
    assert (first[0], second[0]) == (1, 1), (title, first[1][:500], second[1][:500])


@pytest.mark.parametrize("title", INCREMENT)
def test_a_certificate_about_runs_with_one_change_is_rejected_by_both(increment: Case, title: str) -> None:
    first, second = increment.changed(INCREMENT[title]).codes()
    assert (first[0], second[0]) == (1, 1), (title, first[1][:500], second[1][:500])


def test_what_is_not_changed_is_accepted_by_both(ngram: Case, increment: Case) -> None:
    assert [code for code, _ in ngram.codes()] == [0, 0]
    assert [code for code, _ in increment.codes()] == [0, 0]


HARMLESS: dict[str, Change] = {
    "a smaller separation": head(0, separation=1),
    "more ties": head(0, ties="16"),
    "another provenance": top(provenance={"anything": [1, {"at": "all"}]}),
    "a case in another word": case(4, 0, when="found and pos >= 0"),
}


@pytest.mark.parametrize("title", HARMLESS)
def test_a_harmless_change_is_accepted_by_both(ngram: Case, title: str) -> None:
    first, second = ngram.changed(HARMLESS[title]).codes()
    assert (first[0], second[0]) == (0, 0), (title, first[1][:500], second[1][:500])


DIFFERENT: dict[str, tuple[int, int, Change]] = {
    "a member that is pos - 1, but not in this form: facts suffice without section 4's": (
        1,
        0,
        case(2, 0, member="pos - 1 + 0"),
    ),
}


@pytest.mark.parametrize("title", DIFFERENT)
def test_where_the_checkers_differ(ngram: Case, title: str) -> None:
    expected_first, expected_second, change = DIFFERENT[title]
    first, second = ngram.changed(change).codes()
    assert (first[0], second[0]) == (expected_first, expected_second), (first[1], second[1])


SAID = {
    "a wrong flag of a token": "witness 0, tokens 1 and 0: a fact is not true of them",
    "a case twice": "another case may hold, too",
    "a first class after a class": "start right after sym",
    "too few ties": "more than 15 tokens may be selected",
    "a separation too large": "within the separation",
}


@pytest.mark.parametrize("title", SAID)
def test_the_second_checker_names_the_reason(ngram: Case, title: str) -> None:
    path = ngram.changed(NGRAM[title]).write()
    assert SAID[title] in second_code([str(path), *ngram.options])[1]


def renamed(number: str) -> Change:
    """back2 after layer 2, which gives back1 a new meaning, too: its former one, pos - 1, counts."""
    return lambda certificate, _: certificate["names"][1][1].update(number=number)


def test_names_of_a_layer_mean_what_they_meant_before_it(increment: Case) -> None:
    assert [entry["name"] for entry in increment.certificate["names"][1][:2]] == ["back1", "back2"]
    first, second = increment.changed(renamed("back1 - 3")).codes()
    assert (first[0], second[0]) == (0, 0), (first[1], second[1])
    first, second = increment.changed(renamed("back1 - 1")).codes()
    assert (first[0], second[0]) == (1, 1), (first[1], second[1])


def test_a_head_that_is_not_said_to_hold_makes_a_certificate_inconclusive(ngram: Case) -> None:
    def change(certificate: Document, _: Document) -> None:
        certificate["heads"][0]["holds"] = False
        certificate["verdict"] = "inconclusive"
        part = certificate["statement"]
        before, after = part["claim"].split(", the softmax", 1)[0] + ", the", " only; and at"
        part["claim"] = (
            f"{before} hardmax transformer of these weights has activations in {{-1, 0, 1}}{after} every token for "
            f"which the theory names an output, that is the next token; of the softmax transformer, in the arithmetic "
            f"{part['arithmetic']} at beta = {part['beta']}, nothing is claimed."
        )

    first, second = ngram.changed(change).codes()
    assert (first[0], second[0]) == (3, 3), (first[1], second[1])


# Bytes.


BYTES: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "spaces": (1, lambda data: data.replace(b",", b", ", 1)),
    "no newline at the end": (1, lambda data: data[:-1]),
    "two newlines at the end": (1, lambda data: data + b"\n"),
    "a key twice": (1, lambda data: data.replace(b'"margin":1', b'"margin":1,"margin":1')),
    "keys in another order": (1, lambda data: json.dumps(dict(reversed(json.loads(data).items()))).encode()),
    "a float": (1, lambda data: data.replace(b'"margin":1', b'"margin":1.0')),
    "not a number": (1, lambda data: data.replace(b'"margin":1', b'"margin":NaN')),
    "no JSON": (2, lambda data: data[: len(data) // 2]),
    "no object": (2, lambda _: b"[]\n"),
    "another kind of certificate": (2, lambda data: data.replace(b"exactformer theory certificate", b"certificate")),
    "not ASCII": (2, lambda data: data.replace(b"ngram", "ngräm".encode())),
    "deep nesting": (4, lambda data: data.replace(b'"margin":1', b'"margin":' + b"[" * 10_000 + b"]" * 10_000)),
    "an integer of many digits": (4, lambda data: data.replace(b'"margin":1', b'"margin":1' + b"0" * 5000)),
    "claims about tokens alone": (4, lambda data: data.replace(b'"verdict":"proved"', b'"verdict":"tokens proved"')),
}


@pytest.mark.parametrize("title", BYTES)
def test_bytes_that_are_no_certificate(ngram: Case, title: str) -> None:
    code, change = BYTES[title]
    path = ngram.changed(lambda certificate, _: certificate).write()
    path.write_bytes(change(path.read_bytes()))
    assert second_code([str(path), *ngram.options])[0] == code


@pytest.mark.parametrize("title", [title for title, (code, _) in BYTES.items() if code == 1])
def test_the_first_checker_rejects_the_same_bytes(ngram: Case, title: str) -> None:
    path = ngram.changed(lambda certificate, _: certificate).write()
    path.write_bytes(BYTES[title][1](path.read_bytes()))
    assert first_code(path, ngram.theory, None)[0] in (1, 2)


def test_files_that_are_none(ngram: Case, tmp_path: Path) -> None:
    path = ngram.changed(lambda certificate, _: certificate).write()
    assert second_code([str(tmp_path), *ngram.options])[0] == 2
    assert second_code(["/dev/zero", *ngram.options])[0] == 2
    assert second_code([str(tmp_path / "none"), *ngram.options])[0] == 2
    assert second_code([str(path), "--theory", str(tmp_path / "none")])[0] == 2
    large = tmp_path / "large"
    large.write_bytes(b" " * (2**24 + 1))
    assert second_code([str(large), *ngram.options])[0] == 4


@pytest.mark.parametrize("words", [[], ["a"], ["a", "b", "--theory", "c"], ["a", "--budget", "1"], ["a", "--theory"]])
def test_wrong_usage(words: list[str]) -> None:
    assert second_code(words)[0] == 2


def test_another_theory_or_machine(ngram: Case, increment: Case, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(ngram.theory.text.replace("8", "9"))
    assert second_code([str(ngram.write()), "--theory", str(other)])[0] == 1
    texts = Path(ef.__file__).parent / "constructions/machines/texts"
    path = increment.write()
    assert second_code([str(path), "--machine", str(texts / "increment.yaml")])[0] == 0
    assert second_code([str(path), "--machine", str(texts / "copy.yaml")])[0] == 1
    assert second_code([str(ngram.write()), "--machine", str(texts / "copy.yaml")])[0] == 1


def test_a_hash_that_is_not_that_of_the_weights(ngram: Case) -> None:
    case = ngram.changed(lambda certificate, _: certificate["network"]["weights"].update(sha256=sha256(b"")))
    path = case.write(hash_weights=False)
    assert [first_code(path, case.theory, None)[0], second_code([str(path), *case.options])[0]] == [1, 1]


def test_weights_in_another_folder(ngram: Case) -> None:
    case = ngram.changed(lambda certificate, _: certificate)
    path = case.write()
    case.certificate["network"]["weights"]["file"] = (
        f"../{path.parent.name}/" + case.certificate["network"]["weights"]["file"]
    )
    path.write_bytes(canonical(case.certificate))
    assert [first_code(path, case.theory, None)[0], second_code([str(path), *case.options])[0]] == [1, 1]


def test_weights_that_are_not_canonical(ngram: Case) -> None:
    case = ngram.changed(lambda certificate, _: certificate)
    path = case.write()
    weights = path.parent / case.certificate["network"]["weights"]["file"]
    data = weights.read_bytes() + b"\n"
    weights.write_bytes(data)
    case.certificate["network"]["weights"]["sha256"] = sha256(data)
    path.write_bytes(canonical(case.certificate))
    assert [first_code(path, case.theory, None)[0], second_code([str(path), *case.options])[0]] == [1, 1]


def test_after_the_budget_nothing_is_judged(ngram: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def over(self: second_checker.Deadline) -> None:
        raise second_checker.NotJudged(f"not decided in {self.seconds} seconds")

    monkeypatch.setattr(second_checker.Deadline, "look", over)
    code, said = second_code([str(ngram.write()), *ngram.options, "--budget", "1"])
    assert (code, said) == (4, "not judged: not decided in 1 seconds\n")


def test_a_budget_ends() -> None:
    deadline = second_checker.Deadline(1)
    deadline.look()
    deadline.end = 0
    with pytest.raises(second_checker.NotJudged, match="not decided in 1 seconds"):
        deadline.look()
