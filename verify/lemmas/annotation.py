"""Lemmas ``annotation.cot.*``: for one machine and *every* input, the hardmax network writes the chain of thought.

Together they are an induction over positions and layers.  Embeddings are as annotated; if what all tokens hold before a
layer is as annotated, so is what attention leaves (look-ups, other heads) and then what the MLP leaves; and what is
annotated at the end makes the right token the unique best.  What is taken for granted is the definition of a run and of
its token sequence: verify/annotation/README.md lists it, and tests follow it through many runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from constructions.machines.library import load_machine
from constructions.machines.machine import TuringMachine
from constructions.transformer.network import Network
from constructions.turing.construct import construct
from constructions.turing.encoding import Shape
from constructions.turing.paradigm import Paradigm
from verify.annotation.ghosts import TokenClass
from verify.annotation.heads import HeadNotCovered, head_obligations
from verify.annotation.lookups import lookup_cases, wrong_frame, wrong_lookup_case
from verify.annotation.mlps import mlp_obligation
from verify.annotation.tokens import next_cases, token_cases, wrong_embedding, wrong_next
from verify.lemmas.lemma import Lemma, at_even_widths
from verify.lemmas.outcome import Budget, Finding, Outcome, Violated, conclude

MACHINE = "increment"

Obligations = Callable[[TuringMachine, Network, Budget], Iterator[Finding]]


def embeddings(machine: TuringMachine, network: Network, budget: Budget) -> Iterator[Finding]:
    shape = Shape.of(machine, network.position_bits)
    cases = token_cases(machine, network)
    yield budget.exhaust("tokens", cases, lambda case: wrong_embedding(network, shape, case))


def lookups(machine: TuringMachine, network: Network, budget: Budget) -> Iterator[Finding]:
    shape = Shape.of(machine, network.position_bits)
    cases = (
        (layer, head, state)
        for layer in range(1, len(network.layers) + 1)
        for head, state in lookup_cases(network, shape, layer)
    )
    frames = product(range(1, len(network.layers) + 1), TokenClass)
    yield budget.exhaust("layers and classes", frames, lambda case: wrong_frame(network, shape, *case))
    yield budget.exhaust(
        "look-up heads and states of a token", cases, lambda case: wrong_lookup_case(network, shape, *case)
    )


def heads(machine: TuringMachine, network: Network, budget: Budget) -> Iterator[Finding]:
    for layer in range(1, len(network.layers) + 1):
        try:
            for obligation in head_obligations(machine, network, layer):
                yield budget.prove(obligation.claim, obligation.assumptions)
        except HeadNotCovered as error:
            yield Violated(str(error))


def mlps(machine: TuringMachine, network: Network, budget: Budget) -> Iterator[Finding]:
    for number, layer in enumerate(network.layers, start=1):
        neurons = layer.mlp.neurons()
        for kind in TokenClass:
            obligation = mlp_obligation(machine, network, neurons, kind, number)
            for one in obligation.unannotated:
                where = f"layer {number}, {kind.value}: {one.register}"
                yield Violated(f"{where} holds {one.before}, no neuron writes it, and {one.after} is annotated")
            if obligation.claim is not None:
                yield budget.prove(obligation.claim, obligation.assumptions)


def next_tokens(machine: TuringMachine, network: Network, budget: Budget) -> Iterator[Finding]:
    shape = Shape.of(machine, network.position_bits)
    wrong = list(wrong_next(network, shape, list(next_cases(machine, network))))
    yield budget.exhaust("states of a token and what follows them", wrong, lambda one: one)


def _deciding(obligations: Obligations) -> Callable[[int, Budget], Outcome]:
    def decide(width: int, budget: Budget) -> Outcome:
        machine = load_machine(MACHINE)
        return conclude(obligations(machine, construct(Paradigm.COT, machine, width), budget))

    return decide


WIDTHS = at_even_widths(Paradigm.COT.least_bits)
SUBJECT = f"chain of thought of {MACHINE}, any input that fits 2^r tokens"

LEMMAS = (
    Lemma(
        "annotation.cot.embeddings",
        f"{SUBJECT}: the embedding of every token is as annotated",
        "spec 2.3",
        "exhaustive, weights",
        _deciding(embeddings),
        WIDTHS,
    ),
    Lemma(
        "annotation.cot.lookups",
        f"{SUBJECT}: if all tokens are as annotated in front of a layer, what each look-up head writes at any token is "
        "as annotated, and what no head writes is annotated alike before and behind attention",
        "spec 2.4; spec 5.1, point 3",
        "exhaustive, weights",
        _deciding(lookups),
        WIDTHS,
        ("position.lookup",),
    ),
    Lemma(
        "annotation.cot.heads",
        f"{SUBJECT}: if all tokens are as annotated in front of a layer, each other head selects what it should at any "
        "token: all maximisers share the annotated value, all others score at least 1 less",
        "spec 2.5; spec 5.1, point 3",
        "z3, weights",
        _deciding(heads),
        WIDTHS,
    ),
    Lemma(
        "annotation.cot.mlps",
        f"{SUBJECT}: if a token is as annotated behind a layer's attention, it is behind its MLP; so every activation "
        "is ternary",
        "spec 2.4; spec 5.1, points 1 and 2",
        "z3, weights",
        _deciding(mlps),
        WIDTHS,
        ("arithmetic.decrement", "arithmetic.increment"),
    ),
    Lemma(
        "annotation.cot.next-tokens",
        f"{SUBJECT}: if a token behind the prompt's last is as annotated behind the last layer, the token that follows "
        "it is the unique best next token",
        "spec 2.4, unembedding; spec 5.1, point 5",
        "exhaustive, weights",
        _deciding(next_tokens),
        WIDTHS,
    ),
)
