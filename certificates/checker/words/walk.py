"""Runs all words of a language through all layers: the sure output of every token (WORDS section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.sequences.network import Layer, Network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import embedded, enclosed_heads, enclosed_mlp
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded
from exactformer.certificates.checker.words.heads import AT_ONCE, HeadOfWords, read_by_heads
from exactformer.certificates.checker.words.levels import Tokens, levels
from exactformer.certificates.checker.words.outputs import said
from exactformer.certificates.checker.words.regular import Automaton
from exactformer.certificates.checker.words.states import (
    UNKNOWN,
    Ints,
    Numbered,
    State,
    distinct,
    kept,
    read_behind,
    rotates_behind,
)

MOST_STATES_OF_TOKENS = 2**26
"""The most states of tokens, over all words of one length and all layers."""


@dataclass(frozen=True)
class Said:
    """For all words of one length, [words, length]: their tokens, and the places of their sure outputs; `UNKNOWN` if
    none is shown, as for every token of a word in which something may overflow."""

    tokens: Tokens
    outputs: Ints
    states: Ints
    """The last states."""


@dataclass
class _Stage:
    """A layer: the states before it, its heads, and what was computed so far."""

    layer: Layer
    heads: list[HeadOfWords]
    read_behind: list[bool]
    """For every coordinate, whether a later layer reads it or adds to it, or an output reads it."""
    rotates_behind: bool
    """Whether a later layer has a head that rotates."""
    read: list[State | None] = field(default_factory=list)
    """What heads read of every state; None if a norm is not known."""
    states: Numbered[State] = field(default_factory=Numbered)
    behind: dict[tuple[int, ...], int] = field(default_factory=dict)
    """From a state and the heads' outputs to the state after the layer."""


