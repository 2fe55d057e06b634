"""Certify a machine's run, export the decoder, read it back, and certify that: the same tokens, in another way."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import exactformer as ef
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import Work, named_sequences
from tests.imported.test_decoder import folder_of

EXAMPLES = Path(__file__).parents[2] / "examples"
WORK = Work("copy", "", Paradigm.COT)


def test_a_machine_that_was_exported_is_certified_again(tmp_path: Path) -> None:
    decoder = ef.from_decoder(folder_of(tmp_path, WORK, "bf16"))
    (tokens,) = named_sequences(WORK)
    start = next(place for place, token in enumerate(tokens) if token.startswith("RUN")) - 1
    words = ef.Words(" ".join(f'"{token}"' for token in tokens), len(tokens), lambda word: [*word[1:], word[-1]], start)
    upto = ef.Words(
        " ".join(f'"{token}"' for token in tokens[:-1]), len(tokens) - 1, lambda _: list(tokens[start + 1 :]), start
    )
    certificate = ef.certify(decoder, upto, "bf16")
    assert certificate.verdict is ef.Verdict.PROVED
    path = certificate.write(tmp_path / "out")
    valid = ef.check(path, network=decoder)
    assert (valid.verdict, valid.claim) == ("proved", certificate.claim)
    wrong = ef.certify(decoder, words, "bf16")
    assert wrong.wrong is not None
    assert wrong.wrong.position == len(tokens) - 1


def test_brackets_as_the_guide_has_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLES / "brackets.py"))
    said = capsys.readouterr().out
    assert said.startswith("PROVED\nOn each word of at most 20 tokens of the language of the automaton (SHA-256 ")
    assert "\nvalid: proved\n" in said
    assert '"3":{")":["2","open"]}' in said
    guide = (EXAMPLES.parent / "documentation" / "guides" / "compiled.md").read_text(encoding="utf-8")
    (tmp_path / "brackets.yaml").write_text(guide[guide.index("# brackets.yaml\n") :].partition("```")[0])
    assert ef.load_transducer(tmp_path / "brackets.yaml") == ef.load_transducer(EXAMPLES / "brackets.yaml")


def test_the_example_in_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "majority.py"))
    said = capsys.readouterr().out
    assert said.count("proved On each of the 10922 words of at most 13 tokens") == 2
    assert said.count("  check: proved") == 2
    assert "proved On each word of at most 101 tokens of the language [a b] ([a b] [a b])*" in said
