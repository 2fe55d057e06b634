"""Lemmas ``scot.*``: the length cap of the summarized chain of thought, which layers 2 and 3 compute.

The two layers are taken from the construction: the maps that write the biteq flags, and the one neuron that reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exactformer.constructions.transformer.gadgets import Map, neurons
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.lemmas.activation import Domain, Symbol, added_by, added_terms
from exactformer.verify.lemmas.bits import digits, encode, is_digit, numeral
from exactformer.verify.lemmas.claim import Claim
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.lemmas.lemma import PAPER, Lemma, at_even_widths
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, Violated, conclude
from exactformer.verify.lemmas.positions import distinct_numbers
from exactformer.verify.lemmas.programs import program_gadgets
from exactformer.verify.solver import (
    Refuted,
    Term,
    Unknown,
    all_of,
    any_of,
    constant,
    equal,
    equivalent,
    negation,
    select,
    weighted_total,
)

EXHAUSTIVE_WIDTH = 6
"""Up to this width the cap is also evaluated at every pair of positions."""


class CapNotFound(ValueError):
    """The program has no length cap of the form that the lemma is about."""


@dataclass(frozen=True)
class LengthCap:
    """The gadgets of layers 2 and 3 that compute the cap."""

    position: Span
    promptend: Span
    flag: Span
    biteq: tuple[Map, ...]
    cap: Map


def length_cap(width: int) -> LengthCap:
    """The cap of the summarized program with r = width.  Raises CapNotFound if its gadgets are not there."""
    gadgets = program_gadgets(Paradigm.SCOT, width)
    maps = [(placed.layer, placed.gadget) for placed in gadgets if isinstance(placed.gadget, Map)]
    biteq = tuple(gadget for layer, gadget in maps if layer == 2 and gadget.output[0].name.startswith("biteq_"))
    caps = [gadget for layer, gadget in maps if layer == 3 and gadget.output[0].name == "length_cap"]
    if len(biteq) != width - 2 or len(caps) != 1:
        raise CapNotFound(f"r = {width}: {len(biteq)} biteq maps in layer 2 and {len(caps)} cap neurons in layer 3")
    spans = {span.name: span for gadget in (*biteq, *caps) for span in (*gadget.inputs, *gadget.output)}
    return LengthCap(
        _whole(spans["pos"], width), _whole(spans["promptend"], width), spans["length_cap"], biteq, caps[0]
    )


def _whole(part: Span, width: int) -> Span:
    """The register that a span is a part of."""
    return Span(part.name, part.offset - part.start, width)


def _biteq(width: int, budget: Budget) -> Outcome:
    return conclude(_biteq_findings(width, budget))


def biteq_claims(width: int) -> Iterator[Claim]:
    for gadget in length_cap(width).biteq:
        yield claim_about(gadget, str(gadget.output[0]))


def cap_claims(width: int) -> Iterator[Claim]:
    yield claim_about(length_cap(width).cap, "length_cap")


def _biteq_findings(width: int, budget: Budget) -> Iterator[Finding]:
    parts = length_cap(width)
    # Which bits each flag compares, and that a map of these rows compares them.
    wanted = [
        ((parts.position.offset + s + 2,), (parts.promptend.offset + s,), ((1, 1), (-1, -1))) for s in range(width - 2)
    ]
    found = [(*(span.coordinates for span in map_.inputs), tuple(row for row, _ in map_.rows)) for map_ in parts.biteq]
    yield budget.exhaust(
        "biteq maps",
        zip(found, wanted, strict=True),
        lambda pair: None if pair[0] == pair[1] else f"a biteq map at r = {width} reads {pair[0]}, not {pair[1]}",
    )
    for claim in biteq_claims(width):
        yield from claim.decide(budget)


def _cap(width: int, budget: Budget) -> Outcome:
    return conclude(_cap_findings(width, budget))


def _cap_findings(width: int, budget: Budget) -> Iterator[Finding]:
    parts = length_cap(width)
    for domain in (Domain.SIGNED, Domain.ZERO):
        yield _decide_cap(parts, domain, budget)
    # As numbers: with two zeros below promptend, and two above pos, equal codes are equal numbers.
    pos, promptend = digits("pos", width), digits("promptend", width)
    zeros: list[Term] = [constant(0), constant(0)]
    shifted, padded = [*zeros, *promptend], [*pos, *zeros]
    digit_rules = list(map(is_digit, (*pos, *promptend)))
    yield from distinct_numbers(shifted, padded, digit_rules, budget)
    yield budget.prove(equal(numeral(shifted), weighted_total([(4, numeral(promptend))])))
    yield budget.prove(equal(numeral(padded), numeral(pos)))
    if width <= EXHAUSTIVE_WIDTH:
        pairs = ((i, e) for i in range(2**width) for e in (None, *range(2**width)))
        yield budget.exhaust("positions and prompt ends", pairs, lambda pair: wrong_cap(parts, *pair))


def _decide_cap(parts: LengthCap, domain: Domain, budget: Budget) -> Finding:
    """The cap fires iff all bits match, as a statement about the concrete neurons of both layers."""
    width = parts.position.width
    symbols = {c: Symbol.of(f"pos[{b}]", Domain.SIGNED) for b, c in enumerate(parts.position.coordinates)}
    symbols |= {c: Symbol.of(f"promptend[{b}]", domain) for b, c in enumerate(parts.promptend.coordinates)}
    # The flags are what layer 2 adds to 0; `scot.biteq` says that this is 0 or 1.
    layer2 = added_terms((unit for gadget in parts.biteq for unit in neurons(gadget)), symbols)
    flags = {c: Symbol.of(f"flag{number}", Domain.FLAG) for number, c in enumerate(layer2)}
    symbols |= flags
    fires = added_terms(neurons(parts.cap), symbols)
    i, e = ([symbols[c] for c in span.coordinates] for span in (parts.position, parts.promptend))
    matches = all_of(
        [
            any_of([] if domain is Domain.ZERO else [all_of([])]),
            *(equivalent(i[s + 2].is_one, e[s].is_one) for s in range(width - 2)),
            *(negation(bit.is_one) for bit in (*i[:2], *e[-2:])),
        ]
    )
    verdict = budget.prove(
        all_of(equal(term, select(matches, 1, 0) if c == parts.flag.offset else 0) for c, term in fires.items()),
        [equal(flags[c].term, term) for c, term in layer2.items()],
    )
    if not isinstance(verdict, Refuted):
        return verdict
    position = sum(2**b for b, symbol in enumerate(i) if symbol.value(verdict.model) == 1)
    end = None if domain is Domain.ZERO else sum(2**b for b, one in enumerate(e) if one.value(verdict.model) == 1)
    wrong = wrong_cap(parts, position, end)
    return Violated(wrong) if wrong else Unknown(f"plain evaluation does not confirm pos {position}, prompt end {end}")


def wrong_cap(parts: LengthCap, position: int, end: int | None) -> str | None:
    """Run the two layers on concrete numbers; end None is a `promptend` that is all 0."""
    width = parts.position.width
    code = (0,) * width if end is None else encode(end, width)
    stream = dict(zip(parts.position.coordinates, encode(position, width), strict=True))
    stream |= dict(zip(parts.promptend.coordinates, code, strict=True))
    stream |= added_by((unit for gadget in parts.biteq for unit in neurons(gadget)), stream)
    got = added_by(neurons(parts.cap), stream)
    wanted = {parts.flag.offset: 1 if end is not None and position == 4 * end else 0}
    if got == wanted:
        return None
    return f"pos = {position}, promptend = {end}, r = {width}: length_cap gets {got}, should get {wanted}"


LEMMAS = (
    Lemma(
        "scot.biteq",
        "for all pos and ternary promptend: biteq_s = 1 if pos[s+2] = promptend[s] is not 0, else 0, for s = 0..r-3",
        f"{PAPER}: summarized, layer 2",
        "z3, neurons",
        _biteq,
        at_even_widths(4),
    ),
    Lemma(
        "scot.length-cap",
        "for all pos, promptend < 2^r: length_cap = 1 iff pos = 4 * promptend, without wrap-around; 0 where promptend "
        "is all 0",
        f"{PAPER}: summarized, layer 3",
        f"z3, neurons; exhaustive, r <= {EXHAUSTIVE_WIDTH}",
        _cap,
        at_even_widths(4),
        ("scot.biteq",),
    ),
)
