"""The token sequence of a run (spec 2.1): what the transformer has to generate.

INP w EINP [ r run tokens, POS bit_0 .. bit_{r-1} EPOS ] ... run tokens OUTP out EOUTP
"""

from __future__ import annotations

from dataclasses import dataclass

from constructions.machines.machine import TuringMachine
from constructions.machines.run import Run
from constructions.transformer.vocabulary import Token
from constructions.turing.machine_tables import MOVES


@dataclass(frozen=True)
class TokenSequence:
    """A whole sequence; the model must produce everything from index ``prompt`` on, and reads the first ``read``."""

    tokens: tuple[Token, ...]
    prompt: int
    read: int

    def __len__(self) -> int:
        return len(self.tokens)


def cot_length(input_length: int, steps: int, output_length: int, position_bits: int) -> int:
    """Number of tokens of a run's chain of thought: a block of r+2 tokens behind every r steps but the last.

    >>> cot_length(7, 20, 4, 8)
    55
    """
    blocks = (steps - 1) // position_bits
    return (input_length + 2) + steps + blocks * (position_bits + 2) + (output_length + 2)


def cot_tokens(machine: TuringMachine, run: Run, position_bits: int) -> TokenSequence:
    """The chain of thought of a finished run, with blocks of ``position_bits`` = r bits."""
    sigma = {symbol: value for value, symbol in enumerate(machine.input_alphabet)}
    moves = {move: value for value, move in enumerate(MOVES)}
    prompt = (Token("INP"), *(Token("SIGMA", (sigma[s],)) for s in run.word), Token("EINP"))
    tokens = list(prompt)
    for step, (action, heads) in enumerate(zip(run.actions, run.heads, strict=True), start=1):
        written = (machine.symbol_index(symbol) for symbol in action.written)
        moved = (moves[move] for move in action.moves)
        tokens.append(Token("RUN", (machine.state_index(action.state), *written, *moved)))
        if step % position_bits == 0 and step < run.steps:
            tokens.append(Token("POS"))
            tokens += (Token("BIT", tuple(head >> bit & 1 for head in heads)) for bit in range(position_bits))
            tokens.append(Token("EPOS"))
    tokens += (Token("OUTP"), *(Token("SIGMA", (sigma[s],)) for s in run.output), Token("EOUTP"))
    return TokenSequence(tuple(tokens), len(prompt), len(tokens))
