"""One ONNX graph for prompts and for decoding with a cache: tokens and past keys and values in, logits and all keys and
values out.

    tokens int64 [n], past_key, past_value [layers, heads, past, head width]      (past = 0 for a prompt)
    logits [n, vocabulary], key, value [layers, heads, past + n, head width]

Token i sees the keys up to past + i, by a mask inside the graph, so that one graph does both.  If the certificate's
arithmetic is ``fused``, attention is exp(score - maximum), rounded to the dtype, then numerator and denominator in
fp32, a division and a last rounding.  Otherwise it is Softmax in fp32, rounded to the dtype if the weights are, then
MatMul and a last rounding.  (ONNX has an operator Attention since opset 23, but the runtime decides what it rounds.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exactformer.certificates.export.prepare import Export
from exactformer.certificates.export.safetensors_export import encoded
from exactformer.certificates.export.source import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

OPSET = 17
LARGEST_FILE = (1 << 31) - (1 << 20)
"""The most bytes: a protocol buffer ends at 2^31."""
SIZES = {"fp16": 2, "fp32": 4}
HIDDEN_SCORE = -(2.0**127)
"""The score of a key that is not visible, a value of fp32: its exp is 0 beside any other score."""


def require_onnx(export: Export) -> None:
    """Raises ExportError if the extra is missing, the runtime lacks the dtype or the file would be too large."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ExportError("--to onnx needs the package onnx: install exactformer with the extra [onnx]") from error
    if export.dtype not in SIZES:
        raise ExportError(
            f"ONNX Runtime has no {export.dtype} on a CPU; choose --dtype fp16 or fp32, about which this certificate "
            "claims nothing, or certify another arithmetic"
        )
    if export.dense.shape.parameters * SIZES[export.dtype] > LARGEST_FILE:
        raise ExportError("the graph would exceed 2 GiB, the limit of the format; give a smaller --context")


