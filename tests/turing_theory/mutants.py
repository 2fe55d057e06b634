"""Networks that are not the compiled one, each by one change, and what becomes of them: are they proved?

    python -m tests.turing_theory.mutants --machine increment --position-bits 6 --count 400

What is proved of a network is that activations are ternary, what heads select, and that the right token comes next. So
a mutant that is proved has to generate the tokens of the original, on all inputs that fit; its activations may be
others, and then have to be what the kernel says they are (`differential`). All
changes of a kind are listed, put in an order that the seed decides, and taken from each kind in turn; a change that
makes no other network, or one that another change made before, is passed over.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import cache, partial
from itertools import islice, product, zip_longest
from random import Random
from typing import Any, TypeVar, cast

import click
import numpy as np

from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import Action, MachineError, TuringMachine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.gadgets import (
    Condition,
    Copy,
    Decrement,
    DecrementInPlace,
    Gadget,
    Map,
    MoveHead,
    Neuron,
    Row,
    When,
)
from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network, compile_layers
from exactformer.constructions.transformer.program import Head, PlacedGadget, PlacedHead, Program, Selection
from exactformer.constructions.transformer.registers import Repeated, Span
from exactformer.constructions.transformer.vocabulary import Family, Vector, Vocabulary
from exactformer.constructions.turing.construct import construct, skeleton
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.machine_tables import MOVES, transition_mlp
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import CotRegisters, Phases
from exactformer.constructions.turing.theory import cot_theory, scot_theory
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.hardmax.batch import embed, in_batches
from exactformer.verify.hardmax.forward import NotTernaryError, Sublayer, final_activations, stages
from exactformer.verify.hardmax.mlp import PreparedMlp, mlp_delta
from exactformer.verify.hardmax.observe import TokenMismatch, least_margins
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.turing_theory.differential import compare, true_sequences

MOST_WORDS = 10_000
"""Inputs tried for a family, shortest first."""
THEORY = {Paradigm.COT: cot_theory, Paradigm.SCOT: scot_theory}
FEW = 24
"""At most so many sequences are those on which a mutant that is not proved is compared with the original."""


SEED = 2026
NO_ANSWER = "no answer: "


class Kind(Enum):
    """What is changed."""

    GADGET_DROPPED = "gadget dropped"
    GADGET_ALTERED = "gadget altered"
    CONDITION = "condition dropped, negated, changed or added"
    GADGET_MOVED = "gadget one layer earlier or later"
    HEAD_DROPPED = "head dropped"
    HEAD_ALTERED = "head reads or writes another register"
    HEAD_MOVED = "head one layer earlier or later"
    HEAD_COORDINATE = "one coordinate of a head"
    LAYER = "layer dropped, repeated or swapped"
    WEIGHT = "one weight or bias"
    NEURON = "neuron dropped"
    EMBEDDING = "one entry of an embedding"
    UNEMBEDDING = "one entry of an unembedding"
    TRANSITION = "one entry of the transition function"


@dataclass(frozen=True, eq=False)
class Original:
    """A compiled network, and the program and registers it is from."""

    machine: TuringMachine
    network: Network
    program: Program
    registers: CotRegisters
    paradigm: Paradigm = Paradigm.COT

    @classmethod
    def of(cls, machine: TuringMachine, position_bits: int, paradigm: Paradigm = Paradigm.COT) -> Original:
        shared = skeleton(paradigm, Shape.of(machine, position_bits))
        network = construct(paradigm, machine, position_bits)
        return cls(machine, network, shared.program, shared.registers, paradigm)

    @property
    def transition_layer(self) -> int:
        return Phases.of(self.network.position_bits).L3 + 1

    def like(self, span: Span) -> list[Span]:
        """The other whole registers of the same width."""
        return [one for one in self.program.registers if one.width == span.width and one.name != span.name]

    def compiled(self, program: Program) -> Network:
        """The network of a changed program; layers in which nothing changes are those of the original."""
        layers = list(self.network.layers)
        for number, layer in enumerate(compile_layers(program), start=1):
            if placed(program, number) != placed(self.program, number):
                own = number == self.transition_layer
                mlp = Mlp.joined(layer.mlp, transition_mlp(self.machine, self.registers)) if own else layer.mlp
                layers[number - 1] = Layer(layer.heads, mlp)
        return replace(self.network, layers=tuple(layers))

    def with_layer(self, number: int, layer: Layer) -> Network:
        """``number`` counts from 0."""
        layers = self.network.layers
        return replace(self.network, layers=(*layers[:number], layer, *layers[number + 1 :]))


def placed(program: Program, layer: int) -> tuple[list[PlacedHead], list[PlacedGadget]]:
    """What a program does in a layer."""
    return [one for one in program.heads if one.layer == layer], [one for one in program.gadgets if one.layer == layer]


@dataclass(frozen=True, eq=False)
class Change:
    """One change, not made yet."""

    kind: Kind
    title: str
    make: Callable[[], Network]


@dataclass(frozen=True, eq=False)
class Mutant:
    """A network with one change."""

    kind: Kind
    title: str
    network: Network


def mutants(original: Original, kinds: Sequence[Kind] = tuple(Kind), seed: int = SEED) -> Iterator[Mutant]:
    """Mutants until all changes are made: one of each kind in turn, no network twice."""
    queues: list[Iterator[Change]] = []
    for kind in kinds:
        changes = [Change(kind, title, make) for title, make in CHANGES[kind](original)]
        Random(f"{seed}/{kind.value}").shuffle(changes)
        queues.append(iter(changes))
    seen = {identity(original.network)}
    while queues:
        for queue in list(queues):
            for change in queue:
                network = change.make()
                if (name := identity(network)) not in seen:
                    seen.add(name)
                    yield Mutant(change.kind, change.title, network)
                    break
            else:
                queues.remove(queue)


def identity(network: Network) -> str:
    """The same for networks that are equal up to the order of neurons, of their inputs and of vectors' entries."""
    families = [
        (family.name, sorted(family.embedding), sorted(family.unembedding), *map(_field_identity, family.fields))
        for family in network.vocabulary.families
    ]
    return hashlib.sha256(repr([*map(_layer_identity, network.layers), families]).encode()).hexdigest()


