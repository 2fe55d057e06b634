"""Quantisation and contextual mapping as layers, against the formulas computed by hand; Lemma 6, and how it fails."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest

from exactformer.constructions.contextual.contextual_mapping import ids, interval, selective_shifts
from exactformer.constructions.contextual.global_shift import global_factor, global_shift, global_shift_at_zero
from exactformer.constructions.contextual.grid import Grid, GridError
from exactformer.constructions.contextual.layers import AttentionLayer
from exactformer.constructions.contextual.network import mapping_network
from exactformer.verify.contextual.labels import run_layers
from exactformer.verify.contextual.lemma6 import Contextual, Fails, GridTooLarge, check_lemma6
from tests.contextual import by_hand

F = Fraction
SMALL = [(1, 1, 3), (2, 1, 2), (2, 1, 4), (3, 1, 3), (2, 2, 2), (1, 2, 3)]


@pytest.mark.parametrize("size", SMALL)
def test_the_layers_give_the_ids_of_the_formulas(size: tuple[int, int, int]) -> None:
    n, d, m = size
    grid = Grid(n, d, F(1, m))
    network = mapping_network(grid)
    shifts, last = network.step("selective shifts"), network.step("global shift")
    for sequence in product(by_hand.columns(n, d, m), repeat=n):
        assert [grid.label(column) for column in last(shifts(sequence))] == by_hand.ids(n, d, m, sequence)


@pytest.mark.parametrize("size", SMALL)
def test_the_layers_quantise_as_the_formulas(size: tuple[int, int, int]) -> None:
    n, d, m = size
    step = mapping_network(Grid(n, d, F(1, m))).step("quantisation")
    tiny = F(1, 10**9)
    for k in range(-2 * m, 3 * m):
        for t in (F(k, m), F(k, m) + tiny, F(k, m) - tiny, F(2 * k + 1, 2 * m)):
            (column,) = step(((t, *[F(1, 2)] * (d - 1)),))
            assert column == tuple(by_hand.quantise(n, d, m, z) for z in (t, *[F(1, 2)] * (d - 1)))


@pytest.mark.parametrize("size", SMALL[1:])
def test_the_exhaustive_check_sees_the_interval_and_ids_of_the_formulas(size: tuple[int, int, int]) -> None:
    n, d, m = size
    found = check_lemma6(Grid(n, d, F(1, m)))
    assert isinstance(found, Contextual)
    proper = [s for s in product(by_hand.columns(n, d, m, False), repeat=n) if len(set(s)) == n]
    expected = [one for s in proper for one in by_hand.ids(n, d, m, s)]
    assert (found.proper, found.t_l, found.t_r) == (len(proper), min(expected), max(expected))
    assert found.ids == len(set(expected))
    assert found.sequences == (m + 1) ** (d * n)


@pytest.mark.parametrize("size", SMALL)
def test_layers_on_labels_are_the_layers(size: tuple[int, int, int]) -> None:
    """The vectorised layers, against the layers on columns, on every quantised sequence and after every layer."""
    n, d, m = size
    grid = Grid(n, d, F(1, m))
    columns = {int(grid.label(column) / grid.delta): column for column in by_hand.columns(n, d, m)}
    layers = [*selective_shifts(grid), global_shift(grid)]
    for numbers in product(columns, repeat=n):
        for layer in layers:
            (found,) = run_layers(grid, [layer], np.array([numbers])).numbers
            behind = layer(tuple(columns[number] for number in numbers))
            assert [grid.label(column) / grid.delta for column in behind] == list(found)


def test_a_grid_with_steps_that_are_not_dyadic_has_ids_by_the_closed_form() -> None:
    grid = Grid(3, 2, F(1, 3))
    for numbers in [(0, 1, 2), (8, 3, 5), (4, 4, 1), (7, 7, 7)]:
        columns = [grid.column(number) for number in numbers]
        behind = [grid.delta * ids(grid, numbers)[number] for number in numbers]
        assert behind == by_hand.ids(3, 2, 3, columns)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("m", [2, 3, 4, 5, 8])
def test_lemma_6_holds_with_both_global_shifts_whether_n_is_below_steps_minus_1_or_not(n: int, d: int, m: int) -> None:
    if n > m**d:
        return
    grid = Grid(n, d, F(1, m))
    assert isinstance(check_lemma6(grid), Contextual)
    assert isinstance(check_lemma6(grid, last=global_shift_at_zero(grid)), Contextual)


GRID = Grid(2, 1, F(1, 4))


def scaled(layer: AttentionLayer, factor: Fraction) -> AttentionLayer:
    heads = tuple(replace(head, output=tuple(factor * one for one in head.output)) for head in layer.heads)
    return replace(layer, heads=heads)


def test_another_order_of_the_shifts_has_other_ids() -> None:
    found = check_lemma6(GRID, shifts=selective_shifts(GRID)[::-1])
    assert isinstance(found, Fails)
    assert found.instance == "(0, 1) has ids (1300, 1285), not those of the closed form"


@pytest.mark.parametrize(("n", "m"), [(2, 3), (2, 4), (3, 4)])
def test_in_every_order_of_the_shifts_ids_are_distinct(n: int, m: int) -> None:
    grid = Grid(n, 1, F(1, m))
    for order in permutations(selective_shifts(grid)):
        assert isinstance(check_lemma6(grid, shifts=order, by_closed_form=False), Contextual)


def test_without_the_closed_form_collisions_are_still_found() -> None:
    assert isinstance(check_lemma6(GRID, shifts=(), by_closed_form=False), Fails)
    for size, factor in (((3, 1, 4), 0), ((2, 1, 3), 3)):
        grid = Grid(size[0], size[1], F(1, size[2]))
        last = scaled(global_shift(grid), F(factor, global_factor(grid)))
        found = check_lemma6(grid, last=last, by_closed_form=False)
        assert isinstance(found, Fails)
        assert found.part == 2


def test_a_missing_shift_is_refuted() -> None:
    found = check_lemma6(GRID, shifts=selective_shifts(GRID)[:-1])
    assert isinstance(found, Fails)


def test_shifts_that_are_too_small_move_a_column_twice() -> None:
    found = check_lemma6(GRID, shifts=[scaled(layer, F(1, 2)) for layer in selective_shifts(GRID)])
    assert isinstance(found, Fails)
    assert (found.part, found.instance) == (5, "(0, 1): column 1 is shifted 2 times")


@pytest.mark.parametrize("factor", [0, 1, 2])
def test_a_global_shift_that_is_too_small_is_refuted(factor: int) -> None:
    found = check_lemma6(GRID, last=scaled(global_shift(GRID), F(factor, global_factor(GRID))))
    assert isinstance(found, Fails)


def test_other_sequences_with_ids_in_the_interval_are_found() -> None:
    """Without a global shift ids are distinct for n = 3, delta = 1/3, but (0, 0, 1) has one among them."""
    grid = Grid(3, 1, F(1, 3))
    found = check_lemma6(grid, last=scaled(global_shift(grid), F(0)), by_closed_form=False)
    assert isinstance(found, Fails)
    assert (found.part, found.instance) == (4, "(0, 0, 1): column 3 has the id 7 in [6, 44]")


def test_thresholds_on_the_grid_are_refused() -> None:
    heads = tuple(replace(head, query_bias=head.query_bias + F(1, 8)) for head in selective_shifts(GRID)[1].heads)
    found = check_lemma6(GRID, shifts=[*selective_shifts(GRID)[:1], AttentionLayer(heads)])
    assert isinstance(found, Fails)
    assert "a query is 0" in found.instance


def test_too_many_sequences_are_refused() -> None:
    with pytest.raises(GridTooLarge):
        check_lemma6(Grid(4, 2, F(1, 8)))


def test_one_token_has_distinct_ids_that_begin_at_0() -> None:
    found = check_lemma6(Grid(1, 1, F(1, 4)))
    assert isinstance(found, Contextual)
    assert found.t_l == 0
    assert interval(Grid(1, 1, F(1, 4))).low == 0


BAD = {
    "is not 1/integer": (2, 1, F(2, 5)),
    "delta = 1 ": (2, 1, F(1)),
    "0 is not 1/integer": (2, 1, F(0)),
    "cannot be distinct": (3, 1, F(1, 2)),
    "at least one token": (0, 1, F(1, 2)),
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(GridError, match=text):
        Grid(*BAD[text])


def test_the_stated_condition_is_required_where_asked() -> None:
    assert Grid(2, 1, F(1, 4)).require_stated().as_stated
    with pytest.raises(GridError, match=r"n < 1/delta - 1 = 2"):
        Grid(2, 1, F(1, 3)).require_stated()
    with pytest.raises(GridError, match="n = 1"):
        Grid(1, 1, F(1, 8)).require_stated()
