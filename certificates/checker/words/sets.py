"""All words of one length at once: for every position the states that its token may be in (WORDS section 5).

Hardmax is computed exactly beside softmax, so it is shown that both say the same. We forget which tokens belong to one
word: at every other position a head may see any state of that position; at the token's own it sees its own state.

Words:
    both     a token's state: x with hardmax, and the intervals of x with softmax
    outcome  a head's output with hardmax, and the number of its output with softmax
    case     how many tokens of each class a token may see
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge, quote
from exactformer.certificates.checker.sequences.hardmax import LONGEST_NUMBER
from exactformer.certificates.checker.sequences.network import Layer, Nearest, Network, Row
from exactformer.certificates.checker.sequences.walk import embedded, enclosed_heads, enclosed_mlp
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded
from exactformer.certificates.checker.words.heads import Class, HeadOfWords
from exactformer.certificates.checker.words.outputs import said
from exactformer.certificates.checker.words.regular import Automaton
from exactformer.certificates.checker.words.states import (
    UNKNOWN,
    Numbered,
    State,
    Vector,
    kept,
    read_behind,
    rotates_behind,
)

MOST_CASES, MOST_STATES = 2**13, 2**16
"""The most cases of one query; the most states of all positions."""
UNSEEN = -1
"""Stands for all states of a position in which its token is not seen."""

Exact: TypeAlias = tuple[Fraction, ...]
"""Numbers with hardmax; in a state a 1 follows them."""


class Both(NamedTuple):
    """A state with hardmax and with softmax; whether heads see the token; its position, if a later head rotates."""

    hard: Exact
    soft: Vector
    seen: bool
    place: int


class Outcome(NamedTuple):
    """A head's output with hardmax, and the number of its output with softmax."""

    hard: Exact
    soft: int


class ClassOfBoth(NamedTuple):
    """Sights that are alike to a query; a hardmax score of None is never the largest."""

    soft: Class
    score: Fraction | None
    value: Exact


@dataclass(frozen=True)
class OfLength:
    """About all words of one length: the least margin at the positions asked about, and how many states there are."""

    length: int
    margin: Fraction
    states: int


def possible_tokens(automaton: Automaton, length: int) -> list[list[int]] | None:
    """At every position the tokens that words of this length may have there; None if there is no such word."""
    moves = automaton.moves
    completes = [automaton.distance == 0]
    for _ in range(length):
        known = np.append(completes[-1], False)  # the last row is for -1, no state
        completes.append(known[moves].any(axis=1))
    if not completes[length][0]:
        return None
    found, states = list[list[int]](), np.zeros(len(moves), np.bool_)
    states[0] = True
    for left in reversed(range(length)):
        open_ = np.append(completes[left], False)[moves] & states[:, None]
        found.append(np.flatnonzero(open_.any(axis=0)).tolist())
        states = np.zeros_like(states)
        states[moves[open_]] = True
    return found


