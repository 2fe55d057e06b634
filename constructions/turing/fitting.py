"""Which contexts a run fits: the length of its token sequences depends on r, and r on the context length."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.constructions.machines.run import Run
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_length, scot_segments

MOST_BITS = 64
"""Contexts are looked for up to 2**MOST_BITS tokens."""


def longest_sequence(paradigm: Paradigm, run: Run, position_bits: int) -> int:
    """Tokens of a run's chain of thought, or of its longest segment."""
    if paradigm is Paradigm.COT:
        return cot_length(len(run.word), run.steps, len(run.output), position_bits)
    return max(map(len, scot_segments(run.machine, run, position_bits)))


def least_position_bits(paradigm: Paradigm, runs: Sequence[Run]) -> int:
    """The smallest r at which all sequences of all runs have at most 2**r tokens."""
    for position_bits in range(paradigm.least_bits, MOST_BITS + 1, 2):
        if all(longest_sequence(paradigm, run, position_bits) <= 1 << position_bits for run in runs):
            return position_bits
    raise ContextError(f"no context of up to 2^{MOST_BITS} tokens holds these runs")


def smallest_context(paradigm: Paradigm, runs: Sequence[Run]) -> int:
    """The smallest N such that all sequences of all runs, with the r that N needs, have at most N tokens."""
    position_bits = least_position_bits(paradigm, runs)
    # A context of 2**(r-2) or less needs a smaller r, unless r is the least there is.
    least = 1 if position_bits == paradigm.least_bits else (1 << (position_bits - 2)) + 1
    return max(least, *(longest_sequence(paradigm, run, position_bits) for run in runs))


def check_context(paradigm: Paradigm, runs: Sequence[Run], context: int) -> int:
    """r for the context; ContextError, with the length needed, when a run does not fit.

    The length depends on r: a larger context may have a larger r, and then fewer blocks of positions.  So the context
    that is needed can be shorter than the run's tokens at the context that was given.
    """
    position_bits = position_bits_for(context, paradigm)
    what = "chain of thought" if paradigm is Paradigm.COT else "longest segment of the summarized chain of thought"
    for run in runs:
        if (needed := longest_sequence(paradigm, run, position_bits)) > context:
            enough = smallest_context(paradigm, runs)
            other_bits = position_bits_for(enough, paradigm)
            then = longest_sequence(paradigm, run, other_bits)
            why = f", where r = {other_bits} and it has {then} tokens" if other_bits != position_bits else ""
            raise ContextError(
                f"the {what} of {run.machine.name} on {_shown(run.word)} has {needed} tokens when positions have "
                f"r = {position_bits} bits, as in a context of {context}, and does not fit: give --context {enough} or "
                f"more{why}"
            )
    return position_bits


def _shown(word: str) -> str:
    """A word in quotes; of a long one, its beginning and length."""
    return repr(word) if len(word) <= 40 else f"{word[:37]!r}... ({len(word)} symbols)"
