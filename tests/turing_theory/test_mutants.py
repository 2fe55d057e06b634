"""Changed networks are not proved, unless they do the same; a few of each kind (`mutants` has the campaign)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

import pytest

from exactformer.certificates.checker.document import TooLarge, Undecided
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.transformer.vocabulary import Family, Vocabulary
from exactformer.constructions.turing.paradigm import Paradigm
from tests.turing_theory import mutants as mutants_module
from tests.turing_theory.differential import Comparison, compare
from tests.turing_theory.mutants import NO_ANSWER, SEED, Behaviour, Judge, Kind, Mutant, behaviour, identity, mutants

OF_EACH_KIND = 2
WORDS = 100
SOME = [Kind.HEAD_ALTERED, Kind.WEIGHT]


@cache
def judge(paradigm: Paradigm = Paradigm.COT) -> Judge:
    return Judge(load_machine("increment"), 4, paradigm, WORDS)


def original() -> Network:
    return judge().original.network


@pytest.mark.slow
@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_a_mutant_is_not_proved_or_does_the_same(kind: Kind) -> None:
    judged = [judge()(mutant) for mutant in islice(mutants(judge().original, [kind], SEED), OF_EACH_KIND)]
    assert len(judged) == OF_EACH_KIND
    assert [one.title for one in judged if one.wrong or one.reason.startswith(NO_ANSWER)] == []


@pytest.mark.slow
def test_of_a_summarized_chain_of_thought_too() -> None:
    by_summary = judge(Paradigm.SCOT)
    judged = [by_summary(mutant) for mutant in islice(mutants(by_summary.original, SOME), len(SOME))]
    assert [one.kind for one in judged] == SOME
    assert [one.title for one in judged if one.wrong or one.reason.startswith(NO_ANSWER)] == []
    assert any(not one.proved for one in judged)


def test_a_mutant_that_is_proved_and_does_something_else_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above would find, if everything were proved."""
    monkeypatch.setattr(Judge, "why_not", lambda *_: "")
    judged = [judge()(mutant) for mutant in islice(mutants(judge().original, [Kind.HEAD_DROPPED]), 3)]
    assert all(one.wrong for one in judged)


def test_a_mutant_that_is_not_what_is_proved_of_it_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were another network's activations those of a mutant that is proved."""
    proved = next(mutants(judge().original, [Kind.EMBEDDING], SEED))
    monkeypatch.setattr(mutants_module, "compare", lambda _, *rest: compare_with(proved, *rest))
    judged = judge()(proved)
    assert "is_einp" in judged.differences[0]
    assert judged.proved
    assert judged.wrong


def compare_with(mutant: Mutant, theory: Theory, sequences: Sequence[Sequence[TrueToken]]) -> Comparison:
    """What is proved of the original, with what a mutant does."""
    return compare(original(), theory, sequences, mutant.network)


@pytest.mark.parametrize("error", [TooLarge, Undecided])
def test_what_is_too_much_to_prove_is_no_answer(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object) -> None:
        raise error("too much")

    monkeypatch.setattr(mutants_module, "prove", too_much)
    assert judge().why_not(original()) == f"{NO_ANSWER}too much"


def test_the_original_is_proved_and_compared_on_sequences_that_end_and_that_do_not() -> None:
    assert judge().why_not(original()) == ""
    ends = {one.tokens[-1].family for one in judge().sequences}
    assert {"EOUTP", "RUN", "EPOS"} <= ends
    assert {one.read for one in judge().sequences} >= {len(one) for one in judge().sequences} - {17}


def test_activations_and_tokens_are_told_apart() -> None:
    nothing = Layer((), Mlp.of(()))
    longer = replace(original(), layers=(*original().layers, nothing))
    shorter = replace(original(), layers=original().layers[:-1])
    sequences = judge().sequences
    assert behaviour(original(), original(), sequences) is Behaviour.SAME
    assert behaviour(original(), longer, sequences) is Behaviour.SAME_TOKENS
    assert behaviour(original(), shorter, sequences) is Behaviour.DIFFERENT


def test_the_order_of_neurons_makes_no_other_network() -> None:
    layer = original().layers[0]
    turned = Layer(layer.heads, Mlp.of(layer.mlp.neurons()[::-1]))
    assert identity(judge().original.with_layer(0, turned)) == identity(original())
    fewer = Layer(layer.heads, Mlp.of(layer.mlp.neurons()[1:]))
    assert identity(judge().original.with_layer(0, fewer)) != identity(original())


def test_mutants_are_different_networks() -> None:
    listed = list(islice(mutants(judge().original), 3 * len(Kind)))
    assert [one.kind for one in listed] == [*Kind] * 3
    assert len({identity(one.network) for one in listed} | {identity(original())}) == 3 * len(Kind) + 1


def layers(changed: Callable[[tuple[Layer, ...]], tuple[Layer, ...]]) -> Network:
    network = original()
    return replace(network, layers=changed(network.layers))


def unembedding(family: str, register: str, bit: int) -> Network:
    """The token of a family becomes more likely where this coordinate is 1."""
    network = original()
    span = next(one for one in network.registers if one.name == register)
    return with_family(family, lambda one: replace(one, unembedding=(*one.unembedding, (span.offset + bit, 1))))


def embedded_position() -> Network:
    """By SPEC 4.1 the position is added to the embedding: INP would have 0 for the lowest bit of its position."""
    return with_family("INP", lambda one: replace(one, embedding=(*one.embedding, (0, 1))))


def with_family(name: str, changed: Callable[[Family], Family]) -> Network:
    network = original()
    families = (changed(one) if one.name == name else one for one in network.vocabulary.families)
    return replace(network, vocabulary=Vocabulary(tuple(families)))


@pytest.mark.parametrize(
    "network",
    [
        lambda: layers(lambda all_of_them: all_of_them[:-1]),
        lambda: unembedding("POS", "bit_1", 0),
        lambda: unembedding("OUTP", "blockpos_1", 1),
        lambda: unembedding("OUTP", "nextbit_1", 0),
        lambda: unembedding("EPOS", "write_pos", 0),
    ],
)
def test_what_has_other_tokens_is_not_proved(network: Callable[[], Network]) -> None:
    assert behaviour(original(), network(), judge().sequences) is Behaviour.DIFFERENT
    assert judge().why_not(network())


def test_what_embeds_a_position_is_not_proved() -> None:
    """The evaluator puts the position over it."""
    assert judge().why_not(embedded_position())


def test_a_layer_more_than_annotated_is_not_proved() -> None:
    network = layers(lambda all_of_them: (*all_of_them, Layer((), Mlp.of(()))))
    assert "is about" in judge().why_not(network)
