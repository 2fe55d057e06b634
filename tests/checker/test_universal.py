"""Certificates for all inputs: a real one is valid, and whatever is changed in it is rejected, for the right reason."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker import __main__ as command
from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.diagrams import Diagrams
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.certificates.checker.universal.annotation import Setting, read_annotation
from exactformer.certificates.checker.universal.formulas import Variables, View
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.universal import check_universal
from exactformer.certificates.checker.weights import in_registers, read_network
from tests.checker.conftest import UNLIMITED, Made, Make
from tests.checker.ghosts import run_segments, untrue

ALL = ("--all-inputs", "--no-store", "--context")


@pytest.fixture(scope="session")
def proved(make: Make) -> Made:
    return make("increment", "", "rounded:bf16/bf16", *ALL, "16")


@dataclass(frozen=True)
class Parts:
    """What section 13 is about, and a judge that remembers what it has proved."""

    machine: Machine
    certificate: Any
    weights: Any
    judge: Judge
    summarized: bool = False

    def check(self, certificate: Any, weights: Any) -> None:
        """Sections 12 and 13."""
        setting = Setting(self.machine, read_network(weights), self.summarized)
        most = 16 if self.summarized else 4
        check_universal(certificate["annotation"], certificate["heads"], setting, most, self.judge)

    def rejected(self, tamper: Callable[[Any, Any], object]) -> Rejected:
        """What a change of certificate and weights leads to."""
        certificate, weights = copy.deepcopy(self.certificate), copy.deepcopy(self.weights)
        tamper(certificate, weights)
        assert (certificate, weights) != (self.certificate, self.weights)
        with pytest.raises(Rejected) as rejected:
            self.check(certificate, weights)
        return rejected.value


@pytest.fixture(scope="session")
def parts(proved: Made) -> Parts:
    machine = parse_machine(proved.machine.read_text())
    found = Parts(machine, proved.document, json.loads(proved.weights.read_bytes()), Judge(UNLIMITED))
    found.check(found.certificate, found.weights)
    return found


def test_a_certificate_for_all_inputs_is_valid(proved: Made) -> None:
    valid = check_certificate(proved.certificate, proved.machine)
    assert valid.verdict == "proved"
    assert valid.claim.startswith("For every input on which increment halts")
    assert valid.replayed == ()


def test_what_it_says_is_true_on_runs(parts: Parts) -> None:
    """The annotation against simulated runs: independent of all that the checker concludes."""
    network = read_network(parts.weights)
    annotation = read_annotation(parts.certificate["annotation"], Setting(parts.machine, network))
    (segment,) = run_segments(parts.machine, "0", network.r, "cot")
    assert untrue(network, parts.machine, annotation, segment.tokens, summarized=False) is None
    annotation.stages["RUN"][8]["hpos_1"] = annotation.stages["RUN"][8]["hposprev_1"]
    assert untrue(network, parts.machine, annotation, segment.tokens, summarized=False) is not None


def test_claims_are_counted(parts: Parts) -> None:
    assert parts.judge.proved > 50


def run(made: Made, *options: str) -> int:
    return command.main([str(made.certificate), "--machine", str(made.machine), *options])


def test_a_question_that_needs_too_many_nodes_is_not_judged(
    proved: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Setting, "here", View(Variables(Diagrams(limit=100))))
    assert run(proved) == 4
    assert capsys.readouterr().err.startswith("not judged: a question needs more than 200 steps")
    with pytest.raises(SystemExit):
        run(proved, "--budget", "0")


Tamper = Callable[[Any], object]


def contents(document: Any, cls: str) -> Any:
    return document["annotation"]["contents"][cls]


def layer(document: Any, cls: str, number: int, sublayer: str) -> Any:
    return contents(document, cls)["layers"][number - 1][sublayer]


def head(document: Any, number: int, name: str) -> Any:
    return next(h for h in document["heads"] if (h["layer"], h["name"]) == (number, name))


def entry(document: Any, number: int, name: str, place: int) -> Any:
    return head(document, number, name)["meaning"][place]


def numbered(parts: Parts, field: str) -> str:
    """A head that is named by its layer and its name, by its number."""
    named = re.match(r"heads\[(\d+) (\w+)\]", field)
    if named is None:
        return field
    number = parts.certificate["heads"].index(head(parts.certificate, int(named[1]), named[2]))
    return f"heads[{number}]{field[named.end() :]}"


def at_layer(cls: str, number: int, sublayer: str, register: str, content: str) -> Tamper:
    return lambda d: layer(d, cls, number, sublayer).update({register: content})


def at_entry(number: int, name: str, place: int, **changes: Any) -> Tamper:
    return lambda d: entry(d, number, name, place).update(changes)


CONTENTS: list[tuple[str, str, Tamper]] = [
    ("a class is missing", "annotation.contents", lambda d: d["annotation"]["contents"].pop("POS")),
    ("a layer is missing", "annotation.contents.RUN.layers", lambda d: contents(d, "RUN")["layers"].pop()),
    ("an unknown register", "annotation.contents.RUN.layers[2].mlp.x", at_layer("RUN", 3, "mlp", "x", "enc(i)")),
    ("no content", "annotation.contents.RUN.layers[2].mlp.hpos_1", at_layer("RUN", 3, "mlp", "hpos_1", "enc(x_1")),
    ("a ghost of others", "annotation.contents.POS.layers[7].mlp.hpos_1",
     at_layer("POS", 8, "mlp", "hpos_1", "enc(c_1)")),
    ("too wide", "annotation.contents.RUN.layers[2].mlp.bitA_1", at_layer("RUN", 3, "mlp", "bitA_1", "enc(x_1)")),
    ("w_1 if not written", "annotation.contents.RUN.layers[12].mlp.last_1",
     at_layer("RUN", 13, "mlp", "last_1", "enc(w_1)")),
    ("fetched later", "annotation.contents.INP.layers[1].attention.bitA_1: the layer of bit_1",
     at_layer("INP", 2, "attention", "bitA_1", "bit_1 of max(i - 1, 0) before layer 3")),
    ("fetched of another width", "annotation.contents.INP.layers[1].attention.bitA_1: the width of hpos_1",
     at_layer("INP", 2, "attention", "bitA_1", "hpos_1 of max(i - 1, 0) before layer 2")),
    ("pos is another number", "annotation.contents.POS.embedding.pos",
     lambda d: contents(d, "POS")["embedding"].update(pos="enc(max(i - 1, 0))")),
    ("pos left out", "annotation.contents.POS.embedding.pos", lambda d: contents(d, "POS")["embedding"].pop("pos")),
    ("a constant of an embedding", "annotation.contents.POS.embedding.is_run",
     lambda d: contents(d, "POS")["embedding"].update(is_run="1")),
    ("an embedding of another ghost", "annotation.contents.RUN.embedding.sym_1",
     lambda d: contents(d, "RUN")["embedding"].update(sym_1="enc(q)")),
    ("an embedding of the wrong flag", "annotation.contents.RUN.embedding.halted",
     lambda d: contents(d, "RUN")["embedding"].update(halted="(0 if halted = 1 else 1)")),
    ("an embedding of what the token does not show", "annotation.contents.RUN.embedding.hpos_1",
     lambda d: contents(d, "RUN")["embedding"].update(hpos_1="enc(c_1)")),
    ("an embedding of two fields", "annotation.contents.RUN.embedding.halted",
     lambda d: contents(d, "RUN")["embedding"].update(halted="(enc(a_1)[0] if halted = 1 else 0)")),
    ("another bit of a block", "annotation.contents.BIT.embedding.bit_1",
     lambda d: contents(d, "BIT")["embedding"].update(bit_1="enc(y_1)[beta + 1]")),
    ("bit 0 of a block in the place of each", "annotation.contents.BIT.embedding.bit_1",
     lambda d: contents(d, "BIT")["embedding"].update(bit_1="enc(y_1)[0]")),
    ("an MLP that does less", "annotation.contents.RUN.layers[0].mlp.prev",
     at_layer("RUN", 1, "mlp", "prev", "enc(i)")),
    ("an MLP that does more", "annotation.contents.RUN.layers[0].mlp.prev",
     at_layer("RUN", 1, "mlp", "prev", "enc(max(i - 2, 0))")),
    ("an MLP that is left out", "annotation.contents.EPOS.layers[1].mlp.hpos_1",
     lambda d: layer(d, "EPOS", 2, "mlp").pop("hpos_1")),
    ("an MLP one step too early", "annotation.contents.RUN.layers[3].mlp.hpos_1",
     at_layer("RUN", 4, "mlp", "hpos_1", "(enc(x_1) if tau <= 2 else 0)")),
    ("a move that is forgotten", "annotation.contents.RUN.layers[3].mlp.hpos_1",
     at_layer("RUN", 4, "mlp", "hpos_1", "(enc(c_1) if tau <= 1 else 0)")),
    ("the wrong bit subtracted", "annotation.contents.OUTPUT.layers[3].mlp.hpos_1",
     at_layer("OUTPUT", 4, "mlp", "hpos_1", "enc(i - (o mod 2^3))")),
    ("a symbol that was not read", "annotation.contents.EINP.layers[13].mlp.read_1",
     at_layer("EINP", 14, "mlp", "read_1", "(enc(g_1) if written_1 = 1 else 0)")),
    ("another row of the machine", "annotation.contents.EPOS.layers[14].mlp.newstate",
     at_layer("EPOS", 15, "mlp", "newstate", "enc(q)")),
    ("a symbol for a state", "annotation.contents.EPOS.layers[14].mlp.newsym_1",
     at_layer("EPOS", 15, "mlp", "newsym_1", "(enc(g_1) if written_1 = 1 else 0)")),
    ("a block that is forgotten", "annotation.contents.RUN.layers[15].mlp.newstate",
     at_layer("RUN", 16, "mlp", "newstate", "(enc(q') if has_entry = 1 else 0)")),
    ("what no neuron writes", "annotation.contents.RUN.layers[0].mlp.halted", at_layer("RUN", 1, "mlp", "halted", "0")),
    ("what no head writes", "annotation.contents.RUN.layers[0].attention.halted",
     at_layer("RUN", 1, "attention", "halted", "0")),
    ("what a head brings, forgotten", "annotation.contents.OUTP.layers[0].attention.seen_outp",
     at_layer("OUTP", 1, "attention", "seen_outp", "0")),
    ("what a head brings, in another state", "annotation.contents.RUN.layers[3].attention.hposprev_1",
     at_layer("RUN", 4, "attention", "hposprev_1", "(enc(c_1) if tau <= 2 else 0)")),
    ("what a head brings, if written", "annotation.contents.RUN.layers[9].attention.written_1",
     at_layer("RUN", 10, "attention", "written_1", "1")),
    ("what a head brings, another bit", "annotation.contents.POS.layers[9].attention.exists_high_1",
     at_layer("POS", 10, "attention", "exists_high_1", "((1 if w_1[2] = 1 else 0) if written_1 = 1 else 0)")),
    ("a larger margin", "annotation.margin", lambda d: d["annotation"].update(margin=2)),
    ("a margin of 0", "annotation.margin", lambda d: d["annotation"].update(margin=0)),
]  # fmt: skip

RUN_ETC = ["EINP", "RUN", "POS", "EPOS", "OUTP", "OUTPUT"]
HEADS: list[tuple[str, str, Tamper]] = [
    ("a head is missing", "heads", lambda d: d["heads"].pop()),
    ("another kind", "heads[0].kind", lambda d: d["heads"][0].update(kind="lookup")),
    ("other coordinates", "heads[0].query", lambda d: d["heads"][0].update(query="pos[0]")),
    ("evidence by observation", "heads[0].evidence", lambda d: d["heads"][0].update(evidence="observed")),
    ("a larger separation", "heads[10 written_1].separation",
     lambda d: [h.update(separation=2) for h in d["heads"] if h["ties"] != [["1", "1"]]]),
    ("a larger separation of a look-up", "heads[2].separation",
     lambda d: [h.update(separation=3) for h in d["heads"] if h["separation"] == 2]),
    ("a separation of 0", "heads[0].separation", lambda d: d["heads"][0].update(separation=0)),
    ("fewer ties", "heads[10 written_1].ties[0][1]", lambda d: head(d, 10, "written_1").update(ties=[["1", "1"]])),
    ("another case of softmax", "heads[10 written_1].softmax", lambda d: head(d, 10, "written_1").update(softmax=0)),
    ("a class without an entry", "heads[0].meaning", lambda d: entry(d, 1, "seen_outp", 0)["classes"].remove("RUN")),
    ("a class with two entries", "heads[0].meaning", lambda d: entry(d, 1, "seen_outp", 0)["classes"].append("OUTP")),
    ("an unknown class", "heads[0].meaning[0].classes", lambda d: entry(d, 1, "seen_outp", 0)["classes"].append("X")),
    ("conditions that overlap", "heads[10 written_1].meaning", at_entry(10, "written_1", 1, when=[])),
    ("conditions that leave a case out", "heads[10 exists_high_1].meaning",
     at_entry(10, "exists_high_1", 1, when=["written_1 = 1", "w_1[3] = 1"])),
    ("a condition on a bit without writes", "heads[10 exists_high_1].meaning[2].when",
     at_entry(10, "exists_high_1", 2, when=["w_1[3] = 1"])),
    ("a condition that may not be there", "heads[0].meaning[0].when", at_entry(1, "seen_outp", 0, when=["tau = 1"])),
    ("a condition twice", "heads[10 written_1].meaning[1].when",
     at_entry(10, "written_1", 1, when=["written_1 = 0"] * 2)),
    ("another score", "heads[0].meaning[1].score", at_entry(1, "seen_outp", 1, score=2)),
    ("another score of writes", "heads[10 written_1].meaning[2].score", at_entry(10, "written_1", 2, score=5)),
    ("every token, with a value", "heads[0].meaning[0].value", at_entry(1, "seen_outp", 0, value="1")),
    ("every token, some with a value", "heads[0].meaning[1].score",
     at_entry(1, "seen_outp", 1, selected="every token", member="INP", value="0")),
    ("another token", "heads[0].meaning[1].score", at_entry(1, "seen_outp", 1, selected="token INP", member="INP")),
    ("a token that is not there", "heads[0].meaning[0].member",
     at_entry(1, "seen_outp", 0, selected="token OUTP", member="OUTP")),
    ("another member", "heads[0].meaning[1].member", at_entry(1, "seen_outp", 1, member="INP")),
    ("another position", "heads[2].meaning[1].score",
     at_entry(2, "bitA_1", 1, selected="position max(i - 2, 0)", member="max(i - 2, 0)")),
    ("a position that is none", "heads[2].meaning[1].selected", at_entry(2, "bitA_1", 1, selected="position x_1")),
    ("the position of a write that need not be", "heads[2].meaning[1].selected",
     at_entry(2, "bitA_1", 1, selected="position w_1", member="w_1")),
    ("writes of no tape", "heads[10 written_1].meaning[2].selected",
     at_entry(10, "written_1", 2, selected="writes x_2")),
    ("all writes where only late ones are best", "heads[10 exists_high_1].meaning[2].score",
     at_entry(10, "exists_high_1", 2, selected="writes x_1")),
    ("only late writes where all are best", "heads[10 written_1].separation",
     at_entry(10, "written_1", 2, selected="writes x_1 at w_1[3..]")),
    ("writes where there are none", "heads[10 written_1].meaning[1].selected",
     at_entry(10, "written_1", 1, selected="writes x_1", member="w_1")),
    ("the last write where all are best", "heads[10 written_1].separation",
     lambda d: (head(d, 10, "written_1").update(ties=[["1", "1"]], softmax=0),
                entry(d, 10, "written_1", 2).update(selected="position w_1"))),
    ("another value", "heads[2].meaning[1].value", at_entry(2, "bitA_1", 1, value="enc(x_1)[2]")),
    ("a value of another token", "heads[2].meaning[0].value",
     at_entry(2, "bitA_1", 0, value="bit_1 of max(i - 2, 0) before layer 2")),
    ("a value of another bit", "heads[11 nextbit_1].meaning[1].value",
     at_entry(11, "nextbit_1", 1, value="(enc(y_1)[beta] if beta = 1 else 0)")),
    ("a value of another layer", "heads[2].meaning[0].value",
     at_entry(2, "bitA_1", 0, value="bit_1 of max(i - 1, 0) before layer 1")),
    ("a value before the step is known", "heads[4 hposprev_1].meaning[1].value",
     at_entry(4, "hposprev_1", 1, value="(enc(c_1) if tau <= 2 else 0)")),
    ("the symbol of another write", "heads[14 read_1].meaning[2].value", at_entry(14, "read_1", 2, value="enc(blank)")),
]  # fmt: skip


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in [*CONTENTS, *HEADS]])
def test_a_wrong_annotation(parts: Parts, field: str, lie: Tamper) -> None:
    error = parts.rejected(lambda certificate, _: lie(certificate))
    assert error.field.startswith(numbered(parts, field)), str(error)


def register(weights: Any, name: str) -> int:
    """The first coordinate of a register."""
    names = [item for item, _ in weights["registers"]]
    return sum(width for _, width in weights["registers"][: names.index(name)])


def neuron(weights: Any, number: int, reads: str, writes: str) -> tuple[Any, int, int]:
    """The MLP of a layer, and where a neuron's inputs and outputs begin that reads and writes these registers."""
    mlp = weights["layers"][number - 1]["mlp"]
    for n in range(len(mlp["bias"])):
        inputs = mlp["in_coordinate"][mlp["in_start"][n] : mlp["in_start"][n + 1]]
        outputs = mlp["out_coordinate"][mlp["out_start"][n] : mlp["out_start"][n + 1]]
        if register(weights, reads) in inputs and register(weights, writes) in outputs:
            return mlp, mlp["in_start"][n], mlp["out_start"][n]
    raise LookupError(f"no neuron of layer {number} reads {reads} and writes {writes}")


