"""NETWORKS section 3: which arithmetics are judged, and sums of products of weights with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge, quote
from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.sequences.activations import smooth
from exactformer.certificates.checker.sequences.network import RATIONAL, Head, Layer, Network, Planes, Row
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Ends, Sum, Unbounded, Value

LARGEST_CONTEXT = 2**15
"""The most tokens of all sequences."""
LOWEST = -1024
"""The formats' smallest numbers are at least 2^LOWEST."""


def row_terms(arithmetic: Arithmetic, row: Row, vector: Sequence[Value]) -> Sum:
    """The terms weight * number of a row."""
    return arithmetic.products(((weight, vector[index]) for index, weight in row.weights), row.scale)


def first(arithmetic: Arithmetic, entry: Fraction, other: Fraction) -> Value:
    """A coordinate before the first layer: rnd_A(entry + other, added in L), which is one addition."""
    total, model = entry + other, arithmetic.model
    units, unit = total.numerator << arithmetic.grid, total.denominator
    if arithmetic.kind == EXACT:
        return arithmetic.number(model.activation, (units // unit, -(-units // unit)))
    added = arithmetic.round(model.steps.linear, total.numerator, unit)
    return arithmetic.rounded(model.activation, (added, added))


def activated(arithmetic: Arithmetic, row: Row, vector: Sequence[Value]) -> Value:
    """rnd_A of the row's sum in L."""
    model = arithmetic.model
    return arithmetic.rounded(model.activation, arithmetic.sum(model.steps.linear, row_terms(arithmetic, row, vector)))


def neurons(arithmetic: Arithmetic, layer: Layer, vector: Sequence[Value], deadline: Deadline) -> list[Value]:
    """What neurons read: numbers of L; with +stored, numbers of A."""
    own = [logit(arithmetic, row, vector) for row in layer.neurons]
    gates = [logit(arithmetic, row, vector) for row in layer.gates]
    active = list[Value]()
    for ends in gates or own:
        if layer.activation not in RATIONAL:
            deadline.left("softmax: activations")
        active.append(_activation(arithmetic, layer.activation, ends))
    if not gates:
        return active
    return [_product(arithmetic, gate, ends) for gate, ends in zip(active, own, strict=True)]


def _activation(arithmetic: Arithmetic, name: str, ends: Ends) -> Value:
    """The activation of a number of L or, with +stored, of A. A smooth one may be off by 8 u |z| + q."""
    model, (low, high) = arithmetic.model, ends
    form = model.activation if model.steps.stored else model.steps.linear
    if name == "relu":
        return arithmetic.number(form, (max(low, 0), max(high, 0)))
    if name == "identity":
        return arithmetic.number(form, ends)
    least, most = smooth(name, arithmetic.grid, ends)
    if arithmetic.kind == EXACT:
        return arithmetic.number(form, (least, most))
    linear, size = model.steps.linear, max(-low, high, 0)
    off = arithmetic.scaled(linear.unit) + (0 if linear.p is None else -(-8 * size >> linear.p))
    if max(off - least, most + off) > arithmetic.scaled(linear.largest):
        raise Unbounded(f"a neuron may overflow {linear.name}")
    found = arithmetic.number(linear, (least - off, most + off))
    return arithmetic.rounded(form, found[:2]) if model.steps.stored else found


def _product(arithmetic: Arithmetic, gate: Value, ends: Ends) -> Value:
    """rnd_L of two numbers' product; with +stored, rnd_A of that."""
    model, corners = arithmetic.model, [a * b for a in gate[:2] for b in ends]
    ends = min(corners) >> arithmetic.grid, -(-max(corners) >> arithmetic.grid)
    found = arithmetic.rounded(model.steps.linear, ends)
    return arithmetic.rounded(model.activation, found[:2]) if model.steps.stored else found


def of_head(
    arithmetic: Arithmetic, head: Head, planes: Planes, vector: Sequence[Value]
) -> tuple[list[Value], list[Value], list[Value]]:
    """Query, key and values of a token at a position with these planes, from what heads read of the token."""
    query, key, value = (
        [activated(arithmetic, row, vector) for row in rows] for rows in (head.query, head.key, head.value)
    )
    turned = head.turned(planes)
    for entries in (query, key):
        made = [(entry, activated(arithmetic, row, entries)) for entry, row in turned]
        for entry, number in made:
            entries[entry] = number
    return query, key, value


def added(arithmetic: Arithmetic, row: Row, made: Sequence[Value], vector: Sequence[Value]) -> Value:
    """A coordinate after a sublayer: rnd_A of the sum in L of itself, which is the row's first term, and of what the
    sublayer makes of these numbers; with +stored, that is rounded to A before it is added."""
    if not arithmetic.model.steps.stored:
        return activated(arithmetic, row, [*made, *vector])
    x, what = [*made, *vector][row.terms[0][0]], activated(arithmetic, row.rest, [*made, *vector])
    return arithmetic.rounded(
        arithmetic.model.activation, arithmetic.sum(arithmetic.model.steps.linear, arithmetic.numbers([x, what]))
    )


def logit(arithmetic: Arithmetic, row: Row, vector: Sequence[Value]) -> Ends:
    """The row's sum in L; with +stored, as a number of A."""
    if arithmetic.model.steps.stored:
        return activated(arithmetic, row, vector)[:2]
    return arithmetic.sum(arithmetic.model.steps.linear, row_terms(arithmetic, row, vector))


def require_judged(arithmetic: Arithmetic, network: Network, field: str = "statement.arithmetic") -> None:
    """`TooLarge` if something in the network is not judged in this arithmetic."""
    if network.norms and arithmetic.kind != EXACT and arithmetic.model.steps.linear.p is None:
        raise TooLarge(f"{field}: the network has norms, which are not judged with sums in fixed point")


def arithmetic_of(text: str, e: int, field: str = "statement.arithmetic") -> Arithmetic:
    """The arithmetic with this text; `Rejected` if it is not a canonical one, `TooLarge` if it is not judged."""
    model = parse_model(field, text, of_networks=True)
    steps = model.steps
    for is_there, what in (
        (model.kind == EXACT and text != EXACT, "a format of scores in exact, which rounds nothing"),
        (steps.head, "+head: heads of networks have scales instead"),
        (steps.block is not None, "+online"),
        (steps.once and (model.accumulator is None or steps.faithful), "+once with two formats, or with +faithful"),
    ):
        if is_there:
            raise TooLarge(f"{field} {quote(text)} is not judged because of {what}; NETWORKS 3 names what is")
    if model.kind == EXACT:
        return Arithmetic.of(model, e, LARGEST_CONTEXT)
    holding = {"linear": steps.linear}
    holding |= {} if steps.once else {"score": model.score}
    holding |= {} if model.accumulator is None else {"accumulator": model.accumulator}
    for role, form in holding.items():
        if not holds(form, model.activation):
            raise TooLarge(
                f"{field} {quote(text)} is not judged: its {role} format {form.name} does not have all numbers of "
                f"{model.activation.name}, which activations are in"
            )
    if min(form.lowest for form in (model.weight, model.activation, model.score, *holding.values())) < LOWEST:
        raise TooLarge(f"{field} {quote(text)} is not judged: a format has numbers below 2^{LOWEST}")
    return Arithmetic.of(model, e, LARGEST_CONTEXT)


def holds(wide: Format, narrow: Format) -> bool:
    """Whether all numbers of ``narrow`` are numbers of ``wide``.

    Those of a floating format are k 2^e with |k| < 2^p, down to its lowest e; of a fixed one k 2^lowest up to the
    largest.
    """
    bits = narrow.p if narrow.p is not None else int(narrow.largest / narrow.unit).bit_length()
    return wide.lowest <= narrow.lowest and narrow.largest <= wide.largest and (wide.p is None or bits <= wide.p)
