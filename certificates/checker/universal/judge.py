"""What decides obligations: decision diagrams. Nothing is searched and no solver is asked.

Words:
    assumed     the facts of SPEC 14 and 18.4 that an obligation may use, with the conditions of its case
    impossible  what is assumed contradicts itself: then anything would follow, and nothing is proved
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, conjunction
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.universal.formulas import View


@dataclass
class Judge:
    """Counts the claims that it found to hold."""

    deadline: Deadline
    proved: int = 0

    def begin(self, at: str, here: View) -> View:
        """The view ``here`` for a new obligation; formulas made for earlier ones are of no use any more."""
        self.deadline.left(at)
        here.variables.make_room()
        return here

    def require(self, at: str, assumed: Iterable[Formula], claims: Iterable[Formula], reason: str) -> None:
        """All claims follow from what is assumed, which is possible; else the certificate is rejected."""
        self.deadline.left(at)
        premise = conjunction(assumed)
        if premise is FALSE:
            raise Rejected(at, "what may be assumed here is impossible, so that nothing would be proved")
        for claim in claims:
            if claim is not TRUE and premise & ~claim is not FALSE:
                raise Rejected(at, reason)
            self.proved += 1
