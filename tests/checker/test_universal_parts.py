"""The parts of the checker for all inputs: contents, formulas, facts, neurons, scores, writes, ties."""

from __future__ import annotations

from fractions import Fraction
from itertools import product as product_of
from random import Random

import pytest

from exactformer.certificates.checker import ties
from exactformer.certificates.checker.arithmetic import condition, parse_model
from exactformer.certificates.checker.cases import Cases, product, same
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, conjunction
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.certificates.checker.neurons import Neuron, activation, remain
from exactformer.certificates.checker.universal import writes
from exactformer.certificates.checker.universal.assumptions import assumptions, subtract
from exactformer.certificates.checker.universal.classes import State, before, classes, seen_by
from exactformer.certificates.checker.universal.contents import (
    ZERO,
    Bit,
    Choice,
    Code,
    Constant,
    Content,
    Flag,
    Number,
    Sizes,
    number,
)
from exactformer.certificates.checker.universal.facts import Cleared, Fact, Lowered, Moved, facts
from exactformer.certificates.checker.universal.formulas import Variables, View, bits, coordinates
from exactformer.certificates.checker.universal.grammar import read_content
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.mlp import bounds
from exactformer.certificates.checker.universal.pairs import at_most
from exactformer.certificates.checker.universal.scores import Score
from exactformer.certificates.checker.universal.tokens import require_sense, settle
from exactformer.constructions.machines.library import LIBRARY, machine_named
from tests.checker.conftest import UNLIMITED
from tests.checker.ghosts import Ghosts, ghosts

R = 8
SIZES = Sizes(R, 2, 4, 3)


def library(name: str) -> Machine:
    return parse_machine(machine_named(name).path.read_text())


def sizes_of(machine: Machine) -> Sizes:
    return Sizes(R, machine.tapes, (len(machine.states) - 1).bit_length(), (len(machine.alphabet) - 1).bit_length())


CONTENTS: dict[str, Content] = {
    "0": Constant(0),
    "enc(i)": Code(Number("i", 0, R), 0),
    "enc(blank)": Code(ZERO, 0),
    "enc(max(i - 12, 0))": Code(Number("back", 12, R), 0),
    "enc(i - (o mod 2^0))": Code(Number("i", 0, R), 0),
    "enc(w_2)[3..]": Code(Number("w", 2, R), 3),
    "enc(q')[1]": Bit(Number("q'", 0, 4), 1),
    "enc_move(m_1)": Code(Number("m", 1, 2), 0),
    "(1 if written_2 = 0 else enc(g_2))": Choice(Flag("written_2"), Code(Number("g", 2, 3), 0), Constant(1)),
}


@pytest.mark.parametrize("text", CONTENTS)
def test_contents_are_read(text: str) -> None:
    assert read_content("at", text, SIZES) == CONTENTS[text]


NO_CONTENTS = [
    "", "2", "00", "0 ", " 0", "-1", "enc(i", "enc(i))", "enc(z)", "enc(x_0)", "enc(x_01)", "enc(m_1)", "enc_move(x_1)",
    "enc(max(i - 0, 0))", "enc(max(i - 1,0))", "enc(i)[beta + 2]", "enc(i)[-1]", "enc(\u0661)", "enc(x_\u0661)",
    "(0 if tau < 3 else 1)", "(0 if has_entry = 0 else 1)", "(0 if g_1 = 1 else 1)", "(0 if halted = 2 else 1)",
    "(0 if tau = 1 else 1", "0 if tau = 1 else 1", "(0 if tau = 1 else )", "a b of max(i - 1, 0) before layer 1",
    "|x| of max(i - 1, 0) before layer 1", "x of max(i - 1, 0) before layer 0",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_CONTENTS)
def test_what_is_no_content_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        read_content("at", text, SIZES)


def test_contents_have_a_limit() -> None:
    def nested(conditions: int) -> str:
        return "(" * conditions + "0" + " if tau = 1 else 0)" * conditions

    assert len(nested(51)) < 1024 < len(nested(52))
    read_content("at", nested(51), SIZES)
    with pytest.raises(TooLarge, match="reads contents of 1024"):
        read_content("at", nested(52), SIZES)


