"""WORDS section 1: regular expressions over the tokens of a vocabulary, and the automata that read their words.

Words:
    distance  the least number of tokens that lead from a state to an accepting one
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import Rejected, TooLarge, quote

LONGEST_TEXT, DEEPEST = 2**14, 64
"""The most characters, and the most groups inside each other."""
MOST_REPEATED, MOST_NODES, MOST_STATES, MOST_MOVES = 2**10, 2**14, 2**10, 2**22
"""The most repetitions; parts of the nondeterministic automaton; states of the deterministic one, and all its moves."""
MOST_TOKENS, MOST_STEPS = 2**19, 2**22
"""The most tokens of all sets, counted with repetitions; the most steps from one automaton to the other."""
NEVER = 2**30
"""The distance of a state from which no word is accepted."""

_LEXEMES = re.compile(
    r' +|"((?:[^"\\]|\\["\\])*)"|\{([0-9]{1,4})(,?)([0-9]{0,4})\}|([()\[\]|*+?])|([^()\[\]{}|*+?,"\\ ]+)'
)
"""Spaces, a name in quotes, a repetition, a sign, a name."""


@dataclass(frozen=True)
class Automaton:
    """State 0 is the first. ``moves[state, token]`` is the next one, or -1; a state of distance 0 accepts."""

    moves: NDArray[np.int32]
    distance: NDArray[np.int64]

    def accepts(self, word: Sequence[int]) -> bool:
        """Whether these tokens, by their places in the vocabulary, are a word of the language."""
        state = 0
        for token in word:
            state = int(self.moves[state, token])
            if state < 0:
                return False
        return int(self.distance[state]) == 0


def automaton_of(at: str, text: str, places: Mapping[str, int]) -> Automaton:
    """The automaton of a regular expression over these tokens; `Rejected` if it is not one."""
    if len(text) > LONGEST_TEXT:
        raise TooLarge(f"{at} has {len(text)} characters; this checker reads {LONGEST_TEXT}")
    reading = _Reading(at, _lexemes(at, text), places)
    first, last = reading.either()
    if reading.place < len(reading.lexemes):
        raise Rejected(at, f"{quote(reading.lexemes[reading.place][1])} is where the expression must end or go on")
    return _determined(at, reading.empty, reading.moves, first, last, len(places))


_Lexeme = tuple[str, str]
"""Its kind and its text: a name, a sign, or a repetition as ``m,n``, ``m,`` or ``m``."""


def _lexemes(at: str, text: str) -> list[_Lexeme]:
    found, place = list[_Lexeme](), 0
    while place < len(text):
        match = _LEXEMES.match(text, place)
        if match is None:
            raise Rejected(at, f"{quote(text[place : place + 20])} is not part of a regular expression")
        quoted, least, comma, most, sign, name = match.groups()
        if quoted is not None:
            found.append(("name", re.sub(r"\\(.)", r"\1", quoted)))
        elif least is not None:
            found.append(("repeat", f"{least}{comma}{most}" if comma else least + most))
        elif sign is not None:
            found.append(("sign", sign))
        elif name is not None:
            found.append(("name", name))
        place = match.end()
    return found


@dataclass
class _Reading:
    """Reads an expression, and makes a nondeterministic automaton: for each state, those that it may go to without a
    token, and with one of some tokens."""

    at: str
    lexemes: list[_Lexeme]
    places: Mapping[str, int]
    place: int = 0
    depth: int = 0
    tokens: int = 0
    empty: list[list[int]] = field(default_factory=list)
    moves: list[tuple[frozenset[int], int] | None] = field(default_factory=list)

    def node(self) -> int:
        if len(self.empty) >= MOST_NODES:
            raise TooLarge(f"{self.at} makes an automaton of more than the {MOST_NODES} parts this checker reads")
        self.empty.append([])
        self.moves.append(None)
        return len(self.empty) - 1

    def at_sign(self, signs: str) -> bool:
        return self.place < len(self.lexemes) and self.lexemes[self.place] in {("sign", sign) for sign in signs}

    def either(self) -> tuple[int, int]:
        """e | f | ..: its first and its last state."""
        first, last = self.node(), self.node()
        while True:
            begin, end = self.one_after_another()
            self.empty[first].append(begin)
            self.empty[end].append(last)
            if not self.at_sign("|"):
                return first, last
            self.place += 1

    def one_after_another(self) -> tuple[int, int]:
        first = last = self.node()
        while self.place < len(self.lexemes) and not self.at_sign("|)"):
            begin, end = self.repeated()
            self.empty[last].append(begin)
            last = end
        return first, last

    def repeated(self) -> tuple[int, int]:
        """An item and its repetition. It is read again for every time that it may occur."""
        start = self.place
        found = self.item()
        while self.at_sign("*+?") or (self.place < len(self.lexemes) and self.lexemes[self.place][0] == "repeat"):
            end, (kind, text) = self.place, self.lexemes[self.place]
            least, comma, most = {"*": ("0", ",", ""), "+": ("1", ",", ""), "?": ("0", ",", "1")}.get(
                text if kind == "sign" else "", text.partition(",")
            )
            low, high = int(least), int(most) if most else (None if comma else int(least))
            if max(low, high or 0) > MOST_REPEATED or (high is not None and high < low):
                raise Rejected(self.at, f"{quote('{' + text + '}')} is not a repetition of 0 to {MOST_REPEATED} times")
            found = self.times(start, end, low, high)
            self.place = end + 1
        return found

    def times(self, start: int, end: int, least: int, most: int | None) -> tuple[int, int]:
        """What is between ``start`` and ``end``, from least to most times, or more."""
        first = last = self.node()
        for number in range(most if most is not None else max(least, 1)):
            begin, after = self.again(start, end)
            self.empty[last].append(begin)
            if number >= least:
                skipped = self.node()
                self.empty[last].append(skipped)
                self.empty[after].append(skipped)
                after = skipped
            if most is None and number == max(least, 1) - 1:
                back = self.node()
                self.empty[after].append(back)
                self.empty[back].append(begin)
                after = back
            last = after
        return first, last

    def again(self, start: int, end: int) -> tuple[int, int]:
        """Read again what is between ``start`` and ``end``."""
        whole, self.lexemes = self.lexemes, self.lexemes[:end]
        self.place = start
        found = self.repeated()
        self.lexemes = whole
        return found

    def item(self) -> tuple[int, int]:
        if self.place == len(self.lexemes):
            raise Rejected(self.at, "ends where an expression must be")
        kind, text = self.lexemes[self.place]
        self.place += 1
        if kind == "name":
            return self.one_of([text])
        if (kind, text) == ("sign", "["):
            names = list[str]()
            while self.place < len(self.lexemes) and self.lexemes[self.place][0] == "name":
                names.append(self.lexemes[self.place][1])
                self.place += 1
            self.require("]")
            return self.one_of(names)
        if (kind, text) != ("sign", "("):
            raise Rejected(self.at, f"{quote(text)} is where an expression must be")
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooLarge(f"{self.at} has more than {DEEPEST} groups inside each other")
        found = self.either()
        self.depth -= 1
        self.require(")")
        return found

    def require(self, sign: str) -> None:
        if not self.at_sign(sign):
            raise Rejected(self.at, f"has no {quote(sign)} where one must be")
        self.place += 1

    def one_of(self, names: Sequence[str]) -> tuple[int, int]:
        self.tokens += len(names)
        if self.tokens > MOST_TOKENS:
            raise TooLarge(f"{self.at} has, with repetitions, more than the {MOST_TOKENS} tokens this checker reads")
        for name in names:
            if name not in self.places:
                raise Rejected(self.at, f"has {quote(name)}, which is not in the vocabulary")
        first, last = self.node(), self.node()
        self.moves[first] = frozenset(self.places[name] for name in names), last
        return first, last


def _determined(
    at: str,
    empty: Sequence[Sequence[int]],
    moves: Sequence[tuple[frozenset[int], int] | None],
    first: int,
    last: int,
    tokens: int,
) -> Automaton:
    """The automaton whose states are the sets of states that the other may be in."""

    steps = 0

    def count(number: int) -> None:
        nonlocal steps
        steps += number
        if steps > MOST_STEPS:
            raise TooLarge(f"{at} makes an automaton that takes more than the {MOST_STEPS} steps this checker makes")

    @cache
    def reached(nodes: frozenset[int]) -> frozenset[int]:
        found, left = set(nodes), list(nodes)
        while left:
            count(1)
            for node in empty[left.pop()]:
                if node not in found:
                    found.add(node)
                    left.append(node)
        return frozenset(found)

    start = reached(frozenset({first}))
    numbers, waiting, rows = {start: 0}, [start], list[dict[int, int]]()
    for nodes in waiting:
        behind = dict[int, set[int]]()
        for node in nodes:
            tokens_of, target = moves[node] or ((), -1)
            count(1 + len(tokens_of))
            for token in tokens_of:
                behind.setdefault(token, set()).add(target)
        row = dict[int, int]()
        for token, targets in sorted(behind.items()):
            together = reached(frozenset(targets))
            if together not in numbers:
                if len(numbers) >= MOST_STATES or len(numbers) * tokens > MOST_MOVES:
                    raise TooLarge(f"{at} makes an automaton of more states or moves than this checker goes through")
                numbers[together] = len(numbers)
                waiting.append(together)
            row[token] = numbers[together]
        rows.append(row)
    return automaton_from(rows, {state for state, nodes in enumerate(waiting) if last in nodes}, tokens)


def automaton_from(rows: Sequence[Mapping[int, int]], accepting: set[int], tokens: int) -> Automaton:
    """From every state's moves, token by token, over a vocabulary of this many; state 0 is the first."""
    table = np.full((len(rows), tokens), -1, np.int32)
    before = [set[int]() for _ in rows]
    for state, row in enumerate(rows):
        for token, target in row.items():
            table[state, token] = target
            before[target].add(state)
    distance, far, nearest = np.full(len(rows), NEVER, np.int64), 0, accepting
    while nearest:
        distance[list(nearest)] = far
        far += 1
        nearest = {state for there in nearest for state in before[there] if distance[state] == NEVER}
    return Automaton(table, distance)
