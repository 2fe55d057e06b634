"""The context that a machine needs, from the cells it uses or the steps it takes, without running it.

Summarized chain of thought: a segment opens with a configuration and its trace is about three times as long, so the
length of the longest segment is bounded by the number of cells.  Chain of thought: the length follows the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exactformer.constructions.turing.fitting import MOST_BITS
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.tokens import cot_length


@dataclass(frozen=True)
class ContextLength:
    """A context of N = ``tokens``, and the r = ``position_bits`` that it asks for."""

    tokens: int
    position_bits: int


def longest_segment(cells: int, position_bits: int) -> int:
    """Tokens of the longest segment that a run in S = ``cells`` cells can have: 2S + 6 + x, where

        x = 3(S + 2)                                  if (3(S + 2) - 1) mod (2r + 2) < r,
        x = the least multiple of 2r + 2 from 3(S + 2) on, plus 1, if not.

    So it is 5S + 12 at least and 5S + r + 14 at most.  A run in S cells visits, writes and gets as input only the
    cells 0..S-1, on every tape.

    Why, and why no bound is smaller: verify/ARGUMENTS.md, 4.

    >>> longest_segment(1, 4), longest_segment(12_244, 16)
    (19, 61249)
    """
    if cells < 1:
        raise ContextError(f"a run in {cells} cells is not possible, because the head is on one: give 1 or more")
    end = cells + 2
    rounds, into_round = divmod(3 * end - 1, 2 * position_bits + 2)
    trace = 3 * end if into_round < position_bits else (rounds + 1) * (2 * position_bits + 2) + 1
    return end + trace + 1 + cells + 3


def least_context_for_space(cells: int) -> ContextLength:
    """The smallest context in which every run in ``cells`` cells has its summarized chain of thought.

    Errors: ContextError, for less than one cell or a context beyond 2**64 tokens.

    >>> least_context_for_space(12_244)
    ContextLength(tokens=61249, position_bits=16)
    """
    return _least_context(Paradigm.SCOT, lambda position_bits: longest_segment(cells, position_bits), f"{cells} cells")


def least_context_for_steps(input_length: int, steps: int, output_length: int) -> ContextLength:
    """The smallest context for the chain of thought of a run with these lengths, in symbols, and steps.

    Errors: ContextError, for a context beyond 2**64 tokens.

    >>> least_context_for_steps(7, 20, 4)
    ContextLength(tokens=59, position_bits=6)
    """
    return _least_context(
        Paradigm.COT,
        lambda position_bits: cot_length(input_length, steps, output_length, position_bits),
        f"{steps} steps",
    )


def _least_context(paradigm: Paradigm, length: Callable[[int], int], size: str) -> ContextLength:
    """The smallest N that is at least ``length(r)`` for the r that N needs; ``size`` is that of the run."""
    for position_bits in range(paradigm.least_bits, MOST_BITS + 1, 2):
        if (needed := length(position_bits)) <= 1 << position_bits:
            # A context of 2**(r-2) or less needs a smaller r, unless r is the least there is.
            least = 1 if position_bits == paradigm.least_bits else (1 << (position_bits - 2)) + 1
            return ContextLength(max(least, needed), position_bits)
    raise ContextError(f"a run of {size} may need more than 2^{MOST_BITS} tokens, the longest context there is")


def require_an_input(context: int, position_bits: int) -> None:
    """Raise ContextError for a context that no token sequence fits: a claim about it would be about no input.

    >>> require_an_input(4, 2)
    Traceback (most recent call last):
    ...
    exactformer.constructions.turing.paradigm.ContextError: no token sequence has fewer than 5 tokens, so a \
claim about a context of 4 would be about no input; give 5 or more
    """
    if context < (shortest := cot_length(0, 1, 0, position_bits)):
        raise ContextError(
            f"no token sequence has fewer than {shortest} tokens, so a claim about a context of {context} would be "
            f"about no input; give {shortest} or more"
        )
