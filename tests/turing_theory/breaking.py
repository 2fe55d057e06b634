"""Whether every line of a theory can be broken: a line that no change of a true sequence breaks says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from unittest.mock import patch

from exactformer import trial
from exactformer.certificates.checker.theory.reading import Theory, read_theory
from exactformer.constructions import theory as constructions
from exactformer.constructions.theory import TrueToken, Value


def never_broken(r: int, cases: Iterable[tuple[constructions.Theory, Sequence[TrueToken]]]) -> list[str]:
    """The lines of the theory that no change of one token breaks, as `try_on` names them.

    All cases are of one text.
    """
    left: set[str] | None = None
    for theory, tokens in cases:
        left = set(_lines_that_say_something(theory.text)) if left is None else left
        read = read_theory(theory.text, theory.parameters, r)
        with patch.object(trial, "as_read", lambda *_, read=read: read):
            for changed in _one_change(tokens):
                if broken := left.intersection(wrong.line for wrong in trial.try_on(theory, r, changed)):
                    left -= broken
                    _keep(read, left)
    return sorted(left or ())


def _keep(read: Theory, lines: set[str]) -> None:
    """Only these facts of a theory: the others need not be evaluated again."""
    for one in read.classes.values():
        one.facts = [fact for fact in one.facts if fact[0] in lines]
    read.pairs = {classes: [fact for fact in facts if fact[0] in lines] for classes, facts in read.pairs.items()}
    read.before = {classes: [fact for fact in facts if fact[1] in lines] for classes, facts in read.before.items()}


def _lines_that_say_something(text: str) -> Iterator[str]:
    for at, line in enumerate(text.split("\n"), start=1):
        word, _, rest = line[line.startswith("for ") and line.index(": ") + 2 :].partition(" ")
        if word == "follow":
            yield f"follow {rest.split(':')[0]}"
        elif word in ("fact", "pair", "before", "define"):
            yield f"theory, line {at}"


def _one_change(tokens: Sequence[TrueToken]) -> Iterator[list[TrueToken]]:
    """The sequence with one token changed: to the last of another class, or in one ghost."""
    last = {token.cls: token for token in tokens}
    for place, token in enumerate(tokens):
        others = [other for cls, other in last.items() if cls != token.cls]
        for name, value in token.ghosts.items():
            values = _other_values(tokens, name, value)
            others += [replace(token, ghosts={**token.ghosts, name: other}) for other in values]
        yield from ([*tokens[:place], other, *tokens[place + 1 :]] for other in others)


def _other_values(tokens: Sequence[TrueToken], name: str, value: Value) -> Iterable[Value]:
    """The other flag, the numbers beside, other elements that occur, or what is none."""
    match value:
        case bool():
            return {not value}
        case int():
            return {one for one in (value - 1, value + 1) if one >= 0}
    return {"none of them", *(token.ghosts[name] for token in tokens if name in token.ghosts)} - {value}
