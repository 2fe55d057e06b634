"""Exported decoders in PyTorch: every token and every activation is as the certificate says, on CPU and CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import pytest
import torch
from _pytest.mark.structures import ParameterSet
from torch.nn.attention import SDPBackend, sdpa_kernel

from exactformer.certificates.export.runtimes import Runtime
from exactformer.certificates.export.templates.model import Cache
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import (
    Difference,
    Said,
    Work,
    certified,
    certified_for_all,
    compare,
    decoder_for,
    named_sequences,
    names,
    run_as,
)
from tests.export.works import LARGE_WORK, MANY_CARRIES, MANY_WRITES, RUNS, WORKS

SOME_BETA = 128
"""For what is refuted at every beta."""


def half_of_all(works: Sequence[Work]) -> list[ParameterSet]:
    """Every work with half of the runs, every run with half of the works."""
    return [
        pytest.param(work, run, id=f"{work}-{run[0]} as {run[1]}")
        for number, work in enumerate(works)
        for place, run in enumerate(RUNS)
        if (number + place) % 2 == 0
    ]


def test_the_share_has_both_paradigms_and_several_segments() -> None:
    assert len({work.machine for work in WORKS}) >= 9
    assert {work.paradigm for work in WORKS} == {Paradigm.COT, Paradigm.SCOT}
    assert max(len(work.sequences) for work in WORKS) >= 3


def test_every_dtype_has_the_default_and_another_attention() -> None:
    assert {runtime.dtype for _, runtime in RUNS} == {"bf16", "fp16", "fp32"}
    assert {(runtime.attention, runtime.math) for _, runtime in RUNS} == {
        ("sdpa", False),
        ("sdpa", True),
        ("eager", False),
        ("hf", False),
        ("quotient", False),
    }


@pytest.mark.parametrize(("work", "run"), half_of_all(WORKS))
def test_what_is_certified_or_refuted_of_a_run_is_so(work: Work, run: tuple[str, Runtime]) -> None:
    """Certified: every token, every activation.  Refuted (many writers of a cell): some activation differs."""
    arithmetic, runtime = run
    bundle = certified(work, arithmetic)
    difference = run_as(bundle, runtime, work, SOME_BETA if bundle.certificate.statement.beta is None else None)
    match bundle.certificate.verdict:
        case "certified":
            assert difference == Difference(0, 0)
        case "refuted":
            assert difference.activations > 0
        case verdict:
            assert (verdict, runtime.dtype) == ("inconclusive", "fp32")


@pytest.mark.parametrize("run", [run for run in RUNS if run[1].dtype == "bf16"], ids=str)
def test_what_is_proved_for_every_input_holds_on_inputs(run: tuple[str, Runtime]) -> None:
    arithmetic, runtime = run
    bundle = certified_for_all("increment", arithmetic, 64)
    assert Said.by(bundle).verdict == "proved"
    for word in ("0", "11", "1111"):
        assert run_as(bundle, runtime, Work("increment", word, context=64)) == Difference(0, 0)


def test_a_machine_with_many_tokens() -> None:
    assert run_as(certified(LARGE_WORK, "fused:bf16"), Runtime("bf16", "sdpa"), LARGE_WORK) == Difference(0, 0)


@pytest.mark.parametrize(("work", "run"), half_of_all(WORKS[1::5]))
def test_a_decoder_with_a_cache_writes_the_chain_of_thought(work: Work, run: tuple[str, Runtime]) -> None:
    """From the input word alone; a summarized run segment by segment."""
    arithmetic, runtime = run
    decoder = decoder_for(certified(work, arithmetic), runtime)
    with sdpa_kernel(SDPBackend.MATH) if runtime.math else nullcontext():
        assert names(decoder, decoder.run(work.word)) == named_sequences(work)


@pytest.mark.parametrize("work", [MANY_WRITES, MANY_CARRIES], ids=str)
@pytest.mark.parametrize("runtime", [Runtime("bf16", "sdpa"), Runtime("bf16", "quotient")], ids=str)
def test_the_default_attention_in_bf16_is_exact_with_61_writers_of_a_cell(work: Work, runtime: Runtime) -> None:
    assert run_as(certified(work, "fused:bf16"), runtime, work) == Difference(0, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch.cuda.is_available() is false on this machine")
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run[0]} as {run[1]}")
def test_what_is_certified_of_runs_is_so_on_cuda(run: tuple[str, Runtime]) -> None:
    arithmetic, runtime = run
    bundles = {work: certified(work, arithmetic) for work in WORKS}
    differ = {
        str(work): difference
        for work, bundle in bundles.items()
        if bundle.certificate.verdict == "certified"
        and not (difference := run_as(bundle, runtime, work, device="cuda")).none
    }
    assert differ == {}


def test_a_wrong_weight_is_noticed() -> None:
    work = WORKS[0]
    decoder = decoder_for(certified(work, "fused:bf16"), Runtime("bf16", "sdpa"))
    assert compare(decoder, work).none
    decoder.get_parameter("layers.1.down.weight")[:] = 0
    assert not compare(decoder, work).none


def test_the_context_is_the_certificates() -> None:
    work = WORKS[0]
    decoder = decoder_for(certified(work, "fused:bf16"), Runtime("bf16", "sdpa"))
    context = int(certified(work, "fused:bf16").certificate.statement.context)
    with pytest.raises(ValueError, match=f"the context is {context} tokens"):
        decoder(torch.zeros(1, context + 1, dtype=torch.long))
    cache = Cache(8)
    decoder(torch.zeros(1, 2, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="one token at a time"):
        decoder(torch.zeros(1, 2, dtype=torch.long), cache)
