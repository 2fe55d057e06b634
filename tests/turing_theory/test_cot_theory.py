"""The chain of thought as a theory: true on runs, line by line."""

from __future__ import annotations

from itertools import islice

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.theory import cot_theory
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.trial import output_of, try_on
from tests.turing_theory.breaking import never_broken

RUNS = [("increment", "1011", 8), ("increment", "0", 6), ("copy", "0110", 8), ("binary-addition", "1+11", 8)]


def true_run(name: str, word: str, r: int) -> tuple[Theory, list[TrueToken]]:
    machine = load_machine(name)
    return cot_theory(machine, r), list(cot_sequence(machine, word, r))


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_all_that_it_says_is_true_of_runs(name: str, word: str, r: int) -> None:
    theory, tokens = true_run(name, word, r)
    assert len(tokens) < 2**r
    assert {token.cls for token in tokens} >= {"run", "block", "bit", "epos"} or r == 6
    assert list(try_on(theory, r, tokens)) == []


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_the_token_that_has_to_come_next_is_that_of_the_run(name: str, word: str, r: int) -> None:
    theory, found = true_run(name, word, r)
    machine = load_machine(name)
    sequence = cot_tokens(machine, trace(machine, word), r)
    vocabulary, outputs = construct_cot(machine, r).vocabulary, output_of(theory, r, found)
    for named, token in zip(outputs[:-1], sequence.tokens[1:], strict=True):
        if named is not None:
            family, values = named
            fields = [field.name for field in vocabulary.family(token).fields]
            assert (family, tuple(values[name] for name in fields)) == (token.family, vocabulary.values_of(token))
    assert [named is not None for named in outputs] == [
        sequence.prompt - 1 <= at < len(found) - 1 for at in range(len(found))
    ]


def test_every_line_can_be_broken() -> None:
    cases = [("rewrite", "1"), ("rewrite", "1111"), ("copy", "")]
    machines = [(load_machine(name), word) for name, word in cases]
    assert never_broken(4, [(cot_theory(one, 4), [*islice(cot_sequence(one, w, 4), 16)]) for one, w in machines]) == []
