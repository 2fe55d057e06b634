"""WORDS sections 2 and 3: `check_words` decides whether a certificate about all words of a language is valid.

Everything is computed again. Read without computing are only: the language, what is asked, the arithmetic, beta, the
network, how far is far, and the place of a refutation.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from fractions import Fraction
from operator import mul
from pathlib import Path

from exactformer.certificates.checker.check import Valid, read_named
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    WORDS,
    Json,
    Rejected,
    integer,
    items,
    members,
    natural,
    quote,
    rational,
    read_canonical,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, require_judged
from exactformer.certificates.checker.sequences.check import approximately
from exactformer.certificates.checker.sequences.network import Network, pair, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import enclosed
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded
from exactformer.certificates.checker.words.levels import numbers_of_words
from exactformer.certificates.checker.words.outputs import is_not_below, names_of
from exactformer.certificates.checker.words.regular import Automaton, automaton_of
from exactformer.certificates.checker.words.sets import Sets
from exactformer.certificates.checker.words.states import UNKNOWN
from exactformer.certificates.checker.words.walk import Words

TOP = ("format", "version", "statement", "network", "far", "margins", "verdict", "refutation", "provenance")
VERDICTS = ("proved", "refuted", "inconclusive")
LONGEST, FURTHEST = 2**10, 2**12
"""Tokens of a word; ``far``."""
LAST, HARDMAX = "last", "hardmax"


@dataclass(frozen=True)
class Statement:
    """Section 2; the claim is not checked yet. ``first``: the first position that is asked about, None if it is the
    last one of a word."""

    claim: Json
    words: str
    length: int
    first: int | None
    expected: Json
    text: str
    arithmetic: Arithmetic

    def asked(self, length: int) -> slice:
        """The positions of a word that are asked about."""
        return slice(-1, None) if self.first is None else slice(self.first, length)

    def sentence(self, verdict: str, found: Listed | Refuted | None) -> str:
        """The claim."""
        how = (
            f"the softmax transformer of these weights, in the arithmetic {self.text} at beta = {2**self.arithmetic.e},"
        )
        if isinstance(found, Refuted):
            return (
                f"On the word {canonical(found.word)} of the language {self.words}, {how} does not give strictly the "
                f"output {canonical(found.expected)} at position {found.position}."
            )
        if found is None:
            language = f"of at most {self.length} tokens of the language {self.words}"
            if verdict == "proved":
                return (
                    f"On each word {language}, {how} gives at each position asked about strictly the output that the "
                    "hardmax transformer gives strictly."
                )
            return (
                f"On the words {language}, it is not shown, nor shown not to be so, that {how} gives strictly the "
                "outputs that the hardmax transformer gives strictly."
            )
        words = f"{found.words} words of at most {self.length} tokens of the language {self.words}"
        listing = f"listed (SHA-256 {found.sha256})"
        if verdict == "proved":
            return (
                f"On each of the {words}, {how} gives at each of the {found.positions} positions asked about strictly "
                f"the output that is {listing}."
            )
        return (
            f"On the {words}, it is not shown, nor shown not to be so, that {how} gives strictly the outputs "
            f"that are {listing}."
        )


@dataclass(frozen=True)
class Listed:
    """What the listing of a specification is said to be."""

    sha256: str
    words: int
    positions: int


@dataclass(frozen=True)
class Refuted:
    """A word, the position where it goes wrong, and by which output."""

    word: list[str]
    position: int
    output: str
    expected: str


def check_words(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The certificate is valid, for the given network if there is one; else `Rejected`, or `BadInput` if there is
    nothing to judge."""
    deadline = Deadline(budget)
    parts = members("certificate", read_certificate(certificate_path, WORDS), *TOP)
    require_same("version", parts["version"], 2)
    require_provenance(parts["provenance"])
    verdict = text("verdict", parts["verdict"])
    if verdict not in VERDICTS:
        raise Rejected("verdict", f"is {quote(verdict)}, none of the verdicts")
    statement = read_statement(parts["statement"])
    document = members("network", parts["network"], "weights")["weights"]
    data = read_named("network.weights", document, certificate_path.parent, network_given)
    linear = None if statement.arithmetic.kind == EXACT else statement.arithmetic.model.steps.linear
    network = read_network(read_canonical(data, "network"), linear)
    far = integer("far", parts["far"], 1, FURTHEST)
    automaton = automaton_of(
        "statement.words", statement.words, {name: place for place, name in enumerate(network.vocabulary)}
    )
    require_readable(automaton, statement, network)
    require_judged(statement.arithmetic, network)
    if statement.expected == HARDMAX and not network.rational:
        raise Rejected("statement.expected", "is hardmax, and there is no hardmax transformer of this network")
    if verdict != "refuted":
        require_same("refutation", parts["refutation"], None)
    found: Listed | Refuted | None = None
    margins = list[tuple[int, Fraction]]()
    if verdict == "refuted":
        require_same("margins", parts["margins"], [])
        found = refuted(parts["refutation"], statement, network, automaton, deadline)
    elif statement.expected == HARDMAX:
        if verdict == "proved":
            of_sets = Sets(network, automaton, statement.arithmetic, far, deadline)
            margins = [(one.length, one.margin) for one in of_sets.lengths(statement.length, statement.first)]
            if not margins:
                raise Rejected("statement", "asks about no word")
    else:
        found = read_listed(statement.expected)
        numbers = numbers_of_words(automaton, statement.length)
        asked = [len(range(length)[statement.asked(length)]) for length in range(statement.length + 1)]
        words = sum(number for number, positions in zip(numbers, asked, strict=True) if positions)
        require_same("statement.expected.words", found.words, words)
        require_same("statement.expected.positions", found.positions, sum(map(mul, numbers, asked)))
        if verdict == "proved":
            walked = Words(network, automaton, statement.arithmetic, far, deadline)
            margins = proved(found, walked, statement, network)
    margin = check_margins(parts["margins"], margins)
    claim = statement.sentence(verdict, found)
    require_same("statement.claim", statement.claim, claim)
    return _valid(verdict, claim, statement, network, margin)


