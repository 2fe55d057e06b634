"""Which token may follow which (spec 2.1), as a finite graph: run tokens by tau, bit tokens by beta.

These edges, and the transports below, are what is assumed of a token sequence; tests/annotation follows them through
many runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from verify.annotation.content import (
    AtMost,
    Bit,
    BitOfBeta,
    Code,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MoveCode,
)
from verify.annotation.ghosts import TokenClass


@dataclass(frozen=True, order=True)
class State:
    """A token class, and tau of a run token or beta of a bit token (else 0)."""

    kind: TokenClass
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind.value} {self.index}" if self.kind in (TokenClass.RUN, TokenClass.BIT) else self.kind.value


INP, INPUT, EINP, POS, EPOS, OUTP, OUTPUT, EOUTP = (
    State(kind) for kind in TokenClass if kind not in (TokenClass.RUN, TokenClass.BIT)
)


def states(r: int) -> tuple[State, ...]:
    """All states, for blocks of r bits."""
    single = (State(kind) for kind in TokenClass if kind not in (TokenClass.RUN, TokenClass.BIT))
    runs = (State(TokenClass.RUN, tau) for tau in range(1, r + 1))
    return (*single, *runs, *(State(TokenClass.BIT, beta) for beta in range(r)))


def followers(state: State, r: int) -> tuple[State, ...]:
    """The states that the next token may have."""
    match state.kind:
        case TokenClass.INP | TokenClass.INPUT:
            return (INPUT, EINP)
        case TokenClass.EINP | TokenClass.EPOS:
            return (State(TokenClass.RUN, 1),)
        case TokenClass.RUN:
            # A halting run token is followed by OUTP, another by the next one, the r-th by POS.
            return (OUTP, State(TokenClass.RUN, state.index + 1) if state.index < r else POS)
        case TokenClass.POS:
            return (State(TokenClass.BIT, 0),)
        case TokenClass.BIT:
            return (State(TokenClass.BIT, state.index + 1) if state.index < r - 1 else EPOS,)
        case TokenClass.OUTP | TokenClass.OUTPUT:
            return (OUTPUT, EOUTP)
        case TokenClass.EOUTP:
            return ()


@lru_cache(maxsize=1 << 16)
def back(state: State, distance: int, r: int) -> frozenset[State]:
    """The states that the token ``distance`` before may have; INP where the sequence is not that long."""
    if distance == 0:
        return frozenset({state})
    if state == INP:
        return frozenset({INP})
    return frozenset().union(*(back(one, distance - 1, r) for one in states(r) if state in followers(one, r)))


@lru_cache(maxsize=256)
def visible(kind: TokenClass, r: int) -> frozenset[TokenClass]:
    """The classes of the tokens up to one of class ``kind``, itself included."""
    seen = {state for state in states(r) if state.kind is kind}
    while more := {one for one in states(r) if set(followers(one, r)) & seen} - seen:
        seen |= more
    return frozenset(state.kind for state in seen)


def transport(content: Content, state: State, distance: int, r: int) -> Content | None:
    """A content of the token ``distance`` before one in ``state``, in the ghosts of the latter; None if not known.

    Heads stand still between steps: x_k of the token before a run token is its c_k, and run token, POS, bits and EPOS
    of one block have the same head positions (a bit token calls them y_k) and state.
    """
    match state.kind, distance:
        case TokenClass.RUN, 1:
            names = {"x": "c"}
        case TokenClass.POS, 1:
            names = {"x": "x"}
        case TokenClass.BIT, beta if beta == state.index + 1:
            names = {"x": "y"}
        case TokenClass.EPOS, bits if 1 <= bits <= r:
            names = {"y": "x"}
        case TokenClass.EPOS, whole if whole == r + 2:
            names = {"x": "x", "q": "q"}
        case _:
            names = {}
    return _renamed(content, names)


def _renamed(content: Content, names: dict[str, str]) -> Content | None:
    match content:
        case Code(Ghost() as number):
            renamed = _ghost(number, names)
            return None if renamed is None else Code(renamed)
        case Bit(Ghost() as number, index):
            renamed = _ghost(number, names)
            return None if renamed is None else Bit(renamed, index)
        case Code() | Bit() | BitOfBeta() | HighBits() | MoveCode() | Fetched() | If():
            return None
    return content  # a constant


def _ghost(number: Ghost, names: dict[str, str]) -> Ghost | None:
    base, underscore, tape = number.name.partition("_")
    return Ghost(names[base] + underscore + tape) if base in names else None


def specialized(content: Content, state: State) -> Content:
    """A content where tau or beta is known, with the conditions on it decided."""
    match content:
        case If(AtMost("tau", bound), then, otherwise) if state.kind is TokenClass.RUN:
            return specialized(then if state.index <= bound else otherwise, state)
        case If(Equals("tau", value), then, otherwise) if state.kind is TokenClass.RUN:
            return specialized(then if state.index == value else otherwise, state)
        case If(Equals("beta", value), then, otherwise) if state.kind is TokenClass.BIT:
            return specialized(then if state.index == value else otherwise, state)
        case If(AtMost("beta", bound), then, otherwise) if state.kind is TokenClass.BIT:
            return specialized(then if state.index <= bound else otherwise, state)
        case If(condition, then, otherwise):
            return If(condition, specialized(then, state), specialized(otherwise, state))
        case BitOfBeta(number, offset) if state.kind is TokenClass.BIT:
            return Bit(number, state.index + offset)
    return content
