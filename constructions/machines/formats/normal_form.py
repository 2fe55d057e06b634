"""From a machine of another tool to the one-way machine that is compiled, run and certified, its *normal form*.

Each tape is folded at the square where the input begins (`folded_rows`), whether or not the machine leaves it to the
left: that cannot be told from the machine.  The normal form takes the same steps, one for one.  After the last one it
takes one more, which changes nothing and leads into its only halting state, ``halt``.  So the state entered before
``halt`` tells how the run ended.

Names.  An input word of the machine is also one of its normal form: a square on the right whose partner on the left is
blank has the name of its symbol.  All other contents of cells get letters, in the order of `renaming.letters`, that are
not symbols of the machine.  A symbol that cannot be the name of a cell (several characters, a space, a quote, a
bracket, a brace) gets a letter, too.  A state keeps its name, with ``_`` instead of characters that names cannot have;
if that makes two names equal, a number follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, product
from typing import Final

from exactformer.constructions.machines.folded_rows import (
    SIGNS,
    STOPPED,
    CellNames,
    home_view,
    number_of_rows,
    rows,
    rows_of,
    views,
)
from exactformer.constructions.machines.formats.renaming import letters, names_for
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine
from exactformer.constructions.machines.machine import Action, MachineError, Move, TuringMachine, is_name

START: Final = "start"
HALT: Final = "halt"
MOST_ROWS: Final = 100_000
"""The most rows of a normal form; the text of more would be longer than the checker reads."""
_REFUSED: Final = "{}[]'"
"""Characters that names in theories cannot have (certificates/THEORIES.md), besides those that `is_name` excludes."""


class NormalFormError(MachineError):
    """A machine has no normal form, or a word is not an input of it."""


@dataclass(frozen=True)
class NormalForm:
    """A machine of another tool, the one-way machine that it becomes, and what the names of the latter mean."""

    original: TapeMachine
    machine: TuringMachine
    states: Mapping[str, str]
    cells: CellNames

    def word(self, right: Sequence[str], left: Sequence[str] = ()) -> str:
        """The input of the normal form for a tape: the symbols from the head on, and those before it.

        Errors: NormalFormError, if a symbol is not one of the first tape.
        """
        blank, known = self.original.blank, set(self.original.reached.symbols[0])
        for symbol in (*left, *right):
            if symbol not in known:
                raise NormalFormError(
                    f"{symbol!r} is not a symbol of the first tape of {self.original.name}: use "
                    f"{' '.join(map(repr, self.original.reached.symbols[0]))}."
                )
        squares = {square: symbol for square, symbol in enumerate((*left, *right), -len(left)) if symbol != blank}
        end = max(map(abs, squares), default=-1)
        pairs = [(squares.get(cell, blank), squares.get(-cell, blank)) for cell in range(1, end + 1)]
        if end < 0:
            return ""
        first = squares.get(0, blank)
        plain = not any(left_of != blank for _, left_of in pairs) and first != blank
        home = self.cells.pairs[first, blank] if plain else self.cells.home[first]
        return home + "".join(self.cells.pairs[pair] for pair in pairs)

    def typed(self, word: str) -> str:
        """The input that a word means: a word of the original's symbols, or else one of the normal form itself."""
        return self.word(word) if set(word) <= set(self.original.reached.symbols[0]) else word

    def squares(self, cells: Sequence[str]) -> dict[int, str]:
        """The squares of a tape that are not blank, from its cells: those of an input, an output, or a tape in
        between."""
        blank = self.original.blank
        found: dict[int, str] = {}
        for cell, name in enumerate(cells):
            if cell == 0 and name in self._home:
                found[0] = self._home[name]
            elif cell == 0 and name in self._pair and self._pair[name][1] == blank:  # a word, before the first step
                found[0] = self._pair[name][0]
            elif name == self.cells.blank:
                continue
            elif cell > 0 and name in self._pair:
                found[cell], found[-cell] = self._pair[name]
            else:
                raise NormalFormError(f"Cell {cell} holds {name!r}, which cannot be on a tape of {self.machine.name}.")
        return {square: symbol for square, symbol in found.items() if symbol != blank}

    def state(self, name: str) -> str:
        """The original's state for a state of the normal form other than ``halt``."""
        return self.original.initial if name == START else self._states[name[: -self.original.tapes]]

    @property
    def input(self) -> str | None:
        """The input word of the normal form for the input that the text gave."""
        start = self.original.start
        return None if start is None else self.word(start.right, start.left)

    @cached_property
    def _home(self) -> dict[str, str]:
        return {name: symbol for symbol, name in self.cells.home.items()}

    @cached_property
    def _pair(self) -> dict[str, tuple[str, str]]:
        return {name: pair for pair, name in self.cells.pairs.items()}

    @cached_property
    def _states(self) -> dict[str, str]:
        return {name: state for state, name in self.states.items()}


