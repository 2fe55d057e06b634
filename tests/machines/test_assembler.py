"""The assembler (assembler/): machines against the interpreter, step by step; what is refused; merging of states."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

import exactformer.constructions.machines as machines
from exactformer.constructions.machines.assembler import assemble as assembler
from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.assembler.interpret import Interpreter, RequirementError, Snapshot
from exactformer.constructions.machines.assembler.language import (
    Block,
    Call,
    Condition,
    Do,
    Halt,
    If,
    Leave,
    Loop,
    Program,
    ProgramError,
    Require,
    Statement,
    SymbolOn,
    Tape,
    While,
    do,
    each,
    holds,
    on,
    together,
)
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import IllFormedMachineError, Move, TuringMachine
from exactformer.constructions.machines.run import MissingTransition, configurations, trace
from exactformer.constructions.machines.sudoku.program import sudoku_program
from exactformer.constructions.machines.sudoku.search import Boxes
from exactformer.constructions.machines.text import read_machine

ROOT = Path(__file__).parents[2]
RIGHT, LEFT, STAY = do(main="R"), do(main="L"), do(main="S")
TAPES = (Tape("main", ("x",)), Tape("other", ("0", "1", "x")), Tape("third", ("1",)))
"""What random programs have; with the input symbols and the blank, `other` has all symbols that there are."""


def program(main: Block, **others: Block) -> Program:
    """A program over two tapes, which begins with ``main``."""
    tapes = Tape("main", ("0", "1", "x")), Tape("other", ("0", "1"))
    return Program("small", tapes, "_", ("0", "1"), {"main": main, **others})


class RandomProgram:
    """Draws a program; every loop takes a step in each round, so that none is refused."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._routines: dict[str, Block] = {}
        for name in ("inner", "middle", "main"):
            self._routines[name] = self._block(3, in_loop=False)

    def program(self) -> Program:
        """`main` may call `middle` and `inner`, `middle` may call `inner`."""
        return Program("random", TAPES, "_", ("0", "1"), dict(reversed(self._routines.items())))

    def _block(self, depth: int, in_loop: bool) -> tuple[Statement, ...]:
        return tuple(self._statement(depth, in_loop) for _ in range(self._rng.randint(2, 5)))

    def _statement(self, depth: int, in_loop: bool) -> Statement:
        weights: dict[type[Statement], float] = {Do: 8, Require: 2, Halt: 0.2}
        weights |= {Call: 4 * bool(self._routines), Leave: 2 * in_loop}
        weights |= dict.fromkeys((If, While, Loop), 2.5 * (depth > 0))
        (kind,) = self._rng.choices(list(weights), list(weights.values()))
        if kind is Do:
            return self._do()
        if kind is Call:
            return Call(self._rng.choice(list(self._routines)))
        if kind is If:
            otherwise = self._block(depth - 1, in_loop) if self._rng.random() < 0.6 else ()
            return If(self._condition(2), self._block(depth - 1, in_loop), otherwise)
        if kind is While:
            return While(self._condition(2), self._body(depth - 1))
        if kind is Loop:
            return Loop((*self._body(depth - 1), If(self._condition(1), (Leave(),))))
        if kind is Require:
            return Require(self._condition(1))
        return Leave() if kind is Leave else Halt()

    def _body(self, depth: int) -> Block:
        """A step, which mostly moves main to the right, somewhere between other statements."""
        body = self._block(depth, in_loop=True)
        place = self._rng.randint(0, len(body))
        return *body[:place], self._rng.choice((RIGHT, RIGHT, self._do())), *body[place:]

    def _do(self) -> Do:
        """Also copies, to tapes that have all symbols of the copied tape."""
        symbols = {"main": "_01x", "other": "_01x", "third": "_1"}
        sources = {"main": ("main", "other", "third"), "other": ("main", "other", "third"), "third": ("third",)}
        writes: dict[str, str | SymbolOn] = {}
        for tape, own in symbols.items():
            if self._rng.random() < 0.5:
                copied = SymbolOn(self._rng.choice(sources[tape]))
                writes[tape] = copied if self._rng.random() < 0.3 else self._rng.choice(own)
        return Do(writes, {tape: self._rng.choice(list(Move)) for tape in symbols if self._rng.random() < 0.6})

    def _condition(self, depth: int) -> Condition:
        match self._rng.randrange(5 if depth else 2):
            case 2:
                return self._condition(depth - 1) & self._condition(depth - 1)
            case 3:
                return self._condition(depth - 1) | self._condition(depth - 1)
            case 4:
                return ~self._condition(depth - 1)
            case _:
                tape, symbols = self._rng.choice((("main", "_01x"), ("other", "_01x"), ("third", "_1")))
                return on(tape, "".join(self._rng.sample(symbols, self._rng.randint(1, len(symbols) - 1))))


