"""Whether a certificate about a theory is valid (THEORIES): every sequence of it, up to N tokens.

Recomputed is all that follows from theory, parameters, weights, annotation, context, arithmetic and beta.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exactformer.certificates.checker.check import (
    ASSUMED,
    Valid,
    check_beta,
    head_holds,
    read_machine,
    read_weights,
    require_verdict,
)
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.diagrams import deep_recursion
from exactformer.certificates.checker.document import (
    LARGEST_NUMBER,
    THEORY,
    BadInput,
    Json,
    Rejected,
    items,
    members,
    natural,
    quote,
    rational_text,
    read_bytes,
    read_certificate,
    require_provenance,
    require_same,
    text,
)
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.walk import ASSUMED as ASSUMED_WITH_DRIFT
from exactformer.certificates.checker.drift.walk import NOT_CLAIMED, Drift, require_drifting_model
from exactformer.certificates.checker.linear import check_linear
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.statement import scales
from exactformer.certificates.checker.theory.annotation import read_annotation, read_holds, read_names
from exactformer.certificates.checker.theory.drift import drift_of, read_drift
from exactformer.certificates.checker.theory.of_machine import of_machine, require_machine
from exactformer.certificates.checker.theory.reading import LONGEST_TEXT, Theory, read_theory
from exactformer.certificates.checker.theory.template import Value
from exactformer.certificates.checker.theory.walk import Walked, walk
from exactformer.certificates.checker.weights import Network

TOP = (
    *("format", "version", "statement", "network", "witnesses", "names", "annotation", "holds", "heads", "margin"),
    *("verdict", "provenance"),
)
TOKENS_PROVED = "tokens proved"
VERDICTS = ("proved", TOKENS_PROVED, "inconclusive")
PARTS = ("claim", "theory", "parameters", "context", "arithmetic", "beta")
LARGEST_PARAMETER = 2**64
MOST_SHOWN = 64
"""Names of a list."""


@dataclass(frozen=True)
class Statement:
    """Section 7; the claim is not checked yet."""

    claim: Json
    sha256: str
    parameters: Mapping[str, Value]
    context: int
    arithmetic: str
    model: Model
    e: int


def check_theory(
    certificate_path: Path,
    theory_given: Path | bytes,
    budget: int = SECONDS,
    parameters_given: Mapping[str, Value] | None = None,
    machine_given: Path | bytes | None = None,
) -> Valid:
    """The certificate is valid for this theory, with these parameters, or those of this machine, if any are given; else
    `Rejected`, or `BadInput` if there is nothing to judge."""
    deadline = Deadline(budget)
    machine = None if machine_given is None else read_machine(machine_given)
    given = theory_given if isinstance(theory_given, bytes) else read_bytes(theory_given, "theory", LONGEST_TEXT)
    document = read_certificate(certificate_path, THEORY)
    tokens = isinstance(document, dict) and document.get("verdict") == TOKENS_PROVED
    parts = members("certificate", document, *TOP, *(("drift",) if tokens else ()))
    require_same("version", parts["version"], 2)
    if parts["verdict"] not in VERDICTS:
        raise Rejected("verdict", f"is {quote(parts['verdict'])}, none of the verdicts")
    require_provenance(parts["provenance"])
    statement, told = read_statement(parts["statement"], given)
    if tokens:
        require_drifting_model(statement.model, statement.arithmetic)
    if parameters_given is not None and dict(parameters_given) != statement.parameters:
        raise Rejected("statement.parameters", "are not those of the given theory")
    network = read_weights(members("network", parts["network"], "weights")["weights"], certificate_path.parent)
    if statement.context > 2**network.r:
        raise Rejected("statement.context", f"is beyond the 2^{network.r} positions of the network")
    if machine is not None:
        require_machine(statement.parameters, machine)
    linear = check_linear(network, statement.model, scales(statement.model, statement.e))
    with deep_recursion():
        theory = read_theory(told, statement.parameters, network.r)
        annotation = read_annotation(parts["annotation"], theory, network)
        words = read_holds(parts["holds"], theory, network), read_names(parts["names"], theory, network)
        walked = walk(network, theory, parts["witnesses"], annotation, *words, deadline, drifting=tokens)
    margin = at_most("margin", parts["margin"], walked.margin)
    check_beta(statement, network)
    all_hold = check_heads(parts["heads"], walked, statement, network, deadline)
    verdict, drift = require_verdict(parts, "proved", statement, all_hold), None
    if walked.recorded is not None:
        found = drift_of(network, walked.recorded, Softmax(statement.model, statement.context, statement.e), deadline)
        drift = read_drift(parts["drift"], found, network)
    claim = sentence(verdict, statement, theory, walked, drift)
    require_same("statement.claim", statement.claim, claim)
    proved, about = linear.proved, tuple(theory.about)
    if machine is not None:
        known = of_machine(theory.name, statement.parameters, machine, statement.context, network.r, deadline)
        proved, about = (*known.proved, *proved), tuple(one for one in about if one not in known.shown)
    about = (f"a token sequence is of the theory {theory.name} if all that its text says of one is true", *about)
    if drift is None:
        return _valid(verdict, claim, theory, walked, margin, proved, about, (linear.assumed, ASSUMED))
    valid = _valid(verdict, claim, theory, walked, margin, (drift.proved, *proved), about, ASSUMED_WITH_DRIFT)
    return replace(valid, not_claimed=NOT_CLAIMED)


def read_statement(value: Json, given: bytes) -> tuple[Statement, str]:
    """The statement, and the theory's text, which is the given one."""
    parts = members("statement", value, *PARTS)
    told = members("statement.theory", parts["theory"], "text", "sha256")
    theory = text("statement.theory.text", told["text"])
    try:
        if theory != given.decode("utf-8"):
            raise Rejected("statement.theory.text", "is not the given theory")
    except UnicodeDecodeError as error:
        raise BadInput(f"the theory is not text in UTF-8: {error}") from error
    digest = hashlib.sha256(given).hexdigest()
    require_same("statement.theory.sha256", told["sha256"], digest)
    arithmetic = text("statement.arithmetic", parts["arithmetic"])
    beta = natural("statement.beta", parts["beta"])
    if beta & (beta - 1):
        raise Rejected("statement.beta", f"{quote(parts['beta'])} is not a power of two")
    statement = Statement(
        claim=parts["claim"],
        sha256=digest,
        parameters=_parameters(parts["parameters"]),
        context=natural("statement.context", parts["context"]),
        arithmetic=arithmetic,
        model=parse_model("statement.arithmetic", arithmetic),
        e=beta.bit_length() - 1,
    )
    return statement, theory


