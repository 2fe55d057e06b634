"""The normal form does what the machine does, step by step, and ends one step later; its names mean what they say."""

from __future__ import annotations

from itertools import islice, pairwise
from random import Random

import pytest

from exactformer.certificates.checker.machine import canonical_text, parse_machine
from exactformer.certificates.command_line.foreign import commented
from exactformer.constructions.machines.formats.normal_form import NormalForm, NormalFormError, normal_form
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine, tape_configurations
from exactformer.constructions.machines.machine import Action, Move, Situation
from exactformer.constructions.machines.run import configurations, trace
from exactformer.constructions.machines.text import read_machine, write_machine
from tests.machines.formats.example_files import EXAMPLES, Example, foreign, loaded, random_machine, words

STEPS = 40


def agree(made: NormalForm, right: tuple[str, ...], left: tuple[str, ...] = (), steps: int = STEPS) -> bool:
    """Compare the two machines step by step, and tell whether they stop within ``steps``."""
    original, word = made.original, made.word(right, left)
    theirs = list(islice(tape_configurations(original, right, left), steps + 1))
    stops = len(theirs) <= steps
    ours = list(islice(configurations(made.machine, word, 10**9), len(theirs) + stops))
    assert len(ours) == len(theirs) + stops
    for a, b in zip(theirs, ours, strict=False):
        assert made.state(b.state) == a.state
        assert b.heads == tuple(map(abs, a.heads))
        assert tuple(made.squares(tape) for tape in b.tapes) == a.tapes
        if b.step:  # the signs of a state say on which track each head is; on cell 0 it may be either
            signs = b.state[-original.tapes :]
            assert all(head == 0 or (head < 0) == (sign == "-") for head, sign in zip(a.heads, signs, strict=True))
    if stops:
        assert ours[-1].state == "halt"
        assert ours[-1].heads == ours[-2].heads
        assert tuple(made.squares(tape) for tape in ours[-1].tapes) == theirs[-1].tapes
        run = trace(made.machine, word)  # so that the output is a word
        assert made.squares(run.output) == theirs[-1].tapes[0]
    return stops


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_and_their_normal_forms_agree_step_by_step(example: Example) -> None:
    made = normal_form(foreign(example))
    stopped = [agree(made, word) for word in words(made.original, most=60)]
    assert any(stopped)
    if made.original.start is not None:
        assert agree(made, made.original.start.right, made.original.start.left) or example.name == "start.txt"


@pytest.mark.parametrize("tapes", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_random_machines_and_their_normal_forms_agree(seed: int, tapes: int) -> None:
    rng = Random(100 * seed + tapes)
    stopped = 0
    for _ in range(20 if tapes == 1 else 6):
        made = normal_form(random_machine(rng, tapes))
        live = made.original.reached.symbols[0]
        for _ in range(3):
            left, right = (tuple(rng.choices(live, k=rng.randint(0, 4))) for _ in "lr")
            stopped += agree(made, right, left)
    assert stopped > 3


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_text_that_convert_prints_is_read_back_by_us_and_by_the_checker(example: Example) -> None:
    machine, text = loaded(example).machine, commented(loaded(example))
    assert text.startswith("# ")
    assert read_machine(text) == machine
    assert canonical_text(parse_machine(text)) == write_machine(machine)


def test_words_stay_what_they_are() -> None:
    made = normal_form(foreign(EXAMPLES[0]))
    assert made.word("1011") == "1011"
    assert made.word("1 1") == "1d1"
    assert made.word("") == made.word("  ") == ""
    assert made.squares(made.word("1", "10")) == {-2: "1", -1: "0", 0: "1"}
    with pytest.raises(NormalFormError, match="'2' is not a symbol of the first tape of increment: use ' ' '1' '0'"):
        made.word("12")
    with pytest.raises(NormalFormError, match="Cell 1 holds 'b', which cannot be on a tape of folded-increment"):
        made.squares("bb")


Table = dict[Situation, Action]
STATES = ("a b", "a_b", "", "a'b", "->", "halt", "start")
SYMBOLS = (" ", "0", "10", "'", '"', "a", "{", "\n")
ODD_TABLE: Table = {
    (state, (symbol,)): Action(following, (symbol,), (Move.RIGHT,))
    for state, following in pairwise(STATES[:6])
    for symbol in SYMBOLS
}
ODD_TABLE["halt", (" ",)] = Action("start", (" ",), (Move.STAY,))
ODD = TapeMachine("my machine", 1, STATES, SYMBOLS, SYMBOLS[1:], ODD_TABLE, {"start": Outcome.ACCEPTS})


def test_odd_names_are_replaced_by_different_ones() -> None:
    made = normal_form(ODD)
    assert made.machine.name == "folded-my_machine"
    assert list(made.states.values()) == ["a_b.2", "a_b", "q", "a_b.3", "q.2", "halt", "start"]
    plain = {symbol: made.cells.pairs[symbol, " "] for symbol in ODD.symbols[1:]}
    assert plain == {"0": "0", "10": "b", "'": "c", '"': "d", "a": "a", "{": "e", "\n": "f"}
    everything = [made.cells.blank, *made.cells.home.values(), *made.cells.pairs.values()]
    assert len(set(everything)) == len(everything) == 1 + 8 + 64
    assert all(agree(made, word) for word in words(ODD, most=40))
    assert read_machine(write_machine(made.machine)) == made.machine


def test_what_never_stands_on_a_tape_makes_no_rows() -> None:
    """The second tape of this file never holds ``#``."""
    made = normal_form(next(foreign(example) for example in EXAMPLES if example.name == "twice.jff"))
    assert [len(of) for of in made.original.reached.symbols] == [3, 2]
    assert len(made.machine.transitions) == 5 * (2 * 13) * (2 * 7) + 6


def test_a_folding_that_is_too_large_is_refused() -> None:
    symbols = tuple(map(str, range(230)))
    table: Table = {("q", (symbol,)): Action("q", (symbol,), (Move.LEFT,)) for symbol in symbols}
    machine = TapeMachine("large", 1, ("q",), symbols, symbols[1:], table, {})
    with pytest.raises(NormalFormError, match=r"The folding of large has 106262 rows, .*: at most 100000 are made"):
        normal_form(machine)


def test_a_machine_whose_initial_state_halts_takes_one_step() -> None:
    machine = TapeMachine("idle", 1, ("q",), ("_", "1"), ("1",), {}, {"q": Outcome.ACCEPTS})
    assert trace(normal_form(machine).machine, "11").steps == 1
