"""The two documents of a certificate of approximation as types (APPROXIMATION.md, 1 to 5); rationals are text."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.certificates.document import Rational, WeightsFile
from exactformer.verify.verdict import Verdict


@dataclass(frozen=True)
class HeadRecord:
    query: list[Rational]
    bias: Rational
    key: list[Rational]
    value: list[Rational]
    output: list[Rational]


@dataclass(frozen=True)
class AttentionRecord:
    heads: list[HeadRecord]


@dataclass(frozen=True)
class TokenwiseRecord:
    weights: list[Rational]
    bias: Rational
    breaks: list[Rational]
    pieces: list[tuple[Rational, Rational]]
    output: list[Rational]


@dataclass(frozen=True)
class NetworkDocument:
    """APPROXIMATION.md, 4."""

    n: int
    d: int
    positional: bool
    layers: list[AttentionRecord | TokenwiseRecord]
    format: str = "exactformer approximation network"
    version: int = 1


@dataclass(frozen=True)
class TableEntry:
    cells: list[int]
    values: list[list[Rational]]


@dataclass(frozen=True)
class FunctionRecord:
    name: str
    kind: str
    modulus: str
    table: list[TableEntry] | None


@dataclass(frozen=True)
class Statement:
    claim: str
    function: FunctionRecord
    n: int
    d: int
    delta: Rational
    positional: bool
    epsilon: Rational
    p: int
    cell_error: Rational
    repeated: Rational
    sup: Rational
    integral_bound: Rational


@dataclass(frozen=True)
class Evidence:
    quantisation_layers: int
    cells: int
    sequences: int
    layers: int


@dataclass(frozen=True)
class Certificate:
    """APPROXIMATION.md, 1."""

    statement: Statement
    network: WeightsFile
    evidence: Evidence
    provenance: dict[str, str]
    verdict: str = Verdict.PROVED.value
    format: str = "exactformer approximation certificate"
    version: int = 2