class Words:
    """A network on all words of a language of up to ``length`` tokens."""

    def __init__(self, network: Network, automaton: Automaton, arithmetic: Arithmetic, far: int, deadline: Deadline):
        self.network, self.automaton, self.arithmetic, self.deadline = network, automaton, arithmetic, deadline
        self.names = list(network.vocabulary)
        self._read_first, self.stages = read_behind(network, 0), list[_Stage]()
        for number, layer in enumerate(network.layers, start=1):
            heads = [
                HeadOfWords(head, network.planes, arithmetic, far, f"layer {number}, head {place}", deadline)
                for place, head in enumerate(layer.heads)
            ]
            self.stages.append(_Stage(layer, heads, read_behind(network, number), rotates_behind(network, number)))
        self.last = Numbered[State]()
        self._first: dict[tuple[int, int], int] = {}
        """From a token and its position to its state."""
        self._said: list[tuple[int, Fraction]] = []
        """The sure output of every last state."""

    def lengths(self, length: int, beyond: int = 0) -> Iterator[Said]:
        """The lengths of more than ``beyond`` tokens that have words."""
        before: list[Ints] = []
        for level in levels(self.automaton, length):
            prefixes, tokens = level.tokens.shape
            if prefixes * tokens * (len(self.stages) + 1) > MOST_STATES_OF_TOKENS:
                raise TooLarge(f"{prefixes} words of {tokens} tokens have more states than this checker keeps at once")
            if self.network.causal:
                before = self._through(level.tokens, [states[level.parents] for states in before])
                states = before[-1][level.words]
            elif tokens > beyond:
                states = self._through(level.tokens[level.words], [])[-1]
            if tokens > beyond and level.words.any():
                outputs = self._outputs()[states]
                outputs[(states == UNKNOWN).any(axis=1)] = UNKNOWN
                yield Said(level.tokens[level.words], outputs, states)

    def margin(self, states: Ints) -> Fraction:
        """The least of these last states."""
        found: list[int] = np.unique(states).tolist()
        return min(self._said[state][1] for state in found)

    def _outputs(self) -> Ints:
        """The outputs of every last state, and at the end that of `UNKNOWN`."""
        for state in self.last.things[len(self._said) :]:
            self.deadline.left("outputs")
            try:
                read = normed(self.arithmetic, self.network.norm, state.vector)
                self._said.append(said(self.arithmetic, self.network.outputs, tuple(read)))
            except Unbounded:
                self._said.append((UNKNOWN, Fraction(0)))
        return np.array([*(output for output, _ in self._said), UNKNOWN], np.int64)

    def _through(self, tokens: Tokens, before: list[Ints]) -> list[Ints]:
        """Before every layer and after the last, [words, tokens]: the states of all tokens. ``before``: those of all
        tokens except the last, if they are known already."""
        count, length = tokens.shape
        rows = max(1, AT_ONCE // length)
        parts = [
            self._part(tokens[begin : begin + rows], [states[begin : begin + rows] for states in before])
            for begin in range(0, count, rows)
        ]
        empty = np.zeros((0, length), np.int64)
        return [np.concatenate([empty, *(part[place] for part in parts)]) for place in range(len(self.stages) + 1)]

    def _part(self, tokens: Tokens, before: list[Ints]) -> list[Ints]:
        fresh = slice(-1, None) if self.network.causal else slice(None)
        new = self._embedded(tokens, fresh)
        found = [np.concatenate((before[0], new), axis=1) if before else new]
        afters = [*(stage.states for stage in self.stages[1:]), self.last]
        for number, (stage, after) in enumerate(zip(self.stages, afters, strict=False), start=1):
            new = self._behind(stage, found[-1], fresh, after)
            found.append(np.concatenate((before[number], new), axis=1) if before else new)
        return found

    def _embedded(self, tokens: Tokens, fresh: slice) -> Ints:
        states = self.stages[0].states if self.stages else self.last
        columns = []
        for place in range(tokens.shape[1])[fresh]:
            listed, back = np.unique(tokens[:, place], return_inverse=True)
            columns.append(np.array([self._state(states, token, place) for token in listed.tolist()], np.int64)[back])
        return np.stack(columns, axis=1)

    def _state(self, states: Numbered[State], token: int, place: int) -> int:
        if (token, place) not in self._first:
            name = self.names[token]
            try:
                vector = kept(embedded(self.arithmetic, self.network, name, place), self._read_first)
                rotated = place if rotates_behind(self.network, 0) else 0
                self._first[token, place] = states.number(State(vector, name not in self.network.unseen, rotated))
            except Unbounded:
                self._first[token, place] = UNKNOWN
        return self._first[token, place]

    def _behind(self, stage: _Stage, states: Ints, fresh: slice, after: Numbered[State]) -> Ints:
        """The states of all fresh tokens after a layer. If nothing is known about a token, nothing is known about those
        that see it, or are in the same word."""
        fresh_states = stage.states.things[len(stage.read) :]
        stage.read += read_by_heads(self.arithmetic, stage.layer, fresh_states, self.deadline)
        known = np.array([*(read is not None for read in stage.read), True], np.bool_)
        for head in stage.heads:
            known[:-1] &= head.read(stage.read)
        known[UNKNOWN] = False
        alive = known[states].all(axis=1)
        found = np.full(states[:, fresh].shape, UNKNOWN, np.int64)
        if not alive.any():
            return found
        seen = states[alive]
        own = seen[:, fresh]
        is_seen = np.array([state.seen for state in stage.states.things], np.bool_)[seen]
        made = [head.made(own, seen, is_seen) for head in stage.heads]
        first, back = distinct([own.ravel(), *(outputs.ravel() for outputs in made)])
        listed = np.stack([own.ravel()[first], *(outputs.ravel()[first] for outputs in made)], axis=1).tolist()
        states_behind = np.array([self._one_behind(stage, tuple(one), after) for one in listed], np.int64)
        found[alive] = states_behind[back].reshape(own.shape)
        return found

    def _one_behind(self, stage: _Stage, key: tuple[int, ...], after: Numbered[State]) -> int:
        """The state after a layer, from the state before it and the heads' outputs."""
        if key not in stage.behind:
            state, outputs = stage.states.things[key[0]], key[1:]
            stage.behind[key] = UNKNOWN
            if UNKNOWN not in outputs:
                made = [
                    value
                    for head, output in zip(stage.heads, outputs, strict=True)
                    for value in head.outputs.things[output]
                ]
                try:
                    vector = enclosed_heads(self.arithmetic, stage.layer, made, list(state.vector), self.deadline)
                    vector = enclosed_mlp(self.arithmetic, stage.layer, vector, self.deadline)
                    place = state.place if stage.rotates_behind else 0
                    stage.behind[key] = after.number(State(kept(vector, stage.read_behind), state.seen, place))
                except Unbounded:
                    pass  # it stays unknown
        return stage.behind[key]
