"""Certificates about theories that claim tokens only (THEORIES 8), and what the walk writes down for them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from exactformer import api
from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker.cases import Cases, either, sign
from exactformer.certificates.checker.diagrams import TRUE, Diagrams
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.forms import VALUES, NotShown
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.theory import walk
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.checker.theory.drift import MOST_FORMS, Recorded, drift_of, forms_of
from exactformer.certificates.checker.theory.heads import Found
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.ngram.theory import ngram
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.arithmetic.models import parse_arithmetic, split_beta
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.compare import compare
from exactformer.verify.rounded.forward import rounded_stages
from exactformer.verify.rounded.readout import next_token
from tests.checker.conftest import UNLIMITED, Made
from tests.checker.theory import small
from tests.checker.theory.test_cases import random_cases, values_of

ARITHMETIC = "rounded:bf16/fp16"
CONTEXT = 2**small.R


# What registers can hold


def forms(*coordinates: Cases, diagrams: Diagrams) -> list[list[int]]:
    return [list(form) for form in forms_of(coordinates, diagrams)]


def test_forms_by_hand() -> None:
    diagrams = Diagrams()
    a, b, c = map(diagrams.variable, range(3))
    zero, one, minus = ({value: TRUE} for value in (0, 1, -1))
    assert forms(zero, one, minus, sign(a), diagrams=diagrams) == [[0, 1, 3, 2]]
    together = either(a, sign(b), zero), either(a, sign(c), zero)
    assert forms(*together, diagrams=diagrams) == [[0, 0], [2, 2]]
    assert forms(either(a, one, zero), either(a, zero, one), diagrams=diagrams) == [[0, 1], [1, 0]]
    assert forms(either(a, one, zero), either(a, zero, minus), diagrams=diagrams) == [[0, 3], [1, 0]]
    assert forms(either(a, sign(b), zero), either(a, one, sign(b)), diagrams=diagrams) == [[0, 2], [2, 1]]
    hot = either(a & b, one, zero), either(a & ~b, one, zero), either(~a, one, zero)
    assert forms(*hot, diagrams=diagrams) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_coordinates_that_are_0_independently_have_one_form() -> None:
    diagrams = Diagrams()
    a, b, c, d = map(diagrams.variable, range(4))
    zero: Cases = {0: TRUE}
    one: Cases = {1: TRUE}
    apart = either(a, sign(b), zero), either(c, {-1: TRUE}, zero), either(d, one, zero)
    assert forms(*apart, diagrams=diagrams) == [[6, 5, 4]]
    assert forms(apart[0], diagrams=diagrams) == [[0], [2]]
    hot = [either(diagrams.variable(place), one, zero) for place in range(MOST_FORMS)]
    assert forms(*hot, diagrams=diagrams) == [[4] * MOST_FORMS]


def test_every_vector_is_of_a_form() -> None:
    draw, diagrams = random.Random(19), Diagrams()
    several = 0
    for _ in range(300):
        coordinates = [random_cases(draw, diagrams, (-1, 0, 1)) for _ in range(draw.randrange(1, 5))]
        found = forms_of(coordinates, diagrams)
        assert found
        several += len(found) > 1
        for vector in set(zip(*map(values_of, coordinates), strict=True)):
            assert any(all(x in VALUES[code] for x, code in zip(vector, form, strict=True)) for form in found)
        columns = zip(*found, strict=True)
        for cases, codes in zip(coordinates, columns, strict=True):
            assert {value for code in codes for value in VALUES[code]} == {*cases}
    assert several > 100


# What is followed


@cache
def recorded() -> Recorded:
    network, theory = ngram(small.LETTERS, small.N, context=CONTEXT)
    found = prove(network, theory, drifting=True).recorded
    assert found is not None
    return found


def test_nothing_is_recorded_unless_that_is_asked_for() -> None:
    network, theory = ngram(small.LETTERS, small.N, context=CONTEXT)
    assert prove(network, theory).recorded is None


def test_what_is_recorded() -> None:
    network = read_network(small.weights())
    assert len(recorded().stages) == 2 * len(network.layers) + 1
    assert [len(heads) for heads in recorded().heads] == [len(layer.heads) for layer in network.layers]
    assert {(one.cls, one.family, one.margin) for one in recorded().outputs} == {("sym", "SYM", 1), ("sym", "NONE", 1)}
    for stage in recorded().stages:
        for held in stage.values():
            assert [(name, len(held[name][0])) for name in held] == list(network.registers)
    assert recorded().stages[0]["start"]["pos"] == (bytes([2] * small.R),)
    # The letter before is one token's; of those with the same letter there may be several, or none (then START has 0).
    before, found = recorded().heads[1][0], recorded().heads[2][0]
    assert before == {"start": [Found(None, 1, False)], "sym": [Found(2, 1, True)]}
    assert found == {"start": [Found(None, 1, False)], "sym": [Found(1, None, True), Found(1, 1, False)]}


def test_diagrams_may_be_forgotten_between_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_NODES", 0)
    network, theory = ngram(small.LETTERS, small.N, context=CONTEXT)
    assert prove(network, theory, drifting=True).recorded == recorded()


def softmax(arithmetic: str, e: int) -> Softmax:
    return Softmax(parse_model("", arithmetic), CONTEXT, e)


def test_a_theory_that_names_no_output() -> None:
    silent = Recorded(recorded().stages, recorded().heads, [])
    with pytest.raises(NotShown, match="the theory names no token that has to come next"):
        drift_of(read_network(small.weights()), silent, softmax(ARITHMETIC, 4), UNLIMITED)


def test_every_sequence_stays_within_the_bound() -> None:
    """All 128 sequences, in arithmetics in which activations drift far: no further than is proved, and the margin that
    is left is no less."""
    network, _ = ngram(small.LETTERS, small.N, context=CONTEXT)
    prepared, drifted = PreparedNetwork(network), 0
    for arithmetic, e in (("rounded:bf16/bf16", 3), ("rounded:e4m3fn/bf16", 4), ("fused:bf16/fp32/bf16", 3)):
        bound = drift_of(read_network(small.weights()), recorded(), softmax(arithmetic, e), UNLIMITED)
        model = parse_arithmetic(arithmetic)
        setting = Setting(model, split_beta(e))  # type: ignore[arg-type]
        for word in product(range(len(small.LETTERS)), repeat=CONTEXT - 1):
            tokens = (Token("START"), *(Token("SYM", (letter,)) for letter in word))
            compared = compare(prepared, TokenSequence(tokens, CONTEXT, CONTEXT), setting)
            for register, drift in compared.drift:
                assert drift <= bound.largest[register], (arithmetic, word, register)
                drifted += 1
            if word[-3:] == (0, 1, 0):
                sequence = TokenSequence(tokens, CONTEXT, CONTEXT)
                (*_, hard), (*_, soft) = (
                    stages(prepared, embed(prepared, [sequence])),
                    rounded_stages(prepared, sequence, setting),
                )
                for place in range(1, CONTEXT):
                    right = next_token(network.vocabulary, hard.after[:, place].tolist(), 0)
                    said = next_token(network.vocabulary, soft.after.numerators[:, place].tolist(), soft.after.places)
                    assert said.token == right.token
                    assert said.margin >= bound.margin
    assert drifted > 500


# Certificates


def made_in(folder: Path, arithmetic: str = ARITHMETIC) -> Made:
    network, theory = ngram(small.LETTERS, small.N, context=CONTEXT)
    certificate = api.certify(network, theory, arithmetic, context=CONTEXT, tokens=True)
    text = folder / "ngram.theory"
    text.write_text(theory.text, encoding="utf-8")
    return Made(certificate.write(folder / "out"), text)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_in(tmp_path_factory.mktemp("tokens"))


def test_valid(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    document = made.document
    assert document["verdict"] == "tokens proved"
    largest = max(map(Fraction, document["drift"]["largest"].values()))
    assert largest == Fraction(1, 128)
    claim = document["statement"]["claim"]
    assert "has at every token for which the theory names an output that token as its unique best next one" in claim
    assert claim.endswith("may differ from those of the hardmax transformer, by at most 1/128.")
    valid = check_theory(made.certificate, made.machine)
    assert (valid.verdict, valid.claim) == ("tokens proved", claim)
    assert command.main([str(made.certificate), "--theory", str(made.machine)]) == 0
    report = capsys.readouterr().out
    assert report.startswith("valid: tokens proved\n")
    assert "not claimed\n  - activations: they may differ" in report
    assert "in the hardmax transformer the token that has to come next" in report
    assert "MLPs, residual sums and logits are computed in fp32" not in report
    assert "logits are exact, also on numbers that are not integers" in report
    assert "rounds to its hardmax output" not in report


def test_where_all_activations_are_right_that_is_claimed(tmp_path: Path) -> None:
    assert made_in(tmp_path, "fused:bf16").document["verdict"] == "proved"


def test_where_drifts_are_too_large_it_is_said_why() -> None:
    network, theory = ngram(small.LETTERS, small.N, context=CONTEXT)
    certificate = api.certify(network, theory, "rounded:e5m2/fp16", context=CONTEXT, tokens=True)
    assert certificate.verdict is api.Verdict.INCONCLUSIVE
    assert "drift" not in certificate.bundle.document
    assert certificate.not_shown is not None
    assert "layer 6, head 0 (read), class sym: scores drift by up to" in certificate.not_shown


Lie = Callable[[Any], object]


def told(**members: Any) -> Lie:
    return lambda document: document["drift"].update(members)


def hardly_larger(document: Any) -> None:
    """The margin, and a little more."""
    document["drift"]["margin"] = str(Fraction(document["drift"]["margin"]) + Fraction(1, 2**60))


def largest(**members: Any) -> Lie:
    return lambda document: document["drift"]["largest"].update(members)


def claiming(drift: str, lie: Lie) -> Lie:
    """The same, where the claim agrees with it."""

    def change(document: Any) -> None:
        lie(document)
        claim = document["statement"]["claim"].rpartition("by at most ")[0]
        document["statement"]["claim"] = f"{claim}by at most {drift}."

    return change


def verdict(value: str, *, keep: bool = False) -> Lie:
    def change(document: Any) -> None:
        document["verdict"] = value
        if not keep:
            del document["drift"]

    return change


def arithmetic(text: str) -> Lie:
    return lambda document: document["statement"].update(arithmetic=text)


WORSE: list[tuple[str, Lie]] = [
    ("a larger drift, below the largest", largest(found="1/200")),
    ("a larger drift", claiming("1/2", largest(last="1/2"))),
    ("a drift of what does not drift", largest(pos="1/1024")),
    ("a drift of 0", largest(pos="0")),
    ("a smaller margin", told(margin="1/2")),
]


@pytest.mark.parametrize("worse", [pytest.param(one[1], id=one[0]) for one in WORSE])
def test_what_is_told_may_be_worse(made: Made, tmp_path: Path, worse: Lie) -> None:
    copied = made.copy(tmp_path / "copy")
    document = copied.document
    worse(document)
    copied.write(document)
    assert check_theory(copied.certificate, copied.machine).claim == document["statement"]["claim"]


LIES: list[tuple[str, str, Lie]] = [
    ("a smaller drift", "drift.largest.found", largest(found="1/512")),
    ("a smaller drift, which is claimed", "drift.largest.last", claiming("1/256", largest(last="1/256"))),
    ("no drift of what drifts", "drift.largest.found", largest(found="0")),
    ("a drift below 0", "drift.largest.found", largest(found="-1/256")),
    ("a drift of what does not drift, below 0", "drift.largest.pos", largest(pos="-1")),
    ("a drift left out", "drift.largest", lambda d: d["drift"]["largest"].pop("found")),
    ("no drifts", "drift.largest", told(largest={})),
    ("a drift of no register", "drift.largest", largest(x="1/2")),
    ("drifts in a list", "drift.largest", told(largest=[])),
    ("a drift that is a number", "drift.largest.found", largest(found=1)),
    ("a drift that is true", "drift.largest.found", largest(found=True)),
    ("a drift not in lowest terms", "drift.largest.found", largest(found="2/256")),
    ("a drift in decimals", "drift.largest.found", largest(found="0.1")),
    ("a larger drift, which is not claimed", "statement.claim", largest(last="1/2")),
    ("a claim of a smaller drift", "statement.claim", claiming("1/512", lambda _: None)),
    ("a claim of a larger drift", "statement.claim", claiming("1/2", lambda _: None)),
    ("a larger margin", "drift.margin", told(margin="1")),
    ("a margin that is hardly larger", "drift.margin", hardly_larger),
    ("a margin of 0", "drift.margin", told(margin="0")),
    ("a margin below 0", "drift.margin", told(margin="-1")),
    ("a margin that is a number", "drift.margin", told(margin=1)),
    ("no margin", "drift", lambda d: d["drift"].pop("margin")),
    ("an unknown member", "drift", told(proved="yes")),
    ("drift is nothing", "drift", lambda d: d.update(drift=None)),
    ("no drift", "certificate", lambda d: d.pop("drift")),
    ("a verdict about activations", "certificate", verdict("proved", keep=True)),
    ("a verdict about activations, without drifts", "verdict", verdict("proved")),
    ("inconclusive, with drifts", "certificate", verdict("inconclusive", keep=True)),
    ("a claim although nothing is claimed", "statement.claim", verdict("inconclusive")),
    ("a verdict that is none", "certificate", verdict("tokens", keep=True)),
    (
        "a claim about activations",
        "statement.claim",
        lambda d: d["statement"].update(claim=d["statement"]["claim"].partition("; its activations")[0] + "."),
    ),
    ("a claim about more tokens", "statement.context", lambda d: d["statement"].update(context="16")),
    ("an arithmetic with a step", "verdict", arithmetic("rounded:bf16/fp16+once")),
    ("an arithmetic with three formats", "verdict", arithmetic("rounded:bf16/fp32/fp16")),
    ("real numbers", "verdict", arithmetic("exact")),
    ("an arithmetic in which drifts are larger", "", arithmetic("rounded:e4m3fn/fp16")),
    ("an arithmetic in which all is right", "heads[", arithmetic("rounded:bf16/bf16")),
    ("a larger beta", "", lambda d: d["statement"].update(beta="32")),
    ("a smaller beta", "", lambda d: d["statement"].update(beta="8")),
    ("a larger margin of the hardmax transformer", "margin", lambda d: d.update(margin=d["margin"] + 1)),
    ("a larger separation", "heads[0].separation", lambda d: d["heads"][0].update(separation=9)),
    (
        "heads that do not hold, said to hold",
        "heads[",
        lambda d: [one.update(holds=True) for one in d["heads"]],
    ),
]


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*one[1:], id=one[0]) for one in LIES])
def test_a_wrong_certificate(made: Made, tmp_path: Path, field: str, lie: Lie) -> None:
    copied = made.copy(tmp_path / "copy")
    document = copied.document
    lie(document)
    copied.write(document)
    with pytest.raises(Rejected) as rejected:
        check_theory(copied.certificate, copied.machine)
    assert rejected.value.field.startswith(field), str(rejected.value)


def test_of_heads_that_hold_it_need_not_be_said(tmp_path: Path) -> None:
    """Where all of them are said to hold, more is proved than tokens."""
    copied = made_in(tmp_path, "fused:bf16")
    copied.write(copied.document | {"verdict": "tokens proved", "drift": {"largest": {}, "margin": "1"}})
    with pytest.raises(Rejected, match='verdict: is "tokens proved", but all heads hold'):
        check_theory(copied.certificate, copied.machine)


def test_drifts_that_are_too_large(tmp_path: Path) -> None:
    """With all else as it has to be."""
    copied = made_in(tmp_path, "rounded:e5m2/fp16")
    document = copied.document
    assert document["verdict"] == "inconclusive"
    copied.write(document | {"verdict": "tokens proved", "drift": {"largest": {}, "margin": "1"}})
    with pytest.raises(Rejected, match="drift: the claim is not shown: layer 5, attention, class sym"):
        check_theory(copied.certificate, copied.machine)


def test_of_sequences(made: Made) -> None:
    def words(values: Sequence[Fraction]) -> list[str]:
        return [str(value) for value in values]

    drift = made.document["drift"]
    bound = drift_of(read_network(small.weights()), recorded(), softmax(ARITHMETIC, 4), UNLIMITED)
    assert drift["largest"] == dict(zip(bound.largest, words(list(bound.largest.values())), strict=True))
    assert drift["margin"] == str(bound.margin)
