"""NETWORKS sections 4 to 6: `check_sequences` decides whether a certificate about given sequences is valid.

Hardmax is computed again and compared. Intervals enclose the softmax transformer, and the certificate may not state
more than they show. Only these are read without computing: the sequences with what is asked, the arithmetic, beta, the
network, the verdict and the place of a refutation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from exactformer.certificates.checker.check import Valid, read_named
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    SEQUENCES,
    Json,
    Rejected,
    TooLarge,
    integer,
    items,
    members,
    quote,
    rational,
    rational_text,
    read_canonical,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.sequences.arithmetic import require_judged
from exactformer.certificates.checker.sequences.hardmax import Tally, margins
from exactformer.certificates.checker.sequences.network import Logits, Nearest, Network, pair, read_network
from exactformer.certificates.checker.sequences.statement import (
    MOST_TOKENS,
    SAYS,
    Given,
    Statement,
    counted,
    read_statement,
)
from exactformer.certificates.checker.sequences.walk import difference, read_at, walk
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value

TOP = ("format", "version", "statement", "network", "hardmax", "softmax", "verdict", "refutation", "provenance")
MOST_ACTIVATIONS = 2**21
"""The most activations at once: tokens of a sequence times coordinates, neurons and values of a layer."""
MOST_PRODUCTS, MOST_EXPONENTIALS = 2**26, 2**22
"""The most products: tokens times weights, and pairs of tokens that meet times entries of queries and values; the most
exponentials: such pairs times heads."""


def check_sequences(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The result, if the certificate is valid; else `Rejected`, or `BadInput` if there is nothing to judge.

    The network may be given as a file, or as the bytes of one; else it is read from the certificate's folder. All of
    the check may take ``budget`` seconds.
    """
    deadline = Deadline(budget)
    parts = members("certificate", read_certificate(certificate_path, SEQUENCES), *TOP)
    require_same("version", parts["version"], 2)
    require_provenance(parts["provenance"])
    verdict = text("verdict", parts["verdict"])
    if verdict not in SAYS:
        raise Rejected("verdict", f"is {quote(verdict)}, which is not a verdict")
    statement = read_statement(parts["statement"])
    require_same("statement.claim", statement.claim, statement.sentence(verdict))
    document = members("network", parts["network"], "weights")["weights"]
    data = read_named("network.weights", document, certificate_path.parent, network_given)
    linear = None if statement.arithmetic.kind == EXACT else statement.arithmetic.model.steps.linear
    network = read_network(read_canonical(data, "network"), linear)
    logits = network.outputs
    if isinstance(logits, Nearest):
        raise TooLarge(
            "network.outputs are the nearest of some numbers: certificates about sequences do not judge them"
        )
    require_judged(statement.arithmetic, network)
    check_tokens(statement.sequences, network, logits)
    require_light_work(statement.sequences, network, logits)
    softmax = members("softmax", parts["softmax"], "margin", "drift")
    told = read_verdict(verdict, softmax["margin"], parts["refutation"], statement, logits)
    tallies, bounds, found = list[Tally](), list[Fraction | None](), list[Fraction]()
    for place, given in enumerate(statement.sequences):
        walked = walk(network, given.tokens, statement.arithmetic, deadline)
        tallies = [a | b for a, b in zip(tallies or walked.tallies, walked.tallies, strict=True)]
        drifts = zip(bounds or walked.drifts, walked.drifts, strict=True)
        bounds = [None if a is None or b is None else max(a, b) for a, b in drifts]
        if walked.state is not None:
            found += margins(logits, walked.state, given.asked, deadline)
        for position, expected in given.asked:
            vector = read_at(statement.arithmetic, network, walked, position)
            for other in told.others(logits, place, position, expected):
                deadline.left("softmax.margin")
                told.require(Difference(place, position, expected, other), vector, logits, statement.arithmetic)
    if not network.rational:
        require_same("hardmax", parts["hardmax"], None)
        require_same("softmax.drift", softmax["drift"], [])
        return _valid(verdict, statement, network, None, [], told)
    heads = [
        (number, at, head.name) for number, layer in enumerate(network.layers, 1) for at, head in enumerate(layer.heads)
    ]
    entries: list[Json] = [
        {
            "layer": number,
            "head": at,
            "name": name,
            "separation": None if tally.separation is None else rational_text(tally.separation),
            "ties": tally.ties,
        }
        for (number, at, name), tally in zip(heads, tallies, strict=True)
    ]
    margin = min(found)
    require_same("hardmax", parts["hardmax"], {"heads": entries, "margin": rational_text(margin)})
    return _valid(verdict, statement, network, margin, check_drift(softmax["drift"], bounds), told)


