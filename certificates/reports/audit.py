"""Reports of audits: what each arithmetic needs from a network, for contexts of up to 2^64 tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from exactformer.certificates.reports.layout import Column, Part, Table, heading
from exactformer.certificates.reports.records import csv_of
from exactformer.certificates.sentences import why_no_input
from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import ArithmeticModel, Fused, Rounded, is_plain
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, decide
from exactformer.verify.audit import Bits, Row, audit
from exactformer.verify.counting import Subject
from exactformer.verify.halting import no_input
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

MOST_SIZES = (8, 4096, 4096)
"""The largest K, |Q| and |Gamma| for which all machines of a size are audited."""


@dataclass(frozen=True)
class Audit:
    """The rows about one subject: arithmetic by arithmetic, each for all contexts.

    `verify.audit` says what a row has: verdict, beta, bits, size.  Nothing was run for them.
    """

    subject: Subject
    paradigm: Paradigm
    rows: tuple[Row, ...]

    @classmethod
    def of(
        cls, subject: Subject, paradigm: Paradigm, models: Iterable[ArithmeticModel], contexts: Iterable[int]
    ) -> Audit:
        """Raises ContextError and ModelError, as `verify.audit.audit` does."""
        return cls(subject, paradigm, tuple(audit(subject, paradigm, models, contexts)))

    def records(self) -> list[dict[str, object]]:
        """The rows as flat as JSON and CSV need them: rationals, and numbers that may exceed 2^53, are texts."""
        return [record(row) for row in self.rows]

    def document(self) -> dict[str, object]:
        """All of it as JSON values."""
        said = grounds(self.subject, self.paradigm, self.rows)
        return {
            "subject": self.subject.name,
            "paradigm": self.paradigm.value,
            **{basis.value: [sentence for each, sentence in said if each is basis] for basis in Basis},
            "rows": self.records(),
        }


def sizes_subject(sizes: Sequence[int], given: str) -> Subject:
    """All machines with K tapes, |Q| states and |Gamma| symbols, given as a text.  Raises BehaviourError."""
    if len(sizes) != 3 or any(
        not low <= size <= high for size, low, high in zip(sizes, (1, 2, 2), MOST_SIZES, strict=True)
    ):
        raise BehaviourError(
            f"{given}: give tapes, states and tape symbols, like 1,6,5; from 1,2,2 to {','.join(map(str, MOST_SIZES))}"
        )
    return Subject.of_sizes(*sizes)


def grounds(subject: Subject, paradigm: Paradigm, rows: Sequence[Row]) -> list[tuple[Basis, str]]:
    """What the verdicts of these rows rest on; nothing was run for them."""
    one = subject.machine
    name = "each of these machines" if one is None else one.name
    command = f"exactformer certify {'MACHINE' if one is None else one.name} --all-inputs --context N"
    return [
        (
            Basis.PROVED,
            f"In rows that say {Verdict.PROVED.value}, the rounding inequalities hold for every number of positions "
            f"that may tie. In rows that say {Verdict.INCONCLUSIVE.value}, they hold up to the number that is named; "
            "it is not shown that an input reaches a larger number, nor that its run then goes wrong.",
        ),
        *((Basis.PROVED, sentence) for sentence in _bounds(name, paradigm, rows)),
        *((Basis.PROVED, sentence) for sentence in _about_no_input(one, paradigm, rows)),
        (
            Basis.ASSUMED,
            f"The hardmax network of {name} is right: look-ups separate by 2, all other heads by 1, and only the "
            f"writers of one cell tie. {command} proves this, and decides the rest in the same way.",
        ),
    ]


def _bounds(name: str, paradigm: Paradigm, rows: Sequence[Row]) -> Iterator[str]:
    """How often one cell is written at most, and so how many positions may tie."""
    found = {row.most.grounds: row.most for row in rows}
    if (proved := found.get(Grounds.PROVED)) is not None:
        yield f"In every run {name} writes no cell more than {proved.bound} times, so at most as many positions tie."
    if Grounds.CONTEXT in found:
        within = "a segment" if paradigm is Paradigm.SCOT else "a chain of thought"
        where = "In shorter contexts no" if proved else "No"
        yield f"{where} cell is written more than N times in {within}: no smaller bound is known for {name}."


def _about_no_input(machine: TuringMachine | None, paradigm: Paradigm, rows: Sequence[Row]) -> Iterator[str]:
    """Up to which context no input fits, so that a claim about all fitting inputs says nothing (MACHINES 2)."""
    if machine is not None:
        for context in sorted({row.context for row in rows}, reverse=True):
            if (found := no_input(machine, paradigm, context)) is not None:
                because = why_no_input(machine.name, found.least_steps, context)
                yield f"Rows up to N = {tokens(context)} are about no input: {because}."
                return


def record(row: Row) -> dict[str, object]:
    """A flat row: rationals, and numbers that may exceed 2^53, are strings."""
    size, real = row.size, row.real_beta
    return {
        "arithmetic": row.model.text,
        "context": str(row.context),
        "verdict": row.verdict.value,
        "failing": None if row.failing is None else str(row.failing),
        "writes": str(row.writes),
        "most_writes": str(row.most.bound),
        "most_writes_grounds": row.most.grounds.value,
        "beta": str(row.beta),
        "largest_beta": str(row.largest_beta),
        "real_beta_above": None if real is None else str(real[0]),
        "real_beta_at_most": None if real is None else str(real[1]),
        "scale_query": str(row.split.query),
        "scale_key": str(row.split.key),
        "binding": row.binding.value,
        **{f"least_beta_{need.heads.name.lower()}": _text(need.least_beta) for need in row.needs},
        **{f"largest_{largest.matrix}": str(largest.magnitude) for largest in row.largest},
        "distinct_parameters": len(row.parameter_values),
        **_bits("weights", row.weights),
        **_bits("activations", row.activations),
        **_bits("attention_weights", row.attention_weights),
        **_bits("scores", row.scores),
        "position_bits": size.position_bits,
        "width": size.dimensions.width,
        "layers": size.dimensions.layers,
        "heads": size.dimensions.heads,
        "hidden_width": size.dimensions.hidden_width,
        "vocabulary": str(size.tokens),
        "parameters_dense": str(size.dense),
        "parameters_nonzero": str(size.nonzero),
    }


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _bits(name: str, bits: Bits | None) -> dict[str, object]:
    return {
        f"{name}_significand_bits": None if bits is None else bits.significand,
        f"{name}_exponent_bits": None if bits is None else bits.exponent,
    }


def as_csv_text(found: Audit) -> str:
    """A line of names, then one line per row; a missing value is empty."""
    return csv_of(found.records())


def report_of_audit(found: Audit) -> list[Part]:
    """The audit in words: one paragraph per arithmetic, one clause per range of contexts with the same result."""
    subject, paradigm, rows = found.subject, found.paradigm, found.rows
    lines: list[Part] = [f"{subject.name}, {paradigm.value}", ""]
    for basis, said in groupby(grounds(subject, paradigm, rows), key=lambda ground: ground[0]):
        lines += [heading(basis.title), *(f"  - {sentence}" for _, sentence in said)]
    lines.append("")
    for _, group in groupby(rows, key=lambda row: row.model):
        lines += [*sentences(list(group)), ""]
    return [*lines, heading("network sizes, by position bits"), size_table(rows)]


def sentences(rows: Sequence[Row]) -> list[str]:
    """The clauses of one arithmetic, one for each range of contexts: the verdict, and what is missing for a proof."""
    lines = [f"{rows[0].model.text}"]
    for _, alike in groupby(rows, key=lambda row: (row.verdict, row.failing, row.beta)):
        stretch = list(alike)
        lines.append(f"  - {_stretch(stretch)}: {_clause(stretch[-1], _largest(stretch))}")
    return lines


def _stretch(rows: Sequence[Row]) -> str:
    first, last = tokens(rows[0].context), tokens(rows[-1].context)
    return f"N = {first}" if first == last else f"N = {first}..{last}"


def _largest(rows: Sequence[Row]) -> int:
    return max(row.largest_parameter.magnitude for row in rows)


def _clause(row: Row, largest: int) -> str:
    split = row.split
    weights = f"beta = {row.beta}, |W_Q| <= {split.query}, |W_K| <= {split.key}, every |parameter| <= {largest}"
    if row.verdict is Verdict.PROVED:
        return f"{row.verdict.value} at {weights}{_real(row)}; {row.binding.value} binds"
    if row.writes == 0:
        at = f"at no beta up to {row.largest_beta}"
        return f"{row.verdict.value}: {at} do the inequalities hold for a {row.binding.value}"
    return f"{row.verdict.value}: they hold up to {row.writes:,} writes of one cell, at {weights}; {_why(row)}"


def _real(row: Row) -> str:
    real = row.real_beta
    return (
        ""
        if real is None
        else f" (at N = {tokens(row.context)} from a real beta in ({_decimal(real[0])}, {_decimal(real[1])}] on)"
    )


def _decimal(number: Fraction) -> str:
    """A whole number or a half in decimals."""
    return str(number.numerator) if number.denominator == 1 else f"{number.numerator // 2}.5"


def _why(row: Row) -> str:
    """Why one write more is not proved; whether a run has so many writes is not said."""
    failing = row.writes + 1
    alone = HeadFacts(None, (failing,), failing)  # nothing leaks
    if isinstance(row.model, Rounded) and is_plain(row.model) and isinstance(decide(row.model, alone, 1), Fails):
        return (
            f"once {failing:,} positions tie, {failing:,} rounded weights of 1/{failing:,} do not sum to 1, even "
            "if nothing leaks"
        )
    if isinstance(row.model, Fused) and is_plain(row.model):
        return f"a sum of {failing:,} ones in {row.model.accumulator.name} is not shown to be exact in every order"
    return f"{failing:,} are not shown to be right"


def size_table(rows: Iterable[Row]) -> Table:
    """How large the networks are: one row per number of position bits, taken from its largest context."""
    sizes = {row.size.position_bits: row.size for row in rows}
    cells = [
        (
            str(r),
            *(str(n) for n in (one.layers, one.heads, one.width, one.hidden_width)),
            f"{size.dense:,}",
            f"{size.nonzero:,}",
        )
        for r, size in sorted(sizes.items())
        for one in [size.dimensions]
    ]
    titles = ("layers", "heads", "d", "d_ff", "parameters", "not zero")
    return Table((Column("r", right=True, key=True), *(Column(title, right=True) for title in titles)), tuple(cells))


def tokens(context: int) -> str:
    """A context length as people write it.

    >>> tokens(2**24), tokens(1000)
    ('2^24', '1,000')
    """
    return f"2^{context.bit_length() - 1}" if context & (context - 1) == 0 and context > 2 else f"{context:,}"
