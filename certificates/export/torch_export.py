"""For PyTorch, beside the parameters: config.json, and model.py, which needs nothing of ours."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exactformer.certificates.export.prepare import Export

TEMPLATE = Path(__file__).parent / "templates" / "model.py"


def config(export: Export) -> dict[str, Any]:
    """What model.py reads: sizes, tokens in order, and what is claimed."""
    return {"shape": asdict(export.dense.shape), **export.metadata, "tokens": list(export.dense.tokens)}


def config_bytes(export: Export) -> bytes:
    return (json.dumps(config(export), indent=1) + "\n").encode("ascii")
