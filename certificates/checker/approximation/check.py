"""The rules of APPROXIMATION, in its order: `check_approximation` applies them all.

Everything in a certificate outside ``provenance`` is computed again and compared. Only these are read without
computing: n, d, delta, epsilon, p, which function, the network and its number of quantising layers; and, for a stated
function, its table, its sup and the value of its modulus, which the claim names as assumed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from exactformer.certificates.checker.approximation.network import Layer, read_network
from exactformer.certificates.checker.approximation.quantisation import check_quantisation
from exactformer.certificates.checker.approximation.sequences import cell_sequences, check_sequences
from exactformer.certificates.checker.approximation.statement import Statement, check_statement
from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    APPROXIMATION,
    Json,
    Rejected,
    integer,
    members,
    quote,
    rational_text,
    read_bytes,
    read_canonical,
    read_certificate,
    require_provenance,
    require_same,
    text,
)

TOP = ("format", "version", "statement", "network", "evidence", "verdict", "provenance")


def check_approximation(certificate_path: Path, function: str, budget: int = SECONDS) -> Valid:
    """The result, if the certificate is valid for the function of this name; else `Rejected`, or `BadInput`.

    All of the check may take ``budget`` seconds.
    """
    deadline = Deadline(budget)
    document = read_certificate(certificate_path, APPROXIMATION)
    parts = check_form(document)
    statement = check_statement(parts["statement"])
    if statement.name != function:
        raise Rejected("statement.function.name", f"is {quote(statement.name)}, not {quote(function)}")
    layers = check_network(parts["network"], statement, certificate_path.parent)
    first = check_evidence(parts["evidence"], statement, len(layers), statement.sequences)
    require_same("statement.claim", statement.claim, statement.sentence(len(layers)))
    check_quantisation(layers[:first], statement, deadline)
    check_sequences(cell_sequences(statement), layers[first:], statement, deadline)
    return _valid(statement, first, len(layers))


def check_form(document: Json) -> dict[str, Json]:
    """Section 1: the members of a certificate, its format, version and verdict."""
    parts = members("certificate", document, *TOP)
    require_same("format", parts["format"], APPROXIMATION)
    require_same("version", parts["version"], 2)
    require_same("verdict", parts["verdict"], "proved")
    require_provenance(parts["provenance"])
    return parts


def check_network(value: Json, statement: Statement, folder: Path) -> tuple[Layer, ...]:
    """Section 4: the layers of the network document, which is the named one."""
    parts = members("network", value, "file", "sha256")
    file = text("network.file", parts["file"])
    if not re.fullmatch(r"[^/\\\0]+", file) or file in (".", ".."):
        raise Rejected("network.file", f"{quote(file)} is not the name of a file in the same folder")
    data = read_bytes(folder / file, "network document")
    require_same("network.sha256", parts["sha256"], hashlib.sha256(data).hexdigest())
    return read_network(read_canonical(data, "network document"), statement)


def check_evidence(value: Json, statement: Statement, layers: int, sequences: int) -> int:
    """Section 5: the number of layers that quantise is read; the others are as many as the section counts."""
    parts = members("evidence", value, "quantisation_layers", "cells", "sequences", "layers")
    require_same("evidence.cells", parts["cells"], statement.cells)
    require_same("evidence.sequences", parts["sequences"], sequences)
    require_same("evidence.layers", parts["layers"], layers)
    return integer("evidence.quantisation_layers", parts["quantisation_layers"], 0, layers)


def _valid(statement: Statement, first: int, layers: int) -> Valid:
    """The result, with what was proved and what is assumed."""
    name = statement.name
    order = "" if statement.positional else " (ascending ones: network and function commute with permutations)"
    elsewhere = "" if statement.positional else ", and 0 where two columns are in the same cell"
    proved = (
        f"layers 1 to {first} take every real input to the corner of its cell, by following the cells exactly",
        f"layers {first + 1} to {layers} give {name} at the centres of the cells{elsewhere}, by running them, in exact "
        f"arithmetic, on all {statement.sequences} sequences of corners{order}",
        "the inequalities between these, the measure of the inputs with repeated cells, and epsilon",
    )
    if statement.stated:
        assumed = [
            f"the values of {name} at the centres of cells are those of the table in the certificate",
            f"no entry of {name} is larger than {rational_text(statement.sup)} in magnitude, and {name} is measurable",
            f"no entry of {name} changes by more than {rational_text(statement.cell_error)} if no entry of its input "
            f"changes by more than delta/2 = 1/{2 * statement.cells}",
        ]
        if not statement.positional:
            assumed.append(f"{name} commutes with permutations of columns")
    else:
        assumed = [f"the modulus and the bound of {name}, as argued in certificates/APPROXIMATION.md, 3"]
    not_claimed = ("softmax, or rounded numbers: the network is the function of certificates/APPROXIMATION.md, 4",)
    return Valid("proved", statement.sentence(layers), proved, (), tuple(assumed), not_claimed)