SENSE = [
    ("RUN", "enc(c_2)", R), ("EPOS", "(enc(q') if has_entry = 1 else 0)", 4), ("OUTPUT", "enc(x_1)", R),
    ("BIT", "enc(y_1)[beta]", 1), ("POS", "(enc(w_1)[1] if written_1 = 1 else 0)", 1), ("RUN", "enc_move(m_2)", 2),
    ("RUN", "(0 if tau <= 2 else 1)", 1), ("POS", "(0 if written_1 = 0 else (1 if g_1 = 0 else 0))", 1),
]  # fmt: skip
NO_SENSE = [
    ("POS", "enc(c_2)", R), ("RUN", "enc(c_3)", R), ("EPOS", "enc(q')", 4), ("OUTPUT", "enc(x_2)", R),
    ("EPOS", "(0 if has_entry = 1 else enc(q'))", 4), ("RUN", "enc(y_1)[beta]", 1), ("BIT", "enc(y_1)[beta]", 2),
    ("POS", "enc(w_1)", R), ("POS", "(0 if written_1 = 1 else enc(w_1))", R), ("RUN", "enc_move(m_2)", 3),
    ("POS", "(enc(g_2) if written_1 = 1 else 0)", R), ("RUN", "enc(i)", R - 1), ("BIT", "(0 if tau <= 2 else 1)", 1),
    ("POS", "(0 if w_1[0] = 1 else 1)", 1), ("POS", "(0 if halted = 1 else 1)", 1), ("INP", "enc(o)", R),
    ("RUN", "(0 if written_3 = 1 else 1)", 1), ("POS", "(0 if has_entry = 1 else 1)", 1), ("INPUT", "enc(i)[0]", 2),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "text", "width"), SENSE)
def test_contents_that_make_sense(cls: str, text: str, width: int) -> None:
    require_sense("at", read_content("at", text, SIZES), cls, width, SIZES)


@pytest.mark.parametrize(("cls", "text", "width"), NO_SENSE)
def test_contents_with_ghosts_that_are_not_there(cls: str, text: str, width: int) -> None:
    with pytest.raises(Rejected):
        require_sense("at", read_content("at", text, SIZES), cls, width, SIZES)


def settled(text: str, cls: str, step: int = 0) -> Content:
    return settle(read_content("at", text, SIZES), State(cls, step), (), SIZES)


def test_contents_at_a_state() -> None:
    text = "((1 if tau = 3 else enc(x_1)[0]) if tau <= 3 else 0)"
    assert [settled(text, "RUN", tau) for tau in (2, 3, 4)] == [Bit(Number("x", 1, R), 0), Constant(1), Constant(0)]
    assert settled("enc(y_1)[beta + 1]", "BIT", 4) == Bit(Number("y", 1, R), 5)
    assert settled("enc(x_1)", "EINP") == settled("enc(x_1)", "OUTP") == Code(ZERO, 0)
    assert settled("enc(x_1)", "OUTPUT") == Code(Number("i - o", R, R), 0)
    assert settled("(1 if written_1 = 1 else 0)", "BIT") == Constant(0)
    assert settled("(1 if written_2 = 1 else 0)", "OUTPUT") == Constant(0)
    assert settled("(1 if has_entry = 1 else 0)", "EPOS") == Constant(1)
    assert settled("((1 if written_1 = 1 else 0) if written_1 = 1 else 0)", "POS") == Choice(
        Flag("written_1"), Constant(1), Constant(0)
    )


def test_tokens_before_and_tokens_seen() -> None:
    assert before(State("EPOS", 0), R, SIZES) == {State("BIT", 0)}
    assert before(State("EPOS", 0), R + 2, SIZES) == {State("RUN", R)}
    assert before(State("RUN", 1), 1, SIZES) == {State("EINP", 0), State("EPOS", 0)}
    assert before(State("INP", 0), 5, SIZES) == {State("INP", 0)}
    assert before(State("EINP", 0), 2, SIZES) == {State("INP", 0), State("INPUT", 0)}
    assert seen_by("INP", SIZES) == ("INP",)
    assert seen_by("INPUT", SIZES) == ("INP", "INPUT")
    assert set(seen_by("POS", SIZES)) == set(classes(SIZES)) - {"OUTP", "OUTPUT", "EOUTP"}
    assert seen_by("EOUTP", SIZES) == classes(SIZES)


HERE = View(Variables())


def atom(name: str) -> Formula:
    return HERE.flag(Flag(name))


def sign(name: str) -> Cases:
    return {-1: ~atom(name), 1: atom(name)}


