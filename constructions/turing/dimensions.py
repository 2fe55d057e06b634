"""The theorems about dimensions (arXiv 2605.18079, section 3 and appendix 2), as sympy expressions.

    r position bits, K tapes, d_Q and d_G bits of an encoded state and symbol, |Q| states, |Gamma| tape symbols.

d_ff is stated for a transition function that is total on Q x Gamma^K (halting state included); a machine with fewer
entries needs at most that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from sympy import Expr, Max, Symbol

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.dimensions import Dimensions
from exactformer.constructions.turing.encoding import Shape

r, K, d_Q, d_G, Q, G = (
    Symbol(name, integer=True, positive=True) for name in ("r", "K", "d_Q", "d_G", "|Q|", "|Gamma|")
)


@dataclass(frozen=True)
class Formulas:
    """One expression in r, K, d_Q, d_G, |Q|, |Gamma| for each field of Dimensions."""

    layers: Expr
    heads: Expr
    query_width: Expr
    value_width: Expr
    hidden_width: Expr
    width: Expr


COT = Formulas(
    layers=5 * r / 2 + 8,
    heads=3 * K,
    query_width=4 * r - 1,
    value_width=Max(r, d_Q, d_G),
    hidden_width=Max(18 * r + 2, 14 * K * r + 2 * r, Q * G**K + 1),
    width=6 * K * r + 6 * r + 3 * d_Q + (3 * K + 1) * d_G + 10 * K + 21,
)
"""Chain of thought; r even and at least 2.  FINDINGS 1: at r = 2 there are 3K + 1 heads."""


SCOT = Formulas(
    layers=5 * r / 2 + 8,
    heads=3 * K + 2,
    query_width=4 * r - 1,
    value_width=Max(r, d_Q, d_G),
    hidden_width=Max(22 * r + 11, 18 * K * r + 2 * r + 1, Q * G**K + 4 * K * d_G + 4 * K + 1),
    width=7 * K * r + 9 * r + 5 * d_Q + (4 * K + 1) * d_G + 13 * K + 31,
)
"""Summarized chain of thought; r even and at least 4.  FINDINGS 2: the term 18Kr + 2r + 1 is attained at r = 4 only."""


def stated_dimensions(formulas: Formulas, machine: TuringMachine, position_bits: int) -> Dimensions:
    """The formulas at one machine and r.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> stated_dimensions(COT, load_machine("increment"), 8).layers
    28
    """
    shape = Shape.of(machine, position_bits)
    values = {
        r: shape.position_bits,
        K: shape.tapes,
        d_Q: shape.state_bits,
        d_G: shape.symbol_bits,
        Q: len(machine.states),
        G: len(machine.alphabet),
    }
    return Dimensions(*(int(getattr(formulas, field.name).subs(values)) for field in fields(Formulas)))
