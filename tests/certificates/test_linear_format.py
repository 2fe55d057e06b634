"""ARITHMETIC 8 on the side that makes certificates: the same networks fit as for the checker, no others."""

from __future__ import annotations

import random
from collections import Counter
from itertools import accumulate
from typing import Any

import pytest

from exactformer.certificates.certify import Request, certify
from exactformer.certificates.certify_all import UniversalRequest, certify_all
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.linear import check_linear
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.linear_format import (
    Bound,
    DoesNotFit,
    Sum,
    not_a_value,
    require_fit,
    smallest_fitting,
    sums_of,
    too_large,
)
from exactformer.certificates.weights import Parameters
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.verify.arithmetic.formats import parse_format
from exactformer.verify.arithmetic.models import parse_arithmetic

pytestmark = pytest.mark.usefixtures("walked_once")

FORMATS = ("float(2,0,4)", "float(3,-2,5)", "float(4,-9,9)", "float(5,-3,3)", "float(6,-9,9)", "fixed2.3", "fixed1.5")
WIDTH = 5


def vector(rng: random.Random, largest: int) -> list[list[int]]:
    coordinates = sorted(rng.sample(range(WIDTH), rng.randint(0, WIDTH)))
    return [[c, rng.choice((-1, 1)) * rng.randint(1, largest)] for c in coordinates]


def rows(rng: random.Random, count: int, largest: int) -> tuple[list[int], list[int], list[int]]:
    sizes = [rng.randint(0, 3) for _ in range(count)]
    total = sum(sizes)
    weights = [rng.choice((-1, 1)) * rng.randint(1, largest) for _ in range(total)]
    return [0, *accumulate(sizes)], [rng.randrange(WIDTH) for _ in range(total)], weights


def random_document(rng: random.Random) -> dict[str, Any]:
    """A small network, some of whose sums are larger than others."""
    of_vocabulary, of_mlp = rng.choice((1, 2, 5)), rng.choice((1, 2, 3))
    vocabulary = []
    for name in "AB"[: rng.randint(1, 2)]:
        fields = []
        for field in "fg"[: rng.randint(0, 2)]:
            size = rng.randint(1, 3)
            sides = {s: [vector(rng, of_vocabulary) for _ in range(size)] for s in ("embedding", "unembedding")}
            fields.append({"name": field, "values": [f"v{n}" for n in range(size)], **sides})
        own = {side: vector(rng, of_vocabulary) for side in ("embedding", "unembedding")}
        vocabulary.append({"name": name, **own, "fields": fields})
    layers = []
    for _ in range(rng.randint(1, 2)):
        heads = []
        for head in range(rng.randint(0, 2)):
            out = [rng.randrange(WIDTH) for _ in range(rng.randint(1, 4))]
            lists = {"query": [0], "key": [0], "value": [0] * len(out), "out": out}
            heads.append({"name": f"h{head}", "kind": "content", **lists})
        size = rng.randint(0, 3)
        inputs, outputs = rows(rng, size, of_mlp), rows(rng, size, of_mlp)
        mlp = {f"in_{key}": part for key, part in zip(("start", "coordinate", "weight"), inputs, strict=True)}
        mlp |= {f"out_{key}": part for key, part in zip(("start", "coordinate", "weight"), outputs, strict=True)}
        layers.append({"heads": heads, "mlp": mlp | {"bias": [rng.randint(-of_mlp, of_mlp) for _ in range(size)]}})
    named: dict[str, Any] = {"format": "exactformer weights", "version": 1, "position_bits": 2}
    return named | {"registers": [["pos", 2], ["x", WIDTH - 2]], "vocabulary": vocabulary, "layers": layers}


def numbers(document: dict[str, Any], scale: int) -> list[Parameters]:
    """Every weight, as certificates count them."""
    families = document["vocabulary"]
    parts = [*families, *(field | {"many": True} for family in families for field in family["fields"])]

    def entries(side: str) -> list[int]:
        vectors = [v for part in parts for v in (part[side] if "many" in part else [part[side]])]
        return [value for one in vectors for _, value in one]

    mlps = [layer["mlp"] for layer in document["layers"]]
    listed = {"embedding": entries("embedding"), "unembedding": entries("unembedding")}
    listed |= {"query": [1] if any(layer["heads"] for layer in document["layers"]) else []}
    listed |= {f"mlp_{key}": [w for mlp in mlps for w in mlp[name]] for key, name in
               (("in", "in_weight"), ("bias", "bias"), ("out", "out_weight"))}  # fmt: skip
    found = []
    for matrix, values in listed.items():
        counts = {value: count for value, count in Counter(values).items() if value}
        found.append(Parameters(matrix, counts, scale if matrix == "query" else 1, 0, 0))
    return found


