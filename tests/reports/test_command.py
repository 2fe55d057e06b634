"""``exactformer report``: exit codes, what is written and what is kept, and when it says that something was checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line.invoking import files_in, invoke
from tests.reports.made import TITLES, Made
from tests.reports.parsed import parsed, problems

pytestmark = pytest.mark.usefixtures("walked_once")

OfTitle = Callable[[str], Made]


@pytest.mark.parametrize("title", TITLES)
def test_with_check_the_page_says_what_the_checker_says(of_title: OfTitle, title: str, tmp_path: Path) -> None:
    made, file = of_title(title), tmp_path / "page.html"
    done = invoke("report", made.path, "--html", file, "--check", *made.about)
    assert (done.code, done.err) == (0, "")
    assert f"(valid: {made.verdict})" in done.out
    assert problems(file.read_text()) == []
    top = parsed(file.read_text())
    said = json.loads(invoke("check", made.path, *made.about, "--json").out)
    listed = {one.text for one in top.named("grounds").all("li")}
    assert listed == {
        " ".join(fact.split()) for key in ("proved", "observed", "assumed", "not_claimed") for fact in said[key]
    }
    assert "it is valid" in top.all("header")[0].text


def test_without_check_nothing_is_checked_and_the_page_says_so(of_title: OfTitle, tmp_path: Path) -> None:
    made, file = of_title("runs, certified"), tmp_path / "page.html"
    document = json.loads(made.path.read_bytes())
    document["runs"][0]["steps"] += 1
    forged = tmp_path / made.path.name
    forged.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n")
    weights = document["network"]["weights"]["file"]
    (tmp_path / weights).write_bytes((made.path.parent / weights).read_bytes())
    assert invoke("report", forged, "--html", file).out.endswith("(not checked)\n")
    assert "This page did not check it." in file.read_text()
    file.unlink()
    done = invoke("report", forged, "--html", file, "--check", *made.about)
    assert done.code == 1
    assert done.err.startswith("Error: not valid: runs[0].steps")
    assert done.err.endswith("no page is written\n")
    assert not file.exists()


REFUSED = {
    "a machine without --check": (("--machine", "increment"), "give --check, too"),
    "no machine": (("--check",), "say what the certificate has to be about"),
    "another input": (("--input", "000"), "not about the input '000'"),
    "a network": (("--check", "--machine", "increment", "--network", "x"), "cannot read x"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_bad_input_is_one_sentence_and_nothing_is_written(of_title: OfTitle, title: str, tmp_path: Path) -> None:
    options, said = REFUSED[title]
    done = invoke("report", of_title("runs, certified").path, "--html", tmp_path / "page.html", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert files_in(tmp_path) == []


def test_a_file_that_is_there_is_kept(of_title: OfTitle, tmp_path: Path) -> None:
    made, file = of_title("runs, certified"), tmp_path / "page.html"
    file.write_text("mine")
    done = invoke("report", made.path, "--html", file)
    assert done.code == 2
    assert "exists and is kept" in done.err
    assert file.read_text() == "mine"
    assert invoke("report", made.path, "--html", file, "--force").code == 0
    page = file.read_bytes()
    assert page != b"mine"
    assert invoke("report", made.path, "--html", file).code == 0  # it says the same
    assert file.read_bytes() == page
    done = invoke("report", made.path, "--html", file, "--check", *made.about)
    assert done.code == 2
    assert file.read_bytes() == page
    assert files_in(tmp_path) == ["page.html"]


def test_no_page_is_written_over_a_certificate(of_title: OfTitle) -> None:
    made = of_title("runs, certified")
    before = made.path.read_bytes()
    assert invoke("report", made.path, "--html", made.path).code == 2
    assert made.path.read_bytes() == before


def test_what_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    done = invoke("report", tmp_path / "none.json", "--html", tmp_path / "page.html")
    assert (done.code, done.out) == (2, "")
    assert "there is no such file" in done.err
    assert invoke("report", tmp_path, "--html", tmp_path / "page.html").code == 2
    assert files_in(tmp_path) == []
