"""The two ends of the network: embeddings are as annotated, and every token is followed by the one it has to be.

Both are finite: they are evaluated on all tokens, and on all values of what the unembedding reads (spec 5.1, point 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Field, Token
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import Annotation
from exactformer.verify.annotation.content import Bit, Content, Ghost, Ghosts, If, Vector, holds, value_at
from exactformer.verify.annotation.ghosts import NEW_SUMMARY, OLD_SUMMARY, TokenClass
from exactformer.verify.annotation.layout import State, specialized
from exactformer.verify.annotation.symbolic import ghosts_in, numbers_in
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out

MOST_COMBINATIONS = 200_000


class TooManyTokensError(ValueError):
    """More tokens than are evaluated one by one."""


@dataclass(frozen=True)
class TokenCase:
    """A token of a class, and the ghosts that its embedding is annotated with."""

    kind: TokenClass
    token: Token
    ghosts: Ghosts


def token_cases(machine: TuringMachine, network: Network, paradigm: Paradigm) -> Iterator[TokenCase]:
    """Every token of the vocabulary, in each class it can have; of run tokens, one field at a time is varied.

    Embedding and annotation of a run token are sums of parts that depend on one field each: verify/ARGUMENTS.md, 5.
    """
    symbols = [machine.symbol_index(symbol) for symbol in machine.input_alphabet]
    for kind in (TokenClass.INP, TokenClass.EOUTP, TokenClass.POS):
        yield TokenCase(kind, Token(kind.value), {"i": 0})
    yield TokenCase(TokenClass.EINP, Token("EINP"), {"i": 0, "q": 0} | _at_cell_zero(machine))
    yield TokenCase(TokenClass.EPOS, Token("EPOS"), {"i": 0})
    yield TokenCase(TokenClass.OUTP, Token("OUTP"), {"i": 0} | _at_cell_zero(machine))
    for kind in (TokenClass.INPUT, TokenClass.OUTPUT):
        for value, symbol in enumerate(symbols):
            yield TokenCase(kind, Token("SIGMA", (value,)), {"i": 0, "s": symbol})
    for bits in product((0, 1), repeat=machine.tapes):
        cells = {f"y_{k}": bit for k, bit in enumerate(bits, start=1)}
        for beta in range(network.position_bits):
            shifted = {name: bit << beta for name, bit in cells.items()}
            yield TokenCase(TokenClass.BIT, Token("BIT", bits), {"i": 0, "beta": beta} | shifted)
    fields = network.vocabulary.families[network.vocabulary.index["RUN"]].fields
    for values in one_at_a_time(fields):
        yield TokenCase(TokenClass.RUN, Token("RUN", tuple(values)), {"i": 0} | _run_ghosts(machine, values))
    if paradigm is Paradigm.SCOT:
        yield from _summary_token_cases(network)


def _summary_token_cases(network: Network) -> Iterator[TokenCase]:
    families = network.vocabulary.families
    yield TokenCase(TokenClass.ESUMM, Token("ESUMM"), {"i": 0})
    for summ, cell, state in ((OLD_SUMMARY[0], OLD_SUMMARY[1], OLD_SUMMARY[2]), NEW_SUMMARY):
        yield TokenCase(summ, Token("SUMM"), {"i": 0})
        for values in one_at_a_time(families[network.vocabulary.index["CELL"]].fields):
            symbols, heads = values[::2], values[1::2]
            ghosts = {f"a_{k}": symbol for k, symbol in enumerate(symbols, start=1)}
            ghosts |= {f"h_{k}": head for k, head in enumerate(heads, start=1)}
            yield TokenCase(cell, Token("CELL", tuple(values)), {"i": 0} | ghosts)
        for (value,) in one_at_a_time(families[network.vocabulary.index["STATE"]].fields):
            yield TokenCase(state, Token("STATE", (value,)), {"i": 0, "q": value})


def one_at_a_time(fields: Sequence[Field]) -> Iterator[list[int]]:
    """Values of all fields: each value of each field, the others 0."""
    for place, field in enumerate(fields):
        for value in range(len(field.values)):
            yield [0] * place + [value] + [0] * (len(fields) - place - 1)


def _at_cell_zero(machine: TuringMachine) -> Ghosts:
    return {f"x_{k}": 0 for k in range(1, machine.tapes + 1)}


def _run_ghosts(machine: TuringMachine, values: list[int], prime: str = "") -> Ghosts:
    K = machine.tapes
    ghosts = {f"q{prime}": values[0], "halted": int(machine.states[values[0]] == machine.halting)}
    for k in range(1, K + 1):
        ghosts |= {f"a{prime}_{k}": values[k], f"m{prime}_{k}": values[K + k]}
    return ghosts


def wrong_embedding(prepared: PreparedNetwork, annotation: Annotation, case: TokenCase) -> str | None:
    """How the embedding of a token differs from what is annotated behind layer 0; None if it does not."""
    network = prepared.network
    place = network.vocabulary.index[case.token.family]
    fixed, tables = prepared.embeddings[place]
    x = fixed.astype(np.int64) + sum(
        table[:, value].astype(np.int64) for table, value in zip(tables, case.token.values, strict=True)
    )
    if x[: network.position_bits].any():
        return f"{network.vocabulary.describe(case.token)}: it writes pos, where its position is added"
    for span in network.registers[1:]:
        content = annotation.behind_mlp(case.kind, 0)[span.name]
        wanted = value_at(content, span.width, case.ghosts, _nothing_fetched)
        got = tuple(x[list(span.coordinates)].tolist())
        if got != wanted:
            return f"{network.vocabulary.describe(case.token)} as {case.kind.value}: {span.name} is {got}, not {wanted}"
    return None


def _nothing_fetched(register: str, position: int, layer: int) -> Vector:
    raise LookupError(f"{register} of token {position} before layer {layer} is not known here")


@dataclass(frozen=True)
class NextCase:
    """A token in some state with these ghosts, ``y_1[3]`` being one bit of y_1, and the token that has to follow it.

    What the ghosts leave out can be anything.
    """

    state: State
    ghosts: Ghosts
    following: Token


def next_cases(machine: TuringMachine, network: Network, annotation: Annotation) -> Iterator[NextCase]:
    """Every state of a token that has to be followed by another, with all values of what the next token depends on."""
    K, r = machine.tapes, network.position_bits
    tried: set[tuple[Content, ...]] = set()
    capped = annotation.paradigm is Paradigm.SCOT
    for state in annotation.sequences.states:
        match state.kind:
            case TokenClass.EINP | TokenClass.ESUMM | TokenClass.EPOS | TokenClass.RUN:
                if state.kind is TokenClass.RUN:
                    for cap in range(3):
                        yield NextCase(state, {"halted": 1, "cap": cap}, Token("OUTP"))
                        if capped and cap:
                            yield NextCase(state, {"halted": 0, "cap": cap}, Token("SUMM"))
                if state == State(TokenClass.RUN, r):
                    yield NextCase(state, {"halted": 0, "cap": 0}, Token("POS"))
                    continue
                # States that end with the same contents are decided by the same steps.
                at_the_end = _at_the_end(network, annotation, state)
                ends = tuple(at_the_end.values())
                for values in [] if ends in tried else _steps(machine, network, at_the_end):
                    ghosts = _run_ghosts(machine, values, "'") | {"halted": 0, "has_entry": 1, "cap": 0}
                    yield NextCase(state, ghosts, Token("RUN", tuple(values)))
                tried.add(ends)
            case TokenClass.POS | TokenClass.BIT:
                beta = state.index + 1 if state.kind is TokenClass.BIT else 0
                name = "y" if state.kind is TokenClass.BIT else "x"
                for bits in product((0, 1), repeat=K):
                    known = {f"{name}_{k}[{beta}]": bit for k, bit in enumerate(bits, start=1)}
                    following = Token("EPOS") if beta == r else Token("BIT", bits)
                    yield NextCase(state, known, following)
            case TokenClass.OUTP | TokenClass.OUTPUT:
                yield NextCase(state, {"written_1": 0, "g_1": 0}, Token("EOUTP"))
                yield NextCase(state, {"written_1": 1, "g_1": 0}, Token("EOUTP"))
                for value, symbol in enumerate(machine.input_alphabet):
                    ghosts = {"written_1": 1, "g_1": machine.symbol_index(symbol)}
                    yield NextCase(state, ghosts, Token("SIGMA", (value,)))
            case TokenClass.NEWSUMM | TokenClass.NEWCELL:
                yield from _summary_cases(machine, network, state, _at_the_end(network, annotation, state))
            case TokenClass.NEWSTATE:
                yield NextCase(state, {}, Token("ESUMM"))


def _summary_cases(
    machine: TuringMachine, network: Network, state: State, at_the_end: dict[Span, Content]
) -> Iterator[NextCase]:
    """The next cell, for every choice of what was written and where heads are; the state where there is no cell."""
    K = machine.tapes
    tapes = range(1, K + 1)
    symbols = _cells(machine, network, at_the_end)
    for written, here in product(product((0, 1), repeat=K), repeat=2):
        ghosts = {f"written_{k}": w for k, w in zip(tapes, written, strict=True)}
        ghosts |= {f"here_{k}": h for k, h in zip(tapes, here, strict=True)} | {"q": 0}
        if not any(written + here):
            for q in range(len(machine.states)):
                yield NextCase(state, ghosts | {"q": q}, Token("STATE", (q,)))
            continue
        for values in symbols:
            last = {f"g_{k}": value for k, value in zip(tapes, values, strict=True)}
            cell = [each for k in tapes for each in (last[f"g_{k}"] * written[k - 1], here[k - 1])]
            yield NextCase(state, ghosts | last, Token("CELL", tuple(cell)))


def _steps(machine: TuringMachine, network: Network, at_the_end: dict[Span, Content]) -> list[list[int]]:
    """The steps to evaluate, as values of a run token's fields: all, or one field at a time where that is enough."""
    fields = network.vocabulary.families[network.vocabulary.index["RUN"]].fields
    tapes = range(1, machine.tapes + 1)
    names = ["q'", *(f"a'_{k}" for k in tapes), *(f"m'_{k}" for k in tapes)]

    def ghosts_of(values: list[int]) -> Ghosts:
        return _run_ghosts(machine, values, "'") | {"halted": 0, "has_entry": 1, "cap": 0}

    if _fields_are_independent(network, "RUN", names, at_the_end, ghosts_of):
        return list(one_at_a_time(fields))
    return _all_values(fields)