def normal_form(original: TapeMachine) -> NormalForm:
    """The normal form of a machine with two-way tapes.  Errors: NormalFormError, if it is too large.

    >>> right = Action("go", ("1",), (Move.RIGHT,))
    >>> made = normal_form(TapeMachine("fill", 1, ("go",), ("0", "1"), ("1",), {("go", ("1",)): right}, {}))
    >>> made.machine.name, made.machine.states, made.machine.alphabet, made.word("11")
    ('folded-fill', ('start', 'go+', 'go-', 'halt'), ('0', 'a', 'b', 'c', 'd', '1', 'e'), '11')
    """
    live, symbols, blank = original.reached.states, original.reached.symbols, original.blank
    number = number_of_rows(len(live), [len(of) for of in symbols])
    if number > MOST_ROWS:
        raise NormalFormError(
            f"The folding of {original.name} has {number} rows, because it has {original.tapes} tape(s) with "
            f"{' and '.join(str(len(of)) for of in symbols)} symbols and {len(live)} states: at most {MOST_ROWS} are "
            "made, so use fewer tapes or symbols."
        )
    cells, states = _cell_names(original), names_for(live, _is_usable, _usable)
    named = {name: state for state, name in states.items()}
    names = list(named)

    def step(name: str, read: tuple[str, ...]) -> Action:
        found = original.action(named[name], read)
        if found is None:
            return Action(STOPPED, read, (Move.STAY,) * len(read))
        return replace(found, state=states[found.state])

    first = [[home_view(cells.blank, blank, cells)] for _ in symbols]
    for symbol in symbols[0]:
        first[0].append(home_view(cells.home[symbol], symbol, cells))
        if symbol != blank:
            first[0].append(home_view(cells.pairs[symbol, blank], symbol, cells))
    of_tapes = [views(cells, of, blank) for of in symbols]
    table = chain(rows_of(START, states[original.initial], first, step, HALT), rows(names, of_tapes, step, HALT))
    contents = (*cells.home.values(), *cells.pairs.values())
    on_first = {cells.home[symbol] for symbol in symbols[0]}
    on_first |= {cells.pairs[right, left] for right in symbols[0] for left in symbols[0]}
    machine = TuringMachine(
        name=f"folded-{_usable(original.name) or 'machine'}",
        tapes=original.tapes,
        states=(
            START,
            *(name + "".join(signs) for name in names for signs in product(SIGNS, repeat=len(symbols))),
            HALT,
        ),
        halting=HALT,
        alphabet=(cells.blank, *contents),
        input_alphabet=tuple(name for name in contents if name in on_first),
        transitions=dict(table),
    )
    return NormalForm(original, machine, states, cells)


