"""Every ``--help`` is quick, because it imports nothing that is slow to import, and it is complete."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from exactformer.certificates.command_line.help import MACHINE
from exactformer.certificates.command_line.main import cli
from tests.command_line.invoking import invoke

SLOW = ("numpy", "scipy", "sympy", "z3", "rich", "yaml", "dask", "distributed")
OPTIONS = {
    (): ("certify", "check", "run", "machines", "--version"),
    ("approximate",): ("--function", "--n", "--dim", "--epsilon", "--out", "--json"),
    ("arithmetics",): ("--json",),
    ("audit",): ("--dims", "--context", "--formats", "--models", "--arithmetic", "--csv", "--json", "--plot"),
    ("batch",): (
        "PATTERN",
        "--contexts",
        "--arithmetics",
        "--space",
        "--budget",
        "--memory",
        "--check",
        "--again",
        "--workers",
        "--scheduler",
        "--out",
        "--html",
        "--json",
        "--csv",
    ),
    ("certify",): ("--input", "--context", "--arithmetic", "--beta", "--claim", "--max-steps", "--out", "--json"),
    ("check",): ("CERTIFICATE", "--machine", "--expect", "--second", "--json"),
    ("compare",): ("--machine", "--dims", "--context", "--dim", "--delta", "--positional", "--arithmetic", "--plot"),
    ("contextual-mapping",): ("--layer", "--n", "--dim", "--delta"),
    ("convert",): ("MACHINE", "--to", "--out", "--force"),
    ("counterexample",): (
        "--arithmetic",
        "--context",
        "--machine",
        "--input",
        "--beta",
        "--order",
        "--tokens",
        "--json",
    ),
    ("export",): ("CERTIFICATE", "--to", "--out", "--dtype", "--context", "--head-width", "--beta", "--unproved"),
    ("kernel",): (
        "RECIPE",
        "--keys",
        "--scores",
        "--values",
        "--masked",
        "--tolerance",
        "--sweep",
        "--plot",
        "--out",
        "--json",
    ),
    ("lemmas",): ("--width", "--only", "--mutate"),
    ("machines",): ("--json",),
    ("report",): ("CERTIFICATE", "--html", "--check", "--machine", "--input", "--force"),
    ("run",): ("MACHINE", "--context", "--max-steps", "--decode", "--json"),
    ("sweep",): ("--machines", "--all-inputs", "--workers", "--scheduler"),
    ("validate",): ("MACHINE", "--json"),
    ("verify",): (
        "MODEL",
        "--spec",
        "--words",
        "--length",
        "--from",
        "--last",
        "--round",
        "--explain",
        "--plot",
        "--json",
    ),
}
COMMANDS = tuple(OPTIONS)
LISTS = (("machines",), ("arithmetics",))
"""Commands that only list something, and end with 0."""
PROBE = """
import sys
from exactformer.certificates.command_line.main import main
sys.argv = ["exactformer", *{arguments!r}]
try:
    main()
finally:
    print("imported:", *[name for name in {slow!r} if name in sys.modules])
"""


def imported(*arguments: str) -> list[str]:
    """Which of the slow packages a command has imported when it ends."""
    probe = PROBE.format(arguments=list(arguments), slow=SLOW)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("imported:")]
    return line.split()[1:]


def test_every_command_is_here() -> None:
    assert {" ".join(command) for command in COMMANDS} == {"", *cli.commands}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "exactformer")
def test_help_imports_nothing_slow(command: tuple[str, ...]) -> None:
    assert imported(*command, "--help") == []


def test_a_command_that_computes_does_import() -> None:
    assert imported("run", "increment", "1")[:2] == ["numpy", "scipy"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "exactformer")
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_option_and_exit_code(command: tuple[str, ...], flag: str) -> None:
    outcome = invoke(*command, flag)
    assert (outcome.code, outcome.err) == (0, "")
    for option in OPTIONS[command]:
        assert option in outcome.out
    if command not in LISTS:
        assert "Exit code" in outcome.out


def test_without_a_command_there_is_the_help_and_bad_usage() -> None:
    outcome = invoke()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == invoke("--help").out


def test_the_version_is_the_packages() -> None:
    assert invoke("--version").out == f"exactformer, version {version('exactformer')}\n"


WIDTHS = (40, 80, 200)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "exactformer")
def test_no_help_is_cut_or_wider_than_the_terminal(
    command: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = invoke(*command, "--help").out.splitlines()
    assert not [line for line in lines if line.endswith(("...", "\N{HORIZONTAL ELLIPSIS}")) and "[ARGS]" not in line]
    assert not [line for line in lines if len(line) > width and len(line.split()) > 2]


def test_in_a_pipe_every_command_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = invoke("--help").out.splitlines()
    for name, command in cli.commands.items():
        assert command.short_help
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.split(maxsplit=1)[1] == command.short_help
        assert len(line) <= 80


def test_every_command_with_a_machine_says_what_that_may_be() -> None:
    takers = set()
    for name, command in cli.commands.items():
        said = " ".join(invoke(name, "--help").out.split())
        takes = any("MACHINE" in (param.metavar, param.human_readable_name) for param in command.params)
        assert takes == (MACHINE in said)
        assert said.count("busy beaver text") == takes
        takers |= {name} if takes else set()
    assert takers == {
        "audit",
        "batch",
        "certify",
        "check",
        "compare",
        "convert",
        "counterexample",
        "machines",
        "report",
        "run",
        "validate",
    }
