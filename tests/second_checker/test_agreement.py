"""Both checkers agree: on certificates that were made as they should be, and on networks with one weight changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import exactformer as ef
from tests.second_checker.both import CONSTRUCTIONS, Case, Document, made

MACHINES = [
    ("increment", "cot", 16, "fused:bf16", 0),
    ("increment", "cot", 16, "rounded:bf16/fp32/bf16", 0),
    ("increment", "cot", 16, "fused:fp16", 0),
    ("increment", "cot", 16, "fused:e4m3fn", 0),
    ("increment", "cot", 16, "exact", 3),
    ("increment", "cot", 16, "fused:bf16+linearbf16", 0),
    ("increment", "cot", 16, "fused:bf16@bf16", 0),
    ("increment", "scot", 16, "fused:bf16", 0),
    ("palindrome", "cot", 16, "fused:e5m2", 0),
    ("binary-addition", "cot", 16, "fused:bf16", 0),
    ("rewrite", "cot", 24, "rounded:e4m3fn/e4m3fn", 3),
]
THEORIES: dict[str, Callable[[], tuple[Any, str, int]]] = {
    "n-grams of one letter before": lambda: (ef.ngram(letters="abc", n=1, context=64), "rounded:fp32/bf16", 64),
    "n-grams, fewer tokens than positions": lambda: (ef.ngram(letters="ab", n=3, context=32), "fused:bf16", 20),
    "n-grams in a format of few bits": lambda: (ef.ngram(letters="ab", n=1, context=256), "rounded:e4m3fn/e4m3fn", 256),
    "a SUBLEQ computer": lambda: (ef.subleq(context=16), "fused:bf16", 16),
}


@pytest.mark.parametrize(("name", "paradigm", "context", "arithmetic", "code"), MACHINES)
def test_runs_of_machines(tmp_path: Path, name: str, paradigm: str, context: int, arithmetic: str, code: int) -> None:
    file = CONSTRUCTIONS / f"machines/texts/{name}.yaml"
    behaviour = ef.EveryRun(context, paradigm=paradigm)
    case = made(tmp_path, ef.certify(ef.load_machine(name), behaviour, arithmetic), machine=file)
    first, second = case.codes()
    assert (first[0], second[0]) == (code, code), (first[1], second[1])


@pytest.mark.parametrize("title", THEORIES)
def test_other_theories(tmp_path: Path, title: str) -> None:
    (network, theory), arithmetic, context = THEORIES[title]()
    case = made(tmp_path, ef.certify(network, theory, arithmetic, context=context), theory=theory)
    first, second = case.codes()
    assert first[0] == second[0] in (0, 3), (first[1], second[1])


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**64])
def test_numbers_beyond_2_to_the_53_are_strings(tmp_path: Path, number: int) -> None:
    network, theory = ef.ngram(letters="ab", n=1, context=16)
    about = replace(
        theory,
        text=theory.text + "\nparameter M: number\nabout M is {M}\n",
        parameters={**theory.parameters, "M": number},
    )
    case = made(tmp_path, ef.certify(network, about, "fused:bf16", context=16), theory=about)
    assert case.certificate["statement"]["parameters"]["M"] == (number if number <= 2**53 else str(number))
    assert f"M = {number}" in case.certificate["statement"]["claim"]
    first, second = case.codes()
    assert (first[0], second[0]) == (0, 0), (first[1], second[1])


def test_arithmetics_with_other_steps_are_not_judged(tmp_path: Path) -> None:
    network, theory = ef.ngram(letters="ab", n=1, context=16)
    case = made(tmp_path, ef.certify(network, theory, "fused:bf16+faithful", context=16), theory=theory)
    first, second = case.codes()
    assert (first[0], second[0]) == (0, 4)


# One weight changed.


def changed_weight(rng: random.Random, weights: Document) -> None:
    layer: Any = rng.choice(weights["layers"])
    mlp, width = layer["mlp"], sum(size for _, size in weights["registers"])
    parts = [key for key in ("in_weight", "out_weight", "bias", "in_coordinate", "out_coordinate") if mlp[key]]
    parts += ["query", "key", "value", "out"] if layer["heads"] else []
    part = rng.choice([*parts, "vocabulary"])
    if part == "vocabulary":
        family = rng.choice(weights["vocabulary"])
        vectors = [family["embedding"], family["unembedding"]]
        vectors += [
            vector for field in family["fields"] for key in ("embedding", "unembedding") for vector in field[key]
        ]
        entry = rng.choice([entry for vector in vectors for entry in vector])
        entry[1] *= rng.choice((-1, 2))
    elif part in mlp:
        n = rng.randrange(len(mlp[part]))
        now = mlp[part][n]
        mlp[part][n] = (
            rng.choice((-now, 2 * now)) if part.endswith("weight") else rng.choice((now - 1, now + 1)) % width
        )
    else:
        entries = rng.choice(layer["heads"])[part]
        entries[rng.randrange(len(entries))] = rng.randrange(width)


@pytest.fixture(scope="module")
def ngram(tmp_path_factory: pytest.TempPathFactory) -> Case:
    network, theory = ef.ngram(letters="ab", n=2, context=16)
    certificate = ef.certify(network, theory, "fused:bf16", context=16)
    return made(tmp_path_factory.mktemp("ngram"), certificate, theory=theory)


@pytest.fixture(scope="module")
def increment(tmp_path_factory: pytest.TempPathFactory) -> Case:
    certificate = ef.certify(ef.load_machine("increment"), ef.EveryRun(16), "fused:bf16")
    file = CONSTRUCTIONS / "machines/texts/increment.yaml"
    return made(tmp_path_factory.mktemp("increment"), certificate, machine=file)


def verdicts(case: Case, seeds: range) -> set[int]:
    found = set()
    for seed in seeds:
        rng = random.Random(seed)
        first, second = case.changed(lambda _, weights: changed_weight(rng, weights)).codes()  # noqa: B023
        assert first[0] == second[0], (seed, first[1], second[1])
        found.add(first[0])
    return found


def test_changed_weights_of_ngrams(ngram: Case) -> None:
    assert verdicts(ngram, range(30)) == {0, 1}


def test_changed_weights_of_a_machine(increment: Case) -> None:
    assert verdicts(increment, range(5)) <= {0, 1}
