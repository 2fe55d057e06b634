"""Norms, neurons and rotated entries of numbers that lie between ends: what some order of sums makes of such numbers
lies between the ends that the checker gives (NETWORKS 3), or the checker shows nothing."""

from __future__ import annotations

import collections
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, neurons, of_head
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value
from tests.checker.conftest import UNLIMITED
from tests.checker.sequences.documents import Numbers, head, layer, network, number
from tests.checker.sequences.features import SMOOTH
from tests.checker.sequences.simulation import Simulation
from tests.checker.sequences.simulation import arithmetic_of as simulated

TEXTS = (
    "rounded:bf16/float(2,-1,1)+linearfloat(2,-1,1)",
    "rounded:bf16/float(2,-2,9)+linearfloat(2,-3,9)+stored",
    "rounded:bf16/float(3,-3,9)+linearfloat(3,-4,9)",
    "rounded:bf16/float(3,-3,9)+linearfloat(4,-5,9)+stored",
    "rounded:bf16/fixed3.4+linearfloat(8,-9,9)",
    "rounded:bf16/float(5,-4,12)+linearfloat(9,-9,12)+stored",
    "rounded:bf16/bf16",
    "rounded:bf16/bf16+stored",
    "rounded:bf16/bf16+linearbf16",
    "rounded:bf16/float(4,-5,9)+linearfloat(4,-5,9)",
    "rounded:bf16/fp16+linearfp16",
    "rounded:fp32/fp32",
    EXACT,
)
FIXED = ("rounded:bf16/fixed3.4+linearfixed5.9", "rounded:bf16/float(3,-1,3)+linearfixed5.9+stored")
"""Where norms are not judged."""
TOLERANCE = Fraction(1, 2**240)


class Drawn:
    """An arithmetic, and numbers of its formats; small ones, and few, where there are few bits."""

    def __init__(self, text: str, random: Random) -> None:
        self.how, self.model, self.random = simulated(text, 1), arithmetic_of(text, 0), random
        form = self.how.L
        self.width = random.choice((1, 2) if form is not None and form.p == 2 else (1, 2, 3, 4))
        self.small = form is not None and self.how.A is not None and min(form.largest, self.how.A.largest) < 1000

    def weight(self) -> Fraction:
        if self.random.random() < 0.4:
            return Fraction(self.random.choice((-1, 1)))
        most = 2 if self.small else 12
        found = Fraction(self.random.randint(-most, most), self.random.choice((1, 1, 2, 4, 8)))
        form = self.how.L
        return found if form is None else form(max(-form.largest, min(found, form.largest)))

    def activation(self, value: Fraction) -> Fraction:
        form = self.how.A
        return value if form is None else form(max(-form.largest, min(value, form.largest)))

    def ends(self) -> tuple[Fraction, Fraction]:
        """Often of one number."""
        most = 4 if self.small else self.random.choice((40, 4000))
        low = self.activation(Fraction(self.random.randint(-most, most), self.random.choice((1, 4, 16, 64))))
        more = Fraction(self.random.choice((0, 0, 1, 1, 3)), self.random.choice((4, 8, 64) if self.small else (1, 8)))
        return low, self.activation(low + more)

    def between(self, ends: tuple[Fraction, Fraction]) -> Fraction:
        part = self.random.choice((Fraction(0), Fraction(1), Fraction(self.random.randint(0, 64), 64)))
        return self.activation(ends[0] + part * (ends[1] - ends[0]))

    def value(self, ends: tuple[Fraction, Fraction]) -> Value:
        low, high = (int(end * self.model.unit) for end in ends)
        return self.model.number(self.model.model.activation, (low, high))

    def vector(self) -> list[list[Any]]:
        return [[at, number(weight)] for at in range(self.width) if (weight := self.weight())]

    def form(self) -> list[Any]:
        vector = self.vector()
        return [self.random.sample(vector, 1), 0] if self.small and vector else [vector, number(self.weight())]

    def read(self, document: Any) -> Network:
        linear = None if self.model.kind == EXACT else self.model.model.steps.linear
        return read_network(document, linear)


def require_in(found: list[Value], made: Numbers, model: Arithmetic) -> None:
    allowed = TOLERANCE if model.kind == EXACT else 0
    for value, here in zip(found, made, strict=True):
        assert value.low <= (here + allowed) * model.unit
        assert (here - allowed) * model.unit <= value.high
        assert model.kind == EXACT or not value.size or (here / Fraction(2) ** value.grain).denominator == 1


