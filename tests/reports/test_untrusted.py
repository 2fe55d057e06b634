"""Certificates may come from anybody: none of their text becomes HTML, and bad files end in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import exactformer as ef
from exactformer.certificates.document import canonical_bytes, sha256
from exactformer.certificates.reports.page.page import page_of
from exactformer.certificates.reports.page.source import ReportError, read_source
from exactformer.constructions.machines.machine import Action, Move, Situation, TuringMachine
from tests.reports.made import TITLES, Made
from tests.reports.parsed import parsed, problems

pytestmark = pytest.mark.usefixtures("walked_once")

OfTitle = Callable[[str], Made]
BREAKING = "<script>alert(1)</script>"
VALUES: tuple[Any, ...] = (None, [], {}, 7, "x", -1)
"""Values in place of a field's; two of them for each."""
TRICKS = (BREAKING, "'><img/src=x/onerror=alert(1)>", "</script><b>", "]]><!--")


def machine() -> TuringMachine:
    """Its name, states and symbols would break a page that does not escape them."""
    rows: dict[Situation, Action] = {
        (BREAKING, ("<",)): Action("</title>", ("<",), (Move.RIGHT,)),
        ("</title>", ("<b>",)): Action("</script>", ("<",), (Move.STAY,)),
    }
    return TuringMachine(
        "<img/src=x>", 1, (BREAKING, "</title>", "</script>"), "</script>", ("<b>", "<", "&amp;"), ("<",), rows
    )


@pytest.mark.parametrize("behaviour", [ef.Inputs(["<"]), ef.EveryRun(context=16)], ids=["runs", "every run"])
def test_names_of_machines_states_and_symbols_are_escaped(behaviour: Any, tmp_path: Path) -> None:
    certificate = ef.certify(machine(), behaviour, "fused:bf16")
    page = page_of(read_source(certificate.write(tmp_path)))
    assert problems(page) == []
    top = parsed(page)
    assert BREAKING in top.named("machine").text
    assert "<img/src=x>" in top.all("h1")[0].text
    assert "&lt;script&gt;alert" in page
    assert BREAKING not in page
    assert BREAKING not in certificate._repr_html_()


def page_or_sentence(file: Path) -> str | None:
    """The page; None if it is refused, with a reason of one sentence."""
    try:
        return page_of(read_source(file))
    except ReportError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 800
    return None


def strings(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of the texts in a document; of each list, those in the first three entries."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, list):
        for number, one in enumerate(value[:3]):
            yield from strings(one, (*place, number))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from strings(one, (*place, key))


def with_text(document: Any, place: tuple[Any, ...], text: str) -> Any:
    changed = json.loads(json.dumps(document))
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = text
    return changed


@pytest.mark.parametrize("title", TITLES)
def test_no_text_of_a_certificate_becomes_html(of_title: OfTitle, title: str, tmp_path: Path) -> None:
    """One text after the other is replaced: the page does not have it as HTML, or a sentence says what is wrong."""
    made = of_title(title)
    document = json.loads(made.path.read_bytes())
    named = document.get("network")
    named = None if named is None else named.get("weights", named)
    network = None if named is None else (made.path.parent / named["file"]).read_bytes()
    if named is not None and network is not None:
        (tmp_path / named["file"]).write_bytes(network)
    places = [place for place in strings(document) if place[0] not in ("annotation", "holds", "names", "format")]
    pages = 0
    for number, place in enumerate(places[:: max(1, len(places) // 8)]):
        trick = TRICKS[number % len(TRICKS)]
        file = tmp_path / "changed.certificate.json"
        file.write_bytes(canonical_bytes(with_text(document, place, trick)))
        if (page := page_or_sentence(file)) is None:
            continue
        pages += 1
        assert problems(page) == [], place
        assert trick not in page.replace("</script><script>", ""), place
    assert pages


def test_texts_of_a_network_are_escaped(of_title: OfTitle, tmp_path: Path) -> None:
    made = of_title("every run, proved")
    document = json.loads(made.path.read_bytes())
    weights = json.loads((made.path.parent / document["network"]["weights"]["file"]).read_bytes())
    for layer in weights["layers"]:
        for head in layer["heads"]:
            head["name"] = f"{BREAKING}{head['name']}"
    for register in weights["registers"]:
        register[0] += BREAKING
    for family in weights["vocabulary"]:
        for field in family["fields"]:
            field["values"] = [f"{value}{BREAKING}" for value in field["values"]]
    for head in document["heads"]:
        head["name"] = BREAKING
    data = canonical_bytes(weights)
    document["network"]["weights"]["sha256"] = sha256(data)
    (tmp_path / document["network"]["weights"]["file"]).write_bytes(data)
    (tmp_path / "c.json").write_bytes(canonical_bytes(document))
    page = page_of(read_source(tmp_path / "c.json"))
    assert problems(page) == []
    assert BREAKING not in page
    assert parsed(page).text.count(BREAKING) > 10


@pytest.mark.parametrize("title", TITLES)
def test_whatever_is_missing_ends_in_one_sentence(of_title: OfTitle, title: str, tmp_path: Path) -> None:
    made = of_title(title)
    document = json.loads(made.path.read_bytes())
    for file in made.path.parent.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    keys = [*document, *(("statement", key) for key in document["statement"])]
    for number, key in enumerate(keys):
        for value in (VALUES[number % 3], VALUES[3 + number % 3]):
            changed = json.loads(json.dumps(document))
            inside = changed if isinstance(key, str) else changed["statement"]
            inside[key if isinstance(key, str) else key[1]] = value
            (tmp_path / made.path.name).write_bytes(canonical_bytes(changed))
            page = page_or_sentence(tmp_path / made.path.name)
            assert page is None or problems(page) == []


REFUSED: dict[str, tuple[bytes | None, str]] = {
    "no file": (None, "there is no such file"),
    "no JSON": (b"{", "is not a JSON document"),
    "no object": (b"[1]", "is not a JSON object"),
    "another document": (b'{"format": "exactformer weights"}', "its format is 'exactformer weights'"),
    "an old version": (b'{"format": "exactformer certificate", "version": 1}', "has version 1; pages can be"),
    "deep": (b'{"a":' + b"[" * 100_000, "is not a JSON document"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_what_is_no_certificate_is_said(title: str, tmp_path: Path) -> None:
    data, said = REFUSED[title]
    file = tmp_path / "given.json"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ReportError, match=said):
        read_source(file)


def test_the_network_has_to_be_the_one_that_is_named(of_title: OfTitle, tmp_path: Path) -> None:
    made = of_title("runs, certified")
    document = json.loads(made.path.read_bytes())
    copy = tmp_path / made.path.name
    copy.write_bytes(made.path.read_bytes())
    with pytest.raises(ReportError, match="there is no such file"):
        read_source(copy)
    (tmp_path / document["network"]["weights"]["file"]).write_bytes(b"{}")
    with pytest.raises(ReportError, match="its SHA-256 differs"):
        read_source(copy)
    for name in ("../x.json", "a/b", "/etc/passwd"):
        document["network"]["weights"]["file"] = name
        copy.write_bytes(canonical_bytes(document))
        with pytest.raises(ReportError, match="the plain name of a file"):
            read_source(copy)
