"""Certificates about networks of any exact weights: given sequences, and words of a language."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR
from fractions import Fraction

from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.checker.softmax.numbers import Unbounded
from exactformer.certificates.network_document import read_transformer
from exactformer.certificates.reports.layout import counted
from exactformer.certificates.reports.page.parts import parts_html
from exactformer.certificates.reports.page.section import (
    Section,
    bar,
    drawing,
    facts,
    figure,
    label,
    left_out,
    note,
    scrolled,
    short,
)
from exactformer.certificates.reports.page.source import Json, Kind, Source
from exactformer.certificates.reports.words import report_on_explanation
from exactformer.certificates.sequences.certificate import shown
from exactformer.certificates.words.explanation import Place, explain_at
from exactformer.constructions.html import Markup, element, joined, paragraph, table
from exactformer.constructions.transformer.words import HARDMAX
from exactformer.verify.arithmetic.models import parse_arithmetic

MOST_SEQUENCES, MOST_TOKENS, MOST_LAYERS, MOST_MOVES = 24, 64, 48, 60
LONGEST_EXPLAINED = 64
"""The most tokens of a word that is computed again for a page."""
SECONDS = 60
"""For that."""


def sequences_section(source: Source) -> Section | None:
    """The sequences that the certificate is about; None for other kinds."""
    if source.kind is not Kind.SEQUENCES:
        return None
    sequences = source.statement["sequences"]
    rows = [
        (number, _tokens(one["tokens"]), "; ".join(f"{at}: {token}" for at, token in one["asked"][:MOST_TOKENS]) or "-")
        for number, one in enumerate(sequences[:MOST_SEQUENCES])
    ]
    listed = table(
        ["sequence", "tokens, each with its position", "asked: position and token that has to be first"],
        rows,
        caption="The given sequences",
        headed=True,
    )
    return Section(
        "sequences",
        "The given sequences",
        joined((scrolled("the given sequences", listed), left_out(len(rows), len(sequences), "sequences"))),
    )


def _tokens(tokens: list[Json]) -> Markup:
    chips = [
        element("span", element("span", place, class_="place"), " ", str(token), class_="token mark")
        for place, token in enumerate(tokens[:MOST_TOKENS])
    ]
    more = f" and {len(tokens) - MOST_TOKENS:,} more" if len(tokens) > MOST_TOKENS else ""
    return element("span", *chips, more, class_="tokens")


def drift_section(source: Source) -> Section | None:
    """How far activations may drift from the hardmax ones: by layer, or by register if tokens alone are proved."""
    if source.kind is Kind.SEQUENCES:
        drift, margin = source.document["softmax"]["drift"], source.document["softmax"]["margin"]
        rows = [(number, *(_up(one) for one in pair)) for number, pair in enumerate(drift[:MOST_LAYERS], start=1)]
        titles, caption = ["layer", "after attention", "after the MLP"], "Drift by layer, at most"
        said = "" if margin is None else f"Margin in this arithmetic: at least {shown(margin, ROUND_FLOOR)}."
        there_are = len(drift)
    elif source.kind is Kind.THEORY and "drift" in source.document:
        drift = source.document["drift"]
        rows = [(name, _up(number)) for name, number in list(drift["largest"].items())[:MOST_LAYERS]]
        titles, caption = ["register", "at most"], "Drift by register, at most; all others have none"
        said = f"What is left of the margin: at least {shown(drift['margin'], ROUND_FLOOR)}."
        there_are = len(drift["largest"])
    else:
        return None
    if not rows and not said:
        return None
    listed = table(titles, rows, caption=caption, headed=True, numbers=range(1, len(titles)))
    words = (
        "How far an activation of the softmax network may be from its value with hardmax, at most, as the certificate "
        "states it. Numbers after ~ are rounded up to three digits."
    )
    return Section(
        "drift",
        "Drift of activations",
        joined(
            (
                paragraph(words),
                scrolled("drift", listed),
                left_out(len(rows), there_are, "rows"),
                note(said) if said else "",
            )
        ),
    )


def _up(number: str | None) -> str:
    return "not shown" if number is None else shown(number, ROUND_CEILING)


def words_section(source: Source) -> Section | None:
    """The language, what is expected, and the margin by length; None for other kinds."""
    if source.kind is not Kind.WORDS:
        return None
    statement = source.statement
    asked = statement["asked"]
    where = "the last one of each word" if asked == "last" else f"every one from position {int(asked['from'])} on"
    body = [
        facts(
            "the words",
            [
                ("language", _language(statement["words"])),
                ("length", f"at most {int(statement['length'])} tokens"),
                ("positions asked about", where),
                ("expected", _expected(statement["expected"])),
            ],
        ),
        _moves(statement["words"], "The automaton of the language"),
        _moves(
            statement["expected"].get("transducer") if isinstance(statement["expected"], dict) else None,
            "The transducer",
        ),
        _margins(source.document["margins"]),
    ]
    return Section("words", "The words", joined(body))


def _language(words: Json) -> str:
    return short(words) if isinstance(words, str) else f"that of an automaton of {len(words['moves']):,} states"


def _expected(expected: Json) -> str:
    if expected == HARDMAX:
        return "what the same network gives with hardmax"
    if "transducer" in expected:
        return f"the outputs of a transducer of {len(expected['transducer']['moves']):,} states"
    if "output" in expected:
        return f"{short(str(expected['output']))} on the word of the counterexample"
    return (
        f"a listing of {int(expected['words']):,} words and {int(expected['positions']):,} positions, SHA-256 "
        f"{short(str(expected['sha256']), 64)}; the certificate has only this hash of it"
    )


def _moves(automaton: Json, caption: str) -> Markup:
    if not isinstance(automaton, dict):
        return joined(())
    rows = [
        (state, token, *(move if isinstance(move, list) else (move, "-")))
        for state, moves in automaton["moves"].items()
        for token, move in moves.items()
    ]
    accepting = automaton.get("accepting")
    said = f"It starts in {short(str(automaton['start']), 60)}"
    said += "." if accepting is None else f" and accepts in {short(' '.join(map(str, accepting)), 120)}."
    titles = ["in state", "with token", "goes to", "output"]
    listed = table(titles, rows[:MOST_MOVES], caption=caption, headed=True)
    return joined((scrolled(caption, listed), left_out(min(len(rows), MOST_MOVES), len(rows), "moves"), note(said)))


def _margins(margins: list[Json]) -> Markup:
    """A bar for each length."""
    if not margins:
        return note("The certificate states no margins: not every word is shown to be right.")
    found = [(int(length), Fraction(margin)) for length, margin in margins[:MOST_MOVES]]
    most = max(margin for _, margin in found) or Fraction(1)
    shapes = list[Markup]()
    for place, (length, margin) in enumerate(found):
        y = 6 + 22 * place
        wide = 420 * float(margin / most)
        said = shown(str(margin), ROUND_FLOOR)
        shapes += [
            label(120, y + 14, f"{length} tokens", text_anchor="end"),
            bar(130, y + 3, wide, 14, "bar good", f"words of {length} tokens: {said}"),
            label(138 + wide, y + 14, said),
        ]
    listed = table(
        ["length", "margin at least"],
        [(length, shown(str(margin), ROUND_FLOOR)) for length, margin in found],
        caption="Margin by length of words, as the certificate states it",
        headed=True,
        numbers=[0, 1],
    )
    picture = drawing(
        "Margin by length of words",
        "A bar for each length of words; the table below has the numbers.",
        660,
        12 + 22 * len(found),
        *shapes,
    )
    return joined(
        (
            figure(picture, "How far the right output is from where another is as good, at least, by length of words."),
            listed,
            left_out(len(found), len(margins), "lengths"),
        )
    )


def refuted_word_section(source: Source) -> Section | None:
    """How a wrong output on a word or a sequence comes about; None if nothing is refuted."""
    if source.kind not in (Kind.WORDS, Kind.SEQUENCES) or source.document["refutation"] is None:
        return None
    refutation, statement = source.document["refutation"], source.statement
    position = int(refutation["position"])
    if source.kind is Kind.WORDS:
        word, other = tuple(map(str, refutation["word"])), str(refutation["output"])
        expected = str(statement["expected"]["output"]) if "output" in statement["expected"] else None
    else:
        one = statement["sequences"][int(refutation["sequence"])]
        word, other = tuple(map(str, one["tokens"])), str(refutation["token"])
        expected = next(str(token) for at, token in one["asked"] if at == position)
    if not 0 <= position < len(word):
        raise ValueError(f"there is no position {position} in a word of {len(word)} tokens")
    if expected is None:
        expected = _by_transducer(statement["expected"]["transducer"], word, position)
    steps = [
        joined((paragraph(f"The network reads {counted(len(word), 'token')}:"), _tokens(list(word)))),
        paragraph(f"At position {position}, {word[position]}, the output has to be {expected}."),
        paragraph(
            f"In the arithmetic {statement['arithmetic']}, {other} is at least as good there: {expected} is not first."
        ),
    ]
    return Section(
        "counterexample",
        "The counterexample, step by step",
        joined(
            (
                element("ol", *(element("li", step) for step in steps), class_="steps"),
                _why(source, Place(word, position, expected, other)),
            )
        ),
    )


def _by_transducer(transducer: Json, word: tuple[str, ...], position: int) -> str:
    """Its output at a position of a word."""
    state, output = transducer["start"], ""
    for token in word[: position + 1]:
        move = transducer["moves"][state][token]
        state, output = move if isinstance(move, list) else (move, "nothing")
    return str(output)


CAPTIONS = (
    "The two outputs, computed in different ways",
    "Where the three ways part, sublayer by sublayer",
    "Neurons that make the difference",
)


def _why(source: Source, place: Place) -> Markup:
    """What hardmax, real softmax and the arithmetic each compute."""
    if len(place.word) > LONGEST_EXPLAINED:
        return note(f"How it comes about is computed for at most {LONGEST_EXPLAINED} tokens.")
    statement = source.statement
    try:
        net = read_transformer(source.network_bytes)
        model = parse_arithmetic(statement["arithmetic"], of_networks=True)
        found = explain_at(net, model, int(statement["beta"]), place, SECONDS)
    except (Rejected, TooLarge, Undecided, Unbounded, ValueError, LookupError) as error:
        return note(f"How it comes about was not computed: {short(str(error), 160)}.")
    said = "These numbers were computed for this page: midpoints of intervals between rationals, rounded to six digits."
    return joined((note(said), parts_html(report_on_explanation(found), CAPTIONS)))
