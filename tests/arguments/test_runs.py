"""What follows a token, how far heads get, how long runs are (verify/ARGUMENTS.md, 1, 2, 14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random

import pytest

from exactformer.certificates.checker.machine import Machine, Token, fewest_steps, segments
from tests.arguments.machines import (
    Configuration,
    Ended,
    configurations,
    random_machine,
    sequences,
    simulate,
    walk,
    walker,
)
from tests.checker.ghosts import MOVE_CODES, Ghosts, ghosts_of, segment_from

PARADIGMS = {"cot": 2, "scot": 4}
"""With the smallest r, at which there are most blocks and summaries."""
MOVE_OF = {code: move for move, code in MOVE_CODES.items()}


@cache
def runs() -> list[tuple[Machine, str, Ended]]:
    """Runs that end in each of the ways."""
    random, found = Random(14), list[tuple[Machine, str, Ended]]()
    for number in range(200):
        machine = random_machine(random, 1 + number % 2)
        for length in range(4):
            word = "".join(random.choices(machine.input, k=length))
            found.append((machine, word, simulate(machine, word, 30)))
    return found


def test_runs_end_in_every_way() -> None:
    ways = Counter(ended.how for *_, ended in runs())
    assert all(ways[how] > 60 for how in ("word", "no word", "stuck", "goes on")), ways
    lengths = [(len(word), len(ended.output)) for _, word, ended in runs() if ended.how == "word"]
    assert sum(output > given for given, output in lengths) > 20
    assert sum(output < given for given, output in lengths) > 20


@dataclass(frozen=True)
class Read:
    """The tokens of a sequence that are read, the one that follows them, and what holds of each."""

    machine: Machine
    tokens: list[Token]
    following: list[Token | None]
    ghosts: list[Ghosts]
    configurations: list[Configuration]


def read(machine: Machine, word: str, ended: Ended, paradigm: str) -> Iterator[Read]:
    """All sequences of a run."""
    found = sequences(machine, word, ended, PARADIGMS[paradigm], paradigm)
    tokens = [segment.tokens[: segment.read] for segment in found]
    for segment, here, behind in zip(found, tokens, configurations(machine, word, ended.steps, tokens), strict=True):
        following = [*segment.tokens, None][1 : segment.read + 1]
        yield Read(machine, here, following, ghosts_of(machine, here, paradigm == "scot"), behind)


def wrong_facts(one: Read) -> Iterator[str]:
    """What argument 1 states, at every token; and what makes has_entry what it is."""
    machine, tapes = one.machine, range(1, one.machine.tapes + 1)
    for token, shown, follows, now in zip(one.ghosts, one.tokens, one.following, one.configurations, strict=True):
        values = token.values
        going_on = token.cls == "RUN" and not values["halted"] and not values.get("cap")
        if (going_on or token.cls in ("EINP", "EPOS", "ESUMM")) and not values["has_entry"]:
            yield "has_entry = 1"
        if token.cls in ("EINP", "RUN", "EPOS", "ESUMM") and now.read() != tuple(
            held(machine, values, k) for k in tapes
        ):
            yield "g_k, else the blank"
        if token.cls == "BIT":
            bits = tuple("+1" if values[f"y_{k}"] >> values["beta"] & 1 else "-1" for k in tapes)
            yield from [] if bits == shown[1] else ["bit_k"]
        if follows is not None and follows[0] == "RUN" and follows[1] != row(machine, values):
            yield "q', a'_k, m'_k"
        if token.cls in ("OUTP", "OUTPUT"):
            symbol = held(machine, values, 1)
            ends = symbol == machine.alphabet[0]
            if follows != (("EOUTP", ()) if ends else ("SIGMA", (symbol,))) or not (ends or symbol in machine.input):
                yield "output"


def held(machine: Machine, values: Mapping[str, int], k: int) -> str:
    """What the cell x_k holds, if the ghosts say so."""
    return machine.alphabet[values[f"g_{k}"] if values[f"written_{k}"] else 0]


def row(machine: Machine, values: Mapping[str, int]) -> tuple[str, ...] | None:
    """q', a'_k, m'_k as a run token shows them."""
    if not values["has_entry"]:
        return None
    tapes = range(1, machine.tapes + 1)
    written = (machine.alphabet[values[f"a'_{k}"]] for k in tapes)
    return (machine.states[values["q'"]], *written, *(MOVE_OF[values[f"m'_{k}"]] for k in tapes))


