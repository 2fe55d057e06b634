"""n-gram look-up of two letters, n = 1, eight positions: as plain data that tests change; and what the kernel says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from functools import cache
from typing import Any

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import deep_recursion
from exactformer.certificates.checker.theory.annotation import read_annotation, read_holds, read_names
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.theory.template import Value
from exactformer.certificates.checker.theory.walk import Walked, walk
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.theory_certificate import witnesses_document
from exactformer.certificates.weights import weights_document
from exactformer.constructions.ngram.theory import ngram

LETTERS, N, R = ("a", "b"), 1, 3
PARAMETERS: dict[str, Value] = {"LETTERS": LETTERS, "n": N}


@cache
def _made() -> tuple[str, str, str]:
    network, theory = ngram(LETTERS, N, context=2**R)
    annotation = [[[asdict(case) for case in cases] for cases in layer] for layer in theory.annotation]
    return json.dumps(weights_document(network)), theory.text, json.dumps(annotation)


def weights() -> Any:
    return json.loads(_made()[0])


def text() -> str:
    return _made()[1]


def annotation() -> Any:
    return json.loads(_made()[2])


def walked(
    *,
    network: Any = None,
    theory: str | None = None,
    told: Any = None,
    holds: Any = (),
    names: Any = (),
    witnesses: Any = None,
    parameters: Mapping[str, Value] = PARAMETERS,
) -> Walked:
    """What the kernel proves, of the real network, theory and annotation where no other is given."""
    known = read_network(deepcopy(network) if network is not None else weights())
    given: Any = witnesses_document(ngram(LETTERS, N, context=2**R)[1]) if witnesses is None else witnesses
    with deep_recursion():
        read = read_theory(theory if theory is not None else text(), parameters, known.r)
        words = read_holds(list(holds), read, known), read_names(list(names), read, known)
        cases = read_annotation(told if told is not None else annotation(), read, known)
        return walk(known, read, given, cases, *words, Deadline(10**6))
