"""How many random machines are verified in a second, both paradigms, construction included.

    python -m benchmarks.sweep [--machines 5000] [--workers 2] [--seed 0]

Draws the machines (most draws do not halt and are drawn again), builds both networks of each and verifies every
predicted token.  Prints machines and tokens per second and peak memory, and writes benchmarks/sweep.json.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import parser_of
from exactformer.verify.apart import local_pool
from exactformer.verify.sweep import draw_case, sweep

RESULTS = Path(__file__).with_name("sweep.json")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--machines", metavar="M", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--workers", metavar="W", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="which machines are drawn (default: 0)")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    with local_pool(given.workers) as pool:
        results = [one for case in sweep(given.seed, range(given.machines), pool) for one in case]
    seconds = time.perf_counter() - started
    sample = range(min(200, given.machines))
    started = time.perf_counter()
    redrawn = sum(draw_case(given.seed, index).redrawn for index in sample)
    drawing = (time.perf_counter() - started) / len(sample)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    failures = [result for result in results if result.failure is not None]
    report = {
        "machines": given.machines,
        "workers": given.workers,
        "seed": given.seed,
        "seconds": round(seconds, 2),
        "machines_per_second": round(given.machines / seconds, 1),
        "core_milliseconds_per_machine": round(1000 * given.workers * seconds / given.machines, 1),
        "of_which_drawing_milliseconds": round(1000 * drawing, 1),
        "redrawn_per_machine": round(redrawn / len(sample), 2),
        "tokens_per_second": round(sum(result.tokens for result in results) / seconds),
        "tokens": {
            name: sum(result.tokens for result in results if result.paradigm == name) for name in ("cot", "scot")
        },
        "segments": sum(result.segments for result in results if result.paradigm == "scot"),
        "mispredictions": len(failures),
        "peak_mib_of_a_process": round(peak),
    }
    print(json.dumps(report, indent=1))
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    for failure in failures[:5]:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
