"""A softmax run beside the hardmax run of the same tokens: where they first differ, how far, and the first wrong token.

The network reads the true tokens up to the first wrong one (*teacher forcing*).  Nothing at a token depends on later
tokens, so up to there it is the run that the softmax network makes by itself.  What it would make after that is not
computed: drift and first difference are about the tokens that are read before the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.attention import score_gaps
from exactformer.verify.hardmax.batch import Batch, embed
from exactformer.verify.hardmax.forward import Stage, Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.dyadic import Dyadic, Numerators, numerators_at, whole
from exactformer.verify.rounded.forward import RoundedStage, rounded_stages
from exactformer.verify.rounded.readout import logit, next_token


@dataclass(frozen=True)
class Origin:
    """The head at which a run first leaves the hardmax run: everything that it reads is still the same.

    ``visible`` positions, of which ``maximisers`` have the best score; the nearest other one scores ``gap`` below,
    before beta (None if there is none)."""

    head: str
    maximisers: int
    visible: int
    gap: int | None


@dataclass(frozen=True)
class Difference:
    """The first activation that differs from the hardmax one: at the first such token, in the first such sublayer.

    ``origins``: the heads that write this coordinate.
    """

    token: int
    layer: int
    sublayer: Sublayer
    coordinate: str
    value: Fraction
    hardmax: int
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class WrongToken:
    """At ``index`` the network generates another token than the run's: ``margin`` is how far the logit of the best
    other token lies above that of the expected one, 0 if they tie."""

    index: int
    expected: str
    generated: str
    margin: Fraction


@dataclass(frozen=True)
class Comparison:
    """What one token sequence shows.

    ``drift``: for each register that drifts, the largest |softmax - hardmax| of its coordinates, over all sublayers and
    tokens.  ``tokens``: how many had to be generated; ``least_margin``: that of the right tokens, None if there is
    none."""

    setting: Setting
    read: int
    tokens: int
    first: Difference | None
    drift: tuple[tuple[str, Fraction], ...]
    wrong: WrongToken | None
    least_margin: Fraction | None


def compare(prepared: PreparedNetwork, sequence: TokenSequence, setting: Setting) -> Comparison:
    """Evaluate both networks on the sequence.

    Raises FormatOverflow and Undecided, and NotTernaryError if the hardmax network itself is not right.
    """
    first, drift, final = _differences(prepared, sequence, setting)
    wrong, least = _first_wrong(prepared.network, sequence, final)
    if wrong is None:
        return Comparison(setting, sequence.read, len(sequence) - sequence.prompt, first, drift, None, least)
    # After the wrong token it is no longer the run: look only at the tokens before it.
    shown = replace(sequence, tokens=sequence.tokens[: wrong.index], read=wrong.index)
    first, drift, _ = _differences(prepared, shown, setting)
    return Comparison(setting, wrong.index, wrong.index + 1 - sequence.prompt, first, drift, wrong, least)


def _first_wrong(network: Network, sequence: TokenSequence, final: Dyadic) -> tuple[WrongToken | None, Fraction | None]:
    """The first wrong token, and the least margin of those before it."""
    least: Fraction | None = None
    vocabulary = network.vocabulary
    for index in range(sequence.prompt, len(sequence)):
        expected = sequence.tokens[index]
        column = [int(one) for one in final.numerators[:, index - 1]]
        best = next_token(vocabulary, column, final.places)
        if best.token != expected or best.margin == 0:
            generated = best.runner_up if best.token == expected and best.runner_up is not None else best.token
            margin = logit(vocabulary, generated, column, final.places)
            margin -= logit(vocabulary, expected, column, final.places)
            return WrongToken(index, vocabulary.describe(expected), vocabulary.describe(generated), margin), least
        least = best.margin if least is None else min(least, best.margin)
    return None, least


def _differences(
    prepared: PreparedNetwork, sequence: TokenSequence, setting: Setting
) -> tuple[Difference | None, tuple[tuple[str, Fraction], ...], Dyadic]:
    """The first difference at the tokens that were read, the largest of each register, and the activations at the
    end."""
    network = prepared.network
    batch = embed(prepared, [sequence])
    drift: dict[str, Fraction] = {}
    first: Difference | None = None
    final = whole(batch.x)
    for hard, soft in zip(stages(prepared, batch), rounded_stages(prepared, sequence, setting), strict=True):
        final = soft.after
        apart = _apart(hard, soft)
        if not apart.any():
            continue
        for register in network.registers:
            size = int(apart[list(register.coordinates)].max())
            if size:
                here = Fraction(size, 1 << soft.after.places)
                drift[register.name] = max(here, drift.get(register.name, here))
        column = int(np.argmax((apart != 0).any(axis=0)))
        if first is None or column < first.token:
            row = int(np.flatnonzero(apart[:, column])[0])
            first = Difference(
                column,
                hard.layer,
                hard.sublayer,
                network.coordinate_name(row),
                soft.after.value(row, column),
                int(hard.after[row, column]),
                tuple(_origins(hard, batch, row, column)),
            )
    order = [register.name for register in network.registers]
    return first, tuple(sorted(drift.items(), key=lambda item: order.index(item[0]))), final


def _apart(hard: Stage, soft: RoundedStage) -> Numerators:
    """[d, n]: |softmax - hardmax|, over the power of two of the softmax activations."""
    exact = numerators_at(whole(hard.after), soft.after.places)
    return np.asarray(np.abs(soft.after.numerators - exact))


def _origins(hard: Stage, batch: Batch, coordinate: int, token: int) -> Iterator[Origin]:
    for head, _ in hard.attentions:
        if coordinate in head.out:
            gaps, _ = score_gaps(head, hard.before, batch.start, token)
            others: NDArray[np.int64] = gaps[gaps > 0]
            nearest = int(others.min()) if len(others) else None
            yield Origin(head.name, int((gaps == 0).sum()), token + 1, nearest)
