"""Networks of look-ups are proved where the look-up separates, and refuted on the word of its counterexample."""

from __future__ import annotations

from functools import partial

import pytest

from exactformer.api import certify
from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.constructions.lookups.network import Confusion, confused, instance, of_two_codes
from exactformer.verify.lookups.arithmetics import ARITHMETICS
from exactformer.verify.lookups.beta import betas
from exactformer.verify.lookups.decide import separation
from exactformer.verify.lookups.scores import held
from exactformer.verify.lookups.separation import Counterexample
from exactformer.verify.verdict import Verdict

SCHEME = {scheme.name: scheme for scheme in SCHEMES}
ARITHMETIC = {arithmetic.name: arithmetic for arithmetic in ARITHMETICS}
CASES = [
    ("layer-norm hash", "bf16, scores fp32"),
    ("layer-norm hash", "bf16"),
    ("parabola, last write", "bf16"),
    ("parabola, last write", "fp16"),
    ("parabola", "bf16"),
]


@pytest.mark.parametrize(("name", "arithmetic_name"), CASES)
def test_proved_up_to_the_largest_context_and_refuted_in_the_next(name: str, arithmetic_name: str) -> None:
    scheme, arithmetic = SCHEME[name], ARITHMETIC[arithmetic_name]
    rounded = partial(held, arithmetic.activations)
    found = separation(scheme, arithmetic)
    beta = betas(arithmetic, found)[0].beta
    assert isinstance(found.proved, int)
    made = instance(scheme, found.proved, rounded)
    certificate = certify(made.network, made.words, arithmetic.softmax, beta=beta)
    assert certificate.verdict is Verdict.PROVED
    one = found.sure
    assert isinstance(one, Counterexample)
    assert one.context == found.proved + 1
    shown = confused(
        scheme, Confusion(one.context, one.query, one.right.time, one.wrong.address, one.wrong.time), rounded
    )
    assert certify(shown.network, shown.words, arithmetic.softmax, beta=beta).verdict is Verdict.REFUTED


def test_counting_heads_by_two_layers() -> None:
    scheme, arithmetic = SCHEME["counting head 1/(i+1)"], ARITHMETIC["bf16, scores fp32"]
    beta = betas(arithmetic, separation(scheme, arithmetic))[0].beta
    made = instance(scheme, 16, partial(held, arithmetic.activations))
    assert certify(made.network, made.words, arithmetic.softmax, beta=beta).verdict is Verdict.PROVED
    assert certify(made.network, made.words, arithmetic.softmax, beta=1).verdict is Verdict.REFUTED


@pytest.mark.parametrize(("bits", "verdict"), [(260, Verdict.PROVED), (261, Verdict.REFUTED)])
def test_codes_of_261_bits_are_confused_where_scores_are_stored_in_bf16(bits: int, verdict: Verdict) -> None:
    made = of_two_codes(bits)
    certificate = certify(made.network, made.words, ARITHMETIC["bf16"].softmax, beta=32)
    assert certificate.verdict is verdict


@pytest.mark.parametrize("name", ["codes of -1, 1", "one-hot"])
def test_codes_and_one_hot_positions_are_proved(name: str) -> None:
    arithmetic = ARITHMETIC["fp16, scores fp32"]
    made = instance(SCHEME[name], 9, partial(held, arithmetic.activations))
    assert certify(made.network, made.words, arithmetic.softmax, beta=32).verdict is Verdict.PROVED
