"""The MLP obligations: behind each layer every register holds what the annotation says (spec 5.1, points 1 and 2).

For one token class and layer, for all values of the ghosts: what the registers hold behind attention, plus what the
concrete neurons add to that, is what the annotation says they hold behind the MLP.  Registers that no neuron writes
must be annotated alike on both sides.  What is taken for granted: what attention leaves (the annotation, with the
facts of :mod:`verify.annotation.fetches`) and the definitions of derived numbers in :mod:`verify.annotation.symbolic`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from constructions.machines.machine import TuringMachine
from constructions.transformer.gadgets import Neuron
from constructions.transformer.network import Network
from constructions.transformer.registers import Span
from constructions.turing.encoding import Shape
from verify.annotation.content import Content
from verify.annotation.cot import Moment, content_of
from verify.annotation.fetches import resolved
from verify.annotation.ghosts import TokenClass
from verify.annotation.symbolic import Coordinate, Symbolic, numbers_in
from verify.hardmax.forward import Sublayer
from verify.lemmas.activation import added_terms
from verify.solver import Formula, LinearSum, Term, all_of, constant, equal, select, total


@dataclass(frozen=True)
class Unannotated:
    """A register that no neuron writes, and that the annotation changes all the same."""

    register: str
    before: Content
    after: Content


@dataclass(frozen=True)
class MlpObligation:
    """One token class and layer: the claim over the ghosts, and what the ghosts satisfy.

    ``claim`` is None when no neuron of the layer can fire for this class and nothing changes.
    """

    kind: TokenClass
    layer: int
    claim: Formula | None
    assumptions: tuple[Formula, ...]
    unannotated: tuple[Unannotated, ...]


def mlp_obligation(
    machine: TuringMachine, network: Network, neurons: Iterable[Neuron], kind: TokenClass, layer: int
) -> MlpObligation:
    """The obligation for the concrete neurons of a layer of the machine's network."""
    shape = Shape.of(machine, network.position_bits)

    def contents(sublayer: Sublayer) -> dict[Span, Content]:
        now = Moment(layer, sublayer)
        return {span: resolved(content_of(span.name, shape, kind, now), shape, kind) for span in network.registers}

    before, after = contents(Sublayer.ATTENTION), contents(Sublayer.MLP)
    numbers = {number for content in (*before.values(), *after.values()) for number in numbers_in(content)}
    symbolic = Symbolic(shape, machine, numbers)
    x: dict[int, Coordinate] = {}
    for span, content in before.items():
        x |= dict(zip(span.coordinates, symbolic.coordinates(content, span.width), strict=True))
    # A sum without terms: none of the neurons that write there can fire.
    added = {c: term for c, term in added_terms(neurons, x).items() if not isinstance(term, LinearSum) or term.summands}
    claims: list[Formula] = []
    unannotated: list[Unannotated] = []
    for span, content in after.items():
        if not set(span.coordinates) & set(added):
            if content != before[span]:
                unannotated.append(Unannotated(span.name, before[span], content))
            continue
        for c, wanted in zip(span.coordinates, symbolic.coordinates(content, span.width), strict=True):
            claims.append(equal(total([value(x[c]), added.get(c, constant(0))]), value(wanted)))
    claim = all_of(claims) if claims else None
    return MlpObligation(kind, layer, claim, tuple(symbolic.assumptions), tuple(unannotated))


def value(coordinate: Coordinate) -> Term:
    """A coordinate as an integer term."""
    return total([coordinate.constant, *(select(literal, weight, 0) for weight, literal in coordinate.parts)])