def _parameters(value: Json) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise Rejected("statement.parameters", f"is {quote(value)} where an object must be")
    found = dict[str, Value]()
    for name, one in value.items():
        at = f"statement.parameters.{name}"
        if isinstance(one, list) and any(isinstance(row, list) for row in one):
            found[name] = tuple(tuple(text(at, entry) for entry in items(at, row)) for row in one)
        elif isinstance(one, list):
            found[name] = tuple(text(at, element) for element in one)
        elif isinstance(one, str) and LARGEST_NUMBER < natural(at, one) <= LARGEST_PARAMETER:
            found[name] = natural(at, one)
        elif type(one) is int and one >= 0:
            found[name] = one
        else:
            reason = "neither a list, a number up to 2^53, nor, as a string, one from there up to 2^64"
            raise Rejected(at, f"is {quote(one)}, {reason}")
    return found


def check_heads(value: Json, walked: Walked, statement: Statement, network: Network, deadline: Deadline) -> bool:
    """No head is better than what was found; whether all of them are said, and shown, to give the hardmax value.

    A head that selects everything has no separation.
    """
    all_hold, context = True, statement.context
    heads = [
        (number, place, head.name, one)
        for number, (of_layer, layer) in enumerate(zip(walked.heads, network.layers, strict=True), start=1)
        for place, (one, head) in enumerate(zip(of_layer, layer.heads, strict=True))
    ]
    if len(items("heads", value)) != len(heads):
        raise Rejected("heads", f"are {len(items('heads', value))}; the network has {len(heads)}")
    for index, (told, (number, place, name, found)) in enumerate(zip(items("heads", value), heads, strict=True)):
        at = f"heads[{index}]"
        parts = members(at, told, "layer", "head", "name", "separation", "ties", "holds")
        separation = at_most(f"{at}.separation", parts["separation"], found.separation)
        ties = natural(f"{at}.ties", parts["ties"])
        shown = context if found.ties is None else min(found.ties, context)
        if not shown <= ties <= context:
            raise Rejected(f"{at}.ties", f"is {quote(parts['ties'])}; shown is {shown}, and there are {context} tokens")
        for field, right in (("layer", number), ("head", place), ("name", name)):
            require_same(f"{at}.{field}", parts[field], right)
        deadline.left(f"{at}.holds")
        holds = parts["holds"] is True and head_holds(statement, network, (separation, ((1, ties),)))
        require_same(f"{at}.holds", parts["holds"], holds)
        all_hold = all_hold and holds
    return all_hold


