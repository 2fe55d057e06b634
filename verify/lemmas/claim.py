"""A claim about neurons, stated twice (bit by bit for the solver, with plain numbers for everything else), and decided.

The plain statement `meaning` says on which activations the claim is made, and what is added there.  The solver is asked
about the cases: each has a domain for each coordinate, assumptions, and what is added, as terms.  A counterexample
counts only if the plain statement and plain evaluation of the neurons confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.lemmas.activation import Contents, Domain, Symbol, added_by, added_terms
from exactformer.verify.lemmas.outcome import Budget, Checked, Finding, Violated
from exactformer.verify.solver import Formula, Model, Refuted, Term, Unknown, all_of, constant, equal

Added = Mapping[int, int]
"""What is added, by coordinate; coordinates left out are left alone."""

Symbols = Mapping[int, Symbol]


class ClaimError(ValueError):
    """There is no claim here about this gadget."""


def nothing_assumed(x: Symbols) -> Sequence[Formula]:  # noqa: ARG001 - one of the functions a case may have
    return ()


def nothing_added(x: Symbols) -> Mapping[int, Term]:  # noqa: ARG001 - one of the functions a case may have
    return {}


@dataclass(frozen=True)
class Case:
    """Part of the inputs: coordinate c has a value of domains[c], and `assumed` holds.  There `adds` is added."""

    title: str
    domains: Mapping[int, Domain]
    adds: Callable[[Symbols], Mapping[int, Term]] = nothing_added
    assumed: Callable[[Symbols], Sequence[Formula]] = nothing_assumed


@dataclass(frozen=True)
class Claim:
    """registers: all that the statement or a neuron mentions.  inputs: every coordinate of them and all its values.

    meaning: what is added at these activations, None if nothing is claimed.
    """

    title: str
    registers: tuple[Span, ...]
    inputs: Mapping[int, Domain]
    meaning: Callable[[Contents], Added | None]
    cases: tuple[Case, ...]
    neurons: tuple[Neuron, ...]

    def with_neurons(self, neurons: Iterable[Neuron]) -> Claim:
        """The same statement about other neurons."""
        return replace(self, neurons=tuple(neurons))

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Each coordinate's register and bit, without blanks."""
        return {
            c: span.name if span.whole and span.width == 1 else f"{span.name}[{span.start + c - span.offset}]"
            for span in self.registers
            for c in span.coordinates
        }

    def decide(self, budget: Budget) -> Iterator[Finding]:
        """One finding for each case."""
        for case in self.cases:
            yield self._decide_case(case, budget)

    def _decide_case(self, case: Case, budget: Budget) -> Finding:
        x = {c: Symbol.of(self.names[c], domain) for c, domain in case.domains.items()}
        wanted, got = case.adds(x), added_terms(self.neurons, x)
        agrees = all_of(equal(got.get(c, _NOTHING), wanted.get(c, _NOTHING)) for c in sorted({*got, *wanted}))
        restrictions = [symbol.restriction for symbol in x.values() if symbol.restriction is not None]
        verdict = budget.prove(agrees, [*restrictions, *case.assumed(x)])
        return self._confirmed(case, x, verdict.model) if isinstance(verdict, Refuted) else verdict

    def _confirmed(self, case: Case, x: Symbols, model: Model) -> Violated | Unknown:
        """The counterexample in words, if the neurons really contradict the claim there."""
        point = {c: symbol.value(model) for c, symbol in x.items()}
        difference = self.disagreement(point)
        if difference is None:
            return Unknown(f"{self.title}, {case.title}: plain evaluation does not confirm the solver's {model}")
        return Violated(difference)

    def disagreement(self, x: Contents) -> str | None:
        """In words, how the neurons differ from the statement at x; None if they agree or nothing is claimed."""
        wanted = self.meaning(x)
        if wanted is None:
            return None
        got = added_by(self.neurons, x)
        wrong = {c for c in {*got, *wanted} if got.get(c, 0) != wanted.get(c, 0)}
        if not wrong:
            return None
        touched = [span for span in self.registers if wrong & set(span.coordinates)]
        parts = [f"{span} should get {_shown(span, wanted)} but gets {_shown(span, got)}" for span in touched]
        return f"{self.title}: where {self.described(x)}: {'; '.join(parts)}"

    def described(self, x: Contents) -> str:
        """The registers that are read, and their values."""
        return ", ".join(f"{span} = {_shown(span, x)}" for span in self.registers if set(span.coordinates) & set(x))

    @cached_property
    def points(self) -> Points:
        """All inputs the claim is made for: exponentially many, for small widths only."""
        read, written = tuple(self.inputs), tuple(c for span in self.registers for c in span.coordinates)
        inputs, gains = list[tuple[int, ...]](), list[tuple[int, ...]]()
        for values in product(*(self.inputs[c].value for c in read)):
            wanted = self.meaning(dict(zip(read, values, strict=True)))
            if wanted is not None:
                inputs.append(values)
                gains.append(tuple(wanted.get(c, 0) for c in written))
        shape = len(inputs), -1
        return Points(
            read, written, np.array(inputs, np.int64).reshape(shape), np.array(gains, np.int64).reshape(shape)
        )

    def exhaust(self, budget: Budget, neurons: Sequence[Neuron] | None = None) -> Checked | Violated | Unknown:
        """Evaluate the neurons, or others instead, on all inputs."""
        units = self.neurons if neurons is None else neurons
        return budget.exhaust(
            f"inputs of {self.title}",
            enumerate(self.points.agree(units).tolist()),
            lambda point: (
                None if point[1] else f"{self.title}: differs where {self.described(self.points.at(point[0]))}"
            ),
        )


@dataclass(frozen=True, eq=False)
class Points:
    """inputs[n, i] is the activation at coordinate read[i], gains[n, j] what is added at written[j]."""

    read: tuple[int, ...]
    written: tuple[int, ...]
    inputs: NDArray[np.int64]
    gains: NDArray[np.int64]

    def at(self, n: int) -> Contents:
        return dict(zip(self.read, map(int, self.inputs[n]), strict=True))

    def agree(self, neurons: Iterable[Neuron]) -> NDArray[np.bool_]:
        """For each input, whether the neurons add what they should and nothing else."""
        column = {c: self.inputs[:, place] for place, c in enumerate(self.read)}
        place = {c: number for number, c in enumerate(self.written)}
        left = self.gains.copy()
        elsewhere = dict[int, NDArray[np.int64]]()
        for unit in neurons:
            activation = np.full(len(left), unit.bias, np.int64)
            for c, weight in unit.inputs:
                activation += weight * column[c]
            np.maximum(activation, 0, out=activation)
            for c, weight in unit.outputs:
                target = left[:, place[c]] if c in place else elsewhere.setdefault(c, np.zeros(len(left), np.int64))
                target -= weight * activation
        agrees: NDArray[np.bool_] = (left == 0).all(axis=1)
        for column_left in elsewhere.values():
            agrees &= column_left == 0
        return agrees


_NOTHING = constant(0)


def _shown(span: Span, values: Mapping[int, int]) -> str:
    shown = [values.get(c, 0) for c in span.coordinates]
    return str(shown[0]) if span.width == 1 else f"({', '.join(f'{v:+d}' if v else '0' for v in shown)})"
