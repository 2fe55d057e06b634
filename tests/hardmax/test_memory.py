"""A near-full context of 2^15 tokens is replayed in little memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MOST_BYTES = 2 << 30
PROBE = """
import json
from pathlib import Path
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork

machine = load_machine("binary-counter")
sequence = cot_tokens(machine, trace(machine, "{word}"), 16)
seen = observe(PreparedNetwork(construct_cot(machine, 16)), [sequence])
# Not what getrusage says: that goes on with the peak of the process that this one was forked from.
(high,) = [line.split() for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
peak = int(high[1]) * 1024
print(json.dumps([len(sequence), seen.margins[0], peak]))
"""


@pytest.mark.slow
def test_32768_tokens_fit_two_gibibytes() -> None:
    # twelve bits, counted up from 0001 0100 0000
    probe = PROBE.format(word="000101000000")
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    tokens, margin, peak = json.loads(done.stdout)
    assert 31_000 < tokens <= 32_768
    assert margin >= 1
    assert peak < MOST_BYTES
