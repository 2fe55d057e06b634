"""The lemma ``gadget.transition``: the neurons made from a machine's table do what its table says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Mlp, SparseRows
from exactformer.constructions.transformer.registers import Layout, Span
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.machine_tables import transition_mlp
from exactformer.constructions.turing.registers import CotRegisters
from exactformer.verify.lemmas.activation import Contents, Domain
from exactformer.verify.lemmas.bits import decode, encode
from exactformer.verify.lemmas.claim import Added, Case, Claim, Symbols
from exactformer.verify.lemmas.lemma import PAPER, Lemma
from exactformer.verify.lemmas.outcome import Budget, Outcome, conclude
from exactformer.verify.solver import Term, all_of, select, weighted_total

MOVE_CODES = {Move.LEFT: (-1, -1), Move.STAY: (+1, -1), Move.RIGHT: (+1, +1)}
"""enc_move."""

SHAPES = ((2, 2, 1), (3, 3, 1), (5, 2, 1), (9, 5, 1), (2, 2, 2), (4, 3, 2), (3, 2, 3))
"""|Q|, |Gamma|, K of the total machines on which the lemma is decided, besides those of the library."""


def total_machine(states: int, symbols: int, tapes: int) -> TuringMachine:
    """An entry for all of Q x Gamma^K, the halting state included; any two entries differ somewhere."""
    names = tuple(f"q{number}" for number in range(states))
    alphabet = ("_", "1", *(f"s{number}" for number in range(2, symbols)))
    writes, moves = list(product(alphabet, repeat=tapes)), list(product(Move, repeat=tapes))
    situations = product(names, product(alphabet, repeat=tapes))
    transitions = {
        situation: Action(names[(3 * n + 1) % states], writes[(5 * n + 2) % len(writes)], moves[n % len(moves)])
        for n, situation in enumerate(situations)
    }
    return TuringMachine("total", tapes, names, names[-1], alphabet, ("1",), transitions)


def claim_about_transitions(machine: TuringMachine) -> Claim:
    """For all ternary state and read registers: the entry that matches is added, and nothing if none does."""
    x = CotRegisters.lay_out(Shape.of(machine, 2), Layout())
    read, written = (x.state, *x.read), (x.newstate, *x.newsym, *x.newmove)
    entries = [
        (_entry_code(machine, situation, read), _action_code(machine, action, written))
        for situation, action in machine.transitions.items()
    ]

    def meaning(stream: Contents) -> Added:
        state, *symbols = (decode([stream[c] for c in span.coordinates]) for span in read)
        if state is None or None in symbols or state >= len(machine.states):
            return {}
        if any(symbol is None or symbol >= len(machine.alphabet) for symbol in symbols):
            return {}
        seen = tuple(machine.alphabet[symbol] for symbol in symbols if symbol is not None)
        action = machine.transitions.get((machine.states[state], seen))
        return {} if action is None else _action_code(machine, action, written)

    def adds(symbols: Symbols) -> dict[int, Term]:
        rows = [
            (
                select(all_of(symbols[c].literal(value) for c, value in code.items()), 1, 0),
                added,
            )
            for code, added in entries
        ]
        return {
            c: weighted_total([(added[c], row) for row, added in rows]) for span in written for c in span.coordinates
        }

    inputs = {c: Domain.TERNARY for span in read for c in span.coordinates}
    return Claim(
        f"transitions of {machine.name} ({len(machine.states)} states, {len(machine.alphabet)} symbols, K = "
        f"{machine.tapes})",
        (*read, *written),
        inputs,
        meaning,
        (Case("all", inputs, adds),),
        tuple(neurons_of(transition_mlp(machine, x))),
    )


def _entry_code(machine: TuringMachine, situation: tuple[str, tuple[str, ...]], read: Iterable[Span]) -> dict[int, int]:
    state, symbols = situation
    indices = (machine.states.index(state), *map(machine.alphabet.index, symbols))
    return _codes(read, (encode(index, span.width) for index, span in zip(indices, read, strict=True)))


def _action_code(machine: TuringMachine, action: Action, written: tuple[Span, ...]) -> dict[int, int]:
    numbers = (machine.states.index(action.state), *map(machine.alphabet.index, action.written))
    codes = [encode(number, span.width) for number, span in zip(numbers, written, strict=False)]
    return _codes(written, (*codes, *(MOVE_CODES[move] for move in action.moves)))


def _codes(spans: Iterable[Span], codes: Iterable[tuple[int, ...]]) -> dict[int, int]:
    return {c: v for span, code in zip(spans, codes, strict=True) for c, v in zip(span.coordinates, code, strict=True)}


def neurons_of(mlp: Mlp) -> Iterator[Neuron]:
    """The rows of compiled weights, one by one."""
    for number, bias in enumerate(mlp.bias):
        yield Neuron(_row(mlp.inputs, number), int(bias), _row(mlp.outputs, number))


def _row(rows: SparseRows, number: int) -> tuple[tuple[int, int], ...]:
    entries = slice(rows.start[number], rows.start[number + 1])
    return tuple((int(c), int(w)) for c, w in zip(rows.coordinate[entries], rows.weight[entries], strict=True))


def claims() -> Iterator[Claim]:
    for shape in SHAPES:
        yield claim_about_transitions(total_machine(*shape))
    for name in HANDWRITTEN:
        yield claim_about_transitions(load_machine(name))


def small_claims(_: int) -> Iterator[Claim]:
    """A claim small enough to change each of its weights."""
    yield claim_about_transitions(total_machine(2, 2, 1))


def _decide(_: int, budget: Budget) -> Outcome:
    return conclude(finding for claim in claims() for finding in claim.decide(budget))


LEMMAS = (
    Lemma(
        "gadget.transition",
        f"transition neurons, the handwritten machines of the library and {len(SHAPES)} total ones: for all ternary "
        "state and read_1..read_K, the entry of delta for enc_Q(q), enc_G(s_1).. adds enc_Q(q'), enc_G(w_k), "
        "enc_move(m_k), and nothing is added where there is no entry",
        f"{PAPER}: transition",
        "z3, neurons",
        _decide,
        applies=None,
    ),
)
