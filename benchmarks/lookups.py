"""Up to which context do the look-ups of the literature separate, as number formats compute them, and at which beta?

    python -m benchmarks.lookups [--plot benchmarks/lookups.svg]        # the picture needs the extra [bench]

Six look-ups in six arithmetics: the largest context that is proved, a counterexample in the next one, the first context
known in which no order of additions helps, and the least beta.  For small contexts a network is built, and `certify`
proves or refutes it on words.  Prints the table, and writes benchmarks/lookups.json.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command import parser_of
from exactformer.api import certify
from exactformer.certificates.command_line.plots import drawn, pyplot_for
from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.constructions.lookups.network import Confusion, Instance, confused, instance, of_two_codes
from exactformer.constructions.lookups.scheme import Scheme
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.lookups.arithmetics import ARITHMETICS
from exactformer.verify.lookups.beta import Beta, betas
from exactformer.verify.lookups.decide import separation
from exactformer.verify.lookups.scores import ScoreArithmetic, held
from exactformer.verify.lookups.separation import CodeCounterexample, Counterexample, Place, Separation, UpTo
from exactformer.verify.verdict import Verdict

RESULTS = Path(__file__).with_name("lookups.json")
_D = "float(53,-960,1023)"
JUDGED_AS = {"fp64": f"rounded:{_D}/{_D}/{_D}@{_D}+linear{_D}+exp2-one"}
"""Certificates about networks have no numbers below 2^-1024 (NETWORKS, 8): fp64 without its smallest ones."""
LONGEST_PROOF, LONGEST_WRITES, LONGEST_COUNT, LONGEST_WORD, MOST_BITS = 30, 12, 200, 260, 300
"""Contexts of networks that are proved on all their words, and of networks that are refuted on one; bits of codes."""
COLOURS = ("#000000", "#0072B2", "#009E73", "#56B4E9", "#D55E00", "#E69F00")
"""Okabe and Ito's colours, which colour-blind people can tell apart; each arithmetic also has its own marker."""
MARKERS = "osD^vP"


@dataclass(frozen=True)
class Clash:
    """A counterexample, as texts: places are ``address`` or ``address@time``."""

    context: str
    query: str
    right: str
    wrong: str
    right_score: str
    wrong_score: str
    sure: bool


@dataclass(frozen=True)
class BetaFound:
    """In this context; ``least`` if the power of two below is shown not to suffice."""

    context: str
    beta: str | None
    least: bool
    too_small: str | None
    reason: str


@dataclass(frozen=True)
class Judged:
    """A certificate about words: the context of the network, the verdict, beta, and the words."""

    context: str
    verdict: str
    beta: str
    words: str


@dataclass(frozen=True)
class Row:
    """A look-up in an arithmetic."""

    scheme: str
    arithmetic: str
    softmax: str
    up_to: str
    how: str
    gap: str
    first: Clash | None
    sure: Clash | None
    signs: BetaFound
    ternary: BetaFound
    certificate: Judged | None
    refutation: Judged | None


def power(number: int) -> str:
    """A number as text, as 2^k if it is a power of two.

    >>> power(1024), power(1000)
    ('2^10', '1,000')
    """
    return f"2^{number.bit_length() - 1}" if number > 64 and number & (number - 1) == 0 else f"{number:,}"


def rational(number: Fraction) -> str:
    """A dyadic rational: 3/2^20 instead of a long denominator."""
    if number.denominator == 1:
        return power(number.numerator)
    return f"{number.numerator:,}/{power(number.denominator)}"


def interval(scores: Interval) -> str:
    low, high = map(rational, scores)
    return low if low == high else f"{low} to {high}"


def clash(found: Counterexample | CodeCounterexample | None) -> Clash | None:
    """As texts."""
    match found:
        case None:
            return None
        case CodeCounterexample(bits):
            own = f"all {bits:,} ones"
            context, query, right, wrong = f"2^{bits}", own, own, "one -1"
        case Counterexample():
            context, query = power(found.context), f"{found.query:,}"
            right, wrong = place(found.right), place(found.wrong)
    scores = interval(found.right_score), interval(found.wrong_score)
    return Clash(context, query, right, wrong, *scores, found.is_sure)


