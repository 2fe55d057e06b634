"""Gadgets as claims: what each of them adds, when its conditions are met and when not.

If conditions are not met, nothing is added, whatever ternary values all registers have.  A wanted condition may be any
of -1, 0, 1 (a flag, or one coordinate of a +-1 register, or of one that is all 0) and is met at +1; an unwanted one is
a flag, met at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from exactformer.constructions.transformer.gadgets import (
    Copy,
    Decrement,
    DecrementInPlace,
    Gadget,
    Map,
    MoveHead,
    Or,
    When,
    Zero,
    neurons,
)
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.lemmas.activation import Contents, Domain
from exactformer.verify.lemmas.bits import decode, decremented, encode, incremented
from exactformer.verify.lemmas.claim import Added, Case, Claim, ClaimError, Symbols, nothing_added
from exactformer.verify.solver import Formula, Term, all_of, any_of, negation, select, weighted_total

MOVES = {(-1, -1): -1, (+1, -1): 0, (+1, +1): +1}
"""enc_move of L, S, R and the direction it stands for."""


def claim_about(gadget: Gadget, title: str) -> Claim:
    """What this gadget is to do, as a claim about its concrete neurons.

    Raises ClaimError when two parts of the gadget that have to differ share a coordinate.
    """
    match gadget:
        case Copy(source, target, conditions):
            return _claim(title, gadget, conditions, (source,), (target,), *_copy(source, target))
        case Zero(target, conditions):
            return _claim(title, gadget, conditions, (target,), (), *_zero(target))
        case Decrement(source, target, exponent, conditions):
            parts = _decrement(source, target, exponent)
            return _claim(title, gadget, conditions, (source,), (target,), *parts)
        case DecrementInPlace(target, exponent, conditions):
            return _claim(title, gadget, conditions, (target,), (), *_decrement_in_place(target, exponent))
        case MoveHead(position, move, target, conditions):
            parts = _move(position, move, target)
            return _claim(title, gadget, conditions, (position, move, target), (), *parts)
        case Map(inputs, output, _, conditions):
            return _claim(title, gadget, conditions, inputs, output, *_map(gadget), domains=_map_domains(gadget))
        case Or(inputs, output):
            flags = {span.offset: Domain.FLAG for span in inputs}
            return _claim(title, gadget, (), inputs, (output,), *_or(inputs, output), domains=flags)


MetCase = tuple[str, dict[int, Domain], Callable[[Symbols], dict[int, Term]], Callable[[Symbols], list[Formula]]]


def _nothing(x: Symbols) -> list[Formula]:  # noqa: ARG001 - one of the functions a case may have
    return []


def _claim(
    title: str,
    gadget: Gadget,
    conditions: When,
    read: tuple[Span, ...],
    written: tuple[Span, ...],
    meaning: Callable[[Contents], Added | None],
    met: Sequence[MetCase],
    domains: Mapping[int, Domain] | None = None,
) -> Claim:
    """Add the conditions to what holds when they are met: `read` spans are inputs, `written` ones only written."""
    flags = tuple(condition.flag for condition in conditions)
    inputs = {c: Domain.TERNARY for span in read for c in span.coordinates} | dict(domains or {})
    free = {c.flag.offset: Domain.TERNARY if c.wanted else Domain.FLAG for c in conditions}
    fixed = {c.flag.offset: Domain.ONE if c.wanted else Domain.ZERO for c in conditions}
    spans = (*flags, *read, *written)
    if len({c for span in spans for c in span.coordinates}) < sum(span.width for span in spans):
        raise ClaimError(f"{title}: parts of {gadget} overlap")

    def holds(x: Contents) -> bool:
        return all(x[c.flag.offset] == (1 if c.wanted else 0) for c in conditions)

    def one_fails(x: Symbols) -> list[Formula]:
        wanted = [negation(x[c.flag.offset].is_one) for c in conditions if c.wanted]
        unwanted = [x[c.flag.offset].is_one for c in conditions if not c.wanted]
        return [any_of([*wanted, *unwanted])]

    cases = [Case(name, inside | fixed, adds, assumed) for name, inside, adds, assumed in met]
    if conditions:
        cases.append(Case("conditions not met", inputs | free, nothing_added, one_fails))
    return Claim(
        f"{title} when {' and '.join(map(str, conditions))}" if conditions else title,
        _distinct(spans),
        inputs | free,
        lambda x: meaning(x) if holds(x) else {},
        tuple(cases),
        tuple(neurons(gadget)),
    )


def _distinct(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(spans))


def _fill(spans: Iterable[Span], domain: Domain) -> dict[int, Domain]:
    return {c: domain for span in spans for c in span.coordinates}


def _read(span: Span, x: Contents) -> tuple[int, ...]:
    return tuple(x[c] for c in span.coordinates)


def _write(span: Span, values: Sequence[int]) -> dict[int, int]:
    return dict(zip(span.coordinates, values, strict=True))


def _signed(bits: Sequence[Formula]) -> list[Term]:
    return [select(bit, 1, -1) for bit in bits]


def _bits(span: Span, x: Symbols) -> list[Formula]:
    return [x[c].is_one for c in span.coordinates]


def _terms(span: Span, x: Symbols) -> list[Term]:
    return [x[c].term for c in span.coordinates]


def _difference(left: Term, right: Term) -> Term:
    return weighted_total([(1, left), (-1, right)])


def _at(span: Span, terms: Sequence[Term]) -> dict[int, Term]:
    return dict(zip(span.coordinates, terms, strict=True))


Parts = tuple[Callable[[Contents], Added | None], list[MetCase]]


def _copy(source: Span, target: Span) -> Parts:
    def adds(x: Symbols) -> dict[int, Term]:
        return _at(target, _terms(source, x))

    return lambda x: _write(target, _read(source, x)), [("met", _fill([source], Domain.TERNARY), adds, _nothing)]


def _zero(target: Span) -> Parts:
    def adds(x: Symbols) -> dict[int, Term]:
        return _at(target, [weighted_total([(-1, old)]) for old in _terms(target, x)])

    def meaning(x: Contents) -> Added:
        return _write(target, [-old for old in _read(target, x)])

    return meaning, [("met", _fill([target], Domain.TERNARY), adds, _nothing)]


def _decrement(source: Span, target: Span, exponent: int) -> Parts:
    def meaning(x: Contents) -> Added | None:
        code = _read(source, x)
        if not any(code):
            return {}
        number = decode(code)
        return None if number is None else _write(target, encode(max(number - 2**exponent, 0), source.width))

    def adds(x: Symbols) -> dict[int, Term]:
        return _at(target, _signed(decremented(_bits(source, x), exponent)))

    return meaning, [
        ("source a number", _fill([source], Domain.SIGNED), adds, _nothing),
        ("source all 0", _fill([source], Domain.ZERO), lambda _: {}, _nothing),
    ]


def _decrement_in_place(target: Span, exponent: int) -> Parts:
    def meaning(x: Contents) -> Added | None:
        code = _read(target, x)
        if not any(code):
            return {}
        number = decode(code)
        if number is None:
            return None
        becomes = encode(max(number - 2**exponent, 0), target.width)
        return _write(target, [new - old for new, old in zip(becomes, code, strict=True)])

    def adds(x: Symbols) -> dict[int, Term]:
        becomes = _signed(decremented(_bits(target, x), exponent))
        return _at(target, list(map(_difference, becomes, _terms(target, x))))

    return meaning, [
        ("target a number", _fill([target], Domain.SIGNED), adds, _nothing),
        ("target all 0", _fill([target], Domain.ZERO), lambda _: {}, _nothing),
    ]


def _move(position: Span, move: Span, target: Span) -> Parts:
    def meaning(x: Contents) -> Added | None:
        code, old, direction = _read(position, x), _read(target, x), MOVES.get(_pair(_read(move, x)))
        if direction is None:
            return None
        if not any(code):
            return _write(target, [-value for value in old])
        number = decode(code)
        if number is None or number + direction >= 2**position.width:
            return None
        becomes = encode(max(number + direction, 0), position.width)
        return _write(target, [new - value for new, value in zip(becomes, old, strict=True)])

    numbers = _fill([position, move], Domain.SIGNED) | _fill([target], Domain.TERNARY)
    zeros = _fill([position], Domain.ZERO) | _fill([move], Domain.SIGNED) | _fill([target], Domain.TERNARY)

    def is_move(x: Symbols) -> Formula:
        low, high = _bits(move, x)
        return any_of([low, negation(high)])

    def adds(x: Symbols) -> dict[int, Term]:
        bits, (low, high) = _bits(position, x), _bits(move, x)
        right, left = all_of([low, high]), all_of([negation(low), negation(high)])
        ways = zip(_signed(incremented(bits)), _signed(decremented(bits, 0)), _signed(bits), strict=True)
        becomes = [select(right, up, select(left, down, stay)) for up, down, stay in ways]
        return _at(target, list(map(_difference, becomes, _terms(target, x))))

    def fits(x: Symbols) -> list[Formula]:
        right_at_the_end = all_of([*_bits(move, x), *_bits(position, x)])
        return [is_move(x), negation(right_at_the_end)]

    def clears(x: Symbols) -> dict[int, Term]:
        return _at(target, [weighted_total([(-1, old)]) for old in _terms(target, x)])

    return meaning, [
        ("position a number", numbers, adds, fits),
        ("position all 0", zeros, clears, lambda x: [is_move(x)]),
    ]


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    first, second = values
    return first, second


def _map_domains(gadget: Map) -> dict[int, Domain]:
    """A coordinate at which some row has 0 is a flag; any other may be anything (a +-1 register, maybe all 0)."""
    read = [c for span in gadget.inputs for c in span.coordinates]
    domains = {}
    for place, c in enumerate(read):
        column = {values[place] for values, _ in gadget.rows}
        if {0, -1} <= column:
            raise ClaimError(f"a map reads coordinate {place} both as a flag and as a +-1 coordinate: {gadget}")
        domains[c] = Domain.FLAG if 0 in column else Domain.TERNARY
    return domains


def _map(gadget: Map) -> Parts:
    read = [c for span in gadget.inputs for c in span.coordinates]
    written = [c for span in gadget.output for c in span.coordinates]

    def meaning(x: Contents) -> Added:
        here = tuple(x[c] for c in read)
        matching = [added for values, added in gadget.rows if values == here]
        return {c: sum(added[place] for added in matching) for place, c in enumerate(written)}

    def matches(values: Sequence[int], x: Symbols) -> Formula:
        return all_of(x[c].literal(value) for c, value in zip(read, values, strict=True))

    def adds(x: Symbols) -> dict[int, Term]:
        rows = [(select(matches(values, x), 1, 0), added) for values, added in gadget.rows]
        return {c: weighted_total([(added[place], row) for row, added in rows]) for place, c in enumerate(written)}

    return meaning, [("met", _map_domains(gadget), adds, _nothing)]


def _or(inputs: tuple[Span, ...], output: Span) -> Parts:
    flags = [span.offset for span in inputs]

    def adds(x: Symbols) -> dict[int, Term]:
        return {output.offset: select(any_of(x[c].is_one for c in flags), 1, 0)}

    def meaning(x: Contents) -> Added:
        return {output.offset: 1 if any(x[c] == 1 for c in flags) else 0}

    return meaning, [("all", dict.fromkeys(flags, Domain.FLAG), adds, _nothing)]
