"""Whole runs: what is certified is the hardmax run, bit for bit; and where it is not, the first wrong token."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import least_position_bits, smallest_context
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.arithmetic.models import Exact, parse_arithmetic
from exactformer.verify.assessment import assess
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.compare import Origin, WrongToken, compare
from exactformer.verify.verdict import Verdict
from tests.rounded.naive import naive_ranking, naive_stages
from tests.rounded.test_naive import setting_of

CERTIFIED = (
    ("increment", "1011", Paradigm.COT, "fused:bf16"),
    ("binary-addition", "110+101", Paradigm.COT, "rounded:fp32/bf16"),
    ("rewrite", "1" * 14, Paradigm.COT, "fused:e4m3fn"),
    ("reverse", "aab", Paradigm.COT, "rounded:bf16"),
    ("binary-counter", "000", Paradigm.SCOT, "fused:bf16"),
    ("increment", "0011", Paradigm.SCOT, "rounded:fp16/bf16"),
)


@pytest.mark.parametrize(("name", "word", "paradigm", "arithmetic"), CERTIFIED)
def test_a_certified_run_is_the_hardmax_run(name: str, word: str, paradigm: Paradigm, arithmetic: str) -> None:
    machine, model = load_machine(name), parse_arithmetic(arithmetic)
    run = trace(machine, word)
    bits = least_position_bits(paradigm, [run])
    prepared = PreparedNetwork(construct(paradigm, machine, bits))
    sequences = sequences_of(paradigm, run, bits)
    observed = observe(prepared, sequences)
    assessment = assess(prepared, sequences, observed, model, smallest_context(paradigm, [run]))
    assert assessment.verdict is Verdict.CERTIFIED
    assert assessment.split is not None
    assert not isinstance(model, Exact)
    for sequence, margin in zip(sequences, observed.margins, strict=True):
        result = compare(prepared, sequence, Setting(model, assessment.split))
        assert result.first is None
        assert result.wrong is None
        assert result.drift == ()
        assert result.least_margin == margin
        assert result.read == sequence.read
        assert result.tokens == len(sequence) - sequence.prompt


def rewriting(ones: int, bits: int) -> tuple[PreparedNetwork, TokenSequence]:
    machine = load_machine("rewrite")
    (sequence,) = sequences_of(Paradigm.COT, trace(machine, "1" * ones), bits)
    return PreparedNetwork(construct(Paradigm.COT, machine, bits)), sequence


def test_sixty_one_weights_in_bf16_drift_and_no_token_of_this_run_is_wrong() -> None:
    result = compare(*rewriting(60, 8), setting_of("rounded:bf16", 7))
    assert result.wrong is None
    assert result.least_margin == 1
    assert result.drift == (("last_2", Fraction(1, 256)), ("written_2", Fraction(1, 256)))
    first = result.first
    assert first is not None
    assert (first.token, first.layer, first.sublayer) == (192, 16, Sublayer.ATTENTION)
    assert (first.coordinate, first.value, first.hardmax) == ("written_2", Fraction(255, 256), 1)
    assert first.origins == (Origin("written_2", 61, 193, 1),)


def test_twenty_nine_weights_in_e5m2_lead_to_a_wrong_token() -> None:
    prepared, sequence = rewriting(39, 10)
    setting = setting_of("rounded:e5m2", 4)
    result = compare(prepared, sequence, setting)
    assert result.wrong is not None
    assert result.wrong == WrongToken(94, "RUN(sweep 1 _ R S)", "RUN(sweep 1 1 R S)", Fraction(2))
    assert result.read == 94
    assert result.first is not None
    assert (result.first.token, result.first.value) == (93, Fraction(7, 8))
    assert result.first.origins == (Origin("written_2", 29, 94, 1),)
    # The tokens after it do not matter: the wrong one is generated from those before it alone.
    alone = replace(sequence, tokens=sequence.tokens[:95], read=94)
    assert compare(prepared, alone, setting) == result
    # One token less, and nothing is wrong yet.
    before = compare(prepared, replace(sequence, tokens=sequence.tokens[:94], read=93), setting)
    assert before.wrong is None
    assert before.first is None


WRONG = {
    "leaks, rounded": ("increment", "0", 4, 8, setting_of("rounded:bf16", 0)),
    "leaks, fused": ("increment", "0", 4, 8, setting_of("fused:e4m3fn", 0)),
    "three ties in e5m2": ("binary-multiplication", "1*01", 6, 13, setting_of("rounded:e5m2/bf16", 4)),
}


@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_token_is_that_of_the_definition(title: str) -> None:
    name, word, bits, tokens, setting = WRONG[title]
    machine = load_machine(name)
    (whole,) = sequences_of(Paradigm.COT, trace(machine, word), bits)
    sequence = replace(whole, tokens=whole.tokens[:tokens], read=tokens)
    network = construct(Paradigm.COT, machine, bits)
    result = compare(PreparedNetwork(network), sequence, setting)
    assert result.wrong is not None
    *_, final = naive_stages(network, sequence.tokens[: result.wrong.index], setting)
    describe = network.vocabulary.describe
    for index in range(sequence.prompt, result.wrong.index + 1):
        ranking = naive_ranking(network.vocabulary, final[index - 1])
        is_right = ranking[0].token == sequence.tokens[index] and ranking[0].value > ranking[1].value
        assert is_right == (index < result.wrong.index)
    others = [one for one in ranking if describe(one.token) != result.wrong.expected]
    expected = next(one for one in ranking if describe(one.token) == result.wrong.expected)
    assert result.wrong.margin == others[0].value - expected.value
    assert result.wrong.generated in [describe(one.token) for one in others if one.value == others[0].value]


def test_drift_is_the_largest_distance_of_each_register() -> None:
    machine = load_machine("increment")
    (whole,) = sequences_of(Paradigm.COT, trace(machine, "0110"), 4)
    prompt = replace(whole, tokens=whole.tokens[: whole.prompt], read=whole.prompt)
    network = construct(Paradigm.COT, machine, 4)
    setting = setting_of("rounded:bf16", 1)
    result = compare(PreparedNetwork(network), prompt, setting)
    assert (result.tokens, result.wrong, result.least_margin) == (0, None, None)
    expected: dict[str, Fraction] = {}
    prepared = PreparedNetwork(network)
    hardmax = [stage.after for stage in stages(prepared, embed(prepared, [prompt]))]
    for hard, soft in zip(hardmax, naive_stages(network, prompt.tokens, setting), strict=True):
        for register in network.registers:
            apart = [abs(soft[i][c] - int(hard[c, i])) for c in register.coordinates for i in range(prompt.read)]
            if any(apart):
                expected[register.name] = max(*apart, expected.get(register.name, Fraction(0)))
    assert len(expected) > 5
    assert dict(result.drift) == expected
