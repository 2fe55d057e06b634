"""The obligations of heads: that they mean what is said of them (SPEC 13.3, 13.4; spec 5.1, point 3).

For one head, one meaning and each class of tokens that may be visible, for all ghosts of both tokens:

    selected      ->  score = the meaning's, and the value is the one it says
    not selected  ->  score <= the meaning's - separation

Some token is selected: INP and OUTP stand in every sequence in front of those who select them, a token at or before
one's own position always exists, and where written_k = 1 so does the one at w_k, which writes x_k.  What is assumed of
the ghosts of two tokens are the definitions of written_k, w_k, g_k and o (SPEC 14, points 3 and 5), for each writer j:

    if j's cell is x_k then j <= w_k; if j = w_k then j's cell is x_k and its symbol is g_k
    a token that writes nothing on tape k is not at w_k; written_k = 0: no token's cell is x_k
    OUTP is at o, for tokens behind it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.annotation.annotation import Annotation, Held
from exactformer.verify.annotation.content import Back, Content, Equals, Ghost, If, Number, One, Zero
from exactformer.verify.annotation.cot import BEHIND_OUTP, addresses
from exactformer.verify.annotation.ghosts import INPUT_PROMPT, LATE, NEW_SUMMARY, OLD_SUMMARY, TokenClass
from exactformer.verify.annotation.meanings import (
    AtCap,
    AtPosition,
    EveryToken,
    HeadCell,
    HeadNotCovered,
    Meaning,
    TheToken,
    Writers,
    under,
)
from exactformer.verify.annotation.patterns import Claim, Renaming
from exactformer.verify.annotation.symbolic import FALSE, TRUE, Coordinate, Symbols, conditions_in, numbers_in
from exactformer.verify.solver import (
    Formula,
    Term,
    all_of,
    any_of,
    at_most,
    constant,
    equal,
    equivalent,
    implies,
    negation,
    select,
    total,
    weighted_total,
)


def separation_of(head: CompiledHead) -> int:
    """How far below the selected tokens all others are proved to score: two codes that differ lose 2."""
    return 2 if head.kind is HeadKind.LOOKUP else 1


@dataclass(frozen=True)
class Part:
    """``length`` coordinates of a register that holds ``content``: from ``start`` on, or ``start`` repeated."""

    content: Content
    width: int
    start: int
    length: int
    repeated: bool

    def coordinates(self, symbols: Symbols) -> list[Coordinate]:
        held = symbols.coordinates(self.content, self.width)
        return [held[self.start if self.repeated else self.start + n] for n in range(self.length)]

    def __str__(self) -> str:
        what = f"{self.length}*[{self.start}]" if self.repeated else f"[{self.start}..{self.start + self.length - 1}]"
        return f"({self.content}: {self.width}){what}"


@dataclass(frozen=True)
class Picks:
    """Which token is selected, in the names of a pattern: all or none of a class, at a position, a cell's writers."""

    always: bool | None = None
    position: Number | None = None
    cell: Number | None = None
    first: int | None = None


