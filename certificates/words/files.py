"""Reads users' transformers, languages and specifications: documents, YAML and Python files."""

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
"""Their names in a Python file, unless another name is given after a colon."""


def load_model(given: str, words: Words) -> Transformer:
    """The transformer of a network document, ``FILE.json``; of a folder with an exported decoder or a checkpoint of
    transformers; or of a Python file, ``FILE.py`` or ``FILE.py:NAME``, with a `Transformer` or a model of Tracr's under
    that name. The file is run.  If such a model outputs a number, the output is the nearest of the numbers that are
    expected on any of the words.

    Raises NetworkDocumentError, TransformerError; WordsError for a file that does not have one.
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
    """All numbers that are expected on any word.  Raises WordsError if something else is expected."""
    places = {name: place for place, name in enumerate(tokens)}
    every = every_word(words, places, words.length)
    found = {output for word in every for output in words.outputs(word) if output is not None}
    try:
        return sorted(map(Fraction, found))
    except ValueError as error:
        raise WordsError(
            f"the model's outputs are numbers, but the specification expects something else: {error}"
        ) from error


def load_language(given: str) -> str | Automaton:
    """A regular expression; or the automaton of ``@FILE.yaml``.  Raises WordsError."""
    return load_automaton(given[1:]) if given.startswith("@") and given.endswith(".yaml") else given


def load_expected(given: str) -> Callable[[Word], object] | Transducer | str:
    """`HARDMAX`; the transducer of ``FILE.yaml``; or the function of a Python file, ``FILE.py`` or ``FILE.py:NAME``,
    from a word, a tuple of names of tokens, to its outputs. That file is run.

    Raises WordsError.
    """
    if given == HARDMAX:
        return given
    if given.endswith(".yaml"):
        return load_transducer(given)
    path, name = _split(given, EXPECTED)
    if path is None:
        raise WordsError(
            f"the specification {given!r} is neither a Python nor a YAML file; give FILE.py or FILE.py:NAME for a "
            f"function, FILE.yaml for a transducer, or {HARDMAX!r}"
        )
    found = _named(path, name)
    if not callable(found):
        raise WordsError(f"{name} in {path} is a {type(found).__name__}; it has to be a function of a word")
    return found


def _split(given: str, default: str) -> tuple[Path | None, str]:
    """A Python file and a name in it; None instead of the file if it is not a Python file.

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
        raise WordsError(f"{path} has no {name!r}; define it, or give another name after a colon")
    return found[name]
