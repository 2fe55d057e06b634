"""The summarized chain of thought: what it adds to the chain-of-thought program, layer by layer.

Source: arXiv 2605.18079, section 3 and appendix 2.  A segment's prompt is either the input or a summary of a whole
configuration; a segment ends with the output or with the next summary.  The chain-of-thought program stays as it is:
these heads and gadgets are added to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.transformer.gadgets import Copy, Decrement, Map, Or, Zero, when
from exactformer.constructions.transformer.program import ProgramBuilder
from exactformer.constructions.transformer.registers import Layout, Span
from exactformer.constructions.turing.cot import exactly, subtract
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.registers import CotRegisters, PerTape, Phases


@dataclass(frozen=True)
class ScotRegisters:
    """The registers and flags that the summarized chain of thought adds."""

    promptend: Span
    """Position of the last token of the prompt."""
    summpos: Span
    """Position of the SUMM that opens the summary being written."""
    finalstate: Span
    finalstateout: Span
    hposfinal: PerTape
    nextcellsym: PerTape
    nextcellhead: PerTape
    # Flags.
    is_summ: Span
    is_esumm: Span
    is_cell: Span
    is_state: Span
    seen_einp: Span
    seen_esumm: Span
    final_summ: Span
    """SUMM after a prompt: it opens the summary that is being written."""
    cell_initial: Span
    cell_final: Span
    length_cap: Span
    write_summ: Span
    next_cell: Span
    head: PerTape
    next_head: PerTape
    biteq: tuple[Span, ...]
    """biteq_s: bit s+2 of ``pos`` equals bit s of ``promptend``."""

    @classmethod
    def lay_out(cls, shape: Shape, layout: Layout) -> ScotRegisters:
        K, r = shape.tapes, shape.position_bits
        d_Q, d_G = shape.state_bits, shape.symbol_bits
        one, each = layout.add, layout.per_tape
        return cls(
            promptend=one("promptend", r),
            summpos=one("summpos", r),
            finalstate=one("finalstate", d_Q),
            finalstateout=one("finalstateout", d_Q),
            hposfinal=each("hposfinal", r, K),
            nextcellsym=each("nextcellsym", d_G, K),
            nextcellhead=each("nextcellhead", 1, K),
            is_summ=one("is_summ", 1),
            is_esumm=one("is_esumm", 1),
            is_cell=one("is_cell", 1),
            is_state=one("is_state", 1),
            seen_einp=one("seen_einp", 1),
            seen_esumm=one("seen_esumm", 1),
            final_summ=one("final_summ", 1),
            cell_initial=one("cell_initial", 1),
            cell_final=one("cell_final", 1),
            length_cap=one("length_cap", 1),
            write_summ=one("write_summ", 1),
            next_cell=one("next_cell", 1),
            head=each("head", 1, K),
            next_head=each("next_head", 1, K),
            biteq=tuple(one(f"biteq_{s}", 1) for s in range(r - 2)),
        )


def write_scot(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape) -> None:
    """Add the summaries to a program that has the chain of thought; r is even and at least 4."""
    phases = Phases.of(shape.position_bits)
    place_tokens(to, x, y)
    cap_length(to, x, y, shape)
    restore_configuration(to, x, y, shape)
    address_summary_cells(to, x, y, shape)
    find_summary_end(to, x, y, shape, phases)
    write_summary(to, x, y, shape, phases)


def place_tokens(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters) -> None:
    """Layers 1 and 2: is a summary token part of the prompt or of the summary being written; where the prompt ends."""
    to.attend(1, "seen_einp", (x.const,), (x.is_einp,), x.is_einp, y.seen_einp)
    to.attend(1, "seen_esumm", (x.const,), (y.is_esumm,), y.is_esumm, y.seen_esumm)
    behind_prompt = (((1, 1, 0), (1,)), ((1, 0, 1), (1,)), ((1, 1, 1), (1,)))
    seen = (y.seen_einp, y.seen_esumm)
    to.mlp(
        1,
        Map((y.is_summ, *seen), (y.final_summ,), behind_prompt),
        # The SUMM that opens a segment plays INP.
        Map((y.is_summ, *seen), (x.is_inp,), exactly(1, 0, 0)),
        Map((y.is_summ, *seen), (x.not_inp,), (((1, 0, 0), (-1,)),)),
        Map((y.is_cell, *seen), (y.cell_initial,), exactly(1, 0, 0)),
        Map((y.is_cell, *seen), (y.cell_final,), behind_prompt),
        Copy(x.pos, y.promptend, when(x.is_einp)),
        Copy(x.pos, y.promptend, when(y.is_esumm)),
    )
    # The prompt's end itself reads the opening token, that is zero; later tokens read the prompt's end.
    to.attend(
        2,
        "promptend",
        (x.const, x.const, 2 * x.is_einp, 2 * y.is_esumm),
        (x.is_einp, y.is_esumm, 2 * x.is_inp, 2 * x.is_inp),
        y.promptend,
        y.promptend,
    )


def cap_length(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape) -> None:
    """Layers 2 to 4: from position 4e on, where e is the prompt's end, a run token is followed by the summary."""
    r = shape.position_bits
    equal_bits = (((1, 1), (1,)), ((-1, -1), (1,)))
    for s in range(r - 2):
        to.mlp(2, Map((x.pos.bit(s + 2), y.promptend.bit(s)), (y.biteq[s],), equal_bits))
    # pos = 4 * promptend, and promptend < 2**(r-2), so that 4 * promptend has not wrapped around.
    to.mlp(
        3,
        Map(
            (*y.biteq, x.pos.bits(0, 2), y.promptend.bits(r - 2, r)),
            (y.length_cap,),
            (((1,) * (r - 2) + (-1,) * 4, (1,)),),
        ),
    )
    to.attend(
        4,
        "length_cap",
        (x.const, 2 * y.length_cap),
        (y.length_cap, 2 * x.is_inp),
        y.length_cap,
        y.length_cap,
    )
    to.mlp(4, Map((x.is_run, y.length_cap, x.halted), (y.write_summ,), exactly(1, 1, 0)))


