"""The parts of a compiled network as those of a transformer of any exact weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

from exactformer.constructions.transformer.exact_numbers import added_up
from exactformer.constructions.transformer.exact_parts import AttentionHead, ExactToken, Form, TransformerLayer
from exactformer.constructions.transformer.network import CompiledHead, Layer
from exactformer.constructions.transformer.vocabulary import Family, Vector


def tokens_of(family: Family) -> Iterator[ExactToken]:
    """``RUN state=q written_1=a``: one token for every choice of the fields' values."""
    for choice in product(*(range(len(field.values)) for field in family.fields)):
        chosen = list(zip(family.fields, choice, strict=True))
        name = " ".join([family.name, *(f"{field.name}={field.values[value]}" for field, value in chosen)])
        embedding = added_up([_exact(v) for v in (family.embedding, *(f.embedding[value] for f, value in chosen))])
        logit = added_up([_exact(v) for v in (family.unembedding, *(f.unembedding[value] for f, value in chosen))])
        yield ExactToken(name, embedding, Form(logit))


def _exact(vector: Vector) -> tuple[tuple[int, Fraction], ...]:
    return tuple((coordinate, Fraction(value)) for coordinate, value in vector)


def compiled_layer(layer: Layer) -> TransformerLayer:
    """Heads that read coordinates, and neurons gadget by gadget."""
    units = layer.mlp.neurons()
    neurons = tuple(Form(added_up([_exact(unit.inputs)]), Fraction(unit.bias)) for unit in units)
    out: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for number, unit in enumerate(units):
        for coordinate, weight in unit.outputs:
            out[coordinate][number] += weight
    return TransformerLayer(tuple(map(_head, layer.heads)), neurons, _map(out))


def _head(head: CompiledHead) -> AttentionHead:
    def read(coordinates: Sequence[int]) -> tuple[Form, ...]:
        return tuple(Form(((coordinate, Fraction(1)),)) for coordinate in coordinates)

    out: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for number, coordinate in enumerate(head.out):
        out[coordinate][number] += 1
    return AttentionHead(read(head.query), read(head.key), read(head.value), _map(out), head.name)


def _map(out: dict[int, dict[int, Fraction]]) -> tuple[tuple[int, Form], ...]:
    rows = {coordinate: Form(tuple((n, w) for n, w in sorted(row.items()) if w)) for coordinate, row in out.items()}
    return tuple((coordinate, form) for coordinate, form in sorted(rows.items()) if not form.is_zero)
