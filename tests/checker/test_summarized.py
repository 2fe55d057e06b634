"""Certificates for all inputs of summarized chains of thought: what SPEC 18 adds, and every kind of lie about it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.check import check_certificate
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import parse_machine
from exactformer.certificates.checker.statement import longest_segment
from exactformer.certificates.checker.universal.annotation import Setting, read_annotation
from exactformer.certificates.checker.universal.contents import Sizes
from exactformer.certificates.checker.universal.grammar import read_content
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.tokens import require_sense
from exactformer.certificates.checker.weights import read_network
from tests.checker.conftest import UNLIMITED, Made, Make
from tests.checker.ghosts import run_segments, segment_from, untrue
from tests.checker.test_universal import (
    ALL,
    Parts,
    Tamper,
    at_entry,
    at_layer,
    bias,
    contents,
    entry,
    entry_of,
    family,
    head,
    layer,
    numbered,
    register,
    scope,
)


@pytest.fixture(scope="session")
def proved(make: Make) -> Made:
    return make("increment", "", "rounded:bf16/bf16", *ALL, "16", "--paradigm", "scot")


@pytest.fixture(scope="session")
def parts(proved: Made) -> Parts:
    machine, weights = parse_machine(proved.machine.read_text()), json.loads(proved.weights.read_bytes())
    found = Parts(machine, proved.document, weights, Judge(UNLIMITED), summarized=True)
    found.check(found.certificate, found.weights)
    return found


def test_a_certificate_for_all_inputs_is_valid(proved: Made) -> None:
    valid = check_certificate(proved.certificate, proved.machine)
    assert valid.verdict == "proved"
    assert "alphabet and whose summarized chain of thought has no segment longer than 16 tokens, the" in valid.claim
    assert valid.claim.endswith("and so generates the summarized chain of thought token for token.")


@pytest.fixture(scope="session")
def limited(make: Make) -> Made:
    options = ("--paradigm", "scot", "--space", "9", "--context", "64", "--assume-writes-per-cell", "20")
    return make("increment", "", "rounded:bf16/bf16", "--all-inputs", "--no-store", *options)


def test_space_and_writes_stand_in_the_claim(limited: Made) -> None:
    valid = check_certificate(limited.certificate, limited.machine)
    assert (valid.verdict, longest_segment(9, 6) <= 64 < longest_segment(10, 6)) == ("proved", True)
    assert valid.claim.startswith(
        "For every input on which increment halts with a word over its input alphabet, whose run stays within 9 cells, "
        "whose summarized chain of thought has no segment longer than 64 tokens and writes no cell more than 20 times "
        "in one segment (assumed; the prompt's cells count as one write), the softmax transformer of these weights, "
    )
    assert valid.assumed[-1] == "no cell is written more than 20 times, in one segment, the prompt included"


def test_a_space_that_the_context_does_not_hold(limited: Made, tmp_path: Path) -> None:
    made = limited.copy(tmp_path / "copy")
    document = made.document
    scope(document).update(space="10")
    document["statement"]["claim"] = document["statement"]["claim"].replace("within 9", "within 10")
    made.write(document)
    with pytest.raises(Rejected) as rejected:
        check_certificate(made.certificate, made.machine)
    assert rejected.value.field == "statement.scope.space"


def test_what_it_says_is_true_of_segments(limited: Made) -> None:
    """Of a run's segments, and of those that begin in configurations that no input need reach."""
    machine, random = parse_machine(limited.machine.read_text()), Random(1)
    network = read_network(json.loads(limited.weights.read_bytes()))
    annotation = read_annotation(limited.document["annotation"], Setting(machine, network, summarized=True))
    segments = [segment.tokens[: segment.read] for segment in run_segments(machine, "11", network.r, "scot")]
    while len(segments) < 10:
        size = random.randint(1, 4)
        state = random.choice([state for state in machine.states if state != machine.halting])
        tape = [random.choice(machine.alphabet) for _ in range(size)]
        made = segment_from(machine, state, [tape], [random.randrange(size)], network.r)
        segments += [made[0]] if made is not None and len(made[0]) < 64 else []
    for segment in segments:
        assert untrue(network, machine, annotation, segment, summarized=True) is None
    for stages in annotation.stages["NEWCELL"]:
        stages["next_cell"] = stages["written_1"]
    assert any(untrue(network, machine, annotation, segment, summarized=True) for segment in segments)


