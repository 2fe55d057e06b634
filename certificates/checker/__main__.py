"""``python -m exactformer.certificates.checker CERTIFICATE --machine FILE``: check a certificate against a machine.

``--function NAME`` instead of ``--machine FILE`` checks a certificate of approximation against a function,
``--theory FILE`` one about a theory. A certificate about sequences, or words of a language, needs no option;
``--network FILE`` gives its network, if that is not in the same folder.

Exit codes: see `EXIT_CODES`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided, names_its_subject
from exactformer.certificates.checker.process import FAILED, run
from exactformer.certificates.checker.report import KIND, SAYS, plain, report

if TYPE_CHECKING:  # slow to import
    from exactformer.certificates.checker.check import Valid

ESTABLISHED, REFUTED, BAD_INPUT, INCONCLUSIVE, NOT_JUDGED = 0, 1, 2, 3, 4
"""`FAILED`, `READER_GONE` and `BY_SIGNAL` besides: `certificates.checker.process`."""
EXIT_CODES = (
    "Exit codes: 0 valid, with the expected verdict (by default, that the claim holds); 1 not valid, or valid with the "
    "opposite verdict; 2 wrong usage, unreadable input, or no certificate; 3 valid but inconclusive; 4 not judged: too "
    "large for this checker, or not decided in time; 5 the checker itself failed, and nothing is judged; 129, 130, 143 "
    "ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM; 141 the reader of the output went away."
)
TRACEBACK = "EXACTFORMER_TRACEBACK"
"""The environment variable that asks for the traceback of a failure."""


def main(arguments: list[str] | None = None) -> int:
    """The exit code; whatever goes wrong, no error ends in 0, 1 or 3."""
    parser = argparse.ArgumentParser(
        prog="python -m exactformer.certificates.checker",
        description="Check a certificate: simulate the machine and replay the network, or prove for all inputs what "
        "is annotated; prove the inequalities again. For approximation: follow all cells, run all corners. For "
        "sequences: run the hardmax network exactly, enclose the softmax network in intervals.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("certificate", type=Path, help="the certificate; its weights are in the same folder")
    parser.add_argument("--machine", type=Path, metavar="FILE", help="the machine it has to be about")
    parser.add_argument("--function", metavar="NAME", help="the function that a certificate of approximation is about")
    parser.add_argument(
        "--theory",
        type=Path,
        metavar="FILE",
        help="the theory that a certificate about a theory is about; also with --machine",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="FILE",
        help="the network of a certificate about sequences or words, if it is not in the same folder",
    )
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=SECONDS,
        metavar="S",
        help=f"stop the check after this many seconds; then nothing is judged (default: {SECONDS})",
    )
    parser.add_argument(
        "--expect",
        choices=tuple(SAYS),
        default="positive",
        help="the verdict that the certificate must have for exit code 0 (default: positive)",
    )
    given = parser.parse_args(arguments)
    about_a_machine = given.machine is not None or given.theory is not None
    if about_a_machine and given.function is not None:
        parser.error("give --machine FILE, --theory FILE or both; or --function NAME")
    names_itself = not about_a_machine and given.function is None
    if given.network is not None and not names_itself:
        parser.error("--network is for certificates about sequences or words: leave out the other options")
    if names_itself and given.network is None and not names_its_subject(given.certificate):
        parser.error(
            "give --machine FILE, --theory FILE or both; or --function NAME: only certificates about sequences and "
            "about words need none of them"
        )
    found = judge(given.certificate, given.machine, given.function, given.theory, given.network, given.budget)
    if isinstance(found, NotValid):
        return _fail(found.sentence, found.code)
    print(report(found, given.expect))
    return code_of(found.verdict, given.expect)


@dataclass(frozen=True)
class NotValid:
    """Not valid, not judged, or nothing to judge: the exit code, and the reason in one sentence."""

    code: int
    sentence: str


def judge(
    certificate: Path,
    machine: Path | bytes | None,
    function: str | None,
    theory: Path | None,
    network: Path | None,
    budget: int,
) -> Valid | NotValid:
    """Check a certificate against what it has to be about; errors are reported, and nothing is raised.

    A machine is given as a file, or as the text of one.
    """
    # slow to import: `process.run` has to be waiting before an interrupt can come
    from exactformer.certificates.checker.approximation.check import check_approximation
    from exactformer.certificates.checker.check import check_certificate
    from exactformer.certificates.checker.named import check_named
    from exactformer.certificates.checker.theory.check import check_theory

    try:
        if theory is not None:
            return check_theory(certificate, theory, budget, None, machine)
        if machine is not None:
            return check_certificate(certificate, machine, budget)
        if function is not None:
            return check_approximation(certificate, function, budget)
        return check_named(certificate, budget, network)
    except Rejected as error:
        return NotValid(REFUTED, f"not valid: {error}")
    except BadInput as error:
        return NotValid(BAD_INPUT, str(error))
    except (TooLarge, Undecided) as error:
        return NotValid(NOT_JUDGED, f"not judged: {error}")
    except Exception as error:  # whatever this is, it says nothing about the certificate
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        what = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        return NotValid(FAILED, f"not judged: the checker failed: {what[:1000]}. {TRACEBACK}=1 shows where.")


def code_of(verdict: str, expected: str) -> int:
    """The exit code for a valid certificate with this verdict."""
    kind = KIND[verdict]
    if kind == expected:
        return ESTABLISHED
    return INCONCLUSIVE if kind == "inconclusive" else REFUTED


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 999999")
    return int(text)


def _fail(sentence: str, code: int) -> int:
    print(plain(sentence[:2000]), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(run(main))
