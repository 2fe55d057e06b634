"""Closed forms of sizes, magnitudes and bits against networks that are built; and the choice of delta."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import pytest

from exactformer.constructions.contextual.grid import Grid, GridError, Sequence
from exactformer.constructions.contextual.layers import AttentionLayer, TokenwiseLayer
from exactformer.constructions.contextual.network import Network
from exactformer.constructions.contextual.positional import PositionalEncoding, encoded_sequences, positional_grid
from exactformer.constructions.contextual.standard_form import quantisation_relus, value_relus
from exactformer.constructions.contextual.value_mapping import Numbers, ValueMapping, classes, value_mapping
from exactformer.verify.arithmetic.formats import ieee_format
from exactformer.verify.contextual.audit import (
    Between,
    Condition,
    Cost,
    Kind,
    significand_bits,
    softmax_factor,
)
from exactformer.verify.contextual.comparison import DeltaRule, delta_for, high_precision
from exactformer.verify.contextual.formats import CannotHold, Holds, holds_all, ids_of
from exactformer.verify.contextual.id_formats import FORMATS, holding, smallest_format
from exactformer.verify.contextual.softmax_form import id_error
from tests.contextual import by_hand

F = Fraction
PLAIN = [(2, 1, m) for m in range(2, 9)] + [(3, 1, m) for m in (3, 4, 5, 7)] + [(4, 1, 5), (4, 1, 6), (5, 1, 5)]
GRIDS = [
    *((*one, False) for one in [*PLAIN, (2, 2, 2), (2, 2, 3), (3, 2, 2), (4, 2, 2), (3, 2, 3), (2, 3, 2)]),
    *((*one, True) for one in [(2, 1, 2), (2, 1, 3), (2, 1, 4), (3, 1, 2), (3, 1, 3), (2, 2, 2), (2, 2, 3)]),
]
Case = tuple[int, int, int, bool]


@cache
def cost_of(case: Case) -> Cost:
    n, d, m, positional = case
    return Cost(positional_grid(n, d, F(1, m)) if positional else Grid(n, d, F(1, m)), positional)


def sequences(cost: Cost) -> Iterator[Numbers]:
    return encoded_sequences(cost.grid) if cost.positional else classes(cost.grid)


def values_of(cost: Cost, output: Fraction) -> ValueMapping:
    """Every entry of every output has this value."""

    def wish(numbers: Numbers) -> Sequence:
        return ((output,) * cost.grid.d,) * len(numbers)

    return value_mapping(cost.grid, wish, sequences(cost))


@cache
def built(case: Case, output: Fraction) -> tuple[Network, ValueMapping]:
    cost = cost_of(case)
    values = values_of(cost, output)
    assert values.lift == 0
    return cost.approximation.network(values), values


@cache
def all_ids(case: Case) -> list[int]:
    return ids_of(cost_of(case).grid, sequences(cost_of(case)))


def parameters(case: Case) -> dict[Kind | None, set[Fraction]]:
    """Every parameter of the built network, in units of delta, by kind; None: those that are not lengths, 0 and +-1."""
    grid, (network, values) = cost_of(case).grid, built(case, F(0))
    found: dict[Kind | None, set[Fraction]] = {kind: set() for kind in Kind} | {None: set()}

    def of_length(kind: Kind, *lengths: Fraction | int) -> None:
        found[kind] |= {F(x) / grid.delta for x in lengths}

    for layer in network.step("quantisation").layers:
        assert isinstance(layer, TokenwiseLayer)
        of_length(Kind.CELL, layer.bias, *layer.activation.breaks)
        of_length(Kind.OUTSIDE, *(intercept for _, intercept in layer.activation.pieces))
        found[None] |= {F(x) for x in (*layer.weights, *layer.output, *(s for s, _ in layer.activation.pieces))}
    for step, kind in (("selective shifts", Kind.SELECTIVE), ("global shift", Kind.GLOBAL)):
        for layer in network.step(step).layers:
            assert isinstance(layer, AttentionLayer)
            for head in layer.heads:
                found[Kind.LABEL] |= {F(x) for x in (*head.query, *head.key, *head.value)}
                found[kind] |= set(map(F, head.output))
                if kind is Kind.SELECTIVE:
                    of_length(Kind.THRESHOLD, head.query_bias)
                else:
                    found[None].add(head.query_bias)
    outside, *negative = values.dismissal
    of_length(Kind.INTERVAL, outside.bias, *outside.activation.breaks)
    of_length(Kind.DISMISSAL, *outside.output)
    for layer in (outside, *negative, *values.bumps):
        found[None] |= {F(x) for piece in layer.activation.pieces for x in piece}
        found[Kind.LABEL] |= set(map(F, layer.weights))
    for layer in negative:
        found[None] |= {layer.bias, *layer.activation.breaks, *map(F, layer.output)}
    for bump in values.bumps:
        of_length(Kind.BUMP_OFFSET, bump.bias, *bump.activation.breaks)
        of_length(Kind.BUMP_OUTPUT, *bump.output)
    return found


def bits_of(numbers: set[Fraction]) -> int:
    assert all((2 * x).denominator == 1 for x in numbers)
    return max((significand_bits(int(2 * x)) for x in numbers if x), default=0)


@pytest.mark.parametrize("case", GRIDS)
def test_magnitudes_and_bits_are_those_of_every_parameter(case: Case) -> None:
    cost, found = cost_of(case), parameters(case)
    assert found[None] <= {-1, 0, 1}
    assert [one.kind for one in cost.parameters] == list(Kind)
    for one in cost.parameters:
        assert one.largest == max(map(abs, found[one.kind])), one.kind
        needed = bits_of(found[one.kind])
        if one.kind in (Kind.BUMP_OFFSET, Kind.BUMP_OUTPUT):
            assert needed <= one.significand
        else:
            assert needed == one.significand, one.kind
    every = set[Fraction]().union(*found.values())
    largest = max(map(abs, every))
    assert cost.largest.largest == largest
    assert cost.weights.significand == bits_of(every)
    assert F(2) ** cost.weights.highest <= largest < F(2) ** (cost.weights.highest + 1)
    assert min(abs(x) for x in every if x) == F(2) ** cost.weights.lowest


@pytest.mark.parametrize("case", GRIDS)
def test_ids_need_so_many_bits(case: Case) -> None:
    cost, ids = cost_of(case), all_ids(case)
    assert cost.largest_id == ids[-1]
    assert cost.counts.bumps == len(ids)
    needed = max(map(significand_bits, ids))
    assert cost.id_bits.least <= needed <= cost.id_bits.most
    if cost.grid.columns % 2 == 0:
        assert needed == cost.id_bits.least == cost.id_bits.most
    assert cost.activations.highest == ids[-1].bit_length() - 1


@pytest.mark.parametrize("case", [case for case in GRIDS if case[0] > 2])
def test_fewer_bits_than_the_gap_asks_for_make_ids_collide(case: Case) -> None:
    least = cost_of(case).distinct_bits
    assert least is not None
    assert isinstance(holds_all(ieee_format(least - 1, -1022, 1023), all_ids(case)), CannotHold)
    assert cost_of((2, 1, 4, False)).distinct_bits is None


@pytest.mark.parametrize("case", GRIDS)
def test_formats_are_decided_as_by_rounding_every_id(case: Case) -> None:
    cost, ids = cost_of(case), all_ids(case)
    wanted = {name: holds_all(number_format, ids) for name, number_format in FORMATS.items()}
    for name, number_format in FORMATS.items():
        found = holding(cost, number_format)
        assert type(found) is type(wanted[name])
        assert not isinstance(found, Holds) or found == wanted[name]
    first = next((name for name, one in wanted.items() if isinstance(one, Holds)), None)
    assert smallest_format(cost).name == first


def test_too_many_ids_are_left_undecided() -> None:
    found = smallest_format(Cost(positional_grid(4, 2, F(1, 6)), positional=True))
    assert (found.name, found.undecided) == (None, ("fp64",))


@pytest.mark.parametrize("case", GRIDS)
def test_sizes_are_those_of_the_built_network(case: Case) -> None:
    cost = cost_of(case)
    network, values = built(case, cost.grid.delta / 7)  # no entry of a bump's output is 0
    layers = [layer for step in network.steps for layer in step.layers if not isinstance(layer, PositionalEncoding)]
    attention = [layer for layer in layers if isinstance(layer, AttentionLayer)]
    blocks, after_attention = 0, False
    for layer in layers:
        blocks += isinstance(layer, AttentionLayer) or not after_attention
        after_attention = isinstance(layer, AttentionLayer)
    assert (cost.blocks, cost.heads) == (blocks, sum(len(layer.heads) for layer in attention))
    relus = [*quantisation_relus(cost.grid, cost.grid.delta / 4), *value_relus(values)]
    assert (len(relus) + len(attention), cost.neurons) == (len(layers), sum(layer.width for layer in relus))
    d, heads, width = cost.grid.d, max(len(a.heads) for a in attention), max(layer.width for layer in relus)
    encoding = [k for k in range(cost.grid.n) for _ in range(d)] if cost.positional else []
    assert cost.dense == blocks * (heads * (4 * d + 1) + width * (2 * d + 1) + d) + len(encoding)
    used: list[Fraction | int] = [*encoding]
    for layer in attention:
        for head in layer.heads:
            used += [*head.query, head.query_bias, *head.key, *head.value, *head.output]
    for one in relus:
        used += [one.relus.constant * out for out in one.layer.output]
        for relu in one.relus.relus:
            used += [relu.facing * w for w in one.layer.weights]
            used += [one.layer.bias - relu.place, *(relu.coefficient * out for out in one.layer.output)]
    assert cost.nonzero == sum(1 for x in used if x)


def test_ids_of_64_tokens_are_those_computed_by_hand() -> None:
    """The label 65 beside 0, .., 62: the largest id, 786 bits, odd."""
    cost = Cost(Grid(64, 1, F(1, 66)))
    by_formulas = by_hand.ids(64, 1, 66, [(F(k, 66),) for k in (*range(63), 65)])
    assert cost.largest_id == max(by_formulas) * 66
    assert (cost.id_bits, cost.largest_id % 2, cost.largest_id.bit_length()) == (Between(786, 786), 1, 786)
    assert smallest_format(cost).name is None


@pytest.mark.parametrize("case", [(3, 1, 4, False), (5, 1, 6, False), (2, 1, 3, True)])
def test_the_factor_of_softmax_is_the_smallest_certified(case: Case) -> None:
    cost = cost_of(case)
    factor, most = softmax_factor(cost), cost.grid.delta / 4
    assert factor is not None
    errors = [id_error(cost.grid, cost.counts.selective, one) for one in (factor, factor // 2)]
    assert errors[0] is not None
    assert errors[0] <= most
    assert errors[1] is None or errors[1] > most


def test_a_grid_too_large_for_softmax_has_no_factor() -> None:
    assert softmax_factor(Cost(Grid(1024, 1, F(1, 1026)))) is None


def test_the_condition_and_the_choice_of_delta() -> None:
    for n, d in ((2, 1), (9, 1), (9, 2), (10, 2)):
        stated, coarsest = (delta_for(n, d, False, rule) for rule in DeltaRule)
        assert Grid(n, d, stated).as_stated
        assert not Grid(n, d, F(1, stated.denominator - 1)).as_stated
        assert Cost(Grid(n, d, stated)).condition is Condition.STATED
        assert Cost(Grid(n, d, coarsest)).condition is Condition.BEYOND
        if coarsest < F(1, 2):
            with pytest.raises(GridError, match="cannot be distinct"):
                Grid(n, d, F(1, coarsest.denominator - 1))
    assert delta_for(9, 1, True, DeltaRule.COARSEST) == F(1, 2)
    assert Cost(positional_grid(9, 1, F(1, 2)), positional=True).condition is Condition.BEYOND


def test_too_few_columns_are_said() -> None:
    found = high_precision(8, 1, F(1, 4), positional=False)
    assert found == "n = 8 tokens cannot be distinct among 4 grid columns (d = 1, delta = 1/4)"
    assert not isinstance(high_precision(8, 1, F(1, 4), positional=True), str)
    with pytest.raises(GridError, match="n = 1"):
        high_precision(1, 1, F(1, 4), positional=False)
