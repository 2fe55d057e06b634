"""``exactformer check``: hand a certificate, and what it is about, to the checker, which imports nothing of ours."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import click

from exactformer.certificates.checker.__main__ import main as run_checker
from exactformer.certificates.checker.document import BadInput, TooLarge, is_about_sequences, read_bytes
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.command_line.progress import late_spinner
from exactformer.certificates.theory_certificate import theory_name
from exactformer.constructions import ngram, subleq, turing
from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver
from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.text import write_machine

THEORIES = {
    "ngram": Path(ngram.__file__).with_name("ngram.theory"),
    "subleq": Path(subleq.__file__).with_name("subleq.theory"),
    "turing-cot": Path(turing.__file__).with_name("cot.theory"),
    "turing-scot": Path(turing.__file__).with_name("scot.theory"),
}
"""Those of our constructions, by name."""


def execute(
    certificate: Path,
    machine: str | None,
    function: str | None,
    theory: str | None,
    network: Path | None,
    budget: int,
    expected: str,
    as_json: bool,
) -> None:
    """MACHINE, a name of the library, a busy beaver text or a file; a function's name; a theory's name or file.

    The checker reads files of one-way machines only. A busy beaver text is folded first, which the checker takes as
    given; the report says so. A certificate about sequences goes without these; NETWORK is a file.
    """
    given = [option for option in (machine, theory, function) if option is not None]
    if network is not None and given:
        raise InputRefused(
            "--network is for certificates about sequences, which go without --machine, --theory and --function"
        )
    of_sequences = not given and (network is not None or is_about_sequences(certificate))
    if not of_sequences and (machine is None and theory is None) == (function is None):
        raise InputRefused(
            "give --machine MACHINE, for a certificate of approximation --function NAME, for one about a theory "
            "--theory FILE, of a machine's runs both: what the certificate has to be about (only one about sequences "
            "goes without)"
        )
    if machine is not None and theory is None:
        theory = _ours(certificate)
    printed, complaint = io.StringIO(), io.StringIO()
    with (
        late_spinner("checking", enabled=not as_json),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complaint),
    ):
        options = ["--budget", str(budget), "--expect", expected, "--", str(certificate)]
        if theory is not None:
            options = [f"--theory={_theory_file(theory)}", *options]
        if of_sequences:
            code = run_checker(options if network is None else [f"--network={network}", *options])
        elif machine is None and theory is not None:
            code = run_checker(options)
        elif machine is None:
            code = run_checker([f"--function={function}", *options])
        elif (path := _machine_file(machine)) is not None:
            code = run_checker([f"--machine={path}", *options])
        else:
            code = run_checker([f"--machine={machine}", *options], _folded(machine))
    if not as_json:
        show(printed.getvalue().splitlines())
        click.echo(complaint.getvalue(), nl=False, err=True)
        raise click.exceptions.Exit(code)
    said = {"exit_code": code, "report": printed.getvalue().splitlines(), "error": complaint.getvalue().strip()}
    click.echo(json.dumps(said, indent=2))
    raise click.exceptions.Exit(code)


def _machine_file(machine: str) -> Path | None:
    """Where the machine's text lies, unless it is a busy beaver's."""
    if machine in LIBRARY:
        return LIBRARY[machine].path
    return Path(machine) if not looks_like_busy_beaver(machine) and os.path.exists(machine) else None


def _ours(certificate: Path) -> str | None:
    """The theory that a certificate says it is about, if that is one of ours: the checker is given our text of it."""
    try:
        head = json.loads(read_bytes(certificate, "certificate"))
        name = theory_name(head["statement"]["theory"]["text"])
    except (BadInput, TooLarge, ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if name in THEORIES else None


def _theory_file(theory: str) -> Path:
    """Where a theory's text lies."""
    return THEORIES.get(theory, Path(theory))


def _folded(machine: str) -> bytes:
    """The text of a busy beaver, folded."""
    with refusing(MachineError):
        folded = write_machine(load_machine(machine))
    click.echo(f"machine: {machine}, folded onto a one-way tape, as `exactformer machines {machine}` prints it")
    return folded.encode()
