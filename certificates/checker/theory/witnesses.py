"""Sequences that are of the theory: so that it does not contradict itself, and not all that is proved is empty
(THEORIES 5.3).

The very formulas that are assumed elsewhere are evaluated here, of every token and every two tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, members, quote, text
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.reading import FLAG, POS, POSITION, Theory, TokenClass, largest_of

MOST_TOKENS = 2**11
"""Of all sequences together."""


@dataclass(frozen=True)
class Witness:
    """A token: its class, and the variables of its ghosts, as those of a token i and as those of a token j."""

    cls: TokenClass
    of_i: Mapping[int, bool]
    of_j: Mapping[int, bool]


def check_witnesses(value: Json, facts: Facts, deadline: Deadline) -> frozenset[tuple[str, str]]:
    """(class, class of the token before it), of all tokens of the sequences given; `Rejected` if one is not of the
    theory."""
    seen, tokens = set[tuple[str, str]](), 0
    listed = items("witnesses", value)
    if not listed:
        raise Rejected("witnesses", "gives no sequence of the theory")
    for number, sequence in enumerate(listed):
        at = f"witnesses[{number}]"
        tokens += len(items(at, sequence))
        if tokens > MOST_TOKENS:
            raise TooLarge(f"{at}: more than {MOST_TOKENS} tokens in all sequences")
        if not 1 <= len(items(at, sequence)) <= 2**facts.theory.r:
            raise Rejected(at, f"must have from 1 to 2^{facts.theory.r} tokens")
        read = [_token(f"{at}[{place}]", one, place, facts) for place, one in enumerate(items(at, sequence))]
        for place, token in enumerate(read):
            deadline.left(at)
            if broken := next(_broken(read, place, facts), None):
                raise Rejected(f"{at}[{place}]", broken)
            if place:
                seen.add((token.cls.name, read[place - 1].cls.name))
    return frozenset(seen)


def _token(at: str, value: Json, place: int, facts: Facts) -> Witness:
    theory, parts = facts.theory, members(at, value, "class", "ghosts")
    cls, ghosts = theory.classes.get(text(f"{at}.class", parts["class"])), parts["ghosts"]
    if cls is None:
        raise Rejected(f"{at}.class", f"{quote(parts['class'])} is not a class of the theory")
    names = list(cls.ghosts)
    if not isinstance(ghosts, dict) or sorted(ghosts) != sorted(names):
        raise Rejected(f"{at}.ghosts", f"must be those of class {cls.name}: {' '.join(names)}")
    numbers = {POS: place} | {
        name: _number(f"{at}.ghosts.{name}", ghosts[name], cls.ghosts[name], theory) for name in names
    }
    values = {
        bit.level: bool(number >> index & 1)
        for name, number in {POS: place, **numbers}.items()
        for index, bit in enumerate(facts.variables.bits(name, False))
    }
    return Witness(cls, values, {level + 1: bit for level, bit in values.items()})


def _number(at: str, value: Json, kind: str, theory: Theory) -> int:
    """The number that stands for a ghost's value."""
    if kind in theory.sets:
        if value in theory.sets[kind]:
            return theory.sets[kind].index(value)
        raise Rejected(at, f"{quote(value)} is not an element of {kind}")
    if kind == FLAG and isinstance(value, bool):
        return int(value)
    largest = 2**theory.r - 1 if kind == POSITION else largest_of(kind)
    if kind == FLAG or largest is None or type(value) is not int or not 0 <= value <= largest:
        raise Rejected(at, f"{quote(value)} is not a value of kind {kind}")
    return value


def _broken(tokens: list[Witness], place: int, facts: Facts) -> Iterator[str]:
    """What the theory says that is not true of the token at a place, and of those at or before it."""
    one, theory = tokens[place], facts.theory
    if place and one.cls.name not in tokens[place - 1].cls.followers:
        yield f"class {one.cls.name} does not follow class {tokens[place - 1].cls.name}"
    defined = [facts.variables.defined(one.cls, name) for name in one.cls.defined]
    if not all(formula.holds(one.of_i) for formula in (*facts.alone(one.cls.name).formulas, *defined)):
        yield f"is not a token of class {one.cls.name}: a fact or a definition does not hold"
    for count, most in theory.counts.items():
        counted = (
            facts.counted(count, one.cls.name, other.cls.name).holds({**one.of_i, **other.of_j})
            for other in tokens[: place + 1]
        )
        if sum(counted) > most:
            yield f"more than {most} tokens are counted as {count}"
    for at, other in enumerate(tokens[: place + 1]):
        both = {**one.of_i, **other.of_j}
        if not all(formula.holds(both) for formula in facts.of_pair(one.cls.name, other.cls.name)):
            yield f"a pair fact of classes {one.cls.name} and {other.cls.name} does not hold, with token {at}"
        distances = {distance for distance, _, _ in theory.before.get((one.cls.name, other.cls.name), ())}
        if place - at in distances and not all(
            formula.holds(both) for formula in facts.before(one.cls.name, other.cls.name, place - at)
        ):
            yield f"what is said of class {other.cls.name} before class {one.cls.name} does not hold, with token {at}"
