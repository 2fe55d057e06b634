"""Numbers are read alike by every option that takes a large one, and what is refused names the limits."""

from __future__ import annotations

from fractions import Fraction

import click
import pytest

from exactformer.certificates.command_line.main import cli
from exactformer.certificates.command_line.numbers import (
    auto_or_power_of_two,
    number_of,
    numbers_of,
    power_of_two,
    rational,
)
from tests.command_line.invoking import invoke

SMALL = {
    ("approximate", "n"),
    ("approximate", "d"),
    ("approximate", "p"),
    ("batch", "budget"),
    ("batch", "memory"),
    ("batch", "workers"),
    ("certify", "budget"),
    ("check", "budget"),
    ("contextual-mapping", "n"),
    ("contextual-mapping", "d"),
    ("lemmas", "budget"),
    ("report", "budget"),
    ("sweep", "seed"),
    ("sweep", "workers"),
    ("verify", "budget"),
    ("verify", "first"),
    ("verify", "length"),
}
"""Options that take small whole numbers as click reads them; all others read powers."""
BETAS = {("certify", "beta"), ("counterexample", "beta"), ("export", "beta"), ("verify", "beta")}
COUNTS = {
    ("batch", "space"),
    ("batch", "assumed_writes"),
    ("batch", "max_steps"),
    ("certify", "context"),
    ("certify", "space"),
    ("certify", "assumed_writes"),
    ("certify", "max_steps"),
    ("counterexample", "context"),
    ("counterexample", "most_tokens"),
    ("export", "context"),
    ("export", "head_width"),
    ("kernel", "keys"),
    ("kernel", "head_width"),
    ("run", "context"),
    ("run", "max_steps"),
    ("sweep", "context"),
    ("sweep", "machines"),
}
LISTS = {("audit", "contexts"), ("batch", "contexts"), ("compare", "contexts"), ("compare", "dimensions")}
RATIONALS = {
    ("approximate", "epsilon"),
    ("approximate", "delta"),
    ("contextual-mapping", "delta"),
    ("kernel", "tolerance"),
    ("kernel", "entries"),
}
RANGES = {("kernel", "scores"), ("kernel", "values")}


def typed() -> dict[tuple[str, str], click.Option]:
    """All options of all commands by their names."""
    return {
        (name, option.name or ""): option
        for name, command in cli.commands.items()
        for option in command.params
        if isinstance(option, click.Option)
    }


def read(place: tuple[str, str], text: str) -> object:
    return typed()[place].type_cast_value(click.Context(cli), text)


def test_every_option_with_whole_numbers_is_listed_here() -> None:
    plain = {place for place, option in typed().items() if isinstance(option.type, click.types.IntParamType)}
    assert plain == SMALL
    read_here = {place for place, option in typed().items() if isinstance(option.type, click.types.FuncParamType)}
    assert read_here == BETAS | COUNTS | LISTS | RATIONALS | RANGES


@pytest.mark.parametrize("place", sorted(COUNTS | BETAS | LISTS), ids=" ".join)
def test_powers_are_read_and_limits_are_named(place: tuple[str, str]) -> None:
    eight = read(place, "2^3")
    assert eight == read(place, "8") == ((8,) if place in LISTS else 8)
    largest = []
    for text in ("2^1000000", "9" * 500, "0", "1.5", "2^", "x", "-1", "2^-1", ""):
        with pytest.raises(click.BadParameter, match=r"give .*from 1 to [0-9^]+") as refused:
            read(place, text)
        largest.append(str(refused.value).partition(" to ")[2].split(",")[0])
        assert len(str(refused.value)) < 300
    (limit,) = set(largest)
    assert read(place, limit)  # the limit that is named is one that may be given


@pytest.mark.parametrize("place", sorted(RATIONALS), ids=" ".join)
def test_rationals_are_read_and_what_is_none_is_said(place: tuple[str, str]) -> None:
    assert read(place, "1/2^3") == read(place, "1/8") == read(place, "0.125")
    for text in ("1/0", "1/2^99999", "x", "", "1e3", "0." + "1" * 80):
        with pytest.raises(click.BadParameter, match="give a number like 1/4"):
            read(place, text)


@pytest.mark.parametrize("place", sorted(RANGES), ids=" ".join)
def test_ranges_of_rationals_are_read_and_what_is_none_is_said(place: tuple[str, str]) -> None:
    assert read(place, "-1/2^3..0.5") == (Fraction(-1, 8), Fraction(1, 2))
    assert read(place, "-2^40..-3") == (-(2**40), -3)
    for text in ("1", "1..", "..1", "2..1", "1..x", "1...2", "--1..2", "", "1/0..2", "0..1e9"):
        with pytest.raises(click.BadParameter, match=r"give a range LO\.\.HI"):
            read(place, text)


@pytest.mark.parametrize("text", ["3", "96", "2^1025", "0", "auto"])
def test_only_powers_of_two_are_a_beta(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"give a power of two from 1 to 2\^1024, like 128 or 2\^7"):
        power_of_two(text)
    if text != "auto":
        with pytest.raises(click.BadParameter, match="give auto or a power of two from 1"):
            auto_or_power_of_two(text)


def test_what_is_given_in_many_ways_is_one_number() -> None:
    assert auto_or_power_of_two("auto") is None
    assert auto_or_power_of_two("2^7") == power_of_two("128") == power_of_two(" 2^7 ") == 128
    assert number_of("tokens")("10^3") == number_of("tokens")("1000") == 1000
    assert numbers_of("tokens")("2^4..2^64") == tuple(1 << n for n in range(4, 65))
    assert numbers_of("tokens")("7, 2^3,2^3") == (7, 8)
    assert rational("3") == 3


@pytest.mark.parametrize("text", ["4..64", "2^9..2^4", "2^4..2^65", "2^4..", "..2^4", "1,,2", "3^1..3^2"])
def test_ranges_are_of_powers_of_two_and_go_up(text: str) -> None:
    with pytest.raises(click.BadParameter, match="or ascending ranges of powers of two"):
        numbers_of("tokens")(text)


REFUSED = {
    "certify increment --all-inputs --context 2^1000": "'--context': '2^1000': give a number of tokens from 1 to 2^64",
    "certify increment --input 1 --beta 2^9999": "give auto or a power of two from 1 to 2^1024",
    "certify increment --all-inputs --paradigm scot --space 2^62": "a run of 4611686018427387904 cells may need more "
    "than 2^64 tokens, the longest context there is",
    "certify increment --all-inputs --context 16 --assume-writes-per-cell 2^4": "a number from 1 to 15",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_the_commands_say_it_in_one_sentence(arguments: str) -> None:
    outcome = invoke(*arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert REFUSED[arguments] in line


def test_a_beta_may_be_a_power(tmp_path: object) -> None:
    arguments = ("certify", "increment", "--input", "1", "--json", "--out", str(tmp_path))
    assert invoke(*arguments, "--beta", "2^8").out.count('"beta": "256"') == 1
