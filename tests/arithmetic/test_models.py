"""Names of the arithmetic models, the split of beta, and how large beta may be."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from exactformer.verify.arithmetic.formats import (
    BF16,
    E4M3FN,
    FP16,
    FP32,
    FixedFormat,
    is_representable,
    parse_format,
    round_to,
)
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    BetaSplit,
    Exact,
    Fused,
    ModelError,
    Rounded,
    effective_separation,
    is_plain,
    largest_beta_exponent,
    parse_arithmetic,
    split_beta,
    split_for,
)
from exactformer.verify.arithmetic.steps import Exponential, Quotient, Steps

TEXTS: dict[str, ArithmeticModel] = {
    "exact": Exact(),
    "rounded:bf16/bf16": Rounded(BF16, BF16),
    "rounded:fp16/bf16": Rounded(FP16, BF16),
    "fused:bf16/fp32/bf16": Fused(BF16, FP32, BF16),
    "fused:float(6,-10,10)/fp32/fixed12": parse_arithmetic("fused:float(6,-10,10)/fp32/fixed12"),
    "rounded:fixed20/fixed16.2": Rounded(FixedFormat(20), FixedFormat(16, 2)),
    "exact@bf16": Exact(BF16),
    "rounded:bf16/e4m3fn@fp16": Rounded(BF16, E4M3FN, FP16),
    "fused:bf16/fp32/fp16@fixed4.24": Fused(BF16, FP32, FP16, FixedFormat(4, 24)),
    "rounded:bf16/bf16+head64": Rounded(BF16, BF16, steps=Steps(head=64)),
    "rounded:bf16/bf16+linearfloat(9,-3,6)+head4": Rounded(
        BF16, BF16, steps=Steps(linear=parse_format("float(9,-3,6)"), head=4)
    ),
    "rounded:bf16/fp32/bf16": Rounded(BF16, BF16, accumulator=FP32),
    "rounded:fp16/fp32/bf16@bf16+head256+once+exp2-one+faithful+truncate": Rounded(
        FP16,
        BF16,
        BF16,
        FP32,
        Steps(head=256, once=True, exponential=Exponential(2, True), faithful=True, truncate=True),
    ),
    "fused:bf16/fp32/bf16+exp8192+online64+wide+reciprocal": Fused(
        BF16,
        FP32,
        BF16,
        steps=Steps(exponential=Exponential(8192, False), block=64, wide=True, quotient=Quotient.RECIPROCAL),
    ),
    "fused:bf16/fp32/bf16+divide": Fused(BF16, FP32, BF16, steps=Steps(quotient=Quotient.DIVIDE)),
}


@pytest.mark.parametrize("text", TEXTS)
def test_canonical_texts_parse_back(text: str) -> None:
    assert parse_arithmetic(text) == TEXTS[text]
    assert TEXTS[text].text == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("fused:bf16", "fused:bf16/fp32/bf16"),
        ("rounded:bf16", "rounded:bf16/bf16"),
        ("fused:fp8-e4m3fn", "fused:e4m3fn/fp32/e4m3fn"),
        ("exact@fp32", "exact"),
        ("fused:bf16+linearfp8-e5m2", "fused:bf16/fp32/bf16+lineare5m2"),
    ],
)
def test_short_texts(text: str, canonical: str) -> None:
    assert parse_arithmetic(text).text == canonical


BAD_TEXTS: dict[str, str] = {
    "empty": "",
    "no formats": "rounded",
    "empty format": "fused:",
    "exact takes no format": "exact:bf16",
    "exact with a colon": "exact:",
    "unknown format": "fused:fp64",
    "two formats where fused has three": "fused:bf16/bf16",
    "empty scores": "exact@",
    "unknown scores": "exact@fp64",
    "unknown model": "faithful:bf16",
    "accumulator less precise than the weights": "fused:fp32/bf16/bf16",
    "accumulator with a coarser smallest value": "fused:bf16/fp16/bf16",
    "fixed accumulator coarser than the weights": "fused:fixed12/fixed11.20/bf16",
    "float accumulator with fewer bits than fixed weights": "fused:fixed9/bf16/bf16",
}


BAD_STEPS: dict[str, tuple[str, str]] = {
    "unknown": ("fused:bf16+bogus", r"unknown step '\+bogus'.*\+headH"),
    "empty": ("fused:bf16+", r"unknown step '\+'"),
    "before the formats of scores": ("fused:bf16+wide@fp16", r"unknown step '\+wide@fp16'"),
    "wrong order": ("fused:bf16+wide+online4", r"'\+online4' comes after '\+wide'; the order is"),
    "given twice": ("fused:bf16+wide+wide", r"'\+wide' and '\+wide' are both given"),
    "two exponentials": ("fused:bf16+exp2+exp2-one", r"'\+exp2' and '\+exp2-one' are both given"),
    "two quotients": ("fused:bf16+divide+reciprocal", r"'\+divide' and '\+reciprocal' are both given"),
    "linear in what it is anyway": ("fused:bf16+linearfp32", r"'\+linearfp32': weights and sums are in fp32 anyway"),
    "an unknown linear format": ("fused:bf16+linearfp64", r"'\+linearfp64': unknown number format 'fp64'"),
    "no linear format": ("fused:bf16+linear", r"unknown step '\+linear'"),
    "linear after scores": (
        "fused:bf16+once+linearbf16",
        r"'\+linearbf16' comes after '\+once'; the order is \+linearL",
    ),
    "exact has none": ("exact+linearbf16", r"'\+linearbf16' goes with all but exact"),
    "H no power of 4": ("fused:bf16+head32", r"'\+head32'.*power of 4"),
    "H = 1": ("fused:bf16+head1", r"'\+head1'.*power of 4"),
    "H too large": ("fused:bf16+head262144", r"power of 4 from 4 to 65536"),
    "a leading zero": ("fused:bf16+head04", r"unknown step '\+head04'"),
    "no ulp": ("fused:bf16+exp0", r"unknown step '\+exp0'"),
    "too many ulp": ("fused:bf16/fp32/bf16+exp4194305", r"'\+exp4194305': exp errs by 1 to 4194304 ulp in fp32"),
    "blocks too large": ("fused:bf16+online1048577", r"'\+online1048577': blocks"),
    "exact takes none": ("exact+head4", r"'\+head4' goes with all but exact"),
    "exponentials of two formats": ("rounded:bf16/bf16+exp2", r"'\+exp2' goes with fused:W/ACC/A and rounded"),
    "blocks of rounded": ("rounded:bf16/fp32/bf16+online4", r"'\+online4' goes with fused"),
    "quotients of rounded": ("rounded:bf16/fp32/bf16+divide", r"'\+divide' goes with fused"),
    "a fixed accumulator": ("fused:fixed3/fixed4.8/bf16+wide", r"accumulator fixed4 is not floating"),
    "a fixed accumulator of rounded": ("rounded:fixed3/fixed4.8/bf16", r"accumulator fixed4 is not floating"),
    "weights the accumulator does not hold": ("rounded:fp32/bf16/bf16", r"does not hold every value of fp32"),
    "an unknown kernel": ("kernel:warp", r"'kernel:warp'; known are kernel:eager-bf16"),
}


@pytest.mark.parametrize("title", BAD_STEPS)
def test_rejects_steps(title: str) -> None:
    text, says = BAD_STEPS[title]
    with pytest.raises(ModelError, match=says) as refused:
        parse_arithmetic(text)
    assert text in str(refused.value) or "accumulator" in str(refused.value)


def test_with_steps_of_the_scores_alone_a_model_is_plain() -> None:
    models = [parse_arithmetic(f"fused:bf16{steps}") for steps in ("", "+linearbf16+head4+once", "+wide")]
    assert [is_plain(model) for model in models] == [True, True, False]
    assert not is_plain(parse_arithmetic("rounded:bf16/fp32/bf16"))


def test_padded_heads_share_beta_times_the_root_of_their_width() -> None:
    model = parse_arithmetic("rounded:fp16+head256")
    assert split_for(model, 32) == BetaSplit(32, 16)
    assert largest_beta_exponent(model, 64) == largest_beta_exponent(parse_arithmetic("rounded:fp16"), 64) - 4
    assert largest_beta_exponent(model, 256) == 26
    with pytest.raises(ModelError, match="padded to 256 coordinates, but a query has 257"):
        largest_beta_exponent(model, 257)
    with pytest.raises(ModelError, match=r"scores up to 4, times sqrt\(16384\), are not exact"):
        largest_beta_exponent(parse_arithmetic("fused:bf16@e4m3fn+head16384"), 4)


def test_scores_that_are_rounded_once_need_to_be_in_range_only() -> None:
    assert largest_beta_exponent(parse_arithmetic("fused:bf16@e4m3fn+once"), 40) == 3
    with pytest.raises(ModelError, match="in the range of e4m3fn"):
        largest_beta_exponent(parse_arithmetic("fused:bf16@e4m3fn+once"), 480)
    assert largest_beta_exponent(parse_arithmetic("fused:bf16@e4m3fn+once"), 464) == 0


@pytest.mark.parametrize("text", ["fused:bf16@float(3,0,9)+once", "rounded:bf16@e5m2+once"])
def test_the_effective_separation_is_the_least_over_all_pairs(text: str) -> None:
    model = parse_arithmetic(text)
    for largest, separation in product((3, 8, 17, 40), (1, 2, 5, 9, 81)):
        scores = range(-largest, largest + 1)
        pairs = [
            round_to(model.scores, Fraction(a)) - round_to(model.scores, Fraction(b))
            for a, b in product(scores, scores)
            if a - b >= separation
        ]
        assert effective_separation(model, separation, largest) == (min(pairs) if pairs else separation)


@pytest.mark.parametrize("title", BAD_TEXTS)
def test_rejects_as_arithmetic(title: str) -> None:
    with pytest.raises(ModelError):
        parse_arithmetic(BAD_TEXTS[title])


def test_errors_quote_the_text() -> None:
    with pytest.raises(ModelError, match=r"'faithful:bf16'.*exact, rounded:W/A"):
        parse_arithmetic("faithful:bf16")
    with pytest.raises(ModelError, match=r"'fused:fp64'.*unknown number format"):
        parse_arithmetic("fused:fp64")


@pytest.mark.parametrize("exponent", range(12))
def test_beta_is_split_in_halves(exponent: int) -> None:
    split = split_beta(exponent)
    assert split.query * split.key == split.beta == 2**exponent
    assert split.query in (split.key, 2 * split.key)


def test_rejects_beta_below_one() -> None:
    with pytest.raises(ModelError, match="-1"):
        split_beta(-1)


@pytest.mark.parametrize(
    "text",
    [
        "exact",
        "exact@e4m3fn",
        "rounded:bf16",
        "rounded:fp16",
        "rounded:e4m3fn",
        "fused:fixed12",
        "rounded:bf16@e5m2",
    ],
)
@pytest.mark.parametrize("largest_score", [1, 3, 4])
def test_the_largest_beta_is_the_last_that_keeps_scores_exact(text: str, largest_score: int) -> None:
    model = parse_arithmetic(text)
    largest = largest_beta_exponent(model, largest_score)

    def all_representable(exponent: int) -> bool:
        split = split_beta(exponent)
        scores = [Fraction(split.beta * s) for s in range(-largest_score, largest_score + 1)]
        if not all(is_representable(model.scores, score) for score in scores):
            return False
        return isinstance(model, Exact) or all(
            is_representable(model.activations, Fraction(factor)) for factor in (split.query, split.key)
        )

    assert all(all_representable(exponent) for exponent in range(largest + 1))
    assert not all_representable(largest + 1)


SCORES_TOO_LARGE = {
    "more significand bits than the scores have": ("exact@e4m3fn", 17),
    "beyond the fixed range": ("exact@fixed4", 256),
    "one more than 2^24 in fp32": ("fused:bf16", 2**24 + 1),
    "no score at all": ("fused:bf16", 0),
}


@pytest.mark.parametrize("title", SCORES_TOO_LARGE)
def test_rejects_scores_that_are_never_exact(title: str) -> None:
    text, largest_score = SCORES_TOO_LARGE[title]
    with pytest.raises(ModelError, match="score"):
        largest_beta_exponent(parse_arithmetic(text), largest_score)


def test_the_largest_admissible_score_is_accepted() -> None:
    assert largest_beta_exponent(parse_arithmetic("fused:bf16"), 2**24) == 103
    assert largest_beta_exponent(parse_arithmetic("exact@e4m3fn"), 16) == 4
