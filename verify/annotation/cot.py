"""The annotation of the chain-of-thought network: what each register holds, behind each sublayer (spec 2.4).

`content_of` answers for one register, one token class and one moment.  Moments are counted in sublayers: layer l's
attention ends at ``Moment(l, Sublayer.ATTENTION)``, its MLP at ``Moment(l, Sublayer.MLP)``, embedding is layer 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from constructions.turing.encoding import Shape
from constructions.turing.registers import Phases
from verify.annotation.content import (
    AtMost,
    Back,
    Bit,
    BitOfBeta,
    Code,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MinusLow,
    MoveCode,
    One,
    Zero,
)
from verify.annotation.fetches import brought
from verify.annotation.ghosts import TokenClass
from verify.hardmax.forward import Sublayer

ADDRESSING = (TokenClass.EINP, TokenClass.RUN, TokenClass.POS, TokenClass.EPOS)
"""Classes that address a cell on every tape; OUTP and output symbols do on tape 1."""
WITH_STATE = (TokenClass.EINP, TokenClass.RUN, TokenClass.EPOS)
BEHIND_OUTP = (TokenClass.OUTP, TokenClass.OUTPUT, TokenClass.EOUTP)
FLAG_OF = {
    "is_inp": (TokenClass.INP,),
    "is_einp": (TokenClass.EINP,),
    "is_outp": (TokenClass.OUTP,),
    "is_eoutp": (TokenClass.EOUTP,),
    "is_pos": (TokenClass.POS,),
    "is_epos": (TokenClass.EPOS,),
    "is_run": (TokenClass.RUN,),
    "is_sigma": (TokenClass.INPUT, TokenClass.OUTPUT),
    "is_bit": (TokenClass.BIT,),
    "const": tuple(TokenClass),
    "not_inp": tuple(kind for kind in TokenClass if kind is not TokenClass.INP),
}
"""Flags that the embedding sets and nothing changes."""


@dataclass(frozen=True)
class Moment:
    """Behind one sublayer; layer 0 is the embedding, and counts as an MLP."""

    layer: int
    sublayer: Sublayer

    def attended(self, layer: int) -> bool:
        """Whether that layer's attention is over."""
        return self.layer >= layer

    def computed(self, layer: int) -> bool:
        """Whether that layer's MLP is over."""
        return self.layer > layer or (self.layer == layer and self.sublayer is Sublayer.MLP)

    def last_computed(self) -> int:
        """The last layer whose MLP is over."""
        return self.layer if self.sublayer is Sublayer.MLP else self.layer - 1


@dataclass(frozen=True)
class Place:
    """What a rule is asked about: the construction's shape and phases, the token class and the moment."""

    shape: Shape
    kind: TokenClass
    now: Moment

    @property
    def phases(self) -> Phases:
        return Phases.of(self.shape.position_bits)

    @property
    def r(self) -> int:
        return self.shape.position_bits


def content_of(register: str, shape: Shape, kind: TokenClass, now: Moment) -> Content:
    """What ``register`` (by its name, ``hpos_2``) holds at tokens of class ``kind``.

    Raises KeyError for a register that the construction does not have.

    >>> from verify.hardmax.forward import Sublayer
    >>> str(content_of("hpos_1", Shape(1, 6, 2, 2), TokenClass.RUN, Moment(7, Sublayer.MLP)))
    '(enc(x_1) if tau <= 3 else 0)'
    """
    place = Place(shape, kind, now)
    if register in FLAG_OF:
        return One() if kind in FLAG_OF[register] else Zero()
    base, _, tape = register.rpartition("_")
    if tape.isdigit() and base in PER_TAPE:
        return _settled(PER_TAPE[base](place, int(tape)), place)
    return _settled(SINGLE[register](place), place)


def addresses(kind: TokenClass, tape: int) -> bool:
    """Whether tokens of this class address a cell on the tape."""
    return kind in ADDRESSING or (kind in (TokenClass.OUTP, TokenClass.OUTPUT) and tape == 1)


