"""Every program of Tracr's library, compiled: up to which length is it right on all words, and which is wrong first?

    python -m benchmarks.compiled            # needs the extra [tracr]

Each program is compiled for short words over a small vocabulary, and verified in fp32, bf16 and fp16 against a
specification in Python that knows nothing of RASP.  Then ``length`` with other values of ``mlp_exactness``, and longer
words.  Prints the tables and writes benchmarks/compiled.json and benchmarks/compiled.md.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

from benchmarks.command import parser_of
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.words.files import numbers_expected
from exactformer.certificates.words.found import WordsFound
from exactformer.certificates.words.search import search
from exactformer.constructions.imported.tracr import from_tracr, says_numbers, tokens_of
from exactformer.constructions.transformer.words import Word, Words
from exactformer.verify.arithmetic.formats import parse_format
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.stored import stored_in
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("compiled.json")
TABLES = RESULTS.with_suffix(".md")
ARITHMETICS = ("fp32", "bf16", "fp16")
BOS = "BOS"
Spec = Callable[[Word], Sequence[object]]


@dataclass(frozen=True)
class Program:
    """A program: how it is made from Tracr's modules ``lib`` and ``rasp``; its vocabulary; for how long words; what it
    should say at the positions from ``first`` on; ``language``: that of the words after BOS, if it is not all words."""

    name: str
    source: str
    vocabulary: tuple[str | int, ...]
    longest: int
    expected: Spec
    first: int = 1
    language: str | None = None
    causal: bool = False

    @property
    def regular(self) -> str:
        """The language of all words after BOS."""
        letters = " ".join(f'"{token}"' for token in self.vocabulary)
        return f"{BOS} ({self.language or f'[{letters}]*'})"

    def compiled(self, mlp_exactness: int = 100) -> Any:
        """Tracr's model."""
        from tracr.compiler import compiling, lib
        from tracr.rasp import rasp

        program = eval(self.source, {"lib": lib, "rasp": rasp})  # a line of this file
        return compiling.compile_rasp_to_model(
            program,
            vocab=set(self.vocabulary),
            max_seq_len=self.longest,
            causal=self.causal,
            compiler_bos=BOS,
            mlp_exactness=mlp_exactness,
        )


@dataclass(frozen=True)
class Result:
    """A program in an arithmetic: the longest words (after BOS) that are all right, and by what margin; the first wrong
    word, what is expected there and what comes."""

    program: str
    arithmetic: str
    longest: int
    verdict: str
    right: int | None
    margin: float | None
    word: str | None
    expected: str | None
    output: str | None
    words: int
    seconds: float


# ---------------------------------------------------------------------------- what programs should say


def everywhere(of: Callable[[Word], object]) -> Spec:
    """An output that is the same at every position."""
    return lambda word: [of(word[1:])] * (len(word) - 1)


def at_each(of: Callable[[Word, int], object], first: int = 1) -> Spec:
    """An output that depends on the letters after BOS and a place among them; from the position ``first`` on."""
    return lambda word: [of(word[1:], place) for place in range(first - 1, len(word) - 1)]


def fraction(letters: Word, place: int, letter: str) -> Fraction:
    """How many of the letters up to a place are this one."""
    return Fraction(letters[: place + 1].count(letter), place + 1)


def balanced(letters: Word, pairs: Sequence[str]) -> bool:
    """For each kind of brackets: never more closed than opened, and all closed at the end (shuffle-Dyck)."""
    for pair in pairs:
        depth = [letters[:n].count(pair[0]) - letters[:n].count(pair[1]) for n in range(1, len(letters) + 1)]
        if min(depth) < 0 or depth[-1]:
            return False
    return True


def by_frequency(word: Word) -> list[str]:
    """Frequent letters first, otherwise in their order."""
    count = Counter(word[1:])
    return sorted(word[1:], key=lambda letter: -count[letter])


