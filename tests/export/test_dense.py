"""Dense parameters are the certificate's, exactly; what a format cannot hold is refused."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

import exactformer.certificates.export.dense as dense_module
from exactformer.certificates.export.dense import Dense, Tensor, densify, power_of_4
from exactformer.certificates.export.exactness import require_exact
from exactformer.certificates.export.prepare import Export, Request, metadata_of
from exactformer.certificates.export.runtimes import runtimes_of
from exactformer.certificates.export.safetensors_export import encoded, safetensors_bytes
from exactformer.certificates.export.source import Arithmetic, ExportError, Source, read_source
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.hardmax.batch import embed_token
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.verdict import Verdict
from tests.export.running import Work, certified, exported, named_sequences, on_disk
from tests.export.works import RUNS

WORK = Work("increment", "1011")
SUMMARIZED = Work("reverse", "aab", Paradigm.SCOT)


def export_of(work: Work = WORK, arithmetic: str = "fused:bf16") -> Export:
    return exported(certified(work, arithmetic), Request(Path(), "torch", unproved=True))


def source_of(work: Work = WORK, arithmetic: str = "fused:bf16") -> Source:
    with on_disk(certified(work, arithmetic)) as path:
        return read_source(path)


def tensors(dense: Dense) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in dense.tensors()}


# ---------------------------------------------------------------------------- the matrices


@pytest.mark.parametrize("work", [WORK, SUMMARIZED], ids=str)
def test_embeddings_are_those_of_the_exact_evaluator(work: Work) -> None:
    from exactformer.constructions.machines.library import load_machine
    from exactformer.constructions.turing.construct import construct

    network = construct(work.paradigm, load_machine(work.machine), work.position_bits)
    prepared = PreparedNetwork(network)
    dense = export_of(work).dense
    found = tensors(dense)
    assert len(set(dense.tokens)) == network.vocabulary.size == dense.shape.vocabulary
    for sequence, named in zip(work.sequences, named_sequences(work), strict=True):
        for position, (token, name) in enumerate(zip(sequence.tokens, named, strict=True)):
            row = found["embed_tokens.weight"].entries[dense.tokens.index(name)]
            row = row + found["embed_positions.weight"].entries[min(position, dense.shape.context - 1)]
            assert row.tolist() == embed_token(prepared, token, position)[:, 0].tolist()


def test_every_nonzero_number_of_the_certificate_is_there_and_no_other() -> None:
    """What stands in each kind of matrix is counted in the weights document."""
    bundle = certified(SUMMARIZED, "fused:bf16")
    counted = {entry.matrix: entry for entry in bundle.parameters}
    parts = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "output"}
    parts |= {"up.weight": "mlp_in", "up.bias": "mlp_bias", "down": "mlp_out"}
    found = tensors(export_of(SUMMARIZED).dense)
    for part, matrix in parts.items():
        entries = np.concatenate([t.entries.ravel() for name, t in found.items() if f".{part}" in name])
        values, counts = np.unique(entries[entries != 0], return_counts=True)
        assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == counted[matrix].values


def test_beta_and_the_root_of_the_head_width_are_in_the_scales() -> None:
    for arithmetic in ("fused:bf16", "fused:fp16"):
        dense = export_of(arithmetic=arithmetic).dense
        layer = tensors(dense)
        scale = layer["layers.0.q_proj.weight"].scale * layer["layers.0.k_proj.weight"].scale
        assert scale * scale == dense.beta * dense.beta * dense.shape.head_width
        assert all(t.scale == 1 for name, t in layer.items() if ".q_proj." not in name and ".k_proj." not in name)


def test_widths_are_powers_of_4_that_fit() -> None:
    assert [power_of_4(width) for width in (1, 2, 4, 5, 16, 17, 65)] == [1, 4, 4, 16, 16, 64, 256]
    source = source_of()
    widest = source.largest_score
    assert densify(source).shape.head_width == power_of_4(widest)
    assert densify(source, head_width=256).shape.head_width == 256
    for wrong in (128, 96, 4):
        with pytest.raises(ExportError, match=f"must be a power of 4 and at least {widest}, not {wrong}"):
            densify(source, head_width=wrong)
    padded = replace(source, arithmetic=Arithmetic.of("fused:bf16/fp32/bf16+head256"))
    assert densify(padded).shape.head_width == 256


# ---------------------------------------------------------------------------- what is refused


def test_a_table_of_positions_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    source = replace(source_of(), context=1 << 40)
    with pytest.raises(
        ExportError, match=r"table of 1099511627776 positions .* give --context with at most \d+ tokens"
    ):
        densify(source)
    assert densify(source, context=100).shape.context == 100
    with pytest.raises(ExportError, match="about contexts of 29 tokens, not 30"):
        densify(source_of(), context=30)
    monkeypatch.setattr(dense_module, "LARGEST_MODEL", 10)
    with pytest.raises(ExportError, match="more than 10; certify a smaller context"):
        densify(source_of())


LARGE_NUMBERS: dict[str, tuple[str, int, str]] = {
    "a weight": ("in_weight", 257, "bf16 does not hold the entry -?257 of layers.3.up.weight"),
    "a bias": ("bias", 300, r"a neuron's sum \(layer 4\) may reach \d+, and bf16 holds all integers only up to 256"),
    "what an MLP adds": (
        "out_weight",
        1 << 24,
        r"a residual sum \(layer 4\) may reach \d+, and fp32 holds all integers only up to 16777216",
    ),
    "a logit": ("unembedding", 512, r"a logit \(RUN\) may reach \d+, and bf16"),
}


@pytest.mark.parametrize("title", LARGE_NUMBERS)
def test_a_number_that_a_format_does_not_hold(title: str) -> None:
    part, value, message = LARGE_NUMBERS[title]
    dense = export_of().dense
    require_exact(dense, "bf16", 31)
    weights = copy.deepcopy(dense.weights)
    if part == "unembedding":
        (run,) = (family for family in weights["vocabulary"] if family["name"] == "RUN")
        run["fields"][0][part][0][0][1] = value
    else:
        numbers = weights["layers"][3]["mlp"][part]
        numbers[max(range(len(numbers)), key=lambda n: abs(numbers[n]))] = value
    with pytest.raises(ExportError, match=message):
        require_exact(replace(dense, weights=weights), "bf16", 31)


def test_scales_and_scores_that_formats_do_not_hold() -> None:
    source = source_of()
    with pytest.raises(ExportError, match=r"fp16 does not hold the entry \d+ of layers.0.q_proj"):
        require_exact(densify(source, beta=1 << 40), "fp16", source.largest_score)
    require_exact(densify(source, beta=1 << 40), "bf16", source.largest_score)
    with pytest.raises(ExportError, match="which fp32 does not hold exactly"):
        require_exact(densify(source, beta=1 << 124), "bf16", source.largest_score)


def test_encoding_is_exact_or_refused() -> None:
    numbers = np.array([0, 1, -1, 3, -255, 256])
    assert (
        encoded(Tensor("t", numbers, 4), "bf16").view(ml_dtypes.bfloat16).astype(int).tolist() == (4 * numbers).tolist()
    )
    for dtype, value in (("bf16", 257), ("fp16", 2049), ("fp32", (1 << 24) + 1), ("fp16", 1 << 16)):
        with pytest.raises(ExportError, match=f"{dtype} does not hold every entry of t"):
            encoded(Tensor("t", np.array([value])), dtype)


# ---------------------------------------------------------------------------- safetensors, metadata


@pytest.mark.parametrize("dtype", ["fp16", "fp32"])
def test_the_file_is_read_by_the_safetensors_package(dtype: str, tmp_path: Path) -> None:
    export = export_of(arithmetic=f"fused:{dtype}")
    data = safetensors_bytes(export)
    loaded = load(data)
    for tensor in export.dense.tensors():
        assert (loaded[tensor.name].astype(np.int64) == tensor.entries * tensor.scale).all()
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with safe_open(path, "numpy") as file:
        assert file.metadata() == export.metadata


def test_where_activations_drift_nothing_is_said_of_ternary_ones() -> None:
    source = replace(source_of(), verdict=Verdict.TOKENS_PROVED)
    said = metadata_of(source, export_of().dense, "bf16")["not_claimed"]
    assert "even if activations are not ternary: the claim does not cover a kernel that rounds them" in said
    assert "on ternary activations" not in said


def test_metadata_say_what_is_claimed_and_what_is_not() -> None:
    metadata = export_of().metadata
    bundle = certified(WORK, "fused:bf16")
    assert metadata["claimed"] == bundle.certificate.statement.claim
    assert metadata["not_claimed"].startswith("It is not claimed that a kernel computes in this arithmetic model.")
    assert "held in fp32; on ternary activations they are exact in bf16, too" in metadata["not_claimed"]
    assert metadata["runtimes"] == "sdpa bf16, quotient bf16"
    other = exported(bundle, Request(Path(), "torch", dtype="fp32"))
    assert other.metadata["claimed"].startswith("Nothing about fp32: the certificate is about fused:bf16/fp32/bf16")
    half = exported(bundle, Request(Path(), "torch", beta=64, unproved=True))
    assert half.metadata["claimed"] == "Nothing: the certificate is about beta 128, and this is exported with beta 64."
    refuted = exported(certified(WORK, "fused:bf16", 1), Request(Path(), "torch", unproved=True))
    assert refuted.metadata["claimed"] == "Nothing: the verdict of the certificate is refuted."


def test_every_arithmetic_has_the_runtimes_of_its_activations() -> None:
    for arithmetic, runtime in RUNS:
        assert Arithmetic.of(arithmetic).activations == runtime.dtype
    for text in (
        "exact",
        "rounded:e4m3fn/bf16",
        "fused:bf16/fp32/bf16+reciprocal",
        "rounded:bf16/fp32/bf16+exp1",
        "fused:e5m2/fp32/fp16",
    ):
        assert runtimes_of(Arithmetic.of(text)) == ()
    assert runtimes_of(Arithmetic.of("fused:bf16/fp32/bf16@bf16+head64")) == runtimes_of(
        Arithmetic.of("fused:bf16/fp32/bf16")
    )


# ---------------------------------------------------------------------------- reading


def test_what_is_no_certificate_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with pytest.raises(ExportError, match=f"cannot read {path}: No such file"):
        read_source(path)
    for text, message in (
        ("{", "is not a JSON document"),
        ("[]", "is not a document of format 'exactformer certificate', version 2"),
        ('{"format":"exactformer weights","version":1}', "is not a document of format 'exactformer certificate'"),
        ('{"format":"exactformer certificate","version":2}', "names no weights"),
        (
            '{"format":"exactformer certificate","version":2,"network":{"weights":{"file":"../w","sha256":"0"}}}',
            "the plain name of a file",
        ),
    ):
        path.write_text(text)
        with pytest.raises(ExportError, match=message):
            read_source(path)


def test_other_weights_and_missing_fields_are_refused() -> None:
    with on_disk(certified(WORK, "fused:bf16")) as path:
        document = json.loads(path.read_bytes())
        weights = path.parent / document["network"]["weights"]["file"]
        del document["statement"]["context"]
        path.write_text(json.dumps(document))
        with pytest.raises(ExportError, match=r"lacks what an export needs \(KeyError\('context'\)\)"):
            read_source(path)
        weights.write_bytes(weights.read_bytes().replace(b'"value":[', b'"value" :[', 1))
        with pytest.raises(ExportError, match=r"is not the file that .* names"):
            read_source(path)
