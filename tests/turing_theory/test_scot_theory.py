"""The summarized chain of thought as a theory: true on segments, line by line."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.scot_sequences import scot_sequences
from exactformer.constructions.turing.theory import COT, SCOT, scot_theory
from exactformer.constructions.turing.tokens import scot_segments
from exactformer.trial import output_of, try_on
from tests.turing_theory.breaking import never_broken

RUNS = [("increment", "1011", 6), ("bit-sort", "10110", 8), ("copy", "011", 6), ("binary-addition", "1+11", 8)]


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_all_that_it_says_is_true_of_runs(name: str, word: str, r: int) -> None:
    machine = load_machine(name)
    theory, segments = scot_theory(machine, r), list(scot_sequences(machine, word, r))
    assert len(segments) > 1
    for tokens in segments:
        assert len(tokens) < 2**r
        assert list(try_on(theory, r, tokens)) == []


@pytest.mark.parametrize(("name", "word", "r"), RUNS)
def test_the_token_that_has_to_come_next_is_that_of_the_run(name: str, word: str, r: int) -> None:
    machine = load_machine(name)
    theory, vocabulary = scot_theory(machine, r), construct(Paradigm.SCOT, machine, r).vocabulary
    written = scot_segments(machine, trace(machine, word), r)
    for segment, tokens in zip(written, scot_sequences(machine, word, r), strict=True):
        outputs = output_of(theory, r, tokens)
        for named, token in zip(outputs, segment.tokens[1:], strict=False):
            if named is not None:
                fields = [field.name for field in vocabulary.family(token).fields]
                values = tuple(named[1][name] for name in fields)
                assert (named[0], values) == (token.family, vocabulary.values_of(token))
        generated = range(segment.prompt - 1, len(segment) - 1)
        assert [at for at, named in enumerate(outputs) if named is not None] == list(generated)


def test_every_line_can_be_broken() -> None:
    cases = [("rewrite", "1", 0), ("rewrite", "1111", 0), ("copy", "", 0), ("copy", "0", 1)]
    machines = [(load_machine(name), word, which) for name, word, which in cases]
    segments = [next(islice(scot_sequences(machine, word, 4), which, None)) for machine, word, which in machines]
    theories = [scot_theory(machine, 4) for machine, _, _ in machines]
    assert never_broken(4, [(one, tokens[:16]) for one, tokens in zip(theories, segments, strict=True)]) == []


NEW_CLASSES = ("oldsumm", "oldcell", "oldstate", "esumm", "newsumm", "newcell", "newstate")
ONLY_THERE = (" and cap = 0", " or cap != 0", ", ESUMM")


def test_of_the_classes_of_the_plain_chain_of_thought_it_says_the_same() -> None:
    """Every line of `cot.theory` but its first ones is there, with more classes, and with what is said of the cap."""
    plain, summarized = COT.split("theory turing-cot")[1].split("\n")[3:], SCOT
    for name in NEW_CLASSES:
        summarized = re.sub(rf" {name}\b", "", summarized)
    for part in ONLY_THERE:
        summarized = summarized.replace(part, "")
    left = [line for line in plain if line not in summarized.split("\n")]
    assert [line for line in left if not line.startswith("# Writes: ")] == []
