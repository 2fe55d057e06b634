"""Which token may follow which (spec 2.1, 3.1), as a finite graph: run tokens by tau, bit tokens by beta.

These edges, and the transports below, are what is assumed of a token sequence; tests/annotation follows them through
many runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.content import (
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
from exactformer.verify.annotation.ghosts import TokenClass, classes


@dataclass(frozen=True, order=True)
class State:
    """A token class, and tau of a run token or beta of a bit token (else 0)."""

    kind: TokenClass
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind.value} {self.index}" if self.kind in (TokenClass.RUN, TokenClass.BIT) else self.kind.value


@dataclass(frozen=True)
class Sequences:
    """Which tokens there are in the sequences of a paradigm, with r run tokens to a block, and in which order."""

    paradigm: Paradigm
    position_bits: int

    @cached_property
    def states(self) -> tuple[State, ...]:
        """All states."""
        listed: list[State] = []
        for kind in classes(self.paradigm):
            match kind:
                case TokenClass.RUN:
                    listed += [State(kind, tau) for tau in range(1, self.position_bits + 1)]
                case TokenClass.BIT:
                    listed += [State(kind, beta) for beta in range(self.position_bits)]
                case _:
                    listed.append(State(kind))
        return tuple(listed)

    def followers(self, state: State) -> tuple[State, ...]:
        """The states that the next token may have."""
        match state.kind:
            case TokenClass.RUN:
                last = state.index == self.position_bits
                others = (State(TokenClass.OUTP), POS if last else State(TokenClass.RUN, state.index + 1))
                # A halting run token is followed by OUTP, one at the cap by a summary, another by the next or by POS.
                return others if self.paradigm is Paradigm.COT else (*others, State(TokenClass.NEWSUMM))
            case TokenClass.BIT:
                last = state.index == self.position_bits - 1
                return (State(TokenClass.EPOS) if last else State(TokenClass.BIT, state.index + 1),)
        return FOLLOWERS[state.kind]

    @cached_property
    def _before(self) -> dict[State, tuple[State, ...]]:
        return {one: tuple(b for b in self.states if one in self.followers(b)) for one in self.states}

    def back(self, state: State, distance: int) -> frozenset[State]:
        """The states that the token ``distance`` before may have; the first one's if there are not that many."""
        return _back(self, state, distance)

    def before(self, state: State) -> tuple[State, ...]:
        """The states that the token before may have."""
        return self._before[state]

    def visible(self, kind: TokenClass) -> frozenset[TokenClass]:
        """The classes of the tokens up to one of class ``kind``, itself included."""
        return _visible(self, kind)


POS = State(TokenClass.POS)
FIRST = (TokenClass.INP, TokenClass.OLDSUMM)
"""The classes of the first token."""
FOLLOWERS = {
    TokenClass.INP: (State(TokenClass.INPUT), State(TokenClass.EINP)),
    TokenClass.INPUT: (State(TokenClass.INPUT), State(TokenClass.EINP)),
    TokenClass.EINP: (State(TokenClass.RUN, 1),),
    TokenClass.POS: (State(TokenClass.BIT, 0),),
    TokenClass.EPOS: (State(TokenClass.RUN, 1),),
    TokenClass.OUTP: (State(TokenClass.OUTPUT), State(TokenClass.EOUTP)),
    TokenClass.OUTPUT: (State(TokenClass.OUTPUT), State(TokenClass.EOUTP)),
    TokenClass.EOUTP: (),
    TokenClass.OLDSUMM: (State(TokenClass.OLDCELL),),
    TokenClass.OLDCELL: (State(TokenClass.OLDCELL), State(TokenClass.OLDSTATE)),
    TokenClass.OLDSTATE: (State(TokenClass.ESUMM),),
    TokenClass.ESUMM: (State(TokenClass.RUN, 1),),
    TokenClass.NEWSUMM: (State(TokenClass.NEWCELL),),
    TokenClass.NEWCELL: (State(TokenClass.NEWCELL), State(TokenClass.NEWSTATE)),
    TokenClass.NEWSTATE: (),
}


@lru_cache(maxsize=1 << 16)
def _back(sequences: Sequences, state: State, distance: int) -> frozenset[State]:
    if distance == 0 or state.kind in FIRST:
        return frozenset({state})
    return frozenset().union(*(_back(sequences, one, distance - 1) for one in sequences.before(state)))


@lru_cache(maxsize=256)
def _visible(sequences: Sequences, kind: TokenClass) -> frozenset[TokenClass]:
    seen = {state for state in sequences.states if state.kind is kind}
    while more := {one for state in seen for one in sequences.before(state)} - seen:
        seen |= more
    return frozenset(state.kind for state in seen)


def transport(content: Content, state: State, distance: int, r: int) -> Content | None:
    """A content of the token ``distance`` before one in ``state``, in the ghosts of the latter; None if not known.

    Heads stand still between steps: x_k of the token before a run token is its c_k, and run token, POS, bits and EPOS
    of one block have the same head positions (a bit token calls them y_k) and state; so have the SUMM of a new summary
    (which calls them y_k too) and the run token before it.
    """
    match state.kind, distance:
        case TokenClass.RUN, 1:
            names = {"x": "c"}
        case TokenClass.NEWSUMM, 1:
            names = {"x": "y", "q": "q"}
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
