"""From observations to a verdict, and refutations evaluated a second time without the code that found them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from random import Random

import flint
import numpy as np
import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import smallest_context
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify import refutation
from exactformer.verify.arithmetic.formats import FloatFormat
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, ModelError, Rounded, parse_arithmetic
from exactformer.verify.arithmetic.query import Histogram, evaluate_query
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, Holds, decide
from exactformer.verify.assessment import (
    Assessment,
    BetaError,
    assess,
    facts_of,
    least_beta_within_half,
    prove_lookups,
)
from exactformer.verify.hardmax.observe import Observations, observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.refutation import Witness
from exactformer.verify.separation import SeparationNotProved
from exactformer.verify.verdict import Verdict
from tests.hardmax.naive import naive_forward, naive_scores, with_head


@dataclass(frozen=True, eq=False)
class Evidence:
    """Some runs of a machine, observed."""

    prepared: PreparedNetwork
    sequences: tuple[TokenSequence, ...]
    observations: Observations
    context: int


@cache
def evidence(name: str, words: tuple[str, ...], paradigm: Paradigm = Paradigm.COT) -> Evidence:
    machine = load_machine(name)
    runs = [trace(machine, word) for word in words]
    context = smallest_context(paradigm, runs)
    r = position_bits_for(context, paradigm)
    prepared = PreparedNetwork(construct(paradigm, machine, r))
    sequences = tuple(sequence for run in runs for sequence in sequences_of(paradigm, run, r))
    return Evidence(prepared, sequences, observe(prepared, sequences), context)


@cache
def assessed(of: Evidence, arithmetic: str, beta: int | None = None, context: int | None = None) -> Assessment:
    model = parse_arithmetic(arithmetic)
    return assess(of.prepared, of.sequences, of.observations, model, context or of.context, beta)


def rewriting(writes: int) -> Evidence:
    """A run that writes one cell so many times."""
    return evidence("rewrite", ("1" * (writes - 1),))


INCREMENT = ("increment", ("1011",))


@dataclass(frozen=True)
class Due:
    """A question, and the verdict that is due."""

    arithmetic: str
    verdict: Verdict
    why: str
    beta: int | None = None
    context: int | None = None
    name: str = "increment"
    words: tuple[str, ...] = ("1011",)
    paradigm: Paradigm = Paradigm.COT

    def __str__(self) -> str:
        return f"{self.arithmetic}, {self.why}"


CERTIFIED, REFUTED, INCONCLUSIVE = Verdict.CERTIFIED, Verdict.REFUTED, Verdict.INCONCLUSIVE
DUE = (
    Due("rounded:fp32/bf16", CERTIFIED, "smallest beta"),
    Due("rounded:bf16/bf16", CERTIFIED, "few ties"),
    Due("rounded:fp16/bf16", CERTIFIED, "smallest beta"),
    Due("fused:bf16", CERTIFIED, "smallest beta"),
    Due("fused:fp16", CERTIFIED, "smallest beta"),
    Due("fused:e4m3fn/fp32/e4m3fn", CERTIFIED, "smallest beta"),
    Due("rounded:fixed20/fixed12", CERTIFIED, "fixed point"),
    Due("fused:bf16", CERTIFIED, "larger beta given", beta=1024),
    Due("fused:bf16", CERTIFIED, "several runs", words=("1011", "0", "11")),
    Due("fused:bf16", CERTIFIED, "segments", name="binary-counter", words=("00",), paradigm=Paradigm.SCOT),
    Due("fused:bf16", CERTIFIED, "largest context", context=2**64),
    Due("rounded:fp32/bf16", REFUTED, "beta too small", beta=1),
    Due("rounded:bf16/bf16", REFUTED, "beta too small", beta=16),
    Due("fused:bf16", REFUTED, "beta too small", beta=1),
    Due("fused:fp16", REFUTED, "beta too small", beta=4),
    Due("rounded:fixed20/fixed12", REFUTED, "beta too small", beta=1),
    Due("fused:bf16", REFUTED, "segments, beta too small", 2, None, "binary-counter", ("00",), Paradigm.SCOT),
    Due("rounded:bf16/bf16", REFUTED, "61 writes", name="rewrite", words=("1" * 60,)),
    Due("exact", INCONCLUSIVE, "nothing rounds back"),
    Due("exact", INCONCLUSIVE, "beta given", beta=2**20),
    Due("rounded:fp16/fp16", INCONCLUSIVE, "no run is long enough to refute", beta=32, context=2**40),
    Due(
        "fused:e4m3fn/e4m3fn/e4m3fn", INCONCLUSIVE, "17 ones are not counted exactly", name="rewrite", words=("1" * 16,)
    ),
)


@pytest.mark.parametrize("due", DUE, ids=str)
def test_the_verdict_is_the_one_that_is_due(due: Due) -> None:
    found = assessed(evidence(due.name, due.words, due.paradigm), due.arithmetic, due.beta, due.context)
    assert found.verdict is due.verdict
    assert (found.refutation is not None) == (due.verdict is REFUTED)
    if due.beta is not None:
        assert found.beta == due.beta
    decisions = [case.decision for case in found.cases]
    if due.verdict is CERTIFIED:
        assert all(isinstance(decision, Holds) for decision in decisions)
        assert all(case.least_beta is not None and case.least_beta <= (found.beta or 0) for case in found.cases)
    elif found.beta is not None:
        assert any(isinstance(decision, Fails) for decision in decisions)


@pytest.mark.parametrize("due", [due for due in DUE if due.verdict is CERTIFIED and due.beta is None], ids=str)
def test_half_the_smallest_beta_does_not_certify(due: Due) -> None:
    of = evidence(due.name, due.words, due.paradigm)
    found = assessed(of, due.arithmetic, context=due.context)
    assert found.beta is not None
    assert found.beta == max(case.least_beta or 0 for case in found.cases)
    assert assessed(of, due.arithmetic, found.beta // 2, due.context).verdict is not CERTIFIED
    assert assessed(of, due.arithmetic, found.beta, due.context).verdict is CERTIFIED
    assert assessed(of, due.arithmetic, found.beta * 2, due.context).verdict is CERTIFIED


SMALLEST_FAILING_TIE = {
    "rounded:bf16/bf16": 61,
    "rounded:fp16/fp16": 11,
    "rounded:fp32/fp32": 41,
    "rounded:e4m3fn/e4m3fn": 19,
    "rounded:e5m2/e5m2": 29,
    "rounded:bf16/fp32": 3,
    "rounded:bf16/fp16": 3,
}


@pytest.mark.parametrize("arithmetic", SMALLEST_FAILING_TIE)
def test_the_smallest_number_of_writes_that_breaks_an_arithmetic(arithmetic: str) -> None:
    writes = SMALLEST_FAILING_TIE[arithmetic]
    assert assessed(rewriting(writes - 1), arithmetic).verdict is CERTIFIED
    found = assessed(rewriting(writes), arithmetic)
    assert found.verdict is REFUTED
    assert found.beta is None
    assert found.refutation is not None
    last = found.refutation.witnesses[-1]
    assert (last.head.name, last.maximisers, last.hardmax) == ("written_2", writes, 1)
    assert last.low == last.high != 1


@pytest.mark.parametrize("arithmetic", ["rounded:fp32/bf16", "rounded:fp16/bf16", "fused:bf16", "fused:fp16"])
def test_one_more_bit_or_a_fused_sum_takes_61_writes(arithmetic: str) -> None:
    found = assessed(rewriting(61), arithmetic)
    assert found.verdict is CERTIFIED
    assert max(max(case.facts.ties, default=0) for case in found.cases) == 61


def test_61_writes_refute_every_beta_that_is_admitted() -> None:
    found = assessed(rewriting(61), "rounded:bf16/bf16")
    assert found.refutation is not None
    witnesses = found.refutation.witnesses
    assert (witnesses[0].first, witnesses[-1].last) == (0, found.largest_exponent)
    assert 31 * 2**found.largest_exponent < 2**128 < 31 * 2 ** (found.largest_exponent + 1)  # r = 8: 4r - 1 products
    assert [one.last + 1 for one in witnesses[:-1]] == [one.first for one in witnesses[1:]]
    assert witnesses[-1].first < 8
    assert witnesses[-1].low == Fraction(255, 256)
    (failing,) = [case for case in found.cases if case.least_beta is None]
    assert 61 in failing.facts.ties


# A second evaluation: scores one by one from a naive forward pass, exp by ball arithmetic, own rounding.


def rounded(number_format: FloatFormat, x: Fraction) -> Fraction:
    """To nearest, ties to even, no overflow."""
    if x == 0:
        return x
    exponent = number_format.emin
    while abs(x) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    quantum = Fraction(2) ** (exponent - number_format.precision + 1)
    return round(x / quantum) * quantum  # Python rounds halves of a Fraction to even


TINY = Fraction(1, 2**4000)


def ends(ball: flint.arb) -> tuple[Fraction, Fraction]:
    """Rationals that enclose a ball of a number in [0, 1]."""
    found: list[Fraction] = []
    for end in (ball.lower(), ball.upper()):
        mantissa, exponent = end.man_exp()
        if exponent < -3000:
            found.append(Fraction(0) if not found or mantissa < 0 else TINY)
        else:
            found.append(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))
    return found[0], found[1]


def determined(number_format: FloatFormat, ball: flint.arb) -> Fraction:
    low, high = (rounded(number_format, end) for end in ends(ball))
    assert low == high, "more precision is needed"
    return low


Positions = list[tuple[int, int]]
"""(gap, value) of every visible position."""


def results(model: ArithmeticModel, beta: int, positions: Positions) -> list[Fraction]:
    """What the model computes: one result, or one for each of a few orders of accumulation."""
    flint.ctx.prec = 500
    gaps = {gap for gap, _ in positions}
    exps = {gap: (flint.arb(-beta * gap)).exp() for gap in gaps}
    if isinstance(model, Rounded):
        total = sum((exps[gap] for gap, _ in positions), flint.arb(0))
        assert isinstance(model.weights, FloatFormat)
        assert isinstance(model.activations, FloatFormat)
        weights = {gap: determined(model.weights, exps[gap] / total) for gap in gaps}
        return [rounded(model.activations, sum((weights[gap] * value for gap, value in positions), Fraction(0)))]
    assert isinstance(model, Fused)
    assert isinstance(model.weights, FloatFormat)
    assert isinstance(model.accumulator, FloatFormat)
    assert isinstance(model.activations, FloatFormat)
    weights = {gap: determined(model.weights, exps[gap]) for gap in gaps}
    found = []
    for seed in range(6):
        order = list(positions)
        Random(seed).shuffle(order)
        numerator = denominator = Fraction(0)
        for gap, value in order:
            numerator = rounded(model.accumulator, numerator + weights[gap] * value)
            denominator = rounded(model.accumulator, denominator + weights[gap])
        found.append(rounded(model.activations, numerator / denominator))
    return found


def witnessed_positions(of: Evidence, witness: Witness) -> Positions:
    network = of.prepared.network
    head = network.layers[witness.layer - 1].heads[witness.index]
    assert head == witness.head
    sequence = of.sequences[witness.query.sequence]
    x = naive_forward(network, sequence.tokens[: sequence.read])[2 * (witness.layer - 1)]
    scores = naive_scores(head, x.astype(np.int8), witness.query.token)
    values = x[head.value[witness.row], : witness.query.token + 1].tolist()
    return [(max(scores) - score, value) for score, value in zip(scores, values, strict=True)]


def contradiction(of: Evidence, model: ArithmeticModel, witness: Witness) -> str:
    """What a second evaluation holds against a witness; empty when it agrees."""
    positions = witnessed_positions(of, witness)
    top = [value for gap, value in positions if gap == 0]
    if len(top) != witness.maximisers or set(top) != {witness.hardmax}:
        return "the maximisers"
    for exponent in {witness.first, (witness.first + witness.last) // 2, witness.last}:
        for result in results(model, 2**exponent, positions):
            if result == witness.hardmax:
                return f"hardmax's value at beta = 2^{exponent}"
            if not witness.low <= result <= witness.high:
                return f"{result} at beta = 2^{exponent}"
    return ""


REFUTATIONS = [due for due in DUE if due.verdict is REFUTED and "fixed" not in due.arithmetic]


@pytest.mark.parametrize("due", REFUTATIONS, ids=str)
def test_witnesses_hold_when_evaluated_again(due: Due) -> None:
    of = evidence(due.name, due.words, due.paradigm)
    found = assessed(of, due.arithmetic, due.beta, due.context)
    assert found.refutation is not None
    for witness in found.refutation.witnesses:
        assert contradiction(of, found.model, witness) == "", witness
    exponents = range(found.largest_exponent + 1) if due.beta is None else [due.beta.bit_length() - 1]
    covered = [e for one in found.refutation.witnesses for e in range(one.first, one.last + 1)]
    assert covered == list(exponents)


def test_thousands_of_exponents_are_not_evaluated_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats with large exponents admit beta up to 2^4093; from 2^13 on nothing changes any more."""
    asked: list[int] = []

    def counted(model: ArithmeticModel, beta: int, gaps: Histogram) -> tuple[Fraction, Fraction]:
        asked.append(beta)
        return evaluate_query(model, beta, gaps)

    of, wide = rewriting(3), parse_arithmetic("rounded:bf16/float(11,-14,4096)@float(24,-126,4096)")
    monkeypatch.setattr(refutation, "evaluate_query", counted)
    found = assess(of.prepared, of.sequences, of.observations, wide, of.context)
    assert found.largest_exponent > 4000
    assert found.refutation is not None
    witnesses = found.refutation.witnesses
    assert (witnesses[0].first, witnesses[-1].last) == (0, found.largest_exponent)
    assert len(asked) < 50
    assert contradiction(of, wide, replace(witnesses[-1], first=13, last=14)) == ""


