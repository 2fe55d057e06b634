"""The document about look-ups has the table of what was found, and that is what is found now, where that is quick."""

from __future__ import annotations

from pathlib import Path

import benchmarks
from benchmarks.lookups import Row, clash, loaded, proved_text, rational, table
from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.verify.lookups.arithmetics import ARITHMETICS
from exactformer.verify.lookups.decide import separation

FOLDER = Path(benchmarks.__file__).parent


def rows() -> list[Row]:
    return loaded((FOLDER / "lookups.json").read_text(encoding="utf-8"))


def test_the_document_has_the_table() -> None:
    text = (FOLDER / "lookups.md").read_text(encoding="utf-8")
    assert "\n".join(table(rows())) in text


def test_every_look_up_is_there_in_every_arithmetic() -> None:
    assert [(row.scheme, row.arithmetic, row.softmax) for row in rows()] == [
        (scheme.name, arithmetic.name, arithmetic.softmax) for scheme in SCHEMES for arithmetic in ARITHMETICS
    ]


def test_bf16_is_found_again() -> None:
    arithmetic = next(one for one in ARITHMETICS if one.name == "bf16")
    for scheme in SCHEMES:
        found = separation(scheme, arithmetic)
        (row,) = [row for row in rows() if (row.scheme, row.arithmetic) == (scheme.name, "bf16")]
        assert (row.up_to, row.gap, row.how) == (proved_text(found), rational(found.gap), found.how)
        assert (row.first, row.sure) == (clash(found.first), clash(found.sure))
