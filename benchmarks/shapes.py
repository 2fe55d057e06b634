"""What a proof for every run costs, once another machine of the same shape is proved.

    python -m benchmarks.shapes [--machines 4]

Random machines with the same states, symbols and tapes, each proved alone and, in turn with that, after the ones before
it, as `sweep --all-inputs` does.  Seconds of CPU of construction and proof.  Prints the table, and writes
benchmarks/shapes.json.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.command import parser_of
from exactformer.certificates.shapes import Shapes
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.random_machines import random_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import turing
from exactformer.verify.writes import write_bound

RESULTS = Path(__file__).with_name("shapes.json")
SHAPES = ((1, 5, 2), (3, 5, 2))
"""Tapes, working states, letters."""
SIZES = ((10, Paradigm.COT), (16, Paradigm.COT), (10, Paradigm.SCOT))


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU: of the first machine, and the median of the further ones; ``alone``: without what is shared."""

    tapes: int
    r: int
    paradigm: str
    machines: int
    alone: float
    first: float
    further: float


def machines(tapes: int, states: int, letters: int) -> Iterator[TuringMachine]:
    """Of this shape, without a bound on writes, which would be another theory."""
    rng = random.Random(0)
    while True:
        machine = random_machine(rng, tapes=tapes, states=states, letters=letters)
        if write_bound(machine).largest is None:
            yield machine


def seconds(machine: TuringMachine, r: int, paradigm: Paradigm, shapes: Shapes | None) -> float:
    """Of construction and proof."""
    started = time.process_time()
    prove(*turing(machine, context=2**r, paradigm=paradigm), shapes=shapes)
    return time.process_time() - started


def measured(shape: tuple[int, int, int], r: int, paradigm: Paradigm, count: int) -> Cost:
    """One row."""
    shapes, alone, after = Shapes(), list[float](), list[float]()
    for _, machine in zip(range(count), machines(*shape), strict=False):
        alone.append(seconds(machine, r, paradigm, None))
        after.append(seconds(machine, r, paradigm, shapes))
    first, *further = after
    return Cost(shape[0], r, paradigm.value, count, *(round(one, 2) for one in (median(alone), first, median(further))))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--machines", metavar="M", type=int, default=4, help="of each shape (default: 4)")
    given = parser.parse_args(arguments)
    rows = []
    for shape in SHAPES:
        for r, paradigm in SIZES:
            rows.append(measured(shape, r, paradigm, given.machines))
            one = rows[-1]
            times = f"alone {one.alone:>6.2f} s  first {one.first:>6.2f} s  further {one.further:>5.2f} s"
            print(f"{one.tapes} tapes  r = {r:>2}  {one.paradigm:<4}  {times}", flush=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
