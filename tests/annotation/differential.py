"""The annotation at the true ghosts of a run, against the activations of the exact evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from constructions.machines.run import Run
from constructions.transformer.network import Network
from constructions.turing.construct import construct
from constructions.turing.encoding import Shape
from constructions.turing.paradigm import Paradigm
from constructions.turing.tokens import cot_tokens
from verify.annotation.content import Vector, value_at
from verify.annotation.cot import Moment, content_of
from verify.annotation.ghosts import ghosts_of
from verify.hardmax.batch import embed
from verify.hardmax.forward import Sublayer, stages
from verify.hardmax.prepared import PreparedNetwork


@dataclass(frozen=True)
class Difference:
    """One register of one token at one moment, where the annotation and the network do not agree."""

    position: int
    kind: str
    moment: Moment
    register: str
    annotated: Vector
    actual: Vector


def differences(run: Run, position_bits: int, network: Network | None = None) -> Iterator[Difference]:
    """Every disagreement, register by register, over all tokens and all moments of a run."""
    network = network or construct(Paradigm.COT, run.machine, position_bits)
    shape = Shape.of(run.machine, position_bits)
    prepared = PreparedNetwork(network)
    batch = embed(prepared, [cot_tokens(run.machine, run, position_bits)])
    tokens = list(ghosts_of(run, position_bits))
    before: dict[int, Any] = {}
    moments = [(Moment(0, Sublayer.MLP), batch.x)]
    for stage in stages(prepared, batch):
        if stage.sublayer is Sublayer.ATTENTION:
            before[stage.layer] = stage.before
        moments.append((Moment(stage.layer, stage.sublayer), stage.after))
    registers = {register.name: register for register in network.registers}

    def fetch(register: str, position: int, layer: int) -> Vector:
        return tuple(before[layer][list(registers[register].coordinates), position].tolist())

    for moment, x in moments:
        for register in network.registers:
            contents = {kind: content_of(register.name, shape, kind, moment) for kind in {kind for kind, _ in tokens}}
            columns = x[list(register.coordinates)].T.tolist()
            for (kind, ghosts), column in zip(tokens, columns, strict=True):
                annotated = value_at(contents[kind], register.width, ghosts, fetch)
                if annotated != tuple(column):
                    yield Difference(ghosts["i"], kind.value, moment, register.name, annotated, tuple(column))
