"""The command, from puzzles to report, and what it says to wrong usage."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("matplotlib", reason="the extra [train] is not installed")

from experiments.sudoku.__main__ import MINIATURE, main
from experiments.sudoku.experiment import open_folder, split_puzzles
from experiments.sudoku.plan import load_plan
from experiments.sudoku.training import loss_of
from tests.experiments.plans import PLAN, YAML

ROOT = Path(__file__).parents[2]
PLANS = sorted(MINIATURE.parent.glob("*.yaml"))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny experiment."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "tiny.yaml").write_text(YAML, encoding="utf-8")
    assert main(["--plan", str(folder / "tiny.yaml"), "--out", str(folder / "out")]) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_is_there_in_the_end_and_nothing_else(done: Path) -> None:
    runs = [f"runs/{mode}-1-layer-seed-1/{name}" for mode in ("CoT", "SCoT") for name in ("model.pt", "result.json")]
    report = ["RESULTS.md", "accuracy.png", "lines.png", "results.csv", "seeds.png"]
    assert sorted(contents(done / "out")) == sorted(["plan.json", "puzzles.json", *runs, *report])


def test_the_same_plan_gives_the_same_results(done: Path, tmp_path: Path) -> None:
    assert main(["--plan", str(done / "tiny.yaml"), "--out", str(tmp_path)]) == 0
    first, second = contents(done / "out"), contents(tmp_path)
    assert {name for name in first if first[name] != second[name]} <= {name for name in first if name.endswith(".pt")}


def test_nothing_that_is_done_is_done_again(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "out" / "runs").rglob("*")}
    assert main(["--plan", str(done / "tiny.yaml"), "--out", str(done / "out")]) == 0
    assert {path: path.stat().st_mtime_ns for path in (done / "out" / "runs").rglob("*")} == before
    assert f"The report: {done / 'out' / 'RESULTS.md'}" in capsys.readouterr().out


def test_one_step_after_the_other_gives_the_same(done: Path, tmp_path: Path) -> None:
    for step, name in (("train", "model.pt"), ("evaluate", "result.json"), ("report", "RESULTS.md")):
        assert not list(tmp_path.rglob(name))
        assert main(["--plan", str(done / "tiny.yaml"), "--out", str(tmp_path), "--only", step]) == 0
    first, second = contents(done / "out"), contents(tmp_path)
    assert first.keys() == second.keys()
    assert first["results.csv"] == second["results.csv"]


def test_no_puzzle_of_the_evaluation_is_in_training(done: Path) -> None:
    document = json.loads((done / "out" / "puzzles.json").read_text(encoding="utf-8"))
    training, evaluation = ({puzzle["givens"] for puzzle in document[part]} for part in ("training", "evaluation"))
    assert len(training) == 8
    assert len(evaluation) == 4
    assert training.isdisjoint(evaluation)


def test_a_file_of_puzzles_is_split_too(tmp_path: Path) -> None:
    """Both parts are taken from the same file, and no puzzle is in both."""
    split = split_puzzles(PLAN)
    givens = [puzzle.givens for puzzle in (*split.training, *split.evaluation)]
    (tmp_path / "puzzles.txt").write_text("\n".join(givens), encoding="utf-8")
    text = YAML.replace("puzzles: {seed: 1,", f"puzzles: {{file: {tmp_path / 'puzzles.txt'}, seed: 1,")
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    again = split_puzzles(load_plan(tmp_path / "plan.yaml"))
    assert sorted(puzzle.givens for puzzle in (*again.training, *again.evaluation)) == sorted(givens)


def test_a_plan_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(YAML, encoding="utf-8")
    assert load_plan(tmp_path / "tiny.yaml") == PLAN


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_plans_that_come_with_it_can_be_read(path: Path) -> None:
    assert load_plan(path).name == path.stem


PLANS_REFUSED = {
    "no YAML": ("name: [", "is not a YAML file"),
    "a list": ("- 1", "give name, boxes"),
    "an unknown key": (YAML + "colour: red\n", "'colour' is unknown; there are name"),
    "a key that is missing": (YAML.replace("threads: 1\n", ""), "'threads' is missing"),
    "text for a number": (YAML.replace("threads: 1", "threads: one"), "threads: give int, not 'one'"),
    "a truth value for a number": (YAML.replace("threads: 1", "threads: true"), "threads: give int, not True"),
    "an unknown mode": (YAML.replace("mode: CoT", "mode: cot"), "arms, entry 1, mode: 'cot' is not one of CoT, SCoT"),
    "a number for a list": (YAML.replace("seeds: [1]", "seeds: 1"), "seeds: give a list, not 1"),
    "no seeds": (YAML.replace("seeds: [1]", "seeds: []"), "a plan needs a seed"),
    "a name twice": (YAML.replace("SCoT 1 layer", "CoT 1 layer"), "two arms have the same name"),
    "no lengths": (YAML.replace("lengths: [8, 16]", "lengths: []"), "puzzles need chain lengths"),
    "a width that heads do not divide": (YAML.replace("width: 16", "width: 18"), "2 heads in a width of 18"),
}


@pytest.mark.parametrize("title", PLANS_REFUSED)
def test_a_plan_that_cannot_be_used_is_refused(title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = PLANS_REFUSED[title]
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    assert main(["--plan", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


USAGE = {
    "nothing to do": ([], "give --miniature, or --plan FILE"),
    "two plans": (["--miniature", "--plan", "plan.yaml"], "give --miniature, or --plan FILE"),
    "a file that is not there": (["--plan", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
    "an unknown step": (["--miniature", "--only", "sleep"], "'sleep' is not one of 'train', 'evaluate', 'report'"),
    "an unknown option": (["--full"], "No such option"),
}


@pytest.mark.parametrize("title", USAGE)
def test_wrong_usage_is_answered(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = USAGE[title]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_folder_of_another_plan_is_left_alone(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.yaml").write_text(YAML.replace("seeds: [1]", "seeds: [2]"), encoding="utf-8")
    before = contents(done / "out")
    assert main(["--plan", str(tmp_path / "other.yaml"), "--out", str(done / "out")]) == 2
    assert "has results of another plan" in " ".join(capsys.readouterr().err.split())
    assert contents(done / "out") == before


def test_there_is_no_report_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(YAML, encoding="utf-8")
    open_folder(tmp_path / "out", PLAN)
    assert main(["--plan", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out"), "--only", "report"]) == 2
    assert "has no results yet" in " ".join(capsys.readouterr().err.split())


def test_help_names_the_options_and_exit_codes() -> None:
    command = [sys.executable, "-m", "experiments.sudoku", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True).stdout
    assert {"--miniature", "--plan", "--out", "--only"} <= set(re.findall(r"--\w+", shown))
    assert "130 interrupted" in shown


def test_ctrl_c_ends_the_command(tmp_path: Path) -> None:
    """Interrupts a training that would take days, once there is a checkpoint."""
    (tmp_path / "long.yaml").write_text(YAML.replace("tokens: 1500", "tokens: 1500000000"), encoding="utf-8")
    arguments = ["--plan", str(tmp_path / "long.yaml"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.sudoku", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )
    while not (checkpoints := list((tmp_path / "out").rglob("checkpoint.pt"))) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "the same command goes on from the last checkpoint" in said
    assert checkpoints[0].exists()


@pytest.mark.parametrize("calls", [5, 15])
def test_the_same_command_goes_on_where_it_was_interrupted(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Interrupted in the training of the first or the second model, it ends with the results of one that was not."""
    (tmp_path / "tiny.yaml").write_text(YAML, encoding="utf-8")
    arguments = ["--plan", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "out")]
    left = iter(range(calls))

    def interrupted(*given: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return loss_of(*given)

    with monkeypatch.context() as patch:
        patch.setattr("experiments.sudoku.training.loss_of", interrupted)
        assert main(arguments) == 130
    assert main(arguments) == 0
    first, second = contents(done / "out"), contents(tmp_path / "out")
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} <= {name for name in first if name.endswith(".pt")}
