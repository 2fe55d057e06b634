"""How the exact evaluator grows with the length of the chain of thought.

    python -m benchmarks.growth [--plot benchmarks/growth.svg]

Binary counters of growing width, one token sequence each: everything `certify` does with it (ternary check, exact
separation, ties and margins of every head and token).  Each length runs in a process of its own, for its peak memory.
Prints the table and the fitted exponent of time against length, and writes benchmarks/growth.json.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import parser_of

WIDTHS = (7, 8, 9, 10, 11, 12)
RESULTS = Path(__file__).with_name("growth.json")


def measure(width: int) -> dict[str, float]:
    """Tokens, seconds of the evaluation alone, MiB at the peak."""
    from exactformer.constructions.machines.library import load_machine
    from exactformer.constructions.machines.run import trace
    from exactformer.constructions.turing.construct import construct
    from exactformer.constructions.turing.fitting import least_position_bits
    from exactformer.constructions.turing.paradigm import Paradigm
    from exactformer.constructions.turing.tokens import sequences_of
    from exactformer.verify.hardmax.observe import observe
    from exactformer.verify.hardmax.prepared import PreparedNetwork

    machine = load_machine("binary-counter")
    run = trace(machine, "0" * width)
    position_bits = least_position_bits(Paradigm.COT, [run])
    sequences = sequences_of(Paradigm.COT, run, position_bits)
    prepared = PreparedNetwork(construct(Paradigm.COT, machine, position_bits))
    started = time.perf_counter()
    observe(prepared, sequences)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"width": width, "r": position_bits, "tokens": len(sequences[0]), "seconds": seconds, "peak_mib": peak}


def exponent(rows: list[dict[str, float]]) -> float:
    """The slope of log seconds against log tokens, by least squares."""
    xs = [math.log(row["tokens"]) for row in rows]
    ys = [math.log(row["seconds"]) for row in rows]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - mean_x) ** 2 for x in xs)


def plot(rows: list[dict[str, float]], slope: float, path: Path) -> None:
    """Seconds against tokens, both logarithmic, with the fitted line."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "exactformer"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.6))
    tokens, seconds = [row["tokens"] for row in rows], [row["seconds"] for row in rows]
    axes.loglog(tokens, seconds, "o", color="black")
    middle = math.exp(sum(math.log(s) - slope * math.log(t) for s, t in zip(seconds, tokens, strict=True)) / len(rows))
    axes.loglog(tokens, [middle * t**slope for t in tokens], "-", color="tab:blue", label=f"tokens^{slope:.2f}")
    axes.set_xlabel("tokens in the chain of thought")
    axes.set_ylabel("seconds, one core")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw the growth as .svg; needs matplotlib")
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(measure(given.one)))
        return 0
    command = [sys.executable, "-m", "benchmarks.growth", "--one"]
    rows = [
        json.loads(subprocess.run([*command, str(width)], check=True, capture_output=True, text=True).stdout)
        for width in WIDTHS
    ]
    slope = exponent(rows)
    for row in rows:
        print(f"{row['tokens']:>7} tokens  r = {row['r']:>2}  {row['seconds']:>7.2f} s  {row['peak_mib']:>6.0f} MiB")
    print(f"seconds grow as tokens^{slope:.2f}")
    RESULTS.write_text(json.dumps({"rows": rows, "exponent": slope}, indent=1) + "\n")
    if given.plot:
        plot(rows, slope, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
