"""A run that was interrupted goes on where it was: finished lengths are listed again, and not computed again."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import exactformer as ef
from exactformer.certificates.checker.document import Undecided
from exactformer.certificates.checker.words.sets import Sets
from exactformer.certificates.checker.words.walk import Words as Walk
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.words import search, unfinished
from tests.command_line.interrupts import PROGRAM, nobody_left, start
from tests.command_line.invoking import files_in, invoke

HEAD = ef.HeadWeights([[0, 0]], [[0, 0]], [[1, 0]], [[0], [1]])
"""Takes the mean of all letters, 1 for an a and -1 for a b."""
SPEC = """
import os, signal, time
from pathlib import Path

def expected(word):
    "At the first word of so many tokens something happens, once."
    here = Path("event")
    if here.exists() and len(word) == {length}:
        here.unlink()
        {event}
    return "a" if 2 * word.count("a") >= len(word) else "b"

def changed(word):
    return "b" if word == ("a", "b") else expected(word)

def fails(word):
    if len(word) == {length}:
        raise ValueError("no more")
    return expected(word)
"""
SIGNAL = "os.kill(os.getppid(), signal.{name}); time.sleep(10**6)"
WORDS = ("--words", "[a b]*", "--last", "--arithmetic", "fp32", "--out", "out")
LETTERS = "{a: [0, a], b: [0, b]}"
TRANSDUCER = f"start: 0\nmoves:\n  0: {LETTERS}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a network and a specification; here every length is worth keeping."""
    for name, causal in (("full", False), ("causal", True)):
        layers, embedding, logits = [ef.LayerWeights([HEAD])], [[1, 0], [-1, 0]], [[0, 1], [0, -1]]
        net = ef.Transformer.build("ab", embedding, logits, layers, unembedding_bias=[2**-10, 0], causal=causal)
        ef.save_transformer(net, tmp_path / f"{name}.json")
    copying = ef.Transformer.build("ab", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [], causal=False)
    ef.save_transformer(copying, tmp_path / "copy.json")
    (tmp_path / "copy.yaml").write_text(TRANSDUCER)
    specify(tmp_path, 8, "raise KeyboardInterrupt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search, "WORTH_KEEPING", 1)
    return tmp_path


def specify(folder: Path, length: int, event: str) -> None:
    (folder / "spec.py").write_text(SPEC.format(length=length, event=event))
    (folder / "event").touch()


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "out").glob("*.unfinished.json"))


def written(folder: Path) -> dict[str, Any]:
    """The certificate, apart from its provenance; the only file beside its network."""
    (path,) = (folder / "out").glob("*.certificate.json")
    assert len(files_in(folder / "out")) == 2
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found | {"provenance": {}}


