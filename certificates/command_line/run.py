"""``exactformer run``: prints the chain of thought of a machine, as the hardmax transformer generates it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.foreign import ending, facts
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.reports.layout import TIE, counted, heading
from exactformer.certificates.reports.tokens import legend, lines_of
from exactformer.constructions.machines.folding import two_way_machine_of, unfold_tape
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.machines.two_way import BLANK, TwoWayMachine
from exactformer.constructions.transformer.vocabulary import Vocabulary
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import check_context, smallest_context
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.hardmax.decode import AmbiguousTokenError, decode
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import HeadMismatch, TokenMismatch, observe
from exactformer.verify.hardmax.prepared import PreparedNetwork

FOLDED = (
    "The tape is folded at square 0: a symbol holds the two squares at the same distance from it. In a state q+ the "
    "head is on the right half, in a state q- on the left one."
)


def execute(
    machine: str, word: str, paradigm: Paradigm, context: int | None, max_steps: int, by_decoding: bool, as_json: bool
) -> None:
    """Print the token sequences of the run, after making sure that the network generates each of their tokens."""
    with refusing(MachineError, ContextError):
        given = load(machine)
        loaded = given.machine
        word = given.normal.typed(word) if given.normal is not None else word
        run = trace(loaded, word, max_steps)
        context = context or smallest_context(paradigm, [run])
        position_bits = check_context(paradigm, [run], context)
    sequences = sequences_of(paradigm, run, position_bits)
    network = construct(paradigm, loaded, position_bits)
    prepared = PreparedNetwork(network)
    failures = (NotTernaryError, HeadMismatch, TokenMismatch, AmbiguousTokenError)
    with LateProgress(enabled=not as_json) as progress, refusing(*failures, code=ExitCode.REFUTED):
        if by_decoding:
            for sequence in sequences:
                _decode_all(prepared, sequence, progress)
        else:
            observe(prepared, sequences, lambda done, total: progress("replay", done, total))
    if as_json:
        plain = _plain(run, paradigm, sequences, network.vocabulary, context, position_bits)
        click.echo(json.dumps(plain, indent=2))
        return
    tokens = sum(map(len, sequences))
    in_segments = f" in {counted(len(sequences), 'segment')}" if paradigm is Paradigm.SCOT else ""
    how = "decoded greedily, token by token" if by_decoding else "checked in one pass"
    done = f"{counted(run.steps, 'step')}, output {run.output!r}, {counted(tokens, 'token')}{in_segments}"
    said = [f"{loaded.name} on {word!r}: {done}"]
    if (two_way := two_way_machine_of(loaded)) is not None:
        said.append(_unfolded(two_way, run.output))
    if given.normal is not None:
        said += ending(given.normal, run)
    said += [
        f"context of {context} tokens, positions of r = {position_bits} bits; network of {len(network.layers)} layers, "
        f"d = {network.width}",
        f"Every token after the prompt is the unique best next token of the hardmax transformer ({how}).",
    ]
    show(said)
    for number, sequence in enumerate(sequences):
        show(["", heading(f"segment {number}")] if paradigm is Paradigm.SCOT else [""])
        show(_lines(sequence, network.vocabulary))
    show(["", heading("what the tokens mean"), legend(sequences, loaded.tapes)])
    if two_way is not None:
        show([FOLDED])
    show(facts(given))


def _unfolded(machine: TwoWayMachine, output: str) -> str:
    """The two-way tape that a folded machine leaves, from the first square that is not blank to the last."""
    squares = unfold_tape(machine, output)
    if not squares:
        return "unfolded: every square is blank"
    first, last = min(squares), max(squares)
    held = "".join(squares.get(square, BLANK) for square in range(first, last + 1))
    return f"unfolded: squares {first}..{last} hold {held}, all others are blank"


def _decode_all(prepared: PreparedNetwork, sequence: TokenSequence, progress: LateProgress) -> None:
    """Let the network write from the prompt alone, and compare with the run."""
    describe = prepared.network.vocabulary.describe
    wanted = sequence.tokens[sequence.prompt :]
    produced = decode(prepared, sequence.tokens[: sequence.prompt])
    for number, (expected, token) in enumerate(zip(wanted, produced, strict=False)):
        if token != expected:
            position = sequence.prompt + number
            raise InputRefused(
                f"token {position}: expected {describe(expected)}, but the network generates {describe(token)}",
                ExitCode.REFUTED,
            )
        progress("decode", number + 1, len(wanted))


def _lines(sequence: TokenSequence, vocabulary: Vocabulary) -> Iterator[str]:
    """One line per run token and per block; prompt, summary and output on one line each."""
    step = 0
    for name, group in lines_of(sequence):
        text = " ".join(vocabulary.describe(token).replace(" ", TIE) for token in group)
        if name == "RUN":
            step += 1
            text = f"step{TIE}{step:{TIE}>4}{TIE}{TIE}{text}"
        yield text


def _plain(
    run: Run,
    paradigm: Paradigm,
    sequences: Sequence[TokenSequence],
    vocabulary: Vocabulary,
    context: int,
    position_bits: int,
) -> dict[str, object]:
    return {
        "machine": run.machine.name,
        "input": run.word,
        "output": run.output,
        "steps": run.steps,
        "cells": run.cells,
        "paradigm": paradigm.value,
        "context": str(context),
        "position_bits": position_bits,
        "segments": [
            {
                "prompt": sequence.prompt,
                "tokens": [[token.family, *vocabulary.values_of(token)] for token in sequence.tokens],
            }
            for sequence in sequences
        ],
    }