@dataclass(frozen=True)
class HeadPattern:
    """One class of token that asks (its numbers are called n0, n1, ..) and one that answers (m0, m1, ..; m0: where).

    base: what constant coordinates contribute to the score.  writer: the cell and the symbol that the token which
    answers writes, None if it writes nothing on the tape.  cell, last, symbol: x_k, w_k, g_k of the token that asks, so
    far as they occur; written: that written_k = 1.  at: a number that says where the token which
    answers stands.  alike: numbers of both that are the same.  here: two numbers of the token that asks, and whether
    they are the same.
    """

    position_bits: int
    symbol_bits: int
    base: int
    products: tuple[tuple[Part, Part], ...]
    values: tuple[tuple[Part, Part], ...]
    when: tuple[Equals, ...]
    picks: Picks
    score: int
    separation: int
    writer: tuple[Number, Number] | None
    cell: Number | None
    last: Number | None
    symbol: Number | None
    written: bool | None
    at: Number | None
    alike: tuple[tuple[Number, Number], ...]
    here: tuple[Number, Number, bool] | None

    @property
    def text(self) -> str:
        return (
            f"{self.position_bits} {self.symbol_bits} score {self.base} + "
            f"{' + '.join(f'{a}.{b}' for a, b in self.products)} values {' '.join(f'{a}={b}' for a, b in self.values)} "
            f"when {', '.join(map(str, self.when))} selects {self.picks} at {self.score} by {self.separation}; writes "
            f"{self.writer}; {self.cell} {self.last} {self.symbol} {self.written}; "
            f"{self.at} {self.alike} {self.here}"
        )

    def claim(self) -> Claim:
        asks, answers = Symbols("i:"), Symbols("j:")
        products = [
            _product(a, b)
            for asked, answered in self.products
            for a, b in zip(asked.coordinates(asks), answered.coordinates(answers), strict=True)
        ]
        score = weighted_total([(1, constant(self.base)), *((1, product) for product in products)])
        shared = [
            equal(held.value, wanted.value)
            for answered, said in self.values
            for held, wanted in zip(answered.coordinates(answers), said.coordinates(asks), strict=True)
        ]
        selected = self._selected(asks, answers)
        formula = all_of(
            [
                implies(selected, all_of([equal(score, self.score), *shared])),
                any_of([selected, at_most(score, self.score - self.separation)]),
            ]
        )
        when = map(asks.condition, self.when)
        return Claim(formula, (*when, *self._definitions(asks, answers), *asks.ternary, *answers.ternary))

    def _selected(self, asks: Symbols, answers: Symbols) -> Formula:
        r, here = self.position_bits, answers.bits(POSITION, self.position_bits)
        match self.picks:
            case Picks(always=bool(always)):
                return TRUE if always else FALSE
            case Picks(position=number) if number is not None:
                return _same(here, asks.bits(number, r))
            case Picks(cell=number, first=first) if number is not None:
                if self.writer is None:
                    return FALSE
                writes = _same(answers.bits(self.writer[0], r), asks.bits(number, r))
                if first is None or self.last is None:
                    return writes
                return all_of([writes, _same(here[first:], asks.bits(self.last, r)[first:])])
        raise HeadNotCovered(f"nothing is selected: {self.picks}")

    def _definitions(self, asks: Symbols, answers: Symbols) -> Iterator[Formula]:
        """What w_k, g_k and o mean for a token that the one that asks can see."""
        r, here = self.position_bits, answers.bits(POSITION, self.position_bits)
        if self.at is not None:
            yield _same(here, asks.bits(self.at, r))
        for answered, asked in self.alike:
            yield _same(answers.bits(answered, r), asks.bits(asked, r))
        if self.here is not None:
            cell, head, same = self.here
            together = _same(asks.bits(cell, r), asks.bits(head, r))
            yield together if same else negation(together)
        at_last = None if self.last is None else _same(here, asks.bits(self.last, r))
        if self.writer is None:
            if at_last is not None and self.written:
                yield negation(at_last)
        elif self.cell is not None:
            writes = _same(answers.bits(self.writer[0], r), asks.bits(self.cell, r))
            if self.written is False:
                yield negation(writes)
            elif self.written and self.last is not None and at_last is not None:
                yield implies(writes, _at_most(here, asks.bits(self.last, r)))
                yield implies(at_last, writes)
                if self.symbol is not None:
                    symbols = answers.bits(self.writer[1], self.symbol_bits), asks.bits(self.symbol, self.symbol_bits)
                    yield implies(at_last, _same(*symbols))


POSITION = Ghost("m0")
"""Where the token that answers stands, in a pattern."""


def head_patterns(
    head: CompiledHead, meaning: Meaning, layer: int, annotation: Annotation
) -> Iterator[tuple[TokenClass, HeadPattern]]:
    """What is to be proved of a meaning, for each class of token that may answer."""
    for kind in sorted(annotation.sequences.visible(meaning.kind), key=lambda kind: kind.name):
        if _meets(meaning, kind):
            held = annotation.before_attention(kind, layer)
            for case in _cases(meaning, kind, [held[name] for name in _lists(head, annotation).answering]):
                yield kind, head_pattern(head, meaning, kind, layer, annotation, Names("n"), Names("m"), case)


