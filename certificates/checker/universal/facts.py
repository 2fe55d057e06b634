"""Which facts about the ghosts of one token an obligation may need (SPEC 14, 18.4); as formulas: assumptions.py.

Words:
    play   the numbers and flags that an obligation speaks of; only facts about these are assumed
    fact   one of the rules of SPEC for certain numbers; two tokens with the same facts share queries
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from exactformer.certificates.checker.universal.classes import PROMPT_ENDS
from exactformer.certificates.checker.universal.contents import (
    Content,
    Flag,
    Number,
    SameBits,
    Sizes,
    flags,
    number,
    numbers,
    parts,
)
from exactformer.certificates.checker.universal.tokens import same_number


@dataclass(frozen=True)
class Lowered:
    """``later`` is max(earlier - by, 0) (SPEC 14.5)."""

    earlier: Number
    later: Number
    by: int


@dataclass(frozen=True)
class Cleared:
    """``later`` is ``earlier`` less the bits from ``first`` to ``end`` - 1 of ``o``, and not negative (SPEC 14.5)."""

    earlier: Number
    later: Number
    o: Number
    first: int
    end: int


@dataclass(frozen=True)
class Moved:
    """x_k, c_k and m_k of a RUN token (SPEC 14.4)."""

    x: Number
    c: Number
    m: Number


@dataclass(frozen=True)
class IsMove:
    """m_k is the code of a move."""

    m: Number


@dataclass(frozen=True)
class Decided:
    """has_entry, q', a'_k, m'_k are what the machine says; for RUN also when there is an entry (SPEC 14.6, 18.4)."""

    cls: str


@dataclass(frozen=True)
class Halted:
    """``halted`` says whether q is the halting state."""


@dataclass(frozen=True)
class Capped:
    """cap is 0, 1 or 2; if ``exact``, also: it is 1 just where i = 4e (SPEC 18.4)."""

    exact: bool


@dataclass(frozen=True)
class NotFirst:
    """i >= 1, as for EINP and ESUMM (SPEC 18.4)."""


@dataclass(frozen=True)
class Here:
    """``flag`` says whether x_k and y_k are equal (SPEC 18.4)."""

    flag: Flag
    x: Number
    y: Number


Fact: TypeAlias = Lowered | Cleared | Moved | IsMove | Decided | Halted | Capped | NotFirst | Here


def facts(cls: str, contents: Iterable[Content], sizes: Sizes) -> tuple[Fact, ...]:
    """The facts about one token of a class that an obligation on these settled contents may need."""
    contents = tuple(contents)
    return _facts(
        cls,
        frozenset(what for content in contents for what in numbers(content)),
        frozenset(flag for content in contents for flag in flags(content)),
        any(isinstance(part, SameBits) for content in contents for part in parts(content)),
        sizes,
    )


@lru_cache(maxsize=2**14)
def _facts(cls: str, play: frozenset[Number], named: frozenset[Flag], compared: bool, sizes: Sizes) -> tuple[Fact, ...]:
    found: list[Fact] = []
    i, o, u, e, cap = (number(kind, 0, sizes) for kind in ("i", "o", "u", "e", "cap"))
    first = [i] if i in play or any(what.kind == "i - i" for what in play) else []
    lowered = [*first, *_of_kind("back", play)]
    found += [Lowered(one, two, two.index - one.index) for one, two in pairwise(lowered)]
    for taken in (o, u):
        cleared = [*first, *_of_kind(f"i - {taken.kind}", play)]
        found += [Cleared(one, two, taken, one.index, two.index) for one, two in pairwise(cleared)]
    for tape in range(1, sizes.tapes + 1):
        x, c, m = (number(kind, tape, sizes) for kind in "xcm")
        if cls == "RUN" and x in play and (c in play or m in play):
            found.append(Moved(x, c, m))
        if m in play or Moved(x, c, m) in found:
            found.append(IsMove(m))
        if Flag(f"here_{tape}") in named and number("y", tape, sizes) in play:
            found.append(here(tape, cls, sizes))
    if Flag("has_entry") in named or any(what.kind.endswith("'") for what in play):
        found.append(Decided(cls))
    if cls == "RUN" and Flag("halted") in named:
        found.append(Halted())
    if cap in play:
        found.append(Capped(e in play))
    if cls in PROMPT_ENDS and compared:
        found.append(NotFirst())
    return tuple(found)


def _of_kind(kind: str, play: Iterable[Number]) -> list[Number]:
    return sorted((what for what in play if what.kind == kind), key=lambda what: what.index)


def here(tape: int, cls: str, sizes: Sizes) -> Here:
    """What here_k means in a class."""
    x, y = (same_number(number(kind, tape, sizes), cls, sizes) for kind in "xy")
    return Here(Flag(f"here_{tape}"), x, y)
