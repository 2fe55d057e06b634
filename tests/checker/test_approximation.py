"""Certificates of approximation made by hand: which are valid, and a corpus of those that must not be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from exactformer.certificates.checker.__main__ import main as checker_main
from exactformer.certificates.checker.approximation.check import check_approximation
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge
from exactformer.certificates.command_line.main import cli
from tests.checker.small_approximation import Case, make, quantising, token_wise

VALID: dict[str, Callable[[], Case]] = {
    "attention": lambda: make("attention", 2, 1, 2, False, "2"),
    "attention, integral_bound = epsilon^p": lambda: make("attention", 2, 1, 2, False, "5/4"),
    "polynomial, p = 1": lambda: make("polynomial", 2, 1, 3, False, "2", p=1),
    "two coordinates": lambda: make("attention", 2, 2, 2, False, "5/2"),
    "sort, with positions": lambda: make("sort", 2, 1, 3, True, "1/2"),
    "running maximum of three columns": lambda: make("running-maximum", 3, 1, 2, True, "1/2", p=3),
    "attention, with positions, two coordinates": lambda: make("attention", 2, 2, 2, True, "3/2"),
    "more columns than cells: 0 everywhere": lambda: make("polynomial", 3, 1, 2, False, "3"),
    "stated, equivariant": lambda: make("attention", 2, 1, 2, False, "2", stated="mine"),
    "stated, more columns than cells": lambda: make("polynomial", 3, 1, 2, False, "3", stated="mine"),
    "stated, with positions": lambda: make("sort", 2, 1, 2, True, "1", stated="my-sort"),
}


@pytest.mark.parametrize("title", VALID)
def test_valid(title: str, tmp_path: Path) -> None:
    case = VALID[title]()
    statement = case.certificate["statement"]
    valid = check_approximation(case.write(tmp_path), statement["function"]["name"])
    assert valid.claim == statement["claim"]
    assert f"all {case.certificate['evidence']['sequences']} sequences" in valid.proved[1]
    stated = statement["function"]["kind"] == "stated"
    assert any("table" in fact for fact in valid.assumed) == stated
    assert any("commutes" in fact for fact in valid.assumed) == (stated and not statement["positional"])


def test_layers_that_overshoot_and_turn_the_cells_around(tmp_path: Path) -> None:
    """[0, 1/2) to (-1/2, 0] by z -> -z, cut at 0: its end 0 is another piece than the rest; both then go to 0."""
    case = make("attention", 2, 1, 2, False, "2")
    turn = token_wise([1], 0, [0, "1/2"], [[0, 0], [-2, 0], [0, 0]], [1])
    collect = token_wise([1], 0, ["-1/2", 0], [[0, 0], [-1, 0], [0, 0]], [1])
    case.network["layers"][:1] = [turn, collect]
    check_approximation(counted(case, 3).write(tmp_path), "attention")
    collect["breaks"] = ["-1/2", "-1/4"]
    assert "a part of [0, 1/2) in coordinate 1 to [-1/4, 0]" in refusal(case, tmp_path).reason
    collect["breaks"] = ["-1/2", "0"]
    at_0 = token_wise([1], 0, [0, "1/4"], [[0, 0], [0, 3], [0, 0]], [1])  # moves the image of the one input 0
    case.network["layers"].insert(1, at_0)
    assert "a part of [0, 1/2) in coordinate 1 to [3, 3]" in refusal(counted(case, 4), tmp_path).reason


def counted(case: Case, first: int) -> Case:
    """The number of layers, wherever it stands, is that of the network."""
    layers = len(case.network["layers"])
    case.certificate["evidence"] |= {"layers": layers, "quantisation_layers": first}
    claim = case.certificate["statement"]["claim"]
    case.certificate["statement"]["claim"] = re.sub(r"of \d+ layers", f"of {layers} layers", claim)
    return case


def refusal(case: Case, folder: Path, name: str = "attention") -> Rejected:
    with pytest.raises(Rejected) as refused:
        check_approximation(case.write(folder), name)
    return refused.value


@dataclass(frozen=True)
class Bad:
    """What is changed in a valid certificate, the field that is blamed, and words of the reason."""

    change: Callable[[Any, list[Any]], object]
    field: str
    reason: str = ""
    base: str = "attention"


def put(*path: str | int, value: Any) -> Callable[[Any, list[Any]], object]:
    """Change a field of the statement."""

    def change(certificate: Any, _: list[Any]) -> None:
        target = certificate["statement"]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


def no_piece_for(place: int) -> Callable[[Any, list[Any]], object]:
    """A layer that reads off does nothing."""
    return lambda _, layers: layers[place].update(output=["0"] * len(layers[place]["output"]))


# layers of "attention": 0, 1 quantise; 2, 3, 4 map contextually; 5 reads off cells 0, 0; 6, 7 cells 0, 1; 8 cells 1, 1
# (columns of the same cell are equal, and read off by one layer)
BAD: dict[str, Bad] = {
    "wrong value at one cell": Bad(
        lambda _, layers: layers[7].update(output=["-1"]), "network", "on the cells 0, 1 it gives"
    ),
    "value wrong by 2^-80": Bad(
        lambda _, layers: layers.append(token_wise([1], 0, ["1/8"], [[0, 0], [0, 1]], [Fraction(1, 2**80)])),
        "network",
        "column 2, coordinate 1, where it must give 15/64",
    ),
    "repeated columns do not give 0": Bad(no_piece_for(8), "network", "on the cells 1, 1 it gives"),
    "repeated columns of the first cell do not give 0": Bad(no_piece_for(5), "network", "on the cells 0, 0 it gives"),
    "more columns than cells, not 0": Bad(
        no_piece_for(-1), "network", "where it must give 0", base="more columns than cells: 0 everywhere"
    ),
    "second coordinate wrong": Bad(
        lambda _, layers: layers[10]["output"].__setitem__(1, "7"), "network", "coordinate 2", base="two coordinates"
    ),
    "columns of sort in the wrong order": Bad(
        lambda _, layers: layers.append(token_wise([1], 0, [], [[0, "-1/3"]], [1])),
        "network",
        "it gives -1/6 in column 1",
        base="sort, with positions",
    ),
    "wrong measure": Bad(put("repeated", value="1/4"), "statement.repeated", '"1/2"'),
    "measure of a network with positions": Bad(
        put("repeated", value="1/3"), "statement.repeated", '"0"', base="sort, with positions"
    ),
    "epsilon too small for the integral": Bad(put("epsilon", value="1249/1000"), "statement.epsilon", "too small"),
    "epsilon smaller than the error at cells": Bad(
        lambda c, _: c["statement"].update(epsilon="1/10", sup="0", integral_bound="0"),
        "statement.epsilon",
        "is less than cell_error",
        base="stated, more columns than cells",
    ),
    "epsilon 0": Bad(put("epsilon", value="0"), "statement.epsilon", "not positive"),
    "error at cells too small": Bad(put("cell_error", value="1/4"), "statement.cell_error", '"3/4"'),
    "another modulus": Bad(put("function", "modulus", value="w(h) = h"), "statement.function.modulus"),
    "another sup": Bad(put("sup", value="1/2"), "statement.sup", '"1"'),
    "another bound of the integral": Bad(put("integral_bound", value="3/2"), "statement.integral_bound"),
    "p = 0": Bad(put("p", value=0), "statement.p"),
    "another claim": Bad(put("claim", value="It is equal."), "statement.claim"),
    "not equivariant, without positions": Bad(
        lambda c, _: (
            c["statement"]["function"].update(name="sort", modulus="w(h) = h")
            or c["statement"].update(cell_error="1/4", integral_bound="17/16")
        ),
        "statement.positional",
        "does not commute",
    ),
    "a function that is not there": Bad(
        put("function", "name", value="softmax"), "statement.function.name", "not a function"
    ),
    "a table for a function of the library": Bad(put("function", "table", value=[]), "statement.function.table"),
    "another function of the library": Bad(
        put("function", "name", value="polynomial"), "statement.function.name", "not", base="attention"
    ),
    "delta above 1/2": Bad(put("delta", value="1"), "statement.delta"),
    "delta not 1/integer": Bad(put("delta", value="2/5"), "statement.delta"),
    "a finer grid than the network's": Bad(
        lambda c, _: (
            c["statement"].update(make("attention", 2, 1, 4, False, "2").certificate["statement"])
            or c["evidence"].update(cells=4, sequences=10)
            or c["statement"].update(claim=re.sub(r"of \d+ layers", "of 9 layers", c["statement"]["claim"]))
        ),
        "evidence.quantisation_layers",
        "a part of [1/4, 1/2) in coordinate 1 to",
    ),
    "quantisation misses the upper part of a cell": Bad(
        lambda _, layers: layers[1].update(breaks=["0", "1/4"]), "evidence.quantisation_layers", "to [3/4, 1)"
    ),
    "slope does not vanish": Bad(
        lambda _, layers: layers[0].update(pieces=[["0", "0"], ["-127/128", "0"], ["0", "0"]]),
        "evidence.quantisation_layers",
        "to [0, 1/256)",
    ),
    "one layer of the quantisation is left out": Bad(
        lambda _, layers: layers[0].update(output=["0"]), "layers[0]", "write this one only"
    ),
    "no quantisation": Bad(
        lambda c, _: c["evidence"].update(quantisation_layers=0), "evidence.quantisation_layers", "are 0"
    ),
    "one layer of the quantisation is not counted": Bad(
        lambda c, _: c["evidence"].update(quantisation_layers=1), "evidence.quantisation_layers", "[1/2, 1)"
    ),
    "quantisation of the first column's range only": Bad(
        lambda _, layers: layers.__setitem__(slice(3, 6), quantising(1, 3, Fraction(1, 3))),
        "evidence.quantisation_layers",
        "a part of [1, 4/3)",
        base="sort, with positions",
    ),
    "quantisation reads another coordinate": Bad(
        lambda _, layers: layers[0].update(weights=["0", "1"]), "layers[0]", base="two coordinates"
    ),
    "quantisation with a weight of 2": Bad(lambda _, layers: layers[0].update(weights=["2"]), "layers[0]"),
    "attention before the end of the first part": Bad(
        lambda _, layers: layers.insert(1, layers.pop(3)), "layers[1]", "attention"
    ),
    "wrong number of layers": Bad(lambda c, _: c["evidence"].update(layers=8), "evidence.layers"),
    "wrong number of sequences": Bad(lambda c, _: c["evidence"].update(sequences=4), "evidence.sequences"),
    "wrong number of cells": Bad(lambda c, _: c["evidence"].update(cells=3), "evidence.cells"),
    "a rational not in lowest terms": Bad(put("delta", value="2/4"), "statement.delta", "lowest"),
    "a rational with denominator 1": Bad(put("epsilon", value="2/1"), "statement.epsilon", "lowest"),
    "minus zero": Bad(lambda _, layers: layers[0].update(bias="-0"), "layers[0].bias"),
    "a decimal": Bad(put("epsilon", value="2.0"), "statement.epsilon"),
    "an integer where a rational must be": Bad(put("sup", value=1), "statement.sup"),
    "a number where true or false must be": Bad(put("positional", value=0), "statement.positional"),
    "true where an integer must be": Bad(lambda c, _: c.update(version=True), "version"),
    "an unknown field": Bad(put("remark", value=""), "statement", "unknown"),
    "another verdict": Bad(lambda c, _: c.update(verdict="certified"), "verdict"),
    "provenance that is not an object": Bad(lambda c, _: c.update(provenance=None), "provenance"),
    "three breaks": Bad(
        lambda _, layers: layers[0].update(breaks=["0", "1/2", "1"], pieces=[["0", "0"]] * 4), "layers[0].breaks"
    ),
    "breaks that do not ascend": Bad(lambda _, layers: layers[0].update(breaks=["1/2", "1/2"]), "layers[0].breaks"),
    "a piece too few": Bad(lambda _, layers: layers[0]["pieces"].pop(), "layers[0].pieces"),
    "no constant piece": Bad(lambda _, layers: layers[4].update(pieces=[["1", "0"]]), "layers[4].pieces", "slope 0"),
    "a layer without heads": Bad(lambda _, layers: layers[3].update(heads=[]), "layers[3].heads"),
    "a query of two entries": Bad(
        lambda _, layers: layers[3]["heads"][0].update(query=["1", "0"]), "layers[3].heads[0].query"
    ),
    "a stated function with the name of another": Bad(
        put("function", "name", value="sort"),
        "statement.function.name",
        "is not a name for a stated function",
        base="stated, equivariant",
    ),
    "a name that is a sentence": Bad(
        put("function", "name", value="f, proved"),
        "statement.function.name",
        "is not a name for a stated function",
        base="stated, equivariant",
    ),
    "a stated modulus that is not cell_error": Bad(
        put("cell_error", value="1/2"), "statement.function.modulus", base="stated, equivariant"
    ),
    "a negative error": Bad(
        put("cell_error", value="-3/4"), "statement.cell_error", "negative", base="stated, equivariant"
    ),
    "a negative sup": Bad(put("sup", value="-1"), "statement.sup", "negative", base="stated, equivariant"),
    "a stated value larger than sup": Bad(
        lambda c, _: (
            c["statement"].update(sup="1/16", integral_bound=str(Fraction(9, 16) + Fraction(1, 256)))
            or c["statement"].update(claim=c["statement"]["claim"].replace("bound 1 ", "bound 1/16 "))
        ),
        "statement.function.table[0].values[0]",
        "exceeds",
        base="stated, equivariant",
    ),
    "a stated value that the network does not give": Bad(
        put("function", "table", 0, "values", value=[["1/2"], ["15/64"]]),
        "network",
        "it gives 5/64 in column 1, coordinate 1, where it must give 1/2",
        base="stated, equivariant",
    ),
    "a table without an entry": Bad(
        put("function", "table", value=[]), "statement.function.table", "0 entries", base="stated, equivariant"
    ),
    "a table in another order": Bad(
        lambda c, _: c["statement"]["function"]["table"].reverse(),
        "statement.function.table[0].cells[0]",
        base="stated, with positions",
    ),
    "a claim that hides what is assumed": Bad(
        lambda c, _: c["statement"].update(claim=c["statement"]["claim"].split(", assumed")[0] + "."),
        "statement.claim",
        base="stated, equivariant",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_refused(title: str, tmp_path: Path) -> None:
    bad = BAD[title]
    case = VALID[bad.base]()
    name = case.certificate["statement"]["function"]["name"]
    first = case.certificate["evidence"]["quantisation_layers"]
    layers = list(case.network["layers"])
    bad.change(case.certificate, case.network["layers"])
    if len(case.network["layers"]) != len(layers):
        counted(case, first)
    refused = refusal(case, tmp_path, name)
    assert refused.field == bad.field
    assert bad.reason in refused.reason


@pytest.mark.parametrize("field", ["n", "d", "positional", "version", "format"])
def test_a_network_document_about_something_else(field: str, tmp_path: Path) -> None:
    case = VALID["attention"]()
    case.network[field] = {"n": 3, "d": 2, "positional": True, "version": 2, "format": "network"}[field]
    assert refusal(case, tmp_path).field == field


def test_another_network_document(tmp_path: Path) -> None:
    case = VALID["attention"]()
    path = case.write(tmp_path)
    (tmp_path / "f.network.json").write_bytes((tmp_path / "f.network.json").read_bytes() + b"\n")
    with pytest.raises(Rejected, match=r"network\.sha256"):
        check_approximation(path, "attention")
    case.certificate["network"]["file"] = "../f.network.json"
    path.write_bytes((json.dumps(case.certificate, sort_keys=True, separators=(",", ":")) + "\n").encode())
    with pytest.raises(Rejected, match="not the name of a file"):
        check_approximation(path, "attention")


def test_not_in_canonical_form(tmp_path: Path) -> None:
    path = VALID["attention"]().write(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_bytes()), sort_keys=True) + "\n")
    with pytest.raises(Rejected, match="canonical"):
        check_approximation(path, "attention")


LARGE: dict[str, tuple[Callable[[Any, list[Any]], object], str]] = {
    "p": (put("p", value=65), "p is 65"),
    "columns": (put("n", value=2**20), "1048576 columns"),
    "coordinates": (put("d", value=17), r"2\^17 cells"),
    "digits": (put("epsilon", value="1" + "0" * 1300), "digits"),
    "sequences": (
        lambda c, _: c["statement"].update(
            {"delta": "1/362", "cell_error": "3/724", "repeated": "1/362", "integral_bound": bound_of_362()}
        ),
        "more sequences of",
    ),
    "layers": (lambda _, layers: layers.extend(layers[-1:] * 2**14), "16393 layers"),
    "sizes that grow": (
        lambda _, layers: layers.extend([token_wise([1], 0, ["-1"], [[0, 0], [10**300, 1]], [1])] * 20),
        "16384 bits",
    ),
    "denominators that grow": (
        lambda _, layers: layers.extend(
            [token_wise([1], 0, [], [[0, Fraction(1, 10**300 + place)]], [1]) for place in range(20)]
        ),
        "16384 bits",
    ),
}


def bound_of_362() -> str:
    return str(2 * (Fraction(361, 362) * Fraction(3, 724) ** 2 + Fraction(1, 362)))


@pytest.mark.parametrize("title", LARGE)
def test_too_large_is_not_judged(title: str, tmp_path: Path) -> None:
    case = VALID["attention"]()
    LARGE[title][0](case.certificate, case.network["layers"])
    counted(case, 2)
    with pytest.raises(TooLarge, match=LARGE[title][1]):
        check_approximation(case.write(tmp_path), "attention")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--function", "attention"], 0, "is within 2 of attention in L^2"),
        (["--function", "polynomial"], 1, "not valid: statement.function.name"),
        (["--machine", "increment"], 2, "is about a function, given with --function"),
        ([], 2, "--function NAME for one of approximation"),
        (
            ["--machine", "increment", "--function", "attention"],
            2,
            "say what the certificate has to be about: --machine MACHINE",
        ),
    ],
)
def test_command_line(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    path = VALID["attention"]().write(tmp_path)
    done = CliRunner().invoke(cli, ["check", str(path), *arguments])
    assert (done.exit_code, words in done.output) == (code, True), done.output
    if code == 0:
        assert "proved\n" in done.output
        assert "assumed\n" in done.output
        assert "not claimed\n" in done.output


def test_command_line_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = VALID["attention"]()
    case.certificate["statement"]["p"] = 65
    assert checker_main([str(case.write(tmp_path)), "--function", "attention"]) == 4
    assert "not judged: p is 65" in capsys.readouterr().err


def test_a_certificate_about_a_machine_is_not_one_of_approximation(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(b'{"format":"exactformer certificate"}\n')
    with pytest.raises(BadInput, match="about a machine, given with --machine, not about a function"):
        check_approximation(path, "attention")