def verify(model: str, length: int, *more: str, spec: str = "spec.py") -> tuple[int, str, str]:
    done = invoke("verify", model, "--spec", spec, *WORDS, "--length", str(length), *more)
    return done.code, done.out, done.err


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many tokens the words are whose states are computed, and those looked at all at once."""
    found = list[int]()
    through, behind = Walk._through, Sets._behind_all

    def walked(walk: Walk, tokens: Any, before: Any) -> Any:
        found.append(tokens.shape[1])
        return through(walk, tokens, before)

    def together(sets: Sets, tokens: Any, asked: range) -> Any:
        found.append(len(tokens))
        return behind(sets, tokens, asked)

    monkeypatch.setattr(Walk, "_through", walked)
    monkeypatch.setattr(Sets, "_behind_all", together)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_and_the_same_command_again(number: signal.Signals, folder: Path) -> None:
    """The specification itself sends it, at the first word of 14 tokens, and is killed while it sleeps."""
    specify(folder, 14, SIGNAL.format(name=number.name))
    command = (*PROGRAM, "verify", "full.json", "--spec", "spec.py", *WORDS, "--length", "14")
    process = start(command, folder)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (128 + number, "")
    assert err.endswith(": what is finished is kept, and the same command goes on from there.\n")
    assert nobody_left(process.pid)
    assert not (folder / "event").exists()
    (file,) = kept(folder)
    assert files_in(folder / "out") == [file.name]
    assert [length for length, *_ in json.loads(file.read_bytes())["finished"]] == list(range(1, 14))
    process = start(command, folder)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "taken over  words of 1 to 13 tokens, from an earlier run, which showed that they are right" in out
    first = written(folder)
    assert invoke("check", *(folder / "out").glob("*.certificate.json"), "--spec", "spec.py").code == 0
    assert verify("full.json", 14, "--force")[0] == 0
    assert written(folder) == first


def test_finished_lengths_are_not_computed_again(folder: Path, looked_at: list[int]) -> None:
    assert verify("full.json", 10)[:2] == (130, "")
    assert looked_at == list(range(1, 9))
    looked_at.clear()
    code, out, err = verify("full.json", 10)
    assert (code, err) == (0, "")
    assert "taken over  words of 1 to 7 tokens, from an earlier run" in out
    assert (
        "assumed"
        in out[: out.index("What an earlier run kept about words of 1 to 7 tokens is right. (The checker computes it")]
    )
    assert looked_at == [8, 9, 10]
    first = written(folder)
    looked_at.clear()
    assert verify("full.json", 10, "--force")[0] == 0
    assert looked_at == list(range(1, 11))
    assert written(folder) == first


def test_another_length_goes_on_too(folder: Path, looked_at: list[int]) -> None:
    assert verify("full.json", 10)[0] == 130
    looked_at.clear()
    assert "words of 1 to 5 tokens" in verify("full.json", 5)[1]
    assert looked_at == []
    specify(folder, 8, "raise KeyboardInterrupt")
    assert verify("full.json", 9)[0] == 130
    looked_at.clear()
    code, out, _ = verify("full.json", 12)
    assert (code, "words of 1 to 7 tokens" in out) == (0, True)
    assert looked_at == [8, 9, 10, 11, 12]


def interrupt_at(length: int, monkeypatch: pytest.MonkeyPatch, by: BaseException | None = None) -> None:
    """Once so many finished lengths were kept."""
    keep = unfinished.Unfinished.keep

    def until(file: unfinished.Unfinished, far: int, finished: Any) -> None:
        keep(file, far, finished)
        if len(finished) == length:
            raise by or KeyboardInterrupt

    monkeypatch.setattr(unfinished.Unfinished, "keep", until)


@pytest.mark.parametrize(
    ("spec", "model"), [("copy.yaml", "copy.json"), ("hardmax", "full.json"), ("hardmax", "causal.json")]
)
def test_with_a_transducer_and_with_hardmax(
    spec: str, model: str, folder: Path, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        interrupt_at(6, patched)
        assert verify(model, 9, spec=spec)[0] == 130
    assert looked_at == list(range(1, 7))
    looked_at.clear()
    code, out, err = verify(model, 9, spec=spec)
    assert (code, err) == (0, "")
    assert "words of 1 to 6 tokens" in out
    assert looked_at == [7, 8, 9]
    first = written(folder)
    assert invoke("check", *(folder / "out").glob("*.certificate.json")).code == 0
    assert verify(model, 9, "--force", spec=spec)[0] == 0
    assert written(folder) == first


def test_where_time_was_too_short(folder: Path, looked_at: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        interrupt_at(6, patched, Undecided("not decided"))
        code, out, err = verify("copy.json", 9, spec="copy.yaml")
    assert (code, out) == (3, "")
    assert err == "Error: not decided; what is finished is kept, and the same command goes on from there\n"
    assert len(kept(folder)) == 1
    looked_at.clear()
    assert verify("copy.json", 9, spec="copy.yaml")[0] == 0
    assert looked_at == [7, 8, 9]


def test_a_word_that_is_wrong_is_found_behind_what_is_kept(folder: Path) -> None:
    """Of 8 tokens on, where half of the letters are a, the specification says something else."""
    text = (folder / "spec.py").read_text()
    (folder / "spec.py").write_text(text.replace(">= len(word)", ">= len(word) + (len(word) == 8)"))
    assert verify("full.json", 10)[0] == 130
    code, out, _ = verify("full.json", 10)
    assert code == 1
    assert "a word of 8 tokens; no shorter word is wrong" in out
    assert "words of 1 to 7 tokens" in out
    assert kept(folder) == []


Change = Callable[[dict[str, Any]], object]
NOT_FITTING: dict[str, Change | bytes] = {
    "another version": lambda kept: kept.update(exactformer="0"),
    "another format": lambda kept: kept.update(format="x"),
    "a field too many": lambda kept: kept.update(more=1),
    "no far": lambda kept: kept.pop("far"),
    "another far": lambda kept: kept.update(far=40),
    "another listing": lambda kept: kept["finished"][3].__setitem__(5, 64 * "0"),
    "a margin that is not a number": lambda kept: kept["finished"][3].__setitem__(3, "x"),
    "another margin": lambda kept: kept["finished"][3].__setitem__(3, "5"),
    "lengths in another order": lambda kept: kept["finished"].reverse(),
    "a length twice": lambda kept: kept["finished"].append(kept["finished"][-1]),
    "a length left out": lambda kept: kept["finished"].pop(2),
    "a length that was not looked at": lambda kept: kept["finished"].append([8, *kept["finished"][-1][1:]]),
    "no JSON": b"{",
    "bytes": b"\xff",
    "nothing": b"",
    "a list": b"[]\n",
}


@pytest.mark.parametrize("title", NOT_FITTING)
def test_what_does_not_fit_is_not_used_and_that_is_said(title: str, folder: Path, looked_at: list[int]) -> None:
    change = NOT_FITTING[title]
    assert verify("full.json", 9)[0] == 130
    (file,) = kept(folder)
    if isinstance(change, bytes):
        file.write_bytes(change)
    else:
        document = json.loads(file.read_bytes())
        change(document)
        file.write_bytes(canonical_bytes(document))
    looked_at.clear()
    code, out, err = verify("full.json", 9)
    assert code == 0
    assert looked_at == list(range(1, 10))
    assert "taken over" not in out
    assert err.startswith(f"out/{file.name} is not used: it ")
    assert len(err.splitlines()) == 1
    written(folder)


def test_another_version_computes_again(folder: Path, looked_at: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify("full.json", 9)[0] == 130
    monkeypatch.setattr(unfinished, "version", lambda _: "99")
    looked_at.clear()
    code, _, err = verify("full.json", 9)
    assert (code, looked_at) == (0, list(range(1, 10)))
    assert "is not used: it is from another version of exactformer, or was changed" in err
    written(folder)


@pytest.mark.usefixtures("folder")
def test_a_changed_specification_is_noticed(looked_at: list[int]) -> None:
    """It has the same request: what it expects is not known before it is run."""
    assert verify("full.json", 9)[0] == 130
    looked_at.clear()
    code, out, err = verify("full.json", 9, spec="spec.py:changed")
    assert code == 1
    assert "On 'a b', at position 1, the output is not 'b'" in out
    assert "the specification says something else about words of 2 tokens" in err
    assert looked_at == [1, 2]


REQUESTS = {
    "another beta": ("--beta", "2"),
    "another arithmetic": ("--arithmetic", "bf16"),
    "another language": ("--words", "a [a b]*"),
    "another specification": ("--spec", "copy.yaml"),
    "other weights": ("--round", "e4m3fn"),
}


@pytest.mark.parametrize("title", REQUESTS)
def test_another_request_has_another_file(title: str, folder: Path, looked_at: list[int]) -> None:
    assert verify("full.json", 9)[0] == 130
    (file,) = kept(folder)
    looked_at.clear()
    code, _, err = verify("full.json", 9, *REQUESTS[title])
    assert code in (0, 1)
    assert err == ""
    assert looked_at[0] == 1
    assert kept(folder) == [file]
    assert "words of 1 to 7 tokens" in verify("full.json", 9)[1]


def test_causal_networks_keep_nothing(folder: Path, looked_at: list[int]) -> None:
    """Longer words begin with shorter ones, whose states they need."""
    done = verify("causal.json", 9)
    assert done[0] == 130
    assert not (folder / "out").exists()
    looked_at.clear()
    code, out, _ = verify("causal.json", 9)
    assert (code, "taken over" in out) == (0, False)
    assert looked_at == list(range(1, 10))


def test_bad_input_leaves_nothing(folder: Path) -> None:
    (folder / "event").unlink()
    code, _, err = verify("full.json", 9, spec="spec.py:fails")
    assert code == 2
    assert "ValueError: no more" in err
    assert files_in(folder / "out") == []


def test_what_is_small_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert verify("full.json", 9)[0] == 130
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("folder")
def test_a_folder_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(unfinished, "write_file", full)
    code, out, err = verify("full.json", 9)
    assert (code, out) == (2, "")
    assert err == "Error: cannot write to out: Read-only file system; give another --out\n"


def test_the_interface_keeps_nothing(folder: Path) -> None:
    (folder / "event").unlink()
    net = ef.load_transformer("full.json")
    before = files_in(folder)
    certificate = ef.certify(
        net, ef.Words("[a b]*", 6, lambda word: "a" if 2 * word.count("a") >= len(word) else "b", None), "fp32"
    )
    assert certificate.verdict is ef.Verdict.PROVED
    assert files_in(folder) == before