def restore_configuration(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape) -> None:
    """Layers 2 and 3: the cells of the prompt's summary are writes; ESUMM fetches head positions and state."""
    for k in range(shape.tapes):
        to.mlp(
            2,
            Decrement(x.pos, x.spos[k], 0, when(y.cell_initial)),
            Copy(x.pos, x.wpos[k], when(y.cell_initial)),
        )
        to.attend(
            3,
            f"hpos_{k + 1}",
            (2 * y.is_esumm, x.const),
            (2 * y.head[k], x.is_inp),
            x.spos[k],
            x.hpos[k],
        )
    to.attend(3, "state", (2 * y.is_esumm, x.const), (2 * y.is_state, x.is_inp), x.state, x.state)


def address_summary_cells(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape) -> None:
    """Layers 2 to r+3: SUMM has cell offset 0, its j-th cell token offset j, and each predicts the cell there."""
    to.mlp(2, Copy(x.pos, y.summpos, when(y.final_summ)))
    to.attend(3, "summpos", (x.const, 2 * y.final_summ), (y.final_summ, 2 * x.is_inp), y.summpos, y.summpos)
    for k in range(shape.tapes):
        for summary_token in (y.final_summ, y.cell_final):
            to.mlp(3, Copy(x.pos, x.hpos[k], when(summary_token)))
            subtract(to, 4, x.hpos[k], y.summpos, summary_token)


def find_summary_end(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L2 to L2+3: the final state and head positions, and whether there is a cell at this offset."""
    r, L2 = shape.position_bits, phases.L2
    to.lookup(L2, "finalstate", x.prev, x.pos, x.state, y.finalstate)
    to.mlp(L2 + 1, Zero(y.finalstate, when(unless=(y.final_summ,))))
    to.attend(
        L2 + 2,
        "finalstate spread",
        (x.const, 2 * y.final_summ),
        (y.final_summ, 2 * x.is_inp),
        y.finalstate,
        y.finalstate,
    )
    for k in range(shape.tapes):
        to.lookup(L2, f"hposfinal_{k + 1}", x.prev, x.pos, x.hpos[k], y.hposfinal[k])
        to.mlp(L2 + 1, Zero(y.hposfinal[k], when(unless=(y.final_summ,))))
        # Only the SUMM being written carries final head positions; without a match INP wins with value 0.
        to.attend(
            L2 + 2,
            f"next_head_{k + 1}",
            (x.hpos[k], (r - 1) * x.const),
            (y.hposfinal[k], (r - 1) * x.is_inp),
            x.not_inp,
            y.next_head[k],
        )
    to.mlp(L2 + 3, Or((*x.written, *y.next_head), y.next_cell))


def write_summary(to: ProgramBuilder, x: CotRegisters, y: ScotRegisters, shape: Shape, phases: Phases) -> None:
    """Layers L2+4 to L3+2: the next cell or the state; a summary takes precedence over a position block."""
    L2, L3 = phases.L2, phases.L3
    for summary_token in (y.final_summ, y.cell_final):
        to.mlp(L2 + 4, Copy(y.finalstate, y.finalstateout, when(summary_token, unless=(y.next_cell,))))
        for k in range(shape.tapes):
            to.mlp(
                L3 + 1,
                Copy(x.read[k], y.nextcellsym[k], when(summary_token, y.next_cell)),
                Map(
                    (y.next_head[k],),
                    (y.nextcellhead[k],),
                    (((1,), (+1,)), ((0,), (-1,))),
                    when(summary_token, y.next_cell),
                ),
            )
    to.mlp(L2 + shape.position_bits, Zero(x.write_pos, when(y.write_summ)))
    for stop in (y.write_summ, y.is_state):
        to.mlp(L3 + 2, *(Zero(register, when(stop)) for register in (x.newstate, *x.newsym, *x.newmove)))
