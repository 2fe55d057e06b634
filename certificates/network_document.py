"""The network document (NETWORKS 1): a transformer of any exact weights as JSON, written and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from exactformer.certificates.document import canonical_bytes
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import TransformerError, Vector
from exactformer.constructions.transformer.exact_parts import (
    AttentionHead,
    BitPositions,
    ExactToken,
    Form,
    Forms,
    LargestOutputs,
    LinearMap,
    NearestOutputs,
    Positions,
    TablePositions,
    TransformerLayer,
)

FORMAT, VERSION = "exactformer network", 2
LARGEST_NUMBER = 1 << 53
"""Integers of larger magnitude are written as text."""
LARGEST_DOCUMENT = 1 << 28
"""Bytes of a document that is read."""
LONGEST_NUMBER = 4000
"""Characters of a number that is read."""
RATIONAL = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:/([1-9][0-9]*))?", re.ASCII)

Json = Any
Read = TypeVar("Read")


class NetworkDocumentError(ValueError):
    """A document that is none of a transformer: where, and what is wrong."""


# ---------------------------------------------------------------------------- writing


def network_document(net: Transformer) -> dict[str, Json]:
    """A transformer as plain JSON values."""
    document: dict[str, Json] = {
        "format": FORMAT,
        "version": VERSION,
        "width": net.width,
        "coordinates": list(net.coordinates),
        "attention": "causal" if net.causal else "full",
        "positions": _positions(net.positions),
        "vocabulary": [
            {"token": token.name, "embedding": _vector(token.embedding), "unembedding": _form(token.unembedding)}
            for token in net.vocabulary
        ],
        "layers": [_layer(layer) for layer in net.layers],
    }
    if net.unseen:
        document["unseen"] = list(net.unseen)
    match net.outputs:
        case LargestOutputs(names, forms):
            document["outputs"] = {"largest": [[name, _form(form)] for name, form in zip(names, forms, strict=True)]}
        case NearestOutputs(form, numbers):
            document["outputs"] = {"nearest": [_form(form), list(map(_number, numbers))]}
    return document


def network_bytes(net: Transformer) -> bytes:
    """The bytes of the document."""
    return canonical_bytes(network_document(net))


def _positions(positions: Positions) -> Json:
    match positions:
        case None:
            return None
        case BitPositions(first, bits):
            return {"bits": [first, bits]}
        case TablePositions(table):
            return {"table": list(map(_vector, table))}


def _layer(layer: TransformerLayer) -> Json:
    return {
        "heads": list(map(_head, layer.heads)),
        "mlp": {"neurons": list(map(_form, layer.neurons)), "out": _map(layer.out)},
    }


def _head(head: AttentionHead) -> Json:
    fields = {
        "name": head.name,
        "query": list(map(_form, head.query)),
        "key": list(map(_form, head.key)),
        "value": list(map(_form, head.value)),
        "out": _map(head.out),
    }
    return fields if head.scale == 1 else fields | {"scale": _number(head.scale)}


def _number(number: Fraction) -> int | str:
    short = number.denominator == 1 and abs(number.numerator) <= LARGEST_NUMBER
    return number.numerator if short else str(number)


def _vector(vector: Vector) -> Json:
    return [[index, _number(number)] for index, number in vector]


def _form(form: Form) -> Json:
    return [_vector(form.vector), _number(form.bias)]


def _map(linear: LinearMap) -> Json:
    return [[coordinate, _form(form)] for coordinate, form in linear]


# ---------------------------------------------------------------------------- reading


def load_transformer(path: str | Path) -> Transformer:
    """The transformer of a document.  Raises NetworkDocumentError."""
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(LARGEST_DOCUMENT + 1)
    except OSError as error:
        raise NetworkDocumentError(f"the network {str(path)!r} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_DOCUMENT:
        raise NetworkDocumentError(f"the network {str(path)!r} is longer than {LARGEST_DOCUMENT} bytes")
    return read_transformer(data)


def read_transformer(data: bytes) -> Transformer:
    """The transformer that the bytes of a document describe.  Raises NetworkDocumentError."""
    try:
        document = json.loads(data, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise NetworkDocumentError(f"the network is no JSON document: {error}") from error
    fields = _object(document, "network", ("format", "version", *_FIELDS), ("unseen", "outputs"))
    if (fields["format"], fields["version"]) != (FORMAT, VERSION) or isinstance(fields["version"], bool):
        raise NetworkDocumentError(
            f"the network has format {fields['format']!r}, version {fields['version']!r}; it has to be {FORMAT!r}, "
            f"version {VERSION}"
        )
    if fields["attention"] not in ("causal", "full"):
        raise NetworkDocumentError(f"attention is {fields['attention']!r}; it has to be 'causal' or 'full'")
    try:
        return Transformer(
            _integer(fields["width"], "width"),
            tuple(_each(fields["vocabulary"], "vocabulary", _read_token)),
            tuple(_each(fields["layers"], "layers", _read_layer)),
            _read_positions(fields["positions"]),
            fields["attention"] == "causal",
            tuple(_each(fields["coordinates"], "coordinates", _text)),
            _read_unseen(fields["unseen"]) if "unseen" in fields else (),
            _read_outputs(fields["outputs"]) if "outputs" in fields else None,
        )
    except TransformerError as error:
        raise NetworkDocumentError(str(error)) from error


_FIELDS = ("width", "coordinates", "attention", "positions", "vocabulary", "layers")


def once(members: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object of these members.  Raises ValueError where a name is given twice: one of them would be forgotten."""
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice in one object")
    return dict(members)


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is written as a float; write integers, or texts such as '5/8'")


