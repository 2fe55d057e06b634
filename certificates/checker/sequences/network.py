"""NETWORKS section 1: the network document, read into rows of integers.

Words:
    row     makes one number from a vector: the sum of weight * vector[index], weights being integers over 2^scale
    vector  a 1 follows its last number, as the factor of biases; so a bias is a term like any other
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

from exactformer.certificates.checker.document import (
    LARGEST_NUMBER,
    Json,
    Rejected,
    TooLarge,
    integer,
    items,
    members,
    quote,
    rational,
    require_same,
    text,
)
from exactformer.certificates.checker.formats import Format

WIDEST, MOST_TOKENS, MOST_LAYERS = 2**14, 2**14, 2**10
"""The most coordinates, or entries of a list; tokens of the vocabulary, or positions of a table; layers."""
LONGEST_NUMBER = 2**10
"""The most bits of a numerator or denominator."""
MOST_BITS_OF_POSITION = 64

Terms: TypeAlias = list[tuple[int, Fraction]]
Vector: TypeAlias = Mapping[int, Fraction]


@dataclass(frozen=True)
class Row:
    """The sum of weight * vector[index] / 2^scale over ``terms``, pairs (index, weight != 0)."""

    scale: int
    terms: tuple[tuple[int, int], ...]

    @cached_property
    def weights(self) -> list[tuple[int, tuple[int, int, int, int]]]:
        """Each index, with its weight as a known `Value`: ends and size over 2^scale, and its grain."""
        return [(at, (w, w, abs(w), (w & -w).bit_length() - 1 - self.scale)) for at, w in self.terms]

    @cached_property
    def rest(self) -> Row:
        """The row without its first term."""
        return Row(self.scale, self.terms[1:])


Rows: TypeAlias = tuple[Row, ...]
Map: TypeAlias = tuple[tuple[int, Row], ...]


ACTIVATIONS = ("relu", "identity", "silu", "gelu", "gelu_tanh")
RATIONAL = ACTIVATIONS[:2]


@dataclass(frozen=True)
class Norm:
    """``rows`` read the divided coordinates and 1: they have the norm's weights and biases. A coordinate that is not
    listed becomes 0."""

    center: bool
    epsilon: Fraction
    rows: Map


@dataclass(frozen=True)
class Planes:
    """At one position, cosine and sine of every plane, integers over 2^scale."""

    scale: int
    planes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Head:
    """Rows of x and 1; the factor of scores; ``rotary``: two entries of queries and keys, and a plane."""

    name: str
    query: Rows
    key: Rows
    value: Rows
    scale: Fraction
    rotary: tuple[tuple[int, int, int], ...] = ()

    def turned(self, at: Planes) -> Map:
        """The entries after rotation at a position, as rows of the entries before it."""
        found = list[tuple[int, Row]]()
        for a, b, plane in self.rotary:
            cosine, sine = at.planes[plane]
            for entry, terms in ((a, ((a, cosine), (b, -sine))), (b, ((b, cosine), (a, sine)))):
                found.append((entry, Row(at.scale, tuple((index, weight) for index, weight in terms if weight))))
        return tuple(found)


@dataclass(frozen=True)
class Layer:
    """``attention`` makes new coordinates from the values of all heads, in order, x and 1; each row contains the old
    coordinate, with weight 1; coordinates that are not listed stay. ``mlp`` does the same from neurons, x and 1.

    ``norms``: through which heads read x, which x passes after them, and both for the MLP.
    """

    heads: tuple[Head, ...]
    attention: Map
    neurons: Rows
    mlp: Map
    activation: str
    gates: Rows
    norms: tuple[Norm | None, Norm | None, Norm | None, Norm | None]

    @property
    def reading(self) -> Rows:
        """All that heads and neurons read of x."""
        return (
            *(row for head in self.heads for row in (*head.query, *head.key, *head.value)),
            *self.neurons,
            *self.gates,
        )


@dataclass(frozen=True)
class Nearest:
    """The output is the one of several ascending numbers that is nearest to what a row makes of x and 1."""

    row: Row
    numbers: tuple[Fraction, ...]


Logits: TypeAlias = Mapping[str, Row]
"""The output is the name whose row makes the largest number from x and 1."""


@dataclass(frozen=True)
class Token:
    """``unembedding`` is a row of x and 1."""

    embedding: Vector
    unembedding: Row


@dataclass(frozen=True)
class Network:
    """``positions``: how many tokens a sequence may have, None if any number; ``position``: what each adds to the
    embedding; ``unseen``: tokens that no head sees; ``rotary``: of every position; ``norm``: that of the outputs."""

    width: int
    causal: bool
    positions: int | None
    position: Callable[[int], Vector]
    vocabulary: Mapping[str, Token]
    layers: tuple[Layer, ...]
    unseen: frozenset[str]
    outputs: Logits | Nearest
    rotary: tuple[Planes, ...]
    norm: Norm | None

    @cached_property
    def rational(self) -> bool:
        """Whether there is a hardmax transformer (section 2)."""
        return not self.norms and all(layer.activation in RATIONAL for layer in self.layers)

    @cached_property
    def norms(self) -> list[Norm]:
        """All outputs."""
        return [
            norm for norm in (*(one for layer in self.layers for one in layer.norms), self.norm) if norm is not None
        ]

    def planes(self, place: int) -> Planes:
        """The planes at a position; none if no head rotates."""
        return self.rotary[place] if self.rotary else Planes(0, ())

    def seen(self, tokens: Sequence[str]) -> list[list[int]]:
        """For every token of a sequence the places of those that it sees; a token that sees none is not judged."""
        places = [place for place, token in enumerate(tokens) if token not in self.unseen]
        found = [[j for j in places if j <= i] if self.causal else places for i in range(len(tokens))]
        if not all(found):
            raise TooLarge(f"token {found.index([])} of a sequence sees none: that is not judged")
        return found

    def rows(self) -> Iterator[Row]:
        """The heads of all layers."""
        for layer in self.layers:
            yield from layer.reading
            yield from (row for _, row in (*layer.attention, *layer.mlp))


def row_of(terms: Terms) -> Row:
    """The row with these terms: all weights over one power of two."""
    scale = max((weight.denominator.bit_length() - 1 for _, weight in terms), default=0)
    return Row(scale, tuple((at, weight.numerator * (2**scale // weight.denominator)) for at, weight in terms))


def read_network(document: Json, linear: Format | None) -> Network:
    """The network with this document, whose numbers have to be values of ``linear``, if that is given."""
    names = ("format", "version", "width", "coordinates", "attention", "positions", "vocabulary", "layers")
    parts = members("network", document, *names, *given("network", document, "unseen", "outputs", "rotary", "norm"))
    require_same("network.format", parts["format"], "exactformer network")
    require_same("network.version", parts["version"], 2)
    width = integer("network.width", parts["width"], 1, LARGEST_NUMBER)
    if width > WIDEST:
        raise TooLarge(f"network.width is {width}; this checker reads up to {WIDEST}")
    rotary = _rotary(parts["rotary"], linear) if "rotary" in parts else ()
    reader = _Reader(width, linear, len(rotary[0].planes) if rotary else 0)
    called = [text("network.coordinates", name) for name in items("network.coordinates", parts["coordinates"])]
    if called and len(called) != width:
        raise Rejected("network.coordinates", f"are {len(called)}, neither 0 nor {width}")
    if parts["attention"] not in ("causal", "full"):
        raise Rejected("network.attention", f'is {quote(parts["attention"])}, neither "causal" nor "full"')
    positions, position = reader.positions("network.positions", parts["positions"])
    vocabulary = reader.vocabulary("network.vocabulary", parts["vocabulary"])
    layers = tuple(
        reader.layer(field, layer) for field, layer in entries("network.layers", parts["layers"], MOST_LAYERS)
    )
    if rotary and not any(head.rotary for layer in layers for head in layer.heads):
        raise Rejected("network.rotary", "is there, and no head rotates: it must be left out")
    unseen = [text("network.unseen", token) for token in items("network.unseen", parts.get("unseen", []))]
    of_unseen = frozenset(unseen)
    if unseen != [token for token in vocabulary if token in of_unseen] or ("unseen" in parts and not unseen):
        raise Rejected("network.unseen", "is not a list of tokens of the vocabulary, in its order")
    outputs: Logits | Nearest = {name: token.unembedding for name, token in vocabulary.items()}
    if "outputs" in parts:
        outputs = reader.outputs("network.outputs", parts["outputs"])
    causal, norm = (
        parts["attention"] == "causal",
        reader.norm("network.norm", parts["norm"]) if "norm" in parts else None,
    )
    longest = min((most for most in (positions, len(rotary) or None) if most is not None), default=None)
    return Network(width, causal, longest, position, vocabulary, layers, of_unseen, outputs, rotary, norm)


def _rotary(value: Json, linear: Format | None) -> tuple[Planes, ...]:
    """Cosines and sines at all positions."""
    reader, found = _Reader(0, linear, 0), list[Planes]()
    for at, entry in entries("network.rotary", value, MOST_TOKENS):
        planes = [
            tuple(reader.number(f"{here}[{n}]", one) for n, one in enumerate(pair(here, listed, "[cosine, sine]")))
            for here, listed in entries(at, entry, WIDEST)
        ]
        scale = max((one.denominator.bit_length() - 1 for plane in planes for one in plane), default=0)
        integers = [tuple(one.numerator * (2**scale // one.denominator) for one in plane) for plane in planes]
        found.append(Planes(scale, tuple((cosine, sine) for cosine, sine in integers)))
        if not planes or len(planes) != len(found[0].planes):
            raise Rejected(at, f"has {len(planes)} planes where there must be {len(found[0].planes) or 'some'}")
    if not found:
        raise Rejected("network.rotary", "is empty, and must be left out")
    return tuple(found)


def given(field: str, value: Json, *names: str) -> list[str]:
    """The optional fields that an object has."""
    if not isinstance(value, dict):
        raise Rejected(field, f"is {quote(value)} where an object must be")
    return [name for name in names if name in value]


def entries(field: str, value: Json, most: int) -> Iterator[tuple[str, Json]]:
    """The entries of a list, each with its field; `TooLarge` beyond ``most``."""
    found = items(field, value)
    if len(found) > most:
        raise TooLarge(f"{field} has {len(found)} entries; this checker reads {most}")
    return ((f"{field}[{place}]", entry) for place, entry in enumerate(found))


def pair(field: str, value: Json, what: str) -> list[Json]:
    """A list of two."""
    found = items(field, value)
    if len(found) != 2:
        raise Rejected(field, f"is {quote(value)} where {what} must be")
    return found


def ascending(field: str, value: Json, highest: int, what: str, most: int) -> Iterator[tuple[str, int, Json]]:
    """The pairs of a list, whose first entries ascend up to ``highest``: the second's field, the first, the second."""
    last = -1
    for at, entry in entries(field, value, most):
        first, second = pair(at, entry, what)
        index = integer(f"{at}[0]", first, 0, highest)
        if index <= last:
            raise Rejected(f"{at}[0]", f"is {index}: these do not ascend")
        last = index
        yield f"{at}[1]", index, second


