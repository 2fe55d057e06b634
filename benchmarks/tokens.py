"""Claims about tokens if activations drift: up to which contexts they are proved, and what they cost.

    python -m benchmarks.tokens

For each arithmetic that gets some number of ties wrong: contexts 2^8, 2^16, .., and where the bound breaks down.
Then whole commands, `certify --claim tokens` beside `certify` in an arithmetic in which activations are proved, and
`check` of both, each in a process of its own, nothing proved before.  Prints tables and writes benchmarks/tokens.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import parser_of
from benchmarks.universal import Certified, Checked, certify, check
from exactformer.certificates.theory_certificate import Asked, certificate_of, prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import turing
from exactformer.verify.arithmetic.models import parse_arithmetic

RESULTS = Path(__file__).with_name("tokens.json")
MACHINE = "binary-addition"
EXPONENTS = (8, 12, 16, 20, 24, 32)
ARITHMETICS = (
    "rounded:fp32/fp32",
    "rounded:bf16/bf16",
    "rounded:fp16/fp16",
    "rounded:bf16/fp16",
    "rounded:e4m3fn/bf16",
    "rounded:e4m3fn/e4m3fn",
    "rounded:fixed12/fixed12",
    "rounded:fixed16/fixed16",
)
COSTS = (8, 16, 32)


@dataclass(frozen=True)
class Row:
    """One arithmetic at N = 2^r: ``drift`` and ``margin`` as text if tokens are proved, else where the bound breaks."""

    arithmetic: str
    paradigm: str
    r: int
    beta: int | None
    drift: str | None
    margin: str | None
    stopped: str | None


def rows(paradigm: Paradigm, exponents: tuple[int, ...]) -> list[Row]:
    """Every arithmetic at every context."""
    found: list[Row] = []
    machine = load_machine(MACHINE)
    for r in exponents:
        network, theory = turing(machine, context=1 << r, paradigm=paradigm)
        walked = prove(network, theory, 3600, drifting=True)
        for text in ARITHMETICS:
            asked = Asked(parse_arithmetic(text), 1 << r, tokens=True)
            made = certificate_of(network, theory, asked, walked, 3600)
            if made.drift is not None:
                largest = str(max(made.drift.largest.values(), default=0))
                row = Row(text, paradigm.value, r, made.universal.beta, largest, str(made.drift.margin), None)
            else:
                row = Row(text, paradigm.value, r, None, None, None, made.not_shown)
            print(row, flush=True)
            found.append(row)
    return found


def costs() -> tuple[list[Certified], list[Checked]]:
    """Activations in fp32 weights, tokens in bf16 weights."""
    made, checked = list[Certified](), list[Checked]()
    for r in COSTS:
        for options in ((), ("--arithmetic", "rounded:bf16/bf16", "--claim", "tokens")):
            with tempfile.TemporaryDirectory() as folder:
                made.append(certify(MACHINE, r, Path(folder), *options))
                checked.append(check(MACHINE, r, Path(folder)))
            print(made[-1], checked[-1], sep="\n", flush=True)
    return made, checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Both parts."""
    parser_of(__file__, __doc__).parse_args(arguments)
    made, checked = costs()
    found = rows(Paradigm.COT, EXPONENTS) + rows(Paradigm.SCOT, EXPONENTS[:4])
    document = {
        "rows": [asdict(row) for row in found],
        "certify": [asdict(one) for one in made],
        "check": [asdict(one) for one in checked],
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
