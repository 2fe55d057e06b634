"""``python -m certificates.checker CERTIFICATE --machine FILE``: check a certificate against a machine.

``--function NAME`` in the place of ``--machine FILE`` checks a certificate of approximation against a function.

Exit codes: 0 valid (certified, proved, tokens proved or refuted), 1 not valid, 2 wrong usage or unreadable input,
3 valid but inconclusive, 4 too large for this checker or not decided in time, so not judged.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from certificates.checker.approximation.check import check_approximation
from certificates.checker.check import check_certificate
from certificates.checker.deadline import SECONDS
from certificates.checker.document import BadInput, Rejected, TooLarge, Undecided

VALID, NOT_VALID, BAD_INPUT, INCONCLUSIVE, TOO_LARGE = 0, 1, 2, 3, 4


def main(arguments: list[str] | None = None) -> int:
    """The exit code; whatever goes wrong, no error ends in 0 or 3."""
    parser = argparse.ArgumentParser(
        prog="python -m certificates.checker",
        description="Check a certificate: simulate the machine, replay the network, or prove for all inputs that it "
        "holds what is annotated; prove the inequalities again. Of approximation: follow all cells, run all corners.",
        epilog="Exit codes: 0 valid, 1 not valid, 2 wrong usage or unreadable input, 3 valid but inconclusive, "
        "4 too large for this checker or not decided in time, so not judged.",
    )
    parser.add_argument("certificate", type=Path, help="the certificate; its weights lie beside it")
    about = parser.add_mutually_exclusive_group(required=True)
    about.add_argument("--machine", type=Path, metavar="FILE", help="the machine it has to be about")
    about.add_argument("--function", metavar="NAME", help="the function that a certificate of approximation is about")
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=SECONDS,
        metavar="S",
        help=f"seconds for all of the check; if it takes longer, nothing is judged (default: {SECONDS})",
    )
    given = parser.parse_args(arguments)
    try:
        if given.machine is None:
            valid = check_approximation(given.certificate, given.function, given.budget)
        else:
            valid = check_certificate(given.certificate, given.machine, given.budget)
    except Rejected as error:
        return _fail(f"not valid: {error}", NOT_VALID)
    except BadInput as error:
        return _fail(str(error), BAD_INPUT)
    except (TooLarge, Undecided) as error:
        return _fail(f"not judged: {error}", TOO_LARGE)
    except Exception as error:  # whatever this is, the certificate was not shown to be valid
        return _fail(f"not valid: the check broke off with {type(error).__name__}: {error}", NOT_VALID)
    lines = [f"valid: {valid.verdict}", valid.claim]
    parts = {
        "proved": valid.proved,
        "not claimed": valid.not_claimed,
        "checked on these runs": valid.replayed,
        "assumed": valid.assumed,
    }
    for title, facts in parts.items():
        lines += [title, *(f"  - {fact}" for fact in facts)] if facts else []
    print(_plain("\n".join(lines)))
    return INCONCLUSIVE if valid.verdict == "inconclusive" else VALID


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 999999")
    return int(text)


def _fail(sentence: str, code: int) -> int:
    print(_plain(sentence[:2000]), file=sys.stderr)
    return code


def _plain(text: str) -> str:
    """In printable ASCII: no name in a certificate may break, or play tricks with, a terminal."""
    return re.sub(r"[^\n -~]", lambda match: ascii(match[0])[1:-1], text)


if __name__ == "__main__":
    sys.exit(main())
