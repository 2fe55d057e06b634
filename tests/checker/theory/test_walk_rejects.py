"""The kernel on the real network of n-gram look-up, after one change: of the annotation, the theory, or a weight.

What it accepts all the same is right: an independent evaluation of all sequences says so.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory import annotation as annotation_module
from exactformer.certificates.checker.theory import ghosts
from exactformer.certificates.checker.theory import walk as walk_module
from exactformer.certificates.checker.theory.template import Value
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import prove
from exactformer.certificates.weights import weights_document
from exactformer.constructions.ngram.theory import ngram
from tests.checker.theory import small
from tests.checker.theory.evaluator import NONE, Evaluator, Promise, faults, next_token
from tests.checker.theory.weight_changes import WeightChange, weight_changes

LONGEST = 2**small.R


def promises(walked: Walked) -> list[list[Promise]]:
    return [[Promise(head.separation, head.ties != 1) for head in layer] for layer in walked.heads]


def wrong(document: Any, walked: Walked, length: int = LONGEST) -> list[str]:
    """What the evaluation of all sequences finds that the kernel has not promised."""
    margin = walked.margin
    assert margin is not None
    return list(faults(document, small.LETTERS, small.N, length, promises(walked), margin))


def test_the_real_network_keeps_what_is_proved_of_it() -> None:
    assert wrong(small.weights(), small.walked()) == []


def test_no_more_could_be_proved() -> None:
    """Each separation, tie and margin is reached by some sequence, so that the evaluation would notice a larger one."""
    found, document = small.walked(), small.weights()
    assert found.margin == 1
    assert any("is above others by 1" in fault for fault in faults(document, "ab", 1, 5, promises(found), 2))
    for number, layer in enumerate(found.heads):
        for place, head in enumerate(layer):
            for better in (Promise((head.separation or 0) + 1, head.ties != 1), Promise(head.separation, False)):
                told = promises(found)
                told[number][place] = better
                noticed = any(faults(document, "ab", 1, LONGEST, told, 1))
                assert noticed == (better != Promise(head.separation, head.ties != 1)), (number, place, better)


SIZES: list[tuple[str, str, int, int, int]] = [
    ("one letter", "a", 1, 2, 4),
    ("three letters", "abc", 1, 3, 6),
    ("three letters, two symbols", "abc", 2, 3, 6),
    ("two letters, three symbols", "ab", 3, 3, 8),
    ("five letters", "abcde", 1, 2, 4),
]


@pytest.mark.parametrize(("letters", "n", "r", "length"), [pytest.param(*case[1:], id=case[0]) for case in SIZES])
def test_networks_of_other_sizes_keep_what_is_proved_of_them(letters: str, n: int, r: int, length: int) -> None:
    network, theory = ngram(letters, n, context=2**r)
    walked = prove(network, theory)
    assert walked.margin is not None
    document = json.loads(json.dumps(weights_document(network)))
    assert list(faults(document, letters, n, length, promises(walked), walked.margin)) == []


LOOK_UPS: list[tuple[str, str, int, str]] = [
    ("nothing", "", 1, "NONE"),
    ("one symbol", "a", 1, "NONE"),
    ("a pair", "aa", 1, "a"),
    ("the last time, not the first", "abaca", 1, "c"),
    ("it may be the symbol itself", "baa", 1, "a"),
    ("two symbols, that overlap", "aaa", 2, "a"),
    ("two symbols", "abcab", 2, "c"),
    ("too few symbols", "a", 2, "NONE"),
    ("never before", "abcbd", 1, "NONE"),
]


@pytest.mark.parametrize(("symbols", "n", "comes"), [pytest.param(*case[1:], id=case[0]) for case in LOOK_UPS])
def test_what_has_to_come_next(symbols: str, n: int, comes: str) -> None:
    assert next_token(symbols, n) == (NONE if comes == "NONE" else ("SYM", (comes,)))


def test_the_evaluator_averages_over_the_best() -> None:
    """A head without a difference of scores averages: halves, thirds."""
    document = small.weights()
    head = document["layers"][1]["heads"][0]
    head["query"] = head["key"] = [3]
    nodes = Evaluator(document).run([("START", ()), ("SYM", ("a",)), ("SYM", ("b",))])
    at = head["out"][0]
    assert [node.stream[3][at] * 6 for node in nodes] == [0, -3, 0]
    assert nodes[2].heads[1][0].separation is None
    assert len(nodes[2].heads[1][0].values) == 3


Told = Any
"""The annotation: layers of heads of cases. Layer 1 looks up the symbol before; layer 2 whether the symbol was there
before, and the highest bit of where; layers 3 and 4 the other bits; layer 5 reads what comes there."""


def case(layer: int, place: int, head: int = 0) -> Callable[[Told], Any]:
    return lambda told: told[layer][head][place]


def put(which: Callable[[Told], Any], **members: Any) -> Callable[[Told], None]:
    return lambda told: which(told).update(members)


def more(layer: int, *, of: int = 0, head: int = 0, **members: Any) -> Callable[[Told], None]:
    """One more case, like another but for these members."""

    def add(told: Told) -> None:
        told[layer][head].append(deepcopy(told[layer][head][of]) | members)

    return add


def drop(layer: int, place: int, head: int = 0) -> Callable[[Told], None]:
    return lambda told: told[layer][head].pop(place)


def select(which: Callable[[Told], Any], **formulas: str) -> Callable[[Told], None]:
    return lambda told: which(told)["selects"].update(formulas)


def unselect(which: Callable[[Told], Any], name: str) -> Callable[[Told], None]:
    return lambda told: which(told)["selects"].pop(name)


LOOK, FOUND, NOT_FOUND, FOUND_AT_START = case(1, 0), case(2, 0), case(2, 1), case(2, 2)
HIGHEST, READ, NOT_READ = case(2, 0, head=1), case(5, 0), case(5, 1)

WRONG_CASES: list[tuple[str, Callable[[Told], object], str]] = [
    ("a member one too far", put(LOOK, member="pos - 2"), "the member, for class sym, may be a token of class"),
    ("a member by a difference that ends at 0", put(LOOK, member="pos - 2 + 1"), "the member, for class sym, may be"),
    ("a member one too near", put(LOOK, member="pos"), "the member, for class sym, may be a token of class sym"),
    ("a member behind the token", put(LOOK, member="pos + 1"), "is not always at or before a token of class sym"),
    ("a member at a place that may come later", put(LOOK, member="1 + 1"), "is not always at or before"),
    ("a member at the last place", put(LOOK, member="7"), "is not always at or before"),
    ("a member beyond all places", put(LOOK, member="8"), "is not always at or before"),
    ("a member far before", put(LOOK, member="pos - 99999999999"), "the member, for class sym, may be"),
    ("a member at the start", put(LOOK, member="0"), "the member, for class sym, may be"),
    ("a member where nothing is known", put(NOT_FOUND, member="w"), "is not always at or before"),
    ("a member before the one that is found", put(FOUND, member="w - 1"), "the member, for class sym, may be"),
    ("a member that is any of those found", put(READ, member="w - 1"), "the member, for class sym, may be"),
    ("a member that is a flag", put(LOOK, member="found"), "found is not of kind position"),
    ("a member that is an element", put(LOOK, member="p_0"), "p_0 is not of kind position"),
    ("a member that is a name", put(LOOK, member="'a'"), "not an element of position"),
    ("a member of j", put(LOOK, member="j.pos"), "there is no token j here"),
    ("a member that the class does not know", put(FOUND_AT_START, member="w"), "class start has no ghost"),
    ("a value of another symbol", put(LOOK, value="sign(p_0)"), "is not what a selected token of class"),
    ("a value also where there is none", put(LOOK, value="sign(p_1)"), "is not what a selected token of class start"),
    (
        "a value too seldom",
        put(LOOK, value="(sign(p_1) if pos > 2 else 0)"),
        "is not what a selected token of class sym",
    ),
    ("a value that is 0", put(LOOK, value="0"), "is not what a selected token of class sym"),
    ("a value that is a sign", put(LOOK, value="1"), "is not what a selected token of class"),
    ("a value that is upper bits", put(LOOK, value="(upper(p_1, 1) if pos > 1 else 0)"), "coordinate 0 is not what"),
    ("a value in another code", put(LOOK, value="(onehot(p_1) if pos > 1 else 0)"), "coordinate"),
    ("a value that is too wide", put(LOOK, value="sign(pos)"), "a code of 3 bits does not fit 2 coordinates"),
    ("a value of j", put(LOOK, value="sign(j.p_0)"), "there is no token j here"),
    (
        "a value that is something at the start",
        put(FOUND_AT_START, value="1"),
        "is not what a selected token of class start",
    ),
    ("a value of what is found that is 0", put(FOUND, value="0"), "is not what a selected token of class sym"),
    ("a value of what is not found", put(NOT_FOUND, value="1"), "is not what a selected token of class start"),
    ("a value of the symbol here", put(READ, value="sign(p_0)"), "is not what a selected token of class sym"),
    ("a value that is any, where it is needed", put(LOOK, value="any"), "selected tokens have the scores"),
    (
        "a value that is any or 0",
        put(LOOK, value="(any if pos > 1 else 0)"),
        "is not what a selected token of class sym",
    ),
    ("a value that is any, of several", put(FOUND, value="any"), "is not known, where several tokens may be selected"),
    ("all are selected", select(LOOK, sym="true"), "is not what a selected token of class sym has"),
    (
        "those next to it are selected",
        select(LOOK, sym="j.pos >= pos - 1"),
        "is not what a selected token of class sym has",
    ),
    ("the start is always selected", select(LOOK, start="true"), "is not what a selected token of class start has"),
    ("the start is selected as well", select(FOUND, start="true"), "is not what a selected token of class start has"),
    ("symbols that were not there are selected", select(FOUND, sym="true"), "selected tokens have the scores"),
    ("one more is selected", select(FOUND, sym="j.p_1 = p_0 and j.pos >= 2 or j.pos = pos"), "have the scores"),
    ("none is selected", put(LOOK, selects={}), "that is not selected"),
    ("none of the symbols is selected", unselect(LOOK, "sym"), "may be a token of class sym that is not selected"),
    ("the start is never selected", unselect(LOOK, "start"), "may be a token of class start that is not selected"),
    ("one is selected seldom", select(LOOK, sym="j.pos = pos - 1 and j.found"), "sym that is not selected"),
    ("the last is selected alone", select(FOUND, sym="j.pos = w"), "a token that is not selected may score 2"),
    (
        "one that is found is not selected",
        select(FOUND, sym="j.p_1 = p_0 and j.pos >= 2 and j.pos != 3"),
        "that is not sel",
    ),
    ("places are forgotten", select(READ, sym="true"), "is not what a selected token of class sym has"),
    ("a bit is forgotten", select(HIGHEST, sym="j.p_1 = p_0 and j.pos >= 2"), "selected tokens have the scores"),
    ("the wrong bit", put(HIGHEST, when="found and bit(w, 1)"), "selected tokens have the scores "),
    (
        "the wrong symbol",
        select(FOUND, sym="j.p_0 = p_0 and j.pos >= 2"),
        "the member, for class sym, may be a token of class",
    ),
    ("a selection that is no formula", select(LOOK, sym="j.pos ="), "nothing where a number must be"),
    ("a selection by a flag of no one", select(LOOK, sym="j.flag"), "class sym has no ghost"),
    ("a selection of the start by a symbol", select(LOOK, start="j.p_0 = p_0"), "class start has no ghost"),
    ("a selection of an unknown class", select(LOOK, end="true"), '"end" is not a class of the theory'),
    ("no case for the start", drop(1, 1), "has no case for some tokens of class start"),
    ("no case for symbols", drop(1, 0), "has no case for some tokens of class sym"),
    ("no case where nothing is found", drop(2, 1), "has no case for some tokens of class sym"),
    ("no case at all", lambda told: told[1][0].clear(), "has no case for some tokens of class"),
    ("a case of fewer tokens", put(LOOK, when="pos != 5"), "has no case for some tokens of class sym"),
    ("a case of another class", put(LOOK, classes=["start"]), "class start"),
    ("a case of no class", put(LOOK, classes=[]), "has no case for some tokens of class sym"),
    ("a case of both classes", put(LOOK, classes=["sym", "start"]), "class start has no ghost"),
    ("a case of an unknown class", put(LOOK, classes=["end"]), '"end" is not a class of the theory'),
    ("a case twice", more(1), "that has another case as well"),
    ("cases that overlap", put(NOT_FOUND, when="true"), "that has another case as well"),
    ("cases that overlap at one place", put(NOT_FOUND, when="not found or pos = 7"), "that has another case as well"),
    ("a class twice in a case", put(LOOK, classes=["sym", "sym"]), "names a class twice"),
    ("a case that cannot be", more(1, when="pos = 0"), "cannot be the case of any token"),
    ("a case that never is", more(1, when="false"), "cannot be the case of any token"),
    ("a case that the facts exclude", more(2, when="found and w > pos"), "cannot be the case of any token"),
    ("a case by j", put(LOOK, when="j.found"), "there is no token j here"),
    ("a case by an unknown ghost", put(LOOK, when="start"), "class sym has no ghost"),
    ("a case that is no formula", put(LOOK, when="pos"), "pos is not a flag"),
    ("a layer too few", lambda told: told.pop(), "is about 5 layers; the network has 6"),
    ("a layer too many", lambda told: told.append([]), "is about 7 layers; the network has 6"),
    ("a head too few", lambda told: told[2].pop(), "is about 1 heads; the layer has 2"),
    ("a head too many", lambda told: told[0].append([]), "is about 1 heads; the layer has 0"),
    ("heads in another order", lambda told: told[2].reverse(), "a token that is not selected may score 2, one that"),
    ("layers in another order", lambda told: told.insert(3, told.pop(4)), "selected tokens have the scores "),
    ("no member", lambda told: LOOK(told).pop("member"), 'has no field "member"'),
    ("a member too many", put(LOOK, score="2"), 'has the unknown field "score"'),
    ("a condition that is no text", put(LOOK, when=True), "where a string must be"),
    ("a member that is a number", put(LOOK, member=0), "where a string must be"),
    ("a value that is a number", put(LOOK, value=0), "where a string must be"),
    ("classes that are a text", put(LOOK, classes="sym"), "where a list must be"),
    ("a class that is a list", put(LOOK, classes=[["sym"]]), "is not a class of the theory"),
    ("a selection that is a list", put(LOOK, selects=["sym"]), "where an object must be"),
    ("a selection by truth", put(LOOK, selects={"sym": True}), "where a string must be"),
    ("a case that is a text", lambda told: told[1][0].append("sym"), "where an object must be"),
    ("cases that are an object", lambda told: told[1].__setitem__(0, {}), "where a list must be"),
]


@pytest.mark.parametrize(("change", "reason"), [pytest.param(*one[1:], id=one[0]) for one in WRONG_CASES])
def test_wrong_annotations(change: Callable[[Told], object], reason: str) -> None:
    told = small.annotation()
    change(told)
    if reason == "accepted":
        assert small.walked(told=told) == small.walked()
        return
    with pytest.raises(Rejected, match=reason) as rejected:
        small.walked(told=told)
    assert rejected.value.field.startswith("annotation")


OTHER_CASES: list[tuple[str, Callable[[Told], object]]] = [
    ("a case in two parts", lambda told: (put(LOOK, when="pos < 4")(told), more(1, when="pos >= 4")(told))),
    ("cases in another order", lambda told: told[2][0].reverse()),
    ("a selection of a class that is never before", select(case(1, 1), sym="true")),
    ("a selection that says more than is needed", select(FOUND, start="false")),
    ("a value by another condition", put(LOOK, value="(0 if pos <= 1 else sign(p_1))")),
]


@pytest.mark.parametrize("change", [pytest.param(one[1], id=one[0]) for one in OTHER_CASES])
def test_annotations_in_other_words(change: Callable[[Told], object]) -> None:
    told = small.annotation()
    change(told)
    found, before = small.walked(told=told), small.walked()
    assert found.margin == before.margin
    assert wrong(small.weights(), found, 6) == []


def test_a_value_that_is_any_is_enough_where_nothing_needs_it() -> None:
    """Of the first two layers alone: what is selected is one token, whatever it has."""
    network, told = small.weights(), small.annotation()[:2]
    network["layers"] = network["layers"][:2]
    theory = "\n".join(line for line in small.text().split("\n") if not line.startswith("output"))
    known = small.walked(network=network, told=told, theory=theory)
    put(LOOK, value="any")(told)
    assert small.walked(network=network, told=told, theory=theory).heads == known.heads
    assert known.margin is None
    head = network["layers"][1]["heads"][0]
    head["query"] = head["key"] = [3]
    select(LOOK, sym="true", start="true")(told)
    with pytest.raises(Rejected, match="is not known, where several tokens may be selected"):
        small.walked(network=network, told=told, theory=theory)


def hold(layer: int, register: str, content: str, *classes: str) -> Any:
    """What is said of registers: one thing, behind one layer, of symbols if nothing else is named."""
    said: list[Any] = [[] for _ in small.weights()["layers"]]
    said[layer].append({"classes": list(classes or ("sym",)), "register": register, "content": content})
    return said


HOLDS: list[tuple[str, Any]] = [
    ("the position before", hold(0, "ptr", "sign(pos - 1)")),
    ("a constant", hold(0, "const", "1")),
    ("the position", hold(3, "pos", "sign(pos)", "sym", "start")),
    ("the symbol before, where there is one", hold(1, "prev_1", "(sign(p_1) if pos > 1 else 0)")),
    ("whether it was found", hold(2, "found", "(1 if found else 0)")),
    ("what is read", hold(5, "read", "(sign(g) if found else 0)")),
    ("what is read, in more words", hold(5, "read", "(0 if not found else (sign(g) if w > 1 else -1))")),
    ("nothing at the start", hold(5, "read", "0", "start")),
    ("of no class", [[{"classes": [], "register": "ptr", "content": "1"}], [], [], [], [], []]),
]


@pytest.mark.parametrize("holds", [pytest.param(one[1], id=one[0]) for one in HOLDS])
def test_simpler_words_for_registers(holds: Any) -> None:
    found, before = small.walked(holds=holds), small.walked()
    assert (found.heads, found.margin) == (before.heads, before.margin)


WRONG_HOLDS: list[tuple[str, Any, str]] = [
    ("the position behind", hold(0, "wpos", "sign(pos - 1)"), "does not hold for class sym"),
    ("the position before, at the start", hold(0, "ptr", "sign(7)", "start"), "does not hold for class start"),
    ("another constant", hold(0, "const", "-1"), "does not hold for class sym"),
    ("one of two classes", hold(0, "is_sym", "1", "sym", "start"), "does not hold for class start"),
    ("the symbol before, also where there is none", hold(1, "prev_1", "sign(p_1)"), "does not hold for class sym"),
    ("the symbol before, before it is looked up", hold(0, "prev_1", "(sign(p_1) if pos > 1 else 0)"), "does not hold"),
    ("whether it was found, in another code", hold(2, "found", "(1 if found else -1)"), "does not hold for class sym"),
    ("whether it was found, at one place not", hold(2, "found", "(1 if found and w != 4 else 0)"), "does not hold"),
    ("what is not read", hold(5, "read", "sign(g)"), "does not hold for class sym"),
    ("upper bits", hold(3, "pos", "upper(pos, 1)"), "does not hold for class sym"),
    ("anything", hold(0, "ptr", "any"), "does not hold for class sym"),
    ("a code that is too wide", hold(0, "ptr", "sign(pos + 1)"), "a code of 4 bits does not fit 3 coordinates"),
    ("of j", hold(0, "ptr", "sign(j.pos)"), "there is no token j here"),
    ("of a ghost that the class does not have", hold(0, "sym", "sign(p_0)", "start"), "class start has no ghost"),
    ("no content", hold(0, "ptr", "pos"), "where"),
    ("no register", hold(0, "pointer", "0"), "is not a register of the network"),
    ("no class", hold(0, "ptr", "0", "end"), "is not a class of the theory"),
    ("a layer too few", hold(0, "const", "1")[:-1], "is about 5 layers; the network has 6"),
    ("a layer too many", [*hold(0, "const", "1"), []], "is about 7 layers; the network has 6"),
    ("a layer that is an object", [{}, [], [], [], [], []], "where a list must be"),
    (
        "a register that is a list",
        [[{"classes": [], "register": ["ptr"], "content": "1"}], [], [], [], [], []],
        "register",
    ),
    (
        "a member too many",
        [[{"classes": [], "register": "ptr", "content": "1", "x": 1}], [], [], [], [], []],
        "unknown",
    ),
    ("a text", [["ptr"], [], [], [], [], []], "where an object must be"),
]


@pytest.mark.parametrize(("holds", "reason"), [pytest.param(*one[1:], id=one[0]) for one in WRONG_HOLDS])
def test_wrong_words_for_registers(holds: Any, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as rejected:
        small.walked(holds=holds)
    assert rejected.value.field.startswith("holds")


def test_too_many_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation_module, "MOST_CASES", 2)
    with pytest.raises(TooLarge, match="3 cases; this checker goes through 2 of a head"):
        small.walked()


def test_a_distance_is_a_small_difference() -> None:
    """Followers are followed one by one, and so only for as many tokens as the limit says."""
    told = small.annotation()
    put(LOOK, member=f"pos - {ghosts.FURTHEST + 1}")(told)
    with pytest.raises(Rejected):
        small.walked(told=told)


FACTS = [
    line for line in small.text().split("\n") if line.startswith(("fact", "pair", "before", "for k in 1..n: before"))
]


@pytest.mark.parametrize("line", FACTS)
def test_every_fact_is_needed(line: str) -> None:
    """Without one of the five facts the kernel does not follow the network."""
    assert len(FACTS) == 5
    with pytest.raises(Rejected, match="annotation"):
        small.walked(theory=small.text().replace(line + "\n", ""))


Texts = Sequence[tuple[str, str]]
"""What is replaced, by what."""

WRONG_TEXTS: list[tuple[str, Texts, str]] = [
    (
        "the symbol itself comes next",
        [("output sym if found: SYM symbol=g", "output sym if found: SYM symbol=p_0")],
        "logit",
    ),
    (
        "the symbol before comes next",
        [("output sym if found: SYM symbol=g", "output sym if found: SYM symbol=p_1")],
        "logit",
    ),
    ("always the same symbol comes next", [("found: SYM symbol=g", "found: SYM symbol='a'")], "another token's logit"),
    (
        "nothing comes next",
        [("output sym if found: SYM symbol=g", "output sym if found: NONE")],
        "another token's logit",
    ),
    ("something comes where nothing was found", [("if not found: NONE", "if not found: SYM symbol=g")], "logit"),
    ("the start comes next", [("if not found: NONE", "if not found: START")], "another token's logit"),
    (
        "outputs exchanged",
        [("if found:", "if it:"), ("if not found:", "if found:"), ("if it:", "if not found:")],
        "logit",
    ),
    ("no output where nothing was found", [("output sym if not found: NONE\n", "")], "does not name a token for every"),
    ("an output of fewer tokens", [("if not found: NONE", "if not found and pos != 5: NONE")], "for every case"),
    ("two outputs", [("if not found: NONE", "if not found or pos = 7: NONE")], "names two tokens for one case"),
    ("the same output twice", [("output sym if not found: NONE", 2 * "output sym if not found: NONE\n")], "two tokens"),
    (
        "an output that cannot be",
        [("not found: NONE", "not found: NONE\noutput sym if pos = 0: NONE")],
        "names a token for what cannot be",
    ),
    (
        "an output of the start",
        [("not found: NONE", "not found: NONE\noutput start: SYM symbol='a'")],
        "another token's logit",
    ),
    ("an output of no family", [("not found: NONE", "not found: END")], 'the network has no family of tokens "END"'),
    ("an output without its field", [("SYM symbol=g", "SYM")], "names the fields .* of SYM, which has"),
    (
        "an output with a field too many",
        [("not found: NONE", "not found: NONE symbol=g")],
        "names the fields .* of NONE, which has",
    ),
    ("an output with another field", [("SYM symbol=g", "SYM letter=g")], "names the fields .* of SYM, which has"),
    (
        "an output of a flag",
        [("SYM symbol=g", "SYM symbol=found")],
        "the elements of flag are not the values of symbol",
    ),
    ("an output of a position", [("SYM symbol=g", "SYM symbol=w")], "the elements of position are not the values"),
    ("an output of another bit", [("SYM symbol=g", "SYM symbol=bit(w,0)")], "another token's logit"),
    ("an output of a bit of a flag", [("SYM symbol=g", "SYM symbol=bit(found,0)")], "found is not of kind position"),
    ("an output of a number", [("SYM symbol=g", "SYM symbol=0")], "field symbol has no such value"),
    ("an output of no value", [("SYM symbol=g", "SYM symbol='z'")], "field symbol has no such value"),
    ("an output of an unknown ghost", [("SYM symbol=g", "SYM symbol=h")], "class sym has no ghost"),
    ("an output by j", [("sym if not found:", "sym if not j.found:")], "there is no token j here"),
    (
        "a class of another token",
        [("first: START", "first: NONE")],
        "a token that is not selected may score 0, one that",
    ),
    (
        "a class of the other class's token",
        [("class sym: SYM symbol=p_0", "class sym: START")],
        "coordinate 0 is not what a selected token of class",
    ),
    (
        "a class of one symbol",
        [("class sym: SYM symbol=p_0", "class sym: SYM symbol='a'")],
        "coordinate 0 is not what a selected token of class",
    ),
    ("a class of no token", [("first: START", "first: BEGIN")], 'the network has no family of tokens "BEGIN"'),
    (
        "a class of a symbol that is not its own",
        [("SYM symbol=p_0", "SYM symbol=p_1")],
        "coordinate 0 is not what a selected token of class",
    ),
    ("a class of an unknown ghost", [("SYM symbol=p_0", "SYM symbol=p")], "class sym has no ghost"),
    ("a ghost less", [("ghost sym: w position\n", "")], 'class sym has no ghost "w"'),
    (
        "a place one too far",
        [("j.pos = w =>", "j.pos = w + 1 =>")],
        "the member, for class sym, may be a token of class",
    ),
    ("a place one too near", [("found and j.pos <= w", "found and j.pos < w")], "cannot be the case of any token"),
    (
        "the first place",
        [("found and j.pos <= w", "found and w <= j.pos")],
        "a token that is not selected may score 3, one that",
    ),
    (
        "another symbol before",
        [("{k} sym sym: p_{k} = j.p_0", "{k+1} sym sym: p_{k} = j.p_0")],
        "coordinate 0 is not what a selected token of class",
    ),
    (
        "the symbol before, of the token itself",
        [("sym sym: p_{k} = j.p_0", "sym sym: p_{k} = p_0")],
        "coordinate 0 is not what a selected token of class",
    ),
    (
        "another symbol at the place",
        [("and j.p_0 = g", "and j.p_1 = g")],
        "coordinate 0 is not what a selected token of class",
    ),
    ("no symbol at the place", [(" and j.p_0 = g", "")], "coordinate 0 is not what a selected token of class sym"),
    (
        "a place that may be anywhere",
        [("j.pos >= {n+1} and all[k in 1..n: j.p_{k} = p_{k-1}] and j.p_0", "j.p_0")],
        "the member, for class sym, may be a token of class",
    ),
    (
        "found at any time",
        [("=> found and j.pos <= w", "=> j.pos <= w")],
        "a token that is not selected may score 2, one that",
    ),
    (
        "no sooner than found",
        [("=> found and j.pos <= w", "=> found")],
        "a token that is not selected may score 3, one that",
    ),
    (
        "found without a place",
        [("found => pos >= {n} and w >= {n+1}", "found => pos >= {n}")],
        "the member, for class sym, may be a token of class",
    ),
    (
        "a fact that is not so, of no sequence",
        [("fact sym: found => w <= pos", "fact sym: w > pos and found")],
        "is not always at or before a token of class sym",
    ),
]


@pytest.mark.parametrize(("texts", "reason"), [pytest.param(*one[1:], id=one[0]) for one in WRONG_TEXTS])
def test_wrong_theories(texts: Texts, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the network does; for most of them, no sequence that is given is one of theirs, either."""
    theory = small.text()
    for old, new in texts:
        assert old in theory
        theory = theory.replace(old, new)
    with pytest.raises(Rejected):
        small.walked(theory=theory)
    monkeypatch.setattr(walk_module, "check_witnesses", lambda *_: frozenset())
    with pytest.raises(Rejected, match=reason):
        small.walked(theory=theory)


