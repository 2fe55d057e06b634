"""The bytes of documents, and writing them safely (SPEC 1)."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from exactformer.certificates.document import canonical_bytes, ranges, rational, sha256, write_file, write_files


@dataclass(frozen=True)
class Pair:
    second: str
    first: tuple[int, ...]


def test_a_document_is_sorted_compact_ascii_with_a_newline() -> None:
    assert canonical_bytes({"b": [1, 2], "a": {"y": None, "x": "ä"}}) == b'{"a":{"x":"\\u00e4","y":null},"b":[1,2]}\n'
    assert canonical_bytes(Pair("s", (1, 2))) == b'{"first":[1,2],"second":"s"}\n'


def test_not_a_number_is_no_document() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_bytes({"x": float("nan")})


def test_names_are_sha256_in_hexadecimal() -> None:
    assert sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(3), "3"),
        (Fraction(-7), "-7"),
        (Fraction(10, 16), "5/8"),
        (Fraction(-1, 3), "-1/3"),
        (Fraction(0), "0"),
    ],
)
def test_rationals_as_text(number: Fraction, text: str) -> None:
    assert rational(number) == text


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([5], [(5, 5)]),
        ([1, 2, 3], [(1, 3)]),
        ([1, 3, 5, 6], [(1, 1), (3, 3), (5, 6)]),
        ([1, 2, 4, 5, 9], [(1, 2), (4, 5), (9, 9)]),
    ],
)
def test_ranges_do_not_touch(numbers: list[int], expected: list[tuple[int, int]]) -> None:
    assert ranges(numbers) == expected


def test_a_file_is_written_into_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.json"
    write_file(path, b"content")
    assert path.read_bytes() == b"content"
    assert os.listdir(path.parent) == ["file.json"]


def test_a_file_gets_the_mode_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("fails", ["fdopen", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "^C"])
def test_a_failure_half_way_leaves_the_old_file(
    fails: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    write_file(path, b"old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(type(error)):
        write_file(path, b"new content")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file.json"]


def test_of_several_files_all_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "1", b"old")
    synced = os.fsync
    left = iter(range(2))

    def full(handle: int) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_files({tmp_path / name: b"new" for name in "123"})
    assert os.listdir(tmp_path) == ["1"]
    assert (tmp_path / "1").read_bytes() == b"old"
    monkeypatch.undo()
    write_files({tmp_path / name: b"new" for name in "123"})
    assert [(tmp_path / name).read_bytes() for name in "123"] == [b"new"] * 3


def test_nobody_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_file(path, b"old")
    seen = []
    replace = os.replace

    def look(source: str, target: Path) -> None:
        seen.append((Path(source).read_bytes(), Path(source).parent, path.read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    write_file(path, b"new content")
    assert seen == [(b"new content", tmp_path, b"old")]
    assert path.read_bytes() == b"new content"


def test_canonical_bytes_are_what_reading_them_back_gives() -> None:
    document = {"z": [{"b": 1, "a": "5/8"}], "a": "\x7f\n\u2028"}
    data = canonical_bytes(document)
    assert json.loads(data) == document
    assert canonical_bytes(json.loads(data)) == data