def check_tokens(sequences: Sequence[Given], network: Network, logits: Logits) -> None:
    """`Rejected` unless all tokens and outputs are the network's, and no sequence is longer than its positions."""
    for place, given in enumerate(sequences):
        field, most = f"statement.sequences[{place}]", network.positions
        for token in given.tokens:
            if token not in network.vocabulary:
                raise Rejected(field, f"has {quote(token)}, which is not in the vocabulary")
        for _, output in given.asked:
            if output not in logits:
                raise Rejected(field, f"asks for {quote(output)}, which is not an output")
        if most is not None and len(given.tokens) > most:
            raise Rejected(field, f"has {len(given.tokens)} tokens; the network has {most} positions")


def require_light_work(sequences: Sequence[Given], network: Network, logits: Logits) -> None:
    """`TooLarge` if the check takes more multiplications and exponentials than this checker's limits."""
    tokens = sum(len(given.tokens) for given in sequences)
    longest = max(len(given.tokens) for given in sequences)
    weights = sum(len(row.terms) + 1 for row in network.rows()) + network.width * (len(network.layers) + 1)
    weights += 4 * network.width * len(network.norms)
    weights += sum(3 * 4 * len(head.rotary) for layer in network.layers for head in layer.heads)  # of query and key
    unembedding = sum(len(row.terms) + 1 for row in logits.values())
    asked = sum(len(given.asked) for given in sequences)
    pairs = sum(len(given.tokens) ** 2 for given in sequences)
    heads = [head for layer in network.layers for head in layer.heads]
    entries_of_heads = sum(len(head.query) + len(head.value) for head in heads)
    widest = max(
        (
            len(layer.neurons) + len(layer.gates) + sum(len(head.value) for head in layer.heads)
            for layer in network.layers
        ),
        default=0,
    )
    for number, most, what in (
        (tokens, MOST_TOKENS, "tokens"),
        (longest * (network.width + widest), MOST_ACTIVATIONS, "activations at once"),
        (tokens * weights, MOST_PRODUCTS, "products of weights"),
        (asked * unembedding, MOST_PRODUCTS, "products of unembeddings"),
        (pairs * entries_of_heads, MOST_PRODUCTS, "products of queries and keys, and of attention weights and values"),
        (pairs * len(heads), MOST_EXPONENTIALS, "exponentials"),
    ):
        if number > most:
            raise TooLarge(f"the sequences need {number:,} {what}; this checker computes up to {most:,}")


def check_drift(value: Json, bounds: Sequence[Fraction | None]) -> list[Fraction | None]:
    """Section 6: the stated drifts, none of which is below the bound computed here, or stated if there is no bound."""
    layers = items("softmax.drift", value)
    if 2 * len(layers) != len(bounds):
        raise Rejected("softmax.drift", f"has {len(layers)} entries where there must be {len(bounds) // 2}")
    stated = list[Fraction | None]()
    for number, layer in enumerate(layers):
        field = f"softmax.drift[{number}]"
        for place, entry in enumerate(pair(field, layer, "a pair [attention, mlp]")):
            here, bound = f"{field}[{place}]", bounds[len(stated)]
            stated.append(None if entry is None else rational(here, entry))
            if (drift := stated[-1]) is None:
                continue
            if None in stated:
                raise Rejected(here, "is stated, but an earlier one is null")
            if bound is None:
                raise Rejected(here, "is stated, but this checker cannot exclude an overflow")
            if drift < bound:
                raise Rejected(here, f"is {approximately(drift)}; this checker shows only {approximately(bound)}")
    return stated


class Difference(NamedTuple):
    """At a position of a sequence, by how much the expected token's logit is above another's."""

    sequence: int
    position: int
    expected: str
    other: str

    @property
    def where(self) -> str:
        return f"at position {self.position} of sequence {self.sequence}"


@dataclass(frozen=True)
class Told:
    """What a verdict says about differences: all are at least ``margin``; or one is at most 0; or nothing."""

    margin: Fraction | None = None
    refuted: Difference | None = None

    def others(self, logits: Logits, sequence: int, position: int, expected: str) -> Iterable[str]:
        """The tokens about whose difference from the expected one something is said here."""
        if self.margin is not None:
            return (name for name in logits if name != expected)
        return [self.refuted.other] if self.refuted and self.refuted[:2] == (sequence, position) else []

    def require(self, of: Difference, vector: list[Value] | None, logits: Logits, arithmetic: Arithmetic) -> None:
        """`Rejected` unless it is shown."""
        field = "refutation" if self.margin is None else "softmax.margin"
        try:
            if vector is None:
                raise Unbounded
            ends = difference(arithmetic, vector, logits[of.expected], logits[of.other])
        except Unbounded as error:
            raise Rejected(field, f"is stated, but {of.where} an overflow is not excluded") from error
        low, high = (Fraction(end, 1 << arithmetic.grid) for end in ends)
        expected, other = quote(of.expected), quote(of.other)
        if self.margin is not None and low < self.margin:
            raise Rejected(
                field,
                f"is {approximately(self.margin)}; {of.where} this checker shows {expected} to be above {other} by "
                f"{approximately(low)} only",
            )
        if self.margin is None and high > 0:
            raise Rejected(field, f"is not shown: {expected} may be above {other} by {approximately(high)}")

    @property
    def facts(self) -> list[str]:
        if self.margin is not None:
            least = approximately(self.margin, ROUND_FLOOR)
            return [f"the expected token's logit is above every other's by {least} or more"]
        if (of := self.refuted) is None:
            return []
        return [f"{of.where}, {quote(of.other)} has a logit not below that of {quote(of.expected)}"]


