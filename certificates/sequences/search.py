"""Runs given sequences through a transformer: what the checker's walk shows about each, and the verdict.

Only the walk of `certificates.checker.sequences` computes what a transformer makes of sequences.  A certificate is
checked by the same walk, from what was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import or_

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of, require_judged
from exactformer.certificates.checker.sequences.check import require_light_work
from exactformer.certificates.checker.sequences.hardmax import State, Tally, margins, value_of
from exactformer.certificates.checker.sequences.network import Logits, Nearest, Network, read_network
from exactformer.certificates.checker.sequences.statement import MOST_SEQUENCES
from exactformer.certificates.checker.sequences.statement import Given as Question
from exactformer.certificates.checker.sequences.walk import Walked, difference, read_at, walk
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded
from exactformer.certificates.network_document import network_bytes
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.given import Given, GivenError, GivenSequence
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.stored import Unsupported, require_held
from exactformer.verify.verdict import Verdict

WIDTHS = 1 << 40
"""A difference of logits counts as above 0, or as at most 0, only if its interval is away from 0 by this part of its
width: then a checker whose last bits differ finds the same."""


@dataclass(frozen=True)
class Refutation:
    """Where another token's logit is surely at least as large as the expected one's."""

    sequence: int
    position: int
    expected: str
    token: str


@dataclass(frozen=True)
class Rival:
    """By how much the expected token's logit is above another's at a position of a sequence, in units of the grid."""

    sequence: int
    position: int
    expected: str
    token: str
    above: Ends

    @property
    def spare(self) -> Fraction:
        """The slack on both sides of the interval."""
        return Fraction(self.above[1] - self.above[0], WIDTHS)


@dataclass(frozen=True)
class SequencesFound:
    """What was found.

    heads: layer by layer; margin: of the hardmax transformer, exact. (Both None if there is no hardmax.) least: the
    least by which an expected token's logit is above another in this arithmetic, None if an overflow is not excluded.
    drifts: after attention and MLP of each layer, None from where on they are not shown; not_shown: why.
    """

    net: Transformer
    questions: tuple[Question, ...]
    model: ArithmeticModel
    beta: int
    heads: tuple[Tally, ...]
    margin: Fraction | None
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
        """How many positions are asked about."""
        return sum(len(question.asked) for question in self.questions)


def search(
    net: Transformer, given: Given, model: ArithmeticModel, beta: int = 1, budget_seconds: int = 10**6
) -> SequencesFound:
    """Run both transformers on all sequences, and compare logits.

    Errors: GivenError for sequences that the transformer cannot read; Unsupported (a ModelError) if the arithmetic
    does not hold its weights; TooLarge and Undecided if something is not judged, or not within the budget.
    """
    deadline = Deadline(budget_seconds)
    for number, sequence in enumerate(given.sequences):
        _require(net, sequence, f"sequence {number}")
    require_held(net, model)
    arithmetic = arithmetic_of(model.text, beta.bit_length() - 1, "the arithmetic")
    network = read_network(json.loads(network_bytes(net)), None)
    require_judged(arithmetic, network, "the arithmetic")
    logits = network.outputs
    if isinstance(logits, Nearest):
        raise GivenError(
            "the outputs of this transformer are numbers, but claims about given sequences rank tokens; ask about "
            "words instead: a language may be one word"
        )
    _require_light(given.sequences, network, logits)
    questions, walked, nominal = list[Question](), list[Walked](), list[Fraction]()
    for number, sequence in enumerate(given.sequences):
        walked.append(walk(network, sequence.tokens, arithmetic, deadline))
        questions.append(Question(sequence.tokens, _asked(logits, sequence, walked[-1].state, number)))
        if (state := walked[-1].state) is not None:
            nominal += margins(logits, state, questions[-1].asked, deadline)
    rivals, reasons = list[Rival](), [one.unbounded for one in walked if one.unbounded is not None]
    for number, (question, one) in enumerate(zip(questions, walked, strict=True)):
        try:
            rivals += _rivals(network, logits, number, question, one, arithmetic, deadline)
        except Unbounded as error:
            reasons.append(f"the logits: {error}")
    return SequencesFound(
        net,
        tuple(questions),
        model,
        beta,
        tuple(reduce(or_, of_head) for of_head in zip(*(one.tallies for one in walked), strict=True)),
        min(nominal, default=None),
        None if reasons else min((one.above[0] - one.spare) / arithmetic.unit for one in rivals),
        tuple(map(_largest, zip(*(one.drifts for one in walked), strict=True))),
        _refutation(rivals),
        reasons[0] if reasons else None,
    )


def _require(net: Transformer, sequence: GivenSequence, where: str) -> None:
    """Make sure that tokens and outputs are the transformer's, and that its positions suffice.  Raises GivenError."""
    for name in sequence.tokens:
        if name not in net.index:
            raise GivenError(f"{where}: the token {name!r} is not in the vocabulary")
    outputs = frozenset(net.output_names)
    for _, name in sequence.asked or ():
        if name not in outputs:
            what = "the token {!r} is not in the vocabulary" if net.outputs is None else "{!r} is not an output"
            raise GivenError(f"{where}: {what.format(name)}")
    if net.longest is not None and len(sequence.tokens) > net.longest:
        raise GivenError(
            f"{where} has {len(sequence.tokens)} tokens, but the transformer has only {net.longest} positions"
        )
    if net.causal and sequence.tokens[0] in net.unseen:
        raise GivenError(
            f"{where} begins with {sequence.tokens[0]!r}, which no head sees: so its first token sees no token"
        )
    if all(name in net.unseen for name in sequence.tokens):
        raise GivenError(f"{where} has only tokens that no head sees")


