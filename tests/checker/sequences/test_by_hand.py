"""A network of three coordinates whose numbers are derived by hand, and what certificates may say of it."""

from __future__ import annotations

import copy
import hashlib
import json
import weakref
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
from click.testing import CliRunner

from exactformer.certificates.checker.__main__ import main
from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge
from exactformer.certificates.checker.sequences import check, walk
from exactformer.certificates.checker.sequences.check import check_sequences
from exactformer.certificates.command_line.main import cli
from tests.checker.sequences.documents import canonical, certificate, head, layer, network, vector, written

LOOK = head(
    query=[[[], 1]],
    key=[[vector(x0=1), 0]],
    value=[[vector(x0=1, x1=-1), 0]],
    out=[[2, [vector(x0=1), 0]]],
    name="is there an a?",
)
"""Scores are 1 for a and 0 for b; values 1 for a and -1 for b."""
SMALL = network(3, {"a": (vector(x0=1), [vector(x2=1), 0]), "b": (vector(x1=1), [vector(x2=-1), 0])}, [layer(LOOK)])
BAB = {"tokens": ["b", "a", "b"], "asked": [[2, "a"]]}
"""At 2 the weights are 1 for a and e^-4 for each b, up to a factor: x2 = (1 - 2 e^-4) / (1 + 2 e^-4) = 0.92932. At 1 it
is (1 - e^-4) / (1 + e^-4) = 0.96403. In bf16 that is 119/128 and 247/256; hardmax makes 1 of both, and -1 at 0."""
MARGIN, DRIFT = "119/64", [["9/128", "9/128"]]
GOOD = certificate(SMALL, [BAB], "fused:bf16/fp32/bf16", 4, "certified", MARGIN, DRIFT)


def checked(folder: Path, said: Any, document: Any = SMALL) -> Valid:
    return check_sequences(written(folder, document, said))


@pytest.mark.parametrize(
    "arithmetic", ["fused:bf16/fp32/bf16", "rounded:bf16/bf16", "rounded:fp32/bf16", "fused:bf16/fp32/bf16+linearbf16"]
)
def test_margin_and_drift_are_the_ones_derived(arithmetic: str, tmp_path: Path) -> None:
    good = certificate(SMALL, [BAB], arithmetic, 4, "certified", MARGIN, DRIFT)
    valid = checked(tmp_path, good)
    assert valid.verdict == "certified"
    assert valid.claim == good["statement"]["claim"]
    assert "119/64" in valid.proved[0]
    assert "9/128" in valid.proved[1]
    assert good["hardmax"] == {
        "heads": [{"layer": 1, "head": 0, "name": "is there an a?", "separation": "1", "ties": 1}],
        "margin": "2",
    }
    tiny = Fraction(1, 2**30)
    with pytest.raises(
        Rejected, match=r"softmax.margin: is .*at position 2 of sequence 0 this checker shows \"a\" to be"
    ):
        checked(tmp_path, good | {"softmax": {"margin": str(Fraction(MARGIN) + tiny), "drift": DRIFT}})
    drift = [["9/128", str(Fraction(9, 128) - tiny)]]
    with pytest.raises(Rejected, match=r"softmax.drift\[0\]\[1\]: is .*; this checker shows only 9/128"):
        checked(tmp_path, good | {"softmax": {"margin": MARGIN, "drift": drift}})


def test_real_numbers(tmp_path: Path) -> None:
    """As tight as 2^-200."""
    with mpmath.workprec(600):
        leak = 2 * mpmath.exp(-4)
        x2 = Fraction(int(mpmath.ldexp((1 - leak) / (1 + leak), 500)), 2**500)
    near = Fraction(1, 2**200)
    for margin, drift, reason in (
        (2 * x2 - near, 1 - x2 + near, None),
        (2 * x2 + near, 1 - x2 + near, "softmax.margin"),
        (2 * x2 - near, 1 - x2 - near, "softmax.drift"),
    ):
        said = certificate(SMALL, [BAB], "exact", 4, "certified", str(margin), [[str(drift), str(drift)]])
        if reason is None:
            assert "real numbers" in checked(tmp_path, said).assumed[0]
        else:
            with pytest.raises(Rejected, match=reason):
                checked(tmp_path, said)