def _meets(meaning: Meaning, kind: TokenClass) -> bool:
    """Whether the segment that ``when`` speaks of may have tokens of a class."""
    begins = next((one.value for one in meaning.when if one.ghost == "summary"), None)
    return not ((begins == 1 and kind in INPUT_PROMPT) or (begins == 0 and kind in OLD_SUMMARY))


def _cases(meaning: Meaning, kind: TokenClass, read: Sequence[Content]) -> Iterator[tuple[Equals, ...]]:
    """The cases of the token that answers: the values of what its keys and values depend on.

    If the token that asks is below or at the cap, none before it is above.
    """
    named = sorted({c.ghost for content in read for c in conditions_in(content) if isinstance(c, Equals)})
    named = [ghost for ghost in named if ghost == "cap" or ghost.startswith("h_")]
    most = next((one.value for one in meaning.when if one.ghost == "cap"), 2)
    if kind not in LATE:
        most = 0
    for values in product(*(range(most + 1) if ghost == "cap" else (0, 1) for ghost in named)):
        yield tuple(Equals(ghost, value) for ghost, value in zip(named, values, strict=True))


def head_pattern(
    head: CompiledHead,
    meaning: Meaning,
    kind: TokenClass,
    layer: int,
    annotation: Annotation,
    asking: Names,
    answering: Names,
    case: tuple[Equals, ...] = (),
) -> HeadPattern:
    """What is to be proved of a meaning, for one class and case of the token that answers; names are given out here.

    Raises HeadNotCovered when a score depends on what the meaning leaves open.
    """
    asks, answers = annotation.before_attention(meaning.kind, layer), annotation.before_attention(kind, layer)
    answering.number(Back(0))  # so that it is called m0
    base = 0
    products: list[tuple[Part, Part]] = []
    for (asked, start), (answered, first), length, steps in _lists(head, annotation).scores:
        a, b = under(asks[asked.name], meaning.when), under(answers[answered.name], case)
        if isinstance(a, If) or isinstance(b, If):
            raise HeadNotCovered(f"layer {layer}, head {head.name}: a score depends on {a} and {b}")
        if a == b == One():
            base += length
        elif Zero() not in (a, b):
            left = Part(asking.renamed(a), asked.width, start, length, not steps[0])
            right = Part(answering.renamed(b), answered.width, first, length, not steps[1])
            products.append((left, right))
    values: list[tuple[Part, Part]] = []
    if not (isinstance(meaning.selected, AtPosition) and isinstance(meaning.selected.number, Back)):
        for (held, first), (out, start), length, steps in _lists(head, annotation).values:
            left = Part(answering.renamed(under(answers[held.name], case)), held.width, first, length, not steps[0])
            right = Part(asking.renamed(meaning.value), out.width, start, length, not steps[1])
            values.append((left, right))  # what look-ups bring is for exactformer.verify.annotation.lookups
    tape = _tape(meaning)
    written = next((one.value == 1 for one in meaning.when if one.ghost == f"written_{tape}"), None)
    cell, writer = _addressed(asks, meaning.kind, tape), _writer(kind, tape)
    return HeadPattern(
        position_bits=annotation.shape.position_bits,
        symbol_bits=annotation.shape.symbol_bits,
        base=base,
        products=tuple(products),
        values=tuple(values),
        when=tuple(Equals(asking.bit(one.ghost), one.value) for one in meaning.when if one.ghost.endswith("]")),
        picks=_picks(meaning, kind, case, cell, asking),
        score=meaning.score,
        separation=separation_of(head),
        writer=None if writer is None else (answering.number(writer[0]), answering.number(writer[1])),
        cell=None if cell is None else asking.number(cell),
        last=asking.number(Ghost(f"w_{tape}")) if written else None,
        symbol=asking.number(Ghost(f"g_{tape}")) if written else None,
        written=written,
        at=_known_place(meaning.kind, kind, asking),
        here=_here(meaning, tape, cell, asking),
        alike=_alike(meaning, kind, case, tape, asking, answering),
    )