def bias(number: int, reads: str, writes: str, by: int) -> Tamper:
    def change(weights: Any) -> None:
        mlp, begin, _ = neuron(weights, number, reads, writes)
        mlp["bias"][mlp["in_start"].index(begin)] += by

    return change


def entry_of(key: str, number: int, reads: str, writes: str, value: Callable[[Any, int], int]) -> Tamper:
    def change(weights: Any) -> None:
        mlp, first_in, first_out = neuron(weights, number, reads, writes)
        place = first_in if key.startswith("in") else first_out
        mlp[key][place] = value(weights, mlp[key][place])

    return change


def family(weights: Any, name: str) -> Any:
    return next(item for item in weights["vocabulary"] if item["name"] == name)


def in_vector(side: str, name: str, place: int, value: int) -> Tamper:
    return lambda w: family(w, name)[side][place].__setitem__(1, value)


WEIGHTS: list[tuple[str, str, Tamper]] = [
    ("a larger bias", "annotation.contents", bias(1, "pos", "prev", 1)),
    ("a smaller bias", "annotation.contents", bias(1, "pos", "prev", -1)),
    ("a row of the machine less", "annotation.contents.EINP.layers[14].mlp.newstate",
     bias(15, "state", "newstate", -1)),
    ("a neuron that is too large", "annotation.contents", bias(1, "pos", "prev", 100)),
    ("a weight of the other sign", "annotation.contents", entry_of("in_weight", 1, "pos", "prev", lambda _, v: -v)),
    ("a weight of 2", "annotation.contents", entry_of("in_weight", 1, "pos", "prev", lambda _, v: 2 * v)),
    ("another coordinate read", "annotation.contents", entry_of("in_coordinate", 1, "pos", "prev", lambda _, v: v + 1)),
    ("an output of the other sign", "annotation.contents", entry_of("out_weight", 1, "pos", "prev", lambda _, v: -v)),
    ("an output of 2", "annotation.contents", entry_of("out_weight", 1, "pos", "prev", lambda _, v: 2 * v)),
    ("another coordinate written", "annotation.contents",
     entry_of("out_coordinate", 1, "pos", "prev", lambda _, v: v + 1)),
    ("a neuron that writes pos", "weights.layers[0].mlp.out_coordinate",
     entry_of("out_coordinate", 1, "pos", "prev", lambda w, _: register(w, "pos"))),
    ("an embedding onto pos", "weights.vocabulary", lambda w: family(w, "RUN")["embedding"].append([0, 1])),
    ("another embedding", "annotation.contents.POS.embedding.", in_vector("embedding", "POS", 0, -1)),
    ("another symbol's embedding", "annotation.contents.INPUT.embedding.sym_1",
     lambda w: family(w, "SIGMA")["fields"][0]["embedding"].reverse()),
    ("another state's embedding", "annotation.contents.RUN.embedding.",
     lambda w: family(w, "RUN")["fields"][0]["embedding"].reverse()),
    ("another unembedding", "annotation.margin", in_vector("unembedding", "EPOS", 0, -1)),
    ("a token that is never best", "annotation.margin", lambda w: family(w, "POS").update(unembedding=[])),
    ("a token that is always better", "annotation.margin",
     lambda w: family(w, "INP").update(unembedding=[[register(w, "const"), 9]])),
    ("another symbol's unembedding", "annotation.margin",
     lambda w: family(w, "SIGMA")["fields"][0]["unembedding"].reverse()),
    ("another bit's unembedding", "annotation.margin",
     lambda w: family(w, "BIT")["fields"][0]["unembedding"].reverse()),
    ("read off what is not known", "annotation.contents.EINP.layers[17].mlp.ptr",
     lambda w: family(w, "INP").update(unembedding=[[register(w, "ptr"), 1]])),
    ("read off two fields", "weights.vocabulary.SIGMA.symbol",
     lambda w: family(w, "SIGMA")["fields"][0]["unembedding"][0].extend(
         [[register(w, "newstate"), 1], [register(w, "newsym_1"), 1]])),
]  # fmt: skip


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in WEIGHTS])
def test_wrong_weights(parts: Parts, field: str, lie: Tamper) -> None:
    error = parts.rejected(lambda _, weights: lie(weights))
    assert error.field.startswith(field), str(error)


