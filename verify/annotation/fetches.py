"""What a look-up brings, in the ghosts of the token that asks: facts about the layout of a token sequence (spec 2.1).

Only where the construction relies on it.  Each is a consequence of where tokens stand:

* the token before a run token is a run token with tau one less, or the EINP or EPOS in front of the first one; either
  way head k stands, behind it, on the cell c_k that the run token writes;
* the token before POS is the r-th run token of its group, and their heads stand on the same cells;
* the tokens before EPOS are, going back, the bits r-1, .., 0 of its head positions, POS, and a run token in its state;
* r-1 tokens before a run token is a run token exactly if it is the r-th of its group.

tests/annotation checks every one of them at every token of many runs.
"""

from __future__ import annotations

from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.registers import Phases
from exactformer.verify.annotation.content import AtMost, Bit, Code, Content, Equals, Fetched, Ghost, If, One, Zero
from exactformer.verify.annotation.ghosts import TokenClass

KNOWING = (TokenClass.RUN, TokenClass.POS, TokenClass.EPOS, TokenClass.NEWSUMM)
"""The classes whose tokens say something of what they fetch."""


def brought(fetched: Fetched, shape: Shape, kind: TokenClass) -> Content:
    """What is fetched, said in the ghosts of the token of class ``kind`` that asks, where that is known."""
    if kind not in KNOWING:
        return fetched
    r, (name, _, tape) = shape.position_bits, fetched.register.rpartition("_")
    arrived = fetched.layer - 1 - Phases.of(r).L1  # steps that head positions have travelled before this layer
    match kind, name, fetched.distance:
        case TokenClass.RUN, "hpos", 1 if arrived >= 0:
            # EINP and EPOS have their head positions from the start; a run token with tau - 1 <= arrived has it by now.
            cell = Code(Ghost(f"c_{tape}"))
            return If(AtMost("tau", arrived + 1), cell) if arrived + 1 < r else cell
        case TokenClass.POS, "hpos", 1:
            return Code(Ghost(f"x_{tape}")) if arrived >= r else Zero()
        case TokenClass.EPOS, "bit", distance if 1 <= distance <= r:
            return Bit(Ghost(f"x_{tape}"), r - distance)
    match kind, name or fetched.register, fetched.distance:
        case TokenClass.NEWSUMM, "hpos", 1 if arrived >= r:
            return Code(Ghost(f"y_{tape}"))
        case TokenClass.NEWSUMM, "state", 1:
            return Code(Ghost("q"))
    match kind, fetched.register, fetched.distance:
        case TokenClass.RUN, "is_run", distance if distance == r - 1:
            return If(Equals("tau", r), One())
        case TokenClass.EPOS, "state", distance if distance == r + 2:
            return Code(Ghost("q"))
    return fetched
