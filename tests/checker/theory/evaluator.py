"""A transformer of a weights document, evaluated plainly: dense sums of integers and fractions, hardmax attention that
averages over all tokens of the best score. It shares nothing with the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

Number = int | Fraction
Token = tuple[str, tuple[str, ...]]
"""A family, and the values of its fields."""


@dataclass
class Attended:
    """What a head does at one token: how far the tokens that are not the best score below, how many are the best, and
    what they have, one by one."""

    separation: int | None
    values: list[tuple[Number, ...]]
    received: tuple[Number, ...]


@dataclass
class Node:
    """A token at the end of a sequence: activations behind every sublayer, and every head, layer by layer."""

    sequence: tuple[Token, ...]
    stream: list[tuple[Number, ...]] = field(default_factory=list)
    heads: list[list[Attended]] = field(default_factory=list)
    logits: dict[Token, Number] = field(default_factory=dict)


class Evaluator:
    """Sequences that share a beginning share its tokens: attention is causal."""

    def __init__(self, document: Any) -> None:
        self.document, self.r = document, document["position_bits"]
        self.width = sum(width for _, width in document["registers"])
        self._known: dict[tuple[Token, ...], Node] = {}

    def run(self, sequence: Sequence[Token]) -> list[Node]:
        """Every token of a sequence."""
        nodes: list[Node] = []
        for length in range(1, len(sequence) + 1):
            start = tuple(sequence[:length])
            if start not in self._known:
                self._known[start] = self._node(start, nodes)
            nodes.append(self._known[start])
        return nodes

    def _node(self, sequence: tuple[Token, ...], before: Sequence[Node]) -> Node:
        node, x = Node(sequence), self._embedding(sequence[-1], len(sequence) - 1)
        node.stream.append(tuple(x))
        for number, layer in enumerate(self.document["layers"]):
            tokens, behind = [one.stream[2 * number] for one in before] + [tuple(x)], list(x)
            attended = [self._head(head, tokens) for head in layer["heads"]]
            for head, one in zip(layer["heads"], attended, strict=True):
                for coordinate, received in zip(head["out"], one.received, strict=True):
                    behind[coordinate] += received
            node.heads.append(attended)
            node.stream.append(tuple(behind))
            x = self._mlp(layer["mlp"], behind)
            node.stream.append(tuple(x))
        node.logits = dict(self._logits(x))
        return node

    def _embedding(self, token: Token, position: int) -> list[Number]:
        family = next(one for one in self.document["vocabulary"] if one["name"] == token[0])
        x: list[Number] = [0] * self.width
        vectors = [family["embedding"]]
        for one, value in zip(family["fields"], token[1], strict=True):
            vectors.append(one["embedding"][one["values"].index(value)])
        for vector in vectors:
            for coordinate, weight in vector:
                x[coordinate] += weight
        for bit in range(self.r):
            x[bit] += 1 if position // 2**bit % 2 else -1
        return x

    @staticmethod
    def _head(head: Any, tokens: Sequence[Sequence[Number]]) -> Attended:
        mine = tokens[-1]
        pairs = list(zip(head["query"], head["key"], strict=True))
        scores = [sum(mine[query] * other[key] for query, key in pairs) for other in tokens]
        best = max(scores)
        values = [
            tuple(one[at] for at in head["value"]) for one, score in zip(tokens, scores, strict=True) if score == best
        ]
        average = tuple(_divided(sum(column), len(values)) for column in zip(*values, strict=True))
        rest = [best - score for score in scores if score != best]
        return Attended(int(min(rest)) if rest else None, values, average)

    @staticmethod
    def _mlp(mlp: Any, x: Sequence[Number]) -> list[Number]:
        found = list(x)
        reads, writes = list(pairwise(mlp["in_start"])), list(pairwise(mlp["out_start"]))
        for (begin, end), bias, (first, last) in zip(reads, mlp["bias"], writes, strict=True):
            total = bias + sum(mlp["in_weight"][e] * x[mlp["in_coordinate"][e]] for e in range(begin, end))
            if total > 0:
                for e in range(first, last):
                    found[mlp["out_coordinate"][e]] += mlp["out_weight"][e] * total
        return found

    def _logits(self, x: Sequence[Number]) -> Iterator[tuple[Token, Number]]:
        for family in self.document["vocabulary"]:
            for values in product(*(one["values"] for one in family["fields"])):
                vectors = [family["unembedding"]]
                for one, value in zip(family["fields"], values, strict=True):
                    vectors.append(one["unembedding"][one["values"].index(value)])
                yield (family["name"], values), sum(w * x[c] for vector in vectors for c, w in vector)


def _divided(total: Number, by: int) -> Number:
    """An integer, if it is one: they are faster."""
    return total // by if total % by == 0 else Fraction(total) / by


START: Token = ("START", ())
NONE: Token = ("NONE", ())


def next_token(symbols: Sequence[str], n: int) -> Token:
    """What came behind the last n symbols, the last time that they stood together before; NONE if they never did."""
    ending = list(symbols[len(symbols) - n :]) if len(symbols) >= n else None
    for place in reversed(range(n, len(symbols))):
        if ending == list(symbols[place - n : place]):
            return ("SYM", (symbols[place],))
    return NONE


@dataclass(frozen=True)
class Promise:
    """What was proved of a head: its least separation, and whether many tokens may share a value other than 0."""

    separation: int | None
    many: bool


def faults(
    document: Any, letters: Sequence[str], n: int, length: int, promised: Sequence[Sequence[Promise]], margin: int
) -> Iterator[str]:
    """Everything that is not as promised, on all sequences of up to ``length`` tokens."""
    evaluator, seen = Evaluator(document), set[tuple[Token, ...]]()
    for symbols in product(letters, repeat=length - 1):
        for node in evaluator.run([START, *(("SYM", (symbol,)) for symbol in symbols)]):
            if node.sequence not in seen:
                seen.add(node.sequence)
                yield from _faults_at(node, n, promised, margin)


def _faults_at(node: Node, n: int, promised: Sequence[Sequence[Promise]], margin: int) -> Iterator[str]:
    at = " ".join("".join((family, *values)) for family, values in node.sequence)
    for place, x in enumerate(node.stream):
        if not set(x) <= {-1, 0, 1}:
            yield f"{at}: sublayer {place} leaves {x}"
    for number, (attended, layer) in enumerate(zip(node.heads, promised, strict=True)):
        for place, (one, promise) in enumerate(zip(attended, layer, strict=True)):
            if one.separation is not None and (promise.separation is None or one.separation < promise.separation):
                yield f"{at}: head {place} of layer {number} separates by {one.separation}"
            if len(set(one.values)) != 1:
                yield f"{at}: head {place} of layer {number} selects the values {one.values}"
            if len(one.values) > 1 and not promise.many and any(map(any, one.values)):
                yield f"{at}: head {place} of layer {number} selects {len(one.values)} tokens"
    if len(node.sequence) > 1:
        right = next_token([values[0] for _, values in node.sequence[1:]], n)
        above = min(node.logits[right] - logit for token, logit in node.logits.items() if token != right)
        if above < max(margin, 1):
            yield f"{at}: {right} is above others by {above}"