EXPECTED = {"word": set[str](), "goes on": set[str](), "stuck": {"has_entry = 1"}, "no word": {"output"}}


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_what_follows_is_as_said_for_runs_that_halt_with_a_word_and_for_no_others(paradigm: str) -> None:
    """A run that gets stuck breaks has_entry = 1, one whose output is not a word what follows OUTP and OUTPUT."""
    for machine, word, ended in runs():
        wrong = {fact for one in read(machine, word, ended, paradigm) for fact in wrong_facts(one)}
        assert wrong == EXPECTED[ended.how], (machine, word)


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_outputs_end_at_cells_that_were_never_written_and_at_blanks_that_were(paradigm: str) -> None:
    ends = Counter(
        token.values["written_1"]
        for machine, word, ended in runs()
        if ended.how == "word"
        for one in read(machine, word, ended, paradigm)
        for token, follows in zip(one.ghosts, one.following, strict=True)
        if follows == ("EOUTP", ())
    )
    assert ends.keys() == {0, 1}
    assert min(ends.values()) > 20


def ahead(found: list[Ghosts]) -> Iterator[int]:
    """By how much the positions of run tokens exceed the cells that heads write there, at least."""
    for token in found:
        if token.cls == "RUN":
            yield token.values["i"] - max(cell for name, cell in token.values.items() if name.startswith("c_"))


def all_walks(steps: int, tapes: int) -> Iterator[list[tuple[str, ...]]]:
    """All ways in which heads can move."""
    yield from (list(moves) for moves in product(product("LSR", repeat=tapes), repeat=steps))


@pytest.mark.parametrize(("tapes", "steps"), [(1, 5), (2, 3)])
def test_a_run_token_at_i_writes_no_cell_beyond_i_minus_2(tapes: int, steps: int) -> None:
    """INP, EINP and a run token for each cell to the right stand before it; and no more need to."""
    machine, random, seen = walker(tapes), Random(2), set[int]()
    for moves in all_walks(steps, tapes):
        (segment,) = segments(machine, "", walk(moves, random), "", 4, "cot")
        seen.update(ahead(ghosts_of(machine, segment.tokens, summarized=False)))
    assert min(seen) == 2


def test_behind_a_summary_it_writes_no_cell_beyond_i_minus_4() -> None:
    """SUMM, STATE, ESUMM and a cell for each below the head, and the head's own, stand before it."""
    random, seen = Random(3), set[int]()
    for number in range(400):
        machine = random_machine(random, 1 + number % 2)
        size = random.randint(1, 4)
        tapes = [random.choices(machine.alphabet, k=size) for _ in range(machine.tapes)]
        heads = [random.randrange(size) for _ in range(machine.tapes)]
        made = segment_from(machine, machine.states[0], tapes, heads, 4)
        if made is not None:
            seen.update(ahead(ghosts_of(machine, made[0], summarized=True)))
    assert min(seen) == 4


@pytest.mark.parametrize("r", [2, 4, 6])
def test_the_cell_of_a_move_to_the_right_fits_if_the_tokens_do(r: int) -> None:
    """A head that runs to the right gets to cell 2^r - 1, but with more than 2^r tokens."""
    machine, random = walker(1), Random(4)
    (segment,) = segments(machine, "", walk([("R",)] * 2**r, random), "", r, "cot")
    found = ghosts_of(machine, segment.tokens, summarized=False)
    assert max(token.values["c_1"] for token in found if token.cls == "RUN") == 2**r - 1
    assert max(token.values.get("c_1", 0) for token in found[: 2**r]) < 2**r - 1


@pytest.mark.parametrize("r", [2, 4])
def test_no_run_that_halts_is_shorter_than_a_path_of_states(r: int) -> None:
    """And some are as short, with a chain of thought as short."""
    shortest = least = never = 0
    for machine, word, ended in runs():
        T = fewest_steps(machine)
        if T is None:
            assert ended.how in ("stuck", "goes on")
            never += 1
        elif ended.how in ("word", "no word"):
            (segment,) = sequences(machine, word, ended, r, "cot")
            bound = 4 + T + (r + 2) * ((T - 1) // r)
            assert len(ended.steps) >= T
            assert len(segment.tokens) >= bound
            shortest += len(ended.steps) == T
            least += len(segment.tokens) == bound
    assert min(shortest, least, never) > 10
