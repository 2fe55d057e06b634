"""Emitter and checker share no code: on random machines they have to come to the same numbers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from certificates.certify import Request, certify
from certificates.checker.check import check_certificate
from constructions.machines.text import write_machine
from constructions.turing.paradigm import Paradigm
from verify.arithmetic.models import parse_arithmetic
from verify.sweep import draw_case

ARITHMETICS = (
    "fused:bf16",
    "fused:e4m3fn/fp16/bf16",
    "fused:fp16/fp32/e5m2",
    "rounded:bf16",
    "rounded:fp16",
    "rounded:fp32/bf16",
    "rounded:e5m2",
    "rounded:fixed12/fp16",
    "rounded:float(5,-20,20)/bf16",
    "exact",
)


@pytest.mark.slow
@pytest.mark.parametrize("paradigm", list(Paradigm), ids=lambda paradigm: paradigm.value)
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_checker_agrees_on_random_machines(paradigm: Paradigm, arithmetic: str, tmp_path: Path) -> None:
    rng = random.Random(f"{paradigm.value}/{arithmetic}")
    for _ in range(3):
        run = draw_case(seed=1, index=rng.randrange(10_000)).run
        beta = rng.choice([None, None, 1, 4, 1 << 6])
        made = certify(Request(run.machine, (run.word,), parse_arithmetic(arithmetic), paradigm, beta=beta))
        (tmp_path / made.weights_name).write_bytes(made.weights)
        (tmp_path / "certificate.json").write_bytes(made.bytes)
        (tmp_path / "machine.yaml").write_text(write_machine(run.machine), encoding="utf-8")
        valid = check_certificate(tmp_path / "certificate.json", tmp_path / "machine.yaml")
        assert valid.verdict == made.certificate.verdict
        assert valid.claim == made.certificate.statement.claim
