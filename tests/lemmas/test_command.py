"""``exactformer lemmas``: exit codes, what is printed, JSON."""

from __future__ import annotations

import json

import pytest

from exactformer.certificates.command_line import lemmas as command
from exactformer.verify.lemmas.gadget_lemmas import Scene
from exactformer.verify.lemmas.lemma import Lemma
from exactformer.verify.lemmas.outcome import conclude
from tests.command_line.invoking import invoke
from tests.command_line.test_help import imported
from tests.lemmas.wrong_lemmas import WRONG

WRONG_LEMMA = Lemma(
    "gadget.unconditional-copy",
    "copy adds nothing where its condition fails",
    "nowhere",
    "z3, neurons",
    lambda width, budget: conclude(WRONG["copy that ignores its condition"].claim(Scene(width)).decide(budget)),
)


def test_what_holds_ends_with_0() -> None:
    outcome = invoke("lemmas", "--only", "gadget.move", "--width", "3..5", "--width", "8")
    assert (outcome.code, outcome.err) == (0, "")
    for text in (
        "gadget.move",
        "arithmetic.increment",
        "r = 3..5, 8",
        "by: z3, neurons; from: arXiv 2605.18079, section 3 and appendix 2: move",
        "12 proved",
    ):
        assert text in outcome.out


def test_what_does_not_hold_ends_with_1_and_its_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "chosen", lambda _: (WRONG_LEMMA,))
    outcome = invoke("lemmas", "--width", "3")
    assert outcome.code == 1
    assert "refuted" in outcome.out
    flat = " ".join(outcome.out.split())
    assert "r = 3: copy when flag: where flag = " in flat
    assert "target should get (0, 0, 0) but gets (" in flat
    plain = invoke("lemmas", "--width", "3", "--json")
    assert plain.code == 1
    (result,) = json.loads(plain.out)["lemmas"][0]["results"]
    assert result["verdict"] == "refuted"
    assert "but gets" in result["counterexample"]


def test_without_time_ends_with_3() -> None:
    outcome = invoke("lemmas", "--only", "gadget.copy", "--budget", "0")
    assert outcome.code == 3
    assert "the budget of 0 s is spent" in outcome.out
    assert "0 proved, 2 inconclusive" in outcome.out


def test_nothing_decided_ends_with_3() -> None:
    outcome = invoke("lemmas", "--only", "scot.biteq", "--width", "5")
    assert outcome.code == 3
    assert "not stated at these widths: scot.biteq" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "gadget.mov"), "there is no lemma 'gadget.mov'"),
        (("--width", "x"), "give a number of bits"),
        (("--width", "5..3"), "the smaller end of a range first"),
        (("--width", "0"), "from 1 to 64"),
        (("--mutate", "--width", "5"), "from 1 to 4"),
        (("--mutate", "--only", "rounding"), "the lemmas about weights are"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_ends_with_2_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    outcome = invoke("lemmas", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_json_has_statement_evidence_and_cost() -> None:
    outcome = invoke("lemmas", "--only", "position.lookup", "--width", "4", "--json")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    assert document["widths"] == [4]
    lookup = document["lemmas"][-1]
    assert lookup["identifier"] == "position.lookup"
    assert lookup["rests_on"] == ["position.encoding"]
    (result,) = lookup["results"]
    assert (result["verdict"], result["width"], result["queries"], result["cases"]) == ("proved", 4, 2, 1)
    assert len(result["evidence"]) == 3
    assert result["seconds"] >= 0


def test_the_kill_rate_is_printed() -> None:
    outcome = invoke("lemmas", "--mutate", "--width", "2", "--only", "gadget.decrement-in-place")
    assert outcome.code == 0
    rows = [line.split() for line in outcome.out.splitlines() if line.startswith(("gadget", "all"))]
    assert [row[-3:-1] for row in rows] == [["100", "%"], ["100", "%"]]
    plain = json.loads(invoke("lemmas", "--mutate", "--width", "2", "--only", "gadget.or", "--json").out)
    (found,) = plain["mutation"]
    assert (found["missed"], found["mutants"]) == (0, found["caught"] + found["equivalent"])
    assert len(found["survivors"]) == found["equivalent"]


def test_a_change_that_is_missed_ends_with_1() -> None:
    outcome = invoke("lemmas", "--mutate", "--width", "1", "--only", "gadget.copy", "--budget", "0")
    assert outcome.code == 1
    assert "missed at r = 1" in outcome.out


def test_help_is_quick_and_complete() -> None:
    assert imported("lemmas", "--help") == []
    shown = invoke("lemmas", "--help").out
    for option in ("--width", "--only", "--budget", "--mutate", "--json", "Exit codes"):
        assert option in shown
