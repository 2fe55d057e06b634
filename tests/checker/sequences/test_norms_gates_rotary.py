"""Norms, gates, activations and rotary positions: networks whose numbers are derived by hand, and what is refused."""

from __future__ import annotations

import copy
import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.check import check_sequences, require_light_work
from exactformer.certificates.checker.sequences.network import read_network
from exactformer.certificates.checker.sequences.norms import normed
from exactformer.certificates.checker.sequences.statement import Given
from tests.checker.sequences.documents import canonical, certificate, claim, head, layer, network, vector, written
from tests.checker.sequences.test_by_hand import with_network

FUSED, HALF = "fused:bf16/fp32/bf16", "rounded:fp16/fp16+linearfp16"
A = {"tokens": ["a"], "asked": [[0, "a"]]}
NEAR = Fraction(1, 2**100)

Norm = dict[str, Any]


def norm(weight: Any, bias: Any = (), center: bool = False, epsilon: Any = 0) -> Norm:
    return {"center": center, "epsilon": epsilon, "weight": weight, "bias": list(bias)}


ONLY_X0 = [{"token": name, "embedding": [], "unembedding": [[], 0]} for name in "ab"]


def about(document: Any, sequence: Any, arithmetic: str, margin: str, beta: int = 1, drift: Any = None) -> Any:
    """A certificate; without drift, and so without a hardmax transformer, if none is given."""
    said = certificate(SIMPLE, [A], arithmetic, beta, "certified", margin, drift or [])
    said["statement"] |= {"sequences": [sequence], "claim": claim("certified", [sequence], arithmetic, beta)}
    said["network"]["weights"]["sha256"] = hashlib.sha256(canonical(document)).hexdigest()
    if drift is None:
        said["hardmax"] = None
    else:
        said["hardmax"] = certificate(document, [sequence], arithmetic, 1, "certified", margin, drift)["hardmax"]
    return said


SIMPLE = network(2, {"a": (vector(x0=8, x1=2), [vector(x0=1), 0]), "b": ([], [vector(x1=1), 0])}, [])
"""Of an a x is (8, 2); the logits are its coordinates."""

MADE: dict[str, tuple[Any, Any, str]] = {
    "mean 5, so (3, -3), whose squares have the mean 9": (
        SIMPLE | {"norm": norm(vector(x0=1, x1=1), center=True)},
        A,
        "2",
    ),
    "mean of squares 34, and 47 more are 81: 8/9 times 9, less 2/9 times 9": (
        SIMPLE | {"norm": norm(vector(x0=9, x1=9), epsilon=47)},
        A,
        "6",
    ),
    "a weight of each, and a bias": (
        SIMPLE | {"norm": norm(vector(x0=2, x1=-1), vector(x1="1/4"), center=True)},
        A,
        "3/4",
    ),
    "of what is not listed the weight is 0": (SIMPLE | {"norm": norm(vector(x1=-1), center=True)}, A, "-1"),
    "after the heads, and after the MLP of what they made": (
        SIMPLE
        | {
            "layers": [
                layer()
                | {
                    "norms": {
                        "behind_heads": norm(vector(x0=1, x1=1), center=True),  # (1, -1)
                        "behind_mlp": norm(vector(x0=6, x1=3), epsilon=8),  # (1/3, -1/3) of them
                    }
                }
            ]
        },
        A,
        "3",
    ),
    "neurons read through a norm, and are added to x": (
        SIMPLE
        | {
            "layers": [
                layer(neurons=[[vector(x0=1, x1=-1), 0]], out=[[0, [vector(x0=1), 0]]])
                | {"norms": {"mlp": norm(vector(x0=1, x1=1), center=True)}}
            ]
        },
        A,
        "8",  # 1 - -1 is added to x0
    ),
    "values are read through a norm": (
        SIMPLE
        | {
            "layers": [
                layer(head([], [], [[vector(x0=1, x1=-1), 0]], [[0, [vector(x0=1), 0]]]))
                | {"norms": {"heads": norm(vector(x0=1, x1=1), center=True)}}
            ]
        },
        A,
        "8",
    ),
}


