"""Registers: the named parts of the residual stream.

A *span* is a run of neighbouring coordinates of one register; the whole register is a span too, and a *flag* is
a register of one coordinate.  Programs speak of spans by name; only the compiled network knows coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Span:
    """Coordinates ``offset .. offset+width-1`` of the residual stream, as part of the register ``name``.

    ``start`` is where the span begins inside its register, so that a printed span reads ``hpos_1[2..5]``.
    """

    name: str
    offset: int
    width: int
    start: int = 0
    whole: bool = True

    @cached_property
    def coordinates(self) -> tuple[int, ...]:
        return tuple(range(self.offset, self.offset + self.width))

    def bit(self, index: int) -> Span:
        """The one-coordinate span at ``index`` (0 is the least significant bit).

        >>> Span("pos", 10, 4).bit(2)
        Span(name='pos', offset=12, width=1, start=2, whole=False)
        """
        return self.bits(index, index + 1)

    def bits(self, first: int, stop: int) -> Span:
        """The span of bits ``first .. stop-1``; empty when they are equal."""
        if not 0 <= first <= stop <= self.width:
            raise IndexError(f"bits {first}..{stop - 1} asked of {self}, which has {self.width}")
        return Span(self.name, self.offset + first, stop - first, self.start + first, False)

    def __rmul__(self, count: int) -> Repeated:
        return Repeated(self, count)

    def __str__(self) -> str:
        if self.whole:
            return self.name
        if self.width == 1:
            return f"{self.name}[{self.start}]"
        return f"{self.name}[{self.start}..{self.start + self.width - 1}]"


@dataclass(frozen=True)
class Repeated:
    """A span listed ``count`` times in a row: ``c*x``, so that its products count c times in a score."""

    span: Span
    count: int

    def __str__(self) -> str:
        return f"{self.count}*{self.span}"


class Layout:
    """Hands out registers side by side, each name once; ``width`` is the d of the residual stream so far.

    >>> layout = Layout()
    >>> layout.add("pos", 4), layout.add("const", 1).offset, layout.width
    (Span(name='pos', offset=0, width=4, start=0, whole=True), 4, 5)
    """

    def __init__(self) -> None:
        self._registers: dict[str, Span] = {}
        self.width = 0

    def add(self, name: str, width: int) -> Span:
        if name in self._registers:
            raise ValueError(f"the register {name} exists already")
        register = Span(name, self.width, width)
        self._registers[name] = register
        self.width += width
        return register

    def per_tape(self, name: str, width: int, tapes: int) -> tuple[Span, ...]:
        """One register for each tape, named ``name_1 .. name_K``."""
        return tuple(self.add(f"{name}_{tape + 1}", width) for tape in range(tapes))

    @property
    def registers(self) -> tuple[Span, ...]:
        return tuple(self._registers.values())
