"""Each part of what the checker does with norms, gates, activations and rotary positions is needed: without it a test
sees something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple

import pytest

from exactformer.certificates.checker.sequences import activations, arithmetic, check, hardmax, network, norms, walk
from tests.checker.sequences import test_activations as smooth
from tests.checker.sequences import test_between_ends as between
from tests.checker.sequences import test_norms_gates_rotary as by_hand
from tests.checker.softmax.mutants import mutated

Notices = Callable[[Path], None]
"""A test, which fails for what is wrong; from a folder of its own."""


class Part(NamedTuple):
    """A part of the checker's text, what takes its place, and the test that notices."""

    module: ModuleType
    old: str
    new: str
    notices: Notices


def at(name: str) -> Notices:
    return lambda _: smooth.test_at_a_number(name, 256)


def to_and_fro(name: str) -> Notices:
    return lambda _: smooth.test_between_ends(name)


def made(through: Callable[[between.Drawn, Random], between.Made], place: int) -> Notices:
    """By the arithmetic in this place."""
    return lambda _: between.test_what_is_made_of_numbers_between_ends(through, between.TEXTS[place])


def norm(title: str, how: str = by_hand.FUSED) -> Notices:
    (found,) = (one for one in by_hand.MADE if title in one)
    return lambda folder: by_hand.test_what_norms_make(found, how, folder)


def gates(title: str) -> Notices:
    return lambda folder: by_hand.test_gates_with_hardmax(title, folder)


def broken(title: str) -> Notices:
    """A network that is refused."""
    return lambda folder: by_hand.test_networks_that_break_rules(title, folder)


def counted(title: str) -> Notices:
    return lambda _: by_hand.test_what_counts_as_a_product(title)


NORM, NEURONS, ROTATION = between.through_a_norm, between.through_neurons, between.through_rotation

