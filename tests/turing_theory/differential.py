"""What the kernel says at the true ghosts of runs, against what the exact evaluator computes.

Of every class of tokens the kernel proves what each coordinate is, in ghosts, after every sublayer; here that is
evaluated for all tokens of a class at once. Names mean what the annotation says, and what heads select is evaluated on
plain numbers, token by token.

Words:
    column  of a batch: where a token stands in the arrays of the evaluator
    given   what a head brings where the annotation says no more than "any": it is what the evaluator says
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.cases import Cases
from exactformer.certificates.checker.diagrams import Formula
from exactformer.certificates.checker.theory import walk as walk_module
from exactformer.certificates.checker.theory.ghosts import Variables
from exactformer.certificates.checker.theory.heads import FoundHead
from exactformer.certificates.checker.theory.language import read_formula, read_number
from exactformer.certificates.checker.theory.reading import POS, read_theory
from exactformer.certificates.checker.theory.reading import Theory as ReadTheory
from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.theory import Case, Theory, TrueToken, Value
from exactformer.constructions.transformer.network import CompiledHead, Network
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.scot_sequences import scot_sequences
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.trial import _Pair, output_of
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out
from tests.once import Once

Table = NDArray[np.bool_]
SEGMENTS = 2
"""Of a summarized run, so many are looked at."""
FAR = 1 << 20
"""Farther than scores are apart."""
formula_of, number_of = cache(lambda text: read_formula("", text)), cache(lambda text: read_number("", text))


def true_sequences(paradigm: Paradigm, machine: TuringMachine, word: str, r: int) -> list[list[TrueToken]]:
    """Of a run, halting or not: its chain of thought, or its first segments, each up to 2^r tokens."""
    if paradigm is Paradigm.COT:
        return [list(islice(cot_sequence(machine, word, r), 1 << r))]
    return [tokens[: 1 << r] for tokens in islice(scot_sequences(machine, word, r), SEGMENTS)]


@dataclass
class Comparison:
    """What was compared, and all that is amiss."""

    tokens: int = 0
    coordinates: int = 0
    given: int = 0
    selections: int = 0
    outputs: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Tokens:
    """All tokens of one class: their columns, their ghosts and names, and what is given at them."""

    cls: str
    columns: list[int] = field(default_factory=list)
    ghosts: list[dict[str, Value]] = field(default_factory=list)
    given: dict[tuple[str, int], list[int]] = field(default_factory=dict)


def compare(
    network: Network,
    theory: Theory,
    sequences: Sequence[Sequence[TrueToken]],
    evaluated: Network | None = None,
    told: Theory | None = None,
) -> Comparison:
    """Proves a network, and compares what is said of it layer by layer; ``evaluated``, ``told``: what it is
    compared with, if that is another network or theory.  Errors: those of `prove`, and NotTernaryError.
    """
    going = _Going(evaluated or network, told or theory, sequences)
    said = said_once(network, theory)
    for what, about, found in said.steps:
        going.look_at(said.variables, what, about, found)
    going.compare_outputs(said.walked.margin)
    return going.found


@dataclass
class Said:
    """What the kernel says of a network, step by step: after which sublayer, of which class, its coordinates; and at
    the end of a layer, of its heads, the coordinates of all classes.
    """

    variables: Variables
    walked: Walked
    steps: Sequence[tuple[str, Any, Any]]


def said_of(network: Network, theory: Theory) -> Said:
    """Errors: those of `prove`."""
    steps, walks = list[tuple[str, Any, Any]](), list[Any]()
    ternary, layer = walk_module.Walk._ternary, walk_module.Walk.layer

    def seeing_ternary(walk: Any, at: str, cls: str, coordinates: Sequence[Cases]) -> list[Cases]:
        found = ternary(walk, at, cls, coordinates)
        steps.append((at.rpartition(".")[2] if at.startswith("weights") else "embedding", cls, list(found)))
        return found

    def seeing_layer(walk: Any, *told: Any) -> Any:
        found = layer(walk, *told)
        steps.append(("layer", found, {cls: list(coordinates) for cls, coordinates in walk.coordinates.items()}))
        walks.append(walk)
        return found

    with (
        patch.object(walk_module.Walk, "_ternary", seeing_ternary),
        patch.object(walk_module.Walk, "layer", seeing_layer),
    ):
        walked = prove(network, theory)
    return Said(walks[-1].variables, walked, steps)


said_once = Once(said_of)
"""One proof is mostly compared with several evaluations."""


class _Going:
    def __init__(self, network: Network, theory: Theory, sequences: Sequence[Sequence[TrueToken]]) -> None:
        self.network, self.theory, self.sequences = network, theory, sequences
        self.r = network.position_bits
        self.read = read_theory(theory.text, theory.parameters, self.r)
        prepared = PreparedNetwork(network)
        self.batch = embed(prepared, [sequence_of(network, self.read, tokens) for tokens in sequences])
        self.stages = [self.batch.x, *(stage.after for stage in stages(prepared, self.batch))]
        self.found = Comparison(tokens=self.batch.length)
        self.layer, self.attended = 0, False
        self.classes: dict[str, Tokens] = {}
        self.at: list[tuple[Tokens, int]] = []
        """Of every column: its class, and which of its tokens it is."""
        for tokens in sequences:
            for position, token in enumerate(tokens):
                of_class = self.classes.setdefault(token.cls, Tokens(token.cls))
                self.at.append((of_class, len(of_class.columns)))
                of_class.columns.append(len(self.at) - 1)
                of_class.ghosts.append({**token.ghosts, POS: position})

    def amiss(self, what: str) -> None:
        self.found.differences.append(what)

    def look_at(self, variables: Variables, what: str, about: Any, found: Any) -> None:
        """One step of what is said."""
        match what:
            case "embedding":
                self.see(variables, 0, about, found)
            case "heads":
                if not self.attended:
                    self.attend()
                self.see(variables, 2 * self.layer + 1, about, found)
            case "mlp":
                self.see(variables, 2 * self.layer + 2, about, found)
            case "layer":
                self.end_layer(about)
                for cls, coordinates in found.items():
                    self.see(variables, 2 * self.layer, cls, coordinates)
            case _:
                raise ValueError(what)

    def see(self, variables: Variables, stage: int, cls: str, coordinates: Sequence[Cases]) -> None:
        """Compare what is said of a class with what the evaluator has at that stage."""
        if cls not in self.classes:
            return
        tokens = self.classes[cls]
        tables, actual = _Tables(variables, tokens), self.stages[stage][:, tokens.columns]
        for coordinate, cases in enumerate(coordinates):
            said, holding = tables.cases(cases)
            wrong = (said != actual[coordinate]) | (holding != 1)
            if wrong.any():
                first = int(wrong.argmax())
                name, place = self.network.coordinate_name(coordinate), self.batch.place(tokens.columns[first])
                self.amiss(f"stage {stage}, {cls} at {place}: {name} is {actual[coordinate, first]}")
        self.found.coordinates += actual.size

    def attend(self) -> None:
        """Every head of the present layer: the case of each token, what it selects, what is given there."""
        self.attended = True
        before = self.stages[2 * self.layer].astype(np.int64)
        for place, head in enumerate(self.network.layers[self.layer].heads):
            cases = self.theory.annotation[self.layer][place]
            self.selected = list[tuple[int, list[int]]]()
            for begin, tokens in zip(self.batch.opens, self.sequences, strict=True):
                columns = range(begin, begin + len(tokens))
                scores = before[np.ix_(head.query, columns)].T @ before[np.ix_(head.key, columns)]
                for i in range(len(columns)):
                    best = np.flatnonzero(scores[i, : i + 1] == scores[i, : i + 1].max())
                    self._one(
                        f"layer {self.layer + 1}, {head.name}", head, cases, place, begin, i, best.tolist(), before
                    )

    def _one(
        self,
        at: str,
        head: CompiledHead,
        cases: Sequence[Case],
        place: int,
        begin: int,
        i: int,
        best: list[int],
        before: NDArray[np.int64],
    ) -> None:
        """One token: exactly one case is its own; what that selects are just the tokens of the best score."""
        of_class, which = self.at[begin + i]
        mine = of_class.ghosts[which]
        alone = _Pair(mine, {}, self.read.tables)
        own = [n for n, one in enumerate(cases) if of_class.cls in one.classes and alone.holds(formula_of(one.when))]
        if len(own) != 1:
            self.amiss(f"{at}: {of_class.cls} at {i} has the cases {own}")
            return
        case, selected = cases[own[0]], []
        for j in range(i + 1):
            theirs, other = self.at[begin + j]
            if theirs.cls in case.selects:
                both = _Pair(mine, theirs.ghosts[other], self.read.tables)
                if both.holds(formula_of(case.selects[theirs.cls])):
                    selected.append(j)
        if selected != best:
            self.amiss(f"{at}: {of_class.cls} at {i} selects {best}, not {selected}")
        if alone.value(number_of(case.member)) not in selected:
            self.amiss(f"{at}: {of_class.cls} at {i} has the member {alone.value(number_of(case.member))}")
        self.found.selections += 1
        if "any" in case.value:
            values = before[np.ix_(head.value, [begin + j for j in best])]
            name = f"annotation[{self.layer}][{place}][{own[0]}]"
            for row, value in enumerate(values.sum(axis=1) // len(best)):
                listed = of_class.given.setdefault((name, row), [0] * len(of_class.columns))
                listed[which] = int(value)
                self.found.given += 1

    def end_layer(self, found: Sequence[FoundHead]) -> None:
        """What is proved of its heads holds; and names mean what they do from now on, all at once."""
        self.require_separations(found)
        for of_class in self.classes.values():
            for ghosts in of_class.ghosts:
                old = _Pair(dict(ghosts), {}, self.read.tables)
                for name in self.theory.names[self.layer]:
                    if of_class.cls not in name.classes:
                        continue
                    if name.number is not None:
                        ghosts[name.name] = int(old.value(number_of(name.number))) % (1 << self.r)
                    if name.formula is not None:
                        ghosts[name.name] = old.holds(formula_of(name.formula))
        self.layer, self.attended = self.layer + 1, False

    def require_separations(self, found: Sequence[FoundHead]) -> None:
        """No score comes nearer to the best than proved, and no more tokens with a value other than 0 are selected."""
        before = self.stages[2 * self.layer].astype(np.int64)
        for head, proved in zip(self.network.layers[self.layer].heads, found, strict=True):
            for begin, tokens in zip(self.batch.opens, self.sequences, strict=True):
                columns = range(begin, begin + len(tokens))
                scores = before[np.ix_(head.query, columns)].T @ before[np.ix_(head.key, columns)]
                visible = np.tri(len(columns), dtype=bool)
                below = scores.max(axis=1, where=visible, initial=-FAR)[:, np.newaxis] - scores
                best = visible & (below == 0)
                nearest = below.min(axis=1, where=visible & ~best, initial=FAR)
                matters = (best & before[np.ix_(head.value, columns)].any(axis=0)).any(axis=1)
                ties = np.where(matters, best.sum(axis=1), 1)
                for i in np.flatnonzero(nearest < (proved.separation or FAR)):
                    self.amiss(f"layer {self.layer + 1}, {head.name}: at {i} others are {nearest[i]} below")
                if proved.ties is not None:
                    for i in np.flatnonzero(ties > proved.ties):
                        self.amiss(f"layer {self.layer + 1}, {head.name}: at {i} {ties[i]} are selected")

    def compare_outputs(self, margin: int | None) -> None:
        """The token that the theory names is the one that is generated, with the margin that was proved."""
        readout = read_out(self.network, self.stages[-1])
        for begin, tokens in zip(self.batch.opens, self.sequences, strict=True):
            for position, named in enumerate(output_of(self.theory, self.r, tokens)):
                if named is None:
                    continue
                token, above = readout.token(begin + position), int(readout.margin[begin + position])
                if token != token_of(self.network, *named) or above < (margin or 1):
                    self.amiss(f"position {position}: {token} is above others by {above}, where {named} must be")
                self.found.outputs += 1


class _Tables:
    """Formulas about a token i as truth tables, with one entry for each token of a class."""

    def __init__(self, variables: Variables, tokens: Tokens) -> None:
        self.count, self.known = len(tokens.columns), dict[Formula, Table]()
        self.integers = dict[tuple[tuple[int, Formula], ...], tuple[NDArray[np.int64], NDArray[np.int64]]]()
        self.bits = dict[int, Table]()
        for name in tokens.ghosts[0]:
            kind = variables.theory.kinds[name]
            elements = variables.theory.sets.get(kind)
            listed = [ghosts[name] for ghosts in tokens.ghosts]
            values = np.array([int(one) if elements is None else elements.index(str(one)) for one in listed])
            for place, bit in enumerate(variables.bits(name, False)):
                self.bits[bit.level] = values >> place & 1 == 1
        for (name, row), given in tokens.given.items():
            for sign, value in (("-", -1), ("+", 1)):
                if (level := variables.levels.get((f"{name}.value {sign}", row))) is not None:
                    self.bits[level] = np.array(given) == value
                if (level := variables.levels.get((f"{name} {sign}", row))) is not None:
                    self.bits[level] = np.array(given) == value

    def cases(self, cases: Cases) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The integer at each token, and how many of its cases hold there; many coordinates are the same integer."""
        key = tuple(cases.items())
        if key not in self.integers:
            where = np.zeros((len(cases), self.count), np.int64)
            for row, formula in zip(where, cases.values(), strict=True):
                row[:] = self.of(formula)
            self.integers[key] = np.array(list(cases), np.int64) @ where, where.sum(axis=0)
        return self.integers[key]

    def of(self, formula: Formula) -> Table:
        """Where it holds."""
        if formula not in self.known:
            self.known[formula] = (
                np.full(self.count, formula.holds({}))
                if formula.table is None
                else np.where(self.bits[formula.level], self.of(formula.high), self.of(formula.low))
            )
        return self.known[formula]


def sequence_of(network: Network, read: ReadTheory, tokens: Sequence[TrueToken]) -> TokenSequence:
    """The tokens themselves, as the network's vocabulary has them; all of them are read, and none is generated."""
    found = []
    for position, token in enumerate(tokens):
        alone = _Pair({**token.ghosts, POS: position}, {}, read.tables)
        said = read.classes[token.cls].token
        found.append(token_of(network, said.family, {name: alone.field(value) for name, value in said.fields}))
    return TokenSequence(tuple(found), len(found), len(found))


def token_of(network: Network, family: str, values: Mapping[str, Value]) -> Token:
    """A token by the names of its fields and their values."""
    fields = network.vocabulary.families[network.vocabulary.index[family]].fields
    return Token(family, tuple(one.values.index(str(values[one.name])) for one in fields))
