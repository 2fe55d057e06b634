"""The report of ``certify --all-inputs``: claim, verdict, which heads bind, and what each part rests on."""

from __future__ import annotations

from collections.abc import Iterator

from exactformer.certificates.certify_all import UniversalBundle
from exactformer.certificates.files import Written
from exactformer.certificates.reports.facts import findings_for_all
from exactformer.certificates.reports.layout import Facts, Part, counted, heading
from exactformer.certificates.reports.on_inputs import evidence, files, network_facts, report
from exactformer.certificates.reports.theory import heads, margin_facts, missing_at_any_ties, setting_facts
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.weights import parameters
from exactformer.constructions.machines.run import Run
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.all_inputs import covered_by_drifts
from exactformer.verify.arithmetic.models import ModelError
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

WRITES = {
    Grounds.CONTEXT: "no more than there are tokens",
    Grounds.PROVED: "proved for this machine",
    Grounds.ASSUMED: Basis.ASSUMED.value.upper(),
}


def scope(bundle: UniversalBundle) -> str:
    """What was asked about."""
    request = bundle.request
    what = "every chain of thought" if request.paradigm is Paradigm.COT else "every segment"
    return f"in {what} of {request.machine.name} with at most {request.context} tokens"


def report_for_all(bundle: UniversalBundle, written: Written | None = None) -> Iterator[Part]:
    """The parts of a report about every run that fits, or about a run that refutes the claim."""
    if bundle.counterexample is not None:
        verdict, *rest = report(bundle.counterexample, written)
        yield verdict
        yield f"Not {scope(bundle)}:"
        if _tokens_may_be_tried(bundle):
            yield "This is about activations: --claim tokens tries to prove that every token is right all the same."
        yield from rest
        return
    yield verdict_line(bundle.verdict)
    yield bundle.made.claim
    if bundle.why_no_run_halts is not None:
        yield heading(bundle.why_no_run_halts, fg="yellow")
    if bundle.verdict is Verdict.INCONCLUSIVE:
        yield what_is_missing(bundle)
        if _tokens_may_be_tried(bundle):
            yield "This is about activations: --claim tokens tries to prove that every token is right all the same."
    yield ""
    yield _facts(bundle)
    yield ""
    yield from heads(bundle.made)
    yield from evidence(findings_for_all(bundle))
    yield from files(written)


def _tokens_may_be_tried(bundle: UniversalBundle) -> bool:
    """Whether a claim about tokens alone could be made in this arithmetic and was not asked for."""
    try:
        covered_by_drifts(bundle.made.universal.model)
    except ModelError:
        return False
    return not bundle.request.tokens


def what_is_missing(bundle: UniversalBundle) -> str:
    """What would have to be known for a proof."""
    if (why := missing_at_any_ties(bundle.made)) is not None:
        return why
    most = bundle.made.universal.most_writes_proved
    where = "" if bundle.request.paradigm is Paradigm.COT else " in one segment"
    return (
        f"The claim is proved for runs that write no cell more than {most} times{where}. We neither found an input "
        f"that writes a cell {most + 1} times nor proved that there is none. --assume-writes-per-cell {most} makes "
        "this bound a condition of the claim."
    )


def _facts(bundle: UniversalBundle) -> Facts:
    request, universal = bundle.request, bundle.made.universal
    network = bundle.made.network
    rows = [
        ("about", f"{scope(bundle).removeprefix('in ')}, whether it halts or goes on"),
        ("", "of a run that gets stuck: the tokens up to there"),
        ("", "of a run that halts with symbols on tape 1 that no input may have: the tokens before its output"),
        ("for example", _example(bundle.example)),
        *setting_facts(bundle.made),
    ]
    if request.behaviour.space is not None:
        rows.append(("space", f"{request.behaviour.space} cells: no segment is longer than the context"))
    rows.append(("writes", f"at most {request.most.bound} of one cell ({WRITES[request.most.grounds]})"))
    rows += network_facts(dimensions_of(network), parameters(network, universal.split), bundle.made.fits)
    rows += margin_facts(bundle.made)
    return Facts(tuple(rows))


def _example(run: Run | None) -> str:
    """A run that halts."""
    if run is None:
        return "on the shortest words no run was found that halts and meets all conditions"
    done = f"{counted(run.steps, 'step')} in {counted(run.cells, 'cell')}"
    return f"the run on {run.word or 'the empty word'}: {done}"
