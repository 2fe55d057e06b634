"""Composed models: proved bounds against every step simulated in exact numbers, thousands of times."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.composed import NotShown
from exactformer.verify.arithmetic.formats import FP32, FormatOverflow, round_to
from exactformer.verify.arithmetic.kernels import KERNELS, folded_exp2_ulps
from exactformer.verify.arithmetic.models import Fused, ModelError, Rounded, parse_arithmetic
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, Holds, decide, smallest_beta
from exactformer.verify.arithmetic.steps import Quotient
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.counting import Subject, network_size
from tests.arithmetic.composing import STYLES, Position, Simulation

ACCUMULATORS = (
    "float(4,-6,8)",
    "e4m3fn",
    "float(3,-4,3)",
    "float(5,-40,8)",
    "float(6,-10,6)",
    "float(8,-12,8)",
    "float(9,-60,0)",
    "fp16",
    "fp32",
)
WEIGHTS = (
    "float(2,-2,1)",
    "float(3,-4,3)",
    "float(3,-3,0)",
    "e4m3fn",
    "float(5,-9,4)",
    "fixed2",
    "fixed4",
    "bf16",
    "fp16",
)
ACTIVATIONS = ("float(2,-1,1)", "float(3,-4,3)", "e4m3fn", "e5m2", "fixed2", "fixed3.1", "float(5,-8,8)")
BETAS = (1, 2, 4, 8, 16, 64)
PARTS, CASES = 4, 300


def random_model(rng: random.Random) -> Rounded | Fused:
    """Some composed model whose accumulator holds its weights."""
    while True:
        kind, acc = rng.choice(("fused", "fused", "rounded")), rng.choice(ACCUMULATORS)
        steps = ""
        if rng.random() < 0.5:
            steps += f"+exp{rng.choice((1, 1, 2, 5, 40))}" + rng.choice(("", "-one"))
        if kind == "fused":
            steps += rng.choice(("", f"+online{rng.randint(1, 5)}"))
            steps += rng.choice(("", "+wide"))
        steps += rng.choice(("", "", "+faithful"))
        if kind == "fused":
            steps += rng.choice(("", "+divide", "+reciprocal"))
        steps += rng.choice(("", "", "+truncate"))
        try:
            model = parse_arithmetic(f"{kind}:{rng.choice(WEIGHTS)}/{acc}/{rng.choice(ACTIVATIONS)}{steps}")
        except ModelError:
            continue
        assert isinstance(model, Rounded | Fused)
        if model.composed:
            return model


def random_positions(rng: random.Random, separation: int, ties: int, visible: int, value: int) -> list[Position]:
    """Maximisers that share a value, and others at least ``separation`` below, in any order."""
    positions = [Position(0, value)] * ties
    spread = rng.choice((0, 0, 1, 6))
    tilt = rng.choice((-1, 0, 1))
    for _ in range(visible - ties):
        positions.append(Position(-separation - rng.randint(0, spread), tilt or rng.choice((-1, 0, 1))))
    if rng.random() < 0.5:
        rng.shuffle(positions)
    elif rng.random() < 0.8:
        positions.reverse()
    return positions


def histogram(positions: list[Position]) -> dict[int, tuple[int, int, int]]:
    gaps: dict[int, tuple[int, int, int]] = {}
    for p in positions:
        count, plus, minus = gaps.get(-p.score, (0, 0, 0))
        gaps[-p.score] = count + 1, plus + (p.value == 1), minus + (p.value == -1)
    return gaps


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_simulated_is_within_what_is_proved(part: int) -> None:
    rng, seen = random.Random(f"composed {part}"), Counter[str]()
    for _ in range(CASES):
        model, beta, separation = random_model(rng), rng.choice(BETAS), rng.choice((1, 1, 2))
        visible = rng.randint(1, 12)
        ties = rng.choice((visible, rng.randint(1, visible), 1))
        context = visible + rng.choice((0, 0, rng.randint(0, 5)))
        fewest = rng.randint(1, ties)
        facts = HeadFacts(separation, tuple(sorted({fewest, ties})), context)
        decision = decide(model, facts, beta)
        up_to = decide_ties(model, TieFacts(separation, context, context), beta).up_to
        for value in (1, 0, -1):
            positions = random_positions(rng, separation, ties, visible, value)
            if value == 0:
                positions = random_positions(rng, separation, rng.randint(1, visible), visible, value)
            for style in STYLES:
                simulation = Simulation(model, beta, rng, style)
                try:
                    result = simulation.run(positions)
                except (FormatOverflow, ZeroDivisionError):
                    assert decision.bounds is None
                    seen["overflow"] += 1
                    continue
                if isinstance(decision, Holds):
                    seen["holds"] += 1
                    assert result == value, (model.text, beta, facts, positions, simulation)
                if value and up_to >= ties:
                    seen["ties"] += 1
                    assert result == value, (model.text, beta, up_to, positions, simulation)
                if decision.bounds is not None:
                    check_bounds(decision, value, simulation)
                    seen["bounded"] += 1
                seen["query"] += check_query(model, beta, positions, result)
    assert all(seen[what] > least for what, least in (("holds", 300), ("ties", 150), ("bounded", 700), ("query", 500)))


def check_bounds(decision: Holds | Fails, value: int, simulation: Simulation) -> None:
    bounds, last = decision.bounds, simulation.last
    assert bounds is not None
    assert last is not None
    if value == 0:
        assert abs(last) <= bounds.zero_bound, simulation
    else:
        assert bounds.one_low is not None
        assert bounds.one_high is not None
        assert bounds.one_low <= last * value <= bounds.one_high, simulation


def check_query(model: Rounded | Fused, beta: int, positions: list[Position], result: Fraction) -> bool:
    """Whether the query is enclosed at all; if it is, in what is right."""
    try:
        low, high = evaluate_query(model, beta, histogram(positions))
    except (FormatOverflow, NotShown):
        return False
    assert low <= result <= high, (model.text, beta, positions)
    return True


def test_once_rounds_scores_before_anything_else() -> None:
    """Scores that are rounded once keep the effective separation, and queries simulated with them the hardmax value."""
    rng, held = random.Random(19), 0
    for _ in range(400):
        base, *names = random_model(rng).text.split("+")
        model = parse_arithmetic("+".join([f"{base}@float(3,0,8)", "once", *names]))
        assert isinstance(model, Rounded | Fused)
        largest, separation = rng.randint(4, 20), rng.randint(1, 6)
        top, beta = rng.randint(separation - largest, largest), rng.choice(BETAS)
        below = [rng.randint(-largest, top - separation) for _ in range(rng.randint(0, 6))] if largest else []
        decision = decide(model, HeadFacts(separation, (1,), 1 + len(below), largest), beta)
        if isinstance(decision, Holds):
            held += 1
            scores = [int(round_to(model.scores, Fraction(score))) for score in (top, *below)]
            positions = [Position(score, rng.choice((-1, 0, 1))) for score in scores]
            positions[0] = Position(scores[0], 1)
            assert Simulation(model, beta, rng, "random").run(positions) == 1, (model.text, positions)
    assert held > 30


@pytest.mark.parametrize("text", ["fused:{}/{}/{}", "fused:{}/{}/{}+wide", "rounded:{}/{}/{}"])
def test_the_least_beta_is_found_by_bisection(text: str) -> None:
    """What holds at one beta holds at all larger ones: bisection finds what a scan finds."""
    rng = random.Random(text)
    for _ in range(60):
        steps = random_model(rng).steps
        steps = steps if text.startswith("fused") else replace(steps, block=None, wide=False, quotient=Quotient.EXACT)
        wide = replace(steps, wide=steps.wide or "wide" in text)
        base = text.partition("+")[0].format(rng.choice(WEIGHTS[:5]), "fp32", rng.choice(ACTIVATIONS))
        model = parse_arithmetic(base + wide.text)
        context = rng.choice((3, 60, 1 << 10))
        facts = TieFacts(rng.choice((1, 2)), rng.choice((1, context)), context)
        scan = [1 << e for e in range(13) if decide_ties(model, facts, 1 << e).up_to == facts.most]
        assert smallest_beta_for_ties(model, facts, 12) == (scan[0] if scan else None), model.text
        head = HeadFacts(facts.separation, (1, context), context)
        scan = [1 << e for e in range(13) if isinstance(decide(model, head, 1 << e), Holds)]
        assert smallest_beta(model, head, 12) == (scan[0] if scan else None), model.text


PLAIN = (
    "fused:bf16",
    "fused:fp16",
    "fused:e4m3fn/fp16/bf16",
    "fused:e5m2/fp32/e5m2",
    "fused:float(3,-4,3)/e4m3fn/e4m3fn",
)


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("step", ["+divide", "+online70", "+wide"])
def test_steps_that_change_little_are_no_better_than_none(text: str, step: str) -> None:
    """With these steps, what is proved of a plain model is proved at the same beta or a larger one, and the reverse;
    a sum that swallows what is tiny is exact in a composed model only."""
    plain, stepped = parse_arithmetic(text), parse_arithmetic(text + step)
    for context in (1, 2, 64):
        for most in sorted({1, context}):
            facts = TieFacts(1, most, context)
            least, other = (smallest_beta_for_ties(model, facts, 12) for model in (plain, stepped))
            assert (least is None) == (other is None)
            if least is not None and other is not None:
                assert other <= 4 * least
                if step == "+divide":
                    assert other <= least


def test_known_numbers() -> None:
    """The least beta, and how many writes of a cell are proved, for kernels as named, at D = 1."""

    def proved(name: str, exponent: int, beta: int) -> tuple[int, int]:
        model, facts = parse_arithmetic(f"kernel:{name}"), TieFacts(1, 1 << exponent, 1 << exponent)
        return decide_ties(model, facts, beta // 2).up_to, decide_ties(model, facts, beta).up_to

    assert proved("cpu-bf16", 24, 128) == (0, 1 << 24)
    assert proved("cpu-fp16", 16, 32) == (0, 1 << 16)
    assert proved("flash-bf16", 8, 128) == (0, 256)
    assert proved("flash-bf16", 24, 128) == (0, 8192)
    assert proved("math-bf16", 32, 128) == (0, 20480)
    assert proved("eager-bf16", 8, 128) == (0, 60)
    assert proved("eager-fp16", 8, 32) == (0, 10)


@pytest.mark.parametrize("name", KERNELS)
def test_named_kernels_are_canonical_and_their_scores_in_range(name: str) -> None:
    kernel = KERNELS[name]
    model = parse_arithmetic(f"kernel:{name}")
    assert model.text == kernel.arithmetic
    if kernel.largest_score is not None:
        exponent = 8 if name == "flash-fp16" else 24
        size = network_size(Paradigm.COT, Subject.of_machine(load_machine("binary-addition")), exponent)
        least = smallest_beta_for_ties(model, TieFacts(1, 1, 1 << exponent), 20)
        assert least is not None
        assert least * size.dimensions.query_width <= kernel.largest_score


def test_the_folded_exponential_errs_by_less_than_is_said() -> None:
    """exp2 of the fused product, in exact numbers with log2 e to 60 bits, at the query's highest score."""
    log2e = Fraction(1663338321830452811, 1 << 60)
    ln2 = Fraction(799144290325165979, 1153 * 10**15)
    for exponent in (8, 13, 15):
        for score in range((1 << exponent) * 2 // 3 - 40, (1 << exponent) * 2 // 3):
            folded = round_to(FP32, log2e)
            argument = abs(score * folded - round_to(FP32, score * folded))
            assert ln2 * argument * (1 << 23) <= folded_exp2_ulps(exponent), score


def test_positions_at_one_gap_may_have_been_rescaled_or_not() -> None:
    """One before the maximum is met, one behind it: their weights differ, and the values 1 and -1 do not cancel."""
    model = parse_arithmetic("fused:fixed1/fp16/float(3,-4,3)+online1+wide")
    assert isinstance(model, Fused)
    positions = [Position(-1, 1), Position(0, 0), Position(-1, -1)]
    result = Simulation(model, 1, random.Random(0), "random").run(positions)
    assert result < 0
    assert check_query(model, 1, positions, result)
