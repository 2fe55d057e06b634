"""What is claimed: the statement of a certificate and the sentences about it (SPEC sections 3 and 9; MACHINES 2 and 3).

Words:
    e        the exponent of beta, which is a power of two
    context  N, the number of tokens that no sequence exceeds; position_bits, r, follows from it
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from exactformer.certificates.checker.document import (
    Json,
    Rejected,
    TooLarge,
    items,
    members,
    natural,
    quote,
    require_same,
    text,
)
from exactformer.certificates.checker.machine import Machine, MachineError, canonical_text, fewest_steps, parse_machine
from exactformer.certificates.checker.softmax.model import Model, parse_model

PARTS = ("claim", "machine", "paradigm", "scope", "context", "position_bits", "arithmetic", "beta", "beta_split")

LARGEST_CONTEXT = 2**128
"""The largest context: the work of a check grows with the square of the bits of positions."""
THOUGHT = {"cot": "chain of thought", "scot": "summarized chain of thought"}


@dataclass(frozen=True)
class Statement:
    """Section 3; the claim is not checked yet: it is the last sentence to be compared."""

    claim: Json
    paradigm: str
    inputs: tuple[str, ...]
    context: int
    r: int
    arithmetic: str
    model: Model
    e: int | None


def check_statement(value: Json, machine: Machine) -> Statement:
    """Section 3: everything except the claim is well formed, and the machine is the given one."""
    parts = members("statement", value, *PARTS)
    embedded = members("statement.machine", parts["machine"], "name", "text", "sha256")
    machine_text = text("statement.machine.text", embedded["text"])
    try:
        digest = hashlib.sha256(machine_text.encode("utf-8")).hexdigest()
        claimed = parse_machine(machine_text)
    except (MachineError, UnicodeEncodeError) as error:
        raise Rejected("statement.machine.text", str(error)) from error
    require_same("statement.machine.sha256", embedded["sha256"], digest)
    require_same("statement.machine.text", machine_text, canonical_text(claimed))
    require_same("statement.machine.name", embedded["name"], claimed.name)
    if claimed != machine:
        different = [key for key, part in vars(machine).items() if part != vars(claimed)[key]]
        raise Rejected("statement.machine.text", f"is not the given machine: different {', '.join(different)}")
    paradigm = text("statement.paradigm", parts["paradigm"])
    if paradigm not in THOUGHT:
        raise Rejected("statement.paradigm", f'is {quote(paradigm)}, not "cot" or "scot"')
    context = natural("statement.context", parts["context"])
    if context > LARGEST_CONTEXT:
        raise TooLarge(
            f"statement.context is {quote(str(context))}; this checker judges contexts of up to 2^128 tokens"
        )
    words = _inputs(parts["scope"])
    r = max(2 if paradigm == "cot" else 4, ((context - 1).bit_length() + 1) // 2 * 2)
    require_same("statement.position_bits", parts["position_bits"], r)
    arithmetic = text("statement.arithmetic", parts["arithmetic"])
    model = parse_model("statement.arithmetic", arithmetic)
    e, split = None, None
    if parts["beta"] is not None:
        beta = natural("statement.beta", parts["beta"])
        e = beta.bit_length() - 1
        if beta != 2**e:
            raise Rejected("statement.beta", f"{quote(parts['beta'])} is not a power of two")
        query, key = scales(model, e)
        split = dict[str, Json](query=str(query), key=str(key))
    require_same("statement.beta_split", parts["beta_split"], split)
    return Statement(parts["claim"], paradigm, words, context, r, arithmetic, model, e)


def scales(model: Model, e: int | None) -> tuple[int, int]:
    """``beta_split``: beta = 2^e, times sqrt(H) if scores are divided by that (ARITHMETIC 3); 1 without a beta."""
    scale = 0 if e is None else e + model.steps.head
    return 2 ** ((scale + 1) // 2), 2 ** (scale // 2)


def _inputs(value: Json) -> tuple[str, ...]:
    """The inputs of the runs."""
    at = "statement.scope"
    scope = members(at, value, "kind", "inputs")
    require_same(f"{at}.kind", scope["kind"], "runs")
    words = [text(f"{at}.inputs", word) for word in items(f"{at}.inputs", scope["inputs"])]
    if not words or len(set(words)) != len(words):
        raise Rejected(f"{at}.inputs", f"{quote(words)} is empty or names an input twice")
    return tuple(words)


def longest_segment(space: int, r: int) -> int:
    """MACHINES 3: no segment of a run that stays within this many cells is longer.

    At least ``least`` tokens follow the prompt, then what is missing up to the next run token; ``period`` is that of
    r run tokens and their block of r + 2.
    """
    least, period = 3 * (space + 2), 2 * r + 2
    followed = least if (least - 1) % period < r else -(-least // period) * period + 1
    return 2 * space + 6 + followed


def no_run_halts(machine: Machine, paradigm: str, context: int, r: int) -> str | None:
    """MACHINES 2: why no run that fits halts, if that can be seen from the rows alone."""
    steps = fewest_steps(machine)
    if steps is None:
        return f"no rows of {machine.name} lead from its initial state to its halting state: no run of it halts"
    if paradigm == "cot" and 4 + steps + (r + 2) * ((steps - 1) // r) > context:
        return (
            f"{machine.name} takes at least {steps} steps to halt, and their chain of thought is longer than {context} "
            "tokens: no run that fits halts"
        )
    return None


def sentence(verdict: str, statement: Statement, machine: Machine, tokens: int, admitted: int) -> str:
    """Section 9: the claim."""
    n = len(statement.inputs)
    subject = (
        f"On {n} input{'s' if n > 1 else ''} of {machine.name} in a context of {statement.context} tokens, "
        f"the softmax transformer of these weights, in the arithmetic {statement.arithmetic}"
    )
    if statement.e is None:
        return (
            f"{subject} does not have the activations of the hardmax transformer "
            f"for any beta = 2^e with 0 <= e <= {admitted}."
        )
    subject = f"{subject} at beta = {2**statement.e},"
    return {
        "certified": f"{subject} has after every sublayer exactly the activations of the hardmax transformer, and so "
        f"generates the machine's {THOUGHT[statement.paradigm]} token for token ({tokens} tokens in all).",
        "refuted": f"{subject} does not have the activations of the hardmax transformer.",
        "inconclusive": f"{subject} may or may not have the activations of the hardmax transformer: "
        "nothing is claimed.",
    }[verdict]