class Sets:
    """A network on all words of a language."""

    def __init__(self, network: Network, automaton: Automaton, arithmetic: Arithmetic, far: int, deadline: Deadline):
        self.network, self.automaton, self.arithmetic, self.deadline = network, automaton, arithmetic, deadline
        self.names = list(network.vocabulary)
        self.layers = [
            _Layer(network, number, arithmetic, far, deadline) for number in range(1, len(network.layers) + 1)
        ]
        self._read = read_behind(network, 0)
        self._embedded: dict[tuple[int, int], int] = {}
        self.last = Numbered[Both]()
        self._said = list[tuple[int, Fraction]]()
        """The margin of every last state."""

    def lengths(self, length: int, first: int | None, beyond: int = 0) -> Iterator[OfLength]:
        """The lengths of more than ``beyond`` tokens that have words; ``first``: the first position that is asked
        about, None for the last. `Rejected` if softmax may say something else than hardmax."""
        for number in range(beyond + 1, length + 1):
            self.deadline.left("the tokens of words")  # of a large automaton that takes long
            asked = range(number)[-1:] if first is None else range(number)[first:]
            tokens = possible_tokens(self.automaton, number)
            if tokens is not None and asked:
                states = self._behind_all(tokens, asked)
                margins = [self._margin(state, place) for place in asked for state in states[place]]
                yield OfLength(number, min(margins), sum(map(len, states)))

    def _behind_all(self, tokens: Sequence[Sequence[int]], asked: range) -> list[list[int]]:
        """The states after the last layer, at the positions asked about: nothing reads those at other positions."""
        states = [sorted({self._first(token, place) for token in listed}) for place, listed in enumerate(tokens)]
        afters = [*(layer.states for layer in self.layers[1:]), self.last]
        for layer, after in zip(self.layers, afters, strict=False):  # without layers there is nothing to do
            needed = asked if after is self.last else range(len(tokens))
            states = layer.behind(states, needed, self.network.causal, after)
            if sum(map(len, states)) > MOST_STATES:
                raise TooLarge(f"words of {len(tokens)} tokens have more than {MOST_STATES} states of their positions")
        return states

    def _first(self, token: int, place: int) -> int:
        if (token, place) in self._embedded:
            return self._embedded[token, place]
        name = self.names[token]
        embedding, position = self.network.vocabulary[name].embedding, self.network.position(place)
        zero = Fraction(0)
        hard = [embedding.get(c, zero) + position.get(c, zero) for c in range(self.network.width)]
        try:
            soft = embedded(self.arithmetic, self.network, name, place)
        except Unbounded as error:
            raise Rejected("verdict", f"is not shown: {quote(name)} at position {place} may overflow") from error
        hard = [value if read else zero for value, read in zip((*hard, Fraction(1)), self._read, strict=True)]
        states = self.layers[0].states if self.layers else self.last
        rotated = place if rotates_behind(self.network, 0) else 0
        found = states.number(Both(tuple(hard), kept(soft, self._read), name not in self.network.unseen, rotated))
        self._embedded[token, place] = found
        return found

    def _margin(self, state: int, place: int) -> Fraction:
        """The margin by which softmax says what hardmax says."""
        for both in self.last.things[len(self._said) :]:
            self.deadline.left("outputs")
            output, margin = said(self.arithmetic, self.network.outputs, both.soft)
            self._said.append((output if output == hardmax_says(self.network, both.hard) else UNKNOWN, margin))
        output, margin = self._said[state]
        if output == UNKNOWN:
            raise Rejected("verdict", f"is not shown: at position {place} outputs may differ from those of hardmax")
        return margin


def hardmax_says(network: Network, vector: Exact) -> int:
    """The place of the output that is strictly the one; `UNKNOWN` if there is none."""
    outputs = network.outputs
    if isinstance(outputs, Nearest):
        made = number(outputs.row, vector)
        ranks = [-abs(made - one) for one in outputs.numbers]
    else:
        ranks = [number(row, vector) for row in outputs.values()]
    best = max(ranks)
    return ranks.index(best) if ranks.count(best) == 1 else UNKNOWN


def number(row: Row, vector: Exact) -> Fraction:
    """What a row makes of numbers."""
    return Fraction(sum((weight * vector[index] for index, weight in row.terms), Fraction(0)), 2**row.scale)


