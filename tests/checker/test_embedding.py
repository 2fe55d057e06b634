"""SPEC 13.1: whatever is said of an embedding, register by register, class by class, is right or is rejected there."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.universal.annotation import Annotation, Setting, read_annotation
from exactformer.certificates.checker.universal.classes import classes, states
from exactformer.certificates.checker.universal.contents import Content
from exactformer.certificates.checker.universal.embedding import check_embedding
from exactformer.certificates.checker.universal.grammar import read_content
from exactformer.certificates.checker.universal.tokens import require_sense, versions
from tests.checker.conftest import UNLIMITED, Make
from tests.checker.ghosts import Ghosts, Meaning, ghosts_of, run_segments

FORGED = [
    "0", "1", "enc(i)", "enc(max(i - 1, 0))", "enc(blank)", "enc(x_1)", "enc(x_2)", "enc(y_1)", "enc(c_1)", "enc(q)",
    "enc(e)", "enc(o)", "enc(u)", "enc(a_1)", "enc(a_2)", "enc(s)", "enc(q)[0]", "enc(a_1)[0]", "enc(s)[0]",
    "enc_move(m_1)", "enc_move(m_2)", "enc(i)[1..]", "enc(i)[0]", "enc(here_1)",
    "enc(y_1)[0]", "enc(y_1)[1]", "enc(y_1)[beta]", "enc(y_1)[beta + 1]", "enc(y_2)[beta]",
    "(enc(y_1)[beta] if beta <= 2 else enc(y_1)[0])", "(enc(y_1)[beta] if beta = 0 else enc(y_1)[1])",
    "(1 if beta <= 1 else 0)", "(1 if tau <= 1 else 0)", "(0 if halted = 1 else 1)", "(1 if halted = 1 else 0)",
    "(1 if written_1 = 1 else 0)", "(1 if h_1 = 1 else 0)", "(0 if h_1 = 1 else 1)", "(1 if h_2 = 1 else 0)",
    "(1 if summary = 1 else 0)", "(1 if has_entry = 1 else 0)", "(1 if cap = 1 else 0)",
]  # fmt: skip
"""Contents that stand in some embedding, or are like one that does."""


def sensible(setting: Setting, cls: str, width: int) -> dict[str, Content]:
    """Those of `FORGED` that may be said of a register of this width."""
    found = dict[str, Content]()
    for text in FORGED:
        content = read_content("", text, setting.sizes)
        try:
            require_sense("", content, cls, width, setting.sizes)
        except Rejected:
            continue
        found[text] = content
    return found


@dataclass(frozen=True)
class Proof:
    """What the checker reads from a certificate for all inputs."""

    setting: Setting
    annotation: Annotation


def proof(make: Make, paradigm: str) -> Proof:
    made = make("palindrome", "", "fused:bf16", "--all-inputs", "--no-store", "--context", "16", "--paradigm", paradigm)
    setting = made.setting
    return Proof(setting, read_annotation(made.document["annotation"], setting))


@pytest.mark.parametrize("paradigm", ["cot", "scot"])
def test_every_register_of_every_class(make: Make, paradigm: str) -> None:
    made, rng, accepted, rejected = proof(make, paradigm), Random(paradigm), list[tuple[str, str, str]](), 0
    for cls in classes(made.setting.sizes):
        held = made.annotation.stages[cls][0]
        for register, width in made.setting.widths.items():
            forged = [pair for pair in sensible(made.setting, cls, width).items() if pair[1] != held[register]]
            about_steps = [pair for pair in forged if "y_1" in pair[0]]
            others = [pair for pair in forged if pair not in about_steps]
            for text, content in [*about_steps, *rng.sample(others, min(2, len(others)))]:
                where = forge(made, cls, register, content)
                if where is None:
                    accepted.append((cls, register, text))
                else:
                    assert where.startswith(f"annotation.contents.{cls}.embedding.{register}"), (where, text)
                    rejected += 1
    assert rejected > 500
    assert [one for one in accepted if not is_true(made, *one)] == []
    assert len(accepted) < rejected / 3  # such as written_1 = 1 of a token that addresses no cell


def forge(made: Proof, cls: str, register: str, content: Content) -> str | None:
    """The field of the rejection, None if there is none; only one class is looked at."""
    stages = [made.annotation.stages[cls][0] | {register: content}]
    try:
        check_embedding(made.setting, Annotation({cls: stages}, 1), UNLIMITED)
    except Rejected as error:
        return error.field
    return None


def is_true(made: Proof, cls: str, register: str, text: str) -> bool:
    """Whether a content says of all tokens of this class, on some runs, what the annotation says."""
    said, truth = read_content("", text, made.setting.sizes), made.annotation.stages[cls][0][register]
    width = made.setting.widths[register]
    return all(
        Meaning(token, [], {}).of(said, width) == Meaning(token, [], {}).of(truth, width)
        for token in tokens(made)
        if token.cls == cls
    )


def tokens(made: Proof) -> list[Ghosts]:
    machine, summarized = made.setting.machine, made.setting.summarized
    paradigm = "scot" if summarized else "cot"
    runs = (run_segments(machine, word, made.setting.network.r, paradigm) for word in ("", "0", "10", "0110"))
    return [
        token
        for run in runs
        for segment in run
        for token in ghosts_of(machine, segment.tokens[: segment.read], summarized)
    ]


def test_versions_see_every_state(make: Make) -> None:
    """A content that differs at one state only has a version for it."""
    sizes = proof(make, "cot").setting.sizes
    for cls, ghost in (("RUN", "tau"), ("BIT", "beta")):
        for state in states(cls, sizes.r):
            content = read_content("", f"(1 if {ghost} = {state.step} else 0)", sizes)
            assert len(versions(cls, [content], (), sizes)) == 2
    every = versions("BIT", [read_content("", "enc(y_1)[beta]", sizes)], (), sizes)
    assert len(every) == sizes.r
