"""What a head computes is within what is said of its query: whatever counts, scores, values, order, roundings are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from exactformer.certificates.checker.formats import Overflow
from exactformer.certificates.checker.softmax.model import Model, parse_model
from tests.checker.softmax.bounds import Some, at, beyond, bounds, exactly
from tests.checker.softmax.kernel import Interval, Kernel, Position, computed, positions

F = Fraction
W, ACC, FINE = "float(3,-6,3)", "float(5,-6,6)", "float(7,-8,9)"
TEXTS = [
    "exact",
    f"rounded:{W}/{FINE}",
    "rounded:fixed4/fixed3",
    f"rounded:{W}/{ACC}/{W}",
    f"rounded:{W}/{FINE}/{W}+faithful",
    f"rounded:fixed4/{FINE}/{W}+exp2+truncate",
    f"fused:{W}/{ACC}/{FINE}",
    "fused:fixed3/fixed5/fixed4",
    f"fused:float(2,-3,3)/float(3,-4,3)/{W}+faithful",
    f"fused:{W}/{ACC}/{W}+divide",
    f"fused:{W}/{FINE}/{W}+wide+reciprocal+truncate",
    f"fused:{W}/{FINE}/{W}+exp8-one+faithful+reciprocal",
    f"fused:{W}/{FINE}/{W}+online2",
    f"fused:{W}/{ACC}/{W}+exp1+online3+divide",
    f"fused:{W}/{FINE}/{W}+exp3-one+online1+wide+faithful+reciprocal",
    f"fused:{W}/{FINE}/{W}+exp5+wide+faithful+divide",
]
TERNARY = [F(-1), F(0), F(1)]


def drawn(model: Model, rng: Random) -> tuple[list[Position], list[Some], int]:
    """Positions of which some share the maximum and a value; what is known of them; how many there are at most."""
    ternary, m, others = rng.random() < 0.6, rng.randint(1, 4), rng.randint(0, 3)
    values = TERNARY if ternary else [v for k in range(-16, 17) if model.activation.has(v := F(k, 8))]
    D, value = F(rng.choice((1, 2, 3, 4, 6, 9))), rng.choice(values)
    far = rng.choice(([D], [D, D + 1], [D, D + 2, D + 5]))
    seen = [Position(F(0), value)] * m + [Position(rng.choice(far), rng.choice(values)) for _ in range(others)]
    rng.shuffle(seen)
    shape = rng.choice(("exactly", "case", "range", "drifting"))
    if shape == "exactly":
        return seen, exactly(seen), len(seen)
    N = m + others + rng.choice((0, 0, 1, 3))
    if shape != "drifting" or model.steps.block:
        least, most = (m, m) if shape == "case" else (rng.randint(1, m), min(m + rng.choice((0, 1, 4)), N))
        rest = [
            beyond(D, N - least) if ternary else Some(0, N - least, D, None, min(values), max(values), numbers=True)
        ]
        return seen, [at(0, value, least, most), *rest[: N - least]], N
    near, off = rng.choice((F(1, 8), F(1, 2))), F(1, 8) if model.activation.has(value + F(1, 8)) else F(0)
    tops = [
        replace(at(0, value, 1, m), x1=near, v0=value - off, v1=value + off, numbers=not ternary or off > 0, top=True)
    ]
    rest = [Some(others, others, D, max(far), min(values), max(values), numbers=not ternary)] if others else []
    moved = [
        one if one.x else Position(rng.choice((F(0), near, near / 9)), value + rng.choice((off, -off, F(0))))
        for one in seen
    ]
    first = next(place for place, one in enumerate(seen) if not one.x)
    return [replace_x(one, place == first) for place, one in enumerate(moved)], tops + rest, m + others


def replace_x(one: Position, at_top: bool) -> Position:
    return one._replace(x=F(0)) if at_top else one


def inside(ends: Interval, found: Interval) -> bool:
    return found[0] <= ends[0] <= ends[1] <= found[1]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_computed_is_within_what_is_said(text: str) -> None:
    """Before and after it is rounded to A: in some orders; for kernels without blocks, in all orders."""
    model, rng, shown = parse_model("", text), Random(text), 0
    for number in range(150):
        seen, groups, N = drawn(model, rng)
        said, cast = bounds(model, groups, N), bounds(model, groups, N, cast=True)
        if said is None:
            continue
        made = [Kernel(model, rng).output(rng.sample(seen, len(seen))) for _ in range(3)]
        if number % 4 == 0 and not model.steps.exp_error:
            made.append(computed(model, seen))
        assert all(inside(ends, said) for ends in made), (groups, N, seen)
        if cast is not None and model.kind != "exact":
            outputs = [tuple(model.activation.of(end, model.cut) for end in ends) for ends in made]
            assert all(cast[0] <= low <= high <= cast[1] for low, high in outputs), (groups, N, seen)
        shown += 1
    assert shown > 75


def test_the_kernel_rounds_products_or_fuses_them() -> None:
    """19/16 is 5/4 in 3 bits, and with 5/32 more 3/2; at once 43/32 is 5/4."""
    model = parse_model("", "fused:float(3,-4,3)/float(3,-4,3)/float(5,-9,9)")
    assert computed(model, positions("0:19/16")) == (F(5, 4), F(5, 4))
    assert computed(model, positions("0:19/16 0:5/32")) == (F(5, 8), F(3, 4))


def test_a_kernel_that_overflows() -> None:
    model = parse_model("", "fused:float(3,-4,1)/float(3,-4,1)/bf16")
    with pytest.raises(Overflow):
        computed(model, positions("0:1 0:1 0:1 0:1"))
