"""Public reports about attention kernels, reproduced by recipes: the facts, the smallest failing input that is found,
and the repaired recipe, of which none is found, and which is proved for the same inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from exactformer.certificates.checker.kernels.bound import Inputs, errors
from exactformer.certificates.checker.kernels.execute import Key, execute, wanted
from exactformer.certificates.checker.kernels.numbers import NAN, Number, is_above
from exactformer.certificates.checker.kernels.recipe import Recipe
from exactformer.certificates.kernels.files import load_recipe, names
from exactformer.certificates.kernels.search import differing_input, failing_input

LARGEST_SCORE = 64 * 133120**2
"""Of pytorch/pytorch#121558, before it is scaled: a head of 64, with query and key of 133120."""
LOWEST = -(2**128 - 2**104)
"""About -3.4028e38, the most negative number of fp32."""


def inputs(keys: int, scores: tuple[int, int], values: tuple[int, int] = (-1, 1), masked: str = "none") -> Inputs:
    (s0, s1), (v0, v1) = scores, values
    return Inputs(keys, (Fraction(s0), Fraction(s1)), (Fraction(v0), Fraction(v1)), masked)


@dataclass(frozen=True)
class Report:
    """Sources, a recipe, inputs and a tolerance; how many keys the failing input has; and the length of blocks, where a
    whole one has to be filled: shorter ones are tried sooner."""

    sources: tuple[str, ...]
    recipe: str
    inputs: Inputs
    tolerance: Fraction
    fails: int
    block: str | None = None

    def read(self, name: str) -> Recipe:
        text = load_recipe(name)
        return text.recipe if self.block is None else text.changed("block", self.block).recipe


REPORTS = {
    "a fused multiply-add against a rounded maximum": Report(
        ("pytorch/pytorch#121558", "deepseek-ai/FlashMLA#68"),
        "flash-2-bf16",
        inputs(4, (-LARGEST_SCORE, LARGEST_SCORE)),
        Fraction(1, 8),
        1,
    ),
    "a maximum that starts at a finite number": Report(
        ("flashinfer-ai/flashinfer#4267", "ROCm/aiter#5086"),
        "buggy-finite-start",
        inputs(16, (-(2**18), 0), masked="some"),
        Fraction(1, 8),
        1,
    ),
    "masked scores that are a finite number": Report(
        ("ohdearquant/lattice#361", "TransformerLensOrg/TransformerLens#318"),
        "buggy-finite-mask",
        inputs(16, (-20000, 0), (1, 100), "some"),
        Fraction(1),
        2,
    ),
    "a row without a key": Report(
        ("pytorch/pytorch#103963",), "buggy-no-guard", inputs(8, (-8, 8), masked="any"), Fraction(1, 2**12), 1
    ),
    "a first block without a key": Report(
        ("Dao-AILab/flash-attention#2082",),
        "buggy-stored-zero",
        inputs(16, (-2000, 2000), masked="some"),
        Fraction(1, 8),
        5,
        "4",
    ),
    "an offset and a threshold that saturate": Report(
        ("Dao-AILab/flash-attention#2577", "Dao-AILab/flash-attention#2131"),
        "buggy-rescale-threshold",
        inputs(16, (-64, 64), (0, 1)),
        Fraction(3, 32),
        5,
        "4",
    ),
    "weights that underflow in the numerator only": Report(
        ("ROCm/FlyDSL#1020", "flashinfer-ai/flashinfer#5020"),
        "buggy-fp8-underflow",
        inputs(256, (-64, 64), (1, 1)),
        Fraction(1, 8),
        150,
    ),
    "a mask of the lowest number": Report(
        ("pytorch/pytorch#109517",), "buggy-lowest-mask", inputs(8, (-8, 8), masked="any"), Fraction(1, 8), 1
    ),
}


@pytest.mark.parametrize("title", REPORTS)
def test_the_failing_input_is_found(title: str) -> None:
    report = REPORTS[title]
    recipe = report.read(report.recipe)
    found = failing_input(recipe, report.inputs, report.tolerance)
    assert found is not None
    assert len(found.keys) == report.fails
    assert is_above(found.error, report.tolerance)
    assert found.output == execute(recipe, found.keys)
    assert all(report.inputs.scores[0] <= key.score <= report.inputs.scores[1] for key in found.keys)


@pytest.mark.parametrize("title", REPORTS)
def test_the_repaired_recipe_is_proved(title: str) -> None:
    """For the same inputs, and for more keys, with the same blocks."""
    report = REPORTS[title]
    text = load_recipe(report.recipe)
    assert text.repaired is not None
    assert failing_input(report.read(text.repaired), replace(report.inputs, keys=16), report.tolerance) is None
    shown = errors(load_recipe(text.repaired).recipe, replace(report.inputs, keys=256))
    assert sum(shown.values()) <= report.tolerance


