"""The network by layer: a diagram of heads and neurons, its sizes, and how large its numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.reports.page.heads import binding, groups_of
from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    facts,
    figure,
    label,
    left_out,
    line,
    logarithm,
    note,
    scrolled,
    short,
)
from exactformer.certificates.reports.page.source import Json, Kind, Source
from exactformer.certificates.weights import parameters
from exactformer.constructions.html import Markup, element, folded, joined, table
from exactformer.constructions.transformer.network import Network
from exactformer.verify.arithmetic.models import BetaSplit, parse_arithmetic, split_for

MOST_LAYERS = 96
A_ROW = 12
"""Layers side by side in the diagram."""
MOST_HEADS = 6
"""The most heads of a layer that are drawn one by one."""


@dataclass(frozen=True)
class LayerSize:
    """The heads of a layer, each by its name and whether it looks positions up, and how many neurons there are."""

    heads: tuple[tuple[str, bool], ...]
    neurons: int


def layers_of_network(source: Source) -> list[LayerSize]:
    """The layers of a weights document or a network document; none for a document of approximation."""
    if source.network is None or source.kind is Kind.APPROXIMATION:
        return []
    return [
        LayerSize(
            tuple((str(head["name"]), head.get("kind") == "lookup") for head in layer["heads"]),
            len(layer["mlp"]["bias"] if "bias" in layer["mlp"] else layer["mlp"]["neurons"]),
        )
        for layer in source.network["layers"]
    ]


def network_section(source: Source) -> Section | None:
    """Sizes, the diagram, and magnitudes."""
    layers = layers_of_network(source)
    if not layers or source.network is None:
        return None
    heads = sum(len(layer.heads) for layer in layers)
    rows: list[tuple[str, object]] = [
        ("layers", f"{len(layers)}"),
        ("heads", f"{heads} in all, at most {max(len(layer.heads) for layer in layers)} in a layer"),
        (
            "neurons",
            f"{sum(layer.neurons for layer in layers):,} in all, at most {max(one.neurons for one in layers):,}",
        ),
    ]
    magnitudes = joined(())
    if source.kind in (Kind.RUNS, Kind.THEORY):
        network = source.compiled
        rows.insert(0, ("width", f"d = {network.width} coordinates"))
        rows.append(("positions", f"r = {network.position_bits} bits, so up to 2^{network.position_bits} tokens"))
        rows.append(("vocabulary", f"{network.vocabulary.size:,} tokens"))
        magnitudes = _magnitudes(source, network)
    else:
        rows.insert(0, ("width", f"d = {int(source.network['width'])} coordinates"))
        rows.append(("attention", short(str(source.network["attention"]))))
        rows.append(("vocabulary", f"{len(source.network['vocabulary']):,} tokens"))
    return Section(
        "network",
        "The network, layer by layer",
        joined((facts("sizes of the network", rows), _diagram(source, layers), _table(layers), magnitudes)),
    )


def _diagram(source: Source, layers: Sequence[LayerSize]) -> Markup:
    """Layers from left to right, rows of twelve; heads above the residual stream, neurons below it."""
    found = binding(groups_of(source))
    binds = set() if found is None else {(layer, found.head.name) for layer in found.layers}
    shown = layers[:MOST_LAYERS]
    most = max(layer.neurons for layer in layers)
    tall = min(MOST_HEADS, max(len(layer.heads) for layer in shown))
    height, cell = 18.0 * tall + 92, 58.0
    shapes = list[Markup]()
    for place, layer in enumerate(shown):
        row, column = divmod(place, A_ROW)
        x, stream = 20 + column * cell, row * height + 18.0 * tall + 26
        if column == 0:
            here = min(A_ROW, len(shown) - place)
            shapes.append(line(x - 12, stream, x + here * cell - 14, stream, "stream"))
        for number, (name, lookup) in enumerate(layer.heads[:MOST_HEADS]):
            y = stream - 16 - 18.0 * number
            kind = "lookup" if lookup else "content"
            kind += " binding" if (place + 1, name) in binds else ""
            title = element("title", f"layer {place + 1}: head {name}, {'a look-up' if lookup else 'by content'}")
            if lookup:
                shapes.append(element("circle", title, cx=f"{x + 10:g}", cy=f"{y:g}", r="6.5", class_=f"head {kind}"))
            else:
                shapes.append(
                    element(
                        "rect", title, x=f"{x + 4:g}", y=f"{y - 6:g}", width="12", height="12", class_=f"head {kind}"
                    )
                )
        if len(layer.heads) > MOST_HEADS:
            shapes.append(label(x + 20, stream - 14, f"+{len(layer.heads) - MOST_HEADS}", class_="small"))
        if layer.neurons:
            long = 6 + 24 * logarithm(Fraction(1 + layer.neurons)) / max(logarithm(Fraction(1 + most)), 1)
            shapes.append(bar(x + 4, stream + 8, 12, long, "neurons", f"layer {place + 1}: {layer.neurons:,} neurons"))
        shapes.append(label(x + 10, stream + 56, f"{place + 1}", text_anchor="middle", class_="small"))
    rows = -(-len(shown) // A_ROW)
    picture = drawing(
        "The network by layer",
        f"{len(layers)} layers from left to right. The table below lists the heads and neurons of each.",
        20 + cell * min(A_ROW, len(shown)) + 10,
        height * rows + 4,
        *shapes,
    )
    words = (
        "Each column is a layer, by its number. The line is the residual stream. Heads are above it: circles look up a "
        "position, squares select by content; the head whose rounding bound is drawn above has a thick outline. "
        "The bar below the line is the layer's neurons: the more neurons, the longer (on a logarithmic scale)."
    )
    if not binds:
        words = (
            "Each column is a layer, by its number. The line is the residual stream, with the heads above it. The bar "
            "below it is the layer's neurons: the more neurons, the longer (on a logarithmic scale)."
        )
    return joined((figure(picture, words), left_out(len(shown), len(layers), "layers")))


def _table(layers: Sequence[LayerSize]) -> Markup:
    shown = layers[:MOST_LAYERS]
    rows = [
        (number, short(", ".join(name for name, _ in layer.heads) or "none", 120), f"{layer.neurons:,}")
        for number, layer in enumerate(shown, start=1)
    ]
    listed = table(["layer", "heads", "neurons"], rows, caption="Heads and neurons by layer", headed=True, numbers=[2])
    return folded("The layers as a table", scrolled("heads and neurons by layer", listed))


MATRICES = {
    "embedding": "embeddings",
    "unembedding": "unembeddings",
    "query": "W_Q",
    "key": "W_K",
    "value": "W_V",
    "output": "W_O",
    "mlp_in": "MLP, in",
    "mlp_bias": "MLP, bias",
    "mlp_out": "MLP, out",
}


def _magnitudes(source: Source, network: Network) -> Markup:
    """How large the numbers of each matrix are, beta included."""
    split, given = None, source.statement["beta"]
    if given is not None:
        split = _split(source.statement)
    rows = [
        (MATRICES[one.matrix], one.largest, f"{one.nonzero:,}", len(one.values), one.significand_bits)
        for one in parameters(network, split)
    ]
    titles = ["matrix", "largest magnitude", "numbers that are not 0", "different ones", "significand bits"]
    words = "" if split is None else f" They include beta = {given}, as {split.query} in W_Q times {split.key} in W_K."
    return joined(
        (
            scrolled(
                "magnitudes",
                table(titles, rows, caption="Magnitudes of the parameters", headed=True, numbers=range(1, 5)),
            ),
            note(
                f"Counted in the weights file.{words} The certificate says that activations of the hardmax network "
                "are -1, 0 or 1."
            ),
        )
    )


def _split(statement: dict[str, Json]) -> BetaSplit:
    return split_for(parse_arithmetic(statement["arithmetic"]), int(statement["beta"]))
