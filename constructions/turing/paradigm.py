"""The two ways to write a run down, and the r that a context length needs."""

from __future__ import annotations

from enum import Enum

from exactformer.constructions.behaviour import BehaviourError


class ContextError(ValueError):
    """A context length that does not go with the construction, or with the given runs."""


class Paradigm(Enum):
    """Chain of thought, or summarized chain of thought; ``least_bits`` is the smallest r the construction has."""

    COT = "cot"
    SCOT = "scot"

    @property
    def least_bits(self) -> int:
        return 2 if self is Paradigm.COT else 4


def paradigm_of(given: Paradigm | str) -> Paradigm:
    """The paradigm of this name.  Raises BehaviourError.

    >>> paradigm_of("scot")
    <Paradigm.SCOT: 'scot'>
    """
    try:
        return Paradigm(given)
    except ValueError:
        raise BehaviourError(f"paradigm is {given!r}; give 'cot' or 'scot'") from None


LARGEST_CONTEXT = 1 << 64


def position_bits_for(context: int, paradigm: Paradigm = Paradigm.COT) -> int:
    """r for a context of N tokens: the smallest even r with N <= 2**r that the construction has.

    >>> [position_bits_for(context) for context in (1, 4, 5, 16, 17, 1000)]
    [2, 2, 4, 4, 6, 10]
    """
    if context < 1:
        raise ContextError(f"a context of {context} tokens holds nothing; give a positive number")
    if context > LARGEST_CONTEXT:
        raise ContextError("contexts go up to 2^64 tokens: give a smaller one")
    bits = max(paradigm.least_bits, (context - 1).bit_length())
    return bits + bits % 2
