"""``exactformer lemmas``: decides the lemma book or a part of it, or changes weights and sees whether it notices."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.held_output import say_so_far
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.reports.layout import Column, Line, Part, Table, heading
from exactformer.certificates.reports.verdicts import COLOUR
from exactformer.verify.lemmas.book import BOOK, BUDGET_SECONDS, DEFAULT_WIDTHS, Entry, NoSuchLemma, chosen, plan, run
from exactformer.verify.lemmas.lemma import Lemma
from exactformer.verify.lemmas.mutation import FAMILIES, Tally, tally
from exactformer.verify.lemmas.outcome import Disproved, Established, Open
from exactformer.verify.verdict import Fate, Verdict

LARGEST_WIDTH = 64
LARGEST_MUTATED = 4
"""The largest width for mutants: equivalent ones are evaluated on all inputs, exponentially many in the width."""
MUTATION_WIDTHS = (3,)


def execute(
    widths: tuple[str, ...], only: tuple[str, ...], budget: int | None, by_mutation: bool, as_json: bool
) -> None:
    """Decide what was asked for, print it, and end with the exit code of the worst verdict."""
    seconds = BUDGET_SECONDS if budget is None else budget
    with refusing(NoSuchLemma):
        lemmas = chosen(only)
    if by_mutation:
        names = _mutable(only)
        _mutate(names, parse_widths(widths, LARGEST_MUTATED) or MUTATION_WIDTHS, seconds, as_json)
    else:
        _decide(lemmas, parse_widths(widths, LARGEST_WIDTH) or DEFAULT_WIDTHS, seconds, as_json)


def parse_widths(texts: Sequence[str], largest: int) -> tuple[int, ...]:
    """Widths and ranges of them, ascending.

    >>> parse_widths(["8", "2..4"], 64)
    (2, 3, 4, 8)
    """
    widths = set[int]()
    for text in texts:
        found = re.fullmatch(r"([0-9]{1,3})(?:\.\.([0-9]{1,3}))?", text, re.ASCII)
        if found is None:
            raise InputRefused(f"--width {text}: give a number of bits, like 16, or a range, like 2..32")
        low, high = int(found[1]), int(found[2] or found[1])
        if not 1 <= low <= high <= largest:
            raise InputRefused(f"--width {text}: give widths from 1 to {largest}, the smaller end of a range first")
        widths |= set(range(low, high + 1))
    return tuple(sorted(widths))


def _decide(lemmas: Sequence[Lemma], widths: tuple[int, ...], budget: int, as_json: bool) -> None:
    entries = list[Entry]()
    total, started = len(plan(lemmas, widths)), time.perf_counter()
    with LateProgress(enabled=not as_json) as progress:
        decided = _counted(run(lemmas, widths, budget), entries, progress, total)
        for _, group in groupby(decided, key=lambda entry: entry.lemma.identifier):
            results = list(group)
            if not as_json:
                show(lemma_lines(results))
                say_so_far()
    verdicts = [entry.verdict for entry in entries]
    left_out = [lemma.identifier for lemma in lemmas if lemma.identifier not in {e.lemma.identifier for e in entries}]
    if as_json:
        click.echo(json.dumps(_plain(entries, widths, left_out), indent=2))
    else:
        show(summary_lines(entries, left_out, time.perf_counter() - started))
    # If nothing was decided, nothing is certified.
    raise click.exceptions.Exit(EXIT_CODE[Verdict.together(verdicts)])


def _counted(decided: Iterator[Entry], entries: list[Entry], progress: LateProgress, total: int) -> Iterator[Entry]:
    for entry in decided:
        entries.append(entry)
        progress("lemmas", len(entries), total)
        yield entry


def lemma_lines(results: Sequence[Entry]) -> Iterator[Part]:
    """A line with verdict, widths and time; the statement; method and source; counterexamples and open cases."""
    lemma = results[0].lemma
    for verdict, colour in COLOUR.items():
        if entries := [one for one in results if one.verdict is verdict]:
            seconds = sum(one.seconds for one in entries)
            at = _widths([one.width for one in entries if one.width is not None])
            yield heading(f"{lemma.identifier}: {verdict.value}{f' at {at}' if at else ''}, {seconds:.2f} s", fg=colour)
    yield f"    {lemma.statement}"
    yield f"    {_basis(lemma)}"
    for entry in results:
        where = "" if entry.width is None else f"r = {entry.width}: "
        match entry.outcome:
            case Disproved(counterexample):
                yield Line(f"    {where}{counterexample}", (("fg", COLOUR[Verdict.REFUTED]),))
            case Open(reason):
                yield Line(f"    {where}{reason}", (("fg", COLOUR[Verdict.INCONCLUSIVE]),))
            case Established():
                pass


def _basis(lemma: Lemma) -> str:
    rests = f"; rests on {', '.join(lemma.rests_on)}" if lemma.rests_on else ""
    return f"by: {lemma.method}; from: {lemma.source}{rests}"


def _widths(widths: Sequence[int]) -> str:
    """r = 2..8, 16

    >>> _widths([2, 3, 4, 8]), _widths([4, 6, 8]), _widths([])
    ('r = 2..4, 8', 'r = 4, 6, 8', '')
    """
    runs = [[n for _, n in group] for _, group in groupby(enumerate(widths), lambda pair: pair[1] - pair[0])]
    texts = [str(one[0]) if len(one) == 1 else f"{one[0]}..{one[-1]}" for one in runs]
    if len(texts) > 4:
        texts = [*texts[:2], "...", texts[-1]]
    return f"r = {', '.join(texts)}" if texts else ""


def summary_lines(entries: Sequence[Entry], left_out: Sequence[str], seconds: float) -> Iterator[Part]:
    """How many lemmas were decided, and how."""
    counts = Counter(entry.verdict for entry in entries)
    lemmas = len({entry.lemma.identifier for entry in entries})
    shown = [verdict for verdict in Verdict if counts[verdict] or verdict is Verdict.PROVED]
    said = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in shown)
    times = f"{len(entries)} times in all" if len(entries) > lemmas else "once each"
    yield ""
    yield f"{lemmas} lemma{'s' * (lemmas != 1)}, decided {times}: {said}; {seconds:.1f} s"
    if left_out:
        yield f"not stated at these widths: {', '.join(left_out)}"


def _plain(entries: Sequence[Entry], widths: tuple[int, ...], left_out: Sequence[str]) -> dict[str, Any]:
    lemmas = {entry.lemma.identifier: entry.lemma for entry in entries}
    return {
        "widths": list(widths),
        "lemmas": [
            {
                "identifier": identifier,
                "statement": lemma.statement,
                "source": lemma.source,
                "method": lemma.method,
                "rests_on": list(lemma.rests_on),
                "results": [_plain_result(entry) for entry in entries if entry.lemma.identifier == identifier],
            }
            for identifier, lemma in lemmas.items()
        ],
        "not_stated_at_these_widths": list(left_out),
    }


def _plain_result(entry: Entry) -> dict[str, Any]:
    result: dict[str, Any] = {"width": entry.width, "verdict": entry.verdict.value, "seconds": round(entry.seconds, 4)}
    match entry.outcome:
        case Established(queries, cases, evidence):
            return result | {"queries": queries, "cases": cases, "evidence": list(evidence)}
        case Disproved(counterexample):
            return result | {"counterexample": counterexample}
        case Open(reason):
            return result | {"reason": reason}


def _mutable(only: Sequence[str]) -> list[str]:
    """The lemmas about neurons among those named."""
    names = [
        one.identifier
        for one in BOOK
        if one.identifier in FAMILIES
        and (not only or any(one.identifier == name or one.identifier.startswith(f"{name}.") for name in only))
    ]
    if not names:
        raise InputRefused(f"--mutate changes weights; the lemmas about weights are {', '.join(FAMILIES)}")
    return names


def _mutate(names: Sequence[str], widths: tuple[int, ...], budget: int, as_json: bool) -> None:
    tallies = list[tuple[int, Tally, float]]()
    with LateProgress(enabled=not as_json) as progress:
        for width in widths:
            for name in names:
                started = time.perf_counter()
                found = tally(name, width, budget)
                tallies.append((width, found, time.perf_counter() - started))
                progress("mutants", len(tallies), len(names) * len(widths))
    if as_json:
        click.echo(json.dumps({"mutation": [_plain_tally(*one) for one in tallies]}, indent=2))
    else:
        show(tally_lines(tallies))
    missed = any(found.counts[Fate.MISSED] for _, found, _ in tallies)
    raise click.exceptions.Exit(EXIT_CODE[Verdict.of(not missed)])


def tally_lines(tallies: Sequence[tuple[int, Tally, float]]) -> Iterator[Part]:
    """How many mutants of each lemma's weights were caught."""
    yield "Each weight +-1, 0 and negated, each bias +-1, each neuron left out, one change at a time."
    yield from (f"{fate.value}: {fate.meaning}" for fate in Fate)
    yield ""
    rows = [_tally_row(found.identifier, str(width), found, seconds) for width, found, seconds in tallies]
    everything = Tally.together([found for _, found, _ in tallies])
    rows.append(_tally_row("all", "", everything, sum(seconds for *_, seconds in tallies)))
    counts = ("mutants", *(fate.value for fate in Fate), "kill rate", "seconds")
    columns = (
        Column("lemma", key=True),
        Column("r", right=True, key=True),
        *(Column(one, right=True) for one in counts),
    )
    yield Table(columns, tuple(rows))
    for width, found, _ in tallies:
        for one in found.survivors:
            if one.fate is Fate.MISSED:
                yield heading(
                    f"{one.fate.value} at r = {width}: {one.claim}, {one.mutant.change}: {one.because}", fg="red"
                )


def _tally_row(name: str, width: str, found: Tally, seconds: float) -> tuple[str, ...]:
    counts = (found.mutants, *found.counts.values())
    return (name, width, *map(str, counts), found.kill_rate, f"{seconds:.2f}")


def _plain_tally(width: int, found: Tally, seconds: float) -> dict[str, Any]:
    return {
        "identifier": found.identifier,
        "width": width,
        "mutants": found.mutants,
        **{fate.value: count for fate, count in found.counts.items()},
        "seconds": round(seconds, 4),
        "survivors": [
            {"claim": one.claim, "change": one.mutant.change, "fate": one.fate.value, "because": one.because}
            for one in found.survivors
        ],
    }
