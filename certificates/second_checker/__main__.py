"""The certificate as a whole, and the command (THEORIES 7).

    python -m exactformer.certificates.second_checker CERTIFICATE (--theory FILE | --machine FILE) [--budget SECONDS]

Exit codes: 0 valid, and proved; 1 not valid; 2 wrong usage or unreadable; 3 valid, but inconclusive; 4 not judged: a
limit, the budget, or what this checker does not support; 5 it failed itself, and nothing is judged.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import Deadline, NotJudged, Rejected, Unreadable, demand, documents, limit
from .diagrams import Diagrams
from .documents import as_list, as_natural, as_object, as_string, canonical, read_bytes, read_text, sha256
from .facts import Facts
from .machine import Machine, read_machine
from .softmax import admitted, head_holds, misfits, read_arithmetic
from .theory import Theory
from .walk import Claimed, Walk

USAGE = "usage: second_checker CERTIFICATE (--theory FILE | --machine FILE) [--budget SECONDS]"
OURS = Path(__file__).parent.parent.parent / "constructions" / "turing"
MACHINE_THEORIES = {"turing-cot": OURS / "cot.theory", "turing-scot": OURS / "scot.theory"}
FIELDS = ("format", "version", "statement", "network", "annotation", "names", "holds", "witnesses", "heads", "margin")


@dataclass(frozen=True)
class Valid:
    """A certificate that is valid, with its verdict; what was proved, and what is assumed."""

    verdict: str
    claim: str
    proved: tuple[str, ...]
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class Heads:
    """What the certificate says of the heads, layer by layer; `holds` head by head."""

    layers: list[list[Claimed]]
    holds: list[bool]


def read_heads(value: Any, network: documents.Network, context: int) -> Heads:
    entries = as_list(value, "heads")
    wanted = [(n, h, head.name) for n, layer in enumerate(network.layers, 1) for h, head in enumerate(layer.heads)]
    demand(len(entries) == len(wanted), "heads: not one entry per head")
    layers: list[list[Claimed]] = [[] for _ in network.layers]
    holds = []
    for (layer, head, name), entry in zip(wanted, entries, strict=True):
        place = f"heads: layer {layer}, head {head}"
        fields = as_object(entry, ("layer", "head", "name", "separation", "ties", "holds"), place)
        named = (fields["layer"], fields["head"], fields["name"]) == (layer, head, name)
        demand(
            named and type(fields["layer"]) is type(fields["head"]) is int, f"{place}: another head, or another name"
        )
        separation = fields["separation"]
        if separation is not None:
            separation = documents.as_integer(separation, f"{place}: separation", 1, 4)
        ties = as_natural(fields["ties"], f"{place}: ties")
        demand(ties <= context, f"{place}: ties above the context")
        layers[layer - 1].append(Claimed(separation, ties))
        holds.append(documents.as_boolean(fields["holds"], f"{place}: holds"))
    return Heads(layers, holds)


def said_value(value: Any) -> str:
    """A parameter's value in the claim."""
    if isinstance(value, int | str):
        return str(value)
    if value and isinstance(value[0], list):
        return f"a table (SHA-256 {sha256(canonical(value))})"
    return f"[{' '.join(value)}]" if len(value) <= 64 else f"{len(value)} names (SHA-256 {sha256(canonical(value))})"


def claim_of(statement: dict[str, Any], theory: Theory, verdict: str, has_output: bool) -> str:
    parameters = "".join(
        f", {name} = {'a table (SHA-256 ' + sha256(canonical(value)) + ')' if value == [] else said_value(value)}"
        for name, value in sorted(statement["parameters"].items())
    )
    every = (
        f"For every token sequence of the theory {theory.name} (SHA-256 {statement['theory']['sha256']}{parameters}) "
        f"of at most {statement['context']} tokens, the"
    )
    arithmetic = f"in the arithmetic {statement['arithmetic']} at beta = {statement['beta']}"
    output = "; and at every token for which the theory names an output, that is the next token" if has_output else ""
    if verdict == "proved":
        return (
            f"{every} softmax transformer of these weights, {arithmetic}, has after every sublayer exactly the "
            f"activations of the hardmax transformer, which are in {{-1, 0, 1}}{output}."
        )
    return (
        f"{every} hardmax transformer of these weights has activations in {{-1, 0, 1}} only{output}; of the softmax "
        f"transformer, {arithmetic}, nothing is claimed."
    )


