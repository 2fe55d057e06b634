"""Exported graphs in ONNX Runtime: every token, every activation, with a cache and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from exactformer.certificates.export.onnx_export import onnx_bytes
from exactformer.certificates.export.prepare import Export
from tests.export.running import Difference, Work, activations, named_sequences

Array = NDArray[Any]


class Session:
    """One graph, loaded; ``traced`` adds the residual stream after every sublayer to its outputs."""

    def __init__(self, export: Export, traced: bool = False) -> None:
        model = onnx_bytes(export)
        self.shape = export.dense.shape
        self.dtype = np.dtype(np.float16 if export.dtype == "fp16" else np.float32)
        self.sublayers = [
            f"layers.{layer}.{part}" for layer in range(self.shape.layers) for part in ("attended", "done")
        ]
        if traced:
            model = _with_outputs(model, self.sublayers, export.dtype)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        self.tokens = self.metadata["tokens"].split("\n")

    def empty(self) -> Array:
        return np.zeros((self.shape.layers, max(self.shape.heads), 0, self.shape.head_width), self.dtype)

    def run(self, outputs: list[str], tokens: list[int], past_key: Array, past_value: Array) -> list[Array]:
        given = {"tokens": np.array(tokens, np.int64), "past_key": past_key, "past_value": past_value}
        found: list[Array] = self.session.run(outputs, given)
        return found

    def generate(self, prompt: list[int]) -> list[int]:
        """Greedily, with a cache, up to EOUTP, ESUMM or the end of the context."""
        tokens, unread = list(prompt), list(prompt)
        key = value = self.empty()
        while len(tokens) < self.shape.context:
            logits, key, value = self.run(["logits", "key", "value"], unread, key, value)
            unread = [int(logits[-1].argmax())]
            tokens += unread
            if self.tokens[unread[0]] in ("EOUTP", "ESUMM"):
                break
        return tokens

    def compare(self, work: Work) -> Difference:
        """One pass over each segment, as in `tests.export.running.compare`; needs ``traced``."""
        known = {name: number for number, name in enumerate(self.tokens)}
        wrong_tokens = wrong_activations = first = 0
        for sequence, named in zip(work.sequences, named_sequences(work), strict=True):
            tokens = [known[name] for name in named]
            read = tokens[: sequence.read]
            logits, *behind = self.run(["logits", *self.sublayers], read, self.empty(), self.empty())
            produced = logits[sequence.prompt - 1 : len(named) - 1].argmax(-1)
            wrong_tokens += int((produced != tokens[sequence.prompt :]).sum())
            for got, due in zip(behind, activations(work), strict=True):
                wrong_activations += int((got != due[first : first + sequence.read]).sum())
            first += sequence.read
        return Difference(wrong_tokens, wrong_activations)


def _with_outputs(model: bytes, named: list[str], dtype: str) -> bytes:
    """The model with some of its values as further outputs."""
    loaded = onnx.load_from_string(model)
    kind = onnx.TensorProto.FLOAT16 if dtype == "fp16" else onnx.TensorProto.FLOAT
    for name in named:
        loaded.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    return bytes(loaded.SerializeToString())