def read_verdict(verdict: str, margin: Json, refutation: Json, statement: Statement, logits: Logits) -> Told:
    """Section 6: a margin where certified, a refutation where refuted, else neither."""
    if verdict != "certified":
        require_same("softmax.margin", margin, None)
    if verdict != "refuted":
        require_same("refutation", refutation, None)
    if verdict == "certified":
        stated = rational("softmax.margin", margin)
        if stated <= 0:
            raise Rejected("softmax.margin", f"is {rational_text(stated)}, not positive")
        return Told(stated)
    if verdict == "inconclusive":
        return Told()
    parts = members("refutation", refutation, "sequence", "position", "token")
    place = integer("refutation.sequence", parts["sequence"], 0, len(statement.sequences) - 1)
    given, token = statement.sequences[place], text("refutation.token", parts["token"])
    position = integer("refutation.position", parts["position"], 0, len(given.tokens) - 1)
    expected = dict(given.asked).get(position)
    if expected is None:
        raise Rejected("refutation.position", f"is {position}: nothing is asked there")
    if token not in logits or token == expected:
        raise Rejected("refutation.token", f"is {quote(token)}, no other token that could be ranked first")
    return Told(None, Difference(place, position, expected, token))


def approximately(value: Fraction, rounding: str = ROUND_HALF_EVEN) -> str:
    """A rational as text, as a fraction or, if that is long, to a few digits; bounds are rounded to the safe side.

    >>> approximately(Fraction(3**99, 2**160), ROUND_FLOOR), approximately(Fraction(3**99, 2**160), ROUND_CEILING)
    ('about 1.17e-1', 'about 1.18e-1')
    >>> approximately(Fraction(-5, 8)), approximately(Fraction(10**30 + 1, 10**33)), approximately(Fraction(3**9999))
    ('-5/8', 'about 1.00e-3', 'about 5.44e+4770')
    """
    if len(written := rational_text(value)) <= 24:
        return written
    with localcontext(prec=3, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN):
        return f"about {Decimal(value.numerator) / Decimal(value.denominator):.2e}"


def _valid(
    verdict: str,
    statement: Statement,
    network: Network,
    margin: Fraction | None,
    drift: Sequence[Fraction | None],
    told: Told,
) -> Valid:
    """The result, with what was proved and what is assumed."""
    orders = "" if statement.arithmetic.kind == EXACT else ", in whatever order sums are added, with or without FMA"
    proved = [f"{fact}{orders}: by intervals between rationals" for fact in told.facts]
    bounds = [bound for bound in drift if bound is not None]
    if bounds:
        behind = "every layer" if len(bounds) == len(drift) else f"the first {len(bounds)} of {len(drift)} sublayers"
        proved.append(
            f"up to {behind}, no activation of any token is further than "
            f"{approximately(max(bounds), ROUND_CEILING)} from that of the hardmax transformer{orders}"
        )
    replayed = (
        (
            f"the hardmax transformer on {counted(len(statement.sequences), 'sequence')}, in exact rationals: "
            "separations and ties of its heads",
            "its margin: the expected token's logit minus the largest other is "
            f"{approximately(margin, ROUND_FLOOR)} at least",
        )
        if margin is not None
        else ()
    )
    assumed = (
        f"that weights, sums, softmax and activations are computed as certificates/NETWORKS.md, 3, says of "
        f"{statement.text}, with a correctly rounded exponential"
        if statement.arithmetic.kind != EXACT
        else "that softmax, sums and products are computed without any rounding, in real numbers",
        "that the transformer has the shape of certificates/NETWORKS.md, 1, and the weights of the network document: "
        f"{len(network.layers)} layers, width {network.width}",
    )
    return Valid(verdict, statement.sentence(verdict), tuple(proved), replayed, assumed, NOT_CLAIMED)


NOT_CLAIMED = ("anything about other sequences, or about positions that are not asked about",)
