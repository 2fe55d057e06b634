"""The rules of SPEC, in its order: one function per section, and `check_certificate`, which applies them all.

Everything in a certificate outside ``provenance`` is computed again and compared. Read without computing are
only: the inputs, the context, the arithmetic, beta, the weights, the verdict and which witnesses refute.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from certificates.checker.arithmetic import case_entry, cells, largest_admitted
from certificates.checker.document import (
    BadInput,
    Json,
    Rejected,
    members,
    quote,
    rational_text,
    read_bytes,
    read_canonical,
    require_same,
    text,
)
from certificates.checker.machine import Machine, MachineError, parse_machine, vocabulary
from certificates.checker.refutation import check_refutation, witness_places
from certificates.checker.runs import Case, Replayed, check_heads, check_runs
from certificates.checker.statement import Statement, check_statement, sentence
from certificates.checker.weights import Network, dimensions, parameters, read_network, structure


@dataclass(frozen=True)
class Valid:
    """A certificate that follows all rules; only a ``certified`` or ``refuted`` one claims anything."""

    verdict: str
    claim: str
    proved: tuple[str, ...]
    replayed: tuple[str, ...]
    assumed: tuple[str, ...]


def check_certificate(certificate_path: Path, machine_path: Path) -> Valid:
    """The certificate is valid for this machine; else `Rejected`, or `BadInput` if there is nothing to judge."""
    try:
        machine = parse_machine(read_bytes(machine_path, "machine").decode("utf-8"))
    except (MachineError, UnicodeDecodeError) as error:
        raise BadInput(f"machine {str(machine_path)!r}: {error}") from error
    document = read_canonical(read_bytes(certificate_path, "certificate"), "certificate")
    parts = check_form(document)
    statement = check_statement(parts["statement"], machine)
    network = check_network(parts["network"], statement, certificate_path.parent)
    check_vocabulary(network, machine, statement.paradigm)
    places = witness_places(parts["refutation"], network)
    replayed = check_runs(parts["runs"], statement, machine, network, places)
    cases = check_heads(parts["heads"], network, replayed.tallies)
    admitted, holds = check_softmax(parts["softmax"], statement, network, cases)
    verdict = check_verdict(parts, statement, network, replayed, admitted, holds)
    claim = sentence(verdict, statement, machine, sum(replayed.tokens), admitted)
    require_same("statement.claim", statement.claim, claim)
    return _valid(verdict, claim, network, sum(replayed.tokens))


TOP = ("format", "version", "statement", "network", "runs", "heads", "softmax", "verdict", "refutation", "provenance")


def check_form(document: Json) -> dict[str, Json]:
    """Section 2: the members of a certificate, its format and its version."""
    parts = members("certificate", document, *TOP)
    require_same("format", parts["format"], "exactformer certificate")
    require_same("version", parts["version"], 1)
    if parts["verdict"] not in ("certified", "refuted", "inconclusive"):
        raise Rejected("verdict", f"is {quote(parts['verdict'])}, none of the three verdicts")
    if not isinstance(parts["provenance"], dict):
        raise Rejected("provenance", "is not an object")
    return parts


def check_network(value: Json, statement: Statement, folder: Path) -> Network:
    """Section 4: the weights document is the named one, and its dimensions and parameters are as stated."""
    parts = members("network", value, "weights", "dimensions", "structure", "parameters")
    weights = members("network.weights", parts["weights"], "file", "sha256")
    file = text("network.weights.file", weights["file"])
    if not re.fullmatch(r"[^/\\\0]+", file) or file in (".", ".."):
        raise Rejected("network.weights.file", f"{quote(file)} is not the name of a file in the same folder")
    data = read_bytes(folder / file, "weights document")
    require_same("network.weights.sha256", weights["sha256"], hashlib.sha256(data).hexdigest())
    network = read_network(read_canonical(data, "weights"))
    require_same("weights.position_bits", network.r, statement.r)
    require_same("network.dimensions", parts["dimensions"], dimensions(network))
    require_same("network.structure", parts["structure"], structure(network))
    e = statement.e or 0
    expected = parameters(network, 2 ** ((e + 1) // 2), 2 ** (e // 2))
    require_same("network.parameters", parts["parameters"], expected)
    return network


def check_vocabulary(network: Network, machine: Machine, paradigm: str) -> None:
    """Section 5: the families, their fields and the fields' values are those of the machine."""
    found: dict[str, Json] = {}
    for family in network.vocabulary:
        found[family.name] = [[item.name, list(item.values)] for item in family.fields]
    expected: dict[str, Json] = {
        name: [[item, list(values)] for item, values in fields.items()]
        for name, fields in vocabulary(machine, paradigm).items()
    }
    require_same("weights.vocabulary", found, expected)


