"""The transformer that solves Sudokus: what its proof costs, and whole runs of it on ten known puzzles.

    python -m benchmarks.sudoku --only proofs    # certify and check, whole commands: rows, seconds, memory, sizes
    python -m benchmarks.sudoku --only runs      # every token of ten runs, by the integer evaluator: an hour
    python -m benchmarks.sudoku --only torch     # the exported decoder in bf16, token by token; needs torch: an hour

A run counts if at every token of every segment, except those of prompts, the unique best next token of the hardmax
transformer is that of the machine's run, and if what it writes is the solution.  In PyTorch every segment is either
written greedily, token by token with a cache, from its prompt alone, many side by side; or read in one pass, in which
each token has to be the best one after those before it.  Each segment ends with the prompt of the next one, so together
they are the run.  Prints one row for each and keeps them in benchmarks/sudoku.json; `runs` and `torch` go on where they
were stopped.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.command import parser_of
from benchmarks.universal import cost_of
from exactformer.certificates.export.templates.model import Decoder
from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.sudoku.program import text_of
from exactformer.constructions.machines.sudoku.search import EMPTY, Boxes, Search
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.contexts import least_context_for_space
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import TokenSequence, each_segment
from exactformer.verify.hardmax.batch import in_batches
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("sudoku.json")
MACHINE, BOXES = LIBRARY["sudoku-9x9"], Boxes(3, 3)
POSITION_BITS = 10
MOST_STEPS = 10**8
MACHINES = {"sudoku-4x4": (Boxes(2, 2), 39), "sudoku-6x6": (Boxes(2, 3), 81), "sudoku-9x9": (Boxes(3, 3), 174)}
"""Each machine with its boxes, and the cells within which all runs on puzzles stay (tests/machines/test_sudoku.py)."""
PUZZLES = {
    "Project Euler 96, grid 10": ".2.81.74.7....31...9...28.5..9.4..874..2.8..316..3.2..3.27...6...56....8.76.51.9.",
    "Project Euler 96, grid 1": "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
    "Wikipedia": "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
    "Project Euler 96, grid 2": "2...8.3...6..7..84.3.5..2.9...1.54.8.........4.27.6...3.1..7.4.72..4..6...4.1...3",
    "Project Euler 96, grid 7": ".43.8.25.6.............1.949....4.7....6.8....1.2....382.5.............5.34.9.71.",
    "a puzzle with 27 givens": "..9748...7.........2.1.9.....7...24..64.1.59..98...3.....8.3.2.........6...2759..",
    "AI Escargot": "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "Project Euler 96, grid 6": "1..92....524.1...........7..5...81.2.........4.27...9..6...........3.945....71..6",
    "Norvig, hard 1": "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
    "Inkala 2010": "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
}


BY_TOKEN = {
    "sudoku-4x4": {"4 x 4, 4 givens": ".1..3...4......2"},
    "sudoku-9x9": {
        "Wikipedia, 4 cells left": "53467.912672195348198342567859761.23426853791713924856961537.842874196353452861.9"
    },
}
BY_SEGMENT = {"sudoku-9x9": {name: PUZZLES[name] for name in ("Project Euler 96, grid 10", "Wikipedia")}}
"""What PyTorch writes token by token, which takes long; and where it says of whole segments what comes next."""
SIDE_BY_SIDE = 64


@dataclass(frozen=True)
class Replayed:
    """A whole run, token for token: ``tokens`` of all segments, of which those after prompts are ``written``;
    ``margin``: the least by which one of these wins."""

    puzzle: str
    givens: int
    lines: int
    steps: int
    cells: int
    segments: int
    tokens: int
    written: int
    seconds: float
    margin: int


@dataclass(frozen=True)
class Generated:
    """A whole run in PyTorch; ``wrong``: how many of the tokens ``written`` after prompts are not the machine's."""

    machine: str
    puzzle: str
    how: str
    steps: int
    segments: int
    tokens: int
    written: int
    wrong: int
    solved: bool
    seconds: float
    dtype: str
    attention: str


