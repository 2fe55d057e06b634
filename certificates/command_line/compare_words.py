"""A comparison as a table and in sentences, each backed by a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from exactformer.certificates.reports.layout import Column, Facts, Part, Table, heading
from exactformer.verify.audit import Row
from exactformer.verify.contextual.audit import Between, Condition
from exactformer.verify.contextual.comparison import Delta, DeltaRule, HighPrecision, Pair
from exactformer.verify.contextual.id_formats import FORMATS, Smallest
from exactformer.verify.counting import Subject
from exactformer.verify.verdict import Verdict

EXACT_BELOW = 10**7
"""Larger numbers are shown as powers of two."""
DIFFERENT_TASKS = (
    "A comparison of magnitudes and precision, not of equal tasks: the high-precision construction approximates one"
    " function of n tokens of [0, 1)^d; the ternary one runs a machine for n tokens of chain of thought."
)
NOT_PROVED_HERE = (
    "All numbers are counted, exactly. Assumed, and not proved here: that the networks are right (exactformer"
    " approximate and exactformer certify --all-inputs prove it). Ternary rows decide the rounding as exactformer"
    " audit does."
)
UNITS = (
    "High-precision numbers are in units of delta: inputs, biases and ids are multiplied by 1/delta, so that ids are"
    " integers. Outputs count as 0, so what they need comes on top. Scores are not counted."
)
MEANINGS = (
    ("|parameter|", "the largest parameter, without the ramps of ReLUs"),
    (
        "bits",
        "significand bits of all parameters except those that dismiss ids outside the interval, which may be any"
        " larger number",
    ),
    ("id bits", "significand bits that make all ids exact"),
    (
        "format",
        f"the first of {', '.join(FORMATS)} in which all ids stay distinct when rounded; =: they are exact;"
        " ?: a smaller format is not decided, because there are too many ids; -: none",
    ),
    ("lambda", "the factor of softmax's scores, for inputs in [0, 1); -: none is certified"),
    ("activation bits", "significand bits of activations"),
)
"""What the columns of the table are."""
HIGH = ("lemma 6", "blocks", "parameters", "|parameter|", "bits", "id bits", "format", "lambda")
TERNARY = ("layers", "parameters", "|parameter|", "bits", "activation bits", "beta")


def rule_text(delta: Delta) -> str:
    """How delta was chosen."""
    if delta is DeltaRule.STATED:
        return "delta = 1/(n + 2), the largest for which Lemma 6 is stated (n < 1/delta - 1), so it shrinks with n"
    if delta is DeltaRule.COARSEST:
        return "delta is the largest at which n columns can be distinct, so it shrinks with n"
    return f"delta = {delta} for every n"


def condition_name(pair: Pair) -> str:
    """stated, beyond or none."""
    return "none" if isinstance(pair.high, str) else pair.high.cost.condition.name.lower()


def shown(value: Fraction | int) -> str:
    """A short number as it is, else a power of two that it equals or is below.

    >>> shown(1234567), shown(Fraction(3, 2)), shown(2**40), shown(2**40 + 1)
    ('1,234,567', '1.5', '2^40', '< 2^41')
    """
    if value < EXACT_BELOW:
        return f"{int(value):,}" + ("" if Fraction(value).denominator == 1 else ".5")
    whole = int(value)
    length = whole.bit_length()
    return f"2^{length - 1}" if value == 1 << (length - 1) else f"< 2^{length}"


def between(bits: Between) -> str:
    """One number, or the range it is in."""
    return str(bits.most) if bits.least == bits.most else f"{bits.least}..{bits.most}"


def format_text(smallest: Smallest) -> str:
    """A name, with '=' after it if it is exact, '?' before it if a smaller one is not decided; '-' for none."""
    name = "-" if smallest.name is None else smallest.name + ("=" if smallest.exact else "")
    return f"?{name}" if smallest.undecided else name


def in_words(pairs: Sequence[Pair], subject: Subject, delta: Delta, positional: bool) -> Iterator[Part]:
    """What was compared; for each d a table and sentences from its rows; what the numbers do not say."""
    how = "with positional encoding, " if positional else ""
    yield Facts(
        (
            ("high-precision", f"{how}{rule_text(delta)}"),
            ("ternary", f"{subject.name}, cot, {pairs[0].ternary.model.text}"),
        )
    )
    yield from conditions(pairs)
    for d, group in groupby(pairs, key=lambda pair: pair.d):
        rows = list(group)
        yield ""
        yield heading(f"d = {d}")
        yield table(rows)
        yield ""
        yield from sentences(rows)
    yield ""
    yield heading("what the columns are")
    yield Facts(MEANINGS)
    yield ""
    yield from (UNITS, DIFFERENT_TASKS, NOT_PROVED_HERE)


def conditions(pairs: Sequence[Pair]) -> Iterator[str]:
    """What the words in the column of Lemma 6 mean, as far as they occur."""
    names = {condition_name(pair) for pair in pairs}
    for condition in Condition:
        if condition.name.lower() in names:
            yield f"lemma 6, {condition.name.lower()}: {condition.value}"
    if "none" in names:
        first = next(pair.high for pair in pairs if isinstance(pair.high, str))
        yield f"lemma 6, none: there is nothing to compare, because {first}"


def table(pairs: Sequence[Pair]) -> Table:
    """One row for each n, both constructions in it."""
    columns = (
        *(Column(title, right=True, key=True) for title in ("n", "delta")),
        *(Column(title, "high precision", right=True) for title in HIGH),
        *(Column(title, "ternary", right=True) for title in TERNARY),
    )
    rows = ((*_first(pair), *_high(pair.high), *_ternary(pair)) for pair in pairs)
    return Table(columns, tuple(rows))


def _first(pair: Pair) -> tuple[str, ...]:
    return str(pair.n), str(pair.delta)


def _high(high: HighPrecision | str) -> tuple[str, ...]:
    if isinstance(high, str):
        return ("none", *("-",) * (len(HIGH) - 1))
    cost = high.cost
    return (
        cost.condition.name.lower(),
        shown(cost.blocks),
        shown(cost.dense),
        shown(cost.largest.largest),
        str(cost.needed_bits),
        between(cost.id_bits),
        format_text(high.smallest),
        "-" if high.factor is None else shown(high.factor),
    )


def _ternary(pair: Pair) -> tuple[str, ...]:
    row = pair.ternary
    return (
        shown(row.size.dimensions.layers),
        shown(row.size.dense),
        shown(row.largest_parameter.magnitude),
        str(row.weights.significand),
        str(row.activations.significand),
        f"{row.beta}{'' if row.verdict is Verdict.PROVED else ' (' + row.verdict.value + ')'}",
    )


def sentences(pairs: Sequence[Pair]) -> Iterator[str]:
    """What the first and the last row with a grid say."""
    rows = [(pair, pair.high) for pair in pairs if not isinstance(pair.high, str)]
    if not rows:
        yield "No row has a grid with n distinct columns: give a smaller delta, or leave out --delta."
        return
    (first, before), (last, high) = rows[0], rows[-1]
    cost, other = high.cost, max(high.cost.bound_parameters, key=lambda one: one.largest)
    least = "" if cost.distinct_bits is None else f", and with fewer than {cost.distinct_bits} some collide"
    yield (
        f"At n = {last.n}, d = {last.d}, delta = {last.delta} ids need {between(cost.id_bits)} significand bits to be"
        f" exact{least}; {_format_sentence(high.smallest)}. The largest parameter is {shown(cost.largest.largest)}"
        f" ({cost.largest.kind.value}); without the dismissal it is {shown(other.largest)} ({other.kind.value})."
    )
    yield f"{_ternary_sentence(last.ternary)}, at n = {last.n}."
    if first.n < last.n:
        ids_before, ids_now = before.cost.id_bits, cost.id_bits
        small, large = first.ternary, last.ternary
        yield (
            f"From n = {first.n} to n = {last.n}: bits of ids {change(between(ids_before), between(ids_now))}, blocks"
            f" {change(shown(before.cost.blocks), shown(cost.blocks))}, parameters"
            f" {change(shown(before.cost.dense), shown(cost.dense))}. Ternary: bits of parameters"
            f" {change(str(small.weights.significand), str(large.weights.significand))}, layers"
            f" {change(shown(small.size.dimensions.layers), shown(large.size.dimensions.layers))}, parameters"
            f" {change(shown(small.size.dense), shown(large.size.dense))}."
        )


def change(before: str, now: str) -> str:
    """From one text to another.

    >>> change("3", "3"), change("12", "786")
    ('3 in both', '12 to 786')
    """
    return f"{now} in both" if before == now else f"{before} to {now}"


def _format_sentence(smallest: Smallest) -> str:
    unknown = f" ({', '.join(smallest.undecided)}: not decided)" if smallest.undecided else ""
    if smallest.name is None:
        known = [name for name in FORMATS if name not in smallest.undecided]
        return f"none of {', '.join(known)} keeps them distinct{unknown}"
    if smallest.exact:
        return f"{smallest.name} holds them exactly{unknown}"
    return f"{smallest.name} keeps them distinct, not all exactly{unknown}"


def _ternary_sentence(row: Row) -> str:
    weights = (
        f"activations {row.activations.significand} bit, scores {row.scores.significand} bits, parameters"
        f" {row.weights.significand} bits and at most {shown(row.largest_parameter.magnitude)}, with beta = {row.beta}"
    )
    if row.verdict is Verdict.PROVED:
        return f"For its rounding in {row.model.text} to be right, the ternary construction needs {weights}"
    return (
        f"In {row.model.text} the ternary construction is not shown to be right for every number of writes to a "
        f"cell; at {weights}"
    )
