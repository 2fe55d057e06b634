"""Files that are there: never replaced unasked; a certificate never lies without its weights."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.files import FileRefused, Output, Subject
from tests.certificates.certified import SAMPLES, bundle

FIELDS: dict[str, Any] = {"format": "form", "statement": {"machine": "m", "scope": {"kind": "runs"}}}
SUBJECT = Subject("m.runs", FIELDS)


@dataclass(frozen=True)
class Made:
    """What is written of a bundle."""

    certificate: dict[str, Any]
    weights: bytes = b"weights"
    weights_name: str = "m.1.weights.json"
    subject: Subject = SUBJECT

    @property
    def bytes(self) -> bytes:
        return canonical_bytes(self.certificate)


def made(verdict: str = "proved", created: str = "then", weights: bytes = b"weights") -> Made:
    file = f"m.{weights[-1]}.weights.json"
    document = {**FIELDS, "verdict": verdict, "weights": file, "provenance": {"created": created}}
    return Made(document, weights, file)


def lying(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


CERTIFICATE = "m.runs.certificate.json"


# ---------------------------------------------------------------------------- what is there


def test_what_is_not_there_is_written(tmp_path: Path) -> None:
    written = Output(tmp_path / "new" / "er").write_bundle(made())
    assert (written.bytes, written.kept) == (made().bytes, False)
    assert written.certificate == tmp_path / "new" / "er" / CERTIFICATE
    assert lying(written.certificate.parent) == {CERTIFICATE: made().bytes, written.weights.name: b"weights"}


def test_what_says_the_same_stays_and_counts_as_written(tmp_path: Path) -> None:
    Output(tmp_path).write_bundle(made(created="first"))
    (tmp_path / made().weights_name).unlink()
    Output(tmp_path).require(made().subject)
    again = Output(tmp_path).write_bundle(made(created="second"))
    assert (again.bytes, again.kept) == (made(created="first").bytes, True)
    assert lying(tmp_path) == {CERTIFICATE: made(created="first").bytes, made().weights_name: b"weights"}


OTHERS: dict[str, tuple[bytes, str]] = {
    "another verdict": (made("refuted").bytes, "its verdict differs from what would be written"),
    "something more": (canonical_bytes(made().certificate | {"more": 1}), "its more differs"),
    "something less": (canonical_bytes({k: v for k, v in made().certificate.items() if k != "weights"}), "its weights"),
    "no provenance": (
        canonical_bytes({k: v for k, v in made().certificate.items() if k != "provenance"}),
        "its provenance differs",
    ),
    "a provenance that is none": (canonical_bytes(made().certificate | {"provenance": 1}), "its provenance differs"),
}
FOREIGN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is not a certificate"),
    "text": (b"my notes\n", "it is not a certificate"),
    "bytes": (b"\xff\x00", "it is not a certificate"),
    "a number": (b"1\n", "it is not a certificate"),
    "not a number": (b'{"x":NaN}\n', "it is not a certificate"),
    "nested": (b"[" * 200_000, "it is not a certificate"),
    "not canonical": (json.dumps(made().certificate).encode(), "it is not a certificate"),
    "another kind": (canonical_bytes(made().certificate | {"format": "other"}), "its format is not what was asked for"),
    "another statement": (
        canonical_bytes(made().certificate | {"statement": {"machine": "m", "scope": {"kind": "all"}}}),
        "its statement.scope.kind is not what was asked for",
    ),
    "a statement of nothing": (canonical_bytes(made().certificate | {"statement": None}), "its statement is not"),
    "true for one": (canonical_bytes(made().certificate | {"format": True}), "its format is not"),
}


@pytest.mark.parametrize("title", [*OTHERS, *FOREIGN])
def test_what_differs_is_kept(title: str, tmp_path: Path) -> None:
    content, why = (OTHERS | FOREIGN)[title]
    (tmp_path / CERTIFICATE).write_bytes(content)
    with pytest.raises(
        FileRefused, match=r"exists and is kept: .*; give --force to replace it, or another --out$"
    ) as no:
        Output(tmp_path).write_bundle(made())
    assert title in FOREIGN or why in str(no.value)
    assert lying(tmp_path) == {CERTIFICATE: content}


@pytest.mark.parametrize("title", FOREIGN)
def test_what_is_about_something_else_is_refused_before_the_work(title: str, tmp_path: Path) -> None:
    content, why = FOREIGN[title]
    (tmp_path / CERTIFICATE).write_bytes(content)
    with pytest.raises(FileRefused) as no:
        Output(tmp_path).require(made().subject)
    assert str(no.value).startswith(f"{tmp_path / CERTIFICATE} exists and is kept: {why}")
    Output(tmp_path, force=True).require(made().subject)


@pytest.mark.parametrize("title", OTHERS)
def test_what_the_work_decides_is_not_judged_before(title: str, tmp_path: Path) -> None:
    (tmp_path / CERTIFICATE).write_bytes(OTHERS[title][0])
    Output(tmp_path).require(made().subject)


@pytest.mark.parametrize("title", [*OTHERS, *FOREIGN])
def test_force_replaces_it(title: str, tmp_path: Path) -> None:
    (tmp_path / CERTIFICATE).write_bytes((OTHERS | FOREIGN)[title][0])
    (tmp_path / made().weights_name).write_bytes(b"other")
    written = Output(tmp_path, force=True).write_bundle(made())
    assert (written.bytes, written.kept) == (made().bytes, False)
    assert lying(tmp_path) == {CERTIFICATE: made().bytes, made().weights_name: b"weights"}


def test_weights_that_are_not_those_are_kept_and_no_certificate_is_written(tmp_path: Path) -> None:
    (tmp_path / made().weights_name).write_bytes(b"other")
    with pytest.raises(FileRefused, match="its content differs from what would be written"):
        Output(tmp_path).write_bundle(made())
    assert lying(tmp_path) == {made().weights_name: b"other"}


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("make", [folder, pipe, device, dangling])
def test_what_is_no_regular_file_is_never_touched(make: Callable[[Path], None], force: bool, tmp_path: Path) -> None:
    make(tmp_path / CERTIFICATE)
    for use in (
        lambda: Output(tmp_path, force).require(made().subject),
        lambda: Output(tmp_path, force).write_bundle(made()),
    ):
        with pytest.raises(FileRefused, match="is not a regular file; give another --out"):
            use()
    assert os.listdir(tmp_path) == [CERTIFICATE]


def test_what_cannot_be_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Output(tmp_path).write_bundle(made())

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(FileRefused, match="it cannot be read \\(Permission denied\\)"):
        Output(tmp_path).require(made().subject)


# ---------------------------------------------------------------------------- where nothing can be written


@pytest.mark.parametrize(
    "place", ["file/below", "/proc/below", "/dev/null", "/dev/full/below", "dangling", "x" * 300, "loop/x"]
)
def test_a_folder_that_cannot_be_written_to_is_noticed_before_the_work(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    dangling(tmp_path / "dangling")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileRefused, match=r"^cannot write to .*; give another --out$"):
        Output(tmp_path / place).require(made().subject)
    with pytest.raises(FileRefused, match=r"^cannot write to .*; give another --out$"):
        Output(tmp_path / place).write_bundle(made())
    assert sorted(os.listdir(tmp_path)) == before


def test_a_folder_without_permission_is_noticed_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where root runs the tests, permission bits mean nothing; what the system says of a new file does."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    with pytest.raises(FileRefused, match="Read-only file system; give another --out"):
        Output(tmp_path / "a" / "b").require(made().subject)


def test_looking_whether_one_can_write_leaves_nothing(tmp_path: Path) -> None:
    Output(tmp_path / "a" / "b").require(made().subject)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------------------- interruptions


class Interruption(BaseException):
    """Raised at any call of the system; like KeyboardInterrupt, it is not an Exception."""


WRITING = ("fdopen", "fsync", "chmod", "replace")


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[list[int]]:
    """Every call of the system that writing makes is counted; the one with this number is interrupted."""
    calls = [0]
    with monkeypatch.context() as patched:
        for name in WRITING:
            real = getattr(os, name)

            def counting(*arguments: Any, real: Any = real, **options: Any) -> Any:
                calls[0] += 1
                if calls[0] == at:
                    raise Interruption
                done = real(*arguments, **options)
                if real is not os.fdopen:
                    calls[0] += 1
                    if calls[0] == at:
                        raise Interruption
                return done

            patched.setattr(os, name, counting)
        yield calls


@pytest.mark.parametrize("force", [False, True])
def test_an_interruption_leaves_no_certificate_without_its_weights(
    force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any point: the old pair, or the new one; besides, at most new weights."""
    old, new = made("refuted", weights=b"1"), made("proved", weights=b"2")
    for at in range(1, 100):
        place = tmp_path / str(at)
        place.mkdir()
        if force:
            Output(place).write_bundle(old)
        with interrupted(monkeypatch, at) as calls:
            try:
                Output(place, force).write_bundle(new)
            except Interruption:
                pass
            else:
                break
        there = lying(place)
        assert not any(name.startswith(".") for name in there)
        if CERTIFICATE in there:
            named = json.loads(there[CERTIFICATE])["weights"]
            assert there[named] == (b"1" if named == old.weights_name else b"2")
        assert (CERTIFICATE in there) or not force
        assert set(there.values()) <= {old.bytes, old.weights, new.bytes, new.weights}
    assert calls[0] > 10
    assert lying(place)[CERTIFICATE] == new.bytes


# ---------------------------------------------------------------------------- real certificates


@pytest.mark.parametrize("field", ["context", "arithmetic", "paradigm", "scope", "machine", "beta"])
def test_a_certificate_of_another_request_is_noticed_before_the_work(field: str, tmp_path: Path) -> None:
    """That a certificate of the same request is not: see
    `test_certifying_twice_gives_the_same_document_up_to_provenance`."""
    real = bundle(next(sample for sample in SAMPLES if sample.title == "certified, beta given"))
    certificate = json.loads(real.bytes)
    certificate["statement"][field] = "other"
    (tmp_path / real.subject.certificate).write_bytes(canonical_bytes(certificate))
    with pytest.raises(FileRefused, match=f"its statement.{field}.* is not what was asked for"):
        Output(tmp_path).require(real.subject)
