"""Certificates that claim tokens only (SPEC 20): real ones are valid, and whatever is changed in them is rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.drift.walk import require_drifting_model
from exactformer.certificates.checker.machine import parse_machine
from exactformer.certificates.checker.universal import universal
from exactformer.certificates.checker.universal.annotation import Setting
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.universal import Hardmax, check_universal
from exactformer.certificates.checker.weights import read_network
from tests.checker.conftest import UNLIMITED, Made, Make

TOKENS = ("--all-inputs", "--no-store", "--claim", "tokens", "--context")


@pytest.fixture(scope="session")
def tokens(make: Make) -> Made:
    return make("increment", "", "rounded:bf16/fp32", *TOKENS, "16")


def test_a_certificate_about_tokens_is_valid(tokens: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tokens.certificate), "--machine", str(tokens.machine)]) == 0
    report = capsys.readouterr().out
    assert report.startswith("valid: tokens proved\n")
    assert "not claimed\n  - activations: they may differ" in report
    assert "exactly the activations" not in report
    assert "exact integer arithmetic" not in report
    document = tokens.document
    largest = max(map(Fraction, document["drift"]["largest"].values()))
    # What neurons inside an MLP give is not bounded by it.
    claimed = (
        f"its activations after every sublayer may differ from those of the hardmax transformer, by at most {largest}."
    )
    assert document["statement"]["claim"].endswith(claimed)


@pytest.fixture(scope="session")
def hardmax(tokens: Made) -> Hardmax:
    """What the certificate says of the hardmax transformer, proved."""
    setting = Setting(parse_machine(tokens.machine.read_text()), read_network(json.loads(tokens.weights.read_bytes())))
    document = tokens.document
    most = int(document["statement"]["scope"]["writes_per_cell"]["bound"])
    return check_universal(document["annotation"], document["heads"], setting, most, Judge(UNLIMITED))


Tamper = Callable[[Any], object]


def verdict(value: str, **changes: Any) -> Tamper:
    def change(document: Any) -> None:
        del document["drift"]
        document.update(verdict=value, **changes)

    return change


def largest(document: Any) -> Any:
    return document["drift"]["largest"]


LIES: list[tuple[str, str, Tamper]] = [
    ("a smaller drift", "drift.largest.written_1", lambda d: largest(d).update(written_1="1/512")),
    ("a larger drift", "drift.largest.written_1", lambda d: largest(d).update(written_1="1/2")),
    ("a drift left out", "drift.largest", lambda d: largest(d).pop("written_1")),
    ("a drift of what does not drift", "drift.largest", lambda d: largest(d).update(pos="0")),
    ("a drift of no register", "drift.largest", lambda d: largest(d).update(x="1/512")),
    ("a drift that is a number", "drift.largest.written_1", lambda d: largest(d).update(written_1=0)),
    ("a larger margin", "drift.margin", lambda d: d["drift"].update(margin="1")),
    ("no margin", "drift", lambda d: d["drift"].pop("margin")),
    ("another field", "drift", lambda d: d["drift"].update(proved="yes")),
    ("no drift", "certificate", lambda d: d.pop("drift")),
    ("a drift of nothing", "drift", lambda d: d.update(drift=None)),
    ("a verdict about activations", "certificate", lambda d: d.update(verdict="proved")),
    ("a verdict about activations, without drift", "verdict", verdict("proved")),
    ("a drift although nothing is claimed", "certificate", lambda d: d.update(verdict="inconclusive")),
    ("a claim although nothing is claimed", "statement.claim", verdict("inconclusive")),
    ("a verdict about runs", "certificate", lambda d: d.update(verdict="certified")),
    ("an unknown verdict", "verdict", verdict("tokens")),
    ("refuted", "annotation", verdict("refuted")),
    ("a claim about activations", "statement.claim",
     lambda d: d["statement"].update(claim=d["statement"]["claim"].replace("generates", "has the activations and"))),
    ("a claim of a smaller drift", "statement.claim",
     lambda d: d["statement"].update(claim=d["statement"]["claim"].rpartition("by at most ")[0] + "by at most 1/512.")),
    ("a refutation as well", "refutation", lambda d: d.update(refutation={})),
    ("an arithmetic with a step", "verdict",
     lambda d: d["statement"].update(arithmetic="rounded:bf16/fp32+once")),
    ("exact", "verdict", lambda d: d["statement"].update(arithmetic="exact")),
    ("a case that holds", "softmax.cases",
     lambda d: next(case for case in d["softmax"]["cases"] if not case["holds"]).update(holds=True)),
    ("no beta", "statement.beta", lambda d: d["statement"].update(beta=None, beta_split=None)),
]  # fmt: skip


def without_beta(document: Any) -> None:
    for parameter in document["network"]["parameters"]:
        if parameter["matrix"] in ("query", "key"):
            parameter.update(scale="1", largest="1")


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in LIES])
def test_a_wrong_certificate(
    tokens: Made, hardmax: Hardmax, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, lie: Tamper
) -> None:
    """What is about the hardmax transformer is as in the valid certificate, and so need not be proved here again."""
    monkeypatch.setattr(universal, "check_universal", lambda *_: hardmax)
    made = tokens.copy(tmp_path / "copy")
    document = made.document
    lie(document)
    if field == "statement.beta":
        without_beta(document)
    made.write(document)
    with pytest.raises(Rejected) as rejected:
        check_certificate(made.certificate, made.machine)
    assert rejected.value.field.startswith(field), str(rejected.value)


def test_the_hardmax_part_is_proved(tokens: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_judge: Judge, at: str, *_arguments: object) -> None:
        raise Rejected(at, "is refused")

    monkeypatch.setattr(Judge, "require", refuse)
    with pytest.raises(Rejected, match=r"annotation\.contents"):
        check_certificate(tokens.certificate, tokens.machine)


def test_where_every_case_holds_tokens_are_not_all_that_is_proved(make: Make, tmp_path: Path) -> None:
    made = make("increment", "", "rounded:bf16/bf16", "--all-inputs", "--no-store", "--context", "16").copy(
        tmp_path / "c"
    )
    document = made.document
    assert document["verdict"] == "proved"
    made.write(document | {"verdict": "tokens proved", "drift": {"largest": {}, "margin": "1"}})
    with pytest.raises(Rejected, match='verdict: is "tokens proved", but all cases of softmax hold'):
        check_certificate(made.certificate, made.machine)


@pytest.mark.parametrize("arithmetic", ["rounded:bf16/bf16", "rounded:bf16/bf16@bf16", "fused:bf16/fp32/bf16"])
def test_models(arithmetic: str) -> None:
    require_drifting_model(parse_model("", arithmetic), arithmetic)


OTHER_MODELS = (
    "exact", "rounded:bf16/fp32/bf16", "rounded:bf16/bf16+once", "rounded:bf16/bf16+head16",
    "fused:bf16/fp32/bf16+divide", "fused:bf16/fp32/bf16+wide",
)  # fmt: skip


@pytest.mark.parametrize("arithmetic", OTHER_MODELS)
def test_other_models(arithmetic: str) -> None:
    with pytest.raises(Rejected, match='verdict: is "tokens proved", which is for'):
        require_drifting_model(parse_model("", arithmetic), arithmetic)


def test_a_margin_that_is_lost(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coarser arithmetic than the prover certified, with all else as it has to be."""
    made = make("increment", "", "rounded:e5m2/fp16", *TOKENS, "16").copy(tmp_path / "copy")
    document = made.document
    assert document["verdict"] == "inconclusive"
    monkeypatch.setattr(Judge, "require", lambda *_arguments: None)
    made.write(document | {"verdict": "tokens proved", "drift": {"largest": {}, "margin": "1"}})
    with pytest.raises(Rejected, match="drift: the claim is not shown"):
        check_certificate(made.certificate, made.machine)
