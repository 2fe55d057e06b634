"""Checkpoints that torchwright compiled: right on every word? In real numbers, and in which precision?

    python -m benchmarks.checkpoints         # needs: pip install torchwright==0.2.0 transformers safetensors

Two programs are compiled for both architectures, phi3 (RMSNorm, rotary positions, SwiGLU) and torchwright's own (relu,
rotary positions), read back from their folders, and verified: every token that the model writes itself, for all
inputs.  Formats are floating with p significant bits, sums in any order.  Prints the table and writes
benchmarks/checkpoints.json and benchmarks/checkpoints.md.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.command import parser_of
from exactformer.certificates.words.found import WordsFound
from exactformer.certificates.words.search import search
from exactformer.constructions.imported.checkpoint import from_checkpoint
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.words import Word, Words
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("checkpoints.json")
TABLE = RESULTS.with_suffix(".md")
PRECISIONS = (24, 32, 36, 40, 44, 48, 52, 56, 60, 64)
WIDTH = {"increment": 512, "successor": 256}
Build = Callable[[Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Program:
    """``build``: from torchwright's operations and their rotary configuration to output and embedding; ``answers``:
    from an input to what has to be written after it."""

    name: str
    build: Build
    inputs: tuple[str, ...]
    answers: Callable[[str], Sequence[str]]

    def expected(self, word: Word) -> list[str]:
        """The token that has to be written next."""
        end = word.index("\n")
        return [self.answers("".join(word[1:end]))[len(word) - 1 - end]]

    @property
    def language(self) -> str:
        """Every input, with every beginning of its answer except the whole answer."""
        parts = []
        for given in self.inputs:
            written = ""
            for token in reversed(self.answers(given)[:-1]):
                written = f'("{token}" {written})?'
            parts.append(f'"<bos>" {" ".join(given)} "\\n" {written}'.replace("\\n", "\n"))
        return " | ".join(parts)

    @property
    def longest(self) -> int:
        return max(2 + len(given) + len(self.answers(given)) - 1 for given in self.inputs)


def increment(library: Any, rope: Any) -> tuple[Any, Any]:
    """A binary number of up to four digits, plus 1: all digits are read after the newline, then carried."""
    import torch
    from torchwright.ops.attention_ops import attend_to_offset, get_prev_value
    from torchwright.ops.inout_nodes import create_embedding, create_literal_value

    embedding = create_embedding(vocab=["0", "1", " ", "\n", "<bos>", "<eos>"])
    of = embedding.get_embedding
    asked = library.equals_vector(embedding, of("\n"))
    zero, one, end = (create_literal_value(of(name)) for name in ("0", "1", "<eos>"))
    read = [get_prev_value(rope, attend_to_offset(rope, embedding, delta_pos=-at), asked) for at in range(1, 5)]
    carry, digits = create_literal_value(torch.tensor([1.0])), []
    for digit in read:
        is_one = library.equals_vector(digit, of("1"))
        kept = library.map_to_table(digit, {of("1"): of("1")}, default=of("0"))
        digits.append(library.select(carry, library.select(is_one, zero, one), kept))
        carry = library.bool_all_true([is_one, carry])
    written = [library.select(carry, one, zero), *reversed(digits), end]
    written = library.remove_leading_0s(embedding, written, max_removals=4)
    return library.output_sequence(rope, asked, written, of(" ")), embedding


def successor(library: Any, rope: Any) -> tuple[Any, Any]:
    """The next letter of the one that was read two before the newline; d is followed by a."""
    from torchwright.ops.attention_ops import attend_to_offset, get_prev_value
    from torchwright.ops.inout_nodes import create_embedding, create_literal_value

    embedding = create_embedding(vocab=["a", "b", "c", "d", " ", "\n", "<bos>", "<eos>"])
    of = embedding.get_embedding
    asked = library.equals_vector(embedding, of("\n"))
    letter = get_prev_value(rope, attend_to_offset(rope, embedding, delta_pos=-2), asked)
    following = library.map_to_table(
        letter, {of(one): of(two) for one, two in zip("abcd", "bcda", strict=True)}, of(" ")
    )
    return library.output_sequence(rope, asked, [following, create_literal_value(of("<eos>"))], of(" ")), embedding


def numbers(digits: int) -> Iterator[str]:
    for length in range(1, digits + 1):
        yield from map("".join, product("01", repeat=length))


PROGRAMS = (
    Program(
        "successor",
        successor,
        tuple("".join(word) for length in (2, 3) for word in product("abcd", repeat=length)),
        lambda given: ["bcda"["abcd".index(given[-2])], "<eos>"],
    ),
    Program(
        "increment",
        increment,
        tuple(numbers(4)),
        lambda given: [*format(int(given, 2) + 1, "b"), "<eos>"],
    ),
)


@dataclass(frozen=True)
class Result:
    """A program in an architecture: the model's size; verdict, words and margin in real numbers; the fewest bits of
    those tried from which on everything is proved; the verdict in fp32."""

    program: str
    architecture: str
    layers: int
    weights: int
    words: int
    verdict: str
    margin: float
    seconds: float
    bits: int | None
    fp32: str


class _Operations:
    """torchwright's operations of one kind of MLP, wherever they are."""

    def __init__(self, kind: str) -> None:
        names = ("logic_ops", "map_select", "sequence_ops")
        self.modules = [import_module(f"torchwright.ops.{kind}.{name}") for name in names]

    def __getattr__(self, name: str) -> Any:
        return next(getattr(module, name) for module in self.modules if hasattr(module, name))


