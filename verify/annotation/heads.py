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

from constructions.transformer.network import CompiledHead
from constructions.transformer.program import HeadKind
from constructions.transformer.registers import Span
from verify.annotation.annotation import Annotation, Held
from verify.annotation.content import Back, Content, Equals, Ghost, If, Number, One, Zero
from verify.annotation.cot import BEHIND_OUTP, addresses
from verify.annotation.ghosts import TokenClass
from verify.annotation.layout import visible
from verify.annotation.meanings import AtPosition, EveryToken, HeadNotCovered, Meaning, TheToken, Writers, under
from verify.annotation.patterns import Claim, Renaming
from verify.annotation.symbolic import FALSE, TRUE, Coordinate, Symbols, numbers_in
from verify.solver import (
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
    far as they occur; written: that written_k = 1.  at_outp: o, where the token which answers is OUTP.
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
    at_outp: Number | None

    @property
    def text(self) -> str:
        return (
            f"{self.position_bits} {self.symbol_bits} score {self.base} + "
            f"{' + '.join(f'{a}.{b}' for a, b in self.products)} values {' '.join(f'{a}={b}' for a, b in self.values)} "
            f"when {', '.join(map(str, self.when))} selects {self.picks} at {self.score} by {self.separation}; writes "
            f"{self.writer}; {self.cell} {self.last} {self.symbol} {self.written} {self.at_outp}"
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
        if self.at_outp is not None:
            yield _same(here, asks.bits(self.at_outp, r))
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
    for kind in sorted(visible(meaning.kind, annotation.shape.position_bits), key=lambda kind: kind.name):
        yield kind, head_pattern(head, meaning, kind, layer, annotation, Names("n"), Names("m"))


def head_pattern(
    head: CompiledHead,
    meaning: Meaning,
    kind: TokenClass,
    layer: int,
    annotation: Annotation,
    asking: Names,
    answering: Names,
) -> HeadPattern:
    """What is to be proved of a meaning, for one class of token that may answer; names are given out on the way.

    Raises HeadNotCovered when a score depends on what the meaning leaves open.
    """
    asks, answers = annotation.before_attention(meaning.kind, layer), annotation.before_attention(kind, layer)
    answering.number(Back(0))  # so that it is called m0
    base = 0
    products: list[tuple[Part, Part]] = []
    for (asked, start), (answered, first), length, steps in aligned(head.query, head.key, annotation.registers):
        a, b = under(asks[asked.name], meaning.when), answers[answered.name]
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
        for (held, first), (out, start), length, steps in aligned(head.value, head.out, annotation.registers):
            left = Part(answering.renamed(answers[held.name]), held.width, first, length, not steps[0])
            right = Part(asking.renamed(meaning.value), out.width, start, length, not steps[1])
            values.append((left, right))  # what look-ups bring is for verify.annotation.lookups
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
        picks=_picks(meaning, kind, cell, asking),
        score=meaning.score,
        separation=separation_of(head),
        writer=None if writer is None else (answering.number(writer[0]), answering.number(writer[1])),
        cell=None if cell is None else asking.number(cell),
        last=asking.number(Ghost(f"w_{tape}")) if written else None,
        symbol=asking.number(Ghost(f"g_{tape}")) if written else None,
        written=written,
        at_outp=asking.number(Ghost("o")) if kind is TokenClass.OUTP and meaning.kind in BEHIND_OUTP else None,
    )


def _picks(meaning: Meaning, kind: TokenClass, cell: Number | None, asking: Names) -> Picks:
    match meaning.selected:
        case TheToken(wanted):
            return Picks(always=kind is wanted)
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
        return int(condition.ghost.partition("_")[2].partition("[")[0])
    return meaning.selected.tape if isinstance(meaning.selected, Writers) else None


def _writer(kind: TokenClass, tape: int | None) -> tuple[Number, Number] | None:
    """The cell that a token writes on the tape, and the symbol; None if it writes none."""
    if kind is TokenClass.RUN and tape is not None:
        return Ghost(f"c_{tape}"), Ghost(f"a_{tape}")
    if kind is TokenClass.INPUT and tape == 1:
        return Back(1), Ghost("s")
    return None


def _addressed(held: Held, kind: TokenClass, tape: int | None) -> Number | None:
    """The cell that the token addresses: what its ``hpos_k`` is the code of; None if it addresses none."""
    if tape is None or not addresses(kind, tape):
        return None
    numbers = numbers_in(held[f"hpos_{tape}"])
    return next(iter(numbers)) if len(numbers) == 1 else None


Place = tuple[Span, int]
"""A register, and a coordinate of it."""


@lru_cache(maxsize=1 << 14)
def aligned(
    left: tuple[int, ...], right: tuple[int, ...], registers: tuple[Span, ...]
) -> tuple[tuple[Place, Place, int, tuple[bool, bool]], ...]:
    """Two coordinate lists side by side, cut into stretches in which each goes on by one or stands still.

    >>> registers = Span("a", 0, 3), Span("b", 3, 2)
    >>> [(str(a[0]), a[1], str(b[0]), b[1], n, steps) for a, b, n, steps in aligned((0, 1, 3), (4, 4, 3), registers)]
    [('a', 0, 'b', 1, 2, (True, False)), ('b', 0, 'b', 0, 1, (True, True))]
    """
    owner = [span for span in registers for _ in span.coordinates]
    found: list[tuple[Place, Place, int, tuple[bool, bool]]] = []
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
