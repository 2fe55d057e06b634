"""The facts of certificates/SPEC.md, section 14, each checked at every token of a run, as their text says them.

What they speak of, ghosts, is defined in section 11.1; that the ghosts of `verify.annotation.ghosts` are those is
checked first, from the tokens and the simulator's configurations.  Nothing here uses `verify.annotation.facts`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from exactformer.constructions.machines.machine import Move
from exactformer.constructions.machines.run import Configuration, Run, configurations
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.annotation.content import Back, Ghosts, MinusLow, number_at
from exactformer.verify.annotation.ghosts import TokenClass, classes, ghosts_of

INP, INPUT, EINP, RUN, POS, BIT, EPOS, OUTP, OUTPUT, EOUTP = classes(Paradigm.COT)
FAMILY = {INPUT: "SIGMA", OUTPUT: "SIGMA", RUN: "RUN", BIT: "BIT"}
ALL = tuple(TokenClass)
WITH_STATE = (RUN, EINP, EPOS)
ADDRESSING = (EINP, RUN, POS, EPOS)
AT_OUTPUT = (OUTP, OUTPUT)
BEHIND_OUTP = (OUTP, OUTPUT, EOUTP)
MOVES = (Move.LEFT, Move.STAY, Move.RIGHT)


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain of thought: its tokens, their classes and ghosts by position."""

    run: Run
    r: int
    tokens: tuple[Token, ...]
    classes: tuple[TokenClass, ...]
    ghosts: tuple[Ghosts, ...]

    @classmethod
    def of(cls, run: Run, position_bits: int) -> Chain:
        """What `verify.annotation.ghosts` says of a run."""
        classes, ghosts = zip(*ghosts_of(run, position_bits), strict=True)
        return cls(run, position_bits, cot_tokens(run.machine, run, position_bits).tokens, classes, ghosts)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def tapes(self) -> range:
        """1..K."""
        return range(1, self.run.machine.tapes + 1)

    @cached_property
    def writers(self) -> dict[tuple[int, int], list[int]]:
        """By tape and cell: the positions of the tokens that write it, ascending."""
        found: dict[tuple[int, int], list[int]] = {}
        for j in range(len(self)):
            for k in self.tapes:
                if (written := self.write(j, k)) is not None:
                    found.setdefault((k, written[0]), []).append(j)
        return found

    def write(self, j: int, k: int) -> tuple[int, int] | None:
        """The cell that token j writes on tape k, and the symbol; None if it writes nothing there."""
        ghosts = self.ghosts[j]
        if self.classes[j] is RUN:
            return ghosts[f"c_{k}"], ghosts[f"a_{k}"]
        if self.classes[j] is INPUT and k == 1:
            return max(j - 1, 0), ghosts["s"]
        return None

    @cached_property
    def behind(self) -> tuple[Configuration, ...]:
        """By position: the machine's configuration behind the run tokens so far."""
        walk = configurations(self.run.machine, self.run.word)
        now = next(walk)
        found = []
        for token in self.tokens:
            if token.family == "RUN":
                now = next(walk)
            found.append(now)
        return tuple(found)

    def cell(self, i: int, k: int, cell: int) -> int:
        """The symbol in a cell of tape k, in the configuration behind token i."""
        tape, machine = self.behind[i].tapes[k - 1], self.run.machine
        return machine.symbol_index(tape[cell] if cell < len(tape) else machine.blank)

    def addresses(self, i: int, k: int) -> bool:
        """Whether token i addresses a cell on tape k."""
        return self.classes[i] in ADDRESSING or (self.classes[i] in AT_OUTPUT and k == 1)

    def run_tokens_since(self, i: int) -> int:
        """How many run tokens there are since the last EINP or EPOS in front of i, i included."""
        first = i
        while self.tokens[first].family not in ("EINP", "EPOS"):
            first -= 1
        return sum(token.family == "RUN" for token in self.tokens[first : i + 1])


Holds = Callable[[Chain, int], Iterator[bool]]


