"""Reads YAML as nodes that know their place, so that errors in a user's text name line and column."""

from __future__ import annotations

from collections.abc import Callable

import yaml


def composed(text: str, fault: Callable[[int, int, str], Exception]) -> yaml.Node | None:
    """The root of a text, None if it is empty.  ``fault``: the error to raise, from a line and a column, which count
    from 1, and the reason why the text is not YAML."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise fault(line, column, f"not YAML: {error.problem or error.context}.") from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        reason = f"not YAML: the character {chr(error.character)!r} is not allowed."
        raise fault(len(before), len(before[-1]) + 1, reason) from error
    except RecursionError as error:
        raise fault(1, 1, "lists are nested too deeply.") from error