def in_step(made: TuringMachine, of: Program, word: str, limit: int) -> tuple[str, int]:
    """How both run, at most ``limit`` steps, and how many steps they take; each step is the same."""
    run, interpreter = configurations(made, word, limit), Interpreter(of, word)
    steps, now = iter(interpreter), next(run)
    for step in range(limit):
        assert now.tapes == tuple(map(tuple, interpreter.tapes.values()))
        try:
            snapshot = next(steps, None)
        except RequirementError:
            with pytest.raises(MissingTransition):
                next(run)
            return "stuck", step
        if snapshot is None:
            assert now.state == made.halting
            assert next(run, None) is None
            return "halts", step
        assert now.state != made.halting
        before, now = now, next(run)
        written = tuple(tape[head] for tape, head in zip(now.tapes, before.heads, strict=True))
        assert snapshot == Snapshot(written, now.heads), (word, step)
    return "goes on", limit


def test_random_programs_take_the_steps_of_their_machines() -> None:
    ends, statements = Counter[str](), Counter[str]()
    for seed in range(120):
        drawn, rng = RandomProgram(seed).program(), Random(seed)
        made = assemble(drawn)
        for word in ("", "".join(rng.choices("01", k=3)), "".join(rng.choices("01", k=8))):
            end, steps = in_step(made, drawn, word, 150)
            ends[f"{end} {'late' if steps > 5 else 'soon'}"] += 1
        statements.update(type(each).__name__ for each in all_statements(*drawn.routines.values()))
    assert min(ends[end] for end in ("halts soon", "halts late", "stuck soon", "stuck late", "goes on late")) >= 20, (
        ends
    )
    kinds = (Do, If, While, Loop, Leave, Require, Call, Halt)
    assert min(statements[kind.__name__] for kind in kinds) >= 20, statements


def all_statements(*blocks: Block) -> list[Statement]:
    found: list[Statement] = []
    for statement in (statement for block in blocks for statement in block):
        found.append(statement)
        match statement:
            case If(_, then, otherwise):
                found += all_statements(then, otherwise)
            case While(_, body) | Loop(body):
                found += all_statements(body)
    return found


@pytest.mark.parametrize(
    ("word", "end"),
    [
        pytest.param("1...34..4..2...3", "halts", id="solved"),
        pytest.param("..3..2....4....1", "halts", id="after going back"),
        pytest.param("123.34.....4....", "halts", id="no solution"),
        pytest.param("11..............", "halts", id="two digits equal"),
        pytest.param("1...34..4..2...", "stuck", id="too short"),
        pytest.param("1...34..4..2...3.", "stuck", id="too long"),
        pytest.param("1...3!..4..2...3", "stuck", id="no puzzle"),
        pytest.param("", "stuck", id="empty"),
    ],
)
def test_the_sudoku_program_takes_the_steps_of_its_machine(word: str, end: str) -> None:
    made, steps = in_step(LIBRARY["sudoku-4x4"].machine, sudoku_program(Boxes(2, 2)), word, 50_000)
    assert made == end
    assert (steps > 100) == (end == "halts")