@dataclass(frozen=True)
class _Reader:
    """``planes``: how many there are."""

    width: int
    linear: Format | None
    planes: int

    def rational(self, field: str, value: Json) -> Fraction:
        """A rational in its one form."""
        if isinstance(value, str):
            found = rational(field, value)
            if found.denominator == 1 and abs(found.numerator) <= LARGEST_NUMBER:
                raise Rejected(field, f"is {quote(value)} in a string; an integer up to 2^53 is written without")
        else:
            found = Fraction(integer(field, value, -LARGEST_NUMBER, LARGEST_NUMBER))
        if max(found.numerator.bit_length(), found.denominator.bit_length()) > LONGEST_NUMBER:
            raise TooLarge(f"{field} has more than the {LONGEST_NUMBER} bits this checker computes with")
        return found

    def number(self, field: str, value: Json) -> Fraction:
        """A dyadic number, a value of the linear format."""
        found = self.rational(field, value)
        if found.denominator & (found.denominator - 1):
            raise Rejected(field, f"is {quote(value)}: its denominator is not a power of two")
        if self.linear is not None and not self.linear.has(found):
            raise Rejected(
                field, f"is {quote(value)}, which is not a number of {self.linear.name}, the format of weights"
            )
        return found

    def vector(self, field: str, value: Json, length: int) -> Terms:
        """Pairs (index, number): indices ascend below ``length``, numbers are not 0."""
        terms = Terms()
        for at, index, number in ascending(field, value, length - 1, "a pair [index, number]", WIDEST):
            terms.append((index, self.number(at, number)))
            if not terms[-1][1]:
                raise Rejected(at, "is 0, which is not listed")
        return terms

    def form(self, field: str, value: Json, length: int) -> tuple[Terms, Fraction]:
        """A vector of ``length`` and a bias."""
        vector, bias = pair(field, value, "a form [vector, bias]")
        return self.vector(f"{field}[0]", vector, length), self.number(f"{field}[1]", bias)

    def row(self, field: str, value: Json) -> Row:
        """A form of x, as a row."""
        terms, bias = self.form(field, value, self.width)
        return row_of([*terms, *([(self.width, bias)] if bias else [])])

    def forms(self, field: str, value: Json) -> Rows:
        return tuple(self.row(at, entry) for at, entry in entries(field, value, WIDEST))

    def map(self, field: str, value: Json, length: int) -> Iterator[tuple[int, Terms, Fraction]]:
        """Coordinates, which ascend, with forms of a vector of ``length``."""
        for at, coordinate, form in ascending(field, value, self.width - 1, "a pair [coordinate, form]", WIDEST):
            yield coordinate, *self.form(at, form, length)

    def added(self, parts: Iterable[tuple[int, int, Terms, Fraction]], length: int) -> Map:
        """Forms added to coordinates of x, which come after ``length`` other numbers and before the 1.

        A part is (where its numbers begin, coordinate, terms, bias); the terms of all parts of one coordinate, and all
        their biases, are terms of its sum.
        """
        found = dict[int, Terms]()
        for start, coordinate, terms, bias in parts:
            mine = found.setdefault(coordinate, [(length + coordinate, Fraction(1))])
            mine += [(start + index, weight) for index, weight in terms]
            mine += [(length + self.width, bias)] if bias else []
        return tuple((coordinate, row_of(terms)) for coordinate, terms in sorted(found.items()))

    def positions(self, field: str, value: Json) -> tuple[int | None, Callable[[int], Vector]]:
        if value is None:
            return None, lambda _: {}
        if isinstance(value, dict) and "table" in value:
            listed = entries(f"{field}.table", members(field, value, "table")["table"], MOST_TOKENS)
            table = [dict(self.vector(at, entry, self.width)) for at, entry in listed]
            return len(table), table.__getitem__
        start, number = pair(f"{field}.bits", members(field, value, "bits")["bits"], "[first, r]")
        first = integer(f"{field}.bits[0]", start, 0, self.width - 1)
        r = integer(f"{field}.bits[1]", number, 1, self.width - first)
        if r > MOST_BITS_OF_POSITION:
            raise TooLarge(f"{field}.bits has {r} bits; this checker reads {MOST_BITS_OF_POSITION}")
        return 1 << r, lambda place: {first + b: Fraction(1 if place >> b & 1 else -1) for b in range(r)}

    def scale(self, field: str, value: Json) -> Fraction:
        """What scores are multiplied with, which is written only if it is not 1."""
        found = self.rational(field, value)
        if found <= 0 or found == 1:
            raise Rejected(field, f"is {quote(value)}, not a number above 0 other than 1")
        return found

    def outputs(self, field: str, value: Json) -> Logits | Nearest:
        """Names with forms; or a form, and numbers that ascend."""
        if isinstance(value, dict) and "nearest" in value:
            form, listed = pair(f"{field}.nearest", members(field, value, "nearest")["nearest"], "[form, numbers]")
            numbers = [self.rational(at, entry) for at, entry in entries(f"{field}.nearest[1]", listed, MOST_TOKENS)]
            if len(numbers) < 2 or any(low >= high for low, high in pairwise(numbers)):
                raise Rejected(f"{field}.nearest[1]", "is not a list of two numbers or more, which ascend")
            return Nearest(self.row(f"{field}.nearest[0]", form), tuple(numbers))
        found = dict[str, Row]()
        for at, entry in entries(f"{field}.largest", members(field, value, "largest")["largest"], MOST_TOKENS):
            called, form = pair(at, entry, "a pair [name, form]")
            name = text(f"{at}[0]", called)
            if name in found:
                raise Rejected(f"{at}[0]", f"is {quote(name)}, which is also the name of another one")
            found[name] = self.row(f"{at}[1]", form)
        if len(found) < 2:
            raise Rejected(f"{field}.largest", f"has {len(found)} outputs, not two or more")
        return found

    def vocabulary(self, field: str, value: Json) -> dict[str, Token]:
        found = dict[str, Token]()
        for at, entry in entries(field, value, MOST_TOKENS):
            parts = members(at, entry, "token", "embedding", "unembedding")
            name = text(f"{at}.token", parts["token"])
            if name in found:
                raise Rejected(f"{at}.token", f"is {quote(name)}, which is also the name of another one")
            embedding = dict(self.vector(f"{at}.embedding", parts["embedding"], self.width))
            found[name] = Token(embedding, self.row(f"{at}.unembedding", parts["unembedding"]))
        if len(found) < 2:
            raise Rejected(field, f"has {len(found)} tokens, not two or more")
        return found

    def norm(self, field: str, value: Json) -> Norm:
        parts = members(field, value, "center", "epsilon", "weight", "bias")
        if not isinstance(parts["center"], bool):
            raise Rejected(f"{field}.center", f"is {quote(parts['center'])}, neither true nor false")
        epsilon = self.number(f"{field}.epsilon", parts["epsilon"])
        if epsilon < 0:
            raise Rejected(f"{field}.epsilon", "is below 0")
        terms = dict[int, Terms]()
        for name in ("weight", "bias"):
            for c, number in self.vector(f"{field}.{name}", parts[name], self.width):
                terms.setdefault(c, []).append((c if name == "weight" else self.width, number))
        return Norm(parts["center"], epsilon, tuple((c, row_of(mine)) for c, mine in sorted(terms.items())))

    def rotations(self, field: str, value: Json, length: int) -> tuple[tuple[int, int, int], ...]:
        """Entries of a query of this length, each once, with planes."""
        found = list[tuple[int, int, int]]()
        for at, entry in entries(field, value, WIDEST):
            if len(listed := items(at, entry)) != 3:
                raise Rejected(at, f"is {quote(entry)} where [a, b, plane] must be")
            highest = (length - 1, length - 1, self.planes - 1)
            a, b, plane = (
                integer(f"{at}[{n}]", one, 0, most) for n, (one, most) in enumerate(zip(listed, highest, strict=True))
            )
            found.append((a, b, plane))
        if not found:
            raise Rejected(field, "is empty, and must be left out")
        if len({entry for a, b, _ in found for entry in (a, b)}) < 2 * len(found):
            raise Rejected(field, "names an entry twice")
        return tuple(found)

    def layer(self, field: str, value: Json) -> Layer:
        parts = members(field, value, "heads", "mlp", *given(field, value, "norms"))
        heads, out = list[Head](), list[tuple[int, int, Terms, Fraction]]()
        values = 0
        for at, entry in entries(f"{field}.heads", parts["heads"], WIDEST):
            more = given(at, entry, "scale", "rotary")
            head = members(at, entry, "name", "query", "key", "value", "out", *more)
            query, key, of_value = (self.forms(f"{at}.{name}", head[name]) for name in ("query", "key", "value"))
            if len(query) != len(key):
                raise Rejected(f"{at}.key", f"has {len(key)} forms where the query has {len(query)}")
            scale = self.scale(f"{at}.scale", head["scale"]) if "scale" in head else Fraction(1)
            rotary = self.rotations(f"{at}.rotary", head["rotary"], len(query)) if "rotary" in head else ()
            heads.append(Head(text(f"{at}.name", head["name"]), query, key, of_value, scale, rotary))
            out += [(values, *added) for added in self.map(f"{at}.out", head["out"], len(of_value))]
            values += len(of_value)
        here = f"{field}.mlp"
        mlp = members(here, parts["mlp"], "neurons", "out", *given(here, parts["mlp"], "activation", "gates"))
        neurons, gates = (self.forms(f"{here}.{name}", mlp.get(name, [])) for name in ("neurons", "gates"))
        activation = text(f"{here}.activation", mlp.get("activation", "relu"))
        if activation not in ACTIVATIONS or ("activation" in mlp and activation == "relu"):
            raise Rejected(f"{here}.activation", f"is {quote(activation)}, not one of {', '.join(ACTIVATIONS[1:])}")
        if "gates" in mlp and not 0 < len(gates) == len(neurons):
            raise Rejected(f"{here}.gates", f"are {len(gates)} where there are {len(neurons)} neurons")
        written = [(0, *added) for added in self.map(f"{here}.out", mlp["out"], len(neurons))]
        maps = self.added(out, values), self.added(written, len(neurons))
        norms = self.norms(f"{field}.norms", parts["norms"]) if "norms" in parts else (None, None, None, None)
        return Layer(tuple(heads), maps[0], neurons, maps[1], activation, gates, norms)

    def norms(self, field: str, value: Json) -> tuple[Norm | None, Norm | None, Norm | None, Norm | None]:
        names = ("heads", "behind_heads", "mlp", "behind_mlp")
        parts = members(field, value, *given(field, value, *names))
        if not parts:
            raise Rejected(field, "is empty, and must be left out")
        read = {name: self.norm(f"{field}.{name}", one) for name, one in parts.items()}
        return read.get(names[0]), read.get(names[1]), read.get(names[2]), read.get(names[3])