@pytest.mark.parametrize("arithmetic", ["exact", FUSED, f"{FUSED}+stored"])
@pytest.mark.parametrize("title", MADE)
def test_what_norms_make(title: str, arithmetic: str, tmp_path: Path) -> None:
    """Where it is rounded, errors of 2^-20 are rounded away."""
    document, sequence, made = MADE[title]
    if made.startswith("-"):  # then it is the b
        sequence, made = {"tokens": ["a"], "asked": [[0, "b"]]}, made[1:]
    near = NEAR if arithmetic == "exact" else 0
    said = about(document, sequence, arithmetic, str(Fraction(made) - near))
    assert check_sequences(written(tmp_path, document, said)).verdict == "certified"
    said = about(document, sequence, arithmetic, str(Fraction(made) + NEAR))
    with pytest.raises(Rejected, match=r"softmax\.margin"):
        check_sequences(written(tmp_path, document, said))


def of_mlp(name: str | None, gate: Any) -> Any:
    """Its one neuron is added to x0: of what the gate's form makes, times x0 + x1 - 6, which is 4."""
    mlp = {"neurons": [[vector(x0=1, x1=1), -6]], "gates": [gate], "out": [[0, [vector(x0=1), 0]]]}
    return SIMPLE | {"layers": [{"heads": [], "mlp": mlp if name is None else mlp | {"activation": name}}]}


GATES: dict[str, tuple[Any, str]] = {
    "relu of a gate of 3, times 4": (of_mlp(None, [vector(x1=1), 1]), "18"),
    "relu of a gate of -3": (of_mlp(None, [vector(x1=-1), -1]), "6"),
    "identity of a gate of -3, times 4": (of_mlp("identity", [vector(x1=-1), -1]), "-6"),
}


@pytest.mark.parametrize("title", GATES)
def test_gates_with_hardmax(title: str, tmp_path: Path) -> None:
    """Nothing is rounded: numbers are small."""
    document, made = GATES[title]
    sequence = {"tokens": ["a"], "asked": [[0, "b" if made.startswith("-") else "a"]]}
    made = made.removeprefix("-")
    for arithmetic in (FUSED, f"{FUSED}+stored"):
        said = about(document, sequence, arithmetic, made, drift=[["0", "0"]])
        assert said["hardmax"] == {"heads": [], "margin": made}
        assert check_sequences(written(tmp_path, document, said)).verdict == "certified"
        said["hardmax"]["margin"] = "7"
        with pytest.raises(Rejected, match="hardmax"):
            check_sequences(written(tmp_path, document, said))


def test_silu_by_hand(tmp_path: Path) -> None:
    """silu(0) = 0, in fp32 off by at most 2^-149: times 4 that is 2^-147, and to x0 = 8 nothing is added in bf16."""
    document = of_mlp("silu", [[], 0])
    said = about(document, A, FUSED, "6")
    assert check_sequences(written(tmp_path, document, said)).verdict == "certified"
    document = of_mlp("silu", [[], 20])  # 20 (1 - e^-20), off by 160 2^-24: times 4 it is nearly 80, and 88 is in bf16
    said = about(document, A, FUSED, "86")
    assert check_sequences(written(tmp_path, document, said)).verdict == "certified"


TURNS = [[[1, 0]], [[0, 1]], [[-1, 0]], [[0, -1]]]
"""Each position a quarter further."""
SINE = head(
    [[[], 1], [[], 0]],
    [[[], 0], [[], 1]],
    [[vector(x0=1), 0]],
    [[1, [vector(x0=1), 0]]],
    "one before",
) | {"rotary": [[0, 1, 0]]}
"""The query (1, 0) at the angle i, the key (0, 1) at j: together the sine of i - j, so 1 for the token before."""
BEFORE = network(
    2,
    {"a": (vector(x0=1), [vector(x1=1), 0]), "b": (vector(x0=-1), [vector(x1=-1), 0])},
    [layer(SINE)],
) | {"rotary": TURNS}
"""x1 is 1 where the token before is an a, and -1 where it is a b."""
ABBA = {"tokens": ["a", "b", "b", "a"], "asked": [[1, "a"], [2, "b"], [3, "b"]]}


