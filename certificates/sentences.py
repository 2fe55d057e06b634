"""The sentences a certificate contains (SPEC 9): they say what its fields say, no more."""

from __future__ import annotations

from fractions import Fraction


def subject(runs: int, machine: str, context: int, arithmetic: str) -> str:
    inputs = "1 input" if runs == 1 else f"{runs} inputs"
    return (
        f"On {inputs} of {machine} in a context of {context} tokens, the softmax transformer of these weights, "
        f"in the arithmetic {arithmetic}"
    )


def certified(about: str, beta: int, thought: str, tokens: int) -> str:
    return (
        f"{about} at beta = {beta}, has after every sublayer exactly the activations of the hardmax transformer, "
        f"and so generates the machine's {thought} token for token ({tokens} tokens in all)."
    )


def refuted(about: str, beta: int) -> str:
    return f"{about} at beta = {beta}, does not have the activations of the hardmax transformer."


def refuted_for_all(about: str, largest_exponent: int) -> str:
    return (
        f"{about} does not have the activations of the hardmax transformer for any beta = 2^e "
        f"with 0 <= e <= {largest_exponent}."
    )


def inconclusive(about: str, beta: int) -> str:
    return (
        f"{about} at beta = {beta}, may or may not have the activations of the hardmax transformer: nothing is claimed."
    )


def thought(summarized: bool) -> str:
    return "summarized chain of thought" if summarized else "chain of thought"


def place(token: int, segment: int, run: int, summarized: bool) -> str:
    """Where a query stands; all counted from 0."""
    return f"token {token} of segment {segment} of run {run}" if summarized else f"token {token} of run {run}"


def reason(layer: int, head: str, place: str, maximisers: int, hardmax: int, low: Fraction, high: Fraction) -> str:
    """Why a refutation is one, of its last witness."""
    who = "1 maximiser has" if maximisers == 1 else f"{maximisers} maximisers share"
    what = f"{low}" if low == high else f"a value from {low} to {high}"
    return f"In layer {layer}, head {head}, at {place}, {who} the value {hardmax}, but the model computes {what}."


def every_input(
    machine: str, context: int, summarized: bool, space: int | None = None, assumed_writes: int | None = None
) -> str:
    """What a claim for all inputs is about (SPEC 17, 18.6)."""
    about = f"For every input on which {machine} halts with a word over its input alphabet"
    if summarized:
        within = " and" if space is None else f", whose run stays within {space} cells,"
        about += f"{within} whose summarized chain of thought has no segment longer than {context} tokens"
    else:
        about += f" and whose chain of thought fits {context} tokens"
    if assumed_writes is None:
        return about
    most = f"{about} and writes no cell more than {assumed_writes} times"
    if summarized:
        return f"{most} in one segment (assumed; the prompt's cells count as one write)"
    return f"{most} (assumed; the input counts as one write)"


def arithmetic(text: str, beta: int | None) -> str:
    return f"in the arithmetic {text}" + ("" if beta is None else f" at beta = {beta}")


def proved(scope: str, arithmetic: str, thought: str) -> str:
    return (
        f"{scope}, the softmax transformer of these weights, {arithmetic}, has after every sublayer exactly the "
        "activations of the hardmax transformer, which are in {-1, 0, 1}, and so generates the "
        f"{thought} token for token."
    )


def hardmax_only(scope: str, arithmetic: str, thought: str) -> str:
    return (
        f"{scope}, the hardmax transformer of these weights has activations in {{-1, 0, 1}} only and generates the "
        f"{thought} token for token; of the softmax transformer, {arithmetic}, nothing is claimed."
    )


def tokens_only(scope: str, arithmetic: str, thought: str, drift: Fraction) -> str:
    """Of a proof about tokens, where activations may drift (SPEC 20.6)."""
    return (
        f"{scope}, the softmax transformer of these weights, {arithmetic}, generates the {thought} token for token; "
        f"its activations after every sublayer may differ from those of the hardmax transformer, by at most {drift}."
    )


def no_such_input(machine: str, least_steps: int | None, context: int) -> str:
    """Of a claim about no input (SPEC 17.1); ``least_steps`` is None where no run halts."""
    return f"There is no such input: {why_no_input(machine, least_steps, context)}."


def why_no_input(machine: str, least_steps: int | None, context: int) -> str:
    if least_steps is None:
        return f"no rows of {machine} lead from its initial state to its halting state"
    return (
        f"{machine} takes at least {least_steps} steps to halt, and their chain of thought is longer than {context} "
        "tokens"
    )


def not_every_input(scope: str, word: str, model: str, beta: int | None, largest_exponent: int) -> str:
    """Of a refuted claim, with the input that contradicts it."""
    where = f'"{word}"' if word else "the empty word"
    tail = f" for any beta = 2^e with 0 <= e <= {largest_exponent}" if beta is None else ""
    return (
        f"{scope.replace('For', 'Not for', 1)}: on {where}, the softmax transformer of these weights, "
        f"{arithmetic(model, beta)}, does not have the activations of the hardmax transformer{tail}."
    )
