"""Random small networks, languages and arithmetics, and what the kernel shows of them, compared with a simulation.

A *case* is all of it, drawn from a seed; `Case.compare` raises an AssertionError where a number or an output that is
computed by some order of sums is not one that the kernel allows.
"""

from __future__ import annotations

import collections
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import permutations
from random import Random
from typing import Any, TypeAlias

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import enclosed
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value
from exactformer.certificates.checker.words.outputs import is_not_below, names_of
from exactformer.certificates.checker.words.regular import automaton_of
from exactformer.certificates.checker.words.states import NOTHING, UNKNOWN
from exactformer.certificates.checker.words.walk import Words
from tests.checker.conftest import UNLIMITED
from tests.checker.sequences.documents import head, layer, network, number
from tests.checker.sequences.features import with_features
from tests.checker.sequences.simulation import Overflows, Rounding, Simulation, rounding
from tests.checker.sequences.simulation import arithmetic_of as simulated

ROOT_5 = struct.unpack("f", struct.pack("f", 5**0.5))[0]
SCALES = (None, None, str(1 / Fraction(ROOT_5)), "1/3", "3/7", 2, "1/8")
LITTLE = (
    "float(2,-2,12)",
    "float(3,-2,6)",
    "float(4,-3,20)",
    "e5m2",
    "e4m3fn",
    "fixed2",
    "fixed1.10",
    "fixed5.12",
    "float(5,-9,9)",
)
LARGE = ("float(6,-3,30)", "float(8,-5,40)", "float(9,-12,12)", "fixed5.20", "fixed8.30", "fp16", "bf16", "fp32")
TIGHT = ("float(2,-1,1)", "float(3,-2,3)", "fixed2.3", "e5m2", "e4m3fn", "float(2,0,2)")
"""Where nearly everything underflows or overflows."""
STEPS = (
    ("stored",),
    ("once",),
    ("exp1", "exp2-one", "exp3", "exp4-one"),
    ("wide",),
    ("faithful",),
    ("divide", "reciprocal"),
    ("truncate",),
)
LANGUAGES = (
    "[a b]{1,3}",
    "[a b c]{2,3}",
    "a [b c]* a?",
    "(a b | b c){1,2}",
    "b{0,2} (a | c a) c?",
    "a b* | c{2} a*",
    "a [a b c] [b c]",
)
CROWDS = ("a [b c] [d e] a e", "(a b){2} [c d e]", "[a b] c{2} d{0,2} e", "a{2} b{2} | a e{3} d", "c+ d a (e | d e)")
"""Longer words, of five tokens."""
TOLERANCE = Fraction(1, 2**200)
"""Of `exact`: the exponentials of the simulation are not exact."""
FARS = (1, 1, 2, 3, 8, 40)

Surely: TypeAlias = tuple[int, str, str]
"""A position, an output that is at least as good there, and another one."""
Draw = Any
"""A function without arguments: a weight."""


def weights(kind: str, linear: Rounding | None, random: Random) -> Draw:
    """Numbers of the linear format: ternary; quarters; floats; or such that scores are far apart."""

    def draw() -> Fraction:
        if kind == "ternary":
            return Fraction(random.choice((-1, 0, 0, 1, 1)))
        if kind == "quarters":
            found = Fraction(random.randint(-9, 9), random.choice((1, 2, 4)))
        elif kind == "large":
            found = Fraction(random.choice((-9, -5, -1, 0, 0, 1, 1, 2, 6, 12)))
        else:
            found = Fraction(struct.unpack("f", struct.pack("f", random.gauss(0, 0.7)))[0])
        return found if linear is None else linear(max(-linear.largest, min(found, linear.largest)))

    return draw


def vector(length: int, draw: Draw) -> list[list[Any]]:
    drawn = [(index, draw()) for index in range(length)]
    return [[index, number(weight)] for index, weight in drawn if weight]


def form(length: int, draw: Draw) -> list[Any]:
    return [vector(length, draw), number(draw())]


def added(width: int, length: int, draw: Draw, random: Random) -> list[list[Any]]:
    """A map that leaves some coordinates as they are."""
    return [[c, form(length, draw)] for c in range(width) if random.random() < 0.6]