@dataclass(frozen=True)
class Axiom:
    """A fact about the token at a position of a chain, if it is of one of these classes: all of ``holds`` is true."""

    name: str
    classes: tuple[TokenClass, ...]
    holds: Holds


@dataclass(frozen=True)
class Broken:
    """An axiom that does not hold at a token."""

    axiom: str
    machine: str
    word: str
    position: int


@dataclass
class Checked:
    """How often each axiom was checked, by name, and where it does not hold."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)


AXIOMS: list[Axiom] = []


def check(chain: Chain) -> Checked:
    """Every axiom at every token that it speaks of.  A ghost that is missing breaks the axiom that asks for it."""
    checked = Checked()
    for i, kind in enumerate(chain.classes):
        for axiom in AXIOMS:
            if kind not in axiom.classes:
                continue
            try:
                held = list(axiom.holds(chain, i))
            except LookupError:
                held = [False]
            checked.counts[axiom.name] += len(held)
            if not all(held):
                checked.broken.append(Broken(axiom.name, chain.run.machine.name, chain.run.word, i))
    return checked


def axiom(name: str, *classes: TokenClass) -> Callable[[Holds], Holds]:
    """Makes a function an axiom about tokens of these classes."""

    def added(holds: Holds) -> Holds:
        AXIOMS.append(Axiom(name, classes, holds))
        return holds

    return added


@axiom("11.1 i, blank, the class", *ALL)
def own_position(chain: Chain, i: int) -> Iterator[bool]:
    kind, family = chain.classes[i], chain.tokens[i].family
    yield chain.ghosts[i]["i"] == i
    yield chain.ghosts[i]["blank"] == 0
    yield family == FAMILY.get(kind, kind.value)
    behind_outp = any(token.family == "OUTP" for token in chain.tokens[:i])
    yield family != "SIGMA" or kind is (OUTPUT if behind_outp else INPUT)


@axiom("11.1 tau, q, halted, a_k, m_k, c_k of RUN", RUN)
def run_token(chain: Chain, i: int) -> Iterator[bool]:
    ghosts, machine = chain.ghosts[i], chain.run.machine
    state, *others = chain.tokens[i].values
    yield ghosts["tau"] == chain.run_tokens_since(i)
    yield ghosts["q"] == state == machine.state_index(chain.behind[i].state)
    yield ghosts["halted"] == (machine.states[state] == machine.halting)
    for k in chain.tapes:
        yield ghosts[f"a_{k}"] == others[k - 1]
        yield ghosts[f"m_{k}"] == others[machine.tapes + k - 1]
        yield ghosts[f"c_{k}"] == chain.behind[i - 1].heads[k - 1]


@axiom("11.1 q of EINP, EPOS", EINP, EPOS)
def state_behind(chain: Chain, i: int) -> Iterator[bool]:
    yield chain.ghosts[i]["q"] == chain.run.machine.state_index(chain.behind[i].state)


@axiom("11.1 x_k is where head k stands; at OUTP, OUTPUT i - o", *ADDRESSING, *AT_OUTPUT)
def addressed(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        if chain.classes[i] in ADDRESSING:
            yield chain.ghosts[i][f"x_{k}"] == chain.behind[i].heads[k - 1]
        elif k == 1:
            yield chain.ghosts[i]["x_1"] == i - chain.ghosts[i]["o"]


@axiom("11.1 written_k, w_k, g_k: whether, where and with what a token up to this one wrote x_k last", *ALL)
def last_write(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    for k in chain.tapes:
        found = chain.writers.get((k, ghosts[f"x_{k}"]), []) if chain.addresses(i, k) else []
        found = found[: bisect_right(found, i)]
        yield ghosts[f"written_{k}"] == bool(found)
        if found:
            written = chain.write(found[-1], k)
            yield written is not None and (ghosts[f"w_{k}"], ghosts[f"g_{k}"]) == (found[-1], written[1])
            yield all(ghosts[f"w_{k}[{b}]"] == found[-1] >> b & 1 for b in range(chain.r))


@axiom("11.1 beta, y_k", BIT)
def bit_token(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    yield chain.tokens[i - ghosts["beta"] - 1].family == "POS"
    yield all(token.family == "BIT" for token in chain.tokens[i - ghosts["beta"] : i])
    for k in chain.tapes:
        yield ghosts[f"y_{k}"] == chain.behind[i].heads[k - 1]


@axiom("11.1 s", INPUT, OUTPUT)
def symbol(chain: Chain, i: int) -> Iterator[bool]:
    machine = chain.run.machine
    yield chain.ghosts[i]["s"] == machine.symbol_index(machine.input_alphabet[chain.tokens[i].values[0]])


@axiom("11.1 o", *BEHIND_OUTP)
def output_start(chain: Chain, i: int) -> Iterator[bool]:
    yield chain.ghosts[i]["o"] == next(j for j, token in enumerate(chain.tokens) if token.family == "OUTP")


@axiom("11.1 has_entry, q', a'_k, m'_k: the row for q and the symbols in the cells x_k", *WITH_STATE)
def row(chain: Chain, i: int) -> Iterator[bool]:
    ghosts, machine = chain.ghosts[i], chain.run.machine
    held = (chain.cell(i, k, ghosts[f"x_{k}"]) for k in chain.tapes)
    read = tuple(machine.alphabet[index] for index in held)
    action = machine.transitions.get((machine.states[ghosts["q"]], read))
    yield ghosts["has_entry"] == (action is not None)
    if action is None:
        yield "q'" not in ghosts
        return
    yield ghosts["q'"] == machine.state_index(action.state)
    for k in chain.tapes:
        yield ghosts[f"a'_{k}"] == machine.symbol_index(action.written[k - 1])
        yield MOVES[ghosts[f"m'_{k}"]] is action.moves[k - 1]


@axiom("14.1 which token follows", *ALL)
def layout(chain: Chain, i: int) -> Iterator[bool]:
    kind, ghosts = chain.classes[i], chain.ghosts[i]
    if i + 1 == len(chain):
        yield kind is EOUTP
        return
    following, then = chain.classes[i + 1], chain.ghosts[i + 1]
    match kind:
        case TokenClass.INP | TokenClass.INPUT:
            yield following in (INPUT, EINP)
        case TokenClass.EINP | TokenClass.EPOS:
            yield following is RUN and then["tau"] == 1
        case TokenClass.RUN if ghosts["halted"]:
            yield following is OUTP
        case TokenClass.RUN if ghosts["tau"] < chain.r:
            yield following is RUN and then["tau"] == ghosts["tau"] + 1
        case TokenClass.RUN:
            yield following is POS
        case TokenClass.POS:
            yield following is BIT and then["beta"] == 0
        case TokenClass.BIT if ghosts["beta"] < chain.r - 1:
            yield following is BIT and then["beta"] == ghosts["beta"] + 1
        case TokenClass.BIT:
            yield following is EPOS
        case TokenClass.OUTP | TokenClass.OUTPUT:
            yield following in (OUTPUT, EOUTP)
        case TokenClass.EOUTP:
            yield False


@axiom("14.1 INP at position 0 and there only", *ALL)
def inp_first(chain: Chain, i: int) -> Iterator[bool]:
    yield (chain.classes[i] is INP) == (i == 0)


@axiom("14.1 OUTP at most once", OUTP)
def outp_once(chain: Chain, i: int) -> Iterator[bool]:
    yield OUTP not in chain.classes[:i]


@axiom("14.2 c_k of RUN is x_k of the token before", RUN)
def cell_written(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        yield chain.ghosts[i][f"c_{k}"] == chain.ghosts[i - 1][f"x_{k}"]


@axiom("14.2 x_k of POS is x_k of the token before", POS)
def block_begins(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        yield chain.ghosts[i][f"x_{k}"] == chain.ghosts[i - 1][f"x_{k}"]


@axiom("14.2 y_k of BIT beta is x_k of the token beta + 1 before, POS", BIT)
def block_repeats(chain: Chain, i: int) -> Iterator[bool]:
    back = i - chain.ghosts[i]["beta"] - 1
    yield chain.classes[back] is POS
    for k in chain.tapes:
        yield chain.ghosts[i][f"y_{k}"] == chain.ghosts[back][f"x_{k}"]


@axiom("14.2 x_k of EPOS is y_k of the tokens 1..r before", EPOS)
def block_collected(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        for distance in range(1, chain.r + 1):
            yield chain.ghosts[i][f"x_{k}"] == chain.ghosts[i - distance][f"y_{k}"]


@axiom("14.2 x_k and q of EPOS are those of the token r + 2 before, RUN", EPOS)
def block_ends(chain: Chain, i: int) -> Iterator[bool]:
    before = i - chain.r - 2
    yield chain.classes[before] is RUN
    yield chain.ghosts[i]["q"] == chain.ghosts[before]["q"]
    for k in chain.tapes:
        yield chain.ghosts[i][f"x_{k}"] == chain.ghosts[before][f"x_{k}"]


@axiom("14.3 if j <= i writes x_k then written_k = 1 and j <= w_k", *ADDRESSING, *AT_OUTPUT)
def writes_are_known(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    for k in chain.tapes:
        if chain.addresses(i, k):
            for j in chain.writers.get((k, ghosts[f"x_{k}"]), []):
                if j <= i:
                    yield ghosts[f"written_{k}"] == 1 and j <= ghosts[f"w_{k}"]


@axiom("14.3 if written_k = 1 the token at w_k <= i writes x_k with g_k", *ALL)
def last_write_is_one(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    for k in chain.tapes:
        if ghosts[f"written_{k}"] == 1:
            yield ghosts[f"w_{k}"] <= i
            yield chain.write(ghosts[f"w_{k}"], k) == (ghosts[f"x_{k}"], ghosts[f"g_{k}"])


@axiom("14.3 nothing else writes: a cell changes only at RUN tokens, and only c_k, to a_k", *ALL)
def nothing_else_writes(chain: Chain, i: int) -> Iterator[bool]:
    if i == 0:
        # Behind INP and the input symbols, the tapes are as the input symbols write them.
        for k in chain.tapes:
            for cell in range(len(chain.run.word)):
                entered = chain.write(cell + 1, k)
                yield chain.cell(0, k, cell) == (0 if entered is None else entered[1])
            yield len(chain.behind[0].tapes[k - 1]) <= max(len(chain.run.word), 1)
        return
    for k in chain.tapes:
        written = chain.write(i, k) if chain.classes[i] is RUN else None
        longest = max(len(chain.behind[at].tapes[k - 1]) for at in (i - 1, i))
        for cell in range(longest):
            before, after = chain.cell(i - 1, k, cell), chain.cell(i, k, cell)
            yield after == (written[1] if written is not None and written[0] == cell else before)


@axiom("14.3 a token that addresses no cell has written_k = 0", *ALL)
def no_address(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        if not chain.addresses(i, k):
            yield chain.ghosts[i][f"written_{k}"] == 0


@axiom("14.4 x_k of RUN is c_k + 1, max(c_k - 1, 0), c_k", RUN)
def move(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    for k in chain.tapes:
        cell = ghosts[f"c_{k}"]
        yield ghosts[f"x_{k}"] == {2: cell + 1, 0: max(cell - 1, 0), 1: cell}[ghosts[f"m_{k}"]]


@axiom("14.4 if m_k = 2 then c_k < 2^r - 1", RUN)
def move_fits(chain: Chain, i: int) -> Iterator[bool]:
    for k in chain.tapes:
        if chain.ghosts[i][f"m_{k}"] == 2:
            yield chain.ghosts[i][f"c_{k}"] < (1 << chain.r) - 1


@axiom("14.5 max(max(i - d, 0) - e, 0) = max(i - d - e, 0)", *ALL)
def steps_back(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    yield number_at(Back(0), ghosts) == i
    for d in range(chain.r + 3):
        for e in (1, 2):
            yield number_at(Back(d + e), ghosts) == max(number_at(Back(d), ghosts) - e, 0)


@axiom("14.5 o <= i; i - (o mod 2^(b+1)) is i - (o mod 2^b), less 2^b if bit b of o is 1", *BEHIND_OUTP)
def low_bits(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    yield ghosts["o"] <= i
    before = i
    for b in range(chain.r):
        after = number_at(MinusLow(b + 1), ghosts)
        yield after == before - (ghosts["o"] >> b & 1) * (1 << b)
        before = after


@axiom("14.5 x_1 = i - (o mod 2^r) at OUTPUT; x_1 = 0 and o = i at OUTP", *AT_OUTPUT)
def output_cell(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    if chain.classes[i] is OUTP:
        yield ghosts["x_1"] == 0 and ghosts["o"] == i
    else:
        yield ghosts["x_1"] == i - ghosts["o"] % (1 << chain.r)


@axiom("14.5 the OUTP that a token behind it sees is at o", *BEHIND_OUTP)
def outp_seen(chain: Chain, i: int) -> Iterator[bool]:
    for j in range(i + 1):
        if chain.classes[j] is OUTP:
            yield chain.ghosts[i]["o"] == j


@axiom("14.5 1 <= tau <= r", RUN)
def tau_in_range(chain: Chain, i: int) -> Iterator[bool]:
    yield 1 <= chain.ghosts[i]["tau"] <= chain.r


@axiom("14.5 0 <= beta < r", BIT)
def beta_in_range(chain: Chain, i: int) -> Iterator[bool]:
    yield 0 <= chain.ghosts[i]["beta"] < chain.r


@axiom("14.5 i, o, w_k, c_k, x_k, y_k < 2^r", *ALL)
def numbers_in_range(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    listed = ["i", "o", *(f"{letter}_{k}" for letter in "wcxy" for k in chain.tapes)]
    for name in listed:
        if name in ghosts:
            yield 0 <= ghosts[name] < 1 << chain.r


@axiom("14.6 RUN with halted = 0, EINP and EPOS have has_entry = 1", *WITH_STATE)
def goes_on(chain: Chain, i: int) -> Iterator[bool]:
    if not chain.ghosts[i].get("halted", 0):
        yield chain.ghosts[i]["has_entry"] == 1


@axiom("14.6 if RUN follows, its q, a_k, m_k are q', a'_k, m'_k", *WITH_STATE)
def step(chain: Chain, i: int) -> Iterator[bool]:
    if i + 1 < len(chain) and chain.classes[i + 1] is RUN:
        ghosts, then = chain.ghosts[i], chain.ghosts[i + 1]
        yield then["q"] == ghosts["q'"]
        for k in chain.tapes:
            yield (then[f"a_{k}"], then[f"m_{k}"]) == (ghosts[f"a'_{k}"], ghosts[f"m'_{k}"])


@axiom("14.6 bit_k of BIT beta is bit beta of y_k", BIT)
def bits(chain: Chain, i: int) -> Iterator[bool]:
    ghosts = chain.ghosts[i]
    for k in chain.tapes:
        yield chain.tokens[i].values[k - 1] == ghosts[f"y_{k}"] >> ghosts["beta"] & 1


@axiom("14.6 EOUTP follows if written_1 = 0 or g_1 = 0; else g_1, of the input alphabet, follows", *AT_OUTPUT)
def output(chain: Chain, i: int) -> Iterator[bool]:
    ghosts, machine, following = chain.ghosts[i], chain.run.machine, chain.tokens[i + 1]
    if ghosts["written_1"] == 0 or ghosts["g_1"] == 0:
        yield following == Token("EOUTP")
    else:
        repeated = machine.alphabet[ghosts["g_1"]]
        yield repeated in machine.input_alphabet
        yield following == Token("SIGMA", (machine.input_alphabet.index(repeated),))
