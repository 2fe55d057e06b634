"""Why a word is wrong: what hardmax, real softmax and the arithmetic each compute, where they part, and what makes the
two outputs that are compared.

Everything here is for people: the checker's code computes it, and no certificate contains it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, neurons
from exactformer.certificates.checker.sequences.hardmax import State
from exactformer.certificates.checker.sequences.network import Layer, Nearest, Network, Row, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import Vectors, enclosed, exact
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value
from exactformer.certificates.network_document import network_bytes
from exactformer.certificates.words.found import WordsFound, Wrong
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import Word
from exactformer.verify.arithmetic.models import ArithmeticModel

MOST_TERMS = 6
"""How many terms of a sum are shown, the largest ones."""


@dataclass(frozen=True)
class Way:
    """One way to compute: the logits of the expected and of the other output, or the number that stands for both; None
    if nothing is known of it."""

    name: str
    expected: Fraction | None
    other: Fraction | None


@dataclass(frozen=True)
class Sublayer:
    """After a sublayer, for the token that is asked about: the coordinate in which real softmax is furthest from
    hardmax, and how far; likewise for the arithmetic and real softmax (midpoints). Over all tokens: the coordinate with
    the widest interval in the arithmetic, and its width. None if nothing is known."""

    name: str
    of_softmax: tuple[str, Fraction] | None
    of_rounding: tuple[str, Fraction] | None
    width: tuple[str, Fraction] | None


@dataclass(frozen=True)
class Neuron:
    """A neuron that adds to a coordinate of the outputs that are compared: how it is computed, its value in the
    arithmetic, and what it adds to the expected output less the other."""

    layer: int
    place: int
    form: str
    makes: Fraction
    adds: Fraction


@dataclass(frozen=True)
class Explanation:
    """The explanation of a word that is wrong, or not shown to be right."""

    ways: tuple[Way, ...]
    sublayers: tuple[Sublayer, ...]
    neurons: tuple[Neuron, ...]


@dataclass(frozen=True)
class Place:
    """A word, a position, the output that is expected there, and the one that it is compared with: None for the best of
    the others."""

    word: Word
    position: int
    expected: str
    output: str | None


def explain(found: WordsFound) -> Explanation | None:
    """None if all words are shown to be right."""
    place = found.wrong or found.unshown
    if place is None:
        return None
    output = place.output if isinstance(place, Wrong) else None
    return explain_at(found.net, found.model, found.beta, Place(place.word, place.position, place.expected, output))


def explain_at(net: Transformer, model: ArithmeticModel, beta: int, place: Place, seconds: int = 10**6) -> Explanation:
    """The explanation of any place.

    Raises what the checker raises for a network that it does not judge; Undecided after ``seconds``.
    """
    network = read_network(json.loads(network_bytes(net)), None)
    arithmetic = arithmetic_of(model.text, beta.bit_length() - 1, "the arithmetic")
    deadline = Deadline(seconds)
    real = arithmetic_of(EXACT, arithmetic.e)
    hard: list[State | None] = [None] * (1 + 2 * len(network.layers))
    if network.rational:
        hard = list(exact(network, place.word, [], deadline))
    soft, here = (_enclosed(network, place.word, how, deadline) for how in (real, arithmetic))
    at = place.position
    read = [_read(network, vectors, at, how) for vectors, how in ((soft[-1], real), (here[-1], arithmetic))]
    other = place.output or _rival(network, place.expected, read, real)
    rows = _rows(network, place.expected, other)
    ways = [
        Way(name, *(None if vector is None else _middle(row, vector, how) for row in rows))
        for name, vector, how in zip(("softmax", model.text), read, (real, arithmetic), strict=True)
    ]
    if (last := hard[-1]) is not None:
        ways.insert(0, Way("hardmax", *(_of_state(row, last, at) for row in rows)))
    names = net.coordinates or tuple(f"x{c}" for c in range(network.width))
    titles = [f"layer {number} {part}" for number in range(1, len(network.layers) + 1) for part in ("heads", "MLP")]
    sublayers = [
        Sublayer(
            title,
            None
            if middle is None or state is None
            else _furthest(names, _numbers(state, at), _middles(middle[at], real)),
            None
            if middle is None or rounded is None
            else _furthest(names, _middles(middle[at], real), _middles(rounded[at], arithmetic)),
            None if rounded is None else _widest(names, rounded, arithmetic),
        )
        for title, state, middle, rounded in zip(titles, hard[1:], soft[1:], here[1:], strict=True)
    ]
    return Explanation(
        tuple(ways), tuple(sublayers), tuple(_neurons(network, arithmetic, here, at, rows, names, deadline))
    )


_NONE = Fraction(0)


def _enclosed(network: Network, word: Word, arithmetic: Arithmetic, deadline: Deadline) -> list[Vectors | None]:
    """The states before the first and after every sublayer; None from where on an overflow is not excluded."""
    found: list[Vectors | None] = []
    with suppress(Unbounded):
        for vectors in enclosed(network, word, arithmetic, deadline):
            found.append(vectors)  # keep what comes before an overflow
    return found + [None] * (1 + 2 * len(network.layers) - len(found))


def _read(network: Network, vectors: Vectors | None, at: int, arithmetic: Arithmetic) -> list[Value] | None:
    """What the outputs read of a token."""
    with suppress(Unbounded):
        return None if vectors is None else normed(arithmetic, network.norm, vectors[at])
    return None


def _rival(network: Network, expected: str, read: Sequence[list[Value] | None], real: Arithmetic) -> str:
    """The best of the other outputs, with real softmax, if that is known; else the first."""
    outputs, vector = network.outputs, read[0]
    if isinstance(outputs, Nearest):
        return expected
    others = [name for name in outputs if name != expected]
    return others[0] if vector is None else max(others, key=lambda name: _middle(outputs[name], vector, real))


def _widest(names: Sequence[str], vectors: Vectors, arithmetic: Arithmetic) -> tuple[str, Fraction]:
    """The coordinate of any token with the widest interval, and its width."""
    widths = [max(vector[c].high - vector[c].low for vector in vectors) for c in range(len(names))]
    most = max(range(len(names)), key=widths.__getitem__)
    return names[most], Fraction(widths[most], 1 << arithmetic.grid)


def _rows(network: Network, expected: str, other: str) -> tuple[Row, Row]:
    """What makes the two outputs; for numbers it is the same."""
    outputs = network.outputs
    if isinstance(outputs, Nearest):
        return outputs.row, outputs.row
    return outputs[expected], outputs[other]


def _of_state(row: Row, state: State, at: int) -> Fraction:
    vector = [*state.rows[at], state.denominator]
    return Fraction(sum(weight * vector[index] for index, weight in row.terms), state.denominator << row.scale)


def _numbers(state: State, at: int) -> list[Fraction]:
    return [Fraction(value, state.denominator) for value in state.rows[at]]


def _middles(vector: Sequence[tuple[int, int, int, int]], arithmetic: Arithmetic) -> list[Fraction]:
    return [Fraction(low + high, 2 << arithmetic.grid) for low, high, *_ in vector[:-1]]


def _middle(row: Row, vector: Sequence[tuple[int, int, int, int]], arithmetic: Arithmetic) -> Fraction:
    """What a row gives for the midpoints, apart from its own roundings."""
    middles = [*_middles(vector, arithmetic), Fraction(1)]
    return sum((Fraction(weight, 2**row.scale) * middles[index] for index, weight in row.terms), _NONE)


def _furthest(names: Sequence[str], one: Sequence[Fraction], other: Sequence[Fraction]) -> tuple[str, Fraction]:
    apart = [abs(a - b) for a, b in zip(one, other, strict=True)]
    most = max(range(len(apart)), key=apart.__getitem__)
    return names[most], apart[most]


def _neurons(
    network: Network,
    arithmetic: Arithmetic,
    here: Sequence[Vectors | None],
    at: int,
    rows: tuple[Row, Row],
    names: Sequence[str],
    deadline: Deadline,
) -> list[Neuron]:
    """The neurons of all layers that add the most to the one output less the other."""
    apart = dict[int, Fraction]()
    for row, sign in zip(rows, (1, 0 if rows[0] is rows[1] else -1), strict=True):
        for index, weight in row.terms:
            apart[index] = apart.get(index, _NONE) + sign * Fraction(weight, 2**row.scale)
    found = list[Neuron]()
    for number, layer in enumerate(network.layers, start=1):
        vectors = here[2 * number - 1]
        if vectors is None:
            break
        try:
            values = neurons(arithmetic, layer, normed(arithmetic, layer.norms[2], vectors[at]), deadline)
        except Unbounded:
            break
        made = [Fraction(value.low + value.high, 2 << arithmetic.grid) for value in values]
        adds = [_NONE] * len(made)
        for coordinate, row in layer.mlp:
            for index, weight in row.terms:
                if index < len(made):
                    adds[index] += apart.get(coordinate, _NONE) * Fraction(weight, 2**row.scale) * made[index]
        found += [
            Neuron(number, place, _form(layer, place, names), made[place], added)
            for place, added in enumerate(adds)
            if added
        ]
    return sorted(found, key=lambda neuron: -abs(neuron.adds))[:MOST_TERMS]


def _form(layer: Layer, place: int, names: Sequence[str]) -> str:
    """A neuron as people write it: relu(100 a - 9.5), or silu(a) (2 b)."""
    own, name = _sum(layer.neurons[place], names), layer.activation
    return f"{name}({_sum(layer.gates[place], names)}) ({own})" if layer.gates else f"{name}({own})"


def _sum(row: Row, names: Sequence[str]) -> str:
    terms = [(Fraction(weight, 2**row.scale), index) for index, weight in row.terms[:MOST_TERMS]]
    more = f" + {len(row.terms) - MOST_TERMS} terms" if len(row.terms) > MOST_TERMS else ""
    shown = " + ".join(
        f"{float(weight):.6g}" + (f" {names[index]}" if index < len(names) else "") for weight, index in terms
    )
    return shown.replace("+ -", "- ") + more