def _field_identity(field: object) -> str:
    embedding, unembedding = (getattr(field, side) for side in ("embedding", "unembedding"))
    return repr([sorted(vector) for vector in (*embedding, *unembedding)])


@cache
def _layer_identity(layer: Layer) -> str:
    units = sorted((sorted(unit.inputs), unit.bias, sorted(unit.outputs)) for unit in layer.mlp.neurons())
    return hashlib.sha256(repr((layer.heads, units)).encode()).hexdigest()


Titled = Iterator[tuple[str, Callable[[], Network]]]
Part = TypeVar("Part")


def but(part: Part, **changes: Any) -> Part:
    """A part, with some fields changed."""
    other: Part = replace(cast(Any, part), **changes)
    return other


def said(gadget: Gadget) -> str:
    """A gadget as a person reads it.

    >>> said(Decrement(Span("pos", 0, 4), Span("prev", 4, 4), 0, (Condition(Span("is_run", 8, 1), False),)))
    'Decrement: source pos, target prev, exponent 0, when not is_run'
    """
    told = ((field.name, getattr(gadget, field.name)) for field in fields(gadget))
    listed = [f"{name} {_said(value)}" for name, value in told if value != ()]
    return f"{type(gadget).__name__}: {', '.join(listed)}"


def _said(value: object) -> str:
    return " ".join(map(_said, value)) if isinstance(value, tuple) else str(value)


def gadgets_dropped(original: Original) -> Titled:
    for place, one in enumerate(original.program.gadgets):
        yield f"layer {one.layer}: no {said(one.gadget)}", partial(_with_gadget, original, place, None)


def gadgets_altered(original: Original) -> Titled:
    for place, one in enumerate(original.program.gadgets):
        for altered in alterations(original, one.gadget):
            title = f"layer {one.layer}: {said(one.gadget)} becomes {said(altered)}"
            yield title, partial(_with_gadget, original, place, PlacedGadget(one.layer, altered))


