"""Lemmas ``dimensions.*``: the paper's theorems, as `constructions.turing.dimensions` states them, on networks.

Each is decided at r = width on machines with a total transition function, for a grid of |Q|, |Gamma| and K in which
each term of each maximum is the largest at least once.  If the published statement does not hold, the lemma says what
does, and another lemma states the exception (constructions/FINDINGS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from sympy import Expr, Integer, Max, simplify

from exactformer.constructions.transformer.dimensions import Dimensions, dimensions_of
from exactformer.constructions.transformer.encoding import bits_for
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.dimensions import COT, SCOT, Formulas, G, K, Q, d_G, d_Q, r
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import Phases
from exactformer.verify.lemmas.lemma import PAPER, Lemma, at_even_widths
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude
from exactformer.verify.lemmas.transitions import total_machine

METHOD = "sympy, grid"
ON_A_GRID = "; on a grid of total machines"
ROOMY = 8
"""Up to this r there are machines with more than 2^r states, up to 2 less with more than 2^r symbols."""


@dataclass(frozen=True)
class Shape:
    """The numbers of states, symbols and tapes of a machine."""

    states: int
    symbols: int
    tapes: int

    def __str__(self) -> str:
        return f"|Q| = {self.states}, |Gamma| = {self.symbols}, K = {self.tapes}"

    def values(self, position_bits: int) -> dict[Expr, int]:
        """The values of the formulas' symbols."""
        return {
            r: position_bits,
            K: self.tapes,
            d_Q: bits_for(self.states),
            d_G: bits_for(self.symbols),
            Q: self.states,
            G: self.symbols,
        }


def grid(position_bits: int) -> tuple[Shape, ...]:
    """Small machines with 1 to 3 tapes; ones with more transitions than gadgets; ones with long codes."""
    small = [Shape(2, 2, 1), Shape(5, 3, 1), Shape(4, 3, 2), Shape(3, 2, 3)]
    busy = [Shape(6 * position_bits + 8, 4, 1), Shape(3 * position_bits + 1, 4, 2)]
    many_states = [Shape(2**position_bits + 1, 2, 1)] if position_bits <= ROOMY else []
    many_symbols = [Shape(2, 2**position_bits + 1, 1)] if position_bits <= ROOMY - 2 else []
    return (*small, *busy, *many_states, *many_symbols)


@lru_cache(maxsize=1024)
def counted(paradigm: Paradigm, shape: Shape, position_bits: int) -> Dimensions:
    """The dimensions of the compiled network of a total machine."""
    machine = total_machine(shape.states, shape.symbols, shape.tapes)
    return dimensions_of(construct(paradigm, machine, position_bits))


def equals(paradigm: Paradigm, field: str, formula: Callable[[int], Expr]) -> Callable[[int, Budget], Outcome]:
    """Decide field = formula(r) on the grid, and that each term of a maximum is the largest somewhere."""
    return lambda width, budget: conclude(_equal_findings(paradigm, field, formula(width), width, budget))


def _equal_findings(
    paradigm: Paradigm, field: str, formula: Expr, position_bits: int, budget: Budget
) -> Iterator[Finding]:
    shapes = grid(position_bits)

    def disagreement(shape: Shape) -> str | None:
        stated = formula.subs(shape.values(position_bits))
        has = getattr(counted(paradigm, shape, position_bits), field)
        return None if stated == has else f"{shape}, r = {position_bits}: {field} is {has}, not {stated}"

    yield budget.exhaust("total machines of the grid", shapes, disagreement)
    if isinstance(formula, Max) and field == "hidden_width":
        yield budget.exhaust(
            "terms of the maximum",
            formula.args,
            lambda term: None if _is_largest(term, formula, shapes, position_bits) else f"{term} is never the largest",
        )


def _is_largest(term: Expr, formula: Expr, shapes: tuple[Shape, ...], position_bits: int) -> bool:
    """Whether some machine of the grid makes it larger than all other terms."""
    for shape in shapes:
        values = shape.values(position_bits)
        if all(term.subs(values) > other.subs(values) for other in formula.args if other != term):
            return True
    return False


def at_most_stated(paradigm: Paradigm, field: str, formula: Expr) -> Callable[[int, Budget], Outcome]:
    """Decide field <= formula on the grid."""

    def decide(width: int, budget: Budget) -> Outcome:
        def disagreement(shape: Shape) -> str | None:
            stated = formula.subs(shape.values(width))
            has = getattr(counted(paradigm, shape, width), field)
            return None if has <= stated else f"{shape}, r = {width}: {field} is {has}, more than {stated}"

        return conclude([budget.exhaust("total machines of the grid", grid(width), disagreement)])

    return decide


