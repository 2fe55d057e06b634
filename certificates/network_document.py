"""The network document (NETWORKS 1): writes a transformer of any exact weights as JSON, and reads it back."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.network_json import (
    Json,
    NetworkDocumentError,
    form_json,
    map_json,
    number_json,
    read_each,
    read_form,
    read_forms,
    read_given,
    read_integer,
    read_list,
    read_map,
    read_number,
    read_object,
    read_text,
    read_truth,
    read_vector,
    vector_json,
)
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_norms import PLACES, Norm, Norms
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.exact_parts import (
    AttentionHead,
    BitPositions,
    ExactToken,
    Form,
    LargestOutputs,
    NearestOutputs,
    Positions,
    TablePositions,
    TransformerLayer,
)

FORMAT, VERSION = "exactformer network", 2
LARGEST_DOCUMENT = 1 << 28
"""The most bytes of a document that is read."""

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
        "vocabulary": list(map(_token, net.vocabulary)),
        "layers": [_layer(layer) for layer in net.layers],
    }
    if net.unseen:
        document["unseen"] = list(net.unseen)
    if net.outputs is not None:
        document["outputs"] = _outputs(net.outputs)
    if net.rotary:
        document["rotary"] = [[list(map(number_json, pair)) for pair in planes] for planes in net.rotary]
    if net.norm is not None:
        document["norm"] = _norm(net.norm)
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
            return {"table": list(map(vector_json, table))}


def _token(token: ExactToken) -> Json:
    embedding, unembedding = vector_json(token.embedding), form_json(token.unembedding)
    return {"token": token.name, "embedding": embedding, "unembedding": unembedding}


def _outputs(outputs: LargestOutputs | NearestOutputs) -> Json:
    match outputs:
        case LargestOutputs(names, forms):
            return {"largest": [[name, form_json(form)] for name, form in zip(names, forms, strict=True)]}
        case NearestOutputs(form, numbers):
            return {"nearest": [form_json(form), list(map(number_json, numbers))]}


def _layer(layer: TransformerLayer) -> Json:
    mlp = {"neurons": list(map(form_json, layer.neurons)), "out": map_json(layer.out)}
    if layer.activation != "relu":
        mlp["activation"] = layer.activation
    if layer.gates:
        mlp["gates"] = list(map(form_json, layer.gates))
    fields = {"heads": list(map(_head, layer.heads)), "mlp": mlp}
    norms = {place: _norm(norm) for place, norm in layer.norms}
    return fields | {"norms": norms} if norms else fields


def _head(head: AttentionHead) -> Json:
    fields = {
        "name": head.name,
        "query": list(map(form_json, head.query)),
        "key": list(map(form_json, head.key)),
        "value": list(map(form_json, head.value)),
        "out": map_json(head.out),
    }
    if head.scale != 1:
        fields["scale"] = number_json(head.scale)
    if head.rotary:
        fields["rotary"] = list(map(list, head.rotary))
    return fields


def _norm(norm: Norm) -> Json:
    return {
        "center": norm.center,
        "epsilon": number_json(norm.epsilon),
        "weight": vector_json(norm.weight),
        "bias": vector_json(norm.bias),
    }


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
        raise NetworkDocumentError(f"the network is not a JSON document: {error}") from error
    fields = read_object(document, "network", ("format", "version", *_FIELDS), ("unseen", "outputs", "rotary", "norm"))
    if (fields["format"], fields["version"]) != (FORMAT, VERSION) or isinstance(fields["version"], bool):
        raise NetworkDocumentError(
            f"the network has format {fields['format']!r}, version {fields['version']!r}; it has to be {FORMAT!r}, "
            f"version {VERSION}"
        )
    if fields["attention"] not in ("causal", "full"):
        raise NetworkDocumentError(f"attention is {fields['attention']!r}; it has to be 'causal' or 'full'")
    try:
        return Transformer(
            read_integer(fields["width"], "width"),
            tuple(read_each(fields["vocabulary"], "vocabulary", _read_token)),
            tuple(read_each(fields["layers"], "layers", _read_layer)),
            _read_positions(fields["positions"]),
            fields["attention"] == "causal",
            tuple(read_each(fields["coordinates"], "coordinates", read_text)),
            read_given(fields, "unseen", read_text),
            _read_outputs(fields["outputs"]) if "outputs" in fields else None,
            read_given(fields, "rotary", _read_planes),
            _read_norm(fields["norm"], "norm") if "norm" in fields else None,
        )
    except TransformerError as error:
        raise NetworkDocumentError(str(error)) from error


_FIELDS = ("width", "coordinates", "attention", "positions", "vocabulary", "layers")


def once(members: list[tuple[str, Json]]) -> dict[str, Json]:
    """An object with these members.  Raises ValueError if a name occurs twice: one member would be lost."""
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice in one object")
    return dict(members)


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is written as a float; write integers, or texts such as '5/8'")


def _read_token(value: Json, where: str) -> ExactToken:
    fields = read_object(value, where, ("token", "embedding", "unembedding"))
    return ExactToken(
        read_text(fields["token"], f"{where}.token"),
        read_vector(fields["embedding"], f"{where}.embedding"),
        read_form(fields["unembedding"], f"{where}.unembedding"),
    )


def _read_layer(value: Json, where: str) -> TransformerLayer:
    fields = read_object(value, where, ("heads", "mlp"), ("norms",))
    mlp = read_object(fields["mlp"], f"{where}.mlp", ("neurons", "out"), ("activation", "gates"))
    return TransformerLayer(
        tuple(read_each(fields["heads"], f"{where}.heads", _read_head)),
        read_forms(mlp["neurons"], f"{where}.mlp.neurons"),
        read_map(mlp["out"], f"{where}.mlp.out"),
        _read_activation(mlp, f"{where}.mlp"),
        read_given(mlp, f"{where}.mlp.gates", read_form),
        _read_norms(fields["norms"], f"{where}.norms") if "norms" in fields else Norms(),
    )


def _read_activation(mlp: dict[str, Json], where: str) -> str:
    if "activation" not in mlp:
        return "relu"
    activation = read_text(mlp["activation"], f"{where}.activation")
    if activation == "relu":
        raise NetworkDocumentError(f"{where}.activation is relu; leave it out")
    return activation


def _read_norms(value: Json, where: str) -> Norms:
    norms = read_object(value, where, (), tuple(PLACES))
    if not norms:
        raise NetworkDocumentError(f"{where} is empty; leave it out")
    return Norms(**{place: _read_norm(norm, f"{where}.{place}") for place, norm in norms.items()})


def _read_norm(value: Json, where: str) -> Norm:
    fields = read_object(value, where, ("center", "epsilon", "weight", "bias"))
    return Norm(
        read_truth(fields["center"], f"{where}.center"),
        read_number(fields["epsilon"], f"{where}.epsilon"),
        read_vector(fields["weight"], f"{where}.weight"),
        read_vector(fields["bias"], f"{where}.bias"),
    )


def _read_head(value: Json, where: str) -> AttentionHead:
    fields = read_object(value, where, ("name", "query", "key", "value", "out"), ("scale", "rotary"))
    query, key, values = (read_forms(fields[name], f"{where}.{name}") for name in ("query", "key", "value"))
    out, name = read_map(fields["out"], f"{where}.out"), read_text(fields["name"], where)
    rotary = read_given(fields, f"{where}.rotary", _read_rotation)
    return AttentionHead(query, key, values, out, name, _read_scale(fields, where), rotary)


def _read_rotation(value: Json, where: str) -> tuple[int, int, int]:
    first, second, plane = (read_integer(one, where) for one in read_list(value, where, 3))
    return first, second, plane


def _read_scale(fields: dict[str, Json], where: str) -> Fraction:
    if "scale" not in fields:
        return Fraction(1)
    scale = read_number(fields["scale"], f"{where}.scale")
    if scale == 1:
        raise NetworkDocumentError(f"{where}.scale is 1; leave it out")
    return scale


def _read_positions(value: Json) -> Positions:
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"bits"}:
        first, bits = (read_integer(one, "positions.bits") for one in read_list(value["bits"], "positions.bits", 2))
        return BitPositions(first, bits)
    fields = read_object(value, "positions", ("table",))
    return TablePositions(tuple(read_each(fields["table"], "positions.table", read_vector)))


def _read_planes(value: Json, where: str) -> tuple[tuple[Fraction, Fraction], ...]:
    return tuple(read_each(value, where, _read_plane))


def _read_plane(value: Json, where: str) -> tuple[Fraction, Fraction]:
    cosine, sine = (read_number(one, where) for one in read_list(value, where, 2))
    return cosine, sine


def _read_outputs(value: Json) -> LargestOutputs | NearestOutputs:
    match value:
        case {"largest": largest, **more} if not more:
            pairs = read_each(largest, "outputs.largest", _read_output)
            return LargestOutputs(tuple(name for name, _ in pairs), tuple(form for _, form in pairs))
        case {"nearest": nearest, **more} if not more:
            form, numbers = read_list(nearest, "outputs.nearest", 2)
            where = "outputs.nearest[1]"
            return NearestOutputs(read_form(form, "outputs.nearest[0]"), tuple(read_each(numbers, where, read_number)))
    raise NetworkDocumentError("outputs has to be an object with one field, largest or nearest")


def _read_output(value: Json, where: str) -> tuple[str, Form]:
    name, form = read_list(value, where, 2)
    return read_text(name, where), read_form(form, where)
