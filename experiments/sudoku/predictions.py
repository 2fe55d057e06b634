"""The three predictions, judged by intervals over seeds.

Two arms are compared where they differ in one respect only, seed by seed.  What is compared is the *rate*, the mean of
the solve rates at all chain lengths of the evaluation, and the *fall*, by how much the rate is lower at the longest
third of the lengths than at the shortest third.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import permutations

from experiments.sudoku.evaluation import Solved
from experiments.sudoku.plan import Arm, Precision
from experiments.sudoku.rates import Interval, RunResult, fall, over_seeds, rate
from experiments.sudoku.tokens import Mode

MARGIN = 0.1
"""A difference of rates counts as none if its interval lies within this."""
LEARNED = 0.05
"""An arm with a smaller rate has learned too little to say anything about."""


class Outcome(Enum):
    """What the runs say about a prediction; they prove nothing about it."""

    SUPPORTED = "in line with the prediction"
    CONTRADICTED = "against the prediction"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Finding:
    """One thing that was measured, for a prediction."""

    what: str
    value: Interval
    outcome: Outcome

    def __str__(self) -> str:
        return f"{self.what}: {self.value}, {self.outcome.value}"


@dataclass(frozen=True)
class Prediction:
    """A prediction, what was measured about it, and what this says together."""

    title: str
    text: str
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """Against if anything is; in line if everything is; else undecided, also if nothing was measured."""
        outcomes = {finding.outcome for finding in self.findings}
        if Outcome.CONTRADICTED in outcomes:
            return Outcome.CONTRADICTED
        return Outcome.SUPPORTED if outcomes == {Outcome.SUPPORTED} else Outcome.UNDECIDED


def arms_of(results: Sequence[RunResult]) -> list[Arm]:
    """In the order in which they come."""
    return list(dict.fromkeys(result.arm for result in results))


def pairs(arms: Sequence[Arm], respect: str) -> Iterator[tuple[Arm, Arm]]:
    """All pairs of arms that differ in this field and in no other but their name."""
    for one, other in permutations(arms, 2):
        different = {field.name for field in fields(Arm) if getattr(one, field.name) != getattr(other, field.name)}
        if different == {"name", respect}:
            yield one, other


def by_depth(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """The pairs of a deeper arm and a shallower one."""
    return [(deep, shallow) for deep, shallow in pairs(arms, "layers") if deep.layers > shallow.layers]


def by_precision(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """The pairs of an arm in fp32 and one in bf16."""
    return [(exact, rounded) for exact, rounded in pairs(arms, "precision") if exact.precision is Precision.FP32]


def by_mode(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """The pairs of an arm with summaries and one without."""
    return [(summarized, plain) for summarized, plain in pairs(arms, "mode") if summarized.mode is Mode.SCOT]


def predictions(results: Sequence[RunResult], lengths: Sequence[float]) -> list[Prediction]:
    """What the results say about each of the three."""
    arms = arms_of(results)
    runs = {(result.arm, result.seed): result.solved for result in results}

    def values(arm: Arm, measure: Measure) -> dict[int, float]:
        return {seed: measure(solved, lengths) for (each, seed), solved in runs.items() if each == arm}

    def learned(arm: Arm) -> bool:
        return over_seeds(list(values(arm, rate).values())).mean >= LEARNED

    def alone(arm: Arm, measure: Measure) -> Interval:
        return over_seeds(list(values(arm, measure).values()))

    def difference(one: Arm, other: Arm, measure: Measure) -> Interval:
        """Of the seeds that both have: the measure of ``one`` less that of ``other``."""
        first, second = values(one, measure), values(other, measure)
        return over_seeds([first[seed] - second[seed] for seed in first if seed in second])

    def about(arms: Sequence[Arm], what: str, value: Interval, judge: Judge) -> Finding:
        return Finding(what, value, judge(value) if any(map(learned, arms)) else Outcome.UNDECIDED)

    depth = tuple(
        about(each, f"{each[0].name} less {each[1].name}, rate", difference(*each, rate), positive)
        for each in by_depth(arms)
        if each[0].mode is Mode.COT
    )
    falls = {
        mode: tuple(
            about([arm], f"{arm.name}, fall from short to long", alone(arm, fall), judge)
            for arm in arms
            if arm.mode is mode
        )
        for mode, judge in ((Mode.COT, positive), (Mode.SCOT, none_or_negative))
    }
    modes = tuple(
        about(
            (plain, summarized),
            f"{plain.name} less {summarized.name}, fall",
            difference(plain, summarized, fall),
            positive,
        )
        for summarized, plain in by_mode(arms)
    )
    precision = tuple(
        about((exact, rounded), f"{exact.name} less {rounded.name}, rate", difference(exact, rounded, rate), none)
        for exact, rounded in by_precision(arms)
    )
    return [
        Prediction(
            "Chain of thought: length and depth",
            "Without summaries, the solve rate falls with the length of the chain, and rises with depth.",
            falls[Mode.COT] + depth,
        ),
        Prediction(
            "Summaries: one size for every length",
            "With summaries, the solve rate does not fall with the length of the chain, or falls less.",
            falls[Mode.SCOT] + modes,
        ),
        Prediction(
            "Precision",
            "Activations in fp32 instead of bf16 make no difference where more depth does.",
            precision + depth,
        ),
    ]


Measure = Callable[[Sequence[Solved], Sequence[float]], float]
Judge = Callable[[Interval], Outcome]


def positive(value: Interval) -> Outcome:
    """More than 0 is predicted."""
    if value.low > 0:
        return Outcome.SUPPORTED
    return Outcome.CONTRADICTED if value.high <= 0 else Outcome.UNDECIDED


def none(value: Interval) -> Outcome:
    """No difference is predicted: the interval is to lie within the margin around 0."""
    if value.low > -MARGIN and value.high < MARGIN:
        return Outcome.SUPPORTED
    return Outcome.CONTRADICTED if value.low > 0 or value.high < 0 else Outcome.UNDECIDED


def none_or_negative(value: Interval) -> Outcome:
    """A fall is not predicted: the interval is to end within the margin above 0."""
    if value.high < MARGIN:
        return Outcome.SUPPORTED
    return Outcome.CONTRADICTED if value.low > 0 else Outcome.UNDECIDED