def test_every_recipe_that_goes_wrong_is_reported() -> None:
    assert {name for name in names() if load_recipe(name).repaired} == {
        *(report.recipe for report in REPORTS.values()),
        "buggy-split-count",
    }
    for report in (*REPORTS.values(), SPLITS):
        reported = " ".join(load_recipe(report.recipe).reported)
        assert [source for source in report.sources if source not in reported] == []


def made(name: str, *keys: tuple[int, int] | tuple[int, int, bool], **changes: str) -> Number:
    """What a recipe makes of keys: score, value, and perhaps whether it is masked."""
    text = load_recipe(name)
    for field, value in changes.items():
        text = text.changed(field.replace("__", "."), value)
    return execute(text.recipe, [Key(Fraction(score), Fraction(value), *masked) for score, value, *masked in keys])


def test_facts_of_the_fused_multiply_add() -> None:
    """pytorch/pytorch#121558: one key, all of 133120: NaN, where 133120 is right. deepseek-ai/FlashMLA#68: it may be 0,
    too, as when the rounded maximum is above."""
    assert made("flash-2-bf16", (LARGEST_SCORE, 133120)) is NAN
    assert made("flash-2-bf16-unfused", (LARGEST_SCORE, 133120)) == 133120
    assert {made("flash-2-bf16", (LARGEST_SCORE - 2**16 * step, 133120)) for step in range(8)} == {NAN, Fraction(0)}


def test_facts_of_finite_starts() -> None:
    """flashinfer-ai/flashinfer#4267: raw scores of -2.45e5 give 0. ROCm/aiter#5086: -1e30, a score of -2^100, and 0,
    where 1 is right."""
    assert made("buggy-finite-start", (-245000, 1)) == 0
    assert made("flash-2-bf16", (-245000, 1)) == 1
    start = str(int(Fraction(-(10**30)) // 2**76) * 2**76)
    assert made("flash-2-bf16", (-(2**100), 1), maximum__start=start) == 0
    assert made("flash-2-bf16-unfused", (-(2**100), 1)) == 1


def test_facts_of_finite_masks() -> None:
    """ohdearquant/lattice#361: a score of -20000, scale 1, value 1, and a masked key with value 100: 100."""
    keys = (-20000, 1), (0, 100, True)
    assert made("buggy-finite-mask", *keys, scale="1") == 100
    assert made("flash-2-bf16", *keys, scale="1") == 1


def test_facts_of_rows_and_blocks_without_a_key() -> None:
    """pytorch/pytorch#103963, pytorch/pytorch#109517: NaN. Dao-AILab/flash-attention#2082: zeroed, where scores after
    a masked block are all far below 0."""
    row = [(0, 1, True)] * 8
    assert made("buggy-no-guard", *row) is NAN
    assert made("math-fp32", *row) == 0
    assert made("buggy-lowest-mask", *row) is NAN
    late = [(0, 1, True)] * 64 + [(-1000, 1)] * 64
    assert made("buggy-stored-zero", *late) == 0
    assert made("flash-2-bf16", *late) == 1


def test_facts_of_fp8() -> None:
    """Dao-AILab/flash-attention#2577: weights of up to 2^12 are cut at 448. ROCm/FlyDSL#1020: with V = 1 as little as
    0.637 of 1, with thousands of keys whose weights are below 2^-10."""
    rises = [(-21, 0)] * 128 + [(0, 1)]  # by 21/8 * log2 e = 3.8 < 4
    right = wanted(load_recipe("flash-4-fp8").recipe, [Key(Fraction(s), Fraction(v)) for s, v in rises])
    assert right is not None
    cut, whole = made("buggy-rescale-threshold", *rises), made("flash-4-fp8", *rises)
    assert isinstance(cut, Fraction)
    assert isinstance(whole, Fraction)
    assert cut < right[0] * Fraction(448, 2900)
    assert abs(whole - right[0]) < Fraction(1, 256)
    tail = [(0, 1)] + [(-56, 1)] * 640
    lost, kept = made("buggy-fp8-underflow", *tail), made("flash-3-fp8", *tail)
    assert isinstance(lost, Fraction)
    assert lost < Fraction(637, 1000)
    assert kept == 1


SPLITS = Report(
    ("ROCm/aiter#4378", "deepseek-ai/FlashMLA#212"), "buggy-split-count", inputs(12, (-32, 32)), Fraction(1, 64), 0
)


def test_facts_of_splits() -> None:
    """ROCm/aiter#4378: one part and eight differ by 2.4e-3 in bf16; with parts of a fixed length, their number changes
    nothing."""
    text = load_recipe(SPLITS.recipe)
    one, eight = (text.changed("splits", f"{{count: {count}}}").recipe for count in (1, 8))
    keys = differing_input(one, eight, SPLITS.inputs, 2000)
    assert keys is not None
    difference = Fraction(str(execute(one, keys))) - Fraction(str(execute(eight, keys)))
    assert 0 < abs(difference) < Fraction(1, 64)
    assert text.repaired == "decode-by-length"
    assert (
        load_recipe("decode-by-length").recipe.part(10**6) == load_recipe("decode-by-length").recipe.part(10**3) == 256
    )
