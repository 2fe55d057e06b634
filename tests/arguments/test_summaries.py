"""What a summary is of, and how long a segment gets (verify/ARGUMENTS.md, 3 and 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise, product
from random import Random

import pytest

from exactformer.certificates.checker.machine import MOVES, Machine, Segment, Step, Token, segments, used_cells
from exactformer.certificates.checker.statement import longest_segment
from exactformer.constructions.turing import contexts
from tests.arguments.machines import BLANK, Configuration, configurations, walk, walker

R = 4


@cache
def walks() -> list[tuple[str, list[Step]]]:
    """Words and steps from there: all that one head can do in 6 steps, and long random walks of up to three heads."""
    random = Random(18)
    found = [
        (word, walk([(move,) for move in moves], random)) for word in ("", "ab") for moves in product("LSR", repeat=6)
    ]
    for number in range(60):
        choices = random.choice(("LSR", "LR", "SR", "LSRR"))
        moves = [tuple(random.choices(choices, k=1 + number % 3)) for _ in range(random.randint(20, 80))]
        found.append(("abab"[: number % 5], walk(moves, random)))
    return found


def written(machine: Machine, tokens: list[Token], heads: tuple[int, ...]) -> dict[tuple[int, int], str]:
    """The cells that the tokens of a segment write, by tape from 0, with their last symbols; the heads begin there."""
    found = dict[tuple[int, int], str]()
    for i, (family, fields) in enumerate(tokens):
        if family == "SIGMA":
            found[0, i - 1] = fields[0]
        elif family == "CELL":
            found |= {(tape, i - 1): fields[2 * tape] for tape in range(machine.tapes)}
        elif family == "RUN":
            shown, moved = fields[1 : machine.tapes + 1], fields[machine.tapes + 1 :]
            found |= {(tape, heads[tape]): symbol for tape, symbol in enumerate(shown)}
            heads = tuple(max(head + MOVES[move], 0) for head, move in zip(heads, moved, strict=True))
        elif family == "SUMM" and i > 0:
            break
    return found


def wrong(machine: Machine, segment: list[Token], first: Configuration, last: Configuration) -> Iterator[str]:
    """What does not hold of a segment that ends with a summary, given its first and its last configuration."""
    begins = max(i for i, token in enumerate(segment) if token[0] == "SUMM")
    cells = [fields for family, fields in segment[begins:] if family == "CELL"]
    of_segment, tapes = written(machine, segment, first.heads), range(machine.tapes)
    for tape in tapes:
        if [at for at, fields in enumerate(cells) if fields[2 * tape + 1] == "1"] != [last.heads[tape]]:
            yield "one cell has the head"
        held = [of_segment.get((tape, at), BLANK) for at in range(len(cells))]
        if held != [fields[2 * tape] for fields in cells] or held != [
            last.tapes[tape].get(at, BLANK) for at in range(len(cells))
        ]:
            yield "g_k, else the blank"
    if {at for _, at in of_segment} | set(last.heads) != set(range(len(cells))):
        yield "cells that were written, or where a head is"
    if any(at >= len(cells) for tape in last.tapes for at in tape):
        yield "all cells that are not blank"
    if not cells:
        yield "a cell follows NEWSUMM"


@cache
def summarized() -> list[tuple[Machine, Segment, Configuration, Configuration]]:
    """Segments that end with a summary, and where they begin and end."""
    found = []
    for word, steps in walks():
        machine = walker(len(steps[0].moved))
        every = segments(machine, word, steps, "", R, "scot")
        behind = configurations(machine, word, steps, [segment.tokens for segment in every])
        assert all(one.tokens[-two.prompt :] == two.tokens[: two.prompt] for one, two in pairwise(every))
        for segment, here in zip(every[:-1], behind, strict=False):
            found.append((machine, segment, here[0], here[-1]))
    return found


def test_a_summary_has_the_cells_that_were_written_or_hold_a_head_and_each_head_once() -> None:
    sizes = Counter(one.tokens[0][0] for _, one, *_ in summarized())
    assert min(sizes["INP"], sizes["SUMM"]) > 150
    for machine, segment, first, last in summarized():
        assert list(wrong(machine, segment.tokens, first, last)) == []


def changed(segment: list[Token], change: str) -> list[Token]:
    """Another summary after the same tokens."""
    *rest, last, state, end = segment
    symbol, head, *more = last[1]
    match change:
        case "leave the last cell out":
            return [*rest, state, end]
        case "add a blank cell":
            return [*rest, last, ("CELL", (BLANK, "0") * (len(last[1]) // 2)), state, end]
        case "change a head":
            return [*rest, ("CELL", (symbol, str(1 - int(head)), *more)), state, end]
        case _:
            return [*rest, ("CELL", ("a" if symbol != "a" else "b", head, *more)), state, end]


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ("leave the last cell out", "cells that were written, or where a head is"),
        ("add a blank cell", "cells that were written, or where a head is"),
        ("change a head", "one cell has the head"),
        ("change a symbol", "g_k, else the blank"),
    ],
)
def test_another_summary_is_noticed(change: str, noticed: str) -> None:
    for machine, segment, first, last in summarized():
        assert noticed in set(wrong(machine, changed(segment.tokens, change), first, last))


def test_a_summary_of_the_cells_that_are_written_alone_may_have_no_head() -> None:
    """What s would be without the heads' present cells: a head that has just come to a new cell is in none of them."""
    lost = 0
    for machine, segment, first, last in summarized():
        end = 1 + max(at for _, at in written(machine, segment.tokens, first.heads))
        lost += any(head >= end for head in last.heads)
    assert lost > 50


