"""The annotation of the chain-of-thought network: what each register holds, behind each sublayer (spec 2.4).

`rule_of` a register answers for one token class and one moment.  Moments are counted in sublayers: layer l's
attention ends at ``Moment(l, Sublayer.ATTENTION)``, its MLP at ``Moment(l, Sublayer.MLP)``, embedding is layer 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import Phases
from exactformer.verify.annotation.content import (
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
    SameBit,
    Zero,
)
from exactformer.verify.annotation.fetches import brought
from exactformer.verify.annotation.ghosts import LATE, NEW_SUMMARY, TokenClass
from exactformer.verify.hardmax.forward import Sublayer

NOTHING = Zero()
ADDRESSING = (
    TokenClass.EINP,
    TokenClass.RUN,
    TokenClass.POS,
    TokenClass.EPOS,
    TokenClass.ESUMM,
    TokenClass.NEWSUMM,
    TokenClass.NEWCELL,
)
"""Classes that address a cell on every tape; OUTP and output symbols do on tape 1."""
STEPPING = (TokenClass.EINP, TokenClass.RUN, TokenClass.EPOS, TokenClass.ESUMM)
"""Classes that a run token may follow."""
STATES = (TokenClass.OLDSTATE, TokenClass.NEWSTATE)
CELLS = (TokenClass.OLDCELL, TokenClass.NEWCELL)
BEHIND_OUTP = (TokenClass.OUTP, TokenClass.OUTPUT, TokenClass.EOUTP)
FLAG_OF = {
    "is_einp": (TokenClass.EINP,),
    "is_outp": (TokenClass.OUTP,),
    "is_eoutp": (TokenClass.EOUTP,),
    "is_pos": (TokenClass.POS,),
    "is_epos": (TokenClass.EPOS,),
    "is_run": (TokenClass.RUN,),
    "is_sigma": (TokenClass.INPUT, TokenClass.OUTPUT),
    "is_bit": (TokenClass.BIT,),
    "const": tuple(TokenClass),
    "is_summ": (TokenClass.OLDSUMM, TokenClass.NEWSUMM),
    "is_esumm": (TokenClass.ESUMM,),
    "is_cell": CELLS,
    "is_state": STATES,
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
    """What a rule is asked about: the paradigm, the construction's shape and phases, the token class, the moment."""

    paradigm: Paradigm
    shape: Shape
    kind: TokenClass
    now: Moment

    @cached_property
    def phases(self) -> Phases:
        return Phases.of(self.shape.position_bits)

    @property
    def r(self) -> int:
        return self.shape.position_bits


Rule = Callable[[Place], Content]
"""What a register holds, place by place."""


def rule_of(register: str) -> Rule:
    """The rule of a register (by its name, ``hpos_2``).

    Raises KeyError for a register that the construction does not have.

    >>> from exactformer.verify.hardmax.forward import Sublayer
    >>> place = Place(Paradigm.COT, Shape(1, 6, 2, 2), TokenClass.RUN, Moment(7, Sublayer.MLP))
    >>> str(rule_of("hpos_1")(place))
    '(enc(x_1) if tau <= 3 else 0)'
    """
    if register in FLAG_OF:
        up_at = FLAG_OF[register]
        return lambda place: One() if place.kind in up_at else Zero()
    base, _, number = register.rpartition("_")
    if number.isdigit():
        of_tape, tape = NUMBERED[base], int(number)
        return lambda place: _settled(of_tape(place, tape), place)
    rule = SINGLE[register]
    return lambda place: _settled(rule(place), place)


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


def _is_inp(at: Place) -> Content:
    # The SUMM that opens a segment plays INP.
    plays = at.kind is TokenClass.OLDSUMM and at.now.computed(1)
    return One() if at.kind is TokenClass.INP or plays else Zero()


def _not_inp(at: Place) -> Content:
    return One() if _is_inp(at) == Zero() else Zero()


