"""Certificates of approximation (APPROXIMATION.md), made from what `verify.contextual.theorem.certify` proved.

The prover decides Lemmas 5 to 7; the certificate says what follows for this network: the corners of all cells are
reached, and on the corner sequences the outputs are f at the centres of the cells.  Table and network are made from the
same values of f.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from exactformer.certificates import names
from exactformer.certificates.approximation_document import (
    AttentionRecord,
    Certificate,
    Evidence,
    FunctionRecord,
    HeadRecord,
    NetworkDocument,
    Statement,
    TableEntry,
    TokenwiseRecord,
)
from exactformer.certificates.approximation_limits import (
    require_bounded,
    require_readable,
    require_short_numbers,
    require_within_limits,
    sequences_gone_through,
)
from exactformer.certificates.bundle import provenance
from exactformer.certificates.document import Rational, WeightsFile, canonical_bytes, rational, sha256
from exactformer.certificates.files import Subject
from exactformer.constructions.contextual.grid import Column, Sequence
from exactformer.constructions.contextual.layers import AttentionLayer, Layer, TokenwiseLayer
from exactformer.constructions.contextual.layers import Rational as Number
from exactformer.constructions.contextual.network import Network
from exactformer.constructions.contextual.positional import PositionalEncoding
from exactformer.constructions.contextual.value_mapping import Numbers, value_mapping
from exactformer.verify.contextual.approximation import Approximation
from exactformer.verify.contextual.theorem import Certified
from exactformer.verify.verdict import Verdict


@dataclass(frozen=True)
class Bundle:
    """A certificate and the network that travels with it, as bytes ready to be written."""

    certificate: Certificate
    weights: bytes
    subject: Subject

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.certificate)

    @property
    def weights_name(self) -> str:
        return self.certificate.network.file


def bundle_of(certified: Certified) -> Bundle:
    """The two documents for an approximation that is proved.

    Raises ValueError if it is not proved, NotWritten, or FunctionError if the function exceeds its bound somewhere.
    """
    if certified.verdict is not Verdict.PROVED:
        raise ValueError("this approximation is not proved: a certificate is made only for one that is")
    started = time.perf_counter()
    found, grid = certified.approximation, certified.approximation.grid
    require_within_limits(certified)
    outputs = {numbers: found.wish(numbers) for numbers in found.sequences()}
    require_short_numbers(found, outputs)
    require_bounded(found, outputs)
    network = found.network(value_mapping(grid, outputs.__getitem__, outputs))
    layers = [layer for step in network.steps for layer in step.layers if not isinstance(layer, PositionalEncoding)]
    document = NetworkDocument(grid.n, grid.d, found.positional, [layer_record(layer) for layer in layers])
    weights = require_readable(canonical_bytes(document))
    certificate = Certificate(
        statement=statement_of(found, outputs, len(layers)),
        network=WeightsFile(names.of_content(found.target.name, weights, "network"), sha256(weights)),
        evidence=evidence_of(found, network, len(layers)),
        provenance=provenance(time.perf_counter() - started),
    )
    return Bundle(certificate, weights, subject_of(found))


def subject_of(found: Approximation) -> Subject:
    """What the certificate will be about."""
    statement = {
        "function": {"name": found.target.name},
        "n": found.grid.n,
        "d": found.grid.d,
        "delta": rational(found.grid.delta),
        "positional": found.positional,
        "epsilon": rational(found.epsilon),
        "p": found.p,
    }
    fields = {"format": Certificate.format, "version": Certificate.version, "statement": statement}
    return Subject(names.of_approximation(found), fields)


def statement_of(found: Approximation, outputs: Mapping[Numbers, Sequence], layers: int) -> Statement:
    return Statement(
        claim=claim(found, layers),
        function=function_record(found, outputs),
        n=found.grid.n,
        d=found.grid.d,
        delta=rational(found.grid.delta),
        positional=found.positional,
        epsilon=rational(found.epsilon),
        p=found.p,
        cell_error=rational(found.cell_error),
        repeated=rational(found.repeated),
        sup=rational(Fraction(found.sup)),
        integral_bound=rational(found.integral_bound),
    )


def claim(found: Approximation, layers: int) -> str:
    """The sentence of APPROXIMATION.md, 6."""
    name, off = found.target.name, f" off a set of measure {found.repeated}" if found.repeated else ""
    assumed = f", assumed the table of its values, its bound {found.sup} and its modulus"
    if not found.positional:
        assumed += " and that it commutes with permutations of columns"
    return (
        f"On [0, 1)^({found.grid.d} x {found.grid.n}), the modified transformer of {layers} layers is within"
        f" {found.epsilon} of {name} in L^{found.p}, and every entry is within {found.cell_error} of {name}'s{off}"
        f"{'' if found.target.from_library else assumed}."
    )


def function_record(found: Approximation, outputs: Mapping[Numbers, Sequence]) -> FunctionRecord:
    """A function of the library by its name; any other by its values at the centres of cells (3)."""
    target = found.target
    if target.from_library:
        return FunctionRecord(target.name, "library", target.modulus_text, None)
    table = [
        TableEntry(cell_numbers(found, numbers), list(map(texts, columns))) for numbers, columns in outputs.items()
    ]
    return FunctionRecord(target.name, "stated", f"w(delta/2) = {found.cell_error}", table)


def cell_numbers(found: Approximation, numbers: Numbers) -> list[int]:
    """u . z / delta of the columns, u = (1, 1/delta, ..), before k - 1 is added; `numbers` are the labels after it."""
    grid, parts = found.grid, found.grid.delta.denominator
    return [
        sum(int(z / grid.delta - (k * parts if found.positional else 0)) * parts**i for i, z in enumerate(column))
        for k, column in enumerate(map(grid.column, numbers))
    ]


def evidence_of(found: Approximation, network: Network, layers: int) -> Evidence:
    quantising = len(network.step("quantisation").layers)
    return Evidence(quantising, found.grid.delta.denominator, sequences_gone_through(found), layers)


def layer_record(layer: Layer) -> AttentionRecord | TokenwiseRecord:
    match layer:
        case AttentionLayer():
            return AttentionRecord(
                [
                    HeadRecord(
                        texts(head.query),
                        rational(head.query_bias),
                        texts(head.key),
                        texts(head.value),
                        texts(head.output),
                    )
                    for head in layer.heads
                ]
            )
        case TokenwiseLayer():
            activation = layer.activation
            return TokenwiseRecord(
                texts(layer.weights),
                rational(layer.bias),
                texts(activation.breaks),
                [(rational(slope), rational(intercept)) for slope, intercept in activation.pieces],
                texts(layer.output),
            )


def texts(numbers: Column | tuple[Number, ...]) -> list[Rational]:
    """Exact numbers as text, one by one."""
    return [rational(Fraction(number)) for number in numbers]
