"""Exported graphs in ONNX Runtime on a CPU, fp16 and fp32."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from exactformer.certificates.export.onnx_export import require_onnx
from exactformer.certificates.export.prepare import Export, Request
from exactformer.certificates.export.source import ExportError
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.onnx_running import Session
from tests.export.running import Difference, Work, certified, exported, named_sequences
from tests.export.works import MANY_WRITES, WORKS

ARITHMETICS = ("fused:fp16", "fused:fp32", "rounded:fp32/fp16", "rounded:fp16/fp16")
"""Arithmetics that a graph spells out. (A MatMul in fp32 rounds each addition, so ``rounded:fp32/fp32`` is not among
them.)"""
SHARE = (WORKS[3], WORKS[5], Work("reverse", "aab", Paradigm.SCOT))


def export_of(work: Work, arithmetic: str, beta: int | None = None) -> Export:
    return exported(certified(work, arithmetic), Request(Path(), "onnx", beta=beta, unproved=True))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("work", SHARE, ids=str)
def test_a_certified_run_has_the_hardmax_activations_and_tokens(work: Work, arithmetic: str) -> None:
    assert certified(work, arithmetic).certificate.verdict == "certified"
    assert Session(export_of(work, arithmetic), traced=True).compare(work) == Difference(0, 0)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_decoding_with_a_cache_writes_the_chain_of_thought(arithmetic: str) -> None:
    work = SHARE[0]
    session = Session(export_of(work, arithmetic))
    (named,) = named_sequences(work)
    written = session.generate([session.tokens.index(name) for name in named[: work.sequences[0].prompt]])
    assert [session.tokens[token] for token in written] == list(named)


def test_later_segments_are_written_from_the_summary() -> None:
    work = SHARE[2]
    session = Session(export_of(work, "fused:fp16"))
    _, second = named_sequences(work)
    written = session.generate([session.tokens.index(name) for name in second[: work.sequences[1].prompt]])
    assert [session.tokens[token] for token in written] == list(second)


@pytest.mark.parametrize("arithmetic", ["fused:fp16", "fused:fp32"])
def test_one_quotient_is_exact_with_61_writers_of_a_cell(arithmetic: str) -> None:
    assert Session(export_of(MANY_WRITES, arithmetic), traced=True).compare(MANY_WRITES) == Difference(0, 0)


def test_rounded_weights_differ_where_the_certificate_refutes_them() -> None:
    assert certified(MANY_WRITES, "rounded:fp16/fp16").certificate.verdict == "refuted"
    difference = Session(export_of(MANY_WRITES, "rounded:fp16/fp16", 128), traced=True).compare(MANY_WRITES)
    assert difference.activations > 0
    assert difference.tokens == 0


def test_half_the_least_certified_beta_breaks_activations() -> None:
    work = SHARE[0]
    half = export_of(work, "fused:fp16").dense.beta // 2
    assert Session(export_of(work, "fused:fp16", half), traced=True).compare(work).activations > 0


def test_the_metadata_name_the_certificate() -> None:
    export = export_of(SHARE[0], "fused:fp16")
    metadata = Session(export).metadata
    assert metadata.items() >= export.metadata.items()
    assert metadata["certificate_sha256"] == export.source.sha256


def test_bf16_is_refused() -> None:
    with pytest.raises(ExportError, match="has no bf16 on a CPU; choose --dtype fp16 or fp32"):
        require_onnx(export_of(SHARE[0], "fused:bf16"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r"with the extra \[onnx\]"):
        require_onnx(export_of(SHARE[0], "fused:fp16"))
