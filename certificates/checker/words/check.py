"""WORDS sections 2 and 3: `check_words` decides whether a certificate about all words of a language is valid.

Everything is computed again. Read without computing are only: the language, what is asked, the arithmetic, beta, the
network, how far is far, and the place of a refutation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import ROUND_FLOOR
from fractions import Fraction
from operator import mul
from pathlib import Path

import numpy as np

from exactformer.certificates.checker.check import Valid, read_named
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    WORDS,
    Json,
    Rejected,
    integer,
    items,
    members,
    quote,
    rational,
    read_canonical,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.sequences.arithmetic import require_judged
from exactformer.certificates.checker.sequences.check import approximately
from exactformer.certificates.checker.sequences.network import Network, pair, read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.walk import enclosed
from exactformer.certificates.checker.softmax.numbers import EXACT, Unbounded
from exactformer.certificates.checker.words.levels import levels, numbers_of_words
from exactformer.certificates.checker.words.outputs import is_not_below, names_of
from exactformer.certificates.checker.words.regular import Automaton
from exactformer.certificates.checker.words.sets import Sets
from exactformer.certificates.checker.words.statement import (
    HARDMAX,
    Listed,
    Refuted,
    Statement,
    canonical,
    line,
    read_listed,
    read_statement,
)
from exactformer.certificates.checker.words.states import UNKNOWN
from exactformer.certificates.checker.words.tables import NOTHING, Transducer, language_of, read_transducer
from exactformer.certificates.checker.words.walk import Words

TOP = ("format", "version", "statement", "network", "far", "margins", "verdict", "refutation", "provenance")
VERDICTS = ("proved", "refuted", "inconclusive")
FURTHEST = 2**12
"""``far``."""


def check_words(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The certificate is valid, for the given network if there is one; else `Rejected`, or `BadInput` if there is
    nothing to judge."""
    deadline = Deadline(budget)
    parts = members("certificate", read_certificate(certificate_path, WORDS), *TOP)
    require_same("version", parts["version"], 2)
    require_provenance(parts["provenance"])
    verdict = text("verdict", parts["verdict"])
    if verdict not in VERDICTS:
        raise Rejected("verdict", f"is {quote(verdict)}, which is not a verdict")
    statement = read_statement(parts["statement"])
    document = members("network", parts["network"], "weights")["weights"]
    data = read_named("network.weights", document, certificate_path.parent, network_given)
    linear = None if statement.arithmetic.kind == EXACT else statement.arithmetic.model.steps.linear
    network = read_network(read_canonical(data, "network"), linear)
    far = integer("far", parts["far"], 1, FURTHEST)
    places = {name: place for place, name in enumerate(network.vocabulary)}
    automaton = language_of("statement.words", statement.words, places)
    require_readable(automaton, statement, network)
    require_judged(statement.arithmetic, network)
    if statement.expected == HARDMAX and not network.rational:
        raise Rejected("statement.expected", "is hardmax, and there is no hardmax transformer of this network")
    transducer = None
    if (table := statement.transducer) is not None:
        names = {name: place for place, name in enumerate(names_of(network.outputs))}
        transducer = read_transducer("statement.expected.transducer", table, places, names)
    if verdict != "refuted":
        require_same("refutation", parts["refutation"], None)
    found: Listed | Refuted | None = None
    margins = list[tuple[int, Fraction]]()
    if verdict == "refuted":
        require_same("margins", parts["margins"], [])
        found = refuted(parts["refutation"], statement, network, automaton, transducer, deadline)
    elif statement.expected == HARDMAX:
        if verdict == "proved":
            of_sets = Sets(network, automaton, statement.arithmetic, far, deadline)
            margins = [(one.length, one.margin) for one in of_sets.lengths(statement.length, statement.first)]
            if not margins:
                raise Rejected("statement", "asks about no word")
    elif transducer is not None:
        numbers_of_words(automaton, statement.length)  # too many are not judged
        if verdict == "proved":
            walked = Words(network, automaton, statement.arithmetic, far, deadline)
            margins = as_transducer(transducer, walked, statement)
        else:
            require_asked(transducer, automaton, statement, network)
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


def require_readable(automaton: Automaton, statement: Statement, network: Network) -> None:
    """Words have as many tokens as there are positions at most, and begin with a token that is seen."""
    unseen = [place for place, name in enumerate(network.vocabulary) if name in network.unseen]
    for place in unseen:
        state = int(automaton.moves[0, place])
        if state >= 0 and automaton.distance[state] < statement.length:
            raise Rejected("statement.words", "has words that begin with a token that no head sees")
    if network.positions is not None and statement.length > network.positions:
        raise Rejected("statement.length", f"is {statement.length}; the network has {network.positions} positions")


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