def _cells(machine: TuringMachine, network: Network, at_the_end: dict[Span, Content]) -> list[list[int]]:
    """The symbols to evaluate, one per tape: all choices, or one tape at a time where that is enough."""
    fields = network.vocabulary.families[network.vocabulary.index["CELL"]].fields
    tapes = range(1, machine.tapes + 1)
    names = [name for k in tapes for name in (f"g_{k}", None)]

    def ghosts_of(values: list[int]) -> Ghosts:
        return {f"g_{k}": values[2 * k - 2] for k in tapes} | {f"written_{k}": 1 for k in tapes}

    if _fields_are_independent(network, "CELL", names, at_the_end, ghosts_of):
        return list(one_at_a_time(fields[::2]))
    return _all_values(fields[::2])


def _all_values(fields: Sequence[Field]) -> list[list[int]]:
    if (combinations := prod(len(field.values) for field in fields)) > MOST_COMBINATIONS:
        raise TooManyTokensError(f"{combinations} tokens are more than the {MOST_COMBINATIONS} evaluated here")
    return [list(values) for values in product(*(range(len(field.values)) for field in fields))]


def _fields_are_independent(
    network: Network,
    family: str,
    names: Sequence[str | None],
    at_the_end: dict[Span, Content],
    ghosts_of: Callable[[list[int]], Ghosts],
) -> bool:
    """Whether it is enough to vary one field of a family at a time, each with the ghost of its name.

    It is if its tokens' logits are sums over the fields of terms that depend on the ghost of that field only, no other
    logit depends on any of them, and each field contributes equally much for all of its values.
    """
    ours = network.vocabulary.families[network.vocabulary.index[family]]
    varied = {name for name in names if name is not None}
    by_ghost = {span: named for span, content in at_the_end.items() if (named := _named(content) & varied)}
    moved = {c for span in by_ghost for c in span.coordinates}
    others = [one.unembedding for one in network.vocabulary.families]
    for one in network.vocabulary.families:
        fixed = [field for field, name in zip(one.fields, names, strict=False) if name is None]
        others += [vector for field in (fixed if one is ours else one.fields) for vector in field.unembedding]
    if any(c in moved for vector in others for c, _ in vector):
        return False
    for place, (field, name) in enumerate(zip(ours.fields, names, strict=True)):
        if name is None:
            continue
        support = {c for vector in field.unembedding for c, _ in vector}
        read = [span for span in by_ghost if support & set(span.coordinates)]
        if any(by_ghost[span] != {name} for span in read):
            return False
        own: set[int] = set()
        for value, vector in enumerate(field.unembedding):
            ghosts = ghosts_of([0] * place + [value] + [0] * (len(names) - place - 1))
            held: dict[int, int] = {}
            for span in read:
                content = value_at(at_the_end[span], span.width, {"blank": 0} | ghosts, _nothing_fetched)
                held |= dict(zip(span.coordinates, content, strict=True))
            own.add(sum(weight * held.get(c, 0) for c, weight in vector))
        if len(own) != 1:
            return False
    return True