def test_the_same_networks_fit_as_for_the_checker() -> None:
    rng, fits = random.Random(7), Counter[bool]()
    for _ in range(500):
        document, name, scale = random_document(rng), rng.choice(FORMATS), rng.choice((1, 1, 4, 64))
        linear, network = parse_format(name), read_network(document)
        mine = (not_a_value(linear, numbers(document, scale)) or too_large(linear, sums_of(document))) is None
        try:
            check_linear(network, parse_model("", f"rounded:bf16/bf16+linear{name}"), (scale, 1))
            theirs = True
        except Rejected:
            theirs = False
        assert mine == theirs, (document, name)
        fits[mine] += 1
    assert min(fits.values()) > 100, fits


def test_sums_beyond_64_bits_are_right() -> None:
    """A document may hold what no construction has."""
    document = random_document(random.Random(1))
    most = 2**31 - 1
    document["layers"][0]["mlp"] = {
        "in_start": [0, 4], "in_coordinate": [0, 1, 2, 3], "in_weight": [most] * 4, "bias": [most],
        "out_start": [0, 3], "out_coordinate": [4, 4, 4], "out_weight": [-most] * 3,
    }  # fmt: skip
    largest = {bound.kind: bound.largest for bound in sums_of(document)}
    assert largest[Sum.NEURON] == 5 * most
    assert largest[Sum.RESIDUAL] == 1 + 15 * most**2


def test_what_is_said_names_the_number_the_format_and_what_to_do() -> None:
    sums = (Bound(Sum.RESIDUAL, "layer 3", 300), Bound(Sum.LOGIT, "RUN", 12))
    for steps, said in (
        ("", None),
        ("+linearfp16", None),
        ("+linearbf16", r"a residual sum \(layer 3\) may reach 300, and bf16 holds all integers only up to 256;.*give "
                        r"\+linearfp16, the shortest"),
        ("+linearfixed1.8", r"layer 3.*reach 300, and fixed1 holds all integers only up to 255"),
    ):  # fmt: skip
        model = parse_arithmetic(f"rounded:bf16/bf16{steps}")
        if said is None:
            require_fit(model, sums, [])
        else:
            with pytest.raises(DoesNotFit, match=said):
                require_fit(model, sums, [])
    wide = (Bound(Sum.NEURON, "layer 1", 5000),)
    with pytest.raises(DoesNotFit, match=r"leave out \+linearfp16: fp32 holds all of it"):
        require_fit(parse_arithmetic("fused:bf16+linearfp16"), wide, [])
    with pytest.raises(DoesNotFit, match=r"name a wider format, with \+linearL after the arithmetic"):
        require_fit(parse_arithmetic("fused:bf16"), (Bound(Sum.NEURON, "layer 1", 2**24 + 1),), [])
    require_fit(parse_arithmetic("exact"), (Bound(Sum.NEURON, "layer 1", 2**90),), [])
    assert [smallest_fitting((Bound(Sum.LOGIT, "A", n),), []) for n in (8, 16, 256, 257, 2**24, 2**24 + 1)] == [
        "e5m2", "e4m3fn", "bf16", "fp16", "fp32", None
    ]  # fmt: skip


def test_weights_that_the_format_does_not_hold_are_refused() -> None:
    """On given inputs, and on all; also where the format does not hold the scale of beta."""
    machine = load_machine("increment")
    for arithmetic, beta, said in (
        ("fused:bf16+lineare5m2", None, r"a neuron's sum \(layer 4\) may reach 13, and e5m2"),
        ("fused:bf16+linearfloat(9,-3,6)", 1 << 20, r"the parameter 1024 \(query\) is not a value of float\(9,-3,6\)"),
    ):
        model = parse_arithmetic(arithmetic)
        with pytest.raises(DoesNotFit, match=said):
            certify(Request(machine, Inputs(["1"]), model, beta))
        with pytest.raises(DoesNotFit, match=said):
            certify_all(UniversalRequest(machine, EveryRun(16), model, beta))


def test_where_no_beta_will_do_the_largest_that_the_format_holds_is_named() -> None:
    """Otherwise no certificate would say `inconclusive`: beta could be 2^121, and fp16 does not hold 2^61."""
    model = parse_arithmetic("fused:e4m3fn/float(4,-9,3)/bf16+linearfp16")
    made = certify_all(UniversalRequest(load_machine("increment"), EveryRun(16), model))
    assert made.verdict.value == "inconclusive"
    assert made.made.document["statement"]["beta"] == str(1 << 30)
