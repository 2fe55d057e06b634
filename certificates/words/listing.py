"""Runs a specification again on the words of a certificate, and compares it with what the certificate says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from exactformer.certificates.network_document import load_transformer
from exactformer.certificates.words.files import load_expected
from exactformer.certificates.words.setting import every_word, listing
from exactformer.constructions.transformer.words import HARDMAX, Automaton, Transducer, Words, WordsError


def compared(certificate: Path, spec: str, network: Path | None) -> str:
    """One sentence that says how a specification agrees with a valid certificate about words.

    Raises WordsError if it does not agree, or says nothing about these words; NetworkDocumentError.
    """
    document = json.loads(certificate.read_bytes())
    statement = document["statement"]
    net = load_transformer(network or certificate.parent / document["network"]["weights"]["file"])
    asked, expected = statement["asked"], statement["expected"]
    language = statement["words"] if isinstance(statement["words"], str) else Automaton(**statement["words"])
    first = None if asked == "last" else asked["from"]
    words = Words(language, statement["length"], load_expected(spec), first)
    if expected == HARDMAX or words.expected == HARDMAX:
        if expected != words.expected:
            raise WordsError(f"the certificate is about another specification than {spec}: only one of them is hardmax")
        return "expected is what hardmax gives"
    if "transducer" in expected:
        return _as_transducer(words, Transducer(**expected["transducer"]), net.index, spec)
    if document["refutation"] is not None:
        return _of_word(words, document["refutation"], expected["output"], spec)
    sha256 = listing(words, net.index)
    if sha256 != expected["sha256"]:
        raise WordsError(f"the certificate is about another specification: the listing of {spec} has SHA-256 {sha256}")
    return f"the listing of {spec} is the one that the claim is about (SHA-256 {sha256})"


def _as_transducer(words: Words, transducer: Transducer, places: Mapping[str, int], spec: str) -> str:
    """Compare on every word, at every position that the certificate asks about."""
    if isinstance(words.expected, Transducer) and words.expected.document == transducer.document:
        return f"the transducer of {spec} is the one of the certificate"
    meant = replace(words, expected=transducer)
    for word in every_word(words, places, words.length):
        pairs = zip(words.asked(len(word)), meant.outputs(word), words.outputs(word), strict=True)
        for position, wanted, said in pairs:
            if wanted is not None and said != wanted:
                raise WordsError(
                    f"on {' '.join(word)!r}, at position {position}, {spec} expects {said!r}, not {wanted!r}"
                )
    return f"{spec} expects, on every word, what the transducer of the certificate gives"


def _of_word(words: Words, refutation: Any, expected: str, spec: str) -> str:
    word, position = tuple(refutation["word"]), refutation["position"]
    said = words.outputs(word)[position - words.asked(len(word)).start]
    if said != expected:
        raise WordsError(f"on {' '.join(word)!r}, at position {position}, {spec} expects {said!r}, not {expected!r}")
    return f"on that word, at that position, {spec} expects {expected!r}"