def alterations(original: Original, gadget: Gadget) -> Iterator[Gadget]:
    """Gadgets that differ in one thing, other than a condition."""
    match gadget:
        case Copy(source, target):
            yield replace(gadget, source=target, target=source)
        case Decrement(_, _, exponent) | DecrementInPlace(_, exponent):
            for other in (exponent - 1, exponent + 1):
                if 0 <= other < gadget.target.width:
                    yield replace(gadget, exponent=other)
        case MoveHead(position, _, target):
            yield replace(gadget, position=target, target=position)
        case Map():
            for row in gadget.rows:
                yield replace(gadget, rows=tuple(one for one in gadget.rows if one != row))
                for other_row in _other_rows(row):
                    yield replace(gadget, rows=tuple(other_row if one == row else one for one in gadget.rows))
    for name in ("source", "target", "position", "move"):
        if isinstance(span := getattr(gadget, name, None), Span):
            for other_span in original.like(span):
                yield but(gadget, **{name: other_span})


def _other_rows(row: Row) -> Iterator[Row]:
    read, added = row
    for place, value in enumerate(read):
        for other in {-1, 0, 1} - {value}:
            yield (*read[:place], other, *read[place + 1 :]), added
    for place, value in enumerate(added):
        for other in {-1, 0, 1} - {value}:
            yield read, (*added[:place], other, *added[place + 1 :])


def conditions_changed(original: Original) -> Titled:
    flags = [span for span in original.program.registers if span.width == 1]
    for place, one in enumerate(original.program.gadgets):
        conditions: When | None = getattr(one.gadget, "when", None)
        if conditions is None:
            continue
        for n, condition in enumerate(conditions):
            others: list[When] = [(), (replace(condition, wanted=not condition.wanted),)]
            others += [(replace(condition, flag=flag),) for flag in flags]
            for other in others:
                yield _with_condition(original, place, (*conditions[:n], *other, *conditions[n + 1 :]))
        for flag, wanted in product(flags, (True, False)):
            yield _with_condition(original, place, (*conditions, Condition(flag, wanted)))


def _with_condition(original: Original, place: int, conditions: When) -> tuple[str, Callable[[], Network]]:
    one = original.program.gadgets[place]
    altered = but(one.gadget, when=conditions)
    title = f"layer {one.layer}: {said(one.gadget)} becomes {said(altered)}"
    return title, partial(_with_gadget, original, place, PlacedGadget(one.layer, altered))


def gadgets_moved(original: Original) -> Titled:
    for place, one in enumerate(original.program.gadgets):
        for layer in (one.layer - 1, one.layer + 1):
            if 1 <= layer <= original.program.depth:
                title = f"{said(one.gadget)} in layer {layer}, not {one.layer}"
                yield title, partial(_with_gadget, original, place, PlacedGadget(layer, one.gadget))


def _with_gadget(original: Original, place: int, other: PlacedGadget | None) -> Network:
    gadgets = original.program.gadgets
    new = () if other is None else (other,)
    return original.compiled(replace(original.program, gadgets=(*gadgets[:place], *new, *gadgets[place + 1 :])))


def heads_dropped(original: Original) -> Titled:
    for place, one in enumerate(original.program.heads):
        yield f"layer {one.layer}: no head {one.head.name}", partial(_with_head, original, place, None)


def heads_altered(original: Original) -> Titled:
    for place, one in enumerate(original.program.heads):
        for altered in head_alterations(original, one.head):
            title = f"layer {one.layer}: {one.head.name}: {one.head} becomes {altered}"
            yield title, partial(_with_head, original, place, PlacedHead(one.layer, altered))


def head_alterations(original: Original, head: Head) -> Iterator[Head]:
    """Heads that differ in one register, or in one part of both query and key."""
    for other in original.like(head.value):
        yield replace(head, value=other)
    for other in original.like(head.out):
        yield replace(head, out=other)
    for n, (asked, answered) in enumerate(zip(head.query, head.key, strict=True)):
        if len(head.query) > 1:
            yield replace(head, query=_put(head.query, n, None), key=_put(head.key, n, None))
        if isinstance(asked, Repeated) or isinstance(answered, Repeated):
            for more in (-1, 1):
                parts = (_repeated(asked, more), _repeated(answered, more))
                yield replace(head, query=_put(head.query, n, parts[0]), key=_put(head.key, n, parts[1]))
        for side, part in (("query", asked), ("key", answered)):
            span = part.span if isinstance(part, Repeated) else part
            for other in original.like(span):
                new = Repeated(other, part.count) if isinstance(part, Repeated) else other
                yield but(head, **{side: _put(getattr(head, side), n, new)})


