"""A look-up as a transformer of one head, for a context N and a format: words on which it has to give the right value.

Tokens ``a`` and ``b`` have the values 1 and -1; tokens ``ask2`` ask for an address, and no head sees them.  Keys are in
the table of positions.  If addresses are not positions, ``a@k`` and ``b@k`` have the keys in their embedding, and the
table has the times.  The question is the last output of words such as ``b b a b ask2``: the right position has the
value a, all others have b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.constructions.lookups.scheme import Coordinate, Scheme
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights, largest_outputs
from exactformer.constructions.transformer.words import Word, Words

Rounded: TypeAlias = Callable[[Coordinate], Fraction]
"""The number of a format that is nearest to a coordinate."""
Row: TypeAlias = list[Fraction]
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Instance:
    """A network, and what it should say on which words."""

    network: Transformer
    words: Words


def right_value(word: Word) -> str:
    """The expected output: in every word, a is at the right position.

    >>> right_value(("b", "a", "ask1"))
    'a'
    """
    del word
    return "a"


def instance(scheme: Scheme, context: int, rounded: Rounded) -> Instance:
    """A network of context N, and all words of N values that ask for one of its N addresses.  N is at least 2."""
    if scheme.causal:
        return counting(context)
    if scheme.addresses_are_positions:
        return of_positions(scheme, context, rounded)
    return of_writes(scheme, context, rounded)


@dataclass(frozen=True)
class Confusion:
    """In context N the query of this address confuses the right place, given by its time, with a wrong one."""

    context: int
    query: int
    right_time: int
    wrong_address: int
    wrong_time: int


def confused(scheme: Scheme, found: Confusion, rounded: Rounded) -> Instance:
    """The network for its context, and the one word that shows the confusion."""
    network, n = instance(scheme, found.context, rounded).network, found.context
    if scheme.causal:
        word = f"BOS b{{{n - 2}}} a"
    elif scheme.addresses_are_positions:
        word = f"b{{{found.query}}} a b{{{n - 1 - found.query}}} ask{found.query}"
    else:
        far = 0 if 2 * found.query >= n else n - 1
        tokens = [f"b@{far}"] * n
        tokens[found.wrong_time] = f"b@{found.wrong_address}"
        tokens[found.right_time] = f"a@{found.query}"
        word = " ".join([*tokens, f"ask{found.query}"])
    return Instance(network, Words(word, n + (not scheme.causal), right_value, first=None))


def of_positions(scheme: Scheme, context: int, rounded: Rounded) -> Instance:
    """Words b^i a b^(N-1-i) ask_i."""
    width, asked = scheme.width(context), [f"ask{i}" for i in range(context)]
    keys = [[rounded(one) for one in scheme.key(k, k, context)] for k in range(context)]
    queries = [[rounded(one) for one in scheme.query(i, context)] for i in range(context)]
    none = [ZERO] * width
    embedding = [[*none, *none, value, ZERO] for value in (ONE, -ONE)]
    embedding += [[*none, *query, ZERO, ZERO] for query in queries]
    table = [[*key, *none, ZERO, ZERO] for key in [*keys, none]]
    words = [f"b{{{i}}} a b{{{context - 1 - i}}} ask{i}" for i in range(context)]
    network = _network(["a", "b", *asked], embedding, table, width, asked)
    return Instance(network, Words(" | ".join(words), context + 1, right_value, first=None))


def of_writes(scheme: Scheme, context: int, rounded: Rounded) -> Instance:
    """Words in which address i is written first and another one N - 1 times; or only i, with a as the last write."""
    width, asked = scheme.width(context), [f"ask{i}" for i in range(context)]
    queries = [[rounded(one) for one in scheme.query(i, context)] for i in range(context)]
    none = [ZERO] * width
    addressed = [[*map(rounded, scheme.key(k, 0, context)), *none] for k in range(context)]
    embedding = [[*key, value, ZERO] for value in (ONE, -ONE) for key in addressed]
    embedding += [[*none, *query, ZERO, ZERO] for query in queries]
    table = []
    for time in range(context + 1):
        own = [rounded(one) - rounded(other) for one, other in _times(scheme, time, context)]
        table.append([*(own if time < context else none), *none, ZERO, ZERO])
    words = [f"b@{i}{{{context - 1}}} a@{i} ask{i}" for i in range(context)]
    words += [
        f"a@{i} b@{k}{{{context - 1}}} ask{i}" for i in range(context) for k in (i - 1, i + 1) if 0 <= k < context
    ]
    names = [f"{value}@{k}" for value in "ab" for k in range(context)]
    network = _network([*names, *asked], embedding, table, width, asked)
    return Instance(network, Words(" | ".join(words), context + 1, right_value, first=None))


def _times(scheme: Scheme, time: int, context: int) -> list[tuple[Coordinate, Coordinate]]:
    """Keys of address 0 at this time and at time 0: what the time adds."""
    return list(zip(scheme.key(0, time, context), scheme.key(0, 0, context), strict=True))


def counting(context: int) -> Instance:
    """Two layers: uniform attention makes 1/(i+1) of a first token; the second head selects the rightmost position.

    Words ``BOS b .. b a``, of 2 to N tokens: a is the last.
    """
    # Coordinates: 1 at BOS, 1 at all, the value, 1/(i+1), what is selected.
    embedding = [[1, 1, -1, 0, 0], [0, 1, 1, 0, 0], [0, 1, -1, 0, 0]]
    uniform = HeadWeights([[0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]], [[0], [0], [0], [1], [0]])
    rightmost = HeadWeights([[0, 1, 0, 0, 0]], [[0, 0, 0, -1, 0]], [[0, 0, 1, 0, 0]], [[0], [0], [0], [0], [1]])
    outputs = largest_outputs(["a", "b"], [[0, 0, 0, 0, 1], [0, 0, 0, 0, -1]], width=5)
    network = Transformer.build(
        ["BOS", "a", "b"], embedding, None, [LayerWeights([uniform]), LayerWeights([rightmost])], outputs=outputs
    )
    return Instance(network, Words("BOS b* a", context, right_value, first=None))


def of_two_codes(bits: int) -> Instance:
    """Codes of this many bits, for two positions only: the code of ones, whose value is a, and a code with one -1."""
    ones, none = [ONE] * bits, [ZERO] * bits
    embedding = [[*ones, *none, ONE, ZERO], [-ONE, *ones[1:], *none, -ONE, ZERO], [*none, *ones, ZERO, ZERO]]
    network = _network(["a", "b", "ask"], embedding, None, bits, ["ask"])
    return Instance(network, Words("a b ask", 3, right_value, first=None))


def _network(
    names: Sequence[str], embedding: Sequence[Row], table: Sequence[Row] | None, width: int, unseen: Sequence[str]
) -> Transformer:
    """Coordinates: keys [width], queries [width], the value, and what the head selects."""
    total = 2 * width + 2

    def row(place: int) -> list[int]:
        return [int(place == other) for other in range(total)]

    head = HeadWeights(
        query=[row(width + place) for place in range(width)],
        key=[row(place) for place in range(width)],
        value=[row(2 * width)],
        out=[[int(place == total - 1)] for place in range(total)],
    )
    outputs = largest_outputs(["a", "b"], [row(total - 1), [-one for one in row(total - 1)]], width=total)
    return Transformer.build(
        names, embedding, None, [LayerWeights([head])], positions=table, unseen=unseen, outputs=outputs
    )
