"""What depends on the machine itself: transition neurons, embeddings, unembeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.constructions.transformer.encoding import at, signed_binary
from exactformer.constructions.transformer.network import Integers, Mlp, SparseRows
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector
from exactformer.constructions.turing.encoding import MOVE_BITS
from exactformer.constructions.turing.registers import CotRegisters
from exactformer.constructions.turing.scot import ScotRegisters

MOVES = (Move.LEFT, Move.STAY, Move.RIGHT)
"""The order of move values in run tokens."""


def transition_mlp(machine: TuringMachine, x: CotRegisters) -> Mlp:
    """One neuron per entry of delta: it fires, with 1, on its own state and symbols only.

    The pre-activation is (bits that agree - bits that differ) - (number of bits) + 1, so at most -1 for another
    entry, and at most 1 - d_Q <= 0 where ``state`` is 0.
    """
    entries = machine.transitions
    states = _table([signed_binary(i, x.state.width) for i in range(len(machine.states))])
    symbols = _table([signed_binary(i, x.sym[0].width) for i in range(len(machine.alphabet))])
    moves = _table([MOVE_BITS[move] for move in MOVES])
    state_index = {state: i for i, state in enumerate(machine.states)}
    symbol_index = {symbol: i for i, symbol in enumerate(machine.alphabet)}
    move_index = {move: i for i, move in enumerate(MOVES)}
    count, K = len(entries), machine.tapes
    state = np.fromiter((state_index[q] for q, _ in entries), np.int64, count)
    new_state = np.fromiter((state_index[a.state] for a in entries.values()), np.int64, count)
    read, written, moved = (
        np.array(rows, dtype=np.int64).reshape(count, K)
        for rows in (
            [[symbol_index[s] for s in symbols_read] for _, symbols_read in entries],
            [[symbol_index[s] for s in action.written] for action in entries.values()],
            [[move_index[m] for m in action.moves] for action in entries.values()],
        )
    )
    inputs = [(x.state, states[state])] + [(x.read[k], symbols[read[:, k]]) for k in range(K)]
    outputs = [(x.newstate, states[new_state])]
    for k in range(K):
        outputs += [(x.newsym[k], symbols[written[:, k]]), (x.newmove[k], moves[moved[:, k]])]
    bits = sum(register.width for register, _ in inputs)
    return Mlp(_rows(inputs), np.full(count, 1 - bits, np.int32), _rows(outputs))


def _table(codes: Sequence[tuple[int, ...]]) -> Integers:
    return np.array(codes, dtype=np.int32)


def _rows(parts: Sequence[tuple[Span, Integers]]) -> SparseRows:
    """Rows that all have the same coordinates: per register, its values [rows, width]."""
    weights = np.concatenate([values for _, values in parts], axis=1)
    coordinates = np.array([c for register, _ in parts for c in register.coordinates], dtype=np.int32)
    count, width = weights.shape
    return SparseRows(
        np.arange(0, count * width + 1, width, dtype=np.int32),
        np.tile(coordinates, count),
        np.ascontiguousarray(weights.ravel()),
    )


def cot_families(machine: TuringMachine, x: CotRegisters) -> tuple[Family, ...]:
    """INP EINP OUTP EOUTP POS EPOS, Sigma, Q x Gamma^K x {L,S,R}^K, {-1,+1}^K: the vocabulary of a chain of thought."""
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
    return (
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


def scot_families(machine: TuringMachine, x: CotRegisters, y: ScotRegisters) -> tuple[Family, ...]:
    """SUMM, ESUMM, one token per state, (Gamma x {0,1})^K: what summaries add to the vocabulary."""
    everywhere: Vector = at(x.const, (1,)) + at(x.not_inp, (1,))
    states = [signed_binary(i, x.state.width) for i in range(len(machine.states))]
    symbols = [signed_binary(i, x.sym[0].width) for i in range(len(machine.alphabet))]
    state = Field(
        "state",
        machine.states,
        tuple(at(x.state, bits) for bits in states),
        tuple(at(y.finalstateout, bits) for bits in states),
    )
    cells: list[Field] = []
    for k in range(machine.tapes):
        cells.append(
            Field(
                f"symbol_{k + 1}",
                machine.alphabet,
                tuple(at(x.sym[k], bits) for bits in symbols),
                tuple(at(y.nextcellsym[k], bits) for bits in symbols),
            )
        )
        cells.append(
            Field(
                f"head_{k + 1}",
                ("0", "1"),
                ((), at(y.head[k], (1,))),
                (at(y.nextcellhead[k], (-1,)), at(y.nextcellhead[k], (+1,))),
            )
        )
    return (
        Family("SUMM", at(y.is_summ, (1,)) + everywhere, at(y.write_summ, (1,))),
        Family("CELL", at(y.is_cell, (1,)) + everywhere, (), tuple(cells)),
        Family("STATE", at(y.is_state, (1,)) + everywhere, (), (state,)),
        Family("ESUMM", at(y.is_esumm, (1,)) + everywhere, at(y.is_state, (1,))),
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
