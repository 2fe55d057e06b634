"""Certificates for all inputs of summarized chains of thought; and counterexamples, of both paradigms."""

from __future__ import annotations

import json

import pytest

from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest, certify_all
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.contexts import least_context_for_space
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.arithmetic.models import parse_arithmetic

EVIDENCE = Evidence()
SCOT = Paradigm.SCOT


def certified(
    machine: str,
    context: int,
    arithmetic: str = "fused:bf16",
    paradigm: Paradigm = Paradigm.COT,
    space: int | None = None,
    assumed: int | None = None,
) -> UniversalBundle:
    model = parse_arithmetic(arithmetic)
    return certify_all(
        UniversalRequest(load_machine(machine), model, context, paradigm, space, assumed_writes=assumed), EVIDENCE
    )


def test_a_summarized_one_is_proved() -> None:
    certificate = certified("binary-counter", 64, paradigm=SCOT).certificate
    assert certificate.verdict == "proved"
    assert certificate.statement.claim.startswith(
        "For every input on which binary-counter halts with a word over its input alphabet and whose summarized chain "
        "of thought has no segment longer than 64 tokens, the softmax transformer of these weights, in the arithmetic "
    )
    assert certificate.statement.claim.endswith("so generates the summarized chain of thought token for token.")
    assert certificate.annotation is not None
    assert {"OLDCELL", "NEWSTATE"} < set(certificate.annotation.contents)


def test_the_space_is_in_the_claim_and_in_the_scope() -> None:
    context = least_context_for_space(7).tokens
    bundle = certified("increment", context, paradigm=SCOT, space=7)
    assert (
        f"whose run stays within 7 cells, whose summarized chain of thought has no segment longer than {context}"
        in (bundle.certificate.statement.claim)
    )
    scope = json.loads(bundle.bytes)["statement"]["scope"]
    assert scope == {
        "kind": "all inputs",
        "space": "7",
        "writes_per_cell": {"bound": str(context), "evidence": "context"},
    }


def test_a_space_whose_segments_do_not_fit_is_refused() -> None:
    context = least_context_for_space(7).tokens
    with pytest.raises(ContextError, match="do not fit"):
        certified("increment", context - 1, paradigm=SCOT, space=7)


def test_what_is_proved_of_runs_is_not_used_for_segments() -> None:
    plain, summarized = (certified("increment", 64, paradigm=one).certificate for one in Paradigm)
    assert plain.statement.scope.writes_per_cell.evidence == "proved"
    assert summarized.statement.scope.writes_per_cell.evidence == "context"


@pytest.mark.parametrize("paradigm", Paradigm)
def test_rewrite_is_refuted_with_the_run_that_shows_it(paradigm: Paradigm) -> None:
    bundle = certified("rewrite", 1024, "rounded:bf16/bf16", paradigm)
    assert bundle.certificate.verdict == "refuted"
    assert bundle.certificate.annotation is None
    assert bundle.certificate.refutation is not None
    assert "61 maximisers share the value 1" in bundle.certificate.refutation.reason
    assert [run.input for run in bundle.certificate.runs] == [run.input for run in bundle.certificate.runs[:1]]


def test_the_last_write_of_a_cell_may_never_be_met() -> None:
    """The first input with 61 writes of a cell ends before a query meets all of them; another one is found."""
    bundle = certified("binary-addition", 1024, "rounded:bf16/bf16")
    assert bundle.certificate.verdict == "refuted"


@pytest.mark.parametrize(("assumed", "verdict"), [(60, "proved"), (61, "inconclusive"), (100, "refuted")])
def test_a_counterexample_satisfies_what_is_assumed(assumed: int, verdict: str) -> None:
    bundle = certified("binary-addition", 1024, "rounded:bf16/bf16", assumed=assumed)
    assert bundle.certificate.verdict == verdict
    if verdict != "refuted":
        assert f"writes no cell more than {assumed} times (assumed" in bundle.certificate.statement.claim
