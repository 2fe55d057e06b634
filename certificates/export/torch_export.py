"""The files for PyTorch beside the parameters: config.json, and model.py, which imports nothing of ours."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exactformer.certificates.export.prepare import Export

TEMPLATE = Path(__file__).parent / "templates" / "model.py"


def config(export: Export) -> dict[str, Any]:
    """What model.py reads: sizes, what is claimed, and the tokens in order or, if they are factored, their families."""
    shape, dense = asdict(export.dense.shape), export.dense
    families = [
        {"name": family["name"], "fields": [field["values"] for field in family["fields"]]}
        for family in dense.weights["vocabulary"]
    ]
    vocabulary = {"families": families} if dense.factored else {"tokens": list(dense.tokens)}
    return {"shape": shape, **export.metadata, **vocabulary}


def config_bytes(export: Export) -> bytes:
    return (json.dumps(config(export), indent=1) + "\n").encode("ascii")
