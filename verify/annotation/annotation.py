"""The annotation of a network as a whole: what every register holds, for every class of tokens, at every moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import Phases
from exactformer.verify.annotation.content import Content, Zero
from exactformer.verify.annotation.cot import Moment, Place, rule_of
from exactformer.verify.annotation.ghosts import TokenClass, classes
from exactformer.verify.annotation.layout import Sequences
from exactformer.verify.hardmax.forward import Sublayer

Held = Mapping[str, Content]
"""Register -> what it holds."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """``held[kind]`` lists what registers hold behind the embedding, then behind each layer's attention and MLP."""

    paradigm: Paradigm
    shape: Shape
    registers: tuple[Span, ...]
    contents: Mapping[TokenClass, tuple[Held, ...]]

    def before_attention(self, kind: TokenClass, layer: int) -> Held:
        """What tokens of a class hold in front of a layer."""
        return self.contents[kind][2 * layer - 2]

    def behind_attention(self, kind: TokenClass, layer: int) -> Held:
        """What they hold between a layer's attention and its MLP."""
        return self.contents[kind][2 * layer - 1]

    def behind_mlp(self, kind: TokenClass, layer: int) -> Held:
        """What they hold behind a layer; behind the embedding for layer 0."""
        return self.contents[kind][2 * layer]

    @cached_property
    def sequences(self) -> Sequences:
        """Which tokens there are, and in which order."""
        return Sequences(self.paradigm, self.shape.position_bits)

    @property
    def depth(self) -> int:
        return Phases.of(self.shape.position_bits).L


@lru_cache(maxsize=32)
def annotate(paradigm: Paradigm, shape: Shape, registers: tuple[Span, ...]) -> Annotation:
    """The annotation of the network of a paradigm and shape.

    Raises KeyError for a register that the construction does not have.
    """
    depth = Phases.of(shape.position_bits).L
    moments = [Moment(0, Sublayer.MLP)]
    for layer in range(1, depth + 1):
        moments += [Moment(layer, Sublayer.ATTENTION), Moment(layer, Sublayer.MLP)]
    rules = {span.name: rule_of(span.name) for span in registers}
    same: dict[Content, Content] = {}

    def held(kind: TokenClass, now: Moment) -> Held:
        place = Place(paradigm, shape, kind, now)
        contents = {name: rule(place) for name, rule in rules.items()}
        return {name: same.setdefault(content, content) for name, content in contents.items()}

    contents = {kind: tuple(held(kind, now) for now in moments) for kind in classes(paradigm)}
    return Annotation(paradigm, shape, registers, contents)


def changes(before: Held, after: Held) -> dict[str, str]:
    """The registers whose contents are not the same, and what they hold afterwards, as text."""
    return {name: str(content) for name, content in after.items() if content != before.get(name, Zero())}
