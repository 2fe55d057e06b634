"""SPEC 18 on simulated segments: of real runs, and from random configurations that no input need reach.

Facts that were too strong would make everything provable; so each is tried on every token, or pair of tokens.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from random import Random

import pytest

from exactformer.certificates.checker.diagrams import FALSE, Formula, conjunction
from exactformer.certificates.checker.machine import Machine, Token, run_machine, used_cells
from exactformer.certificates.checker.statement import longest_segment
from exactformer.certificates.checker.universal.annotation import Setting
from exactformer.certificates.checker.universal.assumptions import assumptions
from exactformer.certificates.checker.universal.classes import (
    FAMILY,
    GHOSTS,
    LATE,
    ON_TAPES,
    ONCE,
    State,
    before,
    classes,
    has,
    seen_by,
    successors,
)
from exactformer.certificates.checker.universal.contents import (
    SUMMARY,
    Bit,
    Choice,
    Code,
    Condition,
    Constant,
    Content,
    Flag,
    Is,
    Number,
    SameBits,
    Sizes,
    number,
)
from exactformer.certificates.checker.universal.facts import Capped, Here, NotFirst, facts
from exactformer.certificates.checker.universal.formulas import Variables, View
from exactformer.certificates.checker.universal.meaning import SUMMARIZED, Selected, cell_written
from exactformer.certificates.checker.universal.next_token import following
from exactformer.certificates.checker.universal.pairs import common, known_of_selected, moved, selected_views, together
from exactformer.certificates.checker.universal.tokens import Known, known_flag, same_number
from exactformer.certificates.checker.weights import Network
from tests.checker.ghosts import Ghosts, ghosts_of, run_segments, segment_from
from tests.checker.test_universal_parts import library

R = 6
MACHINES = ["increment", "binary-addition", "binary-counter", "palindrome"]
WORDS = {
    "increment": ["0", "1", "1011"],
    "binary-addition": ["1+11"],
    "binary-counter": ["101"],
    "palindrome": ["0110"],
}


def sizes_of(machine: Machine) -> Sizes:
    states, symbols = ((len(names) - 1).bit_length() for names in (machine.states, machine.alphabet))
    return Sizes(R, machine.tapes, states, symbols, summarized=True)


@cache
def segments_of(name: str) -> list[tuple[list[Token], Token | None]]:
    """Segments of runs, then of random configurations; each with the token that follows what is read."""
    machine, random, found = library(name), Random(name), list[tuple[list[Token], Token | None]]()
    for word in WORDS[name]:
        for segment in run_segments(machine, word, R, "scot"):
            found.append((segment.tokens[: segment.read], (*segment.tokens, None)[segment.read]))
    made = 0
    for _ in range(3000):
        size = random.randint(1, 5)
        tapes = [[random.choice(machine.alphabet) for _ in range(size)] for _ in range(machine.tapes)]
        heads = [random.randrange(size) for _ in range(machine.tapes)]
        state = random.choice([state for state in machine.states if state != machine.halting])
        one = segment_from(machine, state, tapes, heads, R)
        if one is not None and made < 12:
            found.append(one)
            made += 1
    assert made == 12
    assert max(len(tokens) for tokens, _ in found) < 2**R
    return found


def ghosts_in(name: str) -> list[tuple[list[Ghosts], Token | None]]:
    machine = library(name)
    return [(ghosts_of(machine, tokens, summarized=True), last) for tokens, last in segments_of(name)]


def state_of(token: Ghosts) -> State:
    return State(token.cls, token.values.get("tau", token.values.get("beta", 0)))


def holds(token: Ghosts, condition: Condition) -> bool:
    match condition:
        case Flag(name):
            return token.values[name] == 1
        case Is(what, value):
            return token.number(what) == value
    raise TypeError(condition)


@pytest.mark.parametrize("name", MACHINES)
def test_the_segments_are_of_all_kinds(name: str) -> None:
    tokens = [token for found, _ in ghosts_in(name) for token in found]
    assert {token.cls for token in tokens} >= LATE | {"OLDCELL", "ESUMM", "EINP"}
    assert {token.values["cap"] for token in tokens if token.cls == "RUN"} == {0, 1, 2}


@pytest.mark.parametrize("name", MACHINES)
def test_tokens_have_the_ghosts_of_the_tables(name: str) -> None:
    sizes = sizes_of(library(name))
    for found, _ in ghosts_in(name):
        for token in found:
            assert token.cls in classes(sizes)
            for kind in [*GHOSTS, "written", "summary"]:
                names = [kind, *(f"{kind}_{tape}" for tape in (1, 2, 3))]
                expected = {
                    name
                    for tape, name in enumerate(names)
                    if has(token.cls, kind, tape, sizes) and (tape > 0) == (kind in ON_TAPES)
                }
                assert token.values.keys() & set(names) == expected, token


@pytest.mark.parametrize("name", MACHINES)
def test_layout(name: str) -> None:
    sizes = sizes_of(library(name))
    for found, last in ghosts_in(name):
        assert found[0].cls in ("INP", "OLDSUMM")
        for one, two in pairwise(found):
            assert state_of(two) in successors(state_of(one), sizes)
        if last is not None:
            assert (found[-1].cls, last[0]) == ("NEWSTATE", "ESUMM")
        for cls in ONCE:
            assert sum(token.cls == cls for token in found) <= 1
        for i, token in enumerate(found):
            assert {other.cls for other in found[: i + 1]} <= set(seen_by(token.cls, sizes))
            assert known_flag(SUMMARY, token.cls, sizes) in (None, token.values["summary"] == 1)
            for back in (1, 2, R + 2, R + 4):
                assert state_of(found[max(i - back, 0)]) in before(state_of(token), back, sizes)


def said(token: Ghosts, sizes: Sizes, view: View) -> tuple[list[Content], list[Formula]]:
    """Contents that speak of all ghosts of a token; their values as formulas."""
    contents, formulas = list[Content](), list[Formula]()
    numbers = [number("back", d, sizes) for d in (1, 5)]
    numbers += [number(f"i - {k}", b, sizes) for k in "oui" for b in (1, 4, R) if k in token.values]
    for name, value in token.values.items():
        kind, _, tape = name.partition("_")
        if kind in ("halted", "written", "has", "summary", "here", "h"):
            contents.append(Choice(Flag(name), Constant(1), Constant(0)))
            formulas.append(view.truth(Flag(name), value == 1))
        elif kind not in ("tau", "beta"):
            numbers.append(number(kind, int(tape or 0), sizes))
    for what in numbers:
        same = same_number(what, token.cls, sizes)
        contents.append(Code(same, 0))
        formulas += [view.is_number(what, token.number(what)), view.is_number(same, token.number(what))]
    i = number("i", 0, sizes)
    contents.append(Choice(SameBits(Bit(i, 0), Bit(i, 2)), Constant(1), Constant(0)))
    return contents, formulas


@pytest.mark.parametrize("name", MACHINES)
def test_facts_are_true(name: str) -> None:
    machine, seen, here = library(name), set[type](), View(Variables())
    sizes = sizes_of(machine)
    for found, _ in ghosts_in(name):
        for token in found:
            contents, formulas = said(token, sizes, here)
            told = facts(token.cls, contents, sizes)
            seen |= {type(fact) for fact in told}
            if token.cls in LATE:
                assert Capped(exact=True) in told
            values = conjunction(formulas)  # first: what is left of the facts then is small
            assert conjunction([values, *assumptions(told, machine, sizes, here)]) != FALSE, token
    assert {Capped, Here, NotFirst} <= seen


def test_cap_is_what_it_says() -> None:
    machine = library("increment")
    small = Sizes(4, 1, 1, 1, summarized=True)
    i, e, cap = (number(kind, 0, small) for kind in ("i", "e", "cap"))
    here = View(Variables())
    told = conjunction(assumptions([Capped(exact=True)], machine, small, here))
    for position in range(16):
        for end in (0, 1, 2, 3, 4, 15):
            for value in range(4):
                values = here.is_number(i, position) & here.is_number(e, end) & here.is_number(cap, value)
                fits = value < 3 and (value == 1) == (position == 4 * end)
                assert (told & values != FALSE) == fits


@pytest.mark.parametrize("name", MACHINES)
def test_pairs_of_tokens(name: str) -> None:
    """Equal numbers, summary, cap, and who writes which cell."""
    machine = library(name)
    sizes = sizes_of(machine)
    cap = number("cap", 0, sizes)
    for found, _ in ghosts_in(name):
        for i, token in enumerate(found):
            whens: list[Known] = [((SUMMARY, token.values["summary"] == 1),)]
            whens += [((Is(cap, token.values["cap"]), True),)] if token.cls in LATE else []
            for j, other in enumerate(found[: i + 1]):
                for theirs, mine in common(token.cls, other.cls, sizes):
                    assert other.number(theirs) == value_of(token, mine), (token, other, mine)
                here, there = moved(state_of(token), i - j, state_of(other), sizes, View(Variables()))
                for theirs, mine in there.same:
                    assert value_of(other, theirs) == value_of(token, mine), (token, other, mine)
                for mine, zero in here.same:
                    assert (value_of(token, mine), zero.bits) == (0, 0)
                for when in whens:
                    told = together(token.cls, when, other.cls)
                    assert told is not None
                    assert all(holds(token, condition) == truth for condition, truth in told[0])
                    assert all(holds(other, condition) == truth for condition, truth in told[1])
                for tape in range(1, sizes.tapes + 1):
                    written = cell_written(other.cls, tape, sizes)
                    writes = other.cls in ("RUN", "OLDCELL") or (other.cls, tape) == ("INPUT", 1)
                    assert (written is not None) == writes
                    if token.values.get(f"w_{tape}") == j:
                        assert written is not None
                        assert other.number(written) == token.values[f"x_{tape}"]
                    if f"x_{tape}" in token.values and written is not None:
                        if other.number(written) == token.values[f"x_{tape}"]:
                            assert token.values[f"written_{tape}"] == 1
                            assert j <= token.values[f"w_{tape}"]
                        else:
                            assert token.values.get(f"w_{tape}") != j


def value_of(token: Ghosts, what: Number) -> int:
    """A number, also by a name that is not one of the class."""
    return 0 if what.bits == 0 else token.number(what)


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_selected_is_there_and_holds_what_is_said(name: str) -> None:
    machine = library(name)
    sizes = sizes_of(machine)
    for found, _ in ghosts_in(name):
        for i, token in enumerate(found):
            if token.cls in LATE and token.values["cap"] == 2:
                selected = Selected("position", number=number("4e", 0, sizes))
                check_selected(found[: i + 1], token, selected, 4 * token.values["e"], LATE, sizes)
                assert sum(other.values.get("cap") == 1 for other in found[: i + 1]) == 1
            if token.cls == "ESUMM":
                for tape in range(1, sizes.tapes + 1):
                    place = token.values[f"x_{tape}"] + 1
                    assert [j for j in range(i) if found[j].values.get(f"h_{tape}") == 1] == [place]
                    check_selected(found[: i + 1], token, Selected("head", tape=tape), place, {"OLDCELL"}, sizes)
            for named, rule in SUMMARIZED.items():
                needs = rule.needs if token.cls in LATE else ()
                if token.cls in rule.there and all(holds(token, condition) == truth for condition, truth in needs):
                    places = [j for j in range(i + 1) if found[j].cls in rule.classes]
                    assert len(places) == 1, (named, token)
                    check_selected(
                        found[: i + 1], token, Selected("token", token=named), places[0], rule.classes, sizes
                    )


def check_selected(
    found: list[Ghosts], token: Ghosts, selected: Selected, place: int, of: set[str] | frozenset[str], sizes: Sizes
) -> None:
    other = found[place]
    assert other.cls in of
    assert all(holds(other, condition) == truth for condition, truth in known_of_selected(selected, sizes))
    for theirs, mine in selected_views(selected, token.cls, other.cls, sizes, View(Variables()))[1].same:
        assert other.number(theirs) == value_of(token, mine), (token, other, mine)


@pytest.mark.parametrize("name", MACHINES)
def test_what_follows_is_one_of_the_cases(name: str) -> None:
    machine = library(name)
    setting = Setting(machine, Network(R, (), 0, (), ()), summarized=True)
    for (found, last), (tokens, _) in zip(ghosts_in(name), segments_of(name), strict=True):
        for i, token in enumerate(found):
            follows = (*tokens, last)[i + 1]
            coming = following(state_of(token), setting)
            if token.cls in ("INP", "INPUT", "EOUTP", "OLDSUMM", "OLDCELL", "OLDSTATE"):
                assert not coming
                continue
            assert follows is not None
            fits = [
                case
                for case in coming
                if all(holds(token, condition) == truth for condition, truth in case.known) and shows(token, case.also)
            ]
            assert {case.family for case in fits} == {follows[0]}, token
            for case in fits:
                for field, name_of in zip(case.fields, follows[1], strict=True):
                    assert shows(token, tuple(field.choices[name_of].items())), (token, follows)


def shows(token: Ghosts, values: tuple[tuple[object, int], ...]) -> bool:
    for ghost, value in values:
        if isinstance(ghost, Number):
            found = token.number(ghost)
        elif isinstance(ghost, Bit):
            found = token.number(ghost.number) >> ghost.place & 1
        else:
            assert isinstance(ghost, Flag)
            found = token.values[ghost.name]
        if found != value:
            return False
    return True


@pytest.mark.parametrize("r", [4, 6])
@pytest.mark.parametrize("name", MACHINES)
def test_no_segment_is_longer_than_its_space_allows(name: str, r: int) -> None:
    machine = library(name)
    for word in WORDS[name]:
        steps, _ = run_machine(machine, word, 10**6)
        longest = max(len(segment.tokens) for segment in run_segments(machine, word, r, "scot"))
        assert longest <= longest_segment(used_cells(word, steps), r)


def test_families_of_classes() -> None:
    found = [FAMILY.get(cls, cls) for cls in classes(sizes_of(library("increment")))[10:]]
    assert found == ["SUMM", "CELL", "STATE", "ESUMM", "SUMM", "CELL", "STATE"]