COORDINATES = [
    ("another query", 10, "written_1", "query", 0, "pos", "heads[10 written_1]."),
    ("another key", 10, "written_1", "key", 0, "const", "heads[10 written_1]."),
    ("another value", 10, "written_1", "value", 0, "const", "heads[10 written_1].meaning[0].value"),
    ("a look-up at another position", 2, "bitA_1", "query", 0, "back2", "heads[2].meaning"),
    ("out onto what is held already", 10, "written_1", "out", 0, "const", "annotation.contents"),
    ("out onto another head's", 10, "written_1", "out", 0, "exists_high_1", "weights.layers[9].heads[1].out"),
    ("out onto pos", 10, "written_1", "out", 0, "pos", "weights.layers[9].heads[0].out"),
]


@pytest.mark.parametrize(
    ("number", "name", "part", "place", "other", "field"), [pytest.param(*case[1:], id=case[0]) for case in COORDINATES]
)
def test_wrong_coordinates(parts: Parts, number: int, name: str, part: str, place: int, other: str, field: str) -> None:
    """The texts of the head are those of the changed weights."""

    def tamper(certificate: Any, weights: Any) -> None:
        changed = next(h for h in weights["layers"][number - 1]["heads"] if h["name"] == name)
        changed[part][place] = register(weights, other)
        head(certificate, number, name)[part] = in_registers(read_network(weights), changed[part])

    error = parts.rejected(tamper)
    assert error.field.startswith(numbered(parts, field)), str(error)


