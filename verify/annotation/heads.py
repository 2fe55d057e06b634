"""The obligations of the other heads: which tokens they select, what these share, and how far all others score below.

For one head, one class of the token that asks and one *branch* (was the cell it addresses ever written, and a bit of
where) the head's meaning says which tokens are *selected*, and the top score.  Claimed for all ghosts of the token that
asks and of any token it may see, class by class (spec 5.1, point 3):

    selected      ->  score = top, and the value is what the annotation says the head brings
    not selected  ->  score <= top - 1

Some token is selected: INP and OUTP stand in every sequence in front of those who select them, and otherwise the token
at w_k is.  What is assumed of the two tokens' ghosts are the definitions of written_k, w_k and g_k, for each writer j:

    written_k = 0  ->  j's cell is not x_k
    written_k = 1  ->  if j's cell is x_k then j <= w_k; if j = w_k then j's cell is x_k and its symbol is g_k
    a token that writes nothing on tape k is not at w_k
    OUTP is at o
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from constructions.machines.machine import TuringMachine
from constructions.transformer.network import CompiledHead, Network
from constructions.transformer.program import HeadKind
from constructions.turing.encoding import Shape
from constructions.turing.registers import Phases
from verify.annotation.content import Back, Ghost, Number, Zero
from verify.annotation.cot import BEHIND_OUTP, Moment, content_of
from verify.annotation.ghosts import TokenClass
from verify.annotation.layout import visible
from verify.annotation.mlps import value
from verify.annotation.symbolic import FALSE, TRUE, Coordinate, Symbolic, numbers_in
from verify.hardmax.forward import Sublayer
from verify.solver import (
    Formula,
    Term,
    all_of,
    any_of,
    at_most,
    boolean,
    constant,
    equal,
    equivalent,
    implies,
    negation,
    select,
    total,
    weighted_total,
)

SEPARATION = 1


class HeadNotCovered(ValueError):
    """A head that these obligations say nothing about."""


@dataclass(frozen=True)
class HeadObligation:
    """One head, class of the token that asks, and branch: the claim and what is assumed."""

    head: CompiledHead
    layer: int
    kind: TokenClass
    branch: str
    claim: Formula
    assumptions: tuple[Formula, ...]


Selects = Callable[["_Key"], Formula]


@dataclass(frozen=True)
class Branch:
    """A case of the token that asks: which tokens are selected, and with what score."""

    title: str
    holds: Sequence[Formula]
    top: int
    selects: Selects


class _Token:
    """A token's class, its ghosts as formulas, and what its registers hold before a layer."""

    def __init__(self, machine: TuringMachine, network: Network, kind: TokenClass, layer: int, prefix: str) -> None:
        self.kind = kind
        self.shape = Shape.of(machine, network.position_bits)
        now = Moment(layer - 1, Sublayer.MLP)
        self.contents = {span: content_of(span.name, self.shape, kind, now) for span in network.registers}
        numbers: set[Number] = {Back(0)}
        for content in self.contents.values():
            numbers |= {one for one in numbers_in(content) if not isinstance(one, Back) or one.distance <= 1}
        self.symbolic = Symbolic(self.shape, machine, numbers, prefix)
        self._coordinates: dict[int, Coordinate] = {}
        for span, content in self.contents.items():
            self._coordinates |= dict(
                zip(span.coordinates, self.symbolic.coordinates(content, span.width), strict=True)
            )

    def coordinates(self, listed: Sequence[int]) -> list[Coordinate]:
        return [self._coordinates[c] for c in listed]


class _Key(_Token):
    """A token that may be selected."""

    def writer(self, k: int) -> tuple[tuple[Formula, ...], tuple[Formula, ...]] | None:
        """The bits of the cell it writes on tape k and of the symbol; None if it writes none."""
        bits = self.symbolic.bits
        if self.kind is TokenClass.RUN:
            return bits(Ghost(f"c_{k}")), bits(Ghost(f"a_{k}"))
        if self.kind is TokenClass.INPUT and k == 1:
            return bits(Back(1)), bits(Ghost("s"))
        return None

    @property
    def position(self) -> tuple[Formula, ...]:
        return self.symbolic.bits(Back(0))


