"""The report of a certificate about a theory; those about a machine's runs say more (`every_run`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from exactformer.certificates.files import Written
from exactformer.certificates.reports.facts import findings_of_theory
from exactformer.certificates.reports.layout import Column, Facts, Part, Table
from exactformer.certificates.reports.on_inputs import (
    LEAST_BETA,
    SEPARATION,
    evidence,
    files,
    layers_of,
    network_facts,
)
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.certificates.weights import parameters
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.verify.all_inputs import TieCase
from exactformer.verify.arithmetic.models import Exact
from exactformer.verify.verdict import Verdict


def report_of_theory(bundle: TheoryBundle, written: Written | None = None) -> Iterator[Part]:
    """The parts of a report about every token sequence of a theory."""
    yield verdict_line(bundle.verdict)
    yield bundle.claim
    if bundle.verdict is Verdict.INCONCLUSIVE:
        most = bundle.universal.most_writes_proved
        yield missing_at_any_ties(bundle) or f"The claim is proved for at most {most} tied tokens."
    yield ""
    size = network_facts(dimensions_of(bundle.network), parameters(bundle.network, bundle.universal.split), bundle.fits)
    yield Facts((*setting_facts(bundle), *size, *margin_facts(bundle)))
    yield ""
    yield from heads(bundle)
    yield from evidence(findings_of_theory(bundle))
    yield from files(written)


def setting_facts(bundle: TheoryBundle) -> list[tuple[str, str]]:
    """Context and beta of a claim."""
    universal, context = bundle.universal, bundle.document["statement"]["context"]
    return [
        ("context", f"{context} tokens, positions of r = {bundle.network.position_bits} bits"),
        ("beta", f"{universal.beta} = {universal.split.query} in W_Q x {universal.split.key} in W_K"),
    ]


def margin_facts(bundle: TheoryBundle) -> list[tuple[str, str]]:
    """By how much right tokens are ahead, and how far activations drift."""
    rows = []
    if bundle.margin is not None:
        rows.append(("margin", f"every wrong token's logit is at least {bundle.margin} below the right one's"))
    if bundle.drift is not None:
        rows.append(("drift", "at most, by register: " + _by_register(bundle.drift.largest)))
        rows.append(("", f"at least {at_most(bundle.drift.margin, below=True)} of the margin is left"))
    return rows


def missing_at_any_ties(bundle: TheoryBundle) -> str | None:
    """What is missing for a proof; None if a bound on ties would be enough."""
    if bundle.not_shown is not None:
        return f"Tokens are not proved either: {bundle.not_shown}."
    universal, most = bundle.universal, bundle.universal.most_writes_proved
    if isinstance(universal.model, Exact):
        return (
            "Without rounding no weight of softmax is 0, so a head that sees two tokens or more does not give "
            "the hardmax value: name an arithmetic that rounds, with --arithmetic."
        )
    alone = [case for case in universal.cases if case.facts.most == 1]
    if any(case.least_beta is None for case in alone):
        return "No beta that this arithmetic admits makes the inequalities hold, even if no tokens tie."
    if most == 0:
        least = max(case.least_beta or 0 for case in alone)
        return f"The inequalities do not hold at beta = {universal.beta}: give --beta {least}, or leave out --beta."
    return None


def _by_register(largest: Mapping[str, Fraction]) -> str:
    """Registers, grouped by their bounds, the largest bound first."""
    together: dict[str, list[str]] = defaultdict(list)
    for name, drift in sorted(largest.items(), key=lambda item: -item[1]):
        together[at_most(drift)].append(name)
    return "; ".join(f"{drift} in {', '.join(names)}" for drift, names in together.items()) + "; 0 in all others"


def at_most(number: Fraction, below: bool = False) -> str:
    """A rational as it is, if it is short; else a power of two above it, or below it."""
    if number.denominator <= 1 << 12:
        return str(number)
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    return f"2^{exponent - 1 if below else exponent + 1}"


def heads(bundle: TheoryBundle) -> Iterator[Part]:
    """One row per head name, with the layers that have it."""
    groups: dict[tuple[str, TieCase], list[int]] = defaultdict(list)
    for layer, name, case in bundle.heads:
        groups[name, case].append(layer)
    rows, tokens = [], bundle.drift is not None
    for (name, case), layers in groups.items():
        ties = "1" if case.facts.most == 1 else f"1..{case.facts.most}"
        said = (_exactness(case),) if tokens else _proved(case)
        rows.append((name, layers_of(layers), str(case.facts.separation), ties, *said))
    titles = ("separation", "ties", *(("from exact inputs",) if tokens else ("proved for ties", "least beta")))
    yield Table((Column("head", key=True), Column("layers", key=True), *map(Column, titles)), tuple(rows))
    yield ""
    yield Facts((SEPARATION, ("ties", "how many tokens may share the best score"), *(DRIFTS if tokens else PROVED)))


PROVED = (
    ("proved for ties", "for this many ties the head gives the hardmax value at this beta, proved by inequalities"),
    (
        LEAST_BETA[0],
        "the smallest power of two at which that is proved for all ties; none: no admitted power is enough",
    ),
)
DRIFTS = (
    ("from exact inputs", "exact: the head gives the hardmax value if nothing drifted before it"),
    ("", "may drift: even then it may give another value; the drift bounds above cover that, for every number of ties"),
)
"""What the columns of the table of heads mean, for claims about activations and for claims about tokens alone."""


def _proved(case: TieCase) -> tuple[str, str]:
    up_to = case.up_to
    shown = "none" if up_to == 0 else "all" if case.holds else f"1..{up_to} only" if up_to > 1 else "1 only"
    return shown, "none" if case.least_beta is None else str(case.least_beta)


def _exactness(case: TieCase) -> str:
    if case.holds:
        return "exact"
    up_to = case.up_to
    return "may drift" if up_to == 0 else f"exact up to {up_to} ties, else may drift"