def test_a_head_that_looks_at_the_token_before(tmp_path: Path) -> None:
    """At 1 scores are 1, 0; at 2: 0, 1, 0; at 3: -1, 0, 1, 0."""
    said = about(BEFORE, ABBA, FUSED, "15/8", beta=8, drift=[["1/8", "1/8"]])
    assert said["hardmax"] == {
        "heads": [{"layer": 1, "head": 0, "name": "one before", "separation": "1", "ties": 1}],
        "margin": "2",
    }
    assert check_sequences(written(tmp_path, BEFORE, said)).verdict == "certified"
    for wrong in (ABBA | {"asked": [[1, "b"]]}, ABBA | {"asked": [[3, "a"]]}):
        with pytest.raises(Rejected, match=r"softmax\.margin"):
            check_sequences(
                written(tmp_path, BEFORE, about(BEFORE, wrong, FUSED, "1/2", beta=8, drift=[["1/8", "1/8"]]))
            )


def test_planes_that_shorten(tmp_path: Path) -> None:
    """Cosines and sines a half as large: scores a quarter."""
    halves = [[[str(Fraction(c, 2)) if c else 0, str(Fraction(s, 2)) if s else 0]] for ((c, s),) in TURNS]
    document = BEFORE | {"rotary": halves}
    said = about(document, ABBA, FUSED, "15/8", beta=32, drift=[["1/8", "1/8"]])
    assert said["hardmax"]["heads"][0]["separation"] == "1/4"
    assert check_sequences(written(tmp_path, document, said)).verdict == "certified"


def test_both_ends_of_a_root() -> None:
    """1/sqrt(2), which is x0 = 1 through a norm with epsilon 1: in real numbers, to the last unit."""
    network_ = read_network(SIMPLE | {"width": 1, "vocabulary": ONLY_X0, "norm": norm(vector(x0=1), epsilon=1)}, None)
    how = arithmetic_of("exact", 0)
    low, high, _, _ = normed(how, network_.norm, [how.one, how.one])[0]
    assert 2 * low**2 < how.unit**2 < 2 * high**2
    assert high - low <= 4


def through(document: Any, arithmetic: str, *x: Fraction) -> list[tuple[Fraction, Fraction]]:
    """The ends of what the norm before the outputs makes of numbers."""
    how = arithmetic_of(arithmetic, 0)
    read = read_network(document, how.model.steps.linear)
    numbers = [how.number(how.model.activation, (int(one * how.unit),) * 2) for one in x]
    found = normed(how, read.norm, [*numbers, how.one])[:-1]
    return [(Fraction(low, how.unit), Fraction(high, how.unit)) for low, high, _, _ in found]


def test_squares_that_are_rounded() -> None:
    """x is (154, 191) / 256. In units of 2^-16 squares are 23716, 36481; in bf16 23680, 36608, together 60416. With r
    less by 8 u = 1/32 it is 31/32 / sqrt(30208): times 191 that is 1.0646, in bf16 17/16. Of 60197, which is the sum
    without rounding, it would be 1.0665, in bf16 137/128."""
    document = SIMPLE | {"norm": norm(vector(x0=1, x1=1))}
    _, (low, high) = through(document, "rounded:bf16/bf16+linearbf16", Fraction(154, 256), Fraction(191, 256))
    assert low <= Fraction(17, 16) < high <= Fraction(5, 4)


def test_a_root_that_may_be_below_0() -> None:
    """Of 2 bits 8 u is 2. Here numbers are multiples of 1/4: of x0 = 1/4 the square may be 0, and r = 1 - 2."""
    document = SIMPLE | {"width": 1, "vocabulary": ONLY_X0, "norm": norm(vector(x0=1), epsilon=1)}
    ((low, high),) = through(document, "rounded:bf16/float(2,-1,1)+linearfloat(2,-1,1)", Fraction(1, 4))
    assert low <= Fraction(-1, 4)
    assert high >= Fraction(3, 4)


