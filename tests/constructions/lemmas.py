"""What gadgets do, said plainly: for each of them, inputs that meet its precondition and what it then adds.

A *lemma* is one gadget with all the inputs it is tested on and, for each, the gain of every coordinate.  Neurons
are evaluated here one by one: W2 . relu(W1 . x + b), added to x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.machines.machine import Move
from exactformer.constructions.transformer.gadgets import (
    ALWAYS,
    Copy,
    Decrement,
    DecrementInPlace,
    Gadget,
    Map,
    MoveHead,
    Neuron,
    Or,
    When,
    Zero,
    when,
)
from exactformer.constructions.transformer.registers import Layout, Span

Ints = NDArray[np.int64]
Vector = tuple[int, ...]
Values = dict[Span, Vector]
"""A vector for each register of one gadget."""

MOVES: dict[Move, Vector] = {Move.LEFT: (-1, -1), Move.STAY: (1, -1), Move.RIGHT: (1, 1)}
FLAG = ((0,), (1,))


@dataclass(frozen=True)
class Lemma:
    """``expected[:, i]`` is what the gadget has to add on ``inputs[:, i]``; both [d, cases]."""

    title: str
    gadget: Gadget
    inputs: Ints
    expected: Ints

    def __str__(self) -> str:
        return self.title


def gain(units: Iterable[Neuron], x: Ints) -> Ints:
    """[d, cases]: sum over neurons of outputs * relu(inputs . x + bias)."""
    gained = np.zeros_like(x)
    for unit in units:
        active = np.full(x.shape[1], unit.bias, np.int64)
        for coordinate, weight in unit.inputs:
            active += weight * x[coordinate]
        active[active < 0] = 0
        for coordinate, weight in unit.outputs:
            gained[coordinate] += weight * active
    return gained


def code(number: int, width: int) -> Vector:
    """Binary, least significant bit first, 1 -> +1 and 0 -> -1."""
    return tuple(1 if digit == "1" else -1 for digit in reversed(f"{number:0{width}b}"))


def codes(width: int) -> list[Vector]:
    """Every number of that width, and the zero vector."""
    return [*(code(number, width) for number in range(2**width)), (0,) * width]


def ternary(width: int) -> list[Vector]:
    return list(product((-1, 0, 1), repeat=width))


def number_of(vector: Vector) -> int:
    return sum(2**bit for bit, value in enumerate(vector) if value == 1)


def difference(after: Vector, before: Vector) -> Vector:
    return tuple(a - b for a, b in zip(after, before, strict=True))


@dataclass(frozen=True)
class Wanted:
    """Conditions as a title, how to lay them out, the values their coordinates can take and when they hold."""

    title: str
    names: tuple[str, ...]
    choices: tuple[tuple[Vector, ...], ...]
    make: Callable[..., When]
    hold: Callable[..., bool]


SIGNED_BIT = ((-1,), (0,), (1,))
CONDITIONS = (
    Wanted("always", (), (), lambda: ALWAYS, lambda: True),
    Wanted("a flag", ("flag",), (FLAG,), lambda flag: when(flag), lambda flag: flag == 1),
    Wanted("not a flag", ("flag",), (FLAG,), lambda flag: when(unless=(flag,)), lambda flag: flag == 0),
    Wanted("a register's bit", ("bit",), (SIGNED_BIT,), lambda bit: when(bit), lambda bit: bit == 1),
    Wanted(
        "a bit, two flags and not two others",
        ("bit", "one", "two", "three", "four"),
        (SIGNED_BIT, FLAG, FLAG, FLAG, FLAG),
        lambda bit, one, two, three, four: when(bit, one, two, unless=(three, four)),
        lambda bit, one, two, three, four: (bit, one, two, three, four) == (1, 1, 1, 0, 0),
    ),
)


def lemma(
    title: str,
    layout: Layout,
    wanted: Wanted,
    make: Callable[[When], Gadget],
    cases: Iterable[Values],
    effect: Callable[[Values], Values],
) -> Lemma:
    """Every case with every choice of the conditions' coordinates; nothing is added where they do not hold."""
    spans = [layout.add(name, 1) for name in wanted.names]
    cases = list(cases)
    inputs, expected = [], []
    for chosen in product(*wanted.choices):
        holds = wanted.hold(*(value for (value,) in chosen))
        conditions = dict(zip(spans, chosen, strict=True))
        for case in cases:
            inputs.append(_dense(layout.width, {**case, **conditions}))
            expected.append(_dense(layout.width, effect(case) if holds else {}))
    gadget = make(wanted.make(*spans))
    return Lemma(f"{title}, when {wanted.title}", gadget, np.array(inputs).T, np.array(expected).T)


