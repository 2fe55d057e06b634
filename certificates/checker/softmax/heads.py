"""A softmax head's output for a query (ARITHMETIC 5), column by column."""

from __future__ import annotations

from exactformer.certificates.checker.softmax.averages import averages
from exactformer.certificates.checker.softmax.exponentials import exponentials
from exactformer.certificates.checker.softmax.means import mean_of, totals
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Value
from exactformer.certificates.checker.softmax.queries import Columns, Query
from exactformer.certificates.checker.softmax.quotients import quotients


def received(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Value]:
    """The head's output o for every column; `Unbounded` if nothing is shown about it."""
    model = arithmetic.model
    if model.kind == EXACT:
        weights = totals(query, exponentials(arithmetic, query), query.reached * arithmetic.unit)
        found = [mean_of(weights, column) for column in columns]
    elif model.kind == "fused":
        found = quotients(arithmetic, query, columns)
    else:
        found = averages(arithmetic, query, columns)
    return [arithmetic.rounded(model.activation, ends, model.cut) for ends in found]
