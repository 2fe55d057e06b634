"""What all descriptions of behaviours share: how they are refused."""

from __future__ import annotations


class BehaviourError(ValueError):
    """A behaviour that is not described, or of which nothing can be claimed: which value, and what to give."""


def whole(name: str, number: object, least: int = 1) -> int:
    """A whole number, not below the least.  Raises BehaviourError.

    >>> whole("context", 16)
    16
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise BehaviourError(f"{name} is {number!r}; give a whole number, at least {least}")
    return number