def test_witnesses_that_are_wrong_are_noticed() -> None:
    of = evidence(*INCREMENT)
    found = assessed(of, "rounded:bf16/bf16", 2)
    assert found.refutation is not None
    (witness,) = found.refutation.witnesses
    assert contradiction(of, found.model, witness) == ""
    assert contradiction(of, found.model, replace(witness, maximisers=witness.maximisers + 1)) == "the maximisers"
    assert contradiction(of, found.model, replace(witness, hardmax=1 - witness.hardmax)) == "the maximisers"
    assert "at beta = 2^1" in contradiction(of, found.model, replace(witness, high=witness.low - 1))
    assert "hardmax's value" in contradiction(of, found.model, replace(witness, first=20, last=20))


@pytest.mark.parametrize("arithmetic", ["rounded:bf16/bf16", "fused:bf16", "rounded:fp16/fp16"])
def test_certified_queries_give_the_hardmax_value_when_evaluated(arithmetic: str) -> None:
    """The other way round: where a head is certified, the second evaluation finds the hardmax value everywhere."""
    of = evidence("increment", ("11",))
    found = assessed(of, arithmetic)
    assert found.beta is not None
    network, (sequence,) = of.prepared.network, of.sequences
    naive = naive_forward(network, sequence.tokens)
    for number, layer in enumerate(network.layers, start=1):
        x = naive[2 * (number - 1)]
        for head in (head for head in layer.heads if head.kind is HeadKind.CONTENT):
            for query in range(3, len(sequence), 9):
                scores = naive_scores(head, x.astype(np.int8), query)
                for coordinate in head.value[:1]:
                    values = x[coordinate, : query + 1].tolist()
                    positions = [(max(scores) - score, value) for score, value in zip(scores, values, strict=True)]
                    hardmax = next(value for gap, value in positions if gap == 0)
                    assert set(results(found.model, found.beta, positions)) == {hardmax}


