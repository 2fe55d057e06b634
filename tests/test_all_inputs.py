"""From what is proved of heads to the softmax network: cases, the beta that is chosen, and how many writes."""

from __future__ import annotations

from functools import cache

import pytest

from exactformer.certificates.checker.theory.heads import FoundHead
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import decide as decide_all
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.theory import turing
from exactformer.verify.all_inputs import Universal, decide_ties_of
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.arithmetic.softmax import HeadFacts, Holds, decide
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.assessment import BetaError

pytestmark = pytest.mark.usefixtures("walked_once")


@cache
def proved() -> tuple[Network, Walked]:
    """Of runs in which no number of writes is too many."""
    network, theory = turing(load_machine("increment"), context=16)
    return network, prove(network, theory)


def assess(arithmetic: str, context: int, most_writes: int, beta: int | None = None) -> Universal:
    """What follows for one network; the context may be longer than the network's, as no inequality speaks of that."""
    network, walked = proved()
    found = [head for layer in walked.heads for head in layer]
    pairs = [(head.separation or 2, 1 if head.ties == 1 else most_writes) for head in found]
    largest = max(len(head.query) for layer in network.layers for head in layer.heads)
    return decide_ties_of(pairs, largest, parse_arithmetic(arithmetic), context, beta)


def test_every_head_has_the_case_of_its_separation_and_ties() -> None:
    network, walked = proved()
    made = assess("fused:bf16", 1000, 70)
    assert len(made.cases) == len(set(made.cases)) == 3
    assert sorted(set(made.case_of_head)) == [0, 1, 2]
    heads = [(layer, head) for layer in network.layers for head in layer.heads]
    for (layer, head), number in zip(heads, made.case_of_head, strict=True):
        separation = 2 if head.kind is HeadKind.LOOKUP else 1
        last = layer is network.layers[12]  # there is one token with all the bits
        most = 70 if head.name.startswith(("written_", "exists_high_")) and not last else 1
        assert made.cases[number].facts == TieFacts(separation, most, 1000), head.name
    for case in made.cases:
        assert case.up_to == decide_ties(made.model, case.facts, made.beta).up_to
    assert decide_all(network, walked.heads, made.model, 16, None).case_of_head == made.case_of_head


@pytest.mark.parametrize(("separation", "ties", "wanted"), [(1, 7, (1, 7)), (2, None, (2, 16)), (None, 99, (0, 16))])
def test_what_is_not_known_of_a_head_is_the_worst(
    separation: int | None, ties: int | None, wanted: tuple[int, int]
) -> None:
    """A head that always selects all has a separation beyond all scores; as many tie as there are tokens."""
    network, _ = proved()
    longest = max(len(head.query) for layer in network.layers for head in layer.heads)
    made = decide_all(network, [[FoundHead(separation, ties)]], parse_arithmetic("fused:bf16"), 16, None)
    separated = 2 * longest + 1 if separation is None else wanted[0]
    assert [(case.facts.separation, case.facts.most) for case in made.cases] == [(separated, wanted[1])]


ARITHMETICS = (
    "fused:bf16",
    "fused:e4m3fn/fp32/bf16",
    "rounded:fp32/bf16",
    "rounded:bf16/e4m3fn",
    "rounded:fixed12/e4m3fn",
)


@pytest.mark.parametrize("context", [16, 256, 2**20, 2**64])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_beta_that_is_chosen_is_the_smallest_that_is_enough(arithmetic: str, context: int) -> None:
    made = assess(arithmetic, context, 7)
    assert made.proved
    assert made.beta == max(case.least_beta or 0 for case in made.cases)
    assert made.beta == made.split.query * made.split.key > 1
    assert not assess(arithmetic, context, 7, made.beta // 2).proved
    for given in (made.beta, 2 * made.beta, 1 << made.largest_exponent):
        again = assess(arithmetic, context, 7, given)
        assert (again.proved, again.beta) == (True, given)
        assert [case.least_beta for case in again.cases] == [case.least_beta for case in made.cases]


@pytest.mark.parametrize(
    ("arithmetic", "most"),
    [("rounded:bf16/bf16", 60), ("rounded:fp16/fp16", 10), ("rounded:fixed12/bf16", 33), ("fused:bf16", 2**24)],
)
def test_how_many_writes_of_one_cell_are_proved(arithmetic: str, most: int) -> None:
    # The accumulator of fused:bf16 has to hold as many terms as there are tokens.
    context = 2**24 + 2**10
    for writes in (1, most - 1, most, most + 1, context):
        made = assess(arithmetic, context, writes)
        assert made.proved == (writes <= most)
        assert made.most_writes_proved == min(writes, most)
        assert made.beta == max(case.least_beta or 1 for case in made.cases)
        assert [case.least_beta is None for case in made.cases if case.facts.most > 1] == [writes > most] * (writes > 1)


def test_a_beta_that_is_too_small_proves_nothing_of_any_number_of_writes() -> None:
    least = {case.facts.separation: case.least_beta or 0 for case in assess("fused:bf16", 64, 64).cases}
    assert least[1] > least[2] > 1
    for beta in (1, least[2] // 2, least[2], least[1] // 2):
        made = assess("fused:bf16", 64, 64, beta)
        assert (made.beta, made.proved, made.most_writes_proved) == (beta, False, 0)
        assert [case.holds for case in made.cases] == [beta >= least[case.facts.separation] for case in made.cases]


def test_a_beta_at_which_scores_are_not_exact_is_refused() -> None:
    largest = assess("rounded:fp16/fp16", 64, 4).largest_exponent
    assert assess("rounded:fp16/fp16", 64, 4, 1 << largest).proved
    with pytest.raises(BetaError, match=rf"beta = 2\^{largest + 1} is too large .* up to beta = 2\^{largest}"):
        assess("rounded:fp16/fp16", 64, 4, 1 << (largest + 1))
    with pytest.raises(ModelError, match="not exact in float\\(2,0,1\\)"):
        assess("rounded:fp16/fp16@float(2,0,1)", 64, 4)


def test_where_nothing_holds_beta_is_the_largest() -> None:
    made = assess("fused:e4m3fn/fp16/bf16", 2**20, 1)
    assert [case.least_beta for case in made.cases] == [None, None]
    assert made.beta == 1 << made.largest_exponent
    assert (made.proved, made.most_writes_proved) == (False, 0)


def test_real_numbers_are_never_proved_and_beta_is_then_one_with_errors_below_a_half() -> None:
    made = assess("exact", 64, 64)
    assert (made.proved, made.most_writes_proved) == (False, 0)
    for beta, enough in ((made.beta, True), (made.beta // 2, False)):
        decided = [decide(made.model, HeadFacts(case.facts.separation, (1,), 64), beta) for case in made.cases]
        assert not any(isinstance(one, Holds) for one in decided)
        bounds = [(one.bounds.one, one.bounds.zero) for one in decided]
        assert all(zero and one and 2 * zero.high < 1 and 2 * (1 - one.low) < 1 for one, zero in bounds) == enough
