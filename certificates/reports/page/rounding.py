"""The rounding bound of the head that is nearest to failing, as a picture.

What a head computes is off from the hardmax value before it is rounded last: by what tokens that are not selected weigh,
and by roundings before.  Where that is less than half of what separates the value from its neighbours in the activation
format, rounding gives the hardmax value.  Everything here is on a logarithmic scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.reports.page.heads import Case, binding, groups_of
from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    figure,
    label,
    layers_of,
    line,
    logarithm,
    note,
    power_above,
)
from exactformer.certificates.reports.page.source import Kind, Source
from exactformer.constructions.html import Markup, joined, paragraph, table
from exactformer.verify.arithmetic.formats import rounding_cell
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, parse_arithmetic

LEFT, WIDE, HIGH = 210.0, 440.0, 62.0


@dataclass(frozen=True)
class Off:
    """How far the result may be from a hardmax value on one side, and how far it may be to be rounded to it."""

    title: str
    at_most: Fraction
    allowed: Fraction | None

    @property
    def enough(self) -> bool:
        """Whether rounding gives the hardmax value; what is not off at all needs no rounding."""
        return self.at_most == 0 or (self.allowed is not None and self.at_most <= self.allowed)


def offs(model: ArithmeticModel, case: Case) -> list[Off]:
    """On each side of 1, and of 0; nothing where nothing is bounded."""
    below = above = zero = None
    if not isinstance(model, Exact) and not model.steps.truncate:
        one = rounding_cell(model.activations, Fraction(1))
        below, above = 1 - one.low, one.high - 1
        zero = rounding_cell(model.activations, Fraction(0)).high
    found = []
    if case.one is not None:
        found.append(Off("value 1: below it", max(Fraction(0), 1 - case.one.low), below))
        found.append(Off("value 1: above it", max(Fraction(0), case.one.high - 1), above))
    if case.zero is not None:
        found.append(Off("value 0: on either side", case.zero.magnitude, zero))
    return found


def rounding_section(source: Source) -> Section | None:
    """The picture and its numbers; none where the certificate does not speak of such heads."""
    if source.kind not in (Kind.RUNS, Kind.THEORY):
        return None
    found = binding(groups_of(source))
    if found is None or found.case is None:
        return None
    case, model = found.case, parse_arithmetic(source.statement["arithmetic"])
    sides = offs(model, case)
    where = f"layers {layers_of(found.layers)}" if len(found.layers) > 1 else f"layer {found.layers[0]}"
    beta = source.statement["beta"]
    at = "no beta that is admitted is enough; drawn is the largest" if beta is None else f"beta = {beta}"
    body = [
        paragraph(
            f"Of all heads {found.head.name} ({where}) is nearest to failing: separation {case.separation}, up to "
            f"{case.most_ties} ties, {source.statement['context']} tokens; {at}. A head computes the hardmax value, plus "
            "what tokens that are not selected weigh and what was rounded on the way. If that is less than the limit, "
            "the last rounding takes it away."
        )
    ]
    if sides:
        body.append(_picture(model, sides))
        body.append(
            table(
                ["side", "off by at most", "rounded away up to", "is that enough?"],
                (
                    (
                        one.title,
                        power_above(one.at_most),
                        "-" if one.allowed is None else power_above(one.allowed),
                        "yes" if one.enough else "not shown",
                    )
                    for one in sides
                ),
                caption="The rounding bound of this head, computed when this page was made",
                headed=True,
                numbers=[1, 2],
            )
        )
    if case.why is not None:
        body.append(note(f"Why it is not shown: {case.why}."))
    if isinstance(model, Exact):
        body.append(note("In this arithmetic nothing is rounded, so that nothing takes away what other tokens weigh."))
    return Section("rounding", "The rounding bound of the binding head", joined(body))


def _picture(model: ArithmeticModel, sides: list[Off]) -> Markup:
    numbers = [number for one in sides for number in (one.at_most, one.allowed) if number]
    low = min((logarithm(number) for number in numbers), default=-8.0) - 8
    high = max((logarithm(number) for number in numbers), default=0.0) + 2

    def place(number: Fraction) -> float:
        return LEFT + WIDE * (logarithm(number) - low) / (high - low)

    shapes = list[Markup]()
    for row, one in enumerate(sides):
        y = 14 + row * HIGH
        kind = "good" if one.enough else "bad"
        shapes.append(label(LEFT - 10, y + 15, one.title, text_anchor="end"))
        if one.allowed is not None:
            x = place(one.allowed)
            shapes.append(bar(LEFT, y, x - LEFT, 20, "room", f"rounded away up to {power_above(one.allowed)}"))
            shapes.append(line(x, y - 4, x, y + 24, "mark"))
            shapes.append(label(x, y + 38, f"limit {power_above(one.allowed)}", text_anchor="middle"))
        said = f"off by at most {power_above(one.at_most)}"
        end = place(one.at_most) if one.at_most else LEFT
        shapes.append(bar(LEFT, y + 4, end - LEFT, 12, f"bar {kind}", said))
        shapes.append(label(LEFT + 6 if end - LEFT < 150 else LEFT, y + 38, said, text_anchor="start"))
    name = "real numbers" if isinstance(model, Exact) else model.activations.name
    picture = drawing(
        "rounding-bound",
        "How far the result is off before the last rounding, and how far it may be",
        "; ".join(
            f"{one.title}: off by at most {power_above(one.at_most)}"
            + ("" if one.allowed is None else f", limit {power_above(one.allowed)}")
            for one in sides
        ),
        LEFT + WIDE + 150,
        20 + HIGH * len(sides),
        *shapes,
    )
    return figure(
        picture,
        f"Distances from the hardmax value, on a logarithmic scale: to the left is nearer. The dark bar is how far the "
        f"result may be off; the pale one ends where {name} would round to a neighbour. A bar past its limit is hatched.",
    )
