"""Whole networks: what really drifts, in exact runs of the rounded network, stays within what is proved for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine, random_word
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.all_inputs import assess_all, covered_by_drifts
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.ghosts import TokenClass
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic, split_beta
from exactformer.verify.drift.attention import Query
from exactformer.verify.drift.bound import (
    Asked,
    Breakdown,
    ByClass,
    _behind_attention,
    _received,
    _Snapping,
    bound_drift,
)
from exactformer.verify.drift.nominal import Nominal
from exactformer.verify.drift.prove import TokensProof, prove_tokens
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.compare import Comparison, compare
from exactformer.verify.writes import writes_per_cell

EVIDENCE = Evidence()
"""What is proved once in this module, in memory."""


def proved(machine: TuringMachine, context: int, paradigm: Paradigm) -> tuple[HardmaxProof, PreparedNetwork]:
    network = construct(paradigm, machine, position_bits_for(context, paradigm))
    proof = prove_hardmax(machine, network, EVIDENCE, paradigm=paradigm)
    assert isinstance(proof, HardmaxProof)
    return proof, PreparedNetwork(network)


def tokens_of(arithmetic: str, proof: HardmaxProof, prepared: PreparedNetwork, context: int) -> TokensProof | Breakdown:
    model = parse_arithmetic(arithmetic)
    universal = assess_all(proof, prepared.network, model, context, context, None)
    assert not universal.proved
    return prove_tokens(proof, prepared.network, universal, context, None)


def stays_within(found: TokensProof, compared: Comparison) -> bool:
    """Whether a run agrees with what is proved; and that it drifts at all."""
    largest = found.drift.largest
    within = all(name in largest and size <= largest[name] for name, size in compared.drift)
    kept = compared.least_margin is None or compared.least_margin >= found.drift.margin
    return within and kept and compared.wrong is None and bool(compared.drift)


CASES = [
    ("rewrite", "1" * 60, 300, "rounded:bf16/bf16"),
    ("rewrite", "1" * 12, 256, "rounded:fp16/fp16"),
    ("binary-addition", "1+0001", 1024, "rounded:bf16/fp16"),
]


@pytest.mark.parametrize(("name", "word", "context", "arithmetic"), CASES)
def test_runs_that_drift_stay_within_the_bound(name: str, word: str, context: int, arithmetic: str) -> None:
    machine = load_machine(name)
    proof, prepared = proved(machine, context, Paradigm.COT)
    found = tokens_of(arithmetic, proof, prepared, context)
    assert isinstance(found, TokensProof), found
    model = covered_by_drifts(parse_arithmetic(arithmetic))
    setting = Setting(model, split_beta(found.beta.bit_length() - 1))
    (sequence,) = sequences_of(Paradigm.COT, trace(machine, word), prepared.network.position_bits)
    assert stays_within(found, compare(prepared, sequence, setting))


def busy_runs(random: Random, number: int) -> Iterator[Run]:
    """Runs of random machines that write some cell four times, and so look at three writers of it."""
    while number:
        machine = random_machine(random, tapes=1, states=3, letters=1)
        try:
            run = trace(machine, random_word(random, machine), max_steps=100)
        except MachineError:
            continue
        if max(writes_per_cell(run).values()) >= 4:
            number -= 1
            yield run


def test_random_machines_stay_within_the_bound() -> None:
    drifted = 0
    for run in busy_runs(Random(3), 3):
        proof, prepared = proved(run.machine, 256, Paradigm.COT)
        found = tokens_of("rounded:bf16/fp16", proof, prepared, 256)
        assert isinstance(found, TokensProof), found
        model = covered_by_drifts(parse_arithmetic("rounded:bf16/fp16"))
        (sequence,) = sequences_of(Paradigm.COT, run, prepared.network.position_bits)
        compared = compare(prepared, sequence, Setting(model, split_beta(found.beta.bit_length() - 1)))
        assert compared.wrong is None
        assert all(size <= found.drift.largest[name] for name, size in compared.drift)
        drifted += bool(compared.drift)
    assert drifted == 3


def test_the_bound_says_where_it_breaks_down() -> None:
    proof, prepared = proved(load_machine("increment"), 256, Paradigm.COT)
    found = tokens_of("rounded:e4m3fn/e4m3fn", proof, prepared, 256)
    assert isinstance(found, Breakdown)
    assert "layer" in found.place
    assert "closes the separation" in found.reason


def test_drifts_that_may_eat_up_the_margin_prove_nothing() -> None:
    proof, prepared = proved(load_machine("increment"), 64, Paradigm.SCOT)
    model = covered_by_drifts(parse_arithmetic("rounded:float(6,-30,30)/float(6,-30,30)"))
    found = bound_drift(proof, prepared.network, Asked(model, 64, 64, 64))
    assert isinstance(found, Breakdown)
    assert found.place == "next token"


def test_of_several_things_that_a_head_may_mean_the_worst_counts() -> None:
    proof, _ = proved(load_machine("increment"), 64, Paradigm.COT)
    asked = Asked(covered_by_drifts(parse_arithmetic("rounded:bf16/fp16")), 64, 64, 64)
    head = next(head for head in proof.heads if head.head.name == "exists_high_1")
    query = Query(1, Fraction(1, 64), Fraction(8), 64, 64)
    for reverse in (False, True):
        meanings = tuple(sorted(head.meanings, key=lambda meaning: meaning.many, reverse=reverse))
        (drift,) = _received(TokenClass.RUN, replace(head, meanings=meanings), query, [Fraction(0)], _Snapping(asked))
        assert drift == Fraction(1, 256)


def test_what_drifts_before_a_head_writes_to_it_still_does() -> None:
    proof, _ = proved(load_machine("increment"), 64, Paradigm.COT)
    asked = Asked(covered_by_drifts(parse_arithmetic("rounded:bf16/fp16")), 64, 64, 64)
    head = next(head for head in proof.heads if head.head.name == "written_1")
    (out,) = head.head.out
    sixteenth = Fraction(1, 16)

    def behind(drift: Fraction) -> Fraction:
        before: ByClass = {kind: {} for kind in proof.annotation.contents}
        before[TokenClass.RUN] = {out: drift} if drift else {}
        after = _behind_attention(head.layer, [head], before, Nominal(proof.annotation), _Snapping(asked))
        return after[TokenClass.RUN][out]

    assert behind(sixteenth) >= behind(Fraction(0)) + sixteenth > sixteenth


@pytest.mark.parametrize("arithmetic", ["exact", "rounded:bf16/fp32/bf16", "fused:bf16/fp32/bf16+divide"])
def test_other_arithmetics_are_refused(arithmetic: str) -> None:
    with pytest.raises(ModelError, match="drifts of activations are bounded in"):
        covered_by_drifts(parse_arithmetic(arithmetic))


def test_summarized_chains_of_thought_are_covered() -> None:
    proof, prepared = proved(load_machine("increment"), 64, Paradigm.SCOT)
    found = tokens_of("rounded:bf16/bf16", proof, prepared, 64)
    assert isinstance(found, TokensProof)
    assert Fraction(0) < found.drift.margin < 1
