"""What the tokens of a run mean, and how they are written in lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exactformer.certificates.reports.layout import Facts
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.tokens import TokenSequence


def legend(sequences: Sequence[TokenSequence], tapes: int) -> Facts:
    """The meaning of each family of tokens that occurs in these sequences."""
    families = {token.family for sequence in sequences for token in sequence.tokens}
    tape = "the tape" if tapes == 1 else f"each of the {tapes} tapes"
    heads = "the head stands" if tapes == 1 else "the heads stand"
    meanings = {
        "INP": ("INP .. EINP", "the input; SIGMA(a) is its symbol a"),
        "RUN": ("RUN(..)", f"one step: the state entered, the symbol written on {tape}, the move L, S or R on it"),
        "POS": (
            "POS .. EPOS",
            f"the cell where {heads}, again after every r steps: binary digits BIT(..), the lowest first, +1 for 1 and "
            f"-1 for 0{'' if tapes == 1 else ', one for each tape'}; cells count from 0",
        ),
        "SUMM": (
            "SUMM .. ESUMM",
            f"the whole configuration, the prompt of the next segment: CELL(..) is the next cell of {tape}, its symbol "
            "and then 1 if the head stands there, else 0; STATE(q) is the state",
        ),
        "OUTP": ("OUTP .. EOUTP", "the output; SIGMA(a) is its symbol a"),
    }
    return Facts(tuple(meaning for family, meaning in meanings.items() if family in families))


def lines_of(sequence: TokenSequence) -> Iterator[tuple[str, list[Token]]]:
    """For each line the family of its last token, and its tokens: prompt, summary, block and output are a line each."""
    group: list[Token] = []
    for token in sequence.tokens:
        group.append(token)
        if token.family in ("RUN", "EINP", "EPOS", "EOUTP", "ESUMM"):
            yield token.family, group
            group = []
