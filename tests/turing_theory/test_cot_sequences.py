"""True sequences of `cot.theory`: as an independent simulation has them, also where a run goes on or gets stuck."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise

import pytest

from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import Action, Move, Situation, TuringMachine
from exactformer.constructions.machines.run import InputError
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.theory import TrueToken, Value
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.theory import cot_theory
from exactformer.trial import try_on
from tests.checker.ghosts import Ghosts, ghosts_of, run_segments

CLASS = {"POS": "block"}
MOVES = {0: "L", 1: "S", 3: "R"}


def true_token(machine: Machine, inputs: Sequence[str], token: Ghosts, behind: Ghosts | None) -> TrueToken:
    """With the ghosts of `cot.theory`, from those of SPEC 11.1; what is not there is the first of its kind."""
    values, found = token.values, dict[str, Value]()
    if "s" in values:
        found |= {"s": machine.alphabet[values["s"]], "tape": machine.alphabet[values["s"]]}
    for name in ("tau", "beta", "o"):
        found |= {name: values[name]} if name in values else {}
    found |= {"halted": bool(values["halted"])} if "halted" in values else {}
    if token.cls in ("EINP", "RUN", "EPOS"):
        found |= {"q": machine.states[values["q"]], "next": machine.states[values.get("q'", 0)]}
    tapes = range(1, machine.tapes + 1)
    for k in tapes:
        for name in ("c", "x", "y"):
            found |= {f"{name}_{k}": values[f"{name}_{k}"]} if f"{name}_{k}" in values else {}
        if token.cls == "RUN":
            found |= {f"a_{k}": machine.alphabet[values[f"a_{k}"]], f"m_{k}": MOVES[values[f"m_{k}"]]}
        if f"x_{k}" in values:
            symbol = machine.alphabet[values.get(f"g_{k}", 0)]
            found |= {f"written_{k}": bool(values[f"written_{k}"]), f"w_{k}": values.get(f"w_{k}", 0), f"g_{k}": symbol}
        if token.cls in ("EINP", "RUN", "EPOS"):
            found |= {
                f"read_{k}": machine.alphabet[values.get(f"g_{k}", 0)],
                f"write_{k}": machine.alphabet[values.get(f"a'_{k}", 0)],
                f"move_{k}": MOVES[values.get(f"m'_{k}", 0)],
            }
        if token.cls == "BIT":
            found[f"here_{k}"] = "+1" if values[f"y_{k}"] >> values["beta"] & 1 else "-1"
        if token.cls in ("POS", "BIT"):
            spelled = values[f"x_{k}"] if token.cls == "POS" else values[f"y_{k}"] >> values["beta"] + 1
            last = behind is None or behind.cls == "EPOS"
            found[f"spelled_{k}"] = "+1" if spelled & 1 and not last else "-1"
    if token.cls in ("OUTP", "OUTPUT"):
        read = machine.alphabet[values.get("g_1", 0)]
        found["symbol"] = read if read in inputs else inputs[0]
    return TrueToken(CLASS.get(token.cls, token.cls.lower()), found)


@pytest.mark.parametrize(
    ("name", "word", "r"),
    [
        ("increment", "1011", 8),
        ("increment", "0", 6),
        ("bit-sort", "10110", 4),
        ("copy", "0110", 8),
        ("binary-addition", "1+11", 8),
        ("reverse", "", 4),
        ("three-equal-blocks", "aabbcc", 6),
        ("binary-multiplication", "10*11", 4),
    ],
)
def test_two_simulations_agree(name: str, word: str, r: int) -> None:
    """The checker's simulator, with ghosts from the tokens alone; and the one that configurations come from."""
    machine = load_machine(name)
    known = parse_machine(write_machine(machine))
    (segment,) = run_segments(known, word, r, "cot")
    ghosts = ghosts_of(known, segment.tokens, summarized=False)
    wanted = [
        true_token(known, machine.input_alphabet, one, behind)
        for one, behind in zip(ghosts, [*ghosts[1:], None], strict=True)
    ]
    assert list(cot_sequence(machine, word, r)) == wanted


def classes(machine: TuringMachine, word: str, r: int, longest: int) -> list[str]:
    return [token.cls for token in islice(cot_sequence(machine, word, r), longest)]


def one_tape(*rows: tuple[str, str, str, str, Move]) -> TuringMachine:
    transitions: dict[Situation, Action] = {
        (state, (read,)): Action(then, (written,), (move,)) for state, read, then, written, move in rows
    }
    return TuringMachine("small", 1, ("go", "halt"), "halt", ("_", "1", "x"), ("1",), transitions)


def test_a_run_that_goes_on_has_prefixes() -> None:
    machine = one_tape(("go", "_", "go", "x", Move.RIGHT))
    block = ["block", *["bit"] * 4, "epos"]
    assert classes(machine, "", 4, 24) == ["inp", "einp", *2 * (["run"] * 4 + block), "run", "run"]
    tokens = list(islice(cot_sequence(machine, "", 4), 2**4))
    assert list(try_on(cot_theory(machine, 4), 4, tokens)) == []


def test_it_ends_before_what_has_no_place_in_the_theory() -> None:
    assert classes(one_tape(("go", "_", "halt", "_", Move.STAY)), "1", 4, 99) == ["inp", "input"]
    assert classes(one_tape(("go", "1", "go", "1", Move.RIGHT)), "11", 4, 99) == [
        "inp",
        "input",
        "input",
        "einp",
        "run",
    ]
    strange = one_tape(("go", "1", "go", "1", Move.RIGHT), ("go", "_", "halt", "x", Move.STAY))
    assert classes(strange, "1", 4, 99) == ["inp", "input", "einp", "run", "run", "outp"]
    with pytest.raises(InputError):
        next(cot_sequence(strange, "x", 4))


@pytest.mark.parametrize("r", [4, 8, 64])
@pytest.mark.parametrize("name", ["bit-sort", "reverse", "unary-doubling"])
def test_witnesses_show_every_class_behind_each_that_it_follows(name: str, r: int) -> None:
    theory = cot_theory(load_machine(name), r)
    shown = {(one.cls, behind.cls) for tokens in theory.witnesses for one, behind in pairwise(tokens)}
    lines = [line.removeprefix("follow ") for line in theory.text.split("\n") if line.startswith("follow ")]
    wanted = {(line.split(": ")[0], behind) for line in lines for behind in line.split(": ")[1].split()}
    assert all(len(tokens) <= 2**r for tokens in theory.witnesses)
    missing = {"reverse": {("outp", "output"), ("output", "output"), ("output", "eoutp")}} | {
        "unary-doubling": {("output", "output"), ("output", "eoutp")}
    }
    assert wanted - shown == (missing.get(name, set()) if r == 4 else set())
    if r < 64:
        assert [list(try_on(theory, r, tokens)) for tokens in theory.witnesses] == [[]] * len(theory.witnesses)
