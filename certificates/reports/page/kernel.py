"""Certificates about attention kernels: the recipe, errors by cause, and the input on which a claim fails."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.kernels.execute import Key, execute, least_error, wanted
from exactformer.certificates.checker.kernels.numbers import Number
from exactformer.certificates.checker.kernels.recipe import Recipe, read_recipe
from exactformer.certificates.kernels.script import script_of
from exactformer.certificates.reports.kernels import CAUSES, keys_table, number
from exactformer.certificates.reports.layout import Table, counted
from exactformer.certificates.reports.page.parts import parts_html
from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    facts,
    figure,
    label,
    logarithm,
    note,
    scrolled,
    short,
)
from exactformer.certificates.reports.page.source import Json, Kind, Source
from exactformer.certificates.sequences.certificate import shown
from exactformer.constructions.html import Markup, element, folded, joined, paragraph, table

MOST_KEYS, MOST_ROWS = 1 << 12, 40


def kernel_section(source: Source) -> Section | None:
    """Inputs, tolerance and recipe; None for other kinds."""
    if source.kind is not Kind.KERNEL:
        return None
    statement = source.statement
    low, high = statement["scores"]
    least, most = statement["values"]
    rows = [
        ("keys", f"at most {int(statement['keys']):,}"),
        ("scores", f"from {short(low, 60)} to {short(high, 60)}"),
        ("values", f"from {short(least, 60)} to {short(most, 60)}"),
        ("masked keys", {"none": "none", "some": "some, but never all", "any": "any"}[statement["masked"]]),
        ("tolerance", shown(statement["tolerance"], ROUND_CEILING)),
    ]
    if "drift" in statement:
        rows.append(("scores are off by", f"at most {shown(statement['drift'], ROUND_CEILING)}"))
    recipe = table(
        ["field", "is"],
        [(name, _field(value)) for name, value in statement["recipe"].items()],
        caption="The recipe, field by field",
        headed=True,
    )
    return Section(
        "kernel", "The kernel and its inputs", joined((facts("inputs", rows), scrolled("the recipe", recipe)))
    )


def _field(value: Json) -> str:
    if isinstance(value, dict):
        return short(", ".join(f"{name} {_field(each)}" for name, each in value.items()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else short(str(value))


def errors_section(source: Source) -> Section | None:
    """Errors by cause, as bars; None if the certificate states none."""
    if source.kind is not Kind.KERNEL or source.document["errors"] is None:
        return None
    errors = [(str(cause), Fraction(one)) for cause, one in source.document["errors"].items()]
    drawn = sorted(((cause, one) for cause, one in errors if one > 0), key=lambda pair: -pair[1])
    tolerance = Fraction(source.statement["tolerance"])
    numbers = [one for _, one in drawn] + [tolerance]
    low, high = min(map(logarithm, numbers)) - 2, max(map(logarithm, numbers))
    shapes = list[Markup]()
    for place, (cause, one) in enumerate([*drawn, ("tolerance", tolerance)]):
        y, wide = 6 + 24 * place, 380 * (logarithm(one) - low) / max(high - low, 1e-9)
        said = shown(str(one), ROUND_CEILING)
        kind = "bar total" if cause == "tolerance" else "bar good"
        shapes += [
            label(130, y + 15, cause, text_anchor="end"),
            bar(140, y + 4, wide, 14, kind, f"{cause}: {said}"),
            label(148 + wide, y + 15, said),
        ]
    rows = [(cause, shown(str(one), ROUND_CEILING), CAUSES.get(cause, "")) for cause, one in drawn]
    listed = table(
        ["cause", "at most", "what"],
        rows,
        caption="Errors by cause, as the certificate states them",
        headed=True,
        numbers=[1],
    )
    picture = drawing(
        "Errors by cause",
        "A bar for each cause, on a logarithmic scale, and one for the tolerance. The table below has the numbers.",
        680,
        16 + 24 * (len(drawn) + 1),
        *shapes,
    )
    words = "How much each cause adds to the error at most, on a logarithmic scale, beside the tolerance of the claim."
    nothing = [cause for cause, one in errors if one == 0]
    return Section(
        "errors",
        "Errors, by cause",
        joined(
            (
                figure(picture, words),
                scrolled("errors by cause", listed),
                note(f"No error is due to: {', '.join(nothing)}.") if nothing else "",
            )
        ),
    )


def refuted_kernel_section(source: Source) -> Section | None:
    """The input on which a claim fails, executed again; None if nothing is refuted."""
    if source.kind is not Kind.KERNEL or source.document["input"] is None:
        return None
    keys = [Key(Fraction(score), Fraction(value), bool(masked)) for score, value, masked in source.document["input"]]
    if len(keys) > MOST_KEYS:
        raise ValueError(f"{len(keys)} keys are more than a certificate may list")
    listed = keys_table(keys)
    shown_keys = Table(listed.columns, listed.rows[:MOST_ROWS])
    body = [
        paragraph(f"The input has {counted(len(keys), 'key')}; equal keys are in one row."),
        parts_html([shown_keys], ["The input on which the claim fails, key by key"]),
    ]
    if len(listed.rows) > MOST_ROWS:
        body.append(note(f"{len(listed.rows) - MOST_ROWS:,} more rows are left out."))
    try:
        recipe = read_recipe("recipe", source.statement["recipe"])
        body.append(_executed(recipe, keys, source.statement["tolerance"]))
        if (script := script_of(recipe, keys)) is not None:
            body.append(folded("The same in PyTorch", script))
    except Rejected as error:
        body.append(note(f"The recipe was not executed: {short(str(error), 160)}."))
    return Section("counterexample", "The counterexample, step by step", joined(body))


def _executed(recipe: Recipe, keys: list[Key], tolerance: str) -> Markup:
    made, ends, off = execute(recipe, keys), wanted(recipe, keys), least_error(recipe, keys)
    right = "any finite number, because all keys are masked" if ends is None else number(ends[0])
    steps = [
        paragraph("The recipe is executed on these keys, one after the other, each operation rounded as it says."),
        paragraph(f"The output is {number(made)}."),
        paragraph(f"Exact softmax gives {right}. (Numbers after ~ are rounded to three digits.)"),
        paragraph(_how_far(off, tolerance)),
    ]
    return element("ol", *(element("li", step) for step in steps), class_="steps")


def _how_far(off: Number, tolerance: str) -> str:
    """``off``: how far the output is from the right one, at least; None if the output is not a number."""
    if not isinstance(off, Fraction):
        return "The output is not a finite number, so the claim fails."
    if off > Fraction(tolerance):
        apart = shown(str(off), ROUND_FLOOR)
        return f"They are at least {apart} apart, which is more than {shown(tolerance)}: the claim fails."
    return (
        f"They are not shown to be more than {shown(tolerance)} apart: the checker does not accept such a refutation."
    )
