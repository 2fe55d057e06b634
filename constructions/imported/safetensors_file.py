"""Reads the tensors of a file in the safetensors format: a length, a JSON header, bytes.  No package is needed.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.exact_numbers import TransformerError

STORED = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""How numpy reads a type; it has no bf16, so that is read as 16 bits."""
LARGEST_FILE = 1 << 28
"""The most bytes of a file: every number that is not 0 becomes a Fraction."""


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor by its name, each number as it is stored (bf16 in float32); all have the same type.

    Raises TransformerError.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise TransformerError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_FILE:
        raise TransformerError(f"{path} is longer than {LARGEST_FILE:,} bytes; only smaller models are read")
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        header = {name: one for name, one in json.loads(data[8:start]).items() if name != "__metadata__"}
        types = sorted({one["dtype"] for one in header.values()})
        parts = {
            name: (one["shape"], slice(*(start + at for at in one["data_offsets"]))) for name, one in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransformerError(f"{path} is not a safetensors file: {error!r}") from error
    if len(types) != 1 or types[0] not in STORED:
        raise TransformerError(
            f"{path} has tensors of {' and '.join(types)}; all have to be of one type among {', '.join(STORED)}"
        )
    return {name: _array(name, data[part], types[0], shape) for name, (shape, part) in parts.items()}


def _array(name: str, data: bytes, kind: str, shape: list[int]) -> NDArray[Any]:
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise TransformerError(f"the tensor {name!r} has the shape {shape}, which is not a shape")
    if len(data) != prod(shape) * np.dtype(STORED[kind]).itemsize:
        raise TransformerError(f"the tensor {name!r} has {len(data)} bytes, which are not {shape} numbers of {kind}")
    stored: NDArray[Any] = np.frombuffer(data, STORED[kind])
    if kind == "BF16":
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.reshape(shape)
