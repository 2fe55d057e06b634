"""A vocabulary that is too large for a table: tokens as sums of parts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [torch]")
import torch

import exactformer.certificates.export.dense as dense_module
from exactformer.certificates.export.dense import densify
from exactformer.certificates.export.prepare import Export, Request
from exactformer.certificates.export.safetensors_export import safetensors_bytes
from exactformer.certificates.export.source import ExportError, read_source
from exactformer.certificates.export.templates.model import Decoder, Factored
from exactformer.certificates.export.torch_export import config
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import (
    Difference,
    Work,
    certified,
    compare,
    decoder_of,
    exported,
    named_sequences,
    names,
    on_disk,
)

WORKS = (Work("binary-addition", "110+101", Paradigm.SCOT), Work("increment", "1011"))
REQUEST = Request(Path(), "torch", unproved=True)


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_module, "LARGEST_TENSOR", 1 << 15)


def factored(work: Work) -> Export:
    return exported(certified(work, "fused:bf16"), REQUEST)


def decoder(work: Work) -> Decoder:
    export = factored(work)
    return decoder_of(export, safetensors_bytes(export), "sdpa")


@pytest.mark.parametrize("work", WORKS[:1], ids=str)
def test_rows_of_parts_add_up_to_those_of_the_table(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    export = factored(work)
    monkeypatch.undo()
    table = exported(certified(work, "fused:bf16"), REQUEST).dense
    assert export.dense.factored
    assert not table.factored
    assert export.dense.shape.vocabulary < table.shape.vocabulary // 4
    vocabulary = Factored(config(export)["families"])
    rows, whole = ({tensor.name: tensor.entries for tensor in dense.tensors()} for dense in (export.dense, table))
    for number, name in enumerate(table.tokens):
        parts = vocabulary.read(name)
        assert vocabulary.name(parts) == name
        for matrix in ("embed_tokens.weight", "lm_head.weight"):
            assert rows[matrix][parts].sum(0).tolist() == whole[matrix][number].tolist()


def test_a_run_has_the_hardmax_activations_and_tokens() -> None:
    assert compare(decoder(WORKS[0]), WORKS[0]) == Difference(0, 0)


def test_segments_are_written_one_after_another_and_side_by_side() -> None:
    model, work = decoder(WORKS[0]), WORKS[0]
    written, due = model.run(work.word), named_sequences(work)
    assert names(model, written) == due
    sizes = [sequence.prompt for sequence in work.sequences]
    prompts = [segment[:size] for segment, size in zip(written, sizes, strict=True)]
    same = [number for number, size in enumerate(sizes) if size == sizes[-1]]
    assert len(same) > 1
    assert model.generate_each([prompts[number] for number in same]) == [written[number] for number in same]


def test_a_wrong_part_is_noticed() -> None:
    model = decoder(WORKS[0])
    row = model.vocabulary.read("RUN(" + named_sequences(WORKS[0])[0][WORKS[0].sequences[0].prompt].split("(")[1])
    with torch.no_grad():
        model.lm_head.weight[row[1]] = 0
    assert compare(model, WORKS[0]).tokens > 0


def test_the_best_token_is_the_best_family_with_the_best_of_each_field() -> None:
    vocabulary = Factored([{"name": "A", "fields": []}, {"name": "B", "fields": [["x", "y"], ["x", "z"]]}])
    #                 A  B  x  y  x  z  nothing
    logits = torch.tensor([[5, 1, 2, 1, 0, 1, 9], [5, 1, 2, 3, 0, 2, 9]])
    best = vocabulary.best(logits).tolist()
    assert best == [[0, 6, 6], [1, 3, 5]]
    assert [vocabulary.name(token) for token in best] == ["A", "B(y z)"]
    assert [vocabulary.read("A"), vocabulary.read("B(y z)")] == best


@pytest.mark.parametrize("name", ["C", "B", "B(x)", "B(x y)", "B(x z z)", "A(x)"])
def test_what_is_no_token(name: str) -> None:
    vocabulary = Factored([{"name": "A", "fields": []}, {"name": "B", "fields": [["x", "y"], ["x", "z"]]}])
    with pytest.raises((KeyError, ValueError)):
        vocabulary.read(name)


@pytest.mark.parametrize("target", ["onnx", "safetensors"])
def test_other_targets_refuse_it_and_name_the_one_that_does_not(target: str) -> None:
    with on_disk(certified(WORKS[0], "fused:bf16")) as path, pytest.raises(ExportError, match="give --to torch, whose"):
        densify(read_source(path), may_factor=target == "torch")
