"""Tokens where activations drift (DRIFT): the softmax transformer still generates what the hardmax transformer does.

The proof is by induction over layers, for all tokens of a sequence that is the hardmax one so far: if every coordinate
is within its drift of the hardmax value before a layer, it is so after it. After the last layer the right token's logit
is still the largest, so the next token is right, too.

`theory` proves which classes there are, what their registers can hold and what heads select.

Words:
    drift    how far a coordinate may be from its hardmax value, at every token of a class
    largest  for every register that drifts, the largest drift after a sublayer
    margin   how far the right token's logit is above every other one at least
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Json, Rejected, rational_text
from exactformer.certificates.checker.drift.attention import HeadCases, Softmax, before_layer, behind_attention
from exactformer.certificates.checker.drift.forms import Drifts, Held, NotShown, rounded_drift, short, values_of
from exactformer.certificates.checker.drift.mlp import behind_mlp
from exactformer.certificates.checker.softmax.model import Model, Steps
from exactformer.certificates.checker.weights import Mlp, Network


@dataclass(frozen=True)
class Drift:
    """What is shown about a certificate (DRIFT)."""

    largest: dict[str, Fraction]
    margin: Fraction

    @property
    def most(self) -> Fraction:
        """No activation after a sublayer is further from the hardmax one (neurons inside an MLP may be)."""
        return max(self.largest.values(), default=Fraction(0))

    @property
    def proved(self) -> str:
        """What is shown, for a report."""
        return (
            "layer by layer, how far from the hardmax transformer activations are at most: up to "
            f"{rational_text(self.most)}; the right token's logit stays at least {rational_text(self.margin)} above "
            "every other one"
        )

    @property
    def document(self) -> dict[str, Json]:
        """The field ``drift``."""
        largest: dict[str, Json] = {register: rational_text(drift) for register, drift in self.largest.items()}
        return {"largest": largest, "margin": rational_text(self.margin)}


ASSUMED = (
    "a score is the exact sum of products times beta, rounded once; a head is computed as the arithmetic model of the "
    "statement says (ARITHMETIC 2)",
    "after attention and after an MLP activations are rounded once to the activation format; MLP sums, residual sums "
    "before that rounding, and logits are exact, also on numbers that are not integers (DRIFT)",
)
NOT_CLAIMED = ("activations: they may differ from those of the hardmax transformer; the claim is about tokens only",)


def require_drifting_model(model: Model, arithmetic: str) -> None:
    """DRIFT is about ``rounded:W/A`` and ``fused:W/ACC/A`` only, without steps."""
    three = model.kind == "rounded" and model.accumulator is not None
    if model.kind not in ("rounded", "fused") or three or model.steps != Steps():
        raise Rejected("verdict", f'is "tokens proved", which is for rounded:W/A and fused:W/ACC/A, not {arithmetic}')


BEHIND_ALL = 2**31
"""The layer number that stands for all layers."""


@dataclass(frozen=True)
class LayerFacts:
    """What is proved of a layer in the hardmax transformer: what its heads do; and, for every class, what registers
    hold before it, after its attention, and after its MLP."""

    heads: Sequence[HeadCases]
    before: Mapping[str, Held]
    attention: Mapping[str, Held]
    mlp: Mapping[str, Held]


@dataclass(frozen=True)
class Followed:
    """``drifts``: after the last layer, for every class."""

    drifts: dict[str, Drifts]
    largest: dict[str, Fraction]


def follow(
    network: Network, classes: Iterable[str], layers: Iterable[LayerFacts], softmax: Softmax, deadline: Deadline
) -> Followed:
    """DRIFT 1 to 4; `NotShown` if they do not bound the drifts."""
    walk = _Walk(network, classes, softmax, deadline)
    for number, (facts, layer) in enumerate(zip(layers, network.layers, strict=True), start=1):
        try:
            walk.layer(number, facts, layer.mlp)
        except NotShown as error:
            error.layer = number
            raise
    return Followed(walk.drifts, walk.largest)


def margin_left(margin: int, lost: Fraction) -> Fraction:
    """DRIFT 5: what is left of a margin, which has to be positive."""
    left = margin - lost
    if left <= 0:
        raise NotShown(f"drifts cost up to {short(lost)} of a margin of {margin}", BEHIND_ALL)
    return left


class _Walk:
    """The drifts of every class, moved through the layers."""

    def __init__(self, network: Network, classes: Iterable[str], softmax: Softmax, deadline: Deadline) -> None:
        self.network, self.softmax, self.deadline = network, softmax, deadline
        self.drifts: dict[str, Drifts] = {cls: [Fraction(0)] * network.width for cls in classes}
        self.largest: dict[str, Fraction] = {}

    def layer(self, number: int, facts: LayerFacts, mlp: Mlp) -> None:
        """Attention, then the MLP.

        A query is scaled by beta_split's part: it is a value of A, as |x| <= 1 + drift <= 2.
        """
        at, activation = f"layer {number}", self.softmax.model.activation
        if facts.heads and 2 * 2 ** ((self.softmax.e + 1) // 2) > activation.largest:
            raise NotShown(f"{at}: scaled queries may overflow {activation.name}")
        magnitudes = {cls: self._magnitudes(held) for cls, held in facts.before.items()}
        before = before_layer(self.drifts, magnitudes)
        self._move(f"{at}, attention", behind_attention(at, self.softmax, facts.heads, before), facts.attention)
        self.deadline.left("drift")
        exact = behind_mlp(mlp, self.network, facts.attention, self.drifts, self.deadline)
        self._move(f"{at}, MLP", exact, facts.mlp)

    def _magnitudes(self, held: Held) -> list[int]:
        """1 for coordinates that may be other than 0."""
        return [max(values) for name, _ in self.network.registers for values in values_of(held[name])]

    def _move(self, at: str, exact: Mapping[str, Drifts], held: Mapping[str, Held]) -> None:
        """Activations are rounded to A after a sublayer; ``exact`` are the drifts before that."""
        for cls, drifts in exact.items():
            rounded = [Fraction(0)] * len(drifts)
            for coordinate, drift in enumerate(drifts):
                if drift:
                    register, _, place = self.network.places[coordinate]
                    values = values_of(held[cls][register])[place]
                    rounded[coordinate] = self._rounded(f"{at}, class {cls}, {register}", values, drift)
                    if rounded[coordinate]:
                        self.largest[register] = max(self.largest.get(register, Fraction(0)), rounded[coordinate])
            self.drifts[cls] = rounded

    def _rounded(self, at: str, values: frozenset[int], drift: Fraction) -> Fraction:
        try:
            rounded = rounded_drift(self.softmax.model.activation, values, drift)
        except NotShown as error:
            raise NotShown(f"{at}: {error.reason.partition(': ')[2]}") from error
        if rounded > 1:
            raise NotShown(f"{at}: drifts by up to {short(rounded)}, more than 1")
        return rounded
