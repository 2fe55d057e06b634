"""What a head computes at a query, in any model: bounds before the last rounding, and after it
(certificates/ARITHMETIC.md, 5).

In order: exponentials (`exponentials`), their sums and those of weighted values (`sums`), quotients
(`quotient_of_sums`, `sum_of_quotients`), and the last cast (here).  If several bounds of one number are known, all of
them hold, so it lies in their intersection.
"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.verify.arithmetic.exponentials import weights_of
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.groups import Interval, Query
from exactformer.verify.arithmetic.means import mean_of
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, Rounded
from exactformer.verify.arithmetic.quotient_of_sums import QuotientOfSums, terms_of_den
from exactformer.verify.arithmetic.rounding import NotShown, cut
from exactformer.verify.arithmetic.sum_of_quotients import SumOfQuotients
from exactformer.verify.arithmetic.sums import Part, in_all


@dataclass(frozen=True, slots=True)
class Output:
    """The number before the last rounding lies in ``before``, the result in ``after``."""

    before: Interval
    after: Interval


def output(model: ArithmeticModel, query: Query) -> Output:
    """Bounds on what a head computes at a query, for every order of additions and all that its steps leave open.

    Raises NotShown if a condition is not met, or overflow is not excluded.

    >>> from exactformer.verify.arithmetic.groups import sharing
    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> output(parse_arithmetic("rounded:bf16"), sharing(61, 61, 128, 64)).after
    Interval(low=Fraction(255, 256), high=Fraction(255, 256))
    """
    try:
        match model:
            case Exact():
                return _real(model, query)
            case Rounded():
                return _cast(model, SumOfQuotients.of(model, query))
            case Fused():
                return _cast(model, QuotientOfSums.of(model, query))
    except FormatOverflow as overflow:
        raise NotShown(str(overflow)) from overflow


def _real(model: Exact, query: Query) -> Output:
    """Real softmax: the mean of the values, weighted by exponentials."""
    weights = in_all(terms_of_den(query, weights_of(model, query)))
    mean = mean_of([Part(part.group, part.weight, part.group.value) for part in weights])
    return Output(mean, mean)


def _cast(model: Rounded | Fused, head: SumOfQuotients | QuotientOfSums) -> Output:
    """The result, from as many bounds as it takes to tell it.

    Raises FormatOverflow if all of them together do not exclude it, and NotShown if the reason is that sums may be off
    by anything.
    """
    known: Interval | None = None
    overflow: FormatOverflow | None = None
    found: Output | None = None
    for bound in head.bounds():
        known = bound if known is None else known.meet(bound)
        try:
            before = head.as_computed(known)
            found = Output(before, cut(model, model.activations, before))
        except FormatOverflow as error:
            overflow = error
            continue
        if found.after.low == found.after.high:
            break
    if found is not None:
        return found
    for total in head.sums:
        if total.error is None:
            name = total.accumulator.name
            raise NotShown(f"sums of {total.count} terms are not accurate in the accumulator {name}")
    raise overflow or NotShown(f"there is no bound on what {model.text} computes")
