"""The axioms of certificates/SPEC.md, section 14: they hold on runs, and each of them can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.content import Ghosts, Number, number_at
from exactformer.verify.annotation.ghosts import TokenClass
from tests.annotation import axioms
from tests.annotation.axioms import AXIOMS, Axiom, Chain, check
from tests.machine_table import CASES, Case

RUN = trace(load_machine("binary-addition"), "10+11")
CHAIN = Chain.of(RUN, least_position_bits(Paradigm.COT, [RUN]))
ARITHMETIC = "14.5 max(max(i - d, 0) - e, 0) = max(i - d - e, 0)"


@pytest.mark.parametrize("case", [case for case in CASES if len(case.word) <= 6], ids=str)
def test_axioms_hold_on_runs_of_the_library(case: Case) -> None:
    run = trace(case.machine, case.word)
    assert check(Chain.of(run, least_position_bits(Paradigm.COT, [run]))).broken == []


def test_every_axiom_is_checked() -> None:
    counts = check(CHAIN).counts
    assert {axiom.name for axiom in AXIOMS} == set(counts)
    assert min(counts.values()) >= 1


def changed(chain: Chain) -> Iterator[Chain]:
    """Chains with one thing about one token that is not so: a ghost, its class, what it is."""
    for i, (kind, ghosts) in enumerate(zip(chain.classes, chain.ghosts, strict=True)):
        for name, value in ghosts.items():
            for other in (value + 1, value - 1, 1 << chain.r):
                yield replace(chain, ghosts=put(chain.ghosts, i, ghosts | {name: other}))
        other_kind = TokenClass.OUTP if kind is not TokenClass.OUTP else TokenClass.OUTPUT
        yield replace(chain, classes=put(chain.classes, i, other_kind))
        token = chain.tokens[i]
        yield replace(chain, tokens=put(chain.tokens, i, Token(token.family, tuple(1 - v for v in token.values))))


def put(items: tuple[Any, ...], place: int, item: object) -> tuple[Any, ...]:
    return (*items[:place], item, *items[place + 1 :])


@pytest.mark.parametrize("axiom", [one for one in AXIOMS if one.name != ARITHMETIC], ids=lambda one: one.name)
def test_every_axiom_can_fail(axiom: Axiom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axioms, "AXIOMS", [axiom])
    assert any(check(other).broken for other in changed(CHAIN))


def test_wrong_arithmetic_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The axioms on numbers are about `number_at`, whatever the ghosts are."""

    def off_by_one(number: Number, ghosts: Ghosts) -> int:
        return number_at(number, ghosts) + 1

    monkeypatch.setattr(axioms, "number_at", off_by_one)
    assert ARITHMETIC in {one.axiom for one in check(CHAIN).broken}
