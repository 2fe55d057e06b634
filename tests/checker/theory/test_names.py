"""Names that an annotation gives, and gives another meaning: on the real network of n-gram look-up.

Its register ``ptr`` is pos - 1 behind every layer, and ``wpos``, of class sym, is pos; position 0 has class start.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import pytest

from exactformer.certificates.checker.diagrams import TRUE, Diagrams
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory import annotation as annotation_module
from exactformer.certificates.checker.theory import ghosts
from exactformer.certificates.checker.theory import walk as walk_module
from exactformer.certificates.checker.theory.annotation import read_names
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View, same_number
from exactformer.certificates.checker.theory.language import read_formula, read_number
from exactformer.certificates.checker.theory.reading import POSITION, Theory, read_theory
from exactformer.certificates.checker.weights import Network, read_network
from tests.checker.theory import small
from tests.checker.theory.test_walk_rejects import promises, sampled, wrong

EVERY = ("start", "sym")
Listed = dict[str, Any]
ByLayer = Mapping[int, Sequence[Listed]]


def name(called: str, number: str, classes: Sequence[str] = EVERY) -> Listed:
    return {"classes": list(classes), "name": called, "number": number}


def flag(called: str, formula: str, classes: Sequence[str] = EVERY) -> Listed:
    return {"classes": list(classes), "name": called, "formula": formula}


def ptr(content: str, classes: Sequence[str] = EVERY) -> Listed:
    return {"classes": list(classes), "register": "ptr", "content": content}


def wpos(content: str, classes: Sequence[str] = ("sym",)) -> Listed:
    """Also a register of the network; it is compared with positions by heads of the layers 3 to 6, at j."""
    return {"classes": list(classes), "register": "wpos", "content": content}


def layers(given: ByLayer) -> list[list[Listed]]:
    return [list(given.get(layer, ())) for layer in range(len(small.weights()["layers"]))]


def walked(names: ByLayer, holds: ByLayer, told: Any = None) -> None:
    small.walked(names=layers(names), holds=layers(holds), told=told)


SHUFFLED: tuple[ByLayer, ByLayer] = (
    {
        0: [name("p", "pos - 1"), name("q", "pos", ["sym"]), flag("late", "pos >= 4")],
        1: [name("p", "pos"), flag("late", "not late")],
        2: [name("q", "pos - 1", ["sym"]), name("o", "q", ["sym"])],
        3: [name("p", "p - 1"), name("q", "o", ["sym"]), name("o", "q", ["sym"])],
        4: [flag("late", "late = late")],
    },
    {
        0: [ptr("sign(p)"), wpos("sign(q)")],
        1: [ptr("(sign(p - 1) if late or pos >= 4 else 0)")],
        2: [wpos("sign(o)")],
        3: [ptr("sign(p)"), wpos("sign(q)")],
        4: [ptr("(sign(p) if late else 0)")],
    },
)
"""Names of both registers, given again and again."""

ACCEPTED: list[tuple[str, ByLayer, ByLayer]] = [
    ("a name", {0: [name("p", "pos - 1")]}, {0: [ptr("sign(p)")]}),
    ("a name of one class", {0: [name("p", "pos - 1", ["sym"])]}, {0: [ptr("sign(p)", ["sym"])]}),
    (
        "a name of each class for itself",
        {0: [name("p", "0", ["start"]), name("p", "pos - 1", ["sym"])]},
        {0: [ptr("sign(p)")]},
    ),
    (
        "one less behind every layer",
        {0: [name("p", "7"), name("d", "pos")], **{layer: [name("p", "p - 1")] for layer in range(1, 6)}},
        {5: [ptr("(sign(pos - 1) if p = 2 else 0)")]},
    ),
    (
        "another name for what is held",
        {0: [name("p", "pos - 1")], 1: [name("p", "p + 1")]},
        {0: [ptr("sign(p)")], 1: [ptr("(sign(p - 1) if pos < 7 else sign(pos - 1))")]},
    ),
    (
        "modulo the number of positions",
        {0: [name("p", "pos + 1")], 1: [name("p", "drop(p, 1)")]},
        {2: [ptr("(sign(pos - 1) if pos < 7 or p = 0 else 0)")]},
    ),
    (
        "modulo the number of positions, then less",
        {0: [name("p", "pos + 1")], 1: [name("p", "p - 1")]},
        {2: [ptr("(sign(p - 1) if pos < 7 else (sign(6) if p = 0 else 0))")]},
    ),
    (
        "two that are swapped",
        {0: [name("p", "pos - 1"), name("q", "pos")], 1: [name("p", "q"), name("q", "p")]},
        {0: [ptr("sign(p)")], 1: [ptr("sign(q)")], 2: [ptr("(sign(p - 1) if p = pos else 0)")]},
    ),
    ("a flag", {0: [flag("even", "not bit(pos, 0)")]}, {0: [ptr("(sign(pos - 1) if even or bit(pos, 0) else 0)")]}),
    (
        "a flag of flags",
        {0: [flag("a", "false"), flag("b", "false")], 1: [flag("a", "a = b"), flag("b", "a != b")]},
        {2: [ptr("(sign(pos - 1) if a and not b else 0)")]},
    ),
    (
        "a flag that is negated behind every layer",
        {0: [flag("a", "pos = 3")], **{layer: [flag("a", "not a")] for layer in range(1, 6)}},
        {5: [ptr("(0 if a and pos = 3 or not a and pos != 3 else sign(pos - 1))")]},
    ),
    (
        "a flag of a theory's flag",
        {0: [flag("lost", "not found", ["sym"])], 1: [flag("lost", "lost = found", ["sym"])]},
        {1: [ptr("(0 if lost else sign(pos - 1))", ["sym"])]},
    ),
    ("a register that heads read at j", {0: [name("q", "pos", ["sym"])]}, {0: [wpos("sign(q)")]}),
    ("a register that heads read at j, by other names each time", SHUFFLED[0], SHUFFLED[1]),
    (
        "a name that means another thing, of which nothing is held",
        {0: [name("p", "pos - 1")], 1: [name("p", "0")]},
        {},
    ),
]


@pytest.mark.parametrize(("names", "holds"), [pytest.param(*one[1:], id=one[0]) for one in ACCEPTED])
def test_names_that_mean_what_is_held(names: ByLayer, holds: ByLayer) -> None:
    walked(names, holds)


REJECTED: list[tuple[str, ByLayer, ByLayer, str]] = [
    ("a ghost of the theory", {0: [name("w", "pos")]}, {}, r'names\[0\]\[0\].name: "w" is a ghost of the theory'),
    ("a ghost of another class", {0: [name("w", "pos", ["start"])]}, {}, '"w" is a ghost of the theory'),
    ("the position", {0: [name("pos", "0")]}, {}, "cannot be the name of a ghost"),
    ("a word of the language", {0: [name("high", "0")]}, {}, "cannot be the name of a ghost"),
    ("two words", {0: [name("p q", "0")]}, {}, "cannot be the name of a ghost"),
    ("twice", {0: [name("p", "pos"), name("p", "pos", ["sym"])]}, {}, "gives a class one name twice"),
    ("of one class twice", {0: [name("p", "pos", ["sym", "sym"])]}, {}, "names a class twice"),
    ("a position and a flag", {0: [name("p", "pos")], 1: [flag("p", "true")]}, {}, "is a position and a flag"),
    (
        "a position and a flag of another class",
        {0: [name("p", "pos", ["start"]), flag("p", "true", ["sym"])]},
        {},
        "is a position and a flag",
    ),
    ("an unknown class", {0: [name("p", "pos", ["end"])]}, {}, '"end" is not a class of the theory'),
    ("of j", {0: [name("p", "j.pos")]}, {}, r"names\[0\]\[0\]: j.pos: there is no token j here"),
    ("a name of j", {0: [name("p", "pos")], 1: [name("p", "j.p")]}, {}, "there is no token j here"),
    ("a flag of j", {0: [flag("f", "j.pos = pos")]}, {}, "there is no token j here"),
    ("of a name that is not given", {0: [name("p", "q")]}, {}, 'class start has no ghost "q"'),
    ("of itself, the first time", {0: [name("p", "p - 1")]}, {}, 'class start has no ghost "p"'),
    ("of one that is given with it", {0: [name("p", "pos"), name("q", "p")]}, {}, 'class start has no ghost "p"'),
    (
        "of one that another class has",
        {0: [name("p", "pos", ["start"])], 1: [name("q", "p")]},
        {},
        'class sym has no ghost "p"',
    ),
    ("of a ghost that the class does not have", {0: [name("p", "w")]}, {}, 'class start has no ghost "w"'),
    ("of an element", {0: [name("p", "p_0", ["sym"])]}, {}, "p_0 is not of kind position"),
    ("of a flag", {0: [name("p", "found", ["sym"])]}, {}, "found is not of kind position"),
    ("a flag of a position", {0: [flag("f", "pos")]}, {}, "pos is not a flag"),
    ("no number", {0: [name("p", "pos =")]}, {}, r"names\[0\]\[0\].number"),
    ("a formula as a number", {0: [name("p", "pos = 1")]}, {}, r"names\[0\]\[0\].number"),
    ("a number as a formula", {0: [flag("f", "pos + 1")]}, {}, "nothing where a comparison must be"),
    ("both", {0: [name("p", "pos") | flag("p", "true")]}, {}, "number"),
    ("neither", {0: [{"classes": ["sym"], "name": "p"}]}, {}, "number"),
    ("used sooner than it is given", {1: [name("p", "pos - 1")]}, {0: [ptr("sign(p)")]}, 'has no ghost "p"'),
    (
        "used of a class that does not have it",
        {0: [name("p", "pos - 1", ["sym"])]},
        {0: [ptr("sign(p)")]},
        'class start has no ghost "p"',
    ),
    (
        "a register that depends on what it meant",
        {0: [name("p", "pos - 1")], 1: [name("p", "p - 1")]},
        {0: [ptr("sign(p)")]},
        r"names\[1\]\[0\]: coordinate 0 of ptr, for class start, depends on what a name meant before",
    ),
    (
        "a register that depends on a flag that it meant",
        {0: [flag("f", "pos = 3", ["sym"])], 3: [flag("f", "f or pos = 4", ["sym"])]},
        {2: [ptr("(sign(2) if f else sign(pos - 1))", ["sym"])]},
        r"names\[3\]\[0\]: coordinate . of ptr, for class sym, depends on what a name meant before",
    ),
    (
        "a register that is held anew for one class only",
        {0: [name("p", "pos - 1")], 1: [name("p", "pos")]},
        {0: [ptr("sign(p)")], 1: [ptr("sign(p - 1)", ["start"])]},
        "of ptr, for class sym, depends on what a name meant before",
    ),
    (
        "a register that is not the one that is held anew",
        {0: [name("p", "pos - 1"), name("w_", "pos", ["sym"])], 1: [name("p", "pos")]},
        {
            0: [ptr("sign(p)")],
            1: [wpos("0", ["start"]), wpos("sign(w_)")],
        },
        "of ptr, for class start, depends on what a name meant before",
    ),
    (
        "true of what it meant before",
        {0: [name("p", "pos - 1")], 1: [name("p", "p - 1")]},
        {0: [ptr("sign(p)")], 1: [ptr("sign(p)")]},
        r"holds\[1\]\[0\]: does not hold for class sym",
    ),
    (
        "true of what it means next",
        {0: [name("p", "pos")], 1: [name("p", "p - 1")]},
        {0: [ptr("sign(p)")]},
        r"holds\[0\]\[0\]: does not hold for class sym",
    ),
    (
        "true of what another class's name means",
        {0: [name("p", "pos - 1")], 1: [name("p", "pos", ["start"])]},
        {1: [ptr("(sign(pos - 1) if p = pos else 0)")]},
        r"holds\[1\]\[0\]: does not hold for class sym",
    ),
    (
        "true for one class, not for the other",
        {0: [name("p", "0", ["start"]), name("p", "pos", ["sym"])]},
        {0: [ptr("sign(p)")]},
        "does not hold for class sym",
    ),
    (
        "held twice, once wrong",
        {0: [name("p", "pos - 1")]},
        {0: [ptr("sign(p)"), ptr("(sign(p) if pos > 1 else sign(pos - 1))"), ptr("(sign(p) if pos > 1 else sign(1))")]},
        r"holds\[0\]\[2\]: does not hold for class",
    ),
    (
        "swapped one by one",
        {0: [name("p", "pos - 1"), name("q", "pos")], 1: [name("p", "q"), name("q", "p")]},
        {1: [ptr("(sign(pos - 1) if p = q else 0)")]},
        "does not hold for class",
    ),
    (
        "beyond all positions",
        {0: [name("p", "pos + 1")], 1: [name("p", "drop(p, 1)")]},
        {2: [ptr("(0 if pos = 7 and p = 0 else sign(pos - 1))")]},
        "does not hold for class sym",
    ),
    (
        "beyond all positions, and less",
        {0: [name("p", "pos + 1")], 1: [name("p", "p - 1")]},
        {2: [ptr("(sign(pos - 1) if p = pos else 0)")]},
        "does not hold for class sym",
    ),
    (
        "flags that define each other",
        {0: [flag("a", "false"), flag("b", "false")], 1: [flag("a", "a = b")]},
        {2: [ptr("(0 if a else sign(pos - 1))")]},
        "does not hold for class start",
    ),
    (
        "a flag that is no other flag, and itself",
        {0: [flag("a", "true"), flag("b", "true")], 1: [flag("a", "a != b")]},
        {2: [ptr("(sign(pos - 1) if a else 0)")]},
        "does not hold for class start",
    ),
]


@pytest.mark.parametrize(("names", "holds", "reason"), [pytest.param(*one[1:], id=one[0]) for one in REJECTED])
def test_wrong_names(names: ByLayer, holds: ByLayer, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        walked(names, holds)


def test_a_ghost_of_which_a_fact_speaks_is_no_name() -> None:
    """No class has it. Otherwise a name could make a fact of it."""
    theory = small.text() + "\npair sym sym: found => wanted\n"
    with pytest.raises(Rejected, match='"wanted" is a ghost of the theory'):
        small.walked(theory=theory, names=layers({0: [flag("wanted", "true")]}))


@pytest.mark.parametrize("given", [[[]], [[] for _ in range(7)], [[], [], [], [], [], [], []]])
def test_names_of_other_numbers_of_layers(given: list[list[Listed]]) -> None:
    with pytest.raises(Rejected, match=r"names: is about . layers; the network has 6"):
        small.walked(names=given)


def test_too_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotation_module, "MOST_NAMES", 2)
    names = [name("p", "pos"), flag("f", "true")]
    walked({0: names, 1: names}, {})
    with pytest.raises(TooLarge, match=r"names\[2\]\[0\]: more than 2 names"):
        walked({0: names, 1: names, 2: [name("q", "pos")]}, {})


@pytest.mark.parametrize("given", [[{}] * 6, [[name("p", "pos")], 1, [], [], [], []]])
def test_names_that_are_no_lists(given: Any) -> None:
    with pytest.raises(Rejected, match="names"):
        small.walked(names=given)


LOOKING: list[tuple[str, ByLayer, str | None]] = [
    ("one before", {0: [name("at", "pos - 1")]}, None),
    ("one before, but later", {0: [name("at", "pos")], 1: [name("at", "at - 1")]}, "is not what a selected token of"),
    ("two before", {0: [name("at", "pos - 2")]}, "is not what a selected token of"),
    ("given behind the head", {1: [name("at", "pos - 1")]}, 'class sym has no ghost "at"'),
    ("of the other class", {0: [name("at", "pos - 1", ["start"])]}, 'class sym has no ghost "at"'),
]


@pytest.mark.parametrize(("names", "reason"), [pytest.param(*one[1:], id=one[0]) for one in LOOKING])
def test_heads_that_look_where_a_name_says(names: ByLayer, reason: str | None) -> None:
    """The head of the second layer looks one token back."""
    told = small.annotation()
    told[1][0][0] |= {"member": "at", "selects": {"start": "j.pos = at", "sym": "j.pos = at"}}
    if reason is None:
        walked(names, {}, told)
        return
    with pytest.raises(Rejected, match=reason):
        walked(names, {}, told)


SELECTED: list[tuple[str, ByLayer, str | None]] = [
    ("what j's name means", {0: [name("here", "pos")]}, None),
    ("less by one", {0: [name("here", "pos - 1")]}, "the member, for class sym"),
    ("by class of j", {0: [name("here", "7", ["start"]), name("here", "pos", ["sym"])]}, "the member, for class sym"),
    ("of one class of j only", {0: [name("here", "pos", ["start"])]}, 'class sym has no ghost "here"'),
]


@pytest.mark.parametrize(("names", "reason"), [pytest.param(*one[1:], id=one[0]) for one in SELECTED])
def test_names_of_j(names: ByLayer, reason: str | None) -> None:
    told = small.annotation()
    told[1][0][0]["selects"] = {"start": "j.here = pos - 1", "sym": "j.here = pos - 1"}
    if reason is None:
        walked(names, {}, told)
        return
    with pytest.raises(Rejected, match=reason):
        walked(names, {}, told)


def read() -> tuple[Theory, Network]:
    network = read_network(small.weights())
    return read_theory(small.text(), small.PARAMETERS, network.r), network


Values = tuple[int, int, bool]
"""Of the names p, q and f."""


def meant(step: int, at: int, before: Values) -> Values:
    """What the names of `STEPS` are at a position, by plain numbers."""
    p, q, f = before
    match step:
        case 0:
            p, q, f = at + 5, max(at - 2, 0), at % 4 >= 2
        case 1:
            p, q, f = q, p + p, True
        case 2:
            p, q, f = max(q - 3, 0), q - q % 2 + p, p == 0
        case _:
            p, q, f = q // 2 + q, q, f or p < q
    return p % 8, q % 8, f


STEPS: ByLayer = {
    0: [name("p", "pos + 5"), name("q", "pos - 2"), flag("f", "bit(pos, 1)")],
    1: [name("p", "q"), name("q", "p + p"), flag("f", "f = f")],
    2: [name("p", "q - 3"), name("q", "high(q, 1) + p"), flag("f", "f != f or p = 0")],
    3: [name("p", "drop(q, 1) + q"), flag("f", "not f => p < q")],
}


def test_a_name_is_what_it_was_made_of() -> None:
    """All names together, for all values: each is computed from what they were before, and all at once."""
    theory, network = read()
    listed: Any = layers(STEPS)
    given = read_names(listed, theory, network)
    variables = Variables(theory, Diagrams())
    facts, view, values = Facts(theory, variables), View(variables, "here", "sym"), dict[int, Values]()
    for step in STEPS:
        facts.give(given[step])
        values = {at: meant(step, at, values.get(at, (0, 0, False))) for at in range(8)}
        for at, p, q, f in product(range(1, 8), range(8), range(8), (True, False)):
            text = f"pos = {at} and p = {p} and q = {q} and {'f' if f else 'not f'}"
            asked = frozenset({view.formula(read_formula("here", text))})
            assert facts.possible(facts.alone("sym"), asked) == ((p, q, f) == values[at]), text


DISTANCES: list[tuple[str, list[str], str, int | None]] = [
    ("no name", [], "pos - 3", 3),
    ("the position", [], "pos", None),
    ("less nothing", [], "pos - 0", None),
    ("what comes later", [], "pos + 1", None),
    ("another ghost", [], "w - 1", None),
    ("a name", ["pos - 3"], "p", 3),
    ("less by a name", ["pos - 3"], "p - 2", 5),
    ("a name that is given again", ["pos - 3", "p - 2", "p - 1"], "p", 6),
    ("a name that is given something else", ["pos - 3", "w"], "p", None),
    ("by way of something else", ["pos - 3", "p + 0"], "p", None),
    ("less and more", ["pos - 3"], "p + 1", None),
    ("of j", ["pos - 3"], "j.p", None),
    ("far", [], "pos - 512", 512),
    ("too far", [], "pos - 513", None),
    ("too far by a name", ["pos - 500"], "p - 13", None),
]


@pytest.mark.parametrize(("means", "number", "distance"), [pytest.param(*one[1:], id=one[0]) for one in DISTANCES])
def test_distances(means: list[str], number: str, distance: int | None) -> None:
    theory, network = read()
    assert ghosts.FURTHEST == 512
    listed: Any = layers({layer: [name("p", one, ["sym"])] for layer, one in enumerate(means)})
    given = read_names(listed, theory, network)
    variables = Variables(theory, Diagrams())
    facts = Facts(theory, variables)
    for names in given:
        facts.give(names)
    assert variables.distance("sym", read_number("here", number)) == distance
    assert variables.distance("start", read_number("here", "p")) is None


DEFINED = """theory t
class start first: START
class one: ONE
follow start: one
follow one: one
ghost one: n position
ghost one: d position
define one: d = n - 2 if n < 6
"""


def test_a_name_of_a_ghost_that_is_defined_counts_with_its_definition() -> None:
    theory = read_theory(DEFINED, {}, 3)
    listed: Any = layers({0: [name("p", "d + 1", ["one"])], 1: [name("p", "p + 1", ["one"])]})
    given = read_names(listed, theory, read()[1])
    variables = Variables(theory, Diagrams())
    facts, view = Facts(theory, variables), View(variables, "here", "one")
    for more in (1, 2):
        facts.give(given[more - 1])
        for n, p in product(range(8), range(8)):
            asked = frozenset({view.formula(read_formula("here", f"n = {n} and p = {p}"))})
            d = max(n - 2, 0) if n < 6 else 0
            assert facts.possible(facts.alone("one"), asked) == (p == d + more), (n, p)


def test_bits_that_stand_for_a_name_do_so_for_i_only() -> None:
    theory, network = read()
    listed: Any = layers({0: [name("p", "pos", ["sym"])]})
    given = read_names(listed, theory, network)
    variables = Variables(theory, Diagrams())
    Facts(theory, variables).give(given[0])
    plain = View(variables, "here", "sym", "sym").formula(read_formula("here", "j.p = pos"))
    meant = View(variables, "here", "sym", "sym", {"p": variables.bits("pos", False)})
    assert meant.formula(read_formula("here", "p = pos")) is TRUE
    assert meant.formula(read_formula("here", "j.p = p")) is plain
    with pytest.raises(Rejected, match='class start has no ghost "p"'):
        View(variables, "here", "sym", "start", meant.instead).formula(read_formula("here", "j.p = p"))


def test_names_outlast_the_diagrams_that_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind every layer all diagrams are forgotten but those that are needed."""
    monkeypatch.setattr(walk_module, "MOST_NODES", 0)
    for _, names, holds in ACCEPTED:
        walked(names, holds)
    theory, network = read()
    listed: Any = layers(STEPS)
    given = read_names(listed, theory, network)
    variables = Variables(theory, Diagrams())
    facts = Facts(theory, variables)
    for names_here in given:
        facts.give(names_here)
        variables.diagrams.retain([*facts.formulas(), *variables.made()])
        for called, meaning in variables.meanings["sym"].items():
            assert same_number(variables.bits(called, False), variables.meant(meaning)) is meaning.definition


