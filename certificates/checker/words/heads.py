"""What a head makes of every token of many words, each different query once (WORDS section 4).

Words:
    sight    what a head sees of a token: its key and its value
    bag      how many tokens of each sight a token sees
    context  a query, and the sight that surely has the largest of the least scores of a bag
    class    sights that are alike to a context: they have the same ends of scores and the same values; or are far
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.sequences.arithmetic import of_head
from exactformer.certificates.checker.sequences.attention import Scores, query_of, score
from exactformer.certificates.checker.sequences.network import Head, Layer, Planes
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.words.states import UNKNOWN, Ints, Numbered, State, Vector, distinct

MOST_SCORES = 2**22
"""Pairs of a query and a sight, of a head."""
SNAP = 64
"""In *exact* what a head makes is moved outward to multiples of 2^-SNAP."""
AT_ONCE = 2**21
"""Entries of arrays: of words, or of tokens with what they see."""


class Class(NamedTuple):
    """Ends of scores, and the number of the values."""

    low: int
    high: int
    values: int


class HeadOfWords:
    """A head; what was computed once is kept."""

    def __init__(
        self,
        head: Head,
        planes: Callable[[int], Planes],
        arithmetic: Arithmetic,
        far: int,
        at: str,
        deadline: Deadline,
    ) -> None:
        self.head, self.planes, self.arithmetic, self.far = head, planes, arithmetic, far
        self.at, self.deadline = at, deadline
        self.queries, self.keys = Numbered[Vector](), Numbered[Vector]()
        self.values, self.sights = Numbered[Vector](), Numbered[tuple[int, int]]()
        self.outputs = Numbered[Vector]()
        self._of_state: list[tuple[int, int]] = []
        """For every state, its query and its sight; `UNKNOWN` where an overflow is not excluded."""
        self._scores: dict[tuple[int, int], Ends | None] = {}
        self._known: dict[tuple[tuple[int, Class], ...], int] = {}

    def read(self, states: Sequence[State | None]) -> NDArray[np.bool_]:
        """The numbers of all states whose query, key and values are known; new ones are computed. ``states``: what
        heads read of them, None if that is not known."""
        for state in states[len(self._of_state) :]:
            self.deadline.left(self.at)
            try:
                if state is None:
                    raise Unbounded
                planes = self.planes(state.place)
                query, key, value = map(tuple, of_head(self.arithmetic, self.head, planes, state.vector))
            except Unbounded:
                self._of_state.append((UNKNOWN, UNKNOWN))
                continue
            sight = self.sights.number((self.keys.number(key), self.values.number(value)))
            self._of_state.append((self.queries.number(query), sight))
        return np.array([query != UNKNOWN for query, _ in self._of_state], np.bool_)

    def made(self, own: Ints, seen: Ints, is_seen: NDArray[np.bool_]) -> Ints:
        """The numbers of what the head makes at tokens [rows, tokens], given by their states, that see those tokens of
        a row of ``seen`` which are seen; `UNKNOWN` where an overflow is not excluded. All states are known."""
        of_state = np.array(self._of_state, np.int64).reshape(-1, 2)
        sights = np.where(is_seen, of_state[seen, 1], -1)
        sights.sort(axis=1)
        rows, bags = distinct(list(sights.T))
        sights, queries = sights[rows], of_state[own, 0]
        places = np.broadcast_to(bags[:, None], own.shape).ravel()
        pairs, back = distinct([queries.ravel(), places])
        # In the order of the rows: what is looked at together is the same whatever was numbered before.
        order = np.argsort(pairs)
        query, bag = queries.ravel()[pairs[order]], places[pairs[order]]
        count = max(1, AT_ONCE // sights.shape[1])
        found = [
            self._of_pairs(query[begin : begin + count], sights[bag[begin : begin + count]])
            for begin in range(0, len(pairs), count)
        ]
        return np.concatenate(found)[np.argsort(order)][back].reshape(own.shape)

    def _of_pairs(self, query: Ints, sights: Ints) -> Ints:
        """The sums for queries with bags, [pairs, tokens]; -1 stands for no token."""
        listed, local = np.unique(query, return_inverse=True)
        present, place = np.unique(sights, return_inverse=True)
        place = place.reshape(sights.shape)
        scores = [[self._score(one, other) for other in present.tolist()] for one in listed.tolist()]
        best = np.take_along_axis(place, _ranks(scores)[local[:, None], place].argmin(axis=1)[:, None], axis=1)[:, 0]
        firsts, context = distinct([local, best])
        classes = [
            self._classes(scores[local[first]], present.tolist(), scores[local[first]][best[first]])
            for first in firsts.tolist()
        ]
        of_class = np.array([numbers for numbers, _ in classes], np.int64)
        representatives, back = distinct(_counts(of_class, context, place))
        found = []
        for one in representatives.tolist():
            self.deadline.left(self.at)
            _, of_context = classes[context[one]]
            counted = np.bincount(of_class[context[one], place[one]] + 1, minlength=len(of_context) + 1)[1:].tolist()
            found.append(self.output([(n, one) for n, one in zip(counted, of_context, strict=True) if n]))
        return np.array(found, np.int64)[back]

    def score_of(self, state: int, other: int) -> Ends | None:
        """Ends of the score of two states; None if it may overflow."""
        return self._score(self._of_state[state][0], self._of_state[other][1])

    def values_of(self, state: int) -> int:
        """The number of a state's values."""
        return self.sights.things[self._of_state[state][1]][1]

    def _score(self, query: int, sight: int) -> Ends | None:
        """None if it may overflow, or there is no token."""
        if sight < 0:
            return None
        key = query, self.sights.things[sight][0]
        if key not in self._scores:
            if len(self._scores) >= MOST_SCORES:
                raise TooLarge(f"{self.at}: more than {MOST_SCORES} different scores")
            self.deadline.left(self.at)
            try:
                ends: Ends | None = score(
                    self.arithmetic, self.head, self.queries.things[query], self.keys.things[key[1]]
                )
            except Unbounded:
                ends = None
            self._scores[key] = ends
        return self._scores[key]

    def _classes(
        self, scores: Sequence[Ends | None], present: Sequence[int], top: Ends | None
    ) -> tuple[list[int], list[Class | None]]:
        """The class of each sight that is present, -1 for no token; and the classes. Those whose scores may overflow
        are one, of which nothing is known.

        Far from the sight that is surely there are those whose scores surely are so much below.
        """
        limit = self.far << self.arithmetic.grid
        numbers, found, far = list[int](), Numbered[Class | None](), dict[int, Class]()
        for place, (ends, sight) in enumerate(zip(scores, present, strict=True)):
            if sight < 0:
                numbers.append(-1)
            elif ends is None:
                numbers.append(found.number(None))
            elif top is not None and top[0] - ends[1] >= limit:
                numbers.append(-1)
                far[place] = Class(*ends, self.sights.things[sight][1])
            else:
                numbers.append(found.number(Class(*ends, self.sights.things[sight][1])))
        if far:
            together = found.number(self.hull(list(far.values())))
            for place in far:
                numbers[place] = together
        return numbers, found.things

    def hull(self, classes: Sequence[Class]) -> Class:
        """What all of these lie in."""
        columns = zip(*(self.values.things[number] for number in {one.values for one in classes}), strict=True)
        values = tuple(
            Value(
                min(one.low for one in column),
                max(one.high for one in column),
                max(one.size for one in column),
                min(one.grain for one in column),
            )
            for column in columns
        )
        return Class(min(one.low for one in classes), max(one.high for one in classes), self.values.number(values))

    def output(self, classes: Sequence[tuple[int, Class | None]]) -> int:
        """The number of what the head makes of this many tokens of each class; `UNKNOWN` where that is not known."""
        known = [(count, one) for count, one in classes if one is not None]
        if len(known) < len(classes):
            return UNKNOWN
        key = tuple(sorted(known))
        if key not in self._known:
            columns = list(zip(*(self.values.things[one.values] for _, one in key), strict=True))
            try:
                query = query_of(self.arithmetic, [Scores(count, one.low, one.high) for count, one in key])
                found = tuple(self._moved(value) for value in received(self.arithmetic, query, columns))
                self._known[key] = self.outputs.number(found)
            except Unbounded:
                self._known[key] = UNKNOWN
        return self._known[key]

    def _moved(self, value: Value) -> Value:
        """In *exact* outward to a grid on which words do not differ by what is nearly nothing."""
        if self.arithmetic.kind != EXACT:
            return value
        unit = self.arithmetic.grid - SNAP
        return self.arithmetic.number(
            self.arithmetic.model.activation, (value.low >> unit << unit, -(-value.high >> unit) << unit)
        )


