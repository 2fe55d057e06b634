"""The library: machines that come with exactformer, each with its text, its oracle and example inputs.

Texts are in ``texts/``, with comments, to be copied from.  Machines that are assembled from programs have texts, too:
so what a certificate is checked against can be read.  Nothing is parsed before a machine is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from exactformer.constructions.machines import oracles
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.oracles import Oracle, WordGenerator
from exactformer.constructions.machines.sudoku.search import Boxes

if TYPE_CHECKING:
    from exactformer.constructions.machines.formats.registry import Loaded

_TEXTS: Final = Path(__file__).parent / "texts"


class UnknownMachineError(MachineError):
    """A name that is neither a machine of the library nor a readable file."""


@dataclass(frozen=True)
class LibraryEntry:
    """One machine of the library.

    ``oracle`` gives the output word, or None for a word that is not a valid input; ``examples`` are valid
    words; ``draw(rng, size)`` gives a random valid word, its numbers or blocks of at most ``size`` symbols.
    """

    name: str
    description: str
    oracle: Oracle
    examples: tuple[str, ...]
    draw: WordGenerator

    @property
    def path(self) -> Path:
        """The file with the machine's text."""
        return _TEXTS / f"{self.name}.yaml"

    @cached_property
    def machine(self) -> TuringMachine:
        """The machine, read from its text when first asked for."""
        return _read_file(self.path).machine


_HANDWRITTEN: Final = (
    LibraryEntry(
        "binary-addition",
        "adds two binary numbers: 110+101 -> 1011 (leading zeros allowed in, none out)",
        oracles.binary_addition,
        ("1+1", "110+101", "0010+1", "00+0"),
        oracles.pairs_of_bits("+"),
    ),
    LibraryEntry(
        "binary-counter",
        "counts up from an n-bit number until it overflows to 2^n: 000 -> 1000, through all 8 values",
        oracles.binary_counter,
        ("0", "000", "0110"),
        oracles.words_over("01", shortest=1),
    ),
    LibraryEntry(
        "binary-multiplication",
        "multiplies two binary numbers: 101*11 -> 1111 (leading zeros allowed in, none out)",
        oracles.binary_multiplication,
        ("1*1", "10*11", "101*11", "00*0"),
        oracles.pairs_of_bits("*"),
    ),
    LibraryEntry(
        "bit-sort",
        "sorts the bits of a word: 10110 -> 00111",
        oracles.bit_sort,
        ("10", "10110", ""),
        oracles.words_over("01"),
    ),
    LibraryEntry(
        "balanced-brackets",
        "tells whether brackets are balanced: (()()) -> 1, ()) -> 0",
        oracles.balanced_brackets,
        ("()", "(()())", "())", ""),
        oracles.bracket_words,
    ),
    LibraryEntry(
        "copy",
        "writes a word of bits twice, with # between: 011 -> 011#011",
        oracles.copy,
        ("0", "011", ""),
        oracles.words_over("01"),
    ),
    LibraryEntry(
        "increment",
        "adds 1 to a binary number, in the same width unless it overflows: 0011 -> 0100, 11 -> 100",
        oracles.increment,
        ("0", "1011", "0011", "11"),
        oracles.words_over("01", shortest=1),
    ),
    LibraryEntry(
        "palindrome",
        "tells whether a word of bits is a palindrome: 0110 -> 1, 01 -> 0",
        oracles.palindrome,
        ("0110", "01", "010", ""),
        oracles.palindrome_words,
    ),
    LibraryEntry(
        "reverse",
        "reverses a word over a and b: aab -> baa",
        oracles.reverse,
        ("a", "aab", ""),
        oracles.words_over("ab"),
    ),
    LibraryEntry(
        "rewrite",
        "rounds a unary number up to an even one, writing one cell in every step: 111 -> 1111",
        oracles.rewrite,
        ("1", "111", "1" * 61, ""),
        oracles.words_over("1"),
    ),
    LibraryEntry(
        "three-equal-blocks",
        "tells whether a word is n times a, n times b, n times c: aabbcc -> 1, abbc -> 0",
        oracles.three_equal_blocks,
        ("abc", "aabbcc", "abbc", ""),
        oracles.block_words,
    ),
    LibraryEntry(
        "unary-doubling",
        "doubles a unary number: 111 -> 111111",
        oracles.unary_doubling,
        ("1", "111", ""),
        oracles.words_over("1"),
    ),
    LibraryEntry(
        "unary-to-binary",
        "writes a unary number in binary: 11111 -> 101, and the empty word becomes 0",
        oracles.unary_to_binary,
        ("1", "11111", ""),
        oracles.words_over("1"),
    ),
)
_ASSEMBLED: Final = (
    LibraryEntry(
        "sudoku-4x4",
        "solves a Sudoku by depth-first search: 1...34..4..2...3 -> 1234342143122143, or ! if there is none",
        oracles.sudoku(Boxes(2, 2)),
        ("1...34..4..2...3", "................", "..3..2....4....1", "11.............."),
        oracles.puzzles(Boxes(2, 2)),
    ),
    LibraryEntry(
        "sudoku-9x9",
        "solves a Sudoku by depth-first search: 81 digits and dots, row by row -> the solved grid, or !",
        oracles.sudoku(Boxes(3, 3)),
        (
            "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
            "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
            "55" + 79 * ".",
        ),
        oracles.puzzles(Boxes(3, 3)),
    ),
)