def read_statement(value: Json) -> Statement:
    """Language, length, positions, arithmetic and beta."""
    parts = members("statement", value, "claim", "words", "length", "asked", "expected", "arithmetic", "beta")
    beta = natural("statement.beta", parts["beta"])
    if beta & (beta - 1):
        raise Rejected("statement.beta", f"is {beta}, not a power of two")
    asked, first = parts["asked"], None
    if asked != LAST:
        first = integer("statement.asked.from", members("statement.asked", asked, "from")["from"], 0, LONGEST)
    written = text("statement.arithmetic", parts["arithmetic"])
    return Statement(
        parts["claim"],
        text("statement.words", parts["words"]),
        integer("statement.length", parts["length"], 1, LONGEST),
        first,
        parts["expected"],
        written,
        arithmetic_of(written, beta.bit_length() - 1),
    )


def read_listed(value: Json) -> Listed:
    """Of a listing."""
    parts = members("statement.expected", value, "sha256", "words", "positions")
    words, positions = (integer(f"statement.expected.{name}", parts[name], 1, 2**53) for name in ("words", "positions"))
    sha256 = text("statement.expected.sha256", parts["sha256"])
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise Rejected("statement.expected.sha256", f"is {quote(sha256)}, no SHA-256 in hexadecimal")
    return Listed(sha256, words, positions)


def require_readable(automaton: Automaton, statement: Statement, network: Network) -> None:
    """Words have as many tokens as there are positions at most, and begin with a token that is seen."""
    unseen = [place for place, name in enumerate(network.vocabulary) if name in network.unseen]
    for place in unseen:
        state = int(automaton.moves[0, place])
        if state >= 0 and automaton.distance[state] < statement.length:
            raise Rejected("statement.words", "has words that begin with a token that no head sees")
    if network.positions is not None and statement.length > network.positions:
        raise Rejected("statement.length", f"is {statement.length}; the network has {network.positions} positions")