CONTENTS: list[tuple[str, str, Tamper]] = [
    ("a class is missing", "annotation.contents", lambda d: d["annotation"]["contents"].pop("NEWSTATE")),
    ("the end of the prompt at a token of it", "annotation.contents.OLDCELL.layers[1].attention.promptend",
     at_layer("OLDCELL", 2, "attention", "promptend", "enc(e)")),
    ("cap at a token of the prompt", "annotation.contents.ESUMM.layers[2].mlp.length_cap",
     at_layer("ESUMM", 3, "mlp", "length_cap", "(1 if cap = 1 else 0)")),
    ("the summary's position at its first token", "annotation.contents.NEWSUMM.layers[2].attention.summpos",
     at_layer("NEWSUMM", 3, "attention", "summpos", "enc(u)")),
    ("the summary's position elsewhere", "annotation.contents.RUN.layers[2].attention.summpos",
     at_layer("RUN", 3, "attention", "summpos", "enc(u)")),
    ("here at a token that is nowhere", "annotation.contents.NEWSTATE.layers[10].attention.next_head_1",
     at_layer("NEWSTATE", 11, "attention", "next_head_1", "(1 if here_1 = 1 else 0)")),
    ("the head in a cell at a run token", "annotation.contents.RUN.embedding.head_1",
     lambda d: contents(d, "RUN")["embedding"].update(head_1="(1 if h_1 = 1 else 0)")),
    ("a head on no tape", "annotation.contents.OLDCELL.embedding.head_1",
     lambda d: contents(d, "OLDCELL")["embedding"].update(head_1="(1 if h_2 = 1 else 0)")),
    ("halted at a state", "annotation.contents.OLDSTATE.embedding.halted",
     lambda d: contents(d, "OLDSTATE")["embedding"].update(halted="(1 if halted = 1 else 0)")),
    ("an embedding of the other field", "annotation.contents.OLDCELL.embedding.sym_1",
     lambda d: contents(d, "OLDCELL")["embedding"].update(sym_1="(enc(a_1) if h_1 = 1 else enc(a_1)[1..])")),
    ("a cell without its head", "annotation.contents.NEWCELL.embedding.head_1",
     lambda d: contents(d, "NEWCELL")["embedding"].pop("head_1")),
    ("an embedding that knows the summary's age", "annotation.contents.NEWSUMM.embedding.final_summ",
     lambda d: contents(d, "NEWSUMM")["embedding"].update(final_summ="1")),
    ("a prompt's state in its last token", "annotation.contents.ESUMM.embedding.state",
     lambda d: contents(d, "ESUMM")["embedding"].update(state="enc(q)")),
    ("summary 0 and 1 mixed up", "annotation.contents.RUN.layers[0].attention.seen_einp",
     at_layer("RUN", 1, "attention", "seen_einp", "(1 if summary = 1 else 0)")),
    ("an old summary that is taken for a new one", "annotation.contents.OLDSUMM.layers[0].mlp",
     at_layer("OLDSUMM", 1, "mlp", "final_summ", "1")),
    ("a new summary that is no first token, said to be", "annotation.contents.NEWSUMM.layers[0].mlp.is_inp",
     at_layer("NEWSUMM", 1, "mlp", "is_inp", "1")),
    ("the cell of a cell's token", "annotation.contents.OLDCELL.layers[1].mlp.spos_1",
     at_layer("OLDCELL", 2, "mlp", "spos_1", "enc(i)")),
    ("another bit compared", "annotation.contents.RUN.layers[1].mlp.biteq_0",
     at_layer("RUN", 2, "mlp", "biteq_0", "(1 if i[1] = e[0] else 0)")),
    ("equal bits that differ", "annotation.contents.RUN.layers[1].mlp.biteq_0",
     at_layer("RUN", 2, "mlp", "biteq_0", "(0 if i[2] = e[0] else 1)")),
    ("a cap that is exceeded", "annotation.contents.RUN.layers[2].mlp.length_cap",
     at_layer("RUN", 3, "mlp", "length_cap", "(1 if cap = 2 else 0)")),
    ("a cap that is reached too early", "annotation.contents.RUN.layers[2].mlp.length_cap",
     at_layer("RUN", 3, "mlp", "length_cap", "(0 if cap = 0 else 1)")),
    ("a prompt's end that is the cap", "annotation.contents.EINP.layers[2].mlp.length_cap",
     at_layer("EINP", 3, "mlp", "length_cap", "1")),
    ("a cap that is forgotten", "annotation.contents.RUN.layers[3].attention.length_cap",
     at_layer("RUN", 4, "attention", "length_cap", "(1 if cap = 1 else 0)")),
    ("a summary below the cap", "annotation.contents.RUN.layers[3].mlp.write_summ",
     at_layer("RUN", 4, "mlp", "write_summ", "(0 if halted = 1 else 1)")),
    ("a summary when the machine has halted", "annotation.contents.RUN.layers[3].mlp.write_summ",
     at_layer("RUN", 4, "mlp", "write_summ", "(0 if cap = 0 else 1)")),
    ("the head in another cell", "annotation.contents.ESUMM.layers[2].attention.hpos_1",
     at_layer("ESUMM", 3, "attention", "hpos_1", "enc(i)")),
    ("another bit of the summary's position", "annotation.contents.NEWCELL.layers[4].mlp.hpos_1",
     at_layer("NEWCELL", 5, "mlp", "hpos_1", "enc(i - (u mod 2^3))")),
    ("the first cell of a summary", "annotation.contents.NEWSUMM.layers[6].mlp.hpos_1",
     at_layer("NEWSUMM", 7, "mlp", "hpos_1", "enc(i - (i mod 2^3))")),
    ("the head's cell for the summary's", "annotation.contents.NEWCELL.layers[6].mlp.hpos_1",
     at_layer("NEWCELL", 7, "mlp", "hpos_1", "enc(y_1)")),
    ("here where it was written", "annotation.contents.NEWCELL.layers[10].attention.next_head_1",
     at_layer("NEWCELL", 11, "attention", "next_head_1", "(1 if written_1 = 1 else 0)")),
    ("no cell where a head is", "annotation.contents.NEWCELL.layers[11].mlp.next_cell",
     at_layer("NEWCELL", 12, "mlp", "next_cell", "(1 if written_1 = 1 else 0)")),
    ("a cell where nothing is", "annotation.contents.NEWCELL.layers[11].mlp.next_cell",
     at_layer("NEWCELL", 12, "mlp", "next_cell", "1")),
    ("a state where a cell follows", "annotation.contents.NEWCELL.layers[12].mlp.finalstateout",
     at_layer("NEWCELL", 13, "mlp", "finalstateout", "(0 if written_1 = 1 else enc(q))")),
    ("a state that no cell follows, forgotten", "annotation.contents.NEWCELL.layers[12].mlp.finalstateout",
     lambda d: layer(d, "NEWCELL", 13, "mlp").pop("finalstateout")),
    ("a head in the next cell, written or not", "annotation.contents.NEWCELL.layers[14].mlp.nextcellhead_1",
     at_layer("NEWCELL", 15, "mlp", "nextcellhead_1", "enc(here_1)")),
    ("a head in every next cell", "annotation.contents.NEWCELL.layers[14].mlp.nextcellhead_1",
     at_layer("NEWCELL", 15, "mlp", "nextcellhead_1", "(1 if written_1 = 1 else (1 if here_1 = 1 else 0))")),
    ("blanks in the next cell", "annotation.contents.NEWCELL.layers[14].mlp.nextcellsym_1",
     at_layer("NEWCELL", 15, "mlp", "nextcellsym_1",
              "(enc(blank) if written_1 = 1 else (enc(blank) if here_1 = 1 else 0))")),
    ("a step where a summary comes", "annotation.contents.RUN.layers[15].mlp.newstate",
     at_layer("RUN", 16, "mlp", "newstate", "(0 if halted = 1 else (enc(q') if has_entry = 1 else 0))")),
    ("a block where a summary comes", "annotation.contents.RUN.layers[12].mlp.write_pos",
     at_layer("RUN", 13, "mlp", "write_pos", "((1 if tau = 4 else 0) if halted = 0 else 0)")),
    ("a first step that is not taken", "annotation.contents.ESUMM.layers[14].mlp.newstate",
     lambda d: layer(d, "ESUMM", 15, "mlp").pop("newstate")),
    ("a state in the prompt that makes a step", "annotation.contents.OLDSTATE.layers[14].mlp.newstate",
     at_layer("OLDSTATE", 15, "mlp", "newstate", "enc(q)")),
]  # fmt: skip

