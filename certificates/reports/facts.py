"""What a report says is proved, observed and assumed: sentences about the network, one claim each.

These sentences are for reports of what is made here.  The checker has its own sentences for what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.certify import Bundle
from exactformer.certificates.certify_all import UniversalBundle
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.verify.arithmetic.models import ArithmeticModel, assumptions, exact_around_heads
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

RUNS = {
    "cot": "The definitions of a run and of its token sequence are the intended ones (arXiv 2605.18079).",
    "scot": "The definitions of a run, its token sequence and its segments are the intended ones (arXiv 2605.18079).",
}
KERNEL = (
    "The kernel of theories decides rightly, without a solver; `exactformer check` runs the same kernel on what is "
    "written."
)
DRIFTING = (
    "What enters attention or an MLP is rounded to the activation format; MLPs, residual sums before that, and logits "
    "are exact, also on numbers that are not integers.",
    "Scores are exact sums of products, rounded once to their format; exponentials, differences of scores and quotients"
    " are exact, rounded where the model says so, to nearest with ties to even.",
)
"""What is assumed of the arithmetic where activations are not ternary (DRIFT)."""
HARDMAX_VALUE = (
    "After rounding, each head gives the hardmax value, given its separation, {ties}: by inequalities of rationals."
)
NOT_HARDMAX_VALUE = "At the query named, the arithmetic does not give the hardmax value: by bounds in rationals."


@dataclass(frozen=True)
class Findings:
    """Sentences that rest on the same grounds."""

    basis: Basis
    sentences: tuple[str, ...]


def findings_on_runs(bundle: Bundle) -> list[Findings]:
    """What a certificate about given inputs found."""
    certificate = bundle.certificate
    lookups = sum(head.kind == "lookup" for head in certificate.heads)
    return said_of_runs(
        Verdict(certificate.verdict),
        lookups,
        len(certificate.heads) - lookups,
        certificate.statement.position_bits,
        bundle.assessment.model,
    )


def said_of_runs(verdict: Verdict, lookups: int, others: int, r: int, model: ArithmeticModel) -> list[Findings]:
    """The same, for a network with ``lookups`` heads that look up positions of r bits, and ``others``."""
    proved = [
        f"Each of the {lookups} look-up heads scores at least 2 less at every other position than at the one it looks "
        f"up, for all positions below 2^{r}."
    ]
    proved += exact_around_heads(model)
    if verdict is Verdict.CERTIFIED:
        proved.append(HARDMAX_VALUE.format(ties="for the ties observed"))
    if verdict is Verdict.REFUTED:
        proved.append(NOT_HARDMAX_VALUE)
    observed = (
        "Every activation of the hardmax transformer is -1, 0 or 1.",
        "Every token after the prompt is its unique best next token.",
        f"The separations of the other {others} heads, and the ties of all heads, are those in the table.",
    )
    return [
        Findings(Basis.PROVED, tuple(proved)),
        Findings(Basis.OBSERVED, observed),
        Findings(Basis.ASSUMED, assumptions(model)),
    ]


def findings_for_all(bundle: UniversalBundle) -> list[Findings]:
    """What a certificate about every run that fits found."""
    made, most = bundle.made, bundle.request.most
    writes = [f"The machine writes no cell more than {most.bound} times, the input included."]
    assumed = [
        f"No cell is written more than {most.bound} times: nothing is claimed about runs that write one more often."
    ]
    return [
        Findings(
            Basis.PROVED,
            (
                *said_of_hardmax(made.margin),
                *(writes if most.grounds is Grounds.PROVED else ()),
                *_softmax(made),
            ),
        ),
        Findings(
            Basis.ASSUMED,
            (
                *(assumed if most.grounds is Grounds.ASSUMED else ()),
                RUNS[bundle.request.paradigm.value],
                *_assumed(made),
            ),
        ),
    ]


def findings_of_theory(bundle: TheoryBundle) -> list[Findings]:
    """What a certificate about every token sequence of a theory found."""
    return [
        Findings(Basis.PROVED, (*said_of_hardmax(bundle.margin), *_softmax(bundle))),
        Findings(Basis.ASSUMED, (meant_by(bundle.name), *_assumed(bundle))),
    ]


def meant_by(theory: str) -> str:
    """What is assumed of a theory."""
    return f"A token sequence belongs to the theory {theory} if everything that the theory's text says is true of it."


def _assumed(made: TheoryBundle) -> Iterator[str]:
    return assumed_of_theory(made.universal.model, drifting=made.drift is not None)


def assumed_of_theory(model: ArithmeticModel, *, drifting: bool) -> Iterator[str]:
    """What a claim about a theory takes as given, apart from the theory."""
    yield KERNEL
    yield from DRIFTING if drifting else assumptions(model)


def said_of_hardmax(margin: int | None) -> Iterator[str]:
    """What is proved of the hardmax transformer; ``margin``: of the right next token, if the theory names one."""
    yield (
        "In the hardmax transformer, at every token of every sequence of the theory, every activation is what the "
        "theory's ghosts say, and -1, 0 or 1: by induction over positions and layers."
    )
    yield "Each of its heads selects the tokens that the annotation names; all others score less, by the separation."
    if margin is not None:
        yield f"The right next token is its unique best one: every other logit is at least {margin} lower."


def _softmax(made: TheoryBundle) -> Iterator[str]:
    drifts = None
    if made.drift is not None:
        drifts = max(made.drift.largest.values(), default=Fraction(0)), made.drift.margin
    return said_of_softmax(made.universal.model, made.verdict, drifts)


def said_of_softmax(
    model: ArithmeticModel, verdict: Verdict, drifts: tuple[Fraction, Fraction] | None
) -> Iterator[str]:
    """What is proved of the softmax transformer.

    ``drifts``, if tokens alone are claimed: how far activations are off at most, and what is left of the margin.
    """
    if drifts is None:
        yield from exact_around_heads(model)
    if verdict is Verdict.PROVED:
        yield HARDMAX_VALUE.format(ties="for all numbers of ties")
    if drifts is not None:
        furthest, left = drifts
        yield (
            "For every number of ties, activations of the softmax transformer differ after each sublayer from the "
            f"hardmax ones by at most {furthest}."
        )
        yield f"So the right next token stays the unique best one: at least {left} of the margin is left."
