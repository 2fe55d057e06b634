"""The registers and flags of the chain-of-thought construction, and the layers its phases end at.

``pos`` comes first: it holds the position of the token itself.  A tuple holds one register per tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from exactformer.constructions.transformer.registers import Layout, Span
from exactformer.constructions.turing.encoding import Shape

PerTape = tuple[Span, ...]


@dataclass(frozen=True)
class Phases:
    """The last layer of each phase: at L1 positions are collected, at L2 passed on, at L3 the last write is found."""

    L1: int
    L2: int
    L3: int
    L: int

    @classmethod
    @cache
    def of(cls, position_bits: int) -> Phases:
        first = position_bits // 2 + 1
        second = first + position_bits + 2
        third = second + position_bits + 1
        return cls(first, second, third, third + 4)


@dataclass(frozen=True)
class CotRegisters:
    """Named registers; `cot.py` says in which layer each is written, `cot_annotation.py` what it then holds."""

    pos: Span
    bit: PerTape
    state: Span
    sym: PerTape
    move: PerTape
    const: Span
    hpos: PerTape
    """Head position after the token."""
    spos: PerTape
    """The cell this token wrote."""
    outpos: Span
    back1: Span
    back2: Span
    bitA: PerTape
    bitB: PerTape
    prev: Span
    hposprev: PerTape
    wpos: PerTape
    """Own position, if this token is a write on the tape."""
    last: PerTape
    """Position of the last write to the cell under the head."""
    read: PerTape
    blockpos: PerTape
    ptr: Span
    nextbit: PerTape
    statex: Span
    newstate: Span
    newsym: PerTape
    newmove: PerTape
    outsym: Span
    # Flags: one coordinate in {0, 1}.
    is_inp: Span
    is_einp: Span
    is_outp: Span
    is_eoutp: Span
    is_pos: Span
    is_epos: Span
    is_run: Span
    is_sigma: Span
    is_bit: Span
    seen_outp: Span
    is_input: Span
    is_output: Span
    halted: Span
    rth_run: Span
    write_pos: Span
    write_epos: Span
    read_blank: Span
    write_eoutp: Span
    write_sigma: Span
    not_inp: Span
    written: PerTape
    exists_high: PerTape

    @classmethod
    def lay_out(cls, shape: Shape, layout: Layout) -> CotRegisters:
        K, r = shape.tapes, shape.position_bits
        d_Q, d_G = shape.state_bits, shape.symbol_bits
        one, each = layout.add, layout.per_tape
        return cls(
            pos=one("pos", r),
            bit=each("bit", 1, K),
            state=one("state", d_Q),
            sym=each("sym", d_G, K),
            move=each("move", 2, K),
            const=one("const", 1),
            hpos=each("hpos", r, K),
            spos=each("spos", r, K),
            outpos=one("outpos", r),
            back1=one("back1", r),
            back2=one("back2", r),
            bitA=each("bitA", 1, K),
            bitB=each("bitB", 1, K),
            prev=one("prev", r),
            hposprev=each("hposprev", r, K),
            wpos=each("wpos", r, K),
            last=each("last", r, K),
            read=each("read", d_G, K),
            blockpos=each("blockpos", r, K),
            ptr=one("ptr", r),
            nextbit=each("nextbit", 1, K),
            statex=one("statex", d_Q),
            newstate=one("newstate", d_Q),
            newsym=each("newsym", d_G, K),
            newmove=each("newmove", 2, K),
            outsym=one("outsym", d_G),
            is_inp=one("is_inp", 1),
            is_einp=one("is_einp", 1),
            is_outp=one("is_outp", 1),
            is_eoutp=one("is_eoutp", 1),
            is_pos=one("is_pos", 1),
            is_epos=one("is_epos", 1),
            is_run=one("is_run", 1),
            is_sigma=one("is_sigma", 1),
            is_bit=one("is_bit", 1),
            seen_outp=one("seen_outp", 1),
            is_input=one("is_input", 1),
            is_output=one("is_output", 1),
            halted=one("halted", 1),
            rth_run=one("rth_run", 1),
            write_pos=one("write_pos", 1),
            write_epos=one("write_epos", 1),
            read_blank=one("read_blank", 1),
            write_eoutp=one("write_eoutp", 1),
            write_sigma=one("write_sigma", 1),
            not_inp=one("not_inp", 1),
            written=each("written", 1, K),
            exists_high=each("exists_high", 1, K),
        )
