"""The terms derived from weights are what the neurons do, for arbitrary weights and all activations."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.verify.lemmas.activation import Domain, Symbol, added_by, added_terms, relu_term
from exactformer.verify.solver import Model, Proved, all_of, equal, prove, value_of

COORDINATES = 4
weights = st.lists(st.tuples(st.integers(0, COORDINATES - 1), st.integers(-3, 3)), max_size=6).map(tuple)
neurons = st.builds(Neuron, weights, st.integers(-4, 4), weights)
domains = st.tuples(*[st.sampled_from(Domain)] * COORDINATES)


def symbols_of(kinds: tuple[Domain, ...]) -> dict[int, Symbol]:
    return {c: Symbol.of(f"x{c}", kind) for c, kind in enumerate(kinds)}


def model_at(symbols: dict[int, Symbol], values: tuple[int, ...]) -> Model:
    model: Model = {}
    for c, symbol in symbols.items():
        for number, (_, literal) in enumerate(symbol.parts):
            model[literal.name] = values[c] == (1, -1)[number]
    return model


@settings(max_examples=150)
@given(st.lists(neurons, min_size=1, max_size=3), domains)
def test_terms_have_the_value_that_neurons_add(units: list[Neuron], kinds: tuple[Domain, ...]) -> None:
    symbols = symbols_of(kinds)
    terms = added_terms(units, symbols)
    for values in product(*(kind.value for kind in kinds)):
        model = model_at(symbols, values)
        added = added_by(units, dict(enumerate(values)))
        assert {c: value_of(term, model) for c, term in terms.items()} == added


@settings(max_examples=25)
@given(neurons, domains)
def test_the_solver_agrees_at_every_point(unit: Neuron, kinds: tuple[Domain, ...]) -> None:
    symbols = symbols_of(kinds)
    values = tuple(kind.value[-1] for kind in kinds)
    restrictions = [one.restriction for one in symbols.values() if one.restriction is not None]
    at = all_of(symbol.literal(value) for symbol, value in zip(symbols.values(), values, strict=True))
    for c, term in added_terms([unit], symbols).items():
        expected = added_by([unit], dict(enumerate(values)))[c]
        assert isinstance(prove(equal(term, expected), [at, *restrictions]), Proved)


def test_literals_say_which_value() -> None:
    for domain in Domain:
        symbol = Symbol.of("x", domain)
        for value in domain.value:
            model = model_at({0: symbol}, (value,))
            assert symbol.value(model) == value
            assert [value_of(symbol.literal(other), model) for other in (-1, 0, 1)] == [
                int(other == value) for other in (-1, 0, 1)
            ]


def test_a_neuron_that_never_fires_has_no_term() -> None:
    assert relu_term(Neuron(((0, 1),), -1, ()), {0: Symbol.of("x", Domain.TERNARY)}) is None
