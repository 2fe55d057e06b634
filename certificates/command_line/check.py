"""``exactformer check``: hand a certificate, and what it is about, to the checker, which imports nothing of ours."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import click

from exactformer.certificates.checker.__main__ import main as run_checker
from exactformer.certificates.checker.document import WORDS, kind_of, names_its_subject
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.foreign import made_from
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import late_spinner
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.subjects import THEORIES, machine_to_check, our_theory
from exactformer.certificates.words.listing import compared
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.transformer.words import WordsError


def execute(
    certificate: Path,
    machine: str | None,
    function: str | None,
    theory: str | None,
    network: Path | None,
    spec: str | None,
    budget: int,
    expected: str,
    as_json: bool,
) -> None:
    """MACHINE, a name of the library, a busy beaver text or a file; a function's name; a theory's name or file.

    The checker reads files of our own format only. Machines in others are brought into it first, which the checker
    takes as given; the report says so. Certificates about sequences and words go without these; NETWORK is a file.
    """
    about_others = [option for option in (machine, theory, function) if option is not None]
    if network is not None and about_others:
        raise InputRefused(
            "--network is for certificates about sequences or words, which go without --machine, --theory, --function"
        )
    if spec is not None and (about_others or kind_of(certificate) != WORDS):
        raise InputRefused("--spec is for certificates about words of a language, which go without the other options")
    names_itself = not about_others and (network is not None or names_its_subject(certificate))
    if not names_itself and (machine is None and theory is None) == (function is None):
        raise InputRefused(
            "give --machine MACHINE, for a certificate of approximation --function NAME, for one about a theory "
            "--theory FILE, of a machine's runs both: what the certificate has to be about (only those about sequences "
            "and about words go without)"
        )
    about = None if theory is None else THEORIES.get(theory, Path(theory))
    if machine is not None and theory is None:
        about = our_theory(certificate)
    printed, complaint = io.StringIO(), io.StringIO()
    with (
        late_spinner("checking", enabled=not as_json),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complaint),
    ):
        options = ["--budget", str(budget), "--expect", expected, "--", str(certificate)]
        if about is not None:
            options = [f"--theory={about}", *options]
        if network is not None:
            options = [f"--network={network}", *options]
        if function is not None:
            options = [f"--function={function}", *options]
        text = None
        if machine is not None:
            with refusing(MachineError):
                found = machine_to_check(machine)
            if isinstance(found, Path):
                machine = str(found)
            else:
                text, printed_by = found, f"`exactformer machines {machine}`"
                click.echo(f"machine: {machine}, folded onto a one-way tape, as {printed_by} prints it")
                if (given := load(machine)).normal is not None:
                    print("\n".join(f"  - {sentence}" for sentence in made_from(given)))
            options = [f"--machine={machine}", *options]
        code = run_checker(options, text)
        if spec is not None and printed.getvalue().startswith("valid"):
            try:
                print(f"compared\n  - {compared(certificate, spec, network)}")
            except (WordsError, NetworkDocumentError) as error:
                code = ExitCode.REFUTED
                click.echo(f"not what is expected: {error}", err=True)
    if not as_json:
        show(printed.getvalue().splitlines())
        click.echo(complaint.getvalue(), nl=False, err=True)
        raise click.exceptions.Exit(code)
    said = {"exit_code": code, "report": printed.getvalue().splitlines(), "error": complaint.getvalue().strip()}
    click.echo(json.dumps(said, indent=2))
    raise click.exceptions.Exit(code)