def test_a_root_of_what_may_overflow(tmp_path: Path) -> None:
    """In fp16 2^14 + 60000 is infinity, one divided by its root 0, and x0 = 0, no more than the other logit: if it were
    no sum of fp16, it would be 128 / sqrt(76384) = 0.46. With 16000 it is 128 / sqrt(32384) = 0.71."""
    document = SIMPLE | {"vocabulary": copy.deepcopy(SIMPLE["vocabulary"])}
    document["vocabulary"][0]["embedding"] = vector(x0=128, x1=128)
    document["vocabulary"][1]["unembedding"] = [[], 0]
    document["norm"] = norm(vector(x0=1), epsilon=16000)
    said = about(document, A, HALF, "45/64")
    assert check_sequences(written(tmp_path, document, said)).verdict == "certified"
    document["norm"]["epsilon"] = 60000
    said = about(document, A, HALF, "1/4")
    with pytest.raises(Rejected, match="an overflow is not excluded"):
        check_sequences(written(tmp_path, document, said))


def test_a_root_of_nearly_nothing(tmp_path: Path) -> None:
    """Of 0, without an epsilon; and of 2^-15 in fp16, where 2^-14 is the smallest normal number."""
    vocabulary = copy.deepcopy(SIMPLE["vocabulary"])
    vocabulary[0]["embedding"] = []
    vocabulary[0]["unembedding"] = [[], 1]
    document = SIMPLE | {"vocabulary": vocabulary}
    for arithmetic, epsilon, shown in (
        (HALF, f"1/{2**14}", True),
        (HALF, f"1/{2**15}", False),
        (HALF, 0, False),
        ("exact", f"1/{2**200}", True),
        ("exact", 0, False),
    ):
        other = document | {"norm": norm(vector(x0=1), epsilon=epsilon)}
        said = about(other, A, arithmetic, "1/2")
        if shown:
            assert check_sequences(written(tmp_path, other, said)).verdict == "certified"
        else:
            with pytest.raises(Rejected, match="an overflow is not excluded"):
                check_sequences(written(tmp_path, other, said))


# --------------------------------------------------------------------------------------------------- what is refused


