"""WORDS 1.2: automata and transducers in a document, compared with plain runs of random ones."""

from __future__ import annotations

import re
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.words.regular import Automaton
from exactformer.certificates.checker.words.tables import NOTHING, language_of, read_transducer
from tests.checker.words.test_regular import automaton, require_levels

PLACES = {"a": 0, "b": 1}
OUTPUTS = {"no": 0, "yes": 1}
ODD = {"start": "even", "accepting": ["odd"], "moves": {"even": {"a": "odd", "b": "even"}, "odd": {"a": "even"}}}
"""An odd number of a; no b between the first one and the second."""
SAID: dict[str, Any] = {
    "start": "even",
    "moves": {"even": {"a": ["odd", "yes"], "b": "even"}, "odd": {"a": ["even", "no"], "b": ["odd", "yes"]}},
}


def of(value: Any) -> Automaton:
    return language_of("here", value, PLACES)


def run(table: Any, word: tuple[str, ...]) -> tuple[str | None, list[str | None]]:
    """The last state, None if there is none, and the outputs up to there."""
    state, outputs = table["start"], list[str | None]()
    for token in word:
        move = table["moves"][state].get(token)
        if move is None:
            return None, outputs
        state, output = (move, None) if isinstance(move, str) else move
        outputs.append(output)
    return state, outputs


def random_table(random: Random, outputs: bool) -> dict[str, Any]:
    """Up to five states, of which any may be the first, with or without moves."""
    names = random.sample(["", "a", "q 1", "\xe4", "start", '"'], random.randint(1, 5))
    moves: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name, token in product(names, PLACES):
        following = random.choice(names)
        if random.random() < 0.8:
            said = [following, random.choice(list(OUTPUTS))] if random.random() < 0.6 else following
            moves[name][token] = said if outputs else following
    table: dict[str, Any] = {"start": random.choice(names), "moves": moves}
    return table if outputs else table | {"accepting": sorted(random.sample(names, random.randint(0, len(names))))}


@pytest.mark.parametrize("seed", range(4))
def test_random_automata(seed: int) -> None:
    """Which words there are, in which order, and how many."""
    random, sizes = Random(seed), set[int]()
    for _ in range(40):
        table = random_table(random, outputs=False)
        found, length = of(table), random.randint(1, 5)
        every = [word for n in range(1, length + 1) for word in product("ab", repeat=n)]
        accepted = [word for word in every if run(table, word)[0] in table["accepting"]]
        expected = [tuple(PLACES[token] for token in word) for word in accepted]
        require_levels(found, expected, length)
        assert [word for word in every if found.accepts([PLACES[token] for token in word])] == accepted
        sizes.add(len(expected))
    assert len(sizes) > 8


@pytest.mark.parametrize("seed", range(4))
def test_random_transducers(seed: int) -> None:
    """What is expected at the positions asked about, and that every word needs a run."""
    random, seen = Random(seed), {"runs": 0, "without": 0, "nothing": 0}
    for _ in range(60):
        table, length = random_table(random, outputs=True), random.randint(1, 4)
        found = read_transducer("here", table, PLACES, OUTPUTS)
        words = [word for word in product("ab", repeat=length) if random.random() < 0.5] or [("a",) * length]
        tokens = np.array([[PLACES[token] for token in word] for word in words], np.uint16)
        first = random.choice((None, 0, 1, 2))
        asked = slice(-1, None) if first is None else slice(first, length)
        stuck = [word for word in words if run(table, word)[0] is None]
        if stuck:
            with pytest.raises(Rejected, match=r"^here: has no move for token [0-3] of the word "):
                found.expected(tokens, asked, list(PLACES))
            seen["without"] += 1
            continue
        for word, here in zip(words, found.expected(tokens, asked, list(PLACES)).tolist(), strict=True):
            for place, output in enumerate(run(table, word)[1]):
                is_asked = output is not None and place in range(length)[asked]
                assert here[place] == (OUTPUTS[output] if output is not None and is_asked else NOTHING)
                seen["nothing"] += not is_asked
        seen["runs"] += 1
    assert min(seen.values()) > 5, seen


def test_an_automaton_is_as_good_as_an_expression() -> None:
    table: dict[str, Any] = {
        "start": "0",
        "accepting": ["2"],
        "moves": {"0": {"a": "1"}, "1": {"b": "2"}, "2": {"a": "1"}},
    }
    one, other = of(table), automaton("(a b)+", "ab")
    for word in (word for n in range(7) for word in product(range(2), repeat=n)):
        assert one.accepts(word) == other.accepts(word)


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ODD.items() if name != key}


def moving(state: str, token: str, move: Any, table: Any = ODD) -> dict[str, Any]:
    moves = table["moves"]
    return {**table, "moves": {**moves, state: {**moves[state], token: move}}}


