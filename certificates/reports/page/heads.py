"""Separations and ties by head: a table, and a drawing of how much separation the arithmetic needs of each head."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    figure,
    label,
    layers_of,
    left_out,
    line,
    logarithm,
    note,
    scrolled,
)
from exactformer.certificates.reports.page.source import Json, Kind, Source
from exactformer.certificates.sequences.certificate import shown
from exactformer.constructions.html import Markup, joined, table
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError, largest_beta_exponent, parse_arithmetic
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties
from exactformer.verify.arithmetic.softmax import Decision, Fails, HeadFacts, decide, smallest_beta
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties

MOST_ROWS = 60
MOST_CASES = 24
"""The most pairs of separation and ties whose inequalities are decided for the picture."""
MOST_TIES = 1 << 12
"""The most numbers of ties of one head that are decided one by one."""


@dataclass(frozen=True)
class Head:
    """What a certificate says about a head; ``ties`` are ranges."""

    layer: int
    name: str
    separation: Fraction | None
    ties: tuple[tuple[int, int], ...]
    evidence: str | None
    holds: bool | None

    @property
    def most_ties(self) -> int:
        return max((high for _, high in self.ties), default=0)


@dataclass(frozen=True)
class Case:
    """Heads that agree in separation and ties, in the certificate's arithmetic at its beta.

    ``needed``: the smallest admitted power of two at which the inequalities hold, None if there is none; ``one`` and
    ``zero``: the number before the last rounding if the value is 1, and if it is 0, as far as it is bounded.
    """

    separation: int
    most_ties: int
    needed: int | None
    holds: bool
    one: Interval | None
    zero: Interval | None
    why: str | None


@dataclass(frozen=True)
class Group:
    """Heads of one name with the same separation and ties, and the layers that have them."""

    head: Head
    layers: tuple[int, ...]
    case: Case | None


def heads_of(source: Source) -> list[Head]:
    """All heads that a certificate lists."""
    document = source.document
    if source.kind in (Kind.RUNS, Kind.THEORY):
        records = document["heads"]
    elif source.kind is Kind.SEQUENCES and document["hardmax"] is not None:
        records = document["hardmax"]["heads"]
    else:
        records = []
    return [
        Head(
            int(one["layer"]),
            str(one["name"]),
            None if one["separation"] is None else Fraction(one["separation"]),
            _ties(one["ties"]),
            one.get("evidence"),
            one.get("holds"),
        )
        for one in records
    ]


def _ties(written: Json) -> tuple[tuple[int, int], ...]:
    """Ranges, or the largest number from 1 on."""
    if isinstance(written, list):
        return tuple((int(low), int(high)) for low, high in written)
    return ((1, int(written)),)


def groups_of(source: Source) -> list[Group]:
    """Heads by name, separation and ties, in the order of their first layer."""
    together: dict[tuple[object, ...], list[Head]] = defaultdict(list)
    for head in heads_of(source):
        together[head.name, head.separation, head.ties, head.evidence, head.holds].append(head)
    cases = dict(_cases(source, [alike[0] for alike in together.values()]))
    return [
        Group(alike[0], tuple(one.layer for one in alike), cases.get((alike[0].separation, alike[0].ties)))
        for alike in together.values()
    ]


Key = tuple[Fraction | None, tuple[tuple[int, int], ...]]


def _cases(source: Source, heads: Sequence[Head]) -> Iterable[tuple[Key, Case]]:
    """What the inequalities say about each separation and ties; nothing if they do not apply or are not decided."""
    statement = source.statement
    if source.kind not in (Kind.RUNS, Kind.THEORY):
        return
    model, context = parse_arithmetic(statement["arithmetic"]), int(statement["context"])
    beta = None if statement["beta"] is None else int(statement["beta"])
    network = source.network or {}
    longest = max((len(head["query"]) for layer in network["layers"] for head in layer["heads"]), default=0)
    for separation, ties in list(dict.fromkeys((head.separation, head.ties) for head in heads))[:MOST_CASES]:
        if not ties:
            continue
        apart = 2 * longest + 1 if separation is None else int(separation)
        try:
            yield (separation, ties), _case(model, apart, ties, context, beta, longest)
        except ModelError:
            continue


def _case(
    model: ArithmeticModel,
    separation: int,
    ties: tuple[tuple[int, int], ...],
    context: int,
    beta: int | None,
    longest: int,
) -> Case:
    admitted, most = largest_beta_exponent(model, longest), max(high for _, high in ties)
    rounded_from = longest if model.steps.once else None
    if ties == ((1, most),) or sum(high - low + 1 for low, high in ties) > MOST_TIES:
        facts = TieFacts(separation, most, context, rounded_from)
        needed = smallest_beta_for_ties(model, facts, admitted)
        at = beta or needed or 1 << admitted
        found = decide_ties(model, facts, at)
        decision: Decision | None = None
        if found.up_to < most and found.up_to + 1 <= context:
            decision = decide(model, HeadFacts(separation, (found.up_to + 1,), context, rounded_from), at)
        why = decision.reason.sentence if isinstance(decision, Fails) else None
        one, zero = found.one, found.zero
        if decision is not None:
            one, zero = one or decision.bounds.one, zero or decision.bounds.zero
        return Case(separation, most, needed, found.up_to >= most, one, zero, why)
    numbers = tuple(sorted({number for low, high in ties for number in range(low, high + 1)}))
    given = HeadFacts(separation, numbers, context, rounded_from)
    needed = smallest_beta(model, given, admitted)
    decided = decide(model, given, beta or needed or 1 << admitted)
    why = decided.reason.sentence if isinstance(decided, Fails) else None
    return Case(separation, most, needed, why is None, decided.bounds.one, decided.bounds.zero, why)


def binding(groups: Sequence[Group]) -> Group | None:
    """The head that is nearest to failing: one that is not shown to hold, else the one that needs the largest beta."""
    decided = [group for group in groups if group.case is not None]

    def strain(group: Group) -> tuple[bool, bool, int, int]:
        case = group.case
        if case is None:
            return (False, False, 0, 0)
        return (not case.holds, case.needed is None, case.needed or 0, case.most_ties)

    return max(decided, key=strain, default=None)


EVIDENCE = "how the separation is known: proved, for all positions, or observed, on these runs only"
MEANINGS: Mapping[str, str] = {
    "separation": "by how much the best score exceeds the others, before beta multiplies it; - if all tie",
    "ties": "how many tokens may share the best score",
    "holds": "whether the certificate says that the head gives the hardmax value after rounding",
    "needs beta": "the smallest power of two at which the inequalities hold, computed when this page was made; none: "
    "no admitted power is enough",
}


def heads_section(source: Source) -> Section | None:
    """Separation, ties and margin of each head; None if the certificate lists no heads."""
    groups = groups_of(source)
    if not groups:
        return None
    decided, observed = source.kind is not Kind.SEQUENCES, source.kind is Kind.RUNS
    titles = ["head", "layers", "separation", *(["evidence"] if observed else []), "ties"]
    titles += ["holds", "needs beta"] if decided else []
    table_of_heads = table(
        titles,
        (_row(group, decided, observed) for group in groups[:MOST_ROWS]),
        caption="Separation and ties of each head, as the certificate states them",
        headed=True,
        numbers=[2],
    )
    meanings = [(title, text) for title, text in MEANINGS.items() if title in titles]
    if observed:
        meanings.append(("evidence", EVIDENCE))
    picture = _separations(source, groups) if decided else joined(())
    return Section(
        "heads",
        "Heads: separations and margins",
        joined(
            (
                _margin(source),
                picture,
                scrolled("separation and ties of each head", table_of_heads),
                left_out(min(MOST_ROWS, len(groups)), len(groups), "kinds of heads"),
                note(joined(Markup(f"<b>{title}</b>: {text}. ") for title, text in meanings)),
            )
        ),
    )


def _row(group: Group, decided: bool, observed: bool) -> list[str]:
    head, case = group.head, group.case
    separation = "-" if head.separation is None else shown(str(head.separation))
    ties = ", ".join(str(low) if low == high else f"{low}..{high}" for low, high in head.ties[:4]) or "-"
    ties += ", .." if len(head.ties) > 4 else ""
    row = [head.name, layers_of(group.layers), separation, *([head.evidence or ""] if observed else []), ties]
    if decided:
        holds = {True: "yes", False: "not shown", None: "-"}[head.holds]
        row += [holds, "-" if case is None else "none" if case.needed is None else str(case.needed)]
    return row


def _margin(source: Source) -> Markup:
    """By how much right tokens are ahead, as the certificate states it."""
    document = source.document
    match source.kind:
        case Kind.THEORY if document["margin"] is not None:
            return note(
                f"Margin: the certificate says that the logit of every wrong token is at least {document['margin']} "
                "below that of the right one."
            )
        case Kind.RUNS:
            least = min(int(segment["margin"]) for run in document["runs"] for segment in run["segments"])
            return note(
                f"Margin: the certificate says that on these runs every right token's logit is at least {least} above "
                "all others."
            )
        case Kind.SEQUENCES if document["hardmax"] is not None:
            return note(f"Margin with hardmax, as the certificate states it: {shown(document['hardmax']['margin'])}.")
    return joined(())


LEFT, WIDE, HIGH = 230.0, 430.0, 24.0
"""Measures of the picture: where bars begin, how long the longest is, and the height of a row."""


def _separations(source: Source, groups: Sequence[Group]) -> Markup:
    """How far the next score is below the best one, times beta, beside what the arithmetic needs."""
    given = source.statement["beta"]
    drawn = [(group, group.case) for group in groups if group.case is not None][:MOST_ROWS]
    if given is None or not drawn:
        return joined(())
    beta = int(given)
    top = max(
        max(logarithm(Fraction(beta * case.separation)) for _, case in drawn),
        max(logarithm(Fraction((case.needed or 1) * case.separation)) for _, case in drawn),
        1.0,
    )
    shapes = list[Markup]()
    for place, (group, case) in enumerate(drawn):
        y = 8 + place * HIGH
        have = beta * case.separation
        length = WIDE * logarithm(Fraction(have)) / top
        name = group.head.name if len(group.head.name) <= 22 else f"{group.head.name[:20]}.."
        needed = "no admitted beta is shown to be enough"
        if case.needed is not None:
            needed = f"enough: {case.needed * case.separation}"
        kind = "good" if case.holds else "bad"
        said = f"{group.head.name}, layers {layers_of(group.layers)}: beta x separation = {have}; {needed}"
        shapes.append(label(LEFT - 8, y + 15, name, text_anchor="end"))
        shapes.append(bar(LEFT, y + 3, length, 14, f"bar {kind}", said))
        if case.needed is not None:
            x = LEFT + WIDE * logarithm(Fraction(case.needed * case.separation)) / top
            shapes.append(line(x, y, x, y + 20, "mark"))
        shapes.append(label(LEFT + max(length, 0) + 10, y + 15, f"{have}" + ("" if case.holds else " - not enough")))
    picture = drawing(
        "Beta times separation, by head",
        f"A bar for each of {len(drawn)} kinds of heads: beta times separation, on a logarithmic scale. A mark shows "
        "how much is enough. The table below has the numbers.",
        LEFT + WIDE + 190,
        16 + HIGH * len(drawn),
        *shapes,
    )
    return figure(
        picture,
        f"How far the exponent of every other token is below that of the selected ones: beta = {beta} times the "
        "separation, on a logarithmic scale. The mark shows how long the bar would be at the smallest power of two "
        "that is enough in this arithmetic; a bar that is too short is dashed.",
    )
