"""What kernels do in addition, as named steps behind the text of an arithmetic model (SPEC section 19).

Words:
    base      a text without its steps; `ALLOWED` names the kinds there are
    step      what a kernel does in addition, as ``+once``
    linear    the format of weights, MLP sums, residual sums and logits (SPEC 7.5)
    composed  ``rounded`` with three formats, or with a step that is not in `PLAIN`
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exactformer.certificates.checker.document import LONGEST_NATURAL, Rejected, quote
from exactformer.certificates.checker.formats import NAMED, Format, Rounding, parse_format

LARGEST_BLOCK = 2**20
LARGEST_HEAD_EXPONENT = 8
"""H = 4^h with 1 <= h up to this."""

PLACES = {
    "linear": 0, "head": 1, "once": 2, "exp": 3, "exp-one": 3, "online": 4, "wide": 5, "faithful": 6, "divide": 7,
    "reciprocal": 7, "truncate": 8,
}  # fmt: skip
"""The order of steps; two at one place exclude each other."""
NUMBERED = {"head", "exp", "exp-one", "online"}
PLAIN = {"linear", "head", "once"}
"""Steps that do not make a model composed: they are about the linear format and the scores."""
ALLOWED = {
    "exact": set[str](),
    "rounded with two formats": PLAIN,
    "rounded with three formats": PLAIN | {"exp", "exp-one", "faithful", "truncate"},
    "fused": set(PLACES),
}
"""From the kind of a base to its steps."""


@dataclass(frozen=True)
class Steps:
    """The steps of a model; without arguments, none.

    ``linear`` is the linear format, fp32 if no step names another. ``head`` is h, for H = 4^h; ``exp_error`` is U in
    ulp, 0 for an exact exponential that is rounded once; ``block`` is B of online softmax.
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
    linear: Format = NAMED["fp32"]


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


def named_steps(field: str, base: str, texts: list[str]) -> dict[str, str]:
    """From the steps' names, in order and of this base, to their formats or numbers (empty where they have none)."""
    found: dict[str, str] = {}
    last = -1
    for text in texts:
        name, what = _split(text)
        if name not in PLACES or bool(what) != (name in NUMBERED or name == "linear"):
            raise Rejected(field, f"{quote('+' + text)} is no step")
        if what.startswith("0") or len(what) > LONGEST_NATURAL:
            raise Rejected(field, f"{quote('+' + text)} has a number that begins with 0, or is too long")
        if PLACES[name] == last:
            raise Rejected(field, f"{quote('+' + text)} and the step before it exclude each other")
        if PLACES[name] < last:
            raise Rejected(field, f"{quote('+' + text)} is not in the order of steps")
        if name not in ALLOWED[base]:
            raise Rejected(field, f"{quote('+' + text)} is no step of {base}")
        last, found[name] = PLACES[name], what
    return found


def _split(text: str) -> tuple[str, str]:
    """A step's name and the number or the format that it names.

    >>> [_split(text) for text in ("wide", "exp20-one", "linearfixed8.4")]
    [('wide', ''), ('exp-one', '20'), ('linear', 'fixed8.4')]
    """
    if text.startswith("linear"):
        return "linear", text.removeprefix("linear")
    match = re.fullmatch(r"([a-z]+)([0-9]*)(-one)?", text, re.ASCII)
    return (match[1] + (match[3] or ""), match[2]) if match else (text, "")


def parse_steps(field: str, found: dict[str, str], accumulator: Format) -> Steps:
    """The steps of `named_steps`, if their formats are known and their numbers are in their limits."""
    numbers = {name: int(what) for name, what in found.items() if name in NUMBERED}
    width, block = numbers.get("head"), numbers.get("online")
    error = numbers.get("exp", numbers.get("exp-one"))
    if found.get("linear") == "fp32":
        raise Rejected(field, "names +linearfp32, which is what holds without it")
    widths = {4**h: h for h in range(1, LARGEST_HEAD_EXPONENT + 1)}
    if width is not None and width not in widths:
        raise Rejected(field, f"+head{width} is not 4, 16, .. or 4^{LARGEST_HEAD_EXPONENT}")
    if error is not None and accumulator.p is not None and 4 * error > 2**accumulator.p:
        raise Rejected(field, f"an error of {error} ulp is more than 2^(p-2) in {accumulator.name}")
    if block is not None and block > LARGEST_BLOCK:
        raise Rejected(field, f"+online{block} is a block of more than {LARGEST_BLOCK}")
    return Steps(
        linear=parse_format(field, found.get("linear", "fp32")),
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
