"""Certificates of approximation: fields by hand, networks run by the words of the format, what is not written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates import approximation_limits
from exactformer.certificates.approximation import bundle_of, layer_record
from exactformer.certificates.approximation_limits import NotWritten
from exactformer.constructions.contextual.functions import LIBRARY, FunctionError
from exactformer.constructions.contextual.layers import AttentionLayer, Head
from exactformer.verify.verdict import Verdict
from tests.certificates.approximations import Case, certified, documents, functions_file, inputs, made, run_document

F = Fraction
SORT = Case("sort", 2, 1, F(1, 4), 2)
POLYNOMIAL = Case("polynomial", 2, 1, F(1))
WIDE = Case("attention", 2, 2, F(2))
CASES = (
    SORT,
    POLYNOMIAL,
    WIDE,
    Case("running-maximum", 2, 1, F(1)),
    Case("attention", 3, 1, F(3)),
    Case("polynomial", 2, 1, F(1, 2), 2, positional=True),
)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    return str(functions_file(tmp_path))


def test_every_field_of_sort_by_hand() -> None:
    """delta = 1/4, so w(1/8) = 1/8; no column is repeated; 2 (1/8)^2 = 1/32."""
    bundle = made(SORT)
    certificate, network = documents(bundle)
    provenance = certificate.pop("provenance")
    name = hashlib.sha256(bundle.weights).hexdigest()
    assert certificate == {
        "format": "exactformer approximation certificate",
        "version": 2,
        "verdict": "proved",
        "statement": {
            "claim": "On [0, 1)^(1 x 2), the modified transformer of 52 layers is within 1/4 of sort in L^2, and every"
            " entry is within 1/8 of sort's.",
            "function": {"name": "sort", "kind": "library", "modulus": "w(h) = h", "table": None},
            "n": 2,
            "d": 1,
            "delta": "1/4",
            "positional": True,
            "epsilon": "1/4",
            "p": 2,
            "cell_error": "1/8",
            "repeated": "0",
            "sup": "1",
            "integral_bound": "1/32",
        },
        "network": {"file": f"sort.{name[:12]}.network.json", "sha256": name},
        "evidence": {"quantisation_layers": 9, "cells": 4, "sequences": 16, "layers": 52},
    }
    assert set(provenance) == {"exactformer", "python", "created", "seconds"}
    assert bundle.subject.name == "sort.approximation.n2.d1.epsilon1over4.p2.delta1over4.positional"
    layers = network.pop("layers")
    assert network == {
        "format": "exactformer approximation network", "version": 1, "n": 2, "d": 1, "positional": True
    }  # fmt: skip
    assert len(layers) == 9 + 8 + 1 + 2 + 32
    assert layers[0] == tokenwise("0", ["0", "2"], [["-1", "-128"], ["0", "0"], ["-1", "-128"]])
    assert layers[2] == tokenwise("-1/4", ["0", "1/4"], [["0", "0"], ["-1", "0"], ["0", "0"]])
    one = {"query": ["1"], "key": ["1"], "value": ["1"]}
    assert layers[9] == {
        "heads": [{**one, "bias": "1/8", "output": ["8"]}, {**one, "bias": "-1/8", "output": ["-8"]}]
    }  # fmt: skip
    assert layers[17] == {"heads": [{**one, "query": ["0"], "bias": "1", "output": ["512"]}]}


def tokenwise(bias: str, breaks: list[str], pieces: list[list[str]]) -> dict[str, object]:
    return {"weights": ["1"], "bias": bias, "breaks": breaks, "pieces": pieces, "output": ["1"]}


def test_every_field_of_a_polynomial_by_hand() -> None:
    """delta = 1/5, so w(1/10) = 3/10, one fifth of the inputs is repeated, and 2 (4/5 3/10 + 1/5) = 22/25."""
    certificate, network = documents(made(POLYNOMIAL))
    assert certificate["statement"] == {
        "claim": "On [0, 1)^(1 x 2), the modified transformer of 34 layers is within 1 of polynomial in L^1, and every"
        " entry is within 3/10 of polynomial's off a set of measure 1/5.",
        "function": {"name": "polynomial", "kind": "library", "modulus": "w(h) = 3h", "table": None},
        "n": 2,
        "d": 1,
        "delta": "1/5",
        "positional": False,
        "epsilon": "1",
        "p": 1,
        "cell_error": "3/10",
        "repeated": "1/5",
        "sup": "1",
        "integral_bound": "22/25",
    }
    assert certificate["evidence"] == {"quantisation_layers": 6, "cells": 5, "sequences": 15, "layers": 34}
    assert (network["positional"], len(network["layers"])) == (False, 34)


def test_two_coordinates_are_counted() -> None:
    """attention, d = 2: 1/delta = m; D = m^2 columns; D (D + 1)/2 ascending pairs; 2 (1 + m) layers quantise."""
    certificate, _ = documents(made(WIDE))
    m = F(1) / F(certificate["statement"]["delta"])
    columns = int(m**2)
    assert certificate["evidence"]["cells"] == m
    assert certificate["evidence"]["quantisation_layers"] == 2 * (1 + m)
    assert certificate["evidence"]["sequences"] == columns * (columns + 1) // 2
    assert F(certificate["statement"]["repeated"]) == F(1, columns)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_network_written_gives_the_function_at_centres(case: Case) -> None:
    """Its layers as the format reads them, at a corner or in the middle of every cell; repeated columns become 0."""
    certificate, network = documents(made(case))
    evaluate, parts = LIBRARY[case.function].evaluate, certificate["evidence"]["cells"]
    nothing = ((F(0),) * case.d,) * case.n
    for number, (point, centre, repeated) in enumerate(inputs(case.n, case.d, parts, F(0))):
        if case.d == 2 and number % 23:
            continue
        result = run_document(network, point)
        assert result == (nothing if repeated and not network["positional"] else evaluate(centre))
    assert len(network["layers"]) == certificate["evidence"]["layers"]


def test_points_within_cells_and_close_to_their_ends() -> None:
    certificate, network = documents(made(SORT))
    for within in (F(1, 3), F(999, 1000)):
        for point, centre, _ in inputs(2, 1, certificate["evidence"]["cells"], within):
            assert run_document(network, point) == LIBRARY["sort"].evaluate(centre)


def check_table(certificate: Any, cells: Sequence[tuple[int, ...]], values: list[Any]) -> None:
    table = certificate["statement"]["function"]["table"]
    assert [tuple(entry["cells"]) for entry in table] == cells
    assert [[[F(z) for z in column] for column in entry["values"]] for entry in table] == values


@pytest.mark.parametrize("d", [1, 2])
def test_the_table_of_an_equivariant_function_of_a_file(mine: str, d: int) -> None:
    case = Case(f"{mine}:square", 2, d, F(d))
    certificate, network = documents(made(case))
    statement, m = certificate["statement"], certificate["evidence"]["cells"]
    assert not statement["positional"]
    assert statement["function"]["kind"] == "stated"
    assert statement["function"]["modulus"] == f"w(delta/2) = {statement['cell_error']}"
    assert F(statement["cell_error"]) == F(1, m)
    assert F(statement["sup"]) == F(1, 4) + 1
    assert statement["claim"] == (
        f"On [0, 1)^({d} x 2), the modified transformer of {certificate['evidence']['layers']} layers is within {d} of"
        f" square in L^1, and every entry is within 1/{m} of square's off a set of measure 1/{m**d}, assumed the"
        " table of its values, its bound 5/4 and its modulus and that it commutes with permutations of columns."
    )
    cells = list(combinations(range(m**d), 2))
    values = [[[(F(cell // m**i % m) + F(1, 2)) ** 2 / m**2 for i in range(d)] for cell in pair] for pair in cells]
    check_table(certificate, cells, values)
    assert run_document(network, ((F(1, 2),) * d, (F(0),) * d)) == tuple(
        ((F(2 * c + 1, 2 * m)) ** 2,) * d for c in (m // 2, 0)
    )


@pytest.mark.parametrize("d", [1, 2])
def test_the_table_of_a_function_with_positions(mine: str, d: int) -> None:
    """Cells are numbered before k - 1 is added: repeated ones are in the table, too."""
    certificate, _ = documents(made(Case(f"{mine}:first", 2, d, F(1, 2))))
    m = certificate["evidence"]["cells"]
    assert certificate["statement"]["positional"]
    assert certificate["statement"]["claim"].endswith(
        f"within 1/{2 * m} of first's, assumed the table of its values, its bound 1 and its modulus."
    )
    cells = list(product(range(m**d), repeat=2))
    check_table(certificate, cells, [[[(F(c // m**i % m) + F(1, 2)) / m for i in range(d)]] * 2 for c, _ in cells])


@pytest.mark.parametrize("case", [SORT, POLYNOMIAL], ids=str)
def test_documents_are_canonical(case: Case) -> None:
    for data in (made(case).bytes, made(case).weights):
        plain = json.loads(data, parse_float=pytest.fail)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
        assert data == text.encode("ascii")


def test_a_head_is_written_as_it_is() -> None:
    """Those of the construction have equal keys and values."""
    head = Head((1, 2), F(3), (4, 5), (6, 7), (F(8, 3), 9))
    found = asdict(layer_record(AttentionLayer((head,))))
    assert found == {
        "heads": [
            {"query": ["1", "2"], "bias": "3", "key": ["4", "5"], "value": ["6", "7"], "output": ["8/3", "9"]},
        ]
    }


def test_what_is_not_certified_has_no_certificate() -> None:
    open_one = replace(certified(SORT).evidence[0], verdict=Verdict.INCONCLUSIVE)
    with pytest.raises(ValueError, match="only for one that is"):
        bundle_of(replace(certified(SORT), evidence=(open_one,)))


@pytest.mark.parametrize(
    ("limit", "value", "text"),
    [
        ("MOST_LAYERS", 51, "the network has 52 layers; certificates are checked up to 51"),
        ("MOST_SEQUENCES", 15, "cover 16 sequences"),
        ("MOST_ENTRIES", 31, "with 32 entries"),
        ("LARGEST_P", 1, "p is 2"),
        ("MOST_BYTES", 1000, "a document would have"),
        ("MOST_DIGITS", 4, "more than 4 digits"),
    ],
)
def test_what_is_beyond_a_limit_is_not_written(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, text: str
) -> None:
    monkeypatch.setattr(approximation_limits, limit, value + 1)
    if limit not in ("MOST_BYTES", "MOST_DIGITS"):
        bundle_of(certified(SORT))
    monkeypatch.setattr(approximation_limits, limit, value)
    with pytest.raises(NotWritten, match=text):
        bundle_of(certified(SORT))


def test_outputs_that_come_near_ids_cost_one_layer_more(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(f"{mine}:high", 2, 1, F(1, 2))
    certificate, network = documents(made(case))
    assert certificate["evidence"]["layers"] == 53
    assert run_document(network, ((F(1, 3),), (F(0),))) == ((F(10**9),), (F(10**9),))
    monkeypatch.setattr(approximation_limits, "MOST_LAYERS", 52)
    with pytest.raises(NotWritten, match="the network has 53 layers"):
        bundle_of(certified(case))


def test_large_networks_are_not_even_built(monkeypatch: pytest.MonkeyPatch) -> None:
    large = certified(Case("sort", 2, 2, F(1, 8)))
    monkeypatch.setattr(type(large.approximation), "sequences", lambda _: pytest.fail("built"))
    with pytest.raises(NotWritten, match=r"the network has 131654 layers"):
        bundle_of(large)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sort", "function name 'sort'"),
        ("_hidden", "function name '_hidden'"),
        ("long", "more than 1300 digits"),
        ("longer", "more than 1300 digits"),
    ],
)
def test_functions_of_files_that_no_certificate_can_say(mine: str, name: str, text: str) -> None:
    with pytest.raises(NotWritten, match=text):
        bundle_of(certified(Case(f"{mine}:{name}", 2, 1, F(1, 2))))


def test_a_value_beyond_the_bound_refutes_the_modulus(mine: str) -> None:
    """Between the points at which the function was tried: S = 0 + w(1/2) = 3/2, and at 1/12 the function is 5."""
    with pytest.raises(FunctionError, match=r"an entry has magnitude 5, more than 3/2"):
        bundle_of(certified(Case(f"{mine}:spike", 2, 1, F(1))))


def test_a_negative_modulus_is_none(mine: str) -> None:
    with pytest.raises(FunctionError, match="the modulus falling_modulus is negative at 1/8"):
        bundle_of(certified(Case(f"{mine}:falling", 2, 1, F(1, 4))))
