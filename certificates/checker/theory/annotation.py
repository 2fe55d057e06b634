"""The annotation: what each head selects and receives, class by class (THEORIES 5). Nothing else is told.

Words:
    case     of a head: tokens i of some classes, where a condition holds
    selects  for every class of j, where a token j at or before i is selected; other classes are not
    member   the position of a token that is selected
    name     of a position or a flag that is a function of ghosts: a ghost more, so that what is computed from it stays
             small; after every layer it may come to mean something else
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, members, quote, text
from exactformer.certificates.checker.theory.language import (
    Content,
    Formula,
    Number,
    read_content,
    read_formula,
    read_number,
)
from exactformer.certificates.checker.theory.reading import (
    FLAG,
    POSITION,
    Theory,
    require_name,
)
from exactformer.certificates.checker.weights import Network

MOST_CASES = 2**12
"""Of one head."""
MOST_NAMES = 2**8
"""Different ones: each has variables of its own."""


@dataclass(frozen=True)
class Case:
    """``at`` is where it stands; ``value`` is what i receives: the content of the coordinates that the head reads."""

    at: str
    classes: tuple[str, ...]
    when: Formula
    selects: Mapping[str, Formula]
    member: Number
    value: Content


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


@dataclass(frozen=True)
class Name:
    """What a name means after a layer, and from there on, at tokens of these classes. It may speak of names, and of
    itself: of what they meant before.
    """

    at: str
    classes: tuple[str, ...]
    name: str
    meaning: Number | Formula


def read_names(value: Json, theory: Theory, network: Network) -> list[list[Name]]:
    """The names that are given after every layer; the theory knows their kinds from now on."""
    found = []
    for number, listed in enumerate(_layers("names", value, network)):
        found.append([_name(f"names[{number}][{place}]", one, theory) for place, one in enumerate(listed)])
        if len({(cls, one.name) for one in found[-1] for cls in one.classes}) < sum(
            len(one.classes) for one in found[-1]
        ):
            raise Rejected(f"names[{number}]", "gives a class one name twice")
    return found


def _name(at: str, value: Json, theory: Theory) -> Name:
    is_flag = isinstance(value, dict) and "formula" in value
    parts = members(at, value, "classes", "name", "formula" if is_flag else "number")
    name = require_name(f"{at}.name", text(f"{at}.name", parts["name"]), "a ghost")
    if name in theory.spoken_of:
        raise Rejected(f"{at}.name", f"{quote(name)} is a ghost of the theory")
    kind = FLAG if is_flag else POSITION
    if theory.names.setdefault(name, kind) != kind:
        raise Rejected(f"{at}.name", f"{quote(name)} is a position and a flag")
    if len(theory.names) > MOST_NAMES:
        raise TooLarge(f"{at}: more than {MOST_NAMES} names")
    meaning: Number | Formula
    if is_flag:
        meaning = read_formula(f"{at}.formula", text(f"{at}.formula", parts["formula"]))
    else:
        meaning = read_number(f"{at}.number", text(f"{at}.number", parts["number"]))
    return Name(at, _classes(at, parts["classes"], theory), name, meaning)


@dataclass(frozen=True)
class Hold:
    """What a register holds after a layer, at tokens of these classes."""

    at: str
    classes: tuple[str, ...]
    register: str
    content: Content


def read_holds(value: Json, theory: Theory, network: Network) -> list[list[Hold]]:
    """What is said of registers after every layer."""
    registers = {name for name, _ in network.registers}
    found = []
    for number, listed in enumerate(_layers("holds", value, network)):
        here = []
        for place, one in enumerate(listed):
            at = f"holds[{number}][{place}]"
            parts = members(at, one, "classes", "register", "content")
            register = text(f"{at}.register", parts["register"])
            if register not in registers:
                raise Rejected(f"{at}.register", f"{quote(register)} is not a register of the network")
            classes = _classes(at, parts["classes"], theory)
            content = read_content(f"{at}.content", text(f"{at}.content", parts["content"]))
            here.append(Hold(at, classes, register, content))
        found.append(here)
    return found


def _layers(at: str, value: Json, network: Network) -> list[list[Json]]:
    """What is listed of every layer; nothing, if the list is empty."""
    layers = items(at, value)
    if layers and len(layers) != len(network.layers):
        raise Rejected(at, f"is about {len(layers)} layers; the network has {len(network.layers)}")
    return [items(f"{at}[{number}]", listed) for number, listed in enumerate(layers)] or [[] for _ in network.layers]


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
        classes=_classes(at, parts["classes"], theory),
        when=read_formula(f"{at}.when", text(f"{at}.when", parts["when"])),
        selects={
            _known(f"{at}.selects", name, theory): read_formula(f"{at}.selects.{name}", text(f"{at}.selects", formula))
            for name, formula in selects.items()
        },
        member=read_number(f"{at}.member", text(f"{at}.member", parts["member"])),
        value=read_content(f"{at}.value", text(f"{at}.value", parts["value"])),
    )


def _classes(at: str, value: Json, theory: Theory) -> tuple[str, ...]:
    found = tuple(_known(f"{at}.classes", one, theory) for one in items(f"{at}.classes", value))
    if len(set(found)) < len(found):
        raise Rejected(f"{at}.classes", "names a class twice")
    return found


def _known(at: str, name: Json, theory: Theory) -> str:
    if not isinstance(name, str) or name not in theory.classes:
        raise Rejected(at, f"{quote(name)} is not a class of the theory")
    return name
