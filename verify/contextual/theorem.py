"""Certifies an approximation: decides Lemmas 5, 6 and 7 for its grid and outputs, and runs the network on inputs.

Each lemma is decided by running layers if that is cheap, and by proof if it is not; the evidence says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.contextual.functions import distance, sampled_points
from exactformer.constructions.contextual.network import Network
from exactformer.constructions.contextual.value_mapping import ValueMapping
from exactformer.verify.contextual.approximation import Approximation
from exactformer.verify.contextual.beyond import prove_lemma6
from exactformer.verify.contextual.lemma5 import check_lemma5
from exactformer.verify.contextual.lemma6 import Fails, check_lemma6, sequences_of
from exactformer.verify.contextual.lemma7 import check_lemma7
from exactformer.verify.lemmas.outcome import Budget, Disproved, Established
from exactformer.verify.verdict import Verdict

MOST_STEPS = 1000
MOST_RUN = 5_000_000
"""The most columns times layers that are run through the attention layers."""
MOST_BUMPS = 50_000
MOST_LAYER_COLUMNS = 10_000
"""The most columns times layers that are run through the whole network, on sampled inputs."""
BUDGET_SECONDS = 60


@dataclass(frozen=True)
class Evidence:
    """One lemma for this grid: what is known about it, and what was done or found."""

    lemma: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Runs:
    """Sampled inputs that were run through the whole network, and the largest |network - f| on proper ones.

    These are checks on these runs; the bounds do not rest on them.
    """

    inputs: int
    proper: int
    largest: Fraction


@dataclass(frozen=True)
class Certified:
    """What was decided about an approximation; `lift` is that of its value mapping, None if that was not built."""

    approximation: Approximation
    evidence: tuple[Evidence, ...]
    lift: int | None
    runs: Runs | None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the bounds. The lemmas together are sufficient; if one is refuted, the bounds stay
        undecided."""
        together = Verdict.together(one.verdict for one in self.evidence)
        return Verdict.PROVED if together is Verdict.PROVED else Verdict.INCONCLUSIVE


def certify(approximation: Approximation, budget: Budget | None = None) -> Certified:
    """Decide Lemmas 5, 6 and 7 for the approximation; run the network on sampled inputs if it is small."""
    budget = budget or Budget(BUDGET_SECONDS)
    evidence = [_lemma5(approximation), *_lemma6(approximation, budget)]
    small = approximation.counts.bumps <= MOST_BUMPS
    values = approximation.values() if small else None
    evidence.append(_by_running(approximation, values) if values is not None else _by_inequality(approximation))
    lift = values.lift if values is not None else None
    return Certified(approximation, tuple(evidence), lift, _runs(approximation, values))


def _lemma5(approximation: Approximation) -> Evidence:
    grid = approximation.grid
    if grid.steps > MOST_STEPS:
        return Evidence("Lemma 5", Verdict.INCONCLUSIVE, f"not decided beyond 1/delta = {MOST_STEPS}")
    found = check_lemma5(grid)
    if isinstance(found, Fails):
        return Evidence("Lemma 5", Verdict.REFUTED, found.instance)
    return Evidence(
        "Lemma 5", Verdict.PROVED, f"all reals, followed through {found.layers} layers in {found.cells} intervals"
    )


def _lemma6(approximation: Approximation, budget: Budget) -> list[Evidence]:
    """The proof, always; and every quantised sequence, if they are few."""
    grid = approximation.grid
    outcome = prove_lemma6(grid, budget)
    match outcome:
        case Established():
            text = (
                f"induction over the columns, {outcome.queries} queries to the solver and {outcome.cases} inequalities"
            )
            found = [Evidence("Lemma 6", Verdict.PROVED, text)]
        case Disproved(counterexample):
            found = [Evidence("Lemma 6", Verdict.REFUTED, counterexample)]
        case _:
            found = [Evidence("Lemma 6", Verdict.INCONCLUSIVE, outcome.reason)]
    if sequences_of(grid) * grid.n * grid.columns <= MOST_RUN:
        ran = check_lemma6(grid)
        if isinstance(ran, Fails):
            found.append(Evidence("Lemma 6", Verdict.REFUTED, ran.instance))
        else:
            text = f"all {ran.sequences} quantised sequences run through the layers: {ran.ids} ids"
            found.append(Evidence("Lemma 6", Verdict.PROVED, text))
    return found


def _by_running(approximation: Approximation, values: ValueMapping) -> Evidence:
    found = check_lemma7(values)
    if isinstance(found, Fails):
        return Evidence("Lemma 7", Verdict.REFUTED, found.instance)
    if found.bumps != approximation.counts.bumps:
        return Evidence("Lemma 7", Verdict.REFUTED, f"{found.bumps} bumps, not {approximation.counts.bumps}")
    others = f"; {found.others} columns of other sequences become 0" if found.others else ""
    return Evidence(
        "Lemma 7", Verdict.PROVED, f"all {found.bumps} ids run through the layers reach their columns{others}"
    )


def _by_inequality(approximation: Approximation) -> Evidence:
    """Show that outputs stay below every bump, so that each id's column meets its own bump and no other."""
    grid = approximation.grid
    largest = approximation.sup * sum(grid.direction)
    if largest < approximation.interval.low - grid.delta / 2:
        text = "u^T of every output is at most S sum(u) < t_l - delta/2, so no column meets two bumps"
        return Evidence("Lemma 7", Verdict.PROVED, text)
    return Evidence("Lemma 7", Verdict.INCONCLUSIVE, f"more than {MOST_BUMPS} ids, and outputs may come near them")


def _runs(approximation: Approximation, values: ValueMapping | None) -> Runs | None:
    counts, n = approximation.counts, approximation.grid.n
    layers = counts.attention + counts.tokenwise
    if values is None or layers * n > MOST_LAYER_COLUMNS:
        return None
    return run_samples(approximation, approximation.network(values), MOST_LAYER_COLUMNS // (layers * n))


def run_samples(approximation: Approximation, network: Network, most: int) -> Runs:
    """Run at most `most` sampled inputs of [0, 1)^(d x n)."""
    grid, target = approximation.grid, approximation.target
    tried = proper = 0
    largest = Fraction(0)
    for sequence, _ in sampled_points(grid.n, grid.d):
        if tried == most:
            break
        if any(z >= 1 for column in sequence for z in column):
            continue
        tried += 1
        cells = {tuple(z // grid.delta for z in column) for column in sequence}
        if approximation.positional or len(cells) == grid.n:
            proper += 1
            largest = max(largest, distance(network(sequence), target.evaluate(sequence)))
    return Runs(tried, proper, largest)