def _require_light(sequences: Sequence[GivenSequence], network: Network, logits: Logits) -> None:
    """Make sure that the certificate can be checked.  Raises Unsupported, TooLarge."""
    if len(sequences) > MOST_SEQUENCES:
        raise Unsupported(f"there are {len(sequences):,} sequences; at most {MOST_SEQUENCES:,} are judged")
    every = [
        Question(one.tokens, tuple((place, "") for place in range(len(one.tokens))) if one.asked is None else one.asked)
        for one in sequences
    ]
    require_light_work(every, network, logits)


def _asked(logits: Logits, sequence: GivenSequence, state: State | None, number: int) -> tuple[tuple[int, str], ...]:
    """What is asked; if nothing is said, every position, with what hardmax ranks first.  Raises GivenError."""
    if sequence.asked is not None:
        return sequence.asked
    if state is None:
        raise GivenError(
            f"sequence {number}: say which tokens you expect: this transformer has no hardmax (it has norms, or "
            "smooth activations)"
        )
    asked, scale = list[tuple[int, str]](), max(row.scale for row in logits.values())
    for position, vector in enumerate(state.with_one()):
        numbers = {name: value_of(row, vector, scale) for name, row in logits.items()}
        best = [name for name, one in numbers.items() if one == max(numbers.values())]
        if len(best) > 1:
            raise GivenError(
                f"sequence {number}, position {position}: with hardmax {best[0]!r} and {best[1]!r} share the largest "
                "logit; say which token you expect there, or ask about other positions"
            )
        asked.append((position, best[0]))
    return tuple(asked)


def _rivals(
    network: Network,
    logits: Logits,
    number: int,
    question: Question,
    walked: Walked,
    arithmetic: Arithmetic,
    deadline: Deadline,
) -> Iterator[Rival]:
    """The comparisons with all other outputs, at all positions asked about; none if no interval for x is known."""
    if walked.enclosed is None:
        return
    for position, expected in question.asked:
        if (vector := read_at(arithmetic, network, walked, position)) is None:
            raise Unbounded(f"at position {position} the norm may overflow, or divide by nearly 0")
        for other in logits:
            if other != expected:
                deadline.left("differences of logits")
                above = difference(arithmetic, vector, logits[expected], logits[other])
                yield Rival(number, position, expected, other, above)


def _largest(drifts: Sequence[Fraction | None]) -> Fraction | None:
    """The least of all sequences; None if one is not shown."""
    shown = [drift for drift in drifts if drift is not None]
    return max(shown) if len(shown) == len(drifts) else None


def _refutation(rivals: Sequence[Rival]) -> Refutation | None:
    """Where the expected token is surely not strictly first; of several places, the one with the largest difference."""
    found = min((one for one in rivals if one.above[1] + one.spare <= 0), key=lambda one: one.above[1], default=None)
    return None if found is None else Refutation(found.sequence, found.position, found.expected, found.token)