def distinct(vocabulary: Sequence[object]) -> str:
    """All words without a letter twice."""
    words = (order for n in range(1, len(vocabulary) + 1) for order in permutations(vocabulary, n))
    return "|".join(" ".join(f'"{letter}"' for letter in word) for word in words)


PROGRAMS = (
    Program("length", "lib.make_length()", (1, 2, 3), 12, everywhere(len)),
    Program("reverse", "lib.make_reverse(rasp.tokens)", ("a", "b", "c"), 9, lambda word: word[:0:-1]),
    Program("hist", "lib.make_hist()", ("a", "b", "c"), 10, at_each(lambda w, i: w.count(w[i]))),
    Program(
        "sort",
        "lib.make_sort(rasp.tokens, rasp.tokens, max_seq_len=7, min_key=1)",
        (1, 2, 3),
        7,
        lambda word: sorted(word[1:]),
    ),
    Program(
        "sort_unique",
        "lib.make_sort_unique(rasp.tokens, rasp.tokens)",
        (1, 2, 3, 4, 5),
        5,
        lambda word: sorted(word[1:]),
        language=distinct((1, 2, 3, 4, 5)),
    ),
    Program("sort_freq", "lib.make_sort_freq(5)", (1, 2, 3), 5, by_frequency),
    Program(
        "frac_prevs",
        "lib.make_frac_prevs(rasp.tokens == 'a')",
        ("a", "b"),
        12,
        at_each(lambda w, i: fraction(w, i, "a")),
    ),
    Program(
        "pair_balance",
        "lib.make_pair_balance(rasp.tokens, '(', ')')",
        ("(", ")", "a"),
        8,
        at_each(lambda w, i: fraction(w, i, "(") - fraction(w, i, ")")),
    ),
    Program("shuffle_dyck1", "lib.make_shuffle_dyck(['()'])", ("(", ")"), 8, everywhere(lambda w: balanced(w, ["()"]))),
    Program(
        "shuffle_dyck2",
        "lib.make_shuffle_dyck(['()', '{}'])",
        ("(", ")", "{", "}"),
        5,
        everywhere(lambda w: balanced(w, ["()", "{}"])),
    ),
    Program("shift_by_2", "lib.shift_by(2, rasp.tokens)", ("a", "b", "c"), 9, at_each(lambda w, i: w[i - 2], 3), 3),
    Program(
        "detect_pattern_abc",
        "lib.detect_pattern(rasp.tokens, 'abc')",
        ("a", "b", "c"),
        8,
        at_each(lambda w, i: w[i - 2 : i + 1] == ("a", "b", "c"), 3),
        3,
    ),
    Program("count_a", "lib.make_count(rasp.tokens, 'a')", ("a", "b", "c"), 9, everywhere(lambda w: w.count("a"))),
    Program(
        "count_less_freq_2",
        "lib.make_count_less_freq(2)",
        ("a", "b", "c"),
        8,
        everywhere(lambda w: sum(w.count(letter) <= 2 for letter in w)),
    ),
    Program(
        "nary_sequencemap",
        "lib.make_nary_sequencemap(lambda x, y, z: x + y - z, rasp.tokens, rasp.tokens, rasp.indices)",
        (1, 2, 3),
        5,
        at_each(lambda w, i: 2 * int(w[i]) - i),
    ),
    Program(
        "selector_width, causal",
        "rasp.SelectorWidth(rasp.Select(rasp.tokens, rasp.tokens, rasp.Comparison.TRUE))",
        ("a", "b"),
        12,
        at_each(lambda _, i: i + 1),
        causal=True,
    ),
)
EXACTNESS = (1, 3, 10, 30, 100, 300, 1000, 10_000)


# ---------------------------------------------------------------------------- verifying