@dataclass(frozen=True)
class Proved:
    """``certify`` and ``check`` of one machine, for all inputs within its space."""

    machine: str
    states: int
    rows: int
    space: int
    construct_seconds: float
    certify: str
    certify_seconds: float
    certify_mib: int
    certificate_kib: int
    weights_kib: int
    check: str
    check_seconds: float
    check_mib: int


def replay(network: PreparedNetwork, name: str, word: str) -> Replayed:
    """Raises what `observe` raises at the first token that is another one."""
    search = Search(BOXES, word)
    lines = sum(1 for _ in search)
    run = trace(MACHINE.machine, word, MOST_STEPS)
    if run.output != search.solution:
        raise ValueError(f"{name}: the machine writes {run.output}, the solution is {search.solution}")
    started, segments, tokens, written, margins = time.perf_counter(), 0, 0, 0, list[int]()
    for group in in_batches(each_segment(run.machine, run, POSITION_BITS)):
        margins += observe(network, group).margins
        segments, tokens = segments + len(group), tokens + sum(map(len, group))
        written += sum(len(segment) - segment.prompt for segment in group)
    seconds = round(time.perf_counter() - started, 1)
    givens = BOXES.cells - word.count(EMPTY)
    return Replayed(name, givens, lines, run.steps, run.cells, segments, tokens, written, seconds, min(margins))


def prove(name: str, folder: Path) -> Proved:
    boxes, space = MACHINES[name]
    text, out = folder / f"{name}.yaml", folder / name
    text.write_text(text_of(boxes), encoding="utf-8")
    machine = load_machine(str(text))
    started = time.perf_counter()
    construct(Paradigm.SCOT, machine, least_context_for_space(space).position_bits)
    constructed = round(time.perf_counter() - started, 2)
    certified = cost_of("certify", text, *about_every_run(space, out), "--json")
    (certificate,) = out.glob("*.certificate.json")
    checked = cost_of("check", certificate, "--machine", text)
    return Proved(
        machine=name,
        states=len(machine.states),
        rows=len(machine.transitions),
        space=space,
        construct_seconds=constructed,
        certify=json.loads(certified.printed)["verdict"],
        certify_seconds=certified.seconds,
        certify_mib=certified.peak_mib,
        certificate_kib=certificate.stat().st_size // 1024,
        weights_kib=sum(path.stat().st_size for path in out.glob("*.weights.json")) // 1024,
        check=checked.printed.splitlines()[0] if checked.printed else "not judged",
        check_seconds=checked.seconds,
        check_mib=checked.peak_mib,
    )


def about_every_run(space: int, out: Path) -> tuple[str | Path, ...]:
    return "--all-inputs", "--paradigm", "scot", "--space", str(space), "--out", out


def keep(part: str, rows: list[dict[str, Any]]) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {part: rows}, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--only", choices=("proofs", "runs", "torch"), help="one part of it")
    only = parser.parse_args(arguments).only
    right = True
    if only in (None, "proofs"):
        with tempfile.TemporaryDirectory() as folder:
            proofs = [prove(name, Path(folder)) for name in MACHINES]
        print(*map(asdict, proofs), sep="\n")
        keep("proofs", [asdict(one) for one in proofs])
        valid = f"valid: {Verdict.PROVED.value}"
        right = all(one.certify == Verdict.PROVED.value and one.check == valid for one in proofs)
    if only in (None, "runs"):
        network = PreparedNetwork(construct(Paradigm.SCOT, MACHINE.machine, POSITION_BITS))
        go_on("runs", PUZZLES, partial(replay, network))
    if only in (None, "torch"):
        for machine, puzzles in BY_TOKEN.items():
            with tempfile.TemporaryDirectory() as folder:
                decoder = exported(machine, Path(folder))
                found = go_on("torch", puzzles, partial(generate, machine, decoder, by_token))
                found += go_on("torch", BY_SEGMENT.get(machine, {}), partial(generate, machine, decoder, in_one_pass))
            right = right and all(one["solved"] and not one["wrong"] for one in found)
    return 0 if right else 1


