"""A certificate about given sequences (NETWORKS 4 to 6): from what the prover found to the document."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

from exactformer.certificates import names
from exactformer.certificates.bundle import OfNetwork, provenance
from exactformer.certificates.document import rational, sha256
from exactformer.certificates.files import Subject
from exactformer.certificates.network_document import network_bytes
from exactformer.certificates.sequences.search import Refutation, SequencesFound, search
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.given import Given
from exactformer.verify.arithmetic.formats import power_of_two
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.stored import Unsupported
from exactformer.verify.verdict import Verdict

FORMAT, VERSION = "exactformer certificate about sequences", 2
SLACK = Fraction(1, 64)
"""The share by which a stated margin is below the one found, and a stated drift above: so enclosures of another
checker agree (NETWORKS 6)."""
DIGITS = 12
"""Binary digits of stated numbers."""
SMALLEST_DRIFT = power_of_two(-1024)
"""The smallest number other than 0 that is stated: the text of a smaller one would be long."""
MOST_BITS = 14_000
"""The most bits of an exact rational: Python reads and writes integers of up to 4,300 digits."""
LONGEST_SHOWN = 12
"""The most characters of a rational that is shown as it is."""


@dataclass(frozen=True)
class SequencesAsked:
    """An arithmetic, and beta; ``name``: what people call the network, for files."""

    model: ArithmeticModel
    beta: int = 1
    name: str = "transformer"


@dataclass(frozen=True)
class SequencesBundle(OfNetwork[SequencesFound]):
    """The certificate and what was found; not_shown: why an interval is not known."""

    @property
    def refutation(self) -> Refutation | None:
        return self.found.refutation

    @property
    def not_shown(self) -> str | None:
        return self.found.not_shown


def certify_sequences(net: Transformer, given: Given, asked: SequencesAsked, budget_seconds: int) -> SequencesBundle:
    """Search, and make the certificate.

    Errors: GivenError for sequences that the transformer cannot read, or for which hardmax does not decide what is
    expected; Unsupported (a ModelError) for an arithmetic that does not hold the weights; TooLarge and Undecided if
    something is not judged, or not within the budget.
    """
    started = time.perf_counter()
    found = search(net, given, asked.model, asked.beta, budget_seconds)
    _require_short(found)
    weights = network_bytes(net)
    weights_name = names.of_content(asked.name, weights, "network")
    sequences = [
        {"tokens": list(one.tokens), "asked": [[position, token] for position, token in one.asked]}
        for one in found.questions
    ]
    about = {"sequences": sequences, "arithmetic": asked.model.text, "beta": str(asked.beta)}
    network = {"weights": {"file": weights_name, "sha256": sha256(weights)}}
    certified = found.verdict is Verdict.CERTIFIED and found.least is not None
    document = {
        "format": FORMAT,
        "version": VERSION,
        "statement": {**about, "claim": sentence(found)},
        "network": network,
        "hardmax": None if found.margin is None else {"heads": heads_of(found), "margin": rational(found.margin)},
        "softmax": {
            "margin": rational(stated_margin(found.least)) if certified and found.least is not None else None,
            "drift": drifts_of(found),
        },
        "verdict": found.verdict.value,
        "refutation": _refutation(found.refutation),
        "provenance": provenance(time.perf_counter() - started),
    }
    name = names.of_sequences(asked.name, sha256(weights), sequences, asked.model, asked.beta)
    return SequencesBundle(document, Subject(name, {"statement": about}), found, weights, weights_name)


def _require_short(found: SequencesFound) -> None:
    """Make sure that exact numbers of hardmax can be written: they grow with the depth.  Raises Unsupported."""
    exact = [found.margin or Fraction(0), *(head.separation or Fraction(0) for head in found.heads)]
    bits = max(max(abs(one.numerator), one.denominator).bit_length() for one in exact)
    if bits > MOST_BITS:
        raise Unsupported(
            f"with hardmax, a separation or the margin is an exact rational of {bits} bits; at most {MOST_BITS} are "
            "written, so give a network with fewer layers, or weights with fewer bits"
        )


def heads_of(found: SequencesFound) -> list[dict[str, Any]]:
    """Every head, by layer, then in order."""
    heads = (
        (number, place, head)
        for number, layer in enumerate(found.net.layers, start=1)
        for place, head in enumerate(layer.heads)
    )
    return [
        {
            "layer": number,
            "head": place,
            "name": head.name,
            "separation": None if seen.separation is None else rational(seen.separation),
            "ties": seen.ties,
        }
        for (number, place, head), seen in zip(heads, found.heads, strict=True)
    ]


def drifts_of(found: SequencesFound) -> list[list[str | None]]:
    """For every layer, after attention and after the MLP."""
    stated = [None if drift is None else rational(stated_drift(drift)) for drift in found.drifts]
    return [stated[place : place + 2] for place in range(0, len(stated), 2)]


def stated_margin(margin: Fraction) -> Fraction:
    """At most 1 - 1/64 of a margin, in few digits.

    >>> stated_margin(Fraction(1))
    Fraction(63, 64)
    """
    return few_digits(margin * (1 - SLACK))


def stated_drift(drift: Fraction) -> Fraction:
    """At least 1 + 1/64 times a drift, in few digits.

    >>> stated_drift(Fraction(1)), stated_drift(Fraction(0))
    (Fraction(65, 64), Fraction(0, 1))
    """
    return -few_digits(-max(drift, SMALLEST_DRIFT) * (1 + SLACK)) if drift else drift


def few_digits(number: Fraction) -> Fraction:
    """A dyadic number that is at most this one, and less by at most 2^(1 - DIGITS) of it."""
    if number == 0:
        return number
    exponent = abs(number.numerator).bit_length() - number.denominator.bit_length() - DIGITS
    unit = power_of_two(exponent)
    return (number // unit) * unit


def _refutation(found: Refutation | None) -> dict[str, Any] | None:
    return None if found is None else {"sequence": found.sequence, "position": found.position, "token": found.token}


def sentence(found: SequencesFound) -> str:
    """The claim (NETWORKS 4)."""
    count, positions = len(found.questions), found.positions
    subject = (
        f"On {count} given sequence{'' if count == 1 else 's'}, the softmax transformer of these weights, in the "
        f"arithmetic {found.model.text} at beta = {found.beta},"
    )
    where = f"the expected token strictly first at each of the {positions} position{'' if positions == 1 else 's'}"
    match found.verdict:
        case Verdict.CERTIFIED:
            return f"{subject} ranks {where} asked about."
        case Verdict.REFUTED:
            return f"{subject} does not rank {where} asked about."
        case _:
            return f"{subject} is not shown to rank {where} asked about, nor shown not to."


def shown(number: str, rounding: str = ROUND_HALF_EVEN) -> str:
    """A rational for people: itself if it is short, else a decimal number close to it; bounds are rounded to the safe
    side.

    >>> shown("65/64"), shown(str(Fraction(2, 3) / 2**99)), shown(str(Fraction(10**40, 3)))
    ('65/64', '~ 1.05e-30', '~ 3.33e+39')
    """
    if len(number) <= LONGEST_SHOWN:
        return number
    with localcontext(prec=3, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN):
        top, _, bottom = number.partition("/")
        return f"~ {Decimal(top) / Decimal(bottom or 1):.2e}"
