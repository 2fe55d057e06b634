"""What a proof for every input costs, as the context 2^r grows: `certify --all-inputs`, and `check` of what it wrote.

    python -m benchmarks.universal

Whole commands, each in a process of its own: seconds by the clock, peak memory, sizes of what is written; ``load``: of
the machine, before.  Prints the tables and the fitted exponents in r, and writes benchmarks/universal.json.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import parser_of
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("universal.json")
ARITHMETIC = "rounded:fp32/bf16"
"""An arithmetic that is proved for as many writes of one cell as there are tokens, up to 2^64."""

GROWING = "increment"
POSITION_BITS = {GROWING: (16, 32, 64), "binary-addition": (8, 16, 32), "binary-multiplication": (16,)}
"""Each r, by machine: of one, two and three tapes."""


@dataclass(frozen=True)
class Cost:
    """One process: seconds by the clock, MiB at the peak, and what it printed."""

    seconds: float
    peak_mib: int
    printed: str


@dataclass(frozen=True)
class Certified:
    """One certificate: what it cost to make and what it weighs."""

    machine: str
    r: int
    verdict: str
    seconds: float
    peak_mib: int
    certificate_kib: int
    weights_kib: int
    load: float


@dataclass(frozen=True)
class Checked:
    """One check."""

    machine: str
    r: int
    said: str
    seconds: float
    peak_mib: int
    load: float


def cost_of(*arguments: str | Path) -> Cost:
    """Run the command ``exactformer`` in a process of its own."""
    command = [Path(sys.executable).with_name("exactformer"), *arguments]
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command, stdout=printed, text=True)
        _, _, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        printed.seek(0)
        return Cost(round(seconds, 2), used.ru_maxrss // 1024, printed.read())


def certify(machine: str, r: int, out: Path, *options: str | Path) -> Certified:
    """Prove a machine of the library in a context of 2^r tokens."""
    load = os.getloadavg()[0]
    arguments = ("certify", machine, "--all-inputs", "--context", str(2**r), "--arithmetic", ARITHMETIC, "--out", out)
    cost = cost_of(*arguments, *options, "--json")
    said = json.loads(cost.printed)
    (certificate,) = out.glob("*.certificate.json")
    return Certified(
        machine=machine,
        r=r,
        verdict=said["verdict"],
        seconds=cost.seconds,
        peak_mib=cost.peak_mib,
        certificate_kib=certificate.stat().st_size // 1024,
        weights_kib=sum(path.stat().st_size for path in out.glob("*.weights.json")) // 1024,
        load=load,
    )


def check(machine: str, r: int, out: Path) -> Checked:
    """``out`` has the certificate."""
    load = os.getloadavg()[0]
    (certificate,) = out.glob("*.certificate.json")
    cost = cost_of("check", certificate, "--machine", machine, "--budget", "600")
    said = cost.printed.splitlines()[0] if cost.printed else "not judged"
    return Checked(machine, r, said, cost.seconds, cost.peak_mib, load)


def exponent(pairs: list[tuple[int, float]]) -> float:
    """The slope of log y against log x, by least squares."""
    points = [(math.log(x), math.log(y)) for x, y in pairs]
    mean_x, mean_y = (sum(column) / len(points) for column in zip(*points, strict=True))
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in points)
    variance = sum((x - mean_x) ** 2 for x, _ in points)
    return float(covariance / variance)


def shown(one: Certified) -> str:
    return (
        f"{one.machine:<22} r = {one.r:>2}  {one.verdict:<8} {one.seconds:>7.1f} s  {one.peak_mib:>5} MiB  "
        f"certificate {one.certificate_kib} KiB, weights {one.weights_kib} KiB"
    )


def grow(folder: Path) -> tuple[list[Certified], list[Checked]]:
    """Certificates of growing r, each checked."""
    certified: list[Certified] = []
    checked: list[Checked] = []
    for name, r in ((name, r) for name, each in POSITION_BITS.items() for r in each):
        out = folder / f"{name}-{r}"
        certified.append(certify(name, r, out))
        print(shown(certified[-1]), flush=True)
        checked.append(one := check(name, r, out))
        print(f"  check {one.said:<15} {one.seconds:>7.1f} s  {one.peak_mib:>5} MiB", flush=True)
    return certified, checked


def main(arguments: Sequence[str] | None = None) -> int:
    parser_of(__file__, __doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        certified, checked = grow(Path(folder))
    exponents = {
        "certify": exponent([(one.r, one.seconds) for one in certified if one.machine == GROWING]),
        "check": exponent([(one.r, one.seconds) for one in checked if one.machine == GROWING]),
    }
    print(f"{GROWING}: seconds grow as r^{exponents['certify']:.2f} (certify) and r^{exponents['check']:.2f} (check)")
    report = {
        "arithmetic": ARITHMETIC,
        "certify": [asdict(one) for one in certified],
        "check": [asdict(one) for one in checked],
        "exponents_in_r": exponents,
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    proved = all(one.verdict == Verdict.PROVED.value for one in certified)
    return 0 if proved and all(one.said == f"valid: {Verdict.PROVED.value}" for one in checked) else 1


if __name__ == "__main__":
    sys.exit(main())
