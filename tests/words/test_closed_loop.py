"""Certify a machine's run, export the decoder, read it back, and certify that: the same tokens, by another way."""

from __future__ import annotations

from pathlib import Path

import exactformer as ef
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import Work, named_sequences
from tests.imported.test_decoder import folder_of

WORK = Work("increment", "1", Paradigm.COT)


def test_a_machine_that_was_exported_is_certified_again(tmp_path: Path) -> None:
    decoder = ef.from_decoder(folder_of(tmp_path, WORK, "bf16"))
    (tokens,) = named_sequences(WORK)
    start = next(place for place, token in enumerate(tokens) if token.startswith("RUN")) - 1
    words = ef.Words(" ".join(f'"{token}"' for token in tokens), len(tokens), lambda word: [*word[1:], word[-1]], start)
    upto = ef.Words(
        " ".join(f'"{token}"' for token in tokens[:-1]), len(tokens) - 1, lambda _: list(tokens[start + 1 :]), start
    )
    certificate = ef.certify(decoder, upto, "bf16")
    assert certificate.verdict is ef.Verdict.PROVED
    path = certificate.write(tmp_path / "out")
    valid = ef.check(path, network=decoder)
    assert (valid.verdict, valid.claim) == ("proved", certificate.claim)
    wrong = ef.certify(decoder, words, "bf16")
    assert wrong.wrong is not None
    assert wrong.wrong.position == len(tokens) - 1
