"""Lemmas 5 and 7: right layers, and layers that are wrong in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import product

import pytest

from exactformer.constructions.contextual.grid import Grid, GridError, Sequence
from exactformer.constructions.contextual.layers import PiecewiseLinear, TokenwiseLayer
from exactformer.constructions.contextual.network import Network, Step, mapping_steps
from exactformer.constructions.contextual.quantisation import coordinate_layers
from exactformer.constructions.contextual.value_mapping import Numbers, ValueMapping, value_mapping
from exactformer.verify.contextual.lemma5 import Quantises, check_lemma5
from exactformer.verify.contextual.lemma6 import Fails
from exactformer.verify.contextual.lemma7 import MapsValues, check_lemma7, stated_layers
from exactformer.verify.lemmas.contextual import LARGE_OUTPUT, wish
from tests.contextual import by_hand

F = Fraction
GRID = Grid(2, 1, F(1, 4))


@pytest.mark.parametrize("size", [(2, 1, 2), (3, 2, 5), (2, 3, 7)])
def test_quantisation_has_the_stated_number_of_layers(size: tuple[int, int, int]) -> None:
    n, d, m = size
    assert check_lemma5(Grid(n, d, F(1, m))) == Quantises(Grid(n, d, F(1, m)), d + d * m, m + 2)


def broken(place: int, change: Callable[[TokenwiseLayer], TokenwiseLayer]) -> list[TokenwiseLayer]:
    layers = list(coordinate_layers(GRID, 0))
    layers[place] = change(layers[place])
    return layers


def closed_on_the_right() -> list[TokenwiseLayer]:
    """Sends [0, 1/4 + 1/1000) down: no input of the grid would notice."""
    activation = PiecewiseLinear((F(0), F(251, 1000)), ((F(0), F(0)), (F(-1), F(0)), (F(0), F(0))))
    return broken(1, lambda layer: replace(layer, activation=activation))


WRONG = {
    "a cell is too long": closed_on_the_right(),
    "a cell is shifted": broken(2, lambda layer: replace(layer, bias=layer.bias - F(1, 10**6))),
    "a layer is missing": list(coordinate_layers(GRID, 0))[:-1],
    "outside is not sent away": list(coordinate_layers(GRID, 0))[1:],
}


@pytest.mark.parametrize("title", WRONG)
def test_wrong_quantisation_is_refuted(title: str) -> None:
    assert isinstance(check_lemma5(GRID, WRONG[title]), Fails)


def wanted(scale: int, grid: Grid, numbers: Numbers) -> Sequence:
    return wish(scale, grid, numbers)


def mapping(grid: Grid, scale: int = 1) -> ValueMapping:
    return value_mapping(grid, partial(wanted, scale, grid))


@pytest.mark.parametrize("scale", [1, LARGE_OUTPUT])
@pytest.mark.parametrize("size", [(2, 1, 3), (2, 1, 4), (2, 2, 2)])
def test_the_whole_network_gives_the_wanted_columns_layer_by_layer(size: tuple[int, int, int], scale: int) -> None:
    """Every layer is run on every quantised sequence, without the short cuts of the check."""
    n, d, m = size
    grid = Grid(n, d, F(1, m))
    values = mapping(grid, scale)
    network = Network((*mapping_steps(grid), Step("values", values.layers)))
    for sequence in product(by_hand.columns(n, d, m), repeat=n):
        # An input in the interior of its cells; -1 is outside.
        given = tuple(tuple(z + F(1, 3 * m) if z >= 0 else F(-1) for z in column) for column in sequence)
        proper = len(set(sequence)) == n and min(min(column) for column in sequence) >= 0
        numbers = tuple(int(grid.label(column) / grid.delta) for column in sequence)
        expected = wish(scale, grid, numbers) if proper else ((F(0),) * d,) * n
        assert network(given) == expected
    found = check_lemma7(values)
    assert isinstance(found, MapsValues)
    assert (found.lift > 0) == (scale > 1)
    assert found.layers <= stated_layers(grid) + 2 + d


def test_an_entry_of_another_column_is_refuted() -> None:
    first, *others = mapping(GRID).entries
    assert isinstance(check_lemma7(ValueMapping(GRID, (replace(first, behind=(F(1),)), *others))), Fails)


def test_two_bumps_at_one_id_are_refused() -> None:
    first, second, *others = mapping(GRID).entries
    second = replace(second, id=first.id, behind=first.behind)
    with pytest.raises(ValueError, match="of its own"):
        check_lemma7(ValueMapping(GRID, (first, second, *others)))


class Unlifted(ValueMapping):
    """Lemma 7 as stated: outputs are written as they are, whatever they are."""

    @cached_property
    def lift(self) -> int:
        return 0


def test_without_a_lift_an_output_that_is_an_id_is_sent_on() -> None:
    """n = 2, d = 1, delta = 1/4: the id of the second column of (0, 1) is 845/4, a wanted output of the first."""
    values = mapping(GRID)
    first, second = values.entries[:2]
    entries = (replace(first, output=(second.id,)), *values.entries[1:])
    found = check_lemma7(Unlifted(GRID, entries))
    assert isinstance(found, Fails)
    assert found.instance == f"the column with id 209 becomes ({second.output[0]}), not (845/4)"
    assert isinstance(check_lemma7(ValueMapping(GRID, entries)), MapsValues)


class Undismissed(ValueMapping):
    """Without the layers that send other columns to 0."""

    @cached_property
    def dismissal(self) -> tuple[TokenwiseLayer, ...]:
        return ()


def test_columns_of_other_sequences_that_are_kept_are_found() -> None:
    found = check_lemma7(Undismissed(GRID, mapping(GRID).entries))
    assert isinstance(found, Fails)
    assert "of a sequence that is not proper" in found.instance


def test_one_token_is_refused() -> None:
    with pytest.raises(GridError, match="n = 1"):
        value_mapping(Grid(1, 1, F(1, 4)), lambda numbers: ((F(0),),) * len(numbers))