def at_most(at: str, value: Json, found: int | None) -> int | None:
    """A lower bound that is told: a number from 1 to the one that was found, or null where there is none."""
    if found is None and value is None:
        return None
    if found is None or type(value) is not int or not 1 <= value <= found:
        raise Rejected(at, f"is {quote(value)}; shown is {'null' if found is None else f'at most {found}'}")
    return value


def sentence(verdict: str, statement: Statement, theory: Theory, walked: Walked, drift: Drift | None) -> str:
    """The claim (section 7)."""
    given = "".join(f", {name} = {_shown(value)}" for name, value in sorted(statement.parameters.items()))
    which = f"theory {theory.name} (SHA-256 {statement.sha256}{given})"
    arithmetic = f"in the arithmetic {statement.arithmetic} at beta = {2**statement.e}"
    output = "; and at every token for which the theory names an output, that is the next token"
    tail = "" if walked.margin is None else output
    every = f"For every token sequence of the {which} of at most {statement.context} tokens, the"
    if verdict == "proved":
        return (
            f"{every} softmax transformer of these weights, {arithmetic}, has after every sublayer exactly the "
            f"activations of the hardmax transformer, which are in {{-1, 0, 1}}{tail}."
        )
    if drift is not None:
        return (
            f"{every} softmax transformer of these weights, {arithmetic}, has at every token for which the theory "
            "names an output that token as its unique best next one; its activations after every sublayer may differ "
            f"from those of the hardmax transformer, by at most {rational_text(drift.most)}."
        )
    return (
        f"{every} hardmax transformer of these weights has activations in {{-1, 0, 1}} only{tail}; of the softmax "
        f"transformer, {arithmetic}, nothing is claimed."
    )


def _shown(value: Value) -> str:
    """As the claim names it; a table, or a long list, by its SHA-256 only, in canonical form."""
    if not isinstance(value, tuple):
        return str(value)
    words = [one for one in value if isinstance(one, str)]
    if len(words) == len(value) <= MOST_SHOWN:
        return f"[{' '.join(words)}]"
    told = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    what = f"{len(words)} names" if len(words) == len(value) else "a table"
    return f"{what} (SHA-256 {hashlib.sha256(told.encode('ascii')).hexdigest()})"


def _valid(
    verdict: str,
    claim: str,
    theory: Theory,
    walked: Walked,
    margin: int | None,
    proved: Sequence[str],
    about: Sequence[str],
    assumed: Sequence[str],
) -> Valid:
    shown = [
        f"by induction over positions and layers: what every coordinate is at tokens of each of {len(theory.classes)} "
        f"classes; what every head selects, and that all others score less; {walked.decided} facts decided",
    ]
    if margin is not None:
        where = "" if verdict == "proved" else "in the hardmax transformer "
        shown.append(f"{where}the token that has to come next is the unique best one, by a margin of at least {margin}")
    shown.append(
        f"all that the theory's text says is true of each sequence that the certificate gives ({walked.witnesses})"
    )
    if verdict == "proved":
        shown.append("with its separation and ties every head rounds to its hardmax output")
    unseen = (f"class {name} right after class {before}" for name, before in walked.unseen)
    open_ = [
        f"no sequence is given with a token of {one}: if there is none, nothing is claimed of it" for one in unseen
    ]
    return Valid(verdict, claim, (*shown, *proved), (), (*about, *open_, *assumed))