NORMED = SIMPLE | {
    "layers": [
        layer(neurons=[[vector(x0=1), 0]], out=[[0, [vector(x0=1), 0]]])
        | {"norms": {"mlp": norm(vector(x0=1, x1=1), vector(x0="1/2"))}}
    ],
    "norm": norm(vector(x0=1)),
}
GATED = of_mlp("silu", [vector(x1=1), 0])
N, M, HEAD = "layers.0.norms.mlp", "layers.0.mlp", "layers.0.heads.0"
NOT_RIGHT: dict[str, tuple[Any, str]] = {
    "an activation relu": (with_network(f"{M}.activation", "relu", GATED), "not one of identity, silu"),
    "an unknown activation": (
        with_network(f"{M}.activation", "tanh", GATED),
        r'mlp\.activation: is "tanh", not one of',
    ),
    "an activation null": (with_network(f"{M}.activation", None, GATED), "a string must be"),
    "a gate too few": (with_network(f"{M}.neurons", [[[], 1], [[], 2]], GATED), r"mlp\.gates: are 1 where .* 2 neur"),
    "a gate too many": (with_network(f"{M}.gates", [[[], 1], [[], 2]], GATED), r"mlp\.gates: are 2 where .* 1 neur"),
    "gates of no neurons": (
        with_network("layers", [{"heads": [], "mlp": {"neurons": [], "gates": [], "out": []}}], GATED),
        r"mlp\.gates: are 0",
    ),
    "gates of neurons, none": (with_network(f"{M}.gates", [], GATED), r"mlp\.gates: are 0 where there are 1"),
    "gates null": (with_network(f"{M}.gates", None, GATED), "a list must be"),
    "a gate of a coordinate that is not there": (
        with_network(f"{M}.gates", [[[[2, 1]], 0]], GATED),
        r"mlp\.gates\[0\].* not from 0 to 1",
    ),
    "a gate that is not a number of fp32": (
        with_network(f"{M}.gates", [[[], 2**24 + 1]], GATED),
        r"mlp\.gates\[0\]\[1\]: is 16777217, which is not a number of fp32",
    ),
    "another field of an MLP": (with_network(f"{M}.bias", [], GATED), "unknown field"),
    "a norm null": (with_network("norm", None, NORMED), r"network\.norm: .* an object must be"),
    "a norm without a bias": (with_network(f"{N}.bias", ..., NORMED), 'no field "bias"'),
    "a norm with another field": (with_network(f"{N}.eps", 1, NORMED), "unknown field"),
    "norms, none": (with_network("layers.0.norms", {}, NORMED), r"norms: is empty, and must be left out"),
    "norms null": (with_network("layers.0.norms", None, NORMED), r"norms: is null where an object must be"),
    "norms of another place": (
        with_network("layers.0.norms.behind", norm([]), NORMED),
        r'layers\[0\]\.norms: has the unknown field "behind"',
    ),
    "center 1": (with_network(f"{N}.center", 1, NORMED), r"norms\.mlp\.center: is 1, neither true nor false"),
    "center 0": (with_network("norm.center", 0, NORMED), r"network\.norm\.center: is 0, neither true nor false"),
    "center as text": (with_network(f"{N}.center", "true", NORMED), "neither true nor false"),
    "epsilon below 0": (with_network(f"{N}.epsilon", "-1/2", NORMED), r"norms\.mlp\.epsilon: is below 0"),
    "epsilon 10^-5": (with_network(f"{N}.epsilon", "1/100000", NORMED), "not a power of two"),
    "epsilon true": (with_network(f"{N}.epsilon", True, NORMED), "an integer must be"),
    "epsilon no number of fp32": (
        with_network(f"{N}.epsilon", 2**24 + 1, NORMED),
        r"epsilon: is 16777217, which is not a number of fp32",
    ),
    "a weight of a norm no number of fp32": (
        with_network(f"{N}.weight", [[0, 2**24 + 1]], NORMED),
        r"weight\[0\]\[1\]: is 16777217, which is not a number of fp32",
    ),
    "a bias of a norm no number of fp32": (
        with_network("norm.bias", [[0, 2**24 + 1]], NORMED),
        r"norm\.bias\[0\]\[1\]: is 16777217, which is not a number of fp32",
    ),
    "a weight 0 that is listed": (with_network(f"{N}.weight", [[0, 0]], NORMED), "is 0, which is not listed"),
    "a weight of a coordinate that is not there": (with_network(f"{N}.weight", [[2, 1]], NORMED), "not from 0 to 1"),
    "a bias of a coordinate that is not there": (with_network(f"{N}.bias", [[2, 1]], NORMED), "not from 0 to 1"),
    "weights in another order": (with_network(f"{N}.weight", [[1, 1], [0, 1]], NORMED), "do not ascend"),
    "weights as a list of numbers": (with_network(f"{N}.weight", [1, 1], NORMED), "a list must be"),
    "an entry rotated twice": (
        with_network(f"{HEAD}.rotary", [[0, 1, 0], [1, 0, 0]], BEFORE),
        r"heads\[0\]\.rotary: names an entry twice",
    ),
    "an entry rotated with itself": (with_network(f"{HEAD}.rotary", [[0, 0, 0]], BEFORE), "names an entry twice"),
    "an entry that there is not": (
        with_network(f"{HEAD}.rotary", [[0, 2, 0]], BEFORE),
        r"\[1\]: is 2, not from 0 to 1",
    ),
    "a plane that there is not": (with_network(f"{HEAD}.rotary", [[0, 1, 1]], BEFORE), r"\[2\]: is 1, not from 0 to 0"),
    "a plane true": (with_network(f"{HEAD}.rotary", [[0, 1, False]], BEFORE), "an integer must be"),
    "an entry and no plane": (with_network(f"{HEAD}.rotary", [[0, 1]], BEFORE), r"where \[a, b, plane\] must be"),
    "a head that rotates nothing": (with_network(f"{HEAD}.rotary", [], BEFORE), r"rotary: is empty, and must be left"),
    "a head that rotates null": (with_network(f"{HEAD}.rotary", None, BEFORE), "a list must be"),
    "a head that rotates, and no table": (with_network("rotary", ..., BEFORE), r"\[2\]: is 0, not from 0 to -1"),
    "a table, and no head that rotates": (with_network(f"{HEAD}.rotary", ..., BEFORE), r"network\.rotary: .* left out"),
    "no position": (with_network("rotary", [], BEFORE), r"network\.rotary: is empty, and must be left out"),
    "no plane": (with_network("rotary", [[]] * 4, BEFORE), r"network\.rotary\[0\]: has 0 planes"),
    "tables of unequal length": (
        with_network("rotary", [*TURNS[:3], TURNS[0] * 2], BEFORE),
        r"network\.rotary\[3\]: has 2 planes where there must be 1",
    ),
    "a cosine without a sine": (with_network("rotary.2.0", [1], BEFORE), r"rotary\[2\]\[0\]: .* \[cosine, sine\] must"),
    "a cosine that is not dyadic": (with_network("rotary.2.0.0", "3/5", BEFORE), "not a power of two"),
    "a sine that is not a number of fp32": (
        with_network("rotary.2.0.1", str(Fraction(2**25 + 1, 2**26)), BEFORE),
        r"network\.rotary\[2\]\[0\]\[1\]: is .* not a number of fp32",
    ),
    "a sequence longer than the tables": (with_network("rotary", TURNS[:3], BEFORE), "has 4 tokens; the network has 3"),
    "a sequence longer than one of two tables": (
        with_network("rotary", TURNS[:3], BEFORE) | {"positions": {"bits": [0, 2]}},
        "has 4 tokens; the network has 3 positions",
    ),
}


