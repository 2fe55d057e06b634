"""What neurons add to coordinates, as integers by cases (SPEC 13.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exactformer.certificates.checker.cases import MOST_VALUES, Cases, lost, same, scaled, summed
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import TRUE, Formula
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.weighed import Weighed


@dataclass(frozen=True)
class Neuron:
    """The bias, coordinates with their weights, and for every place of the register what is added to it."""

    bias: int
    inputs: Sequence[tuple[Cases, int]]
    outputs: Sequence[tuple[int, int]]


def activation(at: str, neuron: Neuron, known: Weighed | None = None) -> Cases:
    """relu of the pre-activation: the largest one less what is lost of it, and 0 where all of that is lost;
    ``known``: what was met before.
    """
    terms = [scaled(cases, weight) for cases, weight in neuron.inputs]
    top = neuron.bias + sum(max(cases) for cases in terms)
    if top > MOST_VALUES:
        raise TooLarge(f"{at}: a neuron may reach {top}, more than the {MOST_VALUES} values this checker tells apart")
    if top <= 0:
        return {0: TRUE}
    return {top - loss: formula for loss, formula in lost(terms, top, known).items()}


def remain(
    at: str, before: Sequence[Cases], neurons: Sequence[Neuron], after: Sequence[Cases], deadline: Deadline
) -> Iterator[Formula]:
    """For every coordinate: that before plus what the neurons add is after."""
    values = list(before)
    for neuron in neurons:
        deadline.left(at)
        active = activation(at, neuron)
        for place, factor in neuron.outputs:
            values[place] = summed(values[place], scaled(active, factor))
    yield from (same(value, last) for value, last in zip(values, after, strict=True))
