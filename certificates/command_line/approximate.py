"""``exactformer approximate``: a function, an accuracy, and the network of the high-precision construction for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import click

from certificates.command_line.outcome import ExitCode, InputRefused, refusing
from constructions.contextual.functions import SAMPLES, FunctionError, load_target, require_as_stated
from constructions.contextual.grid import GridError
from verify.contextual.approximation import Approximation, SpecificationError, plan
from verify.contextual.theorem import Certified, certify


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    function: str
    n: int
    d: int
    epsilon: str
    p: int
    delta: str | None
    positional: bool


def execute(asked: Asked) -> None:
    """Choose delta, decide the lemmas for it, and say what is proved.

    Exit code: 0 certified, 1 a lemma does not hold, 2 bad input, 3 a lemma is left open.
    """
    certified = certified_approximation(asked)
    click.echo("\n".join(in_words(certified)))
    if certified.holds is not True:
        raise SystemExit(ExitCode.REFUTED if certified.holds is False else ExitCode.INCONCLUSIVE)


def certified_approximation(asked: Asked) -> Certified:
    """The approximation that was asked for, with what was decided of it.  Raises InputRefused."""
    epsilon = rational("--epsilon", asked.epsilon)
    delta = None if asked.delta is None else rational("--delta", asked.delta)
    with refusing(FunctionError, GridError, SpecificationError):
        target = load_target(asked.function)
        found = plan(target, asked.n, asked.d, epsilon, asked.p, asked.positional, delta)
        require_as_stated(target, asked.n, asked.d)
        return certify(found)


def rational(option: str, text: str) -> Fraction:
    """A number like 1/4 or 0.25."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InputRefused(f"{option} {text}: give a number like 1/4 or 0.25") from None


def in_words(certified: Certified) -> Iterator[str]:
    """The report, line by line."""
    found = certified.approximation
    grid, target, counts = found.grid, found.target, found.counts
    domain = f"[0, 1)^({grid.d} x {grid.n})"
    yield f"{target.name}: {target.sentence}; {grid.n} tokens of dimension {grid.d}, inputs from {domain}"
    yield f"modulus of continuity, stated: {target.modulus_text}" + (
        "" if target.from_library else f"; tried at {SAMPLES} pairs of points, not proved"
    )
    if found.positional:
        why = "asked for" if target.equivariant else "the function is not permutation-equivariant"
        yield f"positional encoding ({why}): column k lies in [k-1, k)^{grid.d}, so no column is repeated"
    yield f"delta = {grid.delta}: {why_delta(found)}"
    yield f"t_l = {found.interval.low}, t_r = {found.interval.high}"
    yield (
        f"layers: {counts.quantisation} quantise, {counts.selective} shift selectively, 1 globally, {counts.dismissal}"
        f" dismiss other ids, {counts.bumps} map values" + (", 1 takes a lift back" if certified.lift else "")
    )
    verdict = {True: "proved", False: "refuted", None: "left open"}
    for one in certified.evidence:
        yield f"  {one.lemma} {verdict[one.holds]}: {one.text}"
    yield f"given the modulus, {verdict[certified.holds]}:"
    yield from (f"  {line}" for line in bounds(found))
    if certified.runs is not None:
        runs = certified.runs
        yield (
            f"checked on {runs.inputs} sampled inputs, run through every layer: at the {runs.proper} without repeated"
            f" columns the largest difference of an entry is {runs.largest}"
        )


def why_delta(found: Approximation) -> str:
    """What makes the grid fine enough."""
    half = found.grid.delta / 2
    return (
        f"w({half}) = {found.cell_error} is how far an entry can be off within a cell; it and the bound in"
        f" L^{found.p} are at most epsilon = {found.epsilon}, and n < 1/delta - 1"
    )


def bounds(found: Approximation) -> Iterator[str]:
    """What is claimed of the network."""
    p = found.p
    yield (
        f"the integral of sum |network - f|^{p} over the entries is at most {found.integral_bound}, so the distance in"
        f" L^{p} is at most {found.lp_bound} <= {found.epsilon}"
    )
    if found.repeated:
        yield (
            f"every entry is within {found.cell_error} of f's, off the inputs with two tokens in one cell, whose"
            f" measure is {found.repeated}; there the network gives 0 and |f| <= {found.sup}"
        )
    else:
        yield f"every entry is within {found.cell_error} of f's, at every input"
