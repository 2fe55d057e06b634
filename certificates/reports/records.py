"""Rows for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence


def csv_of(records: Sequence[Mapping[str, object]]) -> str:
    """A line of names, then one line per row, at least one; what is None is empty.

    >>> csv_of([{"a": 1, "b": None}])
    'a,b\\n1,\\n'
    """
    written = io.StringIO()
    writer = csv.DictWriter(written, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return written.getvalue()