HEADS: list[tuple[str, str, Tamper]] = [
    ("the first token of the other paradigm", "heads[0].meaning[0].member", at_entry(1, "seen_outp", 0, member="INP")),
    ("only one first token", "heads[2 outpos].meaning[1].selected",
     at_entry(2, "outpos", 1, selected="token INP", member="INP")),
    ("a token of the prompt before it", "heads[1 seen_einp].meaning[0].member",
     at_entry(1, "seen_einp", 0, selected="token EINP", member="EINP")),
    ("summary in one case only", "heads[1 seen_einp].meaning",
     lambda d: head(d, 1, "seen_einp")["meaning"].pop(3)),
    ("summary mixed up", "heads[1 seen_einp].meaning[2].member",
     lambda d: (entry(d, 1, "seen_einp", 2).update(when=["summary = 1"]),
                entry(d, 1, "seen_einp", 3).update(when=["summary = 0"]))),
    ("the end of the other prompt", "heads[1 seen_einp].meaning[2].member",
     at_entry(1, "seen_einp", 2, selected="token ESUMM", member="ESUMM")),
    ("no end of the prompt where there is one", "heads[1 seen_einp].meaning[2].score",
     at_entry(1, "seen_einp", 2, selected="every token", member="INP or OLDSUMM", value="0", score=0)),
    ("either end, for a token of the prompt", "heads[2 promptend].meaning[0].member",
     at_entry(2, "promptend", 0, selected="token EINP or ESUMM", member="EINP or ESUMM")),
    ("either end is another position", "heads[2 promptend].meaning[2].value",
     at_entry(2, "promptend", 2, value="enc(i)")),
    ("the cell of the head, not for a prompt's end", "heads[3 hpos_1].meaning[0].member",
     at_entry(3, "hpos_1", 0, selected="cell of head 1", member="x_1 + 1")),
    ("the cell of no head", "heads[3 hpos_1].meaning[1].selected",
     at_entry(3, "hpos_1", 1, selected="cell of head 2", member="x_2 + 1")),
    ("another member of the head's cell", "heads[3 hpos_1].meaning[1].member",
     at_entry(3, "hpos_1", 1, member="x_1")),
    ("the head's cell has another value", "heads[3 hpos_1].meaning[1].value",
     at_entry(3, "hpos_1", 1, value="enc(max(i - 1, 0))")),
    ("the head's cell for the state", "heads[3 state].meaning[1].score",
     at_entry(3, "state", 1, selected="cell of head 1", member="x_1 + 1")),
    ("the state for the head's cell", "heads[3 hpos_1].separation",
     at_entry(3, "hpos_1", 1, selected="token OLDSTATE", member="OLDSTATE")),
    ("a state for all", "heads[3 state].meaning[0].member",
     at_entry(3, "state", 0, selected="token OLDSTATE", member="OLDSTATE")),
    ("a new summary for all", "heads[3 summpos].meaning[0].member",
     at_entry(3, "summpos", 0, selected="token NEWSUMM", member="NEWSUMM")),
    ("a new summary at the old one", "heads[3 summpos].meaning[2].score",
     at_entry(3, "summpos", 2, selected="token INP or OLDSUMM", member="INP or OLDSUMM")),
    ("no case for cap = 0", "heads[4 length_cap].meaning", lambda d: head(d, 4, "length_cap")["meaning"].pop(1)),
    ("no case for cap = 1", "heads[4 length_cap].meaning", lambda d: head(d, 4, "length_cap")["meaning"].pop(2)),
    ("no case for cap = 2", "heads[4 length_cap].meaning", lambda d: head(d, 4, "length_cap")["meaning"].pop(3)),
    ("two cases for cap = 0", "heads[4 length_cap].meaning", at_entry(4, "length_cap", 2, when=["cap = 0"])),
    ("cap twice", "heads[4 length_cap].meaning[1].when", at_entry(4, "length_cap", 1, when=["cap = 0", "cap = 0"])),
    ("a fourth cap", "heads[4 length_cap].meaning[1].when", at_entry(4, "length_cap", 1, when=["cap = 3"])),
    ("cap at the prompt", "heads[4 length_cap].meaning[0].when", at_entry(4, "length_cap", 0, when=["cap = 0"])),
    ("here at a run token", "heads[4 length_cap].meaning[1].when", at_entry(4, "length_cap", 1, when=["here_1 = 0"])),
    ("the head in i's cell as a condition", "heads[4 length_cap].meaning[0].when",
     at_entry(4, "length_cap", 0, when=["h_1 = 0"])),
    ("4e before it is reached", "heads[4 length_cap].meaning[1].member",
     at_entry(4, "length_cap", 1, selected="position 4e", member="4e")),
    ("4e at itself", "heads[4 length_cap].meaning[2].member",
     at_entry(4, "length_cap", 2, selected="position 4e", member="4e")),
    ("another member than 4e", "heads[4 length_cap].meaning[3].member", at_entry(4, "length_cap", 3, member="e")),
    ("5e", "heads[4 length_cap].meaning[3].selected",
     at_entry(4, "length_cap", 3, selected="position 5e", member="5e")),
    ("nothing behind the cap", "heads[4 length_cap].meaning[3].score",
     at_entry(4, "length_cap", 3, selected="every token", member="INP or OLDSUMM", value="0", score=0)),
    ("another value at 4e", "heads[4 length_cap].meaning[3].value", at_entry(4, "length_cap", 3, value="0")),
    ("caps 1 and 2 mixed up", "heads[4 length_cap].meaning[3].member",
     lambda d: (entry(d, 4, "length_cap", 2).update(when=["cap = 2"]),
                entry(d, 4, "length_cap", 3).update(when=["cap = 1"]))),
    ("the state before the summary", "heads[9 finalstate].meaning[1].value",
     at_entry(9, "finalstate", 1, value="enc(blank)")),
    ("the head before the last step", "heads[9 hposfinal_1].meaning[3].value",
     at_entry(9, "hposfinal_1", 3, value="enc(x_1)")),
    ("a cell of the prompt that is no write", "heads[10 written_1].separation",
     lambda d: entry(d, 10, "written_1", 0)["classes"].append("ESUMM")
     or [e["classes"].remove("ESUMM") for e in head(d, 10, "written_1")["meaning"][1:]]),
    ("fewer ties", "heads[10 written_1].ties", lambda d: head(d, 10, "written_1").update(ties=[["1", "15"]])),
    ("here mixed up", "heads[11 next_head_1].meaning[1].score",
     lambda d: (entry(d, 11, "next_head_1", 1).update(when=["here_1 = 0"]),
                entry(d, 11, "next_head_1", 2).update(when=["here_1 = 1"]))),
    ("here for a state", "heads[11 next_head_1].meaning[1].when",
     lambda d: entry(d, 11, "next_head_1", 1)["classes"].append("NEWSTATE")),
    ("the state of a summary for all", "heads[25].meaning[2].value",
     at_entry(11, "finalstate spread", 2, value="enc(blank)")),
]  # fmt: skip


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in [*CONTENTS, *HEADS]])
def test_a_wrong_annotation(parts: Parts, field: str, lie: Tamper) -> None:
    error = parts.rejected(lambda certificate, _: lie(certificate))
    assert error.field.startswith(numbered(parts, field)), str(error)