def _put(selection: Selection, place: int, part: Span | Repeated | None) -> Selection:
    return (*selection[:place], *(() if part is None else (part,)), *selection[place + 1 :])


def _repeated(part: Span | Repeated, more: int) -> Repeated:
    span, count = (part.span, part.count) if isinstance(part, Repeated) else (part, 1)
    return Repeated(span, count + more)


def heads_moved(original: Original) -> Titled:
    for place, one in enumerate(original.program.heads):
        for layer in (one.layer - 1, one.layer + 1):
            if 1 <= layer <= original.program.depth:
                title = f"head {one.head.name} in layer {layer}, not {one.layer}"
                yield title, partial(_with_head, original, place, PlacedHead(layer, one.head))


def _with_head(original: Original, place: int, other: PlacedHead | None) -> Network:
    heads = original.program.heads
    new = () if other is None else (other,)
    return original.compiled(replace(original.program, heads=(*heads[:place], *new, *heads[place + 1 :])))


def head_coordinates(original: Original) -> Titled:
    rng = Random(0)
    for number, layer in enumerate(original.network.layers):
        for place, head in enumerate(layer.heads):
            for side in ("query", "key", "value", "out"):
                listed: tuple[int, ...] = getattr(head, side)
                for n, coordinate in enumerate(listed):
                    for other in (coordinate - 1, coordinate + 1, rng.randrange(original.network.width)):
                        if 0 <= other < original.network.width:
                            altered = but(head, **{side: (*listed[:n], other, *listed[n + 1 :])})
                            names = map(original.network.coordinate_name, (coordinate, other))
                            title = f"layer {number + 1}: {head.name}: {side} {' becomes '.join(names)}"
                            yield title, partial(_with_compiled_head, original, number, place, altered)
            for n in range(len(head.query) if len(head.query) > 1 else 0):
                pair = {side: getattr(head, side)[:n] + getattr(head, side)[n + 1 :] for side in ("query", "key")}
                title = f"layer {number + 1}: {head.name}: one product less, of {head.query[n]} and {head.key[n]}"
                yield title, partial(_with_compiled_head, original, number, place, but(head, **pair))


def _with_compiled_head(original: Original, number: int, place: int, head: CompiledHead) -> Network:
    layer = original.network.layers[number]
    return original.with_layer(number, Layer((*layer.heads[:place], head, *layer.heads[place + 1 :]), layer.mlp))


def layers_changed(original: Original) -> Titled:
    layers = original.network.layers
    for n in range(len(layers)):
        others = {f"layer {n + 1} dropped": (*layers[:n], *layers[n + 1 :])}
        others[f"layer {n + 1} twice"] = (*layers[: n + 1], *layers[n:])
        if n + 1 < len(layers):
            others[f"layer {n + 1} instead of {n + 2}"] = (*layers[: n + 1], layers[n], *layers[n + 2 :])
            others[f"layer {n + 2} instead of {n + 1}"] = (*layers[:n], layers[n + 1], *layers[n + 1 :])
            others[f"layers {n + 1} and {n + 2} swapped"] = (*layers[:n], layers[n + 1], layers[n], *layers[n + 2 :])
        for title, changed in others.items():
            yield title, partial(replace, original.network, layers=changed)


def weights(original: Original) -> Titled:
    for number, layer in enumerate(original.network.layers):
        for place, unit in enumerate(layer.mlp.neurons()):
            where = f"layer {number + 1}, neuron {place}"
            for more in (-1, 1):
                altered = replace(unit, bias=unit.bias + more)
                yield (
                    f"{where}: bias {altered.bias}, not {unit.bias}",
                    partial(_with_neuron, original, number, place, altered),
                )
            for side in ("inputs", "outputs"):
                vector: Vector = getattr(unit, side)
                for title, other in other_vectors(original.network, vector):
                    altered = but(unit, **{side: other})
                    yield f"{where}: {side}: {title}", partial(_with_neuron, original, number, place, altered)


def neurons_dropped(original: Original) -> Titled:
    for number, layer in enumerate(original.network.layers):
        for place in range(layer.mlp.size):
            yield f"layer {number + 1}: no neuron {place}", partial(_with_neuron, original, number, place, None)


def _with_neuron(original: Original, number: int, place: int, other: Neuron | None) -> Network:
    layer = original.network.layers[number]
    units = layer.mlp.neurons()
    new = () if other is None else (other,)
    return original.with_layer(number, Layer(layer.heads, Mlp.of((*units[:place], *new, *units[place + 1 :]))))