class _Layer:
    """A layer, which keeps what was computed once."""

    def __init__(self, network: Network, number: int, arithmetic: Arithmetic, far: int, deadline: Deadline) -> None:
        self.layer, self.arithmetic, self.deadline = network.layers[number - 1], arithmetic, deadline
        self.read, self.at = read_behind(network, number), f"layer {number}"
        self.rotates_behind = rotates_behind(network, number)
        self.heads = [
            _Head(HeadOfWords(head, network.planes, arithmetic, far, f"{self.at}, head {place}", deadline), far)
            for place, head in enumerate(self.layer.heads)
        ]
        self.states = Numbered[Both]()
        self._behind: dict[tuple[int, tuple[int, ...]], int] = {}
        """From a state and the numbers of outcomes to the state after the layer."""

    def behind(
        self, states: Sequence[Sequence[int]], needed: range, causal: bool, after: Numbered[Both]
    ) -> list[list[int]]:
        """The states after the layer, at the positions that are needed, from those of all positions before it."""
        things, found, before = self.states.things, list[list[int]](), Counter[frozenset[int]]()
        sets = [frozenset(state if things[state].seen else UNSEEN for state in of_position) for of_position in states]
        together = Counter(sets)
        for place, (of_position, seen) in enumerate(zip(states, sets, strict=True)):
            others = Counter(before) if causal else together - Counter([seen])
            before[seen] += 1
            here = dict[int, None]()
            for state in of_position if place in needed else ():
                positions = others + Counter([frozenset([state])] if things[state].seen else [])
                positions.pop(frozenset([UNSEEN]), None)
                outcomes = [head.outcomes(state, positions, things) for head in self.heads]
                if len(here) + math.prod(map(len, outcomes)) > MOST_STATES:
                    raise TooLarge(f"{self.at}: a token may be in more than {MOST_STATES} states")
                here |= {self._one(state, of_heads, after): None for of_heads in product(*outcomes)}
            found.append(list(here))
        return found

    def _one(self, state: int, outcomes: tuple[int, ...], after: Numbered[Both]) -> int:
        key = state, outcomes
        if key not in self._behind:
            both = self.states.things[state]
            of_heads = [head.known.things[outcome] for head, outcome in zip(self.heads, outcomes, strict=True)]
            made = [
                value
                for head, outcome in zip(self.heads, of_heads, strict=True)
                for value in head.soft.outputs.things[outcome.soft]
            ]
            try:
                soft = enclosed_heads(self.arithmetic, self.layer, made, list(both.soft), self.deadline)
                soft = enclosed_mlp(self.arithmetic, self.layer, soft, self.deadline)
            except Unbounded as error:
                raise Rejected("verdict", f"is not shown: after {self.at} a sum may overflow") from error
            hard = hard_behind(self.layer, both.hard, [value for outcome in of_heads for value in outcome.hard])
            hard = tuple(value if read else Fraction(0) for value, read in zip(hard, self.read, strict=True))
            if max(max(abs(one.numerator), one.denominator).bit_length() for one in hard) > LONGEST_NUMBER:
                raise TooLarge(f"{self.at}: a hardmax activation has more than {LONGEST_NUMBER} bits")
            place = both.place if self.rotates_behind else 0
            self._behind[key] = after.number(Both(hard, kept(soft, self.read), both.seen, place))
        return self._behind[key]


def hard_behind(layer: Layer, vector: Exact, received: Sequence[Fraction]) -> Exact:
    """A layer with hardmax, from its heads' outputs."""
    behind_heads = list(vector)
    for coordinate, row in layer.attention:
        behind_heads[coordinate] = number(row, (*received, *vector))
    own, gates = ([number(row, tuple(behind_heads)) for row in rows] for rows in (layer.neurons, layer.gates))
    neurons = gates or own
    if layer.activation == "relu":
        neurons = [max(one, Fraction(0)) for one in neurons]
    if gates:
        neurons = [a * b for a, b in zip(neurons, own, strict=True)]
    found = list(behind_heads)
    for coordinate, row in layer.mlp:
        found[coordinate] = number(row, (*neurons, *behind_heads))
    return tuple(found)


