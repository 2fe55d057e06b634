"""What a proof for every run costs, as the transition function grows: random machines with thousands of rows.

    python -m benchmarks.rows

Whole commands, `certify --all-inputs --context 2^16` and `check` of what it wrote, each in a process of its own.
Prints the table, and writes benchmarks/rows.json.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.command import parser_of
from benchmarks.universal import Certified, Checked, certify, check

RESULTS = Path(__file__).with_name("rows.json")
SIZES = ((1, 400), (1, 1600), (1, 6400), (2, 800), (2, 3200))
"""Tapes and rows."""
R = 16
ALPHABET = ("_", "a", "b", "c")


def machine_of(tapes: int, rows: int) -> str:
    """A machine with a random row for every state and symbols; most of its runs do not halt."""
    rng, reads = random.Random(0), list(itertools.product(ALPHABET, repeat=tapes))
    states = [f"q{number}" for number in range(rows // len(reads))]
    lines = [
        f"name: rows-{rows}-{tapes}",
        f"tapes: {tapes}",
        f"states: [{', '.join(states)}, halt]",
        "halting: halt",
        f"alphabet: [{', '.join(json.dumps(symbol) for symbol in ALPHABET)}]",
        'input: ["a"]',
        "transitions:",
    ]
    for state, read in itertools.product(states, reads):
        written = (rng.choice(ALPHABET) for _ in read)
        moves = (rng.choice("LSR") for _ in read)
        right = " ".join((rng.choice([*states, "halt"]), *written, *moves))
        lines.append(f'  - "{state} {" ".join(read)} -> {right}"')
    return "\n".join(lines) + "\n"


def measured(tapes: int, rows: int) -> tuple[Certified, Checked]:
    """Both commands, of one machine."""
    with tempfile.TemporaryDirectory() as folder:
        machine, out = Path(folder, "machine.yaml"), Path(folder, "out")
        machine.write_text(machine_of(tapes, rows), encoding="utf-8")
        return certify(str(machine), R, out), check(str(machine), R, out)


def without_name(one: Certified | Checked) -> dict[str, object]:
    """The measurement without the machine's file, which is gone."""
    return {key: value for key, value in asdict(one).items() if key != "machine"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser_of(__file__, __doc__).parse_args(arguments)
    results = []
    for tapes, rows in SIZES:
        made, checked = measured(tapes, rows)
        print(
            f"{rows:>5} rows, {tapes} tapes: {made.verdict} in {made.seconds:.1f} s, {made.peak_mib} MiB; "
            f"{checked.said} in {checked.seconds:.1f} s, {checked.peak_mib} MiB",
            flush=True,
        )
        sizes = {"rows": rows, "tapes": tapes}
        results.append(sizes | {"certify": without_name(made), "check": without_name(checked)})
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
