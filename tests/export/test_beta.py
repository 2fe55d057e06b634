"""Beta below what is certified, and what is refuted: runtimes leave the hardmax activations where certificates say so.

The bound is tight for activations: half the least certified beta breaks some in every runtime.  It is not for tokens,
which argmax protects: here the first wrong token comes at a sixteenth (bf16) or a quarter (fp16) of it.
"""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from exactformer.certificates.certify import Bundle
from exactformer.certificates.export.runtimes import Runtime
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import Difference, Work, certified, compare, decoder_for, forward, run_as
from tests.export.works import MANY_CARRIES, MANY_WRITES, RUNS

HALVED = (Work("increment", "1011"), Work("binary-counter", "0", Paradigm.SCOT))

EXACT_RUNS = tuple(run for run in RUNS if not (run[1].dtype == "fp32" and "+" in run[0]))
"""Rounding of exp and of each addition in fp32 leaves nothing to certify in fp32."""


def least_beta(bundle: Bundle) -> int:
    """The certificate's, made with beta = auto: no smaller power of two certifies."""
    beta = bundle.certificate.statement.beta
    assert beta is not None
    return int(beta)


@pytest.mark.parametrize("run", EXACT_RUNS, ids=lambda run: f"{run[0]} as {run[1]}")
@pytest.mark.parametrize("work", HALVED, ids=str)
def test_half_the_least_certified_beta_breaks_activations(work: Work, run: tuple[str, Runtime]) -> None:
    arithmetic, runtime = run
    bundle = certified(work, arithmetic)
    assert bundle.certificate.verdict == "certified"
    half = run_as(bundle, runtime, work, least_beta(bundle) // 2)
    assert half.activations > 0
    assert half.tokens == 0


@pytest.mark.parametrize(("dtype", "slack"), [("bf16", 16), ("fp16", 4)])
def test_tokens_break_only_further_below(dtype: str, slack: int) -> None:
    bundle = certified(MANY_WRITES, f"fused:{dtype}")
    runtime = Runtime(dtype, "sdpa")
    least = least_beta(bundle)
    assert run_as(bundle, runtime, MANY_WRITES, 2 * least // slack).tokens == 0
    assert run_as(bundle, runtime, MANY_WRITES, least // slack).tokens > 0


@pytest.mark.parametrize("work", [MANY_WRITES, MANY_CARRIES], ids=str)
def test_61_writers_of_a_cell_differ_in_eager_bf16_and_not_in_the_default(work: Work) -> None:
    refuted = certified(work, "rounded:bf16/bf16")
    assert (refuted.certificate.verdict, refuted.certificate.statement.beta) == ("refuted", None)
    eager = decoder_for(refuted, Runtime("bf16", "eager"), 128)
    difference = compare(eager, work)
    assert difference.activations > 0
    assert difference.tokens == 0
    eager.attention = "sdpa"
    assert certified(work, "fused:bf16").certificate.verdict == "certified"
    assert compare(eager, work) == Difference(0, 0)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_kernels_in_fp32_are_no_instance_of_one_quotient(attention: str) -> None:
    """41 * fl(1/41) < 1, and 10 additions of fl(1/10) are not 1: the map of arithmetics to runtimes knows."""
    bundle = certified(MANY_WRITES, "fused:fp32")
    assert bundle.certificate.verdict == "certified"
    assert run_as(bundle, Runtime("fp32", "quotient"), MANY_WRITES) == Difference(0, 0)
    assert run_as(bundle, Runtime("fp32", attention), MANY_WRITES).activations > 0


@pytest.mark.parametrize(("width", "exact"), [(16, True), (64, False), (256, True)])
def test_the_math_backend_has_exact_scores_only_with_a_head_width_of_16_to_a_power(width: int, exact: bool) -> None:
    """It multiplies query and key by 1/width^(1/4) each.  Equal integer scores then have equal weights, or not."""
    query, key = torch.randint(-1, 2, (2, 100, 16), generator=torch.Generator().manual_seed(0)).float()
    queries, keys = (functional.pad(x, (0, width - 16))[None, None] for x in (width**0.5 * query, key))
    with sdpa_kernel(SDPBackend.MATH):
        weights = functional.scaled_dot_product_attention(queries, keys, torch.eye(100)[None, None])[0, 0]
    scores = query @ key.T
    different = [
        len(row[due == score].unique()) > 1 for row, due in zip(weights, scores, strict=True) for score in due.unique()
    ]
    assert any(different) != exact


PREDICTED = {
    "61 weights of 1/61 in bf16": (MANY_WRITES, "rounded:bf16/bf16", None, Runtime("bf16", "eager")),
    "61 weights of 1/61 in bf16, addition": (MANY_CARRIES, "rounded:bf16/bf16", None, Runtime("bf16", "eager")),
    "11 weights of 1/11 in fp16": (MANY_WRITES, "rounded:fp16/fp16", None, Runtime("fp16", "eager")),
    "41 weights of 1/41 in fp32": (MANY_WRITES, "rounded:fp32/fp32", None, Runtime("fp32", "sdpa")),
    "beta 1, one quotient": (HALVED[0], "fused:bf16", 1, Runtime("bf16", "quotient")),
    "beta 1, rounded weights": (HALVED[0], "rounded:fp16/fp16", 1, Runtime("fp16", "eager")),
    "beta 1, later segment": (HALVED[1], "fused:fp32", 1, Runtime("fp32", "quotient")),
}


@pytest.mark.parametrize("title", PREDICTED)
def test_the_refutations_value_is_what_the_runtime_computes(title: str) -> None:
    """At the witness of the refutation, a coordinate that held 0 before."""
    work, arithmetic, given, runtime = PREDICTED[title]
    bundle = certified(work, arithmetic, given)
    refutation = bundle.certificate.refutation
    assert refutation is not None
    beta = given or 128
    (witness,) = (w for w in refutation.witnesses if w.exponents[0] <= beta.bit_length() - 1 <= w.exponents[1])
    head = json.loads(bundle.weights)["layers"][witness.layer - 1]["heads"][witness.head]
    coordinate = head["out"][witness.row]
    _, behind = forward(decoder_for(bundle, runtime, beta), work, witness.segment)
    sublayer = 2 * (witness.layer - 1)
    low, high = map(Fraction, witness.output)
    got = Fraction(behind[sublayer][witness.token, coordinate].item())
    before = Fraction(behind[sublayer - 1][witness.token, coordinate].item()) if sublayer else Fraction(0)
    assert before == 0
    assert low <= got <= high
    assert got != witness.hardmax
