"""What is proved of drift, for every input, bounds what is computed of a run; and no proved token is wrong."""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax
from exactformer.verify.drift.bound import Asked, Drift, bound_drift
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.compare import compare
from tests.rounded.test_naive import setting_of

LEAST_DRIFT_SEEN = {"rounded:bf16": Fraction(1, 256), "rounded:fp16": Fraction(1, 2048), "rounded:fp32": Fraction(0)}


def test_proved_drift_bounds_the_drift_of_a_run() -> None:
    machine = load_machine("rewrite")
    network = construct(Paradigm.COT, machine, 8)
    proof = prove_hardmax(machine, network, Evidence(None), 60)
    assert isinstance(proof, HardmaxProof)
    sequence = cot_tokens(machine, trace(machine, "1" * 60), 8)
    for arithmetic, least in LEAST_DRIFT_SEEN.items():
        setting = setting_of(arithmetic, 7 if arithmetic != "rounded:fp16" else 5)
        drift = bound_drift(proof, network, Asked(setting.model, 256, 256, setting.split.beta))
        assert isinstance(drift, Drift), (arithmetic, drift)
        result = compare(PreparedNetwork(network), sequence, setting)
        assert result.wrong is None
        assert result.least_margin is not None
        assert drift.margin <= result.least_margin
        bounds = dict(drift.largest)
        for register, seen in result.drift:
            assert seen <= bounds[register], (arithmetic, register)
        assert max(dict(result.drift).values()) > least / 2
