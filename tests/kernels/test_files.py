"""Recipes as texts: all that come with the product are read, and what is wrong with one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from exactformer.certificates.checker.kernels.recipe import FIELDS
from exactformer.certificates.kernels.files import FOLDER, RecipeError, load_recipe, names

TEXT = (FOLDER / "flash-2-bf16.yaml").read_text()


@pytest.mark.parametrize("name", names())
def test_a_recipe_of_the_product(name: str) -> None:
    text = load_recipe(name)
    assert text.describes[0].islower()
    assert text.believed
    assert tuple(sorted(text.canonical)) == tuple(sorted(FIELDS))
    if text.repaired is not None:
        assert text.repaired in names()
    assert (text.repaired is None) == (not text.reported)


def test_the_named_ones_are_there() -> None:
    assert {
        "flash-2-bf16", "flash-2-fp16", "flash-3-fp8", "flash-4-fp8", "eager-bf16", "math-fp32", "cudnn-like-bf16",
        "cpu-bf16",
    } <= set(names())  # fmt: skip


def test_what_is_left_out_and_how_numbers_are_written() -> None:
    text = load_recipe("buggy-lowest-mask")
    assert text.canonical["mask"]["constant"] == str(-(2**128) + 2**104)
    assert text.canonical["maximum"] == {"start": "-inf", "threshold": "0", "guard": "local"}
    assert (text.canonical["splits"], text.canonical["exponential"]["offset"]) == (None, 0)
    assert load_recipe("buggy-finite-start").canonical["maximum"]["start"] == "-50000"
    assert text.changed("scale", "0.125").canonical["scale"] == text.changed("scale", "1/8").canonical["scale"] == "1/8"
    assert text.changed("maximum.threshold", "8").recipe.threshold == 8
    split = load_recipe("decode-by-length").changed("splits.length", "64")
    assert (split.name, split.recipe.split_length) == ("decode-by-length with splits.length = 64", 64)


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


BAD = {
    "no YAML": ("formats: {", "is not YAML"),
    "a list": ("- 1", "has no fields"),
    "a key twice": (TEXT + "block: 3\n", "a key is given twice"),
    "an unknown field": (changed("block:", "blok:"), "has the unknown field 'blok'; did you mean block?"),
    "no description": (changed("describes:", "believed: []\n#"), "is not YAML"),
    "a description of nothing": (changed("describes: ", "describes: ''\n#"), "does not say what it describes"),
    "beliefs that are not a list": ("describes: a kernel\nbelieved: yes", "give believed: a list of sentences"),
    "a report that is not a sentence": ("describes: a kernel\nbelieved: []\nreported: [1]", "give reported: a list of"),
    "a repaired recipe that is a number": (changed("repaired: ", "repaired: 3 #"), "has repaired: 3"),
    "no formats": (changed("formats:", "mask: null\n#"), "is not YAML"),
    "a format that is none": (changed("value: bf16", "value: bf17"), "recipe.formats.value"),
    "a field that is missing": (changed("overflow: inf", ""), 'recipe: has no field "overflow"'),
    "a number that is none": (changed("scale: 1/8", "scale: an eighth"), 'recipe.scale: is "an eighth"'),
    "a number that is huge": (changed("scale: 1/8", "scale: 1e999999999"), "recipe.scale"),
    "a number that the format does not have": (changed("constant: -inf", "constant: -0.1"), "not a number of fp32"),
    "mask and nothing": (changed("mask: {how: select, constant: -inf}", "mask: {how: select}"), "recipe.mask"),
    "a base": (changed("base: 2", "base: 3"), "recipe.exponential.base"),
    "a mapping where a word is": (changed("overflow: inf", "overflow: {a: 1}"), "recipe.overflow"),
    "a maximum that is a word": (changed("maximum: {start: -inf, guard: local}", "maximum: fast"), "recipe.maximum"),
}


@pytest.mark.parametrize("title", BAD)
def test_a_bad_text_is_refused(title: str, tmp_path: Path) -> None:
    text, said = BAD[title]
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as refused:
        load_recipe(str(path))
    assert said in str(refused.value)
    assert "mine" in str(refused.value)


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"'flash2' is neither the name of a recipe nor a file; recipes are flash-2-"):
        load_recipe("flash2")
    long = tmp_path / "long.yaml"
    long.write_text("#" * (1 << 21))
    with pytest.raises(RecipeError, match="longer than"):
        load_recipe(str(long))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("blok", "2", "has no field 'blok'"),
        ("maximum.treshold", "2", "unknown field"),
        ("mask.how.much", "2", "has no field"),
        ("block", "[", "is not YAML"),
        ("block", "0", "recipe.block"),
    ],
)
def test_a_change_that_is_none(field: str, value: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("flash-2-bf16").changed(field, value)