def random_network(tokens: str, draw: Draw, random: Random) -> dict[str, Any]:
    """Width 2 to 4, up to three layers of up to two heads and neurons; tokens may share an embedding."""
    width, layers = random.randint(2, 4), []
    for _ in range(random.choice((1, 1, 2, 2, 3)) if len(tokens) == 3 else random.choice((1, 1, 2))):
        heads = []
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            of_score, of_value = random.choice((0, 1, 1, 2)), random.choice((1, 1, 2))
            query, key, value = ([form(width, draw) for _ in range(n)] for n in (of_score, of_score, of_value))
            here = head(query, key, value, added(width, of_value, draw, random))
            scale = random.choice(SCALES)
            heads.append(here if scale is None else here | {"scale": scale})
        hidden = random.choice((0, 1, 2))
        neurons = [form(width, draw) for _ in range(hidden)]
        layers.append(layer(*heads, neurons=neurons, out=added(width, hidden, draw, random)))
    embeddings = [vector(width, draw) for _ in range(random.randint(2, len(tokens)))]
    vocabulary = {name: (random.choice(embeddings), form(width, draw)) for name in tokens}
    table = [vector(width, draw) for _ in range(2)]
    positions = random.choice((None, None, None, {"bits": [0, 2]}, {"table": [random.choice(table) for _ in range(6)]}))
    found = network(width, vocabulary, layers, random.choice(("causal", "full")), positions)
    if random.random() < 0.6:
        found["outputs"] = random_outputs(width, draw, random)
    return found


def random_outputs(width: int, draw: Draw, random: Random) -> dict[str, Any]:
    if random.random() < 0.5:
        return {"largest": [[name, form(width, draw)] for name in ("yes", "no", "neither")[: random.randint(2, 3)]]}
    numbers = {Fraction(random.randint(-12, 12), random.choice((1, 2, 3))) for _ in range(random.randint(3, 6))}
    return {"nearest": [form(width, draw), [number(one) for one in sorted(numbers | {Fraction(0), Fraction(1)})]]}


def random_arithmetic(random: Random) -> str:
    """One that is judged: numbers of A are in all other formats."""
    while True:
        kind = random.choice(("exact", "two", "three", "three", "three", "fused", "fused", "fused", "fused"))
        if kind == "exact":
            if random.random() < 0.5:
                return EXACT
            continue
        A, W = random.choice(random.choice((LITTLE, LARGE))), random.choice(LITTLE + LARGE)
        L, S, ACC = (random.choice(LARGE) for _ in range(3))
        if random.random() < 0.2:
            L = S = ACC = A = random.choice(TIGHT)
        steps = [random.choice(one) for one in STEPS if random.random() < 0.3]
        text = {"two": f"rounded:{W}/{A}", "three": f"rounded:{W}/{ACC}/{A}", "fused": f"fused:{W}/{ACC}/{A}"}[kind]
        text += ("" if S == "fp32" else f"@{S}") + ("" if L == "fp32" else f"+linear{L}")
        text += "".join(f"+{one}" for one in steps)
        try:
            arithmetic_of(text, 0)
        except (TooLarge, Rejected):
            continue
        return text


