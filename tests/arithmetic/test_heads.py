"""Heads: proved bounds against every step simulated in exact numbers, thousands of times."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.formats import FP32, FormatOverflow, round_to
from exactformer.verify.arithmetic.groups import Group, Query, Value, sharing, sharing_zero
from exactformer.verify.arithmetic.heads import Output, output
from exactformer.verify.arithmetic.kernels import KERNELS, folded_exp2_ulps
from exactformer.verify.arithmetic.models import Fused, ModelError, Rounded, is_plain, parse_arithmetic
from exactformer.verify.arithmetic.query import evaluate_query, query_of
from exactformer.verify.arithmetic.quotient_of_sums import QuotientOfSums
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties
from exactformer.verify.arithmetic.softmax import HeadFacts, Holds, decide, smallest_beta
from exactformer.verify.arithmetic.steps import Quotient
from exactformer.verify.arithmetic.sum_of_quotients import SumOfQuotients
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
        if not is_plain(model):
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


PLAIN_ACCUMULATORS = (*ACCUMULATORS, "fixed4.5", "fixed9", "fixed2.2", "fixed12.8")


def random_plain(rng: random.Random) -> Rounded | Fused:
    """Some model without steps after the scores."""
    while True:
        weights, activations = rng.choice(WEIGHTS), rng.choice(ACTIVATIONS)
        text = f"rounded:{weights}/{activations}"
        if rng.random() < 0.6:
            text = f"fused:{weights}/{rng.choice(PLAIN_ACCUMULATORS)}/{activations}"
        try:
            model = parse_arithmetic(text)
        except ModelError:
            continue
        assert isinstance(model, Rounded | Fused)
        return model


def bounded(model: Rounded | Fused, query: Query) -> Output | None:
    try:
        return output(model, query)
    except NotShown:
        return None


def simulated(model: Rounded | Fused, beta: int, rng: random.Random, positions: list[Position]) -> list[Simulation]:
    """Runs in all styles, ``result`` set where nothing overflows."""
    runs = []
    for style in STYLES:
        runs.append(Simulation(model, beta, rng, style))
        try:
            runs[-1].result = runs[-1].run(positions)
        except (FormatOverflow, ZeroDivisionError):
            runs[-1].result = None
    return runs


def require_within(found: Output | None, run: Simulation, sign: int, about: object) -> bool:
    """Whether anything is known at all; if it is, it has to be right. sign: -1 for a mirrored query."""
    if found is None:
        return False
    assert run.result is not None, (run.model.text, about, "overflows")
    assert run.last is not None
    assert found.before.low <= run.last * sign <= found.before.high, (run.model.text, about, run)
    assert found.after.low <= run.result * sign <= found.after.high, (run.model.text, about, run)
    return True


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_simulated_is_within_what_is_proved(part: int) -> None:
    """Cases: a range of numbers of maximisers that share 1 or -1, any number that share 0; and the query itself."""
    rng, seen = random.Random(f"heads {part}"), Counter[str]()
    for _ in range(CASES):
        model = random_model(rng) if rng.random() < 0.7 else random_plain(rng)
        beta, separation = rng.choice(BETAS), rng.choice((1, 1, 2))
        visible = rng.randint(1, 12)
        ties = rng.choice((visible, rng.randint(1, visible), 1))
        context = visible + rng.choice((0, 0, rng.randint(0, 5)))
        fewest, most = rng.randint(1, ties), rng.randint(ties, context)
        one = bounded(model, sharing(fewest, most, beta * separation, context))
        zero = bounded(model, sharing_zero(beta * separation, context))
        decision = decide(model, HeadFacts(separation, tuple(sorted({fewest, ties})), context), beta)
        up_to = decide_ties(model, TieFacts(separation, context, context), beta).up_to
        for value in (1, 0, -1):
            positions = random_positions(rng, separation, ties, visible, value)
            if value == 0:
                positions = random_positions(rng, separation, rng.randint(1, visible), visible, value)
            alone = bounded(model, query_of(beta, histogram(positions)))
            for run in simulated(model, beta, rng, positions):
                about = (beta, separation, fewest, most, context, positions)
                seen["bounded"] += require_within(one if value else zero, run, value or 1, about)
                seen["query"] += require_within(alone, run, 1, about)
                if isinstance(decision, Holds):
                    seen["holds"] += 1
                    assert run.result == value, (model.text, about)
                if value and up_to >= ties:
                    seen["ties"] += 1
                    assert run.result == value, (model.text, up_to, about)
    assert all(seen[what] > least for what, least in (("holds", 300), ("ties", 150), ("bounded", 600), ("query", 500)))


def some_value(rng: random.Random) -> Fraction:
    return Fraction(rng.choice((-1, 1)) * rng.randint(0, 64), rng.choice((1, 7, 16, 64)))


@pytest.mark.parametrize("part", range(PARTS))
def test_values_that_are_not_ternary(part: int) -> None:
    """Products are rounded, or fused with additions, and may underflow; values are known exactly or within a little."""
    rng, seen = random.Random(f"values {part}"), Counter[str]()
    for _ in range(CASES):
        model = random_model(rng) if rng.random() < 0.7 else random_plain(rng)
        beta, spread = rng.choice(BETAS), rng.choice((Fraction(0), Fraction(0), Fraction(1, 8)))
        groups, positions = [], list[Position]()
        for gap in [0, *sorted(rng.sample(range(1, 6), rng.randint(0, 2)))]:
            count, value = rng.choice((1, 1, 2, 5)), some_value(rng)
            inside = Value(value - spread, value + spread, ternary=False)
            more = rng.choice((0, 0, 2))
            groups.append(Group(max(0 if gap else 1, count - more), count + more, beta * gap, beta * gap, inside))
            values = [rng.choice((inside.low, value, inside.high)) for _ in range(count)]
            positions += [Position(-gap, value) for value in values]
        rng.shuffle(positions)
        found = bounded(model, Query(tuple(groups), len(positions) + 4))
        for run in simulated(model, beta, rng, positions):
            seen["bounded"] += require_within(found, run, 1, (beta, groups, positions))
    assert seen["bounded"] > 300, seen


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
    """What holds at one beta holds at all larger betas: bisection finds what a scan finds."""
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
    assert proved("flash-bf16", 24, 128) == (0, 10613)
    assert proved("math-bf16", 32, 128) == (0, 32768)
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
    """One comes before the maximum, one after it: their weights differ, and the values 1 and -1 do not cancel."""
    model = parse_arithmetic("fused:fixed1/fp16/float(3,-4,3)+online1+wide")
    assert isinstance(model, Fused)
    positions = [Position(-1, 1), Position(0, 0), Position(-1, -1)]
    result = Simulation(model, 1, random.Random(0), "random").run(positions)
    assert result < 0
    low, high = evaluate_query(model, 1, histogram(positions))
    assert low <= result <= high


def test_what_is_swallowed_is_missing_from_the_mean() -> None:
    """1 - exp(-24) is 1 in fp32, as is 1 + exp(-24): the quotient is 1, not the mean of the values."""
    model = parse_arithmetic("fused:fp32/fp32/fp32")
    assert isinstance(model, Fused)
    bounds = list(QuotientOfSums.of(model, query_of(8, {0: (1, 1, 0), 3: (1, 0, 1)})).bounds())
    assert bounds
    assert all(bound.low <= 1 <= bound.high for bound in bounds)


def test_weights_are_rounded_twice_and_equal_quotients_may_become_different_ones() -> None:
    query = sharing(1, 60, None, 60)
    for text, alike in (("rounded:bf16/bf16/bf16", True), ("rounded:bf16/bf16/bf16+faithful", False)):
        model = parse_arithmetic(text)
        assert isinstance(model, Rounded)
        head = SumOfQuotients.of(model, query)
        first, second = Fraction(1, 257) if alike else Fraction(1, 128), Fraction(1, 257)
        assert head._error(0, Fraction(1)) == first + second * (1 + first)
        assert [term.alike for term in head.terms] == [alike]
