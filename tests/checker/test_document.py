"""Canonical JSON and nothing else: accepted and rejected documents, by title."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from exactformer.certificates.checker import document
from exactformer.certificates.checker.document import BadInput, Json, Rejected, TooLarge

CANONICAL = [
    ("empty object", b"{}\n", {}),
    ("sorted keys", b'{"a":1,"b":[-2,null,"x"]}\n', {"a": 1, "b": [-2, None, "x"]}),
    ("escaped character", b'"\\u00e9"\n', "\u00e9"),
    ("2^53", b"9007199254740992\n", 2**53),
]

NOT_CANONICAL = [
    ("no newline", b"{}"),
    ("two newlines", b"{}\n\n"),
    ("space", b'{"a": 1}\n'),
    ("unsorted keys", b'{"b":1,"a":2}\n'),
    ("duplicate key", b'{"a":1,"a":1}\n'),
    ("float", b"1.5\n"),
    ("float that is whole", b"1e3\n"),
    ("NaN", b"NaN\n"),
    ("infinity", b"-Infinity\n"),
    ("minus zero", b"-0\n"),
    ("beyond 2^53", b"9007199254740993\n"),
    ("very long number", b"1" * 10_000 + b"\n"),
    ("not ASCII", '"\u00e9"\n'.encode()),
    ("needless escape", b'"\\u0041"\n'),
    ("not JSON", b"{'a':1}\n"),
    ("two documents", b"{}\n{}\n"),
    ("byte order mark", b"\xef\xbb\xbf{}\n"),
    ("nothing", b""),
]


@pytest.mark.parametrize(("data", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CANONICAL])
def test_reads_canonical_documents(data: bytes, expected: Json) -> None:
    assert document.read_canonical(data, "it") == expected


@pytest.mark.parametrize("data", [pytest.param(data, id=title) for title, data in NOT_CANONICAL])
def test_rejects_everything_else(data: bytes) -> None:
    with pytest.raises(Rejected):
        document.read_canonical(data, "it")


HEAVY: list[tuple[str, str, int, bytes, str | None]] = [
    ("values", "MOST_VALUES", 20, b"[" + b"0," * 40 + b"0]\n", "up to 42 values; this checker reads 20"),
    ("pairs", "MOST_VALUES", 10, b'{"a":1,"b":2,"c":3,"d":4,"e":5}\n', "up to 11 values; this checker reads 10"),
    ("lists", "MOST_CONTAINERS", 10, b"[" + b"[]," * 9 + b"[]]\n", "up to 11 lists and objects; this checker reads 10"),
    ("objects", "MOST_CONTAINERS", 10, b"[" + b"{}," * 9 + b"{}]\n", "up to 11 lists and objects"),
    ("strings", "MOST_STRINGS", 5, b"[" + b'"ab",' * 5 + b'"ab"]\n', "up to 6 strings; this checker reads 5"),
    ("lists in lists", "DEEPEST", 8, b"[" * 9 + b"]" * 9 + b"\n", "more than 8 lists and objects inside each other"),
    ("objects in objects", "DEEPEST", 8, b'{"a":' * 9 + b"1" + b"}" * 9 + b"\n", "more than 8 lists"),
    ("very deep", "DEEPEST", 16, b"[" * 100_000 + b"]" * 100_000 + b"\n", "more than 16 lists"),
    (
        "brackets in strings do not count against",
        "DEEPEST",
        8,
        b'["]]]",' + b"[" * 8 + b"]" * 8 + b"]\n",
        "more than 8",
    ),
    ("brackets in strings do not count", "DEEPEST", 8, b'["[[[","[[[","\\"[[[[[["]\n', None),
    ("a string that is cut off", "DEEPEST", 8, b'["\\"]' + b"[" * 9 + b"\n", None),
    ("a string that ends in a backslash", "DEEPEST", 8, b'["' + b"\\" * 99, None),
]


@pytest.mark.parametrize(
    ("limit", "most", "data", "complaint"), [pytest.param(*case[1:], id=case[0]) for case in HEAVY]
)
def test_heavy_documents_are_not_built(
    limit: str, most: int, data: bytes, complaint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, limit, most)
    if complaint is None:
        document.require_light(data, "it")
        return
    monkeypatch.setattr("json.loads", None)
    with pytest.raises(TooLarge, match=complaint):
        document.read_canonical(data, "it")


def test_every_list_of_integers_is_looked_at() -> None:
    assert document.integers("x", [0, -3, 3], -3, 3) == [0, -3, 3]
    assert document.integers("x", [], 0, 0) == []
    wrongs: list[tuple[Json, str]] = [([0, True], "x[1]"), ([1, 4], "x[1]"), ([-4], "x[0]"), (["1"], "x[0]"), (1, "x")]
    for wrong, field in wrongs:
        with pytest.raises(Rejected) as rejected:
            document.integers("x", wrong, -3, 3)
        assert rejected.value.field == field


DIFFERENT: list[tuple[str, Json, Json, str]] = [
    ("value", {"a": [1, 2]}, {"a": [1, 3]}, "x.a[1]"),
    ("true for 1", {"a": True}, {"a": 1}, "x.a"),
    ("0 for false", 0, False, "x"),
    ("string for number", "1", 1, "x"),
    ("missing field", {}, {"a": 1}, "x"),
    ("unknown field", {"a": 1, "b": 1}, {"a": 1}, "x"),
    ("short list", [1], [1, 2], "x"),
    ("long list", [1, 2], [1], "x"),
    ("null for list", None, [], "x"),
    ("list for object", [], {}, "x"),
]


@pytest.mark.parametrize(("found", "expected", "field"), [pytest.param(*c[1:], id=c[0]) for c in DIFFERENT])
def test_a_difference_is_found_where_it_is(found: Json, expected: Json, field: str) -> None:
    document.require_same("x", expected, expected)
    with pytest.raises(Rejected) as rejected:
        document.require_same("x", found, expected)
    assert rejected.value.field == field


LONG = "For every token sequence " * 10
TEXTS = [
    ("short", "a" * 40, "b" * 40, f'is "{"a" * 40}" where it must be "{"b" * 40}"'),
    (
        "in the middle",
        LONG + "64" + LONG,
        LONG + "65" + LONG,
        '64For every token sequence For every toke.." where it must',
    ),
    ("at the beginning", "a" + LONG, "b" + LONG, 'is "..aFor every'),
    ("at the end", LONG, LONG + "!", 'sequence !.." (from character 250 on)'),
]


@pytest.mark.parametrize(("found", "expected", "shown"), [pytest.param(*c[1:], id=c[0]) for c in TEXTS])
def test_of_two_texts_the_difference_is_shown(found: str, expected: str, shown: str) -> None:
    with pytest.raises(Rejected) as rejected:
        document.require_same("x", found, expected)
    assert shown in rejected.value.reason
    assert len(rejected.value.reason) < 260


@pytest.mark.parametrize("value", [True, "3", None, 4, -1, [3]])
def test_integer_rejects(value: Json) -> None:
    assert document.integer("x", 3, 0, 3) == 3
    with pytest.raises(Rejected):
        document.integer("x", value, 0, 3)


@pytest.mark.parametrize("value", ["0", "-1", "01", "+1", " 1", "1 ", "1.0", "", 1, "1_0", "\u0661", "1" * 5000])
def test_natural_rejects(value: Json) -> None:
    assert document.natural("x", "10") == 10
    with pytest.raises(Rejected):
        document.natural("x", value)


@pytest.mark.parametrize("digits", [1, 4000, 4300, 10_000, 40_000])
def test_decimal_digits_of_long_integers(digits: int) -> None:
    value = 7 * 10 ** (digits - 1) + 12_345 % 10 ** (digits - 1)
    written = document.decimal(value)
    assert len(written) == digits
    back = 0
    for at in range(0, digits, 1000):
        back = back * 10 ** len(written[at : at + 1000]) + int(written[at : at + 1000])
    assert back == value


def test_rationals() -> None:
    values = [Fraction(3), Fraction(-7), Fraction(10, 16), Fraction(0), Fraction(-1, 2)]
    assert [document.rational_text(value) for value in values] == ["3", "-7", "5/8", "0", "-1/2"]


def test_unreadable_and_oversized_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput):
        document.read_bytes(tmp_path / "none", "it")
    with pytest.raises(BadInput):
        document.read_bytes(tmp_path, "it")
    (tmp_path / "long").write_bytes(b"123456")
    assert document.read_bytes(tmp_path / "long", "it") == b"123456"
    monkeypatch.setattr(document, "LARGEST_DOCUMENT", 5)
    with pytest.raises(TooLarge, match="longer than the 5"):
        document.read_bytes(tmp_path / "long", "it")
