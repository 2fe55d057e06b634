"""Whatever is changed in a certificate of approximation is refused, and so is a network that does not do the same."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.__main__ import main as run_checker
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.constructions.contextual.functions import LIBRARY
from tests.certificates.approximations import Case, documents, functions_file, inputs, made, run_document
from tests.test_tampering import at, changed, leaves, other_values

F = Fraction
SMALL = Case("polynomial", 2, 1, F(2))
SORT = Case("sort", 2, 1, F(1, 4), 2)
CASES = (SMALL, SORT)
VALID = 0
REFUSED = (1, 2)


def square(folder: Path) -> Case:
    """A function from a file; equivariant, so with a table of the proper sequences."""
    return Case(f"{functions_file(folder)}:square", 2, 1, F(2))


def original(case: Case) -> tuple[Any, Any]:
    """Certificate and network as plain JSON, the network under a fixed file name."""
    certificate, network = documents(made(case))
    certificate["network"]["file"] = "network.json"
    return certificate, network


def judge(folder: Path, certificate: Any, network: Any, function: str, hashes_match: bool = True) -> int:
    """The checker's exit code."""
    data = network if isinstance(network, bytes) else canonical_bytes(network)
    if hashes_match:
        certificate = changed(certificate, ("network", "sha256"), sha256(data))
    (folder / "network.json").write_bytes(data)
    (folder / "certificate.json").write_bytes(canonical_bytes(certificate))
    return run_checker([f"--function={function}", str(folder / "certificate.json")])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_untouched_certificate_is_valid(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, network = original(case)
    assert judge(tmp_path, certificate, network, case.function, hashes_match=False) == VALID
    assert certificate["statement"]["claim"] in " ".join(capsys.readouterr().out.split())


LIBRARY_CASES = [
    Case(name, n, d, F(epsilon), p, positional)
    for name in LIBRARY
    for n, d, epsilon, p, positional in (
        (2, 1, 1, 2, False),
        (2, 1, 2, 1, True),
        (2, 1, "3/4", 1, False),
        (3, 1, 3, 1, False),
        (2, 2, 2, 2, False),
    )
]


@pytest.mark.slow
@pytest.mark.parametrize("case", LIBRARY_CASES, ids=str)
def test_emitter_and_checker_agree(case: Case, tmp_path: Path) -> None:
    """They share no code."""
    assert judge(tmp_path, *original(case), case.function) == VALID


@pytest.mark.parametrize(("name", "epsilon"), [("square", F(1)), ("first", F(1, 2)), ("high", F(1))])
@pytest.mark.parametrize("d", [1, 2])
def test_a_stated_function(name: str, epsilon: Fraction, d: int, tmp_path: Path) -> None:
    case = Case(f"{functions_file(tmp_path)}:{name}", 2, d, epsilon * d)
    assert judge(tmp_path, *original(case), name) == VALID
    assert judge(tmp_path, *original(case), "sort") in REFUSED


def accepted_changes(folder: Path, certificate: Any, network: Any, function: str, hashes_match: bool) -> list[Any]:
    """Changes of the certificate that are not refused; of one hash alone only where hashes are not made to match."""
    accepted = []
    for place in leaves(certificate):
        if place[0] == "provenance" or (hashes_match and place[-1] == "sha256"):
            continue
        for value in other_values(at(certificate, place)):
            if judge(folder, changed(certificate, place, value), network, function, hashes_match) not in REFUSED:
                accepted.append((place, value))
    return accepted


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("hashes_match", [True, False])
def test_every_field_of_the_certificate(case: Case, hashes_match: bool, tmp_path: Path) -> None:
    assert accepted_changes(tmp_path, *original(case), case.function, hashes_match) == []


def test_every_field_of_a_certificate_with_a_table(tmp_path: Path) -> None:
    certificate, network = original(square(tmp_path))
    assert judge(tmp_path, certificate, network, "square") == VALID
    assert accepted_changes(tmp_path, certificate, network, "square", hashes_match=True) == []


def does_the_same(network: Any, evaluate: Callable[..., Any], parts: int) -> bool:
    """The network as the format reads it, in each cell at the corner and close to the opposite one."""
    nothing = ((F(0),) * network["d"],) * network["n"]
    return all(
        run_document(network, point) == (nothing if repeated and not network["positional"] else evaluate(centre))
        for within in (F(0), F(999, 1000))
        for point, centre, repeated in inputs(network["n"], network["d"], parts, within)
        if network["positional"] or point[0] <= point[1]
    )


@pytest.mark.slow
@pytest.mark.parametrize(("case", "most"), [(SMALL, 150), (SORT, 40)], ids=str)
def test_every_kind_of_number_in_the_network(case: Case, most: int, tmp_path: Path) -> None:
    """With a hash that matches: what is accepted, such as another value for what is outside [0, 1), changes nothing."""
    certificate, network = original(case)
    parts, evaluate = certificate["evidence"]["cells"], LIBRARY[case.function].evaluate
    rng = random.Random(3)
    codes = []
    for place in rng.sample(list(leaves(network)), most):
        value = rng.choice([value for value in other_values(at(network, place)) if value != at(network, place)])
        mutant = changed(network, place, value)
        codes.append(judge(tmp_path, certificate, mutant, case.function))
        if codes[-1] not in REFUSED:
            assert place[0] == "layers"
            assert does_the_same(mutant, evaluate, parts), (place, value)
    assert codes.count(VALID) < len(codes) / 2


def test_every_number_of_the_network_under_the_old_hash(tmp_path: Path) -> None:
    """Also where it would change nothing."""
    certificate, network = original(SMALL)
    for place in leaves(network):
        mutant = changed(network, place, other_values(at(network, place))[0])
        assert judge(tmp_path, certificate, mutant, "polynomial", hashes_match=False) in REFUSED, place


def with_statement(certificate: Any, **fields: object) -> Any:
    """Other fields, with integral bound and claim made to fit."""
    certificate = copy.deepcopy(certificate)
    statement, evidence = certificate["statement"], certificate["evidence"]
    statement |= fields
    number = {key: F(statement[key]) for key in ("cell_error", "repeated", "sup")}
    p, name = statement["p"], statement["function"]["name"]
    proper = (1 - number["repeated"]) * number["cell_error"] ** p
    both = proper + number["repeated"] * number["sup"] ** p
    statement["integral_bound"] = str(statement["n"] * statement["d"] * both)
    off = f" off a set of measure {number['repeated']}" if number["repeated"] else ""
    assumed = f", assumed the table of its values, its bound {number['sup']} and its modulus"
    if not statement["positional"]:
        assumed += " and that it commutes with permutations of columns"
    statement["claim"] = (
        f"On [0, 1)^({statement['d']} x {statement['n']}), the modified transformer of {evidence['layers']} layers is"
        f" within {statement['epsilon']} of {name} in L^{p}, and every entry is within {number['cell_error']} of"
        f" {name}'s{off}{assumed if statement['function']['kind'] == 'stated' else ''}."
    )
    return certificate


def test_the_sentence_made_here_is_the_one_of_the_certificate(tmp_path: Path) -> None:
    for case in (SMALL, SORT, square(tmp_path)):
        certificate, _ = original(case)
        assert with_statement(certificate) == certificate


def function(name: str, kind: str = "library", table: Any = None, modulus: str = "w(h) = h") -> dict[str, Any]:
    return {"name": name, "kind": kind, "modulus": modulus, "table": table}


FORGED_STATEMENTS: dict[str, tuple[Case, dict[str, Any]]] = {
    "another function": (SORT, {"function": function("running-maximum")}),
    "a function that the checker does not have": (SORT, {"function": function("median")}),
    "sort as a stated function": (SORT, {"function": function("sort", "stated", [], "w(delta/2) = 1/8")}),
    "a stated function without table": (SORT, {"function": function("other", "stated", None, "w(delta/2) = 1/8")}),
    "a stated function with an empty table": (SORT, {"function": function("other", "stated", [], "w(delta/2) = 1/8")}),
    "epsilon below the bound in L^p": (SORT, {"epsilon": "1/8"}),
    "epsilon below the bound of entries": (Case("sort", 2, 1, F(1, 4), 64), {"epsilon": "1/9"}),
    "epsilon negative, though its square is large": (SORT, {"epsilon": "-1/4"}),
    "p = 0": (SORT, {"p": 0}),
    "a smaller error in cells": (SORT, {"cell_error": "1/16"}),
    "a negative error in cells": (SORT, {"cell_error": "-1/8"}),
    "nothing left out": (SMALL, {"repeated": "0"}),
    "a smaller set left out": (SMALL, {"repeated": "1/8"}),
    "a smaller bound of the function": (SMALL, {"sup": "1/2"}),
    "a coarser grid": (SORT, {"delta": "1/2", "cell_error": "1/4"}),
    "a finer grid": (SORT, {"delta": "1/8", "cell_error": "1/16"}),
    "a grid of another side than 1/integer": (SORT, {"delta": "2/8"}),
    "positions where the network has none": (SMALL, {"positional": True, "repeated": "0"}),
    "no positions where the network has them": (SORT, {"positional": False, "repeated": "1/4"}),
    "more tokens": (SORT, {"n": 3}),
    "more coordinates": (SORT, {"d": 2}),
}


@pytest.mark.parametrize("title", FORGED_STATEMENTS)
def test_statements_forged_consistently(title: str, tmp_path: Path) -> None:
    case, fields = FORGED_STATEMENTS[title]
    certificate, network = original(case)
    forged = with_statement(certificate, **fields)
    named = forged["statement"]["function"]["name"]
    assert judge(tmp_path, forged, network, named) in REFUSED
    both = network | {key: value for key, value in fields.items() if key in ("n", "d", "positional")}
    assert judge(tmp_path, forged, both, named) in REFUSED


def without(network: Any, number: int) -> Any:
    layers = network["layers"]
    return {**network, "layers": [*layers[:number], *layers[number + 1 :]]}


def _networks() -> Iterator[tuple[str, Any]]:
    """Other networks than that of SORT, whose first nine layers quantise: its 52 layers, or with the count adapted."""
    _, network = original(SORT)
    layers = network["layers"]
    yield "of another function", original(Case("running-maximum", 2, 1, F(1, 4), 2))[1]
    yield "of another grid", original(Case("sort", 2, 1, F(1, 8), 2))[1]
    yield "without its last layer", without(network, -1 % len(layers))
    yield "without a layer that quantises", without(network, 3)
    yield "without a shift", without(network, 10)
    yield "without layers", {**network, "layers": []}
    yield "backwards", {**network, "layers": layers[::-1]}
    yield "with two heads swapped in sign", changed(network, ("layers", 9, "heads"), layers[9]["heads"][:1])
    yield "with a layer without heads", {**network, "layers": [*layers, {"heads": []}]}
    yield (
        "with a layer of four pieces",
        changed(network, ("layers", 20), {**layers[20], "breaks": ["0", "1", "2"], "pieces": [["0", "0"]] * 4}),
    )
    yield "with breaks out of order", changed(network, ("layers", 20, "breaks"), layers[20]["breaks"][::-1])
    yield "with equal breaks", changed(network, ("layers", 20, "breaks"), [layers[20]["breaks"][0]] * 2)
    yield "with no constant piece", changed(network, ("layers", 20, "pieces"), [["1", "0"]] * 3)
    yield "with a number that is a float", changed(network, ("layers", 20, "bias"), 0.5)
    yield "with a number that is an integer", changed(network, ("layers", 0, "bias"), 0)
    yield "with a number not in lowest terms", changed(network, ("layers", 2, "bias"), "-2/8")
    yield "with an entry too many", changed(network, ("layers", 20, "output"), ["0", "0"])
    yield "with a field too many", {**network, "remark": "trust me"}
    yield "of another format", {**network, "format": "exactformer weights"}
    yield "of another version", {**network, "version": 2}
    yield "not canonical", json.dumps(network).encode()
    yield "twice as many positions", canonical_bytes(network).replace(b'"positional":true', b'"positional":true,"n":2')


@cache
def networks() -> dict[str, Any]:
    """By title; not made before a test asks, as that takes seconds."""
    made = dict(_networks())
    assert tuple(made) == NETWORKS
    return made


NETWORKS = (
    "of another function",
    "of another grid",
    "without its last layer",
    "without a layer that quantises",
    "without a shift",
    "without layers",
    "backwards",
    "with two heads swapped in sign",
    "with a layer without heads",
    "with a layer of four pieces",
    "with breaks out of order",
    "with equal breaks",
    "with no constant piece",
    "with a number that is a float",
    "with a number that is an integer",
    "with a number not in lowest terms",
    "with an entry too many",
    "with a field too many",
    "of another format",
    "of another version",
    "not canonical",
    "twice as many positions",
)


@pytest.mark.parametrize("title", NETWORKS)
def test_networks_that_the_certificate_is_not_about(title: str, tmp_path: Path) -> None:
    certificate, _ = original(SORT)
    network = networks()[title]
    assert judge(tmp_path, certificate, network, "sort") in REFUSED
    if isinstance(network, dict):
        certificate["evidence"]["layers"] = len(network["layers"])
        assert judge(tmp_path, with_statement(certificate), network, "sort") in REFUSED


def forged_tables(table: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    first, *others = table
    backwards = {key: value[::-1] for key, value in first.items()}
    yield "an entry missing", others
    yield "an entry twice", [*table, table[-1]]
    yield "another order", [others[0], first, *others[1:]]
    yield "columns in another order", [backwards, *others]
    yield "a repeated column", [{**first, "cells": [0, 0]}, *others]
    yield "another value", [{**first, "values": [["1/3"], *first["values"][1:]]}, *others]
    yield "a value that is beyond the bound", [{**first, "values": [["99"], *first["values"][1:]]}, *others]
    yield "a column missing", [{**first, "values": first["values"][:1]}, *others]
    yield "a field too many", [{**first, "remark": ""}, *others]


def test_forged_tables(tmp_path: Path) -> None:
    certificate, network = original(square(tmp_path))
    place = ("statement", "function", "table")
    for title, table in forged_tables(at(certificate, place)):
        assert judge(tmp_path, changed(certificate, place, table), network, "square") in REFUSED, title


@pytest.mark.parametrize("word", ["added", "removed"])
def test_fields_that_do_not_belong_or_are_missing(word: str, tmp_path: Path) -> None:
    certificate, network = original(SMALL)
    for place in ((), ("statement",), ("statement", "function"), ("network",), ("evidence",)):
        for key in list(at(certificate, place)):
            mutant = copy.deepcopy(certificate)
            part = at(mutant, place)
            if word == "added":
                part[f"{key}s"] = "trust me"
            else:
                part.pop(key)
            if place == ("network",) or key == "network":
                (tmp_path / "certificate.json").write_bytes(canonical_bytes(mutant))
                code = run_checker(["--function=polynomial", str(tmp_path / "certificate.json")])
            else:
                code = judge(tmp_path, mutant, network, "polynomial")
            assert code in REFUSED, (place, key)


def test_provenance_bears_on_nothing(tmp_path: Path) -> None:
    certificate, network = original(SMALL)
    assert judge(tmp_path, changed(certificate, ("provenance", "seconds"), "0"), network, "polynomial") == VALID


def test_a_network_elsewhere_or_nowhere(tmp_path: Path) -> None:
    certificate, network = original(SMALL)
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside.json").write_bytes(canonical_bytes(network))
    for name in ("../outside.json", str(tmp_path / "outside.json"), "missing.json", "", "."):
        assert judge(folder, changed(certificate, ("network", "file"), name), network, "polynomial") in REFUSED


@pytest.mark.parametrize("asked", ["sort", "attention", "", "polynomials"])
def test_a_certificate_about_another_function_than_asked(asked: str, tmp_path: Path) -> None:
    assert judge(tmp_path, *original(SMALL), asked) in REFUSED
