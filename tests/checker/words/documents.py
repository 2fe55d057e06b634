"""Certificates of WORDS, as plain dictionaries; their listings are made from a function that says what is expected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from tests.checker.sequences.documents import canonical

Word = Sequence[str]
Outputs = Callable[[Word], Sequence[str]]
"""From a word to the output at each of its positions."""


def words_over(tokens: Sequence[str], length: int, of_language: Callable[[Word], bool] = bool) -> list[Word]:
    """All words of a language, in the order of WORDS 1."""
    return [word for n in range(1, length + 1) for word in product(tokens, repeat=n) if of_language(word)]


def listing(words: Sequence[Word], asked: Any, outputs: Outputs) -> tuple[str, int, int]:
    """Its SHA-256, how many words it has and how many positions."""
    text, lines, positions = b"", 0, 0
    for word in words:
        said = list(outputs(word))
        said = said[-1:] if asked == "last" else said[asked["from"] :]
        if said:
            text += json.dumps([list(word), said], separators=(",", ":")).encode() + b"\n"
            lines, positions = lines + 1, positions + len(said)
    return hashlib.sha256(text).hexdigest(), lines, positions


def claim(statement: Any, verdict: str, refutation: Any) -> str:
    """WORDS 2."""
    expected, how = statement["expected"], f"the arithmetic {statement['arithmetic']} at beta = {statement['beta']}"
    words, length = statement["words"], statement["length"]
    if not isinstance(words, str):
        words = f"of the automaton (SHA-256 {sha256_of(words)})"
    if "transducer" in expected:
        return of_transducer(statement, words, how, verdict, refutation)
    if verdict == "refuted":
        word = json.dumps(refutation["word"], separators=(",", ":"))
        return (
            f"On the word {word} of the language {words}, the softmax transformer of these weights, in {how}, does not "
            f"give strictly the output {json.dumps(expected['output'])} at position {refutation['position']}."
        )
    if verdict == "proved":
        return (
            f"On each of the {expected['words']} words of at most {length} tokens of the language {words}, the softmax "
            f"transformer of these weights, in {how}, gives at each of the {expected['positions']} positions asked "
            f"about strictly the output that is listed (SHA-256 {expected['sha256']})."
        )
    return (
        f"On the {expected['words']} words of at most {length} tokens of the language {words}, it is not shown, nor "
        f"shown not to be so, that the softmax transformer of these weights, in {how}, gives strictly the outputs that "
        f"are listed (SHA-256 {expected['sha256']})."
    )


def sha256_of(table: Any) -> str:
    """Of an automaton or a transducer."""
    return hashlib.sha256(canonical(table)).hexdigest()


def of_transducer(statement: Any, words: str, how: str, verdict: str, refutation: Any) -> str:
    """WORDS 2, where a transducer says what is expected."""
    transducer, length = statement["expected"]["transducer"], statement["length"]
    said = f"of the transducer (SHA-256 {sha256_of(transducer)})"
    if verdict == "refuted":
        word, output, state = json.dumps(refutation["word"], separators=(",", ":")), None, transducer["start"]
        for token in refutation["word"][: refutation["position"] + 1]:
            state, output = transducer["moves"][state][token]
        return (
            f"On the word {word} of the language {words}, the softmax transformer of these weights, in {how}, does not "
            f"give strictly the output {json.dumps(output)} {said} at position {refutation['position']}."
        )
    if verdict == "proved":
        return (
            f"On each word of at most {length} tokens of the language {words}, the softmax transformer of these "
            f"weights, in {how}, gives at each position asked about strictly the output {said}."
        )
    return (
        f"On the words of at most {length} tokens of the language {words}, it is not shown, nor shown not to be so, "
        f"that the softmax transformer of these weights, in {how}, gives strictly the outputs {said}."
    )


def certificate(
    document: Any,
    language: Any,
    length: int,
    asked: Any,
    expected: Any,
    arithmetic: str,
    beta: int,
    verdict: str = "proved",
    margins: Any = (),
    refutation: Any = None,
    far: int = 40,
) -> dict[str, Any]:
    """A certificate about the network with this document; its claim is the one of the other fields."""
    statement = {
        "words": language,
        "length": length,
        "asked": asked,
        "expected": expected,
        "arithmetic": arithmetic,
        "beta": str(beta),
    }
    said = {
        "format": "exactformer certificate about words",
        "version": 2,
        "statement": statement,
        "network": {"weights": {"file": "network.json", "sha256": hashlib.sha256(canonical(document)).hexdigest()}},
        "far": far,
        "margins": list(margins),
        "verdict": verdict,
        "refutation": refutation,
        "provenance": {},
    }
    return claimed(said)


def claimed(said: Any) -> dict[str, Any]:
    """With the claim that its other fields make."""
    statement = dict(said["statement"])
    statement["claim"] = claim(statement, said["verdict"], said["refutation"])
    return {**said, "statement": statement}
