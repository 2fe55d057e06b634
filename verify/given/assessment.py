"""What is known of a transformer on given sequences, in an arithmetic: the verdict, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_parts import Form
from exactformer.constructions.transformer.given import Given, GivenError, GivenSequence
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.given.arithmetic import Unsupported, require_held, require_plain
from exactformer.verify.given.enclosure import Enclosure, Rival, Setting, enclose, rivals
from exactformer.verify.given.hardmax import Head, Replayed, replay
from exactformer.verify.given.weights import TransformerRows
from exactformer.verify.verdict import Verdict

WIDTHS = 1 << 40
"""A difference of logits counts as above 0, or as at most 0, if it is so by this part of its interval's width: then a
checker whose last bits differ finds the same."""


MOST_SEQUENCES, MOST_TOKENS, MOST_PAIRS = 1 << 12, 1 << 15, 1 << 22
MOST_PRODUCTS, MOST_ACTIVATIONS = 1 << 26, 1 << 21
"""Sequences, tokens of all together, and for each head pairs of tokens; products, and activations at once: what a
checker judges (NETWORKS 8)."""


@dataclass(frozen=True)
class Question:
    """A sequence and what is asked about it: (position, expected token) pairs."""

    tokens: tuple[str, ...]
    asked: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Refutation:
    """Where another token's logit is surely at least as large as the expected one's."""

    sequence: int
    position: int
    expected: str
    token: str


@dataclass(frozen=True)
class SequencesFound:
    """What was found.

    heads: layer by layer; margin: of the hardmax transformer, exact. least: the least by which an expected token's
    logit is above another in this arithmetic, None where an overflow is not excluded. drifts: after attention and MLP
    of each layer, None from where on they are not shown; not_shown: why.
    """

    net: Transformer
    questions: tuple[Question, ...]
    setting: Setting
    heads: tuple[tuple[Head, ...], ...]
    margin: Fraction
    least: Fraction | None
    drifts: tuple[Fraction | None, ...]
    refutation: Refutation | None
    not_shown: str | None

    @property
    def verdict(self) -> Verdict:
        if self.refutation is not None:
            return Verdict.REFUTED
        return Verdict.INCONCLUSIVE if self.least is None or self.least <= 0 else Verdict.CERTIFIED

    @property
    def positions(self) -> int:
        """How many are asked about."""
        return sum(len(question.asked) for question in self.questions)


def assess(net: Transformer, given: Given, model: ArithmeticModel, beta: int = 1) -> SequencesFound:
    """Replay with hardmax, enclose, and compare logits.

    Raises GivenError for sequences that the transformer cannot read, Unsupported (a ModelError) for an arithmetic that
    is not judged, or does not hold the weights, and for a network with scales, unseen tokens or outputs of its own.
    """
    if beta < 1 or beta & (beta - 1):
        raise Unsupported(f"beta is {beta}; it has to be a power of two, at least 1")
    setting = Setting.of(model, beta)
    require_plain(net)
    require_held(net, model)
    for number, sequence in enumerate(given.sequences):
        _require(net, sequence, f"sequence {number}")
    _require_light(net, given.sequences)
    rows = TransformerRows.of(net)
    replayed = [replay(rows, sequence.tokens) for sequence in given.sequences]
    questions = tuple(
        Question(sequence.tokens, _asked(net, sequence, found, number))
        for number, (sequence, found) in enumerate(zip(given.sequences, replayed, strict=True))
    )
    enclosed = [enclose(rows, one.tokens, found, setting) for one, found in zip(questions, replayed, strict=True)]
    differences = [
        (number, rival)
        for number, (question, found) in enumerate(zip(questions, enclosed, strict=True))
        for rival in _rivals(rows, question, found, setting)
    ]
    reasons = [found.not_shown for found in enclosed if found.not_shown is not None]
    shown = [rival.above for _, rival in differences]
    if not reasons and None in shown:
        reasons = ["the logits: a sum may overflow"]
    return SequencesFound(
        net,
        questions,
        setting,
        _heads(replayed),
        min(_margin(net, one, found) for one, found in zip(questions, replayed, strict=True) if one.asked),
        None if reasons else min(above[0] - (above[1] - above[0]) / WIDTHS for above in shown if above is not None),
        _drifts(len(net.layers), enclosed),
        _refutation(net, differences),
        reasons[0] if reasons else None,
    )


def _require(net: Transformer, sequence: GivenSequence, where: str) -> None:
    """Tokens are of the vocabulary, and not more than there are positions.  Raises GivenError."""
    for name in (*sequence.tokens, *(token for _, token in sequence.asked or ())):
        if name not in net.index:
            raise GivenError(f"{where}: the token {name!r} is not in the vocabulary")
    if net.longest is not None and len(sequence.tokens) > net.longest:
        raise GivenError(f"{where} has {len(sequence.tokens)} tokens, and the transformer {net.longest} positions")


def _require_light(net: Transformer, sequences: Sequence[GivenSequence]) -> None:
    """Raises Unsupported for more than is judged: what is certified here a checker has to be able to check."""
    lengths = [len(sequence.tokens) for sequence in sequences]
    asked = sum(len(one.tokens if one.asked is None else one.asked) for one in sequences)
    heads = [head for layer in net.layers for head in layer.heads]
    pairs, entries = sum(length**2 for length in lengths), sum(len(head.query) + len(head.value) for head in heads)
    made = max((len(layer.neurons) + sum(len(head.value) for head in layer.heads) for layer in net.layers), default=0)
    for number, most, what in (
        (len(lengths), MOST_SEQUENCES, "sequences"),
        (sum(lengths), MOST_TOKENS, "tokens of all sequences"),
        (max(lengths) * (net.width + made), MOST_ACTIVATIONS, "activations of a sequence at once"),
        (sum(lengths) * _products(net), MOST_PRODUCTS, "products of weights"),
        (asked * _terms(token.unembedding for token in net.vocabulary), MOST_PRODUCTS, "products of unembeddings"),
        (pairs * entries, MOST_PRODUCTS, "products of queries, keys and values"),
        (pairs * len(heads), MOST_PAIRS, "pairs of tokens, of each head"),
    ):
        if number > most:
            raise Unsupported(f"there are {number:,} {what}; at most {most:,} are judged")


def _products(net: Transformer) -> int:
    """Of weights, biases and what maps add to, for each token; each form, and each coordinate of x before and behind a
    layer, counts as one more.
    """
    count = net.width * (len(net.layers) + 1)
    for layer in net.layers:
        heads = [form for head in layer.heads for form in (*head.query, *head.key, *head.value)]
        added = [form for head in layer.heads for _, form in head.out]
        coordinates = {coordinate for head in layer.heads for coordinate, _ in head.out}
        count += _terms((*heads, *layer.neurons, *(form for _, form in layer.out))) + len(layer.out)
        # What several heads add to a coordinate is one form.
        count += _terms(added) - len(added) + 2 * len(coordinates)
    return count


def _terms(forms: Iterable[Form]) -> int:
    return sum(len(form.vector) + (form.bias != 0) + 1 for form in forms)


def _asked(net: Transformer, sequence: GivenSequence, found: Replayed, number: int) -> tuple[tuple[int, str], ...]:
    """What is asked; every position, if nothing is said, with what hardmax ranks first.  Raises GivenError."""
    if sequence.asked is not None:
        return sequence.asked
    asked = []
    for position, logits in enumerate(found.logits.numbers.T.tolist()):
        best = [token.name for token, logit in zip(net.vocabulary, logits, strict=True) if logit == max(logits)]
        if len(best) > 1:
            raise GivenError(
                f"sequence {number}, position {position}: with hardmax {best[0]!r} and {best[1]!r} share the largest "
                "logit; say which token you expect there, or ask about other positions"
            )
        asked.append((position, best[0]))
    return tuple(asked)


def _margin(net: Transformer, question: Question, found: Replayed) -> Fraction:
    """The least by which the expected token's logit is above all others, with hardmax."""
    least = []
    for position, token in question.asked:
        logits = found.logits.numbers[:, position].tolist()
        own = logits.pop(net.index[token])
        least.append(own - max(logits))
    return Fraction(min(least), found.logits.one)


