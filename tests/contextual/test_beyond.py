"""The proof for large grids: it holds, and each of its steps fails when its constants are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from exactformer.constructions.contextual.grid import Grid
from exactformer.verify.contextual import beyond, positional
from exactformer.verify.contextual.beyond import prove_lemma6
from exactformer.verify.contextual.lemma6 import Contextual, Fails, check_lemma6
from exactformer.verify.lemmas import contextual
from exactformer.verify.lemmas.outcome import Budget, Disproved, Established, Finding, Open, conclude
from exactformer.verify.solver import Term, at_most, weighted_total

F = Fraction


@pytest.mark.parametrize("size", [(2, 1, 2), (4, 1, 4), (7, 3, 5), (12, 6, 99), (40, 4, 2**16)])
def test_lemma_6_is_proved_on_grids_of_any_size(size: tuple[int, int, int]) -> None:
    n, d, m = size
    assert isinstance(prove_lemma6(Grid(n, d, F(1, m)), Budget(600)), Established)


def test_without_time_nothing_is_proved() -> None:
    assert isinstance(prove_lemma6(Grid(2, 1, F(1, 4)), Budget(0)), Open)


def test_the_proof_and_the_enumeration_say_the_same_interval() -> None:
    for n, d, m in [(2, 1, 4), (3, 1, 5), (2, 2, 3)]:
        grid = Grid(n, d, F(1, m))
        found = check_lemma6(grid)
        assert isinstance(found, Contextual)
        factor = grid.columns ** (n + 1)
        assert found.t_r / grid.delta == (1 + factor) * beyond.largest_number(grid)
        assert found.t_l / grid.delta == grid.columns * (n - 1) + factor * beyond.least_number(grid)


GRID = Grid(3, 2, F(1, 8))


def failing(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finding]:
    budget = Budget(600)
    if name == "labels of more columns than D":
        monkeypatch.setattr(beyond, "label_range", lambda columns, a: [at_most(0, a), at_most(a, columns)])
        return beyond.unshift_findings(GRID.columns, budget)
    if name == "a shift by D - 1":

        def smaller(columns: int, label: Term, largest: Term) -> Term:
            return weighted_total([(columns - 1, largest), (2 - columns, label)])

        monkeypatch.setattr(beyond, "moved", smaller)
        return beyond.select_findings(GRID.columns, budget)
    if name == "another least id":
        monkeypatch.setattr(beyond, "least_number", lambda grid: 1 + grid.columns)
        return beyond.interval_findings(GRID, budget)
    if name == "another largest id":
        monkeypatch.setattr(beyond, "largest_number", lambda grid: grid.columns**grid.n - grid.columns)
        return beyond.interval_findings(GRID, budget)
    monkeypatch.setattr(Grid, "outside", property(lambda grid: F(-grid.columns)))
    return beyond.others_findings(GRID, budget)


@pytest.mark.parametrize(
    "name",
    [
        "labels of more columns than D",
        "a shift by D - 1",
        "another least id",
        "another largest id",
        "outside is near the grid",
    ],
)
def test_a_wrong_step_is_refuted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = conclude(failing(name, monkeypatch))
    assert isinstance(outcome, Disproved)
    if name == "outside is near the grid":
        assert outcome.counterexample == "not so: they end above t_r"


def test_lemmas_of_the_book_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = Fails(GRID, 1, "an instance")
    for name, lemma in (("check_lemma5", 0), ("check_lemma6", 1), ("check_lemma7", -1)):
        monkeypatch.setattr(contextual, name, lambda *_, **__: fails)
        outcome = contextual.LEMMAS[lemma].decide(0, Budget(600))
        assert outcome == Disproved("n = 3, d = 2, delta = 1/8: an instance")


def test_positional_encoding_with_constants_from_1_over_delta_moves_a_column_twice() -> None:
    found = positional.check_stated_constants(2, 1, F(1, 8))
    assert isinstance(found, Fails)
    assert found.instance == "(7, 8): column 1 is shifted 2 times"


def test_positional_encoding_with_constants_from_1_over_delta_has_equal_ids() -> None:
    """Computed again by hand: n = 3, d = 1, delta = 1/5, so n < 1/delta - 1."""
    found = positional.check_stated_constants(3, 1, F(1, 5))
    assert isinstance(found, Fails)
    assert found.instance == ("column 3 of (0, 7, 12) has the id 821312, column 1 of (2, 9, 14) has 821312")
    ids = []
    for labels in ([0, 7, 12], [2, 9, 14]):
        for b in range(15):
            shift = 5 * (max(labels) - min(labels))
            labels = [one + shift if one == b else one for one in labels]
        ids.append([one + 5**4 * max(labels) for one in labels])
    assert ids[0][2] == ids[1][0] == 821312


def test_with_constants_from_n_over_delta_they_are_distinct() -> None:
    for n, d, m in [(2, 1, 8), (3, 1, 5), (2, 2, 2)]:
        assert isinstance(check_lemma6(Grid(n, d, F(1, m), extent=n)), Contextual)