def check_softmax(value: Json, statement: Statement, network: Network, cases: list[Case]) -> tuple[int, bool]:
    """Section 7: the inequalities. The largest admitted exponent of beta, and whether all cases hold."""
    largest_score = max((len(head.query) for layer in network.layers for head in layer.heads), default=0)
    admitted = largest_admitted(statement.model, largest_score)
    if admitted is None or (statement.e is not None and statement.e > admitted):
        limit = "no beta is" if admitted is None else f"the largest that is admitted is 2^{admitted}"
        raise Rejected("statement.beta", f"is not admitted by {statement.arithmetic}: {limit}")
    entries: list[Json] = []
    holds = True
    for separation, ranges in cases:
        entry, one_holds = case_entry(
            statement.model, statement.context, separation, list(ranges), statement.e, admitted
        )
        entries.append(entry | {"separation": separation, "ties": [[low, high] for low, high in ranges]})
        holds = holds and one_holds
    one_cell, zero_cell = cells(statement.model)
    expected: dict[str, Json] = {
        "largest_score": largest_score,
        "one_cell": [rational_text(end) for end in one_cell],
        "zero_cell": [rational_text(end) for end in zero_cell],
        "cases": entries,
    }
    require_same("softmax", value, expected)
    return admitted, holds


def check_verdict(
    parts: dict[str, Json], statement: Statement, network: Network, replayed: Replayed, admitted: int, holds: bool
) -> str:
    """Section 7.4: the verdict is the one that the inequalities, or the refutation, give."""
    verdict, beta_given = text("verdict", parts["verdict"]), statement.e is not None
    if verdict == "refuted":
        check_refutation(parts["refutation"], statement, network, replayed, admitted)
        return verdict
    require_same("refutation", parts["refutation"], None)
    if not beta_given or holds != (verdict == "certified"):
        state = "no beta is given" if not beta_given else f"{'all' if holds else 'not all'} cases of softmax hold"
        raise Rejected("verdict", f"is {quote(verdict)}, but {state}")
    return verdict


def _valid(verdict: str, claim: str, network: Network, tokens: int) -> Valid:
    """The result, with what was proved, what was replayed and what is assumed."""
    heads = [head for layer in network.layers for head in layer.heads]
    lookups = sum(head.kind == "lookup" for head in heads)
    proved = [f"{lookups} lookup heads score 2 less at every other position, for all queries that are positions"]
    if verdict == "certified":
        proved.append("the inequalities: with its separation and ties every head rounds to its hardmax output")
    if verdict == "refuted":
        proved.append("bounds of what the model computes at the witnesses, which exclude the hardmax value")
    replayed = (
        "the machine's runs on the inputs of the statement",
        f"the hardmax transformer on their {tokens} tokens: every activation is -1, 0 or 1, every token "
        "after the prompts is the unique maximum",
        f"separation and ties of the other {len(heads) - lookups} heads, at all queries of these runs",
    )
    assumed = (
        "MLPs, residual sums and the unembedding are computed in exact integer arithmetic",
        "a head is computed as the arithmetic model of the statement says (SPEC 7.1)",
    )
    return Valid(verdict, claim, tuple(proved), replayed, assumed)