def compiled(program: Program, architecture: str, folder: Path) -> Transformer:
    """What torchwright writes, read back."""
    from torchwright import compile_hf_bundle
    from torchwright.ops.inout_nodes import create_rope_config

    operations = _Operations("swiglu" if architecture == "phi3" else "relu")
    output, embedding = program.build(operations, create_rope_config(d_head=16, max_positions=512))
    norms = None if architecture == "phi3" else False
    with contextlib.redirect_stdout(io.StringIO()):
        compile_hf_bundle(
            output,
            embedding,
            folder,
            d=WIDTH[program.name],
            d_head=16,
            architecture=architecture,
            rms_norm=norms,
        )
    return from_checkpoint(folder, program.longest)


def verified(net: Transformer, program: Program, arithmetic: str) -> WordsFound:
    words = Words(program.language, program.longest, program.expected, None)
    return search(net, words, parse_arithmetic(arithmetic, of_networks=True))


def with_bits(p: int) -> str:
    form = "fp32" if p == 24 else f"float({p},-126,127)"
    return f"fused:{form}/{form}/{form}" + ("" if p == 24 else f"@{form}+linear{form}")


def measure(program: Program, architecture: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        net = compiled(program, architecture, Path(folder) / "model")
    started = time.perf_counter()
    exact = verified(net, program, "exact")
    seconds = time.perf_counter() - started
    proved = {p: verified(net, program, with_bits(p)).verdict is Verdict.PROVED for p in PRECISIONS}
    enough = [p for p in PRECISIONS if all(proved[more] for more in PRECISIONS if more >= p)]
    return Result(
        program.name,
        architecture,
        len(net.layers),
        sum(1 for _ in net.numbers()),
        exact.asked,
        exact.verdict.value,
        float(min(one.margin for one in exact.lengths if one.margin is not None)),
        round(seconds, 1),
        min(enough, default=None),
        verified(net, program, "fp32").verdict.value,
    )


HEAD = """# Checkpoints that torchwright compiled

    python -m benchmarks.checkpoints         # needs: pip install torchwright==0.2.0 transformers safetensors

A claim is about every token that the model writes by itself, for all inputs. `increment` adds 1 to numbers of up to
four binary digits; `successor` writes the letter that comes after the last but one of two or three letters, in the
alphabet. *exact* is the verdict in real numbers, with its margin and time. *bits* is for p-bit floating-point numbers
throughout, with sums in any order: the fewest bits (of 24, 32, 36, .., 64) from which on the claim is shown. *fp32*
is the verdict in fp32. A claim that is not shown may still be right: intervals lose what numbers have in common, and
sums in the worst order are worse than those of a kernel.

"""


def table(results: Sequence[Result]) -> str:
    titles = ("program", "architecture", "layers", "weights", "words", "exact", "margin", "seconds", "bits", "fp32")
    lines = [titles, ("---",) * len(titles)]
    lines += [
        (
            one.program,
            one.architecture,
            str(one.layers),
            f"{one.weights:,}",
            str(one.words),
            one.verdict,
            f"{one.margin:.3g}",
            str(one.seconds),
            "more than 64" if one.bits is None else str(one.bits),
            one.fp32,
        )
        for one in results
    ]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compile, verify, print, write."""
    parser_of(__file__, __doc__).parse_args(arguments)
    results = [measure(program, architecture) for program in PROGRAMS for architecture in ("custom", "phi3")]
    RESULTS.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    TABLE.write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
