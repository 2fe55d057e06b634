"""One vocabulary: nobody but `verify/verdict.py` spells a verdict, the README explains each, the checker agrees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from documentation.hooks.tables import TABLES
from exactformer.certificates.checker import check
from exactformer.certificates.checker.__main__ import main
from exactformer.certificates.checker.check import Valid, check_form
from exactformer.certificates.checker.document import Json, Rejected
from exactformer.certificates.checker.report import KIND
from exactformer.certificates.checker.theory.check import VERDICTS as THEORY_VERDICTS
from exactformer.certificates.command_line.audit_plot import MARKS
from exactformer.certificates.command_line.outcome import ExitCode
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.reports.verdicts import COLOUR
from exactformer.verify.verdict import MEANING, Basis, Fate, Verdict

ROOT = Path(__file__).parent.parent
VOCABULARY = ROOT / "verify" / "verdict.py"
FORMER = {
    *("fails", "open", "left open", "not found", "wrong token", "nothing to find", "nothing differs"),
    *("activations only", "no run found", "checked on this run", "observed, on these runs only"),
}
"""What commands said in the place of verdicts, and of what statements rest on."""
WORDS = {word.value for word in MEANING} | {basis.title for basis in Basis} | FORMER


def sources() -> Iterator[Path]:
    """All modules but the checkers, which have literals of their own."""
    checkers = {ROOT / "certificates" / name for name in ("checker", "second_checker")}
    for package in ("constructions", "verify", "certificates", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path != VOCABULARY and checkers.isdisjoint(path.parents):
                yield path


def spelled(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts, and parts of texts with something filled in, that are such a word: docstrings and sentences are not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value.strip(" :\n").lower()
            if word in WORDS:
                yield node.lineno, node.value


@pytest.mark.parametrize("text", ["verdict = 'fails'", "print(f'WRONG TOKEN  {where}')", "{'proved': 0}"])
def test_a_verdict_that_is_spelled_is_seen(text: str) -> None:
    assert len(list(spelled(ast.parse(text)))) == 1


def test_verdicts_are_spelled_in_one_place() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word!r}"
        for path in sources()
        for line, word in spelled(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_every_word_has_a_meaning_in_one_sentence() -> None:
    assert set(MEANING) == {*Verdict, *Basis, *Fate}
    assert len(set(MEANING.values())) == len(MEANING)
    for word, meaning in MEANING.items():
        assert word.meaning == meaning
        assert re.fullmatch(r"[A-Z][^.]+\.", meaning)


def test_the_readme_and_the_documentation_have_them() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for verdict in Verdict:
        assert f"| `{verdict.value}` | {verdict.meaning} |" in text
        assert f"| `{verdict.value}` | {verdict.meaning} |" in TABLES["verdicts"]()
    for basis in Basis:
        assert f"| `{basis.title}` | {basis.meaning} |" in TABLES["grounds"]()
    page = (ROOT / "documentation" / "concepts" / "verdicts.md").read_text(encoding="utf-8")
    assert all(f"<!-- table: {name} -->" in page for name in ("verdicts", "grounds"))


def test_exit_codes_and_colours_say_the_same() -> None:
    assert set(EXIT_CODE) == set(COLOUR) == set(Verdict)
    for verdict, code in EXIT_CODE.items():
        assert (code is ExitCode.CERTIFIED) == verdict.positive == (COLOUR[verdict] == "green")
        assert (code is ExitCode.REFUTED) == (verdict is Verdict.REFUTED) == (COLOUR[verdict] == "red")
    assert set(MARKS) == {Verdict.PROVED, Verdict.INCONCLUSIVE}


ON_RUNS = {Verdict.CERTIFIED, Verdict.REFUTED, Verdict.INCONCLUSIVE}
FOR_ALL = {Verdict.PROVED, Verdict.TOKENS_PROVED, Verdict.INCONCLUSIVE}


def accepted(word: str) -> bool:
    """Whether a certificate about given inputs may say this."""
    parts = dict.fromkeys(("network", "runs", "heads", "refutation"))
    statement: Json = {"scope": {"kind": "runs"}}
    document: dict[str, Json] = {"format": "exactformer certificate", "version": 2, "verdict": word}
    try:
        check_form({**document, "provenance": {}, "statement": statement, **parts})
    except Rejected:
        return False
    return True


def test_the_checker_has_the_same_verdicts() -> None:
    """In its own words, as far as certificates may have them; it knows no others."""
    assert {verdict for verdict in Verdict if accepted(verdict.value)} == ON_RUNS
    assert not any(accepted(word) for word in FORMER)
    assert {Verdict(word) for word in THEORY_VERDICTS} == FOR_ALL
    wanted = ON_RUNS | FOR_ALL
    assert wanted <= set(map(Verdict, KIND))
    assert all((KIND[verdict.value] == "positive") == verdict.positive for verdict in wanted)


def test_the_checker_has_the_same_kinds_of_statements(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    valid = Valid("proved", "claim", ("a",), ("b",), ("c",), ("d",))
    monkeypatch.setattr(check, "check_certificate", lambda *_, **__: valid)
    assert main(["certificate", "--machine", "machine"]) == ExitCode.CERTIFIED
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said[2:] if not line.startswith("  ")] == [
        Basis.PROVED.title,
        "not claimed",
        Basis.OBSERVED.title,
        Basis.ASSUMED.title,
    ]
