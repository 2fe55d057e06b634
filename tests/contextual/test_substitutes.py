"""Simpler layers: collisions that are there by hand, proofs that agree with an evaluation in decimals, bad weights."""

from __future__ import annotations

import json
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest

from exactformer.constructions.contextual.exponential import Quotient
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.substitutes import (
    Bilinear,
    Convolution,
    Matrix,
    PlainHead,
    SoftmaxAttention,
    default_layer,
    identity,
)
from exactformer.verify.contextual.lemma6 import GridTooLarge
from exactformer.verify.contextual.substitutes import Collision, Distinct, check_substitute
from tests.command_line.invoking import invoke

F = Fraction
KINDS = ("bilinear", "convolution", "attention", "hardmax")


def matrix(*rows: tuple[object, ...]) -> Matrix:
    return tuple(tuple(F(str(z)) for z in row) for row in rows)


def digits(n: int, m: int) -> Bilinear:
    """W_P with a power of m in each row: column k gains sum_j m^j x_j, which tells all x_j."""
    return Bilinear(identity(1), tuple((F(m) ** (j + 1),) * n for j in range(n)))


@pytest.mark.parametrize(("n", "m"), [(2, 4), (3, 5), (4, 6)])
def test_a_bilinear_projection_that_writes_digits_is_a_contextual_mapping(n: int, m: int) -> None:
    found = check_substitute(Grid(n, 1, F(1, m)), digits(n, m))
    assert isinstance(found, Distinct)
    assert found.columns == found.sequences * n