WEIGHTS: list[tuple[str, str, Tamper]] = [
    ("a cap one bit off", "annotation.contents",
     entry_of("in_coordinate", 3, "biteq_0", "length_cap", lambda _, v: v + 1)),
    ("a cap with a bit to spare", "annotation.contents", bias(3, "biteq_0", "length_cap", 1)),
    ("a cap that is never reached", "annotation.contents", bias(3, "biteq_0", "length_cap", -1)),
    ("a summary of a halted machine", "annotation.contents.RUN.layers[3].mlp.write_summ",
     bias(4, "length_cap", "write_summ", 1)),
    ("a summary that is never written", "annotation.contents.RUN.layers[3].mlp.write_summ",
     bias(4, "length_cap", "write_summ", -1)),
    ("old and new summaries mixed up", "annotation.contents", bias(1, "is_summ", "final_summ", 1)),
    ("no next cell where a head is", "annotation.contents", bias(12, "next_head_1", "next_cell", -1)),
    ("a next cell twice", "annotation.contents",
     entry_of("out_weight", 12, "next_head_1", "next_cell", lambda _, v: 2 * v)),
    ("another embedding of a symbol", "annotation.contents.OLDCELL.embedding.sym_1",
     lambda w: family(w, "CELL")["fields"][0]["embedding"].reverse()),
    ("another embedding of a head", "annotation.contents.OLDCELL.embedding.head_1",
     lambda w: family(w, "CELL")["fields"][1]["embedding"].reverse()),
    ("another embedding of a state", "annotation.contents.OLDSTATE.embedding.state",
     lambda w: family(w, "STATE")["fields"][0]["embedding"].reverse()),
    ("a summary that is never best", "annotation.margin", lambda w: family(w, "SUMM").update(unembedding=[])),
    ("a summary that never ends", "annotation.margin", lambda w: family(w, "ESUMM").update(unembedding=[])),
    ("another state's unembedding", "annotation.margin",
     lambda w: family(w, "STATE")["fields"][0]["unembedding"].reverse()),
    ("another symbol's unembedding", "annotation.margin",
     lambda w: family(w, "CELL")["fields"][0]["unembedding"].reverse()),
    ("another head's unembedding", "annotation.margin",
     lambda w: family(w, "CELL")["fields"][1]["unembedding"].reverse()),
    ("a cell that is always better", "annotation.margin",
     lambda w: family(w, "CELL").update(unembedding=[[register(w, "const"), 9]])),
    ("a summary read off what is not known", "annotation.contents.EINP.layers[17].mlp.ptr",
     lambda w: family(w, "SUMM")["unembedding"].append([register(w, "ptr"), 1])),
]  # fmt: skip


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in WEIGHTS])
def test_wrong_weights(parts: Parts, field: str, lie: Tamper) -> None:
    error = parts.rejected(lambda _, weights: lie(weights))
    assert error.field.startswith(field), str(error)


