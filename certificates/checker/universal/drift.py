"""Tokens of a Turing machine's chain of thought, where activations drift (SPEC section 20): what the annotation says.

How drifts are followed is in the package ``drift``, which knows no machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.drift.attention import Case, HeadCases, Softmax
from exactformer.certificates.checker.drift.forms import IS_0, IS_1, IS_SIGN, Form, Forms, Held
from exactformer.certificates.checker.drift.next_token import Vocabulary
from exactformer.certificates.checker.drift.walk import Drift, LayerFacts, follow, margin_left
from exactformer.certificates.checker.universal.annotation import Annotation, Setting
from exactformer.certificates.checker.universal.attention import Claimed
from exactformer.certificates.checker.universal.contents import Bit, BitOfBlock, Choice, Code, Constant, Content

NOT_CONTINUED = frozenset(("INP", "INPUT", "EOUTP", "OLDSUMM", "OLDCELL", "OLDSTATE"))
"""Classes behind which no token is generated."""


def drift_of(
    setting: Setting, annotation: Annotation, claimed: Sequence[Sequence[Claimed]], softmax: Softmax, deadline: Deadline
) -> Drift:
    """Sections 20.1 to 20.5; `Rejected` where they do not show the claim."""
    network, forms = setting.network, ContentForms(annotation)

    def held(number: int, stage: str) -> dict[str, Held]:
        known = {cls: annotation.held(cls, number, stage) for cls in annotation.stages}
        return {
            cls: {name: forms.of(one[name], width) for name, width in network.registers} for cls, one in known.items()
        }

    layers = (
        LayerFacts(
            [cases_of(one, softmax.N) for one in heads],
            held(number, "before"),
            held(number, "attention"),
            held(number, "mlp"),
        )
        for number, heads in enumerate(claimed, start=1)
    )
    followed = follow(network, annotation.stages, layers, softmax, deadline)
    vocabulary = Vocabulary(network.vocabulary, network.width)
    lost = max(vocabulary.lost(drifts) for cls, drifts in followed.drifts.items() if cls not in NOT_CONTINUED)
    return Drift(followed.largest, margin_left(annotation.margin, lost))


def cases_of(claimed: Claimed, N: int) -> HeadCases:
    """The different cases of a head, by the classes of its entries.

    A value other than ``0`` is shared by several tokens only where writes are selected; a value 0 by any number.
    """
    cases = dict[str, dict[Case, None]]()
    for entry in claimed.entries:
        shares = not entry.nothing
        most = N if not shares else claimed.most if entry.selected.kind == "writes" else 1
        for cls in entry.classes:
            cases.setdefault(cls, {})[Case(claimed.separation, shares, most)] = None
    return HeadCases(claimed.head, cases)


class ContentForms:
    """The forms of contents, found once each (SPEC 20.1).

    A content is an expression of which the truth of conditions, and the numbers, are forgotten: so what a register
    holds at a token always has one of its forms. What is fetched is what some token held before an earlier sublayer,
    so that the recursion ends at the embedding, where nothing is fetched.
    """

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation
        self.known: dict[tuple[Content, int], Forms] = {}

    def of(self, content: Content, width: int) -> Forms:
        """The different forms of a content in a register of this width."""
        if (content, width) not in self.known:
            self.known[content, width] = tuple(sorted(self._find(content, width)))
        return self.known[content, width]

    def _find(self, content: Content, width: int) -> set[Form]:
        match content:
            case Constant(value):
                return {bytes([IS_1 if value else IS_0] * width)}
            case Code(_, low):
                return {bytes(IS_0 if place < low else IS_SIGN for place in range(width))}
            case Bit() | BitOfBlock():
                return {bytes([IS_SIGN] * width)}
            case Choice(_, then, other):
                return {*self.of(then, width), *self.of(other, width)}
            case _:
                held = (self.annotation.held(cls, content.layer, "before") for cls in self.annotation.stages)
                return {form for registers in held for form in self.of(registers[content.register], width)}