class _Head:
    """A head, with hardmax beside it."""

    def __init__(self, soft: HeadOfWords, far: int) -> None:
        self.head, self.soft, self.far = soft.head, soft, far
        self.known = Numbered[Outcome]()
        self._outcomes: dict[tuple[int, frozenset[tuple[frozenset[int], int]]], list[int]] = {}
        self._hard: list[tuple[int, int, Exact]] = []
        """For every state the numbers of its query and key, and its values."""
        self._queries, self._keys = Numbered[Exact](), Numbered[Exact]()
        self._scores: dict[tuple[int, int], Fraction] = {}

    def outcomes(self, me: int, positions: Counter[frozenset[int]], states: Sequence[Both]) -> list[int]:
        """The numbers of the head's possible outputs for a token in this state.  Each position that it sees may be in
        any of some states, or `UNSEEN`; the token's own position is one of them."""
        key = me, frozenset(positions.items())
        if key not in self._outcomes:
            self._read(states)
            self._outcomes[key] = self._of_positions(me, positions)
        return self._outcomes[key]

    def _read(self, states: Sequence[Both]) -> None:
        """What is new."""
        if len(self._hard) == len(states):
            return
        if not self.soft.read([State(one.soft, one.seen, one.place) for one in states]).all():
            raise Rejected("verdict", f"is not shown: in {self.soft.at} a query, key or value may overflow")
        for both in states[len(self._hard) :]:
            query, key, value = (
                tuple(number(row, both.hard) for row in rows)
                for rows in (self.head.query, self.head.key, self.head.value)
            )
            rows = dict(self.head.turned(self.soft.planes(both.place)))
            query, key = (
                tuple(number(rows[at], entries) if at in rows else one for at, one in enumerate(entries))
                for entries in (query, key)
            )
            self._hard.append((self._queries.number(query), self._keys.number(key), value))

    def _score(self, me: int, other: int) -> Fraction:
        """The score that hardmax compares."""
        place = self._hard[me][0], self._hard[other][1]
        if place not in self._scores:
            query, key = self._queries.things[place[0]], self._keys.things[place[1]]
            products = sum((a * b for a, b in zip(query, key, strict=True)), Fraction(0))
            self._scores[place] = products * self.head.scale
        return self._scores[place]

    def _of_positions(self, me: int, positions: Counter[frozenset[int]]) -> list[int]:
        seen = sorted({state for states in positions for state in states} - {UNSEEN})
        classes = self._classes(me, seen, positions)
        listed = list(dict.fromkeys(classes.values()))
        base = sum(positions.values()) + 1
        weights = {state: base ** listed.index(classes[state]) for state in seen}
        cases = {0}
        for states, times in positions.items():
            steps = {0 if state == UNSEEN else weights[state] for state in states}
            for _ in range(times):
                cases = {case + step for case in cases for step in steps}
                if len(cases) > MOST_CASES:
                    raise TooLarge(f"{self.soft.at}: a token may see more than {MOST_CASES} cases of others")
        found = dict[int, None]()
        for case in sorted(cases):
            counted = [(case // base**place % base, one) for place, one in enumerate(listed)]
            found[self.known.number(self._outcome([(count, one) for count, one in counted if count]))] = None
        return list(found)

    def _classes(self, me: int, seen: Sequence[int], positions: Counter[frozenset[int]]) -> dict[int, ClassOfBoth]:
        """The classes of all states that may be seen. States that are surely far below one that is seen, and that
        hardmax never selects, form one class."""
        scores = dict[int, tuple[Class, Fraction]]()
        for state in seen:
            ends = self.soft.score_of(me, state)
            if ends is None:
                raise Rejected("verdict", f"is not shown: in {self.soft.at} a score may overflow")
            scores[state] = Class(*ends, self.soft.values_of(state)), self._score(me, state)
        # Some seen token scores at least so much: at each position that is seen, the least score of its states.
        sure = [states for states in positions if UNSEEN not in states]  # the first one is
        low = max(min(scores[state][0].low for state in states) for states in sure)
        least = max(min(scores[state][1] for state in states) for states in sure)
        limit = self.far << self.soft.arithmetic.grid
        far = [one for one in seen if low - scores[one][0].high >= limit and scores[one][1] < least]
        found = {one: ClassOfBoth(*scores[one], self._hard[one][2]) for one in seen}
        if far:
            hull = ClassOfBoth(self.soft.hull([scores[one][0] for one in far]), None, ())
            found |= dict.fromkeys(far, hull)
        return found

    def _outcome(self, counted: Sequence[tuple[int, ClassOfBoth]]) -> Outcome:
        soft = self.soft.output([(count, one.soft) for count, one in counted])
        if soft == UNKNOWN:
            raise Rejected("verdict", f"is not shown: in {self.soft.at} a sum may overflow")
        selected = [(count, one) for count, one in counted if one.score is not None]
        best = max(one.score for _, one in selected if one.score is not None)
        chosen = [(count, one.value) for count, one in selected if one.score == best]
        total = sum(count for count, _ in chosen)
        columns = zip(*(value for _, value in chosen), strict=True)
        counts = [count for count, _ in chosen]
        means = (
            sum((n * value for n, value in zip(counts, column, strict=True)), Fraction(0)) / total for column in columns
        )
        return Outcome(tuple(means), soft)
