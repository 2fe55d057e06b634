"""The words for what is known in the end, each defined once: verdicts, what a statement rests on, fates of mutants.

Every command, report, file and picture takes its words from here.  The checker spells them itself, because it imports
nothing of ours; the tests compare both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class Verdict(Enum):
    """What is known about a claim."""

    PROVED = "proved"
    TOKENS_PROVED = "tokens proved"
    CERTIFIED = "certified"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    UNSUPPORTED = "unsupported"

    @property
    def meaning(self) -> str:
        return MEANING[self]

    @property
    def positive(self) -> bool:
        """Whether the claim holds, at least for its tokens."""
        return self in (Verdict.PROVED, Verdict.TOKENS_PROVED, Verdict.CERTIFIED)

    @classmethod
    def of(cls, holds: bool | None) -> Verdict:
        """The verdict on a claim about every input that is known to hold, known not to hold, or neither (None).

        >>> [Verdict.of(holds).value for holds in (True, False, None)]
        ['proved', 'refuted', 'inconclusive']
        """
        if holds is None:
            return cls.INCONCLUSIVE
        return cls.PROVED if holds else cls.REFUTED

    @classmethod
    def together(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The verdict on the claim that all of several claims hold; if there are none, nothing is known.

        >>> Verdict.together([Verdict.PROVED, Verdict.UNSUPPORTED]), Verdict.together([])
        (<Verdict.INCONCLUSIVE: 'inconclusive'>, <Verdict.INCONCLUSIVE: 'inconclusive'>)
        """
        found = set(verdicts)
        if cls.REFUTED in found:
            return cls.REFUTED
        if not found or not all(verdict.positive for verdict in found):
            return cls.INCONCLUSIVE
        return next(weakest for weakest in (cls.CERTIFIED, cls.TOKENS_PROVED, cls.PROVED) if weakest in found)


class Basis(Enum):
    """What a statement rests on, in the words of documents."""

    PROVED = "proved"
    OBSERVED = "observed"
    ASSUMED = "assumed"

    @property
    def meaning(self) -> str:
        return MEANING[self]

    @property
    def title(self) -> str:
        """The title above a list of such statements in a report.

        >>> [basis.title for basis in Basis]
        ['proved', 'checked on these runs', 'assumed']
        """
        return "checked on these runs" if self is Basis.OBSERVED else self.value


class Fate(Enum):
    """What became of a gadget with one weight changed, a mutant."""

    CAUGHT = "caught"
    EQUIVALENT = "equivalent"
    MISSED = "missed"

    @property
    def meaning(self) -> str:
        return MEANING[self]


MEANING: Mapping[Verdict | Basis | Fate, str] = {
    Verdict.PROVED: "The claim holds for every input that it is about.",
    Verdict.TOKENS_PROVED: (
        "Every token is right, for every input that the claim is about; activations may differ from the hardmax ones."
    ),
    Verdict.CERTIFIED: "The claim holds for each of the inputs listed; it says nothing about others.",
    Verdict.REFUTED: "The claim does not hold: a counterexample was computed in exact numbers.",
    Verdict.INCONCLUSIVE: (
        "Neither is known: what would be enough for a proof was not shown, and no counterexample is known."
    ),
    Verdict.UNSUPPORTED: "The claim was not judged: it is beyond what the program decides.",
    Basis.PROVED: "It follows for every input that the claim is about.",
    Basis.OBSERVED: "It was computed in exact numbers on the runs listed, and on no others.",
    Basis.ASSUMED: "It is taken as given: nothing here shows it.",
    Fate.CAUGHT: "The lemma of the gadget is refuted, and plain evaluation confirms the counterexample.",
    Fate.EQUIVALENT: "The mutant does the same on all inputs that the lemma is about, each one evaluated.",
    Fate.MISSED: "Neither was shown: the change could go unnoticed.",
}
"""Each word in one sentence."""