DOCUMENTS: list[tuple[str, str, Tamper]] = [
    ("the claim of the other paradigm", "statement.claim",
     lambda d: d["statement"].update(claim=d["statement"]["claim"].replace("summarized ", ""))),
    ("a space that the context does not hold", "statement.scope.space", lambda d: scope(d).update(space="2")),
    ("no space at all", "statement.scope.space", lambda d: scope(d).update(space="0")),
    ("a space that is a number", "statement.scope.space", lambda d: scope(d).update(space=1)),
    ("space left out", "statement.scope", lambda d: scope(d).pop("space")),
    ("a bound by hearsay", "statement.scope.writes_per_cell",
     lambda d: scope(d)["writes_per_cell"].update(bound="4", evidence="proved")),
    ("a bound that is assumed in silence", "statement.claim",
     lambda d: fewer(d, "assumed")),
    ("the other paradigm", "statement.scope", lambda d: d["statement"].update(paradigm="cot")),
]  # fmt: skip


def fewer(document: Any, evidence: str) -> None:
    """15 writes instead of 16, wherever it matters."""
    scope(document)["writes_per_cell"] = {"bound": "15", "evidence": evidence}
    for item in document["heads"]:
        item["ties"] = [["1", "15"]] if item["ties"] == [["1", "16"]] else item["ties"]
    for case in document["softmax"]["cases"]:
        if case["ties"] == [["1", "16"]]:
            case.update(ties=[["1", "15"]], up_to="15")


