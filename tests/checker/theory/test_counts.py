"""Lines ``count`` and ``counted``: how many tokens may tie, and what is no bound on that."""

from __future__ import annotations

import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.theory import turing, within
from tests.checker.theory import small

SAME = "j.pos >= 2 and all[k in 1..n: j.p_{k} = p_{k-1}]"
"""Where the letter before j is that of i."""
LINES = f"""
count same 3
counted same sym sym: {SAME}
counted same sym start: true
"""


def ties(lines: str) -> int | None:
    """How many tokens the head that finds letters before selects."""
    return small.walked(theory=small.text() + lines).heads[2][0].ties


def test_without_a_count_any_number_may_tie() -> None:
    assert ties("") is None


def test_a_count_bounds_ties() -> None:
    assert ties(LINES) == 3


def test_of_two_counts_the_least_bounds_them() -> None:
    assert ties(LINES.replace(" 3", " 5") + LINES.replace("same", "again").replace(" 3", " 4")) == 4


def test_a_parameter_may_be_the_bound() -> None:
    text = small.text().replace("parameter n:", "parameter M: number\nparameter n:") + LINES.replace(" 3", " {M}")
    walked = small.walked(theory=text, parameters=small.PARAMETERS | {"M": 2**64})
    assert walked.heads[2][0].ties == 2**64


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("\ncount same 3\ncounted same start sym: true\n", id="for tokens of another class"),
        pytest.param(LINES.replace(SAME, f"{SAME} and j.pos != w"), id="all but the member"),
        pytest.param(LINES.replace(SAME, f"{SAME} and j.pos = w"), id="the member alone"),
        pytest.param(LINES.replace(SAME, f"{SAME} and j.pos > 3"), id="some of them"),
        pytest.param(LINES.replace(f"counted same sym sym: {SAME}\n", ""), id="none"),
    ],
)
def test_what_does_not_count_all_that_are_selected_bounds_nothing(lines: str) -> None:
    assert ties(lines) is None


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        pytest.param("count same", "has not the form", id="no bound"),
        pytest.param("count same 0", "is not a number from 1", id="none at all"),
        pytest.param("count same -1", "is not a number from 1", id="negative"),
        pytest.param("count same 1 2", "is not a number from 1", id="two bounds"),
        pytest.param("count same " + "9" * 21, "is not a number from 1", id="too many digits"),
        pytest.param("count pos 3", "cannot be the name of a count", id="a reserved name"),
        pytest.param("count same 3\ncount same 3", "again", id="twice"),
        pytest.param("counted same sym sym: true", "there is no count", id="not declared"),
        pytest.param("count same 3\ncounted same sym: true", "has not the form", id="one class"),
        pytest.param("count same 3\ncounted same sym none: true", "there is no class", id="no class"),
        pytest.param(LINES + "counted same sym sym: true", "says again", id="counted twice"),
        pytest.param("count same 3\ncounted same sym sym: j.q = 1", "has no ghost", id="no ghost"),
    ],
)
def test_wrong_lines(lines: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        small.walked(theory=f"{small.text()}\n{lines}\n")


def test_sequences_that_count_more_are_not_of_the_theory() -> None:
    """Of "aaaa" three tokens have an "a" before them."""
    assert ties(LINES.replace(" 3", " 7")) == 7
    with pytest.raises(Rejected, match="more than 1 tokens are counted as same"):
        ties(LINES.replace(" 3", " 1"))


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_sequences_of_a_run_end_where_a_cell_is_written_more_often(writes: int) -> None:
    whole = list(cot_sequence(load_machine("increment"), "111", 4))
    shown = list(within(writes, whole))
    assert shown == whole[: len(shown)]
    assert len(list(within(None, whole))) == len(whole)
    cells = [0 if token.cls != "run" else token.ghosts["c_1"] for token in shown if token.cls in ("input", "run")]
    assert len(shown) < len(whole)
    assert all(isinstance(cell, int) for cell in cells)


@pytest.mark.parametrize("writes", [2, 5])
def test_a_machine_of_which_runs_are_left_out_is_proved(writes: int) -> None:
    network, theory = turing(load_machine("increment"), context=16, writes=writes)
    assert max(head.ties or 99 for layer in prove(network, theory).heads for head in layer) == writes
