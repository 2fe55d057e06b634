"""Do runtimes do what certificates say?  Exported decoders in PyTorch, on a CPU, against certificates' verdicts.

    python -m benchmarks.runtime [--rows 200] [--seed 0]

A row: a machine of the library on a word, an arithmetic, a beta, and a runtime that is believed to be an instance
of this arithmetic (certificates/export/runtimes.py).  Every row is certified, exported and run, and compared at every
token and at every activation after every sublayer.  One row in five has a certificate for all inputs; the others are
certified on their word, with the least beta that certifies, a smaller one or a larger one, and some have so many
writers of one cell that an arithmetic is refuted.

Two things must not occur: a disagreement, in a token or in an activation, if the certificate says `certified` or
`proved`; and no disagreement if it says `refuted` about this word.  Prints the counts, writes benchmarks/runtime.json,
and exits with 1 if one occurs.  (A row that agrees is evidence about one run and one version of a kernel, no proof.)
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import parser_of
from exactformer.certificates.export.runtimes import Runtime
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.verdict import Verdict
from tests.export.running import AnyBundle, Difference, Said, Work, certified, certified_for_all, run_as
from tests.export.works import LARGE, MANY_CARRIES, RUNS
from tests.machine_table import CASES

RESULTS = Path(__file__).with_name("runtime.json")
MANY_TIES = (
    *(Work("rewrite", "1" * length) for length in (10, 40, 46, 60)),
    Work("rewrite", "1" * 40, Paradigm.SCOT),
    Work("binary-counter", "0000"),
    MANY_CARRIES,
)
"""Up to 61 tokens write one cell: weights of 1/11 in fp16, 1/41 in fp32, 1/61 in bf16 do not add up to 1."""
CONTEXT = 256
FOR_ALL = (
    ("increment", ("0", "11", "10111")),
    ("binary-counter", ("0000",)),
    ("copy", ("0110",)),
    ("rewrite", ("1" * 41,)),
)
SHIFTS = (-5, -3, -2, -1, -1, 0, 0, 0, 1, 3)
"""Exponents of 2 on the beta that --beta auto finds."""
IF_NONE = 128
"""The beta if none certifies."""


@dataclass(frozen=True)
class Row:
    """What is certified, and then run."""

    work: Work
    arithmetic: str
    runtime: Runtime
    shift: int
    all_inputs: bool = False


@dataclass(frozen=True)
class Result:
    row: Row
    tokens: int
    context: int
    beta: int
    verdict: str
    difference: Difference

    @property
    def as_said(self) -> bool:
        """Whether the run agrees with the verdict; `INCONCLUSIVE`, and `REFUTED` for all inputs, say nothing about
        it."""
        verdict = Verdict(self.verdict)
        if verdict is Verdict.TOKENS_PROVED:
            return not self.difference.tokens
        if verdict.positive:
            return self.difference.none
        if verdict is Verdict.REFUTED and not self.row.all_inputs:
            return self.difference.activations > 0
        return True


def sample(rows: int, seed: int) -> list[Row]:
    """Different rows, drawn at random; of those certified on a word, one in four from MANY_TIES."""
    chance = random.Random(seed)
    table = [
        Work(case.name, case.word, paradigm)
        for case in CASES
        if case.name not in LARGE or case.name == "binary-addition"
        for paradigm in Paradigm
    ]
    proved = [Work(name, word, context=CONTEXT) for name, words in FOR_ALL for word in words]
    drawn: dict[Row, None] = {}
    while len(drawn) < rows:
        if chance.random() < 0.2:
            drawn[Row(chance.choice(proved), *chance.choice(RUNS), 0, True)] = None
            continue
        work = chance.choice(MANY_TIES if chance.random() < 0.25 else table)
        drawn[Row(work, *chance.choice(RUNS), chance.choice(SHIFTS))] = None
    return list(drawn)


def result_of(row: Row) -> Result:
    """Certify at the row's beta, export, run."""
    work = row.work
    bundle: AnyBundle
    if row.all_inputs:
        bundle = certified_for_all(work.machine, row.arithmetic, CONTEXT)
        beta = beta_of(bundle)
    else:
        least = beta_of(certified(work, row.arithmetic))
        beta = least << row.shift if row.shift >= 0 else max(1, least >> -row.shift)
        bundle = certified(work, row.arithmetic, beta)
    return Result(
        row=row,
        tokens=sum(map(len, work.sequences)),
        context=Said.by(bundle).context,
        beta=beta,
        verdict=Said.by(bundle).verdict,
        difference=run_as(bundle, row.runtime, work, beta),
    )


def beta_of(bundle: AnyBundle) -> int:
    """What --beta auto found, where it certifies."""
    said = Said.by(bundle)
    return said.beta if said.beta is not None and Verdict(said.verdict).positive else IF_NONE


def plain(result: Result) -> dict[str, Any]:
    return {
        "machine": result.row.work.machine,
        "input": result.row.work.word,
        "paradigm": result.row.work.paradigm.value,
        "scope": "all inputs" if result.row.all_inputs else "this input",
        "context": result.context,
        "tokens": result.tokens,
        "arithmetic": result.row.arithmetic,
        "runtime": str(result.row.runtime),
        "beta": result.beta,
        "verdict": result.verdict,
        "wrong_tokens": result.difference.tokens,
        "wrong_activations": result.difference.activations,
        "as_said": result.as_said,
    }


def counts(results: list[Result]) -> dict[str, int]:
    """Verdict and what was seen -> how many rows."""

    def seen(difference: Difference) -> str:
        if difference.tokens:
            return "wrong tokens"
        return "wrong activations, right tokens" if difference.activations else "no difference"

    found = Counter(
        f"{one.verdict}{' for all inputs' if one.row.all_inputs else ''}: {seen(one.difference)}" for one in results
    )
    return dict(sorted(found.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--rows", metavar="N", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="which rows are drawn (default: 0)")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    results = []
    for number, row in enumerate(sample(given.rows, given.seed), start=1):
        results.append(one := result_of(row))
        if not one.as_said or number % 20 == 0:
            print(f"{number:>4} {'' if one.as_said else 'NOT AS SAID '}{plain(one)}", flush=True)
    contradicted = sum(not one.as_said for one in results)
    for what, count in counts(results).items():
        print(f"{count:>4} rows {what}")
    by_runtime = Counter(f"{one.row.arithmetic} as {one.row.runtime}" for one in results)
    for run, count in sorted(by_runtime.items()):
        print(f"{count:>4} rows {run}")
    print(f"{sum(one.tokens for one in results)} tokens, {time.perf_counter() - started:.0f} s")
    print(f"{contradicted} of {len(results)} rows contradict their certificate")
    report = {
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "seed": given.seed,
        "counts": counts(results),
        "contradicted": contradicted,
        "rows": [plain(one) for one in results],
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if contradicted else 0


if __name__ == "__main__":
    sys.exit(main())