def test_a_name_is_no_ghost_of_the_theory() -> None:
    theory, network = read()
    before = {cls: dict(one.ghosts) for cls, one in theory.classes.items()}
    listed: Any = layers({0: [name("p", "pos")]})
    given = read_names(listed, theory, network)
    Facts(theory, Variables(theory, Diagrams())).give(given[0])
    assert {cls: one.ghosts for cls, one in theory.classes.items()} == before
    assert "p" not in theory.spoken_of
    assert theory.kinds["p"] == POSITION


Ghosts = Mapping[str, int]
Said = tuple[str, Callable[[Ghosts], int]]
"""A text, and what it is, by plain numbers."""


class Draw:
    """Random names of positions p, q and of flags f, h, given anew behind random layers, by class."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.given: dict[str, set[str]] = {cls: set() for cls in EVERY}
        self.values: dict[int, dict[str, int]] = {at: {"pos": at} for at in range(8)}

    def number(self, cls: str, depth: int) -> Said:
        known = ["pos", *sorted(self.given[cls] & {"p", "q"})]
        one, by, draw = self.random.choice(known), self.random.randrange(6), self.random.random()
        if depth == 0 or draw < 0.2:
            return (one, lambda of: of[one]) if draw < 0.9 else (str(by), lambda _: by)
        text, inside = self.number(cls, depth - 1)
        if draw < 0.35:
            return f"{text} + {one}", lambda of: inside(of) + of[one]
        if draw < 0.5:
            return f"{text} + {by}", lambda of: inside(of) + by
        if draw < 0.7:
            return f"{text} - {by}", lambda of: max(inside(of) - by, 0)
        if draw < 0.85:
            return f"drop({text}, {by % 3})", lambda of: inside(of) >> by % 3
        return f"high({text}, {by % 3})", lambda of: inside(of) >> by % 3 << by % 3

    def formula(self, cls: str, depth: int) -> Said:
        known, draw = sorted(self.given[cls] & {"f", "h"}), self.random.random()
        if known and draw < 0.3:
            one, other = self.random.choice(known), self.random.choice(known)
            if draw < 0.1:
                return one, lambda of: of[one]
            return (
                (f"{one} = {other}", lambda of: of[one] == of[other])
                if draw < 0.2
                else (f"{one} != {other}", lambda of: of[one] != of[other])
            )
        (left, one_of), (right, other_of) = self.number(cls, 2), self.number(cls, 1)
        if depth == 0 or draw < 0.6:
            return (
                (f"{left} <= {right}", lambda of: one_of(of) <= other_of(of))
                if draw < 0.8
                else (f"{left} = {right}", lambda of: one_of(of) == other_of(of))
            )
        (one, first), (other, second) = self.formula(cls, depth - 1), self.formula(cls, depth - 1)
        if draw < 0.8:
            return f"({one}) and ({other})", lambda of: first(of) and second(of)
        return f"not ({one} or ({other}))", lambda of: not (first(of) or second(of))

    def names(self) -> list[Listed]:
        """Of one layer: all computed from what they were before."""
        found, new = list[Listed](), dict[tuple[int, str], int]()
        for cls, called in product(EVERY, "pqfh"):
            if self.random.random() < 0.5:
                text, means = (self.number if called in "pq" else self.formula)(cls, 2)
                found.append(name(called, text, [cls]) if called in "pq" else flag(called, text, [cls]))
                new |= {(at, called): int(means(self.values[at])) % 8 for at in positions(cls)}
        for one in found:
            self.given[one["classes"][0]].add(one["name"])
        for (at, called), value in new.items():
            self.values[at][called] = value
        return found

    def hold(self, cls: str, wrong: bool = False) -> tuple[Listed, bool]:
        """A content of ptr, and whether it is that: what a formula says, or the position is one where it is false.
        Wrong: one of these is left out, if there is any.
        """
        text, truth = self.formula(cls, 2)
        false = [at for at in positions(cls) if not truth(self.values[at])]
        right = not (wrong and false)
        if not right:
            false.remove(self.random.choice(false))
        words = "".join(f" or pos = {at}" for at in false)
        return ptr(f"(sign(pos - 1) if {text}{words} else 0)", [cls]), right


def positions(cls: str) -> range:
    return range(1) if cls == "start" else range(1, 8)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_held_in_random_names_is_accepted_just_if_it_is_true(seed: int) -> None:
    """Names mean something else behind every layer; what a register holds is said in their terms, each time anew."""
    draw = Draw(seed)
    cls, first = draw.random.choice(EVERY), draw.random.randrange(6)
    names, holds = list[list[Listed]](), list[list[Listed]]()
    for layer in range(5):
        names.append(draw.names())
        holds.append([draw.hold(one)[0] for one in EVERY] if layer >= first else [])
    names.append(draw.names())
    last, right = draw.hold(cls, wrong=draw.random.random() < 0.5)
    holds.append([last, *(draw.hold(one)[0] for one in EVERY if one != cls)])
    if right:
        small.walked(names=names, holds=holds)
        return
    with pytest.raises(Rejected, match=rf"holds\[5\]\[0\]: does not hold for class {cls}"):
        small.walked(names=names, holds=holds)


def test_no_wrong_network_is_proved_by_names() -> None:
    """Changes of single weights: what is accepted with these names is right on all sequences, and accepted without."""
    names, holds = map(layers, SHUFFLED)
    accepted = 0
    for change in sampled()[::5]:
        document = change.of(small.weights())
        with suppress(Rejected):
            found = small.walked(network=document, names=names, holds=holds)
            accepted += 1
            assert wrong(document, found) == [], change.title
            assert promises(small.walked(network=document)) == promises(found), change.title
    assert accepted > 3