def _phases(_: int, budget: Budget) -> Outcome:
    """The sum of the phases, as an identity in r, and that the construction's phases are these."""
    L1 = r / 2 + 1
    L2 = L1 + r + 2
    L3 = L2 + r + 1

    def differs(formulas: Formulas) -> str | None:
        difference = simplify(L3 + 4 - formulas.layers)
        return None if difference == 0 else f"L3 + 4 and the stated L differ by {difference}"

    def other_phases(bits: int) -> str | None:
        phases = Phases.of(bits)
        has, stated = (phases.L1, phases.L2, phases.L3, phases.L), (L1, L2, L3, L3 + 4)
        return None if has == tuple(phase.subs({r: bits}) for phase in stated) else f"r = {bits}: phases end at {has}"

    identity = budget.exhaust("formulas of both paradigms", (COT, SCOT), differs)
    return conclude([identity, budget.exhaust("even r up to 64", range(2, 65, 2), other_phases)])


def _scot_hidden(position_bits: int) -> Expr:
    """FINDINGS 2: the stated second term is attained at r = 4 only, and is one less from r = 6 on."""
    if position_bits == 4:
        return SCOT.hidden_width
    return Max(22 * r + 11, 18 * K * r + 2 * r, Q * G**K + 4 * K * d_G + 4 * K + 1)


TITLES = {
    "layers": ("layers", "L = 5r/2 + 8"),
    "query_width": ("query-width", "d_k = 4r - 1"),
    "value_width": ("value-width", "d_v = max(r, d_Q, d_G)"),
}


def _stated(paradigm: Paradigm, formulas: Formulas) -> Iterator[Lemma]:
    """The dimensions that both paradigms have in common, and d."""
    name = paradigm.value
    width = {
        Paradigm.COT: "d = 6Kr + 6r + 3d_Q + (3K+1)d_G + 10K + 21",
        Paradigm.SCOT: "d = 7Kr + 9r + 5d_Q + (4K+1)d_G + 13K + 31",
    }[paradigm]
    for field, (title, statement) in {**TITLES, "width": ("width", width)}.items():
        yield Lemma(
            f"dimensions.{name}.{title}",
            f"{statement}, even r >= {paradigm.least_bits}{ON_A_GRID}",
            PAPER,
            METHOD,
            equals(paradigm, field, _always(getattr(formulas, field))),
            at_even_widths(paradigm.least_bits),
        )


def _always(formula: Expr) -> Callable[[int], Expr]:
    return lambda _: formula


LEMMAS = (
    Lemma(
        "dimensions.phases",
        "L1 = r/2 + 1, L2 = L1 + r + 2, L3 = L2 + r + 1 give L3 + 4 = 5r/2 + 8 for all r; the construction has these "
        "phases for even r <= 64",
        PAPER,
        "sympy",
        _phases,
        applies=None,
    ),
    *_stated(Paradigm.COT, COT),
    Lemma(
        "dimensions.cot.heads",
        f"H = 3K heads in the layer that has most, even r >= 4{ON_A_GRID}",
        f"{PAPER}; FINDINGS 1",
        METHOD,
        equals(Paradigm.COT, "heads", _always(COT.heads)),
        at_even_widths(4),
    ),
    Lemma(
        "dimensions.cot.heads-at-r-2",
        f"H = 3K + 1 at r = 2, one more than stated{ON_A_GRID}",
        "FINDINGS 1",
        METHOD,
        lambda _, budget: equals(Paradigm.COT, "heads", _always(COT.heads + Integer(1)))(2, budget),
        applies=None,
    ),
    Lemma(
        "dimensions.cot.hidden-width",
        f"d_ff = max(18r + 2, 14Kr + 2r, |Q||Gamma|^K + 1), even r >= 2{ON_A_GRID}",
        PAPER,
        METHOD,
        equals(Paradigm.COT, "hidden_width", _always(COT.hidden_width)),
        at_even_widths(2),
    ),
    *_stated(Paradigm.SCOT, SCOT),
    Lemma(
        "dimensions.scot.heads",
        f"H = 3K + 2 heads in the layer that has most, even r >= 4{ON_A_GRID}",
        PAPER,
        METHOD,
        equals(Paradigm.SCOT, "heads", _always(SCOT.heads)),
        at_even_widths(4),
    ),
    Lemma(
        "dimensions.scot.hidden-width",
        f"d_ff = max(22r + 11, 18Kr + 2r + [r = 4], |Q||Gamma|^K + 4K d_G + 4K + 1), even r >= 4{ON_A_GRID}",
        f"{PAPER}; FINDINGS 2",
        METHOD,
        equals(Paradigm.SCOT, "hidden_width", _scot_hidden),
        at_even_widths(4),
    ),
    Lemma(
        "dimensions.scot.hidden-width-bound",
        f"d_ff <= max(22r + 11, 18Kr + 2r + 1, |Q||Gamma|^K + 4K d_G + 4K + 1) as stated, even r >= 4{ON_A_GRID}",
        PAPER,
        METHOD,
        at_most_stated(Paradigm.SCOT, "hidden_width", SCOT.hidden_width),
        at_even_widths(4),
    ),
)
