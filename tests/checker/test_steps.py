"""Texts of composed arithmetics, what they admit, and their conditions in cases small enough for a sheet of paper."""

from __future__ import annotations

from fractions import Fraction

import pytest
from exactformer.certificates.checker.arithmetic import (
    case_entry,
    cells,
    condition,
    largest_admitted,
    parse_model,
    rounds_to_0,
    rounds_to_1,
    separation_of_scores,
)
from exactformer.certificates.checker.steps.naming import Steps
from exactformer.certificates.checker.ties import outcome

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import Overflow, parse_format
from exactformer.certificates.checker.statement import scales

F = Fraction
BASE = "fused:bf16/fp32/bf16"

ACCEPTED = {
    "rounded:bf16/fp32/bf16": Steps(),
    f"{BASE}@bf16+head64+once": Steps(head=3, once=True),
    "rounded:bf16/bf16+head65536": Steps(head=8),
    "fused:fixed8/fixed8.9/bf16+head4+once": Steps(head=1, once=True),
    f"{BASE}+exp2": Steps(exp_error=2, exp_of_0_is_1=False),
    f"{BASE}+exp4194304-one": Steps(exp_error=2**22),
    f"{BASE}+head4+once+exp1+online1048576+wide+faithful+reciprocal+truncate": Steps(
        1, True, 1, False, 2**20, True, True, False, True, True
    ),
    f"{BASE}+divide": Steps(divide=True),
    "rounded:bf16/fp32/bf16+exp3-one+faithful+truncate": Steps(exp_error=3, faithful=True, truncate=True),
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_texts_with_steps(text: str) -> None:
    model = parse_model("x", text)
    assert model.steps == ACCEPTED[text]
    assert model.composed == ("head" not in text or "exp" in text)


def test_models_without_steps_are_not_composed() -> None:
    for text in ("exact@bf16", "rounded:bf16/bf16", "fused:fixed8/fixed8/bf16"):
        model = parse_model("x", text)
        assert (model.steps, model.composed) == (Steps(), False)


REJECTED = {
    "nothing behind a plus": (f"{BASE}+", "is no step"),
    "a step that is none": (f"{BASE}+fast", "is no step"),
    "capital letters": (f"{BASE}+Once", "is no step"),
    "a step and a space": (f"{BASE}+once ", "is no step"),
    "steps before the score format": (f"{BASE}+once@bf16", "is no step"),
    "a number that does not belong": (f"{BASE}+once2", "is no step"),
    "a number that is missing": (f"{BASE}+head", "is no step"),
    "-one behind another step": (f"{BASE}+wide-one", "is no step"),
    "a digit that is not ASCII": (f"{BASE}+head\uff14", "is no step"),
    "head out of order": (f"{BASE}+once+head64", "not in the order"),
    "truncate before wide": (f"{BASE}+truncate+wide", "not in the order"),
    "the same twice": (f"{BASE}+wide+wide", "exclude each other"),
    "two exps": (f"{BASE}+exp2+exp2-one", "exclude each other"),
    "two quotients": (f"{BASE}+divide+reciprocal", "exclude each other"),
    "twice, apart": (f"{BASE}+wide+faithful+wide", "not in the order"),
    "leading zero in U": (f"{BASE}+exp02", "begins with 0"),
    "leading zero in B": (f"{BASE}+online064", "begins with 0"),
    "leading zero in H": (f"{BASE}+head064", "begins with 0"),
    "U = 0": (f"{BASE}+exp0", "begins with 0"),
    "B = 0": (f"{BASE}+online0", "begins with 0"),
    "U too large": (f"{BASE}+exp4194305", "more than 2^(p-2)"),
    "U too large for a small accumulator": ("fused:float(3,-4,3)/float(3,-4,3)/bf16+exp3", "more than 2^(p-2)"),
    "B too large": (f"{BASE}+online1048577", "more than 1048576"),
    "H = 1": (f"{BASE}+head1", "is not 4, 16"),
    "H = 8": (f"{BASE}+head8", "is not 4, 16"),
    "H = 4^9": (f"{BASE}+head262144", "is not 4, 16"),
    "head of exact": ("exact+head64", "no step of exact"),
    "once of exact": ("exact@bf16+once", "no step of exact"),
    "exp of two formats": ("rounded:bf16/bf16+exp2", "no step of rounded with two"),
    "truncate of two formats": ("rounded:bf16/bf16+truncate", "no step of rounded with two"),
    "online of rounded": ("rounded:bf16/fp32/bf16+online64", "no step of rounded with three"),
    "wide of rounded": ("rounded:bf16/fp32/bf16+wide", "no step of rounded with three"),
    "divide of rounded": ("rounded:bf16/fp32/bf16+divide", "no step of rounded with three"),
    "a fixed accumulator": ("fused:fixed8/fixed8.9/bf16+wide", "is not floating"),
    "rounded with a fixed accumulator": ("rounded:fixed8/fixed8/bf16", "is not floating"),
    "weights that the accumulator has not": ("rounded:fp16/bf16/bf16", "does not have all weights"),
    "four formats": ("rounded:bf16/fp32/bf16/bf16", "is not the canonical text"),
}


@pytest.mark.parametrize("title", REJECTED)
def test_texts_that_are_not_canonical(title: str) -> None:
    text, reason = REJECTED[title]
    with pytest.raises(Rejected) as error:
        parse_model("statement.arithmetic", text)
    assert reason in error.value.reason
    assert error.value.field == "statement.arithmetic"


def test_rounding_to_the_neighbours() -> None:
    tiny = parse_format("x", "float(3,-4,3)")
    assert [tiny.of(F(9, 8), to) for to in ("nearest", "down", "up")] == [1, 1, F(5, 4)]
    assert [tiny.of(F(-11, 8), to) for to in ("nearest", "down", "up")] == [F(-3, 2), F(-5, 4), F(-3, 2)]
    assert [tiny.of(F(1, 100), to) for to in ("nearest", "down", "up")] == [F(1, 64), 0, F(1, 64)]
    assert tiny.of(F(5, 4), "up") == tiny.of(F(5, 4), "down") == F(5, 4)
    assert tiny.of(F(15), "down") == 14
    with pytest.raises(Overflow):
        tiny.of(F(29, 2), "up")


def test_admitted_betas_with_steps_on_scores() -> None:
    """31 * 2^(e+3) < 2^128 for head64; 31 rounds to 32 with 4 bits, and 448 is the largest number of e4m3fn."""
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16+head64"), 31) == 120
    assert largest_admitted(parse_model("x", "rounded:fp16/fp16+head64"), 31) == 27
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn"), 31) is None
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn+once"), 31) == 3
    assert largest_admitted(parse_model("x", "rounded:bf16/bf16@e4m3fn+once"), 500) is None
    assert scales(parse_model("x", "rounded:bf16/bf16+head64"), 4) == (16, 8)
    assert scales(parse_model("x", "rounded:bf16/bf16+head64"), None) == (1, 1)
    assert scales(parse_model("x", "rounded:bf16/bf16"), 5) == (8, 4)


def test_separation_of_scores_that_are_rounded() -> None:
    """4 bits: .., 14, 15, 16, 18, 20, ..: 17 -> 16, so that it is not above 16, and 1, 2, 3 above 15, 14, 13."""
    once, plain = (parse_model("x", f"rounded:bf16/bf16@e4m3fn{steps}") for steps in ("+once", ""))
    assert [separation_of_scores(once, 16, D) for D in (1, 2)] == [1, 2]
    assert [separation_of_scores(once, 20, D) for D in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert separation_of_scores(once, 18, 37) == 37
    assert separation_of_scores(plain, 20, 1) == 1
    fixed = parse_model("x", "rounded:bf16/bf16@fixed1.9+once")
    assert separation_of_scores(fixed, 200, 1) == 1


def test_scores_that_rounding_makes_equal_prove_nothing() -> None:
    model = parse_model("x", "rounded:bf16/bf16@e4m3fn+once")
    entry, holds = case_entry(model, 9, 0, [(1, 1)], 3, 3)
    assert (entry, holds) == ({"least_beta": None, "tau": None, "one": None, "zero": None, "holds": False}, False)
    assert outcome(model, 9, 0, 3, 3).up_to == 0


def test_cells_of_what_is_truncated() -> None:
    model = parse_model("x", f"{BASE}+truncate")
    assert cells(model) == ((F(1), 1 + F(1, 128)), (-(F(1, 2**133)), F(1, 2**133)))
    assert rounds_to_1(model, (F(1), 1 + F(1, 129)))
    assert not rounds_to_1(model, (F(1), 1 + F(1, 128)))
    assert not rounds_to_1(model, (1 - F(1, 2**60), F(1)))
    assert rounds_to_0(model, F(1, 2**134))
    assert not rounds_to_0(model, F(1, 2**133))
    fixed = parse_model("x", "fused:bf16/fp32/fixed4+truncate")
    assert cells(fixed) == ((F(1), F(17, 16)), (F(-1, 16), F(1, 16)))


TINY = "float(3,-4,3)"
"""p = 3, values up to 14, u = 1/8, eps = 1/4, q = 1/64; C = 8."""
SMALL = {
    # tau = exp(-8) < q/2 = 1/128: others add nothing
    "nothing leaks": (f"fused:{TINY}/{TINY}/{TINY}+wide", 8, (1, 2), (F(1), F(1)), F(0)),
    # three bits do not hold all multiples of three bits, so that 1/2 + 1/2 is not known to be exact: E(1) = 1/8
    "1/2 + 1/2": (f"rounded:{TINY}/{TINY}/{TINY}", 8, (1, 2), (F(7, 8), F(9, 8)), F(0)),
    "1/2 + 1/2 in more bits": (f"rounded:{TINY}/float(5,-4,3)/{TINY}", 8, (1, 2), (F(1), F(1)), F(0)),
    # 1/3 -> 5/16, and three of them, added with an error of 2 u: 15/16 (1 -+ 1/4)
    "three thirds": (f"rounded:{TINY}/{TINY}/{TINY}", 8, (3,), (F(45, 64), F(75, 64)), F(0)),
    # 1/3 is 5/16 or 3/8 then; E(2) = (2/4)/(1 - 2/4) = 1 says nothing
    "three thirds, faithful": (f"rounded:{TINY}/{TINY}/{TINY}+faithful", 8, (3,), None, None),
    # exp(0) in [3/4, 5/4]: two maximisers, E(1) = 1/8: per maximiser 3/4 - 5/32 .. 5/4 + 5/32
    "an exp that is wrong": (f"fused:{TINY}/{TINY}/{TINY}+exp1", 8, (2,), (F(19, 45), F(45, 19)), F(0)),
    "only one maximiser, divided": (f"fused:{TINY}/{TINY}/{TINY}+exp1+divide", 8, (1,), (F(5, 8), F(7, 4)), F(0)),
    "exact at 0": (f"fused:{TINY}/{TINY}/{TINY}+exp1-one", 8, (2,), (F(1), F(1)), F(0)),
    "blocks, nothing leaks": (f"fused:{TINY}/{TINY}/{TINY}+online2+divide", 8, (2,), (F(1), F(1)), F(0)),
    # (1 - u)^2 - q, (1 + u)^2 + q
    "reciprocal": (f"fused:{TINY}/{TINY}/{TINY}+reciprocal", 8, (2,), (F(48, 64), F(82, 64)), F(0)),
    # tau = exp(-2) = 0.135.. -> 1/8; E = 3/8; num of one maximiser: 11/8, high (11/8)^2, low 1 - 3/8 - 3/8 * 11/8;
    # den: the same high, low 1 - 33/64; others alone: 3/8 * 11/8
    "others leak": (f"fused:{TINY}/{TINY}/{TINY}+wide", 2, (1,), (F(7, 121), F(121, 31)), F(33, 64)),
    "others leak, divided": (f"fused:{TINY}/{TINY}/{TINY}+divide", 2, (1,), (F(1, 16), F(4)), F(1, 2)),
    "no ties": (f"fused:{TINY}/{TINY}/{TINY}+wide", 2, (), None, F(33, 64)),
    # k = 3 + 2 products: 5/8/(1 - 5/8) = 5/3 is not below 1
    "blocks, others leak": (f"fused:{TINY}/{TINY}/{TINY}+online2", 2, (1,), None, None),
}


@pytest.mark.parametrize("title", SMALL)
def test_small_conditions_by_hand(title: str) -> None:
    """N = 4, and beta D = x."""
    text, x, ties, one, zero = SMALL[title]
    here = condition(parse_model("x", text), 4, x, ties, 0)
    assert (here.one, here.zero) == (one, zero)
    cell_one, cell_zero = (F(15, 16), F(9, 8)), F(1, 128)  # half of the steps 1/8, 1/4, and 1/64
    if zero is None or (ties and one is None):
        assert not here.holds
    else:
        fits = one is None or cell_one[0] <= one[0] <= one[1] <= cell_one[1]
        assert here.holds == (zero <= cell_zero and fits)


def test_accumulators_that_swallow_or_overflow() -> None:
    """bf16 has 8 bits: ones count up to 256, and others below u/2 / (2N (1 + N u)) do not change them."""
    model = parse_model("x", "fused:bf16/bf16/e4m3fn+divide")
    held = condition(model, 1000, 1, (256,), 5)  # tau = exp(-32)
    assert held.one == (F(1), F(1))
    assert held.holds
    assert not condition(model, 1000, 1, (257,), 5).holds
    assert condition(parse_model("x", "fused:bf16/bf16/e4m3fn+faithful"), 1000, 1, (256,), 5).one is None
    small = "float(8,-126,5)"  # up to 63.75
    overflow = parse_model("x", f"rounded:float(3,-126,5)/{small}/bf16")
    assert condition(overflow, 63, 1, (1,), 12).holds
    assert condition(overflow, 64, 1, (1,), 12).zero is None  # 64 maximisers that share 0 may be there


def test_ties_up_to_a_bound() -> None:
    """Weights of fp16 (11 bits) add up exactly in fp32 (24 bits); 1/m is normal to 2^14; bf16 is coarse."""
    model = parse_model("x", "rounded:fp16/fp32/e4m3fn")
    assert outcome(model, 2**20, 1, 2**13, 7).up_to == 2**13
    fused = parse_model("x", "fused:bf16/fp32/bf16+wide+divide")
    assert outcome(fused, 2**20, 1, 2**20, 8).up_to == 2**20
    assert outcome(fused, 2**20, 1, 2**20, 0).up_to == 0
    counted = parse_model("x", "fused:bf16/bf16/bf16+divide")
    assert outcome(counted, 1000, 1, 1000, 8).up_to == 256
    one_by_one = parse_model("x", "rounded:fixed8/fp32/bf16")
    assert outcome(one_by_one, 20, 1, 20, 5).up_to == 2  # 3 * 85/256 is 255/256, and bf16 would need 511/512
