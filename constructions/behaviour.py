"""What all descriptions of behaviours share: the error with which they are refused."""

from __future__ import annotations


class BehaviourError(ValueError):
    """A description of a behaviour is wrong, or nothing can be claimed about it: which value, and what to give."""


def whole(name: str, number: object, least: int = 1) -> int:
    """A whole number, not below the least.  Raises BehaviourError.

    >>> whole("context", 16)
    16
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise BehaviourError(f"{name} is {number!r}; give a whole number, at least {least}")
    return number
