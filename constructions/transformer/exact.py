"""A transformer of any exact weights: compiled by other tools, trained, or written by hand (NETWORKS 1).

Its numbers are dyadic, and every float is one. Activations need not be -1, 0 or 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product

from exactformer.constructions import html
from exactformer.constructions.transformer.exact_matrices import LayerWeights, forms_of, layer_of, positions_of
from exactformer.constructions.transformer.exact_numbers import Matrix, TransformerError, exact_rows
from exactformer.constructions.transformer.exact_parts import (
    LARGEST_BITS,
    AttentionHead,
    BitPositions,
    ExactToken,
    Form,
    LargestOutputs,
    NearestOutputs,
    Outputs,
    Positions,
    TablePositions,
    TransformerLayer,
    added_up,
    changed_form,
    changed_layer,
    changed_outputs,
    changed_vector,
    numbers_of,
    numbers_of_forms,
    numbers_of_outputs,
    require_forms,
    require_layer,
    require_outputs,
    require_vector,
)
from exactformer.constructions.transformer.network import CompiledHead, Layer, Network
from exactformer.constructions.transformer.vocabulary import Family, Vector

WIDEST = 1 << 20
"""Coordinates: vectors of this length are made for every token."""
MOST_TOKENS = 1 << 16
"""Of a compiled network's vocabulary, that is written out token by token."""


@dataclass(frozen=True)
class Transformer:
    """width: d; causal: token i sees the tokens j <= i, else all; coordinates: what people call them, or nothing;
    unseen: tokens that no head sees, in the vocabulary's order; outputs: None if they are the vocabulary's tokens.

    Raises TransformerError where something does not fit, with where and what.
    """

    width: int
    vocabulary: tuple[ExactToken, ...]
    layers: tuple[TransformerLayer, ...]
    positions: Positions = None
    causal: bool = True
    coordinates: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    outputs: Outputs = None

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
            require_layer(layer, self.width, f"layer {number}")
        self._require_positions()
        self._require_unseen()
        require_outputs(self.outputs, self.width)

    def _require_positions(self) -> None:
        match self.positions:
            case BitPositions(first, bits):
                if not (first >= 0 and 1 <= bits <= LARGEST_BITS and first + bits <= self.width):
                    raise TransformerError(
                        f"{bits} bits of the position from coordinate {first} do not fit the width {self.width}; "
                        f"give 1 to {LARGEST_BITS}"
                    )
            case TablePositions(table):
                if not table:
                    raise TransformerError("the table of positions is empty; give the vector of at least one")
                for position, vector in enumerate(table):
                    require_vector(vector, self.width, f"the vector of position {position}")

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
        """How many tokens a sequence may have; None: any number."""
        return None if self.positions is None else self.positions.tokens

    @property
    def output_names(self) -> tuple[str, ...]:
        """What it may say at a position."""
        return tuple(token.name for token in self.vocabulary) if self.outputs is None else self.outputs.names

    def numbers(self) -> Iterator[tuple[str, Fraction]]:
        """Every weight, bias, and entry of a table that is not 0, and where it stands."""
        for token in self.vocabulary:
            yield from ((f"the embedding of {token.name!r}, index {index}", one) for index, one in token.embedding)
            yield from numbers_of_forms([token.unembedding], f"the unembedding of {token.name!r}, form")
        if isinstance(self.positions, TablePositions):
            for position, vector in enumerate(self.positions.table):
                yield from ((f"the vector of position {position}, index {index}", one) for index, one in vector)
        for number, layer in enumerate(self.layers, start=1):
            yield from ((f"layer {number}, {where}", one) for where, one in numbers_of(layer))
        yield from numbers_of_outputs(self.outputs)

    def changed(self, change: Callable[[Fraction], Fraction]) -> Transformer:
        """With another number in the place of each that `numbers` has, such as one that is rounded."""
        return replace(
            self,
            vocabulary=tuple(
                ExactToken(token.name, changed_vector(token.embedding, change), changed_form(token.unembedding, change))
                for token in self.vocabulary
            ),
            layers=tuple(changed_layer(layer, change) for layer in self.layers),
            positions=TablePositions(tuple(changed_vector(vector, change) for vector in self.positions.table))
            if isinstance(self.positions, TablePositions)
            else self.positions,
            outputs=changed_outputs(self.outputs, change),
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
    ) -> Transformer:
        """From matrices: embedding and unembedding [vocabulary, d], a bias [vocabulary], positions as a table
        [tokens, d], as `BitPositions`, or none.  With outputs of its own (`largest_outputs`, `nearest_outputs`) a
        network may go without unembedding: None.

        Every float is taken as the number it is.  Raises TransformerError.

        >>> net = Transformer.build(["a", "b"], [[1, 0], [0, 1]], [[0.5, 0], [0, 0.25]], [LayerWeights()])
        >>> net.width, net.vocabulary[1].unembedding.vector
        (2, ((1, Fraction(1, 4)),))
        """
        names = list(vocabulary)
        for name in names:
            if not isinstance(name, str):
                raise TransformerError(f"the token {name!r} is no text; tokens are named by texts")
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
            tuple(token for family in network.vocabulary.families for token in _tokens(family)),
            tuple(map(_layer, network.layers)),
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
        rows = {
            "width": self.width,
            "tokens": len(self.vocabulary),
            "layers": len(self.layers),
            "heads": " + ".join(str(len(layer.heads)) for layer in self.layers) or "none",
            "neurons": " + ".join(str(len(layer.neurons)) for layer in self.layers) or "none",
            "weights": f"{sum(1 for _ in self.numbers()):,} that are not 0",
            "attention": kinds[self.causal],
            "positions": positions,
            "unseen": " ".join(map(repr, self.unseen)) or "none",
            "outputs": outputs,
        }
        return html.table(list(rows), [list(rows.values())])


