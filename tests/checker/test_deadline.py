"""One budget for all of a check: when it is over, wherever that is, nothing is judged."""

from __future__ import annotations

import pytest

from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.document import Undecided
from exactformer.certificates.command_line.main import cli
from tests.checker.conftest import TURING_COT, Made, Make


def test_what_is_left_falls_and_then_nothing_is_judged() -> None:
    times = iter([100, 103, 110, 112])
    deadline = Deadline(10, lambda: next(times) * 10**9)
    assert deadline.left("here") == 7000
    for _ in range(2):
        with pytest.raises(Undecided, match=r"here: .* 10 s"):
            deadline.left("here")


ALL = ("--all-inputs", "--context", "16")
KINDS = {
    "on given inputs": (("copy", "0", "fused:fp16"), ("runs", "heads")),
    "refuted": (("copy", "01", "rounded:bf16/fp16"), ("runs", "refutation")),
    "for all inputs": (
        ("increment", "", "rounded:bf16/bf16", *ALL),
        ("witnesses", "annotation[0][0]", "names[0]", "holds[0]", "weights.layers[0].mlp", "theory, output of run",
         "heads[0].holds"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_check_looks_at_the_budget(make: Make, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    arguments, parts = KINDS[kind]
    made, asked = make(*arguments), list[str]()

    def left(_self: Deadline, at: str) -> int:
        asked.append(at)
        return 10**6

    monkeypatch.setattr(Deadline, "left", left)
    theory = ("--theory", str(TURING_COT)) if kind == "for all inputs" else ()
    assert check(made, *theory) == (1 if kind == "refuted" else 0)
    for part in parts:
        assert any(at.startswith(part) for at in asked), part


def test_a_budget_that_is_over_is_not_judged(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make("copy", "0", "fused:fp16")

    def left(self: Deadline, at: str) -> int:
        raise Undecided(f"{at}: not done after {self.seconds} s")

    monkeypatch.setattr(Deadline, "left", left)
    assert check(made, "--budget", "7") == 4
    assert capsys.readouterr().err.startswith("not judged: runs[0]: not done after 7 s")


def check(made: Made, *options: str) -> int:
    return command.main([str(made.certificate), "--machine", str(made.machine), *options])


def test_the_budget_of_both_commands_is_the_same() -> None:
    (option,) = (option for option in cli.commands["check"].params if option.name == "budget")
    assert option.default == SECONDS
