"""The SUBLEQ computer: the theory on runs of programs and on random sequences, the network on the same, proofs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

import exactformer as ef
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.subleq.program import construct_subleq
from exactformer.constructions.subleq.programs import FIBONACCI, MULTIPLY, SUM_OF_LIST, Program, assemble
from exactformer.constructions.subleq.sequences import Write, prompt, run, subleq_sequence, token_of
from exactformer.constructions.theory import Theory, TrueToken, Value
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Mlp, Network
from exactformer.constructions.transformer.vocabulary import Token, Vocabulary
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.trial import Wrong, output_of, try_on
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.decode import AmbiguousTokenError, decode
from exactformer.verify.hardmax.forward import NotTernaryError, final_activations
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out

R = 8
RUNS: list[tuple[Program, dict[str, int], str, int]] = [
    (MULTIPLY, {"x": 7, "y": 6}, "product", 42),
    (MULTIPLY, {"x": -3, "y": 5}, "product", -15),
    (MULTIPLY, {"x": 9, "y": 0}, "product", 0),
    (FIBONACCI, {"n": 6}, "last", 8),
    (SUM_OF_LIST, {"list": 5, "list+1": -3, "list+2": 9, "list+3": 20, "count": 3}, "sum", 11),
]


@cache
def built(r: int) -> tuple[Network, Theory]:
    return ef.subleq(context=2**r)


def address(program: Program, name: str) -> int:
    label, _, offset = name.partition("+")
    return program.labels[label] + int(offset or 0)


def begun(program: Program, inputs: Mapping[str, int]) -> list[Write]:
    return prompt(program.memory, {address(program, name): value for name, value in inputs.items()}, R)


def random_writes(r: int, count: int, seed: int) -> Iterator[list[Write]]:
    """Sequences of the theory as long as the context, with few addresses, so that cells are written again."""
    random = Random(seed)

    def number() -> int:
        return random.randrange(random.choice((3, 2**r)))

    for _ in range(count):
        yield [Write(number(), number(), random.choice((None, number()))) for _ in range(2**r - 1)]


def named(write: Write, r: int) -> tuple[str, dict[str, Value]]:
    """A STEP as the theory names it."""
    numbers = {"pc": write.pc or 0, "address": write.address, "value": write.value}
    return "STEP", {f"{name}_{b}": bool(number >> b & 1) for name, number in numbers.items() for b in range(r)}


@pytest.mark.parametrize(("program", "inputs", "name", "result"), RUNS)
def test_programs_compute_what_they_should(program: Program, inputs: dict[str, int], name: str, result: int) -> None:
    """The runs are the interpreter's; the theory is true of each run, line by line, and names its tokens."""
    start = begun(program, inputs)
    tokens = [*start, *run(start, R)]
    memory = {one.address: one.value for one in tokens}
    assert memory[address(program, name)] == result % 2**R
    sequence, (_, theory) = subleq_sequence(tokens, R), built(R)
    assert list(try_on(theory, R, sequence)) == []
    wanted = [*(None for _ in start), *(named(one, R) for one in tokens[len(start) :]), ("HALT", {})]
    assert output_of(theory, R, sequence) == wanted


@pytest.mark.parametrize(("program", "inputs"), [(program, inputs) for program, inputs, _, _ in RUNS])
def test_the_network_runs_them(program: Program, inputs: dict[str, int]) -> None:
    """The exact evaluator, which knows no theory, writes the run token by token and halts."""
    start = begun(program, inputs)
    wanted = [*(token_of(one, R) for one in run(start, R)), Token("HALT")]
    written = decode(PreparedNetwork(built(R)[0]), [Token("START"), *(token_of(one, R) for one in start)])
    assert [next(written) for _ in wanted] == wanted


def test_words_of_32_bits() -> None:
    start = prompt(MULTIPLY.memory, {MULTIPLY.labels["x"]: 123_456_789, MULTIPLY.labels["y"]: 3}, 32)
    steps = list(run(start, 32))
    assert {one.address: one.value for one in steps}[MULTIPLY.labels["product"]] == 370_370_367
    written = decode(PreparedNetwork(construct_subleq(32)), [Token("START"), *(token_of(one, 32) for one in start)])
    assert [next(written) for _ in steps] == [token_of(one, 32) for one in steps]


