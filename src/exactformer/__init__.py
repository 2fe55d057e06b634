"""Formal verification, in exact arithmetic, of what low-precision softmax transformers compute.

    import exactformer as ef

Its names are those of `exactformer.api`, which is imported only when one of them is used: the checker, a part of this
package, imports nothing of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exactformer.api import *  # noqa: F403
    from exactformer.constructions.machines.library import load_machine as load_machine
    from exactformer.constructions.ngram.theory import ngram as ngram
    from exactformer.constructions.subleq.theory import subleq as subleq

_MORE = {
    "ngram": "exactformer.constructions.ngram.theory",
    "subleq": "exactformer.constructions.subleq.theory",
    "load_machine": "exactformer.constructions.machines.library",
}


def __dir__() -> list[str]:
    """The public names, for completion."""
    from exactformer.api import __all__ as names

    return sorted([*names, *_MORE])


def __getattr__(name: str) -> object:
    """The public names (PEP 562)."""
    from importlib import import_module

    if name.startswith("_"):
        raise AttributeError(name)
    module = import_module(_MORE.get(name, "exactformer.api"))
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"module 'exactformer' has no attribute {name!r}") from None
