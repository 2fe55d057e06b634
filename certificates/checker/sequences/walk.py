"""The two transformers side by side on one sequence: hardmax exactly, softmax in intervals (NETWORKS 2, 3, 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.sequences.arithmetic import activated, first, neuron, row_terms
from exactformer.certificates.checker.sequences.attention import attended
from exactformer.certificates.checker.sequences.hardmax import State, Tally, behind_attention, behind_mlp, first_state
from exactformer.certificates.checker.sequences.network import Layer, Map, Network, Row
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value

Vectors: TypeAlias = list[list[Value]]
"""For every token, x and then the 1 that biases are multiplied with."""


@dataclass(frozen=True)
class Walked:
    """Behind all layers: hardmax; the tallies of all heads, in order; how far apart the two were behind each sublayer,
    None from where an overflow is not excluded on; and what the softmax transformer's x is in, None likewise."""

    state: State
    tallies: list[Tally]
    drifts: list[Fraction | None]
    enclosed: Vectors | None


def walk(network: Network, tokens: Sequence[str], arithmetic: Arithmetic, deadline: Deadline) -> Walked:
    """Both transformers on these tokens."""
    tallies, drifts = list[Tally](), list[Fraction | None]()
    enclosures = enclosed(network, tokens, arithmetic, deadline)
    for state in exact(network, tokens, tallies, deadline):
        try:
            vectors = next(enclosures, None)  # what has raised is at its end
        except Unbounded:
            vectors = None
        drifts.append(None if vectors is None else drift(arithmetic, state, vectors))
    return Walked(state, tallies, drifts[1:], vectors)  # there is a first one at least, before all layers


def exact(network: Network, tokens: Sequence[str], tallies: list[Tally], deadline: Deadline) -> Iterator[State]:
    """Hardmax: the first state, and the one behind each sublayer; tallies of the heads are added to the list."""
    scale = max((row.scale for row in network.rows()), default=0)
    state = first_state(network, tokens)
    yield state
    for layer in network.layers:
        state, found = behind_attention(layer, state, network, scale, deadline)
        tallies += found
        yield state
        state = behind_mlp(layer, state, scale, deadline)
        yield state


def enclosed(network: Network, tokens: Sequence[str], arithmetic: Arithmetic, deadline: Deadline) -> Iterator[Vectors]:
    """What x is in, first and behind each sublayer; `Unbounded` where an overflow is not excluded."""
    zero = Fraction(0)
    vectors = Vectors()
    for i, token in enumerate(tokens):
        deadline.left("softmax: embeddings")
        embedding, position = network.vocabulary[token].embedding, network.position(i)
        x = [first(arithmetic, embedding.get(c, zero), position.get(c, zero)) for c in range(network.width)]
        vectors.append([*x, arithmetic.one])
    yield vectors
    for layer in network.layers:
        outputs = _attended(arithmetic, layer, network.causal, vectors, deadline)
        vectors = _with(arithmetic, layer.attention, outputs, vectors, deadline)
        yield vectors
        neurons = Vectors()
        for vector in vectors:
            deadline.left("softmax: neurons")
            neurons.append([neuron(arithmetic, row, vector) for row in layer.neurons])
        vectors = _with(arithmetic, layer.mlp, neurons, vectors, deadline)
        yield vectors


def _attended(arithmetic: Arithmetic, layer: Layer, causal: bool, vectors: Vectors, deadline: Deadline) -> Vectors:
    """For every token what it receives from all heads."""
    outputs = [list[Value]() for _ in vectors]
    for head in layer.heads:
        made = list[Vectors]()
        for vector in vectors:
            deadline.left("softmax: queries, keys, values")
            of_head = head.query, head.key, head.value
            made.append([[activated(arithmetic, row, vector) for row in rows] for rows in of_head])
        queries, keys, values = zip(*made, strict=True)
        for i, query in enumerate(queries):
            deadline.left("softmax: heads")
            seen = i + 1 if causal else len(vectors)
            outputs[i] += attended(arithmetic, query, keys[:seen], values[:seen])
    return outputs


def _with(arithmetic: Arithmetic, rows: Map, made: Vectors, vectors: Vectors, deadline: Deadline) -> Vectors:
    """x behind a sublayer: rnd_A of the sums in L of x and of what is made of these numbers; 1 behind it."""
    found = Vectors()
    for mine, vector in zip(made, vectors, strict=True):
        deadline.left("softmax: sums")
        behind = list(vector)
        for coordinate, row in rows:
            behind[coordinate] = activated(arithmetic, row, [*mine, *vector])
        found.append(behind)
    return found


def drift(arithmetic: Arithmetic, state: State, vectors: Vectors) -> Fraction:
    """How far an activation can be from that of hardmax, at most."""
    unit, most = state.denominator, 0
    for row, vector in zip(state.rows, vectors, strict=True):
        for value, (low, high, _, _) in zip(row, vector[:-1], strict=True):
            here = value << arithmetic.grid
            most = max(most, high * unit - here, here - low * unit)
    return Fraction(most, unit << arithmetic.grid)


def difference(arithmetic: Arithmetic, vector: Sequence[Value], expected: Row, other: Row) -> Ends:
    """Ends of the expected token's logit minus the other's, both computed in L.

    The difference of the two forms, of one x, and the errors of both sums.
    """
    terms, scale = dict[int, int](), max(expected.scale, other.scale)
    for row, sign in ((expected, 1), (other, -1)):
        for index, weight in row.terms:
            terms[index] = terms.get(index, 0) + (sign * weight << scale - row.scale)
    apart = Row(scale, tuple((index, weight) for index, weight in terms.items() if weight))
    between, linear = row_terms(arithmetic, apart, vector), arithmetic.model.steps.linear
    error = sum(arithmetic.error(linear, row_terms(arithmetic, row, vector)) for row in (expected, other))
    extra = between.bits - arithmetic.grid
    return (between.low >> extra) - error, -(-between.high >> extra) + error
