"""What certificates about theories cost, as the context 2^r and the theory grow.

    python -m benchmarks.theories

n-gram look-up for growing r, n and alphabets, Turing machines with a chain of thought, plain and summarized, and
SUBLEQ; each certificate and each check in a process of its own: seconds of its CPU, peak memory, sizes.  Prints the
table and writes benchmarks/theories.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import parser_of
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("theories.json")
ARITHMETIC = "rounded:fp32/bf16"
NGRAMS = (("abc", 1, 8), ("abc", 1, 16), ("abc", 1, 32), ("abcdefgh", 2, 16), ("abcdefghijklmnopqrstuvwxyz", 3, 8))
MACHINES = (
    *(("increment", "cot", r) for r in (8, 16, 32)),
    *(("increment", "scot", r) for r in (8, 16)),
    ("binary-addition", "cot", 16),
    ("binary-multiplication", "cot", 8),
)
COMPUTERS = (8, 16)
BUILD = {
    "ngram": "import exactformer as ef; network, theory = ef.ngram({0!r}, {1}, context=2**{2})",
    "machine": (
        "import exactformer as ef\nnetwork, theory = ef.turing(ef.load_machine({0!r}), context=2**{2}, paradigm={1!r})"
    ),
    "subleq": "import exactformer as ef; network, theory = ef.subleq(context=2**{0})",
}
CERTIFY = "{build}\nprint(ef.certify(network, theory, {arithmetic!r}, context=2**{r}).write({out!r}))"
CHECK = "{build}\nprint(ef.check({path!r}, theory=theory).verdict)"


@dataclass(frozen=True)
class Cost:
    """One construction: seconds of CPU and MiB at the peak, of making the certificate and of checking it."""

    name: str
    r: int
    verdict: str
    certify_seconds: float
    certify_mib: int
    check_seconds: float
    check_mib: int
    certificate_kib: int
    weights_kib: int


def run(program: str) -> tuple[str, float, int]:
    """What a program prints, its seconds of CPU, and its peak of memory in MiB."""
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=printed, text=True)
        _, status, used = os.wait4(process.pid, 0)
        printed.seek(0)
        if status:
            raise RuntimeError(f"the program ended with status {status}:\n{program}")
        return printed.read().strip(), round(used.ru_utime + used.ru_stime, 2), used.ru_maxrss // 1024


def cost(name: str, build: str, r: int) -> Cost:
    """Certify and check one construction."""
    with tempfile.TemporaryDirectory() as out:
        path, seconds, mib = run(CERTIFY.format(build=build, arithmetic=ARITHMETIC, r=r, out=out))
        verdict, check_seconds, check_mib = run(CHECK.format(build=build, path=path))
        (weights,) = Path(out).glob("*.weights.json")
        sizes = [Path(path).stat().st_size // 1024, weights.stat().st_size // 1024]
    return Cost(name, r, verdict, seconds, mib, check_seconds, check_mib, *sizes)


def main(arguments: Sequence[str] | None = None) -> int:
    parser_of(__file__, __doc__).parse_args(arguments)
    cases = [(f"{n}-gram, {len(letters)} letters", BUILD["ngram"].format(letters, n, r), r) for letters, n, r in NGRAMS]
    cases += [(f"{name}, {paradigm}", BUILD["machine"].format(name, paradigm, r), r) for name, paradigm, r in MACHINES]
    cases += [("SUBLEQ", BUILD["subleq"].format(r), r) for r in COMPUTERS]
    found = []
    for name, build, r in cases:
        found.append(one := cost(name, build, r))
        made = f"certify {one.certify_seconds:>6.1f} s {one.certify_mib:>4} MiB"
        checked = f"check {one.check_seconds:>6.1f} s {one.check_mib:>4} MiB"
        sizes = f"{one.certificate_kib} + {one.weights_kib} KiB"
        print(f"{one.name:<28} r = {one.r:>2}  {one.verdict:<8} {made}, {checked}; {sizes}", flush=True)
    RESULTS.write_text(json.dumps({"arithmetic": ARITHMETIC, "costs": [asdict(one) for one in found]}, indent=1) + "\n")
    return 0 if all(one.verdict == Verdict.PROVED.value for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
