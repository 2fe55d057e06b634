"""Finds out which format a text is in, and reads it: the one place that knows all formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from exactformer.constructions.machines.busy_beaver import read_busy_beaver
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
from exactformer.constructions.machines.formats.renaming import names_for, renamed, symbols_for
from exactformer.constructions.machines.formats.tape_machine import TapeMachine, as_tape_machine
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.text import KEYS, read_machine

BEAVER: Final = "busy-beaver"


@dataclass(frozen=True)
class Loaded:
    """A machine as it was given; the compiled machine follows from it.

    ``format``: a key of `TITLES`.  ``ours``: a machine in our own format; else ``original`` is the foreign one.
    """

    format: str
    ours: TuringMachine | None = None
    original: TapeMachine | None = None

    @property
    def tape_machine(self) -> TapeMachine:
        """The given machine in the form that all formats describe."""
        if self.original is not None:
            return self.original
        return as_tape_machine(self.machine)

    @cached_property
    def machine(self) -> TuringMachine:
        """The machine that is compiled.  Errors: NormalFormError, if it is too large."""
        if self.ours is not None:
            return self.ours
        if self.normal is not None:
            return self.normal.machine
        return fold(read_busy_beaver(self.standard_text or ""))

    @cached_property
    def normal(self) -> NormalForm | None:
        """How a foreign machine was brought into our form; None for one of ours, and for a busy beaver with a standard
        text, which is folded as its format says.  Errors: NormalFormError."""
        return None if self.original is None or self.standard_text is not None else normal_form(self.original)

    @cached_property
    def standard_text(self) -> str | None:
        """The standard text of a busy beaver that has one."""
        if self.original is None or self.format != BEAVER:
            return None
        return beaver_tables.standard_text(self.original)


@dataclass(frozen=True)
class _Reader:
    """A format, and how its texts are recognised: by the ends of file names, by the content, or by both."""

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
"""The first format that recognises the content reads it; else the one of the file's name."""
_OF_OURS: Final = (".yaml", ".yml")


@dataclass(frozen=True)
class _Writer:
    """A format that is written: which names it allows, and whether it has a blank of its own."""

    write: Callable[[TapeMachine], str]
    takes_symbol: Callable[[str], bool]
    takes_state: Callable[[str], bool]
    own_blank: bool = False


_WRITERS: Final = {
    "turingmachine.io": _Writer(turingmachine_io.write, turingmachine_io.takes_symbol, turingmachine_io.takes_state),
    "morphett": _Writer(morphett.write, morphett.takes_symbol, morphett.takes_state, own_blank=True),
    "jflap": _Writer(jflap.write, jflap.takes_symbol, jflap.takes_state, own_blank=True),
    "automata-lib": _Writer(automata_lib.write, automata_lib.takes_symbol, automata_lib.takes_state),
    BEAVER: _Writer(beaver_tables.write, beaver_tables.takes_symbol, beaver_tables.takes_state),
}


def load_text(text: str, source: str) -> Loaded:
    """The machine of a text in any format; ``source``: the file's name, which decides the format if the text does not.

    Errors: MachineTextError.
    """
    reader = _reader(text, source)
    if reader is None:
        return Loaded(OURS, read_machine(text, source))
    return Loaded(reader.format, original=reader.read(Text(text, source)))


def is_foreign(text: str, source: str) -> bool:
    """Whether a text is in another format than ours, as far as one can tell before it is read."""
    return _reader(text, source) is not None


def _reader(text: str, source: str) -> _Reader | None:
    """The reader of a text; None for one of ours.

    Errors: MachineTextError, if no format is recognised, or the text is too large for any other.
    """
    if _is_ours(text):
        return None
    Text(text, source).require_small()
    end = Path(source).suffix.lower()
    found = next((reader for reader in _READERS if reader.recognises(text)), None)
    found = found or next((reader for reader in _READERS if end in reader.ends), None)
    if found is None and end not in ("", *_OF_OURS):
        Text(text, source).fail((1, 1), f"no format is recognised; these are read: {', '.join(TITLES.values())}.")
    return found


def load_object(machine: object) -> Loaded:
    """A machine of automata-lib.  Errors: MachineTextError; MachineError, if it is not one."""
    if not automata_lib.is_object(machine):
        raise MachineError(f"{machine!r} is not a machine: give a name, a file, or a DTM or MNTM of automata-lib.")
    return Loaded("automata-lib", original=automata_lib.from_object(machine))


@dataclass(frozen=True)
class Written:
    """A machine in another format: the text, the machine that it describes, and what was changed, in sentences."""

    text: str
    machine: TapeMachine
    changes: tuple[str, ...]


def written(loaded: Loaded, to: str) -> Written:
    """The machine, as it was given, in the format of another tool: a key of `TITLES`, but not our own.

    A machine with one-way tapes gets a mark in cell 0 of each (`one_way`), and names that the format does not allow are
    replaced.  Errors: MachineError, if the format cannot express the machine.
    """
    writer, machine, changes = _WRITERS[to], loaded.tape_machine, []
    if not machine.two_way:
        before, machine = machine, with_two_way_tapes(machine)
        if len(machine.symbols) > len(before.symbols):
            changes.append("The first step marks cell 0 of each tape, because the tapes of this format have no end.")
    symbols = symbols_for(machine.symbols[writer.own_blank :], writer.takes_symbol, machine.symbols)
    states = names_for(machine.states, writer.takes_state, lambda state: _usable(state, writer.takes_state))
    if writer.own_blank:
        symbols = {machine.blank: machine.blank} | symbols
    for what, names in (("symbols", symbols), ("states", states)):
        other = [f"{name!r} = {of}" for name, of in names.items() if name != of]
        if other:
            changes.append(f"Renamed {what}: {', '.join(other)}.")
    machine = renamed(machine, states, symbols)
    return Written(writer.write(machine), machine, tuple(changes))


def _usable(state: str, takes: Callable[[str], bool]) -> str:
    """The state without characters that the format does not allow, or else another name."""
    kept = re.sub(r"[^A-Za-z0-9]", "", state)
    return next((name for name in (kept, kept.capitalize(), f"Q{kept}") if takes(name)), "Q")


def _is_ours(text: str) -> bool:
    """Whether a text has most of the keys of our own format at the left margin."""
    return sum(re.search(rf"^{key}:", text, re.MULTILINE) is not None for key in KEYS) > len(KEYS) // 2