@pytest.mark.parametrize(
    ("main", "word", "output"),
    [
        pytest.param((), "01", "01", id="nothing"),
        pytest.param((Halt(), do(main=("1", "S"))), "0", "0", id="nothing after Halt"),
        pytest.param((Call("halts"), do(main=("1", "S"))), "0", "0", id="nothing after a call that halts"),
        pytest.param((While(on("main", "0"), (RIGHT, Leave())), do(main=("1", "S"))), "000", "010", id="leave While"),
        pytest.param(
            (Loop((RIGHT, Loop((RIGHT, Leave())), If(on("main", "_"), (Leave(),)))), do(main=("1", "S"))),
            "0000",
            "00001",
            id="leave the inner loop only",
        ),
        pytest.param((Call("twice"), do(main=("1", "S"))), "000", "001", id="the same routine twice"),
        pytest.param((do(main=(SymbolOn("other"), "S"), other=(SymbolOn("main"), "S")),), "1", "", id="swap"),
        pytest.param((do(main=("1", "L")), do(main=(SymbolOn("main"), "L"))), "0", "1", id="left off the tape"),
        pytest.param(
            (Do({"main": "1"}, {}), If(on("main", "0") | ~on("main", "1"), (RIGHT,)), STAY, do(main=("0", "S"))),
            "01",
            "01",
            id="conditions are about what was written",
        ),
    ],
)
def test_what_a_program_does(main: Block, word: str, output: str) -> None:
    """The output is what the statements mean, in both."""
    small = program(main, once=(RIGHT,), twice=(Call("once"), Call("once")), halts=(Loop((Halt(),)),))
    made = assemble(small)
    assert in_step(made, small, word, 50)[0] == "halts"
    assert trace(made, word).output == output


def test_a_head_that_moves_left_off_the_tape_stays_on_cell_0() -> None:
    """As for every machine: the symbol is written, and the next step reads it."""
    small = program((do(main=("x", "L")), Require(on("main", "x")), do(main=("1", "L")), Require(on("main", "1"))))
    assert list(Interpreter(small, "01")) == [
        Snapshot(("x", "_"), (0, 0)),
        Snapshot(("1", "_"), (0, 0)),
        Snapshot(("1", "_"), (0, 0)),
    ]
    assert trace(assemble(small), "01").heads == ((0, 0), (0, 0), (0, 0))
    assert trace(assemble(small), "01").output == "11"


def test_conditions() -> None:
    """All truth tables over two tapes, and that `|` and `~` are what `&` is not."""
    zero, one = on("main", "0"), on("other", "1")
    for main in "01":
        for other in "01":
            read = {"main": main, "other": other}
            a, b = main == "0", other == "1"
            assert holds(zero & one, read) == (a and b)
            assert holds(zero | one, read) == (a or b)
            assert holds(~zero, read) == (not a)
            assert holds(~(zero & ~one) | zero & one, read) == (not (a and not b) or (a and b))


def test_each_goes_by_the_symbol() -> None:
    small = program((each("main", "01", lambda symbol: (do(main=("1" if symbol == "0" else "0", "S")),)),))
    assert [trace(assemble(small), word).output for word in ("0", "1")] == ["1", "0"]
    assert in_step(assemble(small), small, "", 9) == ("stuck", 0)


def test_together_moves_each_head_while_its_condition_holds() -> None:
    """`other` gets two symbols, main is at the end of four; both go to cell 0, each as long as it takes."""
    block: Block = (
        *[do(other=("1", "R"), main="R")] * 2,
        *[RIGHT] * 2,
        do(main="S", other="L"),
        together(main=(on("main", "_0"), "L"), other=(on("other", "_"), "L")),
        do(main=("0", "S"), other=("0", "S")),
    )
    small = program(block)
    *_, last = Interpreter(small, "1100")
    assert last == Snapshot(("0", "0"), (1, 1))
    assert in_step(assemble(small), small, "1100", 99) == ("halts", 10)
    required = program((RIGHT, RIGHT, together(on("main", "0"), main=(on("main", "0"), "R"))))
    assert in_step(assemble(required), required, "10001", 99) == ("stuck", 4)


# What is refused.

COPIES = (do(main=("x", "S")), do(other=(SymbolOn("main"), "S")))


