"""The chain-of-thought construction (arXiv 2605.18079, section 3 and appendix 2): heads and gadgets layer by layer.

The program depends on the shape of a machine only; what depends on the machine itself, the transition neurons
and the vocabulary, is in :mod:`constructions.turing.machine_tables`.
"""

from __future__ import annotations

from exactformer.constructions.transformer.encoding import signed_binary
from exactformer.constructions.transformer.gadgets import (
    Copy,
    Decrement,
    DecrementInPlace,
    Map,
    MoveHead,
    Row,
    Zero,
    when,
)
from exactformer.constructions.transformer.program import ProgramBuilder
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.registers import CotRegisters, Phases

BLANK = 0
"""The index of the blank in every alphabet, so that reading a blank is the same gadget for every machine."""


def exactly(*flags: int) -> tuple[Row, ...]:
    """One map row: these flags at these values -> 1."""
    return ((flags, (1,)),)


def write_cot(to: ProgramBuilder, x: CotRegisters, shape: Shape) -> None:
    """Add the whole construction to a program; ``shape.position_bits`` is r, even and at least 2."""
    phases = Phases.of(shape.position_bits)
    classify_tokens(to, x, shape)
    subtract_output_start(to, x)
    collect_head_positions(to, x, shape)
    pass_on_head_positions(to, x, shape, phases)
    find_last_write(to, x, shape, phases)
    emit_position_block(to, x, shape, phases)
    read_and_step(to, x, shape, phases)


def classify_tokens(to: ProgramBuilder, x: CotRegisters, shape: Shape) -> None:
    """Layers 1 and 2: input or output symbol, and the pointers derived from a token's own position."""
    to.attend(1, "seen_outp", (x.const,), (x.is_outp,), x.is_outp, x.seen_outp)
    to.mlp(
        1,
        Map((x.is_sigma, x.seen_outp), (x.is_output,), exactly(1, 1)),
        Map((x.is_sigma, x.seen_outp), (x.is_input,), exactly(1, 0)),
        Decrement(x.pos, x.spos[0], 0, when(x.is_sigma, unless=(x.seen_outp,))),
        Copy(x.pos, x.outpos, when(x.is_outp)),
        Decrement(x.pos, x.back1, 0),
        Decrement(x.pos, x.back2, 1),
        Decrement(x.pos, x.prev, 0),
    )
    # OUTP itself reads INP, that is zero; every later token reads OUTP.
    to.attend(2, "outpos", (x.const, 2 * x.is_outp), (x.is_outp, 2 * x.is_inp), x.outpos, x.outpos)
    to.mlp(2, Copy(x.pos, x.hpos[0], when(x.is_output)))
    for k in range(shape.tapes):
        to.mlp(2, Copy(x.pos, x.wpos[k], when(x.is_run)))
    to.mlp(2, Copy(x.pos, x.wpos[0], when(x.is_input)))


def subtract_output_start(to: ProgramBuilder, x: CotRegisters) -> None:
    """Layers 3..r+2: an output symbol's head position is the cell that the next output symbol repeats."""
    subtract(to, 3, x.hpos[0], x.outpos, x.is_output)


def subtract(to: ProgramBuilder, first_layer: int, minuend: Span, subtrahend: Span, only: Span) -> None:
    """The gadget *subtract*: in layer first+b, take 2**b off when bit b of the subtrahend is +1."""
    for b in range(minuend.width):
        to.mlp(first_layer + b, DecrementInPlace(minuend, b, when(subtrahend.bit(b), only)))


