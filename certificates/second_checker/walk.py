"""What every coordinate is at tokens of every class, layer by layer (THEORIES 5 and 6).

By induction over positions and layers: `self.x[C][c]` is coordinate c at a token of class C, an integer by cases of
the token's ghosts. The certificate says what heads select (*cases*), names numbers (*names*) and registers (*holds*);
each is proved before it is used. A name that a layer gives is a fresh ghost, with its definition as a fact; so a
formula about the name's former meaning keeps that meaning, and `holds` replaces it.

Every question is asked so that "impossible" is what helps the certificate; three are not: that a case is possible, that
an output is, and that a token can be at a member.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import Rejected, demand, limit, text
from .diagrams import FALSE, TRUE, Bits, Cases, Diagrams, constant, sign, weighed
from .documents import Family, Head, Network, as_list, as_object, as_string, as_strings
from .facts import Facts
from .meaning import Kind, Sight, Term, Terms, terms_of_j
from .text import Content, Cut, Formula, Ghost, Number, Unknown
from .theory import Theory

TERNARY = (-1, 0, 1)


@dataclass(frozen=True)
class Case:
    """What a head selects at tokens of these classes where `when` holds; see THEORIES 5.1."""

    classes: tuple[str, ...]
    when: Formula
    selects: dict[str, Formula]
    member: Number
    value: Content


@dataclass(frozen=True)
class Claimed:
    """What the certificate says of a head: its separation (None: every token is selected), and its ties."""

    separation: int | None
    ties: int


@dataclass(frozen=True)
class Question:
    """Whether formulas can hold together of tokens of classes i and j."""

    i: str
    j: str
    formulas: tuple[int, ...]


@dataclass(frozen=True)
class View:
    """What holds of i and of a token of class j at or before it: the case; that j is selected; the score."""

    j: str
    given: int
    selected: int
    score: Cases


def read_case(value: Any, classes: set[str], place: str) -> Case:
    entry = as_object(value, ("classes", "when", "selects", "member", "value"), place)
    owners = read_classes(entry["classes"], classes, place)
    selects = entry["selects"]
    if not isinstance(selects, dict) or not set(selects) <= classes:
        raise Rejected(f"{place}: selects: not an object of classes")
    return Case(
        owners,
        text.read_formula(as_string(entry["when"], place), f"{place}: when"),
        {name: text.read_formula(as_string(one, place), f"{place}: selects") for name, one in selects.items()},
        text.read_number(as_string(entry["member"], place), f"{place}: member"),
        text.read_content(as_string(entry["value"], place), f"{place}: value"),
    )


def read_classes(value: Any, classes: set[str], place: str) -> tuple[str, ...]:
    names = tuple(as_strings(value, f"{place}: classes"))
    demand(len(set(names)) == len(names) > 0, f"{place}: no classes, or one twice")
    demand(set(names) <= classes, f"{place}: no such class")
    return names


class Walk:
    """The induction; `layer` goes through one layer, `next_token` looks at outputs."""

    def __init__(self, facts: Facts, network: Network, context: int) -> None:
        theory: Theory = facts.theory
        self.facts, self.theory, self.network, self.context = facts, theory, network, context
        self.d: Diagrams = facts.d
        self.terms: dict[str, Terms] = {name: dict(terms) for name, terms in theory.terms.items()}
        self.meaning: dict[str, Terms] = {name: dict(terms) for name, terms in theory.terms.items()}
        self.steps_back: dict[str, dict[str, int]] = {name: {} for name in theory.tokens}
        self.name_kinds: dict[str, str] = {}
        self.x = {name: self.embedding(name) for name in theory.tokens}
        self.of_j: dict[str, list[Cases]] = {}
        self.scores: dict[Any, Cases] = {}

    def sight(self, i: str, j: str | None, place: str) -> Sight:
        of_j = None if j is None else terms_of_j(self.d, self.terms[j])
        return Sight(self.d, self.theory.scope, self.terms[i], of_j, place)

    def impossible(self, i: str, formulas: list[int], otherwise: str, j: str | None = None) -> None:
        demand(not self.facts.possible(i, j, formulas), otherwise)

    def ternary(self, name: str, x: Cases, place: str) -> Cases:
        """The same integer, once it is proved to be -1, 0 or 1; where it is not, no token is."""
        d = self.d
        outside = d.where(x, lambda value: value not in TERNARY)
        self.impossible(name, [outside], f"{place}: may be neither -1, 0 nor 1 at a token of class {name}")
        return d.either_cases(outside, constant(0), {a: f for a, f in x.items() if a in TERNARY}) if outside else x

    # 6.1 Embedding.

    def fields(self, name: str, token: str, place: str) -> tuple[Family, list[list[int]]]:
        """The family of a token of the text, and for each of its fields and their values, when it is that."""
        words = token.split()
        family = self.network.families.get(words[0] if words else "")
        if family is None:
            raise Rejected(f"{place}: no family {token[:40]!r} in the vocabulary")
        given = dict(word.partition("=")[::2] for word in words[1:])
        demand(len(given) == len(words) - 1, f"{place}: a field of {token[:80]!r} is there twice")
        demand(set(given) == {field.name for field in family.fields}, f"{place}: fields of {token[:80]!r}")
        sight = Sight(self.d, self.theory.scope, self.theory.terms[name], None, place)
        chosen = []
        for field in family.fields:
            source = given[field.name]
            if element := re.fullmatch(r"'(.*)'", source):
                demand(element[1] in field.values, f"{place}: {field.name} has no value {source[:40]}")
                chosen.append([TRUE if value == element[1] else FALSE for value in field.values])
                continue
            tree = text.read_formula(source, place)
            if isinstance(tree, text.Bit):
                demand(len(field.values) == 2, f"{place}: {field.name} has not two values")
                bit = sight.formula(tree)
                chosen.append([self.d.negate(bit), bit])
            elif isinstance(tree, text.Flag) and not tree.ghost.of_j:
                term = sight.ghost(tree.ghost)
                elements = term.kind.elements if term.kind else ()
                demand(elements == field.values, f"{place}: {tree.ghost.name} has other elements than {field.name}")
                chosen.append([self.d.equal(term.bits, self.d.number(v)) for v in range(len(elements))])
            else:
                raise Rejected(f"{place}: {source[:40]!r} is no value of a field")
        return family, chosen

    def embedding(self, name: str) -> list[Cases]:
        d = self.d
        family, chosen = self.fields(name, self.theory.tokens[name], f"class {name}")
        x = [constant(0)] * self.network.width
        for coordinate, weight in family.embedding:
            x[coordinate] = constant(weight)
        for field, wheres in zip(family.fields, chosen, strict=True):
            for where, vector in zip(wheres, field.embedding, strict=True):
                for coordinate, weight in vector:
                    term = d.either_cases(where, constant(weight), constant(0))
                    x[coordinate] = d.plus(x[coordinate], term)
        for coordinate, bit in enumerate(self.theory.position):
            x[coordinate] = d.plus(x[coordinate], sign(d, bit))
        return [self.ternary(name, cases, f"embedding, coordinate {c}") for c, cases in enumerate(x)]

    # 6.2 to 6.4: one layer.

    def layer(self, number: int, cases: Any, names: Any, holds: Any, claimed: list[Claimed]) -> None:
        """Goes through layer `number`, from 1, with the annotation of its heads, its names and its words."""
        layer = self.network.layers[number - 1]
        entries = as_list(cases, f"annotation, layer {number}")
        demand(len(entries) == len(layer.heads), f"annotation, layer {number}: not one list of cases per head")
        self.of_j = {name: [self.d.cases_of_j(x) for x in xs] for name, xs in self.x.items()}
        after = {name: list(xs) for name, xs in self.x.items()}
        written = {coordinate for head in layer.heads for coordinate in head.out}
        for head, entry, claim in zip(layer.heads, entries, claimed, strict=True):
            place = f"layer {number}, head {head.name}"
            self.head(head, entry, claim, after, place)
        for name, xs in after.items():
            for c in written:
                xs[c] = self.ternary(name, xs[c], f"layer {number}, coordinate {c} after attention")
        for name, xs in after.items():
            self.x[name] = self.mlp(name, xs, number)
        self.names_and_words(number, names, holds)

    def head(self, head: Head, entry: Any, claim: Claimed, after: dict[str, list[Cases]], place: str) -> None:
        d = self.d
        classes = set(self.theory.tokens)
        found = [read_case(one, classes, f"{place}, case {n}") for n, one in enumerate(as_list(entry, place))]
        limit(len(found), 2**11, f"{place}: cases")
        there: list[list[Question]] = [[] for _ in found]
        for name in self.theory.tokens:
            whens: list[int] = []
            got = [constant(0)] * len(head.value)
            for n, case in enumerate(found):
                if name not in case.classes:
                    continue
                where = f"{place}, case {n}, class {name}"
                when = self.sight(name, None, where).formula(case.when)
                for other in whens:
                    self.impossible(name, [when, other], f"{where}: another case may hold, too")
                whens.append(when)
                value = self.case(head, case, name, when, claim, there[n], where)
                got = [d.either_cases(when, new, old) for new, old in zip(value, got, strict=True)]
            self.impossible(name, [d.negate(d.some(whens))], f"{place}, class {name}: no case may hold")
            for coordinate, cases in zip(head.out, got, strict=True):
                after[name][coordinate] = d.plus(after[name][coordinate], cases)
        for n, questions in enumerate(there):
            demand(self.some(questions), f"{place}, case {n}: facts exclude it")

    def case(
        self, head: Head, case: Case, i: str, when: int, claim: Claimed, there: list[Question], place: str
    ) -> list[Cases]:
        """6.3 for tokens of class i; returns what i receives. `there` collects what makes the case possible."""
        d, theory = self.d, self.theory
        member = self.sight(i, None, place).number(case.member)
        position_of_j = tuple(map(d.of_j, theory.position))
        self.impossible(i, [when, d.negate(d.at_most(member, theory.position))], f"{place}: member may be after i")
        unknown = isinstance(case.value, Unknown)
        value = [constant(0)] if unknown else self.sight(i, None, place).content(case.value, len(head.value))
        at_member = d.equal(position_of_j, member)
        back = self.back_of(i, case.member)
        views = []
        for j in theory.earlier[i]:
            # THEORIES 4: pos = j.pos + D for no class from which D followers do not lead here.
            apart = back is not None and j not in theory.classes_before(i, back)
            given = d.both(when, d.negate(theory.behind(back or 0)) if apart else TRUE)
            formula = case.selects.get(j, text.Truth(False))
            selected = self.sight(i, j, f"{place}, selects {j}").formula(formula)
            views.append(View(j, given, selected, self.score(head, i, j)))

        there += [Question(i, view.j, (view.given, at_member)) for view in views]
        for view in views:
            asked = [view.given, at_member, d.negate(view.selected)]
            self.impossible(i, asked, f"{place}: a token of class {view.j} at member may not be selected", view.j)
        top = self.top(i, views, place)
        if top is None:  # no token can be selected, but that at the member is: so no token of class i is here
            return value * len(head.value) if unknown else value
        for view in views:
            j, given, selected = view.j, view.given, view.selected
            where = f"{place}, tokens of class {j}"
            inside, outside = d.both(given, selected), d.both(given, d.negate(selected))
            # The best score of others is at most top - separation, where the certificate is right.
            near = TRUE if claim.separation is None else d.where(view.score, self.above(top - claim.separation))
            self.impossible(i, [outside, near], f"{where}: one not selected may score within the separation", j)
            if not unknown:
                for coordinate, expected in zip(head.value, value, strict=True):
                    wrong = d.differ(self.of_j[j][coordinate], expected)
                    self.impossible(i, [inside, wrong], f"{where}: coordinate {coordinate} may differ", j)
        others = [Question(i, v.j, (v.given, v.selected, d.negate(at_member))) for v in views]
        if unknown:
            demand(not self.some(others), f"{place}: any, but more than one token may be selected")
            return [self.unknown() for _ in head.value]
        if claim.ties < self.context and any(cases != constant(0) for cases in value):
            # A count that is small enough counts every selected token; or only that at member is selected.
            small = [theory.counted[count] for count, most in theory.counts.items() if most <= claim.ties]
            missed = [
                [Question(i, v.j, (v.given, v.selected, d.negate(one.get((i, v.j), FALSE)))) for v in views]
                for one in small
            ]
            few = any(not self.some(questions) for questions in [*missed, others])
            demand(few, f"{place}: more than {claim.ties} tokens may be selected")
        return value

    def top(self, i: str, views: list[View], place: str) -> int | None:
        """The one score that selected tokens can have, or None if there is none."""
        d = self.d
        scores = {
            score
            for view in views
            for score, where in view.score.items()
            if d.every([view.given, view.selected, where])
        }
        if len(scores) > 1:
            scores = {
                score
                for score in scores
                if self.some(
                    [Question(i, v.j, (v.given, v.selected, v.score.get(score, FALSE))) for v in views],
                )
            }
        demand(len(scores) <= 1, f"{place}: selected tokens may have several scores: {sorted(scores)}")
        return next(iter(scores), None)

    def some(self, questions: list[Question]) -> bool:
        """Whether one of these is possible: first of given sequences, which is quick."""
        seen = any(self.facts.seen(q.i, q.j, frozenset(q.formulas)) for q in questions)
        return seen or any(self.facts.possible(q.i, q.j, q.formulas) for q in questions)

    @staticmethod
    def above(bound: int) -> Callable[[int], bool]:
        return lambda score: score > bound

    def back_of(self, name: str, member: Number) -> int | None:
        """D, if the member is pos - D, by a name or not."""
        match member:
            case Cut("minus", Ghost("pos", False), by):
                back: int | None = by
            case Ghost(ghost, False):
                back = self.steps_back[name].get(ghost)
            case _:
                back = None
        return back if back is not None and back <= 2**9 else None

    def score(self, head: Head, i: str, j: str) -> Cases:
        """The sum over query and key of x_i * x_j. Equal products are taken once, with their number."""
        pairs: dict[Any, tuple[int, Cases, Cases]] = {}
        for q, k in zip(head.query, head.key, strict=True):
            x, y = self.x[i][q], self.of_j[j][k]
            same = (tuple(sorted(x.items())), tuple(sorted(y.items())))
            pairs[same] = (pairs[same][0] + 1 if same in pairs else 1, x, y)
        key = tuple(sorted((same, count) for same, (count, _, _) in pairs.items()))
        if key not in self.scores:
            terms = [(count, self.d.times(x, y)) for count, x, y in pairs.values()]
            self.scores[key] = weighed(self.d, 0, terms)
        return self.scores[key]

    def unknown(self) -> Cases:
        """A number of which nothing is known but that it is -1, 0 or 1."""
        some, positive = (self.theory.variables(Kind("flag"))[0] for _ in range(2))
        d = self.d
        return {0: d.negate(some), 1: d.both(some, positive), -1: d.both(some, d.negate(positive))}

    def mlp(self, name: str, x: list[Cases], number: int) -> list[Cases]:
        """What the neurons add. relu: whatever is at most 0 counts as 0."""
        d = self.d
        after = list(x)
        for neuron in self.network.layers[number - 1].neurons:
            h = weighed(d, neuron.bias, [(weight, x[c]) for c, weight in neuron.reads], floor=0)
            if h != constant(0):
                for c, weight in neuron.writes:
                    after[c] = d.plus(after[c], h, weight)
        return [
            self.ternary(name, cases, f"layer {number}, coordinate {c} after the MLP") if cases is not x[c] else cases
            for c, cases in enumerate(after)
        ]

    # 5.2 Names and words.

    def names_and_words(self, number: int, names: Any, holds: Any) -> None:
        d, theory = self.d, self.theory
        classes = set(theory.tokens)
        new: dict[str, Terms] = {name: {} for name in classes}
        proving = {name: dict(terms) for name, terms in self.terms.items()}
        former: dict[str, set[int]] = {name: set() for name in classes}
        backs: list[tuple[str, str, int | None]] = []
        meanings: list[tuple[str, str, Term]] = []
        for n, value in enumerate(as_list(names, "names")):
            place = f"names, layer {number}, {n}"
            what = "number" if isinstance(value, dict) and "number" in value else "formula"
            entry = as_object(value, ("classes", "name", what), place)
            name, source = as_string(entry["name"], place), as_string(entry[what], place)
            taken = name in theory.kinds or name in text.WORDS
            demand(text.is_name(name) and not taken, f"{place}: {name[:40]!r} is taken, or no name")
            demand(self.name_kinds.setdefault(name, what) == what, f"{place}: {name} has two kinds")
            limit(len(self.name_kinds), 2**8, "names")
            kind = Kind("position" if what == "number" else "flag")
            term = Term(theory.variables(kind), kind)
            for owner in read_classes(entry["classes"], classes, place):
                demand(name not in new[owner], f"{place}: {owner} gets {name} twice")
                now = self.said(source, kind, self.terms[owner], place)
                meaning = self.said(source, kind, self.meaning[owner], place)
                if name in self.terms[owner]:
                    former[owner] |= {level for bit in self.terms[owner][name].bits for level in d.support(bit)}
                proving[owner][name] = Term(now, kind)
                new[owner][name] = term
                backs.append((owner, name, self.means_back(owner, source, place) if what == "number" else None))
                meanings.append((owner, name, Term(meaning, kind)))
                fact = d.equal(term.bits, meaning)
                self.facts.named[owner] += [(d.level[bit], fact) for bit in term.bits]
                for token in (one for sequence in self.facts.given for one in sequence if one.name == owner):
                    number_there = sum(d.holds(bit, token.values, {}) << b for b, bit in enumerate(meaning))
                    self.facts.assign(token, term.bits, number_there)
        for owner in classes:
            self.terms[owner].update(new[owner])
        for owner, name, term in meanings:
            self.meaning[owner][name] = term
        for owner, name, back in backs:
            self.steps_back[owner].pop(name, None)
            if back is not None:
                self.steps_back[owner][name] = back
        self.words(number, holds, proving)
        for owner, levels in former.items():
            if levels:
                for c, cases in enumerate(self.x[owner]):
                    old = any(d.support(f) & levels for f in cases.values())
                    demand(not old, f"layer {number}: coordinate {c} of {owner} depends on a name's former meaning")

    def said(self, source: str, kind: Kind, terms: Terms, place: str) -> Bits:
        """The bits of what a name is given; a number counts modulo 2^r."""
        sight = Sight(self.d, self.theory.scope, terms, None, place)
        if kind.what == "flag":
            return (sight.formula(text.read_formula(source, place)),)
        bits = sight.number(text.read_number(source, place))[: self.theory.r]
        return bits + (FALSE,) * (self.theory.r - len(bits))

    def means_back(self, owner: str, source: str, place: str) -> int | None:
        """D, if the number means pos - D: as pos - D, a name that means that, or n - E where n means pos - (D - E)."""
        match text.read_number(source, place):
            case Cut("minus", Ghost("pos", False), by):
                return by
            case Ghost(name, False):
                return self.steps_back[owner].get(name)
            case Cut("minus", Ghost(name, False), by) if name in self.steps_back[owner]:
                return self.steps_back[owner][name] + by
        return None

    def words(self, number: int, holds: Any, proving: dict[str, Terms]) -> None:
        """What registers hold is proved with the names' new meaning written out, then said with the names."""
        theory = self.theory
        said: set[tuple[str, str]] = set()
        for n, value in enumerate(as_list(holds, "holds")):
            place = f"holds, layer {number}, {n}"
            entry = as_object(value, ("classes", "register", "content"), place)
            register = as_string(entry["register"], place)
            coordinates = self.network.registers.get(register)
            if coordinates is None:
                raise Rejected(f"{place}: no register {register[:40]!r}")
            content = text.read_content(as_string(entry["content"], place), place)
            for owner in read_classes(entry["classes"], set(theory.tokens), place):
                demand((owner, register) not in said, f"{place}: {register} of {owner} is said twice")
                said.add((owner, register))
                proved = Sight(self.d, theory.scope, proving[owner], None, place).content(content, len(coordinates))
                named = Sight(self.d, theory.scope, self.terms[owner], None, place).content(content, len(coordinates))
                for c, expected, word in zip(coordinates, proved, named, strict=True):
                    wrong = self.d.differ(self.x[owner][c], expected)
                    self.impossible(owner, [wrong], f"{place}: coordinate {c} may hold something else at {owner}")
                    self.x[owner][c] = word

    # 6.5 Next token.

    def next_token(self, margin: int | None) -> None:
        """Every output is the unique best token, by the margin of the certificate at least."""
        d, theory = self.d, self.theory
        has_output = any(theory.outputs.values())
        demand(has_output == (margin is not None), "margin: null exactly if no class has an output")
        for name, outputs in theory.outputs.items():
            for n, output in enumerate(outputs):
                place = f"class {name}, output {n}"
                demand(self.facts.possible(name, None, [output.formula]), f"{place}: not possible")
                for other in outputs[:n]:
                    self.impossible(name, [output.formula, other.formula], f"{place}: another may be next, too")
                self.best(name, output.formula, output.token, margin or 1, place)
            if outputs:
                rest = d.negate(d.some(output.formula for output in outputs))
                self.impossible(name, [rest], f"class {name}: no output may be next")

    def best(self, name: str, formula: int, token: str, margin: int, place: str) -> None:
        d = self.d
        family, chosen = self.fields(name, token, place)
        x = self.x[name]

        def dot(vector: tuple[tuple[int, int], ...]) -> Cases:
            return weighed(d, 0, [(weight, x[c]) for c, weight in vector])

        def demand_margin(difference: Cases, other: str) -> None:
            low = d.where(difference, lambda value: value < margin)
            self.impossible(name, [formula, low], f"{place}: {other} may be better than {token[:60]!r} minus {margin}")

        own = dot(family.unembedding)
        for field, wheres in zip(family.fields, chosen, strict=True):
            logits = [dot(vector) for vector in field.unembedding]
            logit: Cases = constant(0)
            for where, mine in zip(wheres, logits, strict=True):
                logit = d.either_cases(where, mine, logit)
            for value, where, other in zip(field.values, wheres, logits, strict=True):
                difference = d.plus(logit, other, -1)
                # Where this value is the chosen one, it is no other token.
                outside = d.either_cases(where, constant(margin), difference)
                demand_margin(outside, f"{field.name}={value}")
            own = d.plus(own, logit)
        for rival in self.network.families.values():
            if rival.name != family.name:
                logit = dot(rival.unembedding)
                for field in rival.fields:
                    most = dot(field.unembedding[0])
                    for vector in field.unembedding[1:]:
                        most = self.larger(most, dot(vector))
                    logit = d.plus(logit, most)
                demand_margin(d.plus(own, logit, -1), rival.name)

    def larger(self, x: Cases, y: Cases) -> Cases:
        d = self.d
        result: Cases = {}
        for a, f in x.items():
            for b, g in y.items():
                where = d.both(f, g)
                if where:
                    result[max(a, b)] = d.either(result.get(max(a, b), FALSE), where)
        return result
