"""Which values the coordinates of a register can have in the hardmax network, by its annotated content (SPEC 20.1).

A *form* of a register says of each coordinate whether it is 0, 1, or one of -1 and +1; a content has finitely many
forms, and every vector that it can be is of one of them.  The converse is not claimed: ghosts may rule some out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from exactformer.constructions.transformer.registers import Span
from exactformer.verify.annotation.annotation import Annotation, Held
from exactformer.verify.annotation.content import (
    Bit,
    BitOfBeta,
    Code,
    Content,
    Fetched,
    HighBits,
    If,
    MoveCode,
    One,
    Zero,
)

Values = tuple[int, ...]
"""What one coordinate can be: (0,), (1,) or (-1, 1)."""
Form = tuple[Values, ...]
"""One entry per coordinate of a register."""

ZERO: Values = (0,)
ONE: Values = (1,)
SIGN: Values = (-1, 1)


class Registers:
    """The forms of all registers at one moment, by coordinate of the residual stream."""

    def __init__(self, forms: Mapping[Span, frozenset[Form]]) -> None:
        self._forms = {span.offset: listed for span, listed in forms.items()}
        self._offset = {c: span.offset for span in forms for c in span.coordinates}

    def offset(self, coordinate: int) -> int:
        """The first coordinate of the register that a coordinate belongs to."""
        return self._offset[coordinate]

    def forms(self, offset: int) -> frozenset[Form]:
        """The forms of the register that begins at a coordinate."""
        return self._forms[offset]

    def values(self, coordinate: int) -> set[int]:
        """What a coordinate can be."""
        offset = self._offset[coordinate]
        return {value for form in self._forms[offset] for value in form[coordinate - offset]}

    def magnitude(self, coordinate: int) -> int:
        """0 if a coordinate can only be 0, else 1."""
        return int(self.values(coordinate) != {0})


@dataclass(frozen=True, eq=False)
class Nominal:
    """The forms of all registers of an annotated network."""

    annotation: Annotation

    @cached_property
    def widths(self) -> dict[str, int]:
        return {span.name: span.width for span in self.annotation.registers}

    @cached_property
    def _known(self) -> dict[tuple[Content, str], frozenset[Form]]:
        return {}

    def forms(self, held: Held, register: str) -> frozenset[Form]:
        """The forms of a register with this content."""
        content = held[register]
        key = content, register
        if key not in self._known:
            self._known[key] = _forms(content, self.widths[register], self._fetched)
        return self._known[key]

    def registers(self, held: Held) -> Registers:
        """The forms of all registers."""
        return Registers({span: self.forms(held, span.name) for span in self.annotation.registers})

    def _fetched(self, register: str, layer: int) -> frozenset[Form]:
        """What a register can hold before a layer, at tokens of any class."""
        annotation = self.annotation
        helds = (annotation.before_attention(kind, layer) for kind in annotation.contents)
        return frozenset().union(*(self.forms(held, register) for held in helds))


def _forms(content: Content, width: int, fetched: Callable[[str, int], frozenset[Form]]) -> frozenset[Form]:
    match content:
        case Zero():
            return frozenset({(ZERO,) * width})
        case One():
            return frozenset({(ONE,) * width})
        case HighBits(_, first):
            return frozenset({(ZERO,) * first + (SIGN,) * (width - first)})
        case Code() | Bit() | BitOfBeta() | MoveCode():
            return frozenset({(SIGN,) * width})
        case Fetched(register, _, layer):
            return fetched(register, layer)
        case If(_, then, otherwise):
            return _forms(then, width, fetched) | _forms(otherwise, width, fetched)