class NoCondition(Condition):
    """A condition of a kind that does not exist."""

    def __repr__(self) -> str:
        return "NoCondition()"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda: Program("small", (), "_", ("0",), {"main": ()}),
            "small needs tapes with different names, not [].",
            id="no tape",
        ),
        pytest.param(
            lambda: Program("small", (Tape("a", ()), Tape("a", ())), "_", ("0",), {"main": ()}),
            "small needs tapes with different names, not ['a', 'a'].",
            id="two tapes with one name",
        ),
        pytest.param(
            lambda: Program("small", (Tape("a", ()),), "_", ("0",), {}),
            "small has no routine: give at least one; the run begins with the first.",
            id="no routine",
        ),
        pytest.param(
            lambda: program((If(on("grid", "0"), ()),)),
            "In routine 'main' of small, a condition is about the tape 'grid', which does not exist.",
            id="condition about no tape",
        ),
        pytest.param(
            lambda: program((While(~on("other", "x"), (RIGHT,)),)),
            "In routine 'main' of small, a condition asks for 'x' on the tape 'other', which has no such symbol.",
            id="condition about no symbol, in Not",
        ),
        pytest.param(
            lambda: program((), unused=(Require(on("main", "0") & on("main", "2")),)),
            "In routine 'unused' of small, a condition asks for '2' on the tape 'main', which has no such symbol.",
            id="condition about no symbol, in Both, in a routine that is not called",
        ),
        pytest.param(
            lambda: program((Loop((If(NoCondition(), ()),)),)),
            "In routine 'main' of small, NoCondition() is where a condition is needed.",
            id="no condition",
        ),
        pytest.param(
            lambda: program((do(grid="R"),)),
            "In routine 'main' of small, a step is about the tape 'grid', which does not exist.",
            id="move of no tape",
        ),
        pytest.param(
            lambda: program((If(on("main", "0"), (), (do(grid=("0", "S")),)),)),
            "In routine 'main' of small, a step is about the tape 'grid', which does not exist.",
            id="write on no tape",
        ),
        pytest.param(
            lambda: program((do(other=("x", "S")),)),
            "In routine 'main' of small, a step writes 'x' on the tape 'other', which has no such symbol.",
            id="write of no symbol",
        ),
        pytest.param(
            lambda: program((do(main=(SymbolOn("grid"), "S")),)),
            "In routine 'main' of small, a step copies from the tape 'grid', which does not exist.",
            id="copy from no tape",
        ),
        pytest.param(
            lambda: program((Do({}, {"main": "R"}),)),  # type: ignore[dict-item]
            "In routine 'main' of small, a step moves the head of the tape 'main' by 'R', which is not a Move.",
            id="no Move",
        ),
        pytest.param(
            lambda: do(main="RR"),
            "A step moves the head of the tape 'main' by 'RR': use L, S or R.",
            id="no move",
        ),
        pytest.param(
            lambda: each("main", "", lambda _: ()),
            "No symbols of the tape 'main' are given: give at least one.",
            id="each of nothing",
        ),
        pytest.param(
            lambda: program((Leave(),)),
            "In routine 'main' of small, there is a Leave outside of loops.",
            id="Leave outside",
        ),
        pytest.param(
            lambda: program((Loop((Call("out"),)),), out=(If(on("main", "0"), (Leave(),)),)),
            "In routine 'out' of small, there is a Leave outside of loops.",
            id="Leave in a routine that a loop calls",
        ),
        pytest.param(
            lambda: program((While(on("main", "0"), (Call("other"),)),)),
            "In routine 'main' of small, there is a call of 'other', which is not a routine.",
            id="call of no routine",
        ),
        pytest.param(
            lambda: program((RIGHT, (LEFT,))),  # type: ignore[arg-type]
            "In routine 'main' of small, (Do(writes={}, moves={'main': <Move.LEFT: 'L'>}),) is where a statement "
            "is needed.",
            id="block for a statement",
        ),
        pytest.param(
            lambda: program((Loop(Halt()),)),  # type: ignore[arg-type]
            "In routine 'main' of small, Halt() is where a block is needed: make it a tuple of statements.",
            id="statement for a block",
        ),
        pytest.param(
            lambda: program((RIGHT, If(on("main", "0"), (Call("main"),)))),
            "In small a routine calls itself, main -> main: recursion has no finite control.",
            id="recursion",
        ),
        pytest.param(
            lambda: program((Call("a"),), a=(Loop((Call("b"),)),), b=(Halt(), If(on("main", "0"), (), (Call("a"),)))),
            "In small a routine calls itself, a -> b -> a: recursion has no finite control.",
            id="recursion through another routine, in statements that are not reached",
        ),
        pytest.param(
            lambda: assemble(program((RIGHT, Loop(())))),
            "In routine 'main' of small a loop goes round without a step.",
            id="loop of nothing",
        ),
        pytest.param(
            lambda: assemble(program((Call("loop"),), loop=(Loop((Call("nothing"), Call("nothing"))),), nothing=())),
            "In routine 'loop' of small a loop goes round without a step.",
            id="loop of calls that do nothing",
        ),
        pytest.param(
            lambda: assemble(program((While(on("main", "0"), (If(on("other", "1"), (RIGHT,)),)),))),
            "In routine 'main' of small a loop goes round without a step on {'main': '0', 'other': '_'}.",
            id="loop that steps only on another symbol",
        ),
        pytest.param(
            lambda: list(Interpreter(program((While(on("main", "0"), (If(on("other", "1"), (RIGHT,)),)),)), "0")),
            "In routine 'main' of small a loop goes round without a step on {'main': '0', 'other': '_'}.",
            id="interpreted: loop that steps only on another symbol",
        ),
        pytest.param(
            lambda: list(Interpreter(program((RIGHT, Loop((Require(on("main", "_")),)))), "0")),
            "In routine 'main' of small a loop goes round without a step on {'main': '_', 'other': '_'}.",
            id="interpreted: loop of a requirement",
        ),
        pytest.param(
            lambda: list(Interpreter(program(COPIES), "0")),
            "A step of small copies 'x' to the tape 'other', which has no such symbol.",
            id="interpreted: copy of a symbol that the tape has not",
        ),
        pytest.param(
            lambda: Interpreter(program(()), "10x"),
            "The word '10x' has 'x', which is not an input symbol of small: use only 0 1.",
            id="interpreted: word that is not an input",
        ),
        pytest.param(
            lambda: list(Interpreter(program((RIGHT, Call("check")), check=(Require(~on("main", "1")),)), "01")),
            "small is stuck in routine 'check', which requires not (main on 1): it is main on 1, other on _.",
            id="interpreted: requirement",
        ),
        pytest.param(
            lambda: list(Interpreter(program((Require(on("main", "_1") & on("other", "_")),)), "01")),
            "small is stuck in routine 'main', which requires main on 1 _ and other on _: it is main on 0, other on _.",
            id="interpreted: a requirement of two heads",
        ),
    ],
)
def test_a_wrong_program_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        make()
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("name", "symbol", "blank", "inputs", "message"),
    [
        pytest.param("two words", "x", "_", ("0",), "The name 'two words' is not usable", id="name"),
        pytest.param("small", " ", "_", ("0",), "The symbol ' ' is not usable as a name", id="symbol"),
        pytest.param("small", "x", "_", ("_",), "The blank '_' cannot be an input symbol", id="blank as input"),
        pytest.param("small", "x", "_", (), "The input alphabet is empty: list a symbol.", id="no input symbol"),
        pytest.param("small", "x", "_", ("00",), "The input symbol '00' is not a single character", id="long input"),
        pytest.param("small", "x", "_", ("0", "0"), "The input symbol '0' is listed twice", id="input twice"),
        pytest.param("small", "x", "", ("0",), "The symbol '' is not usable as a name", id="blank without a name"),
    ],
)
def test_what_no_machine_can_have_is_refused_by_the_machine(
    name: str, symbol: str, blank: str, inputs: tuple[str, ...], message: str
) -> None:
    wrong = Program(name, (Tape("main", (symbol,)),), blank, inputs, {"main": (RIGHT,)})
    with pytest.raises(IllFormedMachineError) as refused:
        assemble(wrong)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("limit", "main", "message"),
    [
        ("MAX_ROWS", (do(main="R", other="R"),), "more than 5 transitions, 5 of them at its end"),
        (
            "MAX_ROWS",
            (do(main="R", other="R"), STAY),
            "more than 5 transitions, 3 of them at one place of routine 'main'",
        ),
        (
            "MAX_SITUATIONS",
            (Call("other"),),
            "more than 5 situations looked at, 12 of them after a step at one place of routine 'other'",
        ),
    ],
    ids=["transitions at the end", "transitions in a routine", "situations"],
)
def test_a_program_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, main: Block, message: str
) -> None:
    """The two heads move, so there are 3 transitions, and then 4 * 3."""
    large = program(main, other=(do(main="R", other="R"),))
    monkeypatch.setattr(assembler, limit, 5)
    with pytest.raises(ProgramError) as refused:
        assemble(large)
    assert str(refused.value) == (
        f"small needs {message}: leave heads that are not needed on known symbols, or say with Require what can be "
        "under them."
    )
    monkeypatch.setattr(assembler, limit, 15 + 12 * (main[-1] == STAY))
    assemble(large)