def _object(value: Json, where: str, keys: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Json]:
    if not isinstance(value, dict) or not set(keys) <= value.keys() <= {*keys, *optional}:
        more = f" and, where needed, {', '.join(optional)}" if optional else ""
        raise NetworkDocumentError(f"{where} has to be an object with the fields {', '.join(keys)}{more}")
    return value


def _list(value: Json, where: str, length: int | None = None) -> list[Json]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise NetworkDocumentError(f"{where} has to be a list" + ("" if length is None else f" of {length}"))
    return value


def _each(value: Json, where: str, read: Callable[[Json, str], Read]) -> list[Read]:
    return [read(one, f"{where}[{number}]") for number, one in enumerate(_list(value, where))]


def _text(value: Json, where: str) -> str:
    if not isinstance(value, str):
        raise NetworkDocumentError(f"{where} has to be a text")
    return value


def _integer(value: Json, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise NetworkDocumentError(f"{where} has to be an integer from 0 to 2^53")
    return value


def _read_number(value: Json, where: str) -> Fraction:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER:
        return Fraction(value)
    found = RATIONAL.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST_NUMBER else None
    if found is None:
        raise NetworkDocumentError(f"{where} is {value!r:.60}; it has to be an integer, or a text such as '5/8'")
    return Fraction(int(found[1]), int(found[2] or 1))


def _read_vector(value: Json, where: str) -> Vector:
    pairs = ((one, _list(one, where, 2)) for one in _list(value, where))
    return tuple((_integer(index, where), _read_number(number, where)) for _, (index, number) in pairs)


def _read_form(value: Json, where: str) -> Form:
    vector, bias = _list(value, where, 2)
    return Form(_read_vector(vector, where), _read_number(bias, where))


def _read_forms(value: Json, where: str) -> Forms:
    return tuple(_each(value, where, _read_form))


def _read_map(value: Json, where: str) -> LinearMap:
    pairs = [_list(one, where, 2) for one in _list(value, where)]
    return tuple((_integer(coordinate, where), _read_form(form, where)) for coordinate, form in pairs)


def _read_token(value: Json, where: str) -> ExactToken:
    fields = _object(value, where, ("token", "embedding", "unembedding"))
    return ExactToken(
        _text(fields["token"], f"{where}.token"),
        _read_vector(fields["embedding"], f"{where}.embedding"),
        _read_form(fields["unembedding"], f"{where}.unembedding"),
    )


def _read_layer(value: Json, where: str) -> TransformerLayer:
    fields = _object(value, where, ("heads", "mlp"))
    mlp = _object(fields["mlp"], f"{where}.mlp", ("neurons", "out"))
    return TransformerLayer(
        tuple(_each(fields["heads"], f"{where}.heads", _read_head)),
        _read_forms(mlp["neurons"], f"{where}.mlp.neurons"),
        _read_map(mlp["out"], f"{where}.mlp.out"),
    )


def _read_head(value: Json, where: str) -> AttentionHead:
    fields = _object(value, where, ("name", "query", "key", "value", "out"), ("scale",))
    query, key, values = (_read_forms(fields[name], f"{where}.{name}") for name in ("query", "key", "value"))
    out, name = _read_map(fields["out"], f"{where}.out"), _text(fields["name"], where)
    return AttentionHead(query, key, values, out, name, _read_scale(fields, where))


def _read_scale(fields: dict[str, Json], where: str) -> Fraction:
    if "scale" not in fields:
        return Fraction(1)
    scale = _read_number(fields["scale"], f"{where}.scale")
    if scale == 1:
        raise NetworkDocumentError(f"{where}.scale is 1; leave it out")
    return scale


def _read_positions(value: Json) -> Positions:
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"bits"}:
        first, bits = (_integer(one, "positions.bits") for one in _list(value["bits"], "positions.bits", 2))
        return BitPositions(first, bits)
    fields = _object(value, "positions", ("table",))
    return TablePositions(tuple(_each(fields["table"], "positions.table", _read_vector)))


def _read_unseen(value: Json) -> tuple[str, ...]:
    names = tuple(_each(value, "unseen", _text))
    if not names:
        raise NetworkDocumentError("unseen is empty; leave it out")
    return names


def _read_outputs(value: Json) -> LargestOutputs | NearestOutputs:
    match value:
        case {"largest": largest, **more} if not more:
            pairs = [_list(one, f"outputs.largest[{place}]", 2) for place, one in enumerate(_list(largest, "outputs"))]
            names = (_text(name, f"outputs.largest[{place}]") for place, (name, _) in enumerate(pairs))
            forms = (_read_form(form, f"outputs.largest[{place}]") for place, (_, form) in enumerate(pairs))
            return LargestOutputs(tuple(names), tuple(forms))
        case {"nearest": nearest, **more} if not more:
            form, numbers = _list(nearest, "outputs.nearest", 2)
            where = "outputs.nearest[1]"
            return NearestOutputs(_read_form(form, "outputs.nearest[0]"), tuple(_each(numbers, where, _read_number)))
    raise NetworkDocumentError("outputs has to be an object with one field, largest or nearest")