def head_obligations(machine: TuringMachine, network: Network, layer: int) -> Iterator[HeadObligation]:
    """All obligations of the heads of a layer that are not look-ups."""
    for head in network.layers[layer - 1].heads:
        if head.kind is HeadKind.CONTENT:
            for kind in TokenClass:
                yield from _obligations(machine, network, layer, head, kind)


def _obligations(
    machine: TuringMachine, network: Network, layer: int, head: CompiledHead, kind: TokenClass
) -> Iterator[HeadObligation]:
    query = _Token(machine, network, kind, layer, "query:")
    keys = [
        _Key(machine, network, other, layer, f"{other.name}:")
        for other in sorted(visible(kind, network.position_bits), key=lambda other: other.name)
    ]
    brought = _brought(network, query, head, layer)
    for branch in _branches(query, head, layer):
        claims: list[Formula] = []
        assumptions = [*branch.holds, *query.symbolic.assumptions]
        for key in keys:
            assumptions += [*_definitions(query, key), *key.symbolic.assumptions]
            selected = branch.selects(key)
            score = _score(query.coordinates(head.query), key.coordinates(head.key))
            values = zip(key.coordinates(head.value), brought, strict=True)
            shared = [equal(value(held), value(wanted)) for held, wanted in values]
            claims.append(implies(selected, all_of([equal(score, branch.top), *shared])))
            claims.append(implies(negation(selected), at_most(score, branch.top - SEPARATION)))
        yield HeadObligation(head, layer, kind, branch.title, all_of(claims), tuple(assumptions))


def _brought(network: Network, query: _Token, head: CompiledHead, layer: int) -> list[Coordinate]:
    """What the annotation says the head adds: the register it writes held 0 before."""
    span = next((span for span in network.registers if span.coordinates == head.out), None)
    if span is None:
        raise HeadNotCovered(f"layer {layer}, head {head.name}: what it writes is no register")
    content = content_of(span.name, query.shape, query.kind, Moment(layer, Sublayer.ATTENTION))
    if query.contents[span] == content:
        return [Coordinate(FALSE, FALSE)] * span.width  # nothing changes, so nothing may be brought
    if query.contents[span] != Zero():
        raise HeadNotCovered(f"layer {layer}, head {head.name}: {span} held {query.contents[span]}, not 0")
    return list(query.symbolic.coordinates(content, span.width))


def _tokens_of(*kinds: TokenClass) -> Selects:
    """Every token of these classes is selected, and no other."""
    return lambda key: TRUE if key.kind in kinds else FALSE


def _branches(query: _Token, head: CompiledHead, layer: int) -> Iterator[Branch]:
    """The meaning of each head (spec 2.4, 2.5)."""
    r, name, _, tape = query.shape.position_bits, *head.name.rpartition("_")

    inp, outp = _tokens_of(TokenClass.INP), _tokens_of(TokenClass.OUTP)
    if head.name == "seen_outp":
        yield Branch("", (), 1, outp) if query.kind in BEHIND_OUTP else Branch("", (), 0, _tokens_of(*TokenClass))
    elif head.name == "outpos":
        if query.kind is TokenClass.OUTP:
            yield Branch("", (), 2, inp)
        else:
            yield Branch("", (), 1, outp) if query.kind in BEHIND_OUTP else Branch("", (), 0, _tokens_of(*TokenClass))
    else:
        k = int(tape)
        written = boolean(f"query:written_{k}=1")
        if _addresses(query, k):
            yield from _written_branches(query, name, k, layer, written)
        step = layer - Phases.of(r).L2 - 1
        top = {"written": r - 1, "exists_high": r + step, "read": 1}[name]
        yield Branch("unwritten", [negation(written)], top, inp)


