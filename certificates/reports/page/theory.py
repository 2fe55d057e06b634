"""What certificates about other theories than machines' runs, and about approximations, are about."""

from __future__ import annotations

from exactformer.certificates.reports.page.section import Section, facts, left_out, note, scrolled, short
from exactformer.certificates.reports.page.source import Kind, Source
from exactformer.constructions.html import folded, joined, table

MOST_TOKENS, MOST_WITNESSES, LONGEST_TEXT = 40, 3, 40_000


def theory_section(source: Source) -> Section | None:
    """The theory's text, its parameters, and a sequence of it; None for other kinds."""
    if source.kind is not Kind.THEORY:
        return None
    statement = source.statement
    text = str(statement["theory"]["text"])
    parameters = [(name, _parameter(value)) for name, value in sorted(statement["parameters"].items())]
    body = [
        facts(
            "the theory",
            [
                ("name", short(str(source.theory))),
                ("SHA-256 of its text", short(str(statement["theory"]["sha256"]), 64)),
            ],
        ),
        scrolled("parameters", table(["parameter", "is"], parameters, caption="Its parameters", headed=True)),
        folded("Its text", text[:LONGEST_TEXT]),
        note(f"{len(text) - LONGEST_TEXT:,} characters of the text are left out.") if len(text) > LONGEST_TEXT else "",
    ]
    witnesses = source.document["witnesses"]
    for number, witness in enumerate(witnesses[:MOST_WITNESSES]):
        rows = [
            (
                place,
                str(token["class"]),
                short(", ".join(f"{name} = {_ghost(v)}" for name, v in token["ghosts"].items())),
            )
            for place, token in enumerate(witness[:MOST_TOKENS])
        ]
        caption = f"Sequence {number} of those that the certificate gives as examples of the theory"
        listed = scrolled(caption, table(["token", "class", "ghosts"], rows, caption=caption, headed=True, numbers=[0]))
        body.append(folded(f"An example, {len(witness):,} tokens", listed))
        body.append(left_out(len(rows), len(witness), "tokens of this example"))
    body.append(left_out(min(MOST_WITNESSES, len(witnesses)), len(witnesses), "examples"))
    return Section("theory", "The theory", joined(body))


def _parameter(value: object) -> str:
    if isinstance(value, list):
        if value and isinstance(value[0], list):
            return f"a table of {len(value):,} rows"
        return short(" ".join(map(str, value)), 200)
    return short(str(value), 200)


def _ghost(value: object) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def approximation_section(source: Source) -> Section | None:
    """The numbers of the claim; None for other kinds."""
    if source.kind is not Kind.APPROXIMATION:
        return None
    statement, evidence = source.statement, source.document["evidence"]
    rows = [(name, short(str(statement[name]), 80)) for name in FIELDS]
    seen = [(name, f"{int(evidence[name]):,}") for name in EVIDENCE]
    return Section(
        "approximation",
        "The approximation",
        joined(
            (
                table(["field", "is"], rows, caption="What is claimed, in numbers", headed=True),
                table(["field", "is"], seen, caption="What the evidence covers", headed=True, numbers=[1]),
                note("certificates/APPROXIMATION.md says what each field means."),
            )
        ),
    )


FIELDS = ("n", "d", "delta", "positional", "epsilon", "p", "cell_error", "repeated", "sup", "integral_bound")
EVIDENCE = ("quantisation_layers", "cells", "sequences", "layers")