@pytest.mark.parametrize(("r", "count"), [(2, 200), (3, 100), (4, 30)])
def test_all_that_the_theory_says_is_true_of_random_sequences(r: int, count: int) -> None:
    """Also of sequences that are not runs; and there, too, the network does what the theory says, at every STEP."""
    (network, theory), many = built(r), list(random_writes(r, count, seed=r))
    for written in many:
        assert list(try_on(theory, r, subleq_sequence(written, r))) == []
    assert wrong_tokens(network, r, many) == []


def wrong_tokens(network: Network, r: int, many: Sequence[Sequence[Write]]) -> list[tuple[int, int]]:
    """Sequence and position of every token after which the best token is not what the theory names, or not the only
    best one.

    The sequences have one length.
    """
    prepared, length = PreparedNetwork(network), len(many[0]) + 1
    sequences = [TokenSequence((Token("START"), *(token_of(one, r) for one in written)), 0, length) for written in many]
    readout = read_out(network, final_activations(prepared, embed(prepared, sequences)))
    return [
        (number, place)
        for number, written in enumerate(many)
        for place, token in enumerate(wanted_tokens(r, tuple(written)))
        if token is not None
        and (readout.margin[number * length + place] < 1 or readout.token(number * length + place) != token)
    ]


@cache
def wanted_tokens(r: int, written: Sequence[Write]) -> list[Token | None]:
    wanted = output_of(built(r)[1], r, subleq_sequence(written, r))
    return [None if one is None else Token(one[0], tuple(map(int, one[1].values()))) for one in wanted]


def test_every_line_of_the_theory_can_be_broken() -> None:
    """One ghost of one token is changed: a line that no such change breaks would say nothing."""
    r, theory = 3, built(3)[1]
    lines = {
        f"theory, line {at}"
        for at, line in enumerate(theory.text.split("\n"), start=1)
        if line.rpartition(": ")[0].split(": ")[-1].startswith(("fact", "pair"))
        or line.startswith(("fact", "pair", "define step: next = n_6"))
    }
    assert len(lines) == 11
    broken = set[str]()
    for written in random_writes(r, 60, seed=1):
        tokens = subleq_sequence(written, r)
        for place, token in enumerate(tokens):
            for name, value in token.ghosts.items():
                for other in (not value,) if isinstance(value, bool) else range(2**r):
                    changed = replace(token, ghosts={**token.ghosts, name: other})
                    broken |= {one.line for one in try_on(theory, r, [*tokens[:place], changed, *tokens[place + 1 :]])}
        if broken >= lines:
            return
    raise AssertionError(sorted(lines - broken))


def test_what_no_sequence_of_it_looks_like_is_noticed() -> None:
    tokens, theory = subleq_sequence([Write(1, 1), Write(2, 2, 0)], R), built(R)[1]
    assert Wrong("class cell", 0) in list(try_on(theory, R, tokens[1:]))
    assert Wrong("follow step", 3, 2) in list(try_on(theory, R, [*tokens, TrueToken("start", {})]))


@pytest.mark.parametrize("r", [2, 3, 4])
def test_it_is_proved_for_all_programs(r: int) -> None:
    walked = prove(*built(r))
    assert walked.margin == 1
    assert {(head.separation, head.ties is None) for layer in walked.heads for head in layer} == {(1, True), (1, False)}


def test_a_certificate_is_written_and_checked(tmp_path: Path) -> None:
    network, theory = built(2)
    certificate = ef.certify(network, theory, "rounded:fp32/bf16", context=4)
    assert ef.check(certificate.write(tmp_path), theory=theory).claim == certificate.claim
    assert certificate.claim.startswith("For every token sequence of the theory subleq")


def test_a_network_of_another_context_is_not_proved() -> None:
    with pytest.raises(Rejected):
        prove(construct_subleq(3), built(2)[1])


def with_mlp(network: Network, layer: int, units: Sequence[Neuron]) -> Network:
    layers = list(network.layers)
    layers[layer] = replace(layers[layer], mlp=Mlp.of(units))
    return replace(network, layers=tuple(layers))


def without_neuron(network: Network, layer: int, neuron: int) -> Network:
    units = network.layers[layer].mlp.neurons()
    return with_mlp(network, layer, [*units[:neuron], *units[neuron + 1 :]])


