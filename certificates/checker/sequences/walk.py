"""The two transformers side by side on one sequence: hardmax exactly, softmax in intervals (NETWORKS 2, 3, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.sequences.arithmetic import added, first, logit, neurons, of_head, row_terms
from exactformer.certificates.checker.sequences.attention import attended
from exactformer.certificates.checker.sequences.hardmax import State, Tally, behind_attention, behind_mlp, first_state
from exactformer.certificates.checker.sequences.network import Layer, Map, Network, Row
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value

Vectors: TypeAlias = list[list[Value]]
"""For every token, x and then the 1 that biases are multiplied with."""


@dataclass(frozen=True)
class Walked:
    """After all layers: the hardmax state, None if there is none; the tallies of all heads, in order; how far apart the
    two transformers were after each sublayer, None from where on an overflow is not excluded; intervals of the softmax
    transformer's x, likewise None; and where that is, and why."""

    state: State | None
    tallies: list[Tally]
    drifts: list[Fraction | None]
    enclosed: Vectors | None
    unbounded: str | None


def walk(network: Network, tokens: Sequence[str], arithmetic: Arithmetic, deadline: Deadline) -> Walked:
    """Both transformers on these tokens."""
    tallies, drifts, unbounded = list[Tally](), list[Fraction | None](), None
    enclosures = enclosed(network, tokens, arithmetic, deadline)
    number = 1 + 2 * len(network.layers)
    states: Iterable[State | None] = exact(network, tokens, tallies, deadline) if network.rational else [None] * number
    for place, state in enumerate(states):  # there is at least the first one, before all layers
        try:
            vectors = next(enclosures, None)  # a generator that has raised is at its end
        except Unbounded as error:
            vectors, unbounded = None, f"{_sublayer(place)}: {error}"
        if state is not None:
            drifts.append(None if vectors is None else drift(arithmetic, state, vectors))
    return Walked(state, tallies, drifts[1:], vectors, unbounded)


def _sublayer(number: int) -> str:
    """The embedding is 0; then attention and MLP of each layer."""
    return f"layer {(number + 1) // 2}, {'attention' if number % 2 else 'MLP'}" if number else "the embedding"


def exact(network: Network, tokens: Sequence[str], tallies: list[Tally], deadline: Deadline) -> Iterator[State]:
    """Hardmax: the first state, and the one after each sublayer; tallies of the heads are added to the list."""
    scale = max((row.scale for row in network.rows()), default=0)
    state, seen = first_state(network, tokens), network.seen(tokens)
    yield state
    for layer in network.layers:
        state, found = behind_attention(network, layer, state, seen, scale, deadline)
        tallies += found
        yield state
        state = behind_mlp(layer, state, scale, deadline)
        yield state


def enclosed(network: Network, tokens: Sequence[str], arithmetic: Arithmetic, deadline: Deadline) -> Iterator[Vectors]:
    """Intervals of x, before the first and after each sublayer; `Unbounded` if an overflow is not excluded."""
    vectors, seen = Vectors(), network.seen(tokens)
    for i, token in enumerate(tokens):
        deadline.left("softmax: embeddings")
        vectors.append(embedded(arithmetic, network, token, i))
    yield vectors
    for layer in network.layers:
        outputs = _attended(arithmetic, network, layer, seen, vectors, deadline)
        vectors = [
            enclosed_heads(arithmetic, layer, mine, vector, deadline)
            for mine, vector in zip(outputs, vectors, strict=True)
        ]
        yield vectors
        vectors = [enclosed_mlp(arithmetic, layer, vector, deadline) for vector in vectors]
        yield vectors


def embedded(arithmetic: Arithmetic, network: Network, token: str, place: int) -> list[Value]:
    """The first intervals of x, and 1."""
    embedding, position, zero = network.vocabulary[token].embedding, network.position(place), Fraction(0)
    x = [first(arithmetic, embedding.get(c, zero), position.get(c, zero)) for c in range(network.width)]
    return [*x, arithmetic.one]


