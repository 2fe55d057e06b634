"""The report of ``verify``: verdict, up to which length all words are right, the first word that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_FLOOR
from fractions import Fraction

from exactformer.certificates.document import rational
from exactformer.certificates.files import Written
from exactformer.certificates.reports.facts import Findings
from exactformer.certificates.reports.layout import Column, Facts, Part, Table, counted, heading
from exactformer.certificates.reports.on_inputs import evidence, files
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.sequences.certificate import shown
from exactformer.certificates.words.certificate import WordsBundle
from exactformer.certificates.words.explanation import Explanation
from exactformer.certificates.words.found import OfLength, WordsFound
from exactformer.constructions.transformer.words import HARDMAX, Automaton, Transducer
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Basis, Verdict


def report_on_words(bundle: WordsBundle, written: Written | None = None) -> Iterator[Part]:
    """The parts of a report."""
    found = bundle.found
    yield verdict_line(found.verdict)
    yield bundle.claim
    if (wrong := found.wrong) is not None:
        yield (
            f"On {' '.join(wrong.word)!r}, at position {wrong.position}, the output is not {wrong.expected!r}: "
            f"{wrong.output!r} is at least as good, however sums are ordered."
        )
    if (unshown := found.unshown) is not None:
        yield (
            f"On {' '.join(unshown.word)!r}, at position {unshown.position}, it is shown neither that the output is "
            f"{unshown.expected!r} nor that it is not."
        )
    if found.reason is not None:
        yield f"Not shown to be right: words {found.reason}."
    yield ""
    yield Facts(tuple(_facts(found)))
    yield ""
    titles = ("length", "words", "positions", "margin", "states")
    yield Table(
        tuple(Column(title, right=True, key=title == "length") for title in titles), tuple(map(_row, found.lengths))
    )
    yield ""
    yield Facts(
        (
            ("length", "of the words, in tokens"),
            ("positions", "that are asked about, in all these words"),
            (
                "margin",
                "how far the right output is from where another is as good, at least; - if some word is wrong, or "
                "not shown",
            ),
            ("states", "different ones that tokens have after the last layer: equal ones are computed once"),
        )
    )
    yield from evidence(list(_findings(found)))
    yield from files(written)


def report_on_explanation(found: Explanation) -> Iterator[Part]:
    """Why a word is wrong, or not shown to be right: three ways to compute it, where they part, what makes outputs."""
    yield ""
    yield heading("why")
    yield Table(
        (Column("computed with", key=True), Column("expected", right=True), Column("the other", right=True)),
        tuple((way.name, _number(way.expected), _number(way.other)) for way in found.ways),
    )
    yield ""
    yield Table(
        (
            Column("behind", key=True),
            Column("softmax differs from hardmax by", right=True),
            Column("in", right=False),
            Column("the arithmetic from softmax by", right=True),
            Column("in"),
            Column("known to within", right=True),
            Column("in"),
        ),
        tuple(
            (one.name, *_apart(one.of_softmax), *_apart(one.of_rounding), *_apart(one.width)) for one in found.sublayers
        ),
    )
    if found.neurons:
        yield ""
        yield Table(
            (
                Column("layer", right=True, key=True),
                Column("neuron", right=True, key=True),
                Column("makes", right=True),
                Column("adds to expected less other", right=True),
                Column("is"),
            ),
            tuple((str(n.layer), str(n.place), _number(n.makes), _number(n.adds), n.form) for n in found.neurons),
        )


def _apart(found: tuple[str, Fraction] | None) -> tuple[str, str]:
    return ("-", "") if found is None else (_number(found[1]), found[0])


def _number(number: Fraction | None) -> str:
    return "-" if number is None else f"{float(number):.6g}"


def _facts(found: WordsFound) -> Iterator[tuple[str, str]]:
    net = found.net
    heads = sum(len(layer.heads) for layer in net.layers)
    seen = "causal" if net.causal else "full"
    yield (
        "network",
        f"{counted(len(net.layers), 'layer')}, {counted(heads, 'head')}, d = {net.width}, {seen} attention, "
        f"{counted(len(net.vocabulary), 'token')}, {counted(len(net.output_names), 'output')}",
    )
    language, expected = found.words.language, found.words.expected
    if isinstance(language, Automaton):
        language = f"of an automaton of {counted(len(language.moves), 'state')}"
    yield "language", f"{language}, up to {counted(found.words.length, 'token')}"
    if isinstance(expected, Transducer):
        unreached = expected.unreached
        never = f"; never in {', '.join(map(repr, unreached))}" if unreached else ""
        yield "expected", f"the outputs of a transducer of {counted(len(expected.moves), 'state')}{never}"
    yield "words", f"{found.asked:,} of which something is asked, {found.positions:,} positions"
    if (length := found.right_up_to) is not None:
        yield (
            "as hardmax" if found.words.expected == HARDMAX else "right",
            f"every word of up to {counted(length, 'token')}",
        )
    if found.taken:
        yield "taken over", f"{_taken(found)}, from an earlier run, which showed that they are right"
    if found.wrong is not None:
        shorter = (
            "no shorter word is wrong" if _all_shown_below(found) else "not all shorter words are shown to be right"
        )
        yield "wrong", f"a word of {counted(len(found.wrong.word), 'token')}; {shorter}"


def _taken(found: WordsFound) -> str:
    first, last = min(found.taken), max(found.taken)
    return f"words of {counted(first, 'token') if first == last else f'{first} to {last} tokens'}"


def _all_shown_below(found: WordsFound) -> bool:
    return all(one.margin is not None for one in found.lengths[:-1])


def _row(one: OfLength) -> tuple[str, ...]:
    margin = "-" if one.margin is None else shown(rational(one.margin), ROUND_FLOOR)
    return str(one.length), f"{one.words:,}", f"{one.positions:,}", margin, f"{one.states:,}"


def _findings(found: WordsFound) -> Iterator[Findings]:
    taken = _taken(found) if found.taken else None
    expected = found.words.expected
    return said_of_words(found.verdict, expected, found.model, wrong=found.wrong is not None, taken=taken)


def said_of_words(
    verdict: Verdict, expected: object, model: ArithmeticModel, *, wrong: bool, taken: str | None = None
) -> Iterator[Findings]:
    """What each statement rests on.  ``expected``: `HARDMAX`, a transducer, or anything else for a specification that
    is not in the certificate; ``taken``: what came from an earlier run."""
    orders = "" if model.linear is None else ", in whatever order sums are added"
    match verdict:
        case Verdict.PROVED if expected == HARDMAX:
            yield Findings(
                Basis.PROVED,
                (
                    "For all states that the token at each position may be in, whatever states the others are in, "
                    f"softmax, bounded by intervals, gives exactly what hardmax gives{orders}.",
                ),
            )
        case Verdict.PROVED:
            yield Findings(
                Basis.PROVED,
                (
                    f"Every word's outputs are right, by intervals between rationals, each different state "
                    f"once{orders}.",
                ),
            )
        case Verdict.REFUTED:
            yield Findings(Basis.PROVED, (f"The word belongs to the language, and another output is as good{orders}.",))
    assumed = [
        f"Kernels compute in {model.text} as certificates/NETWORKS.md, 3, says."
        if model.linear is not None
        else "All sums, products, exponentials and quotients are those of real numbers.",
    ]
    if isinstance(expected, Transducer):
        assumed.append("The transducer in the certificate says what was meant.")
    elif wrong:
        assumed.append("The specification says what was meant.")
    elif expected != HARDMAX:
        assumed.append(
            "The specification says what was meant: it was run on every word, and is not part of the certificate; the "
            "SHA-256 of the listing is."
        )
    if taken is not None:
        assumed.append(f"What an earlier run kept about {taken} is right. (The checker computes it again.)")
    yield Findings(Basis.ASSUMED, tuple(assumed))
