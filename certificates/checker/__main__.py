"""``python -m exactformer.certificates.checker CERTIFICATE --machine FILE``: check a certificate against a machine.

``--function NAME`` in the place of ``--machine FILE`` checks a certificate of approximation against a function,
``--theory FILE`` one about a theory. One about sequences, or words of a language, needs no option; ``--network FILE``
gives its network, which else lies beside it.

Exit codes: see `EXIT_CODES`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from pathlib import Path

from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided, names_its_subject
from exactformer.certificates.checker.process import FAILED, run
from exactformer.certificates.checker.report import KIND, SAYS, plain, report

ESTABLISHED, REFUTED, BAD_INPUT, INCONCLUSIVE, NOT_JUDGED = 0, 1, 2, 3, 4
"""`FAILED`, `READER_GONE` and `BY_SIGNAL` besides: `certificates.checker.process`."""
EXIT_CODES = (
    "Exit codes: 0 valid, and says what is expected (by default, that the claim holds); 1 not valid, or valid and says "
    "the opposite; 2 wrong usage, unreadable input, or no certificate; 3 valid but inconclusive; 4 not judged: too "
    "large for this checker, or not decided in time; 5 the checker itself failed, and nothing is judged; 129, 130, 143 "
    "ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM; 141 whoever read the output went away."
)
TRACEBACK = "EXACTFORMER_TRACEBACK"
"""The environment variable that asks for the traceback of a failure."""


def main(arguments: list[str] | None = None, machine: bytes | None = None) -> int:
    """The exit code; whatever goes wrong, no error ends in 0, 1 or 3.

    ``machine`` is the text of the machine, if the caller has it: no file is read then, and --machine only names it.
    """
    parser = argparse.ArgumentParser(
        prog="python -m exactformer.certificates.checker",
        description="Check a certificate: simulate the machine, replay the network, or prove for all inputs that it "
        "holds what is annotated; prove the inequalities again. Of approximation: follow all cells, run all corners. "
        "About sequences: run the hardmax network exactly, enclose the softmax one in intervals.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("certificate", type=Path, help="the certificate; its weights lie beside it")
    parser.add_argument("--machine", type=Path, metavar="FILE", help="the machine it has to be about")
    parser.add_argument("--function", metavar="NAME", help="the function that a certificate of approximation is about")
    parser.add_argument(
        "--theory", type=Path, metavar="FILE", help="the theory that a certificate of one is about; also with --machine"
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="FILE",
        help="the network of a certificate about sequences or words, if not beside it",
    )
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=SECONDS,
        metavar="S",
        help=f"seconds for all of the check; if it takes longer, nothing is judged (default: {SECONDS})",
    )
    parser.add_argument(
        "--expect",
        choices=tuple(SAYS),
        default="positive",
        help="what the certificate has to say for exit code 0 (default: positive)",
    )
    given = parser.parse_args(arguments)
    about_a_machine = given.machine is not None or given.theory is not None
    if about_a_machine and given.function is not None:
        parser.error("give --machine FILE, --theory FILE or both; or --function NAME")
    names_itself = not about_a_machine and given.function is None
    if given.network is not None and not names_itself:
        parser.error("--network is for certificates about sequences or words, which go without the other options")
    if names_itself and given.network is None and not names_its_subject(given.certificate):
        parser.error(
            "give --machine FILE, --theory FILE or both; or --function NAME: only certificates about sequences and "
            "about words need none of them"
        )
    from exactformer.certificates.checker.approximation.check import check_approximation  # slow to import: an interrupt
    from exactformer.certificates.checker.check import check_certificate  # has to find `process.run` waiting for it
    from exactformer.certificates.checker.named import check_named
    from exactformer.certificates.checker.theory.check import check_theory

    try:
        if names_itself:
            valid = check_named(given.certificate, given.budget, given.network)
        elif given.theory is not None:
            valid = check_theory(given.certificate, given.theory, given.budget, None, machine or given.machine)
        elif given.machine is None:
            valid = check_approximation(given.certificate, given.function, given.budget)
        else:
            valid = check_certificate(given.certificate, machine or given.machine, given.budget)
    except Rejected as error:
        return _fail(f"not valid: {error}", REFUTED)
    except BadInput as error:
        return _fail(str(error), BAD_INPUT)
    except (TooLarge, Undecided) as error:
        return _fail(f"not judged: {error}", NOT_JUDGED)
    except Exception as error:  # whatever this is, it says nothing about the certificate
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        what = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        return _fail(f"not judged: the checker failed: {what[:1000]}. {TRACEBACK}=1 shows where.", FAILED)
    kind = KIND[valid.verdict]
    print(report(valid, given.expect))
    if kind == given.expect:
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
