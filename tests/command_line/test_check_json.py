"""``check --json``: for every kind of certificate, and for every refusal, one object that the schema describes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import exactformer.certificates
from exactformer.certificates.command_line.outcome import MEANING
from exactformer.certificates.document import sha256
from exactformer.verify.verdict import Verdict
from tests.command_line.invoking import invoke
from tests.reports.made import TITLES, Made, made

pytestmark = pytest.mark.usefixtures("walked_once")

SCHEMA = json.loads((Path(exactformer.certificates.__file__).parent / "check.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
OfTitle = Callable[[str], Made]
CODES = {"refuted": 1, "inconclusive": 3}


@pytest.fixture(scope="module")
def of_title(tmp_path_factory: pytest.TempPathFactory) -> OfTitle:
    folder = tmp_path_factory.mktemp("certificates")
    return lambda title: made(title, folder)


def checked(*arguments: str | Path) -> Any:
    """What it prints: one object, with the command's own exit code."""
    done = invoke("check", *arguments, "--json")
    assert done.err == ""
    said = json.loads(done.out)
    VALIDATOR.validate(said)
    assert said["exit_code"] == done.code
    assert said["meaning"] == MEANING[done.code]  # type: ignore[index]  # it is one of the codes
    return said


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])
    words = {verdict.value for verdict in Verdict} - {Verdict.UNSUPPORTED.value}
    assert {one for one in SCHEMA["properties"]["verdict"]["enum"] if one} == words


@pytest.mark.parametrize("title", TITLES)
def test_a_valid_certificate(of_title: OfTitle, title: str) -> None:
    found = of_title(title)
    document = json.loads(found.path.read_bytes())
    said = checked(found.path, *found.about)
    assert said["valid"] is True
    assert (said["verdict"], said["claim"]) == (found.verdict, document["statement"]["claim"])
    assert said["exit_code"] == CODES.get(found.verdict, 0)
    assert said["certificate"]["format"] == document["format"]
    assert said["certificate"]["sha256"] == sha256(found.path.read_bytes())
    network = document.get("network")
    assert said["certificate"]["network"] == (None if network is None else network.get("weights", network))
    text = invoke("check", found.path, *found.about).out
    for key in ("proved", "observed", "assumed", "not_claimed"):
        assert all(f"  - {fact}\n" in text for fact in said[key])
    assert sum(len(said[key]) for key in ("proved", "observed", "assumed", "not_claimed")) == text.count("\n  - ")


@pytest.mark.parametrize("title", ["runs, refuted", "runs, inconclusive"])
def test_what_is_expected_is_said(of_title: OfTitle, title: str) -> None:
    found = of_title(title)
    said = checked(found.path, *found.about, "--expect", found.verdict)
    assert (said["exit_code"], said["expected"]) == (0, found.verdict)


SECOND = {
    "every run, proved": (0, "the second checker says: valid: proved"),
    "every run, inconclusive": (3, "the second checker says: valid: inconclusive"),
    "every run, tokens proved": (4, "the second checker says: not judged: claims about tokens alone (THEORIES 8)"),
}


