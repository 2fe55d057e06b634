"""Recipes that tests begin with, as canonical JSON."""

from __future__ import annotations

import copy
from typing import Any

FLASH: dict[str, Any] = {
    "formats": {"score": "fp32", "computing": "fp32", "weight": "bf16", "value": "bf16", "output": "bf16"},
    "scale": "1/8",
    "mask": {"how": "select", "constant": "-inf"},
    "block": 2,
    "splits": None,
    "maximum": {"start": "-inf", "threshold": "0", "guard": "local"},
    "exponential": {"base": "2", "argument": "fused", "ulps": 2, "one": True, "offset": 0},
    "overflow": "inf",
    "sum": "before cast",
    "quotient": "reciprocal",
    "empty": "zero",
    "merge": None,
}


def flash(**changes: Any) -> dict[str, Any]:
    """A blockwise kernel, with fields changed by their dotted names, dots written as two underscores.

    >>> flash(maximum__guard=None)["maximum"]
    {'start': '-inf', 'threshold': '0', 'guard': None}
    """
    recipe = copy.deepcopy(FLASH)
    for name, value in changes.items():
        *path, last = name.split("__")
        place = recipe
        for part in path:
            place = place[part]
        place[last] = value
    return recipe