def test_ties_share(tmp_path: Path) -> None:
    """All see all: 1/3 of 1 and 2/3 of 0 is 1/3; in bf16 171/512, 1/1536 more."""
    share = head(query=[], key=[], value=[[vector(x0=1), 0]], out=[[1, [vector(x0=1), 0]]], name="mean")
    vocabulary = {"a": (vector(x0=1), [vector(x1=3), 0]), "b": ([], [[], "1/2"])}
    document = network(4, vocabulary, [layer(share)], "full", {"bits": [2, 2]})
    sequence = {"tokens": ["b", "a", "b"], "asked": [[0, "a"], [1, "a"]]}
    said = certificate(document, [sequence], "fused:bf16/fp32/bf16", 1, "certified", "257/512", [["1/1536", "1/1536"]])
    assert said["hardmax"] == {
        "heads": [{"layer": 1, "head": 0, "name": "mean", "separation": None, "ties": 3}],
        "margin": "1/2",
    }
    assert checked(tmp_path, said, document).verdict == "certified"
    said["softmax"]["margin"] = "129/256"
    with pytest.raises(Rejected, match=r"softmax\.margin"):
        checked(tmp_path, said, document)


def test_refuted_and_inconclusive(tmp_path: Path) -> None:
    asks_b = BAB | {"asked": [[0, "b"], [2, "b"]]}
    place = {"sequence": 0, "position": 2, "token": "a"}
    refuted = certificate(SMALL, [asks_b], "fused:bf16/fp32/bf16", 4, "refuted", None, DRIFT, place)
    assert "not below" in checked(tmp_path, refuted).proved[0]
    for wrong, reason in (
        (place | {"position": 1}, "nothing is asked"),
        (place | {"position": 0}, "is not shown"),
        (place | {"position": 3}, "not from 0 to 2"),
        (place | {"token": "b"}, "no other token"),
        (place | {"token": "c"}, "no other token"),
        (place | {"sequence": 1}, "not from 0 to 0"),
        (place | {"why": 1}, "unknown field"),
        (None, "an object must be"),
    ):
        with pytest.raises(Rejected, match=reason):
            checked(tmp_path, refuted | {"refutation": wrong})
    said = certificate(SMALL, [BAB], "fused:bf16/fp32/bf16", 4, "refuted", None, DRIFT, place | {"token": "b"})
    with pytest.raises(Rejected, match='refutation: is not shown: "a" may be above "b" by 119/64'):
        checked(tmp_path, said)
    unknown = certificate(SMALL, [BAB], "fused:bf16/fp32/bf16", 4, "inconclusive", None, [[None, None]])
    assert checked(tmp_path, unknown).proved == ()


@pytest.mark.parametrize("order", [1, -1])
def test_a_drift_is_that_of_all_sequences(order: int, tmp_path: Path) -> None:
    """One a alone has none."""
    sequences = [BAB, {"tokens": ["a"], "asked": [[0, "a"]]}][::order]
    said = certificate(SMALL, sequences, "fused:bf16/fp32/bf16", 4, "certified", MARGIN, DRIFT)
    assert checked(tmp_path, said).verdict == "certified"
    said["softmax"]["drift"] = [["9/128", "0"]]
    with pytest.raises(Rejected, match=r"softmax\.drift\[0\]\[1\]: is 0; this checker shows only 9/128"):
        checked(tmp_path, said)
    said["softmax"] = {"margin": "2", "drift": DRIFT}
    with pytest.raises(Rejected, match=f"position 2 of sequence {0 if order == 1 else 1} this checker shows"):
        checked(tmp_path, said)


def test_an_overflow_leaves_nothing_shown(tmp_path: Path) -> None:
    """beta times the score 1 is beyond e4m3fn's 448: then a drift may only be null, and nothing is certified."""
    arithmetic = "rounded:bf16/e4m3fn@e4m3fn"
    unknown = certificate(SMALL, [BAB], arithmetic, 512, "inconclusive", None, [[None, None]])
    assert checked(tmp_path, unknown).verdict == "inconclusive"
    cases: list[tuple[str | None, list[list[str | None]], str, str]] = [
        (None, [["1", None]], "inconclusive", "cannot exclude an overflow"),
        (None, [[None, "1"]], "inconclusive", "an earlier one is null"),
        ("1", [[None, None]], "certified", "an overflow is not excluded"),
    ]
    for margin, drift, verdict, reason in cases:
        said = certificate(SMALL, [BAB], arithmetic, 512, verdict, margin, drift)
        with pytest.raises(Rejected, match=reason):
            checked(tmp_path, said)