def _dense(width: int, values: Values) -> list[int]:
    vector = [0] * width
    for span, written in values.items():
        for coordinate, value in zip(span.coordinates, written, strict=True):
            vector[coordinate] = value
    return vector


def lemmas(width: int) -> Iterator[Lemma]:
    """Every gadget at one width, under every kind of conditions."""
    for wanted in CONDITIONS:
        yield from _copy_and_zero(width, wanted)
        yield from _maps(width, wanted)
        yield from _decrements(width, wanted)
        yield _move(width, wanted)
    yield _or(width)


def _copy_and_zero(width: int, wanted: Wanted) -> Iterator[Lemma]:
    layout = Layout()
    source, target = layout.add("source", width), layout.add("target", width)
    yield lemma(
        f"copy, {width} bits",
        layout,
        wanted,
        lambda conditions: Copy(source, target, conditions),
        ({source: value, target: (1,) * width} for value in ternary(width)),
        lambda case: {target: case[source]},
    )
    layout = Layout()
    zeroed = layout.add("target", width)
    yield lemma(
        f"zero, {width} bits",
        layout,
        wanted,
        lambda conditions: Zero(zeroed, conditions),
        ({zeroed: value} for value in ternary(width)),
        lambda case: {zeroed: difference((0,) * width, case[zeroed])},
    )


def _maps(width: int, wanted: Wanted) -> Iterator[Lemma]:
    """Full and half tables, over +-1 coordinates (the zero vector matches no row) and over flags."""
    for kind, domain in (("signed", (-1, 1)), ("flags", (0, 1))):
        keys = list(product(domain, repeat=width))
        rng = Random(width)
        table = {key: tuple(rng.choice((-1, 0, 1)) for _ in range(3)) for key in keys}
        for share, rows in (("every row", keys), ("every other row", keys[::2])):
            layout = Layout()
            read = layout.per_tape("read", 1, width)
            written = layout.add("written", 3)
            inputs = keys if kind == "flags" else [*keys, (0,) * width]
            partial = {key: table[key] for key in rows}

            def make(
                conditions: When,
                read: tuple[Span, ...] = read,
                written: Span = written,
                partial: dict[Vector, Vector] = partial,
            ) -> Gadget:
                return Map(read, (written,), tuple(partial.items()), conditions)

            def effect(
                case: Values,
                read: tuple[Span, ...] = read,
                written: Span = written,
                partial: dict[Vector, Vector] = partial,
            ) -> Values:
                return {written: partial.get(tuple(case[span][0] for span in read), (0, 0, 0))}

            yield lemma(
                f"map of {width} {kind}, {share}",
                layout,
                wanted,
                make,
                ({span: (value,) for span, value in zip(read, key, strict=True)} for key in inputs),
                effect,
            )


def lowered(vector: Vector, amount: int) -> Vector:
    """enc(max(x - amount, 0)) for enc(x), and 0 for 0."""
    return code(max(number_of(vector) - amount, 0), len(vector)) if any(vector) else vector


