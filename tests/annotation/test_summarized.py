"""The annotation of summarized chains of thought: as the evaluator computes, from any configuration, and proved."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, product

import numpy as np
import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.fitting import least_position_bits
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.annotation import cot
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.content import Ghosts
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.ghosts import Described, Situation, TokenClass, segment_from, sequence_ghosts
from exactformer.verify.annotation.layout import Sequences
from exactformer.verify.annotation.proof import Gap, HardmaxProof, prove_hardmax
from exactformer.verify.hardmax.attention import Activations
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out
from exactformer.verify.sweep import draw_case
from tests.annotation.differential import Tokens, compare, differences, emptied, timetable, values
from tests.annotation.exhaustive import how_many
from tests.annotation.exhaustive import machine as small_machine
from tests.machine_table import CASES, Case

SCOT = Paradigm.SCOT
FAMILY = {
    TokenClass.INPUT: "SIGMA",
    TokenClass.OUTPUT: "SIGMA",
    TokenClass.OLDSUMM: "SUMM",
    TokenClass.NEWSUMM: "SUMM",
    TokenClass.OLDCELL: "CELL",
    TokenClass.NEWCELL: "CELL",
    TokenClass.OLDSTATE: "STATE",
    TokenClass.NEWSTATE: "STATE",
}


def token_of(machine: TuringMachine, described: Described) -> Token:
    """The token with these ghosts."""
    kind, ghosts = described
    tapes = range(1, machine.tapes + 1)
    match FAMILY.get(kind, kind.name):
        case "SIGMA":
            return Token("SIGMA", (machine.input_alphabet.index(machine.alphabet[ghosts["s"]]),))
        case "RUN":
            steps = [ghosts[f"a_{k}"] for k in tapes] + [ghosts[f"m_{k}"] for k in tapes]
            return Token("RUN", (ghosts["q"], *steps))
        case "BIT":
            return Token("BIT", tuple(ghosts[f"y_{k}"] >> ghosts["beta"] & 1 for k in tapes))
        case "CELL":
            return Token("CELL", tuple(ghosts[f"{name}_{k}"] for k in tapes for name in ("a", "h")))
        case "STATE":
            return Token("STATE", (ghosts["q"],))
        case family:
            return Token(family)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.word) <= 5], ids=str)
def test_machines_of_the_library(case: Case) -> None:
    run = trace(case.machine, case.word)
    assert differences(run, least_position_bits(SCOT, [run]), None, SCOT) == ()


@pytest.mark.parametrize("block", range(8))
def test_random_machines(block: int) -> None:
    for index in range(3 * block, 3 * block + 3):
        run = draw_case(seed=21, index=index).run
        assert differences(run, least_position_bits(SCOT, [run]), None, SCOT) == ()


@pytest.mark.parametrize("index", range(10))
def test_ghosts_are_of_the_tokens_that_are_read(index: int) -> None:
    run = draw_case(seed=22, index=index).run
    r = least_position_bits(SCOT, [run])
    for sequence, ghosts in zip(sequences_of(SCOT, run, r), sequence_ghosts(SCOT, run, r), strict=True):
        assert [token_of(run.machine, one) for one in ghosts] == list(sequence.tokens[: sequence.read])


@pytest.mark.parametrize("index", range(10))
def test_tokens_follow_each_other_as_the_layout_says(index: int) -> None:
    run = draw_case(seed=23, index=index).run
    r = least_position_bits(SCOT, [run])
    sequences = Sequences(SCOT, r)
    by_name = {(state.kind, state.index): state for state in sequences.states}
    for ghosts in sequence_ghosts(SCOT, run, r):
        tokens = [by_name[kind, one.get("tau", one.get("beta", 0))] for kind, one in ghosts]
        for one, following in pairwise(tokens):
            assert following in sequences.followers(one)


@pytest.mark.parametrize("register", sorted({*cot.SINGLE, *cot.NUMBERED}))
def test_a_register_annotated_as_empty_is_noticed(register: str) -> None:
    run = trace(load_machine("binary-counter"), "1111")
    r = least_position_bits(SCOT, [run])
    network = construct(SCOT, run.machine, r)
    annotation = annotate(SCOT, Shape.of(run.machine, r), network.registers)
    assert compare([run], r, network, SCOT, emptied(annotation, register)).differences


def configurations(machine: TuringMachine, rng: random.Random, most_cells: int) -> Iterator[Situation]:
    """Any states, heads and symbols, whether a run gets there or not."""
    working = [q for q, state in enumerate(machine.states) if state != machine.halting]
    while True:
        cells = rng.randint(1, most_cells)
        heads = {tape: rng.randrange(cells) for tape in range(machine.tapes)}
        symbols = [{cell: rng.randrange(len(machine.alphabet)) for cell in range(cells)} for _ in range(machine.tapes)]
        yield Situation(rng.choice(working), heads, symbols, cells)


def segments_from(machine: TuringMachine, r: int, situations: Iterable[Situation]) -> Iterator[list[Described]]:
    """The segments that begin there and fit 2^r tokens; none where the machine gets stuck, or leaves no word."""
    for now in situations:
        try:
            ghosts = segment_from(machine, r, now)
            tokens = [token_of(machine, one) for one in ghosts]
        except (KeyError, ValueError):
            continue
        if len(tokens) <= 1 << r:
            yield ghosts


def wrong_in(machine: TuringMachine, r: int, segments: Sequence[list[Described]]) -> list[str]:
    """Where an activation is not as annotated, or a token not the unique best next one."""
    network = construct(SCOT, machine, r)
    prepared, annotation = PreparedNetwork(network), annotate(SCOT, Shape.of(machine, r), network.registers)
    sequences = []
    for ghosts in segments:
        tokens = [token_of(machine, one) for one in ghosts]
        closing = () if ghosts[-1][0] is TokenClass.EOUTP else (Token("ESUMM"),)
        prompt = 1 + next(n for n, (kind, _) in enumerate(ghosts) if kind is TokenClass.ESUMM)
        sequences.append(TokenSequence((*tokens, *closing), prompt, len(tokens)))
    batch = embed(prepared, sequences)
    found: dict[TokenClass, list[tuple[int, int, Ghosts]]] = {}
    for ghosts, start in zip(segments, batch.opens, strict=True):
        for column, (kind, one) in enumerate(ghosts, start=start):
            found.setdefault(kind, []).append((column, start, one))
    classes = [Tokens.of(kind, listed) for kind, listed in found.items()]
    before: dict[str, Activations] = {}
    wrong: list[str] = []

    annotated = np.zeros_like(batch.x)

    def compare(moment: int, x: Activations) -> None:
        for of_class in classes:
            for span, content in timetable(annotation)[of_class.kind][moment].contents:
                rows = slice(span.offset, span.offset + span.width)
                annotated[rows, of_class.columns] = values(content, span.width, of_class, before)
        if (annotated != x).any():
            coordinate = int((annotated != x).any(axis=1).argmax())
            wrong.append(f"moment {moment}: {network.coordinate_name(coordinate)} is not as annotated")

    compare(0, batch.x)
    last = batch.x
    for moment, stage in enumerate(stages(prepared, batch), start=1):
        if stage.sublayer is Sublayer.ATTENTION:
            for span in network.registers:
                before[f"{span.name} {stage.layer}"] = stage.before[list(span.coordinates)]
        compare(moment, stage.after)
        last = stage.after
    readout = read_out(network, last)
    for sequence, start in zip(sequences, batch.opens, strict=True):
        for n, following in enumerate(sequence.tokens[sequence.prompt :], start=start + sequence.prompt - 1):
            if readout.token(n) != following or readout.margin[n] < 1:
                wrong.append(f"token {n - start}: {readout.token(n)}, not {following}")
    return wrong


@pytest.mark.parametrize("index", range(8))
def test_segments_from_configurations_that_no_input_reaches(index: int) -> None:
    """Every token the unique best, every activation as annotated, and with it ternary."""
    machine = draw_case(seed=31, index=index).run.machine
    drawn = islice(configurations(machine, random.Random(index), 4), 60)
    segments = list(islice(segments_from(machine, 6, drawn), 12))
    assert segments
    assert wrong_in(machine, 6, segments) == []


def all_configurations(most_cells: int) -> Iterator[Situation]:
    """Those of a one-tape machine with one working state and two symbols."""
    for cells in range(1, most_cells + 1):
        for head, symbols in product(range(cells), product((0, 1), repeat=cells)):
            yield Situation(0, {0: head}, [dict(enumerate(symbols))], cells)


EVIDENCE = Evidence()
"""These machines are of one shape: most of what is to be proved of them is the same."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_small_machines_from_all_small_configurations(part: int) -> None:
    """Every second one-tape machine with one working state and two symbols, so that each does everything in some:
    proved, and right from whatever a summary says.
    """
    seen = 0
    for index in range(2 * part, how_many(1), 8):
        machine = small_machine(1, index)
        proof = prove_hardmax(machine, construct(SCOT, machine, 6), EVIDENCE, paradigm=SCOT)
        assert isinstance(proof, HardmaxProof), machine.transitions
        segments = list(segments_from(machine, 6, all_configurations(3)))
        seen += len(segments)
        if segments:
            assert wrong_in(machine, 6, segments) == []
    assert seen > 250


