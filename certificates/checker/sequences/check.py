"""NETWORKS sections 4 to 6: `check_sequences` decides whether a certificate about given sequences is valid.

Hardmax is computed again and compared; the softmax transformer is enclosed by intervals, and what is stated of it may
not be more than they show. Read without computing are only: the sequences with what is asked, the arithmetic, beta, the
network, the verdict and the place of a refutation.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

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
from exactformer.certificates.checker.sequences.enclosure import EXACT, Unbounded
from exactformer.certificates.checker.sequences.hardmax import Tally, margins
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.sequences.statement import (
    MOST_TOKENS,
    SAYS,
    Given,
    Statement,
    counted,
    read_statement,
)
from exactformer.certificates.checker.sequences.walk import Walked, difference, walk

TOP = ("format", "version", "statement", "network", "hardmax", "softmax", "verdict", "refutation", "provenance")
MOST_ACTIVATIONS = 2**21
"""Tokens of a sequence times coordinates, neurons and values of a layer."""
MOST_PRODUCTS, MOST_EXPONENTIALS = 2**26, 2**22
"""Tokens times weights, and pairs of tokens that meet times entries of queries and values; such pairs times heads."""


def check_sequences(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The certificate is valid; else `Rejected`, or `BadInput` if there is nothing to judge.

    The network may be given as a file, or as the bytes of one; else it lies beside the certificate. All of the check
    may take ``budget`` seconds.
    """
    deadline = Deadline(budget)
    parts = members("certificate", read_certificate(certificate_path, SEQUENCES), *TOP)
    require_same("version", parts["version"], 2)
    require_provenance(parts["provenance"])
    verdict = text("verdict", parts["verdict"])
    if verdict not in SAYS:
        raise Rejected("verdict", f"is {quote(verdict)}, none of the verdicts")
    statement = read_statement(parts["statement"])
    require_same("statement.claim", statement.claim, statement.sentence(verdict))
    document = members("network", parts["network"], "weights")["weights"]
    data = read_named("network.weights", document, certificate_path.parent, network_given)
    linear = None if statement.arithmetic.kind == EXACT else statement.arithmetic.linear
    network = read_network(read_canonical(data, "network"), linear)
    check_tokens(statement.sequences, network)
    require_light_work(statement.sequences, network)
    walked = [walk(network, given.tokens, statement.arithmetic, deadline) for given in statement.sequences]
    margin = check_hardmax(parts["hardmax"], statement, network, walked)
    softmax = members("softmax", parts["softmax"], "margin", "drift")
    drift = check_drift(softmax["drift"], walked)
    shown = check_verdict(verdict, softmax["margin"], parts["refutation"], statement, network, walked, deadline)
    return _valid(verdict, statement, network, margin, drift, shown)


def check_tokens(sequences: Sequence[Given], network: Network) -> None:
    """All tokens are the network's, and every sequence has as many as there are positions at most."""
    for place, given in enumerate(sequences):
        field, most = f"statement.sequences[{place}]", network.positions
        for token in (*given.tokens, *(token for _, token in given.asked)):
            if token not in network.vocabulary:
                raise Rejected(field, f"has {quote(token)}, which is not in the vocabulary")
        if most is not None and len(given.tokens) > most:
            raise Rejected(field, f"has {len(given.tokens)} tokens; the network has {most} positions")