# What leads to a verdict.


def test_cases_are_the_different_facts_and_every_head_has_one() -> None:
    of = evidence(*INCREMENT)
    found = assessed(of, "fused:bf16")
    facts = [facts_of(observed, of.context) for observed in of.observations.heads]
    assert [found.cases[place].facts for place in found.case_of_head] == facts
    assert len({case.facts for case in found.cases}) == len(found.cases) == len(set(facts))
    for observed, fact in zip(of.observations.heads, facts, strict=True):
        assert fact.ties == tuple(sorted(observed.ties))
        assert fact.separation == (2 if observed.head.kind is HeadKind.LOOKUP else observed.separation)


def test_a_look_up_is_taken_at_what_is_proved_not_at_what_is_seen() -> None:
    observed = next(each for each in evidence(*INCREMENT).observations.heads if each.head.kind is HeadKind.LOOKUP)
    assert facts_of(replace(observed, separation=None), 50).separation == 2
    assert facts_of(replace(observed, separation=4), 50).separation == 2


def test_a_beta_that_is_too_large_is_refused() -> None:
    of = evidence(*INCREMENT)
    largest = assessed(of, "fused:bf16").largest_exponent
    assert assessed(of, "fused:bf16", 2**largest).verdict is CERTIFIED
    with pytest.raises(BetaError, match=rf"beta = 2\^{largest + 1} is too large for fused:bf16/fp32/bf16"):
        assessed(of, "fused:bf16", 2 ** (largest + 1))