def other_vectors(network: Network, vector: Vector) -> Iterator[tuple[str, Vector]]:
    """Vectors with one entry left out, negated, doubled, or at a coordinate beside it."""
    taken = {coordinate for coordinate, _ in vector}
    for n, (coordinate, value) in enumerate(vector):
        name = network.coordinate_name(coordinate)
        rest = (*vector[:n], *vector[n + 1 :])
        yield f"no {name}", rest
        yield f"{-value} at {name}", (*rest, (coordinate, -value))
        yield f"{2 * value} at {name}", (*rest, (coordinate, 2 * value))
        for other in {coordinate - 1, coordinate + 1} & set(range(network.width)) - taken:
            yield f"{name} becomes {network.coordinate_name(other)}", (*rest, (other, value))


def embeddings(original: Original) -> Titled:
    return _vocabularies(original, "embedding")


def unembeddings(original: Original) -> Titled:
    return _vocabularies(original, "unembedding")


def _vocabularies(original: Original, side: str) -> Titled:
    network = original.network
    for place, family in enumerate(network.vocabulary.families):
        for title, vector in _changed_entries(network, getattr(family, side)):
            yield f"{family.name}: {title}", partial(_with_family, network, place, but(family, **{side: vector}))
        for n, field in enumerate(family.fields):
            vectors: tuple[Vector, ...] = getattr(field, side)
            for value, old in enumerate(vectors):
                for title, vector in _changed_entries(network, old):
                    new = but(field, **{side: (*vectors[:value], vector, *vectors[value + 1 :])})
                    altered = replace(family, fields=(*family.fields[:n], new, *family.fields[n + 1 :]))
                    where = f"{family.name}, {field.name} {field.values[value]}"
                    yield f"{where}: {title}", partial(_with_family, network, place, altered)


def _changed_entries(network: Network, vector: Vector) -> Iterator[tuple[str, Vector]]:
    yield from other_vectors(network, vector)
    taken = {coordinate for coordinate, _ in vector}
    for coordinate in set(range(network.width)) - taken:
        for value in (-1, 1):
            yield f"{value} at {network.coordinate_name(coordinate)} too", (*vector, (coordinate, value))


def _with_family(network: Network, place: int, family: Family) -> Network:
    families = network.vocabulary.families
    return replace(network, vocabulary=Vocabulary((*families[:place], family, *families[place + 1 :])))


def transitions(original: Original) -> Titled:
    machine = original.machine
    for state, symbols in product(machine.states, product(machine.alphabet, repeat=machine.tapes)):
        situation = state, symbols
        where = f"{state} {' '.join(symbols)}"
        if (action := machine.transitions.get(situation)) is None:
            stay = Action(machine.halting, symbols, (MOVES[1],) * machine.tapes)
            yield f"a row for {where}", partial(_with_row, original, situation, stay)
            continue
        yield f"no row for {where}", partial(_with_row, original, situation, None)
        for title, other in _other_actions(machine, action):
            yield f"{where}: {title}", partial(_with_row, original, situation, other)


def _other_actions(machine: TuringMachine, action: Action) -> Iterator[tuple[str, Action]]:
    for state in machine.states:
        yield f"to {state}", replace(action, state=state)
    for k in range(machine.tapes):
        before, behind = action.written[:k], action.written[k + 1 :]
        for symbol in machine.alphabet:
            yield f"writes {symbol} on tape {k + 1}", replace(action, written=(*before, symbol, *behind))
        for move in MOVES:
            moves = (*action.moves[:k], move, *action.moves[k + 1 :])
            yield f"moves {move.value} on tape {k + 1}", replace(action, moves=moves)


def _with_row(original: Original, situation: tuple[str, tuple[str, ...]], action: Action | None) -> Network:
    rows = {one: other for one, other in original.machine.transitions.items() if one != situation}
    if action is not None:
        rows[situation] = action
    number = original.transition_layer - 1
    shared = skeleton(original.paradigm, Shape.of(original.machine, original.network.position_bits)).layers[number]
    own = transition_mlp(replace(original.machine, transitions=rows), original.registers)
    return original.with_layer(number, Layer(shared.heads, Mlp.joined(shared.mlp, own)))


