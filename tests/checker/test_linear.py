"""ARITHMETIC 8: each of its bounds, just kept and just broken, on a small network; and forged certificates."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import parse_format
from exactformer.certificates.checker.linear import check_linear
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.checker.weights import read_network
from tests.checker.conftest import TURING_COT, Made, Make

MODEL = parse_model("", "rounded:bf16/bf16+linearfloat(4,-9,9)")
"""Integers are exact up to 16; 18 is a value, 17 is not; the largest value is 960."""

SMALL: Any = {
    "format": "exactformer weights",
    "version": 1,
    "position_bits": 2,
    "registers": [["pos", 2], ["x", 2]],
    "vocabulary": [
        {
            "name": "A",
            "embedding": [[0, 1], [2, 5]],
            "unembedding": [[0, -2], [2, 3]],
            "fields": [
                {"name": "f", "values": ["a", "b"], "embedding": [[[2, -7]], [[2, 1], [3, 1]]],
                 "unembedding": [[[2, 4], [3, -3]], [[1, 2]]]},
                {"name": "g", "values": ["a"], "embedding": [[[2, 2]]], "unembedding": [[[0, 1]]]},
            ],
        }
    ],
    "layers": [
        {
            "heads": [
                {"name": "one", "kind": "content", "query": [0], "key": [0], "value": [0] * 3, "out": [2] * 3},
                {"name": "two", "kind": "content", "query": [0], "key": [0], "value": [0] * 2, "out": [2, 3]},
            ],
            "mlp": {
                "in_start": [0, 2, 2], "in_coordinate": [0, 0], "in_weight": [4, -3], "bias": [-2, 3],
                "out_start": [0, 2, 3], "out_coordinate": [2, 3, 2], "out_weight": [1, -1, 2],
            },
        }
    ],
}  # fmt: skip

Change = Callable[[Any], object]


def judged(change: Change, scales: tuple[int, int] = (1, 1), arithmetic: str | None = None) -> None:
    document = copy.deepcopy(SMALL)
    change(document)
    network = read_network(document)
    model = MODEL if arithmetic is None else parse_model("", arithmetic)
    check_linear(network, model, scales)


def family(document: Any) -> Any:
    return document["vocabulary"][0]


def mlp(document: Any) -> Any:
    return document["layers"][0]["mlp"]


def writes(document: Any, *times: int) -> None:
    """Heads that write coordinate 2 so many times each."""
    head = document["layers"][0]["heads"][1]
    document["layers"][0]["heads"] = [head | {"value": [0] * n, "out": [2] * n} for n in times]


KEPT_AND_BROKEN: list[tuple[str, str, Change, Change]] = [
    ("an embedding with its fields", "weights.vocabulary.A.embedding",
     lambda d: family(d)["embedding"].__setitem__(1, [2, 7]), lambda d: family(d)["embedding"].__setitem__(1, [2, 8])),
    ("an embedding with the position", "weights.vocabulary.A.embedding",
     lambda d: family(d).update(embedding=[[1, -15]]), lambda d: family(d).update(embedding=[[1, -16]])),
    ("what a neuron sums, whatever the signs", "weights.layers[0].mlp: what neuron 0 sums",
     lambda d: mlp(d).update(bias=[-9, 3]), lambda d: mlp(d).update(bias=[-10, 3])),
    ("residual sums, by heads", "weights.layers[0].heads",
     lambda d: writes(d, 4, 4, 4, 3), lambda d: writes(d, 4, 4, 4, 4)),
    ("residual sums, by neurons", "weights.layers[0].mlp: an activation after the MLP",
     lambda d: mlp(d).update(bias=[-2, 2], out_weight=[1, -1, -5]),
     lambda d: mlp(d).update(bias=[-2, 2], out_weight=[2, -1, 3])),
    ("a logit with its fields", "weights.vocabulary.A.unembedding",
     lambda d: family(d)["unembedding"].__setitem__(0, [0, 5]),
     lambda d: family(d)["unembedding"].__setitem__(0, [0, 6])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("complaint", "kept", "broken"), [pytest.param(*case[1:], id=case[0]) for case in KEPT_AND_BROKEN]
)
def test_each_bound_just_kept_and_just_broken(complaint: str, kept: Change, broken: Change) -> None:
    judged(kept)
    with pytest.raises(Rejected, match=r"17; in the linear format .* integers are exact up to 16") as rejected:
        judged(broken)
    assert str(rejected.value).startswith(complaint)
    judged(broken, arithmetic="exact")


def nothing(_: Any) -> None:
    """The network as it is."""


def test_weights_are_values() -> None:
    """Each by itself, times its scale: 17 is not a value, though 18 is; 512 is one, and 1024 is too large."""
    with pytest.raises(Rejected, match=r"^weights, mlp_out: -17 is not a number"):
        judged(lambda d: mlp(d).update(out_weight=[1, -17, 2]))
    with pytest.raises(Rejected, match=r"^weights.layers\[0\].mlp: an activation"):
        judged(lambda d: mlp(d).update(out_weight=[1, -18, 2]))
    judged(nothing, (512, 64))
    with pytest.raises(Rejected, match=r"^weights, query: 1 times 1024 is not a number"):
        judged(nothing, (1024, 64))
    with pytest.raises(Rejected, match=r"^weights, key: 1 times 1024 is not a number"):
        judged(nothing, (64, 1024))


def test_sums_beyond_64_bits_do_not_wrap_around() -> None:
    """A reach of 2^32 times a weight of 2^31, twice, is 2^64: 0 in 64 bits."""
    large = 2**31

    def change(document: Any) -> None:
        mlp(document).update(
            in_weight=[large, -1], bias=[large - 1, -2], in_start=[0, 2, 2], out_coordinate=[2, 2, 2],
            out_weight=[large, large, 1],
        )  # fmt: skip

    with pytest.raises(Rejected, match=r"the MLP can be 18446744073709551617; .* up to 9223372036854775807"):
        judged(change, arithmetic="rounded:bf16/bf16+linearfixed2.63")


def test_formats_count_to_their_limits() -> None:
    for name, counted in (("fp32", 2**24), ("bf16", 256), ("e4m3fn", 16), ("fixed3.4", 15), ("float(5,-2,1)", 3)):
        linear = parse_format("", name)
        assert linear.counted == counted
        assert all(linear.has(number) for number in range(-min(counted, 300), min(counted, 300) + 1))
        assert not linear.has(counted + 1)


def test_texts_of_linear_formats() -> None:
    assert parse_model("", "rounded:bf16/bf16").steps.linear.name == "fp32"
    for name in ("bf16", "fp16", "e4m3fn", "fixed12", "fixed3.4", "float(9,-20,20)"):
        model = parse_model("", f"fused:bf16/fp32/bf16+linear{name}+head16")
        assert (model.steps.linear.name, model.steps.head) == (name, 2)
    for text in (
        "exact+linearbf16", "rounded:bf16/bf16+linear", "rounded:bf16/bf16+linearfp32", "rounded:bf16/bf16+linearbf17",
        "rounded:bf16/bf16+linearbf16-one", "rounded:bf16/bf16+linear8", "rounded:bf16/bf16+head16+linearbf16",
        "rounded:bf16/bf16+linearbf16+linearfp16", "rounded:bf16/bf16+linearfixed8.8",
    ):  # fmt: skip
        with pytest.raises(Rejected):
            parse_model("", text)


ALL = ("--all-inputs", "--context", "16")


def forge(made: Made, change: Change) -> None:
    """Change the weights, and what the certificate says about them."""
    weights, certificate = json.loads(made.weights.read_bytes()), made.document
    change(weights)
    made.write(certificate)
    made.write_weights(weights)


@pytest.mark.parametrize("arguments", [("copy", "0", "fused:bf16"), ("increment", "", "fused:bf16", *ALL)])
def test_unembedding_weights_that_no_format_has(make: Make, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Unique maxima stay unique maxima, and the replay is exact: but fp32 has no such number."""
    made = make(*arguments).copy(tmp_path / "copy")

    def change(weights: Any) -> None:
        for item in weights["vocabulary"]:
            for vectors in ([item["unembedding"]], *(field["unembedding"] for field in item["fields"])):
                for vector in vectors:
                    vector[:] = [[coordinate, value * (2**31 - 1)] for coordinate, value in vector]

    forge(made, change)
    check = partial(check_certificate, made.certificate, made.machine)
    if ALL[0] in arguments:
        check = partial(check_theory, made.certificate, TURING_COT, machine_given=made.machine)
    with pytest.raises(Rejected, match=r"^weights, unembedding: -?2147483647 is not a number .* fp32 \(ARITHMETIC 8"):
        check()


def test_what_is_proved_and_what_is_assumed_of_linear_parts(make: Make) -> None:
    made = make("copy", "0", "fused:bf16")
    valid = check_certificate(made.certificate, made.machine)
    assert any("are exact in fp32" in fact for fact in valid.proved)
    assert "MLPs, residual sums and logits are computed in fp32" in valid.assumed
    inconclusive = check_certificate((exact := make("copy", "01", "exact")).certificate, exact.machine)
    assert not any("exact in" in fact for fact in inconclusive.proved)
    assert "MLPs, residual sums and logits are computed with real numbers" in inconclusive.assumed
