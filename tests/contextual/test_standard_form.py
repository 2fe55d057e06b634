"""Softmax and ReLUs: ReLUs are the activations off the ramps; softmax, in decimals, is within what is certified."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.constructions.contextual.contextual_mapping import selective_shifts
from exactformer.constructions.contextual.functions import LIBRARY, distance
from exactformer.constructions.contextual.global_shift import global_shift
from exactformer.constructions.contextual.grid import Grid, Sequence
from exactformer.constructions.contextual.layers import AttentionLayer, PiecewiseLinear, dot
from exactformer.constructions.contextual.positional import PositionalEncoding, encoded_labels
from exactformer.constructions.contextual.standard_form import (
    Ramp,
    as_relus,
    clamp_layers,
    quantisation_relus,
    value_relus,
)
from exactformer.verify.arithmetic.exp_bounds import exp_minus_upper
from exactformer.verify.arithmetic.formats import BF16, E4M3FN, FP16, FP32, FloatFormat, ieee_format
from exactformer.verify.contextual import softmax_form
from exactformer.verify.contextual.approximation import plan_with_room
from exactformer.verify.contextual.formats import CannotHold, Holds, can_hold, limit
from exactformer.verify.contextual.lemma6 import GridTooLarge
from exactformer.verify.contextual.softmax_form import (
    StandardForm,
    StandardFormError,
    id_error,
    smallest_factor,
    standard_form,
)
from tests.command_line.invoking import invoke

F = Fraction
small = st.integers(-20, 20).map(lambda k: F(k, 4))
affine = st.tuples(small, small)


@st.composite
def activations(draw: st.DrawFn) -> PiecewiseLinear:
    breaks = tuple(sorted(draw(st.sets(small, max_size=2))))
    pieces = [draw(affine) for _ in range(len(breaks) + 1)]
    constant = draw(st.integers(0, len(breaks)))
    pieces[constant] = (F(0), pieces[constant][1])
    return PiecewiseLinear(breaks, tuple(pieces))


@given(activations(), st.lists(st.booleans(), min_size=2, max_size=2), small)
def test_relus_are_the_activation_off_the_ramps(activation: PiecewiseLinear, beyond: list[bool], t: Fraction) -> None:
    ramps = tuple(Ramp(F(1, 16), one) for one in beyond[: len(activation.breaks)])
    relus = as_relus(activation, ramps)
    assert len(relus.relus) <= 4
    for point in (t, t + F(1, 16), t - F(1, 16), t + F(1, 7), F(1000), F(-1000)):
        on_ramp = any(low < point < high for low, high in relus.ramps)
        # At a break a ramp beyond it has the limit from the left.
        at_break = point in activation.breaks and beyond[activation.breaks.index(point)]
        if not on_ramp and not at_break:
            assert relus(point) == activation(point)


def softmax(layer: AttentionLayer, sequence: Sequence, factor: int) -> Sequence:
    """The layer with softmax, exponentials in decimals."""
    found = [list(column) for column in sequence]
    for head in layer.heads:
        keys = [dot(head.key, column) for column in sequence]
        values = [dot(head.value, column) for column in sequence]
        for k, column in enumerate(sequence):
            query = dot(head.query, column) + head.query_bias
            scores = [factor * query * key for key in keys]
            weights = []
            for score in scores:
                below = score - max(scores)
                # Decimals of the size of exp(-300) and below change nothing that is asserted here.
                weights.append(F((Decimal(below.numerator) / below.denominator).exp()) if below > -300 else F(0))
            mean = sum((w * v for w, v in zip(weights, values, strict=True)), F(0)) / sum(weights, F(0))
            found[k] = [z + out * mean for z, out in zip(found[k], head.output, strict=True)]
    return tuple(map(tuple, found))


def run_standard(form: StandardForm, given_sequence: Sequence, factor: int) -> Sequence:
    found = form.approximation
    grid = found.grid
    sequence = PositionalEncoding()(given_sequence) if found.positional else given_sequence
    for layer in quantisation_relus(grid, form.ramp):
        sequence = tuple(map(layer.on_column, sequence))
    for attention in (*selective_shifts(grid, encoded_labels(grid) if found.positional else None), global_shift(grid)):
        sequence = softmax(attention, sequence, factor)
    for layer in (*value_relus(found.values()), *clamp_layers(grid.d, found.sup)):
        sequence = tuple(map(layer.on_column, sequence))
    return sequence


FORM = standard_form(plan_with_room(LIBRARY["sort"], 2, 1, F(1, 4), 2))
REPEATING = standard_form(plan_with_room(LIBRARY["polynomial"], 2, 1, F(1), 1))


@pytest.mark.parametrize("form", [FORM, REPEATING], ids=["sort", "polynomial"])
def test_softmax_stays_within_the_certified_error(form: StandardForm) -> None:
    found = form.approximation
    modified = found.network(found.values())
    parts = found.grid.delta.denominator
    with localcontext() as context:
        context.prec = 60
        for cell in product(range(parts), repeat=2):
            # At the lower end of a cell, and at the last point before its ramp.
            for place in (F(0), found.grid.delta - form.ramp):
                sequence = tuple((F(k, parts) + place,) for k in cell)
                answer = run_standard(form, sequence, form.factor)
                assert distance(answer, modified(sequence)) <= form.error


def test_a_much_smaller_lambda_does_more_harm_than_is_certified() -> None:
    with localcontext() as context:
        context.prec = 60
        sequence = ((F(1, 4),), (F(1, 2),))
        off = distance(run_standard(FORM, sequence, 16), run_standard(FORM, sequence, FORM.factor))
    assert off > FORM.error
    assert id_error(FORM.approximation.grid, 8, 16) is None


def test_lambda_is_the_smallest_power_of_two_that_is_certified() -> None:
    grid = FORM.approximation.grid
    factor, error = smallest_factor(grid, 8, grid.delta / 4)
    assert (error, factor.bit_count()) == (id_error(grid, 8, factor), 1)
    smaller = id_error(grid, 8, factor // 2)
    assert smaller is None or smaller > grid.delta / 4


def test_the_bounds_count_what_is_left_out() -> None:
    assert FORM.holds
    assert not replace(FORM, ramp=FORM.approximation.grid.delta / 2).holds
    assert not replace(FORM, error=F(1, 4)).holds
    repeated = REPEATING.approximation.repeated
    assert REPEATING.left_out == REPEATING.on_ramps + repeated > repeated > 0


def test_the_error_is_that_of_the_recursion_computed_with_fractions() -> None:
    """E[s] after each layer, s labels moved: stay E + D leak, move E + D (2E + 2 leak); then the global shift."""
    grid, factor, layers = FORM.approximation.grid, FORM.factor, 8
    columns, half = F(grid.columns), grid.delta / 2

    def leak(query: Fraction, error: Fraction) -> Fraction:
        apart = grid.delta - 2 * error
        return (grid.n - 1) * apart * exp_minus_upper(int(factor * query * apart))

    errors = {0: F(0)}
    for _ in range(layers):
        behind: dict[int, Fraction] = {}
        for s, error in errors.items():
            one = leak(half - error, error)
            for after, value in ((s, error + columns * one), (s + 1, error + columns * (2 * error + 2 * one))):
                behind[after] = max(behind.get(after, F(0)), value)
        errors = {s: error for s, error in behind.items() if s <= grid.n}
    worst = max(errors.values())
    expected = worst + columns ** (grid.n + 1) * (worst + leak(F(1), worst))
    found = id_error(grid, layers, factor)
    assert found is not None
    assert expected <= found <= expected * (1 + F(1, 2**60))


def test_what_cannot_be_certified_is_said() -> None:
    with pytest.raises(StandardFormError, match="no lambda is certified"):
        smallest_factor(Grid(64, 8, F(1, 1000)), 10, F(1, 4000))
    with pytest.raises(StandardFormError, match="too many"):
        smallest_factor(Grid(2, 2, F(1, 200)), 40_000, F(1, 800))
    close = replace(FORM.approximation, sup=F(10**9))
    with pytest.raises(StandardFormError, match="near ids"):
        standard_form(close)
    tight = replace(FORM.approximation, epsilon=FORM.approximation.cell_error)
    with pytest.raises(StandardFormError, match="nothing of epsilon"):
        standard_form(tight)


def test_a_leak_that_is_left_out_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_form, "exp_minus_upper", lambda _: F(0))
    assert id_error(FORM.approximation.grid, 8, FORM.factor) == 0


def test_formats_hold_few_grids() -> None:
    assert can_hold(Grid(2, 1, F(1, 4)), FP32) == Holds(exact=True)
    assert can_hold(Grid(2, 1, F(1, 5)), BF16) == Holds(exact=False)
    assert isinstance(can_hold(Grid(2, 1, F(1, 6)), BF16), CannotHold)
    assert can_hold(Grid(2, 1, F(1, 4)), E4M3FN) == CannotHold("the id 836 is beyond e4m3fn")
    with pytest.raises(GridTooLarge):
        can_hold(Grid(2, 1, F(1, 460)), ieee_format(100, -1022, 1023))


@pytest.mark.parametrize(
    ("number_format", "n", "d", "none_from", "why"),
    [
        (FP16, 2, 1, 7, "range"),
        (FP16, 4, 1, 2, "range"),
        (BF16, 3, 1, 4, "gap"),
        (BF16, 2, 1, 6, "count"),
        (FP32, 4, 1, 10, "gap"),
        (FP32, 8, 1, 2, "gap"),
        (FP32, 4, 2, 4, "gap"),
    ],
)
def test_from_which_delta_on_a_format_cannot_hold_the_ids(
    number_format: FloatFormat, n: int, d: int, none_from: int, why: str
) -> None:
    found = limit(n, d, number_format)
    assert found.none_from == none_from
    assert found.because.startswith(why)
    assert found.proved_from >= none_from
    # Some way beyond, collisions are still found.
    least = max(found.proved_from, 2)
    if least**d >= n:
        assert isinstance(can_hold(Grid(n, d, F(1, least)), number_format), CannotHold)


def test_the_command_says_lambda_and_formats() -> None:
    outcome = invoke("approximate", "--function", "sort", "--n", "2", "--epsilon", "1/4", "--standard-form")
    assert (outcome.code, outcome.err) == (0, "")
    for text in (
        "fp32    distinct, and exact",
        "bf16    cannot hold them: the ids",
        "standard form: lambda = 1024, the smallest power of two certified",
        "at most 4 ReLUs a layer",
        "so the distance in L^2 is at most 216489/1000000 <= 1/4",
    ):
        assert text in outcome.out