def onnx_bytes(export: Export) -> bytes:
    """The serialised model, with the metadata as metadata_props."""
    import onnx

    model = _Graph(export).model()
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes and initializers as they are added; a value is represented by its name."""

    def __init__(self, export: Export) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self.helper, self.numpy_helper = helper, numpy_helper
        self.export = export
        self.shape = export.dense.shape
        # All layers share one cache, so the decoder was made with the same number of heads in each.
        self.heads = max(self.shape.heads)
        self.single = TensorProto.FLOAT
        self.integer = TensorProto.INT64
        self.dtype = TensorProto.FLOAT16 if export.dtype == "fp16" else TensorProto.FLOAT
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.constants: dict[tuple[int, ...], str] = {}

    def model(self) -> Any:
        helper, shape = self.helper, self.shape
        for tensor in self.export.dense.tensors():
            transposed = tensor.name.startswith(("layers.", "lm_head")) and tensor.entries.ndim == 2
            stored = encoded(tensor, self.export.dtype)
            self.initializers.append(self.numpy_helper.from_array(stored.T if transposed else stored, tensor.name))
        logits = self._decoder()
        past = [shape.layers, self.heads, "past", shape.head_width]
        kept = [shape.layers, self.heads, "past + n", shape.head_width]
        graph = helper.make_graph(
            self.nodes,
            "decoder",
            [
                helper.make_tensor_value_info("tokens", self.integer, ["n"]),
                helper.make_tensor_value_info("past_key", self.dtype, past),
                helper.make_tensor_value_info("past_value", self.dtype, past),
            ],
            [
                helper.make_tensor_value_info(logits, self.dtype, ["n", shape.vocabulary]),
                helper.make_tensor_value_info("key", self.dtype, kept),
                helper.make_tensor_value_info("value", self.dtype, kept),
            ],
            self.initializers,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="exactformer")
        tokens = {"tokens": "\n".join(self.export.dense.tokens)}
        helper.set_model_props(model, {**self.export.metadata, **tokens})
        return model

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One node; returns the name of its output."""
        output = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def ints(self, *values: int) -> str:
        """A constant vector of integers."""
        if values not in self.constants:
            self.constants[values] = name = f"ints_{'_'.join(map(str, values))}"
            self.initializers.append(self.helper.make_tensor(name, self.integer, [len(values)], values))
        return self.constants[values]

    def number(self, name: str, value: float) -> str:
        self.initializers.append(self.helper.make_tensor(name, self.single, [], [value]))
        return name

    def cast(self, value: str, to: int) -> str:
        return self.add("Cast", value, to=to)

    def _scalar(self, value: str, dimension: int) -> str:
        """The length of one dimension of a value, as a scalar."""
        return self.add("Squeeze", self.add("Gather", self.add("Shape", value), self.ints(dimension)), self.ints(0))

    def _decoder(self) -> str:
        past = self._scalar("past_key", 2)
        length = self.add("Add", past, self._scalar("tokens", 0))
        one, zero = (self.add("Squeeze", self.ints(number), self.ints(0)) for number in (1, 0))
        positions = self.add("Range", past, length, one)
        keys = self.add("Range", zero, length, one)
        visible = self.add("LessOrEqual", keys, self.add("Unsqueeze", positions, self.ints(1)))
        scale = self.number("scale", self.shape.head_width**-0.5)
        hidden = self.number("hidden_score", HIDDEN_SCORE)
        embedded = self.add("Gather", "embed_tokens.weight", "tokens")
        x = self.add("Add", embedded, self.add("Gather", "embed_positions.weight", positions))
        kept: list[tuple[str, str]] = []
        for number in range(self.shape.layers):
            name = f"layers.{number}"
            query, key, value = (self._heads(x, f"{name}.{side}_proj.weight") for side in "qkv")
            key, value = self._with_past("past_key", key, number), self._with_past("past_value", value, number)
            kept.append((key, value))
            score = self.add("MatMul", *map(self._single, (query, self.add("Transpose", key, perm=[0, 2, 1]))))
            score = self.add("Where", visible, self.add("Mul", score, scale), hidden)
            attended = self.add("Transpose", self._attend(score, value), perm=[1, 0, 2])
            joined = self.add("Reshape", attended, self.ints(-1, self.heads * self.shape.head_width))
            x = self.add("Add", x, self.add("MatMul", joined, f"{name}.o_proj.weight"), name=f"{name}.attended")
            up = self.add("Add", self.add("MatMul", x, f"{name}.up.weight"), f"{name}.up.bias")
            down = self.add("MatMul", self.add("Relu", up), f"{name}.down.weight")
            x = self.add("Add", x, down, name=f"{name}.done")
        self._stack([key for key, _ in kept], "key")
        self._stack([value for _, value in kept], "value")
        return self.add("MatMul", x, "lm_head.weight", name="logits")

    def _single(self, value: str) -> str:
        """In fp32."""
        return value if self.dtype == self.single else self.cast(value, self.single)

    def _stored(self, value: str) -> str:
        """Rounded to the dtype of activations."""
        return value if self.dtype == self.single else self.cast(value, self.dtype)

    def _heads(self, x: str, weight: str) -> str:
        """[heads, n, head width]."""
        parts = self.ints(-1, self.heads, self.shape.head_width)
        split = self.add("Reshape", self.add("MatMul", x, weight), parts)
        return self.add("Transpose", split, perm=[1, 0, 2])

    def _with_past(self, past: str, new: str, layer: int) -> str:
        """[heads, past + n, head width]."""
        one = self.add("Squeeze", self.add("Gather", past, self.ints(layer), axis=0), self.ints(0))
        return self.add("Concat", one, new, axis=1)

    def _attend(self, score: str, value: str) -> str:
        """[heads, n, head width], in the dtype of activations."""
        arithmetic = self.export.source.arithmetic
        if arithmetic.kind == "fused":
            highest = self.add("ReduceMax", score, axes=[-1], keepdims=1)
            weights = self._single(self._stored(self.add("Exp", self.add("Sub", score, highest))))
            above = self.add("MatMul", weights, self._single(value))
            return self._stored(self.add("Div", above, self.add("ReduceSum", weights, self.ints(-1), keepdims=1)))
        weights = self.add("Softmax", score, axis=-1)
        if arithmetic.formats[:1] == (self.export.dtype,):
            weights = self._single(self._stored(weights))
        return self._stored(self.add("MatMul", weights, self._single(value)))

    def _stack(self, parts: Sequence[str], name: str) -> None:
        """[layers, ...]."""
        self.add("Concat", *(self.add("Unsqueeze", part, self.ints(0)) for part in parts), name=name, axis=0)