CHANGES: dict[Kind, Callable[[Original], Titled]] = {
    Kind.GADGET_DROPPED: gadgets_dropped,
    Kind.GADGET_ALTERED: gadgets_altered,
    Kind.CONDITION: conditions_changed,
    Kind.GADGET_MOVED: gadgets_moved,
    Kind.HEAD_DROPPED: heads_dropped,
    Kind.HEAD_ALTERED: heads_altered,
    Kind.HEAD_MOVED: heads_moved,
    Kind.HEAD_COORDINATE: head_coordinates,
    Kind.LAYER: layers_changed,
    Kind.WEIGHT: weights,
    Kind.NEURON: neurons_dropped,
    Kind.EMBEDDING: embeddings,
    Kind.UNEMBEDDING: unembeddings,
    Kind.TRANSITION: transitions,
}


def sequences_that_fit(
    machine: TuringMachine, position_bits: int, paradigm: Paradigm, most_words: int = MOST_WORDS
) -> list[list[TokenSequence]]:
    """The sequences of the runs that halt, by input, shortest first; ``most_words`` inputs are tried.

    Of a sequence that does not fit its first 2^r tokens are read, and the next one is generated: what is proved is
    proved of them, too.
    """
    found: list[list[TokenSequence]] = []
    tried, longest = 0, 1 << position_bits
    for length in range(longest):
        if (tried := tried + len(machine.input_alphabet) ** length) > most_words:
            break
        for letters in product(machine.input_alphabet, repeat=length):
            try:
                run = trace(machine, "".join(letters), max_steps=4 * longest)
            except MachineError:
                continue
            sequences = [cut(one, longest) for one in sequences_of(paradigm, run, position_bits)]
            if kept := [one for one in sequences if one.prompt < len(one)]:
                found.append(kept)
    return found


def cut(sequence: TokenSequence, longest: int) -> TokenSequence:
    """The first so many tokens of a sequence, and the one that comes next."""
    return TokenSequence(sequence.tokens[: longest + 1], sequence.prompt, min(sequence.read, longest))


class Behaviour(Enum):
    """What a mutant does on a family of sequences."""

    SAME = "same activations"
    SAME_TOKENS = "other activations, same tokens"
    DIFFERENT = "other tokens"


def behaviour(original: Network, changed: Network, sequences: Sequence[TokenSequence]) -> Behaviour:
    """Compare every activation after every sublayer, and the tokens; not ternary is different."""
    found = {_behaviour(PreparedNetwork(original), PreparedNetwork(changed), group) for group in in_batches(sequences)}
    return next(one for one in (Behaviour.DIFFERENT, Behaviour.SAME_TOKENS, Behaviour.SAME) if one in found)


def _behaviour(original: PreparedNetwork, changed: PreparedNetwork, group: Sequence[TokenSequence]) -> Behaviour:
    ours, theirs = embed(original, group), embed(changed, group)
    same, final = bool((ours.x == theirs.x).all()), theirs.x
    try:
        for one, other in zip_longest(stages(original, ours), stages(changed, theirs)):
            same = same and one is not None and other is not None and np.array_equal(one.after, other.after)
            final = final if other is None else other.after
        least_margins(changed, group, theirs, final)
    except (NotTernaryError, TokenMismatch):
        return Behaviour.DIFFERENT
    return Behaviour.SAME if same else Behaviour.SAME_TOKENS


class Alike(Enum):
    """Why a mutant does what the original does."""

    SILENT = "neurons that differ never fire"
    CANCELLING = "neurons that differ add nothing: what they add cancels"
    ADDING = "neurons that differ add the same"
    HEADS = "heads that differ bring the same"
    POSITION = "entry at pos, which the position overwrites"
    UNREAD = "coordinate is 0 wherever a token is predicted"
    MARGIN = "logits differ, the same tokens win"
    ACTIVATIONS = "activations differ, the same tokens win"


