"""Drift through an MLP: what neurons really do, for many small drifts, stays within the bound (SPEC 20.4)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import pytest

from exactformer.constructions.transformer.gadgets import Copy, Map, Neuron, Zero, neurons, when
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.drift import mlp
from exactformer.verify.drift.mlp import drift_behind
from exactformer.verify.drift.nominal import ONE, SIGN, ZERO, Form, Registers

FORMS: tuple[frozenset[Form], ...] = (
    frozenset({(SIGN, SIGN)}),
    frozenset({(ZERO, ZERO), (SIGN, SIGN)}),
    frozenset({(ZERO, SIGN)}),
    frozenset({(ONE, ONE), (ZERO, ZERO)}),
)
D = Fraction(1, 64)


def added(units: list[Neuron], x: dict[int, Fraction]) -> dict[int, Fraction]:
    """What the neurons add to each coordinate."""
    gained: dict[int, Fraction] = {}
    for unit in units:
        on = max(unit.bias + sum(weight * x[c] for c, weight in unit.inputs), Fraction(0))
        for c, weight in unit.outputs:
            gained[c] = gained.get(c, Fraction(0)) + weight * on
    return gained


def worst_change(
    units: list[Neuron], registers: Registers, spans: list[Span], drifts: dict[int, Fraction]
) -> dict[int, Fraction]:
    """The largest change of each coordinate over all nominal values and all corners (and midpoints) of the drift."""
    worst: dict[int, Fraction] = {}
    nothing = Fraction(0)
    shifts = [(-drifts.get(c, nothing), nothing, drifts.get(c, nothing)) for s in spans for c in s.coordinates]
    for forms in product(*(sorted(registers.forms(span.offset)) for span in spans)):
        for values in product(*(v for form in forms for v in form)):
            nominal = {c: Fraction(v) for c, v in enumerate(values)}
            before = added(units, nominal)
            for shift in product(*(sorted(set(one)) for one in shifts)):
                x = {c: nominal[c] + d for c, d in enumerate(shift)}
                after = added(units, x)
                for c in nominal:
                    change = abs(shift[c] + after.get(c, Fraction(0)) - before.get(c, Fraction(0)))
                    worst[c] = max(worst.get(c, Fraction(0)), change)
    return worst


def random_neurons(random: Random, width: int) -> list[Neuron]:
    units = []
    for _ in range(random.randint(1, 4)):
        read = random.sample(range(width), random.randint(1, 3))
        written = random.sample(range(width), random.randint(1, 2))
        units.append(
            Neuron(
                tuple((c, random.choice((-2, -1, 1, 2))) for c in read),
                random.randint(-2, 2),
                tuple((c, random.choice((-1, 1, 2))) for c in written),
            )
        )
        if random.random() < 0.5:  # and its mirror image, so that much cancels
            last = units[-1]
            units.append(
                Neuron(tuple((c, -w) for c, w in last.inputs), -last.bias, tuple((c, -w) for c, w in last.outputs))
            )
    return units


@pytest.mark.parametrize("limit", [8, 0], ids=["both bounds", "exclusive bound alone"])
def test_no_drift_of_the_inputs_changes_a_coordinate_by_more(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "MOST_NEURONS", limit)
    random, tight = Random(limit), 0
    for _ in range(150):
        spans = [Span("a", 0, 2), Span("b", 2, 2)]
        registers = Registers({span: random.choice(FORMS) for span in spans})
        units = random_neurons(random, 4)
        drifts = {c: D * random.choice((1, 2, 40, 80)) for c in random.sample(range(4), 2)}
        bound = drift_behind(units, registers, drifts)
        for c, change in worst_change(units, registers, spans, drifts).items():
            assert change <= bound.get(c, 0), (units, drifts, c)
            tight += change == bound.get(c, 0) != 0
    assert tight > (150 if limit else 100)


def flag(name: str, offset: int) -> Span:
    return Span(name, offset, 1)


def test_what_is_set_to_zero_no_longer_drifts() -> None:
    x = flag("x", 0)
    for values in ({(SIGN,)}, {(ZERO,), (ONE,)}):
        assert drift_behind(list(neurons(Zero(x))), Registers({x: frozenset(values)}), {0: D}) == {0: 0}


def test_a_copy_drifts_as_its_source_and_where_its_condition_fails_by_a_kink() -> None:
    x, y, c = flag("x", 0), flag("y", 1), flag("c", 2)
    units = list(neurons(Copy(x, y, when(c))))
    for condition in (ONE, ZERO):
        registers = Registers({x: frozenset({(SIGN,)}), y: frozenset({(ZERO,)}), c: frozenset({(condition,)})})
        assert drift_behind(units, registers, {0: D})[1] == D
    always_minus = Registers({x: frozenset({(ONE,)}), y: frozenset({(ZERO,)}), c: frozenset({(ZERO,)})})
    assert drift_behind(units, always_minus, {0: D})[1] == D


def test_of_many_rows_one_fires() -> None:
    code, out = Span("code", 0, 5), Span("out", 5, 1)
    rows = tuple((values, (1,)) for values in product((-1, 1), repeat=5))
    units = list(neurons(Map((code,), (out,), rows)))
    registers = Registers({code: frozenset({(SIGN,) * 5}), out: frozenset({(ZERO,)})})
    assert drift_behind(units, registers, dict.fromkeys(range(5), D))[5] == 5 * D


def test_rows_one_bit_apart_may_be_on_together_where_the_code_may_be_missing() -> None:
    code, out = Span("code", 0, 5), Span("out", 5, 1)
    rows = tuple((values, (1,)) for values in product((-1, 1), repeat=5))
    registers = Registers({code: frozenset({(SIGN,) * 5, (ZERO,) * 5}), out: frozenset({(ZERO,)})})
    units = list(neurons(Map((code,), (out,), rows)))
    assert drift_behind(units, registers, dict.fromkeys(range(5), D))[5] == (1 + 5) * 5 * D


def test_beyond_the_limit_all_neurons_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "MOST_PAIRED", 31)
    code, out = Span("code", 0, 5), Span("out", 5, 1)
    rows = tuple((values, (1,)) for values in product((-1, 1), repeat=5))
    registers = Registers({code: frozenset({(SIGN,) * 5}), out: frozenset({(ZERO,)})})
    assert drift_behind(list(neurons(Map((code,), (out,), rows))), registers, {0: D})[5] == 32 * D