def test_scores_that_do_not_fit_their_format_are_refused() -> None:
    with pytest.raises(ModelError, match=r"scores up to 23 are not exact in fixed1\.4"):
        assessed(evidence(*INCREMENT), "fused:bf16@fixed1.4")


def test_a_refutation_is_announced_only_when_it_is_searched() -> None:
    of, model = evidence(*INCREMENT), parse_arithmetic("fused:bf16")
    for beta, announced in ((None, 0), (1024, 0), (1, 1), (2, 1)):
        calls: list[None] = []
        assess(of.prepared, of.sequences, of.observations, model, of.context, beta, partial(calls.append, None))
        assert len(calls) == announced, beta


@pytest.mark.parametrize("facts", [HeadFacts(1, (1, 5), 100), HeadFacts(2, (1,), 2**20), HeadFacts(1, (), 2**40)])
def test_the_beta_within_half_is_the_smallest(facts: HeadFacts) -> None:
    def errs(exponent: int) -> bool:
        bounds = decide(Exact(), facts, 2**exponent).bounds
        assert bounds.zero is not None
        one = 0 if bounds.one is None else 1 - bounds.one.low
        return max(bounds.zero.high, one) >= Fraction(1, 2)

    chosen = least_beta_within_half([facts], 30).bit_length() - 1
    assert [errs(exponent) for exponent in range(chosen + 3)] == [True] * chosen + [False] * 3


def test_without_a_beta_within_half_the_largest_is_taken() -> None:
    assert least_beta_within_half([HeadFacts(1, (1,), 2**64)], 3) == 8


def test_every_look_up_is_proved_once() -> None:
    of = evidence(*INCREMENT)
    r = of.prepared.network.position_bits
    (proof,) = prove_lookups(of.prepared).values()
    assert proof.pairs == tuple((bit, bit) for bit in range(r))
    assert proof.width == r


@pytest.mark.parametrize("title", ["without its last bit", "two bits exchanged", "a bit twice"])
def test_a_look_up_that_is_none_is_not_proved(title: str) -> None:
    network = evidence(*INCREMENT).prepared.network
    head = network.layers[5].heads[0]
    query, key = head.query, head.key
    changed = {
        "without its last bit": replace(head, query=query[:-1], key=key[:-1]),
        "two bits exchanged": replace(head, query=(query[1], query[0], *query[2:])),
        "a bit twice": replace(head, query=(query[0], query[0], *query[2:]), key=key),
    }[title]
    with pytest.raises(SeparationNotProved, match=f"layer 6, head {head.name}: Refuted"):
        prove_lookups(PreparedNetwork(with_head(network, 6, changed, 0)))