def changed(change: str, value: Any = ...) -> Any:
    """The good certificate, in which the entry at a dotted place is changed or missing."""
    said = copy.deepcopy(GOOD)
    *path, last = change.split(".")
    here: Any = said
    for step in path:
        here = here[int(step) if step.isdigit() else step]
    if value is ...:
        del here[last]
    else:
        here[int(last) if last.isdigit() else last] = value
    return said


BAD: dict[str, tuple[Any, str]] = {
    "another version": (changed("version", 1), "version: is 1"),
    "an unknown field": (changed("extra", 1), "unknown field"),
    "no provenance": (changed("provenance"), 'no field "provenance"'),
    "an unknown field of the statement": (changed("statement.context", "3"), "unknown field"),
    "no beta": (changed("statement.beta"), "no field"),
    "beta not a power of two": (changed("statement.beta", "3"), "not a power of two"),
    "beta a number": (changed("statement.beta", 4), "a string must be"),
    "another beta than claimed": (changed("statement.beta", "8"), "statement.claim"),
    "another claim": (changed("statement.claim", "All is well."), "statement.claim"),
    "arithmetic not canonical": (changed("statement.arithmetic", "fused:bf16"), "canonical text"),
    "another verdict": (changed("verdict", "proved"), "not a verdict"),
    "a refutation of what is certified": (
        changed("refutation", {"sequence": 0, "position": 2, "token": "b"}),
        "refutation",
    ),
    "no margin where certified": (changed("softmax.margin", None), "softmax.margin"),
    "margin 0": (changed("softmax.margin", "0"), "not positive"),
    "margin too large": (changed("softmax.margin", "2"), "this checker shows"),
    "margin not in lowest terms": (changed("softmax.margin", "2/4"), "lowest terms"),
    "drift too small": (changed("softmax.drift.0.0", "1/128"), "only 9/128"),
    "negative drift": (changed("softmax.drift.0.0", "-1"), "only 9/128"),
    "drift of a layer too many": (changed("softmax.drift", DRIFT * 2), "2 entries where there must be 1"),
    "no drift": (changed("softmax.drift", []), "0 entries where there must be 1"),
    "drift of one number": (changed("softmax.drift.0", ["1"]), "a pair"),
    "wrong separation": (changed("hardmax.heads.0.separation", "2"), "hardmax.heads"),
    "no separation": (changed("hardmax.heads.0.separation", None), "hardmax.heads"),
    "wrong ties": (changed("hardmax.heads.0.ties", 2), "hardmax.heads"),
    "ties true": (changed("hardmax.heads.0.ties", True), "hardmax.heads"),
    "wrong name of a head": (changed("hardmax.heads.0.name", "x"), "hardmax.heads"),
    "wrong layer of a head": (changed("hardmax.heads.0.layer", 0), "hardmax.heads"),
    "no heads": (changed("hardmax.heads", []), "0 entries"),
    "wrong hardmax margin": (changed("hardmax.margin", "1"), "hardmax.margin"),
    "wrong sha": (changed("network.weights.sha256", 64 * "0"), "network.weights.sha256"),
    "a file elsewhere": (changed("network.weights.file", "../network.json"), "same folder"),
    "no tokens": (changed("statement.sequences.0.tokens", []), "is empty"),
    "a token not in the vocabulary": (changed("statement.sequences.0.tokens.0", "c"), "not in the vocabulary"),
    "a token asked that is not there": (changed("statement.sequences.0.asked", [[2, "c"]]), "which is not an output"),
    "asked beyond the tokens": (changed("statement.sequences.0.asked", [[3, "a"]]), "not from 0 to 2"),
    "asked twice": (changed("statement.sequences.0.asked", [[2, "a"], [2, "a"]]), "do not ascend"),
    "asked in the wrong order": (changed("statement.sequences.0.asked", [[2, "a"], [1, "a"]]), "do not ascend"),
    "asked nothing": (changed("statement.sequences.0.asked", []), "ask nothing"),
    "no sequences": (changed("statement.sequences", []), "ask nothing"),
    "asked without a token": (changed("statement.sequences.0.asked", [[2]]), "a pair"),
}


