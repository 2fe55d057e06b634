"""Runs on which an arithmetic goes wrong: machines and words are tried until a generated token is the wrong one.

The rounding inequalities (`verify.audit`) say up to how many writes of one cell an arithmetic is right: runs that
write no cell more often are left out.  Of the others the busiest is tried first (`verify.busiest`), as it has smaller
numbers of writes in it, too; then runs of each machine with growing numbers of writes, the shortest first; then, of
the machine that writes most, runs with every number of writes.  Where one goes wrong, shorter ones of that machine
are tried.  Each is computed exactly.  Not finding a wrong token says something of the runs tried, and of no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.contexts import require_an_input
from exactformer.constructions.turing.fitting import longest_sequence
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.models import ArithmeticModel, Fused, split_beta
from exactformer.verify.audit import Row, audit_row
from exactformer.verify.busiest import busiest_run
from exactformer.verify.counting import Subject, network_size
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting, UnsupportedArithmetic, is_supported
from exactformer.verify.rounded.compare import Comparison, compare
from exactformer.verify.rounded.exponential import Undecided
from exactformer.verify.rounded.order import Order
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import most_writes, writes_per_cell

SEARCH_STEPS = 100_000
"""Machine steps for each search for a busier run."""
MOST_LEFT_OUT = 4
"""After this many runs that are too long for the effort allowed the search ends: longer ones follow."""


@dataclass(frozen=True)
class Standing:
    """What the inequalities say about a machine in an arithmetic, for a context.

    `certify --all-inputs` proves that heads separate as needed.
    """

    machine: TuringMachine
    row: Row

    @property
    def beta(self) -> int:
        return self.row.beta

    @property
    def writes(self) -> int:
        """Up to how many writes of one cell they hold (0: not even for one)."""
        return self.row.writes

    @property
    def proved(self) -> bool:
        return self.row.verdict is Verdict.PROVED


@dataclass(frozen=True)
class Candidate:
    """A run that may go wrong; ``writes``: the most writes of one cell, ``tokens``: those of its chain of thought."""

    run: Run
    writes: int
    tokens: int


@dataclass(frozen=True)
class Attempt:
    """A run that was computed, in one order of sums; ``failure`` says why it ended early, without a comparison."""

    candidate: Candidate
    beta: int
    order: Order
    comparison: Comparison | None
    failure: str | None = None

    @property
    def goes_wrong(self) -> bool:
        return self.comparison is not None and self.comparison.wrong is not None

    @property
    def differs(self) -> bool:
        """Whether some activation differs from the hardmax one."""
        return self.comparison is not None and self.comparison.first is not None


@dataclass(frozen=True)
class Search:
    """What was tried, in order.  ``left_out``: how many runs were found and not computed, because they are beyond the
    effort allowed."""

    standings: tuple[Standing, ...]
    attempts: tuple[Attempt, ...]
    left_out: int

    @property
    def verdict(self) -> Verdict:
        """The verdict on the claim that all tokens of these machines are right."""
        if self.found is not None:
            return Verdict.REFUTED
        proved = all(standing.proved for standing in self.standings)
        return Verdict.PROVED if proved else Verdict.INCONCLUSIVE

    @property
    def found(self) -> Attempt | None:
        """The shortest attempt that goes wrong."""
        return shortest_wrong(self.attempts)


def standing_of(machine: TuringMachine, model: ArithmeticModel, context: int, beta: int | None = None) -> Standing:
    """The result at ``beta``, or at the one that the audit chooses.  Raises ContextError, ModelError and BetaError."""
    size = network_size(Paradigm.COT, Subject.of_machine(machine), position_bits_for(context))
    row = audit_row(model, context, size, most_writes(machine, Paradigm.COT, context), beta)
    return Standing(machine, row)


@lru_cache(maxsize=1 << 8)
def candidates(machine: TuringMachine, context: int) -> tuple[Candidate, ...]:
    """Runs that fit the context, with more and more writes of one cell: each number at least half as large again."""
    return tuple(_busier(machine, context, 1, 2))


def _busier(machine: TuringMachine, context: int, writes: int, share: int | None) -> Iterator[Candidate]:
    """Runs with at least this many writes, then with more: by one and, if ``share`` is given, by the share-th part."""
    while (one := _busiest(machine, writes, context)) is not None:
        yield one
        writes = one.writes + 1 + (one.writes // share if share else 0)


@lru_cache(maxsize=1 << 12)
def _busiest(machine: TuringMachine, writes: int, context: int) -> Candidate | None:
    bits = position_bits_for(context)
    run = busiest_run(machine, writes, context, bits, SEARCH_STEPS)
    return None if run is None else candidate(run, bits)


def candidate(run: Run, position_bits: int) -> Candidate:
    """What has to be known about a run."""
    writes = max(writes_per_cell(run).values(), default=0)
    return Candidate(run, writes, longest_sequence(Paradigm.COT, run, position_bits))


def orders_of(model: ArithmeticModel) -> tuple[Order, ...]:
    """The orders that make a difference."""
    return tuple(Order) if isinstance(model, Fused) else (Order.LEFT_TO_RIGHT,)


def search(
    machines: Sequence[TuringMachine],
    model: ArithmeticModel,
    context: int,
    *,
    beta: int | None = None,
    orders: Sequence[Order] | None = None,
    most_tokens: int = 50_000,
    also: Sequence[Run] = (),
    only_given: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Search:
    """Try runs until one goes wrong or ``most_tokens`` have been read.

    ``also``: runs of these machines that are tried first, and alone if ``only_given``.  Raises UnsupportedArithmetic,
    ContextError, ModelError and BetaError if nothing can be computed, and NotTernaryError if the hardmax network is not
    right.
    """
    if not is_supported(model):
        raise UnsupportedArithmetic(model)
    bits = position_bits_for(context)
    require_an_input(context, bits)
    standings = tuple(standing_of(machine, model, context, beta) for machine in machines)
    open_ones = {standing.machine: standing for standing in standings if not standing.proved}
    tried = _Tried(model, bits, open_ones, most_tokens, progress)
    given = [candidate(run, bits) for run in also if run.machine in open_ones]
    runs: Iterable[Candidate] = given if only_given else _in_order(open_ones, context, given, most_tokens)
    for one, order in ((one, order) for one in runs for order in orders or orders_of(model)):
        if tried.is_over:
            break
        tried.look_at(one, order)
    found = tried.found
    if found is not None and not only_given:
        machine = found.candidate.run.machine
        for one in sorted(candidates(machine, context), key=lambda one: one.tokens):
            if one.writes > open_ones[machine].writes and one.tokens < found.candidate.tokens and tried.found is found:
                tried.look_at(one, found.order)
    return Search(standings, tuple(tried.attempts), tried.left_out)


@dataclass
class _Tried:
    """What was computed so far."""

    model: ArithmeticModel
    bits: int
    open_ones: dict[TuringMachine, Standing]
    most_tokens: int
    progress: Callable[[int, int], None]
    attempts: list[Attempt] = field(default_factory=list)
    seen: set[tuple[TuringMachine, str, Order]] = field(default_factory=set)
    tokens: int = 0
    left_out: int = 0

    @property
    def found(self) -> Attempt | None:
        return shortest_wrong(self.attempts)

    @property
    def is_over(self) -> bool:
        return self.found is not None or self.left_out >= MOST_LEFT_OUT

    def look_at(self, one: Candidate, order: Order) -> None:
        key = one.run.machine, one.run.word, order
        if key in self.seen:
            return
        self.seen.add(key)
        self.progress(self.tokens, self.most_tokens)
        if self.tokens + one.tokens > self.most_tokens:
            self.left_out += 1
            return
        self.tokens += one.tokens
        self.attempts.append(attempt(one, self.model, self.open_ones[one.run.machine].beta, order, self.bits))


def shortest_wrong(attempts: Iterable[Attempt]) -> Attempt | None:
    """The attempt with the shortest chain of thought among those that go wrong."""
    wrong = (one for one in attempts if one.goes_wrong)
    return min(wrong, key=lambda one: one.candidate.tokens, default=None)


def _in_order(
    open_ones: dict[TuringMachine, Standing], context: int, given: list[Candidate], most_tokens: int
) -> Iterator[Candidate]:
    """``given``, the busiest run of all, then runs of growing length of all machines, then many of one machine."""
    yield from given
    coarse = [
        one
        for machine, standing in open_ones.items()
        for one in candidates(machine, context)
        if one.writes > standing.writes
    ]
    coarse.sort(key=lambda one: one.tokens)
    within = [one for one in coarse if one.tokens <= most_tokens]
    if not within:
        yield from coarse
        return
    busiest = max(within, key=lambda one: one.writes)
    yield busiest
    yield from coarse
    machine = busiest.run.machine
    yield from _busier(machine, context, open_ones[machine].writes + 1, None)


def attempt(one: Candidate, model: ArithmeticModel, beta: int, order: Order, position_bits: int) -> Attempt:
    """Compute one run."""
    if not is_supported(model):
        raise UnsupportedArithmetic(model)
    setting = Setting(model, split_beta(beta.bit_length() - 1), order)
    machine = one.run.machine
    try:
        compared = compare(_prepared(machine, position_bits), cot_tokens(machine, one.run, position_bits), setting)
    except (FormatOverflow, Undecided) as failure:
        return Attempt(one, beta, order, None, str(failure))
    return Attempt(one, beta, order, compared)


@lru_cache(maxsize=16)
def _prepared(machine: TuringMachine, position_bits: int) -> PreparedNetwork:
    return PreparedNetwork(construct(Paradigm.COT, machine, position_bits))
