"""What is proved once for all theories that differ in their tables only, such as those of machines of one shape.

A machine's table matters to the last layers alone, which look its row up.  The layers before them are proved without
all that a theory says of tables: assuming less, that holds for every table.  The next theory of the shape goes on from
there.  The checker knows nothing of this: it proves every certificate from its first layer on.

A certificate must not describe a case that cannot occur (THEORIES 5.1), and a table may exclude one.  In the layers
that are shared, that is not looked for: then the checker would not accept a certificate, but the claim is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from exactformer.certificates.checker.cases import Cases
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory.ghosts import levels_of
from exactformer.certificates.checker.theory.heads import FoundHead
from exactformer.certificates.checker.theory.language import Formula, Listed, atoms_in
from exactformer.certificates.checker.theory.reading import Choice, Entry, Theory, TokenClass
from exactformer.certificates.checker.theory.walk import LayerTold, Walk, Walked
from exactformer.certificates.checker.weights import Network

MOST_KEPT = 2**7
"""Shapes; each takes some MiB."""


@dataclass(frozen=True)
class FirstLayers:
    """What is proved of them, whatever the tables are.

    ``theory``: what was assumed; ``told``: what was told of these layers and of the network; ``coordinates``: after
    them; ``levels``: of the variables in these.
    """

    theory: Theory
    told: object
    heads: tuple[tuple[FoundHead, ...], ...]
    decided: int
    coordinates: Mapping[str, Sequence[Cases]]
    levels: Mapping[tuple[str, int], int]


class Shapes:
    """The first layers of the theories that were met."""

    def __init__(self) -> None:
        self.known: list[FirstLayers] = []
        """Those met last stand last."""

    def walk(
        self,
        network: Network,
        theory: Theory,
        document: Mapping[str, Any],
        told: Sequence[LayerTold],
        deadline: Deadline,
    ) -> Walked:
        """As `checker.theory.walk.walk`; ``document``: what was read to get the network and what is ``told`` of its
        layers."""
        first = self._first_layers(network, theory, document, told, deadline)
        walk = Walk(network, theory, deadline, levels=first.levels)
        try:
            walk.facts.decided += first.decided
            for _, _, names in told[: len(first.heads)]:
                walk.facts.give(names)
            if first.heads:
                copies, copied = dict[Any, Any](), walk.variables.diagrams.copied
                walk.coordinates = {
                    cls: [
                        walk.integers.one({value: copied(formula, copies) for value, formula in cases.items()})
                        for cases in coordinates
                    ]
                    for cls, coordinates in first.coordinates.items()
                }
            return walk.all_layers(document["witnesses"], told, first.heads)
        finally:
            walk.free()

    def _first_layers(
        self,
        network: Network,
        theory: Theory,
        document: Mapping[str, Any],
        told: Sequence[LayerTold],
        deadline: Deadline,
    ) -> FirstLayers:
        general = without_tables(theory)
        for first in reversed(self.known):
            if first.theory == general and first.told == _beginning(document, len(first.heads)):
                return first
        self.known = self.known[1 - MOST_KEPT :]
        self.known.append(_prove(network, general, document, told, deadline, levels_of(theory)))
        return self.known[-1]


def without_tables(theory: Theory) -> Theory:
    """The theory that says nothing of tables, and names no output: each sequence of a theory is one of it."""

    def of_class(one: TokenClass) -> TokenClass:
        facts = [fact for fact in one.facts if _is_general(fact[1])]
        defined = {name: listed for name, listed in one.defined.items() if all(map(_is_defined_generally, listed))}
        return replace(one, facts=facts, defined=defined, outputs=[])

    counted = {
        name: by_classes
        for name, by_classes in theory.counted.items()
        if all(_is_general(formula) for _, formula in by_classes.values())
    }
    return replace(
        theory,
        about=[],
        tables={},
        classes={name: of_class(one) for name, one in theory.classes.items()},
        pairs={key: [fact for fact in listed if _is_general(fact[1])] for key, listed in theory.pairs.items()},
        before={key: [fact for fact in listed if _is_general(fact[2])] for key, listed in theory.before.items()},
        counts={name: most for name, most in theory.counts.items() if name in counted},
        counted=counted,
    )


def _is_general(formula: Formula) -> bool:
    return not any(isinstance(atom, Listed) for atom in atoms_in(formula))


def _is_defined_generally(one: Choice | Entry) -> bool:
    return _is_general(one.when if isinstance(one, Choice) else one.formula)


def _beginning(document: Mapping[str, Any], layers: int) -> object:
    """What is told of so many layers, and of the network before them."""
    weights = document["weights"]
    listed = (weights["layers"], document["annotation"], document["holds"], document["names"])
    return {name: part for name, part in weights.items() if name != "layers"}, *(one[:layers] for one in listed)


def _prove(
    network: Network,
    general: Theory,
    document: Mapping[str, Any],
    told: Sequence[LayerTold],
    deadline: Deadline,
    levels: Mapping[tuple[str, int], int],
) -> FirstLayers:
    """As many layers as can be proved without tables."""
    heads, decided = list[tuple[FoundHead, ...]](), 0
    coordinates: Mapping[str, Sequence[Cases]] = {}
    walk = None
    try:
        walk = Walk(network, general, deadline, levels=levels)
        for number, of_layer in enumerate(told):
            heads.append(walk.layer(number, *of_layer))
            decided = walk.facts.decided
            coordinates = {cls: tuple(cases) for cls, cases in walk.coordinates.items()}
            levels = dict(walk.variables.levels)
    except (Rejected, TooLarge):
        pass  # of this layer the tables say more, or nothing is proved at all: `Shapes.walk` goes on with them
    finally:
        if walk is not None:
            walk.free()  # what is kept has formulas of its own; all others go now
    return FirstLayers(general, _beginning(document, len(heads)), tuple(heads), decided, coordinates, levels)
