"""Real signals to real processes, at random moments: what a command leaves in its folder.

    python -m tests.command_line.interrupts [--trials 200] [--seed 0]

interrupts each of `COMMANDS` this often, and prints how they ended and how long that took.  What is right does not
depend on the moment: if the interrupt comes too late, the command ends as usual.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.network_document import network_bytes
from exactformer.constructions import turing
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from tests.command_line.invoking import files_in, invoke

PROGRAM = (sys.executable, "-m", "exactformer")
CHECKER = (sys.executable, "-m", "exactformer.certificates.checker")
COT = Path(turing.__file__).with_name("cot.theory")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ANTI_HANG = 120
"""Seconds after which a test gives up; nothing takes that long."""
CERTIFICATE, MACHINE, NETWORK = "{certificate}", "{machine}", "{network}"
"""Stand for a certificate for all inputs, its machine's file, and a network document."""


@dataclass(frozen=True)
class Case:
    """A command to interrupt; normally it ends within ``most`` seconds, with one of these exit codes."""

    title: str
    command: tuple[str, ...]
    codes: tuple[int, ...] = (0,)
    most: float = 4.0
    keeps: bool = False

    def __str__(self) -> str:
        return self.title


def of_program(title: str, line: str, codes: tuple[int, ...] = (0,), most: float = 4.0, keeps: bool = False) -> Case:
    return Case(title, (*PROGRAM, *line.split()), codes, most, keeps)


PROOF = "certify binary-addition --all-inputs --context 2^32 --out out"
COMMANDS = (
    of_program("a proof", PROOF),
    of_program("on runs", "certify increment --input 1011 --input 111 --out out"),
    of_program("the lemmas", "lemmas --width 8 --json", most=10.0),
    of_program("a check", f"check {CERTIFICATE} --machine increment --json"),
    of_program("a folded check", f"check {CERTIFICATE} --machine 1RB1LB_1LA1RZ", (1,)),
    Case("the checker", (*CHECKER, CERTIFICATE, "--theory", str(COT), "--machine", MACHINE)),
    of_program("a sweep", "sweep --machines 60 --workers 2 --out sweep.jsonl", most=8.0, keeps=True),
    of_program(
        "a sweep of proofs",
        "sweep --all-inputs --machines 6 --workers 2 --context 64 --out sweep.jsonl",
        (0, 3),
        most=15.0,
        keeps=True,
    ),
    of_program(
        "a batch", "batch increment copy reverse --contexts 5,6 --workers 2 --check --out out", most=8.0, keeps=True
    ),
    of_program("a run", "run binary-addition 10110+11011"),
    of_program("a counterexample", "counterexample --arithmetic rounded:e5m2/e5m2 --context 512", (1,)),
    of_program("an approximation", "approximate --function sort --n 2 --epsilon 1/4 --out out"),
    of_program(
        "a kernel",
        "kernel flash-2-bf16 --keys 4096 --scores=-64..64 --values=-1..1 --tolerance 1/999 --out out",
        (1,),
        most=10.0,
    ),
    of_program("an audit", "audit increment --csv"),
    of_program(
        "words",
        f"verify {NETWORK} --spec hardmax --words (a|b)* --length 41 --last --arithmetic bf16 --out out",
        keeps=True,
    ),
    of_program("a conversion", f"convert {MACHINE} --to jflap --out machine.jff"),
    of_program("a validation", f"validate {MACHINE}"),
    of_program("a page", f"report {CERTIFICATE} --html page.html --check --machine increment"),
    of_program("an export", f"export {CERTIFICATE} --to safetensors --out out"),
)


@dataclass(frozen=True)
class Ended:
    """How a process ended after a signal, and after how many seconds."""

    code: int
    out: str
    err: str
    seconds: float


FOR_ALL = ("--all-inputs", "--context", "16")


def certificate_in(folder: Path, *options: str) -> dict[str, str]:
    """A small certificate, for all inputs unless asked otherwise, and the placeholders for it and its machine."""
    machine = folder / "increment.yaml"
    machine.write_text(invoke("machines", "increment").out)
    made = invoke("certify", str(machine), *(options or FOR_ALL), "--out", str(folder))
    (certificate,) = folder.glob("*.certificate.json")
    if made.code:
        raise RuntimeError(made.err)
    return {CERTIFICATE: str(certificate), MACHINE: str(machine), NETWORK: str(network_in(folder))}