def _known_place(asks: TokenClass, answers: TokenClass, asking: Names) -> Number | None:
    """A ghost of the token that asks that says where the one that answers stands."""
    if answers is TokenClass.OUTP and asks in BEHIND_OUTP:
        return asking.number(Ghost("o"))
    if answers in (TokenClass.EINP, TokenClass.ESUMM) and asks in LATE:
        return asking.number(Ghost("e"))
    if answers is TokenClass.NEWSUMM and asks in NEW_SUMMARY[1:]:
        return asking.number(Ghost("u"))
    return None


def _alike(
    meaning: Meaning, kind: TokenClass, case: tuple[Equals, ...], tape: int | None, asking: Names, answering: Names
) -> tuple[tuple[Number, Number], ...]:
    """Numbers of the token that answers, and of the one that asks, that are the same."""
    pairs: list[tuple[Number, Number]] = []
    if kind is TokenClass.NEWSUMM and meaning.kind in NEW_SUMMARY:
        pairs.append((Ghost("q"), Ghost("q")))
        if tape is not None and meaning.kind is not TokenClass.NEWSTATE:
            pairs.append((Ghost(f"y_{tape}"), Ghost(f"y_{tape}")))
    if kind is TokenClass.OLDSTATE and meaning.kind is TokenClass.ESUMM:
        pairs.append((Ghost("q"), Ghost("q")))
    if kind is TokenClass.OLDCELL and meaning.kind is TokenClass.ESUMM:
        pairs += [(Back(1), Ghost(f"x{one.ghost[1:]}")) for one in case if one.ghost[0] == "h" and one.value == 1]
    known = [(a, b) for a, b in pairs if a in answering.known and b in asking.known]
    return tuple((answering.number(a), asking.number(b)) for a, b in known)


def _here(meaning: Meaning, tape: int | None, cell: Number | None, asking: Names) -> tuple[Number, Number, bool] | None:
    """x_k, y_k and whether they are the same, where ``when`` says so."""
    value = next((one.value for one in meaning.when if one.ghost == f"here_{tape}"), None)
    if value is None or cell is None:
        return None
    return asking.number(cell), asking.number(Ghost(f"y_{tape}")), value == 1


def _picks(meaning: Meaning, kind: TokenClass, case: tuple[Equals, ...], cell: Number | None, asking: Names) -> Picks:
    match meaning.selected:
        case TheToken(wanted):
            return Picks(always=kind in wanted)
        case HeadCell(tape):
            return Picks(always=kind is TokenClass.OLDCELL and Equals(f"h_{tape}", 1) in case)
        case AtCap():
            return Picks(always=Equals("cap", 1) in case)
        case AtPosition(number):
            return Picks(position=asking.number(number))
        case Writers(tape, bit):
            if cell is None:
                raise HeadNotCovered(f"{meaning.kind.value} tokens address no cell of tape {tape}")
            return Picks(cell=asking.number(cell), first=bit)
        case EveryToken():
            return Picks(always=True)


