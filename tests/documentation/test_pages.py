"""What pages and the README say to type can be typed, and what they name is there."""

from __future__ import annotations

import ast
import doctest
import itertools
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import exactformer as ef
from exactformer.certificates.command_line.main import cli

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "documentation").rglob("*.md"))]
BY_NAME = {str(path.relative_to(ROOT)): path for path in PAGES}
TYPED = re.compile(r"^(?:    |\$ )(?:\.venv/bin/)?exactformer (?P<arguments>.+)$|<!-- run[^:]*: (?P<run>.+) -->", re.M)
IN_LINE = re.compile(r"`exactformer (?P<arguments>[^`]+)`")
PYTHON = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```pycon\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[str]:
    """What stands after ``exactformer``."""
    for found in TYPED.finditer(text):
        yield found["arguments"] or found["run"]
    for found in IN_LINE.finditer(text):
        yield found["arguments"]


def words(command: str) -> list[str]:
    """Of one command, without a comment; what is optional is there.

    >>> words("verify MODEL --words 'a [b c]*' [--last] ..  # and so on")
    ['verify', 'MODEL', '--words', 'a [b c]*', '--last']
    >>> words("machines increment > mine.yaml")
    ['machines', 'increment']
    """
    typed = list(itertools.takewhile(lambda word: word not in ("&&", ">"), shlex.split(command, comments=True)))
    typed = [word if " " in word else word.removeprefix("[").removesuffix("]") for word in typed]
    return [word for word in typed if word not in ("..", "...")]


def parsed(command: str) -> None:
    """Raises UsageError for a command, or an option, that there is not."""
    with click.Context(cli, info_name="exactformer", **cli.context_settings) as context:
        name, found, rest = cli.resolve_command(context, words(command))
        assert found is not None
        with click.Context(found, context, info_name=name) as inner:
            found.make_parser(inner).parse_args(list(rest))


@pytest.mark.parametrize("name", BY_NAME)
def test_commands_can_be_typed(name: str) -> None:
    for command in commands(BY_NAME[name].read_text(encoding="utf-8")):
        parsed(command)


def test_some_commands_are_found() -> None:
    assert sum(len(list(commands(path.read_text(encoding="utf-8")))) for path in PAGES) > 80


@pytest.mark.parametrize("command", ["certfy increment", "certify increment --all-input 3", "run a --contxt 3 # what"])
def test_what_cannot_be_typed_is_noticed(command: str) -> None:
    with pytest.raises(click.UsageError):
        parsed(command)


def test_the_readme_lists_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    listed = text[text.index("\n## The commands\n") : text.index("\n## From Python\n")]
    assert set(re.findall(r"^    exactformer ([a-z-]+)", listed, re.MULTILINE)) == set(cli.commands)


def test_every_command_answers_a_question() -> None:
    text = (ROOT / "documentation" / "which-command.md").read_text(encoding="utf-8")
    asked = {command.split()[0] for command in commands(text)}
    assert set(cli.commands) - asked <= {"contextual-mapping", "machines"}


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 1400


def test_links_of_the_readme_lead_somewhere() -> None:
    """Those of pages are followed when the site is built."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README.read_text(encoding="utf-8"))
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_python_is_python_and_names_are_public(name: str) -> None:
    text = BY_NAME[name].read_text(encoding="utf-8")
    for found in PYTHON.finditer(text):
        ast.parse(textwrap.dedent(found["code"]))
    assert set(re.findall(r"\bef\.(\w+)", text)) <= set(dir(ef))


@pytest.mark.parametrize("name", [name for name, path in BY_NAME.items() if "```pycon" in path.read_text("utf-8")])
def test_sessions_run(name: str) -> None:
    """All of a page share their names, as if they were typed one after the other."""
    sessions = SESSION.findall(BY_NAME[name].read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest("\n".join(sessions), {}, name, name, 0)
    assert test.examples
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0
