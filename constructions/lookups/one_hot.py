"""One-hot positions: N coordinates, one of them 1; scores are 1 for the right position and 0 for all others.

Papers multiply them by a large constant, which is beta here: Tracr's is 100.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Scheme, Source

TRACR = 100
"""Tracr's default `softmax_coldness`."""


def one_hot(position: int, context: int) -> Coordinates:
    """[N]"""
    return tuple(Fraction(int(place == position)) for place in range(context))


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """e_k."""
    return one_hot(address, context)


ONE_HOT = Scheme(
    name="one-hot",
    retrieves="the value at position i",
    inequality="score(i, i) - score(i, k) = 1",
    sources=(
        Source("2510.00368", "section 5.3.1, index look-up by one-hot positions"),
        Source("2301.05062", "categorical attention with a large constant (Tracr)"),
    ),
    width=lambda context: context,
    key=key,
    query=one_hot,
)
