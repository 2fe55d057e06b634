"""Functions with their moduli, the choice of delta, the bounds, and the command that prints them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from exactformer.constructions.contextual.functions import (
    LIBRARY,
    FunctionError,
    Target,
    distance,
    load_target,
    require_as_stated,
)
from exactformer.constructions.contextual.grid import GridError, Sequence
from exactformer.verify.contextual import theorem
from exactformer.verify.contextual.approximation import (
    Approximation,
    SpecificationError,
    plan,
    repeated_measure,
    root_above,
)
from exactformer.verify.contextual.theorem import certify, run_samples
from exactformer.verify.verdict import Verdict
from tests.command_line.invoking import invoke

F = Fraction


def columns(*rows: tuple[object, ...]) -> Sequence:
    return tuple(tuple(F(str(z)) for z in row) for row in rows)


X = columns(("1/2", 0), ("1/4", 1), (1, "1/2"))


def test_what_the_library_computes() -> None:
    assert LIBRARY["sort"].evaluate(X) == columns(("1/4", 0), ("1/2", "1/2"), (1, 1))
    assert LIBRARY["running-maximum"].evaluate(X) == columns(("1/2", 0), ("1/2", 1), (1, 1))
    assert LIBRARY["polynomial"].evaluate(columns((1,), ("1/2",))) == columns(("1/4",), ("-1/8",))
    assert LIBRARY["attention"].evaluate(columns((1,), ("1/2",))) == columns(("5/8",), ("5/16",))


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 2), (5, 1)])
def test_the_moduli_hold_at_sampled_points_and_smaller_ones_do_not(name: str, n: int, d: int) -> None:
    target = LIBRARY[name]
    require_as_stated(target, n, d)
    with pytest.raises(FunctionError, match="does not have the modulus"):
        require_as_stated(replace(target, modulus=lambda h: target.modulus(h) / 4), n, d)


def test_a_function_that_is_not_equivariant_is_noticed() -> None:
    with pytest.raises(FunctionError, match="not permutation-equivariant"):
        require_as_stated(replace(LIBRARY["sort"], equivariant=True), 2, 1)


def cells(n: int, d: int, parts: int) -> list[Sequence]:
    values = [F(2 * k + 1, 2 * parts) for k in range(parts)]
    return list(product(product(values, repeat=d), repeat=n))


CASES = [("sort", 2, 1, F(1, 4), 2), ("polynomial", 2, 1, F(1), 1), ("running-maximum", 2, 1, F(1, 3), 3)]


@pytest.mark.parametrize(("name", "n", "d", "epsilon", "p"), CASES)
def test_the_bounds_hold_for_the_network_on_a_fine_grid(name: str, n: int, d: int, epsilon: F, p: int) -> None:
    """The integral by the midpoints of cells 3 times finer, whose values the network takes exactly."""
    found = plan(LIBRARY[name], n, d, epsilon, p)
    network = found.network(found.values())
    parts = 3 * found.grid.delta.denominator
    total, repeated = F(0), F(0)
    for sequence in cells(n, d, parts):
        answer, wanted = network(sequence), found.target.evaluate(sequence)
        own = {tuple(z // found.grid.delta for z in column) for column in sequence}
        if not found.positional and len(own) < n:
            assert answer == ((F(0),) * d,) * n
            repeated += 1
        else:
            assert distance(answer, wanted) <= found.cell_error
        total += sum(abs(a - b) ** p for x, y in zip(answer, wanted, strict=True) for a, b in zip(x, y, strict=True))
    assert total / parts ** (n * d) <= found.integral_bound <= epsilon**p
    assert repeated / parts ** (n * d) == found.repeated
    assert (found.lp_bound - F(1, 10**6)) ** p < found.integral_bound <= found.lp_bound**p


def test_delta_is_the_largest_that_will_do() -> None:
    found = plan(LIBRARY["polynomial"], 2, 1, F(1, 2), 1)
    coarser = replace(found, grid=replace(found.grid, delta=F(1, found.grid.delta.denominator - 1)))
    assert found.holds
    assert not coarser.holds


def test_the_stated_condition_makes_delta_smaller_than_the_modulus_asks_for() -> None:
    found = plan(LIBRARY["sort"], 2, 1, F(1, 4), 2)
    assert found.grid.delta == F(1, 4)
    assert replace(found, grid=replace(found.grid, delta=F(1, 3))).holds


def test_counts_are_those_of_the_network() -> None:
    for name, n, d, epsilon, p in CASES:
        found = plan(LIBRARY[name], n, d, epsilon, p)
        steps = {step.name: step for step in found.network(found.values()).steps}
        counts = found.counts
        assert steps["quantisation"].tokenwise_layers == counts.quantisation
        assert steps["selective shifts"].attention_layers == counts.selective
        assert steps["value mapping"].tokenwise_layers == counts.dismissal + counts.bumps
        assert ("positional encoding" in steps) == found.positional


@pytest.mark.parametrize("name", ["sort", "polynomial"])
def test_first_sequences_are_among_all(name: str) -> None:
    found = plan(LIBRARY[name], 2, 2, F(1), 1)
    few, everything = list(found.first_sequences(3)), set(found.sequences())
    assert len(set(few)) == 3
    assert set(few) <= everything


def test_the_measure_of_repeated_columns() -> None:
    found = plan(LIBRARY["attention"], 3, 1, F(1), 1)
    parts = found.grid.delta.denominator
    repeated = sum(len(set(cell)) < 3 for cell in product(range(parts), repeat=3))
    assert repeated_measure(found.grid) == F(repeated, parts**3)
    assert root_above(F(2), 2) ** 2 >= 2 > (root_above(F(2), 2) - F(1, 10**6)) ** 2


def wrong_function(found: Approximation) -> Target:
    return replace(found.target, evaluate=lambda sequence: sequence)


def test_a_network_for_another_function_is_seen_on_the_runs() -> None:
    found = plan(LIBRARY["sort"], 2, 1, F(1, 4), 2)
    runs = run_samples(replace(found, target=wrong_function(found)), found.network(found.values()), 50)
    assert runs.largest > found.cell_error
    assert certify(found).verdict is Verdict.PROVED


def test_a_lemma_that_is_not_decided_leaves_the_claim_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theorem, "MOST_STEPS", 3)
    outcome = invoke("approximate", "--function", "sort", "--n", "2", "--epsilon", "1/4")
    assert outcome.code == 3
    assert "given the modulus, inconclusive:" in outcome.out


def test_the_command_says_what_is_proved() -> None:
    outcome = invoke("approximate", "--function", "sort", "--n", "2", "--dim", "1", "--epsilon", "1/4")
    assert (outcome.code, outcome.err) == (0, "")
    for text in (
        "the function is not permutation-equivariant",
        "within a cell an entry is off by at most w(1/8) = 1/8",
        "from t_l = 7298 to t_r = 204687/4",
        "layers     9 quantise, 8 shift selectively, 1 globally, 2 dismiss other ids, 32 map values",
        "Lemma 6 proved: all 81 quantised sequences",
        "is at most 1/32, so the distance in L^2 is at most 176777/1000000 <= 1/4",
        "every entry is within 1/8 of f's, at every input",
    ):
        assert text in outcome.out


def test_large_grids_are_certified_by_proof() -> None:
    outcome = invoke("approximate", "--function", "sort", "--n", "8", "--dim", "2", "--epsilon", "1/4")
    assert outcome.code == 0
    assert "Lemma 6 proved: induction over the columns" in outcome.out
    assert "all quantised" not in outcome.out
    assert "checked on" not in outcome.out


def test_an_equivariant_function_has_a_set_left_out() -> None:
    asked = ("approximate", "--function", "polynomial", "--n", "2", "--epsilon", "1", "--p", "1")
    outcome = invoke(*asked)
    assert outcome.code == 0
    assert "except on inputs with two tokens in one cell, whose measure is 1/" in outcome.out
    forced = invoke(
        "approximate", "--function", "polynomial", "--n", "2", "--epsilon", "1/2", "--p", "1", "--positional"
    )
    assert forced.code == 0
    assert "encoded (asked for)" in forced.out


GOOD = ("--function", "sort", "--n", "2", "--epsilon", "1/4")
BAD = {
    "delta = 2/5 is not 1/integer": (*GOOD, "--delta", "2/5"),
    "n = 2 is too large for delta = 1/3: Lemma 6 is stated for n < 1/delta - 1 = 2": (*GOOD, "--delta", "1/3"),
    "epsilon = 0: give a positive number": (*GOOD[:-1], "0"),
    "epsilon = -1/4: give a positive number": (*GOOD[:-1], "-1/4"),
    "Invalid value for '--epsilon': 'x': give a number": (*GOOD[:-1], "x"),
    "delta = 1/4 is too large for epsilon = 1/8": (*GOOD[:-1], "1/8", "--delta", "1/4"),
    "there is no function 'sin'": ("--function", "sin", *GOOD[2:]),
    "n = 1, d = 1: give n >= 2 tokens": (*GOOD[:3], "1", *GOOD[4:]),
    "p = 0": (*GOOD, "--p", "0"),
    "n = 65, d = 1: give at most 64 tokens": (*GOOD[:3], "65", *GOOD[4:]),
    "there is no file missing.py": ("--function", "missing.py:f", *GOOD[2:]),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_specifications_are_refused_with_one_sentence(text: str) -> None:
    outcome = invoke("approximate", *BAD[text])
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {text}")
    assert outcome.err.count("\n") == 1


FILE = """
from fractions import Fraction