def _named(content: Content) -> set[str]:
    """The ghosts that a content depends on."""
    return {number.name for number in numbers_in(content) if isinstance(number, Ghost)} | ghosts_in(content)


def next_margins(network: Network, annotation: Annotation, cases: list[NextCase]) -> Iterator[int | str]:
    """For each case, by how much the token that has to follow beats every other; or, in words, that it does not."""
    x = np.zeros((network.width, len(cases)), np.int8)
    known: dict[State, dict[Span, Content]] = {}
    undecided: dict[int, str] = {}
    for column, case in enumerate(cases):
        if case.state not in known:
            known[case.state] = _at_the_end(network, annotation, case.state)
        for span, content in known[case.state].items():
            try:
                held = _value(content, span.width, {"blank": 0} | case.ghosts)
            except LookupError:
                undecided[column] = f"{case.state}: {span} holds {content}, and the unembedding reads it"
                continue
            x[list(span.coordinates), column] = held
    readout = read_out(network, x)
    describe = network.vocabulary.describe
    for column, case in enumerate(cases):
        best, margin = readout.token(column), int(readout.margin[column])
        if column in undecided:
            yield undecided[column]
        elif best != case.following or margin < 1:
            yield f"{case.state}: {describe(best)} by {margin}, not {describe(case.following)}"
        else:
            yield margin


def _value(content: Content, width: int, ghosts: Ghosts) -> Vector:
    """A content where of some numbers one bit is known.  LookupError if it depends on what is not."""
    match content:
        case If(condition, then, otherwise):
            return _value(then if holds(condition, ghosts) else otherwise, width, ghosts)
        case Bit(Ghost(name), index) if name not in ghosts:
            return (1 if ghosts[f"{name}[{index}]"] else -1,)
    return value_at(content, width, ghosts, _nothing_fetched)


def _at_the_end(network: Network, annotation: Annotation, state: State) -> dict[Span, Content]:
    """What the registers that the unembedding reads hold behind the last layer, at tokens in ``state``."""
    read, held = _read_by_unembedding(network), annotation.behind_mlp(state.kind, annotation.depth)
    return {span: specialized(held[span.name], state) for span in network.registers if set(span.coordinates) & read}


def _read_by_unembedding(network: Network) -> set[int]:
    families = network.vocabulary.families
    vectors = [family.unembedding for family in families]
    vectors += [vector for family in families for field in family.fields for vector in field.unembedding]
    return {c for vector in vectors for c, _ in vector}