def why_alike(original: Network, changed: Network, sequences: Sequence[TokenSequence]) -> Alike:
    """The reason, for a mutant with the activations of the original on these sequences."""
    for number, (layer, other) in enumerate(zip(original.layers, changed.layers, strict=True), start=1):
        if layer.mlp is not other.mlp and (ours := _only(layer.mlp, other.mlp)) != (
            theirs := _only(other.mlp, layer.mlp)
        ):
            fired, added = False, False
            for group in in_batches(sequences):
                prepared = PreparedNetwork(original)
                stage = next(
                    one
                    for one in stages(prepared, embed(prepared, group))
                    if one.layer == number and one.sublayer is Sublayer.MLP
                )
                for units in (ours, theirs):
                    prepared_units = PreparedMlp.of(Mlp.of(units), original.width)
                    before = stage.before[prepared_units.read].astype(np.int64)
                    active = prepared_units.inputs @ before + prepared_units.bias[:, None] > 0
                    fired |= bool(active.any())
                    added |= bool(mlp_delta(prepared_units, stage.before).any())
            return Alike.ADDING if added else Alike.CANCELLING if fired else Alike.SILENT
    if any(layer is not other for layer, other in zip(original.layers, changed.layers, strict=True)):
        return Alike.HEADS
    if _vectors(original, "embedding") != _vectors(changed, "embedding"):
        return Alike.POSITION
    read = {
        c
        for old, new in zip(_vectors(original, "unembedding"), _vectors(changed, "unembedding"), strict=True)
        for c, _ in set(old) ^ set(new)
    }
    for group in in_batches(sequences):
        batch = embed(PreparedNetwork(original), group)
        final = final_activations(PreparedNetwork(original), batch)
        for sequence, opens in zip(group, batch.opens, strict=True):
            if final[sorted(read), opens + sequence.prompt - 1 : opens + len(sequence) - 1].any():
                return Alike.MARGIN
    return Alike.UNREAD


def _only(mlp: Mlp, other: Mlp) -> list[Neuron]:
    """The neurons of an MLP that the other does not have, as often as it does not."""
    return sorted((Counter(mlp.neurons()) - Counter(other.neurons())).elements(), key=repr)


