"""The network of the SUBLEQ computer: 2r + 8 layers for contexts of 2^r tokens and words of r bits.

Layer 1                   the addresses of the instruction's second and third word
Layer 2                   the address after them
Layers 2 .. r + 2         look-ups 1 to 3: the three words of the instruction, a, b, c
Layers r + 3 .. 2r + 3    look-ups 4 and 5: what cells a and b hold
Layers 2r + 4 .. 2r + 6   the second minus the first: where they differ, what borrows, the difference
Layers 2r + 7, 2r + 8     whether it is 0 or less; where the next instruction is

A look-up in layers m .. m + r: was the cell written (m); the last position where it was, bit by bit from the highest
(m .. m + r - 1, as `exists_high` of the Turing machines); what was written there (m + r), or 0.

All weights are integers, all activations -1, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exactformer.constructions.transformer.encoding import at
from exactformer.constructions.transformer.gadgets import Copy, Gadget, Map, Zero, when
from exactformer.constructions.transformer.network import Network, compile_layers
from exactformer.constructions.transformer.program import Program, ProgramBuilder
from exactformer.constructions.transformer.registers import Layout, Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary

SIGNS = ("-1", "+1")
"""The values of a field: the bit 0 and the bit 1."""
INSTRUCTION, OPERANDS = (0, 1, 2), (3, 4)
"""Look-ups k - 1: of the three words of the instruction, and of the two cells that it names."""


@dataclass(frozen=True)
class Registers:
    """Named registers; ``addresses[k - 1]`` holds n_k, the address of look-up k."""

    pos: Span
    const: Span
    is_start: Span
    is_write: Span
    is_step: Span
    halts: Span
    address: Span
    value: Span
    pc: Span
    wpos: Span
    addresses: tuple[Span, ...]
    after: Span
    found: tuple[Span, ...]
    exists_high: tuple[Span, ...]
    last: tuple[Span, ...]
    read: tuple[Span, ...]
    differ: Span
    borrow: Span
    result: Span
    jumps: Span
    next: Span

    @classmethod
    def lay_out(cls, to: Layout, r: int) -> Registers:
        ks = range(1, 6)
        pos, pc = to.add("pos", r), to.add("pc", r)
        second, third = to.add("address_2", r), to.add("address_3", r)
        read = tuple(to.add(f"read_{k}", r) for k in ks)
        return cls(
            pos=pos,
            const=to.add("const", 1),
            is_start=to.add("is_start", 1),
            is_write=to.add("is_write", 1),
            is_step=to.add("is_step", 1),
            halts=to.add("halts", 1),
            address=to.add("address", r),
            value=to.add("value", r),
            pc=pc,
            wpos=to.add("wpos", r),
            addresses=(pc, second, third, read[0], read[1]),
            after=to.add("after", r),
            found=tuple(to.add(f"found_{k}", 1) for k in ks),
            exists_high=tuple(to.add(f"exists_high_{k}", 1) for k in ks),
            last=tuple(to.add(f"last_{k}", r) for k in ks),
            read=read,
            differ=to.add("differ", r),
            borrow=to.add("borrow", r),
            result=to.add("result", r),
            jumps=to.add("jumps", 1),
            next=to.add("next", r),
        )


def write_subleq(to: ProgramBuilder, x: Registers) -> int:
    """Add the whole construction to a program; returns the number of its layers."""
    r = x.pos.width
    to.mlp(
        1,
        Copy(x.pos, x.wpos, when(x.is_write)),
        *increment(x.pc, x.addresses[1], 0),
        *increment(x.pc, x.addresses[2], 1),
        Map((x.pc.bit(r - 1),), (x.halts,), (((1,), (1,)),)),
    )
    to.mlp(2, *increment(x.addresses[2], x.after, 0))
    look_up(to, 2, x, INSTRUCTION)
    look_up(to, r + 3, x, OPERANDS)
    subtract(to, 2 * r + 4, x)
    step = 2 * r + 7
    to.mlp(
        step,
        Map((x.result.bit(r - 1),), (x.jumps,), (((1,), (1,)),)),
        Map((x.result,), (x.jumps,), (((-1,) * r, (1,)),)),
    )
    to.mlp(step + 1, Copy(x.read[2], x.next, when(x.jumps)), Copy(x.after, x.next, when(unless=(x.jumps,))))
    return step + 1


def look_up(to: ProgramBuilder, first: int, x: Registers, which: Sequence[int]) -> None:
    """Layers first .. first + r: what these cells hold."""
    r = x.pos.width
    for k in which:
        # All that wrote to the cell tie at r; START, with value 0, scores r - 1.
        to.attend(
            first,
            f"found_{k + 1}",
            (x.addresses[k], (r - 1) * x.const),
            (x.address, (r - 1) * x.is_start),
            x.is_write,
            x.found[k],
        )
    for step in range(r):
        b = r - 1 - step
        for k in which:
            # Of those that agree with the bits found so far, one with bit b scores r + step + 1; START r + step.
            to.attend(
                first + step,
                f"exists_high_{k + 1}_{b}",
                (x.addresses[k], (r + step) * x.const, x.const, x.last[k].bits(b + 1, r)),
                (x.address, (r + step) * x.is_start, x.wpos.bit(b), x.wpos.bits(b + 1, r)),
                x.is_write,
                x.exists_high[k],
            )
            found_bit = Map((x.exists_high[k], x.found[k]), (x.last[k].bit(b),), (((1, 1), (+1,)), ((0, 1), (-1,))))
            to.mlp(first + step, found_bit, Zero(x.exists_high[k]))
    for k in which:
        to.attend(first + r, f"read_{k + 1}", (x.last[k], x.const), (x.wpos, x.is_start), x.value, x.read[k])
        to.mlp(first + r, Map((x.found[k], x.is_step), (x.read[k],), (((0, 1), (-1,) * r),)))


def subtract(to: ProgramBuilder, first: int, x: Registers) -> None:
    """Layers first .. first + 2: result = read_5 - read_4, modulo 2^r.

    Bit b borrows if the highest bit below it in which the two differ is 1 in read_4.
    """
    subtrahend, minuend = x.read[3], x.read[4]
    for b in range(x.pos.width):
        unequal = (((+1, -1), (1,)), ((-1, +1), (1,)))
        to.mlp(first, Map((minuend.bit(b), subtrahend.bit(b)), (x.differ.bit(b),), unequal))
        for low in range(b):
            highest = (minuend.bit(low), subtrahend.bit(low), x.differ.bits(low + 1, b))
            to.mlp(first + 1, Map(highest, (x.borrow.bit(b),), (((-1, +1, *(0,) * (b - low - 1)), (1,)),)))
        odd = tuple(((one, other), (+1 if one != other else -1,)) for one in (0, 1) for other in (0, 1))
        to.mlp(first + 2, Map((x.differ.bit(b), x.borrow.bit(b)), (x.result.bit(b),), odd, when(x.is_step)))


def increment(source: Span, target: Span, exponent: int) -> Iterator[Gadget]:
    """target += enc(x + 2**exponent), modulo 2^r, for source = enc(x), and += 0 for source = 0."""
    yield Copy(source, target)
    r = source.width
    for b in range(exponent, r):
        # Bit b is the lowest from `exponent` up that is not set: it is set, those below it are cleared.
        read, cleared = source.bits(exponent, b + 1), b - exponent
        yield Map((read,), (target.bits(exponent, b + 1),), (((+1,) * cleared + (-1,), (-2,) * cleared + (2,)),))
    every = r - exponent
    yield Map((source.bits(exponent, r),), (target.bits(exponent, r),), (((+1,) * every, (-2,) * every),))


def _bits(name: str, embedded: Span, predicted: Span | None = None) -> tuple[Field, ...]:
    """One field for each bit of a number; ``predicted`` is the register of the next token's number."""
    fields = []
    for b in range(embedded.width):
        embedding = tuple(at(embedded.bit(b), (sign,)) for sign in (-1, 1))
        unembedding: tuple[Vector, ...] = ((), ())
        if predicted is not None:
            unembedding = tuple(at(predicted.bit(b), (sign,)) for sign in (-1, 1))
        fields.append(Field(f"{name}_{b}", SIGNS, embedding, unembedding))
    return tuple(fields)


