"""The vocabulary of a machine: which tokens there are, and what their embeddings put where."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.construct import construct_cot, skeleton
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.machine_tables import MOVES
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.hardmax.batch import embed_token
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.constructions.lemmas import MOVES as MOVE_CODES
from tests.constructions.lemmas import code


@pytest.mark.parametrize("name", LIBRARY)
def test_the_number_of_tokens_is_that_of_the_spec(name: str) -> None:
    machine = load_machine(name)
    K = machine.tapes
    run_tokens = len(machine.states) * len(machine.alphabet) ** K * 3**K
    network = construct_cot(machine, 4)
    assert network.vocabulary.size == 6 + len(machine.input_alphabet) + run_tokens + 2**K
    families = " ".join(family.name for family in network.vocabulary.families)
    assert families == "INP EINP OUTP EOUTP POS EPOS SIGMA RUN BIT"


def plain_embedding(name: str, token: Token) -> dict[str, tuple[int, ...]]:
    """What the construction puts into each register, ``pos`` aside; registers left out are zero."""
    machine = load_machine(name)
    shape = Shape.of(machine, 4)
    K, d_Q, d_G = machine.tapes, shape.state_bits, shape.symbol_bits
    family, values = token.family, token.values
    held: dict[str, tuple[int, ...]] = {f"is_{family.lower()}": (1,), "const": (1,)}
    if family != "INP":
        held["not_inp"] = (1,)
    if family == "EINP":
        held["state"] = code(0, d_Q)
        held |= {f"hpos_{k}": code(0, 4) for k in range(1, K + 1)}
    if family == "OUTP":
        held["hpos_1"] = code(0, 4)
    if family == "SIGMA":
        held["sym_1"] = code(machine.alphabet.index(machine.input_alphabet[values[0]]), d_G)
    if family == "BIT":
        held |= {f"bit_{k + 1}": (-1 if value == 0 else 1,) for k, value in enumerate(values)}
    if family == "RUN":
        held["state"] = code(values[0], d_Q)
        held |= {f"sym_{k + 1}": code(values[1 + k], d_G) for k in range(K)}
        held |= {f"move_{k + 1}": MOVE_CODES[MOVES[values[1 + K + k]]] for k in range(K)}
        if machine.states[values[0]] == machine.halting:
            held["halted"] = (1,)
    return held


@pytest.mark.parametrize("name", ["increment", "rewrite"])
def test_every_token_is_embedded_as_the_spec_says(name: str) -> None:
    network = construct_cot(load_machine(name), 4)
    prepared = PreparedNetwork(network)
    registers = {register.name: register for register in network.registers}
    for family in network.vocabulary.families:
        for values in product(*(range(len(field.values)) for field in family.fields)):
            token = Token(family.name, values)
            expected = np.zeros(network.width, np.int64)
            for register, held in {"pos": code(11, 4), **plain_embedding(name, token)}.items():
                expected[list(registers[register].coordinates)] = held
            assert (embed_token(prepared, token, 11)[:, 0] == expected).all(), token


def test_unembeddings_read_the_registers_of_the_spec() -> None:
    machine = load_machine("rewrite")
    network = construct_cot(machine, 4)
    x = skeleton(Paradigm.COT, Shape.of(machine, 4)).registers
    families = {family.name: family for family in network.vocabulary.families}
    for name, flag in (("OUTP", x.halted), ("POS", x.write_pos), ("EPOS", x.write_epos), ("EOUTP", x.write_eoutp)):
        assert families[name].unembedding == ((flag.offset, 1),)
    for name in ("INP", "EINP", "SIGMA", "RUN", "BIT"):
        assert families[name].unembedding == ()
    read = {
        (name, field.name): {c for vector in field.unembedding for c, _ in vector}
        for name, family in families.items()
        for field in family.fields
    }
    assert read == {
        ("SIGMA", "symbol"): set(x.outsym.coordinates),
        ("RUN", "state"): set(x.newstate.coordinates),
        **{("RUN", f"written_{k + 1}"): set(x.newsym[k].coordinates) for k in range(2)},
        **{("RUN", f"moved_{k + 1}"): set(x.newmove[k].coordinates) for k in range(2)},
        **{("BIT", f"bit_{k + 1}"): set(x.nextbit[k].coordinates) for k in range(2)},
    }


def test_tokens_read_as_a_person_reads_them() -> None:
    vocabulary = construct_cot(load_machine("rewrite"), 4).vocabulary
    tokens = {
        Token("INP"): "INP",
        Token("SIGMA", (0,)): "SIGMA(1)",
        Token("RUN", (1, 0, 1, 0, 2)): "RUN(done _ 1 L R)",
        Token("BIT", (0, 1)): "BIT(-1 +1)",
    }
    assert {token: vocabulary.describe(token) for token in tokens} == tokens
    with pytest.raises(ValueError, match="zip"):
        vocabulary.describe(Token("BIT", (0,)))