Made = tuple[Any, Callable[[Network, list[Value]], list[Value]], Callable[[Simulation, Numbers], Numbers]]
"""A network; what the checker says of a vector; what a simulation makes of numbers."""
NO_VOCABULARY: dict[str, tuple[Any, Any]] = {"a": ([], [[], 0]), "b": ([], [[], 0])}


def through_a_norm(drawn: Drawn, random: Random) -> Made:
    form = drawn.how.L
    large = Fraction(2) ** 15 if form is None else form.largest / random.choice((1, 4))
    epsilon = random.choice((Fraction(0), Fraction(1, 4), Fraction(1, 4), Fraction(1), abs(drawn.weight()), large))
    norm = {
        "center": random.random() < 0.5,
        "epsilon": number(epsilon if form is None else form(epsilon)),
        "weight": drawn.vector(),
        "bias": drawn.vector() if random.random() < 0.5 else [],
    }

    def says(read: Network, vector: list[Value]) -> list[Value]:
        return normed(drawn.model, read.norm, vector)[:-1]

    return network(drawn.width, NO_VOCABULARY, []) | {"norm": norm}, says, lambda one, x: one.normed(norm, x)


def through_neurons(drawn: Drawn, random: Random) -> Made:
    name, hidden = random.choice(("relu", "identity", *SMOOTH, *SMOOTH)), random.choice((1, 2))
    mlp: dict[str, Any] = {"neurons": [drawn.form() for _ in range(hidden)], "out": []}
    if name != "relu":
        mlp["activation"] = name
    if random.random() < 0.5:
        mlp["gates"] = [drawn.form() for _ in range(hidden)]

    def says(read: Network, vector: list[Value]) -> list[Value]:
        return neurons(drawn.model, read.layers[0], vector, UNLIMITED)

    return network(drawn.width, NO_VOCABULARY, [{"heads": [], "mlp": mlp}]), says, lambda one, x: one.neurons(mlp, x)


def through_rotation(drawn: Drawn, random: Random) -> Made:
    entries = random.sample(range(4), 4)
    planes = [[number(drawn.weight()), number(drawn.weight())] for _ in range(2)]
    here = head([drawn.form() for _ in range(4)], [drawn.form() for _ in range(4)], [], [])
    here["rotary"] = [[*entries[:2], 1], [*entries[2:], 0]][: random.choice((1, 2))]
    place, no_turn = random.choice((0, 1)), [[1, 0], [1, 0]]
    document = network(drawn.width, NO_VOCABULARY, [layer(here)])
    document["rotary"] = [no_turn] * place + [planes]

    def says(read: Network, vector: list[Value]) -> list[Value]:
        query, key, _ = of_head(drawn.model, read.layers[0].heads[0], read.planes(place), vector)
        return [*query, *key]

    def makes(one: Simulation, x: Numbers) -> Numbers:
        both = ([one.activation(one.linear(form, x)) for form in here[name]] for name in ("query", "key"))
        return [entry for entries in both for entry in one.turned(here, entries, place)]

    return document, says, makes


@pytest.mark.parametrize(
    ("through", "text"),
    [
        *((through_a_norm, text) for text in TEXTS),
        *((through_neurons, text) for text in (*TEXTS, *FIXED)),
        *((through_rotation, text) for text in (*TEXTS, *FIXED)),
    ],
)
def test_what_is_made_of_numbers_between_ends(through: Callable[[Drawn, Random], Made], text: str) -> None:
    random, seen = Random(f"{through.__name__} {text}"), collections.Counter[str]()
    for _ in range(50):
        drawn = Drawn(text, random)
        document, says, makes = through(drawn, random)
        ends = [drawn.ends() for _ in range(drawn.width)]
        try:
            found = says(drawn.read(document), [*map(drawn.value, ends), drawn.model.one])
        except Unbounded:
            seen["not shown"] += 1
            continue
        for _ in range(1 if text == EXACT else 6):
            simulation = Simulation(drawn.how, document, random)
            made = makes(simulation, [drawn.between(one) for one in ends])
            require_in(found, made, drawn.model)
            seen["shown"] += 1
    assert seen["shown"] >= (25 if text == EXACT else 40)
