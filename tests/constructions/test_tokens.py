"""The token sequence of a run."""

from __future__ import annotations

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.tokens import TokenSequence, cot_length, cot_tokens
from tests.machine_table import CASES, Case


def sequence(name: str, word: str, position_bits: int) -> TokenSequence:
    machine = load_machine(name)
    return cot_tokens(machine, trace(machine, word), position_bits)


def text(name: str, word: str, position_bits: int) -> list[str]:
    describe = construct_cot(load_machine(name), position_bits).vocabulary.describe
    return [describe(token) for token in sequence(name, word, position_bits).tokens]


def test_a_sequence_written_by_hand() -> None:
    # rewrite on 11: both ones are passed, head 2 stays; after step 2 the heads are on cells 2 and 0.
    assert text("rewrite", "11", 2) == [
        "INP", "SIGMA(1)", "SIGMA(1)", "EINP",
        "RUN(sweep 1 1 R S)", "RUN(sweep 1 _ R S)",
        "POS", "BIT(-1 -1)", "BIT(+1 -1)", "EPOS",
        "RUN(done _ _ S S)",
        "OUTP", "SIGMA(1)", "SIGMA(1)", "EOUTP",
    ]  # fmt: skip
    assert sequence("rewrite", "11", 2).prompt == 4


def test_no_block_when_the_machine_halts_at_its_boundary() -> None:
    # four steps with r = 2: a block after steps 1, 2 and none after 3, 4
    families = [token.family for token in sequence("rewrite", "111", 2).tokens]
    assert " ".join(families) == (
        "INP SIGMA SIGMA SIGMA EINP RUN RUN POS BIT BIT EPOS RUN RUN OUTP SIGMA SIGMA SIGMA SIGMA EOUTP"
    )


@pytest.mark.parametrize("position_bits", [2, 4, 6, 8])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_blocks_stand_behind_every_r_run_tokens_and_say_where_the_heads_are(case: Case, position_bits: int) -> None:
    machine, r = case.machine, position_bits
    run = trace(machine, case.word)
    whole = cot_tokens(machine, run, r)
    letters = {symbol: number for number, symbol in enumerate(machine.input_alphabet)}
    tokens = iter(whole.tokens)

    def expect(family: str, *values: int) -> None:
        token = next(tokens)
        assert (token.family, token.values) == (family, values)

    expect("INP")
    for symbol in case.word:
        expect("SIGMA", letters[symbol])
    expect("EINP")
    assert whole.prompt == len(case.word) + 2
    for step in range(1, run.steps + 1):
        action, heads = run.actions[step - 1], run.heads[step - 1]
        expect(
            "RUN",
            machine.states.index(action.state),
            *(machine.alphabet.index(symbol) for symbol in action.written),
            *("LSR".index(move.value) for move in action.moves),
        )
        if step % r == 0 and action.state != machine.halting:
            expect("POS")
            for bit in range(r):
                expect("BIT", *((head // 2**bit) % 2 for head in heads))
            expect("EPOS")
    expect("OUTP")
    for symbol in case.output:
        expect("SIGMA", letters[symbol])
    expect("EOUTP")
    assert next(tokens, None) is None
    assert len(whole) == cot_length(len(case.word), run.steps, len(case.output), r)


def test_lengths_around_the_boundary_of_a_block() -> None:
    # r = 4, input and output of 3: 5 + T + 6 for each full block that is not the last + 5
    assert [cot_length(3, steps, 3, 4) for steps in (1, 3, 4, 5, 8, 9)] == [11, 13, 14, 21, 24, 31]