def place(one: Place) -> str:
    return f"{one.address:,}" if one.address == one.time else f"{one.address:,}@{one.time:,}"


def beta_found(found: Beta) -> BetaFound:
    def text(beta: int | None) -> str | None:
        return None if beta is None else f"2^{beta.bit_length() - 1}"

    return BetaFound(power(found.context), text(found.beta), found.is_least, text(found.too_small), found.reason)


def proved_text(found: Separation) -> str:
    match found.proved:
        case None:
            return "every N"
        case UpTo(bits):
            return f"2^{bits}"
        case proved:
            return power(proved)


def judged(made: Instance, context: str, arithmetic: ScoreArithmetic, beta: int) -> Judged:
    """What `certify` says about the network."""
    softmax = JUDGED_AS.get(arithmetic.name, arithmetic.softmax)
    certificate = certify(made.network, made.words, softmax, beta=beta)
    words = str(made.words.language)
    return Judged(context, certificate.verdict.value, f"2^{beta.bit_length() - 1}", words if len(words) < 80 else "")


def certificate_of(scheme: Scheme, arithmetic: ScoreArithmetic, found: Separation, beta: int) -> Judged:
    """On all words of a context that is proved."""
    longest = LONGEST_COUNT if scheme.causal else LONGEST_PROOF if scheme.addresses_are_positions else LONGEST_WRITES
    context = min(found.proved, longest) if isinstance(found.proved, int) else longest
    return judged(instance(scheme, context, partial(held, arithmetic.activations)), power(context), arithmetic, beta)


def refutation_of(
    scheme: Scheme, arithmetic: ScoreArithmetic, found: Separation, betas_known: Sequence[int]
) -> Judged | None:
    """On the word of a counterexample, if the network is small enough; the sure one first.  None if there is none."""
    last = None
    for one in dict.fromkeys(each for each in (found.sure, found.first) if each is not None):
        for beta in betas_known:
            last = refuted(scheme, arithmetic, one, beta) or last
            if last is not None and last.verdict == Verdict.REFUTED.value:
                return last
    return last


def refuted(
    scheme: Scheme, arithmetic: ScoreArithmetic, one: Counterexample | CodeCounterexample, beta: int
) -> Judged | None:
    """What `certify` says on its word; None if that is too long."""
    match one:
        case CodeCounterexample(bits) if bits <= MOST_BITS:
            return judged(of_two_codes(bits), f"2^{bits}", arithmetic, beta)
        case Counterexample() if one.context <= LONGEST_WORD:
            confusion = Confusion(one.context, one.query, one.right.time, one.wrong.address, one.wrong.time)
            made = confused(scheme, confusion, partial(held, arithmetic.activations))
            return judged(made, power(one.context), arithmetic, beta)
    return None


def row(scheme: Scheme, arithmetic: ScoreArithmetic) -> Row:
    """All that is found of one look-up in one arithmetic."""
    found = separation(scheme, arithmetic)
    signs, ternary = betas(arithmetic, found)
    certificate = refutation = None
    if signs.beta is not None:
        certificate = certificate_of(scheme, arithmetic, found, signs.beta)
        known = sorted({each.beta for each in (signs, ternary) if each.beta is not None})
        refutation = refutation_of(scheme, arithmetic, found, known)
    return Row(
        scheme.name,
        arithmetic.name,
        arithmetic.softmax,
        proved_text(found),
        found.how,
        rational(found.gap),
        clash(found.first),
        clash(found.sure),
        beta_found(signs),
        beta_found(ternary),
        certificate,
        refutation,
    )


def loaded(text: str) -> list[Row]:
    """What `main` wrote."""

    def part(kind: type[Any], fields: dict[str, Any] | None) -> Any:
        return None if fields is None else kind(**fields)

    kinds = {"first": Clash, "sure": Clash, "signs": BetaFound, "ternary": BetaFound}
    kinds |= {"certificate": Judged, "refutation": Judged}
    return [
        Row(**{name: part(kinds[name], value) if name in kinds else value for name, value in one.items()})
        for one in json.loads(text)
    ]


def rows() -> Iterator[Row]:
    """In the order of the table."""
    for scheme in SCHEMES:
        for arithmetic in ARITHMETICS:
            yield row(scheme, arithmetic)