def refused(document: Any, folder: Path, **changes: Any) -> None:
    """By a certificate that is right in all else, about four tokens."""
    said = about(document, ABBA, changes.pop("arithmetic", FUSED), "1") | changes
    check_sequences(written(folder, document, said))


@pytest.mark.parametrize("title", NOT_RIGHT)
def test_networks_that_break_rules(title: str, tmp_path: Path) -> None:
    document, reason = NOT_RIGHT[title]
    with pytest.raises(Rejected, match=reason):
        refused(document, tmp_path)


@pytest.mark.parametrize("document", [NORMED, GATED, with_network("layers.0.mlp.gates", ..., GATED)])
def test_there_is_no_hardmax_transformer(document: Any, tmp_path: Path) -> None:
    """Because of norms, or of silu with gates or without: what is stated of it is refused, though its numbers were the
    ones that networks with relu have."""
    path = written(tmp_path, document, about(document, A, FUSED, "1/4"))
    assert check_sequences(path).verdict == "certified"
    hardmax = {"heads": [], "margin": "6"}
    for changes, reason in (
        ({"hardmax": hardmax}, "hardmax: is .* where it must be null"),
        ({"hardmax": {}}, "hardmax: is"),
        ({"softmax": {"margin": "1/4", "drift": [["1", "1"]]}}, r"softmax\.drift: has 1 entries where there must be 0"),
        ({"softmax": {"margin": "1/4", "drift": [[None, None]]}}, r"softmax\.drift: has 1 entries"),
        ({"softmax": {"margin": "1/4", "drift": None}}, r"softmax\.drift: is"),
    ):
        with pytest.raises(Rejected, match=reason):
            check_sequences(written(tmp_path, document, about(document, A, FUSED, "1/4") | changes))


