"""ARITHMETIC 8: where nothing is rounded, in whatever order it is added (verify/ARGUMENTS.md, 13)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from random import Random

import numpy as np
import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import Format, Overflow, parse_format
from exactformer.certificates.checker.linear import check_linear
from exactformer.certificates.checker.machine import Token, parse_machine
from exactformer.certificates.checker.replay import attend
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.weights import Family, Field, Network, Sparse, read_network
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.weights import weights_document
from exactformer.constructions.machines.library import machine_named
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from tests.checker.conftest import UNLIMITED
from tests.checker.ghosts import really_held, run_segments

FORMATS = ("float(2,0,4)", "float(4,-3,6)", "float(6,-3,2)", "fixed2.3", "fixed1.5")
"""The third format counts up to 7 only, as its largest value is 7 7/8."""


class Kernel:
    """Adds in any order; each product and each sum, or both together, yields either neighbour."""

    def __init__(self, to: Format, random: Random) -> None:
        self.to, self.random, self.largest = to, random, 0

    def round(self, exact: int) -> int:
        """An operation with this exact result."""
        self.largest = max(self.largest, abs(exact))
        return int(self.to.round(exact, 1, self.random.choice(("down", "up", "nearest"))))

    def add(self, start: int, products: Sequence[tuple[int, int]]) -> int:
        """A sum of products."""
        left, fused = list(products), self.random.random() < 0.5
        self.random.shuffle(left)
        total = start
        for one, other in left:
            total = self.round(total + (one * other if fused else self.round(one * other)))
        return total

    def row(self, start: int, matrix: Sparse, row: int, vector: Sequence[int]) -> int:
        """A row of a matrix times a vector, added to something."""
        entries = range(int(matrix.start[row]), int(matrix.start[row + 1]))
        return self.add(start, [(int(matrix.weight[e]), vector[int(matrix.index[e])]) for e in entries])


@pytest.mark.parametrize("name", FORMATS)
def test_integers_whose_magnitudes_sum_to_no_more_than_are_counted_are_added_exactly(name: str) -> None:
    """If they sum to one more, ones reach a number that is not a value, or one beyond the largest."""
    linear, random = parse_format("at", name), Random(name)
    for _ in range(300):
        kernel, terms = Kernel(linear, random), list[int]()
        while (left := linear.counted - sum(map(abs, terms))) > 0:
            terms.append(random.choice((-1, 1)) * random.randint(1, left))
        assert kernel.add(0, [(1, term) for term in terms]) == sum(terms)
    ones = [(1, 1)] * (linear.counted + 1)
    with pytest.raises((Overflow, AssertionError)):
        assert {Kernel(linear, random).add(0, ones) for _ in range(20)} == {linear.counted + 1}


@cache
def network(paradigm: Paradigm) -> Network:
    """Of `increment`, at r = 4."""
    made = construct(paradigm, machine_named("increment").machine, 4)
    return read_network(json.loads(canonical_bytes(weights_document(made))))


def largest_sums(found: Network) -> dict[str, int]:
    """By the text: the largest integer that each kind of sum may reach."""
    sums = dict.fromkeys(("embedding", "logits", "neurons", "heads", "MLP"), 0)

    def bound(kind: str, value: int) -> None:
        sums[kind] = max(sums[kind], value)

    for family in found.vocabulary:
        parts: list[Family | Field] = [family, *family.fields]
        entries = sum(np.abs(part.embedding.dense(found.width)).max(axis=0) for part in parts)
        bound("embedding", int(np.max(entries + (np.arange(found.width) < found.r))))
        logits = (np.abs(part.unembedding.dense(found.width)).sum(axis=1).max() for part in parts)
        bound("logits", sum(map(int, logits)))
    for layer in found.layers:
        written = [coordinate for head in layer.heads for coordinate in head.out]
        bound("heads", max([1, *(1 + written.count(coordinate) for coordinate in written)]))
        read = np.abs(layer.mlp.into.dense(found.width)).sum(axis=1)
        bound("neurons", int(np.max(np.abs(layer.mlp.bias) + read)))
        reach = np.maximum(layer.mlp.bias + read, 0)
        bound("MLP", 1 + int(np.max(np.abs(layer.mlp.out_of.dense(len(reach))) @ reach)))
    return sums


@pytest.mark.parametrize("paradigm", Paradigm)
def test_a_network_that_fits_is_computed_exactly_in_a_format_of_few_bits(paradigm: Paradigm) -> None:
    """Every activation of a run, and every logit, in a format whose largest value is that of the bounds."""
    found, bounds = network(paradigm), largest_sums(network(paradigm))
    most = max(bounds.values())
    kernel = Kernel(Format("", most.bit_length(), 0, Fraction(most)), Random(paradigm.value))
    assert kernel.to.counted == most < 64
    bits = (most - 1).bit_length()
    for p, fits in ((bits, True), (bits - 1, False)):
        model = parse_model("at", f"rounded:bf16/bf16+linearfloat({p},0,{bits})")
        assert accepted(found, model) == fits
    machine = parse_machine(machine_named("increment").path.read_text())
    segment = run_segments(machine, "0", found.r, paradigm.value)[-1]
    tokens = segment.tokens[: segment.read]
    held = [[[int(value) for value in column] for column in stage.T] for stage in really_held(found, tokens)]
    assert [embedded(found, token, i, kernel) for i, token in enumerate(tokens)] == held[0]
    for number, layer in enumerate(found.layers):
        before, behind = held[2 * number : 2 * number + 2]
        x = [list(column) for column in before]
        for head in layer.heads:
            chosen = attend("run", head, np.array(before, np.int8).T, UNLIMITED).chosen
            for i, column in enumerate(x):
                for source, target in zip(head.value, head.out, strict=True):
                    column[target] = kernel.add(column[target], [(1, before[int(chosen[i])][source])])
        assert x == behind
        for column, result in zip(behind, held[2 * number + 2], strict=True):
            bias = [int(value) for value in layer.mlp.bias]
            on = [max(kernel.row(b, layer.mlp.into, n, column), 0) for n, b in enumerate(bias)]
            assert [kernel.row(column[c], layer.mlp.out_of, c, on) for c in range(found.width)] == result
    for family in found.vocabulary:
        for matrix in (family.unembedding, *(field.unembedding for field in family.fields)):
            rows = matrix.dense(found.width)
            for column in held[-1]:
                logits = [kernel.row(0, matrix, row, column) for row in range(len(rows))]
                assert logits == (rows @ np.array(column)).tolist()
    assert 1 < kernel.largest <= most


def accepted(found: Network, model: Model) -> bool:
    """Whether the checker says that a network fits."""
    try:
        check_linear(found, model, (1, 1))
    except Rejected:
        return False
    return True


def embedded(found: Network, token: Token, position: int, kernel: Kernel) -> list[int]:
    """The embedding of a token."""
    (family,) = (family for family in found.vocabulary if family.name == token[0])
    vectors = [family.embedding.dense(found.width)[0]]
    for field, name in zip(family.fields, token[1], strict=True):
        vectors.append(field.embedding.dense(found.width)[field.values.index(name)])
    bits = [2 * (position >> b & 1) - 1 for b in range(found.r)] + [0] * (found.width - found.r)
    return [kernel.add(bits[c], [(1, int(vector[c])) for vector in vectors]) for c in range(found.width)]