def test_what_layers_give() -> None:
    sequence = matrix((0, 1), ("1/2", 0), (1, "1/4"))
    averaged = Bilinear(matrix((2, 0), (0, 1)), ((F(1, 3),) * 3,) * 3)(sequence)
    assert averaged == matrix((1, "17/12"), ("3/2", "5/12"), (2, "2/3"))
    convolved = Convolution(matrix((0, 1), (1, 0)), matrix((1, 2, 0), (0, 0, 1)))(sequence)
    # Row 1 of Z * C is 0, 1, 5/2; row 2 is 0, 1/4, 0; W_O swaps them.
    assert convolved == matrix((0, 1), ("3/4", 1), (1, "11/4"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_collision_is_one(kind: str) -> None:
    grid = Grid(3, 1, F(1, 6))
    layer = default_layer(kind, 3, 1)
    found = check_substitute(grid, layer)
    assert isinstance(found, Collision)
    columns = []
    for numbers, place in ((found.first, found.first_place), (found.second, found.second_place)):
        columns.append(layer(tuple(grid.column(number) for number in numbers))[place])
    (one,), (other,) = columns
    assert one.same_as(other) if isinstance(one, Quotient) and isinstance(other, Quotient) else one == other
    assert sorted(found.first) != sorted(found.second) or found.first == found.second


def decimal(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / x.denominator


def in_decimals(quotient: Quotient) -> Decimal:
    above, below = (
        sum(
            (
                Decimal(c.numerator) / c.denominator * (Decimal(s.numerator) / s.denominator).exp()
                for s, c in part.items()
            ),
            Decimal(0),
        )
        for part in (quotient.above, quotient.below)
    )
    return Decimal(above) / Decimal(below)


def softmax(key: object = 1) -> SoftmaxAttention:
    one = identity(1)
    return SoftmaxAttention((PlainHead(one, matrix((key,)), one, one),))


@pytest.mark.parametrize("m", [4, 7])
def test_softmax_is_what_decimals_say(m: int) -> None:
    getcontext().prec = 50
    grid = Grid(2, 1, F(1, m))
    for numbers in combinations(range(m), 2):
        sequence = tuple(grid.column(number) for number in numbers)
        for (x,), (answer,) in zip(sequence, softmax("3/2")(sequence), strict=True):
            weights = [(Decimal(3 * (x * y).numerator) / (2 * (x * y).denominator)).exp() for (y,) in sequence]
            values = [Decimal(y.numerator) / y.denominator for (y,) in sequence]
            mean = sum((w * v for w, v in zip(weights, values, strict=True)), Decimal(0)) / sum(weights, Decimal(0))
            expected = Decimal(x.numerator) / x.denominator + mean
            assert abs(in_decimals(answer) - expected) < Decimal(10) ** -45


def test_one_softmax_head_tells_all_pairs_of_tokens_apart() -> None:
    assert check_substitute(Grid(2, 1, F(1, 16)), softmax()) == Distinct(Grid(2, 1, F(1, 16)), 120, 240)


def test_two_columns_of_one_sequence_collide() -> None:
    """n = 2: x_1 + (x_2 - x_1)/2 and x_2 + (x_1 - x_2)/2 are the same."""
    half = F(1, 2)
    found = check_substitute(Grid(2, 1, F(1, 4)), Bilinear(identity(1), ((-half, half), (half, -half))))
    assert isinstance(found, Collision)
    assert found.first == found.second


def test_a_softmax_head_without_scores_is_an_average() -> None:
    assert isinstance(check_substitute(Grid(2, 1, F(1, 4)), softmax(0)), Collision)


def test_quotients_are_compared_exactly() -> None:
    one, two = F(1), F(2)
    e = Quotient({one: one}, {F(0): one})
    assert (e + e).same_as(Quotient({two: two}, {one: one}))
    assert not e.same_as(Quotient.of(F("2.718281828459045")))
    assert e.scaled(two).residue(5, 1, 101) == 10
    with pytest.raises(ValueError, match="take another t"):
        Quotient({one: one}, {F(0): F(101)}).residue(5, 1, 101)


def test_too_many_sequences_are_refused() -> None:
    with pytest.raises(GridTooLarge):
        check_substitute(Grid(4, 2, F(1, 8)), default_layer("bilinear", 4, 2))


def test_the_command_shows_a_collision_or_says_that_there_is_none(tmp_path: Path) -> None:
    asked = ("contextual-mapping", "--layer", "bilinear", "--n", "2", "--delta", "1/4")
    refuted = invoke(*asked)
    assert refuted.code == 1
    assert refuted.out.startswith("REFUTED: bilinear does not compute")
    assert "column 2 of (0; 1/4)\n  column 1 of (0; 3/4)\nbecome the same column" in refuted.out
    weights = tmp_path / "weights.json"
    weights.write_text(json.dumps({"output": [[1]], "projection": [["4", 4], [16, "16"]]}), encoding="utf-8")
    proved = invoke(*asked, "--weights", weights)
    assert (proved.code, proved.err) == (0, "")
    assert proved.out.startswith("PROVED: bilinear computes a contextual mapping")
    assert "the columns of all 12 sequences with distinct columns" in proved.out
    head = {name: [["1/2"]] for name in ("query", "key", "value", "output")}
    weights.write_text(json.dumps({"heads": [head]}), encoding="utf-8")
    assert invoke(*asked[:2], "attention", *asked[3:], "--weights", weights).code == 0
    assert invoke(*asked[:2], "hardmax", *asked[3:], "--weights", weights).code == 1


BAD = {
    "not JSON": ("bilinear", "{"),
    "must hold a JSON object": ("bilinear", "[]"),
    "projection must be a list of rows": ("bilinear", '{"output": [[1]]}'),
    "projection must have 2 rows of 2 numbers": ("bilinear", '{"output": [[1]], "projection": [[1]]}'),
    "holds 0.5": ("bilinear", '{"output": [[0.5]], "projection": [[1, 1], [1, 1]]}'),
    "odd number of taps": ("convolution", '{"output": [[1]], "kernel": [[1, 1]]}'),
    'must hold "heads"': ("attention", "{}"),
    "value must have 1 rows of 1 numbers": (
        "hardmax",
        '{"heads": [{"query": [[1]], "key": [[1]], "value": [[1, 2]], "output": [[1]]}]}',
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_weights_are_refused(text: str, tmp_path: Path) -> None:
    kind, content = BAD[text]
    weights = tmp_path / "weights.json"
    weights.write_text(content, encoding="utf-8")
    outcome = invoke("contextual-mapping", "--layer", kind, "--n", "2", "--delta", "1/4", "--weights", weights)
    assert (outcome.code, outcome.out) == (2, "")
    assert ("cannot be read as JSON" if text == "not JSON" else text) in outcome.err
    assert outcome.err.count("\n") == 1