def beta_text(found: BetaFound) -> str:
    if found.beta is None:
        return "none"
    return found.beta if found.least else f"<= {found.beta}"


def clash_text(found: Clash | None) -> str:
    if found is None:
        return "none"
    scores = f"{found.right_score} for {found.right}, {found.wrong_score} for {found.wrong}"
    return f"N = {found.context}: query {found.query}, {scores}"


def table(found: Sequence[Row]) -> list[str]:
    """Lines of Markdown."""
    rows_of = [HEAD, ("---",) * len(HEAD), *map(cells, found)]
    return [f"| {' | '.join(one)} |" for one in rows_of]


def judged_text(found: Judged | None) -> str:
    return "" if found is None else f"{found.verdict} at {found.context}"


HEAD = (
    "look-up",
    "arithmetic",
    "proved up to",
    "counterexample",
    "sure from",
    "beta, signs",
    "beta, ternary",
    "certify",
)


def cells(one: Row) -> tuple[str, ...]:
    """A row of the table."""
    verdicts = [text for text in map(judged_text, (one.certificate, one.refutation)) if text]
    sure = "unknown" if one.sure is None and one.first is not None else "" if one.sure is None else one.sure.context
    return (
        one.scheme,
        one.arithmetic,
        one.up_to,
        clash_text(one.first),
        sure,
        beta_text(one.signs),
        beta_text(one.ternary),
        "; ".join(verdicts),
    )


def bits_of(proved: str) -> float:
    """log2 of the largest context, for the picture."""
    if proved.startswith("2^"):
        return float(proved.removeprefix("2^"))
    return math.log2(int(proved.replace(",", "")))


def draw(found: Sequence[dict[str, Any]], path: Path) -> bytes:
    """Largest contexts, up to 2^60 on the left, larger ones on the right; each arithmetic in a line of its own."""
    plt = pyplot_for(path)
    figure, (small, large) = plt.subplots(1, 2, figsize=(12, 6.5), sharey=True, width_ratios=(3, 1.5))
    names = [scheme.name for scheme in SCHEMES]
    for number, arithmetic in enumerate(ARITHMETICS):
        style = {"color": COLOURS[number], "marker": MARKERS[number], "linestyle": "", "markersize": 7}
        of_this = [one for one in found if one["arithmetic"] == arithmetic.name]
        for one in of_this:
            height = names.index(one["scheme"]) + (number - 2.5) * 0.13
            beside = {"xytext": (7, 0), "textcoords": "offset points", "va": "center", "fontsize": 7}
            if one["up_to"] == "every N":
                edge = large.get_yaxis_transform()
                large.plot([0.6], [height], transform=edge, **style)
                large.annotate("every N", (0.6, height), xycoords=edge, **beside)
                continue
            bits = bits_of(one["up_to"])
            axis = small if bits < 60 else large
            axis.plot([bits], [height], **style)
            axis.annotate(one["up_to"], (bits, height), **beside)
        small.plot([], [], label=arithmetic.name, **style)
    small.set_xlim(0, 72)
    small.set_xlabel("log2 of the largest context N that is proved")
    large.set_xscale("log")
    large.set_xlim(1e1, 1e31)
    large.set_xlabel("the same, on a logarithmic scale")
    small.set_yticks(range(len(names)), names)
    small.invert_yaxis()
    for axis in (small, large):
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        for border in range(len(names) - 1):
            axis.axhline(border + 0.5, color="#999999", linewidth=0.5)
    small.legend(loc="lower right", fontsize=8, title="activations, scores")
    figure.tight_layout()
    return drawn(plt, figure, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Computes the rows, prints them as a table, writes them, and draws."""
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the largest contexts, as .svg or .png")
    asked = parser.parse_args(arguments)
    found = []
    for one in rows():
        found.append(one)
        print(f"{one.scheme}, {one.arithmetic}: proved up to {one.up_to}", flush=True)
    print(*table(found), sep="\n")
    RESULTS.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    if asked.plot is not None:
        asked.plot.write_bytes(draw([asdict(one) for one in found], asked.plot))
    return 0


if __name__ == "__main__":
    sys.exit(main())