def test_there_is_one_all_the_same(tmp_path: Path) -> None:
    """With rotary positions, gates and identity: then it has to be stated."""
    for document, sequence in ((BEFORE, ABBA), (of_mlp("identity", [[], 1]), A)):
        for changes, reason in (({"hardmax": None}, "hardmax"), ({"softmax": {"margin": "1", "drift": []}}, "drift")):
            said = about(document, sequence, FUSED, "1", beta=8, drift=[["1/8", "1/8"]]) | changes
            with pytest.raises(Rejected, match=reason):
                check_sequences(written(tmp_path, document, said))


def test_norms_with_sums_in_fixed_point_are_not_judged(tmp_path: Path) -> None:
    arithmetic = "rounded:bf16/fixed2.4+linearfixed4"
    with pytest.raises(TooLarge, match="norms, which are not judged with sums in fixed point"):
        check_sequences(written(tmp_path, NORMED, about(NORMED, A, arithmetic, "1")))
    said = about(GATED, A, arithmetic, "2")
    assert check_sequences(written(tmp_path, GATED, said)).verdict == "certified"


def heavy(**parts: Any) -> Any:
    """A network of width 2^12: before and after its one layer there are 2^13 coordinates."""
    return SIMPLE | {"width": 2**12, "layers": [layer()]} | parts


ROTATES = SINE | {"value": [], "out": []}
COUNTED: dict[str, tuple[Any, int]] = {
    "nothing else": (heavy(), 2**13),
    "a norm before the outputs": (heavy(norm=norm([])), 2**13 + 2**14),
    "two norms of a layer": (
        heavy(layers=[layer() | {"norms": {"heads": norm([]), "behind_mlp": norm([])}}]),
        2**13 + 2 * 2**14,
    ),
    "neurons": (heavy(layers=[layer(neurons=[[[], 0]] * 1000)]), 2**13 + 1000),
    "neurons with gates": (
        heavy(layers=[{"heads": [], "mlp": {"neurons": [[[], 0]] * 1000, "gates": [[[], 0]] * 1000, "out": []}}]),
        2**13 + 2000,
    ),
    "250 heads, each of four forms, two of them with biases": (
        heavy(layers=[layer(*[{key: one for key, one in ROTATES.items() if key != "rotary"}] * 250)]),
        2**13 + 250 * 6,
    ),
    "heads that rotate two entries of the query, and of the key": (
        heavy(layers=[layer(*[ROTATES] * 250)], rotary=[[[1, 0]]]),
        2**13 + 250 * (6 + 4 * 3),
    ),
}


@pytest.mark.parametrize("title", COUNTED)
def test_what_counts_as_a_product(title: str) -> None:
    """So many times so many sequences of one token may be 2^26 at most."""
    document, weights = COUNTED[title]
    read, most = read_network(document, None), 2**26 // weights
    assert isinstance(read.outputs, dict)
    one = Given(("a",), ())
    require_light_work([one] * most, read, read.outputs)
    with pytest.raises(TooLarge, match="products of weights"):
        require_light_work([one] * (most + 1), read, read.outputs)


def test_activations_at_once_with_gates() -> None:
    """2^7 tokens may have 2^14 of them, of which 2^13 are coordinates, so 2^12 neurons with as many gates."""
    for neurons, judged in ((2**12, True), (2**12 + 1, False)):
        mlp = {"neurons": [[[], 0]] * neurons, "gates": [[[], 0]] * neurons, "out": []}
        read = read_network(heavy(width=2**13, layers=[{"heads": [], "mlp": mlp}]), None)
        assert isinstance(read.outputs, dict)
        given = [Given(("a",) * 2**7, ())]
        if judged:
            require_light_work(given, read, read.outputs)
        else:
            with pytest.raises(TooLarge, match="activations at once"):
                require_light_work(given, read, read.outputs)


def test_many_norms_of_nothing_take_no_room() -> None:
    """Before anything is counted, they are read."""
    norms = dict.fromkeys(("heads", "behind_heads", "mlp", "behind_mlp"), norm([]))
    read = read_network(heavy(width=2**14, layers=[layer() | {"norms": norms}] * 100), None)
    assert sum(len(one.rows) for one in read.norms) == 0
    assert len(read.norms) == 400
