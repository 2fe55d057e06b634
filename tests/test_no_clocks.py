"""No test looks at a clock: a busy machine makes no difference. How much work something is, `effort` counts.

Waiting is allowed (``time.sleep``), and so is ending what hangs, after `ANTI_HANG` seconds or more.  What gets a budget
to decide something gets `BUDGET` seconds or more, or next to none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
MEASURING = {TESTS / "command_line" / "interrupts.py"}
"""Campaigns that print how long something took; no test asks."""
MODULES = sorted({*TESTS.rglob("*.py")} - {Path(__file__)} - MEASURING)
ANTI_HANG = 60
BUDGET = 600

CLOCKS = r"(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?"
CLOCK = re.compile(
    rf"\btime\.{CLOCKS}\b|\bfrom time import (?!sleep\b)|\btimeit\b|\b(now|utcnow|today)\(|\b(os\.times|ru_[us]time)\b"
)


def clocks(text: str) -> Iterator[str]:
    """Where a module reads a clock, also in a program that it has as a string; where little time decides."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := CLOCK.search(line):
            yield f"{number}: {found.group()}"
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.keyword(arg="timeout", value=ast.Constant(value=int() | float() as seconds)):
                if seconds < ANTI_HANG:
                    yield f"{node.value.lineno}: {seconds} seconds may pass on a busy machine"
            case ast.Call(func=ast.Attribute(attr="wait"), args=[ast.Constant(value=int() | float() as seconds)]):
                if seconds < ANTI_HANG:
                    yield f"{node.lineno}: {seconds} seconds may pass on a busy machine"
            case (
                ast.keyword(arg="budget_seconds", value=ast.Constant(value=int() | float() as seconds) as place)
                | ast.Call(func=ast.Name(id="Budget"), args=[ast.Constant(value=int() | float() as seconds) as place])
            ) if not (seconds < 1 or seconds >= BUDGET):
                yield f"{place.lineno}: a budget of {seconds} seconds may be spent on a busy machine"
            case ast.keyword(arg="deadline", value=ast.expr() as value) if ast.unparse(value) != "None":
                yield f"{value.lineno}: a deadline of hypothesis"


def test_no_module_reads_a_clock() -> None:
    assert len(MODULES) > 100
    found = {str(path.relative_to(TESTS)): list(clocks(path.read_text(encoding="utf-8"))) for path in MODULES}
    assert {path: lines for path, lines in found.items() if lines} == {}


READS = {
    "a counter": "started = time.perf_counter()",
    "time of the processor": "time.process_time_ns()",
    "by name": "from time import monotonic",
    "a date": "datetime.now()",
    "what the system counts": "os.times()",
    "a benchmark": "import timeit",
    "in a program of its own": "PROGRAM = 'import time; print(time.time())'",
    "a short limit": "process.wait(timeout=3)",
    "a short limit without its name": "process.wait(3)",
    "a budget": "prove(claim, budget_seconds=20)",
    "another budget": "lemma.decide(3, Budget(60))",
    "a deadline": "settings(deadline=200)",
}


@pytest.mark.parametrize("title", READS)
def test_a_clock_is_noticed(title: str) -> None:
    assert len(list(clocks(READS[title]))) == 1


def test_what_is_no_clock_is_left_alone() -> None:
    text = "import time\nfrom time import sleep\ntime.sleep(0.1)\nprocess.wait(timeout=60)\nruntime.time_limit = 3\n"
    text += "Budget(0), Budget(600), prove(claim, budget_seconds=0.05)\n"
    assert list(clocks(text)) == []


def test_hypothesis_has_no_deadline() -> None:
    assert settings.default is not None
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