def _heads(replayed: Sequence[Replayed]) -> tuple[tuple[Head, ...], ...]:
    """Of all sequences together."""
    layers = ([found.layers[number].heads for found in replayed] for number in range(len(replayed[0].layers)))
    return tuple(tuple(reduce(Head.joined, of_head) for of_head in zip(*layer, strict=True)) for layer in layers)


def _drifts(layers: int, enclosed: Sequence[Enclosure]) -> tuple[Fraction | None, ...]:
    return tuple(
        max(found.drifts[place] for found in enclosed) if all(len(one.drifts) > place for one in enclosed) else None
        for place in range(2 * layers)
    )


def _rivals(rows: TransformerRows, question: Question, found: Enclosure, setting: Setting) -> list[Rival]:
    if found.final is None or not question.asked:
        return []
    asked = [(position, rows.net.index[token]) for position, token in question.asked]
    return rivals(rows, found.final, asked, setting.linear)


def _refutation(net: Transformer, differences: Sequence[tuple[int, Rival]]) -> Refutation | None:
    """Where the expected token is surely not strictly first: by the most, if there are several places."""
    found = [
        (rival.above[1], number, rival)
        for number, rival in differences
        if rival.above is not None and rival.above[1] <= -(rival.above[1] - rival.above[0]) / WIDTHS
    ]
    if not found:
        return None
    _, number, rival = min(found, key=lambda one: one[:2])
    names = net.vocabulary
    return Refutation(number, rival.position, names[rival.expected].name, names[rival.other].name)