def _settled(content: Content, at: Place) -> Content:
    """A content with what is known of the class put in: what look-ups bring it, that it addresses no cell."""
    match content:
        case If(Equals(ghost, 1), _, otherwise) if ghost.startswith("written_"):
            if not addresses(at.kind, int(ghost.rpartition("_")[2])):
                return _settled(otherwise, at)
    match content:
        case If(condition, then, otherwise):
            return If(condition, _settled(then, at), _settled(otherwise, at))
        case Fetched():
            return brought(content, at.shape, at.kind)
    return content


def _pos(_: Place) -> Content:
    return Code(Back(0))


def _state(at: Place) -> Content:
    fetched = at.kind is TokenClass.EPOS and not at.now.computed(at.phases.L3)
    return Code(Ghost("q")) if at.kind in WITH_STATE and not fetched else Zero()


def _sym(at: Place, k: int) -> Content:
    if at.kind is TokenClass.RUN:
        return Code(Ghost(f"a_{k}"))
    return Code(Ghost("s")) if at.kind in (TokenClass.INPUT, TokenClass.OUTPUT) and k == 1 else Zero()


def _move(at: Place, k: int) -> Content:
    return MoveCode(f"m_{k}") if at.kind is TokenClass.RUN else Zero()


def _bit(at: Place, k: int) -> Content:
    return BitOfBeta(Ghost(f"y_{k}"), 0) if at.kind is TokenClass.BIT else Zero()


def _hpos(at: Place, k: int) -> Content:
    cell, arrived = Code(Ghost(f"x_{k}")), at.now.last_computed() - at.phases.L1
    match at.kind:
        case TokenClass.EINP:
            return cell
        case TokenClass.OUTP if k == 1:
            return cell
        case TokenClass.OUTPUT if k == 1 and at.now.computed(2):
            subtracted = min(at.now.last_computed() - 2, at.r)
            return Code(MinusLow(subtracted) if subtracted else Back(0))
        case TokenClass.EPOS if at.now.computed(2):
            # Step j, in layer j+1, collects bits r-2j+1 and r-2j.
            steps = min(at.now.last_computed(), at.phases.L1) - 1
            return HighBits(Ghost(f"x_{k}"), at.r - 2 * steps) if 2 * steps < at.r else cell
        case TokenClass.RUN if arrived >= 1:
            return If(AtMost("tau", arrived), cell) if arrived < at.r else cell  # tau <= r
        case TokenClass.POS if arrived >= at.r + 1:
            return cell
    return Zero()


def _spos(at: Place, k: int) -> Content:
    if at.kind is TokenClass.INPUT and k == 1 and at.now.computed(1):
        return Code(Back(1))
    return Code(Ghost(f"c_{k}")) if at.kind is TokenClass.RUN and at.now.computed(at.phases.L2) else Zero()


def _outpos(at: Place) -> Content:
    if at.kind is TokenClass.OUTP and at.now.computed(1):
        return Code(Back(0))
    return Code(Ghost("o")) if at.kind in BEHIND_OUTP[1:] and at.now.attended(2) else Zero()


def _back1(at: Place) -> Content:
    return _stepping_back(at, 1)


def _back2(at: Place) -> Content:
    return _stepping_back(at, 2)


def _stepping_back(at: Place, first: int) -> Content:
    if not at.now.computed(1):
        return Zero()
    return Code(Back(first + 2 * (min(at.now.last_computed(), at.phases.L1) - 1)))


def _bit_ab(first: int) -> Callable[[Place, int], Content]:
    def content(at: Place, k: int) -> Content:
        if at.now.sublayer is Sublayer.ATTENTION and 2 <= at.now.layer <= at.phases.L1:
            return Fetched(f"bit_{k}", first + 2 * (at.now.layer - 2), at.now.layer)
        return Zero()

    return content


def _prev(at: Place) -> Content:
    return Code(Back(1)) if at.now.computed(1) else Zero()