def go_on(
    part: str, puzzles: dict[str, str], result: Callable[[str, str], Replayed | Generated]
) -> list[dict[str, Any]]:
    """Results of all puzzles; those that are there already are not made again."""
    done: list[dict[str, Any]] = json.loads(RESULTS.read_text()).get(part, []) if RESULTS.exists() else []
    for name, word in puzzles.items():
        if name not in {one["puzzle"] for one in done}:
            done.append(asdict(result(name, word)))
            keep(part, done)
            print(done[-1], flush=True)
    return done


def exported(machine: str, folder: Path) -> Decoder:
    """Certified, exported and loaded."""
    cost_of("certify", machine, *about_every_run(MACHINES[machine][1], folder))
    (certificate,) = folder.glob("*.certificate.json")
    cost_of("export", certificate, "--to", "torch", "--out", folder / "exported")
    return Decoder.load(folder / "exported")


Segments = Sequence[Sequence[str]]
"""Names of tokens."""


def by_token(decoder: Decoder, segments: Segments, prompt: int) -> Segments:
    """The first tokens that the decoder writes after each prompt, this many of them."""
    read, name = decoder.vocabulary.read, decoder.vocabulary.name
    written = decoder.generate_each([[read(token) for token in segment[:prompt]] for segment in segments])
    return [[name(token) for token in one] for one in written]


def in_one_pass(decoder: Decoder, segments: Segments, prompt: int) -> Segments:
    """Each prompt, and what the decoder would write next after each beginning of the segment."""
    found = []
    for segment in segments:
        tokens = torch.tensor([[decoder.vocabulary.read(token) for token in segment[:-1]]])
        with torch.no_grad():
            best = decoder.vocabulary.best(decoder(tokens)[0, prompt - 1 :])
        found.append([*segment[:prompt], *(decoder.vocabulary.name(token) for token in best.tolist())])
    return found


def generate(
    machine: str, decoder: Decoder, how: Callable[[Decoder, Segments, int], Segments], name: str, word: str
) -> Generated:
    """For each segment of the run, the machine's prompt is given, and the rest is compared."""
    run = trace(LIBRARY[machine].machine, word, MOST_STEPS)
    bits = position_bits_for(decoder.embed_positions.num_embeddings, Paradigm.SCOT)
    describe = construct(Paradigm.SCOT, run.machine, bits).vocabulary.describe
    by_prompt: dict[int, list[TokenSequence]] = {}
    for segment in each_segment(run.machine, run, bits):
        by_prompt.setdefault(segment.prompt, []).append(segment)
    groups = [
        (prompt, same[at : at + SIDE_BY_SIDE])
        for prompt, same in by_prompt.items()
        for at in range(0, len(same), SIDE_BY_SIDE)
    ]
    started, tokens, written, wrong, output = time.perf_counter(), 0, 0, 0, ""
    for number, (prompt, group) in enumerate(groups, start=1):
        named = [[describe(token) for token in segment.tokens] for segment in group]
        for due, said in zip(named, how(decoder, named, prompt), strict=True):
            wrong += sum(map(str.__ne__, due, said)) + abs(len(due) - len(said))
            tokens, written = tokens + len(due), written + len(due) - prompt
            if said[-1] == "EOUTP":
                output = "".join(token[len("SIGMA(") : -1] for token in said[said.index("OUTP") + 1 : -1])
        print(f"{name}: {number} of {len(groups)} groups, {tokens} tokens, {wrong} wrong", flush=True)
    seconds = round(time.perf_counter() - started, 1)
    segments, solved = sum(len(group) for _, group in groups), output == LIBRARY[machine].oracle(word)
    told = how.__name__.replace("_", " ")
    return Generated(machine, name, told, run.steps, segments, tokens, written, wrong, solved, seconds, "bf16", "sdpa")


if __name__ == "__main__":
    sys.exit(main())
