"""What the checker computes from the same weights, computed once: for tests that change one certificate many times.

Of each function only the last result is kept, and it is returned again only for the same network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exactformer.certificates.checker import check, runs
from exactformer.certificates.checker.replay import replay


class Once:
    """A function with what it last returned, which it returns again for the same arguments.

    Numbers, texts and bytes are the same if they are equal, other objects only if they are one.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.arguments: tuple[Any, ...] = ()
        self.returned: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if len(arguments) != len(self.arguments) or not all(map(same, arguments, self.arguments)):
            self.returned = self.function(*arguments)
            self.arguments = arguments
        return self.returned


def same(one: Any, other: Any) -> bool:
    plain = int | str | bytes
    return one is other or (isinstance(one, plain) and type(one) is type(other) and one == other)


def replay_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """By segment; what was shown to ``watch`` is shown to it again."""
    known: dict[str, tuple[Any, ...]] = {}

    def again(at: str, network: Any, tokens: Any, watch: Callable[..., None], deadline: Any) -> Any:
        before = known.get(at)
        if before is None or before[0] is not network or before[1] != tokens:
            shown = list[tuple[Any, ...]]()
            stream = function(at, network, tokens, lambda *what: shown.append(what), deadline)
            known[at] = before = (network, tokens, shown, stream)
        for what in before[2]:
            watch(*what)
        return before[3]

    return again


def compute_once(patch: pytest.MonkeyPatch) -> None:
    """From here on; a function that refused something is called again."""
    for name in ("read_canonical", "read_network"):
        patch.setattr(check, name, Once(getattr(check, name)))
    patch.setattr(runs, "replay", replay_once(replay))