def _hposprev(at: Place, k: int) -> Content:
    first, last = at.phases.L1 + 1, at.phases.L1 + at.r + 1
    if at.now.attended(last):
        return Fetched(f"hpos_{k}", 1, last)
    if at.now.sublayer is Sublayer.ATTENTION and at.now.attended(first):
        return Fetched(f"hpos_{k}", 1, at.now.layer)
    return Zero()


def _wpos(at: Place, k: int) -> Content:
    writes = at.kind is TokenClass.RUN or (at.kind is TokenClass.INPUT and k == 1)
    return Code(Back(0)) if writes and at.now.computed(2) else Zero()


def _written(at: Place, k: int) -> Content:
    return If(Equals(f"written_{k}", 1), One()) if at.now.attended(at.phases.L2 + 1) else Zero()


def _if_written(k: int, content: Content) -> Content:
    return If(Equals(f"written_{k}", 1), content)


def _exists_high(at: Place, k: int) -> Content:
    step = at.now.layer - at.phases.L2 - 1
    if at.now.sublayer is Sublayer.ATTENTION and 0 <= step < at.r:
        b = at.r - 1 - step
        return _if_written(k, If(Equals(f"w_{k}[{b}]", 1), One()))
    return Zero()


def _last(at: Place, k: int) -> Content:
    found = min(at.now.last_computed() - at.phases.L2, at.r)
    if found < 1:
        return Zero()
    last = Ghost(f"w_{k}")
    return _if_written(k, HighBits(last, at.r - found) if found < at.r else Code(last))


def _read(at: Place, k: int) -> Content:
    blank_if_not = at.kind not in (TokenClass.POS, TokenClass.BIT, TokenClass.INPUT)
    content: Content = Zero()
    if at.now.computed(at.phases.L3) and blank_if_not:
        content = Code(Ghost("blank"))
    if at.now.attended(at.phases.L3):
        content = If(Equals(f"written_{k}", 1), Code(Ghost(f"g_{k}")), content)
    return content


def _blockpos(at: Place, k: int) -> Content:
    return Code(Ghost(f"x_{k}")) if at.kind is TokenClass.POS and at.now.computed(at.phases.L2) else Zero()


def _ptr(at: Place) -> Content:
    steps = at.now.last_computed() - at.phases.L2
    if steps < 0:
        return Zero()
    return Code(Back(1 + steps if steps < at.r else at.r + 2))


def _nextbit(at: Place, k: int) -> Content:
    steps = at.now.layer - at.phases.L2  # the head of step p fetches bit p of the block p tokens back
    if at.kind is TokenClass.POS and at.now.computed(at.phases.L2):
        return Bit(Ghost(f"x_{k}"), 0)
    if at.kind is TokenClass.BIT and steps >= 1:
        # Behind bit r-1 there is no next one.
        return If(AtMost("beta", min(steps, at.r - 1) - 1), BitOfBeta(Ghost(f"y_{k}"), 1))
    return Zero()


def _statex(at: Place) -> Content:
    return Fetched("state", at.r + 2, at.phases.L3) if at.now.attended(at.phases.L3) else Zero()


def _from_delta(at: Place, content: Content) -> Content:
    """What the transition writes: in layer L3+1, and cleared in L3+2 where the run ends or a block comes first."""
    if at.kind not in WITH_STATE or not at.now.computed(at.phases.L3 + 1):
        return Zero()
    content = If(Equals("has_entry", 1), content)
    if at.kind is TokenClass.RUN and at.now.computed(at.phases.L3 + 2):
        content = If(Equals("halted", 1), Zero(), If(Equals("tau", at.r), Zero(), content))
    return content


def _newstate(at: Place) -> Content:
    return _from_delta(at, Code(Ghost("q'")))


def _newsym(at: Place, k: int) -> Content:
    return _from_delta(at, Code(Ghost(f"a'_{k}")))


def _newmove(at: Place, k: int) -> Content:
    return _from_delta(at, MoveCode(f"m'_{k}"))


