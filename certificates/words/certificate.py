"""From what was found about all words to the certificate (WORDS, 2)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactformer.certificates import names
from exactformer.certificates.bundle import OfNetwork, provenance
from exactformer.certificates.checker.document import WORDS as FORMAT
from exactformer.certificates.document import canonical_bytes, rational, sha256
from exactformer.certificates.files import Subject
from exactformer.certificates.network_document import network_bytes
from exactformer.certificates.sequences.certificate import few_digits
from exactformer.certificates.words.found import WordsFound
from exactformer.certificates.words.search import FAR, Progress, search
from exactformer.certificates.words.unfinished import Unfinished
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import HARDMAX, Transducer, Words
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Verdict

VERSION = 2


@dataclass(frozen=True)
class WordsAsked:
    """An arithmetic and beta, a power of two; ``name``: the transformer's, for files."""

    model: ArithmeticModel
    beta: int = 1
    name: str = "transformer"


@dataclass(frozen=True)
class WordsBundle(OfNetwork[WordsFound]):
    """About words of a language."""


def certify_words(
    net: Transformer,
    words: Words,
    asked: WordsAsked,
    budget_seconds: int,
    progress: Progress,
    unfinished: Unfinished | None = None,
) -> WordsBundle:
    """Search, and make the certificate.  Raises what `search` raises."""
    started = time.perf_counter()
    found = search(net, words, asked.model, asked.beta, budget_seconds, progress, unfinished)
    return bundle_of(found, asked.name, time.perf_counter() - started)


def bundle_of(found: WordsFound, name: str, seconds: float) -> WordsBundle:
    """The document that is written."""
    weights = network_bytes(found.net)
    weights_name = names.of_content(name, weights, "network")
    about = {
        **asked_of(found.words, found.model, found.beta),
        "length": found.words.length,
        "expected": expected_of(found),
    }
    wrong, proved = found.wrong, found.verdict is Verdict.PROVED
    document = {
        "format": FORMAT,
        "version": VERSION,
        "statement": {**about, "claim": sentence(found)},
        "network": {"weights": {"file": weights_name, "sha256": sha256(weights)}},
        "far": found.far,
        "margins": [
            [one.length, rational(few_digits(one.margin))] for one in found.lengths if proved and one.margin is not None
        ],
        "verdict": found.verdict.value,
        "refutation": None
        if wrong is None
        else {"word": list(wrong.word), "position": wrong.position, "output": wrong.output},
        "provenance": provenance(seconds),
    }
    subject = names.of_words(name, sha256(weights), about, found.model, found.beta)
    return WordsBundle(document, Subject(subject, {"statement": about}), found, weights, weights_name)


def asked_of(words: Words, model: ArithmeticModel, beta: int) -> dict[str, Any]:
    """What is asked, without the length and what is expected, as fields of a statement."""
    return {
        "words": words.language if isinstance(words.language, str) else words.language.document,
        "asked": "last" if words.first is None else {"from": words.first},
        "arithmetic": model.text,
        "beta": str(beta),
    }


def unfinished_of(folder: Path, net: Transformer, words: Words, asked: WordsAsked) -> Unfinished:
    """The file that keeps finished lengths. What a function expects is not known before the work."""
    request = {
        **asked_of(words, asked.model, asked.beta),
        "expected": {"transducer": words.expected.document}
        if isinstance(words.expected, Transducer)
        else HARDMAX
        if words.expected == HARDMAX
        else "what is listed",
        "network": sha256(network_bytes(net)),
        "far": FAR,
    }
    return Unfinished(folder, asked.name, request)


def expected_of(found: WordsFound) -> dict[str, Any] | str:
    """What is expected: the transducer, hardmax, the listing, or the output on the wrong word."""
    if isinstance(found.words.expected, Transducer):
        return {"transducer": found.words.expected.document}
    if found.words.expected == HARDMAX:
        return HARDMAX
    if found.wrong is not None:
        return {"output": found.wrong.expected}
    return {"sha256": found.sha256, "words": found.asked, "positions": found.positions}


def sentence(found: WordsFound) -> str:
    """The claim (WORDS 2)."""
    how = f"the softmax transformer of these weights, in the arithmetic {found.model.text} at beta = {found.beta},"
    language, wrong, which = language_of(found.words), found.wrong, None
    if isinstance(found.words.expected, Transducer):
        which = f" of the transducer (SHA-256 {sha256(canonical_bytes(found.words.expected.document))})"
    if wrong is not None:
        return (
            f"On the word {in_canonical_form(list(wrong.word))} of the language {language}, {how} does not give "
            f"strictly the output {in_canonical_form(wrong.expected)}{which or ''} at position {wrong.position}."
        )
    if found.words.expected == HARDMAX:
        which = " that the hardmax transformer gives strictly"
    if which is not None:
        of_language = f"of at most {found.words.length} tokens of the language {language}"
        if found.verdict is Verdict.PROVED:
            return f"On each word {of_language}, {how} gives at each position asked about strictly the output{which}."
        return (
            f"On the words {of_language}, it is not shown, nor shown not to be so, that {how} gives strictly the "
            f"outputs{which}."
        )
    words = f"{found.asked} words of at most {found.words.length} tokens of the language {language}"
    listed = f"listed (SHA-256 {found.sha256})"
    if found.verdict is Verdict.PROVED:
        return (
            f"On each of the {words}, {how} gives at each of the {found.positions} positions asked about strictly the "
            f"output that is {listed}."
        )
    return (
        f"On the {words}, it is not shown, nor shown not to be so, that {how} gives strictly the outputs that are "
        f"{listed}."
    )


def language_of(words: Words) -> str:
    """The language as claims name it."""
    if isinstance(words.language, str):
        return words.language
    return f"of the automaton (SHA-256 {sha256(canonical_bytes(words.language.document))})"


def in_canonical_form(value: list[str] | str) -> str:
    """The canonical form of SPEC 1, as text."""
    return json.dumps(value, separators=(",", ":"))
