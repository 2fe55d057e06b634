"""Reads JSON and Python literals as nodes that know their place; nothing in them is ever executed."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator
from typing import NoReturn

from exactformer.constructions.machines.formats.reading import Place, Text


class Literals:
    """A text of JSON or Python, being read; every method that finds a fault raises MachineTextError at its place."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.lines = text.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as Python counts them
        self.is_json = False

    def json(self) -> ast.expr:
        """The value of a text of JSON."""
        try:
            json.loads(self.text.text)
        except json.JSONDecodeError as error:
            self.text.fail((error.lineno, error.colno), f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}.")
        except RecursionError:
            self.text.fail((1, 1), "lists are nested too deeply.")
        self.is_json = True
        self.lines[0] = "(" + self.lines[0]  # so that Python allows spaces at the beginning
        (statement,) = self.module()
        return statement.value if isinstance(statement, ast.Expr) else self.fail(statement, "not JSON.")

    def module(self) -> list[ast.stmt]:
        """The statements of a text of Python."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse("\n".join(self.lines) + ")" * self.is_json).body
        except SyntaxError as error:
            self.text.fail((error.lineno or 1, error.offset or 1), f"not Python: {error.msg}.")
        except (RecursionError, MemoryError, ValueError):
            self.text.fail((1, 1), "this is not a text of Python, or lists are nested too deeply.")

    def name(self, node: ast.expr, what: str) -> str:
        """A string or a whole number, as a name."""
        match node:
            case ast.Constant(value=str(value)):
                return str(json.loads(self.segment(node))) if self.is_json else value
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return str(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
                return str(-number)
        return self.fail(node, f"{what} must be a string or a whole number.")

    def items(self, node: ast.expr, what: str) -> list[ast.expr]:
        """The members of a list, a tuple or a set."""
        match node:
            case ast.List(elts=members) | ast.Tuple(elts=members) | ast.Set(elts=members):
                return members
            case ast.Call(func=ast.Name(id="set" | "frozenset" | "tuple" | "list"), args=[inside], keywords=[]):
                return self.items(inside, what)
            case ast.Call(func=ast.Name(id="set" | "frozenset"), args=[], keywords=[]):
                return []
        return self.fail(node, f"{what} must be a list, a tuple or a set.")

    def names(self, node: ast.expr, what: str) -> list[str]:
        """Different names."""
        found: dict[str, None] = {}
        for member in self.items(node, what):
            name = self.name(member, f"each of {what}")
            if name in found:
                self.fail(member, f"{name!r} is in {what} twice: remove one.")
            found[name] = None
        return list(found)

    def entries(self, node: ast.expr, what: str) -> Iterator[tuple[ast.expr, ast.expr]]:
        """Keys and values."""
        if not isinstance(node, ast.Dict):
            self.fail(node, f"{what} must be a mapping.")
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                self.fail(value, "'**' is not read: write the entries out.")
            yield key, value

    def segment(self, node: ast.expr) -> str:
        """The text of a value that is on one line."""
        line = self.lines[node.lineno - 1].encode()
        return line[node.col_offset : node.end_col_offset].decode()

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Python counts bytes from 0; a column counts characters from 1."""
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        column = len(line.encode()[: node.col_offset].decode(errors="ignore")) + 1
        return node.lineno, column - (self.is_json and node.lineno == 1)

    def fail(self, node: ast.expr | ast.stmt, reason: str) -> NoReturn:
        """Raise the error at this place."""
        self.text.fail(self.place(node), reason)
