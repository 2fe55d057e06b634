"""``exactformer certify NETWORK.json --sequences FILE``: a transformer of any exact weights, on given sequences."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
import yaml

from exactformer.certificates.command_line.certify import summary
from exactformer.certificates.command_line.console import Column, Facts, Part, Table, counted, show
from exactformer.certificates.command_line.facts import Findings
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import late_spinner
from exactformer.certificates.command_line.report import evidence, files
from exactformer.certificates.command_line.verdicts import EXIT_CODE, verdict_line
from exactformer.certificates.files import FileRefused, Output, Written
from exactformer.certificates.network_document import NetworkDocumentError, load_transformer, once
from exactformer.certificates.sequence_certificate import SequencesAsked, SequencesBundle, certify_sequences, shown
from exactformer.constructions.transformer.given import Given, GivenError
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.verdict import Basis, Verdict

LARGEST_FILE = 1 << 24
"""Bytes of a file with sequences."""
SHAPE = "give a list of {tokens: [..], asked: {position: token}}"
ENDINGS = (".network.json", ".json")
"""Of a network document's name, which are no part of what the network is called."""


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    network: str
    sequences: Path
    arithmetic: str
    beta: int | None


def execute(asked: Asked, output: Output, as_json: bool) -> NoReturn:
    """Replay, enclose, write, and say what is known.

    Exit code: 0 certified, 1 refuted, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    with refusing(ModelError, NetworkDocumentError, GivenError):
        model = parse_arithmetic(asked.arithmetic)
        net = load_transformer(asked.network)
        given = read_sequences(asked.sequences)
    with (
        late_spinner("certifying", enabled=not as_json),
        refusing(GivenError, FileRefused),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
    ):
        output.require_folder()
        bundle = certify_sequences(net, given, SequencesAsked(model, asked.beta or 1, network_name(asked.network)))
        written = output.write_bundle(bundle)
    if as_json:
        click.echo(json.dumps(summary(written), indent=2))
    else:
        show(report(bundle, written))
    raise click.exceptions.Exit(EXIT_CODE[bundle.verdict])


def require_nothing_else(given: Mapping[str, bool]) -> None:
    """Options that go with machines, and whether they were given."""
    for option, was_given in given.items():
        if was_given:
            raise InputRefused(f"{option} goes with a MACHINE: about given sequences leave it out")


def network_name(path: str) -> str:
    """What a network is called: its file, without the ending.

    >>> network_name("out/counter.network.json"), network_name("x.json")
    ('counter', 'x')
    """
    name = Path(path).name
    return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name) or "transformer"


def read_sequences(path: Path) -> Given:
    """The sequences of a file in YAML, or in JSON, which is YAML, too.  Raises GivenError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise GivenError(f"the sequences {str(path)!r} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_FILE:
        raise GivenError(f"the sequences {str(path)!r} are longer than {LARGEST_FILE} bytes")
    listed = _parsed(path, data)
    if not isinstance(listed, list):
        raise GivenError(f"the sequences {str(path)!r} are no list; {SHAPE}")
    return Given([_sequence(number, one) for number, one in enumerate(listed)])


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice: one of them would be forgotten."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"a key is given twice in what begins on line {line}")
        return found


def _parsed(path: Path, data: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):  # what is given twice is said below
        return json.loads(data, object_pairs_hook=once)
    try:
        return yaml.load(data, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise GivenError(f"the sequences {str(path)!r} are neither JSON nor YAML: {error}") from error


def _sequence(number: int, given: Any) -> object:
    if not isinstance(given, dict) or not {"tokens"} <= given.keys() <= {"tokens", "asked"}:
        raise GivenError(f"sequence {number} has other fields than tokens and asked; {SHAPE}")
    tokens, asked = given["tokens"], given.get("asked")
    if not isinstance(tokens, list):
        raise GivenError(f"sequence {number}: tokens is no list; {SHAPE}")
    for token in tokens:
        if not isinstance(token, str):
            raise GivenError(f"sequence {number}: the token {token!r} is no text; write it in quotes")
    if isinstance(asked, dict):
        asked, typed = {_position(number, position): token for position, token in asked.items()}, asked
        if len(asked) < len(typed):
            raise GivenError(f"sequence {number}: a position is given twice")
    return [tokens, asked]


def _position(number: int, position: object) -> object:
    """JSON has texts for keys."""
    if isinstance(position, str):
        if not (position.isascii() and position.isdigit() and len(position) < 20):
            raise GivenError(f"sequence {number}: the position {position!r} is no number")
        return int(position)
    return position


# ---------------------------------------------------------------------------- the report


def report(bundle: SequencesBundle, written: Written) -> Iterator[Part]:
    """The parts of a report."""
    found, document = bundle.found, bundle.document
    yield verdict_line(found.verdict)
    yield bundle.claim
    if found.refutation is not None:
        where = found.refutation
        yield (
            f"In sequence {where.sequence}, at position {where.position}, the logit of {where.token!r} is at least "
            f"that of {where.expected!r}, however the sums are ordered."
        )
    if found.not_shown is not None:
        yield f"Not bounded: {found.not_shown}."
    yield ""
    yield Facts(tuple(_facts(bundle)))
    yield ""
    heads = document["hardmax"]["heads"]
    if heads:
        columns = ("layer", "head", "name", "separation", "most ties")
        yield Table(
            tuple(Column(title, key=number < 2, right=number in (0, 1, 4)) for number, title in enumerate(columns)),
            tuple(
                (
                    str(head["layer"]),
                    str(head["head"]),
                    _printable(head["name"]),
                    _shown(head["separation"]),
                    str(head["ties"]),
                )
                for head in heads
            ),
        )
        yield ""
    if document["softmax"]["drift"]:
        yield Table(
            (Column("layer", right=True, key=True), Column("drift after attention"), Column("after the MLP")),
            tuple(
                (str(number), *map(_shown, pair)) for number, pair in enumerate(document["softmax"]["drift"], start=1)
            ),
        )
        yield ""
    yield Facts(
        (
            ("separation", "how far below the largest score the next one is, at least, with hardmax; - if all tie"),
            ("most ties", "tokens that share the largest score"),
            ("drift", "how far an activation may be from its value with hardmax, at most; - where that is not shown"),
        )
    )
    yield from evidence(findings(bundle))
    yield from files(written)


def _facts(bundle: SequencesBundle) -> Iterator[tuple[str, str]]:
    net, found = bundle.found.net, bundle.found
    read = sum(len(question.tokens) for question in found.questions)
    yield "sequences", f"{counted(len(found.questions), 'sequence')} of {counted(read, 'token')} in all"
    heads = sum(len(layer.heads) for layer in net.layers)
    seen = "causal" if net.causal else "full"
    yield (
        "network",
        f"{counted(len(net.layers), 'layer')}, {counted(heads, 'head')}, d = {net.width}, {seen} attention, "
        f"{counted(len(net.vocabulary), 'token')}, {counted(sum(1 for _ in net.numbers()), 'weight')} that are not 0",
    )
    yield "margin", f"{_shown(bundle.document['hardmax']['margin'])} with hardmax, exactly"
    if (margin := bundle.document["softmax"]["margin"]) is not None:
        yield "", f"at least {_shown(margin)} in this arithmetic"


def _printable(name: str) -> str:
    """A name from a document, which may hold anything."""
    return name if name.isprintable() else repr(name)


def _shown(number: str | None) -> str:
    return "-" if number is None else shown(number)


def findings(bundle: SequencesBundle) -> list[Findings]:
    """What each statement rests on."""
    model = bundle.found.setting.model
    observed = [
        "Separations and ties of the heads, and the margin with hardmax, are those above: exact, on these sequences.",
    ]
    if any(drift is not None for drift in bundle.found.drifts):
        observed.append("No activation is further from its value with hardmax than the drifts above say.")
    match bundle.verdict:
        case Verdict.CERTIFIED:
            observed.append("At each position asked about, the expected token's logit is above all others.")
        case Verdict.REFUTED:
            observed.append("At the position above, the expected token's logit is not above all others.")
    proved = []
    if model.linear is not None:
        proved.append(
            "A sum's error is bounded for every order and grouping of its additions, with or without fused "
            "multiply-add; roundings are monotone."
        )
    return [
        *([Findings(Basis.PROVED, tuple(proved))] if proved else []),
        Findings(Basis.OBSERVED, tuple(observed)),
        Findings(Basis.ASSUMED, tuple(_assumed(bundle))),
    ]


def _assumed(bundle: SequencesBundle) -> Iterator[str]:
    model, formats = bundle.found.setting.model, bundle.found.setting.formats
    if formats is None:
        yield "All sums, products, exponentials and quotients are those of real numbers."
        return
    yield (
        f"Kernels compute in {model.text} as certificates/NETWORKS.md, 3, says: weights and sums in "
        f"{formats.linear.name}; queries, keys, values, what heads receive, and activations rounded to "
        f"{formats.activations.name}; scores in {formats.scores.name}; exponentials exact until they are rounded."
    )
    if formats.activations != formats.linear:
        yield (
            f"Nothing else is rounded to {formats.activations.name}: kernels that round what an output projection or "
            "an MLP adds, before it is added to the residual stream, compute something else."
        )