def scope(document: Any) -> Any:
    return document["statement"]["scope"]


DOCUMENTS: list[tuple[str, str, Tamper]] = [
    ("another claim", "statement.claim", lambda d: d["statement"].update(claim="For every input.")),
    ("a smaller bound", "statement.scope.writes_per_cell.bound",
     lambda d: scope(d)["writes_per_cell"].update(bound="3")),
    ("a larger bound", "statement.scope.writes_per_cell.bound",
     lambda d: scope(d)["writes_per_cell"].update(bound="5")),
    ("a bound beyond the context", "statement.scope.writes_per_cell",
     lambda d: scope(d)["writes_per_cell"].update(bound="17", evidence="assumed")),
    ("a bound by the context that is smaller", "statement.scope.writes_per_cell",
     lambda d: scope(d)["writes_per_cell"].update(evidence="context")),
    ("a bound that is assumed in silence", "statement.claim",
     lambda d: scope(d)["writes_per_cell"].update(evidence="assumed")),
    ("a bound by hearsay", "statement.scope.writes_per_cell",
     lambda d: scope(d)["writes_per_cell"].update(evidence="x")),
    ("a scope with inputs", "statement.scope", lambda d: scope(d).update(inputs=["1"])),
    ("another paradigm", "statement.scope", lambda d: d["statement"].update(paradigm="scot", position_bits=4)),
    ("a verdict about runs", "verdict", lambda d: d.update(verdict="certified")),
    ("inconclusive", "verdict", lambda d: d.update(verdict="inconclusive")),
    ("refuted", "annotation", lambda d: d.update(verdict="refuted")),
    ("no annotation", "certificate", lambda d: d.pop("annotation")),
    ("an annotation of nothing", "annotation", lambda d: d.update(annotation=None)),
    ("runs as well", "runs", lambda d: d.update(runs=[{}])),
    ("a refutation as well", "refutation", lambda d: d.update(refutation={})),
    ("no beta", "statement.beta", lambda d: d["statement"].update(beta=None, beta_split=None)),
    ("a smaller least beta", "softmax.cases[0].least_beta", lambda d: d["softmax"]["cases"][0].update(least_beta="1")),
    ("ties up to less", "softmax.cases[2].up_to", lambda d: d["softmax"]["cases"][2].update(up_to="3")),
    ("a case less", "softmax.cases", lambda d: d["softmax"]["cases"].pop()),
]  # fmt: skip


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in DOCUMENTS])
def test_a_wrong_statement(
    proved: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, lie: Tamper
) -> None:
    """All else is as in the valid certificate, and so need not be proved here again."""
    monkeypatch.setattr(Judge, "require", lambda *_arguments: None)
    made = proved.copy(tmp_path / "copy")
    document = made.document
    lie(document)
    if field == "statement.beta":
        for parameter in document["network"]["parameters"]:
            if parameter["matrix"] in ("query", "key"):
                parameter.update(scale="1", largest="1")
    made.write(document)
    with pytest.raises((Rejected, TooLarge)) as rejected:
        check_certificate(made.certificate, made.machine)
    assert isinstance(rejected.value, Rejected)
    assert rejected.value.field.startswith(field), str(rejected.value)


