"""What is asked about a transformer, as the checker reads it: network, language, arithmetic, transducer; listings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from exactformer.certificates.checker.document import Json, Rejected
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, require_judged
from exactformer.certificates.checker.sequences.network import Network, read_network
from exactformer.certificates.checker.softmax.numbers import Arithmetic
from exactformer.certificates.checker.words.levels import Ints, Tokens, levels, numbers_of_words
from exactformer.certificates.checker.words.outputs import names_of
from exactformer.certificates.checker.words.regular import Automaton
from exactformer.certificates.checker.words.statement import line
from exactformer.certificates.checker.words.tables import Transducer as Table
from exactformer.certificates.checker.words.tables import language_of, read_transducer
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.network_document import network_bytes
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import HARDMAX, Transducer, Word, Words, WordsError
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.stored import require_held


@dataclass(frozen=True)
class Setting:
    """A transformer as the checker reads it, a language over its tokens, an arithmetic, and the transducer, if one says
    what is expected."""

    network: Network
    automaton: Automaton
    arithmetic: Arithmetic
    transducer: Table | None

    @classmethod
    def of(cls, net: Transformer, words: Words, model: ArithmeticModel, beta: int) -> Setting:
        """Raises WordsError if language or transducer do not fit the transformer, Unsupported (a ModelError) if the
        arithmetic does not hold its weights, TooLarge if something is not judged."""
        require_held(net, model)
        arithmetic = arithmetic_of(model.text, beta.bit_length() - 1, "the arithmetic")
        network = read_network(json.loads(network_bytes(net)), None)
        require_judged(arithmetic, network, "the arithmetic")
        if words.expected == HARDMAX and not network.rational:
            raise WordsError(
                "what hardmax gives is expected, and this transformer has no hardmax (it has norms, or smooth "
                "activations); give a specification"
            )
        table = None
        if isinstance(words.expected, Transducer):
            outputs = {name: place for place, name in enumerate(names_of(network.outputs))}
            with _refused():
                table = read_transducer("the transducer", _in_certificate(words.expected.document), net.index, outputs)
        return cls(network, automaton_in(words, net.index), arithmetic, table)

    def said_by(self, transducer: Table, tokens: Tokens, asked: range) -> Ints:
        """[words, positions asked about]: the outputs of the transducer, by their places.  Raises WordsError."""
        with _refused():
            found = transducer.expected(tokens, slice(asked.start, asked.stop), list(self.network.vocabulary))
        return found[:, asked.start :].astype(np.int64)


def _in_certificate(document: dict[str, object]) -> Json:
    """The language as a checker reads it."""
    found: Json = json.loads(canonical_bytes(document))
    return found


@contextmanager
def _refused() -> Iterator[None]:
    """Tell the user what a checker would reject."""
    try:
        yield
    except Rejected as error:
        raise WordsError(f"{error.field} {error.reason}") from error


def automaton_in(words: Words, places: Mapping[str, int]) -> Automaton:
    """The automaton of the language over these tokens.  Raises WordsError."""
    with _refused():
        if isinstance(words.language, str):
            return language_of(f"the language {words.language!r}", words.language, places)
        return language_of("the automaton", _in_certificate(words.language.document), places)


def every_word(words: Words, places: Mapping[str, int], longest: int) -> Iterator[Word]:
    """All words of up to this many tokens that something is asked about, in order."""
    names = list(places)
    for level in levels(automaton_in(words, places), words.length):
        length = level.tokens.shape[1]
        if length > longest:
            return
        if words.asked(length):
            for word in level.tokens[level.words].tolist():
                yield tuple(names[token] for token in word)


def line_of(word: Word, outputs: Sequence[str | None]) -> bytes:
    """The entries of a listing.  Raises WordsError if a transducer says nothing."""
    said = [output for output in outputs if output is not None]
    if len(said) < len(outputs):
        raise WordsError(f"on {' '.join(word)!r} the transducer has no output at some position that is asked about")
    return line(word, said)


def listing(words: Words, places: Mapping[str, int]) -> str:
    """The SHA-256 of what is expected on all words over these tokens (WORDS 2).  Raises WordsError."""
    digest = hashlib.sha256()
    for word in every_word(words, places, words.length):
        digest.update(line_of(word, words.outputs(word)))
    return digest.hexdigest()


def numbers_in(setting: Setting, words: Words, *, limited: bool = True) -> list[int]:
    """How many words of each length there are.  Raises WordsError for none; ``limited``: TooLarge for too many."""
    if setting.network.positions is not None and words.length > setting.network.positions:
        raise WordsError(
            f"words of {words.length} tokens are asked about, but the transformer has only {setting.network.positions} "
            "positions"
        )
    for name in setting.network.unseen:
        state = int(setting.automaton.moves[0, list(setting.network.vocabulary).index(name)])
        if state >= 0 and setting.automaton.distance[state] < words.length:
            raise WordsError(f"words begin with {name!r}, which no head sees: so the first token may see no token")
    numbers = numbers_of_words(setting.automaton, words.length, limited)
    if not sum(numbers[(words.first or 0) + 1 :]):
        raise WordsError(f"the language has no word of up to {words.length} tokens that something is asked about")
    return numbers
