"""``kernel``: verdicts, exit codes, what is written and said; sweeps; bad input in one sentence."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from tests.command_line.invoking import Outcome, files_in, invoke

SMALL = ("--keys", "8", "--scores=-8..8", "--values=-1..1")


def kernel(folder: Path, recipe: str, *more: str) -> Outcome:
    return invoke("kernel", recipe, *SMALL, *more, "--out", folder / "out")


def check(folder: Path) -> Outcome:
    (certificate,) = (folder / "out").glob("*.certificate.json")
    return invoke("check", certificate)


def test_proved_and_checked(tmp_path: Path) -> None:
    done = kernel(tmp_path, "flash-2-bf16", "--masked", "any")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("PROVED\nA kernel of this recipe makes a finite number of every input of 8 keys at most")
    assert re.search(r"any of which are masked, off from exact softmax by at most [0-9]+/[0-9]+\.\n", done.out)
    assert re.search(r"error      at most ~ 7.8[0-9]e-3", done.out)
    assert "pytorch/pytorch#121558" not in done.out.partition("assumed")[2]
    (name,) = files_in(tmp_path / "out")
    assert name.startswith("flash-2-bf16.kernel.8.")
    assert check(tmp_path).out.startswith("valid: proved\n")
    assert kernel(tmp_path, "flash-2-bf16", "--masked", "any").code == 0  # it is there, and stays


def test_refuted_with_a_script(tmp_path: Path) -> None:
    done = kernel(tmp_path, "buggy-no-guard", "--masked", "any")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("REFUTED\nA kernel of this recipe does not make a number")
    assert "Nothing is proved: all keys of a block may be masked" in done.out
    assert "repaired   math-fp32 is without this" in done.out
    assert "From 1 key the recipe makes nan; the right output is a finite number" in done.out
    assert "    weights = torch.softmax(scores, -1)" in done.out
    assert check(tmp_path).out.startswith("valid: refuted\n")


def test_a_tolerance_that_is_met_or_not(tmp_path: Path) -> None:
    done = kernel(tmp_path, "eager-bf16", "--tolerance", "1/1000", "--json")
    assert done.code == 1
    said = json.loads(done.out)
    assert said["certificate"]["statement"]["tolerance"] == "1/1000"
    assert said["certificate"]["errors"] is None
    assert 1 <= len(said["certificate"]["input"]) <= 8
    assert "torch.softmax" in said["script"]
    assert check(tmp_path).code == 1
    assert kernel(tmp_path, "eager-bf16", "--tolerance", "0.01", "--json").code == 0


def test_inconclusive(tmp_path: Path) -> None:
    """Between what is found and what is shown."""
    done = kernel(tmp_path, "flash-2-bf16", "--tolerance", "0.006", "--json")
    assert done.code == 3
    said = json.loads(done.out)
    assert (said["verdict"], said["script"]) == ("inconclusive", None)
    assert 0 < Fraction(said["found"]) < Fraction(6, 1000)
    assert check(tmp_path).out.startswith("valid: inconclusive\n")


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "describes: mine\nbelieved: []\nscale: 0.5\noverflow: inf\nsum: cast\nquotient: divide\n"
        "formats: {score: e4m3fn, computing: bf16, weight: e5m2, value: fixed4, output: fp16}\n"
        "exponential: {base: e, argument: difference, ulps: 1, one: true}\n"
    )
    done = kernel(tmp_path, str(path))
    assert done.code == 0
    assert "recipe     mine: mine" in done.out
    assert check(tmp_path).code == 0


def test_a_sweep_and_its_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "sweep.svg"
    sweep = ("--sweep", "exponential.offset=0,4,8", "--plot", str(plot))
    done = kernel(tmp_path, "flash-4-fp8", *sweep)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split("  ")[0] == "exponential.offset"
    assert [line.split()[0] for line in lines[1:4]] == ["0", "4", "8"]
    assert "on all tried" in lines[1]
    assert "nothing is shown" not in lines[0]
    assert plot.read_bytes().startswith(b"<?xml")
    assert not (tmp_path / "out").exists()
    said = json.loads(kernel(tmp_path, "flash-4-fp8", "--sweep", "keys=2,2^8", "--json").out)
    assert [row["keys"] for row in said] == ["2", "2^8"]
    assert Fraction(said[0]["shown"]) < Fraction(said[1]["shown"])
    assert all(Fraction(row["found"]) <= Fraction(row["shown"]) for row in said)


def test_a_sweep_says_why_nothing_is_shown(tmp_path: Path) -> None:
    lines = kernel(tmp_path, "buggy-no-guard", "--masked", "any", "--sweep", "keys=2,3").out.splitlines()
    assert lines[0].endswith("why nothing is proved")
    assert "-inf minus -inf is NaN" in lines[1]


def test_determinism(tmp_path: Path) -> None:
    """How many parts there are changes bits; how long the only one could be does not."""
    said = kernel(tmp_path, "buggy-split-count", "--sweep", "splits.count=1,8").out
    assert "an input that makes a difference" in said
    assert len(set(re.findall(r"With splits.count = [18] the recipe gives (.*)\.", said))) == 2
    parts = json.loads(kernel(tmp_path, "buggy-split-count", "--sweep", "splits.count=1,8", "--json").out)
    assert parts[0]["differing"] is None
    assert 1 <= len(parts[1]["differing"]) <= 8
    lengths = json.loads(kernel(tmp_path, "decode-by-length", "--sweep", "splits.length=64,256", "--json").out)
    assert lengths[1]["differing"] is None


REFUSED = {
    "a recipe that is none": (("flash-5",), "'flash-5' is neither the name of a recipe nor a file"),
    "a score that the format does not have": (("eager-bf16", "--scores=0..0.3"), "scores of the recipe eager-bf16"),
    "a value that the format does not have": (("flash-3-fp8", "--values=0..449"), "values of the recipe flash-3-fp8"),
    "a range that is none": (("flash-2-bf16", "--scores", "8"), "give a range LO..HI"),
    "a range downward": (("flash-2-bf16", "--scores=8..-8"), "give a range LO..HI"),
    "a plot without a sweep": (("flash-2-bf16", "--plot", "a.svg"), "--plot needs --sweep"),
    "a sweep without values": (("flash-2-bf16", "--sweep", "block"), "give FIELD=A,B,.."),
    "a sweep of a field that is none": (("flash-2-bf16", "--sweep", "blocks=1,2"), "has no field 'blocks'"),
    "a sweep of keys that are none": (("flash-2-bf16", "--sweep", "keys=1,0"), "give a number of keys from 1 to 2^40"),
    "a sweep to what is not a recipe": (("flash-2-bf16", "--sweep", "block=1,0"), "recipe.block: is 0"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_bad_input_is_refused_in_one_sentence(title: str, tmp_path: Path) -> None:
    (recipe, *more), said = REFUSED[title]
    done = kernel(tmp_path, recipe, *more)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_mask_where_the_recipe_has_none(tmp_path: Path) -> None:
    path = tmp_path / "bare.yaml"
    path.write_text(
        "describes: bare\nbelieved: []\nscale: 1\noverflow: inf\nsum: cast\nquotient: divide\n"
        "formats: {score: fp32, computing: fp32, weight: fp32, value: fp32, output: fp32}\n"
        "exponential: {base: e, argument: difference, ulps: 1, one: true}\n"
    )
    done = kernel(tmp_path, str(path), "--masked", "some")
    assert done.code == 2
    assert "has no mask" in done.err