def _decrements(width: int, wanted: Wanted) -> Iterator[Lemma]:
    for exponent in range(width):
        layout = Layout()
        source, target = layout.add("source", width), layout.add("target", width)

        def copying(conditions: When, source: Span = source, target: Span = target, exponent: int = exponent) -> Gadget:
            return Decrement(source, target, exponent, conditions)

        def copied(case: Values, source: Span = source, target: Span = target, exponent: int = exponent) -> Values:
            return {target: lowered(case[source], 2**exponent)}

        yield lemma(
            f"decrement of {width} bits by 2^{exponent}",
            layout,
            wanted,
            copying,
            [{source: value} for value in codes(width)],
            copied,
        )
        layout = Layout()
        place = layout.add("target", width)

        def in_place(conditions: When, place: Span = place, exponent: int = exponent) -> Gadget:
            return DecrementInPlace(place, exponent, conditions)

        def changed(case: Values, place: Span = place, exponent: int = exponent) -> Values:
            return {place: difference(lowered(case[place], 2**exponent), case[place])}

        yield lemma(
            f"decrement in place of {width} bits by 2^{exponent}",
            layout,
            wanted,
            in_place,
            [{place: value} for value in codes(width)],
            changed,
        )


def _move(width: int, wanted: Wanted) -> Lemma:
    layout = Layout()
    position, move, target = layout.add("position", width), layout.add("move", 2), layout.add("target", width)
    befores = [(0,) * width, (1,) * width, (-1,) * width, code(1, width), (0,) * (width - 1) + (1,)]

    def moved(case: Values) -> Values:
        at, after = case[position], case[position]
        if any(at) and case[move] == MOVES[Move.RIGHT]:
            after = code(number_of(at) + 1, width)
        elif any(at) and case[move] == MOVES[Move.LEFT]:
            after = code(max(number_of(at) - 1, 0), width)
        return {target: difference(after, case[target])}

    cases = (
        {position: at, move: MOVES[direction], target: before}
        for at in codes(width)
        for direction in Move
        for before in befores
        if not (direction is Move.RIGHT and at == (1,) * width)  # x + 1 must fit
    )
    return lemma(
        f"move of {width} bits",
        layout,
        wanted,
        lambda conditions: MoveHead(position, move, target, conditions),
        cases,
        moved,
    )


def _or(width: int) -> Lemma:
    layout = Layout()
    flags, output = layout.per_tape("flag", 1, width), layout.add("output", 1)
    return lemma(
        f"or of {width} flags",
        layout,
        CONDITIONS[0],
        lambda _: Or(flags, output),
        (
            {flag: (value,) for flag, value in zip(flags, values, strict=True)}
            for values in product((0, 1), repeat=width)
        ),
        lambda case: {output: (1,) if any(case[flag] == (1,) for flag in flags) else (0,)},
    )


def mutants(units: Sequence[Neuron]) -> Iterator[tuple[str, list[Neuron]]]:
    """Every way to leave one neuron out, to change one bias by 1 and to turn one weight around."""
    for number, unit in enumerate(units):
        rest = [*units[:number], *units[number + 1 :]]
        yield f"without neuron {number}", rest
        for step in (-1, 1):
            yield f"bias of neuron {number} {step:+}", [*rest, Neuron(unit.inputs, unit.bias + step, unit.outputs)]
        for place in range(len(unit.inputs)):
            turned = Neuron(_turned(unit.inputs, place), unit.bias, unit.outputs)
            yield f"input {place} of neuron {number} turned around", [*rest, turned]
        for place in range(len(unit.outputs)):
            turned = Neuron(unit.inputs, unit.bias, _turned(unit.outputs, place))
            yield f"output {place} of neuron {number} turned around", [*rest, turned]


def _turned(weights: tuple[tuple[int, int], ...], place: int) -> tuple[tuple[int, int], ...]:
    return tuple((c, -w if i == place else w) for i, (c, w) in enumerate(weights))
