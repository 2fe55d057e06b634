"""The SUBLEQ computer as a whole: the network, and the theory that says what it does."""

from __future__ import annotations

from pathlib import Path

from exactformer.constructions.behaviour import whole
from exactformer.constructions.subleq.annotation import annotate_subleq, holds_subleq
from exactformer.constructions.subleq.program import construct_subleq
from exactformer.constructions.subleq.sequences import Write, subleq_sequence
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.network import Network

TEXT = Path(__file__).with_name("subleq.theory").read_text(encoding="utf-8")
WRITTEN = (
    (Write(1, 2), Write(2, 3), Write(0, 1, pc=0)),
    (Write(0, 0, pc=0), Write(0, 0, pc=3), Write(0, 2)),
)
"""Prompts in which every class follows each one that it may. In the first, memory is 1 2 3, and 1 2 3 is executed."""


def subleq(*, context: int) -> tuple[Network, Theory]:
    """The network of the computer for sequences of up to ``context`` tokens, and its theory: for every program.

    Words have as many bits as positions: r, the least number with 2^r >= context, and at least 2.  Raises
    BehaviourError for a context below 1.
    """
    r = max(2, (whole("context", context) - 1).bit_length())
    return construct_subleq(r), Theory(
        TEXT,
        {},
        annotate_subleq(r),
        holds_subleq(r),
        witnesses=[subleq_sequence(written, r) for written in WRITTEN],
    )
