"""From a proved hardmax network to one whose activations drift, and whose tokens are right all the same (SPEC 20).

By induction over positions and layers, class by class: if before a layer no coordinate is further from its hardmax
value than a drift that depends on its class only, then attention and MLP leave drifts that do, too.  Activations are
rounded to the activation format behind every sublayer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.network import Mlp, Network
from exactformer.verify.annotation.content import Zero
from exactformer.verify.annotation.ghosts import TokenClass
from exactformer.verify.annotation.proof import HardmaxProof, HeadProof
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.models import Fused, Rounded, split_beta
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.drift.attention import BreaksDown, Query, Received, drift_of_result
from exactformer.verify.drift.mlp import drift_behind
from exactformer.verify.drift.next_token import margin_left
from exactformer.verify.drift.nominal import Nominal, Registers
from exactformer.verify.drift.rounding import NONE, rounded_drift

Drifts = dict[int, Fraction]
"""Coordinate -> drift, those that drift."""
ByClass = dict[TokenClass, Drifts]


@dataclass(frozen=True)
class Drift:
    """Tokens are proved right.

    largest: the largest drift of each register that drifts, over classes and moments.
    margin: what is left of the margin by which the right token is best, over all classes.
    """

    largest: Mapping[str, Fraction]
    margin: Fraction


@dataclass(frozen=True)
class Breakdown:
    """Where the bound stops saying anything; ``layer``: 0 before the first, one more than there are behind the last."""

    place: str
    reason: str
    layer: int


@dataclass(frozen=True)
class Asked:
    """The arithmetic, and what is known of the inputs."""

    model: Rounded | Fused
    context: int
    most_writes: int
    beta: int


def bound_drift(proof: HardmaxProof, network: Network, asked: Asked) -> Drift | Breakdown:
    """Bound the drifts layer by layer, and what they leave of the margin."""
    nominal = Nominal(proof.annotation)
    drifts: ByClass = {kind: {} for kind in proof.annotation.contents}
    largest: dict[str, Fraction] = {}
    register_of = {c: span.name for span in network.registers for c in span.coordinates}
    snapping = _Snapping(asked)
    if 2 * split_beta(asked.beta.bit_length() - 1).query > asked.model.activations.max_finite:
        return Breakdown("queries", f"twice the factor of W_Q is beyond {asked.model.activations.name}", 0)
    for number, layer in enumerate(network.layers, start=1):
        heads = [head for head in proof.heads if head.layer == number]
        try:
            drifts = _behind_attention(number, heads, drifts, nominal, snapping)
            _note(largest, drifts, register_of)
            drifts = {kind: _behind_mlp(kind, number, layer.mlp, drifts[kind], nominal, asked) for kind in drifts}
            _note(largest, drifts, register_of)
        except _Stopped as stopped:
            return Breakdown(f"layer {number}, {stopped.place}", stopped.reason, number)
        if any(drift > 1 for drift in largest.values()):
            return Breakdown(f"layer {number}", "an activation may drift by more than 1", number)
    left = margin_left(proof, network, drifts)
    if left <= 0:
        return Breakdown(
            "next token", f"drifts may take away the whole margin of {proof.margin}", len(network.layers) + 1
        )
    return Drift(largest, left)


class _Stopped(Exception):
    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason


class _Snapping:
    """Which heads give exactly the hardmax value where nothing has drifted."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._known: dict[TieFacts, bool] = {}

    def exact(self, separation: int, ties: int) -> bool:
        facts = TieFacts(separation, ties, self.asked.context)
        if facts not in self._known:
            self._known[facts] = decide_ties(self.asked.model, facts, self.asked.beta).up_to == ties
        return self._known[facts]


def _note(largest: dict[str, Fraction], drifts: ByClass, register_of: Mapping[int, str]) -> None:
    for of_class in drifts.values():
        for coordinate, drift in of_class.items():
            name = register_of[coordinate]
            largest[name] = max(largest.get(name, NONE), drift)


def _behind_attention(
    layer: int, heads: list[HeadProof], before: ByClass, nominal: Nominal, snapping: _Snapping
) -> ByClass:
    annotation = nominal.annotation
    registers = {kind: nominal.registers(annotation.before_attention(kind, layer)) for kind in before}
    after: ByClass = {kind: dict(drifts) for kind, drifts in before.items()}
    for head in heads:
        keys = {
            k: (max(drifts.get(k, NONE) for drifts in before.values()), max(r.magnitude(k) for r in registers.values()))
            for k in set(head.head.key)
        }
        values = [max(drifts.get(v, NONE) for drifts in before.values()) for v in head.head.value]
        for kind, drifts in before.items():
            query = _query(head, drifts, registers[kind], keys, snapping.asked)
            for out, drift in zip(head.head.out, _received(kind, head, query, values, snapping), strict=True):
                if drift:
                    after[kind][out] = after[kind].get(out, NONE) + drift
    return {
        kind: _rounded(
            after[kind],
            nominal.registers(annotation.behind_attention(kind, layer)),
            snapping.asked,
            f"attention, {kind.value}",
        )
        for kind in after
    }


def _query(
    head: HeadProof,
    drifts: Drifts,
    own: Registers,
    keys: Mapping[int, tuple[Fraction, int]],
    asked: Asked,
) -> Query:
    """How far scores drift: each product of a query and a key coordinate by d_q |k| + d_k |q| + d_q d_k."""
    eta = terms = NONE
    for q, k in zip(head.head.query, head.head.key, strict=True):
        (dk, most_k), dq, most_q = keys[k], drifts.get(q, NONE), own.magnitude(q)
        if dq or dk:
            eta += dq * most_k + dk * most_q + dq * dk
        terms += (dq + most_q) * (dk + most_k)
    return Query(head.separation, eta, terms, asked.context, asked.beta)


def _received(
    kind: TokenClass, head: HeadProof, query: Query, values: list[Fraction], snapping: _Snapping
) -> list[Fraction]:
    """For each coordinate of the head's ``out``, how far what tokens of a class receive is from its hardmax value."""
    asked = snapping.asked
    worst = [NONE] * len(values)
    for meaning in head.meanings:
        if meaning.kind is not kind:
            continue
        nonzero, ties = meaning.value != Zero(), asked.most_writes if meaning.many else 1
        for place, dv in enumerate(values):
            if query.score_drift == dv == 0 and snapping.exact(head.separation, ties):
                continue
            try:
                raw = drift_of_result(asked.model, query, Received(ties, nonzero, dv))
                here = rounded_drift(asked.model.activations, (0, 1) if nonzero else (0,), raw)
            except (BreaksDown, FormatOverflow) as stopped:
                raise _Stopped(f"head {head.head.name}, {kind.value}", str(stopped)) from stopped
            worst[place] = max(worst[place], here)
    return worst


def _behind_mlp(kind: TokenClass, layer: int, mlp: Mlp, before: Drifts, nominal: Nominal, asked: Asked) -> Drifts:
    if not before:
        return {}
    annotation = nominal.annotation
    after = drift_behind(mlp.neurons(), nominal.registers(annotation.behind_attention(kind, layer)), before)
    registers = nominal.registers(annotation.behind_mlp(kind, layer))
    return _rounded(after, registers, asked, f"MLP, {kind.value}")


def _rounded(drifts: Drifts, registers: Registers, asked: Asked, place: str) -> Drifts:
    after = {}
    for coordinate, drift in drifts.items():
        try:
            rounded = rounded_drift(asked.model.activations, registers.values(coordinate), drift)
        except FormatOverflow as overflow:
            raise _Stopped(place, str(overflow)) from overflow
        if rounded:
            after[coordinate] = rounded
    return after
