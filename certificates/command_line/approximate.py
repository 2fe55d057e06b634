"""``exactformer approximate``: a function, an accuracy, and the network of the high-precision construction for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import click

from exactformer.certificates.approximation import bundle_of, subject_of
from exactformer.certificates.approximation_limits import LARGEST_P, NotWritten
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.document import sha256
from exactformer.certificates.files import FileRefused, Output, Written
from exactformer.certificates.reports.layout import Facts, Part, heading
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.constructions.contextual.functions import SAMPLES, FunctionError, load_target, require_as_stated
from exactformer.constructions.contextual.grid import GridError
from exactformer.verify.contextual.approximation import Approximation, SpecificationError, plan, plan_with_room
from exactformer.verify.contextual.formats import Holds, formats_for
from exactformer.verify.contextual.softmax_form import StandardForm, StandardFormError, standard_form, widest
from exactformer.verify.contextual.theorem import Certified, certify
from exactformer.verify.verdict import Basis, Verdict


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    function: str
    n: int
    d: int
    epsilon: Fraction
    p: int
    delta: Fraction | None
    positional: bool
    standard_form: bool = False


def execute(asked: Asked, output: Output, wanted: bool, as_json: bool) -> None:
    """Choose delta, decide the lemmas for it, write the certificate, say what is proved.

    Exit code: 0 proved, 2 bad input (nothing is written), 3 not all lemmas are proved, 4 proved, but the certificate
    that was `wanted` would be beyond the checker's limits.
    """
    certified = certified_approximation(asked, output)
    form = None
    if asked.standard_form:
        with refusing(StandardFormError):
            form = standard_form(certified.approximation)
    written = write_certificate(certified, output)
    if as_json:
        click.echo(json.dumps(summary(certified, form, written), indent=2))
    else:
        show(report(certified, form, written))
    if certified.verdict is not Verdict.PROVED:
        raise SystemExit(EXIT_CODE[certified.verdict])
    if wanted and isinstance(written, str):
        raise InputRefused(f"nothing is written to {output.folder}: {written}", ExitCode.UNSUPPORTED)


def write_certificate(certified: Certified, output: Output) -> Written | str:
    """Certificate and network if all lemmas are proved and the checker's limits are kept, else why not.

    Raises InputRefused.
    """
    if certified.verdict is not Verdict.PROVED:
        return "not all lemmas are proved"
    try:
        with refusing(FunctionError, FileRefused):
            return output.write_bundle(bundle_of(certified))
    except NotWritten as error:
        return str(error)


def summary(certified: Certified, form: StandardForm | None, written: Written | str) -> dict[str, object]:
    """What ``--json`` prints: the verdict, the certificate, its name, and where it lies."""
    found: dict[str, object] = {
        "verdict": certified.verdict.value,
        "evidence": [
            {"lemma": one.lemma, "verdict": one.verdict.value, "text": one.text} for one in certified.evidence
        ],
    }
    if isinstance(written, str):
        found |= {"certificate": None, "not_written": written}
    else:
        certificate = json.loads(written.bytes)
        found |= {
            "claim": certificate["statement"]["claim"],
            "files": {"certificate": str(written.certificate), "network": str(written.weights)},
            "sha256": sha256(written.bytes),
            "certificate": certificate,
        }
    if form is not None:
        found["standard_form"] = list(standard_lines(form))
    return found


def certified_approximation(asked: Asked, output: Output) -> Certified:
    """The approximation that was asked for, with what was decided of it.  Raises InputRefused."""
    if asked.p > LARGEST_P:
        raise InputRefused(f"--p {asked.p}: give at most {LARGEST_P}")
    with refusing(FunctionError, GridError, SpecificationError, FileRefused):
        target = load_target(asked.function)
        make = plan_with_room if asked.standard_form else plan
        found = make(target, asked.n, asked.d, asked.epsilon, asked.p, asked.positional, asked.delta)
        output.require(subject_of(found))
        require_as_stated(target, asked.n, asked.d)
        return certify(found)


def report(certified: Certified, form: StandardForm | None, written: Written | str) -> Iterator[Part]:
    """What a person reads: the verdict and what it is about, what each part rests on, formats, files."""
    found = certified.approximation
    grid, target, counts = found.grid, found.target, found.counts
    yield verdict_line(certified.verdict)
    yield (
        f"{target.name}: {target.sentence}; {grid.n} tokens of dimension {grid.d}, inputs from "
        f"[0, 1)^({grid.d} x {grid.n})"
    )
    yield f"given the modulus, {certified.verdict.value}:"
    yield from (f"  - {line}" for line in bounds(found))
    yield ""
    rows = [("delta", f"{grid.delta}, the side of a cell: {why_delta(found)}")]
    if found.positional:
        why = "asked for" if target.equivariant else "the function is not permutation-equivariant"
        rows.append(("positions", f"encoded ({why}): column k lies in [k-1, k)^{grid.d}, so no two columns are equal"))
    rows += [
        ("ids", f"kept from t_l = {found.interval.low} to t_r = {found.interval.high}; all others are mapped to 0"),
        (
            "layers",
            f"{counts.quantisation} quantise, {counts.selective} shift selectively, 1 globally, {counts.dismissal} "
            f"dismiss other ids, {counts.bumps} map values" + (", 1 takes a lift back" if certified.lift else ""),
        ),
    ]
    yield Facts(tuple(rows))
    yield ""
    yield heading("lemmas")
    yield from (f"  - {one.lemma} {one.verdict.value}: {one.text}" for one in certified.evidence)
    if certified.runs is not None:
        runs = certified.runs
        yield ""
        yield heading(Basis.OBSERVED.title)
        yield (
            f"  - {runs.inputs} sampled inputs, through every layer: at the {runs.proper} without repeated columns the "
            f"largest difference of an entry is {runs.largest}"
        )
    yield ""
    yield heading(Basis.ASSUMED.title)
    tried = "" if target.from_library else f"; tried at {SAMPLES} pairs of points, not proved"
    yield f"  - modulus of continuity, as stated: {target.modulus_text}{tried}"
    yield ""
    yield heading("ids in units of delta, rounded to a format")
    yield Facts(tuple(format_rows(found)), "  ")
    if form is not None:
        yield ""
        yield from standard_lines(form)
    yield ""
    if isinstance(written, str):
        yield f"no certificate is written: {written}"
    else:
        kept = " (it was there before)" if written.kept else ""
        yield Facts((("certificate", f"{written.certificate}{kept}"), ("network", str(written.weights))))
        yield json.loads(written.bytes)["statement"]["claim"]


def why_delta(found: Approximation) -> str:
    """Why the grid is fine enough."""
    half = found.grid.delta / 2
    return (
        f"within a cell an entry is off by at most w({half}) = {found.cell_error}; that and the bound in L^{found.p} "
        f"are at most epsilon = {found.epsilon}; and n < 1/delta - 1"
    )


def bounds(found: Approximation) -> Iterator[str]:
    """What is claimed of the network."""
    p = found.p
    yield (
        f"the integral of the sum over the entries of |network - f|^{p} is at most {found.integral_bound}, so the "
        f"distance in L^{p} is at most {found.lp_bound} <= {found.epsilon}"
    )
    if found.repeated:
        yield (
            f"every entry is within {found.cell_error} of f's, except on inputs with two tokens in one cell, whose"
            f" measure is {found.repeated}; there the network gives 0 and |f| <= {found.sup}"
        )
    else:
        yield f"every entry is within {found.cell_error} of f's, at every input"


def format_rows(found: Approximation) -> Iterator[tuple[str, str]]:
    """Which formats can hold the ids, in units of delta."""
    for number_format, verdict in formats_for(found):
        if verdict is None:
            yield number_format.name, "not decided, too many ids"
        elif isinstance(verdict, Holds):
            yield number_format.name, "distinct, and exact" if verdict.exact else "distinct, but not all exact"
        else:
            yield number_format.name, f"cannot hold them: {verdict.instance}"


def standard_lines(form: StandardForm) -> Iterator[str]:
    """The standard transformer, and what is proved of it beyond the modified one."""
    found = form.approximation
    grid, p = found.grid, found.p
    yield (
        f"standard form: lambda = {form.factor}, the smallest power of two certified for an error of outputs of at most"
        f" {short(form.error)}; heads of size 1, at most {widest(form, None)} ReLUs a layer, {grid.d} layers more that"
        f" clamp to [-{found.sup}, {found.sup}]"
    )
    yield f"  quantisation has ramps of length {form.ramp}: inputs on them have measure {short(form.on_ramps)}"
    yield (
        f"  the integral of sum |network - f|^{p} is at most {short(form.integral_bound)}, so the distance in L^{p} is"
        f" at most {form.lp_bound} <= {found.epsilon}"
    )
    yield (
        f"  every entry is within {short(form.entry_error)} of f's, except on a set of measure at most "
        f"{short(form.left_out)}"
    )


def short(x: Fraction) -> str:
    """The fraction itself if it is short, else one at least as large: a multiple of 10^-6, or a power of two.

    >>> short(Fraction(1, 3)), short(Fraction(10**30 + 1, 3 * 10**30)), short(Fraction(3**30, 5**40))
    ('1/3', '333334/1000000', '2^-44')
    """
    if len(str(x)) <= 30:
        return str(x)
    if x * 1000 > 1:
        return f"{ceil(x * 10**6)}/1000000"
    exponent = x.numerator.bit_length() - x.denominator.bit_length() + 1
    return f"2^{exponent}"