# ------------------------------------------------------------------------------------- how long a segment gets

ROUNDS = [(space, r) for space in (1, 2, 3, 4, 7, 12, 19, 30) for r in (4, 6, 8, 14)]


@pytest.mark.parametrize(("space", "r"), ROUNDS)
def test_a_run_that_stays_and_goes_on_has_a_segment_of_this_length(space: int, r: int) -> None:
    """All S cells hold input, so that the first summary has S cells; then the second segment is as long as one gets."""
    steps = walk([("S",)] * (8 * space + 16), Random(0))
    longest = max(len(segment.tokens) for segment in segments(walker(1), "a" * space, steps, "", r, "scot"))
    assert longest == longest_segment(space, r) == contexts.longest_segment(space, r)


def test_no_walk_has_a_longer_segment() -> None:
    """Whether it goes on, or halts at its end with an output of all its cells."""
    for word, steps in walks()[::5]:
        machine, space = walker(len(steps[0].moved)), used_cells(word, steps)
        for last, output in ((steps[-1], ""), (replace(steps[-1], state="h"), "a" * space)):
            every = segments(machine, word, [*steps[:-1], last], output, R, "scot")
            assert max(len(segment.tokens) for segment in every) <= longest_segment(space, R)


def shape(e: int, r: int, runs: int | None, behind: int) -> int:
    """The length of a segment: its prompt ends at e, it has so many run tokens or goes on to 4e, so many follow."""
    last, taken = e, 0
    while True:
        last, taken = last + 1, taken + 1
        if taken == runs or last >= 4 * e:
            return last + 1 + behind
        last += (r + 2) * (taken % r == 0)


@pytest.mark.parametrize("r", [4, 6, 10, 16])
def test_of_all_shapes_of_segments_none_is_longer(r: int) -> None:
    """Prompts of up to S input symbols or cells, summaries of up to S cells, outputs of up to S symbols at any time.

    The longest is the one that has S cells before and after, and only that; one cell less is at least one token less.
    """
    for space in (*range(1, 12), 25, 40):
        words = {n + 1 for n in range(space + 1)}
        summaries = {n + 2 for n in range(1, space + 1)}
        capped = {(e, s): shape(e, r, None, s + 3) for e in words | summaries for s in range(1, space + 1)}
        halting = {shape(e, r, runs, space + 2) for e in words | summaries for runs in range(1, 3 * e + 2)}
        assert max(capped.values()) == longest_segment(space, r) > max(halting)
        assert [at for at, length in capped.items() if length == longest_segment(space, r)] == [(space + 2, space)]
