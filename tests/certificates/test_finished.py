"""Results that are kept as they come in: what is read again, and what is refused."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from exactformer.certificates.files import FileRefused
from exactformer.certificates.finished import Finished, finished

HEADER = {"format": "a test", "version": 1}


def opened(path: Path) -> AbstractContextManager[Finished]:
    return finished(path, HEADER, ("key", "found"), "key", str, "test")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "kept.jsonl"
    with opened(found) as kept:
        kept.add({"key": "b", "found": 1})
        kept.add({"key": "a", "found": 2})
    return found


def test_what_was_added_is_read_again(path: Path) -> None:
    with opened(path) as kept:
        assert kept.lines == {"b": {"key": "b", "found": 1}, "a": {"key": "a", "found": 2}}


def test_a_later_line_counts_instead_of_an_earlier_one(path: Path) -> None:
    with opened(path) as kept:
        kept.add({"key": "b", "found": 3})
    assert len(path.read_text().splitlines()) == 4
    with opened(path) as kept:
        assert kept.lines["b"] == {"key": "b", "found": 3}
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_last_line_that_was_cut_off_does_not_count(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    with opened(path) as kept:
        assert list(kept.lines) == ["b"]
        kept.add({"key": "c", "found": 4})
    assert [json.loads(line).get("key") for line in path.read_text().splitlines()] == [None, "b", "c"]


def test_lines_are_sorted_by_key_when_that_is_asked(path: Path) -> None:
    with opened(path) as kept:
        kept.sort()
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()[1:]] == ["a", "b"]


def test_two_commands_do_not_add_to_one_file(path: Path) -> None:
    before = path.read_bytes()
    with opened(path) as kept:
        with pytest.raises(FileRefused, match="is being added to by another command"), opened(path):
            pass
        kept.add({"key": "c", "found": 4})
    assert path.read_bytes().startswith(before)
    with opened(path) as kept:
        assert list(kept.lines) == ["b", "a", "c"]


@pytest.mark.parametrize("line", ["5", '{"key":1,"found":1}', '{"key":"d"}', '{"key":"d","found":1,"more":2}', "x"])
def test_a_line_that_is_no_result_is_refused(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")
    before = path.read_bytes()
    with pytest.raises(FileRefused, match="give another --out"), opened(path):
        pass
    assert path.read_bytes() == before


def test_another_file_is_refused(path: Path) -> None:
    with (
        pytest.raises(FileRefused, match="is not a file of this test: its first line is not"),
        finished(path, {"format": "another"}, ("key", "found"), "key", str, "test"),
    ):
        pass


def test_a_file_that_is_not_open_takes_no_line(path: Path) -> None:
    with pytest.raises(ValueError, match="is not open"):
        Finished(path, HEADER, "key").add({"key": "d", "found": 5})
