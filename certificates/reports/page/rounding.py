"""The rounding bound of the head that is nearest to failing, as a picture.

Before the last rounding, what a head computes is off from the hardmax value: tokens that are not selected have some
weight, and earlier roundings err.  If the error is less than half the distance from the value to its neighbour in the
activation format, the last rounding gives the hardmax value.  Everything here is on a logarithmic scale.
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
from exactformer.verify.arithmetic.exp_bounds import exp_minus_upper
from exactformer.verify.arithmetic.formats import rounding_cell
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, is_plain, parse_arithmetic

LEFT, WIDE, HIGH = 230.0, 340.0, 46.0


@dataclass(frozen=True)
class Off:
    """How far a number may be off on one side, at most, and up to which error rounding removes it.

    ``decides``: whether the head gives the hardmax value only if that is enough.
    """

    title: str
    at_most: Fraction
    allowed: Fraction | None
    decides: bool = True

    @property
    def enough(self) -> bool:
        """Whether rounding removes the error; a number that is not off needs no rounding."""
        return self.at_most == 0 or (self.allowed is not None and self.at_most <= self.allowed)

    @property
    def said(self) -> str:
        """What becomes of the error, in two or three words."""
        if self.at_most == 0:
            return "it is exact"
        if self.decides:
            return "rounded away" if self.enough else "not shown"
        return "becomes 0" if self.enough else "stays, and counts below"

    @property
    def kind(self) -> str:
        """The length of the bar that shows it."""
        return "good" if self.enough else "bad" if self.decides else "plain"


def offs(model: ArithmeticModel, case: Case, beta: int | None) -> list[Off]:
    """The weight of one other token; then the result on each side of 1, and of 0; nothing if nothing is bounded."""
    below = above = zero = None
    found = []
    if not isinstance(model, Exact) and not model.steps.truncate:
        one = rounding_cell(model.activations, Fraction(1))
        below, above = 1 - one.low, one.high - 1
        zero = rounding_cell(model.activations, Fraction(0)).high
    if not isinstance(model, Exact) and is_plain(model) and beta is not None:
        weight = exp_minus_upper(beta * case.separation)
        vanishes = rounding_cell(model.weights, Fraction(0)).high
        found.append(Off("weight of one other token", weight, vanishes, decides=False))
    if case.one is not None:
        found.append(Off("result for 1: below it", max(Fraction(0), 1 - case.one.low), below))
        found.append(Off("result for 1: above it", max(Fraction(0), case.one.high - 1), above))
    if case.zero is not None:
        found.append(Off("result for 0: either side", case.zero.magnitude, zero))
    return found


def rounding_section(source: Source) -> Section | None:
    """The picture and its numbers; None if the certificate lists no such heads."""
    if source.kind not in (Kind.RUNS, Kind.THEORY):
        return None
    found = binding(groups_of(source))
    if found is None or found.case is None:
        return None
    case, model = found.case, parse_arithmetic(source.statement["arithmetic"])
    beta = source.statement["beta"]
    sides = offs(model, case, None if beta is None else int(beta))
    where = f"layers {layers_of(found.layers)}" if len(found.layers) > 1 else f"layer {found.layers[0]}"
    at = "no admitted beta is enough; the largest is drawn" if beta is None else f"beta = {beta}"
    body = [
        paragraph(
            f"Of all heads {found.head.name} ({where}) is nearest to failing: separation {case.separation}, up to "
            f"{case.most_ties} ties, {source.statement['context']} tokens; {at}. The weights of other tokens move the "
            "result away from the hardmax value, unless they become 0 when they are rounded; so do roundings on the "
            "way. The last rounding removes the error if it is within the limit."
        )
    ]
    if sides:
        body.append(_picture(model, sides))
        body.append(
            table(
                ["what", "at most", "limit of rounding", "so"],
                (
                    (
                        one.title,
                        power_above(one.at_most),
                        "-" if one.allowed is None else power_above(one.allowed),
                        one.said,
                    )
                    for one in sides
                ),
                caption="The rounding bound of this head, computed when this page was made",
                headed=True,
                numbers=[1, 2],
            )
        )
    if case.why is not None:
        body.append(note(f"Why this is not shown: {case.why}."))
    if isinstance(model, Exact):
        body.append(
            note("In this arithmetic nothing is rounded, so the weights of other tokens always make a difference.")
        )
    return Section("rounding", "The rounding bound of the binding head", joined(body))


def _picture(model: ArithmeticModel, sides: list[Off]) -> Markup:
    numbers = [number for one in sides for number in (one.at_most, one.allowed) if number]
    low = min((logarithm(number) for number in numbers), default=-8.0) - 8
    high = max((logarithm(number) for number in numbers), default=0.0) + 2

    def place(number: Fraction) -> float:
        return LEFT + WIDE * (logarithm(number) - low) / (high - low)

    shapes = list[Markup]()
    for row, one in enumerate(sides):
        y = 10 + row * HIGH
        shapes.append(label(LEFT - 10, y + 15, one.title, text_anchor="end"))
        if one.allowed is not None:
            x = place(one.allowed)
            shapes.append(bar(LEFT, y, x - LEFT, 20, "room", f"limit of rounding: {power_above(one.allowed)}"))
            shapes.append(line(x, y - 4, x, y + 24, "mark"))
            shapes.append(label(LEFT + WIDE + 14, y + 25, f"limit {power_above(one.allowed)}", class_="small"))
        said = f"at most {power_above(one.at_most)}: {one.said}"
        end = place(one.at_most) if one.at_most else LEFT
        shapes.append(bar(LEFT, y + 4, end - LEFT, 12, f"bar {one.kind}", f"{one.title}: {said}"))
        shapes.append(label(LEFT + WIDE + 14, y + 9, said, class_="small"))
    name = "real numbers" if isinstance(model, Exact) else model.activations.name
    picture = drawing(
        "How far the result is off before the last rounding, and how far it may be",
        "; ".join(
            f"{one.title}: at most {power_above(one.at_most)}, {one.said}"
            + ("" if one.allowed is None else f", limit {power_above(one.allowed)}")
            for one in sides
        ),
        LEFT + WIDE + 330,
        14 + HIGH * len(sides),
        *shapes,
    )
    return figure(
        picture,
        "Distances on a logarithmic scale: further left is nearer to 0, or to the hardmax value. The dark bar is how "
        f"far the number may be off; the pale bar ends where {name} would round to a neighbour. A bar beyond its limit "
        "is dashed.",
    )