@pytest.mark.parametrize(("field", "lie"), [pytest.param(*case[1:], id=case[0]) for case in DOCUMENTS])
def test_a_wrong_statement(
    proved: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, lie: Tamper
) -> None:
    """All else is as in the valid certificate, and so need not be proved here again."""
    monkeypatch.setattr(Judge, "require", lambda *_arguments: None)
    made = proved.copy(tmp_path / "copy")
    document = made.document
    lie(document)
    made.write(document)
    with pytest.raises(Rejected) as rejected:
        check_certificate(made.certificate, made.machine)
    assert rejected.value.field.startswith(field), str(rejected.value)


PLAIN_HAS_NOT = [
    "enc(e)", "enc(u)", "enc(i - (i mod 2^1))", "enc(i - (u mod 2^1))", "(enc(i) if summary = 1 else 0)",
    "(enc(i) if cap = 1 else 0)", "(enc(i) if i[1] = i[2] else 0)", "(enc(i) if here_1 = 1 else 0)",
    "(enc(i) if h_1 = 1 else 0)", "(0 if enc(i) = 0 else 0)", "(0 if i[1] = o[2] else 0)", "(0 if cap = 3 else 0)",
]  # fmt: skip


@pytest.mark.parametrize("text", PLAIN_HAS_NOT)
def test_plain_chains_of_thought_have_no_such_contents(text: str) -> None:
    with pytest.raises(Rejected):
        require_sense("at", read_content("at", text, Sizes(4, 1, 2, 2)), "RUN", 4, Sizes(4, 1, 2, 2))


