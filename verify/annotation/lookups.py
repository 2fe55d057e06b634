"""The look-up obligations: behind attention, what look-up heads write is what the annotation says (spec 5.1, point 3).

A look-up head's query is, for every token class, the code of max(i - d, 0) for one d, and its key is the code of each
token's own position; by the lemma ``position.lookup`` it selects exactly the token d back.  What that brings must be
what is annotated, for each state of the token that asks and each state the token d back may have.
"""

from __future__ import annotations

from constructions.transformer.network import CompiledHead, Network
from constructions.transformer.program import HeadKind
from constructions.turing.encoding import Shape
from verify.annotation.content import Back, Bit, Code, Content, Fetched, Zero
from verify.annotation.cot import Moment, content_of
from verify.annotation.fetches import resolved
from verify.annotation.ghosts import TokenClass
from verify.annotation.layout import State, back, specialized, states, transport
from verify.hardmax.forward import Sublayer


def lookup_cases(network: Network, shape: Shape, layer: int) -> list[tuple[CompiledHead, State]]:
    """Each look-up head of a layer with each state of the token that asks."""
    heads = (head for head in network.layers[layer - 1].heads if head.kind is HeadKind.LOOKUP)
    return [(head, state) for head in heads for state in states(shape.position_bits)]


def wrong_lookup_case(network: Network, shape: Shape, layer: int, head: CompiledHead, state: State) -> str | None:
    """How what a look-up head does at a token in ``state`` differs from what is annotated; None if it does not."""
    before, where = Moment(layer - 1, Sublayer.MLP), f"layer {layer}, head {head.name}, {state}"
    for kind in TokenClass:
        if _held(network, shape, kind, before, head.key) != Code(Back(0)):
            return f"{where}: the keys of {kind.value} tokens are not their own positions"
    query = _held(network, shape, state.kind, before, head.query)
    if not (isinstance(query, Code) and isinstance(query.number, Back)):
        return f"{where}: the query is {query}, no position"
    wrong = wrong_fetch(network, shape, layer, head, state, query.number.distance)
    return None if wrong is None else f"{where}: {wrong}"


def wrong_frame(network: Network, shape: Shape, layer: int, kind: TokenClass) -> str | None:
    """Whether attention is annotated to change a register that no head writes, or two heads write one coordinate."""
    heads = network.layers[layer - 1].heads
    written = [c for head in heads for c in head.out]
    if len(set(written)) != len(written):
        return f"layer {layer}: two heads write one coordinate"
    moments = Moment(layer - 1, Sublayer.MLP), Moment(layer, Sublayer.ATTENTION)
    for span in network.registers:
        held, annotated = (content_of(span.name, shape, kind, now) for now in moments)
        if held != annotated and not any(head.out == span.coordinates for head in heads):
            return f"layer {layer}, {kind.value}: {span} holds {held}, no head writes it, and {annotated} is annotated"
    return None


def wrong_fetch(
    network: Network, shape: Shape, layer: int, head: CompiledHead, state: State, distance: int
) -> str | None:
    """How what the head brings to a token in ``state`` differs from what is annotated; None if it does not."""
    r, kind = shape.position_bits, state.kind
    moments = Moment(layer - 1, Sublayer.MLP), Moment(layer, Sublayer.ATTENTION)
    held, annotated = (_held(network, shape, kind, now, head.out) for now in moments)
    if annotated is None or held is None:
        return "the head writes a part of a register"
    if isinstance(annotated, Fetched):
        register = next((span.name for span in network.registers if head.value == span.coordinates), None)
        if register is None or (held, annotated) != (Zero(), Fetched(register, distance, layer)):
            return f"{annotated} is annotated where {held} was"
        claimed = resolved(annotated, shape, kind)
        if claimed == annotated:
            return None  # whatever it brings, that is what is annotated
        held = Zero()
    else:
        claimed = annotated
    held, claimed = specialized(held, state), specialized(claimed, state)
    for other in sorted(back(state, distance, r), key=str):
        brought = _held(network, shape, other.kind, moments[0], head.value)
        carried = None if brought is None else transport(specialized(brought, other), state, distance, r)
        # Nothing is added to what was there, or something where nothing was.
        if (carried == Zero() and claimed == held) or (held == Zero() and carried is not None and carried == claimed):
            continue
        return f"{claimed} is annotated; {held} was there, and a token {other} brings {carried or brought}"
    return None


def _held(
    network: Network, shape: Shape, kind: TokenClass, now: Moment, coordinates: tuple[int, ...]
) -> Content | None:
    """What these coordinates hold: a whole register, or one bit of one that holds a code or nothing."""
    for span in network.registers:
        if coordinates == span.coordinates:
            return content_of(span.name, shape, kind, now)
        if len(coordinates) == 1 and coordinates[0] in span.coordinates:
            content = content_of(span.name, shape, kind, now)
            if isinstance(content, Code):
                return Bit(content.number, coordinates[0] - span.offset)
            return content if content == Zero() else None
    return None
