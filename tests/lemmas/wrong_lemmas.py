"""Claims that do not hold, each with a title and a fragment of the counterexample that it has to be refuted with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from exactformer.constructions.transformer.gadgets import (
    Copy,
    Decrement,
    DecrementInPlace,
    Map,
    MoveHead,
    Neuron,
    Or,
    Zero,
    when,
)
from exactformer.verify.lemmas.activation import Domain
from exactformer.verify.lemmas.claim import Case, Claim, nothing_assumed
from exactformer.verify.lemmas.gadget_lemmas import Scene
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.solver import weighted_total


@dataclass(frozen=True)
class Wrong:
    """A wrong claim at any width from 3 on; each text occurs in the counterexample at width 3."""

    claim: Callable[[Scene], Claim]
    counterexample: tuple[str, ...]


def about_other_neurons(right: Claim, other: Claim) -> Claim:
    """The statement of one claim about the neurons of another."""
    return right.with_neurons(other.neurons)


def without(claim: Claim, number: int) -> Claim:
    return claim.with_neurons((*claim.neurons[:number], *claim.neurons[number + 1 :]))


def changed(claim: Claim, number: int, change: Callable[[Neuron], Neuron]) -> Claim:
    units = list(claim.neurons)
    units[number] = change(units[number])
    return claim.with_neurons(units)


def single_borrow(x: Scene) -> Claim:
    """Each neuron of a borrow occurs only once: a bit changes by 1 and ends at 0."""
    right = claim_about(DecrementInPlace(x.target, 0), "decrement in place")
    return right.with_neurons(right.neurons[::2])


def copied_without_condition(x: Scene) -> Claim:
    right = claim_about(Copy(x.source, x.target, when(x.flag)), "copy")
    return about_other_neurons(right, claim_about(Copy(x.source, x.target), "copy"))


def copied_where_flag_is_off(x: Scene) -> Claim:
    right = claim_about(Copy(x.source, x.target, when(unless=(x.stop,))), "copy")
    return about_other_neurons(right, claim_about(Copy(x.source, x.target, when(x.stop)), "copy"))


def no_saturation(x: Scene) -> Claim:
    """The neurons that clear the low bits when x < 2^k are missing."""
    right = claim_about(DecrementInPlace(x.target, 2), "decrement in place by 2^2")
    low = [unit for unit in right.neurons if len(unit.outputs) == 1 and unit.outputs[0][0] < x.target.offset + 2]
    return right.with_neurons(unit for unit in right.neurons if unit not in low)


def writes_elsewhere(x: Scene) -> Claim:
    right = claim_about(Zero(x.target), "zero")
    stray = Neuron(((x.target.offset, 1),), 0, ((x.flag.offset, 1),))
    return replace(right.with_neurons((*right.neurons, stray)), registers=(*right.registers, x.flag))


def moved_the_other_way(x: Scene) -> Claim:
    right = claim_about(MoveHead(x.source, x.move, x.target), "move")
    return right.with_neurons(
        Neuron(
            tuple((c, -w if c in x.move.coordinates else w) for c, w in unit.inputs),
            unit.bias,
            unit.outputs,
        )
        for unit in right.neurons
    )


def right_at_the_end_of_the_tape(x: Scene) -> Claim:
    """Without the precondition x + 1 < 2^r."""
    right = claim_about(MoveHead(x.source, x.move, x.target), "move")
    number, zero = right.cases

    def wraps(stream: Mapping[int, int]) -> dict[int, int]:
        found = right.meaning(stream)
        # An end at which nothing is claimed is claimed to wrap around to 0.
        return {c: -1 - stream[c] for c in x.target.coordinates} if found is None else dict(found)

    return replace(right, meaning=wraps, cases=(replace(number, assumed=nothing_assumed), zero))


def map_with_a_loose_row(x: Scene) -> Claim:
    right = claim_about(Map((x.source,), (x.out,), (((1,) * x.source.width, (1, 0)),)), "map")
    return changed(right, 0, lambda unit: replace(unit, bias=unit.bias + 2))


def or_that_counts(x: Scene) -> Claim:
    return without(claim_about(Or(x.flags, x.out.bit(0)), "or"), 1)


def copied_with_a_factor(x: Scene) -> Claim:
    right = claim_about(Copy(x.source, x.target), "copy")
    return changed(right, 0, lambda unit: replace(unit, outputs=((unit.outputs[0][0], 2),)))


def decremented_by_another_power(x: Scene) -> Claim:
    right = claim_about(Decrement(x.source, x.target, 0), "decrement by 2^0")
    return about_other_neurons(right, claim_about(Decrement(x.source, x.target, 1), "decrement by 2^1"))


WRONG: dict[str, Wrong] = {
    "each borrow neuron only once": Wrong(single_borrow, ("target should get", "but gets")),
    "copy that ignores its condition": Wrong(copied_without_condition, ("flag = ", "should get (0, 0, 0) but gets")),
    "condition wanted at 1 instead of 0": Wrong(copied_where_flag_is_off, ("stop = ", "but gets")),
    "decrement that does not saturate": Wrong(no_saturation, ("target = (", "target should get", "but gets")),
    "gadget that writes elsewhere too": Wrong(writes_elsewhere, ("flag should get 0 but gets 1",)),
    "left and right exchanged": Wrong(moved_the_other_way, ("move = (", "target should get")),
    "right at the last position wraps around": Wrong(
        right_at_the_end_of_the_tape, ("source = (+1, +1, +1)", "move = (+1, +1)")
    ),
    "map row that fires for its neighbours": Wrong(
        map_with_a_loose_row, ("source = (", "out should get (", "but gets (+")
    ),
    "or that counts": Wrong(or_that_counts, ("out[0] should get 1 but gets",)),
    "copy with output weight 2": Wrong(copied_with_a_factor, ("source = (+1", "target should get (+1", "but gets (+2")),
    "decrement by another power of two": Wrong(decremented_by_another_power, ("target should get", "but gets")),
}


def vacuous(x: Scene) -> Claim:
    """A claim with no case: nothing is ever decided about it."""
    return replace(claim_about(Copy(x.source, x.target), "copy"), cases=())


def unconfirmed(x: Scene) -> Claim:
    """Bit by bit it says that copy adds the negative; about numbers it says that copy copies. Only the solver
    objects."""
    right = claim_about(Copy(x.source, x.target), "copy")
    domains = dict.fromkeys(x.source.coordinates, Domain.TERNARY)
    pairs = list(zip(x.source.coordinates, x.target.coordinates, strict=True))
    wrong = Case("met", domains, lambda s: {t: weighted_total([(-1, s[c].term)]) for c, t in pairs})
    return replace(right, cases=(wrong,))
