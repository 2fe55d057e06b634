"""The ``.jff`` files of JFLAP, versions 4 and 7: one or several tapes without ends, final states that accept.

    <structure>
      <type>turing</type>
      <tapes>2</tapes>
      <automaton>                                       absent in version 4
        <state id="0" name="q0"><initial/></state>      or <block>
        <transition>
          <from>0</from><to>0</to>
          <read tape="1">a</read><write tape="1"/><move tape="1">R</move>
          ...

An empty label is the blank.  A label of two characters, ``!a``, is read as every symbol but a; ``~`` reads any symbol,
or writes the one that was read.  A run that stops in a state that is not final rejects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from exactformer.constructions.machines.formats.reading import MOST_TAPES, MOST_TRANSITIONS, Draft, Place, Text
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine
from exactformer.constructions.machines.machine import Action, Move

BLANK: Final = "\N{WHITE SQUARE}"
ANY: Final = "~"
NOT: Final = "!"
EPSILONS: Final = ("\N{GREEK SMALL LETTER LAMDA}", "\N{GREEK SMALL LETTER EPSILON}")
DEEPEST: Final = 20
"""The most elements inside each other; JFLAP has six."""


def recognises(text: str) -> bool:
    """Whether a text is XML, which no other format is.

    >>> recognises("\\n<?xml version='1.0'?><structure/>"), recognises("1RB1LB_1LA1RZ")
    (True, False)
    """
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def read(text: Text) -> TapeMachine:
    """The machine that a file describes.  Errors: MachineTextError."""
    return _Reader(text, _parsed(text)).machine()


@dataclass
class _Element:
    """An element of XML with its own text, without that of elements below it."""

    name: str
    attributes: dict[str, str]
    place: Place
    below: list[_Element] = field(default_factory=list)
    text: str = ""

    def all(self, *names: str) -> Iterator[_Element]:
        return (element for element in self.below if element.name in names)

    def first(self, name: str) -> _Element | None:
        return next(self.all(name), None)


def _parsed(text: Text) -> _Element:
    """The outermost element.  Document types are refused, and with them all entities that a file could define."""
    parser = expat.ParserCreate()
    root = _Element("", {}, (1, 1))
    path = [root]

    def place() -> Place:
        return parser.CurrentLineNumber, parser.CurrentColumnNumber + 1

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) > DEEPEST:
            text.fail(place(), f"elements are nested more than {DEEPEST} deep: this is not a file of JFLAP.")
        element = _Element(name, attributes, place())
        path[-1].below.append(element)
        path.append(element)

    def end(_: str) -> None:
        path.pop()

    def characters(data: str) -> None:
        path[-1].text += data

    def doctype(*_: object) -> None:
        text.fail(place(), "there is a document type here: remove it, JFLAP writes none.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, doctype
    try:
        parser.Parse(text.text.lstrip("\ufeff"), True)
    except expat.ExpatError as error:
        text.fail((error.lineno, error.offset + 1), f"not XML: {expat.ErrorString(error.code)}.")
    return root.below[0]


@dataclass(frozen=True)
class _Label:
    """What a transition does on one tape: what is read, as in the file, what is written, and the move."""

    read: str
    written: str
    move: Move


class _Reader:
    """One file being read; every method that finds a fault raises MachineTextError at its place."""

    def __init__(self, text: Text, root: _Element) -> None:
        self.text, self.root = text, root

    def machine(self) -> TapeMachine:
        root = self.root
        kind = root.first("type")
        if root.name != "structure" or kind is None:
            self.text.fail(root.place, "this is not a file of JFLAP: it begins with <structure> and its <type>.")
        if kind.text.strip() != "turing":
            self.text.fail(
                kind.place, f"the type is {kind.text.strip()!r}: only Turing machines are read, of type turing."
            )
        tapes = self.number_of_tapes()
        automaton = root.first("automaton") or root
        for nested in automaton.below:
            if any(nested.all("state", "block", "automaton")):
                self.text.fail(nested.place, "building blocks are not read: save the machine without them.")
        names, initial, final = self.states(automaton)
        labels = [
            (*self.ends(each, names), self.labels_of(each, tapes), each.place) for each in automaton.all("transition")
        ]
        draft = Draft(self.text, tapes, BLANK)
        for _, _, of_tapes, _ in labels:
            for label in of_tapes:
                draft.meet(symbol[-1] for symbol in (label.read, label.written) if symbol != ANY)
        symbols = tuple(draft.symbols)
        for source, target, of_tapes, place in labels:
            pools = [expand(label.read, symbols) for label in of_tapes]
            if prod(map(len, pools)) > MOST_TRANSITIONS:
                self.text.fail(place, f"this transition stands for more than {MOST_TRANSITIONS}: that is too many.")
            moves = tuple(label.move for label in of_tapes)
            for read in product(*pools):
                written = tuple(
                    symbol if label.written == ANY else label.written
                    for symbol, label in zip(read, of_tapes, strict=True)
                )
                draft.add((source, read), Action(target, written, moves), place)
        states = [initial, *(state for state in names.values() if state != initial)]
        return draft.machine(states, dict.fromkeys(final, Outcome.ACCEPTS), Outcome.REJECTS)

    def number_of_tapes(self) -> int:
        element = self.root.first("tapes")
        said = "1" if element is None else element.text.strip()
        if element is not None and not (said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= MOST_TAPES):
            self.text.fail(element.place, f"the number of tapes is {said!r}: use 1 to {MOST_TAPES}.")
        return int(said)

    def states(self, automaton: _Element) -> tuple[dict[str, str], str, list[str]]:
        """The names of states by their ids, the initial one, and those that are final."""
        elements: dict[str, _Element] = {}
        for element in automaton.all("state", "block"):
            identity = element.attributes.get("id")
            if identity is None:
                self.text.fail(element.place, 'a state has no id: add one, as in <state id="0">.')
            if identity in elements:
                self.text.fail(element.place, f"a second state has the id {identity!r}: make them different.")
            elements[identity] = element
        given = [element.attributes.get("name") or f"q{identity}" for identity, element in elements.items()]
        names = {
            identity: name if given.count(name) == 1 else f"{name}#{identity}"
            for identity, name in zip(elements, given, strict=True)
        }
        first = [identity for identity, element in elements.items() if element.first("initial")]
        if len(first) != 1:
            place = elements[first[1]].place if first else automaton.place
            self.text.fail(place, f"{len(first)} states are initial: mark one, with <initial/>.")
        return names, names[first[0]], [names[key] for key, element in elements.items() if element.first("final")]

    def ends(self, transition: _Element, names: dict[str, str]) -> tuple[str, str]:
        found = []
        for name in ("from", "to"):
            element = transition.first(name)
            if element is None:
                self.text.fail(transition.place, f"the transition has no <{name}>: add it.")
            identity = element.text.strip()
            if identity not in names:
                self.text.fail(element.place, f"there is no state with the id {identity!r}.")
            found.append(names[identity])
        return found[0], found[1]

    def labels_of(self, transition: _Element, tapes: int) -> list[_Label]:
        """What a transition does, for each tape."""
        found: dict[str, dict[int, _Element]] = {"read": {}, "write": {}, "move": {}}
        for element in transition.all(*found):
            said = element.attributes.get("tape", "1")
            if not (said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= tapes):
                self.text.fail(element.place, f"there is no tape {said!r}: the machine has {tapes}.")
            if int(said) in found[element.name]:
                self.text.fail(element.place, f"a second <{element.name}> for tape {said}: remove one.")
            found[element.name][int(said)] = element
        labels = []
        for tape in range(1, tapes + 1):
            for name, of in found.items():
                if tape not in of:
                    what = "epsilon is not read on tapes" if name == "read" else "nothing is left out"
                    self.text.fail(transition.place, f"the transition has no <{name}> for tape {tape}: {what}, add it.")
            read = self.label(found["read"][tape])
            written = self.label(found["write"][tape])
            if written.startswith(NOT):
                self.text.fail(found["write"][tape].place, f"{written!r} cannot be written: write a symbol, or ~.")
            move = found["move"][tape].text.strip()
            if move not in [each.value for each in Move]:
                self.text.fail(found["move"][tape].place, f"the move is {move!r}: use L, R, or S to stay.")
            labels.append(_Label(read, written, Move(move)))
        return labels

    def label(self, element: _Element) -> str:
        """A symbol, ~, or ! and a symbol."""
        said = element.text.strip()
        if said in EPSILONS:
            self.text.fail(element.place, f"{said!r}, epsilon, is not read on tapes: an empty label is the blank.")
        if said in ("", NOT):
            return said + BLANK
        if "}" in said:
            self.text.fail(
                element.place,
                f"{said!r} is a variable, and variables are not read: write a transition for each symbol.",
            )
        if len(said) != 1 and not (len(said) == 2 and said[0] == NOT):
            self.text.fail(
                element.place, f"the label {said!r} is not a symbol: use one character, or ! and one for all others."
            )
        return said


def expand(read: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols that a label stands for.

    >>> expand("!a", ("a", "b", "c")), expand("~", ("a", "b")), expand("a", ("a", "b"))
    (('b', 'c'), ('a', 'b'), ('a',))
    """
    if read == ANY:
        return symbols
    return tuple(symbol for symbol in symbols if symbol != read[1:]) if read[0] == NOT and len(read) == 2 else (read,)


