"""The numbers of a transformer's parts, each with its place; and parts with other numbers instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from exactformer.constructions.transformer.exact_norms import PLACES, changed_norms, numbers_of_norm
from exactformer.constructions.transformer.exact_numbers import Change, changed_vector, numbers_of_vector
from exactformer.constructions.transformer.exact_parts import (
    Form,
    Forms,
    LargestOutputs,
    LinearMap,
    NearestOutputs,
    Outputs,
    TransformerLayer,
)


def numbers_of(layer: TransformerLayer) -> Iterator[tuple[str, Fraction]]:
    """Every weight, bias and epsilon of a layer that is not 0, with its place."""
    for place, head in enumerate(layer.heads):
        for name, forms in (("query", head.query), ("key", head.key), ("value", head.value)):
            yield from numbers_of_forms(forms, f"head {place}, {name}")
        yield from numbers_of_map(head.out, f"head {place}, out")
    yield from numbers_of_forms(layer.neurons, "neuron")
    yield from numbers_of_forms(layer.gates, "gate")
    yield from numbers_of_map(layer.out, "out of the MLP")
    for of_norm, norm in layer.norms:
        yield from numbers_of_norm(norm, PLACES[of_norm])


def numbers_of_forms(forms: Sequence[Form], where: str) -> Iterator[tuple[str, Fraction]]:
    """The numbers of forms, biases that are not 0 included."""
    for number, form in enumerate(forms):
        yield from numbers_of_vector(form.vector, f"{where} {number}")
        if form.bias:
            yield f"{where} {number}, bias", form.bias


def numbers_of_map(linear: LinearMap, where: str) -> Iterator[tuple[str, Fraction]]:
    """The numbers of a map."""
    for coordinate, form in linear:
        yield from numbers_of_vector(form.vector, f"{where}, coordinate {coordinate}")
        if form.bias:
            yield f"{where}, coordinate {coordinate}, bias", form.bias


def numbers_of_outputs(outputs: Outputs) -> Iterator[tuple[str, Fraction]]:
    """Every weight and bias of outputs' forms.  (The numbers that outputs are compared with are not weights.)"""
    match outputs:
        case LargestOutputs(names, forms):
            for name, form in zip(names, forms, strict=True):
                yield from numbers_of_forms([form], f"the output {name!r}, form")
        case NearestOutputs(form, _):
            yield from numbers_of_forms([form], "the outputs' form")


# ---------------------------------------------------------------------------- other numbers in their places


def changed_form(form: Form, change: Change) -> Form:
    """The form with other numbers, its bias included."""
    return Form(changed_vector(form.vector, change), change(form.bias))


def changed_layer(layer: TransformerLayer, change: Change, change_epsilon: Change) -> TransformerLayer:
    """All weights and biases, and epsilons of norms; scales of scores stay."""

    def forms(of: Forms) -> Forms:
        return tuple(changed_form(form, change) for form in of)

    def linear(of: LinearMap) -> LinearMap:
        return tuple((coordinate, changed_form(form, change)) for coordinate, form in of)

    heads = tuple(
        replace(head, query=forms(head.query), key=forms(head.key), value=forms(head.value), out=linear(head.out))
        for head in layer.heads
    )
    return replace(
        layer,
        heads=heads,
        neurons=forms(layer.neurons),
        out=linear(layer.out),
        gates=forms(layer.gates),
        norms=changed_norms(layer.norms, change, change_epsilon),
    )


def changed_outputs(outputs: Outputs, change: Change) -> Outputs:
    """Outputs with other numbers in their forms; the numbers that outputs are compared with stay."""
    match outputs:
        case LargestOutputs(names, forms):
            return LargestOutputs(names, tuple(changed_form(form, change) for form in forms))
        case NearestOutputs(form, numbers):
            return NearestOutputs(changed_form(form, change), numbers)
        case None:
            return None