def compare_machine(machine: Machine, theory: Theory) -> str:
    """The parameters are the machine's tables."""
    demand(theory.name in MACHINE_THEORIES, f"the theory {theory.name} is not about runs of a machine")
    for name, value in machine.parameters().items():
        given = theory.parameters.get(name)
        given = sorted(given) if name == "ROWS" and isinstance(given, list) else given
        demand(given == value, f"parameter {name} is not that of the machine {machine.name}")
    return f"the parameters of the theory, but for WRITES, are the tables of the machine {machine.name}"


def check(path: Path, theory_text: str | None, machine: Machine | None, deadline: Deadline) -> Valid:
    document = documents.read_document(read_bytes(path), "certificate")
    if document.get("format") != "exactformer theory certificate":
        raise Unreadable("not a certificate about a theory")
    if document.get("verdict") == "tokens proved":
        raise NotJudged("claims about tokens alone (THEORIES 8) are not supported by this checker")
    as_object(document, (*FIELDS, "verdict", "provenance"), "certificate")
    demand(documents.as_integer(document["version"], "version") == 2, "version: not 2")
    demand(isinstance(document["provenance"], dict), "provenance: not an object")
    verdict = as_string(document["verdict"], "verdict")
    demand(verdict in ("proved", "inconclusive"), f"verdict: {verdict[:40]!r}")

    # The statement: the theory is the one given; its parameters, context, arithmetic, beta.
    names = ("claim", "theory", "parameters", "context", "arithmetic", "beta")
    statement = as_object(document["statement"], names, "statement")
    source = as_object(statement["theory"], ("text", "sha256"), "statement: theory")
    text = as_string(source["text"], "statement: theory: text")
    if theory_text is None:
        named = re.search(r"^theory (\S+)$", text, re.MULTILINE)
        ours = MACHINE_THEORIES.get(named[1]) if named else None
        demand(ours is not None, "statement: theory: none that is about runs of machines")
        theory_text = read_text(ours or path)
    demand(text == theory_text, "statement: theory: not the theory that is given")
    demand(source["sha256"] == sha256(text), "statement: theory: sha256 is another")
    parameters = statement["parameters"]
    demand(isinstance(parameters, dict), "statement: parameters: not an object")
    limit(len(parameters), 2**8, "parameters")
    context = as_natural(statement["context"], "statement: context")
    limit(context, 2**64, "context")
    arithmetic_text = as_string(statement["arithmetic"], "statement: arithmetic")
    arithmetic = read_arithmetic(arithmetic_text)
    beta = as_natural(statement["beta"], "statement: beta")
    demand(beta & (beta - 1) == 0, "statement: beta is no power of two")

    # The network: the file that the certificate names, with its hash; it fits; beta is admitted.
    weights = as_object(
        as_object(document["network"], ("weights",), "network")["weights"], ("file", "sha256"), "weights"
    )
    file = as_string(weights["file"], "network: file")
    demand(
        re.fullmatch(r"[^/\\\0]{1,255}", file) is not None and file not in (".", ".."), f"network: file {file[:40]!r}"
    )
    data = read_bytes(path.parent / file)
    demand(weights["sha256"] == sha256(data), "network: sha256 is not that of the weights")
    network = documents.read_network(data)
    demand(context <= 2**network.position_bits, "statement: context: more than 2^r")
    longest = max((len(head.query) for layer in network.layers for head in layer.heads), default=0)
    demand(admitted(arithmetic, beta, longest), "statement: beta is not admitted")
    if arithmetic.model != "exact":
        for reason in misfits(network, arithmetic.linear, beta):
            raise Rejected(f"the network does not fit {arithmetic.linear.name}: {reason}")

    # The theory, the claim, the sequences, the walk through the layers.
    theory = Theory(text, parameters, network.position_bits, Diagrams(deadline))
    facts = Facts(theory)
    has_output = any(theory.outputs.values())
    claim = claim_of(statement, theory, verdict, has_output)
    demand(statement["claim"] == claim, f"statement: the claim has to be: {claim}")
    heads = read_heads(document["heads"], network, context)
    margin = document["margin"]
    if margin is not None:
        margin = documents.as_integer(margin, "margin", 1)
    demand(
        verdict == ("proved" if all(heads.holds) else "inconclusive"), "verdict: does not follow from holds of heads"
    )
    lists = {name: as_list(document[name], name) for name in ("annotation", "names", "holds")}
    for name, entries in lists.items():
        demand(
            len(entries) == len(network.layers) or (not entries and name != "annotation"), f"{name}: not one per layer"
        )
    not_shown = facts.read_sequences(document["witnesses"])
    shown: dict[Claimed, bool] = {}
    for claimed, holds in zip((one for layer in heads.layers for one in layer), heads.holds, strict=True):
        if holds and claimed not in shown:
            deadline.look()
            shown[claimed] = head_holds(arithmetic, beta, claimed.separation, claimed.ties, context)
        demand(not holds or shown[claimed], f"heads: {claimed}: ARITHMETIC 6 does not show that it holds")
    walk = Walk(facts, network, context)
    for n in range(len(network.layers)):
        cases, names_of, words = (entries[n] if entries else [] for entries in lists.values())
        walk.layer(n + 1, cases, names_of, words, heads.layers[n])
    walk.next_token(margin)

    proved = [
        f"by induction over positions and layers: what every coordinate is at tokens of {len(theory.tokens)} classes, "
        f"and what every head selects; {len(facts.decided)} questions decided",
        f"all that the theory's text says is true of each of {len(facts.given)} sequences given",
    ]
    if margin is not None:
        proved.append(f"the token that has to come next is the unique best one, by a margin of at least {margin}")
    if verdict == "proved":
        proved.append(f"with its separation and ties, every head gives the hardmax value in {arithmetic_text}")
    if machine is not None:
        proved.append(compare_machine(machine, theory))
    assumed = [f"a token sequence is of the theory {theory.name} if all that its text says is true of it"]
    assumed += [*theory.about, *not_shown]
    if arithmetic.model != "exact":
        assumed.append(f"weights, MLP sums, residual sums and logits are held in {arithmetic.linear.name}")
    assumed.append("a head is computed as ARITHMETIC 2 says of the arithmetic")
    return Valid(verdict, claim, tuple(proved), tuple(assumed))


