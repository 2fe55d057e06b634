"""Pages of certificates of every kind: their structure, what they say, and that it is what the certificate says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exactformer import EveryRun, TuringMachine, certify
from exactformer.certificates.reports.page.grounds import Checked
from exactformer.certificates.reports.page.page import Wanted, page_of
from exactformer.certificates.reports.page.section import power_above
from exactformer.certificates.reports.page.shell import STYLE
from exactformer.certificates.reports.page.source import ReportError, read_source
from exactformer.certificates.sequences.certificate import shown
from exactformer.constructions.machines.machine import Action, Move, Situation
from exactformer.verify.verdict import Verdict
from tests.command_line.invoking import invoke
from tests.reports.made import TITLES, Made
from tests.reports.parsed import Element, parsed, problems

pytestmark = pytest.mark.usefixtures("walked_once")

OfTitle = Callable[[str], Made]
CHECKED = Checked("against itself", {"proved": ("one is one",), "not claimed": (), "assumed": ("what is assumed",)})


@cache
def text_of(path: Path, wanted: Wanted = Wanted()) -> str:  # noqa: B008  # it is frozen
    return page_of(read_source(path), wanted)


def page(of_title: OfTitle, title: str) -> Element:
    return parsed(text_of(of_title(title).path))


def document(of_title: OfTitle, title: str) -> Any:
    return json.loads(of_title(title).path.read_bytes())


def rows(table: Element) -> list[list[str]]:
    return [[cell.text for cell in row.all("th", "td")] for row in table.all("tr")]


def table(top: Element, caption: str) -> Element:
    (found,) = [one for one in top.all("table") if caption in one.all("caption")[0].text]
    return found


# ---------------------------------------------------------------------------- every kind


@pytest.mark.parametrize("title", TITLES)
def test_every_page_is_whole_and_loads_nothing(of_title: OfTitle, title: str) -> None:
    assert problems(text_of(of_title(title).path)) == []


@pytest.mark.parametrize("title", TITLES)
def test_a_page_says_the_claim_and_that_it_was_not_checked(of_title: OfTitle, title: str) -> None:
    found, top = document(of_title, title), page(of_title, title)
    verdict = Verdict(TITLES[title][0])
    assert found["statement"]["claim"] in " ".join(one.text for one in top.all("blockquote"))
    head = top.all("header")[0].text
    assert f"The certificate says: {verdict.value} - not checked." in head.replace(" -", " -").replace("  ", " ")
    assert "This page did not check it." in head
    assert verdict.meaning in head
    assert f"exactformer check {of_title(title).path.name}" in head
    assert f"says {verdict.value} (not checked)" in top.all("title")[0].text
    headings = [one.text for one in top.named("grounds").all("h3")]
    assert headings
    assert not {"proved", "checked on these runs"} & set(headings)  # only said to be


@pytest.mark.parametrize("title", TITLES)
def test_a_checked_page_says_what_the_checker_said(of_title: OfTitle, title: str) -> None:
    top = parsed(page_of(read_source(of_title(title).path), Wanted(checked=CHECKED)))
    head = top.all("header")[0].text
    assert "It was checked when this page was made, and it is valid" in head
    assert "not checked" not in head
    assert [one.text for one in top.named("grounds").all("h3")] == ["proved", "assumed"]
    assert "one is one" in top.named("grounds").text


PLACES = {
    "runs, certified": ("heads", "rounding", "network", "machine", "run"),
    "runs, refuted": ("counterexample", "heads", "rounding", "network", "machine", "run"),
    "every run, proved": ("heads", "rounding", "network", "machine", "run", "theory"),
    "every run, tokens proved": ("heads", "rounding", "drift", "network", "machine", "run", "theory"),
    "a theory": ("heads", "rounding", "network", "theory"),
    "sequences, refuted": ("counterexample", "heads", "drift", "sequences", "network"),
    "words, proved": ("words", "network"),
    "words, refuted": ("counterexample", "words", "network"),
    "a kernel, proved": ("kernel", "errors"),
    "a kernel, refuted": ("counterexample", "kernel"),
    "an approximation": ("approximation",),
}


@pytest.mark.parametrize("title", PLACES)
def test_sections_that_do_not_apply_are_absent(of_title: OfTitle, title: str) -> None:
    top = page(of_title, title)
    (main,) = top.all("main")
    names = [one.attributes.get("id") for one in main.inside]
    assert names == ["claim", "grounds", *PLACES[title], "files"]
    (nav,) = top.all("nav")
    assert [one.attributes["href"] for one in nav.all("a")] == [f"#{name}" for name in names]


@pytest.mark.parametrize("title", TITLES)
def test_files_are_named_with_their_hashes(of_title: OfTitle, title: str) -> None:
    made, files = of_title(title), page(of_title, title).named("files").text
    assert made.path.name in files
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() in files
    network = document(of_title, title).get("network")
    if network is not None:
        assert network.get("weights", network)["sha256"] in files


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("title", ["runs, certified", "runs, refuted", "every run, proved", "a theory"])
def test_separations_and_ties_are_those_of_the_certificate(of_title: OfTitle, title: str) -> None:
    found = {
        (head["name"], "-" if head["separation"] is None else str(head["separation"]))
        for head in document(of_title, title)["heads"]
    }
    listed = rows(table(page(of_title, title), "Separation and ties of each head"))
    assert {(row[0], row[2]) for row in listed[1:]} == found
    heads = document(of_title, title)["heads"]
    for row in listed[1:]:
        layers = [
            number
            for part in row[1].split(", ")
            for low, _, high in [part.partition("..")]
            for number in range(int(low), int(high or low) + 1)
        ]
        for layer in layers:
            (head,) = [one for one in heads if (one["layer"], one["name"]) == (layer, row[0])]
            most = head["ties"][-1][1] if isinstance(head["ties"], list) and head["ties"] else head["ties"]
            assert row[-3].rpartition("..")[2] == str(most or "-")
            assert row[-2] == {True: "yes", False: "not shown"}[head["holds"]]


def test_the_network_is_the_one_of_the_weights(of_title: OfTitle) -> None:
    made = of_title("every run, proved")
    weights = json.loads(
        (made.path.parent / document(of_title, "every run, proved")["network"]["weights"]["file"]).read_bytes()
    )
    top = page(of_title, "every run, proved")
    listed = rows(table(top, "Heads and neurons by layer"))[1:]
    assert [(row[1], row[2]) for row in listed] == [
        (", ".join(head["name"] for head in layer["heads"]) or "none", f"{len(layer['mlp']['bias']):,}")
        for layer in weights["layers"]
    ]
    magnitudes = {row[0]: row[1] for row in rows(table(top, "Magnitudes of the parameters"))[1:]}
    assert magnitudes["MLP, bias"] == str(max(abs(one) for layer in weights["layers"] for one in layer["mlp"]["bias"]))
    heads = sum(len(layer["heads"]) for layer in weights["layers"])
    drawn = [one for one in top.all("circle", "rect") if (one.attributes.get("class") or "").startswith("head ")]
    assert len(drawn) == heads


def test_the_machine_is_the_one_of_the_certificate(of_title: OfTitle) -> None:
    table_of = document(of_title, "every run, proved")["statement"]["parameters"]["ROWS"]
    listed = rows(table(page(of_title, "every run, proved"), "The machine's table"))[1:]
    moves = {"L": "left", "S": "stays", "R": "right"}
    assert listed == [[row[0], row[1], row[3], moves[row[4]], row[2]] for row in table_of]


def test_the_rounding_bound_is_drawn_within_its_limit_just_if_the_head_holds(of_title: OfTitle) -> None:
    for title, holds in (("every run, proved", True), ("runs, refuted", False)):
        section = page(of_title, title).named("rounding")
        listed = rows(section.all("table")[0])[1:]
        assert {"not shown" in row for row in listed[1:]} == ({False} if holds else {True, False})
        kinds = {one.attributes.get("class") for one in section.all("rect")}
        assert ("bar bad" in kinds) != holds


def test_a_power_above_a_number_is_above_it() -> None:
    for number in (Fraction(1, 3), Fraction(5), Fraction(1, 2**3000), Fraction(2**40 + 1, 2**40)):
        text, _, rounded = power_above(number).partition(" ")
        assert Fraction(2) ** int(text.removeprefix("2^")) >= number > Fraction(2) ** (int(text.removeprefix("2^")) - 1)
        assert bool(rounded) == (Fraction(2) ** int(text.removeprefix("2^")) != number)


def test_drifts_and_errors_are_those_of_the_certificate(of_title: OfTitle) -> None:
    drift = document(of_title, "every run, tokens proved")["drift"]
    top = page(of_title, "every run, tokens proved")
    listed = dict(rows(table(top, "Drift by register"))[1:])
    assert listed == {name: shown(number, "ROUND_CEILING") for name, number in drift["largest"].items()}
    assert shown(drift["margin"], "ROUND_FLOOR") in top.named("drift").text
    errors = document(of_title, "a kernel, proved")["errors"]
    causes = {row[0]: row[1] for row in rows(table(page(of_title, "a kernel, proved"), "Errors by cause"))[1:]}
    assert causes == {cause: shown(one, "ROUND_CEILING") for cause, one in errors.items() if Fraction(one)}


def test_a_recipe_is_shown_as_it_is(of_title: OfTitle) -> None:
    recipe = document(of_title, "a kernel, proved")["statement"]["recipe"]
    listed = dict(rows(table(page(of_title, "a kernel, proved"), "The recipe"))[1:])
    assert set(listed) == set(recipe)
    assert f"ulps {recipe['exponential']['ulps']}" in listed["exponential"]
    assert f"offset {recipe['exponential']['offset']}" in listed["exponential"]


# ---------------------------------------------------------------------------- runs


def chips(top: Element) -> list[Element]:
    return top.named("run").all("button")


@pytest.mark.parametrize("title", ["runs, certified", "segments", "every run, proved"])
def test_a_run_is_shown_token_by_token(of_title: OfTitle, title: str) -> None:
    top = page(of_title, title)
    word = next(dd.text for dt, dd in _facts(top.named("run")) if dt.text == "input")
    word = "" if word == "the empty word" else word
    paradigm = "scot" if title == "segments" else "cot"
    machine = TITLES[title][1][1]
    found = document(of_title, title)["statement"]
    run = json.loads(invoke("run", machine, word, "--paradigm", paradigm, "--context", found["context"], "--json").out)[
        "segments"
    ][0]
    wanted = [f"{name}({' '.join(values)})" if values else name for name, *values in run["tokens"]]
    said = [re.sub(r"^\d+ ", "", chip.text) for chip in chips(top)]
    assert said == wanted[: len(said)]
    assert [int(chip.attributes["data-token"] or "") for chip in chips(top)] == list(range(len(said)))


def _facts(section: Element) -> list[tuple[Element, Element]]:
    return [(pair.inside[0], pair.inside[1]) for one in section.all("dl") for pair in one.inside]


def test_a_block_of_a_run_says_the_cell_that_its_bits_say(of_title: OfTitle) -> None:
    top = parsed(text_of(of_title("every run, proved").path, Wanted("0011")))
    cells = set()
    for line in top.named("run").all("li"):
        bits = [re.search(r"BIT\(([+-])1\)", chip.text) for chip in line.all("button")]
        if any(bits):
            cell = sum((bit[1] == "+") << place for place, bit in enumerate(filter(None, bits)))
            assert f"on cell {cell}:" in line.text
            cells.add(cell)
    assert max(cells) > 1


def test_arrows_go_where_the_heads_select(of_title: OfTitle) -> None:
    top = page(of_title, "every run, proved")
    data = json.loads("".join(top.named("attention-data").texts))
    tokens = chips(top)
    assert set(data["tokens"]) == {chip.attributes["data-token"] for chip in tokens}
    names = [tuple(head) for head in data["heads"]]
    weights = json.loads(
        (
            of_title("every run, proved").path.parent
            / document(of_title, "every run, proved")["network"]["weights"]["file"]
        ).read_bytes()
    )
    for layer, name in names:
        assert name in [head["name"] for head in weights["layers"][layer - 1]["heads"]]
    seen = 0
    for place, selected in data["tokens"].items():
        for head, targets, count in selected:
            assert targets == sorted(set(targets))
            assert max(targets) <= int(place)
            assert count >= len(targets) > 0
            if names[head][1] == "read_1":  # who wrote the cell that the head stands on: a token of the same symbol
                seen += 1
    assert seen
    listed = rows(table(top, "Which tokens the heads select"))
    assert [int(row[0]) for row in listed[1:]] == sorted(map(int, data["tokens"]))


def test_look_ups_select_the_one_token_at_the_position(of_title: OfTitle) -> None:
    """What a head selects is found by the evaluator: of a look-up it is one token, before or at the query."""
    made = of_title("runs, certified")
    top = parsed(text_of(made.path))
    data = json.loads("".join(top.named("attention-data").texts))
    lookups = {
        (head["layer"], head["name"])
        for head in document(of_title, "runs, certified")["heads"]
        if head["kind"] == "lookup"
    }
    counts = {
        count
        for selected in data["tokens"].values()
        for head, _, count in selected
        if tuple(data["heads"][head]) in lookups
    }
    assert counts == {1}


def test_the_word_may_be_given(of_title: OfTitle) -> None:
    made = of_title("every run, proved")
    top = parsed(text_of(made.path, Wanted("101")))
    assert ("input", "101") in [(dt.text, dd.text) for dt, dd in _facts(top.named("run"))]
    given = of_title("runs, certified")
    assert "SIGMA(1)" in text_of(given.path, Wanted("11"))
    with pytest.raises(ReportError, match="not about the input '111'"):
        page_of(read_source(given.path), Wanted("111"))
    with pytest.raises(ReportError, match="no such run: Symbol 1 of the input"):
        page_of(read_source(made.path), Wanted("x"))
    with pytest.raises(ReportError, match="leave out --input"):
        page_of(read_source(of_title("a theory").path), Wanted("a"))


# ---------------------------------------------------------------------------- counterexamples


def test_a_refuted_run_is_explained(of_title: OfTitle) -> None:
    refutation = document(of_title, "runs, refuted")["refutation"]
    witness = refutation["witnesses"][-1]
    top = page(of_title, "runs, refuted")
    section = top.named("counterexample")
    assert refutation["reason"] in section.text
    levels = rows(section.all("table")[0])[1:]
    assert sum(int(row[1]) for row in levels) == witness["visible"]
    assert [int(row[1]) for row in levels if row[0] == "0"] == [witness["maximisers"]]
    low, high = witness["output"]
    assert (f"exactly {low}" if low == high else f"from {shown(low)}") in section.text
    assert f"That is not {witness['hardmax']}." in section.text
    (failing,) = [chip for chip in chips(top) if "failing" in (chip.attributes["class"] or "")]
    assert int(failing.attributes["data-token"] or "") == witness["token"]


def test_where_every_beta_is_refuted_there_is_a_witness_for_each(of_title: OfTitle) -> None:
    refutation = document(of_title, "runs, refuted at every beta")["refutation"]
    assert refutation["betas"][0] < refutation["betas"][1]
    listed = rows(table(page(of_title, "runs, refuted at every beta"), "A witness for every beta"))[1:]
    assert len(listed) == len(refutation["witnesses"])


@pytest.mark.parametrize("title", ["words, refuted", "sequences, refuted"])
def test_a_refuted_word_is_explained(of_title: OfTitle, title: str) -> None:
    section = page(of_title, title).named("counterexample")
    ways = {row[0]: row[1:] for row in rows(table(section, "The two outputs"))[1:]}
    assert {"hardmax", "softmax"} < set(ways)
    for expected, other in ways.values():
        assert Fraction(expected) <= Fraction(other)


def test_a_refuted_kernel_is_executed(of_title: OfTitle) -> None:
    found = document(of_title, "a kernel, refuted")
    section = page(of_title, "a kernel, refuted").named("counterexample")
    listed = rows(table(section, "The input on which the claim fails"))[1:]
    assert sum(int(row[1]) for row in listed) == len(found["input"])
    assert "the claim fails" in section.text


def test_a_refutation_that_refutes_nothing_is_not_said_to(of_title: OfTitle, tmp_path: Path) -> None:
    made = of_title("runs, refuted")
    found = document(of_title, "runs, refuted")
    found["refutation"]["witnesses"][-1]["output"] = ["0", "2"]
    changed = tmp_path / made.path.name
    changed.write_text(json.dumps(found))
    weights = found["network"]["weights"]["file"]
    (tmp_path / weights).write_bytes((made.path.parent / weights).read_bytes())
    section = parsed(page_of(read_source(changed))).named("counterexample").text
    assert "That does not exclude" in section
    assert "That is not" not in section


# ---------------------------------------------------------------------------- what is long


def test_what_is_long_is_bounded_and_that_is_said(of_title: OfTitle, tmp_path: Path) -> None:
    made = of_title("every run, proved")
    found = document(of_title, "every run, proved")
    parameters = found["statement"]["parameters"]
    states = [f"s{number}" for number in range(600)]
    parameters["STATES"] += states
    parameters["ROWS"] += [[state, symbol, state, symbol, "R"] for state in states for symbol in parameters["GAMMA"]]
    found["heads"] = [{**head, "name": f"{head['name']}{number}"} for number in range(5) for head in found["heads"]]
    changed = tmp_path / made.path.name
    changed.write_text(json.dumps(found))
    weights = found["network"]["weights"]["file"]
    (tmp_path / weights).write_bytes((made.path.parent / weights).read_bytes())
    top = parsed(page_of(read_source(changed)))
    assert (
        "Of 3,015 rows the first 80 are shown: 2,935 are left out; the files have them all."
        in top.named("machine").text
    )
    assert "There is no diagram of its states" in top.named("machine").text
    assert "kinds of heads the first 60 are shown" in top.named("heads").text
    assert len(top.named("heads").all("tr")) == 61
    assert problems(page_of(read_source(changed))) == []


def test_of_a_long_run_the_beginning_is_shown(of_title: OfTitle) -> None:
    made = of_title("every run, proved")
    top = parsed(text_of(made.path, Wanted("0" * 400)))
    assert len(chips(top)) <= 200
    assert re.search(r"and 35\d more", top.named("run").text)
    assert re.search(r"Of 2,\d+ tokens \d+ are shown; [\d,]+ are left out", top.named("run").text)


def test_a_run_that_never_halts_is_shown_as_far_as_it_is_followed(tmp_path: Path) -> None:
    rows_of: dict[Situation, Action] = {("go", (symbol,)): Action("go", ("1",), (Move.STAY,)) for symbol in "_1"}
    machine = TuringMachine("forever", 1, ("go", "done"), "done", ("_", "1"), ("1",), rows_of)
    path = certify(machine, EveryRun(context=16), "fused:bf16").write(tmp_path)
    section = parsed(page_of(read_source(path))).named("run").text
    assert "more than can be followed here" in section
    assert "OUTP" not in section.split("All")[0].split("token by token")[1]


# ---------------------------------------------------------------------------- colours


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


TEXT = [
    ("ink", ("ground", "panel", "good-soft", "bad-soft", "accent-soft")),
    ("soft", ("ground", "panel", "good-soft")),
    ("link", ("ground",)),
    ("good", ("good-soft",)),
    ("bad", ("bad-soft",)),
    ("open", ("open-soft",)),
    ("ground", ("mark",)),
]
SHAPES = [
    ("good", ("ground",)),
    ("bad", ("ground",)),
    ("accent", ("ground",)),
    ("mark", ("ground",)),
    ("focus", ("ground",)),
]


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_contrasts_are_those_of_wcag_aa(theme: int) -> None:
    """Text 4.5, shapes 3, in the light, the dark and the printed page."""
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text)) for text in STYLE.split(":root {")[1:]]
    colours = {**themes[0], **themes[theme]}
    for pairs, least in ((TEXT, 4.5), (SHAPES, 3.0)):
        for front, grounds in pairs:
            for ground in grounds:
                low, high = sorted((luminance(colours[front]), luminance(colours[ground])))
                assert (high + 0.05) / (low + 0.05) >= least, (front, ground)
