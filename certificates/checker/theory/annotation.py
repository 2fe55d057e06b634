"""The annotation: what each head selects and receives, class by class (THEORIES 5). Nothing else is told.

Words:
    case     of a head: tokens i of some classes, where a condition holds
    selects  for every class of j, where a token j at or before i is selected; other classes are not
    member   the position of a token that is selected
    name     of a position that is a function of ghosts: a ghost more, so that what is computed from it stays small
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, members, quote, text
from exactformer.certificates.checker.theory.language import (
    Content,
    Formula,
    Ghost,
    Number,
    Shifted,
    read_content,
    read_formula,
    read_number,
)
from exactformer.certificates.checker.theory.reading import POS, Theory
from exactformer.certificates.checker.weights import Network

MOST_CASES = 2**12
"""Of one head."""
FURTHEST = 2**9
"""Followers are followed one by one: so far, and no further, is known which class a token before has."""


@dataclass(frozen=True)
class Case:
    """``at`` is where it stands; ``value`` is what i receives: the content of the coordinates that the head reads."""

    at: str
    classes: tuple[str, ...]
    when: Formula
    selects: Mapping[str, Formula]
    member: Number
    value: Content

    @property
    def distance(self) -> int | None:
        """D, if the member is the token D before i, and D is not large."""
        match self.member:
            case Shifted(Ghost(name, False), by) if name == POS and -FURTHEST <= by < 0:
                return -by
        return None


def read_annotation(value: Json, theory: Theory, network: Network) -> list[list[list[Case]]]:
    """The cases of every head of every layer."""
    layers = items("annotation", value)
    if len(layers) != len(network.layers):
        raise Rejected("annotation", f"is about {len(layers)} layers; the network has {len(network.layers)}")
    found = []
    for number, (heads, layer) in enumerate(zip(layers, network.layers, strict=True)):
        at = f"annotation[{number}]"
        if len(items(at, heads)) != len(layer.heads):
            raise Rejected(at, f"is about {len(items(at, heads))} heads; the layer has {len(layer.heads)}")
        found.append([_cases(f"{at}[{head}]", one, theory) for head, one in enumerate(items(at, heads))])
    return found


def read_names(value: Json, theory: Theory) -> None:
    """Names of positions, which the theory's classes have from now on as ghosts that are defined."""
    for place, one in enumerate(items("names", value)):
        at = f"names[{place}]"
        parts = members(at, one, "classes", "name", "number")
        name, number = text(f"{at}.name", parts["name"]), read_number(f"{at}.number", text(at, parts["number"]))
        for cls in items(f"{at}.classes", parts["classes"]):
            theory.define(at, _known(f"{at}.classes", cls, theory), name, number)


@dataclass(frozen=True)
class Hold:
    """What a register holds behind a layer, at tokens of these classes."""

    at: str
    classes: tuple[str, ...]
    register: str
    content: Content


def read_holds(value: Json, theory: Theory, network: Network) -> list[list[Hold]]:
    """What is said of registers behind every layer; nothing, if the list is empty."""
    layers = items("holds", value)
    if layers and len(layers) != len(network.layers):
        raise Rejected("holds", f"is about {len(layers)} layers; the network has {len(network.layers)}")
    registers = {name for name, _ in network.registers}
    found = []
    for number, listed in enumerate(layers):
        here = []
        for place, one in enumerate(items(f"holds[{number}]", listed)):
            at = f"holds[{number}][{place}]"
            parts = members(at, one, "classes", "register", "content")
            register = text(f"{at}.register", parts["register"])
            if register not in registers:
                raise Rejected(f"{at}.register", f"{quote(register)} is no register of the network")
            classes = tuple(_known(f"{at}.classes", name, theory) for name in items(f"{at}.classes", parts["classes"]))
            content = read_content(f"{at}.content", text(f"{at}.content", parts["content"]))
            here.append(Hold(at, classes, register, content))
        found.append(here)
    return found or [[] for _ in network.layers]


def _cases(at: str, value: Json, theory: Theory) -> list[Case]:
    listed = items(at, value)
    if len(listed) > MOST_CASES:
        raise TooLarge(f"{at} has {len(listed)} cases; this checker goes through {MOST_CASES} of a head")
    return [_case(f"{at}[{place}]", one, theory) for place, one in enumerate(listed)]


def _case(at: str, value: Json, theory: Theory) -> Case:
    parts = members(at, value, "classes", "when", "selects", "member", "value")
    selects = parts["selects"]
    if not isinstance(selects, dict):
        raise Rejected(f"{at}.selects", f"is {quote(selects)} where an object must be")
    return Case(
        at=at,
        classes=tuple(_known(f"{at}.classes", one, theory) for one in items(f"{at}.classes", parts["classes"])),
        when=read_formula(f"{at}.when", text(f"{at}.when", parts["when"])),
        selects={
            _known(f"{at}.selects", name, theory): read_formula(f"{at}.selects.{name}", text(f"{at}.selects", formula))
            for name, formula in selects.items()
        },
        member=read_number(f"{at}.member", text(f"{at}.member", parts["member"])),
        value=read_content(f"{at}.value", text(f"{at}.value", parts["value"])),
    )


def _known(at: str, name: Json, theory: Theory) -> str:
    if not isinstance(name, str) or name not in theory.classes:
        raise Rejected(at, f"{quote(name)} is no class of the theory")
    return name
