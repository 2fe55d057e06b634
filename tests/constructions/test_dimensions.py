"""The paper's theorems about dimensions against compiled networks: equal on total machines, at most on partial ones."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import product
from random import Random

import pytest

from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.transformer.dimensions import Dimensions, dimensions_of
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.dimensions import COT, stated_dimensions


def total_machine(states: int, symbols: int, tapes: int) -> TuringMachine:
    """A machine whose transition function has an entry for all of Q x Gamma^K, halting state included."""
    rng = Random(f"{states} {symbols} {tapes}")
    names = tuple(f"q{number}" for number in range(states))
    alphabet = ("_", *"abcdefghijklmnopqrstuvwxyz"[: symbols - 1])
    transitions = {
        (state, read): Action(
            rng.choice(names),
            tuple(rng.choice(alphabet) for _ in range(tapes)),
            tuple(rng.choice(tuple(Move)) for _ in range(tapes)),
        )
        for state in names
        for read in product(alphabet, repeat=tapes)
    }
    return TuringMachine("total", tapes, names, names[-1], alphabet, alphabet[1:], transitions)


@dataclass(frozen=True)
class Point:
    """|Q|, |Gamma|, K and r, and which of the three terms of d_ff is the largest there."""

    states: int
    symbols: int
    tapes: int
    position_bits: int
    largest_term: int

    def __str__(self) -> str:
        return f"Q={self.states} G={self.symbols} K={self.tapes} r={self.position_bits}"

    @property
    def terms(self) -> tuple[int, int, int]:
        r, K = self.position_bits, self.tapes
        return (18 * r + 2, 14 * K * r + 2 * r, self.states * self.symbols**K + 1)


GRID = tuple(
    Point(Q, G, K, r, term)
    for (Q, G, K, term), r in [
        *product([(2, 2, 1, 0), (3, 3, 1, 0), (4, 2, 1, 0), (6, 5, 1, 0)], (2, 4, 6, 8, 14, 20)),
        *product([(2, 2, 2, 1), (3, 4, 2, 1), (2, 2, 3, 1), (3, 3, 3, 1), (2, 2, 4, 1)], (2, 4, 6, 8, 14)),
        *product([(30, 9, 1, 2), (9, 5, 2, 2), (4, 6, 3, 2), (5, 5, 4, 2)], (2, 4, 6)),
    ]
)


def differences(stated: Dimensions, counted: Dimensions) -> dict[str, tuple[int, int]]:
    """Field by field, (stated, counted) where they differ."""
    pairs = {f.name: (getattr(stated, f.name), getattr(counted, f.name)) for f in fields(Dimensions)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("point", GRID, ids=str)
def test_total_machines_have_the_stated_dimensions(point: Point) -> None:
    machine = total_machine(point.states, point.symbols, point.tapes)
    stated = stated_dimensions(COT, machine, point.position_bits)
    counted = dimensions_of(construct_cot(machine, point.position_bits))
    assert point.terms.index(max(point.terms)) == point.largest_term
    assert counted.hidden_width == max(point.terms)
    # At r = 2 layer L2+r-1 is layer L2+1, and the head rth_run stands beside its 3K heads: one more than stated.
    heads = {"heads": (3 * point.tapes, 3 * point.tapes + 1)} if point.position_bits == 2 else {}
    assert differences(stated, counted) == heads


def test_the_grid_makes_every_term_of_the_hidden_width_the_largest() -> None:
    assert {point.largest_term for point in GRID} == {0, 1, 2}


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("field", [field.name for field in fields(Dimensions)])
def test_formulas_that_are_off_by_one_are_noticed(field: str, change: int) -> None:
    machine = total_machine(3, 3, 2)
    counted = dimensions_of(construct_cot(machine, 4))
    off = replace(COT, **{field: getattr(COT, field) + change})
    assert list(differences(stated_dimensions(off, machine, 4), counted)) == [field]


@pytest.mark.parametrize("position_bits", [4, 6, 10])
@pytest.mark.parametrize("name", HANDWRITTEN)
def test_partial_machines_need_at_most_the_stated_dimensions(name: str, position_bits: int) -> None:
    machine = load_machine(name)
    stated = stated_dimensions(COT, machine, position_bits)
    counted = dimensions_of(construct_cot(machine, position_bits))
    assert counted.hidden_width <= stated.hidden_width
    assert replace(counted, hidden_width=0) == replace(stated, hidden_width=0)


def test_a_missing_entry_saves_a_neuron_where_the_transition_function_is_the_widest() -> None:
    machine = total_machine(9, 5, 2)
    entries = dict(machine.transitions)
    entries.popitem()
    partial = replace(machine, transitions=entries)
    widths = [dimensions_of(construct_cot(each, 4)).hidden_width for each in (machine, partial)]
    assert widths == [9 * 5**2 + 1, 9 * 5**2]


def test_the_further_head_at_r_2_stands_where_the_last_write_is_searched() -> None:
    machine = load_machine("increment")
    layer = construct_cot(machine, 2).layers[6]  # L1 = 2, L2 = 6: layer L2 + 1
    assert [head.name for head in layer.heads] == ["written_1", "exists_high_1", "nextbit_1", "rth_run"]