def test_refuted_by_one_input(make: Make, tmp_path: Path) -> None:
    made = make("increment", "", "fused:bf16", *ALL, "64", "--beta", "8")
    valid = check_certificate(made.certificate, made.machine)
    assert valid.verdict == "refuted"
    assert valid.claim.startswith("Not for every input on which increment halts")
    lies: list[tuple[str, Tamper]] = [
        ("runs[0]", lambda d: d["runs"][0].update(input="11")),
        ("runs", lambda d: d["runs"].append(d["runs"][0])),
        ("runs", lambda d: d["runs"].clear()),
        ("annotation", lambda d: d.update(annotation={})),
        ("statement.claim", lambda d: d["statement"].update(claim=d["statement"]["claim"].replace("Not f", "F"))),
        ("statement.scope", lambda d: scope(d)["writes_per_cell"].update(bound="63", evidence="assumed")),
        ("refutation", lambda d: d.update(verdict="proved", annotation={"contents": {}, "margin": 1}, runs=[])),
    ]
    for number, (field, lie) in enumerate(lies):
        copied = made.copy(tmp_path / str(number))
        document = copied.document
        lie(document)
        copied.write(document)
        with pytest.raises(Rejected) as rejected:
            check_certificate(copied.certificate, copied.machine)
        assert rejected.value.field.startswith(field), str(rejected.value)