def _in_order(unseen: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """As the vocabulary has them; those that it has not come last."""
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(unseen, key=lambda name: place.get(name, len(names))))


# ---------------------------------------------------------------------------- compiled networks


def _tokens(family: Family) -> Iterator[ExactToken]:
    """``RUN state=q written_1=a``: one token for every choice of the fields' values."""
    for choice in product(*(range(len(field.values)) for field in family.fields)):
        chosen = list(zip(family.fields, choice, strict=True))
        name = " ".join([family.name, *(f"{field.name}={field.values[value]}" for field, value in chosen)])
        embedding = added_up([_exact(v) for v in (family.embedding, *(f.embedding[value] for f, value in chosen))])
        logit = added_up([_exact(v) for v in (family.unembedding, *(f.unembedding[value] for f, value in chosen))])
        yield ExactToken(name, embedding, Form(logit))


def _exact(vector: Vector) -> tuple[tuple[int, Fraction], ...]:
    return tuple((coordinate, Fraction(value)) for coordinate, value in vector)


def _layer(layer: Layer) -> TransformerLayer:
    units = layer.mlp.neurons()
    neurons = tuple(Form(added_up([_exact(unit.inputs)]), Fraction(unit.bias)) for unit in units)
    out: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for number, unit in enumerate(units):
        for coordinate, weight in unit.outputs:
            out[coordinate][number] += weight
    return TransformerLayer(tuple(map(_head, layer.heads)), neurons, _map(out))


def _head(head: CompiledHead) -> AttentionHead:
    def read(coordinates: Sequence[int]) -> tuple[Form, ...]:
        return tuple(Form(((coordinate, Fraction(1)),)) for coordinate in coordinates)

    out: dict[int, dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for number, coordinate in enumerate(head.out):
        out[coordinate][number] += 1
    return AttentionHead(read(head.query), read(head.key), read(head.value), _map(out), head.name)


def _map(out: dict[int, dict[int, Fraction]]) -> tuple[tuple[int, Form], ...]:
    rows = {coordinate: Form(tuple((n, w) for n, w in sorted(row.items()) if w)) for coordinate, row in out.items()}
    return tuple((coordinate, form) for coordinate, form in sorted(rows.items()) if not form.is_zero)
