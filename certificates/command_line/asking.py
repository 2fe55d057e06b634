"""Asks the checker about a certificate, given the names that a user typed for what it has to be about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.checker.__main__ import NotValid, code_of, judge
from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.document import THEORY, WORDS, kind_of, names_its_subject
from exactformer.certificates.command_line.foreign import made_from
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import late_spinner
from exactformer.certificates.command_line.second import ask_second
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.subjects import THEORIES, machine_to_check, our_theory
from exactformer.certificates.words.listing import compared
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.transformer.words import WordsError


@dataclass(frozen=True)
class About:
    """What a certificate has to be about, as it was typed."""

    machine: str | None = None
    function: str | None = None
    theory: str | None = None
    network: Path | None = None
    spec: str | None = None

    @property
    def words(self) -> str:
        """For people.

        >>> About(machine="increment", theory="turing-cot").words
        'the machine increment, the theory turing-cot'
        """
        named = (
            ("machine", self.machine),
            ("function", self.function),
            ("theory", self.theory),
            ("network", self.network),
            ("specification", self.spec),
        )
        return ", ".join(f"the {what} {name}" for what, name in named if name is not None)


@dataclass(frozen=True)
class Answer:
    """What the checker said.

    ``valid`` is None if the certificate is not valid, or was not judged: ``error`` says why, in one sentence.
    ``compared``: the result of comparing with a specification.  ``second``: what the second checker said.  ``folded``:
    how the machine was first brought into our form, which the checkers take as given.
    """

    code: ExitCode
    valid: Valid | None
    error: str | None = None
    compared: str | None = None
    second: str | None = None
    folded: tuple[str, ...] = ()


def ask(certificate: Path, about: About, budget: int, expected: str, *, spinning: bool, again: bool = False) -> Answer:
    """MACHINE is a name of the library, a busy beaver text or a file; THEORY a name or a file.

    The checker reads only files of our own format: machines in other formats are converted first.  ``again``: the
    second checker is asked, too.  Raises InputRefused for options that do not go together.
    """
    given = [option for option in (about.machine, about.theory, about.function) if option is not None]
    if about.network is not None and given:
        raise InputRefused(
            "--network is for certificates about sequences or words: leave out --machine, --theory and --function"
        )
    if about.spec is not None and (given or kind_of(certificate) != WORDS):
        raise InputRefused(
            "--spec is for certificates about words of a language: leave out --machine, --theory and --function"
        )
    if again and kind_of(certificate) != THEORY:
        raise InputRefused("--second is for certificates about a theory, such as those of `certify --all-inputs`")
    names_itself = not given and (about.network is not None or names_its_subject(certificate))
    if not names_itself and (about.machine is None and about.theory is None) == (about.function is None):
        raise InputRefused(
            "say what the certificate has to be about: --machine MACHINE for one about a machine, --function NAME for "
            "one of approximation, --theory FILE for one about a theory (only certificates about sequences or words "
            "need none of these)"
        )
    theory = None if about.theory is None else THEORIES.get(about.theory, Path(about.theory))
    machine, folded = None, tuple[str, ...]()
    if about.machine is not None:
        if theory is None:
            theory = our_theory(certificate)
        with refusing(MachineError):
            machine = machine_to_check(about.machine)
        if isinstance(machine, bytes):
            printed_by = f"`exactformer machines {about.machine}`"
            given_machine = load(about.machine)
            sentences = made_from(given_machine) if given_machine.normal is not None else []
            first = f"machine: {about.machine}, folded onto a one-way tape, as {printed_by} prints it"
            folded = first, *(f"  - {sentence}" for sentence in sentences)
    with late_spinner("checking", enabled=spinning):
        found = judge(certificate, machine, about.function, theory, about.network, budget)
        if isinstance(found, NotValid):
            return Answer(ExitCode(found.code), None, found.sentence, folded=folded)
        code, said, error, second = ExitCode(code_of(found.verdict, expected)), None, None, None
        if about.spec is not None:
            try:
                said = compared(certificate, about.spec, about.network)
            except (WordsError, NetworkDocumentError) as problem:
                code, error = ExitCode.REFUTED, f"not what the specification expects: {problem}"
        if again:
            second = ask_second(certificate, machine, theory, budget)
            if second.verdict != found.verdict:
                sentence = f"the first checker says: valid: {found.verdict}; {second.sentence}"
                return Answer(second.code, None, sentence, said, second.sentence, folded)
    return Answer(code, found, error, said, None if second is None else second.sentence, folded)