def _state(at: Place) -> Content:
    match at.kind:
        case TokenClass.EPOS:
            known = at.now.computed(at.phases.L3)
        case TokenClass.ESUMM:
            known = at.now.attended(3)
        case _:
            known = at.kind in (*STEPPING, *STATES)
    return Code(Ghost("q")) if known else Zero()


def _sym(at: Place, k: int) -> Content:
    if at.kind in (TokenClass.RUN, *CELLS):
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
        case TokenClass.ESUMM if at.now.attended(3):
            return cell
        case TokenClass.NEWSUMM | TokenClass.NEWCELL if at.now.computed(3):
            subtracted = min(at.now.last_computed() - 3, at.r)
            low = "i" if at.kind is TokenClass.NEWSUMM else "u"
            return Code(MinusLow(subtracted, low) if subtracted else Back(0))
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
    if at.kind is TokenClass.OLDCELL and at.now.computed(2):
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
    writes = at.kind in (TokenClass.RUN, TokenClass.OLDCELL) or (at.kind is TokenClass.INPUT and k == 1)
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
    """What the transition writes: in layer L3+1, and cleared in L3+2 unless a run token is to follow."""
    if at.kind not in (*STEPPING, *STATES) or not at.now.computed(at.phases.L3 + 1):
        return Zero()
    content = If(Equals("has_entry", 1), content)
    if not at.now.computed(at.phases.L3 + 2):
        return content
    if at.kind is TokenClass.RUN:
        return If(Equals("halted", 1), Zero(), below_cap(at, If(Equals("tau", at.r), Zero(), content)))
    return Zero() if at.kind in STATES else content


def below_cap(at: Place, content: Content) -> Content:
    """A content where no summary has to be written."""
    return content if at.paradigm is Paradigm.COT else If(Equals("cap", 0), content)


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
    if at.kind is not TokenClass.RUN or not at.now.computed(at.phases.L2 + at.r - 1):
        return Zero()
    block = If(Equals("tau", at.r), One())
    return If(Equals("halted", 0), below_cap(at, block) if at.now.computed(at.phases.L2 + at.r) else block)


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


