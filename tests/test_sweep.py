"""Sweeps: the same results whatever the number of workers, kept when interrupted, and a failure is a failure."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exactformer.constructions.transformer.network import Layer, Mlp, Network
from exactformer.constructions.turing.construct import construct
from exactformer.verify import sweep as module
from exactformer.verify.jobs import InProcess
from exactformer.verify.sweep import MAX_STEPS, draw_case, sweep
from tests.command_line.invoking import Outcome, invoke


def call(*arguments: str) -> Outcome:
    return invoke("sweep", *arguments)


def test_a_case_depends_on_seed_and_index_alone() -> None:
    assert draw_case(1, 5) == draw_case(1, 5)
    assert draw_case(1, 5).run != draw_case(1, 6).run
    assert draw_case(1, 5).run != draw_case(2, 5).run


def test_cases_follow_the_protocol() -> None:
    for index in range(150):
        case = draw_case(3, index)
        machine = case.run.machine
        assert machine.tapes in (1, 3)
        assert 3 <= len(machine.states) <= 11
        assert len(machine.alphabet) == len(machine.input_alphabet) + 1 <= 6
        assert 1 <= len(case.run.word) <= 12
        assert case.run.steps <= MAX_STEPS
        assert case.extra_bits in (0, 2, 4, 6, 8)
        assert machine.blank not in case.run.output


def test_every_token_of_a_sweep_is_predicted() -> None:
    results = [one for case in sweep(5, range(25), InProcess()) for one in case]
    assert {(one.index, one.paradigm) for one in results} == {(i, p) for i in range(25) for p in ("cot", "scot")}
    assert all(one.failure is None and one.margin is not None and one.margin >= 1 for one in results)


@pytest.mark.slow
def test_the_file_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    for workers in ("1", "3"):
        outcome = call("--machines", "25", "--seed", "9", "--workers", workers, "--out", str(tmp_path / workers))
        assert outcome.code == 0, outcome.err
    contents = {(tmp_path / workers).read_bytes() for workers in ("1", "3")}
    assert len(contents) == 1


def test_a_sweep_goes_on_from_what_is_there(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    call("--machines", "12", "--workers", "1", "--out", str(whole))
    lines = whole.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join([lines[0], lines[3], lines[7], lines[9][: len(lines[9]) // 2]]))
    outcome = call("--machines", "12", "--workers", "1", "--out", str(part), "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["verified_now"] == 10
    assert part.read_bytes() == whole.read_bytes()


def test_fewer_machines_are_reported_and_none_is_dropped(tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    call("--machines", "6", "--workers", "1", "--out", str(out))
    outcome = call("--machines", "3", "--workers", "1", "--out", str(out), "--json")
    assert json.loads(outcome.out)["machines"] == 3
    assert len(out.read_text().splitlines()) == 1 + 6


HEADER = b'{"format":"exactformer sweep","seed":0,"version":1}\n'
NO_SWEEP = {
    "another header": b'{"seed":1}\n',
    "another seed": HEADER.replace(b":0", b":1"),
    "text": b"not json\n",
    "bytes": b"\xff\n",
    "text without a line end": b"my notes",
    "half a header": HEADER[:20],
    "a header, then text": HEADER + b"my notes\n",
    "a header, then a number": HEADER + b"5\n",
    "a header, then something else": HEADER + b'{"index":0}\n',
    "a header, then a text as a number": HEADER + b'{"index":"0","results":[]}\n',
}


@pytest.mark.parametrize("content", NO_SWEEP.values(), ids=NO_SWEEP)
def test_a_file_that_is_no_such_sweep_is_refused(content: bytes, tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    out.write_bytes(content)
    outcome = call("--machines", "2", "--out", str(out))
    assert outcome.code == 2
    assert "give another --out" in outcome.err
    assert out.read_bytes() == content


def test_what_is_no_regular_file_is_refused_unread(tmp_path: Path) -> None:
    out = tmp_path / "sweep.jsonl"
    os.mkfifo(out)
    outcome = call("--machines", "2", "--out", str(out))
    assert outcome.code == 2
    assert "is not a regular file" in outcome.err
    assert out.is_fifo()


def test_an_interrupt_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = module.verify_case
    left = iter(range(2 * 10 + 3))

    def until_interrupted(*arguments: object) -> object:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return verified(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "verify_case", until_interrupted)
    out = tmp_path / "sweep.jsonl"
    outcome = call("--machines", "20", "--workers", "1", "--out", str(out))
    assert outcome.code == 130
    assert len(out.read_text().splitlines()) == 1 + 10
    monkeypatch.undo()
    assert call("--machines", "20", "--workers", "1", "--out", str(out)).code == 0
    assert len(out.read_text().splitlines()) == 1 + 20


def test_a_misprediction_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> Network:
        network = construct(*arguments)  # type: ignore[arg-type]
        layer = network.layers[-4]
        last = Layer(layer.heads, Mlp.of(layer.mlp.neurons()[:-1]))
        layers = (*network.layers[:-4], last, *network.layers[-3:])
        return Network(network.registers, network.position_bits, layers, network.vocabulary)

    monkeypatch.setattr(module, "construct", broken)
    outcome = call("--machines", "8", "--workers", "1", "--out", str(tmp_path / "sweep.jsonl"))
    assert outcome.code == 1
    assert "REFUTED: " in outcome.out
