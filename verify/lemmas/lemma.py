"""A lemma: what it says, where it is stated, how it is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exactformer.verify.lemmas.outcome import Budget, Outcome

PAPER = "arXiv 2605.18079, section 3 and appendix 2"
"""Broesamle and Eckstein 2026: the constructions of Turing machines, their gadgets and dimensions."""

HIGH_PRECISION = "arXiv 1912.10077"
"""Yun et al. 2020: the high-precision construction."""

OWN = "this project"
"""What no paper states."""

Decide = Callable[[int, Budget], Outcome]
"""From a width and a budget to an outcome; a lemma that has no width gets 0."""


def at_every_width(width: int) -> bool:
    """From 1 bit on."""
    return width >= 1


def at_even_widths(least: int) -> Callable[[int], bool]:
    """r even and at least ``least``, as the constructions need it."""
    return lambda width: width >= least and width % 2 == 0


@dataclass(frozen=True)
class Lemma:
    """``statement`` is about all inputs that it names; ``source`` says where it comes from, ``method`` how it is
    decided.

    applies: the widths it is stated for; None for a lemma that has no width.
    rests_on: identifiers of lemmas used in its proof; they are decided before it, at the same width.
    """

    identifier: str
    statement: str
    source: str
    method: str
    decide: Decide
    applies: Callable[[int], bool] | None = at_every_width
    rests_on: tuple[str, ...] = ()