def test_only_what_follows_is_proved() -> None:
    a, b, judge = atom("a"), atom("b"), Judge(UNLIMITED)
    judge.require("at", [a, b], [a, a | b, TRUE], "is wrong")
    assert judge.proved == 3
    for assumed, claims in (([], [a]), ([a | b], [TRUE, a]), ([a], [a, b]), ([], [FALSE])):
        with pytest.raises(Rejected, match="at: is wrong"):
            judge.require("at", assumed, claims, "is wrong")


@pytest.mark.parametrize("claim", [TRUE, FALSE, atom("a")])
def test_nothing_is_proved_from_what_is_impossible(claim: Formula) -> None:
    a, b = atom("a"), atom("b")
    with pytest.raises(Rejected, match="impossible, so that nothing would be proved"):
        Judge(UNLIMITED).require("at", [a | b, ~a, ~b], [claim], "is wrong")


@pytest.mark.parametrize(("left", "right"), [(5, 3), (3, 5), (7, 7), (0, 1), (4, 0)])
def test_subtraction(left: int, right: int) -> None:
    def constant(value: int) -> list[Formula]:
        return [TRUE if value >> place & 1 else FALSE for place in range(3)]

    difference, negative = subtract(constant(left), constant(right))
    assert [bit == TRUE for bit in difference] == [bool((left - right) % 8 >> place & 1) for place in range(3)]
    assert (negative == TRUE) == (left < right)
    assert (at_most(constant(left), constant(right)) == TRUE) == (left <= right)


FEW = 2
SMALL = Sizes(FEW, 1, 1, 1)
POSITION, BACK, LOW, OUTP, X, C, M = (
    number(kind, index, SMALL)
    for kind, index in (("i", 0), ("back", 2), ("i - o", 1), ("o", 0), ("x", 1), ("c", 1), ("m", 1))
)


def allowed(fact: Fact, *values: tuple[Number, int]) -> bool:
    """Whether a fact admits these values."""
    told = [HERE.is_number(what, value) for what, value in values]
    return conjunction([*assumptions([fact], library("increment"), SMALL, HERE), *told]) != FALSE


def test_facts_are_exactly_what_they_say() -> None:
    for i in range(4):
        for other in range(4):
            assert allowed(Lowered(POSITION, BACK, 2), (POSITION, i), (BACK, other)) == (other == max(i - 2, 0))
            for o in range(i + 1):
                fits = allowed(Cleared(POSITION, LOW, OUTP, 0, 1), (POSITION, i), (LOW, other), (OUTP, o))
                assert fits == (other == i - o % 2)
            for code, expected in ((0, max(other - 1, 0)), (1, other), (3, other + 1)):
                assert allowed(Moved(X, C, M), (X, i), (C, other), (M, code)) == (i == expected)


RUNS = [("increment", "101"), ("binary-addition", "1+11"), ("palindrome", "0110"), ("unary-to-binary", "111")]


@pytest.mark.parametrize(("name", "word"), RUNS)
def test_facts_are_true_on_runs(name: str, word: str) -> None:
    """Facts that were too strong would make everything provable."""
    machine = library(name)
    sizes = sizes_of(machine)
    for token in ghosts(machine, word, R):
        contents = list(everything(token, sizes))
        state = State(token.cls, token.values.get("tau", token.values.get("beta", 0)))
        found = facts(state.cls, contents, sizes)
        assert any(isinstance(fact, Moved) for fact in found) == (token.cls == "RUN")
        assert conjunction([*assumptions(found, machine, sizes, HERE), *told(contents, token)]) != FALSE


def everything(token: Ghosts, sizes: Sizes) -> list[Content]:
    """Contents that speak of all ghosts of a token."""
    back = [Code(number("back", d, sizes), 0) for d in (1, 2, 5)]
    if "o" in token.values:
        back += [Code(number("i - o", place, sizes), 0) for place in (1, 4, R)]
    named: list[Content] = [Choice(Flag(name), Constant(1), Constant(0)) for name in ("halted", "has_entry")]
    numbers = [name.partition("_") for name in token.values if name.partition("_")[0] not in FLAGS]
    return [*back, *named, *(Code(number(kind, int(tape or 0), sizes), 0) for kind, _, tape in numbers)]


FLAGS = ("tau", "beta", "halted", "written", "has")


