"""The weights document holds the network and nothing else, and the certificate counts it right (SPEC 4)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.weights import (
    Parameters,
    WeightsError,
    network_of,
    parameters,
    significand_bits,
    weights_document,
)
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct, construct_cot
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import BetaSplit
from tests.certificates.certified import SAMPLES, Sample, bundle

MATRICES = ("embedding", "unembedding", "query", "key", "value", "output", "mlp_in", "mlp_bias", "mlp_out")


def naive_values(weights: Any) -> dict[str, list[int]]:
    """Every number of the weights document that SPEC 4 counts, by matrix."""
    values: dict[str, list[int]] = {matrix: [] for matrix in MATRICES}
    for family in weights["vocabulary"]:
        for side in ("embedding", "unembedding"):
            for vector in [family[side], *(vector for field in family["fields"] for vector in field[side])]:
                for _, value in vector:
                    values[side].append(value)
    for layer in weights["layers"]:
        for head in layer["heads"]:
            for matrix, side in (("query", "query"), ("key", "key"), ("value", "value"), ("output", "out")):
                values[matrix] += [1 for _ in head[side]]
        mlp = layer["mlp"]
        values["mlp_in"] += mlp["in_weight"]
        values["mlp_bias"] += [bias for bias in mlp["bias"] if bias != 0]
        values["mlp_out"] += mlp["out_weight"]
    return values


def naive_bits(value: int) -> int:
    while value % 2 == 0:
        value //= 2
    return len(f"{abs(value):b}")


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_parameters_are_those_of_the_weights_document(sample: Sample) -> None:
    made, weights = bundle(sample), json.loads(bundle(sample).weights)
    split = made.assessment.split or BetaSplit(1, 1)
    scales, expected = {"query": split.query, "key": split.key}, []
    for matrix, values in naive_values(weights).items():
        scale, most = scales.get(matrix, 1), max((abs(value) for value in values), default=0)
        bits = max((naive_bits(value) for value in values), default=0)
        expected.append(Parameters(matrix, Counter(values), scale, scale * most, bits))
    assert made.parameters == expected


@pytest.mark.parametrize("sample", [SAMPLES[0], SAMPLES[1], SAMPLES[6]], ids=str)
def test_the_weights_document_is_the_network(sample: Sample) -> None:
    weights = json.loads(bundle(sample).weights)
    document = json.loads(bundle(sample).bytes)
    network = construct(sample.paradigm, load_machine(sample.machine), document["statement"]["position_bits"])
    assert weights["position_bits"] == network.position_bits
    assert weights["registers"] == [[register.name, register.width] for register in network.registers]
    assert weights["registers"][0] == ["pos", network.position_bits]
    assert len(weights["layers"]) == len(network.layers)
    for written, layer in zip(weights["layers"], network.layers, strict=True):
        heads = [{**head, "kind": head["kind"]} for head in written["heads"]]
        assert heads == [
            {
                "name": head.name,
                "kind": head.kind.value,
                "query": list(head.query),
                "key": list(head.key),
                "value": list(head.value),
                "out": list(head.out),
            }
            for head in layer.heads
        ]
        mlp = written["mlp"]
        for side, rows in (("in", layer.mlp.inputs), ("out", layer.mlp.outputs)):
            for part in ("start", "coordinate", "weight"):
                assert mlp[f"{side}_{part}"] == getattr(rows, part).tolist()
        assert mlp["bias"] == layer.mlp.bias.tolist()
    families = {family["name"]: family for family in weights["vocabulary"]}
    assert list(families) == [family.name for family in network.vocabulary.families]
    for family in network.vocabulary.families:
        assert as_vector(families[family.name]["embedding"]) == family.embedding
        assert as_vector(families[family.name]["unembedding"]) == family.unembedding
        for written, field in zip(families[family.name]["fields"], family.fields, strict=True):
            assert (written["name"], tuple(written["values"])) == (field.name, field.values)
            assert tuple(map(as_vector, written["embedding"])) == field.embedding
            assert tuple(map(as_vector, written["unembedding"])) == field.unembedding


def as_vector(pairs: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((coordinate, value) for coordinate, value in pairs)


def test_dimensions_are_counted_in_the_weights_document() -> None:
    for sample in SAMPLES[:3]:
        weights = json.loads(bundle(sample).weights)
        heads = [head for layer in weights["layers"] for head in layer["heads"]]
        assert asdict(bundle(sample).dimensions) == {
            "layers": len(weights["layers"]),
            "heads": max(len(layer["heads"]) for layer in weights["layers"]),
            "query_width": max(len(head["query"]) for head in heads),
            "value_width": max(len(head["value"]) for head in heads),
            "hidden_width": max(len(layer["mlp"]["bias"]) for layer in weights["layers"]),
            "width": sum(width for _, width in weights["registers"]),
        }


def by_name(network: Network, split: BetaSplit | None) -> dict[str, Parameters]:
    return {entry.matrix: entry for entry in parameters(network, split)}


def test_only_query_and_key_are_scaled() -> None:
    network = construct_cot(load_machine("increment"), 4)
    bare, scaled = by_name(network, None), by_name(network, BetaSplit(16, 8))
    assert {matrix: entry.scale for matrix, entry in scaled.items() if entry.scale != 1} == {"query": 16, "key": 8}
    assert (scaled["query"].largest, scaled["key"].largest) == (16, 8)
    assert {entry.scale for entry in bare.values()} == {1}
    assert all(scaled[matrix] == bare[matrix] for matrix in MATRICES if matrix not in ("query", "key"))


@pytest.mark.parametrize("value", [*range(-70, 0), *range(1, 70), 2**40, 3 * 2**40, -(2**41 - 1)])
def test_significand_bits_are_counted_without_trailing_zeros(value: int) -> None:
    assert significand_bits(value) == naive_bits(value)


def test_zero_has_no_significand() -> None:
    assert significand_bits(0) == 0


def test_counts_are_python_integers() -> None:
    for entry in parameters(construct_cot(load_machine("increment"), 4), None):
        assert not any(isinstance(count, np.integer) for count in entry.values.values())


def test_a_network_is_read_back_as_it_was_written() -> None:
    for paradigm in Paradigm:
        network = construct(paradigm, load_machine("rewrite"), 4)
        document = json.loads(canonical_bytes(weights_document(network)))
        assert canonical_bytes(weights_document(network_of(document))) == canonical_bytes(document)


@pytest.mark.parametrize("place", ["query", "value", "out"])
def test_a_coordinate_beyond_the_network_is_refused(place: str) -> None:
    document = json.loads(canonical_bytes(weights_document(construct(Paradigm.COT, load_machine("rewrite"), 4))))
    for coordinate in (-1, sum(width for _, width in document["registers"])):
        document["layers"][0]["heads"][0][place][0] = coordinate
        with pytest.raises(WeightsError, match="names a coordinate that its residual stream of"):
            network_of(document)
