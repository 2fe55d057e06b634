"""Does a check cost less than the certificate it checks, in every arithmetic and context?

    python -m benchmarks.arithmetics [--commands 8,16]

First the softmax part alone, for contexts 2^8 to 2^64: how many numbers `certify` rounds to decide the cases of an
all-inputs certificate whose ties go up to the context, how many `check` rounds to show those that hold, and the seconds
of both.  Then whole commands in contexts of 2^8 and 2^16 tokens (or those given), each in a process of its own.  Prints
the tables and writes benchmarks/arithmetics.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import parser_of
from benchmarks.universal import Certified, Checked, certify, check
from exactformer.certificates.checker.softmax.cases import holds
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.verify.all_inputs import Universal, decide_heads
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.audit import HeadClass
from tests.effort import counting_roundings

RESULTS = Path(__file__).with_name("arithmetics.json")
GRID = (
    "rounded:fixed60/bf16",
    "rounded:fixed32/bf16",
    "rounded:fixed24/fp16",
    "rounded:fp32/bf16",
    "rounded:fp16/bf16",
    "rounded:bf16/bf16",
    "rounded:e4m3fn/e4m3fn",
    "rounded:e5m2/e5m2",
    "rounded:e4m3fn/bf16",
    "fused:bf16/fp32/bf16",
    "fused:e4m3fn/fp32/bf16",
    "fused:fp16/fp16/fp16",
    "rounded:bf16/fp32/bf16+head256+exp2-one",
    "rounded:fixed24/fp32/fp16+exp2-one",
    "fused:bf16/fp32/bf16+head256+exp20-one+online512+wide+reciprocal",
    "fused:e4m3fn/fp32/bf16+head256+exp2940+online64+wide+faithful+reciprocal",
)
CONTEXTS = (8, 16, 24, 40, 64)
MACHINE = "rewrite"
"""A machine with no known bound on writes of a cell, so that ties go up to the context."""
COMMANDS = (8, 16)


@dataclass(frozen=True)
class SoftmaxPart:
    """One arithmetic at N = 2^r: what is decided, and the numbers rounded and seconds on either side."""

    arithmetic: str
    r: int
    ties: str
    certify_rounded: int
    check_rounded: int
    certify_seconds: float
    check_seconds: float


def decide(arithmetic: str, r: int) -> Universal:
    """The softmax part, as `certify --all-inputs` decides it: three classes of heads, ties up to N."""
    return decide_heads(tuple(HeadClass), 4 * r - 1, parse_arithmetic(arithmetic), 1 << r, 1 << r, None)


def decide_again(decided: Universal, r: int) -> None:
    """As in the checker, for heads that are stated to hold; raises AssertionError if it does not show that."""
    theirs, exponent = parse_model("arithmetic", decided.model.text), decided.beta.bit_length() - 1
    for case in decided.cases:
        facts = case.facts
        if case.holds and not holds(theirs, 1 << r, facts.separation, ((1, facts.most),), exponent):
            raise AssertionError(f"{decided.model.text}, N = 2^{r}: check does not show {facts}")


def softmax_part(arithmetic: str, r: int) -> SoftmaxPart:
    """Decided on both sides."""
    with counting_roundings() as made:
        started = time.perf_counter()
        decided = decide(arithmetic, r)
        made_in = time.perf_counter() - started
    with counting_roundings() as checked:
        started = time.perf_counter()
        decide_again(decided, r)
        checked_in = time.perf_counter() - started
    ties = "all" if decided.proved else f"up to {decided.cases[-1].up_to}"
    return SoftmaxPart(arithmetic, r, ties, made.certify, checked.check, round(made_in, 3), round(checked_in, 3))


def shown(part: SoftmaxPart) -> str:
    return (
        f"{part.arithmetic:<72} 2^{part.r:<2} {part.ties:<24} rounded {part.certify_rounded:>6} {part.check_rounded:>6}"
        f"   {part.certify_seconds:>7.3f} s {part.check_seconds:>7.3f} s"
    )


def commands(exponents: Sequence[int]) -> tuple[list[Certified], list[Checked]]:
    """Whole commands."""
    made, checked = list[Certified](), list[Checked]()
    for r in exponents:
        for arithmetic in GRID:
            with tempfile.TemporaryDirectory() as folder:
                made.append(certify(MACHINE, r, Path(folder), "--arithmetic", arithmetic))
                checked.append(check(MACHINE, r, Path(folder)))
            seconds = f"{made[-1].seconds:>6.2f} s {checked[-1].seconds:>6.2f} s"
            print(f"{arithmetic:<72} 2^{r:<2} {made[-1].verdict:<13} {seconds}", flush=True)
    return made, checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Both parts."""
    parser = parser_of(__file__, __doc__)
    parser.add_argument(
        "--commands", metavar="R,..", default=",".join(map(str, COMMANDS)), help="whole commands at 2^R"
    )
    asked = parser.parse_args(arguments)
    exponents = [int(r) for r in asked.commands.split(",") if r]
    parts = []
    for arithmetic in GRID:
        for r in CONTEXTS:
            parts.append(softmax_part(arithmetic, r))
            print(shown(parts[-1]), flush=True)
    made, checked = commands(exponents)
    rows = [
        {"arithmetic": arithmetic, "certify": asdict(one), "check": asdict(other)}
        for arithmetic, one, other in zip(GRID * len(exponents), made, checked, strict=True)
    ]
    document = {"softmax": [asdict(part) for part in parts], "machine": MACHINE, "commands": rows}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
