"""The annotation at the true ghosts of a run, against the activations of the exact evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from constructions.machines.run import Run
from constructions.transformer.network import Network
from constructions.turing.construct import construct
from constructions.turing.encoding import Shape
from constructions.turing.paradigm import Paradigm
from constructions.turing.tokens import cot_tokens
from verify.annotation.annotation import annotate
from verify.annotation.content import Fetched, Vector, value_at
from verify.annotation.fetches import brought
from verify.annotation.ghosts import ghosts_of
from verify.hardmax.batch import embed
from verify.hardmax.forward import Sublayer, stages
from verify.hardmax.prepared import PreparedNetwork


@dataclass(frozen=True)
class Difference:
    """One register of one token, where annotation and network do not agree; moments are counted in sublayers."""

    position: int
    kind: str
    moment: int
    register: str
    annotated: Vector
    actual: Vector


def differences(run: Run, position_bits: int, network: Network | None = None) -> Iterator[Difference]:
    """Every disagreement, register by register, over all tokens and all moments of a run."""
    network = network or construct(Paradigm.COT, run.machine, position_bits)
    annotation = annotate(Shape.of(run.machine, position_bits), network.registers)
    prepared = PreparedNetwork(network)
    batch = embed(prepared, [cot_tokens(run.machine, run, position_bits)])
    tokens = list(ghosts_of(run, position_bits))
    before: dict[int, Any] = {}
    moments = [batch.x]
    for stage in stages(prepared, batch):
        if stage.sublayer is Sublayer.ATTENTION:
            before[stage.layer] = stage.before
        moments.append(stage.after)
    registers = {register.name: register for register in network.registers}

    def fetch(register: str, position: int, layer: int) -> Vector:
        return tuple(before[layer][list(registers[register].coordinates), position].tolist())

    for moment, x in enumerate(moments):
        for register in network.registers:
            columns = x[list(register.coordinates)].T.tolist()
            for (kind, ghosts), column in zip(tokens, columns, strict=True):
                content = annotation.contents[kind][moment][register.name]
                annotated = value_at(content, register.width, ghosts, fetch)
                if annotated != tuple(column):
                    yield Difference(ghosts["i"], kind.value, moment, register.name, annotated, tuple(column))


def wrong_fetches(run: Run, position_bits: int) -> Iterator[tuple[int, Fetched, Vector, Vector]]:
    """Tokens at which what a look-up brings is not what verify.annotation.fetches says of it."""
    shape, r = Shape.of(run.machine, position_bits), position_bits
    network = construct(Paradigm.COT, run.machine, r)
    prepared = PreparedNetwork(network)
    batch = embed(prepared, [cot_tokens(run.machine, run, r)])
    registers = {register.name: register for register in network.registers}
    tokens = list(ghosts_of(run, r))
    for stage in stages(prepared, batch):
        if stage.sublayer is not Sublayer.ATTENTION:
            continue
        before, layer = stage.before, stage.layer

        def fetch(register: str, position: int, layer: int, before: Any = before) -> Vector:  # noqa: ARG001
            return tuple(before[list(registers[register].coordinates), position].tolist())

        for register, distance in product(registers, (1, 2, 3, r - 1, r, r + 2)):
            fetched = Fetched(register, distance, layer)
            for kind, ghosts in tokens:
                known = brought(fetched, shape, kind)
                if known != fetched:
                    width = registers[register].width
                    said, got = (value_at(one, width, ghosts, fetch) for one in (known, fetched))
                    if said != got:
                        yield ghosts["i"], fetched, said, got
