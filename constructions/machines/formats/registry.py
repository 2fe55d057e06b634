"""Which format a text is in, and what comes of it: the one place that knows all formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver, read_busy_beaver
from exactformer.constructions.machines.folding import fold
from exactformer.constructions.machines.formats import (
    OURS,
    TITLES,
    automata_lib,
    beaver_lists,
    beaver_tables,
    jflap,
    morphett,
    turingmachine_io,
)
from exactformer.constructions.machines.formats.normal_form import NormalForm, normal_form
from exactformer.constructions.machines.formats.one_way import with_two_way_tapes
from exactformer.constructions.machines.formats.reading import Text
from exactformer.constructions.machines.formats.tape_machine import TapeMachine, as_tape_machine
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.text import KEYS, MachineTextError, read_machine, write_machine

BEAVER: Final = "busy-beaver"


@dataclass(frozen=True)
class Loaded:
    """A machine that was given, in the form that is compiled, and as it was given.

    ``format``: a key of `TITLES`.  ``original``: the foreign machine; None for one of ours.  ``normal``: how the
    foreign machine was brought into our form; None for ours, and for a busy beaver of the standard text, which is
    folded as that format says.
    """

    machine: TuringMachine
    format: str = OURS
    original: TapeMachine | None = None
    normal: NormalForm | None = None

    @property
    def tape_machine(self) -> TapeMachine:
        """The machine as it was given, as all formats take it."""
        return self.original if self.original is not None else as_tape_machine(self.machine)


@dataclass(frozen=True)
class _Reader:
    """A format that texts are recognised as: by the ends of file names, by the content, or by both."""

    format: str
    read: Callable[[Text], TapeMachine]
    recognises: Callable[[str], bool]
    ends: tuple[str, ...] = ()


_READERS: Final = (
    _Reader("jflap", jflap.read, jflap.recognises, (".jff",)),
    _Reader("automata-lib", automata_lib.read_python, automata_lib.recognises_python),
    _Reader("automata-lib", automata_lib.read_json, automata_lib.recognises_json, (".json",)),
    _Reader("turingmachine.io", turingmachine_io.read, turingmachine_io.recognises),
    _Reader("morphett", morphett.read, morphett.recognises),
    _Reader(BEAVER, beaver_lists.read, beaver_lists.recognises, (".py",)),
    _Reader(BEAVER, beaver_tables.read, beaver_tables.recognises, (".csv", ".tsv", ".md")),
)
"""The first one that recognises a content reads it; else the one of the file's name."""
_OF_OURS: Final = (".yaml", ".yml")
_WRITERS: Final[dict[str, Callable[[TapeMachine], str]]] = {
    "turingmachine.io": turingmachine_io.write,
    "morphett": morphett.write,
    "jflap": jflap.write,
    "automata-lib": automata_lib.write,
    BEAVER: beaver_tables.write,
}


def load_text(text: str, source: str) -> Loaded:
    """The machine of a text in any format; ``source``: the file's name, which says the format where the text does not.

    Errors: MachineTextError; NormalFormError where the normal form is too large.
    """
    if looks_like_busy_beaver(text.rstrip()) and not re.search(r"[\s#;]", text.rstrip()):
        return load_beaver(text.rstrip(), source)
    if _is_ours(text):
        return Loaded(read_machine(text, source))
    given = Text(text, source)
    given.require_small()
    end = Path(source).suffix.lower()
    found = next((reader for reader in _READERS if reader.recognises(text)), None)
    found = found or next((reader for reader in _READERS if end in reader.ends), None)
    if found is not None:
        return of_tape_machine(found.read(given), found.format)
    if end in ("", *_OF_OURS):
        return Loaded(read_machine(text, source))
    return given.fail((1, 1), f"no format is recognised: machines of {', '.join(TITLES.values())} are read.")


def load_beaver(text: str, source: str) -> Loaded:
    """The folding of a busy beaver of the standard text.  Errors: MachineTextError."""
    folded = fold(read_busy_beaver(text, source))
    return Loaded(folded, BEAVER, beaver_tables.read(Text(text, source)))


def of_tape_machine(machine: TapeMachine, of_format: str) -> Loaded:
    """A foreign machine, brought into our form; one that has a standard text is folded as that."""
    if of_format == BEAVER and (standard := beaver_tables.standard_text(machine)) is not None:
        return Loaded(fold(read_busy_beaver(standard)), of_format, machine)
    normal = normal_form(machine)
    return Loaded(normal.machine, of_format, machine, normal)


def load_object(machine: object) -> Loaded:
    """A machine of automata-lib.  Errors: MachineTextError; MachineError, where it is none."""
    if not automata_lib.is_object(machine):
        raise MachineError(f"{machine!r} is no machine: give a name, a file, or a DTM or MNTM of automata-lib.")
    return of_tape_machine(automata_lib.from_object(machine), "automata-lib")


def written(loaded: Loaded, to: str) -> str:
    """The machine in a format, a key of `TITLES`.  Errors: MachineError, where that cannot be.

    In ours it is what is compiled; in others it is the machine as it was given, and one with one-way tapes gets a mark
    in cell 0 of each (`one_way`).
    """
    if to == OURS:
        return write_machine(loaded.machine)
    machine = loaded.tape_machine
    return _WRITERS[to](machine if machine.two_way else with_two_way_tapes(machine))


def _is_ours(text: str) -> bool:
    """Whether a text has most of the keys of our own format at the margin."""
    return sum(re.search(rf"^{key}:", text, re.MULTILINE) is not None for key in KEYS) > len(KEYS) // 2


__all__ = ["Loaded", "MachineTextError", "load_beaver", "load_object", "load_text", "of_tape_machine", "written"]