def test_a_wrong_segment_is_noticed() -> None:
    """The test above can fail: the ghosts of one cell's symbol changed."""
    machine = load_machine("binary-counter")
    drawn = islice(configurations(machine, random.Random(1), 3), 40)
    segment = next(segments_from(machine, 6, drawn))
    kind, ghosts = segment[1]
    segment[1] = kind, ghosts | {"a_1": 1 - min(ghosts["a_1"], 1)}
    assert wrong_in(machine, 6, [segment])


@pytest.mark.parametrize(
    ("name", "r"), [("increment", 4), ("binary-counter", 6), ("copy", 4), ("rewrite", 6), ("1RB1LB_1LA1RZ", 4)]
)
def test_all_obligations_are_proved(name: str, r: int) -> None:
    machine = load_machine(name)
    assert isinstance(prove_hardmax(machine, construct(SCOT, machine, r), Evidence(), paradigm=SCOT), HardmaxProof)


def test_a_summarized_network_is_not_proved_as_a_plain_one() -> None:
    machine = load_machine("increment")
    network = construct(SCOT, machine, 4)
    assert isinstance(prove_hardmax(machine, network, Evidence()), Gap)


def cap(run: Run, r: int) -> list[tuple[int, Ghosts]]:
    return [(n, one) for ghosts in sequence_ghosts(SCOT, run, r) for n, (_, one) in enumerate(ghosts) if "cap" in one]


def test_the_cap_is_met_below_at_and_above() -> None:
    """So that the cases of the length cap are all compared with the evaluator."""
    run = trace(load_machine("binary-counter"), "1111")
    met = {one["cap"] for _, one in cap(run, least_position_bits(SCOT, [run]))}
    assert met == {0, 1, 2}
