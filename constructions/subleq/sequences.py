"""Runs of the SUBLEQ computer by a plain interpreter, and tokens with their true ghosts, by plain search.

Words:
    word   a number from 0 to 2^r - 1; from 2^(r-1) on it stands for itself minus 2^r
    write  a CELL token or, with a pc, a STEP token; START, at position 0, is before all of them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exactformer.constructions.theory import TrueToken, Value
from exactformer.constructions.transformer.vocabulary import Token


@dataclass(frozen=True)
class Write:
    """``value`` is written to ``address``; the next instruction is at ``pc``, if it is a STEP."""

    address: int
    value: int
    pc: int | None = None


def prompt(memory: Sequence[int], inputs: Mapping[int, int], r: int, pc: int = 0) -> list[Write]:
    """Memory from address 0 on and then the inputs, by address; the last write is the STEP that begins at ``pc``."""
    written = [*enumerate(memory), *inputs.items()]
    words = [Write(address % 2**r, value % 2**r) for address, value in written]
    return [*words[:-1], Write(words[-1].address, words[-1].value, pc % 2**r)]


def run(start: Sequence[Write], r: int) -> Iterator[Write]:
    """The STEP tokens after a prompt, until the computer halts; memory is a table, and 0 where it has no entry.

    >>> list(run(prompt([3, 4, -1, 5, 5], {}, 8), 8))  # 3 4 -1: cell 4 becomes 5 - 5, so on to -1
    [Write(address=4, value=0, pc=255)]
    """
    memory = {one.address: one.value for one in start}
    pc = start[-1].pc
    if pc is None:
        raise ValueError("the last token of a prompt has to be a STEP")
    while pc < 2 ** (r - 1):
        a, b, c = (memory.get((pc + place) % 2**r, 0) for place in range(3))
        result = (memory.get(b, 0) - memory.get(a, 0)) % 2**r
        memory[b] = result
        pc = c if result == 0 or result >= 2 ** (r - 1) else (pc + 3) % 2**r
        yield Write(b, result, pc)


def token_of(write: Write, r: int) -> Token:
    """The token of the vocabulary: each field is a bit, the lowest first."""
    numbers = (write.address, write.value) if write.pc is None else (write.pc, write.address, write.value)
    bits = tuple(number >> b & 1 for number in numbers for b in range(r))
    return Token("CELL" if write.pc is None else "STEP", bits)


def write_of(token: Token, r: int) -> Write:
    """The write that a CELL or STEP token is.

    >>> write_of(token_of(Write(3, 200, pc=7), 8), 8)
    Write(address=3, value=200, pc=7)
    """
    numbers = [
        sum(bit << b for b, bit in enumerate(token.values[at : at + r])) for at in range(0, len(token.values), r)
    ]
    return Write(*numbers) if token.family == "CELL" else Write(numbers[1], numbers[2], numbers[0])


def subleq_sequence(written: Sequence[Write], r: int) -> list[TrueToken]:
    """START and these tokens, with their ghosts."""
    tokens = [
        TrueToken("cell" if one.pc is None else "step", _ghosts(written[:end], r))
        for end, one in enumerate(written, start=1)
    ]
    return [TrueToken("start", {}), *tokens]


def _ghosts(written: Sequence[Write], r: int) -> dict[str, Value]:
    """The ghosts of the last of these tokens, by plain search; what is missing is 0."""
    last = written[-1]
    found: dict[str, Value] = {"x": last.address, "v": last.value}
    if last.pc is None:
        return found
    numbers = [(last.pc + place) % 2**r for place in range(3)]
    for k in range(1, 6):
        w = next((w for w in range(len(written), 0, -1) if written[w - 1].address == numbers[k - 1]), None)
        numbers.append(written[w - 1].value if w else 0)
        found |= {f"found_{k}": w is not None, f"w_{k}": w or 0}
    result = (numbers[7] - numbers[6]) % 2**r
    after = numbers[5] if result == 0 or result >= 2 ** (r - 1) else (numbers[2] + 1) % 2**r
    named = {f"n_{m}": number for m, number in enumerate(numbers, start=1)}
    return found | named | {"result": result, "next": after}