@pytest.mark.parametrize("title", BAD)
def test_certificates_that_are_not_valid(title: str, tmp_path: Path) -> None:
    said, reason = BAD[title]
    with pytest.raises(Rejected, match=reason):
        checked(tmp_path, said)


def with_network(place: str, value: Any = ..., document: Any = SMALL) -> Any:
    """The small network, or another, with a change."""
    document = copy.deepcopy(document)
    *path, last = place.split(".")
    here: Any = document
    for step in path:
        here = here[int(step) if step.isdigit() else step]
    if value is ...:
        del here[last]
    else:
        here[int(last) if last.isdigit() else last] = value
    return document


HEAD, FORM = "layers.0.heads.0", "layers.0.heads.0.key.0"
BAD_NETWORKS: dict[str, tuple[Any, str]] = {
    "another format": (with_network("format", "exactformer weights"), "network.format"),
    "another version": (with_network("version", 1), "network.version"),
    "an unknown field": (with_network("bias", 1), "unknown field"),
    "no coordinates": (with_network("coordinates"), "no field"),
    "names of two of three coordinates": (with_network("coordinates", ["x", "y"]), "neither 0 nor 3"),
    "no width": (with_network("width", 0), "network.width"),
    "attention to nothing": (with_network("attention", "none"), "causal"),
    "positions beyond the width": (with_network("positions", {"bits": [2, 2]}), "not from 1 to 1"),
    "position bits without a number": (with_network("positions", {"bits": [0]}), r"\[first, r\]"),
    "fewer positions than tokens, bits": (with_network("positions", {"bits": [0, 1]}), "has 2 positions"),
    "fewer positions than tokens, table": (with_network("positions", {"table": [[], []]}), "has 2 positions"),
    "positions of two kinds": (with_network("positions", {"bits": [0, 2], "table": []}), "unknown field"),
    "one token": (with_network("vocabulary", SMALL["vocabulary"][:1]), "not two or more"),
    "two tokens of one name": (with_network("vocabulary.1.token", "a"), "which is also the name of another"),
    "an index beyond the width": (with_network("vocabulary.0.embedding", [[3, 1]]), "not from 0 to 2"),
    "indices that do not ascend": (with_network("vocabulary.0.embedding", [[1, 1], [0, 1]]), "do not ascend"),
    "an index twice": (with_network("vocabulary.0.embedding", [[1, 1], [1, 1]]), "do not ascend"),
    "a weight 0": (with_network("vocabulary.0.embedding", [[1, 0]]), "is 0"),
    "a weight true": (with_network("vocabulary.0.embedding", [[1, True]]), "an integer must be"),
    "a weight that is not dyadic": (with_network("vocabulary.0.embedding", [[1, "1/3"]]), "not a power of two"),
    "a small integer as text": (with_network("vocabulary.0.embedding", [[1, "1"]]), "without"),
    "a weight not in lowest terms": (with_network("vocabulary.0.embedding", [[1, "2/4"]]), "lowest terms"),
    "an embedding not of fp32": (with_network("vocabulary.0.embedding", [[1, 2**24 + 1]]), "not a number of fp32"),
    "a bias not of fp32": (with_network(f"{FORM}.1", 2**24 + 1), "not a number of fp32"),
    "a position not of fp32": (
        with_network("positions", {"table": [[[0, 2**24 + 1]], [], []]}),
        "not a number of fp32",
    ),
    "a form without bias": (with_network(FORM, [[]]), "a form"),
    "a pair of three": (with_network("vocabulary.0.embedding", [[1, 1, 1]]), "a pair"),
    "more queries than keys": (with_network(f"{HEAD}.query", [[[], 1], [[], 1]]), "where the query has 2"),
    "out of a value that is not there": (with_network(f"{HEAD}.out", [[2, [[[1, 1]], 0]]]), "not from 0 to 0"),
    "out to a coordinate that is not there": (with_network(f"{HEAD}.out", [[3, [[[0, 1]], 0]]]), "not from 0 to 2"),
    "out to a coordinate twice": (with_network(f"{HEAD}.out", [[2, [[], 0]], [2, [[], 0]]]), "do not ascend"),
    "a head without a name": (with_network(f"{HEAD}.name"), "no field"),
    "a layer without an mlp": (with_network("layers.0.mlp"), "no field"),
    "an mlp of what is not there": (with_network("layers.0.mlp.out", [[0, [[[0, 1]], 0]]]), "not from 0 to -1"),
}


