"""A theory, its parameters, and what the heads of a network select according to it: data that constructions provide.

`certificates/THEORIES.md` says what the words mean; only the checker reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from exactformer.constructions import html
from exactformer.constructions.behaviour import BehaviourError

Parameter: TypeAlias = int | tuple[str, ...] | tuple[tuple[str, ...], ...]
"""A number, a set of names, or a table: rows of names."""
Value: TypeAlias = int | str | bool
"""The value of a ghost: a number, the name of an element of a set, a flag."""


@dataclass(frozen=True)
class Case:
    """One case of a head: tokens i of ``classes`` for which the formula ``when`` holds.

    ``selects``: for every class of j, the formula that says which tokens are selected; none of other classes are;
    ``member``: the position of one selected token; ``value``: what i receives.
    """

    classes: tuple[str, ...]
    when: str
    selects: Mapping[str, str]
    member: str
    value: str


@dataclass(frozen=True)
class Hold:
    """A simpler term for what a register holds after a layer, at tokens of these classes: it is proved, then used."""

    classes: tuple[str, ...]
    register: str
    content: str


@dataclass(frozen=True)
class Name:
    """What a name means from after a layer on, at tokens of these classes: a number, or a formula, in their ghosts.
    What a network does alike in many layers reads alike in such names, and is then decided once.

    Raises BehaviourError if it is neither or both.
    """

    classes: tuple[str, ...]
    name: str
    number: str | None = None
    formula: str | None = None

    def __post_init__(self) -> None:
        if (self.number is None) == (self.formula is None):
            raise BehaviourError(f"{self.name} must be either a number or a formula")


HeadCases: TypeAlias = list[Case]


@dataclass(frozen=True)
class TrueToken:
    """A token of a sequence: its class, and all of its ghosts except the position."""

    cls: str
    ghosts: Mapping[str, Value]


@dataclass(frozen=True)
class Theory:
    """A family of token sequences as text, with its parameters; and the annotation of a network, layer by layer.

    ``annotation``: the cases of every head; ``holds``: what registers hold after a layer, if there is a simpler term;
    ``names``: which names hold from after a layer on; ``witnesses``: sequences of the theory with their true ghosts.
    Together they contain every class, and every class right after each one that it may follow, as far as possible.
    """

    text: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    annotation: Sequence[Sequence[Sequence[Case]]] = ()
    holds: Sequence[Sequence[Hold]] = ()
    names: Sequence[Sequence[Name]] = ()
    witnesses: Sequence[Sequence[TrueToken]] = ()

    def _repr_html_(self) -> str:
        """Its annotation by layer and head; what registers hold and names mean after each layer; then its text."""
        return (
            html.table(("parameter", "value"), ((name, _shown(value)) for name, value in self.parameters.items()))
            + html.table(
                ("layer", "head", "classes", "when", "selects", "member", "value"),
                (
                    (number, place, _classes(case), case.when, _selects(case), case.member, case.value)
                    for number, layer in enumerate(self.annotation, start=1)
                    for place, cases in enumerate(layer)
                    for case in cases
                ),
            )
            + html.table(
                ("after layer", "classes", "register", "holds"),
                (
                    (number, _classes(hold), hold.register, hold.content)
                    for number, layer in enumerate(self.holds, start=1)
                    for hold in layer
                ),
            )
            + html.table(
                ("after layer", "classes", "name", "means"),
                (
                    (number, _classes(one), one.name, one.formula if one.number is None else one.number)
                    for number, layer in enumerate(self.names, start=1)
                    for one in layer
                ),
            )
            + html.folded("text", self.text)
        )


def _shown(value: Parameter) -> str:
    """A set with spaces between its names, a table with commas between its rows."""
    if isinstance(value, int):
        return str(value)
    return ", ".join(" ".join(row) for row in value if isinstance(row, tuple)) or " ".join(map(str, value))


def _classes(of: Case | Hold | Name) -> str:
    return ", ".join(of.classes)


def _selects(case: Case) -> str:
    return "; ".join(f"{cls}: {formula}" for cls, formula in case.selects.items())
