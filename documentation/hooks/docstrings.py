"""Docstrings as Markdown: examples become blocks of code, and public names in backquotes become links."""

from __future__ import annotations

import re
from typing import Any

import griffe

import exactformer

EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!>>> )\S.*\n?|^\.\.\. .*\n?)*)+", re.MULTILINE)
"""Lines of a session, up to the next empty line."""
PUBLIC = re.compile(rf"`({'|'.join(dir(exactformer))})`")


def as_markdown(docstring: str) -> str:
    """The text with its examples fenced, and with links to public names.

    >>> as_markdown("As `certify` does.")
    'As [`certify`][exactformer.certify] does.'
    """
    linked = PUBLIC.sub(lambda found: f"[{found[0]}][exactformer.{found[1]}]", docstring)
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", linked).rstrip()


class Docstrings(griffe.Extension):
    """The extension of griffe that mkdocstrings loads."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of whatever was read."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
