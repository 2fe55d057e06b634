"""The network of n-gram look-up: n + r + 2 layers for contexts of 2^r tokens.

Layer 1          ptr = pos - 1, wpos = pos
Layer 1 + k      prev_k = the symbol k positions before (a look-up at ptr), for k = 1..n; then ptr is one less
Layer n + 2      found: does the last n symbols' code, read one position later, occur? START scores between
Layers n+2..     last: the position of the last such token, bit by bit from the highest (arXiv 2605.18079)
Layer n + r + 2  read: the symbol there

All weights are integers, all activations -1, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.transformer.encoding import at, bits_for, signed_binary
from exactformer.constructions.transformer.gadgets import Copy, Decrement, DecrementInPlace, Map, Zero, when
from exactformer.constructions.transformer.network import Network, compile_layers
from exactformer.constructions.transformer.program import Program, ProgramBuilder
from exactformer.constructions.transformer.registers import Layout, Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary


@dataclass(frozen=True)
class Registers:
    """Named registers; ``prev[k - 1]`` is prev_k."""

    pos: Span
    const: Span
    is_start: Span
    is_sym: Span
    sym: Span
    ptr: Span
    wpos: Span
    prev: tuple[Span, ...]
    found: Span
    exists_high: Span
    last: Span
    read: Span

    @classmethod
    def lay_out(cls, to: Layout, n: int, r: int, symbol_bits: int) -> Registers:
        return cls(
            pos=to.add("pos", r),
            const=to.add("const", 1),
            is_start=to.add("is_start", 1),
            is_sym=to.add("is_sym", 1),
            sym=to.add("sym", symbol_bits),
            ptr=to.add("ptr", r),
            wpos=to.add("wpos", r),
            prev=tuple(to.add(f"prev_{k}", symbol_bits) for k in range(1, n + 1)),
            found=to.add("found", 1),
            exists_high=to.add("exists_high", 1),
            last=to.add("last", r),
            read=to.add("read", symbol_bits),
        )


def width_of_symbols(letters: Sequence[str]) -> int:
    """At least 2 bits: then a missing symbol lowers a score by at least 2, as a different one does."""
    return max(2, bits_for(len(letters)))


def write_ngram(to: ProgramBuilder, x: Registers) -> int:
    """Add the whole construction to a program; returns the number of its layers."""
    n, r = len(x.prev), x.pos.width
    to.mlp(1, Decrement(x.pos, x.ptr, 0), Copy(x.pos, x.wpos, when(x.is_sym)))
    for k, prev in enumerate(x.prev, start=1):
        to.lookup(1 + k, f"prev_{k}", x.ptr, x.pos, x.sym, prev)
        if k < n:
            to.mlp(1 + k, DecrementInPlace(x.ptr, 0))
    here, before = (x.sym, *x.prev[:-1]), x.prev
    match = n * x.sym.width
    first = n + 2
    # A token after the same n symbols scores match, any other at most match - 2; START, with value 0, match - 1.
    to.attend(first, "found", (*here, (match - 1) * x.const), (*before, (match - 1) * x.is_start), x.is_sym, x.found)
    for step in range(r):
        b = r - 1 - step
        # Of those that agree with the bits found so far, one with bit b scores match + step + 1; START match + step.
        to.attend(
            first + step,
            f"exists_high_{b}",
            (*here, (match + step) * x.const, x.const, x.last.bits(b + 1, r)),
            (*before, (match + step) * x.is_start, x.wpos.bit(b), x.wpos.bits(b + 1, r)),
            x.is_sym,
            x.exists_high,
        )
        to.mlp(
            first + step,
            Map((x.exists_high, x.found), (x.last.bit(b),), (((1, 1), (+1,)), ((0, 1), (-1,)))),
            Zero(x.exists_high),
        )
    to.attend(first + r, "read", (x.last, x.const), (x.wpos, x.is_start), x.sym, x.read)
    return first + r


def families(x: Registers, letters: Sequence[str]) -> tuple[Family, ...]:
    """START, SYM with a field for its symbol, and NONE, which wins if nothing was read."""
    const: Vector = at(x.const, (1,))
    codes = [signed_binary(index, x.sym.width) for index in range(len(letters))]
    symbol = Field(
        "symbol",
        tuple(letters),
        tuple(at(x.sym, code) for code in codes),
        tuple(at(x.read, code) for code in codes),
    )
    return (
        Family("START", const + at(x.is_start, (1,))),
        Family("SYM", const + at(x.is_sym, (1,)), (), (symbol,)),
        Family("NONE", const, at(x.const, (x.read.width - 1,))),
    )


def construct_ngram(letters: Sequence[str], n: int, position_bits: int) -> Network:
    """The network for these letters, n >= 1, and contexts of up to 2^position_bits tokens, position_bits >= 2."""
    if n < 1 or position_bits < 2 or len(set(letters)) < len(letters) or not letters:
        raise BehaviourError(
            f"there is no {n}-gram look-up of {len(letters)} letters with positions of {position_bits} bits"
        )
    layout, builder = Layout(), ProgramBuilder()
    registers = Registers.lay_out(layout, n, position_bits, width_of_symbols(letters))
    depth = write_ngram(builder, registers)
    program = Program(layout.registers, depth, tuple(builder.heads), tuple(builder.gadgets))
    return Network(layout.registers, position_bits, compile_layers(program), Vocabulary(families(registers, letters)))
