"""n-gram look-up: the theory on all short sequences, and the network on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import pytest

import exactformer as ef
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.theory_certificate import prove
from exactformer.constructions.ngram.program import construct_ngram
from exactformer.constructions.ngram.sequences import last_occurrence, ngram_sequence
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.trial import Wrong, output_of, try_on
from exactformer.verify.hardmax.attention import Activations
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import final_activations
from exactformer.verify.hardmax.prepared import PreparedNetwork

CASES = [("ab", 1, 8), ("abc", 1, 6), ("ab", 2, 8), ("abc", 2, 6), ("ab", 3, 8)]
R = 4


@cache
def built(letters: str, n: int) -> tuple[Network, Theory]:
    return ef.ngram(letters, n, context=2**R)


def words(letters: str, longest: int) -> Iterator[tuple[str, ...]]:
    return product(letters, repeat=longest)


@pytest.mark.parametrize(("letters", "n", "longest"), CASES)
def test_all_that_the_theory_says_is_true_of_all_short_sequences(letters: str, n: int, longest: int) -> None:
    _, theory = built(letters, n)
    for word in words(letters, longest):
        assert list(try_on(theory, R, ngram_sequence(word, n, letters))) == []


@pytest.mark.parametrize(("letters", "n"), [("ab", 1), ("abc", 2), ("ab", 3), ("a", 1)])
def test_its_witness_finds_something_and_does_not(letters: str, n: int) -> None:
    _, theory = built(letters, n)
    (witness,) = theory.witnesses
    assert list(try_on(theory, R, witness)) == []
    assert len(witness) <= 2**R
    assert {token.ghosts.get("found") for token in witness} == {None, False, True}


def test_every_line_of_the_theory_can_be_broken() -> None:
    """One ghost of one token is changed: a line that no such change breaks would say nothing."""
    _, theory = built("ab", 2)
    lines = [
        f"theory, line {at}"
        for at, line in enumerate(theory.text.split("\n"), start=1)
        if line.startswith(("fact", "pair", "for k in 1..n: before"))
    ]
    broken = set[str]()
    for word in words("ab", 7):
        tokens = ngram_sequence(word, 2, "ab")
        for place, token in enumerate(tokens):
            for name, value in token.ghosts.items():
                kind = (False, True) if isinstance(value, bool) else "ab" if isinstance(value, str) else range(9)
                for other in (one for one in kind if one != value):
                    ghosts: dict[str, int | str | bool] = {**token.ghosts, name: other}
                    changed = replace(token, ghosts=ghosts)
                    wrongs = try_on(theory, R, [*tokens[:place], changed, *tokens[place + 1 :]])
                    broken |= {one.line for one in wrongs}
        if broken >= set(lines):
            return
    raise AssertionError(sorted(set(lines) - broken))


def test_what_no_sequence_of_it_looks_like_is_noticed() -> None:
    _, theory = built("ab", 1)
    tokens = ngram_sequence("abab", 1, "ab")
    assert next(try_on(theory, R, tokens[1:])) == Wrong("class sym", 0)
    assert Wrong("follow sym", 2, 1) in list(try_on(theory, R, [*tokens[:2], tokens[0]]))
    strange = TrueToken("sym", {**tokens[1].ghosts, "g": "z"})
    assert Wrong("ghost g", 1) in list(try_on(theory, R, [tokens[0], strange]))


@pytest.mark.parametrize(("letters", "n", "longest"), CASES)
def test_the_network_says_what_came_next(letters: str, n: int, longest: int) -> None:
    """Run by the exact evaluator, which knows no theory, on all sequences of a length; shorter ones are their
    beginnings."""
    network, theory = built(letters, n)
    prepared, all_words = PreparedNetwork(network), list(words(letters, longest))
    sequences = [
        TokenSequence((Token("START"), *(Token("SYM", (letters.index(symbol),)) for symbol in word)), 0, longest + 1)
        for word in all_words
    ]
    last = final_activations(prepared, embed(prepared, sequences)).reshape(network.width, len(all_words), longest + 1)
    for number, word in enumerate(all_words):
        wanted = output_of(theory, R, ngram_sequence(word, n, letters))
        for end in range(1, longest + 1):
            behind = last_occurrence(word[:end], n)
            named: tuple[str, dict[str, int | str | bool]] = (
                ("NONE", {}) if behind is None else ("SYM", {"symbol": word[behind - 1]})
            )
            assert wanted[end] == named
            assert best_token(network, last[:, number, end]) == (named[0], *named[1].values())


def best_token(network: Network, column: Activations) -> tuple[str, ...]:
    """The unique token with the largest of all logits."""
    logits = dict[tuple[str, ...], int]()
    for family in network.vocabulary.families:
        base = sum(int(column[c]) * w for c, w in family.unembedding)
        if not family.fields:
            logits[(family.name,)] = base
        for field in family.fields:
            for value, vector in zip(field.values, field.unembedding, strict=True):
                logits[family.name, value] = base + sum(int(column[c]) * w for c, w in vector)
    (found,) = [token for token, logit in logits.items() if logit == max(logits.values())]
    return found


@pytest.mark.parametrize(
    ("letters", "n", "r"), [("ab", 1, 2), ("abc", 1, 8), ("abcde", 2, 5), ("ab", 3, 4), ("a", 1, 6), ("ab", 1, 32)]
)
def test_it_is_proved_for_all_sequences(letters: str, n: int, r: int) -> None:
    network, theory = ef.ngram(letters, n, context=2**r)
    walked = prove(network, theory)
    assert walked.margin == 1
    assert [(head.separation, head.ties is None) for layer in walked.heads for head in layer] == [
        *[(2, False)] * n, *[(1, True)] * r, (1, False), (1, False)
    ]  # fmt: skip


def test_a_network_of_another_context_is_not() -> None:
    _, theory = built("ab", 1)
    with pytest.raises(Rejected):
        prove(construct_ngram("ab", 1, R + 1), theory)


@pytest.mark.parametrize(("letters", "n", "r"), [("", 1, 4), ("aa", 1, 4), ("ab", 0, 4), ("ab", 1, 1)])
def test_what_is_no_look_up(letters: str, n: int, r: int) -> None:
    with pytest.raises(ValueError, match="there is no"):
        construct_ngram(letters, n, r)


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a small context; the solver is not imported on the way."""
    text = (Path(__file__).parents[2] / "examples" / "induction_head.py").read_text(encoding="utf-8")
    assert "CONTEXT = 2**32" in text
    monkeypatch.chdir(tmp_path)
    exec(compile(text.replace("2**32", "2**8"), "induction_head.py", "exec"), {})
    said = capsys.readouterr().out
    assert "\nproved\nFor every token sequence of the theory ngram" in said
    assert [path.suffixes[-2:] for path in sorted(Path("out").glob("*.json"))] == [
        [".certificate", ".json"], [".weights", ".json"]
    ]  # fmt: skip
