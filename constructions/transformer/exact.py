"""A transformer of any exact weights: compiled by other tools, trained, or written by hand (NETWORKS 1).

Its numbers are dyadic, and every float is one. Activations need not be -1, 0 or 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from exactformer.constructions import html
from exactformer.constructions.transformer.exact_compiled import compiled_layer, tokens_of
from exactformer.constructions.transformer.exact_entries import (
    changed_form,
    changed_layer,
    changed_outputs,
    numbers_of,
    numbers_of_forms,
    numbers_of_outputs,
)
from exactformer.constructions.transformer.exact_matrices import LayerWeights, forms_of, layer_of, positions_of
from exactformer.constructions.transformer.exact_norms import (
    LAST,
    Norm,
    NormWeights,
    changed_norm,
    norm_of,
    numbers_of_norm,
    require_norm,
)
from exactformer.constructions.transformer.exact_numbers import (
    Change,
    Matrix,
    TransformerError,
    changed_vector,
    exact_rows,
    numbers_of_vector,
    require_vector,
)
from exactformer.constructions.transformer.exact_parts import (
    RATIONAL_ACTIVATIONS,
    BitPositions,
    ExactToken,
    Form,
    LargestOutputs,
    NearestOutputs,
    Outputs,
    Positions,
    TablePositions,
    TransformerLayer,
)
from exactformer.constructions.transformer.exact_requirements import (
    require_forms,
    require_layer,
    require_outputs,
    require_positions,
)
from exactformer.constructions.transformer.exact_rotary import (
    RotaryTables,
    changed_tables,
    numbers_of_tables,
    require_tables,
    tables_of,
)
from exactformer.constructions.transformer.network import Network

WIDEST = 1 << 20
"""The most coordinates: vectors of this length are made for every token."""
MOST_TOKENS = 1 << 16
"""The most tokens of a compiled network's vocabulary that is written out token by token."""