def test_a_routine_that_does_nothing_may_be_called_often() -> None:
    """This is not a loop without a step."""
    small = program((*[Call("nothing")] * 20, do(main=("1", "S"))), nothing=())
    assert in_step(assemble(small), small, "0", 9) == ("halts", 2)


# States.


def states_alike(machine: TuringMachine) -> list[tuple[str, str]]:
    """Pairs of states that no run tells apart, by filling a table of those that one does."""
    rows: dict[str, dict[tuple[str, ...], Any]] = {state: {} for state in machine.states}
    for (state, read), action in machine.transitions.items():
        rows[state][read] = action
    pairs = {frozenset(pair) for pair in combinations(machine.states, 2) if machine.halting not in pair}
    pairs = {pair for pair in pairs if len({frozenset(rows[state]) for state in pair}) == 1}

    def differ(one: str, other: str) -> bool:
        return any(
            (mine.written, mine.moves) != (theirs.written, theirs.moves)
            or (mine.state != theirs.state and frozenset((mine.state, theirs.state)) not in pairs)
            for read in rows[one]
            for mine, theirs in [(rows[one][read], rows[other][read])]
        )

    while apart := {pair for pair in pairs if differ(*pair)}:
        pairs -= apart
    return sorted((min(pair), max(pair)) for pair in pairs)


