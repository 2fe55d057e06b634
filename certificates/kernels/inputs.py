"""What is asked about a recipe of an attention kernel: which keys there may be, and how far its output may be off."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.recipe import Recipe
from exactformer.constructions.behaviour import BehaviourError, whole

MOST_KEYS = 1 << 40
MASKED = ("none", "some", "any")


@dataclass(frozen=True)
class KernelInputs:
    """At most this many ``keys``, with ``scores`` and ``values`` from a lowest to a highest number: integers,
    Fractions, or floats, which are taken as the numbers they are.  ``masked``: none of them; some, but never all; or
    any.

    ``tolerance``: how far the output may be from exact softmax; None for the bound that is proved or, if none is, an
    eighth of the largest value.  ``drift``: how far each score may be from the exact one (`drift_of_products`).
    Raises BehaviourError.

    >>> KernelInputs(4096, scores=(-64, 64), values=(0, 0.5)).values
    (Fraction(0, 1), Fraction(1, 2))
    """

    keys: int
    scores: tuple[Fraction, Fraction]
    values: tuple[Fraction, Fraction]
    masked: str
    tolerance: Fraction | None
    drift: Fraction

    def __init__(
        self,
        keys: int,
        scores: tuple[int | float | Fraction, int | float | Fraction],
        values: tuple[int | float | Fraction, int | float | Fraction],
        masked: str = "none",
        tolerance: int | float | Fraction | None = None,
        drift: int | float | Fraction = 0,
    ) -> None:
        if whole("keys", keys) > MOST_KEYS:
            raise BehaviourError(f"there are {keys:,} keys; at most {MOST_KEYS:,} are judged")
        if masked not in MASKED:
            raise BehaviourError(f"masked is {masked!r}; it has to be one of {', '.join(MASKED)}")
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "scores", _range("scores", scores))
        object.__setattr__(self, "values", _range("values", values))
        object.__setattr__(self, "masked", masked)
        object.__setattr__(self, "tolerance", None if tolerance is None else _number("tolerance", tolerance))
        object.__setattr__(self, "drift", _number("drift", drift))
        if self.tolerance is not None and self.tolerance <= 0:
            raise BehaviourError(f"the tolerance is {self.tolerance}; it has to be above 0")
        if self.drift < 0:
            raise BehaviourError(f"scores drift by {self.drift}; that has to be at least 0")

    @property
    def inputs(self) -> Inputs:
        """As the checker has them."""
        return Inputs(self.keys, self.scores, self.values, self.masked, self.drift)


def drift_of_products(
    recipe: Recipe, head_width: int, entries: Fraction, scores: tuple[Fraction, Fraction]
) -> Fraction:
    """How far a score may be from the exact product of a query and a key with ``head_width`` entries of at most this
    size: each term is rounded ``head_width`` times in the format that is computed in, in any order, and the sum is
    rounded to the format of scores.  Raises BehaviourError if there is no bound.
    """
    form, size = recipe.computing, max(map(abs, scores))
    if 2 * head_width * form.roundoff > 1:
        raise BehaviourError(f"products of {head_width:,} numbers in {form.name} have no bound")
    gamma = head_width * form.roundoff / (1 - head_width * form.roundoff)
    found = gamma * head_width * entries**2 + head_width * form.unit
    return found if recipe.score.includes(form) else found + size * recipe.score.roundoff * 2 + recipe.score.unit


def _range(name: str, ends: tuple[object, object]) -> tuple[Fraction, Fraction]:
    if not isinstance(ends, (tuple, list)) or len(ends) != 2:
        raise BehaviourError(f"{name} are {ends!r:.60}; give a pair, the lowest and the highest")
    low, high = (_number(name, end) for end in ends)
    if low > high:
        raise BehaviourError(f"{name} are from {low} to {high}; give the lowest first")
    return low, high


def _number(name: str, number: object) -> Fraction:
    try:
        if isinstance(number, (int, float, Fraction)) and not isinstance(number, bool):
            return Fraction(number)
    except (ValueError, OverflowError):
        pass  # infinities and NaN
    raise BehaviourError(f"{name}: {number!r} is not a finite number; give integers, floats or Fractions")