def read_by_heads(
    arithmetic: Arithmetic, layer: Layer, states: Sequence[State], deadline: Deadline
) -> list[State | None]:
    """What heads read of states, through the norm before them if there is one; None where that is not known."""
    found = list[State | None]()
    if layer.norms[0] is None:
        return [*states]
    for state in states:
        deadline.left("norms")
        try:
            found.append(state._replace(vector=tuple(normed(arithmetic, layer.norms[0], state.vector))))
        except Unbounded:
            found.append(None)
    return found


def _ranks(scores: Sequence[Sequence[Ends | None]]) -> Ints:
    """[queries, sights]: the sights by the lower ends of their scores, the largest first; what is not a token last."""
    found = np.zeros((len(scores), len(scores[0])), np.int64)
    for query, of_query in enumerate(scores):
        order = sorted(range(len(of_query)), key=lambda at: _order(of_query[at]))
        found[query, order] = np.arange(len(order))
    return found


def _order(ends: Ends | None) -> tuple[bool, int]:
    return (ends is None, 0 if ends is None else -ends[0])


def _counts(of_class: Ints, context: Ints, place: Ints) -> list[Ints]:
    """[columns][pairs]: numbers that are the same for pairs of one context with as many tokens of each class.

    A count is below the base, so that a sum of powers of it says how many tokens there are of several classes.
    """
    base = place.shape[1] + 1
    at_once = max(1, 62 // base.bit_length())
    columns = [context]
    for begin in range(0, int(of_class.max(initial=-1)) + 1, at_once):
        inside = (of_class >= begin) & (of_class < begin + at_once)
        weights = np.where(inside, base ** np.clip(of_class - begin, 0, at_once - 1), 0)
        columns.append(weights[context[:, None], place].sum(axis=1))
    return columns
