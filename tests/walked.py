"""What the kernel shows of a network and a theory, shown once in a session: for tests of what follows from it.

It is a function of what it is given, so it is kept on disk under a hash of all of that, where every process finds it;
whatever is changed anywhere is shown, or refused, anew.  Tests of the kernel itself have no use for this.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from exactformer.certificates import theory_certificate
from exactformer.certificates.checker.theory import check
from exactformer.certificates.checker.theory.walk import Walked, walk


def key_of(*values: Any) -> str:
    """A hash of all that values are made of, with its types: the same just if they are equal."""
    found = list[bytes]()
    _add(values, found)
    return hashlib.sha256(b"".join(found)).hexdigest()


def _add(value: Any, found: list[bytes]) -> None:
    kind = type(value)
    found.append(f"{kind.__name__}(".encode())
    if value is None or kind in (bool, int, str):
        found.append(repr(value).encode())
    elif is_dataclass(kind):
        for name in kind.__dataclass_fields__:
            _add(getattr(value, name), found)
    elif kind is np.ndarray:
        found += (f"{value.dtype} {value.shape} ".encode(), value.tobytes())
    elif kind is dict:
        for name, one in value.items():
            _add(name, found)
            _add(one, found)
    elif kind in (set, frozenset):
        found += sorted(repr(one).encode() for one in value)
    elif kind in (list, tuple):
        for one in value:
            _add(one, found)
    else:
        raise TypeError(f"what is a {kind.__name__}?")
    found.append(b")")


def walk_once(folder: Path) -> Callable[..., Walked]:
    """`walk`, which looks into the folder first; what is refused is refused anew, and records are never kept."""

    def again(*told: Any, drifting: bool = False) -> Walked:
        *about, deadline = told
        if drifting:
            return walk(*told, drifting=True)
        deadline.left("what is kept")
        kept = folder / key_of(*about)
        if kept.exists():
            found: Walked = pickle.loads(kept.read_bytes())
            return found
        found = walk(*told)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(pickle.dumps(found))
        unfinished.replace(kept)
        return found

    return again


@contextmanager
def once(folder: Path) -> Iterator[None]:
    """Meanwhile, for who makes certificates and for who checks them."""
    walks = walk_once(folder)
    with patch.object(theory_certificate, "walk", walks), patch.object(check, "walk", walks):
        yield
