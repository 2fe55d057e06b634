"""What every register holds, at every class and behind every sublayer: the annotation of SPEC section 11.

Words:
    stage   the embedding (0), behind the attention of layer l (2l - 1), behind its MLP (2l)
    held    the contents of all registers at a stage, at tokens of one class
    places  which register, and which of its coordinates, a coordinate of the network is
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.document import Json, TooLarge, integer, items, members, text
from exactformer.certificates.checker.machine import Machine
from exactformer.certificates.checker.universal.classes import classes
from exactformer.certificates.checker.universal.contents import NOTHING, Content, Fetched, Sizes, parts
from exactformer.certificates.checker.universal.formulas import Variables, View
from exactformer.certificates.checker.universal.grammar import read_content
from exactformer.certificates.checker.universal.tokens import require_sense
from exactformer.certificates.checker.weights import Family, Field, Ints, Network

Held: TypeAlias = dict[str, Content]

MOST_HELD, WIDEST = 2**21, 2**9
"""Contents of all registers at all classes and stages, and coordinates of one register."""


@dataclass(frozen=True)
class Setting:
    """What all parts of the check share; ``summarized`` for the paradigm scot."""

    machine: Machine
    network: Network
    summarized: bool = False

    @cached_property
    def sizes(self) -> Sizes:
        """Bits of positions, states and symbols; and which chains of thought these are."""
        state_bits, symbol_bits = (
            (len(names) - 1).bit_length() for names in (self.machine.states, self.machine.alphabet)
        )
        return Sizes(self.network.r, self.machine.tapes, state_bits, symbol_bits, self.summarized)

    @cached_property
    def here(self) -> View:
        """How the ghosts of the token i are named."""
        return View(Variables())

    @cached_property
    def widths(self) -> dict[str, int]:
        """The registers and their widths."""
        return dict(self.network.registers)

    @cached_property
    def spans(self) -> dict[str, range]:
        """The registers and their coordinates."""
        ends = accumulate(width for _, width in self.network.registers)
        return {name: range(end - width, end) for (name, width), end in zip(self.network.registers, ends, strict=True)}

    @cached_property
    def places(self) -> list[tuple[str, int]]:
        """For every coordinate its register and where it is in it."""
        return [(name, place) for name, width in self.network.registers for place in range(width)]

    @cached_property
    def owners(self) -> Ints:
        """For every coordinate the number of its register."""
        numbers = {name: number for number, name in enumerate(self.widths)}
        return np.array([numbers[name] for name, _ in self.places])

    @cached_property
    def offsets(self) -> Ints:
        """For every coordinate where it is in its register."""
        return np.array([place for _, place in self.places])

    @cached_property
    def read_off(self) -> list[str]:
        """The registers that the unembedding reads."""
        read = set[int]()
        for family in self.network.vocabulary:
            parts: tuple[Family | Field, ...] = (family, *family.fields)
            read.update(coordinate for part in parts for coordinate in part.unembedding.index.tolist())
        return [register for register, span in self.spans.items() if not read.isdisjoint(span)]


@dataclass(frozen=True)
class Annotation:
    """``stages`` has a list of contents per class, one for each stage; ``margin`` is as stated."""

    stages: dict[str, list[Held]]
    margin: int

    def held(self, cls: str, layer: int, sublayer: str) -> Held:
        """Before layer ``layer`` (from 1), behind its ``attention``, or behind its ``mlp``."""
        return self.stages[cls][2 * layer - {"before": 2, "attention": 1, "mlp": 0}[sublayer]]


def read_annotation(value: Json, setting: Setting) -> Annotation:
    """The annotation, whose contents have the width of their registers and make sense in their classes."""
    top = members("annotation", value, "contents", "margin")
    reader = _Reader(setting)
    every, widest = classes(setting.sizes), max(setting.widths.values())
    held = len(every) * len(setting.widths) * (2 * len(setting.network.layers) + 1)
    if held > MOST_HELD or widest > WIDEST:
        raise TooLarge(
            f"annotation: {held} contents in registers of up to {widest} coordinates; this checker goes through "
            f"{MOST_HELD} in registers of up to {WIDEST}"
        )
    entries = members("annotation.contents", top["contents"], *every)
    stages = {cls: reader.stages(f"annotation.contents.{cls}", cls, entries[cls]) for cls in every}
    return Annotation(stages, integer("annotation.margin", top["margin"], 1, 2**53))


class _Reader:
    """Reads every text once per class and width."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.known: dict[tuple[str, str, int], Content] = {}

    def stages(self, at: str, cls: str, value: Json) -> list[Held]:
        """The contents at all stages for one class."""
        entry = members(at, value, "embedding", "layers")
        held: Held = dict.fromkeys(self.setting.widths, NOTHING)
        found = [held | self.contents(f"{at}.embedding", cls, entry["embedding"], 0)]
        layers = items(f"{at}.layers", entry["layers"])
        integer(f"{at}.layers", len(layers), len(self.setting.network.layers), len(self.setting.network.layers))
        for number, layer in enumerate(layers, start=1):
            where = f"{at}.layers[{number - 1}]"
            parts = members(where, layer, "attention", "mlp")
            for sublayer in ("attention", "mlp"):
                found.append(found[-1] | self.contents(f"{where}.{sublayer}", cls, parts[sublayer], number))
        return found

    def contents(self, at: str, cls: str, value: Json, layer: int) -> Held:
        """The contents that one stage names."""
        table = members(at, value, *(value if isinstance(value, dict) else ()))
        return {
            register: self.content(f"{at}.{register}", cls, said, self.setting.widths.get(register, 0), layer)
            for register, said in table.items()
        }

    def content(self, at: str, cls: str, value: Json, width: int, layer: int) -> Content:
        """One content."""
        said = text(at, value)
        if (said, cls, width) not in self.known:
            content = read_content(at, said, self.setting.sizes)
            require_sense(at, content, cls, width, self.setting.sizes)
            self.known[said, cls, width] = content
        content = self.known[said, cls, width]
        require_fetched(at, content, width, layer, self.setting)
        return content


def require_fetched(at: str, content: Content, width: int, layer: int, setting: Setting) -> None:
    """What is fetched is a register of this width, before a layer that is not behind this place (SPEC 11.2)."""
    for part in parts(content):
        if isinstance(part, Fetched):
            integer(f"{at}: the width of {part.register}", setting.widths.get(part.register, 0), width, width)
            integer(f"{at}: the layer of {part.register}", part.layer, 1, layer)
