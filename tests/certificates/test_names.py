"""Names of files: safe everywhere, bounded, and different for whatever is different in what is claimed."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from fractions import Fraction
from itertools import chain, product
from typing import Any

import pytest

from exactformer.certificates import names
from exactformer.certificates.names import (
    DEVICES,
    LONGEST,
    Part,
    machine_part,
    name_of,
    of_all_inputs,
    of_content,
    of_runs,
)
from exactformer.constructions.contextual.functions import LIBRARY as FUNCTIONS
from exactformer.constructions.contextual.functions import Target
from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import ArithmeticModel, parse_arithmetic
from exactformer.verify.contextual.approximation import plan

pytestmark = pytest.mark.usefixtures("walked_once")

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")
INCREMENT = HANDWRITTEN["increment"].machine
LONG_TEXTS = (
    "_".join(["1RZ0LB2RC3LD4RE5LF6RG7LH8RI9LJ", *["1RA0LB2RC3LD4RE5LF6RG7LH8RI9LJ"] * 9]),
    "_".join(["1RB0LB2RC", "---0LB2RC", *["1RA0LB2RC"] * 24]),
)
"""Ten states and ten symbols, 26 states and three: 309 and 259 characters.  Both halt at once on the empty tape."""
WORDS_OF_NASTY_NAMES = """
.. . - -- -rf _ CON con Con nul aux.txt COM1 LPT9 a/b a\u2215b * a*b a:b a?b a|b <a> ' ~ $HOME `id` %41 x.y+z-1 x.y.z-1
x_y_z-1 A a ä Ä a\u0308 машина машин 機械 \U0001f600 Increment INCREMENT increment.all-inputs runs unnamed
folded-1RB1LB_1LA1RZ folded-1rb1lb_1la1rz
"""
NASTY = (*WORDS_OF_NASTY_NAMES.split(), *("a" * length for length in (47, 48, 49, 50)), "é" * 400)
"""Each is the name of a machine that has the rows of `increment`."""
ARITHMETICS = """
exact exact@bf16 fused:bf16 fused:fp16 fused:bf16/fp32/fp16 fused:bf16@bf16 fused:bf16@fp16 rounded:bf16
rounded:bf16/fp16 rounded:bf16/fp32/bf16 rounded:fixed12/bf16 fused:fixed12/fp32/bf16
fused:fixed12.3/fp32/bf16 rounded:float(4,-9,3) rounded:float(4,-93,3) rounded:float(49,-3,3)
fused:bf16+head64 fused:bf16+head64+online512+wide fused:bf16+head256+exp20-one+online512+wide
fused:bf16+head256+exp20-one+online512+wide+reciprocal
rounded:bf16/fp32/bf16@bf16+once+exp2-one fused:bf16+linearfp16 fused:bf16+linearfixed12
"""
FUSED = parse_arithmetic("fused:bf16")
MODELS = tuple(map(parse_arithmetic, ARITHMETICS.split()))
MACHINES = (
    *(entry.machine for entry in HANDWRITTEN.values()),
    *(replace(INCREMENT, name=name) for name in NASTY),
    load_machine("1RB1LB_1LA1RZ"),
    *map(load_machine, LONG_TEXTS),
    load_machine(LONG_TEXTS[0][:-3] + "9LA"),
)


WORDS = (("",), ("1",), ("1", ""), ("", "1"), ("11",), ("_",), ("1" * 300,))
ASSUMED = (
    (None, None, False),
    (50, None, False),
    (None, 50, False),
    (5, 1, False),
    (None, None, True),
    (5, 1 << 61, True),
)
"""Space, writes per cell, and whether tokens alone are claimed."""
CONTEXTS = (9, 65536, 65537, 1 << 64, 12345678901234567890)
BETAS = (None, 1, 128, 1 << 130)


def names_of_requests() -> dict[tuple[object, ...], str]:
    """Two grids of requests, each with its name: few requests of all machines, and many of some."""
    few = [
        (machine, paradigm, 9, FUSED, None, rest)
        for machine, paradigm in product(MACHINES, Paradigm)
        for rest in (("1",), (None, None, False))
    ]
    machines = (INCREMENT, replace(INCREMENT, name="機械"))
    contexts = product(machines, Paradigm, CONTEXTS, [FUSED], BETAS, (*WORDS, *ASSUMED))
    arithmetics = product(machines, Paradigm, (9,), MODELS, (None, 128), (*WORDS, *ASSUMED))
    return {request: name_for(*request) for request in (*few, *contexts, *arithmetics)}


def name_for(
    machine: TuringMachine, paradigm: Paradigm, context: int, model: ArithmeticModel, beta: int | None, rest: Any
) -> str:
    if rest in ASSUMED:
        space, writes, tokens = rest
        return of_all_inputs(
            machine, paradigm, context, model, space=space, assumed_writes=writes, beta=beta, tokens=tokens
        )
    return of_runs(machine, rest, paradigm, context, model, beta)


@pytest.fixture(scope="module")
def requests() -> dict[tuple[object, ...], str]:
    return names_of_requests()


def test_every_name_is_safe_and_short(requests: dict[tuple[object, ...], str]) -> None:
    assert len(requests) > 3000
    for name in requests.values():
        assert SAFE.fullmatch(name), name
        assert len(name) <= LONGEST
        assert name.split(".")[0].lower() not in DEVICES
    assert LONGEST + len(".certificate.json") <= 150


def test_different_requests_have_different_names_where_case_does_not_count_either(
    requests: dict[tuple[object, ...], str],
) -> None:
    assert len({name.lower() for name in requests.values()}) == len(requests)


def test_names_are_the_same_every_time(requests: dict[tuple[object, ...], str]) -> None:
    request = next(iter(requests))
    machine, *others = request
    assert isinstance(machine, TuringMachine)
    again = TuringMachine(*(getattr(machine, field.name) for field in fields(machine)))
    assert name_for(again, *others) == requests[request]  # type: ignore[arg-type]


READABLE = {
    "binary-addition.all-inputs.cot.2pow16.fused-bf16": of_all_inputs(
        HANDWRITTEN["binary-addition"].machine, Paradigm.COT, 65536, FUSED,
        space=None, assumed_writes=None, beta=None, tokens=False,
    ),
    "rewrite.all-inputs.cot.200.rounded-bf16.writes60.beta128.tokens": of_all_inputs(
        HANDWRITTEN["rewrite"].machine, Paradigm.COT, 200, parse_arithmetic("rounded:bf16/bf16"),
        space=None, assumed_writes=60, beta=128, tokens=True,
    ),
    "folded-1RB1LC_1RC1RB_1RD0LE_1LA1LD_1RZ0LA.all-inputs.scot.61249.fused-bf16.space12244": of_all_inputs(
        load_machine("1RB1LC_1RC1RB_1RD0LE_1LA1LD_1RZ0LA"), Paradigm.SCOT, 61249, FUSED,
        space=12244, assumed_writes=None, beta=None, tokens=False,
    ),
    "increment.2-inputs.cot.16.rounded-bf16-fp16.HASH": of_runs(
        INCREMENT, ("1", "11"), Paradigm.COT, 16, parse_arithmetic("rounded:bf16/fp16"), None
    ),
}  # fmt: skip


@pytest.mark.parametrize("expected", READABLE)
def test_a_name_says_what_the_claim_is_about(expected: str) -> None:
    assert re.fullmatch(expected.replace(".", r"\.").replace("HASH", "[0-9a-f]{12}"), READABLE[expected])


def test_only_what_a_name_does_not_tell_gives_it_a_hash() -> None:
    exact = [machine.name for machine in MACHINES if machine_part(machine).exact]
    assert sorted(exact) == sorted([*HANDWRITTEN, *(machine.name for machine in MACHINES[-4:])])


def test_a_machine_is_told_by_its_rows_too() -> None:
    """A machine with the name of another one, from the library or a folding, is another machine."""
    for known in (INCREMENT, load_machine("1RB1LB_1LA1RZ")):
        fewer = replace(known, transitions=dict(list(known.transitions.items())[1:]))
        made = [
            [name_for(machine, Paradigm.COT, 16, FUSED, None, rest) for rest in (("1",), ASSUMED[0])]
            for machine in (known, fewer)
        ]
        assert len(set(chain(*made))) == 4


def test_parts_that_are_cut_or_changed_are_told_apart_by_a_hash() -> None:
    """Any two lists of parts that differ have different names."""
    texts = ("a", "A", "a.b", "a_b", "a+b", "", "-", "con", "é", "x" * 60, "x" * 61, "B", "b")
    parts = [[Part(text, text, text.islower()) for text in pair] for pair in product(texts, texts)]
    made = [name_of(pair) for pair in parts] + [name_of([one]) for one, *_ in parts[:: len(texts)]]
    assert len({name.lower() for name in made}) == len(parts) + len(texts)


def test_many_long_parts_are_cut_together() -> None:
    made = [name_of([*[Part("x" * 40, "x" * 40)] * 4, Part(f"{n}", f"{n}")]) for n in range(2)]
    assert made[0] != made[1]
    assert [len(name) for name in made] == [LONGEST, LONGEST]


def test_approximations_are_told_apart() -> None:
    quarter, third = Fraction(1, 4), Fraction(1, 3)
    sort = FUNCTIONS["sort"]

    def stated(source: str) -> Target:
        return replace(FUNCTIONS["polynomial"], name="Mine", from_library=False, source=source, bound=None)

    found = [
        plan(sort, 2, 1, quarter, 2, False, None),
        plan(sort, 2, 1, quarter, 1, False, None),
        plan(sort, 2, 1, third, 2, False, None),
        plan(sort, 2, 1, quarter, 2, False, Fraction(1, 8)),
        plan(FUNCTIONS["polynomial"], 2, 1, Fraction(1), 1, False, None),
        plan(FUNCTIONS["polynomial"], 2, 1, Fraction(1), 1, True, None),
        plan(stated("1"), 2, 1, Fraction(1), 1, False, None),
        plan(stated("2"), 2, 1, Fraction(1), 1, False, None),
    ]
    made = [names.of_approximation(one) for one in found]
    assert made[0] == "sort.approximation.n2.d1.epsilon1over4.p2.delta1over4.positional"
    assert len(set(made)) == len(made)
    assert all(SAFE.fullmatch(name) for name in made)


def test_exports_are_told_apart() -> None:
    first = {"certificate": "0" * 64, "beta": 128, "head_width": 16}
    others = ({"certificate": "1" * 64}, {"beta": 64}, {"head_width": 64})
    made = [names.of_export("../é", "cot", 9, "bf16", **(first | other)) for other in ({}, *others)]  # type: ignore[arg-type]
    assert len(set(made)) == 4
    assert all(SAFE.fullmatch(name) for name in made)


@pytest.mark.parametrize("name", [*NASTY, *LONG_TEXTS])
def test_weights_are_named_by_their_content(name: str) -> None:
    made = [of_content(name, data, "weights") for data in (b"1", b"2")]
    assert made[0] != made[1]
    for each in made:
        assert SAFE.fullmatch(each)
        assert len(each) <= 150