@pytest.mark.parametrize("title", BAD_NETWORKS)
def test_networks_that_break_rules(title: str, tmp_path: Path) -> None:
    document, reason = BAD_NETWORKS[title]
    said = copy.deepcopy(GOOD)
    said["network"] = certificate(SMALL, [BAB], "exact", 1, "certified", None, [])["network"]
    path = written(tmp_path, document, said)
    said["network"]["weights"]["sha256"] = hashlib.sha256(canonical(document)).hexdigest()
    path.write_bytes(canonical(said))
    with pytest.raises(Rejected, match=reason):
        check_sequences(path)


def test_weights_are_free_where_nothing_is_rounded(tmp_path: Path) -> None:
    """2^24 + 1 is not a number of fp32; `exact` demands nothing of it, and +linearfixed does not have 1/8."""
    document = with_network("vocabulary.0.unembedding", [[[2, 2**24 + 1]], 0])
    said = certificate(document, [BAB], "exact", 4, "certified", "1", [["1/8", "1/8"]])
    assert checked(tmp_path, said, document).verdict == "certified"
    document = with_network("vocabulary.0.unembedding", [[[2, "1/8"]], 0])
    said = certificate(document, [BAB], "rounded:bf16/fixed2.4+linearfixed2.6", 4, "certified", "1", [["1/8", "1/8"]])
    with pytest.raises(Rejected, match=r"not a number of fixed2\.6"):
        checked(tmp_path, said, document)


HEAVY: dict[str, tuple[Any, Any, str]] = {
    "a wide network": (with_network("width", 2**15), BAB, "network.width"),
    "many positions": (with_network("positions", {"table": [[]] * (2**14 + 1)}), BAB, "entries; this checker reads"),
    "bits of many positions": (with_network("width", 99) | {"positions": {"bits": [0, 65]}}, BAB, "65 bits"),
    "a long number": (with_network("vocabulary.0.embedding", [[1, f"1/{2**1200}"]]), BAB, "bits this checker"),
    "many tokens": (SMALL, BAB | {"tokens": ["b", "a", "b"] * 2**14}, "entries; this checker reads"),
    "many pairs of tokens": (SMALL, BAB | {"tokens": ["b", "a", "b"] * 2**10}, "exponentials"),
    "many products": (
        with_network("layers.0.mlp.neurons", [[[[0, 1], [1, 1], [2, 1]], 0]] * 2**13),
        BAB | {"tokens": ["b"] * 2**12},
        "activations at once",
    ),
    "many forms of nothing": (
        with_network("layers", [layer(neurons=[[[], 0]] * 250)] * 66),
        BAB | {"tokens": ["b"] * 2**12},
        "products of weights",
    ),
}


@pytest.mark.parametrize("title", HEAVY)
def test_heavy_documents_are_not_judged(title: str, tmp_path: Path) -> None:
    document, sequence, reason = HEAVY[title]
    said = certificate(SMALL, [BAB], "exact", 4, "certified", "1", DRIFT)
    said["statement"]["sequences"] = [sequence]
    said["network"]["weights"]["sha256"] = hashlib.sha256(canonical(document)).hexdigest()
    with pytest.raises(TooLarge, match=reason):
        checked(tmp_path, said, document)


def test_hardmax_numbers_that_grow_are_not_judged(tmp_path: Path) -> None:
    """Each layer has 1000 bits more."""
    squeeze = layer(neurons=[[vector(x0=f"1/{2**500}"), 0]], out=[[0, [vector(x0=f"1/{2**500}"), 0]]])
    document = with_network("layers", [squeeze] * 9)
    said = certificate(SMALL, [BAB], "exact", 4, "inconclusive", None, [])
    said["network"]["weights"]["sha256"] = hashlib.sha256(canonical(document)).hexdigest()
    with pytest.raises(TooLarge, match="8192 bits"):
        checked(tmp_path, said, document)


def test_bounds_that_grow_are_not_judged(tmp_path: Path) -> None:
    """In real numbers: hardmax makes 0 of x2, softmax something near, and each layer makes it 2^2000 times as large."""
    big, zero = str(2**1000), layer(LOOK, neurons=[[[], 1]], out=[[2, [vector(x0=-1), 0]]])
    grow = layer(neurons=[[vector(x2=big), 0], [vector(x2=f"-{big}"), 0]], out=[[2, [vector(x0=big, x1=f"-{big}"), 0]]])
    for layers, reason in (
        ([zero, grow], "softmax.drift: has 0"),
        ([zero, *[grow] * 5], "bound has more than the 8192"),
    ):
        document = with_network("layers", layers) | {"attention": "full"}
        said = certificate(document, [BAB], "exact", 4, "inconclusive", None, [])
        with pytest.raises((Rejected, TooLarge), match=reason):
            checked(tmp_path, said, document)


