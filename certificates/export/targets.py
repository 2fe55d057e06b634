"""The files of each target, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from exactformer.certificates.export.onnx_export import onnx_bytes, require_onnx
from exactformer.certificates.export.prepare import Export
from exactformer.certificates.export.safetensors_export import safetensors_bytes
from exactformer.certificates.export.torch_export import TEMPLATE, config_bytes

Files = dict[str, Callable[[], bytes]]
"""From a file's name to its content, which is made when the file is written."""


def files_of(export: Export, target: str) -> Files:
    """For ``torch``, ``onnx`` or ``safetensors``.  Raises ExportError if the target cannot have this decoder, or if its
    extra is missing."""
    match target:
        case "torch":
            return {
                "model.safetensors": partial(safetensors_bytes, export),
                "config.json": partial(config_bytes, export),
                "model.py": TEMPLATE.read_bytes,
            }
        case "onnx":
            require_onnx(export)
            return {f"{export.name}.onnx": partial(onnx_bytes, export)}
        case "safetensors":
            return {f"{export.name}.safetensors": partial(safetensors_bytes, export)}
    raise ValueError(f"there is no target {target!r}")