# fmt: off
PARTS = {
    # what is read
    "1: as many gates as neurons": Part(
        network, "not 0 < len(gates) == len(neurons)", "False", broken("a gate too few"),
    ),
    "1: not more": Part(
        network, "not 0 < len(gates) == len(neurons)", "len(gates) < len(neurons)", broken("a gate too many"),
    ),
    "1: no gates are left out": Part(
        network, "not 0 < len(gates) == len(neurons)", "len(gates) != len(neurons)", broken("gates of no neurons"),
    ),
    "1: relu is left out": Part(
        network, ' or ("activation" in mlp and activation == "relu")', "", broken("an activation relu"),
    ),
    "1: activations there are": Part(
        network, "if activation not in ACTIVATIONS or", "if", broken("an unknown activation"),
    ),
    "1: an entry once": Part(
        network, "< 2 * len(found):", "< 1:", broken("an entry rotated twice"),
    ),
    "1: planes there are": Part(
        network, "self.planes - 1)", "self.planes)", broken("a plane that there is not"),
    ),
    "1: entries there are": Part(
        network, "highest = (length - 1, length - 1,", "highest = (length, length,",
        broken("an entry that there is not"),
    ),
    "1: tables are of one length": Part(
        network, "if not planes or len(planes) != len(found[0].planes):", "if not planes:",
        broken("tables of unequal length"),
    ),
    "1: not of none": Part(
        network, "if not planes or len(planes)", "if len(planes)", broken("no plane"),
    ),
    "1: tables are left out": Part(
        network, "if rotary and not any(", "if False and not any(", broken("a table, and no head that rotates"),
    ),
    "1: tables are of numbers of L": Part(
        network, "reader, found = _Reader(0, linear, 0)", "reader, found = _Reader(0, None, 0)",
        broken("a sine that is not a number of fp32"),
    ),
    "1: as many tokens as positions": Part(
        network, "(positions, len(rotary) or None)", "(positions,)", broken("a sequence longer than the tables"),
    ),
    "1: of two tables the shorter": Part(
        network, "longest = min((most", "longest = max((most", broken("a sequence longer than one of two tables"),
    ),
    "1.2: true or false": Part(
        network, 'if not isinstance(parts["center"], bool):', "if False:", broken("center 1"),
    ),
    "1.2: epsilon": Part(
        network, "if epsilon < 0:", "if False:", broken("epsilon below 0"),
    ),
    "1.2: epsilon is of L": Part(
        network, "epsilon = self.number(", "epsilon = self.rational(", broken("epsilon no number of fp32"),
    ),
    "1.2: no norms are left out": Part(
        network, "        if not parts:\n", "        if False:\n", broken("norms, none"),
    ),
    "1.2: weights": Part(
        network, 'c if name == "weight" else self.width', "c", norm("a bias"),
    ),
    "8: norms count": Part(
        check, "weights += 4 * network.width * len(network.norms)", "weights += 0", counted("two norms of a layer"),
    ),
    "8: rotated entries count": Part(
        check, "3 * 4 * len(head.rotary)", "3 * 2 * len(head.rotary)",
        counted("heads that rotate two entries of the query, and of the key"),
    ),
    "8: gates count": Part(
        network, "            *self.gates,\n", "", counted("neurons with gates"),
    ),
    "8: gates at once": Part(
        check, "len(layer.neurons) + len(layer.gates) +", "len(layer.neurons) +",
        lambda _: by_hand.test_activations_at_once_with_gates(),
    ),
    # hardmax
    "2: not of norms": Part(
        network, "return not self.norms and all(", "return all(",
        lambda folder: by_hand.test_there_is_no_hardmax_transformer(by_hand.NORMED, folder),
    ),
    "2: not of other activations": Part(
        network, "all(layer.activation in RATIONAL for layer in self.layers)", "True",
        lambda folder: by_hand.test_there_is_no_hardmax_transformer(by_hand.GATED, folder),
    ),
    "2: null": Part(
        check, 'require_same("hardmax", parts["hardmax"], None)', "pass",
        lambda folder: by_hand.test_there_is_no_hardmax_transformer(by_hand.GATED, folder),
    ),
    "6: no drift": Part(
        check, 'require_same("softmax.drift", softmax["drift"], [])', "pass",
        lambda folder: by_hand.test_there_is_no_hardmax_transformer(by_hand.GATED, folder),
    ),
    "2: relu of gates": Part(
        hardmax, 'if layer.activation == "relu":', "if False:", gates("relu of a gate of -3"),
    ),
    "2: identity of gates": Part(
        hardmax, 'if layer.activation == "relu":', "if True:", gates("identity of a gate of -3, times 4"),
    ),
    "2: of gates, not of neurons": Part(
        hardmax, "made = gates or own", "made = own", gates("identity of a gate of -3, times 4"),
    ),
    "2: times the neuron": Part(
        hardmax, "[a * b for a, b in zip(made, own, strict=True)] if gates else made", "made",
        gates("relu of a gate of 3, times 4"),
    ),
    "2: heads that rotate": Part(
        hardmax, "turned = head.turned(network.planes(place))", "turned = ()",
        lambda folder: by_hand.test_a_head_that_looks_at_the_token_before(folder),
    ),
    "2: scores of what is rotated": Part(
        hardmax, "(unit << turn) ** 2", "unit ** 2", by_hand.test_planes_that_shorten,
    ),
    # rotary positions
    "3: the position": Part(
        network, "return self.rotary[place] if", "return self.rotary[0] if",
        by_hand.test_a_head_that_looks_at_the_token_before,
    ),
    "3: the sine of one entry": Part(
        network, "(b, -sine)", "(b, sine)", by_hand.test_a_head_that_looks_at_the_token_before,
    ),
    "3: the sine of the other": Part(
        network, "(a, sine)", "(a, -sine)", by_hand.test_a_head_that_looks_at_the_token_before,
    ),
    "3: queries and keys": Part(
        arithmetic, "for entries in (query, key):", "for entries in (query,):",
        by_hand.test_a_head_that_looks_at_the_token_before,
    ),
    "3: of both entries before": Part(
        arithmetic, "made = [(entry, activated(arithmetic, row, entries)) for entry, row in turned]",
        "made = [(entry, arithmetic.number(arithmetic.model.activation, arithmetic.sum(arithmetic.model.steps.linear, "
        "row_terms(arithmetic, row, entries)))) for entry, row in turned]",
        made(ROTATION, 6),
    ),
    # neurons
    "3: the activation of the gate": Part(
        arithmetic, "for ends in gates or own:", "for ends in own:", gates("identity of a gate of -3, times 4"),
    ),
    "3: times the other": Part(
        arithmetic, "zip(active, own, strict=True)]", "zip(active, gates, strict=True)]",
        gates("relu of a gate of 3, times 4"),
    ),
    "3: relu": Part(
        arithmetic, 'if name == "relu":', "if False:", made(NEURONS, 6),
    ),
    "3: identity": Part(
        arithmetic, "return arithmetic.number(form, ends)",
        "return arithmetic.number(form, (max(ends[0], 0), max(ends[1], 0)))", made(NEURONS, 6),
    ),
    "3: 8 u": Part(
        arithmetic, "-(-8 * size >> linear.p)", "-(-4 * size >> linear.p)", made(NEURONS, 8),
    ),
    "3: of negative z": Part(
        arithmetic, "model.steps.linear, max(-low, high, 0)", "model.steps.linear, max(low, high, 0)", made(NEURONS, 8),
    ),
    "3: q": Part(
        arithmetic, "off = arithmetic.scaled(linear.unit) +", "off = 0 +", made(NEURONS, 2),
    ),
    "3: activations that are stored": Part(
        arithmetic, "return arithmetic.rounded(form, found[:2]) if model.steps.stored else found", "return found",
        made(NEURONS, 7),
    ),
    "3: products are rounded": Part(
        arithmetic, "found = arithmetic.rounded(model.steps.linear, ends)",
        "found = arithmetic.number(model.steps.linear, ends)", made(NEURONS, 6),
    ),
    "3: products that are stored": Part(
        arithmetic, "return arithmetic.rounded(model.activation, found[:2]) if model.steps.stored else found",
        "return found", made(NEURONS, 7),
    ),
    "3: all corners of a product": Part(
        arithmetic, "[a * b for a in gate[:2] for b in ends]", "[a * b for a, b in zip(gate[:2], ends)]",
        made(NEURONS, 6),
    ),
    "7: an activation's ends": Part(
        activations, "return z * low >> grid, -(-z * high >> grid)", "return z * low >> grid, z * high >> grid",
        at("silu"),
    ),
    "7: below 0 the other end of the share": Part(
        activations, "near * share(near, grid)[1] >> grid", "near * share(near, grid)[0] >> grid", at("silu"),
    ),
    "7: far on the left, not near": Part(
        activations, "near = max(z, -grid << grid)", "near = max(z, -1 << grid)", at("gelu"),
    ),
    "7: at the turn": Part(
        activations, "bottom = least * share(most + 1, grid)[1] >> grid",
        "bottom = _at(share, grid, least)[0]", lambda _: smooth.test_neighbours_of_the_turn("silu"),
    ),
    "7: both sides of the turn": Part(
        activations, "return bottom, max(", "return bottom, min(", to_and_fro("silu"),
    ),
    "7: before the turn": Part(
        activations, "return _at(share, grid, high)[0], _at(share, grid, low)[1]",
        "return _at(share, grid, low)[0], _at(share, grid, high)[1]", to_and_fro("gelu"),
    ),
    "7: the turn is between": Part(
        activations, "if low > most:", "if high > most:", to_and_fro("gelu_tanh"),
    ),
    "1.3: the cubic": Part(
        activations, "44_715 * z**3", "44_714 * z**3", at("gelu_tanh"),
    ),
    "1.3: of 2 t": Part(
        activations, "2 * cubic * root for", "cubic * root for", at("gelu_tanh"),
    ),
    "1.3: the logistic function below 0": Part(
        activations, "(low << grid) // (one + low)", "(high << grid) // (one + high)", at("silu"),
    ),
    "1.3: the logistic function above 0": Part(
        activations, "(one << grid) // (one + high), ", "(one << grid) // (one + low), ", at("silu"),
    ),
    "1.3: the normal distribution below 0": Part(
        activations, "return one - high, one - low", "return low, high", at("gelu"),
    ),
    "1.3: its series": Part(
        activations, "n += 1\n", "n += 2\n", at("gelu"),
    ),
    "1.3: as long as terms matter": Part(
        activations, "above > 1 + (low >> bits) or", "above > 1 + (low >> 99) or", at("gelu"),
    ),
    "1.3: as many bits as it needs": Part(
        activations, "fine = grid + 8 + (square >> 2 * grid)", "fine = grid", at("gelu"),
    ),
    # norms
    "1.2: the centre": Part(
        norms, "if norm.center else", "if False else", norm("mean 5"),
    ),
    "1.2: of d coordinates": Part(
        norms, "low, high = low // d, -(-high // d)", "pass", norm("mean 5"),
    ),
    "1.2: no weight is a weight 0": Part(
        norms, "found = [Value(0, 0, 0, 0)] * len(x)", "found = list(made[:-1])", norm("is not listed"),
    ),
    "1.2: the mean of squares": Part(
        norms, "least = 1 if", "d, least = 1, 1 if", norm("mean of squares"),
    ),
    "1.2: epsilon, below": Part(
        norms, "low = max(low, 0) + (d * norm.epsilon.numerator << grid) // norm.epsilon.denominator",
        "low = max(low, 0)", norm("mean of squares"),
    ),
    "1.2: epsilon, above": Part(
        norms, "high = max(high, 0) - (-(d * norm.epsilon.numerator) << grid) // norm.epsilon.denominator",
        "high = max(high, 0)", norm("mean of squares"),
    ),
    "3: how far mu is off": Part(
        norms, "low, high = low - off, high + off", "pass", made(NORM, 8),
    ),
    "3: twice u": Part(
        norms, "-(-2 * max(-low, high, 0)", "-(-1 * max(-low, high, 0)", made(NORM, 8),
    ),
    "3: of a negative mean": Part(
        norms, "-(-2 * max(-low, high, 0)", "-(-2 * max(low, high, 0)", made(NORM, 8),
    ),
    "3: q of mu": Part(
        norms, " + arithmetic.scaled(linear.unit)\n", "\n", made(NORM, 1),
    ),
    "3: x less mu": Part(
        norms, "(value.low - high, value.high - low)", "(value.low - low, value.high - high)", made(NORM, 6),
    ),
    "3: squares of what may be 0": Part(
        norms, "max(value.low, -value.high, 0) ** 2", "value.low ** 2", made(NORM, 12),
    ),
    "3: squares of what is below 0": Part(
        norms, "max(value.low, -value.high, 0) ** 2", "max(value.low, value.high, 0) ** 2", made(NORM, 12),
    ),
    "3: the grain of squares": Part(
        norms, "min((2 * value.grain", "min((value.grain", lambda _: by_hand.test_squares_that_are_rounded(),
    ),
    "3: the sum of squares is rounded": Part(
        norms, "low, high = arithmetic.sum(linear, _squares(arithmetic, y))",
        "low, high = (end >> grid for end in _squares(arithmetic, y)[:2])",
        lambda _: by_hand.test_squares_that_are_rounded(),
    ),
    "3: not below the normal numbers": Part(
        norms, "if low < least:", "if low < 1:", by_hand.test_a_root_of_nearly_nothing,
    ),
    "3: nor beyond the largest": Part(
        norms, "if arithmetic.kind != EXACT and 2 * high", "if False and 2 * high",
        by_hand.test_a_root_of_what_may_overflow,
    ),
    "3: the root from below": Part(
        norms, "ends = math.isqrt((d << 3 * grid) // high),", "ends = math.isqrt((d << 3 * grid) // high) + 1,",
        lambda _: by_hand.test_both_ends_of_a_root(),
    ),
    "3: the root from above": Part(
        norms, "math.isqrt((d << 3 * grid) // low) + 1", "math.isqrt((d << 3 * grid) // low)",
        lambda _: by_hand.test_both_ends_of_a_root(),
    ),
    "3: how far r is off": Part(
        norms, "return ends[0] - off, ends[1] + off", "return ends", made(NORM, 8),
    ),
    "3: eight times u": Part(
        norms, "off = -(-8 * ends[1]", "off = -(-6 * ends[1]", made(NORM, 8),
    ),
    "3: r may be below 0": Part(
        norms, "return ends[0] - off,", "return max(ends[0] - off, 0),",
        lambda _: by_hand.test_a_root_that_may_be_below_0(),
    ),
    "3: all corners of y r": Part(
        norms, "[a * b for a in value[:2] for b in inverse]", "[a * b for a, b in zip(value[:2], inverse)]",
        made(NORM, 6),
    ),
    "3: y r may be stored": Part(
        norms, "if model.steps.stored:  # it may be rounded once more", "if False:", made(NORM, 7),
    ),
    "3: or not": Part(
        norms, "(min(divided.low, again.low), max(divided.high, again.high))", "again[:2]", made(NORM, 7),
    ),
    "1: heads read through a norm": Part(
        walk, "normed(arithmetic, layer.norms[0], vector)", "vector", norm("values are read"),
    ),
    "1: a norm after the heads": Part(
        walk, "normed(arithmetic, layer.norms[1], ", "normed(arithmetic, None, ", norm("after the heads"),
    ),
    "1: neurons read through a norm": Part(
        walk, "normed(arithmetic, layer.norms[2], vector)", "vector", norm("neurons read"),
    ),
    "1: what is added to is x": Part(
        walk, "    made = neurons(arithmetic, layer, normed(arithmetic, layer.norms[2], vector), deadline)\n",
        "    vector = normed(arithmetic, layer.norms[2], vector)\n"
        "    made = neurons(arithmetic, layer, vector, deadline)\n", norm("neurons read"),
    ),
    "1: a norm after the MLP": Part(
        walk, "normed(arithmetic, layer.norms[3], ", "normed(arithmetic, None, ", norm("after the heads"),
    ),
    "1: outputs read through a norm": Part(
        walk, "normed(arithmetic, network.norm, walked.enclosed[position])", "walked.enclosed[position]",
        norm("mean 5"),
    ),
}
# fmt: on


@pytest.mark.parametrize("title", PARTS)
def test_each_part_is_needed(title: str, tmp_path: Path) -> None:
    part = PARTS[title]
    part.notices(tmp_path)
    with mutated(part.module, part.old, part.new), pytest.raises((Exception, pytest.fail.Exception)):
        part.notices(tmp_path)
