"""What section 3 computes, in many orders of additions, is where the checker says: small random networks."""

from __future__ import annotations

import collections
import struct
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.hardmax import Tally
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import difference, drift, enclosed, exact
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value
from tests.checker.conftest import UNLIMITED
from tests.checker.sequences.documents import hardmax_states, head, layer, network, number
from tests.checker.sequences.features import NORMS, SMOOTH, features_of, with_features
from tests.checker.sequences.simulation import Rounding, Simulation, rounding
from tests.checker.sequences.simulation import arithmetic_of as simulated

SMALL = ("float(2,-2,12)", "float(3,-1,20)", "float(4,-3,20)", "e5m2", "e4m3fn", "fixed2.8", "fixed1.10", "fixed5.12")
NARROW = ("float(2,-1,1)", "float(3,-2,3)", "fixed2.3", "e5m2", "e4m3fn", "float(2,0,2)")
"""Where nearly everything underflows or overflows."""
WIDE = ("float(5,-4,30)", "float(6,-3,30)", "float(8,-5,40)", "fixed5.20", "fixed2.30", "fp16", "bf16", "fp32")
STEPS = (
    ("stored",),
    ("once",),
    ("exp1", "exp3-one"),
    ("wide",),
    ("faithful",),
    ("divide", "reciprocal"),
    ("truncate",),
)
SCALES = ("1/3", "5033165/11254499", 2, "1/8")
TOLERANCE = Fraction(1, 2**240)
"""Of `exact`: the exponentials here are not exact."""

Draw = Any
"""A function without arguments: a weight."""


def weights(kind: str, linear: Rounding | None, random: Random) -> Draw:
    """Numbers of the linear format: ternary, small integers and quarters, or floats as networks are trained to."""

    def draw() -> Fraction:
        if kind == "ternary":
            return Fraction(random.choice((-1, -1, 0, 1, 1)))
        if kind == "quarters":
            found = Fraction(random.randint(-9, 9), random.choice((1, 2, 4)))
        else:
            found = Fraction(struct.unpack("f", struct.pack("f", random.gauss(0, 0.7)))[0])
        return found if linear is None else linear(max(-linear.largest, min(found, linear.largest)))

    return draw


def vector(length: int, draw: Draw) -> list[list[Any]]:
    drawn = [(index, draw()) for index in range(length)]
    return [[index, number(weight)] for index, weight in drawn if weight]


def form(length: int, draw: Draw) -> list[Any]:
    return [vector(length, draw), number(draw())]


def random_network(draw: Draw, random: Random) -> dict[str, Any]:
    """Width 2 or 3, one or two layers of up to two heads and neurons, two or three tokens."""
    width = random.randint(2, 3)
    layers = []
    for _ in range(random.choice((1, 1, 2))):
        heads = []
        for _ in range(random.choice((0, 1, 1, 2))):
            of_score, of_value = random.choice((0, 1, 2)), random.choice((1, 2))
            query, key, value = ([form(width, draw) for _ in range(n)] for n in (of_score, of_score, of_value))
            heads.append(head(query, key, value, out(width, of_value, draw, random)))
            if random.random() < 0.3:
                heads[-1]["scale"] = random.choice(SCALES)
        hidden = random.choice((0, 1, 2))
        neurons = [form(width, draw) for _ in range(hidden)]
        layers.append(layer(*heads, neurons=neurons, out=out(width, hidden, draw, random)))
    vocabulary = {name: (vector(width, draw), form(width, draw)) for name in "abc"[: random.randint(2, 3)]}
    positions = random.choice((None, {"bits": [0, 2]}, {"table": [vector(width, draw) for _ in range(4)]}))
    found = network(width, vocabulary, layers, random.choice(("causal", "full")), positions)
    return found | ({"unseen": ["b"]} if random.random() < 0.3 else {})


def random_tokens(document: Any, random: Random) -> list[str]:
    """Of a sequence that begins with one that is seen."""
    tokens = [entry["token"] for entry in document["vocabulary"]]
    return [
        random.choice([token for token in tokens if token not in document.get("unseen", [])]),
        *random.choices(tokens, k=random.randint(0, 3)),
    ]


def out(width: int, length: int, draw: Draw, random: Random) -> list[list[Any]]:
    return [[c, form(length, draw)] for c in range(width) if random.random() < 0.7]


def random_arithmetic(random: Random) -> str:
    """One that is judged: numbers of A are in all other formats."""
    while True:
        kind = random.choice(("rounded:2", "rounded:3", "fused", "fused"))
        small = random.random() < 0.8
        A, W = random.choice(SMALL if small else WIDE), random.choice(SMALL + WIDE)
        L, S, ACC = (random.choice(WIDE) for _ in range(3))
        if random.random() < 0.2:
            L = S = ACC = A = random.choice(NARROW)
        text = f"rounded:{W}/{A}" if kind == "rounded:2" else f"{kind.partition(':')[0]}:{W}/{ACC}/{A}"
        text += ("" if S == "fp32" else f"@{S}") + ("" if L == "fp32" else f"+linear{L}")
        text += "".join(f"+{random.choice(one)}" for one in STEPS if random.random() < 0.15)
        try:
            arithmetic_of(text, 0)
        except (TooLarge, Rejected):
            continue
        return text


def within(value: Fraction, ends: tuple[int, int], arithmetic: Arithmetic) -> bool:
    allowed = TOLERANCE if arithmetic.kind == EXACT else 0
    unit = Fraction(1, 2**arithmetic.grid)
    return ends[0] * unit - allowed <= value <= ends[1] * unit + allowed


