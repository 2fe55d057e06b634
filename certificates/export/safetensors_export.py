"""The parameters in the safetensors format: a length, a JSON header, the tensors' bytes.  No package is needed.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.export.dense import Tensor
from exactformer.certificates.export.prepare import Export
from exactformer.certificates.export.source import ExportError

NAMES = {"bf16": "BF16", "fp16": "F16", "fp32": "F32"}


def encoded(tensor: Tensor, dtype: str) -> NDArray[Any]:
    """The tensor in a dtype, bf16 as its 16 bits.  Raises ExportError if an entry changes.

    >>> [hex(bits) for bits in encoded(Tensor("t", np.array([1, -3, 0]), 2), "bf16")]
    ['0x4000', '0xc0c0', '0x0']
    """
    # Nearly all entries are 0, in every dtype.
    others = tensor.entries != 0
    wide = tensor.entries[others].astype(np.float64) * np.float64(tensor.scale)
    with np.errstate(over="ignore"):
        single = wide.astype(np.float32)
        held: NDArray[Any] = single.astype(np.float16) if dtype == "fp16" else single
    back: NDArray[Any] = held
    if dtype == "bf16":
        held = (single.view(np.uint32) >> 16).astype(np.uint16)
        back = (held.astype(np.uint32) << 16).view(np.float32)
    if not np.array_equal(back.astype(np.float64), wide):
        raise ExportError(f"{dtype} does not hold every entry of {tensor.name}")
    stored = np.zeros(tensor.entries.shape, held.dtype)
    stored[others] = held
    return stored


def safetensors_bytes(export: Export) -> bytes:
    """The whole file."""
    header: dict[str, Any] = {"__metadata__": export.metadata}
    parts: list[bytes] = []
    offset = 0
    for tensor in export.dense.tensors():
        data = encoded(tensor, export.dtype).astype(_little_endian(export.dtype), copy=False).tobytes()
        header[tensor.name] = {
            "dtype": NAMES[export.dtype],
            "shape": list(tensor.entries.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        parts.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _little_endian(dtype: str) -> str:
    return {"bf16": "<u2", "fp16": "<f2", "fp32": "<f4"}[dtype]
