"""What neurons add to coordinates, as integers by cases (THEORIES 6.4)."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.cases import MOST_VALUES, Cases, lost, scaled
from exactformer.certificates.checker.diagrams import TRUE
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.weighed import Weighed


def activation(at: str, bias: int, inputs: Sequence[tuple[Cases, int]], known: Weighed | None = None) -> Cases:
    """relu of the bias and the weighted inputs: the largest value minus what is lost of it, and 0 if all of it is lost;
    ``known``: results kept from before.
    """
    terms = [scaled(cases, weight) for cases, weight in inputs]
    top = bias + sum(max(cases) for cases in terms)
    if top > MOST_VALUES:
        raise TooLarge(f"{at}: a neuron may reach {top}, more than the {MOST_VALUES} values this checker tells apart")
    if top <= 0:
        return {0: TRUE}
    return {top - loss: formula for loss, formula in lost(terms, top, known).items()}
