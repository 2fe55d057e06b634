"""Names of the arithmetic models, the split of beta, and how large beta may be."""

from __future__ import annotations

from fractions import Fraction

import pytest

from verify.arithmetic.formats import BF16, E4M3FN, FP16, FP32, FixedFormat, is_representable
from verify.arithmetic.models import (
    ArithmeticModel,
    Exact,
    Fused,
    ModelError,
    Rounded,
    largest_beta_exponent,
    parse_arithmetic,
    split_beta,
)

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
