"""Summarized chain of thought: its segments, and every token of them predicted."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import Run, configurations, trace
from exactformer.constructions.turing.construct import construct, skeleton
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.tokens import cot_tokens, scot_segments
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.sweep import draw_case
from tests.machine_table import CASES, Case

COUNTER = load_machine("binary-counter")


def shown(run: Run, r: int) -> list[str]:
    network = construct(Paradigm.SCOT, run.machine, r)
    describe = network.vocabulary.describe
    return [" ".join(describe(token) for token in segment.tokens) for segment in scot_segments(run.machine, run, r)]


def test_segments_written_by_hand() -> None:
    """e = 4 in the first segment, so the cap holds from token 16 on; the summary has cells 0..3, and after it e = 6."""
    first, second, *_ = shown(trace(COUNTER, "000"), 6)
    assert first == (
        "INP SIGMA(0) SIGMA(0) SIGMA(0) EINP RUN(right ^0 R) RUN(right 0 R) RUN(right 0 R) RUN(carry _ L) "
        "RUN(right 1 R) RUN(carry _ L) POS BIT(-1) BIT(+1) BIT(-1) BIT(-1) BIT(-1) BIT(-1) EPOS RUN(carry 0 L) "
        "SUMM CELL(^0 0) CELL(0 1) CELL(0 0) CELL(_ 0) STATE(carry) ESUMM"
    )
    assert second.startswith("SUMM CELL(^0 0) CELL(0 1) CELL(0 0) CELL(_ 0) STATE(carry) ESUMM RUN(right 1 R) ")


@pytest.mark.parametrize("index", range(25))
def test_summaries_are_the_configurations_of_the_run(index: int) -> None:
    run = draw_case(seed=21, index=index).run
    machine, r = run.machine, least_position_bits(Paradigm.SCOT, [run])
    network = construct(Paradigm.SCOT, machine, r)
    configuration = list(configurations(machine, run.word))
    segments = scot_segments(machine, run, r)
    steps = 0
    for segment, following in itertools.pairwise(segments):
        steps += sum(token.family == "RUN" for token in segment.tokens)
        now = configuration[steps]
        summary = segment.tokens[-following.prompt :]
        assert summary == following.tokens[: following.prompt]
        assert segment.read == len(segment) - 1
        cells = [network.vocabulary.values_of(token) for token in summary if token.family == "CELL"]
        assert len(cells) == max(max(map(len, now.tapes)), len(run.word))
        for k, (tape, head) in enumerate(zip(now.tapes, now.heads, strict=True)):
            padded = [*tape, *[machine.blank] * (len(cells) - len(tape))]
            assert [values[2 * k] for values in cells] == padded
            assert [values[2 * k + 1] for values in cells] == [str(int(cell == head)) for cell in range(len(cells))]
        assert network.vocabulary.values_of(summary[-2]) == (now.state,)
    assert steps + sum(token.family == "RUN" for token in segments[-1].tokens) == run.steps
    assert segments[-1].read == len(segments[-1])


@pytest.mark.parametrize("index", range(25))
def test_a_trace_ends_with_the_first_run_token_from_4e_on(index: int) -> None:
    run = draw_case(seed=22, index=index).run
    r = least_position_bits(Paradigm.SCOT, [run])
    for segment in scot_segments(run.machine, run, r)[:-1]:
        e = segment.prompt - 1
        runs = [place for place, token in enumerate(segment.tokens) if token.family == "RUN"]
        assert runs[-1] >= 4 * e
        assert all(place < 4 * e for place in runs[:-1])


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("extra", [0, 2])
def test_every_token_of_the_library_is_predicted(case: Case, extra: int) -> None:
    run = trace(case.machine, case.word)
    r = least_position_bits(Paradigm.SCOT, [run]) + extra
    seen = observe(PreparedNetwork(construct(Paradigm.SCOT, case.machine, r)), scot_segments(case.machine, run, r))
    assert min(seen.margins) >= 1
    assert all(head.separation is None or head.separation >= 1 for head in seen.heads)


def test_without_a_summary_the_trace_is_the_chain_of_thought() -> None:
    run = trace(load_machine("increment"), "0")
    (segment,) = scot_segments(run.machine, run, 6)
    assert segment.tokens == cot_tokens(run.machine, run, 6).tokens


def test_the_closing_esumm_is_not_ternary() -> None:
    """FINDINGS 3: which is why it is not read in the segment that it closes."""
    segment = scot_segments(COUNTER, trace(COUNTER, "000"), 6)[1]
    network = PreparedNetwork(construct(Paradigm.SCOT, COUNTER, 6))
    observe(network, [segment])
    with pytest.raises(NotTernaryError, match=r"token 31, layer 3, after the attention: hpos_1\[0\] becomes 1/2 more"):
        observe(network, [replace(segment, read=len(segment))])


def test_the_chain_of_thought_program_is_a_part_of_it() -> None:
    shape = Shape(2, 6, 3, 2)
    cot, scot = (skeleton(paradigm, shape).program for paradigm in Paradigm)
    assert scot.registers[: len(cot.registers)] == cot.registers
    assert scot.heads[: len(cot.heads)] == cot.heads
    assert scot.gadgets[: len(cot.gadgets)] == cot.gadgets


def test_r_is_at_least_4() -> None:
    with pytest.raises(ContextError, match="at least 4 for scot"):
        construct(Paradigm.SCOT, COUNTER, 2)