def enclosed_heads(
    arithmetic: Arithmetic, layer: Layer, made: list[Value], vector: list[Value], deadline: Deadline
) -> list[Value]:
    """Intervals of x after attention, from the outputs of all heads."""
    return normed(arithmetic, layer.norms[1], _behind(arithmetic, layer.attention, made, vector, deadline))


def enclosed_mlp(arithmetic: Arithmetic, layer: Layer, vector: list[Value], deadline: Deadline) -> list[Value]:
    """Intervals of x after the MLP."""
    deadline.left("softmax: neurons")
    made = neurons(arithmetic, layer, normed(arithmetic, layer.norms[2], vector), deadline)
    return normed(arithmetic, layer.norms[3], _behind(arithmetic, layer.mlp, made, vector, deadline))


def _attended(
    arithmetic: Arithmetic,
    network: Network,
    layer: Layer,
    seen: Sequence[Sequence[int]],
    vectors: Vectors,
    deadline: Deadline,
) -> Vectors:
    """For every token what it receives from all heads."""
    outputs, read = [list[Value]() for _ in vectors], Vectors()
    for vector in vectors:
        deadline.left("softmax: norms")
        read.append(normed(arithmetic, layer.norms[0], vector))
    for head in layer.heads:
        made = list[tuple[list[Value], list[Value], list[Value]]]()
        for place, vector in enumerate(read):
            deadline.left("softmax: queries, keys, values")
            made.append(of_head(arithmetic, head, network.planes(place), vector))
        queries, keys, values = zip(*made, strict=True)
        for mine, query, places in zip(outputs, queries, seen, strict=True):
            deadline.left("softmax: heads")
            mine += attended(arithmetic, head, query, [keys[j] for j in places], [values[j] for j in places])
    return outputs


def _behind(
    arithmetic: Arithmetic, rows: Map, made: list[Value], vector: list[Value], deadline: Deadline
) -> list[Value]:
    """x after a sublayer: rnd_A of the sums in L of x and of what is made from these numbers; then a 1."""
    deadline.left("softmax: sums")
    found = list(vector)
    for coordinate, row in rows:
        found[coordinate] = added(arithmetic, row, made, vector)
    return found


def drift(arithmetic: Arithmetic, state: State, vectors: Vectors) -> Fraction:
    """How far an activation can be from that of hardmax, at most."""
    unit, most = state.denominator, 0
    for row, vector in zip(state.rows, vectors, strict=True):
        for value, (low, high, _, _) in zip(row, vector[:-1], strict=True):
            here = value << arithmetic.grid
            most = max(most, high * unit - here, here - low * unit)
    return Fraction(most, unit << arithmetic.grid)


def read_at(arithmetic: Arithmetic, network: Network, walked: Walked, position: int) -> list[Value] | None:
    """What outputs read at a position; None if an overflow is not excluded."""
    try:
        return None if walked.enclosed is None else normed(arithmetic, network.norm, walked.enclosed[position])
    except Unbounded:
        return None


def difference(arithmetic: Arithmetic, vector: Sequence[Value], expected: Row, other: Row) -> Ends:
    """Ends of the expected token's logit minus the other's, both computed in L.

    It is the difference of the two forms on one x, and the errors of both sums; with +stored, of both intervals.
    """
    if arithmetic.model.steps.stored:
        mine, others = (logit(arithmetic, row, vector) for row in (expected, other))
        return mine[0] - others[1], mine[1] - others[0]
    terms, scale = dict[int, int](), max(expected.scale, other.scale)
    for row, sign in ((expected, 1), (other, -1)):
        for index, weight in row.terms:
            terms[index] = terms.get(index, 0) + (sign * weight << scale - row.scale)
    apart = Row(scale, tuple((index, weight) for index, weight in terms.items() if weight))
    between, linear = row_terms(arithmetic, apart, vector), arithmetic.model.steps.linear
    error = sum(arithmetic.error(linear, row_terms(arithmetic, row, vector)) for row in (expected, other))
    extra = between.bits - arithmetic.grid
    return (between.low >> extra) - error, -(-between.high >> extra) + error
