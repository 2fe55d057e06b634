"""What a changed network generates, by an evaluation that shares nothing with the package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exactformer.constructions.turing.tokens import TokenSequence
from tests.checker.theory.evaluator import Evaluator, Token


def wrongly_generated(weights: Any, sequences: Iterable[TokenSequence]) -> list[tuple[Token, Token]]:
    """(the next token, the right one) after prompts, where these differ or no token is strictly best."""
    evaluator, found = Evaluator(weights), list[tuple[Token, Token]]()
    fields = {one["name"]: [field["values"] for field in one["fields"]] for one in weights["vocabulary"]}
    for sequence in sequences:
        tokens: list[Token] = [
            (one.family, tuple(values[at] for values, at in zip(fields[one.family], one.values, strict=True)))
            for one in sequence.tokens[: 2 ** weights["position_bits"]]
        ]
        nodes = evaluator.run(tokens[: sequence.read])
        for node, right in zip(nodes[sequence.prompt - 1 :], tokens[sequence.prompt :], strict=False):
            best = max(node.logits, key=node.logits.__getitem__)
            others = [logit for token, logit in node.logits.items() if token != best]
            if best != right or max(others) == node.logits[best]:
                found.append((best, right))
    return found