class Names:
    """Numbers of one token in order of first use, under a letter."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.known: dict[Number, Ghost] = {}

    def number(self, number: Number) -> Ghost:
        return self.known.setdefault(number, Ghost(f"{self.letter}{len(self.known)}"))

    def bit(self, ghost: str) -> str:
        """``w_2[3]``, under the name of w_2."""
        name, bracket, rest = ghost.partition("[")
        return self.number(Ghost(name)).name + bracket + rest

    def renamed(self, content: Content) -> Content:
        return Renaming(self.number, str, lambda condition: condition, lambda fetched: fetched)(content)


def _tape(meaning: Meaning) -> int | None:
    """The tape that a meaning speaks of."""
    for condition in meaning.when:
        _, underscore, tape = condition.ghost.partition("_")
        if underscore:
            return int(tape.partition("[")[0])
    return meaning.selected.tape if isinstance(meaning.selected, Writers) else None


def _writer(kind: TokenClass, tape: int | None) -> tuple[Number, Number] | None:
    """The cell that a token writes on the tape, and the symbol; None if it writes none."""
    if kind is TokenClass.RUN and tape is not None:
        return Ghost(f"c_{tape}"), Ghost(f"a_{tape}")
    if kind is TokenClass.INPUT and tape == 1:
        return Back(1), Ghost("s")
    if kind is TokenClass.OLDCELL and tape is not None:
        return Back(1), Ghost(f"a_{tape}")
    return None


def _addressed(held: Held, kind: TokenClass, tape: int | None) -> Number | None:
    """The cell that the token addresses: what its ``hpos_k`` is the code of; None if it addresses none."""
    if tape is None or not addresses(kind, tape):
        return None
    numbers = numbers_in(held[f"hpos_{tape}"])
    return next(iter(numbers)) if len(numbers) == 1 else None


Place = tuple[Span, int]
"""A register, and a coordinate of it."""


Stretch = tuple[Place, Place, int, tuple[bool, bool]]
"""Where a stretch of two coordinate lists begins in each, how long it is, and which of them goes on by one."""


@dataclass(frozen=True)
class _Lists:
    """A head's coordinate lists in stretches, and the registers of the token that answers."""

    scores: tuple[Stretch, ...]
    values: tuple[Stretch, ...]
    answering: tuple[str, ...]


@lru_cache(maxsize=1 << 14)
def _lists(head: CompiledHead, annotation: Annotation) -> _Lists:
    scores, values = (
        aligned(left, right, annotation.registers) for left, right in ((head.query, head.key), (head.value, head.out))
    )
    answering = dict.fromkeys([*(right[0].name for _, right, *_ in scores), *(left[0].name for left, *_ in values)])
    return _Lists(scores, values, tuple(answering))


def aligned(left: tuple[int, ...], right: tuple[int, ...], registers: tuple[Span, ...]) -> tuple[Stretch, ...]:
    """Two coordinate lists side by side, cut into stretches in which each goes on by one or stands still.

    >>> registers = Span("a", 0, 3), Span("b", 3, 2)
    >>> [(str(a[0]), a[1], str(b[0]), b[1], n, steps) for a, b, n, steps in aligned((0, 1, 3), (4, 4, 3), registers)]
    [('a', 0, 'b', 1, 2, (True, False)), ('b', 0, 'b', 0, 1, (True, True))]
    """
    owner = [span for span in registers for _ in span.coordinates]
    found: list[Stretch] = []
    at = 0
    while at < len(left):
        a, b = owner[left[at]], owner[right[at]]
        length, steps = 1, (True, True)
        if at + 1 < len(left):
            steps = left[at + 1] != left[at], right[at + 1] != right[at]
        while (
            at + length < len(left)
            and left[at + length] == left[at] + length * steps[0] < a.offset + a.width
            and right[at + length] == right[at] + length * steps[1] < b.offset + b.width
        ):
            length += 1
        if length == 1:
            steps = True, True
        found.append(((a, left[at] - a.offset), (b, right[at] - b.offset), length, steps))
        at += length
    return tuple(found)


def _same(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    return all_of(map(equivalent, left, right))


def _at_most(left: Sequence[Formula], right: Sequence[Formula]) -> Formula:
    """left <= right, for bits, least significant first."""
    holds = TRUE
    for a, b in zip(left, right, strict=True):
        holds = any_of([all_of([negation(a), b]), all_of([equivalent(a, b), holds])])
    return holds


def _product(a: Coordinate, b: Coordinate) -> Term:
    if a.signed and b.signed:
        return select(equivalent(a.plus, b.plus), 1, -1)
    for one, other in ((a, b), (b, a)):
        if one.plus is TRUE:
            return other.value
        if one.plus is FALSE and one.minus is FALSE:
            return constant(0)
    alike = any_of([all_of([a.plus, b.plus]), all_of([a.minus, b.minus])])
    opposed = any_of([all_of([a.plus, b.minus]), all_of([a.minus, b.plus])])
    return total([select(alike, 1, 0), select(opposed, -1, 0)])
