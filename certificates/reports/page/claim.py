"""The head of a page: the subject, the verdict, the claim in words, and whether the checker was asked."""

from __future__ import annotations

import shlex

from exactformer.certificates.reports.page.grounds import Checked
from exactformer.certificates.reports.page.machine import machine_of, of_library
from exactformer.certificates.reports.page.section import Section, facts, short
from exactformer.certificates.reports.page.source import Kind, Source
from exactformer.constructions.html import Markup, element, joined, paragraph
from exactformer.verify.verdict import Verdict

SIGNS = {
    Verdict.PROVED: "✓",
    Verdict.TOKENS_PROVED: "✓",
    Verdict.CERTIFIED: "✓",
    Verdict.REFUTED: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.UNSUPPORTED: "?",
}
"""Signs beside the words, so that colour alone tells no verdict."""
UNCHECKED = "?"
LONGEST_CLAIM = 4000


def title_of(source: Source, checked: Checked | None) -> str:
    """The title of the window."""
    valid = "valid" if checked is not None else "not checked"
    return f"{short(source.name, 80)}: a certificate that says {source.verdict.value} ({valid})"


def command_for(source: Source) -> str:
    """The command that checks the certificate."""
    file = shlex.quote(source.file.name)
    match source.kind:
        case Kind.RUNS | Kind.THEORY if (machine := machine_of(source)) is not None:
            return f"exactformer check {file} --machine {machine.name if of_library(machine) else 'MACHINE'}"
        case Kind.THEORY:
            return f"exactformer check {file} --theory FILE"
        case Kind.APPROXIMATION:
            return f"exactformer check {file} --function {shlex.quote(source.name)}"
    return f"exactformer check {file}"


def head_of(source: Source, checked: Checked | None) -> Markup:
    """Subject, verdict, claim and whether it was checked: the first thing to read."""
    verdict = source.verdict
    sign = element("span", SIGNS[verdict] if checked is not None else UNCHECKED, class_="sign", aria_hidden="true")
    return joined(
        (
            element("p", "exactformer: a certificate", class_="kind"),
            element("h1", short(source.name, 120)),
            element(
                "p",
                sign,
                " ",
                "The certificate says: " if checked is None else "Valid: ",
                element("strong", verdict.value),
                "." if checked is not None else " - not checked.",
                class_=f"verdict {verdict.value.split()[0] if checked is not None else 'unchecked'}",
            ),
            element("p", f"What {verdict.value} means: {verdict.meaning}", class_="meaning"),
            _status(source, checked),
        )
    )


def _status(source: Source, checked: Checked | None) -> Markup:
    command = element("code", command_for(source))
    if checked is None:
        return element(
            "p",
            element("strong", "This page did not check it."),
            " It shows what the certificate says. The checker decides whether that is true: ",
            command,
            class_="status",
        )
    return element(
        "p",
        element("strong", "It was checked when this page was made, and it is valid"),
        f": {checked.against}. To check it again: ",
        command,
        class_="status",
    )


def claim_section(source: Source) -> Section:
    """The claim, word for word."""
    statement, rows = source.statement, list[tuple[str, object]]()
    claim = str(statement["claim"])
    for title, key in (("arithmetic", "arithmetic"), ("context", "context"), ("beta", "beta")):
        if key in statement:
            given = statement[key]
            unit = " tokens" if key == "context" else ""
            rows.append((title, "none: every one is refuted" if given is None else f"{short(str(given), 200)}{unit}"))
    if source.kind is Kind.RUNS:
        rows.insert(
            0, ("inputs", short(", ".join(str(w) or "the empty word" for w in statement["scope"]["inputs"]), 300))
        )
    if source.paradigm is not None:
        rows.insert(0, ("runs as", {"cot": "chain of thought", "scot": "summarized chain of thought"}[source.paradigm]))
    return Section(
        "claim",
        "The claim",
        joined(
            (
                _in_short(source),
                element("blockquote", paragraph(short(claim, LONGEST_CLAIM))),
                facts("its setting", rows),
            )
        ),
    )


SHORTLY = {
    Verdict.PROVED: "the softmax transformer does exactly what the hardmax transformer does, and so writes the run",
    Verdict.TOKENS_PROVED: "the softmax transformer writes the run token for token; its activations may differ",
    Verdict.INCONCLUSIVE: "nothing is claimed about the softmax transformer; the hardmax transformer writes the run",
}


def _in_short(source: Source) -> Markup:
    """A claim about every run in short; the words of the certificate follow it."""
    if source.kind is not Kind.THEORY or source.paradigm is None:
        return joined(())
    statement, writes = source.statement, int(source.statement["parameters"]["WRITES"])
    what = "every chain of thought" if source.paradigm == "cot" else "every segment of a summarized chain of thought"
    few = f" and at most {writes} writes of one cell" if writes < int(statement["context"]) else ""
    return paragraph(
        f"In short, it says: in {what} of {short(source.name, 80)} with at most {int(statement['context']):,} "
        f"tokens{few}, {SHORTLY[source.verdict]}. Word for word:"
    )


def files_section(source: Source) -> Section:
    """The files that this page was made from."""
    rows: list[tuple[str, object]] = [
        ("certificate", joined((source.file.name, element("br"), "SHA-256 ", element("code", source.file.sha256))))
    ]
    if source.network_file is not None:
        rows.append(
            (
                "network",
                joined(
                    (source.network_file.name, element("br"), "SHA-256 ", element("code", source.network_file.sha256))
                ),
            )
        )
    provenance = source.document["provenance"]
    if isinstance(provenance, dict):
        rows += [
            (f"{short(str(key), 40)} (nobody checks this)", short(str(provenance[key]), 120))
            for key in ("exactformer", "created", "seconds")
            if key in provenance
        ]
    rows.append(("to check it", element("code", command_for(source))))
    return Section("files", "Files, and how to check them", facts("files", rows))