def verified(program: Program, arithmetic: str, model: Any) -> Result:
    """Verify in this arithmetic, with weights rounded to it."""
    started = time.perf_counter()
    words = Words(program.regular, program.longest + 1, program.expected, program.first)
    numbers = numbers_expected(words, tokens_of(model)) if says_numbers(model) else None
    net, _ = stored_in(from_tracr(model, numbers), parse_format(arithmetic))
    try:
        found = search(net, words, parse_arithmetic(arithmetic, of_networks=True))
    except TooLarge as error:
        return Result(program.name, arithmetic, program.longest, str(error), None, None, None, None, None, 0, 0.0)
    return result(program, arithmetic, found, time.perf_counter() - started)


def result(program: Program, arithmetic: str, found: WordsFound, seconds: float) -> Result:
    margins = [one.margin for one in found.lengths if one.margin is not None]
    wrong = found.wrong
    return Result(
        program.name,
        arithmetic,
        program.longest,
        found.verdict.value,
        None if found.right_up_to is None else found.right_up_to - 1,
        float(min(margins)) if margins else None,
        None if wrong is None else " ".join(wrong.word[1:]),
        None if wrong is None else wrong.expected,
        None if wrong is None else wrong.output,
        found.asked,
        round(seconds, 1),
    )


def shown(one: Result) -> str:
    """A cell of the table."""
    if one.verdict == Verdict.PROVED.value:
        return f"all {one.words:,} words, margin {one.margin:.2g}"
    if one.verdict == Verdict.REFUTED.value:
        return f"up to {one.right or 0} letters; wrong: `{one.word}`, {one.output} for {one.expected}"
    return f"{one.verdict}, right up to {one.right or 0} letters"


def tables(results: Sequence[Result], constants: Sequence[Result]) -> str:
    """As Markdown."""
    lines = [
        "# Programs that Tracr compiled: right up to which length?",
        "",
        "    python -m benchmarks.compiled            # needs the extra [tracr]",
        "",
        "Every program of the library of Tracr (tracr-pypi 1.0.0), compiled for words of this many letters over a",
        "small vocabulary, after BOS, with `mlp_exactness` 100. For each arithmetic the table says whether all",
        "words are proved, or gives the first wrong word, by length and then in order. `fp32` is attention written",
        "out, all in fp32. `bf16` and `fp16` are a model cast to that format: it stores results in the format, and",
        "adds in fp32.",
        "",
        "| program | letters | " + " | ".join(ARITHMETICS) + " |",
        "|---|---|" + "---|" * len(ARITHMETICS),
    ]
    for program in PROGRAMS:
        of_program = [one for one in results if one.program == program.name]
        if of_program:
            lines.append(f"| {program.name} | {program.longest} | " + " | ".join(map(shown, of_program)) + " |")
    lines += [
        "",
        "## How much the constant of MLPs matters",
        "",
        "`length`, up to 12 letters, by `mlp_exactness`:",
        "",
        "| `mlp_exactness` | " + " | ".join(ARITHMETICS) + " |",
        "|---|" + "---|" * len(ARITHMETICS),
    ]
    for exactness in EXACTNESS:
        of_constant = [one for one in constants if one.program == f"length, {exactness}"]
        if of_constant:
            lines.append(f"| {exactness} | " + " | ".join(map(shown, of_constant)) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Verify, print, write."""
    parser_of(__file__, __doc__).parse_args(arguments)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    results, constants = list[Result](), list[Result]()
    for program in PROGRAMS:
        model = program.compiled()
        for arithmetic in ARITHMETICS:
            results.append(verified(program, arithmetic, model))
            print(program.name, arithmetic, shown(results[-1]), f"{results[-1].seconds} s", flush=True)
    for exactness in EXACTNESS:
        model = PROGRAMS[0].compiled(exactness)
        for arithmetic in ARITHMETICS:
            found = verified(PROGRAMS[0], arithmetic, model)
            constants.append(Result(**{**asdict(found), "program": f"length, {exactness}"}))
            print(constants[-1].program, arithmetic, shown(found), flush=True)
    RESULTS.write_text(json.dumps([asdict(one) for one in (*results, *constants)], indent=1) + "\n", encoding="utf-8")
    TABLES.write_text(tables(results, constants), encoding="utf-8")


if __name__ == "__main__":
    main()
