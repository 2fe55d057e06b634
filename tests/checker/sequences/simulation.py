"""NETWORKS section 3, computed in exact fractions, in one of the many orders in which sums may be done.

Written from the text, apart from the checker: own rounding, own exponentials (mpmath, at a precision at which it is
certain how they round).  Where the text leaves a choice (an order, either neighbour, an error of exp) it is random.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any, Literal

import mpmath

from tests.checker.sequences.documents import Numbers, position_of

NAMED = {
    "fp32": (24, -126, 127),
    "bf16": (8, -126, 127),
    "fp16": (11, -14, 15),
    "e5m2": (3, -14, 15),
    "e4m3fn": (4, -6, 8),
}
PRECISION = 500
"""Bits of exponentials."""


class Overflows(Exception):
    """A number is beyond its format."""


@dataclass(frozen=True)
class Rounding:
    """A format: p is None in fixed point; numbers are multiples of 2^lowest up to ``largest``."""

    p: int | None
    lowest: int
    largest: Fraction

    def __call__(self, value: Fraction) -> Fraction:
        """To nearest, ties to even."""
        if self.has_bits(value):
            return value
        step = self.step(value)
        return self.held(round(value / step) * step)  # Python rounds a half to even

    def cut(self, value: Fraction) -> Fraction:
        """Toward zero."""
        step = self.step(value)
        return self.held((abs(value) // step) * step * (1 if value >= 0 else -1))

    def away(self, value: Fraction) -> Fraction:
        """Away from zero."""
        step = self.step(value)
        return self.held(-(-abs(value) // step) * step * (1 if value >= 0 else -1))

    def step(self, value: Fraction) -> Fraction:
        """How far numbers of the format are apart, where a value lies."""
        if self.p is None:
            return Fraction(2) ** self.lowest
        log = value.numerator.bit_length() - value.denominator.bit_length()  # not more than one too small
        step = Fraction(2) ** max(self.lowest, log - self.p)
        while abs(value) >= step * 2**self.p:
            step *= 2
        return step

    def held(self, value: Fraction) -> Fraction:
        if abs(value) > self.largest:
            raise Overflows
        return value

    def has_bits(self, value: Fraction) -> bool:
        """Whether it is a small integer, which is seen at once to be a number of the format."""
        few = 2**self.p if self.p is not None else int(self.largest)
        return value.denominator == 1 and abs(value.numerator) <= min(few, self.largest)


def rounding(name: str) -> Rounding:
    if match := re.fullmatch(r"fixed(\d+)(?:\.(\d+))?", name):
        f, i = int(match[1]), int(match[2] or 8)
        return Rounding(None, -f, Fraction(2) ** i - Fraction(2) ** -f)
    match = re.fullmatch(r"float\((\d+),(-?\d+),(\d+)\)", name)
    p, emin, emax = NAMED[name] if match is None else (int(match[1]), int(match[2]), int(match[3]))
    largest = Fraction(448) if name == "e4m3fn" else (2 - Fraction(2) ** (1 - p)) * Fraction(2) ** emax
    return Rounding(p, emin - p + 1, largest)


Term = Fraction | tuple[Fraction, Fraction]
"""A number of the format, or a product of two."""
Operation = Callable[[Fraction], Fraction]
"""From the exact result of an addition, a product or a quotient to the computed one."""


def summed(form: Operation | None, terms: Sequence[Term], random: Random) -> Fraction:
    """sum_F in some order and grouping, with fused multiply-adds here and there; exactly, without a format."""
    terms = list(terms)
    if form is None:
        return sum((value(term) for term in terms), Fraction(0))
    random.shuffle(terms)
    return _fold(form, terms, random, random.choice(("chain", "tree", "any")), random.choice((0, 1, 2)))


def value(term: Term) -> Fraction:
    return term[0] * term[1] if isinstance(term, tuple) else term


def _fold(form: Operation, terms: list[Term], random: Random, shape: str, fused: int) -> Fraction:
    if not terms:
        return Fraction(0)
    if len(terms) == 1:
        return form(value(terms[0]))
    cut = {"chain": 1, "tree": len(terms) // 2, "any": random.randrange(1, len(terms))}[shape]
    rest = _fold(form, terms[cut:], random, shape, fused)
    if cut == 1 and (fused == 2 or (fused == 1 and random.random() < 0.5)):
        return form(value(terms[0]) + rest)
    return form(_fold(form, terms[:cut], random, shape, fused) + rest)


def exponential(x: Fraction) -> Fraction:
    """exp(x) for x <= 0, to PRECISION bits; 0 where it is far below all formats here."""
    if x < -600:
        return Fraction(0)
    with mpmath.workprec(PRECISION):
        found = mpmath.exp(mpmath.mpf(x.numerator) / x.denominator)
    sign, mantissa, exponent, _ = found._mpf_
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def real(value: mpmath.mpf) -> Fraction:
    """As it is; 0 where it is far below all formats here."""
    sign, mantissa, exponent, bits = value._mpf_
    if not mantissa or exponent + bits < -3000:
        return Fraction(0)
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def smooth(name: str, z: Fraction) -> Fraction:
    """silu, gelu or gelu_tanh of z, to PRECISION bits."""
    with mpmath.workprec(PRECISION + 50):
        at = mpmath.mpf(z.numerator) / z.denominator
        if name == "gelu":
            return real(at * mpmath.erfc(-at / mpmath.sqrt(2)) / 2)
        turn = at if name == "silu" else mpmath.sqrt(8 / mpmath.pi) * (at + at**3 * 44715 / 10**6)
        return real(at / (1 + mpmath.exp(-turn)))


def inverse_root(value: Fraction) -> Fraction:
    """1/sqrt(value), to PRECISION bits."""
    with mpmath.workprec(PRECISION + 50):
        return real(1 / mpmath.sqrt(mpmath.mpf(value.numerator) / value.denominator))


def certainly(form: Operation | None, value: Fraction, known: bool) -> Fraction:
    """``value``, known to a few bits less than PRECISION, rounded; it is not so near to a rounding boundary that these
    do not decide."""
    if form is None or known:
        return value if form is None else form(value)
    off = abs(value) / 2 ** (PRECISION - 40)
    rounded = form(value - off)
    assert rounded == form(value + off)
    return rounded


@dataclass(frozen=True)
class Arithmetic:
    """Formats by role; None for `exact`; ``ACC`` is None with two formats, too. ``steps`` by their names, with numbers
    as U of ``exp`` and ``exp-one``."""

    kind: Literal["exact", "rounded", "fused"]
    W: Rounding | None
    ACC: Rounding | None
    A: Rounding | None
    S: Rounding | None
    L: Rounding | None
    beta: int
    steps: Mapping[str, int] = field(default_factory=dict)

    @property
    def stored(self) -> bool:
        return "stored" in self.steps


def arithmetic_of(text: str, beta: int) -> Arithmetic:
    if text == "exact":
        return Arithmetic("exact", None, None, None, None, None, beta)
    text, *names = text.split("+")
    linear = names.pop(0).removeprefix("linear") if names and names[0].startswith("linear") else "fp32"
    steps = {}
    for name in names:
        match = re.fullmatch(r"([a-z]+)(\d*)(-one)?", name)
        assert match is not None, name
        steps[match[1] + (match[3] or "")] = int(match[2] or 1)
    text, _, score = text.partition("@")
    kind, _, formats = text.partition(":")
    weight, *middle, activation = (rounding(name) for name in formats.split("/"))
    accumulator = middle[0] if middle else None
    S, L = rounding(score or "fp32"), rounding(linear)
    return Arithmetic("fused" if kind == "fused" else "rounded", weight, accumulator, activation, S, L, beta, steps)


@dataclass(frozen=True)
class Simulation:
    """One way to compute; `Overflows` where a number does."""

    arithmetic: Arithmetic
    document: Any
    random: Random
    exponentials: dict[Fraction, Fraction] = field(default_factory=dict)
    """What the simulated exp gives: equal arguments give equal results."""

    def rounded(self, form: Rounding | None, value: Fraction) -> Fraction:
        return value if form is None else form(value)

    def linear(self, form: Any, x: Numbers) -> Fraction:
        """sum_L of a form's products and bias."""
        return summed(self.arithmetic.L, self.terms(form, x), self.random)

    def terms(self, form: Any, x: Numbers) -> list[Term]:
        return [*((Fraction(weight), x[index]) for index, weight in form[0]), Fraction(form[1])]

    def activation(self, value: Fraction) -> Fraction:
        return self.rounded(self.arithmetic.A, value)

    def number_near(self, form: Rounding, right: Fraction, most: Fraction, sure: Fraction) -> Fraction:
        """Some number of a format that is off by at most ``most`` from ``right``, which is known to within ``sure``:
        often one that is as far off as can be."""
        part = self.random.choice((Fraction(-1), Fraction(1), Fraction(self.random.randint(-99, 99), 99)))
        for found in (form.cut, form.away, form):
            try:
                number = found(right + part * most)
            except Overflows:
                continue
            if abs(number - right) + sure <= most:
                return number
        return form(right)

    def states(self, tokens: Sequence[str]) -> list[list[Numbers]]:
        """x of all tokens, at first and after every sublayer."""
        embedding = {entry["token"]: entry["embedding"] for entry in self.document["vocabulary"]}
        xs = []
        for place, token in enumerate(tokens):
            terms: list[list[Term]] = [[] for _ in range(self.document["width"])]
            for index, weight in [*embedding[token], *position_of(self.document, place)]:
                terms[index].append(Fraction(weight))
            xs.append([self.activation(summed(self.arithmetic.L, entries, self.random)) for entries in terms])
        states = [xs]
        for layer in self.document["layers"]:
            norms = layer.get("norms", {})
            added: list[list[list[Term]]] = [[[entry] for entry in x] for x in xs]
            read = [self.normed(norms.get("heads"), x) for x in xs] if layer["heads"] or "heads" in norms else []
            for head in layer["heads"]:
                for i, o in enumerate(self.head(head, read, tokens)):
                    for coordinate, form in head["out"]:
                        added[i][coordinate] += self.terms(form, o)
            xs = [self.normed(norms.get("behind_heads"), [self.behind(terms) for terms in x]) for x in added]
            states.append(xs)
            added = [[[entry] for entry in x] for x in xs]
            for x, terms_of in zip(xs, added, strict=True):
                neurons = self.neurons(layer["mlp"], self.normed(norms.get("mlp"), x))
                for coordinate, form in layer["mlp"]["out"]:
                    terms_of[coordinate] += self.terms(form, neurons)
            xs = [self.normed(norms.get("behind_mlp"), [self.behind(terms) for terms in x]) for x in added]
            states.append(xs)
        return states

    def read(self, x: Numbers) -> Numbers:
        """What outputs read of the last x: it is computed once, whatever reads it."""
        return self.normed(self.document.get("norm"), x)

    def normed(self, norm: Any, x: Numbers) -> Numbers:
        """NETWORKS 1.2 in NETWORKS 3; without a norm x stays."""
        if norm is None:
            return x
        form, d, y = self.arithmetic.L, len(x), x
        if norm["center"]:
            m = summed(form, list(x), self.random) / d
            if form is None:
                y = [each - m for each in x]
            else:
                mu = self.number_near(form, m, 2 * self.u * abs(m) + self.q, Fraction(0))
                y = [form(each - mu) for each in x]
        mean = summed(form, [(each, each) for each in y], self.random) / d + Fraction(norm["epsilon"])
        if mean == 0 or (form is not None and not self.least_normal <= mean <= form.largest / 2):
            raise Overflows  # nothing can be shown either
        r = inverse_root(mean)
        if form is not None:
            part = self.random.choice((Fraction(-1), Fraction(1), Fraction(self.random.randint(-99, 99), 99)))
            r *= 1 + 8 * self.u * part * (1 - Fraction(1, 2 ** (PRECISION - 40)))
        t = [self.rounded(form, each * r) for each in y]
        if self.arithmetic.stored:
            t = [self.activation(each) if self.random.random() < 0.5 else each for each in t]
        terms: list[list[Term]] = [[] for _ in x]
        for index, weight in norm["weight"]:
            terms[index].append((Fraction(weight), t[index]))
        for index, bias in norm["bias"]:
            terms[index].append(Fraction(bias))
        return [self.activation(summed(form, here, self.random)) for here in terms]

    @property
    def u(self) -> Fraction:
        form = self.arithmetic.L
        return Fraction(0) if form is None or form.p is None else Fraction(1, 2**form.p)

    @property
    def q(self) -> Fraction:
        form = self.arithmetic.L
        return Fraction(0) if form is None else Fraction(2) ** form.lowest

    @property
    def least_normal(self) -> Fraction:
        form = self.arithmetic.L
        assert form is not None
        assert form.p is not None, "a norm in fixed point is not judged"
        return Fraction(2) ** (form.lowest + form.p - 1)

    def neurons(self, mlp: Any, x: Numbers) -> Numbers:
        """What the neurons make."""
        name, own = mlp.get("activation", "relu"), [self.product(form, x) for form in mlp["neurons"]]
        if "gates" not in mlp:
            return [self.active(name, z) for z in own]
        gates = [self.active(name, self.product(form, x)) for form in mlp["gates"]]
        made = [self.rounded(self.arithmetic.L, gate * z) for gate, z in zip(gates, own, strict=True)]
        return [self.activation(each) for each in made] if self.arithmetic.stored else made

    def active(self, name: str, z: Fraction) -> Fraction:
        """The activation of z."""
        if name == "relu":
            return max(z, Fraction(0))
        if name == "identity":
            return z
        right, form = smooth(name, z), self.arithmetic.L
        if form is None:
            return right
        sure = abs(z) / 2 ** (PRECISION - 40)
        found = self.number_near(form, right, 8 * self.u * abs(z) + self.q, sure)
        return self.activation(found) if self.arithmetic.stored else found

    def product(self, form: Any, x: Numbers) -> Fraction:
        """The value of a form at x, for an activation or a comparison: in L, or stored in A."""
        return self.activation(self.linear(form, x)) if self.arithmetic.stored else self.linear(form, x)

    def behind(self, terms: Sequence[Term]) -> Fraction:
        """A coordinate, from itself and what is added to it."""
        if self.arithmetic.stored:
            terms = [terms[0], self.activation(summed(self.arithmetic.L, terms[1:], self.random))]
        return self.activation(summed(self.arithmetic.L, terms, self.random))

    def seen(self, tokens: Sequence[str], i: int) -> list[int]:
        """The places of the tokens that one sees."""
        last = i if self.document["attention"] == "causal" else len(tokens) - 1
        return [j for j in range(last + 1) if tokens[j] not in self.document.get("unseen", [])]

    def head(self, head: Any, xs: list[Numbers], tokens: Sequence[str]) -> list[Numbers]:
        """o of every token."""
        queries, keys, values = (
            [[self.activation(self.linear(form, x)) for form in head[name]] for x in xs]
            for name in ("query", "key", "value")
        )
        queries, keys = ([self.turned(head, one, place) for place, one in enumerate(all_)] for all_ in (queries, keys))
        outputs = []
        for i, query in enumerate(queries):
            seen = self.seen(tokens, i)
            scores = [self.score(head, query, keys[j]) for j in seen]
            outputs.append([self.output(scores, [values[j][r] for j in seen]) for r in range(len(head["value"]))])
        return outputs

    def turned(self, head: Any, entries: Numbers, place: int) -> Numbers:
        """A query or a key where the head rotates."""
        found = list(entries)
        for a, b, plane in head.get("rotary", []):
            cosine, sine = map(Fraction, self.document["rotary"][place][plane])
            for at, terms in (
                (a, [(cosine, entries[a]), (-sine, entries[b])]),
                (b, [(cosine, entries[b]), (sine, entries[a])]),
            ):
                found[at] = self.activation(summed(self.arithmetic.L, terms, self.random))
        return found

    def score(self, head: Any, query: Numbers, key: Numbers) -> Fraction:
        """beta rnd_S(c d)."""
        how, products = self.arithmetic, list(zip(query, key, strict=True))
        if "once" in how.steps:
            score = self.rounded(how.S, summed(how.ACC, products, self.random))
        else:
            score = summed(how.S, products, self.random)
        if "scale" in head:
            score = self.rounded(how.S, Fraction(head["scale"]) * score)
        if how.S is None:
            return how.beta * score
        return how.S.held(how.beta * score)

    def output(self, scores: Numbers, values: Numbers) -> Fraction:
        how, top = self.arithmetic, max(scores)
        below = [top - score for score in scores]
        if how.ACC is None:
            powers = [exponential(-x) for x in below]
            weights = [certainly(how.W, power / sum(powers), set(powers) == {1}) for power in powers]
            found = sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0))
            return self.activation(found) if how.A else Fraction(round(found * 2**PRECISION), 2**PRECISION)
        if how.ACC.p is not None:
            below = [how.ACC(x) for x in below]
        if how.kind == "rounded":
            e = [self.exp(x, how.ACC) for x in below]
            den = summed(self.op, list(e), self.random)
            weights = [self.cut(how.W, self.op(one / den)) for one in e]
            return self.cut(how.A, summed(self.op, list(zip(weights, values, strict=True)), self.random))
        p = [self.exp(x, how.W, cut=True) for x in below]
        num = summed(self.op, list(zip(p, values, strict=True)), self.random)
        den = summed(self.op, [self.exp(x, how.ACC) for x in below] if "wide" in how.steps else list(p), self.random)
        if den == 0:
            raise Overflows  # nothing can be shown either
        if "reciprocal" in how.steps:
            return self.cut(how.A, self.op(num * self.op(1 / den)))
        return self.cut(how.A, self.op(num / den) if "divide" in how.steps else num / den)

    def op(self, value: Fraction) -> Fraction:
        """What an addition, a product or a quotient in ACC yields."""
        acc = self.arithmetic.ACC
        assert acc is not None
        if "faithful" not in self.arithmetic.steps:
            return acc(value)
        return self.random.choice((acc.cut, acc.away))(value)

    def cut(self, form: Rounding | None, value: Fraction) -> Fraction:
        """Rounded to W or A, after softmax."""
        assert form is not None
        return form.cut(value) if "truncate" in self.arithmetic.steps else form(value)

    def exp(self, x: Fraction, form: Rounding | None, cut: bool = False) -> Fraction:
        """exp(-x), as a number of a format; perhaps from one of ACC that is some ulp wrong."""
        how = self.arithmetic
        error = how.steps.get("exp", how.steps.get("exp-one", 0))
        if error:
            if x not in self.exponentials:
                self.exponentials[x] = self.wrong(x, error)
            return self.cut(form, self.exponentials[x]) if cut else self.rounded(form, self.exponentials[x])
        assert form is not None
        return certainly(form.cut if cut and "truncate" in how.steps else form, exponential(-x), x == 0)

    def wrong(self, x: Fraction, error: int) -> Fraction:
        """A number of ACC within so many max(q, 2^(1-p) exp(-x)) of exp(-x); or 0 below the normal numbers."""
        acc, right = self.arithmetic.ACC, exponential(-x)
        assert acc is not None
        assert acc.p is not None
        q = Fraction(2) ** acc.lowest
        if x == 0 and "exp-one" in self.arithmetic.steps:
            return Fraction(1)
        if right < q / 2 or (right < q * 2 ** (acc.p - 1) and self.random.random() < 0.25):
            return Fraction(0)
        most = error * max(q, right / 2 ** (acc.p - 1))
        part = self.random.choice((Fraction(-1), Fraction(1), Fraction(self.random.randint(-99, 99), 99)))
        near = max(right + part * most, Fraction(0))
        for found in (acc.cut, acc.away, acc):
            number = found(near)
            if abs(number - right) <= most:
                return number
        return acc(right)

    # What is said

    @property
    def forms(self) -> dict[str, Any]:
        """Of the vocabulary, or of the outputs that are named."""
        forms = {entry["token"]: entry["unembedding"] for entry in self.document["vocabulary"]}
        return dict(self.document.get("outputs", {"largest": forms})["largest"])

    def is_above(self, x: Numbers, one: str, other: str) -> bool:
        """Whether an output is strictly better than another one."""
        outputs = self.document.get("outputs", {})
        if "nearest" in outputs:
            made = self.product(outputs["nearest"][0], x)
            return abs(made - Fraction(one)) < abs(made - Fraction(other))
        return self.product(self.forms[one], x) > self.product(self.forms[other], x)

    def said(self, x: Numbers) -> tuple[str | None, Fraction]:
        """The output that is strictly best, and by how much; None if none is. x is what outputs read."""
        outputs = self.document.get("outputs", {})
        if "nearest" not in outputs:
            logits = {name: self.product(form, x) for name, form in self.forms.items()}
            first, second = sorted(logits.values(), reverse=True)[:2]
            best = max(logits, key=logits.__getitem__)
            return (best, first - second) if first > second else (None, Fraction(0))
        form, listed = outputs["nearest"]
        made, numbers = self.product(form, x), [Fraction(number) for number in listed]
        middles = [(low + high) / 2 for low, high in pairwise(numbers)]
        if made in middles:
            return None, Fraction(0)
        place = sum(middle < made for middle in middles)
        return str(numbers[place]), min(abs(middle - made) for middle in middles[max(place - 1, 0) : place + 1])