def test_no_two_states_are_alike() -> None:
    assert states_alike(LIBRARY["sudoku-4x4"].machine) == []
    for seed in range(40):
        assert states_alike(assemble(RandomProgram(seed).program())) == [], seed


def test_states_alike_are_found() -> None:
    """Where states are not merged, there is what the test above looks for."""
    rows = [("start", "0", "a", "0"), ("start", "_", "b", "_"), ("a", "0", "b", "0"), ("b", "0", "a", "0")]
    text = "".join(f'  - "{state} {read} -> {following} {written} S"\n' for state, read, following, written in rows)
    made = read_machine(
        f'name: twins\ntapes: 1\nstates: [start, a, b, halt]\nhalting: halt\nalphabet: ["_", "0"]\ninput: ["0"]\n'
        f"transitions:\n{text}"
    )
    assert states_alike(made) == [("a", "b")]


def test_equal_routines_have_their_states_together() -> None:
    """Two routines that do the same, and calls that are followed by the same, cost no more states than one of them."""
    go = (While(on("main", "01"), (do(other=(SymbolOn("main"), "R")), RIGHT)), do(main=("1", "L")))
    other = (While(on("main", "01"), (do(other=(SymbolOn("main"), "R")), RIGHT)), do(main=("0", "L")))

    def choice(first: str, second: str) -> TuringMachine:
        return assemble(
            program((RIGHT, If(on("main", "0"), (Call(first),), (Call(second),)), STAY), a=go, b=go, c=other)
        )

    one, two, different = choice("a", "a"), choice("a", "b"), choice("a", "c")
    assert (len(two.states), len(two.transitions)) == (len(one.states), len(one.transitions))
    assert len(different.states) > len(one.states)
    assert trace(two, "011").output == trace(one, "011").output == "0111"
    assert trace(two, "001").output == trace(one, "001").output == "0011"
    assert (trace(different, "001").output, trace(different, "011").output) == ("0011", "0110")


def test_states_are_named_after_routines() -> None:
    """The first is the initial one, where the run begins with the first routine; no name is given twice."""
    small = program((Call("go"), Call("go"), STAY), go=(RIGHT,), end=())
    assert assemble(small).states == ("go.1", "go.2", "main.1", "end.1", "halt")


PROGRAM = """
from exactformer.constructions.machines.sudoku.program import sudoku_program
from exactformer.constructions.machines.sudoku.search import Boxes
from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.text import write_machine
from tests.machines.test_assembler import RandomProgram
for drawn in (sudoku_program(Boxes(1, 2)), *(RandomProgram(seed).program() for seed in range(10))):
    print(write_machine(assemble(drawn)))
"""


def test_the_text_of_a_program_is_always_the_same() -> None:
    """Python orders sets by hashes, which are drawn anew for each process."""
    texts = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        texts.add(done.stdout)
    assert len(texts) == 1
    assert len(texts.pop().splitlines()) > 3000


def test_the_example_of_the_readme() -> None:
    readme = Path(machines.__file__).parent / "README.md"
    assert doctest.testfile(str(readme), module_relative=False) == (0, 5)