def _cell_names(original: TapeMachine) -> CellNames:
    """The names of cells: a symbol's own name if it can be kept, else letters that are no symbols."""
    blank = original.blank
    standing = {symbol for of in original.reached.symbols for symbol in of}
    symbols = [symbol for symbol in original.symbols if symbol in standing]
    kept = {symbol for symbol in symbols if symbol != blank and len(symbol) == 1 and _is_usable(symbol)}
    keeps_blank = _is_usable(blank) and blank not in kept
    blank_name = blank if keeps_blank else next(name for name in chain("_", letters()) if name not in symbols)
    free = (letter for letter in letters() if letter not in kept and letter not in (blank, blank_name))
    plain = {symbol: symbol if symbol in kept else next(free) for symbol in symbols if symbol != blank}
    home = {symbol: next(free) for symbol in symbols}
    pairs = {
        (right, left): plain[right] if left == blank and right != blank else next(free)
        for right in symbols
        for left in symbols
    }
    return CellNames(blank_name, home, pairs)


def _is_usable(name: str) -> bool:
    return is_name(name) and not any(character in _REFUSED for character in name)


def _usable(name: str) -> str:
    """The name with ``_`` instead of characters that names cannot have."""
    return "".join(character if _is_usable(character) else "_" for character in name if name != "->")


# ---------------------------------------------------------------------------- what was done, in sentences


def sentences(found: NormalForm) -> list[str]:
    """What was done to the machine: what readers of its normal form, a run or a certificate have to know."""
    original = found.original
    tapes = "The tape is" if original.tapes == 1 else f"Each of the {original.tapes} tapes is"
    said = [
        f"{found.machine.name} is the normal form of {shown(original.name)}.  {tapes} folded at the square where the "
        f"input begins: a cell c >= 1 holds the squares c and -c, and in a state q+ the head is on the right half, in "
        f"q- on the left one{'' if original.tapes == 1 else ', with a sign for each tape'}.",
        "It takes the same steps, one for one, and one more, into halt, which changes nothing.  The state entered "
        f"before halt tells how the run ended: {_endings(original)}.",
    ]
    renamed = {state: name for state, name in found.states.items() if state != name}
    if renamed:
        said.append(f"Renamed states: {_list(renamed)}.")
    cells = found.cells
    symbols = {symbol: cells.pairs[symbol, original.blank] for symbol in cells.home if symbol != original.blank}
    if other := {symbol: name for symbol, name in symbols.items() if symbol != name}:
        said.append(f"Renamed symbols: {_list(other)}.")
    if original.start is not None:
        said.append(f"The input that the text gives is {shown(found.input or '')} here.")
    return said


def _endings(original: TapeMachine) -> str:
    """Each outcome and its states."""
    live = set(original.reached.states)
    of = {
        outcome: [shown(state) for state in original.states if original.halting.get(state) is outcome and state in live]
        for outcome in Outcome
    }
    said = [f"{' '.join(names)} {outcome.value}" for outcome, names in of.items() if names]
    if original.reached.missing_in_all or not said:
        said.append(f"any {'other ' if said else ''}state, where there is no transition, {original.unfinished.value}")
    return "; ".join(said)


def cell_table(found: NormalForm) -> Iterator[str]:
    """What each name of a cell means, with a line for each symbol of the right half."""
    cells, symbols = found.cells, list(found.cells.home)
    yield f"cell 0 holds square 0: {_list(cells.home)}"
    yield f"a cell that no head has left holds {cells.blank}: two blank squares"
    yield f"the other cells, by their squares on the right and, in this order, on the left: {_names(symbols)}"
    for right in symbols:
        yield f"  {shown(right)}  {' '.join(cells.pairs[right, left] for left in symbols)}"


def shown(name: str) -> str:
    """A name as it is, or in quotes if a reader would not see where it begins and ends."""
    return name if is_name(name) else repr(name)


def _list(names: Mapping[str, str]) -> str:
    return ", ".join(f"{shown(name)} = {other}" for name, other in names.items())


def _names(names: Sequence[str]) -> str:
    return " ".join(map(shown, names))
