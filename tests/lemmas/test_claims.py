"""Claims about gadgets: wrong ones are refuted with a counterexample; right ones say the same twice, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import pytest

from exactformer.constructions.transformer.gadgets import Copy, Map
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.lemmas.activation import Symbol, added_by
from exactformer.verify.lemmas.claim import Case, Claim, ClaimError
from exactformer.verify.lemmas.gadget_lemmas import Scene
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.lemmas.mutation import FAMILIES
from exactformer.verify.lemmas.outcome import Budget, Checked, Disproved, Established, Open, conclude
from exactformer.verify.lemmas.programs import distinct_claims, moved_together, program_gadgets
from exactformer.verify.solver import Model, value_of
from tests.lemmas.wrong_lemmas import WRONG, unconfirmed, vacuous


@pytest.mark.parametrize("width", [3, 8, 32])
@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_claim_is_refuted_with_its_counterexample(title: str, width: int) -> None:
    outcome = conclude(WRONG[title].claim(Scene(width)).decide(Budget(600)))
    assert isinstance(outcome, Disproved)
    if width == 3:
        for text in WRONG[title].counterexample:
            assert text in outcome.counterexample


def test_a_claim_without_a_case_is_open() -> None:
    assert conclude(vacuous(Scene(3)).decide(Budget(600))) == Open("nothing was decided")


def test_a_counterexample_that_plain_evaluation_does_not_confirm_is_open() -> None:
    outcome = conclude(unconfirmed(Scene(3)).decide(Budget(600)))
    assert isinstance(outcome, Open)
    assert "does not confirm" in outcome.reason


def model_of(case: Case, symbols: Mapping[int, Symbol], x: Mapping[int, int]) -> Model | None:
    """The solver's variables at x, None where x is outside the domains of the case."""
    model: Model = {}
    for c, symbol in symbols.items():
        if x[c] not in symbol.domain.value:
            return None
        for number, (_, literal) in enumerate(symbol.parts):
            model[literal.name] = x[c] == (1, -1)[number]
    return model if all(value_of(assumed, model) for assumed in case.assumed(symbols)) else None


def small_claims() -> list[Claim]:
    """Every family at a width at which all ternary vectors can be listed."""
    claims = [claim for make in FAMILIES.values() for claim in make(2)]
    return [claim for claim in claims if len(claim.inputs) <= 9]


@pytest.mark.parametrize("claim", small_claims(), ids=lambda claim: claim.title)
def test_bits_and_numbers_say_the_same_and_the_cases_are_all(claim: Claim) -> None:
    cases = [(case, {c: Symbol.of(claim.names[c], d) for c, d in case.domains.items()}) for case in claim.cases]
    seen = 0
    for values in product(*(claim.inputs[c].value for c in claim.inputs)):
        x = dict(zip(claim.inputs, values, strict=True))
        wanted = claim.meaning(x)
        here = [(case, symbols, model_of(case, symbols, x)) for case, symbols in cases]
        models = [(case, symbols, model) for case, symbols, model in here if model is not None]
        assert (wanted is not None) == (len(models) > 0), x
        for case, symbols, model in models:
            terms = {c: value_of(term, model) for c, term in case.adds(symbols).items()}
            assert wanted is not None
            coordinates = {*terms, *wanted}
            assert {c: terms.get(c, 0) for c in coordinates} == {c: wanted.get(c, 0) for c in coordinates}
            seen += 1
    assert seen > 0


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("identifier", FAMILIES)
def test_enumeration_agrees_with_the_solver(identifier: str, width: int) -> None:
    for claim in FAMILIES[identifier](width):
        if len(claim.inputs) <= 12:
            assert isinstance(conclude(claim.decide(Budget(600))), Established)
            assert isinstance(claim.exhaust(Budget(600)), Checked)


def test_enumeration_by_arrays_is_evaluation_one_by_one() -> None:
    for title, wrong in WRONG.items():
        claim = wrong.claim(Scene(2 if title != "decrement that does not saturate" else 3))
        agrees = claim.points.agree(claim.neurons)
        for n in range(0, len(agrees), 7):
            assert bool(agrees[n]) == (claim.disagreement(claim.points.at(n)) is None)
        assert not agrees.all(), title


def test_no_time_no_enumeration() -> None:
    (claim, _) = FAMILIES["gadget.copy"](2)
    assert isinstance(conclude([claim.exhaust(Budget(0))]), Open)


def test_parts_that_overlap_are_refused() -> None:
    x = Scene(3)
    with pytest.raises(ClaimError, match="overlap"):
        claim_about(Copy(x.source, x.source), "copy onto itself")


def test_a_coordinate_is_a_flag_or_signed_and_not_both() -> None:
    x = Scene(3)
    rows = (((0, 1, 1), (1, 0)), ((-1, 1, 1), (0, 1)))
    with pytest.raises(ClaimError, match="both as a flag"):
        claim_about(Map((x.source,), (x.out,), rows), "map")


def test_a_program_has_every_gadget_covered_by_a_claim() -> None:
    for paradigm in Paradigm:
        gadgets = program_gadgets(paradigm, 4)
        patterns = {moved_together(placed.gadget) for placed in gadgets}
        assert len(list(distinct_claims(paradigm, 4))) == len(patterns) < len(gadgets)


def test_evaluation_is_the_definition() -> None:
    x = Scene(2)
    claim = claim_about(Copy(x.source, x.target), "copy")
    stream = dict(zip(x.source.coordinates, (-1, 1), strict=True))
    assert added_by(claim.neurons, stream) == dict(zip(x.target.coordinates, (-1, 1), strict=True))
