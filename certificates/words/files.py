"""Transformers, languages and specifications as users have them: documents, YAML and Python files of their own."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from exactformer.certificates.network_document import load_transformer
from exactformer.certificates.words.setting import every_word
from exactformer.certificates.words.tables import load_automaton, load_transducer
from exactformer.constructions.imported.checkpoint import from_checkpoint, is_checkpoint
from exactformer.constructions.imported.decoder import from_decoder
from exactformer.constructions.imported.tracr import from_tracr, is_tracr, says_numbers, tokens_of
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.words import HARDMAX, Automaton, Transducer, Word, Words, WordsError

MODEL, EXPECTED = "model", "expected"
"""What a Python file calls them, unless a name is given behind a colon."""


def load_model(given: str, words: Words) -> Transformer:
    """A network document, ``FILE.json``; a folder, of an exported decoder or a checkpoint of transformers; or what a
    Python file, ``FILE.py`` or ``FILE.py:NAME``, has under a name: a `Transformer`, or a model of Tracr's. The file is
    run.  Where such a model says a number, that is the nearest of those that are expected on any of the words.

    Raises NetworkDocumentError, TransformerError; WordsError for a file that does not have it.
    """
    path, name = _split(given, MODEL)
    if path is None:
        if not Path(given).is_dir():
            return load_transformer(given)
        return from_checkpoint(given, words.length) if is_checkpoint(given) else from_decoder(given)
    found = _named(path, name)
    if isinstance(found, Transformer):
        return found
    if is_tracr(found):
        return from_tracr(found, numbers_expected(words, tokens_of(found)) if says_numbers(found) else None)
    raise TransformerError(
        f"{name} in {path} is a {type(found).__name__}; it has to be a Transformer, or a model compiled by Tracr"
    )


def numbers_expected(words: Words, tokens: Sequence[str]) -> list[Fraction]:
    """All that is expected on any word.  Raises WordsError where that is no number."""
    places = {name: place for place, name in enumerate(tokens)}
    every = every_word(words, places, words.length)
    found = {output for word in every for output in words.outputs(word) if output is not None}
    try:
        return sorted(map(Fraction, found))
    except ValueError as error:
        raise WordsError(f"the model says numbers, and the specification something else: {error}") from error


def load_language(given: str) -> str | Automaton:
    """A regular expression; or the automaton of ``@FILE.yaml``.  Raises WordsError."""
    return load_automaton(given[1:]) if given.startswith("@") and given.endswith(".yaml") else given


def load_expected(given: str) -> Callable[[Word], object] | Transducer | str:
    """`HARDMAX`; the transducer of ``FILE.yaml``; or what a Python file, ``FILE.py`` or ``FILE.py:NAME``, has under a
    name: a function from a word, a tuple of names of tokens, to its outputs. That file is run.

    Raises WordsError.
    """
    if given == HARDMAX:
        return given
    if given.endswith(".yaml"):
        return load_transducer(given)
    path, name = _split(given, EXPECTED)
    if path is None:
        raise WordsError(
            f"the specification {given!r} is no Python file and no YAML file; give FILE.py or FILE.py:NAME of a "
            f"function, FILE.yaml of a transducer, or {HARDMAX!r}"
        )
    found = _named(path, name)
    if not callable(found):
        raise WordsError(f"{name} in {path} is a {type(found).__name__}; it has to be a function of a word")
    return found


def _split(given: str, default: str) -> tuple[Path | None, str]:
    """A Python file and a name in it; no file, if it is none.

    >>> _split("length.py:spec", "expected")[1], _split("length.py", "expected")[1], _split("net.json", "model")[0]
    ('spec', 'expected', None)
    """
    file, colon, name = given.rpartition(":")
    if colon and file.endswith(".py"):
        return Path(file), name
    return (Path(given), default) if given.endswith(".py") else (None, default)


def _named(path: Path, name: str) -> object:
    if not path.is_file():
        raise WordsError(f"there is no file {str(path)!r}")
    try:
        found = runpy.run_path(str(path))
    except Exception as error:  # whatever a user's own code raises
        raise WordsError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    if name not in found:
        raise WordsError(f"{path} has no {name!r}; define it, or give another name behind a colon")
    return found[name]
