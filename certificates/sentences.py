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
    """Where a query is; all numbers count from 0."""
    return f"token {token} of segment {segment} of run {run}" if summarized else f"token {token} of run {run}"


def reason(layer: int, head: str, place: str, maximisers: int, hardmax: int, low: Fraction, high: Fraction) -> str:
    """Why the last witness of a refutation refutes the claim."""
    who = "1 maximiser has" if maximisers == 1 else f"{maximisers} maximisers share"
    what = f"{low}" if low == high else f"a value from {low} to {high}"
    return f"In layer {layer}, head {head}, at {place}, {who} the value {hardmax}, but the model computes {what}."


def no_run_halts(machine: str, least_steps: int | None, context: int) -> str:
    """What is known of all runs that fit; ``least_steps`` is None if no run halts at all."""
    return f"No run that fits halts: {why_no_input(machine, least_steps, context)}."


def why_no_input(machine: str, least_steps: int | None, context: int) -> str:
    if least_steps is None:
        return f"no rows of {machine} lead from its initial state to its halting state"
    return (
        f"{machine} takes at least {least_steps} steps to halt, and their chain of thought is longer than {context} "
        "tokens"
    )
