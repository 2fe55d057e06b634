"""How much work something is, in numbers that a busy machine does not change: no test looks at a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import FrameType
from typing import Any
from unittest.mock import patch

from exactformer.certificates.checker import formats as checker_formats
from exactformer.certificates.checker.softmax import cases
from exactformer.verify.arithmetic import formats, scaled_separation, ties


def calls(work: Callable[[], object]) -> int:
    """How many functions ``work`` calls, those written in C included."""
    count = 0

    def see(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@dataclass
class Roundings:
    """How many numbers were rounded to a format: by what makes certificates, and by the checker."""

    certify: int = 0
    check: int = 0


@contextmanager
def counting_roundings() -> Iterator[Roundings]:
    """Counts within it; before that, what both remember is forgotten."""
    found, ours, theirs = Roundings(), formats._rounded, checker_formats.Format.round

    def counting_ours(*arguments: Any) -> tuple[int, int]:
        found.certify += 1
        return ours(*arguments)

    def counting_theirs(*arguments: Any) -> Fraction:
        found.check += 1
        return theirs(*arguments)

    by_certify = (
        scaled_separation.most_ties,
        scaled_separation.least_scaled_separation,
        ties.at_zero,
        ties.alone,
        ties.among,
    )
    for remembered in (*by_certify, cases.holds):
        remembered.cache_clear()
    with (
        patch.object(formats, "_rounded", counting_ours),
        patch.object(checker_formats.Format, "round", counting_theirs),
    ):
        yield found
