"""What is known about a look-up in an arithmetic: one function for all of them."""

from __future__ import annotations

from exactformer.constructions.lookups.codes import CODES
from exactformer.constructions.lookups.counting import COUNTING
from exactformer.constructions.lookups.one_hot import ONE_HOT
from exactformer.constructions.lookups.parabola_recency import PARABOLA_RECENCY
from exactformer.constructions.lookups.scheme import Scheme
from exactformer.verify.lookups.closed import codes, one_hot
from exactformer.verify.lookups.last_write import last_write
from exactformer.verify.lookups.rightmost import rightmost
from exactformer.verify.lookups.scan import BOUNDS, scanned
from exactformer.verify.lookups.scores import ScoreArithmetic
from exactformer.verify.lookups.separation import Separation


def separation(scheme: Scheme, arithmetic: ScoreArithmetic) -> Separation:
    """Up to which context it separates, and where it fails.  Raises ValueError for a scheme that is not audited.

    >>> from exactformer.constructions.lookups.parabola import PARABOLA
    >>> from exactformer.verify.lookups.arithmetics import ARITHMETICS
    >>> [separation(PARABOLA, each).proved for each in ARITHMETICS]
    [94906266, 4097, 47, 46, 17, 17]
    """
    if scheme.name in BOUNDS:
        return scanned(scheme, arithmetic)
    if scheme is COUNTING:
        return rightmost(arithmetic)
    if scheme is PARABOLA_RECENCY:
        return last_write(arithmetic)
    if scheme is CODES:
        return codes(arithmetic)
    if scheme is ONE_HOT:
        return one_hot()
    raise ValueError(f"the look-up {scheme.name!r} is not audited; see the catalogue of look-ups")