def test_a_theory_of_nothing_has_no_witness() -> None:
    theory = small.text().replace("fact sym: found => w <= pos", "fact sym: false")
    with pytest.raises(Rejected, match=r"witnesses\[0\]\[1\]: is not a token of class sym"):
        small.walked(theory=theory)


OTHER_TEXTS: list[tuple[str, Texts]] = [
    ("an output of the start, which is right", [("not found: NONE", "not found: NONE\noutput start: NONE")]),
    (
        "outputs in another order",
        [
            ("output sym if found: SYM symbol=g\n", ""),
            ("not found: NONE", "not found: NONE\noutput sym if found: SYM symbol=g"),
        ],
    ),
    (
        "that a place has n symbols before, from the second fact",
        [("fact sym: found => pos >= {n} and w >= {n+1}", "fact sym: found => w >= {n+1}")],
    ),
    ("fewer sequences", [("output sym if found", "before 1 sym sym: p_0 != j.p_0\noutput sym if found")]),
    ("shorter sequences", [("output sym if found", "fact sym: pos < 6\noutput sym if found")]),
]


@pytest.mark.parametrize("texts", [pytest.param(one[1], id=one[0]) for one in OTHER_TEXTS])
def test_theories_that_hold_as_well(texts: Texts) -> None:
    theory = small.text()
    for old, new in texts:
        assert old in theory
        theory = theory.replace(old, new)
    found, before = small.walked(theory=theory), small.walked()
    assert found.margin == before.margin
    assert [[head.separation for head in layer] for layer in found.heads] == [
        [head.separation for head in layer] for layer in before.heads
    ]