PLAIN_SELECTS_NOT = ["token INP or OLDSUMM", "token EINP or ESUMM", "token EINP", "position 4e", "cell of head 1"]


@pytest.mark.parametrize("selected", PLAIN_SELECTS_NOT)
def test_plain_chains_of_thought_select_no_such_tokens(make: Make, selected: str) -> None:
    made = make("increment", "", "rounded:bf16/bf16", *ALL, "16")
    parts = Parts(
        parse_machine(made.machine.read_text()),
        made.document,
        json.loads(made.weights.read_bytes()),
        Judge(UNLIMITED),
    )
    member = selected.removeprefix("token ").removeprefix("position ").replace("cell of head 1", "x_1 + 1")
    error = parts.rejected(
        lambda certificate, _: at_entry(1, "seen_outp", 0, selected=selected, member=member)(certificate)
    )
    assert error.field.startswith("heads[0].meaning[0]."), str(error)


def test_refuted_by_one_input_within_its_space(make: Make, tmp_path: Path) -> None:
    made = make("increment", "", "fused:bf16", *ALL, "64", "--paradigm", "scot", "--beta", "8")
    valid = check_certificate(made.certificate, made.machine)
    assert valid.verdict == "refuted"
    assert "summarized chain of thought" in valid.claim
    copied = made.copy(tmp_path / "copy")
    document = copied.document
    cells = document["runs"][0]["cells"]
    assert cells > 1
    scope(document).update(space=str(cells - 1))
    copied.write(document)
    with pytest.raises(Rejected) as rejected:
        check_certificate(copied.certificate, copied.machine)
    assert rejected.value.field == "runs[0].cells"
