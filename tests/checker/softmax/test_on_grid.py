"""Rounding in integers, of what is on the grid, is that of formats."""

from __future__ import annotations

from random import Random
from typing import get_args

import pytest

from exactformer.certificates.checker.formats import Rounding, parse_format
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.softmax.numbers import Unbounded

FORMATS = ("fp32", "bf16", "fp16", "e4m3fn", "e5m2", "fixed4", "fixed8.12", "float(2,-2,3)", "float(3,-2,6)")


@pytest.mark.parametrize("name", FORMATS)
def test_on_the_grid_as_anywhere(name: str) -> None:
    """Small and large, ties and what is next to them, and what overflows."""
    random, form, how = Random(name), parse_format("format", name), arithmetic_of("fused:bf16/fp32/bf16", 0)
    lowest, ties, overflows = form.lowest + how.grid, 0, 0
    for _ in range(1500):
        tie = (2 * random.randint(0, 2**9) + 1) << max(lowest + random.randint(-3, 60), 0)
        end = random.choice((tie, tie - 1, tie + 1, random.randint(0, 2 ** random.randint(1, 420)), 0))
        end = random.choice((end, -end))
        for to in get_args(Rounding):
            try:
                found = how.on_grid(form, end, to)
            except Unbounded:
                with pytest.raises(Unbounded):
                    how.round(form, end, how.unit, to)
                overflows += 1
                continue
            assert found == how.round(form, end, how.unit, to)
            ties += end == tie
    assert ties > 5
    assert overflows > 10
