"""``exactformer batch``: rows, errors that stop nothing, what is kept and done again, tables, exit codes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.batch.rows import Kept, Place, Row
from exactformer.certificates.batch.work import Kind, Unjudged
from exactformer.certificates.command_line.batch import code_of
from exactformer.certificates.document import sha256
from exactformer.certificates.files import what_differs
from exactformer.verify.apart import LocalPool
from tests.command_line.invoking import Outcome, files_in, invoke
from tests.machines.formats.example_files import FILES
from tests.reports.parsed import parsed, problems

TWO = ("--arithmetics", "fused:bf16,rounded:float(3,-4,4)", "--contexts", "4,5")


def batch(*arguments: str | Path) -> Outcome:
    return invoke("batch", *arguments, "--workers", "2")


def rows_of(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.err == ""
    found: list[dict[str, Any]] = json.loads(outcome.out)["rows"]
    return found


def in_short(row: dict[str, Any]) -> tuple[str, str, str]:
    return Path(row["machine"]).name, row["context"], row["verdict"] or row["error"]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of three formats; one of them is not a machine."""
    folder = tmp_path_factory.mktemp("machines")
    (folder / "a.yaml").write_text(invoke("machines", "increment").out)
    shutil.copy(FILES / "twice.jff", folder / "b.jff")
    (folder / "c.yaml").write_text("name: [\n")
    return folder


@pytest.fixture(scope="module")
def done(machines: Path) -> tuple[Path, Outcome]:
    """Two arithmetics, two contexts, of which one holds no run; all checked."""
    out = machines.parent / "done"
    command = (f"{machines}/*", *TWO, "--check", "--json", "--out", out, "--html", out / "all.html")
    return out, batch(*command)


def again(machines: Path, out: Path, *options: str | Path) -> Outcome:
    return batch(f"{machines}/*", *TWO, "--json", "--out", out, *options)