def _seen_outp(at: Place) -> Content:
    return One() if at.kind in BEHIND_OUTP and at.now.attended(1) else Zero()


def _is_input(at: Place) -> Content:
    return One() if at.kind is TokenClass.INPUT and at.now.computed(1) else Zero()


def _is_output(at: Place) -> Content:
    return One() if at.kind is TokenClass.OUTPUT and at.now.computed(1) else Zero()


def _halted(at: Place) -> Content:
    return If(Equals("halted", 1), One()) if at.kind is TokenClass.RUN else Zero()


def _rth_run(at: Place) -> Content:
    layer = at.phases.L2 + at.r - 1
    return Fetched("is_run", at.r - 1, layer) if at.now.attended(layer) else Zero()


def _write_pos(at: Place) -> Content:
    if at.kind is TokenClass.RUN and at.now.computed(at.phases.L2 + at.r - 1):
        return If(Equals("halted", 0), If(Equals("tau", at.r), One()))
    return Zero()


def _write_epos(at: Place) -> Content:
    if at.kind is TokenClass.BIT and at.now.attended(at.phases.L2 + at.r):
        return If(Equals("beta", at.r - 1), One())
    return Zero()


def _reads_blank(at: Place, then: Content) -> Content:
    """``then`` where ``read_1`` is the code of the blank."""
    blank_if_not = at.kind not in (TokenClass.POS, TokenClass.BIT, TokenClass.INPUT)
    unwritten = then if blank_if_not else Zero()
    return If(Equals("written_1", 1), If(Equals("g_1", 0), then), unwritten)


def _read_blank(at: Place) -> Content:
    return _reads_blank(at, One()) if at.now.computed(at.phases.L3 + 1) else Zero()


def _write_eoutp(at: Place) -> Content:
    asks = at.kind in (TokenClass.OUTP, TokenClass.OUTPUT) and at.now.computed(at.phases.L3 + 2)
    return _reads_blank(at, One()) if asks else Zero()


def _write_sigma(at: Place) -> Content:
    if not at.now.computed(at.phases.L3 + 3):
        return Zero()
    return _unless_eoutp(at, One())


def _unless_eoutp(at: Place, then: Content) -> Content:
    """Behind OUTP, ``then`` where ``write_eoutp`` is down."""
    match at.kind:
        case TokenClass.EOUTP:
            return then
        case TokenClass.OUTP | TokenClass.OUTPUT:
            return If(Equals("written_1", 1), If(Equals("g_1", 0), Zero(), then))
    return Zero()


def _outsym(at: Place) -> Content:
    if not at.now.computed(at.phases.L3 + 4):
        return Zero()
    return _unless_eoutp(at, _read(at, 1))


SINGLE: dict[str, Callable[[Place], Content]] = {
    "pos": _pos,
    "state": _state,
    "outpos": _outpos,
    "back1": _back1,
    "back2": _back2,
    "prev": _prev,
    "ptr": _ptr,
    "statex": _statex,
    "newstate": _newstate,
    "outsym": _outsym,
    "seen_outp": _seen_outp,
    "is_input": _is_input,
    "is_output": _is_output,
    "halted": _halted,
    "rth_run": _rth_run,
    "write_pos": _write_pos,
    "write_epos": _write_epos,
    "read_blank": _read_blank,
    "write_eoutp": _write_eoutp,
    "write_sigma": _write_sigma,
}
PER_TAPE: dict[str, Callable[[Place, int], Content]] = {
    "bit": _bit,
    "sym": _sym,
    "move": _move,
    "hpos": _hpos,
    "spos": _spos,
    "bitA": _bit_ab(1),
    "bitB": _bit_ab(2),
    "hposprev": _hposprev,
    "wpos": _wpos,
    "last": _last,
    "read": _read,
    "blockpos": _blockpos,
    "nextbit": _nextbit,
    "newsym": _newsym,
    "newmove": _newmove,
    "written": _written,
    "exists_high": _exists_high,
}
