"""For each arithmetic and context that the audit does not prove: a run with a wrong token, or what was tried.

    python -m benchmarks.counterexamples

First table: the arithmetics of ``ARITHMETICS`` at the beta that the audit chooses, contexts 2^8 to 2^12, all machines
of the library.  Second table: arithmetics that are proved, with beta halved again and again.  Every run is computed in
exact numbers; seconds are those of one core.  Prints the tables and writes benchmarks/counterexamples.json.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import parser_of
from exactformer.constructions.machines.library import HANDWRITTEN
from exactformer.constructions.machines.run import Run
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.rounded.order import Order
from exactformer.verify.rounded.search import Search, search, standing_of
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("counterexamples.json")
MACHINES = tuple(entry.machine for entry in HANDWRITTEN.values())
CONTEXTS = (2**8, 2**9, 2**10, 2**11, 2**12)
ROUNDED = (
    *("fp32/fp32", "bf16/bf16", "fp16/fp16", "e4m3fn/e4m3fn", "e5m2/e5m2", "fixed8/fixed8", "fixed12/fixed12"),
    *("fixed16/fixed16", "fp32/bf16", "fp16/bf16", "e4m3fn/bf16", "e5m2/bf16", "fixed8/bf16"),
)
FUSED = (
    *("fp32/fp32/fp32", "bf16/fp32/bf16", "fp16/fp32/fp16", "e4m3fn/fp32/e4m3fn", "e5m2/fp32/e5m2"),
    *("bf16/bf16/bf16", "fp16/fp16/fp16", "e4m3fn/fp16/e4m3fn", "e4m3fn/bf16/bf16", "e5m2/e5m2/e5m2"),
    "e4m3fn/e4m3fn/e4m3fn",
)
ARITHMETICS = (*(f"rounded:{one}" for one in ROUNDED), *(f"fused:{one}" for one in FUSED))
HALVED = ("fused:bf16/fp32/bf16", "fused:fp16/fp32/fp16", "fused:e4m3fn/fp32/e4m3fn", "fused:e5m2/fp32/e5m2")
HALVED_CONTEXT = 2**8
MOST_TOKENS = {2**8: 2000, 2**9: 2000, 2**10: 2000, 2**11: 2000, 2**12: 3300}
"""Tokens for each row; for the longest context, about the busiest run alone.  For two orders of sums, three times
that."""
MOST_TOKENS_HALVED = 400


@dataclass(frozen=True)
class Row:
    """One arithmetic in one context.

    writes: the inequalities hold up to this many writes of one cell.  verdict: of the claim that every token is right.
    """

    arithmetic: str
    context: int
    beta: int
    writes: int
    verdict: str
    machine: str | None
    word: str | None
    tokens: int | None
    wrong_token: int | None
    expected: str | None
    generated: str | None
    order: str | None
    maximisers: int | None
    runs: int
    runs_that_differ: int
    tokens_read: int
    failures: int
    largest_drift: str | None
    seconds: float

    @property
    def words(self) -> str:
        where = f"{self.arithmetic:<30} N = {self.context:>5} beta = {self.beta:>5}  "
        tried = f"{self.runs} runs, {self.tokens_read:,} tokens, activations differ on {self.runs_that_differ}"
        tried += f", {self.failures} not computed" if self.failures else ""
        if self.verdict == Verdict.PROVED.value:
            return f"{where}{self.verdict}"
        if self.word is None:
            return f"{where}{self.verdict}: shown up to {self.writes} writes; {tried}"
        word = f"{self.word[:12]}..({len(self.word)})" if len(self.word) > 16 else self.word
        wrong = f"token {self.wrong_token} of {self.tokens}: {self.generated} for {self.expected}"
        return f"{where}{self.verdict} {self.machine} {word!r} {wrong}, {self.order}, {self.maximisers} maximisers"


def row(
    arithmetic: str,
    context: int,
    beta: int | None,
    most_tokens: int,
    also: Sequence[Run] = (),
    orders: Sequence[Order] | None = None,
) -> tuple[Row, Search]:
    """Search one row; ``also``: runs to try first."""
    started = time.process_time()
    model = parse_arithmetic(arithmetic)
    found = search(MACHINES, model, context, beta=beta, most_tokens=most_tokens, also=also, orders=orders)
    wrong, seconds = found.found, round(time.process_time() - started, 1)
    standing = max(found.standings, key=lambda one: (not one.proved, one.beta))
    token = wrong.comparison.wrong if wrong and wrong.comparison else None
    first = wrong.comparison.first if wrong and wrong.comparison else None
    return Row(
        arithmetic=arithmetic,
        context=context,
        beta=wrong.beta if wrong else standing.beta,
        writes=standing.writes,
        verdict=found.verdict.value,
        machine=wrong.candidate.run.machine.name if wrong else None,
        word=wrong.candidate.run.word if wrong else None,
        tokens=wrong.candidate.tokens if wrong else None,
        wrong_token=token.index if token else None,
        expected=token.expected if token else None,
        generated=token.generated if token else None,
        order=wrong.order.value if wrong else None,
        maximisers=first.origins[0].maximisers if first and first.origins else None,
        runs=len(found.attempts),
        runs_that_differ=sum(one.differs for one in found.attempts),
        tokens_read=sum(one.candidate.tokens for one in found.attempts),
        failures=sum(one.failure is not None for one in found.attempts),
        largest_drift=_largest_drift(found),
        seconds=seconds,
    ), found


def _largest_drift(found: Search) -> str | None:
    drifts = [drift for one in found.attempts if one.comparison for _, drift in one.comparison.drift]
    return str(max(drifts)) if drifts else None


def chosen_beta() -> list[Row]:
    """Each arithmetic, context by context; what went wrong in a shorter context is tried first in a longer one."""
    rows: list[Row] = []
    for arithmetic in ARITHMETICS:
        also: tuple[Run, ...] = ()
        for context in CONTEXTS:
            most = MOST_TOKENS[context] * (3 if arithmetic.startswith("fused") else 1)
            one, found = row(arithmetic, context, None, most, also)
            also = (found.found.candidate.run,) if found.found else also
            rows.append(one)
            print(one.words, f"({one.seconds} s)", flush=True)
    return rows


def halved_beta() -> list[Row]:
    """From half of the least beta that is proved down to 1, or until tokens are wrong; sums from left to right."""
    rows: list[Row] = []
    for arithmetic in HALVED:
        beta = max(standing_of(m, parse_arithmetic(arithmetic), HALVED_CONTEXT).beta for m in MACHINES)
        while beta > 1:
            beta //= 2
            one, _ = row(arithmetic, HALVED_CONTEXT, beta, MOST_TOKENS_HALVED, orders=(Order.LEFT_TO_RIGHT,))
            rows.append(one)
            print(one.words, f"({one.seconds} s)", flush=True)
            if one.word is not None:
                break
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser_of(__file__, __doc__).parse_args(arguments)
    started = time.process_time()
    chosen, halved = chosen_beta(), halved_beta()
    seconds = round(time.process_time() - started, 1)
    print(f"{seconds} s of one core in all")
    report = {
        "machines": [machine.name for machine in MACHINES],
        "chosen_beta": [asdict(one) for one in chosen],
        "halved_beta": [asdict(one) for one in halved],
        "seconds": seconds,
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