def test_every_part_asks_for_the_budget_at_every_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Counter[str]()

    def left(_self: Deadline, at: str) -> int:
        asked[at] += 1
        return 10**6

    monkeypatch.setattr(Deadline, "left", left)
    checked(tmp_path, GOOD)
    tokens = 3
    assert asked == {
        "hardmax: queries, keys, values": tokens,
        "hardmax: heads": tokens,
        "hardmax: neurons": tokens,
        "softmax: norms": tokens,
        "hardmax: sums": 2 * tokens,
        "hardmax.margin": 1,
        "softmax: embeddings": tokens,
        "softmax: queries, keys, values": tokens,
        "softmax: heads": tokens,
        "softmax: neurons": tokens,
        "softmax: sums": 2 * tokens,
        "softmax.margin": 1,
    }


def test_what_a_sequence_made_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[weakref.ref[walk.Walked]]()

    def watched(*arguments: Any) -> walk.Walked:
        assert not any(one() for one in made[:-1])
        walked = walk.walk(*arguments)
        made.append(weakref.ref(walked))
        return walked

    monkeypatch.setattr(check, "walk", watched)
    checked(tmp_path, certificate(SMALL, [BAB] * 4, "fused:bf16/fp32/bf16", 4, "certified", MARGIN, DRIFT))
    assert len(made) == 4


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)])
    return result.exit_code, result.output


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, SMALL, GOOD)
    assert run(path)[0] == main([str(path)]) == 0
    assert "valid: certified" in capsys.readouterr().out
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes((tmp_path / "network.json").read_bytes())
    (tmp_path / "network.json").unlink()
    assert run(path) == (2, run(path)[1])
    assert "cannot be read" in run(path)[1]
    assert run(path, "--network", elsewhere)[0] == main([str(path), "--network", str(elsewhere)]) == 0
    assert check_sequences(path, network_given=canonical(SMALL)).verdict == "certified"
    elsewhere.write_bytes(canonical(with_network("width", 4)))
    code, output = run(path, "--network", elsewhere)
    assert (code, "sha256" in output) == (1, True)
    assert main([str(path), "--network", str(elsewhere)]) == 1
    code, output = run(path, "--machine", "increment")
    assert (code, "sequences that it names itself" in output) == (2, True)
    code, output = run(path, "--function", "sort", "--network", elsewhere)
    assert (code, "--network is for certificates about sequences" in output) == (2, True)
    for options in (["--machine", str(elsewhere), "--network", str(elsewhere)], ["--function", "sort"]):
        try:
            code = main([str(path), *options])
        except SystemExit as end:
            code = int(end.code or 0)
        assert code == 2


def test_other_kinds_are_told_apart(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(canonical({"format": "exactformer theory certificate"}))
    with pytest.raises(BadInput, match="about a theory, given with --theory, not about sequences"):
        check_sequences(other)
    assert run(other)[0] == 2
    assert "say what the certificate has to be about" in run(other)[1]
    assert "say what the certificate has to be about" not in run(other, "--network", other)[1]
    path = written(tmp_path, SMALL, GOOD)
    other.write_bytes(b'{"a":' + b"[" * 99)
    assert run(other) == (4, "not judged: certificate: more than 16 lists and objects inside each other\n")
    other.unlink()
    code, output = run(other)
    assert (code, output.startswith("certificate ") and "cannot be read" in output) == (2, True)
    path.write_bytes(json.dumps(GOOD).encode())
    code, output = run(path)
    assert (code, "not in canonical form" in output) == (1, True)


def test_exit_codes_of_what_is_not_shown(tmp_path: Path) -> None:
    unknown = certificate(SMALL, [BAB], "fused:bf16/fp32/bf16", 4, "inconclusive", None, [[None, None]])
    path = written(tmp_path, SMALL, unknown)
    assert run(path)[0] == 3
    assert run(path, "--expect", "inconclusive")[0] == 0
