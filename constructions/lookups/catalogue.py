"""All look-ups that are audited, in the order of the tables."""

from __future__ import annotations

from exactformer.constructions.lookups.codes import CODES
from exactformer.constructions.lookups.counting import COUNTING
from exactformer.constructions.lookups.layer_norm_hash import LAYER_NORM_HASH
from exactformer.constructions.lookups.one_hot import ONE_HOT
from exactformer.constructions.lookups.parabola import PARABOLA
from exactformer.constructions.lookups.parabola_recency import PARABOLA_RECENCY

SCHEMES = (LAYER_NORM_HASH, PARABOLA_RECENCY, PARABOLA, COUNTING, CODES, ONE_HOT)