def _written_branches(query: _Token, name: str, k: int, layer: int, written: Formula) -> Iterator[Branch]:
    r = query.shape.position_bits
    cell, last = _addressed(query, k), query.symbolic.bits(Ghost(f"w_{k}"))

    def writes_cell(key: _Key) -> Formula:
        writer = key.writer(k)
        return FALSE if writer is None else _same(writer[0], cell)

    if name == "written":
        yield Branch("written", [written], r, writes_cell)
    elif name == "read":
        yield Branch("written", [written], r, lambda key: _same(key.position, last))
    else:
        step = layer - Phases.of(r).L2 - 1
        b = r - 1 - step

        def agrees(key: _Key) -> Formula:
            return all_of([writes_cell(key), _same(key.position[b:], last[b:])])

        yield Branch(f"written, bit {b} of w is 1", [written, last[b]], r + step + 1, agrees)
        inp = _tokens_of(TokenClass.INP)
        yield Branch(f"written, bit {b} of w is 0", [written, negation(last[b])], r + step, inp)


def _cell(query: _Token, k: int) -> set[Number]:
    """The cell that the token addresses on tape k, if it does: what its ``hpos_k`` is the code of."""
    return next(numbers_in(content) for span, content in query.contents.items() if span.name == f"hpos_{k}")


def _addresses(query: _Token, k: int) -> bool:
    return bool(_cell(query, k))


def _addressed(query: _Token, k: int) -> tuple[Formula, ...]:
    (number,) = _cell(query, k)
    return query.symbolic.bits(number)


def _definitions(query: _Token, key: _Key) -> Iterator[Formula]:
    """What written_k, w_k, g_k and o mean for a token that the one that asks can see."""
    if key.kind is TokenClass.OUTP and query.kind in BEHIND_OUTP:
        yield _same(key.position, query.symbolic.bits(Ghost("o")))
    for k in range(1, query.shape.tapes + 1):
        written, last = boolean(f"query:written_{k}=1"), query.symbolic.bits(Ghost(f"w_{k}"))
        at_last = _same(key.position, last)
        writer = key.writer(k)
        if writer is None:
            yield implies(written, negation(at_last))
        elif _addresses(query, k):
            cell, symbol = writer
            here = _same(cell, _addressed(query, k))
            yield implies(here, all_of([written, _at_most(key.position, last)]))
            is_g = _same(symbol, query.symbolic.bits(Ghost(f"g_{k}")))
            yield implies(all_of([written, at_last]), all_of([here, is_g]))


def _same(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    return all_of(map(equivalent, left, right))


def _at_most(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """left <= right, for bits, least significant first."""
    holds = TRUE
    for a, b in zip(left, right, strict=True):
        holds = any_of([all_of([negation(a), b]), all_of([equivalent(a, b), holds])])
    return holds


def _score(query: Sequence[Coordinate], key: Sequence[Coordinate]) -> Term:
    """The sum of the products, pair by pair."""
    counts: dict[tuple[int, int], int] = {}
    pairs: dict[tuple[int, int], tuple[Coordinate, Coordinate]] = {}
    for a, b in zip(query, key, strict=True):
        place = id(a), id(b)
        counts[place] = counts.get(place, 0) + 1
        pairs[place] = a, b
    return weighted_total([(1, constant(0)), *((counts[place], _product(*pair)) for place, pair in pairs.items())])


def _product(a: Coordinate, b: Coordinate) -> Term:
    if a.signed and b.signed:
        return select(equivalent(a.plus, b.plus), 1, -1)
    for one, other in ((a, b), (b, a)):
        if one.plus is TRUE:
            return value(other)
        if one.plus is FALSE and one.minus is FALSE:
            return constant(0)
    alike = any_of([all_of([a.plus, b.plus]), all_of([a.minus, b.minus])])
    opposed = any_of([all_of([a.plus, b.minus]), all_of([a.minus, b.plus])])
    return total([select(alike, 1, 0), select(opposed, -1, 0)])
