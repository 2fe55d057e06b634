"""What a certificate has to be about, as people name it, in the form that the checker reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from exactformer.certificates.checker.document import BadInput, TooLarge, read_bytes
from exactformer.certificates.theory_certificate import theory_name
from exactformer.constructions import ngram, subleq, turing
from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver
from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.text import write_machine

THEORIES = {
    "ngram": Path(ngram.__file__).with_name("ngram.theory"),
    "subleq": Path(subleq.__file__).with_name("subleq.theory"),
    "turing-cot": Path(turing.__file__).with_name("cot.theory"),
    "turing-scot": Path(turing.__file__).with_name("scot.theory"),
}
"""Those of our constructions, by name."""


def machine_to_check(machine: TuringMachine | str | Path) -> Path | bytes:
    """The file of a machine, or the text of one that has none: of a busy beaver, which is folded, and of a value.

    ``machine``: a name of the library, a file, a busy beaver text or a machine.  Raises MachineError.
    """
    if isinstance(machine, TuringMachine):
        return write_machine(machine).encode()
    name = str(machine)
    if name in LIBRARY:
        return LIBRARY[name].path
    if not looks_like_busy_beaver(name) and os.path.exists(name):
        return Path(name)
    return write_machine(load_machine(name)).encode()


def our_theory(certificate: Path) -> Path | None:
    """The theory that a certificate says it is about, if that is one of ours: the checker is given our text of it."""
    try:
        head = json.loads(read_bytes(certificate, "certificate"))
        name = theory_name(head["statement"]["theory"]["text"])
    except (BadInput, TooLarge, ValueError, KeyError, TypeError, RecursionError):
        return None
    return THEORIES.get(name)