def takes_symbol(symbol: str) -> bool:
    """Whether a symbol other than the blank can be written in this format."""
    special = (BLANK, ANY, NOT, "}", *EPSILONS)
    return len(symbol) == 1 and symbol.isprintable() and not symbol.isspace() and symbol not in special


def takes_state(state: str) -> bool:
    """Whether a state can be written in this format."""
    return bool(state) and state.isprintable() and "#" not in state


def write(machine: TapeMachine) -> str:
    """The machine, whose names can all be written, as a file of JFLAP 7.

    Halting states are final, except those that reject.
    """
    ids = {state: str(number) for number, state in enumerate(machine.states)}
    lines = ['<?xml version="1.0" encoding="UTF-8" standalone="no"?>', "<structure>", "  <type>turing</type>"]
    lines += [f"  <tapes>{machine.tapes}</tapes>"] if machine.tapes > 1 else []
    lines.append("  <automaton>")
    for state, number in ids.items():
        marks = "<initial/>" if state == machine.initial else ""
        marks += "<final/>" if machine.halting.get(state, Outcome.REJECTS) is not Outcome.REJECTS else ""
        place = f"<x>{100 * (int(number) % 8 + 1)}</x><y>{100 * (int(number) // 8 + 1)}</y>"
        name = escape(state, {'"': "&quot;"})
        lines.append(f'    <state id="{number}" name="{name}">{place}{marks}</state>')
    for (state, read), action in machine.transitions.items():
        if state in machine.halting:
            continue
        parts = [f"<from>{ids[state]}</from><to>{ids[action.state]}</to>"]
        for tape, (seen, written, move) in enumerate(zip(read, action.written, action.moves, strict=True), start=1):
            of = f' tape="{tape}"' if machine.tapes > 1 else ""
            for element, symbol in (("read", seen), ("write", written)):
                label = "" if symbol == machine.blank else escape(symbol)
                parts.append(f"<{element}{of}>{label}</{element}>")
            parts.append(f"<move{of}>{move.value}</move>")
        lines.append(f"    <transition>{''.join(parts)}</transition>")
    return "\n".join([*lines, "  </automaton>", "</structure>"]) + "\n"