def families(x: Registers) -> tuple[Family, ...]:
    """START, CELL, STEP with a field for each bit of their numbers, and HALT."""
    const, written = at(x.const, (1,)), at(x.is_write, (1,))
    cell = (*_bits("address", x.address), *_bits("value", x.value))
    step = (*_bits("pc", x.pc, x.next), *_bits("address", x.address, x.read[1]), *_bits("value", x.value, x.result))
    return (
        Family("START", const + at(x.is_start, (1,))),
        Family("CELL", const + written, (), cell),
        Family("STEP", const + written + at(x.is_step, (1,)), (), step),
        # The logit of the best STEP is the number of its fields.
        Family("HALT", const, at(x.halts, (len(step) + 1,))),
    )


def construct_subleq(position_bits: int) -> Network:
    """The network for contexts of up to 2^position_bits tokens, and words of this many bits; at least 2."""
    if position_bits < 2:
        raise ValueError(f"there is no SUBLEQ computer with words of {position_bits} bits: give 2 or more")
    layout, builder = Layout(), ProgramBuilder()
    registers = Registers.lay_out(layout, position_bits)
    depth = write_subleq(builder, registers)
    program = Program(layout.registers, depth, tuple(builder.heads), tuple(builder.gadgets))
    return Network(layout.registers, position_bits, compile_layers(program), Vocabulary(families(registers)))