HANDWRITTEN: Final[Mapping[str, LibraryEntry]] = MappingProxyType({entry.name: entry for entry in _HANDWRITTEN})
"""The small machines of the library, by name: each of their transitions can be read."""
LIBRARY: Final[Mapping[str, LibraryEntry]] = MappingProxyType(
    {entry.name: entry for entry in (*_HANDWRITTEN, *_ASSEMBLED)}
)
"""All machines of the library by name; those that are not in `HANDWRITTEN` have thousands of transitions."""


def machine_named(name: str) -> LibraryEntry:
    """The entry of the library called ``name``; UnknownMachineError, with close names, when there is none.

    >>> machine_named("increment").oracle("1011")
    '1100'
    """
    if name not in LIBRARY:
        raise UnknownMachineError(f"There is no machine called {name!r} in the library: {_suggestion(name)}")
    return LIBRARY[name]


def entry_of(machine: TuringMachine) -> LibraryEntry | None:
    """The entry of the library for exactly this machine, if there is one."""
    entry = LIBRARY.get(machine.name)
    return entry if entry is not None and entry.machine == machine else None


def load_machine(given: object) -> TuringMachine:
    """The machine that a command or a program was given, as it is compiled: see `load`.

    A machine of another tool has tapes without ends, which are folded; NormalFormError, if that makes it too large.

    >>> load_machine("increment").tapes
    1
    >>> load_machine("1RB1LB_1LA1RZ").name
    'folded-1RB1LB_1LA1RZ'
    """
    return LIBRARY[given].machine if isinstance(given, str) and given in LIBRARY else load(given).machine


def load(given: object) -> Loaded:
    """A machine as it was given and as it is compiled: a name of the library, a busy beaver text, or a file of any
    format, in this order; or a DTM or MNTM of automata-lib.

    Errors: UnknownMachineError if it is none of these; MachineTextError if the text is not a machine.

    >>> load("increment").original is None, load("1RB1LB_1LA1RZ").original is None
    (True, False)
    """
    # Imported here because YAML is slow to import and most commands that list the library need no text.
    from exactformer.constructions.machines.busy_beaver import looks_like_busy_beaver
    from exactformer.constructions.machines.formats import OURS
    from exactformer.constructions.machines.formats.registry import Loaded, load_object, load_text

    if not isinstance(given, (str, Path)):
        return load_object(given)
    name_or_path = str(given)
    if name_or_path in LIBRARY:
        return Loaded(OURS, LIBRARY[name_or_path].machine)
    if looks_like_busy_beaver(name_or_path):
        return load_text(name_or_path, name_or_path)
    path = Path(name_or_path)
    if not os.path.isfile(path):  # Path.is_file would raise if the name is too long for a file
        raise UnknownMachineError(
            f"{name_or_path!r} is neither a machine of the library nor a file nor a busy beaver text: "
            f"{_suggestion(name_or_path)}"
        )
    return _read_file(path)


def _read_file(path: Path) -> Loaded:
    from exactformer.constructions.machines.formats.registry import load_text

    return load_text(text_of(path), str(path))


def text_of(path: Path) -> str:
    """The text of a file.  Errors: UnknownMachineError, if it cannot be read or is not a text."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UnknownMachineError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UnknownMachineError(f"{str(path)!r} is not UTF-8 text: save it as UTF-8.") from error


def _suggestion(name: str) -> str:
    close = get_close_matches(Path(name).stem, LIBRARY, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"the library has {', '.join(sorted(LIBRARY))}."
