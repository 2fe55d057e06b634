"""Turns the name that a user gives for a certificate's subject into what the checker reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from exactformer.certificates.checker.document import BadInput, TooLarge, read_bytes
from exactformer.certificates.theory_certificate import theory_name
from exactformer.constructions import ngram, subleq, turing
from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver
from exactformer.constructions.machines.formats.registry import is_foreign
from exactformer.constructions.machines.library import LIBRARY, UnknownMachineError, load, text_of
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.text import write_machine

THEORIES = {
    "ngram": Path(ngram.__file__).with_name("ngram.theory"),
    "subleq": Path(subleq.__file__).with_name("subleq.theory"),
    "turing-cot": Path(turing.__file__).with_name("cot.theory"),
    "turing-scot": Path(turing.__file__).with_name("scot.theory"),
}
"""The theories of our constructions, by name."""


def machine_to_check(machine: object) -> Path | bytes:
    """The file of a machine; or the text of the compiled machine, if no file in our format has it: for another tool's
    format, a busy beaver, or a TuringMachine.

    ``machine``: what `load` takes, or a TuringMachine.  Raises MachineError.
    """
    if isinstance(machine, TuringMachine):
        return write_machine(machine).encode()
    if isinstance(machine, (str, Path)):
        name = str(machine)
        if name in LIBRARY:
            return LIBRARY[name].path
        if not looks_like_busy_beaver(name) and os.path.exists(name) and not _is_foreign(Path(name)):
            return Path(name)
    return write_machine(load(machine).machine).encode()


def _is_foreign(path: Path) -> bool:
    """Whether a file is in another format than ours; one that is not text is left to the checker, which refuses it."""
    try:
        return is_foreign(text_of(path), str(path))
    except UnknownMachineError:
        return False


def our_theory(certificate: Path) -> Path | None:
    """The theory that a certificate names, if it is one of ours: the checker gets our text of it."""
    try:
        head = json.loads(read_bytes(certificate, "certificate"))
        name = theory_name(head["statement"]["theory"]["text"])
    except (BadInput, TooLarge, ValueError, KeyError, TypeError, RecursionError):
        return None
    return THEORIES.get(name)