def told(contents: list[Content], token: Ghosts) -> list[Formula]:
    """The values of all ghosts in these contents, as formulas."""
    formulas = list[Formula]()
    for content in contents:
        if isinstance(content, Code):
            formulas.append(HERE.is_number(content.number, token.number(content.number)))
    for name, value in token.values.items():
        if name.partition("_")[0] in FLAGS[2:]:
            formulas.append(HERE.truth(Flag(name), bool(value)))
    return formulas


def test_bounds_hold_what_contents_say() -> None:
    for content, width in ((content, 12) for text, content in CONTENTS.items() if "[1]" not in text):
        low, high = bounds(content, width)
        cases = coordinates(content, width, HERE)
        assert [min(case) for case in cases] == low.tolist()
        assert [max(case) for case in cases] == high.tolist()


def test_neurons() -> None:
    a, b = sign("a"), {0: ~atom("b"), 1: atom("b")}
    assert activation("at", Neuron(-1, [(a, 1), (b, -1)], [])) == {0: TRUE}
    one = ~atom("a") & ~atom("b")
    assert activation("at", Neuron(0, [(a, -1), (b, -1)], [])) == {1: one, 0: ~one}
    assert set(activation("at", Neuron(0, [(a, 1), (b, 1)], []))) == {0, 1, 2}
    assert activation("at", Neuron(2, [], [])) == {2: TRUE}
    assert set(activation("at", Neuron(1000, [(a, 1)], []))) == {999, 1001}
    with pytest.raises(TooLarge, match="may reach 1025"):
        activation("at", Neuron(1024, [(a, 1)], []))


def test_sums_with_too_many_values_are_not_judged() -> None:
    neurons = [Neuron(0, [(sign(f"a{k}"), 1)], [(0, 2**k)]) for k in range(40)]
    with pytest.raises(TooLarge, match="more than 1024 values"):
        list(remain("at", [{0: TRUE}], neurons, [{0: TRUE}], UNLIMITED))


@pytest.mark.parametrize("seed", range(30))
def test_what_neurons_add(seed: int) -> None:
    """Random neurons on three bits and a trit, against arithmetic: the claim holds just where the sum is right."""
    random = Random(seed)
    minus, plus = atom("m"), atom("p")
    trit = {-1: minus & ~plus, 0: ~minus & ~plus, 1: plus}
    inputs = [sign("a"), sign("b"), sign("c"), trit]
    neurons = [
        Neuron(
            random.randint(-4, 1),
            [(cases, random.choice((-1, 1, 2))) for cases in inputs if random.random() < 0.7],
            [(0, random.choice((-2, -1, 1, 2)))],
        )
        for _ in range(4)
    ]
    for values in product_of((-1, 1), (-1, 1), (-1, 1), (-1, 0, 1)):
        given = conjunction(cases[value] for cases, value in zip(inputs, values, strict=True))
        result = values[0]
        for neuron in neurons:
            read = sum(
                weight * next(value for value, formula in cases.items() if formula & given != FALSE)
                for cases, weight in neuron.inputs
            )
            result += max(neuron.bias + read, 0) * neuron.outputs[0][1]
        for wrong in (0, 1):
            (holds,) = remain("at", [sign("a")], neurons, [{result + wrong: TRUE}], UNLIMITED)
            assert (given & ~holds != FALSE) == bool(wrong)


@pytest.mark.parametrize("seed", range(20))
def test_scores(seed: int) -> None:
    """Sums of random products against arithmetic, at every value that they may have and at others."""
    random = Random(seed)
    names = "abcd"
    factors = [random.choice((-2, -1, 1, 3)) for _ in names]
    score = Score(tuple({-f: ~atom(name), f: atom(name)} for name, f in zip(names, factors, strict=True)))
    assert score.top == sum(map(abs, factors))
    for signs in product_of((-1, 1), repeat=len(names)):
        given = conjunction(sign(name)[s] for name, s in zip(names, signs, strict=True))
        total = sum(s * f for s, f in zip(signs, factors, strict=True))
        for value in range(-score.top - 1, score.top + 2):
            assert (given & score.is_exactly(value) != FALSE) == (total == value)
            assert (given & score.is_at_most(value) != FALSE) == (total <= value)


def test_a_score_of_nothing_is_0() -> None:
    assert (Score(()).is_exactly(0), Score(()).is_exactly(-1), Score(()).is_exactly(1)) == (TRUE, FALSE, FALSE)
    assert (Score(()).is_at_most(0), Score(()).is_at_most(-1)) == (TRUE, FALSE)


