"""A refutation on a machine's run (SPEC 8), step by step: the query, what hardmax computes and what softmax does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from exactformer.certificates.reports.page.replay import MOST_EVALUATED, Replay, replay_of
from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    figure,
    label,
    line,
    note,
    scrolled,
    short,
)
from exactformer.certificates.reports.page.source import Kind, ReportError, Source
from exactformer.certificates.sequences.certificate import shown
from exactformer.constructions.html import Markup, element, joined, paragraph, table
from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.attention import score_gaps
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork

MOST_GAPS, MOST_WITNESSES, MOST_NAMED = 12, 24, 16


@dataclass(frozen=True)
class Level:
    """Tokens whose scores are equally far below the best one: how many, and how many have the values +1 and -1."""

    gap: int
    tokens: int
    positive: int
    negative: int


@dataclass(frozen=True)
class Query:
    """What a head sees at the token of a witness, with hardmax, in one row of its values."""

    selected: tuple[int, ...]
    levels: tuple[Level, ...]


def query_of(source: Source, sequence: TokenSequence, witness: dict[str, Any]) -> Query:
    """Run the network on the tokens.  Raises what the hardmax evaluator raises."""
    token, layer, number, row = (int(witness[key]) for key in ("token", "layer", "head", "row"))
    part = TokenSequence(sequence.tokens[: token + 1], min(sequence.prompt, token + 1), token + 1)
    prepared = PreparedNetwork(source.compiled)
    batch = embed(prepared, [part])
    for stage in stages(prepared, batch):
        if stage.layer == layer and stage.sublayer is Sublayer.ATTENTION:
            gaps, values = score_gaps(source.compiled.layers[layer - 1].heads[number], stage.before, batch.start, token)
            counted = Counter(zip(map(int, gaps), map(int, values[row]), strict=True))
            levels = tuple(
                Level(gap, sum(counted[gap, value] for value in (-1, 0, 1)), counted[gap, 1], counted[gap, -1])
                for gap in sorted({gap for gap, _ in counted})
            )
            return Query(tuple(map(int, np.flatnonzero(gaps == 0))), levels)
    raise ReportError(f"there is no layer {layer}")


def refuted_run_section(source: Source) -> Section | None:
    """None unless the certificate refutes a claim about given inputs."""
    if source.kind is not Kind.RUNS or source.document["refutation"] is None:
        return None
    refutation = source.document["refutation"]
    witnesses = refutation["witnesses"]
    witness = witnesses[-1]
    replay = replay_of(source, str(source.document["runs"][int(witness["run"])]["input"]))
    if replay is None:
        return None
    heads = source.compiled.layers[int(witness["layer"]) - 1].heads
    head, token, hardmax = heads[int(witness["head"])], int(witness["token"]), int(witness["hardmax"])
    if not 0 <= token < len(replay.sequence):
        raise ReportError(f"its run has no token {token}")
    low, high = (Fraction(end) for end in witness["output"])
    steps = [element("li", step) for step in _steps(source, replay, witness, head, low, high)]
    return Section(
        "counterexample",
        "The counterexample, step by step",
        joined(
            (
                paragraph(str(refutation["reason"])),
                element("ol", *steps, class_="steps"),
                _picture(hardmax, low, high),
                _witnesses(source, witnesses),
            )
        ),
    )


def _steps(
    source: Source, replay: Replay, witness: dict[str, Any], head: CompiledHead, low: Fraction, high: Fraction
) -> list[Markup]:
    token, hardmax, layer = int(witness["token"]), int(witness["hardmax"]), int(witness["layer"])
    network, exponent = source.compiled, int(witness["exponents"][1])
    what = network.vocabulary.describe(replay.sequence.tokens[token])
    of_segment = "" if source.paradigm == "cot" else f" of segment {int(witness['segment'])}"
    ties = int(witness["maximisers"])
    share = (
        "one token has the best score, and its value is" if ties == 1 else f"{ties:,} tokens share the best score, and"
    )
    wrong = f"That is not {hardmax}."
    if low <= hardmax <= high:
        wrong = f"That does not exclude {hardmax}: the checker does not accept such a refutation."
    found = [
        paragraph(f"The machine {replay.machine.name} runs on {short(replay.word, 80) or 'the empty word'}."),
        paragraph(f"At token {token}{of_segment}, {what}, the network has read {token + 1:,} tokens."),
        joined(
            (
                paragraph(
                    f"In layer {layer}, head {head.name} scores all of them. In exact numbers {share} "
                    + (f"{hardmax}." if ties == 1 else f"all have the value {hardmax}.")
                ),
                _seen(source, replay, witness),
            )
        ),
        paragraph(f"Hardmax takes the mean of those with the best score: {hardmax}."),
        paragraph(
            f"Softmax, in the arithmetic {source.statement['arithmetic']} at beta = 2^{exponent}, weighs all of them "
            f"and rounds: its result is {_between(low, high)}. {wrong}"
        ),
    ]
    row = int(witness["row"])
    name = network.coordinate_name(head.out[row])
    found.append(
        paragraph(
            f"No other head of the layer writes {name}, where this row of the head writes: so if all activations were "
            f"right up to here, {name} is wrong after this layer's attention. Somewhere the activations are not the "
            "hardmax ones."
        )
    )
    return found


def _between(low: Fraction, high: Fraction) -> str:
    if low == high:
        return f"exactly {low}" if len(str(low)) <= 40 else f"{shown(str(low))}"
    return f"from {shown(str(low))} to {shown(str(high))}"


def _seen(source: Source, replay: Replay, witness: dict[str, Any]) -> Markup:
    """How far scores are below the best one, as the hardmax network has them."""
    if int(witness["token"]) >= MOST_EVALUATED:
        return note(f"The scores are not listed: for a page the network is run on at most {MOST_EVALUATED:,} tokens.")
    try:
        query = query_of(source, replay.sequence, witness)
    except (ValueError, LookupError, ArithmeticError) as error:
        return note(f"The scores are not listed: the network does not run on this word ({short(str(error), 160)}).")
    rows = [
        (
            level.gap,
            f"{level.tokens:,}",
            f"{level.positive:,}",
            f"{level.negative:,}",
            f"{level.tokens - level.positive - level.negative:,}",
        )
        for level in query.levels[:MOST_GAPS]
    ]
    listed = table(
        ["below the best by", "tokens", "with value 1", "with value -1", "with value 0"],
        rows,
        caption="Scores at this token, before beta multiplies them, computed when this page was made",
        headed=True,
        numbers=range(5),
    )
    names = ", ".join(map(str, query.selected[:MOST_NAMED]))
    more = f" and {len(query.selected) - MOST_NAMED:,} more" if len(query.selected) > MOST_NAMED else ""
    rest = len(query.levels) - MOST_GAPS
    return joined(
        (
            scrolled("scores at this token", listed),
            note(f"{rest:,} lower scores are left out.") if rest > 0 else "",
            note(f"Selected: token {names}{more}."),
        )
    )


def _picture(hardmax: int, low: Fraction, high: Fraction) -> Markup:
    """Both results on the line of numbers from -1 to 1, or further."""
    ends = [Fraction(-1), Fraction(1), low, high]
    least, most = min(ends), max(ends)
    wide, left = 560.0, 40.0

    def place(number: Fraction) -> float:
        return left + wide * float((number - least) / (most - least))

    shapes = [line(left, 60, left + wide, 60, "axis")]
    for number in (-1, 0, 1):
        x = place(Fraction(number))
        shapes += [line(x, 55, x, 65, "axis"), label(x, 82, number, text_anchor="middle", class_="small")]
    x = place(Fraction(hardmax))
    shapes.append(
        element("circle", element("title", f"hardmax: {hardmax}"), cx=f"{x:.1f}", cy="60", r="8", class_="right")
    )
    shapes.append(label(x, 42, f"hardmax {hardmax}", text_anchor="middle"))
    a, b = place(low), place(high)
    said = f"softmax gives {_between(low, high)}"
    shapes.append(bar(a - 4, 52, b - a + 8, 16, "bar bad", said))
    middle = min(max((a + b) / 2, left + 60), left + wide - 60)
    shapes.append(label(middle, 108, f"softmax, rounded: {_between(low, high)}", text_anchor="middle"))
    return figure(
        drawing("What hardmax and softmax give", f"Hardmax gives {hardmax}; {said}.", 640, 120, *shapes),
        "On the line of numbers, the circle is what the head should give, the dashed bar what it gives.",
    )


def _witnesses(source: Source, witnesses: list[dict[str, Any]]) -> Markup:
    """The witnesses, if several betas are refuted, each by a query of its own."""
    if len(witnesses) == 1 and witnesses[0]["exponents"][0] == witnesses[0]["exponents"][1]:
        return joined(())
    rows = []
    for one in witnesses[:MOST_WITNESSES]:
        first, last = (int(exponent) for exponent in one["exponents"])
        name = source.compiled.layers[int(one["layer"]) - 1].heads[int(one["head"])].name
        betas = f"2^{first}" if first == last else f"2^{first}..2^{last}"
        made = _between(*(Fraction(end) for end in one["output"]))
        rows.append(
            (betas, f"run {one['run']}, token {one['token']}", f"layer {one['layer']}, {name}", one["hardmax"], made)
        )
    titles = ["beta", "at", "head", "hardmax", "softmax makes"]
    listed = table(titles, rows, caption="A witness for every beta that is refuted", headed=True)
    more = len(witnesses) - MOST_WITNESSES
    return joined(
        (scrolled("witnesses by beta", listed), note(f"{more:,} witnesses are left out.") if more > 0 else "")
    )
