"""NETWORKS section 4: the statement of a certificate about given sequences, and its claim."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.certificates.checker.document import Json, Rejected, members, natural, text
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.network import ascending, entries
from exactformer.certificates.checker.softmax.numbers import Arithmetic

MOST_SEQUENCES, MOST_TOKENS = 2**12, 2**15
"""The most sequences, and the most tokens of all of them together."""
SAYS = {
    "certified": "ranks the expected token strictly first at each of the {} asked about.",
    "refuted": "does not rank the expected token strictly first at each of the {} asked about.",
    "inconclusive": "is not shown to rank the expected token strictly first at each of the {} asked about, nor shown "
    "not to.",
}


@dataclass(frozen=True)
class Given:
    """A sequence. ``asked`` has pairs (position, expected token)."""

    tokens: tuple[str, ...]
    asked: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Statement:
    """Section 4; the claim is not checked yet, nor whether the tokens are the network's."""

    claim: Json
    sequences: tuple[Given, ...]
    text: str
    arithmetic: Arithmetic

    @property
    def positions(self) -> int:
        """How many positions are asked about."""
        return sum(len(given.asked) for given in self.sequences)

    def sentence(self, verdict: str) -> str:
        """The claim."""
        return (
            f"On {counted(len(self.sequences), 'given sequence')}, the softmax transformer of these weights, in the "
            f"arithmetic {self.text} at beta = {2**self.arithmetic.e}, "
            + SAYS[verdict].format(counted(self.positions, "position"))
        )


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "position"), counted(2, "position")
    ('1 position', '2 positions')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def read_statement(value: Json) -> Statement:
    """Sequences, arithmetic and beta."""
    parts = members("statement", value, "claim", "sequences", "arithmetic", "beta")
    sequences = tuple(
        _given(at, entry) for at, entry in entries("statement.sequences", parts["sequences"], MOST_SEQUENCES)
    )
    if not any(given.asked for given in sequences):
        raise Rejected("statement.sequences", "ask nothing")
    beta = natural("statement.beta", parts["beta"])
    if beta & (beta - 1):
        raise Rejected("statement.beta", f"is {beta}, not a power of two")
    written = text("statement.arithmetic", parts["arithmetic"])
    return Statement(parts["claim"], sequences, written, arithmetic_of(written, beta.bit_length() - 1))


def _given(field: str, value: Json) -> Given:
    parts = members(field, value, "tokens", "asked")
    tokens = tuple(text(at, entry) for at, entry in entries(f"{field}.tokens", parts["tokens"], MOST_TOKENS))
    if not tokens:
        raise Rejected(f"{field}.tokens", "is empty")
    asked = ascending(f"{field}.asked", parts["asked"], len(tokens) - 1, "a pair [position, token]", MOST_TOKENS)
    return Given(tokens, tuple((position, text(at, token)) for at, position, token in asked))
