"""Texts of arithmetics: which there are, what they say, what betas they admit, how far rounding keeps scores apart."""

from __future__ import annotations

import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import parse_format
from exactformer.certificates.checker.softmax.cases import holds
from exactformer.certificates.checker.softmax.model import Steps, largest_admitted, parse_model, separation_of_scores
from exactformer.certificates.checker.statement import scales

BASE = "fused:bf16/fp32/bf16"

ACCEPTED = {
    "rounded:bf16/fp32/bf16": Steps(),
    f"{BASE}@bf16+head64+once": Steps(head=3, once=True),
    "rounded:bf16/bf16+head65536": Steps(head=8),
    "fused:fixed8/fixed8.9/bf16+head4+once": Steps(head=1, once=True),
    f"{BASE}+exp2": Steps(exp_error=2, exp_of_0_is_1=False),
    f"{BASE}+exp4194304-one": Steps(exp_error=2**22),
    f"{BASE}+head4+once+exp1+online1048576+wide+faithful+reciprocal+truncate": Steps(
        1, True, 1, False, 2**20, True, True, False, True, True
    ),
    f"{BASE}+divide": Steps(divide=True),
    "rounded:bf16/fp32/bf16+exp3-one+faithful+truncate": Steps(exp_error=3, faithful=True, truncate=True),
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_texts_with_steps(text: str) -> None:
    assert parse_model("x", text).steps == ACCEPTED[text]


@pytest.mark.parametrize("text", ["exact@bf16", "rounded:bf16/bf16", "fused:fixed8/fixed8/bf16"])
def test_texts_without_steps(text: str) -> None:
    assert parse_model("x", text).steps == Steps()


def test_formats_of_a_text() -> None:
    model = parse_model("x", "fused:bf16/fp32/fp16@float(30,-100,100)")
    formats = [parse_format("x", name) for name in ("bf16", "fp32", "fp16", "float(30,-100,100)")]
    assert [model.weight, model.accumulator, model.activation, model.score] == formats
    assert parse_model("x", "rounded:fixed4/e5m2").activation.name == "e5m2"
    assert parse_model("x", "exact@bf16").score.name == "bf16"


REJECTED = {
    "nothing after a plus": (f"{BASE}+", "is not a step"),
    "a step that is none": (f"{BASE}+fast", "is not a step"),
    "capital letters": (f"{BASE}+Once", "is not a step"),
    "a step and a space": (f"{BASE}+once ", "is not a step"),
    "steps before the score format": (f"{BASE}+once@bf16", "is not a step"),
    "a number that does not belong": (f"{BASE}+once2", "is not a step"),
    "a number that is missing": (f"{BASE}+head", "is not a step"),
    "-one after another step": (f"{BASE}+wide-one", "is not a step"),
    "a digit that is not ASCII": (f"{BASE}+head\uff14", "is not a step"),
    "head out of order": (f"{BASE}+once+head64", "not in the order"),
    "truncate before wide": (f"{BASE}+truncate+wide", "not in the order"),
    "the same twice": (f"{BASE}+wide+wide", "exclude each other"),
    "two exps": (f"{BASE}+exp2+exp2-one", "exclude each other"),
    "two quotients": (f"{BASE}+divide+reciprocal", "exclude each other"),
    "twice, apart": (f"{BASE}+wide+faithful+wide", "not in the order"),
    "leading zero in U": (f"{BASE}+exp02", "begins with 0"),
    "leading zero in B": (f"{BASE}+online064", "begins with 0"),
    "leading zero in H": (f"{BASE}+head064", "begins with 0"),
    "U = 0": (f"{BASE}+exp0", "begins with 0"),
    "B = 0": (f"{BASE}+online0", "begins with 0"),
    "U too large": (f"{BASE}+exp4194305", "more than 2^(p-2)"),
    "U too large for a small accumulator": ("fused:float(3,-4,3)/float(3,-4,3)/bf16+exp3", "more than 2^(p-2)"),
    "B too large": (f"{BASE}+online1048577", "more than 1048576"),
    "H = 1": (f"{BASE}+head1", "is not 4, 16"),
    "H = 8": (f"{BASE}+head8", "is not 4, 16"),
    "H = 4^9": (f"{BASE}+head262144", "is not 4, 16"),
    "head of exact": ("exact+head64", "not a step of exact"),
    "once of exact": ("exact@bf16+once", "not a step of exact"),
    "exp of two formats": ("rounded:bf16/bf16+exp2", "not a step of rounded with two"),
    "truncate of two formats": ("rounded:bf16/bf16+truncate", "not a step of rounded with two"),
    "online of rounded": ("rounded:bf16/fp32/bf16+online64", "not a step of rounded with three"),
    "wide of rounded": ("rounded:bf16/fp32/bf16+wide", "not a step of rounded with three"),
    "divide of rounded": ("rounded:bf16/fp32/bf16+divide", "not a step of rounded with three"),
    "a fixed accumulator": ("fused:fixed8/fixed8.9/bf16+wide", "is not floating"),
    "rounded with a fixed accumulator": ("rounded:fixed8/fixed8/bf16", "is not floating"),
    "weights that the accumulator has not": ("rounded:fp16/bf16/bf16", "does not have all weights"),
    "four formats": ("rounded:bf16/fp32/bf16/bf16", "is not the canonical text"),
}


@pytest.mark.parametrize("title", REJECTED)
def test_texts_that_are_not_canonical(title: str) -> None:
    text, reason = REJECTED[title]
    with pytest.raises(Rejected) as error:
        parse_model("statement.arithmetic", text)
    assert reason in error.value.reason
    assert error.value.field == "statement.arithmetic"


NO_MODELS = [
    "bf16", "rounded:bf16", "rounded:bf16/bf16/bf16/bf16", "fused:bf16/bf16", "fused:bf16", "exact:", "exact:fp32",
    "Exact", "rounded:bf16/bf16@fp32", "rounded:bf16/bf16@", "rounded:bf16/bf17", "rounded:bf16/ bf16", "exact\n",
    "rounded:float(8,-126,127)/bf16", "rounded:float(1,-9,9)/bf16", "rounded:float(4,1,9)/bf16",
    "rounded:float(04,-6,9)/bf16", "rounded:float(4,-6,-1)/bf16", "rounded:float(4,-6,99999)/bf16",
    "rounded:fixed0/bf16", "rounded:fixed8.8/bf16", "rounded:fixed8.0/bf16", "rounded:fixed/bf16", "",
    "fused:fp32/bf16/bf16", "fused:bf16/fixed8/bf16", "fused:bf16/fp16/bf16",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MODELS)
def test_texts_that_name_no_model(text: str) -> None:
    with pytest.raises(Rejected):
        parse_model("x", text)


@pytest.mark.parametrize(
    ("text", "largest_score", "expected"),
    [
        ("exact", 31, 123),  # 31 * 2^123 < 2^128
        ("exact", 2**24 + 1, None),
        ("exact@fp16", 31, 11),
        ("rounded:bf16/bf16", 31, 123),
        ("rounded:fp16/fp16", 31, 30),  # 2^15 is the largest power of two in fp16
        ("rounded:fp16/fixed8", 31, 14),  # 2^7 in fixed8
        ("exact@fixed4.1", 2, None),
    ],
)
def test_admitted_betas(text: str, largest_score: int, expected: int | None) -> None:
    assert largest_admitted(parse_model("x", text), largest_score) == expected


def test_admitted_betas_with_steps_on_scores() -> None:
    """31 * 2^(e+3) < 2^128 for head64; 31 rounds to 32 with 4 bits, and 448 is the largest number of e4m3fn."""
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16+head64"), 31) == 120
    assert largest_admitted(parse_model("x", "rounded:fp16/fp16+head64"), 31) == 27
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn"), 31) is None
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn+once"), 31) == 3
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn+once"), 500) is None
    assert scales(parse_model("x", "rounded:bf16/bf16+head64"), 4) == (16, 8)
    assert scales(parse_model("x", "rounded:bf16/bf16+head64"), None) == (1, 1)
    assert scales(parse_model("x", "rounded:bf16/bf16"), 5) == (8, 4)


def test_separation_of_scores_that_are_rounded() -> None:
    """4 bits: .., 14, 15, 16, 18, 20, ..: 17 -> 16, so that it is not above 16, and 1, 2, 3 above 15, 14, 13."""
    once, plain = (parse_model("x", f"rounded:bf16/bf16@e4m3fn{steps}") for steps in ("+once", ""))
    assert [separation_of_scores(once, 16, D) for D in (1, 2)] == [1, 2]
    assert [separation_of_scores(once, 20, D) for D in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert separation_of_scores(once, 18, 37) == 37
    assert separation_of_scores(plain, 20, 1) == 1
    fixed = parse_model("x", "rounded:bf16/bf16@fixed1.9+once")
    assert separation_of_scores(fixed, 200, 1) == 1


def test_scores_that_rounding_makes_equal_prove_nothing() -> None:
    model = parse_model("x", "rounded:bf16/bf16@e4m3fn+once")
    assert holds(model, 9, 1, ((1, 1),), 7)
    assert not holds(model, 9, 0, ((1, 1),), 7)