@dataclass(frozen=True)
class Transformer:
    """width: d; causal: token i sees the tokens j <= i, else all; coordinates: names for people, or nothing; unseen:
    tokens that no head sees, in the vocabulary's order; outputs: None if they are the vocabulary's tokens; rotary:
    cosine and sine of every plane, for every position, if heads rotate; norm: through which outputs read x.

    Raises TransformerError if something does not fit, saying where and what.
    """

    width: int
    vocabulary: tuple[ExactToken, ...]
    layers: tuple[TransformerLayer, ...]
    positions: Positions = None
    causal: bool = True
    coordinates: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    outputs: Outputs = None
    rotary: RotaryTables = ()
    norm: Norm | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.width <= WIDEST:
            raise TransformerError(f"the width is {self.width}; it has to be from 1 to {WIDEST:,}")
        if self.coordinates and len(self.coordinates) != self.width:
            raise TransformerError(f"{len(self.coordinates)} names for {self.width} coordinates")
        if len(self.vocabulary) < 2:
            raise TransformerError(f"the vocabulary has {len(self.vocabulary)} token(s); it needs at least two")
        if len(self.index) < len(self.vocabulary):
            names = [token.name for token in self.vocabulary]
            twice = next(name for name in names if names.count(name) > 1)
            raise TransformerError(f"the token {twice!r} is in the vocabulary twice; names have to be unique")
        for token in self.vocabulary:
            require_vector(token.embedding, self.width, f"the embedding of {token.name!r}")
            require_forms([token.unembedding], self.width, f"the unembedding of {token.name!r}, form")
        for number, layer in enumerate(self.layers, start=1):
            require_layer(layer, self.width, self.planes, f"layer {number}")
        require_positions(self.positions, self.width)
        self._require_unseen()
        require_outputs(self.outputs, self.width)
        require_tables(self.rotary)
        if self.rotary and not any(head.rotary for layer in self.layers for head in layer.heads):
            raise TransformerError(
                "there are rotary tables, but no head rotates: say which entries do with a head's rotary"
            )
        if self.norm is not None:
            require_norm(self.norm, self.width, LAST)

    def _require_unseen(self) -> None:
        for name in self.unseen:
            if name not in self.index:
                raise TransformerError(f"the unseen token {name!r} is not in the vocabulary")
        for before, after in pairwise(self.unseen):
            if self.index[before] >= self.index[after]:
                raise TransformerError(
                    f"the unseen token {after!r} comes after {before!r}; each is named once, in the vocabulary's order"
                )

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each token in the vocabulary, by its name."""
        return {token.name: place for place, token in enumerate(self.vocabulary)}

    @property
    def longest(self) -> int | None:
        """How many tokens a sequence may have: as many as have positions and rotary tables; None: any number."""
        bounds = [] if self.positions is None else [self.positions.tokens]
        return min([*bounds, len(self.rotary)] if self.rotary else bounds, default=None)

    @property
    def planes(self) -> int:
        """How many planes the rotary tables have."""
        return len(self.rotary[0]) if self.rotary else 0

    @property
    def norms(self) -> tuple[Norm, ...]:
        """All norms, in the order in which x passes them."""
        inside = (norm for layer in self.layers for _, norm in layer.norms)
        return (*inside, *(() if self.norm is None else (self.norm,)))

    @property
    def has_hardmax(self) -> bool:
        """Whether there is a hardmax transformer (NETWORKS 2): norms and smooth activations are not rational."""
        return not self.norms and all(layer.activation in RATIONAL_ACTIVATIONS for layer in self.layers)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of its possible outputs at a position."""
        return tuple(token.name for token in self.vocabulary) if self.outputs is None else self.outputs.names

    def numbers(self) -> Iterator[tuple[str, Fraction]]:
        """Every weight, bias, epsilon, and entry of a table that is not 0, with its place."""
        for token in self.vocabulary:
            yield from numbers_of_vector(token.embedding, f"the embedding of {token.name!r}")
            yield from numbers_of_forms([token.unembedding], f"the unembedding of {token.name!r}, form")
        if isinstance(self.positions, TablePositions):
            for position, vector in enumerate(self.positions.table):
                yield from numbers_of_vector(vector, f"the vector of position {position}")
        yield from numbers_of_tables(self.rotary)
        for number, layer in enumerate(self.layers, start=1):
            yield from ((f"layer {number}, {where}", one) for where, one in numbers_of(layer))
        if self.norm is not None:
            yield from numbers_of_norm(self.norm, LAST)
        yield from numbers_of_outputs(self.outputs)

    def changed(self, change: Change, change_epsilon: Change | None = None) -> Transformer:
        """The transformer with another number, such as a rounded one, for each that `numbers` has; epsilons of norms
        are changed by the second function, if it is given.
        """
        of_epsilon = change_epsilon or change
        return replace(
            self,
            vocabulary=tuple(
                ExactToken(token.name, changed_vector(token.embedding, change), changed_form(token.unembedding, change))
                for token in self.vocabulary
            ),
            layers=tuple(changed_layer(layer, change, of_epsilon) for layer in self.layers),
            positions=TablePositions(tuple(changed_vector(vector, change) for vector in self.positions.table))
            if isinstance(self.positions, TablePositions)
            else self.positions,
            outputs=changed_outputs(self.outputs, change),
            rotary=changed_tables(self.rotary, change),
            norm=changed_norm(self.norm, change, of_epsilon),
        )

    @classmethod
    def build(
        cls,
        vocabulary: Sequence[str],
        embedding: Matrix,
        unembedding: Matrix,
        layers: Sequence[LayerWeights],
        *,
        unembedding_bias: Matrix = None,
        positions: Positions | Matrix = None,
        causal: bool = True,
        coordinates: Sequence[str] = (),
        unseen: Sequence[str] = (),
        outputs: Outputs = None,
        rotary: Matrix = None,
        norm: NormWeights | None = None,
    ) -> Transformer:
        """From matrices: embedding and unembedding [vocabulary, d], a bias [vocabulary], positions as a table
        [tokens, d], as `BitPositions`, or none.  With outputs of its own (`largest_outputs`, `nearest_outputs`) a
        network may go without unembedding: None.  Where heads rotate, ``rotary`` are the tables [tokens, planes, 2] of
        cosines and sines, such as `rotary_tables` makes.  Outputs read x through ``norm``.

        Every float is taken as the number it is.  Raises TransformerError.

        >>> net = Transformer.build(["a", "b"], [[1, 0], [0, 1]], [[0.5, 0], [0, 0.25]], [LayerWeights()])
        >>> net.width, net.vocabulary[1].unembedding.vector
        (2, ((1, Fraction(1, 4)),))
        """
        names = list(vocabulary)
        for name in names:
            if not isinstance(name, str):
                raise TransformerError(f"the token {name!r} is not a text; tokens are named by texts")
        first = embedding[0] if isinstance(embedding, Sized) and len(embedding) else []
        width = len(first) if isinstance(first, Sized) else 0
        embedded = exact_rows(embedding, width, "embedding", len(names))
        if unembedding is None and unembedding_bias is None and outputs is not None:
            logits = (Form(()),) * len(names)
        else:
            logits = forms_of(unembedding, unembedding_bias, width, "unembedding", len(names))
        return cls(
            width,
            tuple(map(ExactToken, names, embedded, logits)),
            tuple(layer_of(layer, width, f"layer {number}") for number, layer in enumerate(layers, start=1)),
            positions_of(positions, width),
            causal,
            tuple(coordinates),
            _in_order(unseen, names),
            outputs,
            tables_of(rotary),
            norm_of(norm, width, "norm"),
        )

    @classmethod
    def of(cls, network: Network) -> Transformer:
        """A compiled network with its vocabulary written out, token by token.

        Raises TransformerError above `MOST_TOKENS` tokens.
        """
        if network.vocabulary.size > MOST_TOKENS:
            raise TransformerError(
                f"the network has {network.vocabulary.size:,} tokens; at most {MOST_TOKENS:,} are written out"
            )
        return cls(
            network.width,
            tuple(token for family in network.vocabulary.families for token in tokens_of(family)),
            tuple(map(compiled_layer, network.layers)),
            BitPositions(0, network.position_bits),
            True,
            tuple(map(network.coordinate_name, range(network.width))),
        )

    def _repr_html_(self) -> str:
        kinds = {True: "causal", False: "full"}
        match self.positions:
            case None:
                positions = "none"
            case BitPositions(first, bits):
                positions = f"{bits} bits from coordinate {first}"
            case TablePositions(table):
                positions = f"a table of {len(table)}"
        match self.outputs:
            case None:
                outputs = "the tokens"
            case LargestOutputs(names):
                outputs = f"the largest of {len(names)}"
            case NearestOutputs(_, numbers):
                outputs = f"the nearest of {len(numbers)} numbers"
        mlps = (("gated " if layer.gates else "") + layer.activation for layer in self.layers if layer.neurons)
        norms = Counter(norm.kind for norm in self.norms)
        rows = {
            "width": self.width,
            "tokens": len(self.vocabulary),
            "layers": len(self.layers),
            "heads": " + ".join(str(len(layer.heads)) for layer in self.layers) or "none",
            "neurons": " + ".join(str(len(layer.neurons)) for layer in self.layers) or "none",
            "activations": " + ".join(mlps) or "none",
            "norms": ", ".join(f"{number} {kind}" for kind, number in norms.items()) or "none",
            "weights": f"{sum(1 for _ in self.numbers()):,} that are not 0",
            "attention": kinds[self.causal],
            "positions": positions,
            "rotary": f"{self.planes} planes for {len(self.rotary)} positions" if self.rotary else "none",
            "unseen": " ".join(map(repr, self.unseen)) or "none",
            "outputs": outputs,
        }
        return html.table(list(rows), [list(rows.values())])


def _in_order(unseen: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """In the order of the vocabulary; names that it does not have come last."""
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(unseen, key=lambda name: place.get(name, len(names))))
