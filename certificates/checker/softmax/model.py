"""The texts of arithmetics, and the scores they admit (ARITHMETIC 2 and 3).

Words:
    base    a text without its steps; `ALLOWED` names the kinds there are
    step    something that a kernel does in addition, such as ``+once``
    linear  the format of weights, MLP sums, residual sums and logits (ARITHMETIC 8)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exactformer.certificates.checker.document import LONGEST_NATURAL, Rejected, quote
from exactformer.certificates.checker.formats import (
    LARGEST_PARAMETER,
    NAMED,
    Format,
    Overflow,
    Rounding,
    adds_values_of,
    parse_format,
)

LARGEST_BLOCK = 2**20
LARGEST_HEAD_EXPONENT = 8
"""The largest h of H = 4^h, from 1 on."""

PLACES = {
    "linear": 0, "stored": 1, "head": 2, "once": 3, "exp": 4, "exp-one": 4, "online": 5, "wide": 6, "faithful": 7,
    "divide": 8, "reciprocal": 8, "truncate": 9,
}  # fmt: skip
"""The order of steps; two steps at the same place exclude each other."""
NUMBERED = {"head", "exp", "exp-one", "online"}
PLAIN = {"linear", "stored", "head", "once"}
"""Steps about the linear format and the scores; if there are other steps, sums are in a floating format."""
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
    stored: bool = False
    linear: Format = NAMED["fp32"]


@dataclass(frozen=True)
class Model:
    """How a softmax head is computed, for the ``kind`` exact, rounded or fused.

    ``accumulator`` is None if sums are exact; ``exact`` uses no format except that of scores.
    """

    kind: str
    weight: Format
    accumulator: Format | None
    activation: Format
    score: Format
    steps: Steps = Steps()

    @property
    def cut(self) -> Rounding:
        """How numbers are rounded to the weight and to the activation format."""
        return "down" if self.steps.truncate else "nearest"


def parse_model(field: str, text: str, of_networks: bool = False) -> Model:
    """The arithmetic model with this canonical text (ARITHMETIC 2). ``+stored`` is for networks whose activations need
    not be ternary: elsewhere nothing would judge it.
    """
    base, plus, names = text.partition("+")
    body, at, score = base.partition("@")
    kind, _, listed = body.partition(":")
    formats = [parse_format(field, name) for name in listed.split("/")] if listed else []
    wrong_number = len(formats) not in {"exact": (0,), "rounded": (2, 3), "fused": (3,)}.get(kind, ())
    if wrong_number or (at and score == "fp32") or (kind == "exact" and body != "exact"):
        raise Rejected(field, f"{quote(base)} is not the canonical text of an arithmetic model")
    if len(formats) == 3 and not adds_values_of(formats[1], formats[0]):
        raise Rejected(field, f"{formats[1].name} does not have all weights of {formats[0].name} in [0, 1] as values")
    fp32 = NAMED["fp32"]
    weight, *middle, activation = formats or [fp32, fp32]
    accumulator, of_score = middle[0] if middle else None, parse_format(field, score) if at else fp32
    base_kind = (
        {2: "rounded with two formats", 3: "rounded with three formats"}[len(formats)] if kind == "rounded" else kind
    )
    found = named_steps(field, base_kind, names.split("+") if plus else [])
    if "stored" in found and not of_networks:
        raise Rejected(field, f"{quote(text)} has +stored, which is judged for words of a language only")
    needs_floating = base_kind == "rounded with three formats" or not found.keys() <= PLAIN
    if needs_floating and accumulator is not None and accumulator.p is None:
        raise Rejected(field, f"the accumulator {accumulator.name} is not floating, as {quote(text)} needs")
    return Model(kind, weight, accumulator, activation, of_score, parse_steps(field, found, accumulator))


def named_steps(field: str, base: str, texts: list[str]) -> dict[str, str]:
    """From the steps' names, in order and of this base, to their formats or numbers (empty where they have none)."""
    found: dict[str, str] = {}
    last = -1
    for text in texts:
        name, what = _split(text)
        if name not in PLACES or bool(what) != (name in NUMBERED or name == "linear"):
            raise Rejected(field, f"{quote('+' + text)} is not a step")
        if what.startswith("0") or len(what) > LONGEST_NATURAL:
            raise Rejected(field, f"{quote('+' + text)} has a number that begins with 0, or is too long")
        if PLACES[name] == last:
            raise Rejected(field, f"{quote('+' + text)} and the step before it exclude each other")
        if PLACES[name] < last:
            raise Rejected(field, f"{quote('+' + text)} is not in the order of steps")
        if name not in ALLOWED[base]:
            raise Rejected(field, f"{quote('+' + text)} is not a step of {base}")
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


def parse_steps(field: str, found: dict[str, str], accumulator: Format | None) -> Steps:
    """The steps of `named_steps`, if their formats are known and their numbers are in their limits."""
    numbers = {name: int(what) for name, what in found.items() if name in NUMBERED}
    width, block = numbers.get("head"), numbers.get("online")
    error = numbers.get("exp", numbers.get("exp-one"))
    if found.get("linear") == "fp32":
        raise Rejected(field, "names +linearfp32, which holds without being named")
    widths = {4**h: h for h in range(1, LARGEST_HEAD_EXPONENT + 1)}
    if width is not None and width not in widths:
        raise Rejected(field, f"+head{width} is not 4, 16, .. or 4^{LARGEST_HEAD_EXPONENT}")
    if error is not None and accumulator is not None and accumulator.p is not None and 4 * error > 2**accumulator.p:
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
        stored="stored" in found,
    )


def largest_admitted(model: Model, largest_score: int) -> int | None:
    """The largest e such that beta = 2^e is admitted (ARITHMETIC 3), or None; all smaller e are admitted too."""
    reach = Fraction(largest_score)
    if model.steps.once:
        try:
            reach = model.score.of(reach)
        except Overflow:
            return None
    elif model.score.p is not None and largest_score > 2**model.score.p:
        return None
    last = None
    for e in range(2 * LARGEST_PARAMETER + 2):
        scale = e + model.steps.head  # beta sqrt(H) = 2^scale
        if reach * 2**scale > model.score.largest:
            break
        if model.kind != "exact" and 2 ** ((scale + 1) // 2) > model.activation.largest:
            break
        last = e
    return last


def separation_of_scores(model: Model, largest_score: int, D: int) -> int:
    """How far scores that differ by D or more are apart once they are rounded: D' of ARITHMETIC 3."""
    if not model.steps.once or 2 * largest_score < D:
        return D
    return _separation_once(model.score, largest_score, D)


@lru_cache(maxsize=2**10)
def _separation_once(score: Format, largest_score: int, D: int) -> int:
    rounded = {s: int(score.round(s, 1)) for s in range(-largest_score, largest_score + 1)}
    return min(rounded[a] - rounded[a - D] for a in range(D - largest_score, largest_score + 1))