def _vectors(network: Network, side: str) -> list[Vector]:
    families = network.vocabulary.families
    listed = [getattr(family, side) for family in families]
    return listed + [vector for family in families for field in family.fields for vector in getattr(field, side)]


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: why it is not proved (empty if it is), what it does, why that is what it does.

    ``differences``: between what was proved of it and what it does.
    """

    kind: Kind
    title: str
    reason: str
    behaviour: Behaviour
    alike: Alike | None = None
    differences: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        return not self.reason

    @property
    def wrong(self) -> bool:
        """Proved, and not so."""
        return self.proved and (self.behaviour is Behaviour.DIFFERENT or self.differences != ())


class Judge:
    """Tries to prove mutants of one network, and compares them with it on all inputs that fit."""

    def __init__(
        self,
        machine: TuringMachine,
        position_bits: int,
        paradigm: Paradigm = Paradigm.COT,
        most_words: int = MOST_WORDS,
    ) -> None:
        self.theory = THEORY[paradigm](machine, position_bits)
        self.original = Original.of(machine, position_bits, paradigm)
        self.true = true_sequences(paradigm, machine, machine.input_alphabet[0], position_bits)
        runs = sequences_that_fit(machine, position_bits, paradigm, most_words)
        self.sequences = [one for run in runs for one in run]

    def __call__(self, mutant: Mutant) -> Verdict:
        """What is proved is compared on all sequences, and with what is proved of it; what is not on a few."""
        reason = self.why_not(mutant.network)
        few = self.sequences[:: -(-len(self.sequences) // FEW)]
        does = behaviour(self.original.network, mutant.network, few if reason else self.sequences)
        if reason or does is Behaviour.DIFFERENT:
            return Verdict(mutant.kind, mutant.title, reason, does)
        found = compare(mutant.network, self.theory, self.true).differences
        return Verdict(mutant.kind, mutant.title, reason, does, differences=tuple(found))

    def explained(self, mutant: Mutant) -> Verdict:
        """The verdict; of a mutant that is proved and does the same, with why it does."""
        verdict = self(mutant)
        if not verdict.proved or verdict.wrong:
            return verdict
        if verdict.behaviour is Behaviour.SAME_TOKENS:
            return replace(verdict, alike=Alike.ACTIVATIONS)
        return replace(verdict, alike=why_alike(self.original.network, mutant.network, self.sequences))

    def why_not(self, network: Network) -> str:
        """Why a network is not proved; empty if it is."""
        try:
            prove(network, self.theory)
        except Rejected as rejected:
            return str(rejected)
        except (TooLarge, Undecided) as error:
            return f"{NO_ANSWER}{error}"
        return ""


@dataclass(frozen=True)
class Campaign:
    """Which mutants: the first ``count`` that the seed gives of these kinds."""

    machine: str
    position_bits: int
    paradigm: Paradigm
    kinds: tuple[Kind, ...]
    count: int
    seed: int

    def judged(self, part: int, parts: int) -> list[Verdict]:
        """Every ``parts``-th of them, judged."""
        judge = Judge(load_machine(self.machine), self.position_bits, self.paradigm)
        chosen = islice(mutants(judge.original, self.kinds, self.seed), self.count)
        return [judge.explained(mutant) for n, mutant in enumerate(chosen) if n % parts == part]


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """One line per kind, and one for all."""
    yield f"{'kind':<46}{'mutants':>8}{'not proved':>12}{'of them alike':>15}{'proved, alike':>15}{'WRONG':>7}"
    for kind in (*Kind, None):
        of_kind = [one for one in verdicts if kind in (None, one.kind)]
        refused = [one for one in of_kind if not one.proved]
        alike = sum(one.behaviour is Behaviour.SAME for one in refused)
        wrong = sum(one.wrong for one in of_kind)
        proved = len(of_kind) - len(refused) - wrong
        name = kind.value if kind else "all"
        yield f"{name:<46}{len(of_kind):>8}{len(refused):>12}{alike:>15}{proved:>15}{wrong:>7}"


@click.command()
@click.option("--machine", default="increment", help="A machine of the library.")
@click.option("--position-bits", default=4, help="r: of each sequence the first 2^r tokens are compared.")
@click.option("--paradigm", type=click.Choice([one.value for one in Paradigm]), default="cot")
@click.option("--count", default=400, help="How many mutants.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.name for kind in Kind]), help="Only these.")
@click.option("--seed", default=SEED)
@click.option("--workers", default=2)
@click.option("--survivors", "list_survivors", is_flag=True, help="List all that are proved.")
def main(
    machine: str,
    position_bits: int,
    paradigm: str,
    count: int,
    kinds: Sequence[str],
    seed: int,
    workers: int,
    list_survivors: bool,
) -> None:
    """Mutants of one network: which are proved, and do those do the same?"""
    wanted = tuple(Kind[name] for name in kinds) or tuple(Kind)
    campaign = Campaign(machine, position_bits, Paradigm(paradigm), wanted, count, seed)
    with ProcessPoolExecutor(workers) as pool:
        parts = [pool.submit(campaign.judged, part, workers) for part in range(workers)]
        verdicts = [verdict for part in parts for verdict in part.result()]
    runs = sequences_that_fit(load_machine(machine), position_bits, Paradigm(paradigm))
    tokens = sum(len(one) for run in runs for one in run)
    segments = sum(map(len, runs))
    click.echo(
        f"{machine}, {paradigm}, r = {position_bits}: compared on {len(runs)} inputs, {segments} sequences, "
        f"{tokens} tokens"
    )
    for line in report(verdicts, list_survivors):
        click.echo(line)
    sys.exit(any(verdict.wrong for verdict in verdicts))


def report(verdicts: Sequence[Verdict], list_survivors: bool) -> Iterator[str]:
    """The table; how many are proved and why they may be; all that is amiss."""
    yield from table(verdicts)
    killed = sum(not verdict.proved for verdict in verdicts)
    yield f"{killed} of {len(verdicts)} not proved ({100 * killed / len(verdicts):.1f} %)"
    survivors = Counter((one.kind.value, one.alike.value) for one in verdicts if one.alike)
    for (kind, alike), times in sorted(survivors.items()):
        yield f"{times:>5} proved: {kind}: {alike}"
    for verdict in verdicts:
        if verdict.wrong:
            yield f"WRONG: {verdict.kind.value}: {verdict.title}: {verdict.behaviour.value} {verdict.differences[:1]}"
        if verdict.reason.startswith(NO_ANSWER):
            yield f"{verdict.kind.value}: {verdict.title}: {verdict.reason}"
        if list_survivors and verdict.alike:
            yield f"proved: {verdict.kind.value}: {verdict.title}: {verdict.alike.value}"


if __name__ == "__main__":
    main()
