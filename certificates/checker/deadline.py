"""The time limit of a whole check (SPEC section 10): when it is over, nothing is judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from exactformer.certificates.checker.document import Undecided

SECONDS = 600
"""The seconds of a check, unless something else is asked for."""


@dataclass(frozen=True)
class Deadline:
    """``seconds`` from its creation on, by a clock that counts nanoseconds; long work asks it often."""

    seconds: int
    clock: Callable[[], int] = time.monotonic_ns
    started: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", self.clock())

    def left(self, at: str) -> int:
        """The milliseconds that are left, at least 1; `Undecided` if there are none, while ``at`` was being checked."""
        left = 1000 * self.seconds - (self.clock() - self.started) // 10**6
        if left < 1:
            raise Undecided(f"{at}: the check is not done after {self.seconds} s, its time limit")
        return left