def arguments(words: list[str]) -> tuple[Path, dict[str, str]]:
    options: dict[str, str] = {}
    files = []
    rest = iter(words)
    for word in rest:
        if word in ("--theory", "--machine", "--budget") and word not in options:
            options[word] = next(rest, "")
        elif word.startswith("--"):
            raise Unreadable(f"{word}: no such option, or twice; {USAGE}")
        else:
            files.append(word)
    if len(files) != 1 or not {"--theory", "--machine"} & set(options) or "" in options.values():
        raise Unreadable(USAGE)
    if not re.fullmatch(r"[1-9][0-9]{0,5}", options.get("--budget", "600"), re.ASCII):
        raise Unreadable(f"--budget: a number of seconds from 1 to 999999; {USAGE}")
    return Path(files[0]), options


def run(words: list[str]) -> int:
    try:
        path, options = arguments(words)
        deadline = Deadline(int(options.get("--budget", "600")))
        machine = read_machine(read_text(Path(options["--machine"]))) if "--machine" in options else None
        theory = read_text(Path(options["--theory"])) if "--theory" in options else None
        valid = check(path, theory, machine, deadline)
    except Rejected as reason:
        print(f"not valid: {reason}"[:4000], file=sys.stderr)
        return 1
    except Unreadable as reason:
        print(f"unreadable: {reason}"[:4000], file=sys.stderr)
        return 2
    except NotJudged as reason:
        print(f"not judged: {reason}"[:4000], file=sys.stderr)
        return 4
    except (Exception, RecursionError, MemoryError) as failure:
        print(f"the checker failed, and nothing is judged: {type(failure).__name__}: {failure}"[:4000], file=sys.stderr)
        return 5
    print(f"valid: {valid.verdict}", valid.claim, sep="\n")
    for title, lines in (("proved", valid.proved), ("assumed", valid.assumed)):
        print(title, *(f"  - {line}" for line in lines), sep="\n")
    return 0 if valid.verdict == "proved" else 3


def main() -> int:
    sys.setrecursionlimit(20_000)  # diagrams are as deep as there are variables
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
