"""Integers by cases: what one neuron is, and products of two."""

from __future__ import annotations

import pytest

from exactformer.certificates.checker.cases import Cases, product, same
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams, Formula
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.neurons import activation

DIAGRAMS = Diagrams()


def atom(name: str) -> Formula:
    return DIAGRAMS.variable(ord(name))


def sign(name: str) -> Cases:
    return {1: atom(name), -1: ~atom(name)}


def test_neurons() -> None:
    a, b = sign("a"), {0: ~atom("b"), 1: atom("b")}
    assert activation("at", -1, [(a, 1), (b, -1)]) == {0: TRUE}
    one = ~atom("a") & ~atom("b")
    assert activation("at", 0, [(a, -1), (b, -1)]) == {1: one, 0: ~one}
    assert set(activation("at", 0, [(a, 1), (b, 1)])) == {0, 1, 2}
    assert activation("at", 2, []) == {2: TRUE}
    assert set(activation("at", 1000, [(a, 1)])) == {999, 1001}
    with pytest.raises(TooLarge, match="may reach 1025"):
        activation("at", 1024, [(a, 1)])


def test_products_and_equality() -> None:
    a = sign("a")
    assert product(a, a) == {1: TRUE}
    assert product(a, {0: TRUE}) == {0: TRUE}
    assert product(a, {-1: TRUE}) == {1: ~atom("a"), -1: atom("a")}
    assert same(a, {0: TRUE}) == FALSE
    assert same(a, dict(a)) == TRUE