def line(word: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Of a listing.

    >>> line(["a", "b"], ["1"])
    b'[["a","b"],["1"]]\\n'
    """
    return canonical([list(word), list(outputs)]).encode("ascii") + b"\n"


def canonical(value: list[str] | list[list[str]] | str) -> str:
    """In canonical form (SPEC section 1)."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def proved(listed: Listed, walked: Words, statement: Statement, network: Network) -> list[tuple[int, Fraction]]:
    """Every output that is asked about is surely said, and the listing of all is the one that is meant; lengths, and
    the least margin of each."""
    digest, margins = hashlib.sha256(), list[tuple[int, Fraction]]()
    vocabulary, names = list(network.vocabulary), names_of(network.outputs)
    for of_length in walked.lengths(statement.length):
        length = of_length.tokens.shape[1]
        asked = statement.asked(length)
        outputs = of_length.outputs[:, asked]
        if not outputs.size:
            continue
        if (outputs == UNKNOWN).any():
            word = [vocabulary[token] for token in of_length.tokens[(outputs == UNKNOWN).any(axis=1)][0].tolist()]
            raise Rejected("verdict", f"is proved; on the word {quote(word)} some output is not shown")
        for word, said in zip(of_length.tokens.tolist(), outputs.tolist(), strict=True):
            digest.update(line([vocabulary[token] for token in word], [names[output] for output in said]))
        margins.append((length, walked.margin(of_length.states[:, asked])))
    require_same("statement.expected.sha256", listed.sha256, digest.hexdigest())
    return margins


def check_margins(value: Json, margins: Sequence[tuple[int, Fraction]]) -> Fraction | None:
    """No margin is larger than the one that was found; the least one, if there are any."""
    entries = items("margins", value)
    if len(entries) != len(margins):
        raise Rejected("margins", f"has {len(entries)} entries; {len(margins)} lengths are asked about")
    for place, (entry, (length, margin)) in enumerate(zip(entries, margins, strict=True)):
        at = f"margins[{place}]"
        said_length, said_margin = pair(at, entry, "a pair [length, margin]")
        require_same(f"{at}[0]", said_length, length)
        stated = rational(f"{at}[1]", said_margin)
        if not 0 < stated <= margin:
            raise Rejected(f"{at}[1]", f"is {approximately(stated)}; this checker shows {approximately(margin)}")
    return min((margin for _, margin in margins), default=None)


def refuted(value: Json, statement: Statement, network: Network, automaton: Automaton, deadline: Deadline) -> Refuted:
    """On this word the expected output surely is not strictly the one."""
    parts = members("refutation", value, "word", "position", "output")
    word = [text("refutation.word", token) for token in items("refutation.word", parts["word"])]
    places = {name: place for place, name in enumerate(network.vocabulary)}
    if not 0 < len(word) <= statement.length or not all(token in places for token in word):
        raise Rejected("refutation.word", f"has no token, or one that is none, or more than {statement.length}")
    if not automaton.accepts([places[token] for token in word]):
        raise Rejected("refutation.word", "is none of the language")
    position = integer("refutation.position", parts["position"], 0, len(word) - 1)
    if position not in range(len(word))[statement.asked(len(word))]:
        raise Rejected("refutation.position", f"is {position}, which is not asked about")
    names = names_of(network.outputs)
    expected = text("statement.expected.output", members("statement.expected", statement.expected, "output")["output"])
    output = text("refutation.output", parts["output"])
    for field, name in (("statement.expected.output", expected), ("refutation.output", output)):
        if name not in names:
            raise Rejected(field, f"is {quote(name)}, which is no output")
    if output == expected:
        raise Rejected("refutation.output", "is the one that is expected")
    try:
        *_, vectors = enclosed(network, word, statement.arithmetic, deadline)
        vector = tuple(normed(statement.arithmetic, network.norm, vectors[position]))
    except Unbounded as error:
        raise Rejected("refutation", "is not shown: an overflow is not excluded") from error
    other, mine = names.index(output), names.index(expected)
    if not is_not_below(statement.arithmetic, network.outputs, vector, other, mine):
        raise Rejected("refutation", f"is not shown: {quote(expected)} may be above {quote(output)}")
    return Refuted(word, position, output, expected)


def _valid(verdict: str, claim: str, statement: Statement, network: Network, margin: Fraction | None) -> Valid:
    orders = "" if statement.arithmetic.kind == EXACT else ", in whatever order sums are added, with or without FMA"
    as_hardmax = statement.expected == HARDMAX
    least = f"every output is the only one, by a margin of at least {approximately(margin or Fraction(0), ROUND_FLOOR)}"
    shown = {
        "proved": [
            "hardmax exactly, softmax by intervals between rationals, for all states that the token at each position "
            f"may be in, whatever states others are in{orders}; both say the same, and {least}",
        ]
        if as_hardmax
        else [
            "every word of the language, up to that length, through all layers: by intervals between rationals, tokens "
            f"in equal states once{orders}; {least}",
            "the listing of all words with these outputs has that SHA-256",
        ],
        "refuted": [f"the word is one of the language; on it, another output is at least as good{orders}"],
        "inconclusive": [],
    }[verdict]
    assumed = (
        f"that weights, sums, softmax and activations are computed as certificates/NETWORKS.md, 3, says of "
        f"{statement.text}"
        if statement.arithmetic.kind != EXACT
        else "that softmax, sums and products are computed without any rounding, in real numbers",
        "that the transformer has the shape of certificates/NETWORKS.md, 1, and the weights of the network document: "
        f"{len(network.layers)} layers, width {network.width}",
    )
    if verdict == "refuted":
        expected = ["that the output that is expected there is what was meant"]
    elif as_hardmax:
        expected = []
    else:
        expected = ["that the listing is what was meant: whoever has a specification makes its listing, and compares"]
    open_ = ["that the outputs of the hardmax transformer are those that were meant"] if as_hardmax else []
    return Valid(verdict, claim, tuple(shown), (), (*expected, *assumed), (*open_, *NOT_CLAIMED))


NOT_CLAIMED = ("anything about words that are longer, or not of the language, or about positions not asked about",)