BAD_AUTOMATA: dict[str, tuple[Any, str]] = {
    "a number": (3, "here: is 3 where an object must be"),
    "a list": ([ODD], "where an object must be"),
    "no start": (without("start"), 'here: has no field "start"'),
    "no accepting": (without("accepting"), 'here: has no field "accepting"'),
    "no moves": (without("moves"), 'here: has no field "moves"'),
    "a field too many": (ODD | {"name": "x"}, 'here: has the unknown field "name"'),
    "a start that is none": (ODD | {"start": "evne"}, 'here.start: is "evne", which has no entry in moves'),
    "a start that is a number": (ODD | {"start": 0}, "here.start: is 0 where a string must be"),
    "moves as a list": (ODD | {"moves": []}, r"here.moves: is \[\] where an object must be"),
    "a state without an object": (ODD | {"moves": {"even": [], "odd": {}}}, r'moves\["even"\]: is \[\] where an obj'),
    "accepting a state that is none": (ODD | {"accepting": ["x"]}, 'accepting: has "x", which has no entry in moves'),
    "accepting a number": (ODD | {"accepting": [1]}, "accepting: is 1 where a string must be"),
    "accepting as text": (ODD | {"accepting": "odd"}, "accepting: is .* where a list must be"),
    "accepting a state twice": (ODD | {"accepting": ["odd", "odd"]}, "accepting: does not have each state once"),
    "accepting in another order": (ODD | {"accepting": ["odd", "even"]}, "in the order of their names"),
    "a token that is none": (moving("even", "c", "odd"), r'moves\["even"\]\["c"\]: is a move with "c", which is not'),
    "a move to no state": (moving("even", "a", "x"), r'\["even"\]\["a"\]: has "x", which has no entry in moves'),
    "a move to a number": (moving("even", "a", 1), "is 1 where a string must be"),
    "a move to nothing": (moving("even", "a", None), "is null where a string must be"),
    "a move with an output": (moving("even", "a", ["odd", "yes"]), "where a string must be"),
}


@pytest.mark.parametrize("title", BAD_AUTOMATA)
def test_what_is_no_automaton(title: str) -> None:
    value, reason = BAD_AUTOMATA[title]
    of(ODD)
    with pytest.raises(Rejected, match=reason):
        of(value)


BAD_TRANSDUCERS: dict[str, tuple[Any, str]] = {
    "text": ("[a b]*", "where an object must be"),
    "nothing": (None, "here: is null where an object must be"),
    "accepting states": (SAID | {"accepting": ["odd"]}, 'has the unknown field "accepting"'),
    "no start": ({"moves": SAID["moves"]}, 'has no field "start"'),
    "an output that is none": (moving("odd", "a", ["even", "maybe"], SAID), 'has "maybe", which is not an output of'),
    "an output that is a number": (moving("odd", "a", ["even", 1], SAID), "is 1 where a string must be"),
    "an output null": (moving("odd", "a", ["even", None], SAID), "is null where a string must be"),
    "a list without an output": (moving("odd", "a", ["even"], SAID), "where a state, or a state and an output, must"),
    "two outputs": (moving("odd", "a", ["even", "no", "yes"], SAID), "where a state, or a state and an output, must"),
    "an output alone": (moving("odd", "a", [], SAID), "where a state, or a state and an output, must"),
    "a move to no state": (moving("odd", "a", ["x", "no"], SAID), 'has "x", which has no entry in moves'),
    "a move to a number": (moving("odd", "a", [0, "no"], SAID), "is 0 where a string must be"),
    "a token that is none": (moving("odd", "c", ["odd", "no"], SAID), '"c", which is not in the vocabulary'),
}


@pytest.mark.parametrize("title", BAD_TRANSDUCERS)
def test_what_is_no_transducer(title: str) -> None:
    value, reason = BAD_TRANSDUCERS[title]
    read_transducer("here", SAID, PLACES, OUTPUTS)
    with pytest.raises(Rejected, match=reason):
        read_transducer("here", value, PLACES, OUTPUTS)


def test_a_word_without_a_run_is_quoted() -> None:
    table = read_transducer("here", SAID | {"moves": SAID["moves"] | {"odd": {}}}, PLACES, OUTPUTS)
    tokens = np.array([[1, 0, 1], [1, 1, 1]], np.uint16)
    with pytest.raises(Rejected, match=re.escape('here: has no move for token 2 of the word ["b", "a", "b"]')):
        table.expected(tokens, slice(2, 2), list(PLACES))


def test_as_large_as_can_be_read() -> None:
    """2^16 states, and 2^22 pairs of a state and a token."""
    for states, tokens in ((2**16, 2), (2**12, 2**10)):
        places = {f"{n}": n for n in range(tokens)}
        moves: dict[str, Any] = {f"{n}": {"0": f"{(n + 1) % states}"} for n in range(states)}
        found = language_of("here", {"start": "0", "accepting": ["3"], "moves": moves}, places)
        assert found.accepts([0] * 3)
        assert found.accepts([0] * (states + 3))
        assert not found.accepts([0] * (states + 2))
        more: dict[str, Any] = {**moves, "one more": {}}
        with pytest.raises(
            TooLarge, match=f"here has {states + 1} states; this checker reads 65536, and 4194304 pairs"
        ):
            language_of("here", {"start": "0", "accepting": [], "moves": more}, places)
        with pytest.raises(TooLarge, match="this checker reads 65536, and 4194304 pairs of a state and a token"):
            read_transducer("here", {"start": "0", "moves": more}, places, OUTPUTS)
