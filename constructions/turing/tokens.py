"""The token sequences of a run: what the transformer has to generate.

chain of thought   INP w EINP [ r run tokens, POS bit_0 .. bit_{r-1} EPOS ] ... run tokens OUTP out EOUTP
summarized         segments: INP w EINP or a summary, a bounded trace of this kind, then the output or
                   the next summary SUMM cell_0 .. cell_{s-1} STATE ESUMM
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exactformer.constructions.machines.machine import Action, TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.machine_tables import MOVES
from exactformer.constructions.turing.paradigm import Paradigm


@dataclass(frozen=True)
class TokenSequence:
    """A whole sequence; the model must produce everything from index ``prompt`` on, and reads the first ``read``."""

    tokens: tuple[Token, ...]
    prompt: int
    read: int

    def __len__(self) -> int:
        return len(self.tokens)


def cot_length(input_length: int, steps: int, output_length: int, position_bits: int) -> int:
    """The number of tokens of a run's chain of thought: a block of r+2 tokens after every r steps except the last.

    >>> cot_length(7, 20, 4, 8)
    55
    """
    blocks = (steps - 1) // position_bits
    return (input_length + 2) + steps + blocks * (position_bits + 2) + (output_length + 2)


def cot_tokens(machine: TuringMachine, run: Run, position_bits: int) -> TokenSequence:
    """The chain of thought of a finished run, with blocks of ``position_bits`` = r bits."""
    prompt = _input_prompt(machine, run.word)
    tokens = list(prompt)
    for step, (action, heads) in enumerate(zip(run.actions, run.heads, strict=True), start=1):
        tokens.append(_run_token(machine, action))
        if step % position_bits == 0 and step < run.steps:
            tokens += _position_block(heads, position_bits)
    tokens += _output(machine, run.output)
    return TokenSequence(tuple(tokens), len(prompt), len(tokens))


def sequences_of(paradigm: Paradigm, run: Run, position_bits: int) -> tuple[TokenSequence, ...]:
    """All token sequences of a run: its one chain of thought, or its segments."""
    if paradigm is Paradigm.COT:
        return (cot_tokens(run.machine, run, position_bits),)
    return scot_segments(run.machine, run, position_bits)


def scot_segments(machine: TuringMachine, run: Run, position_bits: int) -> tuple[TokenSequence, ...]:
    """The segments of a finished run's summarized chain of thought."""
    return tuple(each_segment(machine, run, position_bits))


def each_segment(machine: TuringMachine, run: Run, position_bits: int) -> Iterator[TokenSequence]:
    """The segments, one by one: a run may have thousands.

    The last token of a summary ends its segment and is not read in it; it is read when the summary is the prompt.
    """
    tapes = [list(run.word), *([] for _ in range(machine.tapes - 1))]
    before = (0,) * machine.tapes
    cells = len(run.word)
    prompt = _input_prompt(machine, run.word)
    tokens = list(prompt)
    steps = 0
    for action, heads in zip(run.actions, run.heads, strict=True):
        for tape, cell, symbol in zip(tapes, before, action.written, strict=True):
            tape.extend([machine.blank] * (cell + 1 - len(tape)))
            tape[cell] = symbol
        before = heads
        cells = max(cells, *map(len, tapes), *(head + 1 for head in heads))
        tokens.append(_run_token(machine, action))
        steps += 1
        end_of_prompt = len(prompt) - 1
        if action.state == machine.halting:
            break
        if len(tokens) - 1 >= 4 * end_of_prompt:
            summary = _summary(machine, tapes, heads, action.state, cells)
            yield TokenSequence((*tokens, *summary), len(prompt), len(tokens) + len(summary) - 1)
            prompt, tokens, steps = summary, list(summary), 0
        elif steps % position_bits == 0:
            tokens += _position_block(heads, position_bits)
    tokens += _output(machine, run.output)
    yield TokenSequence(tuple(tokens), len(prompt), len(tokens))


def _input_prompt(machine: TuringMachine, word: str) -> tuple[Token, ...]:
    return (Token("INP"), *_word(machine, word), Token("EINP"))


def _output(machine: TuringMachine, word: str) -> tuple[Token, ...]:
    return (Token("OUTP"), *_word(machine, word), Token("EOUTP"))


def _word(machine: TuringMachine, word: str) -> tuple[Token, ...]:
    return tuple(Token("SIGMA", (machine.input_alphabet.index(symbol),)) for symbol in word)


def _run_token(machine: TuringMachine, action: Action) -> Token:
    written = (machine.symbol_index(symbol) for symbol in action.written)
    moved = (MOVES.index(move) for move in action.moves)
    return Token("RUN", (machine.state_index(action.state), *written, *moved))


def _position_block(heads: tuple[int, ...], position_bits: int) -> tuple[Token, ...]:
    bits = (Token("BIT", tuple(head >> bit & 1 for head in heads)) for bit in range(position_bits))
    return (Token("POS"), *bits, Token("EPOS"))


def _summary(
    machine: TuringMachine, tapes: list[list[str]], heads: tuple[int, ...], state: str, cells: int
) -> tuple[Token, ...]:
    """SUMM, one token per cell with each tape's symbol and whether its head is there, STATE, ESUMM."""
    written: list[Token] = []
    for cell in range(cells):
        values: list[int] = []
        for tape, head in zip(tapes, heads, strict=True):
            symbol = tape[cell] if cell < len(tape) else machine.blank
            values += (machine.symbol_index(symbol), int(head == cell))
        written.append(Token("CELL", tuple(values)))
    return (Token("SUMM"), *written, Token("STATE", (machine.state_index(state),)), Token("ESUMM"))
