"""Greedy decoding writes the sequence of the run, from the prompt alone."""

from __future__ import annotations

from itertools import islice

import pytest

from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.construct import construct, construct_cot
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens, scot_segments
from exactformer.verify.hardmax.batch import TooLongError
from exactformer.verify.hardmax.decode import AmbiguousTokenError, decode
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.hardmax.naive import network_and_run, with_head, with_neurons
from tests.machine_table import CASES, Case


@pytest.mark.parametrize("case", CASES[1::4], ids=str)
def test_the_network_writes_the_run_itself(case: Case) -> None:
    run = trace(case.machine, case.word)
    sequence = cot_tokens(case.machine, run, 8)
    prepared = PreparedNetwork(construct_cot(case.machine, 8))
    wanted = sequence.tokens[sequence.prompt :]
    assert tuple(islice(decode(prepared, sequence.tokens[: sequence.prompt]), len(wanted))) == wanted


def test_the_network_writes_segments_too() -> None:
    case = next(case for case in CASES if case.name == "binary-counter" and case.word == "000")
    run = trace(case.machine, case.word)
    prepared = PreparedNetwork(construct(Paradigm.SCOT, case.machine, 6))
    segments = scot_segments(case.machine, run, 6)
    assert len(segments) > 1
    for segment in segments:
        wanted = segment.tokens[segment.prompt :]
        assert tuple(islice(decode(prepared, segment.tokens[: segment.prompt]), len(wanted))) == wanted


def test_a_long_run_is_written_to_its_end() -> None:
    network, sequence = network_and_run("binary-addition", "110+101", 8)
    wanted = sequence.tokens[sequence.prompt :]
    assert len(sequence) > 64  # earlier positions are kept in room that grows
    longer, run = network_and_run("rewrite", "1" * 50, 8)
    assert len(run) > 128
    assert tuple(islice(decode(PreparedNetwork(network), sequence.tokens[: sequence.prompt]), len(wanted))) == wanted
    wanted = run.tokens[run.prompt :]
    assert tuple(islice(decode(PreparedNetwork(longer), run.tokens[: run.prompt]), len(wanted))) == wanted


def test_decoding_goes_on_from_any_point_of_the_run() -> None:
    network, sequence = network_and_run("increment", "1011", 6)
    for begun in range(sequence.prompt, len(sequence), 3):
        assert next(decode(PreparedNetwork(network), sequence.tokens[:begun])) == sequence.tokens[begun]


@pytest.mark.parametrize("position_bits", [4, 6])
def test_decoding_stops_when_the_context_is_full(position_bits: int) -> None:
    # the run is longer than the context; the token after the last position is still predicted
    network, sequence = network_and_run("rewrite", "1" * 5 if position_bits == 4 else "1" * 20, position_bits)
    context = 2**position_bits
    assert len(sequence) > context + 1
    produced = list(decode(PreparedNetwork(network), sequence.tokens[: sequence.prompt]))
    assert len(produced) == context - sequence.prompt + 1
    assert tuple(produced) == sequence.tokens[sequence.prompt : context + 1]


def test_a_prompt_that_does_not_fit_is_refused() -> None:
    network, sequence = network_and_run("rewrite", "1" * 20, 4)
    with pytest.raises(TooLongError, match="position 16 does not fit r = 4"):
        list(decode(PreparedNetwork(network), sequence.tokens[: sequence.prompt]))


def test_two_best_tokens_are_refused() -> None:
    network, sequence = network_and_run("increment", "1", 6)
    at = {register.name: register.offset for register in network.registers}
    # in the last layer POS becomes as good as OUTP, which is due after the halting token
    also_pos = Neuron(((at["is_run"], 1), (at["halted"], 1)), -1, ((at["write_pos"], 1),))
    tied = with_neurons(network, len(network.layers), also_pos)
    halting = next(place for place, token in enumerate(sequence.tokens) if token.family == "OUTP") - 1
    produced: list[Token] = []
    with pytest.raises(AmbiguousTokenError, match=f"after token {halting}, two tokens tie for the best"):
        produced.extend(decode(PreparedNetwork(tied), sequence.tokens[: sequence.prompt]))
    assert tuple(produced) == sequence.tokens[sequence.prompt : halting + 1]


def test_tied_values_without_a_ternary_mean_are_refused() -> None:
    network, sequence = network_and_run("increment", "1", 6)
    at = {register.name: register.offset for register in network.registers}
    head = CompiledHead("mean", HeadKind.CONTENT, (at["const"],), (at["const"],), (at["is_sigma"],), (at["ptr"],))
    broken = with_head(network, 1, head)
    with pytest.raises(AmbiguousTokenError, match="layer 1, head mean: the tied values do not average to one"):
        next(decode(PreparedNetwork(broken), sequence.tokens[: sequence.prompt]))
