"""MLP gadgets (arXiv 2605.18079, section 3 and appendix 2), as data, and the ReLU neurons each of them stands for.

All gadgets of one layer read the same x and *add* to their targets.  A condition enters every neuron of its gadget
so that the pre-activation drops by at least 1 when it fails; the neuron then stays off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exactformer.constructions.transformer.registers import Span


@dataclass(frozen=True)
class Neuron:
    """``outputs[c] += relu(sum(weight * x[coordinate] for inputs) + bias)``; weights and bias are integers."""

    inputs: tuple[tuple[int, int], ...]
    bias: int
    outputs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Condition:
    """A flag wanted at 1 or at 0, or one coordinate of a +-1 register wanted at +1."""

    flag: Span
    wanted: bool = True

    def __str__(self) -> str:
        return str(self.flag) if self.wanted else f"not {self.flag}"


When = tuple[Condition, ...]
ALWAYS: When = ()


def when(*wanted: Span, unless: tuple[Span, ...] = ()) -> When:
    """Conditions: every span of ``wanted`` at 1 (or +1), every flag of ``unless`` at 0."""
    return (*(Condition(flag) for flag in wanted), *(Condition(flag, False) for flag in unless))


@dataclass(frozen=True)
class Copy:
    """target += source."""

    source: Span
    target: Span
    when: When = ALWAYS


@dataclass(frozen=True)
class Zero:
    """target becomes 0."""

    target: Span
    when: When = ALWAYS


Row = tuple[tuple[int, ...], tuple[int, ...]]
"""Input values in {-1, 0, 1} and the output values added when the inputs equal them."""


@dataclass(frozen=True)
class Map:
    """output += the output of the row that equals the inputs, if there is one.

    Rows hold for inputs that are all +-1 coordinates or {0,1} flags: there a row fires on its own values only.
    """

    inputs: tuple[Span, ...]
    output: tuple[Span, ...]
    rows: tuple[Row, ...]
    when: When = ALWAYS


@dataclass(frozen=True)
class Decrement:
    """target += enc(max(x - 2**exponent, 0)) for source = enc(x), and += 0 for source = 0."""

    source: Span
    target: Span
    exponent: int
    when: When = ALWAYS


@dataclass(frozen=True)
class DecrementInPlace:
    """target becomes enc(max(x - 2**exponent, 0)) for target = enc(x), and stays 0 when it is 0."""

    target: Span
    exponent: int
    when: When = ALWAYS


@dataclass(frozen=True)
class MoveHead:
    """target becomes enc(x+1), enc(max(x-1, 0)), enc(x) for move R, L, S and position = enc(x); 0 for position 0.

    ``x + 1`` must fit: nothing is claimed for R at x = 2**r - 1.
    """

    position: Span
    move: Span
    target: Span
    when: When = ALWAYS


@dataclass(frozen=True)
class Or:
    """output += 1 when at least one of the flags is 1: relu(sum) - relu(sum - 1) = min(sum, 1)."""

    inputs: tuple[Span, ...]
    output: Span


Gadget = Copy | Zero | Map | Decrement | DecrementInPlace | MoveHead | Or

Weights = tuple[tuple[int, int], ...]


def neurons(gadget: Gadget) -> Iterator[Neuron]:
    """The neurons that do what the gadget's class says."""
    match gadget:
        case Copy(source, target, conditions):
            yield from _copy(source, target, conditions, sign=+1)
        case Zero(target, conditions):
            yield from _copy(target, target, conditions, sign=-1)
        case Map():
            yield from _map(gadget)
        case Decrement(source, target, exponent, conditions):
            yield from _copy(source, target, conditions, sign=+1)
            yield from _borrow(source, target, exponent, conditions)
        case DecrementInPlace(target, exponent, conditions):
            yield from _borrow(target, target, exponent, conditions)
        case MoveHead():
            yield from _move(gadget)
        case Or(inputs, output):
            total = tuple((flag.offset, 1) for flag in inputs)
            yield Neuron(total, 0, ((output.offset, +1),))
            yield Neuron(total, -1, ((output.offset, -1),))


def _condition_inputs(conditions: When) -> Weights:
    return tuple((condition.flag.offset, 1 if condition.wanted else -1) for condition in conditions)


def _wanted_ones(conditions: When) -> int:
    """P, how many conditions are wanted at 1: if all conditions are met, they contribute exactly P."""
    return sum(condition.wanted for condition in conditions)


def _copy(source: Span, target: Span, conditions: When, sign: int) -> Iterator[Neuron]:
    # relu(x) - relu(-x) = x; with the conditions met the bias -P cancels their contribution.
    extra, bias = _condition_inputs(conditions), -_wanted_ones(conditions)
    for read, written in zip(source.coordinates, target.coordinates, strict=True):
        yield Neuron(((read, +1), *extra), bias, ((written, +sign),))
        yield Neuron(((read, -1), *extra), bias, ((written, -sign),))


def _map(gadget: Map) -> Iterator[Neuron]:
    read = [c for span in gadget.inputs for c in span.coordinates]
    written = [c for span in gadget.output for c in span.coordinates]
    extra, ones = _condition_inputs(gadget.when), _wanted_ones(gadget.when)
    for values, added in gadget.rows:
        # The matching input contributes one for each non-zero of the row, any other at least one less.
        inputs = tuple((c, 1 if v == 1 else -1) for c, v in zip(read, values, strict=True))
        outputs = tuple((c, v) for c, v in zip(written, added, strict=True) if v != 0)
        yield Neuron((*inputs, *extra), 1 - ones - sum(v != 0 for v in values), outputs)


def _borrow(source: Span, target: Span, exponent: int, conditions: When) -> Iterator[Neuron]:
    """What turns enc(x) into enc(max(x - 2**exponent, 0)): each neuron twice, as a bit changes by 2."""
    extra, ones = _condition_inputs(conditions), _wanted_ones(conditions)
    read, written = source.coordinates, target.coordinates
    for b in range(exponent, source.width):
        # Bit b is the lowest set bit from `exponent` up: it is cleared, the bits it lends to are set.
        inputs = ((read[b], +1), *((c, -1) for c in read[exponent:b]), *extra)
        outputs = ((written[b], -1), *((c, +1) for c in written[exponent:b]))
        yield from [Neuron(inputs, -(b - exponent + ones), outputs)] * 2
    for b in range(exponent):
        # x < 2**exponent: saturate, clearing each set bit below.
        inputs = ((read[b], +1), *((c, -1) for c in read[exponent:]), *extra)
        yield from [Neuron(inputs, -(source.width - exponent + ones), ((written[b], -1),))] * 2


def _move(gadget: MoveHead) -> Iterator[Neuron]:
    yield from _copy(gadget.target, gadget.target, gadget.when, sign=-1)
    yield from _copy(gadget.position, gadget.target, gadget.when, sign=+1)
    extra, ones = _condition_inputs(gadget.when), _wanted_ones(gadget.when)
    read, written, move = gadget.position.coordinates, gadget.target.coordinates, gadget.move.coordinates
    for b in range(gadget.position.width):
        # enc_move: R = (+1,+1), L = (-1,-1), S = (+1,-1); both of R's or L's coordinates are needed to fire.
        for direction in (+1, -1):
            inputs = (
                *((c, direction) for c in move),
                (read[b], -direction),
                *((c, direction) for c in read[:b]),
                *extra,
            )
            outputs = ((written[b], direction), *((c, -direction) for c in written[:b]))
            yield from [Neuron(inputs, -(b + 2 + ones), outputs)] * 2