def network_in(folder: Path) -> Path:
    """One head that takes the mean of all letters; for as many a as b it says a."""
    head = HeadWeights([[0, 0]], [[0, 0]], [[1, 0]], [[0], [1]])
    layers, embedding, logits = [LayerWeights([head])], [[1, 0], [-1, 0]], [[0, 1], [0, -1]]
    net = Transformer.build("ab", embedding, logits, layers, unembedding_bias=[2**-10, 0])
    path = folder / "network.json"
    path.write_bytes(network_bytes(net))
    return path


def start(command: tuple[str, ...], folder: Path, before: Callable[[], object] = lambda: None) -> subprocess.Popen[str]:
    """The command as the leader of a session.

    Signals wait from its first instruction on: before the program's own first line they would meet a Python that is
    just starting, whatever the program is.
    """

    def prepare() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        before()

    return subprocess.Popen(
        command,
        cwd=folder,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=prepare,
    )


def interrupted(
    case: Case, stand_ins: dict[str, str], folder: Path, delay: float, number: signal.Signals, to_all: bool
) -> Ended:
    """Send the signal after ``delay`` seconds, to all processes, as a terminal does, or to the first alone."""
    process = start(tuple(stand_ins.get(part, part) for part in case.command), folder)
    time.sleep(delay)
    sent = time.monotonic()
    if process.poll() is None:
        (os.killpg if to_all else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=ANTI_HANG)
    return Ended(process.returncode, out, err, time.monotonic() - sent)


def nobody_left(group: int) -> bool:
    """Whether all processes of this group are gone, now or soon."""
    deadline = time.monotonic() + ANTI_HANG
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def wrong(case: Case, ended: Ended, folder: Path, number: signal.Signals) -> str | None:
    """What is wrong after a signal; None if nothing is."""
    temporary = [name for name in files_in(folder) if Path(name).name.startswith(".") or name.endswith("-journal")]
    if temporary:
        return f"temporary files: {temporary}"
    for kept in folder.rglob("*.jsonl") if case.keeps else ():
        text = kept.read_text()
        if not text.endswith("\n"):
            return "half a line"
        for line in text.splitlines():
            json.loads(line)
    if ended.code in case.codes:
        return None if ended.out else "no result"
    if ended.code != 128 + number:
        return f"code {ended.code}: {ended.err}"
    if ended.err.count("\n") != 1 or "Traceback" in ended.err:
        return f"said {ended.err!r}"
    if "nothing was written" in ended.err or "not judged" in ended.err:
        if ended.out:
            return f"printed {ended.out!r}"
        if files_in(folder):
            return f"wrote {files_in(folder)}"
        return None
    if case.keeps and "what is finished is kept" in ended.err:
        return f"printed {ended.out!r}" if ended.out else None
    return None if "its result was about to be printed" in ended.err else f"said {ended.err!r}"


def main() -> None:
    """Many trials, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as shared:
        stand_ins = certificate_in(Path(shared))
        for case in COMMANDS:
            if given.only not in case.title:
                continue
            ends, times = Counter[int](), list[float]()
            for _ in range(given.trials):
                with tempfile.TemporaryDirectory() as name:
                    number, to_all = rng.choice(SIGNALS), rng.random() < 0.5
                    ended = interrupted(case, stand_ins, Path(name), rng.random() * case.most, number, to_all)
                    ends[ended.code] += 1
                    if ended.code >= 128:
                        times.append(ended.seconds)
                    if problem := wrong(case, ended, Path(name), number):
                        failures += 1
                        print(f"{case}: {number.name}: {problem}", flush=True)
            times.sort()
            told = f"median {times[len(times) // 2]:.3f} s, most {times[-1]:.3f} s" if times else "none interrupted"
            print(f"{case.title:<22} {dict(sorted(ends.items()))}, {told}", flush=True)
    print(f"{failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
