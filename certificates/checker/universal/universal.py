"""The walk of SPEC section 13: from the embedding through every layer to the next token."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.certificates.checker.document import Json
from exactformer.certificates.checker.universal.annotation import Annotation, Setting, read_annotation
from exactformer.certificates.checker.universal.attention import AttentionCheck, Claimed, cases_of, read_heads
from exactformer.certificates.checker.universal.embedding import check_embedding
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.mlp import MlpCheck
from exactformer.certificates.checker.universal.next_token import check_next_tokens


@dataclass(frozen=True)
class Hardmax:
    """What was proved of the hardmax transformer: the annotation, and what heads do, by layers."""

    annotation: Annotation
    claimed: list[list[Claimed]]

    @property
    def cases(self) -> list[tuple[int, int]]:
        """The different (separation, most ties) of the heads, in order of first appearance."""
        return cases_of(self.claimed)


def check_universal(annotation: Json, heads: Json, setting: Setting, most_writes: int, judge: Judge) -> Hardmax:
    """Sections 12, 13 and 18: the hardmax transformer does what is annotated, on every input."""
    read = read_annotation(annotation, setting)
    claimed = read_heads(heads, setting, most_writes)
    check_embedding(setting, read, judge.deadline)
    attention, mlp = AttentionCheck(setting, read, judge), MlpCheck(setting, read, judge)
    for number, layer in enumerate(claimed, start=1):
        attention.check_layer(number, layer)
        mlp.check_layer(number)
    check_next_tokens(setting, read, judge.deadline)
    return Hardmax(read, claimed)
