"""What kernels do in addition, as named steps behind the text of an arithmetic model (SPEC section 19).

Words:
    base      a text without its steps; `ALLOWED` names the kinds there are
    step      what a kernel does in addition, as ``+once``
    composed  ``rounded`` with three formats, or with a step that concerns more than the scores
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from certificates.checker.document import LONGEST_NATURAL, Rejected, quote
from certificates.checker.formats import Format, Rounding

LARGEST_BLOCK = 2**20
LARGEST_HEAD_EXPONENT = 8
"""H = 4^h with 1 <= h up to this."""

PLACES = {
    "head": 0, "once": 1, "exp": 2, "exp-one": 2, "online": 3, "wide": 4, "faithful": 5, "divide": 6, "reciprocal": 6,
    "truncate": 7,
}  # fmt: skip
"""The order of steps; two at one place exclude each other."""
NUMBERED = {"head", "exp", "exp-one", "online"}
ON_SCORES = {"head", "once"}
ALLOWED = {
    "exact": set[str](),
    "rounded with two formats": ON_SCORES,
    "rounded with three formats": ON_SCORES | {"exp", "exp-one", "faithful", "truncate"},
    "fused": set(PLACES),
}
"""From the kind of a base to its steps."""


@dataclass(frozen=True)
class Steps:
    """The steps of a model; without arguments, none.

    ``head`` is h, for H = 4^h; ``exp_error`` is U in ulp, 0 for an exact exponential that is rounded once; ``block`` is
    B of online softmax.
    """

    head: int = 0
    once: bool = False
    exp_error: int = 0
    exp_of_0_is_1: bool = True
    block: int | None = None
    wide: bool = False
    faithful: bool = False
    divide: bool = False
    reciprocal: bool = False
    truncate: bool = False


@dataclass(frozen=True)
class Model:
    """How a softmax head is computed; formats that the ``kind`` (exact, rounded, fused) has not are unused."""

    kind: str
    weight: Format
    accumulator: Format
    activation: Format
    score: Format
    steps: Steps = Steps()
    composed: bool = False

    @property
    def cut(self) -> Rounding:
        """How numbers are rounded to the weight and to the activation format."""
        return "down" if self.steps.truncate else "nearest"


def named_steps(field: str, base: str, texts: list[str]) -> dict[str, int]:
    """From the steps' names, which are in order and belong to this base, to their numbers (0 where they have none)."""
    found: dict[str, int] = {}
    last = -1
    for text in texts:
        match = re.fullmatch(r"([a-z]+)([0-9]*)(-one)?", text, re.ASCII)
        name = match[1] + (match[3] or "") if match else ""
        if match is None or name not in PLACES or bool(match[2]) != (name in NUMBERED):
            raise Rejected(field, f"{quote('+' + text)} is no step")
        if match[2].startswith("0") or len(match[2]) > LONGEST_NATURAL:
            raise Rejected(field, f"{quote('+' + text)} has a number that begins with 0, or is too long")
        if PLACES[name] == last:
            raise Rejected(field, f"{quote('+' + text)} and the step before it exclude each other")
        if PLACES[name] < last:
            raise Rejected(field, f"{quote('+' + text)} is not in the order of steps")
        if name not in ALLOWED[base]:
            raise Rejected(field, f"{quote('+' + text)} is no step of {base}")
        last, found[name] = PLACES[name], int(match[2] or 0)
    return found


def parse_steps(field: str, found: dict[str, int], accumulator: Format) -> Steps:
    """The steps of `named_steps`, if their numbers are in their limits."""
    width, block = found.get("head"), found.get("online")
    error = found.get("exp", found.get("exp-one"))
    widths = {4**h: h for h in range(1, LARGEST_HEAD_EXPONENT + 1)}
    if width is not None and width not in widths:
        raise Rejected(field, f"+head{width} is not 4, 16, .. or 4^{LARGEST_HEAD_EXPONENT}")
    if error is not None and accumulator.p is not None and 4 * error > 2**accumulator.p:
        raise Rejected(field, f"an error of {error} ulp is more than 2^(p-2) in {accumulator.name}")
    if block is not None and block > LARGEST_BLOCK:
        raise Rejected(field, f"+online{block} is a block of more than {LARGEST_BLOCK}")
    return Steps(
        head=0 if width is None else widths[width],
        once="once" in found,
        exp_error=error or 0,
        exp_of_0_is_1="exp" not in found,
        block=block,
        wide="wide" in found,
        faithful="faithful" in found,
        divide="divide" in found,
        reciprocal="reciprocal" in found,
        truncate="truncate" in found,
    )
