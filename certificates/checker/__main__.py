"""``python -m certificates.checker CERTIFICATE --machine FILE``: check a certificate against a machine.

Exit codes: 0 valid (certified or refuted), 1 not valid, 2 wrong usage or unreadable input, 3 valid but
inconclusive, 4 too large for this checker, so not judged.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from certificates.checker.check import check_certificate
from certificates.checker.document import BadInput, Rejected, TooLarge

VALID, NOT_VALID, BAD_INPUT, INCONCLUSIVE, TOO_LARGE = 0, 1, 2, 3, 4


def main(arguments: list[str] | None = None) -> int:
    """The exit code; whatever goes wrong, no error ends in 0 or 3."""
    parser = argparse.ArgumentParser(
        prog="python -m certificates.checker",
        description="Check a certificate: simulate the machine, replay the network, prove the inequalities again.",
        epilog="Exit codes: 0 valid, 1 not valid, 2 wrong usage or unreadable input, 3 valid but inconclusive, "
        "4 too large for this checker, so not judged.",
    )
    parser.add_argument("certificate", type=Path, help="the certificate; its weights lie beside it")
    parser.add_argument("--machine", type=Path, required=True, metavar="FILE", help="the machine it has to be about")
    paths = parser.parse_args(arguments)
    try:
        valid = check_certificate(paths.certificate, paths.machine)
    except Rejected as error:
        return _fail(f"not valid: {error}", NOT_VALID)
    except BadInput as error:
        return _fail(str(error), BAD_INPUT)
    except TooLarge as error:
        return _fail(f"not judged: {error}", TOO_LARGE)
    except Exception as error:  # whatever this is, the certificate was not shown to be valid
        return _fail(f"not valid: the check broke off with {type(error).__name__}: {error}", NOT_VALID)
    lines = [f"valid: {valid.verdict}", valid.claim]
    for title, facts in (("proved", valid.proved), ("replayed", valid.replayed), ("assumed", valid.assumed)):
        lines += [title, *(f"  - {fact}" for fact in facts)]
    print(_plain("\n".join(lines)))
    return INCONCLUSIVE if valid.verdict == "inconclusive" else VALID


def _fail(sentence: str, code: int) -> int:
    print(_plain(sentence[:2000]), file=sys.stderr)
    return code


def _plain(text: str) -> str:
    """In printable ASCII: no name in a certificate may break, or play tricks with, a terminal."""
    return re.sub(r"[^\n -~]", lambda match: ascii(match[0])[1:-1], text)


if __name__ == "__main__":
    sys.exit(main())