def as_transducer(transducer: Transducer, walked: Words, statement: Statement) -> list[tuple[int, Fraction]]:
    """Every output that is asked about is surely that of the transducer; lengths, and the least margin of each."""
    margins = list[tuple[int, Fraction]]()
    for of_length in walked.lengths(statement.length):
        length = of_length.tokens.shape[1]
        expected = transducer.expected(of_length.tokens, statement.asked(length), walked.names)
        asked = expected != NOTHING
        wrong = asked & (of_length.outputs != expected)
        if wrong.any():
            word = [walked.names[token] for token in of_length.tokens[wrong.any(axis=1)][0].tolist()]
            raise Rejected("verdict", f"is proved; on the word {quote(word)} some output is not shown to be expected")
        if asked.any():
            margins.append((length, walked.margin(of_length.states[asked])))
    if not margins:
        raise Rejected("statement", "asks about no word")
    return margins


def require_asked(transducer: Transducer, automaton: Automaton, statement: Statement, network: Network) -> None:
    """Every word has a run, and something is asked of at least one."""
    names, found = list(network.vocabulary), False
    for level in levels(automaton, statement.length):
        asked = statement.asked(level.tokens.shape[1])
        found |= bool((transducer.expected(level.tokens[level.words], asked, names) != NOTHING).any())
    if not found:
        raise Rejected("statement", "asks about no word")


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


def refuted(
    value: Json,
    statement: Statement,
    network: Network,
    automaton: Automaton,
    transducer: Transducer | None,
    deadline: Deadline,
) -> Refuted:
    """On this word the expected output surely is not strictly the one."""
    parts = members("refutation", value, "word", "position", "output")
    word = [text("refutation.word", token) for token in items("refutation.word", parts["word"])]
    places = {name: place for place, name in enumerate(network.vocabulary)}
    if not 0 < len(word) <= statement.length or not all(token in places for token in word):
        raise Rejected("refutation.word", f"has no token, an unknown one, or more than {statement.length}")
    tokens = [places[token] for token in word]
    if not automaton.accepts(tokens):
        raise Rejected("refutation.word", "is not a word of the language")
    position = integer("refutation.position", parts["position"], 0, len(word) - 1)
    if position not in range(len(word))[statement.asked(len(word))]:
        raise Rejected("refutation.position", f"is {position}, which is not asked about")
    names = names_of(network.outputs)
    if transducer is None:
        parts_of = members("statement.expected", statement.expected, "output")
        expected = text("statement.expected.output", parts_of["output"])
    else:
        place = int(transducer.expected(np.array([tokens]), slice(None), list(network.vocabulary))[0, position])
        if place == NOTHING:
            raise Rejected("refutation.position", f"is {position}, where the transducer has no output")
        expected = names[place]
    output = text("refutation.output", parts["output"])
    for field, name in (("statement.expected.output", expected), ("refutation.output", output)):
        if name not in names:
            raise Rejected(field, f"is {quote(name)}, which is not an output")
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
    as_hardmax, transducer = statement.expected == HARDMAX, statement.transducer
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
            "the listing of all words with these outputs has that SHA-256"
            if transducer is None
            else "every output is that of the transducer, which was run on every word",
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
    if transducer is not None:
        expected = [f"that the transducer is what was meant{where(transducer)}"]
    elif verdict == "refuted":
        expected = ["that the output that is expected there is what was meant"]
    elif as_hardmax:
        expected = []
    else:
        expected = ["that the listing is what was meant: whoever has a specification makes its listing, and compares"]
    if not isinstance(statement.words, str):
        expected.append(f"that the automaton is what was meant{where(statement.words)}")
    open_ = ["that the outputs of the hardmax transformer are those that were meant"] if as_hardmax else []
    return Valid(verdict, claim, tuple(shown), (), (*expected, *assumed), (*open_, *NOT_CLAIMED))


def where(table: Json) -> str:
    """A small automaton or transducer as it is; for a larger one, where it is."""
    text_of = canonical(table)
    return f": {text_of}" if len(text_of) <= LONGEST_SHOWN else ", which stands in the certificate"


LONGEST_SHOWN = 1000
"""Characters."""
NOT_CLAIMED = ("anything about words that are longer, or not of the language, or about positions not asked about",)