def compare(
    document: Any, text: str, e: int, tokens: list[str], random: Random, orders: int
) -> collections.Counter[str]:
    """Everything that some orders make is in its ends; how many numbers there were, and how many known exactly."""
    how, model = simulated(text, 2**e), arithmetic_of(text, e)
    read = read_network(document, None if text == EXACT else model.model.steps.linear)
    seen = collections.Counter[str]()
    try:
        stages = list(enclosed(read, tokens, model, UNLIMITED))
    except Unbounded:
        return collections.Counter(unbounded=1)
    for _ in range(orders):
        simulation = Simulation(how, document, random)
        states = simulation.states(tokens)
        for stage, xs in zip(stages, states, strict=True):
            for vector_, x in zip(stage, xs, strict=True):
                for value, here in zip(vector_[:-1], x, strict=True):
                    assert within(here, (value.low, value.high), model), (text, document)
                    assert has_grain(here, value, model), (text, document)
                    seen["numbers"] += 1
                    seen["points"] += value.low == value.high
        for vector_, x in zip(stages[-1], states[-1], strict=True):
            seen += compare_logits(read, model, vector_, simulation, x)
    if read.rational:
        check_hardmax(document, read, tokens, stages, model)
    return seen


def has_grain(here: Fraction, value: Value, model: Arithmetic) -> bool:
    return model.kind == EXACT or not value.size or (here / Fraction(2) ** value.grain).denominator == 1


def compare_logits(
    read: Network, model: Arithmetic, vector_: list[Value], simulation: Simulation, x: list[Fraction]
) -> collections.Counter[str]:
    """Where differences have ends, no order of the two sums overflows; nor does what outputs read."""
    seen = collections.Counter[str]()
    try:
        vector_ = normed(model, read.norm, vector_)
    except Unbounded:
        return seen
    x = simulation.read(x)
    if read.norm is not None:
        for value, here in zip(vector_[:-1], x, strict=True):
            assert within(here, (value.low, value.high), model)
            assert has_grain(here, value, model)
    forms = {entry["token"]: entry["unembedding"] for entry in simulation.document["vocabulary"]}
    for one, token in read.vocabulary.items():
        for two, other in read.vocabulary.items():
            if one != two:
                try:
                    ends = difference(model, vector_, token.unembedding, other.unembedding)
                except Unbounded:
                    continue
                apart = simulation.product(forms[one], x) - simulation.product(forms[two], x)
                assert within(apart, ends, model)
                seen["differences"] += 1
    return seen


def check_hardmax(document: Any, read: Network, tokens: list[str], stages: Any, model: Arithmetic) -> None:
    """Hardmax is what the naive one is, and drifts are the largest distances of ends from it."""
    tallies: list[Tally] = []
    states, heads = hardmax_states(document, tokens)
    for state, xs, stage in zip(exact(read, tokens, tallies, UNLIMITED), states, stages, strict=True):
        assert [[Fraction(value, state.denominator) for value in row] for row in state.rows] == xs
        unit = Fraction(1, 2**model.grid)
        distances = [
            max(value.high * unit - here, here - value.low * unit)
            for x, vector_ in zip(xs, stage, strict=True)
            for here, value in zip(x, vector_[:-1], strict=True)
        ]
        assert drift(model, state, stage) == max(distances)
    assert [(tally.separation, tally.ties) for tally in tallies] == [one for layer in heads for one in layer]


@pytest.mark.parametrize("seed", range(12))
def test_all_that_is_computed_is_in_its_ends(seed: int) -> None:
    random = Random(seed)
    seen = collections.Counter[str]()
    for _ in range(25):
        text = random_arithmetic(random)
        linear = rounding(text.partition("+linear")[2].partition("+")[0] or "fp32")
        kind = random.choice(("ternary", "quarters", "floats"))
        document = random_network(weights(kind, linear, random), random)
        tokens = random_tokens(document, random)
        seen += compare(document, text, random.choice((0, 0, 1, 2, 5)), tokens, random, 3)
    assert seen["numbers"] > 500
    assert seen["differences"] > 100
    assert seen["points"] < seen["numbers"]


@pytest.mark.parametrize("kind", ["ternary", "quarters", "floats"])
def test_real_numbers_are_in_their_ends(kind: str) -> None:
    random = Random(kind)
    for _ in range(15):
        document = random_network(weights(kind, None, random), random)
        tokens = random_tokens(document, random)
        compare(document, EXACT, random.choice((0, 1, 3)), tokens, random, 1)


@pytest.mark.parametrize("seed", range(5))
def test_norms_gates_activations_and_rotary_positions(seed: int) -> None:
    random = Random(f"features {seed}")
    seen, shown = collections.Counter[str](), set[str]()
    for _ in range(60):
        text = EXACT if random.random() < 0.15 else random_arithmetic(random)
        linear = None if text == EXACT else rounding(text.partition("+linear")[2].partition("+")[0] or "fp32")
        draw = weights(random.choice(("ternary", "quarters", "floats")), linear, random)
        document = with_features(random_network(draw, random), random.random() < 0.2, 4, draw, linear, random)
        tokens = random_tokens(document, random)
        found = compare(document, text, random.choice((0, 0, 1, 2)), tokens, random, 1 if text == EXACT else 3)
        seen += found
        shown |= features_of(document) if found["differences"] else set()
    assert seen["numbers"] > 500
    assert seen["differences"] > 200
    assert seen["points"] < seen["numbers"]
    assert seen["unbounded"]
    assert shown >= {"norm", "rotary", "identity", "gates of relu", *SMOOTH, *(f"norms.{name}" for name in NORMS)}
