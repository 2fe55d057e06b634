"""From what was found of all words to the certificate (WORDS, 2)."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

from exactformer.certificates import names
from exactformer.certificates.checker.document import WORDS as FORMAT
from exactformer.certificates.document import canonical_bytes, rational, sha256
from exactformer.certificates.files import Subject
from exactformer.certificates.network_document import network_bytes
from exactformer.certificates.sequences.certificate import few_digits
from exactformer.certificates.words.search import Progress, WordsFound, search
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import HARDMAX, Words
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Verdict

VERSION = 2


@dataclass(frozen=True)
class WordsAsked:
    """An arithmetic at a power of two beta; ``name`` of the transformer, for files."""

    model: ArithmeticModel
    beta: int = 1
    name: str = "transformer"


@dataclass(frozen=True)
class WordsBundle:
    """A certificate and its network, as bytes ready to be written; and what was found."""

    document: Mapping[str, Any]
    weights: bytes
    weights_name: str
    subject: Subject
    found: WordsFound

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.document)

    @property
    def verdict(self) -> Verdict:
        return self.found.verdict

    @property
    def claim(self) -> str:
        return str(self.document["statement"]["claim"])


def certify_words(
    net: Transformer, words: Words, asked: WordsAsked, budget_seconds: int, progress: Progress
) -> WordsBundle:
    """Raises what `search` raises."""
    started = time.perf_counter()
    found = search(net, words, asked.model, asked.beta, budget_seconds, progress)
    return bundle_of(found, asked.name, time.perf_counter() - started)


def bundle_of(found: WordsFound, name: str, seconds: float) -> WordsBundle:
    """What is written of it."""
    weights = network_bytes(found.net)
    weights_name = names.of_content(name, weights, "network")
    about = {
        "words": found.words.language,
        "length": found.words.length,
        "asked": "last" if found.words.first is None else {"from": found.words.first},
        "expected": expected_of(found),
        "arithmetic": found.model.text,
        "beta": str(found.beta),
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
        "provenance": {
            "exactformer": version("exactformer"),
            "python": platform.python_version(),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": f"{seconds:.3f}",
        },
    }
    subject = names.of_words(name, sha256(weights), about, found.model, found.beta)
    return WordsBundle(document, weights, weights_name, Subject(subject, {"statement": about}), found)


def expected_of(found: WordsFound) -> dict[str, Any] | str:
    """The listing; that it is what hardmax gives; or what is expected of the wrong word."""
    if found.words.expected == HARDMAX:
        return HARDMAX
    if found.wrong is not None:
        return {"output": found.wrong.expected}
    return {"sha256": found.sha256, "words": found.asked, "positions": found.positions}


def sentence(found: WordsFound) -> str:
    """The claim (WORDS 2)."""
    how = f"the softmax transformer of these weights, in the arithmetic {found.model.text} at beta = {found.beta},"
    language, wrong = found.words.language, found.wrong
    if wrong is not None:
        return (
            f"On the word {in_canonical_form(list(wrong.word))} of the language {language}, {how} does not give "
            f"strictly the output {in_canonical_form(wrong.expected)} at position {wrong.position}."
        )
    if found.words.expected == HARDMAX:
        of_language = f"of at most {found.words.length} tokens of the language {language}"
        if found.verdict is Verdict.PROVED:
            return (
                f"On each word {of_language}, {how} gives at each position asked about strictly the output that the "
                "hardmax transformer gives strictly."
            )
        return (
            f"On the words {of_language}, it is not shown, nor shown not to be so, that {how} gives strictly the "
            "outputs that the hardmax transformer gives strictly."
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


def in_canonical_form(value: list[str] | str) -> str:
    """As SPEC 1 says."""
    return json.dumps(value, separators=(",", ":"))
