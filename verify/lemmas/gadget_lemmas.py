"""Lemmas ``gadget.*``: what each gadget does, decided on the neurons that the construction makes for it.

Every gadget is taken with no condition, and with one of each kind: a flag wanted at 1, a coordinate of a +-1 register
wanted at +1, a flag wanted at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exactformer.constructions.transformer.gadgets import (
    ALWAYS,
    Copy,
    Decrement,
    DecrementInPlace,
    Gadget,
    Map,
    MoveHead,
    Neuron,
    Or,
    Row,
    When,
    Zero,
    when,
)
from exactformer.constructions.transformer.program import ProgramBuilder
from exactformer.constructions.transformer.registers import Layout
from exactformer.constructions.turing.cot import subtract
from exactformer.verify.lemmas.activation import added_by
from exactformer.verify.lemmas.bits import decode, encode
from exactformer.verify.lemmas.claim import Claim
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.lemmas.lemma import PAPER, Lemma
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude

FULL_TABLE_WIDTH = 4
"""Up to this width a map has a row for every input; beyond it, some rows."""

SUBTRACT_EXHAUSTIVE_WIDTH = 4


class Scene:
    """Registers of one width for gadgets to act on, and the lists of conditions they are taken with."""

    def __init__(self, width: int) -> None:
        layout = Layout()
        self.source, self.target = layout.add("source", width), layout.add("target", width)
        self.code, self.move = layout.add("code", width), layout.add("move", 2)
        self.flag, self.stop = layout.add("flag", 1), layout.add("stop", 1)
        self.flags = tuple(layout.add(f"flag{i}", 1) for i in range(width))
        self.out = layout.add("out", 2)
        self.conditions: tuple[When, ...] = (
            ALWAYS,
            when(self.flag, self.code.bit(width - 1), unless=(self.stop,)),
        )


Claims = Callable[[int], Iterator[Claim]]


def copies(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for conditions in x.conditions:
        yield claim_about(Copy(x.source, x.target, conditions), "copy")


def zeros(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for conditions in x.conditions:
        yield claim_about(Zero(x.target, conditions), "zero")


def decrements(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for k in range(width):
        for conditions in x.conditions:
            yield claim_about(Decrement(x.source, x.target, k, conditions), f"decrement by 2^{k}")


def decrements_in_place(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for k in range(width):
        for conditions in x.conditions:
            yield claim_about(DecrementInPlace(x.target, k, conditions), f"decrement in place by 2^{k}")


def moves(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for conditions in x.conditions:
        yield claim_about(MoveHead(x.source, x.move, x.target, conditions), "move")


def maps(width: int) -> Iterator[Claim]:
    x = Scene(width)
    # Every row adds different values, so that a row that fires for another one is noticed.
    added = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
    for conditions in x.conditions:
        for kind, inputs, low in (("+-1 coordinates", (x.source,), -1), ("flags", x.flags, 0)):
            inputs_read = [tuple(1 if entry == 1 else low for entry in row) for row in _rows(width)]
            rows: tuple[Row, ...] = tuple((row, added[i % len(added)]) for i, row in enumerate(inputs_read))
            yield claim_about(Map(inputs, (x.out,), rows, conditions), f"map of {len(rows)} rows of {kind}")


def _rows(width: int) -> list[tuple[int, ...]]:
    """All codes of few bits; of many: 0, all ones, alternating, and one bit or all bits but one."""
    if width <= FULL_TABLE_WIDTH:
        numbers = list(range(2**width))
    else:
        full = 2**width - 1
        numbers = [0, full, full // 3, *(2**b for b in range(width)), *(full - 2**b for b in range(width))]
    return [encode(number, width) for number in dict.fromkeys(numbers)]


def disjunctions(width: int) -> Iterator[Claim]:
    x = Scene(width)
    for count in range(1, width + 1):
        yield claim_about(Or(x.flags[:count], x.out.bit(0)), f"or of {count} flags")


def subtractions(width: int) -> Iterator[Claim]:
    """The claims about its layers, each with the condition that its bit of the subtrahend is +1."""
    x = Scene(width)
    for b, gadget in enumerate(subtract_layers(x)):
        yield claim_about(gadget, f"subtract, layer {b}")


def subtract_layers(x: Scene) -> list[Gadget]:
    """What the construction puts into r layers to subtract `source` from `target`, layer by layer."""
    builder = ProgramBuilder()
    subtract(builder, 1, x.target, x.source, x.flag)
    return [placed.gadget for placed in sorted(builder.gadgets, key=lambda placed: placed.layer)]


def _subtract(width: int, budget: Budget) -> Outcome:
    return conclude(_subtract_findings(width, budget))


def _subtract_findings(width: int, budget: Budget) -> Iterator[Finding]:
    x = Scene(width)
    layers = list(enumerate(subtract_layers(x)))
    # Layer b is the in-place decrement of the minuend by 2^b on the two conditions, and nothing else.
    wanted = {(b, DecrementInPlace(x.target, b, when(x.source.bit(b), x.flag))) for b in range(width)}
    yield budget.exhaust(
        "layers of subtract",
        layers,
        lambda layer: None if layer in wanted else f"layer {layer[0]} of subtract at width {width} is {layer[1]}",
    )
    for claim in subtractions(width):
        yield from claim.decide(budget)
    if width <= SUBTRACT_EXHAUSTIVE_WIDTH:
        units = [list(claim.neurons) for claim in subtractions(width)]
        pairs = ((m, s) for m in range(2**width) for s in range(m + 1))
        yield budget.exhaust("minuends and subtrahends", pairs, lambda pair: _wrong_difference(x, units, *pair))


def _wrong_difference(x: Scene, units: list[list[Neuron]], minuend: int, subtrahend: int) -> str | None:
    """Run the layers one after the other on concrete numbers."""
    width = x.target.width
    stream = dict(zip(x.target.coordinates, encode(minuend, width), strict=True))
    stream |= dict(zip(x.source.coordinates, encode(subtrahend, width), strict=True))
    stream[x.flag.offset] = 1
    for layer in units:
        for c, value in added_by(layer, stream).items():
            stream[c] += value
    got = decode([stream[c] for c in x.target.coordinates])
    return None if got == minuend - subtrahend else f"{minuend} - {subtrahend} gives {got} at width {width}"


def deciding(claims: Claims) -> Callable[[int, Budget], Outcome]:
    """Decide all claims of a family at a width."""
    return lambda width, budget: conclude(finding for claim in claims(width) for finding in claim.decide(budget))


ON_WEIGHTS = "z3, neurons"

LEMMAS = (
    Lemma(
        "gadget.copy",
        "copy(src -> dst): dst += src, for all ternary src; nothing where a condition fails",
        f"{PAPER}: copy",
        ON_WEIGHTS,
        deciding(copies),
    ),
    Lemma(
        "gadget.zero",
        "zero(t): t becomes 0, for all ternary t; unchanged where a condition fails",
        f"{PAPER}: zero",
        ON_WEIGHTS,
        deciding(zeros),
    ),
    Lemma(
        "gadget.map",
        "map(inputs -> out, table): out += value of the row that equals the inputs, none else, for all flags in {0,1} "
        "and all ternary values of +-1 registers; nothing where a condition fails (tables: all 2^r rows up to "
        f"r = {FULL_TABLE_WIDTH}, then 2r + 3 of them)",
        f"{PAPER}: map",
        ON_WEIGHTS,
        deciding(maps),
    ),
    Lemma(
        "gadget.decrement",
        "decrement(src -> dst, 2^k), every k < r: dst += enc(max(x - 2^k, 0)) for src = enc(x), all x < 2^r; "
        "dst += 0 for src = 0; nothing where a condition fails",
        f"{PAPER}: decrement",
        ON_WEIGHTS,
        deciding(decrements),
        rests_on=("arithmetic.decrement",),
    ),
    Lemma(
        "gadget.decrement-in-place",
        "decrement in place by 2^k, every k < r: t = enc(x) becomes enc(max(x - 2^k, 0)), all x < 2^r; t = 0 stays 0; "
        "unchanged where a condition fails",
        f"{PAPER}: decrement in place",
        ON_WEIGHTS,
        deciding(decrements_in_place),
        rests_on=("arithmetic.decrement",),
    ),
    Lemma(
        "gadget.subtract",
        "subtract, r layers: minuend enc(m) becomes enc(m - s) for subtrahend enc(s), all s <= m < 2^r; unchanged "
        "where the condition fails or the subtrahend is all 0",
        f"{PAPER}: subtract",
        f"{ON_WEIGHTS}; exhaustive, r <= {SUBTRACT_EXHAUSTIVE_WIDTH}",
        _subtract,
        rests_on=("arithmetic.decrement", "arithmetic.subtract"),
    ),
    Lemma(
        "gadget.move",
        "move(inp, mv -> out): out becomes enc(x+1), enc(max(x-1, 0)), enc(x) for mv = R, L, S and inp = enc(x), "
        "x + 1 < 2^r for R, whatever out was; 0 for inp = 0; unchanged where a condition fails",
        f"{PAPER}: move",
        ON_WEIGHTS,
        deciding(moves),
        rests_on=("arithmetic.decrement", "arithmetic.increment"),
    ),
    Lemma(
        "gadget.or",
        "or of n flags, every n <= r: out += 1 when some flag is 1, else 0; relu(sum) - relu(sum - 1)",
        f"{PAPER}: summarized, layer L2+3",
        ON_WEIGHTS,
        deciding(disjunctions),
    ),
)
