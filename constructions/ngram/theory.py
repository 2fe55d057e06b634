"""n-gram look-up as a whole: the network, and the theory that says what it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from exactformer.constructions.behaviour import BehaviourError, whole
from exactformer.constructions.ngram.annotation import annotate_ngram
from exactformer.constructions.ngram.program import construct_ngram
from exactformer.constructions.ngram.sequences import ngram_sequence
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.network import Network

TEXT = Path(__file__).with_name("ngram.theory").read_text(encoding="utf-8")


def ngram(letters: Sequence[str], n: int, *, context: int) -> tuple[Network, Theory]:
    """The network of n-gram look-up for sequences of up to ``context`` tokens, and its theory.

    n = 1 is an induction head.  Raises BehaviourError for letters that are not different, and for n < 1 or a context
    below 1.

    >>> network, theory = ngram("ab", 1, context=16)
    >>> len(network.layers), theory.parameters["LETTERS"]
    (7, ('a', 'b'))
    """
    whole("n", n)
    if not isinstance(letters, Sequence) or not all(isinstance(letter, str) for letter in letters):
        raise BehaviourError(f"the letters are {letters!r}; give a text, or a list of texts")
    r = max(2, (whole("context", context) - 1).bit_length())
    network = construct_ngram(letters, n, r)
    symbols = (tuple(letters) * (n + 3))[: min(len(letters) + n + 2, 2**r - 1)]
    return network, Theory(
        TEXT,
        {"LETTERS": tuple(letters), "n": n},
        annotate_ngram(n, r),
        witnesses=[ngram_sequence(symbols, n, letters)],
    )
