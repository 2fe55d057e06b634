"""The store of evidence: what is proved is found again; a file that cannot be used is trouble, and is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import z3

from exactformer.verify.annotation.evidence import Evidence, StoreError, prover


def test_what_was_added_is_found_again(tmp_path: Path) -> None:
    with Evidence(tmp_path / "new" / "store") as evidence:
        evidence.add(["one", "two"])
        evidence.add(["two"])
    with Evidence(tmp_path / "new" / "store") as evidence:
        assert [digest in evidence for digest in ("one", "two", "three")] == [True, True, False]


def test_evidence_of_another_prover_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Evidence(tmp_path / "store") as evidence:
        evidence.add(["some digest"])
    monkeypatch.setattr("exactformer.verify.annotation.evidence.prover", lambda: "another prover")
    with Evidence(tmp_path / "store") as evidence:
        assert "some digest" not in evidence


def test_another_version_of_the_solver_is_another_prover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Evidence(tmp_path / "store") as evidence:
        evidence.add(["some digest"])
    assert prover().endswith(f", z3 {z3.get_version_string()}")
    monkeypatch.setattr(z3, "get_version_string", lambda: "4.0.0")
    prover.cache_clear()
    with Evidence(tmp_path / "store") as evidence:
        assert "some digest" not in evidence
        assert prover().endswith(", z3 4.0.0")
    monkeypatch.undo()
    prover.cache_clear()
    with Evidence(tmp_path / "store") as evidence:
        assert "some digest" in evidence


def text(path: Path) -> None:
    path.write_text("not a database, but long enough to have a header that says so" * 10)


def short_text(path: Path) -> None:
    path.write_text("notes")


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (digest TEXT)")


def other_columns(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE proved (something TEXT)")


def cut_off(path: Path) -> None:
    with Evidence(path) as evidence:
        evidence.add(str(number) for number in range(1000))
    path.write_bytes(path.read_bytes()[:5000])


UNUSABLE = (text, short_text, another_database, other_columns, cut_off)


@pytest.mark.parametrize("make", UNUSABLE)
def test_a_file_that_is_no_store_is_trouble_and_is_left_alone(make: Callable[[Path], None], tmp_path: Path) -> None:
    store = tmp_path / "store"
    make(store)
    before = store.read_bytes()
    with pytest.raises(StoreError, match=r"cannot be used as a store of evidence: .*; give another with --store, or"):
        Evidence(store)
    troubles: list[StoreError] = []
    with Evidence(store, troubles.append) as evidence:
        evidence.add(["some digest"])
        assert "some digest" in evidence
        assert "1" not in evidence
    assert len(troubles) == 1
    assert store.read_bytes() == before


@pytest.mark.parametrize("place", ["file/store", "/proc/store", "x" * 300])
def test_a_store_that_cannot_be_made_is_trouble(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    troubles: list[StoreError] = []
    with Evidence(tmp_path / place, troubles.append) as evidence:
        evidence.add(["some digest"])
    assert len(troubles) == 1
    with pytest.raises(StoreError, match="cannot be written: "), Evidence(tmp_path / place) as evidence:
        evidence.add(["some digest"])


@pytest.mark.parametrize(
    ("mode", "why"), [("EXCLUSIVE", "cannot be used as a store of evidence"), ("IMMEDIATE", "cannot be written")]
)
def test_a_store_that_is_locked_is_trouble(
    mode: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked against readers, or against writers: then what is there is used all the same."""
    monkeypatch.setattr("exactformer.verify.annotation.evidence.WAIT_SECONDS", 0)
    store = tmp_path / "store"
    with Evidence(store) as evidence:
        evidence.add(["known"])
    troubles: list[StoreError] = []
    with closing(sqlite3.connect(store)) as database:
        database.execute(f"BEGIN {mode}")
        evidence = Evidence(store, troubles.append)
        evidence.add(["new"])
        evidence.save()
        evidence.add(["newer"])
        evidence.save()
    assert [digest in evidence for digest in ("known", "new", "newer")] == [mode == "IMMEDIATE", True, True]
    (trouble,) = troubles
    assert str(trouble).startswith(f"'{store}' {why}: database is locked; ")
    with Evidence(store) as evidence:
        assert [digest in evidence for digest in ("known", "new", "newer")] == [True, False, False]


def test_nothing_is_written_before_it_is_saved_nor_where_there_is_nothing_to_save(tmp_path: Path) -> None:
    store = tmp_path / "cache" / "store"
    with Evidence(store):
        pass

    def proved_and_then(end: BaseException) -> None:
        with Evidence(store) as evidence:
            evidence.add(["some digest"])
            raise end

    with pytest.raises(KeyboardInterrupt):
        proved_and_then(KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="no verdict"):
        proved_and_then(ValueError("no verdict"))
    assert "some digest" in Evidence(store)


def test_the_guard_is_entered_while_the_file_is_changed(tmp_path: Path) -> None:
    inside: list[bool] = []

    @contextmanager
    def guard() -> Iterator[None]:
        inside.append((tmp_path / "store").exists())
        yield
        inside.append((tmp_path / "store").exists())

    with Evidence(tmp_path / "store", guard=guard) as evidence:
        evidence.add(["some digest"])
    assert inside == [False, True]
