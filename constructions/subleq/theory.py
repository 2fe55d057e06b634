"""The SUBLEQ computer as a whole: the network, and the theory that says what it does."""

from __future__ import annotations

from pathlib import Path

from exactformer.constructions.subleq.annotation import annotate_subleq, holds_subleq
from exactformer.constructions.subleq.program import construct_subleq
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.network import Network

TEXT = Path(__file__).with_name("subleq.theory").read_text(encoding="utf-8")


def subleq(*, context: int) -> tuple[Network, Theory]:
    """The network of the computer for sequences of up to ``context`` tokens, and its theory: for every program.

    Words have as many bits as positions: r, the least number with 2^r >= context, and at least 2.
    """
    r = max(2, (context - 1).bit_length())
    return construct_subleq(r), Theory(TEXT, {}, annotate_subleq(r), holds_subleq(r))