def square(columns):
    return tuple(tuple(z * z for z in column) for column in columns)

def square_modulus(h):
    return {factor} * h

square_equivariant = True

def inexact(columns):
    return [[float(z) for z in column] for column in columns]

inexact_modulus = square_modulus
"""


def test_a_function_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.format(factor=2), encoding="utf-8")
    outcome = invoke("approximate", "--function", f"{path}:square", "--n", "2", "--epsilon", "1/2", "--p", "1")
    assert (outcome.code, outcome.err) == (0, "")
    assert "tried at 200 pairs of points, not proved" in outcome.out
    assert load_target(f"{path}:square").equivariant


def test_a_function_of_a_file_that_is_not_as_stated(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.format(factor=1), encoding="utf-8")
    for name, text in {
        "square": "does not have the modulus square_modulus",
        "inexact": "must give exact numbers",
        "cube": "must define the functions cube and cube_modulus",
    }.items():
        outcome = invoke("approximate", "--function", f"{path}:{name}", "--n", "2", "--epsilon", "1/2")
        assert (outcome.code, outcome.out) == (2, "")
        assert text in outcome.err


def test_a_grid_too_coarse_for_distinct_tokens_is_refused() -> None:
    with pytest.raises(GridError):
        plan(LIBRARY["attention"], 5, 1, F(1), 1, delta=F(1, 4))
    with pytest.raises(SpecificationError):
        plan(LIBRARY["attention"], 2, 0, F(1), 1)