@dataclass
class Case:
    """A network, a language and an arithmetic; scores that are ``far`` below the largest are taken together."""

    document: dict[str, Any]
    language: str
    length: int
    text: str
    e: int
    far: int
    seen: collections.Counter[str] = field(default_factory=collections.Counter)

    @property
    def arithmetic(self) -> Arithmetic:
        return arithmetic_of(self.text, self.e)

    @property
    def read(self) -> Network:
        return read_network(self.document, None if self.text == EXACT else self.arithmetic.model.steps.linear)

    def compare(self, random: Random, orders: int) -> None:
        """What every word makes, in so many orders of sums, is what is shown of it."""
        read = self.read
        vocabulary, names = list(read.vocabulary), names_of(read.outputs)
        automaton = automaton_of("words", self.language, {name: place for place, name in enumerate(vocabulary)})
        walk = Words(read, automaton, self.arithmetic, self.far, UNLIMITED)
        for said in walk.lengths(self.length):
            for word, states, outputs in zip(
                said.tokens.tolist(), said.states.tolist(), said.outputs.tolist(), strict=True
            ):
                tokens = [vocabulary[token] for token in word]
                ends = [None if state == UNKNOWN else walk.last.things[state].vector for state in states]
                shown = [None if output == UNKNOWN else names[output] for output in outputs]
                margins = [None if state == UNKNOWN else walk.margin(state) for state in states]
                self.seen["shown"] += sum(one is not None for one in shown)
                self.seen["not shown"] += sum(one is None for one in shown)
                surely = self.alone(tokens, ends)
                for _ in range(orders):
                    self.simulated(tokens, ends, shown, margins, surely, random)

    def simulated(
        self, tokens: list[str], ends: Any, shown: Any, margins: Any, surely: list[Surely], random: Random
    ) -> None:
        """One order of sums."""
        simulation = Simulation(simulated(self.text, 2**self.e), self.document, random)
        try:
            *_, last = simulation.states(tokens)
        except Overflows:
            assert not surely
            assert set(shown) == {None}, f"an overflow on {tokens}"
            self.seen["overflows"] += 1
            return
        read = list[list[Fraction] | None]()
        for x, vector_, output, margin in zip(last, ends, shown, margins, strict=True):
            if vector_ is not None:
                self.within(x, vector_)
            try:
                read.append(simulation.read(x))
            except Overflows:  # in the norm before the outputs
                read.append(None)
            if output is not None:
                assert read[-1] is not None, f"an overflow on {tokens}"
                found, by = simulation.said(read[-1])
                allowed = TOLERANCE if self.text == EXACT else 0
                assert found == output, f"{found} where {output} is shown of {tokens}"
                assert margin is not None
                assert 0 < margin <= by + allowed, f"{by} where {margin} is shown of {tokens}"
                self.seen["outputs"] += 1

        for position, other, expected in surely:
            of_outputs = read[position]
            assert of_outputs is not None
            assert not simulation.is_above(of_outputs, expected, other), f"{other} is as good on {tokens}"
            self.seen["refutations"] += 1

    def within(self, x: list[Fraction], vector_: tuple[Value, ...]) -> None:
        unit, allowed = Fraction(1, 2**self.arithmetic.grid), TOLERANCE if self.text == EXACT else 0
        for value, here in zip(vector_[:-1], x, strict=True):
            if value != NOTHING:
                assert value.low * unit - allowed <= here <= value.high * unit + allowed
                if self.text != EXACT and value.size:
                    assert (here / Fraction(2) ** value.grain).denominator == 1
                self.seen["numbers"] += 1
                self.seen["points"] += value.low == value.high

    def alone(self, tokens: list[str], ends: Any) -> list[Surely]:
        """Outputs that are shown not to be best, with one that is as good, by the walk of one sequence; its ends
        overlap these."""
        read, arithmetic = self.read, self.arithmetic
        try:
            *_, vectors = enclosed(read, tokens, arithmetic, UNLIMITED)
        except Unbounded:
            self.seen["unbounded alone"] += 1
            return []
        for mine, others in zip(ends, vectors, strict=True):
            for one, other in zip(mine or (), others if mine else (), strict=True):
                if one != NOTHING:
                    assert max(one.low, other.low) <= min(one.high, other.high)
                    self.seen["same ends"] += one[:2] == other[:2]
                    self.seen["wider ends"] += one.low < other.low or one.high > other.high
        names, found = names_of(read.outputs), list[Surely]()
        for position, vector_ in enumerate(vectors):
            try:
                of_outputs = tuple(normed(arithmetic, read.norm, vector_))
            except Unbounded:
                continue
            found += [
                (position, names[other], names[expected])
                for other, expected in permutations(range(len(names)), 2)
                if is_not_below(arithmetic, read.outputs, of_outputs, other, expected)
            ]
        return found


@cache
def drawn(seed: int) -> Case:
    """The case of a seed."""
    random = Random(seed)
    text = random_arithmetic(random)
    linear = None if text == EXACT else rounding("fp32")
    if "+linear" in text:
        linear = rounding(text.partition("+linear")[2].partition("+")[0])
    kind = random.choice(("ternary", "ternary", "quarters", "large", "floats"))
    tokens = random.choice(("abc", "abc", "abcde"))
    document = random_network(tokens, weights(kind, linear, random), random)
    language = random.choice(LANGUAGES if len(tokens) == 3 else CROWDS)
    later = [token for token in tokens if starts_without(language, tokens, token)]
    if later and random.random() < 0.4:
        document["unseen"] = [random.choice(later)]
    length = 3 if len(tokens) == 3 else 4 if document["positions"] == {"bits": [0, 2]} else 6
    beta = random.choice((0, 0, 1, 2, 4))
    return Case(document, language, length, text, beta, random.choice(FARS))


@cache
def drawn_with(seed: int, rational: bool) -> Case:
    """The case of a seed, with norms, gates, other activations and rotary positions; without norms, and with only the
    activations that hardmax has, if ``rational``."""
    case, random = drawn(seed), Random(f"features {seed}")
    linear = None if case.text == EXACT else simulated(case.text, 1).L
    draw = weights(random.choice(("ternary", "quarters", "floats")), linear, random)
    document = with_features(case.document, rational, case.length, draw, linear, random)
    return Case(document, case.language, case.length, case.text, case.e, case.far)


def starts_without(language: str, tokens: str, token: str) -> bool:
    """No word begins with the token."""
    automaton = automaton_of("words", language, {name: place for place, name in enumerate(tokens)})
    return int(automaton.moves[0, tokens.index(token)]) < 0