@pytest.mark.parametrize("title", SECOND)
def test_the_second_checker_is_asked_too(of_title: OfTitle, title: str) -> None:
    found, (code, sentence) = of_title(title), SECOND[title]
    said = checked(found.path, *found.about, "--second")
    assert (said["valid"], said["exit_code"]) == (None if code == 4 else True, code)
    assert said["second"].startswith(sentence)
    first = f"the first checker says: valid: {found.verdict}; "
    assert said["error"] == (first + said["second"] if code == 4 else None)
    done = invoke("check", found.path, *found.about, "--second")
    assert said["second"] in (done.err if code == 4 else done.out)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (1, "the checkers disagree, so one of them is wrong, and nothing is judged; the second one says: because"),
        (2, "the second checker failed: because"),
        (5, "the second checker failed: because"),
        (-9, "the second checker failed: because"),
        (3, "the second checker says: valid: inconclusive"),
    ],
)
def test_where_the_checkers_disagree_nothing_is_judged(
    of_title: OfTitle, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    ended: Any = subprocess.CompletedProcess([], code, "", "because\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    found = of_title("every run, proved")
    said = checked(found.path, *found.about, "--second")
    assert (said["valid"], said["verdict"], said["exit_code"]) == (None, None, 5)
    assert (said["second"], said["error"]) == (sentence, f"the first checker says: valid: proved; {sentence}")


def test_no_second_checker_is_asked_where_there_is_none(of_title: OfTitle, tmp_path: Path) -> None:
    """Of other kinds of certificates; and once the first one has said no."""
    of_runs, every_run = of_title("runs, refuted"), of_title("every run, proved")
    refused = checked(of_runs.path, *of_runs.about, "--second")
    assert (refused["exit_code"], refused["second"]) == (2, None)
    assert "--second is for certificates about a theory" in refused["error"]
    wrong = checked(forged(every_run, tmp_path), *every_run.about, "--second")
    assert (wrong["exit_code"], wrong["second"]) == (1, None)


def forged(found: Made, folder: Path) -> Path:
    document = json.loads(found.path.read_bytes())
    document["statement"]["claim"] += " "
    for file in found.path.parent.glob("*.json"):
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / found.path.name
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n")
    return path


@pytest.mark.parametrize("title", TITLES)
def test_a_certificate_that_is_not_valid(of_title: OfTitle, title: str, tmp_path: Path) -> None:
    found = of_title(title)
    said = checked(forged(found, tmp_path), *found.about)
    assert (said["valid"], said["exit_code"]) == (False, 1)
    assert said["error"].startswith("not valid: ")


def test_refusals(of_title: OfTitle, tmp_path: Path) -> None:
    found = of_title("runs, certified")
    none = checked(tmp_path / "none.json", "--machine", "increment")
    assert (none["valid"], none["exit_code"], none["certificate"]["sha256"]) == (None, 2, None)
    assert "cannot be read" in none["error"]
    unnamed = checked(found.path)
    assert (unnamed["valid"], unnamed["exit_code"]) == (None, 2)
    assert "say what the certificate has to be about" in unnamed["error"]
    assert checked(found.path, "--machine", "no such machine")["exit_code"] == 2
    assert checked(found.path, "--machine", "increment", "--spec", "x")["exit_code"] == 2
    wrong = checked(found.path, "--function", "sort")
    assert (wrong["exit_code"], wrong["valid"]) == (2, None)
    other = checked(found.path, "--machine", "copy")
    assert (other["exit_code"], other["valid"]) == (1, False)
    text = tmp_path / "text.json"
    text.write_text("no JSON")
    assert checked(text, "--machine", "increment")["certificate"]["sha256"] == sha256(b"no JSON")
    large = tmp_path / "large.json"
    large.write_text('{"a":' + "[" * 50 + "]" * 50 + "}")
    assert checked(large, "--machine", "increment")["exit_code"] == 4


def test_a_specification_is_compared(of_title: OfTitle) -> None:
    found = of_title("words, proved")
    spec = found.path.parent / "spec.py"
    said = checked(found.path, "--spec", spec)
    assert said["compared"]
    assert (said["exit_code"], said["about"]["specification"]) == (0, str(spec))
    other = found.path.parent / "other.py"
    other.write_text("def expected(word):\n    return ['b']\n")
    said = checked(found.path, "--spec", other)
    assert (said["exit_code"], said["valid"], said["compared"]) == (1, True, None)
    assert said["error"].startswith("not what the specification expects: ")


def test_a_folded_machine_is_said(of_title: OfTitle) -> None:
    said = checked(of_title("runs, certified").path, "--machine", "1RB1LB_1LA1RZ")
    assert said["about"]["folded"] is True
    assert said["exit_code"] == 1


def test_a_forgotten_field_is_noticed(of_title: OfTitle) -> None:
    found = of_title("runs, certified")
    said = checked(found.path, *found.about)
    for key in said:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({name: value for name, value in said.items() if name != key})
    for change in ({"valid": None}, {"valid": False}, {"claim": None}, {"exit_code": 2}, {"more": 1}, {"error": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({**said, **change})