def test_products_and_equality() -> None:
    a = sign("a")
    assert product(a, a) == {1: TRUE}
    assert product(a, {0: TRUE}) == {0: TRUE}
    assert product(a, {-1: TRUE}) == {1: ~atom("a"), -1: atom("a")}
    assert same(a, {0: TRUE}) == FALSE
    assert same(a, dict(a)) == TRUE


def test_a_token_some_places_before_goes_by_the_numbers_of_i() -> None:
    x, c, i = (number(kind, index, SIZES) for kind, index in (("x", 1), ("c", 1), ("i", 0)))
    view = View(HERE.variables, "j", ((x, c),), 3)
    assert bits(x, view) == bits(c, HERE)
    assert bits(c, view) != bits(c, HERE)
    assert bits(i, view) == bits(number("back", 3, SIZES), HERE)
    assert bits(number("back", 2, SIZES), view) == bits(number("back", 5, SIZES), HERE)


def machine(*rows: str, tapes: int = 1) -> Machine:
    header = f'name: m\ntapes: {tapes}\nstates: [a, b, h]\nhalting: h\nalphabet: [_, "1"]\ninput: ["1"]\ntransitions:\n'
    return parse_machine(header + "".join(f'  - "{row}"\n' for row in rows))


BOUNDS = [
    ("once and away", 2, machine("a _ -> h _ R", "a 1 -> a 1 R")),
    ("twice by standing still", 3, machine("a _ -> b 1 S", "a 1 -> b 1 S", "b 1 -> h 1 S")),
    ("there and back", 2, machine("a 1 -> b 1 R", "a _ -> h _ S", "b _ -> h 1 L", "b 1 -> h 1 L")),
    ("to and fro for ever", None, machine("a 1 -> b 1 R", "b _ -> a 1 L", "a _ -> h 1 S")),
    ("cell 0 for ever", None, machine("a 1 -> a 1 L", "a _ -> h _ S")),
    ("the input is no write of tape 2", 1, machine("a _ _ -> h _ _ S S", tapes=2)),
]


@pytest.mark.parametrize(("bound", "example"), [pytest.param(*case[1:], id=case[0]) for case in BOUNDS])
def test_writes_per_cell(bound: int | None, example: Machine) -> None:
    assert writes.writes_per_cell(example, UNLIMITED) == bound


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_no_run_writes_a_cell_more_often(name: str) -> None:
    """Against runs of the library's machines: a bound that is given holds there."""
    example = library(name)
    bound = writes.writes_per_cell(example, UNLIMITED)
    if bound is not None:
        tokens = ghosts(example, example.input[0] * 3, 64)
        cells = [token.values["c_1"] for token in tokens if token.cls == "RUN"]
        cells += [token.values["i"] - 1 for token in tokens if token.cls == "INPUT"]
        assert max(map(cells.count, cells)) <= bound


@pytest.mark.parametrize(
    "text", ["rounded:bf16/bf16", "rounded:fp32/bf16", "rounded:fixed6/fp16", "fused:bf16/fp32/bf16"]
)
@pytest.mark.parametrize("e", [3, 6, 9])
def test_ties_up_to_a_bound_meet_the_condition_one_by_one(text: str, e: int) -> None:
    model, N, M = parse_model("at", text), 40, 24
    found = ties.outcome(model, N, 1, M, e)
    assert all(condition(model, N, 1, (m,), e).holds for m in range(1, found.up_to + 1))


def test_the_first_tie_that_fails_ends_the_range() -> None:
    model = parse_model("at", "rounded:fixed6/fp16")
    found = ties.outcome(model, 40, 1, 24, 7)
    assert 0 < found.up_to < 24
    assert not condition(model, 40, 1, (found.up_to + 1,), 7).holds
    assert found.one is not None
    assert found.one[0] < 1


def test_ties_at_once_when_weights_are_normal() -> None:
    model = parse_model("at", "rounded:fp32/bf16")
    found = ties.outcome(model, 2**64, 1, 2**64, 8)
    assert found.up_to == 2**64
    assert found.one is not None
    assert 0 < 1 - found.one[0] < Fraction(1, 2**23)
    assert ties.outcome(model, 2**64, 1, 2**64, 5).up_to == 0