SINGLE: dict[str, Rule] = {
    "pos": _pos,
    "is_inp": _is_inp,
    "not_inp": _not_inp,
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
NUMBERED: dict[str, Callable[[Place, int], Content]] = {
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


def _promptend(at: Place) -> Content:
    if at.kind in (TokenClass.EINP, TokenClass.ESUMM) and at.now.computed(1):
        return Code(Back(0))
    return Code(Ghost("e")) if at.kind in LATE and at.now.attended(2) else Zero()


def _summpos(at: Place) -> Content:
    if at.kind is TokenClass.NEWSUMM and at.now.computed(2):
        return Code(Back(0))
    return Code(Ghost("u")) if at.kind in NEW_SUMMARY[1:] and at.now.attended(3) else Zero()


def _finalstate(at: Place) -> Content:
    if at.kind in NEW_SUMMARY[1:] and at.now.attended(at.phases.L2 + 2):
        return Code(Ghost("q"))
    return _of_last_run_token(at, "state")


def _hposfinal(at: Place, k: int) -> Content:
    return _of_last_run_token(at, f"hpos_{k}")


def _of_last_run_token(at: Place, register: str) -> Content:
    """What the token before holds; cleared a layer later except where that is the last run token."""
    kept = at.kind is TokenClass.NEWSUMM or not at.now.computed(at.phases.L2 + 1)
    return Fetched(register, 1, at.phases.L2) if kept and at.now.attended(at.phases.L2) else Zero()


def _where_next_cell(at: Place, then: Content, otherwise: Content = NOTHING) -> Content:
    """``then`` where the cell addressed was written on some tape, or a head is there."""
    content = otherwise
    for k in reversed(range(1, at.shape.tapes + 1)):
        if at.kind in (TokenClass.NEWSUMM, TokenClass.NEWCELL):
            content = If(Equals(f"here_{k}", 1), then, content)
        content = If(Equals(f"written_{k}", 1), then, content)
    return content


def _next_cell(at: Place) -> Content:
    return _where_next_cell(at, One()) if at.now.computed(at.phases.L2 + 3) else Zero()


def _in_new_summary(at: Place, layer: int) -> bool:
    """Whether it is a token that a cell or the state follows, behind that layer."""
    return at.kind in (TokenClass.NEWSUMM, TokenClass.NEWCELL) and at.now.computed(layer)


def _finalstateout(at: Place) -> Content:
    return _where_next_cell(at, Zero(), Code(Ghost("q"))) if _in_new_summary(at, at.phases.L2 + 4) else Zero()


def _nextcellsym(at: Place, k: int) -> Content:
    return _where_next_cell(at, _read(at, k)) if _in_new_summary(at, at.phases.L3 + 1) else Zero()


def _nextcellhead(at: Place, k: int) -> Content:
    return _where_next_cell(at, Code(Ghost(f"here_{k}"))) if _in_new_summary(at, at.phases.L3 + 1) else Zero()


def _next_head(at: Place, k: int) -> Content:
    asked = at.kind in (TokenClass.NEWSUMM, TokenClass.NEWCELL) and at.now.attended(at.phases.L2 + 2)
    return If(Equals(f"here_{k}", 1), One()) if asked else Zero()


def _head(at: Place, k: int) -> Content:
    return If(Equals(f"h_{k}", 1), One()) if at.kind in CELLS else Zero()


def _seen_prompt_end(end: TokenClass, summary: int) -> Callable[[Place], Content]:
    def content(at: Place) -> Content:
        if not at.now.attended(1) or (at.kind is not end and at.kind not in LATE):
            return Zero()
        return One() if at.kind is end else If(Equals("summary", summary), One())

    return content


def _flag_behind_layer_1(kind: TokenClass) -> Callable[[Place], Content]:
    return lambda at: One() if at.kind is kind and at.now.computed(1) else Zero()


def _length_cap(at: Place) -> Content:
    if at.kind not in LATE or not at.now.computed(3):
        return Zero()
    if at.now.attended(4):
        return If(Equals("cap", 0), Zero(), One())
    return If(Equals("cap", 1), One())


def _write_summ(at: Place) -> Content:
    if at.kind is TokenClass.RUN and at.now.computed(4):
        return If(Equals("halted", 1), Zero(), If(Equals("cap", 0), Zero(), One()))
    return Zero()


def _biteq(at: Place, s: int) -> Content:
    if not at.now.computed(2):
        return Zero()
    if at.kind in (TokenClass.EINP, TokenClass.ESUMM):
        return If(SameBit(Back(0), s + 2, Back(0), s), One())
    return If(SameBit(Back(0), s + 2, Ghost("e"), s), One()) if at.kind in LATE else Zero()


SINGLE |= {
    "promptend": _promptend,
    "summpos": _summpos,
    "finalstate": _finalstate,
    "finalstateout": _finalstateout,
    "seen_einp": _seen_prompt_end(TokenClass.EINP, 0),
    "seen_esumm": _seen_prompt_end(TokenClass.ESUMM, 1),
    "final_summ": _flag_behind_layer_1(TokenClass.NEWSUMM),
    "cell_initial": _flag_behind_layer_1(TokenClass.OLDCELL),
    "cell_final": _flag_behind_layer_1(TokenClass.NEWCELL),
    "length_cap": _length_cap,
    "write_summ": _write_summ,
    "next_cell": _next_cell,
}
NUMBERED |= {
    "hposfinal": _hposfinal,
    "nextcellsym": _nextcellsym,
    "nextcellhead": _nextcellhead,
    "head": _head,
    "next_head": _next_head,
    "biteq": _biteq,
}
