"""The report of ``kernel``: verdict, errors by cause, the failing input, a script; and the report of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction
from itertools import accumulate, groupby
from pathlib import Path

from exactformer.certificates.checker.kernels.execute import Key, execute, wanted
from exactformer.certificates.checker.kernels.numbers import Number
from exactformer.certificates.document import sha256
from exactformer.certificates.kernels.certificate import KernelBundle, KernelFound, Swept
from exactformer.certificates.kernels.search import Found
from exactformer.certificates.reports.facts import Findings
from exactformer.certificates.reports.layout import Column, Facts, Part, Table, counted, heading
from exactformer.certificates.reports.on_inputs import evidence
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.sequences.certificate import shown
from exactformer.verify.verdict import Basis, Verdict

CAUSES = {
    "product": "scores, as they are given",
    "argument": "arguments of exponentials, with the scale and the maximum",
    "exponential": "exponentials, in ulp",
    "underflow": "weights that become 0 or subnormal",
    "mask": "weights of masked keys",
    "cast": "weights cast to their format",
    "sums": "additions",
    "merge": "rescaling and merging of parts",
    "quotient": "the division",
    "output": "the cast of the output",
}


def report_on_kernel(bundle: KernelBundle, written: Path | None = None) -> Iterator[Part]:
    """The parts of a report. ``written``: where the certificate was written."""
    found = bundle.found
    yield verdict_line(found.verdict)
    yield bundle.claim
    if found.reason is not None:
        yield f"Nothing is proved: {found.reason}."
    yield ""
    yield Facts(tuple(_facts(found)))
    if found.errors is not None:
        yield ""
        yield heading("errors at most, by cause")
        yield Table(
            (Column("cause", key=True), Column("at most", right=True), Column("what")),
            tuple((cause, above(one), CAUSES[cause]) for cause, one in found.errors.items() if one),
        )
    if found.failing is not None:
        yield from _input("the input on which it fails", found, found.failing)
    elif found.worst is not None:
        yield from _input("of the inputs tried, the one with the largest error", found, found.worst)
    if (script := bundle.script) is not None:
        yield ""
        yield heading("the same in PyTorch")
        yield from (f"    {line}" for line in script.splitlines())
    yield from evidence(list(_findings(found)))
    if written is not None:
        yield ""
        yield Facts((("certificate", f"{written}  (sha256 {sha256(bundle.bytes)[:16]}...)"),))


def _facts(found: KernelFound) -> Iterator[tuple[str, str]]:
    text, recipe = found.asked.text, found.asked.text.recipe
    yield "recipe", f"{text.name}: {text.describes}"
    yield (
        "formats",
        f"scores {recipe.score.name}, computing {recipe.computing.name}, weights {recipe.weight.name}, values "
        f"{recipe.value.name}, output {recipe.output.name}",
    )
    yield "tolerance", number(found.tolerance)
    if found.total is not None:
        yield "error", f"at most {above(found.total)}"
    if found.worst is not None:
        yield ("" if found.total is not None else "error"), f"at least {below(found.worst.error)}, on the input below"
    for place, sentence in enumerate(text.reported):
        yield ("" if place else "reported"), sentence
    if text.repaired is not None:
        yield "repaired", f"{text.repaired} is without this"


def _input(title: str, found: KernelFound, one: Found) -> Iterator[Part]:
    yield ""
    yield heading(title)
    yield keys_table(one.keys)
    ends = wanted(found.asked.text.recipe, one.keys)
    right = "a finite number: all keys are masked" if ends is None else number(ends[0])
    yield f"From {counted(len(one.keys), 'key')} the recipe makes {number(one.output)}; the right output is {right}."


def keys_table(keys: Sequence[Key]) -> Table:
    """The keys, with equal ones in one line."""
    runs = [list(run) for _, run in groupby(keys)]
    places = accumulate(map(len, runs), initial=1)
    return Table(
        (
            Column("key", right=True, key=True),
            Column("how many", right=True),
            Column("score", right=True),
            Column("value", right=True),
            Column("masked"),
        ),
        tuple(_row(place, run) for place, run in zip(places, runs, strict=False)),
    )


def _row(place: int, run: Sequence[Key]) -> tuple[str, ...]:
    key = run[0]
    return str(place), str(len(run)), number(key.score), number(key.value), "yes" if key.masked else ""


def _findings(found: KernelFound) -> Iterator[Findings]:
    return said_of_kernel(found.verdict, found.asked.text.name, found.asked.text.believed)


def said_of_kernel(verdict: Verdict, name: str | None, believed: Sequence[str]) -> Iterator[Findings]:
    """What each statement rests on.  ``name``: the recipe's, if it is known."""
    if verdict is Verdict.PROVED:
        sentence = "All numbers are finite, and errors are within these bounds, in whatever order sums are added."
        yield Findings(Basis.PROVED, (sentence,))
    if verdict is Verdict.REFUTED:
        sentence = "The recipe was executed exactly on the input, key by key, and compared with exact softmax."
        yield Findings(Basis.PROVED, (sentence,))
    recipe = "this recipe" if name is None else f"the recipe {name}"
    computes = f"A kernel of {recipe} computes what certificates/KERNELS.md says of its fields."
    yield Findings(Basis.ASSUMED, (computes, *believed))


def number(value: Number) -> str:
    """For people: an infinity or NaN by its name."""
    return shown(str(value)) if isinstance(value, Fraction) else value.value


def above(value: Fraction) -> str:
    return shown(str(value), ROUND_CEILING)


def below(value: Number) -> str:
    return shown(str(value), ROUND_FLOOR) if isinstance(value, Fraction) else value.value


def report_on_sweep(field: str, rows: Sequence[Swept]) -> Iterator[Part]:
    """A line for each value of the field; and an input for which two of them give different outputs."""
    why = any(row.found.reason for row in rows)
    yield Table(
        (
            Column(field, key=True),
            Column("shown: at most", right=True),
            Column("found: at least", right=True),
            Column("as the first"),
            *([Column("why nothing is proved")] if why else []),
        ),
        tuple(
            (
                row.value,
                "-" if row.found.total is None else above(row.found.total),
                "-" if row.found.worst is None else below(row.found.worst.error),
                "on all tried" if row.differing is None else f"not on {counted(len(row.differing), 'key')}",
                *([row.found.reason or ""] if why else []),
            )
            for row in rows
        ),
    )
    differing = next((row for row in rows if row.differing is not None), None)
    if differing is not None and differing.differing is not None:
        yield ""
        yield heading("an input that makes a difference")
        yield keys_table(differing.differing)
        for row in (rows[0], differing):
            made = number(execute(row.found.asked.text.recipe, differing.differing))
            yield f"With {field} = {row.value} the recipe gives {made}."