def require_light_work(sequences: Sequence[Given], network: Network) -> None:
    """The check does not take more multiplications and exponentials than this checker does; else `TooLarge`."""
    tokens = sum(len(given.tokens) for given in sequences)
    longest = max(len(given.tokens) for given in sequences)
    weights = sum(len(row.terms) for row in network.rows())
    unembedding = sum(len(token.unembedding.terms) + 1 for token in network.vocabulary.values())
    asked = sum(len(given.asked) for given in sequences)
    pairs = sum(len(given.tokens) ** 2 for given in sequences)
    heads = [head for layer in network.layers for head in layer.heads]
    entries_of_heads = sum(len(head.query) + len(head.value) for head in heads)
    widest = max(
        (len(layer.neurons) + sum(len(head.value) for head in layer.heads) for layer in network.layers), default=0
    )
    for number, most, what in (
        (tokens, MOST_TOKENS, "tokens"),
        (longest * (network.width + widest), MOST_ACTIVATIONS, "activations at once"),
        (tokens * (weights + network.width * len(network.layers)), MOST_PRODUCTS, "products of weights"),
        (asked * unembedding, MOST_PRODUCTS, "products of unembeddings"),
        (pairs * entries_of_heads, MOST_PRODUCTS, "products of queries and keys, and of attention weights and values"),
        (pairs * len(heads), MOST_EXPONENTIALS, "exponentials"),
    ):
        if number > most:
            raise TooLarge(f"the sequences make {number} {what}; this checker computes {most}")


def check_hardmax(value: Json, statement: Statement, network: Network, walked: Sequence[Walked]) -> Fraction:
    """Section 5: all of it is computed again; the margin."""
    heads = list[Json]()
    for number, layer in enumerate(network.layers):
        for place, head in enumerate(layer.heads):
            tally = Tally(None, 0)
            for one in walked:
                tally |= one.tallies[number][place]
            separation = None if tally.separation is None else rational_text(tally.separation)
            named: dict[str, Json] = {"layer": number + 1, "head": place, "name": head.name}
            heads.append({**named, "separation": separation, "ties": tally.ties})
    margin = min(
        found
        for given, one in zip(statement.sequences, walked, strict=True)
        for found in margins(network, one.state, given.asked)
    )
    require_same("hardmax", value, {"heads": heads, "margin": rational_text(margin)})
    return margin


def check_drift(value: Json, walked: Sequence[Walked]) -> list[Fraction | None]:
    """Section 6: no drift is stated below the bound computed here, or where there is none; those stated."""
    layers = items("softmax.drift", value)
    bounds = [None if None in column else max(column) for column in zip(*(one.drifts for one in walked), strict=True)]
    if 2 * len(layers) != len(bounds):
        raise Rejected("softmax.drift", f"has {len(layers)} entries where there must be {len(bounds) // 2}")
    stated = list[Fraction | None]()
    for number, layer in enumerate(layers):
        field = f"softmax.drift[{number}]"
        pair = items(field, layer)
        if len(pair) != 2:
            raise Rejected(field, f"is {quote(layer)} where a pair [attention, mlp] must be")
        for place, entry in enumerate(pair):
            here, bound = f"{field}[{place}]", bounds[len(stated)]
            drift = None if entry is None else rational(here, entry)
            if drift is not None and None in stated:
                raise Rejected(here, "is stated, but one before it is null")
            if drift is not None and bound is None:
                raise Rejected(here, "is stated, but this checker cannot exclude an overflow")
            if drift is not None and bound is not None and drift < bound:
                raise Rejected(here, f"is {approximately(drift)}; this checker shows {approximately(bound)} only")
            stated.append(drift)
    return stated


def check_verdict(
    verdict: str,
    margin: Json,
    refutation: Json,
    statement: Statement,
    network: Network,
    walked: Sequence[Walked],
    deadline: Deadline,
) -> str:
    """Section 6: what the verdict says is shown, in words."""
    if verdict != "certified":
        require_same("softmax.margin", margin, None)
    if verdict != "refuted":
        require_same("refutation", refutation, None)
    if verdict == "refuted":
        return _refuted(refutation, statement, network, walked)
    if verdict == "inconclusive":
        return ""
    stated = rational("softmax.margin", margin)
    if stated <= 0:
        raise Rejected("softmax.margin", f"is {rational_text(stated)}, not positive")
    for place, (given, one) in enumerate(zip(statement.sequences, walked, strict=True)):
        for position, expected in given.asked:
            where = f"at position {position} of sequence {place}"
            for other in network.vocabulary:
                deadline.left("softmax.margin")
                if other == expected:
                    continue
                shown = _difference(statement, network, one, position, expected, other)
                if shown is None:
                    raise Rejected("softmax.margin", f"is stated, but {where} an overflow is not excluded")
                if shown[0] < stated:
                    raise Rejected(
                        "softmax.margin",
                        f"is {approximately(stated)}; {where} this checker shows {quote(expected)} to be above "
                        f"{quote(other)} by {approximately(shown[0])} only",
                    )
    return f"the expected token's logit is above every other's by {approximately(stated)} or more"