def collect_head_positions(to: ProgramBuilder, x: CotRegisters, shape: Shape) -> None:
    """Layers 2..L1: EPOS collects the bits of its block, two a layer, most significant first."""
    r = shape.position_bits
    for j in range(1, r // 2 + 1):
        layer = j + 1
        for k in range(shape.tapes):
            to.lookup(layer, f"bitA_{k + 1}", x.back1, x.pos, x.bit[k], x.bitA[k])
            to.lookup(layer, f"bitB_{k + 1}", x.back2, x.pos, x.bit[k], x.bitB[k])
            to.mlp(
                layer,
                Copy(x.bitA[k], x.hpos[k].bit(r - 2 * j + 1), when(x.is_epos)),
                Copy(x.bitB[k], x.hpos[k].bit(r - 2 * j), when(x.is_epos)),
                Zero(x.bitA[k]),
                Zero(x.bitB[k]),
            )
        to.mlp(layer, DecrementInPlace(x.back1, 1), DecrementInPlace(x.back2, 1))


def pass_on_head_positions(to: ProgramBuilder, x: CotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L1+1..L1+r+1: head positions travel one token a layer; layer L2: what they are used for."""
    r = shape.position_bits
    for j in range(1, r + 2):
        layer = phases.L1 + j
        for k in range(shape.tapes):
            to.lookup(layer, f"hposprev_{k + 1}", x.prev, x.pos, x.hpos[k], x.hposprev[k])
            to.mlp(
                layer,
                MoveHead(x.hposprev[k], x.move[k], x.hpos[k], when(x.is_run)),
                Zero(x.hpos[k], when(x.is_pos)),
                Copy(x.hposprev[k], x.hpos[k], when(x.is_pos)),
            )
            if j <= r:
                to.mlp(layer, Zero(x.hposprev[k]))
    for k in range(shape.tapes):
        to.mlp(
            phases.L2,
            Zero(x.spos[k], when(x.is_run)),
            Copy(x.hposprev[k], x.spos[k], when(x.is_run)),
            Copy(x.hpos[k], x.blockpos[k], when(x.is_pos)),
            Copy(x.hpos[k].bit(0), x.nextbit[k], when(x.is_pos)),
        )
    to.mlp(phases.L2, Decrement(x.pos, x.ptr, 0))


def find_last_write(to: ProgramBuilder, x: CotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L2+1..L2+r: was the cell under the head written, and where last; most significant bit first."""
    r = shape.position_bits
    for k in range(shape.tapes):
        # All writers of the cell tie at r; without one, INP wins with r-1 and value 0.
        to.attend(
            phases.L2 + 1,
            f"written_{k + 1}",
            (x.hpos[k], (r - 1) * x.const),
            (x.spos[k], (r - 1) * x.is_inp),
            x.not_inp,
            x.written[k],
        )
    for j in range(r):
        layer, b = phases.L2 + 1 + j, r - 1 - j
        for k in range(shape.tapes):
            # A writer that agrees with the bits found so far and has bit b scores r+j+1, INP scores r+j.
            to.attend(
                layer,
                f"exists_high_{k + 1}",
                (x.hpos[k], (r + j) * x.const, x.const, x.last[k].bits(b + 1, r)),
                (x.spos[k], (r + j) * x.is_inp, x.wpos[k].bit(b), x.wpos[k].bits(b + 1, r)),
                x.not_inp,
                x.exists_high[k],
            )
            to.mlp(
                layer,
                Map(
                    (x.exists_high[k], x.written[k]),
                    (x.last[k].bit(b),),
                    (((1, 1), (+1,)), ((0, 1), (-1,))),
                ),
                Zero(x.exists_high[k]),
            )


def emit_position_block(to: ProgramBuilder, x: CotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L2+1..L2+r: which bit comes next inside a block, and when a block begins and ends."""
    r = shape.position_bits
    for p in range(1, r):
        layer = phases.L2 + p  # here ptr = pos - p
        for k in range(shape.tapes):
            to.lookup(layer, f"nextbit_{k + 1}", x.ptr, x.pos, x.blockpos[k].bit(p), x.nextbit[k])
        to.mlp(layer, DecrementInPlace(x.ptr, 0))
    # r-1 tokens back is a run token: this is the r-th of its group.
    to.lookup(phases.L2 + r - 1, "rth_run", x.ptr, x.pos, x.is_run, x.rth_run)
    to.mlp(
        phases.L2 + r - 1,
        Map((x.rth_run, x.is_run, x.halted), (x.write_pos,), exactly(1, 1, 0)),
    )
    to.lookup(phases.L2 + r, "write_epos", x.ptr, x.pos, x.is_pos, x.write_epos)
    to.mlp(phases.L2 + r, DecrementInPlace(x.ptr, 1))


def read_and_step(to: ProgramBuilder, x: CotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L3..L: read the cells, apply the transition function (added per machine), choose the token."""
    L3 = phases.L3
    blank = signed_binary(BLANK, shape.symbol_bits)
    for k in range(shape.tapes):
        to.attend(L3, f"read_{k + 1}", (x.last[k], x.const), (x.wpos[k], x.is_inp), x.sym[k], x.read[k])
        to.mlp(
            L3,
            Map((x.written[k], x.is_pos, x.is_bit, x.is_input), (x.read[k],), (((0, 0, 0, 0), blank),)),
        )
    # EPOS takes the state from the run token in front of its block, r+2 tokens back.
    to.lookup(L3, "statex", x.ptr, x.pos, x.state, x.statex)
    to.mlp(L3, Zero(x.state, when(x.is_epos)), Copy(x.statex, x.state, when(x.is_epos)))

    to.mlp(L3 + 1, Map((x.read[0],), (x.read_blank,), ((blank, (1,)),)))

    for stop in (x.halted, x.write_pos):
        to.mlp(L3 + 2, *(Zero(register, when(stop)) for register in (x.newstate, *x.newsym, *x.newmove)))
    to.mlp(
        L3 + 2,
        Map(
            (x.is_output, x.is_outp, x.read_blank),
            (x.write_eoutp,),
            (((1, 0, 1), (1,)), ((0, 1, 1), (1,))),
        ),
    )
    to.mlp(L3 + 3, Map((x.seen_outp, x.write_eoutp), (x.write_sigma,), exactly(1, 0)))
    to.mlp(
        L3 + 4,
        Zero(x.outsym, when(x.write_sigma)),
        Copy(x.read[0], x.outsym, when(x.write_sigma)),
    )
