"""Busy beavers as Python lists or mappings of triples: symbol written, move, next state.

    [[(1, 'R', 'B'), (1, 'L', 'B')],          {('A', 0): (1, 1, 'B'), ('A', 1): (1, -1, 'B'),
     [(1, 'L', 'A'), (1, 'R', 'Z')]]           ('B', 0): (1, -1, 'A')}

A row of the list is a state, with a triple for each of the symbols 0, 1, ..  States and symbols are names or numbers;
the states 0, 1, .. are called A, B, ..  A move is L or R; or 1 and 0, or 1 and -1, for R and L.  ``None``, or a triple
that writes -1, is not an entry; the state -1 halts.  The text is never executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from string import ascii_uppercase

from exactformer.constructions.machines.formats.beaver_tables import HALTS, MOVES
from exactformer.constructions.machines.formats.literals import Literals
from exactformer.constructions.machines.formats.reading import Draft, Text, listed
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine
from exactformer.constructions.machines.machine import Action, Move


def recognises(text: str) -> bool:
    """Whether a text of Python is a list or a mapping of triples.

    >>> recognises("table = [[(1, 'R', 'B')]]"), recognises("{('A', 0): (1, 1, 1)}"), recognises("1")
    (True, True, False)
    """
    code = re.sub(r"#.*", "", text)
    return re.match(r"\s*(\w+\s*(:[^=]*)?=)?\s*[\[{(]", code) is not None and "(" in code


def read(text: Text) -> TapeMachine:
    """The machine that a list or a mapping describes.  Errors: MachineTextError."""
    literals = Literals(text)
    for statement in literals.module():
        value = getattr(statement, "value", None)
        if isinstance(value, (ast.List, ast.Tuple, ast.Dict)):
            return _Triples(literals, value).machine()
    return text.fail((1, 1), "there is no list of triples here: write [[(1, 'R', 'B'), ..], ..].")


class _Triples:
    """A list or mapping of triples being read."""

    def __init__(self, literals: Literals, value: ast.expr) -> None:
        self.literals = literals
        self.entries = list(self.listed(value))
        self.given = list(dict.fromkeys(state for state, _, _ in self.entries))
        numbers = [self.moves_as_number(node) for _, _, node in self.entries]
        self.backwards = "-1" in numbers

    def listed(self, value: ast.expr) -> Iterator[tuple[str, str, ast.expr]]:
        """State, symbol and triple of each entry."""
        literals = self.literals
        if not isinstance(value, ast.Dict):
            for number, row in enumerate(literals.items(value, "the machine")):
                yield from ((str(number), symbol, node) for symbol, node in self.row(row))
            return
        for key, of_key in literals.entries(value, "the machine"):
            if isinstance(key, ast.Tuple):
                parts = literals.items(key, "a key")
                if len(parts) != 2:
                    literals.fail(key, "a key must be a state and a symbol.")
                yield literals.name(parts[0], "a state"), literals.name(parts[1], "a symbol"), of_key
            else:
                state = literals.name(key, "a state")
                yield from ((state, symbol, node) for symbol, node in self.row(of_key))

    def row(self, row: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        """Symbol and triple, of one state."""
        if isinstance(row, ast.Dict):
            for key, node in self.literals.entries(row, "a state"):
                yield self.literals.name(key, "a symbol"), node
        else:
            yield from ((str(number), node) for number, node in enumerate(self.literals.items(row, "a state")))

    def triple(self, node: ast.expr) -> list[ast.expr] | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return None
        parts = self.literals.items(node, "an entry")
        if len(parts) != 3:
            self.literals.fail(node, "an entry must be a triple: the symbol written, the move and the next state.")
        return None if self.name(parts[0], "a symbol") == "-1" else parts

    def name(self, node: ast.expr, what: str) -> str:
        return node.id if isinstance(node, ast.Name) else self.literals.name(node, what)

    def moves_as_number(self, node: ast.expr) -> str | None:
        parts = self.triple(node)
        return None if parts is None else self.name(parts[1], "a move")

    def machine(self) -> TapeMachine:
        literals = self.literals
        symbols = list(dict.fromkeys(symbol for _, symbol, _ in self.entries))
        if not symbols:
            literals.text.fail((1, 1), "the list is empty: write triples such as (1, 'R', 'B').")
        states = {state: self.called(state) for state in self.given}
        draft = Draft(literals.text, 1, symbols[0])
        draft.meet(symbols)
        halting: dict[str, Outcome] = {}
        for state, symbol, node in self.entries:
            if (parts := self.triple(node)) is None:
                continue
            written = self.name(parts[0], "a symbol")
            literals.text.require_known(written, symbols, "symbol", literals.place(parts[0]))
            said = self.name(parts[2], "a state")
            following = states.get(said, said)
            if said not in states and said not in states.values():
                if said not in (*HALTS, "-1"):
                    known = listed(dict.fromkeys([*states, *states.values()]))
                    literals.fail(parts[2], f"unknown state {said!r}: use {known}, or Z or -1 to halt.")
                following = HALTS[0] if said == "-1" else said
                halting[following] = Outcome.HALTS
            draft.add(
                (states[state], (symbol,)), Action(following, (written,), (self.move(parts[1]),)), literals.place(node)
            )
        return draft.machine([*states.values(), *halting], halting, Outcome.HALTS)

    def called(self, state: str) -> str:
        """A letter for a number, as long as there are enough."""
        numbers = all(each.isdigit() for each in self.given) and len(self.given) <= len(ascii_uppercase)
        small = numbers and all(int(each) < len(ascii_uppercase) for each in self.given)
        return ascii_uppercase[int(state)] if small else state

    def move(self, node: ast.expr) -> Move:
        said = self.name(node, "a move")
        left = "-1" if self.backwards else "0"
        moves: Mapping[str, Move] = {**MOVES, "1": Move.RIGHT, left: Move.LEFT} | (
            {"0": Move.STAY} if self.backwards else {}
        )
        if said not in moves:
            self.literals.fail(node, f"the move is {said!r}: use L or R, 0 or 1, or -1 or 1.")
        return moves[said]