OTHER_PARAMETERS: list[tuple[str, dict[str, Value], str]] = [
    ("more symbols before", {"n": 2}, "must be those of class sym: p_0 p_1 p_2"),
    ("fewer letters", {"LETTERS": ("a",)}, "the elements of LETTERS are not the values of symbol"),
    ("more letters", {"LETTERS": ("a", "b", "c")}, "the elements of LETTERS are not the values of symbol"),
    ("other letters", {"LETTERS": ("a", "c")}, "the elements of LETTERS are not the values of symbol"),
    ("letters in another order", {"LETTERS": ("b", "a")}, "the elements of LETTERS are not the values of symbol"),
]


@pytest.mark.parametrize(("changed", "reason"), [pytest.param(*one[1:], id=one[0]) for one in OTHER_PARAMETERS])
def test_other_parameters(changed: dict[str, Value], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        small.walked(parameters=small.PARAMETERS | changed)


OF_EACH_KIND = 15
FROM_ZERO = 8
"""Of changes that make a weight where there is none, which are many."""


def sampled() -> list[WeightChange]:
    """Some changes of every kind."""
    kinds = defaultdict[str, list[WeightChange]](list)
    for change in weight_changes(small.weights()):
        kinds[change.kind].append(change)
    draw, found = random.Random(2026), list[WeightChange]()
    for kind, of_kind in kinds.items():
        found += draw.sample(of_kind, min(len(of_kind), FROM_ZERO if kind.endswith("added") else OF_EACH_KIND))
    assert len(kinds) == 30
    assert 250 < len(found) < 400
    return found


@cache
def accepted() -> list[tuple[WeightChange, Walked]]:
    """The sampled changes that the kernel accepts."""
    found = []
    for change in sampled():
        with suppress(Rejected):
            found.append((change, small.walked(network=change.of(small.weights()))))
    return found


def test_every_weight_matters_or_is_harmless() -> None:
    """What the kernel accepts does what it says of it, on all sequences of up to eight tokens."""
    for change, walked in accepted():
        document = change.of(small.weights())
        assert wrong(document, walked) == [], change.title


def test_most_changes_of_weights_are_noticed() -> None:
    """What is left: entries for what no class has, neurons that are not used so, larger scores and margins."""
    assert len(accepted()) < len(sampled()) / 4
    assert {change.kind for change, _ in accepted()} >= {"unembedding added", "query and key doubled", "mlp in removed"}
