"""``python -m experiments.sudoku``: repeat an experiment, or go on with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.sudoku.files import FolderError
from experiments.sudoku.plan import PlanError, load_plan
from experiments.sudoku.puzzles import PuzzleError

HERE = Path(__file__).parent
MINIATURE = HERE / "plans" / "miniature.yaml"
RUNS = HERE / "runs"
STEPS = ("train", "evaluate", "report")
DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 failed; 2 wrong usage or bad input; 130 interrupted, what is done is kept.",
)
@click.option("--miniature", is_flag=True, help="The plan for two cores: plans/miniature.yaml.")
@click.option("--plan", "given", type=click.Path(path_type=Path, dir_okay=False), help="Another plan.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results.  [runs/NAME]")
@click.option("--only", type=click.Choice(STEPS), help="One step, for what is there already.")
def command(miniature: bool, given: Path | None, out: Path | None, only: str | None) -> None:
    """Train small transformers on traces of a Sudoku search, let them solve puzzles, and report how many they solve.

    The same command goes on where it was interrupted, and does nothing again that is done.
    """
    if miniature == (given is not None):
        raise click.UsageError("give --miniature, or --plan FILE")
    try:
        _execute(given or MINIATURE, out, STEPS if only is None else (only,))
    except (PlanError, PuzzleError, FolderError) as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"{error.filename or 'a file'}: {error.strerror}") from None


def _execute(path: Path, out: Path | None, steps: tuple[str, ...]) -> None:
    """The steps in their order."""
    plan = load_plan(path)
    try:
        from experiments.sudoku import experiment
    except ModuleNotFoundError as error:
        raise PlanError(f"{error.name} is missing: pip install -e '.[train]'") from None
    folder = experiment.open_folder(out or RUNS / plan.name, plan)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        doing = ""

        def report(title: str, share: float, details: str = "") -> None:
            nonlocal doing
            if title != doing and not console.is_terminal:
                print(title, file=sys.stderr, flush=True)
            doing = title
            progress.update(task, description=f"{title}{details}", completed=share)

        if "train" in steps:
            experiment.train_all(plan, folder, report)
        if "evaluate" in steps:
            experiment.evaluate_all(plan, folder, report)
    if "report" in steps:
        print(f"The report: {experiment.report_all(plan, folder)}")


def main(arguments: list[str]) -> int:
    """The exit code."""
    try:
        command.main(arguments, prog_name="python -m experiments.sudoku", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted; the same command goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