def _refuted(value: Json, statement: Statement, network: Network, walked: Sequence[Walked]) -> str:
    parts = members("refutation", value, "sequence", "position", "token")
    place = integer("refutation.sequence", parts["sequence"], 0, len(walked) - 1)
    position = integer("refutation.position", parts["position"], 0, len(statement.sequences[place].tokens) - 1)
    token, expected = text("refutation.token", parts["token"]), dict(statement.sequences[place].asked).get(position)
    if expected is None:
        raise Rejected("refutation.position", f"is {position}: nothing is asked there")
    if token not in network.vocabulary or token == expected:
        raise Rejected("refutation.token", f"is {quote(token)}, no other token of the vocabulary")
    shown = _difference(statement, network, walked[place], position, expected, token)
    if shown is None:
        raise Rejected("refutation", "does not hold: an overflow is not excluded")
    if shown[1] > 0:
        above = approximately(shown[1])
        raise Rejected("refutation", f"is not shown: {quote(expected)} may be above {quote(token)} by {above}")
    return f"at position {position} of sequence {place}, {quote(token)} has a logit not below that of {quote(expected)}"


def _difference(
    statement: Statement, network: Network, walked: Walked, position: int, expected: str, other: str
) -> tuple[Fraction, Fraction] | None:
    """Ends of what the expected token's logit is above the other's; None if an overflow is not excluded."""
    if walked.enclosed is None:
        return None
    rows = network.vocabulary[expected].unembedding, network.vocabulary[other].unembedding
    try:
        low, high = difference(statement.arithmetic, walked.enclosed[position], *rows)
    except Unbounded:
        return None
    return Fraction(low, 1 << statement.arithmetic.grid), Fraction(high, 1 << statement.arithmetic.grid)


def approximately(value: Fraction) -> str:
    """A rational as text, as a fraction or, where that is long, to a few digits.

    >>> approximately(Fraction(-5, 8)), approximately(Fraction(10**30 + 1, 10**33)), approximately(Fraction(3**99))
    ('-5/8', 'about 1.00e-3', 'about 1.71e47')
    """
    if len(written := rational_text(value)) <= 24:
        return written
    size, exponent = abs(value), 0
    digits = (size.numerator.bit_length() - size.denominator.bit_length()) * 3 // 10
    size, exponent = size / Fraction(10) ** digits, digits
    while size >= 10:
        size, exponent = size / 10, exponent + 1
    while size < 1:
        size, exponent = size * 10, exponent - 1
    hundredths = int(size * 100)
    return f"about {'-' if value < 0 else ''}{hundredths // 100}.{hundredths % 100:02}e{exponent}"


def _valid(
    verdict: str,
    statement: Statement,
    network: Network,
    margin: Fraction,
    drift: Sequence[Fraction | None],
    shown: str,
) -> Valid:
    """The result, with what was proved and what is assumed."""
    orders = "" if statement.arithmetic.kind == EXACT else ", in whatever order sums are added, with or without FMA"
    proved = [f"{shown}{orders}: by intervals between rationals"] if shown else []
    bounds = [bound for bound in drift if bound is not None]
    if bounds:
        behind = "every layer" if len(bounds) == len(drift) else f"the first {len(bounds)} of {len(drift)} sublayers"
        proved.append(
            f"up to {behind}, no activation of any token is further than {approximately(max(bounds))} from that of the "
            f"hardmax transformer{orders}"
        )
    replayed = (
        f"the hardmax transformer on {counted(len(statement.sequences), 'sequence')}, in exact rationals: separations "
        "and ties of its heads",
        f"its margin: the expected token's logit minus the largest other is {approximately(margin)} at least",
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
