"""What depends on the machine itself: transition neurons, embeddings, unembeddings (spec 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator

from constructions.machines.machine import Move, TuringMachine
from constructions.transformer.gadgets import Neuron
from constructions.transformer.registers import Span
from constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary
from constructions.turing.encoding import MOVE_BITS, at, signed_binary
from constructions.turing.registers import CotRegisters

MOVES = (Move.LEFT, Move.STAY, Move.RIGHT)
"""The order of move values in run tokens."""


def transition_neurons(machine: TuringMachine, x: CotRegisters) -> Iterator[Neuron]:
    """One neuron per entry of delta: it fires, with 1, on its own state and symbols only.

    The pre-activation is (bits that agree - bits that differ) - (number of bits) + 1, so at most -1 for another
    entry, and at most 1 - d_Q <= 0 where ``state`` is 0.
    """
    state_bits = [signed_binary(i, x.state.width) for i in range(len(machine.states))]
    symbol_bits = [signed_binary(i, x.sym[0].width) for i in range(len(machine.alphabet))]
    state_of = {state: at_index for at_index, state in enumerate(machine.states)}
    symbol_of = {symbol: at_index for at_index, symbol in enumerate(machine.alphabet)}
    for (state, read), action in machine.transitions.items():
        inputs = [*at(x.state, state_bits[state_of[state]])]
        outputs = [*at(x.newstate, state_bits[state_of[action.state]])]
        for k in range(machine.tapes):
            inputs += at(x.read[k], symbol_bits[symbol_of[read[k]]])
            outputs += at(x.newsym[k], symbol_bits[symbol_of[action.written[k]]])
            outputs += at(x.newmove[k], MOVE_BITS[action.moves[k]])
        yield Neuron(tuple(inputs), 1 - len(inputs), tuple(outputs))


def cot_vocabulary(machine: TuringMachine, x: CotRegisters) -> Vocabulary:
    """INP EINP OUTP EOUTP POS EPOS, Sigma, Q x Gamma^K x {L,S,R}^K, {-1,+1}^K (spec 2.1)."""
    everywhere: Vector = at(x.const, (1,)) + at(x.not_inp, (1,))
    zero = signed_binary(0, x.pos.width)
    initial_state = at(x.state, signed_binary(0, x.state.width))
    heads_at_zero = tuple(entry for register in x.hpos for entry in at(register, zero))

    def flag(span: Span) -> Vector:
        return at(span, (1,))

    sigma_indices = [machine.alphabet.index(symbol) for symbol in machine.input_alphabet]
    sigma = Field(
        "symbol",
        machine.input_alphabet,
        tuple(at(x.sym[0], signed_binary(i, x.sym[0].width)) for i in sigma_indices),
        tuple(at(x.outsym, signed_binary(i, x.outsym.width)) for i in sigma_indices),
    )
    bits = tuple(
        Field(
            f"bit_{k + 1}",
            ("-1", "+1"),
            (at(x.bit[k], (-1,)), at(x.bit[k], (+1,))),
            (at(x.nextbit[k], (-1,)), at(x.nextbit[k], (+1,))),
        )
        for k in range(machine.tapes)
    )
    return Vocabulary(
        (
            Family("INP", flag(x.is_inp) + flag(x.const)),
            Family("EINP", flag(x.is_einp) + everywhere + initial_state + heads_at_zero),
            Family("OUTP", flag(x.is_outp) + everywhere + at(x.hpos[0], zero), flag(x.halted)),
            Family("EOUTP", flag(x.is_eoutp) + everywhere, flag(x.write_eoutp)),
            Family("POS", flag(x.is_pos) + everywhere, flag(x.write_pos)),
            Family("EPOS", flag(x.is_epos) + everywhere, flag(x.write_epos)),
            Family("SIGMA", flag(x.is_sigma) + everywhere, (), (sigma,)),
            Family("RUN", flag(x.is_run) + everywhere, (), run_fields(machine, x)),
            Family("BIT", flag(x.is_bit) + everywhere, (), bits),
        )
    )


def run_fields(machine: TuringMachine, x: CotRegisters) -> tuple[Field, ...]:
    """The fields of a run token: state, written_1..K, moved_1..K."""
    halting = machine.states.index(machine.halting)
    states = range(len(machine.states))
    state = Field(
        "state",
        machine.states,
        tuple(
            at(x.state, signed_binary(i, x.state.width)) + (at(x.halted, (1,)) if i == halting else ()) for i in states
        ),
        tuple(at(x.newstate, signed_binary(i, x.newstate.width)) for i in states),
    )
    symbols = range(len(machine.alphabet))
    written = tuple(
        Field(
            f"written_{k + 1}",
            machine.alphabet,
            tuple(at(x.sym[k], signed_binary(i, x.sym[k].width)) for i in symbols),
            tuple(at(x.newsym[k], signed_binary(i, x.newsym[k].width)) for i in symbols),
        )
        for k in range(machine.tapes)
    )
    moved = tuple(
        Field(
            f"moved_{k + 1}",
            tuple(move.value for move in MOVES),
            tuple(at(x.move[k], MOVE_BITS[move]) for move in MOVES),
            tuple(at(x.newmove[k], MOVE_BITS[move]) for move in MOVES),
        )
        for k in range(machine.tapes)
    )
    return (state, *written, *moved)