def with_bias(network: Network, layer: int, neuron: int, by: int) -> Network:
    units = list(network.layers[layer].mlp.neurons())
    units[neuron] = replace(units[neuron], bias=units[neuron].bias + by)
    return with_mlp(network, layer, units)


def with_shorter_query(network: Network, layer: int, number: int) -> Network:
    """A head without the first coordinates of query and key."""
    layers, heads = list(network.layers), list(network.layers[layer].heads)
    heads[number] = replace(heads[number], query=heads[number].query[1:], key=heads[number].key[1:])
    layers[layer] = replace(layers[layer], heads=tuple(heads))
    return replace(network, layers=tuple(layers))


def with_lower_halt(network: Network) -> Network:
    *others, halt = network.vocabulary.families
    assert halt.name == "HALT"
    lower = replace(halt, unembedding=tuple((c, weight - 2) for c, weight in halt.unembedding))
    return replace(network, vocabulary=Vocabulary((*others, lower)))


def changed_networks(network: Network) -> Iterator[tuple[str, Network]]:
    """Every neuron left out, or with another bias; every head with a shorter query; HALT with a lower logit."""
    yield "HALT", with_lower_halt(network)
    for number, layer in enumerate(network.layers):
        for neuron in range(layer.mlp.size):
            yield f"without {number}, {neuron}", without_neuron(network, number, neuron)
            yield f"bias of {number}, {neuron}", with_bias(network, number, neuron, 1)
        for head in range(len(layer.heads)):
            yield f"query of {number}, {head}", with_shorter_query(network, number, head)


def does_the_same(network: Network, r: int, sequences: Sequence[Sequence[Write]]) -> bool:
    try:
        return not wrong_tokens(network, r, sequences)
    except (NotTernaryError, AmbiguousTokenError):
        return False


NEVER_ACTIVE = ("without 2, 2", "without 9, 1")
"""Half of what sets a flag back to 0, and one case of a difference: in these layers they have no effect."""
ONLY_BEFORE_HALT = ("without 0, 10", "without 0, 16", "without 1, 5")
"""They carry into the addresses after a negative one: at such a STEP only HALT matters, which comes next."""


@pytest.mark.slow
def test_changed_networks_are_not_proved_unless_they_do_the_same() -> None:
    (network, theory), sequences = built(2), list(random_writes(2, 400, seed=5))
    changed = dict(changed_networks(network))
    sample = {*Random(1).sample(sorted(changed), 16), "HALT", *NEVER_ACTIVE, *ONLY_BEFORE_HALT}
    outcomes = dict[str, tuple[bool, bool]]()
    for name in sorted(sample):
        try:
            shown = bool(prove(changed[name], theory).heads)
        except Rejected:
            shown = False
        outcomes[name] = (shown, does_the_same(changed[name], 2, sequences))
    assert (True, False) not in outcomes.values()
    assert {outcomes[name] for name in NEVER_ACTIVE} == {(True, True)}
    assert {name for name, outcome in outcomes.items() if outcome == (False, True)} == set(ONLY_BEFORE_HALT)
    assert sum(outcome == (False, False) for outcome in outcomes.values()) > 10


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With words of 8 bits, in which the product is modulo 256; what is certified has 2 bits only."""
    text = (Path(__file__).parents[2] / "examples" / "subleq_computer.py").read_text(encoding="utf-8")
    assert "R = 32" in text
    monkeypatch.chdir(tmp_path)
    small = text.replace("R = 32", "R = 8").replace(
        "certificate = ", "(network, theory), R = ef.subleq(context=4), 2; certificate = "
    )
    exec(compile(small, "subleq_computer.py", "exec"), {})
    said = capsys.readouterr().out
    assert f"1234567 * 3 = {1234567 * 3 % 256}" in said
    assert "\nproved\nFor every token sequence of the theory subleq" in said


def test_what_is_no_program() -> None:
    with pytest.raises(ValueError, match="no label 'y'"):
        assemble("x y+1 x: 0")
    with pytest.raises(ValueError, match="is not a word"):
        assemble("x- 1")
    with pytest.raises(ValueError, match="has to be a STEP"):
        next(run([Write(0, 0)], R))
    with pytest.raises(ValueError, match="give 2 or more"):
        construct_subleq(1)