@pytest.fixture
def copied(machines: Path, done: tuple[Path, Outcome], tmp_path: Path) -> tuple[Path, Path]:
    """Machines, and what came of them, to be changed."""
    shutil.copytree(machines, tmp_path / "machines")
    shutil.copytree(done[0], tmp_path / "out")
    rows = (tmp_path / "out" / "batch.jsonl").read_text()
    (tmp_path / "out" / "batch.jsonl").write_text(rows)
    return tmp_path / "machines", tmp_path / "out"


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is asked of each job that is done."""
    found: list[str] = []
    submit = LocalPool.submit

    def noticing(pool: LocalPool, block: Any) -> Any:
        found.extend(f"{block.work.__name__} {len(block.jobs)}" for _ in (0,))
        return submit(pool, block)

    monkeypatch.setattr(LocalPool, "submit", noticing)
    return found


# ---------------------------------------------------------------------------- rows


def test_each_machine_in_each_context_and_arithmetic_is_a_row(done: tuple[Path, Outcome]) -> None:
    assert list(map(in_short, rows_of(done[1]))) == [
        *[("a.yaml", "4", "bad input")] * 2,
        *[("a.yaml", "5", "proved")] * 2,
        *[("b.jff", "4", "bad input")] * 2,
        *[("b.jff", "5", "proved")] * 2,
        *[("c.yaml", "4", "bad input")] * 2,
        *[("c.yaml", "5", "bad input")] * 2,
    ]
    assert done[1].code == 4
    summary = json.loads(done[1].out)
    assert (summary["verdicts"], summary["errors"], summary["checks"]) == (
        {"proved": 4},
        {"bad input": 8},
        {"valid": 4},
    )
    assert summary["exit_code"] == 4


def test_an_error_is_one_sentence_and_no_verdict(done: tuple[Path, Outcome]) -> None:
    for row in rows_of(done[1]):
        assert (row["verdict"] is None) == (row["error"] is not None) == (row["certificate"] is None)
        assert (row["sentence"] is None) == (row["verdict"] is not None)
    said = {Path(row["machine"]).name: row["sentence"] for row in rows_of(done[1]) if row["context"] == "4"}
    assert "c.yaml:2:1: not YAML" in said["c.yaml"]
    assert said["a.yaml"].startswith("no token sequence has fewer than 5 tokens")


def test_certificates_are_those_of_certify(machines: Path, done: tuple[Path, Outcome], tmp_path: Path) -> None:
    row = next(row for row in rows_of(done[1]) if row["verdict"] is not None)
    made = invoke("certify", machines / "a.yaml", "--all-inputs", "--context", "5", "--out", tmp_path)
    assert made.code == 0
    assert row["certificate"] in files_in(tmp_path)
    for name in files_in(tmp_path):
        ours, theirs = (done[0] / name).read_bytes(), (tmp_path / name).read_bytes()
        assert what_differs(ours, theirs) is None
        assert ours == theirs or name == row["certificate"]  # its provenance has seconds and the date


def test_files_are_named_with_their_hashes(done: tuple[Path, Outcome]) -> None:
    for row in rows_of(done[1]):
        if row["certificate"] is not None:
            path = done[0] / row["certificate"]
            assert sha256(path.read_bytes()) == row["certificate_sha256"]
            assert row["claim"] == json.loads(path.read_bytes())["statement"]["claim"]


def test_rows_may_be_about_given_inputs(tmp_path: Path) -> None:
    outcome = batch("1RB1LB_1LA1RZ", "increment", "--input", "", "--json", "--check", "--out", tmp_path)
    first, second = rows_of(outcome)
    assert (first["verdict"], first["check"], int(first["context"]) > 5) == ("certified", "valid", True)
    assert second["error"] == "bad input"


def test_rows_may_be_about_summarized_chains(tmp_path: Path) -> None:
    outcome = batch("increment", "--paradigm", "scot", "--space", "1", "--json", "--out", tmp_path)
    (row,) = rows_of(outcome)
    assert row["verdict"] == "proved"
    assert ".scot." in row["certificate"]


def test_what_is_not_established_has_its_sentence(tmp_path: Path) -> None:
    command = ("rewrite", "--contexts", "16", "--arithmetics", "rounded:fixed8/fixed8,exact,fused:bf16@fixed1.3")
    refuted, inconclusive, unsupported = rows_of(batch(*command, "--check", "--json", "--out", tmp_path))
    assert (refuted["verdict"], refuted["check"]) == ("refuted", "valid")
    assert refuted["sentence"] == refuted["claim"]
    assert inconclusive["verdict"] == "inconclusive"
    assert "name an arithmetic that rounds" in inconclusive["sentence"]
    assert unsupported["error"] == "not judged"
    assert "are not exact in fixed1.3" in unsupported["sentence"]


# ---------------------------------------------------------------------------- limits


def test_a_row_that_takes_too_long_or_too_much_is_ended_and_the_rest_is_done(tmp_path: Path) -> None:
    slow = ("binary-addition", "--contexts", "2^40", "--budget", "1", "--json", "--out", tmp_path)
    (row,) = rows_of(batch(*slow))
    assert (row["verdict"], row["error"], row["sentence"]) == (None, "out of time", "not done after 1 s")
    outcome = batch("increment", "--contexts", "5", "--memory", "8", "--json", "--out", tmp_path)
    (row,) = rows_of(outcome)
    assert (row["verdict"], row["error"], row["sentence"]) == (None, "out of memory", "more than 8 MiB")
    assert outcome.code == 4


def test_an_error_is_tried_again_when_asked_and_under_other_limits(tmp_path: Path, submitted: list[str]) -> None:
    little = ("increment", "--contexts", "5", "--memory", "8", "--json", "--out", tmp_path)
    for options, times in (((), 1), ((), 1), (("--again",), 2), (("--memory", "9"), 3)):
        assert batch(*little, *options).code == 4
        assert len(submitted) == times


# ---------------------------------------------------------------------------- what is finished


def test_what_is_finished_is_not_done_again(copied: tuple[Path, Path], submitted: list[str]) -> None:
    machines, out = copied
    first = again(machines, out, "--check")
    before = {name: (out / name).read_bytes() for name in files_in(out)}
    assert again(machines, out, "--check") == first
    assert {name: (out / name).read_bytes() for name in files_in(out)} == before
    assert submitted == []


def test_only_what_is_missing_is_done(copied: tuple[Path, Path], submitted: list[str]) -> None:
    """A line that was cut off, which is that of a check, and a certificate that is gone."""
    machines, out = copied
    lines = (out / "batch.jsonl").read_bytes().splitlines(keepends=True)
    (out / "batch.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:30])
    cut = json.loads(lines[-1])["certificate"]
    other = next(path for path in out.glob("*.certificate.json") if path.name != cut)
    other.unlink()
    rows = rows_of(again(machines, out, "--check"))
    assert sorted(submitted) == ["certified 1", "checked 1", "checked 1"]
    assert [row["check"] for row in rows if row["verdict"] is not None] == ["valid"] * 4
    assert other.exists()


def test_a_machine_that_was_changed_is_done_again_and_one_that_was_renamed_is_not(
    copied: tuple[Path, Path], submitted: list[str]
) -> None:
    machines, out = copied
    (machines / "a.yaml").rename(machines / "z.yaml")
    assert [in_short(row)[0] for row in rows_of(again(machines, out))][-4:] == ["z.yaml"] * 4
    assert submitted == []
    text = (machines / "z.yaml").read_text()
    (machines / "z.yaml").write_text(text.replace("name: increment", "name: other"))
    assert [row["name"] for row in rows_of(again(machines, out))][-2:] == ["other"] * 2
    assert submitted == ["certified 2"]


def test_checks_may_come_later(tmp_path: Path, submitted: list[str]) -> None:
    command = ("increment", "--contexts", "5", "--json", "--out", tmp_path)
    assert rows_of(batch(*command))[0]["check"] is None
    assert rows_of(batch(*command, "--check"))[0]["check"] == "valid"
    assert submitted == ["certified 1", "checked 1"]


def test_one_machine_given_twice_is_proved_once(machines: Path, tmp_path: Path, submitted: list[str]) -> None:
    shutil.copy(machines / "a.yaml", tmp_path / "copy.yaml")
    files = (machines / "a.yaml", tmp_path / "copy.yaml", machines / "a.yaml")
    rows = rows_of(batch(*files, "--contexts", "5", "--json", "--out", tmp_path / "out"))
    assert [Path(row["machine"]).name for row in rows] == ["a.yaml", "copy.yaml"]
    assert len({row["certificate_sha256"] for row in rows}) == 1
    assert submitted == ["certified 1"]


def test_a_certificate_that_is_not_valid_is_found(copied: tuple[Path, Path]) -> None:
    """It was changed, and its row as well, so that it is not made again."""
    machines, out = copied
    lines = [json.loads(line) for line in (out / "batch.jsonl").read_text().splitlines()]
    line = next(line for line in lines if line.get("certificate"))
    path = out / line["certificate"]
    path.write_bytes(path.read_bytes().replace(b'"margin":', b'"margin":9'))
    changed = line | {"sha256": sha256(path.read_bytes()), "check": None}
    with (out / "batch.jsonl").open("a") as stream:
        stream.write(json.dumps(changed) + "\n")
    outcome = again(machines, out, "--check")
    (row,) = [row for row in rows_of(outcome) if row["check"] == "not valid"]
    assert row["check_sentence"].startswith("not valid: margin")
    assert outcome.code == 1


def test_a_certificate_that_says_something_else_is_kept_and_only_its_row_has_an_error(
    copied: tuple[Path, Path],
) -> None:
    machines, out = copied
    path = next(out.glob("*.certificate.json"))
    path.write_text("my notes")
    outcome = again(machines, out)
    (row,) = [row for row in rows_of(outcome) if row["error"] == "not written"]
    assert "exists and is kept: its content differs" in row["sentence"]
    assert path.read_text() == "my notes"
    assert "not written" not in again(machines, out, "--force").out
    assert path.read_text() != "my notes"


# ---------------------------------------------------------------------------- tables


def test_the_table_for_programs_is_the_same_in_both_forms(copied: tuple[Path, Path]) -> None:
    machines, out = copied
    rows = rows_of(again(machines, out))
    listed = list(csv.DictReader(io.StringIO(batch(f"{machines}/*", *TWO, "--csv", "--out", out).out)))
    assert listed == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in rows]


def test_the_page_leads_to_the_certificates_and_loads_nothing(done: tuple[Path, Outcome]) -> None:
    out, outcome = done
    page = (out / "all.html").read_text()
    found = problems(page)
    links = [problem for problem in found if problem.startswith("href=")]
    of_its_own = ("href=", "nothing has the id", "0 scripts", "the first link does not skip to the claim")
    assert [problem for problem in found if not problem.startswith(of_its_own)] == []
    rows = [row for row in rows_of(outcome) if row["certificate"] is not None]
    assert links == [f"href=./{row['certificate']}" for row in rows]
    cells = [[cell.text for cell in row.all("th", "td")] for row in parsed(page).all("tr")]
    assert [(Path(row[0].split()[0]).name, row[2], row[4]) for row in cells[1:]] == [
        (Path(row["machine"]).name, row["context"], row["error"] or "") for row in rows_of(outcome)
    ]
    assert [row[3].split()[-1] for row in cells[1:] if row[3]] == ["proved"] * 4


def test_a_page_elsewhere_leads_there(copied: tuple[Path, Path], tmp_path: Path) -> None:
    machines, out = copied
    page = tmp_path / "pages" / "all.html"
    again(machines, out, "--html", page)
    hrefs = [one.attributes["href"] or "" for one in parsed(page.read_text()).all("a")][1:]
    assert all((page.parent / href).exists() for href in hrefs)
    assert hrefs[0].startswith("../out/")


def test_a_page_that_is_there_is_kept(copied: tuple[Path, Path]) -> None:
    machines, out = copied
    (out / "all.html").write_text("mine")
    outcome = again(machines, out, "--html", out / "all.html")
    assert outcome.code == 2
    assert "exists and is kept" in outcome.err
    assert again(machines, out, "--html", out / "all.html", "--force").code == 4


def row(verdict: str | None, check: str | None = None) -> Row:
    error = None if verdict is not None else Kind.TIME.value
    return Row(Place("m", "a", 5, Unjudged(Kind.TIME, "")), Kept("k", verdict=verdict, error=error, check=check))


CODES: dict[int, list[tuple[str | None, str | None]]] = {
    0: [("proved", None), ("certified", "valid"), ("tokens proved", None)],
    3: [("proved", None), ("inconclusive", "valid")],
    4: [("proved", None), ("inconclusive", None), (None, None)],
    1: [("refuted", "valid"), (None, None), ("inconclusive", None)],
}


@pytest.mark.parametrize("code", CODES)
def test_the_exit_code_is_that_of_the_worst_row(code: int) -> None:
    assert code_of([row(*one) for one in CODES[code]]) == code
    assert code_of([row(*one) for one in reversed(CODES[code])]) == code


@pytest.mark.parametrize(("check", "code"), [("not valid", 1), ("not judged", 4)])
def test_a_check_that_fails_is_not_established(check: str, code: int) -> None:
    assert code_of([row("proved"), row("proved", check)]) == code
    assert not row("proved", check).established
    assert replace(row("proved")).established


USAGE = {
    "a pattern without files": (("nowhere/*.yaml", "--contexts", "5"), "stands for no file"),
    "no context": (("increment",), "--all-inputs needs --context N"),
    "no arithmetic": (("increment", "--contexts", "5", "--arithmetics", "fused:bf16,fused:x"), "'x'"),
    "a space without summaries": (("increment", "--contexts", "5", "--space", "3"), "--space needs --paradigm scot"),
    "inputs and all": (("increment", "--input", "1", "--all-inputs"), "leave out --input"),
    "both tables": (("increment", "--contexts", "5", "--csv", "--json"), "give --csv or --json, not both"),
    "workers of a cluster": (("increment", "--contexts", "5", "--scheduler", "tcp://x:1"), "leave one out"),
}


@pytest.mark.parametrize("title", USAGE)
def test_wrong_usage_is_one_sentence_and_nothing_is_written(title: str, tmp_path: Path) -> None:
    arguments, says = USAGE[title]
    outcome = batch(*arguments, "--out", tmp_path / "out")
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
    assert files_in(tmp_path) == []
