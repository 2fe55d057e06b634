"""The rules of SPEC, in its order: one function per section, and `check_certificate`, which applies them all.

Everything in a certificate outside ``provenance`` is computed again and compared. Only these are read without
computing: the inputs, the context, the arithmetic, beta, the weights, the verdict and which witnesses refute.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import (
    MACHINE,
    BadInput,
    Json,
    Rejected,
    members,
    quote,
    read_bytes,
    read_canonical,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.linear import Linear, check_linear
from exactformer.certificates.checker.machine import Machine, MachineError, parse_machine, vocabulary
from exactformer.certificates.checker.refutation import check_refutation, witness_places
from exactformer.certificates.checker.runs import Case, Replayed, check_heads, check_runs
from exactformer.certificates.checker.softmax.cases import holds
from exactformer.certificates.checker.softmax.model import Model, largest_admitted, separation_of_scores
from exactformer.certificates.checker.statement import (
    Statement,
    check_statement,
    scales,
    sentence,
)
from exactformer.certificates.checker.weights import (
    Network,
    longest_query,
    read_network,
)


@dataclass(frozen=True)
class Valid:
    """The result for a certificate that follows all rules; an ``inconclusive`` one claims nothing about softmax.

    A certificate with the verdict ``tokens proved`` claims nothing about activations: that is in ``not_claimed``.
    """

    verdict: str
    claim: str
    proved: tuple[str, ...]
    replayed: tuple[str, ...]
    assumed: tuple[str, ...]
    not_claimed: tuple[str, ...] = ()


def check_certificate(certificate_path: Path, machine_given: Path | bytes, budget: int = SECONDS) -> Valid:
    """The result, if the certificate is valid for this machine; else `Rejected`, or `BadInput` if nothing is to judge.

    The machine is given as a file, or as the text of one. All of the check may take ``budget`` seconds.
    """
    deadline, machine = Deadline(budget), read_machine(machine_given)
    document = read_certificate(certificate_path, MACHINE)
    parts = check_form(document)
    statement = check_statement(parts["statement"], machine)
    network, linear = check_network(parts["network"], statement, certificate_path.parent)
    check_vocabulary(network, machine, statement.paradigm)
    valid = check_on_runs(parts, statement, machine, network, deadline)
    return replace(valid, proved=(*valid.proved, *linear.proved), assumed=(linear.assumed, *valid.assumed))


def read_machine(given: Path | bytes) -> Machine:
    """The machine of a file, or of the text of one; else `BadInput`."""
    try:
        text = given if isinstance(given, bytes) else read_bytes(given, "machine")
        return parse_machine(text.decode("utf-8"))
    except (MachineError, UnicodeDecodeError) as error:
        where = "" if isinstance(given, bytes) else f" {str(given)!r}"
        raise BadInput(f"machine{where}: {error}") from error


def check_on_runs(
    parts: dict[str, Json], statement: Statement, machine: Machine, network: Network, deadline: Deadline
) -> Valid:
    """Sections 5 to 9: a certificate about runs."""
    verdict, admitted, tokens = replay_and_judge(parts, statement, machine, network, deadline)
    claim = sentence(verdict, statement, machine, tokens, admitted)
    require_same("statement.claim", statement.claim, claim)
    return _valid(verdict, claim, network, tokens)


def replay_and_judge(
    parts: dict[str, Json], statement: Statement, machine: Machine, network: Network, deadline: Deadline
) -> tuple[str, int, int]:
    """The verdict about the runs, the largest admitted exponent of beta, and the number of tokens."""
    places = witness_places(parts["refutation"], network)
    replayed = check_runs(parts["runs"], statement, machine, network, places, deadline)
    admitted = check_beta(statement, network)

    def case_holds(case: Case) -> bool:
        deadline.left("heads")
        return head_holds(statement, network, case)

    all_hold = check_heads(parts["heads"], network, replayed.tallies, None if statement.e is None else case_holds)
    verdict = check_verdict(parts, statement, network, replayed, admitted, all_hold, deadline)
    return verdict, admitted, sum(replayed.tokens)


TOP = ("format", "version", "statement", "network", "runs", "heads", "verdict", "refutation", "provenance")


def check_form(document: Json) -> dict[str, Json]:
    """Section 2: the members of a certificate, its format and its version."""
    parts = members("certificate", document, *TOP)
    require_same("format", parts["format"], MACHINE)
    require_same("version", parts["version"], 2)
    if parts["verdict"] not in ("certified", "refuted", "inconclusive"):
        raise Rejected("verdict", f"is {quote(parts['verdict'])}, which is not a verdict")
    require_provenance(parts["provenance"])
    return parts


def check_network(value: Json, statement: Statement, folder: Path) -> tuple[Network, Linear]:
    """SPEC 4 and ARITHMETIC 8: the weights document is the named one, and the linear format holds it."""
    network = read_weights(members("network", value, "weights")["weights"], folder)
    require_same("weights.position_bits", network.r, statement.r)
    return network, check_linear(network, statement.model, scales(statement.model, statement.e))


def read_weights(value: Json, folder: Path) -> Network:
    """The network of the weights document that is named, with its SHA-256."""
    return read_network(read_canonical(read_named("network.weights", value, folder), "weights"))


def read_named(field: str, value: Json, folder: Path, given: Path | bytes | None = None) -> bytes:
    """The bytes of the document that ``value`` names, in this folder or as given; they have the SHA-256 it names."""
    named = members(field, value, "file", "sha256")
    file = text(f"{field}.file", named["file"])
    if not re.fullmatch(r"[^/\\\0]+", file) or file in (".", ".."):
        raise Rejected(f"{field}.file", f"{quote(file)} is not the name of a file in the same folder")
    if given is None:
        given = read_bytes(folder / file, "weights document")
    data = given if isinstance(given, bytes) else read_bytes(given, "weights document")
    require_same(f"{field}.sha256", named["sha256"], hashlib.sha256(data).hexdigest())
    return data


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


class Scaled(Protocol):
    """An arithmetic model with its text, and the exponent of beta, if one is given."""

    @property
    def arithmetic(self) -> str: ...
    @property
    def model(self) -> Model: ...
    @property
    def e(self) -> int | None: ...
    @property
    def context(self) -> int: ...


def check_beta(statement: Scaled, network: Network) -> int:
    """ARITHMETIC 3: beta, if one is given, is admitted. Returns the largest admitted exponent of beta."""
    largest_score, h = longest_query(network), statement.model.steps.head
    if h and largest_score > 4**h:
        raise Rejected(
            "statement.arithmetic", f"has heads padded to {4**h}, but a query list has {largest_score} entries"
        )
    admitted = largest_admitted(statement.model, largest_score)
    if admitted is None or (statement.e is not None and statement.e > admitted):
        limit = "no beta is" if admitted is None else f"the largest admitted is 2^{admitted}"
        raise Rejected("statement.beta", f"is not admitted by {statement.arithmetic}: {limit}")
    return admitted


def head_holds(statement: Scaled, network: Network, case: Case) -> bool:
    """ARITHMETIC 6: whether a head gives the hardmax value, at the beta that is given."""
    separation, ties = case
    if statement.e is None:
        return False
    apart = None if separation is None else separation_of_scores(statement.model, longest_query(network), separation)
    return holds(statement.model, statement.context, apart, ties, statement.e)


def check_verdict(
    parts: dict[str, Json],
    statement: Statement,
    network: Network,
    replayed: Replayed,
    admitted: int,
    all_hold: bool,
    deadline: Deadline,
) -> str:
    """Section 7: the verdict is the one that the heads, or the refutation, give."""
    if parts["verdict"] == "refuted":
        check_refutation(parts["refutation"], statement, network, replayed, admitted, deadline)
        return "refuted"
    require_same("refutation", parts["refutation"], None)
    return require_verdict(parts, "certified", statement, all_hold)


def require_verdict(parts: dict[str, Json], best: str, statement: Scaled, all_hold: bool) -> str:
    """The verdict is ``best`` if all heads are shown to give the hardmax value, else another; a beta is given."""
    verdict, beta_given = text("verdict", parts["verdict"]), statement.e is not None
    if not beta_given or all_hold != (verdict == best):
        state = "no beta is given" if not beta_given else f"{'all' if all_hold else 'not all'} heads hold"
        raise Rejected("verdict", f"is {quote(verdict)}, but {state}")
    return verdict


def _valid(verdict: str, claim: str, network: Network, tokens: int) -> Valid:
    """The result, with what was proved, what was replayed and what is assumed."""
    heads = [head for layer in network.layers for head in layer.heads]
    lookups = sum(head.kind == "lookup" for head in heads)
    proved = [f"{lookups} lookup heads score 2 less at every other position, for all queries that are positions"]
    if verdict == "certified":
        proved.append("with its separation and ties every head rounds to its hardmax output")
    if verdict == "refuted":
        proved.append("bounds of what the model computes at the witnesses, which exclude the hardmax value")
    replayed = (
        "the machine's runs on the inputs of the statement",
        f"the hardmax transformer on their {tokens} tokens: every activation is -1, 0 or 1, every token "
        "after the prompts is the unique maximum",
        f"separation and ties of the other {len(heads) - lookups} heads, at all queries of these runs",
    )
    return Valid(verdict, claim, tuple(proved), replayed, (ASSUMED,))


ASSUMED = "a head is computed as the arithmetic of the statement says (ARITHMETIC 2)"
